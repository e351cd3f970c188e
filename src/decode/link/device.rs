//! What capturing devices put in front of a frame: Endace's and Hilscher's cards, Juniper's routers, Windows.
//!
//! In: a [`Layer`] at such a header. Out: the layer at the frame behind it.
//! Must not know: what is in that frame.

use super::Step;
use crate::capture::LinkType;
use crate::decode::Skip;
use crate::decode::layer::{Ip, Layer, Next};

/// Extension headers of one ERF record before it is called malformed. Cards write up to a handful.
const MAX_EXTENSIONS: usize = 16;

/// Endace's extensible record format: sixteen bytes, then extension headers of eight while the highest bit says so.
pub(super) fn erf(layer: Layer<'_>) -> Step<'_> {
    let (&[_, _, _, _, _, _, _, _, kind, ..], mut layer) = layer.header::<16>()?;
    let mut more = kind & 0x80 != 0;
    for _ in 0..MAX_EXTENSIONS {
        if !more {
            break;
        }
        let (&[extension, ..], rest) = layer.header::<8>()?;
        (layer, more) = (rest, extension & 0x80 != 0);
    }
    let (skipped, next) = match kind & 0x7f {
        _ if more => return Err(Skip::Malformed),
        // Plain, coloured, hashed.
        1 | 10 | 15 | 19 => (0, Next::Link(LinkType(50))),
        // Before the frame an offset and a byte of padding.
        2 | 11 | 16 | 20 => (2, Next::Link(LinkType::ETHERNET)),
        21 => (0, Next::Link(LinkType(247))),
        22 => (0, Next::Ip(Ip::V4)),
        23 => (0, Next::Ip(Ip::V6)),
        _ => return Err(Skip::NonIp),
    };
    Ok(layer.behind(skipped)?.then(next))
}

/// Hilscher's netANALYZER: errors, whether this is a frame or a pin, version; then Ethernet and its checksum.
pub(super) fn netanalyzer(layer: Layer<'_>, preamble: usize) -> Step<'_> {
    match layer.header::<4>()? {
        (&[_, state, ..], layer) if state & 1 == 0 => {
            Ok(layer.behind(preamble)?.without_trailer(4).then(Next::ETHERNET))
        }
        _ => Err(Skip::NonIp),
    }
}

/// Juniper's routers: "MGC", flags, perhaps extensions with their length, then a frame of that link type.
pub(super) fn juniper(layer: Layer<'_>, link: u16) -> Step<'_> {
    const WITHOUT_LINK: u8 = 0x02;
    const EXTENDED: u8 = 0x80;
    let (&[b'M', b'G', b'C', flags], mut layer) = layer.header::<4>()? else { return Err(Skip::Malformed) };
    if flags & EXTENDED != 0 {
        let (&[l0, l1], rest) = layer.header::<2>()?;
        layer = rest.behind(usize::from(u16::from_be_bytes([l0, l1])))?;
    }
    if flags & WITHOUT_LINK == 0 {
        return Ok(layer.then(Next::Link(LinkType(link))));
    }
    // An address family of the router's instead.
    Ok(layer.behind(4)?.then(Next::AnyIp))
}

/// Microsoft-Windows-NDIS-PacketCapture, 2ed6006e-4729-4609-b423-3ee7bcd678ef: what `netsh trace` captures with.
const NDIS_PACKET_CAPTURE: [u8; 16] =
    [0x6e, 0x00, 0xd6, 0x2e, 0x29, 0x47, 0x09, 0x46, 0xb4, 0x23, 0x3e, 0xe7, 0xbc, 0xd6, 0x78, 0xef];
/// Its event that holds a frame.
const PACKET_FRAGMENT: u16 = 1001;

/// An event of Windows' tracing: its header; its data, which of one event are two interfaces, a length, and a frame.
/// The event's keywords say of what medium, and whether the frame begins here: a long one goes over several events.
pub(super) fn windows_event(layer: Layer<'_>) -> Step<'_> {
    const WIRELESS_WAN: u64 = 1 << 9;
    const NATIVE_802_11: u64 = 1 << 16;
    const START: u64 = 1 << 30;
    let (&provider, layer) = layer.behind(24)?.header::<16>()?;
    let (&id, layer) = layer.header::<2>()?;
    let (&keywords, layer) = layer.behind(6)?.header::<8>()?;
    let keywords = u64::from_le_bytes(keywords);
    if provider != NDIS_PACKET_CAPTURE || u16::from_le_bytes(id) != PACKET_FRAGMENT || keywords & START == 0 {
        return Err(Skip::NonIp);
    }
    let (&[_, _, _, _, extended @ .., _, _, _], layer) = layer.behind(24)?.header::<9>()?;
    if extended != [0; 2] {
        return Err(Skip::NonIp);
    }
    let (&length, layer) = layer.behind(8)?.header::<4>()?;
    let media = [(NATIVE_802_11, Next::Link(LinkType::IEEE802_11)), (WIRELESS_WAN, Next::AnyIp)];
    let next = media.into_iter().find(|&(medium, _)| keywords & medium != 0).map_or(Next::ETHERNET, |(_, next)| next);
    Ok(layer.at_most(u32::from_le_bytes(length)).then(next))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, SNAP, V4, V6, check, join};
    use super::*;

    #[test]
    fn endace_records() {
        let record = |kind| join(&[&[0; 8], &[kind, 4, 0, 80, 0, 0, 0, 64]]);
        let ethernet = join(&[&[0, 0], &MACS, &[0x08, 0x00], &V4]);
        for kind in [2, 11, 16, 20] {
            check(197, &join(&[&record(kind), &ethernet]), Ok((Ip::V4, 2, &[])));
        }
        for kind in [1, 10, 15, 19] {
            check(197, &join(&[&record(kind), &[0xff, 3, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
            check(197, &join(&[&record(kind), &[0x0f, 0, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
        }
        check(197, &join(&[&record(22), &V4]), Ok((Ip::V4, 2, &[])));
        check(197, &join(&[&record(23), &V6]), Ok((Ip::V6, 2, &[])));
        check(197, &join(&[&record(27), &V6]), Err(Skip::NonIp));
        let extension = |more| [more, 0, 0, 0, 0, 0, 0, 1];
        check(197, &join(&[&record(0x82), &extension(0x83), &extension(3), &ethernet]), Ok((Ip::V4, 2, &[])));
        check(197, &join(&[&record(0x82), &extension(0x83).repeat(17), &ethernet]), Err(Skip::Malformed));
    }

    #[test]
    fn hilschers_card() {
        let ethernet = join(&[&MACS, &[0x08, 0x00], &V4, &[0xfc; 4]]);
        check(240, &join(&[&[0, 0x04, 0, 0], &ethernet]), Ok((Ip::V4, 2, &[])));
        check(241, &join(&[&[0, 0x06, 0, 0], &[0x55; 7], &[0xd5], &ethernet]), Ok((Ip::V4, 2, &[])));
        check(240, &join(&[&[0, 0x05, 0, 0], &ethernet]), Err(Skip::NonIp));
    }

    #[test]
    fn junipers_routers() {
        let ethernet = join(&[&MACS, &[0x08, 0x00], &V4]);
        check(178, &join(&[b"MGC\x01", &ethernet]), Ok((Ip::V4, 2, &[])));
        check(178, &join(&[b"MGC\x80\x00\x06", &[1; 6], &ethernet]), Ok((Ip::V4, 2, &[])));
        check(178, &join(&[b"MGC\x02", &[2, 0, 0, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(178, &join(&[b"MGX\x00", &ethernet]), Err(Skip::Malformed));
        check(179, &join(&[b"MGC\x00\xff\x03\x00\x57", &V6]), Ok((Ip::V6, 2, &[])));
        check(180, &join(&[b"MGC\x00\x18\x61\x03\xcc", &V4]), Ok((Ip::V4, 2, &[])));
        check(181, &join(&[b"MGC\x00\x0f\x00\x08\x00", &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn events_of_windows() {
        let event = |provider: &[u8], id: u16, keywords: u64, extended: u8, frame: &[u8]| {
            let header = [&[0; 24], provider, &id.to_le_bytes(), &[0; 6], &keywords.to_le_bytes(), &[0; 24]].concat();
            let data = [&[13, 0, 0, 0, 13, 0, 0, 0, frame.len() as u8, 0, 0, 0], frame, &[0xee; 3]].concat();
            join(&[&header, &[0, 0, 0, 0, extended, 0, data.len() as u8, 0, 0], &data])
        };
        let ethernet = join(&[&MACS, &[0x08, 0x00], &V4]);
        let (ours, whole) = (&NDIS_PACKET_CAPTURE, 0x8000_0001_c000_0001);
        check(0xf0e0, &event(ours, 1001, whole, 0, &ethernet), Ok((Ip::V4, 2, &[])));
        check(0xf0e0, &event(ours, 1001, 0x4000_0200, 0, &V6), Ok((Ip::V6, 2, &[])));
        let wireless = join(&[&[0x08, 0x01], &[0; 22], &SNAP]);
        check(0xf0e0, &event(ours, 1001, 0x4001_0000, 0, &wireless), Ok((Ip::V4, 2, &[])));
        for other in [
            event(&[0; 16], 1001, whole, 0, &ethernet),
            event(ours, 1002, whole, 0, &ethernet),
            event(ours, 1001, 0x8000_0001, 0, &ethernet),
            event(ours, 1001, whole, 1, &ethernet),
        ] {
            check(0xf0e0, &other, Err(Skip::NonIp));
        }
    }
}
