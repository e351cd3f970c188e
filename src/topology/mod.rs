//! Stage 6: who the hosts are. What the user declared, and what answered connections show.
//!
//! In: the topology file and `--role`; later the endpoints that answered. Out: [`Topology`], which tells of an address
//! its [`Who`]; [`Learned`] listeners and inferred roles. Must not know: verdicts.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

pub use learned::{Learned, Listener};

use crate::catalog::{PortRange, Role, RoleSet, Site};
use crate::error::Error;
use crate::net::{Address, Endpoint, Transport};
use hash::FastMap;
use nets::Nets;

mod file;
pub(crate) mod hash;
mod learned;
mod nets;

/// A declared host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name; its address where `--role` declared it.
    pub name: String,
    /// Whether the user named it.
    pub named: bool,
    /// Its roles.
    pub roles: RoleSet,
}

/// A declared network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub nets: Vec<IpNet>,
    /// Roles of every host in it that is not declared itself.
    pub roles: RoleSet,
}

/// One end of an accepted flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A declared host, by its place in the file.
    Host(usize),
    /// A declared network, by its place in the file.
    Network(usize),
    /// Every host declared with the role.
    Role(Role),
    /// Every address in it.
    Net(IpNet),
}

/// A flow that was reviewed and accepted although undocumented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The initiator.
    pub from: Party,
    /// The responder.
    pub to: Party,
    /// TCP or UDP.
    pub transport: Transport,
    /// The responder's port.
    pub ports: PortRange,
    /// Who accepted it, and why.
    pub reason: String,
    /// The last day on which it holds (capture time, UTC).
    pub until: Option<jiff::civil::Date>,
}

/// Everything the user declared.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// What the deployment changes in the catalog.
    pub site: Site,
    /// Addresses of the organisation; empty when not given.
    pub internal: Vec<IpNet>,
    /// Accepted flows.
    pub accepts: Vec<Accept>,
    hosts: Vec<Host>,
    networks: Vec<Network>,
    by_address: FastMap<Address, usize>,
    by_name: HashMap<String, Party>,
    /// Places in `networks`.
    by_net: Nets<usize>,
    /// The same as `internal`.
    inside: Nets<()>,
}

/// What is known of an address before any flow is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Who<'a> {
    /// The declared host's name.
    pub name: Option<&'a str>,
    /// The declared network it lies in, unless it is a declared host.
    pub network: Option<&'a str>,
    /// Declared roles, of the host or else of its network.
    pub declared: RoleSet,
    /// Roles inferred from what it answered; only for hosts without a declared role.
    pub inferred: RoleSet,
    /// Undeclared and outside `internal`: at most a client or a foreign edge.
    pub external: bool,
    /// Multicast or broadcast: no host.
    pub group: bool,
}

impl Who<'_> {
    /// Declared roles, else inferred ones.
    #[must_use]
    pub const fn roles(&self) -> RoleSet {
        if self.declared.is_empty() { self.inferred } else { self.declared }
    }

    /// Declared to be a server.
    #[must_use]
    pub fn is_server(&self) -> bool {
        !self.declared.is_empty() && !self.declared.meets(RoleSet::DEVICES)
    }
}

impl Topology {
    /// Parses a topology file; `origin` is what errors call it.
    ///
    /// # Errors
    /// An unknown key, overlapping addresses, an unknown role or a bad range: file, line and the fix.
    pub fn parse(origin: &str, text: &str) -> Result<Self, Error> {
        file::parse(origin, text)
    }

    /// Adds one `--role ADDRESS=ROLE[,ROLE…]`; the address may be a CIDR. Roles add to those of the file.
    ///
    /// # Errors
    /// A malformed pair, a bad address, an unknown role.
    pub fn declare(&mut self, text: &str) -> Result<(), Error> {
        let fail = |why: String| Error::Config { origin: format!("--role {text}"), why };
        let (address, roles) = text
            .split_once('=')
            .ok_or_else(|| fail("write ADDRESS=ROLE, such as 10.0.0.11=front-end,mediation".into()))?;
        let roles =
            roles.split(',').map(|role| role.trim().parse()).collect::<Result<RoleSet, String>>().map_err(fail)?;
        if let Ok(ip) = address.parse::<IpAddr>() {
            let next = self.hosts.len();
            let index = *self.by_address.entry(Address::from(ip)).or_insert(next);
            match self.hosts.get_mut(index) {
                Some(host) => host.roles = host.roles.union(roles),
                None => self.hosts.push(Host { name: address.to_owned(), named: false, roles }),
            }
            return Ok(());
        }
        let net = file::parse_net(address).map_err(fail)?;
        let overlaps = self.by_net.add(net, self.networks.len()).err().map(|(_, &index)| index);
        match overlaps.and_then(|index| self.networks.get_mut(index)) {
            Some(network) if network.nets == [net] => network.roles = network.roles.union(roles),
            Some(network) => {
                return Err(fail(format!("{net} overlaps network `{}`; make them disjoint", network.name)));
            }
            None => self.networks.push(Network { name: net.to_string(), nets: vec![net], roles }),
        }
        Ok(())
    }

