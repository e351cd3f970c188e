//! Direction, outcome, verdict and findings, each rule by a worked example.
//!
//! In: conversations made by the builder, a topology. Out: what lyncap says of the last of them.
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

use std::net::SocketAddr;

use common::{Frame, SECOND, Side, Tcp, Udp, Wire, tcp_flow, udp_flow};
use lyncap::report::audit::Audit;
use world::{World, at, end};

/// A pool: two Front Ends, a Director, desks.
const POOL: &str = r#"
[deployment]
internal = ["10.0.0.0/8"]
[[host]]
name = "fe01"
addresses = ["10.0.0.11"]
roles = ["front-end"]
[[host]]
name = "fe02"
addresses = ["10.0.0.12"]
roles = ["front-end"]
[[host]]
name = "med01"
addresses = ["10.0.0.13"]
roles = ["mediation"]
[[network]]
name = "desks"
addresses = ["10.1.0.0/16"]
roles = ["client"]
"#;

/// A complete TCP flow between two sockets.
fn flow(second: u64, from: &str, to: &str) -> Vec<Frame> {
    tcp_flow(at(second), end(from), end(to), &[])
}

/// A TCP flow of which only the middle was captured; the first packet seen is the server's.
fn midstream(second: u64, from: &str, to: &str) -> Vec<Frame> {
    Tcp::new(at(second), end(from), end(to)).send(Side::Server, b"x").send(Side::Client, b"y").frames()
}

impl World {
    /// "responder basis outcome verdict rows" of the flow that began last.
    fn last(&self) -> String {
        let judge = self.judge();
        let index = self.reading.flows.len() - 1;
        let judged = judge.judge(index, &self.reading.flows[index]);
        let rows: Vec<_> = judged.rows.iter().map(|row| &*row.id).collect();
        format!(
            "{} {} {} {} {}",
            judged.oriented.responder.at,
            judged.basis.as_str(),
            judged.outcome.as_str(),
            judged.verdict.as_str(),
            rows.join(" ")
        )
    }

    fn audit(&self) -> Audit {
        Audit::new(&self.reading, &self.judge())
    }

    /// "severity kind initiator -> responder transport/port" of every finding.
    fn findings(&self) -> Vec<String> {
        let line = |finding: &lyncap::report::audit::Finding| {
            let port = finding.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
            format!(
                "{} {} {} -> {} {}/{port} x{}",
                finding.severity.as_str(),
                finding.kind,
                finding.initiator,
                finding.responder,
                finding.transport,
                finding.count
            )
        };
        self.audit().findings.iter().map(line).collect()
    }
}

fn check(topology: &str, conversations: Vec<Vec<Frame>>, expected: &str) {
    assert_eq!(World::new(topology, &[], conversations).last().trim_end(), expected);
}

#[test]
fn each_rung_of_the_ladder_decides() {
    // A client's ephemeral port lies in the audio range; the handshake says who opened.
    check(
        POOL,
        vec![flow(0, "10.0.0.11:50123", "10.0.0.12:5061")],
        "10.0.0.12:5061 handshake established documented S03",
    );
    // A SYN-ACK alone: its sender is the responder.
    let wire = Wire { unseen: Some(Side::Client), ..Wire::default() };
    let server_only = Tcp::new(at(0), end("10.1.0.5:50123"), end("10.0.0.12:5061")).on(wire).handshake().frames();
    check(POOL, vec![server_only], "10.0.0.12:5061 handshake one-way documented S03");
    check(
        "",
        vec![flow(0, "10.1.0.9:50000", "10.0.0.9:9100"), midstream(5, "10.1.0.5:50123", "10.0.0.9:9100")],
        "10.0.0.9:9100 listener midstream undocumented",
    );
    check(
        POOL,
        vec![midstream(0, "10.0.0.13:5062", "10.0.0.12:5061")],
        "10.0.0.12:5061 topology midstream documented S03",
    );
    check(
        "",
        vec![midstream(0, "10.1.0.5:50123", "10.0.0.9:5062")],
        "10.0.0.9:5062 fixed-row midstream documented S06",
    );
    let three = ["10.1.0.5:50001", "10.1.0.6:50002", "10.1.0.7:50003"];
    let peers = (0..).zip(three).map(|(i, from)| midstream(i, from, "10.0.0.9:51000")).collect();
    check("", peers, "10.0.0.9:51000 fan-in midstream range-only S39 S28");
    check("", vec![midstream(0, "10.1.0.5:50123", "10.0.0.9:9100")], "10.0.0.9:9100 ephemeral midstream undocumented");
    // The client spoke second here, and nothing tells: the first packet is believed, and says so.
    check(
        "",
        vec![midstream(0, "10.1.0.5:50123", "10.0.0.9:51000")],
        "10.1.0.5:50123 first-packet midstream range-only S39 S28",
    );
}

