//! In: addresses, ports and payloads. Out: the bytes of one Ethernet frame, its lengths and checksums right.
//! Must not know: time, conversations, files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// IP protocol numbers.
pub const ICMP: u8 = 1;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;

/// TCP flags.
pub const FIN: u8 = 0x01;
/// Opens a connection.
pub const SYN: u8 = 0x02;
/// Ends or refuses one.
pub const RST: u8 = 0x04;
/// Last segment of an utterance.
pub const PSH: u8 = 0x08;
/// The acknowledgement number counts.
pub const ACK: u8 = 0x10;

/// What Windows puts on a SYN: MSS 1460, window scale 8, SACK permitted.
pub const SYN_OPTIONS: &[u8] = &[2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];

/// The largest TCP payload of one frame.
pub const MSS: usize = 1460;

/// The shortest Ethernet frame, without its checksum. Shorter ones are padded, as a switch delivers them.
const MINIMUM: usize = 60;

const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_LLDP: u16 = 0x88cc;

/// A hardware address.
pub type Mac = [u8; 6];

/// The parts of an IP header that do not follow from its body.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Identification (IPv4).
    pub id: u16,
}

/// The parts of a TCP header that do not follow from addresses and payload.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// [`SYN`], [`ACK`] …
    pub flags: u8,
    /// Options; a multiple of four bytes.
    pub options: &'a [u8],
    /// What it carries.
    pub payload: &'a [u8],
}

/// The Internet checksum (RFC 1071).
#[must_use]
pub fn checksum(data: &[u8]) -> u16 {
    let word = |pair: &[u8]| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    };
    let mut sum: u32 = data.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The hardware address this builder gives to whoever has `ip`: a function of the address, so nobody keeps a table.
#[must_use]
pub fn mac(ip: IpAddr) -> Mac {
    match ip {
        IpAddr::V4(Ipv4Addr::BROADCAST) => [0xff; 6],
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [0x02, 0x00, a, b, c, d]
        }
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            [0x02, 0x06, a, b, c, d]
        }
    }
}

/// A TCP segment with its checksum.
#[must_use]
pub fn tcp(src: SocketAddr, dst: SocketAddr, segment: Segment<'_>) -> Vec<u8> {
    let words = (20 + segment.options.len()) / 4;
    // Windows' 8 KiB on a SYN, then 128 KiB in units of the scale agreed on.
    let window: u16 = if segment.flags & SYN == 0 { 513 } else { 8192 };
    let build = |sum: u16| {
        bytes![
            src.port().to_be_bytes(),
            dst.port().to_be_bytes(),
            segment.sequence.to_be_bytes(),
            segment.acknowledgement.to_be_bytes(),
            [(words as u8) << 4, segment.flags],
            window.to_be_bytes(),
            sum.to_be_bytes(),
            [0, 0],
            segment.options,
            segment.payload,
        ]
    };
    build(transport_checksum(src.ip(), dst.ip(), TCP, &build(0)))
}

/// A UDP datagram with its checksum.
#[must_use]
pub fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let build = |sum: u16| {
        bytes![src.port().to_be_bytes(), dst.port().to_be_bytes(), length.to_be_bytes(), sum.to_be_bytes(), payload,]
    };
    let sum = transport_checksum(src.ip(), dst.ip(), UDP, &build(0));
    // 0 would mean "no checksum" (RFC 768).
    build(if sum == 0 { 0xffff } else { sum })
}

/// An IP packet around `body`; IPv4 when both addresses are.
#[must_use]
pub fn packet(src: IpAddr, dst: IpAddr, protocol: u8, hop: Hop, body: &[u8]) -> Vec<u8> {
    const DO_NOT_FRAGMENT: u16 = 0x4000;
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => ipv4(src, dst, protocol, hop, DO_NOT_FRAGMENT, body),
        _ => {
            let class = (6 << 28) | (u32::from(hop.dscp) << 22);
            bytes![
                class.to_be_bytes(),
                (body.len() as u16).to_be_bytes(),
                [protocol, hop.ttl],
                v6(src).octets(),
                v6(dst).octets(),
                body,
            ]
        }
    }
}

