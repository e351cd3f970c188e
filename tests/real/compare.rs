//! What we say of a capture, beside what tshark says.
//!
//! In: [`Ours`] and its [`Truth`]. Out: [`Differences`], counted and in words.
//! Must not know: which differences are expected.

use std::fmt::Write as _;

use super::ours::Ours;
use super::truth::{Key, Sum, Truth};

/// Kinds of difference, in the order of a summary: of the capture, and of conversations that one side lacks, has
/// alone, counts or times otherwise, or says another end opened.
const KINDS: [&str; 10] =
    ["frames", "bytes", "span", "skipped", "missing", "extra", "count", "first", "last", "initiator"];

/// How two descriptions of a capture differ.
#[derive(Debug, Default)]
pub struct Differences {
    counts: [u64; KINDS.len()],
    /// Packets that our flows hold more than tshark's.
    surplus: [i64; KINDS.len()],
    /// A line each, for people.
    pub details: Vec<String>,
}

impl Differences {
    fn note(&mut self, kind: &str, surplus: i64, detail: String) {
        let at = KINDS.iter().position(|&known| known == kind).unwrap();
        self.counts[at] += 1;
        self.surplus[at] += surplus;
        self.details.push(format!("{kind}: {detail}"));
    }

    /// "missing 3 (-20 packets), last 1"; empty where nothing differs.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for ((kind, count), surplus) in KINDS.iter().zip(self.counts).zip(self.surplus) {
            if count > 0 {
                let comma = if text.is_empty() { "" } else { ", " };
                let packets = if surplus == 0 { String::new() } else { format!(" ({surplus:+} packets)") };
                write!(text, "{comma}{kind} {count}{packets}").unwrap();
            }
        }
        text
    }

    fn both<T: std::fmt::Debug + PartialEq>(&mut self, kind: &str, of: &str, ours: T, theirs: T) {
        if ours != theirs {
            self.note(kind, 0, format!("{of}ours {ours:?}, tshark's {theirs:?}"));
        }
    }
}

/// Compares everything that both know.
pub fn compare(ours: &Ours, truth: &Truth) -> Differences {
    let mut differences = Differences::default();
    differences.both("frames", "", ours.frames, truth.frames);
    differences.both("bytes", "", ours.bytes, truth.bytes);
    differences.both("span", "", ours.span, truth.span);
    for (protocol, &theirs) in &truth.skipped {
        // Without its ports a packet is in no flow there, but skipped by its protocol here.
        let enough = ours.skipped.get(protocol).copied().unwrap_or_default().max(theirs);
        differences.both("skipped", "", ours.skipped.get(protocol), Some(&enough));
    }
    for (key, theirs) in truth.flows.iter().filter(|(key, _)| !ours.flows.contains_key(key)) {
        differences.note("missing", -packets(theirs), name(key));
    }
    for (key, ours) in &ours.flows {
        match truth.flows.get(key) {
            Some(theirs) => compare_flow(&mut differences, &format!("{}: ", name(key)), ours, theirs),
            None => differences.note("extra", packets(ours), name(key)),
        }
    }
    differences
}

fn compare_flow(differences: &mut Differences, name: &str, ours: &Sum, theirs: &Sum) {
    let [ours_sent, theirs_sent] = [ours, theirs].map(|sum| (sum.low, sum.high));
    if ours_sent != theirs_sent {
        let detail = format!("{name}ours {ours_sent:?}, tshark's {theirs_sent:?}");
        differences.note("count", packets(ours) - packets(theirs), detail);
    }
    // A packet without a time of its own has none there, and that of the frame before it here.
    differences.both("first", name, theirs.first.and(ours.first), theirs.first);
    differences.both("last", name, theirs.last.and(ours.last), theirs.last);
    differences.both("initiator", name, ours.opener, theirs.opener);
}

fn packets(sum: &Sum) -> i64 {
    i64::try_from(sum.low.0 + sum.high.0).unwrap()
}

fn name((transport, low, high): &Key) -> String {
    format!("{transport} {low} {high}")
}
