//! What we call the payload of each conversation of a capture.
//!
//! In: a capture file. Out: [`Named`] for each conversation that has payload.
//! Must not know: what tshark calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::slice;

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::decode::Decoder;
use lyncap::error::Error;
use lyncap::evidence::Protocol;
use lyncap::flow::Timeouts;
use lyncap::net::Transport;
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

use super::truth::Key;

/// One conversation, whatever split it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// What it was identified as; several where a port was used again.
    pub protocols: BTreeSet<Protocol>,
    /// Packets and payload bytes sent by each end.
    pub sent: [(u64, u64); 2],
    /// TCP without a handshake.
    pub midstream: bool,
    /// Some payload is not in the file, or in a later fragment.
    pub cut: bool,
}

impl Named {
    /// Every conversation with payload in a capture that can be opened.
    pub fn read(path: &PathBuf) -> Result<BTreeMap<Key, Self>, Error> {
        let inputs = Inputs::open(slice::from_ref(path))?;
        let timeouts = Timeouts { tcp_ns: i64::MAX, udp_ns: i64::MAX };
        let read =
            pipeline::read(inputs, Options { timeouts, keep_duplicates: true, ..Options::default() }, |_| ()).unwrap();
        let topology = Topology::default();
        let catalogs = Catalogs::new(&[], Vec::new(), &topology.site).unwrap();
        let judge = Judge::new(&read.flows, &catalogs, &topology);
        let mut conversations: BTreeMap<Key, Self> = BTreeMap::new();
        for (index, flow) in read.flows.iter().enumerate() {
            let (source, destination) = (flow.tuple.source, flow.tuple.destination);
            let key = (flow.tuple.transport, source.min(destination), source.max(destination));
            let named = conversations.entry(key).or_default();
            let observed = flow.state.observed(judge.judge(index, flow).initiator);
            named.protocols.extend(observed.map(|observed| observed.protocol).filter(|what| what.is_identified()));
            for (sum, counters) in named.sent.iter_mut().zip([flow.counters().forward, flow.counters().reverse]) {
                *sum = (sum.0 + counters.packets, sum.1 + counters.payload_bytes);
            }
            named.midstream |= flow.tuple.transport == Transport::Tcp && flow.handshake.opener().is_none();
        }
        conversations.retain(|_, named| named.sent.iter().any(|sent| sent.1 > 0));
        for key in cut(Inputs::open(slice::from_ref(path))?) {
            conversations.entry(key).and_modify(|named| named.cut = true);
        }
        Ok(conversations)
    }

    /// Its names, for people.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.protocols.iter().map(|protocol| protocol.as_str()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join("+") }
    }
}

/// The conversations of which bytes were on the wire that are not in the file, or not where they can be read.
fn cut(mut inputs: Inputs) -> BTreeSet<Key> {
    let mut decoder = Decoder::new();
    let mut keys = BTreeSet::new();
    while let Some(batch) = inputs.next_batch().unwrap() {
        for packet in batch.frames.iter().filter_map(|frame| decoder.decode(frame).ok()) {
            if packet.payload.len() < packet.payload_length as usize {
                let (source, destination) = (packet.tuple.source, packet.tuple.destination);
                keys.insert((packet.tuple.transport, source.min(destination), source.max(destination)));
            }
        }
    }
    keys
}
