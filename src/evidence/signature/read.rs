//! Numbers and fixed bytes at an offset, for the binary signatures.
//!
//! In: bytes, an absolute offset. Out: the value, or the [`Probe`] that says what is missing.
//! Must not know: any protocol.

use crate::evidence::protocol::{Probe, Sighting};

/// What a signature read so far: a value, or its answer.
pub(super) type Read<T> = Result<T, Probe>;

/// The answer to a stream.
pub(super) fn answer(read: Read<Sighting>) -> Probe {
    read.map_or_else(|probe| probe, Probe::Certain)
}

/// The answer to a datagram of that length on the wire: what a whole one lacks, nothing brings.
pub(super) fn answer_whole(read: Read<Sighting>, length: usize) -> Probe {
    match answer(read) {
        Probe::Unsure(wanted) if wanted > length => Probe::NotMe,
        probe => probe,
    }
}

/// The same, but not asked again before so many bytes are there: what is judged together is asked for together.
pub(super) fn together<T>(read: Read<T>, count: usize) -> Read<T> {
    read.map_err(|probe| match probe {
        Probe::Unsure(wanted) => Probe::Unsure(wanted.max(count)),
        other => other,
    })
}

/// `Ok` if it holds, else it is not this.
pub(super) fn require(holds: bool) -> Read<()> {
    if holds { Ok(()) } else { Err(Probe::NotMe) }
}

/// The bytes from `at`, as many as the array holds.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Read<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(|| Probe::Unsure(at.saturating_add(N)))
}

/// One byte.
pub(super) fn byte(bytes: &[u8], at: usize) -> Read<u8> {
    array::<1>(bytes, at).map(|[byte]| byte)
}

/// Two bytes, the first the highest.
pub(super) fn be16(bytes: &[u8], at: usize) -> Read<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// Two bytes, the first the lowest.
pub(super) fn le16(bytes: &[u8], at: usize) -> Read<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// Four bytes, the first the highest.
pub(super) fn be32(bytes: &[u8], at: usize) -> Read<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// Four bytes, the first the lowest.
pub(super) fn le32(bytes: &[u8], at: usize) -> Read<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A number of four bytes as a length. Where a length does not fit, no such message is real.
pub(super) fn length(number: u32) -> Read<usize> {
    usize::try_from(number).map_err(|_| Probe::NotMe)
}

/// The offset after exactly these bytes. The first that differs decides, also before the last is there.
pub(super) fn literal(bytes: &[u8], at: usize, expected: &[u8]) -> Read<usize> {
    let there = bytes.get(at..).unwrap_or_default();
    let end = at.saturating_add(expected.len());
    require(there.iter().zip(expected).all(|(a, b)| a == b))?;
    if there.len() < expected.len() { Err(Probe::Unsure(end)) } else { Ok(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_or_asked_for() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(be16(&bytes, 1), Ok(0x0203));
        assert_eq!(le16(&bytes, 1), Ok(0x0302));
        assert_eq!(be32(&bytes, 1), Ok(0x0203_0405));
        assert_eq!(le32(&bytes, 1), Ok(0x0504_0302));
        assert_eq!(le32(&bytes, 2), Err(Probe::Unsure(6)));
        assert_eq!(byte(&bytes, 5), Err(Probe::Unsure(6)));
        assert_eq!(byte(&bytes, usize::MAX), Err(Probe::Unsure(usize::MAX)));
    }

    #[test]
    fn fixed_bytes_differ_as_soon_as_they_differ() {
        assert_eq!(literal(b"abc", 1, b"bc"), Ok(3));
        assert_eq!(literal(b"abc", 1, b"bcd"), Err(Probe::Unsure(4)));
        assert_eq!(literal(b"abc", 1, b"bxd"), Err(Probe::NotMe));
        assert_eq!(literal(b"abc", 9, b"x"), Err(Probe::Unsure(10)));
    }
}
