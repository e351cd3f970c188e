//! In: frames in time order. Out: the bytes of a capture file: pcap with all its variants, pcapng (both byte orders,
//! several interfaces, comments), snoop, Network Monitor 1 and 2.
//! Must not know: what the frames carry.
#![allow(clippy::indexing_slicing, reason = "of headers written a line before")]

use super::{MICROSECOND, MILLISECOND};

/// LINKTYPE_ETHERNET.
pub const ETHERNET: u16 = 1;

/// One captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub at: u64,
    /// Index of the interface that saw it (pcapng only).
    pub interface: u32,
    /// Length on the wire; `bytes` may be shorter.
    pub original_length: u32,
    /// What was captured.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// A frame captured whole, on the first interface.
    #[must_use]
    pub fn whole(at: u64, bytes: Vec<u8>) -> Self {
        Self { at, interface: 0, original_length: bytes.len() as u32, bytes }
    }

    /// The same frame under a snapshot length.
    #[must_use]
    pub fn cut(mut self, snaplen: usize) -> Self {
        self.bytes.truncate(snaplen);
        self
    }
}

/// Puts frames in time order; frames of the same instant keep theirs.
pub fn in_time_order(mut frames: Vec<Frame>) -> Vec<Frame> {
    frames.sort_by_key(|frame| frame.at);
    frames
}

/// Byte order of the machine that "wrote" the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// x86.
    Little,
    /// SPARC, POWER.
    Big,
}

impl Order {
    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// What one unit of a timestamp is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 10⁻⁶ s.
    Micro,
    /// 10⁻⁹ s.
    Nano,
}

/// A classic pcap file.
#[derive(Clone, Copy, Debug)]
pub struct Pcap {
    /// Byte order.
    pub order: Order,
    /// Timestamp unit.
    pub unit: Unit,
    /// LINKTYPE_* number.
    pub link_type: u16,
    /// Snapshot length that the header claims.
    pub snaplen: u32,
}

impl Default for Pcap {
    fn default() -> Self {
        Self { order: Order::Little, unit: Unit::Micro, link_type: ETHERNET, snaplen: 262_144 }
    }
}

impl Pcap {
    /// The file's bytes.
    #[must_use]
    pub fn write(self, frames: &[Frame]) -> Vec<u8> {
        let order = self.order;
        let (magic, per_second) = match self.unit {
            Unit::Micro => (0xa1b2_c3d4, 1_000_000),
            Unit::Nano => (0xa1b2_3c4d, 1_000_000_000),
        };
        let mut file = bytes![
            order.u32(magic),
            order.u16(2),
            order.u16(4),
            order.u64(0),
            order.u32(self.snaplen),
            order.u32(u32::from(self.link_type)),
        ];
        for frame in frames {
            let ticks = ticks(frame.at, self.unit);
            file.extend(order.u32((ticks / per_second) as u32));
            file.extend(order.u32((ticks % per_second) as u32));
            file.extend(order.u32(frame.bytes.len() as u32));
            file.extend(order.u32(frame.original_length));
            file.extend(&frame.bytes);
        }
        file
    }
}

/// A container that holds Ethernet frames of one interface.
#[derive(Clone, Copy, Debug)]
pub struct Container {
    /// What it is, in a word.
    pub name: &'static str,
    /// What its times are a multiple of, in nanoseconds; what is below is lost.
    pub unit: u64,
    /// The file's bytes.
    pub write: fn(&[Frame]) -> Vec<u8>,
}

const fn container(name: &'static str, unit: u64, write: fn(&[Frame]) -> Vec<u8>) -> Container {
    Container { name, unit, write }
}

