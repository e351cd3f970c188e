//! The live engine: the stages of an offline run, in windows, for as long as it runs and in fixed memory.
//!
//! In: a [`Feed`] of frames, from interfaces or a file that is replayed. Out: events, snapshots, and at the end the audit
//! of all that was seen.
//! Must not know: arguments, terminals, systems.
//!
//! A window ends when its interval is over, when there is hardly room for more flows, or when somebody asks. Then every
//! flow in the table is judged, knowing what all flows before it taught. Those that are over are told, counted into what
//! is kept of the run, and dropped; the others are counted for the moment only, and go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use events::{Event, Events, Outlet, Sink};
pub use picture::{Explained, Picture};
pub use snapshot::{EndReason, Observer, Snapshot, Told};
pub use telling::TOLD_AT_ONCE;

use clock::Clock;
use gather::{Came, Gathering, Known};

use crate::capture::{Feed, Input, Turn};
use crate::catalog::Catalogs;
use crate::error::Error;
use crate::flow::{Ending, Timeouts};
use crate::net::Timestamp;
use crate::pipeline::{Close, Options, Window, Windows};
use crate::reading::Reading;
use crate::report::audit::{Audit, Policy, Severity};
use crate::report::text;
use crate::topology::Topology;

mod clock;
mod events;
mod gather;
pub mod picture;
mod shown;
pub mod snapshot;
mod talkers;
mod telling;

/// What shapes a run besides its frames.
pub struct Setup<'a> {
    /// How frames become flows.
    pub options: Options,
    /// The rows.
    pub catalogs: &'a Catalogs,
    /// The hosts.
    pub topology: &'a Topology,
    /// What TLS is weak.
    pub policy: &'a Policy,
    /// Capture time between two snapshots, in nanoseconds.
    pub interval_ns: i64,
    /// A flow that is longer is reported each time that so much of it is over, in nanoseconds.
    pub active_ns: i64,
    /// Capture time after which the run ends, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// Frames after which it ends.
    pub frames: Option<u64>,
    /// Findings at least this severe flag their flows; none where nothing does.
    pub flags: Option<Severity>,
    /// Bytes of the memory that observers may take: so many less are left for flows.
    pub held_beside: u64,
    /// Pictures are wanted between intervals: explanations in them tell times by this clock.
    pub pictures: Option<text::Clock>,
    /// What else the report has to say of the run, with what it cannot prove.
    pub notes: Vec<String>,
}

/// What is asked of a run while it runs, by signals or a screen.
#[derive(Debug, Default)]
pub struct Controls {
    /// End with the report.
    pub stop: std::sync::Arc<AtomicBool>,
    /// Tell what there is by now.
    pub tell: std::sync::Arc<AtomicBool>,
    /// Open outputs again.
    pub reopen: std::sync::Arc<AtomicBool>,
}

/// Nothing is waited for longer: then the controls are looked at.
const PATIENCE: Duration = Duration::from_millis(100);
/// Of interfaces, what was captured when the run was told to end is on its way for so long.
const UNDER_WAY: Duration = Duration::from_millis(250);

/// Runs until the feed ends, or is told to. `report` is given everything at the end.
///
/// # Errors
/// What makes going on senseless: of the feed, of the sink, of an observer.
pub fn run<'a, 'r, T>(
    feed: &'r mut dyn Feed,
    setup: Setup<'a>,
    controls: &Controls,
    sink: &'r mut dyn Sink,
    observers: Vec<Box<dyn Observer + 'r>>,
    report: impl FnOnce(&Reading, &Audit) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut engine = Engine::new(setup, feed, sink, observers);
    while !engine.is_done() && !controls.stop.load(Ordering::Relaxed) {
        if controls.reopen.swap(false, Ordering::Relaxed) {
            engine.reopen()?;
        }
        if controls.tell.swap(false, Ordering::Relaxed) {
            engine.close(Close::Time, true)?;
        }
        if !engine.turn()? {
            break;
        }
    }
    let until = Instant::now() + UNDER_WAY;
    while engine.feed.is_live() && !engine.is_done() && Instant::now() < until && engine.turn()? {}
    engine.finish(report)
}

/// A run.
struct Engine<'a, 'r> {
    feed: &'r mut dyn Feed,
    sink: &'r mut dyn Sink,
    observers: Vec<Box<dyn Observer + 'r>>,
    windows: Windows,
    gathering: Gathering<'a>,
    clock: Clock,
    begun: Instant,
    timeouts: Timeouts,
    interval: i64,
    /// [`Clock::elapsed`] at which the window ends.
    until: i64,
    duration: Option<i64>,
    /// Frames that may still come.
    frames: Option<u64>,
    traced: bool,
    notes: Vec<String>,
}

impl<'a, 'r> Engine<'a, 'r> {
    fn new(
        mut setup: Setup<'a>,
        feed: &'r mut dyn Feed,
        sink: &'r mut dyn Sink,
        observers: Vec<Box<dyn Observer + 'r>>,
    ) -> Self {
        let (memory, begun) = (setup.options.bounds.memory, Instant::now());
        setup.options.bounds.memory = memory.saturating_sub(setup.held_beside);
        Self {
            traced: observers.iter().any(|observer| observer.wants_frames()),
            clock: Clock::default(),
            begun,
            timeouts: setup.options.timeouts,
            interval: setup.interval_ns.max(1),
            until: setup.interval_ns.max(1),
            duration: setup.duration_ns,
            frames: setup.frames,
            notes: std::mem::take(&mut setup.notes),
            gathering: Gathering::new(&setup, memory, begun),
            windows: Windows::new(setup.options),
            feed,
            sink,
            observers,
        }
    }

