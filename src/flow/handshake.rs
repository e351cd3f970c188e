//! What a TCP flow showed of its opening and its end, and when a SYN begins another flow.
//!
//! In: TCP flags and numbers of each packet. Out: who opened, round-trip time, marks for the outcome.
//! Must not know: payload, ports, roles. (RFC 9293 §3.5; initial RTT as Wireshark's: SYN to the ACK that completes.)

use crate::decode::{Checksum, Packet, Tcp};
use crate::net::{Both, Direction, Timestamp};

/// What one end was seen to send, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// A SYN without ACK.
    pub const SYN: Self = Self(1);
    /// A SYN with ACK: this end accepted.
    pub const SYN_ACK: Self = Self(2);
    /// A FIN.
    pub const FIN: Self = Self(4);
    /// A RST.
    pub const RST: Self = Self(8);
    /// Anything that is neither SYN nor RST: the connection was in use.
    pub const TALKED: Self = Self(16);

    /// A SYN whose checksum is right.
    pub const RIGHT_SUM: Self = Self(32);
    /// A SYN whose checksum is wrong.
    pub const WRONG_SUM: Self = Self(64);
    /// A SYN whose checksum is left to the sender's card: neither.
    pub const LEFT_SUM: Self = Self(32 | 64);
    /// Its initial sequence number is known.
    const NUMBERED: Self = Self(128);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether every checksum that was checked was right.
    #[must_use]
    pub const fn has_right_sum(self) -> bool {
        self.0 & Self::LEFT_SUM.0 == Self::RIGHT_SUM.0
    }

    /// Notes a checksum: a right one counts before others, and of those the first.
    const fn sum(&mut self, sum: Self) {
        if sum.0 == Self::RIGHT_SUM.0 || self.0 & Self::LEFT_SUM.0 == 0 {
            self.0 = self.0 & !Self::LEFT_SUM.0 | sum.0;
        }
    }

    const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Opening and end of one TCP flow: what every packet is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// What each end sent.
    pub marks: Both<Marks>,
    timing: Timing,
}

/// What only the packets that open a connection touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// Initial sequence number of each end, where it is [`Marks::NUMBERED`]: its SYN was seen, or the other's SYN-ACK
    /// acknowledged it.
    initial: Both<u32>,
    /// At [`Timing::Syn`] when, in nanoseconds. At [`Timing::Done`] how many passed until the handshake was complete.
    time: i64,
}

/// What was measured of a handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Timing {
    /// Nothing.
    #[default]
    None,
    /// A SYN was seen.
    Syn,
    /// It is complete.
    Done,
}

impl Handshake {
    /// The direction in which the connection was opened, where a SYN or SYN-ACK was seen.
    #[must_use]
    pub const fn opener(&self) -> Option<Direction> {
        let Both { forward, reverse } = self.marks;
        if forward.has(Marks::SYN) || (reverse.has(Marks::SYN_ACK) && !reverse.has(Marks::SYN)) {
            Some(Direction::Forward)
        } else if reverse.has(Marks::SYN) || forward.has(Marks::SYN_ACK) {
            Some(Direction::Reverse)
        } else {
            None
        }
    }

    /// SYN to the ACK that completed the handshake, in nanoseconds; the last SYN counts where it was repeated.
    #[must_use]
    pub(super) const fn rtt_ns(&self, opening: &Opening) -> Option<u32> {
        match self.timing {
            Timing::Done => Some(opening.time as u32),
            Timing::None | Timing::Syn => None,
        }
    }

    /// Sequence number of an end's first payload byte, where its SYN was seen or acknowledged.
    #[inline]
    pub(super) const fn first_byte(&self, opening: &Opening, direction: Direction) -> Option<u32> {
        match self.initial(opening, direction) {
            Some(initial) => Some(initial.wrapping_add(1)),
            None => None,
        }
    }

    #[inline]
    const fn initial(&self, opening: &Opening, direction: Direction) -> Option<u32> {
        if self.marks.of(direction).has(Marks::NUMBERED) { Some(*opening.initial.of(direction)) } else { None }
    }

