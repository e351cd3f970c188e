//! Tunnels: the same packet inside each is the same packet; what only looks like one is not.
//!
//! In: frames built here. Out: what differs.
//! Must not know: how `decode` is built inside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[macro_use]
mod common;

use std::net::SocketAddr;

use common::frame::{self, Hop};
use common::tunnels::{self, TUNNELS, Wrap};
use lyncap::capture::{Frame, LinkType};
use lyncap::decode::{Decoder, Packet, Skip, icmp_quote};
use lyncap::net::Timestamp;

const V4: [&str; 2] = ["10.0.0.1:50123", "10.0.0.2:5061"];
const V6: [&str; 2] = ["[fd00::1]:50123", "[fd00::2]:5061"];
const HOP: Hop = Hop { ttl: 64, dscp: 46, id: 7 };

fn ends(ends: [&str; 2]) -> [SocketAddr; 2] {
    ends.map(|end| end.parse().unwrap())
}

fn ip(between: [&str; 2], protocol: u8, body: &[u8]) -> Vec<u8> {
    let [source, destination] = ends(between);
    frame::packet(source.ip(), destination.ip(), protocol, HOP, body)
}

fn udp(between: [&str; 2], payload: &[u8]) -> Vec<u8> {
    let [source, destination] = ends(between);
    ip(between, frame::UDP, &frame::udp(source, destination, payload))
}

fn tcp(between: [&str; 2], payload: &[u8]) -> Vec<u8> {
    let [source, destination] = ends(between);
    let segment = frame::Segment { sequence: 7, acknowledgement: 9, flags: frame::ACK, options: &[], payload };
    ip(between, frame::TCP, &frame::tcp(source, destination, segment))
}

/// What a decoder says of a frame of which `bytes` were captured.
fn decode<'a>(decoder: &mut Decoder, bytes: &'a [u8], original: usize) -> Result<Packet<'a>, Skip> {
    decoder.decode(&ethernet(bytes, original))
}

fn ethernet(bytes: &[u8], original: usize) -> Frame<'_> {
    let original_length = u32::try_from(original).unwrap();
    Frame { at: Timestamp(0), link: LinkType::ETHERNET, interface: 0, original_length, bytes }
}

fn whole(bytes: &[u8]) -> Result<Packet<'_>, Skip> {
    decode(&mut Decoder::new(), bytes, bytes.len())
}

/// Whether a packet goes between these ends.
fn is_between(packet: &Packet<'_>, between: [&str; 2]) -> bool {
    packet.tuple.source.to_string() == between[0] && packet.tuple.destination.to_string() == between[1]
}

#[test]
fn the_same_packet_in_every_tunnel() {
    for between in [V4, V6] {
        for inside in [udp(between, b"hello"), tcp(between, b"hello"), udp(between, b"")] {
            let outside = frame::carry(ends(between)[0].ip(), ends(between)[1].ip(), None, &inside);
            let bare = whole(&outside).unwrap();
            for (name, make) in TUNNELS {
                let bytes = make(&inside);
                let found = whole(&bytes).unwrap_or_else(|skip| panic!("{name}: {skip:?} {bytes:02x?}"));
                assert_eq!(found.tunnel.to_string(), *name, "{bytes:02x?}");
                assert_eq!((found.tuple, found.tcp, found.mark), (bare.tuple, bare.tcp, bare.mark), "{name}");
                assert_eq!((found.payload, found.payload_length), (bare.payload, bare.payload_length), "{name}");
                assert_eq!((found.dscp, found.broadcast, found.vlan.len()), (46, false, 0), "{name}");
                assert_eq!(found.wire_length as usize, bytes.len());
            }
        }
    }
}

/// Tunnels over UDP that their own first four bytes prove.
const PROVEN_BY_HEADER: [&str; 7] = ["vxlan", "vxlan/gre", "vxlan-gpe", "vxlan-gpe/nsh", "geneve", "gtp-u", "ayiya"];

/// Whether a frame's outer packet is UDP: then some of its cuts are packets of the tunnel's own ends.
fn is_udp(bytes: &[u8]) -> bool {
    match bytes[12..14] {
        [0x08, 0] => bytes[23] == frame::UDP,
        [0x86, 0xdd] => bytes[20] == frame::UDP,
        _ => false,
    }
}

