//! LDAP 3 in the clear, over TCP and (CLDAP) over UDP.
//!
//! In: bytes of a stream or one datagram. Out: a [`Probe`]. Must not know: ports, rows, what is searched.
//!
//! RFC 4511 §4, in BER (RFC 4511 §5.1). [MS-ADTS] 6.3.3 for the search over UDP by which clients find their domain.
//! A connection that Kerberos signs (SASL, RFC 4752 and RFC 4121) still shows its messages; once it is sealed they cannot
//! be told from anyone else's.

use super::ber::{Element, element};
use super::read::{Read, answer, answer_whole, be16, be32, byte, length, literal, require};
use super::{Datagram, Prefix};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATION: u8 = 0x0a;
const STRING: u8 = 0x04;
const IDENTIFIER: u8 = 0x80;
const CONTROLS: u8 = 0xa0;

/// Bytes before a message that SASL protects, and of a Kerberos token without its checksum.
const LENGTH: usize = 4;
const TOKEN: usize = 16;
/// Flags of such a token: the server sent it; its key is the server's. The third would be that it is sealed.
const BY_ACCEPTOR: u8 = 1;
const BY_SUBKEY: u8 = 4;

/// What an operation holds, or begins with.
#[derive(Clone, Copy, Debug)]
enum Holds {
    /// A version: an integer, 2 or 3.
    Version,
    /// A name: an octet string, which may be empty.
    Name,
    /// A result: an enumeration, then a name.
    Result,
    /// An object identifier in a context tag, in digits.
    Identifier,
    /// A distinguished name, and nothing else.
    Entry,
    /// The number of another message, and nothing else.
    Number,
    Nothing,
}

/// Operations: tag, who sends it, what it holds. (RFC 4511 §4.2 to §4.14)
const OPERATIONS: &[(u8, Speaker, Holds)] = &[
    (0x60, Speaker::Initiator, Holds::Version), // bind
    (0x61, Speaker::Responder, Holds::Result),
    (0x42, Speaker::Initiator, Holds::Nothing), // unbind
    (0x63, Speaker::Initiator, Holds::Name),    // search
    (0x64, Speaker::Responder, Holds::Name),
    (0x65, Speaker::Responder, Holds::Result),
    (0x73, Speaker::Responder, Holds::Name),
    (0x66, Speaker::Initiator, Holds::Name), // modify
    (0x67, Speaker::Responder, Holds::Result),
    (0x68, Speaker::Initiator, Holds::Name), // add
    (0x69, Speaker::Responder, Holds::Result),
    (0x4a, Speaker::Initiator, Holds::Entry), // delete
    (0x6b, Speaker::Responder, Holds::Result),
    (0x6c, Speaker::Initiator, Holds::Name), // rename
    (0x6d, Speaker::Responder, Holds::Result),
    (0x6e, Speaker::Initiator, Holds::Name), // compare
    (0x6f, Speaker::Responder, Holds::Result),
    (0x50, Speaker::Initiator, Holds::Number),     // abandon
    (0x77, Speaker::Initiator, Holds::Identifier), // extended
    (0x78, Speaker::Responder, Holds::Result),
    (0x79, Speaker::Responder, Holds::Identifier), // intermediate
];

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let bytes = prefix.bytes;
    let speaker = match byte(bytes, 0) {
        Ok(0) => signed(bytes),
        _ => message(bytes, 0).map(|(speaker, _)| speaker),
    };
    answer(speaker.map(|speaker| Sighting::of(Protocol::Ldap, speaker)))
}

/// A message behind its length (RFC 4422 §3.7) and a Kerberos token that signs it: its checksum comes first, as Windows
/// rotates it. (RFC 4121 §4.2.6.2, [MS-KILE] 3.1.1.2)
fn signed(bytes: &[u8]) -> Read<Speaker> {
    let end = LENGTH + length(be32(bytes, 0)?)?;
    let at = literal(bytes, LENGTH, &[5, 4])?;
    let flags = byte(bytes, at)?;
    require(flags & !(BY_ACCEPTOR | BY_SUBKEY) == 0)?;
    literal(bytes, at + 1, &[0xff])?;
    let (checksum, rotated) = (be16(bytes, at + 2)?, be16(bytes, at + 4)?);
    require(checksum == rotated && matches!(checksum, 12..=24))?;
    let (speaker, inner) = message(bytes, LENGTH + TOKEN + usize::from(checksum))?;
    let expected = if flags & BY_ACCEPTOR == 0 { Speaker::Initiator } else { Speaker::Responder };
    // Further messages may be signed with it.
    require(inner <= end && speaker == expected)?;
    Ok(speaker)
}

