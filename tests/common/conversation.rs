//! In: two sockets, a start time and what they say. Out: the frames of that conversation, on a clock.
//! Must not know: what the words mean, who the hosts are, files.

use std::net::{IpAddr, SocketAddr};

use super::frame::{self, ACK, FIN, Hop, MSS, PSH, RST, SYN, SYN_OPTIONS, Segment};
use super::{Frame, MICROSECOND, MILLISECOND, Noise, SECOND, Side, Turn};

/// How the packets of a conversation travel.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// 802.1Q tag.
    pub vlan: Option<u16>,
    /// Time to live of the client's packets where they are captured.
    pub client_ttl: u8,
    /// Time to live of the server's packets.
    pub server_ttl: u8,
    /// Differentiated services code point, both ways.
    pub dscp: u8,
    /// Round-trip time in nanoseconds; the capture point is half way.
    pub rtt: u64,
    /// Frames of this side were not captured.
    pub unseen: Option<Side>,
}

impl Default for Wire {
    fn default() -> Self {
        Self { vlan: None, client_ttl: 128, server_ttl: 128, dscp: 0, rtt: 400 * MICROSECOND, unseen: None }
    }
}

/// One complete TCP flow: handshake, `talk` (may be empty), FIN both ways.
#[must_use]
pub fn tcp_flow(at: u64, client: SocketAddr, server: SocketAddr, talk: &[Turn]) -> Vec<Frame> {
    Tcp::new(at, client, server).handshake().talk(talk).close().frames()
}

/// One UDP flow: `talk`, or one empty datagram each way when there is none.
#[must_use]
pub fn udp_flow(at: u64, client: SocketAddr, server: SocketAddr, talk: &[Turn]) -> Vec<Frame> {
    let udp = Udp::new(at, client, server);
    match talk {
        [] => udp.send(Side::Client, &[]).send(Side::Server, &[]),
        _ => udp.talk(talk),
    }
    .frames()
}

/// What TCP and UDP share: two ends, a clock, the frames so far.
#[derive(Clone, Debug)]
struct Line {
    client: SocketAddr,
    server: SocketAddr,
    wire: Wire,
    clock: u64,
    id: u16,
    last: Option<Side>,
    frames: Vec<Frame>,
}

impl Line {
    fn new(at: u64, client: SocketAddr, server: SocketAddr) -> Self {
        let id = seed(client, server).next() as u16;
        Self { client, server, wire: Wire::default(), clock: at, id, last: None, frames: Vec::new() }
    }

    fn ends(&self, from: Side) -> (SocketAddr, SocketAddr) {
        match from {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        }
    }

    /// Half a round trip when the other side takes over, a serialisation delay when the same one goes on.
    fn tick(&mut self, from: Side) {
        self.clock += match self.last {
            None => 0,
            Some(last) if last == from => 20 * MICROSECOND,
            Some(_) => self.wire.rtt / 2,
        };
        self.last = Some(from);
    }

    fn hop(&mut self, from: Side) -> Hop {
        self.id = self.id.wrapping_add(1);
        let ttl = match from {
            Side::Client => self.wire.client_ttl,
            Side::Server => self.wire.server_ttl,
        };
        Hop { ttl, dscp: self.wire.dscp, id: self.id }
    }

    /// Sends one transport segment; returns the IP packet, for whoever wants to quote it.
    fn send(&mut self, from: Side, protocol: u8, segment: &[u8]) -> Vec<u8> {
        let (src, dst) = self.ends(from);
        let hop = self.hop(from);
        let packet = frame::packet(src.ip(), dst.ip(), protocol, hop, segment);
        self.carry(from, &packet);
        packet
    }

    fn carry(&mut self, from: Side, packet: &[u8]) {
        if self.wire.unseen != Some(from) {
            let (src, dst) = self.ends(from);
            let bytes = frame::carry(src.ip(), dst.ip(), self.wire.vlan, packet);
            self.frames.push(Frame::whole(self.clock, bytes));
        }
    }
}

