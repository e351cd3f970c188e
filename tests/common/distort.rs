//! In: the frames of one conversation. Out: the same conversation as a worse capture has it: begun late, from one side,
//! cut, out of order, in the smallest of pieces, twice.
//! Must not know: what is said, files. Frames are untagged Ethernet with IPv4, as `conversation` makes them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::frame::{self, Hop, SYN, Segment};
use super::{Frame, Noise};

/// Without the first `count` frames.
#[must_use]
pub fn late(frames: &[Frame], count: usize) -> Vec<Frame> {
    frames.get(count..).unwrap_or_default().to_vec()
}

/// Without the handshake and the first `count` payload bytes of TCP: the capture begins within a segment, as it does
/// behind one that was sent in one piece and captured in several.
#[must_use]
pub fn mid_segment(frames: &[Frame], count: usize) -> Vec<Frame> {
    let mut skipped = 0;
    let mut rest = Vec::new();
    for frame in frames {
        match Parts::of(frame) {
            Some(parts) if skipped < count => {
                let at = parts.payload.len().min(count - skipped);
                skipped += at;
                let left = parts.payload.len() - at;
                rest.extend((left > 0).then(|| parts.piece(frame, at, left)));
            }
            Some(_) => rest.push(frame.clone()),
            None => {}
        }
    }
    rest
}

/// Only what `host` sends.
#[must_use]
pub fn one_sided(frames: &[Frame], host: IpAddr) -> Vec<Frame> {
    frames.iter().filter(|frame| source(frame) == host).cloned().collect()
}

/// Under a snapshot length.
#[must_use]
pub fn cut(frames: &[Frame], snaplen: usize) -> Vec<Frame> {
    frames.iter().cloned().map(|frame| frame.cut(snaplen)).collect()
}

/// Every frame at most three places from where it was, and of TCP some segments twice, some together with the end of
/// what was said before.
#[must_use]
pub fn disordered(frames: &[Frame], seed: u64) -> Vec<Frame> {
    const WINDOW: u64 = 4;
    let mut noise = Noise::new(seed);
    let mut places: Vec<_> = (0_u64..)
        .zip(repeated(frames, &mut noise))
        .map(|(place, frame)| (place + noise.below(WINDOW), frame))
        .collect();
    // Stable: of two with one place the earlier stays in front.
    places.sort_by_key(|(place, _)| *place);
    in_step(places.into_iter().map(|(_, frame)| frame).collect())
}

/// The first `count` payload bytes of each direction in TCP segments of one byte. UDP is left as it is.
#[must_use]
pub fn in_bytes(frames: &[Frame], count: usize) -> Vec<Frame> {
    let mut said: Vec<(SocketAddr, usize)> = Vec::new();
    let mut pieces = Vec::new();
    for frame in frames {
        let Some(parts) = Parts::of(frame).filter(|parts| !parts.payload.is_empty()) else {
            pieces.push(frame.clone());
            continue;
        };
        let before = match said.iter_mut().find(|(source, _)| *source == parts.source) {
            Some((_, length)) => std::mem::replace(length, *length + parts.payload.len()),
            None => {
                said.push((parts.source, parts.payload.len()));
                0
            }
        };
        let single = count.saturating_sub(before).min(parts.payload.len());
        pieces.extend((0..single).map(|at| parts.piece(frame, at, 1)));
        pieces.extend((single < parts.payload.len()).then(|| parts.piece(frame, single, parts.payload.len() - single)));
    }
    pieces
}

/// The same datagrams `later`, captured behind a router: other hardware addresses, another VLAN, one hop less.
#[must_use]
pub fn routed(frames: &[Frame], later: u64) -> Vec<Frame> {
    const TAG: [u8; 4] = [0x81, 0x00, 0x03, 0xe7];
    let behind = |frame: &Frame| {
        let (ethernet, body) = frame.bytes.split_at(12);
        // A tag there makes room for the other one.
        let body = body.strip_prefix(&[0x81, 0x00]).and_then(|rest| rest.get(2..)).unwrap_or(body);
        let macs: Vec<u8> =
            ethernet.iter().enumerate().map(|(i, byte)| if i % 6 == 5 { byte ^ 0x55 } else { *byte }).collect();
        let mut bytes = bytes![macs, TAG, body];
        hop(&mut bytes, 18);
        Frame { at: frame.at + later, original_length: bytes.len() as u32, bytes, ..frame.clone() }
    };
    frames.iter().map(behind).collect()
}

