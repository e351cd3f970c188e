//! What is told while a run goes on: flows that end, findings, drops, the state of things at intervals.
//!
//! In: judged flows, findings, snapshots. Out: [`Event`]s for a [`Sink`]; [`Events`] writes them as lines, each at once.
//! Must not know: how anything is judged, files, terminals.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::snapshot::{Drops, EndReason, Snapshot};
use crate::error::Error;
use crate::reading::Reading;
use crate::report::audit::{Audit, Finding};
use crate::report::table::Look;
use crate::report::text::{Clock, harmless, retold, rfc3339};
use crate::report::{FlowRecord, Format, Summary, write};
use crate::verdict::Judge;

/// Something to tell.
pub enum Event<'a> {
    /// A flow is over, or so long that it is reported.
    Flow {
        /// What an offline run says of it.
        record: &'a FlowRecord<'a>,
        /// Why it is told now.
        reason: EndReason,
    },
    /// A finding that was not there before.
    Finding(&'a Finding),
    /// An interval is over.
    Interval {
        /// The audit of all that was seen by now.
        audit: &'a Audit,
        /// What it is of.
        reading: &'a Reading,
        /// The figures.
        snapshot: &'a Snapshot,
        /// Somebody asked for it.
        asked: bool,
    },
    /// The run is over.
    End {
        /// The audit of all that was seen.
        audit: &'a Audit,
        /// What it is of.
        reading: &'a Reading,
        /// Who judged it.
        judge: &'a Judge<'a>,
    },
}

/// Who is told.
pub trait Sink {
    /// Takes an event.
    ///
    /// # Errors
    /// It cannot be written.
    fn tell(&mut self, event: &Event<'_>) -> Result<(), Error>;

    /// Whether flows are of interest: records of them are not made for nobody.
    fn wants_flows(&self) -> bool;

    /// Opens what it writes to once more.
    ///
    /// # Errors
    /// It cannot be opened.
    fn reopen(&mut self) -> Result<(), Error>;
}

/// Something to write to that can be opened once more, as a log that was moved away.
pub trait Outlet: Write {
    /// Opens it once more.
    ///
    /// # Errors
    /// What the system says.
    fn reopen(&mut self) -> io::Result<()>;
}

/// Writes events: as lines of JSON all of them, as text the findings, otherwise nothing before the end.
pub struct Events<O> {
    out: O,
    format: Format,
    look: Look,
    /// What it is called in errors.
    name: PathBuf,
    /// What was told of drops last.
    dropped: Lost,
}

impl<O: Outlet> Events<O> {
    /// Events on `out`, which errors call `name`.
    pub fn new(out: O, format: Format, look: Look, name: PathBuf) -> Self {
        Self { out, format, look, name, dropped: Lost::default() }
    }

    fn line(&mut self, record: &impl Serialize) -> io::Result<()> {
        write::event(&mut self.out, record)
    }

    fn interval(&mut self, audit: &Audit, snapshot: &Snapshot) -> io::Result<()> {
        let lost = Lost::of(snapshot);
        if snapshot.last || self.dropped != lost {
            self.line(&DropsRecord::new(snapshot, &lost))?;
            self.dropped = lost;
        }
        self.line(&SummaryRecord {
            summary: Summary { fitness: Some(audit.fitness.clone()), ..audit.summary.clone() },
            live: LiveRecord::new(snapshot),
        })
    }

    fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        match (&self.format, event) {
            (Format::Jsonl, Event::Flow { record, reason }) => {
                self.line(&FlowEvent { record, end_reason: reason.as_str() })
            }
            (Format::Jsonl, Event::Finding(finding)) => self.line(&FindingEvent { kind: "finding", finding }),
            (Format::Jsonl, Event::Interval { audit, snapshot, .. }) => self.interval(audit, snapshot),
            (Format::Table, Event::Finding(finding)) => {
                let line = text(finding, self.look.clock);
                writeln!(self.out, "{line}").and_then(|()| self.out.flush())
            }
            (Format::Table, Event::Interval { audit, reading, asked: true, .. }) => {
                write::audit_text(&mut self.out, self.look, reading, audit)?;
                self.out.flush()
            }
            // One document is no place for two: whoever asks is told beside it.
            (_, Event::Interval { audit, reading, asked: true, .. }) => {
                let look = Look { width: usize::MAX, colour: false, ..self.look };
                write::audit_text(&mut io::stderr(), look, reading, audit)
            }
            (Format::Jsonl, Event::End { .. }) => self.out.flush(),
            (format, Event::End { audit, reading, judge }) => {
                write::audit(&mut self.out, *format, self.look, reading, judge, audit, false)?;
                self.out.flush()
            }
            _ => Ok(()),
        }
    }
}

impl<O: Outlet> Sink for Events<O> {
    fn tell(&mut self, event: &Event<'_>) -> Result<(), Error> {
        self.write(event).map_err(|source| Error::Write { path: self.name.clone(), source })
    }

    fn wants_flows(&self) -> bool {
        self.format == Format::Jsonl
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.out.reopen().map_err(|source| Error::Write { path: self.name.clone(), source })
    }
}

