//! What payload proves, each rule of the judgement by real bytes.
//!
//! In: conversations made by the builder, a topology. Out: what lyncap says of them.
//! Must not know: how anything is decided; it goes through the whole pipeline, as a capture does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;
mod world;

use std::collections::BTreeMap;
use std::net::IpAddr;

use common::frame::{ACK, PSH, RST, SYN};
use common::media::{H264UC, PCMU, RTAUDIO, Stream, X_DATA};
use common::tls::{ClientAuth, Session, TLS_1_0};
use common::{Frame, MILLISECOND, Side, Talk, Tcp, Turn, Udp, Wire, answer, ask, tcp_flow};
use common::{hosts, media, microsoft, payload, pool, trouble};
use lyncap::report::audit::{Audit, Policy};
use lyncap::verdict::{Judge, Judged};
use world::{World, at, end};

/// A pool with a host of most roles.
const POOL: &str = r#"
deployment.internal = ["10.0.0.0/8"]
host = [
    { name = "fe01", addresses = ["10.0.0.11"], roles = ["front-end"] },
    { name = "fe02", addresses = ["10.0.0.12"], roles = ["front-end"] },
    { name = "med01", addresses = ["10.0.0.13"], roles = ["mediation"] },
    { name = "cms01", addresses = ["10.0.0.14"], roles = ["central-management"] },
    { name = "edge01", addresses = ["10.0.0.17"], roles = ["edge"] },
    { name = "dc01", addresses = ["10.0.0.18"], roles = ["domain-controller"] },
    { name = "sql01", addresses = ["10.0.0.19"], roles = ["sql"] },
]
network = [
    { name = "desks", addresses = ["10.1.0.0/16"], roles = ["client"] },
    { name = "phones", addresses = ["10.2.0.0/16"], roles = ["phone"] },
]
"#;

const DESK: &str = "10.1.0.5:50123";
fn tcp(from: &str, to: &str, talk: &[Turn]) -> Vec<Frame> {
    tcp_flow(at(0), end(from), end(to), talk)
}

fn udp(from: &str, to: &str, talk: &[Turn]) -> Vec<Frame> {
    Udp::new(at(0), end(from), end(to)).talk(talk).frames()
}

/// RTP both ways, after ICE if `ice`.
fn rtp(from: &str, to: &str, payload_type: u8, ice: bool) -> Vec<Frame> {
    let (there, back) =
        (Stream::new(payload_type, format!("{from} there")), Stream::new(payload_type, format!("{from} back")));
    let mut call = Udp::new(at(0), end(from), end(to));
    if ice {
        call = call.send(Side::Client, &media::stun_request(7)).send(Side::Server, &media::stun_response(7, end(from)));
    }
    let packet = |side, number| if side == Side::Client { there.packet(number) } else { back.packet(number) };
    call.stream(20 * MILLISECOND, 50, packet).frames()
}

impl World {
    /// What `tell` says of each flow.
    fn each<T>(&self, tell: impl Fn(&Judge<'_>, usize, &Judged<'_>) -> T) -> Vec<T> {
        let judge = self.judge();
        let flows = self.reading.flows.iter().enumerate();
        flows.map(|(index, flow)| tell(&judge, index, &judge.judge(index, flow))).collect()
    }

    /// "basis outcome verdict proof rows" of the flow that began last.
    fn last(&self) -> String {
        let told = self
            .each(|_, _, judged| format!("{} {} {}", judged.basis.as_str(), judged.outcome.as_str(), verdict(judged)));
        told.last().unwrap().clone()
    }

    /// "severity kind transport/port" of every finding.
    fn findings(&self, policy: &str) -> Vec<String> {
        let judge = self.judge();
        let policy = Policy::parse("policy", policy).unwrap();
        let line = |finding: &lyncap::report::audit::Finding| {
            let port = finding.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
            format!("{} {} {}/{port}", finding.severity.as_str(), finding.kind, finding.transport)
        };
        Audit::under(&policy, &self.reading, &judge).findings.iter().map(line).collect()
    }

