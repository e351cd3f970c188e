//! What is legal in a catalog file and yet likely wrong.
//!
//! In: a parsed catalog. Out: warnings, one line each.
//! Must not know: files' text; what cannot be used at all is `file`'s to refuse.

use super::row::{FIXED_PORTS_AT_MOST, PortRange, Row};
use super::{Catalog, RoleSet};

/// Windows' ephemeral range (Microsoft KB 929851): any client's port looks like this.
pub const EPHEMERAL: PortRange = PortRange { first: 49152, last: 65535 };

/// Every warning about `catalog`, in row order.
#[must_use]
pub fn lint(catalog: &Catalog) -> Vec<String> {
    let mut warnings = Vec::new();
    for (i, row) in catalog.rows.iter().enumerate().filter(|(_, row)| !row.blank) {
        if row.needs_proof && row.media.is_none() && row.width() > FIXED_PORTS_AT_MOST {
            warnings.push(format!(
                "{}: {} ports: it explains a flow only when the payload proves {}",
                row.id,
                row.width(),
                row.application
            ));
        }
        if row.is_fixed() && row.ports.iter().any(|range| range.last >= EPHEMERAL.first) {
            warnings.push(format!(
                "{}: {} lies in Windows' ephemeral range {EPHEMERAL}: a client's port looks the same",
                row.id,
                row.ports_text()
            ));
        }
        let shadowed = |other: &&Row| {
            row.is_fixed() && other.is_fixed() && overlaps(row, other) && row.load_balancing == other.load_balancing
        };
        for other in catalog.rows.iter().take(i).filter(shadowed) {
            let then = match row.application == other.application {
                true => "both will be reported",
                false => "only the payload tells them apart",
            };
            warnings.push(format!("{}: same port, transport and role as {}: {then}", row.id, other.id));
        }
    }
    warnings
}

fn overlaps(a: &Row, b: &Row) -> bool {
    let ports = a.ports.iter().any(|x| b.ports.iter().any(|y| x.first <= y.last && y.first <= x.last));
    let roles = a.roles.intersection(b.roles) != RoleSet::EMPTY && a.role_of == b.role_of;
    ports && roles && a.transports.iter().any(|t| b.transports.contains(t))
}
