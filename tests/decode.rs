//! Stage 2 against other decoders: etherparse on generated and on real frames, tshark's answers on real captures.
//!
//! In: frames built here, and the captures beside the project where they exist. Out: agreement, or the frame in hex.
//! Must not know: how `decode` is built inside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test helpers: a wrong frame shall fail the test, and a skipped one be told"
)]

mod common;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use common::links::{self, LINKS, TAGS};
use etherparse::{
    ArpHardwareId, EtherType, IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv4Options,
    Ipv6Extensions, Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, LinuxSllHeader,
    LinuxSllPacketType, LinuxSllProtocolType, MacsecAn, MacsecHeader, MacsecPType, MacsecShortLen, NetSlice,
    PacketBuilder, SlicedPacket, TcpHeader, TcpSlice, TransportSlice, VlanId,
};
use lyncap::capture::{Frame, LinkType};
use lyncap::decode::{Decoder, Packet, Skip, Skips, icmp_quote};
use lyncap::net::{Timestamp, Transport};

/// Random numbers that are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    fn short(&mut self) -> u16 {
        self.next() as u16
    }
}

fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame { at: Timestamp(0), link, interface: 0, original_length: u32::try_from(bytes.len()).unwrap(), bytes }
}

/// An IP header of either version, with options or extension headers more often than not.
fn ip_headers(random: &mut Random, transport: IpNumber) -> IpHeaders {
    if random.below(2) == 0 {
        let mut header = Ipv4Header::new(0, 64, transport, random.bytes(), random.bytes()).unwrap();
        header.identification = random.short();
        header.options = Ipv4Options::try_from(&[1; 40][..4 * random.below(11)]).unwrap();
        return IpHeaders::Ipv4(header, Ipv4Extensions::default());
    }
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: 0,
        next_header: transport,
        hop_limit: 64,
        source: random.bytes(),
        destination: random.bytes(),
    };
    let options = |random: &mut Random| {
        let padding = &[0; 22][..6 + 8 * random.below(3)];
        (random.below(2) == 0).then(|| Ipv6RawExtHeader::new_raw(transport, padding).unwrap())
    };
    let extensions = Ipv6Extensions {
        hop_by_hop_options: options(random),
        destination_options: options(random),
        // Atomic: whole, although there is a fragment header.
        fragment: (random.below(4) == 0).then(|| Ipv6FragmentHeader::new(transport, IpFragOffset::ZERO, false, 7)),
        ..Ipv6Extensions::default()
    };
    IpHeaders::Ipv6(header, extensions)
}

/// One valid Ethernet frame of TCP or UDP.
fn generate(random: &mut Random) -> Vec<u8> {
    let tcp = random.below(2) == 0;
    let ip = ip_headers(random, if tcp { IpNumber::TCP } else { IpNumber::UDP });
    let ethernet = PacketBuilder::ethernet2(random.bytes(), random.bytes());
    let id = |random: &mut Random| VlanId::try_new(random.short() & 0x0fff).unwrap();
    let builder = match random.below(3) {
        0 => ethernet.ip(ip),
        1 => ethernet.single_vlan(id(random)).ip(ip),
        _ => ethernet.double_vlan(id(random), id(random)).ip(ip),
    };
    let payload: Vec<u8> = (0..random.below(200)).map(|i| i as u8).collect();
    let mut bytes = Vec::new();
    if tcp {
        let mut header = TcpHeader::new(random.short(), random.short(), random.next() as u32, random.short());
        let flags = random.next();
        (header.fin, header.syn, header.rst) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        (header.psh, header.ack, header.urg) = (flags & 8 != 0, flags & 16 != 0, flags & 32 != 0);
        (header.ece, header.cwr, header.ns) = (flags & 64 != 0, flags & 128 != 0, flags & 256 != 0);
        header.acknowledgment_number = random.next() as u32;
        header.set_options_raw(&[1; 40][..4 * random.below(11)]).unwrap();
        builder.tcp_header(header).write(&mut bytes, &payload).unwrap();
    } else {
        builder.udp(random.short(), random.short()).write(&mut bytes, &payload).unwrap();
    }
    bytes.resize(bytes.len().max(60), 0);
    bytes
}

