//! TLS: whether it is, and what its handshake shows of versions, names and certificates.
//!
//! In: the first bytes of one direction, or of both. Out: a probe; [`Tls`] facts.
//! Must not know: ports, rows, whether what it sees is acceptable.
//!
//! RFC 5246, RFC 8446, and RFC 6101 for SSL 3.0. What is certain of the client's certificate:
//!
//! | seen in the clear | [`ClientCertificate`] |
//! |---|---|
//! | the client's Certificate, not empty | presented |
//! | the client's Certificate, empty; or SSL 3.0's alert 41 | empty |
//! | ServerHello to ServerHelloDone, with Certificate if the suite has one, without CertificateRequest | not requested |
//! | anything else: TLS 1.3, resumption, seen from the middle, cut, too long | nothing |
//!
//! One direction alone proves as much: a client sends Certificate only if asked (RFC 5246 §7.4.6), so the request need
//! not be seen; and a server that is done asks for nothing more. Where the two contradict, nothing is certain.
//! A renegotiation may ask for what the first handshake did not, and cannot be read: it takes back all but "presented".
//! It is waited for up to the first data of each end: IIS asks for a certificate late where its own first data would be.

use std::sync::Arc;

use super::{Notes, Prefix, Studied};
use crate::evidence::certificates::Certificates;
use crate::evidence::facts::{Alert, ClientCertificate, Details, Tls};
use crate::evidence::protocol::Speaker;
use crate::net::{Both, Direction};

use handshake::{Hello, Shown, Side};
use hello::Pseudo;

mod handshake;
mod hello;
pub mod names;
mod probe;
mod record;
/// How each end may begin.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    (
        "tcp ClientHello",
        b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\x00\x00\x04\xc0\x2f\x00\x2f\x01\x00",
    ),
    (
        "tcp ServerHello",
        b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\x00\xc0\x2f\x00",
    ),
    ("tcp alert", b"\x15\x03\x01\x00\x02\x02\x28"),
    ("tcp SSLv2-framed ClientHello", b"\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10\x00\x00\x2fZZZZZZZZZZZZZZZZ"),
];

#[cfg(test)]
mod testing;

pub use probe::stream;

/// What was read of both directions.
pub(super) type Sides = Both<Read>;

/// A direction, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// So many bytes; none before the first time.
    length: Option<usize>,
    side: Side,
}

impl Read {
    /// Reads on if there is more.
    fn go_on(&mut self, bytes: &[u8], certificates: &mut Certificates) {
        if self.length != Some(bytes.len()) {
            self.side = Side::read(bytes, std::mem::take(&mut self.side), certificates);
            self.length = Some(bytes.len());
        }
    }
}

/// What both directions together say: what more is wanted while they go on, the facts once both have ended.
#[must_use]
pub fn study(both: &Both<Prefix<'_>>, notes: &mut Notes, certificates: &mut Certificates) -> Studied {
    let pseudo = |prefix: &Prefix<'_>| hello::pseudo(prefix.bytes);
    if [&both.forward, &both.reverse].into_iter().any(|prefix| pseudo(prefix) == Pseudo::It) {
        return Studied::default();
    }
    let Both { forward, reverse } = &mut **notes.tls.get_or_insert_default();
    forward.go_on(both.forward.bytes, certificates);
    reverse.go_on(both.reverse.bytes, certificates);
    let sides = Both { forward: &forward.side, reverse: &reverse.side };
    let is_tls = sides.forward.is_tls || sides.reverse.is_tls;
    if both.forward.ended && both.reverse.ended {
        let details = is_tls.then(|| Details::Tls(Box::new(facts(&sides))));
        return Studied { details, wanted: Both::default() };
    }
    let outline = Outline::of(&sides);
    let wanted = |direction: Direction| outline.wanted(&sides, direction).filter(|_| !both.of(direction).ended);
    Studied { details: None, wanted: Both { forward: wanted(Direction::Forward), reverse: wanted(Direction::Reverse) } }
}

