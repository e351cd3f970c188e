//! Findings: what an audit reports, worst first.
//!
//! In: judged flows. Out: [`Finding`]s grouped by kind, ends and port; those that the user accepted apart.
//! Must not know: formats, or what makes a flow a finding.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use serde::Serialize;

use super::fitness::doubt;
use super::grouping::{Common, Label, display_filter};
use super::kind::{Kind, Severity, kinds, reason, rows, tally};
use super::policy::Policy;
use crate::evidence::Evidence;
use crate::flow::{Flow, FrameId};
use crate::net::{Address, FiveTuple, Timestamp, Transport};
use crate::reading::{Doubt, Reading};
use crate::report::community_id;
use crate::report::text::{day, plural, rfc3339};
use crate::topology::Accept;
use crate::verdict::{Judge, Judged, Missing, Verdict};

/// One finding, as the contract has it.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Finding {
    pub kind: &'static str,
    pub severity: Severity,
    pub initiator: String,
    pub responder: String,
    pub transport: &'static str,
    pub port: Option<u16>,
    pub rows: Vec<String>,
    pub count: u64,
    pub reason: String,
    pub first_seen: String,
    pub last_seen: String,
    pub first_packet: u64,
    /// The file that `first_packet` counts in; only where several were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub community_id: String,
    pub filter: String,
    /// Why the user accepted it; only among the accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// What makes flows one finding. No port stands for all ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    accepted: Option<usize>,
    severity: Severity,
    kind: Kind,
    responder: Label,
    transport: Transport,
    port: Option<u16>,
    initiator: Label,
}

/// What is gathered of one finding.
struct Gathered {
    count: u64,
    rows: BTreeSet<String>,
    reason: String,
    expired: Option<usize>,
    initiators: Common<Address>,
    initiator_labels: BTreeSet<Label>,
    responder_labels: BTreeSet<Label>,
    responders: Common<Address>,
    ports: BTreeSet<u16>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    first_frame: FrameId,
    /// Of the first flow.
    tuple: FiveTuple,
    /// How documented connections failed, or what of TLS is weak, and how often.
    tally: BTreeMap<String, u64>,
    /// What of that is beyond [`TOLD_APART`].
    untold: u64,
    /// Flows between the same ends and to the same port that succeeded.
    successes: u64,
}

/// Flows that would be findings, were the capture better.
pub(super) type Withheld = BTreeMap<Doubt, u64>;

/// All findings of a run.
pub(super) struct Findings<'a> {
    reading: &'a Reading,
    judge: &'a Judge<'a>,
    policy: &'a Policy,
    groups: BTreeMap<Group, Gathered>,
    overlays: BTreeSet<String>,
    withheld: Withheld,
}

impl<'a> Findings<'a> {
    pub(super) const fn new(reading: &'a Reading, judge: &'a Judge<'a>, policy: &'a Policy) -> Self {
        Self { reading, judge, policy, groups: BTreeMap::new(), overlays: BTreeSet::new(), withheld: BTreeMap::new() }
    }

    /// What was not called a finding, and why.
    pub(super) fn withheld(&self) -> Withheld {
        self.withheld.clone()
    }