    /// Whether it lasted long enough. Before the first frame nobody but this machine's clock knows.
    fn is_done(&self) -> bool {
        let waited = || i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let elapsed = if self.clock.now().is_some() { self.clock.elapsed() } else { waited() };
        self.frames == Some(0) || self.duration.is_some_and(|duration| elapsed >= duration)
    }

    /// Takes what comes next; false where nothing will.
    fn turn(&mut self) -> Result<bool, Error> {
        let left = self.until.saturating_sub(self.clock.elapsed());
        let limit = self.clock.now().map_or(Timestamp::MIN, |now| Timestamp(now.0.saturating_add(left)));
        match self.feed.next(PATIENCE, limit)? {
            Turn::Frames(mut batch) => {
                if let Some(left) = &mut self.frames {
                    batch.frames.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left = left.saturating_sub(batch.frames.len() as u64);
                }
                batch.frames.iter().for_each(|frame| self.clock.see(frame.at));
                if self.traced {
                    let observers = &mut self.observers;
                    self.windows.trace(&batch, |frame, flow| {
                        observers.iter_mut().for_each(|observer| observer.frame(frame, flow));
                    });
                } else {
                    self.windows.take(&batch);
                }
            }
            // Before the first frame nobody knows the clock that they will be stamped with.
            Turn::Nothing(Some(now)) if self.clock.now().is_some() => self.clock.see(now),
            Turn::Nothing(_) => {}
            Turn::End => return Ok(false),
        }
        if self.clock.elapsed() >= self.until {
            let elapsed = self.clock.elapsed();
            self.until = elapsed.saturating_sub(elapsed % self.interval).saturating_add(self.interval);
            self.close(Close::Time, false)?;
        } else if self.windows.is_pressed() {
            self.close(Close::Pressure, false)?;
        }
        self.look();
        Ok(true)
    }

    /// Shows what there is to an observer who wants to see it now.
    fn look(&mut self) {
        let Some(viewer) = self.observers.iter_mut().position(|observer| observer.wants_picture()) else { return };
        let (begun, known, ending) = (Instant::now(), self.known(false), self.ending());
        let window = self.windows.close(Close::Look, &ending, self.feed.files(), self.feed.damage());
        let mut picture = self.gathering.look(&window, &self.clock, known);
        self.windows.give_back(window);
        picture.took = begun.elapsed();
        if let Some(viewer) = self.observers.get_mut(viewer) {
            viewer.picture(picture);
        }
    }

    fn known(&mut self, last: bool) -> Known {
        Known {
            inputs: self.feed.inputs(),
            held: (self.windows.fill(), self.windows.held()),
            live: self.feed.is_live(),
            last,
        }
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.sink.reopen()?;
        self.observers.iter_mut().try_for_each(|observer| observer.reopen())
    }

    fn ending(&self) -> Ending {
        Ending {
            timeouts: self.timeouts,
            now: self.clock.now().unwrap_or(Timestamp::MIN),
            stepped_ns: self.clock.since_step_back(),
        }
    }

    /// Ends a window; `asked` says that somebody wants to see it.
    fn close(&mut self, why: Close, asked: bool) -> Result<(), Error> {
        let (window, came) = self.end_window(why, asked)?;
        drop(came);
        self.windows.give_back(window);
        Ok(())
    }

    /// Judges what is in the table, and shows it, unless the window only ends for want of room: those are too many.
    fn end_window(&mut self, why: Close, asked: bool) -> Result<(Window, Option<Came<'a>>), Error> {
        let known = self.known(why == Close::End);
        let ending = self.ending();
        let window = self.windows.close(why, &ending, self.feed.files(), self.feed.damage());
        let mut came = self.gathering.window(&window, why, &self.clock, self.sink, &mut self.observers)?;
        if let Some(came) = &mut came {
            if why == Close::End {
                came.audit.fitness.limits.append(&mut self.notes);
            }
            let snapshot = self.gathering.snapshot(&window.reading, came, &self.clock, known);
            gather::show(self.sink, &mut self.observers, came, &window.reading, &snapshot, asked)?;
        }
        Ok((window, came))
    }

    /// Ends the run: what is still open is over.
    fn finish<T>(mut self, report: impl FnOnce(&Reading, &Audit) -> Result<T, Error>) -> Result<T, Error> {
        if self.feed.is_live() {
            self.notes.extend(self.feed.inputs().iter().filter_map(absence));
        }
        let (window, came) = self.end_window(Close::End, false)?;
        let mut came = came.ok_or_else(|| Error::Usage("the last window shows nothing".to_owned()))?;
        came.audit.fitness.limits.append(&mut self.notes);
        let (reading, audit) = (&window.reading, &came.audit);
        self.sink.tell(&Event::End { audit, reading, judge: &came.judge })?;
        report(reading, audit)
    }
}

/// Of an interface that was away, that it was.
fn absence(input: &Input) -> Option<String> {
    let name = text::harmless(&input.name);
    match (input.up, input.returns) {
        (true, 0) => None,
        (true, 1) => Some(format!("{name} went down and came back: what it carried meanwhile is missing")),
        (true, n) => Some(format!("{name} went down and came back {n} times: what it carried meanwhile is missing")),
        (false, _) => Some(format!("{name} was down or gone when the run ended: what it carried since is missing")),
    }
}
