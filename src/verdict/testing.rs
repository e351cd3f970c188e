//! Flows for tests: who talks to whom, and what their payload is said to have proved.
//!
//! In: sockets as text, evidence as protocols and facts. Out: judged flows. Must not know: captures.

use crate::catalog::{Catalogs, Site};
use crate::evidence::{
    Alert, ClientCertificate, Details, Evidence, Media, Protocol, Seen, Sighting, Speaker, Tls, Version,
};
use crate::flow::{Counters, Flow, Flows, FrameId};
use crate::net::{Address, Both, Endpoint, FiveTuple, Transport};
use crate::topology::Topology;

use super::{Considered, Judge, Judged, Proof};

/// A pool with a host of most roles.
pub(crate) const POOL: &str = r#"
deployment.internal = ["10.0.0.0/8"]
host = [
    { name = "fe01", addresses = ["10.0.0.11"], roles = ["front-end"] },
    { name = "fe02", addresses = ["10.0.0.12"], roles = ["front-end", "mediation"] },
    { name = "med01", addresses = ["10.0.0.13"], roles = ["mediation"] },
    { name = "sql01", addresses = ["10.0.0.14"], roles = ["sql"] },
    { name = "um01", addresses = ["10.0.0.15"], roles = ["exchange-um"] },
    { name = "gw01", addresses = ["10.0.0.16"], roles = ["pstn-gateway"] },
    { name = "edge01", addresses = ["10.0.0.17"], roles = ["edge"] },
    { name = "dc01", addresses = ["10.0.0.18"], roles = ["domain-controller"] },
]
network = [
    { name = "desks", addresses = ["10.1.0.0/16"], roles = ["client"] },
    { name = "phones", addresses = ["10.2.0.0/16"], roles = ["phone"] },
]
"#;

/// A topology and the catalogs that are on.
pub(crate) struct Scene {
    topology: Topology,
    catalogs: Catalogs,
}

impl Scene {
    pub(crate) fn new(topology: &str, overlays: &[&str]) -> Self {
        let overlays: Vec<_> = overlays.iter().map(|&name| name.to_owned()).collect();
        Self {
            topology: Topology::parse("test", topology).unwrap(),
            catalogs: Catalogs::new(&overlays, Vec::new(), &Site::default()).unwrap(),
        }
    }

    /// A judge that knows no other flow: the first packet's sender opened each.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge::new(&Flows::default(), &self.catalogs, &self.topology)
    }

    /// Does something with the judged flow.
    pub(crate) fn with<T>(&self, flow: &Flow<Evidence>, look: impl FnOnce(&Judge<'_>, &Judged<'_>) -> T) -> T {
        let judge = self.judge();
        look(&judge, &judge.judge(0, flow))
    }

    /// "documented verified S03 C06", "contradicted SSH…": verdict, proof, how it is contradicted, rows.
    pub(crate) fn told(&self, flow: &Flow<Evidence>) -> String {
        self.with(flow, |_, judged| {
            let rows: Vec<_> = judged.rows.iter().map(|row| &*row.id).collect();
            let proof = judged.proof.map_or("-", Proof::as_str);
            let how = judged.contradiction.map(|how| format!(" {how:?}")).unwrap_or_default();
            format!("{} {proof}{how} {}", judged.verdict.as_str(), rows.join(" ")).trim_end().to_owned()
        })
    }

    /// "S39: in a media range but the payload is http".
    pub(crate) fn misses(&self, flow: &Flow<Evidence>) -> Vec<String> {
        self.with(flow, |_, judged| {
            judged.near_misses.iter().map(|miss| format!("{}: {}", miss.row.id, judged.why(miss))).collect()
        })
    }

    pub(crate) fn reasons(&self, flow: &Flow<Evidence>) -> Vec<String> {
        self.with(flow, |judge, judged| super::reasons(judge, flow, judged))
    }

    /// Of every row considered, what `tell` says.
    pub(crate) fn considered(&self, flow: &Flow<Evidence>, tell: impl Fn(&Considered<'_>) -> String) -> Vec<String> {
        self.judge().considered(0, flow).iter().map(tell).collect()
    }
}

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { address: Address::from(socket.ip()), port: socket.port() }
}

