//! IP header → the transport header behind it.
//!
//! In: bytes that begin with an IP header, and their length on the wire. Out: [`Datagram`].
//! Must not know: link types, ports, or what other fragments there were.

use super::layer::Ip;
use super::{Mark, Skip};
use crate::net::Address;

/// One IP datagram, or one fragment of it.
#[derive(Clone, Debug)]
pub(super) struct Datagram<'a> {
    /// Sender.
    pub(super) source: Address,
    /// Receiver.
    pub(super) destination: Address,
    /// What follows the IP headers, extension headers walked past.
    pub(super) protocol: u8,
    /// Differentiated services code point (RFC 2474).
    pub(super) dscp: u8,
    /// What was captured behind the IP headers; link padding is cut off.
    pub(super) bytes: &'a [u8],
    /// How much of it there was on the wire.
    pub(super) length: u32,
    /// Length of all of it, headers included, as the first of them states it.
    pub(super) total: u32,
    /// Set if this is not the whole datagram.
    pub(super) fragment: Option<Fragment>,
    /// What tells it from others.
    pub(super) mark: Mark,
}

/// Which part of which datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Identification, 16 bits in IPv4 and 32 in IPv6.
    pub(super) id: u32,
    /// Protocol that the fragment header names: equal in all fragments of a datagram.
    pub(super) protocol: u8,
    /// Whether this part holds the transport header.
    pub(super) first: bool,
}

/// Extension headers walked before a datagram is called malformed. Real ones carry two or three.
const MAX_EXTENSIONS: usize = 16;

/// AH, which both versions can carry in front of the transport; it authenticates and hides nothing.
const AUTHENTICATION: u8 = 51;

/// Reads the IP header.
#[inline]
pub(super) fn parse(ip: Ip, bytes: &[u8], wire: u32) -> Result<Datagram<'_>, Skip> {
    match ip {
        Ip::V4 => ipv4(bytes, wire),
        Ip::V6 => ipv6(bytes, wire),
    }
}

/// Whether the checksum of an IPv4 header is right (RFC 1071); IPv6 has none.
pub(super) fn is_checked(bytes: &[u8]) -> bool {
    let Some(first) = bytes.first().filter(|&first| first >> 4 == 4) else { return true };
    let header = bytes.get(..usize::from(first & 0x0f) * 4).unwrap_or_default();
    let words = header.chunks_exact(2).map(|pair| pair.iter().fold(0, |word, &byte| word << 8 | u32::from(byte)));
    let sum: u32 = words.sum();
    (sum & 0xffff) + (sum >> 16) == 0xffff
}

#[inline]
fn ipv4(bytes: &[u8], wire: u32) -> Result<Datagram<'_>, Skip> {
    let (header, _) = bytes.split_first_chunk::<20>().ok_or_else(|| cut(bytes, 4))?;
    let [first, services, t0, t1, i0, i1, f0, f1, hop_limit, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let header_length = first & 0x0f;
    if first >> 4 != 4 || header_length < 5 {
        return Err(Skip::Malformed);
    }
    let header_length = u32::from(header_length) * 4;
    let total = match u16::from_be_bytes([t0, t1]) {
        // Captured before the network card split the segment: only the frame knows its length.
        0 => wire,
        total => u32::from(total),
    };
    let length = total.checked_sub(header_length).ok_or(Skip::Malformed)?;
    let rest = bytes.get(header_length as usize..).ok_or(Skip::Truncated)?;
    let flags = u16::from_be_bytes([f0, f1]);
    let identification = u32::from(u16::from_be_bytes([i0, i1]));
    let mark = Mark { identification, offset: flags & 0x1fff, fragment: flags & 0x3fff != 0, hop_limit };
    let mut datagram = Datagram {
        source: Address::v4([s0, s1, s2, s3]),
        destination: Address::v4([d0, d1, d2, d3]),
        protocol,
        dscp: services >> 2,
        bytes: clip(rest, length),
        length,
        total,
        fragment: None,
        mark,
    };
    // More fragments, or an offset: anything but the don't-fragment and the reserved bit.
    if mark.fragment {
        let first = mark.offset == 0;
        datagram.fragment = Some(Fragment { id: identification, protocol, first });
        if !first {
            return Ok(datagram);
        }
    }
    if protocol == AUTHENTICATION { extensions(datagram) } else { Ok(datagram) }
}

