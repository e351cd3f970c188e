//! Not written yet.
//!
//! In: bytes. Out: a probe. Must not know: ports, rows.

use super::{Datagram, Prefix};
use crate::evidence::protocol::Probe;

/// Over TCP.
#[must_use]
pub const fn stream(_: Prefix<'_>) -> Probe {
    Probe::NotMe
}

/// Over UDP.
#[must_use]
pub const fn datagram(_: Datagram<'_>) -> Probe {
    Probe::NotMe
}
