//! Community ID, version 1, seed 0: the flow's name in Zeek, Suricata and Wireshark.
//!
//! In: addresses, IP protocol, ports or ICMP type and code. Out: `1:` and the Base64 of a SHA-1.
//! Must not know: flows. (Community ID Flow Hashing specification, version 1.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::net::{Address, FiveTuple};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// ICMP types that come in pairs of request and answer: both directions share an ID. (ICMPv4, RFC 792, 950, 1256.)
const ICMP_PAIRS: &[(u8, u8)] = &[(0, 8), (8, 0), (9, 10), (10, 9), (13, 14), (14, 13), (15, 16), (16, 15), (17, 18), (18, 17)];
/// The same for ICMPv6 (RFC 4443, 2710, 4861, 4620, 4066).
const ICMPV6_PAIRS: &[(u8, u8)] = &[
    (128, 129),
    (129, 128),
    (130, 131),
    (131, 130),
    (133, 134),
    (134, 133),
    (135, 136),
    (136, 135),
    (139, 140),
    (140, 139),
    (144, 145),
    (145, 144),
];

/// The ID of a TCP or UDP conversation; the same for both directions.
#[must_use]
pub fn of_flow(tuple: &FiveTuple) -> String {
    let (a, b) = (tuple.source, tuple.destination);
    of((a.address, a.port), (b.address, b.port), tuple.transport as u8, true)
}

/// The ID of an ICMP exchange. `protocol` is 1 or 58; others have no type and code, and hash addresses only.
#[must_use]
pub fn of_icmp(source: Address, destination: Address, protocol: u8, (kind, code): (u8, u8)) -> String {
    let pairs = match protocol {
        ICMP => ICMP_PAIRS,
        ICMPV6 => ICMPV6_PAIRS,
        _ => &[],
    };
    // A type without a counterpart is one-way: its code stands for the other port and the order is kept.
    let pair = pairs.iter().find(|&&(from, _)| from == kind);
    let other = pair.map_or(u16::from(code), |&(_, to)| u16::from(to));
    of((source, u16::from(kind)), (destination, other), protocol, pair.is_some())
}

fn of(a: (Address, u16), b: (Address, u16), protocol: u8, two_way: bool) -> String {
    let (low, high) = if !two_way || a <= b { (a, b) } else { (b, a) };
    let mut sha1 = Sha1::new();
    sha1.update(0_u16.to_be_bytes());
    for (address, _) in [low, high] {
        let bits = address.bits().to_be_bytes();
        let unused = if address.is_v6() { 0 } else { 12 };
        sha1.update(bits.get(unused..).unwrap_or_default());
    }
    sha1.update([protocol, 0]);
    sha1.update(low.1.to_be_bytes());
    sha1.update(high.1.to_be_bytes());
    format!("1:{}", STANDARD.encode(sha1.finalize()))
}
