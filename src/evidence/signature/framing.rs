//! RTP, RTCP and STUN over TCP, in the frames of RFC 4571.
//!
//! In: the first bytes of each direction. Out: a probe; then payload types, frame by frame. For its siblings also what
//! one media message is. Must not know: ports, rows, relays.
//!
//! RFC 4571 §2: two bytes of length, then one message. [MS-ICE2] demands it of STUN too, so that STUN's cookie stands
//! at offset 6; bare STUN over TCP (RFC 5389 §7.2.2, and TURN's control messages) has it at 4. Every frame of a
//! direction must be one of the three, and enough of them agree. Seen from the middle, a frame may begin anywhere.

use super::rtp::{self, Proof};
use super::stun::{self, PEEK};
use super::{Datagram, Notes, Prefix, Studied};
use crate::evidence::certificates::Certificates;
use crate::evidence::facts::Details;
use crate::evidence::media::Media;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};
use crate::net::{Both, Direction};

/// Frames read before a direction is certain, and of one whose payload type is looked for.
const FRAMES: usize = 64;
const STUDIED_FRAMES: usize = 256;

/// How far the first whole frame is looked for where the connection's beginning was not seen.
const SEARCH: usize = 4096;

/// The least that a frame says: an RTP header.
const LEAST: usize = 12;

/// RTP packets in a row that are enough ([`Proof::rtp`]).
const ENOUGH: u8 = 3;

/// What one media message is. Its first byte tells: 0 to 63 STUN, 128 to 191 RTP or RTCP (RFC 7983 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// STUN, or MS-TURN, which is told by [`stun::Message::ms_turn`].
    Stun(stun::Message),
    /// RTP or SRTP.
    Rtp(rtp::Header),
    /// RTCP or SRTCP, and who sent it.
    Rtcp(u32),
}

/// What a datagram is, if it is media. RTP and RTCP are no more than likely.
#[inline]
#[must_use]
pub fn content(datagram: Datagram<'_>) -> Option<Content> {
    match datagram.bytes.first()? >> 6 {
        0 => stun::message(datagram).map(Content::Stun),
        2 => match rtp::header(datagram) {
            Some(header) => Some(Content::Rtp(header)),
            None => rtp::rtcp(datagram).map(Content::Rtcp),
        },
        _ => None,
    }
}

/// The first [`PEEK`] bytes of a message: all that a probe looks at, so that its answer does not change with more.
#[must_use]
pub fn peek(message: Datagram<'_>) -> Datagram<'_> {
    Datagram { bytes: message.bytes.get(..PEEK).unwrap_or(message.bytes), ..message }
}

/// One frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it carries: at least [`PEEK`] bytes of it, or all.
    pub message: Datagram<'a>,
    /// Where the next one begins.
    pub end: usize,
}

/// The frame whose length is the two bytes before `at`.
///
/// # Errors
/// How many bytes in all must be seen before it says anything.
pub fn frame(bytes: &[u8], at: usize) -> Result<Frame<'_>, usize> {
    let length = at.checked_sub(2).and_then(|before| bytes.get(before..)).and_then(<[u8]>::first_chunk::<2>);
    let Some(&[l0, l1]) = length else { return Err(at + LEAST) };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.len() < length.min(PEEK) {
        return Err(at + length.min(PEEK));
    }
    let message = Datagram { bytes: rest.get(..length).unwrap_or(rest), length };
    Ok(Frame { message, end: at + length })
}

/// Whether the message at `at`, whose length is the two bytes before it, can be media, by what is seen of it already.
#[must_use]
pub fn may_be_media(bytes: &[u8], at: usize) -> bool {
    let Some(&[l0, l1, ref message @ ..]) = at.checked_sub(2).and_then(|before| bytes.get(before..)) else {
        return true;
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let first = message.first().map(|first| first >> 6);
    match (first, message.get(2..4)) {
        (None, _) => true,
        // STUN says its length too.
        (Some(0), Some(&[l0, l1])) => stun::HEADER + usize::from(u16::from_be_bytes([l0, l1])) == length,
        (Some(0), _) => length >= stun::HEADER,
        (Some(first), _) => first == 2 && length >= 8,
    }
}

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    match (bare(prefix.bytes), start(prefix).1) {
        (certain @ Probe::Certain(_), _) | (_, certain @ Probe::Certain(_)) => certain,
        (Probe::Unsure(a), Probe::Unsure(b)) => Probe::Unsure(a.min(b)),
        (unsure @ Probe::Unsure(_), _) | (_, unsure) => unsure,
    }
}

