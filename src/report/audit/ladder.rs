//! What makes flows one finding, and how findings become one when they are many: a ladder of wider groups.
//!
//! In: groups, and what was gathered of each. Out: fewer groups. Must not know: what is gathered.
//!
//! Whoever scans makes as many groups as packets. Rung by rung, groups that differ only in what the rung leaves out are
//! one where they are more than it tolerates, or where such a one is there already: so the ladder may be climbed while
//! flows still come, and memory is bounded.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::grouping::Label;
use super::kind::{Kind, Severity};
use crate::net::Transport;

/// What makes flows one finding. No port stands for all ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group<'a> {
    /// The accept entry's place in the topology.
    pub(super) accepted: Option<usize>,
    pub(super) severity: Severity,
    pub(super) kind: Kind,
    pub(super) responder: Label<'a>,
    pub(super) transport: Transport,
    pub(super) port: Option<u16>,
    pub(super) initiator: Label<'a>,
}

/// This many undeclared initiators of one finding become "N hosts".
pub(super) const INITIATORS_APART: usize = 5;
/// This many ports of one pair of hosts become one finding: a scan.
const PORTS_APART: usize = 20;
/// This many undeclared responders of one initiator and port become one finding: a sweep.
const RESPONDERS_APART: usize = 20;
/// This many findings of undeclared hosts that have nothing in common but one end, or not even that, become one.
const STRANGERS_APART: usize = 1000;
/// This many findings of one kind become one, whoever it was.
const FINDINGS_APART: usize = 10_000;

/// How many groups may differ in what is left out, and what is.
type Rung = (usize, Widen);
/// The group that a rung makes of one, if it is its business.
type Widen = for<'a> fn(&Group<'a>) -> Option<Group<'a>>;

const LADDER: &[Rung] = &[
    (INITIATORS_APART, any_initiator),
    (PORTS_APART, any_port),
    (RESPONDERS_APART, any_responder),
    (STRANGERS_APART, any_responder_and_port),
    (STRANGERS_APART, any_initiator_and_port),
    (STRANGERS_APART, any_stranger),
    (FINDINGS_APART, anyone),
];

/// The first rung.
pub(super) fn any_initiator<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    is_undeclared(&group.initiator).then_some(Group { initiator: Label::Anyone, ..*group })
}

const fn any_port<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    Some(Group { port: None, ..*group })
}

fn any_responder<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    is_undeclared(&group.responder).then_some(Group { responder: Label::Anyone, ..*group })
}

fn any_responder_and_port<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    any_port(&any_responder(group)?)
}

fn any_initiator_and_port<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    any_port(&any_initiator(group)?)
}

fn any_stranger<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    any_responder_and_port(&any_initiator(group)?)
}

const fn anyone<'a>(group: &Group<'a>) -> Option<Group<'a>> {
    Some(Group { initiator: Label::Anyone, responder: Label::Anyone, port: None, ..*group })
}

const fn is_undeclared(label: &Label<'_>) -> bool {
    matches!(label, Label::Address(_) | Label::Anyone)
}

impl Group<'_> {
    /// The group itself, and every one that it may have become a part of, narrow before wide.
    pub(super) fn wider(&self) -> Vec<Self> {
        let mut groups = vec![*self];
        for (_, widen) in LADDER {
            let wide: Vec<_> = groups.iter().filter_map(widen).filter(|wide| !groups.contains(wide)).collect();
            groups.extend(wide);
        }
        groups
    }
}

