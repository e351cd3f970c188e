//! The whole reading path against tshark, over real captures: frames, bytes, times, and per conversation packets and
//! bytes each way and who opened it. And that no client's port ever makes a flow media.
//!
//! In: `../shared/captures`, where it exists; `fixtures/`. Out: a list of differences that no table explains.
//! Must not know: how anything is read or judged.
//!
//! How tshark's figures were made, and so how they compare: no silence and no new handshake splits a conversation
//! there, so ours are summed by order-free five-tuple and no time-out ends them.
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod real;

use std::collections::BTreeSet;
use std::fs;
use std::ops::{AddAssign, RangeInclusive};
use std::path::Path;

use lyncap::capture::{Inputs, LinkType};
use lyncap::catalog::Catalogs;
use lyncap::net::Transport;
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::{Basis, Judge, Proof, Verdict};

use real::compare::compare;
use real::known::{KNOWN, UNDECODED};
use real::ours::Ours;
use real::truth::Truth;

/// What the comparison of all files came to.
#[derive(Default)]
struct Tally {
    equal: usize,
    frames: u64,
    conversations: usize,
    opened: usize,
    undecoded: BTreeSet<LinkType>,
    known: BTreeSet<&'static str>,
    /// A line for each file and rule that does not hold.
    unexplained: Vec<String>,
}

#[test]
fn every_capture_is_read_as_tshark_reads_it() {
    let files = real::captures(real::SOUND);
    if files.is_empty() {
        return;
    }
    let mut tally = Tally::default();
    for path in &files {
        match Inputs::open(std::slice::from_ref(path)) {
            Ok(inputs) => tally.compare(path, inputs),
            Err(error) => tally.unexplained.push(format!("{}: refused: {error}", real::short(path))),
        }
    }
    let Tally { equal, frames, conversations, opened, .. } = tally;
    println!(
        "{equal} of {} files equal: {frames} frames, {conversations} conversations, {opened} with a known initiator",
        files.len()
    );
    println!("{} link types not decoded", tally.undecoded.len());
    KNOWN.iter().for_each(|known| println!("{} files differ: {}", known.files.len(), known.reason));
    tally.bury_dead_rows();
    assert!(tally.unexplained.is_empty(), "\n{}", tally.unexplained.join("\n"));
    assert!(equal > files.len() / 2, "too few files are equal for the comparison to mean anything");
}

impl Tally {
    fn compare(&mut self, path: &Path, inputs: Inputs) {
        let file = real::short(path);
        let truth = Truth::read(path);
        let ours = Ours::read(&file, inputs);
        if ours.damaged != truth.cut_short {
            self.unexplained.push(format!("{file}: ours damaged: {}, tshark's: {}", ours.damaged, truth.cut_short));
        }
        let undecoded = self.is_undecoded(&file, &ours);
        let differences = compare(&ours, &if undecoded { truth.without_flows() } else { truth });
        let known = KNOWN.iter().flat_map(|known| known.files).find(|(known, _)| *known == file);
        let (summary, expected) = (differences.summary(), known.map_or("", |known| known.1));
        if summary != expected {
            let details = differences.details.join("\n    ");
            self.unexplained.push(format!("{file}: {summary:?}, by the table {expected:?}\n    {details}"));
        } else if summary.is_empty() && !undecoded {
            self.equal += 1;
            self.frames += ours.frames;
            self.conversations += ours.flows.len();
            self.opened += ours.flows.values().filter(|sum| sum.opener.is_some()).count();
        }
        self.known.extend(known.map(|known| known.0).filter(|_| !summary.is_empty()));
    }

    /// Whether no frame can be decoded; and frames of the link types in the table are skipped as such, and no others.
    fn is_undecoded(&mut self, file: &str, ours: &Ours) -> bool {
        let mut expected = 0;
        for (link, frames) in ours.links.iter().filter(|(link, _)| UNDECODED.iter().any(|row| row.0 == link.0)) {
            self.undecoded.insert(*link);
            expected += frames;
        }
        let skipped = ours.skipped.get("unsupported-link-type").copied().unwrap_or_default();
        if skipped != expected {
            let links =
                format!("{skipped} frames of unsupported link types, by the table {expected} of {:?}", ours.links);
            self.unexplained.push(format!("{file}: {links}"));
        }
        expected > 0 && expected == ours.frames
    }

