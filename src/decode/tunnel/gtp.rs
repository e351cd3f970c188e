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
    let (&[flags, kind, l0, l1, ..], layer) = layer.proof::<8>()?;
    let length = u32::from(u16::from_be_bytes([l0, l1]));
    if flags & !FIELDS != VERSION || kind != USER_DATA || HEADER + length != whole {
        return Err(Skip::NonIp);
    }
    let mut layer = layer.inside(Encapsulation::GtpU).then(Next::AnyIp);
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
