//! The first bytes of one direction of a TCP connection, put in order.
//!
//! In: segments as they come: repeated, overlapping, out of order, cut by the snaplen. Out: [`Prefix`].
//! Must not know: what the bytes mean, ports, the other direction.
//!
//! Where two segments carry the same byte, the first captured counts. All positions are counted from the first byte
//! kept, so sequence numbers may wrap around.

use super::signature::Prefix;

/// In-order bytes kept of one direction.
pub(super) const LIMIT: usize = 32 * 1024;

/// Pieces kept beyond a hole, and segments that lie beyond the limit meanwhile.
const PIECES: usize = 32;

/// What is further away than this belongs to another connection, or to none.
const FAR: u32 = 1024 * 1024;

/// How far before the first byte seen an earlier one may begin, where no SYN tells.
const EARLIER: usize = 64 * 1024;

/// Room kept for the next connection.
const KEPT: usize = 2 * 1024;

/// The first bytes of one direction, and what waits for a hole to be filled.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembled {
    bytes: Vec<u8>,
    /// In order of position; they neither overlap nor reach the in-order bytes.
    pieces: Vec<Piece>,
    /// Sequence number of the first byte.
    begin: Option<u32>,
    /// Segments beyond the limit, while there is a hole.
    beyond: u8,
    from_start: bool,
    ended: bool,
}

/// Bytes beyond a hole.
#[derive(Clone, Debug)]
struct Piece {
    /// Position of the first.
    at: usize,
    bytes: Vec<u8>,
    /// Where they end on the wire: behind the last, or further where the snaplen cut them.
    end: usize,
}

impl Piece {
    /// Position behind the last.
    fn stop(&self) -> usize {
        self.at.saturating_add(self.bytes.len())
    }
}

impl Assembled {
    /// Takes in a segment; true if there are more bytes in order now, or other ones, or no more will come.
    ///
    /// `first_byte` is the sequence number of the connection's first byte of payload if its SYN was seen. Otherwise
    /// the stream begins with the first payload seen. `length` is the payload's length on the wire.
    pub(super) fn insert(&mut self, first_byte: Option<u32>, sequence: u32, payload: &[u8], length: u32) -> bool {
        let length = usize::try_from(length).unwrap_or(usize::MAX).max(payload.len());
        if length == 0 || self.ended {
            self.from_start |= first_byte.is_some() && first_byte == self.begin;
            return false;
        }
        // The only byte of a first segment is a keep-alive's: one before the window (RFC 9293 §3.8.4).
        if self.begin.is_none() && first_byte.is_none() && length == 1 {
            return false;
        }
        let begin = *self.begin.get_or_insert_with(|| first_byte.unwrap_or(sequence));
        self.from_start |= first_byte == Some(begin);
        let ahead = sequence.wrapping_sub(begin);
        let behind = begin.wrapping_sub(sequence);
        let grown = match (usize::try_from(ahead), usize::try_from(behind)) {
            (Ok(at), _) if ahead <= FAR => self.place(at, payload, at.saturating_add(length)),
            (_, Ok(behind)) if self.from_start && length > behind => {
                self.place(0, payload.get(behind..).unwrap_or_default(), length - behind)
            }
            (_, Ok(behind)) if !self.from_start && behind <= EARLIER && length > 1 => {
                self.place_before(behind, sequence, payload, length)
            }
            _ => false,
        };
        self.from_start |= self.begin == first_byte;
        grown
    }

    /// Whether a segment at `sequence` would begin the stream earlier than it seems to begin, where no SYN tells.
    pub(super) fn may_begin_at(&self, sequence: u32) -> bool {
        let behind = self.begin.map_or(0, |begin| begin.wrapping_sub(sequence));
        !self.ended && !self.from_start && (1..=EARLIER).contains(&(behind as usize))
    }

