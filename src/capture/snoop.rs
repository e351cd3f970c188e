//! snoop (RFC 1761), as Solaris writes it, and Shomiti's (later Finisar's) Surveyor under the same magic.
//!
//! In: a window that stands at a snoop magic. Out: a [`Source`] of its frames.
//! Must not know: other formats.
//!
//! Everything is big-endian. Surveyor uses other numbers for the data link from 10 on, and puts 16 bytes of its own
//! behind each frame: a file whose first record has room for them is its. Its frames end with a frame check sequence,
//! which stays in the frame and in its length, as tshark has it.

use super::order::Order;
use super::reader::{Format, LONGEST, Reader, Record, Source, Unreadable, absurd, cut_short, read_error};
use super::window::Window;
use super::{Frame, LinkType};
use crate::net::Timestamp;

/// Magic, version, data link.
const FILE_HEADER: usize = 16;
/// Lengths of the original, of what was captured and of the record; frames lost so far; seconds, microseconds.
const RECORD_HEADER: u32 = 24;
/// What Surveyor puts behind a frame.
const SURVEYOR_TRAILER: u32 = 16;
/// The longest record: padding and trailers are small.
const LONGEST_RECORD: u32 = LONGEST + 4096;

/// 2 is RFC 1761's, Surveyor writes the others with some of its hardware.
const VERSIONS: [u32; 4] = [2, 3, 4, 5];

/// Data links (RFC 1761, the IANA registry that continues it, and with the top bit Solaris' own), by number.
const SNOOP: &[(u32, LinkType)] = &[
    (0, LinkType::ETHERNET),
    (2, LinkType::TOKEN_RING),
    (4, LinkType::ETHERNET),
    (8, LinkType::FDDI),
    (9, LinkType::NULL),
    (14, LinkType::NULL),
    (16, LinkType::IP_OVER_FC),
    (18, LinkType::SUNATM),
    (0x8000_0005, LinkType::IPNET),
];

/// Data links of Surveyor: kinds of Ethernet and of token ring.
const SURVEYOR: &[(u32, LinkType)] = &[
    (0, LinkType::ETHERNET),
    (2, LinkType::TOKEN_RING),
    (4, LinkType::ETHERNET),
    (8, LinkType::FDDI),
    (10, LinkType::ETHERNET),
    (11, LinkType::TOKEN_RING),
    (12, LinkType::ETHERNET),
    (13, LinkType::TOKEN_RING),
    (14, LinkType::TOKEN_RING),
    (19, LinkType::ETHERNET),
];

/// A file being read.
struct Snoop {
    link: LinkType,
    /// Frames lost, by the latest record.
    dropped: Option<u64>,
}

/// Opens a file that starts with the magic. A broken file header is damage: the magic is right.
pub(super) fn open(mut window: Window) -> Box<dyn Source> {
    match read_header(&mut window) {
        Ok(snoop) => Box::new(Reader::new(window, snoop)),
        Err(what) => Box::new(Reader::new(window, Unreadable(what))),
    }
}

/// Reads and consumes the file header. A first record is looked at: it tells whose numbers the data link is of.
fn read_header(window: &mut Window) -> Result<Snoop, String> {
    window.fill(FILE_HEADER).map_err(|error| read_error(&error))?;
    let Some(([_, _, version, number], _)) = Order::Big.u32s::<4>(window.bytes()) else {
        return Err(cut_short("file header", window.bytes().len(), FILE_HEADER));
    };
    if !VERSIONS.contains(&version) {
        return Err(format!("snoop version {version} is unknown"));
    }
    window.consume(FILE_HEADER);
    window.fill(RECORD_HEADER as usize).map_err(|error| read_error(&error))?;
    let padding = Order::Big.u32s::<3>(window.bytes()).and_then(|([_, captured, record], _)| {
        let rest = record.checked_sub(RECORD_HEADER)?;
        rest.checked_sub(captured)
    });
    let numbers = if padding.is_some_and(|padding| padding >= SURVEYOR_TRAILER) { SURVEYOR } else { SNOOP };
    let link = numbers.iter().find(|row| row.0 == number).map_or(LinkType::SNOOP_UNKNOWN, |row| row.1);
    Ok(Snoop { link, dropped: None })
}

