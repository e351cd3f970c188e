//! Stage 7: flow × evidence × catalog × topology → verdict, once per flow, after the last packet.
//!
//! In: all flows of a capture, the catalogs, the topology. Out: [`Judge`], which gives each flow its [`Judged`]:
//! who opened it, what became of it, which rows explain it, and why. Must not know: how anything is printed.

use std::collections::HashSet;

pub use candidate::{End, Misfit, Oriented, RoleBasis};
pub use considered::Considered; // stub
pub use direction::Basis;
pub use outcome::{Outcome, icmp_text};
pub use reason::{Missing, NearMiss, direction_text, reasons};

use crate::catalog::{Catalogs, Row};
use crate::evidence::Evidence;
use crate::flow::{Flow, Flows, Marks};
use crate::net::{Address, Direction, Endpoint, Transport};
use crate::topology::{Learned, Topology, Who};

mod candidate;
mod considered;
mod direction;
mod outcome;
mod reason;

/// Whether documents explain a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A fixed row fits, or a media row and the payload proves media.
    Documented,
    /// Only media rows fit, and nothing proves or disproves media.
    RangeOnly,
    /// Fixed rows fit, but the payload is positively something else.
    Contradicted,
    /// No row fits.
    Undocumented,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Self; 4] = [Self::Documented, Self::RangeOnly, Self::Contradicted, Self::Undocumented];

    /// As exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::RangeOnly => "range-only",
            Self::Contradicted => "contradicted",
            Self::Undocumented => "undocumented",
        }
    }
}

/// What the payload says of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// It is what a row expects.
    Verified,
    /// Nothing was seen that tells.
    Unverified,
    /// It is something else.
    Contradicted,
}

impl Proof {
    /// As exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Contradicted => "contradicted",
        }
    }
}

/// One judged flow.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// Its ends, who opened it first.
    pub oriented: Oriented<'a>,
    /// The initiator's direction in the flow's counters.
    pub initiator: Direction,
    /// What decided that.
    pub basis: Basis,
    /// What became of it.
    pub outcome: Outcome,
    /// The responder accepted or answered; a reset is neither.
    pub accepted: bool,
    /// Whether documents explain it.
    pub verdict: Verdict,
    /// What the payload says of `rows`; none for undocumented flows.
    pub proof: Option<Proof>,
    /// The rows that explain it, best first; empty for undocumented flows.
    pub rows: Vec<&'a Row>,
    /// How well the best row's role is known.
    pub role_basis: Option<RoleBasis>,
    /// For undocumented flows: rows that almost fit.
    pub near_misses: Vec<NearMiss<'a>>,
}

/// Everything that judging one flow needs to know of the others.
pub struct Judge<'a> {
    catalogs: &'a Catalogs,
    topology: &'a Topology,
    learned: Learned,
    directions: Vec<(Direction, Basis)>,
    answering: HashSet<Address>,
}

impl<'a> Judge<'a> {
    /// Learns listeners, directions, roles and answering hosts from all flows.
    #[must_use]
    pub fn new(flows: &Flows<Evidence>, catalogs: &'a Catalogs, topology: &'a Topology) -> Self {
        let mut learned = Learned::default();
        for flow in flows.iter() {
            for (direction, end) in ends(flow) {
                if flow.handshake.marks.of(direction).has(Marks::SYN_ACK) {
                    learned.accepted(flow.tuple.transport, end);
                }
            }
        }
        let directions = direction::decide(flows, catalogs, topology, &learned);
        let answers = flows.iter().zip(&directions).filter_map(|(flow, &decided)| answer(flow, decided));
        let of_unknown_host = |&(_, end): &(Transport, Endpoint)| {
            let who = topology.who(end.address);
            who.declared.is_empty() && !who.external && !who.group
        };
        learned.infer(answers.filter(of_unknown_host), catalogs);
        let replied = flows.iter().zip(&directions).filter(|(flow, _)| flow.is_two_way());
        let answering = replied.map(|(flow, &(initiator, _))| end(flow, initiator.opposite()).address).collect();
        Self { catalogs, topology, learned, directions, answering }
    }