    /// What is in order.
    pub(super) fn view(&self) -> Prefix<'_> {
        Prefix { bytes: &self.bytes, from_start: self.from_start, ended: self.ended }
    }

    /// Bytes of heap that it holds.
    pub(super) fn held(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(|piece| piece.bytes.capacity()).sum();
        self.bytes.capacity() + pieces + self.pieces.capacity() * size_of::<Piece>()
    }

    /// Forgets everything, ready for another connection; some room is kept.
    pub(super) fn clear(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes.shrink_to(KEPT);
        *self = Self { bytes, ..Self::default() };
    }

    /// Takes in a segment at a position; `end` is where it ends on the wire.
    fn place(&mut self, at: usize, payload: &[u8], end: usize) -> bool {
        let before = self.bytes.len();
        if at > before {
            self.keep(at, payload, end);
        } else if self.pieces.is_empty() {
            append(&mut self.bytes, at, payload);
            self.settle(end);
        } else {
            // The pieces it overlaps were captured before it.
            let fresh = payload.get(before - at..).unwrap_or_default();
            self.fill(before, fresh, end);
            self.join(end);
        }
        self.ended || self.bytes.len() > before
    }

    /// Keeps a segment beyond a hole.
    fn keep(&mut self, at: usize, payload: &[u8], end: usize) {
        match payload.is_empty() || at >= LIMIT {
            true => self.beyond = self.beyond.saturating_add(1),
            false => self.fill(at, payload, end),
        }
        if self.pieces.len() + usize::from(self.beyond) > PIECES {
            self.finish();
        }
    }

    /// Adds the pieces that the in-order bytes reach.
    fn join(&mut self, mut end: usize) {
        let Self { bytes, pieces, .. } = self;
        let mut used = 0;
        for piece in pieces.iter() {
            if piece.at > bytes.len() {
                break;
            }
            append(bytes, piece.at, &piece.bytes);
            end = end.max(piece.end);
            used += 1;
        }
        pieces.drain(..used);
        self.settle(end);
    }

    /// Ends it at the limit, and where what was taken in ends later on the wire: what the snaplen cut off nobody
    /// brings back.
    fn settle(&mut self, end: usize) {
        if self.bytes.len() >= LIMIT || self.bytes.len() < end {
            self.finish();
        }
    }

    /// Adds what no piece has yet.
    fn fill(&mut self, at: usize, payload: &[u8], end: usize) {
        let payload = payload.get(..LIMIT.saturating_sub(at)).unwrap_or(payload);
        let stop = at.saturating_add(payload.len());
        let (mut next, mut index) = (at, 0);
        while next < stop {
            let gap = match self.pieces.get(index) {
                Some(piece) if piece.at <= next => {
                    next = next.max(piece.stop());
                    index += 1;
                    continue;
                }
                Some(piece) => piece.at.min(stop),
                None => stop,
            };
            let fresh = payload.get(next - at..gap - at).unwrap_or_default();
            self.put(index, next, fresh, if gap == stop { end } else { gap });
            next = gap;
        }
    }

    /// Adds bytes before the piece at `index`: to the one before it, if they continue that.
    fn put(&mut self, index: usize, at: usize, fresh: &[u8], end: usize) {
        let previous = index.checked_sub(1).and_then(|previous| self.pieces.get_mut(previous));
        match previous.filter(|piece| piece.stop() == at && piece.end == at) {
            Some(piece) => {
                piece.bytes.extend_from_slice(fresh);
                piece.end = end;
            }
            None => self.pieces.insert(index, Piece { at, bytes: fresh.to_vec(), end }),
        }
    }

    /// Takes in a segment that begins `behind` bytes before the first byte seen, of a connection whose SYN was not: the
    /// stream begins there. What was in order goes on behind it, at once or when the hole between them is filled.
    fn place_before(&mut self, behind: usize, sequence: u32, payload: &[u8], length: usize) -> bool {
        self.begin = Some(sequence);
        for piece in &mut self.pieces {
            piece.at = piece.at.saturating_add(behind);
            piece.end = piece.end.saturating_add(behind);
        }
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            let end = behind.saturating_add(bytes.len());
            self.pieces.insert(0, Piece { at: behind, bytes, end });
        }
        self.pieces.retain_mut(|piece| {
            piece.bytes.truncate(LIMIT.saturating_sub(piece.at));
            !piece.bytes.is_empty()
        });
        self.place(0, payload, length);
        true
    }

    /// Nothing more will be in order.
    fn finish(&mut self) {
        self.ended = true;
        self.pieces = Vec::new();
    }
}

