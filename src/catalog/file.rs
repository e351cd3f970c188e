//! Catalog files: the built-in ones and a user's own, one format.
//!
//! In: TOML text. Out: a checked [`Catalog`], or an error that names file, line and the fix.
//! Must not know: which catalogs are on, hosts, packets.

use std::collections::HashSet;
use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::row::{FIXED_PORTS_AT_MOST, LoadBalancing, Media, PortOn, RoleOf, Row, Security, VendorClass, Words, width};
use super::{Catalog, Role, RoleSet};
use crate::error::Error;
use crate::net::Transport;

/// The first line of every catalog file says this.
pub(super) const FORMAT: &str = "lyncap.catalog.v1";

/// Far more than any product documents; keeps the places of rows within 16 bits.
const ROWS_AT_MOST: usize = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    format: Spanned<String>,
    catalog: RawCatalog,
    #[serde(default)]
    row: Vec<Spanned<RawRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalog {
    name: String,
    title: String,
    #[serde(default)]
    document: String,
    #[serde(default)]
    date: String,
    source: String,
    remark: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    id: String,
    #[serde(default)]
    table: String,
    #[serde(default)]
    blank: bool,
    #[serde(default)]
    service: String,
    note: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    all_roles: bool,
    #[serde(default)]
    ports: String,
    initiator_port: Option<u16>,
    vendor_class: Option<VendorClass>,
    #[serde(default)]
    transports: Vec<String>,
    #[serde(default)]
    application: String,
    security: Option<Security>,
    media: Option<Media>,
    #[serde(default)]
    port_on: PortOn,
    #[serde(default)]
    role_of: RoleOf,
    #[serde(default)]
    peer: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    needs_proof: bool,
    load_balancing: Option<LoadBalancing>,
    #[serde(default)]
    from: Vec<String>,
    remark: Option<String>,
    source: Option<String>,
    words: Option<Words>,
}

/// Parses a catalog; `origin` is what errors call the file.
pub fn parse(origin: &str, text: &str) -> Result<Catalog, Error> {
    let at = |span: Range<usize>, why: String| Error::Config { origin: position(origin, text, span), why };
    let raw: RawFile = toml::from_str(text).map_err(|error| toml_error(origin, text, &error))?;
    if raw.format.get_ref() != FORMAT {
        return Err(at(raw.format.span(), format!("unknown catalog format; write format = \"{FORMAT}\"")));
    }
    if raw.row.is_empty() {
        return Err(at(0..0, "no [[row]] in this catalog; add one, `lyncap catalog export` shows how".into()));
    }
    if raw.row.len() > ROWS_AT_MOST {
        let why = format!("{} rows in one catalog; {ROWS_AT_MOST} are the most, split the file", raw.row.len());
        return Err(at(0..0, why));
    }
    let RawCatalog { name, title, document, date, source, remark } = raw.catalog;
    let mut ids = HashSet::new();
    let mut rows = Vec::with_capacity(raw.row.len());
    for raw in raw.row {
        let span = raw.span();
        let row = row(&name, raw.into_inner()).map_err(|why| at(span.clone(), why))?;
        if !ids.insert(row.id.clone()) {
            return Err(at(span, format!("row id `{}` stands twice; give each row its own", row.id)));
        }
        rows.push(row);
    }
    Ok(Catalog { name, title, document, date, source, remark, rows })
}

/// Checks one row; the error says what is wrong and the fix, without the place.
fn row(catalog: &str, raw: RawRow) -> Result<Row, String> {
    let name = raw.id.clone();
    let fail = |why: &str| Err(format!("row `{name}`: {why}"));
    if raw.id.is_empty() || !raw.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return fail("bad id; use letters, digits, `-` and `_`, such as `X01`");
    }
    let ports = parse_each(&name, raw.ports.split(',').map(str::trim).filter(|port| !port.is_empty()))?;
    let roles = roles(&name, &raw.roles)?;
    let transports = transports(&name, &raw.transports)?;
    if !raw.blank {
        if raw.service.is_empty() {
            return fail("no service; name it, it is what reports call the row");
        }
        if ports.is_empty() {
            return fail("no ports; write ports = \"5061\", \"5088, 5089\" or \"49152-65535\"");
        }
        if roles.is_empty() {
            return fail("no roles; write whose row it is, roles = [\"front-end\"]");
        }
        if transports.is_empty() {
            return fail("no transports; write transports = [\"tcp\"]");
        }
        if raw.application.is_empty() {
            return fail("no application; name the protocol expected, application = \"sip\"");
        }
        if raw.words.is_none() && raw.source.as_deref().is_none_or(str::is_empty) {
            return fail("no source; say where the row comes from, source = \"...\"");
        }
    }
    if raw.vendor_class.is_some() && raw.application != "dhcp" {
        return fail("only DHCP has a vendor class; write application = \"dhcp\", or leave vendor_class out");
    }
    // A range of somebody's own ports proves nothing by itself: unless it is media, its protocol must be seen.
    let needs_proof = raw.needs_proof || (raw.media.is_none() && width(&ports) > FIXED_PORTS_AT_MOST);
    Ok(Row {
        catalog: catalog.to_owned(),
        table: raw.table,
        words: raw.words,
        service: raw.service,
        note: raw.note,
        roles,
        all_roles: raw.all_roles,
        ports,
        initiator_port: raw.initiator_port,
        vendor_class: raw.vendor_class,
        transports,
        application: raw.application,
        security: raw.security,
        media: raw.media,
        port_on: raw.port_on,
        role_of: raw.role_of,
        peer: self::roles(&name, &raw.peer)?,
        never: self::roles(&name, &raw.never)?,
        needs_proof,
        load_balancing: raw.load_balancing,
        from: self::roles(&name, &raw.from)?,
        remark: raw.remark,
        source: raw.source,
        blank: raw.blank,
        id: raw.id,
    })
}

