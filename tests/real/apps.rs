//! What tshark's names for payload mean in ours.
//!
//! In: tshark's protocols of one conversation. Out: [`Theirs`]: what we may call it, and whether we have to.
//! Must not know: what we call it.
//!
//! tshark names by port where nothing else tells, so a name is a hint. Every name that occurs is in one of the tables.

use lyncap::evidence::Protocol::{self, *};
use lyncap::net::Transport;

use super::truth::Apps;

/// A conversation's protocol by tshark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// tshark's word.
    pub name: &'static str,
    /// What it is called here.
    pub ours: Vec<Protocol>,
    /// One of these it has to be; else it may also be none.
    pub named: bool,
}

/// Over TCP the outermost protocol decides: the first row all of whose words occur.
const TCP: &[(&[&str], &[Protocol])] = &[
    (&["smb2"], &[Smb]),
    (&["smb"], &[Smb]),
    // CONNECT through a proxy; or HTTPS whose keys are in the file.
    (&["http", "tls"], &[Http, Tls]),
    (&["http"], &[Http, WinRm]),
    (&["sip"], &[Sip]),
    (&["stun"], &[Stun, MsTurn, Rtp, Rtcp]),
    (&["tds"], &[Tds]),
    (&["rdp"], &[Rdp]),
    (&["ldap"], &[Ldap]),
    (&["smtp"], &[Smtp]),
    (&["ftp"], &[Ftp]),
    (&["ssh"], &[Ssh]),
    (&["dns"], &[Dns]),
    (&["dcerpc"], &[Rpc]),
    (&["kerberos"], &[Kerberos]),
];

/// Over UDP a conversation may be several things at once: all rows that occur.
const UDP: &[(&str, &[Protocol])] = &[
    ("sip", &[Sip]),
    // Media follows ICE on the same ports; tshark knows it as RTP only where signalling announced it.
    ("stun", &[Stun, MsTurn, Rtp, Rtcp]),
    ("classicstun", &[Stun, MsTurn, Rtp, Rtcp]),
    ("rtp", &[Rtp]),
    ("rtcp", &[Rtcp]),
    ("dhcp", &[Dhcp]),
    ("dns", &[Dns]),
    ("mdns", &[Dns]),
    ("llmnr", &[Dns]),
    ("kerberos", &[Kerberos]),
    ("cldap", &[Ldap]),
    ("ntp", &[Ntp]),
    ("dcerpc", &[Rpc]),
];

/// Over TCP, what has no name here: it must not be called anything.
const NAMELESS_TCP: &[&str] = &[
    "nbss",
    "imap",
    "mysql",
    "socks",
    "openvpn",
    "telnet",
    "gnutella",
    "bittorrent",
    "x11",
    "xmpp",
    "nano",
    "pptp",
    "ajp13",
    "q931",
    "h225",
    "h245",
    "tpkt",
    "cotp",
];

/// The same over UDP. ONC's `rpc` is not DCE's; NetBIOS names (`nbns`) look like DNS and are not.
const NAMELESS_UDP: &[&str] = &[
    "nbns",
    "nbdgm",
    "ssdp",
    "quic",
    "gquic",
    "dtls",
    "dhcpv6",
    "rpc",
    "mojito",
    "db-lsp-disc",
    "rip",
    "portcontrol",
    "mgcp",
    "tftp",
    "isakmp",
    "udpencap",
    "h225",
    "openvpn",
    "manolito",
    "pfcp",
    "adwin_config",
    "ayiya",
    "l2tp",
    "bjnp",
    "wg",
    "rdpudp",
    "zrtp",
];

/// What is inside other protocols, or says nothing.
const INNER: &[&str] = &[
    "data",
    "data-text-lines",
    "x509sat",
    "x509ce",
    "pkix1implicit",
    "pkix1explicit",
    "pkcs-1",
    "ns_cert_exts",
    "ocsp",
    "logotypecertextn",
    "cms",
    "pkinit",
    "spnego",
    "spnego-krb5",
    "gss-api",
    "ntlmssp",
    "image-gif",
    "image-jfif",
    "png",
    "media",
    "xml",
    "json",
    "mime_multipart",
    "urlencoded-form",
    "sdp",
    "rtpevent",
    "opus",
    "amr",
    "rfc2190",
    "h263",
    "gsm_a.rp",
    "gsm_sms",
    "browser",
    "portmap",
    "ypserv",
    "mount",
    "nfs",
    "ppp",
    "lcp",
    "ipcp",
    "pap",
    "ccp",
    "f5ethtrailer",
    "nbss",
    "tpkt",
    "cotp",
];

impl Theirs {
    /// None if tshark saw no payload, or knows nothing of it.
    pub fn of(transport: Transport, apps: &Apps) -> Option<Self> {
        let has = |name: &str| apps.contains_key(name);
        let named = |name, ours: &[Protocol]| Some(Self { name, ours: ours.to_vec(), named: true });
        let nameless = |names: &[&'static str]| {
            let name = names.iter().find(|name| has(name))?;
            Some(Self { name, ours: Vec::new(), named: false })
        };
        match transport {
            Transport::Tcp => {
                let first = TCP.iter().find(|(names, _)| names.iter().all(|name| has(name)));
                let tls = || has("tls").then(|| named("tls", &[Tls])).flatten();
                // A NetBIOS session without SMB in it: a session request, or SMB from the middle.
                let session = || has("nbss").then(|| Self { name: "nbss", ours: vec![Smb], named: false });
                first
                    .and_then(|(names, ours)| named(names[0], ours))
                    .or_else(session)
                    .or_else(|| nameless(NAMELESS_TCP))
                    .or_else(tls)
            }
            Transport::Udp => {
                let rows: Vec<_> = UDP.iter().filter(|(name, _)| has(name)).collect();
                let ours: Vec<_> = rows.iter().flat_map(|(_, ours)| ours.iter().copied()).collect();
                rows.first().and_then(|(name, _)| named(name, &ours)).or_else(|| nameless(NAMELESS_UDP))
            }
        }
    }

    /// Whether no table has the word.
    pub fn is_new(transport: Transport, name: &str) -> bool {
        let known = match transport {
            Transport::Tcp => {
                name == "tls" || NAMELESS_TCP.contains(&name) || TCP.iter().any(|(names, _)| names.contains(&name))
            }
            Transport::Udp => {
                name == "tls" || NAMELESS_UDP.contains(&name) || UDP.iter().any(|row| row.0 == name) || name == "smb"
            }
        };
        !known && !INNER.contains(&name)
    }
}
