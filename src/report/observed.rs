//! What the payload proved, as the contract has it.
//!
//! In: a flow's evidence, and who opened the flow. Out: [`ObservedRecord`].
//! Must not know: rows, verdicts, the format it is written in.
//!
//! Strings from a wire are kept as they are: whoever writes them makes them harmless.

use std::borrow::Cow;

use serde::Serialize;

use super::text::rfc3339;
use crate::evidence::{
    Alert, Certificate, ClientCertificate, Evidence, Protocol, Speaker, Tls, alert_name, cipher_suite, tls_version_text,
};
use crate::net::Direction;

/// What the payload proved. The first four fields are the specification's; the others are null or empty where nothing
/// was seen of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words, told in the JSON schema")]
pub struct ObservedRecord<'a> {
    pub protocol: &'static str,
    pub version: Option<Cow<'a, str>>,
    pub sni: Option<&'a str>,
    pub client_certificate: Option<&'static str>,
    pub client_certificate_subject: Option<&'a str>,
    pub offered_version: Option<&'a str>,
    pub alpn: Option<&'a str>,
    pub cipher_suite: Option<Cow<'a, str>>,
    pub resumed: Option<bool>,
    pub alert: Option<String>,
    pub certificate: Option<CertificateRecord<'a>>,
    pub announced_ports: &'a [u16],
}

/// The certificate that a TLS server showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the contract's words")]
pub struct CertificateRecord<'a> {
    pub subject: &'a str,
    pub issuer: &'a str,
    pub names: &'a [String],
    pub not_before: String,
    pub not_after: String,
}

impl<'a> ObservedRecord<'a> {
    /// What was observed of a flow; none where nothing was recognised.
    #[must_use]
    pub fn of(evidence: &'a Evidence, initiator: Direction) -> Option<Self> {
        let observed = evidence.observed(initiator)?;
        let plain = Self {
            protocol: observed.protocol.as_str(),
            version: observed.version.map(|version| version.to_string().into()),
            sni: None,
            client_certificate: None,
            client_certificate_subject: None,
            offered_version: None,
            alpn: None,
            cipher_suite: None,
            resumed: None,
            alert: None,
            certificate: None,
            announced_ports: evidence.announced(),
        };
        Some(match evidence.tls().filter(|_| observed.protocol == Protocol::Tls) {
            Some(tls) => plain.with(tls),
            None => plain,
        })
    }

    fn with(self, tls: &'a Tls) -> Self {
        Self {
            version: tls.version.map(tls_version_text).map(Cow::from).or(self.version),
            sni: tls.server_name.as_deref(),
            client_certificate: tls.client_certificate.map(ClientCertificate::as_str),
            client_certificate_subject: tls.client.as_ref().map(|client| &*client.subject),
            offered_version: tls.offered.map(tls_version_text),
            alpn: tls.alpn.as_deref(),
            cipher_suite: tls.cipher_suite.map(suite),
            // Whether a session was resumed is only known of a server that answered.
            resumed: tls.cipher_suite.map(|_| tls.resumed),
            alert: tls.alert.map(alert),
            certificate: tls.server.as_deref().map(CertificateRecord::of),
            ..self
        }
    }

    /// Protocol and version in one word or two: "tls 1.2".
    #[must_use]
    pub fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.protocol),
            None => self.protocol.to_owned(),
        }
    }
}

impl<'a> CertificateRecord<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        Self {
            subject: &certificate.subject,
            issuer: &certificate.issuer,
            names: &certificate.alternative_names,
            not_before: rfc3339(certificate.not_before),
            not_after: rfc3339(certificate.not_after),
        }
    }
}

/// The suite's name, or its number where it has none.
fn suite(number: u16) -> Cow<'static, str> {
    cipher_suite(number).map_or_else(|| format!("0x{number:04x}").into(), |suite| suite.name.into())
}

/// "handshake_failure (40), fatal, from the server".
fn alert(alert: Alert) -> String {
    let level = if alert.fatal { "fatal" } else { "warning" };
    let from = match alert.from {
        Speaker::Initiator => ", from the client",
        Speaker::Responder => ", from the server",
        Speaker::Either => "",
    };
    format!("{} ({}), {level}{from}", alert_name(alert.description), alert.description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{evidence, tls};

    #[test]
    fn tls_is_told_with_what_more_is_known() {
        let evidence = evidence::tls(tls());
        let record = ObservedRecord::of(&evidence, Direction::Forward).unwrap();
        assert_eq!((record.protocol, record.version.as_deref(), &*record.name()), ("tls", Some("1.2"), "tls 1.2"));
        assert_eq!(record.sni, Some("fe01.contoso.local"));
        assert_eq!(record.client_certificate, Some("presented"));
        assert_eq!(record.client_certificate_subject, Some("CN=pool01.contoso.local"));
        assert_eq!(record.cipher_suite.as_deref(), Some("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"));
        assert_eq!((record.resumed, record.alpn), (Some(false), None));
        let certificate = record.certificate.unwrap();
        assert_eq!(certificate.names, ["fe01.contoso.local", "sip.contoso.local"]);
        assert_eq!(certificate.not_after, "2027-01-01T00:00:00.000000Z");
    }

    #[test]
    fn what_ended_a_handshake_is_told() {
        let failed = Tls {
            offered: Some(0x0301),
            alert: Some(Alert { from: Speaker::Responder, fatal: true, description: 40 }),
            cipher_suite: Some(0x1a2b),
            ..Tls::default()
        };
        let evidence = evidence::tls(failed);
        let record = ObservedRecord::of(&evidence, Direction::Forward).unwrap();
        assert_eq!(record.alert.as_deref(), Some("handshake_failure (40), fatal, from the server"));
        assert_eq!((record.version, record.offered_version), (None, Some("1.0")));
        assert_eq!(record.cipher_suite.as_deref(), Some("0x1a2b"));
        let unnamed = Alert { from: Speaker::Either, fatal: false, description: 254 };
        assert_eq!(alert(unnamed), "unassigned (254), warning");
    }

    #[test]
    fn without_a_sighting_nothing_was_observed() {
        assert_eq!(ObservedRecord::of(&Evidence::default(), Direction::Forward), None);
        let evidence = evidence::announced(&[49_155]);
        let record = ObservedRecord::of(&evidence, Direction::Forward).unwrap();
        assert_eq!((record.protocol, record.announced_ports), ("rpc", &[49_155][..]));
    }
}
