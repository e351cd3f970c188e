//! Media quality for people.
//!
//! In: a [`MediaRecord`]. Out: a section of the audit: figures by medium, then what to look at.
//! Must not know: how anything was gathered.

use super::audit::{bullet, section};
use super::{Look, Narrow, sheet};
use crate::report::audit::{DscpRecord, MediaRecord, MediumRecord, OneWay, Spread, WorstStream};
use crate::report::media::{LEAST_PACKETS, percent, time};
use crate::report::text::{count, plural};

/// From this width on the median of the loss is shown too.
const WIDE: usize = 100;

/// The section.
pub(super) fn media(out: &mut String, look: Look, media: &MediaRecord) {
    let streams: u64 = media.by_medium.iter().map(|of| of.streams).sum();
    let flows = plural(media.flows, "flow");
    let aside = match (media.flows, streams) {
        (0, _) => String::new(),
        (_, 0) => format!("proven in {flows}"),
        _ => format!("{} in {flows}", plural(streams, "RTP stream")),
    };
    section(out, look, "Media", &aside);
    if media.flows == 0 {
        bullet(out, look, "no payload proves media");
    }
    if streams > 0 {
        figures(out, look, &media.by_medium);
        bullet(out, look, &format!("p50, p95 and max are over streams of {LEAST_PACKETS} packets or more"));
    }
    let sum = |of: fn(&MediumRecord) -> u64| media.by_medium.iter().map(of).sum::<u64>();
    let (late, twice) = (sum(|of| of.reordered), sum(|of| of.duplicates));
    if late + twice > 0 {
        bullet(out, look, &format!("{} came out of order, {twice} came twice", plural(late, "packet")));
    }
    media.dscp.iter().for_each(|of| bullet(out, look, &marking(of)));
    media.one_way_audio.iter().for_each(|of| bullet(out, look, &one_way(of)));
    media.worst.iter().for_each(|of| bullet(out, look, &worst(of)));
    media.limits.iter().for_each(|limit| bullet(out, look, limit));
}

fn figures(out: &mut String, look: Look, media: &[MediumRecord]) {
    let wide = look.width >= WIDE;
    let mut columns = vec![
        ("medium", false),
        ("streams", true),
        ("packets", true),
        ("lost", true),
        ("jitter p50", true),
        ("p95", true),
        ("max", true),
    ];
    columns.extend(if wide { &[("loss p50", true), ("p95", true)][..] } else { &[("loss p95", true)] });
    columns.push(("max", true));
    let row = |of: &MediumRecord| {
        let jitter = |part: fn(Spread) -> f64| of.jitter_s.map(|spread| time(part(spread))).unwrap_or_default();
        let loss =
            |part: fn(Spread) -> f64| of.stream_lost_ratio.map(|spread| percent(part(spread))).unwrap_or_default();
        let mut row = vec![
            of.medium.to_owned(),
            of.streams.to_string(),
            count(of.packets),
            of.lost_ratio.map(percent).unwrap_or_default(),
            jitter(|of| of.p50),
            jitter(|of| of.p95),
            jitter(|of| of.max),
        ];
        row.extend(wide.then(|| loss(|of| of.p50)));
        row.extend([loss(|of| of.p95), loss(|of| of.max)]);
        row
    };
    out.push_str(&sheet(look, Narrow::Wrap, &columns, media.iter().map(row).collect()));
}

/// "audio: DSCP 46 recommended, set on 2 of 8 streams; seen 0 in 6, 46 in 2".
fn marking(of: &DscpRecord) -> String {
    let streams = if of.traffic == "signalling" { "directions of SIP connections" } else { "streams" };
    let told = match of.recommended {
        Some(value) => format!("DSCP {value} recommended, set on {} of {} {streams}", of.as_recommended, of.streams),
        None => format!("no DSCP recommended for {} {streams}", of.streams),
    };
    let seen: Vec<_> = of.seen.iter().map(|seen| format!("{} in {}", seen.dscp, seen.streams)).collect();
    format!("{}: {told}; seen {}", of.traffic, seen.join(", "))
}

fn one_way(of: &OneWay) -> String {
    format!(
        "one-way audio: flow {}, {} -> {}, only the {} is heard ({} in {}); a call on hold looks the same",
        of.flow,
        of.initiator,
        of.responder,
        of.from,
        plural(of.packets, "packet"),
        time(of.duration_s)
    )
}

fn worst(of: &WorstStream) -> String {
    let stream = &of.stream;
    format!(
        "most lost: flow {}, {} -> {}, from the {}: {}, {}: {} of {} lost, {} jitter",
        of.flow,
        of.initiator,
        of.responder,
        stream.from,
        stream.codec_text(),
        stream.medium,
        percent(stream.lost_ratio.unwrap_or_default()),
        plural(stream.packets.saturating_add(stream.lost), "packet"),
        stream.jitter_s.map_or_else(|| "unknown".to_owned(), time)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;
    use crate::net::{Direction, Transport};
    use crate::report::audit::Audit;
    use crate::report::testing::{deployment, evidence, reading, stream};
    use crate::report::text::Clock;
    use crate::verdict::Judge;

    fn told(width: usize, evidence: Evidence) -> String {
        let reading = reading(&[
            (Transport::Udp, "10.1.0.5:50020", "10.0.0.11:49500", true, evidence),
            (Transport::Tcp, "10.1.0.5:50123", "10.0.0.11:5061", true, Evidence::default()),
        ]);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let mut out = String::new();
        media(&mut out, Look { width, colour: false, clock: Clock::Utc }, &Audit::new(&reading, &judge).media);
        out
    }

    #[test]
    fn quality_fits_a_narrow_terminal() {
        let call = [stream(Direction::Forward, 114, 990, 10), stream(Direction::Forward, 122, 4_000_000, 0)];
        let expected = "
MEDIA  2 RTP streams in 1 flow
medium  streams  packets  lost  jitter p50    p95    max  loss p95   max
audio         1      990  1.0%       1.5ms  1.5ms  1.5ms      1.0%  1.0%
video         1     4.0M    0%       1.5ms  1.5ms  1.5ms        0%    0%
  - p50, p95 and max are over streams of 10 packets or more
  - 2 packets came out of order, 0 came twice
  - audio: DSCP 46 recommended, set on 1 of 1 streams; seen 46 in 1
  - video: DSCP 34 recommended, set on 0 of 1 streams; seen 46 in 1
  - signalling: DSCP 24 recommended, set on 1 of 2 directions of SIP
    connections; seen 0 in 1, 24 in 1
  - one-way audio: flow 1, 10.1.0.5 -> 10.0.0.11, only the initiator is heard
    (990 packets in 10.0s); a call on hold looks the same
  - most lost: flow 1, 10.1.0.5 -> 10.0.0.11, from the initiator: x-msrta (114),
    audio: 1.0% of 1000 packets lost, 1.5ms jitter
";
        assert_eq!(told(80, evidence::media(&call)), expected);
        assert!(told(200, evidence::media(&call)).contains("loss p50"));
    }

    #[test]
    fn without_media_that_is_said() {
        assert!(told(80, Evidence::default()).starts_with("\nMEDIA\n  - no payload proves media\n"));
        let framed = told(80, evidence::media(&[]));
        assert!(framed.starts_with("\nMEDIA  proven in 1 flow\n") && !framed.contains("medium"), "{framed}");
    }
}
