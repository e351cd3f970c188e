//! The two hellos: what the client offers, what the server chooses.
//!
//! In: the body of a hello, whole or cut; or the first bytes of a direction. Out: versions, names, the suite.
//! Must not know: records, certificates, ports, rows.
//!
//! RFC 5246 §7.4.1, RFC 8446 §4.1 and §4.2.1, RFC 6066 §3, RFC 7301, RFC 8701 (GREASE). `tls-parser` reads the fields
//! and the extensions asked for; the walk from extension to extension is done here, because a list may be cut, and one
//! malformed extension should not cost the others. SSLv2's ClientHello: RFC 5246 appendix E.2.

use tls_parser::{
    TlsExtension, TlsVersion, parse_tls_client_hello_extension, parse_tls_handshake_client_hello,
    parse_tls_handshake_server_hello, parse_tls_server_hello_extension,
};

use crate::evidence::certificates::bounded;
use crate::evidence::protocol::Speaker;

/// Handshake types.
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;

const TLS_1_2: u16 = 0x0303;
pub(super) const TLS_1_3: u16 = 0x0304;
/// Extension types.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// RFC 8446 §4.1.3: the random of a ServerHello that is a HelloRetryRequest.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a ClientHello offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    /// The highest version; none if what is cut off may offer 1.3.
    pub(super) offered: Option<u16>,
    pub(super) server_name: Option<String>,
}

/// What a ServerHello chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// None if what is cut off may choose 1.3.
    pub(super) version: Option<u16>,
    pub(super) cipher_suite: Option<u16>,
    pub(super) alpn: Option<String>,
}

/// Bytes of a hello that tell it: kind, length, version.
pub(super) const HEAD: usize = 6;

/// Who speaks, if these bytes are a hello's. In a record that is some 50 bits of agreement.
pub(super) const fn speaker([kind, length @ .., major, minor]: [u8; HEAD]) -> Option<Speaker> {
    let [0, high, low] = length else { return None };
    match (kind, u16::from_be_bytes([high, low]), major, minor) {
        // Version, random, no session, one suite, one compression.
        (CLIENT_HELLO, 41.., 3, 0..=4) => Some(Speaker::Initiator),
        // Version, random, no session, suite, compression. The drafts of 1.3 left some out.
        (SERVER_HELLO, 38.., 3, 0..=4) | (SERVER_HELLO, 36.., 0x7f, _) => Some(Speaker::Responder),
        _ => None,
    }
}

/// Reads a ClientHello's body; `whole` if nothing of it is missing.
pub(super) fn client(body: &[u8], whole: bool) -> ClientHello {
    let Some(legacy) = version(body) else { return ClientHello::default() };
    let read = parse_tls_handshake_client_hello(body).ok();
    let list = read.and_then(|(rest, hello)| List::of(hello.ext, rest, whole));
    let (mut server_name, mut listed) = (None, None);
    let complete = list.is_some_and(|list| {
        list.each(|kind, extension| match kind {
            SERVER_NAME => server_name = server_name.take().or_else(|| asked_name(extension)),
            SUPPORTED_VERSIONS => listed = listed.or_else(|| highest(extension)),
            _ => {}
        })
    });
    // RFC 8446 §4.2.1: who offers 1.3 says so in an extension, and says 1.2 here.
    let offered = match listed {
        Some(listed) => Some(listed.max_by_age(legacy)),
        None if complete || legacy != TLS_1_2 => Some(legacy),
        None => None,
    };
    ClientHello { offered, server_name }
}

/// Reads a ServerHello's body; `whole` if nothing of it is missing.
pub(super) fn server(body: &[u8], whole: bool) -> ServerHello {
    let Some(legacy) = version(body) else { return ServerHello::default() };
    let read = parse_tls_handshake_server_hello(body).ok();
    let cipher_suite = read.as_ref().map(|(_, hello)| hello.cipher.0);
    let list = read.and_then(|(rest, hello)| List::of(hello.ext, rest, whole));
    let (mut alpn, mut selected) = (None, None);
    let complete = list.is_some_and(|list| {
        list.each(|kind, extension| match kind {
            ALPN => alpn = alpn.take().or_else(|| chosen_protocol(extension)),
            SUPPORTED_VERSIONS => selected = selected.or_else(|| selected_version(extension)),
            _ => {}
        })
    });
    let retry = body.get(2..34).is_some_and(|random| random == RETRY);
    let version = match selected {
        Some(version) => Some(version),
        None if retry => Some(TLS_1_3),
        None if complete || legacy != TLS_1_2 => Some(legacy),
        None => None,
    };
    ServerHello { version, cipher_suite, alpn }
}

