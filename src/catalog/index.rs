//! Port → rows, in one array look-up.
//!
//! In: the rows that count. Out: for a transport and a port, the rows that have it, in catalog order.
//! Must not know: roles, sides, verdicts.

use super::row::Row;
use crate::net::Transport;

/// Rows by port, for one transport. Ports between two range borders share a list, so that 65,536 entries of two bytes suffice.
struct ByPort {
    segment: Vec<u16>,
    lists: Vec<Vec<u16>>,
}

/// Rows by transport and port.
pub struct Index {
    tcp: ByPort,
    udp: ByPort,
}

impl Index {
    /// Indexes `rows`; a row is known by its place there.
    #[must_use]
    pub fn new(rows: &[Row]) -> Self {
        Self { tcp: ByPort::new(rows, Transport::Tcp), udp: ByPort::new(rows, Transport::Udp) }
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
    fn new(rows: &[Row], transport: Transport) -> Self {
        let mut borders = vec![0_u32];
        let of_transport = |row: &Row| row.transports.contains(&transport);
        for range in rows.iter().filter(|row| of_transport(row)).flat_map(|row| &row.ports) {
            borders.extend([u32::from(range.first), u32::from(range.last) + 1]);
        }
        borders.sort_unstable();
        borders.dedup();
        let mut segment = vec![0; 1 << 16];
        let mut lists = Vec::with_capacity(borders.len());
        for (i, &first) in borders.iter().enumerate().filter(|&(_, &first)| first < 1 << 16) {
            let end = borders.get(i + 1).map_or(1 << 16, |&next| next as usize);
            if let Some(ports) = segment.get_mut(first as usize..end) {
                ports.fill(lists.len() as u16);
            }
            let has = |row: &Row| of_transport(row) && row.has_port(first as u16);
            lists.push((0_u16..).zip(rows).filter(|(_, row)| has(row)).map(|(place, _)| place).collect());
        }
        Self { segment, lists }
    }
}
