//! Stage 8: judged flows → what people and programs read.
//!
//! In: flows with their verdicts, counters of the run. Out: plain data in a fixed order, and its bytes as table, JSON,
//! JSON lines or CSV. Must not know: how a verdict is reached, files, terminals beyond their width and colour.

pub mod audit;
pub mod comment;
pub mod community_id;
pub mod explain;
pub mod flows;
pub mod rules;
pub mod table;
pub mod text;

pub mod rows;
pub mod write;

mod chunks;
mod columns;
mod csv;
mod flat;
mod json;
mod media;
mod observed;
mod record;
mod summary;
#[cfg(test)]
mod testing;

pub use media::StreamRecord;
pub use observed::{CertificateRecord, ObservedRecord};
pub use record::{FlowRecord, NearMissRecord, Side};
pub use summary::{Damage, FileRecord, Summary};

/// Output formats of `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
}
