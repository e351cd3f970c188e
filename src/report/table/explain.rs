//! One flow explained, for people.
//!
//! In: an [`Explanation`]. Out: short paragraphs in the order in which the flow was judged.
//! Must not know: how a verdict is reached.

use std::fmt::Write as _;

use super::audit::{bullet, finding, section};
use super::{Look, Narrow, Tone, sheet};
use crate::report::audit::Finding;
use crate::report::explain::{ConsideredRecord, Explanation, SightingRecord};
use crate::report::media::{percent, time};
use crate::report::text::{count, duration, harmless, plural};
use crate::report::{CertificateRecord, FlowRecord, ObservedRecord, Side, StreamRecord};
use crate::verdict::Verdict;

/// The whole explanation; `span` is when the flow began and ended.
#[must_use]
pub fn explain(look: Look, explanation: &Explanation<'_>, span: &(String, String)) -> String {
    let mut out = String::new();
    heading(&mut out, look, &explanation.flow, span);
    direction(&mut out, look, explanation);
    payload(&mut out, look, explanation);
    rows(&mut out, look, explanation);
    verdict(&mut out, look, explanation);
    findings(&mut out, look, "Findings", &explanation.findings);
    if !explanation.accepted.is_empty() {
        findings(&mut out, look, "Accepted", &explanation.accepted);
    }
    look.screen(out)
}

fn heading(out: &mut String, look: Look, flow: &FlowRecord<'_>, (first, last): &(String, String)) {
    let title =
        format!("flow {}  {} -> {}  {}", flow.id, end(&flow.initiator), end(&flow.responder), service_port(flow));
    let _ = writeln!(out, "{}", look.paint(Tone::Heading, &title));
    let lasted = duration((flow.duration_s * 1e9) as i64);
    let _ = writeln!(out, "{first} to {last}, {lasted}");
    let packets = flow.packets.initiator + flow.packets.responder;
    let bytes = flow.bytes.initiator + flow.bytes.responder;
    let file = flow.file.map(|file| format!(" of {}", harmless(file))).unwrap_or_default();
    let size =
        format!("{}, {} bytes, from packet {}{file} on", plural(packets, "packet"), count(bytes), flow.first_packet);
    let _ = writeln!(out, "{}", look.wrap(&size, 0));
    let id = format!("Community ID {}", flow.community_id);
    let _ = writeln!(out, "{}", look.paint(Tone::Faint, &id));
}

/// "fe01 10.0.0.11:5061".
fn end(side: &Side<'_>) -> String {
    let at = if side.address.contains(':') {
        format!("[{}]:{}", side.address, side.port)
    } else {
        format!("{}:{}", side.address, side.port)
    };
    side.name.map_or_else(|| at.clone(), |name| format!("{} {at}", harmless(name)))
}

fn service_port(flow: &FlowRecord<'_>) -> String {
    format!("{}/{}", flow.transport, flow.responder.port)
}

fn direction(out: &mut String, look: Look, explanation: &Explanation<'_>) {
    let direction = &explanation.direction;
    section(out, look, "Who opened it, and who they are", direction.basis);
    bullet(out, look, &direction.why);
    let silent = match &*direction.silent {
        [] => "it is the strongest evidence there is; nothing weaker was asked".to_owned(),
        [one] => format!("{one}, the one stronger kind of evidence, did not decide"),
        several => format!("{} are stronger, and did not decide", several.join(", ")),
    };
    bullet(out, look, &silent);
    let flow = &explanation.flow;
    for (part, side) in [("initiator", &flow.initiator), ("responder", &flow.responder)] {
        let known = match side.role_source {
            Some("topology") => format!("declared {}", side.roles.join(", ")),
            Some(_) => format!("not declared; inferred to be {} from what it answered", side.roles.join(" or ")),
            None => "of no declared role".to_owned(),
        };
        bullet(out, look, &format!("{part} {}: {known}", end(side)));
    }
}

