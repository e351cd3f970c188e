//! Media of one flow: what proves it, and the quality of each RTP stream.
//!
//! In: STUN, MS-TURN and RTP messages as they come. Out: [`Media`] with its [`Stream`]s.
//! Must not know: rows, ranges, what a flow was expected to be.

use arrayvec::ArrayVec;

use crate::net::{Direction, Timestamp};

/// Streams told apart in one flow; packets of further ones are only counted.
pub const STREAMS: usize = 4;

/// What a payload type carries, as Lync uses it ([MS-RTPDT], [MS-SDPEXT]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum Medium {
    Audio,
    Video,
    /// Application sharing and file transfer.
    Data,
}

/// What was seen of media in one flow.
#[derive(Clone, Debug, Default)]
pub struct Media {
    /// STUN of ICE was seen.
    pub stun: bool,
    /// MS-TURN was seen.
    pub turn: bool,
    /// It came over TCP, in frames (RFC 4571, or MS-TURN's).
    pub framed: bool,
    /// RTP streams, in the order in which they began. Over TCP nothing is lost or reordered: none are kept.
    pub streams: ArrayVec<Stream, STREAMS>,
    /// RTP packets of streams beyond those.
    pub untracked: u64,
    /// Payload types seen over TCP and UDP, one bit each.
    pub payload_types: u128,
}

/// One RTP stream: one SSRC in one direction. (RFC 3550 §6.4.1, A.1, A.3, A.8.)
#[derive(Clone, Debug)]
pub struct Stream {
    /// Which way it travels.
    pub direction: Direction,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Its latest payload type, telephone events and comfort noise apart.
    pub payload_type: u8,
    /// Packets that arrived.
    pub packets: u64,
    /// Time of the first packet.
    pub first_seen: Timestamp,
    /// Time of the latest.
    pub last_seen: Timestamp,
    /// Packets that came after a later one.
    pub reordered: u32, // stub
    /// Packets that came twice.
    pub duplicates: u32, // stub
    /// DSCP values seen, one bit each.
    pub dscp: u64, // stub
    stub: (u64, Option<u64>), // stub: lost, jitter
}

// stub
impl Stream {
    /// Packets that should have arrived.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.packets - self.duplicates as u64 + self.stub.0
    }

    /// A stream of so many packets, of which so many more were lost; its jitter is 1.5 ms.
    #[cfg(test)]
    pub(crate) const fn example(
        direction: Direction,
        payload_type: u8,
        packets: u64,
        lost: u64,
        (first_seen, last_seen): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            direction,
            ssrc: 0x2f1a_0000 | payload_type as u32,
            payload_type,
            packets,
            first_seen,
            last_seen,
            reordered: 0,
            duplicates: 0,
            dscp: 0,
            stub: (lost, Some(1_500_000)),
        }
    }

    /// Packets expected and not seen.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.stub.0
    }

    /// Interarrival jitter in nanoseconds.
    #[must_use]
    pub const fn jitter_ns(&self) -> Option<u64> {
        self.stub.1
    }
}

/// Name of a payload type as Lync uses it. // stub
#[must_use]
pub const fn payload_name(payload_type: u8) -> Option<&'static str> {
    match payload_type {
        0 => Some("PCMU"),
        114 => Some("x-msrta"),
        122 => Some("X-H264UC"),
        127 => Some("x-data"),
        _ => None,
    }
}

/// What a payload type carries. // stub
#[must_use]
pub const fn medium(payload_type: u8) -> Medium {
    match payload_type {
        34 | 121..=123 => Medium::Video,
        127 => Medium::Data,
        _ => Medium::Audio,
    }
}
