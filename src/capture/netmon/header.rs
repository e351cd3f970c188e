//! The file header: version, start of the capture, where the frame table is; and how a frame is laid out.
//!
//! In: the first bytes of a file. Out: [`Header`], which tells a frame's time, and its [`Layout`].
//! Must not know: where frames are.
//!
//! Network Monitor's `CAPTUREFILE_HEADER_VALUES`, little-endian. The start is a local time without its zone: it is
//! taken as UTC, so that all times are off by the zone of the capturing host; from version 2.3 on each frame says its
//! time in UTC. A start that is no date counts as 1970.

use crate::capture::order::Order;
use crate::net::Timestamp;

/// Length of the header as Network Monitor 3 writes it.
pub(super) const SHORT: usize = 72;
/// The same as all others write it, padded.
pub(super) const LONG: usize = 128;

/// 1970 in FILETIME: ticks of 100 ns since 1601.
const EPOCH: i64 = 116_444_736_000_000_000;

/// How frames are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes before a frame: time, original and captured length. 8 of version 1: 32, 16, 16 bits; else 16: 64, 32, 32.
    pub(super) header: usize,
    /// Bytes behind it: media type (2), process (4), time as FILETIME (8), time zone (1), as far as there are any.
    pub(super) trailer: usize,
}

/// Major version, minor versions from and to, layout.
const LAYOUTS: &[(u8, u8, u8, Layout)] = &[
    (1, 0, u8::MAX, Layout { header: 8, trailer: 0 }),
    (2, 0, 0, Layout { header: 16, trailer: 0 }),
    (2, 1, 1, Layout { header: 16, trailer: 2 }),
    (2, 2, 2, Layout { header: 16, trailer: 6 }),
    (2, 3, u8::MAX, Layout { header: 16, trailer: 15 }),
];

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// How frames are stored.
    pub(super) layout: Layout,
    /// Media type of frames that do not say theirs.
    pub(super) media: u16,
    /// Where the frame table begins; `u64::MAX` if there is none.
    pub(super) table: u64,
    /// Entries of the frame table.
    pub(super) entries: u64,
    /// Bytes before the first frame, or the hole before it.
    pub(super) length: usize,
    /// Start of the capture, nanoseconds.
    start: i64,
}

impl Header {
    /// Reads the first [`SHORT`] bytes of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Some(([_magic, version, a, b, c, d, table, entries], _)) = Order::Little.u32s::<8>(bytes) else {
            return Err("file header too short".to_owned());
        };
        let [numbers, media] = Order::Little.halves(version);
        let [minor, major] = numbers.to_le_bytes();
        let row = LAYOUTS.iter().find(|row| row.0 == major && (row.1..=row.2).contains(&minor));
        let layout = row.ok_or_else(|| format!("Network Monitor version {major}.{minor} is unknown"))?.3;
        let length = if layout.trailer == 0 { LONG } else { SHORT };
        let (table, entries) = (u64::from(table), u64::from(entries / 4));
        let (table, entries) = if table < length as u64 { (u64::MAX, 0) } else { (table, entries) };
        let start = start([a, b, c, d].map(|word| Order::Little.halves(word)));
        Ok(Self { layout, media, table, entries, length, start })
    }

    /// The time of a frame with these ticks and this trailer.
    pub(super) fn time(&self, ticks: u64, trailer: &[u8]) -> Timestamp {
        if let Some(utc) = trailer.get(6..14).and_then(|utc| utc.try_into().ok()) {
            let ticks = i64::try_from(u64::from_le_bytes(utc)).unwrap_or(i64::MAX);
            return Timestamp(ticks.saturating_sub(EPOCH).saturating_mul(100));
        }
        let since = match self.layout.header {
            8 => i64::try_from(ticks).unwrap_or(i64::MAX).saturating_mul(1_000_000),
            // Microseconds that may be before the start: ten times the unsigned number is a signed one.
            _ => ticks.wrapping_mul(10).cast_signed().saturating_mul(100),
        };
        Timestamp(self.start.saturating_add(since))
    }
}

impl Layout {
    /// Ticks, original and captured length of the frame at the start of `bytes`.
    pub(super) fn start(self, bytes: &[u8]) -> Option<(u64, u32, u32)> {
        let ([low, high], rest) = Order::Little.u32s::<2>(bytes)?;
        if self.header == 8 {
            let [original, captured] = Order::Little.halves(high);
            return Some((low.into(), original.into(), captured.into()));
        }
        let ([original, captured], _) = Order::Little.u32s::<2>(rest)?;
        Some((u64::from(high) << 32 | u64::from(low), original, captured))
    }

