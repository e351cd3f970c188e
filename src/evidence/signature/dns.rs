//! DNS, with multicast DNS and LLMNR, which have its format.
//!
//! In: bytes of a stream or one datagram. Out: a [`Probe`]. Must not know: ports, rows, which names are asked for.
//!
//! RFC 1035 §4, RFC 1996 (notify), RFC 2136 (update), RFC 6762 (multicast), RFC 4795 (LLMNR). The NetBIOS name service
//! (RFC 1002 §4.2) has a similar header, and is told by its names.

use super::read::{Read, answer, answer_whole, array, be16, byte, require, together};
use super::{Datagram, Prefix};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes of the header.
const HEADER: usize = 12;
/// Bytes of a stream's length field.
const LENGTH: usize = 2;
/// Most questions: multicast DNS asks several at once.
const QUESTIONS: usize = 64;
/// Least bytes of a question and of a record, with a name of one byte.
const LEAST_QUESTION: usize = 5;
const LEAST_RECORD: usize = 11;
/// Longest name and label. (RFC 1035 §2.3.4)
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: u8 = 63;
/// Length of an encoded NetBIOS name, of letters from A to P. (RFC 1001 §14.1)
const NETBIOS: usize = 32;

/// Over TCP, with the length before each message. (RFC 1035 §4.2.2)
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let bytes = prefix.bytes;
    let read = || {
        let end = LENGTH + usize::from(be16(bytes, 0)?);
        require(end >= LENGTH + HEADER)?;
        message(bytes, LENGTH, end)
    };
    answer(together(read(), LENGTH + HEADER))
}

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(together(message(datagram.bytes, 0, datagram.length), HEADER), datagram.length)
}

/// The message between two offsets. It is certain if everything counted in its header stands there to the end; and if
/// its end was not captured, if a question and a record could be read.
fn message(bytes: &[u8], start: usize, end: usize) -> Read<Sighting> {
    let [_, _, high, low, counts @ ..] = array::<HEADER>(bytes, start)?;
    let reply = high & 0x80 != 0;
    // Query, notify or update; a reserved bit; and a request has no error.
    require(matches!(high >> 3 & 0x0f, 0 | 4 | 5) && low & 0x40 == 0 && (reply || low & 0x0f == 0))?;
    let count = |at| be16(&counts, at).map(usize::from);
    let questions = count(0)?;
    let records = count(2)? + count(4)? + count(6)?;
    // Without a question there is an answer of multicast DNS. A bare header proves nothing.
    require(questions <= QUESTIONS && (questions > 0 || reply && records > 0))?;
    require(start + HEADER + questions * LEAST_QUESTION + records * LEAST_RECORD <= end)?;
    let sighting = Sighting::of(
        Protocol::Dns,
        match (reply, questions) {
            (false, _) => Speaker::Initiator,
            // Nobody was asked: announcements are sent to the group.
            (true, 0) => Speaker::Either,
            (true, _) => Speaker::Responder,
        },
    );
    let walk = Walk { bytes, start, end };
    let mut at = start + HEADER;
    for _ in 0..questions {
        at = walk.question(at)?;
    }
    for read in 0..records {
        at = match walk.record(at) {
            Err(Probe::Unsure(_)) if questions > 0 && read > 0 => return Ok(sighting),
            next => next?,
        };
    }
    require(at == end)?;
    Ok(sighting)
}

struct Walk<'a> {
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl Walk<'_> {
    /// A name, a type, a class.
    fn question(&self, at: usize) -> Read<usize> {
        let at = self.name(at)?;
        let [t0, t1, c0, c1] = array(self.bytes, at)?;
        require(is_type([t0, t1]) && is_class([c0, c1]))?;
        self.within(at + 4)
    }

    /// The same, seconds to live, counted data.
    fn record(&self, at: usize) -> Read<usize> {
        let at = self.name(at)?;
        let [t0, t1, c0, c1] = array(self.bytes, at)?;
        // Of OPT the class is a size. (RFC 6891 §6.1.2)
        require(is_type([t0, t1]) && ([t0, t1] == [0, 41] || is_class([c0, c1])))?;
        let length = be16(self.bytes, at + 8)?;
        let next = self.within(at + 10 + usize::from(length))?;
        byte(self.bytes, next - 1)?;
        Ok(next)
    }

    /// The end of a name. A pointer ends it, and points backwards, behind the header.
    fn name(&self, start: usize) -> Read<usize> {
        let mut at = start;
        loop {
            let length = byte(self.bytes, at)?;
            match length {
                0 => return self.within(at + 1),
                0xc0.. => {
                    let target = usize::from(be16(self.bytes, at)? & 0x3fff) + self.start;
                    require(target >= self.start + HEADER && target < at)?;
                    return self.within(at + 2);
                }
                1..=LONGEST_LABEL => {
                    let next = self.within(at + 1 + usize::from(length))?;
                    require(next - start < LONGEST_NAME)?;
                    let label = self.bytes.get(at + 1..next.min(self.bytes.len())).unwrap_or_default();
                    require(!label.iter().any(u8::is_ascii_control))?;
                    let encoded = |letter: &u8| matches!(letter, b'A'..=b'P');
                    byte(self.bytes, next - 1)?;
                    require(at != start || label.len() != NETBIOS || !label.iter().all(encoded))?;
                    at = next;
                }
                _ => return Err(Probe::NotMe),
            }
        }
    }

    /// An offset that the message holds.
    fn within(&self, at: usize) -> Read<usize> {
        require(at <= self.end).map(|()| at)
    }
}

