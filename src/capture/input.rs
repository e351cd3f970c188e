//! All the files a run reads, as one capture in time order.
//!
//! In: paths as the user gave them: files, directories, `-`. Out: [`Inputs`]: batches, the files, their damage.
//! Must not know: formats, compressions; what is in a frame.
//!
//! Files are merged by batches: a batch holds frames of one file, none later than the first pending frame of
//! any other. Within a file its own order is kept, even where its clock goes backwards. Each file is looked at
//! once when it is listed; one that can be opened again is then closed until its first frame's turn comes, so
//! a ring buffer of thousands of files holds only those open that overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::follow::{self, Follow};
use super::listing::Listed;
use super::reader::{Frames, Source};
use super::savefile::{self, Opened, Refusal};
use super::window::Window;
use super::{Batch, Course, Damage, Described, course, listing};
use crate::error::Error;
use crate::net::Timestamp;

/// How standard input is named on the command line.
const STANDARD_INPUT: &str = "-";

/// A capture being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// As the user named it; within a directory, that name and the rest of the path.
    pub name: String,
    /// Its format: `pcap`, `pcapng`.
    pub format: &'static str,
    /// What it is compressed with, if it is: `gzip`, `zstd`, `lz4`, `xz`, `bzip2`. Where it is twice, the outermost.
    pub compression: Option<&'static str>,
    /// Its size when it was listed; a pipe has none, nor has a file that is followed.
    pub size: Option<u64>,
    /// Frames handed out so far.
    pub frames: u64,
    /// Frames that the capturing program says it lost; `None` where the file does not say. Complete after its end.
    pub dropped: Option<u64>,
    /// When it was being captured, as far as it was read.
    pub course: Course,
    /// The file of the same set that goes on where this one ends, as those of a ring buffer do; known after the last
    /// batch.
    pub next: Option<u16>,
}

/// A file found in a directory that is not a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The directory as the user named it and the rest of the path.
    pub file: String,
    /// What it is instead, in the words of [`Error::NotACapture`].
    pub why: String,
    /// Its format is known, or its name says capture: most likely there are packets in it, or ought to be.
    pub known: bool,
}

/// The files of a run, read as one capture.
#[derive(Default)]
pub struct Inputs {
    files: Vec<InputFile>,
    /// The other half of `files`: how each is read.
    readers: Vec<Reading>,
    /// The pending files by the time of their next frame; the file named first goes first among equals.
    waiting: BinaryHeap<Reverse<(Timestamp, u16)>>,
    /// The file the latest batch came from; it is not in `waiting`.
    current: Option<u16>,
    damage: Vec<Damage>,
    left_out: Vec<LeftOut>,
    consumed: u64,
}

/// How a file is read.
struct Reading {
    /// Where to open it again; `None` for what can be read only once.
    path: Option<PathBuf>,
    source: Option<Box<dyn Source>>,
    /// Its part of [`Inputs::consumed_bytes`].
    consumed: u64,
}

