//! In: names and addresses. Out: what the open protocols say: SIP, HTTP, SSH, RDP, DNS, NTP, DHCP.
//! Must not know: ports, frames, time. Microsoft's own protocols are in `microsoft`.

use std::net::Ipv4Addr;

use super::frame::mac;
use super::{Noise, Talk, Turn, answer, ask};

/// A SIP request in clear text. `via` is the sender's address.
#[must_use]
pub fn sip_request(method: &str, user: &str, via: Ipv4Addr) -> String {
    let call = Noise::of(format!("{method}{user}{via}")).next();
    format!(
        "{method} sip:contoso.local SIP/2.0\r\n\
         Via: SIP/2.0/TCP {via};branch=z9hG4bK{call:016x}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:{user}@contoso.local>;tag={tag:08x};epid={epid:08x}\r\n\
         To: <sip:{user}@contoso.local>\r\n\
         Call-ID: {call:016x}\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:{via};transport=tcp>\r\n\
         User-Agent: UCCAPI/4.0.7577.0 OC/4.0.7577.0 (Microsoft Lync 2010)\r\n\
         Content-Length: 0\r\n\r\n",
        tag = call as u32,
        epid = call >> 32,
    )
}

/// A SIP response, `status` as in `200 OK`.
#[must_use]
pub fn sip_response(status: &str, method: &str, user: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\n\
         From: <sip:{user}@contoso.local>;tag=1a2b3c4d\r\n\
         To: <sip:{user}@contoso.local>;tag=5e6f7a8b\r\n\
         Call-ID: 9c0d1e2f30415263\r\n\
         CSeq: 1 {method}\r\n\
         Server: RTC/5.0\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// A request and its answer in clear text.
#[must_use]
pub fn sip(method: &str, user: &str, via: Ipv4Addr, status: &str) -> Talk {
    vec![ask(sip_request(method, user, via)), answer(sip_response(status, method, user))]
}

/// A GET and a short page.
#[must_use]
pub fn http(host: &str, path: &str) -> Talk {
    let page = "<html><body>ok</body></html>\r\n";
    vec![
        ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n")),
        answer(format!(
            "HTTP/1.1 200 OK\r\nServer: Microsoft-IIS/7.5\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
            page.len()
        )),
    ]
}

/// Both banners, then the beginning of the key exchange, sealed from the reader.
#[must_use]
pub fn ssh() -> Talk {
    vec![
        answer("SSH-2.0-OpenSSH_7.4\r\n"),
        ask("SSH-2.0-PuTTY_Release_0.70\r\n"),
        answer(ssh_key_exchange("server")),
        ask(ssh_key_exchange("client")),
    ]
}

/// SSH_MSG_KEXINIT with one algorithm of each kind (RFC 4253 §7.1).
fn ssh_key_exchange(seed: &str) -> Vec<u8> {
    const PADDING: usize = 8;
    let lists =
        ["diffie-hellman-group14-sha1", "ssh-rsa", "aes256-ctr", "aes256-ctr", "hmac-sha2-256", "hmac-sha2-256"];
    let lists = lists.into_iter().chain(["none", "none", "", ""]);
    let names: Vec<u8> = lists.flat_map(|name| bytes![(name.len() as u32).to_be_bytes(), name]).collect();
    let body = bytes![[20], Noise::of(seed).bytes(16), names, [0; 5]];
    // Length of the whole packet a multiple of 8, at least 4 bytes of padding.
    let padding = PADDING + (PADDING - (5 + body.len()) % PADDING) % PADDING;
    bytes![((1 + body.len() + padding) as u32).to_be_bytes(), [padding as u8], body, vec![0; padding]]
}

/// A Remote Desktop connection request with its cookie, and the confirmation that asks for TLS.
#[must_use]
pub fn rdp(user: &str) -> Talk {
    let cookie = format!("Cookie: mstshash={user}\r\n");
    let negotiate = |kind: u8| [kind, 0, 8, 0, 1, 0, 0, 0];
    let connect = |code: u8, rest: &[u8]| {
        let tpdu = bytes![[code, 0, 0, 0, 0, 0], rest];
        bytes![[3, 0], (5 + tpdu.len() as u16).to_be_bytes(), [tpdu.len() as u8], tpdu]
    };
    vec![ask(connect(0xe0, &bytes![cookie, negotiate(1)])), answer(connect(0xd0, &negotiate(2)))]
}

/// DNS types.
pub const A: u16 = 1;
/// Text.
pub const TXT: u16 = 16;
/// Service location.
pub const SRV: u16 = 33;

/// A question and its answer records, which all belong to `name`.
#[must_use]
pub fn dns(name: &str, kind: u16, answers: &[Vec<u8>]) -> Talk {
    let id = Noise::of(name).next() as u16;
    let question = bytes![dns_name(name), kind.to_be_bytes(), [0, 1]];
    // The name of each record points back to the question's, at offset 12.
    let record = |data: &Vec<u8>| {
        bytes![[0xc0, 12], kind.to_be_bytes(), [0, 1, 0, 0, 0x0e, 0x10], (data.len() as u16).to_be_bytes(), data]
    };
    let records: Vec<u8> = answers.iter().flat_map(record).collect();
    let count = (answers.len() as u16).to_be_bytes();
    vec![
        ask(bytes![id.to_be_bytes(), [1, 0, 0, 1, 0, 0, 0, 0, 0, 0], question]),
        answer(bytes![id.to_be_bytes(), [0x85, 0x80, 0, 1], count, [0, 0, 0, 0], question, records]),
    ]
}

/// The record data of a SRV answer.
#[must_use]
pub fn srv(port: u16, target: &str) -> Vec<u8> {
    bytes![[0, 0, 0, 0], port.to_be_bytes(), dns_name(target)]
}

/// The record data of a TXT answer of one string.
#[must_use]
pub fn txt(text: &str) -> Vec<u8> {
    bytes![[text.len() as u8], text]
}

fn dns_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| bytes![[label.len() as u8], label]);
    labels.chain([0]).collect()
}

