//! Link header → the IP datagram behind it. One row per link type and ethertype.
//!
//! In: a [`Layer`] at a link header. Out: the [`Layer`] at its IP header.
//! Must not know: what an IP header looks like, beyond the version nibble that raw links leave as the only hint.

use super::layer::{Ip, Layer, Next, Step};
use super::{Skip, tunnel};
use crate::capture::{Frame, LinkType};

/// Headers walked between two IP headers before the frame is called malformed. Real networks stack a handful.
const MAX_HEADERS: usize = 20;

/// `ARPHRD_*` numbers for which a cooked header's protocol field holds no ethertype:
/// frame relay, 802.11 radiotap, netlink.
const COOKED_WITHOUT_ETHERTYPE: [u16; 3] = [770, 803, 824];

/// Strips headers until IP comes next.
pub(super) fn to_ip<'a>(mut layer: Layer<'a>) -> Result<(Ip, Layer<'a>), Skip> {
    for _ in 0..MAX_HEADERS {
        layer = match layer.next {
            Next::Ip(ip) => return Ok((ip, layer)),
            Next::AnyIp => any_ip(layer)?,
            Next::Link(link) => link_header(link, layer)?,
            Next::Ether(ethertype) => behind_ethertype(ethertype, layer)?,
            Next::Llc => llc(layer)?,
            Next::Ppp => tunnel::ppp::frame(layer)?,
        };
    }
    Err(Skip::Malformed)
}

/// One row per link type.
fn link_header<'a>(link: LinkType, layer: Layer<'a>) -> Step<'a> {
    match link {
        LinkType::ETHERNET => ethernet(layer),
        // 12 and 14 are what BSD and OpenBSD wrote for raw IP before 101 was assigned.
        LinkType::RAW | LinkType(12 | 14) => Ok(layer.then(Next::AnyIp)),
        LinkType::IPV4 => Ok(layer.then(Next::Ip(Ip::V4))),
        LinkType::IPV6 => Ok(layer.then(Next::Ip(Ip::V6))),
        LinkType::LINUX_SLL => linux_sll(layer),
        LinkType::LINUX_SLL2 => linux_sll2(layer),
        LinkType::NULL | LinkType::LOOP => loopback(layer),
        _ => Err(Skip::UnsupportedLinkType),
    }
}

/// One row per ethertype.
fn behind_ethertype<'a>(ethertype: u16, layer: Layer<'a>) -> Step<'a> {
    match ethertype {
        0x0800 => Ok(layer.then(Next::Ip(Ip::V4))),
        0x86dd => Ok(layer.then(Next::Ip(Ip::V6))),
        // 802.1Q, 802.1ad, and the number QinQ used before 802.1ad.
        0x8100 | 0x88a8 | 0x9100 => vlan_tag(layer),
        // Cisco's security group tag: no VLAN, but IP behind it.
        0x8909 => match layer.header::<8>()? {
            (&[1, 1, _, _, _, _, high, low], layer) => Ok(layer.then(Next::Ether(u16::from_be_bytes([high, low])))),
            _ => Err(Skip::NonIp),
        },
        0..=0x05ff => Ok(layer.then(Next::Llc)),
        0x0806 => Err(Skip::Arp),
        0x88cc => Err(Skip::Lldp),
        0x8847 | 0x8848 => tunnel::mpls::stack(layer),
        0x8863 => Err(Skip::Pppoe),
        0x8864 => tunnel::ppp::over_ethernet(layer),
        0x880b => Ok(layer.then(Next::Ppp)),
        // Transparent bridging: a whole frame.
        0x6558 => Ok(layer.then_ethernet()),
        tunnel::overlay::NSH => tunnel::overlay::nsh(layer),
        _ => Err(Skip::NonIp),
    }
}

