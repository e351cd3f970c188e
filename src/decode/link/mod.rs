//! Link header → the IP datagram behind it. One row per link type and ethertype.
//!
//! In: a [`Layer`] at a link header. Out: the [`Layer`] at its IP header.
//! Must not know: what an IP header looks like, beyond the version nibble that raw links leave as the only hint.

use super::layer::{Ip, Layer, Next, Step};
use super::{Skip, tunnel};
use crate::capture::LinkType;

mod cooked;
mod device;
mod lan;
mod serial;
mod tag;
mod wireless;

/// Headers walked between two IP headers before the frame is called malformed. Real networks stack a handful.
const MAX_HEADERS: usize = 20;

/// The address of all stations.
const EVERYONE: [u8; 6] = [0xff; 6];

/// Strips headers until IP comes next.
pub(super) fn to_ip<'a>(mut layer: Layer<'a>) -> Result<(Ip, Layer<'a>), Skip> {
    for _ in 0..MAX_HEADERS {
        layer = match layer.next {
            Next::Ip(ip) => return Ok((ip, layer)),
            Next::AnyIp => cooked::any_ip(layer)?,
            Next::Link(link) => behind_link(link, layer)?,
            Next::Ether(ethertype) => behind_ethertype(ethertype, layer)?,
            Next::Llc => lan::llc(layer)?,
            Next::Ppp => tunnel::ppp::frame(layer)?,
        };
    }
    Err(Skip::Malformed)
}

/// One row per link type, by its number in the tcpdump.org registry; from 0xf000 on the numbers are capture's own.
fn behind_link<'a>(link: LinkType, layer: Layer<'a>) -> Step<'a> {
    match link.0 {
        0 | 108 => cooked::loopback(layer),
        1 => lan::ethernet(layer),
        2 => lan::experimental_ethernet(layer),
        6 => lan::token_ring(layer),
        8 => serial::slip(layer),
        9 | 50 => serial::ppp(layer),
        10 => lan::fddi(layer),
        // LLC on ATM, in the registry and as BSD numbers it in memory.
        11 | 100 => Ok(layer.then(Next::Llc)),
        // Raw IP, as BSD (12) and OpenBSD (14) number it in memory too.
        12 | 14 | 101 => Ok(layer.then(Next::AnyIp)),
        51 => Ok(layer.then(Next::Ether(0x8864))),
        104 => serial::cisco_hdlc(layer),
        105 => wireless::bare(layer),
        106 => serial::classical_atm(layer),
        107 => serial::frame_relay(layer),
        109 => cooked::enc(layer),
        113 => cooked::linux_sll(layer),
        117 => cooked::pflog(layer),
        119 => wireless::prism(layer),
        122 => lan::fibre_channel(layer),
        123 => serial::sun_atm(layer),
        127 => wireless::radiotap(layer),
        138 => lan::ieee1394(layer),
        // macOS wrote its packet tap as the second number for private use, before 258 was assigned.
        149 | 258 => cooked::pktap(layer),
        163 => wireless::avs(layer),
        166 => serial::pppd(layer),
        178 => device::juniper(layer, 1),
        179 => device::juniper(layer, 9),
        180 => device::juniper(layer, 107),
        181 => device::juniper(layer, 104),
        192 => wireless::per_packet_information(layer),
        197 => device::erf(layer),
        204 => serial::with_direction(layer, 9),
        205 => serial::with_direction(layer, 104),
        206 => serial::with_direction(layer, 107),
        219 => Ok(layer.then(Next::Ether(0x8847))),
        226 => cooked::ipnet(layer),
        228 => Ok(layer.then(Next::Ip(Ip::V4))),
        229 => Ok(layer.then(Next::Ip(Ip::V6))),
        239 => cooked::nflog(layer),
        240 => device::netanalyzer(layer, 0),
        241 => device::netanalyzer(layer, 8),
        242 => lan::ip_over_infiniband(layer),
        247 => lan::infiniband(layer),
        274 => lan::from_the_wire(layer),
        276 => cooked::linux_sll2(layer),
        // Switch tags: Broadcom's behind the addresses and in front of them, Marvell's without and with an ethertype.
        281 => tag::opaque(lan::addresses(layer)?, 4),
        282 => Ok(layer.behind(4)?.then(Next::ETHERNET)),
        284 => tag::marvell(lan::addresses(layer)?),
        285 => lan::ethernet(layer),
        // Network Monitor's: wide area networks look like Ethernet; 802.11 behind a header of its own.
        0xf004 => lan::ethernet(layer),
        0xf006 => wireless::netmon(layer),
        0xf0e0 => device::windows_event(layer),
        _ => Err(Skip::UnsupportedLinkType),
    }
}

