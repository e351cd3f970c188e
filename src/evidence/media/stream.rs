//! The quality of one RTP stream: what was lost, doubled, out of order, late.
//!
//! In: its packets' headers, times and lengths as they come. Out: [`Stream`], of fixed size.
//! Must not know: STUN, relays, rows.

use super::{Medium, is_event, known};
use crate::decode::Packet;
use crate::evidence::signature::rtp::Header;
use crate::net::{Direction, Timestamp};

/// One RTP stream: one SSRC in one direction. (RFC 3550 §6.4.1, A.1, A.3, A.8.)
#[derive(Clone, Debug)]
pub struct Stream {
    /// Which way it travels.
    pub direction: Direction,
    /// Its latest payload type, telephone events and comfort noise apart.
    pub payload_type: u8,
    /// Jitter was measured at least once.
    measured: bool,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Packets that arrived.
    pub packets: u64,
    /// Bytes of RTP on the wire, headers of RTP included.
    pub bytes: u64,
    /// Time of the first packet.
    pub first_seen: Timestamp,
    /// Time of the latest.
    pub last_seen: Timestamp,
    /// Code points seen (RFC 2474), one bit each.
    pub dscp: u64,
    /// The longest time without a packet, in nanoseconds.
    pub longest_silence_ns: u64,
    /// Packets that came again, as far as the last 64 numbers tell.
    pub duplicates: u32,
    /// Packets that came after one with a higher number.
    pub reordered: u32,
    /// Packets far from the others, and no beginning of another count either.
    strays: u32,
    /// The number after a stray's: if it comes, the sender counts anew.
    restart: Option<u16>,
    /// Lowest and highest number since the sender began to count, extended by how often it wrapped.
    lowest: u32,
    highest: u32,
    /// Numbers of earlier counts.
    earlier: u64,
    /// Which of the 64 numbers up to the highest came: bit 0 is the highest.
    window: u64,
    /// Arrival and timestamp that the next packet is measured against, and its clock rate; 0: none.
    reference: (Timestamp, u32, u32),
    /// Sixteen times the jitter, in units of 100 ns, and its highest.
    jitter: u32,
    peak: u32,
    /// Time between the packets measured, by the capture's clock and by the sender's, in units of 8192 ns.
    arrived: u32,
    due: u32,
}

const _: () = assert!(size_of::<Stream>() <= 128);

/// RFC 3550 A.1: a gap, and a step back, that are still the same count.
const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 100;

/// What no network does to a packet: the sender's timestamps jumped.
const DISCONTINUITY_NS: u64 = 5_000_000_000;

/// Where a sequence number stands.
#[derive(PartialEq, Eq)]
enum Place {
    Counted,
    Again,
    Stray,
    Restarted,
}

impl Stream {
    /// Before its first packet.
    pub(super) const fn begin(direction: Direction, header: &Header, at: Timestamp) -> Self {
        // One wrap ahead, so that packets from before the first have a number too.
        let first = 0x1_0000 + header.sequence as u32;
        Self {
            direction,
            payload_type: header.payload_type,
            measured: false,
            ssrc: header.ssrc,
            packets: 0,
            bytes: 0,
            first_seen: at,
            last_seen: at,
            dscp: 0,
            longest_silence_ns: 0,
            duplicates: 0,
            reordered: 0,
            strays: 0,
            restart: None,
            lowest: first,
            highest: first,
            earlier: 0,
            window: 0,
            reference: (at, 0, 0),
            jitter: 0,
            peak: 0,
            arrived: 0,
            due: 0,
        }
    }

    /// A stream of so many packets, of which so many more were lost; its jitter is 1.5 ms.
    #[cfg(test)]
    pub(crate) fn example(
        direction: Direction,
        payload_type: u8,
        packets: u64,
        lost: u64,
        (first_seen, last_seen): (Timestamp, Timestamp),
    ) -> Self {
        let ssrc = 0x2f1a_0000 | u32::from(payload_type);
        let header = Header { payload_type, marker: false, sequence: 0, timestamp: 0, ssrc };
        let begun = Self::begin(direction, &header, first_seen);
        let highest = begun.lowest + (packets + lost) as u32 - 1;
        Self { packets, last_seen, highest, measured: true, jitter: (1_500_000 / 100) << 4, ..begun }
    }

