//! TCP or UDP header → ports, flags, payload.
//!
//! In: what IP carried, and its length on the wire. Out: [`Segment`].
//! Must not know: addresses, beyond their part in a checksum. Four readable bytes are two ports, and two ports are a packet: whatever
//! contradicts itself behind them costs the payload, never the packet its place in its flow.

use super::{Checksum, Skip, Tcp};
use crate::net::{Address, Transport};

/// One TCP or UDP header and what follows it.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Sender's port.
    pub(super) source: u16,
    /// Receiver's port.
    pub(super) destination: u16,
    /// TCP's numbers, as far as captured; default for UDP.
    pub(super) tcp: Tcp,
    /// Captured payload.
    pub(super) payload: &'a [u8],
    /// Payload on the wire.
    pub(super) length: u32,
}

const TCP_HEADER: u32 = 20;
const UDP_HEADER: u32 = 8;

/// The two ports that begin both headers.
#[inline]
pub(super) fn ports(bytes: &[u8], length: u32) -> Result<(u16, u16), Skip> {
    match bytes.first_chunk::<4>() {
        Some(&[s0, s1, d0, d1]) => Ok((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))),
        None if length < 4 => Err(Skip::Malformed),
        None => Err(Skip::Truncated),
    }
}

/// Reads a TCP header.
#[inline]
pub(super) fn tcp(bytes: &[u8], length: u32) -> Result<Segment<'_>, Skip> {
    let Some(&[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, ..]) = bytes.first_chunk::<20>() else {
        return cut_tcp(bytes, length);
    };
    let header = u32::from(offset >> 4) * 4;
    // A header that is shorter than itself or longer than its datagram leaves no place to find a payload.
    let (payload, length) = match length.checked_sub(header) {
        Some(rest) if header >= TCP_HEADER => (bytes.get(header as usize..).unwrap_or_default(), rest),
        _ => (&[][..], 0),
    };
    Ok(Segment {
        source: u16::from_be_bytes([s0, s1]),
        destination: u16::from_be_bytes([d0, d1]),
        tcp: Tcp {
            flags,
            sequence: u32::from_be_bytes([q0, q1, q2, q3]),
            acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
            checksum: Checksum::Unchecked,
        },
        payload,
        length,
    })
}

/// Reads what a snaplen left of a TCP header.
#[cold]
fn cut_tcp(bytes: &[u8], length: u32) -> Result<Segment<'_>, Skip> {
    let (source, destination) = ports(bytes, length)?;
    let number = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u32::from_be_bytes(*b));
    let header = match bytes.get(12) {
        Some(offset) => (u32::from(offset >> 4) * 4).max(TCP_HEADER),
        None => TCP_HEADER,
    };
    let flags = bytes.get(13).copied().unwrap_or_default();
    let tcp = Tcp { flags, sequence: number(4), acknowledgement: number(8), checksum: Checksum::Unchecked };
    Ok(Segment { source, destination, tcp, payload: &[], length: length.saturating_sub(header) })
}

/// The longest TCP header: all that a SYN without payload is.
const TCP_HEADER_AND_OPTIONS: u32 = 60;

impl Segment<'_> {
    /// The same, its checksum checked if it is a whole SYN; `bytes` are its header and payload, `length` on the wire.
    #[inline]
    pub(super) fn checked(mut self, ends: (Address, Address), bytes: &[u8], length: u32) -> Self {
        let syn = self.tcp.flags & Tcp::SYN != 0;
        if syn && length <= TCP_HEADER_AND_OPTIONS && bytes.len() == length as usize {
            self.tcp.checksum = checksum(ends, bytes);
        }
        self
    }
}

/// Whether the sum over a whole segment and its pseudo header comes out right (RFC 9293 §3.1, RFC 8200 §8.1), or the field
/// holds what systems leave there for a card to complete: the sum over the pseudo header.
#[cold]
fn checksum((source, destination): (Address, Address), segment: &[u8]) -> Checksum {
    let address = |address: Address| (0..8).map(|word| (address.bits() >> (16 * word)) as u64 & 0xffff).sum::<u64>();
    let (words, odd) = segment.as_chunks::<2>();
    let body: u64 = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum();
    let last = odd.first().map_or(0, |&byte| u64::from(byte) << 8);
    let pseudo = address(source) + address(destination) + Transport::Tcp as u64 + segment.len() as u64;
    let stated = segment.get(16..18).map_or(0, |field| field.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)));
    match folded(pseudo + body + last) {
        0xffff => Checksum::Right,
        _ if stated == folded(pseudo) => Checksum::Left,
        _ => Checksum::Wrong,
    }
}

