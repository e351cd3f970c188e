//! pcapng: sections of blocks; interfaces are described before the packets that came in on them.
//!
//! In: a window that stands at a section header. Out: a [`Source`] of its frames.
//! Must not know: other formats; anything a block says beyond frames, their time, their link type and their loss.
//!
//! Read are sections, interfaces, the three kinds of packet, and of interface statistics the losses; every other block
//! (names, secrets, journals, custom ones) is passed, whatever is in it.
//!
//! A block that contradicts itself (its two lengths differ, its packet is longer than the block, it names an
//! interface never described) is damage and ends the file: beyond it neither a frame's time unit nor its
//! link type could be trusted, and skipping the frame would number all later ones wrongly. The section length
//! is ignored, since live writers cannot know it.

pub(super) use comment::comments;
use interface::Interface;
use option::Options;
pub use writer::{Described, PcapngWriter};

use super::Frame;
use super::order::Order;
use super::reader::{Format, Reader, Record, Source};
use super::window::Window;
use crate::net::Timestamp;

mod comment;
mod interface;
mod option;
mod writer;

/// Type, length, and the length again at the end.
const SMALLEST: u32 = 12;
/// A section header has a byte-order magic, version and section length besides.
const SMALLEST_SECTION: u32 = 28;
/// The largest block read, as Wireshark's limit is. It also bounds the window.
const LARGEST: u32 = 16 << 20;
/// Interfaces in a section; without a bound a file of interface blocks would grow the table with the file.
const INTERFACES: usize = 1 << 16;

/// Section Header Block; the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// Obsolete, but old files have it.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Option of an Enhanced Packet Block: frames lost since the packet before.
const DROP_COUNT: u16 = 4;
/// The obsolete Packet Block's count of lost frames where it has none.
const NO_DROP_COUNT: u16 = u16::MAX;

/// The byte-order magic, as its writer's order reads it.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// State of the current section.
struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Time of the frame before, for those that state none; the epoch before any frame has stated one.
    last: Timestamp,
    /// Where the packet behind the latest one begins whose losses are counted.
    counted: u64,
    /// Frames lost in the sections before.
    lost: Option<u64>,
}

/// The fields that Enhanced Packet Block and Packet Block share, and what follows them.
struct Packet<'a> {
    interface: u32,
    high: u32,
    low: u32,
    captured: u32,
    original: u32,
    rest: &'a [u8],
    /// Where its block is in the file.
    offset: u64,
}

/// Opens a file that starts with a section header's type.
pub(super) fn open(window: Window) -> Box<dyn Source> {
    let (order, interfaces, last) = (Order::Little, Vec::new(), Timestamp::default());
    let format = Pcapng { order, interfaces, last, counted: 0, lost: None };
    Box::new(Reader::new(window, format))
}

impl Format for Pcapng {
    #[inline]
    fn record<'a>(&mut self, bytes: &'a [u8], offset: u64) -> Record<'a> {
        let Some(([_, _, magic], _)) = Order::Little.u32s::<3>(bytes) else {
            return Record::Short { wanted: SMALLEST as usize, part: "block header" };
        };
        let Some(([kind, stated], _)) = self.order.u32s::<2>(bytes) else {
            return Record::Short { wanted: SMALLEST as usize, part: "block header" };
        };
        let (order, smallest, stated) = if kind == SECTION {
            let order = match magic {
                BYTE_ORDER => Order::Little,
                _ if magic.swap_bytes() == BYTE_ORDER => Order::Big,
                _ => return Record::Damaged("section header without a byte-order magic".to_owned()),
            };
            let stated = if order == self.order { stated } else { stated.swap_bytes() };
            (order, SMALLEST_SECTION, stated)
        } else {
            (self.order, SMALLEST, stated)
        };
        if stated < smallest || stated > LARGEST || stated % 4 != 0 {
            return Record::Damaged(format!("block of type {kind:#x} claims a length of {stated} bytes"));
        }
        let length = stated as usize;
        let Some(block) = bytes.get(..length) else {
            return Record::Short { wanted: length, part: "block" };
        };
        let Some((body, trailer)) = block.get(8..).and_then(|rest| rest.split_last_chunk::<4>()) else {
            return Record::Short { wanted: length, part: "block" };
        };
        let again = order.u32(*trailer);
        if again != stated {
            return Record::Damaged(format!("block of type {kind:#x} ends with length {again}, began with {stated}"));
        }
        let frame = match kind {
            ENHANCED_PACKET => self.enhanced(body, offset).map(Some),
            PACKET => self.obsolete(body, offset).map(Some),
            SIMPLE_PACKET => self.simple(body).map(Some),
            INTERFACE => self.describe(body).map(|()| None),
            SECTION => self.begin(order, body).map(|()| None),
            STATISTICS => {
                self.statistics(body);
                Ok(None)
            }
            _ => Ok(None),
        };
        match frame {
            Ok(Some(frame)) => Record::Frame { frame, length },
            Ok(None) => Record::Other { length },
            Err(what) => Record::Damaged(what),
        }
    }

    fn described(&self, interface: u16) -> Described {
        self.interfaces.get(usize::from(interface)).map(Interface::described).unwrap_or_default()
    }

    fn dropped(&self) -> Option<u64> {
        self.interfaces.iter().filter_map(Interface::lost).chain(self.lost).reduce(u64::saturating_add)
    }
}

