//! Local networks: Ethernet, LLC, token ring, FDDI, Fibre Channel, IEEE 1394, InfiniBand.
//!
//! In: a [`Layer`] at such a header. Out: the layer behind it.
//! Must not know: what an ethertype means.

use super::{EVERYONE, Step};
use crate::capture::LinkType;
use crate::decode::Skip;
use crate::decode::layer::{Ip, Layer, Next};

/// The two addresses that begin a frame.
pub(super) fn addresses(layer: Layer<'_>) -> Step<'_> {
    let (&[to @ .., _, _, _, _, _, _], layer) = layer.header::<12>()?;
    Ok(layer.with_broadcast(to == EVERYONE))
}

/// Ethernet II, and IEEE 802.3 where a length stands in place of the ethertype.
pub(super) fn ethernet(layer: Layer<'_>) -> Step<'_> {
    let (&[to @ .., _, _, _, _, _, _, high, low], layer) = layer.header::<14>()?;
    match (to, layer.bytes) {
        ([0x01 | 0x03, 0, 0x0c, 0, 0, kind], [0xaa, 0xaa, 3, ..]) => inter_switch_link(layer, kind >> 4),
        _ => Ok(layer.with_broadcast(to == EVERYONE).ethertype([high, low])),
    }
}

/// Cisco's Inter-Switch Link: 26 bytes, of which 14 look like IEEE 802.3; then a whole frame.
fn inter_switch_link(layer: Layer<'_>, kind: u8) -> Step<'_> {
    let (&[_, _, _, _, _, _, v0, v1, _, _, _, _], layer) = layer.header::<12>()?;
    let inner = match kind {
        0 => LinkType::ETHERNET,
        1 => LinkType(6),
        2 => LinkType(10),
        _ => return Err(Skip::NonIp),
    };
    // The lowest bit marks bridge protocol data units.
    let vlan = (u16::from_be_bytes([v0, v1]) >> 1).to_be_bytes();
    Ok(layer.tagged(vlan).then(Next::Link(inner)))
}

/// Ethernet behind the preamble and the delimiter of the wire, and before its checksum.
pub(super) fn from_the_wire(layer: Layer<'_>) -> Step<'_> {
    Ok(layer.behind(8)?.without_trailer(4).then(Next::ETHERNET))
}

/// Xerox's experimental Ethernet: addresses of one byte, and types of its own.
pub(super) fn experimental_ethernet(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<4>()? {
        (&[to, _, 0x02, 0x01], layer) => Ok(layer.with_broadcast(to == 0).then(Next::AnyIp)),
        _ => Err(Skip::NonIp),
    }
}

/// IEEE 802.2. Of its service access points, SNAP and the one of IP lead on.
pub(super) fn llc(layer: Layer<'_>) -> Step<'_> {
    let whole = layer.wire;
    match layer.header::<3>() {
        Ok((&[0xaa, 0xaa, 3], layer)) => snap(layer, 2),
        Ok((&[6, 6, 3], layer)) => Ok(layer.then(Next::Ip(Ip::V4))),
        Err(skip) if whole >= 3 => Err(skip),
        _ => Err(Skip::Llc),
    }
}

/// SNAP: an organisation, and its protocol. A bridged frame is preceded by `padding` bytes (RFC 2684, RFC 2427).
pub(super) fn snap(layer: Layer<'_>, padding: usize) -> Step<'_> {
    match layer.header::<5>()? {
        // No organisation, or IEEE 802.1H's bridge tunnel: an ethertype after all.
        (&[0, 0, 0 | 0xf8, high @ 0x06..=0xff, low], layer) => Ok(layer.ethertype([high, low])),
        (&[0, 0x80, 0xc2, 0, 1], layer) => Ok(layer.behind(padding)?.without_trailer(4).then(Next::ETHERNET)),
        (&[0, 0x80, 0xc2, 0, 7], layer) => Ok(layer.behind(padding)?.then(Next::ETHERNET)),
        _ => Err(Skip::Llc),
    }
}

/// IEEE 802.5, with the route that a source prescribes if its address has the group bit.
pub(super) fn token_ring(layer: Layer<'_>) -> Step<'_> {
    let (&[_, control, to @ .., source, _, _, _, _, _], layer) = layer.header::<14>()?;
    // 01: LLC; 00: the ring's own.
    if control >> 6 != 1 {
        return Err(Skip::NonIp);
    }
    let route = match layer.bytes.first() {
        _ if source & 0x80 == 0 => 0,
        Some(&first) => usize::from(first & 0x1f),
        None => return Err(Skip::Truncated),
    };
    if route % 2 == 1 || (source & 0x80 != 0 && route == 0) {
        return Err(Skip::Malformed);
    }
    let everyone = to == EVERYONE || to == [0xc0, 0, 0xff, 0xff, 0xff, 0xff];
    Ok(layer.behind(route)?.with_broadcast(everyone).then(Next::Llc))
}

/// FDDI, with long addresses.
pub(super) fn fddi(layer: Layer<'_>) -> Step<'_> {
    let (&[control, to @ .., _, _, _, _, _, _], layer) = layer.header::<13>()?;
    // Class, address length, and format 01: LLC.
    if control & 0x70 != 0x50 {
        return Err(Skip::NonIp);
    }
    Ok(layer.with_broadcast(to == EVERYONE).then(Next::Llc))
}

/// IP over Fibre Channel (RFC 2625): two network addresses of eight bytes.
pub(super) fn fibre_channel(layer: Layer<'_>) -> Step<'_> {
    let (&[_, _, to @ .., _, _, _, _, _, _, _, _], layer) = layer.header::<16>()?;
    Ok(layer.with_broadcast(to == EVERYONE).then(Next::Llc))
}

/// IP over IEEE 1394 as Apple captures it: two identifiers of eight bytes, and an ethertype.
pub(super) fn ieee1394(layer: Layer<'_>) -> Step<'_> {
    let (&[to @ .., _, _, _, _, _, _, _, _, high, low], layer) = layer.header::<18>()?;
    Ok(layer.with_broadcast(to == [0xff; 8]).ethertype([high, low]))
}

/// IP over InfiniBand (RFC 4391), behind 40 bytes of which the last 20 are the destination.
pub(super) fn ip_over_infiniband(layer: Layer<'_>) -> Step<'_> {
    let (pseudo, layer) = layer.header::<40>()?;
    // Queue pair, then the group of IPv4's broadcast.
    let everyone =
        matches!(pseudo.get(21..), Some([0xff, 0xff, 0xff, 0xff, _, 0x40, 0x1b, .., 0xff, 0xff, 0xff, 0xff]));
    encapsulated(layer.with_broadcast(everyone))
}

/// InfiniBand from its local route header on: unreliable datagrams that are IP's.
pub(super) fn infiniband(layer: Layer<'_>) -> Step<'_> {
    /// The operation that sends a whole datagram.
    const UNRELIABLE_DATAGRAM: u8 = 0x64;
    let (&[_, lane, ..], layer) = layer.header::<8>()?;
    let layer = match lane & 3 {
        2 => layer,
        3 => layer.behind(40)?,
        _ => return Err(Skip::NonIp),
    };
    match layer.header::<12>()? {
        // Behind the datagram header.
        (&[UNRELIABLE_DATAGRAM, ..], layer) => encapsulated(layer.behind(8)?),
        _ => Err(Skip::NonIp),
    }
}

/// RFC 4391's own header: an ethertype, and two bytes reserved.
fn encapsulated(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<4>()? {
        (&[high @ 0x06..=0xff, low, 0, 0], layer) => Ok(layer.ethertype([high, low])),
        _ => Err(Skip::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, SNAP, V4, V6, check, everyone, join};
    use super::*;

    #[test]
    fn ethernet_two() {
        check(1, &join(&[&MACS, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
        check(0xf004, &join(&[&MACS, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn snap_carries_an_ethertype() {
        let snap = [0x00, 0x0a, 0xaa, 0xaa, 0x03, 0, 0, 0];
        check(1, &join(&[&MACS, &snap, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0, 0x0a, 0xaa, 0xaa, 3, 0, 0, 0xf8, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &snap, &[0x00, 0x10], &V4]), Err(Skip::Llc));
        // Cisco's organisation code: CDP, not an ethertype.
        check(1, &join(&[&MACS, &[0, 9, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 1]]), Err(Skip::Llc));
    }

    #[test]
    fn llc_without_snap() {
        check(1, &join(&[&MACS, &[0, 5, 6, 6, 3], &V4]), Ok((Ip::V4, 2, &[])));
        // Novell's IPX, spanning tree, a frame too short for any.
        check(1, &join(&[&MACS, &[0, 5, 0xff, 0xff, 0, 30, 0]]), Err(Skip::Llc));
        check(1, &join(&[&MACS, &[0, 5, 0x42, 0x42, 3, 0, 0]]), Err(Skip::Llc));
        check(1, &join(&[&MACS, &[0, 2, 6, 6]]), Err(Skip::Llc));
    }

    #[test]
    fn bridged_frames_on_atm() {
        let bridged = |protocol, rest: &[u8]| {
            join(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, protocol, 0, 0], &MACS, &[0x08, 0x00], &V4, rest])
        };
        for link in [11, 100] {
            check(link, &SNAP, Ok((Ip::V4, 2, &[])));
            check(link, &bridged(7, &[]), Ok((Ip::V4, 2, &[])));
            check(link, &bridged(1, &[0xfc; 4]), Ok((Ip::V4, 2, &[])));
            check(link, &bridged(14, &[]), Err(Skip::Llc));
        }
    }

    #[test]
    fn inter_switch_links() {
        let header =
            |first, kind| [first, 0, 0x0c, 0, 0, kind, 0, 0x15, 0x5d, 0, 4, 9, 0, 60, 0xaa, 0xaa, 3, 0, 0x15, 0x5d];
        let rest = [0, 200, 0, 1, 0, 0];
        let inner = join(&[&MACS, &[0x08, 0x00], &V4]);
        for (first, user) in [(1, 0), (3, 0), (1, 3)] {
            check(1, &join(&[&header(first, user), &rest, &inner]), Ok((Ip::V4, 2, &[100])));
        }
        let ring = join(&[&[0x10, 0x40], &MACS, &SNAP]);
        check(1, &join(&[&header(1, 0x10), &rest, &ring]), Ok((Ip::V4, 2, &[100])));
        let fddi = join(&[&[0x50], &MACS, &SNAP]);
        check(1, &join(&[&header(1, 0x20), &rest, &fddi]), Ok((Ip::V4, 2, &[100])));
        check(1, &join(&[&header(1, 0x30), &rest, &inner]), Err(Skip::NonIp));
        // The same destination without the rest: what it says it is.
        check(1, &join(&[&[1, 0, 0x0c, 0, 0, 0], &MACS[6..], &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn token_ring_and_its_routes() {
        let from = |source| join(&[&[0x10, 0x40], &MACS[..6], &[source], &MACS[7..]]);
        check(6, &join(&[&from(0), &SNAP]), Ok((Ip::V4, 2, &[])));
        check(6, &join(&[&from(0x80), &[0x06, 0x30, 0, 0x11, 0, 0x20], &SNAP]), Ok((Ip::V4, 2, &[])));
        check(6, &join(&[&from(0x80), &[0xc2, 0x30], &SNAP]), Ok((Ip::V4, 2, &[])));
        check(6, &join(&[&from(0x80), &[0x05, 0x30, 0], &SNAP]), Err(Skip::Malformed));
        check(6, &join(&[&from(0x80), &[0xe0, 0x30], &SNAP]), Err(Skip::Malformed));
        check(6, &join(&[&[0x10, 0x00], &MACS, &SNAP]), Err(Skip::NonIp));
    }

    #[test]
    fn fddi_frames_of_llc() {
        for control in [0x50, 0x57, 0xd0] {
            check(10, &join(&[&[control], &MACS, &SNAP]), Ok((Ip::V4, 2, &[])));
        }
        for control in [0x41, 0x4f, 0x10, 0x80, 0xc3] {
            check(10, &join(&[&[control], &MACS, &SNAP]), Err(Skip::NonIp));
        }
    }

    #[test]
    fn longer_addresses() {
        check(122, &join(&[&[0x10, 0], &MACS[..6], &[0x10, 0], &MACS[6..], &SNAP]), Ok((Ip::V4, 2, &[])));
        check(138, &join(&[&MACS, &[0; 4], &[0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[])));
        check(242, &join(&[&[0; 40], &[0x08, 0x00, 0, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(242, &join(&[&[0; 40], &[0x08, 0x06, 0, 0], &V4]), Err(Skip::Arp));
        check(242, &join(&[&[0; 40], &[0x01, 0x81, 0, 0], &V4]), Err(Skip::NonIp));
        check(274, &join(&[&[0x55; 7], &[0xd5], &MACS, &[0x08, 0x00], &V4, &[0xfc; 4]]), Ok((Ip::V4, 2, &[])));
        check(2, &[7, 8, 0x02, 0x01, 0x45, 0], Ok((Ip::V4, 2, &[])));
        check(2, &[7, 8, 0x02, 0x00, 0x45, 0], Err(Skip::NonIp));
    }

    #[test]
    fn infiniband_that_carries_ip() {
        let packet = |next: u8, global: &[u8], operation: u8, encapsulation: [u8; 4]| {
            let transport = [operation, 0, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1];
            join(&[&[0, next, 0, 1, 0, 20, 0, 2], global, &transport, &[0; 8], &encapsulation, &V4])
        };
        let ip = [0x08, 0x00, 0, 0];
        check(247, &packet(2, &[], 0x64, ip), Ok((Ip::V4, 2, &[])));
        check(247, &packet(3, &[0; 40], 0x64, ip), Ok((Ip::V4, 2, &[])));
        check(247, &packet(0, &[], 0x64, ip), Err(Skip::NonIp));
        // A reliable send; management, which is a datagram too.
        check(247, &packet(2, &[], 0x04, ip), Err(Skip::NonIp));
        check(247, &packet(2, &[], 0x64, [1, 0x81, 1, 1]), Err(Skip::NonIp));
    }

    #[test]
    fn everyone_has_an_address_on_each_network() {
        let ethernet = |to: [u8; 6]| join(&[&to, &MACS[6..], &[0x08, 0x00], &V4]);
        assert!(everyone(1, &ethernet([0xff; 6])));
        // A cluster's multicast.
        assert!(!everyone(1, &ethernet([0x03, 0xbf, 10, 0, 0, 100])));
        let ring = |to: [u8; 6]| join(&[&[0x10, 0x40], &to, &MACS[6..], &SNAP]);
        assert!(everyone(6, &ring([0xff; 6])) && everyone(6, &ring([0xc0, 0, 0xff, 0xff, 0xff, 0xff])));
        assert!(!everyone(6, &ring([0xc0, 0, 0, 0, 0, 1])));
        assert!(everyone(10, &join(&[&[0x50], &[0xff; 6], &MACS[6..], &SNAP])));
        assert!(everyone(122, &join(&[&[0x10, 0], &[0xff; 6], &[0x10, 0], &MACS[6..], &SNAP])));
        assert!(everyone(138, &join(&[&[0xff; 8], &[0; 8], &[0x08, 0x00], &V4])));
        assert!(everyone(284, &join(&[&[0xff; 6], &MACS[6..], &[0xc0, 0, 0, 0, 0x08, 0], &V4])));
        let group = |tail: u8| {
            let address =
                [0, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, tail];
            join(&[&[0; 20], &address, &[0x08, 0x00, 0, 0], &V4])
        };
        assert!(everyone(242, &group(0xff)) && !everyone(242, &group(0xfb)));
        assert!(!everyone(101, &[0x45; 20]));
    }
}