    /// Takes note of one packet, whose RTP is `length` bytes on the wire.
    pub(super) fn count(&mut self, header: &Header, packet: &Packet<'_>, length: usize) {
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(length as u64);
        self.dscp |= 1 << (packet.dscp & 63);
        let silence = u64::try_from(packet.at.since(self.last_seen)).unwrap_or(0);
        self.longest_silence_ns = self.longest_silence_ns.max(silence);
        self.last_seen = self.last_seen.max(packet.at);
        if !is_event(header.payload_type) || is_event(self.payload_type) {
            self.payload_type = header.payload_type;
        }
        match self.place(header.sequence) {
            Place::Counted => self.measure(header, packet.at),
            Place::Restarted => {
                self.reference.2 = 0;
                self.measure(header, packet.at);
            }
            Place::Again | Place::Stray => {}
        }
    }

    /// RFC 3550 A.1, without its probation: the flow is proven already.
    fn place(&mut self, sequence: u16) -> Place {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        if (1..MAX_DROPOUT).contains(&ahead) {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            self.window = self.window.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            return Place::Counted;
        }
        if behind < MAX_MISORDER {
            let bit = 1_u64.checked_shl(u32::from(behind)).unwrap_or(0);
            if self.window & bit != 0 {
                self.duplicates = self.duplicates.saturating_add(1);
                return Place::Again;
            }
            self.window |= bit;
            self.lowest = self.lowest.min(self.highest.wrapping_sub(u32::from(behind)));
            self.reordered = self.reordered.saturating_add(u32::from(behind > 0));
            return Place::Counted;
        }
        if self.restart != Some(sequence) {
            self.restart = Some(sequence.wrapping_add(1));
            self.strays = self.strays.saturating_add(1);
            return Place::Stray;
        }
        // Two in a row elsewhere: the sender began anew, with the stray before this one.
        self.earlier = self.expected();
        self.strays = self.strays.saturating_sub(1);
        self.restart = None;
        self.highest = 0x1_0000 + u32::from(sequence);
        self.lowest = self.highest - 1;
        self.window = 0b11;
        Place::Restarted
    }

    /// Interarrival jitter, RFC 3550 A.8, in nanoseconds instead of timestamp units. As there, every packet is measured
    /// against the one that arrived before it, but for these: copies; comfort noise and telephone events, whose
    /// timestamps stand still; the first of a talk spurt (marker, audio only), whose timestamp need not have gone on in
    /// the silence; a change of the clock rate; a jump of more than five seconds, which is the sender's.
    fn measure(&mut self, header: &Header, at: Timestamp) {
        if is_event(header.payload_type) {
            return;
        }
        let Some(&(_, _, clock, medium)) = known(header.payload_type) else {
            self.reference.2 = 0;
            return;
        };
        let (then, timestamp, reference_clock) = std::mem::replace(&mut self.reference, (at, header.timestamp, clock));
        let spurt = header.marker && medium == Medium::Audio;
        if reference_clock != clock || spurt {
            return;
        }
        let units = i64::from(header.timestamp.wrapping_sub(timestamp).cast_signed());
        let due = units.saturating_mul(1_000_000_000) / i64::from(clock);
        let elapsed = at.since(then);
        let difference = elapsed.saturating_sub(due).unsigned_abs();
        if difference > DISCONTINUITY_NS {
            return;
        }
        let jitter = self.jitter + u32::try_from(difference / 100).unwrap_or(0);
        self.jitter = jitter - ((self.jitter + 8) >> 4).min(jitter);
        self.peak = self.peak.max(self.jitter);
        self.measured = true;
        let sum = |sum: u32, more: i64| sum.checked_add_signed(i32::try_from(more >> 13).ok()?);
        // A late packet goes back in its sender's time. The sums stop growing after nine hours.
        if let (Some(arrived), Some(due)) = (sum(self.arrived, elapsed), sum(self.due, due)) {
            (self.arrived, self.due) = (arrived, due);
        }
    }

    /// Whether the sender's time goes as fast as the capture's, to a third: else the clock rate is not the one that the
    /// payload type has in Lync. Below a tenth of a second nothing can be said.
    const fn keeps_time(&self) -> bool {
        let (arrived, due) = (self.arrived as u64, self.due as u64);
        arrived < 100_000_000 >> 13 || (3 * due >= 2 * arrived && 2 * due <= 3 * arrived)
    }

