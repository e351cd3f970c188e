//! What the commands read: captures, topology, catalogs.
//!
//! In: arguments. Out: a [`Reading`], a [`Topology`], [`Catalogs`].
//! Must not know: what is reported of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::{Input, Judging, Output, Rows};
use super::output::{Progress, complain};
use crate::capture::{Filter, Inputs};
use crate::catalog::{self, Catalogs};
use crate::error::Error;
use crate::flow::Timeouts;
use crate::pipeline::{self, Options};
use crate::reading::Reading;
use crate::topology::Topology;

/// Reads captures with the options given.
pub(super) fn capture(input: &Input, output: &Output) -> Result<Reading, Error> {
    let options = Options {
        timeouts: Timeouts { tcp_ns: input.tcp_timeout, udp_ns: input.udp_timeout },
        filter: input.filter.as_deref().map(Filter::new).transpose()?,
    };
    read(&input.files, options, output)
}

/// Reads captures; says on standard error what could not be read of them.
pub(super) fn read(files: &[PathBuf], options: Options, output: &Output) -> Result<Reading, Error> {
    let inputs = Inputs::open(files)?;
    if output.verbose {
        for left in inputs.left_out() {
            complain(&format!("left out {}: {}", left.file, left.why));
        }
        for file in inputs.files() {
            let size = file.size.map_or_else(|| "size unknown".to_owned(), |size| format!("{size} bytes"));
            complain(&format!("reading {} ({}, {size})", file.name, file.format));
        }
    }
    let mut progress = Progress::new(output, inputs.total_bytes());
    let capture = pipeline::read(inputs, options, |bytes| progress.at(bytes))?;
    progress.finish();
    for damage in &capture.damage {
        complain(&format!(
            "{}: broken at byte {}: {}; everything before it is reported",
            damage.file, damage.offset, damage.what
        ));
    }
    Ok(capture)
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

/// A text file.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
