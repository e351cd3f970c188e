//! GRE and what else has its header: NVGRE, ERSPAN, PPTP.
//!
//! In: a [`Layer`] at a GRE header. Out: the [`Layer`] behind it.
//! Must not know: what carried it.
//!
//! RFC 2784, RFC 2890 (key, sequence), RFC 1701 (routing), RFC 2637 (version 1), RFC 7637 (NVGRE),
//! draft-foschiano-erspan.

use super::super::layer::{Ip, Layer, Next, Step};
use super::super::{Encapsulation, Skip};
use crate::capture::LinkType;

/// Flags of the first two bytes.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Of version 1.
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Ethernet.
const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
const ERSPAN_1_OR_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
/// Web cache redirection; since version 2 with a header of four bytes before the IP packet.
const WCCP: u16 = 0x883e;
/// Aruba's access points: 802.11 frames, by the queue they came from.
const ARUBA: std::ops::RangeInclusive<u16> = 0x8200..=0x8210;

/// Over IP.
pub(super) fn header(layer: Layer<'_>) -> Step<'_> {
    let (&[f0, f1, p0, p1], layer) = layer.header::<4>()?;
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    match (flags & VERSION, protocol) {
        (0, _) => behind(flags, protocol, fields(flags, layer)?),
        (1, PPP) => {
            let layer = fields(flags & !(CHECKSUM | ROUTING), layer)?.inside(Encapsulation::Pptp);
            let layer = if flags & ACKNOWLEDGEMENT == 0 { layer } else { layer.behind(4)? };
            // Without a number it only acknowledges.
            if flags & SEQUENCE == 0 { Err(Skip::NonIp) } else { Ok(layer.then(Next::Ppp)) }
        }
        _ => Err(Skip::NonIp),
    }
}

/// Over UDP, with no bit set that has no meaning there, and what is known to be carried so. (RFC 8086)
pub(super) fn over_udp(layer: Layer<'_>) -> Step<'_> {
    const CARRIED: [u16; 5] = [0x0800, 0x86dd, BRIDGED, 0x8847, PPP];
    let sound = |[f0, f1, p0, p1]: &[u8; 4]| {
        let meaningless = u16::from_be_bytes([*f0, *f1]) & !(CHECKSUM | KEY | SEQUENCE);
        meaningless == 0 && CARRIED.contains(&u16::from_be_bytes([*p0, *p1]))
    };
    if layer.bytes.first_chunk().is_some_and(sound) { header(layer) } else { Err(Skip::NonIp) }
}

/// Passes the optional fields that the flags announce.
fn fields(flags: u16, layer: Layer<'_>) -> Step<'_> {
    let has = |flag| usize::from(flags & flag != 0);
    let mut layer = layer.behind(4 * (has(CHECKSUM | ROUTING) + has(KEY) + has(SEQUENCE)))?;
    if has(ROUTING) == 0 {
        return Ok(layer);
    }
    // Each entry takes four bytes at least, so the frame's length bounds them.
    loop {
        let (&[f0, f1, _, length], rest) = layer.header::<4>()?;
        layer = rest.behind(usize::from(length))?;
        if (f0, f1, length) == (0, 0, 0) {
            return Ok(layer);
        }
    }
}

/// What version 0 carries; where nothing else is said, an ethertype.
fn behind(flags: u16, protocol: u16, layer: Layer<'_>) -> Step<'_> {
    let has = |flag| flags & flag != 0;
    Ok(match protocol {
        ERSPAN_1_OR_2 if !has(SEQUENCE) => layer.inside(Encapsulation::Erspan1).then(Next::ETHERNET),
        ERSPAN_1_OR_2 => erspan_2(layer)?,
        ERSPAN_3 => erspan_3(layer)?,
        BRIDGED if has(KEY) && !has(CHECKSUM | SEQUENCE) => layer.inside(Encapsulation::Nvgre).then(Next::ETHERNET),
        BRIDGED => layer.inside(Encapsulation::Gre).then(Next::ETHERNET),
        WCCP if layer.bytes.first().is_some_and(|first| first >> 4 == 4) => {
            layer.inside(Encapsulation::Gre).then(Next::Ip(Ip::V4))
        }
        WCCP => layer.behind(4)?.inside(Encapsulation::Gre).then(Next::Ip(Ip::V4)),
        protocol if ARUBA.contains(&protocol) => layer.inside(Encapsulation::Gre).then(Next::Link(LinkType(105))),
        // Up to there it would be a length.
        0..=0x05ff => return Err(Skip::NonIp),
        protocol => layer.inside(Encapsulation::Gre).then(Next::Ether(protocol)),
    })
}

/// Version 1 in the first four bits.
fn erspan_2(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<8>()? {
        (&[0x10..=0x1f, ..], layer) => Ok(layer.inside(Encapsulation::Erspan2).then(Next::ETHERNET)),
        _ => Err(Skip::NonIp),
    }
}

/// Version 2 in the first four bits. The last bit announces eight more bytes, and five bits the frame's type.
fn erspan_3(layer: Layer<'_>) -> Step<'_> {
    let (&[0x20..=0x2f, _, _, _, _, _, _, _, _, _, kind, flags], layer) = layer.header::<12>()? else {
        return Err(Skip::NonIp);
    };
    let layer = if flags & 1 == 0 { layer } else { layer.behind(8)? };
    let layer = layer.inside(Encapsulation::Erspan3);
    match kind >> 2 & 0x1f {
        0 => Ok(layer.then(Next::ETHERNET)),
        2 => Ok(layer.then(Next::AnyIp)),
        _ => Err(Skip::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows, behind how many bytes, in which tunnel; and that every cut is that or truncated.
    fn check(open: fn(Layer<'_>) -> Step<'_>, header: &[u8], expected: Result<(Next, &str), Skip>) {
        let bytes = [header, &[0x45; 20]].concat();
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = open(Layer::at(Next::AnyIp, &bytes, wire));
        let found = found.map(|layer| (layer.next, layer.bytes.len(), layer.tunnel.to_string()));
        assert_eq!(found, expected.map(|(next, name)| (next, 20, name.to_owned())), "{header:02x?}");
        for n in 0..bytes.len() {
            match (open(Layer::at(Next::AnyIp, &bytes[..n], wire)), expected) {
                (Ok(layer), Ok((next, _))) => assert!(n >= header.len() && layer.next == next),
                (Err(skip), _) => assert!(skip == Skip::Truncated || skip == Skip::NonIp, "{skip:?} at {n}"),
                (Ok(_), Err(_)) => panic!("{n} of {header:02x?}"),
            }
        }
    }

    const ETHERNET: Next = Next::Link(LinkType::ETHERNET);

    #[test]
    fn version_0() {
        check(header, &[0, 0, 0x08, 0], Ok((Next::Ether(0x0800), "gre")));
        check(header, &[0x80, 0, 0x86, 0xdd, 1, 2, 0, 0], Ok((Next::Ether(0x86dd), "gre")));
        check(header, &[0x30, 0, 0x88, 0x47, 1, 2, 3, 4, 5, 6, 7, 8], Ok((Next::Ether(0x8847), "gre")));
        check(header, &[0xb0, 0, 0x08, 0, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], Ok((Next::Ether(0x0800), "gre")));
        // Routing: entries of 0 and 4 bytes, and the last. It brings the checksum's field.
        let routed = [0x40, 0, 0x08, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0];
        check(header, &routed, Ok((Next::Ether(0x0800), "gre")));
        check(header, &[0, 0, 0x65, 0x58], Ok((ETHERNET, "gre")));
        check(header, &[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], Ok((ETHERNET, "nvgre")));
        check(header, &[0x30, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 1], Ok((ETHERNET, "gre")));
        check(header, &[0, 0, 0x82, 0x00], Ok((Next::Link(LinkType(105)), "gre")));
        check(header, &[0, 0, 0x88, 0x3e], Ok((Next::Ip(Ip::V4), "gre")));
        check(header, &[0, 0, 0x88, 0x3e, 0, 0, 0, 0], Ok((Next::Ip(Ip::V4), "gre")));
        check(header, &[0, 0, 0x00, 0x2a], Err(Skip::NonIp));
        check(header, &[0, 2, 0x08, 0], Err(Skip::NonIp));
    }

    #[test]
    fn mirrored_frames() {
        check(header, &[0, 0, 0x88, 0xbe], Ok((ETHERNET, "erspan-1")));
        let numbered = |protocol: [u8; 2], rest: &[u8]| [&[0x10, 0][..], &protocol, &[0, 0, 0, 1], rest].concat();
        check(header, &numbered([0x88, 0xbe], &[0x1f, 0, 0, 0, 0, 0, 0, 0]), Ok((ETHERNET, "erspan-2")));
        check(header, &numbered([0x88, 0xbe], &[0x20, 0, 0, 0, 0, 0, 0, 0]), Err(Skip::NonIp));
        let third = |kind, flags, more: &[u8]| {
            numbered([0x22, 0xeb], &[&[0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, kind, flags], more].concat())
        };
        check(header, &third(0x80, 0xfe, &[]), Ok((ETHERNET, "erspan-3")));
        check(header, &third(0x03, 1, &[9; 8]), Ok((ETHERNET, "erspan-3")));
        check(header, &third(2 << 2, 0, &[]), Ok((Next::AnyIp, "erspan-3")));
        check(header, &third(1 << 2, 0, &[]), Err(Skip::NonIp));
    }

    #[test]
    fn version_1() {
        let call = [0, 20, 0, 7];
        let join = |flags: [u8; 2], rest: &[u8]| [&flags[..], &[0x88, 0x0b], &call, rest].concat();
        check(header, &join([0x30, 0x01], &[0, 0, 0, 1]), Ok((Next::Ppp, "pptp")));
        check(header, &join([0x30, 0x81], &[0, 0, 0, 1, 0, 0, 0, 2]), Ok((Next::Ppp, "pptp")));
        check(header, &join([0x20, 0x81], &[0, 0, 0, 2]), Err(Skip::NonIp));
        check(header, &[0x30, 0x01, 0x08, 0], Err(Skip::NonIp));
    }

    #[test]
    fn over_udp_no_bit_is_set_that_means_nothing() {
        check(over_udp, &[0x20, 0, 0x08, 0, 1, 2, 3, 4], Ok((Next::Ether(0x0800), "gre")));
        for header in
            [[0x40, 0, 0x08, 0], [0, 1, 0x88, 0x0b], [0, 0, 0x08, 0x06], [0x08, 0, 0x08, 0], [0, 0, 0x88, 0xbe]]
        {
            check(over_udp, &header, Err(Skip::NonIp));
        }
    }
}
