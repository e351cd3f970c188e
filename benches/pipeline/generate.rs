//! Writes bench captures: deterministic classic pcap files of any size, in seconds.
//!
//! In: a [`Kind`], a number of packets and of flows. Out: a file, and what stands in it.
//! Must not know: the library, what is measured. Everything is Ethernet and IPv4 without options.
//!
//! `mixed` is a busy link: of a hundred flows one is a call (40% of the packets), 44 are TLS sessions, 55 are lookups
//! of two packets. They begin evenly over the first seconds and overlap; frames stand in time order. `cut` is the same
//! link with a snaplen of 96. `flood` is the worst case of a flow table: every packet begins a flow. `crowd` is segments
//! without payload, of flows that are all open at once, in no order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::common::Noise;
use crate::script::{self, End, Flow, Script};

/// What stands in a capture.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Sessions, calls and lookups, interleaved.
    Mixed,
    /// The same, the first bytes of each frame.
    Cut,
    /// One packet a flow.
    Flood,
    /// Any flow's next packet may be the next.
    Crowd,
}

/// Of a `cut` capture.
const SNAPLEN: usize = 96;

/// How much of it.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) packets: u32,
    pub(crate) flows: u32,
    /// Of the file.
    pub(crate) bytes: u64,
}

/// Fewer packets a flow than this leave no room for a session's opening and end.
const LEAST_A_FLOW: u32 = 20;
/// One flow in so many is a call.
const LEAST_FLOWS: u32 = 100;

/// 2026-11-22T08:00:00Z.
const START: u64 = 1_795_334_400;
/// Flows begin within so many nanoseconds of the start.
const ARRIVALS: u64 = 24_000_000_000;
/// A session lasts about so long.
const SESSION: u64 = 16_000_000_000;
/// From one packet of a flood to the next.
const FLOOD_GAP: u64 = 10_000;
/// Of a crowd: no flow of ten millions is silent for so long that it ends.
const CROWD_GAP: u64 = 1_000;

const CLIENTS: u32 = 4096;
/// Where sessions go: most to documented ports, some to none.
const SERVERS: &[End] = &[
    End { address: [10, 0, 0, 11], port: 443 },
    End { address: [10, 0, 0, 11], port: 5061 },
    End { address: [10, 0, 0, 12], port: 443 },
    End { address: [10, 0, 0, 12], port: 5061 },
    End { address: [10, 0, 0, 12], port: 444 },
    End { address: [10, 0, 0, 21], port: 5061 },
    End { address: [10, 0, 0, 31], port: 5041 },
    End { address: [10, 0, 0, 51], port: 1433 },
    End { address: [10, 0, 2, 20], port: 4443 },
    End { address: [10, 0, 0, 61], port: 3389 },
];
const RESOLVER: End = End { address: [10, 0, 0, 5], port: 53 };
const MEDIA: [u8; 4] = [10, 0, 0, 11];
const MEDIA_PORTS: u32 = 4096;

/// Writes a capture of about `packets` packets and `flows` flows.
pub(crate) fn write(kind: Kind, packets: u32, flows: u32, path: &Path) -> io::Result<Size> {
    let snaplen = if matches!(kind, Kind::Cut) { SNAPLEN } else { WHOLE };
    let mut file = Pcap::create(path, snaplen)?;
    let size = match kind {
        Kind::Mixed | Kind::Cut => {
            let packets = packets.max(LEAST_FLOWS * LEAST_A_FLOW);
            let flows = flows.clamp(LEAST_FLOWS, packets / LEAST_A_FLOW);
            Link::new(packets, flows).write(&mut file)?;
            Size { packets, flows, bytes: 0 }
        }
        Kind::Flood => {
            flood(packets, &mut file)?;
            Size { packets, flows: packets, bytes: 0 }
        }
        Kind::Crowd => {
            let flows = flows.clamp(1, packets);
            crowd(packets, flows, &mut file)?;
            Size { packets, flows, bytes: 0 }
        }
    };
    Ok(Size { bytes: file.finish()?, ..size })
}

/// Alternately a SYN and a datagram, each from an address and a port of its own.
fn flood(packets: u32, file: &mut Pcap) -> io::Result<()> {
    let mut knocks = script::knocks();
    for number in 0..packets {
        let mut flow = stranger(number);
        let at = u64::from(number) * FLOOD_GAP;
        let [syn, datagram] = &mut knocks;
        let knock = if number % 2 == 0 { syn } else { datagram };
        for step in &mut knock.opening {
            step.patch(&mut flow);
            file.frame(at, &step.bytes)?;
        }
    }
    Ok(())
}

/// Flow number `number` of very many, to one server.
const fn stranger(number: u32) -> Flow {
    let [_, a, b, c] = number.to_be_bytes();
    let client = End { address: [100, 64 | a & 63, b, c], port: 1024 + (number >> 22) as u16 };
    Flow { client, server: End { address: MEDIA, port: 5061 }, number, sent: [0; 2] }
}