impl Pcapng {
    /// Section Header Block: forgets the section before.
    #[cold]
    fn begin(&mut self, order: Order, body: &[u8]) -> Result<(), String> {
        let Some(([_, version], _)) = order.u32s::<2>(body) else {
            return Err("section header too short".to_owned());
        };
        let [major, minor] = order.halves(version);
        if major != 1 {
            return Err(format!("pcapng version {major}.{minor} is unknown"));
        }
        self.lost = self.dropped();
        self.order = order;
        self.interfaces.clear();
        Ok(())
    }

    /// Interface Description Block.
    #[cold]
    fn describe(&mut self, body: &[u8]) -> Result<(), String> {
        if self.interfaces.len() >= INTERFACES {
            return Err(format!("more than {INTERFACES} interfaces in one section"));
        }
        self.interfaces.push(Interface::parse(self.order, body)?);
        Ok(())
    }

    /// Interface Statistics Block. One that is broken, or of an interface never described, says nothing: no frame
    /// depends on it.
    #[cold]
    fn statistics(&mut self, body: &[u8]) {
        let Some(([interface, _, _], options)) = self.order.u32s::<3>(body) else { return };
        let interface = usize::try_from(interface).ok().and_then(|index| self.interfaces.get_mut(index));
        interface.into_iter().for_each(|interface| interface.statistics(self.order, options));
    }

    /// Enhanced Packet Block.
    #[inline]
    fn enhanced<'a>(&mut self, body: &'a [u8], offset: u64) -> Result<Frame<'a>, String> {
        let Some(([interface, high, low, captured, original], rest)) = self.order.u32s::<5>(body) else {
            return Err(too_short());
        };
        let packet = Packet { interface, high, low, captured, original, rest, offset };
        let padded = (captured as usize).checked_next_multiple_of(4);
        let options = padded.and_then(|padded| rest.get(padded..)).unwrap_or_default();
        if !options.is_empty() {
            self.options(&packet, options);
        }
        self.packet(&packet)
    }

    /// The options of an Enhanced Packet Block, for what they say of losses.
    #[cold]
    fn options(&mut self, packet: &Packet<'_>, options: &[u8]) {
        let mut counts =
            Options::new(self.order, options).map_while(Result::ok).filter(|option| option.0 == DROP_COUNT);
        if let Some(frames) = counts.next().and_then(|(_, value)| Options::number(self.order, value)) {
            self.lose(packet, frames);
        }
    }

    /// Counts frames lost before a packet, once however often the packet is asked for.
    fn lose(&mut self, packet: &Packet<'_>, frames: u64) {
        let interface = usize::try_from(packet.interface).ok().and_then(|index| self.interfaces.get_mut(index));
        if let Some(interface) = interface.filter(|_| packet.offset >= self.counted) {
            interface.lose(frames);
            self.counted = packet.offset.saturating_add(1);
        }
    }

    /// Packet Block: a 16-bit interface number and a drop count where the enhanced one has 32 bits.
    #[cold]
    fn obsolete<'a>(&mut self, body: &'a [u8], offset: u64) -> Result<Frame<'a>, String> {
        let Some(([word, high, low, captured, original], rest)) = self.order.u32s::<5>(body) else {
            return Err(too_short());
        };
        let [interface, drops] = self.order.halves(word);
        let packet = Packet { interface: interface.into(), high, low, captured, original, rest, offset };
        if drops != NO_DROP_COUNT {
            self.lose(&packet, drops.into());
        }
        self.packet(&packet)
    }

    /// What both kinds of timed packet mean.
    #[inline]
    fn packet<'a>(&mut self, packet: &Packet<'a>) -> Result<Frame<'a>, String> {
        let interface = usize::try_from(packet.interface).ok().and_then(|index| self.interfaces.get(index));
        let Some(interface) = interface else {
            return Err(unknown_interface(packet.interface));
        };
        let Some(bytes) = packet.rest.get(..packet.captured as usize) else {
            return Err(format!("packet of {} bytes in a block with room for {}", packet.captured, packet.rest.len()));
        };
        self.last = interface.time(packet.high, packet.low);
        let (link, number) = (interface.link, u16::try_from(packet.interface).unwrap_or(u16::MAX));
        Ok(Frame { at: self.last, link, interface: number, original_length: packet.original, bytes })
    }

    /// Simple Packet Block: from the first interface, without a time, cut at the interface's snaplen.
    #[cold]
    fn simple<'a>(&mut self, body: &'a [u8]) -> Result<Frame<'a>, String> {
        let Some(([original_length], rest)) = self.order.u32s::<1>(body) else {
            return Err(too_short());
        };
        let Some(interface) = self.interfaces.first() else {
            return Err(unknown_interface(0));
        };
        let captured = original_length.min(interface.snaplen) as usize;
        let bytes = rest.get(..captured).unwrap_or(rest);
        Ok(Frame { at: self.last, link: interface.link, interface: 0, original_length, bytes })
    }
}

