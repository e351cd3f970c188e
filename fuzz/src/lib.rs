//! What the targets do, compiled with libFuzzer's counters: the project's own tests include the same files.

#[path = "../../tests/common/mod.rs"]
pub mod common;
#[path = "../../tests/fuzzed/mod.rs"]
pub mod fuzzed;
#[path = "../../tests/safe/mod.rs"]
pub mod safe;
