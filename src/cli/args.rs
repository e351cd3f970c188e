//! The arguments, as typed.
//!
//! In: `argv`. Out: [`Args`]. Does no work beyond parsing single values.
//! Must not know: what the commands do.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};

use super::value::{Colour, FailOn, Port, Speed, at_most, buffer, duration, flow_number, live_memory, memory, speed};
use crate::catalog::Role;
use crate::report::Format;
use crate::report::flows::By;

pub(super) use beside::{Beside, Sandbox};
pub(super) use extract::Extract;
pub(super) use selecting::Selecting;

mod beside;
mod extract;
mod selecting;

/// Says of every flow in a packet capture which documented Lync Server 2013 service it is, why, and which flows no document explains
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, max_term_width = 100, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 nothing flagged · 1 findings (audit, live) · 2 could not do what was asked · 3 done, but the input was incomplete: cut, damaged, frames or flows dropped";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Audit captures: services seen, findings, coverage, and what the capture can prove
    Audit(Audit),
    /// List flows, one a line, each with its verdict and the reasons
    Flows(Flows),
    /// Watch interfaces, or replay a capture: findings as they happen, and the audit at the end
    Live(Live),
    /// List the interfaces that can be watched
    Interfaces(Interfaces),
    /// Show the documented rows, check a catalog file, or print a deployment's firewall matrix
    Catalog(Catalog),
    /// Tell every row about a port, or with --flow each step that led to one flow's verdict
    Explain(Explain),
    /// Write the packets of flows as a pcapng, each with its flow's verdict as a comment
    Extract(Extract),
}

/// What is a finding, and how bad it must be.
#[derive(Debug, Group)]
pub(super) struct Flagging {
    /// Exit 1 when a finding is at least this severe
    #[arg(long, value_enum, default_value = "medium", value_name = "SEVERITY")]
    pub(super) fail_on: FailOn,
    /// What TLS is weak, and how much it weighs (minimum_tls, severity, forbid, certificate_expiry_days)
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct Audit {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) flagging: Flagging,
    /// Add every flow to json and jsonl output
    #[arg(long)]
    pub(super) flows: bool,
}

#[derive(Debug, Group)]
pub(super) struct Flows {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) selecting: Selecting,
    /// Sum the flows by service, host or pair of hosts
    #[arg(long, value_enum)]
    pub(super) by: Option<By>,
}

#[derive(Debug, Group)]
pub(super) struct Live {
    #[command(flatten)]
    pub(super) from: From,
    #[command(flatten)]
    pub(super) course: Course,
    #[command(flatten)]
    pub(super) beside: Beside,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) flagging: Flagging,
    /// Write a line a finding on a terminal too, where otherwise a screen shows what goes on
    #[arg(long)]
    pub(super) no_tui: bool,
}

/// Where frames come from.
#[derive(Debug, Group)]
pub(super) struct From {
    /// Watch this interface: its name, its number in `lyncap interfaces`, one of its addresses, or any (repeatable)
    #[arg(
        short,
        long = "interface",
        value_name = "INTERFACE",
        required_unless_present = "read",
        conflicts_with = "read"
    )]
    pub(super) interfaces: Vec<String>,
    /// Replay captures as if they were live, or - for what another program captures (repeatable)
    #[arg(short, long, value_name = "FILE")]
    pub(super) read: Vec<PathBuf>,
    /// Replay so many times as fast as it was captured; max is as fast as can be [default: 1]
    #[arg(long, value_name = "N|max", value_parser = speed, requires = "read", allow_hyphen_values = true)]
    pub(super) speed: Option<Speed>,
    /// Take only frames that match this BPF filter, as tcpdump takes it
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// Leave the interface as it is: see only what is meant for this host
    #[arg(short = 'p', long)]
    pub(super) no_promiscuous: bool,
    /// Capture at most so many bytes of a frame
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=262_144), default_value = "65536")]
    pub(super) snaplen: u32,
    /// What the kernel keeps of each interface until it is read: 64M (K, M, G count in 1024s)
    #[arg(long, value_name = "SIZE", value_parser = buffer, default_value = "16M", allow_hyphen_values = true)]
    pub(super) buffer_size: u32,
    /// Have each frame at once, not some at a time: costs more
    #[arg(long)]
    pub(super) immediate: bool,
}

/// How long, and within what.
#[derive(Debug, Group)]
pub(super) struct Course {
    /// Time between two summaries
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "10s")]
    pub(super) interval: i64,
    /// End after so much capture time
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    pub(super) duration: Option<i64>,
    /// End after so many frames
    #[arg(long, value_name = "N", value_parser = at_most, allow_hyphen_values = true)]
    pub(super) packets: Option<usize>,
    /// Report a flow that goes on each time so much of it is over
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "30m")]
    pub(super) active_timeout: i64,
    /// A TCP flow silent for longer is over
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "1h")]
    pub(super) tcp_timeout: i64,
    /// A UDP flow silent for longer is over
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "5m")]
    pub(super) udp_timeout: i64,
    /// Count datagrams that were captured more than once (SPAN, several interfaces) as often as they were
    #[arg(long)]
    pub(super) keep_duplicates: bool,
    /// Keep at most so many flows in the table; beyond, those that tell least are judged at once and counted
    #[arg(long, value_name = "N", value_parser = at_most, allow_hyphen_values = true, default_value = "250000")]
    pub(super) max_flows: usize,
    /// Keep to about so much memory likewise: 256M, 2G (K, M, G count in 1024s); bare bytes
    #[arg(long, value_name = "SIZE", value_parser = live_memory, allow_hyphen_values = true, default_value = "512M")]
    pub(super) max_memory: u64,
}

