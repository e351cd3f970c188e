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
    /// How it fits, or why it does not.
    pub fit: Result<(RoleBasis, Proof), String>,
}

impl Judge<'_> {
    /// Every row at the flow's port.
    #[must_use]
    pub fn considered(&self, index: usize, flow: &Flow<Evidence>) -> Vec<Considered<'_>> {
        let judged = self.judge(index, flow);
        let (transport, port) = (judged.oriented.transport, judged.oriented.responder.at.port);
        let proof = judged.proof.unwrap_or(Proof::Unverified);
        let fit = |row: &Row| match judged.oriented.fit(row) {
            Ok(basis) => Ok((basis, proof)),
            Err(misfit) => Err(misfit_text(misfit, row, &judged.oriented)
                .unwrap_or_else(|| "only where the payload proves media".to_owned())),
        };
        let catalogs = self.catalogs();
        let on = catalogs.at(transport, port).map(|row| Considered { row, on: true, fit: fit(row) });
        on.chain(catalogs.off_at(transport, port).map(|row| Considered { row, on: false, fit: fit(row) })).collect()
    }
}
