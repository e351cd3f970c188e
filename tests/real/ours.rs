//! What we say of a capture.
//!
//! In: a capture file. Out: [`Ours`], in the words of [`Truth`](super::truth::Truth); and that no frame got lost.
//! Must not know: what tshark says.

use std::collections::BTreeMap;

use lyncap::capture::{InputFile, Inputs, LinkType};
use lyncap::evidence::Evidence;
use lyncap::flow::{Flow, Flows, Timeouts};
use lyncap::net::Direction;
use lyncap::pipeline::{self, Options};

use super::truth::{Key, Sum};

/// Our figures of one capture.
#[derive(Debug)]
pub struct Ours {
    /// Frames.
    pub frames: u64,
    /// Their length on the wire.
    pub bytes: u64,
    /// Earliest and latest time.
    pub span: Option<(i64, i64)>,
    /// Conversations.
    pub flows: BTreeMap<Key, Sum>,
    /// Frames that are in no flow, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Frames by link type.
    pub links: BTreeMap<LinkType, u64>,
    /// Whether the file broke off.
    pub damaged: bool,
}

impl Ours {
    /// Reads a capture, no silence ending a flow and every copy counting, as in tshark; checks that nothing got lost.
    pub fn read(name: &str, inputs: Inputs) -> Self {
        let timeouts = Timeouts { tcp_ns: i64::MAX, udp_ns: i64::MAX };
        let options = Options { timeouts, keep_duplicates: true, ..Options::default() };
        let read = pipeline::read(inputs, options, |_| ()).unwrap();
        let stats = read.stats;
        check_conservation(
            name,
            &read.flows,
            &read.files,
            (stats.frames, stats.packets, stats.skips.total() + stats.duplicates),
        );
        Self {
            frames: stats.frames,
            bytes: stats.bytes,
            span: stats.span.map(|(first, last)| (first.0, last.0)),
            flows: sums(&read.flows),
            skipped: stats.skips.iter().map(|(name, n)| (name.into_owned(), n)).collect(),
            links: stats.links,
            damaged: !read.damage.is_empty(),
        }
    }
}

/// Frames are packets or not (skips and duplicates), packets are in flows, and no flow is empty or ends before it begins.
pub fn check_conservation(
    name: &str,
    flows: &Flows<Evidence>,
    files: &[InputFile],
    (frames, packets, others): (u64, u64, u64),
) {
    assert_eq!(frames, packets + others, "{name}: frames = packets + skips + duplicates");
    assert_eq!(packets, flows.iter().map(Flow::packets).sum::<u64>(), "{name}: packets = sum over flows");
    assert_eq!(frames, files.iter().map(|file| file.frames).sum::<u64>(), "{name}: frames = sum over files");
    for flow in flows.iter() {
        assert!(flow.packets() > 0 && flow.last_seen >= flow.first_seen, "{name}: {:?}", flow.tuple);
    }
}

/// Flows by conversation. They come in order of their first packets.
fn sums(flows: &Flows<Evidence>) -> BTreeMap<Key, Sum> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for flow in flows.iter() {
        let (source, destination) = (flow.tuple.source, flow.tuple.destination);
        let key = (flow.tuple.transport, source.min(destination), source.max(destination));
        let sum = sums.entry(key).or_default();
        let [forward, reverse] = [flow.counters().forward, flow.counters().reverse].map(|c| (c.packets, c.bytes));
        let (low, high) = if source <= destination { (forward, reverse) } else { (reverse, forward) };
        sum.low = (sum.low.0 + low.0, sum.low.1 + low.1);
        sum.high = (sum.high.0 + high.0, sum.high.1 + high.1);
        sum.first = sum.first.or(Some(flow.first_seen.0));
        sum.last = sum.last.max(Some(flow.last_seen.0));
        let opener = flow.handshake.opener().map(|direction| match direction {
            Direction::Forward => source,
            Direction::Reverse => destination,
        });
        sum.opener = sum.opener.or(opener);
    }
    sums
}
