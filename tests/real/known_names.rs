//! Where we may name payload otherwise than tshark, or not at all, and why.
//!
//! In: nothing. Out: tables that the test holds to be complete and without a dead row.
//! Must not know: how either recognises anything.

use std::fmt;

use super::known::Known;
use super::named::Named;

/// What a conversation lacks that stays without a name that tshark has for it: the first that holds, if any does. It says
/// where to look; the reason is in the table.
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

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "cut",
            Self::Midstream => "midstream",
            Self::OneSided => "one-sided",
            Self::Few => "few",
        })
    }
}

/// Conversations without our name: `folder/file`; what they lack, tshark's name, and their number.
pub const UNNAMED: &[Known] = &[
    Known {
        reason: "54 or 86 bytes of each datagram were captured: DHCP's cookie stands behind 236",
        files: &[
            ("formats/pcapng_be_basic_005.pcapng", "cut dhcp 2"),
            ("formats/pcapng_be_basic_007.pcapng", "cut dhcp 1"),
            ("formats/pcapng_be_diff_202_sections.pcapng", "cut dhcp 2"),
            ("formats/pcapng_le_adv_102.pcapng", "cut dhcp 1"),
            ("formats/pcapng_le_basic_005.pcapng", "cut dhcp 2"),
            ("formats/pcapng_le_basic_007_spb.pcapng", "cut dhcp 1"),
            ("formats/pcapng_le_diff_202_sections.pcapng", "cut dhcp 2"),
        ],
    },
    Known {
        reason: "fragments of datagrams between two ports 53 that hold nothing but the letter a",
        files: &[
            ("links/ipv4_frag_order_udp.pcap", "cut dns 1"),
            ("links/ipv6_frag_udp_reordered_raw6.pcap", "cut dns 1"),
        ],
    },
    Known {
        reason: "first fragments, cut further: of none a record was captured whole",
        files: &[("voip/lync_sipinternal_dns_bad_packets.pcap", "cut dns 17")],
    },
    Known {
        reason: "first fragments of 112 bytes: six of 23 questions; and answers without a question, which only their end \
                 proves",
        files: &[("links/ipv6_fragments.pcap", "cut mdns 1")],
    },
    Known {
        reason: "not HTTP: seven bytes of the server, `80:TCP` and a line feed, and then it closes; HTTP by port 80",
        files: &[("tls/vpn_surfshark_mix.pcap", "one-sided http 1")],
    },
    Known {
        reason: "HTTP 0.9: a request without a version (`GET /`), and a page without a status line",
        files: &[("links/vlan_mpls_mixed.pcap", "http 1")],
    },
    Known {
        reason: "not RTCP: Gnutella's 28 bytes, by chance with RTCP's version and a type; the length in them is 50,188 \
                 bytes",
        files: &[("voip/rtp_false_positive_gnutella.pcap", "few rtcp 4")],
    },
    Known {
        reason: "not RTCP: Skype's 28 bytes, likewise; the length in them is 2,552 bytes",
        files: &[("voip/skype_legacy_client.pcap", "few rtcp 1")],
    },
    Known {
        reason: "the only RTCP of a call, one datagram (report, description, goodbye of one source), and two prove it",
        files: &[
            ("formats/derived_netmon1_sip.cap", "few rtcp 1"),
            ("voip/sip_aaa_mixed_dns_nbns.pcap", "few rtcp 1"),
            ("voip/sip_udp_register_invite.pcap", "few rtcp 1"),
        ],
    },
    Known {
        reason: "an inverse query (opcode 1), which RFC 3425 made obsolete",
        files: &[("links/llc_snap_fddi.pcap", "dns 1")],
    },
    Known {
        reason: "two packets of RTP, and three prove it",
        files: &[("voip/asterisk_zrtp_xlite.pcap", "few rtp 1")],
    },
    Known {
        reason: "one encrypted packet of each end, SSH by port 22",
        files: &[
            ("formats/pcapng_example_options.pcapng", "midstream ssh 1"),
            ("formats/pcapng_zst.pcapng.zst", "midstream ssh 1"),
        ],
    },
    Known {
        reason: "no handshake, and the first segment is one byte (16): no record is seen to begin",
        files: &[("tls/tls_fragmented_handshake.pcap.gz", "midstream tls 2")],
    },
    Known {
        reason: "encrypted packets from the middle of a connection, SSH by port 22",
        files: &[("formats/snoop_solaris.snoop", "midstream ssh 1")],
    },
    Known {
        reason: "segments from inside a page, HTTP by port 80",
        files: &[("formats/netmon2_ftpv6.cap", "midstream http 1")],
    },
    Known {
        reason: "BOOTP (RFC 951): no DHCP cookie where its vendor area is zeros",
        files: &[("formats/snoop_solaris.snoop", "one-sided dhcp 1")],
    },
    Known {
        reason: "three segments from inside one or more records (`Continuation Data`): no record begins where one does",
        files: &[("formats/pcap_zeros.pcap", "midstream tls 1")],
    },
    Known {
        reason: "not TLS: Code42's backup, which says `com.code42.backup.message.backup.BackupStoppedMessage` in the clear; \
                 TLS by port 443",
        files: &[("tls/mtls_anyconnect_dtls.pcap", "midstream tls 1")],
    },
    Known {
        reason: "one byte of zero that keeps a silent connection alive, and its acknowledgement; TLS by port 443",
        files: &[("tls/mtls_sgt_58_sessions.pcap", "midstream tls 6")],
    },
    Known {
        reason: "Gnutella in clear text, and TLS only after both have agreed on it",
        files: &[("voip/rtp_false_positive_gnutella.pcap", "tls 4")],
    },
    Known {
        reason: "Skype's imitation of TLS: empty handshake records, and in the next one a message of type 0x42, which \
                 TLS has not",
        files: &[("voip/skype_legacy_client.pcap", "tls 3")],
    },
    Known {
        reason: "Zoom's own probe: no cookie, attributes 0x0101 and 0x0103, which RFC 3489 has not, and answers of type 2, \
                 which there is a request",
        files: &[("voip/zoom_meeting.pcapng", "classicstun 3")],
    },
];

