//! Heads of BER elements (X.690 §8.1), with definite lengths only: LDAP and Kerberos use no others.
//!
//! In: bytes, an absolute offset. Out: where the content begins and ends. Must not know: any protocol.

use super::read::{Read, byte, require};
use crate::evidence::protocol::Probe;

/// Where an element's content stands. It need not be there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Where the content begins.
    pub(super) start: usize,
    /// Where it ends, and the next element begins.
    pub(super) end: usize,
}

impl Element {
    /// Bytes of content.
    pub(super) const fn length(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// The element at an offset, which must have this tag.
pub(super) fn element(bytes: &[u8], at: usize, tag: u8) -> Read<Element> {
    require(byte(bytes, at)? == tag)?;
    let at = at.saturating_add(1);
    let first = byte(bytes, at)?;
    let start = at.saturating_add(1);
    // Up to 0x7f the length itself; then the number of bytes that hold it. 0x80 is the indefinite form.
    let (start, length) = match first {
        0..=0x7f => (start, usize::from(first)),
        0x81..=0x84 => long(bytes, start, usize::from(first & 0x7f))?,
        _ => return Err(Probe::NotMe),
    };
    Ok(Element { start, end: start.checked_add(length).ok_or(Probe::NotMe)? })
}

fn long(bytes: &[u8], at: usize, count: usize) -> Read<(usize, usize)> {
    let end = at.saturating_add(count);
    let digits = bytes.get(at..end).ok_or(Probe::Unsure(end))?;
    let length = digits.iter().fold(0_u32, |sum, &digit| sum << 8 | u32::from(digit));
    Ok((end, super::read::length(length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_each_form() {
        assert_eq!(element(&[0x30, 0x05, 0], 0, 0x30), Ok(Element { start: 2, end: 7 }));
        assert_eq!(element(&[9, 0x30, 0x81, 0x80], 1, 0x30), Ok(Element { start: 4, end: 132 }));
        assert_eq!(element(&[0x30, 0x84, 0, 0, 1, 2], 0, 0x30), Ok(Element { start: 6, end: 264 }));
        assert_eq!(element(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 0, 0x30).map(Element::length), Ok(0xffff_ffff));
    }

    #[test]
    fn what_is_short_is_asked_for_and_what_is_wrong_refused() {
        assert_eq!(element(&[], 0, 0x30), Err(Probe::Unsure(1)));
        assert_eq!(element(&[0x30], 0, 0x30), Err(Probe::Unsure(2)));
        assert_eq!(element(&[0x30, 0x84, 0, 0], 0, 0x30), Err(Probe::Unsure(6)));
        assert_eq!(element(&[0x31], 0, 0x30), Err(Probe::NotMe));
        assert_eq!(element(&[0x30, 0x80], 0, 0x30), Err(Probe::NotMe));
        assert_eq!(element(&[0x30, 0x85, 0, 0, 0, 0, 1], 0, 0x30), Err(Probe::NotMe));
    }
}
