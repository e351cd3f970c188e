//! What TLS the auditor finds weak: a small file, or the default.
//!
//! In: TOML text, or nothing; the TLS facts of a flow. Out: a [`Policy`]; what of the flow is weak, in words.
//! Must not know: rows, verdicts, findings.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::Severity;
use crate::catalog::{position, toml_error};
use crate::error::Error;
use crate::evidence::{Certificate, CipherSuite, Tls, cipher_suite};
use crate::net::Timestamp;
use crate::report::text::{harmless, rfc3339};
use crate::verdict::tls_words;

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Longer than any certificate lives: ten years.
const DAYS_AT_MOST: u32 = 3_660;

/// Characters of a certificate's subject that a sentence repeats.
const SUBJECT_AT_MOST: usize = 100;

/// What TLS is weak, and how much it weighs.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Versions below this one are weak; as on the wire.
    minimum_tls: u16,
    /// Of every weakness.
    severity: Severity,
    /// Kinds of cipher suites that are weak: places in [`SUITES`].
    forbidden: Vec<usize>,
    /// A certificate that expires within so many days is weak; one that has expired always is.
    expiry_days: u32,
}

/// Whether a suite is of a kind.
type IsOfKind = fn(&CipherSuite) -> bool;

/// Kinds of cipher suites that a policy can forbid, and which are of that kind. By flag, or by the IANA name.
const SUITES: &[(&str, IsOfKind)] = &[
    ("anonymous", |suite| suite.anonymous),
    ("export", |suite| suite.export),
    ("null", |suite| suite.null),
    ("rc4", |suite| suite.name.contains("_RC4_")),
    ("rc2", |suite| suite.name.contains("_RC2_")),
    ("des", |suite| suite.name.contains("_DES_") || suite.name.contains("_DES40_")),
    ("3des", |suite| suite.name.contains("_3DES_")),
    ("md5", |suite| suite.name.ends_with("_MD5")),
    ("cbc", |suite| suite.name.contains("_CBC_")),
    ("static-rsa", |suite| suite.name.starts_with("TLS_RSA_")),
];

/// How many of [`SUITES`], from the first, the default policy forbids.
const FORBIDDEN_BY_DEFAULT: usize = 3;

/// Versions as a policy writes them, and as on the wire.
const VERSIONS: &[(&str, u16)] = &[("1.0", 0x0301), ("1.1", 0x0302), ("1.2", 0x0303), ("1.3", 0x0304)];

