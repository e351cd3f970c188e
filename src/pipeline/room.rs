//! How many flows are kept, and which go when there is no room for more.
//!
//! In: the user's [`Bounds`], what flows hold. Out: when the table is swept, and of what.
//! Must not know: addresses, ports, verdicts.
//!
//! Memory is not what the allocator says, which differs from run to run and system to system, but a sum over what is
//! held: so many flows at a measured size each, and what their payload told, counted. The same capture always loses the
//! same flows.

use crate::evidence::{BUDGET, Evidence, Examiner};
use crate::flow::{Flow, FlowTable, Marks};
use crate::net::{Both, Transport};
use crate::reading::{Bound, Evicted};

/// What a run may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Flows at most.
    pub flows: usize,
    /// Bytes of resident memory at most, about; not below [`LEAST_MEMORY`].
    pub memory: u64,
}

/// Less memory is no use.
pub const LEAST_MEMORY: u64 = 64 << 20;

/// What a run takes besides flows: the program, tables, a window of the file with room for the largest block.
const FIXED: u64 = 32 << 20;

/// One byte in so many is for payload that is still being read.
const EXAMINED: u64 = 8;

/// Resident bytes of one flow without what its payload told, from its first packet to the last word of the report: itself,
/// and beside it slots, what judging learns, what the report gathers. Measured by `/usr/bin/time -v lyncap audit` on floods
/// of half a million to two million flows, less 288 bytes of a flow and what was told: 173 a flow for datagrams and 217 for
/// segments between strangers, 198 for SYN-ACKs, 209 for answered datagrams, 90 for SYNs to one server.
const FLOW: u64 = size_of::<Flow<Evidence>>() as u64 + BESIDE;
const BESIDE: u64 = 230;

/// A flow's index has 32 bits, one of which means none.
const MOST_FLOWS: usize = u32::MAX as usize - 1;

impl Default for Bounds {
    /// Any number of flows in 4 GiB: some millions.
    fn default() -> Self {
        Self { flows: usize::MAX, memory: 4 << 30 }
    }
}

impl Bounds {
    /// Bytes for payload that is still being read.
    pub(super) fn examined(self) -> usize {
        BUDGET.min(usize::try_from(self.memory / EXAMINED).unwrap_or(BUDGET))
    }

    /// How many flows there is memory for beside so many bytes of evidence.
    fn flows_beside(self, evidence: usize) -> usize {
        let taken = (FIXED + self.examined() as u64).saturating_add(evidence as u64);
        usize::try_from(self.memory.saturating_sub(taken) / FLOW).unwrap_or(usize::MAX)
    }
}

/// What goes first: of the lines, the first that holds of a flow is its place. A flood of packets that nobody answers
/// drops itself, whatever it carries; a connection that was made stays.
const QUEUE: &[fn(&Flow<Evidence>) -> bool] = &[
    |flow| flow.packets() == 1 && !flow.state.has_payload(),
    |flow| !flow.is_two_way() && !flow.state.tells(),
    |flow| !flow.is_two_way(),
    is_refused,
    |flow| !is_made(flow) && !flow.state.tells(),
    |flow| !is_made(flow) && flow.packets() <= LOOKUP,
    |flow| !flow.state.tells(),
];

/// Datagrams of a question and its answer, each asked and answered twice: names, time, addresses.
const LOOKUP: u64 = 4;

/// A TCP connection that both ends took part in.
fn is_made(flow: &Flow<Evidence>) -> bool {
    let Both { forward, reverse } = flow.handshake.marks;
    let took_part = |marks: Marks| marks.has(Marks::TALKED) || marks.has(Marks::SYN_ACK);
    took_part(forward) && took_part(reverse) && (forward.has(Marks::TALKED) || reverse.has(Marks::TALKED))
}

/// A connection that nobody accepted or used.
fn is_refused(flow: &Flow<Evidence>) -> bool {
    let marks = flow.handshake.marks;
    let used = |marks: Marks| marks.has(Marks::SYN_ACK) || marks.has(Marks::TALKED);
    flow.tuple.transport == Transport::Tcp && !used(marks.forward) && !used(marks.reverse)
}

/// Place in the queue, from the front; what no line holds of goes last.
pub(super) fn worth(flow: &Flow<Evidence>) -> u8 {
    (0..).zip(QUEUE).find(|(_, holds)| holds(flow)).map_or(u8::MAX, |(place, _)| place)
}

/// What is left of the bounds.
pub(super) struct Room {
    bounds: Bounds,
    /// Bytes of what flows' payload told.
    told: usize,
    /// The examiner's, when last asked.
    kept: usize,
    /// So many flows may be held.
    most: usize,
}

impl Room {
    pub(super) fn new(bounds: Bounds) -> Self {
        let mut room = Self { bounds, told: 0, kept: 0, most: 0 };
        room.measure();
        room
    }

    /// So many flows may be held.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Bytes that so many flows take with what their payload told.
    pub(super) const fn held(&self, flows: usize) -> u64 {
        (flows as u64).saturating_mul(FLOW).saturating_add((self.told + self.kept) as u64)
    }

    /// Takes note that what told so much has gone.
    pub(super) const fn forget(&mut self, told: usize) {
        self.told = self.told.saturating_sub(told);
    }

    /// Takes note of what the examiner keeps by now.
    pub(super) fn remeasure(&mut self, examiner: &Examiner) {
        self.kept = examiner.kept();
        self.measure();
    }

    /// Whether so many flows leave no room for another.
    #[inline]
    pub(super) const fn is_taken_by(&self, flows: usize) -> bool {
        flows >= self.most
    }

    /// Takes note that evidence has grown. Returns whether so many flows are now too many.
    #[inline]
    pub(super) fn is_shrunk_by(&mut self, grown: usize, examiner: &Examiner, flows: usize) -> bool {
        let kept = examiner.kept();
        if grown > 0 || kept != self.kept {
            (self.told, self.kept) = (self.told + grown, kept);
            self.measure();
        }
        flows > self.most
    }

    #[cold]
    fn measure(&mut self) {
        let memory = self.bounds.flows_beside(self.told + self.kept);
        self.most = self.bounds.flows.min(memory).clamp(1, MOST_FLOWS);
    }

    /// Drops flows, by the quarter, until a quarter of the room is free.
    #[cold]
    pub(super) fn make(&mut self, table: &mut FlowTable<Evidence>, examiner: &mut Examiner, evicted: &mut Evicted) {
        let bound = match self.bounds.flows > self.most {
            true => Bound::Memory(self.bounds.memory),
            false => Bound::Flows(self.bounds.flows as u64),
        };
        loop {
            table.evict(worth, |mut flow| {
                self.told = self.told.saturating_sub(flow.state.held());
                flow.state.abandon(examiner);
                evicted.add(flow.packets(), bound);
            });
            self.kept = examiner.kept();
            self.measure();
            if table.is_empty() || table.len() <= self.most - self.most.div_ceil(4) {
                return;
            }
        }
    }

    /// Ends the reading of a flow's payload. What was still being read tells nothing where there is no room for it.
    pub(super) fn settle(&mut self, state: &mut Evidence, examiner: &mut Examiner) {
        let before = state.held();
        match self.bounds.memory.saturating_sub(FIXED) > (self.told + self.kept) as u64 {
            true => state.settle(examiner),
            false => state.abandon(examiner),
        }
        self.told = (self.told + state.held()).saturating_sub(before);
    }
}
