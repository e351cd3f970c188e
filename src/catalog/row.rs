//! One row: the document's words, and what was derived from them.
//!
//! In: values checked by `file`. Out: [`Row`] and the small enums of its derived fields.
//! Must not know: files, hosts, packets.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RoleSet;
use crate::net::Transport;

/// More ports than this make a row a range, which needs more than the port to fit.
pub(super) const FIXED_PORTS_AT_MOST: u32 = 16;

/// Inclusive range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

impl PortRange {
    /// Whether `port` lies in it.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Number of ports.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.last as u32 - self.first as u32 + 1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl std::str::FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("bad port range `{text}`; write one port (`5061`) or a range (`49152-65535`)");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let parse = |port: &str| port.trim().parse::<u16>().ok().filter(|&port| port > 0);
        let range = Self { first: parse(first).ok_or_else(bad)?, last: parse(last).ok_or_else(bad)? };
        if range.first > range.last {
            return Err(format!("bad port range `{text}`: it ends before it begins; write `{last}-{first}`"));
        }
        Ok(range)
    }
}

/// What the bytes are expected to be protected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Clear text is normal.
    Clear,
    /// TLS; the client shows no certificate.
    Tls,
    /// TLS, and mutual where both hosts are servers.
    TlsMutualBetweenServers,
    /// TLS with a certificate from both ends.
    MutualTls,
}

impl Security {
    /// For a narrow column: "tls", "mtls", "tls/mtls".
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::Clear => "",
            Self::Tls => " tls",
            Self::TlsMutualBetweenServers => " tls/mtls",
            Self::MutualTls => " mtls",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Clear => "",
            Self::Tls => " over tls",
            Self::TlsMutualBetweenServers => " over tls (mutual between servers)",
            Self::MutualTls => " over mutual tls",
        }
    }
}

/// Which medium a media row speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its name")]
pub enum Media {
    Audio,
    Video,
    ApplicationSharing,
    FileTransfer,
}

/// On which side of a flow the row's port stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortOn {
    /// The responder's port.
    #[default]
    Responder,
    /// The port of the host with the role, whichever side that is.
    Host,
}

/// Of which end of a flow the row names the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleOf {
    /// The responder's.
    #[default]
    Responder,
    /// The initiator's: an outgoing connection.
    Initiator,
    /// Either end's.
    Either,
    /// Both ends'.
    Both,
}

/// Whose DHCP messages a row speaks of, by their vendor class (RFC 2132 §9.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VendorClass {
    /// Lync clients' and phones': `MS-UC-Client`, `CPE-OCPHONE`.
    Lync,
}

impl VendorClass {
    /// "Lync's vendor class (MS-UC-Client, CPE-OCPHONE)".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lync => "Lync's vendor class (MS-UC-Client, CPE-OCPHONE)",
        }
    }
}

/// The load balancing that a deployment uses: it decides which of the document's tables H and D holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadBalancing {
    /// Hardware only: table H.
    Hardware,
    /// DNS, with hardware for the web ports: table D.
    Dns,
}

/// The document's own English words, verbatim. A line break stands where a cell begins a new paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// "Server role", "Load Balancer" or "Component".
    pub role: String,
    /// "Service name", in the table that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// "Port".
    pub port: String,
    /// "Protocol".
    pub protocol: String,
    /// "Notes", in the tables that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One row of a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unique among the catalogs that are on: `S03`.
    pub id: String,
    /// Name of its catalog.
    pub catalog: String,
    /// Which table of the document, or group of an overlay.
    pub table: String,
    /// The document's words; none in an overlay.
    pub words: Option<Words>,
    /// What it is called in reports.
    pub service: String,
    /// An overlay's note.
    pub note: Option<String>,
    /// Whose row it is: any of these roles, or all.
    pub roles: RoleSet,
    /// All of `roles` together, on one host.
    pub all_roles: bool,
    /// Its ports, ascending.
    pub ports: Vec<PortRange>,
    /// The initiator's port, where the protocol fixes it (DHCP).
    pub initiator_port: Option<u16>,
    /// The vendor class that a DHCP message must carry; any if none.
    pub vendor_class: Option<VendorClass>,
    /// TCP, UDP or both.
    pub transports: Vec<Transport>,
    /// Expected application protocol.
    pub application: String,
    /// Expected protection; none for media, and where a source states none.
    pub security: Option<Security>,
    /// The medium, if this is a media row.
    pub media: Option<Media>,
    /// Side of the port.
    pub port_on: PortOn,
    /// Whose role.
    pub role_of: RoleOf,
    /// Where the other end has a declared role, it is one of these.
    pub peer: RoleSet,
    /// Roles that neither end may be declared to have.
    pub never: RoleSet,
    /// Fits only when the payload proves its protocol.
    pub needs_proof: bool,
    /// The deployment it holds in; any if none.
    pub load_balancing: Option<LoadBalancing>,
    /// Who connects, as far as the words say; only the firewall matrix uses it.
    pub from: RoleSet,
    /// Where the derivation and the words part, or what to know.
    pub remark: Option<String>,
    /// Where an overlay's row comes from.
    pub source: Option<String>,
    /// A blank row of the document: kept for the order of ids, never matches.
    pub blank: bool,
}

impl Row {
    /// Whether `port` is one of its ports.
    #[must_use]
    pub fn has_port(&self, port: u16) -> bool {
        self.ports.iter().any(|range| range.contains(port))
    }

    /// Number of its ports.
    #[must_use]
    pub fn width(&self) -> u32 {
        width(&self.ports)
    }

    /// A row of a few ports, which by themselves say what a flow is.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.media.is_none() && !self.blank && !self.needs_proof
    }

    /// "sip over mutual tls".
    #[must_use]
    pub fn expected(&self) -> String {
        format!("{}{}", self.application, self.security.map_or("", Security::words))
    }

    /// "5061", "6891-6901", "5088, 5089".
    #[must_use]
    pub fn ports_text(&self) -> String {
        self.ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// "tcp", "udp" or "tcp/udp".
    #[must_use]
    pub fn transports_text(&self) -> String {
        self.transports.iter().map(|t| t.as_str()).collect::<Vec<_>>().join("/")
    }

    /// "front-end", "front-end or mediation", "front-end and mediation"; a long list is "any of 6 server roles".
    #[must_use]
    pub fn roles_text(&self) -> String {
        match self.roles.len() {
            n @ 4.. if !self.all_roles => format!("any of {n} server roles"),
            _ => self.roles.slugs().join(if self.all_roles { " and " } else { " or " }),
        }
    }
}

/// Number of ports in ranges; what stands in two counts twice.
pub(super) fn width(ports: &[PortRange]) -> u32 {
    ports.iter().fold(0, |sum, range| sum.saturating_add(range.width()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_parse_and_refuse_with_the_fix() {
        assert_eq!("5061".parse(), Ok(PortRange { first: 5061, last: 5061 }));
        assert_eq!(
            "49152-65535".parse::<PortRange>().map(|r| (r.width(), r.to_string())),
            Ok((16384, "49152-65535".into()))
        );
        for bad in ["", "0", "65536", "a-b", "5-", "-5"] {
            assert!(bad.parse::<PortRange>().unwrap_err().contains("write one port"), "{bad}");
        }
        assert!("9-5".parse::<PortRange>().unwrap_err().contains("write `5-9`"));
    }
}
