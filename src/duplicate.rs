//! Between decode and flow: a datagram that was captured more than once counts once.
//!
//! In: packets in capture order, with the file and link they came on. Out: whether one is a copy of a packet before it.
//! Must not know: flows, what a payload means. Memory and time per packet are fixed, and nothing is random.
//!
//! SPAN ports see a datagram on its way in and out, before and after a router; captures of both ends are read as one;
//! a host that captures on all its interfaces sees each layer of them. What the network changes on the way (MAC, VLAN,
//! tunnel, hop limit, DSCP) and what network cards fill in late (checksums) says nothing of who is a copy of whom.
//!
//! A sender repeats itself too, and that is never a copy: TCP retransmits after 200 ms, SIP after 500, a resolver after
//! a second; duplicate acknowledgements, resets and statistics over UDP follow each other at once. Two things tell them
//! apart. Most stacks number every datagram anew (identification). And a host does not change its VLAN, hop limit or file
//! between two packets: what did is another look at the network. So the windows, in capture time:
//!
//! | packet | at the same place | at another place |
//! |---|---|---|
//! | with an identification | 100 ms | 1 s |
//! | TCP without one, with payload, SYN or FIN | 100 µs | 100 ms |
//! | without one: bare ACK, RST, UDP | never | 20 ms |
//!
//! 100 ms is half of what a retransmission waits; some boxes repeat the identification with it (seen from 180 ms on). It covers a
//! wireless frame sent again (seen up to 64 ms) and both ends in one file. A second covers the clocks of domain members.
//! 100 µs is under the round trip after which TCP may repeat a segment, and over a frame's time on a mirror port. Copies of
//! segments that a network card split or joined are not recognised.

use crate::capture::{Frame, LinkType};
use crate::decode::{Packet, Tcp};
use crate::net::{Address, Transport, fold};

/// Packets remembered: `SETS` × `WAYS` = 8,192, 256 KiB.
const SETS: usize = 2048;
const WAYS: usize = 4;

/// How far apart in time, in nanoseconds, copies of one datagram are captured at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    /// At the same place; negative is never.
    here: i64,
    /// At another.
    elsewhere: i64,
}

const MILLISECOND: i64 = 1_000_000;
/// It has an identification.
const NUMBERED: Window = Window { here: 100 * MILLISECOND, elsewhere: 1000 * MILLISECOND };
/// It has a place of its own in TCP's sequence: only a retransmission looks the same.
const SEQUENCED: Window = Window { here: MILLISECOND / 10, elsewhere: 100 * MILLISECOND };
/// A sender may send it twice at once.
const BARE: Window = Window { here: -1, elsewhere: 20 * MILLISECOND };

/// What of a packet chooses its window.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// It has an identification.
    numbered: bool,
    tcp: bool,
    /// It has payload, SYN or FIN.
    advances: bool,
}

impl Kind {
    #[inline(always)]
    const fn of(packet: &Packet<'_>) -> Self {
        Self {
            numbered: packet.mark.identification != 0,
            tcp: matches!(packet.tuple.transport, Transport::Tcp),
            advances: packet.payload_length > 0 || packet.tcp.flags & (Tcp::SYN | Tcp::FIN) != 0,
        }
    }

    const fn window(self) -> Window {
        match self {
            Self { numbered: true, .. } => NUMBERED,
            Self { tcp: true, advances: true, .. } => SEQUENCED,
            _ => BARE,
        }
    }
}

/// One packet, as it was first captured.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Capture time.
    at: i64,
    place: u64,
    content: Content,
}

/// Where a frame was captured, as its file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Index of its file.
    pub file: u16,
    /// Its interface there.
    pub interface: u16,
    /// What its first header is.
    pub link: LinkType,
}

impl Tap {
    /// Of a frame of a file.
    #[inline]
    #[must_use]
    pub const fn of(frame: &Frame<'_>, file: u16) -> Self {
        Self { file, interface: frame.interface, link: frame.link }
    }
}

/// What a packet is beside those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The first of its kind.
    First,
    /// A copy of one before it.
    Copy,
    /// A copy of which more was captured than of the one before it.
    FullerCopy,
}

/// The packets of late: a set-associative table. A set has the packets whose names end alike.
///
/// Most packets find none of their name and read nothing else, so the names stand apart and stay in the nearest cache.
#[derive(Clone, Debug)]
pub struct Duplicates {
    /// What no copy of a packet differs in: ends, identification, numbers, length. The upper half of [`name`].
    names: Vec<[u32; WAYS]>,
    entries: Vec<[Entry; WAYS]>,
    /// Of each set, which way is the oldest.
    oldest: Vec<u8>,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self { names: vec![[0; WAYS]; SETS], entries: vec![[Entry::default(); WAYS]; SETS], oldest: vec![0; SETS] }
    }
}

