//! RDP, by the negotiation that opens it.
//!
//! In: bytes of a stream. Out: a [`Probe`]. Must not know: ports, rows, who signs in.
//!
//! [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2, in X.224 §13.3 and §13.4 TPDUs, in RFC 1006 packets. Many protocols share these
//! frames (H.323, T.120, S7): without a cookie or a negotiation it is none of RDP's.

use super::Prefix;
use super::read::{Read, answer, array, be16, byte, le32, literal, require, together};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes of the packet's header, and of the TPDU's fixed part behind it.
const FRAME: usize = 4;
const FIXED: usize = 11;
/// The first byte of the TPDU, its length, counts neither itself nor the packet's header.
const UNCOUNTED: usize = 5;

/// Connection request and confirm.
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;

const COOKIE: &[u8] = b"Cookie: ";
/// Negotiations are eight bytes: type, flags, this length, a number.
const NEGOTIATION: usize = 8;
const ASKS: u8 = 1;
const AGREES: u8 = 2;
const FAILS: u8 = 3;
/// Correlation information may follow; its flags are zero, and it is this long.
const CORRELATION: usize = 36;
/// The protocols that may be asked for: TLS, CredSSP, RDSTLS, CredSSP with early authorisation, AAD.
const PROTOCOLS: u32 = 0x1f;

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    answer(connection(prefix.bytes).map(|speaker| Sighting::of(Protocol::Rdp, speaker)))
}

fn connection(bytes: &[u8]) -> Read<Speaker> {
    let at = literal(bytes, 0, &[3, 0])?;
    let end = usize::from(together(be16(bytes, at), FIXED)?);
    require(end > FIXED)?;
    let fixed = || {
        require(usize::from(byte(bytes, FRAME)?) + UNCOUNTED == end)?;
        let kind = byte(bytes, FRAME + 1)?;
        require(matches!(kind, REQUEST | CONFIRM))?;
        // The other end's reference is not known in a request. The class is 0.
        require(kind == CONFIRM || be16(bytes, FRAME + 2)? == 0)?;
        literal(bytes, FIXED - 1, &[0])?;
        Ok(kind)
    };
    let kind = together(fixed(), FIXED)?;
    let speaker = if kind == CONFIRM { confirm(bytes, end) } else { request(bytes, end) };
    let speaker = together(speaker, end)?;
    byte(bytes, end - 1)?;
    Ok(speaker)
}

/// A cookie or routing token, a negotiation, or both; nothing else, and to the end.
fn request(bytes: &[u8], end: usize) -> Read<Speaker> {
    let mut at = FIXED;
    let cookie = byte(bytes, at)? == b'C';
    if cookie {
        literal(bytes, at, COOKIE)?;
        let text = bytes.get(at..end.min(bytes.len())).unwrap_or_default();
        let line = text.windows(2).position(|pair| pair == b"\r\n");
        let line = line.ok_or(if bytes.len() < end { Probe::Unsure(end) } else { Probe::NotMe })?;
        at += line + 2;
    }
    if !(cookie && at == end) {
        require(at + NEGOTIATION == end || at + NEGOTIATION + CORRELATION == end)?;
        let (kind, number) = negotiation(bytes, at)?;
        require(kind == ASKS && number & !PROTOCOLS == 0)?;
    }
    Ok(Speaker::Initiator)
}

/// A protocol chosen, or a reason why none is.
fn confirm(bytes: &[u8], end: usize) -> Read<Speaker> {
    require(end == FIXED + NEGOTIATION)?;
    let (kind, number) = negotiation(bytes, FIXED)?;
    require(match kind {
        AGREES => number & !PROTOCOLS == 0 && number.count_ones() <= 1,
        FAILS => (1..=7).contains(&number),
        _ => false,
    })?;
    Ok(Speaker::Responder)
}

/// The type and the number of a negotiation.
fn negotiation(bytes: &[u8], at: usize) -> Read<(u8, u32)> {
    let read = || {
        let [kind, _] = array(bytes, at)?;
        let next = literal(bytes, at + 2, &[8, 0])?;
        Ok((kind, le32(bytes, next)?))
    };
    together(read(), at + NEGOTIATION)
}

