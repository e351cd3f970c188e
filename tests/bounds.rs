//! Hostile and huge input costs memory and time in proportion to its length, and no more than was asked for.
//!
//! In: captures made here, topologies and catalogs of any size. Out: that each is read, judged and told within
//! [`LIMIT`], a hundred times what an idle machine needs; that no frame gets lost; that outputs stay readable.
//! Must not know: how anything works. What is held of it all is for `tests/alloc.rs`.
#![allow(clippy::print_stdout, reason = "what each case took is worth telling")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;
mod program;
mod real;

use std::io::Cursor;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::savefile::Pcap;
use common::{Frame, MICROSECOND, Noise, frame, pool};
use lyncap::capture::Inputs;
use lyncap::catalog::{self, Catalogs};
use lyncap::flow::{Flow, Marks};
use lyncap::net::Direction;
use lyncap::pipeline::{self, Bounds, Options};
use lyncap::reading::Reading;
use lyncap::report::Format;
use lyncap::report::audit::Audit;
use lyncap::report::flows::{By, Order, Selection, grouped};
use lyncap::report::rules::rules;
use lyncap::report::table::Look;
use lyncap::report::text::Clock;
use lyncap::report::write;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;
use real::ours::check_conservation;

const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Look = Look { width: 80, colour: false, clock: Clock::Utc };
const SERVER: [u8; 4] = [10, 0, 0, 11];

/// Says how long it took, and that it was not too long.
fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    let took = begun.elapsed();
    println!("{name}: {took:?}");
    assert!(took < LIMIT, "{name}: {took:?}");
    done
}

fn read_within(name: &str, file: Vec<u8>, bounds: Bounds) -> Reading {
    let inputs = Inputs::from_reader(name, Cursor::new(file)).unwrap();
    let reading =
        pipeline::read(inputs, Options { bounds, keep_duplicates: true, ..Options::default() }, |_| ()).unwrap();
    let stats = &reading.stats;
    check_conservation(name, &reading.flows, &reading.files, (stats.frames, stats.packets, stats.skips.total()));
    reading
}

fn read(name: &str, file: Vec<u8>) -> Reading {
    read_within(name, file, Bounds::default())
}

/// What an audit came to.
struct Told {
    findings: usize,
    table: String,
    json: usize,
}

fn tell(reading: &Reading, catalogs: &Catalogs, topology: &Topology) -> Told {
    let judge = Judge::new(&reading.flows, catalogs, topology);
    let audit = Audit::new(reading, &judge);
    let written = |format| {
        let mut out = Vec::new();
        write::audit(&mut out, format, LOOK, reading, &judge, &audit, false).unwrap();
        out
    };
    for format in [Format::Jsonl, Format::Csv] {
        written(format);
    }
    Told {
        findings: audit.findings.len(),
        table: String::from_utf8(written(Format::Table)).unwrap(),
        json: written(Format::Json).len(),
    }
}

fn document() -> Catalogs {
    Catalogs::new(&[], Vec::new(), &Topology::default().site).unwrap()
}

/// Reads and tells a capture without a topology.
fn audit(name: &str, file: Vec<u8>) -> (Reading, Told) {
    timed(name, || {
        let reading = read(name, file);
        let told = tell(&reading, &document(), &Topology::default());
        (reading, told)
    })
}

fn end(address: u32, port: u16) -> SocketAddr {
    (address.to_be_bytes(), port).into()
}

fn server(port: u16) -> SocketAddr {
    (SERVER, port).into()
}

fn ethernet(src: SocketAddr, dst: SocketAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let hop = frame::Hop { ttl: 64, dscp: 0, id: 1 };
    frame::carry(src.ip(), dst.ip(), None, &frame::packet(src.ip(), dst.ip(), protocol, hop, body))
}

fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    ethernet(src, dst, frame::UDP, &frame::udp(src, dst, payload))
}

fn tcp(src: SocketAddr, dst: SocketAddr, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let segment = frame::Segment { sequence, acknowledgement: 1, flags, options: &[], payload };
    ethernet(src, dst, frame::TCP, &frame::tcp(src, dst, segment))
}

