//! In: an IP packet. Out: an Ethernet frame that carries it inside a tunnel, as the tunnel's own document says.
//! Must not know: what the packet holds, beyond the version that its first nibble states.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::frame::{self, Hop};

/// Puts an IP packet into a tunnel: an Ethernet frame.
pub type Wrap = fn(&[u8]) -> Vec<u8>;

/// Names in reports, outermost first and joined by `/`, and what makes the frame. A name stands once for each shape
/// that its tunnel has on the wire.
pub const TUNNELS: &[(&str, Wrap)] = &[
    ("pppoe", |ip| pppoe(&ppp(ip))),
    ("pppoe", |ip| pppoe(&bytes![[0xff, 0x03], ppp(ip)])),
    ("pppoe/mpls", |ip| pppoe(&bytes![[0x02, 0x81], labels(&[77]), ip])),
    ("mpls", |ip| mpls(&bytes![labels(&[16]), ip])),
    ("mpls", |ip| mpls(&bytes![labels(&[16, 17, 18, 19, 20, 21]), ip])),
    ("mpls", |ip| mpls(&bytes![labels(&[0]), ip])),
    ("mpls", |ip| mpls(&bytes![labels(&[16, 17]), ethernet(ip)])),
    ("mpls", |ip| mpls(&bytes![labels(&[16, 17]), [0, 0, 0, 9], ethernet(ip)])),
    ("mpls", |ip| over(137, &bytes![labels(&[16]), ip])),
    ("mpls", |ip| over_udp(50_001, 6635, &bytes![labels(&[16]), ip])),
    ("ip-in-ip", |ip| over(version(ip, 4, 41), ip)),
    ("ip-in-ip", |ip| over_v6(version(ip, 4, 41), ip)),
    ("ip-in-ip/ip-in-ip", |ip| over(41, &packet_v6(version(ip, 4, 41), ip))),
    ("etherip", |ip| over(97, &bytes![[0x30, 0], ethernet(ip)])),
    ("l2tpv3", |ip| over(115, &bytes![[0, 0, 0, 5], ethernet(ip)])),
    ("l2tpv3", |ip| over(115, &bytes![[0, 0, 0, 5], b"cookies!", [0; 4], ethernet(ip)])),
    ("gre", |ip| over(47, &gre(&[], ethertype(ip), ip))),
    ("gre", |ip| over_v6(47, &gre(&[], ethertype(ip), ip))),
    ("gre", |ip| over(47, &gre(&[CHECKSUM, KEY, SEQUENCE], ethertype(ip), ip))),
    ("gre", |ip| over(47, &gre(&[ROUTING, SEQUENCE], ethertype(ip), ip))),
    ("gre", |ip| over(47, &gre(&[], BRIDGED, &ethernet(ip)))),
    ("gre", |ip| over(47, &gre(&[], 0x880b, &bytes![[0xff, 0x03], ppp(ip)]))),
    ("gre", |ip| over_udp(50_002, 4754, &gre(&[KEY], ethertype(ip), ip))),
    ("gre/mpls", |ip| over(47, &gre(&[], 0x8847, &bytes![labels(&[16]), ip]))),
    ("gre/gre", |ip| over(47, &gre(&[], 0x0800, &packet(47, &gre(&[KEY], ethertype(ip), ip))))),
    ("pptp", |ip| over(47, &pptp(&bytes![[0xff, 0x03], ppp(ip)]))),
    ("pptp", |ip| over(47, &pptp(&compressed(ip)))),
    ("nvgre", |ip| over(47, &gre(&[KEY], BRIDGED, &ethernet(ip)))),
    ("erspan-1", |ip| over(47, &gre(&[], 0x88be, &ethernet(ip)))),
    ("erspan-2", |ip| over(47, &gre(&[SEQUENCE], 0x88be, &bytes![[0x10, 9, 0, 7, 0, 0, 0, 1], ethernet(ip)]))),
    ("erspan-3", |ip| over(47, &gre(&[SEQUENCE], 0x22eb, &bytes![erspan_3(0), ethernet(ip)]))),
    ("erspan-3", |ip| over(47, &gre(&[SEQUENCE], 0x22eb, &bytes![erspan_3(1), [0x0c; 8], ethernet(ip)]))),
    ("vxlan", |ip| over_udp(50_003, 4789, &bytes![vxlan(0x08, 0), ethernet(ip)])),
    ("vxlan", |ip| over_udp(50_003, 8472, &bytes![vxlan(0x08, 0), ethernet(ip)])),
    ("vxlan", |ip| over_udp_v6(50_003, 4789, &bytes![vxlan(0x08, 0), ethernet(ip)])),
    ("vxlan-gpe", |ip| over_udp(50_004, 4790, &bytes![vxlan(0x0c, version(ip, 1, 2)), ip])),
    ("vxlan-gpe", |ip| over_udp(50_004, 4790, &bytes![vxlan(0x0c, 3), ethernet(ip)])),
    ("vxlan-gpe/nsh", |ip| over_udp(50_004, 4790, &bytes![vxlan(0x0c, 4), nsh(version(ip, 1, 2)), ip])),
    ("nsh", |ip| ether(0x894f, &bytes![nsh(3), ethernet(ip)])),
    ("geneve", |ip| over_udp(50_005, 6081, &bytes![geneve(BRIDGED, &[]), ethernet(ip)])),
    ("geneve", |ip| over_udp(50_005, 6081, &bytes![geneve(ethertype(ip), &[1, 8, 0x81, 1, 9, 9, 9, 9]), ip])),
    ("gtp-u", |ip| over_udp(2152, 2152, &gtp(0x30, &[], ip))),
    ("gtp-u", |ip| over_udp(50_006, 2152, &gtp(0x32, &[0, 1, 0, 0], ip))),
    ("gtp-u", |ip| over_udp(2152, 2152, &gtp(0x34, &[0, 0, 0, 0x85, 1, 0x10, 9, 0xc0, 1, 0, 1, 0], ip))),
    ("teredo/ip-in-ip", |ip| over_udp(50_007, 3544, &of_teredo(ip))),
    ("teredo/ip-in-ip", |ip| over_udp(3544, 50_007, &bytes![TEREDO, of_teredo(ip)])),
    ("l2tp", |ip| over_udp(1701, 1701, &bytes![[0, 2, 0, 7, 0, 8, 0xff, 0x03], ppp(ip)])),
    ("l2tp", |ip| over_udp(50_008, 1701, &l2tp(&ppp(ip)))),
    ("ayiya", |ip| over_udp(50_009, 5072, &bytes![ayiya(version(ip, 4, 41)), ip])),
    ("ayiya", |ip| over_udp(5072, 50_009, &bytes![ayiya(version(ip, 4, 41)), ip])),
    ("l2tpv3", |ip| over_udp(1701, 1701, &bytes![[0, 3, 0, 0], [0, 0, 0, 5], [0; 4], ethernet(ip)])),
    ("vxlan/gre", |ip| {
        let inside = packet(47, &gre(&[], ethertype(ip), ip));
        over_udp(50_003, 4789, &bytes![vxlan(0x08, 0), ethernet(&inside)])
    }),
];

