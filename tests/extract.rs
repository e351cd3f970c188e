//! `lyncap extract` writes the packets of the flows asked for, and no other: held against what `lyncap flows` counts.
//!
//! In: the pool's day in every container, whole, doubled, damaged. Out: that what is written is a pcapng which the program
//! itself, tshark, capinfos and tcpdump read, and which says of each packet what `flows` says of its flow.
//! Must not know: how a frame is found to be of a flow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and says when it skips"
)]

mod common;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::savefile::{self, Frame, Interface, Order, Pcap, Pcapng, Unit, in_time_order};
use common::{MICROSECOND, SECOND, Side, Tcp, Udp, distort, pool};
use lyncap::capture::Inputs;
use program::{HOSTS, POOL, Scratch, check_complaint, check_refused, lyncap, run, words};
use serde_json::Value;

/// A packet as read back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    at: i64,
    link: u16,
    original: u32,
    bytes: Vec<u8>,
    comments: Vec<String>,
}

impl Read {
    fn bare(&self) -> Self {
        Self { comments: Vec::new(), ..self.clone() }
    }

    /// The number of the flow that the comment names.
    fn flow(&self) -> u64 {
        let line = self.comments.last().expect("a comment");
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!((words[0], words[1]), ("lyncap:", "flow"), "{line}");
        words[2].parse().unwrap()
    }
}

fn read(file: &str) -> Vec<Read> {
    let mut inputs = Inputs::open(&[PathBuf::from(file)]).unwrap();
    assert_eq!(inputs.files()[0].format, "pcapng", "{file}");
    let mut read = Vec::new();
    while let Some(batch) = inputs.next_batch().unwrap() {
        read.extend(batch.frames.iter().map(|frame| Read {
            at: frame.at.0,
            link: frame.link.0,
            original: frame.original_length,
            bytes: frame.bytes.to_vec(),
            comments: batch.comments(frame).into_iter().map(str::to_owned).collect(),
        }));
    }
    assert_eq!(inputs.damage(), []);
    read
}

fn flows(line: &str) -> Value {
    let answer = run(&words(&format!("flows --format json {line}")));
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("flows {line}: {error}\n{}", answer.err))
}

fn packets(flow: &Value) -> u64 {
    flow["packets"]["initiator"].as_u64().unwrap() + flow["packets"]["responder"].as_u64().unwrap()
}

/// Flow number to packets, as `flows` says.
fn counted(document: &Value) -> BTreeMap<u64, u64> {
    document["flows"].as_array().unwrap().iter().map(|flow| (flow["id"].as_u64().unwrap(), packets(flow))).collect()
}

/// Flow number to packets, as written, without copies and what quotes one.
fn written(read: &[Read]) -> BTreeMap<u64, u64> {
    let mut numbers = BTreeMap::new();
    for packet in read.iter().filter(|packet| !packet.comments.iter().any(|line| line.contains(" a packet"))) {
        *numbers.entry(packet.flow()).or_default() += 1;
    }
    numbers
}

/// Extracts with these words; what is written is what `flows` counts of the same words.
fn check(scratch: &Scratch, input: &str, selection: &str) -> Vec<Read> {
    let out = scratch.path("out.pcapng");
    let answer = run(&words(&format!("extract {input} {selection} -o {out}")));
    assert_eq!((answer.code, &*answer.err), (Some(0), ""), "{input} {selection}");
    let read = read(&out);
    assert_eq!(written(&read), counted(&flows(&format!("{input} {selection}"))), "{input} {selection}");
    fs::remove_file(out).unwrap();
    read
}

