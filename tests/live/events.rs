//! What is told, when, and where to.

use std::fs;

use super::common::{MILLISECOND, SECOND, Side, Tcp, Wire, payload, tcp_flow};
use super::program::{HOSTS, POOL, Scratch, check_refused, lyncap, run};
use super::{START, check_counts, last, number, of, pcap, replay};

fn at(text: &str) -> std::net::SocketAddr {
    text.parse().unwrap()
}

#[test]
fn everything_is_told_and_counted() {
    let (code, events, err) = replay(POOL, &["--topology", HOSTS]);
    assert_eq!((code, &*err), (1, ""));
    check_counts(&events);
    assert!(of(&events, "finding").len() > 20 && of(&events, "summary").len() > 50);
    assert_eq!(of(&events, "drops").len(), 1, "nothing is lost, which is told once, at the end");
    let ends: std::collections::BTreeSet<_> =
        of(&events, "flow").iter().map(|flow| flow["end_reason"].as_str().unwrap().to_owned()).collect();
    assert!(["closed", "idle-timeout", "end-of-capture"].iter().all(|end| ends.contains(*end)), "{ends:?}");
    // A summary every ten seconds of capture time, wherever there are frames.
    let times: Vec<_> = of(&events, "summary").iter().map(|summary| summary["live"]["at"].to_string()).collect();
    assert!(times.is_sorted());
}

#[test]
fn a_finding_is_told_once() {
    let (_, events, _) = replay(POOL, &["--topology", HOSTS, "--interval", "1s"]);
    let key = |finding: &&serde_json::Value| {
        ["kind", "initiator", "responder", "transport", "port"].map(|field| finding[field].to_string())
    };
    let listener = |finding: &&&serde_json::Value| finding["kind"] != "unknown-listener";
    let findings = of(&events, "finding");
    let mut keys: Vec<_> = findings.iter().filter(listener).map(key).collect();
    let told = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), told);
    let repeated: u64 =
        of(&events, "summary").iter().filter_map(|s| s["live"]["repeated"]["undocumented-flow"].as_u64()).sum();
    assert!(repeated > 10, "{repeated}");
}

#[test]
fn a_finding_does_not_wait_for_the_end_of_its_flow() {
    let scratch = Scratch::new();
    // SSH on a SIP port, for half an hour.
    let mut tcp = Tcp::new(START, at("10.1.0.5:50123"), at("10.0.0.11:5071")).handshake().talk(&payload::ssh());
    for _ in 0..180 {
        tcp = tcp.pause(10 * SECOND).send(Side::Client, b"more of it");
    }
    let file = pcap(&scratch, "ssh.pcap", tcp.close().frames());
    let (code, events, _) = replay(&file, &["--active-timeout", "5m"]);
    assert_eq!(code, 1);
    let place = |kind: &str| events.iter().position(|event| event["type"] == kind).unwrap();
    assert!(place("finding") < place("flow") && place("finding") <= 3, "{} {}", place("finding"), place("flow"));
    assert_eq!(of(&events, "finding").len(), 1);
    // Its record comes every five minutes and at the end, and is one flow.
    let records: Vec<_> =
        of(&events, "flow").iter().map(|flow| flow["end_reason"].as_str().unwrap().to_owned()).collect();
    let (end, before) = records.split_last().unwrap();
    assert_eq!(end, "end-of-capture");
    assert_eq!(before, vec!["active-timeout"; before.len()]);
    assert!((5..=6).contains(&before.len()), "{before:?}");
    assert!(of(&events, "flow").iter().all(|flow| flow["id"] == 1));
    assert_eq!(last(&events)["flows"], 1);
    check_counts(&events);
}

#[test]
fn flows_end_for_a_reason() {
    let scratch = Scratch::new();
    let server = at("10.0.0.11:5061");
    let keep = |from: &str| Tcp::new(START, at(from), server).handshake();
    let frames = [
        tcp_flow(START, at("10.1.0.5:50001"), server, &[]),
        keep("10.1.0.5:50002").reset(Side::Server).frames(),
        keep("10.1.0.5:50003").frames(),
        // The same ends again.
        keep("10.1.0.5:50004").close().frames(),
        Tcp::new(START + 60 * SECOND, at("10.1.0.5:50004"), at("10.0.0.11:5062")).handshake().frames(),
        // Something until the end.
        (0..700)
            .fold(Tcp::new(START, at("10.1.0.5:50005"), server), |tcp, _| {
                tcp.pause(10 * SECOND).send(Side::Client, b"x")
            })
            .frames(),
    ]
    .concat();
    let file = pcap(&scratch, "ends.pcap", frames);
    let (_, events, _) = replay(&file, &["--active-timeout", "10h"]);
    let mut ends: Vec<_> = of(&events, "flow")
        .iter()
        .map(|flow| format!("{} {}", flow["initiator"]["port"], flow["end_reason"].as_str().unwrap()))
        .collect();
    ends.sort();
    let expected = [
        "50001 closed",
        "50002 closed",
        "50003 idle-timeout",
        "50004 closed",
        "50004 idle-timeout",
        "50005 end-of-capture",
    ];
    assert_eq!(ends, expected);
    check_counts(&events);
}