/// STUN without frames, its cookie and its length. Its requests tell the client from the server only where TURN is
/// spoken.
fn bare(bytes: &[u8]) -> Probe {
    let cookie = bytes.iter().skip(4).zip(stun::COOKIE).all(|(&byte, cookie)| byte == cookie);
    if !cookie || bytes.first().is_some_and(|&first| first >= 0x40) {
        return Probe::NotMe;
    }
    let Some(&[_, _, l0, l1]) = bytes.first_chunk::<4>() else { return Probe::Unsure(stun::HEADER) };
    if l1 % 4 != 0 {
        return Probe::NotMe;
    }
    let length = stun::HEADER + usize::from(u16::from_be_bytes([l0, l1]));
    let needed = length.min(PEEK);
    match bytes.get(..needed).map(|bytes| stun::message(Datagram { bytes, length })) {
        Some(Some(message)) if !message.ms_turn => Probe::Certain(Sighting::of(Protocol::Stun, message.speaker())),
        None => Probe::Unsure(needed),
        Some(_) => Probe::NotMe,
    }
}

/// Where the frames begin, and what they are.
fn start(prefix: Prefix<'_>) -> (usize, Probe) {
    let (first, mut proven) = walk(prefix.bytes, 0);
    if prefix.from_start {
        return (0, first);
    }
    // Of all beginnings that which was proven by the fewest bytes, so that more of them do not change it.
    let mut best = (0, first);
    let within = prefix.bytes.len().min(SEARCH);
    for at in 1..within {
        if at >= proven {
            break;
        }
        // A null packet begins nothing that the frame behind it does not begin.
        if matches!(prefix.bytes.get(at..), Some([0, 0, ..])) {
            continue;
        }
        let (probe, by) = walk(prefix.bytes, at);
        if by < proven {
            (best, proven) = ((at, probe), by);
        }
    }
    if matches!(best.1, Probe::Certain(_)) {
        return best;
    }
    let seen = prefix.bytes.len();
    let more = if seen < SEARCH { Probe::Unsure((2 * seen).clamp(seen + 1, SEARCH)) } else { Probe::NotMe };
    (0, more)
}

/// What the frames from `at` on are, and by how many bytes that is certain. Whatever comes first decides, so that more
/// bytes do not change it.
fn walk(bytes: &[u8], mut at: usize) -> (Probe, usize) {
    const NEVER: usize = usize::MAX;
    let mut proof = Proof::default();
    let mut rtp = false;
    for _ in 0..FRAMES {
        let frame = match frame(bytes, at + 2) {
            Ok(frame) => frame,
            Err(more) if may_be_media(bytes, at + 2) => return (Probe::Unsure(more), NEVER),
            Err(_) => return (Probe::NotMe, NEVER),
        };
        let by = at + 2 + frame.message.length.min(PEEK);
        at = frame.end;
        if frame.message.length == 0 {
            // A null packet (RFC 4571 §2).
            continue;
        }
        let certain = |protocol| (Probe::Certain(Sighting::of(protocol, Speaker::Either)), by);
        match content(peek(frame.message)) {
            Some(Content::Stun(message)) if !message.ms_turn => {
                return certain(if rtp { Protocol::Rtp } else { Protocol::Stun });
            }
            Some(Content::Rtp(header)) if proof.rtp(&header) >= ENOUGH => return certain(Protocol::Rtp),
            Some(Content::Rtcp(ssrc)) if proof.rtcp(ssrc, at as u64) => return certain(Protocol::Rtcp),
            Some(Content::Rtp(_)) => rtp = true,
            Some(Content::Rtcp(_)) => {}
            Some(Content::Stun(_)) | None => return (Probe::NotMe, NEVER),
        }
    }
    (Probe::NotMe, NEVER)
}

/// What both directions together say: STUN or not, and payload types until one is known.
#[must_use]
pub fn study(both: &Both<Prefix<'_>>, _: &mut Notes, _: &mut Certificates) -> Studied {
    let mut media = Media::default();
    let mut wanted = Both::default();
    for direction in [Direction::Forward, Direction::Reverse] {
        *wanted.of_mut(direction) = read(&mut media, direction, *both.of(direction));
    }
    if media.payload_types != 0 {
        wanted = Both::default();
    }
    Studied { details: Some(Details::Media(Box::new(media))), wanted }
}

