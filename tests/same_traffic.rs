//! The same traffic, however it was captured: the same packets, flows, verdicts and findings.
//!
//! In: the frames of `tests/common/pool.rs`, written in every container, under every link type, inside every tunnel, and
//! in combinations of these. Out: for each way what is said of a plain pcap file of the same frames, but for what is
//! stated beside the way.
//! Must not know: how anything is read, recognised or decided.
//!
//! Nothing is left out of the comparison. What a way changes is given to the plain file too: a length on the wire, a time
//! without nanoseconds, no ARP frame where none can be carried. What then still differs, such as a flow's `tunnel`, is
//! stated with the value that it must have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[macro_use]
mod common;
#[path = "streams/compress.rs"]
#[allow(dead_code, unreachable_pub, reason = "another test uses the rest")]
mod compress;
mod program;
mod same;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::LazyLock;

use common::links::{LINKS, Link, number};
use common::savefile::{self, ETHERNET, Interface, Order, Pcap, Pcapng, Unit, in_time_order};
use common::tunnels::{self, TUNNELS};
use common::{Frame, MICROSECOND, Noise, SECOND, Side, Udp, frame, pool};
use lyncap::capture::{Frame as Captured, Inputs, LinkType};
use lyncap::decode::{Decoder, Skip};
use lyncap::net::Timestamp;
use program::{Answer, HOSTS, Scratch, lyncap, words};
use same::compressed::{COMPRESSIONS, Compression};
use same::pcapng::{Block, Clock};
use same::{Seen, Stated, Told, check, differences, each, file, settle};
use serde_json::{Value, json};

/// The day, every frame of it, and what its hosts say to everyone in their networks.
static DAY: LazyLock<Vec<Frame>> = LazyLock::new(|| {
    let datagram = |(host, network): (&str, &str)| {
        let end = |address: &str| SocketAddr::new(address.parse().unwrap(), 138);
        let udp = Udp::new(pool::START + 1234 * SECOND, end(host), end(network));
        let mut frames = udp.send(Side::Client, &[0x11, 0x0a]).frames();
        frames.iter_mut().for_each(|frame| frame.bytes[..6].fill(0xff));
        frames
    };
    let desks = ["10.1.0.20", "10.1.0.21", "10.1.0.22", "10.1.0.23"].map(|desk| (desk, "10.1.255.255"));
    let broadcasts = desks.into_iter().chain([("10.0.0.11", "10.0.255.255")]).flat_map(datagram);
    in_time_order(pool::frames().into_iter().chain(broadcasts).collect())
});

/// Of the day's IP frames the first dozen of each pair of hosts: the combinations are many.
static SAMPLE: LazyLock<Vec<Frame>> = LazyLock::new(|| {
    let mut seen: BTreeMap<[IpAddr; 2], usize> = BTreeMap::new();
    let early = |frame: &&Frame| {
        let Some(pair) = ip_of(frame).map(pair) else { return false };
        let count = seen.entry(pair).or_default();
        *count += 1;
        *count <= 12
    };
    DAY.iter().filter(early).cloned().collect()
});

/// A sixth of the day's conversations, another one for each number.
fn sixth(number: usize) -> Vec<Frame> {
    let last = |host: &IpAddr| match host {
        IpAddr::V4(v4) => usize::from(v4.octets()[3]),
        IpAddr::V6(v6) => usize::from(v6.octets()[15]),
    };
    let of_it = |frame: &&Frame| {
        ip_of(frame).is_some_and(|ip| (pair(ip).iter().map(last).sum::<usize>() + number).is_multiple_of(6))
    };
    DAY.iter().filter(of_it).cloned().collect()
}

// Frames and what is in them.

/// Where the ethertype behind an Ethernet frame's tags stands, and the ids of those.
fn tags_of(bytes: &[u8]) -> (usize, Vec<u16>) {
    let (mut at, mut ids) = (12, Vec::new());
    while bytes[at..at + 2] == [0x81, 0] {
        ids.push(word(bytes, at + 2) & 0x0fff);
        at += 4;
    }
    (at, ids)
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The IP packet of an Ethernet frame, tagged or not, without the padding behind it.
fn ip_of(frame: &Frame) -> Option<&[u8]> {
    let (at, _) = tags_of(&frame.bytes);
    let length = match word(&frame.bytes, at) {
        0x0800 => word(&frame.bytes, at + 4),
        0x86dd => 40 + word(&frame.bytes, at + 6),
        _ => return None,
    };
    Some(&frame.bytes[at + 2..at + 2 + usize::from(length)])
}

/// Source and destination of an IP packet.
fn hosts(ip: &[u8]) -> [IpAddr; 2] {
    let v4 = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
    let v6 = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap());
    if ip[0] >> 4 == 6 { [v6(8), v6(24)] } else { [v4(12), v4(16)] }
}

