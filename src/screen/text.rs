//! Texts in columns of a terminal.
//!
//! In: texts in which nothing steers. Out: the same, folded or padded, a wide character being two columns.
//! Must not know: what they say.

use crate::report::table::{cut, visible_width};

/// A line in pieces of so many columns, at blanks where there are some.
#[must_use]
pub(super) fn fold(line: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    if visible_width(line) <= columns {
        return vec![line.to_owned()];
    }
    let (mut lines, mut now, mut width) = (Vec::new(), String::new(), 0);
    for piece in line.split_inclusive(' ') {
        let needed = visible_width(piece.trim_end());
        if width > 0 && width + needed > columns {
            lines.push(std::mem::take(&mut now));
            width = 0;
        }
        for c in piece.chars() {
            let wide = visible_width(c.encode_utf8(&mut [0; 4]));
            if width + wide > columns {
                lines.push(std::mem::take(&mut now));
                width = 0;
            }
            now.push(c);
            width += wide;
        }
    }
    lines.push(now);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A text that takes exactly so many columns: cut with an ellipsis, or filled with blanks on either side.
#[must_use]
pub(super) fn fit(text: &str, columns: usize, right: bool) -> String {
    let text = cut(text, columns);
    let blanks = " ".repeat(columns.saturating_sub(visible_width(&text)));
    if right { blanks + &text } else { text + &blanks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_wide_as_wanted() {
        for (text, columns, right, expected) in [
            ("abc", 5, false, "abc  "),
            ("abc", 5, true, "  abc"),
            ("abcdef", 5, true, "abcd…"),
            ("日本語", 5, false, "日本…"),
            ("日本語", 4, false, "日… "),
            ("abc", 0, false, ""),
        ] {
            assert_eq!(fit(text, columns, right), expected, "{text} {columns}");
        }
    }

    #[test]
    fn lines_are_folded_at_blanks() {
        for (line, columns, expected) in [
            ("", 5, &[""][..]),
            ("one two three", 8, &["one two", "three"]),
            ("abcdefghij k", 4, &["abcd", "efgh", "ij k"]),
            ("日本語日本", 4, &["日本", "語日", "本"]),
            ("ab", 0, &["ab"]),
        ] {
            assert_eq!(fold(line, columns), expected, "{line} {columns}");
        }
    }
}
