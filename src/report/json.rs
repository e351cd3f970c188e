//! JSON as it is written: compact, exact, and harmless to look at.
//!
//! In: anything serialisable. Out: its bytes. Must not know: which record it is.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::text::steers;

/// Writes one value, without a line end.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless)).map_err(io::Error::from)
}

/// Writes as `\uXXXX` also what JSON would let through and a terminal obeys: C1 controls, bidirectional marks.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| steers(c)) {
            let (before, after) = rest.split_at(at);
            // All of them lie below U+10000.
            write!(out, "{before}\\u{:04x}", u32::from(c))?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_were_and_steer_nothing() {
        for text in ["fe01", "bücher.example", "a\u{1b}[31m\u{9b}\u{7f}b\u{202e}\u{feff}\n\"", ""] {
            let mut out = Vec::new();
            json(&mut out, &text).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert!(!written.contains(steers), "{written:?}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
