//! In: what the program prints as JSON and JSON lines. Out: proof that all of it is what `src/report/schema.json` and the
//! specification of its fields promise.
//! Must not know: the library.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod program;

use std::collections::BTreeMap;
use std::net::IpAddr;

use common::savefile::{Pcap, in_time_order};
use common::{Frame, MILLISECOND, SECOND, Tcp, Wire, frame, tcp_flow, udp_flow};
use jsonschema::Validator;
use program::{HOSTS, POOL, Scratch, run, words};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../src/report/schema.json");

/// 2026-03-02T08:00:00Z.
const START: u64 = 1_772_438_400 * SECOND;

/// Objects that have a `type` only where they are a line of their own.
const TYPED_AS_LINES: &[&str] =
    &["service", "finding", "accepted", "not_found", "coverage", "media", "rule", "interface"];

/// A validator of each definition that a document or line can be, by the words of `type`.
struct Schema(BTreeMap<String, Validator>);

impl Schema {
    fn load() -> Self {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let tops = schema["oneOf"].as_array().unwrap().iter().map(|top| top["$ref"].as_str().unwrap());
        let named = tops.map(|top| {
            let name = top.strip_prefix("#/$defs/").unwrap();
            let kind = name.strip_suffix("_line").unwrap_or(name);
            assert_eq!(name != kind, TYPED_AS_LINES.contains(&kind), "{name}");
            (kind.to_owned(), Self::of(&schema, name))
        });
        Self(named.collect())
    }

    /// The definition `name` alone, whose complaints are shorter than those of the choice of all.
    fn of(schema: &Value, name: &str) -> Validator {
        let root = json!({"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": format!("#/$defs/{name}")});
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }

    fn complaints(&self, value: &Value) -> Vec<String> {
        let kind = value["type"].as_str().unwrap_or_default();
        let Some(validator) = self.0.get(kind) else { return vec![format!("unknown type `{kind}`")] };
        validator.iter_errors(value).map(|error| format!("{kind}{}: {error}", error.instance_path())).collect()
    }
}

/// Runs the command with `--format json` and `jsonl`; everything it prints is as the schema says. The document and
/// the lines.
fn check(schema: &Schema, command: &str, code: i32) -> (Value, Vec<Value>) {
    let printed = ["json", "jsonl"].map(|format| {
        let answer = run(&words(&format!("{command} --format {format}")));
        assert_eq!(answer.code, Some(code), "{command} {format}: {}", answer.err);
        assert!(answer.out.is_empty() || answer.out.ends_with('\n'), "{command} {format}");
        answer.out
    });
    let document: Value = serde_json::from_str(&printed[0]).unwrap();
    let lines: Vec<Value> = printed[1].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for value in lines.iter().chain([&document]) {
        let complaints = schema.complaints(value);
        assert!(complaints.is_empty(), "{command}: {complaints:#?}\nin {value}");
    }
    (document, lines)
}

/// Every capture command on `files` (and flags). Returns the document of the flows.
fn check_capture(schema: &Schema, files: &str, audited: i32, listed: i32) -> Value {
    let on = |command: &str| format!("{command} {files}");
    check(schema, &on("audit"), audited);
    let (audit, _) = check(schema, &on("audit --flows"), audited);
    for by in ["service", "host", "pair"] {
        check(schema, &on(&format!("flows --by {by}")), listed);
    }
    let (document, lines) = check(schema, &on("flows"), listed);
    let flows = document["flows"].as_array().unwrap();
    assert_eq!(audit["flows"], document["flows"], "audit --flows gives the same objects");
    let (footer, rest) = lines.split_last().unwrap();
    assert_eq!((footer, rest), (&document["summary"], &flows[..]), "lines and document say the same");
    check_conservation(&document);
    document
}

