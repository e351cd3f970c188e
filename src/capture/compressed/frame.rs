//! Compressions made of frames of blocks, decoded block by block: zstd, lz4.
//!
//! In: compressed bytes. Out: decoded ones, up to the block that is wrong.
//! Must not know: files of several frames.

use std::io::{self, Read as _};
use std::mem;

use lz4_flex::frame::{Error as Lz4Error, FrameDecoder as Lz4Decoder};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};

use super::super::window::Window;
use super::{MEMORY, Member, Raw, Wrong};

pub(super) fn zstd() -> Box<dyn Member> {
    let mut decoder = ZstdDecoder::new();
    decoder.set_max_window_size(MEMORY);
    Box::new(Zstd { decoder, begun: false, wrong: None })
}

pub(super) fn lz4() -> Box<dyn Member> {
    Box::new(Lz4 { decoder: Lz4Decoder::new(Raw::empty()), endless: false })
}

pub(super) fn lz4_legacy() -> Box<dyn Member> {
    Box::new(Lz4 { decoder: Lz4Decoder::new(Raw::empty()), endless: true })
}

pub(super) fn skippable() -> Box<dyn Member> {
    Box::new(Skippable)
}

/// An empty last block, raw, and room for a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// A zstd frame (RFC 8878).
struct Zstd {
    decoder: ZstdDecoder,
    begun: bool,
    wrong: Option<Wrong>,
}

impl Zstd {
    /// Decodes the header or the next block.
    fn advance(&mut self, raw: &mut Raw) -> Result<(), FrameDecoderError> {
        if mem::replace(&mut self.begun, true) {
            self.decoder.decode_blocks(raw, BlockDecodingStrategy::UptoBlocks(1)).map(|_| ())
        } else {
            self.decoder.init(raw)
        }
    }

    /// Whether the content is what the frame's checksum is of.
    fn check(&self) -> Result<(), Wrong> {
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(Wrong::Corrupt("wrong checksum".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl Member for Zstd {
    fn decode(&mut self, raw: &mut Raw, room: &mut [u8]) -> Result<usize, Wrong> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(room).map_err(|error| Wrong::Corrupt(error.to_string()));
            }
            if let Some(wrong) = self.wrong.take() {
                return Err(wrong);
            }
            if self.begun && self.decoder.is_finished() {
                return self.check().map(|()| 0);
            }
            if let Err(error) = self.advance(raw) {
                self.wrong = Some(wrong(error));
                // The decoder keeps as much as later blocks may repeat. There are none: a last one makes it let go.
                let _ = self.decoder.decode_blocks(LAST_BLOCK, BlockDecodingStrategy::All);
            }
        }
    }
}

/// Its own words are meant for those who wrote it.
fn wrong(error: FrameDecoderError) -> Wrong {
    use FrameDecoderError as Error;
    match error {
        Error::WindowSizeTooBig { requested, .. } => Wrong::Memory(requested),
        Error::DictNotProvided { .. } => Wrong::Dictionary,
        Error::ReadFrameHeaderError(_) | Error::FrameHeaderError(_) => Wrong::Corrupt("invalid header".to_owned()),
        _ => Wrong::Corrupt("invalid block".to_owned()),
    }
}

/// An LZ4 frame (LZ4 Frame Format 1.6).
struct Lz4 {
    decoder: Lz4Decoder<Raw>,
    /// A legacy frame has no end mark: it ends with the file.
    endless: bool,
}

impl Member for Lz4 {
    fn decode(&mut self, raw: &mut Raw, room: &mut [u8]) -> Result<usize, Wrong> {
        mem::swap(self.decoder.get_mut(), raw);
        let decoded = self.decoder.read(room);
        mem::swap(self.decoder.get_mut(), raw);
        match decoded {
            Ok(0) if raw.ended && !self.endless => Err(Wrong::Corrupt("no end mark".to_owned())),
            Ok(count) => Ok(count),
            Err(error) => Err(lz4_wrong(&error)),
        }
    }
}

/// Its own words are the names of its variants.
fn lz4_wrong(error: &io::Error) -> Wrong {
    use Lz4Error as Error;
    Wrong::Corrupt(match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::DictionaryNotSupported) => return Wrong::Dictionary,
        Some(Error::HeaderChecksumError | Error::BlockChecksumError | Error::ContentChecksumError) => {
            "wrong checksum".to_owned()
        }
        Some(Error::ContentLengthError { expected, actual }) => format!("{actual} of {expected} bytes"),
        _ => "invalid header or block".to_owned(),
    })
}

/// A skippable frame: four bytes of magic, the length of what follows, and that; zstd and lz4 have it alike.
struct Skippable;

impl Member for Skippable {
    fn decode(&mut self, raw: &mut Raw, _: &mut [u8]) -> Result<usize, Wrong> {
        let short = || Wrong::Corrupt("skippable frame cut short".to_owned());
        let mut header = [0; 8];
        raw.read_exact(&mut header).map_err(|_| short())?;
        let [_, _, _, _, length @ ..] = header;
        let mut rest = u32::from_le_bytes(length) as usize;
        while rest > 0 {
            if !raw.fill(1) {
                return Err(short());
            }
            let skipped = raw.window.bytes().len().min(rest);
            raw.window.consume(skipped);
            rest = rest.saturating_sub(skipped);
        }
        Ok(0)
    }
}

impl Raw {
    /// Nothing: what a decoder holds that is lent the bytes for each call.
    fn empty() -> Self {
        Self { window: Window::new(Box::new(io::empty())), failed: None, ended: false }
    }
}
