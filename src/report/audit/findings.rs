//! Findings: what an audit reports, worst first.
//!
//! In: judged flows. Out: [`Finding`]s grouped by kind, ends and port; those that the user accepted apart.
//! Must not know: formats, or what makes a flow a finding.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::accepts::Accepts;
use super::fitness::doubt;
use super::found::{Finding, First, Found, Gathered};
use super::grouping::Label;
use super::kind::{Kind, Severity, kinds, rows, tally};
use super::ladder::{Group, any_initiator, roll_up};
use super::policy::Policy;
use super::room::Room;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::{Address, FiveTuple, Transport};
use crate::reading::{Doubt, Reading};
use crate::report::text::plural;
use crate::topology::Topology;
use crate::topology::hash::FastMap;
use crate::verdict::{Judge, Judged, Missing, Proof, Verdict};

/// Flows that would be findings, were the capture better.
pub(super) type Withheld = BTreeMap<Doubt, u64>;

/// All findings of a run.
#[derive(Clone)]
pub(super) struct Findings<'a, 'f> {
    policy: &'a Policy,
    accepts: Rc<Accepts<'a>>,
    groups: BTreeMap<Group<'a>, Found<'a, 'f>>,
    /// More groups than this are rolled up.
    most: usize,
    /// The same at the least.
    gathered: usize,
    rolled_up: bool,
    overlays: BTreeSet<String>,
    withheld: Withheld,
    /// Flows that prove who listens where, by listener.
    proven: HashMap<Listener, u64>,
    /// Flows that are gone and [`succeeded`].
    successes: FastMap<Pair<'a>, u64>,
    room: Room,
}

/// Who asked whom for what.
type Pair<'a> = (Label<'a>, Label<'a>, Transport, u16);

/// A port of a host.
pub(super) type Listener = (Address, Transport, u16);

/// So many groups may be gathered before they are rolled up: more than any report of use has.
const GATHERED: usize = 1 << 14;

impl<'a, 'f> Findings<'a, 'f> {
    pub(super) fn new(topology: &'a Topology, policy: &'a Policy) -> Self {
        Self::within(GATHERED, Room::default(), topology, policy)
    }

    /// The same with so many groups before they are rolled up, and so many ends and ports of them all.
    pub(super) fn within(gathered: usize, room: Room, topology: &'a Topology, policy: &'a Policy) -> Self {
        Self {
            policy,
            accepts: Rc::new(Accepts::new(topology)),
            groups: BTreeMap::new(),
            most: gathered,
            gathered,
            rolled_up: false,
            overlays: BTreeSet::new(),
            withheld: BTreeMap::new(),
            proven: HashMap::new(),
            successes: FastMap::default(),
            room,
        }
    }

    /// Keeps of a flow that is about to go what [`Findings::weigh`] asks the flows themselves.
    pub(super) fn keep(&mut self, judged: &Judged<'a>) {
        if succeeded(judged) {
            let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
            let pair = (Label::of(from), Label::of(to), judged.oriented.transport, to.at.port);
            if let Some(n) = self.successes.get_mut(&pair) {
                *n += 1;
            } else if self.room.take() {
                self.successes.insert(pair, 1);
            }
        }
    }

    /// Lets go of the flows: of those that findings begin with it is told what will be asked.
    pub(super) fn detach(mut self, judge: &Judge<'_>) -> Findings<'a, 'static> {
        self.make_room();
        let Self { policy, accepts, groups, most, gathered, rolled_up, overlays, withheld, proven, successes, room } =
            self;
        let told = |(group, found): (Group<'a>, Found<'a, 'f>)| {
            let first = First::Told(Box::new(found.first.tell(group.kind, judge)));
            (group, Found { first, first_seen: found.first_seen, of: found.of })
        };
        let groups = groups.into_iter().map(told).collect();
        Findings { policy, accepts, groups, most, gathered, rolled_up, overlays, withheld, proven, successes, room }
    }

    /// Groups that became one have what all of them had: where that is too much, some of it goes.
    fn make_room(&mut self) {
        let others = self.proven.len() + self.successes.len();
        let taken =
            |groups: &BTreeMap<_, Found<'_, '_>>| -> usize { groups.values().map(|found| found.of.taken()).sum() };
        if self.room.lacks(taken(&self.groups)) {
            let share = self.room.share(4 * self.groups.len());
            self.room.refuse(self.groups.values_mut().map(|found| found.of.truncate(share)).sum());
        }
        self.room.recount(taken(&self.groups) + others);
    }

