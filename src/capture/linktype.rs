//! Link types: what the first header of a frame is.
//!
//! In: the number a capture file states. Out: [`LinkType`], which keeps unknown numbers.
//! Must not know: how a header is laid out; that is `decode`'s.

use std::fmt;

/// A `LINKTYPE_*` number of the tcpdump.org registry. Unknown numbers are kept.
///
/// Numbers from [`LinkType::PRIVATE`] on are our own, for what capture formats have and the registry has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// IEEE 802.5 token ring.
    pub const TOKEN_RING: Self = Self(6);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// IP over Fibre Channel (RFC 2625).
    pub const IP_OVER_FC: Self = Self(122);
    /// Sun's ATM: traffic type and direction, virtual path, virtual channel (two bytes), then the AAL5 frame.
    pub const SUNATM: Self = Self(123);
    /// Solaris ipnet: a header of 24 bytes, then IP.
    pub const IPNET: Self = Self(226);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The first of our own numbers. The registry is far below; a file that states one of them is taken at its word.
    pub const PRIVATE: Self = Self(0xf000);
    /// Network Monitor's WAN (media type 4): two addresses of six bytes, then an ethertype, or on ATM the virtual path
    /// and channel (two bytes each, network byte order) and an AAL5 frame.
    pub const NETMON_WAN: Self = Self(0xf004);
    /// Network Monitor's IP over IEEE 1394 (media type 5). Its header is nowhere documented.
    pub const NETMON_1394: Self = Self(0xf005);
    /// Network Monitor's IEEE 802.11 (media type 6): version (1 byte, 2), length of this header (2 bytes, little-endian,
    /// at least 32), radio data up to that length, then the IEEE 802.11 header.
    pub const NETMON_80211: Self = Self(0xf006);
    /// Message Analyzer's filtering platform, IPv4 (0xe083): source, destination (4 bytes each), IP protocol (1), length
    /// of the rest (2, little-endian), then the transport header.
    pub const NETMON_WFP_V4: Self = Self(0xf083);
    /// The same of IPv6 (0xe084): addresses of 16 bytes.
    pub const NETMON_WFP_V6: Self = Self(0xf084);
    /// [`LinkType::NETMON_WFP_V4`] with a flow context of 8 bytes before the length (0xe085).
    pub const NETMON_WFP2_V4: Self = Self(0xf085);
    /// [`LinkType::NETMON_WFP_V6`] with a flow context of 8 bytes before the length (0xe086).
    pub const NETMON_WFP2_V6: Self = Self(0xf086);
    /// A connection that Windows' filtering platform allowed or refused (0xe087, 0xe088): no packet.
    pub const NETMON_WFP_AUTH: Self = Self(0xf087);
    /// An event of Windows' tracing (0xffe0), little-endian: an `EVENT_HEADER` of 80 bytes (its provider's GUID at 24, its
    /// id at 40), four bytes, number of extended data items (2), length of the event's data (2), one byte; then, where
    /// there are no extended items, at 89 the data. Those of Windows' own packet captures have a frame in it.
    pub const NETMON_EVENT: Self = Self(0xf0e0);
    /// A medium of Network Monitor's that nobody documents.
    pub const NETMON_UNKNOWN: Self = Self(0xf0f0);
    /// The adapters that Network Monitor captured on (0xfffb).
    pub const NETMON_NETWORK_INFO: Self = Self(0xf0fb);
    /// A capture or display filter of Network Monitor's (0xffff).
    pub const NETMON_FILTER: Self = Self(0xf0ff);
    /// A data link of snoop's that has no number in the registry.
    pub const SNOOP_UNKNOWN: Self = Self(0xf100);

    /// What its frames are, where that is never traffic between hosts of a network: "USB", "Bluetooth". `None` for
    /// networks and for unknown numbers.
    #[must_use]
    pub fn other_than_network(self) -> Option<&'static str> {
        let i = OTHERS.binary_search_by_key(&self.0, |&(number, _)| number);
        i.ok().and_then(|i| OTHERS.get(i)).map(|&(_, what)| what)
    }

    /// Whether its frames may be traffic between hosts of a network.
    #[must_use]
    pub fn is_network(self) -> bool {
        self.other_than_network().is_none()
    }

    /// Whether the registry has it: our own numbers mean nothing to other programs.
    #[must_use]
    pub const fn is_registered(self) -> bool {
        self.0 < Self::PRIVATE.0
    }

    /// From a file's link type field. Numbers that only some systems' writers use become the registry's.
    pub(super) fn stated(number: u16) -> Self {
        let alias = ALIASES.iter().find(|&&(system, _)| system == number);
        alias.map_or(Self(number), |&(_, registered)| registered)
    }
}

