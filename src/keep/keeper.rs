//! The first packets of every flow, held until it is judged.
//!
//! In: frames with the flow that each was counted in; judgements. Out: frames of flagged flows to a [`Store`].
//! Must not know: how a flow is judged, files.
//!
//! What tells of a flow stands at its beginning: the handshake and the first words. So of each flow the first packets are
//! held, up to [`Bounds::flow_packets`] and [`Bounds::flow_bytes`], and of all flows up to [`Bounds::bytes`]; where these
//! are reached the flow that began to be held first gives up what it holds. Not kept are, of a flow that is flagged late,
//! the packets between those and the judgement; they are counted as `missed`.
//!
//! A flow that has only begun when it is judged may be called something that its next packets disprove. So an open flow is
//! flagged in earnest the second time in a row, or once it has more packets than are held; one that ended, at once.

use std::collections::{HashMap, VecDeque};

use super::Store;
use crate::capture::{Frame, LinkType};
use crate::error::Error;
use crate::flow::FrameId;
use crate::live::snapshot::{Observer, Told};
use crate::net::Timestamp;
use crate::report::comment::line;

/// How much is held of flows that are not judged yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all flows, with what it takes to know them.
    pub bytes: usize,
    /// Captured bytes of one flow.
    pub flow_bytes: usize,
    /// Packets of one flow.
    pub flow_packets: usize,
}

impl Default for Bounds {
    /// 32 MiB; of each flow 32 packets or 16 KiB: a handshake, a TLS hello with its certificates, a request.
    fn default() -> Self {
        Self { bytes: 32 << 20, flow_bytes: 16 << 10, flow_packets: 32 }
    }
}

/// What one flow takes besides its frames, about: its entries in the map and the queue, room for some frames.
const FLOW: usize = 192 + 4 * size_of::<HeldFrame>();
/// What a held frame takes besides its bytes, with the room that a list of them grows by.
const FRAME: usize = 2 * size_of::<HeldFrame>();

/// What became of packets, beside what the store counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Flows of which packets are held or written.
    pub flows: u64,
    /// Bytes held, with what it takes to know them.
    pub held_bytes: u64,
    /// Packets of flagged flows that had passed before the flow was flagged, and were not held any more.
    pub missed: u64,
}

/// A frame that outlives its buffer.
#[derive(Debug)]
struct HeldFrame {
    at: Timestamp,
    link: LinkType,
    interface: u16,
    original_length: u32,
    bytes: Box<[u8]>,
}

impl HeldFrame {
    fn frame(&self) -> Frame<'_> {
        let Self { at, link, interface, original_length, ref bytes } = *self;
        Frame { at, link, interface, original_length, bytes }
    }
}

/// What is known of a flow.
#[derive(Debug, Default)]
struct Flow {
    held: Vec<HeldFrame>,
    bytes: usize,
    /// Packets that were not held.
    missed: u64,
    /// It was flagged the last time, while it went on.
    suspected: bool,
    /// The line about it, once it is flagged.
    line: Option<Box<str>>,
    /// Which of the places in the queue is its own: a flow may be forgotten and known again.
    turn: u64,
}

/// Holds packets until their flow is judged, and hands those of flagged flows to a store.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    bounds: Bounds,
    flows: HashMap<FrameId, Flow>,
    /// The flows in the order in which they began to be held. Those that ended are passed when their turn comes.
    queue: VecDeque<(FrameId, u64)>,
    turns: u64,
    bytes: usize,
    missed: u64,
}

impl Keeper {
    /// Keeps in `store` what is flagged.
    #[must_use]
    pub fn new(store: Store, bounds: Bounds) -> Self {
        let (flows, queue) = (HashMap::new(), VecDeque::new());
        Self { store, bounds, flows, queue, turns: 0, bytes: 0, missed: 0 }
    }

    /// A frame was counted in the flow that begins with the frame `flow`.
    pub fn saw(&mut self, frame: &Frame<'_>, flow: FrameId) {
        // Where a flow was captured is told by where it began.
        let frame = &Frame { interface: flow.file, ..*frame };
        if !self.flows.contains_key(&flow) {
            self.begin(flow);
        }
        let Some(known) = self.flows.get_mut(&flow) else { return };
        if let Some(line) = &known.line {
            self.store.write(frame, line);
            return;
        }
        let Bounds { flow_packets, flow_bytes, .. } = self.bounds;
        let bytes = frame.bytes.len() + FRAME;
        if known.missed > 0 || known.held.len() >= flow_packets || known.bytes + bytes > flow_bytes {
            known.missed += 1;
            return;
        }
        let Frame { at, link, interface, original_length, bytes: captured } = *frame;
        known.held.push(HeldFrame { at, link, interface, original_length, bytes: captured.into() });
        known.bytes += bytes;
        self.bytes += bytes;
        self.shrink();
    }

