//! What the flows of a bench capture say: frames made once, addressed and numbered when they are written.
//!
//! In: nothing. Out: [`Script`]s of [`Step`]s, each a frame that [`Step::patch`] makes one flow's own.
//! Must not know: how many flows there are, when each begins, files. Checksums stay those of the template.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::common::media::{PCMU, Stream};
use crate::common::{Frame, Side, Tcp, answer, ask, payload, tls, udp_flow};
use crate::common::{Noise, Talk};

/// One end of a flow.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) address: [u8; 4],
    pub(crate) port: u16,
}

/// What a flow's frames differ in from the template's.
pub(crate) struct Flow {
    pub(crate) client: End,
    pub(crate) server: End,
    /// Seeds sequence numbers and identifiers.
    pub(crate) number: u32,
    /// What client and server have sent so far: bytes of the TCP sequence space, RTP packets.
    pub(crate) sent: [u32; 2],
}

/// Frames in order.
pub(crate) struct Script {
    /// Once, at the beginning.
    pub(crate) opening: Vec<Step>,
    /// Over and over.
    pub(crate) cycle: Vec<Step>,
    /// Once, at the end.
    pub(crate) closing: Vec<Step>,
}

/// One frame.
pub(crate) struct Step {
    from: Side,
    numbered: Numbered,
    /// Nanoseconds after the frame before; 0 leaves it to the flow.
    pub(crate) gap: u64,
    /// The frame as it was patched last.
    pub(crate) bytes: Vec<u8>,
}

/// Which numbers a frame carries.
#[derive(Clone, Copy)]
enum Numbered {
    /// TCP: how far it moves the sequence number on, and whether it acknowledges.
    Tcp { advance: u32, acknowledges: bool },
    /// A transaction number at the start of a UDP payload.
    Transaction,
    /// RTP.
    Rtp,
    /// None: a UDP payload as it stands.
    Nothing,
}

impl Script {
    /// Frame number `place` of a flow of `length`.
    pub(crate) fn step(&mut self, place: u32, length: u32) -> Option<&mut Step> {
        let (place, length) = (place as usize, length as usize);
        let opening = self.opening.len();
        if place < opening {
            return self.opening.get_mut(place);
        }
        let end = length.saturating_sub(self.closing.len());
        if place >= end {
            return self.closing.get_mut(place - end);
        }
        let cycle = self.cycle.len().max(1);
        self.cycle.get_mut((place - opening) % cycle)
    }

    /// Nanoseconds before that frame, where the cycles of a flow fill `span`.
    pub(crate) fn gap(&mut self, place: u32, length: u32, span: u64) -> u64 {
        let pause = span * self.cycle.len() as u64 / u64::from(length.max(1));
        match self.step(place, length) {
            Some(step) if step.gap > 0 => step.gap,
            _ => pause,
        }
    }
}

// Ethernet, IPv4 without options, then TCP or UDP.
const IP_LENGTH: usize = 16;
const ADDRESSES: usize = 26;
const PORTS: usize = 34;
const SEQUENCE: usize = 38;
const TCP_OFFSET: usize = 46;
const TCP_FLAGS: usize = 47;
const UDP_PAYLOAD: usize = 42;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
const CLIENT_SOCKET: SocketAddr = SocketAddr::new(IpAddr::V4(CLIENT), 50_000);
const SERVER_SOCKET: SocketAddr = SocketAddr::new(IpAddr::V4(SERVER), 443);

/// Bytes of one request, and of the answer: four full frames and a part.
const REQUEST: usize = 400;
const ANSWER: usize = 6_600;

/// One packet of a stream every 20 ms, each way.
const STREAM_GAP: u64 = 10_000_000;

/// TCP: handshake, TLS's, then requests and long answers until it is closed.
pub(crate) fn session() -> Script {
    let mut noise = Noise::new(2013);
    let exchange = vec![ask(record(&mut noise, REQUEST)), answer(record(&mut noise, ANSWER))];
    let opened = Tcp::new(0, CLIENT_SOCKET, SERVER_SOCKET).handshake().talk(&tls::Session::default().talk());
    let asked = opened.clone().talk(&exchange);
    let closed = asked.clone().close();
    let (opening, asked) = (opened.frames().len(), asked.frames().len());
    let mut steps = steps(&closed.frames(), tcp);
    let closing = steps.split_off(asked);
    let mut cycle = steps.split_off(opening);
    if let Some(first) = cycle.first_mut() {
        first.gap = 0;
    }
    Script { opening: steps, cycle, closing }
}

/// UDP: one question, one answer.
pub(crate) fn lookup() -> Script {
    let talk = payload::dns("fe01.contoso.local", payload::A, &[vec![10, 0, 0, 11]]);
    Script { opening: udp(&talk, Numbered::Transaction), cycle: Vec::new(), closing: Vec::new() }
}

