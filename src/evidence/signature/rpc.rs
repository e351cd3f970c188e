//! DCE/RPC: connections, datagrams, and the ports that an endpoint mapper names.
//!
//! In: bytes of a stream or one datagram. Out: a [`Probe`]; of a conversation with an endpoint mapper the ports.
//! Must not know: ports, rows, what the mapper is asked for.
//!
//! C706 (The Open Group, DCE 1.1: Remote Procedure Call) chapters 12 and 13, appendices I and O; [MS-RPCE] for what
//! Windows does with it; [MS-RPCH] 2.1.1.2.1 for the banner of RPC over HTTP.

use super::read::{Read, answer, answer_whole, array, be16, byte, le16, le32, length, literal, require, together};
use super::{Datagram, Notes, Prefix, Studied};
use crate::evidence::certificates::Certificates;
use crate::evidence::facts::Details;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};
use crate::net::{Both, Direction};

/// Bytes of the header that every PDU of a connection has.
const HEADER: usize = 16;
/// What a server says first on a port of RPC over HTTP.
const BANNER: &[u8] = b"ncacn_http/1.0";
/// First and last fragment: the PDU is the whole message.
const WHOLE: u8 = 0x03;
/// The request names an object after its header.
const OBJECT: u8 = 0x80;

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const BIND: u8 = 11;
const ALTER: u8 = 14;

/// PDU types of a connection: type, who sends it, its least length. (C706 §12.6.4, [MS-RPCE] 2.2.2.)
const CONNECTION: &[(u8, Speaker, usize)] = &[
    (REQUEST, Speaker::Initiator, 24),
    (RESPONSE, Speaker::Responder, 24),
    (3, Speaker::Responder, 28),
    (BIND, Speaker::Initiator, 72),
    (12, Speaker::Responder, 28),
    (13, Speaker::Responder, 18),
    (ALTER, Speaker::Initiator, 72),
    (15, Speaker::Responder, 28),
    (16, Speaker::Initiator, 28),
    (17, Speaker::Responder, 16),
    (18, Speaker::Initiator, 16),
    (19, Speaker::Initiator, 16),
];

/// PDU types of datagrams. Fragment acknowledgements come from both. (C706 §12.5.3.)
const CONNECTIONLESS: &[Speaker] = &[
    Speaker::Initiator, // request
    Speaker::Initiator, // ping
    Speaker::Responder, // response
    Speaker::Responder, // fault
    Speaker::Responder, // working
    Speaker::Responder, // nocall
    Speaker::Responder, // reject
    Speaker::Initiator, // ack
    Speaker::Initiator, // cancel
    Speaker::Either,    // fack
    Speaker::Responder, // cancel_ack
];

/// Bytes of a datagram's header.
const DATAGRAM_HEADER: usize = 80;
/// The interface by which a server asks its client who it is, 333a2276-0000-0000-0d00-00809c000000, as on the wire.
const CONVERSATION: [u8; 16] = [0x76, 0x22, 0x3a, 0x33, 0, 0, 0, 0, 0x0d, 0, 0, 0x80, 0x9c, 0, 0, 0];

/// The endpoint mapper's interface, e1af8308-5d1f-11c9-91a4-08002b14a0fa, as on the wire.
const MAPPER: [u8; 16] = [8, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 8, 0, 0x2b, 0x14, 0xa0, 0xfa];
/// Its operation `ept_map`: where does this interface listen?
const EPT_MAP: u16 = 3;
/// The protocol of a tower's floor that holds a TCP port. (C706 appendix I.)
const TCP: u8 = 0x07;

/// PDUs read of one direction in one call; both together twice as many.
const PDUS: usize = 128;
/// Contexts of the endpoint mapper that are told apart; clients have two or three.
const CONTEXTS: usize = 32;
/// Ports kept.
const PORTS: usize = 64;

/// The header of a connection's PDU.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u8,
    speaker: Speaker,
    flags: u8,
    /// Numbers have their lowest byte first, as Windows writes them.
    little: bool,
    /// Of the whole PDU.
    length: usize,
    /// Of the authentication token at its end.
    token: usize,
    call: u32,
}

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let bytes = prefix.bytes;
    if prefix.from_start && bytes.first() == BANNER.first() {
        return answer(literal(bytes, 0, BANNER).map(|_| Sighting::of(Protocol::Rpc, Speaker::Responder)));
    }
    let header = together(header(bytes, 0), if bytes.is_empty() { 1 } else { HEADER });
    answer(header.map(|header| Sighting::of(Protocol::Rpc, header.speaker)))
}

