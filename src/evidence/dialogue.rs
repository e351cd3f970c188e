//! A TCP connection until it is known what it is.
//!
//! In: its segments, in any order. Out: what each direction says, and what both together tell.
//! Must not know: UDP, ports, rows, what any one protocol looks like.

use super::certificates::Certificates;
use super::facts::Details;
use super::prefix::Assembled;
use super::protocol::{Probe, Protocol, Sighting, Speaker};
use super::signature::{Prefix, STREAM, STUDIES, Study, text};
use crate::decode::Packet;
use crate::net::{Both, Direction};

/// Segments that bring nothing new before the rest is not waited for: the other end is not captured, or silent.
const PATIENCE: u8 = 64;

/// TCP flags.
const SYN: u8 = 0x02;
const RST: u8 = 0x04;

/// What was seen of a connection that is not known yet.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    sides: Both<Side>,
    /// How many bytes of each direction the study asks for next; none if it wants nothing more of it.
    wanted: Both<Option<usize>>,
    details: Option<Details>,
    /// The study was asked at least once, whatever it knew.
    studied: bool,
    idle: u8,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    bytes: Assembled,
    /// So many bytes are needed before the signatures are asked again.
    needed: usize,
    said: Said,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    /// Nothing that tells yet.
    #[default]
    Unclear,
    Sighted(Sighting),
    /// No signature's.
    Unknown,
}

impl Dialogue {
    /// Takes a segment with payload. True once nothing more needs to be read.
    pub(super) fn observe(
        &mut self,
        seen: &mut Both<Option<Sighting>>,
        direction: Direction,
        packet: &Packet<'_>,
        first_byte: Option<u32>,
        certificates: &mut Certificates,
    ) -> bool {
        // A SYN takes a number before its data. What a reset carries is a remark, not data (RFC 9293 §3.4, §3.5.3).
        let sequence = packet.tcp.sequence.wrapping_add(u32::from(packet.tcp.flags & SYN != 0));
        let wanted = self.reads(direction) || self.sides.of(direction).may_begin_at(sequence);
        let side = self.sides.of_mut(direction);
        if packet.tcp.flags & RST != 0 || !wanted || !side.take(first_byte, sequence, packet) {
            return self.is_out_of_patience();
        }
        side.look(false);
        if let Said::Sighted(sighting) = side.said {
            *seen.of_mut(direction) = Some(sighting);
        }
        self.study(direction, certificates);
        self.is_settled()
    }

    /// What is known in the end. `seen` gets text or unknown binary where nothing was recognised.
    pub(super) fn conclude(
        &mut self,
        seen: &mut Both<Option<Sighting>>,
        certificates: &mut Certificates,
    ) -> Option<Details> {
        for direction in [Direction::Forward, Direction::Reverse] {
            let side = self.sides.of_mut(direction);
            side.look(true);
            if let Said::Sighted(sighting) = side.said {
                *seen.of_mut(direction) = Some(sighting);
            }
        }
        let identified = seen.forward.is_some() || seen.reverse.is_some();
        for direction in [Direction::Forward, Direction::Reverse] {
            let side = self.sides.of(direction);
            let view = side.bytes.view();
            // What was seen from the middle, or not to its end, takes nothing from what the other end says.
            let tells = !identified || (side.said == Said::Unknown && view.from_start);
            if seen.of(direction).is_none() && !view.bytes.is_empty() && tells {
                *seen.of_mut(direction) = Some(Sighting::of(text::kind(view.bytes), Speaker::Either));
            }
        }
        if let Some(study) = self.subject() {
            let views = self.views(true);
            self.details = study(&views, certificates).details.or_else(|| self.details.take());
        }
        self.details.take()
    }

    /// Bytes of heap held.
    pub(super) fn held(&self) -> usize {
        self.sides.forward.bytes.held() + self.sides.reverse.bytes.held()
    }

    /// Forgets the connection, ready for another.
    pub(super) fn clear(&mut self) {
        let mut sides = std::mem::take(&mut self.sides);
        sides.forward.bytes.clear();
        sides.reverse.bytes.clear();
        *self = Self::default();
        self.sides.forward.bytes = sides.forward.bytes;
        self.sides.reverse.bytes = sides.reverse.bytes;
    }

