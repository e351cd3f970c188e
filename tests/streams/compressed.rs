//! In: captures, compressed. Out: proof that they are read as they are, and told as what they are.
//! Must not know: how they are decompressed.

use super::compress::{ALL, Compress, gzip, lz4, skippable, zstd};
use super::program::Scratch;
use super::program::{check_code, check_complaint, check_refused};
use super::{Content, flows, pcap, piped, read, read_by, refusal};
use crate::common::savefile::{Interface, Pcapng};
use lyncap::capture::Inputs;

/// A capture that fills several blocks of each compression.
fn large() -> Vec<u8> {
    let interfaces = &[Interface::default()];
    let order = crate::common::savefile::Order::Big;
    Pcapng { order, comment: "", application: "", interfaces }.write(&flows(4000))
}

/// Reads like `plain`, compressed as `name`.
fn check(what: &str, bytes: &[u8], plain: &Content, name: &'static str) {
    for step in [usize::MAX, 1021] {
        let content = read_by(bytes, step).unwrap();
        assert_eq!((content.compression, &content.damage), (Some(name), &vec![]), "{what}");
        assert!(content.frames == plain.frames, "{what}: other frames");
        assert_eq!(content.consumed, bytes.len() as u64, "{what}: progress is by bytes of the file");
    }
}

#[test]
fn every_compression_of_every_format() {
    for file in [large(), pcap(&flows(30))] {
        let plain = read(&file);
        assert!(plain.frames.len() >= 150 && plain.compression.is_none());
        for (name, compress) in ALL {
            check(name, &compress(&file), &plain, name);
        }
    }
}

#[test]
fn byte_by_byte() {
    let plain = pcap(&flows(3));
    for (name, compress) in ALL {
        let content = read_by(&compress(&plain), 1).unwrap();
        assert_eq!((content.frames, content.damage), (read(&plain).frames, vec![]), "{name}");
    }
}

#[test]
fn compressed_twice_but_not_three_times() {
    let file = pcap(&flows(30));
    let plain = read(&file);
    for (inner, compress_inner) in ALL {
        for (outer, compress_outer) in ALL {
            let twice = compress_outer(&compress_inner(&file));
            check(&format!("{inner} in {outer}"), &twice, &plain, outer);
            let why = refusal(&gzip(&twice));
            assert!(why.starts_with("gzip-compressed, and what is in it is more than once again; decompress"), "{why}");
            assert!(why.ends_with("e.g. `zcat FILE | lyncap audit -`"), "{why}");
        }
    }
}

#[test]
fn several_members_are_one_capture() {
    let file = pcap(&flows(30));
    let plain = read(&file);
    let (first, second) = file.split_at(1000);
    for (name, compress) in ALL {
        let parts = [compress(first), compress(b""), compress(second)];
        check(name, &parts.concat(), &plain, name);
        check(&format!("{name}, zeros behind it"), &[&*parts.concat(), &[0; 5000]].concat(), &plain, name);
        let other = if name == "gzip" { zstd(second) } else { gzip(second) };
        for behind in [&other[..], b"\n", b"rest", b"\0\0\x1f"] {
            let content = read(&[&*compress(&file), behind].concat());
            assert!(content.frames == plain.frames, "{name}");
            assert_eq!(content.damage.len(), 1, "{name}");
            assert_eq!(content.damage[0].what, format!("what follows the {name} stream is no {name}"));
            assert_eq!(content.damage[0].place(), format!("byte {} of its decompressed content", file.len()));
        }
    }
}

#[test]
fn skippable_frames_are_passed_over() {
    let file = pcap(&flows(30));
    let plain = read(&file);
    let (first, second) = file.split_at(1000);
    for (name, compress) in [("zstd", zstd as Compress), ("lz4", lz4)] {
        let large = skippable(&[b'x'; 100_000]);
        let parts = [compress(first), skippable(b""), large.clone(), compress(second), skippable(b"end")].concat();
        check(name, &parts, &plain, name);
        let cut = read(&parts[..parts.len() - 1]);
        assert_eq!((cut.frames == plain.frames, cut.damage.len()), (true, 1), "{name}");
    }
    // Parallel zstd writes one first.
    check("skippable first", &[skippable(&[0; 4]), zstd(&file)].concat(), &plain, "zstd");
}