/// The direction of the client and of the server. Two clients or two servers are neither.
fn ends<'a>(sides: &Both<&'a Side>) -> (Option<&'a Side>, Option<&'a Side>) {
    match (sides.forward.speaker(), sides.reverse.speaker()) {
        (Some(a), Some(b)) if a == b => (None, None),
        (Some(Speaker::Initiator), _) | (_, Some(Speaker::Responder)) => (Some(sides.forward), Some(sides.reverse)),
        (Some(Speaker::Responder), _) | (_, Some(Speaker::Initiator)) => (Some(sides.reverse), Some(sides.forward)),
        _ => (None, None),
    }
}

fn facts(sides: &Both<&Side>) -> Tls {
    let (client, server) = ends(sides);
    let mut tls = Tls { alert: alert(sides, client), ..Tls::default() };
    if let Some(Side { hello: Some(Hello::Client(hello)), certificate, .. }) = client {
        tls.offered = hello.offered;
        tls.server_name = hello.server_name.clone();
        tls.client = certificate.as_ref().map(Arc::clone);
    }
    if let Some(Side { hello: Some(Hello::Server(hello)), certificate, .. }) = server {
        tls.cipher_suite = hello.cipher_suite;
        tls.alpn = hello.alpn.clone();
        tls.server = certificate.as_ref().map(Arc::clone);
    }
    let Outline { version, client_certificate } = Outline::of(sides);
    (tls.version, tls.client_certificate) = (version, client_certificate);
    let before_1_3 = tls.version.is_some_and(|version| !hello::is_1_3(version));
    tls.resumed = before_1_3 && server.is_some_and(|server| server.changed && server.shown.is_none() && !server.done);
    let declined = tls.client_certificate == Some(ClientCertificate::Empty);
    tls.tolerated = declined && server.is_some_and(|server| server.changed);
    tls
}

/// The table above.
fn client_certificate(client: Option<&Side>, server: Option<&Side>, version: Option<u16>) -> Option<ClientCertificate> {
    if version.is_some_and(hello::is_1_3) {
        return None;
    }
    let shown = client.filter(|client| client.is_client()).and_then(|client| client.shown);
    let requests = server.filter(|_| version.is_some()).and_then(|server| server.requests);
    let again = [client, server].into_iter().flatten().any(|side| side.renegotiates);
    match (requests, shown) {
        (Some(false), Some(_)) => None,
        (_, Some(Shown::Certificates)) => Some(ClientCertificate::Presented),
        _ if again => None,
        (_, Some(Shown::EmptyList)) => Some(ClientCertificate::Empty),
        (Some(false), None) => Some(ClientCertificate::NotRequested),
        (_, None) => None,
    }
}

/// The alert of either end. If both sent one, the fatal one is the cause; if both are alike, the client's is taken.
fn alert(sides: &Both<&Side>, client: Option<&Side>) -> Option<Alert> {
    let of = |side: &Side| {
        let alert = side.alert?;
        let from = match client {
            Some(client) if std::ptr::eq(client, side) => Speaker::Initiator,
            Some(_) => Speaker::Responder,
            None => Speaker::Either,
        };
        Some(Alert { from, fatal: alert.fatal, description: alert.description })
    };
    let alerts = [sides.forward, sides.reverse].into_iter().filter_map(of);
    alerts.min_by_key(|alert| (!alert.fatal, alert.from != Speaker::Initiator))
}

/// What decides whether it is worth reading on.
struct Outline {
    version: Option<u16>,
    client_certificate: Option<ClientCertificate>,
}

impl Outline {
    fn of(sides: &Both<&Side>) -> Self {
        let (client, server) = ends(sides);
        let version = match server {
            Some(Side { hello: Some(Hello::Server(hello)), .. }) => hello.version,
            _ => None,
        };
        Self { version, client_certificate: client_certificate(client, server, version) }
    }