/// Transparent Ethernet bridging, as an ethertype.
const BRIDGED: u16 = 0x6558;

/// GRE flags, in the order of the fields they announce.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;

/// Teredo's authentication (client identifier of four bytes, no value), then its origin indication.
const TEREDO: &[u8] =
    &[0, 1, 4, 0, b'h', b'o', b's', b't', 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0x3c, 0xa8, 0x3f, 0xff, 0xfd, 0xfe];

const HOP: Hop = Hop { ttl: 60, dscp: 0, id: 0x7e57 };

/// Both ends of every tunnel.
const ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
const ENDS_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)];

/// An Ethernet frame of the tunnel's ends.
fn ether(ethertype: u16, body: &[u8]) -> Vec<u8> {
    frame::ethernet(frame::mac(ENDS[1].into()), frame::mac(ENDS[0].into()), None, ethertype, body)
}

/// An Ethernet frame inside a tunnel, not padded.
#[must_use]
pub fn ethernet(ip: &[u8]) -> Vec<u8> {
    bytes![[2, 0, 0, 0, 0, 0x0b], [2, 0, 0, 0, 0, 0x0a], ethertype(ip).to_be_bytes(), ip]
}

/// One of two values, by the version of an IP packet.
fn version<T>(ip: &[u8], v4: T, v6: T) -> T {
    if ip.first().is_some_and(|first| first >> 4 == 6) { v6 } else { v4 }
}

