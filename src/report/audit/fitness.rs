//! Fitness: what this capture can prove, told before any conclusion.
//!
//! In: judged flows and the run's counters. Out: [`Fitness`], with a sentence for each limit; and whether one flow's
//! silence proves anything.
//! Must not know: findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::limits::limits;
use super::room::Room;
use crate::capture::LinkType;
use crate::evidence::Evidence;
use crate::flow::{Flow, Marks};
use crate::net::{Address, Direction, Transport};
use crate::reading::{Doubt, Reading, Stats};
use crate::report::text::{duration, plural, rfc3339, seconds};
use crate::topology::hash::{FastMap, FastSet};
use crate::verdict::{Basis, End, Judge, Judged, Outcome};

/// What the capture can and cannot prove.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Fitness {
    pub span_s: f64,
    pub link_types: BTreeMap<String, u64>,
    pub undecoded_frames: BTreeMap<String, u64>,
    pub flows: u64,
    pub tcp_flows: u64,
    pub tcp_with_handshake: u64,
    pub one_way_flows: u64,
    pub one_sided: Vec<OneSided>,
    /// All of them, listed or not.
    #[serde(skip)]
    pub(super) one_sided_hosts: usize,
    pub assumed_direction_flows: u64,
    pub snaplen_cut_frames: u64,
    pub offloaded_segments: u64,
    pub large_segments: u64,
    pub right_checksums: u64,
    pub wrong_checksums: Vec<WrongChecksums>,
    pub duplicates: u64,
    pub dropped_frames: Option<u64>,
    pub clock_steps_back: u64,
    pub longest_gap_s: Option<f64>,
    pub longest_gap_from: Option<String>,
    pub icmp_errors_attached: u64,
    pub evicted_flows: u64,
    pub hosts: Vec<HostRecord>,
    pub unseen_hosts: Vec<String>,
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

/// A server of most of whose TCP flows one direction was not captured.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct OneSided {
    pub address: String,
    pub name: Option<String>,
    pub tcp_flows: u64,
    pub only_sent: u64,
    pub only_received: u64,
}

/// A host whose SYN segments all have a wrong checksum.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct WrongChecksums {
    pub address: String,
    pub name: Option<String>,
    pub segments: u64,
    pub left_to_card: u64,
}

/// At most so many hosts are listed.
const HOSTS: usize = 10_000;

/// What is gathered flow by flow.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    flows: u64,
    tcp: u64,
    handshakes: u64,
    one_way: u64,
    assumed: u64,
    servers: FastMap<Address, Ways>,
    /// Ends whose SYN had a right checksum.
    right: u64,
    /// Who sent a SYN with a wrong one, how often.
    wrong: FastMap<Address, Wrong>,
    /// Who sent one with a right one, in flows that are gone.
    right_before: FastSet<Address>,
    room: Room,
}

/// SYN segments of one host with a wrong checksum, and how many of them it left to its card.
#[derive(Clone, Copy, Default)]
struct Wrong {
    segments: u64,
    left_to_card: u64,
}

/// TCP flows of one server; those that asked in vain do not count.
#[derive(Clone, Copy, Default)]
struct Ways {
    flows: u64,
    only_sent: u64,
    only_received: u64,
}

impl Gathered {
    pub(super) fn within(room: Room) -> Self {
        Self { room, ..Self::default() }
    }

    /// Keeps of a flow that is about to go what [`Gathered::finish`] asks the flows themselves.
    pub(super) fn keep(&mut self, flow: &Flow<Evidence>) {
        for (address, _) in opened(flow).into_iter().filter(|(_, marks)| marks.has_right_sum()) {
            if !self.right_before.contains(&address) && self.room.take() {
                self.right_before.insert(address);
            }
        }
    }

    pub(super) const fn room(&self) -> Room {
        self.room
    }

