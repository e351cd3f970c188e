//! Microsoft Network Monitor 1 and 2: a file header, the frames, a table of where each begins, and notes.
//!
//! In: a window that stands at a Network Monitor magic. Out: a [`Source`] of its frames.
//! Must not know: other formats; comments, processes, adapters: what is behind the table is passed.
//!
//! The format means a reader to begin with the table. Here frames are read from the header on as they are stored, so
//! that a pipe or a compressed file can be read and a file that is cut gives every frame before the cut; the table is
//! then held against what was read, by number and a hash of the offsets, in constant memory. Where they disagree the
//! file is damaged, with all frames that were found.
//!
//! Frames follow one another but for holes, which the format allows. A hole is what cannot be a frame; it ends at the
//! first place that looks like one and behind which another, or the table, follows. Frames behind the table are read
//! until there are as many as it lists. Frames stored in another order than the table's are numbered as stored, and
//! that is damage too: their numbers are not Network Monitor's.

use super::Frame;
use super::reader::{Format, LONGEST, Reader, Record, Source, Unreadable, cut_short, read_error};
use super::window::Window;
use crate::net::Timestamp;
use header::{Header, SHORT};
use media::Media;
use offsets::Offsets;

mod header;
mod media;
mod offsets;
mod portable;

/// Longest frame that may end a hole, captured and original: what claims more is rather no frame.
const LONGEST_BEHIND_HOLE: u32 = 1 << 17;

/// A file being read.
struct Netmon {
    header: Header,
    part: Part,
    /// Where the next frame begins if there is no hole: behind the latest one.
    expected: u64,
    read: Offsets,
    listed: Offsets,
}

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Frames, up to the table.
    Frames,
    Table,
    /// Frames that the table lists and that were not before it.
    Behind,
    /// Anything else, up to the end.
    Rest,
}

/// How sure it is that a frame begins at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind a frame.
    Next,
    /// Behind the header, where some writers leave a hole.
    First,
    /// In a hole.
    Hole,
}

/// What is at a place.
enum Found<'a> {
    Frame {
        at: Timestamp,
        media: Media,
        original: u32,
        bytes: &'a [u8],
        length: usize,
    },
    /// No frame.
    Hole,
    /// More bytes are needed to tell, or for the frame.
    Short {
        wanted: usize,
        part: &'static str,
    },
}

/// Opens a file that starts with one of the magics. A broken file header is damage: the magic is right.
pub(super) fn open(mut window: Window) -> Box<dyn Source> {
    match read_header(&mut window) {
        Ok(header) => Box::new(Reader::new(window, Netmon::new(header))),
        Err(what) => Box::new(Reader::new(window, Unreadable(what))),
    }
}

/// Reads and consumes the file header.
fn read_header(window: &mut Window) -> Result<Header, String> {
    let whole = |window: &mut Window, length| match window.fill(length) {
        Ok(true) => Ok(()),
        Ok(false) => Err(cut_short("file header", window.bytes().len(), length)),
        Err(error) => Err(read_error(&error)),
    };
    whole(window, SHORT)?;
    let header = Header::parse(window.bytes())?;
    whole(window, header.length)?;
    window.consume(header.length);
    Ok(header)
}