/// Over UDP: one or more messages, one behind the other, as the entry found and the end of the search.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(messages(datagram), datagram.length)
}

fn messages(Datagram { bytes, length }: Datagram<'_>) -> Read<Sighting> {
    let (speaker, mut end) = message(bytes, 0)?;
    while end < length.min(bytes.len()) {
        end = match message(bytes, end) {
            Err(Probe::Unsure(_)) if bytes.len() < length => break,
            next => next?.1,
        };
    }
    // What was not captured may be further messages.
    require(end == length || bytes.len() < length && end < length)?;
    Ok(Sighting::of(Protocol::Ldap, speaker))
}

/// The message at an offset: who sends it, and where it ends. Its number, an operation that fits, and behind one that
/// says little at most controls.
fn message(bytes: &[u8], at: usize) -> Read<(Speaker, usize)> {
    let outer = element(bytes, at, SEQUENCE)?;
    let number = element(bytes, outer.start, INTEGER)?;
    require((1..=4).contains(&number.length()) && byte(bytes, number.start)? < 0x80)?;
    let tag = byte(bytes, number.end)?;
    let row = OPERATIONS.iter().find(|(known, ..)| *known == tag);
    let &(_, speaker, holds) = row.ok_or(Probe::NotMe)?;
    let operation = element(bytes, number.end, tag)?;
    require(operation.end <= outer.end)?;
    holds.check(bytes, operation)?;
    if operation.end < outer.end && !holds.proves_enough() {
        require(element(bytes, operation.end, CONTROLS)?.end == outer.end)?;
    }
    Ok((speaker, outer.end))
}

impl Holds {
    /// Whether it proves enough before what follows the operation is seen, which therefore cannot take it back.
    const fn proves_enough(self) -> bool {
        matches!(self, Self::Version | Self::Name | Self::Result | Self::Identifier)
    }

    /// Whether the operation holds that. What is nested must fit into what it is nested in.
    fn check(self, bytes: &[u8], operation: Element) -> Read<()> {
        let Element { start, end } = operation;
        let first = |tag| {
            let first = element(bytes, start, tag)?;
            require(first.end <= end).map(|()| first)
        };
        match self {
            Self::Version => {
                let at = literal(bytes, start, &[INTEGER, 1])?;
                require(matches!(byte(bytes, at)?, 2 | 3))
            }
            Self::Name => first(STRING).map(|_| ()),
            Self::Result => {
                // No code that is assigned needs more bits. (RFC 4511 §4.1.9)
                let at = literal(bytes, start, &[ENUMERATION, 1])?;
                require(byte(bytes, at)? < 0x80 && byte(bytes, at + 1)? == STRING)
            }
            Self::Identifier => {
                let identifier = first(IDENTIFIER)?;
                require(identifier.length() > 2 && byte(bytes, identifier.start)?.is_ascii_digit())
            }
            Self::Entry => {
                let name = bytes.get(start..end).ok_or(Probe::Unsure(end))?;
                require(name.contains(&b'=') && !name.iter().any(u8::is_ascii_control))
            }
            Self::Number => require((1..=4).contains(&operation.length())),
            Self::Nothing => require(operation.length() == 0),
        }
    }
}

