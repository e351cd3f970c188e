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

impl Media {
    /// The medium, by the payload types: 127 is data; 34 and 121-123 are video; anything else is audio. Where there is
    /// none, STUN alone over TCP is data.
    #[must_use]
    pub const fn medium(&self, tcp: bool) -> Medium {
        const DATA: u128 = 1 << 127;
        const VIDEO: u128 = 1 << 34 | 1 << 121 | 1 << 122 | 1 << 123;
        let types = self.payload_types;
        if types & DATA != 0 || (tcp && types == 0 && self.stun) {
            Medium::Data
        } else if types & VIDEO != 0 {
            Medium::Video
        } else {
            Medium::Audio
        }
    }
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
}

impl Media {
    /// stub
    pub fn observe(&mut self, _: Direction, _: &crate::decode::Packet<'_>) {}
    /// stub
    pub fn sighting(&self, _: Direction) -> Option<super::protocol::Sighting> {
        None
    }
}
