//! End to end: whole processes of this program, each paired with one of tcpdump's on the same file.
//!
//! In: a capture. Out: a table: wall and processor time, ratios pair by pair, peak memory.
//! Must not know: the library. Processor time and memory come from `/proc`; without it they are not told.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::generate::Size;
use crate::measure::{Outcome, Samples};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lyncap");

/// A program and its arguments; `{in}` stands for the capture, `{out}` for a file to write.
struct Job {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// Exit codes of a run that did its work.
    success: &'static [i32],
}

/// What the others are held to.
const RIVAL: Job = Job {
    name: "tcpdump -nr F -w /dev/null",
    program: "tcpdump",
    args: &["-nr", "{in}", "-w", "/dev/null"],
    success: &[0],
};

/// An audit that finds something ends with 1.
const OWN: &[Job] = &[
    Job {
        name: "audit --format json -o FILE",
        program: PROGRAM,
        args: &["audit", "--format", "json", "-o", "{out}", "{in}"],
        success: &[0, 1],
    },
    Job { name: "audit", program: PROGRAM, args: &["audit", "{in}"], success: &[0, 1] },
    Job {
        name: "flows --format csv -o FILE",
        program: PROGRAM,
        args: &["flows", "--format", "csv", "-o", "{out}", "{in}"],
        success: &[0],
    },
];

/// Times of one job.
#[derive(Default)]
struct Times {
    wall: Samples,
    processor: Samples,
}

/// Runs every job `pairs` times, alternating with the rival, and prints how they did.
pub(crate) fn run(path: &Path, size: &Size, pairs: usize) -> Outcome<()> {
    let rival = rival_version();
    match &rival {
        Some(version) => println!("against {version}"),
        None => println!("tcpdump is not here: its half of the pairs is skipped"),
    }
    println!(
        "{:<30} {:>26} {:>26} {:>10} {:>9}",
        "ms: least, median, most", "wall", "user+sys", "packets/s", "peak MiB"
    );
    for job in OWN {
        // Once for the caches, and for the memory, whose polling would disturb a measurement.
        let peak = job.peak_memory(path)?;
        let (mut own, mut other, mut ratios) = (Times::default(), Times::default(), Samples::default());
        for _ in 0..pairs {
            let mine = job.time(path, &mut own)?;
            if rival.is_some() {
                ratios.push(mine / RIVAL.time(path, &mut other)?);
            }
        }
        own.print(job.name, size, peak);
        if rival.is_some() {
            other.print(RIVAL.name, size, None);
            let processor = own.processor.median() / other.processor.median();
            println!("  {:<28} {ratios:8.2}   (of median user+sys: {processor:.2})", "ratio, pair by pair");
        }
    }
    Ok(())
}

/// The first line of what it says of itself; `None` where it does not run.
fn rival_version() -> Option<String> {
    let output = Command::new(RIVAL.program).arg("--version").output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let lines: Vec<_> = str::from_utf8(&said).ok()?.lines().take(2).map(str::to_owned).collect();
    Some(lines.join(", "))
}

impl Job {
    fn command(&self, path: &Path) -> Command {
        let argument = |arg: &&str| match *arg {
            "{in}" => path.into(),
            "{out}" => path.with_extension("out").into(),
            word => OsString::from(word),
        };
        let mut command = Command::new(self.program);
        command.args(self.args.iter().map(argument)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs it, notes its times, returns the wall time in seconds.
    fn time(&self, path: &Path, times: &mut Times) -> Outcome<f64> {
        let mut command = self.command(path);
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

    /// Peak resident memory in MiB of one run.
    fn peak_memory(&self, path: &Path) -> Outcome<Option<f64>> {
        let mut child = self.command(path).spawn()?;
        let mut peak = None;
        loop {
            // Gone once the process has let go of its memory, so the latest answer stands.
            peak = high_water(child.id()).or(peak);
            if let Some(status) = child.try_wait()? {
                self.check(status)?;
                return Ok(peak);
            }
            thread::sleep(Duration::from_micros(500));
        }
    }

    fn check(&self, status: ExitStatus) -> Outcome<()> {
        match status.code() {
            Some(code) if self.success.contains(&code) => Ok(()),
            _ => Err(format!("{}: {status}", self.name).into()),
        }
    }
}

impl Times {
    fn print(&self, name: &str, size: &Size, peak: Option<f64>) {
        let [wall, processor] = [&self.wall, &self.processor].map(|seconds| seconds.times(1e3));
        let rate = f64::from(size.packets) / self.wall.median();
        let peak = peak.map_or_else(String::new, |mebibytes| format!("{mebibytes:.1}"));
        println!("  {name:<28} {wall:8.0} {processor:8.0} {rate:>10.0} {peak:>9}");
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

/// The most memory that a process has had resident, in MiB.
fn high_water(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