#[test]
fn an_answer_seen_first_is_still_the_answer() {
    let answer = Udp::new(at(0), end("10.0.0.11:61000"), end("10.0.0.5:53")).send(Side::Server, b"r").frames();
    let world = World::new(POOL, &["windows-infrastructure"], vec![answer]);
    assert_eq!(world.last(), "10.0.0.5:53 fixed-row one-way documented W01");
}

#[test]
fn dynamic_ports_behind_a_handshake_are_never_media_by_the_initiators_port() {
    check(
        POOL,
        vec![flow(0, "10.0.0.11:51000", "10.0.0.5:49664")],
        "10.0.0.5:49664 handshake established range-only S39 S28",
    );
    // Video and application sharing belong to Front Ends; a Mediation Server has audio only.
    check(
        POOL,
        vec![flow(0, "10.0.0.11:51000", "10.0.0.13:60000")],
        "10.0.0.13:60000 handshake established undocumented",
    );
    check(
        POOL,
        vec![flow(0, "10.0.0.11:51000", "10.0.0.13:50002")],
        "10.0.0.13:50002 handshake established range-only S39",
    );
    check(POOL, vec![flow(0, "10.0.0.11:50123", "10.1.0.5:7000")], "10.1.0.5:7000 handshake established undocumented");
}

#[test]
fn media_ranges_are_the_sites_own() {
    let own = format!(
        "{POOL}[media]\naudio = \"20000-20199\"\nvideo = \"20200-20399\"\napplication_sharing = \"20400-20599\"\n"
    );
    let world = |port: u16| {
        let to = format!("10.0.0.11:{port}");
        World::new(&own, &[], vec![udp_flow(at(0), end("10.1.0.5:50123"), end(&to), &[])]).last()
    };
    assert!(world(20100).contains("range-only S39"), "{}", world(20100));
    assert!(world(20300).contains("range-only S10"), "{}", world(20300));
    assert!(world(49500).contains("undocumented"), "{}", world(49500));
}

#[test]
fn a_desks_https_to_the_internet_is_never_a_servers_row() {
    let rows = "C02 C03 C04";
    check(
        POOL,
        vec![flow(0, "10.1.0.5:50123", "198.51.100.7:443")],
        &format!("198.51.100.7:443 handshake established documented {rows}"),
    );
    check(
        POOL,
        vec![flow(0, "10.1.0.5:50123", "198.51.100.7:5062")],
        "198.51.100.7:5062 handshake established undocumented",
    );
    check(
        POOL,
        vec![flow(0, "10.1.0.5:50123", "198.51.100.7:50000")],
        "198.51.100.7:50000 handshake established undocumented",
    );
}