#[test]
fn what_is_written_is_what_flows_lists() {
    let scratch = Scratch::new();
    for selection in [
        "",
        "--verdict undocumented",
        "--verdict contradicted --verdict range-only",
        "--service S03",
        "--service front-end --port 5061/tcp",
        "--host fe01 --verdict undocumented",
        "--host 10.0.0.0/28",
        "--sort bytes --top 3",
        "--udp-timeout 500ms --tcp-timeout 1s",
        "--max-flows 60",
        "--keep-duplicates",
    ] {
        let input = format!("{POOL} -t {HOSTS}");
        let out = scratch.path("out.pcapng");
        let answer = run(&words(&format!("extract {input} {selection} -o {out}")));
        // Flows that went for want of room make the input incomplete.
        let code = if selection.contains("max-flows") { 3 } else { 0 };
        assert_eq!(answer.code, Some(code), "{selection}: {}", answer.err);
        let read = read(&out);
        assert!(!read.is_empty());
        assert_eq!(written(&read), counted(&flows(&format!("{input} {selection}"))), "{selection}");
    }
}

#[test]
fn verdicts_stand_beside_packets_and_reasons_beside_the_first() {
    let scratch = Scratch::new();
    let document = flows(&format!("{POOL} -t {HOSTS}"));
    let mut seen = BTreeSet::new();
    for packet in check(&scratch, &format!("{POOL} -t {HOSTS}"), "") {
        let flow = &document["flows"][packet.flow() as usize - 1];
        let line = packet.comments.last().unwrap();
        assert!(line.contains(flow["verdict"].as_str().unwrap()), "{line}");
        assert!(flow["service"].as_str().is_none_or(|service| line.contains(service)), "{line}");
        assert!(flow["rows"][0].as_str().is_none_or(|row| line.contains(row)), "{line}");
        let first = seen.insert(packet.flow());
        assert_eq!(flow["reasons"].as_array().unwrap().iter().all(|why| line.contains(why.as_str().unwrap())), first);
        assert!(!line.contains('\n'));
    }
    assert_eq!(seen.len(), document["flows"].as_array().unwrap().len());
}

/// The same document without what names a place in its file.
fn placeless(document: &Value) -> Vec<Value> {
    let flows = document["flows"].as_array().unwrap().iter();
    let kept = |flow: &Value| {
        let mut flow = flow.clone();
        ["first_packet", "file", "reasons"].iter().for_each(|field| drop(flow.as_object_mut().unwrap().remove(*field)));
        flow
    };
    flows.map(kept).collect()
}

#[test]
fn all_of_a_capture_reads_as_the_capture_did() {
    let scratch = Scratch::new();
    let day = pool::frames();
    let save = |frames: &[Frame]| Pcap { unit: Unit::Nano, ..Pcap::default() }.write(frames);
    let doubled = in_time_order([&day[..], &distort::routed(&day, 40 * MICROSECOND)].concat());
    let one = scratch.file("one.pcap", save(&doubled));
    // Both ends of every conversation, in two files.
    let (here, there) = (
        scratch.file("here.pcap", save(&day)),
        scratch.file("there.pcap", save(&distort::routed(&day, 40 * MICROSECOND))),
    );
    for input in [POOL.to_owned(), one, format!("{here} {there}")] {
        let out = scratch.path("out.pcapng");
        assert_eq!(run(&words(&format!("extract {input} -t {HOSTS} -o {out}"))).code, Some(0), "{input}");
        let (before, after) = (flows(&format!("{input} -t {HOSTS}")), flows(&format!("{out} -t {HOSTS}")));
        assert_eq!(placeless(&after), placeless(&before), "{input}");
        let number = |document: &Value, what: &str| document["summary"][what].as_u64().unwrap();
        assert_eq!(number(&after, "duplicates"), number(&before, "duplicates"), "{input}");
        let frames = number(&after, "packets") + number(&after, "duplicates");
        let quotes = number(&after, "frames") - frames;
        assert!((1..10).contains(&quotes), "{input}: {quotes}");
        if number(&before, "duplicates") > 0 {
            let without = scratch.path("without.pcapng");
            run(&words(&format!("extract {input} -t {HOSTS} --no-duplicates -o {without}")));
            assert_eq!(number(&flows(&without), "frames"), number(&after, "packets") + quotes, "{input}");
        }
    }
}

