//! ICMP errors: which flow a router or host complained about.
//!
//! In: a frame that `decode` skipped as ICMP. Out: [`IcmpQuote`], its type, its code and the quoted five-tuple.
//! Must not know: whether that flow exists. Off the hot path: only ICMP frames come here.

use super::layer::{Ip, Layer, Next};
use super::network::Datagram;
use super::{Parts, Skip, datagram, deepest, innermost, tcp_or_udp, transport};
use crate::capture::Frame;
use crate::net::{Endpoint, FiveTuple};

/// What an ICMP error says about one TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpQuote {
    /// The innermost packet that is quoted; its source is who sent it, and who is told now.
    pub tuple: FiveTuple,
    /// ICMPv6 rather than ICMPv4; the two number their complaints differently.
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
}

/// Errors, which quote the packet that caused them: IPv6 or not, and the type. (RFC 792, RFC 4443.)
const ERRORS: [(bool, u8); 9] =
    [(false, 3), (false, 4), (false, 5), (false, 11), (false, 12), (true, 1), (true, 2), (true, 3), (true, 4)];

/// The TCP or UDP packet that an ICMP error quotes; `None` if the frame is no such error.
#[must_use]
pub fn icmp_quote(frame: &Frame<'_>) -> Option<IcmpQuote> {
    let (outer, layer) = innermost(frame, &mut Parts::new()).ok()?;
    if outer.fragment.is_some_and(|f| !f.first) {
        return None;
    }
    let (v6, ip) = match (layer.next, Skip::Protocol(outer.protocol)) {
        (Next::Ip(Ip::V4), Skip::ICMP) => (false, Ip::V4),
        (Next::Ip(Ip::V6), Skip::ICMPV6) => (true, Ip::V6),
        _ => return None,
    };
    // Type, code, checksum, and four bytes that differ by type.
    let (&[kind, code, ..], quoted) = outer.bytes.split_first_chunk::<8>()?;
    if !ERRORS.contains(&(v6, kind)) {
        return None;
    }
    let quoted = datagram(Layer::at(Next::Ip(ip), quoted, outer.length.saturating_sub(8))).ok()?;
    // Often only eight bytes of a tunnel's packet are quoted: then it is the tunnel's own.
    let inner = deepest(quoted.clone(), &mut Parts::new()).map_or(quoted.0, |(inner, _)| inner);
    Some(IcmpQuote { tuple: quote(&inner)?, v6, kind, code })
}

/// Five-tuple of a quoted packet, of which often only eight bytes are left.
fn quote(inner: &Datagram<'_>) -> Option<FiveTuple> {
    if inner.fragment.is_some_and(|f| !f.first) {
        return None;
    }
    let transport = tcp_or_udp(inner.protocol)?;
    let (source, destination) = transport::ports(inner.bytes, inner.length).ok()?;
    Some(FiveTuple {
        source: Endpoint { address: inner.source, port: source },
        destination: Endpoint { address: inner.destination, port: destination },
        transport,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::net::{Timestamp, Transport};

    /// Router 10.0.0.254 to 10.0.0.1: port 5072/tcp of 10.0.0.2 is administratively prohibited. Raw IPv4.
    const PROHIBITED: [u8; 56] = [
        0x45, 0xc0, 0, 56, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1, // IP
        3, 13, 0, 0, 0, 0, 0, 0, // ICMP
        0x45, 0, 0, 60, 0, 2, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // quoted IP
        0xc3, 0x50, 0x13, 0xd0, 0xaa, 0xbb, 0xcc, 0xdd, // quoted TCP
    ];

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Frame { at: Timestamp(0), link: LinkType::RAW, interface: 0, original_length: 56, bytes }
    }

    /// Type and code of a changed error, if it still is one.
    fn check(change: impl Fn(&mut [u8; 56]), expected: Option<(u8, u8)>) {
        let mut bytes = PROHIBITED;
        change(&mut bytes);
        let found = icmp_quote(&frame(&bytes));
        assert_eq!(found.map(|q| (q.kind, q.code)), expected);
        for n in 0..bytes.len() {
            let cut = icmp_quote(&frame(&bytes[..n]));
            assert!(cut.is_none_or(|c| n >= 52 && found.is_some_and(|f| f.tuple == c.tuple)));
        }
    }

    #[test]
    fn prohibited_by_a_router() {
        let found = icmp_quote(&frame(&PROHIBITED)).unwrap();
        assert_eq!(found.tuple.source.to_string(), "10.0.0.1:50000");
        assert_eq!(found.tuple.destination.to_string(), "10.0.0.2:5072");
        assert_eq!(found.tuple.transport, Transport::Tcp);
        assert!(icmp_quote(&frame(&PROHIBITED[..52])).is_some());
    }

    #[test]
    fn only_errors_quote() {
        check(|_| (), Some((3, 13)));
        check(|b| b[21] = 99, Some((3, 99)));
        check(|b| (b[20], b[21]) = (11, 0), Some((11, 0)));
        check(|b| (b[20], b[21]) = (5, 1), Some((5, 1)));
        check(|b| (b[20], b[21]) = (8, 0), None);
        check(|b| (b[20], b[21]) = (1, 1), None);
    }

    #[test]
    fn quotes_that_name_no_flow() {
        check(|b| b[37] = 1, None);
        check(|b| b[28] = 0x60, None);
        check(|b| b[35] = 1, None);
        check(|b| b[9] = 17, None);
        check(|b| b[7] = 1, None);
    }

    #[test]
    fn port_unreachable_over_ipv6() {
        let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        let header =
            |length, next, from, to| [&[0x60, 0, 0, 0, 0, length, next, 64][..], &address(from), &address(to)].concat();
        let ports = [0xc3, 0x50, 0x13, 0xc4, 0, 8, 0, 0];
        let bytes = [header(56, 58, 2, 1), vec![1, 4, 0, 0, 0, 0, 0, 0], header(8, 17, 1, 2), ports.to_vec()].concat();
        let found = icmp_quote(&frame(&bytes)).unwrap();
        assert_eq!((found.v6, found.kind, found.code), (true, 1, 4));
        assert_eq!(found.tuple.source.to_string(), "[fd00::1]:50000");
        assert_eq!(found.tuple.destination.to_string(), "[fd00::2]:5060");
        for n in 0..bytes.len() {
            assert_eq!(icmp_quote(&frame(&bytes[..n])).is_some(), n >= 92, "{n}");
        }
    }
}
