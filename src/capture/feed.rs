//! Frames as they come: what a run without end reads.
//!
//! In: nothing. Out: [`Feed`], the small face that interfaces and a file that is replayed share, and what it says of each
//! of its inputs. Must not know: formats, systems, what is in a frame.

use std::time::Duration;

use super::{Batch, Damage, InputFile};
use crate::error::Error;
use crate::net::Timestamp;

/// What comes next.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every one is a batch, and none is kept")]
pub enum Turn<'a> {
    /// Frames.
    Frames(Batch<'a>),
    /// Nothing for now. What time it is by the clock that frames are stamped with, where that is known.
    Nothing(Option<Timestamp>),
    /// Nothing ever.
    End,
}

/// A source of frames that takes its time.
pub trait Feed {
    /// The next frames; waits for them no longer than `patience`, about. Where it can, it gives none that are later than
    /// `limit` beside the first: there a window ends.
    ///
    /// # Errors
    /// What makes going on senseless.
    fn next(&mut self, patience: Duration, limit: Timestamp) -> Result<Turn<'_>, Error>;

    /// The inputs, in the order named: `Batch::file` counts them from 0.
    fn files(&self) -> &[InputFile];

    /// What could not be read so far.
    fn damage(&self) -> &[Damage];

    /// What there is to say of each input, in the same order.
    fn inputs(&mut self) -> Vec<Input>;

    /// Whether frames are stamped as they come, so that capture time is the time.
    fn is_live(&self) -> bool;
}

/// An interface, or a file that is replayed.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// As the user named it.
    pub name: String,
    /// Whether frames can come: an interface may be down.
    pub up: bool,
    /// Frames from it.
    pub frames: u64,
    /// Frames that it lost.
    pub drops: Drops,
    /// How often it came back after it was down.
    pub returns: u64,
}

impl Input {
    /// A file, which never comes back once it has ended.
    pub(super) fn of(file: &InputFile, up: bool) -> Self {
        let drops = Drops { kernel: file.dropped.unwrap_or_default(), ..Drops::default() };
        Self { name: file.name.clone(), up, frames: file.frames, drops, returns: 0 }
    }
}

/// Frames that were lost, by who lost them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// The kernel had no room: the program was too slow.
    pub kernel: u64,
    /// The interface or its driver; counted by few systems.
    pub interface: u64,
    /// The program itself.
    pub application: u64,
}

impl Drops {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.kernel.saturating_add(self.interface).saturating_add(self.application)
    }

    /// Both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            kernel: self.kernel.saturating_add(other.kernel),
            interface: self.interface.saturating_add(other.interface),
            application: self.application.saturating_add(other.application),
        }
    }
}
