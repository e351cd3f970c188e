//! The audit for people: what was read, what it can prove, findings, services, coverage.
//!
//! In: an [`Audit`]. Out: sections, the most important where the eye ends up or begins: findings before services.
//! Must not know: how anything was gathered.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::{Look, Narrow, Tone, sheet};
use crate::catalog::DOCUMENT;
use crate::report::audit::{Audit, CoverageRecord, Finding, Fitness, Percentiles, ServiceRecord, Severity};
use crate::report::text::{count, duration, harmless, plural};
use crate::verdict::Verdict;

/// From this width on services show their bytes.
const ROOMY: usize = 100;
/// From this width on services show their distributions.
const WIDE: usize = 140;

/// The whole audit.
#[must_use]
pub fn audit(look: Look, audit: &Audit, span: Option<(String, String)>) -> String {
    let mut out = String::new();
    heading(&mut out, look, audit, span);
    fitness(&mut out, look, audit);
    findings(&mut out, look, audit);
    services(&mut out, look, &audit.services);
    coverage(&mut out, look, &audit.coverage);
    super::media::media(&mut out, look, &audit.media);
    not_found(&mut out, look, audit);
    look.screen(out)
}

pub(super) fn section(out: &mut String, look: Look, title: &str, aside: &str) {
    let aside = if aside.is_empty() { String::new() } else { format!("  {}", look.paint(Tone::Faint, aside)) };
    let _ = writeln!(out, "\n{}{aside}", look.paint(Tone::Heading, &title.to_uppercase()));
}

/// One sentence, which may repeat what a wire, a topology or a catalog says.
pub(super) fn bullet(out: &mut String, look: Look, text: &str) {
    let _ = writeln!(out, "  - {}", look.wrap(&harmless(text), 4));
}

fn heading(out: &mut String, look: Look, audit: &Audit, span: Option<(String, String)>) {
    let summary = &audit.summary;
    let files: Vec<_> = summary.files.iter().map(|file| harmless(&file.name)).collect();
    let names = match &*files {
        [one] => one.clone(),
        _ => plural(files.len() as u64, "file"),
    };
    let _ = writeln!(out, "{}", look.paint(Tone::Heading, &names));
    if let Some((first, last)) = span {
        let _ = writeln!(out, "{first} to {last}, {}", duration((audit.fitness.span_s * 1e9) as i64));
    }
    let skipped: u64 = summary.skipped.values().sum();
    let copies = match summary.duplicates {
        0 => String::new(),
        n => format!("{}, ", plural(n, "duplicate")),
    };
    let _ = writeln!(
        out,
        "{}, {}, {copies}{} skipped, {}",
        plural(summary.frames, "frame"),
        plural(summary.packets, "packet"),
        skipped,
        plural(summary.flows, "flow")
    );
    if !summary.skipped.is_empty() {
        let skipped: Vec<_> = summary.skipped.iter().map(|(name, n)| format!("{name} {n}")).collect();
        let _ =
            writeln!(out, "{}", look.paint(Tone::Faint, &look.wrap(&format!("skipped: {}", skipped.join(", ")), 2)));
    }
    let verdicts: Vec<_> = Verdict::ALL
        .iter()
        .map(|verdict| {
            let n = summary.verdicts.get(verdict.as_str()).copied().unwrap_or_default();
            let verified = summary.proofs.get("verified").copied().unwrap_or_default();
            let proven =
                if *verdict == Verdict::Documented { format!(" ({verified} verified)") } else { String::new() };
            let text = format!("{} {n}{proven}", verdict.as_str());
            look.paint(if n == 0 { Tone::Faint } else { super::flows::tone(*verdict) }, &text)
        })
        .collect();
    let _ = writeln!(out, "{}", verdicts.join("  "));
}

