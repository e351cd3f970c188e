//! What crosses a network while a test goes on, and what lyncap makes of it.
//!
//! In: a place, an interface. Out: the flows that were seen, each with what its payload proved.
//! Must not know: which servers there are, what they ought to be.

use std::fmt;
use std::path::PathBuf;

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::evidence::{Protocol, Tls, Version};
use lyncap::net::{Endpoint, Transport};
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::{Basis, Judge};

use super::place::Place;
use super::place::tcpdump::Tcpdump;

/// A running capture.
pub struct Watch(Tcpdump);

impl Watch {
    /// Begins to capture; only these ports where the network is not the test's own.
    pub fn on(place: &Place, interface: &str, ports: &[u16]) -> Self {
        let ports: Vec<_> = ports.iter().map(|port| format!("port {port}")).collect();
        let filter = if place.is_apart() { String::new() } else { ports.join(" or ") };
        Self(Tcpdump::on(place, interface, &filter))
    }

    /// Waits until nothing more comes, and reads what came.
    pub fn end(self) -> Flows {
        let thread = std::thread::current();
        Flows::read(self.0.end(&thread.name().unwrap_or("capture").replace("::", "-")))
    }
}

/// All flows of a capture.
pub struct Flows(Vec<Seen>);

/// One flow.
#[derive(Clone, Debug)]
pub struct Seen {
    /// TCP or UDP.
    pub transport: Transport,
    /// Who opened it.
    pub initiator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// What tells.
    pub basis: Basis,
    /// What it was observed to be.
    pub protocol: Option<Protocol>,
    /// In which version.
    pub version: Option<Version>,
    /// What the initiator's own bytes are.
    pub asked: Option<Protocol>,
    /// What is known of TLS.
    pub tls: Option<Tls>,
    /// Ports that the responder announced.
    pub announced: Vec<u16>,
    /// Of DHCP: whether it is Lync's.
    pub lync: Option<bool>,
}

impl Flows {
    fn read(file: PathBuf) -> Self {
        let inputs = Inputs::open(&[file]).unwrap();
        let read = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
        assert!(read.stats.is_conserved() && read.damage.is_empty(), "{:?}", read.damage);
        let topology = Topology::default();
        let catalogs = Catalogs::new(&[], Vec::new(), &topology.site).unwrap();
        let judge = Judge::new(&read.flows, &catalogs, &topology);
        let seen = |(index, flow)| {
            let judged = judge.judge(index, flow);
            let evidence = &flow.state;
            let observed = evidence.observed(judged.initiator);
            Seen {
                transport: flow.tuple.transport,
                initiator: judged.oriented.initiator.at,
                responder: judged.oriented.responder.at,
                basis: judged.basis,
                protocol: observed.map(|observed| observed.protocol),
                version: observed.and_then(|observed| observed.version),
                asked: evidence.seen(judged.initiator).map(|seen| seen.what.protocol),
                tls: evidence.tls().cloned(),
                announced: evidence.announced().to_vec(),
                lync: evidence.dhcp_of_lync(),
            }
        };
        Self(read.flows.iter().enumerate().map(seen).collect())
    }

    /// The flows to a port, in the order in which they began; there is at least one.
    pub fn to(&self, transport: Transport, port: u16) -> Vec<&Seen> {
        let flows: Vec<_> =
            self.0.iter().filter(|seen| seen.transport == transport && seen.responder.port == port).collect();
        assert!(!flows.is_empty(), "no flow to {transport}/{port} in\n{self}");
        flows
    }

    /// Every flow to a port is this, and there are this many.
    pub fn check(&self, transport: Transport, port: u16, count: usize, protocol: Protocol) {
        let flows = self.to(transport, port);
        assert_eq!(flows.len(), count, "flows to {transport}/{port} in\n{self}");
        for seen in flows {
            assert_eq!(seen.protocol, Some(protocol), "{transport}/{port}\n{seen:#?}");
        }
    }

    /// All others than those to these ports.
    pub fn others(&self, ports: &[u16]) -> impl Iterator<Item = &Seen> {
        self.0.iter().filter(move |seen| !ports.contains(&{ seen.responder.port }))
    }
}

impl fmt::Display for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Seen { transport, initiator, responder, basis, protocol, .. } in &self.0 {
            writeln!(f, "{transport} {initiator} to {responder} ({}): {protocol:?}", basis.as_str())?;
        }
        Ok(())
    }
}
