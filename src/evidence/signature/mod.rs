//! The signatures, one file each, and the tables that name them.
//!
//! In: the first bytes of one direction, or one datagram. Out: a [`Probe`]; for some, more facts once it is certain.
//! Must not know: ports, rows, flows, the other signatures.
//!
//! Each file has five parts: what it reads and by which document; constants and offsets; the probe; what more it
//! reads; tests over real bytes, cut at every length.

use super::certificates::Certificates;
use super::facts::Details;
use super::protocol::{Probe, Protocol};
use crate::net::Both;

mod ber;
#[cfg(test)]
mod cuts;
pub mod dhcp;
pub mod dns;
pub mod framing;
pub mod ftp;
pub mod http;
pub mod kerberos;
pub mod ldap;
pub mod ms_turn;
pub mod ntp;
pub mod rdp;
mod read;
pub mod rpc;
pub mod rtp;
pub mod sip;
pub mod smb;
pub mod smtp;
pub mod sql_browser;
pub mod ssh;
pub mod stun;
pub mod tds;
pub mod text;
pub mod tls;

/// The first bytes of one direction of a TCP connection, in order.
#[derive(Clone, Copy, Debug)]
pub struct Prefix<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// They begin where the connection began. Otherwise a message may begin before them.
    pub from_start: bool,
    /// Nothing more will be seen in order: the limit, a lost segment, the snaplen, or the end.
    pub ended: bool,
}

/// One UDP payload.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub length: usize,
}

impl Datagram<'_> {
    /// Whether it was captured whole.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.bytes.len() >= self.length
    }
}

/// A signature over a TCP stream.
pub type StreamProbe = fn(Prefix<'_>) -> Probe;

/// A signature over one datagram. `Unsure` means: this one does not tell.
pub type DatagramProbe = fn(Datagram<'_>) -> Probe;

/// Reads on, over both directions, once a signature is certain of one of them.
pub type Study = fn(&Both<Prefix<'_>>, &mut Certificates) -> Studied;

/// What reading on came to.
#[derive(Clone, Debug, Default)]
pub struct Studied {
    /// What is known by now.
    pub details: Option<Details>,
    /// For each direction, how many bytes in all it needs to say more; none if nothing more is wanted of it.
    pub wanted: Both<Option<usize>>,
}

/// Reads more from one datagram of a known protocol.
pub type Further = fn(Datagram<'_>) -> Option<Details>;

/// Over TCP. The first that is certain decides, so what is most exactly defined stands first.
pub const STREAM: &[(Protocol, StreamProbe)] = &[
    (Protocol::MsTurn, ms_turn::stream),
    (Protocol::Tls, tls::stream),
    (Protocol::Http, http::stream),
    (Protocol::Sip, sip::stream),
    (Protocol::Smb, smb::stream),
    (Protocol::Rpc, rpc::stream),
    (Protocol::Tds, tds::stream),
    (Protocol::Rdp, rdp::stream),
    (Protocol::Ldap, ldap::stream),
    (Protocol::Kerberos, kerberos::stream),
    (Protocol::Dns, dns::stream),
    (Protocol::Ssh, ssh::stream),
    (Protocol::Ftp, ftp::stream),
    (Protocol::Smtp, smtp::stream),
    (Protocol::Rtp, framing::stream),
];

/// Over UDP. RTP and RTCP are not here: one datagram does not prove them.
pub const DATAGRAM: &[(Protocol, DatagramProbe)] = &[
    (Protocol::MsTurn, ms_turn::datagram),
    (Protocol::Stun, stun::datagram),
    (Protocol::Dhcp, dhcp::datagram),
    (Protocol::Sip, sip::datagram),
    (Protocol::Dns, dns::datagram),
    (Protocol::Kerberos, kerberos::datagram),
    (Protocol::Ldap, ldap::datagram),
    (Protocol::Ntp, ntp::datagram),
    (Protocol::SqlBrowser, sql_browser::datagram),
    (Protocol::Rpc, rpc::datagram),
];

/// Protocols over TCP of which more is asked than their name.
pub const STUDIES: &[(Protocol, Study)] = &[
    (Protocol::Tls, tls::study),
    (Protocol::Rpc, rpc::study),
    (Protocol::MsTurn, ms_turn::study),
    (Protocol::Stun, framing::study),
    (Protocol::Rtp, framing::study),
    (Protocol::Rtcp, framing::study),
];

/// Protocols over UDP of which more is asked than their name. SQL Browser's reply names ports, DHCP's tells a Lync client.
pub const FURTHER: &[(Protocol, Further)] =
    &[(Protocol::SqlBrowser, sql_browser::details), (Protocol::Dhcp, dhcp::details)];
