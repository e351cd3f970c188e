//! Which flows go when there are too many: the least worth, in sweeps.
//!
//! In: what a flow is worth to the caller. Out: the table without a quarter of its flows, which are handed over.
//! Must not know: what the worth stands for, or when there are too many.
//!
//! A sweep visits every flow, and makes room for a third as many as it leaves: each new flow pays for a few visits. What
//! goes depends on the flows alone, never on the hashes. A later packet of a flow that went begins a new flow.

use super::{Flow, FlowTable};

/// A sweep drops one flow of so many.
const SHARE: usize = 4;

impl<S: Default> FlowTable<S> {
    /// Drops a quarter of the flows, at least one: those worth least, among equals those silent for longest. The others
    /// keep their order; their indices close up.
    pub fn evict<W: Ord>(&mut self, worth: impl Fn(&Flow<S>) -> W, gone: impl FnMut(Flow<S>)) {
        let mut queue: Vec<_> =
            (0_u32..).zip(self.flows.iter()).map(|(index, flow)| (worth(flow), flow.last_seen, index)).collect();
        let going = queue.len().div_ceil(SHARE);
        let Some(last) = going.checked_sub(1) else { return };
        queue.select_nth_unstable(last);
        let mut stays = vec![true; queue.len()];
        for &(_, _, index) in queue.iter().take(going) {
            if let Some(stays) = stays.get_mut(index as usize) {
                *stays = false;
            }
        }
        drop(queue);
        self.keep(&stays, gone);
    }

    /// Keeps the flows whose place in `stays` says so, in their order, and hands over the others. Indices close up.
    pub(super) fn keep(&mut self, stays: &[bool], mut gone: impl FnMut(Flow<S>)) {
        let wide = &mut self.wide;
        self.flows.retain(
            |index| stays.get(index) == Some(&true),
            |flow| {
                *wide -= usize::from(flow.wide.is_some());
                gone(flow);
            },
        );
        let mut next = 0..;
        let places: Vec<_> = stays.iter().map(|&stays| if stays { next.next() } else { None }).collect();
        self.renumber(|index| places.get(index as usize).copied().flatten());
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::{Packet, Tcp, Vlans};
    use crate::flow::{Flow, FlowTable, FrameId, Timeouts};
    use crate::net::{Address, Endpoint, FiveTuple, Timestamp, Transport};

    /// A datagram from `port`.
    fn packet(at: i64, port: u16) -> Packet<'static> {
        let end = |host, port| Endpoint { address: Address::v4([10, 0, 0, host]), port };
        Packet {
            at: Timestamp(at),
            tuple: FiveTuple { source: end(1, port), destination: end(2, 53), transport: Transport::Udp },
            wire_length: 60,
            payload_length: 6,
            payload: &[],
            tcp: Tcp::default(),
            dscp: 0,
            vlan: Vlans::new(),
            tunnel: Default::default(),
            mark: Default::default(),
            broadcast: false,
        }
    }

    fn count(table: &mut FlowTable<()>, packet: &Packet<'_>) {
        table.count(table.hasher().hash(&packet.tuple), packet, FrameId::default());
    }

    const fn port(flow: &Flow<()>) -> u16 {
        flow.tuple.source.port
    }

    fn ports(table: FlowTable<()>) -> Vec<u16> {
        table.into_flows().iter().map(port).collect()
    }

    #[test]
    fn the_least_worth_go_and_among_equals_the_oldest() {
        let mut table = FlowTable::new(Timeouts::default());
        // Flow 1 speaks again at last; 2 and 3 are as old as each other.
        for (at, port) in [(0, 1), (5, 2), (5, 3), (7, 4), (8, 5), (9, 6), (10, 7), (11, 1)] {
            count(&mut table, &packet(at, port));
        }
        let mut gone = Vec::new();
        table.evict(|flow| u8::from(port(flow) == 2), |flow| gone.push(port(&flow)));
        assert_eq!(gone, [3, 4]);
        assert_eq!(ports(table), [1, 2, 5, 6, 7]);
    }

    #[test]
    fn what_stays_is_found_and_what_went_begins_anew() {
        let mut table = FlowTable::new(Timeouts::default());
        for port in 0..5000 {
            count(&mut table, &packet(i64::from(port), port));
        }
        let mut gone = 0;
        table.evict(|_| (), |flow| gone += flow.packets());
        assert_eq!((gone, table.len()), (1250, 3750));
        for port in (0..5000).rev() {
            let packet = packet(6000, port);
            assert_eq!(table.begins(table.hasher().hash(&packet.tuple), &packet), port < 1250);
            count(&mut table, &packet);
        }
        let flows = table.into_flows();
        assert!(flows.iter().take(3750).map(port).eq(1250..5000));
        assert!(flows.iter().skip(3750).map(port).eq((0..1250).rev()));
        assert!(flows.iter().all(|flow| flow.packets() == 1 + u64::from(port(flow) >= 1250)));
    }

    /// Of two flows with the same ends the later one goes: a further packet is not the earlier one's.
    #[test]
    fn a_flow_that_was_over_stays_over() {
        let hour = 3_600_000_000_000;
        let mut table = FlowTable::new(Timeouts::default());
        for at in [0, hour] {
            count(&mut table, &packet(at, 1));
        }
        table.evict(|flow| std::cmp::Reverse(flow.first_seen), |_| ());
        assert_eq!(table.len(), 1);
        count(&mut table, &packet(1, 1));
        assert_eq!(ports(table), [1, 1]);
    }

    #[test]
    fn at_least_one_goes_and_of_nothing_nothing() {
        let mut table = FlowTable::new(Timeouts::default());
        table.evict(|_| (), |_| unreachable!());
        for port in 1..=3 {
            count(&mut table, &packet(0, port));
            let before = table.len();
            table.evict(|_| (), |_| ());
            assert_eq!(table.len(), before - 1);
        }
        assert!(table.is_empty());
    }
}
