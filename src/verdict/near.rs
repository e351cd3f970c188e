//! Near misses: the rows that almost explain a flow that none explains.
//!
//! In: a [`Case`]. Out: [`NearMiss`]es, the most telling first, and the words for each way a row can fall.
//! Must not know: formats.

use super::Judged;
use super::candidate::{Case, Misfit, Oriented};
use super::expectation::{Contradiction, hold};
use crate::catalog::{PortOn, Row};
use crate::evidence::Protocol;
use crate::net::Transport;
use crate::topology::Who;

/// A row that almost fits.
#[derive(Clone, Copy, Debug)]
pub struct NearMiss<'a> {
    /// The row.
    pub row: &'a Row,
    /// What is missing.
    pub missing: Missing,
    /// The payload contradicts it too: it would not explain the flow even if nothing were missing.
    pub contradiction: Option<Contradiction>,
}

/// What the words about a row name of the flow.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) oriented: &'a Oriented<'a>,
    /// What the payload is.
    pub(super) protocol: Option<Protocol>,
}

impl Judged<'_> {
    /// What a near miss of this flow is missing, in words: most are only counted, and nobody reads theirs.
    #[must_use]
    pub fn why(&self, miss: &NearMiss<'_>) -> String {
        let told = Told { oriented: &self.oriented, protocol: self.protocol };
        let NearMiss { row, missing, contradiction } = *miss;
        match missing {
            Missing::Place(misfit) => {
                let also = contradiction.map(|contradiction| format!("; and {}", payload_text(contradiction, told)));
                format!("{}{}", misfit_text(misfit, row, told), also.unwrap_or_default())
            }
            Missing::Transport => transport_text(other(self.oriented.transport), told),
            Missing::Overlay | Missing::Payload => overlay_text(row, contradiction, told),
            Missing::Side => misfit_text(Misfit::Side, row, told),
        }
    }
}

/// What keeps a row from fitting; the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The host's role, the other end, the other port, or payload that proves it.
    Place(Misfit),
    /// The transport.
    Transport,
    /// Nothing but that its overlay is off.
    Overlay,
    /// Its overlay is off, and the payload is something else.
    Payload,
    /// The port's side: it is the initiator's.
    Side,
}

/// Rows that almost fit, the most telling first.
pub(super) fn near_misses<'c>(case: &Case<'c, '_>) -> Vec<NearMiss<'c>> {
    let (transport, ports) = (case.oriented.transport, ports(case));
    let other = other(transport);
    let mut found = Vec::new();
    let misfits: Vec<_> = (case.catalogs.at_either(transport, ports))
        .filter(|row| stands(row, case))
        .filter_map(|row| case.fit(row).err().map(|misfit| (row, misfit)))
        .filter(|&(row, misfit)| misfit != Misfit::Side && !is_noise(row, misfit, case))
        .collect();
    // A range that only payload could prove says least of all.
    let (unproven, misplaced): (Vec<_>, Vec<_>) =
        misfits.into_iter().partition(|(_, misfit)| *misfit == Misfit::Unproven);
    found.extend(misplaced.into_iter().map(|(row, misfit)| misplaced_row(row, misfit, case)));
    for row in case.catalogs.at(other, case.oriented.responder.at.port).filter(|row| row.is_fixed()) {
        if (Oriented { transport: other, ..case.oriented }).place(row).is_ok() {
            found.push(miss(row, Missing::Transport));
        }
    }
    for row in case.catalogs.off_at_either(transport, ports).filter(|row| stands(row, case)) {
        let Ok(fit) = case.fit(row) else { continue };
        let missing = if fit.said.contradiction.is_none() { Missing::Overlay } else { Missing::Payload };
        found.push(NearMiss { contradiction: fit.said.contradiction, ..miss(row, missing) });
    }
    found.extend(unproven.into_iter().map(|(row, misfit)| misplaced_row(row, misfit, case)));
    let sides = case.catalogs.at(transport, case.oriented.initiator.at.port);
    found.extend(sides.filter(|row| is_on_the_wrong_side(row, case)).map(|row| miss(row, Missing::Side)));
    found
}

