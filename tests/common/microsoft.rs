//! In: names. Out: what Windows infrastructure says: SMB 2, DCE/RPC, SQL Browser, TDS, Kerberos, LDAP.
//! Must not know: ports, hosts, frames, time.
//!
//! Only as much of each protocol as tells it from the others: the opening messages, well-formed.

use super::tls::der;
use super::{Noise, Talk, answer, ask};

/// SMB 2.1: negotiate.
#[must_use]
pub fn smb2() -> Talk {
    const TO_CLIENT: u32 = 1;
    let message = |flags: u32, body: &[u8]| {
        let header = bytes![
            b"\xfeSMB",
            [64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
            flags.to_le_bytes(),
            [0; 44], // chain, message, process, tree, session, signature
        ];
        bytes![((header.len() + body.len()) as u32).to_be_bytes(), header, body]
    };
    let request = bytes![
        [36, 0, 2, 0, 1, 0, 0, 0],
        [0; 4],
        Noise::of("smb client").bytes(16),
        [0; 8],
        [0x02, 0x02, 0x10, 0x02], // dialects 2.0.2 and 2.1
    ];
    let response = bytes![
        [65, 0, 1, 0, 0x10, 0x02, 0, 0],
        Noise::of("smb server").bytes(16),
        [7, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0], // 64 KiB at a time
        FILETIME,
        FILETIME,
        [128, 0, 0, 0, 0, 0, 0, 0], // no security blob
    ];
    vec![ask(message(0, &request)), answer(message(TO_CLIENT, &response))]
}

/// 2026-03-02 in 100 ns since 1601, little endian.
const FILETIME: [u8; 8] = 134_168_832_000_000_000_u64.to_le_bytes();

/// Endpoint mapper.
pub const ENDPOINT_MAPPER: &[u8; 16] = b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa";
/// Task scheduler.
pub const TASK_SCHEDULER: &[u8; 16] = b"\x49\x59\xd3\x86\xc9\x83\x44\x40\xb4\x24\xdb\x36\x32\x31\xfd\x0c";
const NDR: &[u8; 20] = b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\0\0\0";

/// DCE/RPC: bind to `interface` in `version`, bind_ack. `port` is what the server calls its own endpoint.
#[must_use]
pub fn rpc_bind(interface: &[u8; 16], version: u16, port: u16) -> Talk {
    const BIND: u8 = 11;
    const BIND_ACK: u8 = 12;
    let message = |kind: u8, body: &[u8]| {
        let length = (16 + body.len()) as u16;
        bytes![[5, 0, kind, 3, 0x10, 0, 0, 0], length.to_le_bytes(), [0, 0, 1, 0, 0, 0], body]
    };
    let sizes = [0xd0, 0x16, 0xd0, 0x16]; // 5840 each way
    let bind = bytes![sizes, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0], interface, u32::from(version).to_le_bytes(), NDR,];
    let endpoint = bytes![port.to_string(), [0]];
    let mut address = bytes![(endpoint.len() as u16).to_le_bytes(), endpoint];
    address.resize(address.len().next_multiple_of(4), 0);
    let ack = bytes![sizes, [0x5a, 0x31, 0, 0], address, [1, 0, 0, 0, 0, 0, 0, 0], NDR];
    vec![ask(message(BIND, &bind)), answer(message(BIND_ACK, &ack))]
}

/// SQL Browser (MC-SQLR): where is `instance`? At `port`.
#[must_use]
pub fn sql_browser(server: &str, instance: &str, port: u16) -> Talk {
    let text = format!("ServerName;{server};InstanceName;{instance};IsClustered;No;Version;11.0.2100.60;tcp;{port};;");
    vec![ask(bytes![[4], instance, [0]]), answer(bytes![[5], (text.len() as u16).to_le_bytes(), text])]
}

/// TDS: prelogin both ways (version, encryption off but available).
#[must_use]
pub fn tds() -> Talk {
    let message = |kind: u8, version: [u8; 6]| {
        let body = bytes![[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255], version, [0]];
        bytes![[kind, 1], (8 + body.len() as u16).to_be_bytes(), [0, 0, 1, 0], body]
    };
    vec![ask(message(18, [11, 0, 0x08, 0x34, 0, 0])), answer(message(4, [11, 0, 0x08, 0x34, 0, 0]))]
}

/// Kerberos: AS-REQ without preauthentication, and the error that asks for it. Bare as over UDP.
#[must_use]
pub fn kerberos(user: &str) -> Talk {
    let text = |value: &str| der(0x1b, value.as_bytes());
    let name = |kind: u8, parts: &[&str]| {
        let parts: Vec<u8> = parts.iter().flat_map(|part| text(part)).collect();
        der(0x30, &bytes![der(0xa0, &[2, 1, kind]), der(0xa1, &der(0x30, &parts))])
    };
    let realm = text("CONTOSO.LOCAL");
    let service = name(2, &["krbtgt", "CONTOSO.LOCAL"]);
    let body = bytes![
        der(0xa0, &[3, 5, 0, 0x40, 0x81, 0, 0x10]),
        der(0xa1, &name(1, &[user])),
        der(0xa2, &realm),
        der(0xa3, &service),
        der(0xa5, &der(0x18, b"20370913024805Z")),
        der(0xa7, &[2, 4, 0x1f, 0x2e, 0x3d, 0x4c]),
        der(0xa8, &der(0x30, &[2, 1, 18, 2, 1, 17, 2, 1, 23])), // AES-256, AES-128, RC4
    ];
    let request = bytes![der(0xa1, &[2, 1, 5]), der(0xa2, &[2, 1, 10]), der(0xa4, &der(0x30, &body))];
    let error = bytes![
        der(0xa0, &[2, 1, 5]),
        der(0xa1, &[2, 1, 30]),
        der(0xa4, &der(0x18, b"20260302080000Z")),
        der(0xa5, &[2, 1, 7]),
        der(0xa6, &[2, 1, 25]), // preauthentication required
        der(0xa9, &realm),
        der(0xaa, &service),
    ];
    vec![ask(der(0x6a, &der(0x30, &request))), answer(der(0x7e, &der(0x30, &error)))]
}

/// The same over TCP: every message behind its length.
#[must_use]
pub fn kerberos_tcp(user: &str) -> Talk {
    let mut talk = kerberos(user);
    for turn in &mut talk {
        turn.1 = bytes![(turn.1.len() as u32).to_be_bytes(), turn.1];
    }
    talk
}

/// LDAP: anonymous bind, then the naming context of the root entry.
#[must_use]
pub fn ldap() -> Talk {
    let message = |id: u8, operation: &[u8]| der(0x30, &bytes![[2, 1, id], operation]);
    let attribute = "defaultNamingContext";
    let search = bytes![
        der(4, b""),
        [10, 1, 0, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0], // base object, never deref, no limits, values too
        der(0x87, b"objectClass"),
        der(0x30, &der(4, attribute.as_bytes())),
    ];
    let value = der(0x31, &der(4, b"DC=contoso,DC=local"));
    let entry = bytes![der(4, b""), der(0x30, &der(0x30, &bytes![der(4, attribute.as_bytes()), value]))];
    let success = [10, 1, 0, 4, 0, 4, 0];
    vec![
        ask(message(1, &der(0x60, &[2, 1, 3, 4, 0, 0x80, 0]))),
        answer(message(1, &der(0x61, &success))),
        ask(message(2, &der(0x63, &search))),
        answer(bytes![message(2, &der(0x64, &entry)), message(2, &der(0x65, &success))]),
    ]
}