/// Each flow's first packet, then packets of flows drawn at random.
fn crowd(packets: u32, flows: u32, file: &mut Pcap) -> io::Result<()> {
    let mut beat = script::beat();
    let mut noise = Noise::new(2013);
    for number in 0..packets {
        let mut flow = stranger(if number < flows { number } else { noise.below(flows.into()) as u32 });
        // No two packets are the same.
        flow.sent = [number; 2];
        for step in &mut beat.opening {
            step.patch(&mut flow);
            file.frame(u64::from(number) * CROWD_GAP, &step.bytes)?;
        }
    }
    Ok(())
}

/// A link and the flows on it.
struct Link {
    /// By [`Talk`].
    scripts: [Script; 3],
    flows: u32,
    /// Packets of all sessions, and how many sessions there are.
    sessions: (u64, u64),
    call_packets: u32,
}

/// What a flow is; indexes [`Link::scripts`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Talk {
    Session,
    Lookup,
    Call,
}

impl Talk {
    const fn of(number: u32) -> Self {
        match number % LEAST_FLOWS {
            0 => Self::Call,
            1..=44 => Self::Session,
            _ => Self::Lookup,
        }
    }
}

/// A flow between two of its packets.
struct Running {
    flow: Flow,
    talk: Talk,
    place: u32,
    length: u32,
}

impl Link {
    fn new(packets: u32, flows: u32) -> Self {
        let count = |talk| (0..flows).filter(|&number| Talk::of(number) == talk).count() as u32;
        let (sessions, lookups, calls) = (count(Talk::Session), count(Talk::Lookup), count(Talk::Call));
        let call_packets = packets / 5 * 2 / calls;
        let rest = packets - call_packets * calls - 2 * lookups;
        let scripts = [script::session(), script::lookup(), script::call()];
        Self { scripts, flows, sessions: (rest.into(), sessions.into()), call_packets }
    }

    /// Every flow at its beginning.
    fn all(&self) -> Vec<Running> {
        let mut session = 0;
        (0..self.flows).map(|number| self.begin(number, &mut session)).collect()
    }

    fn begin(&self, number: u32, session: &mut u64) -> Running {
        let [_, _, high, low] = (number % CLIENTS).to_be_bytes();
        let client = End { address: [10, 1, high, low], port: 49_152 + (number / CLIENTS % 16_384) as u16 };
        let talk = Talk::of(number);
        let (server, length) = match talk {
            Talk::Session => {
                let (packets, sessions) = self.sessions;
                let before = |session: u64| packets * session / sessions;
                *session += 1;
                let server = SERVERS.get(number as usize % SERVERS.len()).copied().unwrap_or(RESOLVER);
                (server, (before(*session) - before(*session - 1)) as u32)
            }
            Talk::Lookup => (RESOLVER, 2),
            Talk::Call => {
                let port = 49_152 + (number / LEAST_FLOWS % MEDIA_PORTS * 2) as u16;
                (End { address: MEDIA, port }, self.call_packets)
            }
        };
        Running { flow: Flow { client, server, number, sent: [0; 2] }, talk, place: 0, length }
    }

    /// Plays all flows in the order of time.
    fn write(&mut self, file: &mut Pcap) -> io::Result<()> {
        let flows = u64::from(self.flows);
        let mut running = self.all();
        // Each flow's next frame. A flow joins when its time has come, so the heap holds only what overlaps.
        let mut next = BinaryHeap::new();
        let mut arrivals = (0_u64..).map(|number| number * ARRIVALS / flows).zip(0..self.flows).peekable();
        loop {
            let first = next.peek().map(|&Reverse(first)| first);
            if let Some(arrival) = arrivals.next_if(|&arrival| first.is_none_or(|first| arrival < first)) {
                next.push(Reverse(arrival));
                continue;
            }
            let Some(Reverse((at, number))) = next.pop() else { return Ok(()) };
            let Some(state) = running.get_mut(number as usize) else { return Ok(()) };
            let Some(script) = self.scripts.get_mut(state.talk as usize) else { return Ok(()) };
            if let Some(step) = script.step(state.place, state.length) {
                step.patch(&mut state.flow);
                file.frame(at, &step.bytes)?;
            }
            state.place += 1;
            if state.place < state.length {
                next.push(Reverse((at + script.gap(state.place, state.length, SESSION), number)));
            }
        }
    }
}

/// A classic pcap file being written: little-endian, microseconds.
struct Pcap {
    out: BufWriter<File>,
    snaplen: usize,
    bytes: u64,
}

/// The largest snaplen that libpcap takes.
const WHOLE: usize = 262_144;

impl Pcap {
    fn create(path: &Path, snaplen: usize) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, snaplen as u32, 1] {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, snaplen, bytes: 24 })
    }

    fn frame(&mut self, at: u64, frame: &[u8]) -> io::Result<()> {
        let captured = frame.get(..self.snaplen).unwrap_or(frame);
        let micros = at / 1_000;
        let seconds = (START + micros / 1_000_000) as u32;
        for word in [seconds, (micros % 1_000_000) as u32, captured.len() as u32, frame.len() as u32] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.bytes += 16 + captured.len() as u64;
        self.out.write_all(captured)
    }

    fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.bytes)
    }
}