/// The same, whichever way it went.
fn pair(ip: &[u8]) -> [IpAddr; 2] {
    let mut pair = hosts(ip);
    pair.sort();
    pair
}

/// A frame of a link type, and the names of the tunnels in it.
struct Other {
    link: u16,
    bytes: Vec<u8>,
    tunnel: String,
}

/// The same packet in a plain Ethernet frame and in another: they must be told the same.
struct Pair {
    plain: Frame,
    other: Frame,
    link: u16,
    tunnel: String,
    vlan: Vec<u16>,
}

impl Pair {
    /// Both at the same time and of the same length on the wire, which Ethernet's padding makes up for.
    fn new(at: u64, mut plain: Vec<u8>, other: Other, vlan: Vec<u16>) -> Self {
        plain.resize(plain.len().max(other.bytes.len()), 0);
        let Other { link, bytes, tunnel } = other;
        let other = Frame::whole(at, bytes);
        Self { plain: Frame { bytes: plain, ..other.clone() }, other, link, tunnel, vlan }
    }
}

/// The IP packets of frames, each put elsewhere. A broadcast stays none: nothing around says that it was one.
fn packets(frames: &[Frame], put: impl Fn(&[u8]) -> Other) -> Vec<Pair> {
    let pair = |frame: &Frame| {
        let ip = ip_of(frame)?;
        let ethertype = if ip[0] >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0] };
        Some(Pair::new(frame.at, bytes![[2; 12], ethertype, ip], put(ip), Vec::new()))
    };
    frames.iter().filter_map(pair).collect()
}

/// Frames, each put elsewhere as it is, behind tags with these ids.
fn whole(frames: &[Frame], outer: &[u16], put: impl Fn(&[u8]) -> Other) -> Vec<Pair> {
    let pair = |frame: &Frame| {
        let vlan = outer.iter().copied().chain(tags_of(&frame.bytes).1).take(4).collect();
        Pair::new(frame.at, frame.bytes.clone(), put(&frame.bytes), vlan)
    };
    frames.iter().map(pair).collect()
}

/// The other frames are told as the plain ones.
fn check_pairs(way: &str, pairs: &[Pair]) -> Result<(), String> {
    let (expected, stated) = expected(pairs);
    check(way, &expected, &Told::of(&pcapng(pairs)), &stated)
}

/// What is to be said of the others.
fn expected(pairs: &[Pair]) -> (Told, Stated) {
    let plain: Vec<_> = pairs.iter().map(|pair| pair.plain.clone()).collect();
    let mut expected = told(&plain);
    for (seen, pair) in expected.frames.iter_mut().zip(pairs) {
        if let Ok(seen) = seen {
            seen.tunnel.clone_from(&pair.tunnel);
            seen.vlan.clone_from(&pair.vlan);
        }
    }
    for flow in expected.records["flows"].as_array_mut().unwrap() {
        let pair = &pairs[flow["first_packet"].as_u64().unwrap() as usize - 1];
        flow["tunnel"] = if pair.tunnel.is_empty() { Value::Null } else { json!(pair.tunnel) };
        flow["vlan"] = json!(pair.vlan);
    }
    let mut links: BTreeMap<String, u64> = BTreeMap::new();
    for pair in pairs {
        // Some systems number raw IP otherwise.
        let link = if matches!(pair.link, 12 | 14) { 101 } else { pair.link };
        *links.entry(LinkType(link).to_string()).or_default() += 1;
    }
    (expected, [file("pcapng", None, pairs.len(), Some(0)), vec![("link_types", json!(links))]].concat())
}

/// What is said of the plain file.
fn told(frames: &[Frame]) -> Told {
    Told::of(&Pcap { unit: Unit::Nano, ..Pcap::default() }.write(frames))
}

/// A pcapng file with an interface for each link type.
fn pcapng(pairs: &[Pair]) -> Vec<u8> {
    let mut links: Vec<u16> = pairs.iter().map(|pair| pair.link).collect();
    links.sort_unstable();
    links.dedup();
    let interfaces: Vec<_> = links.iter().map(|&link_type| Interface { link_type, ..Interface::default() }).collect();
    let frame = |pair: &Pair| {
        let interface = links.binary_search(&pair.link).unwrap() as u32;
        Frame { interface, ..pair.other.clone() }
    };
    let frames: Vec<_> = pairs.iter().map(frame).collect();
    Pcapng { order: Order::Little, comment: "", application: "", interfaces: &interfaces }.write(&frames)
}

// Containers.

/// What writes a file of these frames.
type Write = Box<dyn Fn(&[Frame]) -> Vec<u8>>;

