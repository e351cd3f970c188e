//! An interface of a pcapng section: link type, snaplen, what its ticks mean, and what it lost.
//!
//! In: an Interface Description Block's body, an Interface Statistics Block's options, a packet's drop count.
//! Out: [`Interface`], which turns ticks into nanoseconds.
//! Must not know: packets.
//!
//! `if_fcslen` is passed: a frame check sequence stays in the frame, and IP says where the payload ends.

use super::Described;
use super::option::Options;
use crate::capture::LinkType;
use crate::capture::order::Order;
use crate::net::Timestamp;

const NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// Options of an Interface Statistics Block: lost by the interface, lost by the operating system.
const DROPS: [u16; 2] = [5, 7];

/// What a packet block needs to know of its interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// First header of its frames.
    pub(super) link: LinkType,
    /// Bytes captured of a frame at most; none stated is `u32::MAX`.
    pub(super) snaplen: u32,
    resolution: Resolution,
    /// Seconds to add to every time.
    offset: i64,
    lost: Lost,
    name: Option<Box<str>>,
}

/// Frames lost, as the file says in two ways; `None` where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lost {
    /// By the latest statistics.
    by_statistics: Option<u64>,
    /// By the sum of what its packets say.
    by_packets: Option<u64>,
}

/// How ticks become nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// A tick is so many nanoseconds.
    Multiply(u64),
    /// So many ticks are a nanosecond.
    Divide(u128),
    /// A tick is 2^-n seconds.
    Binary(u32),
}

impl Interface {
    /// Reads the block. An option that overruns the block or has a wrong length is an error: the times of
    /// all its frames could be wrong.
    pub(super) fn parse(order: Order, body: &[u8]) -> Result<Self, String> {
        let Some(([word, snaplen], options)) = order.u32s::<2>(body) else {
            return Err("interface block too short".to_owned());
        };
        let [link, _reserved] = order.halves(word);
        let mut interface = Self {
            link: LinkType::stated(link),
            snaplen: if snaplen == 0 { u32::MAX } else { snaplen },
            resolution: Resolution::Multiply(1000),
            offset: 0,
            lost: Lost::default(),
            name: None,
        };
        for option in Options::new(order, options) {
            let (code, value) = option.map_err(|code| format!("interface option {code} overruns its block"))?;
            interface.apply(order, code, value)?;
        }
        Ok(interface)
    }

