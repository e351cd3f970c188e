//! Open cases: the flows whose payload is still being read, within one bound on memory.
//!
//! In: packets of flows not settled yet. Out: what a case came to. Must not know: flows; it hands out a [`Ticket`] for
//! each case. When the bound is reached a case is cut short, not always the oldest: what was certain by then is kept, and
//! no more of it is read.

use super::certificates::Certificates;
use super::dialogue::Dialogue;
use super::facts::Details;
use super::media::Media;
use super::protocol::Sighting;
use super::trial::{Step, Trial};
use super::{Known, Place, Seen};
use crate::decode::Packet;
use crate::net::{Both, Direction, Transport};

/// What all open cases together may hold, unless the caller has less to give.
pub const BUDGET: usize = 32 * 1024 * 1024;
/// Connections kept for their buffers, so that the next one need not allocate.
const SPARE: usize = 64;

/// A claim to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: u32,
    generation: u32,
}

/// All open cases of a run.
#[derive(Debug)]
pub struct Examiner {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
    #[expect(clippy::vec_box, reason = "a case takes the box as it is")]
    spare: Vec<Box<Dialogue>>,
    certificates: Certificates,
    budget: usize,
    held: usize,
    /// What is known of cases that were cut short.
    kept: usize,
    /// Where the next search for a case to cut short begins.
    hand: usize,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    case: Option<Case>,
}

#[derive(Debug)]
struct Case {
    what: What,
    seen: Both<Option<Sighting>>,
    after: Both<Option<u32>>,
}

#[derive(Debug)]
enum What {
    Stream(Box<Dialogue>),
    Datagrams(Box<Trial>),
    /// Cut short for want of memory: what was known by then. It counts for nothing, as any settled flow.
    CutShort(Option<Details>),
}

/// What a packet made of a case.
pub(super) enum Outcome {
    /// It goes on.
    Open,
    /// It is over: what is known.
    Settled(Option<Box<Known>>),
    /// It is media over UDP, of which every packet is counted.
    Media(Box<Known>),
    /// There is no such case.
    Dropped,
}

impl Default for Examiner {
    fn default() -> Self {
        Self::new()
    }
}

impl Examiner {
    /// An examiner without cases.
    #[must_use]
    pub fn new() -> Self {
        Self::within(BUDGET)
    }

    /// An examiner whose open cases together hold at most so many bytes.
    #[must_use]
    pub fn within(budget: usize) -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            spare: Vec::new(),
            certificates: Certificates::default(),
            budget,
            held: 0,
            kept: 0,
            hand: 0,
        }
    }

    /// Bytes held besides what open cases hold: the places of cases, and what is known of those cut short.
    #[inline]
    #[must_use]
    pub const fn kept(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.vacant.capacity() * size_of::<u32>() + self.kept
    }

    /// Opens a case.
    pub(super) fn open(&mut self, transport: Transport) -> Ticket {
        let what = match transport {
            Transport::Tcp => What::Stream(self.spare.pop().unwrap_or_default()),
            Transport::Udp => What::Datagrams(Box::default()),
        };
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let case = Case { what, seen: Both::default(), after: Both::default() };
        self.held += case.held();
        let entry = self.slots.get_mut(slot as usize);
        let generation = entry.map_or(0, |entry| {
            entry.case = Some(case);
            entry.generation
        });
        Ticket { slot, generation }
    }

    /// Shows a packet with payload to a case.
    pub(super) fn observe(
        &mut self,
        ticket: Ticket,
        direction: Direction,
        packet: &Packet<'_>,
        place: Place,
    ) -> Outcome {
        let Some(slot) = self.slots.get_mut(ticket.slot as usize).filter(|slot| slot.generation == ticket.generation)
        else {
            return Outcome::Dropped;
        };
        let Some(case) = &mut slot.case else { return Outcome::Dropped };
        let before = case.held();
        let known_before = case.seen;
        let step = case.what.observe(&mut case.seen, direction, packet, place.first_byte, &mut self.certificates);
        for direction in [Direction::Forward, Direction::Reverse] {
            if known_before.of(direction).map(|seen| seen.protocol) != case.seen.of(direction).map(|seen| seen.protocol)
            {
                *case.after.of_mut(direction) = place.after;
            }
        }
        self.held = (self.held + case.held()).saturating_sub(before);
        match step {
            Step::Open => {
                self.keep_within_budget(ticket.slot);
                Outcome::Open
            }
            Step::Settled => Outcome::Settled(self.close(ticket)),
            Step::Media(media) => Outcome::Media(self.media(ticket, media)),
        }
    }

    /// Ends a case: what is known of it, if anything was seen.
    pub(super) fn close(&mut self, ticket: Ticket) -> Option<Box<Known>> {
        let mut case = self.take(ticket)?;
        let details = case.what.conclude(&mut case.seen, &mut self.certificates);
        let known = case.known(details);
        self.recycle(case.what);
        known
    }

    /// Drops a case, whatever it could tell.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        if let Some(case) = self.take(ticket) {
            self.recycle(case.what);
        }
    }

    fn media(&mut self, ticket: Ticket, media: Box<Media>) -> Box<Known> {
        let case = self.take(ticket);
        let known = case.and_then(|case| case.known(None)).unwrap_or_default();
        Box::new(Known { details: Some(Details::Media(media)), ..*known })
    }

    fn take(&mut self, ticket: Ticket) -> Option<Case> {
        let slot = self.slots.get_mut(ticket.slot as usize).filter(|slot| slot.generation == ticket.generation)?;
        let case = slot.case.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.vacant.push(ticket.slot);
        self.held = self.held.saturating_sub(case.held());
        self.kept = self.kept.saturating_sub(case.kept());
        Some(case)
    }

    fn recycle(&mut self, what: What) {
        if let What::Stream(mut dialogue) = what
            && self.spare.len() < SPARE
        {
            dialogue.clear();
            self.spare.push(dialogue);
        }
    }

    /// Cuts cases short until the rest fits, but not the one just served.
    fn keep_within_budget(&mut self, served: u32) {
        while self.held > self.budget {
            let Some(victim) = self.next_victim(served) else { return };
            let Some(case) = self.slots.get_mut(victim).and_then(|slot| slot.case.as_mut()) else { return };
            let held = case.held();
            let what = case.cut_short(&mut self.certificates);
            self.held = self.held.saturating_sub(held);
            self.kept += case.kept();
            let (slot, empty) = (victim as u32, case.is_empty());
            self.recycle(what);
            // Who knows nothing needs no place either.
            if let Some(generation) = self.slots.get(victim).map(|slot| slot.generation).filter(|_| empty) {
                self.take(Ticket { slot, generation });
            }
        }
    }

    /// The next open case, going round.
    fn next_victim(&mut self, served: u32) -> Option<usize> {
        for _ in 0..self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let case = self.slots.get(self.hand).and_then(|slot| slot.case.as_ref());
            if self.hand != served as usize && case.is_some_and(Case::is_open) {
                return Some(self.hand);
            }
        }
        None
    }
}

