//! What a weak capture forbids concluding, each by a worked example beside one where it is concluded.
//!
//! In: conversations made by the builder, captured badly. Out: what lyncap does not say of them, and that it says why.
//! Must not know: how anything is decided; it goes through the whole pipeline, as a capture does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;
mod world;

use common::media::{PCMU, Stream};
use common::microsoft::rpc_bind;
use common::savefile::{Pcap, in_time_order};
use common::tls::Session;
use common::{Frame, MILLISECOND, Side, Tcp, Udp, Wire, tcp_flow};
use lyncap::report::audit::Audit;
use world::{World, at, end};

/// Two servers and desks.
const POOL: &str = r#"
host = [
    { name = "fe01", addresses = ["10.0.0.11"], roles = ["front-end"] },
    { name = "fe02", addresses = ["10.0.0.12"], roles = ["front-end"] },
]
network = [{ name = "desks", addresses = ["10.1.0.0/16"], roles = ["client"] }]
"#;

const FE02: &str = "10.0.0.12:5061";
const CLIENT: &str = "10.1.0.5:50001";

fn flow(second: u64, from: &str, to: &str) -> Vec<Frame> {
    tcp_flow(at(second), end(from), end(to), &[])
}

/// A flow of which only one end was captured.
fn half(second: u64, from: &str, to: &str, unseen: Side) -> Vec<Frame> {
    let wire = Wire { unseen: Some(unseen), ..Wire::default() };
    Tcp::new(at(second), end(from), end(to)).on(wire).handshake().send(Side::Client, b"x").close().frames()
}

/// One SYN that nobody answers, and no other.
fn one_syn(second: u64) -> Vec<Frame> {
    let mut frames = Tcp::new(at(second), end("10.1.0.7:50007"), end("10.0.0.12:5071")).unanswered().frames();
    frames.truncate(1);
    frames
}

fn three_syns(second: u64) -> Vec<Frame> {
    Tcp::new(at(second), end("10.1.0.7:50007"), end("10.0.0.12:5071")).unanswered().frames()
}

fn world(conversations: Vec<Vec<Frame>>) -> World {
    World::new(POOL, &[], conversations)
}

fn audit(world: &World) -> Audit {
    Audit::new(&world.reading, &world.judge())
}

/// Kinds of all findings.
fn kinds(world: &World) -> Vec<&'static str> {
    audit(world).findings.iter().map(|finding| finding.kind).collect()
}

/// The one limit that holds `part`.
fn limit(world: &World, part: &str) -> String {
    let limits = audit(world).fitness.limits;
    let mut found = limits.iter().filter(|limit| limit.contains(part));
    let one = found.next().unwrap_or_else(|| panic!("no limit of {limits:#?} has {part:?}"));
    assert_eq!(found.next(), None);
    one.clone()
}

const BLOCKED: &str = "blocked-documented-port";

#[test]
fn a_host_whose_answers_are_not_captured_blocks_nothing() {
    let answered = flow(0, CLIENT, FE02);
    let blocked = world(vec![answered.clone(), three_syns(10), flow(40, CLIENT, "10.0.0.11:5061")]);
    assert_eq!(kinds(&blocked), [BLOCKED]);
    let unheard = |i: u64| half(i, &format!("10.1.0.6:5000{i}"), FE02, Side::Server);
    let mut conversations = vec![answered, three_syns(10), flow(40, CLIENT, "10.0.0.11:5061")];
    conversations.extend((1..4).map(unheard));
    let blind = world(conversations);
    assert!(kinds(&blind).is_empty(), "{:?}", kinds(&blind));
    assert_eq!(
        limit(&blind, "only what it receives"),
        "of fe02 (10.0.0.12) only what it receives was captured in 4 of 5 TCP flows: whether it answered cannot be judged"
    );
    let judge = blind.judge();
    let outcomes: Vec<_> =
        (blind.reading.flows.iter().enumerate()).map(|(i, flow)| judge.judge(i, flow).outcome.as_str()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "one-way").count(), 4, "{outcomes:?}");
}

