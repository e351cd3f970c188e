//! What became of a connection.
//!
//! In: a flow, its initiator, whether the responder's host is seen to answer anything. Out: [`Outcome`].
//! Must not know: rows, roles.

use crate::evidence::{Evidence, Protocol};
use crate::flow::{Flow, IcmpError, Marks};
use crate::net::{Direction, Transport};

/// What became of a connection, as far as the capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is told by `as_str` and the specification")]
pub enum Outcome {
    Established,
    Refused,
    Unanswered,
    Unreachable,
    OneWay,
    Midstream,
    Answered,
}

impl Outcome {
    /// As exported.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Unreachable => "unreachable",
            Self::OneWay => "one-way",
            Self::Midstream => "midstream",
            Self::Answered => "answered",
        }
    }

    /// Whether somebody asked in vain.
    #[must_use]
    pub const fn is_blocked(self) -> bool {
        matches!(self, Self::Refused | Self::Unanswered | Self::Unreachable)
    }
}

/// The outcome of `flow`. `answers` tells whether the responder's host is seen to answer elsewhere in the capture: without
/// that, silence may only mean that the capture does not see it.
pub(super) fn outcome(flow: &Flow<Evidence>, initiator: Direction, answers: impl FnOnce() -> bool) -> Outcome {
    let responder = initiator.opposite();
    let asked = flow.sent(initiator) > 0;
    let replied = flow.sent(responder) > 0;
    let (ours, theirs) = (flow.handshake.marks.of(initiator), flow.handshake.marks.of(responder));
    let opened = ours.has(Marks::SYN) || theirs.has(Marks::SYN_ACK);
    match flow.tuple.transport {
        Transport::Tcp if opened && asked && (theirs.has(Marks::SYN_ACK) || theirs.has(Marks::TALKED)) => {
            Outcome::Established
        }
        Transport::Tcp if opened && asked && theirs.has(Marks::RST) => Outcome::Refused,
        Transport::Tcp if asked && replied => Outcome::Midstream,
        Transport::Udp if asked && replied => Outcome::Answered,
        _ if !asked => Outcome::OneWay,
        _ if flow.icmp.is_some_and(|icmp| icmp.quoted == initiator && icmp.is_unreachable()) => Outcome::Unreachable,
        // Data without a handshake, or after it, is no request in vain: the answer took another path.
        Transport::Tcp if !opened || ours.has(Marks::TALKED) => Outcome::OneWay,
        // A stream asks nothing.
        Transport::Udp if is_stream(&flow.state, initiator) => Outcome::OneWay,
        _ if answers() => Outcome::Unanswered,
        _ => Outcome::OneWay,
    }
}

/// Whether one end sends RTP or RTCP and nothing that wants an answer, as ICE's STUN does.
fn is_stream(evidence: &Evidence, sender: Direction) -> bool {
    let stun = evidence.media().is_some_and(|media| media.stun || media.turn);
    let rtp = |protocol| matches!(protocol, Protocol::Rtp | Protocol::Rtcp);
    !stun && evidence.seen(sender).is_some_and(|seen| rtp(seen.what.protocol))
}

/// Names of ICMP errors: (IPv6, type, code or any, name). RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3.
const ICMP_NAMES: &[(bool, u8, Option<u8>, &str)] = &[
    (false, 3, Some(0), "network unreachable"),
    (false, 3, Some(1), "host unreachable"),
    (false, 3, Some(2), "protocol unreachable"),
    (false, 3, Some(3), "port unreachable"),
    (false, 3, Some(4), "fragmentation needed"),
    (false, 3, Some(6), "network unknown"),
    (false, 3, Some(7), "host unknown"),
    (false, 3, Some(9), "network administratively prohibited"),
    (false, 3, Some(10), "host administratively prohibited"),
    (false, 3, Some(13), "communication administratively prohibited"),
    (false, 3, None, "destination unreachable"),
    (false, 4, None, "source quench"),
    (false, 5, None, "redirect"),
    (false, 11, None, "time exceeded"),
    (false, 12, None, "parameter problem"),
    (true, 1, Some(0), "no route to destination"),
    (true, 1, Some(1), "communication administratively prohibited"),
    (true, 1, Some(2), "beyond scope of source address"),
    (true, 1, Some(3), "address unreachable"),
    (true, 1, Some(4), "port unreachable"),
    (true, 1, Some(5), "source address failed policy"),
    (true, 1, Some(6), "reject route to destination"),
    (true, 1, None, "destination unreachable"),
    (true, 2, None, "packet too big"),
    (true, 3, None, "time exceeded"),
    (true, 4, None, "parameter problem"),
];

/// "communication administratively prohibited (ICMP 3/13)".
#[must_use]
pub fn icmp_text(icmp: IcmpError) -> String {
    let IcmpError { v6, kind, code, .. } = icmp;
    let family = if v6 { "ICMPv6" } else { "ICMP" };
    let matches = |&&(of_v6, of_kind, of_code, _): &&(bool, u8, Option<u8>, &str)| {
        of_v6 == v6 && of_kind == kind && of_code.is_none_or(|of_code| of_code == code)
    };
    let name = ICMP_NAMES.iter().find(matches).map_or("ICMP error", |&(.., name)| name);
    format!("{name} ({family} {kind}/{code})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Protocol;
    use crate::verdict::testing::{media_as, nothing, spoken, udp, unanswered};

    /// One datagram that nobody answers, though the host answers elsewhere.
    fn check(evidence: Evidence, expected: Outcome) {
        let flow = unanswered(&udp("10.1.0.5:50123", "10.0.0.11:50002", evidence));
        assert_eq!(outcome(&flow, Direction::Forward, || true), expected);
        assert_eq!(outcome(&flow, Direction::Forward, || false), Outcome::OneWay);
    }

    #[test]
    fn a_stream_asks_nothing_and_any_other_datagram_asks() {
        check(nothing(), Outcome::Unanswered);
        check(spoken(Protocol::Dns), Outcome::Unanswered);
        check(spoken(Protocol::UnknownBinary), Outcome::Unanswered);
        check(media_as(Protocol::Stun, &[], false), Outcome::Unanswered);
        check(media_as(Protocol::MsTurn, &[], false), Outcome::Unanswered);
        check(media_as(Protocol::Rtp, &[0], false), Outcome::OneWay);
        check(media_as(Protocol::Rtcp, &[], false), Outcome::OneWay);
    }
}
