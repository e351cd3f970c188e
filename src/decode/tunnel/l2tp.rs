//! L2TP, versions 2 and 3.
//!
//! In: a [`Layer`] at an L2TP header, over UDP or IP. Out: the [`Layer`] at the PPP or Ethernet header in it.
//! Must not know: sessions. Control messages are none of them.
//!
//! RFC 2661 (version 2), RFC 3931 (version 3).

use super::super::layer::{Layer, Next, Step};
use super::super::{Encapsulation, Skip};
use super::{mpls, ppp};

/// Flags of version 2.
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
/// Control messages, and bits that are zero in data.
const NO_DATA: u16 = 0x8000 | 0x3000 | 0x0400 | 0x00f0;
const VERSION: u16 = 0x000f;

/// Over UDP, port 1701. Two bytes of flags prove nothing: the frame in it does.
pub(super) fn over_udp(layer: Layer<'_>) -> Step<'_> {
    let whole = layer.wire;
    let (&[high, low], layer) = layer.proof::<2>()?;
    let flags = u16::from_be_bytes([high, low]);
    match flags & VERSION {
        _ if flags & NO_DATA != 0 => Err(Skip::NonIp),
        2 => version_2(flags, whole, layer).map_err(|_| Skip::NonIp),
        3 if flags == 3 => match layer.proof::<2>()? {
            ([0, 0], layer) => version_3(layer).map_err(|_| Skip::NonIp),
            _ => Err(Skip::NonIp),
        },
        _ => Err(Skip::NonIp),
    }
}

/// Over IP.
pub(super) fn over_ip(layer: Layer<'_>) -> Step<'_> {
    version_3(layer)
}

/// Length, tunnel, session, two numbers, an offset and padding; then PPP.
fn version_2(flags: u16, whole: u32, layer: Layer<'_>) -> Step<'_> {
    let has = |flag| flags & flag != 0;
    let layer = match has(LENGTH) {
        false => layer,
        true => match layer.header::<2>()? {
            (&length, layer) if u32::from(u16::from_be_bytes(length)) == whole => layer,
            _ => return Err(Skip::NonIp),
        },
    };
    let (ids, layer) = layer.header::<4>()?;
    if let [0, 0, ..] | [.., 0, 0] = ids {
        return Err(Skip::NonIp);
    }
    let layer = if has(SEQUENCE) { layer.behind(4)? } else { layer };
    let layer = match has(OFFSET) {
        false => layer,
        true => {
            let (&size, layer) = layer.header::<2>()?;
            layer.behind(usize::from(u16::from_be_bytes(size)))?
        }
    };
    if ppp::is_ip(layer.bytes) { Ok(layer.inside(Encapsulation::L2tp).then(Next::Ppp)) } else { Err(Skip::NonIp) }
}

/// A session. Whether a cookie of four or eight bytes and a sublayer of four stand before the frame, only the two
/// ends know: it is where an Ethernet header is.
fn version_3(layer: Layer<'_>) -> Step<'_> {
    const BEFORE: [usize; 4] = [0, 4, 8, 12];
    let (&session, layer) = layer.header::<4>()?;
    if session == [0; 4] {
        return Err(Skip::NonIp);
    }
    let at = BEFORE.into_iter().find(|&at| layer.bytes.get(at..).is_some_and(mpls::is_ethernet));
    match at {
        Some(at) => Ok(layer.behind(at)?.inside(Encapsulation::L2tpV3).then(Next::ETHERNET)),
        None if layer.is_cut() && layer.bytes.len() < 12 + mpls::ETHERNET => Err(Skip::Truncated),
        None => Err(Skip::NonIp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    /// What follows a header and IP's first byte in PPP, over UDP.
    fn check(header: &[u8], expected: bool) {
        let bytes = [header, &[0xff, 3, 0, 0x21, 0x45]].concat();
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = over_udp(Layer::at(Next::AnyIp, &bytes, wire));
        let expected = if expected { Ok((Next::Ppp, 5)) } else { Err(Skip::NonIp) };
        assert_eq!(found.map(|layer| (layer.next, layer.bytes.len())), expected, "{header:02x?}");
        for n in 0..bytes.len() {
            assert_eq!(over_udp(Layer::at(Next::AnyIp, &bytes[..n], wire)).err(), Some(Skip::NonIp), "{n}");
        }
    }

    #[test]
    fn version_2_data() {
        check(&[0, 2, 0, 7, 0, 8], true);
        check(&[0x40, 2, 0, 13, 0, 7, 0, 8], true);
        check(&[0x40, 2, 0, 14, 0, 7, 0, 8], false);
        check(&[0x08, 2, 0, 7, 0, 8, 0, 1, 0, 1], true);
        check(&[0x02, 2, 0, 7, 0, 8, 0, 3, 9, 9, 9], true);
        check(&[0x4b, 2, 0, 21, 0, 7, 0, 8, 0, 1, 0, 1, 0, 2, 9, 9], true);
        for header in
            [[0x80, 2, 0, 7, 0, 8], [0, 1, 0, 7, 0, 8], [0, 0x12, 0, 7, 0, 8], [0, 2, 0, 0, 0, 8], [0, 2, 0, 7, 0, 0]]
        {
            check(&header, false);
        }
    }

    #[test]
    fn version_3_is_where_an_ethernet_header_is() {
        let ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45];
        for before in [0, 4, 8, 12] {
            let bytes = [&[0, 0, 0, 5][..], &[0xaa; 12][..before], &ethernet].concat();
            let wire = u32::try_from(bytes.len()).unwrap();
            let found = over_ip(Layer::at(Next::AnyIp, &bytes, wire)).unwrap();
            assert_eq!((found.next, found.bytes), (Next::Link(LinkType::ETHERNET), &ethernet[..]));
            let cut = over_ip(Layer::at(Next::AnyIp, &bytes[..17], wire));
            assert_eq!(cut.err(), Some(Skip::Truncated));
            let framed = [&[0, 3, 0, 0][..], &bytes].concat();
            assert!(over_udp(Layer::at(Next::AnyIp, &framed, wire + 4)).is_ok());
        }
        assert_eq!(over_ip(Layer::at(Next::AnyIp, &[0; 60], 60)).err(), Some(Skip::NonIp));
        assert_eq!(over_ip(Layer::at(Next::AnyIp, &[7; 60], 60)).err(), Some(Skip::NonIp));
    }
}