/// Packets of all flows, skipped frames and duplicates are all frames; and what else the footer sums.
fn check_conservation(document: &Value) {
    let (flows, summary) = (document["flows"].as_array().unwrap(), &document["summary"]);
    let number = |value: &Value| value.as_u64().unwrap();
    let both = |flow: &Value, what: &str| number(&flow[what]["initiator"]) + number(&flow[what]["responder"]);
    let packets: u64 = flows.iter().map(|flow| both(flow, "packets")).sum();
    let skipped: u64 = summary["skipped"].as_object().unwrap().values().map(number).sum();
    assert_eq!(packets + skipped + number(&summary["duplicates"]), number(&summary["frames"]));
    assert_eq!(packets, number(&summary["packets"]));
    assert_eq!(summary["verdicts"].as_object().unwrap().values().map(number).sum::<u64>(), flows.len() as u64);
    let ids: Vec<u64> = flows.iter().map(|flow| number(&flow["id"])).collect();
    assert_eq!(ids, (1..=flows.len() as u64).collect::<Vec<_>>());
    for flow in flows {
        assert!(both(flow, "payload_bytes") <= both(flow, "bytes"));
        for side in ["initiator", "responder"] {
            let text = flow[side]["address"].as_str().unwrap();
            assert_eq!(text.parse::<IpAddr>().unwrap().to_string(), text, "RFC 5952");
            assert_eq!(flow[side]["roles"] == json!([]), flow[side]["role_source"].is_null());
        }
    }
}

#[test]
fn the_schema_is_sound_and_told_in_words() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    Schema::load();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let told =
            |what: &Value| what["description"].as_str().is_some_and(|text| text.len() > 4 && text.ends_with('.'));
        assert!(told(definition), "{name} lacks a sentence");
        let properties = definition["properties"].as_object();
        for (property, of) in properties.into_iter().flatten() {
            assert!(told(of) || of.get("const").is_some(), "{name}.{property} lacks a sentence");
        }
        let closed = definition["additionalProperties"] == json!(false) || name.ends_with("_fields");
        assert!(
            properties.is_none() || closed || definition["unevaluatedProperties"] == json!(false),
            "{name} is open"
        );
    }
}

#[test]
fn the_pool_day_keeps_the_contract() {
    let schema = Schema::load();
    for flags in [
        "",
        &format!("-t {HOSTS}"),
        "--overlay all",
        &format!("-t {HOSTS} --overlay windows-infrastructure --overlay sql-server"),
    ] {
        let document = check_capture(&schema, &format!("{POOL} {flags}"), 1, 0);
        for flow in document["flows"].as_array().unwrap() {
            let undocumented = flow["verdict"] == "undocumented";
            assert_eq!(flow["rows"].as_array().unwrap().is_empty(), undocumented);
            assert_eq!(flow["proof"].is_null(), undocumented);
            assert!(flow.get("file").is_none(), "one file needs no name");
        }
    }
}

#[test]
fn explanations_keep_the_contract() {
    let schema = Schema::load();
    let listed = check_capture(&schema, &format!("{POOL} -t {HOSTS}"), 1, 0);
    for id in [1, 4, 8, 225, 366] {
        let (document, lines) = check(&schema, &format!("explain {POOL} -t {HOSTS} --flow {id}"), 0);
        assert_eq!(lines, std::slice::from_ref(&document));
        let flow = &document["flow"];
        assert_eq!(*flow, listed["flows"][id - 1]);
        let considered = document["considered"].as_array().unwrap();
        let explaining: Vec<_> = considered.iter().filter(|row| row["listed"] == true).map(|row| &row["row"]).collect();
        assert_eq!(explaining, flow["rows"].as_array().unwrap().iter().collect::<Vec<_>>(), "{id}");
        assert_eq!(document["direction"]["basis"], flow["direction_basis"]);
    }
}

