//! Captures made in memory, for the tests of this stage.
//!
//! In: frames and blocks. Out: bytes; and what the readers make of bytes.
//! Must not know: how the readers work.

use std::io::{self, Read};

use super::Inputs;
use super::order::Order;

/// A frame as read, with its bytes kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: i64,
    pub(super) link: u16,
    pub(super) original: u32,
    pub(super) bytes: Vec<u8>,
}

/// A reader that gives at most so many bytes at a time.
pub(super) struct Drip {
    bytes: io::Cursor<Vec<u8>>,
    most: usize,
}

impl Drip {
    pub(super) fn new(bytes: Vec<u8>, most: usize) -> Self {
        Self { bytes: io::Cursor::new(bytes), most }
    }
}

impl Read for Drip {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(self.most);
        self.bytes.read(&mut room[..most])
    }
}

fn read_by(bytes: &[u8], most: usize) -> (Vec<Seen>, Vec<(u64, String)>) {
    let mut inputs = Inputs::from_reader("test", Drip::new(bytes.to_vec(), most)).unwrap();
    let mut frames = Vec::new();
    while let Some(batch) = inputs.next_batch().unwrap() {
        assert_eq!(batch.first_number, frames.len() as u64 + 1);
        frames.extend(batch.frames.iter().map(|frame| Seen {
            at: frame.at.0,
            link: frame.link.0,
            original: frame.original_length,
            bytes: frame.bytes.to_vec(),
        }));
    }
    assert_eq!(inputs.files()[0].frames, frames.len() as u64);
    (frames, inputs.damage().iter().map(|damage| (damage.offset, damage.what.clone())).collect())
}

/// Frames and damage of a capture; read at once and, where it is short, byte by byte, which must agree.
pub(super) fn read(bytes: &[u8]) -> (Vec<Seen>, Vec<(u64, String)>) {
    let whole = read_by(bytes, usize::MAX);
    if bytes.len() < 4096 {
        assert_eq!(read_by(bytes, 1), whole, "byte by byte");
    }
    whole
}

/// Frames that a capture says were lost.
pub(super) fn dropped(bytes: &[u8]) -> Option<u64> {
    let mut inputs = Inputs::from_reader("test", Drip::new(bytes.to_vec(), usize::MAX)).unwrap();
    while inputs.next_batch().unwrap().is_some() {}
    inputs.files()[0].dropped
}

/// Cuts a capture at every length. Where a record ends (`records`: offsets behind the file header and each
/// record) it is whole, elsewhere damaged there; the frames that end (`frames`: offsets) before are all there.
pub(super) fn check_cuts(name: &str, bytes: &[u8], records: &[usize], frames: &[usize]) {
    check_cuts_before(name, bytes, records, frames, 0);
}

/// The same of a format in which something is missing of every file that ends before `needed`.
pub(super) fn check_cuts_before(name: &str, bytes: &[u8], records: &[usize], frames: &[usize], needed: usize) {
    let (all, damage) = read(bytes);
    assert_eq!((all.len(), damage), (frames.len(), vec![]), "{name}");
    for length in magic(bytes)..bytes.len() {
        let (seen, damage) = read(&bytes[..length]);
        let whole = frames.iter().filter(|&&end| end <= length).count();
        assert_eq!(seen, all[..whole], "{name} cut at {length}");
        let start = records.iter().rev().find(|&&end| end <= length).copied().unwrap_or(0);
        let offsets: Vec<u64> = damage.iter().map(|damage| damage.0).collect();
        let expected: &[u64] = if start == length && length >= needed { &[] } else { &[start as u64] };
        assert_eq!(offsets, expected, "{name} cut at {length}: {damage:?}");
    }
}

/// Length of a capture's magic: cut or changed there it is no capture.
fn magic(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"snoop") { 8 } else { 4 }
}

