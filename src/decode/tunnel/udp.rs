//! Tunnels over UDP: which port, and what reads the header.
//!
//! In: a UDP payload and its ports. Out: the [`Open`] to try on it.
//! Must not know: how any of the headers looks.
//!
//! A port is a hint and no proof: clients are given these numbers too. So every reader asks of its header whatever its
//! document fixes, and [`super::super::innermost`] that IP stands in it and fits; else the packet is one of the UDP
//! conversation. Where the capture ends before that is known, it is the tunnel's, and truncated, if all of the part
//! that proves the tunnel was captured; else the conversation's. What proves it are the first four bytes of VXLAN,
//! GENEVE, GTP, AYIYA and GRE, and in the others, which fix less, the headers up to IP's.

use super::{Open, broker, gre, gtp, l2tp, mpls, overlay};

/// A tunnel's port.
struct Row {
    /// Registered with IANA, or its implementations' own (8472: Linux).
    port: u16,
    /// Whether what comes from the port is the tunnel's too: one end's port is its own choice. Of the others the
    /// source port is a hash of what is inside.
    answers: bool,
    open: Open,
}

const ROWS: &[Row] = &[
    Row { port: 1701, answers: true, open: l2tp::over_udp },
    Row { port: 2152, answers: false, open: gtp::header },
    Row { port: 3544, answers: true, open: broker::teredo },
    Row { port: 4754, answers: false, open: gre::over_udp },
    Row { port: 4789, answers: false, open: overlay::vxlan },
    Row { port: 4790, answers: false, open: overlay::vxlan_gpe },
    Row { port: 5072, answers: true, open: broker::ayiya },
    Row { port: 6081, answers: false, open: overlay::geneve },
    Row { port: 6635, answers: false, open: mpls::over_udp },
    Row { port: 8472, answers: false, open: overlay::vxlan },
];

/// What reads the payload of a datagram between these ports, if they are a tunnel's.
pub(super) fn between(source: u16, destination: u16) -> Option<Open> {
    let row = ROWS.iter().find(|row| row.port == destination || (row.answers && row.port == source))?;
    Some(row.open)
}

/// A bit for each port up to the highest in [`ROWS`].
static PORTS: [u64; WORDS] = ports();
const WORDS: usize = 8472 / 64 + 1;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of bounds")]
const fn ports() -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let mut i = 0;
    while i < ROWS.len() {
        let port = ROWS[i].port;
        words[(port / 64) as usize] |= 1 << (port % 64);
        i += 1;
    }
    words
}

/// Whether a port stands in the table. On the way of every UDP packet.
#[inline]
pub(in crate::decode) fn has(port: u16) -> bool {
    PORTS.get(usize::from(port / 64)).is_some_and(|word| word >> (port % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_table() {
        assert!(ROWS.windows(2).all(|pair| pair[0].port < pair[1].port));
        for port in 0..=u16::MAX {
            assert_eq!(has(port), ROWS.iter().any(|row| row.port == port), "{port}");
        }
    }

    #[test]
    fn a_source_port_is_a_tunnels_only_where_one_end_chooses() {
        for row in ROWS {
            assert!(between(50_000, row.port).is_some());
            assert_eq!(between(row.port, 50_000).is_some(), row.answers, "{}", row.port);
        }
        assert!(between(5060, 5061).is_none());
    }
}
