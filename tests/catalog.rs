//! The catalog against the document: counts, ids, order, words, ranges, remarks.
//!
//! In: the embedded catalogs; the document itself where `../shared/seed` exists. Out: a list of rows that differ.
//! Must not know: flows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

use std::fs;
use std::path::Path;

use lyncap::catalog::{BUILT_IN, Catalog, Catalogs, LoadBalancing, PortOn, RoleOf, Row, Security, Site, lint, parse};

fn document() -> Catalog {
    parse(BUILT_IN[0].0, BUILT_IN[0].1).unwrap()
}

fn built_in() -> Vec<Catalog> {
    BUILT_IN.iter().map(|(name, text)| parse(name, text).unwrap()).collect()
}

#[test]
fn ids_follow_the_document() {
    let tables = [
        ('S', 52, "server-ports"),
        ('H', 20, "load-balancer-hardware"),
        ('D', 7, "load-balancer-dns"),
        ('C', 12, "clients"),
    ];
    let expected: Vec<(String, &str)> = tables
        .iter()
        .flat_map(|&(letter, rows, table)| (1..=rows).map(move |n| (format!("{letter}{n:02}"), table)))
        .collect();
    let document = document();
    let actual: Vec<(String, &str)> = document.rows.iter().map(|row| (row.id.clone(), &*row.table)).collect();
    assert_eq!(actual, expected);
    assert_eq!(actual.len(), 91);
    let blank: Vec<_> = document.rows.iter().filter(|row| row.blank).map(|row| &*row.id).collect();
    assert_eq!(blank, ["D06"]);
    assert_eq!((&*document.document, &*document.date), ("c94063f1-e802-4a61-be90-022fc185335e", "2016-04-06"));
}

/// The English words of the document's tables, cell by cell; a paragraph is a line.
fn words_of(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in between(text, "<table>", "</table>") {
        for row in between(table, "<tr", "</tr>").into_iter().skip(1) {
            rows.push(between(row, "<td", "</td>").into_iter().map(cell).collect());
        }
    }
    rows
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|part| part.split_once(close).map(|(inside, _)| inside)).collect()
}

fn cell(cell: &str) -> String {
    let paragraphs = between(cell, "<p>", "</p>");
    let paragraphs =
        if paragraphs.is_empty() { vec![cell.split_once('>').map_or(cell, |(_, rest)| rest)] } else { paragraphs };
    let english = |paragraph: &&str| {
        let sentences = between(paragraph, "<span class=\"sxs-lookup\">", "</span></span>");
        let sentences = if sentences.is_empty() { vec![*paragraph] } else { sentences };
        let text: Vec<_> = sentences.into_iter().map(without_tags).collect();
        text.join(" ").replace("\\*", "*").replace("&nbsp;", " ").trim().to_owned()
    };
    paragraphs.iter().map(english).collect::<Vec<_>>().join("\n")
}

fn without_tags(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .filter(|&c| {
            inside = (inside || c == '<') && c != '>';
            !inside && c != '>'
        })
        .collect()
}

#[test]
fn every_row_keeps_the_documents_words() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seed/lync-server-2013-ports-and-protocols.md");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: the document is not beside the project");
        return;
    };
    let rows = words_of(&text);
    assert_eq!(rows.len(), 91);
    for (row, cells) in document().rows.iter().zip(rows) {
        let Some(words) = &row.words else {
            assert!(row.blank && cells.iter().all(String::is_empty), "{}: {cells:?}", row.id);
            continue;
        };
        let ours: Vec<String> =
            [Some(&words.role), words.service.as_ref(), Some(&words.port), Some(&words.protocol), words.note.as_ref()]
                .into_iter()
                .flatten()
                .cloned()
                .collect();
        assert_eq!(ours, cells, "{}", row.id);
    }
}

#[test]
fn derived_ports_and_transports_follow_the_words() {
    for row in document().rows {
        let Some(words) = &row.words else { continue };
        let stated = words.port.trim_end_matches(" *");
        let expected = if stated == "67/68" { "67" } else { stated };
        assert_eq!(row.ports_text(), expected, "{}", row.id);
        assert_eq!(row.initiator_port, (stated == "67/68").then_some(68), "{}", row.id);
        let protocol = &words.protocol;
        let expected = match () {
            () if protocol.starts_with("TCP/UDP") => "tcp/udp",
            () if protocol.starts_with("UDP") || protocol == "DHCP" => "udp",
            () => "tcp",
        };
        assert_eq!(row.transports_text(), expected, "{}", row.id);
        let hardware = row.id.starts_with('H').then_some(LoadBalancing::Hardware);
        let dns = row.id.starts_with('D').then_some(LoadBalancing::Dns);
        assert_eq!(row.load_balancing, hardware.or(dns), "{}", row.id);
    }
}