    pub(super) const fn room(&self) -> Room {
        self.room
    }

    /// Flows by kind of finding, those accepted left out.
    pub(super) fn flagged(&self) -> BTreeMap<&'static str, u64> {
        let mut flagged = BTreeMap::new();
        for (group, found) in self.groups.iter().filter(|(group, _)| group.accepted.is_none()) {
            *flagged.entry(group.kind.as_str()).or_default() += found.of.count;
        }
        flagged
    }

    /// What was not called a finding, and why.
    pub(super) fn withheld(&self) -> Withheld {
        self.withheld.clone()
    }

    /// Overlays that are off and would explain a finding.
    pub(super) fn overlays(&self) -> Vec<String> {
        self.overlays.iter().cloned().collect()
    }

    pub(super) fn count(&mut self, reading: &Reading, index: usize, flow: &'f Flow<Evidence>, judged: &Judged<'a>) {
        for (kind, severity) in kinds(flow, judged, self.policy) {
            match doubt(reading, flow, judged).filter(|_| kind == Kind::BlockedDocumentedPort) {
                Some(doubt) => *self.withheld.entry(doubt).or_default() += 1,
                None => self.add((kind, severity), (index, flow), judged),
            }
        }
        if judged.verdict == Verdict::Documented && judged.proof == Some(Proof::Verified) {
            let to = judged.oriented.responder.at;
            let listener = (to.address, judged.oriented.transport, to.port);
            if self.proven.contains_key(&listener) || self.room.take() {
                *self.proven.entry(listener).or_default() += 1;
            }
        }
        if let Some(miss) = judged.near_misses.iter().find(|miss| miss.missing == Missing::Overlay)
            && !self.overlays.contains(&miss.row.catalog)
        {
            self.overlays.insert(miss.row.catalog.clone());
        }
    }

    /// How much the worst of what a flow leads to weighs; what was accepted weighs nothing.
    pub(super) fn severity_of(
        &self,
        reading: &Reading,
        flow: &Flow<Evidence>,
        judged: &Judged<'a>,
    ) -> Option<Severity> {
        let of = kinds(flow, judged, self.policy);
        let doubted = |kind| kind == Kind::BlockedDocumentedPort && doubt(reading, flow, judged).is_some();
        let worst = of.into_iter().filter(|&(kind, _)| !doubted(kind)).map(|(_, severity)| severity).min()?;
        self.accepts.of(flow, judged).0.is_none().then_some(worst)
    }

    fn add(&mut self, (kind, severity): (Kind, Severity), first: (usize, &'f Flow<Evidence>), judged: &Judged<'a>) {
        let ((index, flow), (from, to)) = (first, (&judged.oriented.initiator, &judged.oriented.responder));
        let of_listener = matches!(kind, Kind::UnknownListener | Kind::RoleConflict);
        let (accepted, expired) = self.accepts.of(flow, judged);
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
        // What the first rung would take in anyway need not become a group before.
        let wide = any_initiator(&group).filter(|wide| self.rolled_up && self.groups.contains_key(wide));
        let found = self.groups.entry(wide.unwrap_or(group)).or_insert_with(|| Found {
            first: First::There(index, flow),
            first_seen: flow.first_seen,
            of: Gathered::new(from, to, flow.last_seen),
        });
        // A clock that steps back shows later what was earlier.
        if flow.first_seen < found.first_seen {
            (found.first, found.first_seen) = (First::There(index, flow), flow.first_seen);
        }
        let gathered = &mut found.of;
        gathered.count += 1;
        gathered.expired = gathered.expired.or(expired);
        for one in tally(kind, flow, judged, self.policy) {
            gathered.tell(&one, 1);
        }
        gathered.initiators.add(from.at.address);
        gathered.initiator_labels.insert(Label::of(from), &mut self.room);
        gathered.responders.add(to.at.address);
        gathered.ports.insert(to.at.port, &mut self.room);
        gathered.last_seen = gathered.last_seen.max(flow.last_seen);
        gathered.rows.extend(rows(kind, judged));
        if self.groups.len() > self.most {
            self.groups = roll_up(std::mem::take(&mut self.groups), Found::absorb);
            self.rolled_up = true;
            self.make_room();
            // What cannot be rolled up is not tried again for each flow.
            self.most = self.gathered.max(2 * self.groups.len());
        }
    }

    /// What was asked in vain: then [`Findings::weigh`] tells how often it was not.
    pub(super) fn blocked(&self) -> Blocked {
        let blocked = || self.groups.keys().filter(|group| group.kind == Kind::BlockedDocumentedPort);
        Blocked {
            accepts: blocked().map(|group| group.accepted).collect(),
            ports: blocked().map(|group| (group.transport, group.port)).collect(),
        }
    }

    /// Counts a flow that [`succeeded`] where others failed.
    pub(super) fn weigh(&mut self, judged: &Judged<'a>, blocked: &Blocked) {
        let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
        self.weigh_pair((Label::of(from), Label::of(to), judged.oriented.transport, to.at.port), 1, blocked);
    }

    /// The same of flows that are gone.
    pub(super) fn weigh_kept(&mut self, blocked: &Blocked) {
        for (pair, n) in std::mem::take(&mut self.successes) {
            self.weigh_pair(pair, n, blocked);
        }
    }

    fn weigh_pair(&mut self, (initiator, responder, transport, port): Pair<'a>, n: u64, blocked: &Blocked) {
        let group = |accepted| Group {
            accepted,
            severity: Kind::BlockedDocumentedPort.severity(),
            kind: Kind::BlockedDocumentedPort,
            responder,
            transport,
            port: Some(port),
            initiator,
        };
        // The failures may stand among the accepted findings, and be rolled up already.
        for &accepted in &blocked.accepts {
            let mut place = Some(group(accepted)).filter(|group| self.groups.contains_key(group));
            if place.is_none() && self.rolled_up {
                place = group(accepted).wider().into_iter().find(|group| self.groups.contains_key(group));
            }
            if let Some(found) = place.and_then(|group| self.groups.get_mut(&group)) {
                found.of.successes += n;
            }
        }
    }

    /// Findings worst first, and the accepted ones.
    pub(super) fn finish(self, reading: &Reading, judge: &Judge<'_>) -> (Vec<Finding>, Vec<Finding>) {
        let file = |frame| reading.file_of(frame).map(str::to_owned);
        let accepts = &judge.topology().accepts;
        let (mut findings, mut accepted) = (Vec::new(), Vec::new());
        for (group, found) in roll_up(self.groups, Found::absorb) {
            let entry = group.accepted.and_then(|i| accepts.get(i));
            let expired = found.of.expired.and_then(|i| accepts.get(i));
            let target = if entry.is_some() { &mut accepted } else { &mut findings };
            let proven = found.of.listener(&group).and_then(|listener| self.proven.get(&listener));
            let mut finding = found.finish(&group, judge, (entry, expired), file);
            if let Some(&flows) = proven {
                // These flows do not say what the others prove: the listener is known.
                finding.severity = finding.severity.max(Severity::Low);
                finding.reason = format!("{}; {} to it proved what it is", finding.reason, plural(flows, "other flow"));
            }
            target.push(finding);
        }
        findings.sort_by_key(|finding| finding.severity);
        accepted.sort_by_key(|finding| finding.severity);
        (findings, accepted)
    }
}

/// The documented ports that were asked in vain.
pub(super) struct Blocked {
    /// The accept entries, or none, that they fall under.
    accepts: BTreeSet<Option<usize>>,
    /// No port stands for all ports.
    ports: BTreeSet<(Transport, Option<u16>)>,
}

impl Blocked {
    /// Whether nothing was.
    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Whether a flow may be to one of them, whoever opened it.
    pub(super) fn may_be_of(&self, tuple: &FiveTuple) -> bool {
        let ports = [Some(tuple.source.port), Some(tuple.destination.port), None];
        ports.into_iter().any(|port| self.ports.contains(&(tuple.transport, port)))
    }
}

/// Whether a flow found what it asked for, and where a row has it.
pub(super) fn succeeded(judged: &Judged<'_>) -> bool {
    judged.verdict == Verdict::Documented && judged.accepted
}
