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

use super::facts::{ALLOCATION, Certificate};
use crate::net::Timestamp;

/// Any one name or text from the wire is kept below this many characters.
const TEXT: usize = 256;
/// Alternative names kept of one certificate, and the memory that they may take: two hundred of ordinary length.
const NAMES: usize = 256;
const NAMES_HELD: usize = 16 << 10;
/// Certificates remembered, and bytes of them and of what they say.
const REMEMBERED: usize = 1024;
const BYTES: usize = 4 << 20;

/// Certificates by their bytes, bounded in number and size. When full, the others are read anew each time.
#[derive(Debug, Default)]
pub struct Certificates {
    known: HashMap<Key, Known>,
    bytes: usize,
}

/// Length and last bytes: a part of the signature, which tells certificates apart. With all of one hashed for each flow
/// the hash was 4.4 % of an audit's samples, so it is 1.0 to 1.5 % (bench's mixed capture, 400,000 packets). Who forges two of the same key has the second read anew each time.
type Key = (usize, [u8; 32]);

/// One certificate as it came, and what it says: none if it cannot be read, so that it is not tried again.
type Known = (Box<[u8]>, Option<Arc<Certificate>>);

impl Certificates {
    /// What a certificate says; none if it cannot be read.
    #[must_use]
    pub fn read(&mut self, der: &[u8]) -> Option<Arc<Certificate>> {
        let key = (der.len(), *der.last_chunk()?);
        let taken = match self.known.get(&key) {
            Some((same, certificate)) if **same == *der => return certificate.clone(),
            other => other.is_some(),
        };
        let certificate = parse(der).map(Arc::new);
        let said = certificate.as_ref().map_or(0, |certificate| certificate.held());
        let bytes = self.bytes.saturating_add(der.len()).saturating_add(said);
        if !taken && self.known.len() < REMEMBERED && bytes <= BYTES {
            self.bytes = bytes;
            self.known.insert(key, (der.into(), certificate.clone()));
        }
        certificate
    }
}

