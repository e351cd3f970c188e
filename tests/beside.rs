//! What stands beside a live run: the packets of flagged flows, figures for Prometheus, few rights.
//!
//! In: the pool's day, replayed. Out: that what is kept is what `extract --flagged` writes, that the page is served while
//! it runs, and that a confined run does the same as one that is not.
//! Must not know: how packets are held, what confines.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and says when it skips"
)]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lyncap::capture::Inputs;
use program::{HOSTS, POOL, Scratch, check_refused, lyncap, run, words};

/// Time, bytes and flow of every packet of the captures in these files.
fn packets(files: &[PathBuf]) -> BTreeSet<(i64, Vec<u8>, String)> {
    let mut inputs = Inputs::open(files).unwrap();
    let mut packets = BTreeSet::new();
    while let Some(batch) = inputs.next_batch().unwrap() {
        for frame in &batch.frames {
            let line = batch.comments(frame).last().copied().unwrap_or_default().to_owned();
            // The first packet of what is extracted has the reasons too, and flows of a live run numbers of their own.
            let verdict = line.split(": ").nth(1).unwrap_or_default().splitn(3, ' ').nth(2).unwrap_or_default();
            if !line.contains(", ICMP error") {
                packets.insert((frame.at.0, frame.bytes.to_vec(), verdict.to_owned()));
            }
        }
    }
    assert_eq!(inputs.damage(), []);
    packets
}

fn live(more: &str) -> String {
    format!("live -r {POOL} -t {HOSTS} --no-tui --format jsonl {more}")
}

/// What is kept of a replay, at most as fast as can be.
fn kept(scratch: &Scratch, name: &str, more: &str) -> (BTreeSet<(i64, Vec<u8>, String)>, usize) {
    let directory = scratch.path(name);
    let answer = run(&words(&live(&format!("--speed max --write-flagged {directory} {more}"))));
    assert_eq!((answer.code, &*answer.err), (Some(1), ""));
    let files = fs::read_dir(&directory).unwrap().count();
    (packets(&[directory.into()]), files)
}

#[test]
fn what_is_kept_is_what_would_be_extracted() {
    let scratch = Scratch::new();
    let out = scratch.path("out.pcapng");
    assert_eq!(run(&words(&format!("extract {POOL} -t {HOSTS} --flagged -o {out}"))).code, Some(0));
    let extracted = packets(&[out.into()]);
    assert!(extracted.len() > 50);
    // What is judged once, when it is over, and what is judged while it goes on.
    for (name, interval) in [("once", "2h"), ("kept", "10s"), ("often", "100ms")] {
        let (all, files) = kept(&scratch, name, &format!("--interval {interval}"));
        assert_eq!((&all, files), (&extracted, 1), "{interval}");
    }
    let all = extracted;
    // Files by number and time; of what is gone the oldest went.
    let (some, files) = kept(&scratch, "some", "--flagged-every 5m --flagged-files 3");
    assert!(files == 3 && some.len() < all.len() && some.is_subset(&all), "{files} {}", some.len());
    let nothing = scratch.path("nothing");
    let answer = run(&words(&live(&format!("--speed max --fail-on never --write-flagged {nothing}"))));
    assert_eq!((answer.code, fs::read_dir(nothing).unwrap().count()), (Some(0), 0));
}

#[test]
fn what_cannot_be_done_is_one_line_with_the_remedy() {
    let scratch = Scratch::new();
    let file = scratch.file("file", "x");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    for (more, parts) in [
        (format!("--write-flagged {file}"), &["cannot write"][..]),
        (format!("--write-flagged {file}/a/b"), &["cannot write"]),
        ("--metrics 0.0.0.0:9464".to_owned(), &["127.0.0.1", "--metrics-anywhere"]),
        ("--metrics 9464".to_owned(), &["write 127.0.0.1:9464"]),
        (format!("--metrics {taken}"), &["name another port"]),
        ("--metrics-anywhere".to_owned(), &["--metrics"]),
        ("--flagged-size 1M".to_owned(), &["--write-flagged"]),
        ("--sandbox some".to_owned(), &["strict"]),
        ("--user no-such-user".to_owned(), &["--user no-such-user"]),
    ] {
        check_refused(&live(&more), parts);
    }
}