impl Default for Policy {
    /// TLS below 1.2; suites without authentication or encryption; expired certificates. All of it only info: TLS 1.0 and
    /// 1.1 are normal for Lync Server 2013.
    fn default() -> Self {
        let forbidden = (0..FORBIDDEN_BY_DEFAULT).collect();
        Self { minimum_tls: 0x0303, severity: Severity::Info, forbidden, expiry_days: 0 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    minimum_tls: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
    forbid: Option<Vec<Spanned<String>>>,
    certificate_expiry_days: Option<Spanned<u32>>,
}

impl Policy {
    /// Parses a policy file; `origin` is what errors call it. What it does not say stays as by default.
    ///
    /// # Errors
    /// An unknown key or value: file, line and the fix.
    pub fn parse(origin: &str, text: &str) -> Result<Self, Error> {
        let raw: RawPolicy = toml::from_str(text).map_err(|error| toml_error(origin, text, &error))?;
        let fail = |span: Range<usize>, why: String| Error::Config { origin: position(origin, text, span), why };
        let mut policy = Self::default();
        if let Some(version) = raw.minimum_tls {
            policy.minimum_tls = named(VERSIONS, version.get_ref(), "TLS version", "versions")
                .map_err(|why| fail(version.span(), why))?;
        }
        if let Some(severity) = raw.severity {
            policy.severity = named(SEVERITIES, severity.get_ref(), "severity", "severities")
                .map_err(|why| fail(severity.span(), why))?;
        }
        if let Some(forbid) = raw.forbid {
            let places: Vec<_> = SUITES.iter().zip(0..).map(|(&(name, _), place)| (name, place)).collect();
            let place = |word: &Spanned<String>| {
                named(&places, word.get_ref(), "kind of cipher suite", "kinds").map_err(|why| fail(word.span(), why))
            };
            policy.forbidden = forbid.iter().map(place).collect::<Result<_, _>>()?;
        }
        if let Some(days) = raw.certificate_expiry_days {
            policy.expiry_days = *days.get_ref();
            if policy.expiry_days > DAYS_AT_MOST {
                return Err(fail(
                    days.span(),
                    format!("{} days are too many; write at most {DAYS_AT_MOST}", policy.expiry_days),
                ));
            }
        }
        Ok(policy)
    }

    /// How much a weakness weighs.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Everything weak about a TLS session that began at `at`. Nothing that comes from the wire could steer a terminal.
    #[must_use]
    pub fn weaknesses(&self, tls: &Tls, at: Timestamp) -> Vec<String> {
        let mut found: Vec<String> = self.version(tls).into_iter().collect();
        if let Some(suite) = tls.cipher_suite.and_then(cipher_suite) {
            let kinds = self.forbidden.iter().filter_map(|&place| SUITES.get(place));
            let kinds: Vec<_> = kinds.filter(|(_, is)| is(&suite)).map(|&(name, _)| name).collect();
            if !kinds.is_empty() {
                found.push(format!("{} ({})", suite.name, kinds.join(", ")));
            }
        }
        for (whose, certificate) in [("server", &tls.server), ("client", &tls.client)] {
            found.extend(certificate.as_ref().and_then(|certificate| self.expiry(whose, certificate, at)));
        }
        found
    }

    fn version(&self, tls: &Tls) -> Option<String> {
        let weak = |version: &u16| *version < self.minimum_tls;
        match tls.version {
            Some(version) => Some(version).filter(weak).map(tls_words),
            // Whatever was agreed, unless the server declined, is no better than what was offered.
            None if tls.alert.is_some_and(|alert| alert.fatal) => None,
            None => tls.offered.filter(weak).map(|version| format!("{} at most", tls_words(version))),
        }
    }

    fn expiry(&self, whose: &str, certificate: &Certificate, at: Timestamp) -> Option<String> {
        let end = certificate.not_after;
        let verb = match end {
            _ if end < at => "expired",
            _ if end.since(at) < i64::from(self.expiry_days).saturating_mul(DAY) => "expires",
            _ => return None,
        };
        let name: String = harmless(&certificate.subject).chars().take(SUBJECT_AT_MOST).collect();
        let day = rfc3339(end);
        let day = day.split('T').next().unwrap_or(&day);
        Some(format!("{whose} certificate {name} {verb} on {day}"))
    }
}

const SEVERITIES: &[(&str, Severity)] =
    &[("high", Severity::High), ("medium", Severity::Medium), ("low", Severity::Low), ("info", Severity::Info)];

/// The value of a word, or what to write instead.
fn named<T: Copy>(known: &[(&str, T)], word: &str, what: &str, plural: &str) -> Result<T, String> {
    known.iter().find(|&&(name, _)| name == word).map(|&(_, value)| value).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|&(name, _)| name).collect();
        format!("unknown {what} `{word}`; the {plural} are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::evidence::{Alert, Speaker};

    const GOOD: &str = "minimum_tls = \"1.2\"\nseverity = \"medium\"\nforbid = [\"anonymous\", \"rc4\"]\ncertificate_expiry_days = 30\n";

    const NOW: Timestamp = Timestamp(1_772_438_400_000_000_000);

    fn certificate(days: i64) -> Arc<Certificate> {
        Arc::new(Certificate {
            subject: "CN=fe01\u{1b}[31m".to_owned(),
            issuer: "CN=ca".to_owned(),
            alternative_names: Vec::new(),
            not_before: Timestamp(0),
            not_after: Timestamp(NOW.0 + days * DAY),
        })
    }

    #[test]
    fn errors_name_file_line_and_fix() {
        for (from, to, line, expected) in [
            ("minimum_tls", "minimal_tls", 1, "unknown field `minimal_tls`"),
            ("\"1.2\"", "\"1.4\"", 1, "unknown TLS version `1.4`; the versions are 1.0, 1.1, 1.2, 1.3"),
            ("\"medium\"", "\"grave\"", 2, "unknown severity `grave`; the severities are high"),
            ("\"rc4\"", "\"rc5\"", 3, "unknown kind of cipher suite `rc5`; the kinds are anonymous"),
            ("30", "-1", 4, "invalid value"),
            ("30", "100000", 4, "100000 days are too many; write at most 3660"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = Policy::parse("p.toml", &text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("p.toml:{line}: ")) && error.contains(expected), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_a_file_leaves_out_stays_as_by_default() {
        let policy = Policy::parse("p.toml", "").unwrap();
        assert_eq!((policy.severity(), policy.minimum_tls, policy.expiry_days), (Severity::Info, 0x0303, 0));
        let none = Policy::parse("p.toml", "forbid = []\nminimum_tls = \"1.0\"").unwrap();
        let tls = Tls { version: Some(0x0301), cipher_suite: Some(0x0018), ..Tls::default() };
        assert_eq!(none.weaknesses(&tls, NOW), Vec::<String>::new());
    }

    #[test]
    fn versions_are_weak_below_the_minimum() {
        let policy = Policy::default();
        let weak = |tls: Tls| policy.weaknesses(&tls, NOW).join("; ");
        assert_eq!(weak(Tls { version: Some(0x0301), offered: Some(0x0303), ..Tls::default() }), "TLS 1.0");
        assert_eq!(weak(Tls { version: Some(0x0300), ..Tls::default() }), "SSL 3.0");
        assert_eq!(weak(Tls { version: Some(0x0303), ..Tls::default() }), "");
        assert_eq!(weak(Tls { offered: Some(0x0302), ..Tls::default() }), "TLS 1.1 at most");
        let alert = Some(Alert { from: Speaker::Responder, fatal: true, description: 70 });
        assert_eq!(weak(Tls { offered: Some(0x0302), alert, ..Tls::default() }), "");
    }

    #[test]
    fn suites_and_certificates() {
        let policy = Policy::parse("p.toml", GOOD).unwrap();
        let weak = |tls: Tls| policy.weaknesses(&tls, NOW).join("; ");
        assert_eq!(
            weak(Tls { cipher_suite: Some(0x0018), ..Tls::default() }),
            "TLS_DH_anon_WITH_RC4_128_MD5 (anonymous, rc4)"
        );
        assert_eq!(weak(Tls { cipher_suite: Some(0x002f), ..Tls::default() }), "");
        assert_eq!(weak(Tls { cipher_suite: Some(0xfafa), ..Tls::default() }), "");
        assert_eq!(
            weak(Tls { server: Some(certificate(-1)), client: Some(certificate(31)), ..Tls::default() }),
            "server certificate CN=fe01\\u{1b}[31m expired on 2026-03-01"
        );
        assert!(weak(Tls { client: Some(certificate(29)), ..Tls::default() }).ends_with("expires on 2026-03-31"));
    }
}
