//! The files of a store: which are its own, how old and how large they are.
//!
//! In: a directory. Out: its own files, oldest first; names for further ones. Removes none but its own.
//! Must not know: what is in a file beyond the mark in its first block.
//!
//! Own is a regular file with a name like ours that begins with a section in which [`MARK`] stands, written by this run or
//! an earlier one. Nothing else in the directory is counted or touched.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::net::Timestamp;
use crate::report::text::rfc3339;

/// The application that a section of the store names.
pub(super) const MARK: &str = concat!("lyncap ", env!("CARGO_PKG_VERSION"), " flagged flows");
/// What every version's mark has, before and behind its number.
const MARK_PARTS: (&str, &str) = ("lyncap ", " flagged flows");
/// The mark stands within so many bytes.
const MARKED_WITHIN: u64 = 256;
const PREFIX: &str = "lyncap-";
const SUFFIX: &str = ".pcapng";
/// Names tried for one instant.
const NAMES: u32 = 1000;

/// A file of the store that is complete.
#[derive(Debug)]
struct Closed {
    path: PathBuf,
    bytes: u64,
}

/// The complete files, oldest first.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: PathBuf,
    closed: VecDeque<Closed>,
    bytes: u64,
}

impl Shelf {
    /// With what an earlier run left in a directory, which is made where there is none.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        if !directory.is_dir() {
            fs::create_dir(directory)?;
        }
        let mut shelf = Self { directory: directory.to_owned(), closed: VecDeque::new(), bytes: 0 };
        let mut own: Vec<_> = fs::read_dir(directory)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let is_named = entry.file_name().to_str().is_some_and(is_name);
                let meta = entry.metadata().ok().filter(|meta| is_named && meta.is_file())?;
                is_marked(&entry.path()).then(|| Closed { path: entry.path(), bytes: meta.len() })
            })
            .collect();
        own.sort_by(|a, b| place(&a.path).cmp(&place(&b.path)));
        own.into_iter().for_each(|file| shelf.put(file.path, file.bytes));
        Ok(shelf)
    }

    /// A new file, named after the time of its first frame.
    pub(super) fn create(&self, at: Timestamp) -> io::Result<(PathBuf, File)> {
        let time: String = rfc3339(at).chars().filter(|c| !matches!(c, '-' | ':')).collect();
        for n in 1..=NAMES {
            let again = if n == 1 { String::new() } else { format!("-{n}") };
            let path = self.directory.join(format!("{PREFIX}{time}{again}{SUFFIX}"));
            match new_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return other.map(|file| (path, file)),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// Adds a file that is complete.
    pub(super) fn put(&mut self, path: PathBuf, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.closed.push_back(Closed { path, bytes });
    }

    /// Removes the oldest file; false where there is none.
    pub(super) fn drop_oldest(&mut self) -> io::Result<bool> {
        let Some(oldest) = self.closed.front() else { return Ok(false) };
        match fs::remove_file(&oldest.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.bytes = self.bytes.saturating_sub(oldest.bytes);
        self.closed.pop_front();
        Ok(true)
    }

    /// Number of files.
    pub(super) fn files(&self) -> usize {
        self.closed.len()
    }

    /// Their bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// A file that was not there before, which nobody but its owner reads: it holds what others said. Written at its end.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Where a file stands among others: its time, and its number among those of that time.
fn place(path: &Path) -> (&str, u32) {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let (time, number) = name.split_once('Z').unwrap_or((name, ""));
    (time, number.trim_start_matches('-').parse().unwrap_or(1))
}

/// Whether a name is one of [`Shelf::create`]'s.
fn is_name(name: &str) -> bool {
    let time = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    time.is_some_and(|time| {
        time.starts_with(|c: char| c.is_ascii_digit())
            && time.chars().all(|c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | '.' | '-'))
    })
}

/// Whether a file begins as those of a store do.
fn is_marked(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MARKED_WITHIN).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start);
    let marked = text.split_once(MARK_PARTS.0).is_some_and(|(_, rest)| rest.contains(MARK_PARTS.1));
    read.is_ok() && start.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_capture_time_and_are_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        let at = Timestamp(1_772_438_400_000_001_000);
        let names: Vec<_> =
            (0..3).map(|_| shelf.create(at).unwrap().0.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let first = "lyncap-20260302T080000.000001Z";
        assert_eq!(names, [format!("{first}.pcapng"), format!("{first}-2.pcapng"), format!("{first}-3.pcapng")]);
        assert!(names.iter().all(|name| is_name(name)));
        assert_eq!(
            place(Path::new("d/lyncap-20260302T080000.000001Z-10.pcapng")),
            ("lyncap-20260302T080000.000001", 10)
        );
        assert!(names.windows(2).all(|pair| place(Path::new(&pair[0])) < place(Path::new(&pair[1]))));
        for other in ["lyncap-.pcapng", "lyncap-notes.pcapng", "lyncap-20260302.pcap", "20260302T080000Z.pcapng"] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn only_own_files_are_on_the_shelf() {
        let folder = tempfile::tempdir().unwrap();
        let name = |n: u32| folder.path().join(format!("lyncap-2026030{n}T080000.000001Z.pcapng"));
        let marked = [&[0x0a, 0x0d, 0x0d, 0x0a][..], b"\x20\0\0\0lyncap 0.0.9 flagged flows"].concat();
        for (n, content) in [(3, &marked[..]), (1, &marked), (2, b"\x0a\x0d\x0d\x0a but of another"), (4, b"")] {
            fs::write(name(n), content).unwrap();
        }
        fs::write(folder.path().join("lyncap-mine.pcapng"), &marked).unwrap();
        fs::create_dir(name(5)).unwrap();
        let mut shelf = Shelf::open(folder.path()).unwrap();
        assert_eq!((shelf.files(), shelf.bytes()), (2, 2 * marked.len() as u64));
        assert!(shelf.drop_oldest().unwrap() && !name(1).exists() && name(3).exists());
        // What somebody else removed is gone.
        fs::remove_file(name(3)).unwrap();
        assert!(shelf.drop_oldest().unwrap());
        assert!(!shelf.drop_oldest().unwrap());
        assert_eq!((shelf.files(), shelf.bytes()), (0, 0));
        assert!(name(2).exists() && name(4).exists() && folder.path().join("lyncap-mine.pcapng").exists());
    }
}