fn fitness(out: &mut String, look: Look, audit: &Audit) {
    let fitness = &audit.fitness;
    section(out, look, "What this capture can prove", "");
    bullet(out, look, &facts(fitness));
    fitness.limits.iter().for_each(|limit| bullet(out, look, limit));
    let inferred: Vec<_> = fitness.hosts.iter().filter(|host| host.role_source == "inferred").collect();
    for host in inferred.iter().take(HOSTS) {
        let from = few(&host.inferred_from, ", ");
        let text =
            format!("{} looks like {} (inferred: it answered on {from})", host.address, few(&host.roles, " or "));
        bullet(out, look, &text);
    }
    if let Some(more) = inferred.len().checked_sub(HOSTS).filter(|&more| more > 0) {
        bullet(out, look, &format!("and {more} more hosts; --format json has them"));
    }
}

/// The first three, and how many more.
fn few<T: AsRef<str>>(items: &[T], between: &str) -> String {
    let shown: Vec<_> = items.iter().take(3).map(AsRef::as_ref).collect();
    match items.len().saturating_sub(3) {
        0 => shown.join(between),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The figures behind the limits.
fn facts(fitness: &Fitness) -> String {
    let share = |n: u64, of: u64| (n * 100).checked_div(of).map_or_else(String::new, |share| format!(" ({share}%)"));
    let links: Vec<_> = fitness.link_types.keys().map(|link| &**link).collect();
    format!(
        "SYN or SYN-ACK seen in {} of {} TCP flows{}; one direction only in {} of {} flows{}; {} cut by the snaplen; {}",
        fitness.tcp_with_handshake,
        fitness.tcp_flows,
        share(fitness.tcp_with_handshake, fitness.tcp_flows),
        fitness.one_way_flows,
        fitness.flows,
        share(fitness.one_way_flows, fitness.flows),
        plural(fitness.snaplen_cut_frames, "frame"),
        if links.is_empty() { "no frames".to_owned() } else { links.join(", ") }
    )
}

/// The table shows at most so many hosts whose roles are inferred.
const HOSTS: usize = 50;

/// The table shows at most so many findings; the machine formats have all.
const SHOWN: usize = 200;

fn findings(out: &mut String, look: Look, audit: &Audit) {
    let findings = distinct(&audit.findings);
    let mut by_severity: BTreeMap<Severity, u64> = BTreeMap::new();
    for finding in &findings {
        *by_severity.entry(finding.severity).or_default() += 1;
    }
    let counts: Vec<_> = by_severity.iter().map(|(severity, n)| format!("{n} {}", severity.as_str())).collect();
    let told = audit.findings.len() - findings.len();
    let aside = if told == 0 { String::new() } else { format!("; {told} more are told with their listener") };
    section(out, look, "Findings", &format!("{}{aside}", counts.join(", ")));
    if findings.is_empty() {
        bullet(out, look, "none");
    }
    findings.iter().take(SHOWN).for_each(|found| finding(out, look, found));
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        let hint =
            format!("and {} that weigh no more; --format json or csv has them all", plural(more as u64, "finding"));
        let _ = writeln!(out, "{}", look.wrap(&hint, 0));
    }
    if !audit.overlays.is_empty() {
        let names: Vec<_> = audit.overlays.iter().map(|name| format!("--overlay {name}")).collect();
        let hint = format!("overlays that are off explain a part of this: {}", names.join(" "));
        let _ = writeln!(out, "{}", look.wrap(&hint, 0));
    }
    if !audit.accepted.is_empty() {
        section(out, look, "Accepted", "by the topology's [[accept]] entries");
        audit.accepted.iter().take(SHOWN).for_each(|found| finding(out, look, found));
        if let Some(more) = audit.accepted.len().checked_sub(SHOWN).filter(|&more| more > 0) {
            let _ = writeln!(out, "and {}; --format json has them all", plural(more as u64, "finding"));
        }
    }
}

/// Findings without the undocumented flows that a listener's finding, no less severe, tells of: it names who uses it.
fn distinct(findings: &[Finding]) -> Vec<&Finding> {
    let place = |finding: &Finding| (finding.responder.clone(), finding.transport, finding.port);
    let of_listener = |finding: &&Finding| matches!(finding.kind, "unknown-listener" | "role-conflict");
    let mut listeners: HashMap<_, Severity> = HashMap::new();
    for finding in findings.iter().filter(of_listener) {
        let worst = listeners.entry(place(finding)).or_insert(finding.severity);
        *worst = finding.severity.min(*worst);
    }
    let told = |finding: &&Finding| {
        finding.kind == "undocumented-flow" && listeners.get(&place(finding)).is_some_and(|of| *of <= finding.severity)
    };
    findings.iter().filter(|finding| !told(finding)).collect()
}

pub(super) fn finding(out: &mut String, look: Look, finding: &Finding) {
    let tone = match finding.severity {
        Severity::High => Tone::Bad,
        Severity::Medium => Tone::Warn,
        Severity::Low | Severity::Info => Tone::Faint,
    };
    let port = finding.port.map_or_else(String::new, |port| format!("/{port}"));
    let _ = writeln!(
        out,
        "{}  {}  {} -> {}  {}{port}  {}",
        look.paint(tone, &format!("{:<6}", finding.severity.as_str())),
        look.paint(Tone::Heading, finding.kind),
        harmless(&finding.initiator),
        harmless(&finding.responder),
        finding.transport,
        plural(finding.count, "flow")
    );
    if let Some(accepted) = &finding.accepted {
        let _ = writeln!(out, "        accepted: {}", look.wrap(&harmless(accepted), 18));
    }
    let rows = if finding.rows.is_empty() { String::new() } else { format!("; rows {}", finding.rows.join(" ")) };
    let file = finding.file.as_ref().map(|file| format!(" of {}", harmless(file))).unwrap_or_default();
    let evidence = format!("first in packet {}{file}{rows}", finding.first_packet);
    let reason = harmless(&finding.reason);
    if finding.severity >= Severity::Low {
        let _ = writeln!(out, "        {}", look.paint(Tone::Faint, &look.wrap(&format!("{reason}; {evidence}"), 8)));
        return;
    }
    let _ = writeln!(out, "        {}", look.wrap(&reason, 8));
    let _ = writeln!(out, "        {}", look.paint(Tone::Faint, &look.wrap(&evidence, 8)));
    // It is there to be copied: broken only where it must be.
    let _ = writeln!(out, "        {}", look.paint(Tone::Faint, &look.wrap(&finding.filter, 8)));
}

fn services(out: &mut String, look: Look, services: &[ServiceRecord]) {
    section(out, look, "Services seen", &plural(services.len() as u64, "row"));
    if services.is_empty() {
        bullet(out, look, "none");
        return;
    }
    let (roomy, wide) = (look.width >= ROOMY, look.width >= WIDE);
    let mut columns =
        vec![("row", false), ("port", false), ("flows", true), ("proof", true), ("from", true), ("to", true)];
    columns.extend(roomy.then_some(("bytes", true)));
    columns.push(("rtt p50", true));
    if wide {
        columns.extend([
            ("rtt p99", true),
            ("lasted p50", true),
            ("p99", true),
            ("size p50", true),
            ("p99", true),
            ("also fits", false),
        ]);
    }
    columns.push(("service", false));
    let rows = services.iter().map(|service| {
        let mut row = vec![
            service.row.clone(),
            ports(service),
            service.flows.to_string(),
            proof(service),
            service.initiators.to_string(),
            service.responders.to_string(),
        ];
        row.extend(roomy.then(|| count(service.bytes)));
        row.push(time(service.handshake_rtt_s, |of| of.p50));
        if wide {
            row.extend([
                time(service.handshake_rtt_s, |of| of.p99),
                time(service.duration_s, |of| of.p50),
                time(service.duration_s, |of| of.p99),
                service.packet_size.map(|of| format!("{}", of.p50)).unwrap_or_default(),
                service.packet_size.map(|of| format!("{}", of.p99)).unwrap_or_default(),
                also(service),
            ]);
        }
        let but = match service.verdict {
            "range-only" => " (range only)",
            "contradicted" => " (contradicted)",
            _ => "",
        };
        row.push(format!("{}{but}", harmless(&service.service)));
        row
    });
    out.push_str(&sheet(look, Narrow::Wrap, &columns, rows.collect()));
}

fn ports(service: &ServiceRecord) -> String {
    let ports: Vec<_> = service.ports.iter().map(ToString::to_string).collect();
    let ports = if ports.is_empty() { "range".to_owned() } else { ports.join(",") };
    format!("{}/{ports}", service.transports.join("+"))
}

/// Of how many flows the payload is what the row expects.
fn proof(service: &ServiceRecord) -> String {
    match service.proofs.get("verified").copied().unwrap_or_default() {
        0 => "none".to_owned(),
        n if n == service.flows => "all".to_owned(),
        n => format!("{n}/{}", service.flows),
    }
}

fn also(service: &ServiceRecord) -> String {
    let shown: Vec<_> = service.also.iter().take(3).map(|row| &**row).collect();
    let more = service.also.len().saturating_sub(3);
    if more > 0 { format!("{} +{more}", shown.join(" ")) } else { shown.join(" ") }
}

fn time(distribution: Option<Percentiles>, of: fn(Percentiles) -> f64) -> String {
    distribution.map(|distribution| duration((of(distribution) * 1e9) as i64)).unwrap_or_default()
}

fn coverage(out: &mut String, look: Look, coverage: &[CoverageRecord]) {
    let mut roles: Vec<(&str, Vec<&CoverageRecord>)> = Vec::new();
    for record in coverage {
        match roles.iter_mut().find(|(role, _)| *role == record.role) {
            Some((_, records)) => records.push(record),
            None => roles.push((record.role, vec![record])),
        }
    }
    let aside = coverage.first().map_or("", |record| match record.role_source {
        "inferred" => "of the roles inferred",
        _ => "of the roles declared",
    });
    section(out, look, "Coverage", aside);
    if roles.is_empty() {
        bullet(out, look, "no role is declared or inferred: name hosts with --topology or --role");
    }
    for (role, records) in roles {
        role_coverage(out, look, role, &records);
    }
}

fn role_coverage(out: &mut String, look: Look, role: &str, records: &[&CoverageRecord]) {
    // Of an overlay, what was never seen is no news: it names what any server of the role may need.
    let (document, overlays): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.catalog == DOCUMENT);
    let answered = |records: &[&&CoverageRecord]| records.iter().filter(|record| record.accepted).count();
    let beside = match answered(&overlays) {
        0 => String::new(),
        n => format!(", and {} of overlays", plural(n as u64, "row")),
    };
    let role = look.paint(Tone::Heading, role);
    let _ = writeln!(out, "{role}  {} of {} documented services seen{beside}", answered(&document), document.len());
    let mut list = |label: &str, wanted: &dyn Fn(&CoverageRecord) -> bool| {
        let names: Vec<_> = (document.iter().filter(|record| wanted(record)))
            .map(|record| format!("{} {}/{}", record.row, record.transport, record.port))
            .collect();
        if !names.is_empty() {
            let _ = writeln!(out, "  {}", look.wrap(&format!("{label}: {}", names.join(", ")), 4));
        }
    };
    list("never seen", &|record| !record.seen);
    let unanswered = |record: &CoverageRecord| record.seen && !record.accepted;
    list("asked for in vain", &|record| unanswered(record) && record.in_vain);
    list("asked for, its answers not captured", &|record| unanswered(record) && !record.in_vain);
}

fn not_found(out: &mut String, look: Look, audit: &Audit) {
    section(out, look, "Looked for and not found", "");
    for line in &audit.not_found {
        bullet(out, look, &line.statement);
    }
}