    /// Overlays that are off and would explain a finding.
    pub(super) fn overlays(&self) -> Vec<String> {
        self.overlays.iter().cloned().collect()
    }

    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        for (kind, severity) in kinds(flow, judged, self.policy) {
            match doubt(self.reading, flow, judged).filter(|_| kind == Kind::BlockedDocumentedPort) {
                Some(doubt) => *self.withheld.entry(doubt).or_default() += 1,
                None => self.add(kind, severity, flow, judged),
            }
        }
        if let Some(miss) = judged.near_misses.iter().find(|miss| miss.missing == Missing::Overlay)
            && !self.overlays.contains(&miss.row.catalog)
        {
            self.overlays.insert(miss.row.catalog.clone());
        }
    }

    fn add(&mut self, kind: Kind, severity: Severity, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
        let of_listener = matches!(kind, Kind::UnknownListener | Kind::RoleConflict);
        let (accepted, expired) = self.acceptance(flow, judged);
        let group = Group {
            accepted,
            severity,
            kind,
            responder: Label::of(to),
            transport: judged.oriented.transport,
            // Media spreads over a range: one finding a pair of hosts, not one a port.
            port: (kind != Kind::RangeOnly).then_some(to.at.port),
            initiator: if of_listener { Label::Anyone } else { Label::of(from) },
        };
        let gathered = self.groups.entry(group).or_insert_with(|| Gathered {
            count: 0,
            rows: BTreeSet::new(),
            reason: reason(kind, flow, judged),
            expired,
            initiators: Common::Nothing,
            initiator_labels: BTreeSet::new(),
            responder_labels: BTreeSet::from([Label::of(to)]),
            responders: Common::Nothing,
            ports: BTreeSet::new(),
            first_seen: flow.first_seen,
            last_seen: flow.last_seen,
            first_frame: flow.first_frame,
            tuple: flow.tuple,
            tally: BTreeMap::new(),
            untold: 0,
            successes: 0,
        });
        gathered.count += 1;
        gathered.expired = gathered.expired.or(expired);
        for one in tally(kind, flow, judged, self.policy) {
            gathered.tell(one, 1);
        }
        gathered.initiators.add(from.at.address);
        gathered.initiator_labels.insert(Label::of(from));
        gathered.responders.add(to.at.address);
        gathered.ports.insert(to.at.port);
        gathered.last_seen = gathered.last_seen.max(flow.last_seen);
        for row in rows(kind, judged).filter(|row| !gathered.rows.contains(*row)).collect::<Vec<_>>() {
            gathered.rows.insert(row.to_owned());
        }
    }

    /// The entry that accepts the flow, or else one that did until its date.
    fn acceptance(&self, flow: &Flow<Evidence>, judged: &Judged<'_>) -> (Option<usize>, Option<usize>) {
        let topology = self.judge.topology();
        let (from, to) = (judged.oriented.initiator.at, judged.oriented.responder.at);
        let holds = |accept: &Accept| {
            accept.transport == judged.oriented.transport
                && accept.ports.contains(to.port)
                && topology.is_party(&accept.from, from)
                && topology.is_party(&accept.to, to)
        };
        let mut expired = None;
        for (i, accept) in topology.accepts.iter().enumerate().filter(|(_, accept)| holds(accept)) {
            if accept.until.is_none_or(|until| day(flow.first_seen) <= until) {
                return (Some(i), None);
            }
            expired = Some(i);
        }
        (None, expired)
    }

    /// Whether some documented port was asked in vain: then [`Findings::weigh`] tells how often it was not.
    pub(super) fn has_blocked(&self) -> bool {
        self.groups.keys().any(|group| group.kind == Kind::BlockedDocumentedPort)
    }

    /// Counts a flow that succeeded where others failed.
    pub(super) fn weigh(&mut self, judged: &Judged<'_>) {
        if judged.verdict != Verdict::Documented || !judged.accepted {
            return;
        }
        let to = &judged.oriented.responder;
        let group = |accepted| Group {
            accepted,
            severity: Kind::BlockedDocumentedPort.severity(),
            kind: Kind::BlockedDocumentedPort,
            responder: Label::of(to),
            transport: judged.oriented.transport,
            port: Some(to.at.port),
            initiator: Label::of(&judged.oriented.initiator),
        };
        // The failures may stand among the accepted findings.
        let entries = (0..self.judge.topology().accepts.len()).map(Some);
        for accepted in iter::once(None).chain(entries) {
            if let Some(gathered) = self.groups.get_mut(&group(accepted)) {
                gathered.successes += 1;
            }
        }
    }

    /// Findings worst first, and the accepted ones.
    pub(super) fn finish(self) -> (Vec<Finding>, Vec<Finding>) {
        let file = |frame| self.reading.file_of(frame).map(str::to_owned);
        let accepts = &self.judge.topology().accepts;
        let (mut findings, mut accepted) = (Vec::new(), Vec::new());
        for (group, gathered) in roll_up(self.groups) {
            let entry = group.accepted.and_then(|i| accepts.get(i));
            let expired = gathered.expired.and_then(|i| accepts.get(i));
            let target = if entry.is_some() { &mut accepted } else { &mut findings };
            target.push(gathered.finish(&group, entry, expired, file));
        }
        (findings, accepted)
    }
}

/// This many undeclared initiators of one finding become "N hosts".
const INITIATORS_APART: usize = 5;
/// This many ports of one pair of hosts become one finding: a scan.
const PORTS_APART: usize = 20;

/// This many undeclared responders of one initiator and port become one finding: a sweep.
const RESPONDERS_APART: usize = 20;

/// Findings that differ only in who asked, in the port, or in who was asked, are one when they are many.
fn roll_up(groups: BTreeMap<Group, Gathered>) -> BTreeMap<Group, Gathered> {
    let by_initiator = |group: &Group| match group.initiator {
        Label::Address(_) => Some(Group { initiator: Label::Anyone, ..group.clone() }),
        _ => None,
    };
    let by_port = |group: &Group| Some(Group { port: None, ..group.clone() });
    let by_responder = |group: &Group| match group.responder {
        Label::Address(_) => Some(Group { responder: Label::Anyone, ..group.clone() }),
        _ => None,
    };
    let groups = merge(merge(groups, INITIATORS_APART, by_initiator), PORTS_APART, by_port);
    merge(groups, RESPONDERS_APART, by_responder)
}