/// One line of a finding: "2026-11-22 08:00:01 high contradicted-payload 10.1.0.5 -> fe01 tcp/5071: …".
fn text(finding: &Finding, clock: Clock) -> String {
    let at = retold(&finding.first_seen, clock);
    let Finding { kind, severity, reason, .. } = finding;
    harmless(&format!("{at} {} {kind} {}: {reason}", severity.as_str(), finding.place()))
}

#[derive(Serialize)]
struct FlowEvent<'a> {
    #[serde(flatten)]
    record: &'a FlowRecord<'a>,
    end_reason: &'static str,
}

#[derive(Serialize)]
struct FindingEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    finding: &'a Finding,
}

#[derive(Serialize)]
struct SummaryRecord<'a> {
    #[serde(flatten)]
    summary: Summary,
    live: LiveRecord<'a>,
}

/// What a run without end adds to the footer.
#[derive(Serialize)]
struct LiveRecord<'a> {
    at: String,
    last: bool,
    interval_s: f64,
    uptime_s: f64,
    lag_s: Option<f64>,
    open_flows: u64,
    ended: &'a BTreeMap<&'static str, u64>,
    frames_per_s: f64,
    bits_per_s: f64,
    flows_per_s: f64,
    findings: &'a BTreeMap<&'static str, u64>,
    flagged_flows: &'a BTreeMap<&'static str, u64>,
    repeated: &'a BTreeMap<&'static str, u64>,
    memory_bound: u64,
    memory_counted: u64,
    memory_resident: Option<u64>,
}

impl<'a> LiveRecord<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            at: rfc3339(snapshot.at),
            last: snapshot.last,
            interval_s: snapshot.interval.as_secs_f64(),
            uptime_s: snapshot.uptime.as_secs_f64(),
            lag_s: snapshot.lag.map(|lag| lag.as_secs_f64()),
            open_flows: snapshot.table.open,
            ended: &snapshot.table.ended,
            frames_per_s: snapshot.rates.frames,
            bits_per_s: snapshot.rates.bits,
            flows_per_s: snapshot.rates.flows,
            findings: &snapshot.findings,
            flagged_flows: &snapshot.flagged,
            repeated: &snapshot.repeated,
            memory_bound: snapshot.memory.bound,
            memory_counted: snapshot.memory.counted,
            memory_resident: snapshot.memory.resident,
        }
    }
}

/// Everything that was lost, or had to be left out.
#[derive(Default, PartialEq, Eq)]
struct Lost {
    drops: Drops,
    inputs: Vec<(bool, Drops, u64)>,
    evicted: u64,
    flows: [u64; 2],
    findings: u64,
    clock_steps: u64,
    overflow: u64,
}

impl Lost {
    fn of(snapshot: &Snapshot) -> Self {
        let inputs: Vec<_> = snapshot.inputs.iter().map(|input| (input.up, input.drops, input.returns)).collect();
        // Nothing is worth a line before something was lost.
        let quiet = inputs.iter().all(|&(up, drops, returns)| up && drops.total() == 0 && returns == 0);
        Self {
            drops: snapshot.drops,
            inputs: if quiet { Vec::new() } else { inputs },
            evicted: snapshot.table.ended.get(EndReason::Evicted.as_str()).copied().unwrap_or_default(),
            flows: [snapshot.table.lost, snapshot.table.untold],
            findings: snapshot.untold,
            clock_steps: snapshot.clock_steps,
            overflow: snapshot.overflow,
        }
    }
}

/// The event of what was lost.
#[derive(Serialize)]
struct DropsRecord<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: &'static str,
    at: String,
    kernel: u64,
    interface: u64,
    application: u64,
    inputs: Vec<InputRecord<'a>>,
    evicted_flows: u64,
    lost_flows: u64,
    untold_flows: u64,
    untold_findings: u64,
    clock_steps: u64,
    overflow: u64,
}

#[derive(Serialize)]
struct InputRecord<'a> {
    name: &'a str,
    up: bool,
    frames: u64,
    kernel: u64,
    interface: u64,
    application: u64,
    returns: u64,
}

impl<'a> DropsRecord<'a> {
    fn new(snapshot: &'a Snapshot, lost: &Lost) -> Self {
        let input = |input: &'a super::snapshot::Input| InputRecord {
            name: &input.name,
            up: input.up,
            frames: input.frames,
            kernel: input.drops.kernel,
            interface: input.drops.interface,
            application: input.drops.application,
            returns: input.returns,
        };
        let [lost_flows, untold_flows] = lost.flows;
        Self {
            kind: "drops",
            schema: "lyncap.drops.v1",
            at: rfc3339(snapshot.at),
            kernel: lost.drops.kernel,
            interface: lost.drops.interface,
            application: lost.drops.application,
            inputs: snapshot.inputs.iter().map(input).collect(),
            evicted_flows: lost.evicted,
            lost_flows,
            untold_flows,
            untold_findings: lost.findings,
            clock_steps: lost.clock_steps,
            overflow: lost.overflow,
        }
    }
}
