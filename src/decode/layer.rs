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

impl Next {
    /// A whole Ethernet frame.
    pub(super) const ETHERNET: Self = Self::Link(LinkType::ETHERNET);
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
    /// Whether the innermost link header so far is addressed to everyone.
    pub(super) broadcast: bool,
}

impl<'a> Layer<'a> {
    /// All of a frame.
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        let captured = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        // A file may state an original length below the captured one; what was captured was on the wire.
        let wire = frame.original_length.max(captured);
        Self::at(Next::Link(frame.link), frame.bytes, wire)
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

    /// The first `length` bytes on the wire; what follows is the outer layer's.
    pub(super) fn at_most(mut self, length: u32) -> Self {
        self.wire = self.wire.min(length);
        self.bytes = self.bytes.get(..self.wire as usize).unwrap_or(self.bytes);
        self
    }

    /// All but the last `length` bytes on the wire: a checksum.
    pub(super) fn without_trailer(self, length: u32) -> Self {
        let rest = self.wire.saturating_sub(length);
        self.at_most(rest)
    }

    /// The same, in the VLAN that these tag control bits name. A fifth finds no room; the outer four say where the
    /// frame was captured.
    pub(super) fn tagged(mut self, control: [u8; 2]) -> Self {
        let _ = self.vlan.try_push(u16::from_be_bytes(control) & 0x0fff);
        self
    }

    /// The same, addressed to everyone or not.
    pub(super) fn with_broadcast(self, broadcast: bool) -> Self {
        Self { broadcast, ..self }
    }

    /// The same, at another header.
    pub(super) fn then(self, next: Next) -> Self {
        Self { next, ..self }
    }

    /// The same, at what this ethertype names.
    pub(super) fn ethertype(self, number: [u8; 2]) -> Self {
        self.then(Next::Ether(u16::from_be_bytes(number)))
    }

    /// The same, inside an encapsulation.
    pub(super) fn inside(mut self, encapsulation: Encapsulation) -> Self {
        self.tunnel.enter(encapsulation);
        self
    }
}
