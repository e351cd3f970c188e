//! The stages inside one process, each measured with all stages before it.
//!
//! In: a capture. Out: a table: nanoseconds a packet or a flow, and what each stage adds.
//! Must not know: what is in the capture, other programs.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use arrayvec::ArrayVec;
use lyncap::capture::{BATCH, Frame, Inputs};
use lyncap::catalog::{Catalogs, Site};
use lyncap::decode::{Decoder, Packet};
use lyncap::duplicate::{Duplicates, Sight, Tap};
use lyncap::flow::{FlowHash, FlowTable, FrameId, Timeouts};
use lyncap::pipeline::{self, Bounds, Options};
use lyncap::reading::{Reading, Stats};
use lyncap::report::Format;
use lyncap::report::audit::Audit;
use lyncap::report::table::Look;
use lyncap::report::text::Clock;
use lyncap::report::write;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

use crate::budgets::{Figure, Figures};
use crate::generate::Size;
use crate::measure::{Outcome, Task, in_turn};

/// What the capture reader reads at once.
const WINDOW: usize = 256 << 10;

/// How reports are written.
const LOOK: Look = Look { width: 100, colour: false, clock: Clock::Utc };

/// Measures all stages on the capture at `path` and prints them.
pub(crate) fn run(name: &str, path: &Path, size: &Size, rounds: usize, figures: &mut Figures) -> Outcome<()> {
    let capture = read(path)?;
    let (packets, flows) = (capture.stats.packets, capture.flows.len() as u64);
    // Whoever reads something else than was written is not worth timing.
    if (packets, flows) != (size.packets.into(), size.flows.into()) {
        let written = format!("{} packets, {} flows", size.packets, size.flows);
        return Err(format!("read {packets} packets, {flows} flows of a capture of {written}").into());
    }
    println!("\n{name}: stages, in one process");
    let mut reading = [
        Task::new("read the file, nothing else", || bytes(path)),
        Task::new("+ header walk", || walk(path)),
        Task::new("+ decode", || decode(path)),
        Task::new("+ duplicates", || duplicates(path)),
        Task::new("+ flow table", || flow_table(path)),
        Task::new("+ stats", || flow_table_and_stats(path)),
        Task::new("+ evidence (pipeline)", || whole(path)),
    ];
    in_turn(&mut reading, rounds)?;
    print("packet", packets, &reading);
    let [_, walk, decode, _, _, stats, all] = reading.map(|task| task.seconds.median());
    println!("  pipeline / (walk + decode) {:.2}, pipeline / walk {:.2}", all / decode, all / walk);
    println!("  evidence / pipeline {:.2}", (all - stats) / all);
    figures.note(Figure::Decode, name, all / decode);

    let catalogs = Catalogs::new(&[], Vec::new(), &Site::default())?;
    let topology = Topology::default();
    let judge = Judge::new(&capture.flows, &catalogs, &topology);
    let audit = Audit::new(&capture, &judge);
    let of_audit = |format, flows| Ok(write::audit(&mut io::sink(), format, LOOK, &capture, &judge, &audit, flows)?);
    let all: Vec<usize> = (0..capture.flows.len()).collect();
    let of_flows = |format| Ok(write::flows(&mut io::sink(), format, LOOK, &capture, &judge, &all)?);
    let mut judging = [
        Task::new("learn (Judge::new)", || learn(&capture, &catalogs, &topology)),
        Task::new("judge every flow", || judge_all(&capture, &judge)),
        Task::new("audit (judges again)", || audit_all(&capture, &judge)),
        Task::new("its table", || of_audit(Format::Table, false)),
        Task::new("its JSON", || of_audit(Format::Json, false)),
        Task::new("its JSON, with every flow", || of_audit(Format::Json, true)),
        Task::new("flows as a table", || of_flows(Format::Table)),
        Task::new("flows as JSON", || of_flows(Format::Json)),
        Task::new("flows as CSV", || of_flows(Format::Csv)),
    ];
    in_turn(&mut judging, rounds)?;
    print("flow", flows, &judging);
    Ok(())
}