#[test]
fn an_lz4_legacy_frame_has_no_end() {
    let file = pcap(&flows(30));
    let mut legacy = vec![0x02, 0x21, 0x4c, 0x18];
    for part in file.chunks(5000) {
        let block = lz4_flex::block::compress(part);
        legacy.extend((block.len() as u32).to_le_bytes());
        legacy.extend(block);
    }
    check("legacy", &legacy, &read(&file), "lz4");
}

#[test]
fn what_is_compressed_and_no_capture_is_told_as_both() {
    for (name, compress) in ALL {
        for (content, words) in [
            (&b"Monday: pool is slow"[..], "not a packet capture (starts with \"Monday: pool is \"); name a pcap"),
            (b"", "empty file; name a capture with frames in it"),
            (b"PK\x03\x04rest", "zip archive; unpack it first"),
            (b"\x1f\x9d\x90", "compress-ed; decompress it first, e.g. `zcat FILE | lyncap audit -`"),
        ] {
            let why = refusal(&compress(content));
            assert!(why.starts_with(&format!("{name}-compressed: {words}")), "{why}");
        }
    }
    let mut tar = vec![b'x'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(refusal(&gzip(&tar)), "gzip-compressed: tar archive; unpack it first");
    assert_eq!(
        refusal(&lz4(&gzip(b""))),
        "lz4-compressed: gzip-compressed: empty file; name a capture with frames in it"
    );
}

#[test]
fn progress_is_by_bytes_of_the_file() {
    let scratch = Scratch::new();
    let file = gzip(&large());
    let path = scratch.file("large.gz", &file);
    let mut inputs = Inputs::open(&[path.into()]).unwrap();
    assert_eq!(inputs.total_bytes(), Some(file.len() as u64));
    let mut seen = vec![0];
    while inputs.next_batch().unwrap().is_some() {
        seen.push(inputs.consumed_bytes());
    }
    seen.push(inputs.consumed_bytes());
    assert!(seen.is_sorted() && seen.last() == Some(&(file.len() as u64)));
    assert!(seen.iter().any(|&bytes| bytes > 0 && bytes < file.len() as u64), "{:?}", seen.last());
}

#[test]
fn the_program_reads_them_named_or_piped() {
    let scratch = Scratch::new();
    let file = pcap(&flows(30));
    let plain = scratch.file("plain", &file);
    let expected = check_code(&format!("flows -f csv {plain}"), 0).out;
    assert_eq!(expected.lines().count(), 31);
    for (name, compress) in ALL {
        let bytes = compress(&file);
        let path = scratch.file("compressed", &bytes);
        let named = check_code(&format!("flows -v -f csv {path}"), 0);
        assert_eq!(named.out, expected, "{name}");
        assert!(named.err.contains(&format!("(pcap in {name}, {} bytes)", bytes.len())), "{}", named.err);
        assert_eq!(piped("flows -f csv -", &bytes).out, expected, "{name}");
        let json = check_code(&format!("flows -f json {path}"), 0).out;
        assert!(
            json.contains(&format!("\"compression\":\"{name}\""))
                || json.contains(&format!("\"compression\": \"{name}\"")),
            "{json}"
        );
        let cut = scratch.file("cut", &bytes[..bytes.len() - 3]);
        let answer = check_code(&format!("audit {cut}"), 3);
        for part in [" of its decompressed content: ", &format!("{name} stream cut short; everything before")] {
            assert!(answer.err.contains(part), "{}", answer.err);
        }
        assert!(answer.out.contains(" of its decompressed content: what follows was not read"), "{}", answer.out);
    }
    check_complaint("flows -", piped("flows -", &gzip(b"say hi")), &["-: gzip-compressed: not a packet capture"]);
    let nothing = scratch.file("nothing.gz", &gzip(&file)[..12]);
    check_refused(&format!("flows {nothing}"), &["nothing of its content can be read: gzip stream cut short"]);
}
