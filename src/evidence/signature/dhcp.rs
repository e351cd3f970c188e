//! DHCP, and whether a Lync client or phone asks or is answered.
//!
//! In: one datagram. Out: a [`Probe`]; of a message whether it is Lync's. Must not know: ports, rows, leases.
//!
//! RFC 2131 §2, RFC 2132. Lync's vendor classes and sub-options: Microsoft, "Obtaining Values of DHCP Options by Using
//! DHCPUtil.exe", and [MS-SIPREGE].

use super::Datagram;
use super::read::{Read, answer_whole, array, byte, literal, require};
use crate::evidence::facts::Details;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// Who sends it: 1 a client, 2 a server.
const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// Fields that may hold further options: the server's name, the boot file's name.
const SERVER_NAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
/// Where the options' mark stands, and the mark.
const COOKIE_AT: usize = 236;
const COOKIE: &[u8] = &[0x63, 0x82, 0x53, 0x63];
/// Where the options begin.
const OPTIONS: usize = 240;

const PAD: u8 = 0;
const VENDOR_SPECIFIC: u8 = 43;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const VENDOR_CLASS: u8 = 60;
const END: u8 = 255;
/// The highest type of message: DHCPTLS. (RFC 7724)
const LAST_TYPE: u8 = 18;

/// The vendor class of Lync's clients, and what sub-option 1 of the answer to them holds; case counts.
const CLIENT: &[u8] = b"MS-UC-Client";
const CLIENT_SUB_OPTION: u8 = 1;
/// The vendor class by which a phone asks for its VLAN.
const PHONE: &[u8] = b"CPE-OCPHONE";

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    answer_whole(message(datagram.bytes), datagram.length)
}

/// The fixed part with its mark, and a type of message among the options.
fn message(bytes: &[u8]) -> Read<Sighting> {
    let speaker = match byte(bytes, 0)? {
        REQUEST => Speaker::Initiator,
        REPLY => Speaker::Responder,
        _ => return Err(Probe::NotMe),
    };
    // A hardware address of at most 16 bytes; fewer relays than a loop would make.
    require(byte(bytes, 2)? <= 16 && byte(bytes, 3)? <= 16)?;
    literal(bytes, COOKIE_AT, COOKIE)?;
    let mut walk = Walk::new(bytes, OPTIONS);
    let kind = walk.find(|(code, _)| *code == MESSAGE_TYPE);
    let Some((_, kind)) = kind else { return Err(walk.missing.map_or(Probe::NotMe, Probe::Unsure)) };
    require(matches!(kind, [1..=LAST_TYPE]))?;
    Ok(Sighting::of(Protocol::Dhcp, speaker))
}

/// Options one by one. (RFC 2132 §2)
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many bytes are needed to go on, where the bytes end before the options do.
    missing: Option<usize>,
}

impl<'a> Walk<'a> {
    const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, missing: None }
    }

    fn option(&mut self) -> Read<Option<(u8, &'a [u8])>> {
        loop {
            match byte(self.bytes, self.at)? {
                PAD => self.at += 1,
                END => return Ok(None),
                code => {
                    let [length] = array(self.bytes, self.at + 1)?;
                    let start = self.at + 2;
                    let end = start + usize::from(length);
                    let data = self.bytes.get(start..end).ok_or(Probe::Unsure(end))?;
                    self.at = end;
                    return Ok(Some((code, data)));
                }
            }
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match self.option() {
            Ok(option) => option,
            Err(Probe::Unsure(wanted)) => {
                self.missing = Some(wanted);
                None
            }
            Err(_) => None,
        }
    }
}

/// Whether a Lync client or phone asks, or is answered. Not known where the options are cut before that is seen.
///
/// A request is Lync's by its vendor class. So is a reply that repeats the class, or one whose vendor-specific option
/// has Lync's first sub-option; the option of SIP servers (120) that comes with it adds nothing, for other phones ask
/// for it too. Each occurrence of a repeated option counts by itself: none of Lync's is so long that it must be split.
/// Options in the fields for names are read if option 52 says that they are there.
#[must_use]
pub fn details(datagram: Datagram<'_>) -> Option<Details> {
    let Datagram { bytes, length } = datagram;
    message(bytes).ok()?;
    let reply = bytes.first() == Some(&REPLY);
    let mut walk = Walk::new(bytes, OPTIONS);
    let (mut lync, mut overload) = (false, 0);
    for option in walk.by_ref() {
        match option {
            (OVERLOAD, &[fields @ 1..=3]) => overload = fields,
            option => lync |= of_lync(reply, option),
        }
    }
    // A whole datagram may end without the end option, but not within an option.
    let whole = bytes.len() >= length && walk.at == length;
    let complete = whole || walk.missing.is_none();
    for (bit, field) in [(1, FILE), (2, SERVER_NAME)] {
        if overload & bit != 0 {
            lync |= bytes.get(field).is_some_and(|field| Walk::new(field, 0).any(|option| of_lync(reply, option)));
        }
    }
    Some(Details::Dhcp { lync: if lync { Some(true) } else { complete.then_some(false) } })
}

