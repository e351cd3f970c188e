//! Network Monitor's media types.
//!
//! In: the number a file or a frame states. Out: [`Media`]: a link type, or that it is no frame.
//! Must not know: how a frame is stored.
//!
//! Small numbers are NDIS' media types, of which Network Monitor uses some for something else; from 0xe000 on come the
//! registry's link types, but for Message Analyzer's own; from 0xffe0 on what is not traffic. Of those Wireshark counts
//! some as frames and others not; here it is the same, so that frames have the numbers they have there.

use crate::capture::LinkType;

/// What a media type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// A frame.
    Frame(LinkType),
    /// Not counted as a frame.
    Note,
}

/// The registry's link types are here, less 0xe000.
const REGISTRY: u16 = 0xe000;

/// Every number that means something by itself; sorted.
const MEDIA: &[(u16, Media)] = &[
    // As Network Monitor 3.4 has it of virtual private networks: Ethernet headers.
    (0, Media::Frame(LinkType::ETHERNET)),
    (1, Media::Frame(LinkType::ETHERNET)),
    (2, Media::Frame(LinkType::TOKEN_RING)),
    (3, Media::Frame(LinkType::FDDI)),
    (4, Media::Frame(LinkType::NETMON_WAN)),
    (5, Media::Frame(LinkType::NETMON_1394)),
    (6, Media::Frame(LinkType::NETMON_80211)),
    // Tunnel, wireless WAN, raw IP.
    (7, Media::Frame(LinkType::RAW)),
    (8, Media::Frame(LinkType::RAW)),
    (9, Media::Frame(LinkType::RAW)),
    // NDIS' wireless WAN, infrared.
    (10, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (11, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (0xe080, Media::Frame(LinkType::IEEE802_11)),
    // A wireless channel, Fiddler.
    (0xe081, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (0xe082, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (0xe083, Media::Frame(LinkType::NETMON_WFP_V4)),
    (0xe084, Media::Frame(LinkType::NETMON_WFP_V6)),
    (0xe085, Media::Frame(LinkType::NETMON_WFP2_V4)),
    (0xe086, Media::Frame(LinkType::NETMON_WFP2_V6)),
    (0xe087, Media::Frame(LinkType::NETMON_WFP_AUTH)),
    (0xe088, Media::Frame(LinkType::NETMON_WFP_AUTH)),
    // NDIS messages, wired and wireless.
    (0xe089, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (0xe08a, Media::Frame(LinkType::NETMON_UNKNOWN)),
    (0xffe0, Media::Frame(LinkType::NETMON_EVENT)),
    (0xfffb, Media::Frame(LinkType::NETMON_NETWORK_INFO)),
    // What was reassembled, adapters, names of addresses.
    (0xfffc, Media::Note),
    (0xfffd, Media::Note),
    (0xfffe, Media::Note),
    (0xffff, Media::Frame(LinkType::NETMON_FILTER)),
];

/// What a number means.
pub(super) fn of(number: u16) -> Media {
    match MEDIA.binary_search_by_key(&number, |row| row.0) {
        Ok(i) => MEDIA.get(i).map_or(Media::Note, |row| row.1),
        Err(_) if number & 0xf000 == REGISTRY => Media::Frame(LinkType::stated(number - REGISTRY)),
        Err(_) => Media::Frame(LinkType::NETMON_UNKNOWN),
    }
}

/// Whether a number is one that Network Monitor uses.
pub(super) fn is_known(number: u16) -> bool {
    number & 0xf000 == REGISTRY || MEDIA.binary_search_by_key(&number, |row| row.0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        assert!(MEDIA.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (number, link, known) in [
            (0, LinkType::ETHERNET, true),
            (6, LinkType::NETMON_80211, true),
            (9, LinkType::RAW, true),
            (12, LinkType::NETMON_UNKNOWN, false),
            (0xe001, LinkType::ETHERNET, true),
            (0xe00c, LinkType::RAW, true),
            (0xe071, LinkType::LINUX_SLL, true),
            (0xe080, LinkType::IEEE802_11, true),
            (0xe08b, LinkType(0x8b), true),
            (0xefff, LinkType(0xfff), true),
            (0xf001, LinkType::NETMON_UNKNOWN, false),
            (0xffe0, LinkType::NETMON_EVENT, true),
            (0xffff, LinkType::NETMON_FILTER, true),
        ] {
            assert_eq!((of(number), is_known(number)), (Media::Frame(link), known), "{number:#x}");
        }
        for number in [0xfffc, 0xfffd, 0xfffe] {
            assert_eq!((of(number), is_known(number)), (Media::Note, true), "{number:#x}");
        }
    }
}
