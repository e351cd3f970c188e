//! `extract`: the packets of selected flows, each with its verdict beside it.
//!
//! In: arguments. Out: a pcapng. Must not know: how a flow is judged, how a pcapng is laid out.
//!
//! The input is read twice: who a flow's ends are, and with it the verdict, is known only after its last packet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use super::args::{Extract, Output};
use super::output::{Progress, complain, write_to};
use super::{Exit, input};
use crate::capture::{Described, Frame, Inputs, LinkType, PcapngWriter};
use crate::error::Error;
use crate::flow::FrameId;
use crate::pipeline::{self, Part, Traced};
use crate::reading::Reading;
use crate::report::audit::{Policy, findings_of};
use crate::report::comment::{MARK, reasoned_line, verdict_line};
use crate::report::text::plural;
use crate::verdict::Judge;

pub(super) fn run(args: &Extract) -> Result<Exit, Error> {
    refuse(args)?;
    let topology = input::judging_topology(&args.judging)?;
    let catalogs = input::catalogs(&args.judging.rows, &topology)?;
    let policy = input::policy(args.policy.as_deref())?;
    let output =
        Output { output: Some(args.output.clone()), quiet: args.quiet, verbose: args.verbose, ..Output::default() };
    let reading = input::capture(&args.input.files, &args.input.reading, &output)?;
    keep_captures(&reading, &args.output)?;
    let judge = Judge::new(&reading.flows, &catalogs, &topology);
    let wanted = wanted(args, &policy, &reading, &judge)?;
    // Before the output is there: it may lie in a folder that is read.
    let inputs = Inputs::open(&args.input.files)?;
    let mut extraction = Extraction { args, reading: &reading, judge: &judge, wanted, counts: Counts::default() };
    let mut failed = None;
    let written = write_to(&args.output, |out| {
        extraction.write(inputs, &output, out).map_err(|error| match error {
            Error::Write { source, .. } => source,
            error => {
                failed = Some(error);
                io::Error::other("the input failed")
            }
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    written?;
    extraction.tell();
    let whole = if extraction.counts.unwritable.is_empty() { Exit::Clean } else { Exit::Incomplete };
    Ok(Exit::of(&reading).max(whole))
}

/// What cannot be read twice, and a terminal.
fn refuse(args: &Extract) -> Result<(), Error> {
    let usage = |why: String| Err(Error::Usage(why));
    if args.input.reading.growing.follow.is_some() {
        return usage("--follow is not for extract, which reads its input twice: leave it out".to_owned());
    }
    let once = |path: &Path| fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if let Some(file) = args.input.files.iter().find(|file| file.as_os_str() == "-" || once(file)) {
        let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
        return usage(format!(
            "extract reads its input twice, and {name} can be read only once: save it as a file first"
        ));
    }
    match args.output.as_os_str() == "-" && io::stdout().is_terminal() {
        true => usage("a capture is not for a terminal: name a file with -o, or pipe it into a program".to_owned()),
        false => Ok(()),
    }
}

/// Refuses to replace a capture by a part of it, also one that was found in a folder.
fn keep_captures(reading: &Reading, output: &Path) -> Result<(), Error> {
    let Ok(target) = fs::canonicalize(output) else { return Ok(()) };
    match reading.files.iter().find(|file| fs::canonicalize(&file.name).is_ok_and(|file| file == target)) {
        Some(file) => {
            Err(Error::Usage(format!("-o {} would replace a capture that is read; name another file", file.name)))
        }
        None => Ok(()),
    }
}

/// The flows whose packets are written: first frame to index.
fn wanted(
    args: &Extract,
    policy: &Policy,
    reading: &Reading,
    judge: &Judge<'_>,
) -> Result<HashMap<FrameId, usize>, Error> {
    let flows = reading.flows.len() as u64;
    if let Some(absent) = args.flow.iter().find(|number| !(1..=flows).contains(number)) {
        return Err(Error::Usage(format!(
            "--flow {absent}: there is no such flow among {flows}, which are numbered from 1 as lyncap flows lists them"
        )));
    }
    let selection = args.selecting.selection();
    if let Some(unknown) = selection.unknown(judge) {
        return Err(Error::Usage(unknown));
    }
    let is_flagged = |index: usize| {
        let flow = reading.flows.get(index)?;
        let (findings, _) = findings_of(policy, reading, judge, index, flow, &judge.judge(index, flow));
        Some(findings.iter().any(|finding| args.fail_on.is_met_by(finding.severity)))
    };
    let mut indices = selection.indices(reading, judge);
    indices.retain(|&index| args.flow.is_empty() || args.flow.contains(&(index as u64 + 1)));
    indices.retain(|&index| !args.flagged || is_flagged(index) == Some(true));
    if indices.is_empty() && flows > 0 && !args.quiet {
        complain(&format!("none of {} matches the selection; the capture written is empty", plural(flows, "flow")));
    }
    Ok(indices.into_iter().filter_map(|index| Some((reading.flows.get(index)?.first_frame, index))).collect())
}

/// What was written.
#[derive(Default)]
struct Counts {
    packets: u64,
    copies: u64,
    quotes: u64,
    /// Frames that pcapng has no words for.
    unwritable: HashMap<LinkType, u64>,
}

/// The second reading.
struct Extraction<'a> {
    args: &'a Extract,
    reading: &'a Reading,
    judge: &'a Judge<'a>,
    wanted: HashMap<FrameId, usize>,
    counts: Counts,
}

impl Extraction<'_> {
    fn write(&mut self, inputs: Inputs, output: &Output, out: &mut dyn Write) -> Result<(), Error> {
        let fail = |source| Error::Write { path: self.args.output.clone(), source };
        let mut places = Places::default();
        let mut lines = Lines::default();
        let mut writer = PcapngWriter::new(out, concat!("lyncap ", env!("CARGO_PKG_VERSION"))).map_err(fail)?;
        let mut progress = Progress::new(output, inputs.total_bytes());
        let options = input::options(&self.args.input.reading)?;
        let (reading, judge, wanted, counts) = (self.reading, self.judge, &self.wanted, &mut self.counts);
        pipeline::trace(
            inputs,
            options,
            &reading.files,
            |bytes| progress.at(bytes),
            |inputs, traced| {
                let Some(&index) = wanted.get(&traced.flow).filter(|_| self.args.takes(traced.part)) else {
                    return Ok(());
                };
                let Some(frame) = traced.frame.registered() else {
                    *counts.unwritable.entry(traced.frame.link).or_default() += 1;
                    return Ok(());
                };
                let traced = Traced { frame, ..traced.clone() };
                let place = places.of(inputs, &traced, &mut writer).map_err(fail)?;
                let line = lines.of(reading, judge, index, &traced);
                // What an earlier extraction noted is not true of this one.
                let kept =
                    traced.comments.iter().filter(|comment| !comment.starts_with(MARK)).map(|comment| &**comment);
                let comments: Vec<&str> = kept.chain([&*line]).collect();
                writer.frame(place, &frame, &comments).map_err(fail)?;
                *match traced.part {
                    Part::Packet => &mut counts.packets,
                    Part::Copy => &mut counts.copies,
                    Part::Quote => &mut counts.quotes,
                } += 1;
                Ok(())
            },
        )?;
        progress.finish();
        Ok(())
    }

    /// What was left out, and with `-v` what was not.
    fn tell(&self) {
        let Counts { packets, copies, quotes, unwritable } = &self.counts;
        let mut links: Vec<_> = unwritable.iter().collect();
        links.sort();
        for (link, &frames) in links {
            complain(&format!(
                "{} of link type {link} left out: pcapng has no such link type",
                plural(frames, "frame")
            ));
        }
        if self.args.verbose {
            complain(&format!(
                "wrote {} of {}: {}, {} of one, {} that quote one",
                plural(self.wanted.len() as u64, "flow"),
                self.reading.flows.len(),
                plural(*packets, "packet"),
                if *copies == 1 { "1 copy".to_owned() } else { format!("{copies} copies") },
                plural(*quotes, "ICMP error"),
            ));
        }
    }
}

impl Extract {
    const fn takes(&self, part: Part) -> bool {
        !(self.no_duplicates && matches!(part, Part::Copy))
    }
}

/// The interfaces of what is written: one for each place of capture, so that a copy that was captured elsewhere still was.
#[derive(Default)]
struct Places(HashMap<(u16, u16, LinkType, bool), u32>);

/// Readers count interfaces with 16 bits; beyond that those of one link type share one.
const MOST_PLACES: usize = 60_000;
/// A place that stands for any.
const ANYWHERE: u16 = u16::MAX;

impl Places {
    fn of<W: Write>(&mut self, inputs: &Inputs, traced: &Traced<'_>, writer: &mut PcapngWriter<W>) -> io::Result<u32> {
        let Frame { link, interface, at, .. } = traced.frame;
        let before_1970 = at.0 < 0;
        let mut key = (traced.id.file, interface, link, before_1970);
        let full = self.0.len() >= MOST_PLACES && !self.0.contains_key(&key);
        if full {
            key = (ANYWHERE, ANYWHERE, link, before_1970);
        }
        let vacant = match self.0.entry(key) {
            Entry::Occupied(known) => return Ok(*known.get()),
            Entry::Vacant(vacant) => vacant,
        };
        let stated = if full { Described::default() } else { inputs.described(traced.id.file, interface) };
        let file = inputs.files().get(usize::from(traced.id.file)).filter(|_| inputs.files().len() > 1 && !full);
        let description =
            file.map(|file| Path::new(&file.name).file_name().unwrap_or_default().to_string_lossy().into_owned());
        let described = Described { link, before_1970, description, ..stated };
        Ok(*vacant.insert(writer.describe(&described)?))
    }
}

/// Lines of the flows of late: a flow is judged once for many packets.
#[derive(Default)]
struct Lines(HashMap<usize, String>);

/// So many lines are kept.
const MOST_LINES: usize = 1 << 16;

impl Lines {
    fn of(&mut self, reading: &Reading, judge: &Judge<'_>, index: usize, traced: &Traced<'_>) -> String {
        let Some(flow) = reading.flows.get(index) else { return String::new() };
        let number = index as u64 + 1;
        if traced.id == traced.flow {
            return reasoned_line(number, judge, flow, &judge.judge(index, flow));
        }
        if self.0.len() >= MOST_LINES {
            self.0.clear();
        }
        let line = self.0.entry(index).or_insert_with(|| verdict_line(number, &judge.judge(index, flow)));
        match traced.part {
            Part::Packet => line.clone(),
            Part::Copy => format!("{line}, copy of a packet"),
            Part::Quote => format!("{line}, ICMP error that quotes a packet"),
        }
    }
}
