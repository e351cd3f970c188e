//! Media of one flow: what proves it, and the quality of each RTP stream.
//!
//! In: STUN, MS-TURN and RTP messages as they come. Out: [`Media`] with its [`Stream`]s.
//! Must not know: rows, ranges, what a flow was expected to be.

use super::protocol::{Protocol, Sighting, Speaker};
use super::signature::framing::{self, Content};
use super::signature::{Datagram, ms_turn};
use crate::decode::Packet;
use crate::net::{Both, Direction};
pub use stream::Stream;

mod stream;

/// Streams told apart in one flow; packets of further ones are only counted.
pub const STREAMS: usize = 4;

/// What a payload type carries, as Lync uses it ([MS-RTPDT], [MS-SDPEXT]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum Medium {
    Audio,
    Video,
    /// Application sharing and file transfer.
    Data,
}

/// Payload types as Lync 2013 negotiates them: number, encoding, clock rate in hertz, what it carries. Numbers below 96
/// are RFC 3551 §6's; the others are dynamic, and these are only their usual meaning.
pub const PAYLOAD_TYPES: &[(u8, &str, u32, Medium)] = &[
    (0, "PCMU", 8_000, Medium::Audio),
    (3, "GSM", 8_000, Medium::Audio),
    (4, "G723", 8_000, Medium::Audio),
    (8, "PCMA", 8_000, Medium::Audio),
    (9, "G722", 8_000, Medium::Audio), // samples at 16 kHz, counts at 8 (RFC 3551 §4.5.2)
    (13, "CN", 8_000, Medium::Audio),  // RFC 3389
    (18, "G729", 8_000, Medium::Audio),
    (34, "H263", 90_000, Medium::Video),
    (97, "RED", 8_000, Medium::Audio), // [MS-RTPRAD] §4, [MS-SDPEXT] §3.1.5.3
    (101, "telephone-event", 8_000, Medium::Audio), // [MS-DTMF], RFC 4733
    (103, "SILK", 8_000, Medium::Audio), // [MS-SDPEXT]
    (104, "SILK", 16_000, Medium::Audio), // [MS-SDPEXT]
    (111, "SIREN", 16_000, Medium::Audio), // [MS-RTPRAD] §4
    (112, "G7221", 16_000, Medium::Audio), // [MS-RTPRAD] §4
    (114, "x-msrta", 16_000, Medium::Audio), // [MS-RTPRAD] §4: RTAudio
    (115, "x-msrta", 8_000, Medium::Audio), // [MS-RTPRAD] §4: RTAudio
    (116, "AAL2-G726-32", 8_000, Medium::Audio), // [MS-RTPRAD] §4
    (117, "G722", 8_000, Medium::Audio), // [MS-SDPEXT] §3.1.5.3: stereo
    (118, "CN", 16_000, Medium::Audio), // offers of Lync 2013
    (121, "x-rtvc1", 90_000, Medium::Video), // [MS-SDPEXT] §3.1.5.3: RTVideo
    (122, "X-H264UC", 90_000, Medium::Video), // [MS-SDPEXT] §3.1.5.3
    (123, "x-ulpfecuc", 90_000, Medium::Video), // [MS-SDPEXT]: forward error correction
    (127, "x-data", 90_000, Medium::Data), // [MS-SDPEXT] §3.1.5.3: RTData
];

/// What a payload type carries: all that are not known otherwise are audio.
#[must_use]
pub fn medium(payload_type: u8) -> Medium {
    known(payload_type).map_or(Medium::Audio, |row| row.3)
}

/// The encoding's name, where the payload type is one that Lync uses.
#[must_use]
pub fn payload_name(payload_type: u8) -> Option<&'static str> {
    known(payload_type).map(|row| row.1)
}

fn known(payload_type: u8) -> Option<&'static (u8, &'static str, u32, Medium)> {
    PAYLOAD_TYPES.iter().find(|row| row.0 == payload_type)
}

/// Comfort noise and telephone events come between packets of another type, and at other times: they neither tell what
/// a stream carries nor when its next packet is due.
const fn is_event(payload_type: u8) -> bool {
    matches!(payload_type, 13 | 101 | 118)
}

