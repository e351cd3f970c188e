//! `lyncap live` through the program: a replay says what an offline run says, in windows, events, and fixed memory; it
//! ends well; and on Linux as root, interfaces in a network namespace of the test's own.
//!
//! In: captures made here, `fixtures/`, `../shared/captures` where it exists. Out: whether what is told holds.
//! Must not know: how flows are judged.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]

mod common;
mod program;
mod real;
mod told;

#[path = "live/events.rs"]
mod events;
#[path = "live/flood.rs"]
mod flood;
#[cfg(all(feature = "live", target_os = "linux"))]
#[path = "live/interfaces.rs"]
mod interfaces;
#[path = "live/same.rs"]
mod same;
#[cfg(unix)]
#[path = "live/signals.rs"]
mod signals;
#[path = "live/windows.rs"]
mod windows;

use common::Frame;
use common::savefile::{Pcap, in_time_order};
use program::{Scratch, lyncap};
use serde_json::Value;
use told::{check_counts, event, last, number, of, parse};

/// 2026-03-02T08:00:00Z.
const START: u64 = 1_772_438_400 * common::SECOND;

/// Replays as fast as can be; the code, the events, and what was said on standard error.
fn replay(file: &str, words: &[&str]) -> (i32, Vec<Value>, String) {
    let mut command = lyncap(&["live", "-r", file, "--speed", "max", "--no-tui", "--format", "jsonl"]);
    let output = command.args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), parse(&text(output.stdout)), text(output.stderr))
}

fn pcap(scratch: &Scratch, name: &str, frames: Vec<Frame>) -> String {
    scratch.file(name, Pcap::default().write(&in_time_order(frames)))
}
