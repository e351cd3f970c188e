//! Not written yet.
//!
//! In: bytes. Out: a probe. Must not know: ports, rows.

use super::Datagram;
use crate::evidence::facts::Details;
use crate::evidence::protocol::Probe;

/// Over UDP.
#[must_use]
pub const fn datagram(_: Datagram<'_>) -> Probe {
    Probe::NotMe
}

/// What one datagram says beyond its protocol.
#[must_use]
pub const fn details(_: Datagram<'_>) -> Option<Details> {
    None
}
