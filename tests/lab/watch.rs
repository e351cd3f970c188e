//! The program watches an interface, twice: one tells events, one gives the report at the end. tcpdump does beside them.
//!
//! In: a place, an interface. Out: what both told, and a capture file of the same frames.
//! Must not know: what crosses the interface.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::network::TOPOLOGY;
use super::place::Place;
use super::place::process::{Process, kill, until};
use super::place::tcpdump::Tcpdump;
use super::told;

/// Where the one that gives the report says how far it is.
const METRICS: &str = "127.0.0.1:9464";

/// Both, and tcpdump.
pub struct Watch<'p> {
    place: &'p Place,
    interface: &'p str,
    tcpdump: Tcpdump,
    events: Live,
    report: Live,
}

/// What was seen.
pub struct Watched {
    /// Exit codes.
    pub codes: [Option<i32>; 2],
    /// All events.
    pub events: Vec<Value>,
    /// The audit at the end.
    pub report: Value,
    /// The capture.
    pub file: PathBuf,
}

impl<'p> Watch<'p> {
    /// Begins.
    pub fn on(place: &'p Place, interface: &'p str) -> Self {
        Self {
            place,
            interface,
            tcpdump: Tcpdump::on(place, interface, ""),
            events: Live::on(place, interface, "jsonl --interval 1s", "events.jsonl"),
            report: Live::on(place, interface, &format!("json --interval 1s --metrics {METRICS}"), "report.json"),
        }
    }

    /// Waits until all have seen everything, and ends it; nothing may cross the interface any more.
    pub fn end(mut self) -> Watched {
        let mut seen = [0; 3];
        until(Duration::from_secs(20), || {
            seen = [frames(self.tcpdump.file()), self.told(), self.counted()];
            seen.iter().all(|of| *of == seen[0])
        })
        .unwrap_or_else(|| panic!("frames of tcpdump, events, report: {seen:?}"));
        let file = self.tcpdump.end(&format!("lab-{}", self.interface));
        let codes = [self.events.end(), self.report.end()];
        let read = |name: &str| fs::read_to_string(self.place.path(name)).unwrap();
        let (events, report) =
            (told::parse(&read("events.jsonl")), serde_json::from_str(&read("report.json")).unwrap());
        Watched { codes, events, report, file }
    }

    /// Frames that the latest summary counts.
    fn told(&self) -> u64 {
        let text = fs::read_to_string(self.place.path("events.jsonl")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let summary = whole.lines().rev().find(|line| line.starts_with("{\"type\":\"summary\""));
        summary.map_or(0, |line| told::number(&told::event(line)["frames"]))
    }

    /// Frames that the metrics count.
    fn counted(&self) -> u64 {
        let page = self.place.run("busybox", &*format!("wget -q -O - http://{METRICS}/metrics"), b"");
        let figure = page.text.lines().find_map(|line| line.strip_prefix("lyncap_frames_total "));
        figure.map_or(0, |figure| figure.trim_end_matches(".0").parse().unwrap())
    }
}

/// A run of the program.
struct Live {
    /// Holds a process namespace: the program changes its user, and then no longer dies with whoever started it.
    holder: Process,
    program: u32,
}

impl Live {
    /// Starts it, and waits until it captures.
    fn on(place: &Place, interface: &str, format: &str, file: &str) -> Self {
        let topology = fs::canonicalize(TOPOLOGY).unwrap();
        let line = format!("live -i {interface} --format {format} -o {file} --topology {}", topology.display());
        let mut command = place.server_command("sh");
        command.env("TZ", "UTC");
        // The shell stays: with the first process of its namespace everything in it ends.
        command.args(["-c", "\"$@\"; exit $?", "sh", env!("CARGO_BIN_EXE_lyncap")]).args(line.split_whitespace());
        let holder = Process::start(command, &place.path(""));
        let mut program = None;
        until(Duration::from_secs(10), || {
            program = child(holder.id()).and_then(child);
            program.is_some_and(captures)
        })
        .unwrap_or_else(|| panic!("it does not capture: {}", holder.said()));
        Self { program: program.unwrap(), holder }
    }

    /// Ends it as the system does; the exit code. It must not have complained.
    fn end(&mut self) -> Option<i32> {
        kill("TERM", &self.program.to_string());
        let ended = self.holder.end_within(Duration::from_secs(10));
        // Where it writes to is no concern of the user that it becomes.
        let said = self.holder.said();
        let complaints: Vec<_> =
            said.lines().filter(|line| !line.contains("could not be made again at SIGHUP")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        ended.unwrap().code()
    }
}

/// The first process that a process started.
fn child(process: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Once its capture is open, the program is nobody.
fn captures(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t65534\t"))
}

/// Frames in a pcap file.
fn frames(file: &std::path::Path) -> u64 {
    let bytes = fs::read(file).unwrap_or_default();
    let mut rest = bytes.get(24..).unwrap_or_default();
    let mut count = 0;
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let Some(next) = rest.get(16 + length..) else { break };
        (rest, count) = (next, count + 1);
    }
    count
}
