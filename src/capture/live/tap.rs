//! Interfaces that are watched, each by a thread of its own.
//!
//! In: names. Out: a [`Feed`] of their frames, merged by time; what each lost, and whether it is up.
//! Must not know: what is in a frame, flows.
//!
//! The threads are started with the first frame that is asked for: what a process gives up before, they never have. A
//! thread that finds no room waits, and the kernel counts what it drops meanwhile. An interface that goes down is waited
//! for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture};

use super::device::{self, Presence};
use super::{How, words};
use crate::capture::{BATCH, Batch, Buffer, Damage, Drops, Feed, Frame, Input, InputFile, LinkType, Turn};
use crate::error::Error;
use crate::net::Timestamp;

/// Batches under way from all interfaces together: some thousands of frames.
const UNDER_WAY: usize = 256;
/// Bytes of frames in a batch: large ones do not add up.
const BYTES: usize = 256 << 10;
/// So long nothing is asked of an interface that has nothing.
const PAUSE: Duration = Duration::from_millis(10);
/// So often an interface that is down is looked after.
const DOWN: Duration = Duration::from_millis(500);
/// So often it is asked what it dropped.
const COUNTED: Duration = Duration::from_secs(1);
/// Frames of several interfaces are held back so long, for one that is earlier.
const HELD_NS: i64 = 100_000_000;

/// Interfaces, open.
pub(super) struct Taps {
    files: Vec<InputFile>,
    states: Vec<Arc<State>>,
    /// Not watched yet.
    captures: Vec<(u16, Watcher)>,
    frames: Option<Receiver<Taken>>,
    /// Held back for an earlier one, in the order of their first frames.
    held: Vec<Taken>,
    current: Option<Taken>,
}

/// What a thread says of its interface.
#[derive(Debug, Default)]
struct State {
    down: AtomicBool,
    kernel: AtomicU64,
    interface: AtomicU64,
    returns: AtomicU64,
}

/// Frames of an interface.
struct Taken {
    file: u16,
    link: LinkType,
    frames: Vec<(Timestamp, u32, Range<usize>)>,
    bytes: Buffer,
}

impl Taps {
    /// Opens all of them.
    pub(super) fn open(names: &[String], how: &How) -> Result<Self, Error> {
        let all = device::list()?;
        let mut taps = Self {
            files: Vec::new(),
            states: Vec::new(),
            captures: Vec::new(),
            frames: None,
            held: Vec::new(),
            current: None,
        };
        for (file, text) in (0..).zip(names) {
            let name = words::named(text, &all)?;
            if taps.files.iter().any(|file| file.name == name) {
                return Err(Error::Usage(format!("-i {text}: {name} is watched already; name it once")));
            }
            let capture = device::open(&name, how)?;
            let state = Arc::new(State::default());
            taps.files.push(InputFile {
                name: name.clone(),
                format: super::FORMAT,
                compression: None,
                size: None,
                frames: 0,
                dropped: Some(0),
                course: Default::default(),
                next: None,
            });
            taps.states.push(Arc::clone(&state));
            let presence = device::presence(&name);
            let index = presence.and_then(|presence| presence.index);
            // What is open cannot be down: then what the system shows is another network namespace's.
            let shown = presence.is_some_and(|presence| presence.up);
            let (how, counted) = (how.clone(), (0, 0));
            taps.captures.push((file, Watcher { name, how, capture, state, counted, index, shown, broken: false }));
        }
        Ok(taps)
    }

    fn start(&mut self) -> Receiver<Taken> {
        let (sender, frames) = sync_channel(UNDER_WAY);
        for (file, watcher) in self.captures.drain(..) {
            let sender = sender.clone();
            thread::spawn(move || watcher.watch(file, &sender));
        }
        frames
    }

    /// The next frames that no others can come before.
    fn take(&mut self, patience: Duration) -> Option<Taken> {
        let frames = match self.frames.take() {
            Some(frames) => frames,
            None => self.start(),
        };
        let alone = self.files.len() == 1;
        let due = |taken: &Taken| alone || taken.first().is_none_or(|at| wall().since(at) > HELD_NS);
        let patience = if self.held.is_empty() { patience } else { patience.min(PAUSE) };
        if !self.held.first().is_some_and(due)
            && let Some(taken) = receive(&frames, patience)
        {
            self.held.push(taken);
        }
        while self.held.len() < UNDER_WAY
            && let Ok(taken) = frames.try_recv()
        {
            self.held.push(taken);
        }
        self.frames = Some(frames);
        self.held.sort_by_key(Taken::first);
        let next = self.held.first().is_some_and(due);
        next.then(|| self.held.remove(0))
    }

    /// Brings what is told of the interfaces up to date.
    fn settle(&mut self) {
        for (file, state) in self.files.iter_mut().zip(&self.states) {
            file.dropped = Some(state.drops().total());
        }
    }
}

fn receive(frames: &Receiver<Taken>, patience: Duration) -> Option<Taken> {
    match frames.recv_timeout(patience) {
        Ok(taken) => Some(taken),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            thread::sleep(patience);
            None
        }
    }
}

