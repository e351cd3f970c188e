//! The catalog commands.
//!
//! In: arguments. Out: rows, files, warnings, the firewall matrix.
//! Must not know: how rows match.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::args::{CatalogCommand, CatalogExport, CatalogLint, CatalogList, CatalogRules, CatalogShow, Output};
use super::output::emit;
use super::{Exit, input};
use crate::catalog::{BUILT_IN, Catalog, DOCUMENT, Row, lint, parse};
use crate::error::Error;
use crate::flow::Flows;
use crate::report::text::{harmless, plural};
use crate::report::{Format, rules, table, write};
use crate::verdict::Judge;

pub(super) fn run(command: &CatalogCommand) -> Result<Exit, Error> {
    match command {
        CatalogCommand::List(args) => list(args),
        CatalogCommand::Show(args) => show(args),
        CatalogCommand::Export(args) => export(args),
        CatalogCommand::Lint(args) => check(args),
        CatalogCommand::Rules(args) => matrix(args),
    }
}

fn list(args: &CatalogList) -> Result<Exit, Error> {
    let topology = input::topology(args.rows.topology.as_deref(), &[])?;
    let catalogs = input::catalogs(&args.rows, &topology)?;
    // As the deployment has them; the blank row is listed too, so that the ids can be seen to follow the document.
    let every = catalogs.catalogs().filter(|&(_, on)| on).flat_map(|(catalog, _)| &catalog.rows);
    let every = every.filter_map(|row| if row.blank { Some(row) } else { catalogs.row(&row.id) });
    let wanted = |row: &&Row| {
        let has =
            |p: super::value::Port| row.has_port(p.port) && p.transport.is_none_or(|t| row.transports.contains(&t));
        args.role.is_none_or(|role| row.roles.contains(role))
            && args.port.is_none_or(has)
            && args.table.as_ref().is_none_or(|table| &row.table == table)
    };
    let rows: Vec<&Row> = every.filter(wanted).collect();
    if let Some(table) = args.table.as_ref().filter(|_| rows.is_empty()) {
        let on = catalogs.catalogs().filter(|&(_, on)| on).flat_map(|(catalog, _)| &catalog.rows);
        let tables: BTreeSet<&str> = on.map(|row| &*row.table).collect();
        if !tables.contains(&**table) {
            let tables: Vec<_> = tables.into_iter().collect();
            let why = format!("no table `{table}`; there are {}, --overlay adds more", tables.join(", "));
            return Err(Error::Usage(why));
        }
    }
    if rows.is_empty() {
        return Err(Error::Usage(
            "no row matches; `lyncap catalog list` shows every row, --overlay adds more".to_owned(),
        ));
    }
    emit(&args.output, |out, look| write::rows(out, args.output.format, look, &rows))?;
    Ok(Exit::Clean)
}

fn show(args: &CatalogShow) -> Result<Exit, Error> {
    let topology = input::topology(args.rows.topology.as_deref(), &[])?;
    let catalogs = input::catalogs(&args.rows, &topology)?;
    let every = catalogs.catalogs().flat_map(|(catalog, _)| &catalog.rows);
    let as_deployed = catalogs.row(&args.row);
    let Some(row) = as_deployed.or_else(|| every.into_iter().find(|row| row.id.eq_ignore_ascii_case(&args.row))) else {
        let why =
            format!("no row `{}`; ids are S01..S52, H01..H20, D01..D07, C01..C12 and those of the overlays", args.row);
        return Err(Error::Usage(why));
    };
    emit(&args.output, |out, look| match args.output.format {
        Format::Table => out.write_all(table::row(look, &catalogs, row).as_bytes()),
        format => write::rows(out, format, look, &[row]),
    })?;
    Ok(Exit::Clean)
}

fn export(args: &CatalogExport) -> Result<Exit, Error> {
    let names = || BUILT_IN.iter().map(|&(name, _)| name);
    if args.list {
        emit(&plain(&args.output), |out, _| names().try_for_each(|name| writeln!(out, "{name}")))?;
        return Ok(Exit::Clean);
    }
    let name = args.name.as_deref().unwrap_or(DOCUMENT);
    let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) else {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(Error::Usage(format!("no built-in catalog `{name}`; there are {known}")));
    };
    emit(&plain(&args.output), |out, _| out.write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

/// Ids that a built-in catalog has, unless this one stands in its place.
fn taken(catalog: &Catalog) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    for (name, text) in BUILT_IN.iter().filter(|(name, _)| *name != catalog.name) {
        let built_in = parse(name, text)?;
        let has = |row: &&Row| built_in.rows.iter().any(|other| other.id.eq_ignore_ascii_case(&row.id));
        let clash = |row: &Row| format!("{}: {name} has a row of this id: not both can be on", row.id);
        warnings.extend(catalog.rows.iter().filter(has).map(clash));
    }
    Ok(warnings)
}

/// Output that has one form only.
fn plain(file: &Option<PathBuf>) -> Output {
    Output { output: file.clone(), ..Output::default() }
}

fn check(args: &CatalogLint) -> Result<Exit, Error> {
    let mut lines = Vec::new();
    for path in &args.files {
        let origin = path.display().to_string();
        let catalog = parse(&origin, &input::text(path, input::CATALOG)?)?;
        let mut warnings = lint(&catalog);
        warnings.extend(taken(&catalog)?);
        let (rows, found) = (catalog.rows.len() as u64, warnings.len() as u64);
        lines.push(format!("{origin}: {}, {}", plural(rows, "row"), plural(found, "warning")));
        lines.extend(warnings.into_iter().map(|warning| format!("{origin}: {warning}")));
    }
    emit(&plain(&args.output), |out, _| lines.iter().try_for_each(|line| writeln!(out, "{}", harmless(line))))?;
    Ok(Exit::Clean)
}

fn matrix(args: &CatalogRules) -> Result<Exit, Error> {
    let topology = input::judging_topology(&args.judging)?;
    if !topology.declares_hosts() {
        let why = "the matrix needs the deployment: give --topology FILE, or --role ADDRESS=ROLE for each host";
        return Err(Error::Usage(why.to_owned()));
    }
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let reading = if args.files.is_empty() && args.reading.growing.follow.is_none() {
        None
    } else {
        Some(input::capture(&args.files, &args.reading, &args.output)?)
    };
    let none = Flows::default();
    let judge = Judge::new(reading.as_ref().map_or(&none, |reading| &reading.flows), &catalogs, &topology);
    let rules = rules::rules(&judge, reading.as_ref())?;
    emit(&args.output, |out, look| write::rules(out, args.output.format, look, &rules))?;
    Ok(reading.map_or(Exit::Clean, |reading| Exit::of(&reading)))
}