impl Format for Snoop {
    fn record<'a>(&mut self, bytes: &'a [u8], _: u64) -> Record<'a> {
        let Some(([original_length, captured, record, dropped, seconds, micro], rest)) = Order::Big.u32s::<6>(bytes)
        else {
            return Record::Short { wanted: RECORD_HEADER as usize, part: "record header" };
        };
        if captured > LONGEST {
            return absurd(captured);
        }
        if !(RECORD_HEADER + captured..=LONGEST_RECORD).contains(&record) {
            return Record::Damaged(format!("record of {record} bytes claims a frame of {captured} bytes"));
        }
        let length = record as usize;
        let (true, Some(bytes)) = (bytes.len() >= length, rest.get(..captured as usize)) else {
            return Record::Short { wanted: length, part: "record" };
        };
        self.dropped = self.dropped.max(Some(dropped.into()));
        let at = Timestamp::from_parts(seconds.into(), i64::from(micro) * 1000);
        Record::Frame { frame: Frame { at, link: self.link, interface: 0, original_length, bytes }, length }
    }

    fn dropped(&self) -> Option<u64> {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{self, Seen, check_changes, check_cuts, dropped, read};

    /// RFC 1761 by hand: Ethernet, one frame of six bytes, cut from 60, padded to 8, three lost before it.
    const ONE_FRAME: &[u8] = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04\
        \0\0\0\x3c\0\0\0\x06\0\0\0\x20\0\0\0\x03\x4f\xd3\x6d\x31\0\x02\x54\x10\x01\x02\x03\x04\x05\x06\0\0";

    fn frame(link: LinkType, bytes: &[u8]) -> Seen {
        Seen { at: 1_339_256_113_152_592_000, link: link.0, original: 60, bytes: bytes.to_vec() }
    }

    /// A file of two frames, the first with so many bytes behind it.
    fn two_frames(version: u32, number: u32, padding: usize) -> (testing::Snoop, [usize; 2]) {
        let mut file = testing::Snoop::new(version, number);
        file.frame(1_339_256_113, 152_592, 60, &[1, 2, 3, 4, 5, 6], padding);
        let first = file.bytes.len();
        file.frame(1_339_256_113, 152_592, 60, &[7; 4], 0);
        let second = file.bytes.len();
        (file, [first, second])
    }

    /// The link type of a file with this data link, and of Surveyor's with it.
    fn check_link(number: u32, snoop: LinkType, surveyor: LinkType) {
        for (padding, link) in [(0, snoop), (6, snoop), (16, surveyor), (20, surveyor)] {
            let (file, _) = two_frames(2, number, padding);
            let expected = vec![frame(link, &[1, 2, 3, 4, 5, 6]), frame(link, &[7; 4])];
            assert_eq!(read(&file.bytes), (expected, vec![]), "{number} {padding}");
        }
    }

    fn check_damage(bytes: &[u8], frames: usize, offset: u64, what: &str) {
        let (seen, damage) = read(bytes);
        assert_eq!((seen.len(), damage), (frames, vec![(offset, what.to_owned())]));
    }

    #[test]
    fn a_file_as_the_rfc_has_it() {
        assert_eq!(read(ONE_FRAME), (vec![frame(LinkType::ETHERNET, &[1, 2, 3, 4, 5, 6])], vec![]));
        assert_eq!(dropped(ONE_FRAME), Some(3));
        assert_eq!(dropped(&ONE_FRAME[..16]), None);
        let twice = [ONE_FRAME, &ONE_FRAME[16..]].concat();
        assert_eq!((read(&twice).0.len(), dropped(&twice)), (2, Some(3)));
    }

    #[test]
    fn data_links_of_both_writers() {
        let unknown = LinkType::SNOOP_UNKNOWN;
        check_link(4, LinkType::ETHERNET, LinkType::ETHERNET);
        check_link(2, LinkType::TOKEN_RING, LinkType::TOKEN_RING);
        check_link(12, unknown, LinkType::ETHERNET);
        check_link(14, LinkType::NULL, LinkType::TOKEN_RING);
        check_link(0x8000_0005, LinkType::IPNET, unknown);
        check_link(99, unknown, unknown);
        assert!([SNOOP, SURVEYOR].iter().all(|table| table.windows(2).all(|pair| pair[0].0 < pair[1].0)));
    }

    #[test]
    fn every_cut_or_change_keeps_the_frames_before_it() {
        for (version, padding) in [(2, 2), (5, 18)] {
            let (file, ends) = two_frames(version, 4, padding);
            let name = format!("{version} {padding}");
            check_cuts(&name, &file.bytes, &[FILE_HEADER, ends[0], ends[1]], &ends);
            check_changes(&name, &file.bytes, &ends);
        }
    }

    #[test]
    fn hostile_headers() {
        let put = |at: usize, number: u32| {
            let mut bytes = ONE_FRAME.to_vec();
            bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
            bytes
        };
        check_damage(&put(8, 6), 0, 0, "snoop version 6 is unknown");
        check_damage(&put(20, u32::MAX), 0, 16, "record claims a frame of 4294967295 bytes (at most 1048576)");
        check_damage(&put(24, 29), 0, 16, "record of 29 bytes claims a frame of 6 bytes");
        check_damage(&put(24, u32::MAX), 0, 16, "record of 4294967295 bytes claims a frame of 6 bytes");
        check_damage(&put(24, 40), 0, 16, "record cut short: 32 of 40 bytes");
        check_damage(&ONE_FRAME[..12], 0, 0, "file header cut short: 12 of 16 bytes");
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut file = testing::Snoop::new(2, 4);
        file.frame(u32::MAX, u32::MAX, 0, &[], 0);
        assert_eq!(read(&file.bytes).0[0].at, 4_294_967_295_000_000_000 + 4_294_967_295_000);
    }
}
