//! Rows of the catalogs for people.
//!
//! In: rows. Out: a list, or one row in full: the document's words beside what was derived.
//! Must not know: flows.

use std::fmt::Write as _;

use super::{Look, Narrow, Tone, sheet};
use crate::catalog::{Catalogs, PortOn, RoleOf, Row, Security};
use crate::net::Transport;
use crate::report::text::{harmless, plural};

/// A list of rows.
#[must_use]
pub fn catalog<'a>(look: Look, rows: impl Iterator<Item = &'a Row>) -> String {
    let columns = [("row", false), ("port", false), ("expects", false), ("role", false), ("service", false)];
    let line = |row: &Row| {
        if row.blank {
            let blank = look.paint(Tone::Faint, "(blank in the document)");
            return vec![row.id.clone(), String::new(), String::new(), String::new(), blank];
        }
        let wide = row.roles.len() > if look.width < 100 { 1 } else { 2 };
        let roles = if wide {
            format!("{} roles", row.roles.len())
        } else {
            row.roles.slugs().join(if row.all_roles { "+" } else { "," })
        };
        let expects = format!("{}{}", harmless(&row.application), row.security.map_or("", Security::short));
        let port = format!("{}/{}", row.transports_text().replace('/', "+"), row.ports_text());
        vec![row.id.clone(), port, expects, roles, harmless(&row.service)]
    };
    sheet(look, Narrow::Wrap, &columns, rows.map(line).collect())
}

/// One row in full.
#[must_use]
pub fn row(look: Look, catalogs: &Catalogs, row: &Row) -> String {
    let label = |label: &str| look.paint(Tone::Faint, &format!("{label:<12}"));
    let mut out = format!("{}{}\n", label("row"), look.paint(Tone::Heading, &row.id));
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            let text = look.wrap(&harmless(&text.replace('\n', " / ")), 12);
            let _ = writeln!(out, "{}{text}", label(name));
        }
    };
    let catalog = catalogs.catalogs().find(|(catalog, _)| catalog.name == row.catalog);
    if let Some((catalog, on)) = catalog {
        line("catalog", &format!("{}{}", catalog.name, if on { "" } else { " (off; turn it on with --overlay)" }));
        line("document", &document(catalog));
    }
    line("table", &row.table);
    if let Some(words) = &row.words {
        line("role", &words.role);
        line("service", words.service.as_deref().unwrap_or_default());
        line("port", &words.port);
        line("protocol", &words.protocol);
        line("note", words.note.as_deref().unwrap_or_default());
    }
    if !row.blank {
        line("means", &meaning(row));
        line("expects", &row.expected());
    }
    line("note", row.note.as_deref().unwrap_or_default());
    line("source", row.source.as_deref().unwrap_or_default());
    line("remark", row.remark.as_deref().unwrap_or_default());
    look.screen(out)
}

fn document(catalog: &crate::catalog::Catalog) -> String {
    let parts = [&catalog.title, &catalog.document, &catalog.date];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).map(|part| &**part).collect();
    parts.join(", ")
}

/// What was derived, as a sentence.
fn meaning(row: &Row) -> String {
    let at = format!("{} {}", row.transports_text(), row.ports_text());
    let roles = row.roles_text();
    let mut text = match (row.port_on, row.role_of) {
        (PortOn::Host, _) => format!("{at} on {roles} itself, whichever side opened the flow"),
        (_, RoleOf::Responder) => format!("{roles} listens on {at}"),
        (_, RoleOf::Initiator) => format!("{roles} connects out to {at}"),
        (_, RoleOf::Either) => format!("{at}, between {roles} and another server"),
        (_, RoleOf::Both) => format!("{at}, between two hosts, each {roles}"),
    };
    if !row.peer.is_empty() {
        let _ = write!(text, ", where the other end is {} or of no declared role", row.peer.slugs().join(" or "));
    }
    if let Some(port) = row.initiator_port {
        let _ = write!(text, ", from port {port}");
    }
    if let Some(class) = row.vendor_class {
        let _ = write!(text, ", of {}", class.words());
    }
    if row.needs_proof {
        text.push_str("; only where the payload proves it");
    } else if row.media.is_some() {
        text.push_str("; a range, which needs the payload to prove it");
    }
    text
}

/// Every row about a port, on or off.
#[must_use]
pub fn about_port(look: Look, catalogs: &Catalogs, transport: Option<Transport>, port: u16) -> String {
    let mut out = String::new();
    for transport in [Transport::Tcp, Transport::Udp].into_iter().filter(|t| transport.is_none_or(|only| only == *t)) {
        let found: Vec<_> = catalogs.at(transport, port).chain(catalogs.off_at(transport, port)).collect();
        let (fixed, ranges): (Vec<_>, Vec<_>) = found.into_iter().partition(|row| row.is_fixed());
        let headline = match fixed.len() {
            0 if ranges.is_empty() => "no row".to_owned(),
            0 => "no row of few ports".to_owned(),
            n => plural(n as u64, "row"),
        };
        let _ = writeln!(out, "{}\n", look.paint(Tone::Heading, &format!("{port}/{transport}: {headline}")));
        for found in fixed {
            out.push_str(&row(look, catalogs, found));
            out.push('\n');
        }
        for range in ranges {
            let line = harmless(&format!("inside {} {}: {}", range.id, range.service, meaning(range)));
            let _ = writeln!(out, "{}", look.wrap(&line, 2));
        }
        out.push('\n');
    }
    look.screen(out.trim_end().to_owned() + "\n")
}
