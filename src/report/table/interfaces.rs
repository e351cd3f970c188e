//! Interfaces for people.
//!
//! In: interfaces. Out: one line each. Must not know: how they were found.

use super::{Look, Narrow, sheet};
use crate::capture::live::Interface;
use crate::report::text::harmless;

/// A line an interface.
#[must_use]
pub fn interfaces(look: Look, interfaces: &[Interface]) -> String {
    let row = |interface: &Interface| {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        vec![
            interface.number.to_string(),
            harmless(&interface.name),
            interface.state.join(" "),
            addresses.join(" "),
            harmless(interface.description.as_deref().unwrap_or_default()),
        ]
    };
    if interfaces.is_empty() {
        return "no interface can be watched: it takes the right to capture, see lyncap live --help\n".to_owned();
    }
    let columns = [("", true), ("name", false), ("state", false), ("addresses", false), ("description", false)];
    sheet(look, Narrow::Cut, &columns, interfaces.iter().map(row).collect())
}