/// Conversations that both name, each otherwise: `folder/file`, and the conversation with both names.
pub const CONFLICTS: &[Known] = &[
    Known {
        reason: "TLS: records of application data of 105 bytes each (17 03 03 00 69) from both ends; ajp13 by port 8009",
        files: &[("tls/mtls_anyconnect_dtls.pcap", "tcp 10.0.0.149:8009 10.0.0.227:56320: ajp13 is tls")],
    },
    Known {
        reason: "HTTP: `GET … HTTP/1.1` from port 5060, `HTTP/1.1 403 Forbidden` from port 8888; SIP by port 5060",
        files: &[("voip/http_on_sip_port_5060.pcapng", "tcp 45.58.148.2:8888 82.178.111.221:5060: sip is http")],
    },
    Known {
        reason: "TLS: a client's and a server's hello, and a certificate; BitTorrent by port 6888",
        files: &[("voip/rtp_false_positive_gnutella.pcap", "tcp 10.0.2.15:50314 80.7.252.192:6888: bittorrent is tls")],
    },
];

/// Conversations that we name and tshark does not: `folder/file`, and our names with their number.
pub const BEYOND: &[Known] = &[
    Known {
        reason: "RTP that no signalling announced, so that tshark does not look for it: the same source, and numbers that go on",
        files: &[
            ("voip/rtp_40ms_alaw.pcap", "rtp 1"),
            ("voip/rtp_dlt_null.cap", "rtp 1"),
            ("voip/rtp_dtmf_2833_1.pcap", "rtp 1"),
            ("voip/rtp_g711a_oneway.pcap", "rtp 1"),
            // One of them over TCP, with its length before each packet (RFC 4571).
            ("voip/rtp_various.pcapng", "rtp 4"),
        ],
    },
    Known {
        reason: "TURN on TCP port 80, with its cookie (21 12 a4 42), where tshark waits for HTTP",
        files: &[("formats/derived_modpcap_stun.pcap", "stun 1"), ("voip/turn_udp_3478.pcap", "stun 1")],
    },
    Known {
        reason: "an encrypted alert record of TLS 1.2 (15 03 03 00 30 and 48 bytes) on port 5223, which is not TLS's to \
                 tshark",
        files: &[("tls/mtls_anyconnect_dtls.pcap", "tls 1")],
    },
];
