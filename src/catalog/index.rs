//! Port → rows, in one array look-up.
//!
//! In: the rows that count. Out: for a transport and a port, the rows that have it, in catalog order.
//! Must not know: roles, sides, verdicts.

use std::collections::BTreeMap;

use super::row::Row;
use crate::net::Transport;

/// Rows by port, for one transport. Ports between two range borders share a list, so that 65,536 entries of two bytes suffice.
#[derive(Default)]
struct ByPort {
    segment: Vec<u16>,
    lists: Vec<Vec<u16>>,
}

/// So many rows may have the same port: each flow to it is held against all of them.
pub const ROWS_OF_A_PORT: usize = 1000;

/// Rows by transport and port.
#[derive(Default)]
pub struct Index {
    tcp: ByPort,
    udp: ByPort,
}

impl Index {
    /// Indexes `rows`; a row is known by its place there.
    ///
    /// # Errors
    /// A port that more than [`ROWS_OF_A_PORT`] have.
    pub fn new(rows: &[Row]) -> Result<Self, (Transport, u16)> {
        let of = |transport| ByPort::new(rows, transport).map_err(|port| (transport, port));
        Ok(Self { tcp: of(Transport::Tcp)?, udp: of(Transport::Udp)? })
    }

    /// Places of the rows that have this port, ascending.
    pub fn at(&self, transport: Transport, port: u16) -> impl Iterator<Item = usize> + '_ {
        let by_port = match transport {
            Transport::Tcp => &self.tcp,
            Transport::Udp => &self.udp,
        };
        let list = by_port.segment.get(usize::from(port)).and_then(|&segment| by_port.lists.get(usize::from(segment)));
        list.into_iter().flatten().map(|&row| usize::from(row))
    }
}

impl ByPort {
    /// Passes the ports once from below, with the rows that have each. `Err` is a port that too many have.
    fn new(rows: &[Row], transport: Transport) -> Result<Self, u16> {
        let mut borders: BTreeMap<u32, Vec<(u16, bool)>> = BTreeMap::from([(0, Vec::new())]);
        for (place, row) in (0_u16..).zip(rows).filter(|(_, row)| row.transports.contains(&transport)) {
            for range in &row.ports {
                borders.entry(u32::from(range.first)).or_default().push((place, true));
                borders.entry(u32::from(range.last) + 1).or_default().push((place, false));
            }
        }
        let mut segment = vec![0; 1 << 16];
        let mut lists: Vec<Vec<u16>> = Vec::with_capacity(borders.len());
        // A row may have a port twice.
        let mut here: BTreeMap<u16, u32> = BTreeMap::new();
        let mut borders = borders.into_iter().peekable();
        while let Some((first, changes)) = borders.next() {
            for (place, begins) in changes {
                let times = here.entry(place).or_default();
                *times = if begins { *times + 1 } else { times.saturating_sub(1) };
            }
            here.retain(|_, times| *times > 0);
            if here.len() > ROWS_OF_A_PORT {
                return Err(first as u16);
            }
            let end = borders.peek().map_or(1 << 16, |&(next, _)| next as usize);
            if let Some(ports) = segment.get_mut(first as usize..end) {
                ports.fill(lists.len() as u16);
            }
            lists.push(here.keys().copied().collect());
        }
        Ok(Self { segment, lists })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::parse;

    /// A catalog of one row for each text of ports.
    fn rows(ports: impl Iterator<Item = String>) -> Vec<Row> {
        let row = |(i, ports)| {
            format!(
                "[[row]]\nid='X{i}'\ntable='t'\nservice='s'\nroles=['front-end']\nports='{ports}'\n\
                 transports=['tcp']\napplication='http'\nsource='s'\n"
            )
        };
        let head = "format='lyncap.catalog.v1'\n[catalog]\nname='x'\ntitle='t'\ndocument=''\nsource='s'\n";
        parse("x", &(head.to_owned() + &ports.enumerate().map(row).collect::<String>())).unwrap().rows
    }

    #[test]
    fn every_port_has_its_rows() {
        let texts = ["1-65535", "80", "80, 443", "79-81, 80", "443-444", "65535", "1"];
        let rows = rows(texts.iter().map(|text| (*text).to_owned()));
        let index = Index::new(&rows).unwrap_or_else(|_| unreachable!());
        for port in 0..=u16::MAX {
            let expected: Vec<_> = (0..rows.len()).filter(|&place| rows[place].has_port(port)).collect();
            assert_eq!(index.at(Transport::Tcp, port).collect::<Vec<_>>(), expected, "{port}");
            assert_eq!(index.at(Transport::Udp, port).count(), 0);
        }
    }

    #[test]
    fn no_port_has_rows_without_end() {
        let crowd = |n: usize| Index::new(&rows((0..n).map(|i| format!("{}-5061", 5061 - i)))).err();
        assert_eq!(crowd(ROWS_OF_A_PORT), None);
        assert_eq!(crowd(ROWS_OF_A_PORT + 1), Some((Transport::Tcp, 5061)));
    }

    #[test]
    fn many_rows_on_many_ports_are_indexed_in_one_pass() {
        let rows = rows((0..5000).map(|i| (i + 1000).to_string()));
        let many: Vec<Row> = rows.iter().cycle().take(60_000).cloned().collect();
        let index = Index::new(&many).unwrap_or_else(|_| unreachable!());
        assert_eq!(index.at(Transport::Tcp, 1000).count(), 12);
    }
}