fn tcp_flags(tcp: &TcpSlice<'_>) -> u8 {
    let bits = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
    bits.into_iter().enumerate().map(|(i, bit)| u8::from(bit) << i).sum()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Ports of tunnels, which etherparse does not open.
const TUNNELS: [u16; 10] = [1701, 2152, 3544, 4754, 4789, 4790, 5072, 6081, 6635, 8472];

/// Whether etherparse finds what we found in a tunnel, if it is told where to look: it must be there, if it is whole.
fn is_inside(bytes: &[u8], ours: &Packet<'_>) -> bool {
    let tuple = ours.tuple;
    let found = (42..bytes.len()).any(|at| {
        let Ok(SlicedPacket { net: Some(net), transport: Some(transport), .. }) = SlicedPacket::from_ip(&bytes[at..])
        else {
            return false;
        };
        let (source, destination): (IpAddr, IpAddr) = match net {
            NetSlice::Ipv4(v4) => (v4.header().source_addr().into(), v4.header().destination_addr().into()),
            NetSlice::Ipv6(v6) => (v6.header().source_addr().into(), v6.header().destination_addr().into()),
            NetSlice::Arp(_) => return false,
        };
        let (ports, payload) = match transport {
            TransportSlice::Tcp(t) => ((t.source_port(), t.destination_port()), t.payload()),
            TransportSlice::Udp(u) => ((u.source_port(), u.destination_port()), u.payload()),
            _ => return false,
        };
        (source, destination) == (tuple.source.address.ip(), tuple.destination.address.ip())
            && ports == (tuple.source.port, tuple.destination.port)
            && payload == ours.payload
    });
    assert!(found || ours.payload.len() < ours.payload_length as usize, "{ours:?} in {}", hex(bytes));
    found
}

/// Whether etherparse reads a TCP or UDP packet here; if so, ours must be the same.
fn agree(bytes: &[u8]) -> bool {
    let Ok(theirs) = SlicedPacket::from_ethernet(bytes) else { return false };
    let (Some(transport), Some(net)) = (&theirs.transport, &theirs.net) else { return false };
    let vlan: Vec<u16> = theirs.vlan_ids().iter().map(|id| id.value()).collect();
    let (source, destination): (IpAddr, IpAddr) = match net {
        NetSlice::Ipv4(v4) => (v4.header().source_addr().into(), v4.header().destination_addr().into()),
        NetSlice::Ipv6(v6) => (v6.header().source_addr().into(), v6.header().destination_addr().into()),
        NetSlice::Arp(_) => return false,
    };
    let (kind, ports, payload) = match transport {
        TransportSlice::Tcp(t) => (Transport::Tcp, (t.source_port(), t.destination_port()), t.payload()),
        TransportSlice::Udp(u) => (Transport::Udp, (u.source_port(), u.destination_port()), u.payload()),
        _ => return false,
    };
    let frame = frame(LinkType::ETHERNET, bytes);
    let ours = Decoder::new().decode(&frame);
    // MACsec etherparse reads too.
    let beyond = |packet: &Packet<'_>| packet.tunnel.names().any(|name| name != "macsec");
    let in_tunnel = ours.as_ref().map_or(kind == Transport::Udp, beyond);
    if in_tunnel && (TUNNELS.contains(&ports.0) || TUNNELS.contains(&ports.1)) {
        return ours.is_ok_and(|packet| is_inside(bytes, &packet));
    }
    let ours = ours.unwrap_or_else(|skip| panic!("{skip:?}: {}", hex(bytes)));
    let tuple = ours.tuple;
    assert_eq!((tuple.source.address.ip(), tuple.destination.address.ip()), (source, destination), "{}", hex(bytes));
    assert_eq!((tuple.transport, (tuple.source.port, tuple.destination.port)), (kind, ports), "{}", hex(bytes));
    assert_eq!(ours.payload, payload, "{}", hex(bytes));
    assert_eq!(ours.payload_length as usize, payload.len(), "{}", hex(bytes));
    assert_eq!(ours.vlan[..], vlan, "{}", hex(bytes));
    if let TransportSlice::Tcp(tcp) = transport {
        assert_eq!(ours.tcp.flags, tcp_flags(tcp), "{}", hex(bytes));
        assert_eq!(ours.tcp.sequence, tcp.sequence_number());
        assert_eq!(ours.tcp.acknowledgement, tcp.acknowledgment_number());
    }
    true
}

#[test]
fn generated_frames_read_as_etherparse_reads_them() {
    let mut random = Random(0x1f2e_3d4c_5b6a_7988);
    for _ in 0..20_000 {
        let bytes = generate(&mut random);
        assert!(agree(&bytes), "{}", hex(&bytes));
    }
}

/// A MACsec tag of etherparse's behind the addresses of a frame.
fn macsec(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let (addresses, rest) = bytes.split_at(12);
    let ethertype = EtherType(u16::from_be_bytes([rest[0], rest[1]]));
    let ptype = match random.below(8) {
        0 => MacsecPType::Encrypted,
        1 => MacsecPType::EncryptedUnmodified,
        2 => MacsecPType::Modified,
        _ => MacsecPType::Unmodified(ethertype),
    };
    let header = MacsecHeader {
        ptype,
        endstation_id: random.below(2) == 0,
        scb: random.below(2) == 0,
        an: MacsecAn::try_new(random.below(4) as u8).unwrap(),
        short_len: match rest.len() {
            short @ ..48 => MacsecShortLen::try_from(short as u8).unwrap(),
            _ => MacsecShortLen::ZERO,
        },
        packet_nr: random.next() as u32,
        sci: (random.below(2) == 0).then(|| random.next()),
    };
    let behind = if matches!(ptype, MacsecPType::Unmodified(_)) { 2 } else { 0 };
    [addresses, &[0x88, 0xe5], &header.to_bytes(), &rest[behind..], &random.bytes::<16>()].concat()
}

#[test]
fn macsec_reads_as_etherparse_reads_it() {
    let mut random = Random(0x0f0e_0d0c_0b0a_0908);
    let mut agreed = 0;
    for _ in 0..5_000 {
        let plain = generate(&mut random);
        let bytes = macsec(&mut random, &plain);
        match agree(&bytes) {
            true => agreed += 1,
            false => {
                let skip = Decoder::new().decode(&frame(LinkType::ETHERNET, &bytes)).err();
                assert_eq!(skip, Some(Skip::MacsecEncrypted), "{}", hex(&bytes));
            }
        }
    }
    assert!((2_500..4_000).contains(&agreed), "{agreed}");
}

#[test]
fn cooked_headers_of_etherparse_read_as_ethernet() {
    let mut random = Random(0x7777_1234_5678_9abc);
    for _ in 0..1_000 {
        let (ip, expected, ethertype) = bare(&mut random);
        let header = LinuxSllHeader {
            packet_type: LinuxSllPacketType::OUTGOING,
            arp_hrd_type: ArpHardwareId::ETHERNET,
            sender_address_valid_length: 6,
            sender_address: random.bytes(),
            protocol_type: LinuxSllProtocolType::EtherType(EtherType(u16::from_be_bytes(ethertype))),
        };
        let bytes = [&header.to_bytes()[..], &ip].concat();
        assert_eq!(Decoder::new().decode(&frame(LinkType::LINUX_SLL, &bytes)).map(said), Ok(expected));
    }
}

#[test]
fn generated_frames_cut_anywhere() {
    let mut random = Random(0x1357_9bdf_0246_8ace);
    for _ in 0..200 {
        let bytes = generate(&mut random);
        let whole = frame(LinkType::ETHERNET, &bytes);
        let expected = Decoder::new().decode(&whole).unwrap();
        for n in 0..bytes.len() {
            let cut = Frame { bytes: &bytes[..n], ..whole };
            match Decoder::new().decode(&cut) {
                Ok(packet) => {
                    assert_eq!((packet.tuple, &packet.vlan), (expected.tuple, &expected.vlan));
                    assert!(expected.payload.starts_with(packet.payload));
                    // A TCP header cut before its own length says so of nothing but its options.
                    assert!(packet.payload_length - expected.payload_length <= 40);
                    assert!(packet.payload.is_empty() || packet.payload_length == expected.payload_length);
                }
                Err(skip) => assert_eq!(skip, Skip::Truncated, "{n} of {}", hex(&bytes)),
            }
        }
    }
}

/// An IP packet of its own, from a generated frame; what the frame says of it; and its IP version's ethertype.
fn bare(random: &mut Random) -> (Vec<u8>, String, [u8; 2]) {
    let bytes = generate(random);
    let whole = frame(LinkType::ETHERNET, &bytes);
    let expected = Decoder::new().decode(&whole).unwrap();
    let v6 = expected.tuple.source.address.is_v6();
    let ip = &bytes[14 + 4 * expected.vlan.len()..];
    // What Ethernet appended to a short frame is no packet's.
    let length = if v6 {
        40 + usize::from(ip[4]) * 256 + usize::from(ip[5])
    } else {
        usize::from(ip[2]) * 256 + usize::from(ip[3])
    };
    (ip[..length].to_vec(), said(expected), if v6 { [0x86, 0xdd] } else { [0x08, 0x00] })
}

/// All that is said of a packet but the length of its frame, and what is around it.
fn said(packet: Packet<'_>) -> String {
    format!("{:?}", Packet { wire_length: 0, vlan: Default::default(), tunnel: Default::default(), ..packet })
}

#[test]
fn link_types_differ_in_nothing_but_the_header() {
    let mut random = Random(0x0bad_cafe_dead_beef);
    for _ in 0..200 {
        let (ip, expected, ethertype) = bare(&mut random);
        for link in LINKS {
            let bytes = (link.2)(&ip);
            let found = Decoder::new().decode(&frame(LinkType(links::number(link, &ip)), &bytes)).map(said);
            assert_eq!(found.as_ref(), Ok(&expected), "{}: {}", link.0, hex(&bytes));
        }
        for (name, wrap) in TAGS {
            let bytes = wrap(&ip);
            let found = Decoder::new().decode(&frame(LinkType::ETHERNET, &bytes)).map(said);
            assert_eq!(found.as_ref(), Ok(&expected), "{name}: {}", hex(&bytes));
        }
        let macs = [2; 12];
        let three_tags = [&macs, &[0x91, 0, 0, 1, 0x88, 0xa8, 0, 2, 0x81, 0, 0, 3][..], &ethertype, &ip].concat();
        assert_eq!(Decoder::new().decode(&frame(LinkType::ETHERNET, &three_tags)).map(said), Ok(expected));
    }
}

#[test]
fn every_link_type_cut_anywhere() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for _ in 0..4 {
        let (ip, ..) = bare(&mut random);
        let links = LINKS.iter().map(|link| (link.0, links::number(link, &ip), (link.2)(&ip)));
        let tags = TAGS.iter().map(|(name, wrap)| (*name, 1, wrap(&ip)));
        for (name, link, bytes) in links.chain(tags) {
            let whole = frame(LinkType(link), &bytes);
            let expected = Decoder::new().decode(&whole).unwrap();
            for n in 0..bytes.len() {
                match Decoder::new().decode(&Frame { bytes: &bytes[..n], ..whole }) {
                    Ok(packet) => {
                        assert_eq!((packet.tuple, packet.tunnel), (expected.tuple, expected.tunnel), "{name}");
                        assert!(expected.payload.starts_with(packet.payload), "{name}");
                    }
                    Err(skip) => assert_eq!(skip, Skip::Truncated, "{name} at {n}"),
                }
            }
        }
    }
}