#[test]
fn a_host_of_which_only_its_own_words_are_captured_is_told() {
    let conversations = (0..3).map(|i| half(i, &format!("10.1.0.6:5000{i}"), FE02, Side::Client)).collect();
    assert_eq!(
        limit(&world(conversations), "only what it sends"),
        "of fe02 (10.0.0.12) only what it sends was captured in 3 of 3 TCP flows: what it was asked, and by whom, cannot \
         be judged"
    );
}

#[test]
fn a_request_just_before_the_capture_ends_or_falls_silent_was_not_given_the_time() {
    let seen = |second, gap| vec![flow(0, CLIENT, FE02), one_syn(second), flow(second + gap, CLIENT, "10.0.0.11:5061")];
    assert_eq!(kinds(&world(seen(10, 20))), [BLOCKED]);
    let gap = world(seen(10, 100));
    assert!(kinds(&gap).is_empty());
    assert_eq!(
        limit(&gap, "prove nothing"),
        "1 request to documented ports without an answer prove nothing: nothing at all was captured soon after"
    );
    let last = world(vec![flow(0, CLIENT, FE02), one_syn(10)]);
    assert!(kinds(&last).is_empty());
    assert!(limit(&last, "prove nothing").ends_with("the capture ends within a second"));
    // Refused is no silence.
    let refused = Tcp::new(at(10), end("10.1.0.7:50007"), end("10.0.0.12:5071")).refused().frames();
    assert_eq!(kinds(&world(vec![flow(0, CLIENT, FE02), refused])), [BLOCKED]);
}

#[test]
fn where_frames_were_dropped_one_request_proves_nothing_and_three_do() {
    let dropping = |request: Vec<Frame>, dropped| {
        let mut world = world(vec![flow(0, CLIENT, FE02), request, flow(40, CLIENT, "10.0.0.11:5061")]);
        world.reading.files[0].dropped = dropped;
        world
    };
    for dropped in [None, Some(0)] {
        assert_eq!(kinds(&dropping(one_syn(10), dropped)), [BLOCKED]);
    }
    let lossy = dropping(one_syn(10), Some(5));
    assert!(kinds(&lossy).is_empty());
    assert!(limit(&lossy, "prove nothing").ends_with("frames were dropped, and it was not asked three times"));
    assert_eq!(
        limit(&lossy, "while capturing"),
        "5 frames were dropped while capturing (test 5): what looks lost or unanswered may only be missing here"
    );
    assert_eq!(kinds(&dropping(three_syns(10), Some(5))), [BLOCKED]);
}

#[test]
fn the_matrix_calls_nothing_blocked_that_the_audit_does_not() {
    let state = |conversations| {
        let world = world(conversations);
        let rules = lyncap::report::rules::rules(&world.judge(), Some(&world.reading)).unwrap();
        let mut lines = rules.iter().filter(|rule| rule.rows == ["S06"] && rule.to == "fe02" && rule.flows == Some(1));
        lines.next().unwrap().state.unwrap()
    };
    let syns = || Tcp::new(at(10), end("10.0.0.11:50007"), end("10.0.0.12:5062")).unanswered().frames();
    let one = || syns()[..1].to_vec();
    assert_eq!(state(vec![flow(0, CLIENT, FE02), syns(), flow(40, CLIENT, FE02)]), "blocked");
    assert_eq!(state(vec![flow(0, CLIENT, FE02), one()]), "seen");
}

#[test]
fn one_end_of_tls_does_not_tell_whether_it_is_mutual() {
    let session = |unseen| {
        let wire = Wire { unseen, ..Wire::default() };
        let tcp = Tcp::new(at(0), end("10.0.0.11:50001"), end("10.0.0.12:5062")).on(wire).handshake();
        world(vec![tcp.talk(&Session::default().talk()).close().frames(), flow(20, CLIENT, FE02)])
    };
    assert_eq!(kinds(&session(None)), ["one-way-tls-on-mtls"]);
    for unseen in [Side::Client, Side::Server] {
        assert!(kinds(&session(Some(unseen))).is_empty(), "{unseen:?}");
    }
}

