//! In: a server name and whether the client shows a certificate. Out: the bytes of a TLS session, plain as far as the
//! wire shows it, noise from there on.
//! Must not know: ports, hosts, frames.
//!
//! The handshake is Schannel's of Windows Server 2008 R2: RSA key transport, so no ServerKeyExchange. Certificates are
//! well-formed X.509 with noise for key and signature.

use super::{Noise, Talk, answer, ask};

/// TLS 1.0.
pub const TLS_1_0: u16 = 0x0301;
/// TLS 1.2.
pub const TLS_1_2: u16 = 0x0303;

/// TLS_RSA_WITH_AES_128_CBC_SHA256 needs 1.2, TLS_RSA_WITH_AES_128_CBC_SHA does not.
const SUITES: &[u16] = &[0x003c, 0x002f, 0x003d, 0x0035];

/// What becomes of the server's wish for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth<'a> {
    /// No CertificateRequest.
    NotRequested,
    /// Requested, and answered with an empty list: what Lync clients do.
    Declined,
    /// Requested and shown: mutual TLS. The name of the client.
    Presented(&'a str),
}

/// A full handshake and some application data.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Server name: sent as SNI, and the subject of the server's certificate.
    pub server_name: &'a str,
    /// Negotiated version.
    pub version: u16,
    /// Client certificate.
    pub client: ClientAuth<'a>,
    /// Application records each way after the handshake.
    pub exchanges: usize,
}

impl Default for Session<'_> {
    fn default() -> Self {
        Self { server_name: "fe01.contoso.local", version: TLS_1_2, client: ClientAuth::NotRequested, exchanges: 1 }
    }
}

impl Session<'_> {
    /// The session from ClientHello to the last application record.
    #[must_use]
    pub fn talk(&self) -> Talk {
        let mut noise = Noise::of(format!("{self:?}"));
        let mut talk = vec![
            ask(self.client_hello(&mut noise)),
            answer(self.server_flight(&mut noise)),
            ask(self.client_flight(&mut noise)),
            answer(self.finished(&mut noise)),
        ];
        talk.extend(application(self.version, self.exchanges, &mut noise));
        talk
    }

    /// The ClientHello record. Its version is 1.0's whatever the client offers, as old stacks want it.
    #[must_use]
    pub fn client_hello(&self, noise: &mut Noise) -> Vec<u8> {
        let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        let name = vec16(&bytes![[0], vec16(self.server_name.as_bytes())]);
        let mut extensions = bytes![extension(0, &name)];
        if self.version >= TLS_1_2 {
            extensions.extend(extension(13, &vec16(SIGNATURE_ALGORITHMS)));
        }
        extensions.extend(extension(0xff01, &[0]));
        let body = bytes![
            self.version.to_be_bytes(),
            noise.bytes(32),
            [0], // no session to resume
            vec16(&suites),
            [1, 0], // no compression
            vec16(&extensions),
        ];
        record(HANDSHAKE, TLS_1_0, &handshake(1, &body))
    }

    /// ServerHello, Certificate, perhaps CertificateRequest, ServerHelloDone; in one record, as Schannel sends them.
    fn server_flight(&self, noise: &mut Noise) -> Vec<u8> {
        let suite: u16 = if self.version >= TLS_1_2 { 0x003c } else { 0x002f };
        let hello = bytes![
            self.version.to_be_bytes(),
            noise.bytes(32),
            [32],
            noise.bytes(32),
            suite.to_be_bytes(),
            [0],
            vec16(&extension(0xff01, &[0])),
        ];
        let request = match self.client {
            ClientAuth::NotRequested => Vec::new(),
            ClientAuth::Declined | ClientAuth::Presented(_) => handshake(13, &self.certificate_request()),
        };
        let messages = bytes![
            handshake(2, &hello),
            handshake(11, &certificate_list(&[certificate(self.server_name, noise)])),
            request,
            handshake(14, &[]),
        ];
        record(HANDSHAKE, self.version, &messages)
    }

    fn certificate_request(&self) -> Vec<u8> {
        const RSA_DSS_ECDSA: &[u8] = &[3, 1, 2, 64];
        let authorities: Vec<u8> = AUTHORITIES.iter().flat_map(|name| vec16(&distinguished_name(name))).collect();
        let algorithms = if self.version >= TLS_1_2 { vec16(SIGNATURE_ALGORITHMS) } else { Vec::new() };
        bytes![RSA_DSS_ECDSA, algorithms, vec16(&authorities)]
    }

    /// Perhaps Certificate and CertificateVerify, ClientKeyExchange, ChangeCipherSpec, Finished.
    fn client_flight(&self, noise: &mut Noise) -> Vec<u8> {
        let exchange = handshake(16, &vec16(&noise.bytes(256)));
        let messages = match self.client {
            ClientAuth::NotRequested => exchange,
            ClientAuth::Declined => bytes![handshake(11, &certificate_list(&[])), exchange],
            ClientAuth::Presented(name) => {
                let algorithm: &[u8] = if self.version >= TLS_1_2 { &[4, 1] } else { &[] };
                bytes![
                    handshake(11, &certificate_list(&[certificate(name, noise)])),
                    exchange,
                    handshake(15, &bytes![algorithm, vec16(&noise.bytes(256))]),
                ]
            }
        };
        bytes![record(HANDSHAKE, self.version, &messages), self.finished(noise)]
    }

    /// ChangeCipherSpec and the encrypted Finished.
    fn finished(&self, noise: &mut Noise) -> Vec<u8> {
        let sealed = if self.version >= TLS_1_2 { 80 } else { 48 };
        bytes![record(CHANGE_CIPHER_SPEC, self.version, &[1]), record(HANDSHAKE, self.version, &noise.bytes(sealed)),]
    }
}