/// The example of [MS-RDPBCGR] 4.1.1, and a client and a server of Windows with the TLS that follows.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] =
    &[("request with a cookie", WITH_COOKIE), ("request", &WITHOUT_COOKIE), ("confirm", &CONFIRMED)];
#[cfg(test)]
const WITH_COOKIE: &[u8] = b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n\x01\0\x08\0\0\0\0\0";
#[cfg(test)]
const WITHOUT_COOKIE: [u8; 30] = super::cuts::hex("030000130ee00000000000010008000b00000016030100a8010000a40303");
#[cfg(test)]
const CONFIRMED: [u8; 29] = super::cuts::hex("030000130ed00000123400021f08000800000016030304960200005103");

#[cfg(test)]
mod tests {
    use super::super::cuts::{answers, asks, no_noise_in_streams, sighted, stream as prefixes};
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Rdp);

    /// A packet with its lengths.
    fn packet(kind: u8, variable: &[u8]) -> Vec<u8> {
        let length = u8::try_from(FIXED + variable.len()).unwrap();
        [&[3, 0, 0, length, length - 5, kind, 0, 0, 0, 0, 0], variable].concat()
    }

    #[test]
    fn requests() {
        assert_eq!(prefixes(stream, WITH_COOKIE), ASKS.map(|sighting| (0x2c, sighting)));
        assert_eq!(prefixes(stream, &WITHOUT_COOKIE), ASKS.map(|sighting| (19, sighting)));
        let token = b"Cookie: msts=3640205228.15629.0000\r\n";
        assert_eq!(sighted(prefixes(stream, &packet(REQUEST, token))), ASKS);
        let correlated = [&[ASKS_TLS, &[6, 0, 36, 0]].concat()[..], &[7; 32]].concat();
        assert_eq!(prefixes(stream, &packet(REQUEST, &correlated)), ASKS.map(|sighting| (55, sighting)));
    }

    const ASKS_TLS: &[u8] = &[1, 0, 8, 0, 3, 0, 0, 0];

    #[test]
    fn confirmations() {
        let expected = answers(Protocol::Rdp);
        assert_eq!(prefixes(stream, &CONFIRMED), expected.map(|sighting| (19, sighting)));
        assert_eq!(sighted(prefixes(stream, &packet(CONFIRM, &[FAILS, 0, 8, 0, 5, 0, 0, 0]))), expected);
        for wrong in [[AGREES, 0, 8, 0, 3, 0, 0, 0], [AGREES, 0, 8, 0, 0x20, 0, 0, 0], [FAILS, 0, 8, 0, 0, 0, 0, 0]] {
            assert_eq!(prefixes(stream, &packet(CONFIRM, &wrong)), None, "{wrong:?}");
        }
        assert_eq!(prefixes(stream, &packet(CONFIRM, ASKS_TLS)), None);
    }

    #[test]
    fn others_in_the_same_frames() {
        // Nothing variable; S7's selectors; T.125 data; H.225 without a TPDU; text without an end.
        assert_eq!(prefixes(stream, &packet(REQUEST, &[])), None);
        assert_eq!(prefixes(stream, &packet(CONFIRM, &[])), None);
        assert_eq!(prefixes(stream, &packet(REQUEST, &[0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2])), None);
        assert_eq!(prefixes(stream, &[3, 0, 1, 0xa0, 2, 0xf0, 0x80, 0x7f, 0x65, 0x82, 1, 0x94]), None);
        assert_eq!(prefixes(stream, &[3, 0, 4, 0xaf, 8, 2, 0x2c, 0x93, 5, 4, 3, 0x80, 0x90, 0xa3]), None);
        assert_eq!(prefixes(stream, &packet(REQUEST, b"Cookie: mstshash=eltons")), None);
        assert_eq!(prefixes(stream, &packet(REQUEST, b"Cookie: a\r\nb")), None);
    }

    #[test]
    fn lengths_must_fit() {
        for (at, value) in
            [(0, 2), (1, 1), (3, 0x2d), (4, 0x26), (5, 0xf0), (6, 1), (10, 2), (11, b'c'), (35, 9), (38, 1)]
        {
            let mut wrong = WITH_COOKIE.to_vec();
            wrong[at] = value;
            assert_eq!(prefixes(stream, &wrong), None, "{at}");
        }
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
    }
}
