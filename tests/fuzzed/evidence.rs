//! In: a conversation: a byte of flags, then messages, each behind its kind and length. Out: proof that no signature takes
//! an answer back or asks for what it has, and that the pipeline says the same of the conversation whatever runs beside it.
//! Must not know: protocols.

use std::io::Cursor;
use std::net::SocketAddr;

use lyncap::capture::Inputs;
use lyncap::evidence::signature::{DATAGRAM, Datagram, FURTHER, Notes, Prefix, STREAM, STUDIES, StreamProbe};
use lyncap::evidence::{Certificates, Evidence, Probe, Protocol, STREAMS};
use lyncap::net::{Both, Direction};
use lyncap::pipeline::{self, Options};

use super::Bytes;
use crate::common::frame::{self, ACK, Hop, PSH, RST, SYN, Segment};
use crate::common::savefile::Pcap;
use crate::common::{Frame, MICROSECOND, SECOND, Side, Turn};

/// Flags of a conversation.
const IS_UDP: u8 = 1;
const FROM_THE_MIDDLE: u8 = 2;

/// Flags of a message.
const BY_SERVER: u8 = 1;
const IS_LONG: u8 = 2;
const COMES_TWICE: u8 = 4;
const COMES_LATE: u8 = 8;
const IS_LOST: u8 = 16;
const IS_CUT: u8 = 32;
const OVERLAPS: u8 = 64;
const IS_RESET: u8 = 128;

/// Bytes of one direction that are shown to the signatures directly.
const SHOWN: usize = 4096;
/// Text of the wire is kept below so many characters, lists below so many entries.
const KEPT: usize = 256;

/// One message.
struct Message<'a> {
    kind: u8,
    payload: &'a [u8],
}

impl Message<'_> {
    fn side(&self) -> usize {
        usize::from(self.kind & BY_SERVER)
    }
}

pub fn evidence(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let flags = bytes.byte();
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let kind = bytes.byte();
        let length = if kind & IS_LONG == 0 { u16::from(bytes.byte()) } else { bytes.half() };
        messages.push(Message { kind, payload: bytes.take(usize::from(length)) });
    }
    if flags & IS_UDP == 0 {
        check_streams(&messages);
    } else {
        messages.iter().for_each(check_datagram);
    }
    check_pipeline(flags, &messages);
}

/// The bytes of a conversation as this target takes them; for seeds.
pub fn written(udp: bool, talk: &[Turn]) -> Vec<u8> {
    let mut bytes = vec![if udp { IS_UDP } else { 0 }];
    for Turn(side, payload) in talk {
        let side = if *side == Side::Server { BY_SERVER } else { 0 };
        match u8::try_from(payload.len()) {
            Ok(length) => bytes.extend([side, length]),
            Err(_) => {
                bytes.push(side | IS_LONG);
                bytes.extend((payload.len() as u16).to_be_bytes());
            }
        }
        bytes.extend(payload);
    }
    bytes
}

