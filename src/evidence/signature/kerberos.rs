//! Kerberos 5, and its change of passwords.
//!
//! In: bytes of a stream or one datagram. Out: a [`Probe`]. Must not know: ports, rows, who signs in.
//!
//! RFC 4120 §5 and §7.2; RFC 3244 for the change of passwords.

use super::ber::element;
use super::read::{Read, answer, answer_whole, be16, be32, byte, length, literal, require, together};
use super::{Datagram, Prefix};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes of a stream's length field. Its highest bit is reserved. (RFC 4120 §7.2.2)
const LENGTH: usize = 4;

const AP_REQUEST: u8 = 14;
const AP_REPLY: u8 = 15;
const ERROR: u8 = 30;

/// Messages: their number, which is the application tag too; the context tag of the version, after which comes that of
/// the number; who sends it.
const MESSAGES: &[(u8, u8, Speaker)] = &[
    (10, 1, Speaker::Initiator),         // AS-REQ
    (11, 0, Speaker::Responder),         // AS-REP
    (12, 1, Speaker::Initiator),         // TGS-REQ
    (13, 0, Speaker::Responder),         // TGS-REP
    (AP_REQUEST, 0, Speaker::Initiator), // AP-REQ
    (AP_REPLY, 0, Speaker::Responder),   // AP-REP
    (20, 0, Speaker::Either),            // KRB-SAFE
    (21, 0, Speaker::Either),            // KRB-PRIV
    (22, 0, Speaker::Either),            // KRB-CRED
    (ERROR, 0, Speaker::Responder),      // KRB-ERROR
];

/// Application and constructed; context and constructed; sequence.
const APPLICATION: u8 = 0x60;
const CONTEXT: u8 = 0xa0;
const SEQUENCE: u8 = 0x30;

/// Header of a change of passwords: its length, a version, the length of the first message in it.
const CHANGE_HEADER: usize = 6;
/// Versions: to change one's own, and every answer; to set another's.
const CHANGE: u16 = 0x0001;
const SET: u16 = 0xff80;

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let bytes = prefix.bytes;
    let read = || {
        let number = be32(bytes, 0)?;
        require(number >> 31 == 0)?;
        one(bytes, LENGTH, length(number)?.checked_add(LENGTH).ok_or(Probe::NotMe)?)
    };
    answer(together(read(), LENGTH))
}

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(one(datagram.bytes, 0, datagram.length), datagram.length)
}

/// A message between two offsets, or a change of passwords.
fn one(bytes: &[u8], at: usize, end: usize) -> Read<Sighting> {
    let speaker = match byte(bytes, at)? & !0x1f {
        APPLICATION => message(bytes, at, Some(end))?.1,
        _ => change(bytes, at, end)?,
    };
    Ok(Sighting::of(Protocol::Kerberos, speaker))
}

/// The head of a message: two nested lengths that fit, the version 5, its number as the tag says. Which it is, and who
/// sends it.
fn message(bytes: &[u8], at: usize, end: Option<usize>) -> Read<(u8, Speaker)> {
    let tag = byte(bytes, at)?;
    let row = MESSAGES.iter().find(|(number, ..)| APPLICATION | number == tag);
    let &(number, version, speaker) = row.ok_or(Probe::NotMe)?;
    let outer = element(bytes, at, tag)?;
    require(end.is_none_or(|end| end == outer.end))?;
    let inner = element(bytes, outer.start, SEQUENCE)?;
    require(inner.end == outer.end)?;
    let fixed = [CONTEXT | version, 3, 2, 1, 5, CONTEXT | (version + 1), 3, 2, 1, number];
    require(inner.length() >= fixed.len())?;
    literal(bytes, inner.start, &fixed)?;
    Ok((number, speaker))
}

/// A request holds an AP-REQ; an answer holds an AP-REP, or nothing and then an error. (RFC 3244 §2)
fn change(bytes: &[u8], at: usize, end: usize) -> Read<Speaker> {
    require(at + usize::from(be16(bytes, at)?) == end)?;
    let version = be16(bytes, at + 2)?;
    require(matches!(version, CHANGE | SET))?;
    let first = usize::from(be16(bytes, at + 4)?);
    let start = at + CHANGE_HEADER;
    let expected = if first == 0 { end } else { start + first };
    require(expected <= end)?;
    let (number, speaker) = message(bytes, start, Some(expected))?;
    require(match first {
        0 => number == ERROR,
        _ => number == AP_REQUEST || number == AP_REPLY && version == CHANGE,
    })?;
    Ok(speaker)
}

/// Questions to a domain controller and its answers, as datagrams and as a stream; to change a password, put together
/// by RFC 3244 around the head of a real AP-REQ.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] =
    &[("as-req", &AS_REQUEST), ("krb-error", &KRB_ERROR), ("stream", &STREAMED), ("change", &CHANGE_REQUEST)];
