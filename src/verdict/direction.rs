//! Who opened a flow: a ladder of evidence, and which rung decided.
//!
//! In: all flows, what their hosts are, the catalogs that are on. Out: for each flow the initiator's direction and a
//! [`Basis`]. Must not know: verdicts.
//!
//! A port number decides only where nothing better speaks. Windows' ephemeral range equals the media ranges, so a
//! high port says nothing of what a flow is, only which end it probably belongs to. Of media over UDP it says not even
//! that: both ends are peers, on any port.

use std::hash::BuildHasher as _;

use arrayvec::ArrayVec;

use super::Past;
use super::candidate::{End, Oriented};
use super::expectation::proves_media;
use crate::catalog::{Catalogs, EPHEMERAL, PortOn, RoleOf, Row};
use crate::evidence::Evidence;
use crate::flow::{Flow, Flows};
use crate::net::{Address, Direction, Endpoint, Transport};
use crate::topology::hash::{FastMap, FastSet};
use crate::topology::{Learned, Topology};

/// What decided who opened a flow; strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Basis {
    /// A SYN or a SYN-ACK.
    Handshake,
    /// A request or a response in the payload.
    Protocol,
    /// This address and port accepted another connection, or was announced.
    Listener,
    /// A declared role has a fixed row on exactly one side.
    Topology,
    /// Exactly one side's port is in a fixed row.
    FixedRow,
    /// Three or more addresses talk to exactly one side.
    FanIn,
    /// Exactly one side is in the ephemeral range.
    Ephemeral,
    /// The first packet seen; assumed.
    FirstPacket,
}

impl Basis {
    /// As exported in `direction_basis`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Protocol => "protocol",
            Self::Listener => "listener",
            Self::Topology => "topology",
            Self::FixedRow => "fixed-row",
            Self::FanIn => "fan-in",
            Self::Ephemeral => "ephemeral",
            Self::FirstPacket => "first-packet",
        }
    }
}

/// This many addresses talking to one endpoint make it a service.
const FAN_IN: usize = 3;

/// Initiator's direction and basis of every flow, in the order of `flows`.
pub(super) fn decide(
    flows: &Flows<Evidence>,
    catalogs: &Catalogs,
    topology: &Topology,
    known: &Past,
) -> Vec<(Direction, Basis)> {
    let mut decided: Vec<_> = flows.iter().map(|flow| strong(flow, catalogs, topology, &known.learned)).collect();
    let open = flows.iter().zip(&decided).filter(|(_, decided)| decided.is_none()).map(|(flow, _)| flow);
    let fan_in = FanIn::of(flows, open, &known.asked_by_many);
    flows
        .iter()
        .zip(&mut decided)
        .map(|(flow, decided)| decided.take().unwrap_or_else(|| weak(flow, &fan_in)))
        .collect()
}

/// The rungs that speak for themselves, down to `fixed-row`.
fn strong(
    flow: &Flow<Evidence>,
    catalogs: &Catalogs,
    topology: &Topology,
    learned: &Learned,
) -> Option<(Direction, Basis)> {
    if let Some(opener) = flow.handshake.opener() {
        return Some((opener, Basis::Handshake));
    }
    if let Some(initiator) = flow.state.initiator() {
        return Some((initiator, Basis::Protocol));
    }
    let (transport, ends) = (flow.tuple.transport, [flow.tuple.source, flow.tuple.destination]);
    let by = |basis, responds: [bool; 2]| one_of(responds).map(|initiator| (initiator, basis));
    by(Basis::Listener, ends.map(|end| learned.is_listener(transport, end)))
        .or_else(|| by(Basis::Topology, declared_service(flow, catalogs, topology)))
        .or_else(|| {
            let fixed = ends.map(|end| catalogs.at(transport, end.port).any(Row::is_fixed));
            by(Basis::FixedRow, fixed).filter(|_| !is_media_over_udp(flow))
        })
}

/// Media whose ports say nothing of who asked whom. Over TCP somebody listened.
fn is_media_over_udp(flow: &Flow<Evidence>) -> bool {
    flow.tuple.transport == Transport::Udp && proves_media(&flow.state)
}

