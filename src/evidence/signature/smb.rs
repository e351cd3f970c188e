//! SMB 1, 2 and 3 over TCP, directly or in a NetBIOS session.
//!
//! In: bytes of a stream. Out: a [`Probe`], with the version as far as the message tells it.
//! Must not know: ports, rows, names and shares.
//!
//! [MS-CIFS] 2.2.3.1, [MS-SMB2] 2.2.1 to 2.2.4, 2.2.41, 2.2.42; RFC 1002 §4.3 for the frames around them.

use super::Prefix;
use super::read::{Read, array, be16, be32, byte, le16, le32, literal, require, together};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes before each message: its type, and its length in three bytes.
const FRAME: usize = 4;
/// Frames looked at.
const FRAMES: usize = 8;

/// Types of frames. Only a message has 24 bits of length; the others have 17, of which no more than 16 are used.
const MESSAGE: u8 = 0x00;
const SESSION_REQUEST: u8 = 0x81;
const POSITIVE_RESPONSE: u8 = 0x82;
const NEGATIVE_RESPONSE: u8 = 0x83;
const KEEP_ALIVE: u8 = 0x85;

/// SMB 1: its header, alone and with an empty body, and its commands that matter.
const SMB1_HEADER: usize = 32;
const SMB1_LEAST: usize = 35;
const SMB1_NEGOTIATE: u8 = 0x72;
const SMB1_LOCKING: u8 = 0x24;
/// SMB 2 and 3: the header, the size it states of itself, the highest command.
const SMB2_HEADER: usize = 64;
const SMB2_LAST_COMMAND: u16 = 0x12;
const SMB2_NEGOTIATE: u16 = 0;
/// The header before an encrypted message.
const ENCRYPTED_HEADER: usize = 52;
/// The header before a compressed message.
const COMPRESSED_HEADER: usize = 16;

/// A server that was asked in SMB 1 speaks SMB 2, and wants to be asked in it.
const ANY_DIALECT: u16 = 0x02ff;
/// Dialects: number, version. (3.0.2 is shown as 3.0.)
const DIALECTS: &[(u16, (u8, u8))] =
    &[(0x0202, (2, 0)), (ANY_DIALECT, (2, 0)), (0x0210, (2, 1)), (0x0300, (3, 0)), (0x0302, (3, 0)), (0x0311, (3, 1))];

/// Over TCP. The version is that of the responder's choice; a request to negotiate has none, for it offers several.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let bytes = prefix.bytes;
    // What is known before the message that tells most: a session request, or the answer that asks to be asked again.
    let mut so_far = None;
    let mut at = 0;
    for _ in 0..FRAMES {
        match frame(bytes, at, prefix.from_start) {
            Ok((Found::Told(sighting), _)) => return Probe::Certain(sighting),
            Ok((Found::More(sighting), end)) => (so_far, at) = (so_far.or(sighting), end),
            Err(Probe::Unsure(wanted)) if so_far.is_none() || !prefix.ended => return Probe::Unsure(wanted),
            Err(probe) => return so_far.map_or(probe, Probe::Certain),
        }
    }
    so_far.map_or(Probe::NotMe, Probe::Certain)
}

/// What a frame says.
enum Found {
    /// All that is asked.
    Told(Sighting),
    /// This much, or nothing; the next frame may say more.
    More(Option<Sighting>),
}

/// The frame at an offset, and where it ends.
fn frame(bytes: &[u8], at: usize, from_start: bool) -> Read<(Found, usize)> {
    let kind = byte(bytes, at)?;
    let start = at + FRAME;
    let speaker = match kind {
        MESSAGE => return together(message(bytes, at, from_start), start + FRAME),
        SESSION_REQUEST => Some(Speaker::Initiator),
        NEGATIVE_RESPONSE => Some(Speaker::Responder),
        POSITIVE_RESPONSE | KEEP_ALIVE => None,
        _ => return Err(Probe::NotMe),
    };
    literal(bytes, at + 1, &[0])?;
    let length = usize::from(be16(bytes, at + 2)?);
    let sighting = speaker.map(|speaker| Sighting::of(Protocol::Smb, speaker));
    match (kind, length) {
        (SESSION_REQUEST, _) => {
            let end = name(bytes, name(bytes, start)?)?;
            require(end == start + length)?;
        }
        // The reasons to refuse. (RFC 1002 §4.3.4)
        (NEGATIVE_RESPONSE, 1) => {
            require(matches!(byte(bytes, start)?, 0x80..=0x83 | 0x8f))?;
            return Ok((Found::Told(Sighting::of(Protocol::Smb, Speaker::Responder)), start + 1));
        }
        (POSITIVE_RESPONSE | KEEP_ALIVE, 0) => {}
        _ => return Err(Probe::NotMe),
    }
    Ok((Found::More(sighting), start + length))
}