impl Inputs {
    /// Lists and looks at everything named. A directory stands for the captures in it; a file that one of the
    /// directories already stands for is not read again, but a file named twice is.
    ///
    /// # Errors
    /// When something named cannot be read or is no capture, or a directory has none; `-` named twice.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let standard = |path: &&PathBuf| path.as_os_str() == STANDARD_INPUT;
        if paths.iter().filter(standard).count() > 1 {
            return Err(Error::Usage("standard input (-) can be read only once: name it once".to_owned()));
        }
        let mut inputs = Self::default();
        let mut listed = Listed::default();
        for path in paths {
            if standard(&path) {
                inputs.admit(path, None, None, Window::new(Box::new(io::stdin())))?;
            } else if fs::metadata(path).map_err(|source| unread(path, source))?.is_dir() {
                inputs.admit_directory(path, &mut listed)?;
            } else if listed.new_by_name(path) {
                inputs.admit_file(path)?;
            }
        }
        Ok(inputs)
    }

    /// Reads one capture from anything, under the given name.
    ///
    /// # Errors
    /// When its first bytes cannot be read or are no capture's.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, Error> {
        let mut inputs = Self::default();
        inputs.admit(name.as_ref(), None, None, Window::new(Box::new(reader)))?;
        Ok(inputs)
    }

    /// Reads one capture, a file or `-`, that may still be growing: where it ends, more is waited for. Returns once
    /// its first frame is there, or following ended before.
    ///
    /// # Errors
    /// When more or something else than a file is named, it cannot be read, or is no capture.
    pub fn follow(paths: &[PathBuf], follow: Follow) -> Result<Self, Error> {
        let [path] = paths else {
            return Err(Error::Usage("--follow follows one file, or -: name only one".to_owned()));
        };
        let stream = if path.as_os_str() == STANDARD_INPUT {
            follow::standard_input(follow)
        } else if path.is_dir() {
            let why = format!("--follow follows one file, or -: {} is a directory", path.display());
            return Err(Error::Usage(why));
        } else {
            follow::file(path, follow)
        };
        let mut inputs = Self::default();
        inputs.admit(path, None, None, Window::over(stream.map_err(|source| unread(path, source))?))?;
        Ok(inputs)
    }

    /// The next frames in time; `None` after the last.
    ///
    /// # Errors
    /// None at present: what goes wrong inside a file is its [`Inputs::damage`], and the others go on.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, Error> {
        self.next_batch_until(Timestamp::MAX)
    }

    /// The same, but beside the first frame none that is later than `limit`.
    ///
    /// # Errors
    /// As [`Inputs::next_batch`].
    pub fn next_batch_until(&mut self, limit: Timestamp) -> Result<Option<Batch<'_>>, Error> {
        let Some((index, until)) = self.choose() else {
            course::link(&mut self.files);
            return Ok(None);
        };
        let until = until.min(limit);
        let slot = usize::from(index);
        let source = self.readers.get_mut(slot).and_then(|reading| reading.source.as_mut());
        let (Some(source), Some(counted)) = (source, self.files.get_mut(slot)) else {
            return Ok(None);
        };
        let mut frames = Frames::new();
        // At least one: `choose` has seen it.
        let (first_number, buffer) = source.fill(until, &mut frames);
        counted.frames = counted.frames.saturating_add(frames.len() as u64);
        frames.iter().for_each(|frame| counted.course.note(frame.at));
        Ok(Some(Batch { frames, buffer, first_number, file: index }))
    }

    /// What a file says of an interface, asked after a batch with a frame of it and before the next one.
    pub fn described(&self, file: u16, interface: u16) -> Described {
        let source = self.readers.get(usize::from(file)).and_then(|reading| reading.source.as_ref());
        source.map(|source| source.described(interface)).unwrap_or_default()
    }

    /// Finds out by now which files go on where others end.
    pub fn link(&mut self) {
        course::link(&mut self.files);
    }

    /// Time of the next frame; none after the last.
    pub fn next_at(&mut self) -> Option<Timestamp> {
        let (index, _) = self.choose()?;
        self.source(index)?.head()
    }

    /// The captures, in the order named or sorted: `Batch::file` counts them from 0.
    #[must_use]
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// What could not be read so far, in the order found. Complete after the last batch.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The files in directories that are no captures.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Size of all files together, where each has one.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.files.iter().try_fold(0, |sum: u64, file| Some(sum.saturating_add(file.size?)))
    }

    /// Bytes read and dealt with before the latest batch; a file that ends, even early, counts whole.
    #[must_use]
    pub fn consumed_bytes(&self) -> u64 {
        self.consumed
    }

    /// The file with the earliest next frame, and how far its frames may go on.
    fn choose(&mut self) -> Option<(u16, Timestamp)> {
        if let Some(index) = self.current.take() {
            match self.source(index).and_then(|source| source.head()) {
                Some(at) => {
                    self.account(index);
                    let earliest = self.waiting.peek().is_none_or(|Reverse(other)| (at, index) < *other);
                    if earliest {
                        return Some(self.take(index));
                    }
                    self.waiting.push(Reverse((at, index)));
                }
                None => self.close(index),
            }
        }
        while let Some(Reverse((at, index))) = self.waiting.pop() {
            let Some(head) = self.open_again(index) else {
                self.close(index);
                continue;
            };
            if head == at {
                return Some(self.take(index));
            }
            // It was changed since it was listed; now it is open and can change no more.
            self.waiting.push(Reverse((head, index)));
        }
        None
    }

    /// Makes `index` the current file. A frame as late as the next other file's goes first only where its
    /// file was named first.
    fn take(&mut self, index: u16) -> (u16, Timestamp) {
        self.current = Some(index);
        let until = match self.waiting.peek() {
            None => Timestamp::MAX,
            Some(&Reverse((at, other))) if index < other => at,
            Some(&Reverse((at, _))) => Timestamp(at.0.saturating_sub(1)),
        };
        (index, until)
    }

    fn source(&mut self, index: u16) -> Option<&mut Box<dyn Source>> {
        self.readers.get_mut(usize::from(index))?.source.as_mut()
    }

    /// Opens a file that was closed after it was listed. The time of its next frame, or `None` where there
    /// is none any more.
    fn open_again(&mut self, index: u16) -> Option<Timestamp> {
        let reading = self.readers.get_mut(usize::from(index))?;
        if reading.source.is_none() {
            let opened = match File::open(reading.path.as_ref()?) {
                Ok(file) => savefile::open(Window::new(Box::new(file))),
                Err(error) => Err(Refusal::Unread(error)),
            };
            match opened {
                Ok(opened) => reading.source = Some(opened.source),
                Err(Refusal::Unread(error)) => self.report(index, 0, &format!("cannot be opened again: {error}")),
                Err(Refusal::NotACapture { why, .. }) => {
                    self.report(index, 0, &format!("was replaced while reading: {why}"))
                }
            }
        }
        self.source(index)?.head()
    }

    /// Brings the count of consumed bytes up to date for a file.
    fn account(&mut self, index: u16) {
        if let Some(reading) = self.readers.get_mut(usize::from(index)) {
            let now = reading.source.as_ref().map_or(0, |source| source.consumed()).max(reading.consumed);
            self.consumed = self.consumed.saturating_add(now - reading.consumed);
            reading.consumed = now;
        }
    }

    /// Ends a file: notes its damage, frees its buffer.
    fn close(&mut self, index: u16) {
        self.account(index);
        let slot = usize::from(index);
        let (Some(file), Some(reading)) = (self.files.get_mut(slot), self.readers.get_mut(slot)) else {
            return;
        };
        let rest = file.size.unwrap_or(0).saturating_sub(reading.consumed);
        self.consumed = self.consumed.saturating_add(rest);
        reading.consumed = reading.consumed.saturating_add(rest);
        let Some(source) = reading.source.take() else { return };
        file.dropped = source.dropped();
        if let Some((offset, what)) = source.damage().filter(|_| !source.interrupted()) {
            self.report(index, offset, what);
        }
    }

    fn report(&mut self, index: u16, offset: u64, what: &str) {
        let Some(InputFile { name, compression, .. }) = self.files.get(usize::from(index)) else { return };
        let (file, compressed) = (name.clone(), compression.is_some());
        self.damage.push(Damage { file, offset, compressed, what: what.to_owned() });
    }

    /// Looks at a file named or listed.
    fn admit_file(&mut self, path: &Path) -> Result<(), Error> {
        let file = File::open(path).map_err(|source| unread(path, source))?;
        let metadata = file.metadata().map_err(|source| unread(path, source))?;
        let size = metadata.is_file().then_some(metadata.len());
        self.admit(path, metadata.is_file().then(|| path.to_owned()), size, Window::new(Box::new(file)))
    }

    /// Looks at all files of a directory: captures are read, others left out, and what cannot be read is
    /// damage, as its frames are missing.
    fn admit_directory(&mut self, path: &Path, listed: &mut Listed) -> Result<(), Error> {
        let listing = listing::files(path).map_err(|source| unread(path, source))?;
        let mut found = false;
        let mut refused = listing.refused;
        for file in listing.files {
            if !listed.new_in_directory(&file) {
                found = true;
                continue;
            }
            match self.admit_file(&file) {
                Ok(()) => found = true,
                Err(Error::NotACapture { why, known, .. }) => {
                    self.left_out.push(LeftOut {
                        file: file.display().to_string(),
                        why,
                        known: known || listing::is_named_capture(&file),
                    });
                }
                Err(Error::Read { source, .. }) => refused.push((file, source)),
                Err(error) => return Err(error),
            }
        }
        if !found {
            return Err(match refused.into_iter().next() {
                Some((path, source)) => Error::Read { path, source },
                None => Error::NoCaptures { path: path.to_owned() },
            });
        }
        self.damage.extend(refused.into_iter().map(|(path, error)| Damage {
            file: path.display().to_string(),
            offset: 0,
            compressed: false,
            what: format!("cannot be read: {error}"),
        }));
        Ok(())
    }

    /// Adds a capture and looks for its first frame; what can be opened again (all but the first, which
    /// most often is the only one) is closed.
    fn admit(&mut self, name: &Path, path: Option<PathBuf>, size: Option<u64>, window: Window) -> Result<(), Error> {
        let Opened { mut source, format, compression } = savefile::open(window).map_err(|refusal| match refusal {
            Refusal::Unread(source) => unread(name, source),
            Refusal::NotACapture { why, known } => Error::NotACapture { path: name.to_owned(), why, known },
        })?;
        let Ok(index) = u16::try_from(self.files.len()) else {
            let most = u32::from(u16::MAX) + 1;
            return Err(Error::Usage(format!("more than {most} captures: name fewer at once")));
        };
        let head = source.head();
        let keep = head.is_none() || path.is_none() || index == 0;
        self.files.push(InputFile {
            name: name.display().to_string(),
            format,
            compression,
            size,
            frames: 0,
            dropped: None,
            course: Course::default(),
            next: None,
        });
        self.readers.push(Reading { path, source: keep.then_some(source), consumed: 0 });
        match head {
            Some(at) => self.waiting.push(Reverse((at, index))),
            None => self.close(index),
        }
        Ok(())
    }
}

