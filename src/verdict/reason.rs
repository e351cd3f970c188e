//! Why: near misses of what no row explains, and the sentences that lead to a verdict.
//!
//! In: a judged flow. Out: [`NearMiss`]es and sentences, each naming its row, port or role.
//! Must not know: formats.

use super::candidate::{Misfit, Oriented, RoleBasis};
use super::{Basis, Judge, Judged, Outcome, Verdict, icmp_text};
use crate::catalog::{Catalogs, Row};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Transport;
use crate::topology::{Listener, Who};

/// A row that almost fits.
#[derive(Clone, Debug)]
pub struct NearMiss<'a> {
    /// The row.
    pub row: &'a Row,
    /// What is missing.
    pub missing: Missing,
    /// The same in words.
    pub why: String,
}

/// What keeps a row from fitting; the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The host's role, the other end, or the other port.
    Place(Misfit),
    /// The transport.
    Transport,
    /// Nothing but that its overlay is off.
    Overlay,
    /// The port's side: it is the initiator's.
    Side,
}

/// Rows that almost fit, the most telling first.
pub(super) fn near_misses<'c>(oriented: &Oriented<'_>, catalogs: &'c Catalogs) -> Vec<NearMiss<'c>> {
    let (transport, port) = (oriented.transport, oriented.responder.at.port);
    let other = match transport {
        Transport::Tcp => Transport::Udp,
        Transport::Udp => Transport::Tcp,
    };
    let mut found = Vec::new();
    let misfits: Vec<_> =
        catalogs.at(transport, port).filter_map(|row| oriented.fit(row).err().map(|misfit| (row, misfit))).collect();
    // A range that only payload could prove says least of all.
    let (unproven, misplaced): (Vec<_>, Vec<_>) =
        misfits.into_iter().partition(|(_, misfit)| *misfit == Misfit::Unproven);
    let explain = |(row, misfit): (&'c Row, Misfit)| {
        Some(NearMiss { row, missing: Missing::Place(misfit), why: misfit_text(misfit, row, oriented)? })
    };
    found.extend(misplaced.into_iter().filter_map(explain));
    for row in catalogs.at(other, port).filter(|row| row.is_fixed()) {
        if (Oriented { transport: other, ..*oriented }).fit(row).is_ok() {
            let why = format!("right port, wrong transport: documented for {other}/{port}");
            found.push(NearMiss { row, missing: Missing::Transport, why });
        }
    }
    for row in catalogs.off_at(transport, port) {
        if oriented.fit(row).is_ok() {
            let why = format!("only in overlay {}, which is off", row.catalog);
            found.push(NearMiss { row, missing: Missing::Overlay, why });
        }
    }
    found.extend(unproven.into_iter().filter_map(explain));
    let own = oriented.initiator.at.port;
    for row in catalogs.at(transport, own) {
        if oriented.fits_reversed(row) {
            let why = format!("port only on the initiator's side: {own} is the port it opened the flow from");
            found.push(NearMiss { row, missing: Missing::Side, why });
        }
    }
    found
}

