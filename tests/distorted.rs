//! A bad capture makes a verdict weaker, never another one.
//!
//! In: conversations made by the builder, each whole, begun late, from one side, cut, out of order, in bytes, and in
//! pairs of these. Out: for the whole one the verdict in the table; for every other the same, or a weaker one that the
//! table names beside it.
//! Must not know: how anything is recognised or decided.
//!
//! Weaker means: less is proven. Nothing is verified or contradicted that the whole conversation does not verify or
//! contradict, and its payload is called by no other name than the whole one's. (Of the whole, one-way TLS between
//! servers contradicts a row; of its beginning, TLS with unknown authentication verifies it: so the specification has it.)
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test may fail loudly")]

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};

use common::media::{RTAUDIO, Stream};
use common::savefile::Pcap;
use common::tls::{ClientAuth, Session};
use common::{
    Frame, MILLISECOND, Noise, SECOND, Side, Talk, Udp, answer, ask, distort, media, microsoft, payload, tcp_flow,
};
use lyncap::capture::Inputs;
use lyncap::catalog::Catalogs;
use lyncap::evidence::Protocol;
use lyncap::pipeline::{self, Options};
use lyncap::topology::Topology;
use lyncap::verdict::{Judge, Proof};

/// Two servers and an edge, desks; a gateway and the world are not declared.
const POOL: &str = r#"
[deployment]
internal = ["10.0.0.0/8"]
[[host]]
name = "fe01"
addresses = ["10.0.0.11"]
roles = ["front-end", "mediation"]
[[host]]
name = "fe02"
addresses = ["10.0.0.12"]
roles = ["front-end"]
[[host]]
name = "edge01"
addresses = ["10.0.2.10"]
roles = ["edge"]
[[network]]
name = "desks"
addresses = ["10.1.0.0/16"]
roles = ["client"]
"#;

/// A conversation, and what is to be said of it: verdict, proof, first row.
struct Conversation {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    says: Says,
    /// What its payload may be called. Of media that depends on what of it is seen.
    is: &'static [Protocol],
    /// Of the whole.
    whole: &'static str,
    /// Of less than the whole, besides.
    weaker: &'static [&'static str],
}

/// What is said, and over which transport.
enum Says {
    Tcp(fn() -> Talk),
    Udp(fn(Udp) -> Udp),
}

use Says::{Tcp, Udp as Datagrams};

