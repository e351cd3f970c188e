//! In: payload types, SSRCs, transaction numbers. Out: STUN, MS-TURN, RTP and RTCP messages, bare (UDP) or framed (TCP).
//! Must not know: ports, hosts, frames, time.

use std::net::{IpAddr, SocketAddr};

use super::{Noise, Talk, answer, ask};

/// RTP payload types as Lync negotiates them.
pub const PCMU: u8 = 0;
/// x-msrta at 16 kHz.
pub const RTAUDIO: u8 = 114;
/// X-H264UC.
pub const H264UC: u8 = 122;
/// x-data: application sharing.
pub const X_DATA: u8 = 127;

/// One RTP stream.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Payload type.
    pub payload_type: u8,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number of the first packet.
    pub first: u16,
    /// Timestamp units from packet to packet.
    pub step: u32,
    /// Bytes after the header.
    pub size: usize,
}

impl Stream {
    /// A stream whose SSRC and first sequence number follow from `seed`.
    #[must_use]
    pub fn new(payload_type: u8, seed: impl AsRef<[u8]>) -> Self {
        let mut noise = Noise::of(seed);
        let (ssrc, first) = (noise.next() as u32, noise.next() as u16);
        let (step, size) = match payload_type {
            PCMU => (160, 160),
            H264UC => (1800, 420),
            X_DATA => (0, 240),
            _ => (320, 72),
        };
        Self { payload_type, ssrc, first, step, size }
    }

    /// Its packet `number`, counted from 0; the payload is noise, as SRTP's is.
    #[must_use]
    pub fn packet(&self, number: u16) -> Vec<u8> {
        let marker = if number == 0 { 0x80 } else { 0 };
        bytes![
            [0x80, marker | self.payload_type],
            self.first.wrapping_add(number).to_be_bytes(),
            self.step.wrapping_mul(u32::from(number)).wrapping_add(self.ssrc >> 3).to_be_bytes(),
            self.ssrc.to_be_bytes(),
            Noise::new(u64::from(self.ssrc) << 16 | u64::from(number)).bytes(self.size),
        ]
    }
}

/// An RTCP sender report followed by a source description (its name sealed, in SRTCP, by nothing but noise).
#[must_use]
pub fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut noise = Noise::new(u64::from(ssrc));
    bytes![
        [0x80, 200, 0, 6],
        ssrc.to_be_bytes(),
        noise.bytes(20),
        [0x81, 202, 0, 3],
        ssrc.to_be_bytes(),
        [1, 5],
        b"call@",
        [0],
    ]
}

/// A message in RFC 4571 framing, for TCP.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    bytes![(message.len() as u16).to_be_bytes(), message]
}

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A STUN binding request as Lync's ICE sends it.
#[must_use]
pub fn stun_request(transaction: u64) -> Vec<u8> {
    let user = attribute(0x0006, b"Kx7a:Rq2f");
    let priority = attribute(0x0024, &[0x6e, 0x7f, 0x1e, 0xff]);
    stun(0x0001, transaction, &bytes![user, priority, CANDIDATE, IMPLEMENTATION])
}

/// The success response that tells the asker its own address.
#[must_use]
pub fn stun_response(transaction: u64, seen: SocketAddr) -> Vec<u8> {
    let mapped = attribute(0x0020, &xor_mapped(seen));
    stun(0x0101, transaction, &bytes![mapped, CANDIDATE, IMPLEMENTATION])
}

/// MS-CANDIDATE-IDENTIFIER "1".
const CANDIDATE: &[u8] = &[0x80, 0x54, 0, 4, b'1', 0, 0, 0];
/// MS-IMPLEMENTATION-VERSION 3.
const IMPLEMENTATION: &[u8] = &[0x80, 0x70, 0, 4, 0, 0, 0, 3];

/// Header, attributes, MESSAGE-INTEGRITY (noise: the key is not ours), FINGERPRINT.
fn stun(kind: u16, transaction: u64, attributes: &[u8]) -> Vec<u8> {
    let mut noise = Noise::new(transaction);
    let id = noise.bytes(12);
    let integrity = attribute(0x0008, &noise.bytes(20));
    let length = (attributes.len() + integrity.len() + 8) as u16;
    let message = bytes![kind.to_be_bytes(), length.to_be_bytes(), COOKIE, id, attributes, integrity];
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    bytes![message, attribute(0x8028, &fingerprint.to_be_bytes())]
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut padded = value.to_vec();
    padded.resize(value.len().next_multiple_of(4), 0);
    bytes![kind.to_be_bytes(), (value.len() as u16).to_be_bytes(), padded]
}