/// A container: its name here and its format's in reports, what becomes of the time of the frame at an index, its
/// writer, and the count of lost frames that it states.
struct Container {
    name: &'static str,
    format: String,
    time: Box<dyn Fn(usize, u64) -> u64>,
    write: Write,
    dropped: Option<u64>,
}

impl Container {
    /// The frames with the times that are read.
    fn read(&self, frames: &[Frame]) -> Vec<Frame> {
        let mut read: Vec<Frame> = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let timeless = (self.time)(index, frame.at) == 0;
            let at = if timeless { read[index - 1].at } else { (self.time)(index, frame.at) };
            read.push(Frame { at, ..frame.clone() });
        }
        read
    }
}

/// Every container, pcapng in more ways than most programs write it.
fn containers() -> Vec<Container> {
    let simple = savefile::CONTAINERS.iter().map(|container| {
        let format = match container.name.split_once('-') {
            Some(("netmon", version)) => format!("netmon{}", &version[..1]),
            Some((format, _)) => format.to_owned(),
            None => container.name.to_owned(),
        };
        let dropped = if matches!(&*format, "pcapng" | "snoop") { Some(0) } else { None };
        let unit = container.unit;
        let time = Box::new(move |_, at| at - at % unit);
        Container { name: container.name, format, time, write: Box::new(container.write), dropped }
    });
    let pcapng = |name, write: fn(&[Frame]) -> Vec<u8>, unit: u64, dropped| {
        let time = Box::new(move |_, at| at - at % unit);
        Container { name, format: "pcapng".to_owned(), time, write: Box::new(write), dropped }
    };
    let sections = [
        pcapng("two interfaces", |frames| section(Order::Little, Unit::Nano, frames), 1, Some(0)),
        pcapng("two clocks", two_clocks, MICROSECOND, Some(0)),
        pcapng("three sections", three_sections, MICROSECOND, Some(0)),
    ];
    let clocks = [(3, 0), (5, 0), (7, 1_700_000_000), (12, 1_772_000_000), (0x80 | 10, 0), (0x80 | 33, 1_772_000_000)];
    let blocks = [Block::Enhanced, Block::Obsolete, Block::Simple, Block::Enhanced, Block::Obsolete, Block::Simple];
    let rare = clocks.into_iter().zip(blocks).map(|((resolution, offset), block)| {
        let clock = Clock { resolution, offset };
        Container {
            name: "a rare section",
            format: "pcapng".to_owned(),
            time: Box::new(move |index, at| if block.is_timeless(index) { 0 } else { clock.read(at) }),
            write: Box::new(move |frames| same::pcapng::section(clock, block, frames)),
            dropped: if matches!(block, Block::Obsolete) { Some(0) } else { None },
        }
    });
    simple.chain(sections).chain(rare).collect()
}

/// Two interfaces whose clocks are not equally fine.
fn two_clocks(frames: &[Frame]) -> Vec<u8> {
    section(Order::Big, Unit::Micro, &rounded(frames, MICROSECOND))
}

/// Three sections of other byte orders and clocks.
fn three_sections(frames: &[Frame]) -> Vec<u8> {
    let orders = [Order::Little, Order::Big, Order::Little].into_iter().zip([Unit::Micro, Unit::Nano, Unit::Micro]);
    let frames = rounded(frames, MICROSECOND);
    let parts = frames.chunks(frames.len() / 3 + 1).zip(orders);
    parts.flat_map(|(part, (order, unit))| section(order, unit, part)).collect()
}

/// A section with the day's two interfaces, of which the second counts in nanoseconds.
fn section(order: Order, unit: Unit, frames: &[Frame]) -> Vec<u8> {
    let first = Interface { unit, ..Interface::default() };
    Pcapng { order, comment: "", application: "", interfaces: &[first, Interface::default()] }.write(frames)
}

/// The frames with times of whole `unit`s, in nanoseconds.
fn rounded(frames: &[Frame], unit: u64) -> Vec<Frame> {
    frames.iter().map(|frame| Frame { at: frame.at - frame.at % unit, ..frame.clone() }).collect()
}

#[test]
fn the_fixture_says_what_its_frames_say_as_a_plain_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pool-day.pcapng");
    let frames = pool::frames();
    let found = Told::of(&fs::read(path).unwrap());
    assert!(found.records["flows"].as_array().unwrap().len() > 300);
    settle(1, [check("the fixture", &told(&frames), &found, &file("pcapng", None, frames.len(), Some(0)))]);
}

