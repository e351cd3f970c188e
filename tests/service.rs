//! The systemd unit that ships with the project is one, and confines what it runs.
//!
//! In: `fixtures/lyncap-live.service`. Out: what is missing in it; what `systemd-analyze` says of it, where that is here.
//! Must not know: what the program does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail loudly, and says when it skips"
)]

mod program;

use std::collections::BTreeMap;
use std::process::Command;

use program::{Scratch, run};

const UNIT: &str = include_str!("../fixtures/lyncap-live.service");

/// Section and key to value; lines that go on are one.
fn settings() -> BTreeMap<(String, String), String> {
    let (mut section, mut settings) = (String::new(), BTreeMap::new());
    for line in UNIT.replace("\\\n", " ").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        let before = settings.insert((section.clone(), key.to_owned()), value.to_owned());
        assert_eq!(before, None, "{line}");
    }
    settings
}

fn service(key: &str) -> String {
    settings().remove(&("Service".to_owned(), key.to_owned())).unwrap_or_else(|| panic!("no {key}"))
}

#[test]
fn it_has_one_right_and_few_places() {
    for (key, value) in [
        ("AmbientCapabilities", "CAP_NET_RAW"),
        ("CapabilityBoundingSet", "CAP_NET_RAW"),
        ("NoNewPrivileges", "yes"),
        ("DynamicUser", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
        ("SystemCallArchitectures", "native"),
        ("IPAddressDeny", "any"),
        // Findings are no failure, and a wrong command line is wrong the next time too.
        ("SuccessExitStatus", "1 3"),
        ("RestartPreventExitStatus", "2"),
    ] {
        assert_eq!(service(key), value, "{key}");
    }
    let families = service("RestrictAddressFamilies");
    assert!(families.split(' ').any(|family| family == "AF_PACKET"), "{families}");
    // What it confines itself with must not be forbidden before.
    let calls = service("SystemCallFilter");
    assert!(calls.contains("seccomp") && calls.matches("landlock_").count() == 3, "{calls}");
    assert!(service("ExecReload").contains("-HUP"));
}

#[test]
fn it_writes_where_it_may_and_is_asked_from_this_host() {
    let command = service("ExecStart");
    let words: Vec<_> = command.split_whitespace().collect();
    let after =
        |flag: &str| words[words.iter().position(|word| *word == flag).unwrap_or_else(|| panic!("no {flag}")) + 1];
    let (logs, state) = (service("LogsDirectory"), service("StateDirectory"));
    assert!(after("--output").starts_with(&format!("/var/log/{logs}/")), "{command}");
    let flagged = after("--write-flagged").strip_prefix("/var/lib/").unwrap();
    assert!(state.split(' ').any(|directory| directory == flagged), "{command}");
    assert!(after("--metrics").starts_with("127.0.0.1:"), "{command}");
}

#[test]
fn the_program_knows_the_words() {
    let help = run(&["live", "--help"]);
    if help.code != Some(0) {
        eprintln!("skipped: this program has no live command");
        return;
    }
    for flag in service("ExecStart").split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(help.out.contains(flag), "{flag}\n{}", help.out);
    }
}

#[test]
fn systemd_takes_it() {
    let scratch = Scratch::new();
    let unit = UNIT.replace("/usr/local/bin/lyncap", env!("CARGO_BIN_EXE_lyncap"));
    let file = scratch.file("lyncap-live.service", unit);
    let Ok(output) = Command::new("systemd-analyze").args(["verify", "--man=no", &file]).output() else {
        eprintln!("skipped: systemd-analyze is not here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // An older systemd may not know a call; anything else is a mistake.
    let wrong: Vec<_> = said.lines().filter(|line| line.contains("lyncap-live")).collect();
    assert!(wrong.is_empty(), "{said}");
}
