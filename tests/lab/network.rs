//! The lab's network: a switch, and a namespace for each host, on one cable each.
//!
//! In: `hosts.toml`, and who is not declared there. Out: places by name, where programs run; addresses in their lines.
//! Must not know: who says what to whom.
//!
//! All hosts are on one link: 10.0.0.0/8, and the outsider's 203.0.0.0/8, so that the switch sees everything once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::place::process::Process;
use super::place::{Place, Ran};

/// The topology file.
pub const TOPOLOGY: &str = "tests/lab/hosts.toml";

/// Hosts that the topology does not name: a desk is in one of its networks.
const OTHERS: [(&str, &str); 3] = [("client", "10.1.0.5"), ("colleague", "10.1.0.6"), ("outsider", "203.0.113.77")];

/// Whoever looks at this sees all frames, and each once.
pub const SWITCH: &str = "br0";

/// The hosts, and the switch between them.
pub struct Network {
    hosts: BTreeMap<String, (String, Place)>,
    /// Where the switch is.
    pub switch: Place,
}

impl Network {
    /// Hosts on which these programs can run; none where that is not allowed, which is said.
    pub fn with(programs: &[&str]) -> Option<Self> {
        let switch = Place::apart(programs)?;
        switch.only_ipv4();
        // It says nothing by itself.
        let bridge = format!("link add {SWITCH} type bridge stp_state 0 mcast_snooping 0");
        switch.run("ip", &*bridge, b"").checked();
        switch.run("ip", &*format!("link set {SWITCH} up"), b"").checked();
        let hosts = addresses().into_iter().map(|(name, address)| {
            let host = switch.neighbour(&name, "eth0");
            switch.run("ip", &*format!("link set {name} master {SWITCH}"), b"").checked();
            for line in [
                format!("addr add {address}/8 dev eth0"),
                "route replace 10.0.0.0/8 dev eth0".to_owned(),
                "route replace 203.0.0.0/8 dev eth0".to_owned(),
            ] {
                host.run("ip", &*line, b"").checked();
            }
            (name, (address, host))
        });
        let hosts = hosts.collect();
        Some(Self { hosts, switch })
    }

    /// A host.
    pub fn host(&self, name: &str) -> &Place {
        &self.hosts.get(name).unwrap_or_else(|| panic!("no host {name}")).1
    }

    /// The name of the host with this address; the address where none has it.
    pub fn name<'a>(&'a self, address: &'a str) -> &'a str {
        let host = self.hosts.iter().find(|(_, (of, _))| of == address);
        host.map_or(address, |(name, _)| name)
    }

    /// A line with addresses for `{names}`, and the folder of what all hosts share for `{lab}`.
    pub fn line(&self, line: &str) -> String {
        let shared = self.switch.path("");
        let line = line.replace("{lab}", shared.to_str().unwrap().trim_end_matches('/'));
        self.hosts.iter().fold(line, |line, (name, (address, _))| line.replace(&format!("{{{name}}}"), address))
    }

    /// A file that all hosts share.
    pub fn share(&self, name: &str, content: &str) -> PathBuf {
        self.switch.file(name, self.line(content))
    }

    /// Runs a line on a host to its end.
    pub fn run(&self, host: &str, line: &str, input: &str) -> Ran {
        let line = self.line(line);
        let (program, words) = line.split_once(' ').unwrap_or((&line, ""));
        self.host(host).run(program, words, input.as_bytes())
    }

    /// Starts a server on a host, and waits until it listens.
    pub fn serve(&self, host: &str, line: &str, ports: &[(&str, u16)]) -> Process {
        let line = self.line(line);
        let (program, words) = line.split_once(' ').unwrap_or((&line, ""));
        self.host(host).serve(program, words, ports)
    }

    /// Pulls all plugs: nothing is said any more.
    pub fn silence(&self) {
        for name in self.hosts.keys() {
            self.switch.run("ip", &*format!("link set {name} down"), b"").checked();
        }
    }
}

/// Names and addresses of all hosts.
fn addresses() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(TOPOLOGY).unwrap();
    let topology: Value = toml::from_str(&text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let declared = topology["host"].as_array().unwrap().iter();
    let declared = declared.map(|host| (text(&host["name"]), text(&host["addresses"][0])));
    declared.chain(OTHERS.map(|(name, address)| (name.to_owned(), address.to_owned()))).collect()
}