impl Duplicates {
    /// Whether a packet is a copy of one before it. One that is not is remembered.
    #[inline(always)]
    pub fn see(&mut self, packet: &Packet<'_>, tap: Tap) -> Sight {
        let name = name(packet);
        let (at, place, content) = (packet.at.0, place(packet, tap), Content::of(packet));
        let (set, tag) = (name as usize % SETS, (name >> 32) as u32 | 1);
        let (Some(names), Some(entries)) = (self.names.get_mut(set), self.entries.get_mut(set)) else {
            return Sight::First;
        };
        if let Some((_, known)) = names.iter().zip(entries.iter_mut()).find(|&(&name, _)| name == tag) {
            return known.meet(Entry { at, place, content }, Kind::of(packet));
        }
        let Some(oldest) = self.oldest.get_mut(set) else { return Sight::First };
        let way = usize::from(*oldest) % WAYS;
        if let (Some(name), Some(known)) = (names.get_mut(way), entries.get_mut(way)) {
            (*name, *known) = (tag, Entry { at, place, content });
        }
        *oldest = oldest.wrapping_add(1);
        Sight::First
    }
}

impl Entry {
    /// What a later packet of its name is beside it; one that is no copy takes its place.
    ///
    /// Takes no reference to a packet: what has an address is kept in memory, and written there each time.
    #[cold]
    fn meet(&mut self, entry: Self, kind: Kind) -> Sight {
        match is_copy(self, &entry, kind) {
            true if self.content.is_less_than(entry.content) => Sight::FullerCopy,
            true => Sight::Copy,
            false => {
                *self = entry;
                Sight::First
            }
        }
    }
}

/// Whether two packets of one name are one.
fn is_copy(known: &Entry, entry: &Entry, kind: Kind) -> bool {
    let window = kind.window();
    let limit = if known.place == entry.place { window.here } else { window.elsewhere };
    // Merged files step back in time: the copy may be the earlier one.
    let apart = entry.at.saturating_sub(known.at).saturating_abs();
    // Some stacks give all datagrams one identification; at another place, or in TCP's sequence, it still tells.
    let told = known.place != entry.place || kind.tcp;
    apart <= limit && known.content.is(entry.content, told && kind.numbered)
}

/// What the payload begins and ends with, as far as it was captured: two hashes, 0 where not known. One number, since a
/// pair that is written by halves and read as one waits for the memory between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content(u64);

/// An RTP header: its number, time and source tell it from the packets around it, even under a snaplen of 64.
const START: usize = 12;
const HEAD: usize = 32;
const TAIL: usize = 16;

impl Content {
    #[inline(always)]
    fn of(packet: &Packet<'_>) -> Self {
        let (payload, length) = (packet.payload, packet.payload_length as usize);
        let is_whole = payload.len() >= length;
        // Cut within the start: of no copy that was cut elsewhere could it be told that it is the same.
        if !is_whole && payload.len() < START {
            return Self::default();
        }
        let mut padded = [0; HEAD];
        let head = payload.first_chunk().unwrap_or_else(|| {
            padded.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
            &padded
        });
        let (first, second) = halves(head);
        let ([a, b], [c, d]) = (words(first), words(second));
        let start = known(mix(a, b & u64::from(u32::MAX)));
        if !is_whole {
            return Self::new(start, 0);
        }
        let [e, f] = payload.last_chunk::<TAIL>().filter(|_| length > HEAD).map_or([0; 2], words);
        // What is at one place of the payload is turned like nothing at another.
        let whole = mix(a ^ c.rotate_left(17) ^ e.rotate_left(37), b ^ d.rotate_left(29) ^ f.rotate_left(47));
        Self::new(start, known(whole))
    }

    const fn new(start: u32, whole: u32) -> Self {
        Self((start as u64) << 32 | whole as u64)
    }

