//! The firewall matrix for people.
//!
//! In: rules. Out: one line a rule. Must not know: how they were derived.

use super::{Look, Narrow, Tone, sheet};
use crate::report::rules::Rule;
use crate::report::text::harmless;

/// From this width on the matrix tells the service, and how many flows were seen.
const WIDE: usize = 100;

/// The matrix.
#[must_use]
pub fn rules(look: Look, rules: &[Rule]) -> String {
    let with_state = rules.iter().any(|rule| rule.state.is_some());
    let mut columns = vec![("from", false), ("to", false), ("port", false), ("rows", false)];
    if with_state {
        columns.push(("state", false));
        columns.extend((look.width >= WIDE).then_some(("flows", true)));
    }
    columns.extend((look.width >= WIDE).then_some(("service", false)));
    let rows = rules.iter().map(|rule| {
        let port = format!("{}/{}", rule.transport, rule.port);
        let mut row = vec![harmless(&rule.from), harmless(&rule.to), port, rule.rows.join(" ")];
        if with_state {
            let state = rule.state.unwrap_or_default();
            let tone = match state {
                "seen" => Tone::Good,
                "blocked" => Tone::Bad,
                "unexpected" | "range only" => Tone::Warn,
                _ => Tone::Faint,
            };
            row.push(look.paint(tone, state));
            let flows = rule.flows.map(|flows| flows.to_string()).unwrap_or_default();
            row.extend((look.width >= WIDE).then_some(flows));
        }
        row.extend((look.width >= WIDE).then(|| harmless(&rule.service)));
        row
    });
    sheet(look, Narrow::Wrap, &columns, rows.collect())
}