fn ipv6(bytes: &[u8], wire: u32) -> Result<Datagram<'_>, Skip> {
    let (header, rest) = bytes.split_first_chunk::<40>().ok_or_else(|| cut(bytes, 6))?;
    let (fixed, addresses) = header.split_first_chunk::<8>().ok_or(Skip::Truncated)?;
    let [first, second, _, _, l0, l1, protocol, hop_limit] = *fixed;
    if first >> 4 != 6 {
        return Err(Skip::Malformed);
    }
    let (source, addresses) = addresses.split_first_chunk::<16>().ok_or(Skip::Truncated)?;
    let destination = addresses.first_chunk::<16>().ok_or(Skip::Truncated)?;
    let length = match u16::from_be_bytes([l0, l1]) {
        // A jumbogram, or captured before the network card split the segment.
        0 => wire.saturating_sub(40),
        length => u32::from(length),
    };
    let datagram = Datagram {
        source: Address::v6(*source),
        destination: Address::v6(*destination),
        protocol,
        // The traffic class lies across the first two bytes (RFC 8200 §3).
        dscp: (first & 0x0f) << 2 | second >> 6,
        bytes: clip(rest, length),
        length,
        total: length.saturating_add(40),
        fragment: None,
        mark: Mark { hop_limit, ..Mark::default() },
    };
    match protocol {
        6 | 17 => Ok(datagram),
        _ => extensions(datagram),
    }
}

