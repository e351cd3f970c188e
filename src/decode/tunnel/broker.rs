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
        Some(header) => total <= layer.wire && has_teredo_address(header),
        None => total == layer.wire,
    };
    // A bubble has no payload, and says so.
    if proven && (total > 40 || next == 59) {
        return Ok(layer.inside(Encapsulation::Teredo).then(Next::Ip(Ip::V6)));
    }
    Err(Skip::NonIp)
}

/// Whether an end has an address of Teredo's, or has none yet and asks for one.
fn has_teredo_address(&header: &[u8; 40]) -> bool {
    const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];
    let [_, _, _, _, _, _, _, _, addresses @ ..] = header;
    let (source, destination) = addresses.split_at(16);
    let link_local = matches!(source, [0xfe, 0x80..=0xbf, ..]);
    source.starts_with(&PREFIX) || destination.starts_with(&PREFIX) || link_local
}

/// AYIYA: who sends, signed; forwarded IP. The lengths in it agree with the kinds they are of.
pub(super) fn ayiya(layer: Layer<'_>) -> Step<'_> {
    /// Words of a signature, by the hash: none, MD5, SHA-1.
    const SIGNATURES: [u8; 3] = [0, 4, 5];
    const FORWARD: u8 = 1;
    let (&[identity, signature, operation, next, ..], layer) = layer.proof::<8>()?;
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
    let before = (1_usize << (identity >> 4)) + usize::from(signature >> 4) * 4;
    if !sound || before > layer.wire as usize {
        return Err(Skip::NonIp);
    }
    Ok(layer.behind(before)?.inside(Encapsulation::Ayiya).then(Next::Ip(ip)))
}
