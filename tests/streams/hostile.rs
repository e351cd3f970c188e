//! In: compressed captures, cut, changed, and made to do harm. Out: proof that everything before the damage is read,
//! that every change is noticed, and that time and memory stay bounded.
//! Must not know: how they are decompressed.

use std::env;

use super::compress::{ALL, gzip, stored, xz, zstd};
use super::{Content, flows, pcap, piped, read, read_by, refusal};
use crate::common::Noise;
use lyncap::error::Error;

/// What is read of a damaged file: frames that the sound one has too, in order; or nothing, with a reason.
fn check(what: &str, bytes: &[u8], sound: &Content) -> Option<Content> {
    match read_by(bytes, usize::MAX) {
        Ok(content) => {
            assert!(sound.frames.starts_with(&content.frames), "{what}: {} frames", content.frames.len());
            assert!(content.damage.len() < 2, "{what}: {:?}", content.damage);
            Some(content)
        }
        Err(Error::NotACapture { why, .. }) => {
            assert!(!why.is_empty() && !why.contains('\n'), "{what}: {why}");
            None
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn cut_anywhere() {
    let file = pcap(&flows(12));
    let sound = read(&file);
    for (name, compress) in ALL {
        let bytes = compress(&file);
        let mut frames = 0;
        for length in 0..bytes.len() {
            let content = check(&format!("{name} cut at {length}"), &bytes[..length], &sound).unwrap_or_default();
            assert!(content.frames.len() >= frames, "{name} cut at {length}: fewer frames");
            frames = content.frames.len();
            if let Some(damage) = content.damage.first() {
                assert_eq!(damage.what, format!("{name} stream cut short"), "{length}");
            } else {
                assert_eq!(frames, 0, "{name} cut at {length}: not noticed");
            }
        }
        assert_eq!(frames, sound.frames.len(), "{name}: all but the end of the stream is there");
    }
}

/// Where content comes out bit by bit, cutting a file costs no more than was cut.
#[test]
fn a_cut_costs_what_was_cut() {
    let file = pcap(&flows(2000));
    let sound = read(&file);
    for (name, compress) in ALL {
        let bytes = compress(&file);
        let content = check(name, &bytes[..bytes.len() * 9 / 10], &sound).unwrap();
        println!("{name}: {} of {} frames", content.frames.len(), sound.frames.len());
        // The blocks of bzip2 are of 100,000 bytes at the least, those of zstd of up to 128 KiB.
        assert!(content.frames.len() > sound.frames.len() / 4, "{name}: {}", content.frames.len());
    }
}

/// Rounds for each compression; more with `LYNCAP_ROUNDS`.
fn rounds() -> u64 {
    env::var("LYNCAP_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(400)
}

#[test]
fn every_change_is_noticed() {
    let small = pcap(&flows(12));
    let large = pcap(&flows(800));
    for (file, part) in [(small, 1), (large, 8)] {
        let sound = read(&file);
        for (name, compress) in ALL {
            let bytes = compress(&file);
            let mut noise = Noise::of(format!("{name} {}", file.len()));
            let mut noticed = 0;
            for round in 0..rounds() / part {
                let mut changed = bytes.clone();
                let mut what = format!("{name} round {round}:");
                for _ in 0..=noise.below(3) {
                    let at = noise.below(changed.len() as u64) as usize;
                    match noise.below(6) {
                        0 => changed[at] = noise.next() as u8,
                        1 => drop(changed.remove(at)),
                        2 => changed.insert(at, noise.next() as u8),
                        3 => changed.truncate(at.max(8)),
                        _ => changed[at] ^= 1 << noise.below(8),
                    }
                    what.push_str(&format!(" {at}"));
                }
                // Every stream ends with a checksum of its content: wrong content is never sound.
                match check_content(&what, &changed, &sound) {
                    Some(content) if content.damage.is_empty() => {
                        assert!(content.frames == sound.frames, "{what}: not noticed");
                    }
                    _ => noticed += 1,
                }
            }
            println!("{name}: {noticed} of {} changes noticed", rounds() / part);
        }
    }
}

/// As [`check`], but a changed stream may say something else before its checksum is reached.
fn check_content(what: &str, bytes: &[u8], sound: &Content) -> Option<Content> {
    let content = match read_by(bytes, usize::MAX) {
        Ok(content) => content,
        Err(Error::NotACapture { .. }) => return None,
        Err(error) => panic!("{what}: {error}"),
    };
    let most = 100 * sound.frames.len() + 1_000_000;
    assert!(content.frames.len() <= most, "{what}: {} frames", content.frames.len());
    Some(content)
}

/// The dictionary of an xz stream of one block as it claims to need it, in units of the format.
fn xz_claiming(file: &[u8], dictionary: u8) -> Vec<u8> {
    let mut bytes = xz(file);
    // Behind the stream header of 12 bytes: the block header's length, flags, the filter's id (0x21), the length of its
    // properties, and these; its checksum ends it.
    let length = (usize::from(bytes[12]) + 1) * 4;
    let filter = 12 + bytes[12..12 + length].windows(2).position(|pair| pair == [0x21, 1]).unwrap();
    bytes[filter + 2] = dictionary;
    let mut checksum = flate2::Crc::new();
    checksum.update(&bytes[12..12 + length - 4]);
    bytes[12 + length - 4..12 + length].copy_from_slice(&checksum.sum().to_le_bytes());
    bytes
}

#[test]
fn memory_is_not_given_for_a_claim() {
    let file = pcap(&flows(3));
    let sound = read(&file);
    for window_log in [20, 27] {
        assert_eq!(read(&stored(window_log, &[(&file, 0)])).frames, sound.frames);
    }
    for (window_log, wanted) in [(28, 256), (31, 2048), (41, 2_097_152)] {
        assert_eq!(
            refusal(&stored(window_log, &[(&file, 0)])),
            format!(
                "nothing of its content can be read: zstd stream needs {wanted} MiB of memory (at most 128); \
                 decompress it first, e.g. `zstdcat --long=31 FILE | lyncap audit -`"
            )
        );
    }
    // 64 MiB as `xz -9` has it, and the most; what is next, 1.5 GiB, all of 4 GiB.
    for dictionary in [28, 30] {
        assert_eq!(read(&xz_claiming(&file, dictionary)).frames, sound.frames);
    }
    for (dictionary, wanted) in [(31, 192), (37, 1536), (40, 4096)] {
        let why = refusal(&xz_claiming(&file, dictionary));
        let expected =
            format!("xz stream needs {wanted} MiB of memory (at most 128); decompress it first, e.g. `xzcat");
        assert!(why.contains(&expected), "{why}");
    }
    // A dictionary that nobody has here.
    let mut frame = stored(20, &[(&file, 0)]);
    frame.splice(4..6, [1, 80, 7]);
    assert!(refusal(&frame).ends_with("zstd stream needs the dictionary it was made with; decompress it first"));
    // And one in the middle: what is before it is read.
    let both = [zstd(&file), stored(31, &[(&file, 0)])].concat();
    let content = read(&both);
    assert!(content.frames == sound.frames && content.damage[0].what.contains("2048 MiB"), "{:?}", content.damage);
}

#[test]
fn what_grows_without_end_is_ended() {
    // 10 GiB of frames of zeros, each a MiB.
    let (head, record) = (pcap(&[]), [1_u32, 0, 1 << 20, 1 << 20].map(u32::to_le_bytes).concat());
    let mut blocks = vec![(&head[..], 0)];
    for _ in 0..10 * 1024 {
        blocks.push((&record, 0));
        blocks.extend([(&[0_u8][..], 128 << 10); 8]);
    }
    for (name, bytes) in [("zstd", stored(20, &blocks)), ("gzip", gzip(&stored(20, &blocks)))] {
        let mut inputs = lyncap::capture::Inputs::from_reader("x", std::io::Cursor::new(bytes)).unwrap();
        while inputs.next_batch().unwrap().is_some() {}
        let damage = &inputs.damage()[0];
        assert!(damage.what.contains("stream grows more than 1000-fold, as no capture does"), "{name}: {damage:?}");
        assert!((63 << 20..65 << 20).contains(&damage.offset), "{name}: {damage:?}");
    }
    let answer = piped("audit -", &stored(20, &blocks));
    assert_eq!(answer.code, Some(3));
    assert!(answer.err.contains("if it is one, decompress it first, e.g. `zstdcat"), "{}", answer.err);
}

#[test]
fn nothing_is_not_repeated_for_ever() {
    let file = pcap(&flows(3));
    let record = [1_u32, 0, 0, 0].map(u32::to_le_bytes).concat();
    for (name, compress) in ALL {
        let empty = compress(b"");
        let some = [empty.repeat(4_000), compress(&file), empty.repeat(4_000)].concat();
        let content = read(&some);
        assert_eq!((content.frames, content.damage), (read(&file).frames, vec![]), "{name}");
        let many = read(&[compress(&file), empty.repeat(11_000)].concat());
        assert!(many.damage[0].what.contains(&format!("{name} streams with {} bytes in all of them", file.len())));
        // Nor is next to nothing: an empty frame in each.
        let next_to_nothing = read(&[compress(&file), compress(&record).repeat(11_000)].concat());
        let what = &next_to_nothing.damage[0].what;
        assert!(what.contains(" bytes in all of them, as no capture has; if it"), "{what}");
        // Small members of a large capture are read.
        let small = [compress(&file), compress(&record.repeat(64)).repeat(11_000)].concat();
        assert!(read(&small).damage.is_empty(), "{name}");
    }
}

#[test]
fn a_block_may_not_grow_beyond_its_format() {
    // An RLE block of 2 MiB where 128 KiB is the most; a block of the reserved kind.
    let file = pcap(&flows(3));
    for (kind, size) in [(1_u32, 2_097_151_u32), (3, 5)] {
        let mut frame = stored(20, &[(&file, 0)]);
        frame[6] &= 0xfe;
        frame.extend(&(1 | kind << 1 | size << 3).to_le_bytes()[..3]);
        frame.push(0);
        let content = read(&frame);
        assert_eq!(content.frames, read(&file).frames);
        assert_eq!(content.damage[0].what, "zstd stream corrupt: invalid block");
    }
}

#[test]
fn corrupt_streams_say_what_is_wrong() {
    let file = pcap(&flows(3));
    let sound = read(&file);
    for (name, compress) in ALL {
        let bytes = compress(&file);
        let mut changed = bytes.clone();
        // Where the checksum of the content is.
        let at = match name {
            "gzip" => bytes.len() - 8,
            "xz" => bytes.len() - 12 - 12 - 8,
            "bzip2" => 10,
            _ => bytes.len() - 4,
        };
        changed[at] ^= 1;
        let content = read(&changed);
        assert_eq!(content.frames, sound.frames, "{name}");
        let words = &content.damage[0].what;
        assert!(words.starts_with(&format!("{name} stream corrupt: ")), "{words}");
        println!("{words}");
    }
}