    /// Of the first [`START`] bytes.
    const fn start(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Of the first [`HEAD`] bytes and the last [`TAIL`].
    const fn whole(self) -> u32 {
        self.0 as u32
    }

    /// Whether the other was captured further.
    const fn is_less_than(self, other: Self) -> bool {
        (self.whole() == 0 && other.whole() != 0) || (self.start() == 0 && other.start() != 0)
    }

    /// Whether both can be of one payload; under different snaplens they are compared as far as both were captured.
    /// Of one that is not known at all what else is the same must tell.
    fn is(self, other: Self, identified: bool) -> bool {
        match (self.whole() != 0 && other.whole() != 0, self.start() != 0 && other.start() != 0) {
            (true, _) => self.whole() == other.whole(),
            (false, true) => self.start() == other.start(),
            (false, false) => identified,
        }
    }
}

const fn known(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

fn halves(head: &[u8; HEAD]) -> (&[u8; TAIL], &[u8; TAIL]) {
    let none = &[0; TAIL];
    (head.first_chunk().unwrap_or(none), head.last_chunk().unwrap_or(none))
}

const ODD: [u64; 4] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93];

#[inline]
fn words(bytes: &[u8; TAIL]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [both as u64, (both >> 64) as u64]
}

/// Of two words that may be 0.
#[inline]
const fn mix(a: u64, b: u64) -> u64 {
    fold(a ^ ODD[0], b ^ ODD[1])
}

/// What all copies of a packet share. Unkeyed on purpose, so that equal runs give equal results; who forges collisions
/// only has his own packets counted as duplicates, as if he had sent one twice.
#[inline(always)]
fn name(packet: &Packet<'_>) -> u64 {
    let (tuple, mark, tcp) = (&packet.tuple, packet.mark, packet.tcp);
    // The ends are kept apart by a turn: what goes back is no copy of what went.
    let address = |address: Address| address.low() ^ address.high().rotate_left(29);
    let (from, to) = (address(tuple.source.address), address(tuple.destination.address).rotate_left(32));
    let ports = u64::from(tuple.source.port) << 16 | u64::from(tuple.destination.port);
    let numbers = u64::from(tcp.sequence) << 32 | u64::from(tcp.acknowledgement);
    let rest = u64::from(packet.payload_length) << 32 | u64::from(mark.offset) << 16;
    let rest = rest | u64::from(tcp.flags) << 8 | tuple.transport as u64;
    let ends = mix(from ^ to, ports << 32 | u64::from(mark.identification));
    mix(ends ^ numbers, rest)
}

/// Where a packet was captured, as far as it shows: file, interface, link type, hop limit, VLANs, tunnel.
#[inline(always)]
fn place(packet: &Packet<'_>, tap: Tap) -> u64 {
    let exact = u64::from(tap.file) << 48 | u64::from(tap.link.0) << 32 | u64::from(packet.mark.hop_limit) << 24;
    let around = u64::from(tap.interface).wrapping_mul(ODD[2]);
    if packet.vlan.is_empty() && packet.tunnel.is_none() {
        return exact | around >> 40;
    }
    let vlans = packet.vlan.iter().fold(0, |all: u64, &vlan| all << 16 | u64::from(vlan));
    let around = around ^ vlans.wrapping_mul(ODD[0]) ^ packet.tunnel.code().wrapping_mul(ODD[1]);
    exact | around >> 40
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Mark, Tunnel, Vlans};
    use crate::net::{Endpoint, FiveTuple, Timestamp};

    const PAYLOAD: &[u8; 100] = &[b'x'; 100];
    const MICRO: i64 = 1_000;

    impl Duplicates {
        fn has(&mut self, packet: &Packet<'_>, tap: Tap) -> bool {
            self.see(packet, tap) != Sight::First
        }
    }

    const TAP: Tap = Tap { file: 0, interface: 0, link: LinkType::ETHERNET };

    fn end(host: u8, port: u16) -> Endpoint {
        Endpoint { address: Address::v4([10, 0, 0, host]), port }
    }