    /// The media type in a frame's trailer; `None` where frames have none.
    pub(super) fn media(self, trailer: &[u8]) -> Option<u16> {
        trailer.first_chunk().map(|&number| u16::from_le_bytes(number))
    }
}

/// A SYSTEMTIME: year, month, day of the week, day, hour, minute, second, millisecond.
fn start([[year, month], [_, day], [hour, minute], [second, millisecond]]: [[u16; 2]; 4]) -> i64 {
    let small = |number: u16| i8::try_from(number).unwrap_or(-1);
    let subsecond = i32::from(millisecond).saturating_mul(1_000_000);
    let year = i16::try_from(year).unwrap_or(-1);
    let civil = jiff::civil::DateTime::new(
        year,
        small(month),
        small(day),
        small(hour),
        small(minute),
        small(second),
        subsecond,
    );
    let instant = civil.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC));
    instant.ok().and_then(|instant| i64::try_from(instant.timestamp().as_nanosecond()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of this version with these eight numbers for its start.
    fn header(version: (u8, u8), start: [u16; 8], table: u32, length: u32) -> Result<Header, String> {
        let mut bytes = b"GMBU".to_vec();
        bytes.extend([version.1, version.0, 6, 0]);
        start.into_iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(table.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.resize(SHORT, 0xee);
        Header::parse(&bytes)
    }

    /// 2012-06-09 15:35:13.152.
    const START: [u16; 8] = [2012, 6, 6, 9, 15, 35, 13, 152];
    const AT: i64 = 1_339_256_113_152_000_000;

    /// The layout of a version, and where it has its frame table.
    fn check(version: (u8, u8), header_length: usize, trailer: usize, length: usize) {
        let layout = Layout { header: header_length, trailer };
        let expected = Header { layout, media: 6, table: 500, entries: 3, length, start: AT };
        assert_eq!(header(version, START, 500, 15), Ok(expected), "{version:?}");
    }

    #[test]
    fn every_version() {
        check((1, 0), 8, 0, LONG);
        check((1, 1), 8, 0, LONG);
        check((2, 0), 16, 0, LONG);
        check((2, 1), 16, 2, SHORT);
        check((2, 2), 16, 6, SHORT);
        check((2, 3), 16, 15, SHORT);
        check((2, 9), 16, 15, SHORT);
        assert_eq!(header((3, 1), START, 500, 15), Err("Network Monitor version 3.1 is unknown".to_owned()));
        assert!(Header::parse(b"GMBU\0\x02").is_err());
        for table in [0, 71, 127] {
            assert_eq!(header((2, 0), START, table, 15).unwrap().table, u64::MAX);
        }
    }

    #[test]
    fn a_start_that_is_no_date_is_1970() {
        for (at, value) in [(0, 60_000), (1, 13), (3, 31), (4, 25), (7, 1000)] {
            let mut start = START;
            start[at] = value;
            assert_eq!(header((2, 0), start, 0, 0).unwrap().start, 0, "{start:?}");
        }
    }

    #[test]
    fn times_of_every_version() {
        let time = |version, ticks, trailer: &[u8]| header(version, START, 0, 0).unwrap().time(ticks, trailer).0;
        assert_eq!(time((1, 1), 5, &[]), AT + 5_000_000);
        assert_eq!(time((1, 1), u32::MAX.into(), &[]), AT + 4_294_967_295_000_000);
        assert_eq!(time((2, 0), 5, &[]), AT + 5_000);
        assert_eq!(time((2, 1), (-5_i64).cast_unsigned(), &[1, 0]), AT - 5_000);
        assert_eq!(time((2, 2), 1 << 62, &[0; 6]), i64::MIN + AT);
        let utc = |ticks: u64| [&[1, 0, 0xff, 0xff, 0xff, 0xff][..], &ticks.to_le_bytes(), &[0]].concat();
        assert_eq!(time((2, 3), 5, &utc(129_837_297_131_525_920)), AT + 592_000);
        assert_eq!(time((2, 3), 5, &utc(0)), i64::MIN);
        assert_eq!(time((2, 3), 5, &utc(u64::MAX)), i64::MAX);
    }
}
