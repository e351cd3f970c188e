//! MS-TURN: media through a relay, as the A/V Edge service speaks it on UDP 3478 and TCP 443.
//!
//! In: a datagram, or the first bytes of each direction. Out: a probe; then what the relayed frames carry.
//! Must not know: ports, rows, which host is the relay.
//!
//! [MS-TURN] §2.1.1: over TCP a hello that looks like TLS 1.0 and is always the same but for its random bytes. §2.1.4:
//! then frames, `02` for a control message and `03` for what is relayed, a zero byte, two bytes of length. §2.2: a
//! message is a STUN header whose first attribute is a cookie; values are not padded. §2.2.3: FF10, length and a session
//! before what several clients share one port for. After Set Active Destination media comes bare, or in `03` frames.

use super::framing::{Content, Frame, content, peek};
use super::rtp::Proof;
use super::{Datagram, Notes, Prefix, Studied, framing, stun};
use crate::evidence::certificates::Certificates;
use crate::evidence::facts::Details;
use crate::evidence::media::Media;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};
use crate::net::{Both, Direction};

/// Message types, and who sends them: [MS-TURN] §2.2.1; 0104 and 0114 only draft-rosenberg-midcom-turn-08 §9.1.
const KINDS: &[(u16, Speaker)] = &[
    (0x0003, Speaker::Initiator), // Allocate
    (0x0004, Speaker::Initiator), // Send
    (0x0006, Speaker::Initiator), // Set Active Destination
    (0x0103, Speaker::Responder), // Allocate, granted
    (0x0113, Speaker::Responder), // Allocate, refused
    (0x0104, Speaker::Responder), // Send, done
    (0x0114, Speaker::Responder), // Send, refused
    (0x0106, Speaker::Responder), // Set Active Destination, done
    (0x0116, Speaker::Responder), // Set Active Destination, refused
    (0x0115, Speaker::Responder), // Data Indication
];

/// Who sends a message of this type.
#[must_use]
pub fn speaker(kind: u16) -> Speaker {
    KINDS.iter().find(|(known, _)| *known == kind).map_or(Speaker::Either, |(_, speaker)| *speaker)
}

/// One of the two hellos: what stands where, its length, and whose it is.
struct Hello {
    parts: &'static [(usize, &'static [u8])],
    length: usize,
    speaker: Speaker,
}

