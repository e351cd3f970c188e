//! The byte order a capture file was written in.
//!
//! In: bytes. Out: numbers.
//! Must not know: what the numbers mean.

/// Byte order of a file or section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// A 32-bit number.
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// A signed 64-bit number.
    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }

    /// The first `N` 32-bit numbers and the bytes behind them, if there are so many.
    #[inline]
    pub(super) fn u32s<const N: usize>(self, bytes: &[u8]) -> Option<([u32; N], &[u8])> {
        let words = bytes.as_chunks::<4>().0.first_chunk::<N>()?;
        let rest = bytes.get(4 * N..)?;
        Some((words.map(|word| self.u32(word)), rest))
    }

    /// Two 16-bit numbers that share a 32-bit word, given as [`Order::u32`] read it: the first in the file first.
    pub(super) const fn halves(self, word: u32) -> [u16; 2] {
        let (high, low) = ((word >> 16) as u16, word as u16);
        match self {
            Self::Little => [low, high],
            Self::Big => [high, low],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        const BYTES: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(Order::Little.u32s(&BYTES), Some(([0x0403_0201, 0x0807_0605], &[9_u8][..])));
        assert_eq!(Order::Big.u32s(&BYTES), Some(([0x0102_0304, 0x0506_0708], &[9_u8][..])));
        assert_eq!(Order::Big.u32s::<3>(&BYTES), None);
        for order in [Order::Little, Order::Big] {
            let [first, second] = order.halves(order.u32([1, 2, 3, 4]));
            let expected = if order == Order::Big { (0x0102, 0x0304) } else { (0x0201, 0x0403) };
            assert_eq!((first, second), expected);
        }
        assert_eq!(Order::Big.i64([255; 8]), -1);
    }
}
