//! The way through the reading stages: frames in, flows out. The only module that knows them all.
//!
//! In: [`Inputs`] and [`Options`]. Out: a [`Reading`]: all flows with their evidence, counters, damage.
//! Must not know: what a verdict means, formats, arguments.
//!
//! It has two sides, and parcels go from one to the other in order: `intake` turns frames into packets, `tracking`
//! counts packets in flows. Each takes about half of the time. With two threads the one reads ahead while the other
//! counts, and since each does the same in the same order as alone, the answer is the same.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;

pub use room::{Bounds, LEAST_MEMORY};
pub use trace::{Part, Traced, trace};
pub use windows::{Close, LEAST_LIVE_MEMORY, Window, Windows};

use intake::Intake;
use parcel::Parcel;
use tracking::Tracking;

use crate::capture::{Filter, Inputs};
use crate::error::Error;
use crate::flow::Timeouts;
use crate::reading::Reading;

mod intake;
mod parcel;
mod room;
mod trace;
mod tracking;
mod windows;

/// What shapes a run besides its input.
pub struct Options {
    /// When silence ends a flow.
    pub timeouts: Timeouts,
    /// Frames that it does not match are not read at all.
    pub filter: Option<Filter>,
    /// What was captured twice counts twice.
    pub keep_duplicates: bool,
    /// What may be kept.
    pub bounds: Bounds,
    /// Threads at most; more than two are of no use. The answer does not depend on it.
    pub threads: NonZeroUsize,
}

impl Default for Options {
    /// One thread, no filter.
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            filter: None,
            keep_duplicates: false,
            bounds: Bounds::default(),
            threads: NonZeroUsize::MIN,
        }
    }
}

/// Reads everything. `progress` is told the bytes consumed after each batch.
///
/// # Errors
/// Only what makes going on senseless; a damaged file is reported in [`Reading::damage`].
pub fn read(mut inputs: Inputs, options: Options, progress: impl FnMut(u64)) -> Result<Reading, Error> {
    let tracking = Tracking::new(options.timeouts, options.bounds);
    let mut intake = Intake::new(options.filter, options.keep_duplicates, tracking.hasher());
    let tracking = match options.threads.get() {
        1 => alone(&mut inputs, &mut intake, tracking, progress)?,
        _ => side_by_side(&mut inputs, &mut intake, tracking, progress)?,
    };
    let (mut stats, tracked) = (intake.finish(), tracking.finish());
    stats.evict(tracked.evicted);
    stats.icmp_errors_attached = tracked.attached;
    Ok(Reading { flows: tracked.flows, stats, files: inputs.files().to_vec(), damage: inputs.damage().to_vec() })
}

/// Both sides in turn.
fn alone(
    inputs: &mut Inputs,
    intake: &mut Intake,
    mut tracking: Tracking,
    mut progress: impl FnMut(u64),
) -> Result<Tracking, Error> {
    let mut parcel = Parcel::default();
    while take_one(inputs, intake, &mut parcel)? {
        // At once: what was just read is still in the nearest cache, and its buffer free for the next frames.
        tracking.visit(&parcel);
        parcel.clear();
        progress(inputs.consumed_bytes());
    }
    Ok(tracking)
}

/// Reads one batch; false after the last.
fn take_one(inputs: &mut Inputs, intake: &mut Intake, parcel: &mut Parcel) -> Result<bool, Error> {
    let Some(batch) = inputs.next_batch()? else { return Ok(false) };
    intake.take(&batch, parcel);
    Ok(true)
}

/// Parcels under way at once. More only fill the cache, and hold buffers.
const UNDER_WAY: usize = 4;

/// The intake in this thread, the tracking in another.
fn side_by_side(
    inputs: &mut Inputs,
    intake: &mut Intake,
    tracking: Tracking,
    mut progress: impl FnMut(u64),
) -> Result<Tracking, Error> {
    thread::scope(|scope| {
        let (full, to_visit) = sync_channel::<Parcel>(UNDER_WAY);
        // Room for all there are: whoever gives one back never waits.
        let (done, empty) = sync_channel::<Parcel>(UNDER_WAY + 2);
        let tracker = scope.spawn(move || track(tracking, &to_visit, &done));
        let read = take_all(inputs, intake, &full, &empty, &mut progress);
        drop(full);
        let tracking = tracker.join().unwrap_or_else(|panic| resume_unwind(panic));
        read.map(|()| tracking)
    })
}

/// Sends everything there is to read, in parcels that come back empty.
fn take_all(
    inputs: &mut Inputs,
    intake: &mut Intake,
    full: &SyncSender<Parcel>,
    empty: &Receiver<Parcel>,
    progress: &mut impl FnMut(u64),
) -> Result<(), Error> {
    let mut parcel = Parcel::default();
    while take_one(inputs, intake, &mut parcel)? {
        if parcel.is_full() {
            let next = empty.try_recv().unwrap_or_default();
            // The other side only ends before this one if it panics, which is told when it is joined.
            if send(full, std::mem::replace(&mut parcel, next)).is_err() {
                return Ok(());
            }
        }
        progress(inputs.consumed_bytes());
    }
    let _ = send(full, parcel);
    Ok(())
}

/// Takes in what comes, until no more does.
fn track(mut tracking: Tracking, full: &Receiver<Parcel>, empty: &SyncSender<Parcel>) -> Tracking {
    while let Some(mut parcel) = receive(full) {
        tracking.visit(&parcel);
        parcel.clear();
        let _ = empty.try_send(parcel);
    }
    tracking
}

/// So often the other side is looked after before this one sleeps. Neither is ahead of the other for long, and waking a
/// thread takes longer than most waits. (Measured: two threads take some 10 % less time than without.)
const PATIENCE: usize = 1000;

/// Hands over a parcel once there is room for it.
fn send(to: &SyncSender<Parcel>, mut parcel: Parcel) -> Result<(), SendError<Parcel>> {
    for _ in 0..PATIENCE {
        match to.try_send(parcel) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(parcel)) => return Err(SendError(parcel)),
            Err(TrySendError::Full(back)) => parcel = back,
        }
        thread::yield_now();
    }
    to.send(parcel)
}

/// The next parcel; none after the last.
fn receive(from: &Receiver<Parcel>) -> Option<Parcel> {
    for _ in 0..PATIENCE {
        match from.try_recv() {
            Ok(parcel) => return Some(parcel),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => thread::yield_now(),
        }
    }
    from.recv().ok()
}
