//! No allocation per packet: once its flows are known, a capture is read without touching the heap. And what is held
//! of flows not known yet is bounded.
//!
//! In: captures of the same flows, one a hundred times longer; flows that never say what they are. Out: allocations
//! and bytes held.
//! Must not know: where allocations could come from.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(unsafe_code, reason = "a counting allocator is one")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use common::media::Stream;
use common::savefile::{Pcap, in_time_order};
use common::{Frame, MILLISECOND, Noise, SECOND, Side, Tcp, Udp};
use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::pipeline::{self, Bounds, Options};
use lyncap::report::audit::Audit;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);
/// The counters are everybody's: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: every call is handed to the system's allocator unchanged; the counter has no effect on memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let size = layout.size() as i64;
        MOST.fetch_max(HELD.fetch_add(size, Ordering::Relaxed) + size, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise about `memory` and `layout` is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Ten flows of `turns` segments each way, as a savefile.
fn capture(turns: u32) -> Vec<u8> {
    let flow = |i: u16| -> Vec<Frame> {
        let at = 1_772_438_400 * SECOND + u64::from(i) * MILLISECOND;
        let client = ([10, 1, 0, i as u8], 50_000 + i).into();
        let mut tcp = Tcp::new(at, client, ([10, 0, 0, 11], 5061).into()).handshake();
        tcp = tcp.send(Side::Client, b"GET / HTTP/1.1\r\n").send(Side::Server, b"HTTP/1.1 200 OK\r\n");
        for _ in 0..turns {
            tcp = tcp.send(Side::Client, b"question").send(Side::Server, b"answer");
        }
        tcp.frames()
    };
    Pcap::default().write(&in_time_order((0..10).flat_map(flow).collect()))
}

/// Ten flows of `turns` packets of RTP each way, which are all counted.
fn calls(turns: u16) -> Vec<u8> {
    let flow = |i: u16| -> Vec<Frame> {
        let at = 1_772_438_400 * SECOND + u64::from(i) * MILLISECOND;
        let client = ([10, 1, 0, i as u8], 50_000 + i).into();
        let ends = [Stream::new(114, "client"), Stream::new(114, "server")];
        let udp = Udp::new(at, client, ([10, 0, 0, 11], 49_500).into());
        udp.stream(20 * MILLISECOND, turns, |side, number| ends[usize::from(side == Side::Server)].packet(number))
            .frames()
    };
    Pcap::default().write(&in_time_order((0..10).flat_map(flow).collect()))
}

/// Flows whose ClientHello never ends.
fn endless(flows: u32, segments: usize) -> Vec<u8> {
    let flow = |i: u32| -> Vec<Frame> {
        let client = ([10, 1, (i >> 8) as u8, i as u8], 50_000).into();
        let mut tcp = Tcp::new(1_772_438_400 * SECOND, client, ([10, 0, 0, 11], 5061).into()).handshake();
        let hello = [&[22, 3, 1, 0x40, 0, 1, 0, 0x7f, 0xff, 3, 3][..], &[7; 1389]].concat();
        tcp = tcp.send(Side::Client, &hello);
        for _ in 1..segments {
            tcp = tcp.send(Side::Client, &[7; 1400]);
        }
        tcp.frames()
    };
    Pcap::default().write(&in_time_order((0..flows).flat_map(flow).collect()))
}

/// A flood: each frame begins a flow between two hosts that nobody saw before, and says something nobody knows.
fn flood(flows: u32) -> Vec<u8> {
    let mut noise = Noise::of("flood");
    let mut host = || (noise.next() as u32 | 1 << 24, 1024 + noise.below(60_000) as u16);
    let mut frame = |n: u32| {
        let [src, dst] = [host(), host()].map(|(ip, port)| (ip.to_be_bytes(), port).into());
        Udp::new(1_772_438_400 * SECOND + u64::from(n), src, dst).send(Side::Client, b"hello").frames()
    };
    Pcap::default().write(&(0..flows).flat_map(&mut frame).collect::<Vec<_>>())
}

/// Of the captures above.
const FLOWS: u64 = 10;

/// Packets read, and allocations made while reading.
fn read(bytes: Vec<u8>) -> (u64, u64) {
    let inputs = Inputs::from_reader("test", Cursor::new(bytes)).unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(reading.flows.len() as u64, FLOWS);
    (reading.stats.packets, allocations)
}

fn check(few: impl Fn() -> Vec<u8>, many: impl Fn() -> Vec<u8>) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (few_packets, few_allocations) = read(few());
    let (many_packets, many_allocations) = read(many());
    assert!(many_packets > 30 * few_packets, "{few_packets} and {many_packets} packets");
    // The window over the file grows a few times as bytes arrive, and a flow that counts more than a byte holds gets
    // room for it, once. Nothing grows with the packets.
    let more = many_allocations.saturating_sub(few_allocations);
    assert!(
        more <= 8 + FLOWS,
        "{few_allocations} allocations for {few_packets} packets, {many_allocations} for {many_packets}"
    );
}

#[test]
fn reading_more_packets_of_the_same_flows_allocates_nothing_more() {
    check(|| capture(10), || capture(1000));
}

#[test]
fn counting_more_packets_of_the_same_streams_allocates_nothing_more() {
    check(|| calls(20), || calls(2000));
}

/// What is kept of flows that are not known yet: 32 MiB in all, whoever sends what.
#[test]
fn flows_that_never_say_what_they_are_are_held_within_bounds() {
    const MIB: i64 = 1 << 20;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (flows, segments) = (4_000, 18);
    let bytes = endless(flows, segments);
    assert!(bytes.len() as i64 > 90 * MIB);
    let inputs = Inputs::from_reader("test", Cursor::new(bytes)).unwrap();
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let most = MOST.load(Ordering::Relaxed) - before;
    assert_eq!(reading.flows.len(), flows as usize);
    assert!((32 * MIB..40 * MIB).contains(&most), "{} MiB held", most / MIB);
}

/// From the first frame to the finished audit no more is held than was asked for.
#[test]
fn a_flood_is_held_within_the_memory_asked_for() {
    const MIB: i64 = 1 << 20;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (topology, catalogs) = (Topology::default(), Catalogs::new(&[], vec![], &Topology::default().site).unwrap());
    let bytes = flood(300_000);
    for memory in [64, 96] {
        let inputs = Inputs::from_reader("test", Cursor::new(bytes.clone())).unwrap();
        let before = HELD.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let bounds = Bounds { memory: memory << 20, ..Bounds::default() };
        let reading = pipeline::read(inputs, Options { bounds, ..Options::default() }, |_| ()).unwrap();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let audit = Audit::new(&reading, &judge);
        let most = (MOST.load(Ordering::Relaxed) - before) / MIB;
        let flows = reading.flows.len();
        assert_eq!(audit.fitness.evicted_flows + flows as u64, 300_000);
        // What is fixed, or kept for payload that is still being read, a flood does not need.
        assert!((20..memory as i64).contains(&most) && flows > 20_000, "{most} of {memory} MiB held for {flows} flows");
    }
}
