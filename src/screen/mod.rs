//! The screen of a live run.
//!
//! In: [`Picture`]s from the engine, keys, what is said beside the run. Out: a terminal that shows them; the wish to end.
//! Must not know: how anything is judged or counted, arguments.
//!
//! ```text
//!  engine ─▶ Picture ─▶ Viewer ─▶ (the newest only) ─▶ App ─▶ draw ─▶ terminal
//!                                            keys ─────▲ └─▶ wishes ─▶ stop
//! ```
//!
//! A thread owns the terminal: the engine never waits for it. It looks for keys all the time and for a picture and a
//! new size ten times a second, and draws when something has changed.

use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use app::App;
pub use draw::{Theme, draw};

use app::Wish;
use input::Input;

use crate::live::{Observer, Picture};
use crate::report::text::{Clock, harmless};

pub mod app;
mod draw;
mod head;
mod input;
pub mod keys;
mod layout;
pub mod panes;
pub mod terminal;
#[cfg(test)]
mod testing;
mod text;

/// Keys and all else are looked for so often.
const TICK: Duration = Duration::from_millis(100);
/// A picture is wanted so often, where it does not take too long.
const PACE: Duration = Duration::from_secs(1);
/// Of the time at most one in so many goes into pictures.
const SHARE: u32 = 20;
/// So many notes are kept.
const NOTES: usize = 1000;
/// The screen is waited for so long at the end: a terminal that takes nothing must not hold up the report.
const LEAVING: Duration = Duration::from_secs(1);

/// What raises and is raised.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The run is to end with its report.
    pub stop: Arc<AtomicBool>,
    /// There is no screen any more: who asks for the end once more gets it at once.
    pub gone: Arc<AtomicBool>,
    /// The system asked for the end, which it may do again.
    pub interrupted: Arc<AtomicBool>,
    /// The program was stopped, and goes on: the shell had the terminal.
    pub continued: Arc<AtomicBool>,
}

/// What the engine and the screen hand to each other.
#[derive(Debug, Default)]
struct Shared {
    picture: Mutex<Option<Picture>>,
    notes: Mutex<Vec<String>>,
    done: AtomicBool,
}

/// How the screen looks, and what a second wish to end is answered with.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether there are colours.
    pub colour: bool,
    /// Which clock times are told by.
    pub clock: Clock,
    /// The exit code of an end without a report.
    pub aborted: i32,
}

/// A screen that is up.
#[derive(Debug)]
pub struct Screen {
    shared: Arc<Shared>,
    gone: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Whoever says something while it is up.
#[derive(Clone, Debug)]
pub struct Notes(Arc<Shared>);

/// Shows the engine's pictures.
#[derive(Debug)]
pub struct Viewer {
    shared: Arc<Shared>,
    next: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be taken, or no thread begun.
    pub fn open(flags: Flags, style: Style) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let terminal = terminal::enter()?;
        let (of_thread, gone) = (Arc::clone(&shared), Arc::clone(&flags.gone));
        let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            // However it ends, the run does not go on unseen.
            let _stop = Raise([&flags.stop, &flags.gone].map(Arc::clone), Arc::clone(&of_thread));
            let app = App::new(style.clock, terminal.size().map_or((80, 24), |size| (size.width, size.height)));
            // What is left to be done with it the thread does itself: dropped, it would complain of a terminal that is gone.
            let terminal = ManuallyDrop::new(terminal);
            Watch { terminal, app, flags, style, shared: of_thread, wishes: 0, input: Input::default() }.run();
            terminal::leave();
        });
        let thread = thread.inspect_err(|_| terminal::leave())?;
        Ok(Self { shared, gone, thread: Some(thread) })
    }

    /// Who shows the engine's pictures.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        Viewer { shared: Arc::clone(&self.shared), next: Instant::now() }
    }

    /// Where to say something.
    #[must_use]
    pub fn notes(&self) -> Notes {
        Notes(Arc::clone(&self.shared))
    }

    /// Gives the terminal back; what was said in between. A terminal that takes nothing any more is left as it is.
    pub fn close(&mut self) -> Vec<String> {
        self.shared.done.store(true, Ordering::Relaxed);
        // From now on signals end the run themselves.
        self.gone.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let until = Instant::now() + LEAVING;
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() {
                // A panic of it has been told already.
                let _ = thread.join();
                terminal::leave();
            }
        }
        std::mem::take(&mut lock(&self.shared.notes))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

