//! One finding: what is gathered of it flow by flow, and how it is put into words.
//!
//! In: judged flows of one group. Out: a [`Finding`], as the contract has it.
//! Must not know: which flows are a group, other findings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::findings::Listener;
use super::grouping::{Common, Distinct, Label, display_filter};
use super::kind::{Kind, Severity, reason};
use super::ladder::{Group, INITIATORS_APART};
use crate::evidence::Evidence;
use crate::flow::{Flow, FrameId};
use crate::net::{Address, Timestamp};
use crate::report::community_id;
use crate::report::text::{plural, rfc3339};
use crate::topology::Accept;
use crate::verdict::{End, Judge};

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
    /// Whether `initiator` and `responder` stand for whoever it was: they change as the finding grows.
    #[serde(skip)]
    pub anyone: [bool; 2],
}

impl Finding {
    /// "10.1.0.5 -> fe01 tcp/5071": between whom it is.
    #[must_use]
    pub fn place(&self) -> String {
        let Self { initiator, responder, transport, .. } = self;
        let port = self.port.map_or_else(String::new, |port| format!("/{port}"));
        format!("{initiator} -> {responder} {transport}{port}")
    }

    /// One as tests need it.
    #[cfg(test)]
    pub(crate) fn example(port: u16) -> Self {
        Self {
            kind: "undocumented-flow",
            severity: Severity::Medium,
            initiator: "10.0.0.1".to_owned(),
            responder: "10.0.0.2".to_owned(),
            transport: "tcp",
            port: Some(port),
            rows: Vec::new(),
            count: 1,
            reason: String::new(),
            first_seen: String::new(),
            last_seen: String::new(),
            first_packet: 1,
            file: None,
            community_id: String::new(),
            filter: String::new(),
            accepted: None,
            anyone: [false; 2],
        }
    }
}

/// One finding in the making.
#[derive(Clone)]
pub(super) struct Found<'a, 'f> {
    pub(super) first: First<'f>,
    pub(super) first_seen: Timestamp,
    pub(super) of: Gathered<'a>,
}

/// What is gathered of one finding.
#[derive(Clone)]
pub(super) struct Gathered<'a> {
    pub(super) count: u64,
    pub(super) rows: BTreeSet<&'a str>,
    pub(super) expired: Option<usize>,
    pub(super) initiators: Common<Address>,
    pub(super) initiator_labels: Distinct<Label<'a>>,
    pub(super) responder_labels: Distinct<Label<'a>>,
    pub(super) responders: Common<Address>,
    pub(super) ports: Distinct<u16>,
    pub(super) last_seen: Timestamp,
    /// How documented connections failed, or what of TLS is weak, and how often.
    pub(super) tally: BTreeMap<String, u64>,
    /// What of that is beyond [`TOLD_APART`].
    pub(super) untold: u64,
    /// Flows between the same ends and to the same port that succeeded.
    pub(super) successes: u64,
}

/// The first flow of a finding, which the reason is told of.
#[derive(Clone)]
pub(super) enum First<'f> {
    /// It is there, with its index: what nobody reads is not put into words.
    There(usize, &'f Flow<Evidence>),
    /// It is gone.
    Told(Box<Told>),
}

/// What is told of a first flow.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) reason: String,
    pub(super) frame: FrameId,
    pub(super) community_id: String,
}

impl First<'_> {
    pub(super) fn tell(self, kind: Kind, judge: &Judge<'_>) -> Told {
        match self {
            Self::There(index, flow) => Told {
                reason: reason(kind, flow, &judge.judge(index, flow)),
                frame: flow.first_frame,
                community_id: community_id::of_flow(&flow.tuple),
            },
            Self::Told(told) => *told,
        }
    }
}

/// Of one finding so many things are told apart; certificates, which come from the wire, could be without number.
const TOLD_APART: usize = 8;

impl<'a> Gathered<'a> {
    pub(super) fn new(from: &End<'a>, to: &End<'a>, last_seen: Timestamp) -> Self {
        Self {
            count: 0,
            rows: BTreeSet::new(),
            expired: None,
            initiators: Common::Nothing,
            initiator_labels: Distinct::One(Label::of(from)),
            responder_labels: Distinct::One(Label::of(to)),
            responders: Common::Nothing,
            ports: Distinct::One(to.at.port),
            last_seen,
            tally: BTreeMap::new(),
            untold: 0,
            successes: 0,
        }
    }

