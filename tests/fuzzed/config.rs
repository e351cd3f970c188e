//! In: a byte that says what the rest is, then the text of a file, of a flag, or of a whole command line. Out: proof that
//! it is used or refused in one line that names it, and that what is used prints nothing that steers.
//! Must not know: what is right in any of them.

use std::ffi::OsString;
use std::sync::LazyLock;

use clap::Parser as _;
use lyncap::catalog::{self, Catalogs, Site};
use lyncap::cli::Args;
use lyncap::error::Error;
use lyncap::flow::Flows;
use lyncap::net::Address;
use lyncap::report::audit::Policy;
use lyncap::report::rules::rules;
use lyncap::report::text::harmless;
use lyncap::report::write;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

use super::check_message;
use crate::safe;

/// What errors call the file.
const ORIGIN: &str = "fuzz.toml";

/// For topologies that change nothing in it: to read it takes longer than all the rest.
static DOCUMENT: LazyLock<Catalogs> = LazyLock::new(|| safe::document(&Site::default()));

/// What the first byte stands for, in turn.
pub const KINDS: [fn(&str); 5] = [topology, user_catalog, policy, roles, arguments];

pub fn config(bytes: &[u8]) {
    let Some((kind, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    KINDS[usize::from(*kind) % KINDS.len()](text);
}

/// It names where, and says something. What it repeats stands as it was given: whoever prints it makes it one line.
fn check_error(error: &Error, origin: &str) {
    let message = error.to_string();
    assert!(message.contains(origin), "does not name {origin:?}: {message}");
    check_message(&harmless(&message.replace(origin, "")));
}

fn topology(text: &str) {
    match Topology::parse(ORIGIN, text) {
        Ok(topology) => check_topology(&topology),
        Err(error) => check_error(&error, ORIGIN),
    }
}

/// One `--role` a line.
fn roles(text: &str) {
    let mut topology = Topology::default();
    for line in text.lines() {
        if let Err(error) = topology.declare(line) {
            check_error(&error, line);
        }
    }
    check_topology(&topology);
}

fn check_topology(topology: &Topology) {
    for address in [[10, 0, 0, 11], [10, 1, 0, 5], [203, 0, 113, 77], [255; 4]] {
        let who = topology.who(Address::v4(address));
        assert!(who.name.is_none() || who.network.is_none());
        let _ = who.is_server();
    }
    if !topology.declares_hosts() {
        return;
    }
    let site = &topology.site;
    let own = (site.load_balancing.is_some() || !site.media.is_empty()).then(|| safe::document(site));
    let catalogs = own.as_ref().unwrap_or(&DOCUMENT);
    let none = Flows::default();
    let judge = Judge::new(&none, catalogs, topology);
    // A matrix of too many lines is refused.
    let Ok(rules) = rules(&judge, None) else { return };
    safe::check_all(|out, format, look| write::rules(out, format, look, &rules), safe::Breaks::None);
}

fn user_catalog(text: &str) {
    let catalog = match catalog::parse(ORIGIN, text) {
        Ok(catalog) => catalog,
        Err(error) => return check_error(&error, ORIGIN),
    };
    catalog::lint(&catalog).iter().for_each(|warning| assert!(!warning.is_empty()));
    let rows: Vec<_> = catalog.rows.iter().collect();
    safe::check_all(|out, format, look| write::rows(out, format, look, &rows), safe::Breaks::InWords);
    // It reads all the built-in catalogs anew, which takes long.
    if text.len().is_multiple_of(16)
        && let Err(error) = Catalogs::new(&[], vec![catalog], &Site::default())
    {
        check_message(&harmless(&error.to_string()));
    }
}

fn policy(text: &str) {
    match Policy::parse(ORIGIN, text) {
        Ok(policy) => drop(policy.severity()),
        Err(error) => check_error(&error, ORIGIN),
    }
}

/// One word a line. It is only read: nothing is done.
fn arguments(text: &str) {
    let words = ["lyncap"].into_iter().chain(text.split('\n'));
    // What clap says of a mistake is not printed as it is.
    drop(Args::try_parse_from(words.map(OsString::from)));
}
