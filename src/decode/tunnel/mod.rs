//! Encapsulations: what carries another frame or datagram.
//!
//! In: a [`Datagram`]. Out: a [`Door`], if it may be a tunnel's; and [`Tunnel`], the names of those passed.
//! Must not know: flows; what the innermost datagram holds.
//!
//! | file | reads |
//! |---|---|
//! | `gre` | GRE, NVGRE, ERSPAN, PPTP |
//! | `mpls` | labels and pseudowires |
//! | `ppp` | PPP, PPPoE |
//! | `l2tp` | L2TP, both versions |
//! | `overlay` | VXLAN, VXLAN-GPE, GENEVE, NSH |
//! | `gtp` `broker` | GTP-U; Teredo and AYIYA |
//! | `udp` | which of them has which port, and what is asked of it there |

use std::fmt;

use super::layer::{Ip, Layer, Next, Step};
use super::network::Datagram;
use super::{Skip, Tunnel, transport};

mod broker;
mod gre;
mod gtp;
mod l2tp;
pub(super) mod mpls;
pub(super) mod overlay;
pub(super) mod ppp;
mod udp;

pub(super) use udp::has as is_port;

/// One encapsulation around a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Encapsulation {
    /// IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 4213, RFC 2473).
    IpInIp = 1,
    /// GRE (RFC 2784), over IP or UDP (RFC 8086).
    Gre,
    /// GRE with a key around Ethernet (RFC 7637).
    Nvgre,
    /// GRE version 1 around PPP (RFC 2637).
    Pptp,
    /// A switch's mirrored frames in GRE, without a header of their own.
    Erspan1,
    /// The same with a header of eight bytes.
    Erspan2,
    /// The same with one of twelve or twenty.
    Erspan3,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// A label stack (RFC 3032), with a pseudowire's Ethernet header or without.
    Mpls,
    /// PPP over Ethernet (RFC 2516).
    Pppoe,
    /// L2TP version 2 around PPP (RFC 2661).
    L2tp,
    /// L2TP version 3 around Ethernet (RFC 3931).
    L2tpV3,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// GENEVE (RFC 8926).
    Geneve,
    /// User data of a mobile network (3GPP TS 29.281).
    GtpU,
    /// IPv6 through an IPv4 translator (RFC 4380).
    Teredo,
    /// The same by a broker (draft-massar-v6ops-ayiya).
    Ayiya,
    /// The network service header (RFC 8300).
    Nsh,
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
    (Encapsulation::Gre, "gre"),
    (Encapsulation::Nvgre, "nvgre"),
    (Encapsulation::Pptp, "pptp"),
    (Encapsulation::Erspan1, "erspan-1"),
    (Encapsulation::Erspan2, "erspan-2"),
    (Encapsulation::Erspan3, "erspan-3"),
    (Encapsulation::EtherIp, "etherip"),
    (Encapsulation::Mpls, "mpls"),
    (Encapsulation::Pppoe, "pppoe"),
    (Encapsulation::L2tp, "l2tp"),
    (Encapsulation::L2tpV3, "l2tpv3"),
    (Encapsulation::Vxlan, "vxlan"),
    (Encapsulation::VxlanGpe, "vxlan-gpe"),
    (Encapsulation::Geneve, "geneve"),
    (Encapsulation::GtpU, "gtp-u"),
    (Encapsulation::Teredo, "teredo"),
    (Encapsulation::Ayiya, "ayiya"),
    (Encapsulation::Nsh, "nsh"),
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

/// Reads one encapsulation's header.
type Open = for<'a> fn(Layer<'a>) -> Step<'a>;

/// What may be a tunnel, and how to look behind its header.
pub(super) struct Door<'a> {
    /// What the datagram carries.
    pub(super) layer: Layer<'a>,
    open: Open,
    /// A port number is all that says so: what is inside must fit.
    pub(super) strict: bool,
}

impl<'a> Door<'a> {
    /// The layer behind the tunnel's header.
    pub(super) fn open(self) -> Step<'a> {
        (self.open)(self.layer)
    }
}

/// IP protocols that are tunnels.
const PROTOCOLS: &[(u8, Open)] = &[
    (4, |layer| Ok(layer.inside(Encapsulation::IpInIp).then(Next::Ip(Ip::V4)))),
    (41, |layer| Ok(layer.inside(Encapsulation::IpInIp).then(Next::Ip(Ip::V6)))),
    (47, gre::header),
    (97, etherip),
    (115, l2tp::over_ip),
    (137, mpls::stack),
];

/// Whether the IP protocol is a tunnel's.
pub(super) fn is_protocol(protocol: u8) -> bool {
    PROTOCOLS.iter().any(|&(tunnel, _)| tunnel == protocol)
}

/// What may be a tunnel in a datagram; `around` is the layer at its IP header.
#[inline]
pub(super) fn door<'a>(datagram: &Datagram<'a>, around: &Layer<'a>) -> Option<Door<'a>> {
    match datagram.protocol {
        6 => None,
        _ if datagram.fragment.is_some_and(|fragment| !fragment.first) => None,
        17 => over_udp(datagram, around),
        protocol => {
            let &(_, open) = PROTOCOLS.iter().find(|&&(tunnel, _)| tunnel == protocol)?;
            let layer = Layer { bytes: datagram.bytes, wire: datagram.length, ..around.clone() };
            Some(Door { layer, open, strict: false })
        }
    }
}

/// The same of a datagram that carries UDP.
fn over_udp<'a>(datagram: &Datagram<'a>, around: &Layer<'a>) -> Option<Door<'a>> {
    let (source, destination) = transport::ports(datagram.bytes, datagram.length).ok()?;
    if !(is_port(source) || is_port(destination)) {
        return None;
    }
    let open = udp::between(source, destination)?;
    let segment = transport::udp(datagram.bytes, datagram.length, datagram.fragment.is_some()).ok()?;
    let layer = Layer { bytes: segment.payload, wire: segment.length, ..around.clone() };
    Some(Door { layer, open, strict: true })
}

/// Ethernet behind four bits of version 3 and twelve of zero.
fn etherip(layer: Layer<'_>) -> Step<'_> {
    match layer.header()? {
        ([0x30, 0], layer) => Ok(layer.inside(Encapsulation::EtherIp).then(Next::ETHERNET)),
        _ => Err(Skip::NonIp),
    }
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
