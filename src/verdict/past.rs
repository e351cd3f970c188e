//! What flows taught of hosts: while they are there, and after they are gone.
//!
//! In: flows, and who opened each. Out: [`Past`]: listeners, what answered, what many ask, who is heard.
//! Must not know: verdicts. A capture is one past; a live run carries one on over its windows, bounded.

use super::{Basis, Heard, announced, answer, end, ends, is_unheard, keeps_a_row};
use crate::catalog::Catalogs;
use crate::evidence::Evidence;
use crate::flow::{Flow, Marks};
use crate::net::{Address, Direction, Endpoint, Transport};
use crate::topology::hash::{FastMap, FastSet};
use crate::topology::{Learned, Topology};

/// What was learned of hosts, before any flow is judged.
#[derive(Clone, Debug)]
pub struct Past {
    pub(super) learned: Learned,
    /// Endpoints of undeclared hosts that answered, once each.
    pub(super) answers: FastSet<(Transport, Endpoint)>,
    pub(super) heard: FastMap<Address, Heard>,
    /// Endpoints that many asked, in flows that are gone.
    pub(super) asked_by_many: FastSet<(Transport, Endpoint)>,
    /// Entries of each kind at most.
    most: usize,
    overflow: u64,
}

impl Default for Past {
    /// Nothing yet, and room for everything.
    fn default() -> Self {
        Self::within(usize::MAX)
    }
}

impl Past {
    /// Nothing yet, and room for so many listeners, answers, hosts.
    #[must_use]
    pub fn within(most: usize) -> Self {
        Self {
            learned: Learned::default(),
            answers: FastSet::default(),
            heard: FastMap::default(),
            asked_by_many: FastSet::default(),
            most,
            overflow: 0,
        }
    }

    /// Without bounds, for as long as the flows are there themselves.
    pub(super) fn unbounded(&self) -> Self {
        Self { most: usize::MAX, ..self.clone() }
    }

    /// What found no room.
    #[must_use]
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }

    /// Takes note of who listens.
    pub(super) fn listen(&mut self, flow: &Flow<Evidence>) {
        for (direction, end) in ends(flow) {
            if flow.handshake.marks.of(direction).has(Marks::SYN_ACK) {
                match self.has_room(self.learned.len()) || self.learned.has_accepted(flow.tuple.transport, end) {
                    true => self.learned.accepted(flow.tuple.transport, end),
                    false => self.overflow += 1,
                }
            }
        }
        for end in announced(flow) {
            match self.has_room(self.learned.len()) || self.learned.was_announced(Transport::Tcp, end) {
                true => self.learned.announced(end),
                false => self.overflow += 1,
            }
        }
    }

    /// Takes note of who answers.
    pub(super) fn hear(
        &mut self,
        flow: &Flow<Evidence>,
        (initiator, basis): (Direction, Basis),
        catalogs: &Catalogs,
        topology: &Topology,
    ) {
        let of_unknown_host = |end: Endpoint| {
            let who = topology.who(end.address);
            who.declared.is_empty() && !who.external && !who.group
        };
        // Each endpoint answers once.
        let answer = answer(flow, (initiator, basis)).filter(|at| !self.answers.contains(at));
        if let Some(at) = answer.filter(|at| of_unknown_host(at.1) && keeps_a_row(flow, initiator, catalogs)) {
            match self.has_room(self.answers.len()) {
                true => _ = self.answers.insert(at),
                false => self.overflow += 1,
            }
        }
        let (answered, unheard) = (flow.is_two_way(), is_unheard(flow, initiator));
        if answered || unheard {
            let host = end(flow, initiator.opposite()).address;
            if !self.has_room(self.heard.len()) && !self.heard.contains_key(&host) {
                self.overflow += 1;
                return;
            }
            let host = self.heard.entry(host).or_default();
            host.answered += u64::from(answered);
            host.unheard += u64::from(unheard);
        }
    }

    /// Takes note of what was decided by [`Basis::FanIn`]: its peers are about to go.
    pub(super) fn ask(&mut self, flow: &Flow<Evidence>, (initiator, basis): (Direction, Basis)) {
        if basis != Basis::FanIn {
            return;
        }
        let at = (flow.tuple.transport, end(flow, initiator.opposite()));
        match self.has_room(self.asked_by_many.len()) || self.asked_by_many.contains(&at) {
            true => _ = self.asked_by_many.insert(at),
            false => self.overflow += 1,
        }
    }

    const fn has_room(&self, held: usize) -> bool {
        held < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Site;
    use crate::evidence::Protocol;
    use crate::flow::Flows;
    use crate::verdict::testing::{nothing, spoken, tcp};
    use crate::verdict::{Judge, Outcome};

    /// A flow and the same host's others, one after the other.
    fn check(first: &[Flow<Evidence>], then: &Flow<Evidence>, expected: (Basis, Outcome)) {
        let (catalogs, topology) = (Catalogs::new(&[], Vec::new(), &Site::default()).unwrap(), Topology::default());
        let all: Flows<_> = first.iter().chain([then]).cloned().collect();
        let judge = Judge::new(&all, &catalogs, &topology);
        let at_once = judge.judge(first.len(), then);
        assert_eq!((at_once.basis, at_once.outcome), expected, "at once");
        let gone: Flows<_> = first.iter().cloned().collect();
        let mut past = Past::within(10);
        let judge = Judge::after(&past, &gone, &catalogs, &topology);
        gone.iter().enumerate().for_each(|(index, flow)| judge.remember(index, flow, &mut past));
        let left: Flows<_> = [then.clone()].into_iter().collect();
        let judge = Judge::after(&past, &left, &catalogs, &topology);
        let later = judge.judge(0, then);
        assert_eq!((later.basis, later.outcome), expected, "later");
        assert_eq!(later.oriented.responder.at, at_once.oriented.responder.at);
    }

    #[test]
    fn what_flows_taught_stays_when_they_are_gone() {
        let one = |n: u8, port| tcp(&format!("10.0.0.{n}:50123"), &format!("10.0.0.200:{port}"), nothing());
        let asked: Vec<_> = (1..4).map(|n| one(n, 4242)).collect();
        check(&asked, &one(9, 4242), (Basis::FanIn, Outcome::Midstream));
        let spoken = tcp("10.0.0.1:50123", "10.0.0.200:5071", spoken(Protocol::Http));
        check(&[spoken], &one(9, 5071), (Basis::FixedRow, Outcome::Midstream));
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let (catalogs, topology) = (Catalogs::new(&[], Vec::new(), &Site::default()).unwrap(), Topology::default());
        let flows: Flows<_> =
            (1..100).map(|n| tcp("10.0.0.1:50123", &format!("10.0.1.{n}:5061"), spoken(Protocol::Tls))).collect();
        let mut past = Past::within(10);
        let judge = Judge::after(&past, &flows, &catalogs, &topology);
        flows.iter().enumerate().for_each(|(index, flow)| judge.remember(index, flow, &mut past));
        assert!(past.heard.len() <= 10 && past.answers.len() <= 10 && past.overflow() >= 89, "{past:?}");
    }
}
