//! What a confined process can still do, and what not; on systems that can confine one.
//!
//! In: the words of the command line, as the usual harness takes them: parts of tests' names. Out: what held.
//! Must not know: how a process is confined.
//!
//! Without the usual harness, which has a thread of its own: a process is confined before it has a second one.

#[cfg(target_os = "linux")]
mod confined;

fn main() {
    #[cfg(target_os = "linux")]
    confined::main();
}
