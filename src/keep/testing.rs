//! Frames and what a store made of them, for the tests of this stage.
//!
//! In: times and lengths; a directory. Out: frames; what stands in the files.
//! Must not know: how a store works.

use std::path::{Path, PathBuf};

use crate::capture::{Frame, Inputs, LinkType};
use crate::net::Timestamp;

static NOISE: [u8; 1 << 16] = [0x5a; 1 << 16];

/// A frame at so many nanoseconds.
pub(super) fn frame(at: i64, length: usize) -> Frame<'static> {
    let bytes = &NOISE[..length];
    Frame { at: Timestamp(at), link: LinkType::ETHERNET, interface: 0, original_length: length as u32, bytes }
}

/// The files, by name.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// "TIME LINE" of each frame of all files, which are whole, by file.
pub(super) fn lines(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in files(directory) {
        let mut inputs = Inputs::open(&[file]).unwrap();
        while let Some(batch) = inputs.next_batch().unwrap() {
            lines
                .extend(batch.frames.iter().map(|frame| format!("{} {}", frame.at.0, batch.comments(frame).join("|"))));
        }
        assert_eq!(inputs.damage(), []);
    }
    lines
}
