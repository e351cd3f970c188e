//! `lyncap live` and `lyncap interfaces`.
//!
//! In: arguments. Out: events while it runs, the report at the end, and how it ended.
//! Must not know: how anything is judged or counted.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{From, Interfaces, Live};
use super::output::{complain, emit, is_watched, look};
use super::value::Speed;
use super::{Exit, beside, input, screen, signals};
use crate::capture::{Feed, Filter, Follow, Inputs, Piped, Replay, live};
use crate::error::Error;
use crate::flow::Timeouts;
use crate::live::{Controls, Events, Observer, Outlet, Setup, Sink};
use crate::pipeline::{Bounds, Options};
use crate::report::write;

/// Watches until it is told to end, or there is no more.
pub(super) fn run(args: &Live) -> Result<Exit, Error> {
    let mut judging_roles = args.judging.role.clone();
    own_roles(&args.from, &mut judging_roles)?;
    let topology = input::topology(args.judging.rows.topology.as_deref(), &judging_roles)?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let policy = input::policy(args.flagging.policy.as_deref())?;
    input::keep_inputs(&args.from.read, &args.output)?;
    let shown = screen::is_wanted(args);
    let (controls, flags) = signals::listen(shown)?;
    let mut feed = feed(&args.from, &controls)?;
    let (out, name) = Log::open(args.output.output.as_deref())?;
    let look = look(&args.output, out.is_terminal());
    let events = Events::new(out, args.output.format, look, name);
    let port = beside::port(&args.beside)?;
    let notes = beside::confine(args)?;
    let names = feed.files().iter().map(|file| file.name.clone()).collect();
    let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(beside::observer(&args.beside, port, names)?)];
    let course = &args.course;
    let setup = Setup {
        options: Options {
            timeouts: Timeouts { tcp_ns: course.tcp_timeout, udp_ns: course.udp_timeout },
            // The kernel filters what comes from an interface.
            filter: args.from.filter.as_deref().filter(|_| !feed.is_live()).map(Filter::new).transpose()?,
            keep_duplicates: course.keep_duplicates,
            bounds: Bounds { flows: course.max_flows, memory: course.max_memory },
            ..Options::default()
        },
        catalogs: &catalogs,
        topology: &topology,
        policy: &policy,
        interval_ns: course.interval,
        active_ns: course.active_timeout,
        duration_ns: course.duration,
        frames: course.packets.map(|packets| packets as u64),
        flags: args.flagging.fail_on.least(),
        held_beside: beside::held(&args.beside),
        pictures: shown.then_some(look.clock),
        notes,
    };
    let mut sink: Box<dyn Sink> = Box::new(events);
    if shown {
        let (curtain, viewer) = screen::open(sink, flags, args, look)?;
        observers.push(Box::new(viewer));
        sink = Box::new(curtain);
    } else if is_watched(&args.output) && args.from.read.iter().all(|path| path == Path::new("-")) {
        complain("watching until Ctrl-C, which ends it with a report");
    }
    crate::live::run(&mut *feed, setup, &controls, &mut *sink, observers, |reading, audit| {
        input::complete(reading)?;
        let flagged = audit.findings.iter().any(|finding| args.flagging.fail_on.is_met_by(finding.severity));
        Ok(Exit::of(reading).max(if flagged { Exit::Findings } else { Exit::Clean }))
    })
}

/// Lists what can be watched.
pub(super) fn interfaces(args: &Interfaces) -> Result<Exit, Error> {
    let interfaces = live::interfaces()?;
    emit(&args.output, |out, look| write::interfaces(out, args.output.format, look, &interfaces))?;
    Ok(Exit::Clean)
}

/// Interfaces, or files that are replayed.
fn feed(from: &From, controls: &Controls) -> Result<Box<dyn Feed>, Error> {
    if !from.interfaces.is_empty() {
        let how = live::How {
            filter: from.filter.clone(),
            promiscuous: !from.no_promiscuous,
            snaplen: from.snaplen,
            buffer: from.buffer_size,
            immediate: from.immediate,
        };
        return live::open(&from.interfaces, &how);
    }
    let inputs = match &*from.read {
        // What another program captures comes when it comes.
        [path] if path == Path::new("-") && !is_file(path) => {
            if from.speed.is_some_and(|Speed(speed)| speed.is_some()) {
                let why = "--speed is of files: what comes through a pipe comes when it comes; leave it out";
                return Err(Error::Usage(why.to_owned()));
            }
            let (paths, follow) = (from.read.clone(), Follow { stop: Arc::clone(&controls.stop), ..Follow::default() });
            return Ok(Box::new(Piped::new("-", move || Inputs::follow(&paths, follow))));
        }
        paths => Inputs::open(paths)?,
    };
    for left in inputs.left_out().iter().filter(|left| left.known) {
        complain(&format!("left out {}: {}", left.file, left.why));
    }
    Ok(Box::new(Replay::new(inputs, from.speed.unwrap_or(Speed(Some(1.0))).0)))
}

/// Whether standard input is a file, which has an end.
#[cfg(unix)]
fn is_file(_: &Path) -> bool {
    use std::os::fd::AsFd as _;
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    input.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(not(unix))]
const fn is_file(_: &Path) -> bool {
    true
}

/// `--role self=…` means this host, by each of its addresses.
fn own_roles(from: &From, roles: &mut Vec<String>) -> Result<(), Error> {
    let own: Vec<_> = roles.iter().filter_map(|role| role.strip_prefix("self=")).map(str::to_owned).collect();
    if own.is_empty() {
        return Ok(());
    }
    if !from.read.is_empty() {
        let why = "--role self=… is this host, which a replayed capture may not be of; write its address";
        return Err(Error::Usage(why.to_owned()));
    }
    roles.retain(|role| !role.starts_with("self="));
    for interface in live::interfaces()? {
        for address in interface.addresses.iter().filter(|address| !address.is_loopback()) {
            roles.extend(own.iter().map(|role| format!("{address}={role}")));
        }
    }
    Ok(())
}

/// Where events go: standard output, or a file that grows and can be opened again.
struct Log {
    path: Option<PathBuf>,
    out: Box<dyn Write>,
    terminal: bool,
}

impl Log {
    /// With what errors call it.
    fn open(path: Option<&Path>) -> Result<(Self, PathBuf), Error> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let out = io::stdout();
            let terminal = out.is_terminal();
            return Ok((Self { path: None, out: Box::new(out), terminal }, "standard output".into()));
        };
        let file = append(path).map_err(|source| Error::Write { path: path.to_owned(), source })?;
        Ok((Self { path: Some(path.to_owned()), out: Box::new(file), terminal: false }, path.to_owned()))
    }

    const fn is_terminal(&self) -> bool {
        self.terminal
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Outlet for Log {
    fn reopen(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            match append(path) {
                Ok(file) => self.out = Box::new(file),
                // Made anew by somebody else, or in a directory that this user may not write to any more.
                Err(error) => complain(&format!("{}: {error}; the run goes on in the file it had", path.display())),
            }
        }
        Ok(())
    }
}
