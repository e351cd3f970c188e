//! What it costs to start, and how large the program is.
//!
//! In: nothing. Out: processor time of the smallest command, the executable's size.
//! Must not know: what happens at the start.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::budgets::{Figure, Figures};
use crate::measure::{Outcome, Samples};
use crate::process::{Job, PROGRAM};

const ROUNDS: usize = 20;

/// It compiles the catalog and prints one row.
const SMALLEST: Job =
    Job { name: "catalog show S03", program: PROGRAM, args: &["catalog", "show", "S03"], more: &[], success: &[0] };

pub(crate) fn run(folder: &Path, figures: &mut Figures) -> Outcome<()> {
    println!("\nstart-up: {}, {ROUNDS} runs", SMALLEST.name);
    let mut times = Samples::default();
    for _ in 0..ROUNDS {
        if let Some(seconds) = SMALLEST.processor_time(&folder.join("none"))? {
            times.push(seconds * 1e3);
        }
    }
    println!("  {:<28} {times:8.2}", "processor time, ms");
    if times.len() > 0 {
        figures.note(Figure::StartUp, "S03", times.median());
    }
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!("  {:<28} {:8.1}", "executable, MiB", mebibytes(fs::metadata(PROGRAM)?.len()));
    let stripped = folder.join("stripped");
    match Command::new("strip").arg("-o").arg(&stripped).arg(PROGRAM).status() {
        Ok(status) if status.success() => {
            println!("  {:<28} {:8.1}", "without symbols, MiB", mebibytes(fs::metadata(stripped)?.len()));
        }
        _ => println!("  strip is not here: its size without symbols is not told"),
    }
    Ok(())
}
