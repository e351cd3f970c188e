//! Flows with payload that was proven, for the tests of this stage.
//!
//! In: what a test says was seen. Out: [`Evidence`], streams, a [`Reading`].
//! Must not know: how anything is recognised or counted.

use std::sync::Arc;

use crate::catalog::{Catalogs, Site};
use crate::evidence::{Certificate, ClientCertificate, Evidence, Stream, Tls};
use crate::flow::{Counters, Flow, Flows, FrameId, Handshake, Marks};
use crate::net::{Both, Direction, Endpoint, FiveTuple, Timestamp, Transport};
use crate::reading::{Reading, Stats};
use crate::topology::Topology;

/// 2026-03-02T08:00:00Z.
pub(super) const START: i64 = 1_772_438_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Evidence of one kind or another.
pub(super) mod evidence {
    use super::{Direction, Evidence, Stream, Tls};
    use crate::evidence::{Details, Media, Protocol, Seen, Sighting, Speaker};
    use crate::net::Both;

    fn seen(protocol: Protocol, speaker: Speaker, after: u32) -> Option<Seen> {
        Some(Seen { what: Sighting::of(protocol, speaker), after: Some(after) })
    }

    /// TLS, whose client sent the first packet.
    pub(in crate::report) fn tls(tls: Tls) -> Evidence {
        let (client, server) = (Speaker::Initiator, Speaker::Responder);
        let both = Both { forward: seen(Protocol::Tls, client, 3), reverse: seen(Protocol::Tls, server, 4) };
        Evidence::proven(both, Some(Details::Tls(Box::new(tls))))
    }

    /// An endpoint mapper that names these ports.
    pub(in crate::report) fn announced(ports: &[u16]) -> Evidence {
        let both = Both { forward: None, reverse: seen(Protocol::Rpc, Speaker::Responder, 4) };
        Evidence::proven(both, Some(Details::Announced(ports.to_vec())))
    }

    /// RTP, in the directions of these streams.
    pub(in crate::report) fn media(streams: &[Stream]) -> Evidence {
        let has = |direction| streams.iter().any(|stream| stream.direction == direction);
        let rtp = |direction| has(direction).then(|| seen(Protocol::Rtp, Speaker::Either, 2)).flatten();
        let both = Both { forward: rtp(Direction::Forward), reverse: rtp(Direction::Reverse) };
        let media = Media { streams: streams.to_vec(), ..Media::default() };
        Evidence::proven(both, Some(Details::Media(Box::new(media))))
    }
}

/// Mutual TLS 1.2, its handshake seen to the end.
pub(super) fn tls() -> Tls {
    let certificate = |name: &str| Certificate {
        subject: format!("CN={name}"),
        issuer: "CN=Contoso CA,DC=contoso,DC=local".to_owned(),
        alternative_names: vec![name.to_owned(), "sip.contoso.local".to_owned()],
        not_before: Timestamp(1_735_689_600 * SECOND),
        not_after: Timestamp(1_798_761_600 * SECOND),
    };
    Tls {
        offered: Some(0x0303),
        version: Some(0x0303),
        server_name: Some("fe01.contoso.local".to_owned()),
        cipher_suite: Some(0xc028),
        client_certificate: Some(ClientCertificate::Presented),
        server: Some(Arc::new(certificate("fe01.contoso.local"))),
        client: Some(Arc::new(certificate("pool01.contoso.local"))),
        ..Tls::default()
    }
}

/// A stream of ten seconds, its jitter 1.5 ms, marked EF.
pub(super) fn stream(direction: Direction, payload_type: u8, packets: u64, lost: u64) -> Stream {
    let span = (Timestamp(START), Timestamp(START + 10 * SECOND));
    changed(Stream::example(direction, payload_type, packets, lost, span), |stream| {
        stream.reordered = 1;
        stream.dscp = 1 << 46;
    })
}

/// The same stream in some other way.
pub(super) fn changed(mut stream: Stream, change: impl FnOnce(&mut Stream)) -> Stream {
    change(&mut stream);
    stream
}

/// One flow of a test: transport, who sent first, who answered (or did not), what was proven.
pub(super) type Spec<'a> = (Transport, &'a str, &'a str, bool, Evidence);

/// Flows of a packet or two, in a capture of ten seconds.
pub(super) fn reading(specs: &[Spec<'_>]) -> Reading {
    let flows: Flows<Evidence> = (1..).zip(specs).map(|(number, spec)| flow(number, spec)).collect();
    let mut stats = Stats::default();
    stats.packets = flows.iter().map(Flow::packets).sum();
    stats.frames = stats.packets;
    stats.span = Some((Timestamp(START), Timestamp(START + 10 * SECOND)));
    Reading { flows, stats, files: Vec::new(), damage: Vec::new() }
}

fn flow(number: u64, (transport, from, to, answered, evidence): &Spec<'_>) -> Flow<Evidence> {
    let one = |packets| Counters { packets, bytes: 60 * packets, payload_bytes: 6 * packets };
    let mut handshake = Handshake::default();
    if *transport == Transport::Tcp {
        handshake.marks.forward = Marks::SYN;
        handshake.marks.reverse = if *answered { Marks::SYN_ACK } else { Marks::default() };
    }
    let tuple = FiveTuple { transport: *transport, source: endpoint(from), destination: endpoint(to) };
    let counters = Both { forward: one(1), reverse: one(u64::from(*answered)) };
    let mut flow = Flow::stated(tuple, counters, (START, START + 10 * SECOND), evidence.clone());
    flow.first_frame = FrameId { file: 0, number: 10 * number };
    flow.handshake = handshake;
    flow.dscp = Both { forward: 24, reverse: 0 };
    flow
}

fn endpoint(text: &str) -> Endpoint {
    let at: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { address: at.ip().into(), port: at.port() }
}

/// The document alone, and a Front End at 10.0.0.11.
pub(super) fn deployment() -> (Catalogs, Topology) {
    let mut topology = Topology::default();
    topology.declare("10.0.0.11=front-end").unwrap();
    (Catalogs::new(&[], Vec::new(), &Site::default()).unwrap(), topology)
}

/// What the schema says against `record` as its definition `name`.
pub(super) fn complaints(name: &str, record: &impl serde::Serialize) -> Vec<String> {
    let schema: serde_json::Value = serde_json::from_str(include_str!("schema.json")).unwrap();
    let root =
        serde_json::json!({"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}")});
    let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
    let value = serde_json::to_value(record).unwrap();
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
