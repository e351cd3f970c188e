//! A UDP flow until it is known what it is.
//!
//! In: its datagrams, one by one. Out: [`Step`]: it goes on, it is known, or it is media and to be counted from now on.
//! Must not know: TCP, ports, rows.

use super::facts::Details;
use super::media::Media;
use super::protocol::Sighting;
use crate::decode::Packet;
use crate::net::{Both, Direction};

/// What was seen of a UDP flow that is not known yet.
#[derive(Clone, Debug, Default)]
pub struct Trial {}

/// What one datagram changed.
#[derive(Debug)]
pub enum Step {
    /// Nothing yet that ends the trial.
    Open,
    /// It is known, or will not be: nothing more is read of it.
    Settled,
    /// It is media: every further packet is to be shown to [`Media::observe`].
    Media(Box<Media>),
}

impl Trial {
    /// Looks at one datagram; `seen` is what each direction is known to say.
    pub fn observe(&mut self, _: &mut Both<Option<Sighting>>, _: Direction, _: &Packet<'_>) -> Step {
        Step::Settled
    }

    /// What is known in the end, or when the trial is settled; `seen` gets text or unknown binary where nothing was recognised.
    pub fn conclude(self, _: &mut Both<Option<Sighting>>) -> Option<Details> {
        None
    }
}
