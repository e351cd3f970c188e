//! Classic pcap and its variants: a file header, then records of a fixed header and the frame's bytes.
//!
//! In: a window that stands at a pcap magic. Out: a [`Source`] of its frames.
//! Must not know: other formats.
//!
//! Read as stated: an original length below the captured one, a captured length above the file's snaplen,
//! fractions of a second above one, seconds up to the year 2106 (they are unsigned). The upper half of the link
//! type may state that frames end with a frame check sequence: it stays in the frame and in its length, as tshark
//! has it; IP says where the payload ends.
//!
//! Two magics have several record headers ([`MAGICS`]). The file is then of the first one that makes sense of the
//! second record too, or of the first of all. For that the first record must look like such a header: of an ordinary
//! file nothing is read ahead, so that a live pipe gives its first frame when that is there.

use std::io;

use arrayvec::ArrayVec;

use super::order::Order;
use super::reader::{Format, LONGEST, Reader, Record, Source, Unreadable, absurd, cut_short, read_error};
use super::window::Window;
use super::{Described, Frame, LinkType};
use crate::net::Timestamp;

/// Length of the file header.
const FILE_HEADER: usize = 24;
/// Seconds, fraction, two lengths: how every record header begins.
const RECORD_HEADER: usize = 16;
/// The longest record header.
const LONGEST_RECORD_HEADER: usize = 28;
/// Seconds between two records of a file at most, where that decides.
const YEAR: u32 = 366 * 86_400;
/// The magic with most variants.
const STANDARD: u32 = 0xa1b2_c3d4;

/// What a magic says.
struct Magic {
    magic: u32,
    /// Nanoseconds in a unit of a record's fraction.
    unit: i64,
    /// Length of the file header.
    file_header: usize,
    /// The record headers it may have, most likely first.
    headers: &'static [Header],
}

/// A record header: [`RECORD_HEADER`], and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Nothing.
    Plain,
    /// Alexey Kuznetsov's patches of 1999: interface index, protocol, packet type, a byte of padding.
    Kuznetsov,
    /// The same and four bytes for debugging (patch of 1999-09-15, SuSE 6.3).
    KuznetsovDebug,
    /// Four bytes that nobody documents (Nokia IPSO).
    Nokia,
}

/// Every magic. `libpcap` itself and tcpdump; nanoseconds; Kuznetsov's later patches (the first had no magic of
/// its own: Red Hat 6.1); Ixia's captures in hardware and in software, with the size of all records in the header.
const MAGICS: &[Magic] = &[
    Magic {
        magic: STANDARD,
        unit: 1000,
        file_header: FILE_HEADER,
        headers: &[Header::Plain, Header::Kuznetsov, Header::Nokia],
    },
    Magic { magic: 0xa1b2_3c4d, unit: 1, file_header: FILE_HEADER, headers: &[Header::Plain] },
    Magic {
        magic: 0xa1b2_cd34,
        unit: 1000,
        file_header: FILE_HEADER,
        headers: &[Header::Kuznetsov, Header::KuznetsovDebug],
    },
    Magic { magic: 0x1c00_01ac, unit: 1, file_header: FILE_HEADER + 4, headers: &[Header::Plain] },
    Magic { magic: 0x1c00_01ab, unit: 1000, file_header: FILE_HEADER + 4, headers: &[Header::Plain] },
];

/// How a file's version orders a record's two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    /// Captured, then original.
    Captured,
    /// Original, then captured.
    Original,
    /// Either: the captured one is the smaller.
    Smaller,
}

/// Major version, minor versions from and to, their order of lengths. The oldest tcpdumps disagreed, and
/// one wrote 543.0.
const VERSIONS: &[(u16, u16, u16, Lengths)] = &[
    (2, 0, 2, Lengths::Original),
    (2, 3, 3, Lengths::Smaller),
    (2, 4, u16::MAX, Lengths::Captured),
    (543, 0, u16::MAX, Lengths::Original),
];

