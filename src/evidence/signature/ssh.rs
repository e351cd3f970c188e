//! SSH's first line. (RFC 4253 §4.2, §5.)
//!
//! In: the first bytes of one direction. Out: a probe, with the protocol's version: 2.0, or 1.99 for both 1 and 2.
//! Must not know: ports, rows, who opened the connection: both ends begin so.

use super::Prefix;
use super::line;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// How it begins, and the version that says so.
const BEGINNINGS: [(&[u8], u8, u8); 4] =
    [(b"SSH-2.0-", 2, 0), (b"SSH-1.99-", 1, 99), (b"SSH-1.5-", 1, 5), (b"SSH-1.3-", 1, 3)];

/// Over TCP.
#[must_use]
pub fn stream(prefix: Prefix<'_>) -> Probe {
    let mut wanted = None;
    for (beginning, major, minor) in BEGINNINGS {
        match line::begins(prefix.bytes, beginning) {
            Some(true) => {
                return Probe::Certain(Sighting::of(Protocol::Ssh, Speaker::Either).version(major, minor));
            }
            None => wanted = wanted.max(Some(prefix.bytes.len() + 1)),
            Some(false) => {}
        }
    }
    wanted.map_or(Probe::NotMe, Probe::Unsure)
}

/// Beginnings of streams, as captured.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("2.0", b"SSH-2.0-OpenSSH_5.9p1 Debian-5ubuntu1\r\n"),
    ("2.0, LF alone", b"SSH-2.0-OpenSSH_3.6.1p1\n"),
    ("1.99", b"SSH-1.99-OpenSSH_3.1p1\n"),
];

#[cfg(test)]
mod tests {
    use super::super::tests;
    use super::*;

    #[test]
    fn the_first_line_tells_the_version() {
        let either = Sighting::of(Protocol::Ssh, Speaker::Either);
        for ((name, bytes), expected) in
            SAMPLES.iter().zip([either.version(2, 0), either.version(2, 0), either.version(1, 99)])
        {
            tests::every_cut(stream, name, bytes, expected);
        }
        tests::every_cut(stream, "1.5", b"SSH-1.5-1.2.27\n", either.version(1, 5));
    }

    #[test]
    fn it_is_asked_again_when_it_can_tell() {
        let probe = |bytes| stream(Prefix { bytes, from_start: true, ended: false });
        assert_eq!(probe(b""), Probe::Unsure(1));
        assert_eq!(probe(b"SSH-2.0"), Probe::Unsure(8));
        assert_eq!(probe(b"SSH-3.0-"), Probe::NotMe);
        assert_eq!(probe(b"ssh-2.0-"), Probe::NotMe);
    }

    #[test]
    fn noise_is_not_it() {
        tests::no_noise(stream);
    }
}
