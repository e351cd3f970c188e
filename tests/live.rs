//! `lyncap live` through the program: a replay says what an offline run says, in windows, events, and fixed memory; it
//! ends well; and on Linux as root, interfaces in a network namespace of the test's own.
//!
//! In: captures made here, `fixtures/`, `../shared/captures` where it exists. Out: whether what is told holds.
//! Must not know: how flows are judged.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]

mod common;
mod program;
mod real;

#[path = "live/events.rs"]
mod events;
#[path = "live/flood.rs"]
mod flood;
#[cfg(all(feature = "live", target_os = "linux"))]
#[path = "live/interfaces.rs"]
mod interfaces;
#[path = "live/same.rs"]
mod same;
#[cfg(unix)]
#[path = "live/signals.rs"]
mod signals;
#[path = "live/windows.rs"]
mod windows;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use common::Frame;
use common::savefile::{Pcap, in_time_order};
use jsonschema::Validator;
use program::{Scratch, lyncap};
use serde_json::{Value, json};

/// 2026-03-02T08:00:00Z.
const START: u64 = 1_772_438_400 * common::SECOND;

/// The types of events, and what each is by the schema.
static SCHEMA: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("../src/report/schema.json")).unwrap();
    let validator = |name: &str| {
        let root = json!({"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}")});
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    };
    let events = [("flow", "flow"), ("finding", "finding_line"), ("drops", "drops"), ("summary", "summary")];
    events.into_iter().map(|(kind, name)| (kind, validator(name))).collect()
});

/// Events of a run, each as the schema says.
fn parse(out: &str) -> Vec<Value> {
    out.lines().map(event).collect()
}

fn event(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let kind = event["type"].as_str().unwrap();
    let validator = SCHEMA.get(kind).unwrap_or_else(|| panic!("unknown event {kind}"));
    let complaints: Vec<_> =
        validator.iter_errors(&event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(complaints.is_empty(), "{complaints:#?}\nin {event}");
    match kind {
        "flow" => assert!(event["end_reason"].is_string(), "{event}"),
        "summary" => assert!(event["live"].is_object(), "{event}"),
        _ => {}
    }
    event
}

/// Replays as fast as can be; the code, the events, and what was said on standard error.
fn replay(file: &str, words: &[&str]) -> (i32, Vec<Value>, String) {
    let mut command = lyncap(&["live", "-r", file, "--speed", "max", "--no-tui", "--format", "jsonl"]);
    let output = command.args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), parse(&text(output.stdout)), text(output.stderr))
}

fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// The last summary.
fn last(events: &[Value]) -> &Value {
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["live"]["last"]), (&json!("summary"), &json!(true)));
    assert_eq!(of(events, "summary").iter().filter(|summary| summary["live"]["last"] == true).count(), 1);
    last
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Everything read is counted: frames are packets, skips and duplicates; flows are those that ended.
fn check_counts(events: &[Value]) {
    let summary = last(events);
    let sum = |counts: &Value| counts.as_object().unwrap().values().map(number).sum::<u64>();
    let frames = number(&summary["packets"]) + sum(&summary["skipped"]) + number(&summary["duplicates"]);
    assert_eq!(frames, number(&summary["frames"]), "{summary}");
    assert_eq!(sum(&summary["verdicts"]), number(&summary["flows"]));
    assert_eq!(sum(&summary["live"]["ended"]), number(&summary["flows"]));
    let ends = of(events, "flow").into_iter().filter(|flow| flow["end_reason"] != "active-timeout");
    let mut ids: Vec<u64> = ends.map(|flow| number(&flow["id"])).collect();
    let drops = of(events, "drops");
    let told = ids.len() as u64;
    assert_eq!(told + number(&drops.last().unwrap()["untold_flows"]), number(&summary["flows"]));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len() as u64, told, "a flow ends once");
}

fn pcap(scratch: &Scratch, name: &str, frames: Vec<Frame>) -> String {
    scratch.file(name, Pcap::default().write(&in_time_order(frames)))
}
