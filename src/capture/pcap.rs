//! Classic pcap: a file header, then records of a fixed header and the frame's bytes.
//!
//! In: a window that stands at a pcap magic. Out: a [`Source`] of its frames.
//! Must not know: other formats.
//!
//! Read as stated: an original length below the captured one, a captured length above the file's snaplen,
//! fractions of a second above one, seconds up to the year 2106 (they are unsigned).

use super::order::Order;
use super::reader::{Format, Reader, Record, Source, Unreadable, cut_short, read_error};
use super::window::Window;
use super::{Frame, LinkType};
use crate::net::Timestamp;

/// Length of the file header.
const FILE_HEADER: usize = 24;

/// The longest frame taken for one. Four times what capture programs store, room for IPv6 jumbograms of
/// segmentation offload; anything above is a record header that is none.
const LONGEST: u32 = 1 << 20;

/// Magic, nanoseconds in a unit of a record's fraction, length of a record header.
const VARIANTS: &[(u32, i64, usize)] = &[
    (0xa1b2_c3d4, 1000, 16),
    (0xa1b2_3c4d, 1, 16),
    // "Modified" (Kuznetzov): interface index, protocol and packet type follow the lengths.
    (0xa1b2_cd34, 1000, 24),
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

/// What the file header says of its records.
#[derive(Clone, Copy)]
struct Pcap {
    order: Order,
    link: LinkType,
    unit: i64,
    header: usize,
    lengths: Lengths,
}

/// Opens a file that starts with one of the magics. A broken file header is damage: the magic is right.
pub(super) fn open(mut window: Window) -> Box<dyn Source> {
    let header = match window.fill(FILE_HEADER) {
        Ok(true) => Pcap::from_header(window.bytes()),
        Ok(false) => Err(cut_short("file header", window.bytes().len(), FILE_HEADER)),
        Err(error) => Err(read_error(&error)),
    };
    match header {
        Ok(pcap) => {
            window.consume(FILE_HEADER);
            Box::new(Reader::new(window, pcap))
        }
        Err(what) => Box::new(Reader::new(window, Unreadable(what))),
    }
}

impl Pcap {
    fn from_header(bytes: &[u8]) -> Result<Self, String> {
        let (order, unit, header) = variant(bytes).ok_or("no pcap magic")?;
        let Some(([_, version, _, _, _, network], _)) = order.u32s::<6>(bytes) else {
            return Err(cut_short("file header", bytes.len(), FILE_HEADER));
        };
        let [major, minor] = order.halves(version);
        let row = VERSIONS.iter().find(|row| row.0 == major && (row.1..=row.2).contains(&minor));
        let &(.., lengths) = row.ok_or_else(|| format!("pcap version {major}.{minor} is unknown"))?;
        // The upper half states the length of a frame check sequence, if any.
        let link = LinkType::stated(network as u16);
        Ok(Self { order, link, unit, header, lengths })
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

/// Byte order, unit and record header of the file that starts with `bytes`.
fn variant(bytes: &[u8]) -> Option<(Order, i64, usize)> {
    let magic = *bytes.first_chunk::<4>()?;
    [Order::Little, Order::Big].into_iter().find_map(|order| {
        let &(_, unit, header) = VARIANTS.iter().find(|row| row.0 == order.u32(magic))?;
        Some((order, unit, header))
    })
}

impl Format for Pcap {
    #[inline]
    fn record<'a>(&mut self, bytes: &'a [u8]) -> Record<'a> {
        let Some(([seconds, fraction, first, second], _)) = self.order.u32s::<4>(bytes) else {
            return self.short(bytes.len(), self.header);
        };
        let (captured, original_length) = match self.lengths {
            Lengths::Captured => (first, second),
            Lengths::Original => (second, first),
            Lengths::Smaller => (first.min(second), first.max(second)),
        };
        if captured > LONGEST {
            // Whatever comes at a time, a header that is not whole is cut short before it is absurd.
            return if bytes.len() < self.header { self.short(bytes.len(), self.header) } else { absurd(captured) };
        }
        let length = self.header + captured as usize;
        let Some(bytes) = bytes.get(self.header..length) else {
            return self.short(bytes.len(), length);
        };
        let at = Timestamp::from_parts(seconds.into(), i64::from(fraction) * self.unit);
        Record::Frame { frame: Frame { at, link: self.link, original_length, bytes }, length }
    }
}

/// Damage by a captured length that no frame has.
#[cold]
fn absurd(captured: u32) -> Record<'static> {
    Record::Damaged(format!("record claims a frame of {captured} bytes (at most {LONGEST})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{self, Seen, check_changes, check_cuts, read};

    /// A little-endian microsecond file as tcpdump writes it: Ethernet, snaplen 65535, two cut UDP frames.
    const TWO_FRAMES: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\
        \x31\x6d\xd3\x4f\x10\x54\x02\0\x08\0\0\0\x3c\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\
        \x32\x6d\xd3\x4f\x3f\x42\x0f\0\x04\0\0\0\x04\0\0\0\x0a\x0b\x0c\x0d";

    /// Every variant in both byte orders, holding the same two frames.
    fn flavours() -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for order in [Order::Little, Order::Big] {
            for &(magic, unit, header) in VARIANTS {
                let mut file = testing::Pcap::new(order, magic, 1);
                file.frame(1_339_256_113, (152_592_000 / unit) as u32, 60, &[1, 2, 3, 4, 5, 6, 7, 8], header);
                file.frame(1_339_256_114, (999_999_000 / unit) as u32, 4, &[10, 11, 12, 13], header);
                all.push((format!("{order:?} {magic:#x}"), file.bytes));
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
        for (name, bytes) in flavours() {
            assert_eq!(read(&bytes), (two_frames(), vec![]), "{name}");
        }
    }

    #[test]
    fn every_cut_or_change_keeps_the_frames_before_it() {
        for (name, bytes) in flavours() {
            let record = if name.ends_with("cd34") { 24 } else { 16 };
            let first = FILE_HEADER + record + 8;
            check_cuts(&name, &bytes, &[FILE_HEADER, first, bytes.len()], &[first, bytes.len()]);
            check_changes(&name, &bytes, &[first, bytes.len()]);
        }
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