/// Flips bits, replaces bytes with ones that mean something, cuts the end.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().clamp(1, 96));
        match (random.below(4), bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << random.below(8),
            (1, Some(byte)) => *byte = [0, 1, 4, 5, 6, 17, 44, 51, 60, 0x7f, 0x80, 0xff][random.below(12)],
            (2, Some(byte)) => *byte = random.next() as u8,
            _ => bytes.truncate(random.below(bytes.len() + 1)),
        }
    }
}

/// Decodes one hostile frame under every link type, and holds the packet to what must always be true.
fn survive(decoder: &mut Decoder, bytes: &[u8], original_length: u32) {
    for link in (0..=300).chain([0xf004, 0xf006, 0xffff]) {
        let frame = Frame { at: Timestamp(0), link: LinkType(link), interface: 0, original_length, bytes };
        let packet: Result<Packet<'_>, Skip> = decoder.decode(&frame);
        if let Ok(packet) = packet {
            assert!(packet.payload.len() <= packet.payload_length as usize, "{}", hex(bytes));
            assert_eq!(packet.wire_length, original_length);
        }
        if let Some(quote) = icmp_quote(&frame) {
            assert!(quote.kind > 0 && quote.tuple.source.address.is_v6() == quote.v6);
        }
    }
}

#[test]
fn mutated_frames_do_no_harm() {
    let mut random = Random(0xfeed_face_0123_4567);
    let mut decoder = Decoder::new();
    let mut agreed = 0;
    for _ in 0..10_000 {
        let mut bytes = generate(&mut random);
        if random.below(8) == 0 {
            bytes = macsec(&mut random, &bytes);
        }
        mutate(&mut random, &mut bytes);
        let original = [bytes.len() as u32, 0, u32::MAX, 1514][random.below(4)];
        survive(&mut decoder, &bytes, original);
        agreed += u32::from(agree(&bytes));
    }
    assert!(agreed > 1000, "too few of the mutants are readable to prove anything: {agreed}");
}

