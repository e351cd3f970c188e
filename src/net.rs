//! The words every stage shares: time, addresses, transports, five-tuples.
//!
//! In: nothing. Out: small `Copy` values without behaviour of any stage.
//! Must not know: captures, flows, catalogs, or that a verdict exists.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Capture time: nanoseconds since the Unix epoch (UTC). May be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest representable instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole seconds and nanoseconds; saturates instead of wrapping.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// Nanoseconds from `earlier` to `self`; negative when the clock went backwards.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The transports that form flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Transport {
    /// TCP, IP protocol 6.
    Tcp = 6,
    /// UDP, IP protocol 17.
    Udp = 17,
}

impl Transport {
    /// `"tcp"` or `"udp"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Transport {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        match s {
            "tcp" | "TCP" => Ok(Self::Tcp),
            "udp" | "UDP" => Ok(Self::Udp),
            _ => Err(()),
        }
    }
}

/// An IP address in 17 bytes without padding, as numbers, which stay in registers: cheap to compare and hash on the hot path.
///
/// IPv4 is the lowest 32 bits. `::ffff:10.0.0.1` seen as IPv6 stays IPv6. IPv4 sorts before IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed)]
pub struct Address {
    v6: bool,
    high: u64,
    low: u64,
}

impl Address {
    /// From the four bytes of an IPv4 header field.
    #[must_use]
    #[inline]
    pub const fn v4(bytes: [u8; 4]) -> Self {
        Self { v6: false, high: 0, low: u32::from_be_bytes(bytes) as u64 }
    }

    /// From the sixteen bytes of an IPv6 header field.
    #[must_use]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(bytes);
        Self { v6: true, high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// The address as the standard library knows it.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        if self.v6 {
            IpAddr::V6(Ipv6Addr::from_bits(self.bits()))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(self.bits() as u32))
        }
    }

    /// Whether this is an IPv6 address.
    #[must_use]
    pub const fn is_v6(self) -> bool {
        self.v6
    }

    /// The address as a number; meaningful only beside [`Address::is_v6`].
    #[must_use]
    pub const fn bits(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// The upper half of [`Address::bits`].
    #[inline]
    #[must_use]
    pub const fn high(self) -> u64 {
        self.high
    }

    /// The lower half.
    #[inline]
    #[must_use]
    pub const fn low(self) -> u64 {
        self.low
    }

    /// Whether no single host stands behind it: multicast or limited broadcast.
    #[must_use]
    pub const fn is_group(self) -> bool {
        match self.ip() {
            IpAddr::V4(a) => a.is_multicast() || a.is_broadcast(),
            IpAddr::V6(a) => a.is_multicast(),
        }
    }

    /// Whether it never crosses a border: link-local, loopback, or a host that has no address yet.
    #[must_use]
    pub const fn is_local(self) -> bool {
        match self.ip() {
            IpAddr::V4(a) => a.is_link_local() || a.is_loopback() || a.is_unspecified(),
            IpAddr::V6(a) => a.is_unicast_link_local() || a.is_loopback() || a.is_unspecified(),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(a) => Self::v4(a.octets()),
            IpAddr::V6(a) => Self::v6(a.octets()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// Multiplies to 128 bits and folds: every input bit reaches the middle. What hashes of short keys are made of.
#[inline]
#[must_use]
pub const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product >> 64) as u64 ^ product as u64
}

/// An address and a port.
///
/// Packed: every flow keeps two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed)]
pub struct Endpoint {
    /// Host address.
    pub address: Address,
    /// TCP or UDP port.
    pub port: u16,
}

impl Endpoint {
    /// 0 if the other is the same.
    #[inline]
    const fn differs(self, other: Self) -> u64 {
        let (a, b) = (self.address, other.address);
        (a.low ^ b.low) | (a.high ^ b.high) | (a.v6 ^ b.v6) as u64 | (self.port ^ other.port) as u64
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.is_v6() {
            write!(f, "[{}]:{}", self.address, { self.port })
        } else {
            write!(f, "{}:{}", self.address, { self.port })
        }
    }
}

/// Source, destination and transport of one packet: directional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// TCP or UDP.
    pub transport: Transport,
}

impl FiveTuple {
    /// The same conversation seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { source: self.destination, destination: self.source, transport: self.transport }
    }

    /// Which way `other` goes, seen from this; none if it belongs to another conversation. Compares all at once: a branch
    /// for each number costs more than the numbers.
    #[inline]
    #[must_use]
    pub const fn way_of(&self, other: &Self) -> Option<Direction> {
        if self.transport as u8 != other.transport as u8 {
            return None;
        }
        if self.source.differs(other.source) | self.destination.differs(other.destination) == 0 {
            return Some(Direction::Forward);
        }
        let crossed = self.source.differs(other.destination) | self.destination.differs(other.source);
        if crossed == 0 { Some(Direction::Reverse) } else { None }
    }
}

/// Which way a packet of a flow travels, told by the flow's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// As the first packet of the flow that was seen.
    Forward = 0,
    /// Against it.
    Reverse = 1,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Forward => Self::Reverse,
            Self::Reverse => Self::Forward,
        }
    }
}

/// One value for each direction of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// Of [`Direction::Forward`].
    pub forward: T,
    /// Of [`Direction::Reverse`].
    pub reverse: T,
}

impl<T> Both<T> {
    /// The value of one direction.
    pub const fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Reverse => &self.reverse,
        }
    }

    /// The value of one direction, to change.
    pub const fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Reverse => &mut self.reverse,
        }
    }
}
