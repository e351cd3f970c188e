//! Whatever file the program is given, it ends soon, within little memory, and with the exit code that the file deserves.
//!
//! In: the captures of `fixtures/`, and of `../shared/captures/hostile`, where it exists. Out: exit codes and messages of
//! the built program, run under the system's limits. Must not know: the library.
//!
//! A capture that is sound as a container is read to its end, however strange its packets are: exit 0 or 1. Of any other
//! a message says what is wrong, and the exit is 2 where nothing could be read, else 3.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;
mod program;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Seconds of processor time, and KiB of address space, which is more than what is resident.
const SECONDS: u32 = 5;
const KIB: u32 = 200 * 1024;

/// Exit codes of files that are sound, and of files that are not.
const SOUND: &[i32] = &[0, 1];
const BROKEN: &[i32] = &[2, 3];

/// Why files are not sound, which exit codes they may have, and which they are. Names are those of their folder, or the
/// beginnings of names that several share.
const EXCEPTIONS: &[(&str, &[i32], &[&str])] = &[
    ("nothing is in it", &[2], &["zero_length.pcap"]),
    (
        "cut within a header or a record",
        BROKEN,
        &[
            "cut_",
            "pf_ring_aoe-oobr-1.pcap",
            "pf_ring_bgp-bgp_capabilities_print-oobr-2.pcap",
            "pf_ring_esis_opt_prot-oobr.pcap",
            "pp_cf_5165927376355328",
            "pp_cf_5685520970809344",
            "pp_cf_5696447256461312",
            "pp_cf_6207688043397120",
            "pp_crash-81dba690a3f67ee41a41390a625db732fa1413a1",
            "pp_crash-invalid-asn-record-len",
            "scapy_bad_rsn_parsing_overrides_ssid.pcap",
            "security-d_covenant_",
        ],
    ),
    ("says itself that frames were dropped", &[3], &["pcapng-tes_test018.pcapng", "pcapng-tes_test102.pcapng"]),
    (
        "Bluetooth, low-rate wireless, netlink: not network traffic",
        &[2],
        &["pcapsql_netlink-nflog.pcap", "pp_cf_5669109772845056", "tcpdump_802_15_4-oobr-"],
    ),
    ("zeros where a record should be", &[3], &["tcpdump_bgp_vpn_rt-oobr.pcap"]),
    (
        "a record as long as no frame is",
        BROKEN,
        &[
            "huge_snaplen_and_caplen.pcap",
            "pf_ring_atm-heapoverflow.pcap",
            "pf_ring_babel_update_oobr.pcap",
            "pf_ring_dccp_options-oobr.pcap",
            "pf_ring_frf16_magic_ie-oobr.pcap",
            "pp_cf_4923398479413248",
            "pp_cf_5165538295939072",
            "pp_cf_5188876846235648",
            "pp_cf_5204104585674752",
            "pp_cf_5723611632762880",
            "pp_cf_5758569646653440",
            "pp_crash-eec28dafde1f1ac2299674a75a914ae16d4046fa",
            "pp_http_layer_parse_request.bug.pcap",
        ],
    ),
    (
        "a version, a length or an option that the format does not know, or a packet before its interface",
        BROKEN,
        &[
            "libpcap_pcap-invalid-version-1.pcap",
            "libpcap_pcapng-block-len-too-small.pcapng",
            "libpcap_pcapng-idb-tsresol-badlen.pcapng",
            "libpcap_pcapng-packet-before-idb.pcapng",
            "pf_ring_juniper_header-heapoverflow.pcap",
            "pf_ring_tftp-heapoverflow.pcap",
        ],
    ),
];

/// Captures in a folder; none, and a word about it, where there is no such folder.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        println!("skipped: no {}", folder.display());
        return Vec::new();
    };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// Runs the program on a file, within the limits.
fn run(path: &Path, format: &str) -> program::Answer {
    let script = format!("ulimit -t {SECONDS}; ulimit -v {KIB}; exec \"$0\" audit -q --overlay all -f {format} \"$1\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_lyncap")]).arg(path).stdin(Stdio::null());
    shell.output().unwrap().into()
}