/// Whether a version is 1.3 or one of its drafts (0x7f00 and the draft's number).
pub(super) const fn is_1_3(version: u16) -> bool {
    version >= TLS_1_3
}

fn version(body: &[u8]) -> Option<u16> {
    body.first_chunk().map(|version| u16::from_be_bytes(*version))
}

/// A list of extensions.
struct List<'a> {
    bytes: &'a [u8],
    /// Its last byte is the list's last.
    complete: bool,
}

impl<'a> List<'a> {
    /// The list that `tls-parser` found, or what there is of one that is cut: its length and some bytes.
    fn of(found: Option<&'a [u8]>, rest: &'a [u8], whole: bool) -> Option<Self> {
        match (found, rest) {
            (Some(bytes), _) => Some(Self { bytes, complete: true }),
            (None, []) => whole.then_some(Self { bytes: &[], complete: true }),
            (None, [_, _, bytes @ ..]) => Some(Self { bytes, complete: false }),
            _ => None,
        }
    }

    /// Shows each whole extension with its header; whether that was the whole list.
    fn each(&self, mut show: impl FnMut(u16, &'a [u8])) -> bool {
        let mut rest = self.bytes;
        while let Some((&[a, b, high, low], _)) = rest.split_first_chunk::<4>() {
            let length = usize::from(u16::from_be_bytes([high, low])) + 4;
            let Some((extension, after)) = rest.split_at_checked(length) else { break };
            show(u16::from_be_bytes([a, b]), extension);
            rest = after;
        }
        self.complete && rest.is_empty()
    }
}

/// The host name in the client's server_name extension.
fn asked_name(extension: &[u8]) -> Option<String> {
    let Ok((_, TlsExtension::SNI(names))) = parse_tls_client_hello_extension(extension) else { return None };
    let (_, name) = names.into_iter().find(|(kind, name)| kind.0 == 0 && !name.is_empty())?;
    Some(bounded(name))
}

/// The one protocol in the server's answer.
fn chosen_protocol(extension: &[u8]) -> Option<String> {
    let Ok((_, TlsExtension::ALPN(names))) = parse_tls_server_hello_extension(extension) else { return None };
    names.first().filter(|name| !name.is_empty()).map(|name| bounded(name))
}

/// The highest version in the client's supported_versions, GREASE and what is no version left out.
fn highest(extension: &[u8]) -> Option<u16> {
    let Ok((_, TlsExtension::SupportedVersions(list))) = parse_tls_client_hello_extension(extension) else {
        return None;
    };
    list.into_iter().map(|TlsVersion(version)| version).filter(|version| is_version(*version)).reduce(Age::max_by_age)
}

/// The version in the server's supported_versions.
fn selected_version(extension: &[u8]) -> Option<u16> {
    let Ok((_, TlsExtension::SupportedVersions(list))) = parse_tls_server_hello_extension(extension) else {
        return None;
    };
    list.first().map(|version| version.0).filter(|version| is_version(*version))
}

const fn is_version(version: u16) -> bool {
    matches!(version >> 8, 0x03 | 0x7f)
}

/// Versions in the order of their age, which is that of their numbers but for the drafts of 1.3.
trait Age {
    fn max_by_age(self, other: Self) -> Self;
}

impl Age for u16 {
    fn max_by_age(self, other: Self) -> Self {
        let age = |version: Self| if version >> 8 == 0x7f { (TLS_1_2, version) } else { (version, 0) };
        if age(self) >= age(other) { self } else { other }
    }
}

/// What the first bytes of a direction are, as an SSLv2 ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sslv2 {
    /// The version that it offers, and where it ends.
    Hello {
        offered: u16,
        end: usize,
    },
    /// It may be one.
    Cut,
    Not,
}

/// Bytes of an SSLv2 ClientHello before its lists.
pub(super) const SSLV2_HEADER: usize = 11;

/// Reads `80 length 01 version suites session challenge`: three lengths that fill the record exactly.
pub(super) fn sslv2(bytes: &[u8]) -> Sslv2 {
    let Some(head) = bytes.first_chunk::<SSLV2_HEADER>() else {
        let expected = [Some(0x80), None, Some(1)];
        let fits = bytes.iter().zip(expected).all(|(byte, expected)| expected.is_none_or(|expected| expected == *byte));
        return if fits { Sslv2::Cut } else { Sslv2::Not };
    };
    let &[0x80, length, 1, major, minor, a, b, c, d, e, f] = head else { return Sslv2::Not };
    let [suites, session, challenge] = [[a, b], [c, d], [e, f]].map(|pair| usize::from(u16::from_be_bytes(pair)));
    let sums = 9 + suites + session + challenge == usize::from(length);
    let shape = suites > 0 && suites % 3 == 0 && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
    let offered = u16::from_be_bytes([major, minor]);
    match sums && shape && matches!(offered, 0x0002 | 0x0300..=0x0303) {
        true => Sslv2::Hello { offered, end: 2 + usize::from(length) },
        false => Sslv2::Not,
    }
}

