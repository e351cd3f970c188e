//! In: an IP packet of either version. Out: the same packet in a frame of each link type an administrator captures.
//! Must not know: what the packet holds; time, conversations, files.
//!
//! Each header is built by its specification, with the parts that move others: extension words, alignment, trailers.

/// Name, `LINKTYPE_*` number, and the frame of that link type around an IP packet.
pub type Link = (&'static str, u16, fn(&[u8]) -> Vec<u8>);

/// Every link type that is read. A name occurs once, a number as often as there are ways to write it.
pub const LINKS: &[Link] = &[
    ("null, low byte first", 0, |ip| bytes![family(ip).to_le_bytes(), ip]),
    ("null, high byte first", 0, |ip| bytes![family(ip).to_be_bytes(), ip]),
    ("ethernet", 1, ethernet),
    ("ethernet 802.3 SNAP", 1, |ip| bytes![MACS, length(8 + ip.len()), snap(ip)]),
    ("ethernet 802.3 SNAP, bridge tunnel", 1, |ip| {
        bytes![MACS, length(8 + ip.len()), [0xaa, 0xaa, 3, 0, 0, 0xf8], ethertype(ip), ip]
    }),
    ("ethernet of the 1970s", 2, |ip| bytes![[7, 8, 0x02, 0x01], ip]),
    ("token ring", 6, |ip| bytes![[0x10, 0x40], MACS, snap(ip)]),
    ("token ring, source routed", 6, |ip| {
        bytes![[0x10, 0x40], TO, [0x80 | FROM[0]], &FROM[1..], [0x06, 0x30, 0x00, 0x11, 0x00, 0x20], snap(ip)]
    }),
    ("slip", 8, |ip| bytes![[0, 0x45], [0; 14], ip]),
    ("ppp", 9, |ip| bytes![ppp(ip), ip]),
    ("ppp with address and control", 9, |ip| bytes![[0xff, 3], ppp(ip), ip]),
    ("ppp, short protocol", 9, |ip| bytes![&ppp(ip)[1..], ip]),
    ("fddi", 10, |ip| bytes![[0x50], MACS, snap(ip)]),
    ("atm, LLC, as BSD numbers it", 11, snap),
    ("raw ip of BSD", 12, <[u8]>::to_vec),
    ("raw ip of OpenBSD", 14, <[u8]>::to_vec),
    ("ppp in hdlc framing", 50, |ip| bytes![[0xff, 3], ppp(ip), ip]),
    ("ppp in hdlc framing: Cisco", 50, cisco_hdlc),
    ("atm, LLC", 100, snap),
    ("raw ip", 101, <[u8]>::to_vec),
    ("cisco hdlc", 104, cisco_hdlc),
    ("802.11 data, to the network", 105, |ip| bytes![wireless(0x08, 0x01), snap(ip)]),
    ("802.11 data, from the network", 105, |ip| bytes![wireless(0x08, 0x02), snap(ip)]),
    ("802.11 data, ad hoc", 105, |ip| bytes![wireless(0x08, 0x00), snap(ip)]),
    ("802.11 data, four addresses", 105, |ip| bytes![wireless(0x08, 0x03), FROM, snap(ip)]),
    ("802.11 QoS", 105, |ip| bytes![wireless(0x88, 0x02), [0, 0], snap(ip)]),
    ("802.11 QoS, four addresses, HT control", 105, |ip| bytes![wireless(0x88, 0x83), FROM, [0, 0], [0; 4], snap(ip)]),
    ("802.11 QoS, aggregated", 105, |ip| bytes![wireless(0x88, 0x01), [0x80, 0], MACS, length(8 + ip.len()), snap(ip)]),
    ("classical ip over atm", 106, <[u8]>::to_vec),
    ("frame relay", 107, |ip| bytes![[0x18, 0x61, 0x03], nlpid(ip), ip]),
    ("frame relay, four byte address", 107, |ip| bytes![[0x18, 0x60, 0x00, 0x01, 0x03], nlpid(ip), ip]),
    ("frame relay, SNAP", 107, |ip| bytes![[0x18, 0x61, 0x03, 0x00, 0x80, 0, 0, 0], ethertype(ip), ip]),
    ("frame relay, Cisco", 107, |ip| bytes![[0x18, 0x61], ethertype(ip), ip]),
    ("loop", 108, |ip| bytes![family(ip).to_be_bytes(), ip]),
    ("enc of OpenBSD", 109, |ip| bytes![[0, 0, 0, if is_v6(ip) { 24 } else { 2 }], [0; 8], ip]),
    ("linux sll", 113, |ip| bytes![[0, 0, 0, 1, 0, 6], FROM, [0, 0], ethertype(ip), ip]),
    ("linux sll of a ppp interface", 113, |ip| bytes![[0, 4, 2, 0, 0, 0], [0; 8], ethertype(ip), ip]),
    ("pflog", 117, pflog),
    ("802.11 with prism header", 119, |ip| {
        bytes![0x44_u32.to_le_bytes(), 144_u32.to_le_bytes(), name::<16>("wlan0"), [0; 120], data(ip)]
    }),
    ("802.11 with AVS header as prism", 119, avs),
    ("ip over fibre channel", 122, |ip| bytes![[0x10, 0], TO, [0x10, 0], FROM, snap(ip)]),
    ("sunatm", 123, |ip| bytes![[0x82, 0, 0, 5], snap(ip)]),
    ("802.11 with radiotap header", 127, |ip| bytes![[0, 0, 8, 0], [0; 4], data(ip)]),
    ("802.11 with radiotap header: chained words, padding, checksum", 127, radiotap),
    ("ip over ieee 1394", 138, |ip| bytes![FROM, [0; 2], TO, [0; 2], ethertype(ip), ip]),
    ("pktap as macOS numbered it first", 149, |ip| bytes![pktap(1), ethernet(ip)]),
    ("802.11 with AVS header", 163, avs),
    ("ppp of pppd", 166, |ip| bytes![[1, 3], ppp(ip), ip]),
    ("juniper, ethernet", 178, |ip| bytes![b"MGC\x81", [0, 6], [1, 1, 9, 2, 1, 1], ethernet(ip)]),
    ("juniper, ppp", 179, |ip| bytes![b"MGC\x01", [0xff, 3], ppp(ip), ip]),
    ("juniper, frame relay", 180, |ip| bytes![b"MGC\x01", [0x18, 0x61, 0x03], nlpid(ip), ip]),
    ("juniper, cisco hdlc", 181, |ip| bytes![b"MGC\x01", cisco_hdlc(ip)]),
    ("ppi, 802.11 with checksum", 192, |ip| {
        let common = bytes![[2, 0, 20, 0], [0; 8], [1, 0], [0; 10]];
        bytes![[0, 0, 32, 0], 105_u32.to_le_bytes(), common, data(ip), [0xfc; 4]]
    }),
    ("ppi, ethernet", 192, |ip| bytes![[0, 0, 8, 0], 1_u32.to_le_bytes(), ethernet(ip)]),
    ("erf, ethernet", 197, |ip| bytes![erf(2, ip.len() + 16), [0, 0], ethernet(ip)]),
    ("erf, ethernet with extension headers", 197, |ip| {
        bytes![erf(0x82, ip.len() + 16), [0x83, 0, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0], [0, 0], ethernet(ip)]
    }),
    ("ppp with direction", 204, |ip| bytes![[0], ppp(ip), ip]),
    ("ppp with direction, address and control", 204, |ip| bytes![[1, 0xff, 3], ppp(ip), ip]),
    ("cisco hdlc with direction", 205, |ip| bytes![[0], cisco_hdlc(ip)]),
    ("frame relay with direction", 206, |ip| bytes![[1, 0x18, 0x61, 0x03], nlpid(ip), ip]),
    ("solaris ipnet", 226, |ip| bytes![[1, if is_v6(ip) { 26 } else { 2 }, 0, 1], [0; 20], ip]),
    ("ipv4 or ipv6", 228, |ip| ip.to_vec()),
    ("nflog", 239, nflog),
    ("nflog, high byte first", 239, |ip| {
        let length = (4 + ip.len() as u16).to_be_bytes();
        bytes![[if is_v6(ip) { 10 } else { 2 }, 0, 0, 42], [0, 8, 0, 1], ethertype(ip), [3, 0], length, [0, 9], ip]
    }),
    ("netanalyzer", 240, |ip| bytes![[0, 0x04, 0, 0], ethernet(ip), [0xfc; 4]]),
    ("netanalyzer, transparent", 241, |ip| bytes![[0, 0x06, 0, 0], PREAMBLE, ethernet(ip), [0xfc; 4]]),
    ("ip over infiniband", 242, |ip| bytes![[0; 40], ethertype(ip), [0, 0], ip]),
    ("infiniband", 247, infiniband),
    ("pktap, ethernet", 258, |ip| bytes![pktap(1), ethernet(ip)]),
    ("pktap, raw ip of BSD", 258, |ip| bytes![pktap(12), ip]),
    ("ethernet with preamble", 274, |ip| bytes![PREAMBLE, ethernet(ip), [0xfc; 4]]),
    ("linux sll2", 276, |ip| bytes![ethertype(ip), [0, 0], [0, 0, 0, 2], [0, 1, 0, 6], FROM, [0, 0], ip]),
    ("broadcom switch tag", 281, |ip| bytes![MACS, [0x20, 0, 0, 5], ethertype(ip), ip]),
    ("broadcom switch tag in front", 282, |ip| bytes![[0x20, 0, 0, 5], ethernet(ip)]),
    ("marvell switch tag", 284, |ip| bytes![MACS, [0xc0, 0x08, 0, 0], ethertype(ip), ip]),
    ("marvell switch tag with ethertype", 285, |ip| {
        bytes![MACS, [0xda, 0xda, 0, 0, 0xc0, 0x08, 0, 0], ethertype(ip), ip]
    }),
    ("network monitor, wide area", 0xf004, ethernet),
    ("network monitor, 802.11", 0xf006, |ip| bytes![[2, 32, 0], [0; 29], data(ip)]),
];

/// Name, and the Ethernet frame with something between its addresses and an IP packet.
pub type Tag = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Every header that is read between Ethernet and IP, tunnels over IP and labels apart.
pub const TAGS: &[Tag] = &[
    ("802.1Q", |ip| bytes![MACS, [0x81, 0, 0, 9], ethertype(ip), ip]),
    ("802.1ad", |ip| bytes![MACS, [0x88, 0xa8, 0, 9, 0x81, 0, 0, 10], ethertype(ip), ip]),
    ("QinQ before 802.1ad", |ip| bytes![MACS, [0x91, 0, 0, 9, 0x81, 0, 0, 10], ethertype(ip), ip]),
    ("LLC, IP", |ip| match is_v6(ip) {
        false => bytes![MACS, length(3 + ip.len()), [6, 6, 3], ip],
        true => ethernet(ip),
    }),
    ("jumbo LLC", |ip| bytes![MACS, [0x88, 0x70], snap(ip)]),
    ("inter-switch link", |ip| {
        let outer = bytes![[1, 0, 0x0c, 0, 0, 0], FROM, length(30 + ip.len()), [0xaa, 0xaa, 3, 2, 0, 0x0a]];
        bytes![outer, [0, 18, 0, 1, 0, 0], ethernet(ip), [0xfc; 4]]
    }),
    ("security group", |ip| bytes![MACS, [0x89, 0x09, 1, 1, 0, 1, 0, 5], ethertype(ip), ip]),
    ("VN-tag", |ip| bytes![MACS, [0x89, 0x26, 0x80, 1, 0, 2], ethertype(ip), ip]),
    ("E-tag", |ip| bytes![MACS, [0x89, 0x3f, 0, 0, 0, 1, 0, 0], ethertype(ip), ip]),
    ("HSR", |ip| bytes![MACS, [0x89, 0x2f], length(6 + ip.len()), [0, 1], ethertype(ip), ip]),
    ("802.1CB", |ip| bytes![MACS, [0xf1, 0xc1, 0, 0, 0, 1], ethertype(ip), ip]),
    ("MACsec", |ip| bytes![MACS, [0x88, 0xe5, 0, 0, 0, 0, 0, 7], ethertype(ip), ip, [0xfc; 16]]),
    ("MACsec with channel", |ip| {
        bytes![MACS, [0x88, 0xe5, 0x20, 0, 0, 0, 0, 7], FROM, [0, 1], ethertype(ip), ip, [0xfc; 16]]
    }),
    ("PBB", |ip| bytes![MACS, [0x88, 0xa8, 0, 9, 0x88, 0xe7, 0, 0, 1, 2], ethernet(ip)]),
    ("TRILL", |ip| bytes![MACS, [0x22, 0xf3, 0, 0x3f, 0, 1, 0, 2], ethernet(ip)]),
    ("FabricPath", |ip| bytes![MACS, [0x89, 0x03, 0x00, 0x60], ethernet(ip)]),
    ("transparent bridging", |ip| bytes![MACS, [0x65, 0x58], ethernet(ip)]),
    ("PPP", |ip| bytes![MACS, [0x88, 0x0b], ppp(ip), ip]),
];

/// The frame of `LINKS` by number and version: raw IPv6 has a number of its own.
#[must_use]
pub fn number(link: &Link, ip: &[u8]) -> u16 {
    if link.1 == 228 && is_v6(ip) { 229 } else { link.1 }
}

/// Receiver and sender.
const MACS: [u8; 12] = [0x02, 0, 0x0a, 0, 0, 1, 0x02, 0, 0x0a, 0, 0, 2];
const TO: [u8; 6] = [0x02, 0, 0x0a, 0, 0, 1];
const FROM: [u8; 6] = [0x02, 0, 0x0a, 0, 0, 2];
/// What the wire carries before an Ethernet frame.
const PREAMBLE: [u8; 8] = [0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xd5];

fn is_v6(ip: &[u8]) -> bool {
    ip.first().is_some_and(|first| first >> 4 == 6)
}

fn ethertype(ip: &[u8]) -> [u8; 2] {
    if is_v6(ip) { [0x86, 0xdd] } else { [0x08, 0x00] }
}

/// Address family of macOS.
fn family(ip: &[u8]) -> u32 {
    if is_v6(ip) { 30 } else { 2 }
}

/// PPP's protocol number.
fn ppp(ip: &[u8]) -> [u8; 2] {
    if is_v6(ip) { [0x00, 0x57] } else { [0x00, 0x21] }
}

/// Frame relay's (RFC 2427).
fn nlpid(ip: &[u8]) -> [u8; 1] {
    if is_v6(ip) { [0x8e] } else { [0xcc] }
}

fn length(n: usize) -> [u8; 2] {
    (n as u16).to_be_bytes()
}

fn name<const N: usize>(text: &str) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(N, 0);
    field
}