const CONVERSATIONS: &[Conversation] = &[
    Conversation {
        what: "SSH on Response Group's port",
        from: "10.1.0.27:50123",
        to: "10.0.0.12:5071",
        says: Tcp(payload::ssh),
        is: &[Protocol::Ssh],
        whole: "contradicted contradicted S33",
        weaker: &["documented unverified S33"],
    },
    Conversation {
        what: "HTTP on IM Conferencing's port",
        from: "10.1.0.27:50123",
        to: "10.0.0.11:5062",
        says: Tcp(http),
        is: &[Protocol::Http],
        whole: "contradicted contradicted S06",
        weaker: &["documented unverified S06"],
    },
    Conversation {
        what: "SIP in clear text where TLS is required",
        from: "10.1.0.26:50123",
        to: "10.0.0.11:5061",
        says: Tcp(sip),
        is: &[Protocol::Sip],
        whole: "contradicted contradicted S03",
        weaker: &["documented unverified S03"],
    },
    Conversation {
        what: "TLS where HTTP is expected",
        from: "10.1.0.26:50123",
        to: "10.0.0.11:80",
        says: Tcp(one_way),
        is: &[Protocol::Tls],
        whole: "contradicted contradicted S11",
        weaker: &["documented unverified S11"],
    },
    Conversation {
        what: "HTTP in the range of media",
        from: "10.1.0.27:50123",
        to: "10.0.0.11:49300",
        says: Tcp(http),
        is: &[Protocol::Http],
        whole: "undocumented - -",
        weaker: &["range-only unverified S39"],
    },
    Conversation {
        what: "RPC in the range of media",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:49155",
        says: Tcp(rpc),
        is: &[Protocol::Rpc],
        whole: "undocumented - -",
        weaker: &["range-only unverified S39"],
    },
    Conversation {
        what: "TLS in the range of media: the logging agent",
        from: "10.0.0.11:50123",
        to: "10.0.0.12:50002",
        says: Tcp(mutual),
        is: &[Protocol::Tls],
        whole: "undocumented - -",
        weaker: &["range-only unverified S39"],
    },
    Conversation {
        what: "SIP in clear text where that is allowed: the Front End",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:5060",
        says: Tcp(sip),
        is: &[Protocol::Sip],
        whole: "documented verified S02",
        weaker: &["documented unverified S02"],
    },
    Conversation {
        what: "SIP in clear text where that is allowed: to a gateway",
        from: "10.0.0.11:50123",
        to: "10.0.3.5:5066",
        says: Tcp(sip),
        is: &[Protocol::Sip],
        whole: "documented verified S32",
        weaker: &["documented unverified S32"],
    },
    Conversation {
        what: "SIP in clear text where that is allowed: from a gateway",
        from: "10.0.3.5:50123",
        to: "10.0.0.11:5068",
        says: Tcp(sip),
        is: &[Protocol::Sip],
        whole: "documented verified S24",
        weaker: &["documented unverified S24"],
    },
    Conversation {
        what: "one-way TLS between servers where both have to show a certificate",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:8060",
        says: Tcp(one_way),
        is: &[Protocol::Tls],
        whole: "contradicted contradicted S15",
        weaker: &["documented verified S15", "documented unverified S15"],
    },
    Conversation {
        what: "mutual TLS between servers",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:8060",
        says: Tcp(mutual),
        is: &[Protocol::Tls],
        whole: "documented verified S15",
        weaker: &["documented unverified S15"],
    },
    Conversation {
        what: "a client that shows no certificate",
        from: "10.1.0.20:50123",
        to: "10.0.0.11:5061",
        says: Tcp(declining),
        is: &[Protocol::Tls],
        whole: "documented verified S03",
        weaker: &["documented unverified S03"],
    },
    Conversation {
        what: "a server that shows no certificate",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:5061",
        says: Tcp(declining),
        is: &[Protocol::Tls],
        whole: "contradicted contradicted S03",
        weaker: &["documented verified S03", "documented unverified S03"],
    },
    Conversation {
        what: "MS-TURN behind its pseudo-TLS, to an edge",
        from: "10.1.0.27:50123",
        to: "10.0.2.10:443",
        says: Tcp(relayed),
        is: &[Protocol::MsTurn, Protocol::Rtp],
        whole: "documented verified C04",
        weaker: &["documented unverified C02", "documented unverified C04"],
    },
    Conversation {
        what: "MS-TURN behind its pseudo-TLS, to whom nobody declared",
        from: "10.1.0.27:50123",
        to: "198.51.100.7:443",
        says: Tcp(relayed),
        is: &[Protocol::MsTurn, Protocol::Rtp],
        whole: "documented verified C04",
        weaker: &["documented unverified C02", "documented unverified C04"],
    },
    Conversation {
        what: "audio",
        from: "10.1.0.20:50020",
        to: "10.0.0.11:49500",
        says: Datagrams(|udp| stream(udp, 111)),
        is: &[Protocol::Rtp],
        whole: "documented verified S39",
        weaker: &["range-only unverified S39", "undocumented - -"],
    },
    Conversation {
        what: "video",
        from: "10.1.0.20:58004",
        to: "10.0.0.12:58000",
        says: Datagrams(|udp| stream(udp, 121)),
        is: &[Protocol::Rtp],
        whole: "documented verified S10",
        weaker: &["range-only unverified S10", "undocumented - -"],
    },
    Conversation {
        what: "application sharing",
        from: "10.1.0.20:50123",
        to: "10.0.0.11:60000",
        says: Tcp(sharing),
        is: &[Protocol::Stun, Protocol::Rtp],
        whole: "documented verified S28",
        weaker: &["range-only unverified S10", "undocumented - -"],
    },
    Conversation {
        what: "Remote Desktop on a conferencing port",
        from: "10.1.0.27:50123",
        to: "10.0.0.12:5065",
        says: Tcp(|| payload::rdp("administrator")),
        is: &[Protocol::Rdp],
        whole: "contradicted contradicted S27",
        weaker: &["documented unverified S27"],
    },
    Conversation {
        what: "SMB on the Focus' port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:444",
        says: Tcp(microsoft::smb2),
        is: &[Protocol::Smb],
        whole: "contradicted contradicted S04",
        weaker: &["documented unverified S04"],
    },
    Conversation {
        what: "SQL Server on Conferencing Attendant's port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:5072",
        says: Tcp(microsoft::tds),
        is: &[Protocol::Tds],
        whole: "contradicted contradicted S21",
        weaker: &["documented unverified S21"],
    },
    Conversation {
        what: "Kerberos on Conferencing Announcement's port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:5073",
        says: Tcp(|| microsoft::kerberos_tcp("user6")),
        is: &[Protocol::Kerberos],
        whole: "contradicted contradicted S29",
        weaker: &["documented unverified S29"],
    },
    Conversation {
        what: "LDAP on Call Park's port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:5075",
        says: Tcp(microsoft::ldap),
        is: &[Protocol::Ldap],
        whole: "contradicted contradicted S30",
        weaker: &["documented unverified S30"],
    },
    Conversation {
        what: "RPC where it belongs",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:135",
        says: Tcp(|| microsoft::rpc_bind(microsoft::ENDPOINT_MAPPER, 3, 135)),
        is: &[Protocol::Rpc],
        whole: "documented verified S05",
        weaker: &["documented unverified S05"],
    },
    Conversation {
        what: "SQL Browser",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:1434",
        says: Datagrams(|udp| udp.talk(&microsoft::sql_browser("FE01", "RTCLOCAL", 49_180))),
        is: &[Protocol::SqlBrowser],
        whole: "documented verified S01",
        weaker: &["documented unverified S01"],
    },
    Conversation {
        what: "names asked of SQL Browser's port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:1434",
        says: Datagrams(|udp| udp.talk(&payload::dns("contoso.com", payload::A, &[vec![10, 0, 0, 5]]))),
        is: &[Protocol::Dns],
        whole: "contradicted contradicted S01",
        weaker: &["documented unverified S01"],
    },
    Conversation {
        what: "time asked of SQL Browser's port",
        from: "10.0.0.12:50123",
        to: "10.0.0.11:1434",
        says: Datagrams(|udp| udp.talk(&payload::ntp(1_772_438_400))),
        is: &[Protocol::Ntp],
        whole: "contradicted contradicted S01",
        weaker: &["documented unverified S01"],
    },
    Conversation {
        what: "a phone asks for the Registrar",
        from: "10.1.0.40:68",
        to: "10.0.0.11:67",
        says: Datagrams(inform),
        is: &[Protocol::Dhcp],
        whole: "documented verified C01",
        weaker: &["documented unverified C01"],
    },
    Conversation {
        what: "noise over TCP",
        from: "10.1.0.20:50123",
        to: "10.0.0.11:60000",
        says: Tcp(noise),
        is: &[Protocol::UnknownBinary],
        whole: "range-only unverified S10",
        weaker: &["undocumented - -"],
    },
    Conversation {
        what: "noise over UDP",
        from: "10.1.0.20:50123",
        to: "10.0.0.11:60000",
        says: Datagrams(noisy),
        is: &[Protocol::UnknownBinary],
        whole: "range-only unverified S10",
        weaker: &["undocumented - -"],
    },
];

