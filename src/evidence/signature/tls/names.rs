//! Names for the numbers of TLS: versions, cipher suites with their weaknesses, alerts.
//!
//! In: a number from the wire. Out: its name.
//! Must not know: what was captured, or what is acceptable.
//!
//! Suites by IANA's registry as `tls-parser` has it; alerts by RFC 5246 §7.2, RFC 8446 §6 and the registry.

use tls_parser::{TlsCipherAu, TlsCipherEnc, TlsCipherSuite};

/// A version as people write it.
#[must_use]
pub const fn tls_version_text(version: u16) -> &'static str {
    match version {
        0x0002 => "ssl 2.0",
        0x0300 => "ssl 3.0",
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        0x7f00..=0x7fff => "1.3 draft",
        _ => "unknown",
    }
}

/// A cipher suite, and what speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherSuite {
    /// As IANA has it: `TLS_RSA_WITH_AES_128_CBC_SHA`.
    pub name: &'static str,
    /// Nobody proves who he is.
    pub anonymous: bool,
    /// Cut down to 40 or 56 bits for export.
    pub export: bool,
    /// Nothing is encrypted.
    pub null: bool,
    /// The broken cipher that encrypts: RC4, RC2, DES or 3DES.
    pub weak: Option<&'static str>,
    /// The server shows a certificate.
    pub(super) certificate: bool,
}

/// What a cipher suite is; none if its number is not assigned, or is only a signal (RFC 5746, RFC 7507).
#[must_use]
pub fn cipher_suite(number: u16) -> Option<CipherSuite> {
    const SIGNALS: [u16; 2] = [0x00ff, 0x5600];
    let suite = TlsCipherSuite::from_id(number).filter(|_| !SIGNALS.contains(&number))?;
    // RSA_PSK is the one among the pre-shared keys with a certificate (RFC 4279 §4).
    let without = [TlsCipherAu::Null, TlsCipherAu::Psk, TlsCipherAu::Krb5, TlsCipherAu::Srp, TlsCipherAu::Eccpwd];
    Some(CipherSuite {
        name: suite.name,
        anonymous: suite.au == TlsCipherAu::Null,
        export: suite.name.contains("EXPORT"),
        null: suite.enc == TlsCipherEnc::Null,
        weak: match suite.enc {
            TlsCipherEnc::Rc4 => Some("RC4"),
            TlsCipherEnc::Rc2 => Some("RC2"),
            TlsCipherEnc::Des => Some("DES"),
            TlsCipherEnc::TripleDes => Some("3DES"),
            _ => None,
        },
        certificate: !without.contains(&suite.au) || suite.name.contains("RSA_PSK"),
    })
}

/// Alerts by their code.
const ALERTS: &[(u8, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (52, "too_many_cids_requested"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

/// An alert's name; none if its code is not assigned.
pub(super) fn alert(code: u8) -> Option<&'static str> {
    ALERTS.iter().find(|(assigned, _)| *assigned == code).map(|(_, name)| *name)
}

/// An alert's name; `unassigned` if it has none.
#[must_use]
pub fn alert_name(code: u8) -> &'static str {
    alert(code).unwrap_or("unassigned")
}