/// A client and a server that find each other (over UDP), one that binds by NTLM, one that wants TLS, and goodbye.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("search", &SEARCH),
    ("found and done", &FOUND),
    ("bind", &BIND),
    ("extended", &START_TLS),
    ("extended answered", &STARTED_TLS),
    ("unbind", &UNBIND),
    ("search, signed", &SIGNED),
];
#[cfg(test)]
const SEARCH: [u8; 158] = super::cuts::hex(
    "30840000009802010163840000008f04000a01000a0100020100020100010100a08400000068a384000000180409446e73446f6d\
     61696e040b636f6e746f736f2e636f6da384000000120404486f7374040a454e44504f494e543031a3840000000d04054e745665\
     72040416000000a38400000019040b446e73486f73744e616d65040a454e44504f494e54303130840000000a04084e65746c6f67\
     6f6e",
);
#[cfg(test)]
const FOUND: [u8; 168] = super::cuts::hex(
    "30840000008c020101648400000083040030840000007b30840000007504084e65746c6f676f6e318400000065046317000000fd\
     f1030003524c11cb787845844f1d678b9ce34c07636f6e746f736f03636f6d00c018055355543031c01807434f4e544f534f0005\
     535554303100001744656661756c742d46697273742d536974652d4e616d6500c04005000000ffffffff30840000001002010165\
     84000000070a010004000400",
);
#[cfg(test)]
const BIND: [u8; 54] = super::cuts::hex(
    "3034020101602f0201030400a32804044e544c4d04204e544c4d5353500001000000070200000000000020000000000000002000\
     0000",
);
#[cfg(test)]
const START_TLS: [u8; 31] = super::cuts::hex("301d02010177188016312e332e362e312e342e312e313436362e3230303337");
#[cfg(test)]
const STARTED_TLS: [u8; 14] = super::cuts::hex("300c02010178070a010004000400");
#[cfg(test)]
const UNBIND: [u8; 11] = super::cuts::hex("30840000000502011b4200");

/// From the middle of a connection; its answer begins with [`SIGNED_ANSWER`].
#[cfg(test)]
const SIGNED: [u8; 188] = super::cuts::hex(
    "000000b8050404ff000c000c0000000014372625120200ad3a3fb1b31e9250863084000000960202077363840000005e0422\
     434e3d746573742c434e3d55736572732c44433d636f6e746f736f2c44433d636f6d0a01000a010002022710020202580101\
     00870b6f626a656374436c61737330840000001604146e54536563757269747944657363726970746f72a084000000283084\
     000000220416312e322e3834302e3131333535362e312e342e3830310101ff04053003020108",
);
#[cfg(test)]
const SIGNED_ANSWER: [u8; 80] = super::cuts::hex(
    "00000121050405ff000c000c000000001451220bd388874c9f1e8631c837b8e73084000000e8020207736484000000de0422\
     434e3d746573742c434e3d55736572732c44433d636f6e746f736f2c4443",
);

