//! Lines of text protocols, in their parts.
//!
//! In: the first bytes of one direction. Out: a line, a request line, a reply; or that it is not there yet.
//! Must not know: what any protocol says in such a line.

use crate::evidence::protocol::Probe;

/// Longest line looked at. HTTP asks for 8000 octets at least (RFC 9112 §3).
pub(super) const LIMIT: usize = 8 * 1024;

/// Most lines are shorter than this.
const SHORT: usize = 1024;

/// Longest method looked at. The longest in IANA's registry is `UPDATEREDIRECTREF`.
const METHOD: usize = 24;

/// What bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its ending (CR LF, or LF alone), and what follows.
    Whole(&'a [u8], &'a [u8]),
    /// A line whose ending is not there yet.
    Open(&'a [u8]),
    /// No line of text: a control character other than a tab.
    Broken,
}

/// The first line.
pub(super) fn first(bytes: &[u8]) -> Line<'_> {
    let within = bytes.get(..LIMIT).unwrap_or(bytes);
    let end = within.iter().position(|&byte| byte.is_ascii_control() && byte != b'\t');
    match end.and_then(|end| bytes.split_at_checked(end)) {
        None => Line::Open(within),
        Some((line, [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..])) => Line::Whole(line, rest),
        Some((line, [b'\r'])) => Line::Open(line),
        Some(_) => Line::Broken,
    }
}

/// Fewer bytes than this of a line that nobody ended prove nothing, whatever they are.
pub(super) const TELLING: usize = 16;

/// The answer while a line is open that could still become one's own. `length` is what there is of the direction.
/// A greeting ends with its line, so it is asked for byte by byte; but to do so with long lines would cost their square.
pub(super) const fn wait(length: usize) -> Probe {
    match length < LIMIT {
        true => Probe::Unsure(length + 1 + length.saturating_sub(SHORT) / 16),
        false => Probe::NotMe,
    }
}

/// Whether bytes begin as `pattern` says, where `#` stands for any digit; none while they are too short to tell.
pub(super) fn begins(bytes: &[u8], pattern: &[u8]) -> Option<bool> {
    let fits = |(byte, expected): (&u8, &u8)| match expected {
        b'#' => byte.is_ascii_digit(),
        _ => byte == expected,
    };
    match bytes.iter().zip(pattern).all(fits) {
        false => Some(false),
        true if bytes.len() < pattern.len() => None,
        true => Some(true),
    }
}

/// A request line as HTTP and SIP share it: a method, a target and a version, parted by spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// All of it. The version is what follows the last space.
    Whole { method: &'a [u8], target: &'a [u8], version: &'a [u8] },
    /// It is not ended: the method, and what there is behind it.
    Open { method: &'a [u8], rest: &'a [u8] },
    /// The method is not ended.
    Short,
    /// No request line.
    Not,
}

/// The request line that bytes begin with. (RFC 3261 §7.1, RFC 9112 §3.)
pub(super) fn request(bytes: &[u8]) -> Request<'_> {
    let head = bytes.get(..=METHOD).unwrap_or(bytes);
    let method = head.split(|&byte| byte == b' ').next().unwrap_or(head);
    let token = method.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !token || method.len() > METHOD || (method.is_empty() && !bytes.is_empty()) {
        return Request::Not;
    }
    let Some(rest) = bytes.get(method.len() + 1..) else { return Request::Short };
    match first(rest) {
        Line::Whole(line, _) => match line.iter().rposition(|&byte| byte == b' ').map(|at| line.split_at(at)) {
            Some((target, [_, version @ ..])) if !target.is_empty() => Request::Whole { method, target, version },
            _ => Request::Not,
        },
        Line::Open(rest) => Request::Open { method, rest },
        Line::Broken => Request::Not,
    }
}

/// A line of a reply: three digits, then a hyphen if more lines follow. (RFC 959 §4.2, RFC 5321 §4.2.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    /// The number.
    pub(super) code: [u8; 3],
    /// No line of the same reply follows.
    pub(super) last: bool,
    /// What it says.
    pub(super) text: &'a [u8],
}