/// Adds to in-order bytes what a segment at a position within them has more, up to the limit.
fn append(bytes: &mut Vec<u8>, at: usize, payload: &[u8]) {
    let fresh = payload.get(bytes.len().saturating_sub(at)..).unwrap_or_default();
    let room = LIMIT.saturating_sub(bytes.len());
    bytes.extend_from_slice(fresh.get(..room).unwrap_or(fresh));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;

    /// The connection's first byte, near the end of the sequence numbers.
    const FIRST: u32 = u32::MAX - 1000;

    fn seq(offset: i64) -> u32 {
        (i64::from(FIRST) + offset) as u32
    }

    /// A stream whose SYN was seen, or not.
    struct Stream {
        assembled: Assembled,
        first_byte: Option<u32>,
    }

    impl Stream {
        fn known() -> Self {
            Self { assembled: Assembled::default(), first_byte: Some(FIRST) }
        }

        fn unknown() -> Self {
            Self { assembled: Assembled::default(), first_byte: None }
        }

        fn insert(&mut self, offset: i64, payload: &[u8]) -> bool {
            self.cut(offset, payload, payload.len())
        }

        fn cut(&mut self, offset: i64, payload: &[u8], length: usize) -> bool {
            let before = (self.assembled.bytes.clone(), self.assembled.ended);
            let begin = self.assembled.begin;
            let grown = self.assembled.insert(self.first_byte, seq(offset), payload, length as u32);
            let changed = before != (self.assembled.bytes.clone(), self.assembled.ended);
            assert!(grown == changed || grown && begin != self.assembled.begin);
            self.check();
            grown
        }

        /// What must always hold.
        fn check(&self) {
            let Assembled { bytes, pieces, beyond, .. } = &self.assembled;
            assert!(bytes.len() <= LIMIT);
            assert!(pieces.len() + usize::from(*beyond) <= PIECES + 1);
            let mut stop = bytes.len();
            for (index, piece) in pieces.iter().enumerate() {
                assert!(piece.at > stop || (index > 0 && piece.at == stop), "{} at {stop}", piece.at);
                assert!(!piece.bytes.is_empty() && piece.stop() <= LIMIT && piece.stop() <= piece.end);
                stop = piece.stop();
            }
            assert!(self.assembled.held() <= 5 * LIMIT);
        }

        fn state(&self) -> (&[u8], bool, bool) {
            let Prefix { bytes, from_start, ended } = self.assembled.view();
            (bytes, from_start, ended)
        }
    }

    #[test]
    fn segments_in_order_are_joined() {
        let mut stream = Stream::known();
        assert_eq!(stream.state(), (&b""[..], false, false));
        assert!(stream.insert(0, b"REGIS"));
        assert!(stream.insert(5, b"TER"));
        assert!(!stream.insert(8, b""));
        assert_eq!(stream.state(), (&b"REGISTER"[..], true, false));
    }

    #[test]
    fn what_comes_again_changes_nothing_and_the_first_captured_counts() {
        let mut stream = Stream::known();
        stream.insert(0, b"abcdef");
        assert!(!stream.insert(0, b"ABCDEF"));
        assert!(!stream.insert(5, b"F"), "a keep-alive probe");
        assert!(!stream.insert(-1, b"Z"), "and one before the first byte");
        assert!(stream.insert(3, b"xxxghi"));
        assert!(stream.insert(-3, b"YYYxxxxxxxxxj"));
        assert_eq!(stream.state().0, b"abcdefghij");
    }

    #[test]
    fn a_hole_is_filled_and_pieces_keep_their_first_bytes() {
        let mut stream = Stream::known();
        assert!(!stream.insert(6, b"gh"));
        assert!(!stream.insert(10, b"kl"));
        assert!(!stream.insert(5, b"fGHijKLmn"));
        assert_eq!(stream.state(), (&b""[..], true, false));
        assert!(stream.insert(0, b"abc"));
        assert!(stream.insert(2, b"Cde"));
        assert_eq!(stream.state(), (&b"abcdefghijklmn"[..], true, false));
        assert!(stream.assembled.pieces.is_empty());
    }

    #[test]
    fn pieces_that_continue_each_other_are_one() {
        let mut stream = Stream::known();
        for at in 1..2000 {
            stream.insert(at, b"x");
        }
        assert_eq!(stream.assembled.pieces.len(), 1);
        assert!(stream.insert(0, b"x"));
        assert_eq!(stream.state(), (&[b'x'; 2000][..], true, false));
    }

    #[test]
    fn a_lost_segment_ends_it_once_enough_pieces_wait() {
        let mut stream = Stream::known();
        stream.insert(0, b"abc");
        for piece in 0..PIECES as i64 {
            assert!(!stream.insert(5 + 2 * piece, b"x"));
        }
        assert!(stream.insert(1000, b"x"));
        assert_eq!(stream.state(), (&b"abc"[..], true, true));
        assert!(!stream.insert(3, b"d"), "too late");
        assert!(stream.assembled.pieces.is_empty());
    }

    #[test]
    fn a_lost_segment_ends_it_once_the_stream_is_beyond_the_limit() {
        let mut stream = Stream::known();
        let segments = (1..200).take_while(|segment| !stream.insert(segment * 1460, &[b'x'; 1460])).count();
        assert!((LIMIT / 1460..LIMIT / 1460 + PIECES).contains(&segments), "{segments}");
        assert_eq!(stream.state(), (&b""[..], true, true));
    }

    #[test]
    fn the_limit_ends_it() {
        let mut stream = Stream::known();
        let segment = [b'x'; 1460];
        let segments = (0..).take_while(|&segment_number| {
            stream.insert(segment_number * 1460, &segment);
            !stream.state().2
        });
        assert_eq!(segments.count(), LIMIT / 1460);
        assert_eq!(stream.state(), (&[b'x'; LIMIT][..], true, true));
        let mut at_once = Stream::known();
        assert!(at_once.insert(0, &[b'x'; 65_000]));
        assert_eq!(at_once.state(), (&[b'x'; LIMIT][..], true, true));
    }

    #[test]
    fn what_the_snaplen_cut_is_missing_for_ever() {
        let mut stream = Stream::known();
        stream.insert(0, b"abc");
        assert!(stream.cut(3, b"de", 100));
        assert_eq!(stream.state(), (&b"abcde"[..], true, true));
        assert!(!stream.insert(5, b"f"));

        let mut nothing = Stream::known();
        assert!(nothing.cut(0, b"", 100));
        assert_eq!(nothing.state(), (&b""[..], true, true));
    }

    #[test]
    fn a_cut_piece_ends_it_when_its_turn_comes() {
        let mut stream = Stream::known();
        assert!(!stream.cut(3, b"de", 10));
        assert!(!stream.insert(13, b"x"));
        assert!(stream.insert(0, b"abc"));
        assert_eq!(stream.state(), (&b"abcde"[..], true, true));
    }

    #[test]
    fn what_a_piece_holds_is_not_missing() {
        let mut stream = Stream::known();
        assert!(!stream.insert(5, b"fgh"));
        assert!(stream.cut(0, b"abcde", 8));
        assert_eq!(stream.state(), (&b"abcdefgh"[..], true, false));
    }

    #[test]
    fn what_is_far_away_is_ignored() {
        for mut stream in [Stream::known(), Stream::unknown()] {
            stream.insert(0, b"abc");
            for far in [i64::from(FAR) + 1, -i64::from(FAR) - 1, 1 << 31, -(1 << 30)] {
                assert!(!stream.insert(far, b"xyz"), "{far}");
            }
            assert_eq!((stream.state().0, stream.assembled.beyond), (&b"abc"[..], 0));
        }
        let mut stream = Stream::unknown();
        stream.insert(0, b"abc");
        assert!(!stream.insert(-(EARLIER as i64) - 1, &[b'x'; 100_000]));
        assert_eq!(stream.state().0, b"abc");
    }

    #[test]
    fn without_a_syn_it_begins_with_the_first_payload() {
        let mut stream = Stream::unknown();
        assert!(!stream.insert(0, b"x"), "a keep-alive probe");
        assert!(stream.insert(1, b"abc"));
        assert!(stream.insert(4, b"d"));
        assert_eq!(stream.state(), (&b"abcd"[..], false, false));
    }

    #[test]
    fn an_earlier_segment_is_put_in_front() {
        let mut stream = Stream::unknown();
        stream.insert(10, b"klm");
        assert!(!stream.insert(15, b"pq"));
        assert!(!stream.insert(9, b"j"), "a keep-alive probe");
        assert!(stream.insert(5, b"fghijKL"));
        assert_eq!(stream.state(), (&b"fghijklm"[..], false, false));
        assert!(stream.insert(13, b"no"));
        assert_eq!(stream.state().0, b"fghijklmnopq");
        assert!(stream.insert(3, b"deFGHIJKLMNOPQr"));
        assert_eq!(stream.state().0, b"defghijklmnopqr");
    }

    #[test]
    fn an_earlier_segment_with_a_hole_behind_it_waits_for_that() {
        let mut stream = Stream::unknown();
        stream.insert(10, b"klm");
        assert!(stream.insert(0, b"abc"));
        assert_eq!(stream.state(), (&b"abc"[..], false, false));
        assert!(stream.insert(3, b"defghij"));
        assert_eq!(stream.state(), (&b"abcdefghijklm"[..], false, false));

        let mut cut = Stream::unknown();
        cut.insert(10, b"klm");
        assert!(cut.cut(0, b"abc", 10));
        assert_eq!(cut.state(), (&b"abc"[..], false, true));
    }

    #[test]
    fn an_earlier_segment_may_push_bytes_beyond_the_limit() {
        let mut stream = Stream::unknown();
        stream.insert(30_000, &[b'b'; 30_000]);
        assert!(stream.insert(0, &[b'a'; 30_000]));
        let Prefix { bytes, ended, .. } = stream.assembled.view();
        assert!(ended && bytes.len() == LIMIT && bytes[29_999..30_001] == *b"ab");
    }

    #[test]
    fn a_syn_seen_late_tells_whether_the_beginning_was_seen() {
        for (first, expected) in [(FIRST, true), (FIRST.wrapping_add(1), false), (FIRST.wrapping_sub(1), false)] {
            let mut stream = Stream::unknown();
            stream.insert(0, b"abc");
            stream.first_byte = Some(first);
            stream.insert(3, b"d");
            assert_eq!(stream.state(), (&b"abcd"[..], expected, false));
        }
        let mut stream = Stream::unknown();
        stream.insert(3, b"def");
        stream.first_byte = Some(FIRST);
        stream.insert(0, b"abc");
        assert_eq!(stream.state(), (&b"abcdef"[..], true, false));
    }

    #[test]
    fn cleared_it_is_as_new_with_some_room() {
        let mut stream = Stream::known();
        stream.insert(0, &[b'x'; 30_000]);
        stream.insert(31_000, b"x");
        stream.assembled.clear();
        assert!(stream.assembled.held() <= KEPT);
        assert_eq!(stream.state(), (&b""[..], false, false));
        stream.first_byte = Some(seq(500));
        assert!(stream.insert(500, b"abc"));
        assert_eq!(stream.state(), (&b"abc"[..], true, false));
        stream.assembled.clear();
        assert!(stream.assembled.held() >= 3);
    }

    /// Orders and cuts without a rule.
    struct Random(Noise);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0.below(limit)
        }

        fn shuffle<T>(&mut self, items: &mut [T]) {
            for last in (1..items.len()).rev() {
                items.swap(last, self.below(last + 1));
            }
        }

        /// A message cut into segments: position and length of each.
        fn segments(&mut self, message: usize, shortest: usize, most: usize) -> Vec<(usize, usize)> {
            let mut segments = Vec::new();
            let mut at = 0;
            while at < message {
                let left = message - at;
                let length = (shortest + self.below((2 * message / most).max(1))).min(left);
                // No rest that is shorter than the shortest.
                let length = if left - length < shortest { left } else { length };
                segments.push((at, length));
                at += length;
            }
            segments
        }

        /// Some of them again, or with other borders.
        fn repeats(&mut self, message: usize, shortest: usize, count: usize) -> Vec<(usize, usize)> {
            let repeat = |random: &mut Self| {
                let at = random.below(message - shortest);
                (at, shortest + random.below((message - at - shortest).clamp(1, 600)))
            };
            (0..count).map(|_| repeat(self)).collect()
        }
    }

    /// What was captured of each position, and first.
    struct Oracle(Vec<Option<u8>>);

    impl Oracle {
        fn insert(&mut self, at: usize, payload: &[u8]) {
            for (place, byte) in self.0[at..].iter_mut().zip(payload) {
                place.get_or_insert(*byte);
            }
        }

        /// In order, from a position.
        fn from(&self, at: usize) -> Vec<u8> {
            self.0[at..].iter().map_while(|byte| *byte).take(LIMIT).collect()
        }
    }

    #[test]
    fn any_order_any_overlap_from_a_known_start() {
        let mut random = Random(Noise::new(0x0_D0E5));
        for _ in 0..2000 {
            let message = 1 + random.below(3000);
            let mut segments = random.segments(message, 1, 10);
            segments.extend(if message > 1 { random.repeats(message, 1, 8) } else { Vec::new() });
            if random.below(4) > 0 {
                random.shuffle(&mut segments);
            }
            let mut stream = Stream::known();
            let mut oracle = Oracle(vec![None; message]);
            for (at, length) in segments {
                // Every segment carries bytes of its own: the first captured count.
                let payload: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
                stream.insert(at as i64, &payload);
                oracle.insert(at, &payload);
                if !stream.state().2 {
                    assert!(stream.state().0 == oracle.from(0));
                }
                assert!(oracle.from(0).starts_with(stream.state().0));
            }
        }
    }

    #[test]
    fn any_order_of_few_segments_yields_the_whole_message() {
        let mut random = Random(Noise::new(0xA11));
        for _ in 0..2000 {
            let message: Vec<u8> = (0..2 + random.below(20_000)).map(|_| random.below(256) as u8).collect();
            let mut segments = random.segments(message.len(), 2, 20);
            if segments.len() > PIECES {
                continue;
            }
            random.shuffle(&mut segments);
            for mut stream in [Stream::known(), Stream::unknown()] {
                for &(at, length) in &segments {
                    stream.insert(at as i64, &message[at..at + length]);
                    assert!(stream.first_byte.is_none() || message.starts_with(stream.state().0));
                }
                assert!(stream.state() == (&message[..], stream.first_byte.is_some(), false));
            }
        }
    }

    #[test]
    fn any_order_any_overlap_from_the_first_payload_seen() {
        let mut random = Random(Noise::new(0xF1257));
        for _ in 0..2000 {
            let message = 20 + random.below(3000);
            let mut segments = random.segments(message, 2, 10);
            segments.extend(random.repeats(message, 2, 8));
            random.shuffle(&mut segments);
            let mut stream = Stream::unknown();
            let mut oracle = Oracle(vec![None; message]);
            let mut begin = message;
            for (at, length) in segments {
                let payload: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
                stream.insert(at as i64, &payload);
                oracle.insert(at, &payload);
                begin = begin.min(at);
                if stream.state().2 {
                    break;
                }
                assert!(stream.state() == (&oracle.from(begin)[..], false, false));
            }
        }
    }

    #[test]
    fn cut_segments_never_yield_more_than_was_captured() {
        let mut random = Random(Noise::new(0xC07));
        for round in 0..2000 {
            let message = 20 + random.below(3000);
            let snaplen = 20 + random.below(400);
            let mut segments = random.segments(message, 2, 10);
            segments.extend(random.repeats(message, 2, 4));
            let mixed = round % 2 == 0;
            if mixed {
                random.shuffle(&mut segments);
            } else {
                segments.sort_unstable();
            }
            let mut stream = Stream::known();
            let mut oracle = Oracle(vec![None; message]);
            for (at, length) in segments {
                let payload: Vec<u8> = (0..length.min(snaplen)).map(|_| random.below(256) as u8).collect();
                let before = stream.state().2;
                stream.cut(at as i64, &payload, length);
                oracle.insert(at, &payload);
                assert!(oracle.from(0).starts_with(stream.state().0));
                // In order, it ends exactly where the first byte is missing.
                assert!(mixed || before || stream.state().0 == oracle.from(0));
            }
        }
    }

    #[test]
    fn hostile_segments_are_bounded() {
        let mut random = Random(Noise::new(0xBAD));
        for _ in 0..300 {
            let mut stream = if random.below(2) == 0 { Stream::known() } else { Stream::unknown() };
            for _ in 0..100 {
                let reach = [100, 40_000, 200_000, 1 << 31][random.below(4)];
                let offset = random.below(reach) as i64 - (reach / 2) as i64;
                let payload = vec![b'x'; [0, 1, 2, 3000][random.below(4)]];
                stream.cut(offset, &payload, payload.len() + [0, 0, 0, 700][random.below(4)]);
            }
        }
    }

    #[test]
    fn a_byte_at_a_time_is_no_trouble() {
        let mut stream = Stream::known().assembled;
        for at in 0..2 * LIMIT as u32 {
            stream.insert(Some(FIRST), FIRST.wrapping_add(at), b"x", 1);
        }
        assert_eq!((stream.view().bytes.len(), stream.view().ended), (LIMIT, true));
    }
}
