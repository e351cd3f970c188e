//! In: command lines, and where their output goes. Out: proof that pipes, files, colours, widths and time zones are
//! treated as the specification says.
//! Must not know: the library; the content of reports.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod program;

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use program::{Answer, HOSTS, POOL, Scratch, check_code, check_complaint, check_refused, lyncap, run, words};

#[test]
fn a_closed_pipe_is_success() {
    for format in ["table", "json", "jsonl", "csv"] {
        for command in
            ["audit --flows", "flows", "flows --by pair", "catalog rules", "catalog list", "explain 5071", "--help"]
        {
            let input = if command.starts_with("audit") || command.starts_with("flows") { POOL } else { "" };
            let hosts = if command == "--help" { String::new() } else { format!("-f {format} -t {HOSTS}") };
            for taken in [0, 7] {
                let mut command = lyncap(&words(&format!("{command} {hosts} {input}")));
                let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                let mut stdout = child.stdout.take().unwrap();
                stdout.read_exact(&mut vec![0; taken]).unwrap();
                drop(stdout);
                let answer: Answer = child.wait_with_output().unwrap().into();
                // An audit that the pipe could swallow whole may have ended before the reader left.
                let swallowed = command.get_args().any(|word| word == "audit") && ["table", "csv"].contains(&format);
                assert!(answer.code == Some(0) || (swallowed && answer.code == Some(1)), "{command:?} {answer:?}");
                assert_eq!(answer.err, "", "{command:?}");
            }
        }
    }
}

#[test]
fn a_result_file_appears_complete_or_not_at_all() {
    let scratch = Scratch::new();
    let out = scratch.path("report");
    for (line, code) in [
        (format!("audit {POOL}"), 1),
        (format!("flows -f jsonl {POOL}"), 0),
        (format!("flows -f csv --by host {POOL}"), 0),
        ("catalog list".to_owned(), 0),
        ("catalog export sql-server".to_owned(), 0),
        ("explain 443".to_owned(), 0),
    ] {
        let answer = run(&words(&format!("{line} -o {out}")));
        assert_eq!((answer.code, &*answer.out, &*answer.err), (Some(code), "", ""), "{line}");
        assert_eq!(scratch.names(), ["report"], "{line}");
        assert_eq!(fs::read_to_string(&out).unwrap(), check_code(&line, code).out, "{line}");
    }
    let before = fs::read(&out).unwrap();
    check_refused(&format!("audit absent -o {out}"), &["absent"]);
    check_refused(&format!("audit {POOL} -o {}", scratch.path("none/report")), &["cannot write", "none/report"]);
    check_refused(&format!("audit {POOL} -o {}", scratch.path("")), &["cannot write"]);
    assert_eq!((scratch.names(), fs::read(&out).unwrap()), (vec!["report".to_owned()], before));
}

/// A disk that fills up while the report is written: the shell limits the size of files to 1 kB or less.
#[cfg(unix)]
#[test]
fn a_report_that_does_not_fit_leaves_nothing_behind() {
    let scratch = Scratch::new();
    for format in ["table", "json", "jsonl", "csv"] {
        let line = format!("flows -f {format} {POOL} -o {}", scratch.path("report"));
        let script = format!("trap '' XFSZ; ulimit -f 1; exec {} {line}", env!("CARGO_BIN_EXE_lyncap"));
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR"));
        check_complaint(&line, shell.output().unwrap().into(), &["cannot write", "report"]);
        assert_eq!(scratch.names(), [""; 0]);
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let shown = |line: &str, no_color: Option<&str>| {
        let mut command = lyncap(&words(line));
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        Answer::from(command.output().unwrap()).out
    };
    for command in ["audit", "flows", "flows --by pair", &format!("catalog rules -t {HOSTS}")] {
        let plain = shown(&format!("{command} {POOL}"), None);
        assert!(!plain.contains('\x1b'), "a pipe is no terminal");
        for (flag, no_color, coloured) in
            [("always", None, true), ("always", Some("1"), true), ("never", None, false), ("auto", Some("1"), false)]
        {
            let text = shown(&format!("{command} {POOL} --color {flag}"), no_color);
            assert_eq!(text.contains("\x1b["), coloured, "{command} --color {flag}");
            assert_eq!(bare(&text), plain, "colour changes nothing else");
        }
        for format in ["json", "jsonl", "csv"] {
            assert!(!shown(&format!("{command} {POOL} -f {format} --color always"), None).contains('\x1b'));
        }
    }
}

/// `text` without colour codes.
fn bare(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    parts.fold(first.to_owned(), |bare, part| bare + part.split_once('m').unwrap().1)
}

/// On a terminal (that of util-linux' `script`) colour is the default, unless NO_COLOR says otherwise.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_coloured_unless_no_color_is_set() {
    if std::process::Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: no `script` on this machine");
        return;
    }
    for (setting, coloured) in [("TERM=xterm", true), ("TERM=xterm NO_COLOR=1", false), ("TERM=dumb", false)] {
        let line = format!("env {setting} {} audit -q {POOL}", env!("CARGO_BIN_EXE_lyncap"));
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        let answer = Answer::from(script.env_remove("NO_COLOR").output().unwrap());
        assert!(answer.code == Some(1) && answer.out.contains("SERVICES SEEN"), "{answer:?}");
        assert_eq!(answer.out.contains("\x1b[1m"), coloured, "{setting}");
    }
}

#[test]
fn tables_are_as_wide_as_the_terminal() {
    let wide = |line: &str, columns: &str| {
        let answer = lyncap(&words(line)).env("COLUMNS", columns).output().unwrap();
        Answer::from(answer).out
    };
    for flags in [String::new(), format!("-t {HOSTS}"), format!("-t {HOSTS} --overlay all")] {
        for command in ["audit", "flows", "flows --by service", "flows --by host", "flows --by pair"] {
            let text = wide(&format!("{command} {POOL} {flags}"), "80");
            let long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(!text.is_empty() && long.is_empty(), "{command} {flags}: {long:#?}");
        }
    }
    for (command, more) in [("audit", &["lasted p50", "also fits"][..]), ("flows", &["first seen", "bytes", "service"])]
    {
        let line = format!("{command} {POOL}");
        let (narrow, wide) = (wide(&line, "80"), wide(&line, "200"));
        assert!(more.iter().all(|column| wide.contains(column)), "{wide}");
        assert!(more.iter().any(|column| !narrow.contains(column)), "{narrow}");
    }
}

#[test]
fn people_read_local_time_and_programs_utc() {
    let on =
        |zone: &str, line: &str| -> String { Answer::from(lyncap(&words(line)).env("TZ", zone).output().unwrap()).out };
    for command in ["audit", "flows"] {
        let line = format!("{command} {POOL}");
        assert!(on("EST5", &line).contains("2026-03-02 02:58:"), "{command}");
        assert!(on("EST5", &format!("{line} --utc")).contains("2026-03-02 07:58:"), "{command}");
        for format in ["json", "jsonl", "csv"] {
            let line = format!("{line} -f {format}");
            assert_eq!(on("EST5", &line), on("UTC", &line));
        }
    }
}