fn http() -> Talk {
    payload::http("fe01", "/status")
}

fn sip() -> Talk {
    let via = Ipv4Addr::new(10, 1, 0, 26);
    [payload::sip("REGISTER", "user6", via, "401 Unauthorized"), payload::sip("OPTIONS", "user6", via, "200 OK")]
        .concat()
}

fn rpc() -> Talk {
    microsoft::rpc_bind(microsoft::TASK_SCHEDULER, 1, 49_155)
}

fn one_way() -> Talk {
    Session { exchanges: 3, ..Session::default() }.talk()
}

fn declining() -> Talk {
    Session { client: ClientAuth::Declined, exchanges: 3, ..Session::default() }.talk()
}

fn mutual() -> Talk {
    Session { client: ClientAuth::Presented("fe02.contoso.local"), exchanges: 3, ..Session::default() }.talk()
}

fn relayed() -> Talk {
    media::turn_over_tcp(0x443, SocketAddr::new([10, 0, 2, 10].into(), 50_400), 8)
}

fn sharing() -> Talk {
    media::application_sharing(0x5a5a, SocketAddr::new([10, 1, 0, 20].into(), 50_123), 8)
}

fn inform(udp: Udp) -> Udp {
    let (asked, told) = payload::dhcp_inform(Ipv4Addr::new(10, 1, 0, 40), payload::MS_UC_CLIENT);
    udp.talk(&[asked, told])
}

