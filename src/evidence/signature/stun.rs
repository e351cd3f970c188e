//! STUN over UDP, and what the other media signatures ask of a STUN header.
//!
//! In: one datagram. Out: a probe; for its siblings the [`Message`] it is.
//! Must not know: ports, rows, flows, how STUN is framed over TCP.
//!
//! RFC 5389 and 8489: type, length, the cookie 2112A442, a transaction id, attributes that end where the length says.
//! RFC 3489 had no cookie: there the type and every attribute must be known ones. The relay protocols built on that
//! header are told apart here: [MS-TURN] by its own cookie, which is its first attribute; RFC 5766's (a coturn server)
//! stays STUN, but its requests come only from the client, which ICE's Binding requests do not.

use super::Datagram;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Type, length, cookie, transaction id.
pub const HEADER: usize = 20;

/// The header and the first attribute with a value of four bytes: what tells STUN from MS-TURN.
pub const PEEK: usize = 28;

/// RFC 5389 §6.
pub const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// The first attribute of every [MS-TURN] message (§2.2.2.8): type 000F, four bytes, 72C64BC6.
const MS_TURN_COOKIE: [u8; 8] = [0x00, 0x0f, 0x00, 0x04, 0x72, 0xc6, 0x4b, 0xc6];

/// Attributes read of one message; real ones have a dozen.
const ATTRIBUTES: usize = 64;

/// DATA: what is relayed (RFC 5766 §14.4, [MS-TURN] §2.2.2.12).
const DATA: u16 = 0x0013;

/// Attributes that a message without cookie may have: type, shortest and longest value. RFC 3489 §11.2; the rest from
/// [MS-TURN] §2.2.2 and [MS-ICE2] §2.2, whose early versions speak RFC 3489.
const CLASSIC: &[(u16, usize, usize)] = &[
    (0x0001, 8, 20),  // MAPPED-ADDRESS
    (0x0002, 8, 20),  // RESPONSE-ADDRESS
    (0x0003, 4, 4),   // CHANGE-REQUEST
    (0x0004, 8, 20),  // SOURCE-ADDRESS
    (0x0005, 8, 20),  // CHANGED-ADDRESS
    (0x0006, 1, 512), // USERNAME
    (0x0007, 1, 512), // PASSWORD
    (0x0008, 20, 32), // MESSAGE-INTEGRITY, with SHA-256 in [MS-TURN]
    (0x0009, 4, 768), // ERROR-CODE
    (0x000a, 2, 64),  // UNKNOWN-ATTRIBUTES
    (0x000b, 8, 20),  // REFLECTED-FROM
    (0x8008, 4, 4),   // MS-VERSION
    (0x8020, 8, 20),  // XOR-MAPPED-ADDRESS before it got a number
    (0x8022, 1, 768), // SERVER
    (0x8050, 24, 24), // MS-SEQUENCE-NUMBER
    (0x8054, 1, 64),  // CANDIDATE-IDENTIFIER
    (0x8070, 4, 4),   // IMPLEMENTATION-VERSION
];

/// The message types of RFC 3489 §11.1: Binding and Shared Secret.
const CLASSIC_KINDS: [u16; 6] = [0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112];

/// The two class bits of a message type (RFC 5389 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Answers: done.
    Success,
    /// Answers: refused.
    Error,
}

/// A STUN header with its attributes, or those of a protocol built on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message type as on the wire.
    pub kind: u16,
    /// It is of [MS-TURN]: its cookie is the first attribute.
    pub ms_turn: bool,
    /// Where in the datagram the relayed data begins, and its length.
    pub data: Option<(usize, usize)>,
}