/// The rungs that guess.
fn weak(flow: &Flow<Evidence>, fan_in: &FanIn<'_>) -> (Direction, Basis) {
    if is_media_over_udp(flow) {
        return (Direction::Forward, Basis::FirstPacket);
    }
    let (transport, ends) = (flow.tuple.transport, [flow.tuple.source, flow.tuple.destination]);
    if let Some(initiator) = one_of(ends.map(|end| fan_in.is_service(transport, end))) {
        return (initiator, Basis::FanIn);
    }
    match one_of(ends.map(|end| !EPHEMERAL.contains(end.port))) {
        Some(initiator) => (initiator, Basis::Ephemeral),
        None => (Direction::Forward, Basis::FirstPacket),
    }
}

/// Given whether source and destination of the first packet look like the responder: who opened, if exactly one does.
const fn one_of([source, destination]: [bool; 2]) -> Option<Direction> {
    match (source, destination) {
        (false, true) => Some(Direction::Forward),
        (true, false) => Some(Direction::Reverse),
        _ => None,
    }
}

/// Whether source or destination, taken as the responder, is a fixed row of a declared role.
fn declared_service(flow: &Flow<Evidence>, catalogs: &Catalogs, topology: &Topology) -> [bool; 2] {
    if !topology.declares_hosts() {
        return [false, false];
    }
    let end = |at: Endpoint| End { at, who: topology.who(at.address) };
    let oriented = Oriented {
        transport: flow.tuple.transport,
        initiator: end(flow.tuple.source),
        responder: end(flow.tuple.destination),
    };
    [oriented.reversed(), oriented].map(|oriented| {
        let declared = |row: &Row| {
            let roles = match row.role_of {
                RoleOf::Responder => oriented.responder.who.declared,
                RoleOf::Initiator => oriented.initiator.who.declared,
                RoleOf::Either | RoleOf::Both => oriented.initiator.who.declared.union(oriented.responder.who.declared),
            };
            row.is_fixed() && row.port_on == PortOn::Responder && roles.meets(row.roles) && oriented.place(row).is_ok()
        };
        catalogs.at(flow.tuple.transport, oriented.responder.at.port).any(declared)
    })
}

/// Endpoints to which [`FAN_IN`] addresses or more talk.
struct FanIn<'a> {
    /// Of each endpoint asked about that may be one, the first peers.
    peers: FastMap<(Transport, Endpoint), ArrayVec<Address, FAN_IN>>,
    /// Those known from flows that are gone.
    known: &'a FastSet<(Transport, Endpoint)>,
}