    fn reasons(&self) -> Vec<String> {
        let told =
            self.each(|judge, index, judged| lyncap::verdict::reasons(judge, &self.reading.flows[index], judged));
        told.last().unwrap().clone()
    }
}

/// "documented verified S33".
fn verdict(judged: &Judged<'_>) -> String {
    let rows: Vec<_> = judged.rows.iter().map(|row| &*row.id).collect();
    let proof = judged.proof.map_or("-", lyncap::verdict::Proof::as_str);
    format!("{} {proof} {}", judged.verdict.as_str(), rows.join(" ")).trim_end().to_owned()
}

/// Verdict, proof and rows of one conversation in the pool.
fn check(conversation: Vec<Frame>, expected: &str) {
    assert_eq!(World::new(POOL, &[], vec![conversation]).each(|_, _, judged| verdict(judged)), [expected]);
}

fn session(client: ClientAuth<'_>) -> Talk {
    Session { client, ..Session::default() }.talk()
}

#[test]
fn what_the_row_expects_verifies_it() {
    let sip = payload::sip("OPTIONS", "user1", [10, 0, 0, 12].into(), "200 OK");
    for (to, talk, expected) in [
        ("10.0.0.11:5060", sip, "S02"),
        ("10.0.0.11:80", payload::http("fe01", "/"), "S11"),
        ("10.0.0.11:8080", payload::http("fe01", "/"), "S13"),
        ("10.0.0.11:135", microsoft::rpc_bind(microsoft::ENDPOINT_MAPPER, 3, 135), "S05"),
        ("10.0.0.14:445", microsoft::smb2(), "S37"),
        ("10.0.0.11:5062", session(ClientAuth::Presented("fe02")), "S06"),
        ("10.0.0.11:5061", session(ClientAuth::Presented("fe02")), "S03"),
        ("10.0.0.11:443", session(ClientAuth::NotRequested), "S12 S19"),
        ("10.0.0.11:5060", session(ClientAuth::Presented("fe02")), "S02"),
    ] {
        check(tcp("10.0.0.12:50123", to, &talk), &format!("documented verified {expected}"));
    }
    let browser = microsoft::sql_browser("FE01", "RTCLOCAL", 50_999);
    check(udp("10.0.0.12:50123", "10.0.0.11:1434", &browser), "documented verified S01 S38");
    // A user's client declines to show a certificate: normal on 5061, and not asked of it elsewhere.
    check(tcp(DESK, "10.0.0.11:5061", &session(ClientAuth::Declined)), "documented verified S03");
    check(tcp(DESK, "10.0.0.11:5062", &session(ClientAuth::Declined)), "documented unverified S06");
}

#[test]
fn what_the_row_does_not_expect_contradicts_it() {
    let sip = || payload::sip("REGISTER", "user6", [10, 1, 0, 5].into(), "401 Unauthorized");
    for (from, to, talk, expected, finding) in [
        (DESK, "10.0.0.11:5071", payload::ssh(), "S33", "high contradicted-payload tcp/5071"),
        (DESK, "10.0.0.11:5061", sip(), "S03", "high cleartext-where-tls tcp/5061"),
        (DESK, "10.0.0.11:5062", payload::http("fe01", "/status"), "S06", "high contradicted-payload tcp/5062"),
        (DESK, "10.0.0.11:443", payload::http("fe01", "/"), "S12 S19", "high cleartext-where-tls tcp/443"),
        (DESK, "10.0.0.11:80", session(ClientAuth::NotRequested), "S11", "high contradicted-payload tcp/80"),
        (
            "10.0.0.12:50123",
            "10.0.0.11:5062",
            session(ClientAuth::Declined),
            "S06",
            "medium one-way-tls-on-mtls tcp/5062",
        ),
        (
            "10.0.0.12:50123",
            "10.0.0.11:5061",
            session(ClientAuth::NotRequested),
            "S03",
            "medium one-way-tls-on-mtls tcp/5061",
        ),
    ] {
        let world = World::new(POOL, &[], vec![tcp(from, to, &talk)]);
        assert_eq!(world.last(), format!("handshake established contradicted contradicted {expected}"));
        assert_eq!(world.findings(""), [finding], "{to}");
    }
    let ssh = World::new(POOL, &[], vec![tcp(DESK, "10.0.0.11:5071", &payload::ssh())]);
    // Three frames of the handshake, then the server's banner.
    assert!(
        ssh.reasons().iter().any(|reason| reason.starts_with("the payload is SSH")
            && reason.contains("(frame 4)")
            && reason.ends_with("the row expects sip over mutual tls")),
        "{:?}",
        ssh.reasons()
    );
}

