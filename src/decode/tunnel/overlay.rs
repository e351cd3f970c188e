//! Overlay networks: VXLAN, its generic protocol extension, GENEVE, and the service header that stands in them.
//!
//! In: a [`Layer`] at one of these headers. Out: the [`Layer`] behind it.
//! Must not know: what carried it. Whatever a header must have is asked of it: a port alone does not prove it.
//!
//! RFC 7348, draft-smith-vxlan-group-policy, draft-ietf-nvo3-vxlan-gpe, RFC 8926, RFC 8300.

use super::super::layer::{Ip, Layer, Next, Step};
use super::super::{Encapsulation, Skip};

/// Where the network service header is an ethertype.
pub(in crate::decode) const NSH: u16 = 0x894f;

/// VXLAN: the flag of a valid network, and zeros; with the flag of a group policy, the policy.
pub(super) fn vxlan(layer: Layer<'_>) -> Step<'_> {
    let layer = match layer.proof::<4>()? {
        (&[0x08, 0, 0, 0], layer) => layer,
        // Don't learn (0x40) and policy applied (0x08), and the group.
        (&[0x88, bits, _, _], layer) if bits & !0x48 == 0 => layer,
        _ => return Err(Skip::NonIp),
    };
    Ok(network(layer)?.inside(Encapsulation::Vxlan).then(Next::ETHERNET))
}

/// VXLAN-GPE: a valid network and a next protocol; version 0, no management; it may be a copy for many (0x02).
pub(super) fn vxlan_gpe(layer: Layer<'_>) -> Step<'_> {
    match layer.proof::<4>()? {
        (&[0x0c | 0x0e, 0, 0, next], layer) => numbered(next, network(layer)?.inside(Encapsulation::VxlanGpe)),
        _ => Err(Skip::NonIp),
    }
}

/// A network's number and a byte that is zero, which end the header of all three.
fn network(layer: Layer<'_>) -> Step<'_> {
    match layer.header::<4>()? {
        ([_, _, _, 0], layer) => Ok(layer),
        _ => Err(Skip::NonIp),
    }
}

/// The network service header: version 0, its own length, the next protocol's number.
pub(in crate::decode) fn nsh(layer: Layer<'_>) -> Step<'_> {
    const LEAST_WORDS: u8 = 2;
    let (&[version, length, _, next], layer) = layer.header::<4>()?;
    let words = length & 0x3f;
    if version & 0xc0 != 0 || words < LEAST_WORDS {
        return Err(Skip::NonIp);
    }
    numbered(next, layer.behind(usize::from(words) * 4 - 4)?.inside(Encapsulation::Nsh))
}

/// Numbers that VXLAN-GPE and NSH share.
fn numbered(next: u8, layer: Layer<'_>) -> Step<'_> {
    Ok(match next {
        1 => layer.then(Next::Ip(Ip::V4)),
        2 => layer.then(Next::Ip(Ip::V6)),
        3 => layer.then(Next::ETHERNET),
        4 => layer.then(Next::Ether(NSH)),
        5 => layer.then(Next::Ether(0x8847)),
        _ => return Err(Skip::NonIp),
    })
}

/// GENEVE: version 0, no control packet, reserved bits zero; options that end where they shall.
pub(super) fn geneve(layer: Layer<'_>) -> Step<'_> {
    const LENGTH: u8 = 0x3f;
    const CRITICAL: u8 = 0x40;
    let (&[lengths, flags, p0, p1], layer) = layer.proof::<4>()?;
    let options = usize::from(lengths & LENGTH) * 4;
    let protocol = u16::from_be_bytes([p0, p1]);
    let known = matches!(protocol, 0x6558 | 0x0800 | 0x86dd | 0x8847 | NSH);
    if !known || lengths & !LENGTH != 0 || flags & !CRITICAL != 0 || options + 4 > layer.wire as usize {
        return Err(Skip::NonIp);
    }
    let layer = network(layer)?;
    if !are_options(layer.bytes.get(..options).ok_or(Skip::Truncated)?) {
        return Err(Skip::NonIp);
    }
    Ok(layer.behind(options)?.inside(Encapsulation::Geneve).then(Next::Ether(protocol)))
}

/// Whether options fill these bytes: class, type, and in five bits the words of data.
fn are_options(mut bytes: &[u8]) -> bool {
    while let &[_, _, _, length, ref rest @ ..] = bytes {
        match rest.get(usize::from(length & 0x1f) * 4..) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;

    type Open = fn(Layer<'_>) -> Step<'_>;
    const ETHERNET: Next = Next::Link(LinkType::ETHERNET);

    /// What follows a header and twenty more bytes; and that less than four bytes of it prove nothing.
    fn check(open: Open, header: &[u8], expected: Option<Next>) {
        let bytes = [header, &[0x45; 20]].concat();
        let wire = u32::try_from(bytes.len()).unwrap();
        let found = open(Layer::at(Next::AnyIp, &bytes, wire)).ok();
        assert_eq!(
            found.map(|layer| (layer.next, layer.bytes.len())),
            expected.map(|next| (next, 20)),
            "{header:02x?}"
        );
        for n in 0..header.len() {
            let skip = open(Layer::at(Next::AnyIp, &bytes[..n], wire)).err();
            let cut = n >= 4 && skip == Some(Skip::Truncated);
            assert!(skip == Some(Skip::NonIp) && (n < 4 || expected.is_none()) || cut, "{n} of {header:02x?}");
        }
    }

    /// In which of these bits a header may differ and still be one.
    fn check_bits(open: Open, header: [u8; 8], free: [u8; 8]) {
        for bit in 0..64 {
            let mut changed = header;
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            let found = open(Layer::at(Next::AnyIp, &changed, 8));
            assert_eq!(found.is_ok(), free[bit / 8] & 0x80 >> (bit % 8) != 0, "bit {bit} of {header:02x?}");
        }
    }

    #[test]
    fn nothing_but_the_networks_number_is_free() {
        check(vxlan, &[8, 0, 0, 0, 1, 2, 3, 0], Some(ETHERNET));
        check(vxlan, &[0x88, 0x48, 1, 2, 1, 2, 3, 0], Some(ETHERNET));
        check(vxlan, &[0x88, 0x80, 1, 2, 1, 2, 3, 0], None);
        check_bits(vxlan, [8, 0, 0, 0, 1, 2, 3, 0], [0x80, 0, 0, 0, 255, 255, 255, 0]);
        check_bits(vxlan_gpe, [0x0c, 0, 0, 1, 1, 2, 3, 0], [2, 0, 0, 6, 255, 255, 255, 0]);
        // The critical bit, and one that makes 0x0800 of GENEVE's protocols.
        check_bits(geneve, [0, 0, 0x08, 0, 1, 2, 3, 0], [0, 0x40, 0, 0, 255, 255, 255, 0]);
    }

    #[test]
    fn next_protocols() {
        let numbers = [
            (1, Next::Ip(Ip::V4)),
            (2, Next::Ip(Ip::V6)),
            (3, ETHERNET),
            (4, Next::Ether(NSH)),
            (5, Next::Ether(0x8847)),
        ];
        for (next, expected) in numbers {
            check(vxlan_gpe, &[0x0c, 0, 0, next, 1, 2, 3, 0], Some(expected));
            let header = [0x0f, 0xc2, 2, next, 0, 0, 1, 255];
            assert_eq!(nsh(Layer::at(Next::AnyIp, &header, 8)).unwrap().next, expected);
        }
        check(vxlan_gpe, &[0x0c, 0, 0, 0, 1, 2, 3, 0], None);
        for header in [[0x4f, 0xc2, 1, 1, 0, 0, 0, 0], [0x0f, 0xc1, 1, 1, 0, 0, 0, 0], [0x0f, 0xc2, 1, 9, 0, 0, 0, 0]] {
            assert_eq!(nsh(Layer::at(Next::AnyIp, &header, 8)).err(), Some(Skip::NonIp));
        }
    }

    #[test]
    fn options_fill_their_length() {
        check(geneve, &[0, 0, 0x65, 0x58, 1, 2, 3, 0], Some(Next::Ether(0x6558)));
        check(geneve, &[1, 0, 0x86, 0xdd, 1, 2, 3, 0, 1, 1, 1, 0], Some(Next::Ether(0x86dd)));
        check(geneve, &[3, 0, 0x08, 0, 1, 2, 3, 0, 1, 1, 1, 0, 1, 1, 1, 0xe1, 9, 9, 9, 9], Some(Next::Ether(0x0800)));
        check(geneve, &[2, 0, 0x08, 0, 1, 2, 3, 0, 1, 1, 1, 2, 9, 9, 9, 9], None);
        check(geneve, &[9, 0, 0x08, 0, 1, 2, 3, 0, 1, 1, 1, 0], None);
    }
}
