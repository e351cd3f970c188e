//! Where we may name payload otherwise than tshark, or not at all, and why.
//!
//! In: nothing. Out: tables that the test holds to be complete and without a dead row.
//! Must not know: how either recognises anything.

use super::known::Known;
use super::named::Named;

/// Why a conversation may stay without a name that tshark has for it. The first that holds explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Not all of it was captured, or it came in fragments: a datagram is judged by the whole of it.
    Cut,
    /// Its beginning was not captured.
    Midstream,
    /// Only one end speaks.
    OneSided,
    /// Too few datagrams: RTP is proven by a run of them.
    Few,
}

impl Weakness {
    /// The first that holds.
    pub fn of(theirs: &str, named: &Named) -> Option<Self> {
        let silent = named.sent.iter().any(|sent| sent.1 == 0);
        let few = ["rtp", "rtcp"].contains(&theirs) && named.sent.iter().all(|sent| sent.0 < 4);
        let holds =
            [(named.cut, Self::Cut), (named.midstream, Self::Midstream), (few, Self::Few), (silent, Self::OneSided)];
        holds.into_iter().find(|(holds, _)| *holds).map(|(_, weakness)| weakness)
    }
}

/// How many conversations of tshark's name stay without ours for each of these reasons: exactly so many.
pub const WEAKER: &[(&str, Weakness, usize)] = &[
    ("dhcp", Weakness::Cut, 11),
    ("dns", Weakness::Cut, 22),
    // Seven bytes of one end, HTTP by their port.
    ("http", Weakness::OneSided, 1),
    // Signed and in pieces (SASL).
    ("ldap", Weakness::Midstream, 1),
    ("mdns", Weakness::Cut, 1),
    // Four of them are Gnutella's datagrams and RTCP by chance.
    ("rtcp", Weakness::Few, 7),
    ("rtp", Weakness::Few, 1),
    ("ssh", Weakness::Midstream, 1),
    // Six of them one byte that keeps a connection alive; the others parts of records.
    ("tls", Weakness::Midstream, 8),
];

/// Conversations without our name that no rule explains: `folder/file`, and tshark's names with their number.
pub const UNNAMED: &[Known] = &[
    Known {
        reason: "HTTP 0.9: a request without a version, and a page without a status line",
        files: &[("links/vlan_mpls_mixed.pcap", "http 1")],
    },
    Known {
        reason: "Gnutella in clear text, and TLS only after both have agreed on it",
        files: &[("voip/rtp_false_positive_gnutella.pcap", "tls 4")],
    },
    Known {
        reason: "Skype's imitation of TLS: empty records, and no handshake in those that follow",
        files: &[("voip/skype_legacy_client.pcap", "tls 3")],
    },
    Known {
        reason: "Zoom's own probe: no cookie, and no attribute that RFC 3489 knows",
        files: &[("voip/zoom_meeting.pcapng", "classicstun 3")],
    },
];

/// Conversations that both name, each otherwise: `folder/file`, and the conversation with both names.
pub const CONFLICTS: &[Known] = &[Known {
    reason: "tshark's name is the port's; the bytes are TLS records, an HTTP request, a TLS handshake",
    files: &[
        ("tls/mtls_anyconnect_dtls.pcap", "tcp 10.0.0.149:8009 10.0.0.227:56320: ajp13 is tls"),
        ("voip/http_on_sip_port_5060.pcapng", "tcp 45.58.148.2:8888 82.178.111.221:5060: sip is http"),
        ("voip/rtp_false_positive_gnutella.pcap", "tcp 10.0.2.15:50314 80.7.252.192:6888: bittorrent is tls"),
    ],
}];

/// Conversations that we name and tshark does not: `folder/file`, and our names with their number.
pub const BEYOND: &[Known] = &[
    Known {
        reason: "RTP that no signalling announced, so that tshark does not look for it",
        files: &[
            ("voip/rtp_40ms_alaw.pcap", "rtp 1"),
            ("voip/rtp_dlt_null.cap", "rtp 1"),
            ("voip/rtp_dtmf_2833_1.pcap", "rtp 1"),
            ("voip/rtp_g711a_oneway.pcap", "rtp 1"),
            ("voip/rtp_various.pcapng", "rtp 4"),
        ],
    },
    Known {
        reason: "TURN on TCP port 80, where tshark waits for HTTP",
        files: &[("formats/derived_modpcap_stun.pcap", "stun 1"), ("voip/turn_udp_3478.pcap", "stun 1")],
    },
    Known {
        reason: "a TLS alert record on a port that is not TLS's to tshark",
        files: &[("tls/mtls_anyconnect_dtls.pcap", "tls 1")],
    },
];
