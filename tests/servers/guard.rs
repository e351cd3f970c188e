//! Nothing outlives its test.
//!
//! In: a server that starts children of its own. Out: that none of them is left.
//! Must not know: what servers serve.

use std::fs;
use std::panic;
use std::time::Duration;

use super::place::Place;
use super::place::process::until;

/// Processes whose command line has these words.
fn running(words: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").contains(words)).count()
}

/// Starts a server with children, one of which has left its group; fails where told to.
fn serve(seconds: &str, fails: bool) {
    let Some(place) = Place::with(&[]) else { return };
    let script = match place.is_apart() {
        true => format!("setsid sleep {seconds} & sleep {seconds}"),
        // Only a namespace holds whoever leaves the group.
        false => format!("sleep {seconds} & sleep {seconds}"),
    };
    let _server = place.serve("sh", &["-c", &script][..], &[]);
    let sleep = format!("sleep {seconds}");
    until(Duration::from_secs(5), || running(&sleep) >= 2).unwrap();
    assert!(!fails, "the failure that this test is about");
}

#[test]
fn servers_end_with_their_test() {
    serve("31.41592", false);
    until(Duration::from_secs(5), || running("sleep 31.41592") == 0).unwrap();
}

#[test]
fn servers_end_with_a_test_that_fails() {
    let quiet = panic::catch_unwind(|| serve("27.18281", true));
    // Where the place is skipped nothing fails.
    drop(quiet);
    until(Duration::from_secs(5), || running("sleep 27.18281") == 0).unwrap();
}
