//! CSV: the contract's fields, flattened, safe to open in a spreadsheet.
//!
//! In: any record that serialises to a JSON object. Out: a header line and one line a record.
//! Must not know: which record it is.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::text::harmless;

/// Writes records of one kind; the first decides the columns.
pub(super) struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
    columns: Vec<String>,
    /// Line breaks stay in a cell.
    lines: bool,
}

impl<W: Write> CsvWriter<W> {
    /// A writer with these columns, named as in the JSON with `_` for nesting: `initiator_address`.
    pub(super) fn new(out: W, columns: &[&str]) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns).map_err(cause)?;
        Ok(Self { writer, columns: columns.iter().map(|&column| column.to_owned()).collect(), lines: false })
    }

    /// The same, with line breaks kept in cells: of catalogs, whose words have them.
    pub(super) fn with_lines(self) -> Self {
        Self { lines: true, ..self }
    }

    /// Writes one record.
    pub(super) fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        let mut fields = Vec::new();
        flatten("", &serde_json::to_value(record)?, self.lines, &mut fields);
        // Fields mostly come in the order of the columns: the search begins where the last one ended.
        let mut next = 0;
        let cell = |column: &String| {
            let (before, after) = fields.split_at_checked(next).unwrap_or((&fields, &[]));
            let found = after.iter().chain(before).position(|(name, _)| name == column);
            let Some(distance) = found else { return "" };
            let at = (next + distance) % fields.len();
            next = at + 1;
            fields.get(at).map_or("", |(_, value)| &**value)
        };
        self.writer.write_record(self.columns.iter().map(cell)).map_err(cause)
    }

    /// Flushes what is buffered.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The system's own error, which tells a closed pipe from a full disk.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Objects become `outer_inner`, lists are joined by `; `.
fn flatten(name: &str, value: &Value, lines: bool, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let name = if name.is_empty() { key.clone() } else { format!("{name}_{key}") };
                flatten(&name, value, lines, fields);
            }
        }
        _ => fields.push((name.to_owned(), cell(&text(value), lines))),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Object(object) => entry(object),
        other => other.to_string(),
    }
}

/// An object of a list, in one breath: its words, or, where it has figures, `name=value` of all that is known.
fn entry(object: &Map<String, Value>) -> String {
    if object.values().all(Value::is_string) {
        return object.values().map(text).collect::<Vec<_>>().join(" ");
    }
    let known = object.iter().filter(|(_, value)| !value.is_null());
    let pair = |(name, value): (&String, &Value)| format!("{name}={}", text(value).replace("; ", ","));
    known.map(pair).collect::<Vec<_>>().join(" ")
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
