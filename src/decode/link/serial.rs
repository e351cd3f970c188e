//! Serial lines and virtual circuits: PPP, Cisco HDLC, frame relay, SLIP, ATM.
//!
//! In: a [`Layer`] at such a header. Out: the layer behind it; of PPP, the layer at its protocol field.
//! Must not know: PPP's protocols beyond IP.

use super::{Step, lan};
use crate::capture::LinkType;
use crate::decode::Skip;
use crate::decode::layer::{Ip, Layer, Next};

/// PPP with or without the address and control bytes of HDLC framing (RFC 1662), or what Cisco made of them.
pub(super) fn ppp(layer: Layer<'_>) -> Step<'_> {
    match layer.bytes {
        [0xff, 3, ..] => Ok(layer.behind(2)?.then(Next::Ppp)),
        [0x0f | 0x8f, 0, ..] => cisco_hdlc(layer),
        [0xff | 0x0f | 0x8f] => Err(Skip::Truncated),
        _ => Ok(layer.then(Next::Ppp)),
    }
}

/// PPP's protocol field (RFC 1661 §2): one byte if that is odd.
pub(super) fn ppp_protocol(layer: Layer<'_>) -> Step<'_> {
    let (&[first], layer) = layer.header::<1>()?;
    let (number, layer) = match first & 1 {
        1 => (first, layer),
        _ => match layer.header::<1>()? {
            (&[second], layer) if first == 0 => (second, layer),
            _ => return Err(Skip::NonIp),
        },
    };
    match number {
        0x21 => Ok(layer.then(Next::Ip(Ip::V4))),
        0x57 => Ok(layer.then(Next::Ip(Ip::V6))),
        _ => Err(Skip::NonIp),
    }
}

/// Linux's pppd: a direction in place of the address, then control.
pub(super) fn pppd(layer: Layer<'_>) -> Step<'_> {
    Ok(layer.behind(2)?.then(Next::Ppp))
}

/// Another link type behind a byte that says which way the frame went.
pub(super) fn with_direction(layer: Layer<'_>, link: u16) -> Step<'_> {
    Ok(layer.behind(1)?.then(Next::Link(LinkType(link))))
}

/// Cisco HDLC: address, control, ethertype.
pub(super) fn cisco_hdlc(layer: Layer<'_>) -> Step<'_> {
    let (&[_, _, high, low], layer) = layer.header::<4>()?;
    Ok(layer.ethertype([high, low]))
}

/// Frame relay: a Q.922 address of two to four bytes, the last of them odd; then RFC 2427, or Cisco's ethertype.
pub(super) fn frame_relay(layer: Layer<'_>) -> Step<'_> {
    let address = match layer.bytes {
        [a, ..] if a & 1 == 1 => return Err(Skip::Malformed),
        [_, b, ..] if b & 1 == 1 => 2,
        [_, _, c, ..] if c & 1 == 1 => 3,
        [_, _, _, d, ..] if d & 1 == 1 => 4,
        [_, _, _, _, ..] => return Err(Skip::Malformed),
        _ => return Err(Skip::Truncated),
    };
    let layer = layer.behind(address)?;
    match layer.bytes {
        // Unnumbered information, and a byte that aligns what follows.
        [3, 0, ..] => network_protocol(layer.behind(2)?),
        [3, ..] => network_protocol(layer.behind(1)?),
        _ => {
            let (&[high, low], layer) = layer.header::<2>()?;
            Ok(layer.ethertype([high, low]))
        }
    }
}

/// A network layer protocol identifier (ISO/IEC TR 9577, RFC 2427).
fn network_protocol(layer: Layer<'_>) -> Step<'_> {
    let (&[identifier], layer) = layer.header::<1>()?;
    match identifier {
        0x80 => lan::snap(layer, 0),
        0xcc => Ok(layer.then(Next::Ip(Ip::V4))),
        0x8e => Ok(layer.then(Next::Ip(Ip::V6))),
        0xcf => Ok(layer.then(Next::Ppp)),
        _ => Err(Skip::NonIp),
    }
}

/// SLIP as BSD captures it: direction, fifteen bytes of header compression, and the packet with its whole header.
pub(super) fn slip(layer: Layer<'_>) -> Step<'_> {
    Ok(layer.behind(16)?.then(Next::AnyIp))
}

/// Classical IP over ATM: LLC where it begins so, else IP.
pub(super) fn classical_atm(layer: Layer<'_>) -> Step<'_> {
    let next = if layer.bytes.first() == Some(&0xaa) { Next::Llc } else { Next::AnyIp };
    Ok(layer.then(next))
}

/// Sun's ATM: direction and traffic type, path, channel.
pub(super) fn sun_atm(layer: Layer<'_>) -> Step<'_> {
    let (&[kind, ..], layer) = layer.header::<4>()?;
    match kind & 0x0f {
        // LAN emulation: a client's number, and its frame.
        1 => Ok(layer.behind(2)?.then(Next::ETHERNET)),
        2 => Ok(layer.then(Next::Llc)),
        _ => Err(Skip::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, SNAP, V4, V6, check, everyone, join};
    use super::*;

    #[test]
    fn ppp_with_and_without_framing() {
        for link in [9, 50] {
            check(link, &join(&[&[0xff, 3, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
            check(link, &join(&[&[0xff, 3, 0x57], &V6]), Ok((Ip::V6, 2, &[])));
            check(link, &join(&[&[0, 0x57], &V6]), Ok((Ip::V6, 2, &[])));
            check(link, &join(&[&[0x21], &V4]), Ok((Ip::V4, 2, &[])));
            check(link, &join(&[&[0x0f, 0, 8, 0], &V4]), Ok((Ip::V4, 2, &[])));
            check(link, &join(&[&[0x8f, 0, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
            // Link control, Cisco's keepalive.
            check(link, &[0xff, 3, 0xc0, 0x21, 1, 1], Err(Skip::NonIp));
            check(link, &[0x8f, 0, 0x80, 0x35, 0, 0], Err(Skip::NonIp));
        }
        check(166, &join(&[&[0, 3, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
        check(204, &join(&[&[1, 0, 0x57], &V6]), Ok((Ip::V6, 2, &[])));
        check(204, &join(&[&[0, 0xff, 3, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn cisco_framing() {
        check(104, &join(&[&[0x0f, 0, 0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(104, &join(&[&[0x8f, 0, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
        check(104, &[0x8f, 0, 0x20, 0, 1, 180], Err(Skip::NonIp));
        check(205, &join(&[&[1, 0x0f, 0, 0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn frame_relay_addresses_and_protocols() {
        for address in [&[0x18, 0x61][..], &[0x18, 0x60, 0x01], &[0x18, 0x60, 0x00, 0x01]] {
            check(107, &join(&[address, &[3, 0xcc], &V4]), Ok((Ip::V4, 2, &[])));
            check(107, &join(&[address, &[3, 0x8e], &V6]), Ok((Ip::V6, 2, &[])));
            check(107, &join(&[address, &[3, 0, 0x80, 0, 0, 0, 0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
            check(107, &join(&[address, &[3, 0x80, 0, 0, 0, 0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
            check(107, &join(&[address, &[3, 0xcf, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
            check(107, &join(&[address, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
            let bridged =
                join(&[address, &[3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &[0xff; 6], &MACS[6..], &[0x08, 0x00], &V4]);
            check(107, &bridged, Ok((Ip::V4, 2, &[])));
            assert!(everyone(107, &bridged));
        }
        check(206, &join(&[&[0, 0x18, 0x61, 3, 0xcc], &V4]), Ok((Ip::V4, 2, &[])));
        // Local management; addresses that end too early and never.
        check(107, &[0x00, 0x01, 3, 8, 0, 0x75], Err(Skip::NonIp));
        check(107, &[0x19, 0x61, 3, 0xcc], Err(Skip::Malformed));
        check(107, &[0x18, 0x60, 0x00, 0x00, 3, 0xcc], Err(Skip::Malformed));
    }

    #[test]
    fn slip_and_atm() {
        check(8, &join(&[&[0, 0x45], &[0; 14], &V4]), Ok((Ip::V4, 2, &[])));
        check(106, &SNAP, Ok((Ip::V4, 2, &[])));
        check(106, &V6, Ok((Ip::V6, 2, &[])));
        check(123, &join(&[&[0x82, 0, 0, 5], &SNAP]), Ok((Ip::V4, 2, &[])));
        check(123, &join(&[&[0x01, 0, 0, 5, 0, 9], &MACS, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(123, &join(&[&[0x06, 0, 0, 5], &SNAP]), Err(Skip::NonIp));
    }
}
