//! STAND-IN, to be dropped when the TLS signature is merged: its names of versions, cipher suites and alerts.
//!
//! In: numbers of the wire. Out: names. Must not know: anything else.

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherSuite {
    /// Its IANA name.
    pub name: &'static str,
    /// Nobody is authenticated.
    pub anonymous: bool,
    /// Weakened for export.
    pub export: bool,
    /// Nothing is encrypted.
    pub null: bool,
}

/// "1.2", "ssl 3.0".
#[must_use]
pub const fn tls_version_text(version: u16) -> &'static str {
    match version {
        0x0002 => "ssl 2.0",
        0x0300 => "ssl 3.0",
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => "unknown",
    }
}

/// The cipher suite of a number.
#[must_use]
pub const fn cipher_suite(number: u16) -> Option<CipherSuite> {
    let (name, anonymous, export, null) = match number {
        0x0001 => ("TLS_RSA_WITH_NULL_MD5", false, false, true),
        0x0003 => ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", false, true, false),
        0x0004 => ("TLS_RSA_WITH_RC4_128_MD5", false, false, false),
        0x0018 => ("TLS_DH_anon_WITH_RC4_128_MD5", true, false, false),
        0x002f => ("TLS_RSA_WITH_AES_128_CBC_SHA", false, false, false),
        0x003c => ("TLS_RSA_WITH_AES_128_CBC_SHA256", false, false, false),
        _ => return None,
    };
    Some(CipherSuite { name, anonymous, export, null })
}

/// "handshake_failure".
#[must_use]
pub const fn alert_name(description: u8) -> &'static str {
    match description {
        40 => "handshake_failure",
        48 => "unknown_ca",
        _ => "unassigned",
    }
}
