//! In: the generators of `tests/common` and the files under `fixtures/`. Out: proof that they agree byte for byte, and
//! that what the generators make is what the specifications of the formats ask for.
//! Must not know: the library.
//!
//! `LYNCAP_BLESS=1 cargo test --test fixtures` rewrites the generated files.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use common::frame::{checksum, mac};
use common::savefile::{Frame, Interface, Order, Pcap, Pcapng, Unit};
use common::{Noise, Side, Tcp, Wire, answer, ask, distort, hosts, pool, tcp_flow, trouble, udp_flow};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The stored file equals `bytes`, or becomes it when blessed.
fn check_stored(name: &str, bytes: &[u8]) {
    let path = fixture(name);
    if std::env::var_os("LYNCAP_BLESS").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    let stored = fs::read(&path).unwrap_or_default();
    let first = stored.iter().zip(bytes).position(|(stored, made)| stored != made);
    assert!(
        stored == bytes,
        "fixtures/{name} differs from what tests/common makes (stored {} bytes, made {}, first difference {first:?}); \
         if that is meant, run LYNCAP_BLESS=1 cargo test --test fixtures",
        stored.len(),
        bytes.len(),
    );
}

#[test]
fn the_pool_day_is_what_the_generator_makes() {
    let made = pool::pool_day();
    assert!(made.len() < 1_500_000, "{} bytes", made.len());
    assert!(made == pool::pool_day(), "two runs differ");
    check_stored("pool-day.pcapng", &made);
}

#[test]
fn topology_and_readme_know_the_same_hosts() {
    let topology = fs::read_to_string(fixture("pool-day.toml")).unwrap();
    let readme = fs::read_to_string(fixture("README.md")).unwrap();
    for (name, address) in hosts::HOSTS {
        assert!(topology.contains(&format!("\"{name}\"")), "pool-day.toml lacks {name}");
        assert!(topology.contains(&format!("\"{address}\"")), "pool-day.toml lacks {address}");
        assert!(readme.contains(&format!("| {name} | {address}")), "README.md lacks {name}, {address}");
    }
    for impostor in trouble::IMPOSTORS {
        let (host, _) = hosts::HOSTS.iter().find(|(_, address)| *address == impostor.to).unwrap();
        let row = format!("| {} | {host}:{}", impostor.what, impostor.port);
        assert!(readme.contains(&row), "README.md lacks {row}");
    }
}

