//! Words and numbers for people and machines: times, sizes, durations, and what came from a wire made harmless.
//!
//! In: values. Out: text. Must not know: what the values mean.

use jiff::tz::TimeZone;

use crate::net::Timestamp;

/// Which clock people read times by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's time zone.
    #[default]
    Local,
    /// UTC.
    Utc,
}

/// RFC 3339 in UTC, microseconds, or nanoseconds where the capture has them.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let (days, time) = (at.0.div_euclid(DAY_NS), at.0.rem_euclid(DAY_NS));
    let (year, month, day) = civil(days);
    let mut text = String::with_capacity(30);
    let mut part = |before: &str, mut value: i64, width: usize| {
        let mut digits = [b'0'; 9];
        for digit in digits.iter_mut().rev().take(width) {
            *digit += (value % 10) as u8;
            value /= 10;
        }
        text.push_str(before);
        let digits = digits.get(digits.len() - width..).unwrap_or_default();
        text.push_str(std::str::from_utf8(digits).unwrap_or_default());
    };
    part("", year, 4);
    part("-", month, 2);
    part("-", day, 2);
    part("T", time / 3_600_000_000_000, 2);
    part(":", time / 60_000_000_000 % 60, 2);
    part(":", time / 1_000_000_000 % 60, 2);
    match time % 1000 {
        0 => part(".", time / 1000 % 1_000_000, 6),
        _ => part(".", time % 1_000_000_000, 9),
    }
    text.push('Z');
    text
}

const DAY_NS: i64 = 86_400_000_000_000;

/// Year, month and day of a day since 1970-01-01, by the Gregorian calendar. A flow has two times and its certificate
/// two more: this takes a fifth of what a calendar library takes, which knows zones and years before Christ.
const fn civil(days: i64) -> (i64, i64, i64) {
    // From 0000-03-01, so that a leap day ends its year; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + (month <= 2) as i64, month, day)
}

/// "2026-03-02 08:00:00.123" for tables.
#[must_use]
pub fn wall(at: Timestamp, clock: Clock) -> String {
    let zone = match clock {
        Clock::Local => TimeZone::system(),
        Clock::Utc => TimeZone::UTC,
    };
    jiff::Timestamp::from_nanosecond(i128::from(at.0))
        .map_or_else(|_| at.0.to_string(), |time| time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// The same of a time that was told by [`rfc3339`]; what is none stays as it is.
#[must_use]
pub fn retold(text: &str, clock: Clock) -> String {
    text.parse().map_or_else(
        |_| text.to_owned(),
        |at: jiff::Timestamp| wall(Timestamp(i64::try_from(at.as_nanosecond()).unwrap_or_default()), clock),
    )
}

/// The clock's abbreviation at an instant: "UTC", "CET".
#[must_use]
pub fn zone(at: Timestamp, clock: Clock) -> String {
    match clock {
        Clock::Utc => "UTC".to_owned(),
        Clock::Local => jiff::Timestamp::from_nanosecond(i128::from(at.0))
            .map_or_else(|_| String::new(), |time| time.to_zoned(TimeZone::system()).strftime("%Z").to_string()),
    }
}

/// The UTC day of an instant.
#[must_use]
pub fn day(at: Timestamp) -> jiff::civil::Date {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default().to_zoned(TimeZone::UTC).date()
}

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// "350us", "12.5ms", "3.2s", "4m05s", "2h10m", "3d04h".
#[must_use]
pub fn duration(nanoseconds: i64) -> String {
    let s = seconds(nanoseconds);
    let whole = nanoseconds / 1_000_000_000;
    match s.abs() {
        x if x < 0.001 => format!("{:.0}us", s * 1e6),
        x if x < 1.0 => format!("{:.1}ms", s * 1e3),
        x if x < 60.0 => format!("{s:.1}s"),
        x if x < 3600.0 => format!("{}m{:02}s", whole / 60, whole % 60),
        x if x < 172_800.0 => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole / 3600 % 24),
    }
}

/// "999", "1.2k", "3.4M": decimal, three digits at most.
#[must_use]
pub fn count(n: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let x = n as f64;
    for (size, unit) in UNITS {
        if x >= size {
            let scaled = x / size;
            return if scaled < 9.95 { format!("{scaled:.1}{unit}") } else { format!("{scaled:.0}{unit}") };
        }
    }
    n.to_string()
}

/// "1 flow", "3 flows".
#[must_use]
pub fn plural(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Whether a character could steer a terminal, change the order of what stands beside it, forge a line, or stand there
/// unseen: Unicode's categories Cc, Zl and Zp, and what it has no glyph for (Default_Ignorable_Code_Point of Unicode 16,
/// in which all marks of direction are; U+FFF9 to U+FFFB).
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control() || (!c.is_ascii() && is_unseen(c))
}

const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A string from a wire or a file, with everything that [`steers`] written out.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_the_precision_of_the_capture() {
        assert_eq!(rfc3339(Timestamp(1_772_438_400_000_001_000)), "2026-03-02T08:00:00.000001Z");
        assert_eq!(rfc3339(Timestamp(1)), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(wall(Timestamp(1_772_438_400_123_000_000), Clock::Utc), "2026-03-02 08:00:00.123");
        let calendar = |at: i64| {
            let digits = if at % 1000 == 0 { 6 } else { 9 };
            format!("{:.digits$}", jiff::Timestamp::from_nanosecond(i128::from(at)).unwrap())
        };
        // Every day from 1677 to 2262, at another time each.
        for at in (i64::MIN..=i64::MAX).step_by(86_399_999_999_000) {
            assert_eq!(rfc3339(Timestamp(at)), calendar(at));
        }
        for at in [i64::MIN, -1, 0, 1, 999, 1000, i64::MAX] {
            assert_eq!(rfc3339(Timestamp(at)), calendar(at));
        }
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            assert!(!rfc3339(extreme).is_empty() && !wall(extreme, Clock::Utc).is_empty());
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 9949, 12_345, 5_400_000].map(count), ["0", "999", "1.0k", "9.9k", "12k", "5.4M"]);
        let durations = [350_000, 12_500_000, 3_200_000_000, 245_000_000_000, 7_800_000_000_000, 273_600_000_000_000];
        assert_eq!(durations.map(duration), ["350us", "12.5ms", "3.2s", "4m05s", "2h10m", "3d04h"]);
    }

    #[test]
    fn nothing_from_a_wire_steers_a_terminal() {
        assert_eq!(harmless("fe01\x1b[31m\u{202E}\n"), "fe01\\u{1b}[31m\\u{202e}\\u{a}");
        assert_eq!(harmless("bücher.example"), "bücher.example");
        assert_eq!(harmless("a\u{e0041}\u{fe0f}\u{61c}\u{ad}"), "a\\u{e0041}\\u{fe0f}\\u{61c}\\u{ad}");
        assert_eq!(harmless(&harmless("\\\r")), "\\\\u{d}", "twice is once");
    }
}
