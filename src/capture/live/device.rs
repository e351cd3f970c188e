//! The interfaces that libpcap knows, and one of them opened.
//!
//! In: a name. Out: [`Interface`]s, an open capture, or why not. Must not know: what is done with frames.

use pcap::{Active, Capture, Device};

use super::words::refusal;
use super::{How, Interface};
use crate::capture::libpcap;
use crate::error::Error;

/// Every interface, in the system's order.
pub(super) fn list() -> Result<Vec<Interface>, Error> {
    libpcap::load()?;
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
    libpcap::load()?;
    let mut capture = activate(name, how).map_err(|error| refusal(name, &error.to_string()))?;
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
