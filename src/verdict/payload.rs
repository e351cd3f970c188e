//! What the payload says of a verdict, in sentences.
//!
//! In: a judged flow. Out: what was observed, in which frame, and what the row expects; then TLS and media facts.
//! Must not know: formats. Nothing that stood on the wire is repeated here, only names of this program's own tables.

use super::candidate::is_medium;
use super::expectation::{Ends, Payload, is_one_way};
use super::{Contradiction, Judged, Proof, Verdict};
use crate::catalog::{Media as OfRow, Row};
use crate::evidence::{
    ClientCertificate, Evidence, Media, Medium, Observed, Protocol, Speaker, Tls, alert_name, tls_version_text,
};
use crate::flow::Flow;
use crate::net::Transport;

/// Protocols that are not written as their exported name in capitals.
const NAMES: &[(Protocol, &str)] = &[
    (Protocol::WinRm, "WinRM"),
    (Protocol::MsTurn, "MS-TURN"),
    (Protocol::SqlBrowser, "SQL Browser"),
    (Protocol::Kerberos, "Kerberos"),
    (Protocol::Text, "text"),
    (Protocol::UnknownBinary, "unknown binary"),
];

/// What a version is called that nobody defined.
const UNKNOWN: &str = "unknown";

/// Every sentence about the payload; for an undocumented flow only what it is.
pub(super) fn payload_sentences(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Vec<String> {
    let payload = Payload::of(&flow.state, judged.initiator);
    let mut sentences = Vec::new();
    sentences.extend(verdict_sentence(flow, &payload, judged));
    sentences.extend(payload.tls.into_iter().flat_map(|tls| tls_sentences(tls, judged)));
    let row = judged.rows.first().copied();
    // Which medium it passes for matters to rows of media alone.
    let told = |media: &&Media| media.payload_types != 0 || row.is_none_or(|row| row.media.is_some());
    sentences.extend(payload.media.filter(told).map(|media| media_sentence(media, judged.oriented.transport, row)));
    sentences
}

/// "the payload is SSH (frame 15)"; none where nothing was recognised.
#[must_use]
pub fn observed_text(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
    observed_words(flow, &Payload::of(&flow.state, judged.initiator), "")
}

/// "the payload is SSH (frame 15), the row expects sip over mutual tls"; none of a flow that is not contradicted.
#[must_use]
pub fn contradiction_text(flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
    let payload = Payload::of(&flow.state, judged.initiator);
    let (row, contradiction) = (judged.rows.first()?, judged.contradiction?);
    let observed = match contradiction {
        Contradiction::OtherProtocol => observed_words(flow, &payload, "")?,
        Contradiction::ClearText => observed_words(flow, &payload, " in clear text")?,
        Contradiction::OneWayTls => {
            format!("{}, and {}", observed_words(flow, &payload, "")?, certificate_words(payload.tls)?)
        }
    };
    Some(format!("{observed}, the row expects {}", row.expected()))
}

fn observed_words(flow: &Flow<Evidence>, payload: &Payload<'_>, how: &str) -> Option<String> {
    let observed = payload.observed?;
    let seen = flow.state.seen(observed.from).and_then(|seen| seen.after);
    let number = seen.map(|after| flow.first_frame.number.saturating_add(u64::from(after)));
    let frame = number.map(|number| format!(" (frame {number})")).unwrap_or_default();
    Some(format!("the payload is {}{how}{frame}", protocol_words(&observed, payload.tls)))
}

/// "TLS 1.2", "HTTP 1.1", "SSH".
fn protocol_words(observed: &Observed<'_>, tls: Option<&Tls>) -> String {
    let name = NAMES.iter().find(|(protocol, _)| *protocol == observed.protocol).map(|&(_, name)| name.to_owned());
    let name = name.unwrap_or_else(|| observed.protocol.as_str().to_uppercase());
    if let Some(version) = tls.and_then(|tls| tls.version) {
        return tls_words(version);
    }
    observed.version.map_or_else(|| name.clone(), |version| format!("{name} {version}"))
}

/// "TLS 1.2", "SSL 3.0".
#[must_use]
pub fn tls_words(version: u16) -> String {
    match tls_version_text(version) {
        UNKNOWN => format!("TLS of unknown version {version:#06x}"),
        text if text.starts_with(|c: char| c.is_ascii_digit()) => format!("TLS {text}"),
        text => text.to_uppercase(),
    }
}

fn verdict_sentence(flow: &Flow<Evidence>, payload: &Payload<'_>, judged: &Judged<'_>) -> Option<String> {
    if judged.verdict == Verdict::Contradicted {
        return contradiction_text(flow, judged);
    }
    let Some(observed) = observed_words(flow, payload, "") else {
        let unseen = match flow.state.has_payload() {
            true => "the payload was not seen far enough to tell what it is: unverified",
            false => "no payload was captured: unverified",
        };
        return judged.proof.map(|_| unseen.to_owned());
    };
    let row = judged.rows.first();
    Some(match (row, judged.proof) {
        (Some(row), Some(Proof::Verified)) => match judged.proofs.first() {
            Some(Proof::Verified) => format!("{observed}, as the row expects"),
            _ => {
                let proven = judged.rows.iter().zip(&judged.proofs).find(|(_, proof)| **proof == Proof::Verified);
                format!("{observed}, as row {} expects", proven.map_or(&*row.id, |(row, _)| &row.id))
            }
        },
        (Some(row), _) => format!("{observed}, {}: unverified", why_unverified(row, payload, judged)),
        (None, _) => observed,
    })
}

fn why_unverified(row: &Row, payload: &Payload<'_>, judged: &Judged<'_>) -> String {
    let (initiator, responder) = (&judged.oriented.initiator, &judged.oriented.responder);
    let ends = Ends { initiator: &initiator.who, responder: &responder.who };
    match payload.identified() {
        None => "which identifies nothing".to_owned(),
        Some(Protocol::Tls) if ends.are_servers() && payload.both && is_one_way(payload.tls) => {
            "and the handshake was broken off before it could be mutual".to_owned()
        }
        Some(_) if ends.guess_an_edge(row) => format!("and {} is not declared to be an edge", responder.at.address),
        Some(Protocol::Tls) if payload.both && is_one_way(payload.tls) => {
            format!("the row expects {}, which is asked only of two declared servers", row.expected())
        }
        Some(Protocol::Dhcp) => "and no message shows its vendor class".to_owned(),
        Some(_) => format!("which neither proves nor disproves {}", row.application),
    }
}

/// "the client showed no certificate (empty list)".
fn certificate_words(tls: Option<&Tls>) -> Option<&'static str> {
    Some(match tls?.client_certificate? {
        ClientCertificate::Presented => "both ends showed a certificate",
        ClientCertificate::Empty => "the client showed no certificate (empty list)",
        ClientCertificate::NotRequested => "the server asked for no client certificate",
    })
}

