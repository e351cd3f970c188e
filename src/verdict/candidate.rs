//! Which rows fit a flow, in which order, and why the others do not.
//!
//! In: a row, an oriented flow, what its payload showed. Out: a [`Fit`], or the [`Misfit`].
//! Must not know: how the orientation was decided, or what is reported.

use std::cmp::Reverse;

use super::expectation::{Ends, Payload, Said, hold};
use super::near::Told;
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
        // A question to everyone, such as a DHCP discover, has the group where its server stands; an answer to everyone
        // has it where the initiator does.
        let is_everyone = |who: &Who<'_>| who.group && row.initiator_port.is_some();
        let to_everyone = is_everyone(initiator).then_some(RoleBasis::Unknown);
        let (basis, peer) = match row.role_of {
            RoleOf::Responder => (of(responder), initiator),
            RoleOf::Initiator => (of(initiator).or(to_everyone), responder),
            RoleOf::Both => (of(initiator).zip(of(responder)).map(|(a, b)| a.max(b)), initiator),
            RoleOf::Either => (of(initiator).into_iter().chain(of(responder)).min(), initiator),
        };
        let basis = basis.ok_or(Misfit::Role)?;
        if !row.peer.is_empty() && !may_be(peer, row.peer) && !is_everyone(peer) {
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

    /// What words about a row name.
    pub(super) fn told(&self) -> Told<'_> {
        Told { oriented: &self.oriented, protocol: self.payload.protocol() }
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

#[cfg(test)]
mod tests {
    use crate::evidence::Protocol;
    use crate::verdict::testing::{POOL, Scene, dhcp, media, media_as, nothing, spoken, tcp, tls, udp};

    const AUDIO: &[u8] = &[114];
    const VIDEO: &[u8] = &[122];
    const DATA: &[u8] = &[127];

    #[test]
    fn a_media_row_is_decided_by_the_payload() {
        let scene = Scene::new(POOL, &[]);
        let told = |port: u16, evidence| scene.told(&tcp("10.1.0.5:50123", &format!("10.0.0.11:{port}"), evidence));
        assert_eq!(told(50_002, nothing()), "range-only unverified S39 S28");
        assert_eq!(told(50_002, spoken(Protocol::Text)), "range-only unverified S39 S28");
        assert_eq!(told(50_002, tls(None)), "undocumented -");
        assert_eq!(told(49_300, spoken(Protocol::Http)), "undocumented -");
        assert_eq!(told(49_155, spoken(Protocol::Rpc)), "undocumented -");
        // A client's own port counts once media is proven.
        assert_eq!(told(50_002, media(AUDIO)), "documented verified S39 C08 S28 C09 C10 C11");
        assert_eq!(told(50_002, media(DATA)), "documented verified S28 C10 C11 S39 C08 C09");
        let miss = scene.misses(&tcp("10.1.0.5:50123", "10.0.0.11:49300", spoken(Protocol::Http)));
        assert_eq!(
            miss,
            ["S28: in a media range but the payload is http", "S39: in a media range but the payload is http"]
        );
    }

    #[test]
    fn proven_media_may_stand_on_the_initiators_port() {
        let scene = Scene::new(POOL, &[]);
        let from_server = |evidence| udp("10.0.0.11:50123", "10.9.9.9:7000", evidence);
        assert_eq!(scene.told(&from_server(media(AUDIO))), "documented verified S39 C08 C09");
        assert_eq!(scene.told(&from_server(nothing())), "undocumented -");
        let side = "S39: port only on the initiator's side: 50123 is the port it opened the flow from";
        assert_eq!(scene.misses(&from_server(nothing())), [side]);
        assert_eq!(scene.misses(&from_server(spoken(Protocol::Dns))), [side]);
        let reasons = scene.reasons(&from_server(media(AUDIO)));
        assert!(reasons[0].starts_with("the initiator's port 50123/udp is row S39"), "{}", reasons[0]);
        assert_eq!(reasons[2], "fe01 is declared front-end");
        assert_eq!(reasons[3], "the payload is RTP (frame 15), as the row expects");
        assert_eq!(reasons[4], "payload type 114 is audio");
        // Both are servers: the better known role counts, and any of the two suffices.
        assert_eq!(scene.told(&udp("10.0.0.13:50123", "10.0.0.11:60000", media(AUDIO))), "documented verified S39 S10");
    }

    #[test]
    fn the_payload_type_stands_before_the_width_of_the_range() {
        let scene = Scene::new(POOL, &[]);
        let told = |to: &str, evidence| scene.told(&udp("10.1.0.5:50123", to, evidence));
        assert_eq!(told("10.0.0.11:58000", media(VIDEO)), "documented verified S10 C09 C08");
        assert_eq!(told("10.0.0.11:58000", media(AUDIO)), "documented verified C08 S10 C09");
        assert_eq!(told("10.0.0.11:50002", media(VIDEO)), "documented verified C09 S39 C08");
        // Of another kind it still fits, and the reason says so.
        let other = scene.reasons(&udp("10.9.9.9:7000", "10.0.0.13:50002", media(VIDEO)));
        assert!(other.contains(&"payload type 122 is video, though the row speaks of audio".to_owned()), "{other:?}");
        let stun = |flow| scene.told(&flow);
        assert_eq!(stun(udp("10.1.0.5:50123", "10.0.0.11:50002", media(&[]))), "documented verified S39 C08 C09");
        assert_eq!(
            stun(tcp("10.1.0.5:50123", "10.0.0.11:50002", media(&[]))),
            "documented verified S28 C10 C11 S39 C08 C09"
        );
    }

    #[test]
    fn between_clients_media_is_documented_on_any_port() {
        let scene = Scene::new(POOL, &[]);
        assert_eq!(scene.told(&udp("10.1.0.5:5350", "10.1.0.6:1025", media(AUDIO))), "documented verified C08 C09");
        assert_eq!(scene.told(&udp("10.1.0.5:5350", "10.1.0.6:1025", nothing())), "undocumented -");
        assert_eq!(scene.told(&udp("10.1.0.5:5350", "203.0.113.9:900", media(AUDIO))), "documented verified C08 C09");
        assert_eq!(scene.told(&udp("10.1.0.5:900", "10.1.0.6:901", media(AUDIO))), "undocumented -");
    }

    #[test]
    fn a_servers_own_rows_must_allow_a_clients_media() {
        let scene = Scene::new(POOL, &[]);
        let told = |to: &str| scene.told(&udp("10.1.0.5:50123", to, media(AUDIO)));
        assert_eq!(told("10.0.0.11:40000"), "undocumented -");
        assert_eq!(told("10.0.0.14:50002"), "undocumented -");
        assert_eq!(told("10.0.0.13:50002"), "documented verified S39 C08 C09");
        // A gateway and Exchange have no rows of their own.
        assert_eq!(told("10.0.0.16:40000"), "documented verified C08 C09");
        assert_eq!(told("10.0.0.15:40000"), "documented verified C08 C09");
        // An edge answers a client from the port that a client row documents.
        assert_eq!(scene.told(&udp("10.0.0.17:3478", "10.1.0.5:50123", media(AUDIO))), "documented verified C08 C09");
        let misses = scene.misses(&udp("10.1.0.5:50123", "10.0.0.11:40000", media(AUDIO)));
        assert_eq!(misses[0], "C08: no row of fe01, declared front-end, allows media on its port 40000");
        assert_eq!(misses.len(), 2, "{misses:?}");
    }

    #[test]
    fn fixed_rows_hide_media_even_where_the_payload_is_media() {
        let scene = Scene::new(POOL, &[]);
        let flow = tcp("10.1.0.5:50123", "10.0.0.11:5071", media(AUDIO));
        assert_eq!(scene.told(&flow), "contradicted contradicted OtherProtocol S33");
    }

    #[test]
    fn what_the_payload_verifies_stands_before_what_it_leaves_open() {
        let nobody = Scene::new("", &[]);
        let https = tcp("10.1.0.5:50123", "10.0.0.9:443", tls(None));
        assert_eq!(
            nobody.told(&https),
            "documented verified S12 S19 S40 S44 S52 H06 H17 D02 D05 C02 C03",
            "C04 is contradicted by TLS"
        );
        let turn = tcp("10.1.0.5:50123", "10.0.0.9:443", media_as(Protocol::MsTurn, &[], true));
        assert_eq!(nobody.told(&turn), "documented verified C04");
        let sip = tcp("10.1.0.5:50123", "10.0.0.9:443", spoken(Protocol::Sip));
        assert!(nobody.told(&sip).starts_with("contradicted contradicted OtherProtocol S12"), "{}", nobody.told(&sip));
        // Both roles of one host: the row that needs both first.
        let both = tcp("10.0.0.13:50123", "10.0.0.12:5070", tls(None));
        assert_eq!(Scene::new(POOL, &[]).told(&both), "documented verified S22 S46 S49");
        // A role declared stands before proof.
        let edge = Scene::new(POOL, &["windows-infrastructure", "sql-server"]);
        let instance = tcp("10.0.0.11:50123", "10.0.0.14:1433", spoken(Protocol::Tds));
        assert_eq!(edge.told(&instance), "documented verified Q01 Q04");
    }

    #[test]
    fn a_wide_row_fits_once_its_own_protocol_is_proven_and_ranks_as_fixed() {
        let scene = Scene::new(POOL, &["windows-infrastructure", "sql-server"]);
        let told = |to: &str, evidence| scene.told(&tcp("10.0.0.11:50123", to, evidence));
        assert_eq!(told("10.0.0.12:49155", spoken(Protocol::Rpc)), "documented verified W12");
        assert_eq!(told("10.0.0.12:49155", spoken(Protocol::Tds)), "documented verified Q05");
        assert_eq!(told("10.0.0.12:49155", spoken(Protocol::Http)), "undocumented -");
        assert_eq!(told("10.0.0.12:49155", nothing()), "range-only unverified S39 S28");
        assert_eq!(told("10.0.0.14:40000", spoken(Protocol::Tds)), "documented verified Q04");
        assert_eq!(told("10.0.0.14:40000", nothing()), "undocumented -");
        let misses = |evidence| scene.misses(&tcp("10.0.0.11:50123", "10.0.0.14:40000", evidence));
        assert_eq!(misses(nothing())[0], "Q04: 1024-49151 explains it only if the payload proves tds");
        let disproven = misses(spoken(Protocol::Http));
        assert!(disproven.iter().all(|miss| !miss.starts_with("Q04")), "{disproven:?}");
        // Off, it is a hint.
        let off = Scene::new(POOL, &[]).misses(&tcp("10.0.0.11:50123", "10.0.0.12:49155", spoken(Protocol::Rpc)));
        assert_eq!(
            off,
            [
                "S28: in a media range but the payload is rpc",
                "S39: in a media range but the payload is rpc",
                "W12: only in overlay windows-infrastructure, which is off"
            ]
        );
    }

    #[test]
    fn an_overlays_media_rows_are_its_hosts_own_ports() {
        let edge = Scene::new(POOL, &["lync-2013-edge", "lync-2013-defaults"]);
        let relay = |to: &str| edge.told(&udp("10.0.0.17:55000", to, media(AUDIO)));
        assert_eq!(relay("203.0.113.9:40000"), "documented verified E15 C08 C09");
        assert_eq!(relay("10.0.0.11:50002"), "documented verified S39 E15");
        assert_eq!(relay("10.0.0.14:40000"), "undocumented -");
        let exchange = edge.told(&udp("10.0.0.13:50002", "10.0.0.15:40000", media(AUDIO)));
        assert_eq!(exchange, "documented verified S39 L24");
        let off = Scene::new(POOL, &[]).misses(&udp("10.0.0.17:55000", "203.0.113.9:900", media(AUDIO)));
        assert!(off.contains(&"E15: only in overlay lync-2013-edge, which is off".to_owned()), "{off:?}");
    }

    #[test]
    fn a_question_to_everyone_has_no_host_to_be_of_a_role() {
        let scene = Scene::new(POOL, &["windows-infrastructure"]);
        let lease = udp("0.0.0.0:68", "255.255.255.255:67", dhcp(Some(false)));
        assert_eq!(scene.told(&lease), "documented verified W18");
        let solicit = udp("[fe80::5]:546", "[ff02::1:2]:547", nothing());
        assert_eq!(scene.told(&solicit), "documented unverified W19");
        // A group is no edge and no time server.
        assert_eq!(scene.told(&udp("10.1.0.5:50123", "239.1.1.1:3478", nothing())), "undocumented -");
    }

    #[test]
    fn one_ends_stun_suffices_where_the_other_end_says_nothing_known() {
        let scene = Scene::new(POOL, &[]);
        let one_way = udp("10.1.0.5:50123", "10.0.0.11:50002", media_as(Protocol::Rtp, AUDIO, false));
        assert_eq!(scene.told(&one_way), "documented verified S39 C08 C09");
    }
}
