//! FTP's control connection. (RFC 959 §5.3 and §5.4, RFC 2228, RFC 2389, RFC 2428, RFC 3659, RFC 4217.)
//!
//! In: the first bytes of one direction. Out: a probe.
//! Must not know: ports, rows, data connections.
//!
//! `USER` and `PASS` are POP3's as well, so a client is known by what it says beside them.

use super::Prefix;
use super::greeting::{self, Server};
use super::line::{self, Line};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// A server's ways: it asks for a password, lets in or does not, agrees to `AUTH TLS`, names its features.
const SERVER: Server = Server {
    protocol: Protocol::Ftp,
    name: b"ftp",
    other: b"smtp",
    replies: &[b"331", b"332", b"230", b"530", b"234", b"211", b"215", b"227", b"229", b"150", b"257"],
    enhanced: false,
};

/// What a command's argument must be for the command to be FTP's alone.
#[derive(Clone, Copy)]
enum Argument {
    /// The command is shared with POP3, NNTP or SMTP, and proves nothing; but these arguments, in any case, do.
    Shared(&'static [&'static [u8]]),
    /// There is none.
    None,
    /// Any.
    Some,
    /// One of these, in any case.
    Of(&'static [&'static [u8]]),
    /// Six numbers: an address and a port.
    HostPort,
}

/// A client's commands, in upper case; servers take any.
const COMMANDS: &[(&[u8], Argument)] = &[
    (b"USER", Argument::Shared(&[b"anonymous", b"ftp"])),
    (b"PASS", Argument::Shared(&[])),
    (b"AUTH", Argument::Shared(&[b"TLS", b"SSL", b"TLS-C", b"TLS-P"])),
    (b"NOOP", Argument::Shared(&[])),
    (b"HELP", Argument::Shared(&[])),
    (b"STAT", Argument::Shared(&[])),
    (b"LIST", Argument::Shared(&[])),
    (b"RETR", Argument::Shared(&[])),
    (b"HOST", Argument::Shared(&[])),
    (b"SITE", Argument::Shared(&[])),
    (b"SIZE", Argument::Shared(&[])),
    (b"FEAT", Argument::None),
    (b"SYST", Argument::None),
    (b"PASV", Argument::None),
    (b"EPSV", Argument::None),
    (b"CDUP", Argument::None),
    (b"XPWD", Argument::None),
    (b"PWD", Argument::None),
    (b"CWD", Argument::Some),
    (b"STOR", Argument::Some),
    (b"MDTM", Argument::Some),
    (b"MLSD", Argument::Some),
    (b"TYPE", Argument::Of(&[b"A", b"I", b"A N"])),
    (b"PBSZ", Argument::Of(&[b"0"])),
    (b"PROT", Argument::Of(&[b"P", b"C"])),
    (b"OPTS", Argument::Of(&[b"UTF8 ON", b"UTF8", b"UTF-8"])),
    (b"PORT", Argument::HostPort),
];

/// Lines of a client looked at.
const LINES: usize = 16;

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
    let mut bytes = prefix.bytes;
    for _ in 0..LINES {
        match line::first(bytes) {
            Line::Whole(line, rest) => match proves(line) {
                Some(true) => return Probe::Certain(Sighting::of(Protocol::Ftp, Speaker::Initiator)),
                Some(false) => bytes = rest,
                None => return Probe::NotMe,
            },
            Line::Open(line) if may_become_one(line) => return line::wait(prefix.bytes.len()),
            Line::Open(_) | Line::Broken => return Probe::NotMe,
        }
    }
    Probe::NotMe
}

/// A command and its argument.
fn parts(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = line.splitn(2, |&byte| byte == b' ');
    (parts.next().unwrap_or_default(), parts.next())
}

/// Whether a line is FTP's alone; none if it is no command of FTP.
fn proves(line: &[u8]) -> Option<bool> {
    let (verb, argument) = parts(line);
    let (_, expected) = COMMANDS.iter().find(|(command, _)| command.eq_ignore_ascii_case(verb))?;
    let is_of = |known: &[&[u8]]| argument.is_some_and(|said| known.iter().any(|one| one.eq_ignore_ascii_case(said)));
    match *expected {
        Argument::Shared(known) => Some(is_of(known)),
        Argument::None => argument.is_none().then_some(true),
        Argument::Some => argument.is_some_and(|said| !said.is_empty()).then_some(true),
        Argument::Of(known) => is_of(known).then_some(true),
        Argument::HostPort => argument.is_some_and(is_host_port).then_some(true),
    }
}

