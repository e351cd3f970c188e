//! When a flow is over, and why: the end of its record.
//!
//! In: flows, the time by now. Out: [`EndReason`]; the table without the flows that go.
//! Must not know: who counts what goes, windows. (RFC 5102 §5.11.3 names the same reasons.)

use super::{Flow, FlowTable, Marks, Timeouts};
use crate::net::{Both, Timestamp, Transport};

/// Why the record of a flow is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// It was closed by both ends, or reset, and no more came for a while.
    Closed,
    /// It was silent for longer than its timeout.
    Idle,
    /// A new connection took its ports.
    Reopened,
    /// It left for want of room, judged by what was seen of it.
    Evicted,
    /// The clock stepped back behind it: nobody can tell how long it is silent.
    ClockStep,
    /// The capture ended.
    EndOfCapture,
    /// It goes on: it is reported because it is long.
    ActiveTimeout,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Idle,
        Self::Reopened,
        Self::Evicted,
        Self::ClockStep,
        Self::EndOfCapture,
        Self::ActiveTimeout,
    ];

    /// As exported in `end_reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Idle => "idle-timeout",
            Self::Reopened => "reopened",
            Self::Evicted => "evicted",
            Self::ClockStep => "clock-step",
            Self::EndOfCapture => "end-of-capture",
            Self::ActiveTimeout => "active-timeout",
        }
    }

    /// Whether the flow leaves the table.
    #[must_use]
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::ActiveTimeout)
    }
}

/// A closed connection stays for so long: retransmissions and late segments are still its own. (RFC 9293 §3.4.2: twice
/// the maximum segment lifetime, four minutes; Windows waits as long by default, most others one minute.)
const LINGER_NS: i64 = 240_000_000_000;
/// Interfaces are read one after the other: what is a little late is no silence.
const GRACE_NS: i64 = 2_000_000_000;

/// By what flows end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// After so much silence.
    pub timeouts: Timeouts,
    /// By now.
    pub now: Timestamp,
    /// The clock stepped back so long ago, in nanoseconds, that a flow seen after `now` by more than its timeout was seen
    /// before the step; none if it never did.
    pub stepped_ns: Option<i64>,
}

impl Ending {
    /// Whether a flow is over; `open` says whether packets can still be counted in it.
    #[must_use]
    pub fn of<S>(&self, flow: &Flow<S>, open: bool) -> Option<EndReason> {
        let timeout = self.timeouts.of(flow.tuple.transport);
        let silent = self.now.since(flow.last_seen);
        if silent > timeout.saturating_add(GRACE_NS) {
            return Some(EndReason::Idle);
        }
        if !open {
            return Some(EndReason::Reopened);
        }
        if self.stepped_ns.is_some_and(|ago| ago > timeout) && -silent > timeout {
            return Some(EndReason::ClockStep);
        }
        (is_closed(flow) && silent > LINGER_NS.min(timeout)).then_some(EndReason::Closed)
    }
}

/// Whether both ends said that they were done, or one that it will hear no more.
#[must_use]
pub fn is_closed<S>(flow: &Flow<S>) -> bool {
    let Both { forward, reverse } = flow.handshake.marks;
    let reset = forward.has(Marks::RST) || reverse.has(Marks::RST);
    flow.tuple.transport == Transport::Tcp && (reset || (forward.has(Marks::FIN) && reverse.has(Marks::FIN)))
}

impl Timeouts {
    /// That of a transport, in nanoseconds.
    #[must_use]
    pub const fn of(&self, transport: Transport) -> i64 {
        match transport {
            Transport::Tcp => self.tcp_ns,
            Transport::Udp => self.udp_ns,
        }
    }
}

impl<S: Default> FlowTable<S> {
    /// Of each flow, whether packets can still be counted in it: not where another took its place.
    #[must_use]
    pub fn open(&self) -> Vec<bool> {
        let mut open = vec![false; self.len()];
        for index in self.occupied() {
            if let Some(open) = open.get_mut(index as usize) {
                *open = true;
            }
        }
        open
    }

