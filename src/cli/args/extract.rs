//! The flags of `extract`.
//!
//! In: words as typed. Out: [`Extract`]. Must not know: what they are for.

use std::path::PathBuf;

use clap::Args as Group;

use super::{Input, Judging, Selecting};
use crate::cli::value::{FailOn, flow_number};

#[derive(Debug, Group)]
pub(in crate::cli) struct Extract {
    #[command(flatten)]
    pub(in crate::cli) input: Input,
    #[command(flatten)]
    pub(in crate::cli) judging: Judging,
    #[command(flatten)]
    pub(in crate::cli) selecting: Selecting,
    /// Only this flow: its number in the list that `lyncap flows` prints of the same files (repeatable)
    #[arg(long, value_name = "N", value_parser = flow_number, allow_hyphen_values = true)]
    pub(in crate::cli) flow: Vec<u64>,
    /// Only flows with a finding that is at least as severe as --fail-on says
    #[arg(long)]
    pub(in crate::cli) flagged: bool,
    /// What --flagged asks for
    #[arg(long, value_enum, default_value = "medium", value_name = "SEVERITY")]
    pub(in crate::cli) fail_on: FailOn,
    /// What TLS is weak, and how much it weighs (minimum_tls, severity, forbid, certificate_expiry_days)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,
    /// Leave out frames that are copies of packets captured before
    #[arg(long)]
    pub(in crate::cli) no_duplicates: bool,
    /// Write to a file, which appears once it is complete; - is standard output
    #[arg(short, long, required = true, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// No progress bar, no word where nothing matches
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,
    /// Say what was read and written
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,
}