/// Six numbers with commas between them. (RFC 959 §4.1.2.)
fn is_host_port(argument: &[u8]) -> bool {
    let number = |part: &[u8]| matches!(part.len(), 1..=3) && part.iter().all(u8::is_ascii_digit);
    argument.split(|&byte| byte == b',').count() == 6 && argument.split(|&byte| byte == b',').all(number)
}

/// Whether an open line may become a command.
fn may_become_one(line: &[u8]) -> bool {
    let (verb, argument) = parts(line);
    COMMANDS.iter().any(|(command, _)| match argument {
        Some(_) => command.eq_ignore_ascii_case(verb),
        None => command.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb)),
    })
}

/// Beginnings of streams, as captured; `AUTH TLS` as in RFC 4217 §15.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("greeting", b"220 ProFTPD Server In ECI Telecom (ftp.ecitele.com) \r\n"),
    (
        "greeting of two lines",
        b"220-\r\n220 6bone.informatik.uni-leipzig.de FTP server (NetBSD-ftpd 20041119) ready.\r\n",
    ),
    ("greeting without a word", b"220 py.fake ready\r\n230 USER OK\r\n"),
    ("client", b"USER anonymous\r\nPASS IEUser@\r\nopts utf8 on\r\nsyst\r\n"),
    ("client with a name", b"USER zeek\r\nPASS zeek\r\nSYST\r\n"),
    ("TLS", b"AUTH TLS\r\n"),
];

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;

    const CLIENT: Sighting = Sighting::of(Protocol::Ftp, Speaker::Initiator);

    fn probe(bytes: &[u8]) -> Probe {
        stream(Prefix { bytes, from_start: true, ended: false })
    }

    #[test]
    fn every_sample_at_every_length() {
        for (name, bytes) in SAMPLES {
            let server = Sighting::of(Protocol::Ftp, Speaker::Responder);
            let expected = if bytes.starts_with(b"220") { server } else { CLIENT };
            tests::every_cut(stream, name, bytes, expected);
        }
    }

    #[test]
    fn a_client_is_known_by_what_only_ftp_has() {
        for line in [
            "FEAT",
            "syst",
            "PWD",
            "CWD /pub",
            "TYPE I",
            "type a",
            "PORT 10,0,0,1,200,13",
            "OPTS utf8 on",
            "AUTH SSL",
            "USER ftp",
            "PROT P",
            "USER bob\r\nPASS x\r\nPASV",
        ] {
            assert_eq!(probe(format!("{line}\r\n").as_bytes()), Probe::Certain(CLIENT), "{line}");
        }
    }

    #[test]
    fn a_pop3_client_is_not() {
        assert!(matches!(probe(b"USER bob\r\nPASS secret\r\nSTAT\r\nLIST\r\n"), Probe::Unsure(_)));
        for rest in ["UIDL", "CAPA", "STLS", "TOP 1 0", "DELE 1", "RSET"] {
            assert_eq!(
                probe(format!("USER bob\r\nPASS secret\r\nSTAT\r\n{rest}\r\n").as_bytes()),
                Probe::NotMe,
                "{rest}"
            );
        }
        assert_eq!(probe(&b"NOOP\r\n".repeat(LINES + 1)), Probe::NotMe);
    }

    #[test]
    fn its_neighbours_are_not_it() {
        for other in [
            "+OK POP3 ready\r\n",
            "* OK IMAP4rev1\r\n",
            "EHLO host\r\n",
            "220 mx.google.com ESMTP\r\n",
            "200 news.example.com ready\r\n",
            "TYPE key\r\n",
            "TYPE\r\n",
            "PWD x\r\n",
            "CWD\r\n",
            "PORT 80\r\n",
            "PORT 1,2,3,4,5\r\n",
            "PASSWORD x",
            "GET / HTTP/1.1\r\n",
        ] {
            assert_eq!(probe(other.as_bytes()), Probe::NotMe, "{other}");
        }
    }

    #[test]
    fn noise_is_not_it() {
        tests::no_noise(stream);
    }
}