/// A capture of frames a microsecond apart.
fn pcap(frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let at = (0..).map(|number| pool::START + number * MICROSECOND);
    Pcap::default().write(&at.zip(frames).map(|(at, bytes)| Frame::whole(at, bytes)).collect::<Vec<_>>())
}

/// Frame number `n`.
type Flood<'a> = dyn Fn(u32) -> Vec<u8> + 'a;

/// Who asks as number `n`: nobody twice.
fn client(n: u32) -> SocketAddr {
    end(0x1400_0000 + n, 49_152 + (n % 16_000) as u16)
}

/// Any two hosts and ports.
fn strangers(n: u32) -> (SocketAddr, SocketAddr) {
    let mut noise = Noise::new(u64::from(n) + 1);
    let mut host = || end(0x1e00_0000 + noise.below(1 << 24) as u32, 1024 + noise.below(60_000) as u16);
    (host(), host())
}

// pcapng, block by block.

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]))
}

/// An Ethernet interface with options as encoded.
fn interface(options: &[u8]) -> Vec<u8> {
    block(1, &[&words(&[1, 0]), options].concat())
}

fn enhanced(interface: u32, ticks: u64, original_length: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
    let head = words(&[interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, original_length]);
    let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
    block(6, &[&head, bytes, &padding, options].concat())
}

fn knock() -> Vec<u8> {
    udp(client(1), server(5061), b"hello")
}

#[test]
fn pcapng_blocks_of_any_make() {
    let knock = knock();
    let (length, frame) = (knock.len() as u32, |n: u32| enhanced(n, n.into(), 60, &knock, &[]));
    let many: Vec<u8> = (0..60_000).flat_map(|_| interface(&[])).chain((0..60_000).flat_map(frame)).collect();
    // Comments without text, a million of them.
    let comments = words(&[1; 1_000_000]);
    let options = [interface(&comments), enhanced(0, 0, length, &knock, &comments), frame(0)].concat();
    let largest = block(0x0bad, &vec![0; (16 << 20) - 12]);
    let large = [interface(&[]), largest.repeat(4), frame(0)].concat();
    let claims = [interface(&[]), frame(0), words(&[6, u32::MAX - 3, 0, 0, 1, u32::MAX, u32::MAX])].concat();
    for (name, blocks, frames, damage) in [
        ("60,000 interfaces", many, 60_000, None),
        ("a million options", options, 2, None),
        ("blocks of 16 MiB", large, 1, None),
        ("a block that claims 4 GiB", claims, 1, Some("claims a length of 4294967292 bytes")),
    ] {
        let (reading, _) = audit(name, [section(), blocks].concat());
        assert_eq!((reading.stats.packets, reading.flows.len()), (frames, 1), "{name}");
        let what = reading.damage.first().map(|damage| &*damage.what);
        assert_eq!(what.is_some(), damage.is_some(), "{name}: {what:?}");
        assert!(damage.is_none_or(|damage| what.unwrap().contains(damage)), "{name}: {what:?}");
    }
}

#[test]
fn long_chains_of_headers_and_fragments_without_end() {
    const FRAMES: u32 = 100_000;
    let (src, dst): (SocketAddr, SocketAddr) = ("[fd00::1]:5000".parse().unwrap(), "[fd00::2]:5001".parse().unwrap());
    // Destination options (60), each followed by another, and the last by UDP.
    let chain: Vec<u8> = [60; 170].into_iter().chain([17]).flat_map(|next| [next, 0, 1, 4, 0, 0, 0, 0]).collect();
    let chained = ethernet(src, dst, 60, &[chain, frame::udp(src, dst, b"hello")].concat());
    audit("IPv6 with 171 extension headers", pcap((0..FRAMES).map(|_| chained.clone())));

    let fragment = |n: u32, which: usize| {
        let hop = frame::Hop { ttl: 64, dscp: 0, id: n as u16 };
        let src = client(n >> 16);
        let (from, to) = match (src, server(5061)) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => (*from.ip(), *to.ip()),
            _ => unreachable!(),
        };
        let body = frame::udp(src, server(5061), &[b'x'; 40]);
        let packet = frame::fragments(from, to, frame::UDP, hop, &body, 24)[which].clone();
        frame::carry(from.into(), to.into(), None, &packet)
    };
    let (first, _) = audit("first fragments", pcap((0..200_000).map(|n| fragment(n, 0))));
    assert_eq!((first.stats.packets, first.flows.len()), (200_000, 4));
    let (later, _) = audit("orphan fragments", pcap((0..200_000).map(|n| fragment(n, 1))));
    let skips: Vec<_> = later.stats.skips.iter().collect();
    assert_eq!(skips, [("orphan-fragment".into(), 200_000)]);
}

