//! Stage 2: frame → packet. Walks link, network and transport headers without copying.
//!
//! In: a [`Frame`]. Out: a [`Packet`] of TCP or UDP, or the [`Skip`] that says why not.
//! Must not know: flows. The one thing remembered between frames is which ports a fragmented datagram had.

use crate::capture::Frame;
use crate::net::{FiveTuple, Timestamp};

/// 802.1Q tags, outermost first; at most four are kept.
pub type Vlans = arrayvec::ArrayVec<u16, 4>;

/// One TCP or UDP packet.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Capture time.
    pub at: Timestamp,
    /// Sender, receiver, transport.
    pub tuple: FiveTuple,
    /// Frame length on the wire.
    pub wire_length: u32,
    /// Transport payload length on the wire, from the IP header; not shortened by a snaplen.
    pub payload_length: u32,
    /// What was captured of the payload.
    pub payload: &'a [u8],
    /// TCP's flags and numbers; default for UDP, later fragments and headers cut short.
    pub tcp: Tcp,
    /// VLAN ids (12 bits), outermost first.
    pub vlan: Vlans,
}

/// The parts of a TCP header that the flow stage needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10.
    pub flags: u8,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
}
