//! What no output may hold, told without the program's own list of it.
//!
//! In: the bytes of an output, and its format. Out: a panic at the first character that steers a terminal, hides text or
//! forges a line, in what is printed and in what is printed of what is parsed; at the first cell that a spreadsheet runs.
//! Must not know: what the output says.
// Every user takes a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it shall fail loudly"
)]

use std::io::{self, Write};

use lyncap::catalog::{Catalogs, Site};
use lyncap::report::Format;
use lyncap::report::table::Look;
use lyncap::report::text::Clock;
use serde_json::Value;

/// Where a line break may stand within a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Nowhere.
    None,
    /// In the words of a catalog's rows, which are as the document has them.
    InWords,
}

/// First and last of the characters that steer a terminal, change the order of what stands beside them, or are not seen:
/// Unicode's categories Cc, Zl and Zp, its Bidi_Control, and its Default_Ignorable_Code_Point. (Unicode 16, PropList.txt
/// and DerivedCoreProperties.txt.)
pub const STEERING: &[(u32, u32)] = &[
    (0x0000, 0x001f),   // C0: escapes, bells, line ends
    (0x007f, 0x009f),   // DEL and C1: CSI, OSC, NEL
    (0x00ad, 0x00ad),   // soft hyphen
    (0x034f, 0x034f),   // combining grapheme joiner
    (0x061c, 0x061c),   // Arabic letter mark
    (0x115f, 0x1160),   // Hangul fillers
    (0x17b4, 0x17b5),   // Khmer inherent vowels
    (0x180b, 0x180f),   // Mongolian variation selectors and vowel separator
    (0x200b, 0x200f),   // zero-width space, joiners; left-to-right and right-to-left mark
    (0x2028, 0x202e),   // line and paragraph separator; bidirectional embeddings and overrides
    (0x2060, 0x206f),   // word joiner, invisible operators; bidirectional isolates
    (0x3164, 0x3164),   // Hangul filler
    (0xfe00, 0xfe0f),   // variation selectors
    (0xfeff, 0xfeff),   // byte order mark
    (0xffa0, 0xffa0),   // halfwidth Hangul filler
    (0xfff0, 0xfffb),   // unassigned and ignorable; interlinear annotation
    (0x1bca0, 0x1bca3), // shorthand format controls
    (0x1d173, 0x1d17a), // musical beams and slurs
    (0xe0000, 0xe0fff), // tags, and variation selectors supplement
];

/// Whether a character may stand in no string.
pub fn steers(c: char) -> bool {
    STEERING.iter().any(|&(first, last)| (first..=last).contains(&u32::from(c)))
}

/// The document's catalog alone.
pub fn document(site: &Site) -> Catalogs {
    Catalogs::new(&[], vec![], site).unwrap()
}

/// Writes in every format and checks what was written.
pub fn check_all(write: impl Fn(&mut dyn Write, Format, Look) -> io::Result<()>, breaks: Breaks) {
    let look = Look { width: 100, colour: false, clock: Clock::Utc };
    for format in [Format::Table, Format::Json, Format::Jsonl, Format::Csv] {
        let mut out = Vec::new();
        write(&mut out, format, look).unwrap();
        let text = String::from_utf8(out).expect("output is not UTF-8");
        check(format, &text, breaks);
    }
}

/// Checks what was written in a format, without colours.
pub fn check(format: Format, text: &str, breaks: Breaks) {
    match format {
        Format::Table => check_plain(text),
        Format::Json => check_json(text, breaks),
        Format::Jsonl => text.lines().for_each(|line| check_json(line, breaks)),
        Format::Csv => check_csv(text, breaks),
    }
}

/// Nothing but line ends steers.
pub fn check_plain(text: &str) {
    if let Some(at) = text.find(|c| c != '\n' && steers(c)) {
        let before = text[..at].lines().last().unwrap_or_default();
        panic!("{:?} after {before:?}", text[at..].chars().next());
    }
}

/// A document that can be parsed, in which no string steers, neither as it is written nor as it is meant.
pub fn check_json(text: &str, breaks: Breaks) {
    check_plain(text);
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    check_strings("", &value, breaks);
}

fn check_strings(name: &str, value: &Value, breaks: Breaks) {
    match value {
        Value::String(text) => {
            let stays = |c: char| c == '\n' && breaks == Breaks::InWords;
            assert!(!text.contains(|c| steers(c) && !stays(c)), "{name} is {text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| check_strings(name, item, breaks)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            check_plain(key);
            check_strings(key, value, breaks);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A sheet of lines equally long, of whose cells a spreadsheet runs none, whether it splits lines at commas or semicolons.
pub fn check_csv(text: &str, breaks: Breaks) {
    check_plain(text);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(breaks == Breaks::InWords || !cell.contains('\n'), "a line break in {cell:?}");
            cell.split(['\n', ';']).for_each(|part| assert!(!runs(part), "{part:?} runs, in {cell:?}"));
        }
    }
}

/// Whether a spreadsheet would take it for a formula. (OWASP, "CSV Injection".)
fn runs(cell: &str) -> bool {
    let cell = cell.trim();
    let number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) && !number
}
