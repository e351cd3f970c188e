//! TDS, which SQL Server speaks.
//!
//! In: bytes of a stream. Out: a [`Probe`]. Must not know: ports, rows, statements.
//!
//! [MS-TDS] 2.2.3 (the packet header), 2.2.5.3 (headers of statements), 2.2.6 (what clients send), 2.2.7 (tokens that
//! servers send). TLS that is negotiated inside stays inside the packets, so remains TDS.

use super::Prefix;
use super::read::{Read, answer, array, be16, byte, le16, le32, length, literal, require, together};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes of a packet's header.
const HEADER: usize = 8;

/// Types of packets.
const BATCH: u8 = 1;
const CALL: u8 = 3;
const RESPONSE: u8 = 4;
const TRANSACTION: u8 = 14;
const LOGIN: u8 = 16;
const PRELOGIN: u8 = 18;
/// All of them. (2.2.3.1.1)
const TYPES: &[u8] = &[BATCH, 2, CALL, RESPONSE, 6, 7, 8, TRANSACTION, LOGIN, 17, PRELOGIN];

/// The last packet of a message.
const LAST: u8 = 0x01;

/// Options of a prelogin end with this. (2.2.6.5)
const NO_MORE_OPTIONS: u8 = 0xff;
/// The highest option; the first is the version, of six bytes.
const LAST_OPTION: u8 = 7;

/// Least length of a login record, and the versions it names, as on the wire. (2.2.6.4, 2.2.7.14)
const LOGIN_LEAST: usize = 86;
const LOGIN_VERSIONS: &[[u8; 4]] = &[
    [0, 0, 0, 0x70],
    [0, 0, 0, 0x71],
    [1, 0, 0, 0x71],
    [2, 0, 9, 0x72],
    [3, 0, 0x0a, 0x73],
    [3, 0, 0x0b, 0x73],
    [4, 0, 0, 0x74],
    [0, 0, 0, 8],
];

/// Characters of a statement without headers that prove it.
const CHARACTERS: usize = 8;

/// Tokens whose length follows in two bytes: column information, order, error, information, login acknowledgement,
/// environment change, security token. (2.2.7)
const COUNTED: &[u8] = &[0xa4, 0xa5, 0xa9, 0xaa, 0xab, 0xad, 0xe3, 0xed];
const RETURN_STATUS: u8 = 0x79;
const FEATURES: u8 = 0xae;
/// Done, done in procedure, done with procedure. From TDS 7.2 on their count is eight bytes wide, before it four.
const DONE: std::ops::RangeInclusive<u8> = 0xfd..=0xff;
const DONE_WIDTHS: [usize; 2] = [13, 9];

/// A packet's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packet {
    kind: u8,
    last: bool,
    length: usize,
    process: u16,
    number: u8,
}

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    answer(together(packet(prefix.bytes, 0), HEADER).and_then(|packet| message(prefix.bytes, packet)))
}

/// The header at an offset. (2.2.3.1)
fn packet(bytes: &[u8], at: usize) -> Read<Packet> {
    let kind = byte(bytes, at)?;
    require(TYPES.contains(&kind))?;
    let status = byte(bytes, at + 1)?;
    require(status & !0x1f == 0)?;
    let length = usize::from(be16(bytes, at + 2)?);
    require(length > HEADER)?;
    let process = be16(bytes, at + 4)?;
    let number = byte(bytes, at + 6)?;
    literal(bytes, at + 7, &[0])?;
    Ok(Packet { kind, last: status & LAST != 0, length, process, number })
}