impl Message {
    /// What the class bits of its type say. Types of [MS-TURN] do not follow them.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        }
    }

    /// The twelve method bits of its type: 1 is Binding.
    #[must_use]
    pub const fn method(&self) -> u16 {
        (self.kind & 0x000f) | (self.kind & 0x00e0) >> 1 | (self.kind & 0x3e00) >> 2
    }

    /// Who sends such a message. Binding, and what is not known: both ends, as ICE does. TURN (RFC 5766 §13, RFC 6062
    /// §6.1): requests and Send come from the client, Data and ConnectionAttempt from the server.
    #[must_use]
    pub const fn speaker(&self) -> Speaker {
        match (self.method(), self.class()) {
            // Allocate, Refresh, CreatePermission, ChannelBind, Connect, ConnectionBind.
            (3 | 4 | 8..=11, Class::Request) | (6, Class::Indication) => Speaker::Initiator,
            (3 | 4 | 8..=11, Class::Success | Class::Error) | (7 | 12, Class::Indication) => Speaker::Responder,
            _ => Speaker::Either,
        }
    }

    /// The relayed data inside `datagram`, of which this is the message.
    #[must_use]
    pub fn relayed<'a>(&self, datagram: Datagram<'a>) -> Option<Datagram<'a>> {
        let (at, length) = self.data?;
        let rest = datagram.bytes.get(at..)?;
        Some(Datagram { bytes: rest.get(..length).unwrap_or(rest), length })
    }
}

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    match message(datagram) {
        Some(message) if message.ms_turn => Probe::NotMe,
        Some(message) => Probe::Certain(Sighting::of(Protocol::Stun, message.speaker())),
        None => undecided(datagram),
    }
}

/// The message that a datagram is, all of it. Certain: with the cookie 48 bits agree, without it as many in type,
/// length and attributes. None of a datagram cut before the end of its first attribute.
#[must_use]
pub fn message(datagram: Datagram<'_>) -> Option<Message> {
    let (header, rest) = datagram.bytes.split_first_chunk::<HEADER>()?;
    let &[t0, t1, l0, l1, c0, c1, c2, c3, ..] = header;
    let kind = u16::from_be_bytes([t0, t1]);
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if kind >= 0x4000 || HEADER + length != datagram.length || rest.len() < length.min(PEEK - HEADER) {
        return None;
    }
    let ms_turn = rest.starts_with(&MS_TURN_COOKIE);
    let cookie = [c0, c1, c2, c3] == COOKIE;
    if !(ms_turn || cookie || CLASSIC_KINDS.contains(&kind)) {
        return None;
    }
    // RFC 5389 pads values to four bytes; [MS-TURN] does not, and its messages end wherever they end.
    let padded = walk(rest, length, 4);
    let walk = if padded.agrees { padded } else { walk(rest, length, 1) };
    let classic = walk.agrees && walk.known && datagram.is_whole();
    (ms_turn || cookie && walk.agrees || classic).then_some(Message { kind, ms_turn, data: walk.data })
}

/// What the attributes of a message came to.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    /// They end exactly where the message ends, as far as that was captured.
    agrees: bool,
    /// There is one, and all are in [`CLASSIC`].
    known: bool,
    data: Option<(usize, usize)>,
}

/// Walks attributes over `length` bytes, of which `bytes` were captured; each value is padded to a multiple of `unit`.
fn walk(bytes: &[u8], length: usize, unit: usize) -> Walk {
    let mut walk = Walk::default();
    let mut at = 0_usize;
    let mut foreign = false;
    for _ in 0..ATTRIBUTES {
        let header = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        let Some(&[t0, t1, l0, l1]) = header.filter(|_| at < length) else { break };
        let (kind, value) = (u16::from_be_bytes([t0, t1]), usize::from(u16::from_be_bytes([l0, l1])));
        if kind == DATA && at + 4 + value <= length {
            walk.data.get_or_insert((HEADER + at + 4, value));
        }
        let known = CLASSIC.iter().any(|&(k, low, high)| k == kind && (low..=high).contains(&value));
        walk.known |= known;
        foreign |= !known;
        at += 4 + value.next_multiple_of(unit);
    }
    walk.known &= !foreign;
    // Beyond what was captured nothing more can be said.
    walk.agrees = at == length || at < length && at + 4 > bytes.len() && bytes.len() < length;
    walk
}

