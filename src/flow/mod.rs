//! Stage 3: packets → flows. Bidirectional, keyed by the order-free five-tuple, closed by idle time or a new handshake.
//!
//! In: decoded packets in capture order. Out: [`Flow`]s with counters, handshake facts and the caller's own state `S`.
//! Must not know: what it tracks. `S` is opaque here; ports have no meaning, only equality.

pub use counters::{Counters, Sizes};
pub use end::{EndReason, Ending, is_closed};
pub use flows::Flows;
pub use handshake::{Handshake, Marks};
pub use hash::{FlowHash, FlowHasher};
pub use table::{AHEAD, FlowTable, Timeouts};

use crate::decode::{Packet, Tunnel};
use crate::net::{Both, Direction, FiveTuple, Timestamp, Transport};

mod counters;
mod end;
mod eviction;
mod flows;
mod handshake;
mod hash;
mod table;

use counters::{Lengths, Volume, Wide};
use handshake::Opening;

/// Where a frame stands: its file (an index into the files read) and its number there, from 1.
///
/// Packed: every flow keeps one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed(2))]
pub struct FrameId {
    /// Index of the file.
    pub file: u16,
    /// Frame number in that file, as Wireshark counts.
    pub number: u64,
}

impl FrameId {
    /// How many frames it stands after `first`; none if that is in another file.
    #[inline]
    #[must_use]
    pub fn after(self, first: Self) -> Option<u32> {
        let frames = self.number.checked_sub(first.number).filter(|_| self.file == first.file)?;
        u32::try_from(frames).ok()
    }
}

/// An ICMP error that quoted a packet of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// ICMPv6 rather than ICMPv4.
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Which direction of the flow the quoted packet travelled.
    pub quoted: Direction,
}

impl IcmpError {
    /// Whether the packet was refused a way to its receiver. Too-big is no refusal (the sender tries again, smaller),
    /// nor are redirects and exceeded hop counts. (RFC 792, RFC 4443.)
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        match (self.v6, self.kind) {
            (false, 3) => self.code != 4,
            (true, 1) => true,
            _ => false,
        }
    }
}

/// A bidirectional flow (RFC 5103) and the state `S` that the caller keeps with it.
///
/// Three cache lines with the evidence for a state. What every packet reads and writes is in the first two.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Flow<S> {
    /// Latest time of any of its packets.
    pub last_seen: Timestamp,
    /// The caller's.
    pub state: S,
    volume: Volume,
    lengths: Lengths,
    /// Five-tuple of its first packet: [`Direction::Forward`].
    pub tuple: FiveTuple,
    /// What was seen of the TCP handshake and its end; default for UDP.
    pub handshake: Handshake,
    /// Differentiated services code point of the latest packet each way.
    pub dscp: Both<u8>,

    /// Its first packet was broadcast on the link: the destination is no single host.
    pub broadcast: bool,
    /// The latest ICMP error that quoted it; one that says unreachable stands before any other.
    pub icmp: Option<IcmpError>,
    /// Its first frame.
    pub first_frame: FrameId,
    opening: Opening,
    wide: Option<Box<Wide>>,
    /// Time of its first packet.
    pub first_seen: Timestamp,
    /// What was around the IP layer of its first packet.
    pub tunnel: Tunnel,
    vlan: [u16; 4],
}

/// No VLAN: ids have twelve bits.
const UNTAGGED: u16 = u16::MAX;

impl<S: Default> Flow<S> {
    /// A flow that begins with `packet`, before the packet is counted.
    fn begin(packet: &Packet<'_>, frame: FrameId) -> Self {
        let mut vlan = [UNTAGGED; 4];
        vlan.iter_mut().zip(&packet.vlan).for_each(|(to, id)| *to = *id);
        Self {
            last_seen: packet.at,
            state: S::default(),
            volume: Volume::default(),
            lengths: Lengths::default(),
            tuple: packet.tuple,
            handshake: Handshake::default(),
            dscp: Both::default(),
            broadcast: packet.broadcast,
            icmp: None,
            first_frame: frame,
            opening: Opening::default(),
            wide: None,
            first_seen: packet.at,
            tunnel: packet.tunnel,
            vlan,
        }
    }
}

