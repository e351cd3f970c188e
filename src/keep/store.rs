//! A directory of pcapng files that never holds more than it may: the oldest of its own go first.
//!
//! In: frames, each with a line about its flow. Out: files; and, where the disk is full, a count of what was not written.
//! Must not know: flows, verdicts.
//!
//! Each frame is one write of one whole block: who reads the newest file reads whole frames, and what a full disk tore is
//! cut off again. Then nothing is written until some time has passed, or the files are opened again.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::shelf::{MARK, Shelf};
use crate::capture::{Described, Frame, LinkType, PcapngWriter};
use crate::error::Error;
use crate::net::Timestamp;
use crate::report::text::plural;

/// When a file is complete, and what all of them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file at most; a quarter of `total_bytes` where that is less.
    pub file_bytes: u64,
    /// Capture time that one file spans at most, in nanoseconds.
    pub file_ns: i64,
    /// Files at most.
    pub files: usize,
    /// Bytes of all files at most.
    pub total_bytes: u64,
}

impl Default for Limits {
    /// 100 files of 16 MiB or an hour, 1 GiB.
    fn default() -> Self {
        Self { file_bytes: 16 << 20, file_ns: 3_600_000_000_000, files: 100, total_bytes: 1 << 30 }
    }
}

/// Capture time after which a disk that was full is tried again, in nanoseconds.
const AGAIN_NS: i64 = 10_000_000_000;
/// Bytes beside a frame and its line, at most: its block's, the description of its interface, a section header.
const AROUND: u64 = 512;

/// What a store did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Frames written.
    pub packets: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Files begun.
    pub files: u64,
    /// Own files removed to make room for later ones.
    pub removed: u64,
    /// Frames that were not written because that failed.
    pub unwritten: u64,
}

/// Where flagged packets go.
#[derive(Debug)]
pub struct Store {
    shelf: Shelf,
    limits: Limits,
    /// By interface number: what its frames are captured on.
    names: Vec<String>,
    open: Option<Open>,
    /// Writing failed at this time.
    failed: Option<Timestamp>,
    stored: Stored,
    /// What happened that nobody was told yet.
    news: Option<String>,
    /// [`Stored::unwritten`] when writing began to fail.
    unwritten_before: u64,
}

/// The file being written.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    writer: PcapngWriter<File>,
    began: Timestamp,
    places: HashMap<(u16, LinkType), u32>,
}