#[test]
fn catalogs_keep_the_contract() {
    let schema = Schema::load();
    for line in [
        "catalog list",
        "catalog list --overlay all",
        "catalog list --role mediation --port 5067/tcp",
        "catalog show D06",
        "catalog show S33",
        "explain 5071/tcp",
        "explain 1 --overlay all",
        "catalog rules --role 10.0.0.11=front-end --role 10.1.0.0/16=client",
        &format!("catalog rules -t {HOSTS}"),
        &format!("catalog rules -t {HOSTS} {POOL}"),
        &format!("catalog rules -t {HOSTS} --overlay all {POOL}"),
    ] {
        let (document, lines) = check(&schema, line, 0);
        let kind = document["type"].as_str().unwrap();
        let records = document[kind].as_array().unwrap();
        assert_eq!(records.len(), lines.len(), "{line}");
        for (record, line) in records.iter().zip(&lines) {
            let mut line = line.clone();
            if kind == "rules" {
                line.as_object_mut().unwrap().remove("type");
            }
            assert_eq!(record, &line);
        }
    }
}

/// Small captures, each with what no other has: files, further flags, exit of `audit` and of `flows`.
fn special(scratch: &Scratch) -> Vec<(&'static str, Vec<String>, i32, i32)> {
    let at = |text: &str| text.parse().unwrap();
    let pcap = |name: &str, frames: Vec<Frame>| scratch.file(name, Pcap::default().write(&in_time_order(frames)));
    let sip = |client: &str, server: &str| tcp_flow(START, at(client), at(server), &[]);
    let tagged = Wire { vlan: Some(100), ..Wire::default() };
    let (a, b) = ("10.1.0.20".parse().unwrap(), "10.0.0.11".parse().unwrap());
    let echo = |kind, at| {
        let body = frame::icmp_echo(kind, 1, 1);
        let packet = frame::packet(a, b, frame::ICMP, frame::Hop { ttl: 64, dscp: 0, id: 1 }, &body);
        Frame::whole(at, frame::carry(a, b, None, &packet))
    };
    let v6 = sip("[fd00:1:0:0:0:0:0:20]:50123", "[fd00::0:11]:5061");
    let v4 = sip("10.1.0.20:50123", "10.0.0.11:5061");
    let later = udp_flow(START + SECOND, at("10.1.0.20:50200"), at("10.0.0.5:53"), &[]);
    let vlan = Tcp::new(START, at("10.2.0.40:50123"), at("10.0.0.11:5061")).on(tagged).handshake().close().frames();
    let mut back = v4.clone();
    back.iter_mut().rev().zip(0..).for_each(|(frame, i)| frame.at = START + 2 * i * SECOND);
    let whole = Pcap::default().write(&v4);
    vec![
        ("ipv6", vec![pcap("v6.pcap", v6)], 0, 0),
        ("vlan", vec![pcap("vlan.pcap", vlan)], 0, 0),
        ("icmp", vec![pcap("icmp.pcap", vec![echo(8, START), echo(0, START + MILLISECOND)])], 0, 0),
        ("empty", vec![pcap("empty.pcap", vec![])], 0, 0),
        ("several", vec![pcap("1.pcap", v4), pcap("2.pcap", later)], 0, 0),
        ("damaged", vec![scratch.file("cut.pcap", &whole[..whole.len() - 7])], 3, 3),
        ("clock", vec![scratch.file("back.pcap", Pcap::default().write(&back))], 0, 0),
    ]
}

