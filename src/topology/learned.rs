//! What answered connections teach: listeners, and the roles they suggest.
//!
//! In: endpoints that answered or were announced, from all flows. Out: [`Learned`]: listeners by endpoint, inferred
//! roles by address. Must not know: why an endpoint counts as having answered, or what is done with the roles.
//!
//! An inferred role ranks candidate rows and is shown with the ports that led to it; it never makes an undocumented
//! flow documented. What was only announced tells who listens, never a role.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::{FastMap, FastSet};
use crate::catalog::{Catalogs, DOCUMENT, PortOn, Role, RoleOf, RoleSet, Row};
use crate::net::{Address, Endpoint, Transport};

/// Transport and port of an endpoint that answered.
pub type Listener = (Transport, u16);

/// Listeners and inferred roles of a capture.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    listeners: FastSet<(Transport, Endpoint)>,
    announced: FastSet<Endpoint>,
    inferred: FastMap<Address, (RoleSet, Vec<Listener>)>,
}

impl Learned {
    /// Notes that `endpoint` accepted a connection.
    pub fn accepted(&mut self, transport: Transport, endpoint: Endpoint) {
        self.listeners.insert((transport, endpoint));
    }

    /// Notes that a reply from `endpoint`'s own host, of its endpoint mapper or SQL Browser, names this TCP port.
    pub fn announced(&mut self, endpoint: Endpoint) {
        self.announced.insert(endpoint);
    }

    /// Listeners known, those announced included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listeners.len() + self.announced.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `endpoint` accepted a connection anywhere in the capture, or was announced.
    #[must_use]
    pub fn is_listener(&self, transport: Transport, endpoint: Endpoint) -> bool {
        self.was_announced(transport, endpoint) || self.has_accepted(transport, endpoint)
    }

    /// Whether `endpoint` was announced.
    #[must_use]
    pub fn was_announced(&self, transport: Transport, endpoint: Endpoint) -> bool {
        transport == Transport::Tcp && self.announced.contains(&endpoint)
    }

    /// Whether `endpoint` accepted a connection anywhere in the capture.
    #[must_use]
    pub fn has_accepted(&self, transport: Transport, endpoint: Endpoint) -> bool {
        self.listeners.contains(&(transport, endpoint))
    }

    /// Infers roles from every endpoint that answered.
    pub fn infer(&mut self, answers: impl Iterator<Item = (Transport, Endpoint)>, catalogs: &Catalogs) {
        let mut ports: BTreeMap<Address, BTreeSet<Listener>> = BTreeMap::new();
        for (transport, endpoint) in answers {
            if catalogs.at(transport, endpoint.port).any(speaks_of_responder) {
                ports.entry(endpoint.address).or_default().insert((transport, endpoint.port));
            }
        }
        for (address, ports) in ports {
            let mut roles = RoleSet::EMPTY;
            let mut led_there = BTreeSet::new();
            for role in Role::all() {
                let of_role: Vec<_> =
                    ports.iter().filter(|&&at| alone(catalogs, at, role) || only(catalogs, at, role)).collect();
                if of_role.len() >= 2 || of_role.iter().any(|&&at| only(catalogs, at, role)) {
                    roles.insert(role);
                    led_there.extend(of_role);
                }
            }
            if !roles.is_empty() {
                self.inferred.insert(address, (roles, led_there.into_iter().copied().collect()));
            }
        }
    }

    /// Roles inferred for an address, and the ports that led there.
    #[must_use]
    pub fn inferred(&self, address: Address) -> Option<(RoleSet, &[Listener])> {
        self.inferred.get(&address).map(|(roles, ports)| (*roles, &**ports))
    }

    /// Every inference, by address.
    #[must_use]
    pub fn all_inferred(&self) -> BTreeMap<Address, (RoleSet, &[Listener])> {
        self.inferred.iter().map(|(&address, (roles, ports))| (address, (*roles, &**ports))).collect()
    }
}

/// An overlay's row of more roles than this is any server's: whoever answers there is not known by it.
const TELLING_ROLES: u32 = 3;

/// A row that says something about who answered.
fn speaks_of_responder(row: &Row) -> bool {
    let telling = row.catalog == DOCUMENT || row.roles.len() <= TELLING_ROLES;
    telling && row.is_fixed() && row.role_of == RoleOf::Responder && row.port_on == PortOn::Responder
}

/// A row of this port is the role's without help of another.
fn alone(catalogs: &Catalogs, (transport, port): Listener, role: Role) -> bool {
    let mut rows = catalogs.at(transport, port).filter(|row| speaks_of_responder(row));
    rows.any(|row| row.roles.contains(role) && (!row.all_roles || row.roles.len() == 1))
}

/// Every row of this port needs the role: nobody else answers here.
fn only(catalogs: &Catalogs, (transport, port): Listener, role: Role) -> bool {
    let mut rows = catalogs.at(transport, port).filter(|row| speaks_of_responder(row)).peekable();
    rows.peek().is_some()
        && rows.all(|row| row.roles == RoleSet::one(role) || (row.all_roles && row.roles.contains(role)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Site;

    /// Roles inferred for a host that answered on these TCP ports.
    fn check(ports: &[u16], expected: &str) {
        let catalogs = Catalogs::new(&[], Vec::new(), &Site::default()).unwrap();
        let address = Address::v4([10, 0, 0, 1]);
        let mut learned = Learned::default();
        learned.infer(ports.iter().map(|&port| (Transport::Tcp, Endpoint { address, port })), &catalogs);
        let roles = learned.inferred(address).map(|(roles, _)| roles).unwrap_or_default();
        assert_eq!(roles.to_string(), expected, "{ports:?}");
    }

    #[test]
    fn one_port_that_no_other_role_shares_suffices() {
        check(&[5062], "front-end");
        check(&[5041], "persistent-chat");
        check(&[5067], "mediation");
    }

    #[test]
    fn shared_ports_need_a_second() {
        check(&[443], "");
        check(&[5061], "");
        check(&[5061, 444], "front-end,director,front-end-load-balancer,director-load-balancer");
    }

    #[test]
    fn a_stand_alone_mediation_server_is_no_front_end() {
        check(&[5067, 5068], "mediation");
    }

    #[test]
    fn what_was_announced_listens_and_tells_no_role() {
        let catalogs = Catalogs::new(&[], Vec::new(), &Site::default()).unwrap();
        let endpoint = Endpoint { address: Address::v4([10, 0, 0, 1]), port: 5062 };
        let mut learned = Learned::default();
        learned.announced(endpoint);
        learned.infer(std::iter::empty(), &catalogs);
        assert!(learned.is_listener(Transport::Tcp, endpoint) && !learned.is_listener(Transport::Udp, endpoint));
        assert!(!learned.has_accepted(Transport::Tcp, endpoint));
        assert!(learned.inferred(endpoint.address).is_none());
    }

    #[test]
    fn ports_that_any_windows_server_answers_infer_nothing() {
        check(&[445], "");
        check(&[135], "");
        check(&[22, 3389, 9100], "");
        check(&[49_160, 49_170], "");
    }
}