    fn apply(&mut self, order: Order, code: u16, value: &[u8]) -> Result<(), String> {
        match (code, value) {
            (TIME_RESOLUTION, &[resolution]) => self.resolution = Resolution::stated(resolution),
            (TIME_OFFSET, &[a, b, c, d, e, f, g, h]) => self.offset = order.i64([a, b, c, d, e, f, g, h]),
            (NAME, name) => self.name = str::from_utf8(name).ok().filter(|name| !name.is_empty()).map(Box::from),
            (TIME_RESOLUTION | TIME_OFFSET, _) => {
                return Err(format!("interface option {code} has a length of {}", value.len()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the options of an Interface Statistics Block: the latest one that says something wins.
    pub(super) fn statistics(&mut self, order: Order, options: &[u8]) {
        let drops = Options::new(order, options).map_while(Result::ok).filter(|(code, _)| DROPS.contains(code));
        let drops = drops.filter_map(|(_, value)| Options::number(order, value)).reduce(u64::saturating_add);
        self.lost.by_statistics = drops.or(self.lost.by_statistics);
    }

    /// Counts frames that were lost before a packet.
    pub(super) fn lose(&mut self, frames: u64) {
        self.lost.by_packets = Some(self.lost.by_packets.unwrap_or(0).saturating_add(frames));
    }

    /// What a copy of its frames says of it.
    pub(super) fn described(&self) -> Described {
        let snaplen = if self.snaplen == u32::MAX { 0 } else { self.snaplen };
        Described { link: self.link, snaplen, name: self.name.as_deref().map(str::to_owned), ..Described::default() }
    }

    /// Frames lost. Both ways tell of the same frames: the larger number counts.
    pub(super) fn lost(&self) -> Option<u64> {
        self.lost.by_statistics.max(self.lost.by_packets)
    }

    /// The time that a packet block's two halves of a tick count mean.
    #[inline]
    pub(super) fn time(&self, high: u32, low: u32) -> Timestamp {
        let ticks = (u64::from(high) << 32) | u64::from(low);
        let exact = match self.resolution {
            Resolution::Multiply(factor) => ticks.checked_mul(factor),
            Resolution::Divide(_) | Resolution::Binary(_) => None,
        };
        match exact.and_then(|nanoseconds| i64::try_from(nanoseconds).ok()) {
            Some(nanoseconds) if self.offset == 0 => Timestamp(nanoseconds),
            _ => self.unusual_time(ticks),
        }
    }

    /// Any resolution and offset; what no [`Timestamp`] can hold becomes the nearest that it can.
    #[cold]
    fn unusual_time(&self, ticks: u64) -> Timestamp {
        let ticks = u128::from(ticks);
        // At most 2^64 ticks times 10^9 < 2^30: no step can overflow.
        let nanoseconds = match self.resolution {
            Resolution::Multiply(factor) => ticks * u128::from(factor),
            Resolution::Divide(divisor) => ticks / divisor.max(1),
            Resolution::Binary(power) => (ticks * 1_000_000_000) >> power.min(127),
        };
        let offset = i128::from(self.offset) * 1_000_000_000;
        let sum = i128::try_from(nanoseconds).unwrap_or(i128::MAX).saturating_add(offset);
        let clamped = sum.clamp(i64::MIN.into(), i64::MAX.into());
        Timestamp(i64::try_from(clamped).unwrap_or(i64::MAX))
    }
}

impl Resolution {
    /// From `if_tsresol`: the top bit tells powers of two from powers of ten.
    fn stated(value: u8) -> Self {
        let power = u32::from(value & 0x7f);
        if value & 0x80 != 0 {
            return Self::Binary(power);
        }
        match 9_u32.checked_sub(power) {
            Some(up) => Self::Multiply(10_u64.pow(up)),
            // From 10^20 ticks to the nanosecond on every 64-bit count is nothing.
            None => Self::Divide(10_u128.checked_pow(power - 9).unwrap_or(u128::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options of `ONE_FRAME`'s successor, as dumpcap writes them: name, filter-free, resolution 9, end.
    const DUMPCAP: &[u8] = b"\x01\0\0\0\0\0\x04\0\x02\0\x04\0eth0\x09\0\x01\0\x09\0\0\0\x0c\0\x05\0Linux\0\0\0\0\0\0\0";

    fn with(options: &[u8]) -> Result<Interface, String> {
        Interface::parse(Order::Little, &[b"\x01\0\0\0\0\0\0\0", options].concat())
    }

    /// Nanoseconds of `ticks` under an `if_tsresol` and an `if_tsoffset`.
    fn check(resolution: u8, offset: i64, ticks: u64, expected: i64) {
        let mut options = vec![9, 0, 1, 0, resolution, 0, 0, 0, 14, 0, 8, 0];
        options.extend(offset.to_le_bytes());
        let interface = with(&options).unwrap();
        let time = interface.time((ticks >> 32) as u32, ticks as u32);
        assert_eq!(time.0, expected, "resolution {resolution} offset {offset} ticks {ticks}");
    }

    #[test]
    fn as_dumpcap_writes_it() {
        let expected = Interface {
            link: LinkType::ETHERNET,
            snaplen: 0x4_0000,
            resolution: Resolution::Multiply(1),
            offset: 0,
            lost: Lost::default(),
            name: Some("eth0".into()),
        };
        assert_eq!(Interface::parse(Order::Little, DUMPCAP), Ok(expected));
    }

    #[test]
    fn without_options_ticks_are_microseconds() {
        let interface = with(&[]).unwrap();
        assert_eq!(interface.time(0, 5), Timestamp(5000));
        assert_eq!(interface.snaplen, u32::MAX);
    }

    #[test]
    fn resolutions_and_offsets() {
        check(0, 0, 5, 5_000_000_000);
        check(3, 0, 5, 5_000_000);
        check(6, -5, 5_000_001, 1000);
        check(9, 1, 5, 1_000_000_005);
        check(10, 0, 59, 5);
        check(12, 0, 5999, 5);
        check(28, 0, u64::MAX, 1);
        check(29, 0, u64::MAX, 0);
        check(127, 0, u64::MAX, 0);
        check(0x80, 0, 7, 7_000_000_000);
        check(0x80 | 10, 0, 512, 500_000_000);
        check(0x80 | 64, 0, u64::MAX, 999_999_999);
        check(0xff, 0, u64::MAX, 0);
    }

    #[test]
    fn times_saturate() {
        check(0, 0, u64::MAX, i64::MAX);
        check(6, 0, u64::MAX, i64::MAX);
        check(9, 0, u64::MAX, i64::MAX);
        check(9, 0, i64::MAX as u64, i64::MAX);
        check(6, i64::MAX, 0, i64::MAX);
        check(6, i64::MIN, 0, i64::MIN);
        check(0, i64::MIN, u64::MAX, i64::MAX);
    }

    #[test]
    fn losses_are_told_in_two_ways() {
        let mut interface = with(&[]).unwrap();
        assert_eq!(interface.lost(), None);
        interface.statistics(Order::Little, b"\x04\0\x08\0\x09\0\0\0\0\0\0\0");
        assert_eq!(interface.lost(), None);
        interface.statistics(Order::Big, b"\0\x05\0\x08\0\0\0\0\0\0\0\x02\0\x07\0\x08\0\0\0\0\0\0\0\x03");
        assert_eq!(interface.lost(), Some(5));
        interface.lose(4);
        assert_eq!(interface.lost(), Some(5));
        interface.lose(u64::MAX);
        assert_eq!(interface.lost(), Some(u64::MAX));
        let mut interface = with(&[]).unwrap();
        interface.statistics(Order::Big, b"\0\x05\0\x08\0\0\0\0\0\0\0\x02\0\x07\0\x08");
        interface.statistics(Order::Big, b"\0\x05\0\x04\0\0\0\x09");
        interface.statistics(Order::Big, &[]);
        assert_eq!(interface.lost(), Some(2));
    }

    #[test]
    fn options_that_lie() {
        assert!(with(&[9, 0, 2, 0, 9, 9, 0, 0]).is_err());
        assert!(with(&[14, 0, 4, 0, 9, 9, 0, 0]).is_err());
        assert!(with(&[2, 0, 0xff, 0xff, 1, 1, 1, 1]).is_err());
        assert!(with(&[2, 0, 5, 0, 1, 1, 1, 1]).is_err());
        assert!(with(&[0, 0, 0xff, 0xff, 1, 1, 1, 1]).is_ok());
        assert!(with(&[2, 0, 4, 0, 1, 1, 1, 1]).is_ok());
        for length in 0..8 {
            assert!(Interface::parse(Order::Little, &DUMPCAP[..length]).is_err());
        }
        for length in (8..DUMPCAP.len()).step_by(4) {
            let _ = Interface::parse(Order::Little, &DUMPCAP[..length]);
        }
    }
}