const fn miss(row: &Row, missing: Missing) -> NearMiss<'_> {
    NearMiss { row, missing, contradiction: None }
}

fn misplaced_row<'c>(row: &'c Row, misfit: Misfit, case: &Case<'_, '_>) -> NearMiss<'c> {
    let contradiction = if row.is_fixed() { hold(row, &case.payload, case.ends()).contradiction } else { None };
    NearMiss { contradiction, ..miss(row, Missing::Place(misfit)) }
}

/// The ports under which a row may stand that speaks of the flow.
pub(super) const fn ports(case: &Case<'_, '_>) -> [u16; 2] {
    [case.oriented.responder.at.port, case.oriented.initiator.at.port]
}

pub(super) const fn other(transport: Transport) -> Transport {
    match transport {
        Transport::Tcp => Transport::Udp,
        Transport::Udp => Transport::Tcp,
    }
}

/// Whether one of the ports stands where the row has it: on the responder, or, of a media row, on either side.
pub(super) fn stands(row: &Row, case: &Case<'_, '_>) -> bool {
    row.has_port(case.oriented.responder.at.port) || (row.media.is_some() && row.port_on == PortOn::Host)
}

/// Whether only the initiator's port is the row's, which would fit if it were the responder's.
pub(super) fn is_on_the_wrong_side(row: &Row, case: &Case<'_, '_>) -> bool {
    let elsewhere = row.has_port(case.oriented.responder.at.port);
    let fitted = row.media.is_some() && case.payload.is_media();
    !elsewhere && !fitted && case.oriented.fits_reversed(row)
}

/// A client's own media port is every port: saying so of each flow would be noise; as would be that such a port of a
/// client lies in a server's range, or that a wide range would hold another protocol than the one seen.
fn is_noise(row: &Row, misfit: Misfit, case: &Case<'_, '_>) -> bool {
    let media = row.media.is_some();
    match misfit {
        Misfit::Unproven => media || case.payload.identified().is_some(),
        Misfit::Role => media && !row.has_port(case.oriented.responder.at.port),
        _ => false,
    }
}

pub(super) fn transport_text(other: Transport, told: Told<'_>) -> String {
    format!("right port, wrong transport: documented for {other}/{}", { told.oriented.responder.at.port })
}

/// What to say of a row that fits, and whose overlay is off.
pub(super) fn overlay_text(row: &Row, contradiction: Option<Contradiction>, told: Told<'_>) -> String {
    let but = contradiction.map(|contradiction| format!(", and {}", payload_text(contradiction, told)));
    format!("only in overlay {}, which is off{}", row.catalog, but.unwrap_or_default())
}

/// "the payload is ssh".
pub(super) fn payload_text(contradiction: Contradiction, told: Told<'_>) -> String {
    let protocol = told.protocol.map_or("unknown", |protocol| protocol.as_str());
    match contradiction {
        Contradiction::OtherProtocol => format!("the payload is {protocol}"),
        Contradiction::ClearText => format!("the payload is {protocol} in clear text"),
        Contradiction::OneWayTls => "the client showed no certificate".to_owned(),
    }
}