impl Case {
    fn held(&self) -> usize {
        let heap = match &self.what {
            What::Stream(dialogue) => size_of::<Dialogue>() + dialogue.held(),
            What::Datagrams(trial) => size_of::<Trial>() + trial.held(),
            What::CutShort(_) => return 0,
        };
        size_of::<Slot>() + heap
    }

    fn kept(&self) -> usize {
        match &self.what {
            What::CutShort(Some(details)) => details.held(),
            _ => 0,
        }
    }

    const fn is_open(&self) -> bool {
        !matches!(self.what, What::CutShort(_))
    }

    /// Whether it was cut short before it knew anything.
    const fn is_empty(&self) -> bool {
        matches!(self.what, What::CutShort(None)) && self.seen.forward.is_none() && self.seen.reverse.is_none()
    }

    /// Keeps what is certain; gives back what it was read with. That nothing is known of bytes not all read is no
    /// finding.
    fn cut_short(&mut self, certificates: &mut Certificates) -> What {
        let details = self.what.conclude(&mut self.seen, certificates);
        for direction in [Direction::Forward, Direction::Reverse] {
            let seen = self.seen.of_mut(direction);
            *seen = seen.filter(|seen| seen.protocol.is_identified());
        }
        std::mem::replace(&mut self.what, What::CutShort(details))
    }

    fn known(&self, details: Option<Details>) -> Option<Box<Known>> {
        let seen =
            |direction: Direction| self.seen.of(direction).map(|what| Seen { what, after: *self.after.of(direction) });
        let seen = Both { forward: seen(Direction::Forward), reverse: seen(Direction::Reverse) };
        let nothing = seen.forward.is_none() && seen.reverse.is_none() && details.is_none();
        (!nothing).then(|| Box::new(Known { seen, details }))
    }
}

impl What {
    fn observe(
        &mut self,
        seen: &mut Both<Option<Sighting>>,
        direction: Direction,
        packet: &Packet<'_>,
        first_byte: Option<u32>,
        certificates: &mut Certificates,
    ) -> Step {
        match self {
            Self::Stream(dialogue) => match dialogue.observe(seen, direction, packet, first_byte, certificates) {
                true => Step::Settled,
                false => Step::Open,
            },
            Self::Datagrams(trial) => trial.observe(seen, direction, packet),
            Self::CutShort(_) => Step::Settled,
        }
    }