impl<S> Flow<S> {
    /// Counts one packet that travels `direction`. Returns whether the flow has come to hold memory beside itself.
    #[inline]
    fn count(&mut self, packet: &Packet<'_>, direction: Direction) -> bool {
        *self.dscp.of_mut(direction) = packet.dscp;
        // Several interfaces and SPAN ports interleave with small steps backwards: the latest time stands.
        self.last_seen = self.last_seen.max(packet.at);
        if packet.tuple.transport == Transport::Tcp {
            self.handshake.observe(&mut self.opening, packet, direction);
        }
        self.volume.count(direction, (packet.wire_length, packet.payload_length), &mut self.wide)
            | self.lengths.count(packet.wire_length, &mut self.wide)
    }

    /// Whether a packet opens another connection.
    #[inline]
    fn is_reopened_by(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        self.handshake.is_reopened_by(&self.opening, packet, direction, || self.is_two_way())
    }

    /// Packets, bytes and payload bytes each way.
    #[must_use]
    pub const fn counters(&self) -> Both<Counters> {
        self.volume.counters(self.wide())
    }

    const fn wide(&self) -> Option<&Wide> {
        match &self.wide {
            Some(wide) => Some(wide),
            None => None,
        }
    }

    /// Coarse distribution of frame lengths.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.lengths.sizes(self.wide())
    }

    /// Packets both ways.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.sent(Direction::Forward) + self.sent(Direction::Reverse)
    }

    /// Packets one way.
    #[must_use]
    pub const fn sent(&self, direction: Direction) -> u64 {
        self.volume.packets(direction, self.wide())
    }

    /// Frame lengths both ways.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        let Both { forward, reverse } = self.counters();
        forward.bytes + reverse.bytes
    }

    /// Whether both ends sent something.
    #[must_use]
    pub const fn is_two_way(&self) -> bool {
        self.sent(Direction::Forward) > 0 && self.sent(Direction::Reverse) > 0
    }

    /// 802.1Q ids of the first packet, outermost first.
    #[must_use]
    pub fn vlan(&self) -> &[u16] {
        self.vlan.split(|&id| id == UNTAGGED).next().unwrap_or_default()
    }

    /// SYN to the ACK that completed the handshake, in nanoseconds; the last SYN counts where it was repeated.
    #[must_use]
    pub const fn rtt_ns(&self) -> Option<u32> {
        self.handshake.rtt_ns(&self.opening)
    }

    /// Sequence number of an end's first payload byte, where its SYN was seen or acknowledged.
    #[inline]
    #[must_use]
    pub const fn first_byte(&self, direction: Direction) -> Option<u32> {
        self.handshake.first_byte(&self.opening, direction)
    }

    /// A flow as a test of a later stage states it: frame 1 of the only file.
    #[cfg(test)]
    pub(crate) fn stated(tuple: FiveTuple, counters: Both<Counters>, (first, last): (i64, i64), state: S) -> Self {
        Self {
            last_seen: Timestamp(last),
            state,
            volume: Volume::stated(counters),
            lengths: Lengths::default(),
            tuple,
            handshake: Handshake::default(),
            dscp: Both::default(),
            broadcast: false,
            icmp: None,
            first_frame: FrameId { file: 0, number: 1 },
            opening: Opening::default(),
            wide: None,
            first_seen: Timestamp(first),
            tunnel: Tunnel::default(),
            vlan: [UNTAGGED; 4],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;

    #[test]
    fn a_flow_is_three_cache_lines_and_what_is_hot_is_in_two() {
        assert_eq!(size_of::<Flow<Evidence>>(), 192);
        assert_eq!(std::mem::offset_of!(Flow<Evidence>, broadcast), 128);
    }
}
