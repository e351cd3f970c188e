//! MPLS: label stacks, and what stands below them.
//!
//! In: a [`Layer`] at a label. Out: the [`Layer`] at the IP or Ethernet header below the last one.
//! Must not know: what carried it.
//!
//! RFC 3032 (labels), RFC 4385 (what tells IP from a control word), RFC 4448 (Ethernet). Nothing in the packet says
//! whether there is a control word: an address that begins with its bits is told by what stands behind. (RFC 8469)

use super::super::layer::{Ip, Layer, Next, Step};
use super::super::{Encapsulation, Skip, network};

/// Labels before a frame is called malformed. Real stacks have six.
const MAX_LABELS: usize = 16;

/// Before the Ethernet header of a pseudowire: four bits of zero, twelve reserved, a sequence number.
const CONTROL_WORD: usize = 4;

/// Ethertypes by which an Ethernet header is told where no field announces it: IP, what may lead to it, ARP and LLDP.
const ETHERTYPES: [u16; 11] = [0x0800, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8864, 0x8909, 0x894f, 0x0806, 0x88cc];

/// Length of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

/// Passes a label stack.
pub(in crate::decode) fn stack(layer: Layer<'_>) -> Step<'_> {
    let mut layer = layer.inside(Encapsulation::Mpls);
    for _ in 0..MAX_LABELS {
        let (&[_, _, bottom, _], rest) = layer.header::<4>()?;
        layer = rest;
        if bottom & 1 == 1 {
            return below(layer);
        }
    }
    Err(Skip::Malformed)
}

/// Over UDP. A label proves nothing: the IP header below does, if it fills the datagram and its checksum is right.
/// (RFC 7510)
pub(super) fn over_udp(layer: Layer<'_>) -> Step<'_> {
    let layer = stack(layer).map_err(|_| Skip::NonIp)?;
    let proven = match layer.next {
        Next::Ip(ip) => network::parse(ip, layer.bytes, layer.wire)
            .is_ok_and(|datagram| datagram.total == layer.wire && network::is_checked(layer.bytes)),
        _ => true,
    };
    if proven { Ok(layer) } else { Err(Skip::NonIp) }
}

/// IP by its first four bits; else Ethernet, with or without a control word.
fn below(layer: Layer<'_>) -> Step<'_> {
    let first = *layer.bytes.first().ok_or(Skip::Truncated)?;
    let ip = match first >> 4 {
        4 => Some(Ip::V4),
        6 => Some(Ip::V6),
        _ => None,
    };
    let word = layer.bytes.get(CONTROL_WORD..).unwrap_or_default();
    match ip {
        // A hardware address may begin so too.
        Some(ip) if is_ip(ip, &layer) || !is_ethernet(layer.bytes) => Ok(layer.then(Next::Ip(ip))),
        // First: behind a tag an ethertype stands where one stands behind a control word.
        _ if is_ethernet(layer.bytes) => Ok(layer.then(Next::ETHERNET)),
        None if first >> 4 == 0 && is_ethernet(word) => Ok(layer.behind(CONTROL_WORD)?.then(Next::ETHERNET)),
        _ if layer.is_cut() && word.len() < ETHERNET => Err(Skip::Truncated),
        _ => Err(Skip::Mpls),
    }
}

/// Whether an IP header stands there that fits into its frame, as far as it was captured.
fn is_ip(ip: Ip, layer: &Layer<'_>) -> bool {
    match network::parse(ip, layer.bytes, layer.wire) {
        Ok(datagram) => datagram.total <= layer.wire,
        Err(skip) => skip == Skip::Truncated && layer.is_cut(),
    }
}

/// Whether an Ethernet header stands there, and IP or what leads to it behind.
pub(super) fn is_ethernet(bytes: &[u8]) -> bool {
    let Some(&[.., high, low]) = bytes.first_chunk::<ETHERNET>() else { return false };
    let version = bytes.get(ETHERNET).map(|first| first >> 4);
    match u16::from_be_bytes([high, low]) {
        0x0800 => version.is_none_or(|version| version == 4),
        0x86dd => version.is_none_or(|version| version == 6),
        ethertype => ETHERTYPES.contains(&ethertype),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// What stands below one label, and how many bytes of it; and that every cut is that, or truncated.
    fn check(below: &[u8], expected: Result<(Next, usize), Skip>) {
        let bytes = [&[0, 1, 1, 64], below].concat();
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = stack(Layer::at(Next::AnyIp, &bytes, wire));
        assert_eq!(found.map(|layer| (layer.next, layer.bytes.len())), expected, "{below:02x?}");
        for n in 0..bytes.len() {
            match (stack(Layer::at(Next::AnyIp, &bytes[..n], wire)), expected) {
                (Ok(cut), Ok((next, _))) => assert!(cut.next == next || n < 4 + 40, "{:?} at {n}", cut.next),
                (Err(skip), _) => assert!(skip == Skip::Truncated || Err(skip) == expected, "{skip:?} at {n}"),
                // The version behind the ethertype is not there yet.
                (Ok(cut), Err(_)) => assert_eq!(cut.bytes.len(), super::ETHERNET, "{n} of {below:02x?}"),
            }
        }
    }

    const ETHERNET: Next = Next::Link(LinkType::ETHERNET);
    /// 20 bytes, UDP without a header.
    const IP: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];

    fn wire(first: u8, ethertype: [u8; 2], body: &[u8]) -> Vec<u8> {
        [&[first, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ethertype, body].concat()
    }

    #[test]
    fn what_stands_below() {
        check(&IP, Ok((Next::Ip(Ip::V4), 20)));
        check(&[0x60; 40], Ok((Next::Ip(Ip::V6), 40)));
        // Hardware addresses that begin as nothing, as a control word, as IP.
        for first in [0xf2, 0x02, 0x00, 0x44, 0x4e, 0x60] {
            check(&wire(first, [8, 0], &IP), Ok((ETHERNET, 34)));
            check(&[&[0, 0, 0, 7][..], &wire(first, [8, 0], &IP)].concat(), Ok((ETHERNET, 34)));
        }
        check(&wire(2, [0x81, 0], &[0; 20]), Ok((ETHERNET, 34)));
        // A tag: its ethertype stands where one would behind a control word.
        check(&wire(2, [0x81, 0], &[&[0, 7, 8, 0][..], &IP].concat()), Ok((ETHERNET, 38)));
        check(&wire(2, [0x08, 0x06], &[0; 28]), Ok((ETHERNET, 42)));
        check(&wire(2, [0x88, 0x8e], &[0; 28]), Err(Skip::Mpls));
        check(&wire(2, [0x08, 0], &[0x60; 40]), Err(Skip::Mpls));
        // Associated with a pseudowire (RFC 5586): not its traffic.
        check(&[0x10; 40], Err(Skip::Mpls));
    }

    #[test]
    fn over_udp_the_packet_below_proves_the_label() {
        let mut ip = IP;
        (ip[10], ip[11]) = (0x66, 0xd7);
        assert!(network::is_checked(&ip));
        let found = |ip: &[u8], wire| {
            let bytes = [&[0, 1, 1, 64], ip].concat();
            over_udp(Layer::at(Next::AnyIp, &bytes, wire)).is_ok()
        };
        assert!(found(&ip, 24) && !found(&ip, 25) && !found(&ip[..19], 24) && !found(&IP, 24));
    }
}
