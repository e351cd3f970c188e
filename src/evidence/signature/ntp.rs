//! NTP and SNTP, versions 1 to 4.
//!
//! In: one datagram. Out: a [`Probe`]. Must not know: ports, rows, what time it is.
//!
//! RFC 5905 §7.3, RFC 4330; [MS-SNTP] 2.2 for the authenticators that domain members add. The header has no mark: what
//! is certain is the sum of its fields, none of which may be out of its range.

use super::Datagram;
use super::read::{Read, answer_whole, array, be16, be32, byte, require, together};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes of the header.
const HEADER: usize = 48;
/// Bytes that may follow it: nothing, or a key's number with a digest of no, 16, 20, 32 or 64 bytes; Windows' extended
/// authenticator has 72.
const AUTHENTICATORS: &[usize] = &[0, 4, 20, 24, 36, 68, 72];
/// Least bytes of an extension field. (RFC 7822 §7.5)
const LEAST_EXTENSION: usize = 16;

/// Highest stratum: 16 is "not synchronised".
const LAST_STRATUM: u8 = 16;
/// Polls are from 2^-6 to 2^17 seconds apart.
const POLL: std::ops::RangeInclusive<i8> = -6..=17;
/// Clocks tick at from 2^-32 seconds to a second. Clients that say nothing of themselves say 32.
const PRECISION: std::ops::RangeInclusive<i8> = -32..=0;
const PRECISION_UNSAID: i8 = 32;
/// Round trip and dispersion to the root, in 2^-16 seconds, stay below 32 seconds.
const ROOT: u32 = 32 << 16;
/// The first second of a clock that was ever set, 1996, in seconds since 1900; a clock that never was stands at zero.
/// After 2036 they begin anew, up to 2068.
const SINCE: u32 = 0xb496_2f00;
const UNTIL: u32 = 0x3c00_0000;
/// Most seconds that a server takes to answer, and a peer to set its clock again.
const TO_ANSWER: u32 = 16;
const TO_SET: u32 = 14 * 24 * 3600;

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(together(packet(datagram), HEADER), datagram.length)
}

fn packet(Datagram { bytes, length }: Datagram<'_>) -> Read<Sighting> {
    let first = byte(bytes, 0)?;
    let (leap, version, mode) = (first >> 6, first >> 3 & 7, first & 7);
    // No minute had 59 seconds yet (leap 2), and all of RTP would look so. Modes: symmetric, client, server, broadcast.
    require(leap != 2 && (1..=4).contains(&version) && (1..=5).contains(&mode))?;
    let [stratum, poll, precision] = array(bytes, 1)?;
    let (poll, precision) = (poll.cast_signed(), precision.cast_signed());
    require(stratum <= LAST_STRATUM && POLL.contains(&poll))?;
    require(PRECISION.contains(&precision) || precision == PRECISION_UNSAID && mode == 3)?;
    require(be32(bytes, 4)? < ROOT && be32(bytes, 8)? < ROOT)?;
    let speaker = match mode {
        3 => client(bytes, length)?,
        4 => server(bytes, stratum)?,
        _ => peer(bytes, stratum, precision)?,
    };
    times(bytes, mode)?;
    behind(bytes, length)?;
    Ok(Sighting::of(Protocol::Ntp, speaker))
}

/// A client says what it knows, and when it sends. A newer one says nothing, for its clock is of no use to the server:
/// then all is zero but the time of sending, which may be noise, or zero too.
fn client(bytes: &[u8], length: usize) -> Read<Speaker> {
    let [first, stratum, poll, precision] = array(bytes, 0)?;
    let sent: [u8; 8] = array(bytes, 40)?;
    let silent = array::<36>(bytes, 4)? == [0; 36];
    require(match (silent, sent == [0; 8]) {
        (true, true) => [stratum, poll, precision] == [0; 3] && length == HEADER && first >> 6 != 1,
        (true, false) => stratum == 0 && first >> 6 != 1,
        (false, _) => precision >= 0x80 && is_set(be32(bytes, 40)?),
    })?;
    Ok(Speaker::Initiator)
}

/// Peers and broadcasters say when they set their clock, which they do often.
fn peer(bytes: &[u8], stratum: u8, precision: i8) -> Read<Speaker> {
    let (reference, sent) = (be32(bytes, 16)?, be32(bytes, 40)?);
    require(stratum != 0 && precision < 0 && is_set(reference) && is_set(sent))?;
    require(sent.wrapping_sub(reference) < TO_SET)?;
    Ok(Speaker::Either)
}