#[test]
fn load_balancer_tables_follow_the_deployment() {
    let vip = "[[host]]\nname='vip'\naddresses=['10.0.0.100']\nroles=['front-end-load-balancer']\n";
    let world = |load_balancing: &str, port: u16| {
        let topology = format!("[deployment]\n{load_balancing}\n{vip}");
        World::new(&topology, &[], vec![flow(0, "10.1.0.5:50123", &format!("10.0.0.100:{port}"))]).last()
    };
    assert!(world("", 443).ends_with("documented H06 D02"));
    assert!(world("load_balancing='hardware'", 443).ends_with("documented H06"));
    assert!(world("load_balancing='dns'", 443).ends_with("documented D02"));
    assert!(world("load_balancing='dns'", 5061).ends_with("undocumented "));
}

#[test]
fn outcomes() {
    let to = "10.0.0.12:5061";
    let tcp = || Tcp::new(at(0), end("10.1.0.5:50123"), end(to));
    let answers_elsewhere = flow(10, "10.1.0.6:50124", "10.0.0.12:444");
    let outcome = |topology: &str, conversations: Vec<Vec<Frame>>| {
        let world = World::new(topology, &[], conversations);
        let judge = world.judge();
        judge.judge(0, &world.reading.flows[0]).outcome.as_str()
    };
    assert_eq!(outcome(POOL, vec![tcp().handshake().frames()]), "established");
    assert_eq!(outcome(POOL, vec![tcp().refused().frames()]), "refused");
    assert_eq!(outcome(POOL, vec![tcp().unanswered().frames()]), "one-way");
    assert_eq!(outcome(POOL, vec![tcp().unanswered().frames(), answers_elsewhere]), "unanswered");
    assert_eq!(outcome(POOL, vec![tcp().unreachable("10.0.0.1".parse().unwrap(), 13).frames()]), "unreachable");
    assert_eq!(outcome(POOL, vec![midstream(0, "10.1.0.5:50123", to)]), "midstream");
    assert_eq!(outcome(POOL, vec![udp_flow(at(0), end("10.1.0.5:50123"), end("10.0.0.12:1434"), &[])]), "answered");
    // Nobody answers for a group, and nobody is to blame.
    let multicast =
        Udp::new(at(0), end("10.1.0.5:50123"), end("239.255.255.250:1900")).send(Side::Client, b"x").frames();
    assert_eq!(outcome(POOL, vec![multicast]), "one-way");
}

#[test]
fn near_misses_say_what_is_missing() {
    let miss = |overlay: &[&str], conversation: Vec<Frame>| {
        let world = World::new(POOL, overlay, vec![conversation]);
        let judge = world.judge();
        let judged = judge.judge(0, &world.reading.flows[0]);
        let misses: Vec<_> =
            judged.near_misses.iter().map(|miss| format!("{}: {}", miss.row.id, judged.why(miss))).collect();
        misses.join(" | ")
    };
    let wrong_transport = udp_flow(at(0), end("10.1.0.5:40000"), end("10.0.0.12:5061"), &[]);
    assert!(miss(&[], wrong_transport).starts_with("S03: right port, wrong transport: documented for tcp/5061"));
    let wrong_role = flow(0, "10.1.0.5:40000", "10.0.0.13:5071");
    assert!(miss(&[], wrong_role).starts_with("S33: documented for another role: front-end, not for mediation"));
    let wrong_side = miss(&[], flow(0, "10.0.0.12:5071", "10.1.0.5:7000"));
    assert_eq!(wrong_side, "S33: port only on the initiator's side: 5071 is the port it opened the flow from");
    let media_side = miss(&[], flow(0, "10.0.0.12:50123", "10.0.9.9:9389"));
    assert!(media_side.starts_with("W"), "the overlay explains it better: {media_side}");
    assert!(media_side.contains("S39: port only on the initiator's side: 50123"), "{media_side}");
    assert!(miss(&["windows-infrastructure"], flow(0, "10.1.0.5:40000", "10.0.0.13:5062")).contains("S06"));
    let off = miss(&[], flow(0, "10.0.0.12:50123", "10.0.9.9:389"));
    assert!(off.starts_with("W04: only in overlay windows-infrastructure, which is off"), "{off}");
}

