//! What the frames' side hands to the flows' side: packets that have left their frames behind.
//!
//! In: packets, the buffer that their payload is in. Out: the same, later or in another thread.
//! Must not know: which side runs where, flows.
//!
//! A payload is a part of a shared buffer: nothing is copied, and the reader leaves a buffer alone while a parcel holds it.

use std::ops::Range;
use std::sync::Arc;

use crate::capture::Buffer;
use crate::decode::{IcmpQuote, Packet};
use crate::flow::{FlowHash, FrameId};
use crate::net::FiveTuple;

/// Packets in a parcel: enough that handing it over costs nothing a packet, few enough to stay in the cache.
const FULL: usize = 256;
/// Bytes of buffers in a parcel: long frames fill one each, and a few parcels are under way at once.
const HELD: usize = 2 << 20;
/// Buffers in a parcel, however small: a packet has eight bits for the number of its own.
const BUFFERS: usize = 64;

/// A packet for its flow.
pub(super) struct Ready {
    /// Without its payload.
    pub(super) packet: Packet<'static>,
    /// Its frame's place.
    pub(super) frame: FrameId,
    /// What its flow is found by.
    pub(super) hash: FlowHash,
    payload: Range<u32>,
    buffer: u8,
}

/// Packets in their order, and what ICMP errors between them quote.
#[derive(Default)]
pub(super) struct Parcel {
    pub(super) packets: Vec<Ready>,
    /// Each after so many packets.
    pub(super) quotes: Vec<(usize, IcmpQuote)>,
    /// Ends of the packet that a frame is a copy of, or quotes; of the latest such frame.
    pub(super) aside: Option<FiveTuple>,
    buffers: Vec<Buffer>,
}

impl Parcel {
    /// Adds a packet whose payload is in `buffer`.
    #[inline(always)]
    pub(super) fn add(&mut self, packet: Packet<'_>, frame: FrameId, hash: FlowHash, buffer: &Buffer) {
        // Where files overlap their buffers take turns.
        let known = self.buffers.iter().rposition(|known| Arc::ptr_eq(known, buffer));
        let number = known.unwrap_or_else(|| {
            self.buffers.push(Arc::clone(buffer));
            self.buffers.len() - 1
        });
        let payload = place(packet.payload, buffer);
        self.packets.push(Ready { packet: packet.detached(), frame, hash, payload, buffer: number as u8 });
    }

    /// Adds what an ICMP error quotes.
    pub(super) fn quote(&mut self, quote: IcmpQuote) {
        self.quotes.push((self.packets.len(), quote));
    }

    /// Whether it is to be handed over before the next batch.
    pub(super) fn is_full(&self) -> bool {
        let held: usize = self.buffers.iter().map(|buffer| buffer.len()).sum();
        self.packets.len() >= FULL || self.quotes.len() >= FULL || self.buffers.len() >= BUFFERS || held >= HELD
    }

    /// What was captured of a packet's payload.
    #[inline]
    pub(super) fn payload(&self, ready: &Ready) -> &[u8] {
        let Range { start, end } = ready.payload;
        let buffer = self.buffers.get(usize::from(ready.buffer));
        buffer.and_then(|buffer| buffer.get(start as usize..end as usize)).unwrap_or_default()
    }

    /// Lets go of the buffers; keeps its room.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.quotes.clear();
        self.aside = None;
        self.buffers.clear();
    }
}

/// Where in `buffer` some of its bytes are.
#[inline]
fn place(bytes: &[u8], buffer: &[u8]) -> Range<u32> {
    let start = bytes.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr());
    let whole = u32::try_from(start).ok().zip(u32::try_from(start.wrapping_add(bytes.len())).ok());
    whole.map_or(0..0, |(start, end)| start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_again_in_their_buffer() {
        let buffer: Vec<u8> = (0..100).collect();
        for range in [0..0, 0..100, 7..9, 99..100, 100..100] {
            let place = place(&buffer[range.clone()], &buffer);
            assert_eq!(place.start as usize..place.end as usize, range);
        }
    }
}
