//! One window after the other: its flows are judged, told, counted, and let go of.
//!
//! In: windows. Out: what the sink and the observers are told; the audit and the [`Snapshot`] of all that was seen.
//! Must not know: where frames come from, when windows end.

use std::time::Instant;

use super::Setup;
use super::clock::Clock;
use super::events::{Event, Sink};
use super::picture::{Busiest, Explaining, Picture, Which, shown};
use super::shown::{Course, Shown};
use super::snapshot::{EndReason, Input, Observer, Snapshot, Told, WORST};
use super::talkers::Talkers;
use crate::catalog::Catalogs;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Timestamp;
use crate::pipeline::{Close, Window};
use crate::reading::Reading;
use crate::report::audit::{self, Audit, Finding, Running, Severity};
use crate::topology::Topology;
use crate::verdict::{Judge, Judged, Past};

/// Findings gathered before they are rolled up, and hosts, ports and listeners kept of each part of the audit, and of
/// what flows taught: together within what `pipeline` leaves for it.
const FINDINGS: usize = 4096;
const HOSTS: usize = 1 << 15;
/// What begins may still change what it is: so long nothing is said against it.
const FRESH_NS: i64 = 10_000_000_000;
/// Of the flows that went for want of room so many are told in a window.
const EVICTED_TOLD: u64 = 1000;

/// What is kept of a run.
pub(super) struct Gathering<'a> {
    catalogs: &'a Catalogs,
    topology: &'a Topology,
    flags: Option<Severity>,
    active: i64,
    past: Past,
    running: Running<'a, 'static>,
    /// What stands for it while a window is counted.
    empty: Running<'a, 'static>,
    talkers: Talkers,
    /// Capture time at the end of the window before.
    before: Option<Timestamp>,
    course: Course,
    /// What was shown at intervals.
    told: Shown,
    /// What was shown between them, where somebody looks.
    seen: Shown,
    explaining: Option<Explaining<'a>>,
}

/// What a window came to.
pub(super) struct Came<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) audit: Audit,
    /// Of the findings those that are news.
    pub(super) news: Vec<Finding>,
    pub(super) talkers: Talkers,
    pub(super) refused: u64,
    pub(super) flagged: std::collections::BTreeMap<&'static str, u64>,
}

/// What is counted for the moment.
struct Moment<'a, 'f> {
    audit: Running<'a, 'f>,
    talkers: Talkers,
}

impl<'a, 'f> Moment<'a, 'f> {
    /// Counts a flow; against one that is fresh nothing is said unless it cannot change any more.
    fn count(
        &mut self,
        reading: &Reading,
        place: (usize, usize),
        flow: &'f Flow<Evidence>,
        judged: &Judged<'a>,
        fresh: bool,
    ) {
        self.audit.count_open(reading, place, flow, judged, !fresh || flow.state.is_settled());
        if self.audit.severity_of(reading, flow, judged).is_some() {
            self.talkers.count(judged, bytes(flow));
        }
    }

    /// What there is by now; `refused` found no room elsewhere.
    fn came(self, reading: &Reading, judge: Judge<'a>, refused: u64) -> Came<'a> {
        let Self { audit, talkers } = self;
        let (refused, flagged) = (audit.refused() + refused, audit.flagged());
        let audit = audit.finish(reading, &judge);
        Came { judge, audit, news: Vec::new(), talkers, refused, flagged }
    }
}

/// Flows of a window that went for want of room: a flood of them is not told one by one.
#[derive(Default)]
struct Evicted {
    told: u64,
    untold: u64,
}

impl Evicted {
    /// Whether one that goes for this reason is told.
    const fn may(&mut self, reason: EndReason) -> bool {
        if !matches!(reason, EndReason::Evicted) {
            return true;
        }
        let room = self.told < EVICTED_TOLD;
        (self.told, self.untold) = if room { (self.told + 1, self.untold) } else { (self.told, self.untold + 1) };
        room
    }
}

/// What the engine knows at the end of a window.
pub(super) struct Known {
    pub(super) inputs: Vec<Input>,
    /// Flows in the table and the most there may be; what they hold.
    pub(super) held: ((usize, usize), u64),
    pub(super) live: bool,
    pub(super) last: bool,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(setup: &Setup<'a>, memory: u64, begun: Instant) -> Self {
        Self {
            catalogs: setup.catalogs,
            topology: setup.topology,
            flags: setup.flags,
            active: setup.active_ns.max(1),
            past: Past::within(HOSTS),
            running: Running::within(FINDINGS, HOSTS, setup.policy, setup.topology),
            empty: Running::within(FINDINGS, HOSTS, setup.policy, setup.topology),
            talkers: Talkers::default(),
            before: None,
            course: Course { memory, begun, ended: Default::default(), untold: 0 },
            told: Shown::default(),
            seen: Shown::default(),
            explaining: setup.pictures.map(|clock| Explaining::new(setup.policy, clock)),
        }
    }