/// One line a task; the difference is that of the medians. Of judging, which does not build up, it says nothing.
fn print(unit: &str, units: u64, tasks: &[Task<'_>]) {
    let mut before = 0.0;
    let plural = format!("{unit}s/s");
    let title = format!("ns/{unit}: least, median, most");
    println!("{title:<30} {:>26} {plural:>12} {:>8} {:>6}", "", "added", "rounds");
    for task in tasks {
        let each = task.seconds.times(1e9 / units as f64);
        let median = each.median();
        let added = if task.name.starts_with('+') { format!("{:.1}", median - before) } else { String::new() };
        println!("  {:<28} {each:8.1} {:>12.0} {added:>8} {:>6}", task.name, 1e9 / median, each.len());
        before = median;
    }
}

fn inputs(path: &Path) -> Outcome<Inputs> {
    Ok(Inputs::open(&[PathBuf::from(path)])?)
}

/// The system's part: the file's bytes from its cache into a buffer.
fn bytes(path: &Path) -> Outcome<()> {
    let mut file = File::open(path)?;
    let mut window = vec![0; WINDOW];
    while file.read(&mut window)? > 0 {
        black_box(&window);
    }
    Ok(())
}

fn walk(path: &Path) -> Outcome<()> {
    let mut inputs = inputs(path)?;
    while let Some(batch) = inputs.next_batch()? {
        black_box(&batch.frames);
    }
    Ok(())
}

pub(crate) fn decode(path: &Path) -> Outcome<()> {
    let mut inputs = inputs(path)?;
    let mut decoder = Decoder::new();
    while let Some(batch) = inputs.next_batch()? {
        for frame in &batch.frames {
            black_box(&decoder.decode(frame));
        }
    }
    Ok(())
}

fn duplicates(path: &Path) -> Outcome<()> {
    let mut inputs = inputs(path)?;
    let mut decoder = Decoder::new();
    let mut duplicates = Duplicates::default();
    while let Some(batch) = inputs.next_batch()? {
        for frame in &batch.frames {
            if let Ok(packet) = decoder.decode(frame) {
                black_box(duplicates.see(&packet, Tap::of(frame, batch.file)));
            }
        }
    }
    Ok(())
}

/// As the pipeline does it: a batch is decoded and hashed, then counted.
pub(crate) fn flow_table(path: &Path) -> Outcome<()> {
    let mut inputs = inputs(path)?;
    let (mut decoder, mut duplicates) = (Decoder::new(), Duplicates::default());
    let mut table = FlowTable::<()>::new(Timeouts::default());
    while let Some(batch) = inputs.next_batch()? {
        let first = FrameId { file: batch.file, number: batch.first_number };
        count(&mut decoder, &mut duplicates, &mut table, &batch.frames, first);
    }
    black_box(table.into_flows());
    Ok(())
}

#[inline]
fn count(
    decoder: &mut Decoder,
    duplicates: &mut Duplicates,
    table: &mut FlowTable<()>,
    frames: &[Frame<'_>],
    first: FrameId,
) {
    let mut ready: ArrayVec<(Packet<'_>, FrameId, FlowHash), BATCH> = ArrayVec::new();
    for (number, frame) in (first.number..).zip(frames) {
        if let Ok(packet) = decoder.decode(frame)
            && duplicates.see(&packet, Tap::of(frame, first.file)) == Sight::First
        {
            let hash = table.hasher().hash(&packet.tuple);
            ready.push((packet, FrameId { number, ..first }, hash));
        }
    }
    table.warm(ready.iter().map(|&(_, _, hash)| hash), |()| 0);
    for (packet, frame, hash) in &ready {
        black_box(table.count(*hash, packet, *frame));
    }
}

fn flow_table_and_stats(path: &Path) -> Outcome<()> {
    let mut inputs = inputs(path)?;
    let (mut decoder, mut duplicates) = (Decoder::new(), Duplicates::default());
    let mut table = FlowTable::<()>::new(Timeouts::default());
    let mut stats = Stats::default();
    while let Some(batch) = inputs.next_batch()? {
        let first = FrameId { file: batch.file, number: batch.first_number };
        batch.frames.iter().for_each(|frame| stats.read(frame));
        count(&mut decoder, &mut duplicates, &mut table, &batch.frames, first);
    }
    black_box((table.into_flows(), stats));
    Ok(())
}

pub(crate) fn whole(path: &Path) -> Outcome<()> {
    black_box(read(path)?);
    Ok(())
}

/// The pipeline, with room for everything.
pub(crate) fn read(path: &Path) -> Outcome<Reading> {
    let bounds = Bounds { flows: usize::MAX, memory: u64::MAX };
    let options = Options { bounds, ..Options::default() };
    Ok(pipeline::read(inputs(path)?, options, |bytes| {
        black_box(bytes);
    })?)
}

fn learn(capture: &Reading, catalogs: &Catalogs, topology: &Topology) -> Outcome<()> {
    black_box(Judge::new(&capture.flows, catalogs, topology));
    Ok(())
}

fn judge_all(capture: &Reading, judge: &Judge<'_>) -> Outcome<()> {
    for (index, flow) in capture.flows.iter().enumerate() {
        black_box(judge.judge(index, flow));
    }
    Ok(())
}

fn audit_all(capture: &Reading, judge: &Judge<'_>) -> Outcome<()> {
    black_box(Audit::new(capture, judge));
    Ok(())
}
