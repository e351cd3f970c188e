//! What was read: the plain data between the pipeline and the stages that judge and report.
//!
//! In: flows, and every frame as packet or skip. Out: [`Reading`], and in it [`Stats`], from which the report tells
//! what the capture can prove. Must not know: verdicts. Frames = packets + skips + duplicates, always.

use std::collections::{BTreeMap, BTreeSet};

pub use crate::capture::GAP_NS;
use crate::capture::{Damage, Frame, InputFile, LinkType, Until};
use crate::decode::{Packet, Skip, Skips};
use crate::evidence::Evidence;
use crate::flow::{Flow, Flows, FrameId};
use crate::net::{Timestamp, Transport};

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

    /// Frames that the capturing programs say they lost; none where no file says anything.
    #[must_use]
    pub fn dropped(&self) -> Option<u64> {
        self.files.iter().filter_map(|file| file.dropped).reduce(u64::saturating_add)
    }

    /// Why it proves nothing that the `asked` packets of a flow met silence; none where it does.
    #[must_use]
    pub fn doubt(&self, flow: &Flow<Evidence>, asked: u64) -> Option<Doubt> {
        let file = self.files.get(usize::from(flow.first_frame.file));
        let dropped = || file.and_then(|file| file.dropped).is_some_and(|dropped| dropped > 0);
        self.cut_off(file, flow.first_seen).or_else(|| (asked < ASKED && dropped()).then_some(Doubt::Dropped))
    }

    /// What kept an answer to a frame of `file` at `at` from being captured: the file ended or fell silent before there
    /// was time for one, and none goes on where it ends. Other files may have been captured elsewhere.
    fn cut_off<'a>(&'a self, mut file: Option<&'a InputFile>, at: Timestamp) -> Option<Doubt> {
        for _ in 0..FILES {
            let (left, until) = file?.course.left_after(at)?;
            match (until, file?.next) {
                _ if left >= ANSWER_NS => return None,
                (Until::Silence, _) => return Some(Doubt::Gap),
                (Until::End, None) => break,
                (Until::End, next) => file = next.and_then(|next| self.files.get(usize::from(next))),
            }
        }
        Some(Doubt::End)
    }
}

/// Why a silence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// Its file lacks frames that the capturing program dropped, and it was not asked often.
    Dropped,
    /// Nothing at all was captured soon after it.
    Gap,
    /// The capture ends soon after it.
    End,
}

/// An answer that takes longer is none. Lync's hosts are milliseconds apart.
const ANSWER_NS: i64 = 1_000_000_000;
/// Who asked so often in vain was not unlucky with dropped frames: a SYN and its two retransmissions.
const ASKED: u64 = 3;
/// Files of a ring buffer that an answer may take to come, at most.
const FILES: usize = 1000;

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
    /// Those of them of which more was captured than of the first: what more they tell is not read.
    pub fuller_copies: u64,
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
    /// Frames of link types that are not decoded, by link type.
    pub undecoded: BTreeMap<LinkType, u64>,
    /// TCP segments that no link carries: IP states no length, or they have more than [`JUMBO`] bytes of payload.
    pub offloaded: u64,
    /// TCP segments of more payload than [`FRAME`] bytes that a link of jumbo frames could carry.
    pub large: u64,
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

impl Evicted {
    /// Counts a flow that went.
    pub fn add(&mut self, packets: u64, bound: Bound) {
        self.flows += 1;
        self.packets += packets;
        self.within.insert(bound);
    }
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
/// Payload of a TCP segment in the largest frame of Ethernet: 1,500 bytes less IPv4's and TCP's headers.
pub const FRAME: u32 = 1460;
/// The same in the largest of the usual jumbo frames, which carry 9,000 bytes.
pub const JUMBO: u32 = 8960;

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

    /// Counts a packet of a flow.
    #[inline]
    pub fn carried(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        if packet.payload_length > FRAME || packet.mark.offloaded {
            let tcp = packet.tuple.transport == Transport::Tcp && packet.payload_length > 0;
            let beyond = packet.mark.offloaded || packet.payload_length > JUMBO;
            self.offloaded += u64::from(tcp && beyond);
            self.large += u64::from(tcp && !beyond);
        }
    }

    /// Counts a frame that is a copy, of which perhaps more was captured than of the first.
    #[cold]
    pub fn repeated(&mut self, fuller: bool) {
        self.duplicates += 1;
        self.fuller_copies += u64::from(fuller);
    }

    /// Counts a frame that is no packet of a flow.
    #[inline]
    pub fn skipped(&mut self, frame: &Frame<'_>, skip: Skip) {
        self.skips.count(skip);
        if skip == Skip::UnsupportedLinkType {
            *self.undecoded.entry(frame.link).or_default() += 1;
        }
    }

    /// Ends the counting of a run of frames.
    pub fn settle(&mut self) {
        let (link, frames) = std::mem::take(&mut self.run);
        if frames > 0 {
            *self.links.entry(link).or_default() += frames;
        }
    }

    /// Takes the packets of dropped flows back.
    pub fn evict(&mut self, evicted: Evicted) {
        self.packets -= evicted.packets;
        self.skips.add(Skip::EvictedFlow, evicted.packets);
        self.evicted = evicted;
    }

    /// Whether every frame is accounted for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.frames == self.packets + self.skips.total() + self.duplicates
    }
}