/// The whole day as it is, and a part of it in another compression for each.
#[test]
fn every_container_says_the_same() {
    let ways = containers().into_iter().zip(COMPRESSIONS.iter().cycle()).flat_map(|(container, &(name, compress))| {
        let way = |frames: &[Frame], compression: Option<&str>, compress: fn(&[u8]) -> Vec<u8>| {
            let capture = compress(&(container.write)(frames));
            let stated = file(&container.format, compression, frames.len(), container.dropped);
            let expected = told(&container.read(frames));
            check(&format!("{} in {compression:?}", container.name), &expected, &Told::of(&capture), &stated)
        };
        [way(&DAY, None, <[u8]>::to_vec), way(&SAMPLE, Some(name), compress)]
    });
    settle(50, ways.collect::<Vec<_>>());
}

/// The link types that Network Monitor and pcap number alike, each frame of another one.
#[test]
fn link_types_mixed_in_network_monitor_say_the_same() {
    // 138 is another one there.
    let links: Vec<_> = LINKS.iter().filter(|link| link.1 != 138).collect();
    let turn = Cell::new(0);
    let frames = rounded(&DAY, 100);
    let pairs = packets(&frames, |ip| {
        turn.set(turn.get() + 5);
        linked(links[turn.get() % links.len()], ip)
    });
    let others: Vec<_> = pairs.iter().map(|pair| pair.other.clone()).collect();
    let mut capture = savefile::netmon((2, 3), 72, &others);
    let mut at = 72;
    for pair in &pairs {
        at += 16 + pair.other.bytes.len();
        let media = match pair.link {
            ETHERNET => 1,
            own @ 0xf000.. => own - 0xf000,
            link => 0xe000 + link,
        };
        capture[at..at + 2].copy_from_slice(&media.to_le_bytes());
        at += 15;
    }
    let (expected, stated) = expected(&pairs);
    let stated = [file("netmon2", None, pairs.len(), None), stated].concat();
    settle(1, [check("mixed link types in Network Monitor", &expected, &Told::of(&capture), &stated)]);
}

/// As a file and from standard input, by the program itself.
#[test]
fn every_compression_says_the_same() {
    let expected = told(&DAY).records["flows"].clone();
    let capture = section(Order::Little, Unit::Nano, &DAY);
    let scratch = Scratch::new();
    let way = |(index, (name, compress)): (usize, &Compression)| {
        let path = scratch.file(&format!("{index}.bin"), compress(&capture));
        let from_file = lyncap(&words(&format!("flows -f jsonl -t {HOSTS} {path}"))).output().unwrap();
        let input = fs::File::open(&path).unwrap();
        let from_input = lyncap(&words(&format!("flows -f jsonl -t {HOSTS} -"))).stdin(input).output().unwrap();
        [("a file", from_file), ("standard input", from_input)].map(|(place, output)| {
            let answer = Answer::from(output);
            assert_eq!((answer.code, &*answer.err), (Some(0), ""), "{name}, {place}");
            let lines: Vec<Value> = answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let (summary, flows) = lines.split_last().unwrap();
            assert_eq!(summary["files"][0]["compression"], *name);
            if json!(flows) == expected { Ok(()) } else { Err(format!("compression {index}, {name}, from {place}")) }
        })
    };
    settle(20, COMPRESSIONS.iter().enumerate().flat_map(way));
}

/// A file of a set: what it holds, and how it is written.
struct Part<'a> {
    name: String,
    frames: Vec<&'a Frame>,
    container: &'a Container,
    compression: Option<&'a Compression>,
}

/// The parts of `frames`, which are in the order in which they will be read, in a directory, are told as the whole.
/// `file_of` says which part each frame is in.
fn check_set(way: &str, frames: &[Frame], file_of: impl Fn(usize, &Frame) -> usize) -> Result<(), String> {
    let containers = containers();
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut places = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let file = file_of(index, frame);
        while parts.len() <= file {
            let (container, compression) = (&containers[parts.len() % 11], COMPRESSIONS.get(parts.len() * 3 % 13));
            let name = format!("part{:02}", parts.len());
            parts.push(Part { name, frames: Vec::new(), container, compression });
        }
        parts[file].frames.push(frame);
        places.push((file, parts[file].frames.len()));
    }
    let scratch = Scratch::new();
    let directory = scratch.path("set");
    fs::create_dir(&directory).unwrap();
    let mut files = Vec::new();
    for part in &parts {
        let Container { format, write, dropped, .. } = part.container;
        let capture = write(&part.frames.iter().map(|&frame| frame.clone()).collect::<Vec<_>>());
        let path = format!("{directory}/{}", part.name);
        fs::write(&path, part.compression.map_or_else(|| capture.clone(), |(_, compress)| compress(&capture))).unwrap();
        files.push(json!({
            "name": path, "format": format, "compression": part.compression.map(|(name, _)| name),
            "frames": part.frames.len(), "dropped": dropped,
        }));
    }
    let mut expected = told(frames);
    let name = |file: usize| format!("{directory}/{}", parts[file].name);
    each(&mut expected.records, &mut |record| {
        let Some(number) = record.get("first_packet").and_then(Value::as_u64) else { return };
        let (file, first) = places[number as usize - 1];
        record.insert("first_packet".to_owned(), json!(first));
        record.insert("file".to_owned(), json!(name(file)));
        let renumber = |number: usize| Some(places[number - 1]).filter(|place| place.0 == file).map(|place| place.1);
        for member in ["reason", "reasons"] {
            if let Some(sentences) = record.get_mut(member) {
                numbers(sentences, renumber);
            }
        }
    });
    let dropped = if files.iter().all(|file| file["dropped"].is_null()) { Value::Null } else { json!(0) };
    let found = Told::by(|| Inputs::open(&[directory.clone().into()]).unwrap());
    check(way, &expected, &found, &vec![("files", json!(files)), ("dropped_frames", dropped)])
}

