//! Where we may name payload otherwise than tshark, or not at all, and why.
//!
//! In: nothing. Out: tables that the test holds to be complete and without a dead row.
//! Must not know: how either recognises anything.

use super::known::Known;
use super::named::Named;

/// Why a conversation may stay without a name that tshark has for it. The first that holds explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Not all of it was captured, or it came in fragments.
    Cut,
    /// Its beginning was not captured.
    Midstream,
    /// Only one end speaks.
    OneSided,
    /// Too few datagrams: RTP is proven by a run of them.
    Few,
}

impl Weakness {
    /// The first that holds.
    pub fn of(theirs: &str, named: &Named) -> Option<Self> {
        let silent = named.sent.iter().any(|sent| sent.1 == 0);
        let few = ["rtp", "rtcp"].contains(&theirs) && named.sent.iter().all(|sent| sent.0 < 4);
        let holds =
            [(named.cut, Self::Cut), (named.midstream, Self::Midstream), (few, Self::Few), (silent, Self::OneSided)];
        holds.into_iter().find(|(holds, _)| *holds).map(|(_, weakness)| weakness)
    }
}

/// How many conversations of tshark's name stay without ours for each of these reasons: exactly so many.
pub const WEAKER: &[(&str, Weakness, usize)] = &[];

/// Conversations without our name that no rule explains: `folder/file`, and tshark's names with their number.
pub const UNNAMED: &[Known] = &[];

/// Conversations that both name, each otherwise: `folder/file`, and the conversation with both names.
pub const CONFLICTS: &[Known] = &[];

/// Conversations that we name and tshark does not: `folder/file`, and our names with their number.
pub const BEYOND: &[Known] = &[];
