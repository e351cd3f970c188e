//! TLS as OpenSSL speaks it, in every version that the library still has.
//!
//! In: `openssl s_server` and `s_client`. Out: that version, names and client certificate are what the two agreed on.
//! Must not know: how TLS is read.

use lyncap::evidence::{ClientCertificate, Protocol};
use lyncap::net::Transport;
use lyncap::verdict::Basis;

use super::place::Place;
use super::watch::{Flows, Watch};

use ClientCertificate::{Empty, NotRequested, Presented};

const TLS_1_0: Option<u16> = Some(0x0301);
const TLS_1_1: Option<u16> = Some(0x0302);
const TLS_1_2: Option<u16> = Some(0x0303);
const TLS_1_3: Option<u16> = Some(0x0304);

/// What servers are asked for, and what their certificate is made out to.
const NAME: &str = "pool01.contoso.local";

/// One server, and the connections made to it one after another.
struct Case {
    /// What is special about it.
    what: &'static str,
    /// Words for the server.
    server: &'static str,
    /// Words for the client, once for each connection.
    clients: &'static [&'static str],
    /// What is to be seen of the last connection.
    seen: Tls<'static>,
}

/// What the handshake shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tls<'a> {
    version: Option<u16>,
    client: Option<ClientCertificate>,
    resumed: bool,
    alpn: Option<&'a str>,
    /// The server's certificate can be read.
    server: bool,
    /// Description of the first alert in the clear.
    alert: Option<u8>,
}

/// A full handshake without more.
const fn full(version: Option<u16>, client: Option<ClientCertificate>) -> Tls<'static> {
    Tls { version, client, resumed: false, alpn: None, server: client.is_some(), alert: None }
}

const RESUMED: Tls<'static> = Tls { resumed: true, ..full(TLS_1_2, None) };

const CASES: &[Case] = &[
    Case {
        what: "1.0",
        server: "-tls1 -cipher DEFAULT@SECLEVEL=0",
        clients: &["-tls1 -cipher DEFAULT@SECLEVEL=0"],
        seen: full(TLS_1_0, Some(NotRequested)),
    },
    Case {
        what: "1.1, mutual",
        server: "-tls1_1 -cipher DEFAULT@SECLEVEL=0 -Verify 1 -CAfile client.pem",
        clients: &["-tls1_1 -cipher DEFAULT@SECLEVEL=0 -cert client.pem -key client.key"],
        seen: full(TLS_1_1, Some(Presented)),
    },
    Case {
        what: "1.2, as Schannel does it: RSA key transport",
        server: "-tls1_2 -cipher AES128-SHA256",
        clients: &["-tls1_2"],
        seen: full(TLS_1_2, Some(NotRequested)),
    },
    Case {
        what: "1.2 with an ephemeral key",
        server: "-tls1_2 -cipher ECDHE",
        clients: &[""],
        seen: full(TLS_1_2, Some(NotRequested)),
    },
    Case {
        what: "1.2 with an application protocol",
        server: "-tls1_2 -alpn http/1.1",
        clients: &["-alpn h2,http/1.1"],
        seen: Tls { alpn: Some("http/1.1"), ..full(TLS_1_2, Some(NotRequested)) },
    },
    Case {
        what: "1.2, mutual",
        server: "-tls1_2 -Verify 1 -CAfile client.pem",
        clients: &["-cert client.pem -key client.key"],
        seen: full(TLS_1_2, Some(Presented)),
    },
    Case {
        what: "1.2, a certificate is requested and declined",
        server: "-tls1_2 -verify 1 -CAfile client.pem",
        clients: &[""],
        seen: full(TLS_1_2, Some(Empty)),
    },
    Case {
        what: "1.2, mutual, the server names more authorities than fit into a record",
        server: "-tls1_2 -Verify 1 -CAfile authorities.pem",
        clients: &["-cert client.pem -key client.key"],
        seen: full(TLS_1_2, Some(Presented)),
    },
    Case {
        what: "1.2, many authorities, declined",
        server: "-tls1_2 -verify 1 -CAfile authorities.pem",
        clients: &[""],
        seen: full(TLS_1_2, Some(Empty)),
    },
    Case {
        what: "1.2, resumed by ticket",
        server: "-tls1_2",
        clients: &["-sess_out ticket", "-sess_in ticket"],
        seen: RESUMED,
    },
    Case {
        what: "1.2, a mutual session resumed by number",
        server: "-tls1_2 -no_ticket -Verify 1 -CAfile client.pem",
        clients: &["-cert client.pem -key client.key -sess_out number", "-sess_in number"],
        seen: RESUMED,
    },
    Case { what: "1.3", server: "-tls1_3", clients: &["-alpn h2"], seen: full(TLS_1_3, None) },
    Case {
        what: "1.3, mutual: nothing of it can be seen",
        server: "-tls1_3 -Verify 1 -CAfile client.pem",
        clients: &["-cert client.pem -key client.key"],
        seen: full(TLS_1_3, None),
    },
    Case {
        what: "1.3, asked to begin again with another curve",
        server: "-tls1_3 -groups P-384",
        clients: &["-groups X25519:P-384"],
        seen: full(TLS_1_3, None),
    },
    Case {
        what: "1.3 without its disguise as 1.2",
        server: "-tls1_3 -no_middlebox",
        clients: &["-no_middlebox"],
        seen: full(TLS_1_3, None),
    },
    Case {
        what: "no version in common",
        server: "-tls1_3",
        clients: &["-tls1_2"],
        seen: Tls { alert: Some(70), ..full(None, None) },
    },
];