    /// Drops the flows whose place in `stays` says so. The others keep their order; their indices close up.
    pub fn release(&mut self, stays: &[bool]) {
        self.flows.retain(|index| stays.get(index) == Some(&true), drop);
        let mut next = 0..;
        let places: Vec<_> = stays.iter().map(|&stays| if stays { next.next() } else { None }).collect();
        self.renumber(|index| places.get(index as usize).copied().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Packet, Tcp};
    use crate::flow::FrameId;
    use crate::net::{Address, Endpoint, FiveTuple};

    const SECOND: i64 = 1_000_000_000;

    fn packet(at_s: i64, flags: u8, back: bool) -> Packet<'static> {
        let end = |host, port| Endpoint { address: Address::v4([10, 0, 0, host]), port };
        let there = FiveTuple { source: end(1, 50_123), destination: end(2, 5061), transport: Transport::Tcp };
        Packet {
            at: Timestamp(at_s * SECOND),
            tuple: if back { there.reversed() } else { there },
            wire_length: 60,
            payload_length: 0,
            payload: &[],
            tcp: Tcp { flags, ..Tcp::default() },
            dscp: 0,
            vlan: Default::default(),
            tunnel: Default::default(),
            mark: Default::default(),
            broadcast: false,
        }
    }

    /// Why a flow of these packets is over at `now`, in seconds.
    fn check(packets: &[(i64, u8, bool)], now: i64, open: bool, stepped: Option<i64>, expected: Option<EndReason>) {
        let mut table = FlowTable::<()>::new(Timeouts::default());
        for &(at, flags, back) in packets {
            let packet = packet(at, flags, back);
            let prepared = table.prepare(&packet.tuple);
            table.count(&prepared, &packet, FrameId::default());
        }
        let ending = Ending {
            timeouts: Timeouts::default(),
            now: Timestamp(now * SECOND),
            stepped_ns: stepped.map(|ago| ago * SECOND),
        };
        assert_eq!(ending.of(&table.into_flows()[0], open), expected, "{packets:?} at {now}");
    }

    #[test]
    fn a_flow_is_over_for_a_reason() {
        let (ack, fin, rst) = (Tcp::ACK, Tcp::FIN | Tcp::ACK, Tcp::RST);
        let closed = &[(0, ack, false), (1, fin, false), (2, fin, true)];
        for (packets, now, open, stepped, expected) in [
            (&[(0, ack, false)][..], 3600, true, None, None),
            (&[(0, ack, false)], 3603, true, None, Some(EndReason::Idle)),
            (&[(0, ack, false)], 10, false, None, Some(EndReason::Reopened)),
            (closed, 200, true, None, None),
            (closed, 243, true, None, Some(EndReason::Closed)),
            (&[(0, ack, false), (1, fin, false)], 243, true, None, None),
            (&[(0, ack, false), (1, rst, true)], 243, true, None, Some(EndReason::Closed)),
            // An hour and more after the clock went back by a day.
            (&[(90_000, ack, false)], 3600, true, None, None),
            (&[(90_000, ack, false)], 3600, true, Some(3000), None),
            (&[(90_000, ack, false)], 3700, true, Some(3700), Some(EndReason::ClockStep)),
        ] {
            check(packets, now, open, stepped, expected);
        }
    }

    #[test]
    fn what_goes_is_gone_and_what_stays_is_found() {
        let mut table = FlowTable::<()>::new(Timeouts::default());
        let count = |table: &mut FlowTable<()>, at, port| {
            let mut packet = packet(at, Tcp::SYN, false);
            packet.tuple.source.port = port;
            packet.tcp.sequence = at as u32;
            let prepared = table.prepare(&packet.tuple);
            table.count(&prepared, &packet, FrameId::default());
        };
        // Port 2 is opened again.
        for (at, port) in [(0, 1), (1, 2), (2, 3), (3, 2)] {
            count(&mut table, at, port);
        }
        assert_eq!(table.open(), [true, false, true, true]);
        table.release(&[false, false, true, true]);
        assert_eq!(table.open(), [true, true]);
        count(&mut table, 3, 2);
        count(&mut table, 2, 3);
        count(&mut table, 9, 1);
        let flows = table.into_flows();
        assert!(flows.iter().map(|flow| ({ flow.tuple.source.port }, flow.packets())).eq([(3, 2), (2, 2), (1, 1)]));
    }

    #[test]
    fn reasons_have_different_names() {
        let names: std::collections::BTreeSet<_> = EndReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(names.len(), EndReason::ALL.len());
        assert!(!EndReason::ActiveTimeout.is_end() && EndReason::Idle.is_end());
    }
}