/// [MS-TURN] §2.1.1. Only one cipher suite, 0018 (anonymous RC4-MD5), no extensions; the server's answer has its
/// ServerHelloDone in the same record, and no certificate.
const HELLOS: [Hello; 2] = [
    Hello {
        parts: &[(0, b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"), (43, b"\x00\x00\x02\x00\x18\x01\x00")],
        length: 50,
        speaker: Speaker::Initiator,
    },
    Hello {
        parts: &[
            (0, b"\x16\x03\x01\x00\x4e\x02\x00\x00\x46\x03\x01"),
            (43, b"\x20"),
            (76, b"\x00\x18\x00\x0e\x00\x00\x00"),
        ],
        length: 83,
        speaker: Speaker::Responder,
    },
];

impl Hello {
    /// Whether these bytes are it, as far as they go.
    fn fits(&self, bytes: &[u8]) -> bool {
        let agrees = |at: usize, part: &[u8]| bytes.iter().skip(at).zip(part).all(|(byte, expected)| byte == expected);
        self.parts.iter().all(|(at, part)| agrees(*at, part))
    }
}

/// Frames read before a direction is certain, and of one whose payload type is looked for.
const FRAMES: usize = 64;
const STUDIED_FRAMES: usize = 256;

/// RTP packets in a row that are enough in `03` frames, each of which agrees in two more bytes.
const ENOUGH: u8 = 2;

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    let certain = |speaker| Probe::Certain(Sighting::of(Protocol::MsTurn, speaker));
    if let Some(inner) = multiplexed(datagram) {
        return match content(inner) {
            Some(_) => certain(Speaker::Either),
            None if inner.bytes.len() < inner.length.min(stun::PEEK) => {
                Probe::Unsure(SHARED + inner.length.min(stun::PEEK))
            }
            None => Probe::NotMe,
        };
    }
    match stun::message(datagram) {
        Some(message) if message.ms_turn => certain(speaker(message.kind)),
        None if is_cut(datagram) => Probe::Unsure(stun::PEEK),
        _ => Probe::NotMe,
    }
}

/// Whether a datagram was cut so early that it may have been a message.
fn is_cut(datagram: Datagram<'_>) -> bool {
    let fits = match *datagram.bytes {
        [t0, _, l0, l1, ..] => t0 < 0x40 && stun::HEADER + usize::from(u16::from_be_bytes([l0, l1])) == datagram.length,
        [first, ..] => first < 0x40 || first == 0xff,
        [] => true,
    };
    fits && datagram.bytes.len() < stun::PEEK && stun::PEEK <= datagram.length
}

/// FF10, length, session.
const SHARED: usize = 12;

/// What a datagram carries behind the header of a shared port ([MS-TURN] §2.2.3). Sixteen fixed bits and the length are
/// not proof: what it carries must be media too.
#[must_use]
pub fn multiplexed(datagram: Datagram<'_>) -> Option<Datagram<'_>> {
    let &[0xff, 0x10, l0, l1] = datagram.bytes.first_chunk::<4>()? else { return None };
    let length = datagram.length.checked_sub(SHARED)?;
    let agrees = usize::from(u16::from_be_bytes([l0, l1])) + 4 == datagram.length;
    agrees.then(|| Datagram { bytes: datagram.bytes.get(SHARED..).unwrap_or_default(), length })
}

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    match HELLOS.iter().find(|hello| hello.fits(prefix.bytes)) {
        _ if prefix.bytes.is_empty() => Probe::Unsure(1),
        Some(hello) if prefix.bytes.len() < hello.length => Probe::Unsure(hello.length),
        Some(hello) => Probe::Certain(Sighting::of(Protocol::MsTurn, hello.speaker)),
        None => frames(prefix.bytes),
    }
}

/// What stands at one place of the stream.
enum Next<'a> {
    /// A whole control message, or its beginning.
    Control(Frame<'a>),
    /// What is relayed.
    Data(Frame<'a>),
    /// It takes so many bytes in all to tell.
    Wanted(usize),
    /// No frame of this protocol.
    Foreign,
}

fn next(bytes: &[u8], at: usize) -> Next<'_> {
    match bytes.get(at..).unwrap_or_default() {
        [2 | 3] | [] => Next::Wanted(at + 4 + stun::HEADER),
        &[kind @ (2 | 3), 0, ..] => match framing::frame(bytes, at + 4) {
            Ok(frame) if kind == 2 => Next::Control(frame),
            Ok(frame) => Next::Data(frame),
            Err(more) => Next::Wanted(more),
        },
        _ => Next::Foreign,
    }
}

/// Whether the frame at `at`, of which too little is seen, can be one: media, or of a shared port.
fn may_be(bytes: &[u8], at: usize) -> bool {
    let shared = || bytes.get(at + 4).is_some_and(|&first| first == 0xff);
    framing::may_be_media(bytes, at + 4) || shared()
}

/// Frames without a hello before them: seen from the middle.
fn frames(bytes: &[u8]) -> Probe {
    let certain = |speaker| Probe::Certain(Sighting::of(Protocol::MsTurn, speaker));
    let mut proof = Proof::default();
    let mut at = 0;
    for _ in 0..FRAMES {
        let frame = match next(bytes, at) {
            Next::Control(frame) => {
                return match stun::message(peek(frame.message)) {
                    Some(message) if message.ms_turn => certain(speaker(message.kind)),
                    _ => Probe::NotMe,
                };
            }
            Next::Data(frame) => frame,
            Next::Wanted(more) if may_be(bytes, at) => return Probe::Unsure(more),
            Next::Wanted(_) | Next::Foreign => return Probe::NotMe,
        };
        match content(peek(frame.message)) {
            // Its cookie and its length agree beside the frame's.
            Some(Content::Stun(_)) => return certain(Speaker::Either),
            Some(Content::Rtp(header)) if proof.rtp(&header) >= ENOUGH => return certain(Speaker::Either),
            Some(Content::Rtcp(ssrc)) if proof.rtcp(ssrc, at as u64) => return certain(Speaker::Either),
            Some(_) => {}
            None if frame.message.length == 0 || multiplexed(frame.message).is_some() => {}
            None => return Probe::NotMe,
        }
        at = frame.end;
    }
    Probe::NotMe
}

/// What both directions together say: payload types, until one of each direction is known.
#[must_use]
pub fn study(both: &Both<Prefix<'_>>, _: &mut Notes, _: &mut Certificates) -> Studied {
    let mut media = Media { turn: true, framed: true, ..Media::default() };
    let mut wanted = Both::default();
    for direction in [Direction::Forward, Direction::Reverse] {
        *wanted.of_mut(direction) = read(&mut media, direction, *both.of(direction));
    }
    Studied { details: Some(Details::Media(Box::new(media))), wanted }
}

/// Takes note of one direction's frames; how many bytes in all it takes to see another.
fn read(media: &mut Media, direction: Direction, prefix: Prefix<'_>) -> Option<usize> {
    let more = |bytes: usize| Some(bytes).filter(|_| !prefix.ended);
    let mut at = 0;
    for hello in HELLOS.iter().filter(|hello| hello.fits(prefix.bytes)) {
        if prefix.bytes.len() < hello.length {
            return more(hello.length);
        }
        media.saw_turn(direction, hello.speaker);
        at = hello.length;
    }
    for _ in 0..STUDIED_FRAMES {
        let frame = match next(prefix.bytes, at) {
            Next::Control(frame) => {
                let message = stun::message(frame.message).filter(|message| message.ms_turn)?;
                media.saw_turn(direction, speaker(message.kind));
                if let Some(content) = message.relayed(frame.message).and_then(content) {
                    media.saw(direction, &content);
                }
                frame
            }
            Next::Data(frame) => {
                let message = multiplexed(frame.message).unwrap_or(frame.message);
                if let Some(content) = content(message) {
                    media.saw(direction, &content);
                }
                frame
            }
            Next::Wanted(bytes) => return more(bytes),
            Next::Foreign => return None,
        };
        if media.has_rtp(direction) {
            return None;
        }
        at = frame.end;
    }
    None
}

/// Datagrams and streams.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("udp allocate", ALLOCATE),
    ("udp allocate error", ALLOCATE_ERROR),
    ("udp data indication", DATA_INDICATION),
    ("udp multiplexed ICE response", MULTIPLEXED),
    ("tcp client hello", CLIENT_HELLO),
    ("tcp server hello", SERVER_HELLO),
    ("tcp control frame", CONTROL),
    ("tcp data frames", DATA),
];

