//! Every row that could have explained a flow, and what became of it.
//!
//! In: a [`Case`] and the rows its verdict lists. Out: [`Considered`] rows, those listed first.
//! Must not know: formats.

use super::candidate::{Case, Fit, Misfit, RoleBasis};
use super::near::{
    is_on_the_wrong_side, misfit_text, other, overlay_text, payload_text, ports, stands, transport_text,
};
use super::{Contradiction, Proof};
use crate::catalog::Row;

/// One row about a flow's ports.
#[derive(Clone, Debug)]
pub struct Considered<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its catalog is on.
    pub on: bool,
    /// It is one of the rows that the verdict lists.
    pub listed: bool,
    /// How well its role is known and what the payload says, or why it does not fit.
    pub fit: Result<(RoleBasis, Proof), String>,
    /// How the payload contradicts a row that fits.
    pub contradiction: Option<Contradiction>,
    /// Why a row that fits is not listed, or contradicted; none for one that explains the flow.
    pub but: Option<String>,
}

/// Rows on the responder's port, of media also on the initiator's, and on the same port of the other transport; of the
/// catalogs that are on and off. Those listed first, then what fits otherwise, best first, then what fell.
pub(super) fn considered<'c>(case: &Case<'c, '_>, listed: &[&Row]) -> Vec<Considered<'c>> {
    let (transport, ports) = (case.oriented.transport, ports(case));
    let on = case.catalogs.at_either(transport, ports).map(|row| (row, true));
    let off = case.catalogs.off_at_either(transport, ports).map(|row| (row, false));
    let speaks = |&(row, _): &(&Row, bool)| stands(row, case) || is_on_the_wrong_side(row, case);
    let (mut fitting, mut fallen) = ([Vec::new(), Vec::new(), Vec::new()], Vec::new());
    for (row, on) in on.chain(off).filter(speaks) {
        let place = if listed.iter().any(|other| other.id == row.id) { 0 } else { usize::from(!on) + 1 };
        match (case.fit(row), fitting.get_mut(place)) {
            (Ok(fit), Some(of_place)) => of_place.push((fit, row)),
            (Ok(_), None) => {}
            (Err(_), _) if is_on_the_wrong_side(row, case) => {
                fallen.push(fell(row, on, misfit_text(Misfit::Side, row, case.told())))
            }
            (Err(misfit), _) => fallen.push(fell(row, on, misfit_text(misfit, row, case.told()))),
        }
    }
    let mut considered = Vec::new();
    for (place, mut of_place) in fitting.into_iter().enumerate() {
        case.rank(&mut of_place);
        considered.extend(of_place.into_iter().map(|(fit, row)| fits(row, fit, place, case)));
    }
    considered.append(&mut fallen);
    let (transport, port) = (other(transport), case.oriented.responder.at.port);
    let on = case.catalogs.at(transport, port).map(|row| (row, true));
    let elsewhere = on.chain(case.catalogs.off_at(transport, port).map(|row| (row, false)));
    // Of a row for both transports the flow's own was told.
    let elsewhere = elsewhere.filter(|(row, _)| row.is_fixed() && !row.transports.contains(&case.oriented.transport));
    considered.extend(elsewhere.map(|(row, on)| fell(row, on, transport_text(transport, case.told()))));
    considered
}

fn fits<'c>(row: &'c Row, Fit { basis, said }: Fit, place: usize, case: &Case<'_, '_>) -> Considered<'c> {
    let but = match (place, said.contradiction) {
        (0, None) => None,
        (2, contradiction) => Some(overlay_text(row, contradiction, case.told())),
        (_, Some(contradiction)) => {
            Some(format!("{}, the row expects {}", payload_text(contradiction, case.told()), row.expected()))
        }
        (_, None) => Some("rows of few ports that fit stand before it".to_owned()),
    };
    let (on, listed) = (place < 2, place == 0);
    Considered { row, on, listed, fit: Ok((basis, said.proof)), contradiction: said.contradiction, but }
}

const fn fell(row: &Row, on: bool, why: String) -> Considered<'_> {
    Considered { row, on, listed: false, fit: Err(why), contradiction: None, but: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Protocol;
    use crate::verdict::testing::{POOL, Scene, media, media_as, nothing, spoken, tcp, tls, udp};

    fn tell(considered: &Considered<'_>) -> String {
        let listed = if considered.listed { "*" } else { "" };
        let on = if considered.on { "" } else { "off " };
        let told = match &considered.fit {
            Ok((basis, proof)) => {
                let but = considered.but.as_ref().map(|but| format!(": {but}"));
                format!("{} {}{}", basis.as_str(), proof.as_str(), but.unwrap_or_default())
            }
            Err(why) => why.clone(),
        };
        format!("{listed}{on}{}: {told}", considered.row.id)
    }

    #[test]
    fn every_row_about_a_port_is_told() {
        let scene = Scene::new(POOL, &[]);
        let about = |flow| scene.considered(&flow, tell);
        assert_eq!(
            about(tcp("10.1.0.5:50123", "10.0.0.11:5071", spoken(Protocol::Ssh))),
            [
                "*S33: declared contradicted: the payload is ssh, the row expects sip over mutual tls",
                "S28: port only on the initiator's side: 50123 is the port it opened the flow from",
                "S39: port only on the initiator's side: 50123 is the port it opened the flow from",
                "H12: documented for another role: front-end-load-balancer, not for front-end",
                "C08: explains it only if the payload proves media",
                "C09: explains it only if the payload proves media",
                "C10: explains it only if the payload proves media",
                "C11: explains it only if the payload proves media",
                "off Q04: 1024-49151 explains it only if the payload proves tds, and it is ssh",
                "off E14: explains it only if the payload proves media",
            ]
        );
        assert_eq!(about(tcp("10.1.0.5:50123", "10.0.0.11:5062", tls(None)))[0], "*S06: declared verified");
        let ldap = about(tcp("10.0.0.11:50123", "10.0.0.18:389", nothing()));
        assert_eq!(ldap[0], "off W04: declared unverified: only in overlay windows-infrastructure, which is off");
        assert!(
            ldap.contains(
                &"S39: port only on the initiator's side: 50123 is the port it opened the flow from".to_owned()
            )
        );
        let sip = about(udp("10.1.0.5:40000", "10.0.0.11:5061", nothing()));
        assert!(sip.contains(&"S03: right port, wrong transport: documented for tcp/5061".to_owned()), "{sip:?}");
    }

    #[test]
    fn what_stands_behind_is_told_why() {
        let nobody = Scene::new("", &[]);
        let turn =
            nobody.considered(&tcp("10.1.0.5:50123", "10.0.0.9:443", media_as(Protocol::MsTurn, &[], true)), tell);
        assert_eq!(turn[0], "*C04: unknown verified");
        assert_eq!(turn[1], "S12: unknown contradicted: the payload is ms-turn, the row expects http over tls");
        let hidden = Scene::new(POOL, &[]);
        let hidden = hidden.considered(&tcp("10.1.0.5:50123", "10.0.0.11:5071", media(&[0])), tell);
        assert_eq!(hidden[0], "*S33: declared contradicted: the payload is rtp, the row expects sip over mutual tls");
        assert!(hidden.iter().any(|line| line.starts_with("C08: no row of fe01")), "{hidden:?}");
    }
}
