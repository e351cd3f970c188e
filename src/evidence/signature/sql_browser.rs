//! SQL Server Browser: who listens where.
//!
//! In: one datagram. Out: a [`Probe`]; of an answer the TCP ports it names.
//! Must not know: ports, rows, which instance is whose.
//!
//! [MC-SQLR] 2.2. Its requests for everything are one byte long, and so prove nothing.

use super::Datagram;
use super::read::{Read, answer_whole, byte, le16, literal, require};
use crate::evidence::facts::Details;
use crate::evidence::protocol::{Probe, Protocol, Sighting, Speaker};

/// To all hosts, and to one: which instances are there? The whole request.
const BROADCAST: u8 = 0x02;
const UNICAST: u8 = 0x03;
/// Where is that instance? Its name follows.
const INSTANCE: u8 = 0x04;
const RESPONSE: u8 = 0x05;
/// Where does the administrator's connection of that instance listen? A version and the name follow.
const ADMINISTRATOR: u8 = 0x0f;

/// What each instance's text begins with, and what comes next in it.
const SERVER_NAME: &[u8] = b"ServerName;";
const INSTANCE_NAME: &[u8] = b";InstanceName;";
/// The answer to [`ADMINISTRATOR`], up to its port: its own length, a version.
const ADMINISTRATOR_ANSWER: &[u8] = &[RESPONSE, 6, 0, 1];

/// Longest name, in bytes.
const LONGEST_NAME: usize = 32;
/// Shortest names that prove a request. Each of their characters is one of 64 among 256, so counts two bits; the
/// other bytes count eight each.
const SHORTEST_NAME: usize = 8;
const SHORTEST_ADMINISTRATOR_NAME: usize = 4;
/// Names of instances that are known, so count in full: Lync's own, and SQL Server's usual ones.
const KNOWN_NAMES: &[&[u8]] = &[b"RTC", b"RTCLOCAL", b"LYNCLOCAL", b"SQLEXPRESS", b"MSSQLSERVER"];

/// Ports kept.
const PORTS: usize = 64;

/// Over UDP.
#[must_use]
pub fn datagram(datagram: Datagram<'_>) -> Probe {
    let Datagram { bytes, length } = datagram;
    let asked = |proven: bool| proven.then_some(Sighting::of(Protocol::SqlBrowser, Speaker::Initiator));
    let read = match bytes.first() {
        Some(&RESPONSE) => response(bytes, length).map(Some),
        Some(&INSTANCE) => name(bytes, length, 1, SHORTEST_NAME).map(asked),
        Some(&ADMINISTRATOR) => {
            literal(bytes, 1, &[1]).and_then(|at| name(bytes, length, at, SHORTEST_ADMINISTRATOR_NAME)).map(asked)
        }
        // Eight bits are no proof.
        Some(&(BROADCAST | UNICAST)) if length == 1 => Ok(None),
        Some(_) => Err(Probe::NotMe),
        None => Err(Probe::Unsure(1)),
    };
    match read {
        Ok(Some(sighting)) => Probe::Certain(sighting),
        Ok(None) => Probe::Unsure(length.saturating_add(1)),
        Err(probe) => answer_whole(Err(probe), length),
    }
}

/// A name to the end of the datagram, and a NUL after it: whether it proves a request. Worms sent longer ones.
fn name(bytes: &[u8], length: usize, at: usize, shortest: usize) -> Read<bool> {
    let end = length.checked_sub(1).filter(|&end| end > at && end <= at + LONGEST_NAME).ok_or(Probe::NotMe)?;
    let name = bytes.get(at..end.min(bytes.len())).unwrap_or_default();
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'-');
    require(name.iter().all(of_name) && !name.first().is_some_and(u8::is_ascii_digit))?;
    literal(bytes, end, &[0])?;
    let known = KNOWN_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    Ok(known || name.len() >= shortest)
}

