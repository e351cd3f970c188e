//! What the user calls an interface, and what the user is told of one that cannot be watched.
//!
//! In: a name, a number of the list, an address; what libpcap complains of. Out: the interface's name; an error with the
//! remedy. Must not know: libpcap.

use std::net::IpAddr;

use super::Interface;
use crate::error::Error;

/// The name of the interface that the user calls `text`. A name goes before a number, and that before an address.
pub(super) fn named(text: &str, all: &[Interface]) -> Result<String, Error> {
    let number = text.parse::<usize>().ok();
    let address = text.parse::<IpAddr>().ok();
    let found = (all.iter().find(|interface| interface.name == text))
        .or_else(|| all.iter().find(|interface| Some(interface.number) == number))
        .or_else(|| all.iter().find(|interface| address.is_some_and(|address| interface.addresses.contains(&address))));
    found.map(|interface| interface.name.clone()).ok_or_else(|| {
        Error::Usage(format!("-i {text}: no interface has this name, number or address; see lyncap interfaces"))
    })
}

/// Why an interface cannot be watched, in libpcap's words, and how it could.
pub(super) fn refusal(name: &str, words: &str) -> Error {
    let words = words.trim_start_matches("libpcap error: ").replace('\n', "; ");
    let lower = words.to_lowercase();
    let remedy = if lower.contains("permi") || lower.contains("privilege") {
        PERMISSION
    } else if lower.contains("not up") {
        "bring it up first"
    } else if lower.contains("no such device") || lower.contains("doesn't exist") {
        "see lyncap interfaces"
    } else {
        "see lyncap interfaces for those that can be watched"
    };
    Error::Usage(format!("-i {name}: {words}; {remedy}"))
}

const PERMISSION: &str = if cfg!(target_os = "linux") {
    "run it as root, or give it the right once: setcap cap_net_raw=ep /path/to/lyncap"
} else if cfg!(windows) {
    "run it as administrator, or install Npcap for all users"
} else {
    "run it as root, or get the right to read /dev/bpf*"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_named_in_three_ways() {
        let one = |number, name: &str, address: &str| Interface {
            number,
            name: name.to_owned(),
            addresses: vec![address.parse().unwrap()],
            ..Interface::default()
        };
        let all = [one(1, "eth0", "10.0.0.11"), one(2, "1", "fd00::11"), one(3, "any", "127.0.0.1")];
        for (text, expected) in [("eth0", "eth0"), ("1", "1"), ("3", "any"), ("fd00::11", "1"), ("10.0.0.11", "eth0")] {
            assert_eq!(named(text, &all).unwrap(), expected, "{text}");
        }
        for text in ["", "eth1", "4", "10.0.0.12"] {
            assert!(named(text, &all).unwrap_err().to_string().contains("see lyncap interfaces"), "{text}");
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (words, remedy) in [
            ("socket: Operation not permitted", PERMISSION),
            ("eth9: You don't have permission to capture on that device", PERMISSION),
            ("eth9: No such device exists (No such device)", "see lyncap interfaces"),
            ("That device is not up", "bring it up first"),
        ] {
            let message = refusal("eth9", words).to_string();
            assert!(message.ends_with(remedy), "{message}");
        }
    }
}