pub(super) fn misfit_text(misfit: Misfit, row: &Row, oriented: &Oriented<'_>) -> Option<String> {
    match misfit {
        Misfit::Role => {
            let host = oriented.role_end(row);
            Some(format!("documented for another role: {}, not for {}", row.roles_text(), role_words(&host.who)))
        }
        Misfit::Peer if !row.peer.is_empty() => {
            Some(format!("documented only towards {}", row.peer.slugs().join(" or ")))
        }
        Misfit::Peer => Some("documented only between servers".to_owned()),
        Misfit::Port => row.initiator_port.map(|port| format!("documented only from port {port}")),
        // A client's own media port is every port: saying so of each flow would be noise.
        Misfit::Unproven if row.media.is_some() => None,
        Misfit::Unproven => {
            Some(format!("{} explains it only if the payload proves {}", row.ports_text(), row.application))
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

/// The sentences that lead from a flow to its verdict: direction, rows, role, payload, outcome.
#[must_use]
pub fn reasons(judge: &Judge<'_>, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Vec<String> {
    let mut sentences = vec![row_text(judged), direction_text(judged)];
    sentences.extend(role_text(judge, judged));
    sentences.extend(payload_text(flow, judged));
    sentences.extend(outcome_text(flow, judged));
    sentences
}

fn row_text(judged: &Judged<'_>) -> String {
    let responder = judged.oriented.responder.at;
    let port = format!("port {}/{}", responder.port, judged.oriented.transport);
    let Some(row) = judged.rows.first() else {
        return format!("{port} on {} is in no row that fits", responder.address);
    };
    let row_words = format!("row {} of {} ({})", row.id, row.catalog, row.service);
    let others = match judged.rows.len() - 1 {
        0 => String::new(),
        1 => ", and one other row fits".to_owned(),
        more => format!(", and {more} other rows fit"),
    };
    match judged.verdict {
        Verdict::RangeOnly => format!("{port} is only in a media range: {row_words}, {}{others}", row.ports_text()),
        _ => format!("{port} is {row_words}{others}"),
    }
}

/// Why one end is taken to have opened the flow.
#[must_use]
pub fn direction_text(judged: &Judged<'_>) -> String {
    let (from, to) = (judged.oriented.initiator.at, judged.oriented.responder.at);
    match judged.basis {
        Basis::Handshake => format!("{from} opened it: a SYN or SYN-ACK was seen"),
        Basis::Protocol => format!("{from} opened it: its payload is a request, or the answer's a response"),
        Basis::Listener => format!("{to} is the responder: it accepted another connection in this capture"),
        Basis::Topology => format!("{to} is the responder: a declared role documents that port on this side only"),
        Basis::FixedRow => format!("{to} is the responder: only its port is in a row of few ports"),
        Basis::FanIn => format!("{to} is the responder: three or more hosts talk to it"),
        Basis::Ephemeral => format!("{to} is the responder: only the other port is ephemeral (49152-65535)"),
        Basis::FirstPacket => format!("{from} is assumed to have opened it: it sent the first packet seen"),
    }
}

/// How the role that the best row speaks of is known.
fn role_text(judge: &Judge<'_>, judged: &Judged<'_>) -> Option<String> {
    let row = judged.rows.first()?;
    let end = judged.oriented.role_end(row);
    let host = end.who.name.map_or_else(|| end.at.address.to_string(), str::to_owned);
    Some(match judged.role_basis? {
        RoleBasis::Declared => match end.who.network {
            Some(network) => format!("{host} is in network {network}, declared {}", end.who.declared),
            None => format!("{host} is declared {}", end.who.declared),
        },
        RoleBasis::Inferred => {
            let ports =
                judge.learned().inferred(end.at.address).map(|(_, ports)| ports_text(ports)).unwrap_or_default();
            format!("{host} is inferred to be {} from what it answered on {ports}", end.who.inferred)
        }
        RoleBasis::Unknown => format!("the role of {host} is not declared: rows of every role remain candidates"),
    })
}

/// "5061/tcp, 444/tcp".
fn ports_text(ports: &[Listener]) -> String {
    ports.iter().map(|(transport, port)| format!("{port}/{transport}")).collect::<Vec<_>>().join(", ")
}

fn payload_text(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
    judged.proof?;
    Some(if flow.state.has_payload() {
        "the payload was not examined: unverified".to_owned()
    } else {
        "no payload was captured: unverified".to_owned()
    })
}

fn outcome_text(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
    let to = judged.oriented.responder.at;
    match judged.outcome {
        Outcome::Refused => Some(format!("{to} refused it with RST")),
        Outcome::Unanswered => Some(format!("{to} did not answer, though that host answers elsewhere in this capture")),
        Outcome::Unreachable => flow.icmp.map(|icmp| format!("{to} was reported unreachable: {}", icmp_text(icmp))),
        _ => None,
    }
}