    /// A flow was judged: where it is flagged its packets are written, with `line` beside them, those held and those that
    /// come. `goes_on` says that it may be judged otherwise yet.
    pub fn judged(&mut self, flow: FrameId, flagged: bool, goes_on: bool, line: impl FnOnce() -> String) {
        if !flagged {
            // What was written stays written; what comes is of a flow like any other.
            if let Some(known) = self.flows.get_mut(&flow) {
                let line = known.line.take().map_or(0, |line| line.len());
                known.bytes -= line;
                self.bytes -= line;
                known.suspected = false;
            }
            return;
        }
        if !self.flows.contains_key(&flow) {
            self.begin(flow);
        }
        let Some(known) = self.flows.get_mut(&flow) else { return };
        if goes_on && !known.suspected && known.missed == 0 && known.line.is_none() {
            known.suspected = true;
            return;
        }
        let line = line().into_boxed_str();
        for held in std::mem::take(&mut known.held) {
            self.store.write(&held.frame(), &line);
        }
        self.bytes -= std::mem::replace(&mut known.bytes, line.len());
        self.bytes += line.len();
        self.missed += std::mem::take(&mut known.missed);
        known.line = Some(line);
        self.shrink();
    }

    /// No more packets of a flow come.
    pub fn ended(&mut self, flow: FrameId) {
        if let Some(known) = self.flows.remove(&flow) {
            self.bytes -= known.bytes + FLOW;
        }
        // Most flows end in the order in which they began, if only about.
        while self.queue.front().is_some_and(|&(flow, turn)| !self.is_known(flow, turn)) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.flows.len() + 1024 {
            let flows = &self.flows;
            self.queue.retain(|(flow, turn)| flows.get(flow).is_some_and(|known| known.turn == *turn));
        }
    }

    /// What is held, and what was missed.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept { flows: self.flows.len() as u64, held_bytes: self.bytes as u64, missed: self.missed }
    }

    /// Where they are written.
    pub const fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    fn begin(&mut self, flow: FrameId) {
        self.turns += 1;
        self.flows.insert(flow, Flow { turn: self.turns, ..Flow::default() });
        self.queue.push_back((flow, self.turns));
        self.bytes += FLOW;
        self.shrink();
    }

    fn is_known(&self, flow: FrameId, turn: u64) -> bool {
        self.flows.get(&flow).is_some_and(|known| known.turn == turn)
    }

    /// Forgets flows, those held for longest first, until there is room.
    fn shrink(&mut self) {
        while self.bytes > self.bounds.bytes {
            let Some((flow, turn)) = self.queue.pop_front() else { return };
            if self.is_known(flow, turn)
                && let Some(known) = self.flows.remove(&flow)
            {
                self.bytes -= known.bytes + FLOW;
            }
        }
    }
}

impl Observer for Keeper {
    fn frame(&mut self, frame: &Frame<'_>, flow: FrameId) {
        self.saw(frame, flow);
    }

    fn wants_frames(&self) -> bool {
        true
    }

