//! A run without end, in windows: what is over leaves the table, judged by whoever asks.
//!
//! In: batches, and what time it is. Out: at the end of each window a [`Reading`] of all flows in the table, and of each
//! why it goes; then the table without them.
//! Must not know: what a verdict means, clocks, events.
//!
//! There is room for every packet because a window ends before there is none: [`Windows::is_pressed`]. So no flow is
//! lost; one may only be judged early. Should a few packets take all the room at once, flows go as in a run over files,
//! and are counted as such.

use super::intake::Intake;
use super::parcel::Parcel;
use super::room::worth;
use super::tracking::Tracking;
use super::{Bounds, Options};
use crate::capture::{Batch, Damage, Frame, InputFile};
use crate::evidence::Evidence;
use crate::flow::{EndReason, Ending, Flow, FrameId, is_closed};
use crate::net::Timestamp;
use crate::reading::{Reading, Stats};

/// What of the memory may be used for other things than flows: findings, services, hosts. Measured by `tests/live.rs`.
const REPORT: u64 = 48 << 20;
/// Less memory is no use.
pub const LEAST_LIVE_MEMORY: u64 = 128 << 20;
/// Packets of a batch.
const BATCH: usize = crate::capture::BATCH;

/// Its state.
pub struct Windows {
    intake: Intake,
    tracking: Tracking,
    parcel: Parcel,
    bounds: Bounds,
    /// First frame and number of each flow that was in the table at the end of the last window, in order.
    known: Vec<(FrameId, u64)>,
    /// Flows numbered.
    numbered: u64,
}

/// What is in the table at the end of a window.
pub struct Window {
    /// All flows, and counters of the whole run.
    pub reading: Reading,
    /// Of each flow its number, from 1, in the order in which they began.
    pub numbers: Vec<u64>,
    /// Of each flow why it goes; none where it stays.
    pub ends: Vec<Option<EndReason>>,
}

impl Window {
    /// Every flow with its index, number and end.
    pub fn flows(&self) -> impl Iterator<Item = (usize, u64, Option<EndReason>, &Flow<Evidence>)> {
        let places = self.numbers.iter().zip(&self.ends).enumerate();
        self.reading.flows.iter().zip(places).map(|(flow, (index, (&number, &end)))| (index, number, end, flow))
    }
}

/// Why a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Its time is over.
    Time,
    /// There is hardly room for more flows: half of them go, those that tell least first.
    Pressure,
    /// Nothing more comes.
    End,
    /// Somebody looks: nothing goes, and everything goes on as if nobody had looked.
    Look,
}

