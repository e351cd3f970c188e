//! TCP or UDP header → ports, flags, payload.
//!
//! In: what IP carried, and its length on the wire. Out: [`Segment`].
//! Must not know: addresses. Four readable bytes are two ports, and two ports are a packet: whatever
//! contradicts itself behind them costs the payload, never the packet its place in its flow.

use super::{Skip, Tcp};

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
    let tcp = Tcp { flags, sequence: number(4), acknowledgement: number(8) };
    Ok(Segment { source, destination, tcp, payload: &[], length: length.saturating_sub(header) })
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
        assert_eq!(found.tcp, Tcp { flags: 0x12, sequence: 0x0102_0304, acknowledgement: 0x0a0b_0c0d });
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
