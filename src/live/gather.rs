//! One window after the other: its flows are judged, told, counted, and let go of.
//!
//! In: windows. Out: what the sink and the observers are told; the audit and the [`Snapshot`] of all that was seen.
//! Must not know: where frames come from, when windows end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Setup;
use super::clock::Clock;
use super::events::{Event, Sink};
use super::snapshot::{EndReason, Input, Memory, Observer, Rates, Service, Snapshot, Table, Told, Totals, WORST};
use super::talkers::Talkers;
use super::telling::Telling;
use crate::capture::Drops;
use crate::catalog::Catalogs;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Timestamp;
use crate::pipeline::{Close, Window};
use crate::reading::Reading;
use crate::report::audit::{self, Audit, Finding, Running, ServiceRecord, Severity};
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
    /// Flows that left the table, by reason.
    ended: [u64; EndReason::ALL.len()],
    /// Flows that left it untold.
    untold: u64,
    telling: Telling,
    memory: u64,
    begun: Instant,
    number: u64,
    /// Capture time at the end of the window before.
    before: Option<Timestamp>,
    last: Shown,
}

/// What the snapshot before showed.
#[derive(Default)]
struct Shown {
    elapsed: i64,
    totals: Totals,
    services: Vec<Service>,
}

/// What a window came to.
pub(super) struct Came<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) audit: Audit,
    /// Of the findings those that are news.
    pub(super) news: Vec<Finding>,
    talkers: Talkers,
    refused: u64,
    flagged: std::collections::BTreeMap<&'static str, u64>,
}

/// What is counted for the moment.
struct Moment<'a, 'f> {
    audit: Running<'a, 'f>,
    talkers: Talkers,
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
            ended: Default::default(),
            untold: 0,
            telling: Telling::default(),
            memory,
            begun,
            number: 0,
            before: None,
            last: Shown::default(),
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
        for (index, number, end, flow) in window.flows() {
            if end.is_none() && moment.is_none() {
                continue;
            }
            let judged = judge.judge(index, flow);
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
                moment.audit.count_open(reading, place, flow, &judged, !fresh || flow.state.is_settled());
                moment.talkers.count(&judged, bytes(flow));
            }
            if let Some(end) = end {
                running.count(reading, place, flow, &judged);
                running.keep(flow, &judged);
                judge.remember(index, flow, &mut self.past);
                self.talkers.count(&judged, bytes(flow));
                self.ended.get_mut(end as usize).into_iter().for_each(|n| *n += 1);
            }
        }
        self.untold += told.untold;
        self.before = clock.now();
        if why == Close::End {
            moment = Some(Moment { audit: running, talkers: self.talkers.clone() });
        } else {
            self.running = running.detach(&judge);
        }
        Ok(moment.map(|moment| self.came(moment, reading, judge)))
    }

    /// What there is by now.
    fn came(&mut self, moment: Moment<'a, '_>, reading: &Reading, judge: Judge<'a>) -> Came<'a> {
        let Moment { audit, talkers } = moment;
        let (refused, flagged) = (audit.refused() + self.past.overflow(), audit.flagged());
        let audit = audit.finish(reading, &judge);
        let news = self.telling.news(&audit.findings).into_iter().cloned().collect();
        Came { judge, audit, news, talkers, refused, flagged }
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

    /// Everything that observers are shown.
    pub(super) fn snapshot(&mut self, reading: &Reading, came: &Came<'a>, clock: &Clock, known: Known) -> Snapshot {
        self.number += 1;
        let (audit, stats) = (&came.audit, &reading.stats);
        let passed = clock.elapsed().saturating_sub(self.last.elapsed);
        let seconds = passed as f64 / 1e9;
        let totals = Totals {
            frames: stats.frames,
            bytes: stats.bytes,
            packets: stats.packets,
            duplicates: stats.duplicates,
            flows: audit.summary.flows,
        };
        let rate = |now: u64, before: u64| if passed > 0 { now.saturating_sub(before) as f64 / seconds } else { 0.0 };
        let before = self.last.totals;
        let rates = Rates {
            frames: rate(totals.frames, before.frames),
            bits: rate(totals.bytes, before.bytes) * 8.0,
            flows: rate(totals.flows, before.flows),
        };
        let services = self.services(&audit.services, rate);
        self.last = Shown { elapsed: clock.elapsed(), totals, services: services.clone() };
        let drops = known.inputs.iter().fold(Drops::default(), |all, input| all.plus(input.drops));
        let mut findings = std::collections::BTreeMap::new();
        audit.findings.iter().for_each(|finding| *findings.entry(finding.kind).or_default() += 1);
        let ((open, most), counted) = known.held;
        let ended = EndReason::ALL.iter().zip(self.ended).filter(|(reason, _)| reason.is_end());
        let at = clock.now().unwrap_or_default();
        Snapshot {
            number: self.number,
            last: known.last,
            at,
            since: stats.span.map(|(first, _)| first),
            uptime: self.begun.elapsed(),
            lag: lag(at).filter(|_| known.live && !known.last),
            interval: Duration::from_nanos(passed.max(0).unsigned_abs()),
            inputs: known.inputs,
            totals,
            rates,
            skipped: audit.summary.skipped.clone(),
            drops,
            verdicts: audit.summary.verdicts.clone(),
            proofs: audit.summary.proofs.clone(),
            services,
            flagged: came.flagged.clone(),
            findings,
            newest: self.telling.newest(),
            worst: audit.findings.iter().take(WORST).cloned().collect(),
            untold: self.telling.untold(),
            repeated: self.telling.repeated(),
            talkers: came.talkers.top(),
            table: Table {
                open: open as u64,
                most: most as u64,
                ended: ended.map(|(reason, n)| (reason.as_str(), n)).collect(),
                untold: self.untold,
                lost: stats.evicted.flows,
            },
            memory: Memory { bound: self.memory, counted, resident: resident() },
            clock_steps: clock.steps(),
            overflow: came.refused,
        }
    }

    /// The services seen, those first that carried most since the snapshot before.
    fn services(&self, records: &[ServiceRecord], rate: impl Fn(u64, u64) -> f64) -> Vec<Service> {
        let before = |record: &ServiceRecord| {
            let same = |of: &&Service| of.row == record.row && of.verdict == record.verdict;
            self.last.services.iter().find(same).map_or(0, |service| service.bytes)
        };
        let service = |record: &ServiceRecord| Service {
            row: record.row.clone(),
            catalog: record.catalog.clone(),
            service: record.service.clone(),
            verdict: record.verdict,
            flows: record.flows,
            packets: record.packets,
            bytes: record.bytes,
            bits_per_second: rate(record.bytes, before(record)) * 8.0,
        };
        let mut services: Vec<_> = records.iter().map(service).collect();
        services.sort_by(|a, b| b.bits_per_second.total_cmp(&a.bits_per_second));
        services
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
    flow.counters.forward.bytes.saturating_add(flow.counters.reverse.bytes)
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

/// How far capture time is behind the clock.
fn lag(at: Timestamp) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_nanos()).ok()?;
    Some(Duration::from_nanos(now.saturating_sub(at.0).max(0).unsigned_abs()))
}

/// Bytes of resident memory, as Linux says.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