/// A few flows of the day: whole, cut by a snaplen, with times that microseconds cannot tell.
fn sample() -> Vec<Frame> {
    let mut frames: Vec<_> = pool::frames().into_iter().take(300).collect();
    frames.iter_mut().for_each(|frame| frame.interface = 0);
    distort::cut(&frames, 200)
}

fn in_pcapng(order: Order, frames: &[Frame]) -> Vec<u8> {
    Pcapng { order, comment: "", application: "", interfaces: &[Interface::default()] }.write(frames)
}

#[test]
fn every_container_gives_the_same_packets() {
    let scratch = Scratch::new();
    let frames = sample();
    let pcapng = in_pcapng(Order::Big, &frames);
    let plain = check(&scratch, &scratch.file("plain.pcapng", &pcapng), "");
    let zipped = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &pcapng).unwrap();
        encoder.finish().unwrap()
    };
    for (name, bytes) in [
        ("micro", Pcap::default().write(&frames)),
        ("nano", Pcap { unit: Unit::Nano, order: Order::Big, ..Pcap::default() }.write(&frames)),
        ("gzip", zipped),
        ("modified", savefile::modified_pcap(&frames)),
        ("snoop", savefile::snoop(&frames)),
        ("netmon1", savefile::netmon1(&frames)),
        ("netmon2", savefile::netmon2(&frames)),
    ] {
        let file = scratch.file(name, bytes);
        let read = check(&scratch, &file, "");
        assert_eq!(read.len(), plain.len(), "{name}");
        for (read, plain) in read.iter().zip(&plain) {
            // Some formats count milliseconds.
            assert!((read.at - plain.at).abs() < 1_000_000, "{name}: {} {}", read.at, plain.at);
            assert_eq!((read.link, read.original, &read.bytes), (1, plain.original, &plain.bytes), "{name}");
            assert_eq!(read.flow(), plain.flow(), "{name}");
        }
    }
}

#[test]
fn times_lengths_and_link_types_stay_as_they_are() {
    let scratch = Scratch::new();
    let mut frames = sample();
    frames.iter_mut().zip(0..).for_each(|(frame, n)| frame.at = frame.at / 1000 * 1000 + n);
    let bare = |read: Vec<Read>| -> Vec<Read> { read.iter().map(Read::bare).collect() };
    let nano = scratch.file("nano", Pcap { unit: Unit::Nano, ..Pcap::default() }.write(&frames));
    let expected = |link: u16, at: &dyn Fn(u64) -> i64| -> BTreeSet<(i64, u16, u32, Vec<u8>)> {
        frames.iter().map(|frame| (at(frame.at), link, frame.original_length, frame.bytes.clone())).collect()
    };
    let seen = |read: Vec<Read>| -> BTreeSet<_> {
        bare(read).into_iter().map(|read| (read.at, read.link, read.original, read.bytes)).collect()
    };
    let plain = seen(check(&scratch, &nano, ""));
    assert!(plain.len() > 200 && plain.is_subset(&expected(1, &|at| at as i64)));
    // Ticks are unsigned in pcapng, but an interface may count them from long before 1970.
    let offset = -3_000_000_000_i64;
    let plain_pcapng = in_pcapng(Order::Little, &frames);
    let file = scratch.file("early.pcapng", since(&plain_pcapng, offset));
    let moved = seen(check(&scratch, &file, ""));
    assert!(moved.iter().all(|packet| packet.0 < 0));
    let back: BTreeSet<_> = moved
        .into_iter()
        .map(|(at, link, original, bytes)| (at - offset * 1_000_000_000, link, original, bytes))
        .collect();
    assert_eq!(back, plain);
}

