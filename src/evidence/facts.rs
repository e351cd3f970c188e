//! What payload says beyond the protocol's name.
//!
//! In: what signatures read. Out: [`Details`], plain data. Must not know: how it was read, ports, rows.

use std::sync::Arc;

use super::media::Media;
use super::protocol::Speaker;
use crate::net::Timestamp;

/// Facts of one flow beyond the name of its protocol.
#[derive(Clone, Debug)]
pub enum Details {
    /// Of TLS.
    Tls(Box<Tls>),
    /// Of media: STUN, MS-TURN, RTP and RTCP.
    Media(Box<Media>),
    /// TCP ports of the responder that an endpoint-mapper or SQL Browser reply names.
    Announced(Vec<u16>),
    /// Of DHCP: whether a Lync client or phone asks, or is answered; none while no message was seen to its end.
    Dhcp {
        /// The vendor class is `MS-UC-Client` or `CPE-OCPHONE`.
        lync: Option<bool>,
    },
}

/// A TLS handshake, as far as it was seen. (RFC 5246, RFC 8446.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Highest version that the client offers, as on the wire: 0x0303 for 1.2; 0x0002 for an SSLv2 hello.
    pub offered: Option<u16>,
    /// Negotiated version; none where the ServerHello was not seen far enough to exclude 1.3.
    pub version: Option<u16>,
    /// Server name that the client asks for (RFC 6066), as sent.
    pub server_name: Option<String>,
    /// Application protocol that the server chose (RFC 7301).
    pub alpn: Option<String>,
    /// Cipher suite that the server chose.
    pub cipher_suite: Option<u16>,
    /// What is known of the client's certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// The client declined to show a certificate, and the server's ChangeCipherSpec was seen: it went on all the same.
    pub tolerated: bool,
    /// The first alert sent in the clear; a fatal one before any warning.
    pub alert: Option<Alert>,
    /// The session was resumed: no certificates are shown.
    pub resumed: bool,
    /// The server's own certificate.
    pub server: Option<Arc<Certificate>>,
    /// The client's.
    pub client: Option<Arc<Certificate>>,
}

/// What a complete handshake shows of the client's certificate (mutual TLS or not).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientCertificate {
    /// Requested and shown: mutual TLS.
    Presented,
    /// Requested and declined with an empty list: one-way.
    Empty,
    /// The server's whole flight was seen, and asks for none: one-way.
    NotRequested,
}

impl ClientCertificate {
    /// As exported in `observed.client_certificate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presented => "presented",
            Self::Empty => "empty",
            Self::NotRequested => "not-requested",
        }
    }
}

/// A TLS alert (RFC 5246 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    /// Who sent it: the TLS client or the TLS server; either, if that is not known.
    pub from: Speaker,
    /// Level 2: the connection ends.
    pub fatal: bool,
    /// Its code.
    pub description: u8,
}

/// What a certificate says (RFC 5280), as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Subject, as a distinguished name in RFC 4514 order.
    pub subject: String,
    /// Issuer, likewise.
    pub issuer: String,
    /// DNS names and addresses it is valid for.
    pub alternative_names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid to.
    pub not_after: Timestamp,
}

/// What an allocator takes for a piece of memory besides the piece.
pub(super) const ALLOCATION: usize = 16;

fn text_held(text: &str) -> usize {
    if text.is_empty() { 0 } else { ALLOCATION + text.len() }
}

impl Details {
    /// Bytes of heap that it holds.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Tls(tls) => ALLOCATION + size_of::<Tls>() + tls.held(),
            Self::Media(media) => ALLOCATION + size_of::<Media>() + media.held(),
            Self::Announced(ports) => ALLOCATION + ports.capacity() * size_of::<u16>(),
            Self::Dhcp { .. } => 0,
        }
    }
}

impl Tls {
    fn held(&self) -> usize {
        let names = [&self.server_name, &self.alpn].into_iter().flatten();
        // A remembered certificate is everybody's, and counted where it is remembered.
        let own = [&self.server, &self.client].into_iter().flatten().filter(|of| Arc::strong_count(of) == 1);
        names.map(|name| text_held(name)).sum::<usize>() + own.map(|certificate| certificate.held()).sum::<usize>()
    }
}

impl Certificate {
    /// Bytes of heap that it holds, its own place among them.
    pub(super) fn held(&self) -> usize {
        let names = self.alternative_names.iter().map(|name| size_of::<String>() + text_held(name));
        let own = 2 * ALLOCATION + size_of::<Self>() + text_held(&self.subject) + text_held(&self.issuer);
        own + names.sum::<usize>()
    }
}
