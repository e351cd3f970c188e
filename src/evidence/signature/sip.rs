//! SIP: the first line of a request or a response. (RFC 3261 §7, [MS-SIPRE], [MS-SIPCOMP], [MS-CONMGMT].)
//!
//! In: the first bytes of one direction, or one datagram. Out: a probe.
//! Must not know: ports, rows, headers, bodies.
//!
//! Over TCP either end may send requests on a connection that stands. Who sends the first that is seen is taken for the
//! initiator; a handshake, where there is one, is asked before.

use super::line::{self, Request};
use super::{Datagram, Prefix};
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// The version, in requests and responses. There has been no other.
const VERSION: &[u8] = b"SIP/2.0";

/// How a response begins.
const STATUS: &[u8] = b"SIP/2.0 ###";

/// Methods known even where their line is cut: RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086; then Microsoft's.
const METHODS: &[&[u8]] = &[
    b"INVITE",
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"OPTIONS",
    b"REGISTER",
    b"PRACK",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"PUBLISH",
    b"INFO",
    b"REFER",
    b"MESSAGE",
    b"UPDATE",
    b"SERVICE",
    b"BENOTIFY",
    b"NEGOTIATE",
];

/// What such a line is addressed to.
const SCHEMES: &[&[u8]] = &[b"sip:", b"sips:", b"tel:"];

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    probe(prefix.bytes, prefix.ended)
}

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    let whole = datagram.is_whole();
    let length = datagram.bytes.len();
    match probe(datagram.bytes, !whole) {
        // Shorter than any message: a keep-alive (`\r\n\r\n`, a zero byte, `hello`), which tells nothing.
        Probe::NotMe if whole && length < STATUS.len() => Probe::Unsure(STATUS.len()),
        // A message is in one datagram, and so is its first line.
        Probe::Unsure(_) if whole && length >= STATUS.len() && blank(datagram.bytes) < length => Probe::NotMe,
        other => other,
    }
}

/// Empty lines before a message: keep-alives. (RFC 3261 §7.5, RFC 5626 §3.5.1.)
fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// `cut`: what there is will not be continued.
fn probe(bytes: &[u8], cut: bool) -> Probe {
    let blank = blank(bytes);
    match bytes.get(blank..) {
        // The next message is longer than this. To look at every pair anew would cost their square.
        None | Some([]) => Probe::Unsure(blank + STATUS.len().max(blank / 8)),
        Some(message) => match start(message, cut) {
            Probe::Unsure(wanted) => Probe::Unsure(blank + wanted),
            other => other,
        },
    }
}

/// A message at its start line.
fn start(message: &[u8], cut: bool) -> Probe {
    let by = |speaker| Probe::Certain(Sighting::of(Protocol::Sip, speaker).version(2, 0));
    let length = message.len();
    match line::begins(message, STATUS) {
        Some(true) => return by(Speaker::Responder),
        None => return Probe::Unsure(STATUS.len()),
        Some(false) => {}
    }
    match line::request(message) {
        Request::Whole { target, version: VERSION, .. } if is_uri(target) => by(Speaker::Initiator),
        Request::Open { method, rest } => match is_addressed(method, rest) {
            // There is no other version of it.
            true if (cut && length >= line::TELLING) || length >= line::LIMIT => by(Speaker::Initiator),
            _ => line::wait(length),
        },
        Request::Short => Probe::Unsure(STATUS.len().max(length + 1)),
        Request::Whole { .. } | Request::Not => Probe::NotMe,
    }
}

/// Any URI: a scheme and no space. It may be `urn:service:sos` as well.
fn is_uri(target: &[u8]) -> bool {
    target.contains(&b':') && !target.contains(&b' ')
}

/// Whether what there is of a line can only be a request: a method and a URI that belong together, and nothing that
/// does not belong behind them.
fn is_addressed(method: &[u8], rest: &[u8]) -> bool {
    let mut parts = rest.splitn(2, |&byte| byte == b' ');
    let target = parts.next().unwrap_or_default();
    let begins = |scheme: &&[u8]| {
        let (head, tail) = target.split_at_checked(scheme.len()).unwrap_or_default();
        head.eq_ignore_ascii_case(scheme) && !tail.is_empty()
    };
    METHODS.contains(&method) && SCHEMES.iter().any(begins) && parts.next().is_none_or(|rest| VERSION.starts_with(rest))
}

