//! Kinds of findings: what is wrong with one flow, how much it weighs, and the sentence that says so.
//!
//! In: one judged flow, the policy. Out: its [`Kind`]s with their [`Severity`] and reason; a line for each kind that
//! nothing is of.
//! Must not know: other flows, or how findings are grouped. A new kind is one row of [`KINDS`] and its arms below.

use std::borrow::Cow;
use std::collections::BTreeSet;

use arrayvec::ArrayVec;
use serde::Serialize;

use super::grouping::{Label, port_text};
use super::policy::Policy;
use super::{Finding, NotFound};
use crate::catalog::{Role, RoleOf, RoleSet};
use crate::evidence::{Evidence, Protocol, Version};
use crate::flow::Flow;
use crate::verdict::{
    Contradiction, Judge, Judged, Misfit, Missing, NearMiss, Outcome, Verdict, contradiction_text, icmp_text,
    observed_text,
};

/// How much a finding weighs; worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Severity {
    High,
    Medium,
    Low,
    Info,
}

impl Severity {
    /// As exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// What is wrong; in the order of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "told in `KINDS`")]
pub enum Kind {
    ContradictedPayload,
    CleartextWhereTls,
    OneWayTlsOnMtls,
    UndocumentedFlow,
    UnknownListener,
    BlockedDocumentedPort,
    ExternalPeer,
    Smb1,
    WeakTls,
    RangeOnly,
    RoleConflict,
}

/// Kind, exported name, severity, and what is said when none was found.
const KINDS: &[(Kind, &str, Severity, &str)] = &[
    (
        Kind::ContradictedPayload,
        "contradicted-payload",
        Severity::High,
        "no documented port was seen to carry anything but its own protocol",
    ),
    (
        Kind::CleartextWhereTls,
        "cleartext-where-tls",
        Severity::High,
        "no clear-text SIP or HTTP was seen where TLS is required",
    ),
    (
        Kind::OneWayTlsOnMtls,
        "one-way-tls-on-mtls",
        Severity::Medium,
        "no one-way TLS was seen between servers where mutual TLS is required",
    ),
    (Kind::UndocumentedFlow, "undocumented-flow", Severity::Medium, "no flow that no row explains was seen"),
    (
        Kind::UnknownListener,
        "unknown-listener",
        Severity::Medium,
        "no declared server accepted on a port that no row explains",
    ),
    (
        Kind::BlockedDocumentedPort,
        "blocked-documented-port",
        Severity::Medium,
        "no documented port was refused, unanswered or unreachable",
    ),
    (Kind::ExternalPeer, "external-peer", Severity::Medium, "no outside address talked to an internal server"),
    (Kind::Smb1, "smb1", Severity::Medium, "no connection was seen to speak SMB 1"),
    (Kind::WeakTls, "weak-tls", Severity::Info, "no TLS weaker than the policy allows was seen"),
    (Kind::RangeOnly, "range-only", Severity::Low, "no flow rests on a media range alone"),
    (Kind::RoleConflict, "role-conflict", Severity::Low, "no declared host answered on a port of another role"),
];

impl Kind {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        KINDS.get(self as usize).map_or("", |&(_, name, ..)| name)
    }

    pub(super) fn severity(self) -> Severity {
        KINDS.get(self as usize).map_or(Severity::Info, |&(.., severity, _)| severity)
    }
}

