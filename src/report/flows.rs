//! The list of flows: which to show, in which order, or summed by service, host or pair.
//!
//! In: a judged capture and a [`Selection`]. Out: indices into its flows, or [`GroupRecord`]s.
//! Must not know: formats.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::Serialize;

use super::audit::Verdicts;
use super::text::harmless;
use crate::catalog::Row;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Transport;
use crate::reading::Reading;
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
    fn matches(&self, judged: &Judged<'_>) -> bool {
        let ends = [&judged.oriented.initiator, &judged.oriented.responder];
        let any = |empty: bool, found: bool| empty || found;
        let port = |&(transport, port): &(Option<Transport>, u16)| {
            transport.is_none_or(|transport| transport == judged.oriented.transport)
                && ends.iter().any(|end| end.at.port == port)
        };
        let service = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            judged.rows.iter().any(|row| is_service(row, &wanted))
        };
        any(self.verdicts.is_empty(), self.verdicts.contains(&judged.verdict))
            && any(self.ports.is_empty(), self.ports.iter().any(port))
            && any(self.hosts.is_empty(), self.hosts.iter().any(|host| ends.iter().any(|end| host.matches(end))))
            && any(self.services.is_empty(), self.services.iter().any(service))
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
        let flows = reading.flows.iter().enumerate();
        let mut keyed: Vec<(u64, usize)> = flows
            .filter_map(|(index, flow)| {
                let judged = judge.judge(index, flow);
                self.matches(&judged).then(|| (self.key(flow, &judged), index))
            })
            .collect();
        if self.order != Order::First {
            keyed.sort_by_key(|&(key, index)| (std::cmp::Reverse(key), index));
        }
        keyed.into_iter().map(|(_, index)| index).take(self.top.unwrap_or(usize::MAX)).collect()
    }

    /// Larger first.
    fn key(&self, flow: &Flow<Evidence>, judged: &Judged<'_>) -> u64 {
        match self.order {
            Order::First => 0,
            Order::Last => flow.last_seen.0.cast_unsigned() ^ (1 << 63),
            Order::Duration => flow.last_seen.since(flow.first_seen).max(0).unsigned_abs(),
            Order::Bytes => flow.counters.forward.bytes + flow.counters.reverse.bytes,
            Order::Packets => flow.packets(),
            Order::Rtt => flow.handshake.rtt_ns().map_or(0, u64::from),
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
struct Group {
    flows: u64,
    packets: u64,
    bytes: u64,
    verdicts: Verdicts,
    rows: BTreeSet<String>,
}

/// The flows at `indices`, summed; most bytes first.
#[must_use]
pub fn grouped(reading: &Reading, judge: &Judge<'_>, indices: &[usize], by: By) -> Vec<GroupRecord> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for &index in indices {
        let Some(flow) = reading.flows.get(index) else { continue };
        let judged = judge.judge(index, flow);
        for key in keys(&judged, by) {
            let group = groups.entry(key).or_default();
            group.flows += 1;
            group.packets += flow.packets();
            group.bytes += flow.counters.forward.bytes + flow.counters.reverse.bytes;
            group.verdicts.count(judged.verdict);
            group.rows.extend(judged.rows.first().map(|row| row.id.clone()));
        }
    }
    let mut records: Vec<_> = groups.into_iter().map(|(key, group)| group.record(key, by)).collect();
    records.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    records
}

impl Group {
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
            rows: self.rows.into_iter().collect(),
        }
    }
}

fn keys(judged: &Judged<'_>, by: By) -> Vec<String> {
    let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
    match by {
        By::Service => vec![match judged.rows.first() {
            Some(row) => format!("{} {}", row.id, row.service),
            None => format!("{} {}/{}", judged.verdict.as_str(), judged.oriented.transport, { to.at.port }),
        }],
        By::Host => {
            let (from, to) = (host(from), host(to));
            if from == to { vec![from] } else { vec![from, to] }
        }
        By::Pair => vec![format!("{} -> {}", host(from), host(to))],
    }
}

/// The declared name, or the address.
#[must_use]
pub fn host(end: &End<'_>) -> String {
    end.who.name.map_or_else(|| end.at.address.to_string(), harmless)
}
