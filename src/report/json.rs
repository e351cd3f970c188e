//! JSON as it is written: compact, exact, and harmless to look at.
//!
//! In: anything serialisable. Out: its bytes. Must not know: which record it is.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::text::steers;

/// Writes one value, without a line end. No string or key of it steers anything, even when a program prints what it has
/// parsed: `\u{1b}` stands for the character, in the file and in the string.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless { lines: false })).map_err(io::Error::from)
}

/// The same, with line breaks kept: of catalogs, whose words have them.
pub(super) fn json_with_lines(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless { lines: true })).map_err(io::Error::from)
}

/// Writes out what [`steers`].
struct Harmless {
    /// Line breaks stay.
    lines: bool,
}

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| steers(c)) {
            let (before, after) = rest.split_at(at);
            write!(out, "{before}\\{}", c.escape_unicode())?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        let byte = match escape {
            CharEscape::Quote => return out.write_all(b"\\\""),
            CharEscape::ReverseSolidus => return out.write_all(b"\\\\"),
            CharEscape::Solidus => return out.write_all(b"/"),
            CharEscape::LineFeed if self.lines => return out.write_all(b"\\n"),
            CharEscape::LineFeed => b'\n',
            CharEscape::Backspace => 0x08,
            CharEscape::FormFeed => 0x0c,
            CharEscape::CarriageReturn => b'\r',
            CharEscape::Tab => b'\t',
            CharEscape::AsciiControl(byte) => byte,
        };
        write!(out, "\\{}", char::from(byte).escape_unicode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::harmless;

    #[test]
    fn strings_are_harmless_as_written_and_as_parsed() {
        for text in
            ["fe01", "bücher.example", "a\u{1b}[31m\u{9b}\u{7f}b\u{202e}\u{feff}\u{e0001}\n\t\r\u{8}\u{c}\0\"\\/", ""]
        {
            let mut out = Vec::new();
            json(&mut out, &text).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert!(!written.contains(steers), "{written:?}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), harmless(text));
            let mut out = Vec::new();
            json_with_lines(&mut out, &text).unwrap();
            let parsed = serde_json::from_slice::<String>(&out).unwrap();
            assert_eq!(parsed, text.split('\n').map(harmless).collect::<Vec<_>>().join("\n"));
        }
    }

    #[test]
    fn keys_are_strings_too() {
        let mut out = Vec::new();
        json(&mut out, &std::collections::BTreeMap::from([("\u{1b}[2J", 1)])).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"\\u{1b}[2J":1}"#);
    }
}
