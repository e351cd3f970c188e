//! Media quality: what the RTP streams of all flows show of loss, jitter, marking and ways that stay silent.
//!
//! In: judged flows whose payload proves media. Out: [`MediaRecord`]: figures by medium, marking, one-way audio, the
//! worst streams. Must not know: findings, formats.
//!
//! DSCP values recommended for Lync: audio 46 (EF), video 34 (AF41), SIP signalling 24 (CS3). For application sharing and
//! file transfer none is: their marking is only told. (Names: RFC 3246, RFC 2597, RFC 2474 §4.2.2.)

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::fitness::silence;
use super::room::Room;
use super::services::{Lazy, Spread};
use crate::evidence::{Evidence, Medium, Stream, medium};
use crate::flow::Flow;
use crate::net::{Address, Direction};
use crate::reading::Reading;
use crate::report::flows::host;
use crate::report::media::{LEAST_PACKETS, StreamRecord, dscp_values, medium_name, ratio, streams};
use crate::report::text::plural;
use crate::topology::hash::FastSet;
use crate::verdict::{Judge, Judged, Verdict};

/// The media of a capture.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct MediaRecord {
    pub flows: u64,
    pub untracked_packets: u64,
    pub by_medium: Vec<MediumRecord>,
    pub dscp: Vec<DscpRecord>,
    pub one_way_audio: Vec<OneWay>,
    pub worst: Vec<WorstStream>,
    /// What the capture itself may have made of it, one sentence each.
    pub limits: Vec<String>,
}

/// The streams of one medium.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct MediumRecord {
    pub medium: &'static str,
    pub streams: u64,
    pub packets: u64,
    pub lost: u64,
    pub lost_ratio: Option<f64>,
    pub reordered: u64,
    pub duplicates: u64,
    pub jitter_s: Option<Spread>,
    pub stream_lost_ratio: Option<Spread>,
}

/// How one kind of traffic is marked.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct DscpRecord {
    pub traffic: &'static str,
    pub recommended: Option<u8>,
    pub streams: u64,
    pub as_recommended: u64,
    pub seen: Vec<DscpCount>,
}

/// Streams that carry a DSCP value; one that changes its value counts under each.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct DscpCount {
    pub dscp: u8,
    pub streams: u64,
}

/// Audio that goes one way although the other way could be seen.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct OneWay {
    pub flow: u64,
    pub initiator: String,
    pub responder: String,
    pub from: &'static str,
    pub packets: u64,
    pub duration_s: f64,
}

/// A stream that lost much.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct WorstStream {
    pub flow: u64,
    pub initiator: String,
    pub responder: String,
    #[serde(flatten)]
    pub stream: StreamRecord,
}

/// Kinds of traffic that a DSCP value may be recommended for.
const TRAFFIC: [(&str, Option<u8>); 4] =
    [("audio", Some(46)), ("video", Some(34)), ("data", None), ("signalling", Some(24))];
const SIGNALLING: usize = 3;

/// Audio that goes one way for longer is worth a look.
const ONE_WAY_NS: i64 = 5_000_000_000;
/// So many of the worst streams are named.
const WORST: usize = 5;

#[derive(Clone, Default)]
struct OfMedium {
    streams: u64,
    packets: u64,
    lost: u64,
    expected: u64,
    reordered: u64,
    duplicates: u64,
    jitter: Lazy,
    loss: Lazy,
}

#[derive(Clone, Default)]
struct Marking {
    streams: u64,
    as_recommended: u64,
    seen: BTreeMap<u8, u64>,
}

/// What is gathered flow by flow.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    flows: u64,
    untracked: u64,
    media: BTreeMap<Medium, OfMedium>,
    marking: [Marking; TRAFFIC.len()],
    /// Who sent audio to whom.
    audio: BTreeSet<(Address, Address)>,
    /// Audio one way, with its sender and its silent receiver.
    one_way: Vec<(Address, Address, OneWay)>,
    worst: Vec<WorstStream>,
    /// Who sent anything, in flows that are gone.
    sent_before: FastSet<Address>,
    room: Room,
}

impl Gathered {
    pub(super) fn within(room: Room) -> Self {
        Self { room, ..Self::default() }
    }

    /// Keeps of a flow that is about to go what [`Gathered::finish`] asks the flows themselves.
    pub(super) fn keep(&mut self, flow: &Flow<Evidence>) {
        for (_, from) in senders(flow) {
            if !self.sent_before.contains(&from) && self.room.take() {
                self.sent_before.insert(from);
            }
        }
    }

    pub(super) const fn room(&self) -> Room {
        self.room
    }