fn stream(udp: Udp, payload_type: u8) -> Udp {
    let [there, back] = ["there", "back"].map(|way| Stream { payload_type, ..Stream::new(RTAUDIO, way) });
    udp.stream(20 * MILLISECOND, 10, |side, number| match side {
        Side::Client => there.packet(number),
        Side::Server => back.packet(number),
    })
}

fn noise() -> Talk {
    let mut noise = Noise::of("noise over TCP");
    (0..8).map(|turn| if turn % 2 == 0 { ask } else { answer }(noise.bytes(50 + 90 * turn))).collect()
}

fn noisy(udp: Udp) -> Udp {
    let mut noise = Noise::of("noise over UDP");
    let talk: Talk =
        (0..16).map(|turn| if turn % 2 == 0 { ask } else { answer }(noise.bytes(20 + 40 * turn))).collect();
    udp.talk(&talk)
}

impl Conversation {
    fn ends(&self) -> [SocketAddr; 2] {
        [self.from, self.to].map(|end| end.parse().unwrap())
    }

    fn frames(&self) -> Vec<Frame> {
        const START: u64 = 1_772_438_400 * SECOND;
        let [from, to] = self.ends();
        match self.says {
            Tcp(talk) => tcp_flow(START, from, to, &talk()),
            Datagrams(talk) => talk(Udp::new(START, from, to)).frames(),
        }
    }

    /// The conversation as bad captures have it, each with what is bad about it.
    fn distorted(&self) -> Vec<(String, Vec<Frame>)> {
        let whole = self.frames();
        let mut all = self.worse(&whole, "");
        // In pairs: what is out of order or in bytes may begin late, too, be cut, or be seen from one side.
        for seed in 0..4 {
            all.extend(self.worse(&distort::disordered(&whole, seed), &format!("disordered({seed}) ")));
        }
        all.extend(self.worse(&distort::in_bytes(&whole, SINGLE), "in bytes "));
        if matches!(self.says, Tcp(_)) {
            let counts = (1..40).chain((40..1500).step_by(29));
            all.extend(counts.map(|count| (format!("from byte {count}"), distort::mid_segment(&whole, count))));
            all.retain(|(_, frames)| !frames.is_empty());
        }
        all.extend(self.worse(&distort::cut(&whole, SNAPLEN), "cut "));
        for host in self.ends() {
            all.extend(self.worse(&distort::one_sided(&whole, host.ip()), &format!("from {host} only ")));
        }
        all
    }

    fn worse(&self, frames: &[Frame], how: &str) -> Vec<(String, Vec<Frame>)> {
        let mut all = vec![(format!("{how}cut({SNAPLEN})"), distort::cut(frames, SNAPLEN))];
        all.extend([60, 70, 128, 200].map(|length| (format!("{how}cut({length})"), distort::cut(frames, length))));
        all.extend(beginnings(frames.len()).map(|count| (format!("{how}late({count})"), distort::late(frames, count))));
        all.extend(self.ends().map(|end| (format!("{how}from {end} only"), distort::one_sided(frames, end.ip()))));
        // A frame that is cut cannot be made anew, and what is out of order is so.
        if !how.starts_with("cut") && !how.starts_with("disordered") {
            all.extend((0..16).map(|seed| (format!("{how}disordered({seed})"), distort::disordered(frames, seed))));
            all.push((format!("{how}in bytes"), distort::in_bytes(frames, SINGLE)));
        }
        all.retain(|(_, frames)| !frames.is_empty());
        all
    }
}

/// How many of so many frames are lost at the beginning: each of the first, and some of the others.
fn beginnings(frames: usize) -> impl Iterator<Item = usize> {
    const EACH: usize = 12;
    const SOME: usize = 24;
    let step = (frames / SOME).max(1);
    (1..frames).filter(move |&count| count <= EACH || count % step == 0 || count + 1 == frames)
}

