//! JSON as it is written: compact, exact, and harmless to look at.
//!
//! In: anything serialisable. Out: its bytes. Must not know: which record it is.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::text::steers;

/// Where reports go. JSON is written in pieces of a byte or two: they meet here, before anybody is asked who takes them.
pub(super) type Out<'a> = BufWriter<&'a mut dyn Write>;

/// Writes one value, without a line end. No string or key of it steers anything, even when a program prints what it has
/// parsed: `\u{1b}` stands for the character, in the file and in the string.
pub(super) fn json(out: &mut Out<'_>, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless { lines: false })).map_err(io::Error::from)
}

/// The same, with line breaks kept: of catalogs, whose words have them.
pub(super) fn json_with_lines(out: &mut Out<'_>, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Harmless { lines: true })).map_err(io::Error::from)
}

/// Writes out what [`steers`].
struct Harmless {
    /// Line breaks stay.
    lines: bool,
}

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly every string: one pass without a branch.
        if fragment.bytes().fold(true, |printable, byte| printable & matches!(byte, b' '..=b'~')) {
            return out.write_all(fragment.as_bytes());
        }
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

    fn written(write: impl FnOnce(&mut Out<'_>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        let mut out: Out<'_> = BufWriter::new(&mut bytes);
        write(&mut out).unwrap();
        out.flush().unwrap();
        drop(out);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn strings_are_harmless_as_written_and_as_parsed() {
        for text in
            ["fe01", "bücher.example", "a\u{1b}[31m\u{9b}\u{7f}b\u{202e}\u{feff}\u{e0001}\n\t\r\u{8}\u{c}\0\"\\/", ""]
        {
            let written = written(|out| json(out, &text));
            assert!(!written.contains(steers), "{written:?}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), harmless(text));
            let with_lines = self::written(|out| json_with_lines(out, &text));
            let parsed = serde_json::from_str::<String>(&with_lines).unwrap();
            assert_eq!(parsed, text.split('\n').map(harmless).collect::<Vec<_>>().join("\n"));
        }
    }

    #[test]
    fn keys_are_strings_too() {
        let written = written(|out| json(out, &std::collections::BTreeMap::from([("\u{1b}[2J", 1)])));
        assert_eq!(written, r#"{"\\u{1b}[2J":1}"#);
    }
}
