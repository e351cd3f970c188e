//! Who the process is, and what it may do beyond that: users, groups, capabilities.
//!
//! In: [`Needs`]. Out: each item's [`State`]. Must not know: Landlock, seccomp.

use std::fs;
use std::path::Path;

use nix::unistd::{AccessFlags, User, access, chown, geteuid, getuid, setgroups, setresgid, setresuid, setuid};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use crate::error::Error;
use crate::privilege::{Needs, State};

/// Whom root becomes where nobody is named.
const NOBODY: &str = "nobody";
/// A set of capabilities has so many bits.
const CAPABILITIES: u32 = u64::BITS;

/// Root becomes another user, for good.
pub(super) fn become_user(needs: &Needs) -> Result<State, Error> {
    let refuse = |why: String| Err(Error::Usage(why));
    let name = needs.user.as_deref().unwrap_or(NOBODY);
    if !geteuid().is_root() {
        let own = User::from_uid(geteuid()).ok().flatten().map(|user| user.name);
        return match needs.user.as_deref().filter(|name| own.as_deref() != Some(*name)) {
            Some(name) => refuse(format!("--user {name}: only root can become another user; leave it out")),
            None => {
                make_directories(needs, None)?;
                Ok(State::NotNeeded(format!("runs as {}", own.unwrap_or_else(|| geteuid().to_string()))))
            }
        };
    }
    let Some(user) = User::from_name(name).ok().flatten() else {
        if needs.user.is_none() {
            return Ok(State::Missing(format!("it stays root: there is no user {name}; name one with --user")));
        }
        return refuse(format!("--user {name}: there is no such user; name another, or make it"));
    };
    if user.uid.is_root() {
        make_directories(needs, None)?;
        return Ok(State::Missing("it is to stay root".to_owned()));
    }
    make_directories(needs, Some(&user))?;
    let dropped = setgroups(&[])
        .and_then(|()| setresgid(user.gid, user.gid, user.gid))
        .and_then(|()| setresuid(user.uid, user.uid, user.uid));
    if let Err(error) = dropped {
        if needs.user.is_none() {
            return Ok(State::Missing(format!("it stays root: {error}")));
        }
        return refuse(format!("--user {name}: {error}; run as that user, or with CAP_SETUID and CAP_SETGID"));
    }
    // Believed only once it fails.
    if setuid(nix::unistd::Uid::from_raw(0)).is_ok() || getuid().is_root() {
        return refuse(format!("--user {name}: it could become root again"));
    }
    Ok(State::Enforced(format!("runs as {name}, in no other group")))
}

/// Makes the directories that are missing, for somebody.
fn make_directories(needs: &Needs, owner: Option<&User>) -> Result<(), Error> {
    for directory in needs.directories.iter().filter(|directory| !directory.exists()) {
        let made = fs::create_dir(directory).and_then(|()| match owner {
            Some(user) => chown(directory, Some(user.uid), Some(user.gid)).map_err(std::io::Error::from),
            None => Ok(()),
        });
        made.map_err(|source| Error::Write { path: directory.clone(), source })?;
    }
    Ok(())
}

/// Whether the user that the process is now can do what it has to.
pub(super) fn check_access(needs: &Needs) -> Result<(), Error> {
    let name = User::from_uid(geteuid()).ok().flatten().map_or_else(|| geteuid().to_string(), |user| user.name);
    let cannot = |path: &Path, flags| access(path, flags).is_err();
    let directory = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    match needs.directories.iter().find(|path| cannot(path, directory)) {
        Some(path) => {
            let path = path.display();
            Err(Error::Usage(format!(
                "{path}: user {name} cannot write it; give it to that user (chown {name} {path}), or name its owner with --user"
            )))
        }
        None => Ok(()),
    }
}

/// Whether a file could be made where this one is.
pub(in crate::privilege) fn could_make(file: &Path) -> bool {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    (file.exists() && !file.is_file()) || access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Nothing that is executed gets capabilities.
pub(super) fn clear_bounding_set() -> State {
    for number in 0..CAPABILITIES {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The kernel knows no more of them.
            Err(Errno::INVAL) => return State::Enforced("empty".to_owned()),
            Err(_) => return State::NotNeeded("it takes CAP_SETPCAP, and no program can be executed".to_owned()),
        }
    }
    State::Enforced("empty".to_owned())
}

/// All capabilities of this thread.
pub(super) fn clear_capabilities() -> State {
    let none = CapabilitySet::empty();
    let cleared = clear_ambient_capability_set()
        .and_then(|()| set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }))
        .and_then(|()| capabilities(None));
    match cleared {
        Ok(sets) if (sets.effective | sets.permitted | sets.inheritable).is_empty() => {
            State::Enforced("none".to_owned())
        }
        Ok(_) => State::Missing("some remained".to_owned()),
        Err(error) => State::Missing(error.to_string()),
    }
}

/// No program that is executed gets more than this one has.
pub(super) fn no_new_privileges() -> State {
    match set_no_new_privs(true) {
        Ok(()) => State::Enforced("none".to_owned()),
        Err(error) => State::Missing(error.to_string()),
    }
}
