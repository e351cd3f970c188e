//! The list of flows: which to show, in which order, or summed by service, host or pair.
//!
//! In: a judged capture and a [`Selection`]. Out: indices into its flows, or [`GroupRecord`]s.
//! Must not know: formats.

use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Serialize;

use super::audit::Verdicts;
use super::text::harmless;
use crate::catalog::Row;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::{Address, FiveTuple, Transport};
use crate::reading::Reading;
use crate::topology::hash::FastMap;
use crate::verdict::{End, Judge, Judged, Verdict};

/// A host as the user names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// An address or a CIDR.
    Net(IpNet),
    /// The name of a declared host or network.
    Name(String),
}

impl FromStr for HostPattern {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        Ok(net.map_or_else(|_| Self::Name(text.to_owned()), Self::Net))
    }
}

impl HostPattern {
    fn matches(&self, end: &End<'_>) -> bool {
        match self {
            Self::Net(net) => net.contains(&end.at.address.ip()),
            Self::Name(name) => end.who.name == Some(name) || end.who.network == Some(name),
        }
    }
}

/// Order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Order {
    #[default]
    First,
    Last,
    Duration,
    Bytes,
    Packets,
    Rtt,
    Verdict,
}

/// What the list is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum By {
    Service,
    Host,
    Pair,
}

impl By {
    /// As exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Host => "host",
            Self::Pair => "pair",
        }
    }
}

/// Which flows to show. An empty list means any.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// One of these verdicts.
    pub verdicts: Vec<Verdict>,
    /// One of these row ids, or a part of a service's name.
    pub services: Vec<String>,
    /// Either end is one of these.
    pub hosts: Vec<HostPattern>,
    /// Either port is one of these; a transport narrows it.
    pub ports: Vec<(Option<Transport>, u16)>,
    /// The order.
    pub order: Order,
    /// At most so many.
    pub top: Option<usize>,
}

impl Selection {
    /// Whether a flow has one of the ports, which needs no judge.
    fn has_port(&self, tuple: &FiveTuple) -> bool {
        let wanted = |&(transport, port): &(Option<Transport>, u16)| {
            transport.is_none_or(|transport| transport == tuple.transport)
                && (tuple.source.port == port || tuple.destination.port == port)
        };
        self.ports.is_empty() || self.ports.iter().any(wanted)
    }

    /// The rest of the question; `services` are the rows that the user's words mean.
    fn matches(&self, judged: &Judged<'_>, services: &HashSet<&str>) -> bool {
        let ends = [&judged.oriented.initiator, &judged.oriented.responder];
        let any = |empty: bool, found: bool| empty || found;
        any(self.verdicts.is_empty(), self.verdicts.contains(&judged.verdict))
            && any(self.hosts.is_empty(), self.hosts.iter().any(|host| ends.iter().any(|end| host.matches(end))))
            && any(self.services.is_empty(), judged.rows.iter().any(|row| services.contains(&*row.id)))
    }

    /// What of the selection can match nothing: a host or network that is not declared, a service that no row is.
    #[must_use]
    pub fn unknown(&self, judge: &Judge<'_>) -> Option<String> {
        let declared = |name: &str| judge.topology().declared().any(|(declared, _)| declared == name);
        let host = self.hosts.iter().find_map(|host| match host {
            HostPattern::Name(name) if !declared(name) => {
                Some(format!("--host {name}: neither an address, a CIDR, nor a name of the topology"))
            }
            _ => None,
        });
        let known = |wanted: &str| judge.catalogs().on().any(|row| is_service(row, wanted));
        let service = self.services.iter().find(|wanted| !known(&wanted.to_lowercase()));
        host.or_else(|| {
            service.map(|name| format!("--service {name}: no row has this id or service; see lyncap catalog list"))
        })
    }

    /// Indices of the flows to show, in order.
    #[must_use]
    pub fn indices(&self, reading: &Reading, judge: &Judge<'_>) -> Vec<usize> {
        let wanted: Vec<_> = self.services.iter().map(|wanted| wanted.to_lowercase()).collect();
        let is_wanted = |row: &&Row| wanted.iter().any(|wanted| is_service(row, wanted));
        let services = judge.catalogs().on().filter(is_wanted).map(|row| &*row.id).collect();
        // Who asks for no verdict waits for none.
        let any = self.verdicts.is_empty() && self.hosts.is_empty() && self.services.is_empty();
        let flows = reading.flows.iter().enumerate().filter(|(_, flow)| self.has_port(&flow.tuple));
        let mut keyed: Vec<(Reverse<u64>, usize)> = flows
            .filter_map(|(index, flow)| {
                let judged = LazyCell::new(|| judge.judge(index, flow));
                (any || self.matches(&judged, &services)).then(|| (Reverse(self.key(flow, &judged)), index))
            })
            .collect();
        let top = self.top.unwrap_or(usize::MAX);
        if self.order != Order::First {
            // Only what is shown is put in order.
            if top > 0 && top < keyed.len() {
                keyed.select_nth_unstable(top);
            }
            keyed.truncate(top);
            keyed.sort_unstable();
        }
        keyed.into_iter().map(|(_, index)| index).take(top).collect()
    }

