//! The lab: a pool of real servers in namespaces is watched live, and every flow gets the verdict it deserves.
//!
//! In: servers and clients as Debian packages them (`.ci/run` installs them); [`scenario`] says who does what, and what is
//! to be told of it. Out: that the program tells this and no more; that an offline run of what tcpdump saw tells the same.
//! Must not know: how flows are judged.
//!
//! By hand: `cargo test --test lab`, as root; `LYNCAP_KEEP_CAPTURES=FOLDER` keeps the captures, which
//! `lyncap audit FOLDER/lab-br0.pcap --topology tests/lab/hosts.toml` reads.
#![cfg(all(feature = "live", target_os = "linux"))]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(dead_code, unreachable_pub, reason = "no test has a public face")]

#[path = "../place/mod.rs"]
mod place;
#[path = "../program/mod.rs"]
mod program;
#[path = "../told/mod.rs"]
mod told;

mod network;
mod scenario;
mod servers;
mod watch;

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use network::{Network, SWITCH, TOPOLOGY};
use scenario::{FINDINGS, NO_FLOWS, STEPS, Step};
use serde_json::Value;
use told::{check_counts, last, of};
use watch::{Watch, Watched};

/// Rows that a range makes fit any client's socket.
const MEDIA: [&str; 7] = ["S10", "S28", "S39", "C08", "C09", "C10", "C11"];

#[test]
fn lab() {
    let Some(network) = Network::with(&servers::PROGRAMS) else { return };
    // At a mirror port that sees all there is, and on a Front End that sees what concerns it.
    let places = [(&network.switch, SWITCH, ""), (network.host("fe01"), "eth0", "fe01")];
    let watches = places.map(|(place, interface, whose)| (Watch::on(place, interface), whose));
    // Only now: whoever watches need not be where the hosts are.
    on_one_core();
    let _servers = servers::start(&network);
    STEPS.iter().for_each(|step| take(&network, step));
    network.silence();
    for (watch, whose) in watches {
        let watched = watch.end();
        check_flows(&network, &watched, whose);
        check_findings(&watched, whose);
        check_offline(&watched);
    }
}

/// Whoever is started from now on runs on one core. So whatever is sent is received in the same order by all who watch:
/// what several cores send at once one watcher may have in another order than the next.
fn on_one_core() {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap();
    let first = cores.split([',', '-']).next().unwrap();
    let thread = fs::read_link("/proc/thread-self").unwrap();
    let thread = thread.file_name().unwrap().to_str().unwrap();
    let pinned = std::process::Command::new("taskset").args(["-cp", first, thread]).output().unwrap();
    assert!(pinned.status.success(), "{pinned:?}");
}

/// Takes a step.
fn take(network: &Network, step: &Step) {
    let ran = network.run(step.from, step.line, step.input);
    assert!(ran.text.contains(step.says), "{}: {}", step.what, ran.text);
}

/// Every flow of the scenario that `whose` host sees is told as it has to be, and no other.
fn check_flows(network: &Network, watched: &Watched, whose: &str) {
    check_counts(&watched.events);
    let flows = of(&watched.events, "flow");
    let told = flows.iter().map(|flow| told_of(network, flow)).collect();
    let expected = STEPS.iter().flat_map(|step| step.flows).filter(|(ends, ..)| concerns(ends, whose));
    let expected = expected.flat_map(|(ends, count, verdict, observed, outcome)| {
        vec![format!("{ends}: {verdict}, {observed}, {outcome}"); *count]
    });
    check("flows", told, expected.collect());
    // What a port table would have said: every TCP client's port is one of the media's.
    for flow in flows.iter().filter(|flow| flow["transport"] == "tcp") {
        assert!(told::number(&flow["initiator"]["port"]) >= 49_152, "{flow}");
        assert!(rows(flow).all(|row| !MEDIA.contains(&row)), "{flow}");
    }
    let skipped: Vec<_> = last(&watched.events)["skipped"].as_object().unwrap().keys().collect();
    assert_eq!(skipped, NO_FLOWS);
}

/// Whether a host sees what is between these ends: what is its own, and what is for everyone.
fn concerns(ends: &str, whose: &str) -> bool {
    ends.contains(whose) || ends.contains("255.255.255.255")
}

/// The same lines, in whatever order.
fn check(what: &str, told: Vec<String>, expected: Vec<String>) {
    let (all, wanted) = (told.clone(), expected.clone());
    // Each takes one of its like away.
    let without = |mut lines: Vec<String>, others: Vec<String>| {
        for other in others {
            lines.iter().position(|line| *line == other).map(|place| lines.remove(place));
        }
        lines
    };
    let (unexpected, missing) = (without(told, wanted), without(expected, all));
    assert!(unexpected.is_empty() && missing.is_empty(), "{what}: unexpected {unexpected:#?}, missing {missing:#?}");
}

