//! The screen of `lyncap live` on a terminal: what it shows, its keys, and that it leaves the terminal as it found it.
//!
//! In: `fixtures/`, terminals made here. Out: whether it does. Must not know: how flows are judged.
#![cfg(target_os = "linux")]
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]

mod program;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use lyncap::live::{Controls, Events, Observer, Outlet, Picture, Setup};
use lyncap::report::audit::Finding;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use program::{HOSTS, POOL, Scratch, words};

/// A terminal of its own, with a program on it.
struct Tty {
    child: Child,
    keys: File,
    slave: OwnedFd,
    before: Termios,
    seen: Arc<Mutex<Vec<u8>>>,
    hung_up: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    size: (u16, u16),
}

/// Enters the alternate screen, leaves it, shows the cursor. (xterm, "Control Sequences", DECSET 1049 and 25.)
const ENTERED: &str = "\x1b[?1049h";
const LEFT: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

impl Tty {
    /// A program on a terminal of so many columns and lines, which is also the one that controls it.
    fn run(size: (u16, u16), program: &str, words: &[&str], settings: &[(&str, &str)]) -> Self {
        // Whatever is started inherits what was just opened: one at a time.
        static OPENING: Mutex<()> = Mutex::new(());
        let _opening = OPENING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let window = Winsize { ws_col: size.0, ws_row: size.1, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&window), None).unwrap();
        // Copies are not inherited by programs, the original would be.
        let (master, slave) = (pty.master.try_clone().unwrap(), pty.slave.try_clone().unwrap());
        drop(pty);
        let before = tcgetattr(&slave).unwrap();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
        for setting in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
            command.env_remove(setting);
        }
        command.env("TERM", "xterm").env("TZ", "UTC").envs(settings.iter().copied());
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let (seen, hung_up) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicBool>::default());
        let keys = File::from(master.try_clone().unwrap());
        let (to, until) = (Arc::clone(&seen), Arc::clone(&hung_up));
        let reader = std::thread::spawn(move || read(File::from(master), &to, &until));
        Self { child, keys, slave, before, seen, hung_up, reader: Some(reader), size }
    }

    /// `lyncap live` with these words.
    fn live(size: (u16, u16), line: &str, settings: &[(&str, &str)]) -> Self {
        let line = format!("live {line}");
        Self::run(size, env!("CARGO_BIN_EXE_lyncap"), &words(&line), settings)
    }

    /// A replay of the pool's day, slow enough to look at.
    fn replay(settings: &[(&str, &str)]) -> Self {
        Self::live((80, 24), &format!("-r {POOL} -t {HOSTS} --speed 100"), settings)
    }

    fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }

    /// All that was written, as text.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// What a terminal shows by now.
    fn shown(&self) -> String {
        let [rows, columns] = [self.size.1, self.size.0].map(|n| n.try_into().unwrap());
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        terminal.process(&self.bytes());
        terminal.screen().contents()
    }

    /// Waits until it shows something, or no longer does.
    fn until(&self, there: bool, what: &str) -> &Self {
        let begun = Instant::now();
        while self.shown().contains(what) != there {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{what:?} {there}:\n{}\n{:?}",
                self.shown(),
                self.text()
            );
            sleep(Duration::from_millis(20));
        }
        self
    }

    /// Waits until this was written so often.
    fn written(&self, times: usize, what: &str) -> &Self {
        let begun = Instant::now();
        while self.text().matches(what).count() < times {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what:?} {times}:\n{}", self.text());
            sleep(Duration::from_millis(20));
        }
        self
    }

    fn press(&mut self, keys: &str) -> &Self {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn is_changed(&self) -> bool {
        tcgetattr(&self.slave).unwrap() != self.before
    }

    /// Its code once it has ended, and what it wrote after it left the screen; the terminal is as it was.
    fn end(mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(begun.elapsed() < Duration::from_secs(20), "it does not end:\n{}", self.shown()),
            }
            sleep(Duration::from_millis(20));
        };
        sleep(Duration::from_millis(100));
        assert!(!self.is_changed(), "the terminal's modes are others");
        let text = self.text();
        assert!(!text.contains("\x1b[6n") && !text.contains("\x1b[c"), "the terminal is asked, and may not answer");
        assert_eq!(text.matches(ENTERED).count(), text.matches(LEFT).count(), "{text:?}");
        let after = text.rsplit_once(LEFT).map_or_else(|| text.clone(), |(_, after)| after.to_owned());
        assert!(!text.contains(ENTERED) || after.contains(CURSOR), "the cursor is hidden: {after:?}");
        self.hang_up();
        (status.code(), after)
    }

    /// The terminal is gone.
    fn hang_up(&mut self) {
        self.hung_up.store(true, Ordering::Relaxed);
        self.reader.take().into_iter().for_each(|reader| reader.join().unwrap());
        self.keys = File::open("/dev/null").unwrap();
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.hung_up.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut master: File, to: &Mutex<Vec<u8>>, until: &AtomicBool) {
    let mut bytes = [0; 4096];
    while !until.load(Ordering::Relaxed) {
        let mut polled = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut polled, PollTimeout::from(50_u8)).unwrap() > 0 {
            let Ok(length) = master.read(&mut bytes) else { return };
            to.lock().unwrap().extend_from_slice(&bytes[..length]);
        }
    }
}