/// A TCP conversation under construction.
#[derive(Clone, Debug)]
pub struct Tcp {
    line: Line,
    client_next: u32,
    server_next: u32,
}

impl Tcp {
    /// A connection whose first frame is captured at `at`. Without [`Tcp::handshake`] it is one that was open before.
    #[must_use]
    pub fn new(at: u64, client: SocketAddr, server: SocketAddr) -> Self {
        let mut noise = seed(client, server);
        let (client_next, server_next) = (noise.next() as u32, noise.next() as u32);
        Self { line: Line::new(at, client, server), client_next, server_next }
    }

    /// Sets how its packets travel.
    #[must_use]
    pub fn on(mut self, wire: Wire) -> Self {
        self.line.wire = wire;
        self
    }

    /// SYN, SYN-ACK, ACK.
    #[must_use]
    pub fn handshake(self) -> Self {
        self.emit(Side::Client, SYN, &[]).emit(Side::Server, SYN | ACK, &[]).emit(Side::Client, ACK, &[])
    }

    /// Says `data` in as many segments as it takes; the other side acknowledges every second one.
    #[must_use]
    pub fn send(mut self, from: Side, data: &[u8]) -> Self {
        let mut segments = data.chunks(MSS).enumerate().peekable();
        while let Some((index, segment)) = segments.next() {
            let more = segments.peek().is_some();
            self = self.emit(from, if more { ACK } else { PSH | ACK }, segment);
            if more && index % 2 == 1 {
                self = self.emit(from.peer(), ACK, &[]);
            }
        }
        self
    }

    /// Plays a whole talk; an acknowledgement follows wherever no answer carries it.
    #[must_use]
    pub fn talk(mut self, talk: &[Turn]) -> Self {
        let mut turns = talk.iter().peekable();
        while let Some(Turn(from, data)) = turns.next() {
            self = self.send(*from, data);
            if turns.peek().is_none_or(|next| next.0 == *from) {
                self = self.emit(from.peer(), ACK, &[]);
            }
        }
        self
    }

    /// Lets time pass.
    #[must_use]
    pub fn pause(mut self, nanoseconds: u64) -> Self {
        self.line.clock += nanoseconds;
        self
    }

    /// The client closes, the server follows.
    #[must_use]
    pub fn close(self) -> Self {
        self.emit(Side::Client, FIN | ACK, &[]).emit(Side::Server, FIN | ACK, &[]).emit(Side::Client, ACK, &[])
    }

    /// `from` breaks the connection off.
    #[must_use]
    pub fn reset(self, from: Side) -> Self {
        self.emit(from, RST | ACK, &[])
    }

    /// A SYN, and a RST in answer.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self = self.emit(Side::Client, SYN, &[]);
        self.server_next = 0;
        self.reset(Side::Server)
    }

    /// A SYN and its two retransmissions, as Windows spaces them; nobody answers.
    #[must_use]
    pub fn unanswered(mut self) -> Self {
        let first = self.client_next;
        for wait in [0, 3, 6] {
            self.client_next = first;
            self = self.pause(wait * SECOND).emit(Side::Client, SYN, &[]);
        }
        self
    }

    /// A SYN, and `router`'s word that it may not pass: ICMP destination unreachable with `code`, quoting the SYN.
    #[must_use]
    pub fn unreachable(mut self, router: IpAddr, code: u8) -> Self {
        let syn = self.transmit(Side::Client, SYN, &[]);
        let client = self.line.client.ip();
        let hop = Hop { ttl: 64, ..self.line.hop(Side::Server) };
        let notice = frame::packet(router, client, frame::ICMP, hop, &frame::icmp_unreachable(code, &syn));
        let bytes = frame::carry(router, client, self.line.wire.vlan, &notice);
        self.line.frames.push(Frame::whole(self.line.clock + MILLISECOND, bytes));
        self
    }

    /// The captured frames.
    #[must_use]
    pub fn frames(self) -> Vec<Frame> {
        self.line.frames
    }

    /// One segment, as a step of a chain.
    #[must_use]
    pub fn emit(mut self, from: Side, flags: u8, payload: &[u8]) -> Self {
        self.transmit(from, flags, payload);
        self
    }

    fn transmit(&mut self, from: Side, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.line.tick(from);
        let (next, expected) = match from {
            Side::Client => (&mut self.client_next, self.server_next),
            Side::Server => (&mut self.server_next, self.client_next),
        };
        let segment = Segment {
            sequence: *next,
            acknowledgement: if flags & ACK == 0 { 0 } else { expected },
            flags,
            options: if flags & SYN == 0 { &[] } else { SYN_OPTIONS },
            payload,
        };
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        *next = next.wrapping_add(counted);
        let (src, dst) = self.line.ends(from);
        self.line.send(from, frame::TCP, &frame::tcp(src, dst, segment))
    }
}

