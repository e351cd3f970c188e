//! Stage 1: bytes → frames. Everything that knows a capture format lives here.
//!
//! In: files, directories, standard input; compressed or not, complete or still growing. Out: [`Batch`]es of [`Frame`]s borrowed from the reader's own
//! buffer, in file order; and, when a file breaks off, its [`Damage`].
//! Must not know: what is inside a frame.

use std::sync::Arc;

use arrayvec::ArrayVec;

pub use course::{Course, GAP_NS, Until};
pub use feed::{Drops, Feed, Input, Turn};
pub use filter::Filter;
pub use follow::Follow;
pub use input::{InputFile, Inputs, LeftOut};
pub use linktype::LinkType;
pub use pcapng::{Described, PcapngWriter};
pub use piped::Piped;
pub use replay::Replay;

use crate::net::Timestamp;

mod compressed;
mod course;
mod feed;
mod filter;
mod follow;
mod input;
#[cfg(feature = "live")]
mod libpcap;
mod linktype;
mod listing;
pub mod live;
mod netmon;
mod order;
mod pcap;
mod pcapng;
mod piped;
mod reader;
mod replay;
mod savefile;
mod snoop;
#[cfg(test)]
mod testing;
mod window;

/// Frames handed over at once; small enough that a batch's frames stay in the cache.
pub const BATCH: usize = 32;

/// One frame as captured.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured. Where the format gives no time, that of the frame before it.
    pub at: Timestamp,
    /// What its first header is.
    pub link: LinkType,
    /// Which of its file's interfaces it came from, where the format tells: pcapng's number.
    pub interface: u16,
    /// Length on the wire, as the file states it. `bytes` is shorter where a snaplen cut it; a broken
    /// writer can state less than it stored, which is kept as it stands (as tshark's `frame.len` is).
    pub original_length: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
}

/// A reader's buffer. Who keeps a share of it keeps the bytes of its frames; the reader goes on in another.
pub type Buffer = Arc<Vec<u8>>;

/// Frames of one file that live together in its reader's buffer.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The frames, in file order.
    pub frames: ArrayVec<Frame<'a>, BATCH>,
    /// What their bytes are in.
    pub buffer: Buffer,
    /// Number of the first frame in its file, counted from 1 as Wireshark does.
    pub first_number: u64,
    /// Index of the file in the list of files read.
    pub file: u16,
}

impl Batch<'_> {
    /// What the file notes beside one of the batch's frames; only pcapng has room for that.
    #[must_use]
    pub fn comments(&self, frame: &Frame<'_>) -> Vec<&str> {
        pcapng::comments(&self.buffer, frame.bytes)
    }
}

/// Where and how a file broke off. What came before it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, as the user named it.
    pub file: String,
    /// Byte offset of the record that could not be read; in a compressed file, of its decompressed content.
    pub offset: u64,
    /// Whether the file is compressed.
    pub compressed: bool,
    /// What is wrong there, in words ("record cut short: 40 of 1514 bytes").
    pub what: String,
}

impl Damage {
    /// Where it is, in words: "byte 40", "byte 40 of its decompressed content".
    #[must_use]
    pub fn place(&self) -> String {
        let of = if self.compressed { " of its decompressed content" } else { "" };
        format!("byte {}{of}", self.offset)
    }
}
