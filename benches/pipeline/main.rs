//! How fast, and how much memory: stage by stage, end to end, beside other programs, as flows grow; and what is allowed.
//!
//! In: sizes from the environment. Out: tables on standard output. Must not know: what a good figure is.
//!
//! `cargo bench --bench pipeline` takes a minute or two. For figures worth keeping, on an idle machine with 16 GiB of
//! memory and 10 GB in the temporary directory, in less than an hour:
//! `LYNCAP_BENCH_FULL=1 LYNCAP_BENCH_CHART=benches/record/growth.svg cargo bench --bench pipeline`.
//! Captures go to the system's temporary directory and are removed. Peers that are not installed are skipped; Debian
//! has them as tcpdump, nfdump, argus-server, softflowd, libndpi-bin and tshark.
//!
//! | variable | means | default |
//! |---|---|---|
//! | `LYNCAP_BENCH_FULL` | set: 4 million packets | |
//! | `LYNCAP_BENCH_PACKETS` | packets of the mixed capture; 2.5 times as many of the cut one, half of the flood | 200000 |
//! | `LYNCAP_BENCH_FLOWS` | flows of the mixed and the cut capture | a fortieth of the packets |
//! | `LYNCAP_BENCH_ROUNDS` | repetitions, unless one thing has taken a minute | 7 |
//! | `LYNCAP_BENCH_ONLY` | names of parts, with commas between | all but `instructions` |
//! | `LYNCAP_BENCH_CHART` | a file: what a packet costs as flows grow, as SVG | |
//! | `LYNCAP_BENCH_BLESS` | set: `instructions` writes what it counts to `benches/record/instructions.toml` | |
//! | `LYNCAP_BENCH_SMOKE` | set: 2000 packets, one round; also where `cargo test` runs it | |
//! | `LYNCAP_BENCH_PROGRAM` | while this is built: the program that is measured | what cargo builds beside it |
//! | `LYNCAP_BENCH_KEEP` | set: leave the captures where they are, and say where | |
//!
//! | part | measures | on |
//! |---|---|---|
//! | `stages` | the library's stages in one process | mixed, cut, flood |
//! | `programs` | whole processes, with one thread and all cores, beside tcpdump | mixed, cut, flood |
//! | `peers` | the same beside other programs that make flows | mixed, cut, flood; the slow ones on a quarter |
//! | `memory` | bytes a flow, and that the file does not count | floods of 1 and 10 million flows (full), mixed |
//! | `growth` | a packet, as flows grow to 10 million (full) | a crowd of 20 million packets (full) |
//! | `startup` | the smallest command, the executable | |
//! | `instructions` | instructions a packet, held to a committed figure; fails where one grew | small captures |
//!
//! | file | knows |
//! |---|---|
//! | `script` `generate` | how a capture is made |
//! | `process` | what a process takes |
//! | `measure` | repetition, medians |
//! | `budgets` | what is allowed |
//! | `chart` | SVG |
#![allow(clippy::print_stdout, reason = "the tables are the result")]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use budgets::Figures;
use generate::{Kind, Size};
use measure::Outcome;

mod budgets;
mod chart;
#[path = "../../tests/common/mod.rs"]
mod common;
mod generate;
mod growth;
mod instructions;
mod measure;
mod memory;
mod peers;
mod process;
mod programs;
mod script;
mod stages;
mod startup;

/// What is measured, and how much of it.
struct Plan {
    packets: u32,
    flows: u32,
    rounds: usize,
    parts: Vec<String>,
    chart: Option<PathBuf>,
}

const PARTS: &[&str] = &["stages", "programs", "peers", "memory", "growth", "startup"];
/// Only where it is asked for.
const GUARD: &str = "instructions";

impl Plan {
    fn from_environment() -> Outcome<Self> {
        // `cargo bench` says `--bench`; `cargo test --benches` only wants to see it run.
        let smoke = env::var_os("LYNCAP_BENCH_SMOKE").is_some() || env::args().all(|arg| arg != "--bench");
        let full = env::var_os("LYNCAP_BENCH_FULL").is_some();
        let (packets, rounds) = match (smoke, full) {
            (true, _) => (2_000, 1),
            (false, false) => (200_000, 7),
            (false, true) => (4_000_000, 7),
        };
        let packets = number("LYNCAP_BENCH_PACKETS", packets)?.clamp(2_000, MOST_PACKETS);
        let flows = number("LYNCAP_BENCH_FLOWS", packets / 40)?;
        let rounds = number("LYNCAP_BENCH_ROUNDS", rounds)?.max(1) as usize;
        let parts = match env::var("LYNCAP_BENCH_ONLY") {
            Ok(names) => names.split(',').map(str::to_owned).collect(),
            Err(_) => PARTS.iter().copied().map(str::to_owned).collect::<Vec<_>>(),
        };
        if let Some(name) = parts.iter().find(|&name| name != GUARD && !PARTS.contains(&name.as_str())) {
            return Err(
                format!("LYNCAP_BENCH_ONLY: no part is called {name}; {} and {GUARD} are", PARTS.join(", ")).into()
            );
        }
        Ok(Self { packets, flows, rounds, parts, chart: env::var_os("LYNCAP_BENCH_CHART").map(PathBuf::from) })
    }

    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|name| name == part)
    }
}

