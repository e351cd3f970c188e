//! What a live run tells: events, each held against its schema, and their sums.
//!
//! In: lines that `lyncap live --format jsonl` wrote. Out: events.
//! Must not know: what was captured.
// Every test uses a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The types of events, and what each is by the schema.
static SCHEMA: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("../../src/report/schema.json")).unwrap();
    let validator = |name: &str| {
        let root = json!({"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}")});
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    };
    let events = [("flow", "flow"), ("finding", "finding_line"), ("drops", "drops"), ("summary", "summary")];
    events.into_iter().map(|(kind, name)| (kind, validator(name))).collect()
});

/// Events of a run, each as the schema says.
pub fn parse(out: &str) -> Vec<Value> {
    out.lines().map(event).collect()
}

pub fn event(line: &str) -> Value {
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

pub fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// The last summary.
pub fn last(events: &[Value]) -> &Value {
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["live"]["last"]), (&json!("summary"), &json!(true)));
    assert_eq!(of(events, "summary").iter().filter(|summary| summary["live"]["last"] == true).count(), 1);
    last
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Everything read is counted: frames are packets, skips and duplicates; flows are those that ended.
pub fn check_counts(events: &[Value]) {
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
