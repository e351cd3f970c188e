//! ICMP errors: which flow a router or host complained about.
//!
//! In: a frame that `decode` skipped as ICMP. Out: [`IcmpQuote`], the quoted five-tuple and the complaint's words.
//! Must not know: whether that flow exists. Off the hot path: only ICMP frames come here.

use super::link::{self, Ip};
use super::network::{self, Datagram};
use super::{Skip, tcp_or_udp, transport};
use crate::capture::Frame;
use crate::net::{Address, Endpoint, FiveTuple, Transport};

/// What an ICMP error says about one TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpQuote {
    /// Who complains: a router on the way, or the receiver itself.
    pub reporter: Address,
    /// The quoted packet; its source is who sent it, and who is told now.
    pub tuple: FiveTuple,
    /// ICMPv6 rather than ICMPv4; the two number their complaints differently.
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// The quoted TCP sequence number, where the quote is long enough.
    pub sequence: Option<u32>,
}

/// One complaint. A row without a code names the codes of its type that have no row.
struct Complaint {
    v6: bool,
    kind: u8,
    code: Option<u8>,
    name: &'static str,
}

const fn v4(kind: u8, code: u8, name: &'static str) -> Complaint {
    Complaint { v6: false, kind, code: Some(code), name }
}

const fn v6(kind: u8, code: u8, name: &'static str) -> Complaint {
    Complaint { v6: true, kind, code: Some(code), name }
}

const fn any(v6: bool, kind: u8, name: &'static str) -> Complaint {
    Complaint { v6, kind, code: None, name }
}

/// The errors that quote a packet: RFC 792, RFC 1122, RFC 1812, RFC 4443 and the IANA registries.
const COMPLAINTS: &[Complaint] = &[
    v4(3, 0, "net-unreachable"),
    v4(3, 1, "host-unreachable"),
    v4(3, 2, "protocol-unreachable"),
    v4(3, 3, "port-unreachable"),
    v4(3, 4, "fragmentation-needed"),
    v4(3, 5, "source-route-failed"),
    v4(3, 6, "net-unknown"),
    v4(3, 7, "host-unknown"),
    v4(3, 8, "source-host-isolated"),
    v4(3, 9, "net-administratively-prohibited"),
    v4(3, 10, "host-administratively-prohibited"),
    v4(3, 11, "net-unreachable-for-tos"),
    v4(3, 12, "host-unreachable-for-tos"),
    v4(3, 13, "communication-administratively-prohibited"),
    v4(3, 14, "host-precedence-violation"),
    v4(3, 15, "precedence-cutoff"),
    any(false, 3, "destination-unreachable"),
    any(false, 4, "source-quench"),
    any(false, 5, "redirect"),
    v4(11, 0, "ttl-exceeded"),
    v4(11, 1, "fragment-reassembly-time-exceeded"),
    any(false, 11, "time-exceeded"),
    any(false, 12, "parameter-problem"),
    v6(1, 0, "no-route"),
    v6(1, 1, "communication-administratively-prohibited"),
    v6(1, 2, "beyond-scope-of-source"),
    v6(1, 3, "address-unreachable"),
    v6(1, 4, "port-unreachable"),
    v6(1, 5, "source-address-failed-policy"),
    v6(1, 6, "reject-route"),
    v6(1, 7, "source-routing-error"),
    any(true, 1, "destination-unreachable"),
    any(true, 2, "packet-too-big"),
    v6(3, 0, "hop-limit-exceeded"),
    v6(3, 1, "fragment-reassembly-time-exceeded"),
    any(true, 3, "time-exceeded"),
    any(true, 4, "parameter-problem"),
];

impl IcmpQuote {
    /// The complaint in the words of its RFC, kebab-case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        COMPLAINTS.iter().find(|row| row.fits(self.v6, self.kind, self.code)).map_or("", |row| row.name)
    }

    /// Whether the packet was refused a way to its receiver.
    ///
    /// Too-big is no refusal (the sender tries again, smaller), nor are redirects and exceeded hop counts.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match (self.v6, self.kind, self.code) {
            (false, 3, code) => code != 4,
            (true, kind, _) => kind == 1,
            _ => false,
        }
    }
}

impl Complaint {
    fn fits(&self, v6: bool, kind: u8, code: u8) -> bool {
        self.v6 == v6 && self.kind == kind && self.code.is_none_or(|c| c == code)
    }
}

/// The TCP or UDP packet that an ICMP error quotes; `None` if the frame is no such error.
#[must_use]
pub fn icmp_quote(frame: &Frame<'_>) -> Option<IcmpQuote> {
    let link = link::parse(frame).ok()?;
    let outer = network::parse(link.ip, link.bytes, link.wire).ok()?;
    if outer.fragment.is_some_and(|f| !f.first) {
        return None;
    }
    let (v6, ip) = match (link.ip, Skip::Protocol(outer.protocol)) {
        (Ip::V4, Skip::ICMP) => (false, Ip::V4),
        (Ip::V6, Skip::ICMPV6) => (true, Ip::V6),
        _ => return None,
    };
    // Type, code, checksum, and four bytes that differ by type.
    let (&[kind, code, ..], quoted) = outer.bytes.split_first_chunk::<8>()?;
    if !COMPLAINTS.iter().any(|row| row.fits(v6, kind, code)) {
        return None;
    }
    let inner = network::parse(ip, quoted, outer.length.saturating_sub(8)).ok()?;
    let (tuple, sequence) = quote(&inner)?;
    Some(IcmpQuote { reporter: outer.source, tuple, v6, kind, code, sequence })
}