impl Windows {
    /// A run with these options; `threads` is not looked at.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let memory = options.bounds.memory.saturating_sub(REPORT);
        let bounds = Bounds { memory, ..options.bounds };
        let tracking = Tracking::new(options.timeouts, bounds);
        let intake = Intake::new(options.filter, options.keep_duplicates, tracking.hasher());
        Self { intake, tracking, parcel: Parcel::default(), bounds, known: Vec::new(), numbered: 0 }
    }

    /// Takes in a batch.
    pub fn take(&mut self, batch: &Batch<'_>) {
        self.intake.take(batch, &mut self.parcel);
        self.tracking.visit(&self.parcel);
        self.parcel.clear();
    }

    /// The same, and tells of each packet's frame the first frame of its flow.
    pub fn trace(&mut self, batch: &Batch<'_>, mut seen: impl FnMut(&Frame<'_>, FrameId)) {
        self.intake.take(batch, &mut self.parcel);
        self.tracking.visit(&self.parcel);
        for ready in &self.parcel.packets {
            let place = usize::try_from(ready.frame.number.saturating_sub(batch.first_number)).unwrap_or(usize::MAX);
            if let Some((frame, flow)) = batch.frames.get(place).zip(self.tracking.flow_of(&ready.packet.tuple)) {
                seen(frame, flow);
            }
        }
        self.parcel.clear();
    }

    /// Whether the next batch may find no room.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        let (flows, most) = (self.tracking.table.len(), self.tracking.room.most());
        flows.saturating_add(BATCH) > most.saturating_sub(most / 8)
    }

    /// Flows in the table, and how many there is room for.
    #[must_use]
    pub fn fill(&self) -> (usize, usize) {
        (self.tracking.table.len(), self.tracking.room.most())
    }

    /// Bytes that flows and what their payload told take, as counted.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.tracking.room.held(self.tracking.table.len())
    }

    /// Counters by now.
    pub fn stats(&mut self) -> Stats {
        let mut stats = self.intake.stats();
        stats.evict(self.tracking.evicted.clone());
        stats.icmp_errors_attached = self.tracking.attached;
        stats
    }

    /// Ends a window. The flows are lent out, and must come [back](Self::give_back) before the next batch.
    pub fn close(&mut self, why: Close, ending: &Ending, files: &[InputFile], damage: &[Damage]) -> Window {
        let stats = self.stats();
        let open = self.tracking.table.open();
        let mut flows = self.tracking.table.lend();
        let end = |(flow, &open): (&Flow<Evidence>, &bool)| ending.of(flow, open);
        let mut ends: Vec<_> = flows.iter().zip(&open).map(end).collect();
        match why {
            Close::Time => {}
            Close::Look => ends.iter_mut().for_each(|end| *end = None),
            Close::Pressure => make_room(flows.iter(), &mut ends),
            Close::End => ends.iter_mut().for_each(|end| *end = end.or(Some(EndReason::EndOfCapture))),
        }
        for (flow, _) in flows.iter_mut().zip(&ends).filter(|(_, end)| end.is_some()) {
            self.tracking.room.settle(&mut flow.state, &mut self.tracking.examiner);
        }
        let numbers = self.number(flows.iter().map(|flow| flow.first_frame));
        Window { reading: Reading { flows, stats, files: files.to_vec(), damage: damage.to_vec() }, numbers, ends }
    }

    /// Takes the flows back, and drops those that go.
    pub fn give_back(&mut self, window: Window) {
        let Window { reading, numbers, ends } = window;
        for (flow, _) in reading.flows.iter().zip(&ends).filter(|(_, end)| end.is_some()) {
            self.tracking.room.forget(flow.state.held());
        }
        let stays: Vec<bool> = ends.iter().map(Option::is_none).collect();
        let staying = reading.flows.iter().zip(numbers).zip(&stays).filter(|(_, stays)| **stays);
        self.known = staying.map(|((flow, number), _)| (flow.first_frame, number)).collect();
        self.tracking.table.give_back(reading.flows);
        self.tracking.table.release(&stays);
        self.tracking.measure();
    }

    /// What the user allowed, less what the report takes.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Numbers flows in the order in which they began. Those known keep their number; between them none is new.
    fn number(&mut self, flows: impl Iterator<Item = FrameId>) -> Vec<u64> {
        let mut known = self.known.iter().peekable();
        let mut number = |frame| {
            while let Some(&&(first, number)) = known.peek() {
                known.next();
                if first == frame {
                    return number;
                }
            }
            self.numbered += 1;
            self.numbered
        };
        flows.map(&mut number).collect()
    }
}

/// Has flows go until half of them are gone: first those that are closed, then those worth least, among equals those
/// silent for longest.
fn make_room<'f>(flows: impl Iterator<Item = &'f Flow<Evidence>>, ends: &mut [Option<EndReason>]) {
    let place = |(index, flow): (usize, &Flow<Evidence>)| {
        let worth = if is_closed(flow) { 0 } else { worth(flow).saturating_add(1) };
        (worth, flow.last_seen, index)
    };
    let mut queue: Vec<(u8, Timestamp, usize)> =
        flows.enumerate().filter(|&(index, _)| ends.get(index).is_some_and(Option::is_none)).map(place).collect();
    let going = ends.len().div_ceil(2).saturating_sub(ends.len() - queue.len());
    let Some(last) = going.checked_sub(1) else { return };
    queue.select_nth_unstable(last);
    for &(worth, _, index) in queue.iter().take(going) {
        if let Some(end) = ends.get_mut(index) {
            *end = Some(if worth == 0 { EndReason::Closed } else { EndReason::Evicted });
        }
    }
}
