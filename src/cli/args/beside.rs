//! The flags of what stands beside a live run: kept packets, metrics, privilege.
//!
//! In: words as typed. Out: [`Beside`]. Must not know: what they are for.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use crate::cli::value::{at_most, bytes, duration, port_of_host};

/// What is kept, who may ask, what is given up.
#[derive(Debug, Group)]
pub(in crate::cli) struct Beside {
    /// Keep the packets of flagged flows in this directory, as pcapng files, the oldest removed for new ones
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) write_flagged: Option<PathBuf>,
    /// Begin another such file before one is longer
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "16M", requires = "write_flagged", allow_hyphen_values = true)]
    pub(in crate::cli) flagged_size: u64,
    /// Begin another such file after so much capture time
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h", requires = "write_flagged", allow_hyphen_values = true)]
    pub(in crate::cli) flagged_every: i64,
    /// Keep so many such files
    #[arg(long, value_name = "N", value_parser = at_most, default_value = "100", requires = "write_flagged", allow_hyphen_values = true)]
    pub(in crate::cli) flagged_files: usize,
    /// Keep so many bytes of them in all
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "1G", requires = "write_flagged", allow_hyphen_values = true)]
    pub(in crate::cli) flagged_total: u64,
    /// Serve figures for Prometheus at http://ADDRESS:PORT/metrics, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = port_of_host)]
    pub(in crate::cli) metrics: Option<SocketAddr>,
    /// Let other hosts ask for them too
    #[arg(long, requires = "metrics")]
    pub(in crate::cli) metrics_anywhere: bool,
    /// Once the capture is open, have root become this user [default: nobody]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// Once the capture is open, give up every right that is not needed: strict refuses to run without, on says what is
    /// missing [default: on, and off where a capture is replayed]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(in crate::cli) sandbox: Option<Sandbox>,
}

/// How much is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub(in crate::cli) enum Sandbox {
    Strict,
    On,
    Off,
}