/// A sum in ones' complement of 16 bits (RFC 1071).
const fn folded(mut sum: u64) -> u64 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum
}

/// Reads a UDP header. Of a fragment, which is the first, it says how long the whole datagram is.
#[inline]
pub(super) fn udp(bytes: &[u8], length: u32, fragment: bool) -> Result<Segment<'_>, Skip> {
    let (source, destination) = ports(bytes, length)?;
    let stated = match bytes.first_chunk::<6>() {
        Some(&[.., l0, l1]) => u32::from(u16::from_be_bytes([l0, l1])),
        None => 0,
    };
    // UDP's own length may leave a trailer out. 0 (offload, jumbogram), less than its header, or more than IP carried
    // (a lie) is no length: IP's counts then.
    let most = if fragment { u32::from(u16::MAX) } else { length };
    let length = if (UDP_HEADER..=most).contains(&stated) { stated } else { length };
    let length = length.saturating_sub(UDP_HEADER);
    let payload = bytes.get(UDP_HEADER as usize..).unwrap_or_default();
    let payload = payload.get(..length as usize).unwrap_or(payload);
    Ok(Segment { source, destination, tcp: Tcp::default(), payload, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 50123 to 5061, SYN+ACK, four bytes of options, then "hello".
    const TCP: [u8; 29] = [
        0xc3, 0xcb, 0x13, 0xc5, 0x01, 0x02, 0x03, 0x04, 0x0a, 0x0b, 0x0c, 0x0d, 0x60, 0x12, 0xff, 0xff, 0, 0, 0, 0, 2,
        4, 5, 0xb4, b'h', b'e', b'l', b'l', b'o',
    ];
    /// 50000 to 3478, length 13, "hello".
    const UDP: [u8; 13] = [0xc3, 0x50, 0x0d, 0x96, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o'];

    fn udp(bytes: &[u8], length: u32) -> Result<Segment<'_>, Skip> {
        super::udp(bytes, length, false)
    }

    type Parse = for<'a> fn(&'a [u8], u32) -> Result<Segment<'a>, Skip>;

    /// Payload and wire length of a changed header whose ports stay readable.
    fn check(parse: Parse, bytes: &[u8], length: u32, payload: &[u8], wire: u32) {
        let found = parse(bytes, length).unwrap();
        assert_eq!((found.payload, found.length), (payload, wire), "{bytes:02x?}");
        for n in 0..bytes.len() {
            match parse(&bytes[..n], length) {
                Ok(cut) => {
                    assert!(n >= 4);
                    assert_eq!((cut.source, cut.destination), (found.source, found.destination));
                    assert!(cut.length as usize >= cut.payload.len());
                    assert!(payload.starts_with(cut.payload));
                }
                Err(skip) => assert_eq!((n < 4, skip), (true, Skip::Truncated)),
            }
        }
    }

    fn with(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at] = value;
        bytes
    }

    #[test]
    fn tcp_whole() {
        let found = tcp(&TCP, 29).unwrap();
        assert_eq!((found.source, found.destination), (50123, 5061));
        assert_eq!(
            found.tcp,
            Tcp { flags: 0x12, sequence: 0x0102_0304, acknowledgement: 0x0a0b_0c0d, ..Tcp::default() }
        );
        check(tcp, &TCP, 29, b"hello", 5);
        check(tcp, &TCP, 1500, b"hello", 1476);
    }

    #[test]
    fn tcp_cut_keeps_what_is_there() {
        let at = |n: usize| tcp(&TCP[..n], 29).unwrap();
        assert_eq!(at(4).tcp, Tcp::default());
        assert_eq!(at(8).tcp.sequence, 0x0102_0304);
        assert_eq!(at(11).tcp.acknowledgement, 0);
        assert_eq!(at(12).tcp.acknowledgement, 0x0a0b_0c0d);
        assert_eq!((at(12).length, at(13).length), (9, 5), "the offset says how long the options are");
        assert_eq!((at(13).tcp.flags, at(14).tcp.flags), (0, 0x12));
        assert_eq!((at(22).length, at(22).payload), (5, &[][..]));
    }

    #[test]
    fn tcp_offset_that_lies() {
        check(tcp, &with(&TCP, 12, 0x40), 29, b"", 0);
        check(tcp, &with(&TCP, 12, 0xf0), 29, b"", 0);
        check(tcp, &TCP, 10, b"", 0);
    }

    #[test]
    fn only_a_whole_syn_is_checked() {
        let ends = (Address::v4([10, 1, 0, 5]), Address::v4([10, 0, 0, 11]));
        let syn = |flags: u8, sum: u16, payload: &[u8]| {
            let mut bytes = TCP[..24].to_vec();
            bytes[13] = flags;
            [bytes[16], bytes[17]] = sum.to_be_bytes();
            [&bytes[..], payload].concat()
        };
        let check = |bytes: &[u8], length: usize, expected| {
            let length = length as u32;
            assert_eq!(tcp(bytes, length).unwrap().checked(ends, bytes, length).tcp.checksum, expected, "{bytes:02x?}");
        };
        // Summed by hand: what is right of the header without its sum.
        let right = |flags: u8, payload: &[u8]| {
            (0..=u16::MAX).find(|&sum| checksum(ends, &syn(flags, sum, payload)) == Checksum::Right).unwrap()
        };
        let (whole, sum) = (syn(0x12, right(0x12, b""), b""), right(0x12, b""));
        // 0a01+0005+0a00+000b + 6+24, c3cb+13c5+0102+0304+0a0b+0c0d+6012+ffff+0204+05b4 = 0x26da6 → 0x6da8.
        assert_eq!(sum, 0xffff - 0x6da8);
        check(&whole, 24, Checksum::Right);
        check(&syn(0x02, sum, b""), 24, Checksum::Wrong);
        check(&syn(0x12, sum ^ 1, b""), 24, Checksum::Wrong);
        // 0a01+0005+0a00+000b + 6+24 = 1430.
        check(&syn(0x12, 0x142f, b""), 24, Checksum::Left);
        check(&syn(0x12, 0xffff - 0x142f, b""), 24, Checksum::Wrong);
        check(&whole[..23], 24, Checksum::Unchecked);
        check(&syn(0x10, sum, b""), 24, Checksum::Unchecked);
        check(&syn(0x02, right(0x02, b"odd"), b"odd"), 27, Checksum::Right);
        check(&syn(0x02, 0, &[0; 37]), 61, Checksum::Unchecked);
        let v6 = (Address::v6([0xfd; 16]), Address::v6([0xfe; 16]));
        assert_eq!(checksum(v6, &whole), Checksum::Wrong);
    }

    #[test]
    fn udp_lengths() {
        let found = udp(&UDP, 13).unwrap();
        assert_eq!((found.source, found.destination, found.tcp), (50000, 3478, Tcp::default()));
        check(udp, &UDP, 13, b"hello", 5);
        check(udp, &UDP, 20, b"hello", 5);
        check(udp, &with(&UDP, 5, 10), 13, b"he", 2);
        for lie in [0, 1, 7, 14, 255] {
            check(udp, &with(&UDP, 5, lie), 13, b"hello", 5);
        }
        // A first fragment: the whole datagram's length, and less than its part is none.
        let part = with(&UDP, 5, 200);
        let found = super::udp(&part, 13, true).unwrap();
        assert_eq!((found.payload, found.length), (&b"hello"[..], 192));
        assert_eq!(super::udp(&with(&UDP, 5, 7), 13, true).unwrap().length, 5);
        // Offload beyond 64 KiB.
        check(udp, &with(&UDP, 5, 0), 70_000, b"hello", 69_992);
    }

    #[test]
    fn no_room_for_ports() {
        for length in 0..4 {
            assert_eq!(tcp(&TCP[..length as usize], length).err(), Some(Skip::Malformed));
            assert_eq!(udp(&UDP[..length as usize], length).err(), Some(Skip::Malformed));
        }
        assert_eq!(udp(&UDP[..4], 4).unwrap().length, 0);
    }
}