/// Types of records that are assigned. NIMLOC (32), which NetBIOS uses, was never used by anything else.
fn is_type(bytes: [u8; 2]) -> bool {
    matches!(
        u16::from_be_bytes(bytes),
        1..=31 | 33..=70 | 99..=109 | 128 | 249..=264 | 0x8000 | 0x8001 | 0xff01 | 0xff02
    )
}

/// Internet, Chaos, none, any. In multicast DNS the highest bit says something else. (RFC 6762 §18.12, §18.13)
fn is_class(bytes: [u8; 2]) -> bool {
    matches!(u16::from_be_bytes(bytes) & 0x7fff, 1 | 3 | 254 | 255)
}

/// A domain member that looks for its controller, updates its own address, and is known to its neighbours; NetBIOS
/// names are none of these.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("query", &QUERY),
    ("response", &RESPONSE),
    ("update", &UPDATE),
    ("multicast", &MULTICAST),
    ("llmnr", &LLMNR),
    ("stream", &STREAMED),
];
#[cfg(test)]
const QUERY: [u8; 50] = super::cuts::hex(
    "de1f01000001000000000000055f6c646170045f746370026463065f6d7364637307636f6e746f736f03636f6d0000210001",
);
#[cfg(test)]
const RESPONSE: [u8; 103] = super::cuts::hex(
    "de1f85800001000100000001055f6c646170045f746370026463065f6d7364637307636f6e746f736f03636f6d0000210001c00c\
     0021000100000258001900000064018505535554303107636f6e746f736f03636f6d00c0440001000100000e100004c0a80001",
);
#[cfg(test)]
const STREAMED: [u8; 105] = super::cuts::hex(
    "0067de1f85800001000100000001055f6c646170045f746370026463065f6d7364637307636f6e746f736f03636f6d0000210001\
     c00c0021000100000258001900000064018505535554303107636f6e746f736f03636f6d00c0440001000100000e100004c0a800\
     01",
);
#[cfg(test)]
const UPDATE: [u8; 102] = super::cuts::hex(
    "aca42800000100010003000007646d6576616c73056c6f63616c000006000105555449434107646d6576616c73056c6f63616c00\
     000500fe000000000000c01f001c00ff000000000000c01f000100ff000000000000c01f00010001000004b000040a000105",
);
#[cfg(test)]
const MULTICAST: [u8; 44] =
    super::cuts::hex("0000840000000001000000000a454e44504f494e543031056c6f63616c00000100010000003c0004c0a80065");
#[cfg(test)]
const LLMNR: [u8; 28] = super::cuts::hex("4290000000010000000000000a454e44504f494e5430310000ff0001");
/// Of the NetBIOS name service, with a question.
#[cfg(test)]
const REGISTRATION: [u8; 68] = super::cuts::hex(
    "00042900000100000000000120454e4545454b4643444a444943414341434143414341434143414341434141440000200001c00c\
     00200001000493e000060000c0a8ef81",
);
/// And without.
#[cfg(test)]
const NAME_ANSWER: [u8; 62] = super::cuts::hex(
    "8486850000000001000000002045484646454f454f45424643434143414341434143414341434143414341414100002000010004\
     93e0000600000a000418",
);