#[test]
fn roles_are_inferred_to_rank_and_never_to_document() {
    let world = World::new(
        "",
        &[],
        vec![
            flow(0, "10.1.0.5:50001", "10.0.0.9:5062"),
            flow(1, "10.1.0.5:50002", "10.0.0.9:7777"),
            flow(2, "10.1.0.5:50003", "10.0.0.9:443"),
        ],
    );
    assert!(world.last().ends_with("documented S12 S19 S40 S44 S52 H06 H17 D02 D05 C02 C03 C04"), "{}", world.last());
    let audit = world.audit();
    assert_eq!(audit.fitness.hosts[0].roles, ["front-end"]);
    assert_eq!(
        audit.fitness.hosts[0].inferred_from,
        ["5062/tcp", "443/tcp"].map(str::to_owned).iter().rev().cloned().collect::<Vec<_>>()
    );
    assert_eq!(audit.summary.verdicts["undocumented"], 1);
}

#[test]
fn findings_of_each_kind() {
    let world = World::new(
        POOL,
        &[],
        vec![
            flow(0, "10.1.0.5:50001", "10.0.0.12:22"),
            flow(1, "10.1.0.6:50002", "10.0.0.12:22"),
            flow(2, "10.1.0.5:50003", "10.0.0.12:5041"),
            Tcp::new(at(3), end("10.0.0.11:50004"), end("10.0.0.12:5072")).unanswered().frames(),
            flow(20, "203.0.113.7:50005", "10.0.0.12:5061"),
            flow(21, "10.0.0.11:50006", "10.0.0.12:50002"),
            flow(22, "10.0.0.11:50007", "10.0.0.5:389"),
        ],
    );
    let expected = [
        "medium undocumented-flow desks -> fe02 tcp/22 x2",
        "medium undocumented-flow desks -> fe02 tcp/5041 x1",
        "medium unknown-listener desks -> fe02 tcp/22 x2",
        "medium blocked-documented-port fe01 -> fe02 tcp/5072 x1",
        "medium external-peer 203.0.113.7 -> fe02 tcp/5061 x1",
        "low undocumented-flow fe01 -> 10.0.0.5 tcp/389 x1",
        "low range-only fe01 -> fe02 tcp/50002 x1",
        "low role-conflict desks -> fe02 tcp/5041 x1",
    ];
    assert_eq!(world.findings(), expected);
    let audit = world.audit();
    assert_eq!(audit.findings[3].rows, ["S21"]);
    assert_eq!(audit.findings[3].filter, "ip.addr == 10.0.0.11 && ip.addr == 10.0.0.12 && tcp.port == 5072");
    assert_eq!(audit.findings[7].rows, ["S50"]);
    let not_found: Vec<_> = audit.not_found.iter().map(|line| line.kind).collect();
    assert_eq!(not_found, ["contradicted-payload", "cleartext-where-tls", "one-way-tls-on-mtls", "smb1", "weak-tls"]);
}

#[test]
fn accepted_findings_stand_apart_until_their_day() {
    let world = |until: &str| {
        let accept = format!("{POOL}[[accept]]\nfrom='desks'\nto='fe02'\nport='tcp/22'\nreason='CHG-7'\n{until}");
        World::new(&accept, &[], vec![flow(0, "10.1.0.5:50001", "10.0.0.12:22")]).audit()
    };
    for until in ["", "until=2026-03-02", "until=2027-01-01"] {
        let audit = world(until);
        assert!(audit.findings.is_empty(), "{until}");
        assert_eq!(audit.accepted.len(), 2, "{until}");
        assert_eq!(audit.accepted[0].accepted.as_deref(), Some("CHG-7"));
    }
    let audit = world("until=2026-03-01");
    assert!(audit.accepted.is_empty());
    assert!(
        audit.findings[0].reason.ends_with("it was accepted until 2026-03-01 (CHG-7)"),
        "{}",
        audit.findings[0].reason
    );
}

