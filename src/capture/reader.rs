//! One file: records of a format, one after the other, become batches of frames.
//!
//! In: a [`Window`] and a [`Format`] that can tell the next record. Out: a [`Source`]: frames, then the end,
//! which may be damage.
//! Must not know: any format; that there are other files.

use arrayvec::ArrayVec;

use super::window::{Fault, Window};
use super::{BATCH, Buffer, Described, Frame};
use crate::net::Timestamp;

/// Room for a batch.
pub(super) type Frames<'a> = ArrayVec<Frame<'a>, BATCH>;

/// The next record of a file, as its format sees it. A record that is not whole changes nothing in the format.
pub(super) enum Record<'a> {
    /// A frame in a record of `length` bytes.
    Frame { frame: Frame<'a>, length: usize },
    /// A record without a frame, of `length` bytes (never 0).
    Other { length: usize },
    /// More bytes are needed: so many in all, for this part of the record.
    Short { wanted: usize, part: &'static str },
    /// The record cannot be read, and where the next one starts is unknown or not to be trusted.
    Damaged(String),
}

/// The longest frame taken for one, whatever the format. Four times what capture programs store, room for IPv6
/// jumbograms of segmentation offload; anything above is a record header that is none.
pub(super) const LONGEST: u32 = 1 << 20;

/// A capture format.
pub(super) trait Format: Send {
    /// The record at the start of `bytes`, which is at `offset` in the file. A record without a frame is taken at
    /// once; a frame may be asked for again, and is answered the same.
    fn record<'a>(&mut self, bytes: &'a [u8], offset: u64) -> Record<'a>;

    /// What is missing where the file ends behind a whole record; `None` where it may end there.
    fn missing(&self) -> Option<String> {
        None
    }

    /// What the file says of an interface; nothing where the format has no words for it.
    fn described(&self, _interface: u16) -> Described {
        Described::default()
    }

    /// Frames that the capturing program says it lost, so far; `None` where the format or the file does not say.
    fn dropped(&self) -> Option<u64> {
        None
    }
}

/// A file being read. Object-safe: dispatch is once a batch.
pub(super) trait Source: Send {
    /// Time of the next frame; reads as far as needed to know it. `None` when there is none.
    fn head(&mut self) -> Option<Timestamp>;

    /// Fills `frames` with the next ones: at least one where `head` gives one, the further ones only while
    /// they are not later than `until`. Returns the number of the first one in the file, counted from 1, and what their bytes are in.
    ///
    /// Into the caller's own array, since a batch of one frame is common where files overlap, and each layer
    /// that returns an array by value copies all of it.
    fn fill<'a>(&'a mut self, until: Timestamp, frames: &mut Frames<'a>) -> (u64, Buffer);

    /// Bytes of the file dealt with.
    fn consumed(&self) -> u64;

    /// Whether the file ended because it was told to: then what is not whole is not damage.
    fn interrupted(&self) -> bool;

    /// After the end: the offset (in the decompressed content, where the file is compressed) and description of
    /// the record that could not be read, if one could not.
    fn damage(&self) -> Option<(u64, &str)>;

    /// What the file says of an interface of the latest frames.
    fn described(&self, interface: u16) -> Described;

    /// Frames that the capturing program says it lost, as far as read.
    fn dropped(&self) -> Option<u64>;
}

/// A [`Source`] for any [`Format`].
pub(super) struct Reader<F> {
    window: Window,
    format: F,
    /// Frames handed out.
    frames: u64,
    next: Next,
}

/// What comes next.
enum Next {
    Unknown,
    Frame(Timestamp),
    End,
    Damage(String),
}

impl<F: Format> Reader<F> {
    /// Reads on where `window` stands.
    pub(super) fn new(window: Window, format: F) -> Self {
        Self { window, format, frames: 0, next: Next::Unknown }
    }

    /// Passes what is not a frame and reads until a frame is whole, or the file ends.
    fn look(&mut self) -> Next {
        loop {
            match self.format.record(self.window.bytes(), self.window.offset()) {
                Record::Frame { frame, .. } => return Next::Frame(frame.at),
                Record::Other { length } => self.window.consume(length),
                Record::Damaged(what) => return Next::Damage(what),
                Record::Short { wanted, part } => match self.window.fill(wanted) {
                    Ok(true) => {}
                    Ok(false) if self.window.bytes().is_empty() => {
                        return self.format.missing().map_or(Next::End, Next::Damage);
                    }
                    Ok(false) => return Next::Damage(cut_short(part, self.window.bytes().len(), wanted)),
                    Err(error) => return Next::Damage(read_error(&error)),
                },
            }
        }
    }
}

impl<F: Format> Source for Reader<F> {
    fn head(&mut self) -> Option<Timestamp> {
        if matches!(self.next, Next::Unknown) {
            self.next = self.look();
        }
        match self.next {
            Next::Frame(at) => Some(at),
            Next::Unknown | Next::End | Next::Damage(_) => None,
        }
    }

    fn fill<'a>(&'a mut self, until: Timestamp, frames: &mut Frames<'a>) -> (u64, Buffer) {
        let number = self.frames.saturating_add(1);
        let some = self.head().is_some();
        let buffer = self.window.share();
        if !some {
            return (number, buffer);
        }
        self.next = Next::Unknown;
        let start = self.window.offset();
        let (bytes, consumed) = self.window.lend();
        let mut rest = bytes;
        while !frames.is_full() {
            let offset = start.saturating_add(bytes.len().saturating_sub(rest.len()) as u64);
            match self.format.record(rest, offset) {
                Record::Frame { frame, length } if frames.is_empty() || frame.at <= until => {
                    frames.push(frame);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Record::Other { length } => rest = rest.get(length..).unwrap_or_default(),
                Record::Frame { .. } | Record::Short { .. } | Record::Damaged(_) => break,
            }
        }
        *consumed = consumed.saturating_add(bytes.len().saturating_sub(rest.len()));
        self.frames = self.frames.saturating_add(frames.len() as u64);
        (number, buffer)
    }

