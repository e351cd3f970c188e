//! In: command lines, as a user types them. Out: proof that exit codes, messages and input are treated as the
//! specification says.
//! Must not know: the library; the content of reports, which `contract`, `formats` and `golden` look at.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod program;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use common::savefile::Pcap;
use common::{SECOND, Side, Tcp, tcp_flow};
use program::{Answer, HOSTS, POOL, Scratch, check_code, check_complaint, check_refused, lyncap, run, words};

const START: u64 = 1_772_438_400 * SECOND;

fn pool() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(POOL)).unwrap()
}

/// A capture without a finding: one client signs in.
fn healthy(scratch: &Scratch) -> String {
    let flow = tcp_flow(START, "10.1.0.20:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap(), &[]);
    scratch.file("healthy.pcap", Pcap::default().write(&flow))
}

#[test]
fn exit_codes_say_how_it_ended() {
    let scratch = Scratch::new();
    let (healthy, bytes) = (healthy(&scratch), pool());
    let cut = scratch.file("cut.pcapng", &bytes[..bytes.len() / 2]);
    let refused = Tcp::new(START, "10.0.0.12:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap()).refused();
    let refused = refused.frames();
    let usb = scratch.file("usb.pcap", Pcap { link_type: 189, ..Pcap::default() }.write(&refused));
    let refused = scratch.file("refused.pcap", Pcap::default().write(&refused));
    for (line, code) in [
        (format!("audit {healthy}"), 0),
        (format!("audit --role 10.0.0.11=front-end {healthy} --fail-on low"), 0),
        (format!("audit {POOL}"), 1),
        (format!("audit -t {HOSTS} --overlay all {POOL}"), 1),
        (format!("audit --fail-on low {POOL}"), 1),
        (format!("audit --fail-on never {POOL}"), 0),
        // USB beside a network: what is one is reported.
        (format!("flows {usb} {healthy}"), 0),
        (format!("audit {refused}"), 1),
        (format!("audit --fail-on high {refused}"), 0),
        (format!("flows {POOL}"), 0),
        (format!("flows --by host {POOL}"), 0),
        (format!("catalog rules -t {HOSTS} {POOL}"), 0),
        (format!("explain {POOL} --flow 225"), 0),
        (format!("explain {cut} --flow 1"), 3),
        (format!("audit {cut}"), 3),
        (format!("audit --fail-on never {cut}"), 3),
        (format!("audit -t {HOSTS} {cut} {POOL}"), 3),
        (format!("flows {cut}"), 3),
        (format!("flows --by pair {cut}"), 3),
        (format!("catalog rules -t {HOSTS} {cut}"), 3),
    ] {
        let answer = check_code(&line, code);
        assert_eq!(answer.err.contains("broken at byte"), code == 3, "{line}\n{}", answer.err);
        assert_eq!(answer.err.lines().count(), usize::from(code == 3), "{line}\n{}", answer.err);
    }
    check_refused(&format!("audit {cut} {}", scratch.path("absent")), &["absent"]);
}

#[test]
fn what_cannot_be_done_is_one_line_with_the_remedy() {
    let scratch = Scratch::new();
    let empty = scratch.path("empty");
    fs::create_dir(&empty).unwrap();
    let text = scratch.file("notes.txt", "Monday: pool is slow\n");
    let gzip = scratch.file("pool.pcapng.gz", b"\x1f\x8b\x08\x00rest");
    let nothing = scratch.file("nothing", "");
    let hosts = scratch.file("bad.toml", "[deployment]\n\n[[host]]\nname = \"fe01\"\naddresses = [\"fe01\"]\n");
    let list = scratch.file("list.toml", "\n[[host]]\nname = \"fe01\"\naddresses = \"10.0.0.11\"\n");
    let keys = scratch.file("keys.toml", "[deployment]\nload_balancer = \"dns\"\n");
    let frames = tcp_flow(START, "10.1.0.20:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap(), &[]);
    let usb = scratch.file("usb.pcap", Pcap { link_type: 189, ..Pcap::default() }.write(&frames));
    let policy = scratch.file("policy.toml", "minimum_tls = \"1.2\"\nseverity = \"red\"\n");
    let catalog = scratch.file("rows.toml", "format = \"lyncap.catalog.v1\"\n[catalog]\nname = \"x\"\n");
    for (line, parts) in [
        ("audit absent.pcap", &["cannot read absent.pcap", "check its name"][..]),
        (&format!("audit {empty}"), &["no capture in this directory", "name a pcap"]),
        (&format!("audit {text}"), &["notes.txt", "not a packet capture", "Monday"]),
        (&format!("flows {gzip}"), &["nothing of its content can be read: gzip stream cut short"]),
        (
            &format!("flows {usb} {usb}"),
            &["usb.pcap and 1 more: USB (usb-linux), not network traffic", "name a capture"],
        ),
        (&format!("flows {POOL} {nothing}"), &["nothing: empty file"]),
        ("audit", &["<FILE>", "--help"]),
        (&format!("audit --tpology x {POOL}"), &["--tpology", "--topology"]),
        (&format!("audit --format xml {POOL}"), &["xml", "table, json, jsonl, csv"]),
        (&format!("audit --fail-on red {POOL}"), &["red", "high, medium, low, info, never"]),
        (&format!("flows --top many {POOL}"), &["many", "--top", "write a whole number from 1"]),
        (&format!("flows --top -1 {POOL}"), &["`-1` is no such number; write"]),
        (&format!("flows --top 0 {POOL}"), &["`0` is no such number; write a whole number from 1"]),
        (&format!("audit --max-flows -5 {POOL}"), &["`-5` is no such number; write"]),
        (&format!("audit --max-flows 99999999999999999999999 {POOL}"), &["from 1 to 18446744073709551615"]),
        (&format!("audit --follow 1s {POOL}"), &["write --follow=1s"]),
        (&format!("audit -t {POOL} {POOL}"), &["pool-day.pcapng: no text; a topology is text in TOML; README.md"]),
        (&format!("audit -t {text} {POOL}"), &["notes.txt:1: ", "a topology is TOML; README.md shows one"]),
        (&format!("audit --policy {POOL} {POOL}"), &["no text; a policy is text in TOML"]),
        (&format!("audit --catalog {POOL} {POOL}"), &["no text; a catalog is", "lyncap catalog export"]),
        (&format!("audit -t {list} {POOL}"), &["list.toml:4: ", "write [\"10.0.0.11\"]"]),
        (&format!("audit -o {} {POOL}", scratch.path("none/x")), &["cannot write", "make its folder first"]),
        (&format!("flows --udp-timeout 5d {POOL}"), &["5d", "write 500ms"]),
        (&format!("audit -t {hosts} {POOL}"), &["bad.toml:5: ", "`fe01` is not an address", "write one such as"]),
        (&format!("audit -t {keys} {POOL}"), &["keys.toml:2: ", "load_balancer", "load_balancing"]),
        (&format!("audit -t absent.toml {POOL}"), &["cannot read absent.toml"]),
        (&format!("audit --policy {policy} {POOL}"), &["policy.toml:2: ", "unknown severity `red`", "high, medium"]),
        (&format!("audit --role 10.0.0.11 {POOL}"), &["--role 10.0.0.11", "write ADDRESS=ROLE"]),
        (&format!("audit --role 10.0.0.11=boss {POOL}"), &["unknown role `boss`", "front-end"]),
        (&format!("audit --overlay exchange {POOL}"), &["unknown overlay `exchange`", "sql-server"]),
        (&format!("audit --catalog {catalog} {POOL}"), &["rows.toml:2: ", "title"]),
        (&format!("catalog lint {catalog}"), &["rows.toml:2: "]),
        (&format!("catalog lint {HOSTS}"), &["pool-day.toml:"]),
        ("catalog show S99", &["S99", "S01..S52"]),
        ("catalog export lync", &["no built-in catalog `lync`", "sql-server"]),
        ("catalog list --role boss", &["boss", "front-end", "see lyncap catalog list --help"]),
        ("catalog list --port -1", &["`-1` is no port", "see lyncap catalog list --help"]),
        ("catalog list --table foo", &["no table `foo`", "server-ports", "clients", "--overlay"]),
        ("catalog list --port 1/tcp", &["no row matches", "--overlay"]),
        ("catalog rules", &["--topology", "--role"]),
        ("explain 5071/sctp", &["5071/sctp", "write 5071"]),
        ("explain", &["<PORT|FILE>"]),
        ("explain 5071 5072", &["one port"]),
        (&format!("explain {POOL}"), &["is no port", "add --flow N"]),
        ("explain 5071/tcp --flow 3", &["5071/tcp is a port", "name the capture"]),
        ("explain absent.pcap --flow 3", &["cannot read absent.pcap"]),
        (&format!("explain {POOL} --flow 0"), &["flow 0 of 366", "numbered from 1", "lyncap flows"]),
        (&format!("explain {POOL} --flow 367"), &["flow 367 of 366", "lyncap flows"]),
        (&format!("explain {POOL} --flow first"), &["`first` is no number of a flow; write", "--flow"]),
        ("explain 5071 --role 10.0.0.11=front-end", &["--role", "--flow N"]),
        ("frobnicate", &["frobnicate", "--help"]),
        (&format!("flows - {POOL} -"), &["standard input", "only once"]),
        ("flows -", &["empty file"]),
    ] {
        check_refused(line, parts);
    }
}

/// Help that nobody gets is told, unless nobody wants more of it.
#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_told() {
    for line in ["--help", "audit --help", "--version", "catalog list"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let answer: Answer = lyncap(&words(line)).stdout(full).output().unwrap().into();
        check_complaint(line, answer, &["cannot write standard output", "No space", "make room"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let answer: Answer = lyncap(&words(line)).stdout(writer).output().unwrap().into();
        assert_eq!((answer.code, &*answer.err), (Some(0), ""), "{line}");
    }
}

/// A file that is there and cannot be read, even by an administrator.
#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_file_is_refused() {
    check_refused("audit /proc/self/mem", &["cannot read /proc/self/mem"]);
    check_refused(&format!("audit -t /proc/self/mem {POOL}"), &["cannot read /proc/self/mem"]);
    check_refused(&format!("audit -o /dev/full {POOL}"), &["cannot write /dev/full", "No space"]);
}

#[test]
fn without_a_command_help_is_shown_and_nothing_done() {
    for line in ["", "catalog"] {
        let answer = run(&words(line));
        assert_eq!((answer.code, &*answer.out), (Some(2), ""));
        assert!(answer.err.contains("Usage: lyncap") && answer.err.contains("Commands:"), "{}", answer.err);
    }
}

#[test]
fn help_and_version_are_everywhere() {
    let subcommands = [
        "audit",
        "flows",
        "catalog",
        "catalog list",
        "catalog show",
        "catalog export",
        "catalog lint",
        "catalog rules",
        "explain",
    ];
    for subcommand in subcommands.into_iter().chain([""]) {
        for help in ["--help", "-h"] {
            let answer = check_code(&format!("{subcommand} {help}"), 0);
            let usage = format!("Usage: lyncap {subcommand}");
            assert!(answer.out.contains(usage.trim()) && answer.err.is_empty(), "{}", answer.out);
        }
        let answer = check_code(&format!("{subcommand} --version"), 0);
        assert!(answer.out.trim().ends_with(env!("CARGO_PKG_VERSION")) && answer.err.is_empty(), "{}", answer.out);
    }
}

/// Feeds `bytes` to the program.
fn piped(line: &str, bytes: &[u8]) -> Answer {
    let mut child =
        lyncap(&words(line)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&bytes));
    let answer = child.wait_with_output().unwrap().into();
    feeding.join().unwrap().unwrap();
    answer
}

#[test]
fn standard_input_is_read_like_a_file() {
    let named = check_code(&format!("flows -f json -t {HOSTS} {POOL}"), 0);
    let answer = piped(&format!("flows -f json -t {HOSTS} -"), &pool());
    assert_eq!(answer.out, named.out.replace(POOL, "-"));
    assert_eq!((answer.code, &*answer.err), (Some(0), ""));
    assert_eq!(piped("audit -", &pool()).code, Some(1));
    assert_eq!(piped("audit -", &pool()[..50_000]).code, Some(3));
    check_complaint("audit -", piped("audit -", b"no capture"), &["not a packet capture"]);
}

/// The flows of a list, without the footer that names files.
fn flows_of(line: &str) -> String {
    let answer = check_code(&format!("flows -f jsonl {line}"), 0);
    answer.out.lines().filter(|line| line.starts_with("{\"type\":\"flow\"")).collect::<Vec<_>>().join("\n")
}

#[test]
fn several_files_and_directories_are_one_capture() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("ring/old")).unwrap();
    let flow = |hour: u64| {
        let server = "10.0.0.11:5061".parse().unwrap();
        Tcp::new(START + hour * 3600 * SECOND, "10.1.0.20:50123".parse().unwrap(), server).handshake().talk(&[]).close()
    };
    // One connection, cut in two by the ring buffer.
    let frames = flow(0).send(Side::Client, b"x").frames();
    let (first, second) = frames.split_at(4);
    let a = scratch.file("ring/old/1.pcap", Pcap::default().write(first));
    let b = scratch.file("ring/2.pcap", Pcap::default().write(second));
    scratch.file("ring/notes.txt", "nothing to see");
    let ring = scratch.path("ring");
    let whole = flows_of(&format!("{a} {b}"));
    assert_eq!(whole.lines().count(), 1);
    assert!(whole.contains("\"outcome\":\"established\"") && whole.contains(&format!("\"file\":\"{a}\"")), "{whole}");
    assert_eq!(flows_of(&format!("{b} {a}")), whole, "time orders, not the command line");
    assert_eq!(flows_of(&ring), whole);
    let answer = check_code(&format!("flows -v {ring}"), 0);
    for said in ["left out", "notes.txt: not a packet capture", "reading", "1.pcap (pcap, "] {
        assert!(answer.err.contains(said), "{}", answer.err);
    }
    assert!(answer.err.lines().all(|line| line.starts_with("lyncap: ")), "{}", answer.err);
}

