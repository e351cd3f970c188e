//! In: the words of a command line. Out: what the program answered.
//! Must not know: the `lyncap` library, what an answer means. Runs in the project's folder, so that file names in
//! outputs are the same everywhere; none of the caller's settings for terminals reach the program.
// Every test uses a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::process::{Command, Output, Stdio};

/// The capture that most tests read.
pub const POOL: &str = "fixtures/pool-day.pcapng";
/// Its topology.
pub const HOSTS: &str = "fixtures/pool-day.toml";

/// What a run of the program left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The program with these words, to be changed before it runs.
pub fn lyncap<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lyncap"));
    command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).env("TZ", "UTC");
    for setting in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(setting);
    }
    command
}

/// Runs it.
pub fn run<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Answer {
    lyncap(words).output().unwrap().into()
}

/// Words of a command line, split at blanks.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The command answers with this code, and a report on standard output.
pub fn check_code(line: &str, code: i32) -> Answer {
    let answer = run(&words(line));
    assert_eq!(answer.code, Some(code), "lyncap {line}\n{}", answer.err);
    assert!(!answer.out.is_empty(), "lyncap {line}");
    answer
}

/// Refused with exit code 2, nothing on standard output, and one line that holds `parts`.
pub fn check_refused(line: &str, parts: &[&str]) {
    check_complaint(line, run(&words(line)), parts);
}

/// The same of an answer already given.
pub fn check_complaint(line: &str, answer: Answer, parts: &[&str]) {
    let Answer { code, out, err } = answer;
    assert_eq!((code, &*out), (Some(2), ""), "lyncap {line}\n{err}");
    assert!(err.starts_with("lyncap: ") && err.ends_with('\n') && err.lines().count() == 1, "lyncap {line}\n{err}");
    for part in parts {
        assert!(err.contains(part), "lyncap {line}\n{err}lacks {part}");
    }
}

/// A folder that is gone after the test.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A file in it with this content.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