#[test]
fn a_scan_and_a_crowd_are_one_finding_each() {
    let scan = (1..=40).map(|port| flow(port, "10.9.0.5:50001", &format!("10.0.0.12:{}", 7100 + port))).collect();
    let world = World::new(POOL, &[], scan);
    assert_eq!(
        world.findings(),
        ["medium undocumented-flow 10.9.0.5 -> fe02 tcp/* x40", "medium unknown-listener 10.9.0.5 -> fe02 tcp/* x40"]
    );
    assert!(world.audit().findings[0].reason.contains("40 ports from 7101 to 7140"));
    let crowd = (1..=9).map(|host| flow(host, &format!("10.9.0.{host}:50001"), "10.0.0.12:22")).collect();
    assert_eq!(World::new(POOL, &[], crowd).findings()[0], "medium undocumented-flow 9 hosts -> fe02 tcp/22 x9");
}

#[test]
fn a_sweep_is_one_finding() {
    let sweep = (1..=30).map(|host| flow(host, "10.9.0.5:50001", &format!("10.8.0.{host}:7777"))).collect();
    let world = World::new(POOL, &[], sweep);
    assert_eq!(world.findings(), ["medium undocumented-flow 10.9.0.5 -> 30 hosts tcp/7777 x30"]);
    assert_eq!(world.audit().findings[0].filter, "ip.addr == 10.9.0.5 && tcp.port == 7777");
}

#[test]
fn a_roll_up_keeps_what_its_flows_share() {
    let scan = (1..=40).map(|port| flow(port, "10.9.0.5:50001", &format!("10.0.0.12:{}", 7100 + port))).collect();
    let filter = &World::new(POOL, &[], scan).audit().findings[0].filter;
    assert_eq!(filter, "ip.addr == 10.9.0.5 && ip.addr == 10.0.0.12 && tcp.port in {7101..7140}");
}

#[test]
fn an_expired_acceptance_is_told_whichever_flow_it_was_for() {
    let accept =
        format!("{POOL}[[accept]]\nfrom='10.1.0.5'\nto='fe02'\nport='tcp/22'\nreason='CHG-7'\nuntil=2020-01-01");
    let flows = vec![flow(0, "10.1.0.4:50001", "10.0.0.12:22"), flow(1, "10.1.0.5:50001", "10.0.0.12:22")];
    let audit = World::new(&accept, &[], flows).audit();
    assert!(audit.findings[0].reason.contains("it was accepted until 2020-01-01"), "{}", audit.findings[0].reason);
}

#[test]
fn dhcp_is_documented_both_ways() {
    let to_all = |from: &str, to: &str| Udp::new(at(0), end(from), end(to)).send(Side::Client, b"x").frames();
    check(
        "",
        vec![to_all("0.0.0.0:68", "255.255.255.255:67")],
        "255.255.255.255:67 fixed-row one-way documented C01 C12",
    );
    check("", vec![to_all("10.0.0.5:67", "255.255.255.255:68")], "10.0.0.5:67 fixed-row one-way documented C01 C12");
    // A relay speaks from 67 to 67: no client is in that flow.
    check("", vec![to_all("10.0.0.1:67", "10.0.0.5:67")], "10.0.0.5:67 first-packet one-way undocumented");
}

