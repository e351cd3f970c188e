//! What ends a run: one error type, each message one line that says what and how to mend it.
//!
//! In: failures of the operating system and of what the user gave. Out: [`Error`].
//! Must not know: stages. A frame that cannot be used is a `Skip`, a broken file is damage; neither is an `Error`.

use std::io;
use std::path::PathBuf;

/// A reason not to go on. `Display` is one line: lower case, no full stop, with the remedy. What it repeats of a file, a
/// flag or a path stands as it was given: whoever prints it makes it harmless.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be opened or read.
    #[error("cannot read {}: {source}{}", path.display(), unread(source))]
    Read {
        /// As the user named it.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The report could not be written.
    #[error("cannot write {}: {source}{}", path.display(), unwritten(source))]
    Write {
        /// As the user named it; `standard output` when none was named.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The content is no capture that can be read; `why` names what it is and what to do.
    #[error("{}: {why}", path.display())]
    NotACapture {
        /// As the user named it.
        path: PathBuf,
        /// What it is instead, and how to mend it.
        why: String,
        /// Its format is known, but not read: most likely there are packets in it all the same.
        known: bool,
    },
    /// A capture of something that no host sends another over a network.
    #[error("{file}: {what} ({link}), not network traffic; name a capture of a network interface")]
    NotNetwork {
        /// As the user named it.
        file: String,
        /// What it is: "USB".
        what: &'static str,
        /// The name of its link type: "usb-linux".
        link: String,
    },
    /// A directory in which no capture was found.
    #[error("{}: no capture in this directory; name a pcap, pcapng, Network Monitor or snoop file", path.display())]
    NoCaptures {
        /// As the user named it.
        path: PathBuf,
    },
    /// A topology or catalog file, or a `--role`, that cannot be used.
    #[error("{origin}: {why}")]
    Config {
        /// File and line (`lync.toml:12`), or the flag.
        origin: String,
        /// What is wrong and the fix.
        why: String,
    },
    /// A request that cannot be met as put.
    #[error("{0}")]
    Usage(String),
}

/// How to mend it that something cannot be read, where that is known.
fn unread(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; check its name and folder",
        io::ErrorKind::PermissionDenied => "; get the right to read it, or a copy",
        io::ErrorKind::IsADirectory => "; name a file in it",
        _ => "",
    }
}

/// The same of writing.
fn unwritten(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; make its folder first",
        io::ErrorKind::PermissionDenied => "; write to a folder that you may write to",
        io::ErrorKind::IsADirectory => "; name a file in it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room, or write elsewhere",
        io::ErrorKind::ReadOnlyFilesystem => "; write elsewhere",
        _ => "",
    }
}
