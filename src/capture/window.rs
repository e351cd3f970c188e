//! A refillable window over a byte stream: records are parsed where they were read to.
//!
//! In: a [`Stream`]. Out: the unread bytes, as many as a record needs, and where in the stream they lie.
//! Must not know: what a record is; what the stream does to the bytes of a file; who still reads a buffer.

use std::io::{self, Read};
use std::sync::Arc;

use super::Buffer;

/// First read: enough to sniff a file and see its first frame, cheap where thousands of files are listed.
const FIRST: usize = 64 << 10;
/// Size after the first refill. Larger windows fall out of the second-level cache and gain nothing.
const FULL: usize = 256 << 10;

/// Where a window's bytes come from.
pub(super) trait Stream: Read + Send {
    /// Bytes of the file dealt with, where they are not the bytes that were read from here.
    fn taken(&self) -> Option<u64> {
        None
    }

    /// Whether more is waited for where it ends.
    fn grows(&self) -> bool {
        false
    }

    /// Whether it ended because it was told to, not because there is no more.
    fn interrupted(&self) -> bool {
        false
    }
}

/// A stream that is nothing but a reader.
struct Plain(Box<dyn Read + Send>);

impl Read for Plain {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl Stream for Plain {}

/// What is wrong with the content of a stream, as opposed to with the reading of it. Travels in an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(String);

impl Fault {
    /// A fault in these words.
    pub(super) fn error(words: impl Into<String>) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self(words.into()))
    }

    /// The fault that an error carries, if it is one.
    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match Fault::of(error) {
        Some(Fault(words)) => Fault::error(words.clone()),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Bytes of a stream, oldest first, up to as many as the largest record so far needed.
///
/// Memory is [`FULL`] or, where a record is larger, less than twice that record: readers bound their records.
pub(super) struct Window {
    stream: Box<dyn Stream>,
    /// Shared with whoever is not done with the records in it; then the window goes on in another.
    buffer: Buffer,
    /// Buffers it went on from. There are no more than are shared at once.
    earlier: Vec<Buffer>,
    /// The unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset of `buffer[0]` in the stream.
    base: u64,
    /// Why no more can be read. Who looks ahead may pass over it; who reads on is told again.
    failed: Option<io::Error>,
}

impl Window {
    /// Nothing is read yet.
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Self::over(Box::new(Plain(reader)))
    }

    /// The same, of a stream that is more than a reader.
    pub(super) fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream, buffer: Arc::default(), earlier: Vec::new(), start: 0, end: 0, base: 0, failed: None }
    }

    /// What is read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The unread bytes and how many of the buffer's bytes are consumed, for a caller that hands out parts
    /// of the former and then moves the latter on, by no more than the length of the former.
    pub(super) fn lend(&mut self) -> (&[u8], &mut usize) {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        (bytes, &mut self.start)
    }

    /// The buffer that the unread bytes are in: who keeps a share of it keeps them.
    pub(super) fn share(&self) -> Buffer {
        Arc::clone(&self.buffer)
    }

    /// Offset in the stream of the first unread byte: also the number of bytes consumed.
    pub(super) fn offset(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// Bytes of the file consumed: [`Window::offset`], unless the stream is not the file as it stands.
    pub(super) fn taken(&self) -> u64 {
        self.stream.taken().unwrap_or_else(|| self.offset())
    }

    /// Whether more is waited for where the stream ends.
    pub(super) fn grows(&self) -> bool {
        self.stream.grows()
    }

    /// Whether the stream ended because it was told to.
    pub(super) fn interrupted(&self) -> bool {
        self.stream.interrupted()
    }

    /// Drops the first `count` unread bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Reads until `wanted` bytes are unread; `false` when the stream ends before. Reads no further than it
    /// must, so a pipe that is still being written is handed on record by record.
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.bytes().len() < wanted {
            if let Some(error) = &self.failed {
                return Err(again(error));
            }
            self.make_room();
            // Nobody else has a share of it by now: it is never copied.
            let buffer = Arc::make_mut(&mut self.buffer);
            let length = buffer.len();
            let room = buffer.get_mut(self.end..).unwrap_or_default();
            match self.stream.read(room) {
                Ok(0) => return Ok(false),
                // A `Read` that claims more than it was given room for must not break the window.
                Ok(count) => self.end = self.end.saturating_add(count).min(length),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        Ok(true)
    }

    /// Moves the unread bytes to the front of a buffer that nobody else reads, and grows it where they fill it. Growth
    /// follows the bytes that arrived, not a length a record claims.
    fn make_room(&mut self) {
        let (start, unread) = (self.start, self.end - self.start);
        let moved = Arc::get_mut(&mut self.buffer).is_none();
        if moved {
            let free = self.earlier.iter_mut().position(|buffer| Arc::get_mut(buffer).is_some());
            let next = free.map(|i| self.earlier.swap_remove(i)).unwrap_or_default();
            self.earlier.push(std::mem::replace(&mut self.buffer, next));
        }
        self.base = self.base.saturating_add(start as u64);
        (self.start, self.end) = (0, unread);
        let old = if moved { self.earlier.last() } else { None };
        let buffer = Arc::make_mut(&mut self.buffer);
        let least = if self.base == 0 { FIRST } else { FULL };
        let wanted = if unread < least { least } else { (unread + 1).next_power_of_two() };
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        match old {
            Some(old) => {
                let unread = old.get(start..start + unread).unwrap_or_default();
                if let Some(front) = buffer.get_mut(..unread.len()) {
                    front.copy_from_slice(unread);
                }
            }
            None if start > 0 => buffer.copy_within(start..start + unread, 0),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::Drip;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    /// Takes the stream in steps of `step` bytes and compares it with what went in.
    fn check(length: usize, step: usize, drip: usize) -> Window {
        let data = pattern(length);
        let mut window = Window::new(Box::new(Drip::new(data.clone(), drip)));
        let mut seen = Vec::new();
        while window.fill(step).unwrap() {
            assert_eq!(window.offset(), seen.len() as u64);
            seen.extend_from_slice(&window.bytes()[..step]);
            window.consume(step);
        }
        seen.extend_from_slice(window.bytes());
        assert!(seen == data, "length {length} step {step} drip {drip}");
        window
    }

    #[test]
    fn every_byte_comes_once_and_in_order() {
        for (length, step, drip) in
            [(0, 1, 1), (10, 3, 1), (10, 30, 4), (700_000, 1517, usize::MAX), (700_000, 1517, 4093), (300, 7, 1)]
        {
            check(length, step, drip);
        }
    }

    #[test]
    fn memory_does_not_grow_with_the_stream() {
        assert_eq!(check(8 << 20, 1000, usize::MAX).buffer.len(), FULL);
    }

    #[test]
    fn grows_for_a_large_record_but_not_for_a_claim() {
        assert!(check(3 << 20, 1 << 20, 65_536).buffer.len() < 2 << 20);
        let mut window = Window::new(Box::new(Drip::new(pattern(100), 100)));
        assert!(!window.fill(16 << 20).unwrap());
        assert_eq!(window.buffer.len(), FIRST);
        assert_eq!(window.bytes().len(), 100);
    }

    #[test]
    fn reads_no_further_than_needed() {
        let mut window = Window::new(Box::new(Drip::new(pattern(100), 10)));
        assert!(window.fill(5).unwrap());
        assert_eq!(window.bytes().len(), 10);
    }
}
