//! Writes pcapng: one section, its interfaces, frames with comments.
//!
//! In: [`Frame`]s, and what is known of where they were captured. Out: blocks on a writer, each in one write.
//! Must not know: why a frame is kept, where the bytes go.
//!
//! Times are nanoseconds, which is what a [`Frame`] has. A time before 1970 needs an interface with an offset, for ticks
//! are unsigned. (draft-ietf-opsawg-pcapng §4.1 to §4.3.)

use std::io::{self, Write};

use super::comment::COMMENT;
use super::{BYTE_ORDER, ENHANCED_PACKET, INTERFACE, SECTION};
use crate::capture::{Frame, LinkType};

/// `opt_endofopt`; `shb_userappl`; `if_name`, `if_description`, `if_tsresol`, `if_tsoffset`.
const END: u16 = 0;
const APPLICATION: u16 = 4;
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;

/// `if_tsresol`: a tick is 10^-9 seconds.
const NANOSECONDS: u8 = 9;
/// An option has 16 bits for its length.
const LONGEST_TEXT: usize = u16::MAX as usize;

/// Where frames were captured, as an interface block says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Described {
    /// First header of its frames.
    pub link: LinkType,
    /// Bytes captured of a frame at most; 0 is no limit, or none known.
    pub snaplen: u32,
    /// Its name where it was captured: `eth0`.
    pub name: Option<String>,
    /// What else there is to say of it.
    pub description: Option<String>,
    /// Its frames are from before 1970.
    pub before_1970: bool,
}

/// The second from which the ticks of such frames are counted: the earliest that a time can be in.
const EARLIEST: i64 = i64::MIN.div_euclid(1_000_000_000);

impl Described {
    const fn offset(&self) -> i64 {
        if self.before_1970 { EARLIEST } else { 0 }
    }
}

