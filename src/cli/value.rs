//! Values of flags: durations, ports, choices.
//!
//! In: text as typed. Out: values, or a message with the right form.
//! Must not know: which flag it is for.

use std::net::SocketAddr;

use clap::ValueEnum;

use crate::net::Transport;
use crate::pipeline::{LEAST_LIVE_MEMORY, LEAST_MEMORY};
use crate::report::Format;
use crate::report::audit::Severity;
use crate::report::flows::{By, Order};
use crate::verdict::Verdict;

/// Nanoseconds of `500ms`, `12s`, `5m`, `2h`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    const UNITS: &[(&str, f64)] = &[("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
    let bad = || format!("`{text}` is no duration; write 500ms, 12s, 5m or 2h");
    let with_unit = UNITS.iter().find_map(|&(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let (number, size) = with_unit.unwrap_or((text, 1e9));
    let value: f64 = number.parse().map_err(|_| bad())?;
    let nanoseconds = value * size;
    if !nanoseconds.is_finite() || nanoseconds <= 0.0 || nanoseconds >= i64::MAX as f64 {
        return Err(bad());
    }
    Ok(nanoseconds as i64)
}

/// How many at most: at least one.
pub(super) fn at_most(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number: &usize| number > 0);
    number.ok_or_else(|| format!("`{text}` is no such number; write a whole number from 1 to {}", usize::MAX))
}

/// The number of a flow.
pub(super) fn flow_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number of a flow; write one that lyncap flows lists, such as 17"))
}

/// Bytes of memory of a run over files.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    at_least(text, LEAST_MEMORY)
}

/// Bytes of memory of a live run.
pub(super) fn live_memory(text: &str) -> Result<u64, String> {
    at_least(text, LEAST_LIVE_MEMORY)
}

/// Bytes of a kernel's buffer.
pub(super) fn buffer(text: &str) -> Result<u32, String> {
    let bytes = u32::try_from(bytes(text)?).ok().filter(|bytes| (LEAST_BUFFER..=MOST_BUFFER).contains(bytes));
    bytes.ok_or_else(|| format!("`{text}` is no size of a buffer; write 1M to 1G"))
}

const LEAST_BUFFER: u32 = 1 << 20;
const MOST_BUFFER: u32 = 1 << 30;

/// How fast a capture is replayed: so many times as fast, or as fast as can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed(pub(super) Option<f64>);

/// `10`, `0.5`, `max`; 0 means max too.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    let number = text.parse::<f64>().ok().filter(|number| *number == 0.0 || (1e-3..=1e6).contains(number));
    let number = number.ok_or_else(|| format!("`{text}` is no speed; write 1, 10, 0.5 or max"))?;
    Ok(Speed((number > 0.0).then_some(number)))
}

fn at_least(text: &str, least: u64) -> Result<u64, String> {
    match bytes(text)? {
        bytes if bytes < least => Err(format!("`{text}` is too little memory; write at least {}M", least >> 20)),
        bytes => Ok(bytes),
    }
}

/// An address and a port: `127.0.0.1:9464`, `[::1]:9464`.
pub(super) fn port_of_host(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address with a port; write 127.0.0.1:9464 or [::1]:9464"))
}

/// Bytes of `500M`, `2G`; a bare number is bytes. The units count in 1024s, as memory does.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: &[(char, u32)] = &[('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let bad = || format!("`{text}` is no number of bytes; write 500M, 2G or bytes");
    let with_unit = UNITS.iter().find_map(|&(unit, bits)| {
        Some((text.strip_suffix(unit).or_else(|| text.strip_suffix(unit.to_ascii_lowercase()))?, bits))
    });
    let (number, bits) = with_unit.unwrap_or((text, 0));
    let bytes: u64 = number.parse().map_err(|_| bad())?;
    bytes.checked_mul(1 << bits).ok_or_else(bad)
}

/// A port, with or without its transport: `5071`, `5071/tcp`, `tcp/5071`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) transport: Option<Transport>,
    pub(super) port: u16,
}