/// A datagram that was cut too early to tell may still be STUN.
fn undecided(datagram: Datagram<'_>) -> Probe {
    if datagram.is_whole() {
        return Probe::NotMe;
    }
    match *datagram.bytes {
        [t0, _, l0, l1, ref rest @ ..] => {
            let length = HEADER + usize::from(u16::from_be_bytes([l0, l1]));
            let cookie = rest.iter().zip(COOKIE).all(|(&byte, cookie)| byte == cookie);
            match t0 < 0x40 && length == datagram.length {
                true if cookie && datagram.bytes.len() < PEEK => Probe::Unsure(PEEK.min(length)),
                true if !cookie && datagram.bytes.len() < length => Probe::Unsure(length),
                _ => Probe::NotMe,
            }
        }
        _ => Probe::Unsure(HEADER.min(datagram.length)),
    }
}

/// Datagrams, each of a different kind.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("udp RFC 5769 request", RFC_5769_REQUEST),
    ("udp RFC 5769 IPv4 response", RFC_5769_RESPONSE),
    ("udp RFC 5769 IPv6 response", RFC_5769_RESPONSE_V6),
    ("udp Lync ICE request", ICE_REQUEST),
    ("udp Lync ICE response", ICE_RESPONSE),
    ("udp RFC 3489 request", CLASSIC_REQUEST),
    ("udp RFC 3489 response", CLASSIC_RESPONSE),
    ("udp RFC 5766 allocate", ALLOCATE),
    ("udp RFC 5766 allocate error", ALLOCATE_ERROR),
];