/// The header at an offset. More than 40 of its bits are fixed; a big-endian one, which has fewer, counts in a bind only.
fn header(bytes: &[u8], at: usize) -> Read<Header> {
    let at = literal(bytes, at, &[5])?;
    require(byte(bytes, at)? <= 1)?;
    let kind = byte(bytes, at + 1)?;
    let row = CONNECTION.iter().find(|(known, ..)| *known == kind);
    let &(_, speaker, least) = row.ok_or(Probe::NotMe)?;
    let flags = byte(bytes, at + 2)?;
    // Bit 3 is reserved; a bind and what follows it are never in pieces.
    require(flags & 0x08 == 0 && (kind < BIND || flags & WHOLE == WHOLE))?;
    // How data is written: integers either way, characters in ASCII, floating point in one of four ways.
    let integers = byte(bytes, at + 3)?;
    let little = integers == 0x10;
    require((little || integers == 0 && kind >= BIND) && byte(bytes, at + 4)? <= 3)?;
    literal(bytes, at + 5, &[0, 0])?;
    let number = |at| array(bytes, at).map(if little { u16::from_le_bytes } else { u16::from_be_bytes });
    let length = usize::from(number(at + 7)?);
    let token = usize::from(number(at + 9)?);
    // A token has a trailer of eight bytes before it.
    require(length >= least && (token == 0 || token + 8 + HEADER <= length))?;
    let call = array(bytes, at + 11).map(u32::from_le_bytes)?;
    Ok(Header { kind, speaker, flags, little, length, token, call })
}

/// Over UDP. (C706 §12.5.)
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(connectionless(datagram), datagram.length)
}

fn connectionless(Datagram { bytes, length }: Datagram<'_>) -> Read<Sighting> {
    let at = literal(bytes, 0, &[4])?;
    let kind = byte(bytes, at)?;
    let &speaker = CONNECTIONLESS.get(usize::from(kind)).ok_or(Probe::NotMe)?;
    // All other bits of the two flag bytes are reserved.
    require(byte(bytes, 2)? & 0x81 == 0 && byte(bytes, 3)? & !0x02 == 0)?;
    // As Windows writes data, and nothing else: a datagram has less that is fixed than a connection.
    literal(bytes, 4, &[0x10, 0, 0])?;
    let interface = array::<16>(bytes, 24)?;
    let body = le16(bytes, 74)?;
    let authentication = byte(bytes, 78)?;
    let end = DATAGRAM_HEADER + usize::from(body);
    // A verifier may follow only if authentication is used.
    byte(bytes, DATAGRAM_HEADER - 1)?;
    require(end == length || authentication != 0 && end < length)?;
    Ok(Sighting::of(Protocol::Rpc, if interface == CONVERSATION { Speaker::Either } else { speaker }))
}

/// What both directions together say: the ports that an endpoint mapper names. Of any other interface nothing more is
/// wanted.
#[must_use]
pub fn study(both: &Both<Prefix<'_>>, _: &mut Notes, _: &mut Certificates) -> Studied {
    let walks = Both { forward: walk(both.forward), reverse: walk(both.reverse) };
    let bound = walks.forward.bound || walks.reverse.bound;
    let mapper = [Direction::Forward, Direction::Reverse]
        .into_iter()
        .find(|&client| !walks.of(client).mappers.is_empty())
        .map(|client| announced(walks.of(client), walks.of(client.opposite())));
    let next = |walk: &Walk<'_>| match &mapper {
        Some(ports) => walk.next.filter(|_| ports.len() < PORTS),
        // Not a PDU is whole: it may be a bind.
        None => walk.next.filter(|_| !bound && walk.may_bind),
    };
    let wanted = Both { forward: next(&walks.forward), reverse: next(&walks.reverse) };
    let details = mapper.filter(|ports| !ports.is_empty()).map(Details::Announced);
    Studied { details, wanted }
}

