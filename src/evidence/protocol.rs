//! Names for what payload can be.
//!
//! In: nothing. Out: [`Protocol`], [`Version`], and what a signature answers: [`Probe`] with its [`Sighting`].
//! Must not know: ports, rows, how any protocol is recognised.

use std::fmt;

/// What the bytes of one direction are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is its name; the signature's file tells it")]
#[repr(u8)]
pub enum Protocol {
    Tls,
    Sip,
    Http,
    WinRm,
    Stun,
    MsTurn,
    Rtp,
    Rtcp,
    Rpc,
    Smb,
    SqlBrowser,
    Tds,
    Dhcp,
    Dns,
    Kerberos,
    Ldap,
    Ntp,
    Rdp,
    Ssh,
    Ftp,
    Smtp,
    /// Printable, and no signature's.
    Text,
    /// Not printable, and no signature's.
    UnknownBinary,
}

impl Protocol {
    /// As exported in `observed.protocol`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Sip => "sip",
            Self::Http => "http",
            Self::WinRm => "winrm",
            Self::Stun => "stun",
            Self::MsTurn => "ms-turn",
            Self::Rtp => "rtp",
            Self::Rtcp => "rtcp",
            Self::Rpc => "rpc",
            Self::Smb => "smb",
            Self::SqlBrowser => "sql-browser",
            Self::Tds => "tds",
            Self::Dhcp => "dhcp",
            Self::Dns => "dns",
            Self::Kerberos => "kerberos",
            Self::Ldap => "ldap",
            Self::Ntp => "ntp",
            Self::Rdp => "rdp",
            Self::Ssh => "ssh",
            Self::Ftp => "ftp",
            Self::Smtp => "smtp",
            Self::Text => "text",
            Self::UnknownBinary => "unknown-binary",
        }
    }

    /// Whether it identifies anything: text and unknown binary neither prove nor contradict.
    #[must_use]
    pub const fn is_identified(self) -> bool {
        !matches!(self, Self::Text | Self::UnknownBinary)
    }

    /// Whether it proves media: STUN, MS-TURN, RTP or RTCP, bare or framed.
    #[must_use]
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Stun | Self::MsTurn | Self::Rtp | Self::Rtcp)
    }
}

/// A protocol's own version: HTTP 1.1, SMB 3.0. TLS's is in its own facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Before the dot.
    pub major: u8,
    /// After it.
    pub minor: u8,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Who says such a thing in this protocol: what tells the direction of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// Only the end that opened the flow: a request, a ClientHello, a bind.
    Initiator,
    /// Only the end that was asked: a response, a ServerHello, a banner.
    Responder,
    /// Both alike: ICE's STUN, RTP, what is seen from the middle.
    Either,
}

/// What a signature recognised in one direction's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// The protocol.
    pub protocol: Protocol,
    /// Who says this.
    pub speaker: Speaker,
    /// The protocol's version, where these bytes tell it.
    pub version: Option<Version>,
}

impl Sighting {
    /// A sighting without a version.
    #[must_use]
    pub const fn of(protocol: Protocol, speaker: Speaker) -> Self {
        Self { protocol, speaker, version: None }
    }

    /// The same with a version.
    #[must_use]
    pub const fn version(self, major: u8, minor: u8) -> Self {
        Self { version: Some(Version { major, minor }), ..self }
    }
}

/// What a signature says of the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// It is this. At least 32 bits of the bytes agree; nothing seen later will take it back.
    Certain(Sighting),
    /// It may be; not before the direction has this many bytes in all is it worth asking again.
    Unsure(usize),
    /// It is not this, whatever follows.
    NotMe,
}