/// An IPv4 packet cut into fragments of at most `size` bytes of body, `size` a multiple of eight.
#[must_use]
pub fn fragments(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, hop: Hop, body: &[u8], size: usize) -> Vec<Vec<u8>> {
    const MORE_FRAGMENTS: u16 = 0x2000;
    let last = body.len().div_ceil(size).saturating_sub(1);
    let cut = |(index, part): (usize, &[u8])| {
        let more = if index < last { MORE_FRAGMENTS } else { 0 };
        let offset = (index * size / 8) as u16;
        ipv4(src, dst, protocol, hop, more | offset, part)
    };
    body.chunks(size).enumerate().map(cut).collect()
}

/// The Ethernet frame that carries an IP packet, tagged when a VLAN is given.
#[must_use]
pub fn carry(src: IpAddr, dst: IpAddr, vlan: Option<u16>, packet: &[u8]) -> Vec<u8> {
    let ethertype = match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => 0x0800,
        _ => 0x86dd,
    };
    ethernet(mac(dst), mac(src), vlan, ethertype, packet)
}

/// An Ethernet II frame, padded to the minimum.
#[must_use]
pub fn ethernet(dst: Mac, src: Mac, vlan: Option<u16>, ethertype: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = bytes![dst, src];
    if let Some(id) = vlan {
        frame.extend(ETHERTYPE_VLAN.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend(ethertype.to_be_bytes());
    frame.extend(body);
    frame.resize(frame.len().max(MINIMUM), 0);
    frame
}

/// An ICMP echo request (type 8) or reply (type 0): the body for [`packet`].
#[must_use]
pub fn icmp_echo(kind: u8, id: u16, sequence: u16) -> Vec<u8> {
    icmp(kind, 0, &bytes![id.to_be_bytes(), sequence.to_be_bytes(), b"abcdefghijklmnopqrstuvwabcdefghi"])
}

/// An ICMP destination unreachable that quotes the IPv4 packet it is about; code 13 is "administratively prohibited".
#[must_use]
pub fn icmp_unreachable(code: u8, original: &[u8]) -> Vec<u8> {
    const HEADER_AND_EIGHT: usize = 28;
    icmp(3, code, &bytes![[0; 4], original.get(..HEADER_AND_EIGHT).unwrap_or(original)])
}

/// An ARP request (operation 1, broadcast) or reply (2).
#[must_use]
pub fn arp(operation: u16, src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let (sender, owner) = (mac(src.into()), mac(dst.into()));
    let (to, target) = if operation == 1 { ([0xff; 6], [0; 6]) } else { (owner, owner) };
    let body = bytes![[0, 1, 8, 0, 6, 4], operation.to_be_bytes(), sender, src.octets(), target, dst.octets()];
    ethernet(to, sender, None, ETHERTYPE_ARP, &body)
}

/// An LLDP announcement of a switch port.
#[must_use]
pub fn lldp(switch: Mac, port: &str, name: &str) -> Vec<u8> {
    let tlv = |kind: u16, value: &[u8]| bytes![((kind << 9) | value.len() as u16).to_be_bytes(), value];
    let body = bytes![
        tlv(1, &bytes![[4], switch]),
        tlv(2, &bytes![[5], port]),
        tlv(3, &[0, 120]),
        tlv(5, name.as_bytes()),
        tlv(6, b"access switch of the server room"),
        [0, 0],
    ];
    ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e], switch, None, ETHERTYPE_LLDP, &body)
}

fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, hop: Hop, fragment: u16, body: &[u8]) -> Vec<u8> {
    let header = |sum: u16| {
        bytes![
            [0x45, hop.dscp << 2],
            (20 + body.len() as u16).to_be_bytes(),
            hop.id.to_be_bytes(),
            fragment.to_be_bytes(),
            [hop.ttl, protocol],
            sum.to_be_bytes(),
            src.octets(),
            dst.octets(),
        ]
    };
    bytes![header(checksum(&header(0))), body]
}

fn icmp(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let build = |sum: u16| bytes![[kind, code], sum.to_be_bytes(), rest];
    build(checksum(&build(0)))
}

fn transport_checksum(src: IpAddr, dst: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let length = segment.len() as u32;
    let pseudo = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => bytes![src.octets(), dst.octets()],
        _ => bytes![v6(src).octets(), v6(dst).octets()],
    };
    // The two pseudo headers differ only in where their zeros are, and zeros do not change the sum.
    checksum(&bytes![pseudo, length.to_be_bytes(), [0, 0, 0, protocol], segment])
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
