//! What is no signature's: text, or not.
//!
//! In: the bytes that were kept of one direction. Out: [`Protocol::Text`] or [`Protocol::UnknownBinary`].
//! Must not know: why no signature knew them.

use crate::evidence::protocol::Protocol;

/// So few bytes are text only if they are ASCII: too much of binary is valid UTF-8 by chance.
const LEAST_UNICODE: usize = 4;

/// Text if every character is printable, or a tab or an end of line. UTF-8 counts, also if cut within its last
/// character. Nothing at all is no text.
#[must_use]
pub fn kind(bytes: &[u8]) -> Protocol {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // No length of error: the bytes end within a character.
        Err(error) if error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return Protocol::UnknownBinary,
    };
    let printable = |character: char| !character.is_control() || matches!(character, '\t' | '\r' | '\n');
    let enough = !text.is_empty() && (bytes.is_ascii() || bytes.len() >= LEAST_UNICODE);
    if enough && text.chars().all(printable) { Protocol::Text } else { Protocol::UnknownBinary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_is_text() {
        let cases = ["hello", "a", "HELO x\r\n", "a\tb\n", "\r\n\r\n", "Grüße aus Köln", "日本語", " "];
        for text in cases {
            assert_eq!(kind(text.as_bytes()), Protocol::Text, "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for bytes in [
            &b""[..],
            b"\0",
            b"a\0b\0c\0",
            b"text and \x1b[0m",
            b"text\x7f",
            b"\xff\xfet\0e\0x\0t\0",
            b"caf\xe9 in Latin 1",
            "\u{85}\u{85}".as_bytes(),
            // Valid, but too short to mean it; an overlong slash; half a surrogate.
            "ü".as_bytes(),
            b"text \xc0\xaf",
            b"text \xed\xa0\x80",
        ] {
            assert_eq!(kind(bytes), Protocol::UnknownBinary, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_character_may_be_cut() {
        let text = "Grüße, 日本語".as_bytes();
        for n in 4..=text.len() {
            assert_eq!(kind(&text[..n]), Protocol::Text, "{n}");
        }
        // Not one whole character.
        assert_eq!(kind(&[0xf0, 0x9f, 0x98]), Protocol::UnknownBinary);
    }

    #[test]
    fn noise_is_binary() {
        super::super::cuts::noise(|bytes| bytes.len() > 16 && kind(bytes) == Protocol::Text);
    }
}
