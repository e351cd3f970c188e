//! What one who is shown snapshots saw before, so that the next one tells rates and news.
//!
//! In: what was gathered by now. Out: a [`Snapshot`].
//! Must not know: windows, who looks. The events of a run and its screen look at times of their own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::clock::Clock;
use super::gather::{Came, Known};
use super::snapshot::{EndReason, Memory, Rates, Service, Snapshot, Table, Totals, WORST};
use super::telling::Telling;
use crate::capture::Drops;
use crate::net::Timestamp;
use crate::reading::Reading;
use crate::report::audit::{Finding, ServiceRecord};

/// What was shown last, and what was told of findings.
#[derive(Default)]
pub(super) struct Shown {
    number: u64,
    elapsed: i64,
    totals: Totals,
    services: Vec<Service>,
    telling: Telling,
}

/// What is known of a run whoever looks.
pub(super) struct Course {
    /// `--max-memory`.
    pub(super) memory: u64,
    pub(super) begun: Instant,
    /// Flows that left the table, by reason.
    pub(super) ended: [u64; EndReason::ALL.len()],
    /// Flows that left it untold.
    pub(super) untold: u64,
}

impl Shown {
    /// Those of the findings that are news to whom this is shown.
    pub(super) fn news(&mut self, findings: &[Finding]) -> Vec<Finding> {
        self.telling.news(findings).into_iter().cloned().collect()
    }

    /// Everything that is shown.
    pub(super) fn snapshot(
        &mut self,
        reading: &Reading,
        came: &Came<'_>,
        clock: &Clock,
        known: Known,
        course: &Course,
    ) -> Snapshot {
        self.number += 1;
        let (audit, stats) = (&came.audit, &reading.stats);
        let passed = clock.elapsed().saturating_sub(self.elapsed);
        let seconds = passed as f64 / 1e9;
        let totals = Totals {
            frames: stats.frames,
            bytes: stats.bytes,
            packets: stats.packets,
            duplicates: stats.duplicates,
            flows: audit.summary.flows,
        };
        let rate = |now: u64, before: u64| if passed > 0 { now.saturating_sub(before) as f64 / seconds } else { 0.0 };
        let before = self.totals;
        let rates = Rates {
            frames: rate(totals.frames, before.frames),
            bits: rate(totals.bytes, before.bytes) * 8.0,
            flows: rate(totals.flows, before.flows),
        };
        let services = self.services(&audit.services, rate);
        (self.elapsed, self.totals, self.services) = (clock.elapsed(), totals, services.clone());
        let drops = known.inputs.iter().fold(Drops::default(), |all, input| all.plus(input.drops));
        let mut findings = BTreeMap::new();
        audit.findings.iter().for_each(|finding| *findings.entry(finding.kind).or_default() += 1);
        let ((open, most), counted) = known.held;
        let ended = EndReason::ALL.iter().zip(course.ended).filter(|(reason, _)| reason.is_end());
        let at = clock.now().unwrap_or_default();
        Snapshot {
            number: self.number,
            last: known.last,
            at,
            since: stats.span.map(|(first, _)| first),
            uptime: course.begun.elapsed(),
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
                untold: course.untold,
                lost: stats.evicted.flows,
            },
            memory: Memory { bound: course.memory, counted, resident: resident() },
            clock_steps: clock.steps(),
            overflow: came.refused,
        }
    }

    /// The services seen, those first that carried most since the snapshot before.
    fn services(&self, records: &[ServiceRecord], rate: impl Fn(u64, u64) -> f64) -> Vec<Service> {
        let before = |record: &ServiceRecord| {
            let same = |of: &&Service| of.row == record.row && of.verdict == record.verdict;
            self.services.iter().find(same).map_or(0, |service| service.bytes)
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
