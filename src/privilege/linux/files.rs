//! Landlock: which files, and no network.
//!
//! In: [`Needs`]. Out: the state of both. Must not know: users, system calls.
//!
//! Wanted is what kernels since 6.12 offer; of an older one what it has, and then something is missing.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use crate::privilege::{Needs, State};

/// The newest rights that are asked for: signals and abstract sockets (6), TCP (4), truncation (3), devices (5).
const WANTED: ABI = ABI::V6;

/// Restricts this thread, and those that it begins: files and network.
pub(super) fn restrict(needs: &Needs) -> (State, State) {
    match (files(needs), network()) {
        (Ok(files), Ok(network)) => (state(&files), state(&network)),
        (Err(error), _) | (_, Err(error)) => {
            let missing = State::Missing(error.to_string());
            (missing.clone(), missing)
        }
    }
}

fn state(status: &RestrictionStatus) -> State {
    match status.ruleset {
        RulesetStatus::FullyEnforced => State::Enforced("Landlock".to_owned()),
        RulesetStatus::PartiallyEnforced => State::Missing("this kernel's Landlock can do only some of it".to_owned()),
        RulesetStatus::NotEnforced => State::Missing("this kernel has no Landlock, or it is off".to_owned()),
    }
}

fn files(needs: &Needs) -> Result<RestrictionStatus, RulesetError> {
    type Fs = AccessFs;
    let kept: BitFlags<Fs> =
        make_bitflags!(AccessFs::{ReadFile | WriteFile | ReadDir | MakeReg | RemoveFile | Truncate});
    let written: BitFlags<Fs> = make_bitflags!(AccessFs::{WriteFile | MakeReg | Truncate});
    let read: BitFlags<Fs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let places: Vec<PathBuf> = needs.files.iter().map(|file| place(file)).collect();
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(&needs.directories, kept))?
        .add_rules(path_beneath_rules(&places, written))?
        .add_rules(path_beneath_rules(&needs.readable, read))?
        .restrict_self()
}

/// What has to be writable so that a file can be written, also after somebody moved it away: its directory. A device is
/// never moved.
fn place(file: &Path) -> PathBuf {
    if file.exists() && !file.is_file() {
        return file.to_owned();
    }
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn network() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .restrict_self()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_in_its_place() {
        for (file, expected) in
            [("a", "."), ("/var/log/a", "/var/log"), ("x/a", "x"), ("/dev/null", "/dev/null"), ("/a", "/")]
        {
            assert_eq!(place(Path::new(file)), Path::new(expected), "{file}");
        }
    }
}