#[test]
fn it_shows_what_goes_on_and_obeys_each_key() {
    let mut tty = Tty::replay(&[]);
    tty.until(true, "S03").until(true, "> SERVICES").until(true, "documented").until(true, "2026-03-02 0");
    tty.until(true, "no frames dropped").until(true, "q quit").until(true, "pool-day.pcapng up");
    tty.until(true, "memory").until(true, "frames/s").until(true, "undocumented-flow");
    assert!(tty.is_changed());
    for (keys, there, what) in [
        ("\t", true, "> FINDINGS"),
        ("l", true, "> UNDOCUMENTED TALKERS"),
        ("h", true, "> FINDINGS"),
        ("\x1b[Z", true, "> SERVICES"),
        ("\x1b[C", true, "> FINDINGS"),
        ("\x1b[D", true, "> SERVICES"),
        ("s", true, "SERVICES 1"),
        ("s", true, "by service"),
        ("S", true, "by service, reversed"),
        ("r", false, "reversed"),
        ("f", true, "FROZEN"),
        (" ", false, "FROZEN"),
        ("/s03\r", true, "filter: s03"),
        ("\r", true, "WHO OPENED IT"),
        ("G", false, "WHO OPENED IT"),
        ("g", true, "WHO OPENED IT"),
        ("\x1b[6~", false, "Community ID"),
        ("\x1b[5~", true, "Community ID"),
        ("jjjjjj", false, "Community ID"),
        ("kkkkkk", true, "Community ID"),
        ("\x1b[F", true, "FINDINGS  of this flow"),
        ("\x1b[H", true, "Community ID"),
        ("\x1b", false, "Community ID"),
        ("\x1b", false, "filter:"),
        ("?", true, "KEYS"),
        ("?", false, "KEYS"),
        ("\x0c", true, "SERVICES"),
    ] {
        tty.press(keys).until(there, what);
    }
    // There is no shell that it could be left to: it goes on.
    tty.press("\x1a").written(2, ENTERED);
    tty.until(true, "SERVICES");
    tty.until(true, "low ");
    tty.press("q");
    let (code, after) = tty.end();
    assert!(
        code.is_some_and(|code| code < 2) && after.contains("SERVICES SEEN") && after.contains("FINDINGS"),
        "{after}"
    );
}

#[test]
fn its_size_is_that_of_the_terminal() {
    let mut tty = Tty::replay(&[]);
    tty.until(true, "> SERVICES");
    for (columns, rows, there, what) in [
        (200, 50, true, "first seen"),
        (80, 24, false, "first seen"),
        (30, 8, true, "too small"),
        (80, 18, true, "> SERVICES"),
        (80, 18, false, "TALKERS"),
    ] {
        let stty = Command::new("stty")
            .args(["cols", &columns.to_string(), "rows", &rows.to_string()])
            .stdin(Stdio::from(tty.slave.try_clone().unwrap()))
            .status();
        assert!(stty.unwrap().success());
        tty.size = (columns, rows);
        tty.seen.lock().unwrap().clear();
        tty.until(there, what);
    }
    // What it entered was cleared above.
    tty.seen.lock().unwrap().extend(ENTERED.bytes());
    tty.press("q");
    assert_eq!(tty.end().0, Some(0), "nothing bad happens so early in the day");
}

