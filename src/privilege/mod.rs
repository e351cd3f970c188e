//! Giving up what is not needed any more: once the capture is open a live run needs few files and no rights.
//!
//! In: [`Needs`], how much of it the user wants ([`Level`]). Out: a process that can do little else, and [`Enforced`]: what
//! was enforced and what the system could not.
//! Must not know: what is captured, what is written.
//!
//! | item | means |
//! |---|---|
//! | user | root becomes the user of `--user`, without supplementary groups |
//! | capabilities | effective, permitted, inheritable, ambient; what `setcap` gave is gone |
//! | bounding set | no program that is executed could get them back |
//! | new privileges | none by executing a program |
//! | files | only those of [`Needs`], by Landlock |
//! | network | no new TCP connection, no new port, no abstract socket, no signal to others, by Landlock |
//! | system calls | no new socket, program, process, or code, by a seccomp filter |
//!
//! Users, capabilities and Landlock belong to threads. So [`confine`] is called before others begin, which are then born
//! confined; the capture, and the port of `--metrics`, are opened before it. Threads that already run are told.

use std::path::{Path, PathBuf};

use crate::error::Error;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

/// How much is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing, but for a user who is named.
    Off,
    /// What the system can do; what it cannot is told.
    #[default]
    On,
    /// All of it, or no run.
    Strict,
}

/// What the run still needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whom root becomes; `nobody` where none is named.
    pub user: Option<String>,
    /// Directories in which files are made, read, and removed. Root makes those that are missing, for the user.
    pub directories: Vec<PathBuf>,
    /// Files that are written, and made again where they were moved: further ones in their directories can be written,
    /// none removed.
    pub files: Vec<PathBuf>,
    /// Files and directories that are read.
    pub readable: Vec<PathBuf>,
}

/// Whether one item holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does; how.
    Enforced(String),
    /// There was nothing to give up; why.
    NotNeeded(String),
    /// It does not; why.
    Missing(String),
}

/// One item and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// "system calls".
    pub what: &'static str,
    /// Whether it holds.
    pub state: State,
}

/// What was and what was not enforced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enforced {
    /// Item by item.
    pub items: Vec<Item>,
}

impl Enforced {
    fn note(&mut self, what: &'static str, state: State) {
        self.items.push(Item { what, state });
    }

    /// One line an item: "files: enforced (Landlock)".
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.items.iter().map(|Item { what, state }| match state {
            State::Enforced(how) => format!("{what}: enforced ({how})"),
            State::NotNeeded(why) => format!("{what}: not needed ({why})"),
            State::Missing(why) => format!("{what}: not enforced ({why})"),
        })
    }

    /// What is missing, on one line; none where nothing is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let missing = self.items.iter().filter_map(|Item { what, state }| match state {
            State::Missing(why) => Some(format!("{what} ({why})")),
            State::Enforced(_) | State::NotNeeded(_) => None,
        });
        let missing: Vec<_> = missing.collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

/// Confines the process to its needs. Call it once, when the capture is open and before any thread begins.
///
/// # Errors
/// When the user cannot be had, or a directory cannot be written by that user; under [`Level::Strict`] when anything is
/// missing.
pub fn confine(level: Level, needs: &Needs) -> Result<Enforced, Error> {
    let enforced = system::confine(level, needs)?;
    match enforced.missing().filter(|_| level == Level::Strict) {
        Some(missing) => {
            Err(Error::Usage(format!("--sandbox strict: not enforced: {missing}; --sandbox on goes on without")))
        }
        None => Ok(enforced),
    }
}

/// Whether this process, as it is now, could make a file where this one is.
#[must_use]
pub fn could_make(file: &Path) -> bool {
    system::could_make(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_one_line() {
        let mut enforced = Enforced::default();
        assert_eq!(enforced.missing(), None);
        enforced.note("user", State::NotNeeded("runs as user 1000".to_owned()));
        enforced.note("files", State::Enforced("Landlock".to_owned()));
        assert_eq!(enforced.missing(), None);
        enforced.note("network", State::Missing("this kernel has no Landlock".to_owned()));
        enforced.note("system calls", State::Missing("no filter".to_owned()));
        assert_eq!(enforced.missing().unwrap(), "network (this kernel has no Landlock); system calls (no filter)");
        let lines: Vec<_> = enforced.lines().collect();
        assert_eq!(lines[0], "user: not needed (runs as user 1000)");
        assert_eq!(lines[1], "files: enforced (Landlock)");
        assert_eq!(lines[2], "network: not enforced (this kernel has no Landlock)");
    }
}
