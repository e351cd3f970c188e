//! Report data → bytes, in each format.
//!
//! In: report data, a [`Format`], a [`Look`]. Out: bytes on a writer.
//! Must not know: whether the writer is a file, a pipe or a terminal.

use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::ops::Range;

use serde::Serialize;

use super::audit::{self, Audit, Footer};
use super::chunks::in_order;
pub use super::columns::FLOW_COLUMNS;
use super::columns::{FINDING_COLUMNS, GROUP_COLUMNS, INTERFACE_COLUMNS, ROW_COLUMNS, RULE_COLUMNS};
use super::csv::{CsvWriter, heading};
use super::explain::Explanation;
use super::flows::GroupRecord;
use super::json::{Out, json, json_with_lines};
use super::rows::RowRecord;
use super::rules::Rule;
use super::table::{self, FlowTable, Look};
use super::text::{wall, zone};
use super::{Format, Summary};
use crate::capture::live::Interface;
use crate::catalog::Row;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::reading::Reading;
use crate::verdict::{Judge, Judged};

/// Gathers what `write` writes in small pieces.
fn buffered(out: &mut dyn Write, write: impl FnOnce(&mut Out<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    write(&mut out)?;
    out.flush()
}

/// The flows at `indices`, then the footer.
pub fn flows(
    out: &mut dyn Write,
    format: Format,
    look: Look,
    reading: &Reading,
    judge: &Judge<'_>,
    indices: &[usize],
) -> io::Result<()> {
    flows_on(NonZeroUsize::MIN, out, format, look, (reading, judge), indices)
}

/// The same on so many threads, which judge and write the flows of the machine formats; the bytes are the same.
pub fn flows_on(
    threads: NonZeroUsize,
    out: &mut dyn Write,
    format: Format,
    look: Look,
    (reading, judge): (&Reading, &Judge<'_>),
    indices: &[usize],
) -> io::Result<()> {
    buffered(out, |out| match format {
        Format::Table => {
            let mut table = FlowTable::new(look);
            for &index in indices {
                let Some(flow) = reading.flows.get(index) else { continue };
                if let Some(text) = table.add(index, flow, &judge.judge(index, flow)) {
                    out.write_all(text.as_bytes())?;
                }
            }
            out.write_all(table.take().as_bytes())
        }
        Format::Json => {
            out.write_all(b"{\"type\":\"flows\",\"schema\":\"lyncap.flows.v1\",\"flows\":[")?;
            let footer = flows_and_footer(threads, out, reading, judge, indices, b",\n")?;
            out.write_all(b"],\"summary\":")?;
            json(out, &footer)?;
            out.write_all(b"}\n")
        }
        Format::Jsonl => {
            let footer = flows_and_footer(threads, out, reading, judge, indices, b"\n")?;
            if !indices.is_empty() {
                out.write_all(b"\n")?;
            }
            json(out, &footer)?;
            out.write_all(b"\n")
        }
        Format::Csv => {
            heading(out, FLOW_COLUMNS)?;
            let lines = |range: Range<usize>| {
                let mut writer = CsvWriter::below(Vec::new(), FLOW_COLUMNS);
                for &index in indices.get(range).unwrap_or_default() {
                    let Some(flow) = reading.flows.get(index) else { continue };
                    let judged = judge.judge(index, flow);
                    writer.write(&audit::record(reading, judge, index, flow, &judged))?;
                }
                Ok(writer.into_inner())
            };
            in_order(threads, indices.len(), lines, |lines: io::Result<Vec<u8>>| out.write_all(&lines?))
        }
    })
}

/// Writes the flows at `indices`; the footer counts all. Where those are all, each is judged once for both.
fn flows_and_footer(
    threads: NonZeroUsize,
    out: &mut Out<'_>,
    reading: &Reading,
    judge: &Judge<'_>,
    indices: &[usize],
    between: &[u8],
) -> io::Result<Summary> {
    if !indices.iter().copied().eq(0..reading.flows.len()) {
        each_flow(threads, out, (reading, judge), indices, between, |_, _| {})?;
        return Ok(audit::footer(reading, judge));
    }
    let mut footer = Footer::default();
    each_flow(threads, out, (reading, judge), indices, between, |flow, judged| footer.count(flow, judged))?;
    Ok(footer.finish(reading, judge))
}

fn each_flow(
    threads: NonZeroUsize,
    out: &mut Out<'_>,
    (reading, judge): (&Reading, &Judge<'_>),
    indices: &[usize],
    between: &[u8],
    mut count: impl FnMut(&Flow<Evidence>, &Judged<'_>),
) -> io::Result<()> {
    let write = |range: Range<usize>| {
        let (mut bytes, mut judgements) = (Vec::new(), Vec::with_capacity(range.len()));
        buffered(&mut bytes, |out| {
            for (n, &index) in indices.iter().enumerate().skip(range.start).take(range.len()) {
                let Some(flow) = reading.flows.get(index) else { continue };
                if n > 0 {
                    out.write_all(between)?;
                }
                let judged = judge.judge(index, flow);
                json(out, &audit::record(reading, judge, index, flow, &judged))?;
                judgements.push((flow, judged));
            }
            Ok(())
        })?;
        Ok((bytes, judgements))
    };
    in_order(threads, indices.len(), write, |written: io::Result<_>| {
        let (bytes, judgements) = written?;
        judgements.iter().for_each(|(flow, judged)| count(flow, judged));
        out.write_all(&bytes)
    })
}

/// An audit; `with_flows` adds every flow to the machine formats.
pub fn audit(
    out: &mut dyn Write,
    format: Format,
    look: Look,
    reading: &Reading,
    judge: &Judge<'_>,
    audit: &Audit,
    with_flows: bool,
) -> io::Result<()> {
    let all: Vec<usize> = (0..reading.flows.len()).filter(|_| with_flows).collect();
    buffered(out, |out| match format {
        Format::Table => audit_text(out, look, reading, audit),
        Format::Json => {
            if !with_flows {
                json(out, audit)?;
                return out.write_all(b"\n");
            }
            let mut text = Vec::new();
            buffered(&mut text, |text| json(text, audit))?;
            let open = text.strip_suffix(b"}").unwrap_or(&text);
            out.write_all(open)?;
            out.write_all(b",\"flows\":[")?;
            each_flow(NonZeroUsize::MIN, out, (reading, judge), &all, b",\n", |_, _| {})?;
            out.write_all(b"]}\n")
        }
        Format::Jsonl => {
            lines(out, "service", &audit.services)?;
            lines(out, "finding", &audit.findings)?;
            lines(out, "accepted", &audit.accepted)?;
            lines(out, "not_found", &audit.not_found)?;
            lines(out, "coverage", &audit.coverage)?;
            lines(out, "media", std::slice::from_ref(&audit.media))?;
            each_flow(NonZeroUsize::MIN, out, (reading, judge), &all, b"\n", |_, _| {})?;
            if !all.is_empty() {
                out.write_all(b"\n")?;
            }
            json(out, &Summary { fitness: Some(audit.fitness.clone()), ..audit.summary.clone() })?;
            out.write_all(b"\n")
        }
        Format::Csv => csv(out, FINDING_COLUMNS, &audit.findings),
    })
}

/// An audit for people.
pub fn audit_text(out: &mut dyn Write, look: Look, reading: &Reading, audit: &Audit) -> io::Result<()> {
    let span = reading.stats.span.map(|(first, last)| {
        let zone = zone(last, look.clock);
        (wall(first, look.clock), format!("{} {zone}", wall(last, look.clock)))
    });
    out.write_all(table::audit(look, audit, span).as_bytes())
}

/// One flow explained; as CSV, what a list of flows says of it.
pub fn explanation(
    out: &mut dyn Write,
    format: Format,
    look: Look,
    flow: &Flow<Evidence>,
    explanation: &Explanation<'_>,
) -> io::Result<()> {
    buffered(out, |out| match format {
        Format::Table => {
            let end = format!("{} {}", wall(flow.last_seen, look.clock), zone(flow.last_seen, look.clock));
            let span = (wall(flow.first_seen, look.clock), end);
            out.write_all(table::explain(look, explanation, &span).as_bytes())
        }
        Format::Json | Format::Jsonl => lines_as_they_are(out, std::slice::from_ref(explanation)),
        Format::Csv => csv(out, FLOW_COLUMNS, std::slice::from_ref(&explanation.flow)),
    })
}

/// One event of a run without end as a line of JSON, which whoever reads along sees at once.
pub fn event(out: &mut dyn Write, record: &impl Serialize) -> io::Result<()> {
    buffered(out, |out| {
        json(out, record)?;
        out.write_all(b"\n")
    })?;
    out.flush()
}

/// Flows summed by service, host or pair.
pub fn groups(out: &mut dyn Write, format: Format, look: Look, groups: &[GroupRecord]) -> io::Result<()> {
    buffered(out, |out| match format {
        Format::Table => out.write_all(table::groups(look, groups).as_bytes()),
        Format::Csv => csv(out, GROUP_COLUMNS, groups),
        Format::Json => document(out, "groups", groups),
        Format::Jsonl => lines_as_they_are(out, groups),
    })
}

/// Interfaces that can be watched.
pub fn interfaces(out: &mut dyn Write, format: Format, look: Look, interfaces: &[Interface]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Record<'a> {
        number: usize,
        name: &'a str,
        description: Option<&'a str>,
        addresses: Vec<String>,
        state: &'a [&'static str],
    }
    fn record(interface: &Interface) -> Record<'_> {
        let Interface { number, name, description, addresses, state } = interface;
        let addresses = addresses.iter().map(ToString::to_string).collect();
        Record { number: *number, name, description: description.as_deref(), addresses, state }
    }
    let records: Vec<_> = interfaces.iter().map(record).collect();
    buffered(out, |out| match format {
        Format::Table => out.write_all(table::interfaces(look, interfaces).as_bytes()),
        Format::Csv => csv(out, INTERFACE_COLUMNS, &records),
        Format::Json => document(out, "interfaces", &records),
        Format::Jsonl => lines(out, "interface", &records),
    })
}

/// The firewall matrix.
pub fn rules(out: &mut dyn Write, format: Format, look: Look, rules: &[Rule]) -> io::Result<()> {
    buffered(out, |out| match format {
        Format::Table => out.write_all(table::rules(look, rules).as_bytes()),
        Format::Csv => csv(out, RULE_COLUMNS, rules),
        Format::Json => document(out, "rules", rules),
        Format::Jsonl => lines(out, "rule", rules),
    })
}

/// Catalog rows. In their words, and nowhere else, lines break as the document breaks them.
pub fn rows(out: &mut dyn Write, format: Format, look: Look, rows: &[&Row]) -> io::Result<()> {
    let records = rows.iter().map(|&row| RowRecord::from(row));
    buffered(out, |out| match format {
        Format::Table => out.write_all(table::catalog(look, rows.iter().copied()).as_bytes()),
        Format::Csv => {
            let mut writer = CsvWriter::new(out, ROW_COLUMNS)?.with_lines();
            records.into_iter().try_for_each(|record| writer.write(&record))?;
            writer.finish()
        }
        Format::Json => {
            out.write_all(b"{\"type\":\"rows\",\"schema\":\"lyncap.rows.v1\",\"rows\":")?;
            json_with_lines(out, &records.collect::<Vec<_>>())?;
            out.write_all(b"}\n")
        }
        Format::Jsonl => records.into_iter().try_for_each(|record| {
            json_with_lines(out, &record)?;
            out.write_all(b"\n")
        }),
    })
}

fn csv<T: Serialize>(out: &mut Out<'_>, columns: &[&str], records: &[T]) -> io::Result<()> {
    let mut writer = CsvWriter::new(out, columns)?;
    records.iter().try_for_each(|record| writer.write(record))?;
    writer.finish()
}

/// `{"type":NAME,"schema":…,NAME:[…]}`.
fn document<T: Serialize>(out: &mut Out<'_>, name: &str, records: &[T]) -> io::Result<()> {
    write!(out, "{{\"type\":\"{name}\",\"schema\":\"lyncap.{name}.v1\",\"{name}\":")?;
    json(out, &records)?;
    out.write_all(b"}\n")
}

/// One object a line, with its `type` before its own fields.
fn lines<T: Serialize>(out: &mut Out<'_>, kind: &str, records: &[T]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Typed<'a, T> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(flatten)]
        record: &'a T,
    }
    for record in records {
        json(out, &Typed { kind, record })?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn lines_as_they_are<T: Serialize>(out: &mut Out<'_>, records: &[T]) -> io::Result<()> {
    for record in records {
        json(out, record)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
