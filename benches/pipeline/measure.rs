//! Repeated measurements and how they are told: the middle one, and how far the others lie from it.
//!
//! In: durations or ratios. Out: [`Samples`], lines of a table.
//! Must not know: what was measured.

use std::fmt;
use std::time::{Duration, Instant};

/// A failure anywhere ends the bench.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What has taken so long in all is not repeated.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Measurements of one thing, none left out.
#[derive(Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        let place = self.0.partition_point(|&other| other < value);
        self.0.insert(place, value);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// Of an even number, the lower middle one.
    pub(crate) fn median(&self) -> f64 {
        self.0.get(self.0.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Every sample times `factor`.
    pub(crate) fn times(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|value| value * factor).collect())
    }
}

/// `least median most`, each as wide as asked; dashes where there are none.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, places) = (f.width().unwrap_or(8), f.precision().unwrap_or(1));
        if self.0.is_empty() {
            return write!(f, "{0:>width$} {0:>width$} {0:>width$}", "-");
        }
        let [least, median, most] = [self.least(), self.median(), self.most()];
        write!(f, "{least:width$.places$} {median:width$.places$} {most:width$.places$}")
    }
}

/// Something to measure.
pub(crate) struct Task<'a> {
    pub(crate) name: &'static str,
    run: Box<dyn FnMut() -> Outcome<()> + 'a>,
    pub(crate) seconds: Samples,
}

impl<'a> Task<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> Outcome<()> + 'a) -> Self {
        Self { name, run: Box::new(run), seconds: Samples::default() }
    }
}

/// Runs all tasks in turn, `rounds` times: what disturbs the machine for a while disturbs them all.
pub(crate) fn in_turn(tasks: &mut [Task<'_>], rounds: usize) -> Outcome<()> {
    let mut spent = vec![Duration::ZERO; tasks.len()];
    for _ in 0..rounds {
        for (task, spent) in tasks.iter_mut().zip(&mut spent) {
            if *spent < PATIENCE {
                let start = Instant::now();
                (task.run)()?;
                let time = start.elapsed();
                *spent += time;
                task.seconds.push(time.as_secs_f64());
            }
        }
    }
    Ok(())
}
