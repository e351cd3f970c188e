//! When a file was being captured: from its first frame to its last, less its silences; and which file goes on where it
//! ends.
//!
//! In: the times of its frames, in file order; the names of files. Out: [`Course`], [`InputFile::next`].
//! Must not know: what is in a frame.

use std::collections::HashMap;

use super::InputFile;
use crate::net::Timestamp;

/// A network with servers on it is not silent for so long: the capture was interrupted, or what it shows was elsewhere.
pub const GAP_NS: i64 = 60_000_000_000;
/// So many silences of a file are told apart.
const GAPS: usize = 64;
/// A ring buffer's next file begins no later than this after the end of the one before, and hardly before it: interfaces
/// deliver out of order by microseconds.
const LATER_NS: i64 = 1_000_000_000;
const EARLIER_NS: i64 = 1_000_000;
/// Of files that begin at that time, so many are looked at.
const CANDIDATES: usize = 1000;

/// When a file was being captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Earliest and latest time of any frame.
    span: Option<(Timestamp, Timestamp)>,
    /// Time of the latest frame in file order.
    latest: Timestamp,
    /// Where the silences of at least [`GAP_NS`] begin, in time order. Where there are more than [`GAPS`], neighbours
    /// became one: from the first beginning to the last.
    silences: Vec<(Timestamp, Timestamp)>,
}

/// What ends a stretch of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A silence, or so many that nobody knows where each began.
    Silence,
    /// The file's last frame.
    End,
}

impl Course {
    /// Takes the time of the next frame.
    #[inline]
    pub(super) fn note(&mut self, at: Timestamp) {
        match &mut self.span {
            None => self.span = Some((at, at)),
            Some((first, last)) => {
                (*first, *last) = ((*first).min(at), (*last).max(at));
                if at.since(self.latest) >= GAP_NS {
                    self.silent_from(self.latest);
                }
            }
        }
        self.latest = at;
    }

    #[cold]
    fn silent_from(&mut self, from: Timestamp) {
        let place = self.silences.partition_point(|&(_, last)| last < from);
        if self.silences.get(place).is_some_and(|&(first, _)| first <= from) {
            return;
        }
        self.silences.insert(place, (from, from));
        if self.silences.len() > GAPS {
            let between = |pair: &[(Timestamp, Timestamp)]| match pair {
                &[(_, end), (begin, _)] => begin.since(end),
                _ => i64::MAX,
            };
            let nearest = self.silences.windows(2).enumerate().min_by_key(|(_, pair)| between(pair));
            if let Some(left) = nearest.map(|(left, _)| left) {
                let (_, last) = self.silences.remove(left + 1);
                if let Some(merged) = self.silences.get_mut(left) {
                    merged.1 = last;
                }
            }
        }
    }

    /// How many nanoseconds after `at` it went on, and what came then. Nothing of a file without frames.
    #[must_use]
    pub fn left_after(&self, at: Timestamp) -> Option<(i64, Until)> {
        let (_, last) = self.span?;
        let silence = self.silences.get(self.silences.partition_point(|&(_, last)| last < at));
        let silence = silence.map(|&(first, _)| (first.since(at).max(0), Until::Silence));
        silence.into_iter().chain([(last.since(at), Until::End)]).min_by_key(|&(left, _)| left)
    }
}

/// Finds for each file the one of its set that goes on where it ends. A file of another set proves nothing of it: it may
/// have been captured elsewhere. Ring buffers number and date the names of a set, and begin the next file at once.
pub(super) fn link(files: &mut [InputFile]) {
    let mut sets: HashMap<String, Vec<(Timestamp, Timestamp, u16)>> = HashMap::new();
    for (index, file) in (0..).zip(files.iter()) {
        if let Some((first, last)) = file.course.span {
            sets.entry(set(file)).or_default().push((first, last, index));
        }
    }
    for members in sets.values_mut() {
        // Among those that begin at once the longest comes first.
        members.sort_unstable_by_key(|&(first, last, index)| (first, std::cmp::Reverse(last), index));
        for &(_, end, index) in members.iter() {
            let place = members.partition_point(|&(first, ..)| first.since(end) < -EARLIER_NS);
            let candidates = members.get(place..).unwrap_or_default().iter().take(CANDIDATES);
            let mut near = candidates.take_while(|&&(first, ..)| first.since(end) < LATER_NS);
            let next = near.find(|&&(_, last, _)| last > end).map(|&(.., next)| next);
            if let Some(file) = files.get_mut(usize::from(index)) {
                file.next = next;
            }
        }
    }
}

