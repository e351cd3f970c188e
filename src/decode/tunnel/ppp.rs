//! PPP, and PPP over Ethernet.
//!
//! In: a [`Layer`] at a PPPoE header or at PPP's protocol field. Out: the [`Layer`] at the IP header.
//! Must not know: what carried it.
//!
//! RFC 1661 and RFC 1662 (protocol field, and how it is compressed), RFC 1990 (multilink), RFC 2516 (PPPoE), RFC 3032
//! §4 (MPLS).

use super::super::layer::{Ip, Layer, Next, Step};
use super::super::{Encapsulation, Skip};
use super::mpls;

/// Before the protocol field, where both ends have not agreed to leave it out.
const ADDRESS_AND_CONTROL: [u8; 2] = [0xff, 0x03];

/// A PPPoE session: version and type 1, code 0. What then is no IP, is the session's own (LCP, IPCP …).
pub(in crate::decode) fn over_ethernet(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<6>()? {
        (&[0x11, 0, ..], layer) => frame(layer.inside(Encapsulation::Pppoe)).map_err(|skip| match skip {
            Skip::Truncated => skip,
            _ => Skip::Pppoe,
        }),
        _ => Err(Skip::Pppoe),
    }
}

/// The protocol field and what it names.
pub(in crate::decode) fn frame(layer: Layer<'_>) -> Step<'_> {
    let start = if layer.bytes.starts_with(&ADDRESS_AND_CONTROL) { ADDRESS_AND_CONTROL.len() } else { 0 };
    let layer = layer.behind(start)?;
    // Its last byte is odd, and no other: so the first may be left out where it is 0.
    let (protocol, layer) = match layer.bytes.first() {
        Some(&low) if low & 1 == 1 => (u16::from(low), layer.behind(1)?),
        _ => {
            let (&field, layer) = layer.header::<2>()?;
            (u16::from_be_bytes(field), layer)
        }
    };
    match protocol {
        0x0021 => Ok(layer.then(Next::Ip(Ip::V4))),
        0x0057 => Ok(layer.then(Next::Ip(Ip::V6))),
        0x0281 | 0x0283 => mpls::stack(layer),
        0x003d => multilink(layer),
        _ => Err(Skip::NonIp),
    }
}

/// The first fragment of a packet; later ones hold no header. Nothing says which of the two headers was agreed on, but
/// behind the right one stands a protocol field.
fn multilink(layer: Layer<'_>) -> Step<'_> {
    const LONG: usize = 4;
    const SHORT: usize = 2;
    const BEGINS: u8 = 0x80;
    if layer.bytes.first().ok_or(Skip::Truncated)? & BEGINS == 0 {
        return Err(Skip::NonIp);
    }
    let found = [LONG, SHORT].into_iter().find(|&at| layer.bytes.get(at..).is_some_and(is_ip));
    match found {
        Some(at) => frame(layer.behind(at)?),
        None if layer.is_cut() && layer.bytes.len() < LONG + 3 => Err(Skip::Truncated),
        None => Err(Skip::NonIp),
    }
}

/// Whether a protocol field of IP stands there, and its version behind it.
pub(super) fn is_ip(bytes: &[u8]) -> bool {
    match *bytes.strip_prefix(&ADDRESS_AND_CONTROL).unwrap_or(bytes) {
        [0, 0x21, first, ..] | [0x21, first, ..] => first >> 4 == 4,
        [0, 0x57, first, ..] | [0x57, first, ..] => first >> 4 == 6,
        _ => false,
    }
}