#[test]
fn every_frame_of_the_day_has_right_lengths_and_checksums() {
    let frames = pool::frames();
    assert!(frames.len() > 3000, "{} frames", frames.len());
    assert!(frames.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let (first, last) = (frames[0].at, frames[frames.len() - 1].at);
    assert!(first >= pool::START && last < pool::START + pool::LENGTH);
    for (number, frame) in (1..).zip(&frames) {
        assert_eq!(frame.original_length as usize, frame.bytes.len());
        check_frame(&frame.bytes).unwrap_or_else(|why| panic!("frame {number}: {why}"));
    }
}

#[test]
fn no_connection_of_the_day_reuses_the_sockets_of_another() {
    let mut opened = std::collections::BTreeMap::new();
    for frame in pool::frames() {
        // IPv4, untagged, TCP, SYN alone.
        if frame.bytes[12..14] == [8, 0] && frame.bytes[23] == 6 && frame.bytes[47] == 0x02 {
            let sequence = opened.entry(frame.bytes[26..38].to_vec()).or_insert_with(|| frame.bytes[38..42].to_vec());
            assert_eq!(*sequence, frame.bytes[38..42], "another connection between the same sockets");
        }
    }
    assert!(opened.len() > 250);
}

/// Walks one frame without the builder's help.
fn check_frame(bytes: &[u8]) -> Result<(), String> {
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (ethertype, at) = if word(12) == 0x8100 { (word(16), 18) } else { (word(12), 14) };
    let (protocol, addresses, body) = match ethertype {
        0x0800 => {
            let end = at + usize::from(word(at + 2));
            if checksum(&bytes[at..at + 20]) != 0 {
                return Err("IPv4 header checksum".into());
            }
            if word(at + 6) & 0x3fff != 0 {
                return Ok(()); // a fragment's transport checksum covers the whole datagram
            }
            (bytes[at + 9], &bytes[at + 12..at + 20], &bytes[at + 20..end])
        }
        0x86dd => {
            let end = at + 40 + usize::from(word(at + 4));
            (bytes[at + 6], &bytes[at + 8..at + 40], &bytes[at + 40..end])
        }
        _ => return Ok(()),
    };
    let pseudo = [addresses, &(body.len() as u32).to_be_bytes(), &[0, 0, 0, protocol]].concat();
    let covered = if protocol == common::frame::ICMP { body.to_vec() } else { [&pseudo, body].concat() };
    if checksum(&covered) == 0 { Ok(()) } else { Err(format!("checksum of protocol {protocol}")) }
}

fn ends() -> (SocketAddr, SocketAddr) {
    ("10.1.0.20:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap())
}

/// (flags, sequence, acknowledgement, payload length) of an untagged IPv4 TCP frame.
fn tcp_fields(frame: &Frame) -> (u8, u32, u32, usize) {
    let word = |at: usize| u32::from_be_bytes(frame.bytes[at..at + 4].try_into().unwrap());
    let total = usize::from(u16::from_be_bytes([frame.bytes[16], frame.bytes[17]]));
    let header = usize::from(frame.bytes[46] >> 4) * 4;
    (frame.bytes[47], word(38), word(42), total - 20 - header)
}

#[test]
fn one_flow_has_a_handshake_consistent_numbers_and_a_close() {
    let (client, server) = ends();
    let fields: Vec<_> = tcp_flow(0, client, server, &[ask("x".repeat(3000))]).iter().map(tcp_fields).collect();
    let flags: Vec<u8> = fields.iter().map(|field| field.0).collect();
    assert_eq!(flags, [0x02, 0x12, 0x10, 0x10, 0x10, 0x10, 0x18, 0x10, 0x11, 0x11, 0x10]);
    let lengths: Vec<usize> = fields.iter().map(|field| field.3).filter(|&length| length > 0).collect();
    assert_eq!(lengths, [1460, 1460, 80]);
    let (client_first, server_first) = (fields[0].1, fields[1].1);
    assert_eq!(fields[1].2, client_first.wrapping_add(1));
    // SYN, 3000 bytes, FIN; SYN, FIN.
    assert_eq!(fields[10].1, client_first.wrapping_add(3002));
    assert_eq!(fields[10].2, server_first.wrapping_add(2));
}

#[test]
fn conversations_that_fail_look_as_they_should() {
    let (client, server) = ends();
    let flags = |tcp: Tcp| tcp.frames().iter().map(|frame| frame.bytes[47]).collect::<Vec<_>>();
    assert_eq!(flags(Tcp::new(0, client, server).refused()), [0x02, 0x14]);
    let silent = Tcp::new(0, client, server).unanswered().frames();
    let sequences: Vec<u32> = silent.iter().map(|frame| tcp_fields(frame).1).collect();
    assert_eq!(silent.len(), 3);
    assert!(sequences.windows(2).all(|pair| pair[0] == pair[1]));
    let half = Wire { unseen: Some(Side::Server), ..Wire::default() };
    assert_eq!(flags(Tcp::new(0, client, server).on(half).handshake()), [0x02, 0x10]);
    let prohibited = Tcp::new(0, client, server).unreachable("10.0.0.1".parse().unwrap(), 13).frames();
    let (syn, notice) = (&prohibited[0].bytes, &prohibited[1].bytes);
    assert_eq!(notice[34..36], [3, 13]);
    assert_eq!(notice[42..70], syn[14..42], "the notice quotes the SYN");
}

#[test]
fn a_udp_flow_is_asked_and_answered() {
    let (client, server) = ends();
    let frames = udp_flow(7, client, server, &[]);
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].at, 7);
    assert_eq!(frames[0].bytes[6..12], mac(client.ip()));
    assert_eq!(frames[1].bytes[6..12], mac(server.ip()));
}

