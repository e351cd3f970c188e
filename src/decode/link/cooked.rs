//! What operating systems put in place of a link header: loopback, cooked captures, packet filters, taps.
//!
//! In: a [`Layer`] at such a header. Out: the layer behind it.
//! Must not know: what the interface was.

use super::{Step, either_order};
use crate::capture::LinkType;
use crate::decode::Skip;
use crate::decode::layer::{Ip, Layer, Next};

/// Attributes read of one NFLOG message before it is called malformed. Linux writes some twenty.
const MAX_ATTRIBUTES: usize = 64;

/// No link header at all: the version nibble decides.
pub(super) fn any_ip(layer: Layer<'_>) -> Step<'_> {
    let ip = match layer.bytes.first().ok_or(Skip::Truncated)? >> 4 {
        4 => Ip::V4,
        6 => Ip::V6,
        _ => return Err(Skip::NonIp),
    };
    Ok(layer.then(Next::Ip(ip)))
}

/// IP, by the number of an address family on any system.
fn family(number: u32) -> Result<Next, Skip> {
    match number {
        2 => Ok(Next::Ip(Ip::V4)),
        // Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, Darwin.
        10 | 23 | 24 | 26 | 28 | 30 => Ok(Next::Ip(Ip::V6)),
        _ => Err(Skip::NonIp),
    }
}

/// BSD loopback: an address family, in the byte order of the machine that captured.
///
/// OpenBSD's variant is always big-endian; no family is valid in both orders, so one reader serves both. Some
/// writers put an ethertype into the last two bytes, where no family has such a value in either order.
pub(super) fn loopback(layer: Layer<'_>) -> Step<'_> {
    let (&number, layer) = layer.header::<4>()?;
    let next = match number {
        [.., 0x08, 0x00] => Next::Ip(Ip::V4),
        [.., 0x86, 0xdd] => Next::Ip(Ip::V6),
        _ => family(either_order(number))?,
    };
    Ok(layer.then(next))
}

/// OpenBSD's enc: address family, security parameter index, flags.
pub(super) fn enc(layer: Layer<'_>) -> Step<'_> {
    let (&[number @ .., _, _, _, _, _, _, _, _], layer) = layer.header::<12>()?;
    Ok(layer.then(family(either_order(number))?))
}

/// OpenBSD's packet filter log: a length that leaves padding to four bytes out, address family, and why.
pub(super) fn pflog(layer: Layer<'_>) -> Step<'_> {
    let &[length, number, ..] = layer.bytes.first_chunk::<4>().ok_or(Skip::Truncated)?;
    if length < 4 {
        return Err(Skip::Malformed);
    }
    let next = family(u32::from(number))?;
    Ok(layer.behind(usize::from(length).next_multiple_of(4))?.then(next))
}

/// Solaris ipnet: zones and interfaces.
pub(super) fn ipnet(layer: Layer<'_>) -> Step<'_> {
    Ok(layer.behind(24)?.then(Next::AnyIp))
}

/// Linux cooked capture, version 1: the protocol ends the header.
pub(super) fn linux_sll(layer: Layer<'_>) -> Step<'_> {
    let (&[k0, k1, h0, h1, .., high, low], layer) = layer.header::<16>()?;
    behind_cooked(layer.with_broadcast([k0, k1] == [0, 1]), [h0, h1], [high, low])
}

/// Linux cooked capture, version 2: the protocol begins the header.
pub(super) fn linux_sll2(layer: Layer<'_>) -> Step<'_> {
    let (&[high, low, _, _, _, _, _, _, h0, h1, kind, ..], layer) = layer.header::<20>()?;
    behind_cooked(layer.with_broadcast(kind == 1), [h0, h1], [high, low])
}

/// What both cooked headers say: hardware (`ARPHRD_*`), and a protocol where that leaves it a meaning.
fn behind_cooked<'a>(layer: Layer<'a>, hardware: [u8; 2], protocol: [u8; 2]) -> Step<'a> {
    let next = match (u16::from_be_bytes(hardware), u16::from_be_bytes(protocol)) {
        // Frame relay; 802.11 bare, with Prism's and with radiotap's header; netlink.
        (770, _) => Next::Link(LinkType(107)),
        (801, _) => Next::Link(LinkType(105)),
        (802, _) => Next::Link(LinkType(119)),
        (803, _) => Next::Link(LinkType(127)),
        (824, _) => return Err(Skip::NonIp),
        // Linux' own: IEEE 802.3 without LLC, IEEE 802.2, PPP with address and control; CAN, IrDA and others.
        (_, 0x0001) => return Err(Skip::Llc),
        (_, 0x0004) => Next::Llc,
        (_, 0x0007) => Next::Link(LinkType(50)),
        (_, 0..=0x05ff) => return Err(Skip::NonIp),
        (_, ethertype) => Next::Ether(ethertype),
    };
    Ok(layer.then(next))
}

/// Linux' netfilter log: address family, version, group; then attributes, one of which is the packet.
///
/// Length and type of an attribute are in the byte order of the machine that captured. Types are below 64, so that
/// the byte which is zero but for two flags is the higher one.
pub(super) fn nflog(layer: Layer<'_>) -> Step<'_> {
    const PACKET: u8 = 9;
    const FLAGS: u8 = 0xc0;
    let (&[number, ..], mut layer) = layer.header::<4>()?;
    for _ in 0..MAX_ATTRIBUTES {
        if layer.wire == 0 {
            return Err(Skip::NonIp);
        }
        let (&[l0, l1, t0, t1], value) = layer.header::<4>()?;
        let big = t0 & !FLAGS == 0;
        let length = if big { u16::from_be_bytes([l0, l1]) } else { u16::from_le_bytes([l0, l1]) };
        let length = length.checked_sub(4).ok_or(Skip::Malformed)?;
        if (t0 | t1) & !FLAGS == PACKET {
            // A bridge's family says nothing of what it forwards.
            let next = family(u32::from(number)).unwrap_or(Next::AnyIp);
            return Ok(value.at_most(u32::from(length)).then(next));
        }
        layer = value.behind(usize::from(length).next_multiple_of(4))?;
    }
    Err(Skip::Malformed)
}

/// macOS' packet tap: length of this header, kind of record, link type of the frame behind it.
pub(super) fn pktap(layer: Layer<'_>) -> Step<'_> {
    const PACKET: u32 = 1;
    let fixed = layer.bytes.first_chunk::<12>().ok_or(Skip::Truncated)?;
    let &[l0, l1, l2, l3, k0, k1, k2, k3, link @ ..] = fixed;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length < fixed.len() {
        return Err(Skip::Malformed);
    }
    let link = u16::try_from(u32::from_le_bytes(link)).map_err(|_| Skip::UnsupportedLinkType)?;
    match u32::from_le_bytes([k0, k1, k2, k3]) {
        PACKET => Ok(layer.behind(length)?.then(Next::Link(LinkType(link)))),
        _ => Err(Skip::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, SNAP, V4, V6, check, everyone, join};
    use super::*;

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
    fn filters_and_zones() {
        check(109, &join(&[&[2, 0, 0, 0], &[0; 8], &V4]), Ok((Ip::V4, 2, &[])));
        check(109, &join(&[&[0, 0, 0, 24], &[0; 8], &V6]), Ok((Ip::V6, 2, &[])));
        check(109, &join(&[&[0, 0, 0, 18], &[0; 8], &V6]), Err(Skip::NonIp));
        check(117, &join(&[&[61, 2, 0, 0], &[0; 60], &V4]), Ok((Ip::V4, 2, &[])));
        check(117, &join(&[&[64, 28, 0, 0], &[0; 60], &V6]), Ok((Ip::V6, 2, &[])));
        check(117, &join(&[&[61, 18, 0, 0], &[0; 60], &V6]), Err(Skip::NonIp));
        check(117, &[3, 2, 0, 0, 0x45], Err(Skip::Malformed));
        check(226, &join(&[&[1, 26, 0, 1], &[0; 20], &V6]), Ok((Ip::V6, 2, &[])));
    }

    #[test]
    fn cooked_captures() {
        let sll = [0, 0, 0, 1, 0, 6, 0, 0x15, 0x5d, 0, 4, 1, 0, 0];
        check(113, &join(&[&sll, &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(113, &join(&[&sll, &[0x81, 0, 0, 9, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[9])));
        check(113, &join(&[&sll, &[0x00, 0x04], &SNAP]), Ok((Ip::V4, 2, &[])));
        check(113, &join(&[&sll, &[0x00, 0x04], &V4]), Err(Skip::Llc));
        check(113, &join(&[&sll, &[0x00, 0x01], &V4]), Err(Skip::Llc));
        check(113, &join(&[&sll, &[0x00, 0x07, 0xff, 3, 0, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
        check(113, &join(&[&sll, &[0x00, 0x0c], &V4]), Err(Skip::NonIp));
        let sll2 = [0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 0, 0x15, 0x5d, 0, 4, 1, 0, 0];
        check(276, &join(&[&[0x08, 0], &sll2, &V4]), Ok((Ip::V4, 2, &[])));
        check(276, &join(&[&[0x08, 0x06], &sll2, &V4]), Err(Skip::Arp));
    }

    #[test]
    fn hardware_that_leaves_the_protocol_no_meaning() {
        let wireless = join(&[&[0x08, 0x02, 0, 0], &MACS, &MACS[6..], &[0x10, 0], &SNAP]);
        let check = |hardware: [u8; 2], rest: &[u8], expected| {
            let [high, low] = hardware;
            check(113, &join(&[&[0, 0, high, low], &[0; 10], &[0x08, 0x00], rest]), expected);
            check(276, &join(&[&[0x08, 0x00], &[0; 6], &hardware, &[0; 10], rest]), expected);
        };
        check([3, 0x02], &join(&[&[0x18, 0x61, 3, 0xcc], &V4]), Ok((Ip::V4, 2, &[])));
        check([3, 0x21], &wireless, Ok((Ip::V4, 2, &[])));
        check([3, 0x22], &join(&[&[0x44, 0, 0, 0, 16, 0, 0, 0], &[0; 8], &wireless]), Ok((Ip::V4, 2, &[])));
        check([3, 0x23], &join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &wireless]), Ok((Ip::V4, 2, &[])));
        check([3, 0x38], &V4, Err(Skip::NonIp));
    }

    #[test]
    fn cooked_broadcasts() {
        let sll = |kind| join(&[&[0, kind], &[0, 1, 0, 6], &[0; 8], &[0x08, 0], &V4]);
        assert!(everyone(113, &sll(1)) && !everyone(113, &sll(0)));
        let sll2 = |kind| join(&[&[0x08, 0], &[0; 8], &[kind, 6], &[0; 8], &V4]);
        assert!(everyone(276, &sll2(1)) && !everyone(276, &sll2(4)));
    }

    #[test]
    fn netfilter_logs_in_both_orders() {
        let attribute = |big: bool, kind: u8, value: &[u8]| {
            let length = u16::try_from(4 + value.len()).unwrap();
            let order = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let padding = &[0; 3][..value.len().next_multiple_of(4) - value.len()];
            join(&[&order(length), &order(u16::from(kind)), value, padding])
        };
        for big in [false, true] {
            let log = |family, packet: &[u8]| {
                let before = join(&[&attribute(big, 1, &[8, 0, 3, 0]), &attribute(big, 10, b"x")]);
                join(&[&[family, 0, 0, 5], &before, &attribute(big, 9, packet)])
            };
            check(239, &log(2, &[0x45, 0, 0, 0]), Ok((Ip::V4, 4, &[])));
            check(239, &log(10, &[0x60, 0, 0, 0]), Ok((Ip::V6, 4, &[])));
            check(239, &log(7, &[0x60, 0, 0, 0]), Ok((Ip::V6, 4, &[])));
            check(239, &log(7, &[0, 1, 8, 0]), Err(Skip::NonIp));
            // Padding of the packet is not its.
            check(239, &log(2, &[0x45]), Ok((Ip::V4, 1, &[])));
            check(239, &join(&[&[2, 0, 0, 5], &attribute(big, 1, &[8, 0, 3, 0])]), Err(Skip::NonIp));
        }
        check(239, &[2, 0, 0, 5, 3, 0, 1, 0, 0x45, 0], Err(Skip::Malformed));
        check(239, &join(&[&[2, 0, 0, 5], &[4, 0, 1, 0].repeat(70)]), Err(Skip::Malformed));
        // A type with the flag of nested attributes.
        check(239, &join(&[&[2, 0, 0, 5], &[8, 0, 18, 0x80, 0, 0, 0, 0], &[6, 0, 9, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(239, &join(&[&[2, 0, 0, 5], &[0, 8, 0x80, 18, 0, 0, 0, 0], &[0, 6, 0, 9], &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn packet_taps() {
        let tap = |length: u32, kind: u32, link: u32, size: usize| {
            join(&[&length.to_le_bytes(), &kind.to_le_bytes(), &link.to_le_bytes(), &vec![0; size - 12]])
        };
        let ethernet = join(&[&MACS, &[0x08, 0x00], &V4]);
        for link in [149, 258] {
            check(link, &join(&[&tap(108, 1, 1, 108), &ethernet]), Ok((Ip::V4, 2, &[])));
            check(link, &join(&[&tap(156, 1, 0, 156), &[30, 0, 0, 0], &V6]), Ok((Ip::V6, 2, &[])));
            check(link, &join(&[&tap(108, 1, 12, 108), &V4]), Ok((Ip::V4, 2, &[])));
            check(link, &join(&[&tap(108, 2, 1, 108), &ethernet]), Err(Skip::NonIp));
            check(link, &join(&[&tap(11, 1, 1, 108), &ethernet]), Err(Skip::Malformed));
            check(link, &join(&[&tap(u32::MAX, 1, 1, 108), &ethernet]), Err(Skip::Truncated));
            check(link, &join(&[&tap(108, 1, 0x1_0001, 108), &ethernet]), Err(Skip::UnsupportedLinkType));
        }
        // Taps in taps end somewhere.
        check(258, &tap(12, 1, 258, 12).repeat(30), Err(Skip::Malformed));
    }
}
