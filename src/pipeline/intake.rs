//! The frames' side: frames are counted, decoded, and known if they were captured before.
//!
//! In: batches of frames. Out: [`Parcel`]s of packets; [`Stats`] of all that was read.
//! Must not know: flows; what becomes of a packet.

use super::parcel::Parcel;
use crate::capture::{Batch, Buffer, Filter, Frame};
use crate::decode::{Decoder, Packet, Skip, icmp_quote};
use crate::duplicate::{Duplicates, Sight, Tap};
use crate::flow::{FlowHasher, FrameId};
use crate::reading::Stats;

/// Its state between batches.
pub(super) struct Intake {
    decoder: Decoder,
    /// None where they are kept.
    duplicates: Option<Duplicates>,
    filter: Option<Filter>,
    hasher: FlowHasher,
    stats: Stats,
}

impl Intake {
    /// Hashes packets with `hasher`.
    pub(super) fn new(filter: Option<Filter>, keep_duplicates: bool, hasher: FlowHasher) -> Self {
        Self {
            decoder: Decoder::new(),
            duplicates: (!keep_duplicates).then(Duplicates::default),
            filter,
            hasher,
            stats: Stats::default(),
        }
    }

    /// Adds the packets of a batch.
    pub(super) fn take(&mut self, batch: &Batch<'_>, parcel: &mut Parcel) {
        for (number, frame) in (batch.first_number..).zip(&batch.frames) {
            if let Some(filter) = &mut self.filter
                && !filter.matches(frame)
            {
                continue;
            }
            self.stats.read(frame);
            let id = FrameId { file: batch.file, number };
            match Decoder::common(frame) {
                Some(packet) => self.packet(packet, frame, id, &batch.buffer, parcel),
                None => self.uncommon(frame, id, &batch.buffer, parcel),
            }
        }
    }

    #[inline(never)]
    fn uncommon(&mut self, frame: &Frame<'_>, id: FrameId, buffer: &Buffer, parcel: &mut Parcel) {
        match self.decoder.by_layers(frame) {
            Ok(packet) => self.packet(packet, frame, id, buffer, parcel),
            Err(skip) if skip.is_icmp() => self.icmp(frame, skip, parcel),
            Err(skip) => self.stats.skipped(frame, skip),
        }
    }

    #[inline(always)]
    fn packet(&mut self, packet: Packet<'_>, frame: &Frame<'_>, id: FrameId, buffer: &Buffer, parcel: &mut Parcel) {
        match self.sight(&packet, Tap::of(frame, id.file)) {
            Sight::First => {
                self.stats.carried(&packet);
                let hash = self.hasher.hash(&packet.tuple);
                parcel.add(packet, id, hash, buffer);
            }
            copy => {
                parcel.aside = Some(packet.tuple);
                self.stats.repeated(copy == Sight::FullerCopy);
            }
        }
    }

    /// What was counted by now.
    pub(super) fn stats(&mut self) -> Stats {
        self.stats.settle();
        self.stats.clone()
    }

    /// What was counted.
    pub(super) fn finish(mut self) -> Stats {
        self.stats.settle();
        self.stats
    }

    #[inline(always)]
    fn sight(&mut self, packet: &Packet<'_>, tap: Tap) -> Sight {
        match &mut self.duplicates {
            Some(duplicates) => duplicates.see(packet, tap),
            None => Sight::First,
        }
    }

    /// An ICMP error may quote a packet of this very parcel.
    #[cold]
    fn icmp(&mut self, frame: &Frame<'_>, skip: Skip, parcel: &mut Parcel) {
        self.stats.skipped(frame, skip);
        if let Some(quote) = icmp_quote(frame) {
            parcel.aside = Some(quote.tuple);
            parcel.quote(quote);
        }
    }
}