#[cfg(test)]
const AS_REQUEST: [u8; 178] = super::cuts::hex(
    "6a81af3081aca103020105a20302010aa30e300c300aa10402020095a2020400a4818f30818ca00703050000000010a1233021a0\
     03020101a11a30181b1676616c69645f636c69656e745f7072696e636970616ca20b1b09564c4144472e4e4554a31e301ca00302\
     0102a11530131b066b72627467741b09564c4144472e4e4554a511180f32303135303131393232353435395aa70602047805a1eb\
     a814301202011202011102011002011702011902011a",
);
/// Likewise, over TCP.
#[cfg(test)]
const STREAMED: [u8; 255] = super::cuts::hex(
    "000000fb6a81f83081f5a103020105a20302010aa32c302a3011a10402020080a20904073005a0030101ff3015a104020200a7a2\
     0d040b3009a00703050080000000a481ba3081b7a00703050040810010a1163014a003020101a10d300b1b09636c69656e743031\
     24a20d1b0b434f4e544f534f2e434f4da320301ea003020102a11730151b066b72627467741b0b434f4e544f534f2e434f4da511\
     180f32303337303931333032343830355aa611180f32303337303931333032343830355aa70602046b3be567a816301402011202\
     01170202ff7b0201800201180202ff79a91d301b3019a003020114a1120410434c49454e5430312020202020202020",
);
#[cfg(test)]
const KRB_ERROR: [u8; 216] = super::cuts::hex(
    "7e81d53081d2a003020105a10302011ea411180f32303136303830383135303234365aa50502030ad701a603020119a90d1b0b43\
     4f4e544f534f2e434f4daa20301ea003020102a11730151b066b72627467741b0b434f4e544f534f2e434f4dac7604743072304f\
     a103020113a24804463044302ca003020112a1251b23434f4e544f534f2e434f4d686f7374636c69656e7430312e636f6e746f73\
     6f2e636f6d3005a0030201173006a0040202ff7b3005a0030201803009a103020102a20204003009a103020110a20204003009a1\
     0302010fa2020400",
);
#[cfg(test)]
const CHANGE_REQUEST: [u8; 37] =
    super::cuts::hex("0025ff8000176e153013a003020105a10302010ea207030500000000007506300400000000");

#[cfg(test)]
mod tests {
    use super::super::cuts::{
        answers, asks, datagram as cut, midstream, no_noise_in_datagrams, no_noise_in_streams, sighted, start,
        stream as prefixes, whole,
    };
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Kerberos);
    const ANSWERS: Option<Sighting> = answers(Protocol::Kerberos);

    /// With the length of a stream before it.
    fn framed(message: &[u8]) -> Vec<u8> {
        [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    }

    #[test]
    fn questions_and_answers() {
        assert_eq!(cut(datagram, &AS_REQUEST), ASKS.map(|sighting| (16, sighting)));
        assert_eq!(cut(datagram, &KRB_ERROR), ANSWERS.map(|sighting| (16, sighting)));
        assert_eq!(prefixes(stream, &STREAMED), ASKS.map(|sighting| (20, sighting)));
        assert_eq!(sighted(midstream(stream, &STREAMED)), ASKS);
        assert_eq!(sighted(prefixes(stream, &framed(&KRB_ERROR))), ANSWERS);
    }

    #[test]
    fn every_message() {
        for &(number, version, speaker) in MESSAGES {
            let fixed = [CONTEXT | version, 3, 2, 1, 5, CONTEXT | (version + 1), 3, 2, 1, number];
            let inner = [&[SEQUENCE, 0x82, 1, 10][..], &fixed, &[0; 256]].concat();
            let message = [&[APPLICATION | number, 0x82, 1, 14][..], &inner].concat();
            let expected = Some(Sighting::of(Protocol::Kerberos, speaker));
            assert_eq!(sighted(cut(datagram, &message)), expected, "{number}");
            assert_eq!(prefixes(stream, &framed(&message)), expected.map(|sighting| (22, sighting)), "{number}");
        }
    }

    #[test]
    fn what_does_not_fit_is_none() {
        // A tag, two lengths, the version's tag and value, the number's.
        for at in [0, 2, 3, 5, 6, 10, 11, 15] {
            let mut wrong = AS_REQUEST;
            wrong[at] ^= 1;
            assert_eq!(cut(datagram, &wrong), None, "{at}");
            assert_eq!(prefixes(stream, &framed(&wrong)), None, "{at}");
        }
        assert_eq!(datagram(whole(&AS_REQUEST[..100])), Probe::NotMe);
        let mut streamed = STREAMED;
        for at in [0, 2, 3] {
            streamed[at] ^= 0x80;
            assert_eq!(prefixes(stream, &streamed), None, "{at}");
        }
        assert_eq!(stream(start(&[0, 0])), Probe::Unsure(4));
        // An LDAP bind has the tag of no Kerberos message, nor has SPNEGO.
        assert_eq!(datagram(whole(&[0x60, 2, 1, 1])), Probe::NotMe);
    }

    #[test]
    fn a_change_of_passwords() {
        assert_eq!(cut(datagram, &CHANGE_REQUEST), ASKS.map(|sighting| (20, sighting)));
        assert_eq!(sighted(prefixes(stream, &framed(&CHANGE_REQUEST))), ASKS);
        let mut own = CHANGE_REQUEST;
        (own[2], own[3]) = (0, 1);
        assert_eq!(sighted(cut(datagram, &own)), ASKS);
        let mut reply = own;
        (reply[6], reply[19]) = (APPLICATION | AP_REPLY, AP_REPLY);
        assert_eq!(sighted(cut(datagram, &reply)), ANSWERS);
        let length = u8::try_from(6 + KRB_ERROR.len()).unwrap();
        let refused = [&[0, length, 0, 1, 0, 0][..], &KRB_ERROR].concat();
        assert_eq!(sighted(cut(datagram, &refused)), ANSWERS);
        for (at, value) in [(1, 38), (2, 1), (3, 0x81), (4, 1), (5, 22), (6, 0x6a), (7, 22)] {
            let mut wrong = CHANGE_REQUEST;
            wrong[at] = value;
            assert_eq!(cut(datagram, &wrong), None, "{at}");
        }
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
        no_noise_in_datagrams(datagram);
    }
}
