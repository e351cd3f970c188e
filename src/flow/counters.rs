//! What every packet updates: counters each way and a coarse distribution of frame lengths.
//!
//! In: frame and payload lengths. Out: sums, minimum, maximum and fifteen buckets in 68 bytes, exact for any number of
//! packets. Must not know: addresses, time, protocols.
//!
//! The numbers here are as narrow as most flows need them. What does not fit goes to [`Wide`], which few flows have and
//! which those touch once in 256 packets.

use crate::net::{Both, Direction};

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

/// Number of length buckets.
const BUCKETS: usize = 15;

/// First length of each bucket: half octaves where frames live, octaves above.
const FLOORS: [u32; BUCKETS] = [0, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192, 16384];

/// How much each end sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Volume {
    bytes: Both<u64>,
    payload_bytes: Both<u64>,
    packets: Both<u32>,
}

/// How long the frames were.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    /// Shortest and longest frame below [`LONG`].
    shortest: u16,
    longest: u16,
    buckets: [u8; BUCKETS],
}

/// Frames of so many bytes are told by [`Wide`]; only loopback and network cards that join segments have them.
const LONG: u16 = u16::MAX;

/// What does not fit there.
#[derive(Clone, Debug, Default)]
pub(super) struct Wide {
    /// How often each number began again at 0.
    packets: Both<u32>,
    buckets: [u64; BUCKETS],
    /// Shortest and longest frame of [`LONG`] bytes or more.
    long: Option<(u32, u32)>,
}

impl Default for Lengths {
    fn default() -> Self {
        Self { shortest: LONG, longest: 0, buckets: [0; BUCKETS] }
    }
}

impl Volume {
    /// Counts a packet; `wide` is made where it is needed. Returns whether it was.
    #[inline]
    pub(super) fn count(&mut self, direction: Direction, lengths: (u32, u32), wide: &mut Option<Box<Wide>>) -> bool {
        let (wire_length, payload_length) = lengths;
        *self.bytes.of_mut(direction) += u64::from(wire_length);
        *self.payload_bytes.of_mut(direction) += u64::from(payload_length);
        let packets = self.packets.of_mut(direction);
        *packets = packets.wrapping_add(1);
        *packets == 0 && widen(wide, |wide| *wide.packets.of_mut(direction) += 1)
    }

    /// Packets and bytes each way.
    pub(super) const fn counters(&self, wide: Option<&Wide>) -> Both<Counters> {
        Both { forward: self.one_way(Direction::Forward, wide), reverse: self.one_way(Direction::Reverse, wide) }
    }

    const fn one_way(&self, direction: Direction, wide: Option<&Wide>) -> Counters {
        Counters {
            packets: self.packets(direction, wide),
            bytes: *self.bytes.of(direction),
            payload_bytes: *self.payload_bytes.of(direction),
        }
    }

    /// Packets of one direction.
    #[inline]
    pub(super) const fn packets(&self, direction: Direction, wide: Option<&Wide>) -> u64 {
        let laps = match wide {
            Some(wide) => *wide.packets.of(direction),
            None => 0,
        };
        (laps as u64) << 32 | *self.packets.of(direction) as u64
    }

    /// As if so many packets and bytes had been counted.
    #[cfg(test)]
    pub(super) fn stated(counters: Both<Counters>) -> Self {
        let of = |of: fn(&Counters) -> u64| Both { forward: of(&counters.forward), reverse: of(&counters.reverse) };
        let packets = of(|of| of.packets);
        Self {
            bytes: of(|of| of.bytes),
            payload_bytes: of(|of| of.payload_bytes),
            packets: Both { forward: packets.forward as u32, reverse: packets.reverse as u32 },
        }
    }
}

impl Lengths {
    /// Counts a frame; `wide` is made where it is needed. Returns whether it was.
    #[inline]
    pub(super) fn count(&mut self, wire_length: u32, wide: &mut Option<Box<Wide>>) -> bool {
        let short = u16::try_from(wire_length).unwrap_or(LONG);
        self.shortest = self.shortest.min(short);
        self.longest = self.longest.max(short);
        let Some(bucket) = self.buckets.get_mut(bucket_of(wire_length)) else { return false };
        *bucket = bucket.wrapping_add(1);
        let lap = *bucket == 0;
        (lap || short == LONG) && widen(wide, |wide| wide.take(lap, wire_length))
    }

