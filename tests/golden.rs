//! In: `fixtures/CASES`, a list of command lines. Out: proof that each prints `fixtures/golden/NAME`, byte for byte.
//! Must not know: the library, what is in an output.
//!
//! `LYNCAP_BLESS=1 cargo test --test golden` rewrites the outputs and removes those that no case names.
// Helpers of a test may fail like a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use program::{Answer, lyncap};

/// One line of the list: name, exit code, command line.
struct Case<'a> {
    name: &'a str,
    code: i32,
    words: Vec<&'a str>,
}

impl<'a> Case<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| !name.starts_with('#'))?;
        let code = words.next().and_then(|code| code.parse().ok());
        Some(Self { name, code: code.unwrap_or_else(|| panic!("no exit code: {line}")), words: words.collect() })
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The case's output is the stored one, or becomes it when blessed. What is wrong, if anything.
fn check(case: &Case<'_>) -> Option<String> {
    let Case { name, code, words } = case;
    let answer: Answer = lyncap(words).env("COLUMNS", "100").output().unwrap().into();
    if answer.code != Some(*code) || !answer.err.is_empty() {
        return Some(format!("{name}: exit {:?} instead of {code}; {}", answer.code, answer.err));
    }
    let path = fixture("golden").join(name);
    if std::env::var_os("LYNCAP_BLESS").is_some() {
        fs::write(&path, &answer.out).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    if stored == answer.out {
        return None;
    }
    let lines = stored.lines().map(Some).chain(std::iter::repeat(None));
    let printed = answer.out.lines().map(Some).chain([None]);
    let (at, (old, new)) = (1..).zip(lines.zip(printed)).find(|(_, (old, new))| old != new)?;
    let [old, new] = [old, new].map(|line| line.unwrap_or("(the end)"));
    Some(format!("{name}, line {at}:\n  stored  {old}\n  printed {new}"))
}

#[test]
fn every_case_prints_what_is_stored() {
    let list = fs::read_to_string(fixture("CASES")).unwrap();
    let cases: Vec<_> = list.lines().filter_map(Case::parse).collect();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    fs::create_dir_all(fixture("golden")).unwrap();
    let wrong: Vec<_> = cases.iter().filter_map(check).collect();
    for entry in fs::read_dir(fixture("golden")).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_str().is_some_and(|name| names.contains(name)) {
            assert!(std::env::var_os("LYNCAP_BLESS").is_some(), "no case names {}", entry.path().display());
            fs::remove_file(entry.path()).unwrap();
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nif that is meant, run LYNCAP_BLESS=1 cargo test --test golden and read the difference",
        wrong.join("\n")
    );
}