/// Raw IP as BSD (12) and OpenBSD (14) number it in memory; some writers store that number.
const ALIASES: &[(u16, LinkType)] = &[(12, LinkType::RAW), (14, LinkType::RAW)];

/// Names of the link types seen most; a sorted table.
const NAMES: &[(u16, &str)] = &[
    (0, "null"),
    (1, "ethernet"),
    (6, "token-ring"),
    (8, "slip"),
    (9, "ppp"),
    (10, "fddi"),
    (50, "ppp-hdlc"),
    (51, "pppoe"),
    (100, "atm-rfc1483"),
    (101, "raw-ip"),
    (104, "cisco-hdlc"),
    (105, "802.11"),
    (107, "frame-relay"),
    (108, "loop"),
    (113, "linux-sll"),
    (119, "802.11-prism"),
    (122, "ip-over-fibre-channel"),
    (123, "sunatm"),
    (127, "802.11-radiotap"),
    (138, "ip-over-ieee1394"),
    (163, "802.11-avs"),
    (187, "bluetooth-h4"),
    (189, "usb-linux"),
    (192, "ppi"),
    (197, "erf"),
    (201, "bluetooth-h4-phdr"),
    (204, "ppp-with-direction"),
    (219, "mpls"),
    (220, "usb-linux-mmapped"),
    (226, "ipnet"),
    (227, "can-socketcan"),
    (228, "ipv4"),
    (229, "ipv6"),
    (239, "nflog"),
    (242, "ip-over-infiniband"),
    (249, "usbpcap"),
    (253, "netlink"),
    (258, "pktap"),
    (271, "vsock"),
    (276, "linux-sll2"),
    (0xf004, "netmon-wan"),
    (0xf005, "netmon-ieee1394"),
    (0xf006, "netmon-802.11"),
    (0xf083, "netmon-wfp-ipv4"),
    (0xf084, "netmon-wfp-ipv6"),
    (0xf085, "netmon-wfp2-ipv4"),
    (0xf086, "netmon-wfp2-ipv6"),
    (0xf087, "netmon-wfp-authorisation"),
    (0xf0e0, "netmon-event"),
    (0xf0f0, "netmon-unknown"),
    (0xf0fb, "netmon-network-info"),
    (0xf0ff, "netmon-filter"),
    (0xf100, "snoop-unknown"),
];

const USB: &str = "USB";
const BLUETOOTH: &str = "Bluetooth";
const CAN: &str = "CAN bus";
const VEHICLE: &str = "vehicle bus";
const AVIONICS: &str = "avionics bus";
const RADIO: &str = "IEEE 802.15.4";
const ZWAVE: &str = "Z-Wave";
const PHONE: &str = "telephone signalling";
const MOBILE: &str = "mobile radio";
const BROADCAST: &str = "digital broadcast";
const FIELD: &str = "field bus";
const BOARD: &str = "board management bus";
const SMART_CARD: &str = "smart card";
const NOTES: &str = "notes of Network Monitor";

