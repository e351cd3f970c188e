//! In: the builders of `tests/common` and `fixtures/pool-day.toml`. Out: the inputs that each target begins with, small
//! and of every kind that the program knows: what libFuzzer need not find by itself.
//! Must not know: what the targets check.

use std::net::SocketAddr;

use super::evidence::written;
use crate::common::frame::{self, Hop};
use crate::common::media::{self, PCMU, RTAUDIO, Stream};
use crate::common::savefile::{Interface, Order, Pcap, Pcapng, Unit, in_time_order};
use crate::common::tls::{ClientAuth, Session, TLS_1_0};
use crate::common::{Frame, MILLISECOND, SECOND, Side, Talk, Tcp, Turn, Udp, Wire, answer, ask};
use crate::common::{hosts, microsoft, payload, pool, tcp_flow, udp_flow};

/// Target, name and bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// Frames of one piece of the pool's day, and between the beginnings of two pieces.
const PIECE: usize = 12;
const STEP: usize = 140;

/// Every seed.
pub fn seeds() -> Vec<Seed> {
    [audit(), capture(), config(), decode(), evidence()].concat()
}

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What is said over TCP, and over UDP.
fn talks() -> [Vec<(&'static str, Talk)>; 2] {
    let (desk, relay) = (end("10.1.0.5:50123"), end("10.0.2.10:50400"));
    let session = |client| Session { client, exchanges: 1, ..Session::default() }.talk();
    let tcp = vec![
        ("tls", session(ClientAuth::NotRequested)),
        ("tls-declined", session(ClientAuth::Declined)),
        ("tls-mutual", session(ClientAuth::Presented("fe02.contoso.local"))),
        ("tls-1-0", Session { version: TLS_1_0, ..Session::default() }.talk()),
        ("http", payload::http("fe01", "/abs/handler")),
        ("sip", payload::sip("REGISTER", "user6", [10, 1, 0, 5].into(), "401 Unauthorized")),
        ("smb", microsoft::smb2()),
        ("rpc", microsoft::rpc_bind(microsoft::ENDPOINT_MAPPER, 3, 135)),
        ("tds", microsoft::tds()),
        ("rdp", payload::rdp("administrator")),
        ("ldap", microsoft::ldap()),
        ("kerberos", microsoft::kerberos_tcp("fe01$")),
        ("ssh", payload::ssh()),
        ("ftp", vec![answer("220 Microsoft FTP Service\r\n"), ask("USER anonymous\r\n"), answer("331 ok\r\n")]),
        ("smtp", vec![answer("220 fe01 ESMTP\r\n"), ask("EHLO dc01\r\n"), answer("250-fe01\r\n250 8BITMIME\r\n")]),
        ("turn", media::turn_over_tcp(7, relay, 2)),
        ("sharing", media::application_sharing(7, desk, 3)),
        ("text", vec![ask("hello, world\r\n"), answer("hello\r\n")]),
    ];
    let stream = Stream::new(PCMU, "seed");
    let rtp = (0..5).map(|number| if number == 2 { answer(stream.packet(9)) } else { ask(stream.packet(number)) });
    let (inform, ack) = payload::dhcp_inform([10, 2, 0, 40].into(), payload::MS_UC_CLIENT);
    let ice = vec![ask(media::stun_request(7)), answer(media::stun_response(7, desk)), ask(stream.packet(1))];
    let udp = vec![
        ("stun", ice),
        ("turn", media::turn_allocation(7, relay)),
        ("rtp", rtp.collect()),
        ("rtcp", vec![ask(media::rtcp(1)), answer(media::rtcp(2)), ask(media::rtcp(1))]),
        ("dhcp", vec![inform, ack]),
        ("dns", payload::dns("_sip._tls.contoso.local", payload::SRV, &[payload::srv(5061, "pool01")])),
        ("ntp", payload::ntp(1_772_438_400)),
        ("kerberos", microsoft::kerberos("user1")),
        ("sql-browser", microsoft::sql_browser("FE01", "RTCLOCAL", 50_999)),
        ("sip", payload::sip("OPTIONS", "user1", [10, 1, 0, 5].into(), "200 OK")),
        ("ldap", microsoft::ldap()),
    ];
    [tcp, udp]
}

fn evidence() -> Vec<Seed> {
    let named = |udp: bool, talks: Vec<(&str, Talk)>| -> Vec<Seed> {
        let transport = if udp { "udp" } else { "tcp" };
        let seed = |(name, talk): (&str, Talk)| ("evidence", format!("{transport}-{name}"), written(udp, &talk));
        talks.into_iter().map(seed).collect()
    };
    let [tcp, udp] = talks();
    [named(false, tcp), named(true, udp)].concat()
}

/// A short exchange, a connection, and what is neither.
fn frames() -> Vec<Frame> {
    let (desk, server) = (end("10.1.0.5:50123"), end("10.0.0.11:5061"));
    let tcp = tcp_flow(pool::START, desk, server, &[ask("hello"), answer("hi")]);
    let udp = udp_flow(pool::START + SECOND, end("[fd00:1::5]:5060"), end("[fd00::11]:5060"), &[ask("x")]);
    let arp = frame::arp(1, [10, 1, 0, 5].into(), [10, 0, 0, 11].into());
    in_time_order([tcp, udp, vec![Frame::whole(pool::START + 2, arp)]].concat())
}

fn capture() -> Vec<Seed> {
    let frames = frames();
    let mut seeds = Vec::new();
    for (order, name) in [(Order::Little, "little"), (Order::Big, "big")] {
        for (unit, fine) in [(Unit::Micro, "micro"), (Unit::Nano, "nano")] {
            let pcap = Pcap { order, unit, ..Pcap::default() };
            seeds.push(("capture", format!("pcap-{name}-{fine}"), pcap.write(&frames)));
        }
        let interfaces = [
            Interface { name: "eth0", ..Interface::default() },
            Interface { unit: Unit::Micro, snaplen: 96, description: "mirror", ..Interface::default() },
        ];
        let file = Pcapng { order, comment: "made by code", application: "tests", interfaces: &interfaces };
        let alternately = (0..).zip(&frames).map(|(i, frame)| Frame { interface: i % 2, ..frame.clone() });
        seeds.push(("capture", format!("pcapng-{name}"), file.write(&alternately.collect::<Vec<_>>())));
    }
    let whole = Pcap::default().write(&frames);
    seeds.push(("capture", "pcap-cut".to_owned(), whole[..whole.len() - 5].to_vec()));
    // The modified header: its magic, and eight more bytes a record.
    let modified = [&0xa1b2_cd34_u32.to_le_bytes(), &whole[4..24], &whole[24..40], &[0; 8], &whole[40..106]].concat();
    seeds.push(("capture", "pcap-modified".to_owned(), modified));
    seeds.push(("capture", "gzip".to_owned(), vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]));
    seeds
}

