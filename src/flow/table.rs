//! The flow table: open addressing over 32-bit hashes.
//!
//! In: packets, each with its frame's place. Out: the flow it belongs to and its direction; at the end all flows, in
//! order of their first packet. Must not know: what the state `S` is.
//!
//! A slot is (hash, index): a miss reads one cache line, and growth re-reads no key.

use std::hint::black_box;

use arrayvec::ArrayVec;

use super::hash::{FlowHash, FlowHasher};
use super::{Flow, Flows, FrameId, IcmpError};
use crate::decode::Packet;
use crate::net::{Direction, FiveTuple, Transport};

/// Capture time without a packet after which the next one begins a new flow, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For TCP.
    pub tcp_ns: i64,
    /// For UDP.
    pub udp_ns: i64,
}

impl Default for Timeouts {
    /// One hour for TCP, longer than any load balancer keeps an idle connection; five minutes for UDP.
    fn default() -> Self {
        Self { tcp_ns: 3_600_000_000_000, udp_ns: 300_000_000_000 }
    }
}

const FIRST_SLOTS: usize = 1 << 10;
const EMPTY: u32 = u32::MAX;
/// So many packets are fetched ahead at once.
pub const AHEAD: usize = 32;

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    index: u32,
}

const VACANT: Slot = Slot { hash: 0, index: EMPTY };

/// All flows of a run.
pub struct FlowTable<S> {
    slots: Vec<Slot>,
    occupied: usize,
    /// Flows that hold memory beside themselves.
    pub(super) wide: usize,
    pub(super) flows: Flows<S>,
    hasher: FlowHasher,
    timeouts: Timeouts,
}