/// A capture of one Ethernet interface whose nanoseconds are counted from this second.
fn since(pcapng: &[u8], offset: i64) -> Vec<u8> {
    let length = |at: usize| u32::from_le_bytes(pcapng[at + 4..at + 8].try_into().unwrap()) as usize;
    let (section, interface) = (length(0), length(length(0)));
    let options = [&[9, 0, 1, 0, 9, 0, 0, 0, 14, 0, 8, 0][..], &offset.to_le_bytes(), &[0; 4]].concat();
    let stated = (20 + options.len() as u32).to_le_bytes();
    let block = [&[1, 0, 0, 0][..], &stated, &[1, 0, 0, 0, 0, 0, 4, 0], &options, &stated].concat();
    [&pcapng[..section], &block, &pcapng[section + interface..]].concat()
}

#[test]
fn notes_of_others_stay_and_our_own_are_renewed() {
    let scratch = Scratch::new();
    let (client, server) = ("10.1.0.20:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap());
    let frames = Tcp::new(1_772_438_400 * SECOND, client, server).handshake().close().frames();
    let first = scratch.path("first.pcapng");
    let file = scratch.file("plain.pcapng", Pcap::default().write(&frames));
    assert_eq!(run(&words(&format!("extract {file} -o {first}"))).code, Some(0));
    for packet in check(&scratch, &first, "--role 10.0.0.11=front-end") {
        assert_eq!(packet.comments.len(), 1, "{:?}", packet.comments);
        assert_eq!(packet.flow(), 1);
    }
    if let Some(editcap) = tool("editcap") {
        let noted = scratch.path("noted.pcapng");
        let done = Command::new(editcap).args(["-a", "2:look here", &first, &noted]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let read = check(&scratch, &noted, "");
        assert!(read[1].comments.iter().any(|line| line == "look here"), "{:?}", read[1].comments);
        assert!(read.iter().all(|packet| packet.flow() == 1));
    }
}

#[test]
fn fragments_and_icmp_errors_go_with_their_flow() {
    let scratch = Scratch::new();
    let at = 1_772_438_400 * SECOND;
    let ends = |port: u16| (format!("10.1.0.20:{port}").parse().unwrap(), "10.0.0.11:5060".parse().unwrap());
    let (client, server) = ends(50_123);
    let fragmented = Udp::new(at, client, server).send_fragmented(Side::Client, &[b'x'; 3000], 1000).frames();
    let (client, server) = ends(50_124);
    let blocked = Tcp::new(at + SECOND, client, server).unreachable("10.0.0.1".parse().unwrap(), 13).frames();
    let count = (fragmented.len(), blocked.len());
    let file = scratch.file("both.pcap", Pcap::default().write(&[fragmented, blocked].concat()));
    let out = scratch.path("out.pcapng");
    for (flow, frames) in [(1, count.0), (2, count.1)] {
        assert_eq!(run(&words(&format!("extract {file} --flow {flow} -o {out}"))).code, Some(0));
        let read = read(&out);
        assert_eq!(read.len(), frames);
        assert!(read.iter().all(|packet| packet.flow() == flow));
        let quotes =
            read.iter().filter(|packet| packet.comments[0].ends_with(", ICMP error that quotes a packet")).count();
        assert_eq!(quotes, usize::from(flow == 2));
    }
}

#[test]
fn flagged_is_what_an_audit_flags() {
    let scratch = Scratch::new();
    let answer = run(&words(&format!("audit {POOL} -t {HOSTS} --format json --flows")));
    let audit: Value = serde_json::from_str(&answer.out).unwrap();
    let out = scratch.path("out.pcapng");
    let mut before = BTreeSet::new();
    for (severity, told) in [("never", &[][..]), ("high", &["high"]), ("medium", &["high", "medium"])] {
        let answer = run(&words(&format!("extract {POOL} -t {HOSTS} --flagged --fail-on {severity} -o {out}")));
        assert_eq!(answer.code, Some(0), "{}", answer.err);
        let flagged: BTreeSet<u64> = read(&out).iter().map(Read::flow).collect();
        let findings = audit["findings"].as_array().unwrap().iter();
        let findings: Vec<_> =
            findings.filter(|finding| told.contains(&finding["severity"].as_str().unwrap())).collect();
        let least = findings.len();
        assert!((least == 0) == flagged.is_empty() && before.is_subset(&flagged), "{severity}");
        for finding in findings {
            let id = &finding["community_id"];
            let flows = audit["flows"].as_array().unwrap();
            assert!(
                flows.iter().any(|flow| flow["community_id"] == *id && flagged.contains(&flow["id"].as_u64().unwrap()))
            );
        }
        before = flagged;
    }
    let all = flows(&format!("{POOL} -t {HOSTS}"));
    for id in before {
        let verdict = all["flows"][id as usize - 1]["verdict"].as_str().unwrap();
        assert_ne!(verdict, "range-only", "flow {id} is of low severity");
    }
}

#[test]
fn what_cannot_be_done_is_one_line_with_the_remedy() {
    let scratch = Scratch::new();
    let folder = scratch.path("folder");
    fs::create_dir(&folder).unwrap();
    let inside = format!("{folder}/day.pcapng");
    let pool = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL)).unwrap();
    fs::write(&inside, &pool).unwrap();
    for (line, parts) in [
        (format!("extract {POOL}"), &["--output <FILE>"][..]),
        (format!("extract - -o {folder}/x"), &["standard input", "save it as a file first"]),
        (format!("extract {POOL} -o {POOL}"), &["would replace the capture", "name another file"]),
        (format!("extract {folder} -o {inside}"), &["would replace a capture", "name another file"]),
        (format!("extract {POOL} --flow 0 -o {folder}/x"), &["--flow 0", "lyncap flows"]),
        (format!("extract {POOL} --flow 367 -o {folder}/x"), &["--flow 367", "366"]),
        (format!("extract {POOL} --host nobody -o {folder}/x"), &["--host nobody"]),
        (format!("extract {POOL} --follow -o {folder}/x"), &["--follow", "twice"]),
        (format!("extract {POOL} -o {folder}/absent/x"), &["cannot write", "make its folder first"]),
        (format!("extract {folder}/absent -o {folder}/x"), &["cannot read"]),
    ] {
        check_refused(&line, parts);
        assert!(fs::read(&inside).unwrap() == pool, "{line}");
        assert!(!Path::new(&format!("{folder}/x")).exists(), "{line}");
    }
    #[cfg(unix)]
    {
        let link = scratch.path("link.pcapng");
        std::os::unix::fs::symlink(&inside, &link).unwrap();
        check_refused(&format!("extract {inside} -o {link}"), &["would replace"]);
        // In the folder that is read, but no part of it.
        let answer = run(&words(&format!("extract {folder} -o {folder}/x.pcapng -q --verdict contradicted")));
        assert_eq!((answer.code, &*answer.err), (Some(0), ""));
        assert!(fs::read(&inside).unwrap() == pool);
        let pipe = scratch.path("pipe");
        if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            check_refused(&format!("extract {pipe} -o {folder}/y"), &["can be read only once"]);
        }
    }
    let nothing = scratch.path("nothing.pcapng");
    let answer = run(&words(&format!("extract {POOL} --host 192.0.2.1 -o {nothing}")));
    assert_eq!(answer.code, Some(0));
    assert!(answer.err.contains("none of 366 flows matches the selection"), "{}", answer.err);
    assert_eq!(read(&nothing), []);
}