    /// Flows counted.
    pub(super) const fn flows(&self) -> u64 {
        self.flows
    }

    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        let tcp = flow.tuple.transport == Transport::Tcp;
        let in_vain = matches!(judged.outcome, Outcome::Unanswered | Outcome::Unreachable);
        self.flows += 1;
        if tcp {
            self.tcp += 1;
            self.handshakes += u64::from(judged.basis == Basis::Handshake);
            self.count_checksums(flow);
        }
        self.one_way += u64::from(!flow.is_two_way() && !in_vain);
        self.assumed += u64::from(judged.basis >= Basis::FanIn);
        let initiator = judged.initiator;
        let ends = [(judged.oriented.initiator, initiator), (judged.oriented.responder, initiator.opposite())];
        for (end, direction) in ends.into_iter().filter(|(end, _)| has_a_role(end)) {
            let ways = match self.servers.contains_key(&end.at.address) || self.room.take() {
                true => self.servers.entry(end.at.address).or_default(),
                false => continue,
            };
            if tcp && !in_vain {
                ways.count(flow, direction);
            }
        }
    }

    fn count_checksums(&mut self, flow: &Flow<Evidence>) {
        for (address, marks) in opened(flow) {
            self.right += u64::from(marks.has_right_sum());
            if marks.has(Marks::WRONG_SUM) && (self.wrong.contains_key(&address) || self.room.take()) {
                let wrong = self.wrong.entry(address).or_default();
                wrong.segments += 1;
                wrong.left_to_card += u64::from(marks.has(Marks::LEFT_SUM));
            }
        }
    }

    pub(super) fn finish(mut self, reading: &Reading, judge: &Judge<'_>) -> Fitness {
        let stats = &reading.stats;
        let gap = stats.longest_gap.filter(|&(gap, _)| gap > 0);
        self.forgive(reading);
        let by_name = |links: &BTreeMap<LinkType, u64>| links.iter().map(|(link, n)| (link.to_string(), *n)).collect();
        let servers = in_order(&self.servers);
        let one_sided = || servers.iter().filter_map(|&(address, ways)| ways.one_sided(address, judge));
        let mut fitness = Fitness {
            span_s: stats.span.map_or(0.0, |(first, last)| seconds(last.since(first))),
            link_types: by_name(&stats.links),
            undecoded_frames: by_name(&stats.undecoded),
            flows: self.flows,
            tcp_flows: self.tcp,
            tcp_with_handshake: self.handshakes,
            one_way_flows: self.one_way,
            one_sided: one_sided().take(HOSTS).collect(),
            one_sided_hosts: one_sided().count(),
            assumed_direction_flows: self.assumed,
            snaplen_cut_frames: stats.cut_by_snaplen,
            offloaded_segments: stats.offloaded,
            large_segments: stats.large,
            right_checksums: self.right,
            wrong_checksums: in_order(&self.wrong)
                .into_iter()
                .map(|(address, &of)| wrong(address, of, judge))
                .collect(),
            duplicates: stats.duplicates,
            dropped_frames: reading.dropped(),
            clock_steps_back: stats.clock_steps_back,
            longest_gap_s: gap.map(|(gap, _)| seconds(gap)),
            longest_gap_from: gap.map(|(_, from)| rfc3339(from)),
            icmp_errors_attached: stats.icmp_errors_attached,
            evicted_flows: stats.evicted.flows,
            hosts: servers.iter().take(HOSTS).map(|&(address, _)| host(address, judge)).collect(),
            unseen_hosts: self.unseen(judge),
            limits: Vec::new(),
        };
        fitness.limits = limits(&fitness, reading, judge);
        let hosts = self.servers.len().saturating_sub(HOSTS) as u64;
        if hosts > 0 {
            let beyond = format!("{} with a role are not listed beside the first {HOSTS}", plural(hosts, "host"));
            fitness.limits.push(beyond);
        }
        fitness
    }

    /// A host some of whose checksums are right fills them in itself: that others are wrong has another reason.
    fn forgive(&mut self, reading: &Reading) {
        if self.wrong.is_empty() {
            return;
        }
        self.wrong.retain(|address, _| !self.right_before.contains(address));
        for (address, _) in reading.flows.iter().flat_map(opened).filter(|(_, marks)| marks.has_right_sum()) {
            self.wrong.remove(&address);
        }
    }

    /// Declared servers of which nothing was captured.
    fn unseen(&self, judge: &Judge<'_>) -> Vec<String> {
        let seen: BTreeSet<_> = self.servers.keys().filter_map(|&address| judge.topology().who(address).name).collect();
        let servers = judge.topology().servers();
        servers.filter(|name| self.flows > 0 && !seen.contains(name)).map(str::to_owned).collect()
    }
}

impl Ways {
    /// Counts a flow in which the host sends `direction`.
    fn count(&mut self, flow: &Flow<Evidence>, direction: Direction) {
        self.flows += 1;
        self.only_sent += u64::from(flow.sent(direction.opposite()) == 0);
        self.only_received += u64::from(flow.sent(direction) == 0);
    }

    fn one_sided(&self, address: Address, judge: &Judge<'_>) -> Option<OneSided> {
        let Self { flows, only_sent, only_received } = *self;
        (only_sent.max(only_received) * 2 > flows).then(|| OneSided {
            address: address.to_string(),
            name: judge.who(address).name.map(str::to_owned),
            tcp_flows: flows,
            only_sent,
            only_received,
        })
    }
}

/// Why a flow that was asked in vain is not shown to be blocked; none where it is, or where it is no silence at all.
pub(in crate::report) fn doubt(reading: &Reading, flow: &Flow<Evidence>, judged: &Judged<'_>) -> Option<Doubt> {
    let asked = flow.sent(judged.initiator);
    (judged.outcome == Outcome::Unanswered).then(|| reading.doubt(flow, asked)).flatten()
}

/// "40m00s of 59m41s", where a capture is silent for most of its time.
pub(super) fn silence(stats: &Stats) -> Option<String> {
    let ((gap, _), (first, last)) = stats.longest_gap.zip(stats.span)?;
    let whole = last.since(first);
    (gap > 60_000_000_000 && gap > whole / 2).then(|| format!("{} of {}", duration(gap), duration(whole)))
}

/// What was gathered by address, in the order of addresses.
fn in_order<T>(by_address: &FastMap<Address, T>) -> Vec<(Address, &T)> {
    let mut all: Vec<_> = by_address.iter().map(|(&address, of)| (address, of)).collect();
    all.sort_unstable_by_key(|&(address, _)| address);
    all
}

fn has_a_role(end: &End<'_>) -> bool {
    end.who.is_server() || !end.who.inferred.is_empty()
}

/// Both ends of a flow, and what each showed of its SYN.
fn opened(flow: &Flow<Evidence>) -> [(Address, Marks); 2] {
    let marks = flow.handshake.marks;
    [(flow.tuple.source.address, marks.forward), (flow.tuple.destination.address, marks.reverse)]
}

fn wrong(address: Address, of: Wrong, judge: &Judge<'_>) -> WrongChecksums {
    let name = judge.who(address).name.map(str::to_owned);
    let Wrong { segments, left_to_card } = of;
    WrongChecksums { address: address.to_string(), name, segments, left_to_card }
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
