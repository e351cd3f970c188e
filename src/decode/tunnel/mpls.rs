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
const ETHERNET: usize = 14;

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

/// Over UDP. A label proves nothing: the IP header below does, and must have been captured. (RFC 7510)
pub(super) fn over_udp(layer: Layer<'_>) -> Step<'_> {
    let layer = stack(layer).map_err(|_| Skip::NonIp)?;
    match layer.next {
        Next::Ip(ip) if network::parse(ip, layer.bytes, layer.wire).is_err() => Err(Skip::NonIp),
        _ => Ok(layer),
    }
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
        Err(skip) => skip == Skip::Truncated,
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