#[test]
fn the_catalog_is_the_document() {
    let list = check_code("catalog list", 0).out;
    assert_eq!(list.lines().count(), 92, "a heading and 91 rows");
    for (group, rows) in [('S', 52), ('H', 20), ('D', 7), ('C', 12)] {
        let ids: Vec<_> = list.lines().skip(1).map(|line| &line[..3]).filter(|id| id.starts_with(group)).collect();
        assert_eq!(ids, (1..=rows).map(|n| format!("{group}{n:02}")).collect::<Vec<_>>());
    }
    let blank: Vec<_> = list.lines().filter(|line| line.contains("blank")).collect();
    assert!(matches!(&*blank, [one] if one.starts_with("D06")), "{blank:?}");
    for id in ["S03", "S33", "H16", "D06", "C07", "c12"] {
        let shown = check_code(&format!("catalog show {id}"), 0).out;
        let rows: serde_json::Value =
            serde_json::from_str(&check_code(&format!("catalog show {id} -f json"), 0).out).unwrap();
        let row = &rows["rows"][0];
        assert_eq!(row["id"], id.to_uppercase());
        let said = |words: &str| shown.contains(&words.replace('\n', " / "));
        let words = row["words"].as_object().into_iter().flatten();
        assert!(
            words.map(|(_, words)| words.as_str().unwrap()).chain([row["remark"].as_str().unwrap_or("")]).all(said),
            "{shown}"
        );
    }
}