/// Five-tuple and sequence number of a quoted packet, of which often only eight bytes are left.
fn quote(inner: &Datagram<'_>) -> Option<(FiveTuple, Option<u32>)> {
    if inner.fragment.is_some_and(|f| !f.first) {
        return None;
    }
    let transport = tcp_or_udp(inner.protocol)?;
    let (source, destination) = transport::ports(inner.bytes, inner.length).ok()?;
    let tuple = FiveTuple {
        source: Endpoint { address: inner.source, port: source },
        destination: Endpoint { address: inner.destination, port: destination },
        transport,
    };
    let sequence = match (transport, inner.bytes.first_chunk::<8>()) {
        (Transport::Tcp, Some(&[.., q0, q1, q2, q3])) => Some(u32::from_be_bytes([q0, q1, q2, q3])),
        _ => None,
    };
    Some((tuple, sequence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::net::Timestamp;

    /// Router 10.0.0.254 to 10.0.0.1: port 5072/tcp of 10.0.0.2 is administratively prohibited. Raw IPv4.
    const PROHIBITED: [u8; 56] = [
        0x45, 0xc0, 0, 56, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1, // IP
        3, 13, 0, 0, 0, 0, 0, 0, // ICMP
        0x45, 0, 0, 60, 0, 2, 0x40, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // quoted IP
        0xc3, 0x50, 0x13, 0xd0, 0xaa, 0xbb, 0xcc, 0xdd, // quoted TCP
    ];

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Frame { at: Timestamp(0), link: LinkType::RAW, original_length: 56, bytes }
    }

    /// The name of a changed error's complaint, if it still is one.
    fn check(change: impl Fn(&mut [u8; 56]), expected: Option<(&str, bool)>) {
        let mut bytes = PROHIBITED;
        change(&mut bytes);
        let found = icmp_quote(&frame(&bytes));
        assert_eq!(found.map(|q| (q.name(), q.is_unreachable())), expected);
        for n in 0..bytes.len() {
            let cut = icmp_quote(&frame(&bytes[..n]));
            assert!(cut.is_none_or(|c| n >= 52 && found.is_some_and(|f| f.tuple == c.tuple)));
        }
    }

    #[test]
    fn prohibited_by_a_router() {
        let found = icmp_quote(&frame(&PROHIBITED)).unwrap();
        assert_eq!(found.reporter, Address::v4([10, 0, 0, 254]));
        assert_eq!(found.tuple.source.to_string(), "10.0.0.1:50000");
        assert_eq!(found.tuple.destination.to_string(), "10.0.0.2:5072");
        assert_eq!(found.tuple.transport, Transport::Tcp);
        assert_eq!(found.sequence, Some(0xaabb_ccdd));
        assert_eq!(icmp_quote(&frame(&PROHIBITED[..55])).unwrap().sequence, None);
    }

    #[test]
    fn complaints_and_their_names() {
        check(|_| (), Some(("communication-administratively-prohibited", true)));
        check(|b| b[21] = 3, Some(("port-unreachable", true)));
        check(|b| b[21] = 4, Some(("fragmentation-needed", false)));
        check(|b| b[21] = 99, Some(("destination-unreachable", true)));
        check(|b| (b[20], b[21]) = (11, 0), Some(("ttl-exceeded", false)));
        check(|b| (b[20], b[21]) = (5, 1), Some(("redirect", false)));
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
        // A quoted UDP packet has no sequence number.
        let mut udp = PROHIBITED;
        udp[37] = 17;
        assert_eq!(icmp_quote(&frame(&udp)).unwrap().sequence, None);
    }

    #[test]
    fn port_unreachable_over_ipv6() {
        let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        let header =
            |length, next, from, to| [&[0x60, 0, 0, 0, 0, length, next, 64][..], &address(from), &address(to)].concat();
        let ports = [0xc3, 0x50, 0x13, 0xc4, 0, 8, 0, 0];
        let bytes = [header(56, 58, 2, 1), vec![1, 4, 0, 0, 0, 0, 0, 0], header(8, 17, 1, 2), ports.to_vec()].concat();
        let found = icmp_quote(&frame(&bytes)).unwrap();
        assert_eq!((found.name(), found.v6, found.is_unreachable()), ("port-unreachable", true, true));
        assert_eq!(found.tuple.source.to_string(), "[fd00::1]:50000");
        assert_eq!(found.tuple.destination.to_string(), "[fd00::2]:5060");
        for n in 0..bytes.len() {
            assert_eq!(icmp_quote(&frame(&bytes[..n])).is_some(), n >= 92, "{n}");
        }
    }

    #[test]
    fn no_complaint_is_hidden_by_another() {
        for (i, row) in COMPLAINTS.iter().enumerate() {
            assert!(!row.name.is_empty());
            let code = row.code.unwrap_or(255);
            let first = COMPLAINTS.iter().position(|r| r.fits(row.v6, row.kind, code));
            assert_eq!(first, Some(i), "{}", row.name);
        }
    }
}