/// Link types of the registry that are no network of hosts, and what they are instead; a sorted table.
const OTHERS: &[(u16, &str)] = &[
    (125, "PCI Express"),
    (139, PHONE),
    (140, PHONE),
    (141, PHONE),
    (142, PHONE),
    (144, "infrared"),
    (165, FIELD),
    (177, PHONE),
    (184, AVIONICS),
    (185, AVIONICS),
    (186, USB),
    (187, BLUETOOTH),
    (189, USB),
    (190, CAN),
    (191, RADIO),
    (195, RADIO),
    (199, BOARD),
    (201, BLUETOOTH),
    (203, PHONE),
    (209, BOARD),
    (210, VEHICLE),
    (211, VEHICLE),
    (212, VEHICLE),
    (213, VEHICLE),
    (214, VEHICLE),
    (215, RADIO),
    (216, "input devices"),
    (217, MOBILE),
    (218, MOBILE),
    (220, USB),
    (221, "DECT"),
    (222, "space link"),
    (223, RADIO),
    (227, CAN),
    (230, RADIO),
    (231, "D-Bus"),
    (235, BROADCAST),
    (243, BROADCAST),
    (245, "near-field communication"),
    (249, USB),
    (250, "serial line"),
    (251, BLUETOOTH),
    (253, "netlink messages of a Linux kernel"),
    (254, BLUETOOTH),
    (255, BLUETOOTH),
    (256, BLUETOOTH),
    (257, FIELD),
    (260, BOARD),
    (261, ZWAVE),
    (262, ZWAVE),
    (263, "lighting control"),
    (264, SMART_CARD),
    (265, BROADCAST),
    (266, USB),
    (269, RADIO),
    (270, "LoRa"),
    (271, "sockets between virtual machine and host"),
    (272, BLUETOOTH),
    (275, "DisplayPort"),
    (278, USB),
    (279, VEHICLE),
    (283, RADIO),
    (287, ZWAVE),
    (288, USB),
    (289, BROADCAST),
    (292, RADIO),
    (293, USB),
    (294, USB),
    (295, USB),
    (297, ZWAVE),
    (0xf087, "connection permits of Windows"),
    (0xf0fb, NOTES),
    (0xf0ff, NOTES),
];

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.binary_search_by_key(&self.0, |&(number, _)| number) {
            Ok(i) => f.write_str(NAMES.get(i).map_or("", |&(_, name)| name)),
            Err(_) => write!(f, "linktype-{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unknown_numbers_kept() {
        assert!(NAMES.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(OTHERS.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(LinkType::ETHERNET.to_string(), "ethernet");
        assert_eq!(LinkType(9999).to_string(), "linktype-9999");
        assert_eq!(LinkType::stated(9999), LinkType(9999));
        assert_eq!(LinkType::stated(12), LinkType::RAW);
    }

    #[test]
    fn our_own_numbers_have_names() {
        let own = NAMES.iter().filter(|row| row.0 >= LinkType::PRIVATE.0).count();
        assert_eq!(own, 13);
        assert_eq!(LinkType::NETMON_80211.to_string(), "netmon-802.11");
        assert!(OTHERS.iter().filter(|row| row.0 >= LinkType::PRIVATE.0).all(|row| NAMES.iter().any(|n| n.0 == row.0)));
    }

    #[test]
    fn what_is_no_network_says_what_it_is() {
        let check = |numbers: &[u16], expected| {
            for &number in numbers {
                assert_eq!(LinkType(number).other_than_network(), expected, "{number}");
                assert_eq!(LinkType(number).is_network(), expected.is_none(), "{number}");
            }
        };
        check(&[186, 189, 220, 249, 266], Some("USB"));
        check(&[187, 201, 251, 254, 255, 256], Some("Bluetooth"));
        check(&[190, 227], Some("CAN bus"));
        check(&[195, 215, 230], Some("IEEE 802.15.4"));
        check(&[LinkType::NETMON_FILTER.0], Some("notes of Network Monitor"));
        // What holds frames of a network, in whatever wrapping, and what nobody knows.
        check(&[0, 1, 6, 9, 101, 105, 113, 127, 192, 197, 228, 239, 252, 258, 276, 9999], None);
        check(&[LinkType::NETMON_EVENT.0, LinkType::NETMON_UNKNOWN.0, LinkType::SNOOP_UNKNOWN.0], None);
    }
}