/// Application records back and forth: all there is to see of a session that was open before the capture.
#[must_use]
pub fn application(version: u16, exchanges: usize, noise: &mut Noise) -> Talk {
    let mut talk = Talk::new();
    for _ in 0..exchanges {
        for turn in [ask, answer] {
            // AES blocks and an explicit IV.
            let length = 64 + 16 * noise.below(24) as usize;
            talk.push(turn(record(APPLICATION, version, &noise.bytes(length))));
        }
    }
    talk
}

const CHANGE_CIPHER_SPEC: u8 = 20;
/// The record type of handshake messages.
pub const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

/// RSA with SHA-256, SHA-1; ECDSA with SHA-256.
const SIGNATURE_ALGORITHMS: &[u8] = &[4, 1, 2, 1, 4, 3];

/// The root certificates that a server is willing to trust.
const AUTHORITIES: &[&str] = &["contoso-CA", "Contoso Root Authority 2012", "Fabrikam Federation CA"];

/// A record with its header.
#[must_use]
pub fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    bytes![[kind], version.to_be_bytes(), vec16(body)]
}

/// A handshake message with its header.
#[must_use]
pub fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    bytes![[kind], vec24(body)]
}

/// An extension with its header.
#[must_use]
pub fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    bytes![kind.to_be_bytes(), vec16(body)]
}

fn certificate_list(certificates: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = certificates.iter().flat_map(|certificate| vec24(certificate)).collect();
    vec24(&list)
}

/// Bytes behind their length in 16 bits.
#[must_use]
pub fn vec16(body: &[u8]) -> Vec<u8> {
    bytes![(body.len() as u16).to_be_bytes(), body]
}

fn vec24(body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    bytes![length, body]
}

/// One DER element; also serves Kerberos and LDAP.
#[must_use]
pub fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = match body.len() {
        short @ 0..=127 => vec![short as u8],
        medium @ 128..=255 => vec![0x81, medium as u8],
        long => bytes![[0x82], (long as u16).to_be_bytes()],
    };
    bytes![[tag], length, body]
}

const SHA256_WITH_RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
const SUBJECT_ALT_NAME: &[u8] = b"\x06\x03\x55\x1d\x11";
const EXPONENT: &[u8] = &[2, 3, 1, 0, 1];

fn distinguished_name(common_name: &str) -> Vec<u8> {
    let attribute = der(0x30, &bytes![COMMON_NAME, der(0x0c, common_name.as_bytes())]);
    der(0x30, &der(0x31, &attribute))
}

/// An X.509 certificate for `name`, issued by contoso-CA, valid 2025-06-01 to 2027-06-01. Key and signature are noise.
fn certificate(name: &str, noise: &mut Noise) -> Vec<u8> {
    let serial = bytes![[0x01], noise.bytes(7)];
    // A leading 0 keeps the modulus positive, a set top bit keeps it 2048 bits long.
    let modulus = bytes![[0, 0xc1], noise.bytes(255)];
    let key = der(0x30, &bytes![der(0x02, &modulus), EXPONENT]);
    let alternative = der(0x04, &der(0x30, &der(0x82, name.as_bytes())));
    let body = bytes![
        der(0xa0, &[2, 1, 2]), // version 3
        der(0x02, &serial),
        der(0x30, SHA256_WITH_RSA),
        distinguished_name("contoso-CA"),
        der(0x30, &bytes![der(0x17, b"250601000000Z"), der(0x17, b"270601000000Z")]),
        distinguished_name(name),
        der(0x30, &bytes![der(0x30, RSA), der(0x03, &bytes![[0], key])]),
        der(0xa3, &der(0x30, &der(0x30, &bytes![SUBJECT_ALT_NAME, alternative]))),
    ];
    let signature = bytes![[0], noise.bytes(256)];
    der(0x30, &bytes![der(0x30, &body), der(0x30, SHA256_WITH_RSA), der(0x03, &signature)])
}