/// Beginnings of streams and datagrams: as captured; the two of NEGOTIATE are the examples of [MS-SIPCOMP] §4.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    (
        "request",
        b"REGISTER sip:192.168.43.100;transport=TCP SIP/2.0\r\n\
        Via: SIP/2.0/TCP 192.168.43.1:48376;branch=z9hG4bK-524287-1---dcf4eddfaf9f1239;rport\r\nMax-Forwards: 70\r\n",
    ),
    (
        "response",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.168.43.1:48376;\
        branch=z9hG4bK-524287-1---dcf4eddfaf9f1239;rport=43168;received=192.168.43.1\r\n",
    ),
    (
        "to IPv6",
        b"INVITE sip:4321@fec0:0:0:0:216:d3ff:fe0d:22c:5060 SIP/2.0\r\n\
        Call-ID: c3eF6f58-363323Cd-8058EB88-10300252@fe80:0:0:0:21a:a0ff:fe07:32e0\r\n",
    ),
    ("to a number", b"SUBSCRIBE tel:+88270006 SIP/2.0\r\n"),
    (
        "negotiate",
        b"NEGOTIATE sip:192.0.0.1:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.0.2:2616\r\nCSeq: 1 NEGOTIATE\r\n\
        Call-ID: 8d8b20f87c9c4221a732f3a70f57e9b8\r\n",
    ),
    ("negotiated", b"SIP/2.0 200 OK\r\nCompression: LZ77-8K\r\n"),
];

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;

    const REQUEST: Sighting = Sighting::of(Protocol::Sip, Speaker::Initiator).version(2, 0);
    const RESPONSE: Sighting = Sighting::of(Protocol::Sip, Speaker::Responder).version(2, 0);

    fn over_tcp(bytes: &[u8], ended: bool) -> Probe {
        stream(Prefix { bytes, from_start: true, ended })
    }

    fn over_udp(bytes: &[u8]) -> Probe {
        datagram(Datagram { bytes, length: bytes.len() })
    }

    #[test]
    fn every_sample_at_every_length() {
        for (name, bytes) in SAMPLES {
            let expected = if bytes.starts_with(b"SIP/") { RESPONSE } else { REQUEST };
            tests::every_cut(stream, name, bytes, expected);
            tests::every_cut_of_a_datagram(datagram, name, bytes, expected);
            let kept_alive = [b"\r\n\r\n", *bytes].concat();
            tests::every_cut(stream, name, &kept_alive, expected);
            tests::every_cut_of_a_datagram(datagram, name, &kept_alive, expected);
        }
    }

    #[test]
    fn every_method_with_every_scheme_even_cut() {
        for method in METHODS {
            for scheme in SCHEMES {
                let line = [method, &b" "[..], scheme, b"a.example SIP/2.0\r\n"].concat();
                assert_eq!(over_tcp(&line, false), Probe::Certain(REQUEST));
                let cut = [method, &b" "[..], scheme, b"a.example"].concat();
                assert_eq!(over_tcp(&cut, true), Probe::Certain(REQUEST));
                assert!(matches!(over_tcp(&cut, false), Probe::Unsure(_)));
                assert_eq!(datagram(Datagram { bytes: &cut, length: 600 }), Probe::Certain(REQUEST));
                assert_ne!(over_udp(&cut), Probe::Certain(REQUEST));
            }
        }
        assert_eq!(over_tcp(b"EXTEND urn:service:sos SIP/2.0\r\n", false), Probe::Certain(REQUEST));
        assert!(matches!(over_tcp(b"EXTEND sip:a", true), Probe::Unsure(_)));
    }

    #[test]
    fn what_is_cut_must_fit_as_far_as_it_goes() {
        assert_eq!(over_tcp(b"INFO sip:a SIP/2", true), Probe::Certain(REQUEST));
        for open in [
            &b"INFO sip:"[..],
            b"INFO sip: started",
            b"INFO sip:a is up",
            b"INFO",
            b"INVITE ",
            b"SIP/2.0 2",
            b"OPTIONS sip:a S",
        ] {
            assert!(matches!(over_tcp(open, true), Probe::Unsure(_)), "{open:?}");
        }
    }

    #[test]
    fn keep_alives_are_nothing_yet() {
        for bytes in [&b""[..], b"\r", b"\r\n", b"\r\n\r\n", &b"\r\n".repeat(8000)] {
            for ended in [false, true] {
                assert!(matches!(over_tcp(bytes, ended), Probe::Unsure(n) if n > bytes.len()), "{bytes:?}");
            }
            assert!(matches!(over_udp(bytes), Probe::Unsure(_)), "{bytes:?}");
        }
        for bytes in [&b"hello"[..], b"\0", b"\0\0\0\0", b"jaK"] {
            assert!(matches!(over_udp(bytes), Probe::Unsure(_)), "{bytes:?}");
        }
    }

    #[test]
    fn its_neighbours_are_not_it() {
        for other in [
            &b"OPTIONS rtsp://example.com/a RTSP/1.0\r\n"[..],
            b"OPTIONS * HTTP/1.1\r\n",
            b"SUBSCRIBE /evt/CmnIfCfg HTTP/1.1\r\n",
            b"NOTIFY * HTTP/1.1\r\n",
            b"INFO some text\r\n",
            b"INVITE sip:a SIP/3.0\r\n",
            b"SIP/2.0 ok\r\n",
            b"SIP/2.0/TCP 192.168.43.1:48376\r\n",
            b"Via: SIP/2.0/TCP 192.168.43.1:48376\r\n",
        ] {
            assert_eq!(over_tcp(other, false), Probe::NotMe, "{other:?}");
            assert_eq!(over_udp(other), Probe::NotMe, "{other:?}");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let text = [&b"INVITE "[..], &[b'a'; line::LIMIT]].concat();
        assert_eq!(over_tcp(&text, false), Probe::NotMe);
        let addressed = [&b"INVITE sip:"[..], &[b'a'; line::LIMIT]].concat();
        assert_eq!(over_tcp(&addressed, false), Probe::Certain(REQUEST));
    }

    #[test]
    fn noise_is_not_it() {
        tests::no_noise(stream);
        tests::no_noise_in_datagrams(datagram);
    }
}
