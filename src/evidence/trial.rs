//! A UDP flow until it is known what it is.
//!
//! In: its datagrams, one by one. Out: [`Step`]: it goes on, it is known, or it is media and to be counted from now on.
//! Must not know: TCP, ports, rows.

use super::facts::Details;
use super::media::Media;
use super::protocol::{Probe, Protocol, Sighting, Speaker};
use super::signature::framing::{self, Content};
use super::signature::rtp::Proof;
use super::signature::{DATAGRAM, Datagram, FURTHER, text};
use crate::decode::Packet;
use crate::net::{Both, Direction};

/// Datagrams looked at while nothing is recognised.
const TRIED: u8 = 16;

/// Datagrams looked at after one direction is recognised and the other is not.
const AWAITED: u8 = 8;

/// RTP packets in a row that are enough ([`Proof::rtp`]).
const ENOUGH: u8 = 3;

/// TCP ports remembered of what one flow announces.
const PORTS: usize = 64;

/// What was seen of a UDP flow that is not known yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    /// Datagrams with payload; those after something was recognised.
    seen: u8,
    awaited: u8,
    /// What the first datagram of each direction looks like.
    nature: Both<Option<Protocol>>,
    proof: Both<Proof>,
    /// What looks like media so far, so that its streams are counted from their first packet.
    media: Option<Box<Media>>,
    details: Option<Details>,
}

/// What one datagram changed.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing yet that ends the trial.
    Open,
    /// It is known, or will not be: nothing more is read of it.
    Settled,
    /// It is media: every further packet is to be shown to [`Media::observe`].
    Media(Box<Media>),
}

impl Trial {
    /// Bytes of heap held.
    pub(super) fn held(&self) -> usize {
        self.media.as_ref().map_or(0, |media| size_of::<Media>() + media.held())
    }

    /// Looks at one datagram; `seen` is what each direction is known to say.
    pub(super) fn observe(
        &mut self,
        seen: &mut Both<Option<Sighting>>,
        direction: Direction,
        packet: &Packet<'_>,
    ) -> Step {
        if packet.payload.is_empty() {
            return Step::Open;
        }
        let length = packet.payload.len().max(packet.payload_length as usize);
        let datagram = Datagram { bytes: packet.payload, length };
        self.nature.of_mut(direction).get_or_insert_with(|| text::kind(packet.payload));
        self.seen = self.seen.saturating_add(1);
        let certain = DATAGRAM.iter().find_map(|(_, probe)| match probe(datagram) {
            Probe::Certain(sighting) => Some(sighting),
            Probe::Unsure(_) | Probe::NotMe => None,
        });
        let recognised = seen.forward.is_some() || seen.reverse.is_some();
        match certain {
            Some(sighting) => {
                seen.of_mut(direction).get_or_insert(sighting);
                if sighting.protocol.is_media() {
                    return self.media(direction, packet);
                }
                self.further(sighting.protocol, datagram);
            }
            None if !recognised => {
                if let Some(protocol) = self.proves_media(direction, packet, datagram) {
                    *seen.of_mut(direction) = Some(Sighting::of(protocol, Speaker::Either));
                    return Step::Media(self.media.take().unwrap_or_default());
                }
            }
            None => {}
        }
        self.awaited = self.awaited.saturating_add(u8::from(recognised));
        let both = seen.forward.is_some() && seen.reverse.is_some();
        let in_vain = self.seen >= TRIED && !recognised && certain.is_none();
        if both || self.awaited >= AWAITED || in_vain { Step::Settled } else { Step::Open }
    }

    /// It is media: this datagram is the first that is counted for certain.
    fn media(&mut self, direction: Direction, packet: &Packet<'_>) -> Step {
        let mut media = self.media.take().unwrap_or_default();
        media.observe(direction, packet);
        Step::Media(media)
    }

    /// Counts what looks like RTP or RTCP; which of them is certain with this packet.
    fn proves_media(&mut self, direction: Direction, packet: &Packet<'_>, datagram: Datagram<'_>) -> Option<Protocol> {
        let content = framing::content(datagram)?;
        self.media.get_or_insert_default().observe(direction, packet);
        let proof = self.proof.of_mut(direction);
        match content {
            Content::Rtp(header) => (proof.rtp(&header) >= ENOUGH).then_some(Protocol::Rtp),
            Content::Rtcp(ssrc) => proof.rtcp(ssrc, digest(datagram.bytes)).then_some(Protocol::Rtcp),
            Content::Stun(_) => None,
        }
    }

    /// Reads what one datagram of a known protocol says beyond its name.
    fn further(&mut self, protocol: Protocol, datagram: Datagram<'_>) {
        let read = FURTHER.iter().find(|(known, _)| *known == protocol);
        if let Some(more) = read.and_then(|(_, read)| read(datagram)) {
            self.merge(more);
        }
    }

