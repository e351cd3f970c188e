//! Which rows fit a flow, in which order, and why the others do not.
//!
//! In: a row, an oriented flow, what its payload showed. Out: a [`Fit`], or the [`Misfit`].
//! Must not know: how the orientation was decided, or what is reported.

use std::cmp::Reverse;

use super::expectation::{Ends, Payload, Said, hold};
use crate::catalog::{Catalogs, Media, PortOn, Role, RoleOf, RoleSet, Row};
use crate::evidence::Medium;
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

impl RoleBasis {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a row with the right port does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The port is not where the row has it.
    Port,
    /// A media row's port is only the initiator's, and no payload proves media.
    Side,
    /// The host has other roles.
    Role,
    /// The other end is not one that the row allows.
    Peer,
    /// The server at the other end has no row that allows media there.
    OtherEnd,
    /// Only payload could prove it, and did not.
    Unproven,
    /// In a media range, but the payload is something else.
    NotMedia,
    /// DHCP of another vendor class.
    VendorClass,
}

/// How a row fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// How well the role is known.
    pub(super) basis: RoleBasis,
    /// What the payload says.
    pub(super) said: Said,
}

/// Servers that the document has no media rows of, and that media flows to all the same.
const WITHOUT_ROWS: RoleSet = RoleSet::one(Role::PstnGateway).union(RoleSet::one(Role::ExchangeUm));

impl<'a> Oriented<'a> {
    /// The same flow opened from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { initiator: self.responder, responder: self.initiator, ..self }
    }

    /// Whether `row` has the responder's port, and the hosts are those that it speaks of. What the payload says is
    /// another question.
    pub(super) fn place(&self, row: &Row) -> Result<RoleBasis, Misfit> {
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
            _ if is_of_either_side(row) => {
                let basis = |end: &End<'_>| role_basis(&end.who, row).filter(|_| row.has_port(end.at.port));
                match (basis(initiator), basis(responder)) {
                    (Some(of_initiator), Some(of_responder)) => of_initiator < of_responder,
                    (of_initiator, None) => of_initiator.is_some() || !row.has_port(responder.at.port),
                    (None, Some(_)) => false,
                }
            }
            RoleOf::Responder => false,
            RoleOf::Initiator => true,
            RoleOf::Either => initiator.who.roles().meets(row.roles),
            RoleOf::Both => role_basis(&initiator.who, row).is_none(),
        };
        if initiator_decides { initiator } else { responder }
    }

    /// Whether `row` would fit if its port were the responder's, not the initiator's.
    pub(super) fn fits_reversed(&self, row: &Row) -> bool {
        let one_sided = row.port_on == PortOn::Host || row.role_of == RoleOf::Responder;
        one_sided && !row.needs_proof && self.reversed().place(row).is_ok()
    }
}

/// A flow and what its payload showed: what rows are held against.
#[derive(Clone, Copy)]
pub(super) struct Case<'a, 'p> {
    pub(super) oriented: Oriented<'a>,
    pub(super) payload: Payload<'p>,
    pub(super) catalogs: &'a Catalogs,
}