    /// Whether bytes of this direction could tell anything more.
    fn reads(&self, direction: Direction) -> bool {
        let side = self.sides.of(direction);
        !side.bytes.view().ended && (side.said == Said::Unclear || self.wanted.of(direction).is_some())
    }

    fn is_out_of_patience(&mut self) -> bool {
        self.idle = self.idle.saturating_add(1);
        self.idle >= PATIENCE || self.is_settled()
    }

    /// Nothing more is to be learned from either direction.
    fn is_settled(&self) -> bool {
        !self.reads(Direction::Forward) && !self.reads(Direction::Reverse)
    }

    /// What reads on, once a direction is recognised. A responder's word goes before an initiator's.
    fn subject(&self) -> Option<Study> {
        let sighted = |side: &Side| match side.said {
            Said::Sighted(sighting) => Some(sighting),
            _ => None,
        };
        let (a, b) = (sighted(&self.sides.forward), sighted(&self.sides.reverse));
        let (first, second) = if b.is_some_and(|b| b.speaker == Speaker::Responder) { (b, a) } else { (a, b) };
        first.and_then(study_of).or_else(|| second.and_then(study_of))
    }

    fn views(&self, over: bool) -> Both<Prefix<'_>> {
        let ended = |prefix: Prefix<'_>| prefix.ended || over;
        let (forward, reverse) = (self.sides.forward.bytes.view(), self.sides.reverse.bytes.view());
        Both {
            forward: Prefix { ended: ended(forward), ..forward },
            reverse: Prefix { ended: ended(reverse), ..reverse },
        }
    }

    fn study(&mut self, grown: Direction, certificates: &mut Certificates) {
        let Some(study) = self.subject() else { return };
        let length = self.sides.of(grown).bytes.view().bytes.len();
        // Asked before, and this is not enough yet for an answer to change.
        if self.studied && self.wanted.of(grown).is_some_and(|wanted| length < wanted) {
            return;
        }
        let studied = study(&self.views(false), certificates);
        self.studied = true;
        self.wanted = studied.wanted;
        self.details = studied.details;
    }
}

impl Side {
    /// Whether a segment at `sequence` shows that the bytes which nobody knew were seen from the middle.
    fn may_begin_at(&self, sequence: u32) -> bool {
        self.said == Said::Unknown && self.bytes.may_begin_at(sequence)
    }

    /// Takes in a segment; true as [`Assembled::insert`] says. If the stream begins earlier than it seemed, all is open
    /// again but what was certain.
    fn take(&mut self, first_byte: Option<u32>, sequence: u32, packet: &Packet<'_>) -> bool {
        let earlier = self.bytes.may_begin_at(sequence);
        let grown = self.bytes.insert(first_byte, sequence, packet.payload, packet.payload_length);
        if grown && earlier {
            self.needed = 0;
            if self.said == Said::Unknown {
                self.said = Said::Unclear;
            }
        }
        grown
    }

    /// Asks every signature, if there is enough to ask about; `over` if nothing more will come.
    fn look(&mut self, over: bool) {
        let view = self.bytes.view();
        let view = Prefix { ended: view.ended || over, ..view };
        if self.said != Said::Unclear || view.bytes.is_empty() || (view.bytes.len() < self.needed && !view.ended) {
            return;
        }
        let mut needed = None;
        for (_, probe) in STREAM {
            match probe(view) {
                Probe::Certain(sighting) => {
                    self.said = Said::Sighted(sighting);
                    return;
                }
                Probe::Unsure(at) => needed = Some(needed.map_or(at, |least: usize| least.min(at))),
                Probe::NotMe => {}
            }
        }
        match needed {
            Some(at) => self.needed = at.max(view.bytes.len() + 1),
            None => self.said = Said::Unknown,
        }
    }
}

fn study_of(sighting: Sighting) -> Option<Study> {
    let named = |(protocol, study): &(Protocol, Study)| (*protocol == sighting.protocol).then_some(*study);
    STUDIES.iter().find_map(named)
}