/// XOR-MAPPED-ADDRESS of an IPv4 address; IPv6 is not needed here and maps to 0.0.0.0.
fn xor_mapped(seen: SocketAddr) -> Vec<u8> {
    let address = match seen.ip() {
        IpAddr::V4(v4) => u32::from(v4),
        IpAddr::V6(_) => 0,
    } ^ u32::from_be_bytes(COOKIE);
    bytes![[0, 1], (seen.port() ^ 0x2112).to_be_bytes(), address.to_be_bytes()]
}

/// CRC-32 (IEEE 802.3), bit by bit: short, and fast enough for a fixture.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !data.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// MS-TURN: two Allocate requests, the first turned away for want of credentials.
#[must_use]
pub fn turn_allocation(transaction: u64, relay: SocketAddr) -> Talk {
    let challenge = bytes![
        attribute(0x0009, b"\0\0\x04\x01Unauthorized"),
        attribute(0x0014, b"8f41c6d2a7e05b39"), // NONCE and REALM: the other way round than RFC 5766
        attribute(0x0015, b"edge01.contoso.local"),
    ];
    let credentials = bytes![
        attribute(0x0006, &Noise::new(transaction).bytes(32)),
        attribute(0x0014, b"8f41c6d2a7e05b39"),
        attribute(0x0015, b"edge01.contoso.local"),
        attribute(0x0008, &Noise::new(transaction + 1).bytes(20)),
    ];
    let address = match relay.ip() {
        IpAddr::V4(v4) => bytes![[0, 1], relay.port().to_be_bytes(), v4.octets()],
        IpAddr::V6(v6) => bytes![[0, 2], relay.port().to_be_bytes(), v6.octets()],
    };
    let granted = bytes![attribute(0x0001, &address), attribute(0x000d, &600_u32.to_be_bytes())];
    vec![
        ask(turn(0x0003, transaction, &[])),
        answer(turn(0x0113, transaction, &challenge)),
        ask(turn(0x0003, transaction + 1, &credentials)),
        answer(turn(0x0103, transaction + 1, &granted)),
    ]
}

/// An MS-TURN message: the magic cookie attribute comes first, the version second.
fn turn(kind: u16, transaction: u64, attributes: &[u8]) -> Vec<u8> {
    let attributes =
        bytes![attribute(0x000f, &[0x72, 0xc6, 0x4b, 0xc6]), attribute(0x8008, &[0, 0, 0, 6]), attributes,];
    let length = attributes.len() as u16;
    bytes![kind.to_be_bytes(), length.to_be_bytes(), COOKIE, Noise::new(transaction).bytes(12), attributes]
}

/// MS-TURN over TCP 443: the pseudo-TLS hello, an allocation in control frames, then `count` RTP packets each way in
/// data frames.
#[must_use]
pub fn turn_over_tcp(transaction: u64, relay: SocketAddr, count: u16) -> Talk {
    let mut noise = Noise::new(transaction);
    let client_hello = bytes![b"\x16\x03\x01\0\x2d\x01\0\0\x29\x03\x01", noise.bytes(32), b"\0\0\x02\0\x18\x01\0"];
    let server_hello = bytes![
        b"\x16\x03\x01\0\x4e\x02\0\0\x46\x03\x01",
        noise.bytes(32),
        [32],
        noise.bytes(32),
        b"\0\x18\0\x0e\0\0\0",
    ];
    let wrap = |kind: u8, message: &[u8]| bytes![[kind, 0], framed(message)];
    let mut talk = vec![ask(client_hello), answer(server_hello)];
    for mut turn in turn_allocation(transaction, relay) {
        turn.1 = wrap(2, &turn.1);
        talk.push(turn);
    }
    let (there, back) = (Stream::new(RTAUDIO, "relayed there"), Stream::new(RTAUDIO, "relayed back"));
    for number in 0..count {
        talk.push(ask(wrap(3, &there.packet(number))));
        talk.push(answer(wrap(3, &back.packet(number))));
    }
    talk
}

/// Application sharing over TCP: ICE's binding, then `count` RTP packets each way, all in RFC 4571 framing.
#[must_use]
pub fn application_sharing(transaction: u64, client: SocketAddr, count: u16) -> Talk {
    let there = Stream::new(X_DATA, format!("{client} there"));
    let back = Stream::new(X_DATA, format!("{client} back"));
    let mut talk = vec![ask(framed(&stun_request(transaction))), answer(framed(&stun_response(transaction, client)))];
    for number in 0..count {
        talk.push(ask(framed(&there.packet(number))));
        talk.push(answer(framed(&back.packet(number))));
    }
    talk
}