/// A length that fits and the first words of the text, or the six bytes of an administrator's answer.
fn response(bytes: &[u8], length: usize) -> Read<Sighting> {
    let sighting = Sighting::of(Protocol::SqlBrowser, Speaker::Responder);
    if length == 6 {
        literal(bytes, 0, ADMINISTRATOR_ANSWER)?;
        byte(bytes, 5)?;
        return Ok(sighting);
    }
    require(usize::from(le16(bytes, 1)?).checked_add(3) == Some(length))?;
    let at = literal(bytes, 3, SERVER_NAME)?;
    let rest = bytes.get(at..).unwrap_or_default();
    // What is cut short after 112 bits of agreement is no less certain.
    let goes_on = bytes.len() < length || rest.windows(INSTANCE_NAME.len()).any(|window| window == INSTANCE_NAME);
    require(goes_on)?;
    Ok(sighting)
}

/// The TCP ports that an answer names.
#[must_use]
pub fn details(datagram: Datagram<'_>) -> Option<Details> {
    let Datagram { bytes, length } = datagram;
    response(bytes, length).ok()?;
    let mut ports = Vec::new();
    let mut keep = |port: u16| {
        if port != 0 && ports.len() < PORTS && !ports.contains(&port) {
            ports.push(port);
        }
    };
    if length == 6 {
        keep(le16(bytes, 4).ok()?);
    } else {
        // The value after the key `tcp` is a port. One that the snaplen cuts has nothing behind it.
        let mut fields = bytes.get(3..).unwrap_or_default().split(|&byte| byte == b';').peekable();
        while let Some(key) = fields.next() {
            if let Some(value) = fields.peek().filter(|_| key == b"tcp") {
                let port = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                let port = port.filter(|_| value.iter().all(u8::is_ascii_digit));
                fields.next();
                if let Some(port) = port.filter(|_| fields.peek().is_some()) {
                    keep(port);
                }
            }
        }
    }
    (!ports.is_empty()).then_some(Details::Announced(ports))
}

/// Requests and answers, put together by the grammar of [MC-SQLR] 2.2.5.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("instance", b"\x04RTCLOCAL\0"),
    ("administrator", b"\x0f\x01MSSQLSERVER\0"),
    ("answer", ANSWER),
    ("answer for two", ANSWERS),
    ("administrator's port", b"\x05\x06\0\x01\x9a\x05"),
];
#[cfg(test)]
const ANSWER: &[u8] = b"\x05\x60\0ServerName;FE01;InstanceName;RTCLOCAL;IsClustered;No;Version;11.0.5058.0;\
                        tcp;49172;np;\\\\FE01\\p;;";
#[cfg(test)]
const ANSWERS: &[u8] =
    b"\x05\xa2\0ServerName;FE01;InstanceName;RTCLOCAL;IsClustered;No;Version;11.0.5058.0;tcp;49172;;\
                         ServerName;FE01;InstanceName;tcp;IsClustered;No;Version;11.0.5058.0;tcp;1433;;";

#[cfg(test)]
mod tests {
    use super::super::cuts::{answers, asks, datagram as cut, no_noise_in_datagrams, sighted, whole};
    use super::*;

    const ASKED: Option<Sighting> = asks(Protocol::SqlBrowser);
    const ANSWERED: Option<Sighting> = answers(Protocol::SqlBrowser);
    const NOTHING: [u16; 0] = [];