/// IEEE 802.2 LLC with SNAP.
fn snap(ip: &[u8]) -> Vec<u8> {
    bytes![[0xaa, 0xaa, 3, 0, 0, 0], ethertype(ip), ip]
}

fn ethernet(ip: &[u8]) -> Vec<u8> {
    bytes![MACS, ethertype(ip), ip]
}

fn cisco_hdlc(ip: &[u8]) -> Vec<u8> {
    bytes![[0x0f, 0], ethertype(ip), ip]
}

/// An 802.11 header of three addresses: frame control, duration, addresses, sequence.
fn wireless(kind: u8, flags: u8) -> Vec<u8> {
    bytes![[kind, flags], [0x30, 0], TO, FROM, FROM, [0x10, 0]]
}

/// An 802.11 data frame.
fn data(ip: &[u8]) -> Vec<u8> {
    bytes![wireless(0x08, 0x02), snap(ip)]
}

/// Three present words, a time stamp aligned behind them, flags: a checksum ends the frame, and the 26 bytes of
/// its header are padded to 28.
fn radiotap(ip: &[u8]) -> Vec<u8> {
    let words = [0x8000_0003_u32, 0x8000_0000, 0x0000_0000].map(u32::to_le_bytes).concat();
    let header = bytes![[0, 0, 25, 0], words, [0; 8], [0x30]];
    bytes![header, wireless(0x88, 0x02), [0, 0], [0, 0], snap(ip), [0xfc; 4]]
}

