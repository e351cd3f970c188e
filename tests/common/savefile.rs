//! In: frames in time order. Out: the bytes of a capture file: pcap (four variants) or pcapng (both byte orders,
//! several interfaces, comments).
//! Must not know: what the frames carry.

use super::MICROSECOND;

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
