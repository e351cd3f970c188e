//! Which findings are news.
//!
//! In: the findings of an audit in the making, at each interval. Out: those not told before, as many as an interval may
//! have; what else came of those told is counted.
//! Must not know: how findings are gathered, where they are told.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::snapshot::NEWEST;
use crate::report::audit::Finding;

/// So many findings are told one by one in an interval.
pub const TOLD_AT_ONCE: usize = 100;
/// So many findings told are remembered.
const REMEMBERED: usize = 20_000;

/// What makes two findings the same.
type Key = (&'static str, &'static str, String, String, &'static str, Option<u16>);

/// What was told so far.
#[derive(Default)]
pub(super) struct Telling {
    /// Flows of each finding told.
    told: HashMap<Key, u64>,
    newest: VecDeque<(Key, Finding)>,
    untold: u64,
    repeated: BTreeMap<&'static str, u64>,
}

impl Telling {
    /// Those of `findings` that are to be told now.
    pub(super) fn news<'f>(&mut self, findings: &'f [Finding]) -> Vec<&'f Finding> {
        let mut news = Vec::new();
        self.untold = 0;
        if self.told.len() > REMEMBERED {
            self.told.clear();
        }
        for finding in findings {
            let key = key(finding);
            match self.told.get_mut(&key) {
                Some(told) => {
                    let more = finding.count.saturating_sub(*told);
                    *told = finding.count.max(*told);
                    if more > 0 {
                        *self.repeated.entry(finding.kind).or_default() += more;
                        let same = self.newest.iter_mut().find(|(of, _)| *of == key);
                        same.into_iter().for_each(|(_, newest)| newest.clone_from(finding));
                    }
                }
                None if news.len() < TOLD_AT_ONCE => {
                    self.told.insert(key, finding.count);
                    news.push(finding);
                }
                None => self.untold += 1,
            }
        }
        // The worst go first where there are too many; those that go are told in the order in which they began.
        news.sort_by(|a, b| a.first_seen.cmp(&b.first_seen));
        for &finding in &news {
            self.newest.push_front((key(finding), finding.clone()));
        }
        // What was rolled up with others, or is not so any more, is no finding by now.
        let current: HashSet<Key> = findings.iter().map(key).collect();
        self.newest.retain(|(key, _)| current.contains(key));
        self.newest.truncate(NEWEST);
        news
    }

    /// Newest first, as they are by now.
    pub(super) fn newest(&self) -> Vec<Finding> {
        self.newest.iter().map(|(_, finding)| finding.clone()).collect()
    }

    /// Findings that wait for their turn.
    pub(super) const fn untold(&self) -> u64 {
        self.untold
    }

    /// Flows that came to findings told before, by kind, since this was asked last.
    pub(super) fn repeated(&mut self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.repeated)
    }
}

/// What makes it itself.
pub(super) fn key(finding: &Finding) -> Key {
    let Finding { kind, severity, initiator, responder, transport, port, anyone, .. } = finding;
    let [initiator, responder] = [(initiator, anyone[0]), (responder, anyone[1])].map(|(label, anyone)| match anyone {
        true => String::new(),
        false => label.clone(),
    });
    (kind, severity.as_str(), initiator, responder, transport, *port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::audit::Severity;

    fn finding(port: u16, count: u64) -> Finding {
        Finding { count, ..Finding::example(port) }
    }

    #[test]
    fn a_finding_is_told_once_and_then_counted() {
        let mut telling = Telling::default();
        assert_eq!(telling.news(&[finding(1, 1)]).len(), 1);
        assert_eq!(telling.news(&[finding(1, 4), finding(2, 1)]).len(), 1);
        assert_eq!(telling.repeated(), [("undocumented-flow", 3)].into());
        assert!(telling.news(&[finding(1, 4)]).is_empty() && telling.repeated().is_empty());
        let newest: Vec<_> = telling.newest().iter().map(|finding| (finding.port, finding.count)).collect();
        // The second is not so any more.
        assert_eq!(newest, [(Some(1), 4)]);
        // One that is worse is another.
        let worse = Finding { severity: Severity::High, ..finding(1, 1) };
        assert_eq!(telling.news(&[finding(1, 4), worse]).len(), 1);
        assert_eq!(telling.newest().len(), 2);
    }

    #[test]
    fn a_storm_waits_for_its_turn() {
        let storm: Vec<_> = (0..250).map(|port| finding(port, 1)).collect();
        let mut telling = Telling::default();
        for (told, untold) in [(100, 150), (100, 50), (50, 0), (0, 0)] {
            assert_eq!((telling.news(&storm).len(), telling.untold()), (told, untold));
        }
    }
}