#[test]
fn in_a_media_range_the_payload_decides() {
    for (port, talk) in [
        (49_300, payload::http("fe01", "/perf")),
        (49_155, microsoft::rpc_bind(microsoft::TASK_SCHEDULER, 1, 49_155)),
        (50_002, session(ClientAuth::Presented("fe02"))),
        (50_003, payload::ssh()),
    ] {
        check(tcp("10.0.0.12:50123", &format!("10.0.0.11:{port}"), &talk), "undocumented -");
    }
    let rpc = tcp("10.0.0.12:50123", "10.0.0.11:49155", &microsoft::rpc_bind(microsoft::TASK_SCHEDULER, 1, 49_155));
    let windows = World::new(POOL, &["windows-infrastructure"], vec![rpc.clone()]);
    assert_eq!(windows.last(), "handshake established documented verified W12");
    let off = World::new(POOL, &[], vec![rpc]).each(|_, _, judged| judged.why(judged.near_misses.last().unwrap()));
    assert_eq!(off, ["only in overlay windows-infrastructure, which is off"]);
    // What nobody knows proves nothing and disproves nothing.
    let noise = common::Noise::new(1).bytes(400);
    check(
        tcp("10.0.0.12:50123", "10.0.0.11:50002", &[ask(noise.clone()), answer(noise)]),
        "range-only unverified S39 S28",
    );
}

#[test]
fn media_is_documented_once_it_is_proven() {
    for (ice, payload_type, to, expected) in [
        (true, PCMU, "10.0.0.11:50002", "S39 C08 C09"),
        (false, RTAUDIO, "10.0.0.11:50002", "S39 C08 C09"),
        (true, H264UC, "10.0.0.11:58000", "S10 C09 C08"),
        (true, RTAUDIO, "10.0.0.13:50002", "S39 C08 C09"),
        (true, RTAUDIO, "10.1.0.6:5350", "C08 C09"),
    ] {
        check(rtp(DESK, to, payload_type, ice), &format!("documented verified {expected}"));
    }
    // On a port that no row of the server allows, it is nobody's.
    check(rtp(DESK, "10.0.0.11:40000", RTAUDIO, true), "undocumented -");
    check(rtp(DESK, "10.0.0.19:50002", RTAUDIO, true), "undocumented -");
    // The server sends first, from its own port.
    check(rtp("10.0.0.11:50002", DESK, RTAUDIO, true), "documented verified S39 C08 C09");
    let sharing = media::application_sharing(3, end(DESK), 8);
    check(tcp(DESK, "10.0.0.11:50002", &sharing), "documented verified S28 C10 C11 S39 C08 C09");
    assert_eq!(X_DATA, 127);
    // Two packets are no proof.
    let stream = Stream::new(RTAUDIO, "short");
    let short = Udp::new(at(0), end(DESK), end("10.0.0.11:50002")).send(Side::Client, &stream.packet(0));
    check(short.send(Side::Client, &stream.packet(1)).frames(), "range-only unverified S39");
}

#[test]
fn a_stream_asks_nothing() {
    let stream = Stream::new(RTAUDIO, "one way");
    let wire = Wire { unseen: Some(Side::Server), ..Wire::default() };
    let one_way = Udp::new(at(0), end(DESK), end("10.0.0.11:50002")).on(wire);
    let one_way = one_way.stream(20 * MILLISECOND, 50, |_, number| stream.packet(number)).frames();
    let elsewhere = tcp_flow(at(9), end("10.1.0.6:50124"), end("10.0.0.11:444"), &[]);
    let outcomes = World::new(POOL, &[], vec![one_way, elsewhere.clone()]).each(|_, _, judged| judged.outcome.as_str());
    assert_eq!(outcomes, ["one-way", "established"]);
    let asked = Udp::new(at(0), end(DESK), end("10.0.0.11:50002")).send(Side::Client, &media::stun_request(1)).frames();
    let outcomes = World::new(POOL, &[], vec![asked, elsewhere]).each(|_, _, judged| judged.outcome.as_str());
    assert_eq!(outcomes, ["unanswered", "established"]);
}