/// What is wrong with a file's answer.
fn complaint(path: &Path, format: &str, codes: &[i32]) -> Option<String> {
    let answer = run(path, format);
    // Killed at a limit it has no code, and after a panic or without memory one that means nothing.
    let Some(code) = answer.code.filter(|code| codes.contains(code)) else {
        return Some(format!("exit {:?} where {codes:?} is right: {}", answer.code, answer.err));
    };
    let name = path.file_name().unwrap().to_string_lossy();
    let told = answer.err.lines().count() == 1 && answer.err.starts_with("lyncap: ") && answer.err.contains(&*name);
    let right = match code {
        2 => told && answer.out.is_empty(),
        3 => told && !answer.out.is_empty(),
        _ => answer.err.is_empty() && !answer.out.is_empty(),
    };
    (!right).then(|| format!("exit {code}, but says {:?}", answer.err))
}

#[test]
fn every_file_ends_as_it_deserves() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = captures(&project.join("fixtures"));
    let is_capture = |path: &&PathBuf| path.extension().is_some_and(|end| end.to_string_lossy().contains("cap"));
    let hostile = captures(&project.join("../shared/captures/hostile"));
    let (mut wrong, mut matched) = (Vec::new(), BTreeSet::new());
    let formats = ["table", "json", "jsonl", "csv"];
    for (path, format) in fixtures.iter().filter(is_capture).chain(&hostile).zip(formats.into_iter().cycle()) {
        let name = path.file_name().unwrap().to_string_lossy();
        let exception = EXCEPTIONS.iter().find_map(|(why, codes, names)| {
            let known = names.iter().find(|known| name.starts_with(**known))?;
            Some((*why, *codes, *known))
        });
        matched.extend(exception.map(|(_, _, known)| known));
        let (why, codes) = exception.map_or(("sound", SOUND), |(why, codes, _)| (why, codes));
        wrong.extend(complaint(path, format, codes).map(|what| format!("{name} ({why}): {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed: BTreeSet<_> = EXCEPTIONS.iter().flat_map(|(_, _, names)| *names).copied().collect();
    assert!(hostile.is_empty() || listed == matched, "no longer there: {:?}", listed.difference(&matched));
}

/// Frames as long as any are, each of which fills a buffer, held while another thread looks at them.
#[test]
fn long_frames_are_not_held_without_bound() {
    const LONG: u32 = 1 << 20;
    let scratch = program::Scratch::new();
    let path = scratch.path("long.pcap");
    let mut file = File::create(&path).unwrap();
    file.write_all(&common::savefile::Pcap::default().write(&[])).unwrap();
    let end = |host: u8, port| std::net::SocketAddr::from(([10, 0, 0, host], port));
    for n in 0..400_u16 {
        let (from, to) = (end(1, 50_000 + n), end(2, 5061));
        let body = common::frame::udp(from, to, b"long");
        let packet = common::frame::packet(
            from.ip(),
            to.ip(),
            common::frame::UDP,
            common::frame::Hop { ttl: 64, dscp: 0, id: n },
            &body,
        );
        let frame = common::frame::carry(from.ip(), to.ip(), None, &packet);
        for word in [u32::from(n) + 1, 0, LONG, LONG] {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
        file.write_all(&frame).unwrap();
        file.seek(SeekFrom::Current(i64::from(LONG) - frame.len() as i64)).unwrap();
    }
    let length = file.stream_position().unwrap();
    file.set_len(length).unwrap();
    assert_eq!(complaint(Path::new(&path), "json", SOUND), None);
}

/// The shell knows the limits: without them the test above would say nothing of time and memory.
#[test]
fn the_limits_are_limits() {
    let script = format!("ulimit -t {SECONDS}; ulimit -v {KIB}; ulimit -t; ulimit -v");
    let answer = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), format!("{SECONDS}\n{KIB}\n"));
}