impl<'a> Case<'a, '_> {
    /// Rows of the catalogs that are on which fit, best first: of the best class only, fixed before media. Rows that
    /// the payload contradicts are among them.
    pub(super) fn candidates(&self) -> Vec<(Fit, &'a Row)> {
        let rows = self.catalogs.at_either(self.oriented.transport, self.ports());
        let mut fits: Vec<_> = rows.filter_map(|row| Some((self.fit(row).ok()?, row))).collect();
        self.rank(&mut fits);
        let media = fits.first().is_some_and(|(_, row)| row.media.is_some());
        fits.retain(|(_, row)| row.media.is_some() == media);
        fits
    }

    /// Best first. The sort is stable and the rows come in catalog order, which therefore decides between equals.
    pub(super) fn rank(&self, fits: &mut [(Fit, &'a Row)]) {
        let medium = self.medium();
        fits.sort_by_key(|&(fit, row)| {
            let roles_needed = if row.all_roles { row.roles.len() } else { 1 };
            let width = if row.media.is_some() { row.width() } else { 0 };
            let strange = medium.is_some_and(|medium| row.media.is_some_and(|of_row| !is_medium(of_row, medium)));
            (row.media.is_some(), fit.basis, fit.said.proof, strange, width, Reverse(roles_needed))
        });
    }

    /// The ports under which a fitting row may stand: the initiator's own only where it is media.
    fn ports(&self) -> [u16; 2] {
        let (initiator, responder) = (self.oriented.initiator.at.port, self.oriented.responder.at.port);
        [responder, if self.payload.is_media() { initiator } else { responder }]
    }

    /// The medium that the payload type names, where the payload proves media.
    pub(super) fn medium(&self) -> Option<Medium> {
        self.payload.media.map(|media| media.medium(self.oriented.transport == Transport::Tcp))
    }

    pub(super) fn ends(&self) -> Ends<'_> {
        Ends { initiator: &self.oriented.initiator.who, responder: &self.oriented.responder.who }
    }

    /// Whether `row` fits, and what the payload says of it.
    pub(super) fn fit(&self, row: &Row) -> Result<Fit, Misfit> {
        if row.media.is_some() {
            return self.media_fit(row);
        }
        let said = hold(row, &self.payload, self.ends());
        if row.needs_proof && said != Said::VERIFIED {
            return Err(Misfit::Unproven);
        }
        let basis = self.oriented.place(row)?;
        if row.vendor_class.is_some() && self.payload.lync_dhcp == Some(false) {
            return Err(Misfit::VendorClass);
        }
        Ok(Fit { basis, said })
    }

    /// Media: proven, the port may be on either side; unproven, a range is a guess about the responder's port.
    fn media_fit(&self, row: &Row) -> Result<Fit, Misfit> {
        if self.payload.is_media() {
            return self.proven_media_fit(row);
        }
        if row.needs_proof {
            return Err(Misfit::Unproven);
        }
        if is_of_either_side(row) && !row.has_port(self.oriented.responder.at.port) {
            return Err(Misfit::Side);
        }
        let basis = self.oriented.place(row)?;
        match self.payload.identified() {
            Some(_) => Err(Misfit::NotMedia),
            None => Ok(Fit { basis, said: Said::UNVERIFIED }),
        }
    }

    fn proven_media_fit(&self, row: &Row) -> Result<Fit, Misfit> {
        let on = |side: Oriented<'_>| {
            let basis = side.place(row)?;
            // A client's own port is every port: what it says of a server, the server's rows must say too.
            if row.needs_proof && !self.allows(&side.reversed()) { Err(Misfit::OtherEnd) } else { Ok(basis) }
        };
        let at_responder = on(self.oriented);
        let at_initiator = if is_of_either_side(row) { on(self.oriented.reversed()) } else { Err(Misfit::Port) };
        let basis = match (at_responder, at_initiator) {
            (Ok(a), Ok(b)) => Ok(a.min(b)),
            (Ok(basis), Err(_)) | (Err(_), Ok(basis)) => Ok(basis),
            (Err(_), Err(Misfit::OtherEnd)) => Err(Misfit::OtherEnd),
            (Err(Misfit::Port), Err(misfit)) | (Err(misfit), Err(_)) => Err(misfit),
        };
        Ok(Fit { basis: basis?, said: Said::VERIFIED })
    }

    /// Whether the responder of `side` may have this media on its port: it is no declared server, one without rows, or
    /// one of which a media row or a fixed row allows it.
    fn allows(&self, side: &Oriented<'_>) -> bool {
        let server = &side.responder;
        if !server.who.is_server() || server.who.declared.meets(WITHOUT_ROWS) {
            return true;
        }
        let ends = Ends { initiator: &side.initiator.who, responder: &side.responder.who };
        self.catalogs.at(side.transport, server.at.port).any(|row| {
            let own = row.media.is_some() || (row.is_fixed() && hold(row, &self.payload, ends).contradiction.is_none());
            own && side.place(row).is_ok()
        })
    }
}

/// A media row whose port is its host's own, whichever side opened the flow.
fn is_of_either_side(row: &Row) -> bool {
    row.media.is_some() && row.port_on == PortOn::Host
}

/// Whether a media row speaks of what the payload type names.
pub(super) const fn is_medium(of_row: Media, medium: Medium) -> bool {
    match of_row {
        Media::Audio => matches!(medium, Medium::Audio),
        Media::Video => matches!(medium, Medium::Video),
        Media::ApplicationSharing | Media::FileTransfer => matches!(medium, Medium::Data),
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