/// A hundred thousand segments of one byte, in any order.
#[test]
fn one_flow_of_segments_of_one_byte() {
    const SEGMENTS: u32 = 100_000;
    let mut shuffled: Vec<u32> = (0..SEGMENTS).collect();
    let mut noise = Noise::of("shuffled");
    for at in (1..shuffled.len()).rev() {
        shuffled.swap(at, noise.below(at as u64 + 1) as usize);
    }
    let orders: [(&str, Box<dyn Iterator<Item = u32>>); 5] = [
        ("in order", Box::new(0..SEGMENTS)),
        ("backwards", Box::new((0..SEGMENTS).rev())),
        ("shuffled", Box::new(shuffled.into_iter())),
        ("with holes", Box::new((0..SEGMENTS).map(|n| 2 * n + 1))),
        ("again and again", Box::new((0..SEGMENTS).map(|n| n % 16))),
    ];
    for (name, order) in orders {
        // The length of a ClientHello that never comes to an end.
        let byte = |at: u32| [22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3].get(at as usize).copied().unwrap_or(7);
        let syn = tcp(client(1), server(5061), frame::SYN, 99, &[]);
        let segments = order.map(|at| tcp(client(1), server(5061), frame::ACK | frame::PSH, 100 + at, &[byte(at)]));
        let (reading, _) = audit(&format!("segments {name}"), pcap([syn].into_iter().chain(segments)));
        assert_eq!(reading.flows.len(), 1);
    }
}

#[test]
fn many_flows_that_never_finish_their_hello() {
    let hello = [&[22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3][..], &[7; 500]].concat();
    let flow = |n: u32| {
        let syn = tcp(client(n), server(5061), frame::SYN, n, &[]);
        [syn, tcp(client(n), server(5061), frame::ACK | frame::PSH, n + 1, &hello)]
    };
    let (reading, _) = audit("half a hello", pcap((0..60_000).flat_map(flow)));
    assert_eq!(reading.flows.len(), 60_000);
}

#[test]
fn one_five_tuple_opened_again_and_again() {
    const TIMES: u32 = 200_000;
    let file = pcap((0..TIMES).map(|n| tcp(client(1), server(5061), frame::SYN, n * 7919, &[])));
    let (reading, told) = audit("reopened", file.clone());
    assert_eq!((reading.flows.len(), told.findings), (TIMES as usize, 0));
    let bounded =
        timed("reopened, bounded", || read_within("reopened", file, Bounds { flows: 1000, ..Bounds::default() }));
    assert!((750..=1000).contains(&bounded.flows.len()), "{}", bounded.flows.len());
    // The latest stay.
    let last = |reading: &Reading| reading.flows.iter().last().map(|flow| flow.first_frame);
    assert_eq!(last(&bounded), last(&reading));
}

