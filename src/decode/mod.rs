//! Stage 2: frame → packet. Walks link, network and transport headers without copying.
//!
//! In: a [`Frame`]. Out: a [`Packet`] of TCP or UDP, or the [`Skip`] that says why not.
//! Must not know: flows. The one thing remembered between frames is what became of fragmented datagrams.

pub use icmp::{IcmpQuote, icmp_quote};
pub use skip::{Skip, Skips};
pub use tunnel::Encapsulation;

use arrayvec::ArrayVec;

use crate::capture::Frame;
use crate::net::{Address, Endpoint, FiveTuple, Timestamp, Transport};
use fragment::{Fragments, Home, Key};
use layer::Layer;
use network::Datagram;
use transport::Segment;

mod common;
mod fragment;
mod icmp;
mod layer;
mod link;
mod network;
mod skip;
mod transport;
mod tunnel;

/// 802.1Q tags, outermost first; at most four are kept.
pub type Vlans = ArrayVec<u16, 4>;

/// One TCP or UDP packet.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Capture time.
    pub at: Timestamp,
    /// Sender, receiver, transport.
    pub tuple: FiveTuple,
    /// Frame length on the wire.
    pub wire_length: u32,
    /// Transport payload length on the wire, from the headers; not shortened by a snaplen. Of a fragmented datagram the
    /// first fragment has all of it, where its UDP header or that of a packet inside tells, and later ones none.
    pub payload_length: u32,
    /// What was captured of the payload.
    pub payload: &'a [u8],
    /// TCP's flags and numbers; default for UDP, later fragments and headers cut short.
    pub tcp: Tcp,
    /// Differentiated services code point (RFC 2474), 0 to 63.
    pub dscp: u8,
    /// VLAN ids (12 bits), outermost first.
    pub vlan: Vlans,
    /// What was around its IP layer.
    pub tunnel: Tunnel,
    /// What tells its datagram from others.
    pub mark: Mark,
    /// The link layer sent it to everyone: its destination is no single host, whatever the address looks like.
    pub broadcast: bool,
}

impl Packet<'_> {
    /// The same without its payload, for whom the frame is gone.
    #[inline]
    #[must_use]
    pub fn detached(self) -> Packet<'static> {
        let Packet { at, tuple, wire_length, payload_length, tcp, dscp, vlan, tunnel, mark, broadcast, .. } = self;
        Packet { at, tuple, wire_length, payload_length, payload: &[], tcp, dscp, vlan, tunnel, mark, broadcast }
    }
}

/// The encapsulations around a packet, outermost first: a byte each, the first the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel(u64);

/// What its IP header says of a datagram besides where it goes: by it copies are told from other datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Identification: 16 bits in IPv4; in IPv6 32, of fragments only. 0 where there is none.
    pub identification: u32,
    /// Offset of a fragment, in units of eight bytes.
    pub offset: u16,
    /// Whether it is not the whole datagram.
    pub fragment: bool,
    /// Whether it states no length: captured before the network card split it.
    pub offloaded: bool,
    /// Time to live, or hop limit.
    pub hop_limit: u8,
}

/// The parts of a TCP header that the flow stage needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10.
    pub flags: u8,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// What its checksum says, of a segment that opens a connection.
    pub checksum: Checksum,
}

/// What the checksum of a segment says. Only a SYN without payload is checked: it is short, and every connection has one.
/// The sender's own network card fills it in after a capture there took the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing.
    #[default]
    Unchecked,
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// It is the sum over the pseudo header alone: the addresses are the sender's own, the rest is left to the card.
    Left,
}

impl Tcp {
    /// Flag: the sender is done.
    pub const FIN: u8 = 0x01;
    /// Flag: opens a connection.
    pub const SYN: u8 = 0x02;
    /// Flag: ends or refuses one.
    pub const RST: u8 = 0x04;
    /// Flag: the acknowledgement number counts.
    pub const ACK: u8 = 0x10;
}

/// Decodes frames. Remembers first fragments and nothing else, in bounded memory.
///
/// One decoder sees the frames of one capture in order. Each frame is a packet or a skip, never neither.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
}

