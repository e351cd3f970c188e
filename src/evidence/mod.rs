//! Stage 4: payload → evidence. What the bytes of a flow prove, gathered while it is open.
//!
//! In: payload of each packet with its direction. Out: [`Evidence`], read by `verdict` once the flow is judged.
//! Must not know: ports, rows, roles.
//!
//! This is the place, not yet the content: no signature is known here, so [`Evidence::initiator`] names nobody, and
//! every row that fits stays `unverified`.

use crate::net::{Both, Direction};

/// What the payload of one flow showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    captured: Both<bool>,
}

impl Evidence {
    /// Takes note of a packet's captured payload.
    #[inline]
    pub fn observe(&mut self, direction: Direction, payload: &[u8]) {
        *self.captured.of_mut(direction) |= !payload.is_empty();
    }

    /// The direction that a request or a response proves to be the initiator's.
    #[must_use]
    pub const fn initiator(&self) -> Option<Direction> {
        None
    }

    /// Whether payload of either end was captured.
    #[must_use]
    pub const fn has_payload(&self) -> bool {
        self.captured.forward || self.captured.reverse
    }
}