/// Every kind of crowd: the report stays short, and takes time in proportion.
#[test]
fn crowds_of_flows() {
    const FLOWS: u32 = 100_000;
    let data = frame::ACK;
    let scanner = end(0x0a09_0909, 50_000);
    let floods: [(&str, Box<Flood<'_>>); 6] = [
        (
            "one pair of hosts",
            Box::new(|n| udp(end(0x0a09_0909, 1024 + (n % 60_000) as u16), server(1024 + (n / 60_000) as u16), b"x")),
        ),
        ("many hosts scan one", Box::new(|n| tcp(client(n), server(7000), frame::SYN, n, &[]))),
        ("one host scans many", Box::new(move |n| tcp(scanner, end(0x1e00_0000 + n, 7000), frame::SYN, n, &[]))),
        (
            "one host scans every port of many",
            Box::new(move |n| {
                tcp(scanner, end(0x1e00_0000 + n / 60_000, 1024 + (n % 60_000) as u16), frame::SYN, n, &[])
            }),
        ),
        (
            "strangers",
            Box::new(move |n| {
                let (src, dst) = strangers(n);
                tcp(src, dst, data, n, &[])
            }),
        ),
        (
            "hosts that look like servers",
            Box::new(|n| {
                tcp(
                    end(0x1e00_0000 + n / 2, 5061 + 10 * (n % 2) as u16),
                    end(0x0a09_0909, 50_000),
                    frame::SYN | frame::ACK,
                    n,
                    &[],
                )
            }),
        ),
    ];
    for (name, flood) in floods {
        let (reading, told) = audit(name, pcap((0..FLOWS).map(flood)));
        assert_eq!(reading.flows.len(), FLOWS as usize, "{name}");
        println!("    {} findings, table of {}, json of {}", told.findings, told.table.len(), told.json);
        assert!(told.findings <= 1000, "{name}: {} findings", told.findings);
        assert!(told.table.len() < 100_000, "{name}: a table of {} bytes", told.table.len());
        assert!(told.json < 4_000_000, "{name}: json of {} bytes", told.json);
    }
}

#[test]
fn lists_and_sums_of_many_flows() {
    let tuples = (0..50_000).map(strangers);
    let reading = read("strangers", pcap(tuples.map(|(src, dst)| tcp(src, dst, frame::ACK, 1, b"hello"))));
    let (catalogs, topology) = (document(), Topology::default());
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let selection = |order| Selection { order, ..Selection::default() };
    for order in [Order::First, Order::Bytes, Order::Duration, Order::Verdict] {
        let indices = timed(&format!("{order:?}"), || selection(order).indices(&reading, &judge));
        assert_eq!(indices.len(), reading.flows.len());
    }
    let all = selection(Order::First).indices(&reading, &judge);
    for format in [Format::Table, Format::Jsonl, Format::Csv] {
        let mut out = Vec::new();
        timed(&format!("flows as {format:?}"), || {
            write::flows(&mut out, format, LOOK, &reading, &judge, &all).unwrap();
        });
        assert!(out.iter().filter(|&&byte| byte == b'\n').count() > all.len());
    }
    for by in [By::Service, By::Host, By::Pair] {
        let mut out = Vec::new();
        timed(&format!("by {by:?}"), || {
            let groups = grouped(&reading, &judge, &all, by);
            write::groups(&mut out, Format::Csv, LOOK, &groups).unwrap();
            out.clear();
            write::groups(&mut out, Format::Table, LOOK, &groups).unwrap();
        });
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() < 1100 && text.contains(" more; --format json or csv has them all"), "{text}");
    }
}

/// A deployment of 10,000 hosts, 2,000 networks and 1,000 accepted flows.
fn large_topology() -> String {
    let roles = ["front-end", "mediation", "director", "client"];
    let address = |n: usize| format!("172.{}.{}.{}", 16 + (n >> 16), n >> 8 & 255, n & 255);
    let host = |n: usize| {
        let role = roles[n % roles.len()];
        format!("[[host]]\nname='h{n}'\naddresses=['{}']\nroles=['{role}']\n", address(n))
    };
    let network = |n: usize| {
        let (b, c) = (n >> 8, n & 255);
        format!("[[network]]\nname='n{n}'\naddresses=['30.{b}.{c}.0/24']\nroles=['client']\n")
    };
    let accept =
        |n: usize| format!("[[accept]]\nfrom='h{n}'\nto='h{}'\nport='tcp/{}'\nreason='r {n}'\n", n + 1, 1000 + n);
    let internal = "deployment.internal = ['10.0.0.0/8', '172.16.0.0/12']\n".to_owned();
    let hosts = (1..=10_000).map(host).chain((0..2000).map(network));
    internal + &hosts.chain((1..=1000).map(accept)).collect::<String>()
}