/// Both directions of a connection in order, to every signature, as they grow.
fn check_streams(messages: &[Message<'_>]) {
    let mut streams = [Vec::new(), Vec::new()];
    let mut lengths = [vec![], vec![]];
    for message in messages {
        let side = message.side();
        streams[side].extend_from_slice(message.payload);
        lengths[side].push(streams[side].len());
    }
    for (stream, ends) in streams.iter_mut().zip(&mut lengths) {
        stream.truncate(SHOWN);
        // Where it may change its mind: among the first bytes, and around the ends of segments.
        let around = ends.iter().flat_map(|&end| [end.saturating_sub(1), end, end + 1]);
        let mut shown: Vec<usize> = (0..64).chain(around).chain((64..SHOWN).step_by(61)).collect();
        shown.retain(|&length| length <= stream.len());
        shown.sort_unstable();
        shown.dedup();
        // From the middle on every place may be a beginning: that takes longer.
        let fewer: Vec<usize> = shown.iter().copied().step_by(4).chain(shown.last().copied()).collect();
        for (protocol, probe) in STREAM {
            check_growing(*protocol, *probe, stream, true, &shown);
            check_growing(*protocol, *probe, stream, false, &fewer);
        }
    }
    let [client, server] = &streams;
    let mut certificates = Certificates::default();
    for (forward, reverse) in [(client, server), (server, client)] {
        for from_start in [true, false] {
            for ended in [true, false] {
                let (forward, reverse) =
                    (Prefix { bytes: forward, from_start, ended }, Prefix { bytes: reverse, from_start, ended });
                for (_, study) in STUDIES {
                    study(&Both { forward, reverse }, &mut Notes::default(), &mut certificates);
                }
            }
        }
    }
}

/// An answer is never taken back; nobody asks for what is there, or answers before what was asked for is.
fn check_growing(owner: Protocol, probe: StreamProbe, stream: &[u8], from_start: bool, shown: &[usize]) {
    let (mut last, mut not_before) = (Probe::Unsure(0), 0);
    for &length in shown {
        let state = |ended| Prefix { bytes: &stream[..length], from_start, ended };
        let (open, over) = (probe(state(false)), probe(state(true)));
        match (last, open) {
            (Probe::Unsure(_), Probe::Unsure(wanted)) => {
                assert!(wanted > length, "{owner:?} has {length} bytes and asks for {wanted}");
                not_before = not_before.max(wanted);
            }
            (Probe::Unsure(_), Probe::Certain(_)) => {
                // From the middle on, where to begin is looked for less often than it could be found.
                assert!(
                    length >= not_before || !from_start,
                    "{owner:?} certain at {length}, wished to be asked at {not_before}"
                );
            }
            (Probe::Unsure(_), Probe::NotMe) => {}
            (last, open) => assert_eq!(last, open, "{owner:?} at {length} bytes"),
        }
        match (open, over) {
            (Probe::Certain(_), _) => assert_eq!(open, over, "{owner:?} at {length} bytes, then at the end"),
            (Probe::NotMe, Probe::Certain(_)) => panic!("{owner:?} at {length} bytes: only at the end certain"),
            _ => {}
        }
        last = open;
    }
}

/// One datagram, whole and cut by a snaplen.
fn check_datagram(message: &Message<'_>) {
    let length = message.payload.len();
    for (_, probe) in DATAGRAM {
        for captured in (0..length.min(64)).chain([length / 2, length]) {
            let datagram = Datagram { bytes: &message.payload[..captured], length };
            if let Probe::Certain(_) = probe(datagram) {
                assert!(captured >= 4, "{captured} bytes are no proof");
            }
        }
    }
    for (_, further) in FURTHER {
        further(Datagram { bytes: message.payload, length });
        further(Datagram { bytes: message.payload, length: length + 9 });
    }
}

/// Alone, and twice at once, frame by frame in turn: each time it is the same that is known.
fn check_pipeline(flags: u8, messages: &[Message<'_>]) {
    let alone = frames(flags, messages, 50_001);
    let beside = frames(flags, messages, 50_002);
    let pairs = alone.iter().zip(&beside).flat_map(|(a, b)| [a.clone(), b.clone()]).collect::<Vec<_>>();
    let (alone, both) = (known(&alone), known(&pairs));
    assert!(both.len() == 2 * alone.len(), "{} flows alone, {} of two", alone.len(), both.len());
    let [first, second] = [0, 1].map(|flow| both.iter().skip(flow).step_by(2));
    // Flows stand in the order of their first frames: in turn, as the frames.
    assert!(first.eq(&alone) && second.eq(&alone), "{alone:#?}\nand with another beside it\n{both:#?}");
}

/// What is known of each flow, but for where it was seen.
fn known(frames: &[Frame]) -> Vec<String> {
    let inputs = Inputs::from_reader("fuzz", Cursor::new(Pcap::default().write(frames))).unwrap();
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    assert!(reading.stats.is_conserved() && reading.damage.is_empty());
    reading.flows.iter().map(|flow| told(&flow.state)).collect()
}

fn told(evidence: &Evidence) -> String {
    let [forward, reverse] = [Direction::Forward, Direction::Reverse];
    let sighted = [forward, reverse].map(|direction| evidence.seen(direction).map(|seen| seen.what));
    let observed = [forward, reverse].map(|direction| evidence.observed(direction).map(|seen| seen.protocol));
    if let Some(tls) = evidence.tls() {
        let certificates = [&tls.server, &tls.client].into_iter().flatten();
        let certificates: Vec<_> = certificates.collect();
        let names = certificates.iter().flat_map(|certificate| {
            [&certificate.subject, &certificate.issuer].into_iter().chain(&certificate.alternative_names)
        });
        let mut texts = names.chain(&tls.server_name).chain(&tls.alpn);
        assert!(texts.all(|text| text.chars().count() <= KEPT), "text from the wire is not cut");
        assert!(certificates.iter().all(|certificate| certificate.alternative_names.len() <= KEPT));
    }
    assert!(evidence.media().is_none_or(|media| media.streams.len() <= STREAMS));
    assert!(evidence.announced().len() <= KEPT);
    let more = (evidence.tls(), evidence.media(), evidence.announced(), evidence.dhcp_of_lync());
    format!("{sighted:?} {observed:?} {:?} {more:?}", evidence.initiator())
}

/// The conversation as frames of a capture, with a client of this port.
fn frames(flags: u8, messages: &[Message<'_>], port: u16) -> Vec<Frame> {
    let ends = [SocketAddr::from(([10, 1, 0, 5], port)), SocketAddr::from(([10, 0, 0, 11], 5061))];
    let mut line = Line { ends, next: [1000, u32::MAX - 60], frames: Vec::new() };
    if flags & IS_UDP == 0 && flags & FROM_THE_MIDDLE == 0 {
        line.segment(0, SYN, &[]);
        line.segment(1, SYN | ACK, &[]);
    }
    for message in messages {
        let (side, kind, first) = (message.side(), message.kind, line.frames.len());
        if flags & IS_UDP != 0 {
            line.datagram(side, message.payload);
        } else {
            if kind & OVERLAPS != 0 {
                line.next[side] = line.next[side].wrapping_sub(5);
            }
            let more = if kind & IS_RESET == 0 { PSH | ACK } else { RST };
            for part in message.payload.chunks(frame::MSS) {
                line.segment(side, more, part);
            }
        }
        line.distort(first, kind);
    }
    for (at, frame) in (0..).zip(&mut line.frames) {
        frame.at = 1_772_438_400 * SECOND + at * MICROSECOND;
    }
    line.frames
}

struct Line {
    ends: [SocketAddr; 2],
    /// Sequence number of each side's next byte.
    next: [u32; 2],
    frames: Vec<Frame>,
}

impl Line {
    fn segment(&mut self, side: usize, flags: u8, payload: &[u8]) {
        let (from, to) = (self.ends[side], self.ends[1 - side]);
        let (sequence, acknowledgement) = (self.next[side], self.next[1 - side]);
        let counted = payload.len() as u32 + u32::from(flags & SYN != 0);
        self.next[side] = sequence.wrapping_add(counted);
        let segment = Segment { sequence, acknowledgement, flags, options: &[], payload };
        self.carry(side, frame::TCP, &frame::tcp(from, to, segment));
    }

    fn datagram(&mut self, side: usize, payload: &[u8]) {
        let body = frame::udp(self.ends[side], self.ends[1 - side], &payload[..payload.len().min(frame::MSS)]);
        self.carry(side, frame::UDP, &body);
    }

    fn carry(&mut self, side: usize, protocol: u8, body: &[u8]) {
        let (from, to) = (self.ends[side].ip(), self.ends[1 - side].ip());
        let packet = frame::packet(from, to, protocol, Hop { ttl: 64, dscp: 0, id: 0 }, body);
        self.frames.push(Frame::whole(0, frame::carry(from, to, None, &packet)));
    }

    /// What befalls the frames of one message.
    fn distort(&mut self, first: usize, kind: u8) {
        if kind & IS_CUT != 0
            && let Some(last) = self.frames.last_mut().filter(|frame| frame.bytes.len() > 70)
        {
            last.bytes.truncate(70);
        }
        if kind & COMES_TWICE != 0 {
            self.frames.extend_from_within(first..);
        }
        if kind & COMES_LATE != 0 && first > 0 && first < self.frames.len() {
            self.frames[first - 1..].rotate_left(1);
        }
        if kind & IS_LOST != 0 {
            self.frames.truncate(first);
        }
    }
}