/// Changes every byte of a capture in several ways: whatever that makes of it, reading ends, gives no more
/// bytes than there are, and the frames before the change stay as they were.
pub(super) fn check_changes(name: &str, bytes: &[u8], frames: &[usize]) {
    let (all, _) = read(bytes);
    for at in magic(bytes)..bytes.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            let (seen, _) = read_by(&changed, usize::MAX);
            assert!(seen.iter().map(|frame| frame.bytes.len()).sum::<usize>() <= bytes.len(), "{name} at {at}");
            // The first frame depends on the headers before it, the others only on those and themselves.
            let first = frames.first().copied().unwrap_or(0);
            let whole = if at < first { 0 } else { frames.iter().filter(|&&end| end <= at).count() };
            assert_eq!(seen[..whole], all[..whole], "{name} changed at {at}");
        }
    }
}

fn u16(order: Order, number: u16) -> [u8; 2] {
    if order == Order::Little { number.to_le_bytes() } else { number.to_be_bytes() }
}

fn u32(order: Order, number: u32) -> [u8; 4] {
    if order == Order::Little { number.to_le_bytes() } else { number.to_be_bytes() }
}

/// A classic pcap being written.
pub(super) struct Pcap {
    order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Pcap {
    pub(super) fn new(order: Order, magic: u32, network: u32) -> Self {
        let version = if order == Order::Little { 0x0004_0002 } else { 0x0002_0004 };
        // Ixia's has the size of all records too.
        let words = [magic, version, 0, 0, 65_535, network, 0];
        let words = if magic >> 24 == 0x1c { &words[..] } else { &words[..6] };
        Self { order, bytes: words.iter().flat_map(|&word| u32(order, word)).collect() }
    }

    /// A record whose header has `header` bytes: 16, Nokia's 20, Kuznetsov's 24 or 28 (interface 2, IPv4).
    pub(super) fn frame(&mut self, seconds: u32, fraction: u32, original: u32, bytes: &[u8], header: usize) {
        for word in [seconds, fraction, bytes.len() as u32, original] {
            self.bytes.extend(u32(self.order, word));
        }
        let kuznetsov =
            [&u32(self.order, 2)[..], &u16(self.order, 0x0800), &[0, 0x55, 0x55, 0x55, 0x55, 0x55]].concat();
        let extra = if header == 20 { u32(self.order, 0x9fbf_d901).to_vec() } else { kuznetsov };
        self.bytes.extend(&extra[..header - 16]);
        self.bytes.extend(bytes);
    }
}

/// A snoop file being written.
pub(super) struct Snoop {
    pub(super) bytes: Vec<u8>,
}

impl Snoop {
    pub(super) fn new(version: u32, number: u32) -> Self {
        let words = [version, number].into_iter().flat_map(u32::to_be_bytes);
        Self { bytes: b"snoop\0\0\0".iter().copied().chain(words).collect() }
    }

    /// A record with `padding` bytes behind its frame.
    pub(super) fn frame(&mut self, seconds: u32, micro: u32, original: u32, bytes: &[u8], padding: usize) {
        let captured = bytes.len() as u32;
        for word in [original, captured, 24 + captured + padding as u32, 0, seconds, micro] {
            self.bytes.extend(word.to_be_bytes());
        }
        self.bytes.extend(bytes);
        self.bytes.extend(vec![0x55; padding]);
    }
}

/// A Network Monitor file being written. Its capture begins on 2012-06-09 at 15:35:13.152.
pub(super) struct Netmon {
    version: (u8, u8),
    pub(super) bytes: Vec<u8>,
    /// Where each frame begins.
    pub(super) begins: Vec<u32>,
    /// Where each frame ends.
    pub(super) ends: Vec<usize>,
}

impl Netmon {
    /// With a file header of `header` bytes.
    pub(super) fn new(version: (u8, u8), media: u16, header: usize) -> Self {
        let mut bytes = if version.0 == 1 { b"RTSS".to_vec() } else { b"GMBU".to_vec() };
        bytes.extend([version.1, version.0]);
        for number in [media, 2012, 6, 6, 9, 15, 35, 13, 152] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(header, 0);
        Self { version, bytes, begins: Vec::new(), ends: Vec::new() }
    }

