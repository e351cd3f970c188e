//! Floods: memory stays bounded, what was made survives, and everything is counted.

use std::io::{BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::process::Stdio;

use super::common::{Side, Tcp, frame};
use super::program::{Scratch, lyncap};
use super::{START, check_counts, last, number, of, parse};

/// What a frame of a flood is, by its number: its ends and its IP payload.
type Flood = fn(u32) -> (Ipv4Addr, Ipv4Addr, u8, Vec<u8>);

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
/// Connections made before the flood, and used all through it.
const MADE: usize = 50;

fn somebody(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x1000_0000 | (n.wrapping_mul(0x9e37_79b1) >> 4))
}

fn syn(n: u32) -> (Ipv4Addr, Ipv4Addr, u8, Vec<u8>) {
    let from = (somebody(n), 1024 + (n % 60_000) as u16);
    let segment = frame::Segment { sequence: n, acknowledgement: 0, flags: frame::SYN, options: &[], payload: &[] };
    (somebody(n), SERVER, frame::TCP, frame::tcp(from.into(), (SERVER, 5061).into(), segment))
}

fn datagram(n: u32) -> (Ipv4Addr, Ipv4Addr, u8, Vec<u8>) {
    let (from, to) = (somebody(n), somebody(n.wrapping_mul(7) + 1));
    let ports = (1024 + (n % 60_000) as u16, (n.wrapping_mul(13) % 65_535) as u16 + 1);
    (from, to, frame::UDP, frame::udp((from, ports.0).into(), (to, ports.1).into(), b"whatever it is"))
}

fn scan(n: u32) -> (Ipv4Addr, Ipv4Addr, u8, Vec<u8>) {
    let (from, to) = (Ipv4Addr::new(10, 9, 0, 254), Ipv4Addr::from(0x0a00_0000 | (n >> 8)));
    let segment = frame::Segment { sequence: n, acknowledgement: 0, flags: frame::SYN, options: &[], payload: &[] };
    let port = (n % 256) as u16 * 200 + 1;
    (from, to, frame::TCP, frame::tcp((from, 40_000).into(), (to, port).into(), segment))
}

/// A capture of so many frames of a flood, a tenth of a millisecond apart, and of the connections made; returns its path
/// and how many frames it has.
fn flooded(scratch: &Scratch, name: &str, frames: u32, flood: Flood) -> (String, u64) {
    let path = scratch.path(name);
    let mut out = BufWriter::new(std::fs::File::create(&path).unwrap());
    let header = [&0xa1b2_3c4d_u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &[0, 0, 4, 0], &[1, 0, 0, 0]].concat();
    out.write_all(&header).unwrap();
    let mut written = 0;
    let mut write = |at: u64, bytes: &[u8]| {
        let word = |n: u64| u32::try_from(n).unwrap().to_le_bytes();
        let length = bytes.len() as u64;
        let record = [word(at / 1_000_000_000), word(at % 1_000_000_000), word(length), word(length)].concat();
        out.write_all(&[&record, bytes].concat()).unwrap();
        written += 1;
    };
    let mut made: Vec<_> = (0..MADE)
        .map(|n| {
            let client = format!("10.1.0.5:{}", 50_000 + n).parse().unwrap();
            Tcp::new(START, client, (SERVER, 5061).into()).handshake()
        })
        .collect();
    let mut seen = vec![0; MADE];
    let mut at = START;
    for n in 0..frames {
        at += 100_000;
        let (from, to, protocol, segment) = flood(n);
        let hop = frame::Hop { ttl: 64, dscp: 0, id: n as u16 };
        let packet = frame::packet(from.into(), to.into(), protocol, hop, &segment);
        write(at, &frame::carry(from.into(), to.into(), None, &packet));
        if n % 5000 == 0 {
            for (tcp, seen) in made.iter_mut().zip(&mut seen) {
                *tcp = tcp.clone().send(Side::Client, b"keep-alive").send(Side::Server, b"keep-alive");
                let all = tcp.clone().frames();
                all[*seen..].iter().for_each(|frame| write(at, &frame.bytes));
                *seen = all.len();
            }
        }
    }
    out.flush().unwrap();
    drop(out);
    (path, written)
}

/// Runs it within 128 MiB; returns the events and the most memory that was resident, in MiB, where the system tells.
fn run(file: &str, words: &[&str]) -> (Vec<serde_json::Value>, Option<u64>) {
    let mut all = vec!["live", "-r", file, "--speed", "max", "--format", "jsonl", "--max-memory", "128M"];
    all.extend(words);
    let mut child = lyncap(&all).stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let watch = std::thread::spawn(move || {
        let mut most = None;
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
            most = most.max(Some(kilobytes >> 10));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        most
    });
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
    child.wait().unwrap();
    (parse(&text), watch.join().unwrap())
}

#[test]
fn floods_end_within_memory_and_lose_nothing() {
    let scratch = Scratch::new();
    let floods: [(&str, Flood); 3] = [("syn", syn), ("datagram", datagram), ("scan", scan)];
    for (name, flood) in floods {
        let (file, frames) = flooded(&scratch, name, 300_000, flood);
        // What is held of flows that may be flagged takes of the same memory.
        let kept = scratch.path("kept");
        let kept = ["--write-flagged", &kept];
        let (events, most) = run(&file, if name == "datagram" { &kept } else { &[] });
        let summary = last(&events);
        assert_eq!(number(&summary["frames"]), frames, "{name}");
        assert!(number(&summary["flows"]) > 290_000, "{name}: {}", summary["flows"]);
        assert!(number(&summary["live"]["ended"]["evicted"]) > 100_000, "{name}");
        assert_eq!(of(&events, "drops").last().unwrap()["lost_flows"], 0, "{name}");
        check_counts(&events);
        // Those that were made are whole: each is one flow, told at the end.
        let made: Vec<_> = of(&events, "flow")
            .into_iter()
            .filter(|flow| {
                flow["initiator"]["address"] == "10.1.0.5" && flow["initiator"]["port"].as_u64() >= Some(50_000)
            })
            .collect();
        assert_eq!(made.len(), MADE, "{name}");
        for flow in made {
            assert_eq!((&flow["end_reason"], &flow["outcome"]), (&"end-of-capture".into(), &"established".into()));
            assert_eq!((&flow["verdict"], &flow["rows"][0]), (&"documented".into(), &"S03".into()));
            assert_eq!(number(&flow["packets"]["initiator"]), 2 + 60, "{name}");
        }
        match most {
            Some(most) => assert!(most <= 128, "{name}: {most} MiB"),
            None => println!("skipped: this system does not tell a process's memory"),
        }
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn so_many_flows_are_kept_as_were_allowed() {
    let scratch = Scratch::new();
    let (file, frames) = flooded(&scratch, "few", 5000, syn);
    for most in ["1", "40", "1000"] {
        let (events, _) = run(&file, &["--max-flows", most]);
        assert_eq!(number(&last(&events)["frames"]), frames, "{most}");
        let open = of(&events, "summary").iter().map(|summary| number(&summary["live"]["open_flows"])).max().unwrap();
        assert!(open <= most.parse().unwrap(), "{most}: {open}");
        check_counts(&events);
    }
}
