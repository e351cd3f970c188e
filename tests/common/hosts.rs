//! In: nothing. Out: who is who in the scenario: addresses, names, and how packets between two of them travel.
//! Must not know: what they say, or when.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{MICROSECOND, MILLISECOND, Wire};

const fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Domain controller.
pub const DC01: IpAddr = ip(10, 0, 0, 5);
/// Front End, Mediation, Central Management store.
pub const FE01: IpAddr = ip(10, 0, 0, 11);
/// Front End, Mediation.
pub const FE02: IpAddr = ip(10, 0, 0, 12);
/// Director.
pub const DIR01: IpAddr = ip(10, 0, 0, 21);
/// Persistent Chat.
pub const PCHAT01: IpAddr = ip(10, 0, 0, 31);
/// Office Web Apps.
pub const OWA01: IpAddr = ip(10, 0, 0, 41);
/// SQL Server.
pub const SQL01: IpAddr = ip(10, 0, 0, 51);
/// Operations Manager: no role, but an accepted peer.
pub const SCOM01: IpAddr = ip(10, 0, 0, 61);
/// The pool's address on the hardware load balancer.
pub const VIP: IpAddr = ip(10, 0, 0, 100);
/// Edge, internal side.
pub const EDGE01: IpAddr = ip(10, 0, 2, 10);
/// Reverse proxy.
pub const RP01: IpAddr = ip(10, 0, 2, 20);
/// PSTN gateway.
pub const GW01: IpAddr = ip(10, 0, 3, 5);
/// fe01 over IPv6.
pub const FE01_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x11));
/// A desk over IPv6.
pub const DESK_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 0x14));

/// The firewall between the servers and Persistent Chat.
pub const FIREWALL: IpAddr = ip(10, 0, 0, 1);
/// Who is not of this house.
pub const OUTSIDER: IpAddr = ip(203, 0, 113, 77);

/// Hosts by name, as DNS and certificates know them.
pub const HOSTS: &[(&str, IpAddr)] = &[
    ("dc01", DC01),
    ("fe01", FE01),
    ("fe02", FE02),
    ("dir01", DIR01),
    ("pchat01", PCHAT01),
    ("owa01", OWA01),
    ("sql01", SQL01),
    ("pool01", VIP),
    ("edge01", EDGE01),
    ("rp01", RP01),
    ("gw01", GW01),
];

/// The IPv4 address of a host that has one.
#[must_use]
pub const fn v4(host: IpAddr) -> Ipv4Addr {
    match host {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// Desk `number`, counted from 0.
#[must_use]
pub const fn desk(number: u8) -> IpAddr {
    ip(10, 1, number / 4, 20 + number)
}

/// Phone `number`, counted from 0.
#[must_use]
pub const fn phone(number: u8) -> IpAddr {
    ip(10, 2, 0, 40 + number)
}

/// How packets between two hosts look at the capture point, the servers' switch.
#[must_use]
pub fn wire(from: IpAddr, to: IpAddr) -> Wire {
    const VOICE_VLAN: u16 = 100;
    let octets = |host: IpAddr| match host {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => [10, 1, 0, 0], // routed, as a desk is
    };
    let ttl = |host| match octets(host) {
        [10, 0, 0, _] => 128,
        [10, 0 | 1, ..] => 127,
        [10, ..] => 63,
        _ => 113,
    };
    let rtt = match (octets(from), octets(to)) {
        ([10, 0, 0, _], [10, 0, 0, _]) => 300 * MICROSECOND,
        ([10, ..], [10, ..]) => 1_800 * MICROSECOND,
        _ => 38 * MILLISECOND,
    };
    let voice = [from, to].into_iter().any(|host| matches!(octets(host), [10, 2, ..]));
    Wire { vlan: voice.then_some(VOICE_VLAN), client_ttl: ttl(from), server_ttl: ttl(to), rtt, ..Wire::default() }
}

/// The name in a host's certificate.
#[must_use]
pub fn name(host: IpAddr) -> String {
    let known = HOSTS.iter().chain(&[("scom01", SCOM01)]).find(|(_, address)| *address == host);
    known.map_or_else(|| host.to_string(), |(name, _)| format!("{name}.contoso.local"))
}
