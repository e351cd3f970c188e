//! What payload is called, against tshark, over real captures: for every conversation the same name, a weaker word for
//! a reason that a table gives, or a disagreement that a table explains case by case.
//!
//! In: `../shared/captures`, where it exists. Out: three numbers for each protocol, and a list of what no table explains.
//! Must not know: how anything is recognised.
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod real;

use std::collections::{BTreeMap, BTreeSet};

use real::apps::Theirs;
use real::known::Known;
use real::known_names::{BEYOND, CONFLICTS, UNNAMED, Weakness};
use real::named::Named;
use real::truth::{Key, Truth};

/// What became of the conversations that tshark calls by one name.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    agree: usize,
    weaker: usize,
    conflict: usize,
}

/// By file and name, the conversations that differ.
type Counted = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What the comparison of all files came to.
#[derive(Default)]
struct Tally {
    figures: BTreeMap<&'static str, Figures>,
    unnamed: Counted,
    beyond: Counted,
    conflicts: BTreeSet<(String, String)>,
    /// Payload that neither names.
    neither: usize,
    new_words: BTreeSet<String>,
}

#[test]
fn every_conversation_is_called_what_tshark_calls_it() {
    let files = real::captures(real::SOUND);
    if files.is_empty() {
        return;
    }
    let mut tally = Tally::default();
    for path in &files {
        // Which containers cannot be read is the matter of `real_captures`.
        let Ok(ours) = Named::read(path) else { continue };
        let truth = Truth::read(path);
        for (key, named) in &ours {
            tally.compare(&real::short(path), key, named, &truth);
        }
    }
    println!("{:>12} {:>6} {:>6} {:>8}", "tshark's", "agree", "weaker", "conflict");
    for (name, Figures { agree, weaker, conflict }) in &tally.figures {
        println!("{name:>12} {agree:>6} {weaker:>6} {conflict:>8}");
    }
    let beyond: usize = tally.beyond.values().flat_map(BTreeMap::values).map(Vec::len).sum();
    println!("{beyond} conversations have a name here and none there, {} in neither", tally.neither);
    let unexplained = tally.unexplained();
    assert!(unexplained.is_empty(), "\n{}", unexplained.join("\n"));
}

impl Tally {
    fn compare(&mut self, file: &str, key: &Key, named: &Named, truth: &Truth) {
        // A tunnel that only one of the two opens is the matter of `real_captures`.
        let Some(apps) = truth.apps.get(key) else { return };
        self.new_words
            .extend(apps.keys().filter(|app| Theirs::is_new(key.0, app)).map(|app| format!("{} {app}", key.0)));
        let (transport, low, high) = key;
        let conversation = format!("{transport} {low} {high}");
        let Some(theirs) = Theirs::of(*transport, apps) else {
            match named.protocols.is_empty() {
                true => self.neither += 1,
                false => note(&mut self.beyond, file, named.names(), conversation),
            }
            return;
        };
        let agree = named.protocols.iter().all(|protocol| theirs.ours.contains(protocol));
        let figures = self.figures.entry(theirs.name).or_default();
        if !agree {
            figures.conflict += 1;
            let what = format!("{conversation}: {} is {}", theirs.name, named.names());
            self.conflicts.insert((file.to_owned(), what));
        } else if theirs.named && named.protocols.is_empty() {
            figures.weaker += 1;
            let name = match Weakness::of(theirs.name, named) {
                Some(weakness) => format!("{weakness} {}", theirs.name),
                None => theirs.name.to_owned(),
            };
            note(&mut self.unnamed, file, name, conversation);
        } else {
            figures.agree += 1;
        }
    }

    /// A line for everything that the tables do not have, or have without need.
    fn unexplained(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.new_words.iter().map(|word| format!("no table has tshark's {word}")).collect();
        lines.extend(differences("without a name here", &counted_rows(&self.unnamed), UNNAMED, Some(&self.unnamed)));
        lines.extend(differences("without a name there", &counted_rows(&self.beyond), BEYOND, Some(&self.beyond)));
        lines.extend(differences("conflict", &self.conflicts, CONFLICTS, None));
        lines
    }
}

fn note(counted: &mut Counted, file: &str, name: String, conversation: String) {
    counted.entry(file.to_owned()).or_default().entry(name).or_default().push(conversation);
}

/// A row for each file and name: "rtp 3".
fn counted_rows(counted: &Counted) -> BTreeSet<(String, String)> {
    let rows = counted.iter().flat_map(|(file, names)| names.iter().map(move |(name, all)| (file, name, all.len())));
    rows.map(|(file, name, count)| (file.clone(), format!("{name} {count}"))).collect()
}

/// What is not in the table, with some conversations of each file; and what the table has without need.
fn differences(
    kind: &str,
    found: &BTreeSet<(String, String)>,
    table: &[Known],
    details: Option<&Counted>,
) -> Vec<String> {
    let rows = table.iter().flat_map(|known| known.files);
    let rows: BTreeSet<_> = rows.map(|&(file, what)| (file.to_owned(), what.to_owned())).collect();
    let some = |file: &str| {
        let names = details.and_then(|details| details.get(file)).into_iter().flatten();
        let lines = names.flat_map(|(name, all)| all.iter().take(3).map(move |one| format!("\n    {name}: {one}")));
        lines.collect::<String>()
    };
    let new = found.difference(&rows).map(|(file, what)| format!("{kind}: {file}: {what}{}", some(file)));
    let stale = rows.difference(found).map(|(file, what)| format!("{kind}: no longer: {file}: {what}"));
    new.chain(stale).collect()
}
