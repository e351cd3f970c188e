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
    /// Both ends were heard.
    pub(super) both: bool,
    /// Of media. One end's STUN or RTP suffices where the other's bytes identify nothing.
    pub(super) media: Option<&'a Media>,
    /// Of DHCP: whether a Lync client or phone asks.
    pub(super) lync_dhcp: Option<bool>,
}

impl<'a> Payload<'a> {
    pub(super) fn of(evidence: &'a Evidence, initiator: Direction) -> Self {
        let observed = evidence.observed(initiator);
        let protocol = observed.map(|observed| observed.protocol);
        // An answer that is nobody's leaves open whether the question found what it asked for.
        let undisputed = protocol.is_none_or(Protocol::is_media);
        Self {
            observed,
            tls: evidence.tls().filter(|_| protocol == Some(Protocol::Tls)),
            both: [Direction::Forward, Direction::Reverse].iter().all(|&end| evidence.seen(end).is_some()),
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

    /// Whether it is MS-TURN, or relayed by it, which nobody else speaks.
    fn is_ms_turn(&self) -> bool {
        self.protocol() == Some(Protocol::MsTurn) || self.media.is_some_and(|media| media.turn)
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
        (true, Protocol::Tls) => over_tls(row, payload, ends),
        (true, _) => instead_of_tls(row, protocol),
        (false, _) => in_the_clear(row, payload, protocol),
    };
    let guessed = !payload.is_ms_turn() && ends.guess_an_edge(row);
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

/// Mutual or not: resumed, 1.3 and cut handshakes do not tell, nor does one end alone, and one that was broken off proves
/// nothing. A server that asked for a certificate and got none may refuse without a word: it has to go on before that is one-way TLS.
fn over_tls(row: &Row, payload: &Payload<'_>, ends: Ends<'_>) -> Said {
    let tls = payload.tls.filter(|_| payload.both);
    if !is_one_way(tls) || row.security == Some(Security::Tls) {
        return Said::VERIFIED;
    }
    let broken_off = tls.is_some_and(|tls| {
        let declined = tls.client_certificate == Some(ClientCertificate::Empty);
        tls.alert.is_some_and(|alert| alert.fatal) || (declined && !tls.tolerated)
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{BUILT_IN, parse};
    use crate::evidence::Details;
    use crate::verdict::testing::{POOL, Scene, broken_off, dhcp, media, media_as, spoken, tcp, tls, udp};

    /// Who the ends are.
    #[derive(Clone, Copy)]
    enum Hosts {
        Servers,
        Client,
        Unknown,
    }

    fn said(row: &Row, evidence: &Evidence, hosts: Hosts) -> Said {
        let server = Who { declared: row.roles.union(RoleSet::one(Role::Edge)), ..Who::default() };
        let front_end = Who { declared: RoleSet::one(Role::FrontEnd), ..Who::default() };
        let (client, nobody) = (Who { declared: RoleSet::DEVICES, ..Who::default() }, Who::default());
        let (initiator, responder) = match hosts {
            Hosts::Servers => (&front_end, &server),
            Hosts::Client => (&client, &server),
            Hosts::Unknown => (&nobody, &nobody),
        };
        hold(row, &Payload::of(evidence, Direction::Forward), Ends { initiator, responder })
    }

    /// The document's rows of few ports, but those of clients, which have tests of their own.
    fn rows(ids: &str) -> Vec<Row> {
        let document = parse(BUILT_IN[0].0, BUILT_IN[0].1).unwrap();
        let ids: Vec<String> = ids.split(' ').map(str::to_owned).collect();
        let found: Vec<_> = document.rows.into_iter().filter(|row| ids.contains(&row.id)).collect();
        assert_eq!(found.len(), ids.len());
        found
    }

    const CLEAR_SIP: &str = "S02 S41 S24 S48 S25 S32";
    const CLEAR_HTTP: &str = "S11 S13 S43 H04 H05 D01 D03";
    const TLS_BETWEEN: &str = "S03 S04 S42 S45 H01 H02 H18 H19";
    const MUTUAL: &str = "S06 S09 S15 S16 S17 S18 S20 S21 S22 S23 S26 S27 S29 S30 S31 S33 S34 S35 S36 S46 S47 S49 S50 \
                          S51 H08 H09 H10 H11 H12 H13 H14 H15 H16";
    const TLS: &str = "S07 S08 S12 S14 S19 S40 S44 S52 H06 H07 H17 H20 D02 D04 D05 D07";

    fn check(ids: &str, evidence: &Evidence, hosts: Hosts, expected: Said) {
        for row in rows(ids) {
            assert_eq!(said(&row, evidence, hosts), expected, "{}", row.id);
        }
    }

    const EVERYBODY: [Hosts; 3] = [Hosts::Servers, Hosts::Client, Hosts::Unknown];
    const OTHER: Said = Said::contradicted(Contradiction::OtherProtocol);
    const CLEAR: Said = Said::contradicted(Contradiction::ClearText);
    const ONE_WAY: Said = Said::contradicted(Contradiction::OneWayTls);

    #[test]
    fn every_row_of_few_ports_is_in_one_of_the_lists() {
        let document = parse(BUILT_IN[0].0, BUILT_IN[0].1).unwrap();
        let others = "S01 S38 S05 H03 S37 C01 C12 C07 C04 C05 C02 C03 C06";
        let lists = [CLEAR_SIP, CLEAR_HTTP, TLS_BETWEEN, MUTUAL, TLS, others].join(" ");
        let mut listed: Vec<_> = lists.split(' ').collect();
        listed.sort_unstable();
        let mut ids: Vec<_> = document.rows.iter().filter(|row| row.is_fixed()).map(|row| &*row.id).collect();
        ids.sort_unstable();
        assert_eq!(listed, ids);
    }

    #[test]
    fn where_clear_text_is_allowed_the_own_protocol_verifies_and_others_contradict() {
        for hosts in EVERYBODY {
            for (ids, own) in [
                (CLEAR_SIP, Protocol::Sip),
                (CLEAR_HTTP, Protocol::Http),
                ("S01 S38", Protocol::SqlBrowser),
                ("S05 H03", Protocol::Rpc),
                ("S37", Protocol::Smb),
            ] {
                check(ids, &spoken(own), hosts, Said::VERIFIED);
                check(ids, &spoken(Protocol::Ssh), hosts, OTHER);
                check(ids, &media(&[0]), hosts, OTHER);
                for nothing in [Evidence::default(), spoken(Protocol::Text), spoken(Protocol::UnknownBinary)] {
                    check(ids, &nothing, hosts, Said::UNVERIFIED);
                }
            }
        }
    }

    #[test]
    fn tls_where_clear_text_is_allowed() {
        for client in [None, Some(ClientCertificate::Presented), Some(ClientCertificate::Empty)] {
            check(CLEAR_SIP, &tls(client), Hosts::Servers, Said::VERIFIED);
            for ids in [CLEAR_HTTP, "S01 S38", "S05 H03", "S37"] {
                check(ids, &tls(client), Hosts::Servers, OTHER);
            }
        }
    }

    #[test]
    fn tls_of_each_kind() {
        use ClientCertificate::{Empty, NotRequested, Presented};
        for hosts in EVERYBODY {
            // Resumed, 1.3, cut, or mutual: nothing speaks against it.
            for told in [None, Some(Presented)] {
                [TLS_BETWEEN, MUTUAL, TLS].iter().for_each(|ids| check(ids, &tls(told), hosts, Said::VERIFIED));
            }
            for one_way in [Empty, NotRequested] {
                check(TLS, &tls(Some(one_way)), hosts, Said::VERIFIED);
            }
        }
        for one_way in [Empty, NotRequested] {
            check(MUTUAL, &tls(Some(one_way)), Hosts::Servers, ONE_WAY);
            check(TLS_BETWEEN, &tls(Some(one_way)), Hosts::Servers, ONE_WAY);
            for hosts in [Hosts::Client, Hosts::Unknown] {
                check(MUTUAL, &tls(Some(one_way)), hosts, Said::UNVERIFIED);
                check(TLS_BETWEEN, &tls(Some(one_way)), hosts, Said::VERIFIED);
            }
            // A server that ends it there did not accept it.
            check(MUTUAL, &broken_off(one_way), Hosts::Servers, Said::UNVERIFIED);
        }
    }

    #[test]
    fn where_tls_is_required_clear_text_contradicts() {
        for hosts in EVERYBODY {
            for row in rows(&[TLS_BETWEEN, MUTUAL, TLS].join(" ")) {
                let own = |protocol| Application::of(&row.application).clear.contains(&protocol);
                for protocol in [Protocol::Sip, Protocol::Http, Protocol::Ssh, Protocol::Smtp, Protocol::Rpc] {
                    let carried = row.application == "wcf" && protocol == Protocol::Http;
                    let expected = if own(protocol) || carried { CLEAR } else { OTHER };
                    assert_eq!(said(&row, &spoken(protocol), hosts), expected, "{} {protocol:?}", row.id);
                }
                assert_eq!(said(&row, &spoken(Protocol::Text), hosts), Said::UNVERIFIED, "{}", row.id);
            }
            // The pseudo-TLS of MS-TURN is no TLS.
            check(TLS, &media_as(Protocol::MsTurn, &[], true), hosts, OTHER);
        }
    }

    #[test]
    fn the_responders_bytes_decide() {
        let scene = Scene::new(POOL, &[]);
        let flow = |evidence| tcp("10.1.0.5:50123", "10.0.0.11:443", evidence);
        let differing = crate::verdict::testing::differing;
        assert_eq!(scene.told(&flow(differing(Protocol::Http, Protocol::Tls))), "documented verified S12 S19");
        assert_eq!(
            scene.told(&flow(differing(Protocol::Tls, Protocol::Http))),
            "contradicted contradicted ClearText S12 S19"
        );
        assert_eq!(scene.told(&flow(differing(Protocol::Http, Protocol::Text))), "documented unverified S12 S19");
    }

    #[test]
    fn a_client_reaches_an_edge_that_is_declared_or_proves_itself() {
        let scene = Scene::new(POOL, &[]);
        let tcp_443 = |to: &str, evidence| scene.told(&tcp("10.1.0.5:50123", to, evidence));
        let (edge, outside) = ("10.0.0.17:443", "198.51.100.7:443");
        assert_eq!(tcp_443(edge, tls(None)), "documented verified C02 C03");
        assert_eq!(tcp_443(outside, tls(None)), "documented unverified C02 C03");
        let turn = || media_as(Protocol::MsTurn, &[114], true);
        assert_eq!(tcp_443(edge, turn()), "documented verified C04");
        assert_eq!(tcp_443(outside, turn()), "documented verified C04");
        assert_eq!(tcp_443(outside, media(&[])), "documented unverified C04");
        let relayed = |to: &str| scene.told(&udp("10.1.0.5:50123", to, media(&[114])));
        assert_eq!(relayed("10.0.0.17:3478"), "documented verified C05");
        assert_eq!(relayed("198.51.100.7:3478"), "documented unverified C05");
        // RTP that MS-TURN was seen to relay.
        let through = || {
            let media = Media { turn: true, payload_types: 1 << 114, ..Media::default() };
            crate::verdict::testing::spoken_with(Protocol::Rtp, None, Some(Details::Media(Box::new(media))))
        };
        assert_eq!(scene.told(&udp("10.1.0.5:50123", "198.51.100.7:3478", through())), "documented verified C05");
        assert_eq!(tcp_443(outside, spoken(Protocol::Ssh)), "contradicted contradicted OtherProtocol C02 C03 C04");
        let sip = scene.told(&tcp("10.1.0.5:50123", "198.51.100.7:5061", spoken(Protocol::Sip)));
        assert_eq!(sip, "contradicted contradicted ClearText C06");
        assert!(scene.reasons(&tcp("10.1.0.5:50123", outside, tls(None))).contains(
            &"the payload is TLS 1.2 (frame 15), and 198.51.100.7 is not declared to be an edge: unverified".to_owned()
        ));
    }

    #[test]
    fn anything_may_be_a_file() {
        let scene = Scene::new(POOL, &[]);
        for evidence in [spoken(Protocol::Ssh), tls(None), media(&[0]), Evidence::default()] {
            let flow = tcp("10.1.0.5:50123", "10.1.0.6:6891", evidence);
            assert_eq!(scene.told(&flow), "documented unverified C07");
        }
    }

    #[test]
    fn only_lyncs_dhcp_is_documented() {
        let flow = |evidence| udp("10.2.0.5:68", "10.0.0.18:67", evidence);
        let scene = Scene::new(POOL, &[]);
        assert_eq!(scene.told(&flow(dhcp(Some(true)))), "documented verified C01 C12");
        assert_eq!(scene.told(&flow(dhcp(None))), "documented unverified C01 C12");
        assert_eq!(scene.told(&flow(spoken(Protocol::Dns))), "contradicted contradicted OtherProtocol C01 C12");
        assert_eq!(scene.told(&flow(dhcp(Some(false)))), "undocumented -");
        assert_eq!(
            scene.misses(&flow(dhcp(Some(false)))),
            [
                "C01: documented only for Lync's vendor class (MS-UC-Client, CPE-OCPHONE)",
                "C12: documented only for Lync's vendor class (MS-UC-Client, CPE-OCPHONE)",
                "W18: only in overlay windows-infrastructure, which is off"
            ]
        );
        let with_overlay = Scene::new(POOL, &["windows-infrastructure"]);
        assert_eq!(with_overlay.told(&flow(dhcp(Some(false)))), "documented verified W18");
        assert_eq!(with_overlay.told(&flow(dhcp(None))), "documented verified W18 C01 C12");
    }

    #[test]
    fn every_word_of_the_built_in_catalogs_is_known() {
        for (name, text) in BUILT_IN {
            for row in parse(name, text).unwrap().rows.iter().filter(|row| !row.blank && row.media.is_none()) {
                let known = APPLICATIONS.iter().any(|application| application.word == row.application);
                assert!(known, "{}: {}", row.id, row.application);
            }
        }
    }

    /// What the payload says of a row that differs from S02 in its application and security.
    fn of_word(application: &str, security: Option<Security>, evidence: &Evidence) -> Said {
        let row = Row { application: application.to_owned(), security, ..rows("S02").remove(0) };
        said(&row, evidence, Hosts::Servers)
    }

    #[test]
    fn overlay_words() {
        let (clear, none) = (Some(Security::Clear), None);
        let (tls, http, ssh) = (tls(None), spoken(Protocol::Http), spoken(Protocol::Ssh));
        for (word, security, evidence, expected) in [
            ("tds", clear, &spoken(Protocol::Tds), Said::VERIFIED),
            ("tds", clear, &tls, OTHER),
            ("ldap", clear, &tls, OTHER),
            ("ldap", Some(Security::Tls), &spoken(Protocol::Ldap), CLEAR),
            ("rdp", clear, &tls, Said::UNVERIFIED),
            ("rdp", clear, &ssh, OTHER),
            ("winrm", clear, &http, Said::VERIFIED),
            ("winrm", Some(Security::Tls), &http, CLEAR),
            ("http", clear, &spoken(Protocol::WinRm), Said::UNVERIFIED),
            ("http", none, &tls, Said::UNVERIFIED),
            ("http", none, &http, Said::VERIFIED),
            ("llmnr", clear, &spoken(Protocol::Dns), Said::VERIFIED),
            ("netbios-name", clear, &spoken(Protocol::Dns), Said::UNVERIFIED),
            ("ms-turn", clear, &media(&[]), Said::VERIFIED),
            ("ms-turn", clear, &tls, OTHER),
            ("windows-fabric", none, &tls, Said::UNVERIFIED),
            ("windows-fabric", none, &ssh, OTHER),
            ("windows-fabric", none, &media(&[0]), OTHER),
            ("wcf", none, &http, Said::UNVERIFIED),
            ("wcf", clear, &tls, Said::UNVERIFIED),
            ("xmpp", clear, &http, OTHER),
            // A user's own words.
            ("ssh", clear, &ssh, Said::VERIFIED),
            ("ssh", clear, &tls, Said::UNVERIFIED),
            ("backup", clear, &ssh, Said::UNVERIFIED),
            ("backup", Some(Security::Tls), &tls, Said::VERIFIED),
            ("backup", Some(Security::Tls), &ssh, OTHER),
        ] {
            assert_eq!(of_word(word, security, evidence), expected, "{word} {security:?}");
        }
    }

    #[test]
    fn details_of_another_protocol_than_the_one_observed_do_not_count() {
        let mixed = crate::verdict::testing::spoken_with(Protocol::Http, None, Some(Details::Media(Box::default())));
        let payload = Payload::of(&mixed, Direction::Forward);
        assert!(!payload.is_media() && payload.media.is_none());
    }
}