impl Store {
    /// Keeps files in a directory; `names` are those of the interfaces, by number.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn open(directory: &Path, limits: Limits, names: Vec<String>) -> Result<Self, Error> {
        let fail = |source| Error::Write { path: directory.to_owned(), source };
        let shelf = Shelf::open(directory).map_err(fail)?;
        // Better now than at the first packet, which may come when nobody looks.
        let (probe, file) = shelf.create(Timestamp(0)).map_err(fail)?;
        drop(file);
        std::fs::remove_file(probe).map_err(fail)?;
        let file_bytes = limits.file_bytes.min(limits.total_bytes / 4).max(1);
        let limits = Limits { file_bytes, files: limits.files.max(1), ..limits };
        let (stored, unwritten_before) = (Stored::default(), 0);
        Ok(Self { shelf, limits, names, open: None, failed: None, stored, news: None, unwritten_before })
    }

    /// Writes a frame and a line about it, or counts that it could not.
    pub fn write(&mut self, frame: &Frame<'_>, line: &str) {
        let waits = self.failed.is_some_and(|at| frame.at.since(at).saturating_abs() < AGAIN_NS);
        if waits {
            self.stored.unwritten += 1;
            return;
        }
        let Some(frame) = frame.registered() else {
            self.stored.unwritten += 1;
            return;
        };
        let first = self.try_write(&frame, line);
        // A file may be as long as the system lets it be, which need not be the user's limit.
        let written = match &first {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.mend();
                self.close();
                self.try_write(&frame, line)
            }
            _ => first,
        };
        match written {
            Ok(()) => {
                self.stored.packets += 1;
                if self.failed.take().is_some() {
                    let lost = plural(self.stored.unwritten - self.unwritten_before, "packet");
                    self.news = Some(format!("{}: written again; {lost} between could not be", self.place()));
                }
            }
            Err(error) => self.fail(frame.at, &error),
        }
    }

    /// Closes the file: the next frame begins another, and a full disk is tried again.
    pub fn reopen(&mut self) {
        self.close();
        // Not told again, should it still be full.
        self.failed = self.failed.map(|_| Timestamp::MIN);
    }

    /// What was done so far.
    #[must_use]
    pub const fn stored(&self) -> Stored {
        self.stored
    }

    /// One line to tell the user, once: that writing fails, or works again.
    pub fn news(&mut self) -> Option<String> {
        self.news.take()
    }

    fn place(&self) -> String {
        self.shelf.directory().display().to_string()
    }

    fn fail(&mut self, at: Timestamp, error: &io::Error) {
        if self.failed.replace(at).is_none() {
            self.unwritten_before = self.stored.unwritten;
            let remedy = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room",
                io::ErrorKind::NotFound => "; make the directory again",
                _ => "",
            };
            self.news = Some(format!(
                "{}: flagged packets cannot be written: {error}{remedy}; they are counted, and tried again every {} s",
                self.place(),
                AGAIN_NS / 1_000_000_000
            ));
        }
        self.stored.unwritten += 1;
        self.mend();
    }

    /// Cuts off what a write that failed left of a block: it would be damage to whoever reads the file.
    fn mend(&mut self) {
        if let Some(open) = &mut self.open {
            let whole = open.writer.written();
            if open.writer.get_mut().set_len(whole).is_err() {
                self.close();
            }
        }
    }

    fn try_write(&mut self, frame: &Frame<'_>, line: &str) -> io::Result<()> {
        let length = frame.bytes.len() as u64 + line.len() as u64 + AROUND;
        let (most_bytes, most_ns) = (self.limits.file_bytes, self.limits.file_ns);
        let full = |open: &Open| {
            let old = frame.at.since(open.began).saturating_abs() >= most_ns;
            // However long a frame is, a file holds one.
            old || (!open.places.is_empty() && open.writer.written().saturating_add(length) > most_bytes)
        };
        if self.open.as_ref().is_some_and(full) {
            self.close();
        }
        self.make_room(length)?;
        let (name, before) = (self.names.get(usize::from(frame.interface)).cloned(), self.written());
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let (path, file) = self.shelf.create(frame.at)?;
                let writer = match PcapngWriter::new(file, MARK) {
                    Ok(writer) => writer,
                    Err(error) => {
                        // A file without a section is no capture, and not known again as our own.
                        let _ = std::fs::remove_file(path);
                        return Err(error);
                    }
                };
                self.stored.files += 1;
                self.open.insert(Open { path, writer, began: frame.at, places: HashMap::new() })
            }
        };
        let written = open.write(frame, name, line);
        self.stored.bytes += self.written().saturating_sub(before);
        written
    }

    /// Bytes of the file being written.
    fn written(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.writer.written())
    }

    /// Removes the oldest files until there is room for so many bytes.
    fn make_room(&mut self, length: u64) -> io::Result<()> {
        let needed = self.written().saturating_add(length);
        // With the file that is open, or is about to be.
        while self.shelf.files() >= self.limits.files
            || self.shelf.bytes().saturating_add(needed) > self.limits.total_bytes
        {
            if !self.shelf.drop_oldest()? {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.stored.removed += 1;
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.shelf.put(open.path, open.writer.written());
        }
    }
}

impl Open {
    fn write(&mut self, frame: &Frame<'_>, name: Option<String>, line: &str) -> io::Result<()> {
        let key = (frame.interface, frame.link);
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => {
                let described = Described { link: frame.link, name, ..Described::default() };
                let place = self.writer.describe(&described)?;
                self.places.insert(key, place);
                place
            }
        };
        self.writer.frame(place, frame, &[line])
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::keep::testing::{files, frame, lines};

    const SECOND: i64 = 1_000_000_000;

    /// Bytes of all files.
    fn held(directory: &Path) -> u64 {
        files(directory).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
    }

    fn limits(file_bytes: u64, file_ns: i64, files: usize, total_bytes: u64) -> Limits {
        Limits { file_bytes, file_ns, files, total_bytes }
    }