#[test]
fn ms_turn_is_no_tls_and_needs_no_declared_edge() {
    let relay = end("203.0.113.9:50004");
    for to in ["10.0.0.17:443", "198.51.100.7:443"] {
        let world = World::new(POOL, &[], vec![tcp(DESK, to, &media::turn_over_tcp(9, relay, 6))]);
        assert_eq!(world.last(), "handshake established documented verified C04", "{to}");
        assert!(world.findings("severity = 'high'").is_empty(), "{:?}", world.findings(""));
    }
    let allocation = udp(DESK, "198.51.100.7:3478", &media::turn_allocation(5, relay));
    check(allocation, "documented verified C05");
    // A Front End's web port is not where it belongs.
    let impostor = tcp(DESK, "10.0.0.11:443", &media::turn_over_tcp(9, relay, 6));
    check(impostor, "contradicted contradicted S12 S19");
    // A desk's HTTPS to the Internet stays a guess.
    check(tcp(DESK, "198.51.100.7:443", &session(ClientAuth::NotRequested)), "documented unverified C02 C03");
    check(tcp(DESK, "10.0.0.17:443", &session(ClientAuth::NotRequested)), "documented verified C02 C03");
}

#[test]
fn only_lyncs_dhcp_is_documented() {
    let (ask_lync, answer_lync) = payload::dhcp_inform([10, 2, 0, 9].into(), payload::MS_UC_CLIENT);
    let inform = || udp("10.2.0.9:68", "10.0.0.18:67", &[ask_lync.clone(), answer_lync.clone()]);
    check(inform(), "documented verified C01 C12");
    let options = payload::dhcp_option(60, b"MSFT 5.0");
    let discover = payload::Dhcp { kind: 1, client: [10, 2, 0, 9].into(), options: &options };
    let lease = || udp("0.0.0.0:68", "255.255.255.255:67", &[ask(discover.bytes())]);
    check(lease(), "undocumented -");
    let misses = World::new(POOL, &[], vec![lease()]).each(|_, _, judged| judged.why(&judged.near_misses[0]));
    assert_eq!(misses, ["documented only for Lync's vendor class (MS-UC-Client, CPE-OCPHONE)"]);
    let windows = World::new(POOL, &["windows-infrastructure"], vec![lease()]);
    assert!(windows.last().ends_with("documented verified W18"), "{}", windows.last());
}

#[test]
fn a_request_and_an_announcement_tell_who_was_asked() {
    // No handshake, and the answer was captured first.
    let talk = payload::http("fe01", "/");
    let swapped = Tcp::new(at(0), end(DESK), end("10.0.0.11:50002"))
        .send(Side::Server, &talk[1].1)
        .send(Side::Client, &talk[0].1)
        .frames();
    let world = World::new(POOL, &[], vec![swapped]);
    assert_eq!(world.last(), "protocol midstream undocumented -");
    assert_eq!(world.each(|_, _, judged| judged.oriented.responder.at.port), [50_002]);
    // SQL Browser names the port of an instance, of which only the middle is seen.
    let browser = udp("10.0.0.11:50123", "10.0.0.19:1434", &microsoft::sql_browser("SQL01", "RTC", 51_433));
    let middle = Tcp::new(at(5), end("10.0.0.11:50124"), end("10.0.0.19:51433"));
    let middle = middle.send(Side::Server, b"\x01\x02\x03\x04").send(Side::Client, b"\x05\x06").frames();
    let world = World::new(POOL, &[], vec![browser, middle]);
    assert!(world.last().starts_with("listener midstream"), "{}", world.last());
    let announced = "10.0.0.19:51433 is the responder: an endpoint-mapper or SQL Browser reply announced it";
    assert!(world.reasons().contains(&announced.to_owned()), "{:?}", world.reasons());
}