/// One row per ethertype.
fn behind_ethertype<'a>(ethertype: u16, layer: Layer<'a>) -> Step<'a> {
    match ethertype {
        0x0800 => Ok(layer.then(Next::Ip(Ip::V4))),
        0x86dd => Ok(layer.then(Next::Ip(Ip::V6))),
        // 802.1Q, 802.1ad, and the number QinQ used before 802.1ad.
        0x8100 | 0x88a8 | 0x9100 => tag::vlan(layer),
        0x8909 => tag::security_group(layer),
        // Cisco's VN-tag; the redundancy tags of HSR and of IEEE 802.1CB; IEEE 802.1BR's E-tag.
        0x8926 | 0x892f | 0xf1c1 => tag::opaque(layer, 4),
        0x893f => tag::opaque(layer, 6),
        0xdada => tag::marvell_with_ethertype(layer),
        0x88e5 => tag::macsec(layer),
        0x88e7 => tag::backbone(layer),
        0x8903 => tag::fabric_path(layer),
        0x22f3 => tag::trill(layer),
        // Transparent bridging, PPP, and IEEE 802.3 whose length fits into no ethertype.
        0x6558 => Ok(layer.then(Next::ETHERNET)),
        0x880b => Ok(layer.then(Next::Ppp)),
        0..=0x05ff | 0x8870 => Ok(layer.then(Next::Llc)),
        0x0806 => Err(Skip::Arp),
        0x88cc => Err(Skip::Lldp),
        0x8847 | 0x8848 => tunnel::mpls::stack(layer),
        0x8863 => Err(Skip::Pppoe),
        0x8864 => tunnel::ppp::over_ethernet(layer),
        tunnel::overlay::NSH => tunnel::overlay::nsh(layer),
        _ => Err(Skip::NonIp),
    }
}