impl<'a> FanIn<'a> {
    /// Asks about both ends of the undecided flows. A flood makes two endpoints of every packet: who has too few flows
    /// to have as many peers is told by a byte, and never becomes an entry.
    fn of<'f>(
        flows: &Flows<Evidence>,
        undecided: impl Iterator<Item = &'f Flow<Evidence>>,
        known: &'a FastSet<(Transport, Endpoint)>,
    ) -> Self {
        let mut undecided = undecided.peekable();
        let mut peers: FastMap<(Transport, Endpoint), ArrayVec<Address, FAN_IN>> = FastMap::default();
        if undecided.peek().is_none() {
            return Self { peers, known };
        }
        let seeded = *peers.hasher();
        let mut counts = vec![0_u8; (2 * flows.len()).next_power_of_two()];
        let mask = counts.len() - 1;
        let place = |at: &(Transport, Endpoint)| seeded.hash_one(at) as usize & mask;
        let ends =
            |flow: &Flow<Evidence>| [flow.tuple.source, flow.tuple.destination].map(|end| (flow.tuple.transport, end));
        for flow in flows.iter() {
            for at in ends(flow) {
                if let Some(count) = counts.get_mut(place(&at)) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let may_be =
            |at: &(Transport, Endpoint)| counts.get(place(at)).is_some_and(|&count| usize::from(count) >= FAN_IN);
        let asked = undecided.flat_map(ends).filter(may_be);
        peers.extend(asked.map(|at| (at, ArrayVec::new())));
        for flow in flows.iter() {
            let [source, destination] = ends(flow);
            for (at, peer) in [(source, destination.1.address), (destination, source.1.address)] {
                let Some(peers) = Some(&at).filter(|at| may_be(at)).and_then(|at| peers.get_mut(at)) else { continue };
                if !peers.is_full() && !peers.contains(&peer) {
                    peers.push(peer);
                }
            }
        }
        Self { peers, known }
    }

    fn is_service(&self, transport: Transport, end: Endpoint) -> bool {
        let at = (transport, end);
        self.peers.get(&at).is_some_and(ArrayVec::is_full) || self.known.contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Site;
    use crate::evidence::Protocol;
    use crate::verdict::testing::{media, nothing, spoken, tcp, udp};

    /// Who opened the flow, and by which rung; `learned` is told first.
    fn check(flow: &Flow<Evidence>, learned: &Learned, expected: (Direction, Basis)) {
        let catalogs = Catalogs::new(&[], Vec::new(), &Site::default()).unwrap();
        let topology = Topology::default();
        let decided = strong(flow, &catalogs, &topology, learned);
        let decided = decided
            .unwrap_or_else(|| weak(flow, &FanIn::of(&Flows::default(), [flow].into_iter(), &FastSet::default())));
        assert_eq!(decided, expected, "{:?}", flow.tuple);
    }

    #[test]
    fn a_request_tells_who_opened() {
        let none = Learned::default();
        let (forward, reverse) = (Direction::Forward, Direction::Reverse);
        // Port 5062 is a row's, but its host asks.
        check(&tcp("10.0.0.1:5062", "10.0.0.2:51000", spoken(Protocol::Http)), &none, (forward, Basis::Protocol));
        check(&tcp("10.0.0.1:5062", "10.0.0.2:51000", nothing()), &none, (reverse, Basis::FixedRow));
        // ICE's STUN comes from both ends.
        check(&tcp("10.0.0.1:5062", "10.0.0.2:51000", media(&[])), &none, (reverse, Basis::FixedRow));
    }

    #[test]
    fn the_ports_of_media_over_udp_say_nothing() {
        let none = Learned::default();
        let forward = Direction::Forward;
        for types in [&[][..], &[114]] {
            check(&udp("10.0.0.1:1434", "10.0.0.2:51000", media(types)), &none, (forward, Basis::FirstPacket));
            check(&udp("10.0.0.1:7000", "10.0.0.2:51000", media(types)), &none, (forward, Basis::FirstPacket));
            // A service that many use, were it not media.
            let flow = udp("10.0.0.1:51001", "10.0.0.2:51000", media(types));
            let others = (3..9).map(|peer| udp(&format!("10.0.0.{peer}:51001"), "10.0.0.2:51000", nothing()));
            let flows: Flows<_> = others.chain([flow]).collect();
            let none_known = FastSet::default();
            let fan_in = FanIn::of(&flows, flows.iter(), &none_known);
            assert!(fan_in.is_service(Transport::Udp, flows[0].tuple.destination));
            assert_eq!(weak(&flows[0], &fan_in), (forward, Basis::FanIn));
            assert_eq!(weak(&flows[6], &fan_in), (forward, Basis::FirstPacket));
        }
        check(&udp("10.0.0.1:7000", "10.0.0.2:51000", nothing()), &none, (Direction::Reverse, Basis::Ephemeral));
    }

    #[test]
    fn what_was_announced_listens() {
        let mut learned = Learned::default();
        let flow = tcp("10.0.0.1:51000", "10.0.0.2:5062", nothing());
        learned.announced(flow.tuple.source);
        check(&flow, &learned, (Direction::Reverse, Basis::Listener));
        // The same number over UDP was not.
        check(&udp("10.0.0.1:51000", "10.0.0.2:1434", nothing()), &learned, (Direction::Forward, Basis::FixedRow));
        // Both ends listen: this rung does not tell.
        learned.accepted(Transport::Tcp, flow.tuple.destination);
        check(&flow, &learned, (Direction::Forward, Basis::FixedRow));
    }
}