/// A server stamps when the question came and when the answer left. Stratum 0 is a refusal, with a word for its reason,
/// or a clock that was never set.
fn server(bytes: &[u8], stratum: u8) -> Read<Speaker> {
    let (received, sent) = (be32(bytes, 32)?, be32(bytes, 40)?);
    let word: [u8; 4] = array(bytes, 12)?;
    require(stratum != 0 || word == [0; 4] || word.iter().all(u8::is_ascii_uppercase))?;
    require(is_set(received) && is_set(sent) && sent.wrapping_sub(received) < TO_ANSWER)?;
    Ok(Speaker::Responder)
}

/// The clock's last setting, and when the message behind it came: never set, or a time. In an answer the origin is
/// whatever the client sent.
fn times(bytes: &[u8], mode: u8) -> Read<()> {
    let origin = if mode == 4 { 0 } else { be32(bytes, 24)? };
    require(is_time(be32(bytes, 16)?) && is_time(origin) && is_time(be32(bytes, 32)?))
}

/// A time at all, or none yet.
const fn is_time(seconds: u32) -> bool {
    seconds == 0 || is_set(seconds)
}

const fn is_set(seconds: u32) -> bool {
    seconds >= SINCE || seconds != 0 && seconds < UNTIL
}

/// What stands behind the header: extension fields, then perhaps an authenticator; to the end.
fn behind(bytes: &[u8], length: usize) -> Read<()> {
    byte(bytes, HEADER - 1)?;
    let mut at = HEADER;
    while !AUTHENTICATORS.contains(&length.checked_sub(at).ok_or(Probe::NotMe)?) {
        let size = usize::from(be16(bytes, at + 2)?);
        require(size >= LEAST_EXTENSION && size % 4 == 0)?;
        at += size;
    }
    Ok(())
}

/// Domain members and their controller, with [MS-SNTP]'s authenticators; others with their time servers.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("first question", &FIRST),
    ("question", &ASKED),
    ("answer", &ANSWERED),
    ("answer of stratum 1", &STRATUM_1),
    ("silent question", &SILENT),
    ("empty question", &EMPTY),
];
#[cfg(test)]
const FIRST: [u8; 120] = super::cuts::hex(
    "db0011e9000000000001000000000000e248d3358751c92000000000000000000000000000000000e249617ed7312cc84f040000\
     00010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
     00000000000000000000000000000000",
);
#[cfg(test)]
const ANSWERED: [u8; 120] = super::cuts::hex(
    "1c0411e90000000c00000291564d5450e249617db72df6b3e249617ed7312cc8e2496180670ba981e2496180670d58ae4f040000\
     010000004b14d3167ed6a0c06bc90e4ecbdd41cc06e75b36e65ee689802b3afb02c39e63798bb1e2917327bc3bc95806acccf7ca\
     7ef4ccae007383a237a046d5eb1ca8e5",
);
#[cfg(test)]
const ASKED: [u8; 120] = super::cuts::hex(
    "1b040ae90000000b0000029b564d5450e2564b95967c26c2e25647a576f8cd05e25647a575f6fb74e2564ba57e6be45458040000\
     00010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
     00000000000000000000000000000000",
);
#[cfg(test)]
const STRATUM_1: [u8; 48] = super::cuts::hex(
    "240106ec000000000000004747505373d97b647791fdbdc8d97b647e296af531d97b647e48bec57cd97b647e48bfafd4",
);
#[cfg(test)]
const SILENT: [u8; 48] = super::cuts::hex(
    "23000000000000000000000000000000000000000000000000000000000000000000000000000000dd7bb72a2f966762",
);
#[cfg(test)]
const EMPTY: [u8; 48] = super::cuts::hex(
    "1b0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
);

