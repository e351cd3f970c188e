//! Services seen: one entry for each row that was a flow's best, with distributions.
//!
//! In: judged flows that rows explain. Out: [`ServiceRecord`]s, busiest first.
//! Must not know: findings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Proofs;
use super::grouping::{Distinct, note};
use super::room::Room;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::{Address, Transport};
use crate::report::text::seconds;
use crate::topology::hash::FastMap;
use crate::verdict::{Judged, Outcome, Verdict};

/// One service.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct ServiceRecord {
    pub row: String,
    pub catalog: String,
    pub service: String,
    /// Rows that also fit, because a role is unknown or the document says it twice.
    pub also: Vec<String>,
    pub expected: String,
    pub verdict: &'static str,
    pub transports: Vec<&'static str>,
    pub ports: Vec<u16>,
    pub flows: u64,
    pub proofs: BTreeMap<&'static str, u64>,
    pub initiators: u64,
    pub responders: u64,
    pub packets: u64,
    pub bytes: u64,
    pub outcomes: BTreeMap<&'static str, u64>,
    pub packet_size: Option<Percentiles>,
    pub handshake_rtt_s: Option<Percentiles>,
    pub duration_s: Option<Percentiles>,
}

/// A distribution.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub count: u64,
    pub min: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

/// A distribution of what is judged by its worse half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Spread {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

/// A histogram that exists once something was recorded; two significant digits, but exact extremes.
#[derive(Clone, Default)]
pub(super) struct Lazy(Option<(Histogram<u64>, u64, u64)>);

impl Lazy {
    pub(super) fn record(&mut self, value: u64, count: u64) {
        if self.0.is_none() {
            self.0 = Histogram::new(2).ok().map(|histogram| (histogram, u64::MAX, 0));
        }
        if let Some((histogram, least, most)) = &mut self.0 {
            // Auto-resizing: it can only fail for want of memory, and then a percentile is the least of it.
            let _ = histogram.record_n(value, count);
            (*least, *most) = (value.min(*least), value.max(*most));
        }
    }

    fn percentiles(&self, scale: f64) -> Option<Percentiles> {
        let (count, least, most, at) = self.quantiles(scale)?;
        Some(Percentiles { count, min: least, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: most })
    }

    pub(super) fn spread(&self, scale: f64) -> Option<Spread> {
        let (count, _, most, at) = self.quantiles(scale)?;
        Some(Spread { count, p50: at(0.5), p95: at(0.95), max: most })
    }

    /// Number of values, the least, the most, and any quantile.
    fn quantiles(&self, scale: f64) -> Option<(u64, f64, f64, impl Fn(f64) -> f64)> {
        let (histogram, least, most) = self.0.as_ref().filter(|(histogram, ..)| !histogram.is_empty())?;
        let at = move |quantile| histogram.value_at_quantile(quantile).clamp(*least, *most) as f64 / scale;
        Some((histogram.len(), *least as f64 / scale, *most as f64 / scale, at))
    }
}

/// What is gathered of one service.
#[derive(Clone, Default)]
struct Gathered<'a> {
    service: &'a str,
    catalog: &'a str,
    expected: String,
    also: BTreeSet<&'a str>,
    transports: BTreeSet<Transport>,
    ports: BTreeSet<u16>,
    flows: u64,
    proofs: Proofs,
    initiators: Option<Distinct<Address>>,
    responders: Option<Distinct<Address>>,
    packets: u64,
    bytes: u64,
    outcomes: BTreeMap<Outcome, u64>,
    sizes: Lazy,
    shortest: Option<u32>,
    rtt: Lazy,
    duration: Lazy,
}

/// All services.
#[derive(Clone, Default)]
pub(super) struct Services<'a> {
    of: FastMap<(&'a str, Verdict), Gathered<'a>>,
    room: Room,
}

impl<'a> Services<'a> {
    pub(super) fn within(room: Room) -> Self {
        Self { room, ..Self::default() }
    }

    /// Brings up to date how much is kept.
    pub(super) fn recount(&mut self) {
        let ends = self.of.values().flat_map(|of| [&of.initiators, &of.responders]);
        self.room.recount(ends.flatten().map(Distinct::taken).sum());
    }

    pub(super) const fn room(&self) -> Room {
        self.room
    }

    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'a>) {
        let Some((row, others)) = judged.rows.split_first() else { return };
        let service = self.of.entry((&row.id, judged.verdict)).or_insert_with(|| Gathered {
            service: &row.service,
            catalog: &row.catalog,
            expected: row.expected(),
            ..Gathered::default()
        });
        service.also.extend(others.iter().map(|other| &*other.id));
        let (from, to) = (judged.oriented.initiator.at, judged.oriented.responder.at);
        service.transports.insert(judged.oriented.transport);
        // A range's ports are told by its row; listing thousands of them tells nothing.
        if row.is_fixed() {
            service.ports.insert(to.port);
        }
        service.flows += 1;
        service.proofs.count(judged.proof);
        note(&mut service.initiators, from.address, &mut self.room);
        note(&mut service.responders, to.address, &mut self.room);
        service.packets += flow.packets();
        service.bytes += flow.counters.forward.bytes + flow.counters.reverse.bytes;
        *service.outcomes.entry(judged.outcome).or_default() += 1;
        for (length, frames) in flow.sizes.iter() {
            service.sizes.record(u64::from(length), u64::from(frames));
        }
        service.shortest = Some(service.shortest.unwrap_or(u32::MAX).min(flow.sizes.minimum));
        if let Some(rtt) = flow.handshake.rtt_ns() {
            service.rtt.record(u64::from(rtt) / 1000, 1);
        }
        let duration = flow.last_seen.since(flow.first_seen).max(0);
        service.duration.record(duration.unsigned_abs() / 1000, 1);
    }

    pub(super) fn finish(self) -> Vec<ServiceRecord> {
        let mut services: Vec<_> = self.of.into_iter().collect();
        services.sort_by_key(|&((row, verdict), ref of)| (Reverse(of.flows), row, verdict));
        services.into_iter().map(|((row, verdict), of)| of.finish(row, verdict)).collect()
    }
}

impl Gathered<'_> {
    fn finish(self, row: &str, verdict: Verdict) -> ServiceRecord {
        let microseconds = 1.0 / seconds(1000);
        let packet_size = self.sizes.percentiles(1.0).map(|sizes| Percentiles {
            // The buckets are coarse, but the extremes are exact.
            min: f64::from(self.shortest.unwrap_or_default()),
            ..sizes
        });
        ServiceRecord {
            row: row.to_owned(),
            catalog: self.catalog.to_owned(),
            service: self.service.to_owned(),
            also: self.also.into_iter().map(str::to_owned).collect(),
            expected: self.expected,
            verdict: verdict.as_str(),
            transports: self.transports.into_iter().map(Transport::as_str).collect(),
            ports: self.ports.into_iter().collect(),
            flows: self.flows,
            proofs: self.proofs.by_name(),
            initiators: self.initiators.map_or(0, |hosts| hosts.len() as u64),
            responders: self.responders.map_or(0, |hosts| hosts.len() as u64),
            packets: self.packets,
            bytes: self.bytes,
            outcomes: self.outcomes.into_iter().map(|(outcome, n)| (outcome.as_str(), n)).collect(),
            packet_size,
            handshake_rtt_s: self.rtt.percentiles(microseconds),
            duration_s: self.duration.percentiles(microseconds),
        }
    }
}