#[test]
fn a_large_deployment() {
    let topology = timed("a topology of 10,000 hosts", || Topology::parse("t", &large_topology()).unwrap());
    let catalogs = Catalogs::new(&["all".to_owned()], Vec::new(), &topology.site).unwrap();
    // Half of the strangers are of the networks.
    let file = pcap((0..50_000).map(|n| {
        let (src, dst) = strangers(n);
        let to = if n % 2 == 0 { dst } else { end(0xac10_0000 + n % 10_000, 1000 + (n % 2000) as u16) };
        tcp(src, to, frame::SYN, n, &[])
    }));
    let reading = read("deployment", file);
    let told = timed("judged by it", || tell(&reading, &catalogs, &topology));
    assert!(told.table.len() < 200_000, "{}", told.table.len());
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let refused = timed("its matrix", || rules(&judge, Some(&reading)).unwrap_err().to_string());
    assert!(refused.contains("more than 100000 lines"), "{refused}");
}

#[test]
fn a_large_catalog() {
    let row = |(n, ports): (u32, String)| {
        format!(
            "[[row]]\nid='X{n}'\ntable='t'\nservice='s {n}'\nroles=['front-end']\nports='{ports}'\n\
             transports=['tcp']\napplication='http'\nsource='s'\n"
        )
    };
    let parse = |name: String, ports: &mut dyn Iterator<Item = (u32, String)>| {
        let head =
            format!("format='lyncap.catalog.v1'\n[catalog]\nname='{name}'\ntitle='t'\ndocument=''\nsource='s'\n");
        catalog::parse(&name, &(head + &ports.map(row).collect::<String>())).unwrap()
    };
    let site = Topology::default().site;
    // 60,000 rows, each on a port of its own; then a port with as many as there may be, and one more.
    let each = |n: u32| parse(format!("c{n}"), &mut (n * 5000..(n + 1) * 5000).map(|i| (i, (i + 1000).to_string())));
    let catalogs = timed("60,000 rows", || Catalogs::new(&[], (0..12).map(each).collect(), &site).unwrap());
    let one = |n: u32| Catalogs::new(&[], vec![parse("one".into(), &mut (0..n).map(|i| (i, "900".into())))], &site);
    let crowd = one(1000).unwrap();
    let error = one(1001).err().unwrap().to_string();
    assert!(error.contains("more than 1000 catalog rows have 900/tcp"), "{error}");
    let reading = read("asked", pcap((0..2000).map(|n| tcp(client(n), server(900), frame::SYN, n, &[]))));
    for (name, catalogs) in [("judged by 60,000 rows", &catalogs), ("judged by 1,000 rows of a port", &crowd)] {
        timed(name, || tell(&reading, catalogs, &Topology::default()));
    }
}

/// A connection that was made and answered, its frames at the beginning, the middle and the end of a flood.
fn flooded(flood: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let (us, them) = (end(0x0a01_0005, 50_123), server(5061));
    let made = [
        tcp(us, them, frame::SYN, 0, &[]),
        tcp(them, us, frame::SYN | frame::ACK, 0, &[]),
        tcp(us, them, frame::ACK, 1, &[]),
    ];
    let asked = tcp(us, them, frame::ACK | frame::PSH, 1, b"GET / HTTP/1.1\r\n\r\n");
    let answered = tcp(them, us, frame::ACK | frame::PSH, 1, b"HTTP/1.1 200 OK\r\n\r\n");
    let half = |n: u32| (n..n + 30_000).map(&flood);
    pcap(made.into_iter().chain(half(0)).chain([asked]).chain(half(30_000)).chain([answered]))
}

