//! What the system tells a run that goes on: to end, to say what there is, to open its outputs again.
//!
//! In: signals; on Windows Ctrl-C alone. Out: flags of [`Controls`].
//! Must not know: what is done about them.

use crate::error::Error;
use crate::live::Controls;

/// Has signals raise the flags. The first Ctrl-C ends the run with its report, the second at once.
///
/// # Errors
/// The system takes no handlers.
pub(super) fn listen() -> Result<Controls, Error> {
    let controls = Controls::default();
    install(&controls).map_err(|error| Error::Usage(format!("signals cannot be listened to: {error}")))?;
    Ok(controls)
}

/// What a shell reports of a program that Ctrl-C ended.
const ENDED_BY_CTRL_C: i32 = 130;

#[cfg(unix)]
fn install(controls: &Controls) -> std::io::Result<()> {
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
    use signal_hook::flag;

    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, ENDED_BY_CTRL_C, Arc::clone(&controls.stop))?;
        flag::register(signal, Arc::clone(&controls.stop))?;
    }
    flag::register(SIGUSR1, Arc::clone(&controls.tell))?;
    flag::register(SIGHUP, Arc::clone(&controls.reopen))?;
    // A file that is as long as the system lets it be ends no run: writing it fails, and that is told.
    flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

#[cfg(not(unix))]
fn install(controls: &Controls) -> Result<(), ctrlc::Error> {
    let stop = std::sync::Arc::clone(&controls.stop);
    ctrlc::set_handler(move || {
        if stop.swap(true, std::sync::atomic::Ordering::Relaxed) {
            std::process::exit(ENDED_BY_CTRL_C);
        }
    })
}