#[test]
fn every_built_in_catalog_passes_its_own_check() {
    let scratch = Scratch::new();
    let names = check_code("catalog export --list", 0).out;
    assert!(names.lines().count() >= 6, "{names}");
    for name in names.lines() {
        let file = scratch.path(name);
        assert_eq!(run(&words(&format!("catalog export {name} -o {file}"))).code, Some(0));
        let lint = check_code(&format!("catalog lint {file}"), 0);
        assert!(lint.out.starts_with(&format!("{file}: ")) && lint.out.contains(" rows, ") && lint.err.is_empty());
    }
    assert_eq!(check_code("catalog export", 0).out, fs::read_to_string(scratch.path("lync-server-2013")).unwrap());
}

#[test]
fn a_port_may_be_named_three_ways() {
    let both = check_code("explain 5071", 0).out;
    let tcp = check_code("explain 5071/tcp", 0).out;
    assert_eq!(check_code("explain tcp/5071", 0).out, tcp);
    assert!(tcp.contains("S33") && tcp.contains("Response Group") && !tcp.contains("5071/udp:"), "{tcp}");
    assert!(both.starts_with(tcp.trim_end()) && both.contains("5071/udp: "), "{both}");
    assert!(check_code("explain 1433/tcp", 0).out.contains("off; turn it on with --overlay"));
    assert_eq!(check_code("explain 1023/udp", 0).out, "1023/udp: no row\n");
}