    /// What was declared of an address.
    #[must_use]
    pub fn who(&self, address: Address) -> Who<'_> {
        if let Some(host) = self.by_address.get(&address).and_then(|&index| self.hosts.get(index)) {
            return Who { name: host.named.then_some(&*host.name), declared: host.roles, ..Who::default() };
        }
        let group = address.is_group();
        if let Some(network) = self.by_net.of(address).and_then(|&index| self.networks.get(index)) {
            return Who { network: Some(&network.name), declared: network.roles, group, ..Who::default() };
        }
        let internal = || address.is_local() || self.inside.of(address).is_some();
        Who { external: !group && !self.internal.is_empty() && !internal(), group, ..Who::default() }
    }

    /// Whether the user declared anything about hosts.
    #[must_use]
    pub fn declares_hosts(&self) -> bool {
        !self.hosts.is_empty() || !self.networks.is_empty()
    }

    /// Whether two declared servers can meet; a network of servers counts as many.
    #[must_use]
    pub fn declares_two_servers(&self) -> bool {
        let is_server = |roles: RoleSet| Who { declared: roles, ..Who::default() }.is_server();
        let hosts = self.hosts.iter().filter(|host| is_server(host.roles)).count();
        hosts >= 2 || self.networks.iter().any(|network| is_server(network.roles))
    }

    /// Every declared host and network: name and roles, in file order.
    pub fn declared(&self) -> impl Iterator<Item = (&str, RoleSet)> {
        let hosts = self.hosts.iter().map(|host| (&*host.name, host.roles));
        hosts.chain(self.networks.iter().map(|network| (&*network.name, network.roles)))
    }

    /// Names of the declared hosts that are servers, in file order.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        let servers = self.hosts.iter().filter(|host| host.named && !host.roles.meets(RoleSet::DEVICES));
        servers.map(|host| &*host.name)
    }

    /// Whether `endpoint` is one of the hosts that `party` means.
    #[must_use]
    pub fn is_party(&self, party: &Party, endpoint: Endpoint) -> bool {
        let address = endpoint.address;
        match party {
            Party::Host(index) => self.by_address.get(&address) == Some(index),
            Party::Network(index) => self.by_net.of(address) == Some(index) && !self.by_address.contains_key(&address),
            Party::Role(role) => self.who(address).declared.contains(*role),
            Party::Net(net) => net.contains(&address.ip()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_declared_host_inside_a_network_wins() {
        let text = "[[host]]\nname='fe01'\naddresses=['10.0.0.11']\nroles=['front-end']\n\
                    [[network]]\nname='lan'\naddresses=['10.0.0.0/24']\nroles=['client']\n[deployment]\ninternal=['10.0.0.0/8']";
        let topology = Topology::parse("t", text).unwrap();
        assert_eq!(topology.who(address("10.0.0.11")).roles().to_string(), "front-end");
        let desk = topology.who(address("10.0.0.12"));
        assert_eq!((desk.name, desk.network, desk.is_server()), (None, Some("lan"), false));
        assert!(topology.who(address("192.0.2.1")).external);
        assert!(!topology.who(address("10.9.0.1")).external);
        assert!(!topology.who(address("224.0.0.1")).external && topology.who(address("224.0.0.1")).group);
    }

    #[test]
    fn role_flags_add_up_and_refuse() {
        let mut topology = Topology::default();
        topology.declare("10.0.0.11=front-end,mediation").unwrap();
        topology.declare("10.0.0.11=central-management").unwrap();
        topology.declare("10.1.0.0/16=client").unwrap();
        assert_eq!(topology.who(address("10.0.0.11")).declared.len(), 3);
        assert_eq!(topology.who(address("10.1.2.3")).network, Some("10.1.0.0/16"));
        for (bad, expected) in [
            ("10.0.0.11", "write ADDRESS=ROLE"),
            ("10.0.0.11=fe", "unknown role `fe`"),
            ("fe01=edge", "neither an address"),
        ] {
            assert!(topology.declare(bad).unwrap_err().to_string().contains(expected), "{bad}");
        }
    }
}