fn ethertype(ip: &[u8]) -> u16 {
    version(ip, 0x0800, 0x86dd)
}

/// An IPv4 packet between the tunnel's ends.
#[must_use]
pub fn packet(protocol: u8, body: &[u8]) -> Vec<u8> {
    frame::packet(ENDS[0].into(), ENDS[1].into(), protocol, HOP, body)
}

/// The same over IPv6.
#[must_use]
pub fn packet_v6(protocol: u8, body: &[u8]) -> Vec<u8> {
    frame::packet(ENDS_V6[0].into(), ENDS_V6[1].into(), protocol, HOP, body)
}

/// IPv6 from a Teredo client, and the packet in that.
fn of_teredo(ip: &[u8]) -> Vec<u8> {
    let client = Ipv6Addr::new(0x2001, 0, 0xc000, 0x201, 0, 0x3ca8, 0x3fff, 0xfdfe);
    frame::packet(client.into(), ENDS_V6[1].into(), version(ip, 4, 41), HOP, ip)
}

/// A frame that carries `body` in IPv4.
#[must_use]
pub fn over(protocol: u8, body: &[u8]) -> Vec<u8> {
    ether(0x0800, &packet(protocol, body))
}

/// A frame that carries `body` in IPv6.
#[must_use]
pub fn over_v6(protocol: u8, body: &[u8]) -> Vec<u8> {
    ether(0x86dd, &packet_v6(protocol, body))
}

/// A frame that carries `body` in UDP over IPv4.
#[must_use]
pub fn over_udp(from: u16, to: u16, body: &[u8]) -> Vec<u8> {
    let ends = ENDS.map(IpAddr::from);
    over(frame::UDP, &frame::udp(SocketAddr::new(ends[0], from), SocketAddr::new(ends[1], to), body))
}

/// The same over IPv6.
#[must_use]
pub fn over_udp_v6(from: u16, to: u16, body: &[u8]) -> Vec<u8> {
    let ends = ENDS_V6.map(IpAddr::from);
    over_v6(frame::UDP, &frame::udp(SocketAddr::new(ends[0], from), SocketAddr::new(ends[1], to), body))
}

/// PPP's protocol field and an IP packet (RFC 1332, RFC 5072).
fn ppp(ip: &[u8]) -> Vec<u8> {
    bytes![[0, version(ip, 0x21, 0x57)], ip]
}

/// The same with the protocol field's zero left out (RFC 1661 §6.5).
fn compressed(ip: &[u8]) -> Vec<u8> {
    bytes![[version(ip, 0x21, 0x57)], ip]
}

/// A PPPoE session (RFC 2516).
fn pppoe(ppp: &[u8]) -> Vec<u8> {
    ether(0x8864, &bytes![[0x11, 0, 0, 1], (ppp.len() as u16).to_be_bytes(), ppp])
}

fn mpls(body: &[u8]) -> Vec<u8> {
    ether(0x8847, body)
}

/// A label stack (RFC 3032): the last label has the bottom bit.
#[must_use]
pub fn labels(stack: &[u32]) -> Vec<u8> {
    let entry = |(index, label): (usize, &u32)| {
        let bottom = u32::from(index + 1 == stack.len());
        (label << 12 | bottom << 8 | 64).to_be_bytes()
    };
    stack.iter().enumerate().flat_map(entry).collect()
}