    /// A frame so many of the version's ticks after the start, which in UTC is so many microseconds after 1601.
    pub(super) fn frame(&mut self, ticks: u64, media: u16, original: u32, bytes: &[u8]) {
        self.begins.push(self.bytes.len() as u32);
        let captured = bytes.len() as u32;
        if self.version.0 == 1 {
            self.bytes.extend((ticks as u32).to_le_bytes());
            self.bytes.extend([original as u16, captured as u16].map(u16::to_le_bytes).concat());
        } else {
            self.bytes.extend(ticks.to_le_bytes());
            self.bytes.extend([original, captured].map(u32::to_le_bytes).concat());
        }
        self.bytes.extend(bytes);
        let utc = 129_837_297_131_520_000_u64.wrapping_add(ticks.wrapping_mul(10)).to_le_bytes();
        let trailer = [&media.to_le_bytes()[..], &[0xff; 4], &utc, &[0]].concat();
        let length = match self.version {
            (1, _) | (_, 0) => 0,
            (_, 1) => 2,
            (_, 2) => 6,
            _ => 15,
        };
        self.bytes.extend(&trailer[..length]);
        self.ends.push(self.bytes.len());
    }

    /// The frame table, which lists frames at `begins`; and the header's pointer to it.
    pub(super) fn table(&mut self, begins: &[u32]) {
        let at = self.bytes.len() as u32;
        self.bytes[24..32].copy_from_slice(&[at, 4 * begins.len() as u32].map(u32::to_le_bytes).concat());
        self.bytes.extend(begins.iter().flat_map(|begin| begin.to_le_bytes()));
    }
}

/// A pcapng being written.
pub(super) struct Pcapng {
    order: Order,
    pub(super) bytes: Vec<u8>,
    /// Where each block ends.
    pub(super) ends: Vec<usize>,
}

impl Pcapng {
    pub(super) fn new(order: Order) -> Self {
        let mut file = Self { order, bytes: Vec::new(), ends: Vec::new() };
        file.section(order);
        file
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) {
        let length = u32(self.order, (body.len().next_multiple_of(4) + 12) as u32);
        self.bytes.extend(u32(self.order, kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend(length);
        self.ends.push(self.bytes.len());
    }

    fn words(&self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|&word| u32(self.order, word)).collect()
    }

    pub(super) fn section(&mut self, order: Order) {
        self.order = order;
        let mut body = self.words(&[0x1a2b_3c4d]);
        body.extend(u16(order, 1));
        body.extend([0; 2]);
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body);
    }

    pub(super) fn interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) {
        let mut body = u16(self.order, link).to_vec();
        body.extend([0; 2]);
        body.extend(u32(self.order, snaplen));
        for (code, value) in options {
            body.extend(u16(self.order, *code));
            body.extend(u16(self.order, value.len() as u16));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body);
    }

    pub(super) fn enhanced(&mut self, interface: u32, ticks: u64, original: u32, bytes: &[u8]) {
        self.enhanced_with(interface, ticks, original, bytes, &[]);
    }

    /// With options of 64-bit numbers.
    pub(super) fn enhanced_with(
        &mut self,
        interface: u32,
        ticks: u64,
        original: u32,
        bytes: &[u8],
        options: &[(u16, u64)],
    ) {
        let mut body = self.words(&[interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original]);
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.numbers(options));
        self.block(6, &body);
    }

    /// An Interface Statistics Block with options of 64-bit numbers.
    pub(super) fn statistics(&mut self, interface: u32, options: &[(u16, u64)]) {
        let mut body = self.words(&[interface, 0, 0]);
        body.extend(self.numbers(options));
        self.block(5, &body);
    }

    fn numbers(&self, options: &[(u16, u64)]) -> Vec<u8> {
        let number =
            |number: u64| if self.order == Order::Little { number.to_le_bytes() } else { number.to_be_bytes() };
        let option =
            |&(code, value): &(u16, u64)| [&u16(self.order, code)[..], &u16(self.order, 8), &number(value)].concat();
        options.iter().flat_map(option).collect()
    }

    pub(super) fn obsolete(&mut self, interface: u16, ticks: u64, original: u32, bytes: &[u8]) {
        let mut body = u16(self.order, interface).to_vec();
        body.extend(u16(self.order, 3));
        body.extend(self.words(&[(ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original]));
        body.extend(bytes);
        self.block(2, &body);
    }

    pub(super) fn simple(&mut self, original: u32, bytes: &[u8]) {
        let mut body = self.words(&[original]);
        body.extend(bytes);
        self.block(3, &body);
    }
}
