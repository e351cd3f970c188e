//! In: what the program prints as CSV, and whatever it prints of hostile names. Out: proof that CSV says what JSON says,
//! that a spreadsheet runs nothing of it, and that no format steers a terminal.
//! Must not know: the library.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod program;

use program::{Answer, HOSTS, POOL, Scratch, lyncap, run, words};
use serde_json::Value;

const FLOW_COLUMNS: &str = "id community_id transport initiator_address initiator_port initiator_roles \
    initiator_role_source initiator_name responder_address responder_port responder_roles responder_role_source \
    responder_name direction_basis first_seen last_seen duration_s first_packet file packets_initiator \
    packets_responder bytes_initiator bytes_responder payload_bytes_initiator payload_bytes_responder outcome \
    handshake_rtt_s vlan tunnel verdict proof catalog rows service expected observed_protocol \
    observed_version observed_sni observed_client_certificate observed_client_certificate_subject \
    observed_offered_version observed_alpn observed_cipher_suite observed_resumed observed_alert \
    observed_certificate_subject observed_certificate_issuer observed_certificate_names \
    observed_certificate_not_before observed_certificate_not_after observed_announced_ports media near_misses reasons";
const FINDING_COLUMNS: &str = "kind severity initiator responder transport port rows count reason first_seen \
    last_seen first_packet file community_id filter";
const GROUP_COLUMNS: &str = "by key flows packets bytes verdicts_documented verdicts_range-only \
    verdicts_contradicted verdicts_undocumented rows";
const RULE_COLUMNS: &str = "from to transport port rows state flows service";
const ROW_COLUMNS: &str = "id catalog table service roles all_roles ports initiator_port vendor_class transports \
    application security media port_on role_of peer never needs_proof load_balancing note remark source words_role \
    words_service words_port words_protocol words_note";

/// The member of a record that `column` names: `a_b` is `b` in `a`.
fn member<'r>(record: &'r Value, column: &str) -> Option<&'r Value> {
    let mut splits = column.match_indices('_').map(|(at, _)| column.split_at(at));
    record.get(column).or_else(|| splits.find_map(|(outer, inner)| member(record.get(outer)?, &inner[1..])))
}

/// What a cell of `column` says of a record; lists are joined.
fn cell(record: &Value, column: &str) -> String {
    fn text(value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("; "),
            // The objects in lists: near misses, and streams, which have figures.
            Value::Object(miss) if miss.contains_key("why") => {
                ["row", "catalog", "why"].map(|key| text(&miss[key])).join(" ")
            }
            Value::Object(stream) => {
                let known = stream.iter().filter(|(_, value)| !value.is_null());
                let pairs = known.map(|(key, value)| format!("{key}={}", text(value).replace("; ", ",")));
                pairs.collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        }
    }
    let formula = |part: &str| {
        let part = part.trim();
        part.starts_with(['=', '+', '-', '@']) && part.parse::<f64>().is_err()
    };
    let text = text(member(record, column).unwrap_or(&Value::Null));
    let parts = text.split(';').map(|part| if formula(part) { format!("'{part}") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join(";")
}

/// CSV has these columns and one line a record, and says what the JSON document says.
fn check_csv(command: &str, list: &str, columns: &str) -> Vec<csv::StringRecord> {
    let printed = ["csv", "json"].map(|format| run(&words(&format!("{command} -f {format}"))).out);
    let document: Value = serde_json::from_str(&printed[1]).unwrap();
    let records = document[list].as_array().unwrap();
    let mut reader = csv::Reader::from_reader(printed[0].as_bytes());
    let columns = words(columns);
    assert_eq!(reader.headers().unwrap(), columns);
    let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), records.len(), "{command}");
    for (line, record) in lines.iter().zip(records) {
        let expected: Vec<_> = columns.iter().map(|column| cell(record, column)).collect();
        assert_eq!(line, expected, "{command}");
    }
    lines
}