/// A Windows client asks for the time, its domain controller tells.
#[must_use]
pub fn ntp(seconds_since_1970: u64) -> Talk {
    const FROM_1900: u64 = 2_208_988_800;
    let now = (seconds_since_1970 + FROM_1900) as u32;
    let stamp = |seconds: u32| bytes![seconds.to_be_bytes(), [0; 4]];
    let message = |mode: u8, stratum: u8| {
        bytes![
            [(3 << 3) | mode, stratum, 10, 0xe9, 0, 0, 0x07, 0xb0, 0, 0, 0x10, 0],
            b"LOCL",
            stamp(now - 60),
            stamp(now),
            stamp(now),
            stamp(now),
        ]
    };
    vec![ask(message(3, 0)), answer(message(4, 3))]
}

/// Lync's DHCP vendor class.
pub const MS_UC_CLIENT: &[u8] = b"MS-UC-Client";

/// One DHCP message.
#[derive(Clone, Copy, Debug)]
pub struct Dhcp<'a> {
    /// Message type: 8 is inform, 5 is ack, 1 is discover, 2 is offer.
    pub kind: u8,
    /// The client's address, known to it or offered to it.
    pub client: Ipv4Addr,
    /// Options after the message type, each with code and length, without the end mark.
    pub options: &'a [u8],
}

impl Dhcp<'_> {
    /// The datagram.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let nobody = Ipv4Addr::UNSPECIFIED;
        // An address is "mine" (inform and its ack), "yours" (offer) or not yet known (discover).
        let (operation, mine, yours) = match self.kind {
            1 => (1, nobody, nobody),
            2 => (2, nobody, self.client),
            5 => (2, self.client, nobody),
            _ => (1, self.client, nobody),
        };
        bytes![
            [operation, 1, 6, 0],
            (Noise::of(self.client.octets()).next() as u32).to_be_bytes(),
            [0; 4],
            mine.octets(),
            yours.octets(),
            [0; 8],
            mac(self.client.into()),
            [0; 10],
            [0; 192],
            [0x63, 0x82, 0x53, 0x63, 53, 1, self.kind],
            self.options,
            [255],
        ]
    }
}

/// One DHCP option.
#[must_use]
pub fn dhcp_option(code: u8, value: &[u8]) -> Vec<u8> {
    bytes![[code, value.len() as u8], value]
}

/// A Lync device asks for the Registrar (options 43 and 120) and gets it.
#[must_use]
pub fn dhcp_inform(client: Ipv4Addr, vendor_class: &[u8]) -> (Turn, Turn) {
    let asked = bytes![dhcp_option(60, vendor_class), dhcp_option(55, &[120, 43])];
    // Option 43 sub-options: the class, the scheme, the web server, the port, the path.
    let provisioning: Vec<u8> =
        [&b"MS-UC-Client"[..], b"https", b"fe01.contoso.local", b"443", b"/CertProv/CertProvisioningService.svc"]
            .iter()
            .zip(1_u8..)
            .flat_map(|(value, code)| dhcp_option(code, value))
            .collect();
    let told = bytes![
        dhcp_option(54, &[10, 0, 0, 11]),
        dhcp_option(60, vendor_class),
        dhcp_option(43, &provisioning),
        dhcp_option(120, &bytes![[0], dns_name("fe01.contoso.local")]),
    ];
    (ask(Dhcp { kind: 8, client, options: &asked }.bytes()), answer(Dhcp { kind: 5, client, options: &told }.bytes()))
}