/// Every container but pcapng's variety: the same frames in each.
pub const CONTAINERS: &[Container] = &[
    container("pcap", MICROSECOND, |frames| Pcap::default().write(frames)),
    container("pcap-big-endian", MICROSECOND, |frames| Pcap { order: Order::Big, ..Pcap::default() }.write(frames)),
    container("pcap-nanosecond", 1, |frames| Pcap { unit: Unit::Nano, ..Pcap::default() }.write(frames)),
    container("pcap-modified", MICROSECOND, modified_pcap),
    container("pcap-suse", MICROSECOND, suse_pcap),
    container("pcap-red-hat", MICROSECOND, red_hat_pcap),
    container("pcap-nokia", MICROSECOND, nokia_pcap),
    container("pcap-aix", 1, aix_pcap),
    container("pcap-ixia-hardware", 1, |frames| ixia_pcap(0x1c00_01ac, Unit::Nano, frames)),
    container("pcap-ixia-software", MICROSECOND, |frames| ixia_pcap(0x1c00_01ab, Unit::Micro, frames)),
    container("pcapng", 1, |frames| one_interface(Order::Little, frames)),
    container("pcapng-big-endian", 1, |frames| one_interface(Order::Big, frames)),
    container("snoop", MICROSECOND, snoop),
    container("netmon-1.1", MILLISECOND, netmon1),
    container("netmon-2.0", MICROSECOND, |frames| netmon((2, 0), 128, frames)),
    container("netmon-2.1", MICROSECOND, netmon2),
    container("netmon-2.2", MICROSECOND, |frames| netmon((2, 2), 72, frames)),
    container("netmon-2.3", 100, |frames| netmon((2, 3), 72, frames)),
];

fn one_interface(order: Order, frames: &[Frame]) -> Vec<u8> {
    let frames: Vec<_> = frames.iter().cloned().map(|frame| Frame { interface: 0, ..frame }).collect();
    Pcapng { order, comment: "", application: "", interfaces: &[Interface::default()] }.write(&frames)
}

/// Kuznetsov's patch of 1999-10-29: a magic of its own; interface, protocol and packet type in each record.
#[must_use]
pub fn modified_pcap(frames: &[Frame]) -> Vec<u8> {
    pcap_with(0xa1b2_cd34, &[2, 0, 0, 0, 0, 8, 0, 0], frames)
}

/// Kuznetsov's patch of 1999-09-15, as SuSE 6.3 had it: the same magic, four bytes more.
#[must_use]
pub fn suse_pcap(frames: &[Frame]) -> Vec<u8> {
    pcap_with(0xa1b2_cd34, &[2, 0, 0, 0, 0, 8, 0, 0, 0xaa, 0xaa, 0xaa, 0xaa], frames)
}

/// Kuznetsov's patch of 1999-04-17, as Red Hat 6.1 had it: the ordinary magic.
#[must_use]
pub fn red_hat_pcap(frames: &[Frame]) -> Vec<u8> {
    pcap_with(0xa1b2_c3d4, &[2, 0, 0, 0, 0, 8, 0, 0], frames)
}

/// Nokia IPSO: the ordinary magic, four bytes more in each record.
#[must_use]
pub fn nokia_pcap(frames: &[Frame]) -> Vec<u8> {
    pcap_with(0xa1b2_c3d4, &0x9fbf_d901_u32.to_le_bytes(), frames)
}

/// A little-endian pcap of microseconds with another magic, and more bytes in each record header.
fn pcap_with(magic: u32, extra: &[u8], frames: &[Frame]) -> Vec<u8> {
    let mut file = Pcap::default().write(&[]);
    file[..4].copy_from_slice(&magic.to_le_bytes());
    for frame in frames {
        let record = Pcap::default().write(std::slice::from_ref(frame));
        file.extend(bytes![record[24..40], extra, frame.bytes]);
    }
    file
}

/// Ixia: the size of all records behind the file header.
fn ixia_pcap(magic: u32, unit: Unit, frames: &[Frame]) -> Vec<u8> {
    let file = Pcap { unit, ..Pcap::default() }.write(frames);
    bytes![magic.to_le_bytes(), file[4..24], (file.len() as u32 - 24).to_le_bytes(), file[24..]]
}

/// AIX: version 2.2, which has the original length first; nanoseconds; an interface type (6: Ethernet).
#[must_use]
pub fn aix_pcap(frames: &[Frame]) -> Vec<u8> {
    let header = Pcap { order: Order::Big, link_type: 6, ..Pcap::default() }.write(&[]);
    let mut file = bytes![header[..6], [0, 2], header[8..]];
    for frame in frames {
        let time = [frame.at / 1_000_000_000, frame.at % 1_000_000_000].map(|part| (part as u32).to_be_bytes());
        let lengths = [frame.original_length, frame.bytes.len() as u32].map(u32::to_be_bytes);
        file.extend(bytes![time.concat(), lengths.concat(), frame.bytes]);
    }
    file
}

