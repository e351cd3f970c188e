//! A list of offsets of which only so much is kept as tells whether two lists are equal.
//!
//! In: offsets, one after the other. Out: [`Offsets`], and in words how two of them differ.
//! Must not know: where the offsets are from.

/// Number and hashes of a list of offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offsets {
    count: u64,
    highest: u64,
    /// Depends on the order.
    list: u64,
    /// Does not.
    set: u64,
}

impl Offsets {
    /// One more.
    pub(super) fn push(&mut self, offset: u64) {
        let hash = mix(offset);
        self.count = self.count.saturating_add(1);
        self.highest = self.highest.max(offset);
        self.list = mix(self.list ^ hash);
        self.set = self.set.wrapping_add(hash);
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The largest one.
    pub(super) const fn highest(&self) -> u64 {
        self.highest
    }

    /// How the frames read differ from those listed, if they do.
    pub(super) fn difference(&self, listed: &Self) -> Option<String> {
        let (read, listed_count) = (self.count, listed.count);
        if self == listed {
            return None;
        }
        Some(if read != listed_count {
            format!("{read} frames read, but the frame table lists {listed_count}")
        } else if self.set == listed.set {
            "the frame table orders the frames otherwise than they are stored: their numbers are not Network Monitor's"
                .to_owned()
        } else {
            "the frame table lists frames at other places than they were read from".to_owned()
        })
    }
}

/// Spreads a number's bits over all of the result's (the finisher of SplitMix64).
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(list: &[u64]) -> Offsets {
        let mut offsets = Offsets::default();
        list.iter().for_each(|&offset| offsets.push(offset));
        offsets
    }

    fn check(read: &[u64], listed: &[u64], expected: Option<&str>) {
        match (offsets(read).difference(&offsets(listed)), expected) {
            (None, None) => {}
            (Some(what), Some(part)) if what.contains(part) => {}
            differ => panic!("{read:?} {listed:?}: {differ:?}"),
        }
    }

    #[test]
    fn lists_that_differ_say_how() {
        check(&[], &[], None);
        check(&[128, 300, 500], &[128, 300, 500], None);
        check(&[128, 300], &[128, 300, 500], Some("2 frames read, but the frame table lists 3"));
        check(&[128, 300, 500], &[128, 500, 300], Some("orders the frames otherwise"));
        check(&[128, 300, 500], &[128, 301, 500], Some("at other places"));
        check(&[128, 300, 500], &[128, 301, 499], Some("at other places"));
        assert_eq!(offsets(&[5, 9, 2]).highest(), 9);
    }
}
