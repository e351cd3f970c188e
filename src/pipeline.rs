//! The way through the reading stages: frames in, flows out. The only module that knows them all.
//!
//! In: [`Inputs`] and [`Options`]. Out: a [`Reading`]: all flows with their evidence, counters, damage.
//! Must not know: what a verdict means, formats, arguments.

use arrayvec::ArrayVec;

pub use room::{Bounds, LEAST_MEMORY};

use room::Room;

use crate::capture::{BATCH, Filter, Frame, Inputs};
use crate::decode::{Decoder, Packet, Skip, icmp_quote};
use crate::duplicate::{Duplicates, Sight, Tap};
use crate::error::Error;
use crate::evidence::{Evidence, Examiner, Place};
use crate::flow::{FlowTable, FrameId, Prepared, Timeouts};
use crate::reading::{Reading, Stats};

mod room;

/// What shapes a run besides its input.
#[derive(Default)]
pub struct Options {
    /// When silence ends a flow.
    pub timeouts: Timeouts,
    /// Frames that it does not match are not read at all.
    pub filter: Option<Filter>,
    /// What was captured twice counts twice.
    pub keep_duplicates: bool,
    /// What may be kept.
    pub bounds: Bounds,
}

/// Reads everything. `progress` is told the bytes consumed after each batch.
///
/// # Errors
/// Only what makes going on senseless; a damaged file is reported in [`Reading::damage`].
pub fn read(mut inputs: Inputs, options: Options, mut progress: impl FnMut(u64)) -> Result<Reading, Error> {
    let mut engine = Engine::new(options);
    while engine.step(&mut inputs)? {
        progress(inputs.consumed_bytes());
    }
    let Engine { table, mut stats, mut examiner, mut room, .. } = engine;
    stats.settle();
    let mut flows = table.into_flows();
    flows.iter_mut().for_each(|flow| room.settle(&mut flow.state, &mut examiner));
    Ok(Reading { flows, stats, files: inputs.files().to_vec(), damage: inputs.damage().to_vec() })
}

/// The stages' state between batches.
struct Engine {
    decoder: Decoder,
    /// None where they are kept.
    duplicates: Option<Duplicates>,
    table: FlowTable<Evidence>,
    examiner: Examiner,
    stats: Stats,
    room: Room,
    filter: Option<Filter>,
}

/// A packet, its frame's place, and its place in the flow table.
type Ready<'a> = (Packet<'a>, FrameId, Prepared);

impl Engine {
    fn new(options: Options) -> Self {
        Self {
            decoder: Decoder::new(),
            duplicates: (!options.keep_duplicates).then(Duplicates::default),
            table: FlowTable::new(options.timeouts),
            examiner: Examiner::within(options.bounds.examined()),
            stats: Stats::default(),
            room: Room::new(options.bounds),
            filter: options.filter,
        }
    }

    /// Reads one batch; false after the last.
    fn step(&mut self, inputs: &mut Inputs) -> Result<bool, Error> {
        let Some(batch) = inputs.next_batch()? else { return Ok(false) };
        self.run(&batch.frames, FrameId { file: batch.file, number: batch.first_number });
        Ok(true)
    }

    /// Passes over a batch: decode and hash everything; fetch the flows' lines; visit the flows.
    fn run(&mut self, frames: &[Frame<'_>], first: FrameId) {
        let mut ready: ArrayVec<Ready<'_>, BATCH> = ArrayVec::new();
        for (number, frame) in (first.number..).zip(frames) {
            if let Some(filter) = &mut self.filter
                && !filter.matches(frame)
            {
                continue;
            }
            self.stats.read(frame);
            match self.decoder.decode(frame) {
                Ok(packet) => match self.sight(&packet, Tap::of(frame, first.file)) {
                    Sight::First => {
                        let prepared = self.table.prepare(&packet.tuple);
                        ready.push((packet, FrameId { number, ..first }, prepared));
                    }
                    copy => self.stats.repeated(copy == Sight::FullerCopy),
                },
                // An ICMP error may quote a packet of this very batch: visit the table first.
                Err(skip) if skip.is_icmp() => {
                    self.visit(&ready);
                    ready.clear();
                    self.skip(frame, skip);
                }
                Err(skip) => self.stats.skipped(frame, skip),
            }
        }
        self.visit(&ready);
    }

    #[inline]
    fn sight(&mut self, packet: &Packet<'_>, tap: Tap) -> Sight {
        self.duplicates.as_mut().map_or(Sight::First, |duplicates| duplicates.see(packet, tap))
    }

    fn visit(&mut self, ready: &[Ready<'_>]) {
        self.table.warm(ready.iter().map(|(_, _, prepared)| prepared), Evidence::warm);
        for (packet, frame, prepared) in ready {
            if self.room.is_taken_by(self.table.len()) && self.table.begins(prepared, packet) {
                self.room.make(&mut self.table, &mut self.examiner, &mut self.stats);
            }
            self.stats.carried(packet);
            let (flow, direction) = self.table.count(prepared, packet, *frame);
            if flow.state.reads(packet) {
                let place =
                    Place { first_byte: flow.handshake.first_byte(direction), after: frame.after(flow.first_frame) };
                let grown = flow.state.observe(direction, packet, place, &mut self.examiner);
                if self.room.is_shrunk_by(grown, &self.examiner, self.table.len()) {
                    self.room.make(&mut self.table, &mut self.examiner, &mut self.stats);
                }
            }
        }
    }

    #[cold]
    fn skip(&mut self, frame: &Frame<'_>, skip: Skip) {
        self.stats.skipped(frame, skip);
        if let Some(quote) = icmp_quote(frame) {
            let attached = self.table.attach(&quote.tuple, (quote.v6, quote.kind, quote.code));
            self.stats.icmp_errors_attached += u64::from(attached);
        }
    }
}