#[cfg(test)]
mod tests {
    use super::super::cuts::{
        answers, asks, datagram as cut, middle, midstream, no_noise_in_datagrams, no_noise_in_streams, sighted, start,
        stream as prefixes, whole,
    };
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Dns);
    const ANSWERS: Option<Sighting> = answers(Protocol::Dns);
    const EITHER: Option<Sighting> = Some(Sighting::of(Protocol::Dns, Speaker::Either));

    #[test]
    fn datagrams() {
        assert_eq!(cut(datagram, &QUERY), ASKS.map(|sighting| (50, sighting)));
        // The question and the first record end there.
        assert_eq!(cut(datagram, &RESPONSE), ANSWERS.map(|sighting| (87, sighting)));
        assert_eq!(cut(datagram, &UPDATE), ASKS.map(|sighting| (62, sighting)));
        assert_eq!(cut(datagram, &MULTICAST), EITHER.map(|sighting| (44, sighting)));
        assert_eq!(cut(datagram, &LLMNR), ASKS.map(|sighting| (28, sighting)));
    }

    #[test]
    fn streams() {
        assert_eq!(prefixes(stream, &STREAMED), ANSWERS.map(|sighting| (89, sighting)));
        assert_eq!(sighted(midstream(stream, &STREAMED)), ANSWERS);
        let query = [&[0, 50], &QUERY[..]].concat();
        assert_eq!(prefixes(stream, &[&query[..], &query].concat()), ASKS.map(|sighting| (52, sighting)));
        assert_eq!(midstream(stream, &RESPONSE), None);
        for length in [49, 51, 11, 0] {
            let mut wrong = query.clone();
            wrong[1] = length;
            assert_eq!(prefixes(stream, &wrong), None, "{length}");
        }
        assert_eq!(stream(start(&[])), Probe::Unsure(14));
        assert_eq!(stream(middle(&query[..20])), Probe::Unsure(21));
    }

    #[test]
    fn a_message_ends_where_it_says() {
        for sample in [&QUERY[..], &RESPONSE, &UPDATE, &MULTICAST] {
            assert_eq!(datagram(whole(&[sample, &[0]].concat())), Probe::NotMe);
            assert_eq!(datagram(whole(&sample[..sample.len() - 1])), Probe::NotMe);
        }
    }

    #[test]
    fn headers_that_are_none() {
        // An operation unassigned, a reserved bit, an error in a question, a question too many, and too few.
        for (at, value) in [(2, 0x09), (2, 0x31), (3, 0x40), (3, 1), (5, 2), (5, 0), (7, 1), (11, 1)] {
            let mut wrong = QUERY;
            wrong[at] = value;
            assert_eq!(cut(datagram, &wrong), None, "{at}");
        }
        // A type, a class.
        for (at, value) in [(46, 0x33), (47, 0x20), (48, 1), (49, 2)] {
            let mut wrong = QUERY;
            wrong[at] = value;
            assert_eq!(cut(datagram, &wrong), None, "{at}");
        }
        assert_eq!(datagram(whole(&QUERY[..12])), Probe::NotMe);
        assert_eq!(datagram(whole(&[0x12, 0x34, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0])), Probe::NotMe);
        assert_eq!(datagram(whole(&[0; 40])), Probe::NotMe);
    }

    #[test]
    fn names_that_are_none() {
        let query = |name: &[u8]| {
            let message = [&QUERY[..12], name, &[0, 1, 0, 1]].concat();
            sighted(cut(datagram, &message))
        };
        assert_eq!(query(b"\0"), ASKS);
        assert_eq!(query(b"\x03www\0"), ASKS);
        assert_eq!(query("\x0fBüro Drucker 2\0".as_bytes()), ASKS);
        // A control character, a reserved kind of label, pointers into the header, to itself and forward, no end.
        for name in [&b"\x03w\x01w\0"[..], b"\x43www\0", b"\xc0\x04", b"\xc0\x0c", b"\xc0\x20", b"\x03www"] {
            assert_eq!(query(name), None, "{name:02x?}");
        }
        let labels = |count| [[3, b'w', b'w', b'w'].repeat(count), vec![0]].concat();
        assert_eq!(query(&labels(63)), ASKS);
        assert_eq!(query(&labels(64)), None);
    }

    #[test]
    fn netbios_is_another_service() {
        for sample in [&REGISTRATION[..], &NAME_ANSWER] {
            assert_eq!(cut(datagram, sample), None);
        }
        // The question for a node's status, whose type is that of SRV.
        let status = [&REGISTRATION[..12], b"\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01"].concat();
        assert_eq!(cut(datagram, &status), None);
        let mut other = status;
        (other[2], other[11], other[40]) = (1, 0, b'Q');
        assert_eq!(sighted(cut(datagram, &other)), ASKS);
    }

    #[test]
    fn many_questions_and_records_are_walked_once() {
        let mut announcement = vec![0, 0, 0x84, 0, 0, 0, 0x0f, 0xff, 0, 0, 0, 0];
        announcement.extend([0, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 0].repeat(0x0fff));
        assert_eq!(sighted(cut(datagram, &announcement[..12 + 11 * 64])), None);
        assert_eq!(datagram(whole(&announcement)), Probe::Certain(EITHER.unwrap()));
        let mut questions = vec![0, 0, 0, 0, 0, 65, 0, 0, 0, 0, 0, 0];
        questions.extend([0, 0, 1, 0, 1].repeat(65));
        assert_eq!(datagram(whole(&questions)), Probe::NotMe);
        questions[5] = 64;
        questions.truncate(12 + 64 * 5);
        assert_eq!(datagram(whole(&questions)), Probe::Certain(ASKS.unwrap()));
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
        no_noise_in_datagrams(datagram);
    }
}