fn decode() -> Vec<Seed> {
    let write = |link: u8, frames: &[Vec<u8>]| {
        let one = |frame: &Vec<u8>| [&(frame.len() as u16).to_be_bytes()[..], &[0], frame].concat();
        [vec![link], frames.iter().flat_map(one).collect()].concat()
    };
    let ethernet: Vec<_> = frames().into_iter().map(|frame| frame.bytes).collect();
    let bare: Vec<_> = ethernet.iter().map(|frame| frame[14..].to_vec()).collect();
    let (desk, server) = (end("10.1.0.5:50123"), end("10.0.0.11:5061"));
    let tagged =
        Tcp::new(0, desk, server).on(Wire { vlan: Some(100), ..Wire::default() }).unreachable(hosts::FIREWALL, 13);
    let parts = Udp::new(0, desk, server).send_fragmented(Side::Client, &[7; 50], 24);
    let bytes = |frames: Vec<Frame>| frames.into_iter().map(|frame| frame.bytes).collect::<Vec<_>>();
    let cooked: Vec<_> =
        bare.iter().map(|ip| [&[0, 0, 0, 1, 0, 6, 2, 0, 10, 0, 0, 11, 0, 0, 8, 0][..], ip].concat()).collect();
    let cooked2: Vec<_> = bare
        .iter()
        .map(|ip| [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 10, 0, 0, 11, 0, 0][..], ip].concat())
        .collect();
    let null: Vec<_> = bare.iter().map(|ip| [&[2, 0, 0, 0][..], ip].concat()).collect();
    let hop = Hop { ttl: 64, dscp: 46, id: 7 };
    let tunnel = |protocol, before: &[u8]| {
        let body = [before, &bare[1][..]].concat();
        frame::carry(desk.ip(), server.ip(), None, &frame::packet(desk.ip(), server.ip(), protocol, hop, &body))
    };
    let tunnels =
        [tunnel(47, &[0, 0, 8, 0]), tunnel(4, &[]), tunnel(17, b"\x12\xb5\x12\xb5\0\x3a\0\0\x08\0\0\0\0\0\x64\0")];
    let list: [(&str, u8, &[Vec<u8>]); 9] = [
        ("ethernet", 0, &ethernet),
        ("unreachable", 0, &bytes(tagged.frames())),
        ("fragments", 0, &bytes(parts.frames())),
        ("lldp", 0, &[frame::lldp([2, 0, 0, 0, 0, 1], "1", "sw1")]),
        ("tunnels", 0, &tunnels),
        ("raw", 1, &bare),
        ("sll", 2, &cooked),
        ("sll2", 3, &cooked2),
        ("null", 4, &null),
    ];
    list.map(|(name, link, frames)| ("decode", name.to_owned(), write(link, frames))).to_vec()
}

