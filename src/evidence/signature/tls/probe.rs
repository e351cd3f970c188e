//! Whether the first bytes of a direction are TLS.
//!
//! In: the first bytes of one direction. Out: a [`Probe`].
//! Must not know: the other direction, what a handshake comes to, ports, rows.
//!
//! RFC 5246 §6.2. A hello, an alert and a ChangeCipherSpec prove themselves. Of an encrypted record only the header is
//! known, some 24 bits: it takes a second header behind it, or a record that ends where the direction ends.

use super::hello::{self, HEAD, Pseudo, SSLV2_HEADER, Sslv2};
use super::names;
use super::record::{self, ALERT, APPLICATION_DATA, At, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, MESSAGE_HEADER, Record};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};
use crate::evidence::signature::Prefix;

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    match (judge(prefix.bytes, prefix.ended), hello::pseudo(prefix.bytes)) {
        (Probe::Certain(_), Pseudo::It) => Probe::NotMe,
        (Probe::Certain(_), Pseudo::Open(wanted)) => Probe::Unsure(wanted),
        (probe, _) => probe,
    }
}

fn judge(bytes: &[u8], ended: bool) -> Probe {
    match hello::sslv2(bytes) {
        Sslv2::Hello { .. } => return certain(Speaker::Initiator),
        Sslv2::Cut if !bytes.is_empty() => return Probe::Unsure(SSLV2_HEADER),
        Sslv2::Cut | Sslv2::Not => {}
    }
    match record::at(bytes, 0) {
        At::Not => Probe::NotMe,
        At::Cut => Probe::Unsure(first_look(bytes.first().copied())),
        At::Record(first) => match first.kind {
            HANDSHAKE => handshake(bytes, first, ended),
            ALERT if first.length == 2 => alert(first),
            CHANGE_CIPHER_SPEC => change(first),
            _ => chain(bytes, first, ended),
        },
    }
}

const fn certain(speaker: Speaker) -> Probe {
    Probe::Certain(Sighting::of(Protocol::Tls, speaker))
}

/// How many bytes tell most, by the first.
const fn first_look(kind: Option<u8>) -> usize {
    match kind {
        Some(ALERT) => HEADER + 2,
        _ => HEADER + 1,
    }
}

/// RFC 5246 §7.2: a level and a description, in the clear.
fn alert(first: Record<'_>) -> Probe {
    match (record::alert(first.payload), first.payload) {
        (Some(alert), _) if names::alert(alert.description).is_some() => certain(Speaker::Either),
        (None, []) | (None, [1 | 2]) => Probe::Unsure(first.end()),
        _ => Probe::NotMe,
    }
}

/// RFC 5246 §7.1: a single 1.
const fn change(first: Record<'_>) -> Probe {
    match first.payload {
        [1] => certain(Speaker::Either),
        [] => Probe::Unsure(first.end()),
        _ => Probe::NotMe,
    }
}

/// A hello, in one record or spread over some; or another handshake message, seen from the middle.
fn handshake(bytes: &[u8], first: Record<'_>, ended: bool) -> Probe {
    let mut head = [0; HEAD];
    let mut known = 0;
    let mut next = first;
    loop {
        for (place, byte) in head.iter_mut().skip(known).zip(next.payload) {
            *place = *byte;
            known += 1;
        }
        // The first byte tells what else to wait for.
        let missing = if known == 0 { 1 } else { head.len() - known };
        if !may_be_hello(&head, known) {
            return chain(bytes, first, ended);
        }
        if missing == 0 {
            break;
        }
        if !next.is_whole() {
            let here = next.length - next.payload.len();
            let headers = if missing > here { HEADER } else { 0 };
            return Probe::Unsure(bytes.len() + missing + headers);
        }
        next = match record::at(bytes, next.end()) {
            At::Record(record) if record.kind == HANDSHAKE => record,
            At::Cut => return Probe::Unsure(next.end() + HEADER + missing),
            _ => return Probe::NotMe,
        };
    }
    hello::speaker(head).map_or_else(|| chain(bytes, first, ended), certain)
}