#[cfg(test)]
const RFC_5769_REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
\x00\x06\x00\x09evtj:h6vY   \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\
\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
#[cfg(test)]
const RFC_5769_RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\
\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
#[cfg(test)]
const RFC_5769_RESPONSE_V6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\
\xae\x80\x22\x00\x0btest vector \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\
\xbe\xd2\xb9\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
\x80\x28\x00\x04\xc8\xfb\x0b\x4c";
/// Both from a client's call, IPv4.
#[cfg(test)]
pub(super) const ICE_REQUEST: &[u8] = b"\x00\x01\x00\x54\x21\x12\xa4\x42\xf3\x43\x94\x53\xb6\x98\xfb\x29\x50\xbb\x06\
\xed\x00\x06\x00\x09/pI0:ToEd\0\0\0\x00\x24\x00\x04\x6e\x6b\xfc\xff\x80\x29\x00\x08\x00\x00\x00\x00\x00\x04\xc2\xd1\
\x80\x54\x00\x01\x32\0\0\0\x80\x70\x00\x04\x00\x00\x00\x03\x00\x08\x00\x14\xfe\x92\x87\x6a\xd4\x6d\x7b\x79\x7d\x42\
\xeb\x8d\x79\xa8\x05\xfa\xf3\x1d\x72\xd1\x80\x28\x00\x04\x02\x00\xfc\x47";
#[cfg(test)]
pub(super) const ICE_RESPONSE: &[u8] = b"\x01\x01\x00\x4c\x21\x12\xa4\x42\xf3\x43\x94\x53\xb6\x98\xfb\x29\x50\xbb\x06\
\xed\x00\x20\x00\x08\x00\x01\x83\x66\x2b\x5f\xca\x71\x00\x06\x00\x09/pI0:ToEd\0\0\0\x80\x37\x00\x04\x00\x00\x00\x01\
\x80\x70\x00\x04\x00\x00\x00\x03\x00\x08\x00\x14\xf7\x5f\x23\x4b\x11\xf8\xe2\x56\x0e\xaf\x4d\xd7\x34\x48\x9d\x41\
\xa1\x6f\x7b\x1f\x80\x28\x00\x04\x0d\x26\xcb\x32";
#[cfg(test)]
const CLASSIC_REQUEST: &[u8] = b"\x00\x01\x00\x08\x94\x29\xef\x88\x29\x4d\xd5\x26\x32\xc7\x29\x31\xcb\x8d\xbb\x4c\
\x00\x03\x00\x04\x00\x00\x00\x00";
#[cfg(test)]
const CLASSIC_RESPONSE: &[u8] = b"\x01\x01\x00\x0c\x94\x29\xef\x88\x29\x4d\xd5\x26\x32\xc7\x29\x31\xcb\x8d\xbb\x4c\
\x00\x01\x00\x08\x00\x01\xd7\x0a\xac\x10\x3f\xe0";
/// Both of a TURN server that is not Microsoft's.
#[cfg(test)]
pub(super) const ALLOCATE: &[u8] = b"\x00\x03\x00\x08\x21\x12\xa4\x42\x41\x4b\x37\x51\x50\x79\x50\x4b\x39\x65\x75\x56\
\x00\x19\x00\x04\x11\x00\x00\x00";
#[cfg(test)]
const ALLOCATE_ERROR: &[u8] = b"\x01\x13\x00\x54\x21\x12\xa4\x42\x41\x4b\x37\x51\x50\x79\x50\x4b\x39\x65\x75\x56\
\x00\x09\x00\x10\x00\x00\x04\x01unauthorized\x00\x15\x00\x28bb031d61cc1be82e2401435ed52f26fba62483\0\0\
\x00\x14\x00\x0fturner.facebook\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;

    fn whole(bytes: &[u8]) -> Datagram<'_> {
        Datagram { bytes, length: bytes.len() }
    }

    /// A datagram of which the first `n` bytes were captured.
    fn cut(bytes: &[u8], n: usize) -> Datagram<'_> {
        Datagram { bytes: &bytes[..n], length: bytes.len() }
    }

    const fn certain(speaker: Speaker) -> Probe {
        Probe::Certain(Sighting::of(Protocol::Stun, speaker))
    }

    #[test]
    fn binding_is_said_by_both_ends_and_turn_is_not() {
        for &(name, bytes) in SAMPLES {
            let speaker = match name {
                "udp RFC 5766 allocate" => Speaker::Initiator,
                "udp RFC 5766 allocate error" => Speaker::Responder,
                _ => Speaker::Either,
            };
            assert_eq!(datagram(whole(bytes)), certain(speaker), "{name}");
        }
    }

    #[test]
    fn types_fall_apart_into_method_and_class() {
        let message = |kind| Message { kind, ms_turn: false, data: None };
        let cases = [
            (0x0001, 1, Class::Request, Speaker::Either),
            (0x0011, 1, Class::Indication, Speaker::Either),
            (0x0111, 1, Class::Error, Speaker::Either),
            (0x0004, 4, Class::Request, Speaker::Initiator),
            (0x0104, 4, Class::Success, Speaker::Responder),
            (0x0016, 6, Class::Indication, Speaker::Initiator),
            (0x0017, 7, Class::Indication, Speaker::Responder),
            (0x0118, 8, Class::Error, Speaker::Responder),
            (0x0009, 9, Class::Request, Speaker::Initiator),
            (0x001c, 12, Class::Indication, Speaker::Responder),
            (0x3eef, 0xfff, Class::Request, Speaker::Either),
        ];
        for (kind, method, class, speaker) in cases {
            let message = message(kind);
            assert_eq!((message.method(), message.class(), message.speaker()), (method, class, speaker), "{kind:04x}");
        }
    }

    #[test]
    fn cut_anywhere_it_is_never_something_else() {
        for &(name, bytes) in SAMPLES {
            let full = datagram(whole(bytes));
            let mut was_certain = false;
            for n in 0..=bytes.len() {
                // By the snaplen.
                let probe = datagram(cut(bytes, n));
                match probe {
                    Probe::Certain(_) => assert_eq!(probe, full, "{name} {n}"),
                    Probe::Unsure(more) => assert!(more > n && more <= bytes.len(), "{name} {n} {more}"),
                    Probe::NotMe => panic!("{name} {n}"),
                }
                assert!(!was_certain || probe == full, "{name} {n}");
                was_certain |= probe == full;
                // By the sender: the length no longer agrees.
                if n < bytes.len() {
                    assert_eq!(datagram(whole(&bytes[..n])), Probe::NotMe, "{name} {n}");
                }
            }
            assert!(was_certain);
            let early = datagram(cut(bytes, PEEK.min(bytes.len())));
            assert_eq!(early == full, !name.contains("3489") || bytes.len() == PEEK, "{name}");
        }
    }

    #[test]
    fn the_relayed_message_is_found() {
        let mut bytes =
            b"\x00\x17\x00\x00\x21\x12\xa4\x42idididididid\x00\x12\x00\x08\x00\x01abcdef\x00\x13\x00\x03xyz\0".to_vec();
        bytes[3] = u8::try_from(bytes.len() - HEADER).unwrap();
        let message = message(whole(&bytes)).unwrap();
        assert_eq!(message.relayed(whole(&bytes)).unwrap().bytes, b"xyz");
        let captured = cut(&bytes, bytes.len() - 3);
        let relayed = super::message(captured).unwrap().relayed(captured).unwrap();
        assert_eq!((relayed.bytes, relayed.length), (&b"x"[..], 3));
        // A length that runs past the message is not followed.
        let at = bytes.len() - 5;
        bytes[at] = 200;
        assert_eq!(super::message(whole(&bytes)), None);
    }

    #[test]
    fn without_the_cookie_everything_must_be_known() {
        let with = |at: usize, value: u8| {
            let mut bytes = CLASSIC_RESPONSE.to_vec();
            bytes[at] = value;
            datagram(whole(&bytes))
        };
        assert_eq!(with(0, 0x02), Probe::NotMe, "type");
        assert_eq!(with(21, 0x21), Probe::NotMe, "attribute");
        assert_eq!(with(23, 0x04), Probe::NotMe, "attribute's length");
        assert_eq!(datagram(whole(&CLASSIC_REQUEST[..20])), Probe::NotMe);
        // No attributes at all is too little.
        let bare = [&b"\x00\x01\x00\x00"[..], &CLASSIC_REQUEST[4..20]].concat();
        assert_eq!(datagram(whole(&bare)), Probe::NotMe);
        // With a cookie it is enough.
        let bare = [&b"\x00\x01\x00\x00"[..], &COOKIE, &[7; 12]].concat();
        assert_eq!(datagram(whole(&bare)), certain(Speaker::Either));
    }

    #[test]
    fn noise_is_not_stun() {
        let mut noise = Noise::new(0x9e37_79b9_7f4a_7c15);
        for _ in 0..10_000 {
            let length = noise.below(200);
            let mut bytes: Vec<u8> = noise.bytes(length);
            // Half of them with a plausible type and the right length.
            if let (true, Some(head)) = (noise.next() & 1 == 0, bytes.first_chunk_mut::<4>()) {
                *head = [0, 1, 0, length.saturating_sub(HEADER) as u8];
            }
            assert!(!matches!(datagram(whole(&bytes)), Probe::Certain(_)), "{bytes:02x?}");
            let longer = Datagram { bytes: &bytes, length: length + 40 };
            assert!(!matches!(datagram(longer), Probe::Certain(_)), "{bytes:02x?}");
        }
    }

    #[test]
    fn many_attributes_cost_a_bounded_walk() {
        let mut bytes = b"\x00\x01\xff\xfc\x21\x12\xa4\x42idididididid".to_vec();
        bytes.resize(HEADER + 0xfffc, 0);
        assert_eq!(datagram(whole(&bytes)), Probe::NotMe);
    }
}
