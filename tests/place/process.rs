//! Processes that do not outlive the test that started them.
//!
//! In: commands. Out: what they said; a guard that ends them, also when the test fails.
//! Must not know: what they serve, networks.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Ran;

/// A running process, ended and reaped when this is dropped, with all of its process group.
pub struct Process {
    child: Child,
    said: PathBuf,
}

impl Process {
    /// Starts it; what it says goes to a file in `folder`.
    pub fn start(mut command: Command, folder: &Path) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let said = folder.join(format!("said.{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let output = File::create(&said).unwrap();
        command.stderr(output.try_clone().unwrap()).stdout(output).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, said }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.said).unwrap_or_default()).into_owned()
    }

    /// Sends it a signal by name.
    pub fn signal(&self, signal: &str) {
        kill(signal, &self.id().to_string());
    }

    /// Waits for its end; none if that does not come in time.
    pub fn end_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        until(limit, || !self.is_running())?;
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = self.id();
        // `unshare` waits for its child, and reaps it, if it is let.
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().for_each(|child| kill("KILL", child));
        if children.is_empty() || self.end_within(Duration::from_secs(2)).is_none() {
            kill("KILL", &format!("-{id}"));
        }
        self.child.wait().ok();
    }
}

/// The shell's own `kill`, which every system has.
pub fn kill(signal: &str, who: &str) {
    Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", signal, who]).stderr(Stdio::null()).status().ok();
}

/// Runs a command to its end, which must come in time.
pub fn run(mut command: Command, input: &[u8], folder: &Path, limit: Duration) -> Ran {
    command.stdin(Stdio::piped());
    let mut process = Process::start(command, folder);
    // Whoever has ended already does not read.
    process.child.stdin.take().unwrap().write_all(input).ok();
    let status = process.end_within(limit);
    let text = process.said();
    let status = status.unwrap_or_else(|| panic!("it does not end within {limit:?}: {text}"));
    Ran { well: status.success(), text }
}

/// Waits for something to become true; none if that does not happen in time.
pub fn until(limit: Duration, mut done: impl FnMut() -> bool) -> Option<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
    Some(())
}
