//! One flow as the machine-readable contract has it (spec §8).
//!
//! In: a flow and its verdict. Out: [`FlowRecord`], whose fields and order are the contract.
//! Must not know: the format it is written in.

use serde::Serialize;

use super::community_id;
use super::media::{StreamRecord, streams};
use super::observed::ObservedRecord;
use super::text::{rfc3339, seconds};
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::verdict::{End, Judge, Judged, NearMiss, reasons};

/// Name of the contract and its version.
const SCHEMA: &str = "lyncap.flow.v1";

/// A flow.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct FlowRecord<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub id: u64,
    pub community_id: String,
    pub transport: &'static str,
    pub initiator: Side<'a>,
    pub responder: Side<'a>,
    pub direction_basis: &'static str,
    pub first_seen: String,
    pub last_seen: String,
    pub duration_s: f64,
    pub first_packet: u64,
    /// The file that `first_packet` counts in; only where several were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    pub packets: Each,
    pub bytes: Each,
    pub payload_bytes: Each,
    pub outcome: &'static str,
    pub handshake_rtt_s: Option<f64>,
    pub vlan: Vec<u16>,
    /// Outermost first, such as `mpls/gre`.
    pub tunnel: Option<String>,
    pub verdict: &'static str,
    pub proof: Option<&'static str>,
    pub catalog: Option<&'a str>,
    pub rows: Vec<&'a str>,
    pub service: Option<&'a str>,
    pub expected: Option<String>,
    pub observed: Option<ObservedRecord<'a>>,
    pub media: Vec<StreamRecord>,
    pub near_misses: Vec<NearMissRecord<'a>>,
    pub reasons: Vec<String>,
}

/// One end of a flow.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct Side<'a> {
    pub address: String,
    pub port: u16,
    pub roles: Vec<&'static str>,
    pub role_source: Option<&'static str>,
    pub name: Option<&'a str>,
}

/// A figure each way.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct Each {
    pub initiator: u64,
    pub responder: u64,
}

/// A row that almost fits.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct NearMissRecord<'a> {
    pub row: &'a str,
    pub catalog: &'a str,
    pub why: String,
}

impl<'a> FlowRecord<'a> {
    /// The record of the flow at `index`; `file` names its file where there are several.
    #[must_use]
    pub fn new(
        index: usize,
        flow: &'a Flow<Evidence>,
        judge: &Judge<'_>,
        judged: &'a Judged<'a>,
        file: Option<&'a str>,
    ) -> Self {
        let (to, from) = (judged.initiator, judged.initiator.opposite());
        let each = |of: fn(&crate::flow::Counters) -> u64| Each {
            initiator: of(flow.counters().of(to)),
            responder: of(flow.counters().of(from)),
        };
        let best = judged.rows.first();
        Self {
            kind: "flow",
            schema: SCHEMA,
            id: index as u64 + 1,
            community_id: community_id::of_flow(&flow.tuple),
            transport: flow.tuple.transport.as_str(),
            initiator: Side::new(&judged.oriented.initiator),
            responder: Side::new(&judged.oriented.responder),
            direction_basis: judged.basis.as_str(),
            first_seen: rfc3339(flow.first_seen),
            last_seen: rfc3339(flow.last_seen),
            duration_s: seconds(flow.last_seen.since(flow.first_seen)),
            first_packet: flow.first_frame.number,
            file,
            packets: each(|c| c.packets),
            bytes: each(|c| c.bytes),
            payload_bytes: each(|c| c.payload_bytes),
            outcome: judged.outcome.as_str(),
            handshake_rtt_s: flow.rtt_ns().map(|ns| seconds(i64::from(ns))),
            vlan: flow.vlan().to_vec(),
            tunnel: (!flow.tunnel.is_none()).then(|| flow.tunnel.to_string()),
            verdict: judged.verdict.as_str(),
            proof: judged.proof.map(crate::verdict::Proof::as_str),
            catalog: best.map(|row| &*row.catalog),
            rows: judged.rows.iter().map(|row| &*row.id).collect(),
            service: best.map(|row| &*row.service),
            expected: best.map(|row| row.expected()),
            observed: ObservedRecord::of(&flow.state, to),
            media: streams(&flow.state, to),
            near_misses: judged.near_misses.iter().map(|miss| NearMissRecord::new(miss, judged)).collect(),
            reasons: reasons(judge, flow, judged),
        }
    }
}