#[cfg(test)]
mod tests {
    use super::super::cuts::{answers, asks, datagram as cut, no_noise_in_datagrams, noise, sighted, whole};
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Ntp);
    const ANSWERS: Option<Sighting> = answers(Protocol::Ntp);
    const EITHER: Option<Sighting> = Some(Sighting::of(Protocol::Ntp, Speaker::Either));

    #[test]
    fn questions() {
        for question in [&FIRST[..], &ASKED, &SILENT, &EMPTY] {
            assert_eq!(cut(datagram, question), ASKS.map(|sighting| (48, sighting)), "{question:02x?}");
        }
        // The same without an authenticator, and of other versions.
        assert_eq!(sighted(cut(datagram, &ASKED[..48])), ASKS);
        for version in 1..=4 {
            let mut question = ASKED;
            question[0] = version << 3 | 3;
            assert_eq!(sighted(cut(datagram, &question)), ASKS);
        }
        // What is sent may be noise if nothing else is said.
        let mut noisy = SILENT;
        noisy[40..].copy_from_slice(&[0x55; 8]);
        assert_eq!(sighted(cut(datagram, &noisy)), ASKS);
        noisy[39] = 1;
        assert_eq!(cut(datagram, &noisy), None);
    }

    #[test]
    fn answers_of_servers() {
        assert_eq!(cut(datagram, &ANSWERED), ANSWERS.map(|sighting| (48, sighting)));
        assert_eq!(cut(datagram, &STRATUM_1), ANSWERS.map(|sighting| (48, sighting)));
        // Refused.
        let mut refused = STRATUM_1;
        refused[0] |= 0xc0;
        refused[1] = 0;
        refused[12..16].copy_from_slice(b"RATE");
        assert_eq!(sighted(cut(datagram, &refused)), ANSWERS);
        refused[12] = b'r';
        assert_eq!(cut(datagram, &refused), None);
    }

    #[test]
    fn peers_and_broadcasts() {
        for mode in [1, 2, 5] {
            let mut peer = STRATUM_1;
            peer[0] = 4 << 3 | mode;
            assert_eq!(sighted(cut(datagram, &peer)), EITHER);
            peer[1] = 0;
            assert_eq!(cut(datagram, &peer), None);
        }
    }

    #[test]
    fn fields_out_of_range_are_none() {
        for (at, value) in [
            (0, 0x04), // version 0
            (0, 0x2c), // version 5
            (0, 0x26), // mode 6
            (0, 0x20), // mode 0
            (0, 0xa4), // a minute of 59 seconds
            (1, 17),
            (2, 18),
            (3, 1),
            (3, 0x80),
            (5, 0x20), // a round trip of 32 seconds
            (9, 0x20),
            (16, 0x40), // set in 1934, or in 2070
            (32, 0x41), // came then
            (43, 0x6e), // sent 16 seconds late, and sooner than it came
            (43, 0x5d),
        ] {
            let mut wrong = STRATUM_1;
            wrong[at] = value;
            assert_eq!(cut(datagram, &wrong), None, "{at} {value}");
        }
    }

    #[test]
    fn what_stands_behind_the_header() {
        for (length, expected) in
            [(48, ANSWERS), (52, ANSWERS), (68, ANSWERS), (72, ANSWERS), (120, ANSWERS), (49, None), (60, None)]
        {
            let mut message = STRATUM_1.to_vec();
            message.resize(length, 0x77);
            assert_eq!(sighted(cut(datagram, &message)), expected, "{length}");
        }
        let extended = [&STRATUM_1[..], &[1, 4, 0, 36], &[7; 32], &[2, 4, 0, 16], &[7; 12]].concat();
        assert_eq!(sighted(cut(datagram, &extended)), ANSWERS);
        let mut wrong = extended;
        wrong[51] = 38;
        assert_eq!(cut(datagram, &wrong), None);
        // Nothing but zeros is a question only if that is all.
        for length in [47, 49, 52, 68] {
            let mut empty = EMPTY.to_vec();
            empty.resize(length, 0);
            assert_eq!(datagram(whole(&empty)), Probe::NotMe, "{length}");
        }
    }

    #[test]
    fn neither_rtp_nor_noise_is_ntp() {
        no_noise_in_datagrams(datagram);
        noise(|bytes| {
            let mut packet = bytes.to_vec();
            packet.resize(48, 0);
            let rtp = (0x80..=0xbf).any(|first| {
                packet[0] = first;
                packet[1..4].fill(0);
                matches!(datagram(whole(&packet)), Probe::Certain(_))
            });
            // Behind a head that fits.
            packet[..12].copy_from_slice(&STRATUM_1[..12]);
            rtp || matches!(datagram(whole(&packet)), Probe::Certain(_))
        });
    }
}