/// Text from the wire, cut to a length that nobody's name needs. What is not UTF-8 becomes U+FFFD.
pub(super) fn bounded(bytes: &[u8]) -> String {
    // Nearly all of it is short, and allocated once then.
    if let (..TEXT, Ok(text)) = (bytes.len(), str::from_utf8(bytes)) {
        return text.to_owned();
    }
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
    let mut room = NAMES_HELD;
    let fits = |name: &String| {
        let held = size_of::<String>() + ALLOCATION + name.len();
        room.checked_sub(held).inspect(|&left| room = left).is_some()
    };
    names.iter().filter_map(alternative_name).take(NAMES).take_while(fits).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;
    use base64::Engine as _;

    /// Made by OpenSSL 3.0 for this test: a multi-valued part, a comma, two DNS names, an IPv4 and an IPv6 address.
    const FE01: &str = "
        MIIChDCCAimgAwIBAgIUJm+GxHgbI4h6bDbXQ3ntPk1TjrMwCgYIKoZIzj0EAwIwcTEVMBMGCgmSJomT8ixkARkWBWxvY2FsMRcwFQYKCZIm
        iZPyLGQBGRYHY29udG9zbzEWMBQGA1UECgwNQ29udG9zbywgTHRkLjEnMAoGA1UECwwDT3BzMBkGA1UEAwwSZmUwMS5jb250b3NvLmxvY2Fs
        MB4XDTI2MTEyMjEzMzQ1OVoXDTM2MTExOTEzMzQ1OVowcTEVMBMGCgmSJomT8ixkARkWBWxvY2FsMRcwFQYKCZImiZPyLGQBGRYHY29udG9z
        bzEWMBQGA1UECgwNQ29udG9zbywgTHRkLjEnMAoGA1UECwwDT3BzMBkGA1UEAwwSZmUwMS5jb250b3NvLmxvY2FsMFkwEwYHKoZIzj0CAQYI
        KoZIzj0DAQcDQgAEbkQKclRDMziT4z+JpQZPV3Jcu6jpI21n4/siqt6b8Ll30vVlUbVgIdOL1+Cy7Q22u6vcg+Jhyvvw09kgBNja5qOBnjCB
        mzAdBgNVHQ4EFgQUzwVTFtz/tvuMK5jH85LLZxHwklkwHwYDVR0jBBgwFoAUzwVTFtz/tvuMK5jH85LLZxHwklkwDwYDVR0TAQH/BAUwAwEB
        /zBIBgNVHREEQTA/ghJmZTAxLmNvbnRvc28ubG9jYWyCEXNpcC5jb250b3NvLmxvY2FshwQKAAALhxAgAQ24AAAAAAAAAAAAAAABMAoGCCqG
        SM49BAMCA0kAMEYCIQDxyat22qRI1VbyGWbOlOT0FzFxNCb3Qq3I+024jwj7tQIhAI5KvmzJt/koHxIqLAPQQ4t8v+RhuZ3g/ojtqcl7cFWA
    ";

    fn fe01() -> Vec<u8> {
        let text: String = FE01.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD.decode(text).unwrap()
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        match content.len() {
            0..=0x7f => [&[tag, length[3]], content].concat(),
            0x80..=0xff => [&[tag, 0x81, length[3]], content].concat(),
            0x100..=0xffff => [&[tag, 0x82, length[2], length[3]], content].concat(),
            _ => [&[tag, 0x83, length[1], length[2], length[3]], content].concat(),
        }
    }

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        tlv(0x30, &parts.concat())
    }

    /// One part of a name: the type's identifier, the string's tag and content.
    fn part(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        tlv(0x31, &sequence(&[tlv(6, kind), tlv(tag, value)]))
    }

    /// A certificate with this subject, this end of validity and these alternative names (as encoded).
    fn certificate(subject: &[Vec<u8>], until: &[u8], names: &[u8]) -> Vec<u8> {
        let algorithm = sequence(&[tlv(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), tlv(5, b"")]);
        let validity = sequence(&[tlv(23, b"260101000000Z"), until.to_vec()]);
        let key = sequence(&[algorithm.clone(), tlv(3, &[0; 9])]);
        let extension = sequence(&[tlv(6, b"\x55\x1d\x11"), tlv(4, &tlv(0x30, names))]);
        let body = sequence(&[
            tlv(0xa0, &tlv(2, &[2])),
            tlv(2, &[1]),
            algorithm.clone(),
            sequence(&[part(b"\x55\x04\x03", 12, b"Root")]),
            validity,
            sequence(subject),
            key,
            tlv(0xa3, &sequence(&[extension])),
        ]);
        // No signature, but different for what is different.
        let digest = body.iter().fold(7_u64, |digest, &byte| (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        sequence(&[body, algorithm, tlv(3, &[&[0][..], &digest.to_be_bytes().repeat(4)].concat())])
    }

    const UNTIL_2030: &[u8] = b"\x17\x0d300101000000Z";
    const CN: &[u8] = b"\x55\x04\x03";

    fn subject(parts: &[Vec<u8>]) -> String {
        parse(&certificate(parts, UNTIL_2030, &[])).unwrap().subject
    }

    #[test]
    fn what_a_certificate_says() {
        let read = Certificates::default().read(&fe01()).unwrap();
        assert_eq!(read.subject, "OU=Ops+CN=fe01.contoso.local,O=Contoso\\, Ltd.,DC=contoso,DC=local");
        assert_eq!(read.issuer, read.subject);
        let names = ["fe01.contoso.local", "sip.contoso.local", "10.0.0.11", "2001:db8::1"];
        assert_eq!(read.alternative_names, names);
        // As `openssl x509 -dates` has it: Nov 22 13:34:59 2026, Nov 19 13:34:59 2036.
        assert_eq!(read.not_before, Timestamp(1_795_354_499_000_000_000));
        assert_eq!(read.not_after, Timestamp(2_110_714_499_000_000_000));
    }

    #[test]
    fn it_is_read_once() {
        let mut certificates = Certificates::default();
        let first = certificates.read(&fe01()).unwrap();
        assert!(Arc::ptr_eq(&first, &certificates.read(&fe01()).unwrap()));
        let garbage = [b'x'; 100];
        assert!(certificates.read(&garbage).is_none() && certificates.read(&garbage).is_none());
        assert!(certificates.read(b"short").is_none());
        assert_eq!(certificates.known.len(), 2);
    }

    #[test]
    fn two_that_end_alike_are_told_apart() {
        let mut certificates = Certificates::default();
        let one = certificate(&[part(CN, 12, b"one")], UNTIL_2030, &[]);
        let mut two = certificate(&[part(CN, 12, b"two")], UNTIL_2030, &[]);
        let tail = one.len() - 32;
        two[tail..].copy_from_slice(&one[tail..]);
        for _ in 0..2 {
            assert_eq!(certificates.read(&one).unwrap().subject, "CN=one");
            assert_eq!(certificates.read(&two).unwrap().subject, "CN=two");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut certificates = Certificates::default();
        let numbered = |number: u32| certificate(&[part(CN, 12, number.to_string().as_bytes())], UNTIL_2030, &[]);
        for number in 0..1100 {
            let read = certificates.read(&numbered(number)).unwrap();
            assert_eq!(read.subject, format!("CN={number}"));
        }
        assert_eq!(certificates.known.len(), REMEMBERED);
        let mut certificates = Certificates::default();
        for number in 0..100_u8 {
            let large = certificate(
                &[part(CN, 12, &[b'a' + number % 26; 60_000]), part(CN, 12, &[number % 128])],
                UNTIL_2030,
                &[],
            );
            assert!(certificates.read(&large).unwrap().subject.len() < 1100);
        }
        assert!(certificates.bytes <= BYTES && certificates.known.len() < 70, "{}", certificates.known.len());
    }

    #[test]
    fn long_names_are_cut() {
        let text = subject(&[part(CN, 12, "ä".repeat(30_000).as_bytes())]);
        assert_eq!(text.chars().count(), TEXT);
        assert!(text.starts_with("CN=ää") && text.ends_with('…'));
        let text = subject(&vec![part(CN, 12, b"x"); 5000]);
        assert_eq!(text.chars().count(), TEXT);
        let name = tlv(0x82, &[b'n'; 3000]);
        let read = parse(&certificate(&[], UNTIL_2030, &name.repeat(3))).unwrap();
        assert!(read.alternative_names.iter().all(|name| name.chars().count() == TEXT));
        let read = parse(&certificate(&[], UNTIL_2030, &tlv(0x82, b"n").repeat(10_000))).unwrap();
        assert_eq!(read.alternative_names.len(), NAMES);
        assert_eq!(bounded(b"short"), "short");
        assert_eq!(bounded("€".repeat(255).as_bytes()).chars().filter(|c| *c == '€').count(), 255);
    }

    #[test]
    fn strings_of_every_kind() {
        assert_eq!(subject(&[part(CN, 19, b"Printable")]), "CN=Printable");
        assert_eq!(subject(&[part(CN, 22, b"a@b")]), "CN=a@b");
        assert_eq!(subject(&[part(CN, 20, b"M\xfcnchen")]), "CN=München");
        assert_eq!(subject(&[part(CN, 30, b"\0M\0\xfc\x20\xac")]), "CN=Mü€");
        assert_eq!(subject(&[part(CN, 28, b"\0\0\0M\0\0\x20\xac")]), "CN=M€");
        assert_eq!(subject(&[part(CN, 4, b"\x01\xab")]), "CN=#01ab");
        assert_eq!(subject(&[part(b"\x55\x04\x61", 12, b"VATDE-1")]), "2.5.4.97=VATDE-1");
        assert_eq!(subject(&[]), "");
    }

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let of = |value: &str| subject(&[part(CN, 12, value.as_bytes())]);
        assert_eq!(of("a,b+c\"d\\e<f>g;h"), r#"CN=a\,b\+c\"d\\e\<f\>g\;h"#);
        assert_eq!(of(" # "), r"CN=\ #\ ");
        assert_eq!(of("#1"), r"CN=\#1");
        assert_eq!(of("a\0b"), r"CN=a\00b");
        assert_eq!(of("\u{1b}[31m\n"), "CN=\u{1b}[31m\n", "escaped where it is printed");
    }

    #[test]
    fn dates_out_of_range_are_as_far_as_it_goes() {
        let until = |date: &[u8]| parse(&certificate(&[], date, &[])).map(|read| read.not_after);
        assert_eq!(until(&tlv(24, b"99991231235959Z")), Some(Timestamp::MAX));
        assert_eq!(until(&tlv(24, b"00010101000000Z")), Some(Timestamp::MIN));
        assert_eq!(until(&tlv(23, b"500101000000Z")), Some(Timestamp(-631_152_000_000_000_000)), "1950");
        assert_eq!(until(&tlv(23, b"never")), None);
    }

    #[test]
    fn what_is_damaged_or_cut_does_no_harm() {
        let whole = fe01();
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_none());
        }
        let mut noise = Noise::new(0x2545_f491_4f6c_dd1d);
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                let at = noise.below(bytes.len());
                bytes[at] = noise.next() as u8;
            }
            let _ = parse(&bytes);
        }
    }
}