/// A capture in the classic format: its link type, and wire length and bytes of each frame.
struct Capture {
    link: LinkType,
    frames: Vec<(u32, Vec<u8>)>,
}

/// Classic pcap, either byte order, either resolution; what breaks off, breaks off.
fn read(path: &Path) -> Option<Capture> {
    let bytes = std::fs::read(path).ok()?;
    let big = match bytes.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => false,
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => true,
        _ => return None,
    };
    let number = |at: usize| {
        let four = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let link = LinkType(number(20)? as u16);
    let mut frames = Vec::new();
    let mut at = 24;
    while let (Some(captured), Some(original)) = (number(at + 8), number(at + 12)) {
        let Some(frame) = bytes.get(at + 16..).and_then(|b| b.get(..captured as usize)) else { break };
        frames.push((original, frame.to_vec()));
        at += 16 + captured as usize;
    }
    Some(Capture { link, frames })
}

/// The captures beside the project, sorted; none, and a word about it, where there is no such folder.
fn captures() -> Vec<PathBuf> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let Ok(folders) = std::fs::read_dir(root.join("../shared/captures")) else {
        println!("skipped: no ../shared/captures beside the project");
        return Vec::new();
    };
    let files = folders.flatten().filter_map(|f| std::fs::read_dir(f.path()).ok()).flatten().flatten();
    let mut paths: Vec<_> = files.map(|f| f.path()).filter(|p| p.is_file()).collect();
    paths.sort();
    paths
}

