//! Stage 7: flow × evidence × catalog × topology → verdict, once per flow, after the last packet.
//!
//! In: all flows of a capture, the catalogs, the topology. Out: [`Judge`], which gives each flow its [`Judged`]:
//! who opened it, what became of it, which rows explain it, and why. Must not know: how anything is printed.

pub use candidate::{End, Misfit, Oriented, RoleBasis};
pub use direction::Basis;
pub use expectation::Contradiction;
pub use explain::Considered;
pub use near::{Missing, NearMiss};
pub use outcome::{Outcome, icmp_text};
pub use past::Past;
pub use payload::{contradiction_text, observed_text, tls_words};
pub use reason::{direction_text, reasons};

use candidate::{Case, Fit};
use expectation::{Ends, Payload, hold};

use crate::catalog::{Catalogs, Row};
use crate::evidence::{Evidence, Protocol};
use crate::flow::{Flow, Flows, Marks};
use crate::net::{Address, Direction, Endpoint, Transport};
use crate::topology::hash::FastMap;
use crate::topology::{Learned, Topology, Who};

mod candidate;
mod direction;
mod expectation;
mod explain;
mod near;
mod outcome;
mod past;
mod payload;
mod reason;
#[cfg(test)]
pub(crate) mod testing;

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
    /// That the responder listens is known only from what its host announced.
    pub announced: bool,
    /// The responder accepted or answered; a reset is neither.
    pub accepted: bool,
    /// Whether documents explain it.
    pub verdict: Verdict,
    /// What the payload says of `rows` at best; none for undocumented flows.
    pub proof: Option<Proof>,
    /// How the payload contradicts the best row, of a flow that is contradicted.
    pub contradiction: Option<Contradiction>,
    /// The rows that explain it, or that it contradicts, best first; empty for undocumented flows.
    pub rows: Vec<&'a Row>,
    /// What the payload says of each.
    pub proofs: Vec<Proof>,
    /// How well the best row's role is known.
    pub role_basis: Option<RoleBasis>,
    /// What the payload is.
    protocol: Option<Protocol>,
    /// For undocumented flows: rows that almost fit.
    pub near_misses: Vec<NearMiss<'a>>,
}

/// Everything that judging one flow needs to know of the others.
pub struct Judge<'a> {
    catalogs: &'a Catalogs,
    topology: &'a Topology,
    learned: Learned,
    directions: Vec<(Direction, Basis)>,
    heard: FastMap<Address, Heard>,
}

/// How often what a host answered was captured, as far as TCP tells.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Flows with something of it.
    answered: u64,
    /// Flows without, whose initiator went on after its SYN: somebody had answered.
    unheard: u64,
}

impl Heard {
    const fn hears(&self) -> bool {
        self.unheard <= self.answered
    }
}

impl<'a> Judge<'a> {
    /// Learns listeners, directions, roles and answering hosts from all flows.
    #[must_use]
    pub fn new(flows: &Flows<Evidence>, catalogs: &'a Catalogs, topology: &'a Topology) -> Self {
        Self::after(&Past::default(), flows, catalogs, topology)
    }

    /// The same, knowing what flows taught that are gone.
    #[must_use]
    pub fn after(past: &Past, flows: &Flows<Evidence>, catalogs: &'a Catalogs, topology: &'a Topology) -> Self {
        let mut known = past.unbounded();
        flows.iter().for_each(|flow| known.listen(flow));
        let directions = direction::decide(flows, catalogs, topology, &known);
        for (flow, &decided) in flows.iter().zip(&directions) {
            known.hear(flow, decided, catalogs, topology);
        }
        let Past { mut learned, answers, heard, .. } = known;
        learned.infer(answers.into_iter(), catalogs);
        Self { catalogs, topology, learned, directions, heard }
    }

