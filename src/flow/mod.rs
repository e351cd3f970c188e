//! Stage 3: packets → flows. Bidirectional, keyed by the order-free five-tuple, closed by idle time or a new handshake.
//!
//! In: decoded packets in capture order. Out: [`Flow`]s with counters, handshake facts and the caller's own state `S`.
//! Must not know: what it tracks. `S` is opaque here; ports have no meaning, only equality.

pub use counters::{Counters, Sizes};
pub use end::{EndReason, Ending, is_closed};
pub use flows::Flows;
pub use handshake::{Handshake, Marks};
pub use key::FlowKey;
pub use table::{AHEAD, FlowTable, Prepared, Preparer, Timeouts};

use crate::decode::{Packet, Tunnel, Vlans};
use crate::net::{Both, Direction, FiveTuple, Timestamp, Transport};

mod counters;
mod end;
mod eviction;
mod flows;
mod handshake;
mod key;
mod table;

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
/// Four cache lines with the evidence for a state, what a further packet reads and writes in front.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Flow<S> {
    /// Five-tuple of its first packet: [`Direction::Forward`].
    pub tuple: FiveTuple,
    /// Its first packet was broadcast on the link: the destination is no single host.
    pub broadcast: bool,
    /// Differentiated services code point of the latest packet each way.
    pub dscp: Both<u8>,
    /// The latest ICMP error that quoted it; one that says unreachable stands before any other.
    pub icmp: Option<IcmpError>,
    /// Its first frame.
    pub first_frame: FrameId,
    /// Latest time of any of its packets.
    pub last_seen: Timestamp,
    /// The caller's.
    pub state: S,
    /// What was seen of the TCP handshake and its end; default for UDP.
    pub handshake: Handshake,
    /// Packets, bytes and payload bytes each way.
    pub counters: Both<Counters>,
    /// Coarse distribution of frame lengths.
    pub sizes: Sizes,
    /// 802.1Q ids of the first packet.
    pub vlan: Vlans,
    /// Time of its first packet.
    pub first_seen: Timestamp,
    /// What was around the IP layer of its first packet.
    pub tunnel: Tunnel,
}

impl<S: Default> Flow<S> {
    /// A flow that begins with `packet`, before the packet is counted.
    fn begin(packet: &Packet<'_>, frame: FrameId) -> Self {
        Self {
            tuple: packet.tuple,
            counters: Both::default(),
            first_seen: packet.at,
            last_seen: packet.at,
            first_frame: frame,
            handshake: Handshake::default(),
            sizes: Sizes::default(),
            vlan: packet.vlan.clone(),
            tunnel: packet.tunnel,
            broadcast: packet.broadcast,
            dscp: Both::default(),
            icmp: None,
            state: S::default(),
        }
    }

    /// Counts one packet that travels `direction`.
    #[inline]
    fn count(&mut self, packet: &Packet<'_>, direction: Direction) {
        self.counters.of_mut(direction).count(packet.wire_length, packet.payload_length);
        self.sizes.count(packet.wire_length);
        *self.dscp.of_mut(direction) = packet.dscp;
        // Several interfaces and SPAN ports interleave with small steps backwards: the latest time stands.
        self.last_seen = self.last_seen.max(packet.at);
        if packet.tuple.transport == Transport::Tcp {
            self.handshake.observe(packet, direction);
        }
    }
}

impl<S> Flow<S> {
    /// Packets both ways.
    pub const fn packets(&self) -> u64 {
        self.counters.forward.packets + self.counters.reverse.packets
    }

    /// Whether both ends sent something.
    pub const fn is_two_way(&self) -> bool {
        self.counters.forward.packets > 0 && self.counters.reverse.packets > 0
    }
}