#[test]
fn the_terminal_is_as_it_was_however_it_ends() {
    for end in ["q", "\x03", "TERM", "INT", "duration", "file"] {
        let more = if end == "duration" { "--duration 3m" } else { "" };
        let speed = if end == "file" { "max" } else { "100" };
        let mut tty = Tty::live((80, 24), &format!("-r {POOL} -t {HOSTS} --speed {speed} {more}"), &[]);
        if end != "file" {
            tty.until(true, "> SERVICES");
            assert!(tty.is_changed());
        }
        match end {
            "TERM" => tty.signal(Signal::SIGTERM),
            "INT" => tty.signal(Signal::SIGINT),
            "duration" | "file" => {}
            key => drop(tty.press(key)),
        }
        let entered = tty.text().contains(ENTERED) || end == "file";
        let (code, after) = tty.end();
        assert!(entered && after.contains("SERVICES SEEN"), "{end}: {after}");
        // The later, the worse the day.
        assert_eq!(code, Some(if end == "file" { 1 } else { 0 }), "{end}");
    }
}

/// Nobody reads what the engine writes: it cannot end with its report.
#[test]
fn asked_twice_it_ends_at_once() {
    for key in [false, true] {
        let scratch = Scratch::new();
        let pipe = scratch.path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut tty = Tty::live((80, 24), &format!("-r {POOL} --speed max -f jsonl -o {pipe}"), &[]);
        let full = File::open(&pipe).unwrap();
        tty.until(true, "q quit");
        // By then the pipe is full.
        sleep(Duration::from_secs(1));
        for _ in 0..2 {
            let ended = tty.child.try_wait().unwrap();
            assert!(ended.is_none() && tty.is_changed(), "{ended:?} {}\n{:?}", tty.shown(), tty.text());
            match key {
                true => drop(tty.press("\x03")),
                false => tty.signal(Signal::SIGINT),
            }
            sleep(Duration::from_millis(400));
        }
        assert_eq!(tty.end(), (Some(130), CURSOR.to_owned()));
        drop(full);
    }
}

#[test]
fn a_panic_is_told_on_a_terminal_that_is_as_it_was() {
    for of in ["this_panics_beside_a_screen", "this_panics_in_a_screen"] {
        let program = std::env::current_exe().unwrap();
        let words = ["--ignored", "--exact", "--nocapture", of];
        let tty = Tty::run((80, 24), program.to_str().unwrap(), &words, &[]);
        tty.written(1, ENTERED).written(1, "on purpose");
        let (code, after) = tty.end();
        assert_eq!(code, Some(101));
        assert!(after.contains("on purpose"), "{after:?}");
    }
}

fn screen() -> lyncap::screen::Screen {
    let style = lyncap::screen::Style { colour: true, clock: lyncap::report::text::Clock::Utc, aborted: 130 };
    let screen = lyncap::screen::Screen::open(lyncap::screen::Flags::default(), style).unwrap();
    sleep(Duration::from_millis(300));
    screen
}

#[test]
#[ignore = "run on a terminal by another test"]
fn this_panics_beside_a_screen() {
    let _screen = screen();
    panic!("on purpose");
}

#[test]
#[ignore = "run on a terminal by another test"]
fn this_panics_in_a_screen() {
    let screen = screen();
    let panicked = std::thread::spawn(move || {
        lyncap::screen::terminal::with(|| -> std::io::Result<()> { panic!("on purpose, while it draws") })
    });
    assert!(panicked.join().is_err());
    drop(screen);
    panic!("and once more");
}