/// Takes note of one direction's frames; how many bytes in all it takes to see another.
fn read(media: &mut Media, direction: Direction, prefix: Prefix<'_>) -> Option<usize> {
    if let Probe::Certain(sighting) = bare(prefix.bytes) {
        // No RTP comes this way but inside TURN's messages, which are not followed.
        media.saw_stun(direction, sighting.speaker);
        return None;
    }
    let (mut at, probe) = start(prefix);
    match probe {
        Probe::NotMe => return None,
        Probe::Unsure(more) if !prefix.from_start => return Some(more).filter(|_| !prefix.ended),
        Probe::Unsure(_) | Probe::Certain(_) => {}
    }
    media.framed |= matches!(probe, Probe::Certain(_));
    for _ in 0..STUDIED_FRAMES {
        let frame = match frame(prefix.bytes, at + 2) {
            Ok(frame) => frame,
            // Each time the beginning has to be looked for anew: not for every frame.
            Err(more) if !prefix.from_start => {
                let seen = prefix.bytes.len();
                return Some(more.max(seen + seen / 8)).filter(|_| !prefix.ended);
            }
            Err(more) => return Some(more).filter(|_| !prefix.ended),
        };
        at = frame.end;
        if frame.message.length == 0 {
            continue;
        }
        media.saw(direction, &content(peek(frame.message))?);
    }
    None
}

/// Streams of one direction. The second holds two frames.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("tcp framed ICE request", ICE_REQUEST),
    ("tcp framed RTP", RTP),
    ("tcp framed RTCP", RTCP),
    ("tcp bare TURN allocate", stun::ALLOCATE),
];

