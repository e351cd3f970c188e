//! In: sets of captures: ring buffers, directories, files named together. Out: proof that each is one capture in time
//! order, whatever its files are called and compressed with.
//! Must not know: how they are merged.

use std::fs;
use std::path::PathBuf;

use super::common::savefile::{Interface, Order, Pcap, Pcapng, Unit};
use super::common::{Frame, MILLISECOND, Tcp, tcp_flow};
use super::compress::{ALL, bzip2, gzip, lz4, xz, zstd};
use super::program::{Scratch, check_code, run, words};
use super::{START, drain, flow, flows, pcap};
use lyncap::capture::Inputs;

/// One file of a ring buffer: its number, and the second at which it was begun.
fn ring_name(number: usize, second: usize) -> String {
    format!("ring/x_{number:05}_202603020800{:02}.pcap", second % 60)
}

/// A ring buffer of so many files that went round once: the files with the lowest numbers are the latest. Every third
/// is compressed, as a job that tidies up would have it.
fn ring(scratch: &Scratch, count: usize) -> Vec<Frame> {
    fs::create_dir(scratch.path("ring")).unwrap();
    let frames = flows(count as u16);
    let size = frames.len() / count;
    for (second, part) in frames.chunks(size).enumerate() {
        let name = ring_name((second + count / 2) % count, second);
        match second % 3 {
            0 => scratch.file(&format!("{name}.gz"), gzip(&pcap(part))),
            _ => scratch.file(&name, pcap(part)),
        };
    }
    frames
}

fn times_and_bytes(frames: &[Frame]) -> Vec<(i64, Vec<u8>)> {
    frames.iter().map(|frame| (frame.at as i64, frame.bytes.clone())).collect()
}

#[test]
fn a_ring_is_read_by_time_not_by_name() {
    let scratch = Scratch::new();
    let frames = ring(&scratch, 30);
    let inputs = Inputs::open(&[scratch.path("ring").into()]).unwrap();
    assert_eq!(inputs.files().iter().filter(|file| file.compression == Some("gzip")).count(), 10);
    let names: Vec<_> = inputs.files().iter().map(|file| file.name.clone()).collect();
    assert!(names.is_sorted());
    let content = drain(inputs);
    assert!(content.frames == times_and_bytes(&frames) && content.damage.is_empty());
}

#[cfg(unix)]
#[test]
fn a_ring_of_many_files_needs_few_open() {
    use super::program::lyncap;
    let scratch = Scratch::new();
    ring(&scratch, 1500);
    let program = lyncap::<&str>(&[]).get_program().to_owned();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 20 && exec \"$0\" flows -f csv \"$1\""]).arg(program).arg(scratch.path("ring"));
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*err), (Some(0), ""));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1501);
}

/// Frames of overlapping files.
fn interleaved(count: usize) -> Vec<Vec<Frame>> {
    let mut parts = vec![Vec::new(); count];
    for (n, frame) in flows(60).into_iter().enumerate() {
        parts[n % count].push(frame);
    }
    parts
}

#[test]
fn formats_and_compressions_mix() {
    let scratch = Scratch::new();
    let interfaces = &[Interface::default()];
    let pcapng = |order| Pcapng { order, comment: "", application: "", interfaces };
    let parts = interleaved(7);
    let nano = Pcap { order: Order::Big, unit: Unit::Nano, ..Pcap::default() };
    let files = [
        pcap(&parts[0]),
        gzip(&pcapng(Order::Little).write(&parts[1])),
        zstd(&nano.write(&parts[2])),
        lz4(&pcapng(Order::Big).write(&parts[3])),
        xz(&pcap(&parts[4])),
        bzip2(&pcapng(Order::Little).write(&parts[5])),
        gzip(&zstd(&pcap(&parts[6]))),
    ];
    let paths: Vec<PathBuf> =
        files.iter().enumerate().map(|(n, bytes)| scratch.file(&format!("{n}.pcap"), bytes).into()).collect();
    let expected = times_and_bytes(&flows(60));
    let inputs = Inputs::open(&paths).unwrap();
    let compressions: Vec<_> = inputs.files().iter().map(|file| file.compression).collect();
    let some = |name| Some(name);
    assert_eq!(
        compressions,
        [None, some("gzip"), some("zstd"), some("lz4"), some("xz"), some("bzip2"), some("gzip")],
        "by content, not by name"
    );
    let total = inputs.total_bytes();
    let content = drain(inputs);
    assert!(content.frames == expected && content.damage.is_empty(), "{:?}", content.damage);
    assert_eq!(Some(content.consumed), total);
    let reversed: Vec<PathBuf> = paths.into_iter().rev().collect();
    assert!(drain(Inputs::open(&reversed).unwrap()).frames == expected);
}