    const fn number(&mut self, opening: &mut Opening, direction: Direction, initial: u32) {
        *opening.initial.of_mut(direction) = initial;
        self.marks.of_mut(direction).set(Marks::NUMBERED);
    }

    /// Whether `packet` opens another connection on the same five-tuple.
    ///
    /// A SYN with the number already seen is a retransmission. One that a SYN-ACK seen before it acknowledges
    /// arrived late. A SYN against a SYN is a simultaneous open.
    #[inline]
    pub(super) fn is_reopened_by(
        &self,
        opening: &Opening,
        packet: &Packet<'_>,
        direction: Direction,
        two_way: impl FnOnce() -> bool,
    ) -> bool {
        let tcp = packet.tcp;
        if tcp.flags & Tcp::SYN == 0 {
            return false;
        }
        let own = self.initial(opening, direction);
        if tcp.flags & Tcp::ACK == 0 {
            let alone = !two_way() && self.marks.of(direction.opposite()).has(Marks::SYN);
            return match own {
                Some(initial) => initial != tcp.sequence,
                None => !alone,
            };
        }
        let other = self.initial(opening, direction.opposite());
        let answers_this = other.is_none_or(|initial| initial.wrapping_add(1) == tcp.acknowledgement);
        own.is_some_and(|initial| initial != tcp.sequence) && !answers_this
    }

    /// Takes note of one packet.
    #[inline]
    pub(super) fn observe(&mut self, opening: &mut Opening, packet: &Packet<'_>, direction: Direction) {
        let flags = packet.tcp.flags;
        if flags & (Tcp::SYN | Tcp::RST | Tcp::FIN) == 0 {
            self.marks.of_mut(direction).set(Marks::TALKED);
            if self.timing == Timing::Syn && flags & Tcp::ACK != 0 {
                self.complete(opening, packet.at, direction);
            }
            return;
        }
        self.observe_control(opening, packet, direction);
    }

    #[cold]
    fn observe_control(&mut self, opening: &mut Opening, packet: &Packet<'_>, direction: Direction) {
        let tcp = packet.tcp;
        let marks = self.marks.of_mut(direction);
        match tcp.checksum {
            Checksum::Unchecked => {}
            Checksum::Right => marks.sum(Marks::RIGHT_SUM),
            Checksum::Wrong => marks.sum(Marks::WRONG_SUM),
            Checksum::Left => marks.sum(Marks::LEFT_SUM),
        }
        match (tcp.flags & Tcp::SYN != 0, tcp.flags & Tcp::ACK != 0) {
            (true, false) => {
                marks.set(Marks::SYN);
                self.number(opening, direction, tcp.sequence);
                if self.timing != Timing::Done {
                    (self.timing, opening.time) = (Timing::Syn, packet.at.0);
                }
            }
            (true, true) => {
                marks.set(Marks::SYN_ACK);
                self.number(opening, direction, tcp.sequence);
                if self.initial(opening, direction.opposite()).is_none() {
                    self.number(opening, direction.opposite(), tcp.acknowledgement.wrapping_sub(1));
                }
            }
            (false, _) => {
                if tcp.flags & Tcp::FIN != 0 {
                    marks.set(Marks::FIN);
                    marks.set(Marks::TALKED);
                }
                if tcp.flags & Tcp::RST != 0 {
                    marks.set(Marks::RST);
                }
            }
        }
    }

    /// The opener's first ACK after a SYN-ACK ends the measurement.
    #[cold]
    fn complete(&mut self, opening: &mut Opening, at: Timestamp, direction: Direction) {
        let opened = self.marks.of(direction).has(Marks::SYN);
        let accepted = self.marks.of(direction.opposite()).has(Marks::SYN_ACK);
        if opened && accepted {
            let took = at.since(Timestamp(opening.time));
            self.timing = if u32::try_from(took).is_ok() { Timing::Done } else { Timing::None };
            opening.time = took;
        }
    }
}
