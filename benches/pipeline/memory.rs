//! What flows cost in memory, and that the file does not.
//!
//! In: sizes. Out: peak resident memory of whole runs, bytes a flow.
//! Must not know: how memory is used.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use lyncap::evidence::Evidence;
use lyncap::flow::Flow;

use crate::budgets::{Figure, Figures};
use crate::generate::{self, Kind};
use crate::measure::Outcome;
use crate::process::{Job, PROGRAM, high_water, mebibytes};
use crate::stages;

/// In this process's environment: the capture to read, and nothing else to do.
const READ: &str = "LYNCAP_BENCH_READ";

/// Every flow is kept.
const ROOMY: Job = Job {
    name: "audit --max-memory 64G",
    program: PROGRAM,
    args: &["audit", "--max-memory", "64G", "--format", "json", "-o", "{out}", "{in}"],
    more: &[],
    success: &[0, 1],
};

/// Where this process is the child of one that measures: reads the capture and tells the most it took. True where it did.
pub(crate) fn only_reads() -> Outcome<bool> {
    let Some(path) = env::var_os(READ) else { return Ok(false) };
    let reading = stages::read(Path::new(&path))?;
    println!("{} {}", reading.flows.len(), high_water("self").unwrap_or(f64::NAN));
    Ok(true)
}

/// Floods of each of `floods` flows, and a link of `packets` packets beside a quarter of it.
pub(crate) fn run(folder: &Path, floods: [u32; 2], packets: u32, figures: &mut Figures) -> Outcome<()> {
    println!("\nmemory: {} bytes is a flow with its evidence", size_of::<Flow<Evidence>>());
    println!(
        "  {:<28} {:>12} {:>12} {:>12} {:>12}",
        "one packet a flow", "read, MiB", "bytes/flow", "audit, MiB", "bytes/flow"
    );
    let path = folder.join("memory.pcap");
    // What is there without flows: the program, its catalog, a window of the file.
    let [least_read, least_audit] = flood(&path, 100)?;
    for flows in floods {
        let [read, audit] = flood(&path, flows)?;
        let each =
            |peak: Option<f64>, least: Option<f64>| Some((peak? - least?) * f64::from(1 << 20) / f64::from(flows));
        let [read_each, audit_each] = [each(read, least_read), each(audit, least_audit)];
        println!(
            "  {flows:<28} {:>12} {:>12} {:>12} {:>12}",
            mebibytes(read),
            mebibytes(read_each),
            mebibytes(audit),
            mebibytes(audit_each)
        );
        if let Some(bytes) = read_each {
            figures.note(Figure::FlowMemory, &format!("{flows}"), bytes);
        }
    }
    println!("  {:<28} {:>12} {:>12} {:>12}", "as many flows in", "packets", "file, MiB", "audit, MiB");
    let mut peaks = Vec::new();
    let flows = packets / 160;
    for packets in [packets / 4, packets] {
        let size = generate::write(Kind::Mixed, packets, flows, &path)?;
        let peak = ROOMY.peak_memory(&path)?;
        let file = size.bytes as f64 / f64::from(1 << 20);
        println!("  {:<28} {:>12} {file:>12.1} {:>12}", format!("{} flows", size.flows), size.packets, mebibytes(peak));
        peaks.extend(peak);
    }
    if let [small, large] = peaks.as_slice() {
        println!("  four times the file takes {:.2} times the memory", large / small);
    }
    fs::remove_file(&path)?;
    Ok(())
}

/// Peaks of reading only, and of an audit.
fn flood(path: &Path, flows: u32) -> Outcome<[Option<f64>; 2]> {
    generate::write(Kind::Flood, flows, flows, path)?;
    let output = Command::new(env::current_exe()?).env(READ, path).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (read, peak) = said.trim().split_once(' ').ok_or_else(|| format!("a reader said {said:?}"))?;
    if read != flows.to_string() {
        return Err(format!("read {read} flows of {flows}").into());
    }
    Ok([peak.parse().ok().filter(|peak: &f64| peak.is_finite()), ROOMY.peak_memory(path)?])
}
