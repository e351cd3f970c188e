//! Interfaces: which there are, and frames from them as they come.
//!
//! In: what the user names. Out: [`Interface`]s; a [`Feed`]. Without the `live` feature: a refusal.
//! Must not know: what is in a frame.

use std::net::IpAddr;

use super::Feed;
use crate::error::Error;

#[cfg(feature = "live")]
mod device;
#[cfg(feature = "live")]
mod tap;
#[cfg(any(feature = "live", test))]
mod words;

/// The format of what comes from interfaces.
pub const FORMAT: &str = "live";

/// An interface of this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its number in the list, from 1.
    pub number: usize,
    /// As the system calls it.
    pub name: String,
    /// As the system describes it, if it does.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// In words: `up`, `running`, `loopback` …
    pub state: Vec<&'static str>,
}

/// How frames are taken.
#[derive(Clone, Debug)]
pub struct How {
    /// Only those that this BPF filter matches.
    pub filter: Option<String>,
    /// Also those that are meant for others.
    pub promiscuous: bool,
    /// So many bytes of each at most.
    pub snaplen: u32,
    /// Bytes that the kernel keeps until they are read.
    pub buffer: u32,
    /// Each at once.
    pub immediate: bool,
}

/// The interfaces of this host.
///
/// # Errors
/// libpcap cannot list them, or there is none.
#[cfg(feature = "live")]
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    device::list()
}

/// Opens interfaces by name, number or address.
///
/// # Errors
/// There is no such interface, or it may not be watched.
#[cfg(feature = "live")]
pub fn open(names: &[String], how: &How) -> Result<Box<dyn Feed>, Error> {
    Ok(Box::new(tap::Taps::open(names, how)?))
}

/// Refuses.
///
/// # Errors
/// Always.
#[cfg(not(feature = "live"))]
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    Err(refusal())
}

/// Refuses.
///
/// # Errors
/// Always.
#[cfg(not(feature = "live"))]
pub fn open(_names: &[String], _how: &How) -> Result<Box<dyn Feed>, Error> {
    Err(refusal())
}

#[cfg(not(feature = "live"))]
fn refusal() -> Error {
    let why = "interfaces need libpcap, and this is an offline-only build; rebuild with the `live` feature, or pipe \
               what another program captures: tcpdump -U -w - | lyncap live -r -";
    Error::Usage(why.to_owned())
}
