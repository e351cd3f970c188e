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
    /// How well the role is known; none if the row does not fit.
    pub role_basis: Option<RoleBasis>,
    /// What the payload says of it; none if the row does not fit.
    pub proof: Option<Proof>,
    /// It is one of the rows that the verdict lists.
    pub listed: bool,
    /// Why it fits, or fell.
    pub why: String,
}

impl Judge<'_> {
    /// Every row at the flow's port.
    #[must_use]
    pub fn considered(&self, index: usize, flow: &Flow<Evidence>) -> Vec<Considered<'_>> {
        let judged = self.judge(index, flow);
        let (transport, port) = (judged.oriented.transport, judged.oriented.responder.at.port);
        let considered = |(row, on)| {
            let fit = judged.oriented.fit(row);
            let why = match fit {
                Ok(_) if on => "fits".to_owned(),
                Ok(_) => format!("only in overlay {}, which is off", row.catalog),
                Err(misfit) => misfit_text(misfit, row, &judged.oriented)
                    .unwrap_or_else(|| "only where the payload proves media".to_owned()),
            };
            let proof = fit.ok().map(|_| judged.proof.unwrap_or(Proof::Unverified));
            let listed = judged.rows.iter().any(|listed| listed.id == row.id);
            Considered { row, on, role_basis: fit.ok(), proof, listed, why }
        };
        let catalogs = self.catalogs();
        let on = catalogs.at(transport, port).map(|row| (row, true));
        let mut all: Vec<_> =
            on.chain(catalogs.off_at(transport, port).map(|row| (row, false))).map(considered).collect();
        let place = |row: &Considered<'_>| judged.rows.iter().position(|listed| listed.id == row.row.id);
        all.sort_by_key(|row| (place(row).unwrap_or(usize::MAX), row.role_basis.is_none(), !row.on));
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