/// The end of a NetBIOS name: 32 letters from A to P, without a scope. (RFC 1001 §14.1)
fn name(bytes: &[u8], at: usize) -> Read<usize> {
    let start = literal(bytes, at, &[0x20])?;
    let end = start + 0x20;
    let letters = bytes.get(start..bytes.len().min(end)).unwrap_or_default();
    require(letters.iter().all(|letter| matches!(letter, b'A'..=b'P')))?;
    literal(bytes, end, &[0])
}

/// The SMB message in a frame at an offset. The frame's type, three bytes of length that fit, and four of mark.
fn message(bytes: &[u8], at: usize, from_start: bool) -> Read<(Found, usize)> {
    let length = usize::try_from(be32(bytes, at)?).map_err(|_| Probe::NotMe)?;
    let start = at + FRAME;
    let mark = byte(bytes, start)?;
    literal(bytes, start + 1, b"SMB")?;
    let (least, found) = match mark {
        0xff => (SMB1_LEAST, smb1(bytes, start, from_start)?),
        0xfe => (SMB2_HEADER, smb2(bytes, start, length)?),
        0xfd => {
            // The flag that it is encrypted; before it two reserved bytes.
            require(le16(bytes, start + 42)? == 1)?;
            (ENCRYPTED_HEADER, told(Speaker::Either).version(3, 0).into())
        }
        0xfc => (COMPRESSED_HEADER, told(Speaker::Either).version(3, 1).into()),
        _ => return Err(Probe::NotMe),
    };
    require(length >= least)?;
    Ok((found, start + length))
}

const fn told(speaker: Speaker) -> Sighting {
    Sighting::of(Protocol::Smb, speaker)
}

impl From<Sighting> for Found {
    fn from(sighting: Sighting) -> Self {
        Self::Told(sighting)
    }
}

/// A request to negotiate is sent also by who has given up SMB 1; anything else is its use.
fn smb1(bytes: &[u8], start: usize, from_start: bool) -> Read<Found> {
    let header = array::<SMB1_HEADER>(bytes, start)?;
    let command = byte(&header, 4)?;
    let reply = byte(&header, 9)? & 0x80 != 0;
    // A server breaks an oplock by a request of its own.
    let speaker = match reply {
        true => Speaker::Responder,
        false if command == SMB1_LOCKING && !from_start => Speaker::Either,
        false => Speaker::Initiator,
    };
    let sighting = told(speaker);
    Ok(if command == SMB1_NEGOTIATE && !reply { sighting } else { sighting.version(1, 0) }.into())
}

/// The answer to a negotiation tells the dialect; where it is to be negotiated again, the next answer does.
fn smb2(bytes: &[u8], start: usize, length: usize) -> Read<Found> {
    require(usize::from(le16(bytes, start + 4)?) == SMB2_HEADER)?;
    let command = together(le16(bytes, start + 12), start + 20)?;
    require(command <= SMB2_LAST_COMMAND)?;
    let reply = le32(bytes, start + 16)? & 1 != 0;
    let sighting = told(if reply { Speaker::Responder } else { Speaker::Initiator });
    let refused = array::<4>(bytes, start + 8)? != [0; 4];
    if command != SMB2_NEGOTIATE || !reply || refused || length < SMB2_HEADER + 6 {
        return Ok(sighting.into());
    }
    let dialect = le16(bytes, start + SMB2_HEADER + 4)?;
    let version = DIALECTS.iter().find(|(known, _)| *known == dialect).map(|(_, version)| *version);
    let sighting = version.map_or(sighting, |(major, minor)| sighting.version(major, minor));
    Ok(if dialect == ANY_DIALECT { Found::More(Some(sighting)) } else { sighting.into() })
}

