//! Tags and headers between Ethernet's addresses and the ethertype of what it carries.
//!
//! In: a [`Layer`] behind the ethertype that announces the tag. Out: the layer behind the tag.
//! Must not know: link types, but that a whole Ethernet frame may follow.

use super::Step;
use crate::decode::layer::{Layer, Next};
use crate::decode::{Encapsulation, Skip};

/// IEEE 802.1Q and its like: tag control information and the next ethertype.
pub(super) fn vlan(layer: Layer<'_>) -> Step<'_> {
    let (&[c0, c1, high, low], layer) = layer.header::<4>()?;
    Ok(layer.tagged([c0, c1]).ethertype([high, low]))
}

/// A tag of `size` bytes that says nothing of the packet, then the next ethertype.
pub(super) fn opaque(layer: Layer<'_>, size: usize) -> Step<'_> {
    let (&[high, low], layer) = layer.behind(size)?.header::<2>()?;
    Ok(layer.ethertype([high, low]))
}

/// Cisco's security group tag, version 1 and of length 1.
pub(super) fn security_group(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<8>()? {
        (&[1, 1, _, _, _, _, high, low], layer) => Ok(layer.ethertype([high, low])),
        _ => Err(Skip::NonIp),
    }
}

/// Marvell's switch tag. It takes the place of the IEEE 802.1Q tag of a frame that had one.
pub(super) fn marvell(layer: Layer<'_>) -> Step<'_> {
    let (&[mode, _, c0, c1, high, low], layer) = layer.header::<6>()?;
    let layer = if mode & 0x20 == 0 { layer } else { layer.tagged([c0, c1]) };
    Ok(layer.ethertype([high, low]))
}

/// Marvell's switch tag with an ethertype of its own, and two bytes reserved.
pub(super) fn marvell_with_ethertype(layer: Layer<'_>) -> Step<'_> {
    marvell(layer.behind(2)?)
}

/// MACsec's tag (IEEE 802.1AE §9): control, short length, packet number, perhaps a channel.
pub(super) fn macsec(layer: Layer<'_>) -> Step<'_> {
    let (&[control, short, ..], layer) = layer.header::<6>()?;
    let layer = if control & 0x20 == 0 { layer } else { layer.behind(8)? };
    match (control & 0x80, control & 0x0c) {
        (0, 0) => {}
        (0, _) => return Err(Skip::MacsecEncrypted),
        _ => return Err(Skip::NonIp),
    }
    // Of a frame that is not short only IP says where the check value begins, whose length the cipher suite knows.
    let layer = match u32::from(short & 0x3f) {
        0 => layer,
        length => layer.at_most(length),
    };
    Ok(opaque(layer, 0)?.inside(Encapsulation::Macsec))
}

/// IEEE 802.1ah: the service's instance, then the customer's frame.
pub(super) fn backbone(layer: Layer<'_>) -> Step<'_> {
    whole_frame(layer, 4, Encapsulation::Pbb)
}

/// Cisco `FabricPath`: tree and time to live, then a frame.
pub(super) fn fabric_path(layer: Layer<'_>) -> Step<'_> {
    whole_frame(layer, 2, Encapsulation::FabricPath)
}

/// TRILL (RFC 6325 §3): six bytes, options in units of four, then a frame.
pub(super) fn trill(layer: Layer<'_>) -> Step<'_> {
    let (&[first, second, ..], layer) = layer.header::<6>()?;
    let units = (first & 0x07) << 2 | second >> 6;
    whole_frame(layer, usize::from(units) * 4, Encapsulation::Trill)
}

/// An Ethernet frame behind `header` bytes.
fn whole_frame(layer: Layer<'_>, header: usize, encapsulation: Encapsulation) -> Step<'_> {
    Ok(layer.behind(header)?.inside(encapsulation).then(Next::ETHERNET))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MACS, V4, V6, around, check, everyone, join};
    use crate::decode::Skip;
    use crate::decode::layer::Ip;

    #[test]
    fn vlan_tags() {
        // Priority bits are not part of the id.
        check(1, &join(&[&MACS, &[0x81, 0, 0xe0, 0x64, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[100])));
        check(1, &join(&[&MACS, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[7, 8])));
        check(1, &join(&[&MACS, &[0x91, 0, 0, 7, 0x81, 0, 0, 8, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[7, 8])));
        let five: Vec<u8> = (1..=5).flat_map(|id| [0x81, 0, 0, id]).collect();
        check(1, &join(&[&MACS, &five, &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[1, 2, 3, 4])));
        check(1, &join(&[&MACS, &[0x81, 0, 0, 1].repeat(16), &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[1; 4])));
        check(1, &join(&[&MACS, &[0x81, 0, 0, 1].repeat(18), &[0x08, 0], &V4]), Err(Skip::Malformed));
    }

    #[test]
    fn tags_that_say_nothing() {
        for (tag, ethertype) in [
            (&[0x89, 0x26, 0x80, 1, 0, 2][..], [0x08, 0x00]),
            (&[0x89, 0x2f, 0, 60, 0, 1], [0x08, 0x00]),
            (&[0xf1, 0xc1, 0, 0, 0, 1], [0x08, 0x00]),
            (&[0x89, 0x3f, 0, 0, 0, 1, 0, 0], [0x08, 0x00]),
            (&[0x89, 0x09, 1, 1, 0, 1, 0, 2], [0x08, 0x00]),
        ] {
            check(1, &join(&[&MACS, tag, &ethertype, &V4]), Ok((Ip::V4, 2, &[])));
            check(1, &join(&[&MACS, &[0x81, 0, 0, 5], tag, &[0x86, 0xdd], &V6]), Ok((Ip::V6, 2, &[5])));
            check(1, &join(&[&MACS, tag, &[0x81, 0, 0, 5], &ethertype, &V4]), Ok((Ip::V4, 2, &[5])));
        }
        check(1, &join(&[&MACS, &[0x89, 9, 2, 1, 0, 1, 0, 2, 0x08, 0], &V4]), Err(Skip::NonIp));
    }

    #[test]
    fn switch_tags() {
        check(281, &join(&[&MACS, &[0x20, 0, 0, 5, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(282, &join(&[&[0x20, 0, 0, 5], &MACS, &[0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(284, &join(&[&MACS, &[0xc0, 0x08, 0, 7, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[])));
        check(284, &join(&[&MACS, &[0xe0, 0x08, 0xe0, 7, 0x08, 0], &V4]), Ok((Ip::V4, 2, &[7])));
        for link in [1, 285] {
            let tag = [0xda, 0xda, 0, 0, 0xe0, 0x08, 0xe0, 7, 0x86, 0xdd];
            check(link, &join(&[&MACS, &tag, &V6]), Ok((Ip::V6, 2, &[7])));
        }
    }

    #[test]
    fn macsec_in_the_clear() {
        let tagged = |control: u8, short: u8, channel: &[u8], rest: &[u8]| {
            join(&[&MACS, &[0x88, 0xe5, control, short, 0, 0, 0, 9], channel, &[0x08, 0x00], &V4, rest])
        };
        check(1, &tagged(0x00, 0, &[], &[0xfc; 16]), Ok((Ip::V4, 18, &[])));
        check(1, &tagged(0x40, 0, &[], &[0xfc; 16]), Ok((Ip::V4, 18, &[])));
        check(1, &tagged(0x21, 0, &[1; 8], &[0xfc; 16]), Ok((Ip::V4, 18, &[])));
        // A short length says where the frame ends before its check value and its padding.
        check(1, &tagged(0x00, 4, &[], &[0; 40]), Ok((Ip::V4, 2, &[])));
        assert_eq!(around(&tagged(0x00, 0, &[], &[0xfc; 16])), "macsec");
    }

    #[test]
    fn macsec_that_hides_its_payload() {
        for (control, skip) in [
            (0x0c, Skip::MacsecEncrypted),
            (0x08, Skip::MacsecEncrypted),
            (0x04, Skip::MacsecEncrypted),
            (0x2c, Skip::MacsecEncrypted),
            (0x80, Skip::NonIp),
        ] {
            check(1, &join(&[&MACS, &[0x88, 0xe5, control, 0, 0, 0, 0, 9], &[8, 0, 0x45, 0], &[1; 20]]), Err(skip));
        }
    }

    #[test]
    fn whole_frames_behind_a_header() {
        let inner = |to: &[u8]| join(&[to, &MACS[6..], &[0x81, 0, 0, 9, 0x08, 0x00], &V4]);
        for (header, name) in [
            (&[0x88, 0xe7, 0, 1, 2, 3][..], "pbb"),
            (&[0x89, 0x03, 0, 0x60], "fabricpath"),
            (&[0x22, 0xf3, 0x00, 0x3f, 0, 1, 0, 2], "trill"),
            (&[0x22, 0xf3, 0x00, 0x7f, 0, 1, 0, 2, 1, 1, 1, 1], "trill"),
        ] {
            let frame = join(&[&MACS, header, &inner(&MACS[..6])]);
            check(1, &frame, Ok((Ip::V4, 2, &[9])));
            assert_eq!(around(&frame), name);
            // The outer address is a switch's; the inner one says to whom.
            assert!(everyone(1, &join(&[&MACS, header, &inner(&[0xff; 6])])));
            assert!(!everyone(1, &join(&[&[0xff; 6], &MACS[6..], header, &inner(&MACS[..6])])));
        }
        let backbone = join(&[&MACS, &[0x88, 0xa8, 0, 3, 0x88, 0xe7, 0, 1, 2, 3], &inner(&MACS[..6])]);
        check(1, &backbone, Ok((Ip::V4, 2, &[3, 9])));
        // Options of TRILL that are not there.
        check(1, &join(&[&MACS, &[0x22, 0xf3, 0x07, 0xff, 0, 1, 0, 2], &inner(&MACS[..6])]), Err(Skip::Truncated));
    }
}