/// What was seen of media in one flow.
#[derive(Clone, Debug, Default)]
pub struct Media {
    /// STUN of ICE was seen.
    pub stun: bool,
    /// MS-TURN was seen.
    pub turn: bool,
    /// RTCP was seen. Nothing is read of it: in Lync's it is encrypted.
    pub rtcp: bool,
    /// It came over TCP, in frames (RFC 4571, or MS-TURN's).
    pub framed: bool,
    /// RTP streams, in the order in which they began, at most [`STREAMS`]. Over TCP nothing is lost or reordered: none are kept.
    pub streams: Vec<Stream>,
    /// RTP packets of streams beyond those.
    pub untracked: u64,
    /// Payload types seen over TCP and UDP, one bit each.
    pub payload_types: u128,
    /// What each direction said, in bits.
    pub(crate) said: Both<Said>,
}

/// Kinds of message seen in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said(u8);

impl Said {
    const STUN: u8 = 1;
    const TURN: u8 = 2;
    const RTP: u8 = 4;
    const RTCP: u8 = 8;
    /// Only a client says so.
    const ASKED: u8 = 16;
    /// Only a server says so.
    const ANSWERED: u8 = 32;

    const fn by(kind: u8, speaker: Speaker) -> u8 {
        match speaker {
            Speaker::Initiator => kind | Self::ASKED,
            Speaker::Responder => kind | Self::ANSWERED,
            Speaker::Either => kind,
        }
    }
}

impl Media {
    /// Takes note of one UDP packet of a flow proven to be media. Constant time, no allocation.
    pub fn observe(&mut self, direction: Direction, packet: &Packet<'_>) {
        let length = packet.payload.len().max(packet.payload_length as usize);
        let datagram = Datagram { bytes: packet.payload, length };
        if let Some(inner) = ms_turn::multiplexed(datagram) {
            if let Some(content) = framing::content(inner) {
                self.saw_turn(direction, Speaker::Either);
                self.take(direction, packet, inner, &content);
            }
        } else if let Some(content) = framing::content(datagram) {
            self.take(direction, packet, datagram, &content);
            if let Content::Stun(message) = content
                && let Some(inner) = message.relayed(datagram)
                && let Some(content) = framing::content(inner)
            {
                self.take(direction, packet, inner, &content);
            }
        }
    }

    /// Bytes of heap that its streams hold.
    pub(super) const fn held(&self) -> usize {
        self.streams.capacity() * size_of::<Stream>()
    }

    /// Reads a word of each of its streams.
    #[inline]
    pub(super) fn warm(&self) -> u64 {
        self.streams.iter().fold(0, |all, stream| all ^ stream.packets ^ u64::from(stream.ssrc))
    }

    fn take(&mut self, direction: Direction, packet: &Packet<'_>, datagram: Datagram<'_>, content: &Content) {
        self.saw(direction, content);
        let Content::Rtp(header) = content else { return };
        let stream = self.streams.iter_mut().find(|s| s.ssrc == header.ssrc && s.direction == direction);
        if let Some(stream) = stream {
            stream.count(header, packet, datagram.length);
        } else if self.streams.len() >= STREAMS {
            self.untracked += 1;
        } else {
            let mut stream = Stream::begin(direction, header, packet.at);
            stream.count(header, packet, datagram.length);
            self.streams.push(stream);
        }
    }

    /// Takes note of one message, over whatever it came.
    pub(in crate::evidence) fn saw(&mut self, direction: Direction, content: &Content) {
        match content {
            Content::Stun(message) if message.ms_turn => self.saw_turn(direction, ms_turn::speaker(message.kind)),
            Content::Stun(message) => self.saw_stun(direction, message.speaker()),
            Content::Rtp(header) => {
                self.payload_types |= 1 << header.payload_type;
                self.said.of_mut(direction).0 |= Said::RTP;
            }
            Content::Rtcp(_) => {
                self.rtcp = true;
                self.said.of_mut(direction).0 |= Said::RTCP;
            }
        }
    }