/// What one direction says, PDU by PDU.
#[derive(Debug, Default)]
struct Walk<'a> {
    /// It binds to some interface.
    bound: bool,
    /// No PDU was whole so far, and it is seen from its start.
    may_bind: bool,
    /// Contexts that stand for the endpoint mapper.
    mappers: Vec<u16>,
    /// Calls of `ept_map`: context, call.
    asked: Vec<(u16, u32)>,
    /// Answers that are whole: context, call, data.
    answered: Vec<(u16, u32, &'a [u8])>,
    /// How many bytes the next PDU needs; none if nothing more can be read.
    next: Option<usize>,
}

fn walk(prefix: Prefix<'_>) -> Walk<'_> {
    let Prefix { bytes, from_start, ended } = prefix;
    let mut walk = Walk { may_bind: from_start, ..Walk::default() };
    let mut at = if bytes.starts_with(BANNER) { BANNER.len() } else { 0 };
    for _ in 0..PDUS {
        let wanted = match header(bytes, at) {
            Ok(header) => {
                let end = at + header.length;
                if let Some(pdu) = bytes.get(at..end) {
                    // What it cannot read of a PDU it leaves.
                    let _ = walk.pdu(header, pdu);
                    walk.may_bind = false;
                    at = end;
                    continue;
                }
                Some(end)
            }
            Err(Probe::Unsure(_)) => Some(at + HEADER),
            Err(_) => None,
        };
        walk.next = wanted.filter(|_| !ended);
        break;
    }
    walk
}

impl<'a> Walk<'a> {
    fn pdu(&mut self, header: Header, pdu: &'a [u8]) -> Read<()> {
        let Header { kind, flags, token, call, .. } = header;
        self.bound |= kind == BIND;
        require(flags & WHOLE == WHOLE && header.little)?;
        let context = le16(pdu, 20)?;
        match kind {
            BIND | ALTER => self.contexts(pdu)?,
            REQUEST if le16(pdu, 22)? == EPT_MAP && flags & OBJECT == 0 => self.asked.push((context, call)),
            RESPONSE => {
                let trailer = if token == 0 { 0 } else { token + 8 };
                let end = header.length.saturating_sub(trailer);
                self.answered.push((context, call, pdu.get(24..end).unwrap_or_default()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The presentation contexts of a bind: which of them stand for the endpoint mapper. (C706 §12.6.3.1.)
    fn contexts(&mut self, pdu: &[u8]) -> Read<()> {
        let mut at = 28;
        for _ in 0..byte(pdu, 24)? {
            if array::<16>(pdu, at + 4)? == MAPPER && self.mappers.len() < CONTEXTS {
                self.mappers.push(le16(pdu, at)?);
            }
            // Identifier, number of transfer syntaxes, abstract syntax; then 20 bytes each.
            at += 24 + 20 * usize::from(byte(pdu, at + 2)?);
        }
        Ok(())
    }
}

/// The ports in the answers to that client's questions.
fn announced(client: &Walk<'_>, server: &Walk<'_>) -> Vec<u16> {
    let mut ports = Vec::new();
    for (context, call, data) in &server.answered {
        if client.mappers.contains(context) && client.asked.contains(&(*context, *call)) {
            // Numbers of arrays are four bytes wide in NDR and eight in NDR64. The wrong width does not fit.
            let named = towers(data, 4).or_else(|_| towers(data, 8)).unwrap_or_default();
            for port in named {
                if port != 0 && ports.len() < PORTS && !ports.contains(&port) {
                    ports.push(port);
                }
            }
        }
    }
    ports
}

/// The TCP ports of an answer of `ept_map`: a handle of 20 bytes, the number of towers, an array of pointers to them,
/// the towers, a status. Every count must agree. (C706 appendix O, chapter 14; [MS-RPCE] 2.2.5 for NDR64.)
fn towers(data: &[u8], width: usize) -> Read<Vec<u16>> {
    let number = |at| match width {
        8 if le32(data, at + 4)? != 0 => Err(Probe::NotMe),
        _ => le32(data, at).and_then(length),
    };
    let count = le32(data, 20).and_then(length)?;
    // Room, offset, number in use.
    require(number(24)? >= count && number(24 + width)? == 0 && number(24 + 2 * width)? == count)?;
    let (mut pointer, mut ports) = (24 + 3 * width, Vec::new());
    require(count <= data.len() / width)?;
    let mut at = pointer + count * width;
    for _ in 0..count {
        let present = number(pointer)? != 0;
        pointer += width;
        if present {
            at = at.next_multiple_of(width);
            let size = number(at)?;
            require(le32(data, at + width).and_then(length)? == size)?;
            let start = at + width + 4;
            at = start.saturating_add(size);
            ports.extend(tcp_port(data.get(start..at).ok_or(Probe::NotMe)?).unwrap_or_default());
        }
    }
    le32(data, at.next_multiple_of(4))?;
    Ok(ports)
}

/// The port of the floor that holds a TCP port, if the tower has one. A floor is two counted fields: the protocol with
/// its data, and the address. (C706 appendix L.)
fn tcp_port(tower: &[u8]) -> Read<Option<u16>> {
    let mut at = 2;
    for _ in 0..le16(tower, 0)? {
        let right = at + 2 + usize::from(le16(tower, at)?);
        let size = le16(tower, right)?;
        if byte(tower, at + 2)? == TCP && size == 2 {
            return be16(tower, right + 2).map(Some);
        }
        at = right + 2 + usize::from(size);
    }
    Ok(None)
}

/// A conversation with a Windows endpoint mapper, the first message of a messenger service, a banner.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("bind", &BIND_BYTES),
    ("bind_ack", &BIND_ACK_BYTES),
    ("request", &MAP_BYTES),
    ("response", &MAPPED_BYTES),
    ("datagram", &POPUP_BYTES),
    ("banner", BANNER),
];
/// To the endpoint mapper, in NDR, NDR64, and with features negotiated.
#[cfg(test)]
const BIND_BYTES: [u8; 160] = super::cuts::hex(
    "05000b0310000000a000000002000000d016d0160000000003000000000001000883afe11f5dc91191a408002b14a0fa03000000\
     045d888aeb1cc9119fe808002b10486002000000010001000883afe11f5dc91191a408002b14a0fa0300000033057171babe3749\
     8319b5dbef9ccc3601000000020001000883afe11f5dc91191a408002b14a0fa030000002c1cb76c129840450300000000000000\
     01000000",
);
#[cfg(test)]
const BIND_ACK_BYTES: [u8; 108] = super::cuts::hex(
    "05000c03100000006c00000002000000d016d016744d000004003133350000000300000002000200000000000000000000000000\
     00000000000000000000000033057171babe37498319b5dbef9ccc36010000000300030000000000000000000000000000000000\
     00000000",
);
/// Where does e3514235-4b06-11d1-ab04-00c04fc2dcd2 listen over TCP?
#[cfg(test)]
const MAP_BYTES: [u8; 168] = super::cuts::hex(
    "0500000310000000a800000002000000900000000100030001000000000000000000000000000000000000000000000002000000\
     000000004b000000000000004b000000050013000d354251e3064bd111ab0400c04fc2dcd204000200000013000d045d888aeb1c\
     c9119fe808002b10486002000200000001000b020000000100070200008701000904000000000000000000000000000000000000\
     000000000000000004000000",
);
/// At 49668 and 49664, in NDR64.
#[cfg(test)]
const MAPPED_BYTES: [u8; 268] = super::cuts::hex(
    "05000203100000000c01000002000000f40000000100000000000000000000000000000000000000000000000200000004000000\
     0000000000000000000000000200000000000000030000000000000004000000000000004b000000000000004b00000005001300\
     0d354251e3064bd111ab0400c04fc2dcd204000200000013000d045d888aeb1cc9119fe808002b10486002000200000001000b02\
     0000000100070200c2040100090400c0a80001004b000000000000004b000000050013000d354251e3064bd111ab0400c04fc2dc\
     d204000200000013000d045d888aeb1cc9119fe808002b10486002000200000001000b020000000100070200c200010009\
     0400c0a800010000000000",
);
/// The messenger service's, with three words of its text.
#[cfg(test)]
const POPUP_BYTES: [u8; 92] = super::cuts::hex(
    "040028001000000000000000000000000000000000000000f8917b5a00ffd011a9b200c04fb6e6fc545ea1212f001f17a7f5e15e\
     10f3dff80000000001000000000000000000ffffffff0c00000000000d000000000000000d000000",
);

#[cfg(test)]
mod tests {
    use super::super::cuts::{
        answers, asks, datagram as cut, middle, midstream, no_noise_in_datagrams, no_noise_in_streams, sighted, start,
        stream as prefixes, whole,
    };
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Rpc);
    const ANSWERS: Option<Sighting> = answers(Protocol::Rpc);
    const NOTHING: [u16; 0] = [];

    fn details(client: &[u8], server: &[u8]) -> (Vec<u16>, Both<Option<usize>>) {
        let both = Both { forward: start(client), reverse: start(server) };
        let there = study(&both, &mut Notes::default(), &mut Certificates::default());
        let both = Both { forward: start(server), reverse: start(client) };
        let back = study(&both, &mut Notes::default(), &mut Certificates::default());
        assert_eq!((back.wanted.forward, back.wanted.reverse), (there.wanted.reverse, there.wanted.forward));
        let ports = |studied: Studied| match studied.details {
            Some(Details::Announced(ports)) => ports,
            None => Vec::new(),
            other => panic!("{other:?}"),
        };
        let wanted = there.wanted;
        let ports = (ports(there), ports(back));
        assert_eq!(ports.0, ports.1);
        (ports.0, wanted)
    }

    /// The answer to a call in NDR: towers of floors, where no floors stand for a null pointer.
    fn mapped(call: u8, towers: &[&[(u8, &[u8])]]) -> Vec<u8> {
        let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let mut data = vec![0; 20];
        for n in [towers.len(), towers.len() + 1, 0, towers.len()] {
            data.extend(number(n));
        }
        data.extend(towers.iter().enumerate().flat_map(|(n, tower)| number(if tower.is_empty() { 0 } else { n + 3 })));
        for tower in towers.iter().filter(|tower| !tower.is_empty()) {
            let mut octets = vec![u8::try_from(tower.len()).unwrap(), 0];
            for (protocol, address) in *tower {
                octets.extend([1, 0, *protocol, u8::try_from(address.len()).unwrap(), 0]);
                octets.extend(*address);
            }
            data.resize(data.len().next_multiple_of(4), 0);
            data.extend([number(octets.len()), number(octets.len())].concat());
            data.extend(octets);
        }
        data.resize(data.len().next_multiple_of(4) + 4, 0);
        response(call, &data)
    }

    fn response(call: u8, data: &[u8]) -> Vec<u8> {
        let [low, high] = u16::try_from(24 + data.len()).unwrap().to_le_bytes();
        let mut pdu = vec![5, 0, RESPONSE, 3, 0x10, 0, 0, 0, low, high, 0, 0, call, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        pdu.extend(data);
        pdu
    }

    fn client() -> Vec<u8> {
        [&BIND_BYTES[..], &MAP_BYTES].concat()
    }

    fn server() -> Vec<u8> {
        [&BIND_ACK_BYTES[..], &MAPPED_BYTES].concat()
    }

    #[test]
    fn a_header_says_who_speaks() {
        assert_eq!(prefixes(stream, &client()), ASKS.map(|sighting| (16, sighting)));
        assert_eq!(prefixes(stream, &server()), ANSWERS.map(|sighting| (16, sighting)));
        assert_eq!(sighted(midstream(stream, &MAP_BYTES)), ASKS);
        assert_eq!(sighted(midstream(stream, &MAPPED_BYTES)), ANSWERS);
        for &(kind, speaker, _) in CONNECTION {
            let mut pdu = BIND_BYTES;
            pdu[2] = kind;
            assert_eq!(sighted(prefixes(stream, &pdu)), Some(Sighting::of(Protocol::Rpc, speaker)), "{kind}");
        }
    }

    #[test]
    fn a_header_that_is_not_consistent_is_none() {
        for (at, value) in
            [(0, 4), (1, 2), (2, 1), (2, 20), (3, 0x0b), (3, 1), (4, 1), (4, 0x20), (5, 4), (6, 1), (7, 1)]
        {
            let mut pdu = BIND_BYTES;
            pdu[at] = value;
            assert_eq!(prefixes(stream, &pdu), None, "{at} {value}");
        }
        // Too short for a bind; a token that does not fit.
        for (at, value) in [(8, 71), (10, 160 - 23)] {
            let mut pdu = BIND_BYTES;
            pdu[at] = value;
            assert_eq!(prefixes(stream, &pdu), None, "{at} {value}");
        }
        // Big-endian, a bind counts and a request does not.
        let mut pdu = BIND_BYTES;
        (pdu[4], pdu[8], pdu[9]) = (0, 0, 160);
        assert_eq!(sighted(prefixes(stream, &pdu)), ASKS);
        pdu[2] = REQUEST;
        assert_eq!(prefixes(stream, &pdu), None);
        // A SOCKS 5 proxy's answer, and HTTP through it.
        assert_eq!(midstream(stream, b"\x05\0\0\x01\0\0\0\0\x1f\x90HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn rpc_over_http_greets() {
        assert_eq!(prefixes(stream, b"ncacn_http/1.0\x05\0"), ANSWERS.map(|sighting| (14, sighting)));
        assert_eq!(prefixes(stream, b"ncacn_http/2"), None);
        assert_eq!(stream(middle(BANNER)), Probe::NotMe);
    }

    #[test]
    fn datagrams() {
        assert_eq!(cut(datagram, &POPUP_BYTES), ASKS.map(|sighting| (80, sighting)));
        for (kind, &speaker) in (0_u8..).zip(CONNECTIONLESS) {
            let mut pdu = POPUP_BYTES;
            pdu[1] = kind;
            assert_eq!(sighted(cut(datagram, &pdu)), Some(Sighting::of(Protocol::Rpc, speaker)), "{kind}");
        }
        for (at, value) in [(0, 5), (1, 11), (2, 0x80), (3, 1), (4, 0), (5, 1), (6, 1), (74, 13), (74, 11)] {
            let mut pdu = POPUP_BYTES;
            pdu[at] = value;
            assert_eq!(cut(datagram, &pdu), None, "{at} {value}");
        }
        let mut callback = POPUP_BYTES;
        callback[24..40].copy_from_slice(&CONVERSATION);
        assert_eq!(sighted(cut(datagram, &callback)), Some(Sighting::of(Protocol::Rpc, Speaker::Either)));
        assert_eq!(datagram(whole(&POPUP_BYTES[..79])), Probe::NotMe);
        // A verifier behind the body.
        let mut signed = [&POPUP_BYTES[..], &[0; 16]].concat();
        assert_eq!(datagram(whole(&signed)), Probe::NotMe);
        signed[78] = 10;
        assert_eq!(sighted(cut(datagram, &signed)), ASKS);
    }

    #[test]
    fn an_endpoint_mapper_names_ports() {
        let (client, server) = (client(), server());
        let (ports, wanted) = details(&client, &server);
        assert_eq!(ports, [49668, 49664]);
        // It goes on: the next header of each.
        assert_eq!((wanted.forward, wanted.reverse), (Some(328 + 16), Some(376 + 16)));
    }

    #[test]
    fn a_conversation_cut_anywhere_asks_for_the_next_pdu() {
        let (client, server) = (client(), server());
        for n in 0..=client.len() {
            let (ports, wanted) = details(&client[..n], &server);
            assert_eq!(ports.is_empty(), n < 328, "{n}");
            let next = match n {
                0..16 => 16,
                16..160 => 160,
                160..176 => 176,
                176..328 => 328,
                _ => 344,
            };
            assert_eq!(wanted.forward, Some(next), "{n}");
        }
        for n in 0..=server.len() {
            let (ports, wanted) = details(&client, &server[..n]);
            assert_eq!(ports.is_empty(), n < 376, "{n}");
            assert!(wanted.reverse.is_some_and(|wanted| wanted > n), "{n}");
        }
    }

    #[test]
    fn nothing_is_wanted_of_other_interfaces() {
        let mut client = client();
        for at in [32, 76, 120] {
            client[at] ^= 1;
        }
        let (ports, wanted) = details(&client, &server());
        assert_eq!((ports, wanted), (Vec::new(), Both::default()));
        // Nor from the middle, nor where nothing more comes.
        let (client, server) = (self::client(), server());
        let both = Both { forward: middle(&client[160..]), reverse: middle(&server[108..]) };
        let studied = study(&both, &mut Notes::default(), &mut Certificates::default());
        assert!(studied.details.is_none());
        assert_eq!(studied.wanted, Both::default());
        let ended = |bytes| Prefix { bytes, from_start: true, ended: true };
        let studied = study(
            &Both { forward: ended(&client), reverse: ended(&server) },
            &mut Notes::default(),
            &mut Certificates::default(),
        );
        assert!(studied.details.is_some());
        assert_eq!(studied.wanted, Both::default());
    }

    #[test]
    fn towers_are_read_floor_by_floor() {
        let tcp: &[(u8, &[u8])] =
            &[(0x0d, &[2, 0]), (0x0d, &[2, 0]), (0x0b, &[0, 0]), (TCP, &[0xc0, 5]), (9, &[10, 0, 0, 1])];
        let udp: &[(u8, &[u8])] =
            &[(0x0d, &[2, 0]), (0x0d, &[2, 0]), (0x0a, &[0, 0]), (0x08, &[0xc0, 6]), (9, &[10, 0, 0, 1])];
        let pipe: &[(u8, &[u8])] = &[(0x0d, &[2, 0]), (0x0f, b"\\PIPE\\lsass\0"), (0x11, b"\\\\DC\0")];
        let zero: &[(u8, &[u8])] = &[(TCP, &[0, 0])];
        let other: &[(u8, &[u8])] = &[(TCP, &[0xc0, 7])];
        let answer = mapped(2, &[udp, tcp, &[], pipe, zero, tcp, other]);
        let server = [&BIND_ACK_BYTES[..], &answer].concat();
        assert_eq!(details(&client(), &server).0, [49157, 49159]);
        // Of another call, and in pieces.
        let server = [&BIND_ACK_BYTES[..], &mapped(3, &[tcp])].concat();
        assert_eq!(details(&client(), &server).0, NOTHING);
        let mut pieces = answer;
        pieces[3] = 1;
        let server = [&BIND_ACK_BYTES[..], &pieces].concat();
        assert_eq!(details(&client(), &server).0, NOTHING);
        // Another operation of the mapper.
        let mut lookup = client();
        lookup[160 + 22] = 2;
        assert_eq!(details(&lookup, &self::server()).0, NOTHING);
    }

    #[test]
    fn counts_that_lie_name_nothing() {
        for at in 108 + 24..108 + 268 {
            for value in [0xff, 0x80, 0] {
                let mut server = server();
                server[at] = value;
                assert!(details(&client(), &server).0.len() <= 2);
            }
        }
        let many = [0xff; 4].repeat(500);
        let server = [&BIND_ACK_BYTES[..], &response(2, &many)].concat();
        assert_eq!(details(&client(), &server).0, NOTHING);
    }

    #[test]
    fn work_is_bounded() {
        let addresses: Vec<[u8; 2]> = (1_u16..=100).map(u16::to_be_bytes).collect();
        let floors: Vec<[(u8, &[u8]); 1]> = addresses.iter().map(|address| [(TCP, &address[..])]).collect();
        let towers: Vec<&[(u8, &[u8])]> = floors.iter().map(|floors| &floors[..]).collect();
        let server = [&BIND_ACK_BYTES[..], &mapped(2, &towers)].concat();
        let (ports, wanted) = details(&client(), &server);
        assert_eq!(ports, (1..=64).collect::<Vec<u16>>());
        assert_eq!(wanted, Both::default());
        let client = [&BIND_BYTES[..], &MAP_BYTES.repeat(1000)].concat();
        assert_eq!(details(&client, &self::server()).1.forward, None);
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_streams(stream);
        no_noise_in_datagrams(datagram);
        let (mut certificates, client) = (Certificates::default(), client());
        super::super::cuts::noise(|bytes| {
            let server = [&BIND_ACK_BYTES[..], &response(2, bytes)].concat();
            let both = Both { forward: start(&client), reverse: start(&server) };
            study(&both, &mut Notes::default(), &mut certificates).details.is_some()
        });
    }
}