#[test]
fn the_other_end_must_be_one_the_row_allows() {
    let with = |host: &str| format!("{POOL}[[host]]\nname='x'\naddresses=['10.0.9.9']\nroles=['{host}']\n");
    let documented = |host: &str, from: &str, port: u16, id: &str| {
        let world = World::new(&with(host), &[], vec![flow(0, from, &format!("10.0.9.9:{port}"))]);
        world.last().split(' ').any(|word| word == id)
    };
    for (id, port) in [("C02", 443), ("C06", 5061)] {
        assert!(documented("edge", "10.1.0.5:50001", port, id), "{id}");
        assert!(!documented("sql", "10.1.0.5:50001", port, id), "{id}");
    }
    let front_end = POOL.replace("\"mediation\"", "\"front-end\", \"mediation\"");
    for (id, port) in [("S25", 5081), ("S26", 5082), ("S32", 5066)] {
        for (role, expected) in [("pstn-gateway", true), ("branch-appliance", true), ("exchange-um", false)] {
            let topology = with(role).replace(POOL, &front_end);
            let world = World::new(&topology, &[], vec![flow(0, "10.0.0.13:50001", &format!("10.0.9.9:{port}"))]);
            assert_eq!(world.last().contains(id), expected, "{id} {role}: {}", world.last());
        }
    }
    // Configuration is pushed between servers, never to or from a client.
    assert!(documented("central-management", "10.0.0.11:50001", 445, "S37"));
    assert!(!documented("central-management", "10.1.0.5:50001", 445, "S37"));
    // A group is no edge.
    let multicast = Udp::new(at(0), end("10.1.0.5:50001"), end("239.1.1.1:3478")).send(Side::Client, b"x").frames();
    check(POOL, vec![multicast], "239.1.1.1:3478 fixed-row one-way undocumented");
}

#[test]
fn a_reset_is_no_listener_and_half_a_path_is_no_block() {
    let tcp = || Tcp::new(at(0), end("10.1.0.5:50001"), end("10.0.0.12:9999"));
    let reset = tcp().send(Side::Client, b"x").reset(Side::Server).frames();
    assert_eq!(World::new(POOL, &[], vec![reset]).findings(), ["medium undocumented-flow desks -> fe02 tcp/9999 x1"]);
    let wire = Wire { unseen: Some(Side::Server), ..Wire::default() };
    let to = end("10.0.0.12:5061");
    let half = Tcp::new(at(0), end("10.1.0.5:50001"), to).on(wire).handshake().send(Side::Client, b"x").frames();
    let world = World::new(POOL, &[], vec![half, flow(10, "10.1.0.6:50002", "10.0.0.12:444")]);
    assert!(world.findings().is_empty(), "{:?}", world.findings());
}

#[test]
fn a_block_tells_how_often_it_was_none() {
    let mut conversations: Vec<_> = (1..=5).map(|i| flow(i, &format!("10.1.0.5:5000{i}"), "10.0.0.12:5061")).collect();
    conversations.push(Tcp::new(at(20), end("10.1.0.5:50009"), end("10.0.0.12:5061")).refused().frames());
    let reason = World::new(POOL, &[], conversations).audit().findings[0].reason.clone();
    assert!(
        reason.ends_with("asked in vain: 1 refused (RST); 5 other flows between them to this port succeeded"),
        "{reason}"
    );
}

#[test]
fn a_plain_windows_server_has_no_role() {
    let ports = [135, 445, 3389, 5985];
    let flows = (0..).zip(ports).map(|(i, port)| flow(i, "10.9.0.5:50001", &format!("10.8.0.1:{port}"))).collect();
    let audit = World::new("", &["windows-infrastructure"], flows).audit();
    assert!(audit.fitness.hosts.is_empty(), "{:?}", audit.fitness.hosts);
}

