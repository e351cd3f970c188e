//! In: a day that goes well. Out: the same day with what an administrator or an auditor should find in it.
//! Must not know: what `lyncap` thinks of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::hosts::{DC01, DESK_V6, FE01, FE01_V6, FE02, FIREWALL, OUTSIDER, OWA01, PCHAT01, SCOM01, VIP};
use super::hosts::{desk, name, v4, wire};
use super::pool::{Day, START, mutual, one_way};
use super::tls::{ClientAuth, TLS_1_2, application};
use super::{MILLISECOND, Noise, SECOND, Side, Talk, Tcp, Udp};
use super::{microsoft, payload};

/// A service on a documented port, or in a documented range, that is not what the document says.
pub struct Impostor {
    /// What it is.
    pub what: &'static str,
    /// Seconds after the start.
    pub second: u64,
    /// Who talks to it.
    pub from: IpAddr,
    /// Where it listens.
    pub to: IpAddr,
    /// On which TCP port.
    pub port: u16,
    /// What it says.
    pub talk: fn() -> Talk,
}

/// The six, in the order of `fixtures/README.md`.
pub const IMPOSTORS: &[Impostor] = &[
    Impostor { what: "SSH", second: 615, from: desk(7), to: FE02, port: 5071, talk: payload::ssh },
    Impostor { what: "HTTP", second: 1215, from: desk(7), to: FE01, port: 49_300, talk: monitor },
    Impostor { what: "DCE/RPC", second: 1515, from: DC01, to: FE01, port: 49_155, talk: scheduler },
    Impostor { what: "TLS", second: 1815, from: FE01, to: FE02, port: 50_002, talk: logging_agent },
    Impostor { what: "SIP in clear text", second: 2115, from: desk(6), to: FE01, port: 5061, talk: old_client },
    Impostor { what: "HTTP", second: 2415, from: OWA01, to: FE01, port: 5062, talk: status_page },
];

fn monitor() -> Talk {
    payload::http("fe01:49300", "/perf")
}

fn scheduler() -> Talk {
    microsoft::rpc_bind(microsoft::TASK_SCHEDULER, 1, 49_155)
}

fn logging_agent() -> Talk {
    mutual(FE01, FE02)
}

fn old_client() -> Talk {
    payload::sip("REGISTER", "user6", v4(desk(6)), "401 Unauthorized")
}

fn status_page() -> Talk {
    payload::http("fe01:5062", "/status")
}

/// All of it.
pub fn everything(day: &mut Day) {
    for impostor in IMPOSTORS {
        let at = impostor.second * SECOND + 419 * MILLISECOND;
        day.tcp(at, impostor.from, impostor.to, impostor.port, &(impostor.talk)());
    }
    blocked(day);
    strangers(day);
    oddities(day);
}

/// Documented ports that do not work: dropped, refused, prohibited.
fn blocked(day: &mut Day) {
    let start = |day: &mut Day, second: u64, from: IpAddr, to: IpAddr, port: u16| {
        Tcp::new(START + second * SECOND, day.socket(from), SocketAddr::new(to, port)).on(wire(from, to))
    };
    for second in [830, 1730, 2630] {
        let tcp = start(day, second, VIP, FE02, 5072);
        day.keep(tcp.unanswered().frames());
    }
    for second in [1110, 2010] {
        let tcp = start(day, second, FE02, FE01, 5076);
        day.keep(tcp.refused().frames());
    }
    const ADMINISTRATIVELY_PROHIBITED: u8 = 13;
    for second in [1320, 2220] {
        let tcp = start(day, second, FE02, PCHAT01, 5041);
        day.keep(tcp.unreachable(FIREWALL, ADMINISTRATIVELY_PROHIBITED).frames());
    }
}

/// Peers that no table knows: one from outside, one that was reviewed and accepted.
fn strangers(day: &mut Day) {
    day.tcp(3015 * SECOND, OUTSIDER, FE01, 3389, &payload::rdp("administrator"));
    for (second, from) in [(333, FE01), (345, FE02)] {
        day.tcp(second * SECOND, from, SCOM01, 5723, &mutual(from, SCOM01));
    }
}

/// Legal, and easy to get wrong: no handshake, IPv6, fragments, a lease that is not Lync's.
fn oddities(day: &mut Day) {
    let midstream = application(TLS_1_2, 5, &mut Noise::of("midstream"));
    let client = day.socket(desk(3));
    let tcp = Tcp::new(START + 3 * SECOND, client, SocketAddr::new(FE02, 5061)).on(wire(desk(3), FE02));
    day.keep(tcp.talk(&midstream).pause(2 * SECOND).reset(Side::Client).frames());

    day.tcp(444 * SECOND, DESK_V6, FE01_V6, 5061, &one_way(&name(FE01), ClientAuth::Declined, 2));

    // A domain with thirty verification strings does not fit into one frame.
    let strings: Vec<Vec<u8>> = (0..30_u8)
        .map(|number| {
            payload::txt(&format!(
                "site-verification={:016x}{number:02}-contoso-federation",
                Noise::of([number]).next()
            ))
        })
        .collect();
    let client = day.socket(FE01);
    let mut udp = Udp::new(START + 777 * SECOND, client, SocketAddr::new(DC01, 53)).on(wire(FE01, DC01));
    for turn in payload::dns("contoso.com", payload::TXT, &strings) {
        udp = udp.send_fragmented(turn.0, &turn.1, 1480);
    }
    day.keep(udp.frames());

    lease(day);
}

/// An ordinary DHCP lease: a desk asks everyone, the domain controller offers. Not Lync's vendor class.
fn lease(day: &mut Day) {
    let address = v4(desk(7));
    let everyone = SocketAddr::new(Ipv4Addr::BROADCAST.into(), 67);
    let options = bytes![payload::dhcp_option(60, b"MSFT 5.0"), payload::dhcp_option(55, &[1, 3, 6, 15])];
    let discover = payload::Dhcp { kind: 1, client: address, options: &options };
    let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 68);
    let at = START + 95 * SECOND;
    day.keep(Udp::new(at, nobody, everyone).send(Side::Client, &discover.bytes()).frames());
    let options = bytes![
        payload::dhcp_option(54, &[10, 0, 0, 5]),
        payload::dhcp_option(51, &[0, 1, 0x51, 0x80]),
        payload::dhcp_option(1, &[255, 255, 0, 0]),
    ];
    let offer = payload::Dhcp { kind: 2, client: address, options: &options };
    let server = SocketAddr::new(DC01, 67);
    let client = SocketAddr::new(address.into(), 68);
    // The server speaks: seen from the pair (client, server) it is the server's side.
    day.keep(Udp::new(at + 2 * MILLISECOND, client, server).send(Side::Server, &offer.bytes()).frames());
}