    pub(super) fn count(&mut self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'_>) {
        for (direction, _) in senders(flow) {
            self.count_signalling(flow, judged, direction);
        }
        let Some(media) = flow.state.media() else { return };
        self.flows += 1;
        self.untracked = self.untracked.saturating_add(media.untracked);
        let records = streams(&flow.state, judged.initiator);
        for (stream, record) in media.streams.iter().zip(records) {
            self.count_stream(stream);
            if stream.packets >= LEAST_PACKETS && record.lost > 0 {
                let (initiator, responder) = ends(judged);
                self.worst.push(WorstStream { flow: index as u64 + 1, initiator, responder, stream: record });
            }
        }
        self.trim();
        self.count_ways(index, flow, &media.streams, judged);
    }

    fn count_stream(&mut self, stream: &Stream) {
        let medium = medium(stream.payload_type);
        if let (Some(marking), Some(&(_, recommended))) =
            (self.marking.get_mut(medium as usize), TRAFFIC.get(medium as usize))
        {
            marking.count(stream.dscp, recommended);
        }
        let of = self.media.entry(medium).or_default();
        let (lost, expected) = (stream.lost(), stream.expected());
        of.streams += 1;
        of.packets = of.packets.saturating_add(stream.packets);
        of.reordered = of.reordered.saturating_add(u64::from(stream.reordered));
        of.duplicates = of.duplicates.saturating_add(u64::from(stream.duplicates));
        of.lost = of.lost.saturating_add(lost);
        of.expected = of.expected.saturating_add(expected);
        if stream.packets < LEAST_PACKETS {
            return;
        }
        if let Some(jitter) = stream.jitter_ns() {
            of.jitter.record(jitter / 1000, 1);
        }
        if let Some(share) = ratio(lost, expected) {
            of.loss.record((share * MILLION) as u64, 1);
        }
    }

    /// Each way of a documented SIP connection that carries payload is a stream of signalling, marked as its latest packet is.
    fn count_signalling(&mut self, flow: &Flow<Evidence>, judged: &Judged<'_>, direction: Direction) {
        let sip = judged.rows.first().is_some_and(|row| row.application == "sip");
        // Probes of a load balancer open and close, and say nothing.
        let spoke = flow.counters.of(direction).payload_bytes > 0;
        if !sip || !spoke || judged.verdict != Verdict::Documented {
            return;
        }
        if let (Some(marking), Some(&(_, recommended))) = (self.marking.get_mut(SIGNALLING), TRAFFIC.get(SIGNALLING)) {
            marking.count(1 << flow.dscp.of(direction), recommended);
        }
    }

    /// Notes who sent audio to whom, and whether only one end did.
    fn count_ways(&mut self, index: usize, flow: &Flow<Evidence>, streams: &[Stream], judged: &Judged<'_>) {
        let of = |direction| streams.iter().filter(move |stream: &&Stream| stream.direction == direction);
        for direction in [Direction::Forward, Direction::Reverse] {
            let audio: Vec<_> = of(direction).filter(|stream| medium(stream.payload_type) == Medium::Audio).collect();
            let (Some(first), Some(last)) =
                (audio.iter().map(|stream| stream.first_seen).min(), audio.iter().map(|stream| stream.last_seen).max())
            else {
                continue;
            };
            let (from, to) = match direction {
                Direction::Forward => (flow.tuple.source.address, flow.tuple.destination.address),
                Direction::Reverse => (flow.tuple.destination.address, flow.tuple.source.address),
            };
            if !self.audio.contains(&(from, to)) && self.room.take() {
                self.audio.insert((from, to));
            }
            let one_way = last.since(first) > ONE_WAY_NS && of(direction.opposite()).next().is_none();
            if one_way && self.room.take() {
                let (initiator, responder) = ends(judged);
                let found = OneWay {
                    flow: index as u64 + 1,
                    initiator,
                    responder,
                    from: if direction == judged.initiator { "initiator" } else { "responder" },
                    packets: audio.iter().map(|stream| stream.packets).sum(),
                    duration_s: crate::report::text::seconds(last.since(first)),
                };
                self.one_way.push((from, to, found));
            }
        }
    }

    /// Keeps the worst streams only.
    fn trim(&mut self) {
        let share = |of: &WorstStream| of.stream.lost_ratio.unwrap_or_default();
        self.worst.sort_by(|a, b| share(b).total_cmp(&share(a)).then(a.flow.cmp(&b.flow)));
        self.worst.truncate(WORST);
    }

