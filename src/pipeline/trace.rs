//! Once more over the same capture: of each frame, which flow it belongs to.
//!
//! In: [`Inputs`] and [`Options`] of a run before. Out: frames one by one, each with the first frame of its flow, by which
//! the flow is known among those of the run before.
//! Must not know: what is done with them.
//!
//! The same two sides do the same once more, frame by frame: timeouts, fragments, copies, tunnels and the flows that went
//! for want of room need no second opinion.

use std::ops::Range;
use std::sync::Arc;

use super::Options;
use super::intake::Intake;
use super::parcel::Parcel;
use super::tracking::Tracking;
use crate::capture::{Batch, Buffer, Frame, InputFile, Inputs};
use crate::error::Error;
use crate::flow::FrameId;

/// What a frame is to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A packet of it, or a fragment of one.
    Packet,
    /// A copy of one that was captured before.
    Copy,
    /// An ICMP error that quotes one.
    Quote,
}

/// A frame of a flow.
#[derive(Clone, Debug)]
pub struct Traced<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Where it stands.
    pub id: FrameId,
    /// Where the first frame of its flow stands.
    pub flow: FrameId,
    /// What it is to its flow.
    pub part: Part,
    /// What its file notes beside it.
    pub comments: Vec<String>,
}

/// Reads everything once more, as far as `read` says it was read, and hands the frames of flows to `each`, in order.
/// `progress` is told the bytes consumed after each batch.
///
/// # Errors
/// What `each` says; and where the files are others than those of the run before.
pub fn trace(
    mut inputs: Inputs,
    options: Options,
    read: &[InputFile],
    mut progress: impl FnMut(u64),
    mut each: impl FnMut(&Inputs, &Traced<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    check(&inputs, read)?;
    let mut tracer = Tracer::new(options);
    // What is asked of a file's interfaces while its batch is lent out would have to wait: the frames wait instead.
    let mut held = Held::default();
    while held.fill(&mut inputs, &mut tracer, read)? {
        progress(inputs.consumed_bytes());
        held.each(|traced| each(&inputs, traced))?;
    }
    check(&inputs, read)?;
    match inputs.files().iter().zip(read).find(|(now, before)| now.frames < before.frames) {
        Some((now, _)) => Err(changed(&now.name)),
        None => Ok(()),
    }
}

/// The same files in the same order.
fn check(inputs: &Inputs, read: &[InputFile]) -> Result<(), Error> {
    let others = inputs.files().iter().zip(read).find(|(now, before)| now.name != before.name);
    match others.map(|(now, _)| now).or_else(|| inputs.files().get(read.len())) {
        Some(file) => Err(changed(&file.name)),
        None if inputs.files().len() < read.len() => Err(changed(read.last().map_or("", |file| &file.name))),
        None => Ok(()),
    }
}

fn changed(file: &str) -> Error {
    Error::Usage(format!("{file} was changed while it was read; name captures that are complete"))
}

/// Both sides, in step.
struct Tracer {
    intake: Intake,
    tracking: Tracking,
    parcel: Parcel,
}

impl Tracer {
    fn new(options: Options) -> Self {
        let tracking = Tracking::new(options.timeouts, options.bounds);
        let intake = Intake::new(options.filter, options.keep_duplicates, tracking.hasher());
        Self { intake, tracking, parcel: Parcel::default() }
    }

    /// The flow that a frame belongs to; none of a frame that is skipped or filtered.
    fn place(&mut self, frame: &Frame<'_>, id: FrameId, buffer: &Buffer) -> Option<(FrameId, Part)> {
        self.parcel.clear();
        let frames = [*frame].into_iter().collect();
        let batch = Batch { frames, buffer: Arc::clone(buffer), first_number: id.number, file: id.file };
        self.intake.take(&batch, &mut self.parcel);
        self.tracking.visit(&self.parcel);
        let placed = match (self.parcel.packets.first(), self.parcel.aside) {
            (Some(ready), _) => self.tracking.flow_of(&ready.packet.tuple).map(|flow| (flow, Part::Packet)),
            (None, Some(tuple)) => {
                let part = if self.parcel.quotes.is_empty() { Part::Copy } else { Part::Quote };
                self.tracking.flow_of(&tuple).map(|flow| (flow, part))
            }
            (None, None) => None,
        };
        // The reader goes on in a buffer that nobody holds.
        self.parcel.clear();
        placed
    }
}

/// Frames of a batch, kept until it is given back.
#[derive(Default)]
struct Held {
    frames: Vec<(Range<usize>, Traced<'static>)>,
    bytes: Vec<u8>,
}

impl Held {
    /// With the frames of the next batch that are of flows; false after the last.
    fn fill(&mut self, inputs: &mut Inputs, tracer: &mut Tracer, read: &[InputFile]) -> Result<bool, Error> {
        let Some(batch) = inputs.next_batch()? else { return Ok(false) };
        let file = batch.file;
        let pcapng = read.get(usize::from(file)).is_some_and(|file| file.format == "pcapng");
        let last = read.get(usize::from(file)).map_or(0, |file| file.frames);
        for (number, frame) in (batch.first_number..=last).zip(&batch.frames) {
            let id = FrameId { file, number };
            if let Some((flow, part)) = tracer.place(frame, id, &batch.buffer) {
                let comments = if pcapng { batch.comments(frame) } else { Vec::new() };
                let comments = comments.into_iter().map(str::to_owned).collect();
                self.push(frame, Traced { frame: Frame { bytes: &[], ..*frame }, id, flow, part, comments });
            }
        }
        Ok(true)
    }

    fn push(&mut self, frame: &Frame<'_>, traced: Traced<'static>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        self.frames.push((start..self.bytes.len(), traced));
    }

    /// Hands them over and forgets them.
    fn each(&mut self, mut each: impl FnMut(&Traced<'_>) -> Result<(), Error>) -> Result<(), Error> {
        for (range, traced) in self.frames.drain(..) {
            let bytes = self.bytes.get(range).unwrap_or_default();
            each(&Traced { frame: Frame { bytes, ..traced.frame }, ..traced })?;
        }
        self.bytes.clear();
        Ok(())
    }
}
