//! What the system tells a run that goes on: to end, to say what there is, to open its outputs again.
//!
//! In: signals; on Windows Ctrl-C alone. Out: flags of [`Controls`] and of a screen.
//! Must not know: what is done about them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::Error;
use crate::live::Controls;
use crate::screen::Flags;

/// Has signals raise the flags. The first Ctrl-C ends the run with its report, the second at once.
///
/// # Errors
/// The system takes no handlers.
///
/// Where there is a screen it gives back the terminal before it ends the run at once; it is told by its flags.
pub(super) fn listen(screen: bool) -> Result<(Controls, Flags), Error> {
    let controls = Controls::default();
    let flags = Flags { stop: Arc::clone(&controls.stop), ..Flags::default() };
    let ends = if screen { Arc::clone(&flags.gone) } else { Arc::clone(&controls.stop) };
    install(&controls, &flags, &ends)
        .map_err(|error| Error::Usage(format!("signals cannot be listened to: {error}")))?;
    Ok((controls, flags))
}

/// What a shell reports of a program that Ctrl-C ended.
pub(super) const ENDED_BY_CTRL_C: i32 = 130;

#[cfg(unix)]
fn install(controls: &Controls, flags: &Flags, ends: &Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
    use signal_hook::flag;

    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, ENDED_BY_CTRL_C, Arc::clone(ends))?;
        flag::register(signal, Arc::clone(&flags.interrupted))?;
        flag::register(signal, Arc::clone(&controls.stop))?;
    }
    flag::register(SIGCONT, Arc::clone(&flags.continued))?;
    flag::register(SIGUSR1, Arc::clone(&controls.tell))?;
    flag::register(SIGHUP, Arc::clone(&controls.reopen))?;
    // A file that is as long as the system lets it be ends no run: writing it fails, and that is told.
    flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

#[cfg(not(unix))]
fn install(controls: &Controls, flags: &Flags, ends: &Arc<AtomicBool>) -> Result<(), ctrlc::Error> {
    use std::sync::atomic::Ordering;

    let (stop, ends, interrupted) = (Arc::clone(&controls.stop), Arc::clone(ends), Arc::clone(&flags.interrupted));
    ctrlc::set_handler(move || {
        if ends.load(Ordering::Relaxed) {
            std::process::exit(ENDED_BY_CTRL_C);
        }
        stop.store(true, Ordering::Relaxed);
        interrupted.store(true, Ordering::Relaxed);
    })
}
