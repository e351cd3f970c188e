//! A datagram captured twice counts once: as a mirror port sees it before and after a router, and as two captures of
//! both ends do whose clocks differ.
//!
//! In: the pool's day, and the same with everything in it twice. Out: that lyncap says the same of both.
//! Must not know: how a copy is recognised.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;
mod program;

use common::savefile::{Frame, Pcap, Unit, in_time_order};
use common::{MICROSECOND, MILLISECOND, distort, pool};
use program::{HOSTS, Scratch, run};
use serde_json::{Value, json};

fn save(frames: &[Frame]) -> Vec<u8> {
    Pcap { unit: Unit::Nano, ..Pcap::default() }.write(frames)
}

/// What `lyncap` answers in JSON.
fn ask(command: &str, files: &[&str]) -> Value {
    let words = [command, "--format", "json", "--topology", HOSTS];
    let answer = run(&words.iter().copied().chain(files.iter().copied()).collect::<Vec<_>>());
    assert!(matches!(answer.code, Some(0 | 1)), "{}", answer.err);
    serde_json::from_str(&answer.out).unwrap()
}

/// The same without what names a frame's place in its file.
fn placeless(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !["first_packet", "file"].contains(&&***key));
            Value::Object(kept.map(|(key, value)| (key.clone(), placeless(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(placeless).collect()),
        Value::String(text) => {
            let mut parts = text.split("frame ");
            let first = parts.next().unwrap_or_default().to_owned();
            let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
            json!(rest.fold(first, |text, part| text + "frame " + part))
        }
        other => other.clone(),
    }
}

/// Whatever is concluded of the pool's day is concluded of the files, in which every packet of it is twice.
fn check(files: &[&str]) {
    let scratch = Scratch::new();
    let once = scratch.file("once.pcap", save(&pool::frames()));
    let (plain, doubled) = (ask("flows", &[&once]), ask("flows", files));
    let flows = |document: &Value| document["flows"].as_array().unwrap().clone();
    assert_eq!(flows(&plain).len(), flows(&doubled).len());
    for (plain, doubled) in flows(&plain).iter().zip(&flows(&doubled)) {
        assert_eq!(placeless(doubled), placeless(plain));
    }
    let number = |document: &Value, what: &str| document["summary"][what].as_u64().unwrap();
    assert_eq!(number(&plain, "duplicates"), 0, "the day itself has none");
    assert_eq!(number(&doubled, "packets"), number(&plain, "packets"));
    assert_eq!(number(&doubled, "duplicates"), number(&plain, "packets"), "every packet, and no other frame");
    let (plain, doubled) = (ask("audit", &[&once]), ask("audit", files));
    for part in ["services", "findings", "accepted", "not_found", "coverage", "media"] {
        assert_eq!(placeless(&doubled[part]), placeless(&plain[part]), "{part}");
    }
    assert!(plain["media"]["by_medium"].as_array().unwrap().iter().all(|of| of["duplicates"] == 0));
    let limits: Vec<_> = doubled["fitness"]["limits"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(limits.iter().any(|limit| limit.contains(" frames are copies of packets captured before")), "{limits:?}");
    let kept = ask("flows", &[&["--keep-duplicates"], files].concat());
    assert_eq!(number(&kept, "packets"), 2 * number(&plain, "packets"));
    assert_eq!((number(&kept, "duplicates"), number(&kept, "flows")), (0, number(&plain, "flows")));
}

#[test]
fn a_mirror_port_that_sees_both_sides_of_a_router() {
    let frames = pool::frames();
    let both = [frames.clone(), distort::routed(&frames, 20 * MICROSECOND)].concat();
    let scratch = Scratch::new();
    check(&[&scratch.file("span.pcap", save(&in_time_order(both)))]);
}

#[test]
fn captures_of_both_ends_whose_clocks_differ() {
    let frames = pool::frames();
    let later = |frame: &Frame| Frame { at: frame.at + 5 * MILLISECOND, ..frame.clone() };
    let there: Vec<_> = frames.iter().map(later).collect();
    let scratch = Scratch::new();
    let (here, there) = (scratch.file("here.pcap", save(&frames)), scratch.file("there.pcap", save(&there)));
    check(&[&here, &there]);
    // It does not matter which is named first.
    check(&[&there, &here]);
}

#[test]
fn media_captured_twice_has_no_duplicates_of_its_own() {
    let frames = pool::frames();
    let both = in_time_order([frames.clone(), distort::routed(&frames, 20 * MICROSECOND)].concat());
    let scratch = Scratch::new();
    let file = scratch.file("span.pcap", save(&both));
    let duplicates = |words: &[&str]| -> u64 {
        let audit = ask("audit", words);
        audit["media"]["by_medium"].as_array().unwrap().iter().map(|of| of["duplicates"].as_u64().unwrap()).sum()
    };
    assert_eq!(duplicates(&[&file]), 0);
    assert!(duplicates(&["--keep-duplicates", &file]) > 500);
}