/// What the packet holds decides. About 25 bits of its header are fixed, and 16 more where clients leave the process
/// unsaid.
fn message(bytes: &[u8], packet: Packet) -> Read<Sighting> {
    require(matches!(packet.kind, PRELOGIN | RESPONSE) || packet.process == 0)?;
    let whole = bytes.len() >= packet.length;
    let body = bytes.get(HEADER..packet.length.min(bytes.len())).unwrap_or_default();
    let size = packet.length - HEADER;
    let first = byte(bytes, HEADER)?;
    let found = match packet.kind {
        PRELOGIN if (0x14..=0x17).contains(&first) => tls(body, size),
        // A server answers with the same options.
        PRELOGIN => prelogin(body, size).map(|()| Speaker::Initiator),
        RESPONSE if first == 0 => prelogin(body, size).map(|()| Speaker::Responder),
        RESPONSE if whole => tokens(body).map(|()| Speaker::Responder),
        RESPONSE => Err(Probe::Unsure(packet.length - HEADER)),
        LOGIN if packet.number <= 1 => login(body).map(|()| Speaker::Initiator),
        BATCH | CALL | TRANSACTION if packet.number <= 1 => {
            statement(body, size, packet.kind).map(|()| Speaker::Initiator)
        }
        _ => Err(Probe::NotMe),
    };
    match found {
        Ok(speaker) => Ok(Sighting::of(Protocol::Tds, speaker)),
        Err(Probe::Unsure(wanted)) if wanted <= size => Err(Probe::Unsure(HEADER + wanted)),
        Err(_) => next(bytes, packet),
    }
}

/// A second packet of the same message proves both: all but the last have the same length.
fn next(bytes: &[u8], first: Packet) -> Read<Sighting> {
    require(!first.last && first.number != 0)?;
    let second = together(packet(bytes, first.length), first.length + HEADER)?;
    let expected = Packet { number: first.number.wrapping_add(1), last: second.last, length: second.length, ..first };
    require(second == expected && (second.length == first.length || second.last && second.length < first.length))?;
    let speaker = match first.kind {
        RESPONSE => Speaker::Responder,
        PRELOGIN => Speaker::Either,
        _ => Speaker::Initiator,
    };
    Ok(Sighting::of(Protocol::Tds, speaker))
}

/// Options: each a number, an offset and a length; then their data, one behind the other. (2.2.6.5)
fn prelogin(body: &[u8], size: usize) -> Read<()> {
    let mut at = literal(body, 0, &[0])?;
    let table = usize::from(be16(body, at)?);
    // The first option's data begins behind the table of options, which is five bytes each and one.
    require(table % 5 == 1 && table < size)?;
    literal(body, at + 2, &[0, 6])?;
    at += 4;
    let mut end = table + 6;
    while at + 1 < table {
        require(matches!(byte(body, at)?, 1..=LAST_OPTION))?;
        require(usize::from(be16(body, at + 1)?) == end)?;
        end += usize::from(be16(body, at + 3)?);
        at += 5;
    }
    literal(body, at, &[NO_MORE_OPTIONS])?;
    require(end <= size)
}

/// A TLS record that fits into the packet; of a handshake its first message says who speaks. (RFC 5246 §6.2.1, §7.4)
fn tls(body: &[u8], size: usize) -> Read<Speaker> {
    literal(body, 1, &[3])?;
    require(byte(body, 2)? <= 4)?;
    let length = usize::from(be16(body, 3)?);
    require(length > 0 && 5 + length <= size)?;
    Ok(match (byte(body, 0)?, byte(body, 5)?) {
        (0x16, 1) => Speaker::Initiator,
        (0x16, 2) => Speaker::Responder,
        _ => Speaker::Either,
    })
}

/// The length of the record, which may be longer than its first packet, and a known version.
fn login(body: &[u8]) -> Read<()> {
    let length = le32(body, 0).and_then(length)?;
    // "The length of a LOGIN7 stream MUST NOT be longer than 128K-1": so two bytes and a bit.
    require((LOGIN_LEAST..=0x1_ffff).contains(&length))?;
    require(LOGIN_VERSIONS.contains(&array(body, 4)?))
}

/// A statement, a call or a transaction's request: headers, or before TDS 7.2 text at once. (2.2.5.3, 2.2.6.6, 2.2.6.7)
fn statement(body: &[u8], size: usize, kind: u8) -> Read<()> {
    let total = le32(body, 0).and_then(length)?;
    if total < size {
        // The first header: its length, and one of three types.
        let first = le32(body, 4).and_then(length)?;
        require(first >= 6 && first + 4 <= total)?;
        return require((1..=3).contains(&le16(body, 8)?));
    }
    match kind {
        BATCH => letters(body, 0, size / 2),
        // The name of the procedure, counted.
        CALL => {
            let count = usize::from(le16(body, 0)?);
            require(2 + 2 * count <= size)?;
            letters(body, 2, count)
        }
        _ => Err(Probe::NotMe),
    }
}