/// Multiples of it are counted in 32 bits.
const MOST_PACKETS: u32 = 100_000_000;

fn main() -> Outcome<()> {
    if memory::only_reads()? {
        return Ok(());
    }
    let plan = Plan::from_environment()?;
    let folder = Folder::new()?;
    let mut figures = Figures::default();
    println!("lyncap {} on {}, {} cores", env!("CARGO_PKG_VERSION"), processor(), cores());
    if ["stages", "programs", "peers"].iter().any(|part| plan.has(part)) {
        let packets = plan.packets;
        each_capture(&plan, &folder.path, "mixed", Kind::Mixed, packets, &mut figures)?;
        each_capture(&plan, &folder.path, "cut", Kind::Cut, packets / 2 * 5, &mut figures)?;
        each_capture(&plan, &folder.path, "flood", Kind::Flood, packets.div_ceil(2), &mut figures)?;
    }
    if plan.has("memory") {
        memory::run(&folder.path, [plan.packets / 4, plan.packets / 2 * 5], plan.packets, &mut figures)?;
    }
    if plan.has("growth") {
        growth::run(&folder.path, plan.packets * 5, plan.rounds.min(3), plan.chart.as_deref())?;
    }
    if plan.has("startup") {
        startup::run(&folder.path, &mut figures)?;
    }
    figures.print();
    if plan.has(GUARD) {
        instructions::run(&folder.path)?;
    }
    Ok(())
}

/// What is measured on a capture of each kind.
fn each_capture(
    plan: &Plan,
    folder: &Path,
    name: &str,
    kind: Kind,
    packets: u32,
    figures: &mut Figures,
) -> Outcome<()> {
    let path = folder.join(name).with_extension("pcap");
    let size = make(name, kind, packets, plan.flows, &path)?;
    if plan.has("stages") {
        stages::run(name, &path, &size, plan.rounds, figures)?;
    }
    if plan.has("programs") {
        programs::run(name, &path, &size, plan.rounds, figures)?;
    }
    if plan.has("peers") {
        let small = folder.join(format!("{name}-small.pcap"));
        make("small", kind, packets / 4, plan.flows / 4, &small)?;
        peers::run(name, &path, &small, plan.rounds, figures)?;
        discard(&small)?;
    }
    discard(&path)
}

/// Writes a capture and says what it is.
fn make(name: &str, kind: Kind, packets: u32, flows: u32, path: &Path) -> Outcome<Size> {
    let start = Instant::now();
    let size = generate::write(kind, packets, flows, path)?;
    println!(
        "\n{name}: {} packets, {} flows, {} bytes ({} a packet), written in {:.1} s",
        size.packets,
        size.flows,
        size.bytes,
        size.bytes / u64::from(size.packets),
        start.elapsed().as_secs_f64(),
    );
    Ok(size)
}

/// The next capture needs its place in the system's cache.
fn discard(path: &Path) -> Outcome<()> {
    for path in [path.to_owned(), path.with_extension("out")] {
        if env::var_os("LYNCAP_BENCH_KEEP").is_none() && path.exists() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A number from the environment.
fn number(name: &str, default: u32) -> Outcome<u32> {
    match env::var(name) {
        Ok(text) => text.parse().map_err(|error| format!("{name}={text}: {error}").into()),
        Err(env::VarError::NotPresent) => Ok(default),
        Err(error) => Err(format!("{name}: {error}").into()),
    }
}

/// Where the captures are while they are needed.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("lyncap-bench-{}", std::process::id()));
        // Fails where something of that name is there already.
        fs::create_dir(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if env::var_os("LYNCAP_BENCH_KEEP").is_some() {
            println!("\ncaptures left in {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            println!("\ncannot remove {}: {error}", self.path.display());
        }
    }
}

/// The processor's name, where the system tells.
fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|rest| rest.split_once(':'));
    name.map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