/// Audio of a desk to fe02, which sends none back.
fn audio() -> Vec<Frame> {
    let stream = Stream::new(PCMU, "desk");
    let (from, to) = (end("10.1.0.5:50020"), end("10.0.0.12:49500"));
    let mut udp = Udp::new(at(0), from, to);
    for number in 0..400 {
        udp = udp.send(Side::Client, &stream.packet(number)).pause(20 * MILLISECOND);
    }
    udp.frames()
}

#[test]
fn audio_goes_one_way_only_where_the_other_would_be_heard() {
    let one_way = |others: Vec<Vec<Frame>>| {
        let world = world([vec![audio(), flow(0, CLIENT, FE02)], others].concat());
        audit(&world).media.one_way_audio.len()
    };
    assert_eq!(one_way(vec![]), 1);
    let unheard = (1..4).map(|i| half(i, &format!("10.1.0.6:5000{i}"), FE02, Side::Server)).collect();
    assert_eq!(one_way(unheard), 0);
}

#[test]
fn loss_beside_drops_may_be_the_captures_own() {
    let mut world = world(vec![audio()]);
    assert!(audit(&world).media.limits.is_empty());
    world.reading.files[0].dropped = Some(2);
    let limits = audit(&world).media.limits;
    assert_eq!(limits, ["the capture has gaps (2 frames dropped while capturing): what it missed looks like loss"]);
}

#[test]
fn segments_larger_than_frames_are_told() {
    let said = |lengths: &[usize]| {
        let mut tcp = Tcp::new(at(0), end(CLIENT), end(FE02)).handshake();
        for &length in lengths {
            tcp = tcp.emit(Side::Server, 0x18, &vec![7; length]);
        }
        world(vec![tcp.frames()])
    };
    let plain = said(&[1460, 1460]);
    let fitness = audit(&plain).fitness;
    assert_eq!((fitness.large_segments, fitness.offloaded_segments), (0, 0));
    assert!(limit(&said(&[1461, 8960]), "jumbo frames, or").starts_with("2 TCP segments carry more than 1460 bytes"));
    assert!(limit(&said(&[8961]), "segmentation offload").starts_with("1 TCP segment is larger than any frame"));
    // Without a length in IP.
    let mut frames = Tcp::new(at(0), end(CLIENT), end(FE02)).emit(Side::Server, 0x18, &[7; 3000]).frames();
    frames[0].bytes[16..18].fill(0);
    let fitness = audit(&world(vec![frames])).fitness;
    assert_eq!((fitness.large_segments, fitness.offloaded_segments), (0, 1));
}

#[test]
fn a_card_that_fills_in_checksums_is_told_from_a_damaged_line() {
    let mut flows: Vec<_> = (0..4).map(|i| flow(i, &format!("10.1.0.{}:50001", 5 + i), FE02)).collect();
    let wrong = |frames: &mut Vec<Frame>, which: usize| frames[which].bytes[50] ^= 0x40;
    let clean = world(flows.clone());
    assert_eq!((audit(&clean).fitness.right_checksums, audit(&clean).fitness.wrong_checksums.len()), (8, 0));
    flows.iter_mut().for_each(|frames| wrong(frames, 1));
    assert_eq!(
        limit(&world(flows.clone()), "checksum"),
        "captured on fe02 (10.0.0.12): its network card fills in checksums (wrong in all 4 SYN segments it sends, right in \
         others'); wrong checksums of it prove no damage"
    );
    // One right one shows that another reason makes the others wrong.
    wrong(&mut flows[0], 1);
    assert!(audit(&world(flows.clone())).fitness.wrong_checksums.is_empty());
    wrong(&mut flows[0], 1);
    flows.iter_mut().for_each(|frames| wrong(frames, 0));
    assert!(limit(&world(flows), "checksum").starts_with("the TCP checksum is wrong in all 8 SYN segments"));
    // Where both are virtual nobody fills it in: it is what the system left to the card.
    let left = |bytes: &mut Vec<u8>| {
        let words: u32 = bytes[26..34].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        let sum = words + 6 + (bytes.len() - 34) as u32;
        bytes[50..52].copy_from_slice(&((sum >> 16) as u16 + sum as u16).to_be_bytes());
    };
    let mut flows: Vec<_> = (0..2).map(|i| flow(i, &format!("10.1.0.{}:50001", 5 + i), FE02)).collect();
    flows.iter_mut().flat_map(|frames| &mut frames[..2]).for_each(|frame| left(&mut frame.bytes));
    assert_eq!(
        limit(&world(flows), "checksum"),
        "captured where network cards fill in checksums (left to them in 4 of 4 SYN segments: fe02 (10.0.0.12), 10.1.0.5, \
         10.1.0.6); wrong checksums of these hosts prove no damage"
    );
}

