//! GTP-U: what a mobile network carries between its own nodes.
//!
//! In: a [`Layer`] at a GTP header. Out: the [`Layer`] at the IP header in it.
//! Must not know: signalling. Every other message than user data stays the outer conversation's.
//!
//! 3GPP TS 29.281.

use super::super::layer::{Layer, Next, Step};
use super::super::{Encapsulation, Skip};

/// Version 1, and GTP rather than its charging variant; the reserved bit is zero.
const VERSION: u8 = 0x30;
/// Flags: extension headers, sequence number, N-PDU number. Any of them brings the fields of all three.
const FIELDS: u8 = 0x07;
const EXTENSIONS: u8 = 0x04;
/// A G-PDU: user data.
const USER_DATA: u8 = 255;

/// Extension headers walked. Real ones are one or two.
const MAX_EXTENSIONS: usize = 8;

/// Port 2152. Its length is exactly what UDP carries.
pub(super) fn header(layer: Layer<'_>) -> Step<'_> {
    const HEADER: u32 = 8;
    let whole = layer.wire;
    let (&[flags, kind, l0, l1], layer) = layer.proof::<4>()?;
    let length = u32::from(u16::from_be_bytes([l0, l1]));
    if flags & !FIELDS != VERSION || kind != USER_DATA || HEADER + length != whole {
        return Err(Skip::NonIp);
    }
    // The tunnel's number.
    let mut layer = layer.behind(4)?.inside(Encapsulation::GtpU).then(Next::AnyIp);
    if flags & FIELDS == 0 {
        return Ok(layer);
    }
    let (&[_, _, _, mut next], rest) = layer.header::<4>()?;
    layer = rest;
    if flags & EXTENSIONS == 0 {
        return Ok(layer);
    }
    for _ in 0..MAX_EXTENSIONS {
        if next == 0 {
            return Ok(layer);
        }
        // Words in all, of which the last byte is the next header's type.
        let size = usize::from(*layer.bytes.first().ok_or(Skip::Truncated)?) * 4;
        let last = size.checked_sub(1).ok_or(Skip::NonIp)?;
        next = *layer.bytes.get(last).ok_or(Skip::Truncated)?;
        layer = layer.behind(size)?;
    }
    Err(Skip::NonIp)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a header and twenty more bytes are user data: and what of them is captured.
    fn check(flags: u8, kind: u8, length: u8, optional: &[u8], expected: Result<(), Skip>) {
        let bytes = [&[flags, kind, 0, length, 0, 0, 0, 1], optional, &[0x45; 20]].concat();
        let found = header(Layer::at(Next::AnyIp, &bytes, u32::try_from(bytes.len()).unwrap()));
        let found = found.map(|layer| (layer.next, layer.bytes.len()));
        assert_eq!(found, expected.map(|()| (Next::AnyIp, 20)), "{flags:02x} {optional:02x?}");
    }

    #[test]
    fn user_data() {
        check(0x30, 255, 20, &[], Ok(()));
        check(0x32, 255, 24, &[0, 1, 0, 0], Ok(()));
        check(0x31, 255, 24, &[0, 0, 9, 0x85], Ok(()));
        check(0x34, 255, 28, &[0, 0, 0, 0x85, 1, 0, 9, 0], Ok(()));
        check(0x36, 255, 36, &[0, 0, 0, 0x85, 1, 0, 9, 0xc0, 2, 0, 9, 9, 9, 9, 9, 0], Ok(()));
    }

    #[test]
    fn everything_else() {
        for (flags, kind, length) in [(0x30, 1, 20), (0x30, 255, 21), (0x50, 255, 20), (0x20, 255, 20), (0x38, 255, 20)]
        {
            check(flags, kind, length, &[], Err(Skip::NonIp));
        }
        check(0x34, 255, 28, &[0, 0, 0, 0x85, 0, 0, 9, 0], Err(Skip::NonIp));
        check(0x34, 255, 28, &[0, 0, 0, 0x85, 90, 0, 9, 0], Err(Skip::Truncated));
        check(0x34, 255, 64, &[&[0, 0, 0, 0x85][..], &[1, 0, 9, 0x85].repeat(10)].concat(), Err(Skip::NonIp));
    }
}
