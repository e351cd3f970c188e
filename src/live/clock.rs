//! Capture time that never runs backwards, whatever the clock does.
//!
//! In: times of frames, and of the clock where nothing comes. Out: the time by now, how long it has been, how often the
//! clock stepped. Must not know: flows, windows.
//!
//! A clock that is set back, or ahead by minutes, is a step; a single frame with a time of its own is one too, and changes
//! nothing else. A silence looks like a step ahead, and is one where the next frame does not come from there.

use crate::net::Timestamp;
use crate::reading::STEP_NS;

/// Further ahead than this nothing is believed at once.
const AHEAD_NS: i64 = 300_000_000_000;

/// The time of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    now: Option<Timestamp>,
    /// Nanoseconds since the first frame, steps left out.
    elapsed: i64,
    steps: u64,
    /// [`Clock::elapsed`] when it stepped back last, and where from.
    back: Option<(i64, Timestamp)>,
    /// What one frame alone says, far ahead.
    alone: Option<Timestamp>,
}

impl Clock {
    /// Takes note of the time of a frame, or of the clock.
    pub(super) fn see(&mut self, at: Timestamp) {
        let Some(now) = self.now else {
            self.now = Some(at);
            return;
        };
        let ahead = at.since(now);
        if ahead < -STEP_NS {
            self.steps += 1;
            self.back = Some((self.elapsed, now));
            (self.now, self.alone) = (Some(at), None);
        } else if ahead > AHEAD_NS {
            self.leap(now, at);
        } else {
            // What came from far ahead was alone.
            self.steps += u64::from(self.alone.take().is_some());
            self.advance(ahead.max(0), now.max(at));
        }
    }

    fn leap(&mut self, now: Timestamp, at: Timestamp) {
        if let Some((elapsed, from)) = self.back
            && (-STEP_NS..=AHEAD_NS).contains(&at.since(from))
        {
            // It is back where it was: the step was one frame's, or undone.
            self.back = None;
            let gone_by = at.since(from).max(0);
            self.elapsed = self.elapsed.max(elapsed.saturating_add(gone_by));
            self.now = Some(at.max(from));
        } else if self.alone.is_some_and(|alone| (-STEP_NS..=AHEAD_NS).contains(&at.since(alone))) {
            self.alone = None;
            self.advance(at.since(now), at);
        } else {
            self.alone = Some(at);
        }
    }

    fn advance(&mut self, by: i64, now: Timestamp) {
        self.elapsed = self.elapsed.saturating_add(by);
        self.now = Some(now);
    }

    /// The time by now; none before the first frame.
    pub(super) const fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Nanoseconds since the first frame.
    pub(super) const fn elapsed(&self) -> i64 {
        self.elapsed
    }

    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    /// How long ago it stepped back last.
    pub(super) fn since_step_back(&self) -> Option<i64> {
        self.back.map(|(at, _)| self.elapsed.saturating_sub(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// (now, elapsed, steps, since step back) in seconds after frames at these seconds.
    fn check(frames: &[i64], expected: (i64, i64, u64, Option<i64>)) {
        let mut clock = Clock::default();
        let mut before = 0;
        for &at in frames {
            clock.see(Timestamp(at * SECOND));
            assert!(clock.elapsed() >= before, "{frames:?}: it runs backwards");
            before = clock.elapsed();
        }
        let now = clock.now().unwrap().0 / SECOND;
        let back = clock.since_step_back().map(|ago| ago / SECOND);
        assert_eq!((now, clock.elapsed() / SECOND, clock.steps(), back), expected, "{frames:?}");
    }

    #[test]
    fn it_runs_on_whatever_the_clock_does() {
        let day = 86_400;
        for (frames, expected) in [
            (&[100, 101, 105][..], (105, 5, 0, None)),
            // Set back by a day, and on from there.
            (&[day, day + 10, 10, 20], (20, 20, 1, Some(10))),
            // Set ahead, or silent.
            (&[0, 10, day, day + 1], (day + 1, day + 1, 0, None)),
            // One frame of its own time, from either side.
            (&[0, 10, 90 * day, 11, 12], (12, 12, 1, None)),
            (&[90 * day, 90 * day + 10, 0, 90 * day + 11, 90 * day + 12], (90 * day + 12, 12, 1, None)),
            // Back and forth.
            (&[day, 0, day, 0, day + 1], (day + 1, 1, 2, None)),
        ] {
            check(frames, expected);
        }
    }

    #[test]
    fn extremes_are_survived() {
        let mut clock = Clock::default();
        for at in [i64::MIN, i64::MAX, i64::MAX, i64::MIN, i64::MAX, 0, i64::MIN, i64::MIN] {
            clock.see(Timestamp(at));
        }
        assert!(clock.elapsed() >= 0 && clock.steps() > 0);
    }
}
