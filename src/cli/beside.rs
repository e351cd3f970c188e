//! What stands beside a live run: kept packets, metrics, and giving up rights once the capture is open.
//!
//! In: arguments. Out: an [`Observer`] of the run. Must not know: how packets are kept, what the figures are, what confines.

use std::path::PathBuf;

use super::args::{Beside as Args, Live, Sandbox};
use super::output::complain;
use crate::capture::Frame;
use crate::error::Error;
use crate::flow::FrameId;
use crate::keep::{Bounds, Keeper, Limits, Store};
use crate::live::{Observer, Snapshot, Told};
use crate::metrics::{Listening, Metrics};
use crate::privilege::{self, Level, Needs};

/// Opens the port, which a confined process could not.
pub(super) fn port(args: &Args) -> Result<Option<Listening>, Error> {
    args.metrics.map(|at| Listening::open(at, args.metrics_anywhere)).transpose()
}

/// Gives up what is not needed once the capture is open, and says what could not be given up; so shall the report.
pub(super) fn confine(args: &Live) -> Result<Vec<String>, Error> {
    let replayed = !args.from.read.is_empty();
    let level = match args.beside.sandbox {
        Some(Sandbox::Strict) => Level::Strict,
        Some(Sandbox::On) => Level::On,
        Some(Sandbox::Off) => Level::Off,
        None if replayed => Level::Off,
        None => Level::On,
    };
    let needs = needs(args);
    let enforced = privilege::confine(level, &needs)?;
    for file in needs.files.iter().filter(|file| !privilege::could_make(file)) {
        let file = file.display();
        complain(&format!(
            "{file}: could not be made again at SIGHUP by the user that this run is now; give its directory to that user, or \
             name the owner with --user"
        ));
    }
    let missing = enforced.missing().map(|missing| format!("this run kept rights that it did not need: {missing}"));
    if args.output.verbose {
        enforced.lines().for_each(|line| complain(&line));
    } else if let Some(missing) = &missing {
        complain(missing);
    }
    Ok(missing.into_iter().collect())
}

/// What is read while it runs: what there is of interfaces and of this process, and the zone that times are told in.
const READ: &[&str] = &["/sys/class/net", "/sys/devices", "/proc/self/status", "/etc/localtime", "/usr/share/zoneinfo"];

fn needs(args: &Live) -> Needs {
    let file = args.output.output.iter().filter(|path| path.as_os_str() != "-");
    let read = READ.iter().map(PathBuf::from).chain(args.from.read.iter().cloned());
    Needs {
        user: args.beside.user.clone(),
        directories: args.beside.write_flagged.iter().cloned().collect(),
        files: file.cloned().collect(),
        readable: read.filter(|path| path.exists()).collect(),
    }
}

/// Watches the run for whoever stands beside it; `names` are those of its inputs.
pub(super) fn observer(args: &Args, port: Option<Listening>, names: Vec<String>) -> Result<Beside, Error> {
    let limits = Limits {
        file_bytes: args.flagged_size,
        file_ns: args.flagged_every,
        files: args.flagged_files,
        total_bytes: args.flagged_total,
    };
    let store = args.write_flagged.as_ref().map(|directory| Store::open(directory, limits, names)).transpose()?;
    let keeper = store.map(|store| Keeper::new(store, Bounds::default()));
    let metrics = port.map(|port| {
        let metrics = Metrics::new();
        port.serve(&metrics.page()).map(|_| metrics)
    });
    Ok(Beside { keeper, metrics: metrics.transpose()?, away: Vec::new() })
}

/// Bytes that it may hold.
pub(super) fn held(args: &Args) -> u64 {
    args.write_flagged.as_ref().map_or(0, |_| Bounds::default().bytes as u64)
}

/// What stands beside a run.
pub(super) struct Beside {
    keeper: Option<Keeper>,
    metrics: Option<Metrics>,
    /// Of each interface, whether it was down when it was looked at last.
    away: Vec<bool>,
}

impl Beside {
    /// Says which interfaces went down or came back.
    fn tell_absences(&mut self, snapshot: &Snapshot) {
        self.away.resize(snapshot.inputs.len(), false);
        for (input, away) in snapshot.inputs.iter().zip(&mut self.away).filter(|(input, away)| input.up == **away) {
            *away = !input.up;
            let what = if input.up { "is back" } else { "is down or gone; it is watched again once it is back" };
            complain(&format!("{}: {what}", input.name));
        }
    }
}

impl Observer for Beside {
    fn frame(&mut self, frame: &Frame<'_>, flow: FrameId) {
        if let Some(keeper) = &mut self.keeper {
            keeper.saw(frame, flow);
        }
    }

    fn wants_frames(&self) -> bool {
        self.keeper.is_some()
    }

    fn judged(&mut self, told: &Told<'_>) {
        if let Some(keeper) = &mut self.keeper {
            Observer::judged(keeper, told);
            if let Some(news) = keeper.store().news() {
                complain(&news);
            }
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        // What is replayed ends; of what is live the clock is known.
        if snapshot.lag.is_some() {
            self.tell_absences(snapshot);
        }
        let kept = self.keeper.as_mut().map(|keeper| (keeper.store().stored(), keeper.kept()));
        if let Some(metrics) = &mut self.metrics {
            metrics.publish(snapshot, kept);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Error> {
        if let Some(keeper) = &mut self.keeper {
            keeper.store().reopen();
        }
        Ok(())
    }
}
