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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let texts = [0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x7f17, 0x0a0a].map(tls_version_text);
        assert_eq!(texts, ["ssl 2.0", "ssl 3.0", "1.0", "1.1", "1.2", "1.3", "1.3 draft", "unknown"]);
    }

    #[test]
    fn suites_and_what_speaks_against_them() {
        let of = |number| cipher_suite(number).unwrap();
        let class = |number| (of(number).anonymous, of(number).export, of(number).null, of(number).weak);
        assert_eq!(of(0xc030).name, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert_eq!(class(0xc030), (false, false, false, None));
        assert_eq!(of(0x0018).name, "TLS_DH_anon_WITH_RC4_128_MD5");
        assert_eq!(class(0x0018), (true, false, false, Some("RC4")));
        assert_eq!(class(0x0003), (false, true, false, Some("RC4")), "RSA_EXPORT_WITH_RC4_40_MD5");
        assert_eq!(class(0x0006), (false, true, false, Some("RC2")), "RSA_EXPORT_WITH_RC2_CBC_40_MD5");
        assert_eq!(class(0x0019), (true, true, false, Some("DES")), "DH_anon_EXPORT_WITH_DES40_CBC_SHA");
        assert_eq!(class(0x0062), (false, true, false, Some("DES")), "RSA_EXPORT1024_WITH_DES_CBC_SHA");
        assert_eq!(class(0x000a), (false, false, false, Some("3DES")), "RSA_WITH_3DES_EDE_CBC_SHA");
        assert_eq!(class(0x0002), (false, false, true, None), "RSA_WITH_NULL_SHA");
        assert_eq!(class(0xc015), (true, false, true, None), "ECDH_anon_WITH_NULL_SHA");
        assert_eq!(class(0x1301), (false, false, false, None), "AES_128_GCM_SHA256 of 1.3");
        // GREASE, the two signals, and a number of nobody's.
        assert!([0x0a0a, 0x00ff, 0x5600, 0xfefe].into_iter().all(|number| cipher_suite(number).is_none()));
    }

    #[test]
    fn every_anonymous_and_export_suite_has_it_in_its_name() {
        for suite in (0..=u16::MAX).filter_map(cipher_suite) {
            let null = suite.name == "TLS_NULL_WITH_NULL_NULL";
            assert_eq!(suite.anonymous, suite.name.contains("_anon_") || null, "{}", suite.name);
            assert_eq!(suite.weak == Some("RC4"), suite.name.contains("_RC4_"), "{}", suite.name);
            assert_eq!(suite.weak == Some("3DES"), suite.name.contains("_3DES_"), "{}", suite.name);
        }
    }

    #[test]
    fn suites_without_a_certificate_of_the_server() {
        // DH_anon, PSK, DHE_PSK, KRB5, SRP_SHA; and RSA, ECDHE_ECDSA, RSA_PSK, SRP_SHA_RSA, SRP_SHA_DSS.
        let without = [0x0034, 0x008c, 0x0090, 0x001e, 0xc01d];
        let with = [0x002f, 0xc02b, 0x0094, 0xc01e, 0xc01f];
        assert!(without.into_iter().all(|number| !cipher_suite(number).unwrap().certificate));
        assert!(with.into_iter().all(|number| cipher_suite(number).unwrap().certificate));
    }

    #[test]
    fn alerts() {
        let named = [(0, "close_notify"), (40, "handshake_failure"), (42, "bad_certificate"), (48, "unknown_ca")];
        let more =
            [(70, "protocol_version"), (71, "insufficient_security"), (112, "unrecognized_name"), (99, "unassigned")];
        assert!(named.into_iter().chain(more).all(|(code, name)| alert_name(code) == name));
        assert!(ALERTS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