/// The tunnel's own ends, of which no report shall speak.
fn is_outer(packet: &Packet<'_>) -> bool {
    let address = packet.tuple.source.address.to_string();
    address == "192.0.2.1" || address == "2001:db8::1"
}

#[test]
fn every_cut_is_the_inner_packet_or_truncated_once_the_tunnel_is_proven() {
    for between in [V4, V6] {
        for (name, make) in TUNNELS {
            let bytes = make(&tcp(between, b"hello"));
            let end = bytes.len() - whole(&bytes).unwrap().payload.len();
            let (mut outer, mut inner) = (Vec::new(), 0);
            for n in 0..bytes.len() {
                match decode(&mut Decoder::new(), &bytes[..n], bytes.len()) {
                    Ok(packet) if is_between(&packet, between) => {
                        inner += 1;
                        assert!(n + 20 > end, "{name} at {n}");
                        assert_eq!((packet.payload_length, packet.tunnel.to_string().as_str()), (5, *name));
                    }
                    Ok(packet) => {
                        assert!(is_udp(&bytes) && is_outer(&packet), "{name} at {n}: {packet:?}");
                        outer.push(n);
                    }
                    Err(skip) => assert_eq!(skip, Skip::Truncated, "{name} at {n}"),
                }
            }
            assert!(inner > 16, "{name}");
            // From the outer ports to what proves the tunnel, and nowhere else.
            assert!(outer.windows(2).all(|pair| pair[1] == pair[0] + 1), "{name}: {outer:?}");
            // From the second port to the proof: four bytes more of UDP.
            assert!(!PROVEN_BY_HEADER.contains(name) || outer.len() == 8, "{name}: {outer:?}");
        }
    }
}

/// 96 bytes, which many a capture is cut at, show every tunnel; 68 those with a header of their own.
#[test]
fn a_snaplen_makes_no_flow_of_a_tunnels_ends() {
    for (name, make) in TUNNELS {
        let bytes = make(&tcp(V4, &[b'x'; 1000]));
        for snaplen in [96, 68] {
            let found = decode(&mut Decoder::new(), &bytes[..snaplen], bytes.len());
            // Of these the inner IP header is the proof, and it begins behind byte 68.
            let by_ip = ["mpls", "l2tp", "l2tpv3", "teredo/ip-in-ip", "ayiya"].contains(name);
            let late = (by_ip || bytes[12..14] == [0x86, 0xdd]) && snaplen == 68;
            assert!(late || !found.is_ok_and(|packet| is_outer(&packet)), "{name} at {snaplen}");
        }
    }
}

#[test]
fn every_changed_byte_is_a_packet_or_a_skip() {
    let mut decoder = Decoder::new();
    for between in [V4, V6] {
        for (name, make) in TUNNELS {
            let bytes = make(&udp(between, b"hello"));
            for at in 12..bytes.len() {
                for value in (0..=255).step_by(5).chain([1, 4, 6, 0x08, 0x2f, 0x45, 0x60, 0x81, bytes[at] ^ 1]) {
                    let mut changed = bytes.clone();
                    changed[at] = value;
                    let frame = ethernet(&changed, changed.len());
                    if let Ok(packet) = decoder.decode(&frame) {
                        assert!(packet.payload.len() <= packet.payload_length as usize, "{name} {at} {value}");
                        assert!(packet.payload_length <= 0xffff);
                    }
                    let _ = icmp_quote(&frame);
                }
            }
        }
    }
}

/// Each port of a tunnel over UDP.
const PORTS: [u16; 10] = [1701, 2152, 3544, 4754, 4789, 4790, 5072, 6081, 6635, 8472];

/// That datagrams with this payload are of their own conversation, whichever port is the tunnel's, wherever cut.
fn check_outer(payload: &[u8]) {
    for port in PORTS {
        for ports in [[50_000, port], [port, 50_000], [port, port]] {
            let between = [format!("10.0.0.1:{}", ports[0]), format!("10.0.0.2:{}", ports[1])];
            let between = [between[0].as_str(), between[1].as_str()];
            let packet = udp(between, payload);
            let bytes = tunnels::ethernet(&packet);
            for n in (42..bytes.len().min(160)).chain([bytes.len()]) {
                let found = decode(&mut Decoder::new(), &bytes[..n], bytes.len());
                let found = found.unwrap_or_else(|skip| panic!("{port}: {skip:?} at {n} of {payload:02x?}"));
                assert!(is_between(&found, between) && found.tunnel.is_none(), "{port} {n} {payload:02x?}");
                assert_eq!(found.payload_length as usize, payload.len());
            }
        }
    }
}