#[cfg(test)]
const ALLOCATE: &[u8] =
    b"\x00\x03\x00\x30\x21\x12\xa4\x42\xb2\x34\x3f\x6e\x67\xf4\x1d\x58\xac\xba\x63\x9f\x00\x0f\x00\x04\
\x72\xc6\x4b\xc6\x80\x37\x00\x04\x00\x00\x00\x02\x80\x08\x00\x04\x00\x00\x00\x06\x80\x06\x00\x04\x00\x00\x00\x01\
\x00\x10\x00\x04\x00\x00\x2e\xe0\x80\x55\x00\x04\x00\x02\x00\x02";
/// Values of 61 and 10 bytes, not padded.
#[cfg(test)]
const ALLOCATE_ERROR: &[u8] =
    b"\x01\x13\x00\xa7\x21\x12\xa4\x42\xb2\x34\x3f\x6e\x67\xf4\x1d\x58\xac\xba\x63\x9f\x00\x0f\
\x00\x04\x72\xc6\x4b\xc6\x80\x08\x00\x04\x00\x00\x00\x06\x00\x09\x00\x3d\x00\x00\x04\x01The request did not contain a \
Message-Integrity attribute\x00\x0e\x00\x08\x00\x01\x0d\x96\x34\x72\xfa\x8d\x00\x14\x00\x14\x02\x4e\xcb\xf8\x82\x7a\
\x60\xd6\x53\x06\xde\xbf\xa7\x7d\x87\xd1\x44\x02\xdd\x5d\x00\x15\x00\x0a\x22rtcmedia\x22\x00\x01\x00\x08\x00\x01\x0d\
\x98\x34\x72\xfa\x8d\x80\x95\x00\x08\x7f\x20\xc4\xdd\x4f\x84\x8d\xfa\x80\x20\x00\x08\x00\x01\xc1\xd5\x71\xa7\x6a\x0a";
/// The transaction id does not begin with STUN's cookie; a Binding request is relayed.
#[cfg(test)]
pub(crate) const DATA_INDICATION: &[u8] =
    b"\x01\x15\x00\x88\xc2\xd6\x76\x4f\x53\xf1\xd8\x13\x30\x58\x55\x94\x7d\xbe\x12\x6b\
\x00\x0f\x00\x04\x72\xc6\x4b\xc6\x00\x12\x00\x08\x00\x01\x3f\xcc\x5d\x47\x6e\xcd\x00\x13\x00\x70\x00\x01\x00\x5c\x21\
\x12\xa4\x42\x93\x93\xee\x2a\xa8\x4f\x9a\x30\x72\x41\x06\xd6\x00\x06\x00\x09FY32:o5/I\0\0\0\x80\x29\x00\x08\x00\x00\
\x7f\xed\x5e\x05\x8e\x00\x80\x70\x00\x04\x00\x00\x00\x07\x80\x36\x00\x04\x00\x00\x00\x01\x00\x24\x00\x04\x6e\xff\xfd\
\xfe\x80\x37\x00\x04\x00\x00\x00\x02\x00\x08\x00\x14\x30\xb3\x20\x7f\xdc\x07\x15\x34\x61\x66\x80\x86\x2d\x7c\x73\x8e\
\xd1\x59\xb9\xe2\x80\x28\x00\x04\x7d\xd1\xbf\x47";
#[cfg(test)]
const MULTIPLEXED: &[u8] =
    b"\xff\x10\x00\x60\xde\xaa\x29\x67\x08\xf7\x08\xfc\x01\x01\x00\x44\x21\x12\xa4\x42\x81\x27\x5a\
\x7e\x28\xb3\x64\xd8\x8f\x3d\x14\xf9\x80\x70\x00\x04\x00\x00\x00\x07\x00\x20\x00\x08\x00\x01\x2c\x85\x15\x60\x58\x4a\
\x80\x37\x00\x04\x00\x00\x00\x02\x80\x36\x00\x04\x00\x00\x00\x01\x00\x08\x00\x14\x99\x8b\x53\xfe\xc8\x1f\x7d\x91\x3f\
\x18\xf8\xcc\x4c\x64\x52\x93\x98\x75\x37\xed\x80\x28\x00\x04\x3e\xa7\xac\x36";
/// [MS-TURN] §2.1.1.
#[cfg(test)]
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01random random random random rand\x00\x00\x02\
\x00\x18\x01\x00";
#[cfg(test)]
const SERVER_HELLO: &[u8] = b"\x16\x03\x01\x00\x4e\x02\x00\x00\x46\x03\x01random random random random rand\x20session \
session session session \x00\x18\x00\x0e\x00\x00\x00";
/// [MS-TURN] §2.1.4 around the shortest Allocate request.
#[cfg(test)]
const CONTROL: &[u8] = b"\x02\x00\x00\x24\x00\x03\x00\x10\x21\x12\xa4\x42idididididid\x00\x0f\x00\x04\x72\xc6\x4b\xc6\
\x80\x08\x00\x04\x00\x00\x00\x03";
/// Around two packets of x-msrta.
#[cfg(test)]
const DATA: &[u8] = b"\x03\x00\x00\x0e\x80\x72\x10\x00\x00\x00\x00\x01\x00\x00\x74\xecab\
\x03\x00\x00\x0e\x80\x72\x10\x01\x00\x00\x01\x41\x00\x00\x74\xeccd";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;
    use crate::evidence::signature::tests::never_taken_back;

    fn whole(bytes: &[u8]) -> Datagram<'_> {
        Datagram { bytes, length: bytes.len() }
    }

    fn prefix(bytes: &[u8]) -> Prefix<'_> {
        Prefix { bytes, from_start: true, ended: false }
    }

    const fn certain(speaker: Speaker) -> Probe {
        Probe::Certain(Sighting::of(Protocol::MsTurn, speaker))
    }

    fn expected(name: &str) -> Probe {
        certain(match name {
            "udp allocate" | "tcp client hello" | "tcp control frame" => Speaker::Initiator,
            "udp allocate error" | "udp data indication" | "tcp server hello" => Speaker::Responder,
            _ => Speaker::Either,
        })
    }

    fn frame(kind: u8, message: &[u8]) -> Vec<u8> {
        [&[kind, 0], &u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    fn studied(forward: &[u8], reverse: &[u8]) -> (Media, Both<Option<usize>>) {
        let both = Both { forward: prefix(forward), reverse: prefix(reverse) };
        let Studied { details, wanted } = study(&both, &mut Notes::default(), &mut Certificates::default());
        let Some(Details::Media(media)) = details else { panic!("no media") };
        (*media, wanted)
    }

    #[test]
    fn datagrams_tell_client_from_server() {
        for &(name, bytes) in SAMPLES.iter().filter(|(name, _)| name.starts_with("udp")) {
            assert_eq!(datagram(whole(bytes)), expected(name), "{name}");
            for n in 0..bytes.len() {
                match datagram(Datagram { bytes: &bytes[..n], length: bytes.len() }) {
                    probe @ Probe::Certain(_) => assert_eq!(probe, expected(name), "{name} {n}"),
                    Probe::Unsure(more) => assert!(more > n && n < SHARED + stun::PEEK, "{name} {n} {more}"),
                    Probe::NotMe => panic!("{name} {n}"),
                }
                assert!(!matches!(datagram(whole(&bytes[..n])), Probe::Certain(_)), "{name} {n}");
            }
            let cut = Datagram { bytes: &bytes[..SHARED + stun::PEEK], length: bytes.len() };
            assert_eq!(datagram(cut), expected(name), "{name}");
        }
    }

    #[test]
    fn streams_are_certain_once_enough_is_there() {
        for &(name, bytes) in SAMPLES.iter().filter(|(name, _)| name.starts_with("tcp")) {
            let mut first = None;
            for n in 0..=bytes.len() {
                match stream(prefix(&bytes[..n])) {
                    probe @ Probe::Certain(_) => {
                        assert_eq!(probe, expected(name), "{name} {n}");
                        first.get_or_insert(n);
                    }
                    Probe::Unsure(more) => assert!(more > n && first.is_none(), "{name} {n} {more}"),
                    Probe::NotMe => panic!("{name} {n}"),
                }
            }
            let enough = match name {
                "tcp control frame" => 4 + stun::PEEK,
                _ => bytes.len(),
            };
            assert_eq!(first, Some(enough), "{name}");
        }
    }

    #[test]
    fn stun_and_tls_are_something_else() {
        for &(name, bytes) in stun::SAMPLES {
            assert_eq!(datagram(whole(bytes)), Probe::NotMe, "{name}");
        }
        for at in (0..11).chain(43..50) {
            let mut hello = CLIENT_HELLO.to_vec();
            hello[at] ^= 4;
            assert_eq!(stream(prefix(&hello)), Probe::NotMe, "{at}");
        }
        let others: [&[u8]; 4] = [
            b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03abcdefghijklmnopqrstuvwxyz",
            b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
            b"\x02\x01\x00\x24\x00\x03\x00\x10\x21\x12\xa4\x42",
            b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00",
        ];
        for bytes in others {
            assert_eq!(stream(prefix(bytes)), Probe::NotMe, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_shared_port_must_carry_media() {
        let mut bytes = MULTIPLEXED.to_vec();
        bytes[3] += 1;
        assert_eq!(datagram(whole(&bytes)), Probe::NotMe, "length");
        bytes[3] -= 1;
        bytes[SHARED + 4] ^= 1;
        assert_eq!(datagram(whole(&bytes)), Probe::NotMe, "STUN's cookie");
        let rtp = [&b"\xff\x10\x00\x18sessions"[..], b"\x80\x68\x00\x01\x00\x00\x00\x01\x00\x00\x74\xecabcd"].concat();
        assert_eq!(datagram(whole(&rtp)), certain(Speaker::Either));
    }

    #[test]
    fn frames_of_something_else_are_not_relayed_media() {
        let rtp =
            |sequence: u8| frame(3, &[&[0x80, 0x72, 0, sequence, 0, 0, 0, 1, 0, 0, 0x74, 0xec], &[7; 40][..]].concat());
        assert_eq!(stream(prefix(&[rtp(1), rtp(2)].concat())), certain(Speaker::Either));
        assert_eq!(stream(prefix(&[rtp(1), frame(3, b"neither RTP nor STUN, surely"), rtp(2)].concat())), Probe::NotMe);
        assert_eq!(stream(prefix(&[rtp(1), rtp(1), rtp(1)].concat())), Probe::Unsure(3 * 56 + 24), "stuck");
        assert_eq!(stream(prefix(&frame(3, stun::ICE_REQUEST))), certain(Speaker::Either));
        assert_eq!(stream(prefix(&frame(2, stun::ICE_REQUEST))), Probe::NotMe);
        let empty = [3, 0, 0, 0].repeat(FRAMES);
        assert_eq!(stream(prefix(&empty)), Probe::NotMe);
    }

    #[test]
    fn both_directions_are_read_until_their_payload_types_are_known() {
        let there = [CLIENT_HELLO, CONTROL].concat();
        let (media, wanted) = studied(&there, &SERVER_HELLO[..40]);
        assert!(media.turn && media.framed && !media.stun);
        assert_eq!(wanted, Both { forward: Some(there.len() + 24), reverse: Some(83) });
        assert_eq!(media.sighting(Direction::Forward), Some(Sighting::of(Protocol::MsTurn, Speaker::Initiator)));
        assert_eq!(media.sighting(Direction::Reverse), None);

        let there = [CLIENT_HELLO, CONTROL, DATA].concat();
        let back = [SERVER_HELLO, &frame(2, DATA_INDICATION)].concat();
        let (media, wanted) = studied(&there, &back);
        assert_eq!((media.payload_types, media.stun), (1 << 114, true));
        assert_eq!(wanted, Both { forward: None, reverse: Some(back.len() + 24) });
        assert_eq!(media.sighting(Direction::Forward), Some(Sighting::of(Protocol::Rtp, Speaker::Initiator)));
        assert_eq!(media.sighting(Direction::Reverse), Some(Sighting::of(Protocol::MsTurn, Speaker::Responder)));

        let back = [&back[..], &[3, 0, 0, 16, 0x80, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 1, 2, 3, 4]].concat();
        let (media, wanted) = studied(&there, &back);
        assert_eq!((media.payload_types, wanted), (1 << 114 | 1 << 9, Both::default()));

        // Every cut: never less than before, never a wish for what is there.
        for n in 0..back.len() {
            let (media, wanted) = studied(&there, &back[..n]);
            assert!(media.turn && wanted.reverse.is_none_or(|wanted| wanted > n), "{n} {wanted:?}");
        }
    }

    #[test]
    fn damaged_or_not_an_answer_is_not_taken_back() {
        let streams: Vec<_> = SAMPLES.iter().copied().filter(|(name, _)| name.starts_with("tcp")).collect();
        never_taken_back(stream, &streams);
    }

    #[test]
    fn noise_is_not_relayed() {
        let mut noise = Noise::new(0x0dd0_beef_1234_5671);
        for round in 0..10_000 {
            let length = noise.below(300);
            let mut bytes: Vec<u8> = noise.bytes(length);
            if let (1, Some(head)) = (round % 3, bytes.first_chunk_mut::<5>()) {
                *head = [3, 0, 0, 60, 0x80];
            }
            if let (2, Some(head)) = (round % 3, bytes.first_chunk_mut::<2>()) {
                *head = [0xff, 0x10];
            }
            assert!(!matches!(stream(prefix(&bytes)), Probe::Certain(_)), "{bytes:02x?}");
            assert!(!matches!(datagram(whole(&bytes)), Probe::Certain(_)), "{bytes:02x?}");
            assert!(!matches!(datagram(Datagram { bytes: &bytes, length: 400 }), Probe::Certain(_)), "{bytes:02x?}");
            studied(&bytes, &bytes);
        }
    }
}
