//! No allocation per packet: once its flows exist, a capture is read without touching the heap.
//!
//! In: two captures of the same flows, one a hundred times longer. Out: the difference in allocations.
//! Must not know: where allocations could come from.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(unsafe_code, reason = "a counting allocator is one")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};

use common::savefile::{Pcap, in_time_order};
use common::{Frame, MILLISECOND, SECOND, Side, Tcp};
use lyncap::capture::Inputs;
use lyncap::pipeline::{self, Options};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator unchanged; the counter has no effect on memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
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
        for _ in 0..turns {
            tcp = tcp.send(Side::Client, b"question").send(Side::Server, b"answer");
        }
        tcp.frames()
    };
    Pcap::default().write(&in_time_order((0..10).flat_map(flow).collect()))
}

/// Packets read, and allocations made while reading.
fn read(bytes: Vec<u8>) -> (u64, u64) {
    let inputs = Inputs::from_reader("test", Cursor::new(bytes)).unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(reading.flows.len(), 10);
    (reading.stats.packets, allocations)
}

#[test]
fn reading_more_packets_of_the_same_flows_allocates_nothing_more() {
    let (few, many) = (capture(10), capture(1000));
    let (few_packets, few_allocations) = read(few);
    let (many_packets, many_allocations) = read(many);
    assert!(many_packets > 30 * few_packets, "{few_packets} and {many_packets} packets");
    // The window over the file grows a few times as bytes arrive; nothing grows with the packets.
    let more = many_allocations.saturating_sub(few_allocations);
    assert!(
        more <= 8,
        "{few_allocations} allocations for {few_packets} packets, {many_allocations} for {many_packets}"
    );
}
