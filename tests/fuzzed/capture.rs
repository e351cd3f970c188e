//! In: the bytes of a file. Out: proof that every way to read it finds the same: at once, in small pieces, and twice,
//! merged with itself.
//! Must not know: formats.

use std::io::{self, Cursor, Read, Write as _};

use lyncap::capture::{BATCH, Inputs};
use lyncap::error::Error;

use super::check_message;

/// Bytes given at a time. One byte at a time only of short files: it is slow, and what it finds lies in headers.
const PIECES: [(usize, usize); 3] = [(1, 2048), (7, 16_384), (4093, usize::MAX)];

/// Files of more frames are not read twice.
const MERGED: usize = 512;

/// A frame as read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    at: i64,
    link: u16,
    original: u32,
    bytes: Vec<u8>,
}

/// What is read of a file: its frames, where it broke off, what was lost.
type Read1 = (Vec<Seen>, Vec<(u64, String)>, Option<u64>);

/// Gives at most so many bytes at a time.
struct Drip(Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(self.1);
        self.0.read(&mut room[..most])
    }
}

pub fn capture(bytes: &[u8]) {
    let whole = read(bytes, usize::MAX);
    for (most, _) in PIECES.into_iter().filter(|&(_, longest)| bytes.len() <= longest) {
        assert_eq!(read(bytes, most), whole, "{most} bytes at a time");
    }
    if let Ok((frames, ..)) = &whole
        && (2..=MERGED).contains(&frames.len())
    {
        check_merged(bytes, frames);
    }
}

/// A refusal is a sentence.
fn read(bytes: &[u8], most: usize) -> Result<Read1, String> {
    let mut inputs = match Inputs::from_reader("fuzz", Drip(Cursor::new(bytes.to_vec()), most)) {
        Ok(inputs) => inputs,
        Err(error @ Error::NotACapture { .. }) => {
            check_message(&error.to_string());
            return Err(error.to_string());
        }
        Err(error) => panic!("{error}"),
    };
    let frames = drain(&mut inputs).into_iter().map(|(_, seen)| seen).collect::<Vec<_>>();
    let file = &inputs.files()[0];
    assert_eq!(file.frames, frames.len() as u64);
    assert!(inputs.damage().len() <= 1);
    inputs.damage().iter().for_each(|damage| check_message(&damage.what));
    if file.compression.is_none() {
        let captured: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
        assert!(captured <= bytes.len(), "{captured} bytes of frames in {} bytes", bytes.len());
        assert!(inputs.consumed_bytes() <= bytes.len() as u64);
        assert!(inputs.damage().iter().all(|damage| damage.offset <= bytes.len() as u64));
    }
    let damage = inputs.damage().iter().map(|damage| (damage.offset, damage.what.clone())).collect();
    Ok((frames, damage, file.dropped))
}

/// Every frame and the file it is of, in the order given.
fn drain(inputs: &mut Inputs) -> Vec<(u16, Seen)> {
    let mut frames: Vec<(u16, Seen)> = Vec::new();
    let mut numbers = [0_u64; 2];
    while let Some(batch) = inputs.next_batch().unwrap() {
        assert!(!batch.frames.is_empty() && batch.frames.len() <= BATCH);
        let number = &mut numbers[usize::from(batch.file)];
        assert_eq!(batch.first_number, *number + 1);
        *number += batch.frames.len() as u64;
        frames.extend(batch.frames.iter().map(|frame| {
            let (at, link, original) = (frame.at.0, frame.link.0, frame.original_length);
            (batch.file, Seen { at, link, original, bytes: frame.bytes.to_vec() })
        }));
    }
    assert!(inputs.next_batch().unwrap().is_none(), "goes on after its end");
    frames
}

/// The file named twice: each frame twice, each time in its place, and no frame before one that waits and is earlier.
fn check_merged(bytes: &[u8], frames: &[Seen]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_owned();
    let mut inputs = Inputs::open(&[path.clone(), path]).unwrap();
    let merged = drain(&mut inputs);
    let mut next = [0, 0];
    for (of, seen) in &merged {
        let of = usize::from(*of);
        assert_eq!(frames.get(next[of]), Some(seen));
        let waits = frames.get(next[1 - of]);
        assert!(waits.is_none_or(|waits| seen.at <= waits.at), "{} goes before {waits:?}", seen.at);
        next[of] += 1;
    }
    assert_eq!(next, [frames.len(); 2]);
    assert_eq!(Some(inputs.consumed_bytes()), inputs.total_bytes());
}
