//! The house rules that a compiler does not enforce: imports go one way, every file says what it is, none is too long.
//!
//! In: the sources. Out: a list of what breaks a rule.
//! Must not know: what the code does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules of the crate it may name. Data order: nobody imports a later stage. Adding an edge is a decision.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("net", &[]),
    ("error", &[]),
    ("capture", &["net", "error"]),
    ("decode", &["net", "capture"]),
    ("duplicate", &["net", "capture", "decode"]),
    ("flow", &["net", "decode"]),
    ("evidence", &["net", "decode"]),
    ("catalog", &["net", "error"]),
    ("topology", &["net", "error", "catalog"]),
    ("verdict", &["net", "flow", "evidence", "catalog", "topology"]),
    ("reading", &["net", "capture", "decode", "evidence", "flow"]),
    ("pipeline", &["capture", "decode", "duplicate", "error", "evidence", "flow", "net", "reading"]),
    ("report", &["net", "error", "capture", "flow", "evidence", "catalog", "topology", "verdict", "reading"]),
    (
        "live",
        &[
            "capture", "catalog", "error", "evidence", "flow", "net", "pipeline", "reading", "report", "topology",
            "verdict",
        ],
    ),
    ("keep", &["capture", "error", "flow", "live", "net", "report"]),
    ("metrics", &["error", "keep", "live", "net"]),
    ("screen", &["live", "net", "report", "verdict"]),
    ("privilege", &["error", "report"]),
    (
        "cli",
        &[
            "capture",
            "catalog",
            "error",
            "flow",
            "keep",
            "live",
            "metrics",
            "net",
            "pipeline",
            "privilege",
            "reading",
            "report",
            "screen",
            "topology",
            "verdict",
        ],
    ),
];

/// Lines of a file before its tests, and of a function.
const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;

struct Source {
    /// Relative to `src`.
    name: String,
    module: String,
    /// Up to the tests.
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut pending = vec![src.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    let source = |path: &PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        let module = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::to_owned);
        Source { name, module, lines: before_tests(lines.collect()) }
    };
    let sources: Vec<_> = files.iter().map(source).collect();
    assert!(sources.len() > 40, "{} sources found", sources.len());
    sources
}

/// The lines before `#[cfg(test)] mod tests`.
fn before_tests(lines: Vec<String>) -> Vec<String> {
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests"));
    lines.into_iter().take(tests.unwrap_or(usize::MAX)).collect()
}

/// Names after `crate::` in a line of code.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or(line);
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(""))
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources().iter().filter(|source| !["lib", "main"].contains(&&*source.module)) {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == source.module) else {
            wrong.push(format!("{}: no row for module {}", source.name, source.module));
            continue;
        };
        for import in source.lines.iter().flat_map(|line| imports(line)).filter(|import| *import != source.module) {
            used.insert((source.module.clone(), import.to_owned()));
            if !allowed.contains(&import) {
                wrong.push(format!("{}: {} -> {import}", source.name, source.module));
            }
        }
    }
    for (module, allowed) in MAY_IMPORT {
        for import in allowed.iter().filter(|import| !used.contains(&((*module).to_owned(), (**import).to_owned()))) {
            wrong.push(format!("no longer needed: {module} -> {import}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_no_cycle() {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while let Some((module, _)) = MAY_IMPORT
        .iter()
        .find(|(module, imports)| !done.contains(module) && imports.iter().all(|import| done.contains(import)))
    {
        done.insert(module);
    }
    assert_eq!(done.len(), MAY_IMPORT.len(), "only {done:?} can be put in order");
}

#[test]
fn every_file_says_what_comes_in_what_goes_out_and_what_it_must_not_know() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|source| !["lib", "main"].contains(&&*source.module))
        .filter(|source| {
            let header: String = source.lines.iter().take_while(|line| line.starts_with("//!")).cloned().collect();
            !["In: ", "Out: ", "Must not know: "].iter().all(|part| header.contains(part))
        })
        .map(|source| source.name)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn no_file_and_no_function_is_too_long() {
    let mut long = Vec::new();
    for source in sources() {
        if source.lines.len() > FILE_LINES {
            long.push(format!("{}: {} lines", source.name, source.lines.len()));
        }
        for (first, line) in source.lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent: String = line.chars().take_while(|c| *c == ' ').collect();
            let end = format!("{indent}}}");
            let body = source.lines[first..].iter().position(|line| *line == end).unwrap_or(0) + 1;
            if body > FUNCTION_LINES {
                long.push(format!("{}:{}: {body} lines", source.name, first + 1));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The first line of a function with a body below it.
fn is_function(line: &str) -> bool {
    let code = line.trim_start();
    let named =
        ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "const fn ", "pub const fn ", "pub(super) const fn "];
    named.iter().any(|start| code.starts_with(start)) && !code.ends_with(';') && !code.ends_with('}')
}

#[test]
fn unsafe_code_has_no_place_here() {
    let allowed = ["capture/libpcap/loaded.rs"];
    let words = ["{", "fn ", "impl ", "trait ", "extern "].map(|next| ["un", "safe ", next].concat());
    let code = |line: &str| line.split("//").next().unwrap_or("").to_owned();
    let found: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.lines.iter().any(|line| words.iter().any(|word| code(line).contains(word))))
        .map(|source| source.name)
        .filter(|name| !allowed.contains(&&**name))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
