//! Real servers agree: each is started, spoken to by a real client and captured, and lyncap names what it is.
//!
//! In: servers and clients as Debian packages them (`.ci/run` installs them), tcpdump. Out: for each service, that
//! what its payload proves is what it is.
//! Must not know: signatures.
//!
//! Every test has a network of its own ([`place`]), so servers stand on their own ports and nobody else's traffic is
//! seen. `LYNCAP_KEEP_CAPTURES=FOLDER` keeps the captures.
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(dead_code, unreachable_pub, reason = "no test has a public face")]

#[path = "../place/mod.rs"]
mod place;

mod guard;
mod services;
mod tls;
mod watch;
mod windows;
