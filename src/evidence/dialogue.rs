//! A TCP connection until it is known what it is.
//!
//! In: its segments, in any order. Out: what each direction says, and what both together tell.
//! Must not know: UDP, ports, rows, what any one protocol looks like.

use super::certificates::Certificates;
use super::facts::Details;
use super::prefix::Assembled;
use super::protocol::{Probe, Protocol, Sighting, Speaker};
use super::signature::{Notes, Prefix, STREAM, STUDIES, Study, text};
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
    notes: Notes,
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

/// What a segment brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Nothing new, as [`Assembled::insert`] says.
    Nothing,
    /// More bytes at the end.
    More,
    /// Bytes before the first.
    Earlier,
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
        if packet.tcp.flags & RST != 0 || !wanted {
            return self.is_out_of_patience();
        }
        match side.take(first_byte, sequence, packet) {
            Taken::Nothing => return self.is_out_of_patience(),
            Taken::More => {}
            Taken::Earlier => self.notes = Notes::default(),
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
            let mut notes = std::mem::take(&mut self.notes);
            let studied = study(&self.views(true), &mut notes, certificates);
            self.details = studied.details.or_else(|| self.details.take());
        }
        self.details.take()
    }

    /// Bytes of heap held.
    pub(super) fn held(&self) -> usize {
        self.sides.forward.bytes.held() + self.sides.reverse.bytes.held() + self.notes.held()
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
        let mut notes = std::mem::take(&mut self.notes);
        let studied = study(&self.views(false), &mut notes, certificates);
        self.notes = notes;
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

    /// Takes in a segment. If the stream begins earlier than it seemed, all is open again but what was certain.
    fn take(&mut self, first_byte: Option<u32>, sequence: u32, packet: &Packet<'_>) -> Taken {
        let earlier = self.bytes.may_begin_at(sequence);
        let grown = self.bytes.insert(first_byte, sequence, packet.payload, packet.payload_length);
        match (grown, earlier) {
            (false, _) => Taken::Nothing,
            (true, false) => Taken::More,
            (true, true) => {
                self.needed = 0;
                if self.said == Said::Unknown {
                    self.said = Said::Unclear;
                }
                Taken::Earlier
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Mark, Tcp, Tunnel, Vlans};
    use crate::net::{Address, Endpoint, FiveTuple, Timestamp, Transport};
    use Direction::{Forward, Reverse};

    const HTTP: &[u8] = b"GET / HTTP/1.1\r\nHost: fe01\r\n\r\n";
    const SSH: &[u8] = b"SSH-2.0-OpenSSH_6.0\r\n";
    const ALERT: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";

    fn segment(direction: Direction, sequence: u32, payload: &[u8]) -> Packet<'_> {
        let end = |host, port| Endpoint { address: Address::v4([10, 0, 0, host]), port };
        let tuple = FiveTuple { source: end(1, 50_123), destination: end(2, 5071), transport: Transport::Tcp };
        Packet {
            at: Timestamp(0),
            tuple: if direction == Forward { tuple } else { tuple.reversed() },
            wire_length: 54 + payload.len() as u32,
            payload_length: payload.len() as u32,
            payload,
            tcp: Tcp { flags: 0x18, sequence, acknowledgement: 0, ..Tcp::default() },
            dscp: 0,
            vlan: Vlans::new(),
            tunnel: Tunnel::default(),
            mark: Mark::default(),
            broadcast: false,
        }
    }

    /// One connection, seen from its beginning unless `middle`.
    #[derive(Default)]
    struct Talk {
        dialogue: Dialogue,
        seen: Both<Option<Sighting>>,
        certificates: Certificates,
        sent: Both<u32>,
        middle: bool,
    }

    impl Talk {
        /// Whether the connection is settled once this was said.
        fn say(&mut self, direction: Direction, payload: &[u8]) -> bool {
            let at = *self.sent.of(direction);
            *self.sent.of_mut(direction) += payload.len() as u32;
            let first = (!self.middle).then_some(0);
            let packet = segment(direction, at, payload);
            self.dialogue.observe(&mut self.seen, direction, &packet, first, &mut self.certificates)
        }

        fn end(mut self) -> [Option<Protocol>; 2] {
            self.dialogue.conclude(&mut self.seen, &mut self.certificates);
            [self.seen.forward, self.seen.reverse].map(|seen| seen.map(|seen| seen.protocol))
        }
    }

    #[test]
    fn it_is_settled_when_both_ends_are_known() {
        let mut talk = Talk::default();
        assert!(!talk.say(Reverse, SSH));
        assert!(talk.say(Forward, SSH));
        assert_eq!(talk.end(), [Some(Protocol::Ssh); 2]);
    }

    #[test]
    fn each_end_speaks_for_itself() {
        let mut talk = Talk::default();
        assert!(!talk.say(Forward, HTTP));
        talk.say(Reverse, ALERT);
        assert_eq!(talk.end(), [Some(Protocol::Http), Some(Protocol::Tls)]);
    }

    #[test]
    fn a_silent_end_is_not_waited_for_without_end() {
        let mut talk = Talk::default();
        assert!(!talk.say(Forward, HTTP));
        let segments = (1..1000).take_while(|_| !talk.say(Forward, &[b'x'; 1000])).count();
        assert_eq!(segments + 1, usize::from(PATIENCE));
        assert_eq!(talk.end(), [Some(Protocol::Http), None]);
    }

    #[test]
    fn bytes_of_nobody_end_at_the_limit() {
        let mut talk = Talk::default();
        let unclear = [b'\r', b'\n'].repeat(700);
        assert!((0..30).all(|_| !talk.say(Forward, &unclear)), "the other end may still speak");
        assert!(talk.dialogue.held() <= 2 * 32 * 1024, "{}", talk.dialogue.held());
        assert_eq!(talk.end(), [Some(Protocol::Text), None]);
    }

    #[test]
    fn what_begins_in_the_middle_takes_nothing_from_what_the_other_end_says() {
        let binary = [0xfe_u8, 1, 2, 3, 0x80, 0, 0, 7].repeat(8);
        for (middle, expected) in [(true, None), (false, Some(Protocol::UnknownBinary))] {
            let mut talk = Talk { middle, ..Talk::default() };
            talk.say(Forward, HTTP);
            talk.say(Reverse, &binary);
            assert_eq!(talk.end(), [Some(Protocol::Http), expected], "from the middle: {middle}");
        }
    }

    #[test]
    fn cleared_it_is_as_new() {
        let mut talk = Talk::default();
        talk.say(Forward, HTTP);
        talk.dialogue.clear();
        let mut fresh = Talk { dialogue: talk.dialogue, ..Talk::default() };
        fresh.say(Forward, SSH);
        assert_eq!(fresh.end(), [Some(Protocol::Ssh), None]);
    }
}
