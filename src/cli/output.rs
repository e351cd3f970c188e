//! Where bytes go: standard output, or a file that appears once it is complete; and messages on standard error.
//!
//! In: what the user asked of the output. Out: a writer, a [`Look`], a progress bar.
//! Must not know: what is written.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Output;
use super::value::Colour;
use crate::error::Error;
use crate::report::table::Look;
use crate::report::text::{Clock, harmless};
use crate::screen::Notes;

/// Where messages go instead of standard error.
static ASIDE: Mutex<Option<Notes>> = Mutex::new(None);

/// From now on messages go to a screen, or no longer.
pub(super) fn divert(notes: Option<Notes>) {
    *ASIDE.lock().unwrap_or_else(PoisonError::into_inner) = notes;
}

/// One line on standard error. It may quote file names and files: nothing in it steers the terminal.
///
/// Where a screen is up it says it, and it is said once more when the screen is gone.
pub(super) fn complain(message: &str) {
    if let Some(notes) = &*ASIDE.lock().unwrap_or_else(PoisonError::into_inner) {
        return notes.say(message);
    }
    // Nothing is left to be told when standard error itself is closed.
    let _ = writeln!(io::stderr(), "lyncap: {}", harmless(message));
}

/// Writes a report with `write` to where `output` says.
pub(super) fn emit(output: &Output, write: impl FnOnce(&mut dyn Write, Look) -> io::Result<()>) -> Result<(), Error> {
    match &output.output {
        Some(path) if path != Path::new("-") => to_file(path, |out| write(out, look(output, false))),
        _ => to_stdout(output, write),
    }
}

/// Writes bytes with `write` to a file, or to standard output where that is `-`.
pub(super) fn write_to(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    if path != Path::new("-") {
        return to_file(path, write);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|source| Error::Write { path: "standard output".into(), source })
}

fn to_stdout(output: &Output, write: impl FnOnce(&mut dyn Write, Look) -> io::Result<()>) -> Result<(), Error> {
    let stdout = io::stdout();
    let look = look(output, stdout.is_terminal());
    let choice = if look.colour { ColorChoice::Always } else { ColorChoice::Never };
    let mut out = BufWriter::new(AutoStream::new(stdout, choice));
    write(&mut out, look)
        .and_then(|()| out.flush())
        .map_err(|source| Error::Write { path: "standard output".into(), source })
}

/// Writes beside `path` under a temporary name and renames: a reader never sees half a report. What is no regular
/// file (a pipe, a device) is written as it is.
fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let fail = |source| Error::Write { path: path.to_owned(), source };
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|meta| !meta.is_file()) {
        let mut out = BufWriter::new(File::create(path).map_err(fail)?);
        return write(&mut out).and_then(|()| out.flush()).map_err(fail);
    }
    // What a link points to is replaced, not the link; and it stays readable to whom it was.
    let real = there.as_ref().and_then(|_| fs::canonicalize(path).ok());
    let path = real.as_deref().unwrap_or(path);
    let temporary = Temporary::beside(path).map_err(fail)?;
    if let Some(meta) = there {
        temporary.file.set_permissions(meta.permissions()).map_err(fail)?;
    }
    let mut out = BufWriter::new(&temporary.file);
    write(&mut out).and_then(|()| out.flush()).map_err(fail)?;
    drop(out);
    temporary.rename(path).map_err(fail)
}

/// A file that is removed again unless it is renamed.
struct Temporary {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::other("not a file name"))?;
        let temporary = path.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        Ok(Self { file: File::create_new(&temporary)?, path: temporary, kept: false })
    }

    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// How text is laid out: as wide as the terminal, or as wide as it likes where there is none.
pub(super) fn look(output: &Output, terminal: bool) -> Look {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = match asked {
        Some(width) => width,
        None if terminal => terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
        None => usize::MAX,
    };
    // A dumb terminal obeys no colour, whatever else the environment promises.
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let colour = match output.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal && !dumb && AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    };
    Look { width: width.max(40), colour, clock: if output.utc { Clock::Utc } else { Clock::Local } }
}

/// Whether somebody may be looking at standard error while the program reads.
pub(super) fn is_watched(output: &Output) -> bool {
    io::stderr().is_terminal() && !output.quiet
}

/// Bytes between two strokes of the bar.
const STROKE: u64 = 1 << 20;

/// A bar by bytes on a terminal's standard error; nothing elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    drawn: u64,
}

impl Progress {
    pub(super) fn new(output: &Output, total: Option<u64>) -> Self {
        let target = if is_watched(output) { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{spinner} {bytes}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, drawn: 0 }
    }

    pub(super) fn at(&mut self, bytes: u64) {
        if bytes - self.drawn.min(bytes) >= STROKE {
            self.drawn = bytes;
            self.bar.set_position(bytes);
        }
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