fn avs(ip: &[u8]) -> Vec<u8> {
    bytes![0x8021_1001_u32.to_be_bytes(), 64_u32.to_be_bytes(), [0; 56], data(ip)]
}

/// Length without the padding behind it, address family, action, reason, names and numbers.
fn pflog(ip: &[u8]) -> Vec<u8> {
    bytes![[61, family(ip) as u8, 0, 0], name::<16>("em0"), [0; 44], ip]
}

/// An ERF record header: time stamp, type, flags, record length, loss counter, wire length.
fn erf(kind: u8, wire: usize) -> Vec<u8> {
    let extensions = if kind & 0x80 == 0 { 0 } else { 16 };
    bytes![[0; 8], [kind, 0], length(16 + extensions + wire), [0, 0], length(wire)]
}

/// TLVs as Linux writes them, of which one is padded to four bytes; the last is the packet.
fn nflog(ip: &[u8]) -> Vec<u8> {
    let family = if is_v6(ip) { 10 } else { 2 };
    let packet = bytes![(4 + ip.len() as u16).to_le_bytes(), 9_u16.to_le_bytes(), ip];
    bytes![[family, 0, 0, 42], [8, 0, 1, 0], ethertype(ip), [3, 0], [5, 0, 10, 0], [0; 4], packet]
}

/// Local route header, base transport header, datagram header, then IP over InfiniBand.
fn infiniband(ip: &[u8]) -> Vec<u8> {
    let words = ((8 + 12 + 8 + 4 + ip.len()).div_ceil(4) + 1) as u16;
    let local = bytes![[0, 0x02, 0, 1], words.to_be_bytes(), [0, 2]];
    let transport = bytes![[0x64, 0, 0xff, 0xff], [0, 0, 0, 0x48], [0, 0, 0, 1]];
    bytes![local, transport, [0, 0, 0x0b, 0x1b, 0, 0, 0, 0x49], ethertype(ip), [0, 0], ip, [0xfc; 6]]
}

/// macOS's packet tap around a frame of another link type.
fn pktap(link: u32) -> Vec<u8> {
    bytes![[108_u32, 1, link].map(u32::to_le_bytes).concat(), name::<24>("en0"), [0; 72]]
}
