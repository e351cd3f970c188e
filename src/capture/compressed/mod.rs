//! Compressed files: their bytes in, the bytes of the capture in them out.
//!
//! In: a [`Window`] that stands at a compression's magic. Out: a [`Window`] over what it decompresses to.
//! Must not know: captures.
//!
//! A file may be several compressed members one after the other; zeros may follow the last, as tapes leave them.
//! What was decoded before a fault is handed out before the fault is told.

use std::io::{self, Read};
use std::ops::RangeInclusive;

use super::window::{Fault, Stream, Window};

mod block;
mod frame;

/// A compression.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compression {
    /// As `InputFile::compression` has it.
    pub(super) name: &'static str,
    /// The command that prints the content of FILE, however much memory that takes.
    pub(super) command: &'static str,
}

const fn compression(name: &'static str, command: &'static str) -> Compression {
    Compression { name, command }
}

const GZIP: &Compression = &compression("gzip", "zcat FILE");
const BZIP2: &Compression = &compression("bzip2", "bzcat FILE");
const XZ: &Compression = &compression("xz", "xzcat FILE");
const ZSTD: &Compression = &compression("zstd", "zstdcat --long=31 FILE");
const LZ4: &Compression = &compression("lz4", "lz4cat FILE");

/// How a member starts, and what decodes it.
struct Row {
    first: RangeInclusive<u8>,
    rest: &'static [u8],
    compression: &'static Compression,
    decoder: fn() -> Box<dyn Member>,
}

const fn row(
    first: RangeInclusive<u8>,
    rest: &'static [u8],
    compression: &'static Compression,
    decoder: fn() -> Box<dyn Member>,
) -> Row {
    Row { first, rest, compression, decoder }
}

/// Every member that is decoded: RFC 1952; bzip2 1.0; The .xz File Format 1.2 (of its magic what four bytes decide);
/// RFC 8878 with its skippable frames, which parallel compressors write first; LZ4 Frame Format 1.6 with its
/// legacy frame.
const MEMBERS: &[Row] = &[
    row(0x1f..=0x1f, b"\x8b", GZIP, block::gzip),
    row(b'B'..=b'B', b"Zh", BZIP2, block::bzip2),
    row(0xfd..=0xfd, b"7zX", XZ, block::xz),
    row(0x28..=0x28, b"\xb5\x2f\xfd", ZSTD, frame::zstd),
    row(0x50..=0x5f, b"\x2a\x4d\x18", ZSTD, frame::skippable),
    row(0x04..=0x04, b"\x22\x4d\x18", LZ4, frame::lz4),
    row(0x02..=0x02, b"\x21\x4c\x18", LZ4, frame::lz4_legacy),
    row(0x50..=0x5f, b"\x2a\x4d\x18", LZ4, frame::skippable),
];

/// Bytes that decide: no magic is longer.
const MAGIC: usize = 4;

impl Row {
    fn fits(&self, bytes: &[u8]) -> bool {
        bytes.split_first().is_some_and(|(first, rest)| self.first.contains(first) && rest.starts_with(self.rest))
    }
}

/// The compression of what starts with `bytes`.
pub(super) fn recognise(bytes: &[u8]) -> Option<&'static Compression> {
    MEMBERS.iter().find(|row| row.fits(bytes)).map(|row| row.compression)
}

/// The content of a file that is so compressed.
pub(super) fn decompress(window: Window, compression: &'static Compression) -> Window {
    let raw = Raw { window, failed: None, ended: false };
    Window::over(Box::new(Decoder { raw, compression, member: None, ended: 0, produced: 0, over: false }))
}

/// One member (gzip), stream (xz, bzip2) or frame (zstd, lz4).
trait Member: Send {
    /// The next decoded bytes into `room`, which has some: how many, 0 at the member's end.
    fn decode(&mut self, raw: &mut Raw, room: &mut [u8]) -> Result<usize, Wrong>;
}

/// Why a member cannot be decoded on. A reader that failed or ended is told by [`Raw`], not by this.
enum Wrong {
    /// The content makes no sense, in the decoder's words.
    Corrupt(String),
    /// So many bytes of memory are wanted.
    Memory(u64),
    /// It cannot be decoded without a dictionary.
    Dictionary,
}

/// The most memory that a compressed file can ask for, for a window or dictionary: what zstd grants unasked, twice of
/// what `xz -9` needs.
const MEMORY: u64 = 128 << 20;
/// A file that grows by more than this factor is made to, but only once it is [`LARGE`].
const BOMB: u64 = 1000;
const LARGE: u64 = 64 << 20;
/// Members there may be, and one more for each so many bytes they gave: one of bzip2 may be of 14 bytes and give nothing,
/// and takes a tenth of a millisecond.
const MEMBERS_AT_LEAST: u64 = 10_000;
const MEMBER_BYTES: u64 = 256;

/// Compressed bytes, and how the reading of them went.
struct Raw {
    window: Window,
    /// Why no more could be read.
    failed: Option<io::Error>,
    /// More was wanted, and there was none.
    ended: bool,
}