/// That many characters of UTF-16, of which the first are looked at: all must be printable ASCII.
fn letters(body: &[u8], at: usize, count: usize) -> Read<()> {
    require(count >= CHARACTERS)?;
    let end = at + 2 * CHARACTERS;
    let text = body.get(at..end).ok_or(Probe::Unsure(end))?;
    let printable = |letter: &[u8]| matches!(letter, [b' '..=b'~' | b'\r' | b'\n' | b'\t', 0]);
    require(text.chunks_exact(2).all(printable))
}

/// Tokens of an answer, to its end. One that cannot be skipped without its column descriptions proves nothing.
fn tokens(body: &[u8]) -> Read<()> {
    let ends = |width| {
        let mut at = 0;
        while at < body.len() {
            at = token(body, at, width)?;
        }
        require(at == body.len())
    };
    // Asked once for each width that counts of rows may have.
    DONE_WIDTHS.into_iter().find_map(|width| ends(width).ok()).ok_or(Probe::NotMe)
}

/// The end of the token at an offset.
fn token(body: &[u8], at: usize, done: usize) -> Read<usize> {
    match byte(body, at)? {
        kind if COUNTED.contains(&kind) => Ok(at + 3 + usize::from(le16(body, at + 1)?)),
        kind if DONE.contains(&kind) => Ok(at + done),
        RETURN_STATUS => Ok(at + 5),
        FEATURES => features(body, at + 1),
        _ => Err(Probe::NotMe),
    }
}

/// The end of the features that a server acknowledges: a number, a length in four bytes, data; the last is 0xff.
fn features(body: &[u8], mut at: usize) -> Read<usize> {
    while byte(body, at)? != 0xff {
        let length = le32(body, at + 1).and_then(length)?;
        at = (at + 5).saturating_add(length);
    }
    Ok(at + 1)
}

/// The examples of [MS-TDS] 4.1 to 4.4, a SQL Server's answers, and statements of several versions.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("prelogin", &PRELOGIN_BYTES),
    ("prelogin answered", &PRELOGIN_ANSWER),
    ("login", &LOGIN_BYTES),
    ("login answered", &LOGIN_ANSWER),
    ("text", &TEXT),
    ("call", &CALL_BYTES),
    ("done", &DONE_TWICE),
];
#[cfg(test)]
const PRELOGIN_BYTES: [u8; 47] =
    super::cuts::hex("1201002f0000010000001a00060100200001020021000103002200040400260001ff0900000000000100b80d000001");
#[cfg(test)]
const PRELOGIN_ANSWER: [u8; 43] =
    super::cuts::hex("0401002b0000010000001a00060100200001020021000103002200000400220001ff0b000bb80000010001");
#[cfg(test)]
const LOGIN_BYTES: [u8; 144] = super::cuts::hex(
    "1001009000000100880000000200097200100000000000070001000000000000e003000000000000090400005e0008006e000200\
     7200000072000700800000008000000080000400880000008800000000508be2b78f880000008800000088000000000000007300\
     6b006f00730074006f0076003100730061004f00530051004c002d00330032004f00440042004300",
);
#[cfg(test)]
const LOGIN_ANSWER: [u8; 353] = super::cuts::hex(
    "0401016100000100e31b0001066d0061007300740065007200066d0061007300740065007200ab58004516000002002500430068\
     0061006e00670065006400200064006100740061006200610073006500200063006f006e007400650078007400200074006f0020\
     0027006d006100730074006500720027002e00000000000000e3080007050904d0003400e31700020a750073005f0065006e0067\
     006c0069007300680000e3130004043400300039003600043400300039003600ab5c0047160000010027004300680061006e0067\
     006500640020006c0061006e00670075006100670065002000730065007400740069006e006700200074006f002000750073005f\
     0065006e0067006c006900730068002e00000000000000ad36000172090002164d006900630072006f0073006f00660074002000\
     530051004c0020005300650072007600650072000000000000000000fd000000000000000000000000",
);
/// COMMIT TRANSACTION, before TDS 7.2.
#[cfg(test)]
const TEXT: [u8; 44] =
    super::cuts::hex("0101002c0000010043004f004d004d004900540020005400520041004e00530041004300540049004f004e00");