/// UDP: G.711 both ways, 20 ms a packet.
pub(crate) fn call() -> Script {
    let half = |name: &str| Stream::new(PCMU, name).packet(1);
    let mut cycle = udp(&vec![ask(half("there")), answer(half("back"))], Numbered::Rtp);
    cycle.iter_mut().for_each(|step| step.gap = STREAM_GAP);
    Script { opening: Vec::new(), cycle, closing: Vec::new() }
}

/// A lone SYN and a lone datagram.
pub(crate) fn knocks() -> [Script; 2] {
    let syn = Tcp::new(0, CLIENT_SOCKET, SERVER_SOCKET).emit(Side::Client, crate::common::frame::SYN, &[]);
    let datagram = vec![ask([0; 12])];
    [steps(&syn.frames(), tcp), udp(&datagram, Numbered::Nothing)].map(|opening| Script {
        opening,
        cycle: Vec::new(),
        closing: Vec::new(),
    })
}

/// A lone acknowledgement, one byte on from whatever the flow sent before.
pub(crate) fn beat() -> Script {
    let ack = Tcp::new(0, CLIENT_SOCKET, SERVER_SOCKET).emit(Side::Client, crate::common::frame::ACK, &[]);
    let numbered = |_: &[u8]| Numbered::Tcp { advance: 1, acknowledges: true };
    Script { opening: steps(&ack.frames(), numbered), cycle: Vec::new(), closing: Vec::new() }
}

/// A TLS application record that looks encrypted.
fn record(noise: &mut Noise, length: usize) -> Vec<u8> {
    let mut record = vec![23, 3, 3];
    record.extend((length as u16).to_be_bytes());
    record.extend(noise.bytes(length));
    record
}

fn udp(talk: &Talk, numbered: Numbered) -> Vec<Step> {
    steps(&udp_flow(0, CLIENT_SOCKET, SERVER_SOCKET, talk), |_| numbered)
}

fn steps(frames: &[Frame], numbered: impl Fn(&[u8]) -> Numbered) -> Vec<Step> {
    let mut last = 0;
    let mut step = |frame: &Frame| {
        let gap = frame.at - last;
        last = frame.at;
        let by_client = frame.bytes.get(ADDRESSES..ADDRESSES + 4) == Some(&CLIENT.octets());
        let from = if by_client { Side::Client } else { Side::Server };
        Step { from, numbered: numbered(&frame.bytes), gap, bytes: frame.bytes.clone() }
    };
    frames.iter().map(&mut step).collect()
}

/// What a TCP frame does to the sequence numbers.
fn tcp(frame: &[u8]) -> Numbered {
    const FIN_OR_SYN: u8 = 0x03;
    const ACK: u8 = 0x10;
    let byte = |at: usize| frame.get(at).copied().unwrap_or(0);
    let total = u32::from(u16::from_be_bytes([byte(IP_LENGTH), byte(IP_LENGTH + 1)]));
    let headers = 20 + u32::from(byte(TCP_OFFSET) >> 4) * 4;
    let control = u32::from(byte(TCP_FLAGS) & FIN_OR_SYN != 0);
    Numbered::Tcp { advance: total - headers + control, acknowledges: byte(TCP_FLAGS) & ACK != 0 }
}

impl Step {
    /// Makes the frame the next one of `flow`.
    pub(crate) fn patch(&mut self, flow: &mut Flow) {
        let (from, to, me, peer) = match self.from {
            Side::Client => (flow.client, flow.server, 0, 1),
            Side::Server => (flow.server, flow.client, 1, 0),
        };
        let [[p0, p1], [q0, q1]] = [from.port, to.port].map(u16::to_be_bytes);
        self.put(ADDRESSES, from.address);
        self.put(ADDRESSES + 4, to.address);
        self.put(PORTS, [p0, p1, q0, q1]);
        let first = |end: u32| flow.number.wrapping_add(end << 31).wrapping_mul(0x9e37_79b1);
        let sent = |end: u32| flow.sent.get(end as usize).copied().unwrap_or(0);
        let next = |end: u32| first(end).wrapping_add(sent(end));
        let advance = match self.numbered {
            Numbered::Tcp { advance, acknowledges } => {
                self.put(SEQUENCE, next(me).to_be_bytes());
                self.put(SEQUENCE + 4, if acknowledges { next(peer) } else { 0 }.to_be_bytes());
                advance
            }
            Numbered::Transaction => {
                self.put(UDP_PAYLOAD, (flow.number as u16).to_be_bytes());
                0
            }
            Numbered::Rtp => {
                self.put(UDP_PAYLOAD + 2, (sent(me) as u16).to_be_bytes());
                self.put(UDP_PAYLOAD + 4, sent(me).wrapping_mul(160).to_be_bytes());
                self.put(UDP_PAYLOAD + 8, first(me).to_be_bytes());
                1
            }
            Numbered::Nothing => 0,
        };
        if let Some(sent) = flow.sent.get_mut(me as usize) {
            *sent = sent.wrapping_add(advance);
        }
    }

    fn put<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(at..at + N) {
            place.copy_from_slice(&value);
        }
    }
}
