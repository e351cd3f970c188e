//! Why a frame is no packet, and how often.
//!
//! In: nothing. Out: [`Skip`], its stable name, and [`Skips`], the counters the report prints.
//! Must not know: how a reason was found.

use std::borrow::Cow;

/// Why a frame yielded no TCP or UDP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// No decoder for this link type.
    UnsupportedLinkType,
    /// The capture ends before the ports.
    Truncated,
    /// Lengths or versions that contradict themselves before the ports, or more headers than any network stacks.
    Malformed,
    /// Address resolution.
    Arp,
    /// IEEE 802.2 LLC without IP: spanning tree, CDP, IPX …
    Llc,
    /// Link layer discovery.
    Lldp,
    /// MPLS labels above something else than IP.
    Mpls,
    /// PPPoE: discovery, and what a session says besides IP.
    Pppoe,
    /// Any other ethertype or address family.
    NonIp,
    /// 802.11 that carries nothing: management, control, empty data, later fragments.
    WirelessManagement,
    /// 802.11 received damaged, as its capturing radio says.
    WirelessDamaged,
    /// 802.11 data that is encrypted.
    WirelessEncrypted,
    /// MACsec that is encrypted.
    MacsecEncrypted,
    /// A later fragment whose first fragment was not seen.
    OrphanFragment,
    /// Another protocol over IP, by its number.
    Protocol(u8),
}

/// Reasons without a parameter, in the order they are reported; the position is the counter.
const REASONS: [(Skip, &str); 14] = [
    (Skip::UnsupportedLinkType, "unsupported-link-type"),
    (Skip::Truncated, "truncated"),
    (Skip::Malformed, "malformed"),
    (Skip::Arp, "arp"),
    (Skip::Llc, "llc"),
    (Skip::Lldp, "lldp"),
    (Skip::Mpls, "mpls"),
    (Skip::Pppoe, "pppoe"),
    (Skip::NonIp, "non-ip"),
    (Skip::WirelessManagement, "wireless-management"),
    (Skip::WirelessDamaged, "wireless-damaged"),
    (Skip::WirelessEncrypted, "wireless-encrypted"),
    (Skip::MacsecEncrypted, "macsec-encrypted"),
    (Skip::OrphanFragment, "orphan-fragment"),
];

/// Names of IP protocols (IANA); sorted. The others are `ip-proto-N`.
const PROTOCOLS: &[(u8, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (41, "ipv6"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmpv6"),
    (59, "ipv6-no-next"),
    (88, "eigrp"),
    (89, "ospf"),
    (97, "etherip"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
];

impl Skip {
    /// ICMP over IPv4.
    pub const ICMP: Self = Self::Protocol(1);
    /// ICMP over IPv6.
    pub const ICMPV6: Self = Self::Protocol(58);

    /// The name in reports: kebab-case, stable.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Protocol(number) => match PROTOCOLS.iter().find(|row| row.0 == number) {
                Some(&(_, name)) => Cow::Borrowed(name),
                None => Cow::Owned(format!("ip-proto-{number}")),
            },
            _ => Cow::Borrowed(self.reason().map_or("", |i| REASONS.get(i).map_or("", |row| row.1))),
        }
    }

    /// Whether [`super::icmp_quote`] is worth asking about this frame.
    #[must_use]
    pub fn is_icmp(self) -> bool {
        self == Self::ICMP || self == Self::ICMPV6
    }

    /// Position in [`REASONS`]; none for a protocol.
    const fn reason(self) -> Option<usize> {
        Some(match self {
            Self::UnsupportedLinkType => 0,
            Self::Truncated => 1,
            Self::Malformed => 2,
            Self::Arp => 3,
            Self::Llc => 4,
            Self::Lldp => 5,
            Self::Mpls => 6,
            Self::Pppoe => 7,
            Self::NonIp => 8,
            Self::WirelessManagement => 9,
            Self::WirelessDamaged => 10,
            Self::WirelessEncrypted => 11,
            Self::MacsecEncrypted => 12,
            Self::OrphanFragment => 13,
            Self::Protocol(_) => return None,
        })
    }
}

/// Frames skipped, by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skips {
    reasons: [u64; REASONS.len()],
    protocols: [u64; 256],
}

impl Skips {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { reasons: [0; REASONS.len()], protocols: [0; 256] }
    }

    /// One more frame skipped for this reason.
    pub fn count(&mut self, skip: Skip) {
        let counter = match skip {
            Skip::Protocol(number) => self.protocols.get_mut(usize::from(number)),
            _ => skip.reason().and_then(|i| self.reasons.get_mut(i)),
        };
        if let Some(counter) = counter {
            *counter += 1;
        }
    }

    /// All frames skipped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.reasons.iter().chain(&self.protocols).sum()
    }

    /// Name and count of every reason that occurred: plain reasons first, then IP protocols by number.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'static, str>, u64)> + '_ {
        let reasons = REASONS.iter().map(|row| row.0).zip(self.reasons);
        let protocols = (0..=u8::MAX).map(Skip::Protocol).zip(self.protocols);
        reasons.chain(protocols).filter(|&(_, n)| n > 0).map(|(skip, n)| (skip.name(), n))
    }
}

impl Default for Skips {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_together() {
        for (i, &(skip, name)) in REASONS.iter().enumerate() {
            assert_eq!(skip.reason(), Some(i), "{name}");
            assert_eq!(skip.name(), name);
        }
        assert!(PROTOCOLS.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(PROTOCOLS.iter().all(|&(n, _)| n != 6 && n != 17), "TCP and UDP are no skips");
    }

    #[test]
    fn counts_in_a_fixed_order_without_zeros() {
        let mut skips = Skips::new();
        for skip in [Skip::Protocol(200), Skip::ICMPV6, Skip::Arp, Skip::ICMP, Skip::Arp, Skip::Truncated] {
            skips.count(skip);
        }
        let expected = [("truncated", 1), ("arp", 2), ("icmp", 1), ("icmpv6", 1), ("ip-proto-200", 1)];
        let seen: Vec<_> = skips.iter().collect();
        assert_eq!(seen, expected.map(|(name, n)| (Cow::from(name), n)));
        assert_eq!(skips.total(), 6);
    }
}