#[test]
fn a_damaged_capture_gives_what_is_whole_and_exit_3() {
    let scratch = Scratch::new();
    let pool = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL)).unwrap();
    let cut = scratch.file("cut.pcapng", &pool[..pool.len() / 2]);
    let out = scratch.path("out.pcapng");
    let answer = run(&words(&format!("extract {cut} -o {out}")));
    assert_eq!((answer.code, answer.err.lines().count()), (Some(3), 1), "{}", answer.err);
    assert_eq!(written(&read(&out)), counted(&flows(&cut)));
}

#[test]
fn standard_output_takes_it_and_a_closed_pipe_is_success() {
    let output = lyncap(&words(&format!("extract {POOL} --verdict contradicted -o -"))).output().unwrap();
    let scratch = Scratch::new();
    let file = scratch.file("piped.pcapng", &output.stdout);
    assert_eq!(written(&read(&file)), counted(&flows(&format!("{POOL} --verdict contradicted"))));
    let mut child =
        lyncap(&words(&format!("extract {POOL} -o -"))).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let full = lyncap(&words(&format!("extract {POOL} -o /dev/full"))).output().unwrap();
    if Path::new("/dev/full").exists() {
        check_complaint("extract -o /dev/full", full.into(), &["cannot write", "make room"]);
    }
}