/// What a client of that generation sends first on its application sharing port.
#[cfg(test)]
const ICE_REQUEST: &[u8] = b"\x00\x68\x00\x01\x00\x54\x21\x12\xa4\x42\xf3\x43\x94\x53\xb6\x98\xfb\x29\x50\xbb\x06\xed\
\x00\x06\x00\x09/pI0:ToEd\0\0\0\x00\x24\x00\x04\x6e\x6b\xfc\xff\x80\x29\x00\x08\x00\x00\x00\x00\x00\x04\xc2\xd1\
\x80\x54\x00\x01\x32\0\0\0\x80\x70\x00\x04\x00\x00\x00\x03\x00\x08\x00\x14\xfe\x92\x87\x6a\xd4\x6d\x7b\x79\x7d\x42\
\xeb\x8d\x79\xa8\x05\xfa\xf3\x1d\x72\xd1\x80\x28\x00\x04\x02\x00\xfc\x47";
/// x-data, three packets.
#[cfg(test)]
const RTP: &[u8] =
    b"\x00\x0e\x80\xff\x10\x00\x00\x00\x00\x01\x77\x66\x55\x44ab\x00\x10\x80\x7f\x10\x01\x00\x00\x00\x01\
\x77\x66\x55\x44cdef\x00\x0d\x80\x7f\x10\x02\x00\x00\x00\x09\x77\x66\x55\x44g";
/// Two empty receiver reports.
#[cfg(test)]
const RTCP: &[u8] = b"\x00\x08\x80\xc9\x00\x01\x01\x93\x2d\xb4\x00\x08\x80\xc9\x00\x01\x01\x93\x2d\xb4";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;
    use crate::evidence::signature::tests::never_taken_back;

    fn from_start(bytes: &[u8]) -> Prefix<'_> {
        Prefix { bytes, from_start: true, ended: false }
    }

    fn midway(bytes: &[u8]) -> Prefix<'_> {
        Prefix { bytes, from_start: false, ended: false }
    }

    const fn certain(protocol: Protocol) -> Probe {
        Probe::Certain(Sighting::of(protocol, Speaker::Either))
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    /// An x-data packet with a payload of `size` bytes.
    fn rtp(sequence: u16, size: usize) -> Vec<u8> {
        let mut packet = vec![0x80, 127];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 1, 9, 8, 7, 6]);
        packet.resize(12 + size, 0x55);
        framed(&packet)
    }

    fn expected(name: &str) -> Probe {
        match name {
            "tcp framed ICE request" => certain(Protocol::Stun),
            "tcp framed RTP" => certain(Protocol::Rtp),
            "tcp framed RTCP" => certain(Protocol::Rtcp),
            _ => Probe::Certain(Sighting::of(Protocol::Stun, Speaker::Initiator)),
        }
    }

    fn payload_types(media: &Media) -> Vec<u32> {
        (0..128).filter(|bit| media.payload_types >> bit & 1 == 1).collect()
    }

    fn studied(forward: Prefix<'_>, reverse: Prefix<'_>) -> (Media, Both<Option<usize>>) {
        let Studied { details, wanted } =
            study(&Both { forward, reverse }, &mut Notes::default(), &mut Certificates::default());
        let Some(Details::Media(media)) = details else { panic!("no media") };
        (*media, wanted)
    }

    /// To look for the beginning costs more than to read on: zeroes, each of which may be one, and then a stream.
    #[test]
    fn a_beginning_is_not_looked_for_with_every_frame() {
        let mut bytes = vec![0; 4000];
        (0..3).for_each(|_| bytes.extend(framed(stun::ICE_REQUEST)));
        let mut asked = 0;
        while let (_, Both { forward: Some(more), .. }) = studied(midway(&bytes), midway(&[])) {
            bytes.resize(more.max(bytes.len() + 1), 0);
            asked += 1;
            if bytes.len() > 32 * 1024 {
                break;
            }
        }
        assert!(asked <= 20, "{asked}");
    }

    #[test]
    fn certain_once_enough_is_there_and_ever_after() {
        for &(name, bytes) in SAMPLES {
            for from in [from_start, midway] {
                let mut was_certain = false;
                for n in 0..=bytes.len() {
                    match stream(from(&bytes[..n])) {
                        probe @ Probe::Certain(_) => {
                            assert_eq!(probe, expected(name), "{name} {n}");
                            was_certain = true;
                        }
                        Probe::Unsure(more) => assert!(more > n && !was_certain, "{name} {n} {more}"),
                        Probe::NotMe => panic!("{name} {n}"),
                    }
                }
                assert!(was_certain, "{name}");
            }
        }
        assert_eq!(stream(from_start(&ICE_REQUEST[..2 + PEEK])), certain(Protocol::Stun));
    }

    #[test]
    fn the_bytes_asked_for_are_enough_to_go_on() {
        let bytes = [rtp(7, 300), framed(stun::ICE_RESPONSE), rtp(8, 1200)].concat();
        let mut seen = 0;
        let mut asked = Vec::new();
        while let Probe::Unsure(more) = stream(from_start(&bytes[..seen])) {
            asked.push(more);
            seen = more;
        }
        // The first header, enough of the message, the next header, enough of that message.
        assert_eq!(asked, [14, 30, 2 + 312 + 2 + 12, 2 + 312 + 2 + PEEK]);
        assert_eq!(stream(from_start(&bytes[..seen])), certain(Protocol::Rtp), "RTP, and STUN beside it");
    }

    #[test]
    fn frames_must_all_be_media() {
        let three = [rtp(1, 40), rtp(2, 40), rtp(3, 40)].concat();
        assert_eq!(stream(from_start(&three)), certain(Protocol::Rtp));
        let foreign = [rtp(1, 40), rtp(2, 40), framed(b"GET / HTTP/1.1\r\n\r\n"), rtp(3, 40)].concat();
        assert_eq!(stream(from_start(&foreign)), Probe::NotMe);
        let stuck = [rtp(1, 40), rtp(1, 40), rtp(1, 40), rtp(1, 40)].concat();
        assert!(matches!(stream(from_start(&stuck)), Probe::Unsure(_)), "the same number again and again");
        let nothing = [0; 2 * FRAMES];
        assert_eq!(stream(from_start(&nothing)), Probe::NotMe);
        let with_null = [framed(b""), three].concat();
        assert_eq!(stream(from_start(&with_null)), certain(Protocol::Rtp));
    }

    #[test]
    fn other_protocols_are_not_frames() {
        let others: [&[u8]; 7] = [
            b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03abcdefghijklmnopqrstuvwxyz",
            b"GET /index.html HTTP/1.1\r\nHost: fe01.contoso.local\r\n\r\n",
            b"REGISTER sip:contoso.local SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\n",
            b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00\xd0\x16\xd0\x16",
            b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
            b"\x00\x00\x00\x54\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
            b"\x12\x01\x00\x2f\x00\x00\x01\x00\x00\x00\x1a\x00\x06\x01\x00\x20\x00\x01\x02\x00\x21\x00\x01\x03\x00\x22",
        ];
        for bytes in others {
            assert_eq!(stream(from_start(bytes)), Probe::NotMe, "{bytes:02x?}");
            assert!(!matches!(stream(midway(bytes)), Probe::Certain(_)));
        }
    }

    #[test]
    fn midway_the_first_whole_frame_is_looked_for() {
        let mut bytes = vec![0x37; 700];
        for sequence in 0..4 {
            bytes.extend(rtp(sequence, 500));
        }
        assert_eq!(stream(from_start(&bytes)), Probe::NotMe);
        assert_eq!(stream(midway(&bytes)), certain(Protocol::Rtp));
        assert_eq!(stream(midway(&bytes[..700])), Probe::Unsure(1400));
        assert_eq!(studied(midway(&bytes[..700]), midway(&bytes)).1, Both::default());
        let (media, wanted) = studied(midway(&bytes[..700]), from_start(b""));
        assert_eq!((media.framed, wanted), (false, Both { forward: Some(1400), reverse: Some(14) }));
        let (media, wanted) = studied(midway(&bytes), midway(b""));
        assert_eq!((payload_types(&media), media.framed, wanted), (vec![127], true, Both::default()));
        assert_eq!(stream(midway(&[0x37; SEARCH])), Probe::NotMe);
    }

    #[test]
    fn payload_types_of_frames_are_told() {
        let there = framed(stun::ICE_REQUEST);
        let back = [framed(stun::ICE_RESPONSE), rtp(1, 600)].concat();
        let (media, wanted) = studied(from_start(&there), from_start(&back[..90]));
        assert_eq!((media.stun, media.framed, media.payload_types), (true, true, 0));
        assert_eq!(wanted, Both { forward: Some(there.len() + 14), reverse: Some(98 + 14) });
        let (media, wanted) = studied(from_start(&there), from_start(&back[..140]));
        assert_eq!(payload_types(&media), [127]);
        assert_eq!(wanted, Both::default(), "one direction is enough");
        assert_eq!(media.sighting(Direction::Forward), Some(Sighting::of(Protocol::Stun, Speaker::Either)));
        assert_eq!(media.sighting(Direction::Reverse), Some(Sighting::of(Protocol::Rtp, Speaker::Either)));
        let (_, wanted) = studied(Prefix { ended: true, ..from_start(&there) }, from_start(b""));
        assert_eq!(wanted, Both { forward: None, reverse: Some(14) });
    }

    #[test]
    fn bare_stun_is_not_framed() {
        for &(name, bytes) in stun::SAMPLES.iter().filter(|(name, _)| !name.contains("3489")) {
            assert!(matches!(stream(from_start(bytes)), Probe::Certain(_)), "{name}");
            let more = [bytes, b"and then another message"].concat();
            assert_eq!(stream(from_start(&more)), stream(from_start(bytes)), "{name}");
        }
        for &(name, bytes) in super::super::ms_turn::SAMPLES {
            assert!(!matches!(stream(from_start(bytes)), Probe::Certain(_)), "{name}");
        }
        let (media, wanted) = studied(from_start(stun::ALLOCATE), from_start(b""));
        assert_eq!((media.stun, media.framed), (true, false));
        assert_eq!(wanted.forward, None);
    }

    #[test]
    fn damaged_or_not_an_answer_is_not_taken_back() {
        never_taken_back(stream, SAMPLES);
    }

    #[test]
    fn noise_is_not_framed() {
        let mut noise = Noise::new(0xfeed_beef_1234_5679);
        for round in 0..10_000 {
            let length = noise.below(400);
            let mut bytes: Vec<u8> = noise.bytes(length);
            if let (true, Some(head)) = (noise.next() & 1 == 0, bytes.first_chunk_mut::<4>()) {
                *head = [0, 40, 0x80, 127];
            }
            let prefix = Prefix { bytes: &bytes, from_start: round % 8 != 0, ended: round & 1 == 0 };
            assert!(!matches!(stream(prefix), Probe::Certain(_)), "{bytes:02x?}");
            studied(prefix, prefix);
        }
    }
}
