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

/// Characters of an ID.
const LENGTH: usize = 30;

/// ICMP types that come in pairs of request and answer: both directions share an ID. (ICMPv4, RFC 792, 950, 1256.)
const ICMP_PAIRS: &[(u8, u8)] =
    &[(0, 8), (8, 0), (9, 10), (10, 9), (13, 14), (14, 13), (15, 16), (16, 15), (17, 18), (18, 17)];
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
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    hash(low.address, high.address, tuple.transport as u8, Some((low.port, high.port)))
}

/// The ID of an exchange over another IP protocol: ICMP (1, 58) by type and code, the rest by addresses alone.
#[must_use]
pub fn of_other(source: Address, destination: Address, protocol: u8, (kind, code): (u8, u8)) -> String {
    let pairs = match protocol {
        ICMP => ICMP_PAIRS,
        ICMPV6 => ICMPV6_PAIRS,
        _ => {
            let (low, high) = if source <= destination { (source, destination) } else { (destination, source) };
            return hash(low, high, protocol, None);
        }
    };
    let kind_port = u16::from(kind);
    match pairs.iter().find(|&&(from, _)| from == kind) {
        Some(&(_, answer)) => {
            let (a, b) = ((source, kind_port), (destination, u16::from(answer)));
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            hash(low.0, high.0, protocol, Some((low.1, high.1)))
        }
        // A type without an answer is one-way: its code stands for the other port, and the order is kept.
        None => hash(source, destination, protocol, Some((kind_port, u16::from(code)))),
    }
}

fn hash(low: Address, high: Address, protocol: u8, ports: Option<(u16, u16)>) -> String {
    let mut sha1 = Sha1::new();
    sha1.update([0, 0]);
    for address in [low, high] {
        let bits = address.bits().to_be_bytes();
        let unused = if address.is_v6() { 0 } else { 12 };
        sha1.update(bits.get(unused..).unwrap_or_default());
    }
    sha1.update([protocol, 0]);
    if let Some((low, high)) = ports {
        sha1.update(low.to_be_bytes());
        sha1.update(high.to_be_bytes());
    }
    let mut id = String::with_capacity(LENGTH);
    id.push_str("1:");
    STANDARD.encode_string(sha1.finalize(), &mut id);
    id
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::net::{Endpoint, Transport};

    /// The published baseline (seed 0): protocol, source, destination, source port, destination port, ID. Of ICMP, the
    /// ports are type and the answer's type, or type and code. SCTP (132), which has no flows here, is left out.
    #[rustfmt::skip]
    const BASELINE: &[(u8, &str, &str, u16, u16, &str)] = &[
        (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
        (58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 136, "1:zavyT/cezQr1fmImYCwYnMXbgck="),
        (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 135, "1:zavyT/cezQr1fmImYCwYnMXbgck="),
        (58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
        (58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0="),
        (58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
        (58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
        (58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
        (58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
        (1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        (1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
        (6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
        (6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
        (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        (46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
        (46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
    ];

    #[test]
    fn the_published_baseline_holds() {
        for &(protocol, source, destination, from, to, expected) in BASELINE {
            let address = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
            let end = |text, port| Endpoint { address: address(text), port };
            let transport = [Transport::Tcp, Transport::Udp].into_iter().find(|&t| t as u8 == protocol);
            let id = match transport {
                Some(transport) => {
                    of_flow(&FiveTuple { source: end(source, from), destination: end(destination, to), transport })
                }
                None => of_other(address(source), address(destination), protocol, (from as u8, to as u8)),
            };
            assert_eq!(id, expected, "{protocol} {source} {destination} {from} {to}");
        }
    }
}
