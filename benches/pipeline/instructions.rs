//! The guard that no clock disturbs: instructions a packet, held to what was committed.
//!
//! In: small captures, `benches/record/instructions.toml`. Out: a table; an error where a figure grew.
//! Must not know: the library. Counts come from valgrind's callgrind, and are the compiler's and the system's libraries'
//! too: they compare only with the compiler that made the committed ones.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::generate::{self, Kind};
use crate::measure::Outcome;
use crate::process::{CHOSEN, ONE_THREAD, PROGRAM, knows_threads};

/// What is committed.
#[derive(Serialize, Deserialize, Default)]
struct Record {
    /// The first line of `rustc --version`, without the date.
    compiler: String,
    /// By how much, in per cent, a figure may differ: hashes are seeded at random, which alone makes 0.1.
    tolerance: f64,
    /// By capture.
    capture: BTreeMap<String, Count>,
}

/// Of one audit.
#[derive(Serialize, Deserialize, Clone, Copy)]
struct Count {
    packets: u32,
    instructions: u64,
}

impl Count {
    fn each(self) -> f64 {
        self.instructions as f64 / f64::from(self.packets)
    }
}

const CAPTURES: &[(&str, Kind, u32, u32)] =
    &[("mixed", Kind::Mixed, 100_000, 2_500), ("cut", Kind::Cut, 100_000, 2_500), ("flood", Kind::Flood, 20_000, 0)];

const HEADER: &str = "# Instructions of `lyncap audit --format json` on small generated captures (benches/pipeline/instructions.rs).\n\
# Held in .ci/run; a new figure: LYNCAP_BENCH_ONLY=instructions LYNCAP_BENCH_BLESS=1 cargo bench --bench pipeline\n\n";
const TOLERANCE: f64 = 3.0;

/// Counts, and compares or (`LYNCAP_BENCH_BLESS`) writes.
pub(crate) fn run(folder: &Path) -> Outcome<()> {
    println!("\ninstructions of an audit, by valgrind");
    if cfg!(debug_assertions) && CHOSEN.is_none() {
        println!("  SKIPPED: this is no release build, `cargo bench` makes one");
        return Ok(());
    }
    if !Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("  SKIPPED: valgrind is not here; nothing says whether the program got slower");
        return Ok(());
    }
    let mut now = Record { compiler: compiler()?, tolerance: TOLERANCE, capture: BTreeMap::new() };
    for &(name, kind, packets, flows) in CAPTURES {
        let path = folder.join(name).with_extension("pcap");
        let packets = generate::write(kind, packets, flows, &path)?.packets;
        now.capture.insert(name.to_owned(), Count { packets, instructions: count(&path)? });
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/record/instructions.toml");
    if env::var_os("LYNCAP_BENCH_BLESS").is_some() {
        fs::write(&file, format!("{HEADER}{}", toml::to_string(&now)?))?;
        println!("  written to {}", file.display());
        return Ok(());
    }
    let before: Record = toml::from_str(&fs::read_to_string(&file)?)?;
    compare(&before, &now)
}

fn compare(before: &Record, now: &Record) -> Outcome<()> {
    const BLESS: &str = "LYNCAP_BENCH_ONLY=instructions LYNCAP_BENCH_BLESS=1 cargo bench --bench pipeline";
    let same = before.compiler == now.compiler;
    let mut grown = Vec::new();
    println!("  {:<12} {:>14} {:>14} {:>9}", "a packet", "committed", "now", "per cent");
    for (name, count) in &now.capture {
        let Some(known) = before.capture.get(name).filter(|known| known.packets == count.packets) else {
            return Err(format!("no figure of {name} is committed: {BLESS}").into());
        };
        let change = (count.each() / known.each() - 1.0) * 100.0;
        println!("  {name:<12} {:>14.1} {:>14.1} {change:>+9.2}", known.each(), count.each());
        if change > before.tolerance {
            grown.push(format!("{name}: {:.1} instructions a packet, {:.1} committed", count.each(), known.each()));
        } else if change < -before.tolerance {
            println!("  {name} got better by more than the tolerance: commit it, lest it is lost again: {BLESS}");
        }
    }
    if !same {
        println!(
            "  NOT HELD: {} made this program, {} the committed figures; renew them: {BLESS}",
            now.compiler, before.compiler
        );
        return Ok(());
    }
    if grown.is_empty() {
        return Ok(());
    }
    let tolerance = before.tolerance;
    Err(format!("more than {tolerance} % over what is committed: {}; if it is worth it: {BLESS}", grown.join("; "))
        .into())
}

/// Instructions of one audit.
fn count(path: &Path) -> Outcome<u64> {
    let more = if knows_threads() { ONE_THREAD } else { &[] };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, "audit"])
        .args(more)
        .args(["--format", "json", "-o"])
        .args([&path.with_extension("out"), path])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim().parse());
    match collected {
        Some(Ok(count)) if matches!(output.status.code(), Some(0 | 1)) => Ok(count),
        _ => Err(format!("valgrind {}: {said}", output.status).into()),
    }
}

/// Who compiles here.
fn compiler() -> Outcome<String> {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = String::from_utf8(Command::new(program).arg("--version").output()?.stdout)?;
    let mut words = said.split_whitespace();
    let version: Vec<&str> = words.by_ref().take(2).collect();
    Ok(format!("{} {}", version.join(" "), env::consts::ARCH))
}
