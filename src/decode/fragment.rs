//! What became of a fragmented datagram: only its first fragment says.
//!
//! In: first fragments' keys and fates, later fragments' keys. Out: the fate, while it is remembered.
//! Must not know: headers. Memory and time per fragment are bounded whatever comes in.

use super::network::{Datagram, Fragment};
use super::{Skip, Tunnel};
use crate::net::{Address, FiveTuple, Timestamp};

/// What all fragments of a datagram share (RFC 791, RFC 8200).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) id: u32,
    pub(super) protocol: u8,
}

impl Key {
    pub(super) fn of(datagram: &Datagram<'_>, fragment: Fragment) -> Self {
        let &Datagram { source, destination, .. } = datagram;
        Self { source, destination, id: fragment.id, protocol: fragment.protocol }
    }
}

/// What a first fragment tells the later ones: which flow they belong to, or why to none.
pub(super) type Fate = Result<Home, Skip>;

/// The flow of the innermost packet in a fragmented datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) tuple: FiveTuple,
    pub(super) tunnel: Tunnel,
    /// No header in the first fragment told how long the whole payload is, so each fragment has a part of it.
    pub(super) in_parts: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    fate: Fate,
    at: Timestamp,
}

/// Datagrams remembered: `SETS` × `WAYS` = 4,096, some 450 KiB, allocated when the first fragment comes.
const SETS: usize = 1024;
const WAYS: usize = 4;

/// How long, in capture time. RFC 8200 gives reassembly 60 seconds.
const TIME_LIMIT_NS: u64 = 60_000_000_000;

/// A set-associative table: a key has `WAYS` places, and the oldest of them makes room.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    entries: Vec<[Option<Entry>; WAYS]>,
}

impl Fragments {
    /// Remembers the fate of a first fragment. A reused identification replaces what it named before.
    pub(super) fn remember(&mut self, key: Key, fate: Fate, at: Timestamp) {
        if self.entries.is_empty() {
            self.entries = vec![[None; WAYS]; SETS];
        }
        let Some(set) = self.entries.get_mut(set_of(&key)) else { return };
        let same = set.iter().position(|e| e.is_some_and(|e| e.key == key));
        let slot = match same {
            Some(i) => set.get_mut(i),
            // An empty place sorts before every time.
            None => set.iter_mut().min_by_key(|e| e.map(|e| e.at)),
        };
        if let Some(slot) = slot {
            *slot = Some(Entry { key, fate, at });
        }
    }

    /// The fate of the datagram that a later fragment belongs to.
    pub(super) fn recall(&self, key: &Key, at: Timestamp) -> Option<Fate> {
        let set = self.entries.get(set_of(key))?;
        let entry = set.iter().flatten().find(|e| e.key == *key)?;
        // Merged captures step back in time; age counts either way.
        (at.since(entry.at).unsigned_abs() <= TIME_LIMIT_NS).then_some(entry.fate)
    }
}

/// Where a key lives. Unkeyed on purpose, so that equal runs give equal results; who forges collisions
/// only has his own fragments counted as orphans.
fn set_of(key: &Key) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |bits: u128| (bits >> 64) as u64 ^ bits as u64;
    let mut hash = fold(key.source.bits()).wrapping_mul(MIX);
    hash = (hash.rotate_left(32) ^ fold(key.destination.bits())).wrapping_mul(MIX);
    hash = (hash.rotate_left(32) ^ u64::from(key.id) ^ u64::from(key.protocol) << 32).wrapping_mul(MIX);
    (hash >> (u64::BITS - SETS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Endpoint, Transport};

    const SECOND: i64 = 1_000_000_000;

    fn key(id: u32) -> Key {
        Key { source: Address::v4([10, 0, 0, 1]), destination: Address::v4([10, 0, 0, 2]), id, protocol: 17 }
    }

    fn fate(port: u16) -> Fate {
        let end = |address, port| Endpoint { address, port };
        let Key { source, destination, .. } = key(0);
        let tuple =
            FiveTuple { source: end(source, port), destination: end(destination, 5060), transport: Transport::Udp };
        Ok(Home { tuple, tunnel: Tunnel::default(), in_parts: false })
    }

    /// What a table that saw `first` at second 100 says to `later` at another second.
    fn check(first: Key, later: Key, second: i64, expected: bool) {
        let mut table = Fragments::default();
        assert_eq!(table.recall(&later, Timestamp(0)), None);
        table.remember(first, fate(1), Timestamp(100 * SECOND));
        assert_eq!(table.recall(&later, Timestamp(second * SECOND)).is_some(), expected, "{later:?} at {second}");
    }

    #[test]
    fn every_part_of_the_key_counts() {
        check(key(7), key(7), 100, true);
        check(key(7), key(8), 100, false);
        check(key(7), Key { protocol: 6, ..key(7) }, 100, false);
        check(key(7), Key { source: key(7).destination, ..key(7) }, 100, false);
        check(key(7), Key { destination: Address::v6([0; 16]), ..key(7) }, 100, false);
        let v6 = Key { source: Address::v6([0xfd; 16]), destination: Address::v6([0xfe; 16]), ..key(7) };
        check(v6, v6, 100, true);
    }

    #[test]
    fn forgotten_after_a_minute_of_capture_time() {
        check(key(7), key(7), 160, true);
        check(key(7), key(7), 161, false);
        check(key(7), key(7), 40, true);
        check(key(7), key(7), 39, false);
    }

    #[test]
    fn extremes_of_time_do_not_overflow() {
        let mut table = Fragments::default();
        table.remember(key(1), fate(1), Timestamp::MIN);
        assert_eq!(table.recall(&key(1), Timestamp::MAX), None);
        assert_eq!(table.recall(&key(1), Timestamp::MIN), Some(fate(1)));
    }

    #[test]
    fn a_reused_identification_names_the_newer_datagram() {
        let mut table = Fragments::default();
        table.remember(key(1), fate(1), Timestamp(0));
        table.remember(key(1), fate(2), Timestamp(1));
        assert_eq!(table.recall(&key(1), Timestamp(2)), Some(fate(2)));
    }

    #[test]
    fn the_memory_is_what_it_says() {
        assert!(SETS * size_of::<[Option<Entry>; WAYS]>() <= 450 << 10);
    }

    #[test]
    fn the_table_stays_small_and_keeps_the_newest() {
        let mut table = Fragments::default();
        let last = 100_000;
        for id in 0..=last {
            table.remember(key(id), fate(1), Timestamp(i64::from(id)));
        }
        assert_eq!(table.entries.len(), SETS);
        let kept = (0..=last).filter(|&id| table.recall(&key(id), Timestamp(i64::from(last))).is_some()).count();
        assert_eq!(kept, SETS * WAYS, "the hash reaches every set");
        assert!(table.recall(&key(last), Timestamp(0)).is_some());
        assert!(table.recall(&key(0), Timestamp(0)).is_none());
    }
}