#[test]
fn every_pcap_variant_opens_with_its_magic() {
    let frame = Frame::whole(1_000_000_001, vec![0xaa; 60]).cut(8);
    for (order, unit, magic, fraction) in [
        (Order::Little, Unit::Micro, [0xd4, 0xc3, 0xb2, 0xa1], [0, 0, 0, 0]),
        (Order::Big, Unit::Micro, [0xa1, 0xb2, 0xc3, 0xd4], [0, 0, 0, 0]),
        (Order::Little, Unit::Nano, [0x4d, 0x3c, 0xb2, 0xa1], [1, 0, 0, 0]),
        (Order::Big, Unit::Nano, [0xa1, 0xb2, 0x3c, 0x4d], [0, 0, 0, 1]),
    ] {
        let file = Pcap { order, unit, ..Pcap::default() }.write(std::slice::from_ref(&frame));
        assert_eq!(file[..4], magic);
        assert_eq!(file[28..32], fraction);
        assert_eq!(file.len(), 24 + 16 + 8);
    }
}

#[test]
fn pcapng_blocks_chain_in_both_byte_orders() {
    let interfaces = [Interface::default(), Interface { unit: Unit::Micro, name: "wan", ..Interface::default() }];
    let frames = [Frame::whole(5, vec![1; 61]), Frame { interface: 1, ..Frame::whole(9_000, vec![2; 60]) }];
    for order in [Order::Little, Order::Big] {
        let file = Pcapng { order, comment: "abc", application: "", interfaces: &interfaces }.write(&frames);
        let read = |at: usize| {
            let bytes = file[at..at + 4].try_into().unwrap();
            if order == Order::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
        };
        let (mut at, mut kinds) = (0, Vec::new());
        while at < file.len() {
            let length = read(at + 4) as usize;
            assert_eq!(read(at + length - 4) as usize, length);
            kinds.push(read(at));
            at += length;
        }
        assert_eq!(kinds, [0x0a0d_0d0a, 1, 1, 6, 6, 5, 5]);
    }
}

#[test]
fn noise_repeats_itself() {
    assert_eq!(Noise::of("a").bytes(8), Noise::of("a").bytes(8));
    assert_ne!(Noise::of("a").bytes(8), Noise::of("b").bytes(8));
}

/// What `from` says in these frames, each byte at its place in the sequence.
fn stream(frames: &[Frame], from: SocketAddr) -> std::collections::BTreeMap<u32, u8> {
    let mut bytes = std::collections::BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.bytes[6..12] == mac(from.ip())) {
        let (flags, sequence, _, length) = tcp_fields(frame);
        if flags & 0x02 == 0 {
            let start = 34 + usize::from(frame.bytes[46] >> 4) * 4;
            bytes.extend((sequence..).zip(frame.bytes[start..start + length].iter().copied()));
        }
    }
    bytes
}

#[test]
fn a_conversation_in_pieces_and_out_of_order_says_the_same() {
    let (client, server) = ends();
    let mut noise = Noise::of("pieces");
    let talk = [100, 2000, 7, 1].map(|length| [ask(noise.bytes(length)), answer(noise.bytes(length * 2))]).concat();
    let whole = tcp_flow(0, client, server, &talk);
    let pieces = distort::in_bytes(&whole, 600);
    assert_eq!(pieces.iter().filter(|frame| tcp_fields(frame).3 == 1).count(), 1200 + 1);
    for seed in 0..50 {
        let disordered = distort::disordered(&whole, seed);
        assert!(disordered.len() >= whole.len() && disordered != whole, "seed {seed}");
        for distorted in [&pieces, &disordered] {
            assert!(distorted.windows(2).all(|pair| pair[0].at <= pair[1].at));
            distorted.iter().for_each(|frame| check_frame(&frame.bytes).unwrap());
            for end in [client, server] {
                assert_eq!(stream(distorted, end), stream(&whole, end), "seed {seed}");
            }
        }
    }
    assert_eq!(distort::late(&whole, 3).len(), whole.len() - 3);
    let rest = distort::mid_segment(&whole, 105);
    rest.iter().for_each(|frame| check_frame(&frame.bytes).unwrap());
    assert_eq!(stream(&rest, client).len(), stream(&whole, client).len() - 100);
    assert_eq!(stream(&rest, server).len(), stream(&whole, server).len() - 5);
    let (one, other) = (distort::one_sided(&whole, client.ip()), distort::one_sided(&whole, server.ip()));
    assert_eq!(one.len() + other.len(), whole.len());
    assert!(one.iter().all(|frame| frame.bytes[6..12] == mac(client.ip())));
}