/// A procedure, with headers before its name.
#[cfg(test)]
const CALL_BYTES: [u8; 185] = super::cuts::hex(
    "030900b900000100160000001200000002000000000000000000010000000e0070005f0047006500740042006f00670075007300\
     440061007400610000000b4000530065006100720063006800540079007000650000260101011540004d00610078005700610069\
     007400540069006d00650049006e005300650063006f006e00640073000026040400000000134000500072006f00630065007300\
     73004e006500670061007400690076006500410063006b000026010100",
);
#[cfg(test)]
const DONE_TWICE: [u8; 34] = super::cuts::hex("0401002200350100fd0100f9000000000000000000fd0000ba000000000000000000");
/// Before TDS 7.2.
#[cfg(test)]
const DONE_ONCE: [u8; 17] = super::cuts::hex("04010011013a0100fd0000d50000000000");

#[cfg(test)]
mod tests {
    use super::super::cuts::{
        answers, asks, middle, midstream, no_noise_in_streams, sighted, start, stream as prefixes,
    };
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Tds);
    const ANSWERS: Option<Sighting> = answers(Protocol::Tds);

    /// A packet with its length.
    fn packet(kind: u8, status: u8, number: u8, body: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(HEADER + body.len()).unwrap().to_be_bytes();
        [&[kind, status, high, low, 0, 0, number, 0], body].concat()
    }

    #[test]
    fn a_prelogin_and_its_answer() {
        // Certain once its options are read, before their data.
        assert_eq!(prefixes(stream, &PRELOGIN_BYTES), ASKS.map(|sighting| (34, sighting)));
        assert_eq!(prefixes(stream, &PRELOGIN_ANSWER), ANSWERS.map(|sighting| (34, sighting)));
        // A type, a status, a length, a window; an option, an offset, a length, an end.
        for (at, value) in
            [(0, 19), (1, 0x20), (3, 0x2e), (7, 1), (8, 1), (10, 0x1b), (12, 7), (13, 8), (15, 0x21), (33, 0xfe)]
        {
            let mut prelogin = PRELOGIN_BYTES;
            prelogin[at] = value;
            assert_eq!(prefixes(stream, &prelogin), None, "{at}");
        }
    }

    #[test]
    fn a_login_and_its_answer() {
        assert_eq!(prefixes(stream, &LOGIN_BYTES), ASKS.map(|sighting| (16, sighting)));
        assert_eq!(prefixes(stream, &LOGIN_ANSWER), ANSWERS.map(|sighting| (0x161, sighting)));
        for (at, value) in [(8, 20), (10, 2), (12, 1), (15, 0x75), (4, 1), (6, 2)] {
            let mut login = LOGIN_BYTES;
            login[at] = value;
            assert_eq!(prefixes(stream, &login), None, "{at}");
        }
        for at in [8, 9, 0x161 - 13] {
            let mut answer = LOGIN_ANSWER;
            answer[at] ^= 8;
            assert_eq!(prefixes(stream, &answer), None, "{at}");
        }
    }

    #[test]
    fn statements() {
        assert_eq!(prefixes(stream, &CALL_BYTES), ASKS.map(|sighting| (18, sighting)));
        assert_eq!(sighted(midstream(stream, &CALL_BYTES)), ASKS);
        assert_eq!(sighted(midstream(stream, &TEXT)), ASKS);
        let name: Vec<u8> = "sp_executesql".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let call = packet(CALL, 1, 1, &[&[13, 0], &name[..], &[0; 8]].concat());
        assert_eq!(sighted(midstream(stream, &call)), ASKS);
        // A name longer than its packet, too short a one, letters that are none, a process or a late number.
        for (at, value) in [(8, 20), (8, 7), (11, 1), (10, 7), (5, 1), (6, 2)] {
            let mut wrong = call.clone();
            wrong[at] = value;
            assert_eq!(midstream(stream, &wrong), None, "{at}");
        }
        // UTF-16 that begins like a call, as NTLM's names do.
        assert_eq!(midstream(stream, b"\x03\0\x16\0D\0C\0\x31\0.\0p\0u\0r\0p\0.\0l\0e\0\x05\0\x0e\0p\0u\0"), None);
    }

    #[test]
    fn answers_are_walked_to_their_end() {
        assert_eq!(prefixes(stream, &DONE_TWICE), ANSWERS.map(|sighting| (34, sighting)));
        assert_eq!(midstream(stream, &DONE_ONCE), ANSWERS.map(|sighting| (17, sighting)));
        let features = [&[FEATURES, 4, 3, 0, 0, 0, 1, 2, 3, 0xff][..], &DONE_TWICE[8..21]].concat();
        assert_eq!(sighted(prefixes(stream, &packet(RESPONSE, 1, 1, &features))), ANSWERS);
        let status = [&[RETURN_STATUS, 0, 0, 0, 0][..], &DONE_TWICE[8..21]].concat();
        assert_eq!(sighted(prefixes(stream, &packet(RESPONSE, 1, 1, &status))), ANSWERS);
        // Rows, of which nobody knows how long they are; a length that leads astray.
        assert_eq!(prefixes(stream, &packet(RESPONSE, 1, 1, &[0x81; 40])), None);
        assert_eq!(prefixes(stream, &packet(RESPONSE, 1, 1, &[0xe3, 0xff, 0xff, 1])), None);
        assert_eq!(prefixes(stream, &packet(RESPONSE, 1, 1, &[FEATURES, 1, 0xff, 0xff, 0xff, 0xff])), None);
    }

    #[test]
    fn two_packets_of_one_message_prove_each_other() {
        for (kind, speaker) in [(RESPONSE, Speaker::Responder), (CALL, Speaker::Initiator), (PRELOGIN, Speaker::Either)]
        {
            let rows = [&packet(kind, 0, 7, &[0x81; 504])[..], &packet(kind, 1, 8, &[0x55; 9])].concat();
            let expected = Some(Sighting::of(Protocol::Tds, speaker));
            assert_eq!(midstream(stream, &rows), expected.map(|sighting| (520, sighting)), "{kind}");
            // A number left out, another type, a longer one.
            for (at, value) in [(512 + 6, 9), (512, 2), (514, 3)] {
                let mut rows = rows.clone();
                rows[at] = value;
                assert_eq!(midstream(stream, &rows), None, "{kind} {at}");
            }
        }
        let one = packet(RESPONSE, 0, 0, &[0x81; 504]);
        assert_eq!(midstream(stream, &one.repeat(2)), None);
        assert_eq!(stream(middle(&packet(RESPONSE, 0, 7, &[0x81; 504]))), Probe::Unsure(520));
        assert_eq!(stream(start(&[RESPONSE, 0, 2])), Probe::Unsure(HEADER));
    }

    #[test]
    fn tls_inside_stays_tds() {
        let hello = |kind: u8| packet(PRELOGIN, 1, 0, &[&[0x16, 3, 1, 0, 6, kind, 0, 0, 2, 3, 3][..]].concat());
        for (kind, speaker) in [(1, Speaker::Initiator), (2, Speaker::Responder), (16, Speaker::Either)] {
            let expected = Some(Sighting::of(Protocol::Tds, speaker));
            assert_eq!(sighted(midstream(stream, &hello(kind))), expected);
        }
        for (at, value) in [(9, 2), (10, 5), (12, 7), (12, 0), (8, 0x18)] {
            let mut wrong = hello(1);
            wrong[at] = value;
            assert_eq!(midstream(stream, &wrong), None, "{at}");
        }
    }

    #[test]
    fn others_that_begin_alike() {
        // H.225 and RDP in TPKT, X11 drawing, a lone attention.
        assert_eq!(prefixes(stream, &[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 11, 0, 0, 0]), None);
        let x11 = [4, 0, 7, 0, 0x40, 3, 0, 0, 8, 0, 0, 0, 0, 0, 0x38, 0];
        assert_eq!(midstream(stream, &x11.repeat(400)), None);
        assert_eq!(prefixes(stream, &[6, 1, 0, 8, 0, 0, 1, 0]), None);
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
    }
}