    fn packet(transport: Transport, identification: u32, payload: &[u8]) -> Packet<'_> {
        Packet {
            at: Timestamp(0),
            tuple: FiveTuple { source: end(1, 50_123), destination: end(2, 5061), transport },
            wire_length: 154,
            payload_length: payload.len() as u32,
            payload,
            tcp: Tcp { flags: 0x18, sequence: 7, acknowledgement: 9, ..Tcp::default() },
            dscp: 46,
            vlan: Vlans::new(),
            tunnel: Tunnel::default(),
            mark: Mark { identification, hop_limit: 128, ..Mark::default() },
            broadcast: false,
        }
    }

    fn tcp(identification: u32) -> Packet<'static> {
        packet(Transport::Tcp, identification, PAYLOAD)
    }

    fn udp(identification: u32) -> Packet<'static> {
        let udp = packet(Transport::Udp, identification, PAYLOAD);
        Packet { tcp: Tcp::default(), ..udp }
    }

    fn bare(identification: u32, flags: u8) -> Packet<'static> {
        let tcp = packet(Transport::Tcp, identification, &[]);
        Packet { tcp: Tcp { flags, ..tcp.tcp }, ..tcp }
    }

    fn but<'a>(mut packet: Packet<'a>, change: impl FnOnce(&mut Packet<'a>)) -> Packet<'a> {
        change(&mut packet);
        packet
    }

    fn is_copy(first: &Packet<'_>, second: &Packet<'_>, after: i64) -> bool {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.has(first, TAP));
        duplicates.has(&but(second.clone(), |packet| packet.at = Timestamp(after)), TAP)
    }

    /// A packet is a copy up to `here` after itself, and up to `elsewhere` at another place; negative is never.
    fn check(first: &Packet<'_>, here: i64, elsewhere: i64) {
        let routed = but(first.clone(), |packet| packet.mark.hop_limit -= 1);
        for (second, limit) in [(first, here), (&routed, elsewhere)] {
            for sign in [1, -1] {
                assert_eq!(is_copy(first, second, sign * limit.max(0)), limit >= 0, "{first:?} {second:?}");
                assert!(!is_copy(first, second, sign * (limit.max(0) + 1)), "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn windows_by_what_tells_a_copy_from_a_repetition() {
        let (milli, never) = (1_000 * MICRO, -1);
        for numbered in [tcp(7), udp(7), bare(7, Tcp::ACK), bare(7, Tcp::RST)] {
            check(&numbered, 100 * milli, 1_000 * milli);
        }
        for sequenced in [tcp(0), bare(0, Tcp::SYN), bare(0, Tcp::SYN | Tcp::ACK), bare(0, Tcp::FIN | Tcp::ACK)] {
            check(&sequenced, 100 * MICRO, 100 * milli);
        }
        for repeated in [udp(0), bare(0, Tcp::ACK), bare(0, Tcp::RST), bare(0, Tcp::RST | Tcp::ACK)] {
            check(&repeated, never, 20 * milli);
        }
    }

    #[test]
    fn what_the_network_changes_on_the_way_does_not_matter_and_all_else_does() {
        let same: [fn(&mut Packet<'_>); 4] = [
            |packet| packet.dscp = 0,
            |packet| packet.wire_length = 60,
            |packet| packet.broadcast = true,
            |packet| packet.vlan.push(100),
        ];
        for change in same {
            assert!(is_copy(&tcp(7), &but(tcp(7), change), MICRO));
        }
        let other: [fn(&mut Packet<'_>); 12] = [
            |packet| packet.tuple.source.port += 1,
            |packet| packet.tuple.destination.port += 1,
            |packet| packet.tuple.source.address = Address::v4([10, 0, 0, 3]),
            |packet| packet.tuple.destination.address = Address::v4([10, 0, 0, 3]),
            |packet| packet.tuple = packet.tuple.reversed(),
            |packet| packet.tuple.transport = Transport::Udp,
            |packet| packet.mark.identification += 1,
            |packet| packet.mark.offset = 185,
            |packet| packet.tcp.sequence += 1,
            |packet| packet.tcp.acknowledgement += 1,
            |packet| packet.tcp.flags = Tcp::ACK,
            |packet| packet.payload_length += 1,
        ];
        for change in other {
            assert!(!is_copy(&tcp(7), &but(tcp(7), change), MICRO), "{:?}", but(tcp(7), change));
        }
    }

    #[test]
    fn every_part_of_a_place_is_another_look() {
        let mut first = Duplicates::default();
        let mut look = |packet: &Packet<'_>, tap| {
            first.has(&but(packet.clone(), |p| p.at = Timestamp(0)), TAP);
            first.has(&but(packet.clone(), |p| p.at = Timestamp(MICRO)), tap)
        };
        assert!(!look(&udp(0), TAP));
        let taps = [Tap { file: 1, ..TAP }, Tap { interface: 1, ..TAP }, Tap { link: LinkType::LINUX_SLL, ..TAP }];
        for (port, tap) in (1..).zip(taps) {
            assert!(look(&but(udp(0), |packet| packet.tuple.source.port = port), tap));
        }
        assert!(is_copy(&udp(0), &but(udp(0), |packet| packet.vlan.push(100)), MICRO));
        let tagged = |id| but(udp(0), |packet| packet.vlan.push(id));
        assert!(is_copy(&tagged(100), &tagged(101), MICRO) && !is_copy(&tagged(100), &tagged(100), MICRO));
    }

    #[test]
    fn each_look_at_repetitions_counts_them_once() {
        // Two equal acknowledgements, each seen on two VLANs, in either order.
        let here = bare(0, Tcp::ACK);
        let there = but(here.clone(), |packet| packet.vlan.push(100));
        for order in [[&here, &there, &here, &there], [&here, &here, &there, &there]] {
            let mut duplicates = Duplicates::default();
            let copies = order.iter().filter(|packet| duplicates.has(packet, TAP)).count();
            assert_eq!(copies, 2);
        }
        // Five looks at one datagram.
        let mut duplicates = Duplicates::default();
        assert_eq!((0..5).filter(|_| duplicates.has(&udp(7), TAP)).count(), 4);
    }

    #[test]
    fn payloads_are_compared_as_far_as_both_were_captured() {
        let text: Vec<u8> = (0..100).collect();
        let cut =
            |length: usize, identification| but(udp(identification), |packet| packet.payload = &PAYLOAD[..length]);
        let other = |at: usize| -> Vec<u8> { (0..100).map(|i| if i == at { b'y' } else { b'x' }).collect() };
        for at in [0, 15, 16, 31, 84, 99] {
            let other = other(at);
            assert!(!is_copy(&udp(7), &but(udp(7), |packet| packet.payload = &other), MICRO), "{at}");
        }
        // The start tells of what is cut behind it; before that, only an identification does, seen elsewhere.
        for length in [12, 31, 32, 33, 99] {
            assert!(is_copy(&udp(7), &cut(length, 7), MICRO) && is_copy(&cut(length, 7), &udp(7), MICRO), "{length}");
            assert!(!is_copy(&cut(length, 7), &but(udp(7), |packet| packet.payload = &text), MICRO), "{length}");
        }
        let elsewhere = |packet: Packet<'static>| but(packet, |packet| packet.vlan.push(100));
        for (length, told) in [(12, true), (11, false), (0, false)] {
            assert_eq!(is_copy(&cut(length, 7), &udp(7), MICRO), told, "{length}");
            assert!(is_copy(&cut(length, 7), &elsewhere(udp(7)), MICRO), "{length}");
            assert_eq!(is_copy(&cut(length, 0), &elsewhere(udp(0)), MICRO), told, "{length}");
        }
        let tcp_cut = |packet: Packet<'static>| but(packet, |packet| packet.payload = &[]);
        assert!(is_copy(&tcp_cut(tcp(7)), &tcp(7), MICRO) && !is_copy(&tcp_cut(tcp(0)), &tcp(0), MICRO));
        // Short ones are whole.
        let short = [packet(Transport::Udp, 7, b"short"), packet(Transport::Udp, 7, b"shirt")];
        assert!(is_copy(&short[0], &short[0], MICRO) && !is_copy(&short[0], &short[1], MICRO));
    }

    #[test]
    fn a_copy_that_was_captured_further_is_told() {
        let cut = |length: usize| but(udp(7), |packet| packet.payload = &PAYLOAD[..length]);
        for (first, second, sight) in [
            (cut(12), udp(7), Sight::FullerCopy),
            (udp(7), cut(12), Sight::Copy),
            (cut(12), cut(40), Sight::Copy),
            (udp(7), udp(7), Sight::Copy),
        ] {
            let mut duplicates = Duplicates::default();
            assert_eq!(duplicates.see(&first, TAP), Sight::First);
            assert_eq!(duplicates.see(&second, TAP), sight);
        }
    }

    #[test]
    fn the_table_stays_small_and_keeps_the_newest() {
        let mut duplicates = Duplicates::default();
        let nth = |n: u32| but(tcp(7), |packet| packet.tcp.sequence = n);
        let all = 100_000;
        assert_eq!((0..all).filter(|&n| duplicates.has(&nth(n), TAP)).count(), 0);
        assert_eq!((duplicates.names.len(), size_of::<[Entry; WAYS]>()), (SETS, 96));
        let late = |back: u32| (all - back..all).filter(|&n| duplicates.clone().has(&nth(n), TAP));
        assert_eq!(late(100).count(), 100);
        let names = duplicates.names.into_iter().flatten();
        assert!(names.filter(|&name| name != 0).count() == SETS * WAYS, "the hash reaches every set");
    }

    #[test]
    fn extremes_of_time_do_not_overflow() {
        let at = |at| but(tcp(7), |packet| packet.at = at);
        let mut duplicates = Duplicates::default();
        for time in [Timestamp::MIN, Timestamp::MAX, Timestamp::MIN] {
            assert!(!duplicates.has(&at(time), TAP));
        }
        assert!(duplicates.has(&at(Timestamp::MIN), TAP));
    }
}
