//! Everything that is read of some conversations: a capture that never was a file, and a topology.
//!
//! In: conversations of the builder, a topology, overlays. Out: a [`World`] to be judged.
//! Must not know: what is expected of it. It goes through the whole pipeline, as a capture does.
// Every test uses a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io::Cursor;
use std::net::SocketAddr;

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::pipeline::{self, Options};
use lyncap::reading::Reading;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

use crate::common::savefile::{Pcap, in_time_order};
use crate::common::{Frame, SECOND};

/// 2026-03-02T08:00:00Z and so many seconds.
pub fn at(second: u64) -> u64 {
    (1_772_438_400 + second) * SECOND
}

/// "10.0.0.11:5061".
pub fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What was read, and what it is judged by.
pub struct World {
    pub catalogs: Catalogs,
    pub topology: Topology,
    pub reading: Reading,
}

impl World {
    pub fn new(topology: &str, overlays: &[&str], conversations: Vec<Vec<Frame>>) -> Self {
        Self::of(topology, overlays, Pcap::default().write(&in_time_order(conversations.concat())))
    }

    /// Of the bytes of a savefile.
    pub fn of(topology: &str, overlays: &[&str], capture: Vec<u8>) -> Self {
        let topology = Topology::parse("test", topology).unwrap();
        let overlays: Vec<_> = overlays.iter().map(|&name| name.to_owned()).collect();
        let catalogs = Catalogs::new(&overlays, Vec::new(), &topology.site).unwrap();
        let inputs = Inputs::from_reader("test", Cursor::new(capture)).unwrap();
        let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
        assert!(reading.stats.is_conserved());
        Self { catalogs, topology, reading }
    }

    pub fn judge(&self) -> Judge<'_> {
        Judge::new(&self.reading.flows, &self.catalogs, &self.topology)
    }
}