    /// Adds to `past` what the flow at `index` taught, which is about to go.
    pub fn remember(&self, index: usize, flow: &Flow<Evidence>, past: &mut Past) {
        let decided = self.direction(index);
        past.listen(flow);
        past.hear(flow, decided, self.catalogs, self.topology);
        past.ask(flow, decided);
    }

    /// Judges the flow at `index` of the flows this judge was made from.
    #[must_use]
    pub fn judge(&self, index: usize, flow: &Flow<Evidence>) -> Judged<'a> {
        let (initiator, basis) = self.direction(index);
        let case = self.case(initiator, flow);
        let oriented = case.oriented;
        let to = oriented.responder;
        let outcome = outcome::outcome(flow, initiator, || !to.who.group && self.answers(to.at.address));
        let (verdict, fits) = decide(case.candidates());
        let near_misses = if fits.is_empty() { near::near_misses(&case) } else { Vec::new() };
        let proofs: Vec<_> = fits.iter().map(|(fit, _)| fit.said.proof).collect();
        Judged {
            oriented,
            initiator,
            basis,
            announced: self.learned.was_announced(oriented.transport, to.at)
                && !self.learned.has_accepted(oriented.transport, to.at),
            outcome,
            accepted: is_accepted(flow, initiator, outcome),
            verdict,
            proof: proofs.iter().min().copied(),
            contradiction: fits.first().and_then(|(fit, _)| fit.said.contradiction),
            role_basis: fits.first().map(|(fit, _)| fit.basis),
            rows: fits.into_iter().map(|(_, row)| row).collect(),
            proofs,
            protocol: case.payload.protocol(),
            near_misses,
        }
    }

    /// Every row about the ports of the flow at `index`, on or off, and why it explains the flow or does not.
    #[must_use]
    pub fn considered(&self, index: usize, flow: &Flow<Evidence>) -> Vec<Considered<'a>> {
        let case = self.case(self.direction(index).0, flow);
        let (_, fits) = decide(case.candidates());
        let listed: Vec<_> = fits.into_iter().map(|(_, row)| row).collect();
        explain::considered(&case, &listed)
    }

    fn direction(&self, index: usize) -> (Direction, Basis) {
        self.directions.get(index).copied().unwrap_or((Direction::Forward, Basis::FirstPacket))
    }

    /// The flow, its hosts and its payload, oriented.
    fn case<'p>(&self, initiator: Direction, flow: &'p Flow<Evidence>) -> Case<'a, 'p> {
        let [from, to] = [initiator, initiator.opposite()].map(|direction| end(flow, direction));
        let known = |at: Endpoint| {
            let mut who = self.who(at.address);
            who.group |= flow.broadcast && at == flow.tuple.destination;
            End { at, who }
        };
        let oriented = Oriented { transport: flow.tuple.transport, initiator: known(from), responder: known(to) };
        Case { oriented, payload: Payload::of(&flow.state, initiator), catalogs: self.catalogs }
    }

    /// What is declared or inferred of an address.
    #[must_use]
    pub fn who(&self, address: Address) -> Who<'a> {
        let mut who = self.topology.who(address);
        if who.declared.is_empty() {
            who.inferred = self.learned.inferred(address).map(|(roles, _)| roles).unwrap_or_default();
        }
        who
    }

    /// Whether the capture may show what a host says: not where TCP proves mostly answers that were not captured.
    #[must_use]
    pub fn hears(&self, address: Address) -> bool {
        self.heard.get(&address).is_none_or(|host| host.hears())
    }

    /// Whether a host is seen to answer, so that its silence means something.
    fn answers(&self, address: Address) -> bool {
        self.heard.get(&address).is_some_and(|host| host.answered > 0 && host.hears())
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

/// The verdict on the rows of the best class, and those of them that it lists.
fn decide(mut fits: Vec<(Fit, &Row)>) -> (Verdict, Vec<(Fit, &Row)>) {
    let reconciled = |(fit, _): &(Fit, &Row)| fit.said.contradiction.is_none();
    if fits.iter().any(reconciled) {
        fits.retain(reconciled);
    }
    let verdict = match fits.first() {
        None => Verdict::Undocumented,
        Some((fit, _)) if fit.said.contradiction.is_some() => Verdict::Contradicted,
        Some((fit, row)) if row.media.is_some() && fit.said.proof == Proof::Unverified => Verdict::RangeOnly,
        Some(_) => Verdict::Documented,
    };
    (verdict, fits)
}

/// Whether nothing of a TCP responder was captured although the initiator went on: it must have answered.
fn is_unheard(flow: &Flow<Evidence>, initiator: Direction) -> bool {
    let silent = flow.counters.of(initiator.opposite()).packets == 0;
    silent && flow.handshake.marks.of(initiator).has(Marks::TALKED)
}

/// Endpoints that an endpoint-mapper or SQL Browser reply in this flow names, on the host that sent the reply.
fn announced(flow: &Flow<Evidence>) -> impl Iterator<Item = Endpoint> {
    let initiator = flow.state.initiator().or_else(|| flow.handshake.opener());
    let address = initiator.map(|initiator| end(flow, initiator.opposite()).address);
    let ports = flow.state.announced().iter().copied();
    address.into_iter().flat_map(move |address| ports.clone().map(move |port| Endpoint { address, port }))
}

/// Whether some row of few ports on the responder's port can be reconciled with the payload: what listens there on
/// behalf of something else tells no role.
fn keeps_a_row(flow: &Flow<Evidence>, initiator: Direction, catalogs: &Catalogs) -> bool {
    let payload = Payload::of(&flow.state, initiator);
    let nobody = Who::default();
    let ends = Ends { initiator: &nobody, responder: &nobody };
    let port = end(flow, initiator.opposite()).port;
    let mut rows = catalogs.at(flow.tuple.transport, port).filter(|row| row.is_fixed());
    rows.any(|row| hold(row, &payload, ends).contradiction.is_none())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Site;
    use crate::evidence::Details;
    use crate::verdict::testing::{nothing, spoken, spoken_with, tcp, tls, udp};

    #[test]
    fn a_reply_announces_ports_of_the_host_that_sent_it() {
        let announces = |protocol| spoken_with(protocol, None, Some(Details::Announced(vec![49_155, 49_156])));
        let flow = tcp("10.0.0.1:50123", "10.0.0.2:135", announces(Protocol::Rpc));
        let found: Vec<_> = announced(&flow).map(|end| end.to_string()).collect();
        assert_eq!(found, ["10.0.0.2:49155", "10.0.0.2:49156"]);
        // The reply was seen first: its sender is the flow's source.
        let mut flow = udp("10.0.0.2:1434", "10.0.0.1:50123", announces(Protocol::SqlBrowser));
        assert_eq!(announced(&flow).map(|end| end.address.to_string()).next().as_deref(), Some("10.0.0.1"));
        std::mem::swap(&mut flow.tuple.source, &mut flow.tuple.destination);
        assert_eq!(announced(&flow).map(|end| end.address.to_string()).next().as_deref(), Some("10.0.0.2"));
        assert_eq!(announced(&tcp("10.0.0.1:50123", "10.0.0.2:135", spoken(Protocol::Rpc))).count(), 0);
    }

    #[test]
    fn what_contradicts_every_row_of_its_port_tells_no_role() {
        let catalogs = Catalogs::new(&[], Vec::new(), &Site::default()).unwrap();
        let keeps = |port: u16, evidence| {
            keeps_a_row(&tcp("10.1.0.5:50123", &format!("10.0.0.9:{port}"), evidence), Direction::Forward, &catalogs)
        };
        assert!(keeps(5041, nothing()) && keeps(5041, tls(None)) && keeps(5041, spoken(Protocol::Text)));
        assert!(!keeps(5041, spoken(Protocol::Ssh)));
        assert!(!keeps(7777, tls(None)));
    }
}