    /// Larger first.
    fn key<'j>(&self, flow: &Flow<Evidence>, judged: &impl Deref<Target = Judged<'j>>) -> u64 {
        match self.order {
            Order::First => 0,
            Order::Last => flow.last_seen.0.cast_unsigned() ^ (1 << 63),
            Order::Duration => flow.last_seen.since(flow.first_seen).max(0).unsigned_abs(),
            Order::Bytes => flow.bytes(),
            Order::Packets => flow.packets(),
            Order::Rtt => flow.rtt_ns().map_or(0, u64::from),
            Order::Verdict => judged.verdict as u64,
        }
    }
}

/// Whether `wanted`, in lower case, is the row's id or a part of its service.
fn is_service(row: &Row, wanted: &str) -> bool {
    row.id.to_lowercase() == wanted || row.service.to_lowercase().contains(wanted)
}

/// Flows summed.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct GroupRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub by: &'static str,
    pub key: String,
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub verdicts: Verdicts,
    pub rows: Vec<String>,
}

#[derive(Default)]
struct Group<'a> {
    flows: u64,
    packets: u64,
    bytes: u64,
    verdicts: Verdicts,
    rows: BTreeSet<&'a str>,
}

/// The flows at `indices`, summed; most bytes first.
#[must_use]
pub fn grouped(reading: &Reading, judge: &Judge<'_>, indices: &[usize], by: By) -> Vec<GroupRecord> {
    let mut by_key: FastMap<Key<'_>, Group<'_>> = FastMap::default();
    for &index in indices {
        let Some(flow) = reading.flows.get(index) else { continue };
        let judged = judge.judge(index, flow);
        for key in keys(&judged, by) {
            let group = by_key.entry(key).or_default();
            group.flows += 1;
            group.packets += flow.packets();
            group.bytes += flow.bytes();
            group.verdicts.count(judged.verdict);
            group.rows.extend(judged.rows.first().map(|row| &*row.id));
        }
    }
    // Different keys may read alike: a host may be named as another's address.
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for (key, group) in by_key {
        groups.entry(key.text()).or_default().absorb(group);
    }
    let mut records: Vec<_> = groups.into_iter().map(|(key, group)| group.record(key, by)).collect();
    records.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    records
}

impl Group<'_> {
    fn absorb(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.verdicts.absorb(&other.verdicts);
        self.rows.extend(other.rows);
    }

    fn record(self, key: String, by: By) -> GroupRecord {
        GroupRecord {
            kind: "group",
            schema: "lyncap.group.v1",
            by: by.as_str(),
            key,
            flows: self.flows,
            packets: self.packets,
            bytes: self.bytes,
            verdicts: self.verdicts,
            rows: self.rows.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// What flows are summed under. Few keys stand for many flows: only they are put into words.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'a> {
    /// Id and name of the best row.
    Row(&'a str, &'a str),
    /// What no row explains.
    Port(Verdict, Transport, u16),
    Host(Name<'a>),
    Pair(Name<'a>, Name<'a>),
}

/// What a host is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name<'a> {
    Declared(&'a str),
    Address(Address),
}

fn keys<'a>(judged: &Judged<'a>, by: By) -> impl Iterator<Item = Key<'a>> {
    let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
    let [a, b] = [from, to].map(|end| end.who.name.map_or(Name::Address(end.at.address), Name::Declared));
    let (key, other) = match by {
        By::Service => (
            match judged.rows.first() {
                Some(row) => Key::Row(&row.id, &row.service),
                None => Key::Port(judged.verdict, judged.oriented.transport, to.at.port),
            },
            None,
        ),
        By::Host => (Key::Host(a), (!a.is(b)).then_some(Key::Host(b))),
        By::Pair => (Key::Pair(a, b), None),
    };
    std::iter::once(key).chain(other)
}

impl Key<'_> {
    fn text(self) -> String {
        match self {
            Self::Row(id, service) => format!("{id} {service}"),
            Self::Port(verdict, transport, port) => format!("{} {transport}/{port}", verdict.as_str()),
            Self::Host(name) => name.text(),
            Self::Pair(from, to) => format!("{} -> {}", from.text(), to.text()),
        }
    }
}

impl Name<'_> {
    fn text(self) -> String {
        match self {
            Self::Declared(name) => harmless(name),
            Self::Address(address) => address.to_string(),
        }
    }

    /// Whether both read alike.
    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Address(a), Self::Address(b)) => a == b,
            _ => self == other || self.text() == other.text(),
        }
    }
}

/// The declared name, or the address.
#[must_use]
pub fn host(end: &End<'_>) -> String {
    end.who.name.map_or_else(|| end.at.address.to_string(), harmless)
}
