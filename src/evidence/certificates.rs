//! Certificates already read: a server shows the same one to everybody.
//!
//! In: a certificate as the wire has it (DER). Out: what it says, read once and shared.
//! Must not know: who showed it, or whether it is any good.
//!
//! RFC 5280, read by `x509-parser`, and of the extensions only subjectAltName. Nothing is verified. What is kept is
//! bounded, because whoever is captured chooses the bytes: a name is cut, and so is the list of names.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use x509_parser::asn1_rs::{Any, FromDer, Oid, Tag};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::facts::Certificate;
use crate::net::Timestamp;

/// Any one name or text from the wire is kept below this many characters.
const TEXT: usize = 256;
/// Alternative names kept of one certificate.
const NAMES: usize = 256;
/// Certificates remembered, and bytes of them.
const REMEMBERED: usize = 1024;
const BYTES: usize = 4 << 20;

/// Certificates by their bytes, bounded in number and size. When full, the others are read anew each time.
#[derive(Debug, Default)]
pub struct Certificates {
    /// None for what cannot be read, so that it is not tried again.
    known: HashMap<Box<[u8]>, Option<Arc<Certificate>>>,
    bytes: usize,
}

impl Certificates {
    /// What a certificate says; none if it cannot be read.
    #[must_use]
    pub fn read(&mut self, der: &[u8]) -> Option<Arc<Certificate>> {
        if let Some(known) = self.known.get(der) {
            return known.clone();
        }
        let certificate = parse(der).map(Arc::new);
        let bytes = self.bytes.saturating_add(der.len());
        if self.known.len() < REMEMBERED && bytes <= BYTES {
            self.bytes = bytes;
            self.known.insert(der.into(), certificate.clone());
        }
        certificate
    }
}

/// Text from the wire, cut to a length that nobody's name needs. What is not UTF-8 becomes U+FFFD.
pub(super) fn bounded(bytes: &[u8]) -> String {
    // No character takes more than four bytes, and a cut one at the end is beyond the limit.
    let head = bytes.get(..TEXT.saturating_mul(4)).unwrap_or(bytes);
    let mut text = Text::default();
    text.extend(String::from_utf8_lossy(head).chars());
    text.0
}

/// A text of fewer than [`TEXT`] characters; where more came, an ellipsis ends it.
#[derive(Debug, Default)]
struct Text(String, usize);

impl Text {
    fn push(&mut self, c: char) {
        match self.1 + 1 {
            ..TEXT => self.0.push(c),
            TEXT => self.0.push('…'),
            _ => return,
        }
        self.1 += 1;
    }

    fn extend(&mut self, chars: impl Iterator<Item = char>) {
        for c in chars {
            if self.is_full() {
                return;
            }
            self.push(c);
        }
    }

    const fn is_full(&self) -> bool {
        self.1 >= TEXT
    }
}

fn parse(der: &[u8]) -> Option<Certificate> {
    let (_, read) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).ok()?;
    let at = |seconds| Timestamp::from_parts(seconds, 0);
    Some(Certificate {
        subject: distinguished_name(read.subject()),
        issuer: distinguished_name(read.issuer()),
        alternative_names: alternative_names(&read),
        not_before: at(read.validity().not_before.timestamp()),
        not_after: at(read.validity().not_after.timestamp()),
    })
}

/// RFC 5280 §4.2.1.6: the DNS names and addresses. A malformed extension has none.
fn alternative_names(read: &X509Certificate<'_>) -> Vec<String> {
    let extension = read.get_extension_unique(&OID_X509_EXT_SUBJECT_ALT_NAME).ok().flatten();
    let list = extension.and_then(|extension| SubjectAlternativeName::from_der(extension.value).ok());
    let names = list.map(|(_, list)| list.general_names).unwrap_or_default();
    names.iter().filter_map(alternative_name).take(NAMES).collect()
}

fn alternative_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(bounded(name.as_bytes())),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => Some(Ipv4Addr::from(v4).to_string()),
            (_, Ok(v6)) => Some(Ipv6Addr::from(v6).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Short names of attribute types by their encoded identifier: those of RFC 4514 §3, and two that certificates use.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (b"\x55\x04\x03", "CN"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x09", "STREET"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"),
    (b"\x55\x04\x05", "serialNumber"),
];

/// A name as RFC 4514 writes it: last part first, special characters escaped. A type without a short name is written in
/// dots, its value as text all the same where it is text.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut text = Text::default();
    let parts: Vec<_> = name.iter_rdn().collect();
    for (index, part) in parts.iter().rev().enumerate() {
        for (inner, attribute) in part.iter().enumerate() {
            match (index, inner) {
                (0, 0) => {}
                (_, 0) => text.push(','),
                _ => text.push('+'),
            }
            write_attribute(&mut text, attribute);
        }
        if text.is_full() {
            break;
        }
    }
    text.0
}

fn write_attribute(text: &mut Text, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type();
    match ATTRIBUTES.iter().find(|(encoded, _)| *encoded == kind.as_bytes()) {
        Some((_, short)) => text.extend(short.chars()),
        None => write_dotted(text, kind),
    }
    text.push('=');
    write_value(text, attribute.attr_value());
}

fn write_dotted(text: &mut Text, kind: &Oid<'_>) {
    // An arc of more than 64 bits is nobody's: a question mark stands for the whole.
    let Some(arcs) = kind.iter() else { return text.push('?') };
    for (index, arc) in arcs.enumerate() {
        if index > 0 {
            text.push('.');
        }
        text.extend(arc.to_string().chars());
        if text.is_full() {
            return;
        }
    }
}

/// An attribute's value: text of any of ASN.1's string types, else `#` and its content in hexadecimal.
fn write_value(text: &mut Text, value: &Any<'_>) {
    let bytes = value.data;
    match value.tag() {
        Tag::TeletexString => write_escaped(text, bytes.iter().map(|byte| char::from(*byte))),
        Tag::BmpString => {
            let units = bytes.as_chunks().0.iter().map(|unit| u16::from_be_bytes(*unit));
            write_escaped(text, char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        Tag::UniversalString => {
            let units = bytes.as_chunks().0.iter().map(|unit| u32::from_be_bytes(*unit));
            write_escaped(text, units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            write_escaped(text, bounded(bytes).chars());
        }
        _ => {
            text.push('#');
            let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
            text.extend(bytes.iter().flat_map(digits).flatten());
        }
    }
}

/// RFC 4514 §2.4: what would be read as the end of a value is escaped. Control characters stay as they are.
fn write_escaped(text: &mut Text, chars: impl Iterator<Item = char>) {
    let mut chars = chars.peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let special = match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            ' ' => first || chars.peek().is_none(),
            '#' => first,
            _ => false,
        };
        if special {
            text.push('\\');
        }
        match c {
            '\0' => text.extend("\\00".chars()),
            _ => text.push(c),
        }
        if text.is_full() {
            return;
        }
        first = false;
    }
}