impl Decoder {
    /// A decoder that has seen no fragment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The packet in a frame, or why there is none.
    ///
    /// # Errors
    /// The [`Skip`] to count this frame under.
    #[inline]
    pub fn decode<'a>(&mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
        match Self::common(frame) {
            Some(packet) => Ok(packet),
            None => self.by_layers(frame),
        }
    }

    /// The packet in a frame of the commonest kind: [`Decoder::decode`] says the same of it. Who asks for it first keeps
    /// its fields in registers: where one value may come from two functions, it goes through memory.
    #[inline]
    #[must_use]
    pub fn common<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
        common::decode(frame)
    }

    /// The packet in any frame, layer by layer.
    ///
    /// # Errors
    /// The [`Skip`] to count this frame under.
    #[inline(never)]
    pub fn by_layers<'a>(&mut self, frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
        let mut parts = Parts::new();
        let packet = innermost(frame, &mut parts).and_then(|(datagram, layer)| self.packet(frame, &datagram, layer));
        if !parts.is_empty() {
            self.remember(&parts, &packet, frame.at);
        }
        packet
    }

    /// What the innermost datagram holds; of a later fragment, what its first one said.
    fn packet<'a>(&self, frame: &Frame<'a>, datagram: &Datagram<'a>, layer: Layer<'a>) -> Result<Packet<'a>, Skip> {
        let Layer { vlan, tunnel, broadcast, .. } = layer;
        let around = Around { dscp: datagram.dscp, vlan, tunnel, mark: datagram.mark, broadcast };
        let Some(fragment) = datagram.fragment.filter(|fragment| !fragment.first) else {
            let (transport, segment) = segment(datagram)?;
            return Ok(packet(frame, around, datagram.source, datagram.destination, transport, segment));
        };
        let unknown = match may_be_in_a_flow(fragment.protocol) {
            true => Skip::OrphanFragment,
            false => Skip::Protocol(fragment.protocol),
        };
        let fate = self.fragments.recall(&Key::of(datagram, fragment), frame.at);
        let Home { tuple, tunnel, in_parts } = fate.unwrap_or(Err(unknown))?;
        let segment = Segment {
            source: tuple.source.port,
            destination: tuple.destination.port,
            tcp: Tcp::default(),
            payload: &[],
            length: if in_parts { datagram.length } else { 0 },
        };
        let around = Around { tunnel, ..around };
        Ok(packet(frame, around, tuple.source.address, tuple.destination.address, tuple.transport, segment))
    }

    /// What became of first fragments, for the later ones.
    #[cold]
    fn remember(&mut self, parts: &Parts, packet: &Result<Packet<'_>, Skip>, at: Timestamp) {
        for (i, &key) in parts.iter().enumerate() {
            let home = |&Packet { tuple, tunnel, mark, .. }: &Packet<'_>| {
                // A fragment itself, rather than the packet in one.
                let own = i + 1 == parts.len() && mark.fragment && mark.offset == 0;
                Home { tuple, tunnel, in_parts: own && tuple.transport == Transport::Tcp }
            };
            self.fragments.remember(key, packet.as_ref().map(home).map_err(|&skip| skip), at);
        }
    }
}

/// IP datagrams inside each other before a frame is called malformed.
const MAX_DATAGRAMS: usize = 8;

/// The first fragments among the datagrams around a packet, outermost first.
type Parts = ArrayVec<Key, MAX_DATAGRAMS>;

/// A datagram, and the layer at its IP header.
type Found<'a> = (Datagram<'a>, Layer<'a>);

/// The innermost IP datagram of a frame.
fn innermost<'a>(frame: &Frame<'a>, parts: &mut Parts) -> Result<Found<'a>, Skip> {
    deepest(datagram(Layer::of(frame))?, parts)
}

/// The innermost IP datagram in another one.
///
/// What carries no IP, or claims to, is counted as what it is outside, but for ARP and LLDP, which an ethertype inside
/// proves. What was not captured far enough to tell is truncated: how much of a tunnel's header must be there for that,
/// `tunnel::udp` says.
fn deepest<'a>(mut found: Found<'a>, parts: &mut Parts) -> Result<Found<'a>, Skip> {
    for _ in 0..MAX_DATAGRAMS {
        if let Some(fragment) = found.0.fragment.filter(|fragment| fragment.first) {
            let _ = parts.try_push(Key::of(&found.0, fragment));
        }
        let Some(door) = tunnel::door(&found.0, &found.1) else { return Ok(found) };
        let (cut, strict) = (door.layer.is_cut(), door.strict);
        found = match door.open().and_then(datagram) {
            Ok(inside) if !strict || inside.0.total <= inside.1.wire => inside,
            Err(Skip::Truncated) if cut => return Err(Skip::Truncated),
            Err(skip @ (Skip::Arp | Skip::Lldp)) => return Err(skip),
            _ => return Ok(found),
        };
    }
    Err(Skip::Malformed)
}