fn unread(path: &Path, source: io::Error) -> Error {
    Error::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::order::Order;
    use crate::capture::testing::{self, Drip};

    const MAGIC: u32 = 0xa1b2_3c4d;

    /// A capture with an empty frame at each of these nanoseconds.
    fn capture(times: &[u32]) -> Vec<u8> {
        let mut file = testing::Pcap::new(Order::Little, MAGIC, 1);
        for &at in times {
            file.frame(0, at, 60, &[], 16);
        }
        file.bytes
    }

    fn drain(inputs: &mut Inputs) -> Vec<(u16, i64)> {
        let mut seen = Vec::new();
        while let Some(batch) = inputs.next_batch().unwrap() {
            assert!(!batch.frames.is_empty());
            seen.extend(batch.frames.iter().map(|frame| (batch.file, frame.at.0)));
        }
        assert_eq!(inputs.next_batch().unwrap().map(|batch| batch.file), None);
        seen
    }

    /// Files with these times, merged: from memory and from disk it is the same.
    fn check(files: &[&[u32]], expected: &[(u16, i64)]) {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Inputs::default();
        let mut paths = Vec::new();
        for (i, times) in files.iter().enumerate() {
            let bytes = capture(times);
            paths.push(folder.path().join(format!("{i:03}.pcap")));
            fs::write(&paths[i], &bytes).unwrap();
            memory.admit("m".as_ref(), None, None, Window::new(Box::new(io::Cursor::new(bytes)))).unwrap();
        }
        assert!(drain(&mut memory) == expected, "{files:?}");
        let mut disk = Inputs::open(&paths).unwrap();
        assert!(drain(&mut disk) == expected, "{files:?}");
        assert_eq!(Some(disk.consumed_bytes()), disk.total_bytes());
        let mut folder = Inputs::open(&[folder.path().to_owned()]).unwrap();
        assert!(drain(&mut folder) == expected, "{files:?}");
        for (file, times) in folder.files().iter().zip(files) {
            assert_eq!(file.frames, times.len() as u64);
        }
    }

    fn error(paths: &[PathBuf]) -> String {
        match Inputs::open(paths) {
            Ok(inputs) => panic!("opened {:?}", inputs.files),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files_merge_in_time() {
        check(&[&[]], &[]);
        check(&[&[1, 2]], &[(0, 1), (0, 2)]);
        check(&[&[5, 6], &[1, 2]], &[(1, 1), (1, 2), (0, 5), (0, 6)]);
        check(&[&[1, 4, 5], &[], &[2, 3, 6]], &[(0, 1), (2, 2), (2, 3), (0, 4), (0, 5), (2, 6)]);
        check(&[&[1, 9], &[2, 8], &[3, 7]], &[(0, 1), (1, 2), (2, 3), (2, 7), (1, 8), (0, 9)]);
    }

    #[test]
    fn among_equals_the_first_named_goes_first() {
        check(&[&[1, 1, 2], &[1, 1, 2]], &[(0, 1), (0, 1), (1, 1), (1, 1), (0, 2), (1, 2)]);
    }

    #[test]
    fn a_clock_that_goes_back_keeps_its_files_order() {
        check(&[&[5, 1, 7], &[2, 6]], &[(1, 2), (0, 5), (0, 1), (1, 6), (0, 7)]);
    }

    #[test]
    fn many_overlapping_files_lose_nothing() {
        let times: Vec<Vec<u32>> = (0..40).map(|i| (0..100).map(|j| j * 40 + (i * 7) % 40).collect()).collect();
        let files: Vec<&[u32]> = times.iter().map(Vec::as_slice).collect();
        let mut expected: Vec<(u16, i64)> = Vec::new();
        for (i, times) in (0..).zip(&times) {
            expected.extend(times.iter().map(|&at| (i, i64::from(at))));
        }
        expected.sort_by_key(|&(file, at)| (at, file));
        check(&files, &expected);
    }

    #[test]
    fn files_wait_closed() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..5 {
            fs::write(folder.path().join(i.to_string()), capture(&[i, i])).unwrap();
        }
        let mut inputs = Inputs::open(&[folder.path().to_owned()]).unwrap();
        while let Some(slot) = inputs.next_batch().unwrap().map(|batch| usize::from(batch.file)) {
            let open: Vec<bool> = inputs.readers.iter().map(|reading| reading.source.is_some()).collect();
            assert_eq!(open.iter().filter(|open| **open).count(), 1);
            assert!(open[slot]);
        }
    }

    #[test]
    fn numbers_and_progress() {
        let mut inputs = Inputs::from_reader("x", Drip::new(capture(&[3; 70]), 999)).unwrap();
        let mut first = Vec::new();
        while let Some(batch) = inputs.next_batch().unwrap() {
            first.push((batch.first_number, batch.frames.len()));
        }
        assert_eq!(first.iter().map(|batch| batch.1).sum::<usize>(), 70);
        assert!(first.windows(2).all(|pair| pair[0].0 + pair[0].1 as u64 == pair[1].0));
        assert_eq!(inputs.total_bytes(), None);
        assert_eq!(inputs.consumed_bytes(), 24 + 70 * 16);
        let [file] = inputs.files() else { panic!() };
        assert_eq!((&*file.name, file.format, file.compression, file.size), ("x", "pcap", None, None));
        assert_eq!((file.frames, file.dropped), (70, None));
    }

    #[test]
    fn damage_in_one_file_does_not_end_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut cut = capture(&[1, 5]);
        cut.pop();
        fs::write(path("a"), &cut).unwrap();
        fs::write(path("b"), capture(&[2, 9])).unwrap();
        fs::write(path("c"), &cut[..20]).unwrap();
        let mut inputs = Inputs::open(&[path("a"), path("b"), path("c")]).unwrap();
        assert_eq!(drain(&mut inputs), [(0, 1), (1, 2), (1, 9)]);
        let damage = |file: &str, offset, what: &str| Damage {
            file: path(file).display().to_string(),
            offset,
            compressed: false,
            what: what.to_owned(),
        };
        let expected = [
            damage("c", 0, "file header cut short: 20 of 24 bytes"),
            damage("a", 40, "record header cut short: 15 of 16 bytes"),
        ];
        assert_eq!(inputs.damage(), expected);
        assert_eq!(Some(inputs.consumed_bytes()), inputs.total_bytes());
    }

    #[test]
    fn a_read_error_is_damage_unless_it_is_the_first() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        let start = io::Cursor::new(capture(&[1, 2]));
        let mut inputs = Inputs::from_reader("x", start.chain(Fails)).unwrap();
        assert_eq!(drain(&mut inputs).len(), 2);
        assert_eq!(inputs.damage()[0].what, "read error: disk on fire");
        assert_eq!(inputs.damage()[0].offset, 56);
        assert!(matches!(Inputs::from_reader("x", Fails), Err(Error::Read { .. })));
    }

    #[test]
    fn a_file_that_goes_away_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c", "d"].map(|name| folder.path().join(name));
        for (at, path) in (1..).zip(&paths) {
            fs::write(path, capture(&[at, at + 10])).unwrap();
        }
        let mut inputs = Inputs::open(&paths).unwrap();
        fs::remove_file(&paths[1]).unwrap();
        fs::write(&paths[2], "now a text").unwrap();
        fs::write(&paths[3], capture(&[9, 20])).unwrap();
        assert_eq!(drain(&mut inputs), [(0, 1), (3, 9), (0, 11), (3, 20)]);
        let what: Vec<&str> = inputs.damage().iter().map(|damage| damage.what.as_str()).collect();
        assert!(what[0].starts_with("cannot be opened again: "));
        assert_eq!(
            what[1],
            "was replaced while reading: not a packet capture (starts with \"now a text\"); name a pcap, pcapng, Network Monitor or snoop file"
        );
        assert_eq!(what.len(), 2);
    }

    #[test]
    fn directories_leave_out_what_is_no_capture() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        fs::create_dir(root.join("sub")).unwrap();
        assert_eq!(error(std::slice::from_ref(&root)), Error::NoCaptures { path: root.clone() }.to_string());
        fs::write(root.join("readme"), "text").unwrap();
        fs::write(root.join("empty"), "").unwrap();
        fs::write(root.join("sub/no-extension"), capture(&[2])).unwrap();
        fs::write(root.join("z.txt"), capture(&[1])).unwrap();
        let inputs = Inputs::open(std::slice::from_ref(&root)).unwrap();
        let names: Vec<_> = inputs.files().iter().map(|file| file.name.clone()).collect();
        let expected = ["sub/no-extension", "z.txt"].map(|name| root.join(name).display().to_string());
        assert_eq!(names, expected);
        let why: Vec<_> = inputs.left_out().iter().map(|left| left.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "empty file; name a capture with frames in it",
                "not a packet capture (starts with \"text\"); name a pcap, pcapng, Network Monitor or snoop file"
            ]
        );
    }

    #[test]
    fn a_directory_does_not_repeat_files_but_names_do() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let file = root.join("a");
        fs::write(&file, capture(&[1])).unwrap();
        for (paths, count) in [
            (vec![file.clone(), file.clone()], 2),
            (vec![root.clone(), root.clone()], 1),
            (vec![root.clone(), file.clone()], 1),
            (vec![file.clone(), root.clone(), file.clone()], 2),
        ] {
            assert_eq!(Inputs::open(&paths).unwrap().files().len(), count, "{paths:?}");
        }
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        assert!(error(std::slice::from_ref(&absent)).starts_with(&format!("cannot read {}: ", absent.display())));
        let standard = PathBuf::from(STANDARD_INPUT);
        assert!(error(&[standard.clone(), absent, standard]).contains("only once"));
        let empty = folder.path().join("empty");
        fs::write(&empty, "").unwrap();
        assert_eq!(
            error(std::slice::from_ref(&empty)),
            format!("{}: empty file; name a capture with frames in it", empty.display())
        );
    }
}