#[test]
fn special_captures_keep_the_contract() {
    let (schema, scratch) = (Schema::load(), Scratch::new());
    for (name, files, audited, listed) in special(&scratch) {
        let document = check_capture(&schema, &files.join(" "), audited, listed);
        let (flows, summary) = (document["flows"].as_array().unwrap(), &document["summary"]);
        let first = flows.first().unwrap_or(&Value::Null);
        let fact = match name {
            "ipv6" => (&first["initiator"]["address"], json!("fd00:1::20")),
            "vlan" => (&first["vlan"], json!([100])),
            "icmp" => (&summary["skipped"], json!({"icmp": 2})),
            "empty" => (&summary["first_seen"], Value::Null),
            "several" => (&flows[1]["file"], json!(files[1])),
            "damaged" => (&summary["damage"][0]["file"], json!(files[0])),
            _ => (&summary["fitness"]["clock_steps_back"], json!(5)),
        };
        assert_eq!(*fact.0, fact.1, "{name}");
        let named: Vec<_> = summary["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
        assert_eq!(named, files.iter().map(|file| json!(file)).collect::<Vec<_>>());
        assert!(flows.iter().all(|flow| flow.get("file").is_none_or(|file| files.len() > 1 && named.contains(file))));
    }
}

/// Every object inside `value`, by its JSON pointer.
fn objects(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(at.to_owned());
            members.iter().for_each(|(key, value)| objects(&format!("{at}/{key}"), value, found));
        }
        Value::Array(items) => {
            items.iter().enumerate().take(1).for_each(|(i, value)| objects(&format!("{at}/{i}"), value, found));
        }
        _ => {}
    }
}

/// A further key is refused in every object, and so is the lack of any key that is not optional.
fn check_strict(schema: &Schema, document: &Value) {
    const OPTIONAL: &[&str] = &["/file", "/words/service", "/words/note"];
    const FREE: &[&str] = &["/skipped", "/link_types", "/undecoded_frames", "/outcomes"];
    let mut places = Vec::new();
    objects("", document, &mut places);
    for place in places.iter().filter(|place| !FREE.iter().any(|free| place.ends_with(free))) {
        let mut more = document.clone();
        more.pointer_mut(place).unwrap()["surplus"] = json!(1);
        assert!(!schema.complaints(&more).is_empty(), "{place} takes a surplus key");
        for key in document.pointer(place).unwrap().as_object().unwrap().keys() {
            let at = format!("{place}/{key}");
            let mut less = document.clone();
            less.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
            let optional = at == "/flows" || OPTIONAL.iter().any(|optional| at.ends_with(optional));
            assert!(optional || !schema.complaints(&less).is_empty(), "{at} may be missing");
        }
    }
}

#[test]
fn the_schema_notices_what_is_added_or_missing() {
    let schema = Schema::load();
    let of = |line: &str| -> Value { serde_json::from_str(&run(&words(line)).out).unwrap() };
    // Little enough that every key can be taken out once.
    check_strict(&schema, &of(&format!("flows -f json -t {HOSTS} --verdict undocumented --top 1 {POOL}")));
    check_strict(&schema, &of("catalog show S33 -f json"));
    let mut explanation = of(&format!("explain {POOL} --flow 4 -t {HOSTS} -f json"));
    explanation["considered"].as_array_mut().unwrap().truncate(1);
    check_strict(&schema, &explanation);
    check_strict(&schema, &of(&format!("flows -f json --by pair --top 1 {POOL}")));
    check_strict(&schema, &of(&format!("catalog rules -f json -t {HOSTS} {POOL}")));
    let mut audit = of(&format!("audit -f json -t {HOSTS} {POOL}"));
    for list in ["services", "findings", "accepted", "coverage"] {
        audit[list].as_array_mut().unwrap().truncate(1);
    }
    check_strict(&schema, &audit);
    let mut flow = of(&format!("flows -f json --top 1 {POOL}"))["flows"][0].take();
    for (place, wrong) in [
        ("/verdict", json!("Documented")),
        ("/proof", json!(null)),
        ("/rows", json!([])),
        ("/outcome", json!("open")),
        ("/transport", json!("sctp")),
        ("/responder/address", json!("10.0.0.011")),
        ("/responder/port", json!(65536)),
        ("/responder/roles", json!(["server"])),
        ("/first_seen", json!("2026-03-02 08:00:00")),
        ("/duration_s", json!(-1)),
        ("/observed", json!({"protocol": "tls"})),
        ("/media", json!([{"from": "initiator"}])),
        ("/vlan", json!(null)),
    ] {
        let right = std::mem::replace(flow.pointer_mut(place).unwrap(), wrong);
        assert!(!schema.complaints(&flow).is_empty(), "{place}");
        *flow.pointer_mut(place).unwrap() = right;
    }
    flow["observed"] = json!({
        "protocol": "tls", "version": "1.2", "sni": "fe01.contoso.local", "client_certificate": "presented",
        "client_certificate_subject": null, "offered_version": "1.2", "alpn": null, "cipher_suite": null,
        "resumed": false, "alert": null, "certificate": null, "announced_ports": [],
    });
    flow["proof"] = json!("verified");
    assert_eq!(schema.complaints(&flow), [""; 0]);
}

