//! `explain`: every row about a port, or each step that led to one flow's verdict.
//!
//! In: arguments. Out: rows, or an explanation. Must not know: how either is found.

use std::path::PathBuf;

use super::args::Explain;
use super::output::emit;
use super::value::Port;
use super::{Exit, input};
use crate::catalog::Row;
use crate::error::Error;
use crate::report::explain::Explanation;
use crate::report::text::plural;
use crate::report::{Format, table, write};
use crate::verdict::Judge;

pub(super) fn run(args: &Explain) -> Result<Exit, Error> {
    match args.flow {
        Some(number) => flow(args, number),
        None => port(args, asked(args)?),
    }
}

/// The one port that is asked about.
fn asked(args: &Explain) -> Result<Port, Error> {
    let [what] = &*args.what else {
        return Err(Error::Usage("explain takes one port, or captures and --flow N".to_owned()));
    };
    let text = what.to_string_lossy();
    let port: Port = (text.parse())
        .map_err(|why: String| Error::Usage(format!("{why}; to explain a flow of a capture add --flow N")))?;
    for (given, flag) in [
        (args.reading.filter.is_some(), "--filter"),
        (args.reading.growing.follow.is_some(), "--follow"),
        (args.reading.keep_duplicates, "--keep-duplicates"),
        (!args.judging.role.is_empty(), "--role"),
    ] {
        if given {
            return Err(Error::Usage(format!("{flag} is for flows: name captures and --flow N, or leave it out")));
        }
    }
    Ok(port)
}

fn port(args: &Explain, Port { transport, port }: Port) -> Result<Exit, Error> {
    let topology = input::topology(args.judging.rows.topology.as_deref(), &[])?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    emit(&args.output, |out, look| {
        if args.output.format == Format::Table {
            return out.write_all(table::about_port(look, &catalogs, transport, port).as_bytes());
        }
        let about = |row: &&Row| row.has_port(port) && transport.is_none_or(|t| row.transports.contains(&t));
        let rows: Vec<&Row> = catalogs.rows().iter().filter(about).collect();
        write::rows(out, args.output.format, look, &rows)
    })?;
    Ok(Exit::Clean)
}

fn flow(args: &Explain, number: u64) -> Result<Exit, Error> {
    let is_port = |what: &&PathBuf| !what.exists() && what.to_string_lossy().parse::<Port>().is_ok();
    if let Some(what) = args.what.iter().find(is_port) {
        let what = what.display();
        return Err(Error::Usage(format!(
            "{what} is a port, and --flow asks about a capture: name the capture, or leave --flow out"
        )));
    }
    let topology = input::judging_topology(&args.judging)?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let policy = input::policy(args.policy.as_deref())?;
    let reading = input::capture(&args.what, &args.reading, &args.output)?;
    let found = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some((index, flow)) = found.and_then(|index| Some((index, reading.flows.get(index)?))) else {
        let flows = reading.flows.len() as u64;
        return Err(Error::Usage(format!(
            "flow {number} of {flows}: there is no such flow; {} numbered from 1, as lyncap flows lists them",
            if flows == 1 { "1 flow is".to_owned() } else { format!("{} are", plural(flows, "flow")) }
        )));
    };
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let judged = judge.judge(index, flow);
    let explanation = Explanation::new(&policy, &reading, &judge, index, flow, &judged);
    emit(&args.output, |out, look| write::explanation(out, args.output.format, look, flow, &explanation))?;
    Ok(Exit::of(&reading))
}
