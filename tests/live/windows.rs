//! Long runs: clocks that step, flows without end, findings in storms.

use super::common::savefile::Pcap;
use super::common::{Frame, SECOND, Side, Tcp, payload, tcp_flow, udp_flow};
use super::program::Scratch;
use super::{START, check_counts, last, number, of, pcap, replay};

const DAY: u64 = 86_400 * SECOND;

fn at(text: &str) -> std::net::SocketAddr {
    text.parse().unwrap()
}

/// A connection that says something every ten seconds, so many times.
fn talking(start: u64, from: &str, times: usize) -> Vec<Frame> {
    let tcp = Tcp::new(start, at(from), at("10.0.0.11:5061")).handshake();
    (0..times).fold(tcp, |tcp, _| tcp.pause(10 * SECOND).send(Side::Client, b"keep-alive")).frames()
}

/// Moves what was captured from the `from`th frame on.
fn step(frames: &mut [Frame], from: usize, by: i64) {
    frames[from..].iter_mut().for_each(|frame| frame.at = frame.at.checked_add_signed(by).unwrap());
}

/// Frames in file order, whatever their times.
fn as_they_are(scratch: &Scratch, name: &str, frames: &[Frame]) -> String {
    scratch.file(name, Pcap::default().write(frames))
}

#[test]
fn a_clock_that_steps_is_counted_and_survived() {
    let scratch = Scratch::new();
    for (name, by, steps) in [("back", -(DAY as i64), 1), ("ahead", DAY as i64, 0), ("a little", -15_000_000_000, 1)] {
        let mut frames = talking(START + 2 * DAY, "10.1.0.5:50001", 200);
        step(&mut frames, 100, by);
        let file = as_they_are(&scratch, "step.pcap", &frames);
        let (code, events, _) = replay(&file, &["--active-timeout", "10h"]);
        let summary = last(&events);
        assert_eq!((code, number(&summary["frames"])), (0, frames.len() as u64), "{name}");
        assert_eq!(number(&of(&events, "drops").last().unwrap()["clock_steps"]), steps, "{name}");
        // Ahead by a day looks like silence: the flow is over. Set back, it goes on.
        assert_eq!(number(&summary["flows"]), 1 + u64::from(by > 0), "{name}");
        // Summaries come every ten seconds however the clock goes, but for the frames read with the step.
        assert!(of(&events, "summary").len() >= 165, "{name}: {}", of(&events, "summary").len());
        check_counts(&events);
    }
}

#[test]
fn frames_with_a_time_of_their_own_end_nothing() {
    let scratch = Scratch::new();
    for by in [400 * DAY as i64, -(400 * DAY as i64)] {
        let mut frames = talking(START + 500 * DAY, "10.1.0.5:50001", 100);
        let mut strays: Vec<_> = udp_flow(START, at("10.1.0.6:50001"), at("10.0.0.5:53"), &payload::dns("a.b", 1, &[]));
        for (n, stray) in strays.iter_mut().enumerate() {
            stray.at = frames[40 + n].at.checked_add_signed(by).unwrap();
        }
        for (n, stray) in strays.into_iter().enumerate() {
            frames.insert(40 + 20 * n, stray);
        }
        let file = as_they_are(&scratch, "stray.pcap", &frames);
        let (_, events, _) = replay(&file, &["--active-timeout", "10h"]);
        let tcp: Vec<_> = of(&events, "flow").into_iter().filter(|flow| flow["transport"] == "tcp").collect();
        assert_eq!(tcp.len(), 1, "{tcp:#?}");
        assert_eq!(number(&of(&events, "drops").last().unwrap()["clock_steps"]), 2);
        check_counts(&events);
    }
}

/// A day of a small pool in seconds: all counted, flows leave the table.
#[test]
fn a_day_goes_by() {
    let scratch = Scratch::new();
    let mut frames = talking(START, "10.1.0.5:50001", 8640);
    for n in 0..2000_u64 {
        let client = format!("10.1.{}.{}:{}", n % 7, n % 200 + 1, 50_000 + n);
        frames.extend(tcp_flow(START + n * 40 * SECOND, at(&client), at("10.0.0.11:5061"), &[]));
    }
    let file = pcap(&scratch, "day.pcap", frames);
    let (code, events, _) = replay(&file, &["--interval", "1m"]);
    let summary = last(&events);
    assert_eq!((code, number(&summary["flows"])), (0, 2001));
    let open = of(&events, "summary").iter().map(|summary| number(&summary["live"]["open_flows"])).max().unwrap();
    assert!(open < 20, "{open}");
    let long = of(&events, "flow").iter().filter(|flow| flow["end_reason"] == "active-timeout").count();
    assert!((46..=48).contains(&long), "{long}");
    check_counts(&events);
}

#[test]
fn a_storm_of_findings_is_told_in_turn() {
    let scratch = Scratch::new();
    // Declared hosts are never summed up: each asks each on a port that no row has.
    let mut topology = String::new();
    for host in 1..=40 {
        topology += &format!("[[host]]\nname = 'h{host}'\naddresses = ['10.0.0.{host}']\nroles = ['front-end']\n");
    }
    let topology = scratch.file("hosts.toml", topology);
    let pairs = (1..=40_u64).flat_map(|a| (1..=40_u64).filter(move |b| a != *b).map(move |b| (a, b)));
    let flow = |(n, (a, b)): (u64, (u64, u64))| {
        tcp_flow(START + n * 1_000_000, at(&format!("10.0.0.{a}:50001")), at(&format!("10.0.0.{b}:9999")), &[])
    };
    let mut frames: Vec<_> = (0..).zip(pairs).flat_map(flow).collect();
    frames.extend(talking(START, "10.1.0.5:50001", 30));
    let file = pcap(&scratch, "storm.pcap", frames);
    let (_, events, _) = replay(&file, &["--topology", &topology, "--interval", "10s"]);
    let mut in_a_row = 0;
    for event in &events {
        match event["type"].as_str().unwrap() {
            "finding" => in_a_row += 1,
            "summary" => in_a_row = 0,
            _ => {}
        }
        assert!(in_a_row <= 100, "a hundred in an interval");
    }
    let waiting: Vec<_> = of(&events, "drops").iter().map(|drops| number(&drops["untold_findings"])).collect();
    assert!(waiting.iter().any(|&n| n > 100), "{waiting:?}");
    assert!(of(&events, "finding").len() > 1000);
    check_counts(&events);
}

#[test]
fn what_is_judged_for_the_moment_is_not_counted_twice() {
    let scratch = Scratch::new();
    let frames = [talking(START, "10.1.0.5:50001", 100), talking(START, "10.1.0.5:50002", 100)].concat();
    let packets = frames.len() as u64;
    let file = pcap(&scratch, "x.pcap", frames);
    let (_, events, _) = replay(&file, &["--interval", "1s"]);
    for summary in of(&events, "summary") {
        assert!(number(&summary["flows"]) <= 2 && number(&summary["packets"]) <= packets, "{summary}");
    }
    assert_eq!(number(&last(&events)["packets"]), packets);
}
