//! Stage 4: payload → evidence. What the bytes of a flow prove, gathered while it is open.
//!
//! In: packets with their direction. Out: [`Evidence`], read by `verdict` once the flow is judged.
//! Must not know: ports, rows, roles.
//!
//! A flow's first bytes are kept, in order and bounded, until signatures know what they are; then they are freed, and
//! further packets cost one test. Of RTP alone every packet is counted, in fixed space.

pub use facts::{Alert, Certificate, ClientCertificate, Details, Tls};
pub use media::{Media, Medium, PAYLOAD_TYPES, STREAMS, Stream, medium, payload_name};
pub use protocol::{Protocol, Sighting, Speaker, Version};

use crate::net::{Both, Direction};

mod certificates;
mod facts;
mod media;
mod protocol;
pub mod signature;
mod trial;

/// What the payload of one flow showed.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    captured: Both<bool>,
    seen: Both<Option<Seen>>,
    details: Option<Box<Details>>,
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
    /// Takes note of a packet's captured payload.
    #[inline]
    pub fn observe(&mut self, direction: Direction, payload: &[u8]) {
        *self.captured.of_mut(direction) |= !payload.is_empty();
    }

    /// The direction that a request or a response proves to be the initiator's. ICE's STUN proves nothing.
    #[must_use]
    pub fn initiator(&self) -> Option<Direction> {
        let by = |direction: Direction| {
            let seen = self.seen.of(direction).as_ref()?;
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
    /// None where no payload was seen, or it was evicted before it told anything.
    #[must_use]
    pub fn observed(&self, initiator: Direction) -> Option<Observed<'_>> {
        let seen = |direction: Direction| self.seen.of(direction).as_ref().map(|seen| (direction, seen.what));
        let (from, what) = seen(initiator.opposite()).or_else(|| seen(initiator))?;
        Some(Observed { protocol: what.protocol, version: what.version, from, details: self.details.as_deref() })
    }

    /// What was recognised in the bytes of one direction, and where.
    #[must_use]
    pub const fn seen(&self, direction: Direction) -> Option<&Seen> {
        self.seen.of(direction).as_ref()
    }

    /// The media facts, if the payload proves media in either direction: STUN, MS-TURN, RTP or RTCP, bare or framed.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self.details.as_deref() {
            Some(Details::Media(media)) => Some(media),
            _ => None,
        }
    }

    /// The TLS facts, if it is TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        match self.details.as_deref() {
            Some(Details::Tls(tls)) => Some(tls),
            _ => None,
        }
    }

    /// TCP ports of the responder's host that an endpoint-mapper or SQL Browser reply in this flow announces.
    #[must_use]
    pub fn announced(&self) -> &[u16] {
        match self.details.as_deref() {
            Some(Details::Announced(ports)) => ports,
            _ => &[],
        }
    }

    /// Of DHCP: whether a Lync client or phone asks or is answered; none if it is not DHCP or no message was seen whole.
    #[must_use]
    pub fn dhcp_of_lync(&self) -> Option<bool> {
        match self.details.as_deref() {
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
