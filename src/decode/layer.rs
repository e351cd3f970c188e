//! Where the walk through a frame's headers stands.
//!
//! In: a [`Frame`]. Out: [`Layer`], shortened header by header until an IP header comes next.
//! Must not know: any header.

use super::{Encapsulation, Skip, Tunnel, Vlans};
use crate::capture::{Frame, LinkType};

/// What the next header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The header of a link type.
    Link(LinkType),
    /// What an ethertype names (IEEE 802 numbers); up to 0x05ff it is a length, and LLC follows.
    Ether(u16),
    /// IEEE 802.2 LLC.
    Llc,
    /// PPP's protocol field, with or without address and control before it.
    Ppp,
    /// IP of the version that the first nibble states.
    AnyIp,
    /// IP of this version.
    Ip(Ip),
}

/// IP version, as the layer below states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ip {
    V4,
    V6,
}

/// What one header leaves.
pub(super) type Step<'a> = Result<Layer<'a>, Skip>;

/// What is left of a frame, and what was learned of it so far.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    /// What `bytes` begin with.
    pub(super) next: Next,
    /// Captured bytes that are left.
    pub(super) bytes: &'a [u8],
    /// Their length on the wire, link padding included.
    pub(super) wire: u32,
    /// VLAN ids, outermost first.
    pub(super) vlan: Vlans,
    /// Encapsulations passed.
    pub(super) tunnel: Tunnel,
    /// The innermost link layer sent it to everyone.
    pub(super) broadcast: bool,
}

impl<'a> Layer<'a> {
    /// All of a frame.
    pub(super) fn of(frame: &Frame<'a>, broadcast: bool) -> Self {
        let captured = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        // A file may state an original length below the captured one; what was captured was on the wire.
        let wire = frame.original_length.max(captured);
        Self { broadcast, ..Self::at(Next::Link(frame.link), frame.bytes, wire) }
    }

    /// Bytes of which nothing is known but what they begin with.
    pub(super) fn at(next: Next, bytes: &'a [u8], wire: u32) -> Self {
        Self { next, bytes, wire, vlan: Vlans::new(), tunnel: Tunnel::default(), broadcast: false }
    }

    /// Whether some of it was not captured.
    pub(super) fn is_cut(&self) -> bool {
        self.bytes.len() < self.wire as usize
    }

    /// Takes off a header of `N` bytes.
    pub(super) fn header<const N: usize>(mut self) -> Result<(&'a [u8; N], Self), Skip> {
        let (header, rest) = self.bytes.split_first_chunk::<N>().ok_or(Skip::Truncated)?;
        self.bytes = rest;
        self.wire = self.wire.saturating_sub(N as u32);
        Ok((header, self))
    }

    /// Takes off a header of `N` bytes that itself must tell whether it is there: less of it tells nothing.
    pub(super) fn proof<const N: usize>(self) -> Result<(&'a [u8; N], Self), Skip> {
        self.header().map_err(|_| Skip::NonIp)
    }

    /// Takes off `length` bytes.
    pub(super) fn behind(mut self, length: usize) -> Result<Self, Skip> {
        self.bytes = self.bytes.get(length..).ok_or(Skip::Truncated)?;
        self.wire = self.wire.saturating_sub(u32::try_from(length).unwrap_or(u32::MAX));
        Ok(self)
    }

    /// The same, at another header.
    pub(super) fn then(self, next: Next) -> Self {
        Self { next, ..self }
    }

    /// The same, at an Ethernet header that an encapsulation carries: its destination counts, not that of the outer.
    pub(super) fn then_ethernet(self) -> Self {
        let broadcast = self.bytes.first_chunk::<6>() == Some(&[0xff; 6]);
        Self { next: Next::Link(LinkType::ETHERNET), broadcast, ..self }
    }

    /// The same, inside an encapsulation.
    pub(super) fn inside(mut self, encapsulation: Encapsulation) -> Self {
        self.tunnel.enter(encapsulation);
        self
    }
}