fn tls_sentences(tls: &Tls, judged: &Judged<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    // A contradiction by the certificate has told it.
    if judged.contradiction != Some(Contradiction::OneWayTls) {
        sentences.extend(certificate_words(Some(tls)).map(str::to_owned));
    }
    if tls.resumed {
        sentences.push("the TLS session was resumed: certificates are not shown again".to_owned());
    }
    if let Some(alert) = tls.alert {
        let who = match alert.from {
            Speaker::Initiator => "the TLS client",
            Speaker::Responder => "the TLS server",
            Speaker::Either => "one end",
        };
        let fatal = if alert.fatal { "broke off with" } else { "sent" };
        sentences.push(format!("{who} {fatal} alert {} ({})", alert.description, alert_name(alert.description)));
    }
    sentences
}

/// "payload type 111 is audio"; where the row speaks of another medium, that too.
fn media_sentence(media: &Media, transport: Transport, row: Option<&Row>) -> String {
    let medium = media.medium(transport == Transport::Tcp);
    let words = match medium {
        Medium::Audio => "audio",
        Medium::Video => "video",
        Medium::Data => "application sharing or file transfer",
    };
    let types: Vec<String> =
        (0..128).filter(|n| media.payload_types & (1 << n) != 0).map(|n: u32| n.to_string()).collect();
    let told = match &*types {
        [] => format!("no payload type was seen, which passes for {words}"),
        [only] => format!("payload type {only} is {words}"),
        several => format!("payload types {} are {words}", several.join(", ")),
    };
    let other = row.and_then(|row| row.media).filter(|&of_row| !is_medium(of_row, medium));
    let other = other.map(|of_row| format!(", though the row speaks of {}", row_medium(of_row)));
    format!("{told}{}", other.unwrap_or_default())
}