/// Keys in the order they are written, nested ones behind their parent's name; lists are passed over.
fn keys(text: &str) -> Vec<String> {
    let (mut keys, mut path, mut lists, mut last) = (Vec::new(), Vec::new(), 0, None);
    // What is empty has no keys.
    let text = text.replace("{}", "0");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let mut string = String::new();
                while let Some(c) = chars.next().filter(|&c| c != '"') {
                    string.push(if c == '\\' { chars.next().unwrap() } else { c });
                }
                last = Some(string);
            }
            ':' if lists == 0 => {
                path.push(last.take().unwrap());
                keys.push(path.join("."));
            }
            '{' if lists == 0 => {}
            ',' | '}' if lists == 0 => {
                path.pop();
            }
            '[' => lists += 1,
            ']' => lists -= 1,
            _ => {}
        }
    }
    keys
}

#[test]
fn keys_stand_in_the_order_of_the_specification() {
    const SIDE: &str = "address port roles role_source name";
    const BOTH: &str = "initiator responder";
    let nested = |name: &str, keys: &str| keys.split(' ').map(|key| format!("{name}.{key}")).collect::<Vec<_>>();
    let expected = [
        ("type schema id community_id transport initiator", nested("initiator", SIDE)),
        ("responder", nested("responder", SIDE)),
        ("direction_basis first_seen last_seen duration_s first_packet packets", nested("packets", BOTH)),
        ("bytes", nested("bytes", BOTH)),
        ("payload_bytes", nested("payload_bytes", BOTH)),
        ("outcome handshake_rtt_s vlan tunnel verdict proof catalog rows service expected observed", vec![]),
        ("media near_misses reasons", vec![]),
    ];
    let expected: Vec<String> = expected
        .into_iter()
        .flat_map(|(own, nested)| own.split(' ').map(str::to_owned).chain(nested).collect::<Vec<_>>())
        .collect();
    let answer = run(&words(&format!("flows -f jsonl -t {HOSTS} {POOL}")));
    for line in answer.out.lines().filter(|line| line.starts_with("{\"type\":\"flow\"")) {
        let keys: Vec<_> = keys(line).into_iter().filter(|key| !key.starts_with("observed.")).collect();
        assert_eq!(keys, expected);
    }
    let audit = keys(&run(&words(&format!("audit -f json --flows {POOL}"))).out);
    let top: Vec<_> = audit.iter().filter(|key| !key.contains('.')).map(String::as_str).collect();
    assert_eq!(top, words("type schema services findings accepted not_found coverage media fitness summary flows"));
    let finding = run(&words(&format!("audit -f jsonl {POOL}"))).out;
    let finding = finding.lines().find(|line| line.starts_with("{\"type\":\"finding\"")).unwrap();
    let expected = "type kind severity initiator responder transport port rows count reason first_seen last_seen \
                    first_packet community_id filter";
    assert_eq!(keys(finding), words(expected));
}

#[test]
fn runs_on_the_same_input_are_byte_identical() {
    for format in ["table", "json", "jsonl", "csv"] {
        for command in ["audit --flows", "flows", "flows --by pair", "catalog rules"] {
            let line = format!("{command} -f {format} -t {HOSTS} --overlay all {POOL}");
            assert_eq!(run(&words(&line)), run(&words(&line)), "{line}");
        }
    }
}
