//! Captures that are still being written: where they end, more is waited for.
//!
//! In: a file or a pipe, and [`Follow`]: until when. Out: a [`Stream`] that ends when following does.
//! Must not know: what is written.

use std::fs::{self, File, Metadata};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::window::{Fault, Stream};

/// How often a file is looked at.
const POLL: Duration = Duration::from_millis(200);

/// How long a pipe is read on once following was ended: its writer, which the same Ctrl-C ended, may still be
/// writing what it has.
const GRACE: Duration = Duration::from_secs(1);

/// Bytes read from a pipe at once, and how many such pieces wait to be read from here.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// Until when a growing capture is read.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    /// Until nothing was added for so long.
    pub silence: Option<Duration>,
    /// Until this is set: at once, and a record that is not whole by then is not missed.
    pub stop: Arc<AtomicBool>,
}

impl Follow {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How long to wait for more, `None` for no longer, when it has been silent since `since`.
    fn wait(&self, since: Instant) -> Option<Duration> {
        let Some(silence) = self.silence else { return Some(POLL) };
        let rest = silence.saturating_sub(since.elapsed());
        (!rest.is_zero()).then_some(rest.min(POLL))
    }
}

/// Follows what is at `path`.
pub(super) fn file(path: &Path, follow: Follow) -> io::Result<Box<dyn Stream>> {
    if fs::metadata(path)?.is_file() {
        return Ok(Box::new(Tail::new(File::open(path)?, Some(path.to_owned()), follow)));
    }
    let path = path.to_owned();
    // Opening a named pipe waits for its writer, as reading it does.
    Ok(Box::new(Pipe::new(move || File::open(path), follow)))
}

/// Follows standard input.
pub(super) fn standard_input(follow: Follow) -> io::Result<Box<dyn Stream>> {
    let input = own_standard_input()?;
    Ok(if input.metadata().is_ok_and(|metadata| metadata.is_file()) {
        Box::new(Tail::new(input, None, follow))
    } else {
        Box::new(Pipe::new(move || Ok(input), follow))
    })
}

#[cfg(unix)]
fn own_standard_input() -> io::Result<File> {
    std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn own_standard_input() -> io::Result<File> {
    std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned().map(File::from)
}

/// A regular file: its end is where its writer is.
struct Tail {
    file: File,
    /// Where it is to stay; standard input has no such place.
    path: Option<PathBuf>,
    follow: Follow,
    read: u64,
    last: Instant,
    ended: bool,
    interrupted: bool,
}

impl Tail {
    fn new(file: File, path: Option<PathBuf>, follow: Follow) -> Self {
        Self { file, path, follow, read: 0, last: Instant::now(), ended: false, interrupted: false }
    }

    /// What was done to the file besides adding to it.
    fn changed(&self) -> Option<&'static str> {
        let open = self.file.metadata().ok()?;
        if open.len() < self.read && self.path.is_some() {
            return Some("was truncated while it was followed");
        }
        match fs::metadata(self.path.as_ref()?) {
            Ok(named) if identity(&named) != identity(&open) => Some("was replaced while it was followed"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("was removed while it was followed"),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What tells two files from each other, where the system has it.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt as _;
    Some([metadata.dev(), metadata.ino()])
}

#[cfg(not(unix))]
const fn identity(_: &Metadata) -> Option<[u64; 2]> {
    None
}

impl Read for Tail {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while !self.ended {
            if self.follow.stopped() {
                self.interrupted = true;
                break;
            }
            // Looked at before reading: what was added before the change is read before it is told.
            let changed = self.changed();
            let count = self.file.read(room)?;
            if count > 0 {
                self.read = self.read.saturating_add(count as u64);
                self.last = Instant::now();
                return Ok(count);
            }
            if let Some(words) = changed {
                self.ended = true;
                return Err(Fault::error(words));
            }
            match self.follow.wait(self.last) {
                Some(wait) => thread::sleep(wait),
                None => break,
            }
        }
        self.ended = true;
        Ok(0)
    }
}

impl Stream for Tail {
    fn grows(&self) -> bool {
        !self.ended
    }

    fn interrupted(&self) -> bool {
        self.interrupted
    }
}

/// Anything else: its end is where its writer closes it. A thread of its own reads it, for only so can it be waited
/// for and the end of following too.
struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    follow: Follow,
    /// Since when following is known to be ended.
    stopped: Option<Instant>,
    ended: bool,
}

impl Pipe {
    fn new(open: impl FnOnce() -> io::Result<File> + Send + 'static, follow: Follow) -> Self {
        let (sender, pieces) = mpsc::sync_channel(PIECES);
        // It ends with the pipe or, at its next piece, when nobody takes it any more.
        thread::spawn(move || {
            let mut file = open();
            loop {
                let piece = match &mut file {
                    Ok(file) => piece(file),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                };
                let last = piece.as_ref().map_or(true, Vec::is_empty);
                if sender.send(piece).is_err() || last {
                    return;
                }
            }
        });
        Self { pieces, piece: Cursor::default(), follow, stopped: None, ended: false }
    }

    /// The next piece; an empty one at the end.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        // What is there is taken before time is looked at, and only waiting is silence: whoever reads may take longer.
        let begun = Instant::now();
        loop {
            if self.follow.stopped() && self.stopped.get_or_insert_with(Instant::now).elapsed() > GRACE {
                return Ok(Vec::new());
            }
            let wait = self.follow.wait(begun);
            match self.pieces.recv_timeout(wait.unwrap_or_default()) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Timeout) if wait.is_some() && self.stopped.is_none() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            }
        }
    }
}

/// What a pipe has, as soon as it has something.
fn piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(count) => {
                piece.truncate(count);
                return Ok(piece);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.read(room)?;
        if count > 0 || self.ended {
            return Ok(count);
        }
        let piece = self.next();
        self.ended = piece.as_ref().map_or(true, Vec::is_empty);
        self.piece = Cursor::new(piece?);
        self.piece.read(room)
    }
}

impl Stream for Pipe {
    fn grows(&self) -> bool {
        !self.ended
    }

    fn interrupted(&self) -> bool {
        self.ended && self.follow.stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_pipe_holds_is_read_however_long_its_reader_takes() {
        use std::io::Write as _;
        use std::os::fd::OwnedFd;

        let silence = Duration::from_millis(100);
        let (reader, mut writer) = io::pipe().unwrap();
        let pipe = move || Ok(File::from(OwnedFd::from(reader)));
        let mut pipe = Pipe::new(pipe, Follow { silence: Some(silence), ..Follow::default() });
        let mut room = [0; 2 * PIECE];
        for bytes in [&b"first"[..], b"second"] {
            writer.write_all(bytes).unwrap();
            // Whoever reads is busy with something else.
            thread::sleep(3 * silence);
            let count = pipe.read(&mut room).unwrap();
            assert_eq!(&room[..count], bytes);
        }
        let begun = Instant::now();
        assert_eq!(pipe.read(&mut room).unwrap(), 0);
        assert!(begun.elapsed() >= silence, "only waiting is silence");
    }
}