    fn judged(&mut self, told: &Told<'_>) {
        let words = || line(told.id, told.verdict, told.proof, told.service);
        let ended = told.end.is_some_and(|end| end.is_end());
        Self::judged(self, told.first_frame, told.flagged, !ended, words);
        if ended {
            self.ended(told.first_frame);
        }
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.store.reopen();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::testing::{frame, lines};
    use crate::keep::{Limits, Store};

    fn flow(number: u64) -> FrameId {
        FrameId { file: 0, number }
    }

    /// What is written of flows: does `work`, reads the directory.
    fn check(bounds: Bounds, work: impl FnOnce(&mut Keeper), expected: &[&str]) -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Limits::default(), Vec::new()).unwrap();
        let mut keeper = Keeper::new(store, bounds);
        work(&mut keeper);
        assert_eq!(lines(folder.path()), expected);
        let held: usize = keeper.flows.values().map(|flow| flow.bytes + FLOW).sum();
        assert_eq!(held, keeper.bytes);
        assert!(keeper.bytes <= bounds.bytes.max(FLOW));
        keeper.kept()
    }

    fn flag(keeper: &mut Keeper, number: u64) {
        keeper.judged(flow(number), true, false, || format!("flow {number}"));
    }

    #[test]
    fn what_passed_before_the_judgement_is_written_with_it() {
        let work = |keeper: &mut Keeper| {
            for (at, number) in [(1, 1), (2, 2), (3, 1), (4, 3)] {
                keeper.saw(&frame(at, 100), flow(number));
            }
            flag(keeper, 1);
            keeper.judged(flow(2), false, true, || unreachable!());
            keeper.saw(&frame(5, 100), flow(1));
            keeper.saw(&frame(6, 100), flow(2));
            // It was documented as long as nothing was known of its payload.
            flag(keeper, 2);
            keeper.ended(flow(1));
            keeper.ended(flow(2));
            keeper.ended(flow(9));
        };
        let kept = check(Bounds::default(), work, &["1 flow 1", "3 flow 1", "5 flow 1", "2 flow 2", "6 flow 2"]);
        assert_eq!((kept.flows, kept.missed), (1, 0));
    }

    #[test]
    fn who_has_only_begun_is_flagged_the_second_time() {
        let judge = |keeper: &mut Keeper, number, flagged| {
            keeper.judged(flow(number), flagged, true, || format!("flow {number}"));
        };
        let work = |keeper: &mut Keeper| {
            for (at, number) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 4)] {
                keeper.saw(&frame(at, 100), flow(number));
            }
            (1..=4).for_each(|number| judge(keeper, number, true));
            // The first is flagged again; the second, and the third between two flags, are not.
            [(1, true), (2, false), (3, false), (3, true)]
                .into_iter()
                .for_each(|(n, flagged)| judge(keeper, n, flagged));
        };
        let bounds = Bounds { flow_packets: 2, ..Bounds::default() };
        let kept = check(bounds, work, &["4 flow 4", "5 flow 4", "1 flow 1"]);
        assert_eq!((kept.flows, kept.missed), (4, 1));
    }

    #[test]
    fn of_a_long_flow_the_beginning_is_held() {
        let work = |keeper: &mut Keeper| {
            (1..=9).for_each(|at| keeper.saw(&frame(at, 100), flow(1)));
            (11..=19).for_each(|at| keeper.saw(&frame(at, 1000), flow(2)));
            (1..=2).for_each(|number| flag(keeper, number));
            keeper.saw(&frame(20, 1000), flow(2));
        };
        let bounds = Bounds { flow_packets: 3, flow_bytes: 2 * (1000 + FRAME), ..Bounds::default() };
        let kept = check(bounds, work, &["1 flow 1", "2 flow 1", "3 flow 1", "11 flow 2", "12 flow 2", "20 flow 2"]);
        assert_eq!(kept.missed, 6 + 7);
    }

    #[test]
    fn a_flood_forgets_the_oldest_and_holds_no_more_than_it_may() {
        let bounds = Bounds { bytes: 10 * (FLOW + FRAME + 100), ..Bounds::default() };
        let work = |keeper: &mut Keeper| {
            for number in 1..=100_000 {
                keeper.saw(&frame(number as i64, 100), flow(number));
                assert!(keeper.bytes <= bounds.bytes && keeper.queue.len() <= 11);
            }
            [1, 99_992].into_iter().for_each(|number| flag(keeper, number));
        };
        check(bounds, work, &["99992 flow 99992"]);
        // Flows that end leave nothing behind.
        let work = |keeper: &mut Keeper| {
            keeper.saw(&frame(0, 100), flow(0));
            for number in 1..=100_000 {
                keeper.saw(&frame(number as i64, 100), flow(number));
                keeper.ended(flow(number));
                assert!(keeper.queue.len() < 1100);
            }
        };
        assert_eq!(check(bounds, work, &[]).flows, 1);
        // What is too large for all bounds is not held.
        let work = |keeper: &mut Keeper| {
            keeper.saw(&frame(1, 5000), flow(1));
            flag(keeper, 1);
            keeper.saw(&frame(2, 5000), flow(1));
        };
        check(Bounds { bytes: FLOW + 100, ..bounds }, work, &["2 flow 1"]);
    }
}