/// One hop less of the IP header that begins at `at`, if one does. IPv4's has no options here.
fn hop(bytes: &mut [u8], at: usize) {
    let ethertype = bytes.get(at - 2..at).map(<[u8]>::to_vec);
    let ip = bytes.get_mut(at..).unwrap_or_default();
    match (ethertype.as_deref(), ip.first_chunk_mut::<20>()) {
        (Some([0x08, 0x00]), Some(header)) => {
            header[8] -= 1;
            header[10..12].fill(0);
            let sum = frame::checksum(header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (Some([0x86, 0xdd]), Some(header)) => header[7] -= 1,
        _ => {}
    }
}

/// Who sent it.
fn source(frame: &Frame) -> IpAddr {
    let octets: [u8; 4] = frame.bytes.get(26..30).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    Ipv4Addr::from(octets).into()
}

/// Gives frames the times of their places.
fn in_step(mut frames: Vec<Frame>) -> Vec<Frame> {
    let mut times: Vec<_> = frames.iter().map(|frame| frame.at).collect();
    times.sort_unstable();
    frames.iter_mut().zip(times).for_each(|(frame, at)| frame.at = at);
    frames
}

/// Sends some segments again, and some with up to eight bytes of those before.
fn repeated(frames: &[Frame], noise: &mut Noise) -> Vec<Frame> {
    let mut result = Vec::new();
    let mut said: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
    for frame in frames {
        let Some(parts) = Parts::of(frame).filter(|parts| !parts.payload.is_empty()) else {
            result.push(frame.clone());
            continue;
        };
        let at = said.iter().position(|(source, _)| *source == parts.source).unwrap_or_else(|| {
            said.push((parts.source, Vec::new()));
            said.len() - 1
        });
        let Some((_, before)) = said.get_mut(at) else { continue };
        match noise.below(3) {
            0 => {
                let overlap = before.len().min(1 + noise.below(8) as usize);
                let tail = before.split_off(before.len() - overlap);
                let payload = bytes![tail, parts.payload];
                before.extend(tail);
                result.push(parts.segment(frame, parts.sequence.wrapping_sub(overlap as u32), &payload));
            }
            1 => result.extend([frame.clone(), parts.piece(frame, 0, parts.payload.len())]),
            _ => result.push(frame.clone()),
        }
        before.extend(&parts.payload);
    }
    result
}

/// What a TCP segment is made of.
struct Parts {
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    ttl: u8,
    payload: Vec<u8>,
}

impl Parts {
    /// None of another transport, or of a SYN, whose options are not kept.
    fn of(frame: &Frame) -> Option<Self> {
        let bytes = &frame.bytes;
        let word = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let long = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let address = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(long(at)?)));
        let (protocol, flags) = (*bytes.get(23)?, *bytes.get(47)?);
        if word(12)? != 0x0800 || protocol != frame::TCP || flags & SYN != 0 {
            return None;
        }
        let end = 14 + usize::from(word(16)?);
        let start = 34 + usize::from(bytes.get(46)? >> 4) * 4;
        Some(Self {
            source: SocketAddr::new(address(26)?, word(34)?),
            destination: SocketAddr::new(address(30)?, word(36)?),
            sequence: long(38)?,
            acknowledgement: long(42)?,
            flags,
            ttl: *bytes.get(22)?,
            payload: bytes.get(start..end)?.to_vec(),
        })
    }

    /// A frame that carries a part of the payload.
    fn piece(&self, frame: &Frame, at: usize, length: usize) -> Frame {
        let payload = self.payload.get(at..at + length).unwrap_or_default();
        self.segment(frame, self.sequence.wrapping_add(at as u32), payload)
    }

    /// A frame that carries `payload` at `sequence`, at the time of `frame`, in an IP packet of its own number.
    fn segment(&self, frame: &Frame, sequence: u32, payload: &[u8]) -> Frame {
        let Self { source, destination, acknowledgement, flags, ttl, .. } = *self;
        let segment = Segment { sequence, acknowledgement, flags, options: &[], payload };
        let hop = Hop { ttl, dscp: 0, id: Noise::new(u64::from(sequence) << 16 | payload.len() as u64).next() as u16 };
        let tcp = frame::tcp(source, destination, segment);
        let packet = frame::packet(source.ip(), destination.ip(), frame::TCP, hop, &tcp);
        Frame::whole(frame.at, frame::carry(source.ip(), destination.ip(), None, &packet))
    }
}