#[test]
fn smb_1_and_weak_tls_are_told_whatever_the_verdict() {
    let smb = tcp("10.0.0.12:50123", "10.0.0.14:445", &microsoft::smb2());
    assert!(World::new(POOL, &[], vec![smb]).findings("").is_empty(), "SMB 2.1 is fine");
    let old = Session { version: TLS_1_0, client: ClientAuth::Declined, ..Session::default() }.talk();
    let world = World::new(POOL, &[], vec![tcp(DESK, "10.0.0.11:5061", &old)]);
    assert_eq!(world.findings(""), ["info weak-tls tcp/5061"]);
    assert_eq!(world.findings("severity = 'medium'"), ["medium weak-tls tcp/5061"]);
    assert!(world.findings("minimum_tls = '1.0'").is_empty());
}

/// TLS on Focus' port between two servers, row by row of what a handshake can show.
#[test]
fn what_a_handshake_shows_between_servers() {
    let check = |what: &str, frames: Vec<Frame>, expected: &str| {
        let world = World::new(POOL, &[], vec![frames]);
        let told = world.each(|_, index, judged| {
            let flow = &world.reading.flows[index];
            (verdict(judged), flow.state.tls().and_then(|tls| tls.client_certificate).map(|shown| shown.as_str()))
        });
        let told = told.first().map(|(verdict, shown)| format!("{verdict} {}", shown.unwrap_or("-"))).unwrap();
        assert_eq!(told, expected, "{what}");
    };
    let (from, to) = ("10.0.0.12:50123", "10.0.0.11:444");
    let whole = |talk: &[Turn]| tcp(from, to, talk);
    let presented = session(ClientAuth::Presented("fe02"));
    let declined = session(ClientAuth::Declined);
    let plain = session(ClientAuth::NotRequested);
    check("mutual", whole(&presented), "documented verified S04 presented");
    check("declined, and the server goes on", whole(&declined), "contradicted contradicted S04 empty");
    check("not requested", whole(&plain), "contradicted contradicted S04 not-requested");
    // A server that cannot use its list of authorities gets no certificate, and closes without an alert.
    let refused = Tcp::new(at(0), end(from), end(to)).handshake().talk(&declined[..3]).reset(Side::Server).frames();
    check("declined and refused", refused, "documented unverified S04 empty");
    check("the server's flight is cut", whole(&plain[..1]), "documented verified S04 -");
    // Resumed: ServerHello, then ChangeCipherSpec. 1.3: the same with another version in an extension.
    let hello = |extensions: &[u8]| {
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 0x3c, 0], &[0, extensions.len() as u8], extensions].concat();
        let message = [&[2, 0, 0, body.len() as u8][..], &body].concat();
        [&[22, 3, 3, 0, message.len() as u8][..], &message, &[20, 3, 3, 0, 1, 1]].concat()
    };
    let sealed = [&[22, 3, 3, 0, 40][..], &[0x9c; 40]].concat();
    for (what, extensions) in [("resumed", &[0xff, 1, 0, 1, 0][..]), ("1.3", &[0, 43, 0, 2, 3, 4])] {
        let server = answer([&hello(extensions)[..], &sealed].concat());
        let client = ask([&[20, 3, 3, 0, 1, 1][..], &sealed].concat());
        check(what, whole(&[plain[0].clone(), server, client]), "documented verified S04 -");
    }
    let middle = Tcp::new(at(0), end(from), end(to)).talk(&plain[4..]).frames();
    check("the middle", middle, "documented verified S04 -");
    let server_only = Wire { unseen: Some(Side::Client), ..Wire::default() };
    let asks = Tcp::new(at(0), end(from), end(to)).on(server_only).handshake().talk(&presented).frames();
    check("the server alone, which asks", asks, "documented verified S04 -");
}