#[test]
fn people_read_a_line_a_finding_and_the_report() {
    let answer = run(&["live", "-r", POOL, "--speed", "max", "--topology", HOSTS, "--utc"]);
    assert_eq!((answer.code, &*answer.err), (Some(1), ""));
    let first: Vec<_> = answer.out.lines().take_while(|line| line.starts_with("2026-03-02 ")).collect();
    assert!(first.len() > 20, "{}", answer.out);
    assert!(
        first.iter().any(|line| line.contains(" high contradicted-payload desks -> fe02 tcp/5071: ")),
        "{first:#?}"
    );
    assert!(answer.out.contains("\nFINDINGS"), "{}", answer.out);
}

#[test]
fn duration_and_packets_end_it_with_a_report() {
    let (_, events, _) = replay(POOL, &["--duration", "10m"]);
    let seconds = last(&events)["fitness"]["span_s"].as_f64().unwrap();
    assert!((595.0..=640.0).contains(&seconds), "{seconds}");
    check_counts(&events);
    for packets in [1, 33, 1000] {
        let (_, events, _) = replay(POOL, &["--packets", &packets.to_string()]);
        assert_eq!(number(&last(&events)["frames"]), packets);
        check_counts(&events);
    }
}

#[test]
fn codes_are_those_of_an_audit() {
    let scratch = Scratch::new();
    let good = tcp_flow(START, at("10.1.0.5:50001"), at("10.0.0.11:80"), &payload::http("fe01", "/"));
    let clean = pcap(&scratch, "clean.pcap", good);
    let bytes = fs::read(&clean).unwrap();
    let cut = scratch.file("cut.pcap", &bytes[..bytes.len() - 3]);
    let other = scratch.file("other.pcap", "no capture");
    for (file, words, expected) in [
        (&clean, &[][..], 0),
        (&cut, &[], 3),
        (&other, &[], 2),
        (&POOL.to_owned(), &["--fail-on", "never"], 0),
        (&POOL.to_owned(), &["--fail-on", "high"], 1),
    ] {
        let mut all = vec!["live", "-r", file, "--speed", "max"];
        all.extend(words);
        assert_eq!(run(&all).code, Some(expected), "{all:?}");
    }
}

#[test]
fn mistakes_are_told_with_their_remedy() {
    for (line, parts) in [
        ("live", &["--interface"][..]),
        ("live -i eth0 -r x", &["cannot be used with"]),
        ("live -r nowhere.pcap", &["nowhere.pcap", "check its name"]),
        ("live -r fixtures/pool-day.pcapng --speed fast", &["`fast` is no speed"]),
        ("live -r fixtures/pool-day.pcapng --max-memory 64M", &["write at least 128M"]),
        ("live -r fixtures/pool-day.pcapng --role self=front-end", &["--role self", "write its address"]),
        ("live -r fixtures/pool-day.pcapng -o fixtures/pool-day.pcapng", &["would replace the capture"]),
        (
            "live -r fixtures/pool-day.pcapng --speed max -o /nowhere/x",
            &["cannot write /nowhere/x", "make its folder first"],
        ),
    ] {
        check_refused(line, parts);
    }
}

#[cfg(not(feature = "live"))]
#[test]
fn without_libpcap_interfaces_are_refused() {
    check_refused("live -i eth0", &["offline-only build", "tcpdump -U -w - | lyncap live -r -"]);
    check_refused("interfaces", &["offline-only build"]);
}

#[test]
fn events_are_added_to_a_file() {
    let scratch = Scratch::new();
    let file = scratch.file("events.jsonl", "{\"before\":true}\n");
    let answer = run(&["live", "-r", POOL, "--speed", "max", "--format", "jsonl", "-o", &file]);
    assert_eq!((answer.code, &*answer.out), (Some(1), ""));
    let text = fs::read_to_string(&file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(first, "{\"before\":true}");
    check_counts(&super::parse(rest));
    assert_eq!(scratch.names(), ["events.jsonl"]);
}

#[test]
fn what_another_program_captures_is_read_as_it_comes() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::Stdio;
    let scratch = Scratch::new();
    let ssh = |n: u64| {
        tcp_flow(START + n * 20 * SECOND, at(&format!("10.1.0.5:5000{n}")), at("10.0.0.11:5071"), &payload::ssh())
    };
    let bytes = fs::read(pcap(&scratch, "x", [ssh(0), ssh(1)].concat())).unwrap();
    let mut child = lyncap(&["live", "-r", "-", "--format", "jsonl", "--speed", "max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&bytes).unwrap();
    input.flush().unwrap();
    // It is told before the pipe is closed.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(super::event(&lines.next().unwrap().unwrap())["type"], "finding");
    drop(input);
    let rest: Vec<_> = lines.map(|line| super::event(&line.unwrap())).collect();
    assert_eq!(last(&rest)["flows"], 2);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_replay_takes_its_time() {
    let scratch = Scratch::new();
    let one = |n: u64| {
        Tcp::new(START + n * 500 * MILLISECOND, at(&format!("10.1.0.5:5000{n}")), at("10.0.0.11:80"))
            .on(Wire::default())
            .handshake()
            .frames()
    };
    let file = pcap(&scratch, "x", (0..5).flat_map(one).collect());
    let took = |speed: &str| {
        let begun = std::time::Instant::now();
        assert_eq!(run(&["live", "-r", &file, "--speed", speed]).code, Some(0));
        begun.elapsed().as_millis()
    };
    assert!(took("2") >= 1000 && took("max") < 1000);
}