    /// STUN was seen.
    pub(in crate::evidence) const fn saw_stun(&mut self, direction: Direction, speaker: Speaker) {
        self.stun = true;
        self.said.of_mut(direction).0 |= Said::by(Said::STUN, speaker);
    }

    /// MS-TURN was seen.
    pub(in crate::evidence) const fn saw_turn(&mut self, direction: Direction, speaker: Speaker) {
        self.turn = true;
        self.said.of_mut(direction).0 |= Said::by(Said::TURN, speaker);
    }

    /// Whether RTP was seen in one direction.
    pub(in crate::evidence) const fn has_rtp(&self, direction: Direction) -> bool {
        self.said.of(direction).0 & Said::RTP != 0
    }

    /// What one direction is to be called by now, which may be more than what proved it: RTP where there is any, else
    /// MS-TURN, RTCP, STUN. Who speaks is what its relay messages prove, whatever came after them.
    #[must_use]
    pub const fn sighting(&self, direction: Direction) -> Option<Sighting> {
        let said = self.said.of(direction).0;
        let speaker = match (said & Said::ASKED != 0, said & Said::ANSWERED != 0) {
            (true, false) => Speaker::Initiator,
            (false, true) => Speaker::Responder,
            _ => Speaker::Either,
        };
        match Self::name(said) {
            Some(protocol) => Some(Sighting::of(protocol, speaker)),
            None => None,
        }
    }

    const fn name(said: u8) -> Option<Protocol> {
        if said & Said::RTP != 0 {
            Some(Protocol::Rtp)
        } else if said & Said::TURN != 0 {
            Some(Protocol::MsTurn)
        } else if said & Said::RTCP != 0 {
            Some(Protocol::Rtcp)
        } else if said & Said::STUN != 0 {
            Some(Protocol::Stun)
        } else {
            None
        }
    }

    /// What to call the whole flow, likewise.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        let bit = |seen: bool, bit: u8| if seen { bit } else { 0 };
        let rtp = self.payload_types != 0 || !self.streams.is_empty() || self.untracked > 0;
        let said = bit(rtp, Said::RTP) | bit(self.turn, Said::TURN) | bit(self.rtcp, Said::RTCP);
        Self::name(said).unwrap_or(Protocol::Stun)
    }

    /// The payload type that tells what the flow carries: the one of the stream with most packets; over TCP one that was
    /// seen, data before video before audio. Comfort noise and telephone events only where there is nothing else.
    #[must_use]
    pub fn payload_type(&self) -> Option<u8> {
        let streams = self.streams.iter().filter(|stream| !is_event(stream.payload_type));
        let longest = streams.reduce(|longest, stream| if stream.packets > longest.packets { stream } else { longest });
        let seen = (0..128).filter(|payload_type| self.payload_types >> payload_type & 1 == 1);
        longest
            .map(|stream| stream.payload_type)
            .or_else(|| seen.max_by_key(|&payload_type| (!is_event(payload_type), medium(payload_type))))
    }

    /// What the flow carries, by the payload type; TCP with nothing but STUN is application sharing or file transfer,
    /// which alone use TCP without a relay.
    #[must_use]
    pub fn medium(&self, transport_is_tcp: bool) -> Medium {
        match self.payload_type() {
            Some(payload_type) => medium(payload_type),
            None if transport_is_tcp && self.stun && !self.turn && !self.rtcp => Medium::Data,
            None => Medium::Audio,
        }
    }
}

