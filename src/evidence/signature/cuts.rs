//! What every signature must hold to, for the tests of the binary ones.
//!
//! In: a probe, the bytes of a message. Out: a failed test, or what it was certain of and from which byte on.
//! Must not know: any protocol.

use super::{Datagram, DatagramProbe, Prefix, StreamProbe};
use crate::evidence::noise::Noise;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Bytes from hexadecimal digits; blanks are allowed between them.
pub(super) const fn hex<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut bytes = [0; N];
    let (mut at, mut digits) = (0, 0);
    while at < text.len() {
        let value = match text[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            b' ' => {
                at += 1;
                continue;
            }
            _ => panic!("not a hexadecimal digit"),
        };
        bytes[digits / 2] = bytes[digits / 2] << 4 | value;
        digits += 1;
        at += 1;
    }
    assert!(digits == 2 * N, "not as many digits as the array needs");
    bytes
}

/// The first bytes of a connection that goes on.
pub(super) const fn start(bytes: &[u8]) -> Prefix<'_> {
    Prefix { bytes, from_start: true, ended: false }
}

/// Bytes from the middle of a connection.
pub(super) const fn middle(bytes: &[u8]) -> Prefix<'_> {
    Prefix { bytes, from_start: false, ended: false }
}

/// A datagram captured whole.
pub(super) const fn whole(bytes: &[u8]) -> Datagram<'_> {
    Datagram { bytes, length: bytes.len() }
}

/// Shows every prefix of the bytes of one direction, as a start. The answers must fit together: asked again no sooner
/// than the probe wished, certain once, and from then on of the same.
pub(super) fn stream(probe: StreamProbe, bytes: &[u8]) -> Option<(usize, Sighting)> {
    prefixes(bytes, |n| probe(start(&bytes[..n])))
}

/// The same of bytes from the middle of a connection.
pub(super) fn midstream(probe: StreamProbe, bytes: &[u8]) -> Option<(usize, Sighting)> {
    prefixes(bytes, |n| probe(middle(&bytes[..n])))
}

/// Shows a datagram captured to every length.
pub(super) fn datagram(probe: DatagramProbe, bytes: &[u8]) -> Option<(usize, Sighting)> {
    prefixes(bytes, |n| probe(Datagram { bytes: &bytes[..n], length: bytes.len() }))
}

fn prefixes(bytes: &[u8], probe: impl Fn(usize) -> Probe) -> Option<(usize, Sighting)> {
    let mut certain: Option<(usize, Sighting)> = None;
    let (mut not_before, mut refused) = (0, false);
    for n in 0..=bytes.len() {
        match (probe(n), certain) {
            (Probe::Certain(sighting), None) => {
                assert!(!refused, "certain at {n} of what was refused before");
                assert!(n >= not_before, "certain at {n}, but wished to be asked at {not_before}");
                certain = Some((n, sighting));
            }
            (Probe::Certain(sighting), Some((_, first))) => assert_eq!(sighting, first, "at {n}"),
            (answer, Some((first, _))) => panic!("certain at {first}, at {n} {answer:?}"),
            (Probe::Unsure(wanted), None) => {
                assert!(wanted > n, "at {n} it asks for {wanted} bytes");
                assert!(!refused, "unsure at {n} of what was refused before");
                not_before = not_before.max(wanted);
            }
            (Probe::NotMe, None) => refused = true,
        }
    }
    certain
}

/// No buffer of noise, nor noise after the first bytes of a real message, may be taken for anything.
pub(super) fn noise(mut certain: impl FnMut(&[u8]) -> bool) {
    let mut noise = Noise::new(0x2545_f491_4f6c_dd1d);
    for _ in 0..10_000 {
        let length = noise.below(700);
        let buffer = noise.bytes(length);
        assert!(!certain(&buffer), "{buffer:02x?}");
    }
}

/// A stream probe is certain of no noise, at the start or in the middle.
pub(super) fn no_noise_in_streams(probe: StreamProbe) {
    let certain = |prefix: Prefix<'_>| matches!(probe(prefix), Probe::Certain(_));
    noise(|bytes| certain(start(bytes)) || certain(middle(bytes)));
}

/// A datagram probe is certain of no noise, whole or cut.
pub(super) fn no_noise_in_datagrams(probe: DatagramProbe) {
    let certain = |bytes: &[u8], length| matches!(probe(Datagram { bytes, length }), Probe::Certain(_));
    noise(|bytes| certain(bytes, bytes.len()) || certain(bytes, bytes.len() + 100));
}

/// What is certain of the whole bytes, without the byte from which on.
pub(super) fn sighted(found: Option<(usize, Sighting)>) -> Option<Sighting> {
    found.map(|(_, sighting)| sighting)
}

/// The end that opened the flow says it.
pub(super) const fn asks(protocol: Protocol) -> Option<Sighting> {
    Some(Sighting::of(protocol, Speaker::Initiator))
}

/// The end that was asked says it.
pub(super) const fn answers(protocol: Protocol) -> Option<Sighting> {
    Some(Sighting::of(protocol, Speaker::Responder))
}
