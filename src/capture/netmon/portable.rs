//! Network Monitor's own media in words that other programs know.
//!
//! In: a [`Frame`] of any link type. Out: the same frame, or the one inside it, of a link type of the registry.
//! Must not know: what is in that frame. Only media that have such a frame are here; the layouts are told at [`LinkType`].

use crate::capture::{Frame, LinkType};

/// Bytes of an event in front of the frame in it: header, extended data, two interfaces, and the frame's length last.
const EVENT: usize = 101;
/// Where an event's keywords are.
const KEYWORDS: usize = 48;
const NATIVE_802_11: u64 = 1 << 16;
const WIRELESS_WAN: u64 = 1 << 9;

impl Frame<'_> {
    /// The frame as the registry's link types have it; none where they have no words for it.
    #[must_use]
    pub fn registered(&self) -> Option<Self> {
        match self.link {
            // Two addresses and a type, as on Ethernet.
            LinkType::NETMON_WAN => Some(Self { link: LinkType::ETHERNET, ..*self }),
            LinkType::NETMON_80211 => {
                let &[_, length @ ..] = self.bytes.first_chunk::<3>()?;
                self.behind(LinkType::IEEE802_11, u16::from_le_bytes(length).into())
            }
            LinkType::NETMON_EVENT => {
                let &keywords = self.bytes.get(KEYWORDS..)?.first_chunk()?;
                let keywords = u64::from_le_bytes(keywords);
                let link = match () {
                    () if keywords & NATIVE_802_11 != 0 => LinkType::IEEE802_11,
                    () if keywords & WIRELESS_WAN != 0 => LinkType::RAW,
                    () => LinkType::ETHERNET,
                };
                let &length = self.bytes.get(EVENT - 4..)?.first_chunk()?;
                let whole = self.behind(link, EVENT)?;
                let original_length = u32::from_le_bytes(length).min(whole.original_length);
                let bytes = whole.bytes.get(..original_length as usize).unwrap_or(whole.bytes);
                Some(Self { original_length, bytes, ..whole })
            }
            _ => self.link.is_registered().then_some(*self),
        }
    }

    /// What is behind a header of `length` bytes.
    fn behind(&self, link: LinkType, length: usize) -> Option<Self> {
        let bytes = self.bytes.get(length..)?;
        let original_length = self.original_length.saturating_sub(u32::try_from(length).ok()?);
        Some(Self { link, bytes, original_length, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Timestamp;

    fn check(link: LinkType, bytes: &[u8], expected: Option<(LinkType, u32, &[u8])>) {
        let original_length = bytes.len() as u32 + 10;
        let frame = Frame { at: Timestamp(7), link, interface: 3, original_length, bytes };
        let seen = frame.registered().map(|frame| (frame.link, frame.original_length, frame.bytes));
        assert_eq!(seen, expected, "{link}");
    }

    /// An event with these keywords whose frame is so long.
    fn event(keywords: u64, length: u32, frame: &[u8]) -> Vec<u8> {
        [&[0; KEYWORDS][..], &keywords.to_le_bytes(), &[0; 41], &length.to_le_bytes(), frame].concat()
    }

    #[test]
    fn the_frame_inside_is_what_others_know() {
        check(LinkType::ETHERNET, b"abc", Some((LinkType::ETHERNET, 13, b"abc")));
        check(LinkType::NETMON_WAN, b"abc", Some((LinkType::ETHERNET, 13, b"abc")));
        check(LinkType::NETMON_80211, b"\x02\x04\0\xffabc", Some((LinkType::IEEE802_11, 13, b"abc")));
        check(LinkType::NETMON_EVENT, &event(0, 3, b"abcde"), Some((LinkType::ETHERNET, 3, b"abc")));
        check(LinkType::NETMON_EVENT, &event(WIRELESS_WAN, 9, b"abc"), Some((LinkType::RAW, 9, b"abc")));
        check(LinkType::NETMON_EVENT, &event(NATIVE_802_11, 99, b"abc"), Some((LinkType::IEEE802_11, 13, b"abc")));
        check(LinkType::NETMON_UNKNOWN, b"abc", None);
        let whole = event(0, 3, b"abc");
        for length in 0..EVENT {
            check(LinkType::NETMON_EVENT, &whole[..length], None);
        }
        check(LinkType::NETMON_80211, b"\x02\x04", None);
        check(LinkType::NETMON_80211, b"\x02\x04\0", None);
    }
}
