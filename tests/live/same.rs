//! A replay says of every flow, and of all of them, what an offline run says.
//!
//! What one run knows when it judges a flow is what was captured before it ended, and a little after; the other knows the
//! whole capture. So a host's inferred role, and what follows from it (which of several rows is named first), who opened a
//! flow that only the number of peers tells, and whether a host that did not answer answers elsewhere, may differ where
//! the capture is longer than a window. No verdict differs on that account.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::program::{self, HOSTS, POOL};
use super::{last, replay};

/// What inferred roles decide.
const INFERRED: &[&str] =
    &["initiator", "responder", "rows", "service", "catalog", "expected", "reasons", "near_misses"];
/// Captures of which more differs: flows whose direction only their peers tell, or whose host is heard later; the three are
/// noise made from real captures.
const LEARNED_LATER: &[&str] = &[
    "hostile/ndpi_fuzz-2006-06-26-2594.pcap",
    "hostile/ndpi_fuzz-2020-02-16-11740.pcap",
    "hostile/pf_ring_babel_update_oobr.pcap",
];

/// Its clock steps 37 times in 57 frames: where a flow ends by silence is anybody's guess.
const STEPS: &str = "hostile/pf_ring_babel_update_oobr.pcap";

/// Flows by where they begin.
fn by_place<'v>(flows: impl Iterator<Item = &'v Value>) -> BTreeMap<String, &'v Value> {
    flows.map(|flow| (format!("{} {} {}", flow["first_packet"], flow["file"], flow["community_id"]), flow)).collect()
}

/// What differs between the flows and findings of both runs.
fn differences(file: &str, words: &[&str]) -> Vec<String> {
    let offline = |command: &str| {
        let mut all = vec![command, file, "--format", "jsonl"];
        all.extend(words);
        program::run(&all)
    };
    let (flows, audit) = (offline("flows"), offline("audit"));
    if audit.code == Some(2) {
        return Vec::new();
    }
    let lines = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (flows, told) = (lines(&flows.out), lines(&audit.out));
    let (code, events, _) = replay(file, words);
    let mut different = Vec::new();
    if audit.code != Some(code) {
        different.push(format!("code {:?} {code}", audit.code));
    }
    let expected = by_place(flows.iter().filter(|line| line["type"] == "flow"));
    let ended = |event: &&Value| event["type"] == "flow" && event["end_reason"] != "active-timeout";
    let seen = by_place(events.iter().filter(ended));
    if !expected.keys().eq(seen.keys()) {
        different.push(format!("{} flows, {} seen", expected.len(), seen.len()));
    }
    for (place, flow) in &expected {
        let Some(live) = seen.get(place) else { continue };
        let fields = flow.as_object().unwrap().iter();
        different.extend(
            fields
                .filter(|(name, of)| live[*name] != **of)
                .map(|(name, of)| format!("{name} of {place}: {of} {}", live[name])),
        );
    }
    for field in
        ["frames", "packets", "flows", "skipped", "duplicates", "verdicts", "proofs", "first_seen", "last_seen"]
    {
        let (offline, live) = (&told.last().unwrap()[field], &last(&events)[field]);
        if offline != live {
            different.push(format!("summary {field}: {offline} {live}"));
        }
    }
    different.extend(findings(file, words));
    different
}

/// The same of the reports at the end.
fn findings(file: &str, words: &[&str]) -> Option<String> {
    let report = |command: &[&str]| -> Value {
        let mut all = [command, &["--format", "json"]].concat();
        all.extend(words);
        serde_json::from_str(&program::run(&all).out).unwrap()
    };
    let (offline, live) = (report(&["audit", file]), report(&["live", "-r", file, "--speed", "max"]));
    (offline["findings"] != live["findings"]).then(|| format!("findings: {} {}", offline["findings"], live["findings"]))
}

#[test]
fn the_golden_pool_is_the_same_to_the_letter() {
    assert_eq!(differences(POOL, &["--topology", HOSTS]), [""; 0]);
    assert_eq!(differences(POOL, &["--topology", HOSTS, "--overlay", "all", "--interval", "1s"]), [""; 0]);
    // And the whole report, but for what is told of windows.
    let report = |words: &[&str]| program::run(&[words, &["--topology", HOSTS, "--utc"]].concat()).out;
    let (offline, live) = (report(&["audit", POOL]), report(&["live", "-r", POOL, "--speed", "max"]));
    assert!(live.ends_with(&offline), "{live}");
}

#[test]
fn verdicts_without_a_topology_are_the_same() {
    let inferred = |line: &String| INFERRED.iter().any(|field| line.starts_with(&format!("{field} of ")));
    let different: Vec<_> = differences(POOL, &[]).into_iter().filter(|line| !inferred(line)).collect();
    assert_eq!(different, [""; 0]);
}

#[test]
fn every_real_capture_is_judged_alike() {
    let mut folders = super::real::SOUND.to_vec();
    folders.push("hostile");
    let files = super::real::captures(&folders);
    let mut different = Vec::new();
    for path in files.iter().filter(|path| is_capture(path)) {
        let short = super::real::short(path);
        let inferred = |line: &String| INFERRED.iter().any(|field| line.starts_with(&format!("{field} of ")));
        let later = LEARNED_LATER.contains(&&*short);
        let steps = |line: &String| short == STEPS && line.starts_with("summary ");
        let counts = |line: &String| line.starts_with("verdict of ") || line.starts_with("summary ");
        let lines = differences(path.to_str().unwrap(), &[]).into_iter();
        different.extend(
            lines
                .filter(|line| !inferred(line) && !steps(line) && (!later || counts(line)))
                .map(|line| format!("{short}: {line}")),
        );
    }
    println!("{} captures", files.len());
    assert!(different.is_empty(), "{different:#?}");
}

fn is_capture(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "json" && extension != "tsv" && extension != "md")
}
