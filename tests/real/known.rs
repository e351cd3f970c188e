//! Where we may say something else than tshark, or nothing, and why.
//!
//! In: nothing. Out: tables that the test holds to be complete and without a dead row.
//! Must not know: how either reads a capture.

/// Link types that are not decoded (number, name): all their frames must be skipped, and all their flows lack.
pub const UNDECODED: &[(u16, &str)] = &[(187, "Bluetooth"), (220, "USB"), (227, "CAN"), (271, "vsock")];

/// Files that differ for one reason: the file, and what exactly differs.
pub struct Known {
    /// Why.
    pub reason: &'static str,
    /// `folder/file`, and the summary of its differences.
    pub files: &'static [(&'static str, &'static str)],
}

/// Every difference that is no undecoded link type.
pub const KNOWN: &[Known] = &[
    Known {
        reason: "a jumbo of segmentation offload whose IPv6 payload length is 0: malformed to tshark, a packet to us",
        files: &[("windows/winrm_management.cap", "count 3 (+13 packets)")],
    },
    Known {
        reason: "ours counts later fragments in their datagram's conversation, tshark without reassembly only first ones \
                 (the surplus is all later fragments of the file, as tshark lists them)",
        files: &[
            // Of datagrams that carry ERSPAN: in the conversation inside it.
            ("links/erspan_type2.pcap", "count 5 (+39 packets)"),
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
