//! The order-free key of a flow and its hash.
//!
//! In: a five-tuple. Out: a key that both directions share, which direction the packet had, and 32 bits of hash.
//! Must not know: the table.

use std::hash::{BuildHasher, RandomState};

use crate::net::{Address, Endpoint, FiveTuple, Transport, fold};

/// Both endpoints, lower first, and the transport: equal for both directions of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
    transport: Transport,
}

impl FlowKey {
    /// The key of a packet, and whether its source is the lower endpoint.
    #[inline]
    #[must_use]
    pub fn new(tuple: &FiveTuple) -> (Self, bool) {
        let FiveTuple { source, destination, transport } = *tuple;
        if source <= destination {
            (Self { low: source, high: destination, transport }, true)
        } else {
            (Self { low: destination, high: source, transport }, false)
        }
    }

    /// Whether `tuple` has this key, in whichever direction: equality alone, cheaper than putting it in order.
    #[inline]
    pub(super) fn is_of(&self, tuple: &FiveTuple) -> bool {
        let (low, high) = (self.low, self.high);
        let same =
            (tuple.source == low && tuple.destination == high) || (tuple.source == high && tuple.destination == low);
        same && tuple.transport == self.transport
    }

    /// Whether `end` is the lower endpoint.
    #[inline]
    pub(super) fn low_is(&self, end: Endpoint) -> bool {
        self.low == end
    }
}

/// Hashes keys. Seeded afresh each run, so that no capture can be made to collide; nothing printed depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyHasher {
    seed: [u64; 2],
}

impl KeyHasher {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self { seed: [state.hash_one(1_u8), state.hash_one(2_u8)] }
    }

    /// 32 bits, enough for the tables that fit in memory; stored in the slot so that growth reads no key.
    #[inline]
    pub(super) fn hash(&self, key: &FlowKey) -> u32 {
        let FlowKey { low, high, transport } = key;
        let ports = u64::from(low.port) << 32 | u64::from(high.port) << 8 | *transport as u64;
        let [a, b] = self.seed;
        let hash = fold(a ^ halves(low.address), (b ^ ports) | 1);
        let hash = fold(hash ^ halves(high.address), (a ^ b) | 1);
        (hash ^ (hash >> 32)) as u32
    }
}

/// An IPv4 address as it is; IPv6's two halves folded.
#[inline]
const fn halves(address: Address) -> u64 {
    address.high().wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ address.low()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(a: u8, source: u16, b: u8, destination: u16) -> FiveTuple {
        let end = |host, port| Endpoint { address: Address::v4([10, 0, 0, host]), port };
        FiveTuple { source: end(a, source), destination: end(b, destination), transport: Transport::Tcp }
    }

    #[test]
    fn both_directions_share_the_key() {
        let there = tuple(1, 50_000, 2, 5061);
        let (key, low) = FlowKey::new(&there);
        assert_eq!(FlowKey::new(&there.reversed()), (key, !low));
    }

    #[test]
    fn transport_and_ports_tell_flows_apart() {
        let a = tuple(1, 50_000, 2, 5061);
        let udp = FiveTuple { transport: Transport::Udp, ..a };
        assert_ne!(FlowKey::new(&a).0, FlowKey::new(&udp).0);
        assert_ne!(FlowKey::new(&a).0, FlowKey::new(&tuple(1, 50_001, 2, 5061)).0);
    }

    #[test]
    fn hashes_spread() {
        let hasher = KeyHasher::new();
        let mut buckets = [0_u32; 64];
        for port in 0..64_000_u16 {
            buckets[hasher.hash(&FlowKey::new(&tuple(1, port, 2, 5061)).0) as usize % 64] += 1;
        }
        assert!(buckets.iter().all(|&n| (700..1300).contains(&n)), "{buckets:?}");
    }
}
