//! Every row of every catalog is found by a flow that fits it, and only by such a flow.
//!
//! In: the catalogs, and one conversation built for each row. Out: rows, verdicts, or a list of rows that fail.
//! Must not know: how candidates are found; it goes through the whole pipeline, as a capture does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};

use common::media::{self, H264UC, RTAUDIO, Stream, X_DATA};
use common::savefile::{Pcap, in_time_order};
use common::tls::{ClientAuth, Session};
use common::{Frame, SECOND, Talk, answer, ask, microsoft, payload, tcp_flow, udp_flow};
use lyncap::capture::Inputs;
use lyncap::catalog::{Catalogs, Media, PortOn, Role, RoleOf, RoleSet, Row, Security, Site};
use lyncap::net::Transport;
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::{Basis, Judge, Proof, Verdict};

/// A port that no catalog documents on anybody, and which is ephemeral on Windows.
const EPHEMERAL: u16 = 50_123;

/// One flow and who its hosts are.
#[derive(Clone)]
struct Case {
    initiator: (RoleSet, u16),
    responder: (RoleSet, u16),
    transport: Transport,
    talk: Talk,
}

/// What became of a case.
struct Seen {
    verdict: Verdict,
    proof: Option<Proof>,
    rows: Vec<String>,
    basis: Basis,
}

/// Runs all cases as one capture with one topology: each has its own two hosts.
fn run(catalogs: &Catalogs, cases: &[Case]) -> Vec<Seen> {
    let mut topology = Topology::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut places = BTreeMap::new();
    for (i, case) in cases.iter().enumerate() {
        let ip = |host: usize| IpAddr::from([10, (i / 250) as u8, (i % 250) as u8, host as u8]);
        for (host, roles) in [(1, case.initiator.0), (2, case.responder.0)] {
            if !roles.is_empty() {
                topology.declare(&format!("{}={roles}", ip(host))).unwrap();
            }
        }
        let (from, to) = (SocketAddr::new(ip(1), case.initiator.1), SocketAddr::new(ip(2), case.responder.1));
        let at = 1_772_438_400 * SECOND + i as u64 * SECOND;
        frames.extend(match case.transport {
            Transport::Tcp => tcp_flow(at, from, to, &case.talk),
            Transport::Udp => udp_flow(at, from, to, &case.talk),
        });
        places.insert(ip(1).min(ip(2)), i);
    }
    let bytes = Pcap::default().write(&in_time_order(frames));
    let inputs = Inputs::from_reader("cases", Cursor::new(bytes)).unwrap();
    let capture = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    assert_eq!(capture.flows.len(), cases.len());
    let judge = Judge::new(&capture.flows, catalogs, &topology);
    let mut seen: Vec<(usize, Seen)> = (capture.flows.iter().enumerate())
        .map(|(index, flow)| {
            let judged = judge.judge(index, flow);
            let ends = [judged.oriented.initiator.at.address.ip(), judged.oriented.responder.at.address.ip()];
            let place = places[&ends[0].min(ends[1])];
            let rows = judged.rows.iter().map(|row| row.id.clone()).collect();
            (place, Seen { verdict: judged.verdict, proof: judged.proof, rows, basis: judged.basis })
        })
        .collect();
    seen.sort_by_key(|&(place, _)| place);
    seen.into_iter().map(|(_, seen)| seen).collect()
}

/// The roles that satisfy a row, no more than needed.
fn own_roles(row: &Row) -> RoleSet {
    if row.all_roles { row.roles } else { row.roles.iter().take(1).collect() }
}

