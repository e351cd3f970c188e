//! What was read: the plain data between the pipeline and the stages that judge and report.
//!
//! In: flows, and every frame as packet or skip. Out: [`Reading`], and in it [`Stats`], from which the report tells
//! what the capture can prove. Must not know: verdicts. Frames = packets + skips + duplicates, always.

use std::collections::{BTreeMap, BTreeSet};

use crate::capture::{Damage, Frame, InputFile, LinkType};
use crate::decode::{Skip, Skips};
use crate::evidence::Evidence;
use crate::flow::{Flows, FrameId};
use crate::net::Timestamp;

/// Everything that was read.
pub struct Reading {
    /// Flows, in the order of their first packets.
    pub flows: Flows<Evidence>,
    /// Counters of the run.
    pub stats: Stats,
    /// The files, in the order named.
    pub files: Vec<InputFile>,
    /// Where files broke off.
    pub damage: Vec<Damage>,
}

impl Reading {
    /// The name of a frame's file, where several were read.
    #[must_use]
    pub fn file_of(&self, frame: FrameId) -> Option<&str> {
        let file = self.files.get(usize::from(frame.file)).filter(|_| self.files.len() > 1);
        file.map(|file| &*file.name)
    }
}

/// What was read, whether or not it became part of a flow.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Frames read.
    pub frames: u64,
    /// Their length on the wire.
    pub bytes: u64,
    /// Frames that became packets of flows.
    pub packets: u64,
    /// Frames that did not, by reason.
    pub skips: Skips,
    /// Frames that are copies of packets captured before.
    pub duplicates: u64,
    /// Frames of which less was captured than was on the wire.
    pub cut_by_snaplen: u64,
    /// Frames whose time is earlier than that of the frame before by more than [`STEP_NS`].
    pub clock_steps_back: u64,
    /// Longest silence between two frames, in nanoseconds, and when it began.
    pub longest_gap: Option<(i64, Timestamp)>,
    /// Earliest and latest time of any frame.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Frames by link type; complete once [`Stats::settle`] was called.
    pub links: BTreeMap<LinkType, u64>,
    /// ICMP errors that quoted a packet of a flow of this capture.
    pub icmp_errors_attached: u64,
    /// Flows dropped for want of room. Their packets are among `skips`.
    pub evicted: Evicted,
    last: Option<Timestamp>,
    /// Link type of the latest frames, and how many of them `links` does not have yet.
    run: (LinkType, u64),
}

/// Flows dropped for want of room, and what there was no room in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// How many.
    pub flows: u64,
    /// Their packets.
    pub packets: u64,
    /// The bounds that were reached.
    pub within: BTreeSet<Bound>,
}

/// What bounds the flows that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// So many flows.
    Flows(u64),
    /// So many bytes of memory.
    Memory(u64),
}

/// Interfaces deliver out of order by microseconds; a step back beyond this is the clock's.
pub const STEP_NS: i64 = 1_000_000_000;

impl Stats {
    /// Counts a frame as read.
    #[inline]
    pub fn read(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.bytes += u64::from(frame.original_length);
        self.cut_by_snaplen += u64::from((frame.bytes.len() as u64) < u64::from(frame.original_length));
        // Frames of one link type come in long runs: the map is touched once a run.
        if frame.link != self.run.0 {
            self.settle();
            self.run.0 = frame.link;
        }
        self.run.1 += 1;
        if let Some(last) = self.last {
            let gap = frame.at.since(last);
            self.clock_steps_back += u64::from(gap < -STEP_NS);
            if self.longest_gap.is_none_or(|(longest, _)| gap > longest) {
                self.longest_gap = Some((gap, last));
            }
        }
        self.last = Some(frame.at);
        self.span = Some(match self.span {
            None => (frame.at, frame.at),
            Some((first, last)) => (first.min(frame.at), last.max(frame.at)),
        });
    }

    /// Ends the counting of a run of frames.
    pub fn settle(&mut self) {
        let (link, frames) = std::mem::take(&mut self.run);
        if frames > 0 {
            *self.links.entry(link).or_default() += frames;
        }
    }

    /// Takes the packets of a dropped flow back.
    pub fn evict(&mut self, packets: u64, bound: Bound) {
        self.packets -= packets;
        self.skips.add(Skip::EvictedFlow, packets);
        self.evicted.flows += 1;
        self.evicted.packets += packets;
        self.evicted.within.insert(bound);
    }

    /// Whether every frame is accounted for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.frames == self.packets + self.skips.total() + self.duplicates
    }
}
