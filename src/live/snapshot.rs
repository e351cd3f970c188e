//! What the live engine shows to whoever watches it, at each interval: plain figures, nothing borrowed.
//!
//! In: what was gathered by then. Out: [`Snapshot`], handed to every [`Observer`].
//! Must not know: who watches: a screen, a metrics page, a log.

use std::collections::BTreeMap;
use std::time::Duration;

use super::picture::Picture;
use crate::capture::Frame;
pub use crate::capture::{Drops, Input};
use crate::error::Error;
pub use crate::flow::EndReason;
use crate::flow::FrameId;
use crate::net::Timestamp;
use crate::report::audit::Finding;
use crate::verdict::{Proof, Verdict};

/// Everything a screen or a metrics page shows. Totals are of all since the start, open flows included.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Its number, from 1.
    pub number: u64,
    /// It is the last one: the capture has ended.
    pub last: bool,
    /// Capture time of it: that of the latest frame, or of the clock where nothing comes.
    pub at: Timestamp,
    /// Capture time of the first frame.
    pub since: Option<Timestamp>,
    /// How long the program runs.
    pub uptime: Duration,
    /// How far capture time is behind the wall clock; none of a replay.
    pub lag: Option<Duration>,
    /// Capture time since the snapshot before.
    pub interval: Duration,
    /// What is read, in the order named.
    pub inputs: Vec<Input>,
    /// Frames, packets and bytes.
    pub totals: Totals,
    /// The same a second, since the snapshot before.
    pub rates: Rates,
    /// Frames that did not become packets of flows, by reason, in the words of the report's `skipped`.
    pub skipped: BTreeMap<String, u64>,
    /// Frames that were lost, of all inputs.
    pub drops: Drops,
    /// Flows by verdict, every verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Flows by proof, every proof.
    pub proofs: BTreeMap<&'static str, u64>,
    /// Services seen, busiest in the interval first. One row under one verdict is one entry.
    pub services: Vec<Service>,
    /// Flows by kind of the findings that they belong to (`undocumented-flow`); kinds without are left out.
    pub flagged: BTreeMap<&'static str, u64>,
    /// Findings by kind.
    pub findings: BTreeMap<&'static str, u64>,
    /// The newest findings, newest first; at most [`NEWEST`].
    pub newest: Vec<Finding>,
    /// The worst findings, worst first; at most [`WORST`].
    pub worst: Vec<Finding>,
    /// Findings that were not told one by one because too many came at once.
    pub untold: u64,
    /// Flows that came to findings told before, by kind, since the snapshot before.
    pub repeated: BTreeMap<&'static str, u64>,
    /// Who exchanges most bytes that no document explains, most first; at most [`TALKERS`].
    pub talkers: Vec<Talker>,
    /// The flow table.
    pub table: Table,
    /// What is held.
    pub memory: Memory,
    /// How often the clock stepped, forwards or backwards.
    pub clock_steps: u64,
    /// Entries that found no room in what is kept of hosts, listeners and services.
    pub overflow: u64,
}

/// At most so many of the newest findings.
pub const NEWEST: usize = 50;
/// At most so many of the worst findings.
pub const WORST: usize = 100;
/// At most so many talkers.
pub const TALKERS: usize = 20;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames.
    pub frames: u64,
    /// Their length on the wire.
    pub bytes: u64,
    /// Frames that became packets of flows.
    pub packets: u64,
    /// Frames that are copies.
    pub duplicates: u64,
    /// Flows, open ones included.
    pub flows: u64,
}

/// How fast it comes, by capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Frames a second.
    pub frames: f64,
    /// Bits on the wire a second.
    pub bits: f64,
    /// New flows a second.
    pub flows: f64,
}

/// A row that was some flows' best.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// Row id, such as `S03`.
    pub row: String,
    /// Its catalog.
    pub catalog: String,
    /// Its name.
    pub service: String,
    /// What its flows were judged to be.
    pub verdict: &'static str,
    /// Flows.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Bits a second in the interval.
    pub bits_per_second: f64,
}

/// An end of flows that no document explains, or that contradict one; those accepted left out.
#[derive(Clone, Debug, Default)]
pub struct Talker {
    /// Its name, or its address.
    pub host: String,
    /// Such flows.
    pub flows: u64,
    /// Their bytes on the wire, both ways.
    pub bytes: u64,
}

/// The flow table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Flows in it.
    pub open: u64,
    /// Flows it has room for at present.
    pub most: u64,
    /// Flows that left it, by reason, every reason.
    pub ended: BTreeMap<&'static str, u64>,
    /// Flows that were judged and counted, but not told one by one because too many went at once.
    pub untold: u64,
    /// Flows that were lost: they left unjudged, for want of room.
    pub lost: u64,
}

/// Memory, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// `--max-memory`.
    pub bound: u64,
    /// What the flows and what their payload told take, as counted.
    pub counted: u64,
    /// What the system says is resident, where it does.
    pub resident: Option<u64>,
}

/// What was judged of a flow, for whoever keeps its packets.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its number, as the flow event has it.
    pub id: u64,
    /// Its first frame, which names it in [`Observer::frame`].
    pub first_frame: FrameId,
    /// Whether documents explain it.
    pub verdict: Verdict,
    /// What the payload says of its rows.
    pub proof: Option<Proof>,
    /// Whether an audit flags it at or above `--fail-on`.
    pub flagged: bool,
    /// Its best row, such as `S03`, and that row's service.
    pub service: Option<(&'a str, &'a str)>,
    /// Why it was judged now; none where it merely goes on.
    pub end: Option<EndReason>,
}

/// Somebody who watches the engine. Every method does nothing unless it is written.
pub trait Observer {
    /// A frame was counted in a flow, which its first frame names. Called for each packet: be quick.
    fn frame(&mut self, frame: &Frame<'_>, flow: FrameId) {
        let _ = (frame, flow);
    }

    /// Whether [`Observer::frame`] is to be called at all.
    fn wants_frames(&self) -> bool {
        false
    }

    /// A flow was judged: at each interval every flow that is still open, and every flow once when it ends.
    fn judged(&mut self, flow: &Told<'_>) {
        let _ = flow;
    }

    /// An interval is over.
    ///
    /// # Errors
    /// What makes going on senseless.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let _ = snapshot;
        Ok(())
    }

    /// Whether it wants a [`Picture`] now. Asked after each batch: be quick.
    fn wants_picture(&mut self) -> bool {
        false
    }

    /// What it wanted. Nothing of the run changes by it, whenever it is.
    fn picture(&mut self, picture: Picture) {
        let _ = picture;
    }

    /// SIGHUP: outputs are to be opened again.
    ///
    /// # Errors
    /// What makes going on senseless.
    fn reopen(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
