//! Networks by address, found by halving: who has thousands of them pays for a few comparisons a flow.
//!
//! In: networks and what each stands for. Out: what an address lies in. Networks are disjoint; one that overlaps another
//! is not taken. Must not know: names, roles.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::net::Address;

/// Disjoint networks, each with what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Nets<T> {
    /// By the first address: the network, and its last address.
    by_first: BTreeMap<Address, (Address, IpNet, T)>,
}

impl<T> Default for Nets<T> {
    fn default() -> Self {
        Self { by_first: BTreeMap::new() }
    }
}

impl<T> Nets<T> {
    /// What the address lies in.
    pub(super) fn of(&self, address: Address) -> Option<&T> {
        let (_, (last, _, of)) = self.by_first.range(..=address).next_back()?;
        (address <= *last).then_some(of)
    }

    /// Adds a network. If it overlaps one that is there: that one, and what it stands for.
    pub(super) fn add(&mut self, net: IpNet, of: T) -> Result<(), (IpNet, &T)> {
        let [first, last] = [net.network(), net.broadcast()].map(Address::from);
        // What is there is disjoint, so of all that begin before this one ends only the last can reach into it.
        let before = self.by_first.range(..=last).next_back();
        match before.filter(|(_, (end, ..))| *end >= first).map(|(&begin, _)| begin) {
            None => {
                self.by_first.insert(first, (last, net, of));
                Ok(())
            }
            Some(begin) => self.by_first.get(&begin).map_or(Ok(()), |(_, other, of)| Err((*other, of))),
        }
    }
}

impl FromIterator<IpNet> for Nets<()> {
    /// Overlapping networks become one.
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        let mut all = Self::default();
        for net in IpNet::aggregate(&nets.into_iter().collect()) {
            // What is aggregated is disjoint.
            let _ = all.add(net, ());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn an_address_lies_in_one_network_or_none() {
        let mut nets = Nets::default();
        for text in ["10.1.0.0/16", "10.3.0.0/24", "fd00::/8", "10.0.0.7/32", "0.0.0.0/8"] {
            nets.add(net(text), text).unwrap();
        }
        for (address, expected) in [
            ("10.1.0.0", Some("10.1.0.0/16")),
            ("10.1.255.255", Some("10.1.0.0/16")),
            ("10.2.0.0", None),
            ("10.3.1.0", None),
            ("10.0.0.7", Some("10.0.0.7/32")),
            ("10.0.0.8", None),
            ("0.0.0.0", Some("0.0.0.0/8")),
            ("255.255.255.255", None),
            ("fdff::1", Some("fd00::/8")),
            ("::10.1.0.1", None),
        ] {
            assert_eq!(nets.of(at(address)).copied(), expected, "{address}");
        }
    }

    #[test]
    fn what_overlaps_is_not_taken() {
        let mut nets = Nets::default();
        nets.add(net("10.1.0.0/16"), 1).unwrap();
        nets.add(net("10.3.0.0/16"), 3).unwrap();
        for (text, expected) in [
            ("10.1.0.0/16", Err((net("10.1.0.0/16"), &1))),
            ("10.1.9.0/24", Err((net("10.1.0.0/16"), &1))),
            ("10.0.0.0/8", Err((net("10.3.0.0/16"), &3))),
            ("10.0.0.0/15", Err((net("10.1.0.0/16"), &1))),
            ("10.2.0.0/16", Ok(())),
            ("::/0", Ok(())),
        ] {
            assert_eq!(nets.add(net(text), 9), expected, "{text}");
        }
    }

    #[test]
    fn overlapping_networks_become_one() {
        let nets: Nets<()> = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "10.0.0.0/9"].map(net).into_iter().collect();
        assert!(nets.of(at("10.200.0.1")).is_some() && nets.of(at("192.0.2.255")).is_some());
        assert!(nets.of(at("11.0.0.0")).is_none());
    }
}