    /// Judges the flows of a window. Those that are over are told and kept; the others count for the moment, where it is
    /// shown.
    pub(super) fn window(
        &mut self,
        window: &Window,
        why: Close,
        clock: &Clock,
        sink: &mut dyn Sink,
        observers: &mut [Box<dyn Observer + '_>],
    ) -> Result<Option<Came<'a>>, Error> {
        let reading = &window.reading;
        let judge = Judge::after(&self.past, &reading.flows, self.catalogs, self.topology);
        let mut running: Running<'a, '_> = std::mem::replace(&mut self.running, self.empty.clone());
        let mut moment = (why == Close::Time).then(|| Moment { audit: running.clone(), talkers: self.talkers.clone() });
        let (mut told, now) = (Evicted::default(), clock.now().unwrap_or_default());
        let mut busiest = Busiest::default();
        for (index, number, end, flow) in window.flows() {
            if end.is_none() && moment.is_none() {
                continue;
            }
            let judged = judge.judge(index, flow);
            if self.explaining.is_some() {
                busiest.see(index, flow, &judged);
            }
            if !observers.is_empty() {
                let told = told_of(number, flow, &judged, self.flags(&running, reading, flow, &judged), end);
                observers.iter_mut().for_each(|observer| observer.judged(&told));
            }
            let reason = end.or_else(|| self.is_long(flow, now).then_some(EndReason::ActiveTimeout));
            if let Some(reason) = reason.filter(|&reason| sink.wants_flows() && told.may(reason)) {
                let mut record = audit::record(reading, &judge, index, flow, &judged);
                record.id = number;
                sink.tell(&Event::Flow { record: &record, reason })?;
            }
            let place = (index, told_as(number));
            if let Some(moment) = &mut moment {
                let fresh = end.is_none() && now.since(flow.first_seen) < FRESH_NS;
                moment.count(reading, place, flow, &judged, fresh);
            }
            if let Some(end) = end {
                running.count(reading, place, flow, &judged);
                running.keep(flow, &judged);
                judge.remember(index, flow, &mut self.past);
                if running.severity_of(reading, flow, &judged).is_some() {
                    self.talkers.count(&judged, bytes(flow));
                }
                self.course.ended.get_mut(end as usize).into_iter().for_each(|n| *n += 1);
            }
        }
        self.course.untold += told.untold;
        self.before = clock.now();
        if why == Close::End {
            moment = Some(Moment { audit: running, talkers: self.talkers.clone() });
        } else {
            self.running = running.detach(&judge);
        }
        if let Some(explaining) = &mut self.explaining {
            explaining.services(window, &judge, &busiest, Which::New);
        }
        let mut came = moment.map(|moment| moment.came(reading, judge, self.past.overflow()));
        if let Some(came) = &mut came {
            // What began just now may still be refused or unanswered.
            if why != Close::End {
                came.audit.not_found.clear();
            }
            came.news = self.told.news(&came.audit.findings);
            if let Some(explaining) = &mut self.explaining {
                explaining.findings(window, &came.judge, came.audit.findings.iter().take(WORST).chain(&came.news));
            }
        }
        Ok(came)
    }

    /// What somebody sees who looks between two intervals; nothing is told, kept or let go of.
    pub(super) fn look(&mut self, window: &Window, clock: &Clock, known: Known) -> Picture {
        let reading = &window.reading;
        let judge = Judge::after(&self.past, &reading.flows, self.catalogs, self.topology);
        let mut moment = Moment { audit: self.running.clone(), talkers: self.talkers.clone() };
        let (mut busiest, now) = (Busiest::default(), clock.now().unwrap_or_default());
        for (index, number, _, flow) in window.flows() {
            let judged = judge.judge(index, flow);
            busiest.see(index, flow, &judged);
            let fresh = now.since(flow.first_seen) < FRESH_NS;
            moment.count(reading, (index, told_as(number)), flow, &judged, fresh);
        }
        let came = moment.came(reading, judge, self.past.overflow());
        self.seen.news(&came.audit.findings);
        let snapshot = self.seen.snapshot(reading, &came, clock, known, &self.course);
        let Some(explaining) = &mut self.explaining else { return Picture { snapshot, ..Picture::default() } };
        explaining.services(window, &came.judge, &busiest, Which::All);
        explaining.findings(window, &came.judge, shown(&snapshot));
        explaining.picture(snapshot)
    }

    /// Everything that is shown at the end of an interval.
    pub(super) fn snapshot(&mut self, reading: &Reading, came: &Came<'a>, clock: &Clock, known: Known) -> Snapshot {
        self.told.snapshot(reading, came, clock, known, &self.course)
    }

    /// Whether so much of a flow is over that it is reported although it goes on.
    fn is_long(&self, flow: &Flow<Evidence>, now: Timestamp) -> bool {
        let times = |at: Timestamp| at.since(flow.first_seen).max(0) / self.active;
        self.before.is_some_and(|before| times(now) > times(before))
    }

    fn flags(&self, running: &Running<'a, '_>, reading: &Reading, flow: &Flow<Evidence>, judged: &Judged<'a>) -> bool {
        let worst = running.severity_of(reading, flow, judged);
        self.flags.zip(worst).is_some_and(|(least, worst)| worst <= least)
    }
}

/// Tells the sink and the observers what a window came to.
pub(super) fn show(
    sink: &mut dyn Sink,
    observers: &mut [Box<dyn Observer + '_>],
    came: &Came<'_>,
    reading: &Reading,
    snapshot: &Snapshot,
    asked: bool,
) -> Result<(), Error> {
    for finding in &came.news {
        sink.tell(&Event::Finding(finding))?;
    }
    sink.tell(&Event::Interval { audit: &came.audit, reading, snapshot, asked })?;
    observers.iter_mut().try_for_each(|observer| observer.snapshot(snapshot))
}

const fn bytes(flow: &Flow<Evidence>) -> u64 {
    flow.bytes()
}

/// The index that a report of a file would have.
fn told_as(number: u64) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn told_of<'j>(
    id: u64,
    flow: &Flow<Evidence>,
    judged: &'j Judged<'_>,
    flagged: bool,
    end: Option<EndReason>,
) -> Told<'j> {
    Told {
        id,
        first_frame: flow.first_frame,
        verdict: judged.verdict,
        proof: judged.proof,
        flagged,
        service: judged.rows.first().map(|row| (&*row.id, &*row.service)),
        end,
    }
}
