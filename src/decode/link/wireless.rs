//! IEEE 802.11, and what radios write in front of it.
//!
//! In: a [`Layer`] at such a header. Out: the layer at the LLC header of a data frame that is not encrypted.
//! Must not know: keys. Not read: all but the first frame of an aggregate (A-MSDU), and mesh control, which no bit of
//! the frame itself announces.

use super::{EVERYONE, Step, either_order};
use crate::capture::LinkType;
use crate::decode::Skip;
use crate::decode::layer::{Layer, Next};

/// What ends a frame where the radio kept it.
const CHECKSUM: u32 = 4;

/// How LLC with SNAP begins.
const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

/// Bytes between an 802.11 header and clear text under the protected bit: drivers that decrypt leave the initialisation
/// vector off, or WEP's, or that of TKIP and CCMP.
const VECTORS: [usize; 3] = [0, 4, 8];

/// 802.11 without a header of the radio's.
pub(super) fn bare(layer: Layer<'_>) -> Step<'_> {
    frame(layer, false)
}

/// One frame (IEEE 802.11 §9.2), its header perhaps padded to a multiple of four bytes.
fn frame(layer: Layer<'_>, padded: bool) -> Step<'_> {
    let (&[kind, flags], layer) = layer.header::<2>()?;
    match kind & 0x0f {
        // Data, of a subtype that has any.
        0x08 if kind & 0x40 == 0 => {}
        0x00 | 0x04 | 0x08 | 0x0c => return Err(Skip::WirelessManagement),
        _ => return Err(Skip::Malformed),
    }
    // Duration, three addresses, sequence control.
    let (&[_, _, first @ ..], layer) = layer.header::<8>()?;
    let (&[third @ .., sequence, _], layer) = layer.behind(6)?.header::<8>()?;
    if sequence & 0x0f != 0 {
        return Err(Skip::WirelessManagement);
    }
    let (to_network, four_addresses, quality) = (flags & 1 != 0, flags & 3 == 3, kind & 0x80 != 0);
    let everyone = if to_network { third } else { first } == EVERYONE;
    let mut layer = layer.with_broadcast(everyone).behind(if four_addresses { 6 } else { 0 })?;
    let mut aggregate = false;
    if quality {
        let (&[control, _], rest) = layer.header::<2>()?;
        aggregate = control & 0x80 != 0;
        // HT control.
        layer = rest.behind(if flags & 0x80 == 0 { 0 } else { 4 })?;
    }
    // Of all parts, those of two and of six bytes leave a header that is not a multiple of four.
    if padded && quality != four_addresses {
        layer = layer.behind(2)?;
    }
    if flags & 0x40 != 0 {
        return in_clear(layer);
    }
    if aggregate { first_of_aggregate(layer) } else { Ok(layer.then(Next::Llc)) }
}

/// A frame that is marked as encrypted, if it no longer is.
fn in_clear(layer: Layer<'_>) -> Step<'_> {
    let clear = |at: &&usize| layer.bytes.get(**at..).is_some_and(|bytes| bytes.starts_with(&SNAP));
    match VECTORS.iter().find(clear) {
        Some(&at) => Ok(layer.behind(at)?.then(Next::Llc)),
        None => Err(Skip::WirelessEncrypted),
    }
}

/// The first frame of an A-MSDU: destination, source, length.
fn first_of_aggregate(layer: Layer<'_>) -> Step<'_> {
    let (&[to @ .., _, _, _, _, _, _, l0, l1], layer) = layer.header::<14>()?;
    let layer = layer.with_broadcast(to == EVERYONE);
    Ok(layer.at_most(u32::from(u16::from_be_bytes([l0, l1]))).then(Next::Llc))
}

/// What a radio says of a frame, in radiotap's bits.
#[derive(Clone, Copy)]
struct Flags(u8);

impl Flags {
    const WITH_CHECKSUM: u8 = 0x10;
    const PADDED: u8 = 0x20;
    const DAMAGED: u8 = 0x40;

    /// The frame that it says this of.
    fn frame(self, layer: Layer<'_>) -> Step<'_> {
        let has = |bit: u8| self.0 & bit != 0;
        if has(Self::DAMAGED) {
            return Err(Skip::WirelessDamaged);
        }
        let layer = if has(Self::WITH_CHECKSUM) { layer.without_trailer(CHECKSUM) } else { layer };
        frame(layer, has(Self::PADDED))
    }
}

/// Radiotap: version, length, words of presence, and what they announce.
pub(super) fn radiotap(layer: Layer<'_>) -> Step<'_> {
    let &[_, _, l0, l1] = layer.bytes.first_chunk::<4>().ok_or(Skip::Truncated)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let flags = radiotap_flags(layer.bytes.get(..length).ok_or(Skip::Truncated)?);
    flags.unwrap_or(Flags(0)).frame(layer.behind(length)?)
}

/// The flags of a radiotap header: its second field, behind a time stamp that is aligned to eight bytes.
fn radiotap_flags(header: &[u8]) -> Option<Flags> {
    let mut words = header.get(4..)?.chunks_exact(4).filter_map(|word| word.first_chunk::<4>()).map(|w| w[3] & 0x80);
    let (time, flags) = header.get(4).map(|present| (present & 1 != 0, present & 2 != 0))?;
    // The last word says that none follows; where none says so there are no fields.
    let last = words.position(|more| more == 0)?;
    let fields = 8 + 4 * last;
    let at = if time { fields.next_multiple_of(8) + 8 } else { fields };
    header.get(at).filter(|_| flags).map(|&byte| Flags(byte))
}

/// Prism's header: a code and a length in the byte order of the machine that captured. Some drivers wrote AVS instead.
pub(super) fn prism(layer: Layer<'_>) -> Step<'_> {
    match layer.bytes.first_chunk::<8>() {
        Some(&[0x80, 0x21, 0x10, ..]) => avs(layer),
        Some(&[_, _, _, _, length @ ..]) => behind_radio(layer, either_order(length), 8),
        None => Err(Skip::Truncated),
    }
}

/// The AVS header: a version and a length, both in network byte order.
pub(super) fn avs(layer: Layer<'_>) -> Step<'_> {
    match layer.bytes.first_chunk::<8>() {
        Some(&[_, _, _, _, length @ ..]) => behind_radio(layer, u32::from_be_bytes(length), 8),
        None => Err(Skip::Truncated),
    }
}

/// Network Monitor's header: a version and a length.
pub(super) fn netmon(layer: Layer<'_>) -> Step<'_> {
    match layer.bytes.first_chunk::<3>() {
        Some(&[_, length @ ..]) => behind_radio(layer, u32::from(u16::from_le_bytes(length)), 3),
        None => Err(Skip::Truncated),
    }
}

/// The frame behind a header that states its length, which is at least `shortest`.
fn behind_radio(layer: Layer<'_>, length: u32, shortest: u32) -> Step<'_> {
    if length < shortest {
        return Err(Skip::Malformed);
    }
    Ok(layer.behind(length as usize)?.then(Next::Link(LinkType(105))))
}

/// Per-packet information: version, flags, length, a link type, then fields in front of a frame of that type.
pub(super) fn per_packet_information(layer: Layer<'_>) -> Step<'_> {
    let &[_, aligned, l0, l1, link @ ..] = layer.bytes.first_chunk::<8>().ok_or(Skip::Truncated)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if length < 8 {
        return Err(Skip::Malformed);
    }
    let fields = layer.bytes.get(8..length).ok_or(Skip::Truncated)?;
    let layer = layer.behind(length)?;
    match u16::try_from(u32::from_le_bytes(link)) {
        Ok(105) => ppi_flags(fields, aligned & 1 != 0).frame(layer),
        Ok(link) => Ok(layer.then(Next::Link(LinkType(link)))),
        Err(_) => Err(Skip::UnsupportedLinkType),
    }
}

/// The flags of PPI's common 802.11 field (type 2): a checksum is there, and it is wrong.
fn ppi_flags(mut fields: &[u8], aligned: bool) -> Flags {
    while let Some((&[t0, t1, l0, l1], rest)) = fields.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        if let (2, Some(&flags)) = (u16::from_le_bytes([t0, t1]), rest.get(..length).and_then(|field| field.get(8))) {
            let bit = |stated: u8, ours: u8| if flags & stated == 0 { 0 } else { ours };
            return Flags(bit(1, Flags::WITH_CHECKSUM) | bit(4, Flags::DAMAGED));
        }
        let size = if aligned { length.next_multiple_of(4) } else { length };
        fields = rest.get(size..).unwrap_or_default();
    }
    Flags(0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, SNAP, V4, check, everyone, join};
    use super::super::to_ip;
    use super::*;
    use crate::capture::Frame;
    use crate::decode::layer::Ip;
    use crate::net::Timestamp;

    /// A header of three addresses and no fragment.
    fn header(kind: u8, flags: u8) -> Vec<u8> {
        join(&[&[kind, flags, 0x30, 0], &MACS, &MACS[6..], &[0x10, 0x20]])
    }

    /// A data frame.
    fn data() -> Vec<u8> {
        join(&[&header(0x08, 0x02), &SNAP])
    }

    #[test]
    fn data_frames() {
        let fourth = &MACS[..6];
        for flags in 0..3 {
            check(105, &join(&[&header(0x08, flags), &SNAP]), Ok((Ip::V4, 2, &[])));
            check(105, &join(&[&header(0x88, flags), &[0x06, 0], &SNAP]), Ok((Ip::V4, 2, &[])));
            check(105, &join(&[&header(0x88, 0x80 | flags), &[0, 0, 1, 2, 3, 4], &SNAP]), Ok((Ip::V4, 2, &[])));
        }
        check(105, &join(&[&header(0x08, 3), fourth, &SNAP]), Ok((Ip::V4, 2, &[])));
        check(105, &join(&[&header(0x88, 0x83), fourth, &[0, 0, 1, 2, 3, 4], &SNAP]), Ok((Ip::V4, 2, &[])));
        // Without quality of service the order bit means strict order; acknowledgements ride along.
        check(105, &join(&[&header(0x08, 0x82), &SNAP]), Ok((Ip::V4, 2, &[])));
        check(105, &join(&[&header(0x18, 0x02), &SNAP]), Ok((Ip::V4, 2, &[])));
    }

    #[test]
    fn frames_that_carry_nothing() {
        // Beacon, acknowledgement, extension, null, QoS null.
        for kind in [0x80, 0xd4, 0x0c, 0x48, 0xc8] {
            check(105, &join(&[&header(kind, 0), &SNAP]), Err(Skip::WirelessManagement));
        }
        check(105, &[0xd4, 0], Err(Skip::WirelessManagement));
        check(105, &join(&[&header(0x09, 0), &SNAP]), Err(Skip::Malformed));
        let mut later = data();
        later[22] = 0x11;
        check(105, &later, Err(Skip::WirelessManagement));
    }

    #[test]
    fn encrypted_frames() {
        let secret = |rest: &[u8]| join(&[&header(0x88, 0x42), &[0, 0], rest]);
        check(105, &secret(&[0x21, 0x43, 0, 0x20, 0, 0, 0, 0, 0x5a, 0xa5, 1, 2]), Err(Skip::WirelessEncrypted));
        check(105, &secret(&[]), Err(Skip::WirelessEncrypted));
        // Decrypted by the driver, which left the bit.
        for vector in [&[][..], &[1, 2, 3, 0], &[1, 2, 3, 0x20, 0, 0, 0, 0]] {
            let clear = secret(&join(&[vector, &SNAP]));
            let frame =
                Frame { at: Timestamp(0), link: LinkType(105), interface: 0, original_length: 99, bytes: &clear };
            assert!(to_ip(Layer::of(&frame)).is_ok_and(|(ip, layer)| ip == Ip::V4 && layer.bytes == V4));
        }
    }

    #[test]
    fn the_first_of_an_aggregate() {
        let aggregate = |length: u16, rest: &[u8]| {
            join(&[&header(0x88, 0x01), &[0x80, 0], &MACS, &length.to_be_bytes(), &SNAP, rest])
        };
        check(105, &aggregate(10, &[]), Ok((Ip::V4, 2, &[])));
        check(105, &aggregate(10, &[0; 40]), Ok((Ip::V4, 2, &[])));
        check(105, &aggregate(9, &[]), Ok((Ip::V4, 1, &[])));
        check(105, &aggregate(2, &[]), Err(Skip::Llc));
    }

    #[test]
    fn everyone_by_the_distribution_system() {
        let frame = |flags, first: [u8; 6], third: [u8; 6]| {
            everyone(105, &join(&[&[0x08, flags, 0, 0], &first, &MACS[6..], &third, &[0, 0], &SNAP]))
        };
        let one = [2; 6];
        assert!(frame(2, [0xff; 6], one) && !frame(2, one, [0xff; 6]));
        assert!(frame(1, one, [0xff; 6]) && !frame(1, [0xff; 6], one));
        assert!(frame(0, [0xff; 6], one) && !frame(0, one, one));
    }

    /// A radiotap header with these words of presence, then these fields.
    fn tap(words: &[u32], fields: &[u8]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let length = u16::try_from(4 + words.len() + fields.len()).unwrap();
        join(&[&[0, 0], &length.to_le_bytes(), &words, fields])
    }

    #[test]
    fn radiotap_headers() {
        let ok = Ok((Ip::V4, 2, &[][..]));
        check(127, &join(&[&tap(&[0], &[]), &data()]), ok);
        let sum = [0xfc; 4];
        check(127, &join(&[&tap(&[2], &[0x10]), &data(), &sum]), ok);
        // A time stamp, aligned behind one, two and three words.
        check(127, &join(&[&tap(&[3], &[0, 0, 0, 0, 0, 0, 0, 0, 0x10]), &data(), &sum]), ok);
        check(127, &join(&[&tap(&[0x8000_0003, 0], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10]), &data(), &sum]), ok);
        let three = [0xa000_0003, 0x8000_0000, 0x0800_0000];
        check(127, &join(&[&tap(&three, &[0, 0, 0, 0, 0, 0, 0, 0, 0x10]), &data(), &sum]), ok);
        // A time stamp alone: no flags, whatever follows it.
        check(127, &join(&[&tap(&[5], &[0, 0, 0, 0, 0, 0, 0, 0, 0x50]), &data()]), ok);
        check(127, &join(&[&tap(&[2], &[0x40]), &data()]), Err(Skip::WirelessDamaged));
        // A chain without an end, and one that leaves no room.
        check(127, &join(&[&tap(&[0x8000_0002; 40], &[]), &data()]), ok);
        check(127, &join(&[&tap(&[2], &[]), &data()]), ok);
        check(127, &join(&[&[0, 0, 7, 0, 0, 0, 0, 0], &data()]), Err(Skip::Malformed));
        check(127, &[0, 0, 0xff, 0xff, 0, 0, 0, 0], Err(Skip::Truncated));
    }

    #[test]
    fn padding_between_header_and_body() {
        let ok = Ok((Ip::V4, 2, &[][..]));
        let fourth = &MACS[..6];
        let padded = tap(&[2], &[0x20]);
        check(127, &join(&[&padded, &data()]), ok);
        check(127, &join(&[&padded, &header(0x88, 2), &[0, 0], &[0, 0], &SNAP]), ok);
        check(127, &join(&[&padded, &header(0x08, 3), fourth, &[0, 0], &SNAP]), ok);
        check(127, &join(&[&padded, &header(0x88, 3), fourth, &[0, 0], &SNAP]), ok);
        check(127, &join(&[&padded, &header(0x88, 0x82), &[0; 6], &[0, 0], &SNAP]), ok);
    }

    #[test]
    fn other_radio_headers() {
        let ok = Ok((Ip::V4, 2, &[][..]));
        for link in [119, 163] {
            check(link, &join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &data()]), ok);
            check(link, &join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 7], &[0; 56], &data()]), Err(Skip::Malformed));
        }
        check(119, &join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136], &data()]), ok);
        check(119, &join(&[&[0, 0, 0, 0x44, 0, 0, 0, 144], &[0; 136], &data()]), ok);
        check(119, &[0x44, 0, 0, 0, 7, 0, 0, 0, 0], Err(Skip::Malformed));
        check(0xf006, &join(&[&[2, 32, 0], &[0; 29], &data()]), ok);
        check(0xf006, &[2, 2, 0, 0], Err(Skip::Malformed));
    }

    #[test]
    fn per_packet_information_and_its_flags() {
        let ok = Ok((Ip::V4, 2, &[][..]));
        let ppi = |aligned: u8, link: u8, fields: &[u8]| {
            let length = u16::try_from(8 + fields.len()).unwrap().to_le_bytes();
            join(&[&[0, aligned], &length, &[link, 0, 0, 0], fields])
        };
        let common = |flags: u8| join(&[&[2, 0, 20, 0], &[0; 8], &[flags, 0], &[0; 10]]);
        check(192, &join(&[&ppi(0, 105, &[]), &data()]), ok);
        check(192, &join(&[&ppi(0, 105, &common(1)), &data(), &[0xfc; 4]]), ok);
        check(192, &join(&[&ppi(0, 105, &common(5)), &data(), &[0xfc; 4]]), Err(Skip::WirelessDamaged));
        for (aligned, before) in [(0, &[4, 0, 3, 0, 9, 9, 9][..]), (1, &[4, 0, 3, 0, 9, 9, 9, 0])] {
            let fields = join(&[before, &common(1)]);
            check(192, &join(&[&ppi(aligned, 105, &fields), &data(), &[0xfc; 4]]), ok);
        }
        // A field that lies about its length.
        check(192, &join(&[&ppi(0, 105, &[4, 0, 0xff, 0xff, 1]), &data()]), ok);
        check(192, &join(&[&ppi(0, 1, &[]), &MACS, &[0x08, 0x00], &V4]), ok);
        check(192, &join(&[&[0, 0, 8, 0, 1, 0, 1, 0], &V4[..]]), Err(Skip::UnsupportedLinkType));
        check(192, &[0, 0, 7, 0, 105, 0, 0, 0], Err(Skip::Malformed));
    }
}