/// The fixed bytes of a hello by their offset; between them are the random and the session's name.
type Fixed = &'static [(usize, &'static [u8])];
/// The hellos of MS-TURN over TCP, which look like TLS and are not ([MS-TURN] §2.1.1): the only suite is 0x0018, there
/// are no extensions, and ServerHelloDone follows ServerHello in its record without a certificate.
const PSEUDO_CLIENT: Fixed = &[(0, &[0x16, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1]), (43, &[0, 0, 2, 0, 0x18, 1, 0])];
const PSEUDO_SERVER: Fixed =
    &[(0, &[0x16, 3, 1, 0, 0x4e, 2, 0, 0, 0x46, 3, 1]), (43, &[0x20]), (76, &[0, 0x18, 0, 0x0e, 0, 0, 0])];

/// How the first bytes of a direction compare to those hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pseudo {
    It,
    /// All that is there fits; it can be told with this many bytes.
    Open(usize),
    Not,
}

/// Compares with both.
pub(super) fn pseudo(bytes: &[u8]) -> Pseudo {
    match compare(bytes, PSEUDO_CLIENT) {
        Pseudo::Not => compare(bytes, PSEUDO_SERVER),
        other => other,
    }
}

fn compare(bytes: &[u8], fixed: Fixed) -> Pseudo {
    for (offset, expected) in fixed {
        let there = bytes.get(*offset..).unwrap_or_default();
        if there.iter().zip(*expected).any(|(byte, expected)| byte != expected) {
            return Pseudo::Not;
        }
        if there.len() < expected.len() {
            return Pseudo::Open(offset + there.len() + 1);
        }
    }
    Pseudo::It
}

#[cfg(test)]
mod tests {
    use super::super::testing::{extension, server_name};
    use super::*;

    fn client_body(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
        super::super::testing::client_hello(version, extensions)[4..].to_vec()
    }

    fn server_body(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
        super::super::testing::server_hello(version, 0xc02f, extensions)[4..].to_vec()
    }

    /// RFC 8446 §4.2.1, as a client sends it.
    fn versions(list: &[u16]) -> Vec<u8> {
        let list: Vec<u8> = list.iter().flat_map(|version| version.to_be_bytes()).collect();
        extension(43, &[&[list.len() as u8], &list[..]].concat())
    }

    /// RFC 7301, as a server sends it.
    fn protocol(name: &[u8]) -> Vec<u8> {
        let length = name.len() as u8;
        extension(16, &[&[0, length + 1, length], name].concat())
    }

    #[test]
    fn the_highest_version_offered() {
        let offered = |version, list: &[u16]| client(&client_body(version, &[versions(list)]), true).offered;
        assert_eq!(client(&client_body(0x0301, &[]), true).offered, Some(0x0301));
        assert_eq!(client(&client_body(0x0303, &[]), true).offered, Some(0x0303));
        assert_eq!(offered(0x0303, &[0x0303, 0x0304, 0x0302]), Some(0x0304));
        assert_eq!(offered(0x0303, &[0xfafa, 0x0304]), Some(0x0304), "GREASE");
        assert_eq!(offered(0x0303, &[0x7a7a, 0x0302]), Some(0x0303), "GREASE, and nothing higher");
        assert_eq!(offered(0x0303, &[0x7f1c, 0x0304]), Some(0x0304), "a draft is older");
        assert_eq!(offered(0x0303, &[0x0303, 0x7f1c]), Some(0x7f1c));
        assert_eq!(offered(0x0303, &[0x1234]), Some(0x0303));
    }

    #[test]
    fn a_client_hello_cut_anywhere_offers_what_it_offers_or_nothing() {
        let body = client_body(0x0303, &[server_name("fe01"), extension(0x0a0a, &[]), versions(&[0x0304, 0x0303])]);
        assert_eq!(client(&body, true), ClientHello { offered: Some(0x0304), server_name: Some("fe01".into()) });
        for length in 0..body.len() {
            let cut = client(&body[..length], false);
            assert_eq!(cut.offered, None, "at {length}");
            assert!(cut.server_name.is_none_or(|name| name == "fe01"));
        }
        // What stands before the cut is read.
        assert_eq!(client(&body[..body.len() - 3], false).server_name.as_deref(), Some("fe01"));
        let old = client_body(0x0302, &[server_name("fe01")]);
        assert!((2..old.len()).all(|length| client(&old[..length], false).offered == Some(0x0302)));
    }

