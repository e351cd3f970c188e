//! The flows' side: packets are counted in their flows, and payload is read while it can tell.
//!
//! In: [`Parcel`]s. Out: all flows with their evidence, and which of them went for want of room.
//! Must not know: frames, files; in which thread it runs.

use super::parcel::{Parcel, Ready};
use super::room::{Bounds, Room};
use crate::decode::{IcmpQuote, Packet};
use crate::evidence::{Evidence, Examiner, Place};
use crate::flow::{AHEAD, FlowHasher, FlowTable, Flows, FrameId, Timeouts};
use crate::net::FiveTuple;
use crate::reading::Evicted;

/// Its state between parcels.
pub(super) struct Tracking {
    pub(super) table: FlowTable<Evidence>,
    pub(super) examiner: Examiner,
    pub(super) room: Room,
    pub(super) evicted: Evicted,
    pub(super) attached: u64,
}

/// What it comes to.
pub(super) struct Tracked {
    /// All that are kept.
    pub(super) flows: Flows<Evidence>,
    /// Those that are not.
    pub(super) evicted: Evicted,
    /// ICMP errors that quoted a packet of one.
    pub(super) attached: u64,
}

impl Tracking {
    pub(super) fn new(timeouts: Timeouts, bounds: Bounds) -> Self {
        Self {
            table: FlowTable::new(timeouts),
            examiner: Examiner::within(bounds.examined()),
            room: Room::new(bounds),
            evicted: Evicted::default(),
            attached: 0,
        }
    }

    /// What hashes packets for its table.
    pub(super) fn hasher(&self) -> FlowHasher {
        self.table.hasher()
    }

    /// Takes in a parcel, whose packets are fetched some at a time.
    pub(super) fn visit(&mut self, parcel: &Parcel) {
        let mut quotes = parcel.quotes.iter().peekable();
        for (chunk, at) in parcel.packets.chunks(AHEAD).zip((0..).step_by(AHEAD)) {
            self.table.warm(chunk.iter().map(|ready| ready.hash), Evidence::warm);
            for (ready, at) in chunk.iter().zip(at..) {
                while let Some((_, quote)) = quotes.next_if(|(after, _)| *after == at) {
                    self.attach(quote);
                }
                self.count(ready, parcel);
            }
        }
        quotes.for_each(|(_, quote)| self.attach(quote));
    }

    #[inline]
    fn count(&mut self, ready: &Ready, parcel: &Parcel) {
        let &Ready { ref packet, frame, hash, .. } = ready;
        if self.room.is_taken_by(self.table.load()) && self.table.begins(hash, packet) {
            self.room.make(&mut self.table, &mut self.examiner, &mut self.evicted);
        }
        let (flow, direction) = self.table.count(hash, packet, frame);
        if !flow.state.reads() {
            return;
        }
        let payload = parcel.payload(ready);
        if payload.is_empty() {
            return;
        }
        let place = Place { first_byte: flow.first_byte(direction), after: frame.after(flow.first_frame) };
        let packet = Packet { payload, ..packet.clone() };
        let grown = flow.state.observe(direction, &packet, place, &mut self.examiner);
        if self.room.is_shrunk_by(grown, &self.examiner, self.table.load()) {
            self.room.make(&mut self.table, &mut self.examiner, &mut self.evicted);
        }
    }

    /// The first frame of the latest flow of these ends.
    pub(super) fn flow_of(&self, tuple: &FiveTuple) -> Option<FrameId> {
        self.table.latest(tuple).map(|flow| flow.first_frame)
    }

    /// Brings the room up to date after flows have gone.
    pub(super) fn measure(&mut self) {
        self.room.remeasure(&self.examiner);
    }

    #[cold]
    fn attach(&mut self, quote: &IcmpQuote) {
        let attached = self.table.attach(&quote.tuple, (quote.v6, quote.kind, quote.code));
        self.attached += u64::from(attached);
    }

    /// Ends the reading of every flow.
    pub(super) fn finish(self) -> Tracked {
        let Self { table, mut examiner, mut room, evicted, attached } = self;
        let mut flows = table.into_flows();
        flows.iter_mut().for_each(|flow| room.settle(&mut flow.state, &mut examiner));
        Tracked { flows, evicted, attached }
    }
}
