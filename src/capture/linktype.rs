//! Link types: what the first header of a frame is.
//!
//! In: the number a capture file states. Out: [`LinkType`], which keeps unknown numbers.
//! Must not know: how a header is laid out; that is `decode`'s.

use std::fmt;

/// A `LINKTYPE_*` number of the tcpdump.org registry. Unknown numbers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, version in the first nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);

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
    (9, "ppp"),
    (10, "fddi"),
    (101, "raw-ip"),
    (104, "cisco-hdlc"),
    (105, "802.11"),
    (107, "frame-relay"),
    (108, "loop"),
    (113, "linux-sll"),
    (119, "802.11-prism"),
    (127, "802.11-radiotap"),
    (187, "bluetooth-h4"),
    (189, "usb-linux"),
    (192, "ppi"),
    (197, "erf"),
    (220, "usb-linux-mmapped"),
    (227, "can-socketcan"),
    (228, "ipv4"),
    (229, "ipv6"),
    (239, "nflog"),
    (242, "ip-over-infiniband"),
    (249, "usbpcap"),
    (253, "netlink"),
    (258, "pktap"),
    (276, "linux-sll2"),
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
        assert_eq!(LinkType::ETHERNET.to_string(), "ethernet");
        assert_eq!(LinkType(9999).to_string(), "linktype-9999");
        assert_eq!(LinkType::stated(9999), LinkType(9999));
        assert_eq!(LinkType::stated(12), LinkType::RAW);
    }
}
