//! The options that end a pcapng block: code, length, value, padded to four bytes.
//!
//! In: the bytes behind a block's fixed fields. Out: an iterator of codes and values.
//! Must not know: what a code means.

use crate::capture::order::Order;

const END_OF_OPTIONS: u16 = 0;

/// The options in a block, up to the end or the first one that overruns the block.
pub(super) struct Options<'a> {
    order: Order,
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// Of a block's last part.
    pub(super) const fn new(order: Order, bytes: &'a [u8]) -> Self {
        Self { order, bytes }
    }

    /// An option's value as a 64-bit number, if it is one.
    pub(super) fn number(order: Order, value: &[u8]) -> Option<u64> {
        Some(order.i64(value.try_into().ok()?).cast_unsigned())
    }
}

impl<'a> Iterator for Options<'a> {
    /// Code and value; or the code of an option that overruns the block.
    type Item = Result<(u16, &'a [u8]), u16>;

    fn next(&mut self) -> Option<Self::Item> {
        let ([word], rest) = self.order.u32s::<1>(self.bytes)?;
        let [code, length] = self.order.halves(word);
        self.bytes = &[];
        if code == END_OF_OPTIONS {
            return None;
        }
        let padded = usize::from(length).next_multiple_of(4);
        let (Some(value), Some(next)) = (rest.get(..usize::from(length)), rest.get(padded..)) else {
            return Some(Err(code));
        };
        self.bytes = next;
        Some(Ok((code, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[Result<(u16, &[u8]), u16>]) {
        assert_eq!(Options::new(Order::Big, bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn options_end_where_they_say_or_overrun() {
        check(&[], &[]);
        check(&[0, 0, 0], &[]);
        check(&[0, 0, 0, 0, 0, 1, 0, 0], &[]);
        check(&[0, 2, 0, 1, 7, 0, 0, 0, 0, 3, 0, 0], &[Ok((2, &[7])), Ok((3, &[]))]);
        check(&[0, 2, 0, 1, 7, 0, 0], &[Err(2)]);
        check(&[0, 2, 0xff, 0xff, 7, 0, 0, 0], &[Err(2)]);
        assert_eq!(Options::number(Order::Big, &[0, 0, 0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(Options::number(Order::Little, &[0xff; 8]), Some(u64::MAX));
        assert_eq!(Options::number(Order::Big, &[0; 4]), None);
    }
}