/// What is wrong with one flow; often nothing, sometimes several things.
pub(super) fn kinds(flow: &Flow<Evidence>, judged: &Judged<'_>, policy: &Policy) -> ArrayVec<(Kind, Severity), 5> {
    let mut kinds = ArrayVec::new();
    // What only a switched-off overlay explains is what every healthy pool shows.
    let explained = judged.near_misses.iter().any(|miss| miss.missing == Missing::Overlay);
    let plain = |kind: Kind| (kind, kind.severity());
    let softened = |kind: Kind| if explained { (kind, Severity::Low) } else { plain(kind) };
    match judged.verdict {
        Verdict::Undocumented => {
            kinds.push(softened(Kind::UndocumentedFlow));
            let responder = &judged.oriented.responder.who;
            // What a shipped overlay documents for this very host is no other role's.
            let conflict = !explained && !responder.declared.is_empty() && conflicting_rows(judged).next().is_some();
            if judged.accepted && conflict {
                kinds.push(softened(Kind::RoleConflict));
            } else if judged.accepted && responder.is_server() && !listens_for_others(judged) {
                kinds.push(softened(Kind::UnknownListener));
            }
        }
        Verdict::RangeOnly => kinds.push(plain(Kind::RangeOnly)),
        Verdict::Documented if judged.outcome.is_blocked() && names_the_port(judged) => {
            kinds.push(plain(Kind::BlockedDocumentedPort));
        }
        Verdict::Documented => {}
        Verdict::Contradicted => kinds.push(plain(match judged.contradiction {
            Some(Contradiction::ClearText) => Kind::CleartextWhereTls,
            Some(Contradiction::OneWayTls) => Kind::OneWayTlsOnMtls,
            Some(Contradiction::OtherProtocol) | None => Kind::ContradictedPayload,
        })),
    }
    if is_external(judged) {
        kinds.push(plain(Kind::ExternalPeer));
    }
    if is_smb1(flow, judged) {
        kinds.push(plain(Kind::Smb1));
    }
    if !weaknesses(flow, judged, policy).is_empty() {
        kinds.push((Kind::WeakTls, policy.severity()));
    }
    kinds
}

fn is_smb1(flow: &Flow<Evidence>, judged: &Judged<'_>) -> bool {
    let one = Version { major: 1, minor: 0 };
    let seen = flow.state.observed(judged.initiator);
    seen.is_some_and(|seen| seen.protocol == Protocol::Smb && seen.version == Some(one))
}

/// What of the flow's TLS is weak. The hello of MS-TURN only looks like TLS.
fn weaknesses(flow: &Flow<Evidence>, judged: &Judged<'_>, policy: &Policy) -> Vec<String> {
    let observed = flow.state.observed(judged.initiator).map(|observed| observed.protocol);
    let tls = flow.state.tls().filter(|_| observed == Some(Protocol::Tls));
    tls.map(|tls| policy.weaknesses(tls, flow.first_seen)).unwrap_or_default()
}

/// Whether the best row documents the very port that was asked. A media row may fit by the initiator's own port, and a
/// client's row holds practically every port: that ICE tries addresses in vain is how it works.
fn names_the_port(judged: &Judged<'_>) -> bool {
    let port = judged.oriented.responder.at.port;
    judged.rows.first().is_some_and(|row| row.has_port(port) && !(row.needs_proof && row.media.is_some()))
}

/// Roles that the outside may talk to.
const BORDER: RoleSet = RoleSet::one(Role::Edge).union(RoleSet::one(Role::ReverseProxy));

fn is_external(judged: &Judged<'_>) -> bool {
    let (a, b) = (&judged.oriented.initiator.who, &judged.oriented.responder.who);
    [(a, b), (b, a)]
        .iter()
        .any(|(outside, server)| outside.external && server.is_server() && !server.declared.meets(BORDER))
}

fn is_ephemeral(miss: &NearMiss<'_>) -> bool {
    miss.missing == Missing::Side && miss.row.media.is_some()
}

/// Rows that would explain the flow if the responder had another role.
fn conflicting_rows<'a>(judged: &Judged<'a>) -> impl Iterator<Item = &'a str> {
    let of_other_role = judged.near_misses.iter().filter(|miss| {
        miss.missing == Missing::Place(Misfit::Role) && miss.row.is_fixed() && miss.contradiction.is_none()
    });
    of_other_role.map(|miss| &*miss.row.id)
}

/// Whether a row documents that this very host listens there, but for somebody else than who asked.
fn listens_for_others(judged: &Judged<'_>) -> bool {
    let declared = judged.oriented.responder.who.declared;
    judged.near_misses.iter().any(|miss| {
        let NearMiss { row, missing, contradiction } = miss;
        *missing == Missing::Place(Misfit::Peer)
            && contradiction.is_none()
            && matches!(row.role_of, RoleOf::Responder | RoleOf::Either)
            && declared.meets(row.roles)
    })
}