#[test]
fn the_matrix_counts_what_its_line_explains() {
    let world = World::new(
        POOL,
        &[],
        vec![
            flow(0, "10.1.0.5:50001", "10.0.0.11:443"),
            flow(1, "10.0.0.12:50001", "10.0.0.11:5062"),
            flow(2, "10.1.0.5:50002", "10.0.0.11:5062"),
        ],
    );
    let judge = world.judge();
    let rules = lyncap::report::rules::rules(&judge, Some(&world.reading)).unwrap();
    let line = |from: &str, to: &str, port: &str| {
        let mut lines = rules.iter().filter(|rule| rule.from == from && rule.to == to && rule.port == port);
        lines.next().map(|rule| (rule.rows.join(" "), rule.state.unwrap(), rule.flows.unwrap()))
    };
    assert_eq!(line("desks", "fe01", "443"), Some(("S12 S19".to_owned(), "seen", 1)));
    assert_eq!(line("desks", "fe02", "443"), Some(("S12 S19".to_owned(), "never seen", 0)));
    assert_eq!(line("desks", "edge", "443"), Some(("C02 C03 C04".to_owned(), "never seen", 0)));
    assert_eq!(line("fe02", "fe01", "5062"), Some(("S06".to_owned(), "seen", 1)));
    // Documented, but the words name no client there.
    assert_eq!(line("desks", "fe01", "5062"), Some(("S06".to_owned(), "unexpected", 1)));
}

#[test]
fn coverage_is_told_by_role() {
    let audit = World::new(POOL, &[], vec![flow(0, "10.1.0.5:50001", "10.0.0.12:5061")]).audit();
    let seen: Vec<_> = audit.coverage.iter().filter(|record| record.seen).map(|r| (r.role, &*r.row)).collect();
    assert_eq!(seen, [("front-end", "S03")]);
    assert!(audit.coverage.iter().any(|record| record.role == "mediation" && record.row == "S47" && !record.seen));
    assert!(audit.coverage.iter().all(|record| record.row != "S22"), "no host has both roles");
}

#[test]
fn every_order_puts_the_largest_first() {
    use lyncap::report::flows::{Order, Selection};
    let long = Tcp::new(at(0), end("10.1.0.5:50001"), end("10.0.0.11:5061")).handshake().pause(30 * SECOND).close();
    let fat = Tcp::new(at(1), end("10.1.0.5:50002"), end("10.0.0.11:7777")).handshake().send(Side::Client, &[0; 5000]);
    let late = Tcp::new(at(20), end("10.1.0.5:50003"), end("10.0.0.11:5061")).handshake().pause(15 * SECOND).close();
    let world = World::new(POOL, &[], vec![long.frames(), fat.frames(), late.frames()]);
    let judge = world.judge();
    let first = |order| Selection { order, ..Selection::default() }.indices(&world.reading, &judge)[0];
    let orders = [Order::First, Order::Last, Order::Duration, Order::Bytes, Order::Verdict];
    assert_eq!(orders.map(first), [0, 2, 0, 1, 1]);
}

#[test]
fn distributions_are_in_order_and_their_extremes_exact() {
    let talk = |second, port: u16, bytes: usize| {
        let from = SocketAddr::new([10, 1, 0, 5].into(), port);
        Tcp::new(at(second), from, end("10.0.0.11:5061")).handshake().send(Side::Client, &vec![0; bytes]).frames()
    };
    let world = World::new(POOL, &[], vec![talk(0, 50_001, 1357), talk(1, 50_002, 10)]);
    let service = &world.audit().services[0];
    let frames = world.reading.flows.iter().map(|flow| (flow.sizes().minimum, flow.sizes().maximum));
    let (least, most) = frames.fold((u32::MAX, 0), |(a, b), (min, max)| (a.min(min), b.max(max)));
    let sizes = service.packet_size.unwrap();
    assert_eq!((sizes.min, sizes.max), (f64::from(least), f64::from(most)));
    let lasted = world.reading.flows.iter().map(|flow| flow.last_seen.since(flow.first_seen) / 1000);
    let longest = lasted.max().unwrap() as f64 / 1e6;
    assert!((service.duration_s.unwrap().max - longest).abs() < 1e-9);
    for of in [service.packet_size, service.handshake_rtt_s, service.duration_s].map(Option::unwrap) {
        assert!(of.min <= of.p50 && of.p50 <= of.p90 && of.p90 <= of.p99 && of.p99 <= of.max, "{of:?}");
    }
}