#[test]
fn a_clients_port_is_no_tunnel() {
    check_outer(b"");
    check_outer(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS 10.0.0.1:4789\r\n\r\n");
    for first in [0, 0x08, 0x20, 0x45, 0x60, 0xff] {
        check_outer(&[first; 100]);
    }
    // An answer of DNS, whose identification is what a tunnel begins with.
    for id in
        [[0, 1], [0, 2], [0, 3], [0x08, 0], [0x0c, 0], [0x30, 0xff], [0x60, 0], [0x41, 0x52], [0x20, 0], [0x48, 2]]
    {
        check_outer(&[&id[..], b"\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07contoso\x03com\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01"].concat());
    }
    // STUN, RTP with an IP header's version in its time, RTCP, DTLS, NTP.
    check_outer(&[&b"\0\x01\0\x08\x21\x12\xa4\x42abcdefghijkl\x80\x22\0\x04aaaa"[..]].concat());
    check_outer(&[&[0x80, 0x00, 0x13, 0x01, 0x45, 0x00, 0x00, 0xa8], &[7; 164][..]].concat());
    check_outer(&[&[0x80, 0x00, 0x13, 0x01, 0x60, 0x00, 0x00, 0xa8, 0x00, 0x80, 17], &[7; 157][..]].concat());
    check_outer(&[&[0x81, 0xc8, 0, 6], &[0; 24][..]].concat());
    check_outer(&[&b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x30"[..], &[1; 48]].concat());
    check_outer(&[&[0x1b][..], &[0; 47]].concat());
}

#[test]
fn noise_is_no_tunnel() {
    let mut noise = common::Noise::new(6081);
    for length in 0..20_000 {
        let mut payload = noise.bytes(length % 120);
        // Half of them begin as the header does that asks least.
        if let [first, second, third, fourth, fifth, ..] = &mut payload[..]
            && length % 2 == 0
        {
            (*first, *second, *third, *fourth) = (*first & 0x48, 2, *third | 1, 64);
            *fifth = [0x45, 0x60, 0, 0xff][length / 2 % 4];
        }
        for port in PORTS {
            let between = ["10.0.0.1:50000", &format!("10.0.0.2:{port}")];
            let bytes = tunnels::ethernet(&udp(between, &payload));
            let found = whole(&bytes).unwrap();
            assert!(is_between(&found, between) && found.tunnel.is_none(), "{port} {payload:02x?}");
        }
    }
}

/// An IP packet that is larger than what carries it says, in every tunnel over UDP.
#[test]
fn what_does_not_fit_is_no_tunnel() {
    for (name, make) in TUNNELS {
        let mut inside = udp(V4, b"hello");
        inside[3] += 1;
        let bytes = make(&inside);
        match whole(&bytes) {
            // IP protocols are not a guess, wherever they are.
            Ok(packet) if name.contains("ip-in-ip") || name.contains("gre") && !name.starts_with("gre") => {
                assert!(is_between(&packet, V4), "{name}");
            }
            Ok(packet) => assert_eq!(is_udp(&bytes), !is_between(&packet, V4), "{name}"),
            Err(skip) => panic!("{name}: {skip:?}"),
        }
    }
}

#[test]
fn what_is_no_ip_is_counted_as_what_carries_it() {
    let arp = frame::arp(1, "10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    let check = |bytes: &[u8], expected: Result<u16, &str>| {
        let found = whole(bytes);
        let found = found.as_ref().map(|packet| packet.tuple.destination.port).map_err(|skip| skip.name());
        assert_eq!(found, expected.map_err(Into::into), "{bytes:02x?}");
    };
    let labelled = |body: &[u8]| frame::ethernet([2; 6], [3; 6], None, 0x8847, &bytes![tunnels::labels(&[16]), body]);
    let session = |code: u8, ppp: &[u8]| {
        let length = (ppp.len() as u16).to_be_bytes();
        frame::ethernet([2; 6], [3; 6], None, 0x8864, &bytes![[0x11, code, 0, 1], length, ppp])
    };
    // But for ARP and LLDP, which an ethertype proves.
    check(&tunnels::over(47, &tunnels::gre(&[], 0x6558, &arp)), Err("arp"));
    check(&tunnels::over(47, &tunnels::gre(&[], 0x0806, &arp[14..])), Err("arp"));
    check(&tunnels::over(47, &tunnels::gre(&[], 0x00fe, b"isis")), Err("gre"));
    check(&tunnels::over(47, &tunnels::gre(&[], 0x0800, b"no packet at all, is it?")), Err("gre"));
    check(&tunnels::over(97, &bytes![[0x30, 0], arp]), Err("arp"));
    check(&tunnels::over(97, &bytes![[0x40, 0], arp]), Err("etherip"));
    check(&tunnels::over(4, &[0x50; 40]), Err("ipip"));
    check(&tunnels::over(115, &[0; 40]), Err("l2tp"));
    check(&tunnels::over(137, &bytes![tunnels::labels(&[16]), [0x10; 40]]), Err("ip-proto-137"));
    check(&labelled(&arp), Err("arp"));
    check(&labelled(&bytes![[0; 4], arp]), Err("arp"));
    check(&labelled(&[0x10; 20]), Err("mpls"));
    check(&session(0, b"\xc0\x21\x09\x01\0\x08aaaa"), Err("pppoe"));
    check(&session(0xa7, b""), Err("pppoe"));
    check(&frame::ethernet([2; 6], [3; 6], None, 0x8863, b"\x11\x09\0\0\0\x04\x01\x01\0\0"), Err("pppoe"));
    check(&frame::ethernet([2; 6], [3; 6], None, 0x894f, &bytes![[0x0f, 0xc2, 1, 9, 0, 0, 0, 1], arp]), Err("non-ip"));
    check(&tunnels::over_udp(50_000, 4789, &bytes![tunnels::vxlan(8, 0), arp]), Err("arp"));
    check(&tunnels::over_udp(50_000, 6081, &bytes![tunnels::geneve(0x6558, &[]), arp]), Err("arp"));
    check(&tunnels::over_udp(2152, 2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(2152));
    check(&tunnels::over_udp(1701, 1701, &[0, 2, 0, 7, 0, 8, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]), Ok(1701));
    // Inside it is IP, and no flow.
    let echo = ip(V4, frame::ICMP, &frame::icmp_echo(8, 1, 1));
    for (_, make) in TUNNELS {
        check(&make(&echo), Err("icmp"));
        check(&make(&ip(V4, 88, b"hello")), Err("eigrp"));
    }
}

/// Layers that never end, and lengths that lie.
#[test]
fn hostile_frames_end() {
    let nested =
        |depth: usize, wrap: Wrap| (0..depth).fold(udp(V4, b"hello"), |inside, _| wrap(&inside)[14..].to_vec());
    let gre: Wrap = |ip| tunnels::over(47, &tunnels::gre(&[], 0x0800, ip));
    let vxlan: Wrap = |ip| tunnels::over_udp(5, 4789, &bytes![tunnels::vxlan(8, 0), tunnels::ethernet(ip)]);
    for wrap in [gre, vxlan] {
        for (depth, fits) in [(1, true), (7, true), (8, false), (100, false), (700, false)] {
            let bytes = tunnels::ethernet(&nested(depth, wrap));
            let found = whole(&bytes).map(|packet| packet.tunnel.names().count());
            assert_eq!(found, if fits { Ok(depth) } else { Err(Skip::Malformed) }, "{depth}");
        }
    }
    let ethernet = |ethertype, body: &[u8]| frame::ethernet([2; 6], [3; 6], None, ethertype, body);
    let inside = udp(V4, b"hello");
    for (labels, fits) in [(16, true), (17, false), (10_000, false)] {
        let bytes = ethernet(0x8847, &bytes![tunnels::labels(&vec![16; labels]), inside]);
        assert_eq!(whole(&bytes).is_ok(), fits, "{labels}");
    }
    // Pseudowires in each other, each of which may or may not have a control word.
    let wires = (0..200).fold(inside.clone(), |body, _| bytes![[0, 0, 0x11, 64], [0; 4], [0; 12], [0x88, 0x47], body]);
    assert_eq!(whole(&ethernet(0x8847, &wires)).err(), Some(Skip::Malformed));
    let loops = [0x0f, 0xc2, 1, 4, 0, 0, 0, 1].repeat(1000);
    assert_eq!(whole(&ethernet(0x894f, &loops)).err(), Some(Skip::Malformed));
    assert!(whole(&tunnels::over_udp(5, 4790, &bytes![tunnels::vxlan(0x0c, 4), loops])).is_ok());
    // GENEVE: options that are longer than all of them, or shorter.
    for options in [[1, 8, 1, 2, 9, 9, 9, 9], [1, 8, 1, 31, 9, 9, 9, 9], [1, 8, 1, 0, 9, 9, 9, 9]] {
        let bytes = tunnels::over_udp(5, 6081, &bytes![tunnels::geneve(0x0800, &options), inside]);
        assert!(is_outer(&whole(&bytes).unwrap()), "{options:?}");
    }
    let bytes = tunnels::over_udp(5, 6081, &bytes![[0x3f], &tunnels::geneve(0x0800, &[])[1..], inside]);
    assert!(is_outer(&whole(&bytes).unwrap()));
    // GTP: an extension of no length, one that is longer than the packet, and no end of them.
    for extensions in
        [&[0, 1, 0, 0x85, 0][..], &[0, 1, 0, 0x85, 255], &[&[0, 1, 0, 0x85][..], &[1, 0, 0, 0x85].repeat(300)].concat()]
    {
        let bytes = tunnels::over_udp(5, 2152, &tunnels::gtp(0x34, extensions, &inside));
        assert!(is_outer(&whole(&bytes).unwrap()), "{extensions:?}");
    }
    // GRE: routing without an end.
    let routes = bytes![[0x40, 0, 8, 0, 0, 0, 0, 0], [8, 0, 0, 0].repeat(300)];
    assert_eq!(whole(&tunnels::over(47, &routes)).err(), Some(Skip::Protocol(47)));
}

/// An IP packet cut into fragments, each in a frame made by `wrap`.
fn in_fragments(between: [&str; 2], protocol: u8, body: &[u8], wrap: Wrap) -> Vec<Vec<u8>> {
    let address = |end: &str| end.rsplit_once(':').unwrap().0.parse().unwrap();
    let parts = frame::fragments(address(between[0]), address(between[1]), protocol, HOP, body, 512);
    parts.iter().map(|part| wrap(part)).collect()
}

/// That all these frames are of one flow in one tunnel, and how long the payload is that they state together.
fn check_fragments(frames: &[Vec<u8>], between: [&str; 2], tunnel: &str, payload: u32) {
    let mut decoder = Decoder::new();
    assert!(frames.len() > 2);
    let early = decode(&mut decoder, &frames[1], frames[1].len());
    assert_eq!(early.err(), Some(Skip::OrphanFragment), "{tunnel}");
    let mut stated = 0;
    for (i, bytes) in frames.iter().enumerate() {
        let packet = decode(&mut decoder, bytes, bytes.len()).unwrap_or_else(|skip| panic!("{tunnel} {i}: {skip:?}"));
        assert!(is_between(&packet, between), "{tunnel} {i}: {packet:?}");
        assert_eq!(packet.tunnel.to_string(), tunnel, "{i}");
        assert_eq!(packet.payload.is_empty(), i > 0, "{tunnel}");
        stated += packet.payload_length;
    }
    assert_eq!(stated, payload, "{tunnel}");
}

#[test]
fn fragments_of_a_tunnels_datagram_belong_to_the_packet_in_it() {
    for inside in [udp(V4, &[b'x'; 1400]), tcp(V4, &[b'x'; 1400])] {
        for (name, make) in TUNNELS {
            let whole = make(&inside);
            // Those that ride on IPv4: its header is 20 bytes behind Ethernet's.
            if whole[12..14] != [0x08, 0] {
                continue;
            }
            let frames = in_fragments(["192.0.2.1:0", "192.0.2.2:0"], whole[23], &whole[34..], tunnels::ethernet);
            check_fragments(&frames, V4, name, 1400);
        }
    }
}

#[test]
fn fragments_inside_a_tunnel_belong_together() {
    for (name, make) in TUNNELS {
        let datagram = udp(V4, &[b'x'; 1400]);
        check_fragments(&in_fragments(V4, frame::UDP, &datagram[20..], *make), V4, name, 1400);
        let segment = tcp(V4, &[b'x'; 1400]);
        check_fragments(&in_fragments(V4, frame::TCP, &segment[20..], *make), V4, name, 1400);
    }
}

/// A packet in fragments in a tunnel whose datagrams are in fragments.
#[test]
fn fragments_of_fragments() {
    let gre: Wrap = |ip| tunnels::over(47, &tunnels::gre(&[], 0x0800, ip));
    let datagram = udp(V4, &[b'x'; 1400]);
    let mut decoder = Decoder::new();
    let mut count = 0;
    for (id, outer) in (100..).zip(in_fragments(V4, frame::UDP, &datagram[20..], gre)) {
        for mut part in frame::fragments([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), 47, HOP, &outer[34..], 128) {
            part[5] = id;
            let bytes = tunnels::ethernet(&part);
            let packet = decode(&mut decoder, &bytes, bytes.len()).unwrap();
            assert!(is_between(&packet, V4) && packet.tunnel.to_string() == "gre");
            count += 1;
        }
    }
    assert!(count > 10);
}

/// Later fragments of what is no flow are counted as their first one was.
#[test]
fn fragments_of_what_is_no_flow() {
    let echo = ip(V4, frame::ICMP, &[7; 1400]);
    let mut decoder = Decoder::new();
    for bytes in in_fragments(["192.0.2.1:0", "192.0.2.2:0"], 47, &tunnels::gre(&[], 0x0800, &echo), tunnels::ethernet)
    {
        assert_eq!(decode(&mut decoder, &bytes, bytes.len()).err(), Some(Skip::ICMP));
    }
}

#[test]
fn tags_and_broadcasts_inside() {
    let inside = udp(V4, b"hello");
    let tagged = frame::ethernet([0xff; 6], [2; 6], Some(20), 0x0800, &inside);
    let outer = tunnels::over_udp(50_000, 4789, &bytes![tunnels::vxlan(8, 0), tagged]);
    let frame = bytes![&outer[..12], [0x81, 0, 0, 10], &outer[12..]];
    let found = whole(&frame).unwrap();
    assert_eq!((&found.vlan[..], found.broadcast), (&[10, 20][..], true));
    // What carries it may be sent to all; what is inside is not.
    let mut frame = tunnels::over_udp(50_000, 4789, &bytes![tunnels::vxlan(8, 0), tunnels::ethernet(&inside)]);
    frame[..6].fill(0xff);
    assert!(!whole(&frame).unwrap().broadcast);
    let mut frame = tunnels::over(4, &inside);
    frame[..6].fill(0xff);
    assert!(whole(&frame).unwrap().broadcast);
}

/// What an ICMP error in a frame quotes: its destination, if it is one.
fn quoted(bytes: &[u8]) -> Option<String> {
    icmp_quote(&ethernet(bytes, bytes.len())).map(|quote| quote.tuple.destination.to_string())
}

#[test]
fn icmp_errors_inside_tunnels_and_about_them() {
    let inside = tcp(V4, b"hello");
    let error = |about: &[u8], quote: usize| {
        let body = frame::icmp_unreachable(13, &about[..28]);
        let body = bytes![&body[..8], &about[..quote.min(about.len())]];
        ip(["10.0.0.254:0", "10.0.0.1:0"], frame::ICMP, &body)
    };
    for (name, make) in TUNNELS {
        let bytes = make(&error(&inside, 28));
        assert_eq!(whole(&bytes).err(), Some(Skip::ICMP), "{name}");
        assert_eq!(quoted(&bytes).as_deref(), Some("10.0.0.2:5061"), "{name}");
        let about = make(&inside);
        if about[12..14] == [0x08, 0] {
            let all = tunnels::ethernet(&error(&about[14..], 548));
            assert_eq!(quoted(&all).as_deref(), Some("10.0.0.2:5061"), "{name}");
            let least = quoted(&tunnels::ethernet(&error(&about[14..], 28)));
            assert_eq!(least.is_some(), is_udp(&about), "{name}");
            assert!(least.is_none_or(|end| end.starts_with("192.0.2.2:")), "{name}");
        }
    }
}
