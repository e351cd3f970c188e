//! What the fuzz targets check, on the compiler that everybody has: of what they begin with, and of what they once found.
//!
//! In: `fuzz/seeds` and `fuzz/regressions`, a folder a target. Out: proof that none breaks a promise or takes long, and
//! that the seeds are what the code makes. Must not know: what the targets check.
//!
//! `LYNCAP_BLESS=1 cargo test --test corpus` rewrites the seeds. What a target finds goes to its folder of regressions.
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;
mod fuzzed;
mod safe;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fuzzed::TARGETS;
use fuzzed::seeds::seeds;

/// For one input; libFuzzer's is five seconds too, of a faster program.
const LIMIT: Duration = Duration::from_secs(5);

/// What all seeds together may be.
const SEEDS: usize = 200;
const SEED_BYTES: usize = 300 << 10;

/// A folder in `fuzz`; none in a copy of the project that has no such folder.
fn folder(name: &str) -> Option<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.is_dir() {
        println!("skipped: no {}", fuzz.display());
        return None;
    }
    Some(fuzz.join(name))
}

/// Files below a folder, by `TARGET/NAME`.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for target in fs::read_dir(folder).into_iter().flatten() {
        let target = target.unwrap().path();
        for file in fs::read_dir(&target).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn the_seeds_are_what_the_code_makes() {
    let Some(folder) = folder("seeds") else { return };
    let made: BTreeMap<_, _> = seeds().into_iter().map(|(of, name, bytes)| (format!("{of}/{name}"), bytes)).collect();
    if std::env::var_os("LYNCAP_BLESS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        for (name, bytes) in &made {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let stored = files(&folder);
    let differ: Vec<_> = made.iter().filter(|(name, bytes)| stored.get(*name) != Some(bytes)).collect();
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<BTreeSet<_>>();
    assert!(differ.is_empty() && names(&made) == names(&stored), "LYNCAP_BLESS=1 cargo test --test corpus writes them");
    let bytes: usize = made.values().map(Vec::len).sum();
    assert!(made.len() <= SEEDS && bytes <= SEED_BYTES, "{} seeds of {bytes} bytes", made.len());
}

#[test]
fn what_was_found_once_stays_mended() {
    let Some(regressions) = folder("regressions") else { return };
    let mut inputs = files(&regressions);
    inputs.extend(files(&folder("seeds").unwrap()));
    for (target, body) in TARGETS {
        let prefix = format!("{target}/");
        let mut own: Vec<_> = inputs.iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
        assert!(!own.is_empty(), "{target} has no seeds");
        let nothing = (format!("{target}, nothing"), vec![]);
        own.push((&nothing.0, &nothing.1));
        let mut slowest = (Duration::ZERO, "");
        for (name, bytes) in &own {
            let (bytes, body, (done, result)) = ((*bytes).clone(), *body, mpsc::channel());
            let begun = Instant::now();
            // A thread, so that an input that never ends fails the test by its name instead of stopping it.
            thread::spawn(move || {
                body(&bytes);
                done.send(())
            });
            match result.recv_timeout(LIMIT) {
                Ok(()) => slowest = slowest.max((begun.elapsed(), name)),
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: not done after {LIMIT:?}"),
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{name}: broke a promise"),
            }
        }
        println!("{target}: {} inputs; the slowest was {} in {:?}", own.len(), slowest.1, slowest.0);
    }
}