fn flow(transport: Transport, from: &str, to: &str, state: Evidence) -> Flow<Evidence> {
    let tuple = FiveTuple { source: end(from), destination: end(to), transport };
    let sent = |packets| Counters { packets, ..Counters::default() };
    let counters = Both { forward: sent(3), reverse: sent(2) };
    let seconds = (1_772_438_400_000_000_000, 1_772_438_401_000_000_000);
    let mut flow = Flow::stated(tuple, counters, seconds, state);
    flow.first_frame = FrameId { file: 0, number: 12 };
    flow
}

pub(crate) fn tcp(from: &str, to: &str, state: Evidence) -> Flow<Evidence> {
    flow(Transport::Tcp, from, to, state)
}

pub(crate) fn udp(from: &str, to: &str, state: Evidence) -> Flow<Evidence> {
    flow(Transport::Udp, from, to, state)
}

const fn seen(protocol: Protocol, speaker: Speaker, version: Option<Version>) -> Option<Seen> {
    Some(Seen { what: Sighting { protocol, speaker, version }, after: Some(3) })
}

/// The same flow without what the responder sent.
pub(crate) fn unanswered(flow: &Flow<Evidence>) -> Flow<Evidence> {
    let counters = Both { forward: flow.counters().forward, reverse: Counters::default() };
    let seconds = (flow.first_seen.0, flow.last_seen.0);
    Flow::stated(flow.tuple, counters, seconds, flow.state.clone())
}

/// Nothing was seen.
pub(crate) fn nothing() -> Evidence {
    Evidence::default()
}

/// The initiator asks and the responder answers in this protocol.
pub(crate) fn spoken(protocol: Protocol) -> Evidence {
    spoken_with(protocol, None, None)
}

pub(crate) fn spoken_with(protocol: Protocol, version: Option<Version>, details: Option<Details>) -> Evidence {
    let seen = |speaker| seen(protocol, speaker, version);
    Evidence::proven(Both { forward: seen(Speaker::Initiator), reverse: seen(Speaker::Responder) }, details)
}

/// The ends say different things.
pub(crate) fn differing(forward: Protocol, reverse: Protocol) -> Evidence {
    Evidence::proven(
        Both { forward: seen(forward, Speaker::Initiator, None), reverse: seen(reverse, Speaker::Responder, None) },
        None,
    )
}

/// TLS 1.2, of which so much is known.
pub(crate) fn tls(client_certificate: Option<ClientCertificate>) -> Evidence {
    let tolerated = client_certificate == Some(ClientCertificate::Empty);
    tls_with(Tls { version: Some(0x0303), client_certificate, tolerated, ..Tls::default() })
}

pub(crate) fn tls_with(tls: Tls) -> Evidence {
    spoken_with(Protocol::Tls, None, Some(Details::Tls(Box::new(tls))))
}

/// The server ends the handshake.
pub(crate) fn broken_off(client_certificate: ClientCertificate) -> Evidence {
    let alert = Some(Alert { from: Speaker::Responder, fatal: true, description: 40 });
    tls_with(Tls { version: Some(0x0303), client_certificate: Some(client_certificate), alert, ..Tls::default() })
}

/// RTP of these payload types; of none, ICE's STUN alone. The end that began speaks, or both.
pub(crate) fn media(payload_types: &[u8]) -> Evidence {
    let protocol = if payload_types.is_empty() { Protocol::Stun } else { Protocol::Rtp };
    media_as(protocol, payload_types, true)
}

pub(crate) fn media_as(protocol: Protocol, payload_types: &[u8], both: bool) -> Evidence {
    let types = payload_types.iter().fold(0, |types, &n| types | 1 << n);
    let media = Media {
        stun: protocol == Protocol::Stun,
        turn: protocol == Protocol::MsTurn,
        payload_types: types,
        ..Media::default()
    };
    let end = seen(protocol, Speaker::Either, None);
    Evidence::proven(Both { forward: end, reverse: end.filter(|_| both) }, Some(Details::Media(Box::new(media))))
}

pub(crate) fn dhcp(lync: Option<bool>) -> Evidence {
    spoken_with(Protocol::Dhcp, None, Some(Details::Dhcp { lync }))
}