fn parse_each<'a, T: FromStr<Err = String> + Ord>(
    row: &str,
    items: impl Iterator<Item = &'a str>,
) -> Result<Vec<T>, String> {
    let mut parsed =
        items.map(str::parse).collect::<Result<Vec<T>, _>>().map_err(|why| format!("row `{row}`: {why}"))?;
    parsed.sort();
    Ok(parsed)
}

fn roles(row: &str, slugs: &[String]) -> Result<RoleSet, String> {
    Ok(parse_each::<Role>(row, slugs.iter().map(String::as_str))?.into_iter().collect())
}

fn transports(row: &str, names: &[String]) -> Result<Vec<Transport>, String> {
    let bad = |name: &str| format!("row `{row}`: unknown transport `{name}`; the transports are tcp and udp");
    names.iter().map(|name| name.parse().map_err(|()| bad(name))).collect()
}

/// `file:line` of a span.
pub(crate) fn position(origin: &str, text: &str, span: Range<usize>) -> String {
    let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
    format!("{origin}:{line}")
}

/// An error of the TOML reader on one line, with its place.
pub(crate) fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let mut why = error.message().lines().collect::<Vec<_>>().join("; ");
    let alone = why.strip_prefix("invalid type: string ").and_then(|rest| rest.strip_suffix(", expected a sequence"));
    if let Some(alone) = alone {
        why = format!("{alone} stands where a list is expected; write [{alone}]");
    }
    Error::Config { origin: position(origin, text, error.span().unwrap_or(0..0)), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
format = "lyncap.catalog.v1"
[catalog]
name = "mine"
title = "My ports"
source = "wiki"
[[row]]
id = "X01"
service = "Backup agent"
roles = ["front-end", "sql"]
ports = "9000, 8000-8002"
transports = ["tcp"]
application = "backup"
security = "clear"
source = "CHG-1"
"#;

    /// Changes one line of the good file and expects the error to hold `expected` and its line.
    fn check(from: &str, to: &str, expected: &str) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD);
        let error = parse("mine.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with("mine.toml:"), "{error}");
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    }

    #[test]
    fn a_good_file_parses() {
        let catalog = parse("mine.toml", GOOD).unwrap();
        let row = &catalog.rows[0];
        assert_eq!(row.ports_text(), "8000-8002, 9000");
        assert_eq!(row.roles_text(), "front-end or sql");
        assert!(row.is_fixed());
    }

    #[test]
    fn a_wide_row_needs_proof() {
        let catalog = parse("mine.toml", &GOOD.replace("9000, 8000-8002", "49152-65535")).unwrap();
        assert!(catalog.rows[0].needs_proof && !catalog.rows[0].is_fixed());
    }

    #[test]
    fn a_catalog_has_an_end() {
        let rows = (0..=ROWS_AT_MOST).map(|i| format!("[[row]]\nid = \"X{i}\"\nblank = true\n")).collect::<String>();
        let head = GOOD.split_once("[[row]]").unwrap().0;
        let error = parse("mine.toml", &format!("{head}{rows}")).unwrap_err().to_string();
        assert!(error.contains("5001 rows in one catalog; 5000 are the most"), "{error}");
    }

    #[test]
    fn errors_name_place_and_fix() {
        check("v1", "v9", "write format = \"lyncap.catalog.v1\"");
        check("\"X01\"", "\"X 1\"", "bad id");
        check("\"sql\"", "\"sqlserver\"", "unknown role `sqlserver`; the roles are");
        check("9000,", "900000,", "bad port range `900000`");
        check("[\"tcp\"]", "[\"sctp\"]", "unknown transport `sctp`");
        check("source = \"CHG-1\"\n", "", "no source");
        check("security = ", "vendor_class = \"lync\"\nsecurity = ", "only DHCP has a vendor class");
        check("security = ", "vendor_class = \"cisco\"\nsecurity = ", "unknown variant `cisco`");
        check("service = \"Backup agent\"\n", "servise = \"x\"\n", "unknown field `servise`");
        check("[[row]]", "[row]", "");
        check("ports = \"9000, 8000-8002\"", "ports = 9000", "");
    }
}
