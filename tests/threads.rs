//! The answer does not depend on how many threads find it.
//!
//! In: command lines on the shipped capture, on parts of it that overlap, break off or stand in a compressed file. Out: that
//! every number of threads gives the same bytes, the same exit code and the same messages.
//! Must not know: what is done in which thread.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;
mod program;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use common::savefile::{Pcap, in_time_order};
use common::{Frame, MILLISECOND, pool};
use program::{HOSTS, POOL, Scratch, run, words};

/// What the program does, however many threads it uses.
fn check(line: &str) {
    let with = |threads: &str| run(&words(&format!("{line} --threads {threads}")));
    let alone = with("1");
    assert!(!alone.out.is_empty(), "{line}: {}", alone.err);
    for threads in ["2", "3", "16"] {
        let answer = with(threads);
        assert_eq!((answer.code, &answer.err), (alone.code, &alone.err), "{line} --threads {threads}");
        assert!(answer.out == alone.out, "{line} --threads {threads}");
    }
}

#[test]
fn every_command_and_format_says_the_same() {
    for format in ["table", "json", "jsonl", "csv"] {
        for command in ["audit --flows", "flows", "flows --by pair", "flows --sort bytes --top 9 --keep-duplicates"] {
            check(&format!("{command} -t {HOSTS} {POOL} --utc -f {format}"));
        }
    }
    check(&format!("explain {POOL} -t {HOSTS} --flow 225"));
    check(&format!("catalog rules -t {HOSTS} {POOL}"));
}

#[test]
fn whatever_is_read_says_the_same() {
    let scratch = Scratch::new();
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL)).unwrap();
    let cut = scratch.file("cut.pcapng", &bytes[..bytes.len() / 3]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&bytes).unwrap();
    let packed = scratch.file("pool.pcapng.gz", packed.finish().unwrap());
    // Two files whose frames take turns, and the second sees each packet of the first a little later.
    let frames = pool::frames();
    let half = |rest: usize| {
        let every_other = frames.iter().enumerate().filter(|(i, _)| i % 2 == rest).map(|(_, frame)| frame.clone());
        Pcap::default().write(&every_other.collect::<Vec<_>>())
    };
    let halves = [0, 1].map(|rest| scratch.file(&format!("{rest}.pcap"), half(rest)));
    let later = frames.iter().map(|frame| Frame { at: frame.at + 5 * MILLISECOND, ..frame.clone() });
    let later = scratch.file("later.pcap", Pcap::default().write(&in_time_order(later.collect())));
    for files in [&cut, &packed, &halves.join(" "), &format!("{POOL} {later}"), &format!("{cut} {packed} {later}")] {
        for limit in ["", "--max-flows 50", "--max-memory 64M"] {
            check(&format!("audit --flows -f json {limit} {files}"));
        }
    }
}
