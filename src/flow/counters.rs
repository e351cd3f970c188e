//! What every packet updates: counters each way and a coarse distribution of frame lengths.
//!
//! In: frame and payload lengths. Out: sums, minimum, maximum and fifteen buckets in about one cache line.
//! Must not know: addresses, time, protocols.

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Frame lengths on the wire.
    pub bytes: u64,
    /// Transport payload lengths on the wire.
    pub payload_bytes: u64,
}

impl Counters {
    #[inline]
    pub(super) fn count(&mut self, wire_length: u32, payload_length: u32) {
        self.packets += 1;
        self.bytes += u64::from(wire_length);
        self.payload_bytes += u64::from(payload_length);
    }
}

/// Number of length buckets.
const BUCKETS: usize = 15;

/// First length of each bucket: half octaves where frames live, octaves above.
const FLOORS: [u32; BUCKETS] = [0, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192, 16384];

/// Frame lengths of one flow. Exact lengths would cost kilobytes a flow; a service's percentiles need no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    buckets: [u32; BUCKETS],
    /// Shortest frame; meaningless before the first.
    pub minimum: u32,
    /// Longest frame.
    pub maximum: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], minimum: u32::MAX, maximum: 0 }
    }
}

impl Sizes {
    #[inline]
    pub(super) fn count(&mut self, length: u32) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(length)) {
            *bucket = bucket.saturating_add(1);
        }
        self.minimum = self.minimum.min(length);
        self.maximum = self.maximum.max(length);
    }

    /// `(length, frames)` of every bucket that is not empty; the length is the largest the bucket's frames can have.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let ceilings = FLOORS.iter().skip(1).map(|&floor| floor - 1).chain([u32::MAX]);
        self.buckets
            .iter()
            .zip(ceilings)
            .filter(|&(&frames, _)| frames > 0)
            .map(|(&frames, ceiling)| (ceiling.min(self.maximum), frames))
    }
}

/// The bucket of a length, by its highest bits: no search, no branch misprediction.
#[inline]
const fn bucket_of(length: u32) -> usize {
    if length < 64 {
        return 0;
    }
    let octave = length.ilog2() as usize;
    if octave >= 11 {
        return if octave > 14 { 14 } else { octave };
    }
    let upper_half = (length >> (octave - 1)) as usize & 1;
    2 * (octave - 6) + 1 + upper_half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_the_floors() {
        for length in 0..70_000_u32 {
            let expected = FLOORS.iter().rposition(|&floor| floor <= length).unwrap();
            assert_eq!(bucket_of(length), expected, "length {length}");
        }
        assert_eq!(bucket_of(u32::MAX), 14);
    }

    #[test]
    fn percentile_lengths_never_exceed_the_longest_frame() {
        let mut sizes = Sizes::default();
        for length in [60, 66, 1514, 1514] {
            sizes.count(length);
        }
        assert_eq!(sizes.iter().collect::<Vec<_>>(), [(63, 1), (95, 1), (1514, 2)]);
        assert_eq!((sizes.minimum, sizes.maximum), (60, 1514));
    }
}