impl<S: Default> FlowTable<S> {
    /// An empty table.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        Self {
            slots: vec![VACANT; FIRST_SLOTS],
            occupied: 0,
            wide: 0,
            flows: Flows::default(),
            hasher: FlowHasher::new(),
            timeouts,
        }
    }

    /// What hashes for this table, wherever that is done.
    #[must_use]
    pub const fn hasher(&self) -> FlowHasher {
        self.hasher
    }

    /// Reads a word of each cache line that counting these packets will need, up to [`AHEAD`] of them, and of what `state`
    /// reads of a flow's state: the processor fetches independent lines at once, and waits for each that it comes upon alone.
    #[inline]
    pub fn warm(&self, hashes: impl Iterator<Item = FlowHash>, state: impl Fn(&S) -> u64) {
        let mask = self.slots.len() - 1;
        let mut indices: ArrayVec<u32, AHEAD> = ArrayVec::new();
        let index = |FlowHash(hash)| self.slots.get(hash as usize & mask).map_or(EMPTY, |slot| slot.index);
        indices.extend(hashes.take(AHEAD).map(index));
        let flows = || indices.iter().filter_map(|&index| self.flows.get(index as usize));
        let lines = flows().map(|flow| flow.last_seen.0 as u64 ^ u64::from(flow.dscp.forward));
        black_box(lines.fold(0, |all, line| all ^ line));
        black_box(flows().fold(0, |all, flow| all ^ state(&flow.state)));
    }

    /// Counts a packet in its flow, which it may begin.
    #[inline]
    pub fn count(&mut self, hash: FlowHash, packet: &Packet<'_>, frame: FrameId) -> (&mut Flow<S>, Direction) {
        let (slot, open) = self.find(hash, &packet.tuple);
        let open = open.filter(|&(index, direction)| !self.is_over(index, packet, direction));
        let (index, direction) = open.unwrap_or_else(|| (self.begin(slot, hash, packet, frame), Direction::Forward));
        #[expect(clippy::expect_used, reason = "`index` was found or pushed above")]
        let flow = self.flows.get_mut(index as usize).expect("a flow at its index");
        self.wide += usize::from(flow.count(packet, direction));
        (flow, direction)
    }

    /// Number of flows.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.flows.len()
    }

    /// How many flows it holds the memory of: one that counted much takes that of two.
    #[inline]
    #[must_use]
    pub const fn load(&self) -> usize {
        self.flows.len() + self.wide
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Whether a packet would begin a flow.
    #[must_use]
    pub fn begins(&self, hash: FlowHash, packet: &Packet<'_>) -> bool {
        let (_, open) = self.find(hash, &packet.tuple);
        open.is_none_or(|(index, direction)| self.is_over(index, packet, direction))
    }

    /// The latest flow of a packet's ends.
    #[must_use]
    pub fn latest(&self, tuple: &FiveTuple) -> Option<&Flow<S>> {
        let (_, open) = self.find(self.hasher.hash(tuple), tuple);
        self.flows.get(open?.0 as usize)
    }

    /// Attaches an ICMP error to the flow it quotes, if that is open. Returns whether it was.
    pub fn attach(&mut self, quoted: &FiveTuple, (v6, kind, code): (bool, u8, u8)) -> bool {
        let (_, Some((index, direction))) = self.find(self.hasher.hash(quoted), quoted) else { return false };
        let Some(flow) = self.flows.get_mut(index as usize) else { return false };
        let error = IcmpError { v6, kind, code, quoted: direction };
        if error.is_unreachable() || !flow.icmp.is_some_and(|icmp| icmp.is_unreachable()) {
            flow.icmp = Some(error);
        }
        true
    }

    /// Every flow, in the order in which they began; the slots are freed.
    #[must_use]
    pub fn into_flows(self) -> Flows<S> {
        self.flows
    }

    /// The slot that holds the flow of a five-tuple, with its index and which way it goes there; or the vacant slot where
    /// it belongs.
    #[inline]
    fn find(&self, FlowHash(hash): FlowHash, tuple: &FiveTuple) -> (usize, Option<(u32, Direction)>) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at).filter(|slot| slot.index != EMPTY) {
            if slot.hash == hash
                && let Some(direction) = self.flows.get(slot.index as usize).and_then(|flow| flow.tuple.way_of(tuple))
            {
                return (at, Some((slot.index, direction)));
            }
            at = (at + 1) & mask;
        }
        (at, None)
    }

    #[inline]
    fn is_over(&self, index: u32, packet: &Packet<'_>, direction: Direction) -> bool {
        let Some(flow) = self.flows.get(index as usize) else { return true };
        let timeout = match packet.tuple.transport {
            Transport::Tcp => self.timeouts.tcp_ns,
            Transport::Udp => self.timeouts.udp_ns,
        };
        packet.at.since(flow.last_seen) > timeout || flow.is_reopened_by(packet, direction)
    }

    /// Puts a new flow into `slot`, which is vacant or holds the flow that it follows.
    #[cold]
    fn begin(&mut self, slot: usize, FlowHash(hash): FlowHash, packet: &Packet<'_>, frame: FrameId) -> u32 {
        let index = self.flows.push(Flow::begin(packet, frame)) as u32;
        if let Some(slot) = self.slots.get_mut(slot) {
            self.occupied += usize::from(slot.index == EMPTY);
            *slot = Slot { hash, index };
        }
        if self.occupied * 2 > self.slots.len() {
            self.grow();
        }
        index
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::take(&mut self.slots);
        self.fill(size, old.into_iter().filter(|slot| slot.index != EMPTY));
    }

    /// Indices of the flows that have a slot.
    pub(super) fn occupied(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|slot| slot.index).filter(|&index| index != EMPTY)
    }

    /// Lends out all flows, which are to be [given back](Self::give_back) before anything else is done.
    #[must_use]
    pub fn lend(&mut self) -> Flows<S> {
        std::mem::take(&mut self.flows)
    }

    /// Takes back what was lent out.
    pub fn give_back(&mut self, flows: Flows<S>) {
        self.flows = flows;
    }

    /// The same slots for flows that have moved: `place_of` tells where to; a flow that is nowhere gives up its slot.
    pub(super) fn renumber(&mut self, place_of: impl Fn(u32) -> Option<u32>) {
        let old = std::mem::take(&mut self.slots);
        let moved = |slot: Slot| place_of(slot.index).map(|index| Slot { index, ..slot });
        self.fill(old.len(), old.into_iter().filter_map(moved));
    }

    /// The slots anew, `size` of them, from those given: no key is read.
    fn fill(&mut self, size: usize, occupied: impl Iterator<Item = Slot>) {
        let mask = size - 1;
        (self.slots, self.occupied) = (vec![VACANT; size], 0);
        for slot in occupied {
            self.occupied += 1;
            let mut at = slot.hash as usize & mask;
            while self.slots.get(at).is_some_and(|slot| slot.index != EMPTY) {
                at = (at + 1) & mask;
            }
            if let Some(vacant) = self.slots.get_mut(at) {
                *vacant = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::decode::{Mark, Tcp, Tunnel, Vlans};
    use crate::flow::Marks;
    use crate::net::{Address, Endpoint, Timestamp};

    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    const RST: u8 = 0x04;
    const CLIENT: (u8, u16) = (1, 50_123);
    const SERVER: (u8, u16) = (2, 5061);

    fn end((host, port): (u8, u16)) -> Endpoint {
        Endpoint { address: Address::v4([10, 0, 0, host]), port }
    }

    fn packet(at_ms: i64, from: (u8, u16), to: (u8, u16), flags: u8, sequence: u32, ack: u32) -> Packet<'static> {
        Packet {
            at: Timestamp(at_ms * 1_000_000),
            tuple: FiveTuple { source: end(from), destination: end(to), transport: Transport::Tcp },
            wire_length: 60,
            payload_length: 6,
            payload: &[],
            tcp: Tcp { flags, sequence, acknowledgement: ack, ..Tcp::default() },
            dscp: 0,
            vlan: Vlans::new(),
            tunnel: Tunnel::default(),
            mark: Mark::default(),
            broadcast: false,
        }
    }

    fn run(packets: &[Packet<'_>]) -> Flows<()> {
        let mut table = FlowTable::new(Timeouts::default());
        for (i, packet) in packets.iter().enumerate() {
            let hash = table.hasher().hash(&packet.tuple);
            table.count(hash, packet, FrameId { file: 0, number: i as u64 + 1 });
        }
        table.into_flows()
    }

    /// (packets forward, packets reverse) of each flow.
    fn check(packets: &[Packet<'_>], expected: &[(u64, u64)]) -> Flows<()> {
        let flows = run(packets);
        let counts: Vec<_> = flows.iter().map(|f| (f.sent(Direction::Forward), f.sent(Direction::Reverse))).collect();
        assert_eq!(counts, expected);
        flows
    }

    fn syn(at: i64, sequence: u32) -> Packet<'static> {
        packet(at, CLIENT, SERVER, SYN, sequence, 0)
    }

    fn syn_ack(at: i64, sequence: u32, ack: u32) -> Packet<'static> {
        packet(at, SERVER, CLIENT, SYN | ACK, sequence, ack)
    }

    fn ack(at: i64) -> Packet<'static> {
        packet(at, CLIENT, SERVER, ACK, 0, 0)
    }

    #[test]
    fn both_directions_are_one_flow_with_its_round_trip() {
        let flows = check(&[syn(0, 100), syn_ack(3, 900, 101), ack(5)], &[(2, 1)]);
        assert_eq!(flows[0].handshake.opener(), Some(Direction::Forward));
        assert_eq!(flows[0].rtt_ns(), Some(5_000_000));
        assert_eq!(flows[0].counters().forward.payload_bytes, 12);
    }

    #[test]
    fn a_repeated_syn_is_the_same_flow_another_one_is_not() {
        check(&[syn(0, 100), syn(3000, 100), syn(9000, 100)], &[(3, 0)]);
        check(&[syn(0, 100), syn_ack(1, 900, 101), ack(2), syn(5000, 777), syn_ack(5001, 5, 778)], &[(2, 1), (1, 1)]);
    }

    #[test]
    fn a_syn_after_the_middle_of_an_older_connection_begins_a_flow() {
        check(&[ack(0), packet(1, SERVER, CLIENT, RST, 0, 0), syn(2, 100), syn_ack(3, 7, 101)], &[(1, 1), (1, 1)]);
    }

    #[test]
    fn a_syn_that_arrives_after_its_syn_ack_is_the_same_flow() {
        let flows = check(&[syn_ack(0, 900, 101), syn(1, 100)], &[(1, 1)]);
        assert_eq!(flows[0].handshake.opener(), Some(Direction::Reverse));
    }

    #[test]
    fn a_simultaneous_open_is_one_flow() {
        check(&[syn(0, 100), packet(1, SERVER, CLIENT, SYN, 500, 0)], &[(1, 1)]);
    }

    #[test]
    fn a_server_side_capture_tells_reuse_by_syn_ack() {
        check(&[syn_ack(0, 900, 101), syn_ack(5, 900, 101), syn_ack(9000, 1234, 5678)], &[(2, 0), (1, 0)]);
    }

    #[test]
    fn silence_beyond_the_timeout_begins_a_flow() {
        check(&[ack(0), ack(3_600_000), ack(7_200_001)], &[(2, 0), (1, 0)]);
    }

    #[test]
    fn a_clock_that_steps_backwards_keeps_the_flow() {
        let flows = check(&[ack(5000), ack(0)], &[(2, 0)]);
        assert_eq!(flows[0].last_seen, Timestamp(5_000_000_000));
    }

    #[test]
    fn marks_are_kept_per_end() {
        let flows = run(&[syn(0, 1), packet(1, SERVER, CLIENT, RST | ACK, 0, 2)]);
        assert!(flows[0].handshake.marks.forward.has(Marks::SYN));
        assert!(flows[0].handshake.marks.reverse.has(Marks::RST));
        assert!(!flows[0].handshake.marks.reverse.has(Marks::SYN_ACK));
    }

    #[test]
    fn icmp_errors_find_their_flow() {
        let mut table = FlowTable::<()>::new(Timeouts::default());
        let packet = syn(0, 1);
        table.count(table.hasher().hash(&packet.tuple), &packet, FrameId::default());
        assert!(table.attach(&packet.tuple, (false, 3, 13)));
        assert!(!table.attach(&FiveTuple { transport: Transport::Udp, ..packet.tuple }, (false, 3, 13)));
        let icmp = table.into_flows()[0].icmp;
        assert_eq!(icmp, Some(IcmpError { v6: false, kind: 3, code: 13, quoted: Direction::Forward }));
    }

    /// The table against the obvious map, over enough flows to grow several times.
    #[test]
    fn agrees_with_a_naive_map() {
        let mut seed = 0x1234_5678_9ABC_DEF1_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let packets: Vec<_> = (0..60_000)
            .map(|i| {
                let r = next();
                let (a, b) = ((r as u8 % 8, (r >> 8) as u16 % 600), ((r >> 24) as u8 % 8, (r >> 32) as u16 % 3));
                packet(i, a, b, ACK, 0, 0)
            })
            .collect();
        let in_order = |FiveTuple { source, destination, transport }: FiveTuple| {
            (source.min(destination), source.max(destination), transport)
        };
        let mut naive = HashMap::new();
        for packet in &packets {
            let begun = naive.len();
            naive.entry(in_order(packet.tuple)).or_insert((begun, 0)).1 += 1;
        }
        let flows = run(&packets);
        assert_eq!(flows.len(), naive.len());
        for (i, flow) in flows.iter().enumerate() {
            assert_eq!(naive[&in_order(flow.tuple)], (i, flow.packets()));
        }
    }
}
