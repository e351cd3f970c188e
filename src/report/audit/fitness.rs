//! Fitness: what this capture can prove, told before any conclusion.
//!
//! In: judged flows and the run's counters. Out: [`Fitness`], with a sentence for each limit.
//! Must not know: findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::{Address, Transport};
use crate::reading::{Reading, Stats};
use crate::report::text::{count, duration, harmless, plural, rfc3339, seconds};
use crate::verdict::{Basis, Judge, Judged, Outcome};

/// What the capture can and cannot prove.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Fitness {
    pub span_s: f64,
    pub link_types: BTreeMap<String, u64>,
    pub flows: u64,
    pub tcp_flows: u64,
    pub tcp_with_handshake: u64,
    pub one_way_flows: u64,
    pub assumed_direction_flows: u64,
    pub snaplen_cut_frames: u64,
    pub clock_steps_back: u64,
    pub longest_gap_s: Option<f64>,
    pub longest_gap_from: Option<String>,
    pub icmp_errors_attached: u64,
    pub hosts: Vec<HostRecord>,
    /// What follows, one sentence each; empty when nothing limits the audit.
    pub limits: Vec<String>,
}

/// A host whose role is declared or inferred, and that was seen.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct HostRecord {
    pub address: String,
    pub name: Option<String>,
    pub roles: Vec<&'static str>,
    pub role_source: &'static str,
    pub inferred_from: Vec<String>,
}

/// What is gathered flow by flow.
#[derive(Default)]
pub(super) struct Gathered {
    flows: u64,
    tcp: u64,
    handshakes: u64,
    one_way: u64,
    assumed: u64,
    servers: BTreeSet<Address>,
}

impl Gathered {
    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        self.flows += 1;
        if flow.tuple.transport == Transport::Tcp {
            self.tcp += 1;
            self.handshakes += u64::from(judged.basis == Basis::Handshake);
        }
        self.one_way +=
            u64::from(!flow.is_two_way() && !matches!(judged.outcome, Outcome::Unanswered | Outcome::Unreachable));
        self.assumed += u64::from(judged.basis >= Basis::FanIn);
        for end in [judged.oriented.initiator, judged.oriented.responder] {
            if end.who.is_server() || !end.who.inferred.is_empty() {
                self.servers.insert(end.at.address);
            }
        }
    }

    pub(super) fn finish(self, reading: &Reading, judge: &Judge<'_>) -> Fitness {
        let stats = &reading.stats;
        let limits = self.limits(reading, judge);
        let gap = stats.longest_gap.filter(|&(gap, _)| gap > 0);
        Fitness {
            span_s: stats.span.map_or(0.0, |(first, last)| seconds(last.since(first))),
            link_types: stats.links.iter().map(|(link, n)| (link.to_string(), *n)).collect(),
            flows: self.flows,
            tcp_flows: self.tcp,
            tcp_with_handshake: self.handshakes,
            one_way_flows: self.one_way,
            assumed_direction_flows: self.assumed,
            snaplen_cut_frames: stats.cut_by_snaplen,
            clock_steps_back: stats.clock_steps_back,
            longest_gap_s: gap.map(|(gap, _)| seconds(gap)),
            longest_gap_from: gap.map(|(_, from)| rfc3339(from)),
            icmp_errors_attached: stats.icmp_errors_attached,
            hosts: self.servers.iter().map(|&address| host(address, judge)).collect(),
            limits,
        }
    }

    fn limits(&self, reading: &Reading, judge: &Judge<'_>) -> Vec<String> {
        let stats = &reading.stats;
        let mut limits = Vec::new();
        let mut say = |applies: bool, sentence: String| {
            if applies {
                limits.push(sentence);
            }
        };
        say(self.flows == 0, "no TCP or UDP flow was read: nothing can be concluded".to_owned());
        let without = self.tcp - self.handshakes;
        say(
            without > 0,
            format!(
                "{} of {} TCP flows show neither SYN nor SYN-ACK: who opened them rests on weaker evidence, given as direction_basis",
                count(without),
                count(self.tcp)
            ),
        );
        say(
            self.flows > 0 && self.one_way * 2 > self.flows,
            format!(
                "{} of {} flows show one direction only: whether they were answered cannot be judged",
                count(self.one_way),
                count(self.flows)
            ),
        );
        let cut = stats.cut_by_snaplen;
        say(cut > 0, format!("{} cut by the snaplen: their payload cannot be proven", plural(cut, "frame")));
        let unsupported: Vec<_> = stats
            .skips
            .iter()
            .filter(|(name, _)| name == "unsupported-link-type")
            .map(|(_, n)| {
                format!("{} of a link type that is not decoded: no flow was read from them", plural(n, "frame"))
            })
            .collect();
        say(!unsupported.is_empty(), unsupported.join(""));
        say(
            stats.clock_steps_back > 0,
            format!(
                "the clock steps back {}: durations and idle time-outs are unsure there",
                plural(stats.clock_steps_back, "time")
            ),
        );
        if let Some(silence) = silence(stats) {
            say(true, format!("nothing was captured for {silence}: what happened then is not judged"));
        }
        say(
            !judge.topology().declares_hosts() && self.flows > 0,
            "no topology was given: rows of every role remain candidates, and no host can be held to its role"
                .to_owned(),
        );
        for damage in &reading.damage {
            say(
                true,
                format!("{} breaks off at {}: what follows was not read", harmless(&damage.file), damage.place()),
            );
        }
        limits
    }
}

/// "40m00s of 59m41s", where a capture is silent for most of its time.
pub(super) fn silence(stats: &Stats) -> Option<String> {
    let ((gap, _), (first, last)) = stats.longest_gap.zip(stats.span)?;
    let whole = last.since(first);
    (gap > 60_000_000_000 && gap > whole / 2).then(|| format!("{} of {}", duration(gap), duration(whole)))
}

fn host(address: Address, judge: &Judge<'_>) -> HostRecord {
    let who = judge.who(address);
    let inferred = judge.learned().inferred(address).map(|(_, ports)| ports).unwrap_or_default();
    let declared = !who.declared.is_empty();
    HostRecord {
        address: address.to_string(),
        name: who.name.map(str::to_owned),
        roles: who.roles().slugs(),
        role_source: if declared { "topology" } else { "inferred" },
        inferred_from: inferred.iter().filter(|_| !declared).map(|(t, port)| format!("{port}/{t}")).collect(),
    }
}