    /// Judges the flow at `index` of the flows this judge was made from.
    #[must_use]
    pub fn judge(&self, index: usize, flow: &Flow<Evidence>) -> Judged<'_> {
        let (initiator, basis) =
            self.directions.get(index).copied().unwrap_or((Direction::Forward, Basis::FirstPacket));
        let [from, to] = [initiator, initiator.opposite()].map(|direction| end(flow, direction));
        let known = |at: Endpoint| {
            let mut who = self.who(at.address);
            who.group |= flow.broadcast && at == flow.tuple.destination;
            End { at, who }
        };
        let oriented = Oriented { transport: flow.tuple.transport, initiator: known(from), responder: known(to) };
        let answers = self.answering.contains(&to.address) && !oriented.responder.who.group;
        let outcome = outcome::outcome(flow, initiator, answers);
        let fits = oriented.candidates(self.catalogs);
        let role_basis = fits.first().map(|&(basis, _)| basis);
        let rows: Vec<_> = fits.into_iter().map(|(_, row)| row).collect();
        let verdict = match rows.first() {
            None => Verdict::Undocumented,
            Some(row) if row.media.is_some() => Verdict::RangeOnly,
            Some(_) => Verdict::Documented,
        };
        let near_misses = if rows.is_empty() { reason::near_misses(&oriented, self.catalogs) } else { Vec::new() };
        let proof = (!rows.is_empty()).then_some(Proof::Unverified);
        let accepted = is_accepted(flow, initiator, outcome);
        Judged { oriented, initiator, basis, outcome, accepted, verdict, proof, rows, role_basis, near_misses }
    }

    /// What is declared or inferred of an address.
    #[must_use]
    pub fn who(&self, address: Address) -> Who<'_> {
        let mut who = self.topology.who(address);
        if who.declared.is_empty() {
            who.inferred = self.learned.inferred(address).map(|(roles, _)| roles).unwrap_or_default();
        }
        who
    }

    /// Listeners and inferred roles.
    #[must_use]
    pub const fn learned(&self) -> &Learned {
        &self.learned
    }

    /// The catalogs that flows are judged by.
    #[must_use]
    pub const fn catalogs(&self) -> &'a Catalogs {
        self.catalogs
    }

    /// The topology that flows are judged by.
    #[must_use]
    pub const fn topology(&self) -> &'a Topology {
        self.topology
    }
}

/// The endpoint that sends in `direction`.
const fn end(flow: &Flow<Evidence>, direction: Direction) -> Endpoint {
    match direction {
        Direction::Forward => flow.tuple.source,
        Direction::Reverse => flow.tuple.destination,
    }
}

fn ends(flow: &Flow<Evidence>) -> [(Direction, Endpoint); 2] {
    [Direction::Forward, Direction::Reverse].map(|direction| (direction, end(flow, direction)))
}

/// Whether the responder took the connection, as far as is seen.
fn is_accepted(flow: &Flow<Evidence>, initiator: Direction, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Established | Outcome::Answered => true,
        Outcome::Midstream => flow.handshake.marks.of(initiator.opposite()).has(Marks::TALKED),
        _ => false,
    }
}

/// The endpoint that showed by answering that a service is there. A guessed direction shows nothing.
fn answer(flow: &Flow<Evidence>, (initiator, basis): (Direction, Basis)) -> Option<(Transport, Endpoint)> {
    let responder = initiator.opposite();
    let accepted = flow.handshake.marks.of(responder).has(Marks::SYN_ACK);
    let talked = flow.tuple.transport == Transport::Udp || flow.handshake.marks.of(responder).has(Marks::TALKED);
    let replied = flow.is_two_way() && talked && basis <= Basis::FixedRow;
    (accepted || replied).then(|| (flow.tuple.transport, end(flow, responder)))
}
