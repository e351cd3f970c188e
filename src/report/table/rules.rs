//! The firewall matrix for people.
//!
//! In: rules. Out: one line a rule. Must not know: how they were derived.

use super::{Look, Narrow, Tone, sheet};
use crate::report::rules::Rule;
use crate::report::text::harmless;

/// The matrix.
#[must_use]
pub fn rules(look: Look, rules: &[Rule]) -> String {
    let with_state = rules.iter().any(|rule| rule.state.is_some());
    let mut columns = vec![("from", false), ("to", false), ("port", false), ("rows", false)];
    if with_state {
        columns.extend([("state", false), ("flows", true)]);
    }
    columns.push(("service", false));
    let rows = rules.iter().map(|rule| {
        let port = format!("{}/{}", rule.transport, rule.port);
        let mut row = vec![harmless(&rule.from), harmless(&rule.to), port, rule.rows.join(" ")];
        if with_state {
            let state = rule.state.unwrap_or_default();
            let tone = match state {
                "seen" => Tone::Good,
                "blocked" => Tone::Bad,
                _ => Tone::Faint,
            };
            row.extend([look.paint(tone, state), rule.flows.map(|flows| flows.to_string()).unwrap_or_default()]);
        }
        row.push(rule.service.clone());
        row
    });
    sheet(look, Narrow::Wrap, &columns, rows.collect())
}
