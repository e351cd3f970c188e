//! What a packet costs as flows grow from a thousand to ten millions, at one number of packets.
//!
//! In: a number of packets. Out: a table, and a chart where one is asked for.
//! Must not know: why it grows.

use std::fs;
use std::path::Path;

use crate::chart::{Chart, Line};
use crate::generate::{self, Kind};
use crate::measure::{Outcome, Task, in_turn};
use crate::stages;

/// Flows, as far as the packets reach: each has two on average, or more.
const STEPS: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Segments without payload, so that what grows is not evidence.
pub(crate) fn run(folder: &Path, packets: u32, rounds: usize, chart: Option<&Path>) -> Outcome<()> {
    println!("\ncost as flows grow: {packets} packets without payload, of flows drawn at random; {rounds} rounds");
    println!("  {:<12} {:>26} {:>26} {:>26}", "ns a packet", "decode", "+ flow table", "pipeline");
    let path = folder.join("crowd.pcap");
    let names = ["walk and decode", "with the flow table", "whole pipeline"];
    let mut lines = names.map(|name| Line { name, points: Vec::new() });
    for flows in STEPS.into_iter().filter(|&flows| flows <= packets / 2) {
        generate::write(Kind::Crowd, packets, flows, &path)?;
        let mut tasks = [
            Task::new("decode", || stages::decode(&path)),
            Task::new("flow table", || stages::flow_table(&path)),
            Task::new("pipeline", || stages::whole(&path)),
        ];
        in_turn(&mut tasks, rounds)?;
        let each = tasks.map(|task| task.seconds.times(1e9 / f64::from(packets)));
        println!("  {flows:<12} {:8.1} {:8.1} {:8.1}", each[0], each[1], each[2]);
        for (line, samples) in lines.iter_mut().zip(&each) {
            line.points.push((f64::from(flows), samples.median()));
        }
    }
    fs::remove_file(&path)?;
    if let Some(target) = chart {
        let title = format!("Cost of a packet as flows grow ({:.0} million packets)", f64::from(packets) / 1e6);
        let chart = Chart { title: &title, x: "flows", y: "ns a packet", lines: &lines };
        fs::write(target, chart.svg()).map_err(|error| format!("{}: {error}", target.display()))?;
        println!("  drawn in {}", target.display());
    }
    Ok(())
}