impl Format for Netmon {
    fn record<'a>(&mut self, bytes: &'a [u8], offset: u64) -> Record<'a> {
        loop {
            match self.part {
                Part::Frames if offset >= self.header.table => self.part = Part::Table,
                Part::Table if self.listed.count() < self.header.entries => return self.table(bytes),
                Part::Table if self.listed.highest() > self.header.table => {
                    self.part = Part::Behind;
                    self.expected = offset;
                }
                Part::Behind if offset < self.expected || self.read.count() < self.listed.count() => {
                    return self.frame(bytes, offset, u64::MAX);
                }
                Part::Table | Part::Behind => match self.read.difference(&self.listed) {
                    None => self.part = Part::Rest,
                    Some(what) => return Record::Damaged(what),
                },
                Part::Frames => return self.frame(bytes, offset, self.header.table),
                Part::Rest if bytes.is_empty() => return Record::Short { wanted: 1, part: "notes" },
                Part::Rest => return Record::Other { length: bytes.len() },
            }
        }
    }

    fn missing(&self) -> Option<String> {
        let (read, listed, entries) = (self.read.count(), self.listed.count(), self.header.entries);
        match self.part {
            Part::Frames if self.header.table == u64::MAX => {
                Some("no frame table: the capturing program did not finish the file".to_owned())
            }
            Part::Frames => Some(format!("cut short before the frame table at byte {}", self.header.table)),
            Part::Table => Some(format!("frame table cut short: {listed} of {entries} entries")),
            Part::Behind => Some(format!("cut short: {read} of the {listed} frames in its frame table")),
            Part::Rest => None,
        }
    }
}

impl Netmon {
    fn new(header: Header) -> Self {
        let expected = header.length as u64;
        Self { header, part: Part::Frames, expected, read: Offsets::default(), listed: Offsets::default() }
    }

    /// The next part of the table.
    fn table(&mut self, bytes: &[u8]) -> Record<'static> {
        let left = usize::try_from(self.header.entries.saturating_sub(self.listed.count())).unwrap_or(usize::MAX);
        let entries = bytes.as_chunks::<4>().0;
        let entries = entries.get(..left).unwrap_or(entries);
        if entries.is_empty() {
            return Record::Short { wanted: 4, part: "entry of the frame table" };
        }
        entries.iter().for_each(|&entry| self.listed.push(u32::from_le_bytes(entry).into()));
        Record::Other { length: 4 * entries.len() }
    }

    /// The frame at `offset`, or the hole there; a frame ends before `limit`.
    fn frame<'a>(&mut self, bytes: &'a [u8], offset: u64, limit: u64) -> Record<'a> {
        if bytes.is_empty() {
            return Record::Short { wanted: 1, part: "frame header" };
        }
        let place = match offset {
            _ if offset > self.expected => Place::Hole,
            SHORT_OFFSET => Place::First,
            _ => Place::Next,
        };
        match self.find(bytes, offset, limit, place) {
            Found::Frame { at, media, original, bytes, length } => {
                if offset >= self.expected {
                    self.read.push(offset);
                    self.expected = offset.saturating_add(length as u64);
                }
                match media {
                    Media::Note => Record::Other { length },
                    Media::Frame(link) => Record::Frame {
                        frame: Frame { at, link, interface: 0, original_length: original, bytes },
                        length,
                    },
                }
            }
            Found::Short { wanted, part } => Record::Short { wanted, part },
            Found::Hole if place == Place::First => self.rest_of_header(bytes, limit),
            Found::Hole => Record::Other { length: self.hole(bytes, offset, limit) },
        }
    }

    /// Behind the short header there was no frame: what is up to the length of the long one belongs to the header.
    fn rest_of_header(&mut self, bytes: &[u8], limit: u64) -> Record<'static> {
        let end = limit.min(header::LONG as u64);
        let length = usize::try_from(end.saturating_sub(SHORT_OFFSET)).unwrap_or(1).max(1);
        if bytes.len() < length {
            return Record::Short { wanted: length, part: "rest of the file header" };
        }
        self.expected = end;
        Record::Other { length }
    }

    /// How much of `bytes` is a hole: up to the first place where a frame may be. At least one byte.
    fn hole(&self, bytes: &[u8], offset: u64, limit: u64) -> usize {
        let end = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let is_frame = |&skipped: &usize| {
            let rest = bytes.get(skipped..).unwrap_or_default();
            !matches!(self.find(rest, offset.saturating_add(skipped as u64), limit, Place::Hole), Found::Hole)
        };
        (1..end).find(is_frame).unwrap_or(end).max(1)
    }

    /// What is at the start of `bytes`, at `offset`. The less sure it is that there is a frame the better it must look.
    fn find<'a>(&self, bytes: &'a [u8], offset: u64, limit: u64, place: Place) -> Found<'a> {
        let layout = self.header.layout;
        let room = limit.saturating_sub(offset);
        let Some((ticks, original, captured)) = layout.start(bytes) else {
            let part = "frame header";
            return if room < layout.header as u64 {
                Found::Hole
            } else {
                Found::Short { wanted: layout.header, part }
            };
        };
        let longest = if place == Place::Hole { LONGEST_BEHIND_HOLE } else { u32::MAX };
        let sound = captured > 0 && captured <= original;
        if captured > LONGEST || captured.max(original) > longest || !sound && layout.trailer == 0 {
            return Found::Hole;
        }
        let end = layout.header + captured as usize;
        let length = end + layout.trailer;
        if length as u64 > room {
            return Found::Hole;
        }
        let (Some(data), Some(trailer)) = (bytes.get(layout.header..end), bytes.get(end..length)) else {
            return Found::Short { wanted: length, part: "frame" };
        };
        let number = layout.media(trailer);
        let known = number.is_none_or(media::is_known);
        // Lengths that contradict themselves are a frame's only where its medium is no chance, as that of zeros is.
        let accepted = if sound { known || place == Place::Next } else { known && number != Some(0) };
        if !accepted {
            return Found::Hole;
        }
        if place == Place::Hole {
            let next = bytes.get(length..).unwrap_or_default();
            match self.is_next(next, room.saturating_sub(length as u64)) {
                Some(true) => {}
                Some(false) => return Found::Hole,
                None => {
                    return Found::Short { wanted: length + layout.header, part: "header of the frame behind a hole" };
                }
            }
        }
        let media = media::of(number.unwrap_or(self.header.media));
        Found::Frame { at: self.header.time(ticks, trailer), media, original, bytes: data, length }
    }

    /// Whether `bytes`, behind a frame and `room` before the limit, begin with a frame header, or the limit is reached.
    /// `None` where too few bytes are there to tell.
    fn is_next(&self, bytes: &[u8], room: u64) -> Option<bool> {
        if room < self.header.layout.header as u64 {
            return Some(room == 0);
        }
        let (_, original, captured) = self.header.layout.start(bytes)?;
        Some(captured <= original && captured <= LONGEST && u64::from(captured) < room)
    }
}

