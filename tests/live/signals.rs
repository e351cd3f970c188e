//! A run that goes on is told to end, to say what there is, to open its file again.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::common::{Tcp, payload};
use super::program::{Scratch, lyncap};
use super::{START, check_counts, last, parse, pcap};

/// A run that was given a capture and waits for more of it.
fn waiting(words: &[&str]) -> (Child, std::process::ChildStdin) {
    let scratch = Scratch::new();
    let talk = payload::ssh();
    let tcp = Tcp::new(START, "10.1.0.5:50001".parse().unwrap(), "10.0.0.11:5071".parse().unwrap()).handshake();
    let file = pcap(&scratch, "x.pcap", tcp.talk(&talk).frames());
    let mut child = lyncap(&[&["live", "-r", "-"], words].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(file).unwrap()).unwrap();
    input.flush().unwrap();
    // It is reading by then: signals are taken from the start.
    std::thread::sleep(Duration::from_millis(600));
    (child, input)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Its code, and what it wrote.
fn end(mut child: Child) -> (Option<i32>, String, String) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_ends_with_the_report() {
    for name in ["INT", "TERM"] {
        let (child, _input) = waiting(&["--format", "jsonl"]);
        signal(&child, name);
        let (code, out, err) = end(child);
        assert_eq!((code, &*err), (Some(1), ""), "{name}");
        let events = parse(&out);
        assert_eq!(last(&events)["verdicts"]["contradicted"], 1);
        check_counts(&events);
    }
    let (child, _input) = waiting(&["--utc"]);
    signal(&child, "TERM");
    let (code, out, _) = end(child);
    assert_eq!(code, Some(1));
    assert!(out.contains("contradicted-payload") && out.contains("FINDINGS"), "{out}");
}

#[test]
fn it_says_what_there_is() {
    let (child, input) = waiting(&["--format", "jsonl"]);
    signal(&child, "USR1");
    std::thread::sleep(Duration::from_millis(500));
    drop(input);
    let (_, out, _) = end(child);
    let events = parse(&out);
    let summaries = events.iter().filter(|event| event["type"] == "summary").count();
    assert_eq!(summaries, 2);
    last(&events);
    // Where the output is one document, beside it.
    let (child, input) = waiting(&["--format", "json"]);
    signal(&child, "USR1");
    std::thread::sleep(Duration::from_millis(500));
    drop(input);
    let (_, out, err) = end(child);
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    assert!(err.contains("FINDINGS"), "{err}");
}

#[test]
fn it_opens_its_file_again() {
    let scratch = Scratch::new();
    let (log, moved) = (scratch.path("events.jsonl"), scratch.path("events.1"));
    let (child, input) = waiting(&["--format", "jsonl", "-o", &log]);
    signal(&child, "USR1");
    std::thread::sleep(Duration::from_millis(500));
    fs::rename(&log, &moved).unwrap();
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(500));
    drop(input);
    assert_eq!(end(child).0, Some(1));
    let read = |path: &str| parse(&fs::read_to_string(path).unwrap());
    assert!(read(&moved).iter().any(|event| event["type"] == "finding"));
    last(&read(&log));
    check_counts(&[read(&moved), read(&log)].concat());
}

#[test]
fn a_file_that_cannot_be_made_anew_ends_nothing() {
    let scratch = Scratch::new();
    let (folder, moved) = (scratch.path("log"), scratch.path("gone"));
    fs::create_dir(&folder).unwrap();
    let (child, input) = waiting(&["--format", "jsonl", "-o", &format!("{folder}/events.jsonl")]);
    fs::rename(&folder, &moved).unwrap();
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(500));
    drop(input);
    let (code, _, err) = end(child);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the run goes on in the file it had"), "{err}");
    check_counts(&parse(&fs::read_to_string(format!("{moved}/events.jsonl")).unwrap()));
}

#[test]
fn a_reader_who_has_seen_enough_ends_it() {
    let mut child = lyncap(&["live", "-r", super::program::POOL, "--speed", "1000", "--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    assert_eq!(end(child).0, Some(0));
}