#[test]
fn captured_frames_read_as_etherparse_reads_them() {
    let mut compared = 0;
    for path in captures() {
        let Some(capture) = read(&path).filter(|c| c.link == LinkType::ETHERNET) else { continue };
        compared += capture.frames.iter().filter(|(_, bytes)| agree(bytes)).count();
    }
    println!("{compared} frames compared");
}

#[test]
fn captured_frames_mutated_do_no_harm() {
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    let mut decoder = Decoder::new();
    for path in captures() {
        let Some(capture) = read(&path) else { continue };
        for (original, mut bytes) in capture.frames.into_iter().take(200) {
            survive(&mut decoder, &bytes, original);
            mutate(&mut random, &mut bytes);
            survive(&mut decoder, &bytes, original);
        }
    }
}

/// Packets and wire bytes by transport, sender, receiver.
type Directions = BTreeMap<(String, IpAddr, u16, IpAddr, u16), (u64, u64)>;

/// What tshark found: `flows_no_reassembly` where there are fragments, because first fragments count there.
fn tshark(truth: &serde_json::Value) -> Directions {
    let flows = truth.get("flows_no_reassembly").unwrap_or_else(|| &truth["flows"]);
    let mut found = Directions::new();
    for flow in flows.as_array().unwrap() {
        let proto = flow["proto"].as_str().unwrap();
        if proto != "tcp" && proto != "udp" {
            continue;
        }
        let end = |name: &str| {
            let address = flow[name]["addr"].as_str().unwrap().parse::<IpAddr>().unwrap();
            (address, flow[name]["port"].as_u64().unwrap() as u16)
        };
        let count = |name: &str| {
            let direction = &flow[name];
            (direction["packets"].as_u64().unwrap(), direction["bytes"].as_u64().unwrap())
        };
        let (a, b) = (end("a"), end("b"));
        for (from, to, count) in [(a, b, count("a_to_b")), (b, a, count("b_to_a"))] {
            if count.0 > 0 {
                found.insert((proto.to_owned(), from.0, from.1, to.0, to.1), count);
            }
        }
    }
    found
}

/// What we find, each frame by itself so that later fragments stay orphans as they do for tshark.
fn lyncap(capture: &Capture) -> (Directions, Skips) {
    let mut found = Directions::new();
    let mut skips = Skips::new();
    for (original, bytes) in &capture.frames {
        let frame = Frame { original_length: *original, ..frame(capture.link, bytes) };
        match Decoder::new().decode(&frame) {
            Ok(packet) => {
                let (a, b) = (packet.tuple.source, packet.tuple.destination);
                let transport = packet.tuple.transport.to_string();
                let count = found.entry((transport, a.address.ip(), a.port, b.address.ip(), b.port)).or_default();
                count.0 += 1;
                count.1 += u64::from(packet.wire_length);
            }
            Err(skip) => skips.count(skip),
        }
    }
    (found, skips)
}

#[test]
fn captures_hold_the_flows_that_tshark_found() {
    let mut compared = 0;
    for path in captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let truth = path.with_file_name("truth").join(format!("{name}.json"));
        let (Some(capture), Ok(truth)) = (read(&path), std::fs::read(&truth)) else { continue };
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let (ours, skips) = lyncap(&capture);
        let packets: u64 = ours.values().map(|count| count.0).sum();
        assert_eq!(packets + skips.total(), capture.frames.len() as u64, "{name}: every frame is counted once");
        if skips.iter().any(|(reason, _)| reason == "unsupported-link-type") {
            continue;
        }
        assert_eq!(ours, tshark(&truth), "{name}");
        compared += 1;
    }
    println!("{compared} captures compared");
}