/// A flow that fits the row, with both hosts declared where the row has a word about both.
fn fitting(row: &Row) -> Case {
    let own = own_roles(row);
    let port = row.ports[0].first;
    let peer: RoleSet = row.peer.iter().take(1).collect();
    let other = if peer.is_empty() { RoleSet::EMPTY } else { peer };
    let from_port = row.initiator_port.unwrap_or(EPHEMERAL);
    let (initiator, responder) = match row.role_of {
        RoleOf::Responder | RoleOf::Either => (other, own),
        RoleOf::Initiator => (own, other),
        RoleOf::Both => (own, own),
    };
    let transport = row.transports[0];
    Case { initiator: (initiator, from_port), responder: (responder, port), transport, talk: Talk::new() }
}

/// The same flow, saying what the row expects.
fn speaking(row: &Row) -> Case {
    let case = fitting(row);
    Case { talk: speech(row, case.transport), ..case }
}

/// What the row expects of the bytes.
fn speech(row: &Row, transport: Transport) -> Talk {
    if let Some(media) = row.media {
        return stream(media, transport);
    }
    match row.security {
        Some(Security::Tls | Security::TlsMutualBetweenServers) => return Session::default().talk(),
        Some(Security::MutualTls) => {
            return Session { client: ClientAuth::Presented("fe02.contoso.local"), ..Session::default() }.talk();
        }
        Some(Security::Clear) | None => {}
    }
    let relay = SocketAddr::from(([10, 0, 0, 21], 50_777));
    match (&*row.application, transport) {
        ("sip", _) => payload::sip("OPTIONS", "alice", [10, 1, 0, 5].into(), "200 OK"),
        ("http", _) => payload::http("fe01.contoso.local", "/"),
        ("rpc", _) => microsoft::rpc_bind(microsoft::TASK_SCHEDULER, 1, 49_155),
        ("smb", _) => microsoft::smb2(),
        ("sql-browser", _) => microsoft::sql_browser("FE01", "RTCLOCAL", 49_300),
        ("dhcp", _) => {
            let (inform, acknowledge) = payload::dhcp_inform([10, 1, 0, 5].into(), b"MS-UC-Client");
            vec![inform, acknowledge]
        }
        ("ms-turn", Transport::Udp) => media::turn_allocation(7, relay),
        ("ms-turn", Transport::Tcp) => media::turn_over_tcp(7, relay, 4),
        ("file-transfer", _) => vec![ask("VER MSN_SECURE_FTP\r\n"), answer("VER MSN_SECURE_FTP\r\n")],
        (other, _) => panic!("{}: nobody speaks {other} here", row.id),
    }
}

/// Ten packets of a medium each way, framed over TCP.
fn stream(media: Media, transport: Transport) -> Talk {
    let payload_type = match media {
        Media::Audio => RTAUDIO,
        Media::Video => H264UC,
        Media::ApplicationSharing | Media::FileTransfer => X_DATA,
    };
    let ends = [Stream::new(payload_type, "initiator"), Stream::new(payload_type, "responder")];
    let message = |end: usize, number| match transport {
        Transport::Udp => ends[end].packet(number),
        Transport::Tcp => media::framed(&ends[end].packet(number)),
    };
    (0..10).flat_map(|number| [ask(message(0, number)), answer(message(1, number))]).collect()
}

fn catalogs(overlays: &[&str]) -> Catalogs {
    let overlays: Vec<_> = overlays.iter().map(|&name| name.to_owned()).collect();
    Catalogs::new(&overlays, Vec::new(), &Site::default()).unwrap()
}

