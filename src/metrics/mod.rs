//! Figures of a run for a monitoring system: Prometheus asks, over HTTP.
//!
//! In: a [`Snapshot`](crate::live::Snapshot) at each interval. Out: a page of text, the same for all who ask until the next.
//! Must not know: where the figures come from.
//!
//! A page is put into words once an interval, by the engine; who asks is given what is there. So asking costs the engine
//! nothing, however often and from however many it comes.

pub use page::{Metrics, Page};
pub use server::{Listening, Serving};

mod page;
mod server;