/// The next IP datagram in a layer.
fn datagram(layer: Layer<'_>) -> Result<Found<'_>, Skip> {
    let (ip, layer) = link::to_ip(layer)?;
    Ok((network::parse(ip, layer.bytes, layer.wire)?, layer))
}

/// What the layers below the transport said of a packet.
struct Around {
    dscp: u8,
    vlan: Vlans,
    tunnel: Tunnel,
    mark: Mark,
    broadcast: bool,
}

/// Puts together what the layers said.
#[inline]
fn packet<'a>(
    frame: &Frame<'a>,
    around: Around,
    source: Address,
    destination: Address,
    transport: Transport,
    segment: Segment<'a>,
) -> Packet<'a> {
    Packet {
        at: frame.at,
        tuple: FiveTuple {
            source: Endpoint { address: source, port: segment.source },
            destination: Endpoint { address: destination, port: segment.destination },
            transport,
        },
        wire_length: frame.original_length,
        payload_length: segment.length,
        payload: segment.payload,
        tcp: segment.tcp,
        dscp: around.dscp,
        vlan: around.vlan,
        tunnel: around.tunnel,
        mark: around.mark,
        broadcast: around.broadcast,
    }
}

/// The transport header of a datagram that has one.
#[inline]
fn segment<'a>(datagram: &Datagram<'a>) -> Result<(Transport, Segment<'a>), Skip> {
    let transport = tcp_or_udp(datagram.protocol).ok_or(Skip::Protocol(datagram.protocol))?;
    let segment = match transport {
        Transport::Tcp => {
            let ends = (datagram.source, datagram.destination);
            transport::tcp(datagram.bytes, datagram.length)?.checked(ends, datagram.bytes, datagram.length)
        }
        Transport::Udp => transport::udp(datagram.bytes, datagram.length, datagram.fragment.is_some())?,
    };
    Ok((transport, segment))
}

/// The transport that an IP protocol number names.
#[inline]
const fn tcp_or_udp(protocol: u8) -> Option<Transport> {
    match protocol {
        6 => Some(Transport::Tcp),
        17 => Some(Transport::Udp),
        _ => None,
    }
}