/// A session that is cut off: what was seen is reported, to the file, and nothing goes on.
#[test]
fn without_its_terminal_it_ends() {
    let scratch = Scratch::new();
    let file = scratch.path("report");
    let mut tty = Tty::live((80, 24), &format!("-r {POOL} --speed 100 -o {file}"), &[]);
    tty.until(true, "> SERVICES");
    tty.hang_up();
    let begun = Instant::now();
    while tty.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it goes on");
        sleep(Duration::from_millis(20));
    }
    assert!(std::fs::read_to_string(file).unwrap().contains("SERVICES SEEN"));
}

#[test]
fn lines_are_written_where_they_are_asked_for() {
    let scratch = Scratch::new();
    let words = |line: &str| format!("-r {POOL} -t {HOSTS} --speed max --utc {line}");
    for (line, settings, said) in [
        ("--no-tui", &[][..], " high contradicted-payload desks -> fe02 tcp/5071: "),
        ("", &[("TERM", "dumb")], " high contradicted-payload desks -> fe02 tcp/5071: "),
        ("--format jsonl", &[], "\"type\":\"summary\""),
        ("--format json", &[], "\"type\":\"audit\""),
    ] {
        let tty = Tty::live((80, 24), &words(line), settings);
        tty.written(1, said);
        assert!(!tty.text().contains(ENTERED), "{line}");
        assert_eq!(tty.end().0, Some(1));
    }
    // A file has its events, and the terminal its screen.
    let file = scratch.path("events");
    let tty = Tty::live((80, 24), &words(&format!("--format jsonl -o {file}")), &[]);
    tty.written(1, LEFT);
    assert_eq!(tty.end(), (Some(1), CURSOR.to_owned()));
    let events = std::fs::read_to_string(file).unwrap();
    assert!(events.lines().last().unwrap().contains("\"type\":\"summary\""));
}

/// Where events go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Outlet for Log {
    fn reopen(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Looks after each batch.
struct Eager(Arc<Mutex<Vec<Picture>>>);

impl Observer for Eager {
    fn wants_picture(&mut self) -> bool {
        true
    }

    fn picture(&mut self, picture: Picture) {
        self.0.lock().unwrap().push(picture);
    }
}

/// The events of a replay as fast as can be, without what depends on the moment; and what was seen.
fn replayed(looks: bool) -> (Vec<String>, Vec<Picture>) {
    let mut topology = lyncap::topology::Topology::default();
    topology.declare("10.0.0.11=front-end").unwrap();
    let catalogs = lyncap::catalog::Catalogs::new(&[], Vec::new(), &topology.site).unwrap();
    let policy = lyncap::report::audit::Policy::default();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL);
    let mut feed = lyncap::capture::Replay::new(lyncap::capture::Inputs::open(&[path]).unwrap(), None);
    let clock = lyncap::report::text::Clock::Utc;
    let setup = Setup {
        options: lyncap::pipeline::Options::default(),
        catalogs: &catalogs,
        topology: &topology,
        policy: &policy,
        interval_ns: 10_000_000_000,
        active_ns: 60_000_000_000,
        duration_ns: None,
        frames: None,
        flags: None,
        held_beside: 0,
        pictures: looks.then_some(clock),
        notes: Vec::new(),
    };
    let (log, seen) = (Log::default(), Arc::<Mutex<Vec<Picture>>>::default());
    let look = lyncap::report::table::Look { width: 80, colour: false, clock };
    let mut events = Events::new(log.clone(), lyncap::report::Format::Jsonl, look, "log".into());
    let observers: Vec<Box<dyn Observer>> = if looks { vec![Box::new(Eager(Arc::clone(&seen)))] } else { Vec::new() };
    lyncap::live::run(&mut feed, setup, &Controls::default(), &mut events, observers, |_, _| Ok(())).unwrap();
    let strip = |line: &str| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(live) = event["live"].as_object_mut() {
            ["uptime_s", "memory_resident"].iter().for_each(|field| drop(live.remove(*field)));
        }
        event.to_string()
    };
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text.lines().map(strip).collect(), std::mem::take(&mut *seen.lock().unwrap()))
}