#[derive(Debug, Group)]
pub(super) struct Interfaces {
    #[command(flatten)]
    pub(super) output: Output,
}

/// What is read.
#[derive(Debug, Group)]
pub(super) struct Input {
    /// Captures (pcap, pcapng, Network Monitor, snoop; also in gzip, zstd, lz4, xz or bzip2), directories of them, or -
    /// for standard input; several are read as one capture
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// How it is read.
#[derive(Debug, Group)]
pub(super) struct Reading {
    /// Read only frames that match this BPF filter, as tcpdump takes it
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// A TCP flow silent for longer is over
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "1h")]
    pub(super) tcp_timeout: i64,
    /// A UDP flow silent for longer is over
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true, default_value = "5m")]
    pub(super) udp_timeout: i64,
    /// Count datagrams that were captured more than once (SPAN, both ends) as often as they were
    #[arg(long)]
    pub(super) keep_duplicates: bool,
    /// Keep at most so many flows; the least telling go first, and the report says how many went
    #[arg(long, value_name = "N", value_parser = at_most, allow_hyphen_values = true)]
    pub(super) max_flows: Option<usize>,
    /// Keep to about so much memory, by dropping flows likewise: 500M, 2G (K, M, G count in 1024s); bare bytes
    #[arg(long, value_name = "SIZE", value_parser = memory, allow_hyphen_values = true, default_value = "4G")]
    pub(super) max_memory: u64,
    /// Use so many threads, by default one for each core; what is said does not depend on it
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(super) growing: Growing,
}

/// Whether more is waited for.
#[derive(Debug, Group)]
pub(super) struct Growing {
    /// Read on where a file still grows: until Ctrl-C, or until nothing was added for DURATION (one file, or -)
    #[arg(long, value_name = "DURATION", value_parser = duration, num_args = 0..=1, require_equals = true)]
    pub(super) follow: Option<Option<i64>>,
}

/// What flows are judged by.
#[derive(Debug, Group)]
pub(super) struct Judging {
    #[command(flatten)]
    pub(super) rows: Rows,
    /// Declare one host or network, such as 10.0.0.11=front-end,mediation (repeatable)
    #[arg(long, value_name = "ADDRESS=ROLE")]
    pub(super) role: Vec<String>,
}

/// Which rows hold.
#[derive(Debug, Group)]
pub(super) struct Rows {
    /// The deployment: hosts, networks, roles, media ranges, accepted flows
    #[arg(short, long, value_name = "FILE")]
    pub(super) topology: Option<PathBuf>,
    /// Turn on a built-in overlay, or all; `lyncap catalog export --list` names them (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(super) overlay: Vec<String>,
    /// Add a catalog file of your own (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(super) catalog: Vec<PathBuf>,
}

/// Where the result goes, and how it looks.
#[derive(Debug, Default, Group)]
pub(super) struct Output {
    /// Output format
    #[arg(short, long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Write to a file, which appears once it is complete (live appends as it goes); - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Colour the output
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(super) color: Colour,
    /// Tell times in UTC, not in the local zone (machine formats are always UTC)
    #[arg(long)]
    pub(super) utc: bool,
    /// No progress bar
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Say more of what was read
    #[arg(short, long)]
    pub(super) verbose: bool,
}

#[derive(Debug, Group)]
pub(super) struct Catalog {
    #[command(subcommand)]
    pub(super) command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum CatalogCommand {
    /// List the rows of the document, and of the overlays that are on
    List(CatalogList),
    /// Show one row: the document's words beside what was derived from them
    Show(CatalogShow),
    /// Print a built-in catalog as a file, to learn the format or to change it
    Export(CatalogExport),
    /// Check catalog files
    Lint(CatalogLint),
    /// Print the firewall matrix of a deployment; with captures, what of it was seen
    Rules(CatalogRules),
}

#[derive(Debug, Group)]
pub(super) struct CatalogList {
    #[command(flatten)]
    pub(super) rows: Rows,
    #[command(flatten)]
    pub(super) output: Output,
    /// Only rows of this role
    #[arg(long)]
    pub(super) role: Option<Role>,
    /// Only rows with this port
    #[arg(long, allow_hyphen_values = true)]
    pub(super) port: Option<Port>,
    /// Only rows of this table: server-ports, load-balancer-hardware, load-balancer-dns, clients, or an overlay's group
    #[arg(long)]
    pub(super) table: Option<String>,
}

#[derive(Debug, Group)]
pub(super) struct CatalogShow {
    /// Row id, such as S03
    #[arg(value_name = "ROW")]
    pub(super) row: String,
    #[command(flatten)]
    pub(super) rows: Rows,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Group)]
pub(super) struct CatalogExport {
    /// Which catalog; the document if none is named
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// List the built-in catalogs
    #[arg(long)]
    pub(super) list: bool,
    /// Write to a file, which appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct CatalogLint {
    /// Catalog files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write to a file, which appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(super) struct CatalogRules {
    /// Captures, directories of them, or - for standard input
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Group)]
pub(super) struct Explain {
    /// A port, such as 5071/tcp; with --flow, captures as the other commands take them
    #[arg(required = true, value_name = "PORT|FILE")]
    pub(super) what: Vec<PathBuf>,
    /// Explain this flow: its number in the list that `lyncap flows` prints of the same files
    #[arg(long, value_name = "N", value_parser = flow_number, allow_hyphen_values = true)]
    pub(super) flow: Option<u64>,
    /// What TLS is weak, and how much it weighs (minimum_tls, severity, forbid, certificate_expiry_days)
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) output: Output,
}