/// A ring of files, whatever wrote each; and two files captured at the same time.
#[test]
fn a_set_of_files_says_the_same() {
    let frames = rounded(&DAY, MICROSECOND);
    let ring = check_set("a ring of 13 files", &frames, |index, _| index / (frames.len() / 12));
    let mut taps = frames.clone();
    // Of equal times the file named first goes first.
    taps.sort_by_key(|frame| (frame.at, frame.interface));
    let taps = check_set("two taps", &taps, |_, frame| frame.interface as usize);
    settle(2, [ring, taps]);
}

/// Of the packets that link types and tunnels can carry the same is said as of the whole day, but for the frames that
/// are missing, tags and broadcasts, and the numbers and lengths that follow.
#[test]
fn the_packets_of_the_day_are_the_day() {
    let packets = packets(&DAY, |ip| Other { link: 101, bytes: ip.to_vec(), tunnel: String::new() });
    let packets: Vec<_> = packets.into_iter().map(|pair| pair.plain).collect();
    let [whole, left] = [&DAY, &packets].map(|frames| {
        let mut told = told(frames);
        told.frames.retain(|frame| !matches!(frame, Err(Skip::Arp | Skip::Lldp)));
        for seen in told.frames.iter_mut().flatten() {
            (seen.wire_length, seen.vlan, seen.broadcast) = (0, Vec::new(), false);
        }
        told.records["audit"]["summary"]["first_seen"] = Value::Null;
        let lost = ["first_packet", "bytes", "vlan", "packet_size", "frames", "skipped", "link_types"];
        for member in lost.into_iter().chain(["span_s", "longest_gap_s", "longest_gap_from"]) {
            told.each(member, |value| *value = Value::Null);
        }
        for member in ["reason", "reasons"] {
            told.each(member, |sentences| numbers(sentences, |_| None));
        }
        told
    });
    settle(1, [check("without what is no IP", &whole, &left, &Stated::new())]);
}

/// Changes each `(frame 15)` in sentences, or takes it out.
fn numbers(sentences: &mut Value, change: impl Fn(usize) -> Option<usize> + Copy) {
    const BEFORE: &str = " (frame ";
    match sentences {
        Value::Array(sentences) => sentences.iter_mut().for_each(|sentence| numbers(sentence, change)),
        Value::String(text) => {
            let mut parts = text.split(BEFORE);
            let mut changed = parts.next().unwrap().to_owned();
            for part in parts {
                let (number, rest) = part.split_once(')').unwrap();
                if let Some(number) = change(number.parse().unwrap()) {
                    changed.push_str(&format!("{BEFORE}{number})"));
                }
                changed.push_str(rest);
            }
            *text = changed;
        }
        _ => {}
    }
}

// Link types, tunnels, tags.

/// An IP packet as a link type's frame.
fn linked(link: &Link, ip: &[u8]) -> Other {
    Other { link: number(link, ip), bytes: link.2(ip), tunnel: String::new() }
}

#[test]
fn every_link_type_says_the_same() {
    let way = |(index, link): (usize, &Link)| check_pairs(link.0, &packets(&sixth(index), |ip| linked(link, ip)));
    settle(60, LINKS.iter().enumerate().map(way));
}

#[test]
fn link_types_mixed_in_one_file_say_the_same() {
    let one_after_the_other = |step: usize| {
        let turn = Cell::new(0);
        let pairs = packets(&DAY, |ip| {
            turn.set(turn.get() + step);
            linked(&LINKS[turn.get() % LINKS.len()], ip)
        });
        check_pairs(&format!("every link type, step {step}"), &pairs)
    };
    settle(2, [1, 7].map(one_after_the_other));
}

