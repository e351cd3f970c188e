//! The lists of the screen: services, findings, talkers, each with its columns.
//!
//! In: a [`Picture`]. Out: lines of cells, filtered and sorted.
//! Must not know: keys, terminals, how anything is judged.

use std::cmp::Ordering;

use crate::live::snapshot::{Service, Talker};
use crate::live::{Explained, Picture};
use crate::report::audit::{Finding, Severity};
use crate::report::text::{Clock, count, harmless, retold};
use crate::verdict::Verdict;

/// A list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// Rows that flows were judged to be.
    #[default]
    Services,
    /// What the audit finds.
    Findings,
    /// Who exchanges most that no document explains.
    Talkers,
}

impl Pane {
    /// All of them, from above.
    pub const ALL: [Self; 3] = [Self::Services, Self::Findings, Self::Talkers];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Services => "SERVICES",
            Self::Findings => "FINDINGS",
            Self::Talkers => "UNDOCUMENTED TALKERS",
        }
    }

    /// Its columns, from the left.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Services => SERVICES,
            Self::Findings => FINDINGS,
            Self::Talkers => TALKERS,
        }
    }
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width; none takes what is left, as far as it has use for it.
    pub width: Option<u16>,
    /// The most that it has use for.
    pub most: u16,
    /// It holds numbers: most first, and to the right.
    pub number: bool,
    /// It is left out on a terminal with fewer columns.
    pub least: u16,
}

const fn text(title: &'static str, width: u16) -> Column {
    Column { title, width: Some(width), most: width, number: false, least: 0 }
}

const fn number(title: &'static str, width: u16) -> Column {
    Column { title, width: Some(width), most: width, number: true, least: 0 }
}

const fn rest(title: &'static str, most: u16) -> Column {
    Column { title, width: None, most, number: false, least: 0 }
}

const SERVICES: &[Column] = &[
    text("row", 5),
    rest("service", 64),
    text("verdict", 12),
    number("flows", 6),
    number("rate", 9),
    Column { least: 60, ..number("packets", 7) },
    Column { least: 67, ..number("bytes", 6) },
];
const FINDINGS: &[Column] = &[
    Column { least: 110, ..text("first seen", 10) },
    text("severity", 8),
    text("kind", 23),
    number("flows", 5),
    rest("what", u16::MAX),
];
const TALKERS: &[Column] = &[rest("host", 64), number("flows", 8), number("bytes", 8)];

/// What a cell means, for whoever has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// Neither.
    Plain,
}

/// A cell: what it shows, and by what it is sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Nothing in it steers a terminal.
    pub text: String,
    /// Most first; texts without by their letters.
    pub by: Option<f64>,
    /// What it means.
    pub tone: Tone,
}

impl Cell {
    fn text(text: &str, tone: Tone) -> Self {
        Self { text: harmless(text), by: None, tone }
    }

    fn count(n: u64, unit: &str) -> Self {
        Self { text: format!("{}{unit}", count(n)), by: Some(n as f64), tone: Tone::Plain }
    }
}

/// A line of a pane.
#[derive(Clone, Debug)]
pub struct Line {
    /// What makes it the same line in the next picture.
    pub key: String,
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// Why it is so.
    pub explained: Option<Explained>,
    /// In words, for whoever opens it.
    pub title: String,
}

impl Line {
    fn holds(&self, text: &str) -> bool {
        self.cells.iter().any(|cell| cell.text.to_lowercase().contains(text))
            || self.title.to_lowercase().contains(text)
    }
}

/// The order of a pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// By this column; none is the order of the picture: services by rate, findings newest first, talkers by bytes.
    pub column: Option<usize>,
    /// The other way round.
    pub reversed: bool,
}

/// The lines of a pane that hold `filter`, in this order.
#[must_use]
pub fn lines(pane: Pane, picture: &Picture, clock: Clock, filter: &str, order: Order) -> Vec<Line> {
    let mut lines = match pane {
        Pane::Services => services(picture),
        Pane::Findings => findings(picture, clock),
        Pane::Talkers => talkers(picture),
    };
    let filter = filter.to_lowercase();
    lines.retain(|line| filter.is_empty() || line.holds(&filter));
    if let Some(column) = order.column {
        lines.sort_by(|a, b| match (a.cells.get(column), b.cells.get(column)) {
            (Some(a), Some(b)) => compare(a, b),
            _ => Ordering::Equal,
        });
    }
    if order.reversed {
        lines.reverse();
    }
    lines
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a.by, b.by) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        _ => a.text.cmp(&b.text),
    }
}

fn services(picture: &Picture) -> Vec<Line> {
    let line = |(service, explained): (&Service, &Option<Explained>)| {
        let verdict = Verdict::ALL.iter().find(|verdict| verdict.as_str() == service.verdict);
        let tone = match verdict {
            Some(Verdict::Documented) => Tone::Good,
            Some(Verdict::Contradicted) => Tone::Bad,
            Some(Verdict::Undocumented) => Tone::Warn,
            Some(Verdict::RangeOnly) | None => Tone::Plain,
        };
        let rate = service.bits_per_second;
        Line {
            key: format!("{} {}", service.row, service.verdict),
            cells: vec![
                Cell::text(&service.row, Tone::Plain),
                Cell::text(&service.service, Tone::Plain),
                Cell::text(service.verdict, tone),
                Cell::count(service.flows, ""),
                Cell { by: Some(rate), ..Cell::count(rate.max(0.0) as u64, "bit/s") },
                Cell::count(service.packets, ""),
                Cell::count(service.bytes, ""),
            ],
            explained: explained.clone(),
            title: harmless(&format!("a flow of {} {} ({})", service.row, service.service, service.catalog)),
        }
    };
    let nothing = std::iter::repeat(&None);
    picture.snapshot.services.iter().zip(picture.services.iter().chain(nothing)).map(line).collect()
}

fn findings(picture: &Picture, clock: Clock) -> Vec<Line> {
    let line = |(finding, explained): &(Finding, Option<Explained>)| {
        let tone = match finding.severity {
            Severity::High => Tone::Bad,
            Severity::Medium => Tone::Warn,
            Severity::Low | Severity::Info => Tone::Plain,
        };
        let severity = Cell::text(finding.severity.as_str(), tone);
        let place = finding.place();
        let sentence = format!("{place}: {}", finding.reason);
        let at = retold(&finding.first_seen, clock);
        Line {
            key: format!("{} {} {place}", finding.severity.as_str(), finding.kind),
            cells: vec![
                Cell::text(at.get(11..19).unwrap_or_default(), Tone::Plain),
                // The worst have the least number.
                Cell { by: Some(-f64::from(finding.severity as u8)), ..severity },
                Cell::text(finding.kind, Tone::Plain),
                Cell::count(finding.count, ""),
                Cell::text(&sentence, Tone::Plain),
            ],
            explained: explained.clone(),
            title: harmless(&format!("{} {}: {sentence}", finding.severity.as_str(), finding.kind)),
        }
    };
    picture.findings.iter().map(line).collect()
}

fn talkers(picture: &Picture) -> Vec<Line> {
    let line = |talker: &Talker| Line {
        key: talker.host.clone(),
        cells: vec![
            Cell::text(&talker.host, Tone::Plain),
            Cell::count(talker.flows, ""),
            Cell::count(talker.bytes, ""),
        ],
        explained: None,
        title: harmless(&talker.host),
    };
    picture.snapshot.talkers.iter().map(line).collect()
}