/// Where the short header ends.
const SHORT_OFFSET: u64 = SHORT as u64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::capture::testing::{Netmon as File, Seen, check_changes, check_cuts_before, read};
    use header::LONG;

    const VERSIONS: [(u8, u8); 6] = [(1, 1), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)];
    /// When [`File`]'s captures begin.
    const START: i64 = 1_339_256_113_152_000_000;

    fn seen(at: i64, link: LinkType, original: u32, bytes: &[u8]) -> Seen {
        Seen { at, link: link.0, original, bytes: bytes.to_vec() }
    }

    /// Three frames without a table, all Ethernet, and what they are.
    fn three_frames(version: (u8, u8), header: usize) -> (File, Vec<Seen>) {
        let mut file = File::new(version, 1, header);
        let tick = if version.0 == 1 { 1_000_000 } else { 1000 };
        let mut frames = Vec::new();
        for (ticks, original, bytes) in [(0_u64, 60, &[1_u8, 2, 3, 4][..]), (5, 6, &[5; 6]), (70_000, 1514, &[7; 33])] {
            file.frame(ticks, 1, original, bytes);
            frames.push(seen(START + ticks as i64 * tick, LinkType::ETHERNET, original, bytes));
        }
        (file, frames)
    }

    /// The same with their table, and notes behind it.
    fn whole(version: (u8, u8), header: usize) -> (File, Vec<Seen>) {
        let (mut file, frames) = three_frames(version, header);
        file.table(&file.begins.clone());
        file.bytes.extend([0xee; 30]);
        (file, frames)
    }

    fn check_damage(bytes: &[u8], frames: usize, what: &str) {
        let (seen, damage) = read(bytes);
        let damage: Vec<_> = damage.into_iter().map(|damage| damage.1).collect();
        assert_eq!((seen.len(), damage), (frames, vec![what.to_owned()]));
    }

    #[test]
    fn every_version_with_either_header() {
        for version in VERSIONS {
            for header in [SHORT, LONG] {
                if header == LONG || version >= (2, 1) {
                    let (file, frames) = whole(version, header);
                    assert_eq!(read(&file.bytes), (frames, vec![]), "{version:?} {header}");
                }
            }
        }
    }

    #[test]
    fn every_cut_or_change_keeps_the_frames_before_it() {
        for (version, header) in [((1, 1), LONG), ((2, 0), LONG), ((2, 1), SHORT), ((2, 3), SHORT)] {
            let (file, _) = whole(version, header);
            let end = file.bytes.len();
            let table = file.ends[2] + 12;
            let mut records = vec![header];
            records.extend(&file.ends);
            records.extend((file.ends[2]..=table).step_by(4));
            records.extend(table..=end);
            check_cuts_before(&format!("{version:?}"), &file.bytes, &records, &file.ends, table);
            check_changes(&format!("{version:?}"), &file.bytes, &file.ends);
        }
    }

    #[test]
    fn each_frame_has_its_medium_and_notes_are_not_counted() {
        let mut file = File::new((2, 3), 1, SHORT);
        let media = [1, 6, 9, 0xe071, 0xfffd, 0xffe0, 0xfffb, 0x7777, 0xfffc, 0xffff, 0];
        for number in media {
            file.frame(0, number, 4, &[1, 2, 3, 4]);
        }
        // Broken lengths are kept as they stand where the medium shows that it is a frame.
        file.frame(0, 6, 2, &[1, 2, 3, 4]);
        file.frame(0, 0xffff, 0, &[]);
        file.table(&file.begins.clone());
        let (frames, damage) = read(&file.bytes);
        let links: Vec<_> = frames.iter().map(|frame| LinkType(frame.link).to_string()).collect();
        let expected = "ethernet netmon-802.11 raw-ip linux-sll netmon-event netmon-network-info netmon-unknown netmon-filter \
            ethernet netmon-802.11 netmon-filter";
        assert_eq!((links.join(" ").as_str(), damage), (expected, vec![]));
        let lengths: Vec<_> = frames.iter().map(|frame| (frame.original, frame.bytes.len())).collect();
        assert_eq!(lengths[8..], [(4, 4), (2, 4), (0, 0)]);
    }

    #[test]
    fn older_versions_have_one_medium_a_file() {
        for (version, number, link) in [((1, 0), 4, LinkType::NETMON_WAN), ((2, 0), 3, LinkType::FDDI)] {
            let mut file = File::new(version, number, LONG);
            file.frame(0, 1, 4, &[1, 2, 3, 4]);
            file.table(&file.begins.clone());
            assert_eq!(read(&file.bytes).0[0].link, link.0);
        }
    }

    /// Frames with holes before the first, between pairs of them and before the table.
    #[test]
    fn holes_are_passed() {
        for version in VERSIONS {
            for hole in [vec![0; 1], vec![0; 8], vec![0; 100], vec![0xff; 37], (0..=255).collect()] {
                let mut file = File::new(version, 1, LONG);
                let mut expected = Vec::new();
                for fill in 1..7_u8 {
                    if fill % 2 == 1 {
                        file.bytes.extend(&hole);
                    }
                    file.frame(1, 1, 90, &[fill; 70]);
                    expected.push(vec![fill; 70]);
                }
                file.bytes.extend(&hole);
                file.table(&file.begins.clone());
                let (frames, damage) = read(&file.bytes);
                let frames: Vec<_> = frames.into_iter().map(|frame| frame.bytes).collect();
                assert_eq!((frames, damage), (expected, vec![]), "{version:?} {hole:?}");
            }
        }
    }

    #[test]
    fn a_table_may_come_first() {
        for version in VERSIONS {
            let (behind, frames) = three_frames(version, LONG);
            let mut file = File::new(version, 1, LONG);
            file.table(&behind.begins.iter().map(|begin| begin + 12).collect::<Vec<_>>());
            file.bytes.extend(&behind.bytes[LONG..]);
            file.bytes.extend([0xee; 9]);
            assert_eq!(read(&file.bytes), (frames, vec![]), "{version:?}");
            let cut = file.bytes.len() - 9 - 1;
            assert_eq!((read(&file.bytes[..cut]).0.len(), read(&file.bytes[..cut]).1.len()), (2, 1), "{version:?}");
        }
    }

    #[test]
    fn the_table_is_held_against_the_frames() {
        let with = |table: fn(&[u32]) -> Vec<u32>| {
            let (mut file, _) = three_frames((2, 3), SHORT);
            file.table(&table(&file.begins.clone()));
            file.bytes.extend([0xee; 50]);
            file.bytes
        };
        check_damage(&with(|all| all[1..].to_vec()), 3, "3 frames read, but the frame table lists 2");
        check_damage(&with(|_| vec![]), 3, "3 frames read, but the frame table lists 0");
        let other = "the frame table lists frames at other places than they were read from";
        check_damage(&with(|all| vec![all[0], all[1] + 1, all[2]]), 3, other);
        check_damage(&with(|all| vec![all[0], all[1], all[2] + 0x4000]), 3, other);
        let order =
            "the frame table orders the frames otherwise than they are stored: their numbers are not Network Monitor's";
        check_damage(&with(|all| vec![all[2], all[0], all[1]]), 3, order);
        let more = with(|all| [all, &[4000]].concat());
        check_damage(&more[..more.len() - 50], 3, "cut short: 3 of the 4 frames in its frame table");
        check_damage(&more, 3, "frame header cut short: 15 of 16 bytes");
    }

    #[test]
    fn a_file_that_was_not_finished() {
        for version in VERSIONS {
            let (file, frames) = three_frames(version, LONG);
            let (seen, damage) = read(&file.bytes);
            assert_eq!(seen, frames);
            let what = "no frame table: the capturing program did not finish the file".to_owned();
            assert_eq!(damage, [(file.bytes.len() as u64, what)]);
        }
    }

    #[test]
    fn hostile_headers() {
        let (mut file, _) = whole((2, 3), SHORT);
        file.bytes[5] = 9;
        check_damage(&file.bytes, 0, "Network Monitor version 9.3 is unknown");
        let (file, _) = whole((2, 0), LONG);
        check_damage(&file.bytes[..40], 0, "file header cut short: 40 of 72 bytes");
        check_damage(&file.bytes[..100], 0, "file header cut short: 100 of 128 bytes");
        // A length that is none: the frame is passed as a hole, and missed.
        let (mut file, _) = whole((2, 3), SHORT);
        let second = file.begins[1] as usize;
        for length in [u32::MAX, 1 << 20, 0] {
            file.bytes[second + 12..second + 16].copy_from_slice(&length.to_le_bytes());
            check_damage(&file.bytes, 2, "2 frames read, but the frame table lists 3");
        }
    }

    #[test]
    fn a_large_hole_takes_time_by_its_length_only() {
        // Every twelfth place claims a frame of 56 KiB behind which none follows.
        let mut file = File::new((2, 0), 1, LONG);
        file.bytes.extend([0; 16]);
        file.bytes.extend([4, 0xe0, 0, 0, 4, 0xe0, 0, 0, 0xff, 0xff, 0xff, 0xff].repeat(1 << 20));
        file.frame(0, 1, 4, &[1, 2, 3, 4]);
        file.table(&file.begins.clone());
        let started = std::time::Instant::now();
        assert!(read(&file.bytes).0.len() < 3);
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    }
}