/// A number that is below 65,536, in whichever byte order makes it so.
fn either_order(bytes: [u8; 4]) -> u32 {
    match u32::from_le_bytes(bytes) {
        low @ 0..=0xffff => low,
        _ => u32::from_be_bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Frame;
    use crate::net::Timestamp;

    pub(super) const MACS: [u8; 12] = [0x00, 0x15, 0x5d, 0x00, 0x04, 0x01, 0x00, 0x15, 0x5d, 0x00, 0x04, 0x02];
    pub(super) const V4: [u8; 2] = [0x45, 0x00];
    pub(super) const V6: [u8; 2] = [0x60, 0x00];
    /// LLC, SNAP, IPv4.
    pub(super) const SNAP: [u8; 10] = [0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45, 0x00];

    /// The bytes from the IP header on, as version and length; or why there are none.
    pub(super) type Expected<'a> = Result<(Ip, usize, &'a [u16]), Skip>;

    fn frame(link: u16, bytes: &[u8]) -> Frame<'_> {
        Frame { at: Timestamp(0), link: LinkType(link), interface: 0, original_length: bytes.len() as u32, bytes }
    }

    /// What `to_ip` says of a frame, and that every shorter capture of it says the same or is cut short.
    pub(super) fn check(link: u16, bytes: &[u8], expected: Expected<'_>) {
        let whole = frame(link, bytes);
        let found = to_ip(Layer::of(&whole));
        let as_expected = found.as_ref().map(|(ip, l)| (*ip, l.bytes.len(), &l.vlan[..])).map_err(|&s| s);
        assert_eq!(as_expected, expected, "{link} {bytes:02x?}");
        if let Ok((_, found)) = &found {
            assert_eq!(found.wire as usize, found.bytes.len());
        }
        for n in 0..bytes.len() {
            match (to_ip(Layer::of(&Frame { bytes: &bytes[..n], ..whole })), &found) {
                (Ok((again, cut)), Ok((ip, found))) => {
                    assert_eq!((cut.wire, again, &cut.vlan), (found.wire, *ip, &found.vlan));
                    assert!(found.bytes.starts_with(cut.bytes));
                }
                (Ok(cut), Err(skip)) => panic!("{cut:?} at {n}, but whole is {skip:?}"),
                (Err(skip), _) => assert!(skip == Skip::Truncated || Err(skip) == expected, "{skip:?} at {n}"),
            }
        }
    }

    /// Whether a frame that leads to IP was addressed to everyone.
    pub(super) fn everyone(link: u16, bytes: &[u8]) -> bool {
        to_ip(Layer::of(&frame(link, bytes))).unwrap().1.broadcast
    }

    /// The names of the encapsulations around the IP of an Ethernet frame.
    pub(super) fn around(bytes: &[u8]) -> String {
        to_ip(Layer::of(&frame(1, bytes))).unwrap().1.tunnel.to_string()
    }

    pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn ethertypes_that_are_not_ip() {
        for (ethertype, skip) in [
            ([0x08, 0x06], Skip::Arp),
            ([0x88, 0xcc], Skip::Lldp),
            ([0x88, 0x63], Skip::Pppoe),
            ([0x88, 0x64], Skip::Pppoe),
            ([0x88, 0x8e], Skip::NonIp),
            ([0x80, 0x35], Skip::NonIp),
            ([0x00, 0x26], Skip::Llc),
            ([0x88, 0x70], Skip::Llc),
        ] {
            check(1, &join(&[&MACS, &ethertype, &[0x42; 8]]), Err(skip));
            check(1, &join(&[&MACS, &[0x81, 0, 0, 1], &ethertype, &[0x42; 8]]), Err(skip));
        }
    }

    #[test]
    fn ethertypes_of_whole_frames_and_of_ppp() {
        check(1, &join(&[&MACS, &[0x65, 0x58], &MACS, &[0x08, 0x00], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0x88, 0x0b, 0x00, 0x21], &V4]), Ok((Ip::V4, 2, &[])));
        check(1, &join(&[&MACS, &[0x88, 0x70], &SNAP]), Ok((Ip::V4, 2, &[])));
        // Frames in frames end somewhere.
        let deep = join(&[&MACS, &[0x65, 0x58]]).repeat(30);
        check(1, &deep, Err(Skip::Malformed));
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
    fn links_that_are_another_layer() {
        check(51, &[0x11, 0, 0, 1, 0, 4, 0, 0x21, 0x45, 0], Ok((Ip::V4, 2, &[])));
        check(219, &[0, 0, 0x11, 0x40, 0x45, 0], Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn others_are_unsupported() {
        for link in [3, 105 + 7, 187, 220, 253, 271, 65535] {
            check(link, &V4, Err(Skip::UnsupportedLinkType));
        }
    }

    #[test]
    fn original_length_below_the_captured_one() {
        let bytes = join(&[&MACS, &[0x08, 0x00], &V4]);
        let frame = Frame { original_length: 3, ..frame(1, &bytes) };
        assert_eq!(to_ip(Layer::of(&frame)).unwrap().1.wire, 2);
    }
}
