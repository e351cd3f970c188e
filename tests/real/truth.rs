//! What tshark says of a capture.
//!
//! In: a truth file of `../shared/captures`, JSON as `truth.py` there writes it. Out: [`Truth`], in our words.
//! Must not know: what we say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lyncap::net::{Address, Endpoint, Timestamp, Transport};
use serde_json::Value;

/// A conversation: transport and both endpoints, the lower first.
pub type Key = (Transport, Endpoint, Endpoint);

/// Packets and bytes.
pub type Count = (u64, u64);

/// All that was seen of one conversation, whatever split it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Sent by the lower endpoint.
    pub low: Count,
    /// Sent by the higher one.
    pub high: Count,
    /// Time of the first frame in the file.
    pub first: Option<i64>,
    /// Time of the last frame in the file.
    pub last: Option<i64>,
    /// Who opened it first, where a SYN or SYN-ACK tells.
    pub opener: Option<Endpoint>,
}

/// The figures of one capture.
#[derive(Debug)]
pub struct Truth {
    /// Frames.
    pub frames: u64,
    /// Their length on the wire.
    pub bytes: u64,
    /// Earliest and latest time.
    pub span: Option<(i64, i64)>,
    /// TCP and UDP. Where there are fragments, first fragments count and later ones nowhere.
    pub flows: BTreeMap<Key, Sum>,
    /// Frames of SCTP and UDP-Lite, which form flows there and are skipped here.
    pub skipped: BTreeMap<String, u64>,
    /// Whether the file ends inside a record.
    pub cut_short: bool,
    /// What tshark calls each conversation's payload: its protocols, with the number of frames that have them.
    pub apps: BTreeMap<Key, Apps>,
}

/// Protocols above the transport, with frames.
pub type Apps = BTreeMap<String, u64>;

impl Truth {
    /// Reads what is known of the capture at `path`.
    pub fn read(path: &Path) -> Self {
        let mut file = path.file_name().unwrap().to_os_string();
        file.push(".json");
        let path = path.with_file_name("truth").join(file);
        let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(json["readable"], true, "{}", path.display());
        let text = |key: &str| json[key].as_str().map(nanoseconds);
        let list = json.get("flows_no_reassembly").or_else(|| json.get("flows")).and_then(Value::as_array).unwrap();
        let mut truth = Self {
            frames: json["packets"].as_u64().unwrap(),
            bytes: json["bytes"].as_u64().unwrap(),
            span: text("min_timestamp").zip(text("max_timestamp")),
            flows: BTreeMap::new(),
            skipped: BTreeMap::new(),
            cut_short: json["error"].as_str().is_some_and(|error| error.contains("cut short")),
            apps: BTreeMap::new(),
        };
        list.iter().for_each(|flow| truth.take(flow));
        truth
    }

    /// The same of a capture none of whose frames can be decoded.
    pub fn without_flows(self) -> Self {
        Self { flows: BTreeMap::new(), skipped: BTreeMap::new(), ..self }
    }

    fn take(&mut self, flow: &Value) {
        let (a, b) = (endpoint(&flow["a"]), endpoint(&flow["b"]));
        let (from_a, from_b) = (count(&flow["a_to_b"]), count(&flow["b_to_a"]));
        let protocol = flow["proto"].as_str().unwrap();
        let Ok(transport) = protocol.parse::<Transport>() else {
            *self.skipped.entry(protocol.to_owned()).or_default() += from_a.0 + from_b.0;
            return;
        };
        let (low, high) = if a <= b { (from_a, from_b) } else { (from_b, from_a) };
        let opener = match flow["syn_initiator"].as_str() {
            Some("a") => Some(a),
            Some("b") => Some(b),
            _ => None,
        };
        let time = |key: &str| flow[key].as_str().filter(|text| !text.is_empty()).map(nanoseconds);
        let sum = Sum { low, high, first: time("first"), last: time("last"), opener };
        let key = (transport, a.min(b), a.max(b));
        assert_eq!(self.flows.insert(key, sum), None);
        let apps = flow["apps"].as_object().unwrap();
        self.apps.insert(key, apps.iter().map(|(app, frames)| (app.clone(), frames.as_u64().unwrap())).collect());
    }
}

fn endpoint(value: &Value) -> Endpoint {
    let address: std::net::IpAddr = value["addr"].as_str().unwrap().parse().unwrap();
    Endpoint { address: Address::from(address), port: value["port"].as_u64().unwrap().try_into().unwrap() }
}

fn count(value: &Value) -> Count {
    (value["packets"].as_u64().unwrap(), value["bytes"].as_u64().unwrap())
}

/// "1339256113.152592000", possibly negative or beyond what 64 bits hold.
fn nanoseconds(text: &str) -> i64 {
    let (seconds, fraction) = text.trim_start_matches('-').split_once('.').unwrap();
    assert_eq!(fraction.len(), 9, "{text}");
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let [seconds, fraction] = [seconds, fraction].map(|digits| sign * digits.parse::<i64>().unwrap());
    Timestamp::from_parts(seconds, fraction).0
}
