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

/// The protocol field and what it names. Address and control (255, 3) stand before it, where the ends have not agreed
/// to leave them out.
pub(in crate::decode) fn frame(layer: Layer<'_>) -> Step<'_> {
    let layer = match *layer.bytes {
        [0xff] => return Err(Skip::Truncated),
        [0xff, 0x03, ..] => layer.behind(2)?,
        _ => layer,
    };
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
    match *bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes) {
        [0, 0x21, first, ..] | [0x21, first, ..] => first >> 4 == 4,
        [0, 0x57, first, ..] | [0x57, first, ..] => first >> 4 == 6,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(open: fn(Layer<'_>) -> Step<'_>, header: &[u8], expected: Result<Next, Skip>) {
        let bytes = [header, &[0x45; 8]].concat();
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = open(Layer::at(Next::Ppp, &bytes, wire));
        assert_eq!(found.map(|layer| (layer.next, layer.bytes.len())), expected.map(|next| (next, 8)), "{header:02x?}");
        for n in 0..header.len() {
            let cut = open(Layer::at(Next::Ppp, &bytes[..n], wire));
            assert!(cut.is_err_and(|skip| skip == Skip::Truncated || Err(skip) == expected), "{n} of {header:02x?}");
        }
    }

    #[test]
    fn protocol_fields() {
        for before in [&[][..], &[0xff, 3]] {
            let join = |field: &[u8]| [before, field].concat();
            check(frame, &join(&[0, 0x21]), Ok(Next::Ip(Ip::V4)));
            check(frame, &join(&[0x21]), Ok(Next::Ip(Ip::V4)));
            check(frame, &join(&[0, 0x57]), Ok(Next::Ip(Ip::V6)));
            check(frame, &join(&[0x57]), Ok(Next::Ip(Ip::V6)));
            check(frame, &join(&[2, 0x81, 0, 1, 1, 64]), Ok(Next::Ip(Ip::V4)));
            check(frame, &join(&[0xc0, 0x21]), Err(Skip::NonIp));
            check(frame, &join(&[0xfd]), Err(Skip::NonIp));
        }
    }

    #[test]
    fn multilink_begins_with_either_header() {
        check(frame, &[0, 0x3d, 0x80, 0, 0, 1, 0, 0x21], Ok(Next::Ip(Ip::V4)));
        check(frame, &[0x3d, 0xc0, 0, 0, 1, 0x21], Ok(Next::Ip(Ip::V4)));
        check(frame, &[0, 0x3d, 0x80, 1, 0, 0x21], Ok(Next::Ip(Ip::V4)));
        check(frame, &[0, 0x3d, 0x80, 1, 0x21], Ok(Next::Ip(Ip::V4)));
        check(frame, &[0, 0x3d, 0x40, 0, 0, 1, 0, 0x21], Err(Skip::NonIp));
        check(frame, &[0, 0x3d, 0xc0, 0, 0, 1, 0xc0, 0x21], Err(Skip::NonIp));
    }

    #[test]
    fn sessions() {
        check(over_ethernet, &[0x11, 0, 0, 7, 0, 10, 0, 0x21], Ok(Next::Ip(Ip::V4)));
        check(over_ethernet, &[0x11, 0, 0, 7, 0, 10, 0xc0, 0x21], Err(Skip::Pppoe));
        check(over_ethernet, &[0x21, 0, 0, 7, 0, 10, 0, 0x21], Err(Skip::Pppoe));
        check(over_ethernet, &[0x11, 9, 0, 0, 0, 10, 0, 0x21], Err(Skip::Pppoe));
    }
}