/// Ids of the document's rows of which `holds`.
fn check(holds: impl Fn(&Row) -> bool, expected: &str) {
    let ids: Vec<_> = document().rows.iter().filter(|row| holds(row)).map(|row| row.id.clone()).collect();
    assert_eq!(ids.join(" "), expected);
}

#[test]
fn sides_and_roles_are_the_specified_exceptions() {
    check(|row| row.port_on == PortOn::Host, "S10 S28 S39 C08 C09 C10 C11");
    check(|row| row.media.is_some(), "S10 S28 S39 C08 C09 C10 C11");
    check(|row| row.needs_proof, "C08 C09 C10 C11");
    check(|row| row.vendor_class.is_some(), "C01 C12");
    check(|row| row.role_of == RoleOf::Initiator, "S25 S26 S32 C01 C02 C03 C04 C05 C06 C12");
    check(|row| row.role_of == RoleOf::Both, "C07");
    check(|row| row.role_of == RoleOf::Either, "S37");
    check(|row| row.peer.to_string() == "pstn-gateway,branch-appliance", "S25 S26 S32");
    check(|row| row.peer.to_string() == "edge", "C02 C03 C04 C05 C06");
    check(|row| row.all_roles, "S22 S23 S24 S25 S26");
    check(|row| row.roles.len() == 6, "S01 S38 S39");
}

#[test]
fn expected_protection_is_the_specified_one() {
    let clear = "S01 S02 S05 S11 S13 S24 S25 S32 S37 S38 S41 S43 S48 H03 H04 H05 D01 D03 C01 C04 C05 C07 C12";
    check(|row| row.security == Some(Security::Clear), clear);
    check(|row| row.security == Some(Security::TlsMutualBetweenServers), "S03 S04 S42 S45 H01 H02 H18 H19");
    let mutual = "S06 S09 S15 S16 S17 S18 S20 S21 S22 S23 S26 S27 S29 S30 S31 S33 S34 S35 S36 S46 S47 S49 S50 S51 \
                  H08 H09 H10 H11 H12 H13 H14 H15 H16";
    check(|row| row.security == Some(Security::MutualTls), mutual);
    let tls = "S07 S08 S12 S14 S19 S40 S44 S52 H06 H07 H17 H20 D02 D04 D05 D07 C02 C03 C06";
    check(|row| row.security == Some(Security::Tls), tls);
}

#[test]
fn the_documents_defects_carry_a_remark() {
    let rows = "S01 S38 S22 S46 S49 H15 H16 C06 S10 S28 S39 S02 S41 S34 S25 S26 S32 S15 S16 S45 S03 S04 S42 S11 S43 \
                S12 S19 S40 S44 S52 D06 S06";
    for id in rows.split_whitespace() {
        let document = document();
        let row = document.rows.iter().find(|row| row.id == id).unwrap();
        assert!(row.remark.as_ref().is_some_and(|remark| remark.len() > 20), "{id}");
    }
    assert!(document().remark.unwrap().contains("machine translation"));
}

#[test]
fn every_overlay_row_has_a_source_and_ids_are_unique_among_all() {
    let mut ids = std::collections::BTreeSet::new();
    for catalog in built_in() {
        for row in &catalog.rows {
            assert!(ids.insert(row.id.clone()), "{} stands twice", row.id);
            let cited = row.words.is_some() || row.blank || row.source.as_ref().is_some_and(|source| source.len() > 10);
            assert!(cited, "{} of {}", row.id, catalog.name);
        }
    }
    Catalogs::new(&["all".to_owned()], Vec::new(), &Site::default()).unwrap();
}

#[test]
fn no_fixed_row_of_the_document_reaches_into_the_ephemeral_range() {
    let warnings = lint(&document());
    assert!(warnings.iter().all(|warning| !warning.contains("ephemeral")), "{warnings:#?}");
    assert!(warnings.iter().any(|warning| warning.starts_with("S38: same port, transport and role as S01")));
}
