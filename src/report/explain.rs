//! One flow explained: each step that led to its verdict.
//!
//! In: a judged capture and one of its flows. Out: [`Explanation`]: direction, payload, every row considered, findings.
//! Must not know: formats, how a verdict is reached.

use serde::Serialize;

use super::FlowRecord;
use super::audit::{self, Finding, Policy};
use crate::evidence::{Evidence, Seen, Speaker};
use crate::flow::Flow;
use crate::net::Direction;
use crate::reading::Reading;
use crate::verdict::{Basis, Considered, Judge, Judged, direction_text};

/// The steps that led to one flow's verdict.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Explanation<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub flow: FlowRecord<'a>,
    pub direction: DirectionRecord,
    pub payload: PayloadRecord,
    pub considered: Vec<ConsideredRecord>,
    pub findings: Vec<Finding>,
    pub accepted: Vec<Finding>,
}

/// Who opened the flow, and how that is known.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct DirectionRecord {
    pub basis: &'static str,
    pub why: String,
    /// Stronger rungs of the ladder, which did not decide.
    pub silent: Vec<&'static str>,
}

/// What each end's bytes were recognised as.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct PayloadRecord {
    pub captured: bool,
    pub initiator: Option<SightingRecord>,
    pub responder: Option<SightingRecord>,
    /// The end whose bytes decided what the flow is.
    pub decided_by: Option<&'static str>,
}

/// What was recognised in the bytes of one end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct SightingRecord {
    pub protocol: &'static str,
    pub version: Option<String>,
    pub spoken_by: &'static str,
    pub packet: Option<u64>,
}

/// A row that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct ConsideredRecord {
    pub row: String,
    pub catalog: String,
    pub on: bool,
    pub service: String,
    pub expected: String,
    pub fits: bool,
    pub role_basis: Option<&'static str>,
    pub proof: Option<&'static str>,
    pub listed: bool,
    pub why: Option<String>,
}

/// The ladder of evidence for who opened a flow, strongest first.
const LADDER: [Basis; 8] = [
    Basis::Handshake,
    Basis::Protocol,
    Basis::Listener,
    Basis::Topology,
    Basis::FixedRow,
    Basis::FanIn,
    Basis::Ephemeral,
    Basis::FirstPacket,
];

impl<'a> Explanation<'a> {
    /// Explains the flow at `index`; what it leads to follows a policy.
    #[must_use]
    pub fn new(
        policy: &Policy,
        reading: &'a Reading,
        judge: &Judge<'_>,
        index: usize,
        flow: &'a Flow<Evidence>,
        judged: &'a Judged<'a>,
    ) -> Self {
        let (findings, accepted) = audit::findings_of(policy, reading, judge, index, flow, judged);
        Self {
            kind: "explanation",
            schema: "lyncap.explanation.v1",
            flow: audit::record(reading, judge, index, flow, judged),
            direction: DirectionRecord {
                basis: judged.basis.as_str(),
                why: direction_text(judged),
                silent: LADDER.iter().take_while(|rung| **rung < judged.basis).map(|rung| rung.as_str()).collect(),
            },
            payload: payload(flow, judged),
            considered: judge.considered(index, flow).into_iter().map(considered).collect(),
            findings,
            accepted,
        }
    }
}

fn payload(flow: &Flow<Evidence>, judged: &Judged<'_>) -> PayloadRecord {
    let of = |direction| {
        flow.state.seen(direction).map(|seen: &Seen| SightingRecord {
            protocol: seen.what.protocol.as_str(),
            version: seen.what.version.map(|version| version.to_string()),
            spoken_by: match seen.what.speaker {
                Speaker::Initiator => "initiator",
                Speaker::Responder => "responder",
                Speaker::Either => "either",
            },
            packet: seen.after.map(|after| flow.first_frame.number.saturating_add(u64::from(after))),
        })
    };
    let side = |direction: Direction| if direction == judged.initiator { "initiator" } else { "responder" };
    PayloadRecord {
        captured: flow.state.has_payload(),
        initiator: of(judged.initiator),
        responder: of(judged.initiator.opposite()),
        decided_by: flow.state.observed(judged.initiator).map(|observed| side(observed.from)),
    }
}

