//! A store of flagged packets outlives a full disk and a limit on the length of files.
//!
//! In: a small disk that the test mounts itself, where it may; a shell's limit. Out: that every file is whole, that what
//! was not written is counted, and that writing goes on once there is room.
//! Must not know: how files are named or chosen.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and says when it skips"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lyncap::capture::{Frame, Inputs, LinkType};
use lyncap::keep::{Limits, Store};
use lyncap::net::Timestamp;

const SECOND: i64 = 1_000_000_000;

fn frame(at: i64) -> Frame<'static> {
    let bytes: &[u8] = &[0x5a; 1000];
    Frame { at: Timestamp(at), link: LinkType::ETHERNET, interface: 0, original_length: 1514, bytes }
}

/// Files and frames in a directory; every file is whole.
fn read(directory: &Path) -> (usize, u64) {
    let files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let captures = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "pcapng"));
    let mut seen = (0, 0);
    for file in captures {
        let mut inputs = Inputs::open(std::slice::from_ref(file)).unwrap();
        while inputs.next_batch().unwrap().is_some() {}
        assert_eq!(inputs.damage(), [], "{}", file.display());
        seen = (seen.0 + 1, seen.1 + inputs.files()[0].frames);
    }
    seen
}

/// A small disk of its own, gone after the test.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "lyncap-test"]).arg(folder.path()).output();
        match mounted.is_ok_and(|output| output.status.success()) {
            true => Some(Self(folder)),
            false => {
                eprintln!("skipped: no disk can be mounted; run as root");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_survived_and_told() {
    let Some(disk) = Disk::new("size=512k") else { return };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 256 << 10]).unwrap();
    let limits = Limits { file_bytes: 100_000, total_bytes: 64 << 20, ..Limits::default() };
    let mut store = Store::open(disk.path(), limits, vec!["eth0".to_owned()]).unwrap();
    let mut at = 0;
    let mut write = |store: &mut Store, frames: i64| {
        (0..frames).for_each(|_| store.write(&frame(at), "lyncap: flow 1 undocumented"));
        at += 60 * SECOND;
    };
    write(&mut store, 1000);
    let stored = store.stored();
    assert!(stored.packets > 150 && stored.unwritten > 500 && stored.packets + stored.unwritten == 1000, "{stored:?}");
    let news = store.news().unwrap();
    assert!(news.contains("No space left") && news.contains("make room"), "{news}");
    assert_eq!(read(disk.path()).1, stored.packets);
    // Still full: tried once more, and not told again.
    write(&mut store, 100);
    assert_eq!((store.news(), store.stored().packets), (None, stored.packets));
    assert_eq!(read(disk.path()).1, stored.packets);
    // Room again; a process that another test begins may hold what is removed a moment longer.
    fs::remove_file(&ballast).unwrap();
    let mut tries = 0;
    while store.stored().packets == stored.packets {
        assert!(tries < 250, "{:?}", store.news());
        std::thread::sleep(std::time::Duration::from_millis(20 * tries.min(1)));
        write(&mut store, 1);
        tries += 1;
    }
    write(&mut store, 99);
    let after = store.stored();
    assert_eq!((after.packets, after.unwritten), (stored.packets + 100, stored.unwritten + 99 + tries));
    assert!(store.news().unwrap().contains("written again"));
    assert_eq!(read(disk.path()).1, after.packets);
    assert_eq!(after.removed, 0, "what is proven is not thrown away because others fill the disk");
}

#[test]
fn a_disk_that_is_read_only_is_refused_at_the_start() {
    let Some(disk) = Disk::new("size=64k,ro") else { return };
    let error = Store::open(disk.path(), Limits::default(), Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("cannot write ") && error.ends_with("; write elsewhere"), "{error}");
}

/// Set for the run of this test under a limit; says where to write.
const LIMITED: &str = "LYNCAP_TEST_LIMITED";

#[test]
fn a_limit_on_the_length_of_files_begins_further_ones() {
    if let Some(directory) = std::env::var_os(LIMITED) {
        let limits = Limits { file_bytes: 10 << 20, ..Limits::default() };
        let mut store = Store::open(Path::new(&directory), limits, Vec::new()).unwrap();
        (0..200).for_each(|at| store.write(&frame(at), "lyncap: flow 1 undocumented"));
        let stored = store.stored();
        assert_eq!((stored.packets, stored.unwritten, store.news()), (200, 0, None));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Whoever sets such a limit has to ignore the signal that goes with it.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact a_limit_on_the_length_of_files_begins_further_ones";
    let program = std::env::current_exe().unwrap();
    let output = Command::new("sh").args(["-c", script]).arg(program).env(LIMITED, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let (files, frames) = read(folder.path());
    assert!(files >= 4, "{files}");
    assert_eq!(frames, 200);
}
