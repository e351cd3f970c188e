//! IPv6 for hosts behind an IPv4 translator: Teredo, AYIYA.
//!
//! In: a [`Layer`] at a UDP payload. Out: the [`Layer`] at the IP header in it.
//! Must not know: who is a relay or a server.
//!
//! RFC 4380, draft-massar-v6ops-ayiya.

use super::super::layer::{Ip, Layer, Next, Step};
use super::super::{Encapsulation, Skip};

/// Teredo: authentication and origin, both optional; then an IPv6 header, which is all that proves it.
pub(super) fn teredo(layer: Layer<'_>) -> Step<'_> {
    let indications = match *layer.bytes {
        // Lengths of an identifier and of a value, both; a nonce and a confirmation.
        [0, 1, identifier, value, ..] => 13 + usize::from(identifier) + usize::from(value),
        _ => 0,
    };
    let origin = match layer.bytes.get(indications..) {
        Some([0, 0, ..]) => 8,
        _ => 0,
    };
    let layer = layer.behind(indications + origin).map_err(|_| Skip::NonIp)?;
    let Some(&[0x60..=0x6f, _, _, _, l0, l1, next, _]) = layer.bytes.first_chunk::<8>() else {
        return Err(Skip::NonIp);
    };
    let total = 40 + u32::from(u16::from_be_bytes([l0, l1]));
    let proven = match layer.bytes.first_chunk::<40>() {
        Some(header) => total <= layer.wire && is_teredo(header, total == layer.wire),
        None => total == layer.wire,
    };
    // A bubble has no payload, and says so.
    if proven && (total > 40 || next == 59) {
        return Ok(layer.inside(Encapsulation::Teredo).then(Next::Ip(Ip::V6)));
    }
    Err(Skip::NonIp)
}

/// Whether an end has an address of Teredo's; or has none yet, asks a server for one (ICMPv6), and fills the datagram.
fn is_teredo(&header: &[u8; 40], fills: bool) -> bool {
    const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];
    let [_, _, _, _, _, _, next, _, addresses @ ..] = header;
    let (source, destination) = addresses.split_at(16);
    let asks = matches!(source, [0xfe, 0x80..=0xbf, ..]) && next == 58 && fills;
    source.starts_with(&PREFIX) || destination.starts_with(&PREFIX) || asks
}

/// AYIYA: who sends, signed; forwarded IP. The lengths in it agree with the kinds they are of.
pub(super) fn ayiya(layer: Layer<'_>) -> Step<'_> {
    /// Words of a signature, by the hash: none, MD5, SHA-1.
    const SIGNATURES: [u8; 3] = [0, 4, 5];
    const FORWARD: u8 = 1;
    let (&[identity, signature, operation, next], layer) = layer.proof::<4>()?;
    // The identity's length is a power of two; kinds are none, integer, text.
    let sound = identity >> 4 <= 7
        && identity & 0x0f <= 2
        && SIGNATURES.get(usize::from(signature & 0x0f)) == Some(&(signature >> 4))
        && operation >> 4 <= 2
        && operation & 0x0f == FORWARD;
    let ip = match next {
        4 => Ip::V4,
        41 => Ip::V6,
        _ => return Err(Skip::NonIp),
    };
    // The time it was sent, the identity, the signature.
    let before = 4 + (1_usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
    if !sound || before > layer.wire as usize {
        return Err(Skip::NonIp);
    }
    Ok(layer.behind(before)?.inside(Encapsulation::Ayiya).then(Next::Ip(ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv6 header with this payload length and next header, between two addresses that begin so.
    fn ipv6(length: u8, next: u8, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let address = |first: [u8; 4]| [&first[..], &[0; 12]].concat();
        [&[0x60, 0, 0, 0, 0, length, next, 255][..], &address(source), &address(destination)].concat()
    }

    const CLIENT: [u8; 4] = [0x20, 1, 0, 0];
    const OTHER: [u8; 4] = [0x20, 1, 0xd, 0xb8];
    const LINK: [u8; 4] = [0xfe, 0x80, 0, 0];

    /// Whether a payload with `more` bytes behind it is Teredo's.
    fn check(bytes: &[u8], more: u32, expected: bool) {
        let wire = u32::try_from(bytes.len()).unwrap() + more;
        assert_eq!(teredo(Layer::at(Next::AnyIp, bytes, wire)).is_ok(), expected, "{bytes:02x?} {more}");
    }

    #[test]
    fn teredo_is_told_by_its_addresses() {
        check(&ipv6(8, 17, CLIENT, OTHER), 8, true);
        check(&ipv6(8, 17, OTHER, CLIENT), 8, true);
        check(&ipv6(8, 17, OTHER, OTHER), 8, false);
        check(&ipv6(8, 17, CLIENT, OTHER), 7, false);
        check(&ipv6(8, 17, CLIENT, OTHER), 9, true);
        check(&ipv6(0, 59, CLIENT, OTHER), 0, true);
        check(&ipv6(0, 17, CLIENT, OTHER), 0, false);
        check(&ipv6(8, 58, LINK, [0xff, 2, 0, 0]), 8, true);
        check(&ipv6(8, 58, LINK, [0xff, 2, 0, 0]), 9, false);
        check(&ipv6(8, 17, LINK, LINK), 8, false);
        // Cut before the addresses, it must fill the datagram.
        check(&ipv6(8, 17, OTHER, OTHER)[..39], 9, true);
        check(&ipv6(8, 17, CLIENT, OTHER)[..39], 10, false);
        check(&ipv6(8, 17, CLIENT, OTHER)[..7], 41, false);
    }

    #[test]
    fn what_a_server_puts_before() {
        let origin = [0, 0, 1, 2, 3, 4, 5, 6];
        let authentication = [&[0, 1, 2, 1][..], b"idv", &[7; 9]].concat();
        let packet = ipv6(8, 17, CLIENT, OTHER);
        check(&[&origin[..], &packet].concat(), 8, true);
        check(&[&authentication[..], &packet].concat(), 8, true);
        check(&[&authentication[..], &origin, &packet].concat(), 8, true);
        check(&[&origin[..], &authentication, &packet].concat(), 8, false);
        check(&authentication, 56, false);
    }

    #[test]
    fn ayiya_agrees_with_itself() {
        let check = |header: [u8; 4], rest: usize, expected| {
            let bytes = [&header[..], &[0; 4], &vec![9; rest], &[0x60]].concat();
            let found = ayiya(Layer::at(Next::AnyIp, &bytes, u32::try_from(bytes.len()).unwrap()));
            assert_eq!(found.map(|layer| layer.bytes.len()), expected, "{header:02x?}");
        };
        check([0x41, 0x52, 0x11, 41], 36, Ok(1));
        check([0x22, 0x41, 0x01, 4], 20, Ok(1));
        check([0x00, 0x00, 0x21, 41], 1, Ok(1));
        for header in [[0x81, 0x52, 0x11, 41], [0x43, 0x52, 0x11, 41], [0x41, 0x42, 0x11, 41], [0x41, 0x53, 0x11, 41]] {
            check(header, 300, Err(Skip::NonIp));
        }
        check([0x41, 0x52, 0x12, 41], 36, Err(Skip::NonIp));
        check([0x41, 0x52, 0x31, 41], 36, Err(Skip::NonIp));
        check([0x41, 0x52, 0x11, 17], 36, Err(Skip::NonIp));
        check([0x41, 0x52, 0x11, 41], 30, Err(Skip::NonIp));
    }
}
