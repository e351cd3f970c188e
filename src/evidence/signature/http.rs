//! HTTP/1, the preface of HTTP/2, and WinRM over it. (RFC 9112 §3 and §4, RFC 9113 §3.4, [MS-WSMV] §2.1.)
//!
//! In: the first bytes of one direction. Out: a probe, with the protocol's version.
//! Must not know: ports, rows, headers, bodies.
//!
//! WinRM is told by what a request asks for; its responses are plain HTTP.

use super::Prefix;
use super::line::{self, Request};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// How a response begins.
const STATUS: &[u8] = b"HTTP/1.# ###";

/// Methods that no other protocol has. With a path or a URL behind them they are certain even where the line is cut.
const METHODS: &[&[u8]] = &[
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"BITS_POST",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];

/// URLs that a client of a proxy asks for.
const SCHEMES: [&[u8]; 2] = [b"http://", b"https://"];

/// Where WinRM listens, in any case.
const WSMAN: &[u8] = b"/wsman";

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    // A client may send one empty line too many (RFC 9112 §2.2).
    let blank = if prefix.bytes.starts_with(b"\r\n") { 2 } else { 0 };
    match prefix.bytes.get(blank..) {
        None | Some([] | [b'\r']) => Probe::Unsure(blank + STATUS.len()),
        Some(message) => match start(message, prefix.ended) {
            Probe::Unsure(wanted) => Probe::Unsure(blank + wanted),
            other => other,
        },
    }
}

/// A message at its start line.
fn start(message: &[u8], cut: bool) -> Probe {
    let response = Sighting::of(Protocol::Http, Speaker::Responder);
    match line::begins(message, STATUS) {
        Some(true) => return Probe::Certain(versioned(response, message)),
        None => return Probe::Unsure(STATUS.len()),
        Some(false) => {}
    }
    let length = message.len();
    match line::request(message) {
        Request::Whole { method: b"PRI", target: b"*", version: b"HTTP/2.0" } => {
            Probe::Certain(Sighting::of(Protocol::Http, Speaker::Initiator).version(2, 0))
        }
        Request::Whole { method, target, version } if version.len() == 8 && is_version(version) => {
            Probe::Certain(versioned(Sighting::of(service(method, target), Speaker::Initiator), version))
        }
        Request::Open { method, rest } => match opened(method, rest) {
            Some(protocol) if (cut && length >= line::TELLING) || length >= line::LIMIT => {
                Probe::Certain(Sighting::of(protocol, Speaker::Initiator))
            }
            _ => line::wait(length),
        },
        Request::Short => Probe::Unsure(STATUS.len().max(length + 1)),
        Request::Whole { .. } | Request::Not => Probe::NotMe,
    }
}

fn is_version(bytes: &[u8]) -> bool {
    line::begins(bytes, b"HTTP/1.#") == Some(true)
}

/// With the version that `HTTP/1.#` tells.
fn versioned(sighting: Sighting, bytes: &[u8]) -> Sighting {
    match bytes {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', ..] => sighting.version(1, minor - b'0'),
        _ => sighting,
    }
}

/// What a request asks for. WinRM takes nothing but POST.
fn service(method: &[u8], target: &[u8]) -> Protocol {
    let path = path(target).and_then(|path| path.split(|byte| matches!(byte, b'?' | b' ')).next()).unwrap_or_default();
    let (head, tail) = path.split_at_checked(WSMAN.len()).unwrap_or_default();
    match method == b"POST" && head.eq_ignore_ascii_case(WSMAN) && matches!(tail, [] | [b'/', ..]) {
        true => Protocol::WinRm,
        false => Protocol::Http,
    }
}

/// The path of a target; none where a URL has none yet.
fn path(target: &[u8]) -> Option<&[u8]> {
    let Some(authority) = SCHEMES.iter().find_map(|scheme| {
        let (head, tail) = target.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(tail)
    }) else {
        return Some(target);
    };
    authority.iter().position(|&byte| byte == b'/').and_then(|at| authority.get(at..))
}

/// What an unfinished line asks for, if that is certain already.
fn opened(method: &[u8], rest: &[u8]) -> Option<Protocol> {
    let url = |scheme: &&[u8]| rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let mut parts = rest.splitn(2, |&byte| byte == b' ');
    let (target, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // No space stands in a target: what follows one can only be the version.
    let goes_on = version.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected) && version.len() <= 8;
    if !METHODS.contains(&method) || !(rest.starts_with(b"/") || SCHEMES.iter().any(url)) || !goes_on {
        return None;
    }
    // `POST /ws` may become WinRM.
    let wsman = |path: &[u8]| WSMAN.get(..path.len()).is_some_and(|head| head.eq_ignore_ascii_case(path));
    match method == b"POST" && path(target).is_none_or(wsman) && version.is_empty() {
        true => None,
        false => Some(service(method, target)),
    }
}