/// A line read as one of a reply.
pub(super) fn reply(line: &[u8]) -> Option<Reply<'_>> {
    let (code, rest) = line.split_first_chunk::<3>()?;
    let last = match rest {
        [] | [b' ', ..] => true,
        [b'-', ..] => false,
        _ => return None,
    };
    let text = rest.get(1..).unwrap_or(rest);
    code.iter().all(u8::is_ascii_digit).then_some(Reply { code: *code, last, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_lf_or_cr_lf() {
        assert_eq!(first(b"a b\r\nc"), Line::Whole(b"a b", b"c"));
        assert_eq!(first(b"a\tb\nc"), Line::Whole(b"a\tb", b"c"));
        assert_eq!(first(b"a b\r"), Line::Open(b"a b"));
        assert_eq!(first(b"a b"), Line::Open(b"a b"));
        assert_eq!(first(b""), Line::Open(b""));
        assert_eq!(first(b"a\rb\n"), Line::Broken);
        assert_eq!(first(b"a\0b\n"), Line::Broken);
    }

    #[test]
    fn a_line_is_looked_for_within_the_limit() {
        let mut long = vec![b'a'; LIMIT];
        long.push(b'\n');
        assert_eq!(first(&long), Line::Open(&long[..LIMIT]));
        assert_eq!(wait(LIMIT), Probe::NotMe);
        assert_eq!(wait(0), Probe::Unsure(1));
    }

    #[test]
    fn waiting_for_a_line_byte_by_byte_costs_little() {
        let (mut length, mut looked_at) = (0, 0);
        while let Probe::Unsure(wanted) = wait(length) {
            assert!(wanted > length);
            looked_at += length;
            length = wanted;
        }
        assert!(looked_at < 100 * LIMIT, "{looked_at}");
    }

    #[test]
    fn a_pattern_is_told_as_soon_as_it_can_be() {
        assert_eq!(begins(b"HTTP/1.1 200", b"HTTP/1.# ###"), Some(true));
        assert_eq!(begins(b"HTTP/1.1 20", b"HTTP/1.# ###"), None);
        assert_eq!(begins(b"", b"HTTP/1.# ###"), None);
        assert_eq!(begins(b"HTTP/1.x", b"HTTP/1.# ###"), Some(false));
        assert_eq!(begins(b"RTSP", b"HTTP/1.# ###"), Some(false));
    }

    #[test]
    fn a_request_line_has_three_parts() {
        let whole = |method, target, version| Request::Whole { method, target, version };
        assert_eq!(request(b"GET / HTTP/1.1\r\nHost"), whole(b"GET", b"/", b"HTTP/1.1"));
        assert_eq!(request(b"GET /a b HTTP/1.0\n"), whole(b"GET", b"/a b", b"HTTP/1.0"));
        assert_eq!(request(b"M-SEARCH * HTTP/1.1\n"), whole(b"M-SEARCH", b"*", b"HTTP/1.1"));
        assert_eq!(request(b"GET / HTTP/1.1\r"), Request::Open { method: b"GET", rest: b"/ HTTP/1.1" });
        assert_eq!(request(b"GET "), Request::Open { method: b"GET", rest: b"" });
        for short in [&b""[..], b"G", b"GET", &[b'A'; METHOD]] {
            assert_eq!(request(short), Request::Short, "{short:?}");
        }
        for not in
            [&b" "[..], b"GET /\r\n", b"GET\r\n", b"*1\r\n", b"a: b", b"GET /\0", &[b'A'; METHOD + 1], b"\x16\x03"]
        {
            assert_eq!(request(not), Request::Not, "{not:?}");
        }
    }

    #[test]
    fn a_reply_line_has_a_number() {
        assert_eq!(reply(b"220 ready"), Some(Reply { code: *b"220", last: true, text: b"ready" }));
        assert_eq!(reply(b"220-"), Some(Reply { code: *b"220", last: false, text: b"" }));
        assert_eq!(reply(b"220"), Some(Reply { code: *b"220", last: true, text: b"" }));
        for not in [&b"22"[..], b"220ready", b"+OK", b"2200", b"a20 b"] {
            assert_eq!(reply(not), None);
        }
    }
}
