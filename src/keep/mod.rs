//! Keeping the proof: the packets of flagged flows, in a bounded number of bounded files.
//!
//! In: frames as they are counted in flows, and what is judged of the flows later. Out: pcapng files in a directory.
//! Must not know: why a flow is flagged; where frames come from.
//!
//! A flow is judged when some of its packets have passed. So [`Keeper`] holds the first ones of every flow in memory, as
//! many as its bounds allow, and [`Store`] writes them once the flow is flagged; what comes later is written at once.

pub use keeper::{Bounds, Keeper, Kept};
pub use store::{Limits, Store, Stored};

mod keeper;
mod shelf;
mod store;
#[cfg(test)]
mod testing;
