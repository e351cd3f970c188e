//! Stage 4: payload → evidence. What the bytes of a flow prove, gathered while it is open.
//!
//! In: packets with their direction. Out: [`Evidence`], read by `verdict` once the flow is judged.
//! Must not know: ports, rows, roles.
//!
//! A flow's first bytes are kept, in order and bounded, until signatures know what they are; then they are freed, and
//! further packets cost one test. Of RTP alone every packet is counted, in fixed space.

pub use certificates::Certificates;
pub use facts::{Alert, Certificate, ClientCertificate, Details, Tls};
pub use media::{Media, Medium, PAYLOAD_TYPES, STREAMS, Stream, medium, payload_name};
pub use protocol::{Probe, Protocol, Sighting, Speaker, Version};
pub use signature::tls::names::{CipherSuite, alert_name, cipher_suite, tls_version_text};

pub use examiner::{BUDGET, Examiner};

use crate::decode::Packet;
use crate::net::{Both, Direction};
use examiner::{Outcome, Ticket};
use facts::ALLOCATION;

mod certificates;
mod dialogue;
mod examiner;
mod facts;
mod media;
#[cfg(test)]
mod noise;
mod prefix;
mod protocol;
pub mod signature;
mod trial;

/// What the payload of one flow showed.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Set once something was recognised or the case was closed.
    known: Option<Box<Known>>,
    captured: Both<bool>,
    state: State,
}

/// How far the reading of a flow has come.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// No payload yet.
    #[default]
    Untouched,
    /// Being read.
    Open(Ticket),
    /// Media over UDP: every packet is counted.
    Media,
    /// Nothing more is read.
    Settled,
}

/// What became known.
#[derive(Clone, Debug, Default)]
struct Known {
    seen: Both<Option<Seen>>,
    details: Option<Details>,
}

impl Known {
    fn held(&self) -> usize {
        ALLOCATION + size_of::<Self>() + self.details.as_ref().map_or(0, Details::held)
    }
}

/// Where a packet stands, told by the flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Sequence number of the first payload byte of this direction, where the handshake tells it.
    pub first_byte: Option<u32>,
    /// How many frames after the flow's first; none if that one is in another file.
    pub after: Option<u32>,
}

/// A sighting, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was recognised.
    pub what: Sighting,
    /// How many frames after the flow's first frame it became certain; none if that frame is of another file.
    pub after: Option<u32>,
}

/// What a flow was observed to be, once it is known who opened it.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The protocol. Where the ends differ, the responder's.
    pub protocol: Protocol,
    /// Its version; for TLS see [`Tls::version`].
    pub version: Option<Version>,
    /// The end whose bytes decided.
    pub from: Direction,
    /// What more is known.
    pub details: Option<&'a Details>,
}

impl Evidence {
    /// Whether payload can tell anything more: the one test that a settled flow costs.
    #[inline]
    #[must_use]
    pub const fn reads(&self) -> bool {
        !matches!(self.state, State::Settled)
    }