/// Negotiations of Windows clients and servers of several ages, and an encrypted message.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("negotiate", &NEGOTIATE),
    ("negotiate again", &ANY_THEN_311),
    ("smb 2 negotiate", &NEGOTIATE_2),
    ("netbios session", &SESSION),
    ("smb 1", &SMB1_RESPONSE),
    ("encrypted", &ENCRYPTED),
];
/// SMB 1, which offers SMB 2 too.
#[cfg(test)]
const NEGOTIATE: [u8; 73] = super::cuts::hex(
    "00000045ff534d4272000000001853c8000000000000000000000000fffffffe00000000002200024e54204c4d20302e31320002\
     534d4220322e3030320002534d4220322e3f3f3f00",
);
/// The answer to it: 2.???; and the answer to the next request: 3.1.1.
#[cfg(test)]
const ANY_THEN_311: [u8; 588] = super::cuts::hex(
    "000000f8fe534d424000000000000000000001000100000000000000000000000000000000000000000000000000000000000000\
     0000000000000000000000000000000041000300ff020000dbe31f68d5776e459997a0864e72292b070000000000800000008000\
     0000800003995faffc16d60100000000000000008000780000000000607606062b0601050502a06c306aa03c303a060a2b060104\
     01823702021e06092a864882f71201020206092a864886f712010202060a2a864886f71201020203060a2b06010401823702020a\
     a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f72650000014cfe534d42\
     40000000000000000000010001000000000000000100000000000000fffe00000000000000000000000000000000000000000000\
     00000000000000004100030011030300dbe31f68d5776e459997a0864e72292b2f00000000008000000080000000800003995faf\
     fc16d601000000000000000080007800f8000000607606062b0601050502a06c306aa03c303a060a2b06010401823702021e0609\
     2a864882f71201020206092a864886f712010202060a2a864886f71201020203060a2b06010401823702020aa32a3028a0261b24\
     6e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f72650100260000000000010020000100a8d2\
     42b3d3155108dcbe5ff2ec87f99c977ae9dfdb5fdabdfb2164b69b319abe00000200040000000000010002000000000003000c00\
     00000000020000000100000002000400",
);
#[cfg(test)]
const NEGOTIATE_2: [u8; 240] = super::cuts::hex(
    "000000ecfe534d4240000000000000000000000000000000000000000100000000000000fffe0000000000000000000000000000\
     0000000000000000000000000000000024000500010000007f000000be0b088be282ea11bdd900155d822f5b7000000004000000\
     0202100200030203110300000100260000000000010020000100af01a44823bab479db32f5ca64686f84a29f310d64238ba93b27\
     5e238230c70c00000200060000000000020002000100000003001000000000000400000001000000040002000300010005001c00\
     00000000640063002e0063006f006e0074006f0073006f002e0063006f006d00",
);
/// With a NetBIOS session request before it.
#[cfg(test)]
const SESSION: [u8; 209] = super::cuts::hex(
    "81000044204641444a44414441434143414341434143414341434143414341434143414341002046454445444143414341434143\
     414341434143414341434143414341434141410000000085ff534d4272000000001853c80000000000000000000000000000fffe\
     00000000006200025043204e4554574f524b2050524f4752414d20312e3000024c414e4d414e312e30000257696e646f77732066\
     6f7220576f726b67726f75707320332e316100024c4d312e325830303200024c414e4d414e322e3100024e54204c4d20302e3132\
     00",
);
/// The answer to that: the session is accepted, then NT LM 0.12.
#[cfg(test)]
const SMB1_RESPONSE: [u8; 93] = super::cuts::hex(
    "8200000000000055ff534d4272000000009853c80000000000000000000000000000fffe00000000110500030a00010004110000\
     0000010000000000fde300806ad3efa0c218cd01f000001000793ddf9bd1b0094d8eb8275d23f7739a",
);
#[cfg(test)]
const ENCRYPTED: [u8; 202] = super::cuts::hex(
    "000000c6fd534d4276176b1956ed2c9c5acf00a30c0485bc3aaa968f18ae61e6e76f1f000000000092000000000001003d000094\
     00480000e72898fada97bec718be0eed4d912a7fff8a04c53ec199aa0fda6697aa8166ca5a2910387ebbb05b9094c01236e3703e\
     3ba4a50cd4c5d69cca15ae5deea620fbc27e2035d68113a00018ecb9f1d8845f06ef5c9e98d9555941d4ad8ffe8ae1f8db408515\
     5d09c76afff9937955cfd103b639ae2485daf2ae529e8cf224dc827b7272c29001ea03f2266a87ef994c2467f391",
);