    /// A row of a table that no file needed is an excuse for nothing.
    fn bury_dead_rows(&mut self) {
        let undecoded = UNDECODED.iter().filter(|row| !self.undecoded.contains(&LinkType(row.0)));
        let known = KNOWN.iter().flat_map(|known| known.files).filter(|(file, _)| !self.known.contains(file));
        let rows = undecoded.map(|row| row.1.to_owned()).chain(known.map(|&(file, _)| file.to_owned()));
        self.unexplained.extend(rows.map(|row| format!("no file needs the row of {row}")));
    }
}

/// The document's audio range, as a table that looks at both ports has it.
const AUDIO: RangeInclusive<u16> = 49_152..=57_500;

/// TCP flows that are called media because of the port their initiator opened them from, among those of which more
/// than a guess tells who that was.
#[derive(Clone, Copy, Debug, Default)]
struct Media {
    flows: usize,
    /// By a table that looks at both ports: the initiator's is in the audio range, and the responder's is not.
    naive: usize,
    /// By us: a media row stands for the flow, and the responder's port is not in its range.
    ours: usize,
}

impl AddAssign for Media {
    fn add_assign(&mut self, other: Self) {
        self.flows += other.flows;
        self.naive += other.naive;
        self.ours += other.ours;
    }
}

/// Judges every flow of a capture by the catalogs and the topology.
///
/// Only the payload may prove media on an initiator's port, or make a media row a documentation.
fn media(name: &str, inputs: Inputs, catalogs: &Catalogs, topology: &Topology) -> Media {
    let read = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let judge = Judge::new(&read.flows, catalogs, topology);
    let mut media = Media::default();
    for (index, flow) in read.flows.iter().enumerate() {
        let judged = judge.judge(index, flow);
        let (initiator, responder) = (judged.oriented.initiator.at, judged.oriented.responder.at);
        let what = format!("{name}: {initiator} to {responder}: {:?} {:?}", judged.basis, judged.verdict);
        let mut rows = judged.rows.iter().filter(|row| row.media.is_some());
        let proven = judged.proof == Some(Proof::Verified);
        assert!(judged.verdict != Verdict::Documented || proven || rows.clone().next().is_none(), "{what}");
        if flow.tuple.transport == Transport::Udp || judged.basis > Basis::FixedRow {
            continue;
        }
        let by_initiator = rows.any(|row| !row.has_port(responder.port));
        assert!(!by_initiator || proven, "{what}");
        media.flows += 1;
        media.naive += usize::from(AUDIO.contains(&{ initiator.port }) && !AUDIO.contains(&{ responder.port }));
        media.ours += usize::from(by_initiator && !proven);
    }
    media
}

/// The document alone, and with all overlays.
fn all_catalogs(topology: &Topology) -> [Catalogs; 2] {
    [vec![], vec!["all".to_owned()]].map(|overlays| Catalogs::new(&overlays, vec![], &topology.site).unwrap())
}

#[test]
fn no_real_client_is_media_because_of_its_port() {
    let files = real::captures(real::SOUND);
    let topology = Topology::default();
    for catalogs in all_catalogs(&topology) {
        let mut total = Media::default();
        for path in &files {
            // What cannot be read is the other test's matter.
            if let Ok(inputs) = Inputs::open(std::slice::from_ref(path)) {
                total += media(&real::short(path), inputs, &catalogs, &topology);
            }
        }
        println!("real captures: {total:?}");
        assert_eq!(total.ours, 0);
    }
}

#[test]
fn no_client_of_the_pool_is_media_because_of_its_port() {
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = fs::read_to_string(fixture("pool-day.toml")).unwrap();
    for topology in [Topology::default(), Topology::parse("pool-day.toml", &text).unwrap()] {
        for catalogs in all_catalogs(&topology) {
            let inputs = Inputs::open(&[fixture("pool-day.pcapng")]).unwrap();
            let media = media("pool-day", inputs, &catalogs, &topology);
            println!("pool-day, hosts declared: {}: {media:?}", topology.declares_hosts());
            assert!(media.naive > 30, "{media:?}");
            assert_eq!(media.ours, 0);
        }
    }
}