impl<'a> Side<'a> {
    fn new(end: &End<'a>) -> Self {
        let role_source = match (end.who.declared.is_empty(), end.who.inferred.is_empty()) {
            (false, _) => Some("topology"),
            (true, false) => Some("inferred"),
            (true, true) => None,
        };
        Self {
            address: end.at.address.to_string(),
            port: end.at.port,
            roles: end.who.roles().slugs(),
            role_source,
            name: end.who.name,
        }
    }
}

impl<'a> NearMissRecord<'a> {
    fn new(miss: &NearMiss<'a>, judged: &Judged<'_>) -> Self {
        Self { row: &miss.row.id, catalog: &miss.row.catalog, why: judged.why(miss) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Tls;
    use crate::net::{Direction, Transport};
    use crate::report::table::Look;
    use crate::report::testing::{complaints, deployment, evidence, reading, stream, tls};
    use crate::report::text::{Clock, steers};
    use crate::report::{Format, write};

    /// One flow in each format, its record held against the schema.
    fn written(transport: Transport, evidence: Evidence, format: Format) -> String {
        let reading = reading(&[(transport, "10.1.0.5:50123", "10.0.0.11:5061", true, evidence)]);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let judged = judge.judge(0, &reading.flows[0]);
        let record = FlowRecord::new(0, &reading.flows[0], &judge, &judged, None);
        assert_eq!(complaints("flow", &record), [""; 0]);
        let mut out = Vec::new();
        let look = Look { width: usize::MAX, colour: false, clock: Clock::Utc };
        write::flows(&mut out, format, look, &reading, &judge, &[0]).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_wire_says_steers_nothing_and_runs_nowhere() {
        let hostile = || {
            let name = || Some("=cmd()\u{1b}[2J\u{202e}".to_owned());
            evidence::tls(Tls { server_name: name(), alpn: name(), ..tls() })
        };
        for format in [Format::Table, Format::Json, Format::Jsonl, Format::Csv] {
            let text = written(Transport::Tcp, hostile(), format);
            assert!(!text.contains(|c| c != '\n' && steers(c)), "{text}");
        }
        assert!(written(Transport::Tcp, hostile(), Format::Csv).contains(",'=cmd()\\u{1b}[2J\\u{202e},"));
        assert!(written(Transport::Tcp, hostile(), Format::Json).contains(r#""sni":"=cmd()\\u{1b}[2J\\u{202e}""#));
    }

    #[test]
    fn any_number_of_threads_writes_the_same() {
        let ports: Vec<_> = (0..700).map(|n| format!("10.1.0.5:{}", 40_000 + n)).collect();
        let specs: Vec<_> =
            ports.iter().map(|from| (Transport::Tcp, &**from, "10.0.0.11:5061", true, evidence::tls(tls()))).collect();
        let reading = reading(&specs);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let all: Vec<_> = (0..reading.flows.len()).collect();
        let look = Look { width: usize::MAX, colour: false, clock: Clock::Utc };
        for format in [Format::Table, Format::Json, Format::Jsonl, Format::Csv] {
            let written = |threads| {
                let (mut out, threads) = (Vec::new(), std::num::NonZeroUsize::new(threads).unwrap());
                write::flows_on(threads, &mut out, format, look, (&reading, &judge), &all).unwrap();
                out
            };
            assert_eq!(written(1).iter().filter(|byte| **byte == b'\n').count() / 700, 1);
            assert!([2, 3, 8].iter().all(|&threads| written(threads) == written(1)));
        }
    }

    #[test]
    fn a_stream_is_one_cell_that_can_be_read() {
        let text = written(Transport::Udp, evidence::media(&[stream(Direction::Forward, 114, 500, 3)]), Format::Csv);
        let cell = "from=initiator ssrc=0x2f1a0072 payload_type=114 codec=x-msrta medium=audio packets=500 lost=3 \
                    lost_ratio=0.005964 reordered=1 duplicates=0 jitter_s=0.0015 duration_s=10.0 dscp=46";
        assert!(text.contains(cell), "{text}");
    }
}