    pub(super) fn finish(self, reading: &Reading, judge: &Judge<'_>) -> MediaRecord {
        let Self { audio, one_way, sent_before, .. } = self;
        // Of those who were sent audio, who sent anything at all.
        let asked: BTreeSet<_> = one_way.iter().map(|&(_, to, _)| to).collect();
        let flows = reading.flows.iter().filter(|_| !asked.is_empty());
        let senders: BTreeSet<_> = flows
            .flat_map(senders)
            .map(|(_, from)| from)
            .chain(sent_before)
            .filter(|from| asked.contains(from))
            .collect();
        // A receiver that sends nothing anywhere, or mostly unseen, may only stand where the capture does not see it; one
        // that answers from another port is not silent.
        let silent = |(from, to, _): &(Address, Address, OneWay)| {
            senders.contains(to) && judge.hears(*to) && !audio.contains(&(*to, *from))
        };
        let marked = TRAFFIC.iter().zip(self.marking).filter(|(_, marking)| marking.streams > 0);
        MediaRecord {
            flows: self.flows,
            untracked_packets: self.untracked,
            limits: if self.media.is_empty() { Vec::new() } else { limits(reading, self.untracked) },
            by_medium: self.media.into_iter().map(|(medium, of)| of.finish(medium)).collect(),
            dscp: marked.map(|(&traffic, marking)| marking.finish(traffic)).collect(),
            one_way_audio: one_way.into_iter().filter(silent).map(|(.., found)| found).collect(),
            worst: self.worst,
        }
    }
}

const MILLION: f64 = 1e6;

impl OfMedium {
    fn finish(self, medium: Medium) -> MediumRecord {
        MediumRecord {
            medium: medium_name(medium),
            streams: self.streams,
            packets: self.packets,
            lost: self.lost,
            lost_ratio: ratio(self.lost, self.expected),
            reordered: self.reordered,
            duplicates: self.duplicates,
            jitter_s: self.jitter.spread(MILLION),
            stream_lost_ratio: self.loss.spread(MILLION),
        }
    }
}

impl Marking {
    /// Counts one stream by the mask of the values it carried.
    fn count(&mut self, mask: u64, recommended: Option<u8>) {
        self.streams += 1;
        self.as_recommended += u64::from(recommended.is_some_and(|value| mask == 1 << value));
        for value in dscp_values(mask) {
            *self.seen.entry(value).or_default() += 1;
        }
    }

    fn finish(self, (traffic, recommended): (&'static str, Option<u8>)) -> DscpRecord {
        let seen = self.seen.into_iter().map(|(dscp, streams)| DscpCount { dscp, streams }).collect();
        DscpRecord { traffic, recommended, streams: self.streams, as_recommended: self.as_recommended, seen }
    }
}

/// Directions in which something was sent, and by whom.
fn senders(flow: &Flow<Evidence>) -> impl Iterator<Item = (Direction, Address)> {
    let ends = [(Direction::Forward, flow.tuple.source), (Direction::Reverse, flow.tuple.destination)];
    let sent =
        ends.map(|(direction, end)| (flow.counters.of(direction).packets > 0).then_some((direction, end.address)));
    sent.into_iter().flatten()
}

fn ends(judged: &Judged<'_>) -> (String, String) {
    (host(&judged.oriented.initiator), host(&judged.oriented.responder))
}

/// What the capture itself makes look like loss.
fn limits(reading: &Reading, untracked: u64) -> Vec<String> {
    let stats = &reading.stats;
    let causes = [
        silence(stats).map(|silence| format!("it is silent for {silence}")),
        (!reading.damage.is_empty()).then(|| "it breaks off".to_owned()),
        reading.dropped().filter(|&n| n > 0).map(|n| format!("{} dropped while capturing", plural(n, "frame"))),
        (stats.clock_steps_back > 0)
            .then(|| format!("its clock steps back {}", plural(stats.clock_steps_back, "time"))),
    ];
    let causes: Vec<_> = causes.into_iter().flatten().collect();
    let gaps = (!causes.is_empty())
        .then(|| format!("the capture has gaps ({}): what it missed looks like loss", causes.join(", ")));
    let more = (untracked > 0).then(|| {
        format!("{} of further streams in crowded flows were counted, not measured", plural(untracked, "packet"))
    });
    gaps.into_iter().chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Timestamp, Transport};
    use crate::report::audit::Audit;
    use crate::report::testing::{START, changed, complaints, deployment, evidence, reading, stream};

    const FORWARD: Direction = Direction::Forward;
    const REVERSE: Direction = Direction::Reverse;

    fn audit(calls: &[(&str, &str, bool, &[Stream])]) -> MediaRecord {
        let mut flows: Vec<_> = (calls.iter())
            .map(|&(from, to, answered, streams)| (Transport::Udp, from, to, answered, evidence::media(streams)))
            .collect();
        flows.push((Transport::Tcp, "10.1.0.5:50123", "10.0.0.11:5061", true, Evidence::default()));
        let reading = reading(&flows);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let audit = Audit::new(&reading, &judge);
        assert_eq!(complaints("audit_media", &audit.media), [""; 0]);
        audit.media
    }

