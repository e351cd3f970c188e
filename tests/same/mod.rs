//! What lyncap says of captures that hold the same traffic, and where that differs.
//!
//! In: captures. Out: for each, all its packets, flows and audit; the first places where two captures are told otherwise.
//! Must not know: how a capture is written; how anything is read or decided.
// No test binary has a public face.
#![allow(unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

pub mod compressed;
pub mod pcapng;

use std::fmt;
use std::io::Cursor;
use std::sync::LazyLock;

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::decode::{Decoder, Mark, Packet, Skip, Tcp};
use lyncap::net::FiveTuple;
use lyncap::pipeline::{self, Options};
use lyncap::report::audit::{self, Audit};
use lyncap::topology::Topology;
use lyncap::verdict::Judge;
use serde_json::{Map, Value, json};

/// The name of a capture that is no file.
pub const NAME: &str = "capture";

/// What the day is judged by.
static DEPLOYMENT: LazyLock<(Topology, Catalogs)> = LazyLock::new(|| {
    let hosts = include_str!("../../fixtures/pool-day.toml");
    let topology = Topology::parse("pool-day.toml", hosts).unwrap();
    let catalogs = Catalogs::new(&[], Vec::new(), &topology.site).unwrap();
    (topology, catalogs)
});

/// One packet, but for what was around it: all that the stages behind the decoder go by.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub at: i64,
    pub tuple: FiveTuple,
    pub wire_length: u32,
    pub payload_length: u32,
    pub payload: Payload,
    pub tcp: Tcp,
    pub dscp: u8,
    pub mark: Mark,
    pub broadcast: bool,
    pub vlan: Vec<u16>,
    pub tunnel: String,
}

/// What was captured of a payload.
#[derive(Clone, PartialEq)]
pub struct Payload(Vec<u8>);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(12)];
        write!(f, "{} bytes {shown:02x?}", self.0.len())
    }
}

impl From<Packet<'_>> for Seen {
    fn from(packet: Packet<'_>) -> Self {
        Self {
            at: packet.at.0,
            tuple: packet.tuple,
            wire_length: packet.wire_length,
            payload_length: packet.payload_length,
            payload: Payload(packet.payload.to_vec()),
            tcp: packet.tcp,
            dscp: packet.dscp,
            mark: packet.mark,
            broadcast: packet.broadcast,
            vlan: packet.vlan.to_vec(),
            tunnel: packet.tunnel.to_string(),
        }
    }
}

/// All that lyncap says of a capture.
#[derive(Clone)]
pub struct Told {
    /// Every frame, in the order read.
    pub frames: Vec<Result<Seen, Skip>>,
    /// `flows` as `lyncap flows` exports them, and `audit` likewise.
    pub records: Value,
}

impl Told {
    /// Of what `open` opens, twice.
    pub fn by(open: impl Fn() -> Inputs) -> Self {
        Self { frames: frames(open()), records: records(open()) }
    }

    /// Of the bytes of one file.
    pub fn of(capture: &[u8]) -> Self {
        Self::by(|| Inputs::from_reader(NAME, Cursor::new(capture.to_vec())).unwrap())
    }

    /// Changes every member of that name.
    pub fn each(&mut self, member: &str, mut change: impl FnMut(&mut Value)) {
        each(&mut self.records, &mut |object| {
            if let Some(value) = object.get_mut(member) {
                change(value);
            }
        });
    }
}

/// Acts on every object, outer ones first.
pub fn each(value: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            act(members);
            members.values_mut().for_each(|value| each(value, act));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, act)),
        _ => {}
    }
}

fn frames(mut inputs: Inputs) -> Vec<Result<Seen, Skip>> {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    while let Some(batch) = inputs.next_batch().unwrap() {
        all.extend(batch.frames.iter().map(|frame| decoder.decode(frame).map(Seen::from)));
    }
    all
}

fn records(inputs: Inputs) -> Value {
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    assert!(reading.stats.is_conserved());
    let (topology, catalogs) = &*DEPLOYMENT;
    let judge = Judge::new(&reading.flows, catalogs, topology);
    let flow = |(index, flow)| {
        let judged = judge.judge(index, flow);
        serde_json::to_value(audit::record(&reading, &judge, index, flow, &judged)).unwrap()
    };
    let flows: Vec<_> = reading.flows.iter().enumerate().map(flow).collect();
    json!({ "flows": flows, "audit": Audit::new(&reading, &judge) })
}

/// Members that a way changes, wherever they stand, and what they become.
pub type Stated = Vec<(&'static str, Value)>;

/// What is said of the one file.
pub fn file(format: &str, compression: Option<&str>, frames: usize, dropped: Option<u64>) -> Stated {
    let record = json!({
        "name": NAME, "format": format, "compression": compression, "frames": frames, "dropped": dropped,
    });
    vec![("files", json!([record])), ("dropped_frames", json!(dropped))]
}

/// So many places are shown of one way.
const SHOWN: usize = 4;

/// The way is told as expected; else where not.
pub fn check(way: &str, expected: &Told, found: &Told, stated: &Stated) -> Result<(), String> {
    let all = differences(expected, found, stated);
    if all.is_empty() { Ok(()) } else { Err(format!("{way}:\n  {}", all.join("\n  "))) }
}

/// What is told otherwise than expected: the first few places.
pub fn differences(expected: &Told, found: &Told, stated: &Stated) -> Vec<String> {
    let mut all = Vec::new();
    if expected.frames.len() != found.frames.len() {
        all.push(format!("{} frames instead of {}", found.frames.len(), expected.frames.len()));
    }
    for (number, (expected, found)) in (1..).zip(expected.frames.iter().zip(&found.frames)) {
        if expected != found && all.len() < SHOWN {
            all.push(short(format!("frame {number}: {found:?} instead of {expected:?}")));
        }
    }
    compare("", &expected.records, &found.records, stated, &mut all);
    all
}

fn compare(path: &str, expected: &Value, found: &Value, stated: &Stated, all: &mut Vec<String>) {
    match (expected, found) {
        _ if all.len() >= SHOWN => {}
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let of = |object: &Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                let (path, found) = (format!("{path}.{key}"), of(b));
                match stated.iter().find(|(member, _)| member == key) {
                    Some((_, expected)) => compare(&path, expected, &found, &Stated::new(), all),
                    None => compare(&path, &of(a), &found, stated, all),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, stated, all);
            }
            if a.len() != b.len() {
                all.push(format!("{path}: {} instead of {}", b.len(), a.len()));
            }
        }
        _ if expected == found => {}
        _ => all.push(short(format!("{path}: {found} instead of {expected}"))),
    }
}

/// A line that can be read.
fn short(line: String) -> String {
    const LONGEST: usize = 600;
    if line.len() <= LONGEST { line } else { format!("{} …", line.chars().take(LONGEST).collect::<String>()) }
}

/// Every way held, and there were at least so many.
pub fn settle(least: usize, ways: impl IntoIterator<Item = Result<(), String>>) {
    let ways: Vec<_> = ways.into_iter().collect();
    let failed: Vec<_> = ways.iter().filter_map(|way| way.as_ref().err().map(String::as_str)).collect();
    assert!(failed.is_empty(), "{} of {} ways differ\n{}", failed.len(), ways.len(), failed.join("\n"));
    assert!(ways.len() >= least, "only {} ways were tried", ways.len());
}