/// Whether the link layer addressed everyone. Multicast does not count: clusters give it to single addresses.
#[inline]
pub(super) fn is_broadcast(frame: &Frame<'_>) -> bool {
    match frame.link {
        LinkType::ETHERNET => frame.bytes.first_chunk::<6>() == Some(&[0xff; 6]),
        // The packet type of cooked captures: 1 is broadcast.
        LinkType::LINUX_SLL => frame.bytes.first_chunk::<2>() == Some(&[0, 1]),
        LinkType::LINUX_SLL2 => frame.bytes.get(10) == Some(&1),
        _ => false,
    }
}

/// Ethernet II, and IEEE 802.3 where a length stands in place of the ethertype.
fn ethernet(layer: Layer<'_>) -> Step<'_> {
    let (&[.., high, low], layer) = layer.header::<14>()?;
    Ok(layer.then(Next::Ether(u16::from_be_bytes([high, low]))))
}

/// Tag control information and the next ethertype.
fn vlan_tag(layer: Layer<'_>) -> Step<'_> {
    let (&[tag_high, tag_low, high, low], mut layer) = layer.header::<4>()?;
    // A fifth tag finds no room; the outer four say where the frame was captured.
    let _ = layer.vlan.try_push(u16::from_be_bytes([tag_high, tag_low]) & 0x0fff);
    Ok(layer.then(Next::Ether(u16::from_be_bytes([high, low]))))
}

/// SNAP with a zero organisation code carries an ethertype after all.
fn llc(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<8>() {
        Ok((&[0xaa, 0xaa, 0x03, 0, 0, 0, high @ 0x06..=0xff, low], layer)) => {
            Ok(layer.then(Next::Ether(u16::from_be_bytes([high, low]))))
        }
        _ => Err(Skip::Llc),
    }
}

/// No link header at all: the version nibble decides.
fn any_ip(layer: Layer<'_>) -> Step<'_> {
    let ip = match layer.bytes.first().ok_or(Skip::Truncated)? >> 4 {
        4 => Ip::V4,
        6 => Ip::V6,
        _ => return Err(Skip::NonIp),
    };
    Ok(layer.then(Next::Ip(ip)))
}

/// BSD loopback: an address family, in the byte order of the machine that captured.
///
/// OpenBSD's variant is always big-endian; no family is valid in both orders, so one reader serves both. Some
/// writers put an ethertype into the last two bytes, where no family has such a value in either order.
fn loopback(layer: Layer<'_>) -> Step<'_> {
    let (&family, layer) = layer.header::<4>()?;
    let number = match u32::from_le_bytes(family) {
        low @ 0..=0xffff => low,
        _ => u32::from_be_bytes(family),
    };
    let ip = match (number, family) {
        (2, _) | (_, [.., 0x08, 0x00]) => Ip::V4,
        // Linux, Windows, NetBSD, FreeBSD, Darwin.
        (10 | 23 | 24 | 28 | 30, _) | (_, [.., 0x86, 0xdd]) => Ip::V6,
        _ => return Err(Skip::NonIp),
    };
    Ok(layer.then(Next::Ip(ip)))
}

/// Linux cooked capture, version 1: the protocol ends the header.
fn linux_sll(layer: Layer<'_>) -> Step<'_> {
    let (&[_, _, hardware_high, hardware_low, .., high, low], layer) = layer.header::<16>()?;
    cooked(layer, [hardware_high, hardware_low], [high, low])
}

/// Linux cooked capture, version 2: the protocol begins the header.
fn linux_sll2(layer: Layer<'_>) -> Step<'_> {
    let (&[high, low, _, _, _, _, _, _, hardware_high, hardware_low, ..], layer) = layer.header::<20>()?;
    cooked(layer, [hardware_high, hardware_low], [high, low])
}

/// What both cooked headers say.
fn cooked<'a>(layer: Layer<'a>, hardware: [u8; 2], protocol: [u8; 2]) -> Step<'a> {
    if COOKED_WITHOUT_ETHERTYPE.contains(&u16::from_be_bytes(hardware)) {
        return Err(Skip::NonIp);
    }
    Ok(layer.then(Next::Ether(u16::from_be_bytes(protocol))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Timestamp;

    const MACS: [u8; 12] = [0x00, 0x15, 0x5d, 0x00, 0x04, 0x01, 0x00, 0x15, 0x5d, 0x00, 0x04, 0x02];
    const V4: [u8; 2] = [0x45, 0x00];
    const V6: [u8; 2] = [0x60, 0x00];

    #[test]
    fn a_link_broadcast_is_told_from_a_clusters_multicast() {
        let said = |link, bytes: &[u8]| {
            is_broadcast(&Frame { at: Timestamp(0), link, original_length: bytes.len() as u32, bytes })
        };
        let to = |mac: [u8; 6]| [&mac[..], &MACS[6..], &[8, 0], &V4].concat();
        assert!(said(LinkType::ETHERNET, &to([0xff; 6])));
        assert!(!said(LinkType::ETHERNET, &to([0x03, 0xbf, 10, 0, 0, 100])));
        assert!(!said(LinkType::ETHERNET, &[0xff; 5]));
        assert!(said(LinkType::LINUX_SLL, &[0, 1, 0, 1]) && !said(LinkType::LINUX_SLL, &[0, 0, 0, 1]));
        let cooked = |kind| [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, kind, 6];
        assert!(said(LinkType::LINUX_SLL2, &cooked(1)) && !said(LinkType::LINUX_SLL2, &cooked(4)));
        assert!(!said(LinkType::RAW, &[0xff; 6]));
    }

    /// What `parse` says of a frame, and that every shorter capture of it is a packet or a skip too.
    fn check(link: u16, bytes: &[u8], expected: Result<(Ip, usize, &[u16]), Skip>) {
        let frame = |n: usize| Frame {
            at: Timestamp(0),
            link: LinkType(link),
            original_length: u32::try_from(bytes.len()).unwrap(),
            bytes: &bytes[..n],
        };
        let (whole, expected_vlan) = match expected {
            Ok((ip, rest, vlan)) => (Ok((ip, rest)), vlan),
            Err(skip) => (Err(skip), &[][..]),
        };
        let full = frame(bytes.len());
        let found = to_ip(Layer::of(&full, false));
        assert_eq!(found.as_ref().map(|(ip, l)| (*ip, l.bytes.len())).map_err(|&s| s), whole, "{link} {bytes:02x?}");
        if let Ok((ip, found)) = found {
            assert_eq!(&found.vlan[..], expected_vlan);
            assert_eq!(found.wire as usize, found.bytes.len());
            for n in 0..bytes.len() {
                let cut = frame(n);
                match to_ip(Layer::of(&cut, false)) {
                    Ok((again, cut)) => assert_eq!((cut.wire, again), (found.wire, ip)),
                    Err(skip) => assert!(matches!(skip, Skip::Truncated | Skip::Llc), "{skip:?} at {n}"),
                }
            }
        }
    }

    fn join(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn ethernet_and_tags() {
        check(1, &join(&[&MACS, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
        // Priority bits are not part of the id.
        check(1, &join(&[&MACS, &[0x81, 0, 0xe0, 0x64, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[100])));
        check(1, &join(&[&MACS, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[7, 8])));
        check(1, &join(&[&MACS, &[0x91, 0, 0, 7, 0x81, 0, 0, 8, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[7, 8])));
        check(1, &join(&[&MACS, &[0x89, 9, 1, 1, 0, 1, 0, 2, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0x89, 9, 2, 1, 0, 1, 0, 2, 0x08, 0], &V4]), Err(Skip::NonIp));
        let five: Vec<u8> = (1..=5).flat_map(|id| [0x81, 0, 0, id]).collect();
        check(1, &join(&[&MACS, &five, &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[1, 2, 3, 4])));
        check(1, &join(&[&MACS, &[0x81, 0, 0, 1].repeat(16), &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[1; 4])));
        check(1, &join(&[&MACS, &[0x81, 0, 0, 1].repeat(18), &[0x08, 0], &V4]), Err(Skip::Malformed));
    }

    #[test]
    fn ethertypes_that_are_not_ip() {
        for (ethertype, skip) in [
            ([0x08, 0x06], Skip::Arp),
            ([0x88, 0xcc], Skip::Lldp),
            ([0x88, 0x63], Skip::Pppoe),
            ([0x88, 0x64], Skip::Pppoe),
            ([0x88, 0xe5], Skip::NonIp),
            ([0x80, 0x35], Skip::NonIp),
            ([0x00, 0x26], Skip::Llc),
        ] {
            check(1, &join(&[&MACS, &ethertype, &[0x42; 8]]), Err(skip));
            check(1, &join(&[&MACS, &[0x81, 0, 0, 1], &ethertype, &[0x42; 8]]), Err(skip));
        }
    }

    #[test]
    fn snap_carries_an_ethertype() {
        let snap = [0x00, 0x0a, 0xaa, 0xaa, 0x03, 0, 0, 0];
        check(1, &join(&[&MACS, &snap, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &snap, &[0x00, 0x10], &V4]), Err(Skip::Llc));
        // Cisco's organisation code: CDP, not an ethertype.
        check(1, &join(&[&MACS, &[0, 9, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 1]]), Err(Skip::Llc));
    }

    #[test]
    fn raw_and_fixed_versions() {
        for link in [12, 14, 101] {
            check(link, &V4, Ok((Ip::V4, 2, &[])));
            check(link, &V6, Ok((Ip::V6, 2, &[])));
            check(link, &[0x10], Err(Skip::NonIp));
            check(link, &[], Err(Skip::Truncated));
        }
        check(228, &V4, Ok((Ip::V4, 2, &[])));
        check(229, &V6, Ok((Ip::V6, 2, &[])));
    }

    #[test]
    fn loopback_families_in_both_orders() {
        for link in [0, 108] {
            for (family, ip) in [(2, Ip::V4), (10, Ip::V6), (23, Ip::V6), (24, Ip::V6), (28, Ip::V6), (30, Ip::V6)] {
                check(link, &[0, 0, 0, family, 0], Ok((ip, 1, &[])));
                check(link, &[family, 0, 0, 0, 0], Ok((ip, 1, &[])));
            }
            check(link, &[0, 0, 0, 7, 0], Err(Skip::NonIp));
            check(link, &[0, 2, 2, 0, 0], Err(Skip::NonIp));
            check(link, &[0x0f, 0, 0x08, 0x00, 0], Ok((Ip::V4, 1, &[])));
            check(link, &[0x0f, 0, 0x86, 0xdd, 0], Ok((Ip::V6, 1, &[])));
            check(link, &[0x0f, 0, 0x08, 0x06, 0], Err(Skip::NonIp));
        }
    }

    #[test]
    fn cooked() {
        let sll = [0, 0, 0, 1, 0, 6, 0, 0x15, 0x5d, 0, 4, 1, 0, 0];
        check(113, &join(&[&sll, &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(113, &join(&[&sll, &[0x81, 0, 0, 9, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[9])));
        check(113, &join(&[&sll, &[0x00, 0x04], &V4]), Err(Skip::Llc));
        let netlink = [0, 4, 0x03, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        check(113, &join(&[&netlink, &[0x08, 0], &V4]), Err(Skip::NonIp));
        let sll2 = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 0, 0x15, 0x5d, 0, 4, 1, 0, 0];
        check(276, &join(&[&[0x08, 0], &sll2, &V4]), Ok((Ip::V4, 2, &[])));
        check(276, &join(&[&[0x08, 0x06], &sll2, &V4]), Err(Skip::Arp));
    }

    #[test]
    fn others_are_unsupported() {
        check(127, &V4, Err(Skip::UnsupportedLinkType));
        check(65535, &[], Err(Skip::UnsupportedLinkType));
    }

    #[test]
    fn original_length_below_the_captured_one() {
        let bytes = join(&[&MACS, &[0x08, 0x00], &V4]);
        let frame = Frame { at: Timestamp(0), link: LinkType::ETHERNET, original_length: 3, bytes: &bytes };
        assert_eq!(to_ip(Layer::of(&frame, false)).unwrap().1.wire, 2);
    }
}