/// What the names of a ring buffer's files have in common: all but numbers, the signs between them, and that of a
/// compression, which the latest file does not have yet.
fn set(file: &InputFile) -> String {
    let name = match file.compression {
        Some(_) => file.name.rsplit_once('.').map_or(&*file.name, |(name, _)| name),
        None => &file.name,
    };
    name.chars().filter(|sign| sign.is_alphabetic() || matches!(sign, '/' | '\\')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn course(seconds: &[i64]) -> Course {
        let mut course = Course::default();
        seconds.iter().for_each(|&second| course.note(Timestamp(second * SECOND)));
        course
    }

    fn check(course: &Course, second: i64, expected: Option<(i64, Until)>) {
        let left = course.left_after(Timestamp(second * SECOND));
        assert_eq!(left, expected.map(|(left, until)| (left * SECOND, until)), "{second}");
    }

    #[test]
    fn a_course_goes_on_to_its_next_silence_or_its_end() {
        check(&course(&[]), 0, None);
        check(&course(&[5]), 5, Some((0, Until::End)));
        let silent = course(&[0, 10, 70, 129, 189, 190]);
        check(&silent, 0, Some((10, Until::Silence)));
        check(&silent, 10, Some((0, Until::Silence)));
        check(&silent, 70, Some((59, Until::Silence)));
        check(&silent, 189, Some((1, Until::End)));
        // A clock that steps back: the silence it is set back behind counts once.
        let back = course(&[0, 100, 0, 100, 101]);
        check(&back, 0, Some((0, Until::Silence)));
        check(&back, 1, Some((100, Until::End)));
        assert_eq!(back.silences.len(), 1);
    }

    #[test]
    fn more_silences_than_are_kept_still_raise_doubt() {
        // Two frames a second apart, then a minute of silence; and the same with the clock running backwards.
        let times: Vec<i64> = (0..1000).flat_map(|n| [n * 61, n * 61 + 1]).collect();
        let backwards: Vec<i64> = (0..1000).rev().flat_map(|n| [n * 200, n * 200 + 100]).collect();
        for (times, every) in [(times, 61), (backwards, 200)] {
            let course = course(&times);
            assert_eq!(course.silences.len(), GAPS);
            for n in 0..999 {
                let (left, until) = course.left_after(Timestamp(n * every * SECOND)).unwrap();
                assert!(left <= SECOND && until == Until::Silence, "{n}: {left}");
            }
        }
    }

    /// Names and the seconds of first and last frame; which of them goes on after the first.
    fn next(files: &[(&str, [i64; 2])], expected: Option<u16>) {
        let file = |&(name, times): &(&str, [i64; 2])| InputFile {
            name: name.to_owned(),
            format: "pcap",
            compression: name.ends_with("gz").then_some("gzip"),
            size: None,
            frames: 2,
            dropped: None,
            course: course(&times),
            next: None,
        };
        let mut files: Vec<InputFile> = files.iter().map(file).collect();
        link(&mut files);
        assert_eq!(files[0].next, expected, "{files:?}");
    }

    #[test]
    fn a_file_of_the_same_set_goes_on() {
        next(&[("ring_00001_20260302080000.pcap", [0, 10]), ("ring_00002_20260302080010.pcap", [10, 20])], Some(1));
        next(&[("t.pcap", [0, 10]), ("t.pcap2", [20, 30]), ("t.pcap1.gz", [10, 20])], Some(2));
        next(
            &[("d/x1.cap", [0, 10]), ("d/x2.cap", [0, 10]), ("d/x(3).cap", [10, 10]), ("d/x4.cap", [10, 11])],
            Some(3),
        );
        // Another set, another folder; too late, too early.
        next(&[("A.pcap", [0, 10]), ("B.pcap", [10, 20])], None);
        next(&[("a/x1.pcap", [0, 10]), ("b/x2.pcap", [10, 20])], None);
        next(&[("x1.pcap", [0, 10]), ("x2.pcap", [11, 20])], None);
        next(&[("x1.pcap", [0, 10]), ("x2.pcap", [9, 20])], None);
    }
}
