//! Not written yet.
//!
//! In: bytes. Out: a probe. Must not know: ports, rows.
