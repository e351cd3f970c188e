//! Tunnels: the same packet inside each is the same packet; what only looks like one is not.
//!
//! In: frames built here. Out: what differs.
//! Must not know: how `decode` is built inside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::net::SocketAddr;

use common::frame::{self, Hop};
use common::tunnels::{self, TUNNELS};
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
    Frame { at: Timestamp(0), link: LinkType::ETHERNET, original_length, bytes }
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