/// A row that could have explained the flow.
fn considered(row: Considered<'_>) -> ConsideredRecord {
    let (fit, why) = match row.fit {
        Ok(fit) => (Some(fit), row.but),
        Err(why) => (None, Some(why)),
    };
    ConsideredRecord {
        row: row.row.id.clone(),
        catalog: row.row.catalog.clone(),
        on: row.on,
        service: row.row.service.clone(),
        expected: row.row.expected(),
        fits: fit.is_some(),
        role_basis: fit.map(|(basis, _)| basis.as_str()),
        proof: fit.map(|(_, proof)| proof.as_str()),
        listed: row.listed,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Transport;
    use crate::report::table::{Look, explain};
    use crate::report::testing::{Spec, complaints, deployment, evidence, reading, stream, tls};
    use crate::report::text::Clock;

    /// The explanation of the one flow, as JSON and as text of 80 columns.
    fn explained(spec: Spec<'_>) -> (serde_json::Value, String) {
        let reading = reading(&[spec]);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let flow = &reading.flows[0];
        let judged = judge.judge(0, flow);
        let explanation = Explanation::new(&Policy::default(), &reading, &judge, 0, flow, &judged);
        assert_eq!(complaints("explanation", &explanation), [""; 0]);
        let look = Look { width: 80, colour: false, clock: Clock::Utc };
        let text = explain(look, &explanation, &("08:00:00".to_owned(), "08:00:10 UTC".to_owned()));
        (serde_json::to_value(&explanation).unwrap(), text)
    }

    fn check(text: &str, parts: &[&str]) {
        let word = |word: &str| word.chars().count() > 70;
        assert!(text.lines().all(|line| line.chars().count() <= 80 || line.split(' ').any(word)), "{text}");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(flat.contains(part), "lacks {part}:\n{text}");
        }
    }

    #[test]
    fn tls_is_explained_step_by_step() {
        let spec = (Transport::Tcp, "10.1.0.5:50123", "10.0.0.11:5061", true, evidence::tls(tls()));
        let (json, text) = explained(spec);
        check(
            &text,
            &[
                "flow 1 10.1.0.5:50123 -> 10.0.0.11:5061 tcp/5061",
                "it is the strongest evidence there is",
                "responder 10.0.0.11:5061: declared front-end",
                "initiator: tls, what a client sends, certain in packet 13",
                "version 1.2, offered up to 1.2, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                "the client asks for server fe01.contoso.local",
                "server certificate CN=fe01.contoso.local, for fe01.contoso.local, sip.contoso.local, issued by CN=Contoso CA",
                "valid 2025-01-01 to 2027-01-01",
                "so TLS is mutual: CN=pool01.contoso.local",
                "S03 fits",
                "VERDICT documented",
                "outcome: established",
                "FINDINGS of this flow - none",
            ],
        );
        assert_eq!(json["payload"]["responder"]["packet"], 14);
        assert_eq!(json["payload"]["decided_by"], "responder");
        assert_eq!(json["flow"]["observed"]["version"], "1.2");
        assert_eq!(json["direction"]["silent"], serde_json::json!([]));
        let first = &json["considered"][0];
        assert!(first["row"] == "S03" && first["listed"] == true && first["role_basis"] == "declared", "{first}");
    }

    #[test]
    fn media_is_explained_with_its_streams() {
        let streams = [stream(Direction::Forward, 114, 500, 3), stream(Direction::Reverse, 99, 500, 0)];
        let (json, text) =
            explained((Transport::Udp, "10.1.0.5:50020", "10.0.0.11:49500", true, evidence::media(&streams)));
        check(
            &text,
            &[
                "RTP from the initiator: x-msrta (114), audio, SSRC 0x2f1a0072: 500 packets in 10.0s, 3 lost (0.6%), \
                 1 out of order, jitter 1.5ms, DSCP 46",
                "RTP from the responder: payload type 99",
            ],
        );
        assert_eq!(json["flow"]["media"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_flow_that_no_row_explains_is_told_what_it_leads_to() {
        let (json, text) = explained((
            Transport::Tcp,
            "10.1.0.5:50123",
            "10.0.0.11:1434",
            true,
            evidence::announced(&[49_155, 49_156]),
        ));
        check(
            &text,
            &[
                "initiator: 6 bytes of payload, in which nothing was recognised",
                "responder: rpc, what a server sends",
                "the responder announces tcp/49155, tcp/49156",
                "right port, wrong transport: documented for udp/1434",
                "VERDICT undocumented",
                "medium undocumented-flow 10.1.0.5 -> 10.0.0.11 tcp/1434 1 flow",
            ],
        );
        assert!(json["findings"].as_array().is_some_and(|findings| findings.len() >= 2), "{json:#}");
    }

    #[test]
    fn nothing_from_a_wire_breaks_the_text() {
        let hostile = crate::evidence::Tls {
            server_name: Some("fe01\n\nVERDICT\u{1b}[2J".to_owned()),
            alpn: Some("h2\r\n".repeat(200)),
            ..tls()
        };
        let spec = (Transport::Tcp, "10.1.0.5:50123", "10.0.0.11:5061", true, evidence::tls(hostile));
        let (_, text) = explained(spec);
        check(&text, &["server fe01\\u{a}\\u{a}VERDICT\\u{1b}[2J"]);
        assert_eq!(text.lines().filter(|line| line.starts_with("VERDICT")).count(), 1, "{text}");
    }
}