#[cfg(test)]
mod tests {
    use super::super::cuts::{asks, midstream, no_noise_in_streams, sighted, start, stream as prefixes};
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Smb);

    fn answers(major: u8, minor: u8) -> Option<Sighting> {
        super::super::cuts::answers(Protocol::Smb).map(|sighting| sighting.version(major, minor))
    }

    /// The first frame of the negotiation again.
    fn any() -> Vec<u8> {
        ANY_THEN_311[..252].to_vec()
    }

    #[test]
    fn a_request_to_negotiate_has_no_version() {
        assert_eq!(prefixes(stream, &NEGOTIATE), ASKS.map(|sighting| (36, sighting)));
        assert_eq!(prefixes(stream, &NEGOTIATE_2), ASKS.map(|sighting| (24, sighting)));
    }

    #[test]
    fn a_response_tells_the_dialect() {
        for (dialect, (major, minor)) in
            [(0x0202, (2, 0)), (0x0210, (2, 1)), (0x0300, (3, 0)), (0x0302, (3, 0)), (0x0311, (3, 1))]
        {
            let mut response = ANY_THEN_311[252..].to_vec();
            response[72..74].copy_from_slice(&u16::to_le_bytes(dialect));
            let expected = answers(major, minor).map(|sighting| (74, sighting));
            assert_eq!(prefixes(stream, &response), expected, "{dialect:x}");
        }
        // A dialect of the future; an error.
        let unknown = super::super::cuts::answers(Protocol::Smb);
        let mut response = ANY_THEN_311[252..].to_vec();
        response[72] = 0x77;
        assert_eq!(sighted(prefixes(stream, &response)), unknown);
        response[12] = 0xbb;
        assert_eq!(sighted(prefixes(stream, &response)), unknown);
    }

    #[test]
    fn a_server_that_wants_to_be_asked_again_is_asked_again() {
        assert_eq!(prefixes(stream, &ANY_THEN_311), answers(3, 1).map(|sighting| (252 + 74, sighting)));
        // If nothing follows, it is SMB 2 at least.
        assert_eq!(prefixes(stream, &any()), None);
        for n in [252, 300] {
            let ended = Prefix { bytes: &ANY_THEN_311[..n], from_start: true, ended: true };
            assert_eq!(stream(ended), answers(2, 0).map_or(Probe::NotMe, Probe::Certain), "{n}");
        }
        let broken = [&any()[..], b"nothing of SMB"].concat();
        assert_eq!(stream(start(&broken)), answers(2, 0).map_or(Probe::NotMe, Probe::Certain));
    }

    #[test]
    fn smb_1_is_what_is_used_not_what_is_offered() {
        assert_eq!(prefixes(stream, &SMB1_RESPONSE), answers(1, 0).map(|sighting| (40, sighting)));
        let mut message = NEGOTIATE;
        message[8] = 0x73;
        assert_eq!(sighted(prefixes(stream, &message)), ASKS.map(|sighting| sighting.version(1, 0)));
        // A server breaks an oplock unasked; only a client speaks first.
        message[8] = SMB1_LOCKING;
        let either = Sighting::of(Protocol::Smb, Speaker::Either).version(1, 0);
        assert_eq!(sighted(midstream(stream, &message)), Some(either));
        assert_eq!(sighted(prefixes(stream, &message)), ASKS.map(|sighting| sighting.version(1, 0)));
    }

    #[test]
    fn encrypted_and_compressed_messages() {
        let encrypted = Sighting::of(Protocol::Smb, Speaker::Either).version(3, 0);
        assert_eq!(sighted(midstream(stream, &ENCRYPTED)), Some(encrypted));
        let mut message = ENCRYPTED;
        message[46] = 2;
        assert_eq!(midstream(stream, &message), None);
        message[4] = 0xfc;
        let compressed = Sighting::of(Protocol::Smb, Speaker::Either).version(3, 1);
        assert_eq!(sighted(midstream(stream, &message)), Some(compressed));
    }

    #[test]
    fn netbios_sessions() {
        assert_eq!(prefixes(stream, &SESSION), ASKS.map(|sighting| (72 + 36, sighting)));
        // Nothing behind the request: who asks so, asks for SMB.
        let ended = |bytes| stream(Prefix { bytes, from_start: true, ended: true });
        assert_eq!(ended(&SESSION[..72]), ASKS.map_or(Probe::NotMe, Probe::Certain));
        assert_eq!(stream(start(&SESSION[..72])), Probe::Unsure(73));
        assert!(matches!(ended(&SESSION[..71]), Probe::Unsure(72)));
        // A name with another letter, with a scope, and of another length.
        for (at, value) in [(3, 0x43), (4, 0x21), (10, b'Q'), (37, 1), (38, 0x1f)] {
            let mut session = SESSION;
            session[at] = value;
            assert_eq!(prefixes(stream, &session), None, "{at}");
        }
        let refused = super::super::cuts::answers(Protocol::Smb);
        assert_eq!(prefixes(stream, &[0x83, 0, 0, 1, 0x82]), refused.map(|sighting| (5, sighting)));
        assert_eq!(prefixes(stream, &[0x83, 0, 0, 1, 0x84]), None);
        let alive = [&[KEEP_ALIVE, 0, 0, 0].repeat(3)[..], &NEGOTIATE_2].concat();
        assert_eq!(sighted(midstream(stream, &alive)), ASKS);
        assert_eq!(prefixes(stream, &[KEEP_ALIVE, 0, 0, 0].repeat(20)), None);
    }

    #[test]
    fn a_message_that_is_not_consistent_is_none() {
        // Too short a length, another mark, another size of header, another command.
        for (at, value) in [(3, 63), (5, b's'), (8, 65), (16, 0x13)] {
            let mut message = NEGOTIATE_2;
            message[at] = value;
            assert_eq!(prefixes(stream, &message), None, "{at}");
        }
        let mut message = NEGOTIATE;
        message[3] = 34;
        assert_eq!(prefixes(stream, &message), None);
        // From the middle of a message.
        assert_eq!(midstream(stream, &NEGOTIATE[4..]), None);
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
    }
}