    #[test]
    fn traffic_stands_in_the_order_of_the_media() {
        let names = [Medium::Audio, Medium::Video, Medium::Data].map(|medium| (medium as usize, medium_name(medium)));
        for (index, name) in names {
            assert_eq!(TRAFFIC[index].0, name);
        }
        assert_eq!(TRAFFIC[SIGNALLING].0, "signalling");
    }

    #[test]
    fn figures_are_by_medium_and_distributions_of_long_streams() {
        let short = stream(FORWARD, 114, 9, 9);
        let call = [stream(FORWARD, 114, 990, 10), stream(REVERSE, 114, 500, 0), stream(FORWARD, 122, 400, 0)];
        let media = audit(&[
            ("10.1.0.5:50020", "10.0.0.11:49500", true, &call),
            ("10.1.0.6:50020", "10.0.0.11:49502", true, &[short]),
        ]);
        assert_eq!(media.flows, 2);
        let of = |i: usize| &media.by_medium[i];
        assert_eq!((of(0).medium, of(0).streams, of(0).packets, of(0).lost), ("audio", 3, 1499, 19));
        assert_eq!((of(1).medium, of(1).streams, of(1).lost_ratio), ("video", 1, Some(0.0)));
        assert_eq!(of(0).stream_lost_ratio, Some(Spread { count: 2, p50: 0.0, p95: 0.01, max: 0.01 }));
        assert_eq!(of(0).jitter_s.map(|jitter| (jitter.count, jitter.max)), Some((2, 0.0015)));
        assert!(
            matches!(&*media.worst, [one] if one.flow == 1 && one.stream.lost == 10 && one.responder == "10.0.0.11")
        );
    }

    #[test]
    fn marking_is_held_against_what_is_recommended() {
        let changing = changed(stream(REVERSE, 114, 500, 0), |stream| stream.dscp = 1 << 46 | 1);
        let call = [stream(FORWARD, 114, 500, 0), changing, stream(FORWARD, 127, 90, 0)];
        let media = audit(&[("10.1.0.5:50020", "10.0.0.11:49500", true, &call)]);
        let told: Vec<_> = (media.dscp.iter())
            .map(|of| (of.traffic, of.recommended, of.streams, of.as_recommended, of.seen.len()))
            .collect();
        // Of the SIP connection one way is marked 24, the other 0.
        assert_eq!(told, [("audio", Some(46), 2, 1, 2), ("data", None, 1, 0, 1), ("signalling", Some(24), 2, 1, 2)]);
    }

    #[test]
    fn one_way_audio_needs_a_silent_end_that_is_seen_to_speak() {
        let audio = stream(FORWARD, 114, 500, 0);
        let brief = changed(audio.clone(), |stream| stream.last_seen = Timestamp(START + 5_000_000_000));
        let video = stream(FORWARD, 122, 500, 0);
        let both = [audio.clone(), stream(REVERSE, 114, 500, 0)];
        let back = stream(FORWARD, 114, 400, 0);
        let one = |streams: &[Stream]| audit(&[("10.1.0.5:50020", "10.0.0.11:49500", false, streams)]).one_way_audio;
        let found = one(std::slice::from_ref(&audio));
        assert!(
            matches!(&*found, [one] if one.from == "initiator" && one.packets == 500 && one.flow == 1),
            "{found:?}"
        );
        assert!(one(&[brief]).is_empty() && one(&[video]).is_empty() && one(&both).is_empty());
        let unseen = audit(&[("10.1.0.5:50020", "10.1.0.9:49500", false, std::slice::from_ref(&audio))]);
        assert!(unseen.one_way_audio.is_empty(), "nothing of 10.1.0.9 is in the capture");
        let other_port = audit(&[
            ("10.1.0.5:50020", "10.0.0.11:49500", false, std::slice::from_ref(&audio)),
            ("10.0.0.11:49600", "10.1.0.5:50040", false, &[back]),
        ]);
        assert!(other_port.one_way_audio.is_empty(), "the answer takes another pair of ports");
    }

    #[test]
    fn what_looks_like_loss_is_said() {
        let mut reading = reading(&[(
            Transport::Udp,
            "10.1.0.5:50020",
            "10.0.0.11:49500",
            true,
            evidence::media(&[stream(FORWARD, 114, 500, 3)]),
        )]);
        assert_eq!(limits(&reading, 0), [""; 0]);
        reading.stats.clock_steps_back = 1;
        reading.stats.longest_gap = Some((90_000_000_000, Timestamp(START)));
        reading.stats.span = Some((Timestamp(START), Timestamp(START + 100_000_000_000)));
        let told = limits(&reading, 7);
        assert!(
            told[0].contains("1m30s of 1m40s, its clock steps back 1 time): what it missed looks like loss"),
            "{told:?}"
        );
        assert!(told[1].starts_with("7 packets of further streams"), "{told:?}");
    }
}