#[test]
fn what_was_made_and_answered_survives_a_flood() {
    let lookup = [&b"\x12\x34\x01\0"[..], b"\x12\x34\x85\x80"]
        .map(|begin| [begin, b"\0\x01\0\0\0\0\0\0\x03www\x07contoso\x03com\0\0\x01\0\x01"].concat());
    let floods: [(&str, &Flood<'_>); 6] = [
        ("lookups", &|n| match n % 2 {
            0 => udp(client(n), server(53), &lookup[0]),
            _ => udp(server(53), client(n - 1), &lookup[1]),
        }),
        ("SYNs", &|n| tcp(client(n), server(5061), frame::SYN, n, &[])),
        ("datagrams", &|n| udp(client(n), server(5061), b"hello")),
        ("requests", &|n| {
            udp(client(n), server(53), b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07contoso\x03com\0\0\x01\0\x01")
        }),
        ("segments", &|n| tcp(client(n), server(80), frame::ACK, n, b"GET / HTTP/1.1\r\n\r\n")),
        ("refused", &|n| match n % 2 {
            0 => tcp(client(n), server(81), frame::SYN, n, &[]),
            _ => tcp(server(81), client(n - 1), frame::RST | frame::ACK, 0, &[]),
        }),
    ];
    for (name, flood) in floods {
        let file = flooded(flood);
        let whole = read(name, file.clone());
        for flows in [2, 3, 10, 1000, 1001, 4096] {
            let bounds = Bounds { flows, ..Bounds::default() };
            let bounded = read_within(name, file.clone(), bounds);
            let name = format!("{name} within {flows}");
            assert!(
                bounded.flows.len() <= flows && bounded.flows.len() * 4 >= flows,
                "{name}: {}",
                bounded.flows.len()
            );
            let first = &bounded.flows[0];
            assert_eq!((first.packets(), first.handshake.opener()), (5, Some(Direction::Forward)), "{name}");
            assert!(first.handshake.marks.reverse.has(Marks::SYN_ACK) && first.state.tells(), "{name}");
            // In the order in which they began, and each as if nothing had gone.
            let begun: Vec<_> = bounded.flows.iter().map(|flow| flow.first_frame).collect();
            assert!(begun.is_sorted(), "{name}");
            let same = |flow: &&Flow<_>| begun.binary_search(&flow.first_frame).is_ok();
            assert_eq!(whole.flows.iter().filter(same).count(), begun.len(), "{name}");
            let evicted = &bounded.stats.evicted;
            let skipped = bounded.stats.skips.iter().find(|(reason, _)| reason == "evicted-flow").map(|(_, n)| n);
            assert_eq!(skipped, Some(evicted.packets), "{name}");
            assert!(evicted.flows >= (whole.flows.len() - bounded.flows.len()) as u64, "{name}");
            // However often it is read, and in whatever pieces.
            let again = read_within(&name, file.clone(), bounds);
            assert!(
                again
                    .flows
                    .iter()
                    .map(|flow| (flow.first_frame, flow.packets()))
                    .eq(bounded.flows.iter().map(|flow| (flow.first_frame, flow.packets()))),
                "{name}"
            );
        }
    }
}

#[test]
fn evicted_flows_are_told_and_end_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pcap");
    std::fs::write(&path, flooded(|n| tcp(client(n), server(5061), frame::SYN, n, &[]))).unwrap();
    let path = path.to_str().unwrap();
    for (command, bound) in [("audit", "1000"), ("flows", "1000"), ("audit", "100000")] {
        let json = program::run(&[command, path, "--max-flows", bound, "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let fitness = if command == "audit" { &told["fitness"] } else { &told["summary"]["fitness"] };
        let (summary, evicted) = (&told["summary"], fitness["evicted_flows"].as_u64().unwrap());
        let said =
            fitness["limits"].as_array().unwrap().iter().find(|limit| limit.as_str().unwrap().contains("dropped"));
        assert_eq!(evicted > 0, bound == "1000");
        assert_eq!(json.code == Some(3), evicted > 0, "{}", json.err);
        assert_eq!(said.is_some(), evicted > 0);
        if let Some(said) = said {
            let expected = format!(
                "{evicted} flows of {evicted} packets were dropped to stay within --max-flows 1000, one-way flows \
                 first: what they were is not judged; raise it, or read less at a time"
            );
            assert_eq!(said, &expected);
            assert_eq!(summary["skipped"]["evicted-flow"], evicted);
            assert_eq!(summary["packets"].as_u64().unwrap() + evicted, 60_005);
            assert!(summary["flows"].as_u64().unwrap() <= 1000);
        }
    }
    let memory = program::run(&["audit", path, "--max-memory", "64M"]);
    assert_eq!(memory.code, Some(3), "{}", memory.err);
    assert!(memory.out.contains("to stay within --max-memory 64M"), "{}", memory.out);
    for (flag, value, expected) in [
        ("--max-flows", "0", "write a whole number from 1 to"),
        ("--max-memory", "1M", "write at least 64M"),
        ("--max-memory", "x", "write 500M, 2G"),
    ] {
        let refused = program::run(&["audit", path, flag, value]);
        assert_eq!(refused.code, Some(2));
        assert!(refused.err.contains(expected), "{}", refused.err);
    }
}

/// Frames that claim 4 GiB each, at the ends of time.
#[test]
fn extreme_numbers_are_only_numbers() {
    let option = |code: u16, value: &[u8]| {
        let mut bytes = [code.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    // Nanoseconds, and an offset in seconds to either end.
    let ends =
        [i64::MIN, i64::MAX, 0].map(|offset| interface(&[option(9, &[9]), option(14, &offset.to_le_bytes())].concat()));
    let (us, them) = (end(0x0a01_0005, 50_000), server(5061));
    let rtp = |n: u32| {
        [&[0x80, 111][..], &(n as u16).to_be_bytes(), &n.wrapping_mul(0x7fff_0000).to_be_bytes(), &[7; 24]].concat()
    };
    let kinds: [Box<Flood<'_>>; 5] = [
        Box::new(|n| tcp(us, them, frame::SYN, n, &[])),
        Box::new(|n| tcp(them, us, frame::SYN | frame::ACK, u32::MAX - n, &[])),
        Box::new(|n| tcp(us, them, frame::ACK, u32::MAX, &n.to_be_bytes())),
        Box::new(|n| udp(end(0x0a01_0006, 50_002), (SERVER, 49_500).into(), &rtp(n))),
        Box::new(|n| udp((SERVER, 49_500).into(), end(0x0a01_0006, 50_002), &rtp(n.wrapping_mul(2999)))),
    ];
    let mut noise = Noise::of("extremes");
    let frames = (0..20_000_u32).flat_map(|n| {
        let ticks = [0, u64::MAX, noise.next(), 1 << 63][noise.below(4) as usize];
        let kind = &kinds[noise.below(kinds.len() as u64) as usize];
        enhanced(noise.below(3) as u32, ticks, u32::MAX, &kind(n), &[])
    });
    let file: Vec<u8> = section().into_iter().chain(ends.concat()).chain(frames).collect();
    // No silence ends a flow, or every one does.
    for timeout in [i64::MAX, 0] {
        let timeouts = lyncap::flow::Timeouts { tcp_ns: timeout, udp_ns: timeout };
        let inputs = Inputs::from_reader("extremes", Cursor::new(file.clone())).unwrap();
        let reading = pipeline::read(inputs, Options { timeouts, ..Options::default() }, |_| ()).unwrap();
        assert_eq!(reading.stats.span.map(|(first, last)| (first.0, last.0)), Some((i64::MIN, i64::MAX)));
        assert_eq!(reading.stats.bytes, 20_000 * u64::from(u32::MAX));
        tell(&reading, &document(), &Topology::default());
        let (catalogs, topology) = (document(), Topology::default());
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let all: Vec<_> = (0..reading.flows.len()).collect();
        for format in [Format::Table, Format::Json, Format::Jsonl, Format::Csv] {
            write::flows(&mut Vec::new(), format, LOOK, &reading, &judge, &all).unwrap();
        }
        for by in [By::Service, By::Host, By::Pair] {
            assert!(!grouped(&reading, &judge, &all, by).is_empty());
        }
    }
}
