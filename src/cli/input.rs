//! What the commands read: captures, topology, catalogs, policy.
//!
//! In: arguments. Out: a [`Reading`], a [`Topology`], [`Catalogs`], a [`Policy`].
//! Must not know: what is reported of them.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::args::{Growing, Judging, Output, Reading as How, Rows};
use super::output::{Progress, complain, is_watched};
use super::value::duration;
use crate::capture::{Filter, Follow, Inputs, live};
use crate::catalog::{self, Catalogs};
use crate::error::Error;
use crate::flow::Timeouts;
use crate::pipeline::{self, Bounds, Options};
use crate::reading::Reading;
use crate::report::audit::Policy;
use crate::report::text::plural;
use crate::topology::Topology;

/// Reads captures with the options given.
pub(super) fn capture(files: &[PathBuf], how: &How, output: &Output) -> Result<Reading, Error> {
    read(files, options(how)?, &how.growing, output)
}

/// What the reading flags ask for.
pub(super) fn options(how: &How) -> Result<Options, Error> {
    Ok(Options {
        timeouts: Timeouts { tcp_ns: how.tcp_timeout, udp_ns: how.udp_timeout },
        filter: how.filter.as_deref().map(Filter::new).transpose()?,
        keep_duplicates: how.keep_duplicates,
        threads: threads(how),
        bounds: Bounds { flows: how.max_flows.unwrap_or(usize::MAX), memory: how.max_memory },
    })
}

/// As many as were asked for, or as there are cores.
pub(super) fn threads(how: &How) -> NonZeroUsize {
    how.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// Reads captures; says on standard error what could not be read of them.
fn read(files: &[PathBuf], options: Options, growing: &Growing, output: &Output) -> Result<Reading, Error> {
    keep_inputs(files, output)?;
    let inputs = match growing.follow {
        Some(silence) => follow(files, silence, output)?,
        None => Inputs::open(files)?,
    };
    tell_inputs(&inputs, output);
    let mut progress = Progress::new(output, inputs.total_bytes());
    let reading = pipeline::read(inputs, options, |bytes| progress.at(bytes))?;
    progress.finish();
    complete(&reading)?;
    Ok(reading)
}

/// Says on standard error what could not be read.
///
/// # Errors
/// Nothing could be, or nothing of it is network traffic.
pub(super) fn complete(reading: &Reading) -> Result<(), Error> {
    if let Some(error) = nothing(reading).or_else(|| not_network(reading)) {
        return Err(error);
    }
    for damage in &reading.damage {
        complain(&format!(
            "{}: broken at {}: {}; everything before it is reported",
            damage.file,
            damage.place(),
            damage.what
        ));
    }
    for (file, dropped) in reading.files.iter().filter_map(|file| Some((file, file.dropped.filter(|&n| n > 0)?))) {
        complain(&format!(
            "{}: {} dropped {}: what they held is not reported",
            file.name,
            if file.format == live::FORMAT { "the kernel" } else { "the capturing program" },
            plural(dropped, "frame")
        ));
    }
    Ok(())
}

/// Where files broke before their first frame there is nothing to report.
fn nothing(reading: &Reading) -> Option<Error> {
    let damage = reading.damage.first().filter(|_| reading.stats.frames == 0)?;
    let why = format!("broken at {}: {}; nothing of it can be read", damage.place(), damage.what);
    Some(Error::NotACapture { path: PathBuf::from(&damage.file), why, known: true })
}

/// Where nothing that was read is network traffic there is nothing to judge: whoever asks has the wrong file.
fn not_network(reading: &Reading) -> Option<Error> {
    let kinds: Option<Vec<_>> =
        reading.stats.links.keys().map(|link| Some((link, link.other_than_network()?))).collect();
    let &(link, what) = kinds?.first()?;
    let (first, others) = reading.files.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    Some(Error::NotNetwork { file: format!("{}{more}", first.name), what, link: link.to_string() })
}

/// What a shell reports of a program that Ctrl-C ended.
const ENDED_BY_CTRL_C: i32 = 130;

/// Reads on where a capture still grows, until the first Ctrl-C; the second ends the program.
fn follow(files: &[PathBuf], silence: Option<i64>, output: &Output) -> Result<Inputs, Error> {
    let is_duration = |file: &&PathBuf| !file.exists() && file.to_str().is_some_and(|text| duration(text).is_ok());
    if let Some(apart) = files.iter().find(is_duration).filter(|_| silence.is_none()) {
        let apart = apart.display();
        return Err(Error::Usage(format!("--follow takes its duration after an equals sign: write --follow={apart}")));
    }
    let silence = silence.map(|nanoseconds| Duration::from_nanos(nanoseconds.unsigned_abs()));
    let follow = Follow { silence, ..Follow::default() };
    let stop = follow.stop.clone();
    let installed = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            process::exit(ENDED_BY_CTRL_C);
        }
    });
    installed.map_err(|error| Error::Usage(format!("--follow cannot be told of Ctrl-C: {error}")))?;
    if is_watched(output) {
        complain("following until Ctrl-C, which ends it with a report");
    }
    Inputs::follow(files, follow)
}

/// Refuses to replace a capture by what is said of it.
pub(super) fn keep_inputs(files: &[PathBuf], output: &Output) -> Result<(), Error> {
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
        let format =
            file.compression.map_or_else(|| file.format.to_owned(), |name| format!("{} in {name}", file.format));
        complain(&format!("reading {} ({format}, {size})", file.name));
    }
}

/// The topology file and the `--role` flags.
pub(super) fn topology(file: Option<&Path>, roles: &[String]) -> Result<Topology, Error> {
    let mut topology = match file {
        Some(path) => Topology::parse(&path.display().to_string(), &text(path, TOPOLOGY)?)?,
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
    let own = |path: &PathBuf| catalog::parse(&path.display().to_string(), &text(path, CATALOG)?);
    let user = rows.catalog.iter().map(own).collect::<Result<Vec<_>, _>>()?;
    Catalogs::new(&rows.overlay, user, &topology.site)
}

/// The policy file, or the default policy.
pub(super) fn policy(file: Option<&Path>) -> Result<Policy, Error> {
    file.map_or_else(|| Ok(Policy::default()), |path| Policy::parse(&path.display().to_string(), &text(path, POLICY)?))
}

/// What the text files are, and where they are described.
const TOPOLOGY: &str = "a topology is text in TOML; README.md shows one under \"Tell it who the hosts are\"";
pub(super) const CATALOG: &str = "a catalog is text in TOML; `lyncap catalog export` prints one";
const POLICY: &str = "a policy is text in TOML; README.md shows one under \"What the payload proves\"";

/// A text file; `expected` says what it should be.
pub(super) fn text(path: &Path, expected: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            Error::Config { origin: path.display().to_string(), why: format!("no text; {expected}") }
        }
        _ => Error::Read { path: path.to_owned(), source },
    })
}