/// GRE version 0 (RFC 2784, RFC 2890; routing as in RFC 1701, one entry and the empty one that ends them).
#[must_use]
pub fn gre(flags: &[u16], protocol: u16, body: &[u8]) -> Vec<u8> {
    let all: u16 = flags.iter().sum();
    let has = |flag: u16| all & flag != 0;
    let field = |present: bool, value: [u8; 4]| if present { value.to_vec() } else { Vec::new() };
    let routes: &[u8] = if has(ROUTING) { &[8, 0, 0, 4, 192, 0, 2, 9, 0, 0, 0, 0] } else { &[] };
    let build = |sum: u16| {
        let [high, low] = sum.to_be_bytes();
        bytes![
            all.to_be_bytes(),
            protocol.to_be_bytes(),
            field(has(CHECKSUM) || has(ROUTING), [high, low, 0, 0]),
            field(has(KEY), [0, 0x12, 0x34, 0x56]),
            field(has(SEQUENCE), [0, 0, 0, 9]),
            routes,
            body,
        ]
    };
    build(if has(CHECKSUM) { frame::checksum(&build(0)) } else { 0 })
}

/// GRE version 1 (RFC 2637): key with the payload's length, sequence and acknowledgement.
fn pptp(body: &[u8]) -> Vec<u8> {
    bytes![[0x30, 0x81, 0x88, 0x0b], (body.len() as u16).to_be_bytes(), [0, 7, 0, 0, 0, 1, 0, 0, 0, 2], body]
}

/// ERSPAN type III: version 2, an Ethernet frame, and whether a platform subheader follows.
fn erspan_3(optional: u8) -> Vec<u8> {
    bytes![[0x20, 9, 0, 7], [0, 0, 0, 1], [0, 0, 0, optional]]
}

/// VXLAN (RFC 7348) and its generic protocol extension: flags, and what is next.
#[must_use]
pub fn vxlan(flags: u8, next: u8) -> Vec<u8> {
    bytes![[flags, 0, 0, next], [0, 0x12, 0x34, 0]]
}

/// A network service header with metadata of type 1 (RFC 8300).
fn nsh(next: u8) -> Vec<u8> {
    bytes![[0x0f, 0xc6, 1, next], [0, 0, 0x2a, 255], [7; 16]]
}

/// GENEVE (RFC 8926); options are a multiple of four bytes.
#[must_use]
pub fn geneve(protocol: u16, options: &[u8]) -> Vec<u8> {
    bytes![[(options.len() / 4) as u8, 0], protocol.to_be_bytes(), [0, 0x12, 0x34, 0], options]
}

/// A G-PDU of GTP version 1 (3GPP TS 29.281): flags, and what they say is there besides the header.
#[must_use]
pub fn gtp(flags: u8, optional: &[u8], ip: &[u8]) -> Vec<u8> {
    let length = (optional.len() + ip.len()) as u16;
    bytes![[flags, 255], length.to_be_bytes(), [0, 0, 0, 9], optional, ip]
}

/// A data message of L2TP version 2 (RFC 2661) with length, sequence numbers and an offset.
fn l2tp(ppp: &[u8]) -> Vec<u8> {
    let rest = bytes![[0, 7, 0, 8], [0, 1, 0, 0], [0, 2, 0xaa, 0xaa], ppp];
    bytes![[0x4a, 2], (rest.len() as u16 + 4).to_be_bytes(), rest]
}

/// AYIYA's header (draft-massar-v6ops-ayiya): an identity of sixteen bytes, a SHA-1 signature, forwarding.
fn ayiya(next: u8) -> Vec<u8> {
    bytes![[0x41, 0x52, 0x11, next], [0x4f, 0, 0, 1], [7; 16], [9; 20]]
}