    fn consumed(&self) -> u64 {
        self.window.taken()
    }

    fn interrupted(&self) -> bool {
        self.window.interrupted()
    }

    fn damage(&self) -> Option<(u64, &str)> {
        match &self.next {
            Next::Damage(what) => Some((self.window.offset(), what)),
            Next::Unknown | Next::Frame(_) | Next::End => None,
        }
    }

    fn described(&self, interface: u16) -> Described {
        self.format.described(interface)
    }

    fn dropped(&self) -> Option<u64> {
        self.format.dropped()
    }
}

/// A file whose own header cannot be read: no frames, and the reason as its damage.
pub(super) struct Unreadable(pub(super) String);

impl Format for Unreadable {
    fn record<'a>(&mut self, _: &'a [u8], _: u64) -> Record<'a> {
        Record::Damaged(self.0.clone())
    }
}

/// The words for a part that is not all there.
pub(super) fn cut_short(part: &str, present: usize, wanted: usize) -> String {
    format!("{part} cut short: {present} of {wanted} bytes")
}

/// Damage by a captured length that no frame has.
#[cold]
pub(super) fn absurd(captured: u32) -> Record<'static> {
    Record::Damaged(format!("record claims a frame of {captured} bytes (at most {LONGEST})"))
}

/// The words for a read that failed.
pub(super) fn read_error(error: &std::io::Error) -> String {
    Fault::of(error).map_or_else(|| format!("read error: {error}"), Fault::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// One byte a record: its value is the time; 0 is a record without a frame, 255 is damage.
    struct Bytes;

    impl Format for Bytes {
        fn record<'a>(&mut self, bytes: &'a [u8], _: u64) -> Record<'a> {
            match bytes.first() {
                None => Record::Short { wanted: 1, part: "record" },
                Some(0) => Record::Other { length: 1 },
                Some(255) => Record::Damaged("a 255".into()),
                Some(&at) => {
                    let frame = Frame {
                        at: Timestamp(at.into()),
                        link: LinkType::RAW,
                        interface: 0,
                        original_length: 1,
                        bytes: &bytes[..1],
                    };
                    Record::Frame { frame, length: 1 }
                }
            }
        }
    }

    fn reader(bytes: &'static [u8]) -> Reader<Bytes> {
        Reader::new(Window::new(Box::new(bytes)), Bytes)
    }

    /// The next batch: the number of its first frame, and all times.
    fn next(reader: &mut Reader<Bytes>, until: i64) -> (u64, Vec<i64>) {
        let mut frames = Frames::new();
        let (number, _) = reader.fill(Timestamp(until), &mut frames);
        (number, frames.iter().map(|frame| frame.at.0).collect())
    }

    #[test]
    fn stops_at_until_but_never_before_the_first_frame() {
        let mut reader = reader(&[9, 3, 0, 5, 6, 2, 0]);
        assert_eq!(reader.head(), Some(Timestamp(9)));
        assert_eq!(next(&mut reader, 5), (1, vec![9, 3, 5]));
        assert_eq!(reader.head(), Some(Timestamp(6)));
        assert_eq!(next(&mut reader, i64::MAX), (4, vec![6, 2]));
        assert_eq!(reader.head(), None);
        assert_eq!(next(&mut reader, i64::MAX), (6, vec![]));
        assert_eq!((reader.damage(), reader.consumed()), (None, 7));
    }

    #[test]
    fn a_batch_is_never_larger_than_it_may_be() {
        let mut reader = reader(&[1; 2 * BATCH + 1]);
        for length in [BATCH, BATCH, 1, 0] {
            assert_eq!(next(&mut reader, i64::MAX).1.len(), length);
        }
    }

    /// Says where each record is: its time. 9 is a record without a frame, and something is missing at the end.
    struct Offsets;

    impl Format for Offsets {
        fn record<'a>(&mut self, bytes: &'a [u8], offset: u64) -> Record<'a> {
            match bytes.first() {
                None => Record::Short { wanted: 1, part: "record" },
                Some(9) => Record::Other { length: 1 },
                Some(_) => {
                    let at = Timestamp(i64::try_from(offset).unwrap());
                    let frame = Frame { at, link: LinkType::RAW, interface: 0, original_length: 1, bytes: &bytes[..1] };
                    Record::Frame { frame, length: 1 }
                }
            }
        }

        fn missing(&self) -> Option<String> {
            Some("a 9".to_owned())
        }
    }

    #[test]
    fn records_know_where_they_are_and_formats_how_a_file_ends() {
        let mut window = Window::new(Box::new(&[0_u8, 1, 9, 1, 1][..]));
        assert!(window.fill(1).unwrap());
        window.consume(1);
        let mut reader = Reader::new(window, Offsets);
        let mut frames = Frames::new();
        reader.fill(Timestamp::MAX, &mut frames);
        assert_eq!(frames.iter().map(|frame| frame.at.0).collect::<Vec<_>>(), [1, 3, 4]);
        drop(frames);
        assert_eq!((reader.head(), reader.damage()), (None, Some((5, "a 9"))));
    }

    #[test]
    fn damage_comes_after_the_good_frames() {
        let mut reader = reader(&[1, 255, 2]);
        assert_eq!(next(&mut reader, i64::MAX), (1, vec![1]));
        assert_eq!(reader.damage(), None);
        assert_eq!(next(&mut reader, i64::MAX), (2, vec![]));
        assert_eq!(reader.damage(), Some((1, "a 255")));
    }
}
