//! In: a link type, then frames, each behind its length and a byte of flags. Out: proof that every frame is a packet that
//! lies within it, or a skip; and that what Ethernet carries is what the same bytes are without it.
//! Must not know: how any header is laid out, but where Ethernet ends.

use lyncap::capture::{Frame, LinkType};
use lyncap::decode::{Decoder, Packet, Skip, icmp_quote};
use lyncap::net::Timestamp;

use super::Bytes;

/// What the first byte stands for; other numbers follow in two more bytes.
const LINKS: [u16; 16] = [1, 101, 113, 276, 0, 108, 228, 229, 9, 50, 104, 105, 127, 192, 239, 242];

const SECOND: i64 = 1_000_000_000;

pub fn decode(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let first = bytes.byte();
    let link = LINKS.get(usize::from(first)).copied().unwrap_or_else(|| bytes.half());
    let (mut decoder, mut bare) = (Decoder::new(), Decoder::new());
    let mut at = 0;
    while !bytes.is_empty() {
        let (length, flags) = (bytes.half() & 0x0fff, bytes.byte());
        let captured = bytes.take(usize::from(length));
        // Bits 0-1: much time passes; 2-3: the snaplen cut something; 4: the file states less than it stores.
        at += i64::from(flags & 3) * 17 * SECOND;
        let cut = [0, 1, 60, 1500][usize::from(flags >> 2 & 3)];
        let stored = captured.len() as u32;
        let original_length = if flags & 16 == 0 { stored + cut } else { stored / 2 };
        let frame = Frame { at: Timestamp(at), link: LinkType(link), interface: 0, original_length, bytes: captured };
        let found = decoder.decode(&frame);
        check(&frame, &found);
        check_bare(&mut bare, &frame, &found);
    }
}

fn check(frame: &Frame<'_>, found: &Result<Packet<'_>, Skip>) {
    match found {
        Ok(packet) => {
            let (all, payload) = (frame.bytes.as_ptr_range(), packet.payload.as_ptr_range());
            let within = packet.payload.is_empty() || (all.start <= payload.start && payload.end <= all.end);
            assert!(within, "a payload from elsewhere");
            assert!(packet.payload.len() <= packet.payload_length as usize, "more payload than was on the wire");
            assert!(packet.dscp < 64 && packet.vlan.iter().all(|&id| id < 4096));
            assert_eq!((packet.at, packet.wire_length), (frame.at, frame.original_length));
        }
        Err(skip) => {
            assert!(!skip.name().is_empty());
            let _ = skip.is_icmp();
        }
    }
    if let Some(quote) = icmp_quote(frame) {
        assert!(!quote.tuple.source.to_string().is_empty());
    }
}

/// The IP packet of a plain Ethernet frame, shown without its Ethernet header to a decoder of its own. Cisco's Inter-Switch
/// Link, known by its destination, is not plain.
fn check_bare(bare: &mut Decoder, frame: &Frame<'_>, found: &Result<Packet<'_>, Skip>) {
    if matches!(frame.bytes, [1 | 3, 0, 0x0c, 0, 0, ..]) {
        return;
    }
    let link = match (frame.link, frame.bytes.get(12..14)) {
        (LinkType::ETHERNET, Some([0x08, 0x00])) => LinkType::IPV4,
        (LinkType::ETHERNET, Some([0x86, 0xdd])) => LinkType::IPV6,
        _ => return,
    };
    let original_length = frame.original_length.saturating_sub(14);
    let inner = Frame { link, original_length, bytes: &frame.bytes[14..], ..*frame };
    let seen = bare.decode(&inner);
    let told = |packet: &Packet<'_>| {
        let lengths = (packet.payload_length, packet.payload.to_vec());
        (packet.tuple, lengths, packet.tcp, packet.dscp)
    };
    assert_eq!(seen.as_ref().map(told), found.as_ref().map(told));
}
