//! A hash for addresses, endpoints and other short keys.
//!
//! In: a key's bytes. Out: 64 bits, seeded afresh each run, so that no capture can be made to collide; nothing printed
//! depends on it. Must not know: what is kept. The standard one takes 25 ns for an endpoint, and every flow asks several
//! times; this one takes 6.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::net::fold;

/// A map that is asked for every flow.
pub(crate) type FastMap<K, V> = HashMap<K, V, Seeded>;
/// A set that is asked for every flow.
pub(crate) type FastSet<K> = HashSet<K, Seeded>;

/// Makes hashers of one run's seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded([u64; 2]);

impl Default for Seeded {
    fn default() -> Self {
        let state = RandomState::new();
        Self([state.hash_one(1_u8), state.hash_one(2_u8) | 1])
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folding;

    #[inline]
    fn build_hasher(&self) -> Folding {
        let Self([state, factor]) = *self;
        Folding { state, factor }
    }
}

/// Folds word after word into its state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folding {
    state: u64,
    factor: u64,
}

impl Folding {
    #[inline]
    const fn mix(&mut self, word: u64) {
        self.state = fold(self.state ^ word, self.factor).wrapping_add(self.factor);
    }
}

impl Hasher for Folding {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    /// Lengths and variants.
    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.mix(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Address, Endpoint, Transport};

    #[test]
    fn hashes_spread() {
        let seeded = Seeded::default();
        for by_port in [true, false] {
            let (mut low, mut high) = ([0_u32; 64], [0_u32; 64]);
            for n in 0..64_000_u16 {
                let [b, c] = n.to_be_bytes();
                let address = Address::v4(if by_port { [10, 0, 0, 1] } else { [10, 0, b, c] });
                let hash =
                    seeded.hash_one((Transport::Tcp, Endpoint { address, port: if by_port { n } else { 5061 } }));
                low[hash as usize % 64] += 1;
                high[(hash >> 58) as usize] += 1;
            }
            for buckets in [low, high] {
                assert!(buckets.iter().all(|&n| (700..1300).contains(&n)), "{buckets:?}");
            }
        }
    }

    #[test]
    fn every_run_has_its_own() {
        let hash = || Seeded::default().hash_one(Address::v4([10, 0, 0, 1]));
        assert_ne!(hash(), hash());
    }
}
