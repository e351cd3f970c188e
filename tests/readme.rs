//! What the README shows is what the program prints.
//!
//! In: README.md. Out: the first line of it that no longer holds.
//! Must not know: anything that the README does not say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod program;

use program::lyncap;

const README: &str = include_str!("../README.md");

/// The fenced block after `mark`.
fn block(mark: &str) -> Vec<&'static str> {
    let (_, rest) = README.split_once(mark).expect("the mark");
    rest.lines()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .collect()
}

/// Standard output of a promised command line, `cargo run … -- WORDS`.
fn run(command: &str, more: &[&str]) -> String {
    let (_, words) = command.split_once("-- ").unwrap_or_else(|| ("", command.trim_start_matches("lyncap ")));
    let words: Vec<&str> = words.split(' ').chain(more.iter().copied()).collect();
    let output = lyncap(&words).env("COLUMNS", "80").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_main_commands_output_is_shown_as_it_is() {
    let command = block("<!-- main command -->")[0];
    let printed = run(command, &["--utc"]);
    let mut rest = printed.lines();
    for line in block("## What it says").iter().filter(|line| **line != "[…]") {
        assert!(rest.any(|printed| printed == *line), "not printed, or not in this order: {line}");
    }
}

#[test]
fn the_flow_is_shown_as_it_is() {
    let command = block("Each flow can be had")[0];
    let printed: serde_json::Value = serde_json::from_str(run(command, &[]).lines().next().unwrap()).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&block("--format jsonl\n```").join("\n")).unwrap();
    for (field, value) in shown.as_object().unwrap() {
        assert_eq!(&printed[field], value, "{field}");
    }
}

#[test]
fn every_command_named_exists() {
    for line in README.lines().filter(|line| line.starts_with("| `lyncap ")) {
        for command in line.split("`lyncap ").skip(1).filter_map(|part| part.split('`').next()) {
            let words: Vec<&str> = command.split(' ').take_while(|word| word.chars().all(char::is_lowercase)).collect();
            let output = lyncap(&[&words[..], &["--help"]].concat()).output().unwrap();
            assert!(output.status.success(), "{command}");
        }
    }
}