/// A tunnel of `TUNNELS`, as any of them.
type Tunnel = (&'static str, fn(&[u8]) -> Vec<u8>);

/// An IP packet inside a tunnel.
fn tunnelled(tunnel: &Tunnel, ip: &[u8]) -> Other {
    Other { link: ETHERNET, bytes: tunnel.1(ip), tunnel: tunnel.0.to_owned() }
}

#[test]
fn every_tunnel_says_the_same() {
    let ways = TUNNELS.iter().enumerate().flat_map(|(index, tunnel)| {
        let one = packets(&sixth(index), |ip| tunnelled(tunnel, ip));
        let many = packets(&SAMPLE, |ip| by_host(tunnelled(tunnel, ip), ip));
        let way = format!("tunnel {index}, {}", tunnel.0);
        [check_pairs(&way, &one), check_pairs(&format!("{way}, by host"), &many)]
    });
    settle(80, ways);
}

/// The ends of the tunnel take the last two bytes of the hosts inside: there are as many tunnels as pairs of hosts.
fn by_host(mut outer: Other, ip: &[u8]) -> Other {
    let bytes = &mut outer.bytes;
    // The last two bytes of each address, the protocol, and where UDP has its checksum.
    let (places, protocol, checksum) = match word(bytes, 12) {
        0x0800 => ([28, 32], bytes[23], 40),
        0x86dd => ([36, 52], bytes[20], 60),
        _ => return outer,
    };
    for (place, host) in places.into_iter().zip(hosts(ip)) {
        let last: [u8; 2] = match host {
            IpAddr::V4(v4) => v4.octets()[2..].try_into().unwrap(),
            IpAddr::V6(v6) => v6.octets()[14..].try_into().unwrap(),
        };
        bytes[place..place + 2].copy_from_slice(&last);
    }
    if word(bytes, 12) == 0x0800 {
        bytes[24..26].fill(0);
        let sum = frame::checksum(&bytes[14..34]);
        bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    }
    if protocol == frame::UDP {
        bytes[checksum..checksum + 2].fill(0);
    }
    outer
}

#[test]
fn tunnels_mixed_in_one_file_say_the_same() {
    let turn = Cell::new(0);
    let pairs = packets(&DAY, |ip| {
        turn.set(turn.get() + 1);
        tunnelled(&TUNNELS[turn.get() % TUNNELS.len()], ip)
    });
    settle(1, [check_pairs("every tunnel", &pairs)]);
}

/// Tunnels that carry Ethernet frames, and a frame's way into them.
const CARRIERS: &[Tunnel] = &[
    ("etherip", |frame| tunnels::over(97, &bytes![[0x30, 0], frame])),
    ("l2tpv3", |frame| tunnels::over(115, &bytes![[0, 0, 0, 5], frame])),
    ("mpls", |frame| outside(0x8847, &bytes![tunnels::labels(&[16, 17]), frame])),
    ("gre", |frame| tunnels::over(47, &tunnels::gre(&[], 0x6558, frame))),
    ("nvgre", |frame| tunnels::over(47, &tunnels::gre(&[0x2000], 0x6558, frame))),
    ("erspan-1", |frame| tunnels::over(47, &tunnels::gre(&[], 0x88be, frame))),
    ("erspan-2", |frame| {
        tunnels::over(47, &tunnels::gre(&[0x1000], 0x88be, &bytes![[0x10, 9, 0, 7, 0, 0, 0, 1], frame]))
    }),
    ("vxlan", |frame| tunnels::over_udp(50_003, 4789, &bytes![tunnels::vxlan(0x08, 0), frame])),
    ("vxlan", |frame| tunnels::over_udp_v6(50_003, 4789, &bytes![tunnels::vxlan(0x08, 0), frame])),
    ("geneve", |frame| tunnels::over_udp(50_005, 6081, &bytes![tunnels::geneve(0x6558, &[]), frame])),
];

fn outside(ethertype: u16, body: &[u8]) -> Vec<u8> {
    frame::ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], None, ethertype, body)
}

/// As a switch copies them: with their tags, those that are no IP, those to everyone.
#[test]
fn whole_frames_in_a_tunnel_say_the_same() {
    let way = |(index, carrier): (usize, &Tunnel)| {
        let pairs = whole(&DAY, &[], |frame| tunnelled(carrier, frame));
        check_pairs(&format!("frames in {index}, {}", carrier.0), &pairs)
    };
    settle(10, CARRIERS.iter().enumerate().map(way));
}

/// Tags by the ethertypes that switches use, outermost first; of those no more than four are kept.
const TAGS: [(u16, u16); 5] = [(0x88a8, 3030), (0x8100, 31), (0x9100, 1032), (0x8100, 4033), (0x8100, 34)];