    fn ports(bytes: &[u8]) -> Vec<u16> {
        match details(whole(bytes)) {
            Some(Details::Announced(ports)) => ports,
            None => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    /// An answer with its length.
    fn answer(text: &str) -> Vec<u8> {
        let [low, high] = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&[RESPONSE, low, high], text.as_bytes()].concat()
    }

    #[test]
    fn requests_that_prove_themselves() {
        for name in ["RTC", "rtc", "RTCLOCAL", "LYNCLOCAL", "MSSQLSERVER", "ARCHIVE_2013", "A1234567"] {
            let request = [&[INSTANCE], name.as_bytes(), &[0]].concat();
            assert_eq!(cut(datagram, &request), ASKED.map(|sighting| (request.len(), sighting)), "{name}");
        }
        for name in ["RTC", "SQL1", "MSSQLSERVER"] {
            let request = [&[ADMINISTRATOR, 1], name.as_bytes(), &[0]].concat();
            assert_eq!(cut(datagram, &request), ASKED.map(|sighting| (request.len(), sighting)), "{name}");
        }
    }

    #[test]
    fn requests_that_prove_nothing() {
        for request in [&b"\x02"[..], b"\x03", b"\x04XDS\0", b"\x04ARCHIVE\0", b"\x0f\x01SQL\0"] {
            assert_eq!(datagram(whole(request)), Probe::Unsure(request.len() + 1), "{request:02x?}");
        }
        let long = [&[INSTANCE], &[b'A'; 33][..], &[0]].concat();
        for not_one in [
            &b""[..],
            b"\x02\0",
            b"\x04\0",
            b"\x04RTCLOCAL",
            b"\x04RTCLOCAL\0\0",
            b"\x04RTC\0LOCAL\0",
            b"\x04RTC LOCAL\0",
            b"\x041RTCLOCAL\0",
            b"\x0f\x02RTCLOCAL\0",
            b"\x0f\x01\0",
            &long,
        ] {
            assert_eq!(datagram(whole(not_one)), Probe::NotMe, "{not_one:02x?}");
        }
    }

    #[test]
    fn a_worm_is_no_request() {
        // The first bytes of the 376 that Slammer sends: 96 times 0x01, an address, code.
        let mut worm = vec![INSTANCE];
        worm.extend([1; 96]);
        worm.extend([0xdc, 0xc9, 0xb0, 0x42, 0xeb, 0x0e]);
        worm.resize(376, 0x90);
        assert_eq!(cut(datagram, &worm), None);
        assert_eq!(datagram(whole(&worm)), Probe::NotMe);
    }

    #[test]
    fn answers_name_ports() {
        assert_eq!(cut(datagram, ANSWER), ANSWERED.map(|sighting| (14, sighting)));
        assert_eq!(ports(ANSWER), [49172]);
        assert_eq!(ports(ANSWERS), [49172, 1433]);
        assert_eq!(cut(datagram, b"\x05\x06\0\x01\x9a\x05"), ANSWERED.map(|sighting| (6, sighting)));
        assert_eq!(ports(b"\x05\x06\0\x01\x9a\x05"), [1434]);
        assert_eq!(ports(b"\x05\x06\0\x01\0\0"), NOTHING);
    }

    #[test]
    fn a_port_is_a_number_behind_its_key() {
        let text = |rest| ports(&answer(&format!("ServerName;A;InstanceName;B;IsClustered;No;Version;1;{rest}")));
        assert_eq!(text("tcp;1433;;"), [1433]);
        assert_eq!(text("tcp;1433;;ServerName;A;InstanceName;C;tcp;1433;;"), [1433]);
        for none in
            ["tcp;0;;", "tcp;65536;;", "tcp;+1433;;", "tcp;;;", "tcp;x;;", "np;tcp;;", "udp;1433;;", "tcp", "tcp;1433"]
        {
            assert_eq!(text(none), NOTHING, "{none}");
        }
        let many: String = (1..=100).map(|port| format!("tcp;{port};")).collect();
        assert_eq!(text(&many), (1..=64).collect::<Vec<u16>>());
    }

    #[test]
    fn an_answer_cut_short_names_no_half_a_port() {
        for n in 0..ANSWERS.len() {
            let Some(Details::Announced(ports)) = details(Datagram { bytes: &ANSWERS[..n], length: ANSWERS.len() })
            else {
                continue;
            };
            assert!(ports == [49172] || ports == [49172, 1433], "{n}: {ports:?}");
        }
    }

    #[test]
    fn an_answer_that_is_not_consistent_is_none() {
        let mut wrong = ANSWER.to_vec();
        wrong[1] ^= 1;
        assert_eq!(sighted(cut(datagram, &wrong)), None);
        assert!(details(whole(&wrong)).is_none());
        assert_eq!(datagram(whole(&answer("ServerName;A;Instance;B;;"))), Probe::NotMe);
        assert_eq!(datagram(whole(&answer("Server;A;InstanceName;B;;"))), Probe::NotMe);
    }

    #[test]
    fn noise_is_none() {
        no_noise_in_datagrams(datagram);
    }
}