/// Whether a fragment of this protocol may belong to a flow: TCP or UDP itself, behind a header (AH, destination
/// options …) that stands in the first fragment only, or in a tunnel.
fn may_be_in_a_flow(protocol: u8) -> bool {
    matches!(protocol, 6 | 17 | 43 | 51 | 60 | 135 | 139 | 140) || tunnel::is_protocol(protocol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// 10.0.0.1:5060 to 10.0.0.2:5061, UDP, "hi": Ethernet, tag 100, IPv4, padded to 64 bytes on the wire.
    const TAGGED: [u8; 64] = [
        0, 0x15, 0x5d, 0, 4, 1, 0, 0x15, 0x5d, 0, 4, 2, 0x81, 0, 0, 100, 8, 0, // Ethernet
        0x45, 0xb8, 0, 30, 0, 7, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0x13, 0xc4, 0x13, 0xc5, 0, 10, 0, 0, b'h', b'i', // UDP
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    fn frame(link: LinkType, bytes: &[u8], second: i64) -> Frame<'_> {
        let original_length = u32::try_from(bytes.len()).unwrap();
        Frame { at: Timestamp::from_parts(second, 0), link, interface: 0, original_length, bytes }
    }

    #[test]
    fn a_whole_frame() {
        let packet = Decoder::new().decode(&frame(LinkType::ETHERNET, &TAGGED, 9)).map(|p| format!("{p:?}"));
        let expected = "Packet { at: Timestamp(9000000000), tuple: FiveTuple { source: Endpoint { address: 10.0.0.1, \
            port: 5060 }, destination: Endpoint { address: 10.0.0.2, port: 5061 }, transport: Udp }, wire_length: 64, \
            payload_length: 2, payload: [104, 105], tcp: Tcp { flags: 0, sequence: 0, acknowledgement: 0, checksum: Unchecked }, dscp: 46, vlan: [100], tunnel: Tunnel(0), mark: Mark { identification: 7, offset: 0, fragment: false, offloaded: false, hop_limit: 64 }, broadcast: false }";
        assert_eq!(packet.as_deref(), Ok(expected));
    }

    #[test]
    fn every_truncation_is_truncated_until_the_ports_are_there() {
        for n in 0..=TAGGED.len() {
            let cut = Frame { bytes: &TAGGED[..n], ..frame(LinkType::ETHERNET, &TAGGED, 0) };
            match Decoder::new().decode(&cut) {
                Ok(packet) => {
                    assert!(n >= 42);
                    assert_eq!((packet.wire_length, packet.payload_length), (64, 2));
                    assert_eq!(packet.payload, &b"hi"[..n.saturating_sub(46).min(2)]);
                    assert_eq!(packet.tuple.destination.to_string(), "10.0.0.2:5061");
                }
                Err(skip) => assert_eq!((n < 42, skip), (true, Skip::Truncated), "{n}"),
            }
        }
    }

    /// What one decoder says of IPv4 packets with these flag-and-offset fields, protocols and seconds.
    fn check(parts: &[(u16, u8, i64)], expected: &[Result<(u16, u32, usize), Skip>]) {
        let mut decoder = Decoder::new();
        let found: Vec<_> = parts
            .iter()
            .map(|&(offset, protocol, second)| {
                let mut bytes = TAGGED[18..].to_vec();
                [bytes[6], bytes[7]] = offset.to_be_bytes();
                bytes[9] = protocol;
                let packet = decoder.decode(&frame(LinkType::IPV4, &bytes, second));
                packet.map(|p| (p.tuple.destination.port, p.payload_length, p.payload.len()))
            })
            .collect();
        assert_eq!(found, expected, "{parts:x?}");
    }

    #[test]
    fn fragments_follow_their_first() {
        let (first, later, last) = (0x2000, 0x2001, 0x0002);
        check(
            &[(first, 17, 0), (later, 17, 1), (last, 17, 2)],
            &[Ok((5061, 2, 2)), Ok((5061, 0, 0)), Ok((5061, 0, 0))],
        );
        check(&[(later, 17, 0), (first, 17, 1)], &[Err(Skip::OrphanFragment), Ok((5061, 2, 2))]);
        check(&[(first, 17, 0), (last, 17, 61)], &[Ok((5061, 2, 2)), Err(Skip::OrphanFragment)]);
        check(&[(first, 17, 0), (last, 6, 0)], &[Ok((5061, 2, 2)), Err(Skip::OrphanFragment)]);
        check(&[(first, 1, 0), (last, 1, 0)], &[Err(Skip::ICMP), Err(Skip::ICMP)]);
    }

    #[test]
    fn later_ipv6_fragments_find_a_transport_behind_options() {
        let part = |offset: u16, body: &[u8]| {
            let [o0, o1] = offset.to_be_bytes();
            let length = u8::try_from(body.len() + 8).unwrap();
            let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
            let header = [0x60, 0, 0, 0, 0, length, 44, 64];
            [&header[..], &address(1), &address(2), &[60, 0, o0, o1, 0, 0, 0, 7], body].concat()
        };
        let options = [17, 0, 1, 4, 0, 0, 0, 0];
        let first = part(1, &[&options[..], &TAGGED[38..48]].concat());
        let last = part(16, b"rest");
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&frame(LinkType::RAW, &last, 0)).err(), Some(Skip::OrphanFragment));
        assert_eq!(decoder.decode(&frame(LinkType::RAW, &first, 0)).unwrap().payload, b"hi");
        let later = frame(LinkType::RAW, &last, 1);
        let later = decoder.decode(&later).unwrap();
        assert_eq!((later.tuple.transport, later.tuple.source.port), (Transport::Udp, 5060));
        assert_eq!((later.payload_length, later.payload.len()), (0, 0));
    }
}