/// A UDP conversation under construction.
#[derive(Clone, Debug)]
pub struct Udp {
    line: Line,
}

impl Udp {
    /// A conversation whose first datagram is captured at `at`.
    #[must_use]
    pub fn new(at: u64, client: SocketAddr, server: SocketAddr) -> Self {
        Self { line: Line::new(at, client, server) }
    }

    /// Sets how its packets travel.
    #[must_use]
    pub fn on(mut self, wire: Wire) -> Self {
        self.line.wire = wire;
        self
    }

    /// One datagram.
    #[must_use]
    pub fn send(mut self, from: Side, payload: &[u8]) -> Self {
        self.line.tick(from);
        let (src, dst) = self.line.ends(from);
        self.line.send(from, frame::UDP, &frame::udp(src, dst, payload));
        self
    }

    /// One datagram in IPv4 fragments of at most `size` bytes (over IPv6, whole).
    #[must_use]
    pub fn send_fragmented(mut self, from: Side, payload: &[u8], size: usize) -> Self {
        let (src, dst) = self.line.ends(from);
        let (IpAddr::V4(src4), IpAddr::V4(dst4)) = (src.ip(), dst.ip()) else {
            return self.send(from, payload);
        };
        self.line.tick(from);
        let hop = self.line.hop(from);
        for packet in frame::fragments(src4, dst4, frame::UDP, hop, &frame::udp(src, dst, payload), size) {
            self.line.carry(from, &packet);
            self.line.clock += 12 * MICROSECOND;
        }
        self
    }

    /// Plays a whole talk, one datagram a turn.
    #[must_use]
    pub fn talk(self, talk: &[Turn]) -> Self {
        talk.iter().fold(self, |udp, Turn(from, data)| udp.send(*from, data))
    }

    /// Lets time pass.
    #[must_use]
    pub fn pause(mut self, nanoseconds: u64) -> Self {
        self.line.clock += nanoseconds;
        self
    }

    /// A stream both ways: every `interval` one datagram of each side, made by `packet` from the side and a running
    /// number. The server's half comes half an interval later, and both jitter by up to 2 ms.
    #[must_use]
    pub fn stream(mut self, interval: u64, count: u16, packet: impl Fn(Side, u16) -> Vec<u8>) -> Self {
        let mut noise = seed(self.line.client, self.line.server);
        let start = self.line.clock;
        for number in 0..count {
            for (side, offset) in [(Side::Client, 0), (Side::Server, interval / 2)] {
                // Set before and after, so that the turn-taking of `tick` does not drift into the media clock.
                self.line.last = None;
                self.line.clock = start + u64::from(number) * interval + offset + noise.below(2_000) * MICROSECOND;
                self = self.send(side, &packet(side, number));
            }
        }
        self
    }

    /// The captured frames.
    #[must_use]
    pub fn frames(self) -> Vec<Frame> {
        self.line.frames
    }
}

/// Initial sequence numbers and IP identifications follow from the two sockets.
fn seed(client: SocketAddr, server: SocketAddr) -> Noise {
    Noise::of(format!("{client} {server}"))
}