fn payload(out: &mut String, look: Look, explanation: &Explanation<'_>) {
    let (flow, payload) = (&explanation.flow, &explanation.payload);
    let aside = flow.observed.as_ref().map(ObservedRecord::name).unwrap_or_default();
    section(out, look, "What the payload proves", &harmless(&aside));
    for (part, seen, bytes) in [
        ("initiator", &payload.initiator, flow.payload_bytes.initiator),
        ("responder", &payload.responder, flow.payload_bytes.responder),
    ] {
        bullet(out, look, &format!("{part}: {}", sighting(seen.as_ref(), bytes, payload.captured)));
    }
    if let (Some(a), Some(b), Some(by)) = (&payload.initiator, &payload.responder, payload.decided_by)
        && a.protocol != b.protocol
    {
        bullet(out, look, &format!("the two ends differ: the {by}'s bytes decide"));
    }
    let facts = flow.observed.iter().flat_map(facts).chain(flow.media.iter().map(stream));
    facts.for_each(|fact| bullet(out, look, &fact));
}

fn sighting(seen: Option<&SightingRecord>, bytes: u64, captured: bool) -> String {
    match seen {
        Some(seen) => {
            let version = seen.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
            let says = match seen.spoken_by {
                "initiator" => ", what a client sends",
                "responder" => ", what a server sends",
                _ => "",
            };
            let packet = seen.packet.map(|packet| format!(", certain in packet {packet}")).unwrap_or_default();
            format!("{}{version}{says}{packet}", seen.protocol)
        }
        None if bytes == 0 => "sent no payload".to_owned(),
        None if !captured => format!("{} of payload on the wire, none of it captured", plural(bytes, "byte")),
        None => format!("{} of payload, in which nothing was recognised", plural(bytes, "byte")),
    }
}