/// Builds a case from each row and expects of all what `holds` says.
fn check(
    what: &str,
    catalogs: &Catalogs,
    rows: &[&Row],
    case: impl Fn(&Row) -> Case,
    holds: impl Fn(&Row, &Seen) -> bool,
) {
    let cases: Vec<_> = rows.iter().map(|row| case(row)).collect();
    let seen = run(catalogs, &cases);
    let wrong: Vec<_> = rows
        .iter()
        .zip(&seen)
        .filter(|(row, seen)| !holds(row, seen))
        .map(|(row, seen)| format!("{}: {} {:?} by {}", row.id, seen.verdict.as_str(), seen.rows, seen.basis.as_str()))
        .collect();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

fn names(row: &Row, seen: &Seen) -> bool {
    seen.rows.contains(&row.id)
}

/// The document's 83 rows of few ports.
fn fixed_rows(catalogs: &Catalogs) -> Vec<&Row> {
    let rows: Vec<_> = catalogs.on().filter(|row| row.is_fixed()).collect();
    assert_eq!(rows.len(), 83);
    rows
}

#[test]
fn each_fixed_row_is_found_by_a_flow_that_fits_it() {
    let catalogs = catalogs(&[]);
    check("fits", &catalogs, &fixed_rows(&catalogs), fitting, |row, seen| {
        names(row, seen) && seen.verdict == Verdict::Documented
    });
}

#[test]
fn tcp_cases_are_decided_by_their_handshake() {
    let catalogs = catalogs(&[]);
    let tcp: Vec<_> = fixed_rows(&catalogs).into_iter().filter(|row| row.transports == [Transport::Tcp]).collect();
    check("basis", &catalogs, &tcp, fitting, |_, seen| seen.basis == Basis::Handshake);
}

#[test]
fn the_port_on_the_wrong_side_is_not_the_row() {
    let catalogs = catalogs(&[]);
    let rows = fixed_rows(&catalogs);
    // The host with the role opens the flow from that port; for UDP, whose direction is inferred from the port, the
    // other host has the port.
    check(
        "wrong side",
        &catalogs,
        &rows,
        |row| {
            let Case { initiator, responder, transport, talk } = fitting(row);
            match transport {
                Transport::Tcp => Case {
                    initiator: (responder.0, responder.1),
                    responder: (initiator.0, initiator.1),
                    transport,
                    talk,
                },
                Transport::Udp => {
                    let other = |roles: RoleSet| if roles.is_empty() { RoleSet::one(Role::Sql) } else { roles };
                    Case {
                        initiator: (other(initiator.0), responder.1),
                        responder: (other(responder.0), initiator.1),
                        transport,
                        talk,
                    }
                }
            }
        },
        |row, seen| !names(row, seen),
    );
}

#[test]
fn the_wrong_transport_is_not_the_row() {
    let catalogs = catalogs(&[]);
    check(
        "wrong transport",
        &catalogs,
        &fixed_rows(&catalogs),
        |row| {
            let case = fitting(row);
            let transport = match case.transport {
                Transport::Tcp => Transport::Udp,
                Transport::Udp => Transport::Tcp,
            };
            Case { transport, ..case }
        },
        |row, seen| !names(row, seen),
    );
}

#[test]
fn another_roles_host_is_not_the_row() {
    let catalogs = catalogs(&[]);
    check(
        "another role",
        &catalogs,
        &fixed_rows(&catalogs),
        |row| {
            let Case { mut initiator, mut responder, transport, talk } = fitting(row);
            let other = RoleSet::one(Role::Sql);
            match row.role_of {
                RoleOf::Responder => responder.0 = other,
                RoleOf::Initiator => initiator.0 = other,
                RoleOf::Either => (initiator.0, responder.0) = (other, other),
                RoleOf::Both => responder.0 = other,
            }
            Case { initiator, responder, transport, talk }
        },
        |row, seen| !names(row, seen),
    );
}

#[test]
fn one_of_two_roles_needed_is_not_enough() {
    let catalogs = catalogs(&[]);
    let rows: Vec<_> = fixed_rows(&catalogs).into_iter().filter(|row| row.all_roles).collect();
    assert_eq!(rows.len(), 5, "S22-S26");
    for role in [Role::FrontEnd, Role::Mediation] {
        check(
            role.slug(),
            &catalogs,
            &rows,
            |row| {
                let Case { mut initiator, mut responder, transport, talk } = fitting(row);
                let host = if row.role_of == RoleOf::Initiator { &mut initiator } else { &mut responder };
                host.0 = RoleSet::one(role);
                Case { initiator, responder, transport, talk }
            },
            |row, seen| !names(row, seen),
        );
    }
}

#[test]
fn media_rows_are_range_only_until_payload_proves_them() {
    let catalogs = catalogs(&[]);
    let servers: Vec<_> = catalogs.on().filter(|row| row.media.is_some() && !row.needs_proof).collect();
    assert_eq!(servers.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["S10", "S28", "S39"]);
    check("media", &catalogs, &servers, fitting, |row, seen| names(row, seen) && seen.verdict == Verdict::RangeOnly);
    // On the initiator's side such a port says nothing at all.
    check(
        "media from the initiator's port",
        &catalogs,
        &servers,
        |row| Case {
            initiator: (own_roles(row), row.ports[0].first),
            responder: (RoleSet::one(Role::Sql), 7_777),
            transport: Transport::Tcp,
            talk: Talk::new(),
        },
        |_, seen| seen.verdict == Verdict::Undocumented && seen.rows.is_empty(),
    );
    let clients: Vec<_> = catalogs.on().filter(|row| row.media.is_some() && row.needs_proof).collect();
    assert_eq!(clients.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["C08", "C09", "C10", "C11"]);
    check("client media", &catalogs, &clients, fitting, |row, seen| !names(row, seen));
}

/// All 90 rows of the document. C07 has no bytes of its own: nothing verifies it.
#[test]
fn every_row_is_verified_by_its_own_bytes() {
    let catalogs = catalogs(&[]);
    let rows: Vec<_> = catalogs.on().collect();
    assert_eq!(rows.len(), 90);
    check("bytes", &catalogs, &rows, speaking, |row, seen| {
        let proof = if row.id == "C07" { Proof::Unverified } else { Proof::Verified };
        names(row, seen) && seen.verdict == Verdict::Documented && seen.proof == Some(proof)
    });
}

/// The same bytes, of another protocol than the row's: a fixed row is contradicted, a media row does not fit.
#[test]
fn every_row_is_contradicted_by_ssh() {
    let catalogs = catalogs(&[]);
    let rows: Vec<_> = catalogs.on().filter(|row| row.transports.contains(&Transport::Tcp)).collect();
    let ssh = |row: &Row| Case { transport: Transport::Tcp, talk: payload::ssh(), ..fitting(row) };
    check("ssh", &catalogs, &rows, ssh, |row, seen| match (row.media, &*row.id) {
        (Some(_), _) => !names(row, seen) && seen.verdict == Verdict::Undocumented,
        (None, "C07") => seen.verdict == Verdict::Documented && seen.proof == Some(Proof::Unverified),
        (None, _) => names(row, seen) && seen.verdict == Verdict::Contradicted,
    });
}

#[test]
fn no_overlay_has_a_dead_row() {
    let catalogs = catalogs(&["all"]);
    let rows: Vec<_> = catalogs.on().filter(|row| row.catalog != "lync-server-2013" && !row.needs_proof).collect();
    assert!(rows.len() > 70, "{}", rows.len());
    check("overlay", &catalogs, &rows, fitting, |row, seen| match row.port_on {
        PortOn::Responder => names(row, seen) && seen.verdict == Verdict::Documented,
        PortOn::Host => names(row, seen),
    });
}

#[test]
fn without_a_topology_a_port_keeps_every_candidate() {
    let catalogs = catalogs(&[]);
    let case = Case {
        initiator: (RoleSet::EMPTY, EPHEMERAL),
        responder: (RoleSet::EMPTY, 443),
        transport: Transport::Tcp,
        talk: Talk::new(),
    };
    let seen = &run(&catalogs, &[case])[0];
    let expected = ["S12", "S19", "S40", "S44", "S52", "H06", "H17", "D02", "D05", "C02", "C03", "C04"];
    assert_eq!(seen.rows, expected);
}