/// An Ethernet frame with further tags, of some priority.
fn tagged(frame: &[u8], tags: &[(u16, u16)]) -> Vec<u8> {
    let tags: Vec<_> =
        tags.iter().flat_map(|(kind, id)| bytes![kind.to_be_bytes(), (0x6000 | id).to_be_bytes()]).collect();
    bytes![&frame[..12], tags, &frame[12..]]
}

#[test]
fn every_stack_of_tags_says_the_same() {
    let ways = (0..=TAGS.len()).flat_map(|count| {
        let (tags, ids) = (&TAGS[..count], TAGS.map(|(_, id)| id));
        let around = whole(&DAY, &ids[..count], |frame| Other {
            link: ETHERNET,
            bytes: tagged(frame, tags),
            tunnel: String::new(),
        });
        let outside = whole(&SAMPLE, &ids[..count], |frame| Other {
            link: ETHERNET,
            bytes: tagged(&CARRIERS[count].1(frame), tags),
            tunnel: CARRIERS[count].0.to_owned(),
        });
        let inside = whole(&SAMPLE, &ids[..count], |frame| tunnelled(&CARRIERS[count], &tagged(frame, tags)));
        [("around", around), ("outside a tunnel", outside), ("inside a tunnel", inside)]
            .map(|(place, pairs)| check_pairs(&format!("{count} tags {place}"), &pairs))
    });
    settle(18, ways);
}

// Combinations.

/// The IP packet that a tunnel sends; none where its frames are no IP.
fn outer_ip(outer: &Other) -> Option<Vec<u8>> {
    ip_of(&Frame::whole(0, outer.bytes.clone())).map(<[u8]>::to_vec)
}

/// A packet in a tunnel under a link type. Tunnels whose frames are no IP are inside one that carries frames.
fn linked_tunnel(link: &Link, carrier: &Tunnel, inner: &Tunnel, ip: &[u8]) -> Other {
    let other = tunnelled(inner, ip);
    match outer_ip(&other) {
        Some(packet) => Other { tunnel: other.tunnel, ..linked(link, &packet) },
        None => {
            let outer = nested(inner, carrier, inner, ip);
            Other { tunnel: outer.tunnel.clone(), ..linked(link, &outer_ip(&outer).unwrap()) }
        }
    }
}

/// A packet in a tunnel inside a tunnel.
fn nested(outer: &Tunnel, carrier: &Tunnel, inner: &Tunnel, ip: &[u8]) -> Other {
    let inner = tunnelled(inner, ip);
    let outer = match outer_ip(&inner) {
        Some(packet) => tunnelled(outer, &packet),
        None => tunnelled(carrier, &inner.bytes),
    };
    Other { tunnel: format!("{}/{}", outer.tunnel, inner.tunnel), ..outer }
}

/// A carrier whose frames are IP, another for each number.
fn carrier(number: usize) -> &'static Tunnel {
    let over_ip: Vec<_> = CARRIERS.iter().filter(|carrier| carrier.0 != "mpls").collect();
    over_ip[number % over_ip.len()]
}

/// Every frame that differs from those before it in what the decoder goes by: version, protocol, fragment, flags, whether
/// it is long.
static KINDS: LazyLock<Vec<Frame>> = LazyLock::new(|| {
    let mut seen = BTreeSet::new();
    let new = |frame: &&Frame| {
        let Some(ip) = ip_of(frame) else { return false };
        let (kind, header) = if ip[0] >> 4 == 6 { ([6, ip[6], 0], 40) } else { ([4, ip[9], ip[6]], 20) };
        let flags = if kind[1] == frame::TCP { ip[header + 13] } else { 0 };
        seen.insert((kind, flags, ip.len() > 1000))
    };
    DAY.iter().filter(new).cloned().collect()
});

