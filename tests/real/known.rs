//! Where we may say something else than tshark, or nothing, and why.
//!
//! In: nothing. Out: tables that the test holds to be complete and without a dead row.
//! Must not know: how either reads a capture.

/// Containers that are not read: first bytes, name, and what mends it. All their files must be refused in these words.
pub const REFUSED: &[(&[u8], &str, &str)] = &[
    (b"RTSS", "Network Monitor 1", "editcap"),
    (b"GMBU", "Network Monitor 2", "editcap"),
    (b"snoop\0\0\0", "snoop", "editcap"),
];

/// Link types that are not decoded (number, name): all their frames must be skipped, and all their flows lack.
pub const UNDECODED: &[(u16, &str)] = &[
    (2, "experimental Ethernet"),
    (6, "token ring"),
    (9, "PPP"),
    (10, "FDDI"),
    (50, "PPP in HDLC framing"),
    (104, "Cisco HDLC"),
    (107, "frame relay"),
    (119, "802.11 with Prism header"),
    (127, "802.11 with radiotap header"),
    (187, "Bluetooth"),
    (192, "per-packet information"),
    (220, "USB"),
    (227, "CAN"),
    (239, "NFLOG"),
    (242, "IP over InfiniBand"),
    (258, "packet tap of macOS"),
    (271, "vsock"),
];

/// Files that differ for one reason: the file, and what exactly differs.
pub struct Known {
    /// Why.
    pub reason: &'static str,
    /// `folder/file`, and the summary of its differences.
    pub files: &'static [(&'static str, &'static str)],
}

/// Every difference that is neither a refused container nor an undecoded link type.
pub const KNOWN: &[Known] = &[
    Known {
        reason: "a tunnel over UDP is not opened: ours is the outer conversation, tshark's the inner ones",
        files: &[
            ("formats/pcapng_wireshark_samples.pcapng", "extra 2 (+13 packets)"),
            (
                "links/geneve_aws.pcap",
                "missing 23 (-89 packets), extra 68 (+263 packets), count 42 (-168 packets), first 4",
            ),
            ("links/geneve_small.pcap", "missing 1 (-10 packets), extra 1 (+10 packets)"),
            ("links/gtp_iphone_sip.pcap", "missing 7 (-98 packets), extra 1 (+106 packets)"),
            ("links/gtpu_inner_ip.pcap", "extra 1 (+102 packets)"),
            ("links/l2tp.pcap", "missing 8 (-65 packets), count 1 (+115 packets), first 1"),
            ("links/teredo.pcap", "extra 5 (+24 packets)"),
            ("links/vxlan_https.pcap", "missing 4 (-127 packets), extra 9 (+127 packets)"),
            ("links/vxlan_nsh_gpe.pcap", "missing 1 (-1 packets), extra 1 (+1 packets)"),
            ("voip/zoom_meeting.pcapng", "missing 1 (-81 packets), extra 1 (+81 packets)"),
        ],
    },
    Known {
        reason: "GRE (ERSPAN, IP, Ethernet, PPP or 802.11 in it) is not opened: skipped as `gre`",
        files: &[
            ("links/erspan_type2.pcap", "missing 14 (-154 packets)"),
            ("links/gre_aruba_80211.pcap", "missing 23 (-2407 packets)"),
            ("links/gre_erspan_vxlan.pcap", "missing 1 (-7 packets)"),
            ("links/gre_sample.pcap", "missing 5 (-30 packets)"),
            ("links/gre_within_gre.pcap", "missing 2 (-4 packets)"),
            ("voip/sip_over_erspan.pcapng", "missing 4 (-140 packets)"),
            ("voip/sip_over_gre.pcapng", "missing 2 (-36 packets)"),
        ],
    },
    Known {
        reason: "IP in IP is not opened: skipped as `ipip`",
        files: &[("links/ipip_tcp_5090.pcap", "count 1 (-2 packets)")],
    },
    Known {
        reason: "what is below MPLS labels is not read: skipped as `mpls`",
        files: &[
            ("links/mpls_basic.pcap", "count 1 (-11 packets), first 1"),
            ("links/mpls_in_vlan.pcap", "missing 2 (-2 packets)"),
            ("links/mpls_pw_iperf.pcap.gz", "missing 1 (-10481 packets)"),
            ("links/vlan_mpls_mixed.pcap", "missing 1 (-11 packets)"),
        ],
    },
    Known {
        reason: "what is below PPPoE is not read: skipped as `pppoe`",
        files: &[
            ("links/pppoe_double_vlan.pcap", "missing 3 (-30 packets)"),
            ("links/pppoe_http.pcap", "missing 1 (-30 packets)"),
            ("links/pppoe_over_qinq.pcap", "missing 1 (-86 packets)"),
            ("voip/dtmf_sip_info_pppoe.pcap", "missing 3 (-32 packets)"),
            ("voip/sip_reqs_5060_5061.pcap", "missing 2 (-2 packets)"),
        ],
    },
    Known {
        reason: "a tunnel that nothing promises to open: AYIYA (a broker's IPv6 over UDP), Cisco FabricPath",
        files: &[
            (
                "links/ayiya.pcap",
                "missing 1 (-21 packets), extra 1 (+1 packets), count 1 (+31 packets), first 1, last 1",
            ),
            ("links/cisco_fabricpath.pcap", "count 32 (-32 packets), last 32"),
        ],
    },
    Known {
        reason: "ours counts later fragments in their datagram's conversation, tshark without reassembly only first ones \
                 (the surplus is all later fragments of the file, as tshark lists them)",
        files: &[
            ("links/ipv4_fragments.pcap", "count 1 (+41 packets), last 1"),
            ("links/ipv6_fragments.pcap", "count 2 (+32 packets)"),
            ("links/sip_ipv4_frag_udp.pcap", "count 1 (+1 packets)"),
            ("links/sip_ipv6_frag_sll.pcap", "count 2 (+2 packets)"),
        ],
    },
    Known {
        reason: "the same, less the fragments that come before their datagram's first one: skipped as `orphan-fragment` \
                 (47 and 64, as tshark lists them)",
        files: &[
            ("links/ipv4_frag_order_udp.pcap", "count 1 (+28 packets), last 1"),
            ("links/ipv6_frag_udp_reordered_raw6.pcap", "count 1 (+61 packets), last 1"),
        ],
    },
    Known {
        reason: "frames are not in order of time: ours is the latest time of a conversation, tshark's that of its last frame",
        files: &[
            ("formats/pcapng_example_options.pcapng", "last 1"),
            ("formats/pcapng_many_interfaces_split1.pcapng", "last 2"),
            ("formats/pcapng_zst.pcapng.zst", "last 1"),
        ],
    },
    Known {
        reason: "the file begins with simple packets, which have no time: 1970 to us, none to tshark",
        files: &[
            ("formats/pcapng_be_adv_100_multi.pcapng", "span 1"),
            ("formats/pcapng_be_basic_011.pcapng", "span 1"),
            ("formats/pcapng_le_adv_100_multi.pcapng", "span 1"),
            ("formats/pcapng_le_basic_011.pcapng", "span 1"),
        ],
    },
];
