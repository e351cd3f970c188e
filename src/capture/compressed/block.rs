//! Compressions whose decoders take bytes and give bytes: gzip, bzip2, xz.
//!
//! In: compressed bytes. Out: decoded ones, up to the very place where they go wrong.
//! Must not know: files of several members.

use bzip2::{Decompress as Bunzip2, Status as Bzip2Status};
use flate2::{Decompress as Inflate, FlushDecompress, Status as InflateStatus};
use lzma_rust2::{Action, Status as XzStatus, XzStream};

use super::{MEMORY, Member, Raw, Wrong};

/// Windows of gzip are of 2 to the power of this.
const GZIP_WINDOW: u8 = 15;

pub(super) fn gzip() -> Box<dyn Member> {
    Stepped::boxed(Inflate::new_gzip(GZIP_WINDOW))
}

pub(super) fn bzip2() -> Box<dyn Member> {
    Stepped::boxed(Bunzip2::new(false))
}

/// What an xz decoder needs besides the dictionary, and a little more, in KiB.
const XZ_BESIDES: u64 = 64;

pub(super) fn xz() -> Box<dyn Member> {
    let limit = u32::try_from((MEMORY >> 10) + XZ_BESIDES).unwrap_or(u32::MAX);
    Stepped::boxed(XzStream::new_mem_limit(false, limit))
}

/// What is wrong, of a decoder that has no better words.
const INVALID: &str = "invalid data or checksum";

/// A decoder that takes some bytes and gives some, and counts both even where it fails.
trait Step: Send {
    /// One step; whether it was the last.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<bool, Wrong>;

    /// Bytes taken and given so far.
    fn totals(&self) -> [u64; 2];
}

impl Step for Inflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<bool, Wrong> {
        match self.decompress(input, output, FlushDecompress::None) {
            Ok(status) => Ok(status == InflateStatus::StreamEnd),
            // It has more words, but not the same for the same bytes in other pieces.
            Err(_) => Err(Wrong::Corrupt(INVALID.to_owned())),
        }
    }

    fn totals(&self) -> [u64; 2] {
        [self.total_in(), self.total_out()]
    }
}

impl Step for Bunzip2 {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<bool, Wrong> {
        match self.decompress(input, output) {
            Ok(status) => Ok(status == Bzip2Status::StreamEnd),
            Err(_) => Err(Wrong::Corrupt(INVALID.to_owned())),
        }
    }

    fn totals(&self) -> [u64; 2] {
        [self.total_in(), self.total_out()]
    }
}

impl Step for XzStream {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<bool, Wrong> {
        match self.process(input, output, Action::Run) {
            Ok(result) => Ok(result.status == XzStatus::StreamEnd),
            Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => {
                Err(Wrong::Memory(u64::from(self.memory_usage().unwrap_or_default()) << 10))
            }
            Err(error) => Err(Wrong::Corrupt(error.to_string())),
        }
    }

    fn totals(&self) -> [u64; 2] {
        [self.total_in(), self.total_out()]
    }
}

/// A [`Member`] of any of them.
struct Stepped<D> {
    decoder: D,
    /// How the latest step ended; what it gave is handed out first.
    end: Option<Result<(), Wrong>>,
}

impl<D: Step + 'static> Stepped<D> {
    fn boxed(decoder: D) -> Box<dyn Member> {
        Box::new(Self { decoder, end: None })
    }

    /// One step. Bytes taken and given.
    fn step(&mut self, raw: &mut Raw, room: &mut [u8]) -> [usize; 2] {
        let before = self.decoder.totals();
        self.end = match self.decoder.step(raw.window.bytes(), room) {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(wrong) => Some(Err(wrong)),
        };
        let [[taken, given], [taken_before, given_before]] = [self.decoder.totals(), before];
        let [taken, given] = [taken.wrapping_sub(taken_before), given.wrapping_sub(given_before)];
        [taken, given].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}

impl<D: Step + 'static> Member for Stepped<D> {
    fn decode(&mut self, raw: &mut Raw, room: &mut [u8]) -> Result<usize, Wrong> {
        loop {
            if let Some(end) = self.end.take() {
                return end.map(|()| 0);
            }
            let [taken, given] = self.step(raw, room);
            raw.window.consume(taken);
            if given > 0 {
                return Ok(given.min(room.len()));
            }
            let idle = taken == 0 && self.end.is_none();
            if idle && !raw.fill(raw.window.bytes().len().saturating_add(1)) {
                return Err(Wrong::Corrupt("no more data".to_owned()));
            }
        }
    }
}
