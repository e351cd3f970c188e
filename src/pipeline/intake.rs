//! The frames' side: frames are counted, decoded, and known if they were captured before.
//!
//! In: batches of frames. Out: [`Parcel`]s of packets; [`Stats`] of all that was read.
//! Must not know: flows; what becomes of a packet.

use super::parcel::Parcel;
use crate::capture::{Batch, Filter, Frame};
use crate::decode::{Decoder, Packet, Skip, icmp_quote};
use crate::duplicate::{Duplicates, Sight, Tap};
use crate::flow::{FrameId, Preparer};
use crate::reading::Stats;

/// Its state between batches.
pub(super) struct Intake {
    decoder: Decoder,
    /// None where they are kept.
    duplicates: Option<Duplicates>,
    filter: Option<Filter>,
    preparer: Preparer,
    stats: Stats,
}

impl Intake {
    /// Prepares packets with `preparer`.
    pub(super) fn new(filter: Option<Filter>, keep_duplicates: bool, preparer: Preparer) -> Self {
        Self {
            decoder: Decoder::new(),
            duplicates: (!keep_duplicates).then(Duplicates::default),
            filter,
            preparer,
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
            match self.decoder.decode(frame) {
                Ok(packet) => match self.sight(&packet, Tap::of(frame, batch.file)) {
                    Sight::First => {
                        self.stats.carried(&packet);
                        let prepared = self.preparer.prepare(&packet.tuple);
                        parcel.add(packet, FrameId { file: batch.file, number }, prepared, &batch.buffer);
                    }
                    copy => {
                        parcel.aside = Some(packet.tuple);
                        self.stats.repeated(copy == Sight::FullerCopy);
                    }
                },
                Err(skip) if skip.is_icmp() => self.icmp(frame, skip, parcel),
                Err(skip) => self.stats.skipped(frame, skip),
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

    #[inline]
    fn sight(&mut self, packet: &Packet<'_>, tap: Tap) -> Sight {
        self.duplicates.as_mut().map_or(Sight::First, |duplicates| duplicates.see(packet, tap))
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
