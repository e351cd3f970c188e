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

/// What the payload of one flow showed: two words of the flow's state.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    state: State,
}

/// How far the reading of a flow has come.
#[derive(Clone, Debug, Default)]
enum State {
    /// No payload yet.
    #[default]
    Untouched,
    /// Being read.
    Open(Heard, Ticket),
    /// Media over UDP: every packet is counted.
    Media(Heard, Box<Known>),
    /// Nothing more is read. None where nothing was recognised.
    Settled(Heard, Option<Box<Known>>),
}

/// Whose payload was captured.
type Heard = Both<bool>;

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

    const fn media(&self) -> Option<&Media> {
        match &self.details {
            Some(Details::Media(media)) => Some(media),
            _ => None,
        }
    }

    /// Counts a packet of media. Returns the bytes of memory that it took.
    fn count(&mut self, direction: Direction, packet: &Packet<'_>, place: Place) -> usize {
        let Self { details: Some(Details::Media(media)), seen } = self else { return 0 };
        let (before, held) = (*media.said.of(direction), media.held());
        media.observe(direction, packet);
        let seen = seen.of_mut(direction);
        // What began as STUN may have become RTP with this packet.
        if seen.is_none() || *media.said.of(direction) != before {
            let now = media.sighting(direction).map(|what| Seen { what, after: place.after });
            let same = seen.zip(now).is_some_and(|(seen, now)| seen.what == now.what);
            *seen = if same { *seen } else { now.or(*seen) };
        }
        media.held() - held
    }

    /// A direction that was heard before the media was proven, and never again, says what it said then.
    fn refine(&mut self) {
        let Self { seen, details: Some(Details::Media(media)) } = self else { return };
        for direction in [Direction::Forward, Direction::Reverse] {
            let after = seen.of(direction).and_then(|seen| seen.after);
            if let Some(what) = media.sighting(direction) {
                *seen.of_mut(direction) = Some(Seen { what, after });
            }
        }
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
        !matches!(self.state, State::Settled(..))
    }

    /// Whether what was told stays: nothing is being read that may still tell.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, State::Settled(..) | State::Media(..))
    }

    /// Reads a word of what the next packet of media will be counted in, for whoever fetches it ahead.
    #[inline]
    #[must_use]
    pub fn warm(&self) -> u64 {
        match &self.state {
            State::Media(_, known) => known.media().map_or(0, Media::warm),
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
        if let State::Untouched = self.state {
            self.state = State::Open(Heard::default(), examiner.open(packet.tuple.transport));
        }
        let (heard, ticket) = match &mut self.state {
            State::Untouched | State::Settled(..) => return 0,
            State::Media(heard, known) => {
                *heard.of_mut(direction) = true;
                return known.count(direction, packet, place);
            }
            State::Open(heard, ticket) => (heard, *ticket),
        };
        *heard.of_mut(direction) = true;
        let heard = *heard;
        self.state = match examiner.observe(ticket, direction, packet, place) {
            Outcome::Open => return 0,
            Outcome::Settled(known) => State::Settled(heard, known),
            Outcome::Media(known) => State::Media(heard, known),
            Outcome::Dropped => State::Settled(heard, None),
        };
        self.held()
    }

    /// Bytes of memory that what is known takes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.known().map_or(0, Known::held)
    }

    fn known(&self) -> Option<&Known> {
        match &self.state {
            State::Untouched | State::Open(..) => None,
            State::Media(_, known) => Some(known),
            State::Settled(_, known) => known.as_deref(),
        }
    }

    const fn heard(&self) -> Heard {
        match self.state {
            State::Untouched => Heard { forward: false, reverse: false },
            State::Open(heard, _) | State::Media(heard, _) | State::Settled(heard, _) => heard,
        }
    }

    /// Whether the payload told anything by now.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.known().is_some()
    }

    /// Ends the reading with what was told by then; what is still being read is given up.
    pub fn abandon(&mut self, examiner: &mut Examiner) {
        self.end(|ticket| {
            examiner.forget(ticket);
            None
        });
    }

    /// Ends the reading: what was seen is all there is.
    pub fn settle(&mut self, examiner: &mut Examiner) {
        if let State::Media(_, known) = &mut self.state {
            known.refine();
        }
        self.end(|ticket| examiner.close(ticket));
    }

    /// Ends the reading; `close` says what a case comes to.
    fn end(&mut self, close: impl FnOnce(Ticket) -> Option<Box<Known>>) {
        let heard = self.heard();
        let known = match std::mem::take(&mut self.state) {
            State::Untouched => None,
            State::Open(_, ticket) => close(ticket),
            State::Media(_, known) => Some(known),
            State::Settled(_, known) => known,
        };
        self.state = State::Settled(heard, known);
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
        self.known()?.seen.of(direction).as_ref()
    }

    fn details(&self) -> Option<&Details> {
        self.known()?.details.as_ref()
    }

    /// The media facts, if the payload proves media in either direction: STUN, MS-TURN, RTP or RTCP, bare or framed.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        self.known()?.media()
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
        let heard = self.heard();
        heard.forward || heard.reverse
    }
}

impl Evidence {
    /// Evidence as a caller states it, for whom judges without a capture.
    #[must_use]
    pub fn proven(seen: Both<Option<Seen>>, details: Option<Details>) -> Self {
        let heard = Both { forward: seen.forward.is_some(), reverse: seen.reverse.is_some() };
        Self { state: State::Settled(heard, Some(Box::new(Known { seen, details }))) }
    }

    /// As if the case was dropped before it told anything.
    #[cfg(test)]
    pub(crate) fn dropped() -> Self {
        Self { state: State::Settled(Both { forward: true, reverse: false }, None) }
    }
}
