//! The commands on captures.
//!
//! In: arguments. Out: a report, and how the run ended.
//! Must not know: how a report is made.

use super::args::{Args, Audit as AuditArgs, Command, Flows};
use super::output::{complain, emit};
use super::{Exit, catalog, explain, extract, input, live};
use crate::error::Error;
use crate::report::audit::Audit;
use crate::report::flows::grouped;
use crate::report::write;
use crate::verdict::Judge;

pub(super) fn run(args: &Args) -> Result<Exit, Error> {
    match &args.command {
        Command::Audit(args) => audit(args),
        Command::Flows(args) => flows(args),
        Command::Live(args) => live::run(args),
        Command::Interfaces(args) => live::interfaces(args),
        Command::Catalog(args) => catalog::run(&args.command),
        Command::Explain(args) => explain::run(args),
        Command::Extract(args) => extract::run(args),
    }
}

fn audit(args: &AuditArgs) -> Result<Exit, Error> {
    let topology = input::judging_topology(&args.judging)?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let policy = input::policy(args.flagging.policy.as_deref())?;
    let reading = input::capture(&args.input.files, &args.input.reading, &args.output)?;
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let audit = Audit::under(&policy, &reading, &judge);
    emit(&args.output, |out, look| write::audit(out, args.output.format, look, &reading, &judge, &audit, args.flows))?;
    let flagged = audit.findings.iter().any(|finding| args.flagging.fail_on.is_met_by(finding.severity));
    Ok(Exit::of(&reading).max(if flagged { Exit::Findings } else { Exit::Clean }))
}

fn flows(args: &Flows) -> Result<Exit, Error> {
    let topology = input::judging_topology(&args.judging)?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let reading = input::capture(&args.input.files, &args.input.reading, &args.output)?;
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let mut selection = args.selecting.selection();
    selection.top = selection.top.filter(|_| args.by.is_none());
    if let Some(unknown) = selection.unknown(&judge) {
        return Err(Error::Usage(unknown));
    }
    let indices = selection.indices(&reading, &judge);
    if indices.is_empty() && !reading.flows.is_empty() && !args.output.quiet {
        complain(&format!("none of {} flows matches the selection", reading.flows.len()));
    }
    let format = args.output.format;
    match args.by {
        None => emit(&args.output, |out, look| {
            write::flows_on(input::threads(&args.input.reading), out, format, look, (&reading, &judge), &indices)
        })?,
        Some(by) => {
            let mut groups = grouped(&reading, &judge, &indices, by);
            groups.truncate(args.selecting.top.unwrap_or(usize::MAX));
            emit(&args.output, |out, look| write::groups(out, format, look, &groups))?;
        }
    }
    Ok(Exit::of(&reading))
}