#[test]
fn a_flow_is_explained_step_by_step() {
    for (flags, parts) in [
        (
            format!("--flow 225 -t {HOSTS}"),
            &[
                "flow 225  fe01 10.0.0.11:61521 -> fe02 10.0.0.12:50002  tcp/50002",
                "handshake",
                "S39",
                "S28",
                "VERDICT",
            ][..],
        ),
        ("--flow 225".to_owned(), &["not declared; inferred to be front-end or", "ROWS CONSIDERED"]),
        (format!("--flow 225 -t {HOSTS} --overlay all"), &["VERDICT"]),
        (format!("--flow 8 -t {HOSTS}"), &["255.255.255.255:67", "udp/67", "C01"]),
    ] {
        let printed = check_code(&format!("explain {POOL} --utc {flags}"), 0).out;
        for part in parts {
            assert!(printed.contains(part), "{flags} lacks {part}:\n{printed}");
        }
    }
    let line = check_code(&format!("explain {POOL} --flow 225 -t {HOSTS} -f csv"), 0).out;
    let listed = check_code(&format!("flows {POOL} -t {HOSTS} -f csv"), 0).out;
    let of_225 = listed.lines().find(|line| line.starts_with("225,")).unwrap();
    assert!(line.lines().nth(1) == Some(of_225), "{line}");
    let twice = check_code(&format!("explain {POOL} {POOL} --flow 2"), 0).out;
    assert!(twice.contains(&format!("of {POOL} on")), "{twice}");
    assert_eq!(piped("explain - --flow 225", &pool()).code, Some(0));
}