impl Raw {
    /// Reads until `wanted` bytes are unread; `false` where there are no more or reading failed.
    fn fill(&mut self, wanted: usize) -> bool {
        match self.window.fill(wanted) {
            Ok(true) => return true,
            Ok(false) => self.ended = true,
            Err(error) => self.failed = Some(error),
        }
        false
    }
}

impl Read for Raw {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.window.bytes().is_empty() && !self.fill(1) {
            return self.failed.as_ref().map_or(Ok(0), |error| Err(error.kind().into()));
        }
        let count = self.window.bytes().read(room)?;
        self.window.consume(count);
        Ok(count)
    }
}

/// What a compressed file decompresses to.
struct Decoder {
    raw: Raw,
    compression: &'static Compression,
    member: Option<Box<dyn Member>>,
    /// Members that were decoded to their ends.
    ended: u64,
    produced: u64,
    /// A fault was told, or the end was.
    over: bool,
}

impl Decoder {
    /// Decodes until there are bytes; 0 at the end.
    fn decode(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                if !self.next_member()? {
                    return Ok(0);
                }
                continue;
            };
            match member.decode(&mut self.raw, room) {
                Ok(0) => {
                    self.member = None;
                    self.end()?;
                }
                Ok(count) => return Ok(count),
                Err(wrong) => return Err(self.told(&wrong)),
            }
        }
    }

    /// Counts a member that ended, and refuses what was made of next to nothing but members.
    fn end(&mut self) -> io::Result<()> {
        self.ended = self.ended.saturating_add(1);
        if self.ended <= MEMBERS_AT_LEAST.saturating_add(self.produced / MEMBER_BYTES) {
            return Ok(());
        }
        let Compression { name, command } = self.compression;
        Err(Fault::error(format!(
            "{} {name} streams with {} bytes in all of them, as no capture has; if it is one, decompress it first, e.g. \
             `{command} | lyncap audit -`",
            self.ended, self.produced
        )))
    }

    /// Begins the next member, if there is one.
    fn next_member(&mut self) -> io::Result<bool> {
        while self.raw.fill(1) && self.raw.window.bytes().first() == Some(&0) {
            let zeros = self.raw.window.bytes().iter().take_while(|&&byte| byte == 0).count();
            self.raw.window.consume(zeros);
        }
        if let Some(error) = self.raw.failed.take() {
            return Err(error);
        }
        if self.raw.window.bytes().is_empty() {
            return Ok(false);
        }
        self.raw.fill(MAGIC);
        let mut rows = MEMBERS.iter().filter(|row| row.compression == self.compression);
        let Some(row) = rows.find(|row| row.fits(self.raw.window.bytes())) else {
            let name = self.compression.name;
            let none = || Fault::error(format!("what follows the {name} stream is no {name}"));
            return Err(self.raw.failed.take().unwrap_or_else(none));
        };
        self.member = Some((row.decoder)());
        Ok(true)
    }

    fn cut_short(&self) -> io::Error {
        Fault::error(format!("{} stream cut short", self.compression.name))
    }

    /// The error for what is wrong.
    fn told(&mut self, wrong: &Wrong) -> io::Error {
        if let Some(error) = self.raw.failed.take() {
            return error;
        }
        let Compression { name, command } = self.compression;
        let first = format!("decompress it first, e.g. `{command} | lyncap audit -`");
        Fault::error(match wrong {
            Wrong::Memory(bytes) => {
                let [wanted, most] = [*bytes, MEMORY].map(|bytes| bytes >> 20);
                format!("{name} stream needs {wanted} MiB of memory (at most {most}); {first}")
            }
            Wrong::Dictionary => format!("{name} stream needs the dictionary it was made with; decompress it first"),
            Wrong::Corrupt(_) if self.raw.ended => return self.cut_short(),
            Wrong::Corrupt(what) => format!("{name} stream corrupt: {what}"),
        })
    }

    /// Counts what was decoded, and refuses what was made to fill memory and time.
    fn count(&mut self, count: usize) -> io::Result<()> {
        self.produced = self.produced.saturating_add(count as u64);
        if self.produced > LARGE && self.produced / BOMB > self.raw.window.taken() {
            let Compression { name, command } = self.compression;
            return Err(Fault::error(format!(
                "{name} stream grows more than {BOMB}-fold, as no capture does; if it is one, decompress it first, \
                 e.g. `{command} | lyncap audit -`"
            )));
        }
        Ok(())
    }
}

impl Read for Decoder {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        let decoded = self.decode(room).and_then(|count| self.count(count).map(|()| count));
        self.over = !matches!(decoded, Ok(1..));
        decoded
    }
}

impl Stream for Decoder {
    fn taken(&self) -> Option<u64> {
        Some(self.raw.window.taken())
    }

    fn grows(&self) -> bool {
        self.raw.window.grows()
    }

    fn interrupted(&self) -> bool {
        self.raw.window.interrupted()
    }
}