/// Why a row falls.
pub(super) fn misfit_text(misfit: Misfit, row: &Row, told: Told<'_>) -> String {
    let oriented = told.oriented;
    let protocol = || told.protocol.map_or("unknown", |protocol| protocol.as_str());
    match misfit {
        Misfit::Role => {
            // Unless media is proven, only the responder's own port counts.
            let asked = row.media.is_some() && row.has_port(oriented.responder.at.port);
            let host = if asked { &oriented.responder } else { oriented.role_end(row) };
            format!("documented for another role: {}, not for {}", row.roles_text(), role_words(&host.who))
        }
        Misfit::Peer if !row.peer.is_empty() => format!("documented only towards {}", row.peer.slugs().join(" or ")),
        Misfit::Peer => "documented only between servers".to_owned(),
        Misfit::Port => match row.initiator_port {
            Some(port) => format!("documented only from port {port}"),
            None => "documented for other ports".to_owned(),
        },
        Misfit::Side => {
            let own = oriented.initiator.at.port;
            format!("port only on the initiator's side: {own} is the port it opened the flow from")
        }
        Misfit::OtherEnd => {
            let host = if oriented.role_end(row).at == oriented.initiator.at {
                oriented.responder
            } else {
                oriented.initiator
            };
            let name = host.who.name.map_or_else(|| host.at.address.to_string(), str::to_owned);
            let port = host.at.port;
            format!("no row of {name}, declared {}, allows media on its port {port}", host.who.declared)
        }
        Misfit::Unproven if row.media.is_some() => "explains it only if the payload proves media".to_owned(),
        Misfit::Unproven => {
            let but = told
                .protocol
                .filter(|protocol| protocol.is_identified())
                .map(|protocol| format!(", and it is {}", protocol.as_str()));
            let (ports, application) = (row.ports_text(), &row.application);
            format!("{ports} explains it only if the payload proves {application}{}", but.unwrap_or_default())
        }
        Misfit::NotMedia => format!("in a media range but the payload is {}", protocol()),
        Misfit::VendorClass => {
            format!("documented only for {}", row.vendor_class.map_or("another vendor class", |class| class.words()))
        }
    }
}

fn role_words(who: &Who<'_>) -> String {
    if !who.declared.is_empty() {
        who.declared.to_string()
    } else if who.external {
        "an outside host".to_owned()
    } else if who.group {
        "a group address".to_owned()
    } else {
        "this host".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Protocol;
    use crate::verdict::testing::{POOL, Scene, nothing, spoken, tcp, tls, udp};

    #[test]
    fn an_overlay_that_the_payload_contradicts_is_no_explanation() {
        let scene = Scene::new(POOL, &[]);
        let flow = |evidence| tcp("10.0.0.11:50123", "10.0.0.18:389", evidence);
        let hint = |flow| {
            scene.with(&flow, |_, judged| judged.near_misses.first().map(|miss| (miss.missing, judged.why(miss))))
        };
        let off = "only in overlay windows-infrastructure, which is off";
        assert_eq!(hint(flow(nothing())), Some((Missing::Overlay, off.to_owned())));
        assert_eq!(hint(flow(spoken(Protocol::Ldap))), Some((Missing::Overlay, off.to_owned())));
        assert_eq!(
            hint(flow(spoken(Protocol::Ssh))),
            Some((Missing::Payload, format!("{off}, and the payload is ssh")))
        );
    }

    #[test]
    fn another_roles_row_says_whether_the_payload_would_keep_it() {
        let scene = Scene::new(POOL, &[]);
        let first = |evidence| scene.misses(&tcp("10.1.0.5:50123", "10.0.0.13:5071", evidence)).remove(0);
        let role = "S33: documented for another role: front-end, not for mediation";
        assert_eq!(first(nothing()), role);
        assert_eq!(first(tls(None)), role);
        assert_eq!(first(spoken(Protocol::Ssh)), format!("{role}; and the payload is ssh"));
        assert_eq!(first(spoken(Protocol::Sip)), format!("{role}; and the payload is sip in clear text"));
        let from_server =
            tcp("10.0.0.11:50123", "10.0.0.13:5071", tls(Some(crate::evidence::ClientCertificate::Empty)));
        assert_eq!(scene.misses(&from_server)[0], format!("{role}; and the client showed no certificate"));
    }

    #[test]
    fn a_port_in_a_range_on_both_sides_is_not_only_the_initiators() {
        let scene = Scene::new(POOL, &[]);
        let misses = scene.misses(&tcp("10.0.0.11:51000", "10.0.0.13:60000", nothing()));
        assert_eq!(
            misses,
            [
                "S10: documented for another role: front-end, not for mediation",
                "S28: documented for another role: front-end, not for mediation",
                "S39: port only on the initiator's side: 51000 is the port it opened the flow from"
            ]
        );
    }

    #[test]
    fn the_other_transport() {
        let scene = Scene::new(POOL, &[]);
        let misses = scene.misses(&udp("10.1.0.5:40000", "10.0.0.11:5061", spoken(Protocol::Sip)));
        assert_eq!(misses, ["S03: right port, wrong transport: documented for tcp/5061"]);
    }
}
