//! Which accept entry of the topology a flow falls under, found by the port.
//!
//! In: the entries, judged flows. Out: an entry's place in the topology. Must not know: findings.

use std::collections::HashMap;

use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Transport;
use crate::report::text::day;
use crate::topology::{Accept, Topology};
use crate::verdict::Judged;

/// The accept entries of a topology.
pub(super) struct Accepts<'a> {
    topology: &'a Topology,
    /// Entries of one port.
    by_port: HashMap<(Transport, u16), Vec<usize>>,
    /// Entries of a range.
    wide: Vec<usize>,
}

impl<'a> Accepts<'a> {
    pub(super) fn new(topology: &'a Topology) -> Self {
        let mut accepts = Self { topology, by_port: HashMap::new(), wide: Vec::new() };
        for (place, accept) in topology.accepts.iter().enumerate() {
            match accept.ports.first == accept.ports.last {
                true => accepts.by_port.entry((accept.transport, accept.ports.first)).or_default().push(place),
                false => accepts.wide.push(place),
            }
        }
        accepts
    }

    /// The first entry that accepts the flow, or else the last that did until its date.
    pub(super) fn of(&self, flow: &Flow<Evidence>, judged: &Judged<'_>) -> (Option<usize>, Option<usize>) {
        let (from, to) = (judged.oriented.initiator.at, judged.oriented.responder.at);
        let transport = judged.oriented.transport;
        let of_port = self.by_port.get(&(transport, to.port)).into_iter().flatten();
        let holds = |accept: &Accept| {
            accept.transport == transport
                && accept.ports.contains(to.port)
                && self.topology.is_party(&accept.from, from)
                && self.topology.is_party(&accept.to, to)
        };
        let (mut accepted, mut expired) = (None, None);
        for &place in of_port.chain(&self.wide) {
            let Some(accept) = self.topology.accepts.get(place).filter(|accept| holds(accept)) else { continue };
            match accept.until.is_none_or(|until| day(flow.first_seen) <= until) {
                true => accepted = Some(accepted.map_or(place, |first: usize| first.min(place))),
                false => expired = expired.max(Some(place)),
            }
        }
        (accepted, expired.filter(|_| accepted.is_none()))
    }
}