#[test]
fn a_directory_tells_what_may_hold_packets() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("d/logs")).unwrap();
    scratch.file("d/a.pcap.gz", gzip(&pcap(&flow(0, 20_000))));
    let told = [
        ("cut.gz", gzip(&pcap(&flow(1, 20_001)))[..12].to_vec(), "nothing of its content can be read: gzip stream cut"),
        ("empty.pcap", Vec::new(), "empty file"),
        ("notes.cap", b"Monday".to_vec(), "not a packet capture (starts with \"Monday\")"),
        ("trace.etl", vec![0xee; 100], "not a packet capture (starts with ee ee"),
        ("old.zip.gz", gzip(b"PK\x03\x04rest"), "gzip-compressed: zip archive"),
        ("thrice.gz", gzip(&gzip(&gzip(b"x"))), "gzip-compressed, and what is in it is more than once again"),
    ];
    for (name, bytes, _) in &told {
        scratch.file(&format!("d/{name}"), bytes);
    }
    for (name, compress) in ALL {
        scratch.file(&format!("d/logs/syslog.{name}"), compress(b"Mar  2 08:00:00 fe01 kernel: all is well\n"));
        scratch.file(&format!("d/logs/empty.{name}"), compress(b""));
    }
    let d = scratch.path("d");
    let answer = check_code(&format!("flows {d}"), 0);
    for (name, _, why) in &told {
        assert!(answer.err.contains(&format!("lyncap: left out {d}/{name}: {why}")), "{}", answer.err);
    }
    assert_eq!(answer.err.lines().count(), told.len(), "{}", answer.err);
    let answer = check_code(&format!("flows -v {d}"), 0);
    assert_eq!(answer.err.matches("left out").count(), told.len() + 10, "{}", answer.err);
    assert!(answer.err.contains("syslog.xz: xz-compressed: not a packet capture (starts with \"Mar  2 08:00:00"));
    assert!(answer.err.contains("a.pcap.gz (pcap in gzip, "), "{}", answer.err);
}

/// A connection that a server answers; one SYN to a documented port of it that nobody answers, so much later.
fn asked_in_vain(milliseconds: u64) -> Vec<Frame> {
    let at = START + milliseconds * MILLISECOND;
    let syn = Tcp::new(at, "10.1.0.7:50007".parse().unwrap(), "10.0.0.12:5071".parse().unwrap()).unanswered().frames();
    let mut frames = tcp_flow(START, "10.1.0.6:50006".parse().unwrap(), "10.0.0.12:5061".parse().unwrap(), &[]);
    frames.extend(syn.into_iter().take(1));
    frames
}

#[test]
fn a_silence_is_of_the_file_that_shows_it() {
    let scratch = Scratch::new();
    let (silent, gone) = ("audit --role 10.0.0.11=front-end --role 10.0.0.12=front-end -q", "prove nothing: ");
    let a = scratch.file("A.pcap", pcap(&asked_in_vain(10_000)));
    let elsewhere = |name: &str, seconds: &[u64]| {
        scratch.file(name, pcap(&seconds.iter().flat_map(|&second| flow(second, 30_000)).collect::<Vec<_>>()))
    };
    let later = elsewhere("B.pcap", &[110]);
    let at_once = elsewhere("C.pcap", &[10, 20]);
    let over = elsewhere("D.pcap", &[0, 5, 10, 15, 20]);
    let more = elsewhere("A2.pcap", &[10, 20]);
    for (files, end) in [
        (vec![&a], true),
        (vec![&a, &later], true),
        (vec![&at_once, &a], true),
        (vec![&a, &over], true),
        // The next file of the same ring buffer.
        (vec![&more, &a, &over], false),
    ] {
        let names: Vec<&str> = files.into_iter().map(String::as_str).collect();
        let answer = run(&words(&format!("{silent} {}", names.join(" "))));
        assert_eq!(answer.code, Some(if end { 0 } else { 1 }), "{names:?}\n{}", answer.out);
        assert_eq!(answer.out.contains("blocked-documented-port"), !end, "{names:?}\n{}", answer.out);
        assert_eq!(answer.out.contains(gone), end, "{names:?}\n{}", answer.out);
    }
    // One that falls silent while another goes on.
    let interrupted = scratch.file("E.pcap", pcap(&[asked_in_vain(10_000), flow(100, 20_002)].concat()));
    for names in [interrupted.clone(), format!("{over} {interrupted}")] {
        let answer = check_code(&format!("{silent} {names}"), 0);
        assert!(answer.out.contains("nothing at all was captured soon after"), "{names}\n{}", answer.out);
    }
}