#[test]
fn the_matrix_tells_what_was_seen() {
    let matrix = check_code(&format!("catalog rules -t {HOSTS} -f csv"), 0).out;
    let seen = check_code(&format!("catalog rules -t {HOSTS} -f csv {POOL}"), 0).out;
    // What was seen and is in no line of the matrix stands behind it.
    let unexpected = seen.lines().filter(|line| line.contains(",unexpected,")).count();
    assert_eq!(matrix.lines().count() + unexpected, seen.lines().count());
    assert!(!matrix.contains("seen,"));
    for state in [",seen,", ",never seen,", ",blocked,", ",unexpected,"] {
        assert!(seen.contains(state), "{state}");
    }
}

#[cfg(feature = "live")]
#[test]
fn a_filter_selects() {
    let all = flows_of(POOL);
    let some = flows_of(&format!("{POOL} --port 5061"));
    let filtered = run(&["flows", "-f", "jsonl", POOL, "--filter", "tcp port 5061 or (vlan and tcp port 5061)"]).out;
    let count = filtered.lines().filter(|line| line.starts_with("{\"type\":\"flow\"")).count();
    assert!(count == some.lines().count() && count < all.lines().count(), "{count}");
    for line in filtered.lines().filter(|line| line.starts_with("{\"type\":\"flow\"")) {
        assert!(line.contains("\"port\":5061,"), "{line}");
    }
    let line = ["audit", POOL, "--filter", "port lync"];
    check_complaint("--filter 'port lync'", run(&line), &["--filter 'port lync'", "pcap-filter"]);
}

