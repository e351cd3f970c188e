//! The footer of every output: what was read, what was skipped, what is wrong with it.
//!
//! In: a run's counters and verdict counts. Out: [`Summary`], a part of the contract (spec §8).
//! Must not know: single flows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::audit::Fitness;
use super::text::rfc3339;
use crate::capture;
use crate::reading::Stats;

/// The footer.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct Summary {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub schema: &'static str,
    pub files: Vec<FileRecord>,
    pub catalogs: Vec<String>,
    pub first_seen: Option<String>,
    pub last_seen: Option<String>,
    pub frames: u64,
    pub bytes: u64,
    pub packets: u64,
    pub flows: u64,
    pub duplicates: u64,
    pub skipped: BTreeMap<String, u64>,
    pub damage: Vec<Damage>,
    pub verdicts: BTreeMap<&'static str, u64>,
    pub proofs: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitness: Option<Fitness>,
}

/// One file read.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct FileRecord {
    pub name: String,
    pub format: &'static str,
    pub compression: Option<&'static str>,
    pub frames: u64,
    pub dropped: Option<u64>,
}

/// Where a file broke off.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct Damage {
    pub file: String,
    pub offset: u64,
    pub what: String,
}

impl Summary {
    /// The footer of a run, with its flows counted by verdict, and by proof.
    #[must_use]
    pub fn new(
        stats: &Stats,
        files: &[capture::InputFile],
        damage: &[capture::Damage],
        catalogs: Vec<String>,
        (verdicts, proofs): (BTreeMap<&'static str, u64>, BTreeMap<&'static str, u64>),
    ) -> Self {
        let file = |file: &capture::InputFile| FileRecord {
            name: file.name.clone(),
            format: file.format,
            compression: file.compression,
            frames: file.frames,
            dropped: file.dropped,
        };
        let broken = |damage: &capture::Damage| Damage {
            file: damage.file.clone(),
            offset: damage.offset,
            what: damage.what.clone(),
        };
        Self {
            kind: "summary",
            schema: "lyncap.summary.v1",
            files: files.iter().map(file).collect(),
            catalogs,
            first_seen: stats.span.map(|(first, _)| rfc3339(first)),
            last_seen: stats.span.map(|(_, last)| rfc3339(last)),
            frames: stats.frames,
            bytes: stats.bytes,
            packets: stats.packets,
            flows: verdicts.values().sum(),
            duplicates: stats.duplicates,
            skipped: stats.skips.iter().map(|(name, n)| (name.into_owned(), n)).collect(),
            damage: damage.iter().map(broken).collect(),
            verdicts,
            proofs,
            fitness: None,
        }
    }
}