#[test]
fn data_in_a_syn_is_data_and_in_a_reset_is_none() {
    let talk = payload::http("fe01", "/");
    let (asked, answered) = (&talk[0].1, &talk[1].1);
    // TCP Fast Open (RFC 7413).
    let (head, rest) = asked.split_at(7);
    let fast = Tcp::new(at(0), end(DESK), end("10.0.0.11:80")).emit(Side::Client, SYN, head);
    let fast = fast.emit(Side::Server, SYN | ACK, &[]).send(Side::Client, rest).frames();
    check(fast, "documented verified S11");
    let refused = Tcp::new(at(0), end(DESK), end("10.0.0.11:5071")).handshake();
    let refused = refused.emit(Side::Server, RST | ACK, b"HTTP/1.1 503 no application").frames();
    check(refused, "documented unverified S33");
    let late = Tcp::new(at(0), end(DESK), end("10.0.0.11:80")).handshake().send(Side::Client, asked);
    check(late.emit(Side::Server, RST | ACK, b"gone").frames(), "documented verified S11");
    assert!(answered.starts_with(b"HTTP/1.1"));
}

/// No handshake, and what was sent second was captured first.
#[test]
fn an_earlier_segment_opens_again_what_nobody_knew() {
    // Put together by the network card; more than any signature looks through.
    let body = common::Noise::new(3).bytes(5000);
    let head = b"POST /ucwa HTTP/1.1\r\nHost: fe01\r\nContent-Length: 5000\r\n\r\n";
    let client = Tcp::new(at(0), end(DESK), end("10.0.0.11:80")).emit(Side::Client, PSH | ACK, head);
    let frames = client.emit(Side::Client, PSH | ACK, &body).frames();
    let times = [frames[0].at, frames[1].at];
    let swapped = [(1, times[0]), (0, times[1])].map(|(index, at)| Frame { at, ..frames[index].clone() });
    check(swapped.to_vec(), "documented verified S11");
}

/// STUN opens it, RTP follows: each is told by its own frame.
#[test]
fn the_frame_that_is_named_shows_what_is_named() {
    let world = World::new(POOL, &[], vec![rtp(DESK, "10.0.0.11:50002", RTAUDIO, true)]);
    let reasons = world.reasons();
    // Two of STUN, then the client's first packet of RTP, then the server's.
    assert!(reasons.iter().any(|reason| reason.starts_with("the payload is RTP (frame 4)")), "{reasons:?}");
}

/// Every flow of the pool's day by verdict; the six impostors are what they are, and nothing else is contradicted.
#[test]
fn the_pools_day_contradicts_nothing_but_the_impostors() {
    let topology = std::fs::read_to_string("fixtures/pool-day.toml").unwrap();
    let world = World::of(&topology, &[], pool::pool_day());
    let told = world.each(|_, _, judged| {
        let to = judged.oriented.responder.at;
        ((to.address.ip(), to.port), (judged.oriented.initiator.at.address.ip(), judged.verdict.as_str()))
    });
    let mut contradicted: Vec<_> =
        told.iter().filter(|(_, (_, verdict))| *verdict == "contradicted").map(|&(to, (from, _))| (from, to)).collect();
    contradicted.sort_unstable();
    let on_a_row = |port: &u16| [5061, 5062, 5071].contains(port);
    let impostors = || trouble::IMPOSTORS.iter();
    let mut expected: Vec<(IpAddr, (IpAddr, u16))> = impostors()
        .filter(|impostor| on_a_row(&impostor.port))
        .map(|impostor| (impostor.from, (impostor.to, impostor.port)))
        .collect();
    expected.sort_unstable();
    assert_eq!(contradicted, expected);
    let of_flow: BTreeMap<_, _> = told.iter().map(|&(to, (from, verdict))| ((from, to), verdict)).collect();
    for impostor in impostors().filter(|impostor| !on_a_row(&impostor.port)) {
        let flow = (impostor.from, (impostor.to, impostor.port));
        assert_eq!(of_flow[&flow], "undocumented", "{} on {}", impostor.what, impostor.port);
    }
    // The two RTCP packets beside a call may be too few to tell.
    let range_only: Vec<_> = told.iter().filter(|(_, (_, verdict))| *verdict == "range-only").collect();
    assert!(range_only.iter().all(|((_, port), _)| *port == 49_501), "{range_only:?}");
    assert_eq!(hosts::FE01, IpAddr::from([10, 0, 0, 11]));
}