/// AIX writes version 2.2 of the standard magic, nanoseconds, and interface types (RFC 1573) for link types: the
/// type, the link type, and the bytes of padding that stand before each frame and count in its lengths.
const AIX: &[(u32, LinkType, u8)] =
    &[(6, LinkType::ETHERNET, 0), (9, LinkType::TOKEN_RING, 0), (15, LinkType::FDDI, 3), (24, LinkType::NULL, 0)];
const AIX_VERSION: [u16; 2] = [2, 2];

/// What the file header says of its records.
#[derive(Clone, Copy)]
struct Pcap {
    order: Order,
    link: LinkType,
    unit: i64,
    /// Length of a record header.
    header: usize,
    lengths: Lengths,
    padding: u8,
    /// As stated.
    snaplen: u32,
}

/// Opens a file that starts with one of the magics. A broken file header is damage: the magic is right.
pub(super) fn open(mut window: Window) -> Box<dyn Source> {
    match read_header(&mut window) {
        Ok(pcap) => Box::new(Reader::new(window, pcap)),
        Err(what) => Box::new(Reader::new(window, Unreadable(what))),
    }
}

/// Reads and consumes the file header.
fn read_header(window: &mut Window) -> Result<Pcap, String> {
    let whole = |window: &mut Window, length| match window.fill(length) {
        Ok(true) => Ok(()),
        Ok(false) => Err(cut_short("file header", window.bytes().len(), length)),
        Err(error) => Err(read_error(&error)),
    };
    whole(window, FILE_HEADER)?;
    let (order, magic) = recognise(window.bytes()).ok_or("no pcap magic")?;
    whole(window, magic.file_header)?;
    let mut pcap = Pcap::from_header(order, magic, window.bytes())?;
    window.consume(magic.file_header);
    if magic.headers.len() > 1 {
        // Where reading ahead fails the first record tells: it is read again.
        pcap.header = pcap.choose(window, magic.headers).unwrap_or(pcap.header);
    }
    Ok(pcap)
}

/// Byte order and magic of the file that starts with `bytes`.
fn recognise(bytes: &[u8]) -> Option<(Order, &'static Magic)> {
    let magic = *bytes.first_chunk::<4>()?;
    let row = |order: Order| MAGICS.iter().find(|row| row.magic == order.u32(magic));
    [Order::Little, Order::Big].into_iter().find_map(|order| Some((order, row(order)?)))
}

impl Header {
    const fn length(self) -> usize {
        match self {
            Self::Plain => RECORD_HEADER,
            Self::Nokia => RECORD_HEADER + 4,
            Self::Kuznetsov => RECORD_HEADER + 8,
            Self::KuznetsovDebug => LONGEST_RECORD_HEADER,
        }
    }

    /// Whether what follows the lengths of a first record looks like this header's.
    fn fits(self, order: Order, extra: &[u8]) -> bool {
        match self {
            Self::Plain => true,
            // In all that are known four of the eight half-bytes have one of two values; converters write 0.
            Self::Nokia => order.u32s::<1>(extra).is_some_and(|([word], _)| {
                let among = |shift: u32, values: [u32; 2]| values.contains(&(word >> shift & 0xf));
                let fixed = word & 0x0fff_00f0 == 0x0fbf_0000;
                word == 0
                    || fixed
                        && among(28, [0x9, 0xb])
                        && among(12, [0xb, 0xd])
                        && among(8, [0x6, 0x9])
                        && among(0, [0x1, 0x2])
            }),
            Self::Kuznetsov | Self::KuznetsovDebug => order.u32s::<2>(extra).is_some_and(|([interface, word], _)| {
                let [protocol, _] = order.halves(word);
                // An ethertype, or one of Linux' own numbers below them; its packet types end at 4.
                let protocol = matches!(protocol, 0..=0x17 | 0x60 | 0x200 | 0x400 | 0x600..);
                interface <= 10_000 && protocol && extra.get(6).is_some_and(|&kind| kind <= 4)
            }),
        }
    }
}