/// Climbs the ladder once; `absorb` adds the second to the first.
pub(super) fn roll_up<G>(groups: BTreeMap<Group<'_>, G>, absorb: impl Fn(&mut G, G)) -> BTreeMap<Group<'_>, G> {
    LADDER.iter().fold(groups, |groups, &(at_most, widen)| merge(groups, at_most, widen, &absorb))
}

fn merge<'a, G>(
    groups: BTreeMap<Group<'a>, G>,
    at_most: usize,
    widen: Widen,
    absorb: &impl Fn(&mut G, G),
) -> BTreeMap<Group<'a>, G> {
    if groups.len() <= at_most {
        return groups;
    }
    let mut sizes: BTreeMap<Group<'_>, usize> = BTreeMap::new();
    for group in groups.keys() {
        if let Some(wide) = widen(group).filter(|wide| wide != group) {
            *sizes.entry(wide).or_default() += 1;
        }
    }
    sizes.retain(|wide, size| *size > at_most || groups.contains_key(wide));
    if sizes.is_empty() {
        return groups;
    }
    let mut merged: BTreeMap<Group<'a>, G> = BTreeMap::new();
    for (group, gathered) in groups {
        let wide = widen(&group).filter(|wide| sizes.contains_key(wide));
        match merged.entry(wide.unwrap_or(group)) {
            Entry::Vacant(entry) => {
                entry.insert(gathered);
            }
            Entry::Occupied(mut entry) => absorb(entry.get_mut(), gathered),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Address;

    fn host(number: usize) -> Label<'static> {
        let [.., b, c, d] = number.to_be_bytes();
        Label::Address(Address::v4([10, b, c, d]))
    }

    fn named(number: usize) -> Label<'static> {
        Label::Host(format!("h{number}").leak())
    }

    fn group(initiator: Label<'static>, responder: Label<'static>, port: usize) -> Group<'static> {
        Group {
            accepted: None,
            severity: Severity::Medium,
            kind: Kind::UndocumentedFlow,
            responder,
            transport: Transport::Tcp,
            port: Some(port as u16),
            initiator,
        }
    }

    /// So many groups, number by number, come to so many; none gets lost.
    fn check(n: usize, of: impl Fn(usize) -> Group<'static>, expected: usize) -> Vec<Group<'static>> {
        let groups: BTreeMap<Group<'_>, usize> = (0..n).map(|number| (of(number), 1)).collect();
        assert_eq!(groups.len(), n);
        let at_once = roll_up(groups, |all, more| *all += more);
        assert_eq!(at_once.len(), expected);
        assert_eq!(at_once.values().sum::<usize>(), n);
        // And if the ladder is climbed all the time.
        let mut growing: BTreeMap<Group<'_>, usize> = BTreeMap::new();
        for number in 0..n {
            *growing.entry(of(number)).or_default() += 1;
            if number % 3000 == 2999 {
                growing = roll_up(growing, |all, more| *all += more);
            }
        }
        growing = roll_up(growing, |all, more| *all += more);
        assert_eq!(growing, at_once);
        at_once.into_keys().collect()
    }

    #[test]
    fn each_rung_tolerates_so_many() {
        let server = || named(0);
        for (at_most, of) in [
            (INITIATORS_APART, &(|n| group(host(n), server(), 80)) as &dyn Fn(usize) -> Group<'static>),
            (PORTS_APART, &|n| group(named(1), server(), n)),
            (RESPONDERS_APART, &|n| group(named(1), host(n), 80)),
            (STRANGERS_APART, &|n| group(named(1), host(n), n)),
            (STRANGERS_APART, &|n| group(host(n), server(), n)),
            (STRANGERS_APART, &|n| group(host(n), host(n + 1), n)),
            (FINDINGS_APART, &|n| group(named(n), named(n + 1), 80)),
        ] {
            check(at_most, of, at_most);
            let [wide] = &check(at_most + 1, of, 1)[..] else { unreachable!() };
            assert!(of(0).wider().contains(wide), "{wide:?}");
        }
    }

    #[test]
    fn whatever_comes_few_are_left() {
        let mixed = |n: usize| match n % 5 {
            0 => group(host(n * 7919), host(n * 104_729), n % 65_536),
            1 => group(named(1), host(n), n % 1000),
            2 => group(host(n), named(2), n % 65_536),
            3 => group(named(n % 100), named(n / 500), n % 65_536),
            _ => group(host(n % 10), host(n), n % 65_536),
        };
        let left = {
            let groups: BTreeMap<Group<'_>, usize> = (0..100_000).map(|number| (mixed(number), 1)).collect();
            roll_up(groups, |all, more| *all += more)
        };
        assert!(left.len() <= FINDINGS_APART + 4 * STRANGERS_APART, "{}", left.len());
    }
}
