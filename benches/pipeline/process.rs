//! Whole processes: what one takes.
//!
//! In: a program, its arguments, a capture. Out: wall and processor time, peak memory.
//! Must not know: the library, what is compared. Processor time and memory come from `/proc`; without it they are not told.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Outcome, PATIENCE, Samples};

/// This program, as it was built for the bench.
pub(crate) const PROGRAM: &str = match CHOSEN {
    Some(program) => program,
    None => env!("CARGO_BIN_EXE_lyncap"),
};
/// The program that whoever built this wants measured.
pub(crate) const CHOSEN: Option<&str> = option_env!("LYNCAP_BENCH_PROGRAM");

/// A program and its arguments. `{in}` stands for the capture, `{out}` for a file to write, `{dir}` for an empty
/// directory, `{port}` for a UDP port of this machine that takes everything.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) args: &'static [&'static str],
    /// After those.
    pub(crate) more: &'static [&'static str],
    /// Exit codes of a run that did its work.
    pub(crate) success: &'static [i32],
}

/// The main job. An audit that finds something ends with 1.
pub(crate) const AUDIT: Job = Job {
    name: "audit --format json -o FILE",
    program: PROGRAM,
    args: &["audit", "--format", "json", "-o", "{out}", "{in}"],
    more: &[],
    success: &[0, 1],
};

/// What everybody has.
pub(crate) const TCPDUMP: Job = Job {
    name: "tcpdump -nr F -w /dev/null",
    program: "tcpdump",
    args: &["-nr", "{in}", "-w", "/dev/null"],
    more: &[],
    success: &[0],
};

/// What makes a run use one core only; the others are up to the program.
pub(crate) const ONE_THREAD: &[&str] = &["--threads", "1"];

/// Times of one job, in seconds.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) wall: Samples,
    pub(crate) processor: Samples,
}

/// Runs all jobs in turn, `rounds` times. Out: each one's times, and the others' wall times over the first's, round by
/// round.
pub(crate) fn in_turn(jobs: &[Job], path: &Path, rounds: usize) -> Outcome<Vec<(Times, Samples)>> {
    let mut all: Vec<(Times, Samples)> = jobs.iter().map(|_| Default::default()).collect();
    let start = Instant::now();
    for _ in 0..rounds {
        let mut first = None;
        for (job, (times, ratios)) in jobs.iter().zip(&mut all) {
            let wall = job.time(path, times)?;
            ratios.push(wall / *first.get_or_insert(wall));
        }
        if start.elapsed() > PATIENCE {
            break;
        }
    }
    Ok(all)
}

impl Job {
    /// The same with more arguments.
    pub(crate) const fn with(self, more: &'static [&'static str]) -> Self {
        Self { more, ..self }
    }

    /// The first line that tells a number of what the program says of itself; `None` where it does not run.
    pub(crate) fn version(&self, asked: &str) -> Option<String> {
        let output = Command::new(self.program).arg(asked).stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let line = said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()))?;
        // What follows the number is advice, or who packed it.
        let number = line.find(|c: char| c.is_ascii_digit())?;
        let end = [". ", " (", ", "].iter().filter_map(|mark| line.get(number..)?.find(mark)).min();
        Some(line.get(..end.map_or(line.len(), |end| number + end))?.trim().to_owned())
    }

    fn command(&self, path: &Path, port: u16) -> Command {
        let argument = |arg: &&str| match *arg {
            "{in}" => path.into(),
            "{out}" => path.with_extension("out").into(),
            "{dir}" => path.with_extension("dir").into(),
            word => OsString::from(word.replace("{port}", &port.to_string())),
        };
        let mut command = Command::new(self.program);
        let args = self.args.iter().chain(self.more);
        command.args(args.map(argument)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What it needs is there, and nothing that a run before it left. The socket is never read: what is sent there
    /// fills its buffer and is gone.
    fn prepare(&self, path: &Path) -> io::Result<(Command, UdpSocket)> {
        let folder = path.with_extension("dir");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        let port = socket.local_addr()?.port();
        Ok((self.command(path, port), socket))
    }

    /// Runs it, notes its times, returns the wall time in seconds.
    fn time(&self, path: &Path, times: &mut Times) -> Outcome<f64> {
        let (mut command, _socket) = self.prepare(path)?;
        let before = children_seconds();
        let start = Instant::now();
        let status = command.status()?;
        let wall = start.elapsed().as_secs_f64();
        self.check(status)?;
        times.wall.push(wall);
        if let (Some(before), Some(after)) = (before, children_seconds()) {
            times.processor.push(after - before);
        }
        Ok(wall)
    }

    /// Peak resident memory in MiB of one run. Polling disturbs: this is no run to time.
    pub(crate) fn peak_memory(&self, path: &Path) -> Outcome<Option<f64>> {
        let (mut command, _socket) = self.prepare(path)?;
        let mut child = command.spawn()?;
        let mut peak = None;
        loop {
            // Gone once the process has let go of its memory, so the latest answer stands.
            peak = high_water(&child.id().to_string()).or(peak);
            if let Some(status) = child.try_wait()? {
                self.check(status)?;
                return Ok(peak);
            }
            thread::sleep(Duration::from_micros(500));
        }
    }

    /// Processor time of one run, in seconds: of its first thread only.
    pub(crate) fn processor_time(&self, path: &Path) -> Outcome<Option<f64>> {
        let (mut command, _socket) = self.prepare(path)?;
        let mut child = command.spawn()?;
        let time = spent_at_its_end(&child);
        self.check(child.wait()?)?;
        Ok(time)
    }

    fn check(&self, status: ExitStatus) -> Outcome<()> {
        match status.code() {
            Some(code) if self.success.contains(&code) => Ok(()),
            _ => Err(format!("{}: {status}", self.name).into()),
        }
    }
}

/// Whether the program knows `--threads`.
pub(crate) fn knows_threads() -> bool {
    let help = Command::new(PROGRAM).args(["audit", "--help"]).output();
    help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--threads"))
}

/// A number of MiB, where it is known.
pub(crate) fn mebibytes(peak: Option<f64>) -> String {
    peak.map_or_else(|| "-".to_owned(), |mebibytes| format!("{mebibytes:.1}"))
}

/// What a child has taken by the time it has ended and nobody has asked how: `/proc/PID/schedstat`, in nanoseconds.
fn spent_at_its_end(child: &Child) -> Option<f64> {
    let folder = Path::new("/proc").join(child.id().to_string());
    loop {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        if fields.starts_with('Z') {
            let spent = fs::read_to_string(folder.join("schedstat")).ok()?;
            return Some(spent.split(' ').next()?.parse::<f64>().ok()? / 1e9);
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// User and system time of all children that have ended, in seconds, to the hundredth (proc(5)).
fn children_seconds() -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, which may itself hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut children = fields.split(' ').skip(13).map_while(|field| field.parse::<f64>().ok());
    Some((children.next()? + children.next()?) / TICKS_A_SECOND)
}

/// The most memory that a process, or `self`, has had resident, in MiB.
pub(crate) fn high_water(process: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
