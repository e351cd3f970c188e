//! Coverage: which documented services of the roles present were seen, and which never.
//!
//! In: judged flows. Out: one [`CoverageRecord`] a role and fixed row. Roles are those declared; without a topology,
//! those inferred. Must not know: findings.

use serde::Serialize;

use super::grouping::{Distinct, note};
use super::room::Room;
use crate::catalog::{Role, RoleOf, RoleSet, Row};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::net::Address;
use crate::topology::hash::FastMap;
use crate::verdict::{Judge, Judged, Verdict};

/// One documented service of one role.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct CoverageRecord {
    pub role: &'static str,
    pub role_source: &'static str,
    pub row: String,
    pub catalog: String,
    pub service: String,
    pub transport: String,
    pub port: String,
    pub seen: bool,
    pub accepted: bool,
    pub flows: u64,
    pub hosts: u64,
    /// It was asked, and did not answer; for people.
    #[serde(skip)]
    pub in_vain: bool,
}

#[derive(Clone, Default)]
struct Seen {
    flows: u64,
    accepted: bool,
    in_vain: bool,
    hosts: Option<Distinct<Address>>,
}

/// Flows by role of their host and row that explains them.
#[derive(Clone, Default)]
pub(super) struct Coverage<'a> {
    of: FastMap<(Role, &'a str), Seen>,
    room: Room,
}

impl<'a> Coverage<'a> {
    pub(super) fn within(room: Room) -> Self {
        Self { room, ..Self::default() }
    }

    /// Brings up to date how much is kept.
    pub(super) fn recount(&mut self) {
        self.room.recount(self.of.values().filter_map(|seen| seen.hosts.as_ref()).map(Distinct::taken).sum());
    }

    pub(super) const fn room(&self) -> Room {
        self.room
    }

    pub(super) fn count(&mut self, flow: &Flow<Evidence>, judged: &Judged<'a>) {
        if judged.verdict != Verdict::Documented {
            return;
        }
        // Of a one-way flow the answer may be the way that was seen.
        let answers = flow.counters.of(judged.initiator.opposite()).packets;
        let answered = judged.accepted || (answers > 0 && !judged.outcome.is_blocked());
        for row in &judged.rows {
            let (from, to) = (judged.oriented.initiator, judged.oriented.responder);
            let host = match row.role_of {
                RoleOf::Initiator => from,
                RoleOf::Either if from.who.roles().meets(row.roles) => from,
                RoleOf::Responder | RoleOf::Either | RoleOf::Both => to,
            };
            // Of a host whose role nobody knows the flow says nothing about any role.
            for role in host.who.roles().intersection(row.roles).iter() {
                let seen = self.of.entry((role, &row.id)).or_default();
                seen.flows += 1;
                seen.accepted |= answered;
                seen.in_vain |= judged.outcome.is_blocked();
                note(&mut seen.hosts, host.at.address, &mut self.room);
            }
        }
    }

    pub(super) fn finish(self, judge: &Judge<'_>) -> Vec<CoverageRecord> {
        let declared: Vec<RoleSet> = judge.topology().declared().map(|(_, roles)| roles).collect();
        let inferred = || judge.learned().all_inferred().values().map(|&(roles, _)| roles).collect();
        let (hosts, role_source) = if declared.is_empty() { (inferred(), "inferred") } else { (declared, "topology") };
        let present = hosts.iter().fold(RoleSet::EMPTY, |all, &roles| all.union(roles));
        let mut records = Vec::new();
        for role in present.iter() {
            let together = |row: &Row| !row.all_roles || hosts.iter().any(|roles| roles.covers(row.roles));
            let of_role = |row: &&Row| row.is_fixed() && row.roles.contains(role) && together(row);
            for row in judge.catalogs().on().filter(of_role) {
                let seen = self.of.get(&(role, &*row.id));
                records.push(CoverageRecord {
                    role: role.slug(),
                    role_source,
                    row: row.id.clone(),
                    catalog: row.catalog.clone(),
                    service: row.service.clone(),
                    transport: row.transports_text(),
                    port: row.ports_text(),
                    seen: seen.is_some(),
                    accepted: seen.is_some_and(|seen| seen.accepted),
                    flows: seen.map_or(0, |seen| seen.flows),
                    hosts: seen.and_then(|seen| seen.hosts.as_ref()).map_or(0, |hosts| hosts.len() as u64),
                    in_vain: seen.is_some_and(|seen| seen.in_vain),
                });
            }
        }
        records
    }
}
