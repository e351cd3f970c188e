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