#[test]
fn frames_of_other_links_are_told_by_name() {
    let usb = Pcap { link_type: 189, ..Pcap::default() }.write(&flow(0, CLIENT, FE02));
    let world = World::of(POOL, &[], usb);
    assert!(limit(&world, "not decoded").starts_with("6 frames of usb-linux (USB, not network traffic): not decoded"));
    // A network's, which a later version may read.
    let unknown = Pcap { link_type: 9999, ..Pcap::default() }.write(&flow(0, CLIENT, FE02));
    let world = World::of(POOL, &[], unknown);
    assert!(limit(&world, "not decoded").ends_with(": not decoded, no flow was read from them"));
    assert!(!limit(&world, "not decoded").contains("not network traffic"));
}

#[test]
fn declared_servers_that_were_not_seen_are_told() {
    let only_one = world(vec![flow(0, CLIENT, FE02)]);
    assert!(limit(&only_one, "though declared").starts_with("nothing of fe01 was captured"));
    let both = world(vec![flow(0, CLIENT, FE02), flow(1, CLIENT, "10.0.0.11:5061")]);
    assert!(audit(&both).fitness.unseen_hosts.is_empty());
}

#[test]
fn a_clock_that_steps_back_makes_durations_unsure() {
    let (mut early, mut late) = (flow(10, CLIENT, FE02), flow(0, "10.1.0.6:50002", FE02));
    early.append(&mut late);
    let world = World::of(POOL, &[], Pcap::default().write(&early));
    assert!(limit(&world, "steps back").contains("durations and idle time-outs are unsure"));
    assert!(audit(&self::world(vec![in_time_order(early)])).fitness.clock_steps_back == 0);
}

#[test]
fn a_service_whose_answers_were_not_captured_was_not_asked_in_vain() {
    let unheard = world(vec![half(0, CLIENT, FE02, Side::Server), flow(5, CLIENT, "10.0.0.11:444")]);
    let record = audit(&unheard).coverage.into_iter().find(|record| record.row == "S03" && record.seen).unwrap();
    assert_eq!((record.accepted, record.in_vain), (false, false));
    let refused = world(vec![Tcp::new(at(0), end(CLIENT), end(FE02)).refused().frames()]);
    let record = audit(&refused).coverage.into_iter().find(|record| record.row == "S03" && record.seen).unwrap();
    assert_eq!((record.accepted, record.in_vain), (false, true));
}

#[test]
fn a_listener_that_some_flows_prove_is_known_to_the_others() {
    let topology = r#"host = [{ name = "dc01", addresses = ["10.0.0.5"], roles = ["domain-controller"] }]"#;
    let (from, to) = (end("10.0.0.11:50001"), end("10.0.0.5:49667"));
    let silent = tcp_flow(at(0), from, to, &[]);
    let spoken = tcp_flow(at(1), end("10.0.0.11:50002"), to, &rpc_bind(&[7; 16], 4, 49667));
    let overlays = ["windows-infrastructure"];
    let listener = |conversations| {
        let world = World::new(topology, &overlays, conversations);
        let findings = audit(&world).findings.into_iter();
        findings.map(|finding| (finding.kind, finding.severity.as_str(), finding.reason)).collect::<Vec<_>>()
    };
    let alone = listener(vec![silent.clone()]);
    assert!(alone.iter().any(|(kind, severity, _)| (*kind, *severity) == ("unknown-listener", "medium")), "{alone:?}");
    let both = listener(vec![silent, spoken]);
    assert!(both.iter().all(|(_, severity, _)| *severity == "low"), "{both:?}");
    assert!(both[0].2.contains("1 other flow to it proved what it is"), "{both:?}");
}