/// Beginnings of streams, as captured; HTTP/2's preface is RFC 9113's.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("request", b"GET /success.txt?ipv4 HTTP/1.1\r\nHost: detectportal.firefox.com\r\n"),
    ("request with a space", b"GET /Hello Arkime HTTP/1.0\r\n"),
    ("tunnel", b"CONNECT apache.org:443 HTTP/1.1\r\nUser-Agent: Mozilla/5.0\r\n"),
    ("subscribe", b"SUBSCRIBE /evt/CmnIfCfg HTTP/1.1\r\nCache-Control: no-cache\r\n"),
    ("notify", b"NOTIFY * HTTP/1.1\r\n"),
    ("response", b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Type: text/xml; charset=utf-8\r\n"),
    ("response of 1.0", b"HTTP/1.0 200 Connection established\r\n"),
    ("response of WinRM", b"HTTP/1.1 200 \r\nWWW-Authenticate: Kerberos YIGYBgkqhkiG9xIBAgICAG"),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("WinRM", b"POST /wsman?PSVersion=5.1.18362.752 HTTP/1.1\r\nConnection: Keep-Alive\r\n"),
];

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;

    fn probe(bytes: &[u8], ended: bool) -> Probe {
        stream(Prefix { bytes, from_start: true, ended })
    }

    fn asked(protocol: Protocol) -> Sighting {
        Sighting::of(protocol, Speaker::Initiator)
    }

    #[test]
    fn every_sample_at_every_length() {
        let (request, response) = (asked(Protocol::Http), Sighting::of(Protocol::Http, Speaker::Responder));
        let expected = [
            request.version(1, 1),
            request.version(1, 0),
            request.version(1, 1),
            request.version(1, 1),
            request.version(1, 1),
            response.version(1, 1),
            response.version(1, 0),
            response.version(1, 1),
            request.version(2, 0),
            asked(Protocol::WinRm).version(1, 1),
        ];
        assert_eq!(expected.len(), SAMPLES.len());
        for ((name, bytes), expected) in SAMPLES.iter().zip(expected) {
            tests::every_cut(stream, name, bytes, expected);
            tests::every_cut(stream, name, &[b"\r\n", *bytes].concat(), expected);
        }
    }

    #[test]
    fn winrm_is_told_by_its_path() {
        let whole = |line: &str| probe(format!("{line} HTTP/1.1\r\n").as_bytes(), false);
        for line in [
            "POST /wsman",
            "POST /WSMan?PSVersion=3.0",
            "POST /wsman/SubscriptionManager/WEC",
            "POST http://host:5985/wsman",
            "POST HTTP://host:5985/wsman?x",
        ] {
            assert_eq!(whole(line), Probe::Certain(asked(Protocol::WinRm).version(1, 1)), "{line}");
        }
        for line in ["POST /wsmanager", "GET /wsman", "POST /", "POST /a?/wsman", "POST http://host", "POST /a/wsman"] {
            assert_eq!(whole(line), Probe::Certain(asked(Protocol::Http).version(1, 1)), "{line}");
        }
    }

    #[test]
    fn a_line_cut_short_tells_what_it_can() {
        let http = Probe::Certain(asked(Protocol::Http));
        for line in ["GET /wsman/abcdef", "HEAD http://a.bc", "PUT /a/b HTTP/1.", "RPC_IN_DATA /rpc/rpcproxy.dll"] {
            assert_eq!(probe(line.as_bytes(), true), http, "{line}");
            assert!(matches!(probe(line.as_bytes(), false), Probe::Unsure(_)), "{line}");
        }
        for line in ["POST /wsman?PSVer", "POST /wsman HTTP", "POST /wsman/Subs", "POST http://h/wsman?"] {
            assert_eq!(probe(line.as_bytes(), true), Probe::Certain(asked(Protocol::WinRm)), "{line}");
        }
        for line in [
            "GET /",
            "POST /",
            "POST /wsman",
            "POST http://host/",
            "OPTIONS /",
            "CONNECT a:443",
            "GET ",
            "GE",
            "HTTP/1.1 20",
            "GET / hello world, dear",
            "POST /a HTTP/2.0 x",
        ] {
            assert!(matches!(probe(line.as_bytes(), true), Probe::Unsure(_)), "{line}");
        }
    }

    #[test]
    fn its_neighbours_are_not_it() {
        for other in [
            "OPTIONS rtsp://example.com/a RTSP/1.0\r\n",
            "OPTIONS sip:192.168.1.2 SIP/2.0\r\n",
            "RTSP/1.0 200 OK\r\n",
            "ICY 200 OK\r\n",
            "HTTP/2 200\r\n",
            "HTTP/1.1 OK\r\n",
            "GET /\r\n",
            "GET / HTTP/1.12\r\n",
            "GET HTTP/1.1\r\n",
            "+OK ready\r\n",
            "\r\n\r\n",
            "PRI * HTTP/2.1\r\n",
        ] {
            assert_eq!(probe(other.as_bytes(), false), Probe::NotMe, "{other}");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        assert_eq!(probe(&[&b"PLAY "[..], &[b'a'; line::LIMIT]].concat(), false), Probe::NotMe);
        let asked = Probe::Certain(asked(Protocol::Http));
        assert_eq!(probe(&[&b"GET /"[..], &[b'a'; line::LIMIT]].concat(), false), asked);
    }

    #[test]
    fn noise_is_not_it() {
        tests::no_noise(stream);
    }
}