#[test]
fn csv_says_what_json_says() {
    for flags in [String::new(), format!("-t {HOSTS}"), "--overlay all".to_owned()] {
        check_csv(&format!("flows {POOL} {flags}"), "flows", FLOW_COLUMNS);
        check_csv(&format!("audit {POOL} {flags}"), "findings", FINDING_COLUMNS);
        check_csv(&format!("flows --by pair {POOL} {flags}"), "groups", GROUP_COLUMNS);
    }
    check_csv(&format!("flows {POOL} {POOL}"), "flows", FLOW_COLUMNS);
    check_csv(&format!("catalog rules -t {HOSTS}"), "rules", RULE_COLUMNS);
    check_csv(&format!("catalog rules -t {HOSTS} {POOL}"), "rules", RULE_COLUMNS);
    check_csv("catalog list --overlay all", "rows", ROW_COLUMNS);
}

#[test]
fn a_spreadsheet_runs_nothing() {
    let scratch = Scratch::new();
    for (name, shown) in [("=cmd()", "'=cmd()"), ("+1+2", "'+1+2"), ("-a", "'-a"), ("@sum", "'@sum"), ("a=b", "a=b")] {
        let topology = format!("[[host]]\nname = \"{name}\"\naddresses = [\"10.0.0.11\"]\nroles = [\"front-end\"]\n");
        let flags = format!("-t {} {POOL}", scratch.file("hosts.toml", topology));
        let lines = check_csv(&format!("flows {flags}"), "flows", FLOW_COLUMNS);
        let column = words(FLOW_COLUMNS).iter().position(|&column| column == "responder_name").unwrap();
        assert!(lines.iter().any(|line| &line[column] == shown), "{shown}");
        assert!(lines.iter().all(|line| &line[column] == shown || line[column].is_empty()));
        check_csv(&format!("audit {flags}"), "findings", FINDING_COLUMNS);
        check_csv(&format!("flows --by host {flags}"), "groups", GROUP_COLUMNS);
        check_csv(&format!("catalog rules {flags}"), "rules", RULE_COLUMNS);
    }
}

/// Colours, a title, a bell, a one-character control sequence introducer, text from right to left.
const STEERING: &str = "\u{1b}[31m\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\u{202e}";

#[cfg(unix)]
#[test]
fn no_name_steers_a_terminal() {
    let scratch = Scratch::new();
    let escaped: String = STEERING.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    let pool = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL)).unwrap();
    let cut = scratch.file(&format!("{}pool.pcapng", STEERING.replace(' ', "")), &pool[..pool.len() / 2]);
    let hosts = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(HOSTS)).unwrap();
    let hosts = hosts.replace("\"fe01\"", &format!("\"fe01{escaped}\\n\"")).replace("CHG-1187", &escaped);
    let hosts = scratch.file("hosts.toml", hosts.replace("\"desks\"", &format!("\"desks{escaped}\"")));
    let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    for format in ["table", "json", "jsonl", "csv"] {
        for command in [
            "audit -v",
            "audit --flows",
            "flows",
            "flows --by host",
            "flows --by pair",
            "catalog rules",
            "flows --port 1",
            "explain --flow 1",
            "explain --flow 80",
        ] {
            for width in ["80", "200"] {
                let line = format!("{command} -f {format} -t {hosts} {cut} {cut}");
                let answer: Answer = lyncap(&words(&line)).env("COLUMNS", width).output().unwrap().into();
                assert_eq!(answer.code, Some(3), "{}", answer.err);
                for text in [&answer.out, &answer.err] {
                    let at = text.find(steers);
                    assert_eq!(at.map(|at| text[..at].lines().last().unwrap_or_default()), None, "{command} {format}");
                }
            }
        }
    }
    for line in [format!("audit {cut}absent"), format!("audit {POOL} -t {cut}absent"), format!("audit {STEERING}")] {
        let answer = run(&words(&line));
        assert!(answer.code == Some(2) && !answer.err.contains(steers), "{:?}", answer.err);
    }
}
