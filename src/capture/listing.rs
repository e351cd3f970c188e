//! The regular files below a directory, in a fixed order; and which paths were listed before.
//!
//! In: a directory. Out: its files, sorted, and what could not be looked into.
//! Must not know: what is in a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Regular files, sorted by path.
    pub(super) files: Vec<PathBuf>,
    /// What the system refused to show, and why.
    pub(super) refused: Vec<(PathBuf, io::Error)>,
}

/// Lists `directory` and the directories in it. Links to files are followed, links to directories are not
/// (they can form circles), and what is neither (pipes, sockets, devices) is passed over.
pub(super) fn files(directory: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let mut pending = Vec::new();
    look(directory, &mut listing, &mut pending)?;
    while let Some(directory) = pending.pop() {
        if let Err(error) = look(&directory, &mut listing, &mut pending) {
            listing.refused.push((directory, error));
        }
    }
    listing.files.sort();
    listing.refused.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(listing)
}

/// One directory's files; its directories become `pending`.
fn look(directory: &Path, listing: &mut Listing, pending: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        // A link that leads nowhere is not a file.
        if kind.is_dir() {
            pending.push(path);
        } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
            listing.files.push(path);
        }
    }
    Ok(())
}

/// The paths listed so far, to read no file again through a directory.
#[derive(Default)]
pub(super) struct Listed(HashMap<PathBuf, Origin>);

/// How a path came to be listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Name,
    Directory,
}

impl Listed {
    /// Whether a file of a directory is new.
    pub(super) fn new_in_directory(&mut self, path: &Path) -> bool {
        match self.0.entry(resolved(path)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Origin::Directory);
                true
            }
        }
    }

    /// Whether a file named is not one of a directory listed before.
    pub(super) fn new_by_name(&mut self, path: &Path) -> bool {
        *self.0.entry(resolved(path)).or_insert(Origin::Name) == Origin::Name
    }
}

fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Endings of the names that capturing programs give, and those of compressions, which may follow them.
const CAPTURES: &[&str] = &["pcap", "pcapng", "cap", "etl", "snoop", "dmp", "trc"];
const COMPRESSIONS: &[&str] = &["gz", "zst", "lz4", "xz", "bz2"];

/// Whether a file's name says that it is a capture: `a.pcap`, `a.pcap12`, `a.pcapng.gz`.
pub(super) fn is_named_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut endings = name.rsplit('.').skip_while(|ending| COMPRESSIONS.contains(ending));
    let ending = endings.next().unwrap_or_default().trim_end_matches(|sign: char| sign.is_ascii_digit());
    // A name without a dot has no ending.
    endings.next().is_some() && CAPTURES.contains(&ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_capture() {
        for (name, expected) in [
            ("d/a.pcap", true),
            ("A.PCAPNG", true),
            ("a.pcap12", true),
            ("a.cap.gz", true),
            ("netmon.etl", true),
            ("pcap", false),
            ("a.pcap.md5", false),
            ("d.pcap/readme", false),
            ("syslog.gz", false),
            ("", false),
        ] {
            assert_eq!(is_named_capture(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn files_of_all_levels_sorted() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("b/inner")).unwrap();
        fs::create_dir(at("empty")).unwrap();
        for name in ["c", "a", "b/2", "b/inner/1", "b/1", ".hidden"] {
            fs::write(at(name), "x").unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path(), at("b/circle")).unwrap();
            std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
            std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        }
        let listing = files(root.path()).unwrap();
        let mut expected: Vec<_> = [".hidden", "a", "b/1", "b/2", "b/inner/1", "c"].map(at).to_vec();
        if cfg!(unix) {
            expected.push(at("link"));
        }
        assert_eq!(listing.files, expected);
        assert!(listing.refused.is_empty());
        assert!(files(&at("absent")).is_err());
    }
}
