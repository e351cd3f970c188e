//! The interfaces that libpcap knows, and one of them by what the user calls it.
//!
//! In: a name, a number of the list, an address. Out: [`Interface`]s, an open capture, or why not, with the remedy.
//! Must not know: what is done with frames.

use std::net::IpAddr;

use pcap::{Active, Capture, Device};

use super::{How, Interface};
use crate::error::Error;

/// Every interface, in the system's order.
pub(super) fn list() -> Result<Vec<Interface>, Error> {
    let devices = Device::list().map_err(|error| Error::Usage(format!("interfaces cannot be listed: {error}")))?;
    Ok((1..).zip(devices).map(|(number, device)| interface(number, device)).collect())
}

fn interface(number: usize, device: Device) -> Interface {
    use pcap::ConnectionStatus::{Connected, Disconnected};
    let flags = &device.flags;
    let state = [
        (flags.is_up(), "up"),
        (flags.is_running(), "running"),
        (flags.connection_status == Connected, "connected"),
        (flags.connection_status == Disconnected, "disconnected"),
        (flags.is_wireless(), "wireless"),
        (flags.is_loopback(), "loopback"),
    ];
    Interface {
        number,
        state: state.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect(),
        name: device.name,
        description: device.desc,
        addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
    }
}

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

/// How an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    /// It is there, and up.
    pub(super) up: bool,
    /// What tells it from one that had its name before, where the system has it.
    pub(super) index: Option<u32>,
}

/// How an interface is; none where that cannot be told.
#[cfg(target_os = "linux")]
pub(super) fn presence(name: &str) -> Option<Presence> {
    const IFF_UP: u32 = 1;
    let folder = std::path::Path::new("/sys/class/net");
    if name == ANY || !folder.join("lo").exists() {
        return None;
    }
    let read = |what: &str| std::fs::read_to_string(folder.join(name).join(what)).ok();
    let flags = read("flags").and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
    let index = read("ifindex").and_then(|text| text.trim().parse().ok());
    Some(Presence { up: flags.is_some_and(|flags| flags & IFF_UP != 0), index })
}

/// How an interface is; none where that cannot be told.
#[cfg(not(target_os = "linux"))]
pub(super) fn presence(name: &str) -> Option<Presence> {
    let all = Device::list().ok()?;
    let up = all.iter().any(|device| device.name == name && device.flags.is_up());
    Some(Presence { up, index: None })
}

/// The interface that stands for all; it takes no promiscuous mode.
const ANY: &str = "any";
/// The kernel hands over what it has after so many milliseconds.
const HANDED_OVER_MS: i32 = 50;

/// Opens an interface. Nothing waits: whoever reads looks again.
pub(super) fn open(name: &str, how: &How) -> Result<Capture<Active>, Error> {
    let mut capture = activate(name, how).map_err(|error| refusal(name, &error))?;
    if let Some(filter) = &how.filter {
        let refuse = |error| Error::Usage(format!("--filter '{filter}' on {name}: {error}; see pcap-filter(7)"));
        capture.filter(filter, true).map_err(refuse)?;
    }
    Ok(capture)
}

fn activate(name: &str, how: &How) -> Result<Capture<Active>, pcap::Error> {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let capture = Capture::from_device(name)?
        .promisc(how.promiscuous && name != ANY)
        .snaplen(number(how.snaplen))
        .buffer_size(number(how.buffer))
        .immediate_mode(how.immediate)
        .timeout(HANDED_OVER_MS);
    #[cfg(target_os = "linux")]
    let capture = capture.precision(pcap::Precision::Nano);
    capture.open()?.setnonblock()
}

/// Nanoseconds in a unit of the second half of a stamp: Linux offers nanoseconds on every interface, and libpcap does
/// not tell what the others do.
pub(super) const FRACTION_NS: i64 = if cfg!(target_os = "linux") { 1 } else { 1000 };

/// Why an interface cannot be watched, and how it could.
fn refusal(name: &str, error: &pcap::Error) -> Error {
    let words = error.to_string();
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
            let message = refusal("eth9", &pcap::Error::PcapError(words.to_owned())).to_string();
            assert!(message.ends_with(remedy), "{message}");
        }
    }
}
