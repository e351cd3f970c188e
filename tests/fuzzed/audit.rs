//! In: the bytes of a capture. Out: proof that every frame is accounted for, that the audit ends, and that nothing in any
//! of its outputs steers anything.
//! Must not know: formats of captures; what is found in them.

use std::io::Cursor;
use std::sync::LazyLock;

use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::pipeline::{self, Options};
use lyncap::report::audit::{Audit, Policy};
use lyncap::report::explain::Explanation;
use lyncap::report::flows::{By, Order, Selection, grouped};
use lyncap::report::rules::rules;
use lyncap::report::write;
use lyncap::topology::Topology;
use lyncap::verdict::Judge;

use crate::safe::{self, Breaks, check_all};

/// Some of the hosts in `fixtures/pool-day.toml`, one with a name that would steer.
const HOSTS: &str = r#"
deployment.internal = ["10.0.0.0/8"]
host = [
    { name = "=fe01\u001b[31m\u202e", addresses = ["10.0.0.11", "fd00::11"], roles = ["front-end", "mediation"] },
    { name = "fe02", addresses = ["10.0.0.12"], roles = ["front-end"] },
    { name = "edge01", addresses = ["10.0.2.10"], roles = ["edge"] },
    { name = "gw01", addresses = ["10.0.3.5"], roles = ["pstn-gateway"] },
]
network = [{ name = "desks\u0085", addresses = ["10.1.0.0/16"], roles = ["client"] }]
accept = [{ from = "desks\u0085", to = "10.0.0.0/24", port = "tcp/22", reason = "=1+1\u2028" }]
"#;

/// What captures are judged by: with everything declared and every overlay, and with nothing.
static DEPLOYMENTS: LazyLock<[(Topology, Catalogs); 2]> = LazyLock::new(|| {
    let declared = Topology::parse("hosts", HOSTS).unwrap();
    let all = Catalogs::new(&["all".to_owned()], vec![], &declared.site).unwrap();
    let document = safe::document(&lyncap::catalog::Site::default());
    [(declared, all), (Topology::default(), document)]
});

pub fn audit(bytes: &[u8]) {
    // The name is the user's, and may be anything too.
    let Ok(inputs) = Inputs::from_reader("=cap\u{1b}[0m\u{202e}.pcap", Cursor::new(bytes.to_vec())) else { return };
    let reading = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
    let stats = &reading.stats;
    assert!(stats.is_conserved(), "{} frames, {} packets, {:?}", stats.frames, stats.packets, stats.skips);
    let in_flows: u64 = reading.flows.iter().map(|flow| flow.packets()).sum();
    assert_eq!(in_flows, stats.packets, "packets outside of flows");
    // All of it would take ten times as long: the length of an input chooses.
    let (topology, catalogs) = &DEPLOYMENTS[bytes.len() % 2];
    let by = [By::Service, By::Host, By::Pair][bytes.len() / 2 % 3];
    let judge = Judge::new(&reading.flows, catalogs, topology);
    let audit = Audit::under(&Policy::default(), &reading, &judge);
    let all = Selection { order: Order::Bytes, ..Selection::default() }.indices(&reading, &judge);
    assert_eq!(all.len(), reading.flows.len());
    let groups = grouped(&reading, &judge, &all, by);
    check_all(|out, format, look| write::audit(out, format, look, &reading, &judge, &audit, true), Breaks::None);
    check_all(|out, format, look| write::flows(out, format, look, &reading, &judge, &all), Breaks::None);
    check_all(|out, format, look| write::groups(out, format, look, &groups), Breaks::None);
    // A matrix of too many lines is refused.
    if bytes.len().is_multiple_of(16)
        && topology.declares_hosts()
        && let Ok(rules) = rules(&judge, Some(&reading))
    {
        check_all(|out, format, look| write::rules(out, format, look, &rules), Breaks::None);
    }
    if let Some((index, flow)) = reading.flows.iter().enumerate().last() {
        let judged = judge.judge(index, flow);
        let told = Explanation::new(&Policy::default(), &reading, &judge, index, flow, &judged);
        check_all(|out, format, look| write::explanation(out, format, look, flow, &told), Breaks::None);
    }
}