/// Whether this option of a request or a reply is one of Lync's.
fn of_lync(reply: bool, (code, data): (u8, &[u8])) -> bool {
    match code {
        VENDOR_CLASS => data == CLIENT || data.windows(PHONE.len()).any(|part| part == PHONE),
        VENDOR_SPECIFIC => reply && sub_options(data),
        _ => false,
    }
}

/// Whether the vendor-specific options are those for a Lync client: sub-option 1 names it.
fn sub_options(options: &[u8]) -> bool {
    Walk::new(options, 0).any(|(code, data)| code == CLIENT_SUB_OPTION && data == CLIENT)
}

/// An ordinary client and its server, with what the fixed part does not need left out; a Lync client and its Registrar.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] =
    &[("discover", &DISCOVER), ("offer", &OFFER), ("lync inform", &LYNC_INFORM), ("lync ack", &LYNC_ACK)];
#[cfg(test)]
const fn dhcp<const N: usize>(speaker: u8, options: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let fixed: [u8; 8] = [speaker, 1, 6, 0, 0, 0, 0x3d, 0x1d];
    let mut at = 0;
    while at < fixed.len() {
        bytes[at] = fixed[at];
        at += 1;
    }
    at = 0;
    while at < COOKIE.len() {
        bytes[COOKIE_AT + at] = COOKIE[at];
        at += 1;
    }
    at = 0;
    while at < options.len() {
        bytes[OPTIONS + at] = options[at];
        at += 1;
    }
    bytes
}
#[cfg(test)]
const DISCOVER: [u8; 272] =
    dhcp(REQUEST, &[53, 1, 1, 61, 7, 1, 0, 11, 0x82, 1, 0xfc, 0x42, 50, 4, 0, 0, 0, 0, 55, 4, 1, 3, 6, 42, 255]);
#[cfg(test)]
const OFFER: [u8; 300] = dhcp(
    REPLY,
    &[
        53, 1, 2, 1, 4, 255, 255, 255, 0, 58, 4, 0, 0, 7, 8, 59, 4, 0, 0, 12, 0x4e, 51, 4, 0, 0, 14, 16, 54, 4, 192,
        168, 0, 1, 255,
    ],
);
#[cfg(test)]
const LYNC_INFORM: [u8; 264] = dhcp(REQUEST, b"\x35\x01\x08\x3c\x0cMS-UC-Client\x37\x02\x78\x2b\xff");
/// Sub-options 1 and 4: the class and a port; behind them the SIP server, a.example.
#[cfg(test)]
const LYNC_ACK: [u8; 282] =
    dhcp(REPLY, b"\x35\x01\x05\x2b\x13\x01\x0cMS-UC-Client\x04\x03443\x78\x0c\x00\x01a\x07example\x00\xff");

#[cfg(test)]
mod tests {
    use super::super::cuts::{answers, asks, datagram as cut, no_noise_in_datagrams, noise, sighted, whole};
    use super::*;

    const ASKS: Option<Sighting> = asks(Protocol::Dhcp);
    const ANSWERS: Option<Sighting> = answers(Protocol::Dhcp);

    fn lync(datagram: Datagram<'_>) -> Option<bool> {
        match details(datagram) {
            Some(Details::Dhcp { lync }) => lync,
            other => panic!("{other:?}"),
        }
    }

    /// A whole message with these options behind its type.
    fn with(speaker: u8, options: &[u8]) -> Vec<u8> {
        let fixed: [u8; OPTIONS] = dhcp(speaker, &[]);
        [&fixed[..], &[MESSAGE_TYPE, 1, 8], options].concat()
    }

    #[test]
    fn who_speaks() {
        assert_eq!(cut(datagram, &DISCOVER), ASKS.map(|sighting| (243, sighting)));
        assert_eq!(cut(datagram, &OFFER), ANSWERS.map(|sighting| (243, sighting)));
        assert_eq!(cut(datagram, &LYNC_INFORM), ASKS.map(|sighting| (243, sighting)));
        assert_eq!(cut(datagram, &LYNC_ACK), ANSWERS.map(|sighting| (243, sighting)));
        // The type of message need not come first.
        let fixed: [u8; OPTIONS] = dhcp(REQUEST, &[]);
        let late = [&fixed[..], &[0, 0, 61, 1, 9, 53, 1, 8, 255]].concat();
        assert_eq!(sighted(cut(datagram, &late)), ASKS);
    }