    /// Packets that should have arrived: RFC 3550 A.3, over every count that the sender began.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.earlier.saturating_add(self.highest.wrapping_sub(self.lowest) as u64 + 1)
    }

    /// Packets that did not arrive. RFC 3550 A.3 takes copies for arrivals, so that they hide losses; here they are not.
    /// A gap of 3000 numbers or more is no loss but a sender that counts anew, as there.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        let extra = self.duplicates as u64 + self.strays as u64;
        self.expected().saturating_sub(self.packets.saturating_sub(extra))
    }

    /// Interarrival jitter at the end, in nanoseconds. None if no two packets could be compared, or the payload type's
    /// clock rate is not known, or plainly not the one that Lync gives this payload type.
    #[must_use]
    pub const fn jitter_ns(&self) -> Option<u64> {
        self.jitter_of(self.jitter)
    }

    /// The highest it ever was.
    #[must_use]
    pub const fn peak_jitter_ns(&self) -> Option<u64> {
        self.jitter_of(self.peak)
    }

    const fn jitter_of(&self, jitter: u32) -> Option<u64> {
        if self.measured && self.keeps_time() { Some(jitter as u64 * 100 / 16) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet;
    use super::*;

    const MS: i64 = 1_000_000;

    /// A stream of one source, fed packet by packet.
    struct Feed {
        stream: Option<Stream>,
        header: Header,
    }

    impl Feed {
        fn new(payload_type: u8) -> Self {
            let header = Header { payload_type, marker: false, sequence: 0, timestamp: 0, ssrc: 0x0102_0304 };
            Self { stream: None, header }
        }

        /// A packet with this number and timestamp at this time.
        fn packet(&mut self, at_ns: i64, sequence: u16, timestamp: u32) -> &mut Self {
            let header = Header { sequence, timestamp, ..self.header };
            let at = packet(at_ns, &[]);
            let begin = || Stream::begin(Direction::Forward, &header, at.at);
            self.stream.get_or_insert_with(begin).count(&header, &at, 172);
            self
        }

        /// These numbers, 20 ms and 160 units apart by their number.
        fn numbers(&mut self, sequences: impl IntoIterator<Item = u16>) -> &mut Self {
            for sequence in sequences {
                self.packet(i64::from(sequence) * 20 * MS, sequence, u32::from(sequence) * 160);
            }
            self
        }

        /// Packets, expected, lost, duplicates, reordered.
        fn sums(&self) -> (u64, u64, u64, u32, u32) {
            let s = self.stream();
            (s.packets, s.expected(), s.lost(), s.duplicates, s.reordered)
        }

        fn stream(&self) -> &Stream {
            self.stream.as_ref().unwrap()
        }
    }

    #[test]
    fn a_stream_without_faults() {
        let mut feed = Feed::new(0);
        feed.numbers(100..200);
        assert_eq!(feed.sums(), (100, 100, 0, 0, 0));
        let stream = feed.stream();
        assert_eq!((stream.jitter_ns(), stream.peak_jitter_ns()), (Some(0), Some(0)));
        assert_eq!((stream.bytes, stream.dscp), (17_200, 1 << 46));
        assert_eq!((stream.first_seen.0, stream.last_seen.0), (2_000 * MS, 3_980 * MS));
        assert_eq!(stream.longest_silence_ns, 20_000_000);
    }

    #[test]
    fn losses_copies_and_late_packets_are_told_apart() {
        let sums = |numbers: &[u16]| Feed::new(0).numbers(numbers.iter().copied()).sums();
        assert_eq!(sums(&[5]), (1, 1, 0, 0, 0));
        assert_eq!(sums(&[5, 6, 9]), (3, 5, 2, 0, 0), "two lost");
        assert_eq!(sums(&[5, 6, 8, 7, 9]), (5, 5, 0, 0, 1), "one late");
        assert_eq!(sums(&[5, 6, 6, 6, 7]), (5, 3, 0, 2, 0), "two copies");
        assert_eq!(sums(&[5, 5, 8]), (3, 4, 2, 1, 0), "a copy does not make up for a loss");
        assert_eq!(sums(&[5, 8, 7, 7, 6, 9]), (6, 5, 0, 1, 2), "a copy of a late one");
        assert_eq!(sums(&[5, 4, 3, 6]), (4, 4, 0, 0, 2), "from before the first");
        assert_eq!(sums(&[10, 80, 11]), (3, 71, 68, 0, 1), "too late to tell a copy");
        assert_eq!(sums(&[0, 2999]), (2, 3000, 2998, 0, 0), "the longest gap");
    }

    #[test]
    fn numbers_wrap() {
        let wrap = (0..20).map(|n: u16| n.wrapping_add(0xfff6));
        let mut feed = Feed::new(0);
        for (n, sequence) in (0_u8..).zip(wrap) {
            feed.packet(i64::from(n) * 20 * MS, sequence, u32::MAX - 1600 + u32::from(n) * 160);
            if n == 9 {
                // The timestamp wraps too.
                break;
            }
        }
        assert_eq!(feed.sums(), (10, 10, 0, 0, 0));
        feed.packet(200 * MS, 1, u32::MAX.wrapping_add(161));
        feed.packet(201 * MS, 0, u32::MAX.wrapping_add(1));
        feed.packet(202 * MS, 0xffff, u32::MAX - 160);
        assert_eq!(feed.sums(), (13, 12, 0, 1, 1), "late over the wrap, and a copy");
        let mut feed = Feed::new(0);
        for _ in 0..3 {
            feed.numbers(0..=u16::MAX);
        }
        assert_eq!(feed.sums(), (3 << 16, 3 << 16, 0, 0, 0));
        // From before the first, over the wrap.
        let mut feed = Feed::new(0);
        feed.numbers([0, 0xffff, 1]);
        assert_eq!(feed.sums(), (3, 3, 0, 0, 1));
    }

    #[test]
    fn a_sender_may_count_anew() {
        let mut feed = Feed::new(0);
        feed.numbers([10, 11, 12, 30_000, 30_001, 30_002]);
        assert_eq!(feed.sums(), (6, 6, 0, 0, 0));
        // One stray is neither expected nor lost.
        let mut feed = Feed::new(0);
        feed.numbers([10, 11, 30_000, 12, 13]);
        assert_eq!(feed.sums(), (5, 4, 0, 0, 0));
        // Strays that do not follow each other begin nothing.
        let mut feed = Feed::new(0);
        feed.numbers([10, 20_000, 30_000, 40_000, 50_000, 11]);
        assert_eq!(feed.sums(), (6, 2, 0, 0, 0));
        // Losses of the first count stay.
        let mut feed = Feed::new(0);
        feed.numbers([10, 14, 5_000, 5_001]);
        assert_eq!(feed.sums(), (4, 7, 3, 0, 0));
    }

    #[test]
    fn jitter_is_the_rfc_s() {
        // Every other packet 8 ms late: each difference is 8 ms, so that the jitter goes to 8 ms.
        let mut feed = Feed::new(0);
        let mut expected = 0.0;
        for n in 0..200_u16 {
            let late = if n % 2 == 1 { 8 * MS } else { 0 };
            feed.packet(i64::from(n) * 20 * MS + late, n, u32::from(n) * 160);
            if n > 0 {
                expected += (8e6 - expected) / 16.0;
            }
            let jitter = feed.stream().jitter_ns();
            assert_eq!(jitter.is_some(), n > 0);
            assert!((jitter.unwrap_or(0) as f64 - expected).abs() < 1_000.0, "{n}: {jitter:?} {expected}");
        }
        assert_eq!(feed.stream().peak_jitter_ns().map(|ns| ns / 100_000), Some(79));
    }

    #[test]
    fn a_lost_packet_is_no_jitter() {
        let mut feed = Feed::new(9);
        feed.numbers([1, 2, 5, 6, 50, 51]);
        assert_eq!(feed.stream().jitter_ns(), Some(0));
        assert_eq!(feed.stream().longest_silence_ns, 880_000_000);
    }

    #[test]
    fn telephone_events_and_noise_do_not_poison_it() {
        let mut feed = Feed::new(0);
        feed.numbers(0..10);
        feed.header.payload_type = 101;
        for n in 10..20 {
            // One event: the timestamp stands still.
            feed.packet(i64::from(n) * 20 * MS, n, 1600);
        }
        feed.header.payload_type = 13;
        feed.packet(400 * MS + 7 * MS, 20, 3200);
        feed.header.payload_type = 0;
        feed.numbers(21..30);
        let stream = feed.stream();
        assert_eq!((stream.peak_jitter_ns(), stream.payload_type), (Some(0), 0));
        assert_eq!(feed.sums(), (30, 30, 0, 0, 0));
    }

    #[test]
    fn talk_spurts_and_jumps_begin_anew() {
        let mut feed = Feed::new(114);
        for n in 0..10_u16 {
            feed.packet(i64::from(n) * 20 * MS, n, u32::from(n) * 320);
        }
        // Two seconds of silence in which the sender's clock stood still, then a marker.
        feed.header.marker = true;
        feed.packet(2_200 * MS, 10, 3200);
        feed.header.marker = false;
        for n in 11..20_u16 {
            feed.packet(2_200 * MS + i64::from(n - 10) * 20 * MS, n, u32::from(n) * 320);
        }
        // A jump without one, by hours.
        for n in 20..30_u16 {
            feed.packet(2_200 * MS + i64::from(n - 10) * 20 * MS, n, u32::from(n) * 320 + 0x4000_0000);
        }
        assert_eq!(feed.stream().peak_jitter_ns(), Some(0));
        // Of video the marker ends a picture, and says nothing about time.
        let mut feed = Feed::new(122);
        feed.header.marker = true;
        feed.packet(0, 0, 0).packet(10 * MS, 1, 0);
        assert_eq!(feed.stream().jitter_ns(), Some(625_000));
    }

    #[test]
    fn another_payload_type_is_another_clock() {
        let mut feed = Feed::new(114);
        for n in 0..10_u16 {
            feed.packet(i64::from(n) * 20 * MS, n, u32::from(n) * 320);
        }
        feed.header.payload_type = 0;
        for n in 10..20_u16 {
            feed.packet(i64::from(n) * 20 * MS, n, 77 + u32::from(n) * 160);
        }
        assert_eq!((feed.stream().peak_jitter_ns(), feed.stream().payload_type), (Some(0), 0));
        // Unknown ones have none.
        let mut feed = Feed::new(98);
        feed.numbers(0..10);
        assert_eq!(feed.stream().jitter_ns(), None);
    }

    #[test]
    fn a_clock_that_does_not_keep_time_is_not_believed() {
        // Opus at 48 kHz under the number that is SIREN's in Lync.
        let mut feed = Feed::new(111);
        for n in 0..50_u16 {
            feed.packet(i64::from(n) * 20 * MS, n, u32::from(n) * 960);
        }
        assert_eq!((feed.stream().jitter_ns(), feed.stream().peak_jitter_ns()), (None, None));
        assert_eq!(feed.sums(), (50, 50, 0, 0, 0));
    }

    #[test]
    fn time_may_go_backwards_and_values_be_extreme() {
        let mut feed = Feed::new(0);
        for n in 0..200_u16 {
            let at = if n % 2 == 0 { i64::MIN } else { i64::MAX };
            feed.packet(at, n.wrapping_mul(0x3333), u32::from(n).wrapping_mul(0x8000_0001));
        }
        let stream = feed.stream();
        assert!(stream.lost() <= stream.expected());
        assert_eq!(stream.last_seen.0, i64::MAX);
        let mut feed = Feed::new(0);
        feed.packet(0, 0, 0).packet(5_000 * MS, 1, 0x8000_0000).packet(-5_000 * MS, 2, 0);
        assert_eq!(feed.stream().jitter_ns(), None);
    }

    /// Streams seen in captures, as microseconds and timestamps since the first packet, against Wireshark's figures.
    #[test]
    fn it_says_what_wireshark_says() {
        let g729 = [(0, 0), (19_897, 160), (39_916, 320), (59_916, 480), (79_912, 640)];
        let pcma = [
            (0, 0),
            (69_947, 160),
            (73_480, 320),
            (79_146, 480),
            (81_253, 640),
            (116_066, 800),
            (117_961, 960),
            (155_589, 1120),
            (162_625, 1280),
        ];
        let h263 = [
            (0, 0),
            (1_926, 0),
            (62_939, 5670),
            (64_925, 5670),
            (129_991, 11_790),
            (131_901, 11_790),
            (133_907, 11_790),
            (201_071, 18_090),
            (202_973, 18_090),
            (204_975, 18_090),
            (206_965, 18_090),
            (258_003, 23_310),
            (259_942, 23_310),
            (337_003, 30_330),
            (338_971, 30_330),
        ];
        // Payload type, packets, mean and highest jitter in microseconds. Where several packets share a timestamp its
        // mean is another (692).
        let cases = [(18, &g729[..], 7, 7), (8, &pcma[..], 5_646, 7_799), (34, &h263[..], 844, 1_431)];
        for (payload_type, packets, mean, peak) in cases {
            let mut feed = Feed::new(payload_type);
            let mut sum = 0;
            for (n, &(us, timestamp)) in (0_u16..).zip(packets) {
                feed.packet(us * 1_000, n, timestamp);
                sum += feed.stream().jitter_ns().unwrap_or(0);
            }
            let microseconds = |ns: u64| (ns + 500) / 1_000;
            let measured = packets.len() as u64 - 1;
            assert_eq!(microseconds(sum / measured), mean, "{payload_type}");
            assert_eq!(feed.stream().peak_jitter_ns().map(microseconds), Some(peak), "{payload_type}");
        }
    }
}
