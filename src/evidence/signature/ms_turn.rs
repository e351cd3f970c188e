//! Not written yet.
//!
//! In: bytes. Out: a probe. Must not know: ports, rows.

use super::{Datagram, Prefix, Studied};
use crate::evidence::certificates::Certificates;
use crate::evidence::protocol::Probe;
use crate::net::Both;

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

/// What both directions together say.
#[must_use]
pub fn study(_: &Both<Prefix<'_>>, _: &mut Certificates) -> Studied {
    Studied::default()
}
