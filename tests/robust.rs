//! Whatever comes in, the whole audit ends, loses no frame, and says the same of the same bytes.
//!
//! In: `fixtures/`, the same cut and with changed bytes, captures made here; `../shared/captures/hostile`, where it
//! exists. Out: nothing but the proof. Must not know: how anything works.
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;
mod real;

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::savefile::Pcap;
use common::{Frame, Noise, pool};
use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::error::Error;
use lyncap::pipeline::{self, Options};
use lyncap::report::Format;
use lyncap::report::audit::Audit;
use lyncap::report::table::Look;
use lyncap::report::text::Clock;
use lyncap::report::write;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;
use real::ours::check_conservation;

/// No file of the collection is so large that a debug build on a busy machine needs longer.
const LIMIT: Duration = Duration::from_secs(5);

const LOOK: Look = Look { width: 80, colour: false, clock: Clock::Utc };

/// Everything that can be said of a capture.
#[derive(PartialEq, Eq)]
struct Said {
    frames: u64,
    flows: usize,
    damaged: bool,
    table: Vec<u8>,
    json: Vec<u8>,
    jsonl: Vec<u8>,
}

/// Reads, judges and reports.
fn say(name: &str, inputs: Inputs, topology: &Topology) -> Said {
    let read = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let stats = &read.stats;
    check_conservation(
        name,
        &read.flows,
        &read.files,
        (stats.frames, stats.packets, stats.skips.total() + stats.duplicates),
    );
    let catalogs = Catalogs::new(&["all".to_owned()], vec![], &topology.site).unwrap();
    let judge = Judge::new(&read.flows, &catalogs, topology);
    let audit = Audit::new(&read, &judge);
    let written = |format, with_flows| {
        let mut out = Vec::new();
        write::audit(&mut out, format, LOOK, &read, &judge, &audit, with_flows).unwrap();
        out
    };
    let all: Vec<usize> = (0..read.flows.len()).collect();
    let mut jsonl = Vec::new();
    write::flows(&mut jsonl, Format::Jsonl, LOOK, &read, &judge, &all).unwrap();
    Said {
        frames: stats.frames,
        flows: read.flows.len(),
        damaged: !read.damage.is_empty(),
        table: written(Format::Table, false),
        json: written(Format::Json, true),
        jsonl,
    }
}

/// The same of a file; `None` where it is no capture, which must be said in words that name a file.
fn say_of(path: &Path, topology: &Topology) -> Option<Said> {
    match Inputs::open(&[path.to_owned()]) {
        Ok(inputs) => Some(say(&real::short(path), inputs, topology)),
        Err(Error::NotACapture { why, .. }) if !why.is_empty() => None,
        Err(error) => panic!("{error}"),
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn pool_day() -> Vec<u8> {
    fs::read(fixture("pool-day.pcapng")).unwrap()
}

fn pool_topology() -> Topology {
    Topology::parse("pool-day.toml", &fs::read_to_string(fixture("pool-day.toml")).unwrap()).unwrap()
}

/// Bytes as a reader.
fn inputs(bytes: &[u8]) -> Result<Inputs, Error> {
    Inputs::from_reader("pool-day", Cursor::new(bytes.to_vec()))
}

/// The fixtures that are captures.
fn fixtures() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path());
    let is_capture =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension.to_string_lossy().contains("cap"));
    let mut files: Vec<_> = entries.filter(is_capture).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn hostile_files_are_read_to_their_end() {
    let files = [fixtures(), real::captures(&["hostile"])].concat();
    let (mut captures, mut slowest) = (0, (Duration::ZERO, String::new()));
    for path in files {
        let name = real::short(&path);
        let (done, result) = mpsc::channel();
        let begun = Instant::now();
        // A thread, so that a file that never ends fails the test by its name instead of stopping it.
        thread::spawn(move || done.send(say_of(&path, &Topology::default()).is_some()));
        match result.recv_timeout(LIMIT) {
            Ok(is_capture) => captures += usize::from(is_capture),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: not done after {LIMIT:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{name}: panicked"),
        }
        slowest = slowest.max((begun.elapsed(), name));
    }
    println!("{captures} captures read to their end; the slowest was {} in {:?}", slowest.1, slowest.0);
}

/// Where each block of a little-endian pcapng ends, and whether it holds a frame.
fn blocks(file: &[u8]) -> Vec<(usize, bool)> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let kind = word(at);
        at += word(at + 4) as usize;
        blocks.push((at, kind == 6));
    }
    blocks
}

