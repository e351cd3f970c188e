//! What another program captures, as it comes through a pipe: read by a thread of its own, so that nobody waits for it.
//!
//! In: [`Inputs`] that may block. Out: a [`Feed`]. Must not know: formats, interfaces, what is in a frame.

use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::{BATCH, Batch, Buffer, Damage, Feed, Frame, Input, InputFile, Inputs, LinkType, Turn};
use crate::error::Error;
use crate::net::Timestamp;

/// Batches that are read ahead.
const AHEAD: usize = 64;

/// Opens what is to be read, which waits for its first bytes.
type Open = Box<dyn FnOnce() -> Result<Inputs, Error> + Send>;

/// A capture that comes through a pipe.
pub struct Piped {
    /// Not opened yet.
    open: Option<Open>,
    came: Option<Receiver<Result<Piece, Error>>>,
    current: Option<Piece>,
    files: Vec<InputFile>,
    damage: Vec<Damage>,
    ended: bool,
}

/// Frames, without their buffer's reader.
struct Piece {
    frames: Vec<(Timestamp, LinkType, u16, u32, Range<usize>)>,
    buffer: Buffer,
    first_number: u64,
    file: u16,
    files: Vec<InputFile>,
    damage: Vec<Damage>,
}

impl Piped {
    /// What `open` opens, once the first frame is asked for; by then it is called `name`.
    #[must_use]
    pub fn new(name: &str, open: impl FnOnce() -> Result<Inputs, Error> + Send + 'static) -> Self {
        let file = InputFile {
            name: name.to_owned(),
            format: "pipe",
            compression: None,
            size: None,
            frames: 0,
            dropped: None,
            course: Default::default(),
            next: None,
        };
        Self {
            open: Some(Box::new(open)),
            came: None,
            current: None,
            files: vec![file],
            damage: Vec::new(),
            ended: false,
        }
    }

    fn start(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (sender, came) = sync_channel(AHEAD);
        self.came = Some(came);
        thread::spawn(move || {
            if let Err(error) = read(open, &sender) {
                let _ = sender.send(Err(error));
            }
        });
    }
}

/// Sends what comes, and at the end what there is to say of it.
fn read(open: Open, sender: &SyncSender<Result<Piece, Error>>) -> Result<(), Error> {
    let mut inputs = open()?;
    loop {
        let piece = inputs.next_batch()?.map(|batch| Piece {
            frames: batch.frames.iter().map(|frame| place(frame, &batch.buffer)).collect(),
            buffer: Buffer::clone(&batch.buffer),
            first_number: batch.first_number,
            file: batch.file,
            files: Vec::new(),
            damage: Vec::new(),
        });
        let last = piece.is_none();
        let nothing = Piece {
            frames: Vec::new(),
            buffer: Buffer::default(),
            first_number: 0,
            file: 0,
            files: Vec::new(),
            damage: Vec::new(),
        };
        let (files, damage) = (inputs.files().to_vec(), inputs.damage().to_vec());
        let piece = Piece { files, damage, ..piece.unwrap_or(nothing) };
        // Nobody takes it any more: the run is over.
        if sender.send(Ok(piece)).is_err() || last {
            return Ok(());
        }
    }
}

/// A frame, and where in the buffer its bytes are.
fn place(frame: &Frame<'_>, buffer: &[u8]) -> (Timestamp, LinkType, u16, u32, Range<usize>) {
    let start = frame.bytes.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr());
    (frame.at, frame.link, frame.interface, frame.original_length, start..start.wrapping_add(frame.bytes.len()))
}

impl Feed for Piped {
    fn next(&mut self, patience: Duration, _: Timestamp) -> Result<Turn<'_>, Error> {
        self.start();
        let came = self.came.as_ref().map(|came| came.recv_timeout(patience));
        let mut piece = match came {
            Some(Ok(piece)) => piece?,
            Some(Err(RecvTimeoutError::Timeout)) => return Ok(Turn::Nothing(None)),
            Some(Err(RecvTimeoutError::Disconnected)) | None => {
                self.ended = true;
                return Ok(Turn::End);
            }
        };
        self.files = std::mem::take(&mut piece.files);
        self.damage = std::mem::take(&mut piece.damage);
        let piece = self.current.insert(piece);
        let frame =
            |(at, link, interface, original_length, range): &(Timestamp, LinkType, u16, u32, Range<usize>)| Frame {
                at: *at,
                link: *link,
                interface: *interface,
                original_length: *original_length,
                bytes: piece.buffer.get(range.clone()).unwrap_or_default(),
            };
        let frames = piece.frames.iter().take(BATCH).map(frame).collect();
        let buffer = Buffer::clone(&piece.buffer);
        Ok(Turn::Frames(Batch { frames, buffer, first_number: piece.first_number, file: piece.file }))
    }

    fn files(&self) -> &[InputFile] {
        &self.files
    }

    fn damage(&self) -> &[Damage] {
        &self.damage
    }

    fn inputs(&mut self) -> Vec<Input> {
        let up = !self.ended;
        self.files.iter().map(|file| Input::of(file, up)).collect()
    }

    fn is_live(&self) -> bool {
        false
    }
}
