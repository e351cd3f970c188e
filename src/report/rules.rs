//! The firewall matrix of a deployment: who must reach whom, on which ports, by which rows.
//!
//! In: the topology, the catalogs, and what a capture showed. Out: [`Rule`]s, in catalog order.
//! Must not know: formats.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::catalog::{PortOn, RoleOf, RoleSet, Row};
use crate::reading::Reading;
use crate::topology::Topology;
use crate::verdict::{End, Judge, Verdict};

/// One line of the matrix.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Rule {
    pub from: String,
    pub to: String,
    pub transport: &'static str,
    pub port: String,
    pub rows: Vec<String>,
    pub service: String,
    /// `seen`, `blocked` or `never seen`; none without a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Flows of the capture that this line explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
}

/// Documented flows by the names of their ends, transport and the row's ports, and how many of them were in vain.
struct Tally {
    names: BTreeSet<String>,
    flows: BTreeMap<(String, String, &'static str, String), (u64, u64)>,
}

/// The matrix of everything declared; `capture` adds what was seen of it.
#[must_use]
pub fn rules(judge: &Judge<'_>, reading: Option<&Reading>) -> Vec<Rule> {
    let topology = judge.topology();
    let seen = reading.map(|reading| Tally::new(reading, judge));
    let mut rules: Vec<Rule> = Vec::new();
    for row in judge.catalogs().on() {
        for (from, to) in pairs(row, topology) {
            for transport in &row.transports {
                let (transport, port) = (transport.as_str(), row.ports_text());
                let same = |rule: &&mut Rule| {
                    rule.from == from && rule.to == to && rule.transport == transport && rule.port == port
                };
                if let Some(rule) = rules.iter_mut().find(same) {
                    if !rule.rows.contains(&row.id) {
                        rule.rows.push(row.id.clone());
                    }
                    continue;
                }
                let tally = seen.as_ref().map(|seen| seen.of(&from, &to, transport, &port));
                rules.push(Rule {
                    from: from.clone(),
                    to: to.clone(),
                    transport,
                    port,
                    rows: vec![row.id.clone()],
                    service: row.service.clone(),
                    state: tally.map(|(flows, vain)| match (flows, vain) {
                        (0, _) => "never seen",
                        (flows, vain) if vain == flows => "blocked",
                        _ => "seen",
                    }),
                    flows: tally.map(|(flows, _)| flows),
                });
            }
        }
    }
    rules
}

/// Where the document names nobody.
const ANY: &str = "any";

/// Names of the declared hosts and networks between which the row holds. Where its other end is not said, `any`.
fn pairs(row: &Row, topology: &Topology) -> Vec<(String, String)> {
    let has = |roles: RoleSet| if row.all_roles { roles.covers(row.roles) } else { roles.meets(row.roles) };
    let own: Vec<_> = topology.declared().filter(|&(_, roles)| has(roles)).map(|(name, _)| name.to_owned()).collect();
    let of_roles = |wanted: RoleSet| -> Vec<String> {
        if wanted.is_empty() {
            return vec![ANY.to_owned()];
        }
        let declared: Vec<_> =
            topology.declared().filter(|(_, roles)| roles.meets(wanted)).map(|(name, _)| name.to_owned()).collect();
        if declared.is_empty() { vec![wanted.slugs().join(" or ")] } else { declared }
    };
    let mut pairs = Vec::new();
    for host in own {
        match (row.role_of, row.port_on) {
            (RoleOf::Initiator, _) => pairs.extend(of_roles(row.peer).into_iter().map(|to| (host.clone(), to))),
            (RoleOf::Both, _) => pairs.extend(of_roles(row.roles).into_iter().map(|to| (host.clone(), to))),
            (RoleOf::Either, _) => pairs.push((host.clone(), "every other server".to_owned())),
            (RoleOf::Responder, PortOn::Host | PortOn::Responder) => {
                pairs.extend(of_roles(row.from).into_iter().map(|from| (from, host.clone())));
            }
        }
    }
    pairs.retain(|(from, to)| from != to);
    pairs
}

impl Tally {
    /// Counts the documented flows of `capture`.
    fn new(reading: &Reading, judge: &Judge<'_>) -> Self {
        let names = judge.topology().declared().map(|(name, _)| name.to_owned()).collect();
        let mut tally = Self { names, flows: BTreeMap::new() };
        for (index, flow) in reading.flows.iter().enumerate() {
            let judged = judge.judge(index, flow);
            if !matches!(judged.verdict, Verdict::Documented | Verdict::RangeOnly) {
                continue;
            }
            let name = |end: &End<'_>| {
                end.who.name.or(end.who.network).map_or_else(|| end.at.address.to_string(), str::to_owned)
            };
            let (from, to) = (name(&judged.oriented.initiator), name(&judged.oriented.responder));
            let mut ports: Vec<_> = judged.rows.iter().map(|row| row.ports_text()).collect();
            ports.dedup();
            for port in ports {
                let key = (from.clone(), to.clone(), judged.oriented.transport.as_str(), port);
                let (flows, vain) = tally.flows.entry(key).or_default();
                *flows += 1;
                *vain += u64::from(judged.outcome.is_blocked());
            }
        }
        tally
    }

    /// Flows that a line explains. A label that names no declared host or network stands for everyone.
    fn of(&self, from: &str, to: &str, transport: &str, port: &str) -> (u64, u64) {
        let is = |label: &str, name: &str| label == name || !self.names.contains(label);
        let same = self.flows.iter().filter(|((initiator, responder, of_transport, ports), _)| {
            is(from, initiator) && is(to, responder) && *of_transport == transport && ports == port
        });
        same.fold((0, 0), |(flows, vain), (_, &(more, more_vain))| (flows + more, vain + more_vain))
    }
}
