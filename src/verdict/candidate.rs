//! Which rows fit a flow, in which order, and why the others do not.
//!
//! In: a row and an oriented flow. Out: the rank of a fit, or the [`Misfit`].
//! Must not know: how the orientation was decided, or what is reported.

use crate::catalog::{Catalogs, PortOn, Role, RoleOf, RoleSet, Row};
use crate::net::{Endpoint, Transport};
use crate::topology::Who;

/// One end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Address and port.
    pub at: Endpoint,
    /// What is known of the host.
    pub who: Who<'a>,
}

/// A flow that knows who opened it.
#[derive(Clone, Copy, Debug)]
pub struct Oriented<'a> {
    /// TCP or UDP.
    pub transport: Transport,
    /// Who opened it.
    pub initiator: End<'a>,
    /// Who was asked.
    pub responder: End<'a>,
}

/// How well the role is known that makes a row fit. Better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleBasis {
    /// The user declared it.
    Declared,
    /// Other answered ports suggest it.
    Inferred,
    /// Nothing is known that contradicts it.
    Unknown,
}

/// Why a row with the right port does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The port is not where the row has it.
    Port,
    /// The host has other roles.
    Role,
    /// The other end is not one that the row allows.
    Peer,
    /// Only payload could prove it, and did not.
    Unproven,
}

impl<'a> Oriented<'a> {
    /// The same flow opened from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { initiator: self.responder, responder: self.initiator, ..self }
    }

    /// Rows of the catalogs that are on which fit, best first: of the best class only, fixed before media.
    pub(super) fn candidates<'c>(&self, catalogs: &'c Catalogs) -> Vec<(RoleBasis, &'c Row)> {
        let rows = catalogs.at(self.transport, self.responder.at.port);
        let mut fits: Vec<_> = rows.filter_map(|row| Some((self.fit(row).ok()?, row))).collect();
        // The sort is stable and the rows come in catalog order, which therefore decides between equals.
        fits.sort_by_key(|&(basis, row)| {
            let roles_needed = if row.all_roles { row.roles.len() } else { 1 };
            let width = if row.media.is_some() { row.width() } else { 0 };
            (row.media.is_some(), basis, width, u32::MAX - roles_needed)
        });
        let media = fits.first().is_some_and(|(_, row)| row.media.is_some());
        fits.retain(|(_, row)| row.media.is_some() == media);
        fits
    }

    /// Whether `row`, which has the responder's port, fits.
    pub(super) fn fit(&self, row: &Row) -> Result<RoleBasis, Misfit> {
        if row.needs_proof {
            return Err(Misfit::Unproven);
        }
        if !row.has_port(self.responder.at.port)
            || row.initiator_port.is_some_and(|port| port != self.initiator.at.port)
        {
            return Err(Misfit::Port);
        }
        let (initiator, responder) = (&self.initiator.who, &self.responder.who);
        if [initiator, responder].iter().any(|who| effective(who).meets(row.never)) {
            return Err(Misfit::Peer);
        }
        let of = |who: &Who<'_>| role_basis(who, row);
        // An answer to everyone, such as a DHCP offer, has the group where the initiator stands.
        let to_everyone = (initiator.group && row.initiator_port.is_some()).then_some(RoleBasis::Unknown);
        let (basis, peer) = match row.role_of {
            RoleOf::Responder => (of(responder), initiator),
            RoleOf::Initiator => (of(initiator).or(to_everyone), responder),
            RoleOf::Both => (of(initiator).zip(of(responder)).map(|(a, b)| a.max(b)), initiator),
            RoleOf::Either => (of(initiator).into_iter().chain(of(responder)).min(), initiator),
        };
        let basis = basis.ok_or(Misfit::Role)?;
        if !row.peer.is_empty() && !may_be(peer, row.peer) {
            return Err(Misfit::Peer);
        }
        Ok(basis)
    }

    /// The end whose role decides whether `row` fits: of two, the one that has it, or that fails it.
    pub(super) fn role_end(&self, row: &Row) -> &End<'a> {
        let (initiator, responder) = (&self.initiator, &self.responder);
        let initiator_decides = match row.role_of {
            RoleOf::Responder => false,
            RoleOf::Initiator => true,
            RoleOf::Either => initiator.who.roles().meets(row.roles),
            RoleOf::Both => role_basis(&initiator.who, row).is_none(),
        };
        if initiator_decides { initiator } else { responder }
    }

    /// Whether a media row would fit if its port were the responder's, not the initiator's.
    pub(super) fn fits_reversed(&self, row: &Row) -> bool {
        (row.port_on == PortOn::Host || row.role_of == RoleOf::Responder) && self.reversed().fit(row).is_ok()
    }
}

/// Whether the host can have the roles that the row needs, and how well that is known.
fn role_basis(who: &Who<'_>, row: &Row) -> Option<RoleBasis> {
    let has = |roles: RoleSet| if row.all_roles { roles.covers(row.roles) } else { roles.meets(row.roles) };
    if !who.declared.is_empty() {
        return has(who.declared).then_some(RoleBasis::Declared);
    }
    if who.group || (who.external && !has(RoleSet::DEVICES)) {
        return None;
    }
    Some(if has(who.inferred) { RoleBasis::Inferred } else { RoleBasis::Unknown })
}

/// Whether the other end of a row may be this host: one of the roles, or of no declared role.
/// Outside the organisation stand only clients and foreign edges.
fn may_be(who: &Who<'_>, roles: RoleSet) -> bool {
    let outside = RoleSet::DEVICES.union(RoleSet::one(Role::Edge));
    match who.declared.is_empty() {
        false => who.declared.meets(roles),
        true => !who.group && (!who.external || roles.meets(outside)),
    }
}

/// Declared roles; outside the organisation, those of a client.
const fn effective(who: &Who<'_>) -> RoleSet {
    if who.declared.is_empty() && who.external { RoleSet::DEVICES } else { who.declared }
}
