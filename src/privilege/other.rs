//! Systems other than Linux: nothing of it is available.
//!
//! In: what is wanted. Out: that it is missing. Must not know: anything else.

use std::path::Path;

use super::{Enforced, Level, Needs, State};
use crate::error::Error;

pub(super) const fn could_make(_file: &Path) -> bool {
    true
}

pub(super) fn confine(level: Level, needs: &Needs) -> Result<Enforced, Error> {
    if let Some(user) = &needs.user {
        return Err(Error::Usage(format!("--user {user} is not available on this system; run lyncap as that user")));
    }
    let mut enforced = Enforced::default();
    if level != Level::Off {
        enforced.note("sandbox", State::Missing("not available on this system".to_owned()));
    }
    Ok(enforced)
}