/// The shortest snaplen in use: what old tools captured of a frame.
const SNAPLEN: usize = 96;

/// Bytes each way that come one by one.
const SINGLE: usize = 600;

/// What is said of a flow: verdict, proof, first row; and what it was observed to be.
type Said = (String, Option<Protocol>);

struct World {
    catalogs: Catalogs,
    topology: Topology,
}

impl World {
    fn new() -> Self {
        let topology = Topology::parse("test", POOL).unwrap();
        let catalogs = Catalogs::new(&[], Vec::new(), &topology.site).unwrap();
        Self { catalogs, topology }
    }

    /// What is said of each flow in these frames. There are two where the handshake comes after what it opens.
    fn say(&self, frames: &[Frame]) -> Vec<Said> {
        let inputs = Inputs::from_reader("test", Cursor::new(Pcap::default().write(frames))).unwrap();
        let read = pipeline::read(inputs, Options::default(), |_| ()).unwrap();
        assert!(read.stats.is_conserved());
        let judge = Judge::new(&read.flows, &self.catalogs, &self.topology);
        let say = |(index, flow)| {
            let judged = judge.judge(index, flow);
            let proof = judged.proof.map_or("-", Proof::as_str);
            let row = judged.rows.first().map_or("-", |row| &*row.id);
            let observed = flow.state.observed(judged.initiator).map(|observed| observed.protocol);
            (format!("{} {proof} {row}", judged.verdict.as_str()), observed)
        };
        read.flows.iter().enumerate().map(say).collect()
    }
}

#[test]
fn whole_conversations_are_what_they_are() {
    let world = World::new();
    let mut wrong = Vec::new();
    for conversation in CONVERSATIONS {
        let Conversation { what, is, whole, .. } = conversation;
        let said = world.say(&conversation.frames());
        if !matches!(&*said, [(said, Some(observed))] if said == whole && is.contains(observed)) {
            wrong.push(format!("{what}: {said:?}, not {whole}, {is:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_bad_capture_weakens_a_verdict_and_never_turns_it() {
    let world = World::new();
    let mut wrong = Vec::new();
    for conversation in CONVERSATIONS {
        let Conversation { what, is, whole, weaker, .. } = conversation;
        let mut tally: BTreeMap<String, usize> = BTreeMap::new();
        for (how, frames) in conversation.distorted() {
            for (said, observed) in world.say(&frames) {
                let same_or_less = observed.is_none_or(|observed| is.contains(&observed) || !observed.is_identified());
                if !same_or_less || (said != *whole && !weaker.contains(&&*said)) {
                    wrong.push(format!("{what}: {how}: {said}, {observed:?}"));
                }
                *tally.entry(said).or_default() += 1;
            }
        }
        println!("{what}: {tally:?}");
    }
    let count = wrong.len();
    wrong.truncate(60);
    assert!(count == 0, "{count} in all\n{}", wrong.join("\n"));
}

#[test]
fn how_a_stream_is_cut_into_segments_changes_nothing() {
    let world = World::new();
    for conversation in CONVERSATIONS.iter().filter(|conversation| matches!(conversation.says, Tcp(_))) {
        let frames = conversation.frames();
        let expected = world.say(&frames);
        assert_eq!(world.say(&distort::in_bytes(&frames, SINGLE)), expected, "{}: in bytes", conversation.what);
        let (handshake, rest) = frames.split_at(3);
        for seed in 0..64 {
            let said = world.say(&[handshake, &distort::disordered(rest, seed)].concat());
            assert_eq!(said, expected, "{}: disordered({seed})", conversation.what);
        }
    }
}

#[test]
fn the_table_says_what_weaker_means() {
    for Conversation { what, whole, weaker, .. } in CONVERSATIONS {
        for less in *weaker {
            let unknown_authentication = what.contains("that shows no certificate") || what.contains("one-way");
            assert!(!less.contains("contradicted"), "{what}: {less}");
            assert!(
                !less.contains("verified") || less.contains("unverified") || unknown_authentication,
                "{what}: {less}"
            );
            assert_ne!(less, whole, "{what}");
        }
    }
}