impl Notes {
    /// Says something; the screen shows what was said last.
    pub fn say(&self, note: &str) {
        let mut notes = lock(&self.0.notes);
        if notes.len() >= NOTES {
            notes.remove(0);
        }
        notes.push(harmless(note));
    }
}

impl Observer for Viewer {
    fn wants_picture(&mut self) -> bool {
        Instant::now() >= self.next
    }

    fn picture(&mut self, picture: Picture) {
        self.next = Instant::now() + pace(picture.took);
        *lock(&self.shared.picture) = Some(picture);
    }
}

/// How long to wait after a picture that took so long.
fn pace(took: Duration) -> Duration {
    PACE.max(took.saturating_mul(SHARE))
}

/// Raises flags when the screen is gone before the run.
struct Raise([Arc<AtomicBool>; 2], Arc<Shared>);

impl Drop for Raise {
    fn drop(&mut self) {
        if !self.1.done.load(Ordering::Relaxed) {
            self.0.iter().for_each(|flag| flag.store(true, Ordering::Relaxed));
        }
    }
}

/// The thread's own.
struct Watch {
    terminal: ManuallyDrop<terminal::Drawn>,
    app: App,
    flags: Flags,
    style: Style,
    shared: Arc<Shared>,
    /// How often the end was asked for.
    wishes: u32,
    input: Input,
}

impl Watch {
    /// Until the run is over, or the terminal gone.
    fn run(mut self) {
        let mut drawn = Instant::now();
        let mut changed = true;
        while !self.shared.done.load(Ordering::Relaxed) {
            changed |= self.look();
            // What stands still grows older.
            changed |= self.app.frozen.is_some() && drawn.elapsed() >= PACE;
            if changed {
                let theme = Theme { colour: self.style.colour };
                let (terminal, app) = (&mut self.terminal, &self.app);
                match terminal::with(|| terminal.draw(|frame| draw(frame, app, theme)).map(drop)) {
                    Ok(Some(())) => drawn = Instant::now(),
                    // Somebody else has made it one that does not wait.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // Somebody has given it back, or it is gone.
                    Ok(None) | Err(_) => return,
                }
            }
            let Ok(keys) = self.input.wait(TICK) else { return };
            changed = !keys.is_empty();
            let wishes: Vec<_> = keys.into_iter().filter_map(|key| self.app.key(key)).collect();
            for wish in wishes {
                if self.grant(wish).is_err() {
                    return;
                }
            }
        }
    }

    /// Whether anything came besides keys.
    fn look(&mut self) -> bool {
        if self.flags.interrupted.swap(false, Ordering::Relaxed) {
            self.app.ending = true;
            self.end();
        }
        let continued = self.flags.continued.swap(false, Ordering::Relaxed) && self.retake().is_ok();
        let picture = lock(&self.shared.picture).take();
        let came = picture.is_some();
        if let Some(picture) = picture {
            self.app.pace = pace(picture.took);
            self.app.show(picture);
        }
        let note = lock(&self.shared.notes).last().cloned();
        let said = note != self.app.note;
        self.app.note = note;
        let size = self.terminal.size().map_or(self.app.size, |size| (size.width, size.height));
        let resized = size != self.app.size;
        self.app.size = size;
        came | said | resized | continued
    }

    fn grant(&mut self, wish: Wish) -> io::Result<()> {
        match wish {
            Wish::End => self.end(),
            Wish::Suspend => self.suspend()?,
            Wish::Redraw => self.redraw()?,
        }
        Ok(())
    }

    /// The first time with the report, the second without.
    fn end(&mut self) {
        self.wishes += 1;
        self.flags.stop.store(true, Ordering::Relaxed);
        if self.wishes > 1 {
            terminal::leave();
            std::process::exit(self.style.aborted);
        }
    }

    fn retake(&mut self) -> io::Result<()> {
        terminal::retake()?;
        self.redraw()
    }

    /// Has the next frame drawn whole. Not `clear`, which asks the terminal where its cursor is and waits for an answer.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(ratatui::layout::Rect::new(0, 0, size.width, size.height))
    }

    /// Leaves the terminal to the shell until it gives it back.
    #[cfg(unix)]
    fn suspend(&mut self) -> io::Result<()> {
        terminal::leave();
        // Comes back once the shell lets the program go on; at once where there is no shell that could.
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        self.retake()
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "there is no such thing here")]
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}
