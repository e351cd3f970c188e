//! What a row expects of the bytes, and whether the payload keeps it. (Specification §3 and §5.)
//!
//! In: a row of few ports, or one that only its protocol proves; what the payload showed; who the ends are.
//! Out: a [`Said`]: the proof, and what contradicts. Must not know: how rows are ranked, or media ranges.
//!
//! The row's `security` says whether TLS is required; its `application` word names, by [`APPLICATIONS`], the protocols
//! that are it in the clear. What is positively something else contradicts; what is not known never does.

use super::Proof;
use crate::catalog::{Role, RoleSet, Row, Security};
use crate::evidence::{ClientCertificate, Evidence, Media, Observed, Protocol, Tls};
use crate::net::Direction;
use crate::topology::Who;

/// How the payload contradicts a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contradiction {
    /// It is another protocol.
    OtherProtocol,
    /// It is the row's own protocol, but not in TLS, which the row requires.
    ClearText,
    /// It is TLS between servers, but the client showed no certificate, which the row requires.
    OneWayTls,
}

/// What the payload says of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The proof.
    pub(super) proof: Proof,
    /// Only of what is contradicted.
    pub(super) contradiction: Option<Contradiction>,
}

impl Said {
    pub(super) const VERIFIED: Self = Self { proof: Proof::Verified, contradiction: None };
    pub(super) const UNVERIFIED: Self = Self { proof: Proof::Unverified, contradiction: None };

    const fn contradicted(contradiction: Contradiction) -> Self {
        Self { proof: Proof::Contradicted, contradiction: Some(contradiction) }
    }
}

/// What the payload of one flow showed, once it is known who opened it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Payload<'a> {
    /// The protocol, where the ends differ the responder's.
    pub(super) observed: Option<Observed<'a>>,
    /// Of TLS.
    pub(super) tls: Option<&'a Tls>,
    /// Of media. One end's STUN or RTP suffices where the other's bytes identify nothing.
    pub(super) media: Option<&'a Media>,
    /// Of DHCP: whether a Lync client or phone asks.
    pub(super) lync_dhcp: Option<bool>,
}

impl<'a> Payload<'a> {
    pub(super) fn of(evidence: &'a Evidence, initiator: Direction) -> Self {
        let observed = evidence.observed(initiator);
        let protocol = observed.map(|observed| observed.protocol);
        let undisputed = protocol.is_none_or(|protocol| protocol.is_media() || !protocol.is_identified());
        Self {
            observed,
            tls: evidence.tls().filter(|_| protocol == Some(Protocol::Tls)),
            media: evidence.media().filter(|_| undisputed),
            lync_dhcp: evidence.dhcp_of_lync().filter(|_| protocol == Some(Protocol::Dhcp)),
        }
    }

    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.observed.map(|observed| observed.protocol)
    }

    /// The protocol, unless it is one that identifies nothing.
    pub(super) fn identified(&self) -> Option<Protocol> {
        self.protocol().filter(|protocol| protocol.is_identified())
    }

    /// Whether it proves media.
    pub(super) fn is_media(&self) -> bool {
        self.media.is_some() || self.protocol().is_some_and(Protocol::is_media)
    }
}

/// Whether any payload of a flow proves media, whoever opened it.
pub(super) fn proves_media(evidence: &Evidence) -> bool {
    [Direction::Forward, Direction::Reverse].iter().any(|&end| Payload::of(evidence, end).is_media())
}

/// What an `application` word of a catalog expects.
struct Application {
    /// The word.
    word: &'static str,
    /// Protocols that are it, in the clear.
    clear: &'static [Protocol],
    /// Protocols that may carry it: they neither verify nor contradict.
    carriers: &'static [Protocol],
    /// What TLS says where the row does not ask for it.
    tls: Proof,
    /// Whether other protocols contradict.
    contradictable: bool,
}

const MEDIA: &[Protocol] = &[Protocol::Stun, Protocol::MsTurn, Protocol::Rtp, Protocol::Rtcp];

/// An application that begins in the clear wherever its row does not say TLS.
const fn clear(word: &'static str, clear: &'static [Protocol]) -> Application {
    Application { word, clear, carriers: &[], tls: Proof::Contradicted, contradictable: true }
}

/// An application of which no signature exists; TLS may be it.
const fn opaque(word: &'static str, carriers: &'static [Protocol]) -> Application {
    Application { word, clear: &[], carriers, tls: Proof::Unverified, contradictable: true }
}

/// Every `application` word of the built-in catalogs.
const APPLICATIONS: &[Application] = &[
    // Between Lync's own servers TLS is always welcome.
    Application { tls: Proof::Verified, ..clear("sip", &[Protocol::Sip]) },
    Application { carriers: &[Protocol::WinRm], ..clear("http", &[Protocol::Http]) },
    clear("winrm", &[Protocol::WinRm, Protocol::Http]),
    clear("rpc", &[Protocol::Rpc]),
    clear("smb", &[Protocol::Smb]),
    clear("sql-browser", &[Protocol::SqlBrowser]),
    // TDS wraps its TLS inside its own packets; StartTLS begins with LDAP.
    clear("tds", &[Protocol::Tds]),
    clear("ldap", &[Protocol::Ldap]),
    clear("dhcp", &[Protocol::Dhcp]),
    clear("dns", &[Protocol::Dns]),
    clear("llmnr", &[Protocol::Dns]),
    clear("kerberos", &[Protocol::Kerberos]),
    clear("ntp", &[Protocol::Ntp]),
    // Its "direct approach" begins with TLS ([MS-RDPBCGR] §5.4.2.2).
    Application { tls: Proof::Unverified, ..clear("rdp", &[Protocol::Rdp]) },
    clear("turn", MEDIA),
    clear("ms-turn", MEDIA),
    clear("rtp", MEDIA),
    opaque("psom", &[]),
    opaque("wcf", &[Protocol::Http]),
    opaque("cls", &[]),
    opaque("xmpp", &[]),
    opaque("windows-fabric", &[]),
    opaque("sql-mirroring", &[]),
    opaque("windows-cluster", &[Protocol::Rpc]),
    opaque("apns", &[]),
    // Its messages look like DNS (RFC 1002 §4.2).
    opaque("netbios-name", &[Protocol::Dns]),
    opaque("netbios-datagram", &[Protocol::Smb]),
    opaque("ike", &[]),
    opaque("dhcpv6", &[]),
    // Whatever the files are: the bytes tell nothing.
    Application { contradictable: false, ..opaque("file-transfer", &[]) },
];

