//! An audit in the making: counted flow by flow, and able to let go of the flows that it counted.
//!
//! In: judged flows, once each. Out: the [`Audit`] of all of them, at any time.
//! Must not know: why a flow goes, windows, formats.
//!
//! A file's flows are there until the end, and what is asked of them at the end is asked of themselves. A live run
//! [keeps](Running::keep) that of each flow that goes, and [lets go](Running::detach) of the flows. Then what is kept is
//! bounded, and what found no room is counted.

use super::findings::{self, Findings};
use super::kind::{self, Sight};
use super::room::Room;
use super::{Audit, Policy, Severity, Tally, coverage, fitness, limits, media, services, summary};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::reading::Reading;
use crate::report::text::plural;
use crate::topology::Topology;
use crate::verdict::{Judge, Judged};

/// Everything that is gathered for an [`Audit`].
#[derive(Clone)]
pub struct Running<'a, 'f> {
    services: services::Services<'a>,
    findings: Findings<'a, 'f>,
    coverage: coverage::Coverage<'a>,
    media: media::Gathered,
    fitness: fitness::Gathered,
    tally: Tally,
    /// Payload of any flow was captured.
    payload: bool,
    /// Indices of flows that found what they asked for.
    succeeded: Vec<usize>,
}

impl<'a, 'f> Running<'a, 'f> {
    /// Of flows that are all there until the end.
    #[must_use]
    pub fn new(policy: &'a Policy, topology: &'a Topology) -> Self {
        Self {
            services: services::Services::default(),
            findings: Findings::new(topology, policy),
            coverage: coverage::Coverage::default(),
            media: media::Gathered::default(),
            fitness: fitness::Gathered::default(),
            tally: Tally::default(),
            payload: false,
            succeeded: Vec::new(),
        }
    }

    /// Of flows that come and go: about so many findings, and so many hosts and ports of each part of the audit.
    #[must_use]
    pub fn within(findings: usize, hosts: usize, policy: &'a Policy, topology: &'a Topology) -> Self {
        let room = Room::of(hosts);
        Self {
            services: services::Services::within(room),
            findings: Findings::within(findings, room, topology, policy),
            coverage: coverage::Coverage::within(room),
            media: media::Gathered::within(room),
            fitness: fitness::Gathered::within(room),
            ..Self::new(policy, topology)
        }
    }

    /// Counts a flow: the one at the first index of `reading`, which is told as the one at the second.
    pub fn count(
        &mut self,
        reading: &Reading,
        (index, told_as): (usize, usize),
        flow: &'f Flow<Evidence>,
        judged: &Judged<'a>,
    ) {
        self.payload |= flow.state.has_payload();
        self.tally.count(judged);
        self.media.count(told_as, flow, judged);
        self.services.count(flow, judged);
        self.findings.count(reading, index, flow, judged);
        self.coverage.count(flow, judged);
        self.fitness.count(flow, judged);
        if findings::succeeded(judged) {
            self.succeeded.push(index);
        }
    }

    /// Counts a flow that goes on, for the moment; `settled` says whether something may be said against it.
    pub fn count_open(
        &mut self,
        reading: &Reading,
        (index, told_as): (usize, usize),
        flow: &'f Flow<Evidence>,
        judged: &Judged<'a>,
        settled: bool,
    ) {
        if settled {
            return self.count(reading, (index, told_as), flow, judged);
        }
        self.payload |= flow.state.has_payload();
        self.tally.count(judged);
        self.services.count(flow, judged);
        self.coverage.count(flow, judged);
        self.fitness.count(flow, judged);
    }

    /// How much the worst of what a flow leads to weighs, if it leads to anything.
    #[must_use]
    pub fn severity_of(&self, reading: &Reading, flow: &Flow<Evidence>, judged: &Judged<'a>) -> Option<Severity> {
        self.findings.severity_of(reading, flow, judged)
    }

    /// Keeps of the flow that was counted last, and is about to go, what the audit will ask.
    pub fn keep(&mut self, flow: &Flow<Evidence>, judged: &Judged<'a>) {
        if findings::succeeded(judged) {
            // It is kept among those that are gone.
            self.succeeded.pop();
        }
        self.media.keep(flow);
        self.findings.keep(judged);
        self.fitness.keep(flow);
    }

    /// Lets go of all flows that were counted.
    #[must_use]
    pub fn detach(self, judge: &Judge<'_>) -> Running<'a, 'static> {
        let Self { mut services, findings, mut coverage, media, fitness, tally, payload, .. } = self;
        services.recount();
        coverage.recount();
        let findings = findings.detach(judge);
        Running { services, findings, coverage, media, fitness, tally, payload, succeeded: Vec::new() }
    }

    /// Flows by kind of the findings that they belong to; those accepted left out.
    #[must_use]
    pub fn flagged(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.findings.flagged()
    }

    /// Hosts, ports and the like that found no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let rooms =
            [self.services.room(), self.findings.room(), self.coverage.room(), self.media.room(), self.fitness.room()];
        rooms.iter().map(Room::refused).sum()
    }

    /// The audit of all flows that were counted; `reading` holds those that are still there.
    #[must_use]
    pub fn finish(self, reading: &Reading, judge: &Judge<'a>) -> Audit {
        let refused = self.refused();
        let Self { services, mut findings, coverage, media, fitness, tally, payload, succeeded } = self;
        // Few ports are blocked: of the flows that succeeded, those to other ports are not looked at again.
        let blocked = findings.blocked();
        let blocks = |flow: &Flow<Evidence>| blocked.may_be_of(&flow.tuple);
        for &index in succeeded.iter().filter(|_| !blocked.is_empty()) {
            if let Some(flow) = reading.flows.get(index).filter(|flow| blocks(flow)) {
                findings.weigh(&judge.judge(index, flow), &blocked);
            }
        }
        findings.weigh_kept(&blocked);
        let (overlays, withheld) = (findings.overlays(), findings.withheld());
        let (findings, accepted) = findings.finish(reading, judge);
        let sight = Sight { flows: fitness.flows() > 0, payload };
        let mut fitness = fitness.finish(reading, judge);
        fitness.limits.extend(limits::withheld(&withheld));
        if refused > 0 {
            fitness.limits.push(format!(
                "{} of hosts, ports and listeners found no room: what is said of their number is at least so many",
                plural(refused, "mention")
            ));
        }
        Audit {
            kind: "audit",
            schema: "lyncap.audit.v1",
            services: services.finish(),
            not_found: kind::not_found(&findings, &accepted, sight, judge),
            findings,
            accepted,
            coverage: coverage.finish(judge),
            media: media.finish(reading, judge),
            fitness,
            summary: summary(reading, judge, &tally),
            overlays,
        }
    }
}