    /// Writes frames of 1,000 bytes, one a second; the number of files, and the seconds that are left in them.
    fn check(limits: Limits, count: i64, expected: (usize, std::ops::Range<i64>)) {
        let folder = tempfile::tempdir().unwrap();
        let stranger = folder.path().join("lyncap-notes.pcapng");
        fs::write(&stranger, [0; 3000]).unwrap();
        let mut store = Store::open(folder.path(), limits, Vec::new()).unwrap();
        for at in 0..count {
            store.write(&frame(at * SECOND, 1000), "x");
            assert!(held(folder.path()) <= limits.total_bytes + 3000);
        }
        fs::remove_file(stranger).unwrap();
        let kept: Vec<_> = expected.1.map(|at| format!("{} x", at * SECOND)).collect();
        assert_eq!(lines(folder.path()), kept, "{limits:?}");
        assert_eq!(files(folder.path()).len(), expected.0, "{limits:?}");
        let stored = store.stored();
        assert_eq!((stored.packets, stored.unwritten), (count as u64, 0));
        assert_eq!(stored.files - stored.removed, expected.0 as u64);
    }

    #[test]
    fn files_end_by_size_time_and_number() {
        check(limits(1 << 20, 3600 * SECOND, 10, 1 << 30), 50, (1, 0..50));
        check(limits(10_000, 3600 * SECOND, 100, 1 << 30), 50, (6, 0..50));
        check(limits(1 << 20, 10 * SECOND, 100, 1 << 30), 50, (5, 0..50));
        check(limits(1 << 20, 10 * SECOND, 2, 1 << 30), 50, (2, 30..50));
        check(limits(1 << 20, 10 * SECOND, 1, 1 << 30), 45, (1, 40..45));
        // A frame longer than a file still gets one.
        check(limits(1, 3600 * SECOND, 100, 1 << 30), 5, (5, 0..5));
    }

    #[test]
    fn all_files_take_no_more_than_they_may() {
        check(limits(10_000, 3600 * SECOND, 1000, 40_000), 100, (5, 63..100));
    }

    #[test]
    fn an_earlier_run_counts_and_a_clock_that_steps_back_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let limits = limits(1 << 20, 10 * SECOND, 2, 1 << 30);
        for begin in [0, 100, 50, 50] {
            let mut store = Store::open(folder.path(), limits, vec!["eth0".to_owned()]).unwrap();
            (begin..begin + 3).for_each(|at| store.write(&frame(at * SECOND, 10), "x"));
        }
        assert_eq!(files(folder.path()).len(), 2);
        assert_eq!(lines(folder.path()).len(), 6);
    }

    #[test]
    fn a_reopened_store_goes_on_in_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), Limits::default(), Vec::new()).unwrap();
        store.write(&frame(1, 10), "a");
        store.reopen();
        // Whoever rotates has moved the file away.
        fs::rename(&files(folder.path())[0], folder.path().join("moved")).unwrap();
        store.write(&frame(2, 10), "b");
        assert_eq!(files(folder.path()).len(), 2);
        assert_eq!(lines(folder.path()).len(), 2);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        for (path, remedy) in [(folder.path().join("a/b"), "; make its folder first"), (file, "cannot write")] {
            let error = Store::open(&path, Limits::default(), Vec::new()).unwrap_err().to_string();
            assert!(error.starts_with("cannot write ") && error.contains(remedy), "{error}");
        }
        let new = folder.path().join("new");
        let store = Store::open(&new, Limits::default(), Vec::new()).unwrap();
        assert!(new.is_dir() && files(&new).is_empty() && store.stored() == Stored::default());
    }

    #[test]
    fn a_directory_that_goes_away_is_told_once_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        let mut store = Store::open(&place, Limits::default(), Vec::new()).unwrap();
        fs::remove_dir(&place).unwrap();
        (0..5).for_each(|at| store.write(&frame(at, 10), "x"));
        let news = store.news().unwrap();
        assert!(news.contains("cannot be written") && news.contains("make the directory again"), "{news}");
        assert_eq!((store.news(), store.stored().unwritten), (None, 5));
        fs::create_dir(&place).unwrap();
        store.write(&frame(AGAIN_NS - 1, 10), "x");
        assert_eq!(store.stored().unwritten, 6);
        store.write(&frame(AGAIN_NS + 5, 10), "y");
        assert!(store.news().unwrap().contains("written again; 6 packets"));
        assert_eq!(lines(&place), [format!("{} y", AGAIN_NS + 5)]);
    }
}