#[test]
fn a_limit_on_the_length_of_files_ends_no_run() {
    let scratch = Scratch::new();
    let directory = scratch.path("kept");
    let words = live(&format!("--speed max --write-flagged {directory}"));
    let script = format!("ulimit -f 8; exec {} {words} 2>&1", env!("CARGO_BIN_EXE_lyncap"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(fs::read_dir(&directory).unwrap().count() > 1);
    assert_eq!(packets(&[directory.into()]), kept(&scratch, "unlimited", "").0);
}

/// A run that goes on until it is told to end.
struct Run(Child);

impl Run {
    fn begin(more: &str) -> Self {
        let mut command = lyncap(&words(&live(&format!("--speed 60 {more}"))));
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// What it said on standard error, after SIGTERM.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }

    fn status(&self, key: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// The page, once a figure is on it.
fn page(port: u16, figure: &str) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
        if answer.lines().any(|line| line.starts_with(figure) && !line.ends_with(" 0.0")) {
            return answer;
        }
        assert!(Instant::now() < until, "{figure} is not on the page:\n{answer}");
        sleep(Duration::from_millis(100));
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_page_is_served_while_it_runs() {
    let scratch = Scratch::new();
    let (port, directory) = (free_port(), scratch.path("kept"));
    let run = Run::begin(&format!("--metrics 127.0.0.1:{port} --write-flagged {directory} --interval 1s"));
    let page = page(port, "lyncap_packets_total ");
    for figure in
        ["lyncap_flows{verdict=\"documented\"}", "lyncap_service_flows{", "lyncap_unwritten_packets_total 0.0"]
    {
        assert!(page.contains(figure), "{figure}\n{page}");
    }
    assert!(page.ends_with("# EOF\n"));
    let (code, said) = run.end();
    assert!(matches!(code, Some(0 | 1)), "{code:?} {said}");
}

#[test]
fn a_confined_run_does_the_same() {
    if !cfg!(target_os = "linux") || fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: run as root on Linux, who has something to give up");
        return;
    }
    let scratch = Scratch::new();
    let root = scratch.path("");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    // The capture has to be readable for the user that root becomes.
    let capture = scratch.path("pool.pcapng");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL), &capture).unwrap();
    fs::set_permissions(&capture, fs::Permissions::from_mode(0o644)).unwrap();
    let strict = lyncap(&words(&live("--speed max --sandbox strict"))).output().unwrap();
    let said = String::from_utf8_lossy(&strict.stderr).into_owned();
    if strict.status.code() == Some(2) {
        assert!(said.contains("--sandbox strict: not enforced: "), "{said}");
        eprintln!("skipped: {said}");
        return;
    }
    let (port, directory) = (free_port(), scratch.path("kept"));
    let line = format!(
        "live -r {capture} -t {HOSTS} --no-tui --format jsonl --speed 60 --interval 1s --sandbox strict -v \
         --metrics 127.0.0.1:{port} --write-flagged {directory}"
    );
    let mut command = lyncap(&words(&line));
    let run = Run(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    page(port, "lyncap_packets_total ");
    // Resident memory is still known: the one file of /proc that is read.
    page(port, "process_resident_memory_bytes ");
    for (key, expected) in [("Seccomp:", "2"), ("NoNewPrivs:", "1"), ("CapEff:", "0000000000000000")] {
        assert_eq!(run.status(key), expected, "{key}");
    }
    assert!(!run.status("Uid:").split_whitespace().any(|uid| uid == "0"));
    let (code, said) = run.end();
    assert!(matches!(code, Some(0 | 1)), "{code:?} {said}");
    assert!(said.contains("system calls: enforced (seccomp)") && said.contains("user: enforced"), "{said}");
    assert_ne!(fs::metadata(&directory).unwrap().uid(), 0, "root made it for the user");
    // To its end, and the same is kept.
    let whole = scratch.path("whole");
    let answer = run_to_end(&capture, &format!("--sandbox strict --write-flagged {whole}"));
    assert_eq!(answer, Some(1));
    let (all, _) = kept(&scratch, "free", "");
    assert_eq!(packets(&[whole.into()]), all);
}

#[test]
fn what_is_kept_of_rights_is_told_once_and_in_the_report() {
    if !cfg!(target_os = "linux") || fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: run as root on Linux, who can stay root");
        return;
    }
    let answer = run(&words(&format!("live -r {POOL} --no-tui --format json --speed max --sandbox on --user root")));
    let told = "this run kept rights that it did not need: user (it is to stay root)";
    assert!(answer.err.lines().count() == 1 && answer.err.contains(told), "{}", answer.err);
    assert!(answer.out.contains(told), "{}", answer.out);
    check_refused(&live("--speed max --sandbox strict --user root"), &["not enforced: user", "--sandbox on"]);
}

fn run_to_end(capture: &str, more: &str) -> Option<i32> {
    run(&words(&format!("live -r {capture} -t {HOSTS} --no-tui --format jsonl --speed max {more}"))).code
}

/// An interface that is watched by a run that gave up everything: it still captures, keeps, serves.
#[cfg(all(feature = "live", target_os = "linux"))]
#[test]
fn a_confined_run_watches_an_interface() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: run as root, who may capture");
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let (port, directory, listener) = (free_port(), scratch.path("kept"), TcpListener::bind("127.0.0.1:0").unwrap());
    let spoken = listener.local_addr().unwrap();
    let mut command = lyncap(&words(&format!(
        "live -i lo --no-tui --format jsonl --interval 1s --metrics 127.0.0.1:{port} --write-flagged {directory}"
    )));
    let filter = format!("port {}", spoken.port());
    command.args(["--filter", &filter]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = Run(command.spawn().unwrap());
    sleep(Duration::from_secs(1));
    if let Some(code) = run.0.try_wait().unwrap() {
        let mut said = String::new();
        run.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        eprintln!("skipped: {code}: {said}");
        return;
    }
    let talk = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"SSH-2.0-test\r\n"));
    let mut answer = Vec::new();
    TcpStream::connect(spoken).unwrap().read_to_end(&mut answer).unwrap();
    talk.join().unwrap().unwrap();
    page(port, "lyncap_kept_packets_total ");
    assert_eq!(run.status("CapEff:"), "0000000000000000");
    let (code, said) = run.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(packets(&[directory.into()]).len() > 5);
}
