//! Real captures with tshark's answers, for tests.
//!
//! In: `../shared/captures`, where it exists. Out: the files, our reading of them, tshark's, and the differences.
//! Must not know: verdicts.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part, and none has a public face")]

pub mod apps;
pub mod compare;
pub mod known;
pub mod known_names;
pub mod named;
pub mod ours;
pub mod truth;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of captures that are sound, each with tshark's answers.
pub const SOUND: &[&str] = &["formats", "links", "tls", "voip", "windows"];

/// The captures in these folders of the collection, sorted; none where the collection is absent, which is said.
#[allow(clippy::print_stdout, reason = "a test that skips must say so")]
pub fn captures(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let entries = folders.iter().filter_map(|folder| fs::read_dir(root.join(folder)).ok()).flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    if files.is_empty() {
        println!("skipped: no captures in ../shared/captures");
    }
    files
}

/// `folder/file`.
pub fn short(path: &Path) -> String {
    let parts: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}
