//! CSV: the contract's fields, flattened, safe to open in a spreadsheet.
//!
//! In: any record that serialises to a JSON object. Out: a header line and one line a record.
//! Must not know: which record it is.

use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;

use super::flat::{Kind, Scratch, take};
use super::text::harmless;
use crate::topology::hash::FastMap;

/// Writes the names of columns, none of which needs quotes.
pub(super) fn heading(out: &mut impl Write, columns: &[&str]) -> io::Result<()> {
    writeln!(out, "{}", columns.join(","))
}

/// Writes records of one kind.
pub(super) struct CsvWriter<W: Write> {
    out: W,
    row: Row,
    scratch: Scratch,
    line: Vec<u8>,
}

impl<W: Write> CsvWriter<W> {
    /// A writer with these columns, named as in the JSON with `_` for nesting: `initiator_address`.
    pub(super) fn new(mut out: W, columns: &[&str]) -> io::Result<Self> {
        heading(&mut out, columns)?;
        Ok(Self::below(out, columns))
    }

    /// The same where the heading is written already.
    pub(super) fn below(out: W, columns: &[&str]) -> Self {
        Self { out, row: Row::new(columns), scratch: Scratch::default(), line: Vec::new() }
    }

    /// The same, with line breaks kept in cells: of catalogs, whose words have them.
    pub(super) fn with_lines(mut self) -> Self {
        self.row.lines = true;
        self
    }

    /// Writes one record.
    pub(super) fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        let row = &mut self.row;
        row.clear();
        take(record, &mut self.scratch, &mut |name, text, kind| row.put(name, text, kind)).map_err(io::Error::other)?;
        self.line.clear();
        self.row.write(&mut self.line);
        self.out.write_all(&self.line)
    }

    /// What it wrote to.
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Flushes what is buffered.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The cells of one record, as they are written.
struct Row {
    columns: Vec<String>,
    places: FastMap<String, usize>,
    /// Where in `bytes` each column's cell stands; nowhere if empty.
    cells: Vec<Range<usize>>,
    bytes: Vec<u8>,
    /// The column after the one found last.
    next: usize,
    /// Line breaks stay in a cell.
    lines: bool,
}

impl Row {
    fn new(columns: &[&str]) -> Self {
        let names: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
        let places = names.iter().cloned().zip(0..).collect();
        Self { columns: names, places, cells: vec![0..0; columns.len()], bytes: Vec::new(), next: 0, lines: false }
    }

    fn clear(&mut self) {
        self.cells.fill(0..0);
        self.bytes.clear();
        self.next = 0;
    }

    /// Takes a field, if there is a column for it.
    fn put(&mut self, name: &str, text: &[u8], kind: Kind) {
        // Fields mostly come in the order of the columns.
        let expected = self.columns.get(self.next).is_some_and(|column| *column == name);
        let place = if expected { Some(self.next) } else { self.places.get(name).copied() };
        let Some(place) = place else { return };
        self.next = place + 1;
        let from = self.bytes.len();
        match kind {
            Kind::Null => {}
            // A number is no formula, and nothing in it separates cells.
            Kind::Plain => self.bytes.extend_from_slice(text),
            Kind::Text | Kind::Many => encode(text, self.lines, &mut self.bytes),
        }
        if let Some(cell) = self.cells.get_mut(place) {
            *cell = from..self.bytes.len();
        }
    }

    fn write(&self, line: &mut Vec<u8>) {
        for (place, cell) in self.cells.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            line.extend_from_slice(self.bytes.get(cell.clone()).unwrap_or_default());
        }
        line.push(b'\n');
    }
}

/// Writes one cell, quoted where it must be (RFC 4180 §2).
fn encode(text: &[u8], lines: bool, out: &mut Vec<u8>) {
    if is_harmless(text) {
        return quote(text, out);
    }
    quote(cell(&String::from_utf8_lossy(text), lines).as_bytes(), out);
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    let quoted = text.iter().fold(false, |quoted, byte| quoted | matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    if !quoted {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for (n, part) in text.split(|&byte| byte == b'"').enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part);
    }
    out.push(b'"');
}

/// Whether [`cell`] would surely leave the text as it is. Nearly every text is printable ASCII without a formula: this is
/// one pass without a branch, where `cell` takes a text apart.
fn is_harmless(text: &[u8]) -> bool {
    let (printable, parts) = text.iter().fold((true, false), |(printable, parts), byte| {
        (printable & matches!(byte, b' '..=b'~'), parts | (*byte == b';'))
    });
    let formula = |part: &[u8]| part.iter().find(|&&byte| byte != b' ').is_some_and(|byte| b"=+-@".contains(byte));
    printable && if parts { !text.split(|&byte| byte == b';').any(formula) } else { !formula(text) }
}

/// Harmless text that a spreadsheet takes for what it is; line breaks stay where they may.
fn cell(text: &str, lines: bool) -> String {
    if lines {
        text.split('\n').map(|line| spreadsheet(&harmless(line))).collect::<Vec<_>>().join("\n")
    } else {
        spreadsheet(&harmless(text))
    }
}

/// What a formula begins with. (OWASP, "CSV Injection"; the last four are their fullwidth forms.)
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A spreadsheet runs what begins like a formula; an apostrophe makes it text. Numbers stay numbers. Where a comma is
/// the decimal sign, cells end at semicolons as well.
fn spreadsheet(text: &str) -> String {
    let formula = |part: &str| {
        let part = part.trim();
        part.starts_with(FORMULA) && !part.parse::<f64>().is_ok_and(f64::is_finite)
    };
    let part = |part| if formula(part) { format!("'{part}") } else { part.to_owned() };
    text.split(';').map(part).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that has gone.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_stays_one() {
        let columns = ["x".repeat(100_000)];
        let error = CsvWriter::new(Closed, &columns.each_ref().map(String::as_str)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn fields_are_flattened_and_formulas_disarmed() {
        let record = serde_json::json!({
            "a": {"b": 1, "c": null}, "list": ["S03", "S45"], "name": "=cmd()", "delta": -1.5, "tab": "\t=1", "note": "a\nb\u{1b}", "split": "a; =b;+1;-inf",
            "misses": [{"row": "S05", "catalog": "a", "why": "x"}],
            "media": [{"from": "initiator", "packets": 500, "codec": null, "dscp": [0, 46]}, {"packets": 1}],
        });
        let mut out = Vec::new();
        let mut writer = CsvWriter::new(
            &mut out,
            &["a_b", "a_c", "list", "name", "delta", "misses", "absent", "tab", "note", "split", "media"],
        )
        .unwrap();
        writer.write(&record).unwrap();
        writer.finish().unwrap();
        let expected = "a_b,a_c,list,name,delta,misses,absent,tab,note,split,media\n1,,S03; S45,'=cmd(),-1.5,S05 a x,,\\u{9}=1,a\\u{a}b\\u{1b},a;' =b;+1;'-inf,\"from=initiator packets=500 dscp=0,46; packets=1\"\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