impl Pcap {
    fn from_header(order: Order, magic: &Magic, bytes: &[u8]) -> Result<Self, String> {
        let Some(([_, version, _, _, snaplen, network], _)) = order.u32s::<6>(bytes) else {
            return Err(cut_short("file header", bytes.len(), FILE_HEADER));
        };
        let [major, minor] = order.halves(version);
        let row = VERSIONS.iter().find(|row| row.0 == major && (row.1..=row.2).contains(&minor));
        let &(.., lengths) = row.ok_or_else(|| format!("pcap version {major}.{minor} is unknown"))?;
        let header = magic.headers.first().map_or(RECORD_HEADER, |header| header.length());
        let (link, unit) = (LinkType::stated(network as u16), magic.unit);
        let plain = Self { order, link, unit, header, lengths, padding: 0, snaplen };
        let aix = magic.magic == STANDARD && [major, minor] == AIX_VERSION;
        Ok(match AIX.iter().find(|row| aix && row.0 == network) {
            Some(&(_, link, padding)) => Self { link, unit: 1, padding, ..plain },
            None => plain,
        })
    }

    /// Length of the record headers of the file whose records begin in `window`. Reads at most the first record
    /// and the header of the second.
    fn choose(&self, window: &mut Window, headers: &[Header]) -> io::Result<usize> {
        window.fill(LONGEST_RECORD_HEADER)?;
        let Some(([seconds, _, first, second], extra)) = self.order.u32s::<4>(window.bytes()) else {
            return Ok(self.header);
        };
        let (captured, _) = self.lengths.of(first, second);
        let fitting = headers.iter().filter(|header| header.fits(self.order, extra)).map(|header| header.length());
        let fitting: ArrayVec<usize, 4> = fitting.collect();
        if fitting.len() > 1 && captured <= LONGEST {
            for header in fitting {
                let end = header + captured as usize;
                window.fill(end + RECORD_HEADER)?;
                if window.bytes().get(end..).is_some_and(|behind| self.is_next(seconds, behind)) {
                    return Ok(header);
                }
            }
        }
        Ok(self.header)
    }

    /// Whether `bytes` may be a record header, as far as they go, behind a record of time `seconds`.
    fn is_next(&self, seconds: u32, bytes: &[u8]) -> bool {
        let word = |i: usize| bytes.as_chunks::<4>().0.get(i).map(|&word| self.order.u32(word));
        let lengths = word(2).zip(word(3)).map(|(first, second)| self.lengths.of(first, second));
        word(0).is_none_or(|second| second.abs_diff(seconds) < YEAR)
            && word(1).is_none_or(|fraction| i64::from(fraction) * self.unit < 1_000_000_000)
            && lengths.is_none_or(|(captured, _)| captured <= LONGEST)
    }

    /// More is needed of a record of `length` bytes of which `present` are there.
    #[cold]
    const fn short(&self, present: usize, length: usize) -> Record<'static> {
        if present < self.header {
            Record::Short { wanted: self.header, part: "record header" }
        } else {
            Record::Short { wanted: length, part: "record" }
        }
    }
}

impl Lengths {
    /// Captured and original length.
    #[inline]
    fn of(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::Captured => (first, second),
            Self::Original => (second, first),
            Self::Smaller => (first.min(second), first.max(second)),
        }
    }
}

/// What an empty frame with this time really is, where it is none.
#[cold]
fn no_record(seconds: u32, fraction: u32) -> Option<&'static str> {
    if [seconds, fraction] == [0; 2] {
        return Some("zeros where a record should be: written to disk in part");
    }
    let header = MAGICS.iter().any(|row| row.magic == seconds);
    header.then_some("another capture begins here; join captures with mergecap, or name their files one by one")
}