impl std::str::FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no port; write 5071, 5071/tcp or 1434/udp");
        let (port, transport) = match text.split_once('/') {
            None => (text, None),
            Some((a, b)) if a.parse::<Transport>().is_ok() => (b, Some(a)),
            Some((a, b)) => (a, Some(b)),
        };
        let transport = transport.map(str::parse).transpose().map_err(|()| bad())?;
        Ok(Self { transport, port: port.parse().map_err(|_| bad())? })
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// At which severity findings make the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    High,
    Medium,
    Low,
    Info,
    Never,
}

impl FailOn {
    /// The least severity that flags.
    pub(super) const fn least(self) -> Option<Severity> {
        match self {
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }

    pub(super) fn is_met_by(self, severity: Severity) -> bool {
        self.least().is_some_and(|least| severity <= least)
    }
}

/// Names of an enum of the report as clap's choices.
macro_rules! choices {
    ($type:ty { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(clap::builder::PossibleValue::new(match self { $(Self::$variant => $name),+ }))
            }
        }
    };
}

choices!(Format { Table => "table", Json => "json", Jsonl => "jsonl", Csv => "csv" });
choices!(By { Service => "service", Host => "host", Pair => "pair" });
choices!(Order {
    First => "first", Last => "last", Duration => "duration", Bytes => "bytes", Packets => "packets", Rtt => "rtt",
    Verdict => "verdict",
});
choices!(Verdict {
    Documented => "documented", RangeOnly => "range-only", Contradicted => "contradicted",
    Undocumented => "undocumented",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse() {
        let good =
            [("500ms", 500_000_000), ("12s", 12_000_000_000), ("5m", 300_000_000_000), ("2h", 7_200_000_000_000)];
        for (text, expected) in good.into_iter().chain([("7", 7_000_000_000), ("1.5s", 1_500_000_000)]) {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for bad in ["", "s", "-1s", "0", "1d", "1e300h", "nan", "5 m ", "5ss"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_parse() {
        for (text, expected) in
            [("500M", 500 << 20), ("2g", 2 << 30), ("70000K", 70_000 << 10), ("1T", 1 << 40), ("67108864", 64 << 20)]
        {
            assert_eq!(memory(text), Ok(expected), "{text}");
        }
        for bad in ["", "M", "63M", "0", "-1G", "1.5G", "2GB", "2 G", "18446744073709551615G", "16777216T"] {
            assert!(memory(bad).is_err(), "{bad}");
        }
        assert_eq!((buffer("2M"), buffer("1G")), (Ok(2 << 20), Ok(1 << 30)));
        assert!(["4K", "2G", "x"].iter().all(|bad| buffer(bad).is_err()) && live_memory("127M").is_err());
        assert_eq!((speed("max"), speed("0"), speed("0.5")), (Ok(Speed(None)), Ok(Speed(None)), Ok(Speed(Some(0.5)))));
        assert!(["", "-1", "nan", "inf", "1e9", "fast"].iter().all(|bad| speed(bad).is_err()));
        assert_eq!(at_most("1000"), Ok(1000));
        assert!(["0", "-1", "", "1e6", "99999999999999999999999"].iter().all(|bad| at_most(bad).is_err()));
    }

    #[test]
    fn ports_parse_either_way_round() {
        for (text, transport) in [
            ("5071", None),
            ("5071/tcp", Some(Transport::Tcp)),
            ("tcp/5071", Some(Transport::Tcp)),
            ("5071/udp", Some(Transport::Udp)),
        ] {
            assert_eq!(text.parse(), Ok(Port { transport, port: 5071 }), "{text}");
        }
        for bad in ["", "x", "70000", "5071/sctp", "tcp/", "/tcp"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }

    #[test]
    fn failing_follows_severity() {
        assert!(FailOn::Medium.is_met_by(Severity::High) && FailOn::Medium.is_met_by(Severity::Medium));
        assert!(!FailOn::Medium.is_met_by(Severity::Low) && !FailOn::Never.is_met_by(Severity::High));
    }
}
