//! The order-free hash of a conversation's two ends.
//!
//! In: a five-tuple. Out: 32 bits that both directions share.
//! Must not know: the table.

use std::hash::{BuildHasher, RandomState};

use crate::net::{Endpoint, FiveTuple, fold};

/// What a table finds a flow by. 32 bits are enough for the tables that fit in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowHash(pub(super) u32);

/// Hashes five-tuples. Seeded afresh each run, so that no capture can be made to collide; nothing printed depends on it.
#[derive(Clone, Copy, Debug)]
pub struct FlowHasher {
    seed: [u64; 3],
}

impl FlowHasher {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self { seed: [1_u8, 2, 3].map(|seed| state.hash_one(seed)) }
    }

    /// The same for both directions: the ends are added, not put in order, which no branch predictor foresees.
    #[inline]
    #[must_use]
    pub fn hash(&self, tuple: &FiveTuple) -> FlowHash {
        let [_, _, seed] = self.seed;
        let ends = self.end(tuple.source).wrapping_add(self.end(tuple.destination));
        let hash = fold(ends ^ tuple.transport as u64, seed | 1);
        FlowHash((hash ^ (hash >> 32)) as u32)
    }

    /// The port is turned by a seed, so that no address can make up for it.
    #[inline]
    const fn end(&self, end: Endpoint) -> u64 {
        let ([a, b, c], Endpoint { address, port }) = (self.seed, end);
        fold(a ^ address.low(), b ^ address.high().wrapping_add((port as u64).wrapping_mul(c | 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Address, Transport};

    fn tuple(a: u8, source: u16, b: u8, destination: u16) -> FiveTuple {
        let end = |host, port| Endpoint { address: Address::v4([10, 0, 0, host]), port };
        FiveTuple { source: end(a, source), destination: end(b, destination), transport: Transport::Tcp }
    }

    #[test]
    fn both_directions_share_the_hash() {
        let hasher = FlowHasher::new();
        let there = tuple(1, 50_000, 2, 5061);
        assert_eq!(hasher.hash(&there), hasher.hash(&there.reversed()));
    }

    #[test]
    fn what_tells_flows_apart_tells_hashes_apart() {
        let hasher = FlowHasher::new();
        let flow = tuple(1, 50_000, 2, 5061);
        let udp = FiveTuple { transport: Transport::Udp, ..flow };
        // Ports and addresses exchanged between the ends are other ends.
        for other in [udp, tuple(1, 50_001, 2, 5061), tuple(1, 5061, 2, 50_000), tuple(1, 50_000, 3, 5061)] {
            assert_ne!(hasher.hash(&flow), hasher.hash(&other), "{other:?}");
        }
    }

    #[test]
    fn hashes_spread() {
        let hasher = FlowHasher::new();
        let addresses = |i: u16| {
            let [high, low] = i.to_be_bytes();
            let source = Endpoint { address: Address::v4([20, 0, high, low]), port: 50_000 };
            FiveTuple { source, ..tuple(1, 0, 2, 5061) }
        };
        for varied in [(|i| tuple(1, i, 2, 5061)) as fn(u16) -> FiveTuple, |i| tuple(1, 50_000, 2, i), addresses] {
            let mut buckets = [0_u32; 64];
            for i in 0..64_000_u16 {
                buckets[hasher.hash(&varied(i)).0 as usize % 64] += 1;
            }
            assert!(buckets.iter().all(|&n| (700..1300).contains(&n)), "{buckets:?}");
        }
    }
}
