//! How fast: packets a second, stage by stage and end to end, beside `tcpdump -nr F -w /dev/null`.
//!
//! In: sizes from the environment. Out: tables on standard output. Must not know: what a good figure is.
//!
//! `cargo bench --bench pipeline` takes seconds; for figures worth keeping
//! `LYNCAP_BENCH_PACKETS=4000000 LYNCAP_BENCH_FLOWS=100000 cargo bench --bench pipeline` on an idle machine.
//! Captures go to the system's temporary directory and are removed.
//!
//! | variable | means | default |
//! |---|---|---|
//! | `LYNCAP_BENCH_PACKETS` | packets of the mixed capture; a quarter as many of the flood | 200000 |
//! | `LYNCAP_BENCH_FLOWS` | flows of the mixed capture | a fortieth of the packets |
//! | `LYNCAP_BENCH_ROUNDS` | repetitions of each stage, pairs of processes | 7 |
//! | `LYNCAP_BENCH_SMOKE` | set: 2000 packets, one round; also where `cargo test` runs it | |
//! | `LYNCAP_BENCH_KEEP` | set: leave the captures where they are, and say where | |
//!
//! | file | knows |
//! |---|---|
//! | `script` `generate` | how a capture is made |
//! | `stages` | the library's stages |
//! | `processes` | programs as a whole |
//! | `measure` | repetition, medians |
#![allow(clippy::print_stdout, reason = "the tables are the result")]

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use generate::Kind;
use measure::Outcome;

#[path = "../../tests/common/mod.rs"]
mod common;
mod generate;
mod measure;
mod processes;
mod script;
mod stages;

/// How much is measured.
struct Plan {
    packets: u32,
    flows: u32,
    rounds: usize,
}

impl Plan {
    fn from_environment() -> Outcome<Self> {
        // `cargo bench` says `--bench`; `cargo test --benches` only wants to see it run.
        let smoke = env::var_os("LYNCAP_BENCH_SMOKE").is_some() || env::args().all(|arg| arg != "--bench");
        let (packets, rounds) = if smoke { (2_000, 1) } else { (200_000, 7) };
        let packets = number("LYNCAP_BENCH_PACKETS", packets)?;
        let flows = number("LYNCAP_BENCH_FLOWS", packets / 40)?;
        Ok(Self { packets, flows, rounds: number("LYNCAP_BENCH_ROUNDS", rounds)?.max(1) as usize })
    }
}

fn main() -> Outcome<()> {
    let plan = Plan::from_environment()?;
    let folder = Folder::new()?;
    println!("lyncap {} on {}, {} cores", env!("CARGO_PKG_VERSION"), processor(), cores());
    let captures =
        [("mixed", Kind::Mixed, plan.packets, plan.flows), ("flood", Kind::Flood, plan.packets.div_ceil(4), 0)];
    for (name, kind, packets, flows) in captures {
        let path = folder.path.join(name).with_extension("pcap");
        let start = Instant::now();
        let size = generate::write(kind, packets, flows, &path)?;
        println!(
            "\n{name}: {} packets, {} flows, {} bytes ({} a packet), written in {:.1} s; {} rounds",
            size.packets,
            size.flows,
            size.bytes,
            size.bytes / u64::from(size.packets),
            start.elapsed().as_secs_f64(),
            plan.rounds,
        );
        stages::run(&path, &size, plan.rounds)?;
        processes::run(&path, &size, plan.rounds)?;
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