/// Whether a handshake message that begins with some bytes may be a hello.
fn may_be_hello(head: &[u8; HEAD], known: usize) -> bool {
    match (head, known) {
        (_, 0) => true,
        ([kind, ..], 1) => matches!(*kind, hello::CLIENT_HELLO | hello::SERVER_HELLO),
        ([kind, high, ..], _) => matches!(*kind, hello::CLIENT_HELLO | hello::SERVER_HELLO) && *high == 0,
    }
}

/// Handshake messages that are seen in the clear apart from the hellos (RFC 5246 §7.4, RFC 5077, RFC 6066 §8).
const MESSAGES: &[u8] = &[4, 11, 12, 13, 14, 15, 16, 22];

/// A record whose contents prove nothing by themselves, unless it is filled by one handshake message exactly.
fn chain(bytes: &[u8], first: Record<'_>, ended: bool) -> Probe {
    match (first.kind, first.payload) {
        (HANDSHAKE, [kind, 0, high, low, ..]) if MESSAGES.contains(kind) => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length + MESSAGE_HEADER == first.length {
                return certain(Speaker::Either);
            }
        }
        (HANDSHAKE, [kind] | [kind, 0] | [kind, 0, _]) if MESSAGES.contains(kind) && first.length >= MESSAGE_HEADER => {
            return Probe::Unsure(HEADER + MESSAGE_HEADER);
        }
        _ => {}
    }
    let end = first.end();
    if !first.is_whole() {
        return Probe::Unsure(end);
    }
    let follows = bytes.get(end..).unwrap_or_default();
    let same_version =
        follows.iter().skip(1).zip(first.version.to_be_bytes()).all(|(byte, of_first)| *byte == of_first);
    match (record::at(bytes, end), follows) {
        (At::Not, _) => Probe::NotMe,
        _ if !same_version => Probe::NotMe,
        // That it ends where the bytes end says something only if they go no further, and so does half a header.
        (At::Cut, _) if !ended => Probe::Unsure(end + HEADER),
        (At::Cut, [kind]) if *kind != APPLICATION_DATA => Probe::Unsure(end + HEADER),
        _ => certain(Speaker::Either),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::evidence::noise::Noise;

    fn certainly(bytes: &[u8]) -> Option<Speaker> {
        match stream(prefix(bytes)) {
            Probe::Certain(Sighting { protocol: Protocol::Tls, speaker, version: None }) => Some(speaker),
            Probe::Certain(other) => panic!("{other:?}"),
            Probe::Unsure(wanted) => {
                assert!(wanted > bytes.len(), "{wanted} of {}", bytes.len());
                None
            }
            Probe::NotMe => None,
        }
    }

    /// At every length below `enough` unsure, from there on certain; asked as often as it wants to be, never too late.
    fn certain_from(bytes: &[u8], enough: usize, speaker: Speaker) {
        for length in 0..bytes.len() {
            let expected = (length >= enough).then_some(speaker);
            assert_eq!(certainly(&bytes[..length]), expected, "at {length} of {}", bytes.len());
        }
        let mut length = 0;
        while let Probe::Unsure(wanted) = stream(prefix(&bytes[..length])) {
            length = wanted;
        }
        assert_eq!(length, enough);
    }

    fn two(first: &[u8], second: &[u8]) -> Vec<u8> {
        [first, second].concat()
    }

    #[test]
    fn hellos_of_every_version() {
        certain_from(&decode(MUTUAL_CLIENT), 11, Speaker::Initiator);
        certain_from(&decode(MUTUAL_SERVER), 11, Speaker::Responder);
        certain_from(&decode(RESUMED_CLIENT), 11, Speaker::Initiator);
        certain_from(&decode(RESUMED_SERVER), 11, Speaker::Responder);
        certain_from(&decode(HELLO_1_3), 11, Speaker::Initiator);
        certain_from(&decode(RETRY_CLIENT), 11, Speaker::Initiator);
        certain_from(&decode(RETRY_SERVER), 11, Speaker::Responder);
        for version in 0x0300..=0x0303 {
            certain_from(&record(22, 0x0300, &client_hello(version, &[])), 11, Speaker::Initiator);
            certain_from(&record(22, version, &server_hello(version, 0x002f, &[])), 11, Speaker::Responder);
        }
    }

    #[test]
    fn a_hello_in_records_of_one_byte() {
        let hello = client_hello(0x0303, &[server_name("fe01.contoso.local")]);
        let bytes: Vec<u8> = hello.iter().flat_map(|byte| record(22, 0x0301, &[*byte])).collect();
        certain_from_at_last(&bytes, 36);
        let bytes: Vec<u8> = hello.chunks(4).flat_map(|part| record(22, 0x0301, part)).collect();
        certain_from_at_last(&bytes, 16);
    }

    /// As [`certain_from`], but what is wanted is only a lower bound where headers of unknown number are between.
    fn certain_from_at_last(bytes: &[u8], enough: usize) {
        for length in 0..bytes.len() {
            assert_eq!(certainly(&bytes[..length]).is_some(), length >= enough, "at {length}");
        }
    }

    #[test]
    fn sslv2_hellos() {
        let hello = |version: [u8; 2]| {
            let lists = [&[1, 0, 0x80, 0, 0, 0x35][..], &[0x5a; 16]].concat();
            [&[0x80, 31, 1][..], &version, &[0, 6, 0, 0, 0, 16], &lists].concat()
        };
        certain_from(&hello([3, 1]), 11, Speaker::Initiator);
        certain_from(&hello([0, 2]), 11, Speaker::Initiator);
        for (at, byte) in [(1, 32), (2, 4), (3, 4), (4, 9), (6, 7), (8, 1), (10, 17)] {
            let mut wrong = hello([3, 1]);
            wrong[at] = byte;
            assert_eq!(stream(prefix(&wrong)), Probe::NotMe, "byte {at}");
        }
    }

    #[test]
    fn alerts_and_change_cipher_spec() {
        certain_from(&two(&record(21, 0x0301, &[2, 40]), &[0]), 7, Speaker::Either);
        certain_from(&two(&record(20, 0x0303, CCS), &record(22, 0x0303, &[9; 40])), 6, Speaker::Either);
        assert_eq!(stream(prefix(&record(21, 0x0301, &[3, 40]))), Probe::NotMe);
        assert_eq!(stream(prefix(&record(21, 0x0301, &[2, 99]))), Probe::NotMe);
        assert_eq!(stream(prefix(&record(20, 0x0301, &[2]))), Probe::NotMe);
        assert_eq!(stream(prefix(&record(20, 0x0301, &[1, 1]))), Probe::NotMe);
    }

    #[test]
    fn from_the_middle() {
        let mut noise = Noise::new(7);
        let data = record(23, 0x0301, &noise.bytes(32));
        let long = record(23, 0x0301, &noise.bytes(704));
        for second in [&data, &long] {
            certain_from(&two(&data, second), data.len() + HEADER, Speaker::Either);
        }
        // In segments of one byte every record ends where the bytes end, and every random length too.
        assert_eq!(stream(prefix(&data)), Probe::Unsure(data.len() + HEADER));
        let whole = Prefix { ended: true, ..prefix(&data) };
        assert_eq!(stream(whole), Probe::Certain(Sighting::of(Protocol::Tls, Speaker::Either)));
        for other in [b"GET / HTTP/1.1\r\n".to_vec(), record(23, 0x0303, &[0; 20]), vec![23, 3, 9]] {
            assert_eq!(stream(prefix(&two(&data, &other))), Probe::NotMe, "{other:?}");
        }
        let encrypted = two(&record(22, 0x0303, &noise.bytes(40)), &data);
        assert_eq!(stream(prefix(&encrypted)), Probe::NotMe, "the version changes");
        let alert = two(&record(21, 0x0303, &noise.bytes(26)), &record(21, 0x0303, &noise.bytes(26)));
        assert_eq!(certainly(&alert), Some(Speaker::Either));
        let ended = |length| stream(Prefix { ended: true, ..prefix(&alert[..length]) });
        assert_eq!(ended(33), Probe::Certain(Sighting::of(Protocol::Tls, Speaker::Either)));
        assert_eq!(ended(32), Probe::Unsure(36), "one byte of a header is too little");
        // A client's key exchange, exactly as long as its record.
        certain_from(&record(22, 0x0301, &message(16, &[8; 66])), 9, Speaker::Either);
        // The middle of a record.
        assert_eq!(stream(Prefix { from_start: false, ..prefix(&data[9..]) }), Probe::NotMe);
    }

    fn pseudo_client() -> Vec<u8> {
        let head = [0x16, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1];
        [&head[..], &[0x77; 32], &[0, 0, 2, 0, 0x18, 1, 0]].concat()
    }

    fn pseudo_server() -> Vec<u8> {
        let head = [0x16, 3, 1, 0, 0x4e, 2, 0, 0, 0x46, 3, 1];
        [&head[..], &[0x77; 32], &[0x20], &[0x66; 32], &[0, 0x18, 0, 0x0e, 0, 0, 0]].concat()
    }

    #[test]
    fn the_hello_of_ms_turn_is_not_tls() {
        for (bytes, length) in [(pseudo_client(), 50), (pseudo_server(), 83)] {
            assert_eq!(bytes.len(), length);
            for cut in 0..length {
                let Probe::Unsure(wanted) = stream(prefix(&bytes[..cut])) else { panic!("{cut}") };
                assert!(wanted > cut && wanted <= length, "{wanted} at {cut}");
            }
            assert_eq!(stream(prefix(&bytes)), Probe::NotMe);
            assert_eq!(stream(prefix(&two(&bytes, &[2, 0, 0, 20]))), Probe::NotMe);
        }
    }

    #[test]
    fn a_hello_that_differs_from_it_is_tls_from_that_byte_on() {
        for (at, byte) in [(2, 0), (10, 3), (43, 1), (45, 4), (46, 0xc0), (47, 0x2f), (49, 1)] {
            let mut bytes = pseudo_client();
            bytes[at] = byte;
            certain_from(&bytes, (at + 1).max(11), Speaker::Initiator);
        }
        for (at, byte) in [(43, 0), (77, 0x2f), (79, 0x0b), (82, 1)] {
            let mut bytes = pseudo_server();
            bytes[at] = byte;
            certain_from(&bytes, at + 1, Speaker::Responder);
        }
    }

    #[test]
    fn a_hello_that_the_snaplen_cuts() {
        assert_eq!(certainly(&decode(MUTUAL_CLIENT)[..42]), Some(Speaker::Initiator));
    }

    #[test]
    fn other_protocols_are_not_it() {
        let others: [&[u8]; 12] = [
            b"GET / HTTP/1.1\r\nHost: fe01\r\n\r\n",
            b"SIP/2.0 200 OK\r\n",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            // SMB2, DCE/RPC bind, TDS pre-login, RDP, DNS over TCP, LDAP, Kerberos.
            b"\0\0\0\x54\xfeSMB\x40\0\0\0\0\0\0\0",
            b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0",
            b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06",
            b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03",
            b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0",
            b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0",
            b"\0\0\0\x10\x6a\x82\x01\x02",
            // Framed STUN, and RTP as it begins a stream without framing.
            b"\0\x14\0\x01\0\0\x21\x12\xa4\x42",
            b"\x80\x00\x01\x02\0\0\0\xa0\x12\x34\x56\x78",
        ];
        for other in others {
            for length in 1..=other.len() {
                assert_eq!(certainly(&other[..length]), None);
            }
            assert_eq!(stream(prefix(other)), Probe::NotMe, "{other:?}");
        }
    }

    #[test]
    fn noise_is_never_certain() {
        let mut noise = Noise::new(0x1234_5678_9abc_def1);
        for round in 0..10_000 {
            let length = (noise.next() % 200) as usize;
            let mut bytes = noise.bytes(length);
            // Half of it begins as a record would.
            if round % 2 == 0 {
                for (byte, set) in bytes.iter_mut().zip([20 + (round / 2 % 4) as u8, 3]) {
                    *byte = set;
                }
            }
            assert_eq!(certainly(&bytes), None, "{bytes:?}");
        }
    }
}