impl Feed for Taps {
    fn next(&mut self, patience: Duration, _: Timestamp) -> Result<Turn<'_>, Error> {
        self.current = self.take(patience);
        self.settle();
        let Some(taken) = &self.current else { return Ok(Turn::Nothing(Some(wall()))) };
        let Some(file) = self.files.get_mut(usize::from(taken.file)) else { return Ok(Turn::Nothing(None)) };
        let first_number = file.frames + 1;
        file.frames += taken.frames.len() as u64;
        taken.frames.iter().for_each(|&(at, ..)| file.course.note(at));
        let frame = |(at, original_length, range): &(Timestamp, u32, Range<usize>)| Frame {
            at: *at,
            link: taken.link,
            interface: 0,
            original_length: *original_length,
            bytes: taken.bytes.get(range.clone()).unwrap_or_default(),
        };
        let frames = taken.frames.iter().take(BATCH).map(frame).collect();
        let buffer = Arc::clone(&taken.bytes);
        Ok(Turn::Frames(Batch { frames, buffer, first_number, file: taken.file }))
    }

    fn files(&self) -> &[InputFile] {
        &self.files
    }

    fn damage(&self) -> &[Damage] {
        &[]
    }

    fn inputs(&mut self) -> Vec<Input> {
        self.settle();
        let input = |(file, state): (&InputFile, &Arc<State>)| Input {
            name: file.name.clone(),
            up: !state.down.load(Ordering::Relaxed),
            frames: file.frames,
            drops: state.drops(),
            returns: state.returns.load(Ordering::Relaxed),
        };
        self.files.iter().zip(&self.states).map(input).collect()
    }

    fn is_live(&self) -> bool {
        true
    }
}

impl State {
    fn drops(&self) -> Drops {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Drops { kernel: of(&self.kernel), interface: of(&self.interface), application: 0 }
    }
}

impl Taken {
    fn first(&self) -> Option<Timestamp> {
        self.frames.first().map(|&(at, ..)| at)
    }
}

/// What time it is, by the clock that frames are stamped with.
fn wall() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

/// A thread's interface.
struct Watcher {
    name: String,
    how: How,
    capture: Capture<Active>,
    state: Arc<State>,
    /// What this capture was last said to have dropped: the kernel, the interface.
    counted: (u32, u32),
    /// What it was opened on.
    index: Option<u32>,
    /// The system shows it, as it was when it was opened.
    shown: bool,
    /// It gives errors. One alone may be of an interface that is just coming up.
    broken: bool,
}

impl Watcher {
    /// Hands over frames until nobody takes them.
    fn watch(mut self, file: u16, sender: &SyncSender<Taken>) {
        let mut asked = Instant::now();
        while self.is_wanted() {
            let (taken, more) = self.take(file);
            let any = !taken.frames.is_empty();
            self.broken = more.is_err();
            if any && sender.send(taken).is_err() {
                return;
            }
            if asked.elapsed() >= if self.broken { DOWN } else { COUNTED } {
                asked = Instant::now();
                self.count();
                if !any {
                    self.look_after();
                }
            }
            match more {
                Ok(true) => {}
                Ok(false) => {
                    // After frames came and before none do: here a run is likely to end.
                    if any {
                        self.count();
                    }
                    thread::sleep(PAUSE);
                }
                // What the kernel holds of it still comes.
                Err(()) => thread::sleep(PAUSE),
            }
        }
    }

    /// Whether anybody reads: he holds the other reference.
    fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.state) > 1
    }

    /// Whatever is there, up to a batch; whether there may be more, or an error where it is down.
    fn take(&mut self, file: u16) -> (Taken, Result<bool, ()>) {
        let (mut frames, mut bytes) = (Vec::new(), Vec::new());
        let more = loop {
            if frames.len() >= BATCH || bytes.len() >= BYTES {
                break Ok(true);
            }
            match self.capture.next_packet() {
                Ok(packet) => {
                    let start = bytes.len();
                    bytes.extend_from_slice(packet.data);
                    let time = packet.header.ts;
                    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "its size is the system's")]
                    let at = Timestamp::from_parts(time.tv_sec as i64, time.tv_usec as i64 * device::FRACTION_NS);
                    frames.push((at, packet.header.len, start..bytes.len()));
                }
                Err(pcap::Error::TimeoutExpired) => break Ok(false),
                Err(_) => break Err(()),
            }
        };
        let link = match self.capture.get_datalink().0 {
            // The one link type whose number in files is not libpcap's own (DLT_RAW).
            12 => LinkType::RAW,
            number => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
        };
        (Taken { file, link, frames, bytes: Arc::new(bytes) }, more)
    }

    /// Asks what was dropped.
    fn count(&mut self) {
        let Ok(stats) = self.capture.stats() else { return };
        let (kernel, interface) = self.counted;
        // They are 32 bits wide and wrap.
        let more = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        self.state.kernel.fetch_add(more(stats.dropped, kernel), Ordering::Relaxed);
        self.state.interface.fetch_add(more(stats.if_dropped, interface), Ordering::Relaxed);
        self.counted = (stats.dropped, stats.if_dropped);
    }

    /// Whether the interface is up. One that is back is opened anew if it is another, or the capture still breaks.
    fn look_after(&mut self) {
        let known = device::presence(&self.name).filter(|_| self.shown);
        let Presence { up, index } = known.unwrap_or(Presence { up: true, index: self.index });
        if !up {
            self.state.down.store(true, Ordering::Relaxed);
            return;
        }
        let another = index != self.index;
        if self.broken || another {
            match device::open(&self.name, &self.how) {
                Ok(capture) => {
                    self.count();
                    (self.capture, self.counted, self.index) = (capture, (0, 0), index);
                }
                // Perhaps it is not ready yet.
                Err(_) => return self.state.down.store(true, Ordering::Relaxed),
            }
        }
        if self.state.down.swap(false, Ordering::Relaxed) || another {
            self.state.returns.fetch_add(1, Ordering::Relaxed);
        }
    }
}
