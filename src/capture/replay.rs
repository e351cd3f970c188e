//! A capture replayed as if it were live: its frames come when they came then, or some times as fast.
//!
//! In: [`Inputs`], how fast. Out: a [`Feed`].
//! Must not know: interfaces, libpcap, what is in a frame.

use std::thread;
use std::time::{Duration, Instant};

use super::{Feed, Input, InputFile, Inputs, Turn};
use crate::capture::Damage;
use crate::error::Error;
use crate::net::Timestamp;

/// However long a capture is silent, it is waited for no longer than this by the wall clock: nobody replays nights.
const LONGEST: Duration = Duration::from_secs(60);

/// Inputs that take their time.
pub struct Replay {
    inputs: Inputs,
    /// Times as fast as it was; none is as fast as it can.
    speed: Option<f64>,
    /// When a frame of which time was due.
    begun: Option<(Instant, Timestamp)>,
    ended: bool,
}

impl Replay {
    /// Replays `inputs` so many times as fast as they were captured; none is as fast as it can.
    #[must_use]
    pub const fn new(inputs: Inputs, speed: Option<f64>) -> Self {
        Self { inputs, speed, begun: None, ended: false }
    }

    /// Capture time by now, and how long a frame of time `at` is to be waited for.
    fn due(&mut self, at: Timestamp) -> (Timestamp, Duration) {
        let Some(speed) = self.speed else { return (Timestamp::MAX, Duration::ZERO) };
        let now = Instant::now();
        let (begun, first) = *self.begun.get_or_insert((now, at));
        let passed = now.saturating_duration_since(begun).as_nanos() as f64 * speed;
        let by_now = Timestamp(first.0.saturating_add(passed as i64));
        let wait = Duration::try_from_secs_f64(at.since(by_now).max(0) as f64 / speed / 1e9).unwrap_or(Duration::MAX);
        if wait > LONGEST {
            self.begun = Some((now, at));
            return (at, Duration::ZERO);
        }
        (by_now, wait)
    }
}

impl Feed for Replay {
    fn next(&mut self, patience: Duration, limit: Timestamp) -> Result<Turn<'_>, Error> {
        let Some(at) = self.inputs.next_at() else {
            self.ended = true;
            // The last call tells what belongs together, and what broke.
            self.inputs.next_batch()?;
            return Ok(Turn::End);
        };
        let (by_now, wait) = self.due(at);
        if !wait.is_zero() {
            thread::sleep(wait.min(patience));
            return Ok(Turn::Nothing(Some(by_now)));
        }
        let batch = self.inputs.next_batch_until(by_now.min(limit))?;
        Ok(batch.map_or(Turn::End, Turn::Frames))
    }

    fn files(&self) -> &[InputFile] {
        self.inputs.files()
    }

    fn damage(&self) -> &[Damage] {
        self.inputs.damage()
    }

    fn inputs(&mut self) -> Vec<Input> {
        self.inputs.link();
        let up = !self.ended;
        self.inputs.files().iter().map(|file| Input::of(file, up)).collect()
    }

    fn is_live(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Numbers of frames by turn, of a classic pcap with frames at these milliseconds.
    fn replay(times: &[u32], speed: Option<f64>) -> (Vec<usize>, Duration) {
        let mut file =
            [0xa1b2_c3d4_u32.to_le_bytes(), [2, 0, 4, 0], [0; 4], [0; 4], [0, 0, 4, 0], [1, 0, 0, 0]].concat();
        for ms in times {
            for word in [1_700_000_000 + ms / 1000, ms % 1000 * 1000, 4, 4, 0] {
                file.extend(word.to_le_bytes());
            }
        }
        let mut replay = Replay::new(Inputs::from_reader("x", Cursor::new(file)).unwrap(), speed);
        let (begun, mut turns) = (Instant::now(), Vec::new());
        loop {
            match replay.next(Duration::from_millis(10), Timestamp::MAX).unwrap() {
                Turn::Frames(batch) => turns.push(batch.frames.len()),
                Turn::Nothing(_) => {}
                Turn::End => return (turns, begun.elapsed()),
            }
        }
    }

    #[test]
    fn frames_come_when_they_came() {
        let (turns, took) = replay(&[0, 1000, 2000], Some(10.0));
        assert_eq!(turns, [1, 1, 1]);
        assert!(took >= Duration::from_millis(190), "{took:?}");
    }

    #[test]
    fn or_as_fast_as_they_can() {
        assert_eq!(replay(&[0, 1000, 2000], None).0, [3]);
    }

    #[test]
    fn neither_nights_nor_clocks_are_waited_for() {
        let (turns, took) = replay(&[0, 900_000_000, 0, 1], Some(1.0));
        assert_eq!(turns.iter().sum::<usize>(), 4);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
