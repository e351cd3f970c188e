//! RTP streams as the contract has them, and their quality in a few words.
//!
//! In: a flow's media evidence, and who opened the flow. Out: [`StreamRecord`]s.
//! Must not know: rows, verdicts, other flows.

use serde::Serialize;

use super::text::{duration, plural, seconds};
use crate::evidence::{Evidence, Medium, Stream, medium, payload_name};
use crate::net::Direction;

/// A stream of fewer packets says nothing of quality: distributions leave it out.
pub(super) const LEAST_PACKETS: u64 = 10;

/// One RTP stream: one source in one direction of a flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct StreamRecord {
    pub from: &'static str,
    pub ssrc: String,
    pub payload_type: u8,
    pub codec: Option<&'static str>,
    pub medium: &'static str,
    pub packets: u64,
    pub lost: u64,
    pub lost_ratio: Option<f64>,
    pub reordered: u64,
    pub duplicates: u64,
    pub jitter_s: Option<f64>,
    pub duration_s: f64,
    pub dscp: Vec<u8>,
}

/// The streams of a flow, in the order in which they began; empty where no media was proven.
#[must_use]
pub(super) fn streams(evidence: &Evidence, initiator: Direction) -> Vec<StreamRecord> {
    let streams = evidence.media().into_iter().flat_map(|media| &media.streams);
    streams.map(|stream| StreamRecord::new(stream, initiator)).collect()
}

impl StreamRecord {
    fn new(stream: &Stream, initiator: Direction) -> Self {
        Self {
            from: if stream.direction == initiator { "initiator" } else { "responder" },
            ssrc: format!("0x{:08x}", stream.ssrc),
            payload_type: stream.payload_type,
            codec: payload_name(stream.payload_type),
            medium: medium_name(medium(stream.payload_type)),
            packets: stream.packets,
            lost: stream.lost(),
            lost_ratio: ratio(stream.lost(), stream.expected()),
            reordered: u64::from(stream.reordered),
            duplicates: u64::from(stream.duplicates),
            jitter_s: stream.jitter_ns().map(|ns| seconds(i64::try_from(ns).unwrap_or(i64::MAX))),
            duration_s: seconds(stream.last_seen.since(stream.first_seen)),
            dscp: dscp_values(stream.dscp).collect(),
        }
    }

    /// "x-msrta (114)", "payload type 99".
    #[must_use]
    pub fn codec_text(&self) -> String {
        match self.codec {
            Some(name) => format!("{name} ({})", self.payload_type),
            None => format!("payload type {}", self.payload_type),
        }
    }
}

/// A share, to six decimal places.
#[must_use]
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}

/// As exported.
#[must_use]
pub(super) const fn medium_name(medium: Medium) -> &'static str {
    match medium {
        Medium::Audio => "audio",
        Medium::Video => "video",
        Medium::Data => "data",
    }
}

/// The DSCP values of a mask, ascending.
pub(super) fn dscp_values(mask: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |value| mask >> value & 1 == 1)
}

/// "0%", "0.2%", "12%".
#[must_use]
pub(super) fn percent(ratio: f64) -> String {
    match ratio * 100.0 {
        0.0 => "0%".to_owned(),
        x if x < 0.05 => "<0.1%".to_owned(),
        x if x < 9.95 => format!("{x:.1}%"),
        x => format!("{x:.0}%"),
    }
}

/// A time in seconds as people read it.
#[must_use]
pub(super) fn time(seconds: f64) -> String {
    duration((seconds * 1e9) as i64)
}

/// The quality of a flow's media in a few words, of its worst stream each: "audio 0.2% lost, 1.2ms jitter". None without
/// streams.
#[must_use]
pub(super) fn quality(streams: &[StreamRecord]) -> Option<String> {
    let mut media: Vec<&str> = Vec::new();
    for stream in streams.iter().filter(|stream| stream.packets > 0) {
        if !media.contains(&stream.medium) {
            media.push(stream.medium);
        }
    }
    let kinds = (!media.is_empty()).then(|| media.join("+"))?;
    let long: Vec<_> = streams.iter().filter(|stream| stream.packets >= LEAST_PACKETS).collect();
    if long.is_empty() {
        return Some(format!("{kinds} {}", plural(streams.iter().map(|stream| stream.packets).sum(), "packet")));
    }
    let worst = |of: fn(&StreamRecord) -> Option<f64>| long.iter().filter_map(|stream| of(stream)).reduce(f64::max);
    let lost = worst(|stream| stream.lost_ratio).map(|lost| format!(" {} lost", percent(lost)));
    let jitter = worst(|stream| stream.jitter_s).map(|jitter| format!(", {} jitter", time(jitter)));
    let way = if streams.iter().any(|stream| Some(stream.from) != streams.first().map(|first| first.from)) {
        ""
    } else {
        ", one way"
    };
    Some(format!("{kinds}{}{}{way}", lost.unwrap_or_default(), jitter.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{changed, evidence, stream};

    fn records(streams: &[Stream]) -> Vec<StreamRecord> {
        super::streams(&evidence::media(streams), Direction::Reverse)
    }

    #[test]
    fn streams_are_told_by_who_sends_them() {
        let there = stream(Direction::Reverse, 114, 500, 3);
        let back = changed(stream(Direction::Forward, 99, 400, 0), |stream| stream.dscp = 1 << 46 | 1);
        let records = records(&[there, back]);
        let of = |i: usize| &records[i];
        assert_eq!((of(0).from, of(0).codec, of(0).medium), ("initiator", Some("x-msrta"), "audio"));
        assert_eq!((of(0).packets, of(0).lost, of(0).lost_ratio), (500, 3, Some(0.005_964)));
        assert_eq!((of(1).from, of(1).codec, &*of(1).dscp), ("responder", None, &[0, 46][..]));
        assert!(of(0).ssrc.starts_with("0x") && of(0).ssrc.len() == 10);
        assert_eq!((of(0).codec_text(), of(1).codec_text()), ("x-msrta (114)".into(), "payload type 99".into()));
    }

    #[test]
    fn quality_is_that_of_the_worst_stream() {
        let (forward, reverse) = (Direction::Forward, Direction::Reverse);
        for (streams, expected) in [
            (vec![], None),
            (vec![stream(forward, 114, 9, 0)], Some("audio 9 packets")),
            (vec![stream(forward, 114, 500, 0)], Some("audio 0% lost, 1.5ms jitter, one way")),
            (
                vec![stream(forward, 114, 500, 3), stream(reverse, 122, 400, 0)],
                Some("audio+video 0.6% lost, 1.5ms jitter"),
            ),
        ] {
            assert_eq!(quality(&records(&streams)).as_deref(), expected);
        }
    }

    #[test]
    fn shares_read_well() {
        let texts = [0.0, 0.0001, 0.002, 0.0994, 0.12, 1.0].map(percent);
        assert_eq!(texts, ["0%", "<0.1%", "0.2%", "9.9%", "12%", "100%"]);
        assert_eq!((ratio(1, 3), ratio(1, 0)), (Some(0.333_333), None));
        assert_eq!(dscp_values(1 << 63 | 1 << 46 | 1).collect::<Vec<_>>(), [0, 46, 63]);
    }
}