/// A pcapng section being written.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    /// The offsets of the interfaces described so far.
    offsets: Vec<i64>,
    written: u64,
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a section, written by `application`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn new(out: W, application: &str) -> io::Result<Self> {
        let mut writer = Self { out, offsets: Vec::new(), written: 0, block: Vec::new() };
        writer.begin(SECTION);
        writer.put(&BYTE_ORDER.to_le_bytes());
        writer.put(&[1, 0, 0, 0]);
        // Its length is unknown as long as it is written.
        writer.put(&u64::MAX.to_le_bytes());
        writer.option(APPLICATION, application.as_bytes());
        writer.option(END, &[]);
        writer.end()?;
        Ok(writer)
    }

    /// Describes an interface; returns its number.
    ///
    /// # Errors
    /// When it cannot be written, or there are 2^32 already.
    pub fn describe(&mut self, interface: &Described) -> io::Result<u32> {
        let number = u32::try_from(self.offsets.len()).map_err(io::Error::other)?;
        self.begin(INTERFACE);
        self.put(&interface.link.0.to_le_bytes());
        self.put(&[0; 2]);
        self.put(&interface.snaplen.to_le_bytes());
        for (code, text) in [(NAME, &interface.name), (DESCRIPTION, &interface.description)] {
            text.iter().for_each(|text| self.text(code, text));
        }
        self.option(RESOLUTION, &[NANOSECONDS]);
        if interface.before_1970 {
            self.option(OFFSET, &interface.offset().to_le_bytes());
        }
        self.option(END, &[]);
        self.end()?;
        self.offsets.push(interface.offset());
        Ok(number)
    }

    /// Writes a frame of a described interface, and what there is to say of it, each a line.
    ///
    /// # Errors
    /// When it cannot be written; then part of it may be. When the interface was not described.
    pub fn frame(&mut self, interface: u32, frame: &Frame<'_>, comments: &[&str]) -> io::Result<()> {
        let offset = usize::try_from(interface).ok().and_then(|index| self.offsets.get(index));
        let Some(&offset) = offset else {
            return Err(io::Error::other("a frame of an interface that was not described"));
        };
        let ticks = i128::from(frame.at.0) - i128::from(offset) * 1_000_000_000;
        let ticks = u64::try_from(ticks).unwrap_or_default();
        let captured = u32::try_from(frame.bytes.len()).map_err(io::Error::other)?;
        self.begin(ENHANCED_PACKET);
        for word in [interface, (ticks >> 32) as u32, ticks as u32, captured, frame.original_length] {
            self.put(&word.to_le_bytes());
        }
        self.put(frame.bytes);
        self.pad();
        for comment in comments {
            self.text(COMMENT, comment);
        }
        if !comments.is_empty() {
            self.option(END, &[]);
        }
        self.end()
    }

    /// Bytes written so far: all whole blocks.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// What is written to.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The block's type, and room for its length.
    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..LONGEST_TEXT).unwrap_or(value);
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put(value);
        self.pad();
    }

    /// An option of text, cut between two characters where it is too long.
    fn text(&mut self, code: u16, text: &str) {
        let most = (0..=text.len().min(LONGEST_TEXT)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        self.option(code, text.get(..most).unwrap_or_default().as_bytes());
    }

    /// Writes the block, its length at both ends.
    fn end(&mut self) -> io::Result<()> {
        let length = self.block.len() + 4;
        let stated = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
        if let Some(room) = self.block.get_mut(4..8) {
            room.copy_from_slice(&stated);
        }
        self.put(&stated);
        self.out.write_all(&self.block)?;
        self.written += length as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{Seen, read};
    use crate::net::Timestamp;

    const MOMENTS: [i64; 5] = [0, 1, 1_772_438_400_123_456_789, -1, i64::MIN];

    fn frame(at: i64, bytes: &[u8]) -> Frame<'_> {
        Frame { at: Timestamp(at), link: LinkType::ETHERNET, interface: 0, original_length: 1514, bytes }
    }

    /// A section with a frame at each of the moments, whose interface is of its side of 1970.
    fn written(comments: &[&str]) -> Vec<u8> {
        let mut writer = PcapngWriter::new(Vec::new(), "test").unwrap();
        let name = Some("eth0".to_owned());
        let after = Described { link: LinkType::ETHERNET, snaplen: 96, name, ..Described::default() };
        let before = Described { before_1970: true, description: Some("long ago".to_owned()), ..after.clone() };
        let places = [writer.describe(&after).unwrap(), writer.describe(&before).unwrap()];
        for (length, at) in MOMENTS.into_iter().enumerate() {
            writer.frame(places[usize::from(at < 0)], &frame(at, &[7; 9][..length]), comments).unwrap();
        }
        assert!(writer.frame(2, &frame(0, &[]), &[]).is_err());
        assert_eq!(writer.written(), writer.get_mut().len() as u64);
        std::mem::take(writer.get_mut())
    }

    #[test]
    fn what_is_written_is_read() {
        let long = "ü".repeat(40_000);
        for comments in [&[][..], &["one"], &["one", "", "three"], &[&long]] {
            let bytes = written(comments);
            let (seen, damage) = read(&bytes);
            assert_eq!(damage, [], "{comments:.20?}");
            let expected =
                (0..).zip(MOMENTS).map(|(length, at)| Seen { at, link: 1, original: 1514, bytes: vec![7; length] });
            assert_eq!(seen, expected.collect::<Vec<_>>());
            let text = String::from_utf8_lossy(&bytes);
            let count = comments
                .iter()
                .find(|comment| !comment.is_empty())
                .map_or(0, |comment| text.matches(&comment[..comment.len().min(65_534)]).count());
            assert_eq!(count, if comments.is_empty() { 0 } else { MOMENTS.len() });
        }
    }

    /// A writer that takes so many bytes, then fails.
    struct Small(usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.min(bytes.len()) {
                0 => Err(io::ErrorKind::StorageFull.into()),
                some => {
                    self.0 -= some;
                    Ok(some)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_whole_blocks_count_as_written() {
        let whole = PcapngWriter::new(Vec::new(), "test").unwrap().written();
        for room in 0..200 {
            let Ok(mut writer) = PcapngWriter::new(Small(room), "test") else {
                assert!((room as u64) < whole);
                continue;
            };
            let before = writer.written();
            match writer.describe(&Described::default()) {
                Ok(_) => assert!(writer.written() as usize <= room),
                Err(error) => assert_eq!((error.kind(), writer.written()), (io::ErrorKind::StorageFull, before)),
            }
        }
    }
}
