//! Who exchanges most bytes that no document explains.
//!
//! In: judged flows that are not accepted. Out: the hosts with most of them.
//! Must not know: windows. So many hosts are kept; where there are more, those with least are forgotten.

use std::cmp::Reverse;

use super::snapshot::{TALKERS, Talker};
use crate::net::Address;
use crate::report::flows::host;
use crate::topology::hash::FastMap;
use crate::verdict::{End, Judged, Verdict};

/// Hosts kept.
const KEPT: usize = 4096;

/// Hosts by address.
#[derive(Clone, Default)]
pub(super) struct Talkers(FastMap<Address, Talker>);

impl Talkers {
    /// Counts a flow of so many bytes, if no document explains it.
    pub(super) fn count(&mut self, judged: &Judged<'_>, bytes: u64) {
        if matches!(judged.verdict, Verdict::Undocumented | Verdict::Contradicted) {
            self.add(&judged.oriented.initiator, bytes);
            self.add(&judged.oriented.responder, bytes);
        }
    }

    fn add(&mut self, end: &End<'_>, bytes: u64) {
        if self.0.len() >= 2 * KEPT {
            self.forget();
        }
        let new = || Talker { host: host(end), ..Talker::default() };
        let talker = self.0.entry(end.at.address).or_insert_with(new);
        talker.flows += 1;
        talker.bytes = talker.bytes.saturating_add(bytes);
    }

    fn forget(&mut self) {
        let mut all: Vec<_> = self.0.drain().collect();
        all.select_nth_unstable_by_key(KEPT, |(_, talker)| Reverse(talker.bytes));
        all.truncate(KEPT);
        self.0.extend(all);
    }

    /// Those with most bytes, most first.
    pub(super) fn top(&self) -> Vec<Talker> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_unstable_by_key(|&(&address, talker)| (Reverse(talker.bytes), address));
        all.into_iter().take(TALKERS).map(|(_, talker)| talker.clone()).collect()
    }
}
