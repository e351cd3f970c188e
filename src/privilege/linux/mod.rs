//! Linux: users, capabilities, Landlock, seccomp, in an order in which each can still be done.
//!
//! In: what is wanted and needed. Out: what was enforced.
//! Must not know: the calls that each takes.

use std::fs;

use super::{Enforced, Level, Needs, State};
use crate::error::Error;
use crate::report::text::plural;

#[cfg(target_pointer_width = "64")]
mod calls;
mod files;
mod user;

#[cfg(not(target_pointer_width = "64"))]
mod calls {
    /// There are filters for 64 bits alone.
    pub(super) fn restrict() -> super::State {
        super::State::Missing("no filter for this processor".to_owned())
    }
}

pub(super) use user::could_make;

pub(super) fn confine(level: Level, needs: &Needs) -> Result<Enforced, Error> {
    let mut enforced = Enforced::default();
    if level == Level::Off {
        if needs.user.is_some() {
            enforced.note("user", user::become_user(needs)?);
        }
        return Ok(enforced);
    }
    if let Some(others) = other_threads() {
        enforced
            .note("threads", State::Missing(format!("{} began before and stay as they are", plural(others, "thread"))));
    }
    // The bounding set takes a capability to be cleared, and a user change takes two.
    let bounding = user::clear_bounding_set();
    enforced.note("user", user::become_user(needs)?);
    enforced.note("capabilities", user::clear_capabilities());
    enforced.note("bounding set", bounding);
    enforced.note("new privileges", user::no_new_privileges());
    user::check_access(needs)?;
    let (files, network) = files::restrict(needs);
    enforced.note("files", files);
    enforced.note("network", network);
    enforced.note("system calls", calls::restrict());
    Ok(enforced)
}

/// Threads besides this one; none where there are none.
fn other_threads() -> Option<u64> {
    let threads = fs::read_dir("/proc/self/task").ok()?.count() as u64;
    threads.checked_sub(1).filter(|others| *others > 0)
}