fn config() -> Vec<Seed> {
    const HOSTS: &str = include_str!("../../fixtures/pool-day.toml");
    const CATALOG: &str = r#"format = "lyncap.catalog.v1"
[catalog]
name = "mine"
title = "My ports"
source = "wiki"
[[row]]
id = "X01"
service = "Backup agent"
roles = ["front-end", "sql"]
ports = "9000, 8000-8002"
transports = ["tcp", "udp"]
application = "backup"
security = "clear"
source = "CHG-1"
words = { role = "a", service = "b", port = "c", protocol = "d\ne", note = "" }
[[row]]
id = "X02"
service = "Wide"
roles = ["client"]
ports = "49152-65535"
transports = ["udp"]
application = "rtp"
media = "audio"
role_of = "initiator"
port_on = "own"
note = "n"
source = "CHG-2"
"#;
    const POLICY: &str = "minimum_tls = \"1.2\"\nseverity = \"medium\"\nforbid = [\"anonymous\", \"rc4\"]\ncertificate_expiry_days = 30\n";
    const ROLES: &str =
        "10.0.0.11=front-end,mediation\n10.1.0.0/16=client\nfd00::/64=phone\n10.0.0.5=domain-controller";
    const AUDIT: &str =
        "audit\n-t\nhosts.toml\n--overlay\nall\n--fail-on\nlow\n--tcp-timeout\n1.5h\n--format\njson\nx.pcap";
    const FLOWS: &str =
        "flows\n--port\ntcp/5071\n--port\n1434/udp\n--host\n10.0.0.0/8\n--top\n7\n--by\npair\n--udp-timeout\n500ms\n-";
    const EXPLAIN: &str = "explain\n5071/tcp\n--role\n10.0.0.11=director\n-o\nout";
    // The first byte is the place in `config::KINDS`.
    let list = [
        ("topology", 0, HOSTS),
        ("catalog", 1, CATALOG),
        ("policy", 2, POLICY),
        ("roles", 3, ROLES),
        ("audit", 4, AUDIT),
        ("flows", 4, FLOWS),
        ("explain", 4, EXPLAIN),
    ];
    list.map(|(name, kind, text)| ("config", name.to_owned(), [&[kind], text.as_bytes()].concat())).to_vec()
}

/// Pieces of the pool's day, one conversation of each kind, and a call.
fn audit() -> Vec<Seed> {
    let interfaces = [Interface::default(), Interface::default()];
    let file = Pcapng { order: Order::Little, comment: "", application: "", interfaces: &interfaces };
    let frames = pool::frames();
    let pieces = (0..).zip(frames.chunks(STEP).map(|chunk| file.write(&chunk[..chunk.len().min(PIECE)])));
    let mut seeds: Vec<Seed> = pieces.map(|(number, bytes)| ("audit", format!("day-{number:02}"), bytes)).collect();
    let (desk, server) = (end("10.1.0.5:50123"), end("10.0.0.11:5062"));
    let write = |frames: Vec<Frame>| Pcap::default().write(&frames);
    let [tcp, udp] = talks();
    let tcp = tcp.into_iter().filter(|(name, _)| ["tls-mutual", "http", "rpc", "turn"].contains(name));
    let flow = |talk: &[Turn]| tcp_flow(pool::START, desk, server, talk);
    seeds.extend(tcp.map(|(name, talk)| ("audit", format!("tcp-{name}"), write(flow(&talk)))));
    let udp = udp.into_iter().filter(|(name, _)| ["dhcp", "sql-browser", "rtcp"].contains(name));
    let flow = |talk: &[Turn]| udp_flow(pool::START, desk, server, talk);
    seeds.extend(udp.map(|(name, talk)| ("audit", format!("udp-{name}"), write(flow(&talk)))));
    let (there, back) = (Stream::new(RTAUDIO, "there"), Stream::new(RTAUDIO, "back"));
    let call = Udp::new(pool::START, end("10.1.0.5:50020"), end("10.0.0.11:49500")).stream(
        20 * MILLISECOND,
        6,
        |side, number| if side == Side::Client { &there } else { &back }.packet(number),
    );
    seeds.push(("audit", "call".to_owned(), write(call.frames())));
    seeds
}
