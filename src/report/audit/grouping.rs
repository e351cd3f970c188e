//! How findings are grouped: what each end is called, and what is rolled up when there is too much of it.
//!
//! In: ends of flows. Out: [`Label`]s and Wireshark display filters.
//! Must not know: kinds of findings.

use std::fmt::Write as _;
use std::hash::Hash;

use super::room::Room;
use crate::net::{Address, Endpoint, Transport};
use crate::report::text::harmless;
use crate::topology::hash::FastSet;
use crate::verdict::End;

/// What one end of a finding is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Label<'a> {
    /// A declared host.
    Host(&'a str),
    /// A declared network: all its hosts together.
    Network(&'a str),
    /// An undeclared address.
    Address(Address),
    /// Whoever it was.
    Anyone,
}

impl<'a> Label<'a> {
    pub(super) fn of(end: &End<'a>) -> Self {
        match (end.who.name, end.who.network) {
            (Some(name), _) => Self::Host(name),
            (None, Some(network)) => Self::Network(network),
            (None, None) => Self::Address(end.at.address),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Host(name) | Self::Network(name) => harmless(name),
            Self::Address(address) => address.to_string(),
            Self::Anyone => "any".to_owned(),
        }
    }
}

/// A Wireshark display filter for the conversations of a finding. Addresses that are not the same for all are left out;
/// of many ports the range is given.
pub(super) fn display_filter(
    initiator: Option<Address>,
    responder: Option<Address>,
    transport: Transport,
    ports: &[u16],
) -> String {
    let mut filter = String::new();
    for address in [initiator, responder].into_iter().flatten() {
        let field = if address.is_v6() { "ipv6" } else { "ip" };
        let _ = write!(filter, "{field}.addr == {address} && ");
    }
    let _ = match ports {
        [] => write!(filter, "{transport}"),
        [port] => write!(filter, "{transport}.port == {port}"),
        [first, .., last] if ports.len() > PORTS_LISTED => write!(filter, "{transport}.port in {{{first}..{last}}}"),
        _ => {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            write!(filter, "{transport}.port in {{{}}}", ports.join(", "))
        }
    };
    filter
}

/// A display filter lists at most so many ports.
const PORTS_LISTED: usize = 8;

/// The one value that all flows of a finding share, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Common<T> {
    #[default]
    Nothing,
    One(T),
    Several,
}

impl<T: PartialEq + Copy> Common<T> {
    pub(super) fn add(&mut self, value: T) {
        *self = match *self {
            Self::Nothing => Self::One(value),
            Self::One(one) if one == value => *self,
            _ => Self::Several,
        };
    }

    /// What both share.
    pub(super) fn join(&mut self, other: Self) {
        match other {
            Self::Nothing => {}
            Self::One(value) => self.add(value),
            Self::Several => *self = Self::Several,
        }
    }

    pub(super) const fn one(self) -> Option<T> {
        match self {
            Self::One(value) => Some(value),
            Self::Nothing | Self::Several => None,
        }
    }
}

/// So many different values always have room.
const FEW: usize = 9;

/// Different values, at least one. Most findings have one of each, and pay for no more.
#[derive(Clone, Debug)]
pub(super) enum Distinct<T> {
    One(T),
    Several(FastSet<T>),
}

impl<T: Copy + Ord + Hash> Distinct<T> {
    /// Where there is no room the values told are not all there are.
    pub(super) fn insert(&mut self, value: T, room: &mut Room) {
        match self {
            Self::One(one) if *one == value => {}
            Self::One(_) => self.join(Self::One(value)),
            Self::Several(values) => {
                if !values.contains(&value) && (values.len() < FEW || room.take()) {
                    values.insert(value);
                }
            }
        }
    }

    /// Keeps the first in order; returns how many went.
    pub(super) fn truncate(&mut self, most: usize) -> usize {
        let (most, len) = (most.max(FEW), self.len());
        if len > most {
            let mut all = self.sorted();
            all.truncate(most);
            *self = Self::Several(all.into_iter().collect());
        }
        len - self.len()
    }

    /// Places taken in the room.
    pub(super) fn taken(&self) -> usize {
        self.len().saturating_sub(FEW)
    }

    /// The values of both.
    pub(super) fn join(&mut self, other: Self) {
        let both = match (std::mem::replace(self, Self::Several(FastSet::default())), other) {
            (Self::One(a), Self::One(b)) if a == b => Self::One(a),
            (Self::One(a), Self::One(b)) => Self::Several([a, b].into_iter().collect()),
            (Self::Several(mut values), Self::One(one)) | (Self::One(one), Self::Several(mut values)) => {
                values.insert(one);
                Self::Several(values)
            }
            (Self::Several(mut a), Self::Several(mut b)) => {
                if a.len() < b.len() {
                    std::mem::swap(&mut a, &mut b);
                }
                a.extend(b);
                Self::Several(a)
            }
        };
        *self = both;
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(values) => values.len(),
        }
    }

    /// In order.
    pub(super) fn sorted(&self) -> Vec<T> {
        match self {
            Self::One(one) => vec![*one],
            Self::Several(values) => {
                let mut all: Vec<T> = values.iter().copied().collect();
                all.sort_unstable();
                all
            }
        }
    }
}

/// Adds a host to those of a service.
pub(super) fn note(hosts: &mut Option<Distinct<Address>>, host: Address, room: &mut Room) {
    match hosts {
        Some(hosts) => hosts.insert(host, room),
        None => *hosts = Some(Distinct::One(host)),
    }
}

/// Both ends in words, for a reason.
pub(super) fn port_text(at: Endpoint, transport: Transport) -> String {
    format!("{transport}/{}", { at.port })
}