/// Walks past extension headers. Stops at a later fragment, whose bytes are no header.
fn extensions(mut datagram: Datagram<'_>) -> Result<Datagram<'_>, Skip> {
    for _ in 0..MAX_EXTENSIONS {
        // Length in units of: hop-by-hop, routing, destination options, mobility, HIP, shim6; AH counts otherwise.
        let (scale, extra) = match datagram.protocol {
            0 | 43 | 60 | 135 | 139 | 140 => (8, 8),
            AUTHENTICATION => (4, 8),
            44 => (0, 8),
            _ => return Ok(datagram),
        };
        let &[next, units] = datagram.bytes.first_chunk::<2>().ok_or_else(|| short(&datagram, 2))?;
        let size = u32::from(units) * scale + extra;
        let header = datagram.bytes.get(..size as usize).ok_or_else(|| short(&datagram, size))?;
        if datagram.protocol == 44
            && let Some(&[_, _, o0, o1, i0, i1, i2, i3]) = header.first_chunk::<8>()
        {
            let offset = u16::from_be_bytes([o0, o1]);
            // An atomic fragment (offset 0, nothing to follow) is the whole datagram.
            if offset & 0xfff9 != 0 {
                let first = offset & 0xfff8 == 0;
                let id = u32::from_be_bytes([i0, i1, i2, i3]);
                datagram.fragment = Some(Fragment { id, protocol: next, first });
                datagram.mark = Mark { identification: id, offset: offset >> 3, fragment: true, ..datagram.mark };
            }
        }
        datagram.protocol = next;
        datagram.bytes = datagram.bytes.get(size as usize..).unwrap_or_default();
        datagram.length = datagram.length.saturating_sub(size);
        if datagram.fragment.is_some_and(|f| !f.first) {
            return Ok(datagram);
        }
    }
    Err(Skip::Malformed)
}

/// Why `wanted` bytes are not there: IP says there never were that many, or the capture lacks them.
fn short(datagram: &Datagram<'_>, wanted: u32) -> Skip {
    if datagram.length < wanted { Skip::Malformed } else { Skip::Truncated }
}

/// Why a header is not there: what was captured of it has another version, or there is too little.
#[cold]
fn cut(bytes: &[u8], version: u8) -> Skip {
    if bytes.first().is_some_and(|first| first >> 4 != version) { Skip::Malformed } else { Skip::Truncated }
}

/// The part of `bytes` that belongs to the datagram; Ethernet pads short frames.
#[inline]
fn clip(bytes: &[u8], length: u32) -> &[u8] {
    bytes.get(..length as usize).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.0.0.1 to 10.0.0.2, UDP, total length 28.
    const IPV4: [u8; 20] = [0x45, 0, 0, 28, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    const BODY: [u8; 8] = [0x13, 0xc4, 0x13, 0xc5, 0, 8, 0, 0];

    fn v4(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = [&IPV4[..], &BODY].concat();
        change(&mut bytes);
        bytes
    }

    /// fd00::1 to fd00::2 with this next header and this payload.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend([next, 64]);
        for last in [1, 2] {
            bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        bytes.extend(payload);
        bytes
    }

    /// Protocol, captured and wire length of the rest, and that every cut is a datagram of the same length or a skip.
    fn check(ip: Ip, bytes: &[u8], expected: Result<(u8, usize, u32), Skip>) -> Option<Fragment> {
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = parse(ip, bytes, wire);
        assert_eq!(found.as_ref().map(|d| (d.protocol, d.bytes.len(), d.length)).map_err(|&s| s), expected);
        for n in 0..bytes.len() {
            match (parse(ip, &bytes[..n], wire), &found) {
                (Ok(cut), Ok(whole)) => {
                    assert_eq!(
                        (cut.length, cut.protocol, cut.fragment),
                        (whole.length, whole.protocol, whole.fragment)
                    );
                    assert!(whole.bytes.starts_with(cut.bytes));
                }
                (Err(skip), _) => assert!(skip == Skip::Truncated || Err(skip) == expected, "{skip:?} at {n}"),
                (Ok(cut), Err(skip)) => panic!("{cut:?} at {n}, but whole is {skip:?}"),
            }
        }
        found.ok()?.fragment
    }

    #[test]
    fn ipv4_lengths() {
        check(Ip::V4, &v4(|_| ()), Ok((17, 8, 8)));
        let whole = v4(|_| ());
        let datagram = parse(Ip::V4, &whole, 28).unwrap();
        assert_eq!(datagram.source, Address::v4([10, 0, 0, 1]));
        assert_eq!(datagram.destination, Address::v4([10, 0, 0, 2]));
        // Ethernet padding is not payload.
        check(Ip::V4, &v4(|b| b.extend([0; 18])), Ok((17, 8, 8)));
        // Segmentation offload: the frame's length counts.
        check(Ip::V4, &v4(|b| b[3] = 0), Ok((17, 8, 8)));
        assert_eq!(parse(Ip::V4, &v4(|b| b[3] = 0), 5000).unwrap().length, 4980);
        // Longer than captured.
        check(Ip::V4, &v4(|b| b[2] = 4), Ok((17, 8, 4 * 256 + 8)));
        // Options.
        check(Ip::V4, &v4(|b| b[0] = 0x46), Ok((17, 4, 4)));
        check(Ip::V4, &v4(|b| b[0] = 0x47), Ok((17, 0, 0)));
    }

    #[test]
    fn a_checksum_covers_the_header() {
        // The example of RFC 1071's readers: 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7.
        let mut header =
            [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert!(is_checked(&header) && !is_checked(&header[..19]) && !is_checked(&v4(|_| ())));
        header[8] -= 1;
        assert!(!is_checked(&header));
        assert!(is_checked(&v6(17, &BODY)));
    }

    #[test]
    fn ipv4_contradictions() {
        check(Ip::V4, &v4(|b| b[0] = 0x44), Err(Skip::Malformed));
        check(Ip::V4, &v4(|b| b[0] = 0x65), Err(Skip::Malformed));
        check(Ip::V4, &v4(|b| b[3] = 19), Err(Skip::Malformed));
        check(Ip::V4, &v4(|b| (b[0], b[3]) = (0x4f, 200)), Err(Skip::Truncated));
        // Offload and a wire shorter than the header it carries.
        assert_eq!(parse(Ip::V4, &v4(|b| b[3] = 0), 12).err(), Some(Skip::Malformed));
    }

    #[test]
    fn ipv4_fragments() {
        assert_eq!(check(Ip::V4, &v4(|b| b[6] = 0x40), Ok((17, 8, 8))), None);
        let part = |first| Some(Fragment { id: 0x1234, protocol: 17, first });
        assert_eq!(check(Ip::V4, &v4(|b| b[6] = 0x20), Ok((17, 8, 8))), part(true));
        assert_eq!(check(Ip::V4, &v4(|b| (b[6], b[7]) = (0x20, 1)), Ok((17, 8, 8))), part(false));
        assert_eq!(check(Ip::V4, &v4(|b| (b[6], b[7]) = (0x1f, 0xff)), Ok((17, 8, 8))), part(false));
    }

    #[test]
    fn authentication_header_hides_nothing() {
        let ah = [17, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
        let with_ah = v4(|b| {
            (b[3], b[9]) = (28 + 24, 51);
            b.splice(20..20, ah);
        });
        check(Ip::V4, &with_ah, Ok((17, 8, 8)));
        check(Ip::V6, &v6(51, &[&ah[..], &BODY].concat()), Ok((17, 8, 8)));
    }

    #[test]
    fn ipv6_extensions() {
        check(Ip::V6, &v6(17, &BODY), Ok((17, 8, 8)));
        let hop = |next| [next, 0, 5, 2, 0, 0, 1, 0];
        let routing = |next| [next, 2, 4, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2];
        check(Ip::V6, &v6(0, &[&hop(17)[..], &BODY].concat()), Ok((17, 8, 8)));
        check(Ip::V6, &v6(0, &[&hop(43)[..], &routing(60), &hop(17), &BODY].concat()), Ok((17, 8, 8)));
        check(Ip::V6, &v6(135, &[&hop(59)[..]].concat()), Ok((59, 0, 0)));
        check(Ip::V6, &v6(50, &BODY), Ok((50, 8, 8)));
        // An endless chain, and a header longer than its datagram.
        check(Ip::V6, &v6(0, &hop(0).repeat(40)), Err(Skip::Malformed));
        check(Ip::V6, &v6(0, &[17, 9, 0, 0, 0, 0, 0, 0]), Err(Skip::Malformed));
        check(Ip::V6, &v6(0, &[17]), Err(Skip::Malformed));
        let mut wrong_version = v6(17, &BODY);
        wrong_version[0] = 0x45;
        check(Ip::V6, &wrong_version, Err(Skip::Malformed));
    }

    #[test]
    fn ipv6_without_length_uses_the_wire() {
        let mut bytes = v6(17, &BODY);
        bytes[5] = 0;
        check(Ip::V6, &bytes, Ok((17, 8, 8)));
        assert_eq!(parse(Ip::V6, &bytes, 70_000).unwrap().length, 69_960);
        assert_eq!(parse(Ip::V6, &bytes, 10).unwrap().length, 0);
    }

    #[test]
    fn ipv6_fragments() {
        let header = |offset: u16| {
            let [o0, o1] = offset.to_be_bytes();
            [17, 0, o0, o1, 0xde, 0xad, 0xbe, 0xef]
        };
        let fragment = |offset| v6(44, &[&header(offset)[..], &BODY].concat());
        let part = |first| Some(Fragment { id: 0xdead_beef, protocol: 17, first });
        assert_eq!(check(Ip::V6, &fragment(0), Ok((17, 8, 8))), None, "atomic");
        assert_eq!(check(Ip::V6, &fragment(1), Ok((17, 8, 8))), part(true));
        assert_eq!(check(Ip::V6, &fragment(0x5a8), Ok((17, 8, 8))), part(false));
        // Behind a later fragment's header is no header, whatever its number says.
        let mut later = fragment(0x5a9);
        later[40] = 60;
        let found = check(Ip::V6, &later, Ok((60, 8, 8)));
        assert_eq!(found, Some(Fragment { id: 0xdead_beef, protocol: 60, first: false }));
    }
}
