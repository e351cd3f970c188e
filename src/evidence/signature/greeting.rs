//! Servers that greet with a reply: FTP and SMTP, which look alike. (RFC 959 §5.4, RFC 5321 §4.3.)
//!
//! In: the first bytes of one direction; a server's ways. Out: whether it is that server.
//! Must not know: which servers there are.
//!
//! A greeting that names the protocol decides; otherwise the replies that follow it do.

use super::Prefix;
use super::line::{self, Line};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Replies that a server begins with: ready, or not available.
const GREETINGS: [&[u8; 3]; 2] = [b"220", b"421"];

/// Lines looked at.
const LINES: usize = 64;

/// A server that greets, and how it differs from the other.
pub(super) struct Server {
    /// What it is.
    pub(super) protocol: Protocol,
    /// A word with this in it, in lower case, names it.
    pub(super) name: &'static [u8],
    /// A word with this in it names the other.
    pub(super) other: &'static [u8],
    /// Replies after the greeting that only it gives.
    pub(super) replies: &'static [&'static [u8; 3]],
    /// Its replies may begin with an enhanced status code: `5.7.0` (RFC 2034).
    pub(super) enhanced: bool,
}

/// Whether it is this server.
pub(super) fn probe(prefix: Prefix<'_>, server: &Server) -> Probe {
    let certain = Probe::Certain(Sighting::of(server.protocol, Speaker::Responder));
    let mut bytes = prefix.bytes;
    // Of the reply being read: its number while more lines of it follow, and whether it is the first.
    let (mut within, mut greeting) = (None, true);
    for _ in 0..LINES {
        let (text, rest) = match line::first(bytes) {
            Line::Broken => return Probe::NotMe,
            Line::Whole(line, rest) => (line, Some(rest)),
            Line::Open(line) => (line, None),
        };
        let reply = line::reply(text).filter(|reply| within.is_none_or(|code| code == reply.code));
        match reply {
            // A line in the middle of a reply need not begin with its number (RFC 959 §4.2).
            None if within.is_some() => {}
            None if rest.is_none() && begins_reply(text, greeting) => {}
            None => return Probe::NotMe,
            Some(reply) if greeting && !GREETINGS.contains(&&reply.code) => return Probe::NotMe,
            Some(reply) if !greeting && rest.is_some() && is_own(server, reply) => return certain,
            Some(_) => {}
        }
        let said = reply.map_or(text, |reply| reply.text);
        let complete = match rest {
            Some(_) => said,
            // The last word may go on.
            None if prefix.ended => said.rsplitn(2, |&byte| byte == b' ').nth(1).unwrap_or_default(),
            None => &[],
        };
        if greeting {
            match (names(complete, server.name), names(complete, server.other)) {
                (true, false) => return certain,
                (false, true) => return Probe::NotMe,
                _ => {}
            }
        }
        let Some(rest) = rest else { return line::wait(prefix.bytes.len()) };
        within = match reply {
            Some(reply) => (!reply.last).then_some(reply.code),
            None => within,
        };
        greeting &= within.is_some();
        bytes = rest;
    }
    Probe::NotMe
}

/// Whether an open line may become a reply's first.
fn begins_reply(text: &[u8], greeting: bool) -> bool {
    match greeting {
        true => GREETINGS.iter().any(|code| code.starts_with(text)),
        false => text.len() < 3 && text.iter().all(u8::is_ascii_digit),
    }
}

/// Whether only this server replies so.
fn is_own(server: &Server, reply: line::Reply<'_>) -> bool {
    let enhanced = line::begins(reply.text, b"#.#.") == Some(true);
    server.replies.contains(&&reply.code) && (server.enhanced || !enhanced)
}

/// Whether a word names a protocol. Host names do not count: `ftp.example.com` may greet as a mail server.
fn names(text: &[u8], name: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).map(|word| {
        let from = word.iter().position(u8::is_ascii_alphanumeric).unwrap_or(word.len());
        let to = word.iter().rposition(u8::is_ascii_alphanumeric).map_or(from, |last| last + 1);
        word.get(from..to).unwrap_or_default()
    });
    words.any(|word| !word.contains(&b'.') && word.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FTP: Server =
        Server { protocol: Protocol::Ftp, name: b"ftp", other: b"smtp", replies: &[b"331", b"530"], enhanced: false };

    const SMTP: Server =
        Server { protocol: Protocol::Smtp, name: b"smtp", other: b"ftp", replies: &[b"250"], enhanced: true };

    fn both(bytes: &[u8], ended: bool) -> (Probe, Probe) {
        let prefix = Prefix { bytes, from_start: true, ended };
        (probe(prefix, &FTP), probe(prefix, &SMTP))
    }

    fn certain(protocol: Protocol) -> Probe {
        Probe::Certain(Sighting::of(protocol, Speaker::Responder))
    }

    #[test]
    fn a_word_names_the_server_and_a_host_name_does_not() {
        let ftp = (certain(Protocol::Ftp), Probe::NotMe);
        let smtp = (Probe::NotMe, certain(Protocol::Smtp));
        assert_eq!(both(b"220 (vsFTPd 3.0.3)\r\n", false), ftp);
        assert_eq!(both(b"220 smtp.example.com FTP server ready.\r\n", false), ftp);
        assert_eq!(both(b"220-Hello\r\n220 Microsoft FTP Service\r\n", false), ftp);
        assert_eq!(both(b"220-Hello\r\n Microsoft FTP Service\r\n", false), ftp);
        assert_eq!(both(b"220 ftp.example.com ESMTP Postfix\r\n", false), smtp);
        assert_eq!(both(b"421 example.com SMTP not available\r\n", false), smtp);
    }

    #[test]
    fn without_a_word_the_next_reply_decides() {
        assert_eq!(both(b"220 host ready\r\n", false), (Probe::Unsure(17), Probe::Unsure(17)));
        assert_eq!(both(b"220 host ready\r\n331 Password\r\n", false).0, certain(Protocol::Ftp));
        assert_eq!(both(b"220 host ready\r\n250 host\r\n", false).1, certain(Protocol::Smtp));
        assert_eq!(both(b"220 FTP/SMTP gate\r\n331 Password\r\n", false).0, certain(Protocol::Ftp));
        assert_eq!(both(b"220 host\r\n530 Please log in\r\n", false).0, certain(Protocol::Ftp));
        let starttls = both(b"220 host\r\n530 5.7.0 Must issue STARTTLS first\r\n", false);
        assert!(matches!(starttls, (Probe::Unsure(_), Probe::Unsure(_))), "{starttls:?}");
    }

    #[test]
    fn a_word_cut_short_does_not_count() {
        assert!(matches!(both(b"220 mx.example.com ESMTP", true), (Probe::Unsure(_), Probe::Unsure(_))));
        assert_eq!(both(b"220 mx.example.com ESMTP ", true).1, certain(Protocol::Smtp));
        assert!(matches!(both(b"220 mx.example.com ESMTP ", false), (Probe::Unsure(_), Probe::Unsure(_))));
    }

    #[test]
    fn what_is_no_greeting_is_neither() {
        for other in ["+OK ready\r\n", "* OK IMAP\r\n", "200 news\r\n", "2200 x\r\n", "220\0", "HTTP/1.1 220 x\r\n"] {
            assert_eq!(both(other.as_bytes(), false), (Probe::NotMe, Probe::NotMe), "{other}");
        }
        let endless = [&b"220 a\r\n"[..], &b"500 b\r\n".repeat(100)].concat();
        assert_eq!(both(&endless, false), (Probe::NotMe, Probe::NotMe));
    }
}
