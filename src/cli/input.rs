//! What the commands read: captures, topology, catalogs, policy.
//!
//! In: arguments. Out: a [`Reading`], a [`Topology`], [`Catalogs`], a [`Policy`].
//! Must not know: what is reported of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::{Judging, Output, Reading as How, Rows};
use super::output::{Progress, complain};
use crate::capture::{Filter, Inputs};
use crate::catalog::{self, Catalogs};
use crate::error::Error;
use crate::flow::Timeouts;
use crate::pipeline::{self, Options};
use crate::reading::Reading;
use crate::report::audit::Policy;
use crate::report::text::plural;
use crate::topology::Topology;

/// Reads captures with the options given.
pub(super) fn capture(files: &[PathBuf], how: &How, output: &Output) -> Result<Reading, Error> {
    let options = Options {
        timeouts: Timeouts { tcp_ns: how.tcp_timeout, udp_ns: how.udp_timeout },
        filter: how.filter.as_deref().map(Filter::new).transpose()?,
        keep_duplicates: how.keep_duplicates,
    };
    read(files, options, output)
}

/// Reads captures; says on standard error what could not be read of them.
fn read(files: &[PathBuf], options: Options, output: &Output) -> Result<Reading, Error> {
    keep_inputs(files, output)?;
    let inputs = Inputs::open(files)?;
    tell_inputs(&inputs, output);
    let mut progress = Progress::new(output, inputs.total_bytes());
    let reading = pipeline::read(inputs, options, |bytes| progress.at(bytes))?;
    progress.finish();
    for damage in &reading.damage {
        complain(&format!(
            "{}: broken at byte {}: {}; everything before it is reported",
            damage.file, damage.offset, damage.what
        ));
    }
    for (file, dropped) in reading.files.iter().filter_map(|file| Some((file, file.dropped.filter(|&n| n > 0)?))) {
        complain(&format!(
            "{}: the capturing program dropped {}: what they held is not reported",
            file.name,
            plural(dropped, "frame")
        ));
    }
    Ok(reading)
}

/// Refuses to replace a capture by what is said of it.
fn keep_inputs(files: &[PathBuf], output: &Output) -> Result<(), Error> {
    let real = |path: &PathBuf| fs::canonicalize(path).ok();
    let Some(target) = output.output.as_ref().and_then(real) else { return Ok(()) };
    match files.iter().find(|file| real(file).is_some_and(|file| file == target)) {
        Some(file) => Err(Error::Usage(format!(
            "-o {} would replace the capture that is read; name another file",
            file.display()
        ))),
        None => Ok(()),
    }
}

/// What of a directory is not read though there may be packets in it, and with `-v` everything else about the files.
fn tell_inputs(inputs: &Inputs, output: &Output) {
    for left in inputs.left_out().iter().filter(|left| left.known || output.verbose) {
        complain(&format!("left out {}: {}", left.file, left.why));
    }
    for file in inputs.files().iter().filter(|_| output.verbose) {
        let size = file.size.map_or_else(|| "size unknown".to_owned(), |size| format!("{size} bytes"));
        complain(&format!("reading {} ({}, {size})", file.name, file.format));
    }
}

/// The topology file and the `--role` flags.
pub(super) fn topology(file: Option<&Path>, roles: &[String]) -> Result<Topology, Error> {
    let mut topology = match file {
        Some(path) => Topology::parse(&path.display().to_string(), &text(path)?)?,
        None => Topology::default(),
    };
    roles.iter().try_for_each(|role| topology.declare(role))?;
    Ok(topology)
}

/// The topology of the judging flags.
pub(super) fn judging_topology(judging: &Judging) -> Result<Topology, Error> {
    topology(judging.rows.topology.as_deref(), &judging.role)
}

/// The catalogs that the flags turn on, as the deployment has them.
pub(super) fn catalogs(rows: &Rows, topology: &Topology) -> Result<Catalogs, Error> {
    let own = |path: &PathBuf| catalog::parse(&path.display().to_string(), &text(path)?);
    let user = rows.catalog.iter().map(own).collect::<Result<Vec<_>, _>>()?;
    Catalogs::new(&rows.overlay, user, &topology.site)
}

/// The policy file, or the default policy.
pub(super) fn policy(file: Option<&Path>) -> Result<Policy, Error> {
    file.map_or_else(|| Ok(Policy::default()), |path| Policy::parse(&path.display().to_string(), &text(path)?))
}

/// A text file.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