/// What more is known than the protocol's name, one sentence each.
fn facts(observed: &ObservedRecord<'_>) -> Vec<String> {
    let mut facts = Vec::new();
    let parts = [
        observed.version.as_ref().filter(|_| observed.protocol == "tls").map(|version| format!("version {version}")),
        observed.offered_version.as_ref().map(|version| format!("offered up to {version}")),
        observed.cipher_suite.as_deref().map(str::to_owned),
        observed.alpn.as_ref().map(|alpn| format!("ALPN {}", cut(alpn))),
        observed.resumed.filter(|resumed| *resumed).map(|_| "resumed, so that no certificate is shown".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        facts.push(parts.join(", "));
    }
    facts.extend(observed.sni.as_ref().map(|sni| format!("the client asks for server {}", cut(sni))));
    facts.extend(observed.certificate.as_ref().map(certificate));
    let subject = observed.client_certificate_subject.as_ref().map(|subject| format!(": {}", cut(subject)));
    let subject = subject.unwrap_or_default();
    let shown = observed.client_certificate.map(|client| match client {
        "presented" => format!("the client shows a certificate, so TLS is mutual{subject}"),
        "empty" => "the client was asked for a certificate and shows none: one-way TLS".to_owned(),
        _ => "the server asks for no client certificate: one-way TLS".to_owned(),
    });
    facts.extend(shown);
    facts.extend(observed.alert.as_ref().map(|alert| format!("alert {alert}")));
    if !observed.announced_ports.is_empty() {
        let ports: Vec<_> = observed.announced_ports.iter().take(LISTED).map(ToString::to_string).collect();
        let more = more(observed.announced_ports.len());
        facts.push(format!("the responder announces tcp/{}{more}", ports.join(", tcp/")));
    }
    facts
}

fn certificate(certificate: &CertificateRecord<'_>) -> String {
    let names: Vec<_> = certificate.names.iter().take(LISTED).map(|name| cut(name)).collect();
    let names = if names.is_empty() { String::new() } else { format!(", for {}", names.join(", ")) };
    let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
    format!(
        "server certificate {}{names}{}, issued by {}, valid {} to {}",
        cut(certificate.subject),
        more(certificate.names.len()),
        cut(certificate.issuer),
        day(&certificate.not_before),
        day(&certificate.not_after)
    )
}

/// Of a long list so many are shown.
const LISTED: usize = 4;

fn more(all: usize) -> String {
    all.checked_sub(LISTED).filter(|more| *more > 0).map(|more| format!(" and {more} more")).unwrap_or_default()
}

/// A string from a wire at a length that people read.
fn cut(text: &str) -> String {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// "RTP from the initiator: x-msrta (114), audio, SSRC 0x2f1a0072: 500 packets in 10.0s, …".
fn stream(stream: &StreamRecord) -> String {
    let lost = stream.lost_ratio.map(|ratio| format!(", {} lost ({})", stream.lost, percent(ratio)));
    let jitter = stream.jitter_s.map(|jitter| format!(", jitter {}", time(jitter)));
    let marks: Vec<_> = stream.dscp.iter().map(ToString::to_string).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(", DSCP {}", marks.join(" ")) };
    let odd = |n: u64, what: &str| if n == 0 { String::new() } else { format!(", {n} {what}") };
    format!(
        "RTP from the {}: {}, {}, SSRC {}: {} in {}{}{}{}{}{marks}",
        stream.from,
        stream.codec_text(),
        stream.medium,
        stream.ssrc,
        plural(stream.packets, "packet"),
        time(stream.duration_s),
        lost.unwrap_or_default(),
        odd(stream.reordered, "out of order"),
        odd(stream.duplicates, "twice"),
        jitter.unwrap_or_default()
    )
}

fn rows(out: &mut String, look: Look, explanation: &Explanation<'_>) {
    let rows = &explanation.considered;
    let listed = rows.iter().filter(|row| row.listed).count() as u64;
    let explain = if listed == 1 { "explains" } else { "explain" };
    section(out, look, "Rows considered", &format!("{}, {listed} {explain} it", plural(rows.len() as u64, "row")));
    if rows.is_empty() {
        bullet(out, look, "no row of any catalog speaks of its port");
    } else {
        let columns = [("row", false), ("it", false), ("why", false)];
        out.push_str(&sheet(look, Narrow::Wrap, &columns, table(look, rows)));
    }
    let told = |id: &str| rows.iter().any(|row| row.row == id);
    for miss in explanation.flow.near_misses.iter().filter(|miss| !told(miss.row)) {
        bullet(out, look, &format!("near miss {}: {}", miss.row, miss.why));
    }
}

/// A line a row; those that fall for the same reason share one.
fn table(look: Look, rows: &[ConsideredRecord]) -> Vec<Vec<String>> {
    let mut lines: Vec<(Vec<&str>, &str, Tone, String)> = Vec::new();
    for row in rows {
        let (result, tone) = match (row.on, row.fits, row.listed) {
            (false, true, _) => ("is off", Tone::Warn),
            (false, false, _) => ("falls (off)", Tone::Faint),
            (true, false, _) => ("falls", Tone::Faint),
            (_, _, false) => ("fits, is passed over", Tone::Faint),
            (_, _, true) if row.proof == Some("contradicted") => ("fits, is contradicted", Tone::Bad),
            (_, _, true) if row.proof == Some("verified") => ("fits, is verified", Tone::Good),
            (_, _, true) => ("fits", Tone::Good),
        };
        let role = row.role_basis.map(|basis| format!("; role {basis}")).unwrap_or_default();
        let why = match &row.why {
            Some(why) if !row.fits => why.clone(),
            Some(why) => format!("{}; {why}", row.service),
            None => format!("{}; expects {}{role}", row.service, row.expected),
        };
        match lines.last_mut() {
            Some((ids, before, _, same)) if *before == result && *same == why => ids.push(&row.row),
            _ => lines.push((vec![&row.row], result, tone, why)),
        }
    }
    let line = |(ids, result, tone, why): (Vec<&str>, &str, Tone, String)| {
        vec![ids.join(" "), look.paint(tone, result), harmless(&why)]
    };
    lines.into_iter().map(line).collect()
}

fn verdict(out: &mut String, look: Look, explanation: &Explanation<'_>) {
    let flow = &explanation.flow;
    // A contradicted flow's proof is its verdict.
    let proof = flow.proof.filter(|proof| *proof != flow.verdict).map(|proof| format!(", {proof}")).unwrap_or_default();
    section(out, look, "Verdict", "");
    let of = Verdict::ALL.iter().find(|verdict| verdict.as_str() == flow.verdict);
    let verdict = look.paint(of.map_or(Tone::Heading, |of| super::flows::tone(*of)), flow.verdict);
    let service = flow.service.map(|service| format!(": {} {}", flow.rows.join(" "), harmless(service)));
    let _ = writeln!(out, "{}", look.wrap(&format!("{verdict}{proof}{}", service.unwrap_or_default()), 0));
    // Who opened it was told above.
    let reasons = flow.reasons.iter().filter(|reason| **reason != explanation.direction.why);
    reasons.for_each(|reason| bullet(out, look, reason));
    bullet(out, look, &format!("outcome: {}", flow.outcome));
}

fn findings(out: &mut String, look: Look, title: &str, findings: &[Finding]) {
    section(out, look, title, "of this flow");
    if findings.is_empty() {
        bullet(out, look, "none");
    }
    findings.iter().for_each(|found| finding(out, look, found));
}