    /// How many bytes a direction needs to say more; none if it said all, or if the rest is of no use.
    fn wanted(&self, sides: &Both<&Side>, direction: Direction) -> Option<usize> {
        let side = sides.of(direction);
        let begun = side.is_tls && !side.hello_is_cut;
        // Of 1.3 no more than the hellos is in the clear; from the middle nothing is.
        let unreadable =
            self.version.is_some_and(hello::is_1_3) || sides.forward.from_the_middle || sides.reverse.from_the_middle;
        // After ChangeCipherSpec only a renegotiation is of interest, and only where it takes something back.
        let taken_back =
            matches!(self.client_certificate, Some(ClientCertificate::Empty | ClientCertificate::NotRequested));
        side.wanted.filter(|_| !begun || (!unreadable && (!side.changed || taken_back)))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::evidence::noise::Noise;
    use ClientCertificate::{Empty, NotRequested, Presented};

    const NOTHING: &[u8] = &[];

    /// A certificate that cannot be read counts as one that was shown.
    const SOME: &[u8] = &[0x30, 0];

    /// What is wanted of two directions that go on, and what is known once they have ended.
    fn studied(client: &[u8], server: &[u8]) -> Studied {
        let (mut notes, mut certificates) = (Notes::default(), Certificates::default());
        let mut both = Both { forward: prefix(client), reverse: prefix(server) };
        let Studied { wanted, .. } = study(&both, &mut notes, &mut certificates);
        (both.forward.ended, both.reverse.ended) = (true, true);
        Studied { wanted, ..study(&both, &mut notes, &mut certificates) }
    }

    fn read(client: &[u8], server: &[u8]) -> Tls {
        match studied(client, server).details {
            Some(Details::Tls(tls)) => *tls,
            other => panic!("{other:?}"),
        }
    }

    /// One end of a handshake: its messages before ChangeCipherSpec, in one record, and what follows.
    fn end(version: u16, messages: &[Vec<u8>], after: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = record(22, version, &messages.concat());
        after.iter().for_each(|(kind, payload)| bytes.extend(record(*kind, version, payload)));
        bytes
    }

    const FINISHED: &[u8] = &[0xc3; 40];
    const DATA: &[u8] = &[0x99; 64];
    const CLOSED: &[(u8, &[u8])] = &[(20, CCS), (22, FINISHED), (23, DATA)];
    const AGAIN: &[(u8, &[u8])] = &[(20, CCS), (22, FINISHED), (22, FINISHED), (23, DATA)];

    fn key_exchange() -> Vec<u8> {
        message(16, &[0x42; 66])
    }

    /// A client's end in TLS 1.2: ClientHello in its own record, then the messages, then what follows.
    fn client(messages: &[Vec<u8>], after: &[(u8, &[u8])]) -> Vec<u8> {
        let hello = client_hello(0x0303, &[server_name("fe01.contoso.local")]);
        [record(22, 0x0301, &hello), end(0x0303, messages, after)].concat()
    }

    /// A server's end in TLS 1.2 with RSA.
    fn server(messages: &[Vec<u8>], after: &[(u8, &[u8])]) -> Vec<u8> {
        let hello = server_hello(0x0303, 0x002f, &[extension(0xff01, &[0])]);
        end(0x0303, &[&[hello], messages].concat(), after)
    }

    fn done() -> Vec<u8> {
        message(14, NOTHING)
    }

    struct Case {
        name: &'static str,
        client: Vec<u8>,
        server: Vec<u8>,
        expected: Option<ClientCertificate>,
        version: Option<u16>,
        resumed: bool,
    }

    fn case(name: &'static str, client: Vec<u8>, server: Vec<u8>, expected: Option<ClientCertificate>) -> Case {
        Case { name, client, server, expected, version: Some(0x0303), resumed: false }
    }

    /// What the table of the research says, row by row, and what it leaves open.
    fn cases() -> Vec<Case> {
        let (cert, request, none) = (|| certificates(&[SOME, SOME]), || certificate_request(200), || certificates(&[]));
        let verify = || message(15, &[0x17; 70]);
        let full = || server(&[cert(), done()], CLOSED);
        let asks = || server(&[cert(), request(), done()], CLOSED);
        let plain = || client(&[key_exchange()], CLOSED);
        let shows = || client(&[cert(), key_exchange(), verify()], CLOSED);
        let anonymous = server_hello(0x0303, 0x0034, &[]);
        let tls_1_3 = server_hello(0x0303, 0x1301, &[extension(43, &[3, 4])]);
        let resumed = |case: Case| Case { resumed: true, ..case };
        let of_version = |version: Option<u16>, case: Case| Case { version, ..case };
        vec![
            case("mutual", shows(), asks(), Some(Presented)),
            case("mutual, then again", client(&[cert(), key_exchange(), verify()], AGAIN), asks(), Some(Presented)),
            case("mutual, 20 KB of names", shows(), long_request(), Some(Presented)),
            case("declined", client(&[none(), key_exchange()], CLOSED), asks(), Some(Empty)),
            case("declined and refused", client(&[none(), key_exchange()], &[]), refused(), Some(Empty)),
            case("not requested", plain(), full(), Some(NotRequested)),
            case(
                "not requested, no certificate",
                plain(),
                end(0x0303, &[anonymous, done()], CLOSED),
                Some(NotRequested),
            ),
            case("requested, not answered", client_hello_only(), asks(), None),
            case("the server alone", vec![], full(), Some(NotRequested)),
            case("the server alone, which asks", vec![], asks(), None),
            of_version(None, case("the client alone, with a certificate", shows(), vec![], Some(Presented))),
            of_version(None, case("the client alone, without", client(&[none()], &[]), vec![], Some(Empty))),
            of_version(None, case("the client alone, not asked", plain(), vec![], None)),
            case("shown and not asked for", shows(), full(), None),
            case("late request", plain(), server(&[cert(), done()], AGAIN), None),
            case("the client begins again", client(&[key_exchange()], AGAIN), full(), None),
            case("RSA without a certificate", plain(), server(&[done()], CLOSED), None),
            resumed(case("resumed by its number", client(&[], CLOSED), server(&[], CLOSED), None)),
            resumed(case("resumed, new ticket", client(&[], CLOSED), server(&[message(4, &[1; 90])], CLOSED), None)),
            of_version(Some(0x0304), case("1.3", client(&[], CLOSED), end(0x0303, &[tls_1_3], CLOSED), None)),
            case("the certificate is cut", plain(), full()[..60].to_vec(), None),
            case("the flight is cut", plain(), server(&[cert()], &[]), None),
            of_version(None, case("the middle", record(23, 0x0303, DATA), record(23, 0x0303, DATA), None)),
            of_version(
                None,
                case(
                    "after the hellos",
                    end(0x0303, &[cert(), key_exchange()], CLOSED),
                    end(0x0303, &[cert(), done()], CLOSED),
                    None,
                ),
            ),
            of_version(None, case("one direction begins encrypted", plain(), record(23, 0x0303, DATA), None)),
        ]
    }

    fn client_hello_only() -> Vec<u8> {
        record(22, 0x0301, &client_hello(0x0303, &[server_name("fe01.contoso.local")]))
    }

    fn refused() -> Vec<u8> {
        server(&[certificates(&[SOME]), certificate_request(0), done()], &[(21, &[2, 40])])
    }

    /// A flight that takes two records, because the list of names is long.
    fn long_request() -> Vec<u8> {
        let hello = server_hello(0x0303, 0x002f, &[]);
        let flight = [hello, certificates(&[SOME]), certificate_request(20_000), done()].concat();
        let mut bytes: Vec<u8> = flight.chunks(1 << 14).flat_map(|part| record(22, 0x0303, part)).collect();
        bytes.extend(CLOSED.iter().flat_map(|(kind, payload)| record(*kind, 0x0303, payload)));
        bytes
    }

    #[test]
    fn the_table_of_client_certificates() {
        for Case { name, client, server, expected, version, resumed } in cases() {
            let tls = read(&client, &server);
            assert_eq!(tls.client_certificate, expected, "{name}");
            assert_eq!(tls.version, version, "{name}");
            assert_eq!(tls.resumed, resumed, "{name}");
        }
    }

    #[test]
    fn it_does_not_matter_which_direction_is_the_client() {
        for Case { name, client, server, .. } in cases() {
            assert_eq!(read(&client, &server), read(&server, &client), "{name}");
        }
    }

    /// The same handshake bytes in other records, up to the first record that is none of handshake.
    fn refragmented(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut handshake = Vec::new();
        let mut rest = bytes;
        while let [22, _, _, high, low, payload @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            handshake.extend(&payload[..length.min(payload.len())]);
            rest = &payload[length.min(payload.len())..];
        }
        let records = handshake.chunks(size).flat_map(|part| record(22, 0x0303, part));
        records.chain(rest.iter().copied()).collect()
    }

    #[test]
    fn it_does_not_matter_how_messages_lie_in_records() {
        for Case { name, client, server, .. } in cases().into_iter().filter(|case| !case.name.contains("cut")) {
            let expected = read(&client, &server);
            for size in [100, 1000, 1 << 14] {
                let (a, b) = (refragmented(&client, size), refragmented(&server, size));
                assert_eq!(read(&a, &b), expected, "{name} in records of {size}");
            }
        }
    }

    #[test]
    fn records_of_one_byte_are_read_as_far_as_256_of_them_go() {
        let (short, anonymous) = (client_hello(0x0301, &[]), server_hello(0x0301, 0x0034, &[]));
        let bytes = |messages: &[Vec<u8>]| refragmented(&end(0x0301, messages, CLOSED), 1);
        let both = (bytes(&[short]), bytes(&[anonymous.clone(), done()]));
        assert_eq!(read(&both.0, &both.1).client_certificate, Some(NotRequested));
        let long = bytes(&[anonymous, certificate_request(300), done()]);
        let studied = studied(&both.0, &long);
        assert_eq!(studied.wanted.reverse, None, "given up");
        let Some(Details::Tls(tls)) = studied.details else { panic!() };
        assert_eq!((tls.version, tls.client_certificate), (Some(0x0301), None));
    }

    /// As a caller does: both directions grow, and it asks again when one of them has what was wanted.
    fn step_by_step(one: &[u8], other: &[u8], first: usize) -> (Option<Details>, usize) {
        let (mut notes, mut certificates) = (Notes::default(), Certificates::default());
        let mut wanted = Both { forward: Some(1), reverse: Some(1) };
        let mut calls = 0;
        for grown in 1..=one.len() + other.len() + first {
            // The bytes of one come `first` bytes before those of the other.
            let there = Both { forward: grown.min(one.len()), reverse: grown.saturating_sub(first).min(other.len()) };
            let is_due = |direction| wanted.of(direction).is_some_and(|wanted| *there.of(direction) >= wanted);
            if !is_due(Direction::Forward) && !is_due(Direction::Reverse) {
                continue;
            }
            let both = Both { forward: prefix(&one[..there.forward]), reverse: prefix(&other[..there.reverse]) };
            let studied = study(&both, &mut notes, &mut certificates);
            let anew = study(&both, &mut Notes::default(), &mut certificates);
            assert_eq!(studied.wanted, anew.wanted, "what was noted says the same");
            for direction in [Direction::Forward, Direction::Reverse] {
                assert!(studied.wanted.of(direction).is_none_or(|wanted| wanted > *there.of(direction)));
            }
            wanted = studied.wanted;
            calls += 1;
        }
        let over = |bytes| Prefix { ended: true, ..prefix(bytes) };
        let both = Both { forward: over(one), reverse: over(other) };
        (study(&both, &mut notes, &mut certificates).details, calls)
    }

    #[test]
    fn asked_only_when_it_wants_it_knows_all_in_the_end() {
        for Case { name, client, server, .. } in cases() {
            let expected = read(&client, &server);
            let orders = [(&client, &server), (&server, &client)];
            for ((one, other), first) in
                orders.into_iter().flat_map(|order| [0, 10, 300, 4000].map(|first| (order, first)))
            {
                let (details, calls) = step_by_step(one, other, first);
                let Some(Details::Tls(tls)) = details else { panic!("{name}") };
                assert_eq!(*tls, expected, "{name}, {first} bytes first");
                assert!(calls <= 40, "{name}: {calls} calls");
            }
        }
    }

    #[test]
    fn whatever_is_cut_never_says_anything_wrong() {
        for Case { name, client, server, expected, version, .. } in cases() {
            if client.len() + server.len() > 5000 || matches!(name, "late request" | "the client begins again") {
                continue;
            }
            let check = |client: &[u8], server: &[u8]| {
                let Some(Details::Tls(tls)) = studied(client, server).details else { return };
                let certificate = tls.client_certificate;
                assert!(
                    certificate.is_none() || certificate == expected || is_contradiction(name),
                    "{name}: {certificate:?}"
                );
                assert!(tls.version.is_none() || tls.version == version, "{name}: {tls:?}");
                assert!(matches!(tls.offered, None | Some(0x0303)), "{name}: {tls:?}");
                assert!(tls.server_name.is_none_or(|name| name == "fe01.contoso.local"));
            };
            (0..client.len()).for_each(|cut| check(&client[..cut], &server));
            (0..server.len()).for_each(|cut| check(&client, &server[..cut]));
        }
    }

    /// Where one end takes back what the other shows, the other alone still shows it.
    fn is_contradiction(name: &str) -> bool {
        matches!(name, "shown and not asked for")
    }

    #[test]
    fn what_more_a_recorded_handshake_tells() {
        let (client, server) = (decode(MUTUAL_CLIENT), decode(MUTUAL_SERVER));
        let seen = read(&client, &server);
        assert_eq!((seen.offered, seen.version), (Some(0x0303), Some(0x0303)));
        assert_eq!(seen.server_name.as_deref(), Some("fe01.contoso.local"));
        assert_eq!((seen.cipher_suite, seen.alpn.as_deref()), (Some(0xc02c), None));
        assert_eq!((seen.client_certificate, seen.resumed, seen.alert), (Some(Presented), false, None));
        assert_eq!(seen.server.unwrap().subject, "OU=Ops+CN=fe01.contoso.local,O=Contoso\\, Ltd.,DC=contoso,DC=local");
        assert_eq!(seen.client.unwrap().subject, "CN=mediation01.contoso.local");
        assert_eq!(studied(&client, &server).wanted, Both { forward: None, reverse: None });

        let resumed = read(&decode(RESUMED_CLIENT), &decode(RESUMED_SERVER));
        assert_eq!((resumed.version, resumed.resumed, resumed.client_certificate), (Some(0x0301), true, None));

        let new = read(&decode(HELLO_1_3), &decode(SERVER_1_3));
        assert_eq!((new.offered, new.version, new.client_certificate), (Some(0x0304), Some(0x0304), None));
        assert_eq!((new.cipher_suite, new.server_name.as_deref()), (Some(0x1302), Some("sip.contoso.local")));
        assert!(!new.resumed);

        let retry = read(&decode(RETRY_CLIENT), &decode(RETRY_SERVER));
        assert_eq!((retry.offered, retry.version, retry.resumed), (Some(0x0304), Some(0x0304), false));
    }

    #[test]
    fn recorded_handshakes_cut_anywhere_and_step_by_step() {
        let pairs = [(MUTUAL_CLIENT, MUTUAL_SERVER), (RESUMED_CLIENT, RESUMED_SERVER), (HELLO_1_3, SERVER_1_3)];
        for (client, server) in pairs.map(|(client, server)| (decode(client), decode(server))) {
            let whole = read(&client, &server);
            let (details, calls) = step_by_step(&client, &server, 0);
            let Some(Details::Tls(stepped)) = details else { panic!() };
            assert_eq!(*stepped, whole);
            assert!(calls <= 32, "{calls}");
            for cut in 0..client.len() {
                let Some(Details::Tls(tls)) =
                    studied(&client[..cut], &server[..server.len() * cut / client.len()]).details
                else {
                    assert!(cut < 30);
                    continue;
                };
                assert!(tls.client_certificate.is_none() || tls.client_certificate == whole.client_certificate);
                assert!(tls.version.is_none() || tls.version == whole.version);
                assert!(tls.offered.is_none() || tls.offered == whole.offered);
            }
        }
    }

    #[test]
    fn a_hello_that_the_snaplen_cuts_is_tls_of_unknown_version() {
        let studied = studied(&decode(HELLO_1_3)[..42], NOTHING);
        let Some(Details::Tls(tls)) = studied.details else { panic!() };
        assert_eq!(*tls, Tls::default());
        assert_eq!(studied.wanted, Both { forward: Some(338), reverse: Some(6) });
        let old = read(&record(22, 0x0301, &client_hello(0x0301, &[]))[..42], NOTHING);
        assert_eq!(old.offered, Some(0x0301), "1.3 cannot be offered behind it");
    }

    #[test]
    fn sslv2_hello_before_tls() {
        let lists = [&[1, 0, 0x80, 0, 0, 0x2f][..], &[0x5a; 16]].concat();
        let hello = [&[0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16][..], &lists].concat();
        let server = end(0x0301, &[server_hello(0x0301, 0x002f, &[]), certificates(&[SOME]), done()], CLOSED);
        let client = [hello.clone(), end(0x0301, &[key_exchange()], CLOSED)].concat();
        let seen = read(&client, &server);
        assert_eq!((seen.offered, seen.version), (Some(0x0301), Some(0x0301)));
        assert_eq!(seen.client_certificate, Some(NotRequested));
        assert_eq!(studied(&hello[..20], NOTHING).wanted.forward, Some(39));
    }

    #[test]
    fn ssl_3_says_by_an_alert_that_it_has_no_certificate() {
        let hello = || record(22, 0x0300, &client_hello(0x0300, &[]));
        let client = [hello(), record(21, 0x0300, &[1, 41]), end(0x0300, &[key_exchange()], CLOSED)].concat();
        let asks = [server_hello(0x0300, 0x0005, &[]), certificates(&[SOME]), certificate_request(0), done()];
        let seen = read(&client, &end(0x0300, &asks, CLOSED));
        assert_eq!((seen.version, seen.client_certificate), (Some(0x0300), Some(Empty)));
        let alert = Alert { from: Speaker::Initiator, fatal: false, description: 41 };
        assert_eq!(seen.alert, Some(alert));
    }

    #[test]
    fn alerts_and_who_sent_them() {
        let alert = |level, description| record(21, 0x0303, &[level, description]);
        let of = |client: &[u8], server: &[u8]| read(client, server).alert.unwrap();
        let fatal = |from, description| Alert { from, fatal: true, description };
        assert_eq!(of(&client_hello_only(), &alert(2, 70)), fatal(Speaker::Responder, 70));
        assert_eq!(of(NOTHING, &alert(2, 70)), fatal(Speaker::Either, 70));
        let flight = server(&[certificates(&[SOME]), done()], &[]);
        let unknown_ca = [client_hello_only(), alert(2, 48)].concat();
        assert_eq!(of(&unknown_ca, &flight), fatal(Speaker::Initiator, 48));
        assert_eq!(of(&alert(2, 48), &flight), fatal(Speaker::Initiator, 48), "the other end is the server");
        // A warning before the hello does not hide what ends it; an answer does not hide the cause.
        let warned = [alert(1, 112), flight.clone()].concat();
        assert_eq!(
            of(&client_hello_only(), &warned),
            Alert { from: Speaker::Responder, fatal: false, description: 112 }
        );
        assert_eq!(of(&unknown_ca, &warned), fatal(Speaker::Initiator, 48));
        assert_eq!(read(&client_hello_only(), &warned).client_certificate, Some(NotRequested));
        // After ChangeCipherSpec it is encrypted, even if it looks like one.
        let late = client(&[key_exchange()], &[(20, CCS), (22, FINISHED), (21, &[2, 20])]);
        assert_eq!(read(&late, &flight).alert, None);
    }

    #[test]
    fn wanted_is_exact() {
        let server = server(&[certificates(&[SOME]), done()], CLOSED);
        let wanted = |length: usize| studied(&client_hello_only(), &server[..length]).wanted.reverse;
        let hello = 5 + 4 + 38 + 7;
        assert_eq!(wanted(0), Some(6));
        assert_eq!(wanted(4), Some(6));
        assert_eq!(wanted(5), Some(9), "the head of a message");
        assert_eq!(wanted(9), Some(hello));
        assert_eq!(wanted(hello), Some(hello + 4));
        let certificate = hello + 4 + 3 + 5;
        assert_eq!(wanted(hello + 4), Some(certificate));
        assert_eq!(wanted(certificate), Some(certificate + 4));
        let flight = certificate + 4;
        assert_eq!(wanted(flight), Some(flight + 6), "ChangeCipherSpec");
        assert_eq!(wanted(flight + 6), Some(flight + 11), "what follows it");
        assert_eq!(wanted(flight + 11), Some(flight + 11 + 40 + 5), "what follows Finished");
        assert_eq!(wanted(flight + 11 + 45), None, "it is data");
        // A message that runs over the end of its record costs another header.
        let long = long_request();
        let asked = studied(&client_hello_only(), &long[..1000]).wanted.reverse;
        assert_eq!(asked, Some(5 + 42 + 12 + 4 + 11 + 20_000 + 5));
        // What has ended wants nothing.
        let hello = client_hello_only();
        let both = Both { forward: Prefix { ended: true, ..prefix(&hello) }, reverse: prefix(&[]) };
        assert_eq!(
            study(&both, &mut Notes::default(), &mut Certificates::default()).wanted,
            Both { forward: None, reverse: Some(6) }
        );
    }

    #[test]
    fn what_is_not_tls_has_no_facts() {
        for (client, server) in [(&b"GET / HTTP/1.1\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\n"[..]), (NOTHING, NOTHING)] {
            assert!(studied(client, server).details.is_none());
        }
        let seen = read(&client_hello_only(), b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!((seen.offered, seen.version), (Some(0x0303), None));
        let asked = read(b"GET / HTTP/1.1\r\n\r\n", &record(21, 0x0303, &[2, 10]));
        assert_eq!(asked.alert.map(|alert| alert.from), Some(Speaker::Either));
    }

    #[test]
    fn the_hello_of_ms_turn_has_no_facts() {
        let head = [0x16, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1];
        let client = [&head[..], &[0x77; 32], &[0, 0, 2, 0, 0x18, 1, 0], &[2, 0, 0, 20]].concat();
        let head = [0x16, 3, 1, 0, 0x4e, 2, 0, 0, 0x46, 3, 1];
        let server = [&head[..], &[0x77; 32], &[0x20], &[0x66; 32], &[0, 0x18, 0, 0x0e, 0, 0, 0]].concat();
        for (client, server) in [(&client[..], &server[..]), (NOTHING, &server[..]), (&client[..], NOTHING)] {
            let studied = studied(client, server);
            assert!(studied.details.is_none());
            assert_eq!(studied.wanted, Both::default());
        }
    }

    #[test]
    fn two_clients_are_neither_client_nor_server() {
        let seen = read(&client_hello_only(), &client_hello_only());
        assert_eq!(seen, Tls::default());
    }

    #[test]
    fn damaged_bytes_do_no_harm() {
        let mut noise = Noise::new(0xfeed_beef);
        let cases = cases();
        for round in 0..20_000 {
            let case = &cases[round % cases.len()];
            let [mut client, mut server] = [case.client.clone(), case.server.clone()];
            for bytes in [&mut client, &mut server] {
                for _ in 0..noise.next() % 4 {
                    let at = noise.next() as usize % bytes.len().max(1);
                    bytes.get_mut(at).into_iter().for_each(|byte| *byte = noise.next() as u8);
                }
                bytes.truncate(2000);
            }
            let studied = studied(&client, &server);
            assert!(studied.wanted.forward.is_none_or(|wanted| wanted > client.len()), "{round}");
            assert!(studied.wanted.reverse.is_none_or(|wanted| wanted > server.len()), "{round}");
        }
    }
}