#[test]
fn whoever_looks_changes_nothing() {
    let ((unseen, none), (seen, pictures)) = (replayed(false), replayed(true));
    assert!(none.is_empty() && pictures.len() > 50, "{}", pictures.len());
    assert_eq!(unseen, seen);
    let last = pictures.last().unwrap();
    assert!(last.services.iter().all(Option::is_some), "every service has a flow to explain");
    let told =
        |finding: &Finding| format!("{} {} {} {}", finding.kind, finding.initiator, finding.responder, finding.count);
    let (explained, not): (Vec<_>, Vec<_>) = last.findings.iter().partition(|(_, explained)| explained.is_some());
    let not: Vec<_> = not.iter().map(|(finding, _)| told(finding)).collect();
    assert!(explained.len() > 10 && not.is_empty(), "{} {not:#?}", explained.len());
    assert!(explained.iter().all(|(_, explained)| explained.as_ref().unwrap().text(80).contains("WHO OPENED IT")));
}

#[test]
fn colours_are_for_those_who_want_them() {
    for (line, settings, coloured) in [
        ("", &[][..], true),
        ("", &[("NO_COLOR", "1")], false),
        ("--color never", &[], false),
        ("--color always", &[("NO_COLOR", "1")], true),
    ] {
        let mut tty = Tty::live((80, 24), &format!("-r {POOL} -t {HOSTS} --speed 100 {line}"), settings);
        tty.until(true, "S03").until(true, "undocumented-flow");
        tty.press("q");
        let text = tty.text();
        // SGR 30 to 38 and 40 to 48, and their bright forms, are colours; 39 and 49 are the terminal's own.
        let codes = text.split("\x1b[").skip(1).filter_map(|part| part.split_once('m').map(|(codes, _)| codes));
        let numbers = codes
            .filter(|codes| codes.chars().all(|c| c.is_ascii_digit() || c == ';'))
            .flat_map(|codes| codes.split(';').filter_map(|code| code.parse::<u16>().ok()).collect::<Vec<_>>());
        let colours: Vec<_> = numbers.filter(|code| matches!(code, 30..=38 | 40..=48 | 90..=107)).collect();
        assert_eq!(!colours.is_empty(), coloured, "{line} {settings:?}: {colours:?}");
        assert!(tty.end().1.contains("SERVICES SEEN"));
    }
}

/// Confined as far as can be; on an interface where there can be one. As root only.
#[test]
fn it_is_as_well_in_a_sandbox() {
    let allowed = Command::new("unshare").args(["-n", "true"]).stderr(Stdio::null()).status();
    if !allowed.as_ref().is_ok_and(std::process::ExitStatus::success) {
        assert!(std::env::var_os("CI").is_none() || allowed.is_ok(), "unshare is not installed");
        println!("skipped: no network namespace can be made here (not root, or no unshare)");
        return;
    }
    let program = env!("CARGO_BIN_EXE_lyncap");
    let replay = format!("-r {POOL} --speed 50");
    let sources = if cfg!(feature = "live") { vec!["-i lo", &*replay] } else { vec![&*replay] };
    for (source, sandbox) in sources.iter().flat_map(|source| [(source, "strict"), (source, "on")]) {
        let script = format!("ip link set lo up && exec {program} live {source} --sandbox {sandbox} --utc");
        let mut tty = Tty::run((80, 24), "unshare", &["-n", "sh", "-c", &script], &[]);
        let begun = Instant::now();
        while !tty.text().contains(ENTERED) && tty.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            sleep(Duration::from_millis(20));
        }
        if sandbox == "strict" && tty.text().contains("not enforced") {
            println!("skipped: this system cannot confine strictly: {}", tty.text());
            continue;
        }
        tty.until(true, if source.starts_with("-i") { "lo up" } else { "pool-day.pcapng up" })
            .until(true, "> SERVICES");
        tty.press("?").until(true, "KEYS");
        let stty = Command::new("stty").args(["cols", "120"]).stdin(tty.slave.try_clone().unwrap()).status();
        assert!(stty.unwrap().success());
        tty.size.0 = 120;
        tty.press("\x1b").until(true, "> SERVICES");
        tty.press("q");
        let (code, after) = tty.end();
        assert!(code == Some(0) && after.contains("SERVICES SEEN"), "{code:?} {after}");
    }
}