    fn merge(&mut self, more: Details) {
        match (&mut self.details, more) {
            (Some(Details::Announced(ports)), Details::Announced(more)) => {
                for port in more {
                    if ports.len() < PORTS && !ports.contains(&port) {
                        ports.push(port);
                    }
                }
            }
            // One message of a Lync client is enough, and one of another does not take it back.
            (Some(Details::Dhcp { lync }), Details::Dhcp { lync: more }) => {
                *lync = if more == Some(true) { more } else { lync.or(more) };
            }
            (details @ None, Details::Announced(mut ports)) => {
                ports.truncate(PORTS);
                *details = Some(Details::Announced(ports));
            }
            (details @ None, more) => *details = Some(more),
            (Some(_), _) => {}
        }
    }

    /// What is known in the end, or when the trial is settled; `seen` gets text or unknown binary where nothing was recognised.
    pub(super) fn conclude(self, seen: &mut Both<Option<Sighting>>) -> Option<Details> {
        for direction in [Direction::Forward, Direction::Reverse] {
            if let Some(nature) = *self.nature.of(direction) {
                seen.of_mut(direction).get_or_insert(Sighting::of(nature, Speaker::Either));
            }
        }
        self.details
    }
}

/// FNV-1a: tells a datagram from one that was captured twice.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, &byte| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::Direction::{Forward, Reverse};
    use super::*;
    use crate::evidence::media::packet;
    use crate::evidence::noise::Noise;
    use crate::evidence::signature::{ms_turn, rtp, stun};

    type Seen = Both<Option<Sighting>>;

    /// A flow on trial, fed datagram by datagram.
    #[derive(Default)]
    struct Feed {
        trial: Trial,
        seen: Seen,
    }

    impl Feed {
        fn datagram(&mut self, direction: Direction, payload: &[u8]) -> Step {
            self.trial.observe(&mut self.seen, direction, &packet(0, payload))
        }

        /// Datagrams that change nothing.
        fn open(&mut self, direction: Direction, payload: &[u8]) -> &mut Self {
            let step = self.datagram(direction, payload);
            assert!(matches!(step, Step::Open), "{step:?} at {payload:02x?}");
            self
        }

        fn media(&mut self, direction: Direction, payload: &[u8]) -> Media {
            match self.datagram(direction, payload) {
                Step::Media(media) => *media,
                step => panic!("{step:?} at {payload:02x?}"),
            }
        }
    }

    fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, 104];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((u32::from(sequence) * 320).to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.resize(60, 0x5a);
        bytes
    }

    fn sample(of: &[(&str, &'static [u8])], name: &str) -> &'static [u8] {
        of.iter().find(|(known, _)| *known == name).unwrap().1
    }

    const fn either(protocol: Protocol) -> Option<Sighting> {
        Some(Sighting::of(protocol, Speaker::Either))
    }

    #[test]
    fn stun_is_media_at_once() {
        let mut feed = Feed::default();
        let media = feed.media(Reverse, sample(stun::SAMPLES, "udp Lync ICE request"));
        assert!(media.stun && media.streams.is_empty());
        assert_eq!(feed.seen, Both { forward: None, reverse: either(Protocol::Stun) });
        let mut feed = Feed::default();
        let media = feed.media(Forward, sample(ms_turn::SAMPLES, "udp allocate"));
        assert!(media.turn && !media.stun);
        assert_eq!(feed.seen.forward, Some(Sighting::of(Protocol::MsTurn, Speaker::Initiator)));
    }

    #[test]
    fn three_packets_of_a_stream_are_media_and_all_of_them_count() {
        let mut feed = Feed::default();
        feed.open(Forward, &rtp(1, 7)).open(Reverse, &rtp(40, 8)).open(Forward, &rtp(2, 7));
        let media = feed.media(Forward, &rtp(3, 7));
        assert_eq!(feed.seen, Both { forward: either(Protocol::Rtp), reverse: None });
        let counted: Vec<_> = media.streams.iter().map(|s| (s.direction, s.ssrc, s.packets)).collect();
        assert_eq!(counted, [(Forward, 7, 3), (Reverse, 8, 1)]);
        assert_eq!(media.sighting(Reverse), either(Protocol::Rtp), "beside a proven one");
    }

    #[test]
    fn what_only_looks_like_rtp_is_not_media() {
        // The same packet again, another source each time, steps too large.
        let same = |_| rtp(1, 7);
        let strangers = |n: u16| rtp(n, u32::from(n));
        let leaps = |n: u16| rtp(n * 65, 7);
        for datagrams in [same as fn(u16) -> Vec<u8>, strangers, leaps] {
            let mut feed = Feed::default();
            for n in 1..u16::from(TRIED) {
                feed.open(Forward, &datagrams(n));
            }
            assert!(matches!(feed.datagram(Forward, &datagrams(16)), Step::Settled));
            let Feed { trial, mut seen } = feed;
            assert!(trial.conclude(&mut seen).is_none());
            assert_eq!(seen, Both { forward: either(Protocol::UnknownBinary), reverse: None });
        }
    }

    #[test]
    fn one_packet_after_stun_is_enough() {
        let mut feed = Feed::default();
        feed.open(Forward, &rtp(1, 7));
        let mut media = feed.media(Reverse, sample(stun::SAMPLES, "udp RFC 5769 request"));
        assert_eq!(media.streams.len(), 1, "the one before is not forgotten");
        media.observe(Reverse, &packet(0, &rtp(1, 9)));
        assert_eq!(media.streams.len(), 2);
        assert_eq!((media.sighting(Forward), media.sighting(Reverse)), (either(Protocol::Rtp), either(Protocol::Rtp)));
    }

    #[test]
    fn two_reports_of_one_sender_are_rtcp() {
        let report = sample(rtp::SAMPLES, "udp RTCP sender report");
        let mut feed = Feed::default();
        feed.open(Forward, report).open(Reverse, sample(rtp::SAMPLES, "udp RTCP receiver report"));
        // Captured twice it is still one.
        feed.open(Forward, report);
        let later = [&report[..8], &[0xee; 8], &report[16..]].concat();
        let media = feed.media(Forward, &later);
        assert!(media.rtcp && media.streams.is_empty());
        assert_eq!(feed.seen, Both { forward: either(Protocol::Rtcp), reverse: None });
        assert_eq!(media.sighting(Reverse), either(Protocol::Rtcp));
    }

    #[test]
    fn nothing_recognised_ends_as_text_or_unknown() {
        let mut feed = Feed::default();
        feed.open(Forward, b"hello, world\r\n").open(Forward, b"\x00\x01").open(Reverse, b"").open(Reverse, b"\x02");
        let Feed { trial, mut seen } = feed;
        assert!(trial.conclude(&mut seen).is_none());
        assert_eq!(seen, Both { forward: either(Protocol::Text), reverse: either(Protocol::UnknownBinary) });
        let mut seen = Seen::default();
        assert!(Trial::default().conclude(&mut seen).is_none());
        assert_eq!(seen, Seen::default(), "no payload, no nature");
    }

    #[test]
    fn a_known_protocol_settles_it() {
        let known = either(Protocol::Dns);
        // As the signatures would have it: the first direction is known, and eight more datagrams bring no other.
        let mut feed = Feed { seen: Both { forward: known, reverse: None }, ..Feed::default() };
        for _ in 1..AWAITED {
            feed.open(Forward, b"\x00\x00\x00");
        }
        assert!(matches!(feed.datagram(Forward, b"\x00\x00\x00"), Step::Settled));
        let mut feed = Feed { seen: Both { forward: known, reverse: known }, ..Feed::default() };
        assert!(matches!(feed.datagram(Forward, b"\x00\x00\x00"), Step::Settled));
        // What looks like RTP is not looked at then.
        let mut feed = Feed { seen: Both { forward: known, reverse: None }, ..Feed::default() };
        feed.open(Reverse, &rtp(1, 7)).open(Reverse, &rtp(2, 7)).open(Reverse, &rtp(3, 7));
    }

    #[test]
    fn further_facts_are_merged() {
        let mut trial = Trial::default();
        trial.merge(Details::Announced(vec![1433, 50_100]));
        trial.merge(Details::Announced(vec![50_100, 50_200]));
        trial.merge(Details::Dhcp { lync: Some(true) });
        let ports = |details: Option<Details>| match details {
            Some(Details::Announced(ports)) => ports,
            other => panic!("{other:?}"),
        };
        assert_eq!(ports(trial.conclude(&mut Seen::default())), [1433, 50_100, 50_200]);
        let mut trial = Trial::default();
        trial.merge(Details::Announced((0..500).collect()));
        trial.merge(Details::Announced((500..600).collect()));
        assert_eq!(ports(trial.conclude(&mut Seen::default())).len(), PORTS);

        for (answers, expected) in [
            (&[None, Some(false), Some(true), Some(false), None][..], Some(true)),
            (&[None, Some(false), None], Some(false)),
            (&[None, None], None),
        ] {
            let mut trial = Trial::default();
            answers.iter().for_each(|&lync| trial.merge(Details::Dhcp { lync }));
            let details = trial.conclude(&mut Seen::default());
            assert!(matches!(details, Some(Details::Dhcp { lync }) if lync == expected), "{answers:?} {details:?}");
        }
    }

    #[test]
    fn noise_is_no_media() {
        let mut noise = Noise::new(0xdead_0bad_f00d_0001);
        for _ in 0..1_000 {
            let mut feed = Feed::default();
            loop {
                let length = 1 + noise.below(90);
                let bytes: Vec<u8> = noise.bytes(length);
                let direction = if noise.next() & 1 == 0 { Forward } else { Reverse };
                match feed.datagram(direction, &bytes) {
                    Step::Open => {}
                    Step::Settled => break,
                    Step::Media(media) => panic!("{media:?}"),
                }
            }
        }
    }
}
