//! What crosses a network while a test goes on, and what lyncap makes of it.
//!
//! In: a place, an interface. Out: the flows that were seen, each with what its payload proved.
//! Must not know: which servers there are, what they ought to be.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::evidence::{Protocol, Tls, Version};
use lyncap::net::{Endpoint, Transport};
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::{Basis, Judge};

use super::place::Place;
use super::process::{Process, until};

/// A running capture.
pub struct Watch {
    tcpdump: Process,
    file: PathBuf,
}

/// How long an interface must be silent before a capture of it is complete.
const SILENCE: Duration = Duration::from_millis(300);

impl Watch {
    /// Begins to capture; only these ports where the network is not the test's own.
    pub fn on(place: &Place, interface: &str, ports: &[u16]) -> Self {
        let file = place.path("watched.pcap");
        let mut command = place.command("tcpdump");
        command.args(["-i", interface, "-U", "--immediate-mode", "-Z", "root", "-n"]);
        // Every packet takes a place as long as the longest; 64 MiB of them, lest a busy machine drops some.
        command.args(["-s", "65550", "-B", "65536", "-w"]).arg(&file);
        if !place.is_apart() {
            let ports: Vec<_> = ports.iter().map(|port| format!("port {port}")).collect();
            command.arg(ports.join(" or "));
        }
        let mut tcpdump = Process::start(command, &place.path(""));
        until(Duration::from_secs(10), || {
            assert!(tcpdump.is_running(), "{}", tcpdump.said());
            tcpdump.said().contains("listening on")
        })
        .unwrap_or_else(|| panic!("tcpdump does not listen: {}", tcpdump.said()));
        Self { tcpdump, file }
    }

    /// Waits until nothing more comes, and reads what came.
    pub fn end(mut self) -> Flows {
        let size = || fs::metadata(&self.file).map_or(0, |metadata| metadata.len());
        let (mut last, mut since) = (size(), Instant::now());
        until(Duration::from_secs(3), || {
            if size() != last {
                (last, since) = (size(), Instant::now());
            }
            since.elapsed() > SILENCE
        });
        self.tcpdump.signal("INT");
        let ended = self.tcpdump.end_within(Duration::from_secs(5));
        assert!(ended.is_some_and(|status| status.success()), "{}", self.tcpdump.said());
        assert!(self.tcpdump.said().contains("\n0 packets dropped by kernel"), "{}", self.tcpdump.said());
        if let Some(folder) = std::env::var_os("LYNCAP_KEEP_CAPTURES") {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("capture").replace("::", "-");
            fs::copy(&self.file, PathBuf::from(folder).join(format!("{name}.pcap"))).unwrap();
        }
        Flows::read(self.file.clone())
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
