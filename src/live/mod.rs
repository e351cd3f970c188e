//! The live engine: the stages of an offline run, in windows, for as long as it runs and in fixed memory.
//!
//! In: frames as they come, from interfaces or a file that is replayed. Out: events, snapshots, and at the end the audit.
//! Must not know: arguments, terminals.

pub use snapshot::{EndReason, Observer, Snapshot, Told};

pub mod snapshot;