    #[test]
    fn what_is_not_consistent_is_none() {
        for (at, value) in
            [(0, 0), (0, 3), (2, 17), (3, 17), (236, 0), (239, 0x64), (240, 255), (241, 2), (242, 0), (242, 19)]
        {
            let mut wrong = DISCOVER;
            wrong[at] = value;
            assert_eq!(cut(datagram, &wrong), None, "{at} {value}");
            assert!(details(whole(&wrong)).is_none());
        }
        // BOOTP is not DHCP; options without an end have no type either.
        let fixed: [u8; OPTIONS] = dhcp(REQUEST, &[]);
        for options in [&[255][..], &[], &[0; 60], &[61, 200, 1], &[61]] {
            assert_eq!(datagram(whole(&[&fixed[..], options].concat())), Probe::NotMe);
        }
    }

    #[test]
    fn lync_asks() {
        assert_eq!(lync(whole(&DISCOVER)), Some(false));
        assert_eq!(lync(whole(&LYNC_INFORM)), Some(true));
        let class = |class: &[u8]| {
            lync(whole(&with(REQUEST, &[&[VENDOR_CLASS, u8::try_from(class.len()).unwrap()], class, &[255]].concat())))
        };
        assert_eq!(class(b"MS-UC-Client"), Some(true));
        assert_eq!(class(b"CPE-OCPHONE"), Some(true));
        assert_eq!(class(b"CPE-OCPHONE 1.0"), Some(true));
        for other in [&b"ms-uc-client"[..], b"MS-UC-Client2", b"cpe-ocphone", b"MSFT 5.0", b"AastraIPPhone6731i", b""] {
            assert_eq!(class(other), Some(false), "{other:02x?}");
        }
        // Of two classes one is enough.
        assert_eq!(lync(whole(&with(REQUEST, b"\x3c\x01x\x3c\x0bCPE-OCPHONE\xff"))), Some(true));
        // A class behind the end is none.
        assert_eq!(lync(whole(&with(REQUEST, b"\xff\x3c\x0bCPE-OCPHONE"))), Some(false));
    }

    #[test]
    fn lync_is_answered() {
        assert_eq!(lync(whole(&OFFER)), Some(false));
        assert_eq!(lync(whole(&LYNC_ACK)), Some(true));
        // The same option means nothing when it is asked.
        assert_eq!(lync(whole(&with(REQUEST, &LYNC_ACK[243..]))), Some(false));
        assert_eq!(lync(whole(&with(REPLY, &LYNC_ACK[243..]))), Some(true));
        // Another sub-option, one cut by its option, and the SIP server alone.
        assert_eq!(lync(whole(&with(REPLY, b"\x2b\x0e\x02\x0cMS-UC-Client\xff"))), Some(false));
        assert_eq!(lync(whole(&with(REPLY, b"\x2b\x0d\x01\x0cMS-UC-Clien\xff"))), Some(false));
        assert_eq!(lync(whole(&with(REPLY, b"\x78\x0c\x00\x01a\x07example\x00\xff"))), Some(false));
    }

    #[test]
    fn options_in_other_fields_count_if_said_so() {
        let mut message = with(REQUEST, &[OVERLOAD, 1, 3, 255]);
        message[44..58].copy_from_slice(b"\x3c\x0cMS-UC-Client");
        assert_eq!(lync(whole(&message)), Some(true));
        message[245] = 1;
        assert_eq!(lync(whole(&message)), Some(false));
        message[108..122].copy_from_slice(b"\x3c\x0cMS-UC-Client");
        assert_eq!(lync(whole(&message)), Some(true));
        message[245] = 4;
        assert_eq!(lync(whole(&message)), Some(false));
    }

    #[test]
    fn what_is_cut_is_not_known() {
        for (sample, first, then) in [(&DISCOVER[..], 265, Some(false)), (&LYNC_INFORM, 257, Some(true))] {
            for n in 243..sample.len() {
                let known = lync(Datagram { bytes: &sample[..n], length: sample.len() });
                assert_eq!(known, if n < first { None } else { then }, "{n}");
            }
        }
        // Whole, without an end: between options, and within one.
        assert_eq!(lync(whole(&with(REQUEST, &[61, 1, 1]))), Some(false));
        assert_eq!(lync(whole(&with(REQUEST, &[61, 1]))), None);
        assert_eq!(lync(whole(&with(REQUEST, &[61]))), None);
        assert_eq!(lync(whole(&with(REQUEST, &[61, 200, 1]))), None);
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_datagrams(datagram);
        noise(|bytes| matches!(details(whole(&with(REPLY, bytes))), Some(Details::Dhcp { lync: Some(true) })));
    }
}
