//! Captures as they lie about: compressed, in sets of many files, on a pipe, and still growing.
//!
//! In: captures made here, compressed by the crates that decompress them; `tests/real_captures.rs` reads what other
//! programs compressed. Out: proof that they say what the plain capture says, and how they are refused.
//! Must not know: how they are read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, reason = "a test says what it measured")]
#![allow(unreachable_pub, reason = "no test has a public face")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../program/mod.rs"]
mod program;

mod compress;
mod compressed;
mod follow;
mod hostile;
mod sets;

use std::io::{Cursor, Read, Result, Write as _};
use std::process::Stdio;

use common::savefile::Pcap;
use common::{Frame, SECOND, tcp_flow};
use lyncap::capture::{Damage, Inputs};
use lyncap::error::Error;
use program::{Answer, lyncap, words};

const START: u64 = 1_772_438_400 * SECOND;

/// A connection of ten frames, begun so many seconds after the start from this port.
fn flow(second: u64, port: u16) -> Vec<Frame> {
    let client = ([10, 1, 0, 20], port).into();
    tcp_flow(START + second * SECOND, client, "10.0.0.11:5061".parse().unwrap(), &[])
}

/// So many connections, a second apart.
fn flows(count: u16) -> Vec<Frame> {
    (0..count).flat_map(|n| flow(u64::from(n), 20_000 + n)).collect()
}

fn pcap(frames: &[Frame]) -> Vec<u8> {
    Pcap::default().write(frames)
}

/// What a capture holds, and how it was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    frames: Vec<(i64, Vec<u8>)>,
    damage: Vec<Damage>,
    compression: Option<&'static str>,
    consumed: u64,
}

/// Everything in a capture that can be opened.
fn drain(mut inputs: Inputs) -> Content {
    let mut read = Content::default();
    while let Some(batch) = inputs.next_batch().unwrap() {
        read.frames.extend(batch.frames.iter().map(|frame| (frame.at.0, frame.bytes.to_vec())));
    }
    read.damage = inputs.damage().to_vec();
    read.compression = inputs.files()[0].compression;
    read.consumed = inputs.consumed_bytes();
    read
}

/// Gives at most so many bytes at a time.
struct Drip(Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let most = room.len().min(self.1);
        self.0.read(&mut room[..most])
    }
}

/// A capture in memory, given in pieces of `step` bytes.
fn read_by(bytes: &[u8], step: usize) -> std::result::Result<Content, Error> {
    Inputs::from_reader("x", Drip(Cursor::new(bytes.to_vec()), step)).map(drain)
}

fn read(bytes: &[u8]) -> Content {
    read_by(bytes, usize::MAX).unwrap()
}

/// Why it is refused, in words.
fn refusal(bytes: &[u8]) -> String {
    match read_by(bytes, usize::MAX) {
        Err(Error::NotACapture { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

/// The program, fed with `bytes`.
fn piped(line: &str, bytes: &[u8]) -> Answer {
    let mut command = lyncap(&words(line));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // Who has seen enough may close the pipe.
    let feeding = std::thread::spawn(move || stdin.write_all(&bytes));
    let answer = child.wait_with_output().unwrap().into();
    let _ = feeding.join().unwrap();
    answer
}
