//! Catalog rows for machines.
//!
//! In: a row. Out: [`RowRecord`], the document's words beside what was derived.
//! Must not know: formats.

use serde::Serialize;

use crate::catalog::{LoadBalancing, Media, PortOn, RoleOf, Row, Security, VendorClass, Words};

/// A catalog row.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are those of a catalog file")]
pub struct RowRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub id: &'a str,
    pub catalog: &'a str,
    pub table: &'a str,
    pub blank: bool,
    pub service: &'a str,
    pub roles: Vec<&'static str>,
    pub all_roles: bool,
    pub ports: String,
    pub initiator_port: Option<u16>,
    pub vendor_class: Option<VendorClass>,
    pub transports: Vec<&'static str>,
    pub application: &'a str,
    pub security: Option<Security>,
    pub media: Option<Media>,
    pub port_on: PortOn,
    pub role_of: RoleOf,
    pub peer: Vec<&'static str>,
    pub never: Vec<&'static str>,
    pub needs_proof: bool,
    pub load_balancing: Option<LoadBalancing>,
    pub from: Vec<&'static str>,
    pub note: Option<&'a str>,
    pub remark: Option<&'a str>,
    pub source: Option<&'a str>,
    pub words: Option<&'a Words>,
}

impl<'a> From<&'a Row> for RowRecord<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            kind: "row",
            schema: "lyncap.row.v1",
            id: &row.id,
            catalog: &row.catalog,
            table: &row.table,
            blank: row.blank,
            service: &row.service,
            roles: row.roles.slugs(),
            all_roles: row.all_roles,
            ports: row.ports_text(),
            initiator_port: row.initiator_port,
            vendor_class: row.vendor_class,
            transports: row.transports.iter().map(|transport| transport.as_str()).collect(),
            application: &row.application,
            security: row.security,
            media: row.media,
            port_on: row.port_on,
            role_of: row.role_of,
            peer: row.peer.slugs(),
            never: row.never.slugs(),
            needs_proof: row.needs_proof,
            load_balancing: row.load_balancing,
            from: row.from.slugs(),
            note: row.note.as_deref(),
            remark: row.remark.as_deref(),
            source: row.source.as_deref(),
            words: row.words.as_ref(),
        }
    }
}