/// snoop, as Solaris writes it (RFC 1761): records padded to four bytes, none lost.
#[must_use]
pub fn snoop(frames: &[Frame]) -> Vec<u8> {
    let mut file = bytes![b"snoop\0\0\0", 2_u32.to_be_bytes(), 4_u32.to_be_bytes()];
    for frame in frames {
        let (captured, data) = (frame.bytes.len() as u32, padded(&frame.bytes));
        let micro = frame.at / MICROSECOND;
        let time = [(micro / 1_000_000) as u32, (micro % 1_000_000) as u32];
        let words = [frame.original_length, captured, 24 + data.len() as u32, 0, time[0], time[1]];
        file.extend(bytes![words.map(u32::to_be_bytes).concat(), data]);
    }
    file
}

/// Network Monitor 1.1: milliseconds, lengths of 16 bits.
#[must_use]
pub fn netmon1(frames: &[Frame]) -> Vec<u8> {
    netmon((1, 1), 128, frames)
}

/// Network Monitor 2.1: microseconds, a media type in each frame.
#[must_use]
pub fn netmon2(frames: &[Frame]) -> Vec<u8> {
    netmon((2, 1), 128, frames)
}

/// Network Monitor of a version, with a file header of so many bytes: 128, or 72 as its version 3 writes it.
#[must_use]
pub fn netmon(version: (u8, u8), header: usize, frames: &[Frame]) -> Vec<u8> {
    let start = frames.first().map_or(0, |frame| frame.at / MILLISECOND);
    let magic = if version.0 == 1 { b"RTSS" } else { b"GMBU" };
    let mut file = bytes![magic, [version.1, version.0], 1_u16.to_le_bytes(), system_time(start)];
    file.resize(header, 0);
    let mut table = Vec::new();
    for frame in frames {
        table.extend((file.len() as u32).to_le_bytes());
        let (since, lengths) = (frame.at - start * MILLISECOND, [frame.original_length, frame.bytes.len() as u32]);
        file.extend(match version.0 {
            1 => bytes![
                ((since / MILLISECOND) as u32).to_le_bytes(),
                lengths.map(|length| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()).concat(),
            ],
            _ => bytes![(since / MICROSECOND).to_le_bytes(), lengths.map(u32::to_le_bytes).concat()],
        });
        let utc = 116_444_736_000_000_000 + frame.at / 100;
        let trailer = bytes![1_u16.to_le_bytes(), [0xff; 4], utc.to_le_bytes(), [0]];
        let length = match version {
            (1, _) | (_, 0) => 0,
            (_, 1) => 2,
            (_, 2) => 6,
            _ => 15,
        };
        file.extend(bytes![frame.bytes, trailer[..length]]);
    }
    let pointer = bytes![(file.len() as u32).to_le_bytes(), (table.len() as u32).to_le_bytes()];
    file[24..32].copy_from_slice(&pointer);
    bytes![file, table]
}

/// A SYSTEMTIME from milliseconds since 1970: year, month, day of the week, day, hour, minute, second, millisecond.
fn system_time(milliseconds: u64) -> Vec<u8> {
    let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
    let (mut year, mut day) = (1970, days);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let [hour, minute] = [rest / 3_600_000, rest / 60_000 % 60];
    let numbers = [year, month as u64 + 1, (days + 4) % 7, day + 1, hour, minute, rest / 1000 % 60, rest % 1000];
    numbers.iter().flat_map(|&number| (number as u16).to_le_bytes()).collect()
}

/// One interface of a pcapng file.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'a> {
    /// LINKTYPE_* number.
    pub link_type: u16,
    /// Snapshot length; 0 is unlimited.
    pub snaplen: u32,
    /// Timestamp unit.
    pub unit: Unit,
    /// `if_name`; empty to leave out.
    pub name: &'a str,
    /// `if_description`; empty to leave out.
    pub description: &'a str,
}

impl Default for Interface<'_> {
    fn default() -> Self {
        Self { link_type: ETHERNET, snaplen: 262_144, unit: Unit::Nano, name: "", description: "" }
    }
}