/// Rows that a finding names: those that fit, or those that would for another role.
pub(super) fn rows<'a>(kind: Kind, judged: &Judged<'a>) -> impl Iterator<Item = &'a str> {
    let conflict = kind == Kind::RoleConflict;
    let fitting = judged.rows.iter().filter(move |_| !conflict).map(|row| &*row.id);
    conflicting_rows(judged).filter(move |_| conflict).chain(fitting)
}

/// One sentence.
pub(super) fn reason(kind: Kind, flow: &Flow<Evidence>, judged: &Judged<'_>) -> String {
    let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
    let port = port_text(to.at, judged.oriented.transport);
    let responder = Label::of(to).text();
    let service = judged.rows.first().map(|row| format!("{} ({})", row.id, row.service)).unwrap_or_default();
    // Of what no row explains, what it is.
    let observed = || observed_text(flow, judged).map(|text| format!("; {text}")).unwrap_or_default();
    match kind {
        Kind::ContradictedPayload | Kind::CleartextWhereTls | Kind::OneWayTlsOnMtls => {
            let but = contradiction_text(flow, judged).unwrap_or_default();
            format!("{port} is documented, {service}, but {but}")
        }
        // That the initiator's own port lies in a media range is true of most clients.
        Kind::UndocumentedFlow => match judged.near_misses.iter().find(|miss| !is_ephemeral(miss)) {
            Some(miss) => {
                // What falls by the payload tells it.
                let told = matches!(miss.missing, Missing::Payload | Missing::Place(Misfit::NotMedia));
                let observed = if told || miss.contradiction.is_some() { String::new() } else { observed() };
                format!("no row explains {port}; nearest is {}: {}{observed}", miss.row.id, judged.why(miss))
            }
            None => format!("no row explains {port}{}", observed()),
        },
        Kind::UnknownListener => {
            let off = judged.near_misses.iter().find(|miss| miss.missing == Missing::Overlay);
            let hint = off.map(|miss| format!("; {} {}", miss.row.id, judged.why(miss))).unwrap_or_default();
            let declared = to.who.declared;
            format!("{responder}, declared {declared}, accepted on {port}, which no row explains{hint}{}", observed())
        }
        Kind::RoleConflict => {
            let row = judged.near_misses.iter().find(|miss| conflicting_rows(judged).any(|id| id == miss.row.id));
            let other = row.map(|miss| format!("{} documents for {}", miss.row.id, miss.row.roles_text()));
            format!(
                "{responder}, declared {}, answered on {port}, which {}",
                to.who.declared,
                other.unwrap_or_default()
            )
        }
        Kind::BlockedDocumentedPort => format!("{port} is documented, {service}, and was asked in vain"),
        Kind::ExternalPeer => {
            let outside = if from.who.external { from } else { to };
            let inside = if from.who.external { to } else { from };
            format!(
                "{} is outside `internal` and talks with {}, declared {}",
                outside.at.address,
                Label::of(inside).text(),
                inside.who.declared
            )
        }
        Kind::Smb1 => format!("SMB 1 is spoken on {port}{}", observed()),
        Kind::WeakTls => format!("TLS on {port} that the policy calls weak"),
        Kind::RangeOnly => "only media ranges cover it, and no payload proves media".to_owned(),
    }
}

/// What is counted within a finding: how documented connections failed, what of TLS is weak.
pub(super) fn tally(kind: Kind, flow: &Flow<Evidence>, judged: &Judged<'_>, policy: &Policy) -> Vec<Cow<'static, str>> {
    match (kind, judged.outcome, flow.icmp) {
        (Kind::WeakTls, ..) => weaknesses(flow, judged, policy).into_iter().map(Cow::from).collect(),
        (Kind::BlockedDocumentedPort, Outcome::Refused, _) => vec!["refused (RST)".into()],
        (Kind::BlockedDocumentedPort, Outcome::Unreachable, Some(icmp)) => {
            vec![format!("unreachable, {}", icmp_text(icmp)).into()]
        }
        (Kind::BlockedDocumentedPort, ..) => vec!["not answered, though the host answers elsewhere".into()],
        _ => Vec::new(),
    }
}

/// What a run could see at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Some flow was read.
    pub(super) flows: bool,
    /// Some payload was captured.
    pub(super) payload: bool,
}