impl Format for Pcap {
    #[inline]
    fn record<'a>(&mut self, bytes: &'a [u8], _: u64) -> Record<'a> {
        let Some(([seconds, fraction, first, second], _)) = self.order.u32s::<4>(bytes) else {
            return self.short(bytes.len(), self.header);
        };
        let (captured, original) = self.lengths.of(first, second);
        if captured == 0
            && original == 0
            && bytes.len() >= self.header
            && let Some(what) = no_record(seconds, fraction)
        {
            return Record::Damaged(what.into());
        }
        if captured > LONGEST {
            // Whatever comes at a time, a header that is not whole is cut short before it is absurd.
            return if bytes.len() < self.header { self.short(bytes.len(), self.header) } else { absurd(captured) };
        }
        let length = self.header + captured as usize;
        let padding = u32::from(self.padding).min(captured);
        let Some(bytes) = bytes.get(self.header + padding as usize..length) else {
            return self.short(bytes.len(), length);
        };
        let at = Timestamp::from_parts(seconds.into(), i64::from(fraction) * self.unit);
        let original_length = original.saturating_sub(padding);
        Record::Frame { frame: Frame { at, link: self.link, interface: 0, original_length, bytes }, length }
    }

    fn described(&self, _: u16) -> Described {
        Described { snaplen: self.snaplen, ..Described::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{self, Seen, check_changes, check_cuts, read};

    /// A little-endian microsecond file as tcpdump writes it: Ethernet, snaplen 65535, two cut UDP frames.
    const TWO_FRAMES: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\
        \x31\x6d\xd3\x4f\x10\x54\x02\0\x08\0\0\0\x3c\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\
        \x32\x6d\xd3\x4f\x3f\x42\x0f\0\x04\0\0\0\x04\0\0\0\x0a\x0b\x0c\x0d";

    /// A variant in a byte order: length of its file header, of its record headers, its bytes.
    struct Flavour {
        name: String,
        file_header: usize,
        header: usize,
        bytes: Vec<u8>,
    }

    /// Every variant in both byte orders, holding the same two frames.
    fn flavours() -> Vec<Flavour> {
        let mut all = Vec::new();
        for order in [Order::Little, Order::Big] {
            for row in MAGICS {
                for header in row.headers {
                    let (unit, length) = (row.unit, header.length());
                    let mut file = testing::Pcap::new(order, row.magic, 1);
                    file.frame(1_339_256_113, (152_592_000 / unit) as u32, 60, &[1, 2, 3, 4, 5, 6, 7, 8], length);
                    file.frame(1_339_256_114, (999_999_000 / unit) as u32, 4, &[10, 11, 12, 13], length);
                    let name = format!("{order:?} {:#x} {header:?}", row.magic);
                    all.push(Flavour { name, file_header: row.file_header, header: length, bytes: file.bytes });
                }
            }
        }
        all
    }

    fn two_frames() -> Vec<Seen> {
        vec![
            Seen { at: 1_339_256_113_152_592_000, link: 1, original: 60, bytes: vec![1, 2, 3, 4, 5, 6, 7, 8] },
            Seen { at: 1_339_256_114_999_999_000, link: 1, original: 4, bytes: vec![10, 11, 12, 13] },
        ]
    }

    /// Frames and damage of a file made of a header with these lengths in `VERSIONS` order.
    fn lengths(version: (u16, u16), first: u32, second: u32, captured: usize) -> (usize, u32) {
        let mut file = testing::Pcap::new(Order::Big, 0xa1b2_c3d4, 1);
        file.bytes[4..6].copy_from_slice(&version.0.to_be_bytes());
        file.bytes[6..8].copy_from_slice(&version.1.to_be_bytes());
        for word in [1, 2, first, second] {
            file.bytes.extend(word.to_be_bytes());
        }
        file.bytes.extend(vec![0; captured]);
        let (frames, damage) = read(&file.bytes);
        assert_eq!(damage, [], "{version:?}");
        (frames[0].bytes.len(), frames[0].original)
    }

    /// The damage of a file of one record with this captured length, and the frames before it.
    fn check_damage(bytes: &[u8], frames: usize, offset: u64, what: &str) {
        let (seen, damage) = read(bytes);
        assert_eq!(seen.len(), frames);
        assert_eq!(damage, [(offset, what.to_owned())]);
    }

    #[test]
    fn a_file_as_tcpdump_writes_it() {
        assert_eq!(read(TWO_FRAMES), (two_frames(), vec![]));
    }

    #[test]
    fn all_flavours_hold_the_same_frames() {
        for Flavour { name, bytes, .. } in flavours() {
            assert_eq!(read(&bytes), (two_frames(), vec![]), "{name}");
        }
    }

    #[test]
    fn one_record_that_ends_the_file_tells_its_header_too() {
        for Flavour { name, file_header, header, bytes } in flavours() {
            let (frames, damage) = read(&bytes[..file_header + header + 8]);
            assert_eq!((frames, damage), (two_frames()[..1].to_vec(), vec![]), "{name}");
        }
    }

    #[test]
    fn every_cut_or_change_keeps_the_frames_before_it() {
        for Flavour { name, file_header, header, bytes } in flavours() {
            let first = file_header + header + 8;
            if header == RECORD_HEADER || name.ends_with("cd34 Kuznetsov") {
                check_cuts(&name, &bytes, &[file_header, first, bytes.len()], &[first, bytes.len()]);
                check_changes(&name, &bytes, &[first, bytes.len()]);
                continue;
            }
            // Which header it is, is told by the second record.
            check_changes(&name, &bytes, &[]);
            for length in first..bytes.len() {
                let (frames, damage) = read(&bytes[..length]);
                assert_eq!(frames, two_frames()[..1], "{name} cut at {length}");
                let offsets: Vec<_> = damage.iter().map(|damage| damage.0).collect();
                assert_eq!(
                    offsets,
                    if length == first { vec![] } else { vec![first as u64] },
                    "{name} cut at {length}"
                );
            }
        }
    }

    /// An ordinary file whose first frame begins like a longer record header: its bytes are all a frame.
    fn check_ordinary(order: Order, start: [u8; 12]) {
        let mut file = testing::Pcap::new(order, STANDARD, 1);
        file.frame(1, 2, 12, &start, 16);
        let one = file.bytes.clone();
        file.frame(1, 2, 12, &start, 16);
        let cut = [&file.bytes[..], &[0; 7]].concat();
        for (bytes, frames) in [(&one, 1), (&file.bytes, 2), (&cut, 2)] {
            let seen = read(bytes).0;
            assert!(seen.len() == frames && seen.iter().all(|frame| frame.bytes == start), "{order:?} {seen:?}");
        }
    }

    #[test]
    fn an_ordinary_file_is_not_mistaken() {
        // The addresses of Linux' loopback; a small interface number in either order; Nokia's constant.
        check_ordinary(Order::Little, [0; 12]);
        check_ordinary(Order::Big, [0; 12]);
        check_ordinary(Order::Little, [2, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0]);
        check_ordinary(Order::Big, [0, 0, 0, 2, 8, 0, 1, 0, 0, 0, 0, 0]);
        check_ordinary(Order::Big, [0x9f, 0xbf, 0xb6, 1, 8, 0, 1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn nothing_is_read_ahead_of_an_ordinary_file() {
        /// Two frames, one a read, and no end.
        struct Live(Vec<Vec<u8>>);
        impl io::Read for Live {
            fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
                assert!(!self.0.is_empty(), "asked for more than there is");
                let bytes = self.0.remove(0);
                room[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
        }
        let mut file = testing::Pcap::new(Order::Little, STANDARD, 1);
        let mut reads = vec![file.bytes.clone()];
        file.frame(1, 2, 14, &[0, 0x15, 0x5d, 0, 4, 1, 0, 0x15, 0x5d, 0, 4, 2, 8, 0], 16);
        reads.push(file.bytes[24..].to_vec());
        let mut source = open(Window::new(Box::new(Live(reads))));
        assert_eq!(source.head(), Some(Timestamp(1_000_002_000)));
    }

    #[test]
    fn aix_counts_nanoseconds_and_interface_types() {
        let file = |version: u32, network, bytes: &[u8]| {
            let mut file = testing::Pcap::new(Order::Big, STANDARD, network);
            file.bytes[4..8].copy_from_slice(&version.to_be_bytes());
            let captured = bytes.len() as u32;
            for word in [1, 999_999_999, captured + 2, captured] {
                file.bytes.extend(word.to_be_bytes());
            }
            file.bytes.extend(bytes);
            let (frames, damage) = read(&file.bytes);
            assert_eq!(damage, []);
            frames[0].clone()
        };
        let seen =
            |at, link: LinkType, original, bytes: &[u8]| Seen { at, link: link.0, original, bytes: bytes.to_vec() };
        const AT: i64 = 1_999_999_999;
        assert_eq!(file(0x0002_0002, 6, &[1, 2, 3, 4]), seen(AT, LinkType::ETHERNET, 6, &[1, 2, 3, 4]));
        assert_eq!(file(0x0002_0002, 9, &[1, 2, 3, 4]), seen(AT, LinkType::TOKEN_RING, 6, &[1, 2, 3, 4]));
        assert_eq!(file(0x0002_0002, 15, &[0, 0, 0, 4]), seen(AT, LinkType::FDDI, 3, &[4]));
        assert_eq!(file(0x0002_0002, 15, &[0, 0]), seen(AT, LinkType::FDDI, 2, &[]));
        assert_eq!(file(0x0002_0002, 24, &[2]), seen(AT, LinkType::NULL, 3, &[2]));
        assert_eq!(file(0x0002_0002, 1, &[2]), seen(1_000_999_999_000, LinkType::ETHERNET, 3, &[2]));
        assert_eq!(file(0x0002_0001, 6, &[2]), seen(1_000_999_999_000, LinkType::TOKEN_RING, 3, &[2]));
    }

    #[test]
    fn old_versions_order_the_lengths_otherwise() {
        assert_eq!(lengths((2, 4), 20, 40, 20), (20, 40));
        assert_eq!(lengths((2, 3), 20, 40, 20), (20, 40));
        assert_eq!(lengths((2, 3), 40, 20, 20), (20, 40));
        assert_eq!(lengths((2, 2), 40, 20, 20), (20, 40));
        assert_eq!(lengths((543, 0), 40, 20, 20), (20, 40));
        // Broken writer: kept as it stands.
        assert_eq!(lengths((2, 4), 40, 20, 40), (40, 20));
    }

    #[test]
    fn hostile_headers() {
        let mut claim = TWO_FRAMES.to_vec();
        claim[56..60].copy_from_slice(&[0xff; 4]);
        check_damage(&claim, 1, 48, "record claims a frame of 4294967295 bytes (at most 1048576)");
        let mut version = TWO_FRAMES.to_vec();
        version[4] = 1;
        check_damage(&version, 0, 0, "pcap version 1.4 is unknown");
        let preallocated = [TWO_FRAMES, &[0; 40]].concat();
        check_damage(&preallocated, 2, 68, "zeros where a record should be: written to disk in part");
        let twice = [TWO_FRAMES, TWO_FRAMES].concat();
        check_damage(
            &twice,
            2,
            68,
            "another capture begins here; join captures with mergecap, or name their files one by one",
        );
        check_damage(&preallocated[..78], 2, 68, "record header cut short: 10 of 16 bytes");
        check_damage(&TWO_FRAMES[..5], 0, 0, "file header cut short: 5 of 24 bytes");
        check_damage(&TWO_FRAMES[..50], 1, 48, "record header cut short: 2 of 16 bytes");
        check_damage(&TWO_FRAMES[..66], 1, 48, "record cut short: 18 of 20 bytes");
    }

    #[test]
    fn snaplen_and_upper_network_bits_are_not_believed() {
        let mut bytes = TWO_FRAMES.to_vec();
        bytes[16..20].copy_from_slice(&[2, 0, 0, 0]);
        bytes[22..24].copy_from_slice(&[0, 0x14]);
        assert_eq!(read(&bytes), (two_frames(), vec![]));
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut file = testing::Pcap::new(Order::Little, 0xa1b2_c3d4, 1);
        file.frame(u32::MAX, u32::MAX, 0, &[], 16);
        let (frames, _) = read(&file.bytes);
        assert_eq!(frames[0].at, 4_294_967_295_000_000_000 + 4_294_967_295_000);
    }
}
