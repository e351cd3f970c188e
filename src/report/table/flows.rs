//! The list of flows for people.
//!
//! In: flows with their verdicts. Out: one line a flow; more columns where the terminal is wide.
//! Must not know: selection and order.

use super::{Column, Look, Narrow, Tone, sheet};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::report::flows::{GroupRecord, host};
use crate::report::text::{count, duration, wall};
use crate::verdict::{End, Judged, Verdict};

/// From this width on the list shows everything.
const WIDE: usize = 140;
/// So many lines share one set of column widths; a longer list begins a new heading.
const LINES: usize = 5_000;

const NARROW_COLUMNS: &[Column] =
    &[("flow", true), ("from", false), ("to", false), ("port", false), ("outcome", false), ("verdict", false)];
const WIDE_COLUMNS: &[Column] = &[
    ("flow", true),
    ("first seen", false),
    ("lasted", true),
    ("from", false),
    ("to", false),
    ("port", false),
    ("by", false),
    ("packets", true),
    ("bytes", true),
    ("outcome", false),
    ("verdict", false),
    ("rows", false),
    ("service", false),
];

/// Headings that leave room for what the flows are summed by, in the order of [`Verdict::ALL`].
const SHORT_VERDICTS: [&str; 4] = ["doc", "range", "contra", "undoc"];

/// Gathers lines of the list.
pub struct FlowTable {
    look: Look,
    rows: Vec<Vec<String>>,
}

impl FlowTable {
    /// An empty list.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self { look, rows: Vec::new() }
    }

    /// Adds the flow at `index`. Returns text once enough lines are gathered.
    pub fn add(&mut self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
        let row = if self.look.width >= WIDE { self.wide(index, flow, judged) } else { self.narrow(index, judged) };
        self.rows.push(row);
        (self.rows.len() >= LINES).then(|| self.take())
    }

    /// The rest.
    pub fn take(&mut self) -> String {
        let columns = if self.look.width >= WIDE { WIDE_COLUMNS } else { NARROW_COLUMNS };
        if self.rows.is_empty() {
            String::new()
        } else {
            sheet(self.look, Narrow::Cut, columns, std::mem::take(&mut self.rows))
        }
    }

    fn narrow(&self, index: usize, judged: &Judged<'_>) -> Vec<String> {
        let verdict = match judged.rows.first() {
            Some(row) => format!("{} {}{}", judged.verdict.as_str(), row.id, more(judged)),
            None => judged.verdict.as_str().to_owned(),
        };
        vec![
            (index + 1).to_string(),
            host(&judged.oriented.initiator),
            host(&judged.oriented.responder),
            format!("{}/{}", judged.oriented.transport, judged.oriented.responder.at.port),
            judged.outcome.as_str().to_owned(),
            self.look.paint(tone(judged.verdict), &verdict),
        ]
    }

    fn wide(&self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Vec<String> {
        let mut rows = judged.rows.iter().take(4).map(|row| &*row.id).collect::<Vec<_>>().join(" ");
        if judged.rows.len() > 4 {
            rows.push_str(&format!(" +{}", judged.rows.len() - 4));
        }
        let service = match (judged.rows.first(), judged.near_misses.first()) {
            (Some(row), _) => row.service.clone(),
            (None, Some(miss)) => self.look.paint(Tone::Faint, &format!("{}: {}", miss.row.id, miss.why)),
            (None, None) => String::new(),
        };
        let end = |end: &End<'_>| {
            if end.at.address.is_v6() && end.who.name.is_none() {
                format!("[{}]:{}", end.at.address, end.at.port)
            } else {
                format!("{}:{}", host(end), end.at.port)
            }
        };
        vec![
            (index + 1).to_string(),
            wall(flow.first_seen, self.look.clock),
            duration(flow.last_seen.since(flow.first_seen)),
            end(&judged.oriented.initiator),
            host(&judged.oriented.responder),
            format!("{}/{}", judged.oriented.transport, judged.oriented.responder.at.port),
            judged.basis.as_str().to_owned(),
            count(flow.packets()),
            count(flow.counters.forward.bytes + flow.counters.reverse.bytes),
            judged.outcome.as_str().to_owned(),
            self.look.paint(tone(judged.verdict), judged.verdict.as_str()),
            rows,
            service,
        ]
    }
}

fn more(judged: &Judged<'_>) -> String {
    match judged.rows.len() {
        0 | 1 => String::new(),
        n => format!(" +{}", n - 1),
    }
}

/// The colour of a verdict.
pub(super) const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Documented => Tone::Good,
        Verdict::RangeOnly => Tone::Faint,
        Verdict::Contradicted => Tone::Bad,
        Verdict::Undocumented => Tone::Warn,
    }
}

/// Flows summed by service, host or pair.
#[must_use]
pub fn groups(look: Look, groups: &[GroupRecord]) -> String {
    let verdict = |group: &GroupRecord, name: &str| {
        group.verdicts.get(name).map_or_else(String::new, |n| match n {
            0 => String::new(),
            n => n.to_string(),
        })
    };
    let rows = groups.iter().map(|group| {
        let mut row = vec![count(group.flows), count(group.packets), count(group.bytes)];
        row.extend(Verdict::ALL.iter().map(|of| look.paint(tone(*of), &verdict(group, of.as_str()))));
        row.push(group.key.clone());
        row
    });
    let by = groups.first().map_or("", |group| group.by);
    let verdicts = if look.width >= WIDE { Verdict::ALL.map(Verdict::as_str) } else { SHORT_VERDICTS };
    let mut columns = vec![("flows", true), ("packets", true), ("bytes", true)];
    columns.extend(verdicts.map(|verdict| (verdict, true)));
    columns.push((by, false));
    if groups.is_empty() { String::new() } else { sheet(look, Narrow::Cut, &columns, rows.collect()) }
}
