//! The list of flows for people.
//!
//! In: flows with their verdicts. Out: one line a flow; more columns where the terminal is wide.
//! Must not know: selection and order.

use super::{Column, Look, Narrow, Tone, sheet};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::report::ObservedRecord;
use crate::report::flows::{GroupRecord, host};
use crate::report::media::{quality, streams};
use crate::report::text::{count, duration, harmless, wall};
use crate::verdict::{End, Judged, Proof, Verdict};

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
    ("payload", false),
    ("verdict", false),
    ("proof", false),
    ("rows", false),
    ("service", false),
];

/// Headings that leave room for what the flows are summed by, in the order of [`Verdict::ALL`].
const SHORT_VERDICTS: [&str; 4] = ["doc", "range", "contra", "undoc"];

/// Gathers lines of the list.
pub struct FlowTable {
    look: Look,
    rows: Vec<Vec<String>>,
    /// On a narrow terminal, what stands below the line of a flow whose payload proves media.
    quality: Vec<Option<String>>,
}

impl FlowTable {
    /// An empty list.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self { look, rows: Vec::new(), quality: Vec::new() }
    }

    /// Adds the flow at `index`. Returns text once enough lines are gathered.
    pub fn add(&mut self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<String> {
        let quality = quality(&streams(&flow.state, judged.initiator));
        if self.look.width >= WIDE {
            self.rows.push(self.wide(index, flow, judged, quality));
        } else {
            self.rows.push(self.narrow(index, judged));
            self.quality.push(quality);
        }
        (self.rows.len() >= LINES).then(|| self.take())
    }

    /// The rest.
    pub fn take(&mut self) -> String {
        let columns = if self.look.width >= WIDE { WIDE_COLUMNS } else { NARROW_COLUMNS };
        if self.rows.is_empty() {
            return String::new();
        }
        let quality = std::mem::take(&mut self.quality);
        let lines = sheet(self.look, Narrow::Cut, columns, std::mem::take(&mut self.rows));
        if quality.iter().all(Option::is_none) {
            return lines;
        }
        // The heading, then one line a flow.
        let below = std::iter::once(None).chain(quality);
        let with = lines.lines().zip(below).map(|(line, below)| match below {
            Some(quality) => format!("{line}\n      {}\n", self.look.paint(Tone::Faint, &quality)),
            None => format!("{line}\n"),
        });
        with.collect()
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
            format!("{}/{}", judged.oriented.transport, { judged.oriented.responder.at.port }),
            judged.outcome.as_str().to_owned(),
            self.look.paint(tone(judged.verdict), &verdict),
        ]
    }

    fn wide(&self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'_>, quality: Option<String>) -> Vec<String> {
        let mut rows = judged.rows.iter().take(4).map(|row| &*row.id).collect::<Vec<_>>().join(" ");
        if judged.rows.len() > 4 {
            rows.push_str(&format!(" +{}", judged.rows.len() - 4));
        }
        let service = match (judged.rows.first(), judged.near_misses.first()) {
            (Some(row), _) => harmless(&row.service),
            (None, Some(miss)) => {
                self.look.paint(Tone::Faint, &harmless(&format!("{}: {}", miss.row.id, judged.why(miss))))
            }
            (None, None) => String::new(),
        };
        // How well media goes says more than the name of its row.
        let service = match quality {
            Some(quality) if service.is_empty() => quality,
            Some(quality) => format!("{quality}; {service}"),
            None => service,
        };
        let end = |end: &End<'_>| {
            if end.at.address.is_v6() && end.who.name.is_none() {
                format!("[{}]:{}", end.at.address, { end.at.port })
            } else {
                format!("{}:{}", host(end), { end.at.port })
            }
        };
        let observed = ObservedRecord::of(&flow.state, judged.initiator);
        let payload = observed.map(|observed| harmless(&observed.name())).unwrap_or_default();
        let payload = match judged.proof {
            Some(Proof::Verified) => self.look.paint(Tone::Good, &payload),
            Some(Proof::Contradicted) => self.look.paint(Tone::Bad, &payload),
            _ => payload,
        };
        vec![
            (index + 1).to_string(),
            wall(flow.first_seen, self.look.clock),
            duration(flow.last_seen.since(flow.first_seen)),
            end(&judged.oriented.initiator),
            host(&judged.oriented.responder),
            format!("{}/{}", judged.oriented.transport, { judged.oriented.responder.at.port }),
            judged.basis.as_str().to_owned(),
            count(flow.packets()),
            count(flow.bytes()),
            judged.outcome.as_str().to_owned(),
            payload,
            self.look.paint(tone(judged.verdict), judged.verdict.as_str()),
            judged.proof.map_or("", Proof::as_str).to_owned(),
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

/// The table shows at most so many groups.
const GROUPS: usize = 1000;

/// Flows summed by service, host or pair.
#[must_use]
pub fn groups(look: Look, groups: &[GroupRecord]) -> String {
    let verdict = |group: &GroupRecord, of: Verdict| match group.verdicts.of(of) {
        0 => String::new(),
        n => n.to_string(),
    };
    let rows = groups.iter().take(GROUPS).map(|group| {
        let mut row = vec![count(group.flows), count(group.packets), count(group.bytes)];
        row.extend(Verdict::ALL.iter().map(|of| look.paint(tone(*of), &verdict(group, *of))));
        row.push(harmless(&group.key));
        row
    });
    let by = groups.first().map_or("", |group| group.by);
    let verdicts = if look.width >= WIDE { Verdict::ALL.map(Verdict::as_str) } else { SHORT_VERDICTS };
    let mut columns = vec![("flows", true), ("packets", true), ("bytes", true)];
    columns.extend(verdicts.map(|verdict| (verdict, true)));
    columns.push((by, false));
    if groups.is_empty() {
        return String::new();
    }
    let mut text = sheet(look, Narrow::Cut, &columns, rows.collect());
    if let Some(more) = groups.len().checked_sub(GROUPS).filter(|&more| more > 0) {
        let hint = format!("and {more} more; --format json or csv has them all");
        text.push_str(&look.wrap(&hint, 0));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Direction, Transport};
    use crate::report::testing::{deployment, evidence, reading, stream, tls};
    use crate::report::text::Clock;
    use crate::verdict::Judge;

    fn list(width: usize) -> String {
        let audio = [stream(Direction::Forward, 114, 500, 3), stream(Direction::Reverse, 114, 500, 0)];
        let reading = reading(&[
            (Transport::Tcp, "10.1.0.5:50123", "10.0.0.11:5061", true, evidence::tls(tls())),
            (Transport::Udp, "10.1.0.5:50020", "10.0.0.11:49500", true, evidence::media(&audio)),
        ]);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let mut table = FlowTable::new(Look { width, colour: false, clock: Clock::Utc });
        for (index, flow) in reading.flows.iter().enumerate() {
            assert_eq!(table.add(index, flow, &judge.judge(index, flow)), None);
        }
        table.take()
    }

    #[test]
    fn quality_stands_below_a_narrow_line_and_in_a_wide_one() {
        let narrow = list(80);
        let lines: Vec<_> = narrow.lines().collect();
        assert_eq!(lines.len(), 4, "{narrow}");
        assert_eq!(lines[3], "      audio 0.6% lost, 1.5ms jitter");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{narrow}");
        let wide = list(200);
        assert!(wide.lines().count() == 3 && wide.contains("tls 1.2") && wide.contains(" rtp "), "{wide}");
        assert!(wide.lines().nth(2).is_some_and(|line| line.contains("  audio 0.6% lost, 1.5ms jitter")), "{wide}");
    }
}
