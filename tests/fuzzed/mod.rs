//! The bodies of the fuzz targets, one file each, and the table that names them.
//!
//! In: any bytes. Out: nothing, or a panic where a promise is broken.
//! Must not know: who made the bytes. `fuzz/fuzz_targets` shows libFuzzer's, `tests/corpus.rs` those kept in `fuzz/`.
// Every user takes a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it shall fail loudly"
)]

pub mod audit;
pub mod capture;
pub mod config;
pub mod decode;
pub mod evidence;
pub mod seeds;

/// A target: its name, which is that of its folders and its binary, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("audit", audit::audit),
    ("capture", capture::capture),
    ("config", config::config),
    ("decode", decode::decode),
    ("evidence", evidence::evidence),
];

/// Bytes taken from the front; where they end there are zeros.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub fn half(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// At most so many.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// What the program says on standard error is one line that says something.
pub fn check_message(message: &str) {
    assert!(!message.trim().is_empty(), "says nothing");
    assert!(!message.contains('\n'), "more than one line: {message:?}");
}