/// A UDP packet for tests: from 10.0.0.1:50020 to 10.0.0.2:50040.
#[cfg(test)]
pub(in crate::evidence) fn packet(at_ns: i64, payload: &[u8]) -> Packet<'_> {
    use crate::net::{Address, Endpoint, FiveTuple, Timestamp, Transport};
    let end = |last: u8, port| Endpoint { address: Address::v4([10, 0, 0, last]), port };
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    Packet {
        at: Timestamp(at_ns),
        tuple: FiveTuple { source: end(1, 50020), destination: end(2, 50040), transport: Transport::Udp },
        wire_length: length + 42,
        payload_length: length,
        payload,
        tcp: crate::decode::Tcp::default(),
        dscp: 46,
        vlan: crate::decode::Vlans::new(),
        tunnel: crate::decode::Tunnel::default(),
        mark: crate::decode::Mark::default(),
        broadcast: false,
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Forward, Reverse};
    use super::*;
    use crate::evidence::noise::Noise;
    use crate::evidence::signature::stun;

    /// An RTP packet with 20 bytes of payload.
    fn rtp(payload_type: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((u32::from(sequence) * 320).to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.resize(32, 0x5a);
        bytes
    }

    fn sample(of: &[(&str, &'static [u8])], name: &str) -> &'static [u8] {
        of.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn observe(media: &mut Media, direction: Direction, payload: &[u8]) {
        media.observe(direction, &packet(0, payload));
    }

    #[test]
    fn the_table_is_sorted_and_follows_the_rule() {
        assert!(PAYLOAD_TYPES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(PAYLOAD_TYPES.iter().all(|row| row.0 < 128 && !row.1.is_empty() && row.2 >= 8_000));
        for payload_type in 0..128 {
            let expected = match payload_type {
                127 => Medium::Data,
                34 | 121..=123 => Medium::Video,
                _ => Medium::Audio,
            };
            assert_eq!(medium(payload_type), expected, "{payload_type}");
        }
        assert_eq!((payload_name(114), payload_name(98)), (Some("x-msrta"), None));
    }

    #[test]
    fn streams_are_one_for_each_source_and_direction() {
        let mut media = Media::default();
        for sequence in 0..3 {
            observe(&mut media, Forward, &rtp(114, sequence, 1));
            observe(&mut media, Reverse, &rtp(114, sequence, 1));
            observe(&mut media, Forward, &rtp(122, sequence, 2));
        }
        let streams: Vec<_> = media.streams.iter().map(|s| (s.direction, s.ssrc, s.payload_type, s.packets)).collect();
        assert_eq!(streams, [(Forward, 1, 114, 3), (Reverse, 1, 114, 3), (Forward, 2, 122, 3)]);
        assert_eq!(media.payload_types, 1 << 114 | 1 << 122);
        // Another source is another stream, until there is no place for it.
        for ssrc in 3..6 {
            observe(&mut media, Forward, &rtp(9, 7, ssrc));
        }
        assert_eq!((media.streams.len(), media.untracked), (STREAMS, 2));
        assert_eq!(media.payload_types, 1 << 114 | 1 << 122 | 1 << 9);
        assert_eq!(media.protocol(), Protocol::Rtp);
    }

    #[test]
    fn each_direction_gets_the_name_of_the_most_that_it_said() {
        let mut media = Media::default();
        assert_eq!((media.sighting(Forward), media.protocol()), (None, Protocol::Stun));
        let either = |protocol| Some(Sighting::of(protocol, Speaker::Either));
        observe(&mut media, Forward, sample(stun::SAMPLES, "udp Lync ICE request"));
        assert_eq!((media.sighting(Forward), media.sighting(Reverse)), (either(Protocol::Stun), None));
        observe(&mut media, Forward, b"\x80\xc9\x00\x01\x00\x00\x00\x07");
        assert_eq!((media.sighting(Forward), media.protocol()), (either(Protocol::Rtcp), Protocol::Rtcp));
        observe(&mut media, Forward, &rtp(0, 1, 1));
        assert_eq!((media.sighting(Forward), media.protocol()), (either(Protocol::Rtp), Protocol::Rtp));
        assert!(media.stun && media.rtcp && !media.turn);
        observe(&mut media, Reverse, b"hello");
        observe(&mut media, Reverse, b"");
        assert_eq!(media.sighting(Reverse), None);
    }

    #[test]
    fn a_relay_tells_who_asked_also_once_media_flows() {
        let mut media = Media::default();
        let (ask, answer) = (Speaker::Initiator, Speaker::Responder);
        observe(&mut media, Forward, sample(ms_turn::SAMPLES, "udp allocate"));
        observe(&mut media, Reverse, sample(ms_turn::SAMPLES, "udp allocate error"));
        assert_eq!(media.sighting(Forward), Some(Sighting::of(Protocol::MsTurn, ask)));
        assert_eq!(media.sighting(Reverse), Some(Sighting::of(Protocol::MsTurn, answer)));
        assert!(media.turn && !media.stun);
        observe(&mut media, Reverse, ms_turn::DATA_INDICATION);
        assert!(media.stun, "relayed inside");
        assert_eq!(media.sighting(Reverse), Some(Sighting::of(Protocol::MsTurn, answer)));
        observe(&mut media, Forward, &rtp(0, 1, 1));
        assert_eq!(media.sighting(Forward), Some(Sighting::of(Protocol::Rtp, ask)));
        // Nobody is both.
        observe(&mut media, Forward, sample(ms_turn::SAMPLES, "udp allocate error"));
        assert_eq!(media.sighting(Forward), Some(Sighting::of(Protocol::Rtp, Speaker::Either)));
    }

    #[test]
    fn relayed_rtp_is_counted_too() {
        let mut media = Media::default();
        let inner = rtp(104, 9, 77);
        let mut send = b"\x00\x04\x00\x00idididididididid\x00\x0f\x00\x04\x72\xc6\x4b\xc6\x00\x13\x00\x20".to_vec();
        send.extend(&inner);
        send[3] = u8::try_from(send.len() - stun::HEADER).unwrap();
        observe(&mut media, Forward, &send);
        let shared = [&b"\xff\x10\x00\x28sessions"[..], &rtp(104, 10, 77)].concat();
        observe(&mut media, Forward, &shared);
        observe(&mut media, Forward, &rtp(104, 11, 77));
        let [stream] = &media.streams[..] else { panic!("{:?}", media.streams) };
        assert_eq!((stream.packets, stream.lost(), stream.bytes), (3, 0, 96));
        assert!(media.turn);
    }

    #[test]
    fn the_payload_type_that_tells_is_the_busiest_stream_s() {
        let mut media = Media::default();
        assert_eq!((media.payload_type(), media.medium(false)), (None, Medium::Audio));
        for sequence in 0..9 {
            observe(&mut media, Forward, &rtp(13, sequence, 1));
        }
        assert_eq!(media.payload_type(), Some(13), "comfort noise, where there is nothing else");
        observe(&mut media, Forward, &rtp(9, 1, 2));
        assert_eq!(media.payload_type(), Some(9));
        for sequence in 0..2 {
            observe(&mut media, Reverse, &rtp(122, sequence, 3));
        }
        assert_eq!((media.payload_type(), media.medium(false)), (Some(122), Medium::Video));
    }

    #[test]
    fn over_tcp_the_payload_type_or_stun_alone_tells() {
        let mut media = Media::default();
        media.saw_stun(Forward, Speaker::Either);
        assert_eq!((media.medium(true), media.medium(false)), (Medium::Data, Medium::Audio));
        media.payload_types = 1 << 13 | 1 << 114;
        assert_eq!((media.payload_type(), media.medium(true)), (Some(114), Medium::Audio));
        media.payload_types |= 1 << 121;
        assert_eq!(media.medium(true), Medium::Video);
        media.payload_types |= 1 << 127;
        assert_eq!((media.payload_type(), media.medium(true)), (Some(127), Medium::Data));
        let mut relayed = Media::default();
        relayed.saw_stun(Forward, Speaker::Either);
        relayed.saw_turn(Forward, Speaker::Initiator);
        assert_eq!(relayed.medium(true), Medium::Audio);
    }

    #[test]
    fn noise_and_every_cut_are_harmless() {
        let mut media = Media::default();
        let mut noise = Noise::new(0x5eed_1234_5678_9abd);
        for _ in 0..10_000 {
            let length = noise.below(120);
            let bytes: Vec<u8> = noise.bytes(length);
            let at = noise.next().cast_signed();
            media.observe(if noise.next() & 1 == 0 { Forward } else { Reverse }, &packet(at, &bytes));
        }
        assert!(!media.stun && !media.turn);
        for (_, bytes) in stun::SAMPLES.iter().chain(ms_turn::SAMPLES) {
            for n in 0..bytes.len() {
                observe(&mut media, Forward, &bytes[..n]);
            }
        }
        assert!(media.streams.iter().all(|s| s.lost() <= s.expected()));
    }
}