/// Frames in blocks that end at or before an offset.
fn frames_before(blocks: &[(usize, bool)], offset: usize) -> u64 {
    blocks.iter().filter(|&&(end, frame)| frame && end <= offset).count() as u64
}

/// Frames read, and whether the file broke off; nothing may get lost.
fn read(name: &str, bytes: &[u8]) -> Result<(u64, bool), Error> {
    let read = pipeline::read(inputs(bytes)?, Options::default(), |_| ())?;
    let stats = &read.stats;
    check_conservation(
        name,
        &read.flows,
        &read.files,
        (stats.frames, stats.packets, stats.skips.total() + stats.duplicates),
    );
    Ok((stats.frames, !read.damage.is_empty()))
}

#[test]
fn a_cut_capture_keeps_every_frame_before_the_cut() {
    let file = pool_day();
    let blocks = blocks(&file);
    let step = file.len() / 200;
    for cut in (0..2048).chain((2048..file.len()).step_by(step)).chain([file.len()]) {
        let name = format!("cut at {cut}");
        match read(&name, &file[..cut]) {
            Ok((frames, damaged)) => {
                assert_eq!(frames, frames_before(&blocks, cut), "{name}");
                assert_eq!(damaged, blocks.iter().all(|&(end, _)| end != cut), "{name}");
            }
            Err(Error::NotACapture { .. }) => assert!(cut < 4, "{name}: no longer a capture"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn changed_bytes_cost_no_frame_before_them() {
    let file = pool_day();
    let blocks = blocks(&file);
    let topology = pool_topology();
    let mut noise = Noise::of("changed bytes");
    for round in 0..300 {
        let mut changed = file.clone();
        let mut first = file.len();
        // Every third round aims at the headers of the file.
        let reach = if round % 3 == 0 { 1024 } else { file.len() as u64 };
        for _ in 0..=noise.below(8) {
            let at = noise.below(reach) as usize;
            changed[at] ^= 1 << noise.below(8);
            first = first.min(at);
        }
        let name = format!("round {round}, first change at {first}");
        match read(&name, &changed) {
            Ok((frames, _)) => assert!(frames >= frames_before(&blocks, first), "{name}"),
            Err(Error::NotACapture { .. }) => assert!(first < 4, "{name}: no longer a capture"),
            Err(error) => panic!("{name}: {error}"),
        }
        if round % 10 == 0
            && let Ok(inputs) = inputs(&changed)
        {
            say(&name, inputs, &topology);
        }
    }
}

/// Rounds for one file.
const ROUNDS: u32 = 8;

#[test]
fn changed_bytes_of_any_file_lose_no_frame_on_the_way() {
    let topology = pool_topology();
    let mut noise = Noise::of("changed bytes of any file");
    for path in [fixtures(), real::captures(&["hostile"])].concat() {
        let (file, name) = (fs::read(&path).unwrap(), real::short(&path));
        for round in (0..ROUNDS).filter(|_| !file.is_empty()) {
            let mut changed = file.clone();
            let reach = if round % 2 == 0 { file.len().min(128) } else { file.len() } as u64;
            for _ in 0..=noise.below(6) {
                changed[noise.below(reach) as usize] ^= 1 << noise.below(8);
            }
            let name = format!("{name}, round {round}");
            match inputs(&changed) {
                Ok(inputs) if round == 1 => drop(say(&name, inputs, &topology)),
                Ok(_) => drop(read(&name, &changed).unwrap()),
                Err(Error::NotACapture { why, .. }) => assert!(!why.is_empty(), "{name}"),
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
}

/// A capture of one-packet flows: frame `n` is the frame given, with its IPv4 addresses and ports set by `ends`.
fn flood(frame: &[u8], count: u32, ends: impl Fn(u32) -> [u8; 12]) -> Vec<u8> {
    let frame_of = |n: u32| {
        let mut bytes = frame.to_vec();
        bytes[26..38].copy_from_slice(&ends(n));
        Frame::whole(pool::START + u64::from(n) * common::MICROSECOND, bytes)
    };
    Pcap::default().write(&(0..count).map(frame_of).collect::<Vec<_>>())
}

/// Another client, its own port, asks the same server.
fn many_to_one(n: u32) -> [u8; 12] {
    let ([a, b, c, d], [high, low]) = (n.to_be_bytes(), (n as u16 | 0xc000).to_be_bytes());
    [20 + a, b, c, d, 10, 0, 0, 11, high, low, 0x13, 0xc5]
}

/// One host tries every port of one server after the other.
fn scan(n: u32) -> [u8; 12] {
    let [_, host, high, low] = n.to_be_bytes();
    [10, 0, 9, 9, 10, 0, host, 11, 0xd0, 0x00, high, low]
}

/// Nobody twice.
fn strangers(n: u32) -> [u8; 12] {
    let ([a, b, c, d], mut noise) = (n.to_be_bytes(), Noise::new(u64::from(n)));
    let [e, f, g, h, i, j, k, ..] = noise.next().to_be_bytes();
    [20 + a, b, c, d, 60 + e % 60, f, g, h, i, j, k, e]
}

/// A server more, found where one role alone listens.
fn servers(n: u32) -> [u8; 12] {
    let [a, b, c, d] = n.to_be_bytes();
    [20 + a, b, c, d, 10, 1, 0, 20, 0x13, 0xcf, 0xd0, 0x00]
}

#[test]
fn a_flood_of_one_packet_flows_ends() {
    let (client, server) = ("10.1.0.20:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap());
    let udp = common::udp_flow(0, client, server, &[])[0].bytes.clone();
    let [syn, accepted, ..] = &common::tcp_flow(0, client, server, &[])[..] else { panic!("no handshake") };
    type Ends = fn(u32) -> [u8; 12];
    let floods: [(&str, &[u8], Ends); 5] = [
        ("asked by many", &udp, many_to_one),
        ("asked by strangers", &udp, strangers),
        ("scanned", &syn.bytes, scan),
        ("accepted by strangers", &accepted.bytes, strangers),
        ("accepted by servers", &accepted.bytes, servers),
    ];
    let topology = Topology::default();
    let catalogs = Catalogs::new(&[], vec![], &topology.site).unwrap();
    for (name, frame, ends) in floods {
        let begun = Instant::now();
        let read = pipeline::read(inputs(&flood(frame, 200_000, ends)).unwrap(), Options::default(), |_| ()).unwrap();
        assert_eq!(read.flows.len(), 200_000, "{name}");
        let read = pipeline::read(inputs(&flood(frame, 50_000, ends)).unwrap(), Options::default(), |_| ()).unwrap();
        let judge = Judge::new(&read.flows, &catalogs, &topology);
        let audit = Audit::new(&read, &judge);
        // Few, since the table of findings still takes time that grows with their square.
        say(name, inputs(&flood(frame, 4_000, ends)).unwrap(), &topology);
        println!("{name}: {} findings, {:?}", audit.findings.len(), begun.elapsed());
    }
}

/// Gives one byte at a time.
struct Drip(Cursor<Vec<u8>>);

impl Read for Drip {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let room = room.get_mut(..1).unwrap_or_default();
        self.0.read(room)
    }
}

#[test]
fn the_same_bytes_say_the_same() {
    let file = pool_day();
    let topology = pool_topology();
    let first = say("first", inputs(&file).unwrap(), &topology);
    let again = say("again", inputs(&file).unwrap(), &topology);
    let drip = Inputs::from_reader("pool-day", Drip(Cursor::new(file))).unwrap();
    let drip = say("byte by byte", drip, &topology);
    for other in [again, drip] {
        assert!(first == other, "two runs differ");
    }
    assert!(first.jsonl.iter().filter(|&&byte| byte == b'\n').count() == first.flows + 1);
}