/// A line for each kind that was not found, and whether it could have been.
pub(super) fn not_found(findings: &[Finding], accepted: &[Finding], sight: Sight, judge: &Judge<'_>) -> Vec<NotFound> {
    let found: BTreeSet<&str> = findings.iter().chain(accepted).map(|finding| finding.kind).collect();
    let topology = judge.topology();
    let blind = |kind: Kind| match kind {
        _ if !sight.flows => Some("no flow was read"),
        Kind::ContradictedPayload | Kind::CleartextWhereTls | Kind::OneWayTlsOnMtls | Kind::Smb1 | Kind::WeakTls
            if !sight.payload =>
        {
            Some("no payload was captured")
        }
        Kind::OneWayTlsOnMtls if !topology.declares_two_servers() => Some("no two servers are declared"),
        Kind::ExternalPeer if topology.internal.is_empty() => Some("no `internal` in the topology"),
        Kind::UnknownListener | Kind::RoleConflict if !topology.declares_hosts() => Some("no host has a declared role"),
        _ => None,
    };
    let line = |&(kind, name, _, statement): &(Kind, &'static str, Severity, &'static str)| {
        let blind = blind(kind);
        let statement = blind.map_or_else(|| statement.to_owned(), |why| format!("{name} was not looked for: {why}"));
        NotFound { kind: name, looked_for: blind.is_none(), statement }
    };
    KINDS.iter().filter(|(_, name, ..)| !found.contains(name)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::findings::Findings;
    use super::*;
    use crate::evidence::{Certificate, ClientCertificate, Tls};
    use crate::flow::Marks;
    use crate::net::Timestamp;
    use crate::verdict::testing::{
        POOL, Scene, media, media_as, nothing, spoken, spoken_with, tcp, tls, tls_with, udp,
    };

    /// "severity kind port rows: reason" of every finding of these flows.
    fn found(scene: &Scene, policy: &Policy, flows: &[Flow<Evidence>]) -> Vec<String> {
        let (judge, reading) = (scene.judge(), crate::report::testing::reading(&[]));
        let mut findings = Findings::new(judge.topology(), policy);
        flows.iter().for_each(|flow| findings.count(&reading, 0, flow, &judge.judge(0, flow)));
        let line = |finding: &Finding| {
            let port = finding.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
            let rows = finding.rows.join(" ");
            format!("{} {} {port} {rows}: {}", finding.severity.as_str(), finding.kind, finding.reason)
        };
        findings.finish(&reading, &judge).0.iter().map(line).collect()
    }

    fn check(flow: Flow<Evidence>, expected: &[&str]) {
        assert_eq!(found(&Scene::new(POOL, &[]), &Policy::default(), &[flow]), expected);
    }

    #[test]
    fn what_the_payload_contradicts_is_a_finding_of_its_kind() {
        check(
            tcp("10.1.0.5:50123", "10.0.0.11:5071", spoken(Protocol::Ssh)),
            &[
                "high contradicted-payload 5071 S33: tcp/5071 is documented, S33 (Lync Server Response Group service), but \
               the payload is SSH (frame 15), the row expects sip over mutual tls",
            ],
        );
        check(
            tcp("10.1.0.5:50123", "10.0.0.11:5061", spoken(Protocol::Sip)),
            &[
                "high cleartext-where-tls 5061 S03: tcp/5061 is documented, S03 (Lync Server Front-End service), but the \
               payload is SIP in clear text (frame 15), the row expects sip over tls (mutual between servers)",
            ],
        );
        check(
            tcp("10.0.0.12:50123", "10.0.0.11:5062", tls(Some(ClientCertificate::NotRequested))),
            &[
                "medium one-way-tls-on-mtls 5062 S06: tcp/5062 is documented, S06 (Lync Server IM Conferencing service), \
               but the payload is TLS 1.2 (frame 15), and the server asked for no client certificate, the row expects \
               sip over mutual tls",
            ],
        );
        check(tcp("10.0.0.12:50123", "10.0.0.11:5062", tls(Some(ClientCertificate::Presented))), &[]);
    }

    #[test]
    fn what_no_row_explains_says_what_it_is() {
        check(
            tcp("10.1.0.5:50123", "10.0.0.11:49300", spoken(Protocol::Http)),
            &["medium undocumented-flow 49300 : no row explains tcp/49300; nearest is S28: in a media range but the \
               payload is http"],
        );
        check(
            tcp("10.1.0.5:50123", "10.0.0.11:22", spoken(Protocol::Ssh)),
            &["medium undocumented-flow 22 : no row explains tcp/22; the payload is SSH (frame 15)"],
        );
        // An overlay that the payload contradicts softens nothing.
        check(
            tcp("10.0.0.11:50123", "10.0.0.18:389", spoken(Protocol::Ssh)),
            &["medium undocumented-flow 389 : no row explains tcp/389; nearest is W04: only in overlay \
               windows-infrastructure, which is off, and the payload is ssh"],
        );
        check(
            tcp("10.0.0.11:50123", "10.0.0.18:389", nothing()),
            &["low undocumented-flow 389 : no row explains tcp/389; nearest is W04: only in overlay \
               windows-infrastructure, which is off"],
        );
        check(udp("10.1.0.5:50123", "10.0.0.11:50002", media(&[0])), &[]);
    }

    #[test]
    fn another_roles_row_is_no_conflict_where_the_payload_contradicts_it() {
        let scene = Scene::new(POOL, &["lync-2013-edge"]);
        let kinds = |evidence| -> Vec<String> {
            let flow = udp("10.1.0.5:50123", "10.0.0.11:3478", evidence);
            let lines = found(&scene, &Policy::default(), &[flow]);
            lines.iter().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
        };
        assert_eq!(kinds(nothing()), ["undocumented-flow", "role-conflict"]);
        assert_eq!(kinds(media_as(Protocol::MsTurn, &[], true)), ["undocumented-flow", "role-conflict"]);
        assert_eq!(kinds(spoken(Protocol::Dns)), ["undocumented-flow", "unknown-listener"]);
    }

    #[test]
    fn who_listens_for_others_is_no_unknown_listener() {
        let topology = "host=[{name='c',addresses=['10.0.0.9'],roles=['central-management']},
            {name='d',addresses=['10.0.0.10'],roles=['director']}]\nnetwork=[{name='n',addresses=['10.1.0.0/16'],roles=['client']}]";
        let scene = Scene::new(topology, &[]);
        let kinds = |responder, protocol| -> Vec<String> {
            let mut flow = tcp("10.1.0.5:50123", responder, spoken(protocol));
            (flow.handshake.marks.forward, flow.handshake.marks.reverse) = (Marks::SYN, Marks::SYN_ACK);
            let lines = found(&scene, &Policy::default(), &[flow]);
            lines.iter().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
        };
        assert_eq!(kinds("10.0.0.9:445", Protocol::Smb), ["undocumented-flow"]);
        // What is not SMB, and who has no part in it, is not what the row speaks of.
        assert_eq!(kinds("10.0.0.9:445", Protocol::Ssh), ["undocumented-flow", "unknown-listener"]);
        assert_eq!(kinds("10.0.0.10:445", Protocol::Smb), ["undocumented-flow", "unknown-listener"]);
    }

    #[test]
    fn smb_1_is_a_finding_wherever_it_is_spoken() {
        let smb = |minor, major| spoken_with(Protocol::Smb, Some(Version { major, minor }), None);
        let cms = Scene::new("host=[{name='c',addresses=['10.0.0.9'],roles=['central-management']}]", &[]);
        let flow = |evidence| tcp("10.0.0.8:50123", "10.0.0.9:445", evidence);
        assert_eq!(
            found(&cms, &Policy::default(), &[flow(smb(0, 1))]),
            ["medium smb1 445 S37: SMB 1 is spoken on tcp/445; the payload is SMB 1.0 (frame 15)"]
        );
        assert!(found(&cms, &Policy::default(), &[flow(smb(0, 3)), flow(spoken(Protocol::Smb))]).is_empty());
    }

    #[test]
    fn weak_tls_is_told_with_how_often_and_as_the_policy_weighs_it() {
        let flow = |client: &str, version| {
            tcp(client, "10.0.0.11:443", tls_with(Tls { version: Some(version), ..Tls::default() }))
        };
        let flows = [
            flow("10.1.0.5:50001", 0x0301),
            flow("10.1.0.6:50002", 0x0301),
            flow("10.1.0.7:50003", 0x0302),
            flow("10.1.0.8:50004", 0x0303),
        ];
        let scene = Scene::new(POOL, &[]);
        let weak = "weak-tls 443 S12 S19: TLS on tcp/443 that the policy calls weak: 2 TLS 1.0, 1 TLS 1.1";
        assert_eq!(found(&scene, &Policy::default(), &flows), [format!("info {weak}")]);
        let strict = Policy::parse("p", "severity = 'high'").unwrap();
        assert_eq!(found(&scene, &strict, &flows), [format!("high {weak}")]);
        let lenient = Policy::parse("p", "minimum_tls = '1.0'").unwrap();
        assert!(found(&scene, &lenient, &flows).is_empty());
        // Undocumented flows too.
        let elsewhere =
            tcp("10.1.0.5:50001", "10.0.0.11:9999", tls_with(Tls { version: Some(0x0300), ..Tls::default() }));
        assert!(found(&scene, &Policy::default(), &[elsewhere]).iter().any(|line| line.contains("1 SSL 3.0")));
        // The hello of MS-TURN offers only an anonymous suite, and is no TLS.
        let turn = tcp("10.1.0.5:50001", "10.0.0.17:443", media_as(Protocol::MsTurn, &[], true));
        assert!(found(&scene, &Policy::default(), &[turn]).is_empty());
    }

    #[test]
    fn certificates_without_number_do_not_fill_a_reason() {
        let flow = |n: u8| {
            let certificate = Certificate {
                subject: format!("CN={n}"),
                issuer: String::new(),
                alternative_names: Vec::new(),
                not_before: Timestamp(0),
                not_after: Timestamp(1),
            };
            tcp(
                "10.1.0.5:50001",
                "10.0.0.11:443",
                tls_with(Tls { server: Some(Arc::new(certificate)), ..Tls::default() }),
            )
        };
        let flows: Vec<_> = (0..40).map(flow).collect();
        let lines = found(&Scene::new(POOL, &[]), &Policy::default(), &flows);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("1 server certificate CN=0 expired on 1970-01-01") && lines[0].ends_with("32 others"),
            "{}",
            lines[0]
        );
    }

    #[test]
    fn what_could_not_be_looked_for_is_told() {
        let told = |topology: &str, sight: Sight| {
            let scene = Scene::new(topology, &[]);
            let lines = not_found(&[], &[], sight, &scene.judge());
            lines.into_iter().map(|line| line.statement).collect::<Vec<_>>()
        };
        let all = Sight { flows: true, payload: true };
        assert!(told(POOL, all).contains(&"no clear-text SIP or HTTP was seen where TLS is required".to_owned()));
        assert!(told(POOL, all).contains(&"no connection was seen to speak SMB 1".to_owned()));
        assert!(
            told("", all).contains(&"one-way-tls-on-mtls was not looked for: no two servers are declared".to_owned())
        );
        let blind = told(POOL, Sight { payload: false, ..all });
        assert_eq!(
            blind.iter().filter(|line| line.ends_with("was not looked for: no payload was captured")).count(),
            5
        );
        let nothing = told(POOL, Sight { flows: false, payload: false });
        assert!(nothing.iter().all(|line| line.ends_with("no flow was read")), "{nothing:?}");
    }

    #[test]
    fn kinds_stand_in_the_order_of_the_variants() {
        for (i, &(kind, name, ..)) in KINDS.iter().enumerate() {
            assert_eq!((kind as usize, kind.as_str()), (i, name));
        }
    }
}
