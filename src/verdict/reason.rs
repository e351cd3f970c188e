//! Why: the sentences that lead to a verdict.
//!
//! In: a judged flow. Out: sentences, each naming its row, port, role or frame.
//! Must not know: formats.

use super::candidate::RoleBasis;
use super::payload::payload_sentences;
use super::{Basis, Judge, Judged, Outcome, Verdict, icmp_text};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::topology::Listener;

/// The sentences that lead from a flow to its verdict: direction, rows, role, payload, outcome.
#[must_use]
pub fn reasons(judge: &Judge<'_>, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Vec<String> {
    let mut sentences = vec![row_text(judged), direction_text(judged)];
    sentences.extend(role_text(judge, judged));
    sentences.extend(payload_sentences(flow, judged));
    sentences.extend(outcome_text(flow, judged));
    sentences
}

fn row_text(judged: &Judged<'_>) -> String {
    let responder = judged.oriented.responder.at;
    let port = format!("port {}/{}", { responder.port }, judged.oriented.transport);
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
        _ if !row.has_port(responder.port) => {
            let initiator = judged.oriented.initiator.at;
            let transport = judged.oriented.transport;
            format!("the initiator's port {}/{transport} is {row_words}{others}", { initiator.port })
        }
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
        Basis::Listener if judged.announced => {
            format!("{to} is the responder: an endpoint-mapper or SQL Browser reply announced it")
        }
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
    // Where nothing proves media, only the responder's port counts.
    let end = if judged.verdict == Verdict::RangeOnly { &judged.oriented.responder } else { end };
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

fn outcome_text(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
    let to = judged.oriented.responder.at;
    match judged.outcome {
        Outcome::Refused => Some(format!("{to} refused it with RST")),
        Outcome::Unanswered => Some(format!("{to} did not answer, though that host answers elsewhere in this capture")),
        Outcome::Unreachable => flow.icmp.map(|icmp| format!("{to} was reported unreachable: {}", icmp_text(icmp))),
        _ => None,
    }
}