fn merge(
    groups: BTreeMap<Group, Gathered>,
    at_most: usize,
    wider: impl Fn(&Group) -> Option<Group>,
) -> BTreeMap<Group, Gathered> {
    let mut sizes: BTreeMap<Group, usize> = BTreeMap::new();
    for group in groups.keys().filter_map(&wider) {
        *sizes.entry(group).or_default() += 1;
    }
    let mut merged: BTreeMap<Group, Gathered> = BTreeMap::new();
    for (group, gathered) in groups {
        let wide = wider(&group).filter(|wide| sizes.get(wide).is_some_and(|&n| n > at_most));
        match merged.entry(wide.unwrap_or(group)) {
            Entry::Vacant(entry) => {
                entry.insert(gathered);
            }
            Entry::Occupied(mut entry) => entry.get_mut().absorb(gathered),
        }
    }
    merged
}

/// Of one finding so many things are told apart; certificates, which come from the wire, could be without number.
const TOLD_APART: usize = 8;

impl Gathered {
    fn tell(&mut self, one: String, n: u64) {
        if self.tally.len() >= TOLD_APART && !self.tally.contains_key(&one) {
            self.untold += n;
        } else {
            *self.tally.entry(one).or_default() += n;
        }
    }

    fn absorb(&mut self, other: Self) {
        if other.first_seen < self.first_seen {
            self.reason = other.reason;
            self.first_frame = other.first_frame;
            self.tuple = other.tuple;
        }
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.count += other.count;
        self.expired = self.expired.or(other.expired);
        self.successes += other.successes;
        self.untold += other.untold;
        for (one, n) in other.tally {
            self.tell(one, n);
        }
        self.rows.extend(other.rows);
        self.initiator_labels.extend(other.initiator_labels);
        self.responder_labels.extend(other.responder_labels);
        self.ports.extend(other.ports);
        self.initiators.join(other.initiators);
        self.responders.join(other.responders);
    }

    fn finish(
        self,
        group: &Group,
        accept: Option<&Accept>,
        expired: Option<&Accept>,
        file: impl Fn(FrameId) -> Option<String>,
    ) -> Finding {
        let ports: Vec<u16> = self.ports.into_iter().collect();
        let port = group.port.or(if let [only] = *ports { Some(only) } else { None });
        let mut reason = self.reason;
        if !self.tally.is_empty() {
            let mut ways: Vec<_> = self.tally.iter().map(|(one, n)| format!("{n} {one}")).collect();
            ways.extend((self.untold > 0).then(|| format!("{} others", self.untold)));
            reason = format!("{reason}: {}", ways.join(", "));
            if self.successes > 0 {
                reason =
                    format!("{reason}; {} between them to this port succeeded", plural(self.successes, "other flow"));
            }
        }
        if let ([first, .., last], None) = (&*ports, port) {
            reason = format!("{reason} ({} from {first} to {last})", plural(ports.len() as u64, "port"));
        }
        if let Some(accept) = expired {
            let until = accept.until.map(|until| until.to_string()).unwrap_or_default();
            reason = format!("{reason}; it was accepted until {until} ({})", accept.reason);
        }
        let told = |label: &Label, all: &BTreeSet<Label>| match label {
            Label::Anyone => together(all),
            label => label.text(),
        };
        Finding {
            kind: group.kind.as_str(),
            severity: group.severity,
            initiator: told(&group.initiator, &self.initiator_labels),
            responder: told(&group.responder, &self.responder_labels),
            transport: group.transport.as_str(),
            port,
            rows: self.rows.into_iter().collect(),
            count: self.count,
            reason,
            first_seen: rfc3339(self.first_seen),
            last_seen: rfc3339(self.last_seen),
            first_packet: self.first_frame.number,
            file: file(self.first_frame),
            community_id: community_id::of_flow(&self.tuple),
            filter: display_filter(self.initiators.one(), self.responders.one(), group.transport, &ports),
            accepted: accept.map(|accept| accept.reason.clone()),
        }
    }
}

/// "desks, fe01", "12 hosts".
fn together(labels: &BTreeSet<Label>) -> String {
    if labels.len() > INITIATORS_APART {
        return plural(labels.len() as u64, "host");
    }
    labels.iter().map(Label::text).collect::<Vec<_>>().join(", ")
}