/// The decoder alone: what is wrong with one packet needs no flow to be seen.
fn check_packets(way: &str, pairs: &[Pair]) -> Result<(), String> {
    let (mut plain, mut other) = (Decoder::new(), Decoder::new());
    for pair in pairs {
        let seen = |decoder: &mut Decoder, link: u16, frame: &Frame| {
            let (at, original_length) = (Timestamp(i64::try_from(frame.at).unwrap()), frame.original_length);
            decoder
                .decode(&Captured { at, link: LinkType(link), interface: 0, original_length, bytes: &frame.bytes })
                .map(Seen::from)
        };
        let expected = seen(&mut plain, ETHERNET, &pair.plain).map(|seen| Seen { tunnel: pair.tunnel.clone(), ..seen });
        let found = seen(&mut other, pair.link, &pair.other);
        if found != expected {
            return Err(format!("{way}:\n  {found:?}\n  instead of {expected:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_tunnel_under_every_link_type_gives_the_same_packets() {
    let ways = TUNNELS.iter().flat_map(|tunnel| {
        LINKS.iter().enumerate().map(move |(number, link)| {
            let mut pairs = packets(&KINDS, |ip| linked_tunnel(link, carrier(number), tunnel, ip));
            // A length of IEEE 802.3 is below every ethertype.
            pairs.retain(|pair| !link.0.contains("802.3") || pair.other.bytes.len() < 14 + 0x0600);
            check_packets(&format!("{} under {}", tunnel.0, link.0), &pairs)
        })
    });
    settle(2_500, ways);
}

#[test]
fn every_tunnel_in_every_tunnel_gives_the_same_packets() {
    let ways = TUNNELS.iter().enumerate().flat_map(|(number, outer)| {
        TUNNELS.iter().map(move |inner| {
            let pairs = packets(&KINDS, |ip| nested(outer, carrier(number), inner, ip));
            check_packets(&format!("{} in {number}, {}", inner.0, outer.0), &pairs)
        })
    });
    settle(2_000, ways);
}

/// Two tunnels and tags, under a link type, in a container, in a compression: each of these once, and no two together
/// twice.
#[test]
fn everything_at_once_says_the_same() {
    let ways = (0..TUNNELS.len().max(LINKS.len())).map(|number| {
        let of = |step: usize, length: usize| (number * step + step) % length;
        let [outer, inner] = [of(1, TUNNELS.len()), of(7, TUNNELS.len())].map(|at| &TUNNELS[at]);
        let (carrier, link) = (carrier(number), &LINKS[number % LINKS.len()]);
        let pairs = packets(&SAMPLE[number..][..SAMPLE.len() / 2], |ip| {
            let other = nested(outer, carrier, inner, ip);
            match outer_ip(&other) {
                Some(packet) => Other { tunnel: other.tunnel, ..linked(link, &packet) },
                None => other,
            }
        });
        let (compression, compress) = COMPRESSIONS[of(3, COMPRESSIONS.len())];
        let (expected, stated) = expected(&pairs);
        let stated = [file("pcapng", Some(compression), pairs.len(), Some(0)), stated].concat();
        let way = format!("{} in {} under {} in {compression}", inner.0, outer.0, link.0);
        check(&way, &expected, &Told::of(&compress(&pcapng(&pairs))), &stated)
    });
    settle(60, ways);
}

/// Frames of which the first bytes of the packet were captured, under whatever header.
#[test]
fn packets_cut_short_say_the_same() {
    const KEPT: usize = 82;
    let cut = |pairs: Vec<Pair>| -> Vec<Pair> {
        let cut = |mut pair: Pair| {
            let ip = ip_of(&pair.plain).unwrap().to_vec();
            // A link type's trailer would count as what was cut.
            if ip.len() > KEPT + 100 {
                let at = pair.other.bytes.windows(40).rposition(|bytes| bytes == &ip[..40]).unwrap();
                pair.other.bytes.truncate(at + KEPT);
                pair.plain.bytes.truncate(14 + KEPT);
            }
            pair
        };
        pairs.into_iter().map(cut).collect()
    };
    let frames = &SAMPLE[..SAMPLE.len() / 2];
    let links = LINKS.iter().map(|link| (link.0, cut(packets(frames, |ip| linked(link, ip)))));
    let tunnels = TUNNELS.iter().map(|tunnel| (tunnel.0, cut(packets(frames, |ip| tunnelled(tunnel, ip)))));
    settle(100, links.chain(tunnels).map(|(way, pairs)| check_pairs(&format!("cut, {way}"), &pairs)));
}

// The test itself.

/// What changes the frame at an index.
type Change = fn(&mut Vec<Frame>, usize);

/// What is changed in one frame of the day is seen.
#[test]
fn a_difference_is_seen() {
    let expected = told(&SAMPLE);
    let mut noise = Noise::of("a difference");
    let changes: [(&str, Change); 7] = [
        ("a frame is missing", |frames, at| drop(frames.remove(at))),
        ("a frame comes twice", |frames, at| frames.insert(at, frames[at].clone())),
        ("a port", |frames, at| frames[at].bytes[35] ^= 1),
        ("an address", |frames, at| frames[at].bytes[29] ^= 1),
        ("a length", |frames, at| frames[at].original_length += 1),
        ("the time", |frames, at| frames[at].at += 1),
        ("a class", |frames, at| frames[at].bytes[15] ^= 4),
    ];
    let places: Vec<usize> = (0..SAMPLE.len()).filter(|&at| expected.frames[at].is_ok()).collect();
    for (what, change) in changes {
        for _ in 0..5 {
            let at = places[noise.below(places.len() as u64) as usize];
            let mut frames = SAMPLE.clone();
            change(&mut frames, at);
            let all = differences(&expected, &told(&frames), &Stated::new());
            assert!(!all.is_empty(), "{what}, frame {}", at + 1);
        }
    }
}