    #[test]
    fn server_names() {
        let name = |extension: Vec<u8>| client(&client_body(0x0303, &[extension]), true).server_name;
        assert_eq!(name(server_name("sip.contoso.com")).as_deref(), Some("sip.contoso.com"));
        assert_eq!(name(server_name("")), None);
        assert_eq!(name(extension(0, &[])), None);
        assert_eq!(name(extension(0, &[0, 5, 0, 0, 9, b'x', b'y'])), None, "longer than it is");
        assert_eq!(name(server_name("\u{1b}[31m\0")).as_deref(), Some("\u{1b}[31m\0"), "escaped where it is printed");
        let long = name(server_name(&"a".repeat(60_000))).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (256, true));
        let invalid = extension(0, &[0, 5, 0, 0, 2, 0xff, b'y']);
        assert_eq!(name(invalid).as_deref(), Some("\u{fffd}y"));
        // One malformed extension costs only itself.
        let both = client(&client_body(0x0303, &[extension(0, &[9]), versions(&[0x0304])]), true);
        assert_eq!(both, ClientHello { offered: Some(0x0304), server_name: None });
    }

    #[test]
    fn what_the_server_chooses() {
        let chosen = |version, list: &[Vec<u8>]| server(&server_body(version, list), true);
        let plain = chosen(0x0303, &[protocol(b"http/1.1")]);
        assert_eq!((plain.version, plain.cipher_suite), (Some(0x0303), Some(0xc02f)));
        assert_eq!(plain.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(chosen(0x0303, &[]).version, Some(0x0303));
        assert_eq!(chosen(0x0300, &[]).version, Some(0x0300));
        assert_eq!(chosen(0x0303, &[extension(43, &[3, 4])]).version, Some(0x0304));
        assert_eq!(chosen(0x0303, &[extension(43, &[0x7f, 0x1c])]).version, Some(0x7f1c));
        assert!(is_1_3(0x7f1c) && is_1_3(0x0304) && !is_1_3(0x0303));
        // The drafts up to 21 choose in the version itself.
        assert_eq!(chosen(0x7f12, &[]).version, Some(0x7f12));
    }

    #[test]
    fn a_server_hello_cut_anywhere_may_be_of_1_3() {
        let body = server_body(0x0303, &[protocol(b"h2"), extension(43, &[3, 4]), extension(51, &[0; 36])]);
        for length in 0..body.len() {
            assert!(matches!(server(&body[..length], false).version, None | Some(0x0304)), "at {length}");
        }
        let body = server_body(0x0303, &[protocol(b"h2")]);
        assert!((0..body.len()).all(|length| server(&body[..length], false).version.is_none()));
        assert_eq!(server(&body[..body.len() - 1], false).cipher_suite, Some(0xc02f));
        let old = server_body(0x0301, &[protocol(b"h2")]);
        assert!((2..old.len()).all(|length| server(&old[..length], false).version == Some(0x0301)));
        // A list whose last extension runs over its end: what it hides is not known.
        let mut torn = body;
        let last = torn.len() - 6;
        torn[last] = 200;
        assert_eq!(server(&torn, true).version, None);
    }

    #[test]
    fn a_retry_is_of_1_3_even_if_it_is_cut() {
        let body = [&[3, 3][..], &RETRY, &[0, 0x13, 0x01, 0]].concat();
        assert_eq!(server(&body, false).version, Some(0x0304));
        assert_eq!(server(&body[..34], false).version, Some(0x0304));
        assert_eq!(server(&body[..33], false).version, None);
    }

    #[test]
    fn who_speaks() {
        assert_eq!(speaker([1, 0, 0, 41, 3, 0]), Some(Speaker::Initiator));
        assert_eq!(speaker([1, 0, 0, 40, 3, 3]), None);
        assert_eq!(speaker([1, 1, 0, 0, 3, 3]), None);
        assert_eq!(speaker([2, 0, 0, 38, 3, 3]), Some(Speaker::Responder));
        assert_eq!(speaker([2, 0, 0, 37, 3, 3]), None);
        assert_eq!(speaker([2, 0, 0, 36, 0x7f, 18]), Some(Speaker::Responder));
        assert_eq!(speaker([2, 0, 0, 70, 2, 0]), None);
        assert_eq!(speaker([2, 0, 0, 70, 3, 5]), None);
    }
}
