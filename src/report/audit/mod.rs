//! The audit: what a capture says of a deployment, gathered flow by flow.
//!
//! In: each judged flow, once. Out: [`Audit`]: services, findings, coverage, fitness, in a fixed order.
//! Must not know: formats, terminals.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

pub use coverage::CoverageRecord;
pub(super) use fitness::doubt;
pub use fitness::{Fitness, HostRecord, OneSided, WrongChecksums};
pub use found::Finding;
pub use kind::{Kind, Severity};
pub use media::{DscpRecord, MediaRecord, MediumRecord, OneWay, WorstStream};
pub use policy::Policy;
pub use running::Running;
pub use services::{Percentiles, ServiceRecord, Spread};

use super::{FlowRecord, Summary};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::reading::Reading;
use crate::verdict::{Judge, Judged, Proof, Verdict};

mod accepts;
mod coverage;
mod findings;
mod fitness;
mod found;
mod grouping;
mod kind;
mod ladder;
mod limits;
mod media;
mod policy;
mod room;
mod running;
mod services;

/// A whole audit, as the contract has it.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Audit {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub services: Vec<ServiceRecord>,
    pub findings: Vec<Finding>,
    pub accepted: Vec<Finding>,
    pub not_found: Vec<NotFound>,
    pub coverage: Vec<CoverageRecord>,
    pub media: MediaRecord,
    pub fitness: Fitness,
    pub summary: Summary,
    /// Built-in overlays that are off and would explain a finding; a hint for people, told in each reason too.
    #[serde(skip)]
    pub overlays: Vec<String>,
}

/// Something that was looked for and not found, or that could not be looked for.
#[derive(Clone, Debug, Serialize)]
pub struct NotFound {
    /// Kind of finding.
    pub kind: &'static str,
    /// Whether this run could have found it.
    pub looked_for: bool,
    /// A sentence.
    pub statement: String,
}

impl Audit {
    /// Judges every flow of `reading` and gathers the audit, by the default policy.
    #[must_use]
    pub fn new(reading: &Reading, judge: &Judge<'_>) -> Self {
        Self::under(&Policy::default(), reading, judge)
    }

    /// The same by the user's own policy.
    #[must_use]
    pub fn under(policy: &Policy, reading: &Reading, judge: &Judge<'_>) -> Self {
        let mut running = Running::new(policy, judge.topology());
        for (index, flow) in reading.flows.iter().enumerate() {
            running.count(reading, (index, index), flow, &judge.judge(index, flow));
        }
        running.finish(reading, judge)
    }
}

/// Flows by verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdicts([u64; Verdict::ALL.len()]);

impl Verdicts {
    /// Counts one flow.
    pub fn count(&mut self, verdict: Verdict) {
        if let Some(n) = self.0.get_mut(verdict as usize) {
            *n += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub fn absorb(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(n, more)| *n += more);
    }

    /// Flows with this verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0.get(verdict as usize).copied().unwrap_or_default()
    }

    /// Count by exported name, zero included.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        Verdict::ALL.iter().zip(self.0).map(|(verdict, n)| (verdict.as_str(), n)).collect()
    }
}

impl Serialize for Verdicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_name().serialize(serializer)
    }
}

/// Flows by what their payload says of their rows; those without rows are not counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proofs([u64; PROOFS.len()]);

/// Every proof, best first.
const PROOFS: [Proof; 3] = [Proof::Verified, Proof::Unverified, Proof::Contradicted];

impl Proofs {
    /// Counts one flow.
    pub fn count(&mut self, proof: Option<Proof>) {
        if let Some(n) = proof.and_then(|proof| self.0.get_mut(proof as usize)) {
            *n += 1;
        }
    }

    /// Count by exported name, zero included.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        PROOFS.iter().zip(self.0).map(|(proof, n)| (proof.as_str(), n)).collect()
    }
}

/// What the footer counts of flows.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    verdicts: Verdicts,
    proofs: Proofs,
}

impl Tally {
    fn count(&mut self, judged: &Judged<'_>) {
        self.verdicts.count(judged.verdict);
        self.proofs.count(judged.proof);
    }
}

/// The footer of a run, without its fitness.
fn summary(reading: &Reading, judge: &Judge<'_>, tally: &Tally) -> Summary {
    let catalogs = judge.catalogs().catalogs().filter(|&(_, on)| on).map(|(catalog, _)| catalog.name.clone()).collect();
    let counts = (tally.verdicts.by_name(), tally.proofs.by_name());
    Summary::new(&reading.stats, &reading.files, &reading.damage, catalogs, counts)
}

/// The footer of a list of flows: of everything read, whatever was selected.
#[must_use]
pub fn footer(reading: &Reading, judge: &Judge<'_>) -> Summary {
    let mut footer = Footer::default();
    for (index, flow) in reading.flows.iter().enumerate() {
        footer.count(flow, &judge.judge(index, flow));
    }
    footer.finish(reading, judge)
}

/// The same, gathered by whoever judges each flow anyway.
#[derive(Default)]
pub(super) struct Footer {
    fitness: fitness::Gathered,
    tally: Tally,
}

impl Footer {
    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        self.tally.count(judged);
        self.fitness.count(flow, judged);
    }

    pub(super) fn finish(self, reading: &Reading, judge: &Judge<'_>) -> Summary {
        let fitness = self.fitness.finish(reading, judge);
        Summary { fitness: Some(fitness), ..summary(reading, judge, &self.tally) }
    }
}

/// What one flow leads to by a policy: findings, and those that the user accepted.
#[must_use]
pub fn findings_of<'a>(
    policy: &'a Policy,
    reading: &Reading,
    judge: &Judge<'a>,
    index: usize,
    flow: &Flow<Evidence>,
    judged: &Judged<'a>,
) -> (Vec<Finding>, Vec<Finding>) {
    let mut findings = findings::Findings::new(judge.topology(), policy);
    findings.count(reading, index, flow, judged);
    findings.finish(reading, judge)
}

/// The record of one flow; `first_packet` names its file where several were read.
#[must_use]
pub fn record<'a>(
    reading: &'a Reading,
    judge: &Judge<'_>,
    index: usize,
    flow: &'a Flow<Evidence>,
    judged: &'a Judged<'a>,
) -> FlowRecord<'a> {
    FlowRecord::new(index, flow, judge, judged, reading.file_of(flow.first_frame))
}