    /// Distribution of frame lengths.
    pub(super) fn sizes(&self, wide: Option<&Wide>) -> Sizes {
        let laps = wide.map_or([0; BUCKETS], |wide| wide.buckets);
        let mut sizes = Sizes { buckets: laps.map(|laps| laps << 8), minimum: u32::MAX, maximum: 0 };
        sizes.buckets.iter_mut().zip(self.buckets).for_each(|(of, more)| *of += u64::from(more));
        let (shortest, longest) = wide.and_then(|wide| wide.long).unwrap_or((u32::MAX, 0));
        sizes.minimum = if self.shortest == LONG { shortest } else { self.shortest.into() };
        sizes.maximum = if self.longest == LONG { longest } else { self.longest.into() };
        sizes
    }
}

/// Lets `take` note something. Returns whether there was nothing noted before.
#[cold]
fn widen(wide: &mut Option<Box<Wide>>, take: impl FnOnce(&mut Wide)) -> bool {
    let is_new = wide.is_none();
    take(wide.get_or_insert_default());
    is_new
}

impl Wide {
    /// Takes note of a bucket that began again at 0, or of a long frame, or of both.
    fn take(&mut self, lap: bool, length: u32) {
        if let Some(laps) = self.buckets.get_mut(bucket_of(length)) {
            *laps += u64::from(lap);
        }
        if length >= u32::from(LONG) {
            let (shortest, longest) = self.long.unwrap_or((length, length));
            self.long = Some((shortest.min(length), longest.max(length)));
        }
    }
}

/// Frame lengths of one flow. Exact lengths would cost kilobytes a flow; a service's percentiles need no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    buckets: [u64; BUCKETS],
    /// Shortest frame; meaningless before the first.
    pub minimum: u32,
    /// Longest frame.
    pub maximum: u32,
}

impl Sizes {
    /// `(length, frames)` of every bucket that is not empty; the length is the largest the bucket's frames can have.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
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

    const FORWARD: Direction = Direction::Forward;

    fn counted(lengths: impl IntoIterator<Item = u32>) -> (Counters, Sizes, bool) {
        let (mut volume, mut counted, mut wide) = (Volume::default(), Lengths::default(), None);
        for length in lengths {
            volume.count(FORWARD, (length, 0), &mut wide);
            counted.count(length, &mut wide);
        }
        (volume.counters(wide.as_deref()).forward, counted.sizes(wide.as_deref()), wide.is_some())
    }

    #[test]
    fn percentile_lengths_never_exceed_the_longest_frame() {
        let (_, sizes, wide) = counted([60, 66, 1514, 1514]);
        assert!(!wide, "few flows need it");
        assert_eq!(sizes.iter().collect::<Vec<_>>(), [(63, 1), (95, 1), (1514, 2)]);
        assert_eq!((sizes.minimum, sizes.maximum), (60, 1514));
    }

    #[test]
    fn any_number_of_frames_of_any_length_is_counted() {
        let lengths = |n: u32| [60, 60, 1514, 65_534, 65_535, 65_536, 262_144].into_iter().cycle().take(n as usize);
        for n in [3, 4, 5, 7, 255 * 7, 256 * 7, 257 * 7, 10_000] {
            let (counters, sizes, wide) = counted(lengths(n));
            assert_eq!(wide, n > 4);
            assert_eq!(sizes.iter().map(|(_, frames)| frames).sum::<u64>(), u64::from(n));
            assert_eq!((sizes.minimum, sizes.maximum), (60, lengths(n).max().unwrap()));
            assert_eq!((counters.packets, counters.bytes), (n.into(), lengths(n).map(u64::from).sum()));
        }
        let (_, sizes, _) = counted([70_000, 66_000]);
        assert_eq!((sizes.minimum, sizes.maximum), (66_000, 70_000));
        assert!(!counted([60; 255]).2 && counted([60; 256]).2);
    }

    #[test]
    fn packets_are_counted_beyond_32_bits() {
        let (mut volume, mut wide) = (Volume::default(), None);
        volume.packets.forward = u32::MAX;
        volume.count(FORWARD, (60, 0), &mut wide);
        volume.count(FORWARD, (60, 0), &mut wide);
        assert_eq!(volume.packets(FORWARD, wide.as_deref()), (1 << 32) + 1);
        assert_eq!(volume.packets(Direction::Reverse, wide.as_deref()), 0);
    }
}