#[test]
fn real_captures_read_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let mut pending = vec![folder];
    let mut files = Vec::new();
    while let Some(entries) = pending.pop().map(fs::read_dir) {
        for path in entries.into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { &mut pending } else { &mut files }.push(path);
        }
    }
    let scratch = Scratch::new();
    let out = scratch.path("out.pcapng");
    let mut done = 0;
    files.sort();
    for file in files.iter().filter(|file| fs::metadata(file).unwrap().len() < 4 << 20) {
        let file = file.to_str().unwrap();
        // What is no capture, or of no network, is not extracted from.
        if !matches!(run(&["extract", file, "-o", &out]).code, Some(0 | 3)) {
            continue;
        }
        let document =
            |file: &str| -> Value { serde_json::from_str(&run(&["flows", "-f", "json", file]).out).unwrap() };
        let (mut before, mut after) = (placeless(&document(file)), placeless(&document(&out)));
        // Of what Network Monitor puts in front of a frame nothing is left, nor are its bytes counted.
        let wrapped = document(file)["summary"]["fitness"]["link_types"].to_string().contains("netmon-");
        if wrapped {
            for flow in before.iter_mut().chain(&mut after) {
                flow.as_object_mut().unwrap().remove("bytes");
            }
        }
        assert_eq!(after, before, "{file}");
        done += 1;
    }
    match done {
        0 => eprintln!("skipped: no captures in ../shared/captures"),
        done => assert!(done > 100, "{done}"),
    }
}

/// A program, if it is here; else says that what it would have shown was not looked at.
fn tool(name: &str) -> Option<&str> {
    let found = Command::new(name).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {name} is not here");
    }
    found.then_some(name)
}

/// What a program prints of a file.
fn printed(name: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(tool(name)?).args(words).output().unwrap();
    assert!(output.status.success(), "{name} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn other_programs_read_it() {
    let scratch = Scratch::new();
    let out = scratch.path("out.pcapng");
    assert_eq!(run(&words(&format!("extract {POOL} -t {HOSTS} --verdict contradicted -o {out}"))).code, Some(0));
    let read = read(&out);
    if let Some(lines) = printed("tshark", &["-r", &out, "-T", "fields", "-e", "frame.comment"]) {
        let lines: Vec<_> = lines.lines().collect();
        let comments: Vec<_> = read.iter().map(|packet| &*packet.comments[0]).collect();
        assert_eq!(lines, comments);
    }
    if let Some(text) = printed("tshark", &["-r", &out, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"]) {
        let expected = |packet: &Read| {
            format!("{}.{:09}\t{}", packet.at / 1_000_000_000, packet.at % 1_000_000_000, packet.original)
        };
        assert_eq!(text.lines().map(str::to_owned).collect::<Vec<_>>(), read.iter().map(expected).collect::<Vec<_>>());
    }
    if let Some(text) = printed("capinfos", &["-c", "-M", &out]) {
        assert!(text.contains(&format!("{}", read.len())), "{text}");
    }
    if let Some(text) = printed("tcpdump", &["-nr", &out]) {
        assert_eq!(text.lines().filter(|line| line.contains(" IP ")).count(), read.len(), "{text}");
    }
}
