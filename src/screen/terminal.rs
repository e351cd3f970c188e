//! The terminal, taken and given back as it was found.
//!
//! In: nothing. Out: a terminal to draw on; [`leave`], which may be called by anybody, at any time, any number of times.
//! Must not know: what is drawn.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError, TryLockError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::style::{ResetColor, force_color_output};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{execute, queue};

/// What is drawn on.
pub type Drawn = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// It is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Held by whoever writes to it.
static WRITING: Mutex<()> = Mutex::new(());
/// Whoever is drawing is waited for no longer: it may be the one who panics.
const PATIENCE: Duration = Duration::from_millis(200);

/// Whether there is a terminal for a screen: one that is read from and written to, and can do more than print.
#[must_use]
pub fn is_there() -> bool {
    let able = cfg!(windows) || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    able && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Takes the terminal. A panic gives it back before it is told.
///
/// # Errors
/// What the system says; then the terminal is as it was.
pub fn enter() -> io::Result<Drawn> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
    });
    // Whether there are colours is not the library's to decide.
    force_color_output(true);
    retake()?;
    let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout())));
    terminal.inspect_err(|_| leave())
}

/// Takes it once more after [`leave`].
///
/// # Errors
/// What the system says; then the terminal is as it was.
pub fn retake() -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    // Where a shell had it in between it need not be raw any more.
    disable_raw_mode()?;
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(io::stdout(), EnterAlternateScreen, Hide);
    drop(_writing);
    entered.inspect_err(|_| leave())
}

/// Gives it back, if it is taken.
pub fn leave() {
    let mut waited = Duration::ZERO;
    let _writing = loop {
        match WRITING.try_lock() {
            Ok(writing) => break Some(writing),
            Err(TryLockError::Poisoned(poisoned)) => break Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if waited >= PATIENCE => break None,
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(5));
                waited += Duration::from_millis(5);
            }
        }
    };
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Where it is gone nothing can be done about it.
        let mut out = io::stdout();
        let _ = queue!(out, ResetColor, LeaveAlternateScreen, Show).and_then(|()| out.flush());
        let _ = disable_raw_mode();
    }
}

/// Does something with it, unless somebody has given it back.
///
/// # Errors
/// What the system says.
pub fn with<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<Option<T>> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if TAKEN.load(Ordering::SeqCst) { work().map(Some) } else { Ok(None) }
}