/// A user's own word. The name of a protocol is that protocol; of any other nothing is known, and nothing contradicts.
const UNKNOWN: Application = Application { contradictable: false, ..opaque("", &[]) };

impl Application {
    fn of(word: &str) -> &'static Self {
        APPLICATIONS.iter().find(|application| application.word == word).unwrap_or(&UNKNOWN)
    }

    /// Whether `protocol` is what a row's `word` means.
    fn is(&self, word: &str, protocol: Protocol) -> bool {
        self.clear.contains(&protocol) || (self.word.is_empty() && protocol.as_str() == word)
    }
}

/// Who the ends of a flow are, as far as an expectation asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    /// Who opened it.
    pub(super) initiator: &'a Who<'a>,
    /// Who was asked.
    pub(super) responder: &'a Who<'a>,
}

impl Ends<'_> {
    /// Both are declared, and neither is a client or a phone.
    pub(super) fn are_servers(&self) -> bool {
        self.initiator.is_server() && self.responder.is_server()
    }

    /// Whether `row` lets a client reach an edge, and nobody says that this is one: any web server looks the same.
    pub(super) fn guess_an_edge(&self, row: &Row) -> bool {
        let edge = RoleSet::one(Role::Edge);
        RoleSet::DEVICES.covers(row.roles) && row.peer.meets(edge) && !self.responder.declared.meets(edge)
    }
}

/// What the payload says of `row`.
pub(super) fn hold(row: &Row, payload: &Payload<'_>, ends: Ends<'_>) -> Said {
    let Some(protocol) = payload.identified() else { return Said::UNVERIFIED };
    let required =
        matches!(row.security, Some(Security::Tls | Security::MutualTls | Security::TlsMutualBetweenServers));
    let said = match (required, protocol) {
        (true, Protocol::Tls) => over_tls(row, payload.tls, ends),
        (true, _) => instead_of_tls(row, protocol),
        (false, _) => in_the_clear(row, payload, protocol),
    };
    // MS-TURN is nobody else's.
    let guessed = protocol != Protocol::MsTurn && ends.guess_an_edge(row);
    if said.proof == Proof::Verified && guessed { Said::UNVERIFIED } else { said }
}

fn in_the_clear(row: &Row, payload: &Payload<'_>, protocol: Protocol) -> Said {
    let application = Application::of(&row.application);
    if application.is(&row.application, protocol) {
        // Of DHCP only the vendor class proves Lync's.
        let of_another = row.vendor_class.is_some() && payload.lync_dhcp != Some(true);
        return if of_another { Said::UNVERIFIED } else { Said::VERIFIED };
    }
    let proof = match protocol {
        // Where no source states any protection, TLS may be it.
        Protocol::Tls if row.security.is_none() => application.tls.min(Proof::Unverified),
        Protocol::Tls if application.contradictable => application.tls,
        _ if !application.contradictable || application.carriers.contains(&protocol) => Proof::Unverified,
        _ => Proof::Contradicted,
    };
    match proof {
        Proof::Verified => Said::VERIFIED,
        Proof::Unverified => Said::UNVERIFIED,
        Proof::Contradicted => Said::contradicted(Contradiction::OtherProtocol),
    }
}

fn instead_of_tls(row: &Row, protocol: Protocol) -> Said {
    let application = Application::of(&row.application);
    let own = application.is(&row.application, protocol) || application.carriers.contains(&protocol);
    Said::contradicted(if own { Contradiction::ClearText } else { Contradiction::OtherProtocol })
}

/// Mutual or not: resumed, 1.3 and cut handshakes do not tell, and one that was broken off proves nothing.
fn over_tls(row: &Row, tls: Option<&Tls>, ends: Ends<'_>) -> Said {
    if !is_one_way(tls) || row.security == Some(Security::Tls) {
        return Said::VERIFIED;
    }
    let broken_off = tls.and_then(|tls| tls.alert).is_some_and(|alert| alert.fatal);
    match (ends.are_servers(), broken_off) {
        (true, false) => Said::contradicted(Contradiction::OneWayTls),
        (true, true) => Said::UNVERIFIED,
        (false, _) if row.security == Some(Security::MutualTls) => Said::UNVERIFIED,
        (false, _) => Said::VERIFIED,
    }
}

/// Whether the handshake shows that the client showed no certificate.
pub(super) fn is_one_way(tls: Option<&Tls>) -> bool {
    let shown = tls.and_then(|tls| tls.client_certificate);
    matches!(shown, Some(ClientCertificate::Empty | ClientCertificate::NotRequested))
}