    /// Keeps so many of each kind of thing told apart; returns how many went.
    pub(super) fn truncate(&mut self, most: usize) -> usize {
        self.initiator_labels.truncate(most) + self.responder_labels.truncate(most) + self.ports.truncate(most)
    }

    /// Places taken in the room.
    pub(super) fn taken(&self) -> usize {
        self.initiator_labels.taken() + self.responder_labels.taken() + self.ports.taken()
    }

    pub(super) fn tell(&mut self, one: &str, n: u64) {
        if let Some(told) = self.tally.get_mut(one) {
            *told += n;
        } else if self.tally.len() >= TOLD_APART {
            self.untold += n;
        } else {
            self.tally.insert(one.to_owned(), n);
        }
    }

    /// The listener that no row explains, if it is about one.
    pub(super) fn listener(&self, group: &Group<'_>) -> Option<Listener> {
        let unexplained = matches!(group.kind, Kind::UnknownListener | Kind::UndocumentedFlow);
        let port = group.port.filter(|_| unexplained)?;
        Some((self.responders.one()?, group.transport, port))
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.last_seen = self.last_seen.max(other.last_seen);
        self.count += other.count;
        self.expired = self.expired.or(other.expired);
        self.successes += other.successes;
        self.untold += other.untold;
        for (one, n) in &other.tally {
            self.tell(one, *n);
        }
        self.rows.extend(other.rows);
        self.initiator_labels.join(other.initiator_labels);
        self.responder_labels.join(other.responder_labels);
        self.ports.join(other.ports);
        self.initiators.join(other.initiators);
        self.responders.join(other.responders);
    }
}

impl<'a> Found<'a, '_> {
    pub(super) fn absorb(&mut self, other: Self) {
        if other.first_seen < self.first_seen {
            (self.first, self.first_seen) = (other.first, other.first_seen);
        }
        self.of.absorb(other.of);
    }

    pub(super) fn finish(
        self,
        group: &Group<'a>,
        judge: &Judge<'_>,
        (accept, expired): (Option<&Accept>, Option<&Accept>),
        file: impl Fn(FrameId) -> Option<String>,
    ) -> Finding {
        let Self { first, first_seen, of } = self;
        let ports = of.ports.sorted();
        let port = group.port.or(if let [only] = *ports { Some(only) } else { None });
        let Told { mut reason, frame, community_id } = first.tell(group.kind, judge);
        if !of.tally.is_empty() {
            let mut ways: Vec<_> = of.tally.iter().map(|(one, n)| format!("{n} {one}")).collect();
            ways.extend((of.untold > 0).then(|| format!("{} others", of.untold)));
            reason = format!("{reason}: {}", ways.join(", "));
            if of.successes > 0 {
                reason =
                    format!("{reason}; {} between them to this port succeeded", plural(of.successes, "other flow"));
            }
        }
        if let ([first, .., last], None) = (&*ports, port) {
            reason = format!("{reason} ({} from {first} to {last})", plural(ports.len() as u64, "port"));
        }
        if let Some(accept) = expired {
            let until = accept.until.map(|until| until.to_string()).unwrap_or_default();
            reason = format!("{reason}; it was accepted until {until} ({})", accept.reason);
        }
        let told = |label: &Label<'_>, all: &Distinct<Label<'_>>| match label {
            Label::Anyone => together(all),
            label => label.text(),
        };
        Finding {
            kind: group.kind.as_str(),
            severity: group.severity,
            initiator: told(&group.initiator, &of.initiator_labels),
            responder: told(&group.responder, &of.responder_labels),
            transport: group.transport.as_str(),
            port,
            rows: of.rows.into_iter().map(str::to_owned).collect(),
            count: of.count,
            reason,
            first_seen: rfc3339(first_seen),
            last_seen: rfc3339(of.last_seen),
            first_packet: frame.number,
            file: file(frame),
            community_id,
            filter: display_filter(of.initiators.one(), of.responders.one(), group.transport, &ports),
            accepted: accept.map(|accept| accept.reason.clone()),
            anyone: [group.initiator, group.responder].map(|label| label == Label::Anyone),
        }
    }
}

/// "desks, fe01", "12 hosts".
fn together(labels: &Distinct<Label<'_>>) -> String {
    if labels.len() > INITIATORS_APART {
        return plural(labels.len() as u64, "host");
    }
    labels.sorted().iter().map(Label::text).collect::<Vec<_>>().join(", ")
}
