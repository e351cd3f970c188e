//! stub: every row at a flow's port, and why it fits or not.
//!
//! In: a flow. Out: [`Considered`]. Must not know: formats.

use super::reason::misfit_text;
use super::{Judge, Proof, RoleBasis};
use crate::catalog::Row;
use crate::evidence::Evidence;
use crate::flow::Flow;

/// A row that was considered for a flow.
#[derive(Clone, Debug)]
pub struct Considered<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its catalog is on.
    pub on: bool,
    /// It is one of the rows that the verdict lists.
    pub listed: bool,
    /// How well its role is known and what the payload says, or why it does not fit.
    pub fit: Result<(RoleBasis, Proof), String>,
    /// Why a row that fits is not listed, or contradicted; none for one that explains the flow.
    pub but: Option<String>,
}

impl Judge<'_> {
    /// Every row at the flow's port.
    #[must_use]
    pub fn considered<'j>(&'j self, index: usize, flow: &Flow<Evidence>) -> Vec<Considered<'j>> {
        let judged = self.judge(index, flow);
        let (transport, port) = (judged.oriented.transport, judged.oriented.responder.at.port);
        let considered = |(row, on): (&'j Row, bool)| {
            let fit = judged.oriented.fit(row);
            let off = format!("only in overlay {}, which is off", row.catalog);
            let why = |misfit| misfit_text(misfit, row, &judged.oriented);
            let why = |misfit| why(misfit).unwrap_or_else(|| "only where the payload proves media".to_owned());
            let listed = judged.rows.iter().any(|listed| listed.id == row.id);
            let proof = judged.proof.unwrap_or(Proof::Unverified);
            let but = (fit.is_ok() && !on).then_some(off);
            Considered { row, on, listed, fit: fit.map(|basis| (basis, proof)).map_err(why), but }
        };
        let catalogs = self.catalogs();
        let on = catalogs.at(transport, port).map(|row| (row, true));
        let mut all: Vec<_> =
            on.chain(catalogs.off_at(transport, port).map(|row| (row, false))).map(considered).collect();
        let place = |row: &Considered<'_>| judged.rows.iter().position(|listed| listed.id == row.row.id);
        all.sort_by_key(|row| (place(row).unwrap_or(usize::MAX), row.fit.is_err(), !row.on));
        all
    }
}

// stub
impl RoleBasis {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}