/// A pcapng file of one section.
#[derive(Clone, Copy, Debug)]
pub struct Pcapng<'a> {
    /// Byte order.
    pub order: Order,
    /// The file's comment; empty to leave out.
    pub comment: &'a str,
    /// The writing application; empty to leave out.
    pub application: &'a str,
    /// Interfaces, in the order of [`Frame::interface`].
    pub interfaces: &'a [Interface<'a>],
}

/// Option codes of the pcapng specification.
mod option {
    pub const COMMENT: u16 = 1;
    pub const IF_NAME: u16 = 2;
    pub const IF_DESCRIPTION: u16 = 3;
    pub const IF_TSRESOL: u16 = 9;
    pub const SHB_USERAPPL: u16 = 4;
    pub const ISB_IFRECV: u16 = 4;
    pub const ISB_IFDROP: u16 = 5;
}

impl Pcapng<'_> {
    /// The file's bytes: section header, interfaces, packets, interface statistics (nothing dropped).
    #[must_use]
    pub fn write(&self, frames: &[Frame]) -> Vec<u8> {
        let mut file = self.section_header();
        for interface in self.interfaces {
            file.extend(self.interface_description(interface));
        }
        for frame in frames {
            file.extend(self.packet(frame));
        }
        let last = frames.last().map_or(0, |frame| frame.at);
        for (id, interface) in (0_u32..).zip(self.interfaces) {
            let seen = frames.iter().filter(|frame| frame.interface == id).count() as u64;
            file.extend(self.statistics(id, ticks(last, interface.unit), seen));
        }
        file
    }

    fn section_header(&self) -> Vec<u8> {
        let order = self.order;
        let body = bytes![
            order.u32(0x1a2b_3c4d),
            order.u16(1),
            order.u16(0),
            order.u64(u64::MAX), // section length not given
            self.text(option::COMMENT, self.comment),
            self.text(option::SHB_USERAPPL, self.application),
            order.u32(0),
        ];
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface_description(&self, interface: &Interface<'_>) -> Vec<u8> {
        let resolution = match interface.unit {
            Unit::Micro => 6,
            Unit::Nano => 9,
        };
        let body = bytes![
            self.order.u16(interface.link_type),
            self.order.u16(0),
            self.order.u32(interface.snaplen),
            self.text(option::IF_NAME, interface.name),
            self.text(option::IF_DESCRIPTION, interface.description),
            self.option(option::IF_TSRESOL, &[resolution]),
            self.order.u32(0),
        ];
        self.block(1, &body)
    }

    fn packet(&self, frame: &Frame) -> Vec<u8> {
        let index = usize::try_from(frame.interface).unwrap_or(usize::MAX);
        let unit = self.interfaces.get(index).map_or(Unit::Micro, |interface| interface.unit);
        let body = bytes![
            self.order.u32(frame.interface),
            self.time(ticks(frame.at, unit)),
            self.order.u32(frame.bytes.len() as u32),
            self.order.u32(frame.original_length),
            padded(&frame.bytes),
        ];
        self.block(6, &body)
    }

    fn statistics(&self, interface: u32, at: u64, seen: u64) -> Vec<u8> {
        let body = bytes![
            self.order.u32(interface),
            self.time(at),
            self.option(option::ISB_IFRECV, &self.order.u64(seen)),
            self.option(option::ISB_IFDROP, &self.order.u64(0)),
            self.order.u32(0),
        ];
        self.block(5, &body)
    }

    /// A timestamp: high half first, whatever the byte order.
    fn time(&self, ticks: u64) -> Vec<u8> {
        bytes![self.order.u32((ticks >> 32) as u32), self.order.u32(ticks as u32)]
    }

    fn text(&self, code: u16, text: &str) -> Vec<u8> {
        if text.is_empty() { Vec::new() } else { self.option(code, text.as_bytes()) }
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        bytes![self.order.u16(code), self.order.u16(value.len() as u16), padded(value)]
    }

    fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = self.order.u32(body.len() as u32 + 12);
        bytes![self.order.u32(kind), length, body, length]
    }
}

fn ticks(at: u64, unit: Unit) -> u64 {
    match unit {
        Unit::Micro => at / MICROSECOND,
        Unit::Nano => at,
    }
}

/// pcapng aligns everything to four bytes.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}