#[cfg(not(feature = "live"))]
#[test]
fn a_filter_needs_libpcap() {
    let line = ["audit", POOL, "--filter", "tcp port 5061"];
    check_complaint("--filter", run(&line), &["needs libpcap", "--host and --port"]);
}

/// What the system's loader finds in the place of libpcap is a file that is none, and another library.
#[cfg(all(feature = "live", target_os = "linux", not(target_feature = "crt-static")))]
#[test]
fn without_libpcap_all_but_interfaces_and_filters_works() {
    let with = |folder: &Scratch, line: &str| {
        Answer::from(lyncap(&words(line)).env("LD_LIBRARY_PATH", folder.path("")).output().unwrap())
    };
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let another = maps.split_whitespace().find(|word| word.contains("/libgcc_s.so")).unwrap();
    for (content, why) in [(Vec::new(), "file too short"), (fs::read(another).unwrap(), "undefined symbol: pcap_")] {
        let folder = Scratch::new();
        for name in ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"] {
            folder.file(name, &content);
        }
        let (filter, replay) = (format!("flows --filter tcp {POOL}"), format!("live -r {POOL} --filter tcp"));
        for line in ["interfaces", "live -i lo --no-tui --duration 1s", &replay, &filter] {
            check_complaint(
                line,
                with(&folder, line),
                &["need libpcap", why, "install libpcap", "live -r -", "--host"],
            );
        }
        let answer = with(&folder, &format!("audit -t {HOSTS} {POOL}"));
        assert!(answer.code == Some(1) && answer.err.is_empty(), "{}", answer.err);
    }
}

#[cfg(unix)]
#[test]
fn a_report_goes_where_it_is_sent_and_changes_nothing_else_there() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let scratch = Scratch::new();
    let direct = check_code(&format!("flows {POOL} -f csv"), 0);
    assert_eq!(check_code(&format!("flows {POOL} -f csv -o -"), 0).out, direct.out);
    assert!(!Path::new("-").exists());
    let (real, link) = (scratch.file("real.csv", "old"), scratch.path("link.csv"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, &link).unwrap();
    assert_eq!(run(&words(&format!("flows {POOL} -f csv -o {link}"))).code, Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), direct.out);
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_capture_of_a_network_is_named() {
    let scratch = Scratch::new();
    let one = fs::read(healthy(&scratch)).unwrap();
    let twice = scratch.file("twice.pcap", [&one[..], &one].concat());
    let answer = check_code(&format!("audit {twice}"), 3);
    assert!(answer.err.contains("another capture begins here; join captures with mergecap"), "{}", answer.err);
    let head = scratch.file("head.pcap", &one[..7]);
    check_refused(&format!("audit {head}"), &["file header cut short", "nothing of it can be read"]);
    check_refused(POOL, &["is a file, and no command", &format!("try lyncap audit {POOL}")]);
}
