//! SMTP. (RFC 5321 §4.1 and §4.2.)
//!
//! In: the first bytes of one direction. Out: a probe.
//! Must not know: ports, rows, mail.

use super::Prefix;
use super::greeting::{self, Server};
use super::line::{self, Line};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// A server's ways. `220` greets, `250` and `354` agree, `235` is for AUTH (RFC 4954).
const SERVER: Server = Server {
    protocol: Protocol::Smtp,
    name: b"smtp",
    other: b"ftp",
    replies: &[b"250", b"354", b"235"],
    enhanced: true,
};

/// What a client says, in any case, followed by a name or an address: first, or in the middle of a connection.
const COMMANDS: [&[u8]; 4] = [b"EHLO ", b"HELO ", b"MAIL FROM:<", b"RCPT TO:<"];

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    match prefix.bytes {
        [] => Probe::Unsure(1),
        [b'0'..=b'9', ..] => greeting::probe(prefix, &SERVER),
        _ => client(prefix),
    }
}

/// The client's side.
fn client(prefix: Prefix<'_>) -> Probe {
    let certain = Probe::Certain(Sighting::of(Protocol::Smtp, Speaker::Initiator));
    let (text, whole) = match line::first(prefix.bytes) {
        Line::Whole(line, _) => (line, true),
        Line::Open(line) => (line, false),
        Line::Broken => return Probe::NotMe,
    };
    let said = COMMANDS.iter().find_map(|command| {
        let (head, tail) = text.split_at_checked(command.len())?;
        head.eq_ignore_ascii_case(command).then_some(tail)
    });
    let begun = |command: &&[u8]| command.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
    match said {
        Some([b'!'..=b'~', ..]) if whole || prefix.ended => certain,
        Some([] | [b'!'..=b'~', ..]) if !whole => line::wait(prefix.bytes.len()),
        None if !whole && COMMANDS.iter().any(begun) => Probe::Unsure(prefix.bytes.len() + 1),
        _ => Probe::NotMe,
    }
}

/// Beginnings of streams, as captured; the last two are of RFC 5321, appendix D.1.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("greeting", b"220 mx.google.com ESMTP s4si9696358qcc.63 - gsmtp\r\n"),
    ("client", b"EHLO xxxxxxxxxxxxx.xxx.com\r\nSTARTTLS\r\n"),
    ("greeting without a word", b"220 foo.com Simple Mail Transfer Service Ready\r\n250-foo.com greets bar.com\r\n"),
    ("mid-stream", b"MAIL FROM:<Smith@bar.com>\r\n"),
];

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;

    fn probe(bytes: &[u8], ended: bool) -> Probe {
        stream(Prefix { bytes, from_start: true, ended })
    }

    #[test]
    fn every_sample_at_every_length() {
        for (name, bytes) in SAMPLES {
            let speaker = if bytes.starts_with(b"220") { Speaker::Responder } else { Speaker::Initiator };
            tests::every_cut(stream, name, bytes, Sighting::of(Protocol::Smtp, speaker));
        }
    }

    #[test]
    fn a_client_names_itself() {
        let certain = Probe::Certain(Sighting::of(Protocol::Smtp, Speaker::Initiator));
        assert_eq!(probe(b"helo [192.0.2.1]\r\n", false), certain);
        assert_eq!(probe(b"EHLO ho", true), certain);
        assert!(matches!(probe(b"EHLO ho", false), Probe::Unsure(_)));
        assert!(matches!(probe(b"EHLO ", true), Probe::Unsure(_)));
        assert_eq!(probe(b"EH", false), Probe::Unsure(3));
    }

    #[test]
    fn its_neighbours_are_not_it() {
        for other in [
            "EHLO\r\n",
            "EHLO \r\n",
            "EHLO  x\r\n",
            "HELLO world\r\n",
            "LHLO host\r\n",
            "USER anonymous\r\n",
            "+OK POP3 ready\r\n",
            "* OK IMAP4rev1\r\n",
            "200 news.example.com ready\r\n",
            "220 ftp.example.com FTP server ready\r\n",
            "RCPT TO:x\r\n",
        ] {
            assert_eq!(probe(other.as_bytes(), false), Probe::NotMe, "{other}");
        }
    }

    #[test]
    fn noise_is_not_it() {
        tests::no_noise(stream);
    }
}