/// Makes an RSA certificate with its key.
fn certificate(place: &Place, name: &str, subject: &str) {
    let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
    let alternative = format!("subjectAltName=DNS:{NAME},IP:127.0.0.1");
    let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", &key, "-out", &pem];
    let words = words.into_iter().chain(["-subj", subject, "-addext", &alternative]);
    place.run("openssl", &*words.collect::<Vec<_>>(), b"").checked();
}

/// Makes a file of certificates whose subjects alone fill more than one record of 16 KiB.
fn authorities(place: &Place) {
    const UNITS: usize = 24;
    let mut all = std::fs::read(place.path("client.pem")).unwrap();
    for number in 0..12 {
        let unit = |unit| format!("/OU=Unit {unit:03} of authority {number:03}, as long a name as a directory allows");
        let subject: String = (0..UNITS).map(unit).collect();
        let words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let words = words.into_iter().chain(["-keyout", "unused.key", "-out", "one.pem", "-subj", &subject]);
        place.run("openssl", &*words.collect::<Vec<_>>(), b"").checked();
        all.extend(std::fs::read(place.path("one.pem")).unwrap());
    }
    place.file("authorities.pem", all);
}

/// Speaks to the server of a case; false where this OpenSSL cannot.
fn speak(place: &Place, case: &Case, port: u16) -> bool {
    let line = format!("s_server -accept 127.0.0.1:{port} -cert server.pem -key server.key -www {}", case.server);
    let _server = place.serve("openssl", &*line, &[("tcp", port)]);
    for client in case.clients {
        let line = format!("s_client -connect 127.0.0.1:{port} -servername {NAME} -ign_eof {client}");
        let ran = place.run("openssl", &*line, b"GET / HTTP/1.0\r\n\r\n");
        if ran.well == case.seen.alert.is_some() {
            // What a library no longer has is no failure of ours.
            assert!([TLS_1_0, TLS_1_1].contains(&case.seen.version), "{}: {}", case.what, ran.text);
            println!("skipped: this OpenSSL has no TLS {}", case.what);
            return false;
        }
    }
    true
}

fn check(case: &Case, port: u16, flows: &Flows) {
    flows.check(Transport::Tcp, port, case.clients.len(), Protocol::Tls);
    let last = *flows.to(Transport::Tcp, port).last().unwrap();
    assert_eq!(last.basis, Basis::Handshake);
    let tls = last.tls.as_ref().unwrap_or_else(|| panic!("{}: no facts\n{last:#?}", case.what));
    let seen = Tls {
        version: tls.version,
        client: tls.client_certificate,
        resumed: tls.resumed,
        alpn: tls.alpn.as_deref(),
        server: tls.server.is_some(),
        alert: tls.alert.map(|alert| alert.description),
    };
    assert_eq!(seen, case.seen, "{}\n{tls:#?}", case.what);
    assert_eq!(tls.server_name.as_deref(), Some(NAME), "{}", case.what);
    if let Some(server) = &tls.server {
        assert!(server.subject.contains(&format!("CN={NAME}")), "{server:?}");
        assert!(server.alternative_names.iter().any(|name| name == NAME), "{server:?}");
        assert!(server.alternative_names.iter().any(|name| name == "127.0.0.1"), "{server:?}");
        let days = server.not_after.since(server.not_before) / 1_000_000_000 / 86_400;
        assert_eq!(days, 30, "{server:?}");
    }
    if tls.client_certificate == Some(Presented) {
        assert!(tls.client.as_ref().is_some_and(|client| client.subject.contains("CN=fe02.contoso.local")), "{tls:?}");
    }
}

#[test]
fn openssl() {
    let Some(place) = Place::with(&["openssl"]) else { return };
    certificate(&place, "server", &format!("/O=Contoso/CN={NAME}"));
    certificate(&place, "client", "/O=Contoso/CN=fe02.contoso.local");
    authorities(&place);
    let ports: Vec<_> = (5061..).take(CASES.len()).map(|port| place.port(port)).collect();
    let watch = Watch::on(&place, "lo", &ports);
    let spoken: Vec<_> = CASES.iter().zip(&ports).map(|(case, &port)| speak(&place, case, port)).collect();
    let flows = watch.end();
    for ((case, &port), _) in CASES.iter().zip(&ports).zip(spoken).filter(|(_, spoken)| *spoken) {
        check(case, port, &flows);
    }
}