    /// Whether what was told stays: nothing is being read that may still tell.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, State::Settled | State::Media)
    }

    /// Reads a word of what the next packet of media will be counted in, for whoever fetches it ahead.
    #[inline]
    #[must_use]
    pub fn warm(&self) -> u64 {
        match (&self.state, self.known.as_deref()) {
            (State::Media, Some(Known { details: Some(Details::Media(media)), .. })) => media.warm(),
            _ => 0,
        }
    }

    /// Takes note of a packet with payload. Returns the bytes of memory that what became known takes.
    pub fn observe(
        &mut self,
        direction: Direction,
        packet: &Packet<'_>,
        place: Place,
        examiner: &mut Examiner,
    ) -> usize {
        *self.captured.of_mut(direction) = true;
        let ticket = match self.state {
            State::Settled => return 0,
            State::Media => {
                let mut grown = 0;
                if let Some(Known { details: Some(Details::Media(media)), seen }) = self.known.as_deref_mut() {
                    let (before, held) = (*media.said.of(direction), media.held());
                    media.observe(direction, packet);
                    grown = media.held() - held;
                    let seen = seen.of_mut(direction);
                    // What began as STUN may have become RTP with this packet.
                    if seen.is_none() || *media.said.of(direction) != before {
                        let now = media.sighting(direction).map(|what| Seen { what, after: place.after });
                        let same = seen.zip(now).is_some_and(|(seen, now)| seen.what == now.what);
                        *seen = if same { *seen } else { now.or(*seen) };
                    }
                }
                return grown;
            }
            State::Open(ticket) => ticket,
            State::Untouched => {
                let ticket = examiner.open(packet.tuple.transport);
                self.state = State::Open(ticket);
                ticket
            }
        };
        match examiner.observe(ticket, direction, packet, place) {
            Outcome::Open => return 0,
            Outcome::Settled(known) => (self.known, self.state) = (known, State::Settled),
            Outcome::Media(known) => (self.known, self.state) = (Some(known), State::Media),
            Outcome::Dropped => self.state = State::Settled,
        }
        self.held()
    }

    /// Bytes of memory that what is known takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.known.as_deref().map_or(0, Known::held)
    }

    /// Whether the payload told anything by now.
    #[must_use]
    pub const fn tells(&self) -> bool {
        self.known.is_some()
    }

    /// Ends the reading with what was told by then; what is still being read is given up.
    pub fn abandon(&mut self, examiner: &mut Examiner) {
        if let State::Open(ticket) = std::mem::replace(&mut self.state, State::Settled) {
            examiner.forget(ticket);
        }
    }

    /// Ends the reading: what was seen is all there is.
    pub fn settle(&mut self, examiner: &mut Examiner) {
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Open(ticket) => self.known = examiner.close(ticket),
            State::Media => self.refine(),
            State::Untouched | State::Settled => {}
        }
    }

    /// A direction that was heard before the media was proven, and never again, says what it said then.
    fn refine(&mut self) {
        let Some(Known { seen, details: Some(Details::Media(media)) }) = self.known.as_deref_mut() else { return };
        for direction in [Direction::Forward, Direction::Reverse] {
            let after = seen.of(direction).and_then(|seen| seen.after);
            if let Some(what) = media.sighting(direction) {
                *seen.of_mut(direction) = Some(Seen { what, after });
            }
        }
    }

    /// The direction that a request or a response proves to be the initiator's. ICE's STUN proves nothing.
    #[must_use]
    pub fn initiator(&self) -> Option<Direction> {
        let by = |direction: Direction| {
            let seen = self.seen(direction)?;
            match seen.what.speaker {
                Speaker::Initiator => Some(direction),
                Speaker::Responder => Some(direction.opposite()),
                Speaker::Either => None,
            }
        };
        let (forward, reverse) = (by(Direction::Forward), by(Direction::Reverse));
        match (forward, reverse) {
            // Two requests or two responses: each end plays both parts, or the ends speak different protocols.
            (Some(a), Some(b)) if a != b => None,
            (a, b) => a.or(b),
        }
    }

    /// What the flow is, given who opened it: the responder's bytes decide where the ends differ and both are known.
    /// None where no payload was seen, or reading it was cut short before it told anything.
    #[must_use]
    pub fn observed(&self, initiator: Direction) -> Option<Observed<'_>> {
        let seen = |direction: Direction| self.seen(direction).map(|seen| (direction, seen.what));
        let (from, what) = seen(initiator.opposite()).or_else(|| seen(initiator))?;
        Some(Observed { protocol: what.protocol, version: what.version, from, details: self.details() })
    }

    /// What was recognised in the bytes of one direction, and where.
    #[must_use]
    pub fn seen(&self, direction: Direction) -> Option<&Seen> {
        self.known.as_deref()?.seen.of(direction).as_ref()
    }

    fn details(&self) -> Option<&Details> {
        self.known.as_deref()?.details.as_ref()
    }

    /// The media facts, if the payload proves media in either direction: STUN, MS-TURN, RTP or RTCP, bare or framed.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self.details() {
            Some(Details::Media(media)) => Some(media),
            _ => None,
        }
    }

    /// The TLS facts, if it is TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        match self.details() {
            Some(Details::Tls(tls)) => Some(tls),
            _ => None,
        }
    }

    /// TCP ports of the responder's host that an endpoint-mapper or SQL Browser reply in this flow announces.
    #[must_use]
    pub fn announced(&self) -> &[u16] {
        match self.details() {
            Some(Details::Announced(ports)) => ports,
            _ => &[],
        }
    }

    /// Of DHCP: whether a Lync client or phone asks or is answered; none if it is not DHCP or no message was seen whole.
    #[must_use]
    pub fn dhcp_of_lync(&self) -> Option<bool> {
        match self.details() {
            Some(Details::Dhcp { lync }) => *lync,
            _ => None,
        }
    }

    /// Whether payload of either end was captured.
    #[must_use]
    pub const fn has_payload(&self) -> bool {
        self.captured.forward || self.captured.reverse
    }
}

impl Evidence {
    /// Evidence as a caller states it, for whom judges without a capture.
    #[must_use]
    pub fn proven(seen: Both<Option<Seen>>, details: Option<Details>) -> Self {
        let captured = Both { forward: seen.forward.is_some(), reverse: seen.reverse.is_some() };
        Self { known: Some(Box::new(Known { seen, details })), captured, state: State::Settled }
    }

    /// As if the case was dropped before it told anything.
    #[cfg(test)]
    pub(crate) fn dropped() -> Self {
        Self { known: None, captured: Both { forward: true, reverse: false }, state: State::Settled }
    }
}