/// A flow as the scenario writes it.
fn told_of(network: &Network, flow: &Value) -> String {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let host = |side: &str| network.name(flow[side]["address"].as_str().unwrap());
    let join = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let row = rows(flow).next().map(str::to_owned);
    let verdict = join(&[text(&flow["verdict"]), text(&flow["proof"]), row]);
    let observed = &flow["observed"];
    let observed =
        join(&[Some(text(&observed["protocol"]).unwrap_or_else(|| "-".to_owned())), text(&observed["version"])]);
    let [from, to] = ["initiator", "responder"].map(host);
    let [transport, outcome] = ["transport", "outcome"].map(|field| text(&flow[field]).unwrap());
    format!("{from} {to} {transport}/{}: {verdict}, {observed}, {outcome}", flow["responder"]["port"])
}

fn rows(flow: &Value) -> impl Iterator<Item = &str> {
    flow["rows"].as_array().unwrap().iter().map(|row| row.as_str().unwrap())
}

/// What is found is what the scenario says, as it happens and at the end.
fn check_findings(watched: &Watched, whose: &str) {
    assert_eq!(watched.codes, [Some(1); 2]);
    let line = |finding: &Value| {
        let text = |field: &str| finding[field].as_str().unwrap_or("-").to_owned();
        let [severity, kind, from, to, transport] =
            ["severity", "kind", "initiator", "responder", "transport"].map(text);
        format!("{severity} {kind} {from} {to} {transport}/{}", finding["port"])
    };
    let findings = || FINDINGS.iter().filter(|(finding, _)| concerns(finding, whose));
    let expected = || findings().map(|(finding, _)| (*finding).to_owned()).collect();
    let found = watched.report["findings"].as_array().unwrap();
    check("findings of the report", found.iter().map(line).collect(), expected());
    check("findings as they happen", of(&watched.events, "finding").into_iter().map(line).collect(), expected());
    let counts: BTreeMap<_, _> = found.iter().map(|finding| (line(finding), finding["count"].as_u64())).collect();
    for (finding, count) in findings() {
        assert_eq!(counts[*finding], Some(*count), "{finding}");
    }
}

/// An offline run of what tcpdump saw says the same.
fn check_offline(watched: &Watched) {
    let offline = |command: &str, format: &str| {
        let file = watched.file.to_str().unwrap();
        program::run(&[command, file, "--format", format, "--topology", TOPOLOGY])
    };
    let flows = offline("flows", "jsonl");
    assert_eq!((flows.code, &*flows.err), (Some(0), ""));
    let flows = flows.out.lines().map(|line| serde_json::from_str(line).unwrap());
    let flows: Vec<Value> = flows.filter(|line: &Value| line["type"] == "flow").collect();
    let mut live: Vec<_> = of(&watched.events, "flow").into_iter().cloned().collect();
    live.sort_by_key(|flow| told::number(&flow["id"]));
    let audit = offline("audit", "json");
    assert_eq!((audit.code, &*audit.err), (watched.codes[0], ""));
    let audit: Value = serde_json::from_str(&audit.out).unwrap();
    let mut different = Vec::new();
    differ("flows", &flows.into(), &live.into(), &mut different);
    differ("audit", &audit, &watched.report, &mut different);
    for field in ["frames", "packets", "flows", "skipped", "duplicates", "verdicts", "proofs"] {
        differ(field, &audit["summary"][field], &last(&watched.events)[field], &mut different);
    }
    assert!(different.is_empty(), "offline and live differ:\n{}", different.join("\n"));
}

/// What is another thing live.
const ONLY_LIVE: [(&str, &str); 6] = [
    ("flows.end_reason", "offline no flow ends before the capture does"),
    ("audit.summary.files.name", "an interface, not a file"),
    ("audit.summary.files.format", "likewise"),
    ("audit.summary.files.dropped", "a pcap file does not say"),
    ("audit.fitness.dropped_frames", "likewise"),
    ("audit.fitness.longest_gap_from", "of two silences that are as good as equal each may be the longer one"),
];

/// What holds a time, or how long something took: each who watches has the clock tell when a frame came, one after the
/// other.
const TIMES: [&str; 7] =
    ["first_seen", "last_seen", "duration_s", "handshake_rtt_s", "span_s", "longest_gap_s", "jitter_s"];

/// Seconds that two who watch may be apart.
const APART: f64 = 0.5;

/// Tells what differs between an offline run and a live one.
fn differ(path: &str, offline: &Value, live: &Value, different: &mut Vec<String>) {
    if ONLY_LIVE.iter().any(|(field, _)| path == *field) {
        return;
    }
    let time = path.split('.').any(|part| TIMES.contains(&part));
    match (offline, live) {
        (Value::Object(of), Value::Object(with)) => {
            for field in of.keys().chain(with.keys().filter(|field| !of.contains_key(*field))) {
                differ(&format!("{path}.{field}"), &offline[field], &live[field], different);
            }
        }
        (Value::Array(of), Value::Array(with)) if of.len() == with.len() => {
            of.iter().zip(with).for_each(|(of, with)| differ(path, of, with, different));
        }
        _ if offline == live => {}
        _ if time && seconds(offline).zip(seconds(live)).is_some_and(|(a, b)| (a - b).abs() < APART) => {}
        _ => different.push(format!("{path}: {offline} {live}")),
    }
}

/// Of a time, or of how long something took.
fn seconds(value: &Value) -> Option<f64> {
    let time = || value.as_str()?.parse::<Timestamp>().ok();
    value.as_f64().or_else(|| Some(time()?.as_duration().as_secs_f64()))
}