#[cold]
fn too_short() -> String {
    "packet block too short for its own fields".to_owned()
}

#[cold]
fn unknown_interface(number: u32) -> String {
    format!("packet of interface {number}, which was not described")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{Pcapng as File, Seen, check_changes, check_cuts, dropped, read};

    /// The smallest useful file, little-endian: section, Ethernet interface, one enhanced packet.
    const ONE_FRAME: &[u8] = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\
        \xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
        \x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\x04\0\x14\0\0\0\
        \x06\0\0\0\x28\0\0\0\0\0\0\0\x3c\xc0\x04\0\x80\x42\xd5\x27\
        \x06\0\0\0\x40\0\0\0\x01\x02\x03\x04\x05\x06\0\0\x28\0\0\0";

    fn seen(at: i64, link: u16, original: u32, bytes: &[u8]) -> Seen {
        Seen { at, link, original, bytes: bytes.to_vec() }
    }

    /// A file with every kind of block, in `order`; its frames; where blocks end; where frames end.
    fn everything(order: Order) -> (Vec<u8>, Vec<Seen>, Vec<usize>, Vec<usize>) {
        let mut file = File::new(order);
        file.interface(1, 0, &[]);
        file.interface(101, 6, &[(9, &[9]), (2, b"eth1")]);
        let mut ends = Vec::new();
        file.enhanced(0, 1_000_000, 60, &[1, 2, 3]);
        ends.push(file.bytes.len());
        file.enhanced(1, 2_000_000_001, 4, &[4, 5, 6, 7]);
        ends.push(file.bytes.len());
        file.block(4, &[1; 20]); // names
        file.block(5, &[0; 12]); // statistics
        file.block(9, &[b'a'; 6]); // systemd's journal
        file.block(10, &[1; 9]); // secrets
        file.block(0x0bad, &[0, 1, 2, 3]);
        file.block(0x4000_0bad, &[0, 1, 2, 3]);
        file.block(0x7fff_ffff, &[]);
        file.simple(9, &[8, 8, 8, 8, 8, 8, 8, 8, 8]);
        ends.push(file.bytes.len());
        file.obsolete(1, 3_000_000_000, 5, &[5; 5]);
        ends.push(file.bytes.len());
        let other = if order == Order::Little { Order::Big } else { Order::Little };
        file.section(other);
        file.interface(276, 4, &[]);
        file.simple(9, &[7, 7, 7, 7]);
        ends.push(file.bytes.len());
        let frames = vec![
            seen(1_000_000_000, 1, 60, &[1, 2, 3]),
            seen(2_000_000_001, 101, 4, &[4, 5, 6, 7]),
            seen(2_000_000_001, 1, 9, &[8; 9]),
            seen(3_000_000_000, 101, 5, &[5; 5]),
            seen(3_000_000_000, 276, 9, &[7; 4]),
        ];
        (file.bytes, frames, file.ends, ends)
    }

    fn check_damage(file: &File, frames: usize, what: &str) {
        let (seen, damage) = read(&file.bytes);
        assert_eq!(seen.len(), frames, "{what}");
        assert_eq!(damage.len(), 1, "{what}");
        assert_eq!(damage[0].1, what);
    }

    /// A good frame, then `bytes` as a block's.
    fn after_a_frame(bytes: &[u8]) -> File {
        let mut file = File::new(Order::Little);
        file.interface(1, 0, &[]);
        file.enhanced(0, 1, 1, &[1]);
        file.bytes.extend(bytes);
        file
    }

    #[test]
    fn the_smallest_file() {
        let expected = seen(1_337_000_000_000_000_000, 1, 64, &[1, 2, 3, 4, 5, 6]);
        let (frames, damage) = read(ONE_FRAME);
        assert_eq!(damage, []);
        assert_eq!(frames.len(), 1);
        assert_eq!((frames[0].link, frames[0].original, &frames[0].bytes), (1, 64, &expected.bytes));
        let microseconds = (0x0004_c03c_i64 << 32) | 0x27d5_4280;
        assert_eq!(frames[0].at, microseconds * 1000);
    }

    #[test]
    fn every_kind_of_block_in_both_orders() {
        for order in [Order::Little, Order::Big] {
            let (bytes, frames, ..) = everything(order);
            assert_eq!(read(&bytes), (frames, vec![]), "{order:?}");
        }
    }

    #[test]
    fn every_cut_or_change_keeps_the_frames_before_it() {
        for order in [Order::Little, Order::Big] {
            let (bytes, _, blocks, frames) = everything(order);
            check_cuts(&format!("{order:?}"), &bytes, &blocks, &frames);
            check_changes(&format!("{order:?}"), &bytes, &frames);
        }
        check_cuts("const", ONE_FRAME, &[28, 48, 88], &[88]);
    }

    #[test]
    fn hostile_lengths() {
        for length in [0_u32, 4, 8, 11, 13, 14, 15, 41, 0x0100_0004, 0xffff_fffc, u32::MAX] {
            let mut block = 6_u32.to_le_bytes().to_vec();
            block.extend(length.to_le_bytes());
            block.extend([0; 64]);
            check_damage(&after_a_frame(&block), 1, &format!("block of type 0x6 claims a length of {length} bytes"));
        }
        // A section header's length counts in its own order.
        let mut section = b"\x0a\x0d\x0d\x0a\0\0\0\x18\x1a\x2b\x3c\x4d".to_vec();
        section.extend([0; 32]);
        check_damage(&after_a_frame(&section), 1, "block of type 0xa0d0d0a claims a length of 24 bytes");
    }

    #[test]
    fn blocks_that_contradict_themselves() {
        let block = b"\x05\0\0\0\x10\0\0\0\0\0\0\0\x14\0\0\0";
        check_damage(&after_a_frame(block), 1, "block of type 0x5 ends with length 20, began with 16");
        let block = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\0\0\0\0\x01\0\0\0";
        check_damage(&after_a_frame(block), 1, "section header without a byte-order magic");
        let mut file = after_a_frame(&[]);
        file.block(6, &[0; 16]);
        check_damage(&file, 1, "packet block too short for its own fields");
        let mut file = after_a_frame(&[]);
        file.enhanced(1, 0, 1, &[1]);
        check_damage(&file, 1, "packet of interface 1, which was not described");
        for captured in [9_u32, u32::MAX] {
            let mut file = after_a_frame(&[]);
            let mut body = [0; 16].to_vec();
            body[12..16].copy_from_slice(&captured.to_le_bytes());
            body.extend([0; 12]);
            file.block(6, &body);
            check_damage(&file, 1, &format!("packet of {captured} bytes in a block with room for 8"));
        }
    }

    /// What a section of two interfaces in either byte order says was lost.
    fn check_lost(blocks: fn(&mut File), expected: Option<u64>) {
        for order in [Order::Little, Order::Big] {
            let mut file = File::new(order);
            file.interface(1, 0, &[]);
            file.interface(1, 0, &[]);
            blocks(&mut file);
            assert_eq!((dropped(&file.bytes), read(&file.bytes).1), (expected, vec![]), "{order:?}");
        }
    }

    #[test]
    fn losses_are_summed_over_interfaces_and_sections() {
        check_lost(|file| file.enhanced(0, 0, 1, &[1]), None);
        // Received 9, lost by the interface, accepted by the filter 8, lost by the system; the latest block wins.
        check_lost(|file| file.statistics(0, &[(4, 9), (5, 1), (6, 8), (7, 2)]), Some(3));
        check_lost(|file| file.statistics(1, &[(5, 0)]), Some(0));
        check_lost(|file| [5, 7].iter().for_each(|&lost| file.statistics(1, &[(5, lost)])), Some(7));
        check_lost(|file| [0, 1].iter().for_each(|&interface| file.statistics(interface, &[(7, 4)])), Some(8));
        check_lost(|file| file.statistics(2, &[(5, 9)]), None);
        // Before a packet, however often the packet is asked for.
        check_lost(
            |file| (0..99).for_each(|at| file.enhanced_with(0, at, 3, &[1, 2, 3], &[(4, 2), (2, 1)])),
            Some(198),
        );
        check_lost(|file| (0..9).for_each(|at| file.obsolete((at % 2) as u16, at, 3, &[1, 2, 3])), Some(27));
        let both = |file: &mut File| {
            file.enhanced_with(0, 0, 1, &[1], &[(4, 6)]);
            file.statistics(0, &[(5, 5)]);
        };
        check_lost(both, Some(6));
        let sections = |file: &mut File| {
            file.statistics(0, &[(5, 5)]);
            file.section(Order::Big);
            file.interface(1, 0, &[]);
            file.statistics(0, &[(5, 6)]);
        };
        check_lost(sections, Some(11));
    }

    #[test]
    fn options_that_lie_cost_no_frame() {
        let mut file = File::new(Order::Little);
        file.interface(1, 0, &[]);
        for tail in [&[4, 0, 0xff, 0xff][..], &[4, 0, 4, 0, 1, 2, 3, 4], &[4, 0, 8, 0, 1, 2], &[0, 0, 0, 0, 4, 0, 8, 0]]
        {
            let mut body = [&[0; 12][..], &1_u32.to_le_bytes(), &1_u32.to_le_bytes(), &[7, 0, 0, 0]].concat();
            body.extend(tail);
            file.block(6, &body);
            file.block(5, &[&[0; 12], tail].concat());
        }
        assert_eq!((read(&file.bytes).0.len(), read(&file.bytes).1, dropped(&file.bytes)), (4, vec![], None));
    }

    #[test]
    fn a_section_starts_without_interfaces() {
        for kind in [3, 6] {
            let mut file = after_a_frame(&[]);
            file.section(Order::Big);
            file.block(kind, &[0; 20]);
            check_damage(&file, 1, "packet of interface 0, which was not described");
        }
        let mut bytes = ONE_FRAME.to_vec();
        bytes[12] = 2;
        assert_eq!(read(&bytes).1, [(0, "pcapng version 2.0 is unknown".to_owned())]);
    }

    #[test]
    fn an_unfinished_simple_packet_is_cut_at_the_block() {
        let mut file = File::new(Order::Little);
        file.interface(1, 0, &[]);
        file.simple(1000, &[1, 2, 3, 4]);
        assert_eq!(read(&file.bytes), (vec![seen(0, 1, 1000, &[1, 2, 3, 4])], vec![]));
    }

    #[test]
    fn thousands_of_interfaces_but_not_without_end() {
        let mut file = File::new(Order::Big);
        for number in 0..5000 {
            file.interface(number, 0, &[]);
        }
        file.enhanced(4999, 0, 1, &[1]);
        let (frames, damage) = read(&file.bytes);
        assert_eq!((frames[0].link, damage), (4999, vec![]));
        for _ in 5000..=INTERFACES {
            file.interface(1, 0, &[]);
        }
        check_damage(&file, 1, "more than 65536 interfaces in one section");
    }

    #[test]
    fn a_block_larger_than_the_window_is_read_whole() {
        let mut file = File::new(Order::Little);
        file.interface(1, 0, &[]);
        file.block(10, &vec![0; 3 << 20]);
        file.enhanced(0, 5, 1 << 20, &vec![7; 1 << 20]);
        let (frames, damage) = read(&file.bytes);
        assert_eq!((frames[0].bytes.len(), damage), (1 << 20, vec![]));
    }
}