    fn conclude(&mut self, seen: &mut Both<Option<Sighting>>, certificates: &mut Certificates) -> Option<Details> {
        match self {
            Self::Stream(dialogue) => dialogue.conclude(seen, certificates),
            Self::Datagrams(trial) => std::mem::take(&mut **trial).conclude(seen),
            Self::CutShort(details) => details.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::media::packet;
    use crate::net::Transport::{Tcp, Udp};
    use Direction::{Forward, Reverse};

    const PLACE: Place = Place { first_byte: Some(0), after: Some(0) };

    /// What the cases hold is what the examiner believes, and no more than it may.
    fn check(examiner: &Examiner) {
        let cases = examiner.slots.iter().filter_map(|slot| slot.case.as_ref());
        assert_eq!(examiner.held, cases.map(Case::held).sum::<usize>());
        assert!(examiner.held <= BUDGET);
        let cases = examiner.slots.iter().filter_map(|slot| slot.case.as_ref());
        assert_eq!(examiner.kept, cases.map(Case::kept).sum::<usize>());
        assert!(examiner.spare.len() <= SPARE);
    }

    /// Ends of lines, which may be followed by SIP, up to the limit of a direction.
    fn fill(examiner: &mut Examiner, ticket: Ticket) {
        let payload = b"\r\n".repeat(15_000);
        let mut segment = packet(0, &payload);
        segment.tuple.transport = Tcp;
        examiner.observe(ticket, Forward, &segment, PLACE);
        examiner.observe(ticket, Reverse, &segment, PLACE);
    }

    #[test]
    fn open_cases_stay_within_the_bound() {
        let mut examiner = Examiner::new();
        let tickets: Vec<_> = (0..1000)
            .map(|_| {
                let ticket = examiner.open(Tcp);
                fill(&mut examiner, ticket);
                ticket
            })
            .collect();
        check(&examiner);
        let known = tickets.iter().filter(|&&ticket| examiner.close(ticket).is_some()).count();
        assert!((300..600).contains(&known), "{known}");
        check(&examiner);
        assert_eq!(examiner.held, 0);
    }

    #[test]
    fn a_ticket_of_a_dropped_case_is_worth_nothing() {
        let mut examiner = Examiner::new();
        let old = examiner.open(Udp);
        assert!(examiner.close(old).is_none());
        let new = examiner.open(Udp);
        assert_eq!((old.slot, old == new), (new.slot, false));
        assert!(matches!(examiner.observe(old, Forward, &packet(0, b"hi"), PLACE), Outcome::Dropped));
        assert!(matches!(examiner.observe(new, Forward, &packet(0, b"hi"), PLACE), Outcome::Open));
        assert!(examiner.close(old).is_none());
        let known = examiner.close(new).unwrap();
        assert_eq!(known.seen.forward.map(|seen| seen.what.protocol), Some(crate::evidence::Protocol::Text));
        check(&examiner);
    }

    /// What looks like media once and never again costs no more than the bound.
    #[test]
    fn a_flood_of_datagrams_stays_within_the_bound() {
        let mut examiner = Examiner::new();
        let mut rtp = [0x80, 111, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        for number in 0..200_000_u32 {
            rtp[8..12].copy_from_slice(&number.to_be_bytes());
            let ticket = examiner.open(Udp);
            examiner.observe(ticket, Forward, &packet(0, &rtp), PLACE);
        }
        check(&examiner);
        let open = examiner.slots.iter().filter(|slot| slot.case.as_ref().is_some_and(Case::is_open)).count();
        assert!(open < 200_000 && open * size_of::<Trial>() < BUDGET, "{open}");
    }

    /// Of a capture from one side half of what is said is waited for in vain.
    #[test]
    fn what_is_cut_short_keeps_what_was_certain() {
        let mut examiner = Examiner::new();
        let request = b"GET / HTTP/1.1\r\n\r\n";
        let segment = packet(0, request);
        let tickets: Vec<_> = (0..100)
            .map(|_| {
                let ticket = examiner.open(Tcp);
                assert!(matches!(examiner.observe(ticket, Forward, &segment, PLACE), Outcome::Open));
                ticket
            })
            .collect();
        for _ in 0..1000 {
            let ticket = examiner.open(Tcp);
            fill(&mut examiner, ticket);
        }
        check(&examiner);
        let http =
            |known: Option<Box<Known>>| known.and_then(|known| known.seen.forward).map(|seen| seen.what.protocol);
        let (first, rest) = tickets.split_first().unwrap();
        // More of a case that was cut short only brings it to light.
        match examiner.observe(*first, Reverse, &segment, PLACE) {
            Outcome::Settled(known) => assert_eq!(http(known), Some(crate::evidence::Protocol::Http)),
            _ => panic!("it was not cut short"),
        }
        assert!(rest.iter().all(|&ticket| http(examiner.close(ticket)) == Some(crate::evidence::Protocol::Http)));
        check(&examiner);
    }
}