#[cfg(test)]
mod tests {
    use super::super::cuts::{
        answers, asks, datagram as cut, midstream, no_noise_in_datagrams, no_noise_in_streams, sighted, start,
        stream as prefixes, whole,
    };
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Ldap);
    const ANSWERS: Option<Sighting> = answers(Protocol::Ldap);

    /// A message of this operation, then what else it has.
    fn message(tag: u8, content: &[u8], rest: &[u8]) -> Vec<u8> {
        let operation = [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let inner = [&[INTEGER, 2, 0x01, 0x2c], &operation[..], rest].concat();
        [&[SEQUENCE, u8::try_from(inner.len()).unwrap()], &inner[..]].concat()
    }

    #[test]
    fn streams() {
        assert_eq!(prefixes(stream, &BIND), ASKS.map(|sighting| (10, sighting)));
        assert_eq!(prefixes(stream, &START_TLS), ASKS.map(|sighting| (10, sighting)));
        assert_eq!(prefixes(stream, &STARTED_TLS), ANSWERS.map(|sighting| (11, sighting)));
        assert_eq!(prefixes(stream, &SEARCH), ASKS.map(|sighting| (17, sighting)));
        assert_eq!(prefixes(stream, &FOUND), ANSWERS.map(|sighting| (17, sighting)));
        assert_eq!(midstream(stream, &UNBIND), ASKS.map(|sighting| (11, sighting)));
    }

    #[test]
    fn datagrams() {
        assert_eq!(cut(datagram, &SEARCH), ASKS.map(|sighting| (17, sighting)));
        assert_eq!(sighted(cut(datagram, &FOUND)), ANSWERS);
        // A message that ends before its datagram does, and one that does not end with it.
        assert_eq!(datagram(whole(&[&SEARCH[..], &[0]].concat())), Probe::NotMe);
        assert_eq!(datagram(whole(&SEARCH[..SEARCH.len() - 1])), Probe::NotMe);
        assert_eq!(sighted(cut(datagram, &UNBIND.repeat(5))), ASKS);
        assert_eq!(datagram(whole(&UNBIND.repeat(5000))), Probe::Certain(ASKS.unwrap()));
    }

    #[test]
    fn every_operation() {
        for &(tag, speaker, holds) in OPERATIONS {
            let content: &[u8] = match holds {
                Holds::Version => &[2, 1, 3, 4, 0, 0x80, 0],
                Holds::Name => b"\x04\x04CN=a\x0a\x01\0\x0a\x01\0",
                Holds::Result => &[0x0a, 1, 32, 4, 0, 4, 0],
                Holds::Identifier => b"\x80\x161.3.6.1.4.1.1466.20037",
                Holds::Entry => b"CN=a",
                Holds::Number => &[7],
                Holds::Nothing => &[],
            };
            let controls = [CONTROLS, 3, 0x30, 1, 4];
            let expected = Some(Sighting::of(Protocol::Ldap, speaker));
            for rest in [&[][..], &controls] {
                assert_eq!(sighted(prefixes(stream, &message(tag, content, rest))), expected, "{tag:02x}");
                assert_eq!(sighted(cut(datagram, &message(tag, content, rest))), expected, "{tag:02x}");
            }
            // Controls that do not end with the message, and something else: of no matter where all was certain before.
            for rest in [&[CONTROLS, 2, 0x30, 1, 4][..], &[0x30, 3, 0x30, 1, 4]] {
                let expected = expected.filter(|_| holds.proves_enough());
                assert_eq!(sighted(prefixes(stream, &message(tag, content, rest))), expected, "{tag:02x}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_none() {
        for (tag, content) in [
            (0x60, &[2, 1, 4][..]),
            (0x60, &[2, 2, 0, 3]),
            (0x61, &[0x0a, 2, 0, 1]),
            (0x61, &[0x0a, 1, 0x80, 4, 0]),
            (0x61, &[0x0a, 1, 0, 5, 0]),
            (0x63, &[4, 5, b'a']),
            (0x4a, b"no name"),
            (0x4a, b"CN=\0"),
            (0x50, &[1, 2, 3, 4, 5]),
            (0x42, &[0]),
            (0x77, b"\x80\x04no"),
            (0x77, b"\x80\x04oid."),
            (0x62, &[4, 0]),
        ] {
            assert_eq!(stream(start(&message(tag, content, &[]))), Probe::NotMe, "{tag:02x} {content:02x?}");
        }
        // SNMP, a number that is negative or too long, an operation longer than its message.
        assert_eq!(prefixes(stream, b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x05"), None);
        assert_eq!(prefixes(stream, &[0x30, 5, 2, 1, 0x81, 0x42, 0]), None);
        assert_eq!(prefixes(stream, &[0x30, 9, 2, 5, 0, 0, 0, 0, 1, 0x42, 0]), None);
        assert_eq!(prefixes(stream, &[0x30, 8, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4]), None);
    }

    #[test]
    fn signed_by_kerberos() {
        assert_eq!(midstream(stream, &SIGNED), ASKS.map(|sighting| (50, sighting)));
        assert_eq!(sighted(midstream(stream, &SIGNED_ANSWER)), ANSWERS);
        // Sealed, not rotated, sent by the other end, no longer than its token, no token.
        for (at, value) in [(6, 6), (11, 28), (6, 5), (3, 0x20), (4, 6), (7, 0)] {
            let mut bytes = SIGNED;
            bytes[at] = value;
            assert_eq!(midstream(stream, &bytes), None, "{at}");
        }
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
        no_noise_in_datagrams(datagram);
    }
}
