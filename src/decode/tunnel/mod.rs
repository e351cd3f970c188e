//! Encapsulations: what an IP datagram carries that is another frame or datagram.
//!
//! In: a [`Datagram`]. Out: the [`Layer`] inside it, if it is a tunnel; and [`Tunnel`], the names of those passed.
//! Must not know: flows; what the innermost datagram holds.

use std::fmt;

use super::layer::{Ip, Layer, Next};
use super::network::Datagram;
use super::{Tunnel, Vlans};

/// One encapsulation around a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Encapsulation {
    /// IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 4213, RFC 2473).
    IpInIp = 1,
    /// MACsec, integrity only (IEEE 802.1AE).
    Macsec,
    /// Provider backbone bridging (IEEE 802.1ah).
    Pbb,
    /// Transparent interconnection of lots of links (RFC 6325).
    Trill,
    /// Cisco `FabricPath`.
    FabricPath,
}

/// Names in reports; the position is the discriminant less one.
const NAMES: &[(Encapsulation, &str)] = &[
    (Encapsulation::IpInIp, "ip-in-ip"),
    (Encapsulation::Macsec, "macsec"),
    (Encapsulation::Pbb, "pbb"),
    (Encapsulation::Trill, "trill"),
    (Encapsulation::FabricPath, "fabricpath"),
];

impl Tunnel {
    /// Most encapsulations named; deeper ones are passed without a name.
    const NAMED: u32 = 8;

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Notes one more, inside those before.
    pub(super) fn enter(&mut self, encapsulation: Encapsulation) {
        let depth = (u64::BITS - self.0.leading_zeros()).div_ceil(8);
        if depth < Self::NAMED {
            self.0 |= (encapsulation as u64) << (8 * depth);
        }
    }

    /// The names, outermost first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let codes = self.0.to_le_bytes().into_iter().take_while(|&code| code != 0);
        codes.filter_map(|code| NAMES.get(usize::from(code).wrapping_sub(1)).map(|&(_, name)| name))
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.write_str(&names.join("/"))
    }
}

/// The layer inside a datagram that is a tunnel's. What then does not read as one is a packet of the outer conversation.
pub(super) fn inner<'a>(datagram: &Datagram<'a>, vlan: &Vlans, tunnel: Tunnel) -> Option<Layer<'a>> {
    if datagram.fragment.is_some_and(|fragment| !fragment.first) {
        return None;
    }
    let next = match datagram.protocol {
        4 => Next::Ip(Ip::V4),
        41 => Next::Ip(Ip::V6),
        _ => return None,
    };
    let layer =
        Layer { next, bytes: datagram.bytes, wire: datagram.length, vlan: vlan.clone(), tunnel, broadcast: false };
    Some(layer.inside(Encapsulation::IpInIp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_number() {
        for (i, &(encapsulation, _)) in NAMES.iter().enumerate() {
            assert_eq!(encapsulation as usize, i + 1);
        }
    }

    #[test]
    fn a_tunnel_names_its_layers_from_outside() {
        let mut tunnel = Tunnel::default();
        assert!(tunnel.is_none() && tunnel.to_string().is_empty());
        for depth in 1..12 {
            tunnel.enter(Encapsulation::IpInIp);
            assert_eq!(tunnel.names().count(), depth.min(8));
        }
    }
}
