//! Which flows: the flags that `flows` and `extract` share.
//!
//! In: words as typed. Out: a [`Selection`]. Must not know: what is done with the flows.

use clap::Args as Group;

use crate::cli::value::{Port, at_most};
use crate::report::flows::{HostPattern, Order, Selection};
use crate::verdict::Verdict;

/// Which flows.
#[derive(Debug, Group)]
pub(in crate::cli) struct Selecting {
    /// Only flows with this verdict (repeatable)
    #[arg(long, value_enum)]
    pub(in crate::cli) verdict: Vec<Verdict>,
    /// Only flows of this row (S03) or service (part of its name; repeatable)
    #[arg(long)]
    pub(in crate::cli) service: Vec<String>,
    /// Only flows of this host: address, CIDR, or a name of the topology (repeatable)
    #[arg(long)]
    pub(in crate::cli) host: Vec<HostPattern>,
    /// Only flows with this port on either side: 5071, or tcp/5071 (repeatable)
    #[arg(long, allow_hyphen_values = true)]
    pub(in crate::cli) port: Vec<Port>,
    /// Order of the list; all but `first` put the largest first
    #[arg(long, value_enum, default_value = "first")]
    pub(in crate::cli) sort: Order,
    /// Show at most so many
    #[arg(long, value_name = "N", value_parser = at_most, allow_hyphen_values = true)]
    pub(in crate::cli) top: Option<usize>,
}

impl Selecting {
    /// As the report knows it.
    pub(in crate::cli) fn selection(&self) -> Selection {
        Selection {
            verdicts: self.verdict.clone(),
            services: self.service.clone(),
            hosts: self.host.clone(),
            ports: self.port.iter().map(|port| (port.transport, port.port)).collect(),
            order: self.sort,
            top: self.top,
        }
    }
}