const fn row_medium(media: OfRow) -> &'static str {
    match media {
        OfRow::Audio => "audio",
        OfRow::Video => "video",
        OfRow::ApplicationSharing => "application sharing",
        OfRow::FileTransfer => "file transfer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Alert, Version};
    use crate::net::Both;
    use crate::verdict::testing::{
        POOL, Scene, broken_off, dhcp, differing, media_as, nothing, spoken, spoken_with, tcp, tls, tls_with, udp,
    };

    /// The sentences about the payload, which follow those about row, direction and role.
    fn check(flow: &Flow<Evidence>, expected: &[&str]) {
        let told = Scene::new(POOL, &[]).with(flow, |_, judged| payload_sentences(flow, judged));
        assert_eq!(told, expected);
    }

    #[test]
    fn what_verifies_names_the_frame() {
        check(
            &tcp("10.0.0.12:50123", "10.0.0.11:5062", tls(Some(ClientCertificate::Presented))),
            &["the payload is TLS 1.2 (frame 15), as the row expects", "both ends showed a certificate"],
        );
        let version = Some(Version { major: 1, minor: 1 });
        check(
            &tcp("10.0.0.12:50123", "10.0.0.11:80", spoken_with(Protocol::Http, version, None)),
            &["the payload is HTTP 1.1 (frame 15), as the row expects"],
        );
        // Where the ends differ, the frame is the responder's.
        let mut ends = Both { forward: None, reverse: None };
        for (end, after) in [(&mut ends.forward, Some(1)), (&mut ends.reverse, None)] {
            let what = crate::evidence::Sighting::of(Protocol::Smb, Speaker::Either);
            *end = Some(crate::evidence::Seen { what, after });
        }
        let unnumbered = Evidence::proven(ends, None);
        let smb = "host=[{name='cms',addresses=['10.0.0.20'],roles=['central-management']}]";
        let flow = tcp("10.0.0.12:50123", "10.0.0.20:445", unnumbered);
        let told = Scene::new(smb, &[]).with(&flow, |_, judged| payload_sentences(&flow, judged));
        assert_eq!(told, ["the payload is SMB, as the row expects"]);
    }

    #[test]
    fn what_contradicts_says_what_was_expected() {
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:5071", spoken(Protocol::Ssh)),
            &["the payload is SSH (frame 15), the row expects sip over mutual tls"],
        );
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:5061", spoken(Protocol::Sip)),
            &["the payload is SIP in clear text (frame 15), the row expects sip over tls (mutual between servers)"],
        );
        check(
            &tcp("10.0.0.12:50123", "10.0.0.11:5062", tls(Some(ClientCertificate::Empty))),
            &[
                "the payload is TLS 1.2 (frame 15), and the client showed no certificate (empty list), the row expects sip over mutual tls",
            ],
        );
    }

    #[test]
    fn the_medium_is_told_of_rows_of_media() {
        let scene = Scene::new(POOL, &[]);
        let told = |to, types: &[u8]| {
            let flow = udp("10.1.0.5:50123", to, media_as(Protocol::Stun, types, true));
            let sentences = scene.with(&flow, |_, judged| payload_sentences(&flow, judged));
            sentences.into_iter().filter(|sentence| sentence.contains("payload type")).collect::<Vec<_>>()
        };
        assert_eq!(told("10.0.0.17:3478", &[]), [""; 0]);
        assert_eq!(told("10.0.0.17:3478", &[8]), ["payload type 8 is audio"]);
        assert_eq!(told("10.0.0.11:50002", &[]), ["no payload type was seen, which passes for audio"]);
    }

    #[test]
    fn what_stays_open_says_why() {
        check(&tcp("10.1.0.5:50123", "10.0.0.11:5071", nothing()), &["no payload was captured: unverified"]);
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:5071", Evidence::dropped()),
            &["the payload was not seen far enough to tell what it is: unverified"],
        );
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:5071", spoken(Protocol::UnknownBinary)),
            &["the payload is unknown binary (frame 15), which identifies nothing: unverified"],
        );
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:5071", tls(Some(ClientCertificate::NotRequested))),
            &[
                "the payload is TLS 1.2 (frame 15), the row expects sip over mutual tls, which is asked only of two declared servers: unverified",
                "the server asked for no client certificate",
            ],
        );
        check(
            &tcp("10.0.0.12:50123", "10.0.0.11:5071", broken_off(ClientCertificate::Empty)),
            &[
                "the payload is TLS 1.2 (frame 15), and the handshake was broken off before it could be mutual: unverified",
                "the client showed no certificate (empty list)",
                "the TLS server broke off with alert 40 (handshake_failure)",
            ],
        );
        check(
            &udp("10.2.0.5:68", "10.0.0.18:67", dhcp(None)),
            &["the payload is DHCP (frame 15), and no message shows its vendor class: unverified"],
        );
        check(
            &tcp("10.1.0.5:50123", "10.1.0.6:6891", spoken(Protocol::Http)),
            &["the payload is HTTP (frame 15), which neither proves nor disproves file-transfer: unverified"],
        );
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:50002", differing(Protocol::Ssh, Protocol::Text)),
            &["the payload is text (frame 15), which identifies nothing: unverified"],
        );
    }

    #[test]
    fn another_row_than_the_best_may_be_the_proven_one() {
        let nobody = Scene::new("", &[]);
        let https = tcp("10.1.0.5:50123", "10.0.0.9:443", tls(None));
        let told = nobody.with(&https, |_, judged| payload_sentences(&https, judged));
        assert_eq!(told, ["the payload is TLS 1.2 (frame 15), as the row expects"]);
        // The declared client's row comes first, and only the other is proven.
        let desk = Scene::new("network=[{name='d',addresses=['10.1.0.0/16'],roles=['client']}]", &[]);
        let told = desk.with(&https, |_, judged| payload_sentences(&https, judged));
        assert_eq!(told, ["the payload is TLS 1.2 (frame 15), as row S12 expects"]);
    }

    #[test]
    fn versions_have_names() {
        let names = [0x0002, 0x0300, 0x0301, 0x0304, 0x0909].map(tls_words);
        assert_eq!(names, ["SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.3", "TLS of unknown version 0x0909"]);
    }

    #[test]
    fn of_what_no_row_explains_the_payload_is_told_all_the_same() {
        let alert = Some(Alert { from: Speaker::Either, fatal: false, description: 48 });
        let evidence = tls_with(Tls { version: Some(0x0300), resumed: true, alert, ..Tls::default() });
        check(
            &tcp("10.1.0.5:50123", "10.0.0.11:9999", evidence),
            &[
                "the payload is SSL 3.0 (frame 15)",
                "the TLS session was resumed: certificates are not shown again",
                "one end sent alert 48 (unknown_ca)",
            ],
        );
        check(&tcp("10.1.0.5:50123", "10.0.0.11:9999", nothing()), &[]);
    }
}
