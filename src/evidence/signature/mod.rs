//! The signatures, one file each, and the tables that name them.
//!
//! In: the first bytes of one direction, or one datagram. Out: a [`Probe`]; for some, more facts once it is certain.
//! Must not know: ports, rows, flows, the other signatures.
//!
//! Each file has five parts: what it reads and by which document; constants and offsets; the probe; what more it
//! reads; tests over real bytes, cut at every length.

use super::certificates::Certificates;
use super::facts::Details;
use super::protocol::{Probe, Protocol};
use crate::net::Both;

mod ber;
#[cfg(test)]
mod cuts;
pub mod dhcp;
pub mod dns;
pub mod framing;
pub mod ftp;
mod greeting;
pub mod http;
pub mod kerberos;
pub mod ldap;
mod line;
pub mod ms_turn;
pub mod ntp;
pub mod rdp;
mod read;
pub mod rpc;
pub mod rtp;
pub mod sip;
pub mod smb;
pub mod smtp;
pub mod sql_browser;
pub mod ssh;
pub mod stun;
pub mod tds;
pub mod text;
pub mod tls;

/// The first bytes of one direction of a TCP connection, in order.
#[derive(Clone, Copy, Debug)]
pub struct Prefix<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// They begin where the connection began. Otherwise a message may begin before them.
    pub from_start: bool,
    /// Nothing more will be seen in order: the limit, a lost segment, the snaplen, or the end.
    pub ended: bool,
}

/// One UDP payload.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub length: usize,
}

impl Datagram<'_> {
    /// Whether it was captured whole.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.bytes.len() >= self.length
    }
}

/// A signature over a TCP stream.
pub type StreamProbe = fn(Prefix<'_>) -> Probe;

/// A signature over one datagram. `Unsure` means: this one does not tell.
pub type DatagramProbe = fn(Datagram<'_>) -> Probe;

/// Reads on, over both directions, once a signature is certain of one of them. What it noted of the same connection
/// before is good for as long as the bytes it was shown only grow.
pub type Study = fn(&Both<Prefix<'_>>, &mut Notes, &mut Certificates) -> Studied;

/// What a study has read of one connection, so that it need not read it again.
#[derive(Debug, Default)]
pub struct Notes {
    tls: Option<Box<tls::Sides>>,
}

impl Notes {
    /// Bytes of heap held, about.
    pub(super) fn held(&self) -> usize {
        self.tls.as_deref().map_or(0, size_of_val)
    }
}

/// What reading on came to.
#[derive(Clone, Debug, Default)]
pub struct Studied {
    /// What is known by now. It may be left for when both directions have ended: then it is asked for once more.
    pub details: Option<Details>,
    /// For each direction, how many bytes in all it needs to say more; none if nothing more is wanted of it.
    pub wanted: Both<Option<usize>>,
}

/// Reads more from one datagram of a known protocol.
pub type Further = fn(Datagram<'_>) -> Option<Details>;

/// Over TCP. The first that is certain decides, so what is most exactly defined stands first.
pub const STREAM: &[(Protocol, StreamProbe)] = &[
    (Protocol::MsTurn, ms_turn::stream),
    (Protocol::Tls, tls::stream),
    (Protocol::Http, http::stream),
    (Protocol::Sip, sip::stream),
    (Protocol::Smb, smb::stream),
    (Protocol::Rpc, rpc::stream),
    (Protocol::Tds, tds::stream),
    (Protocol::Rdp, rdp::stream),
    (Protocol::Ldap, ldap::stream),
    (Protocol::Kerberos, kerberos::stream),
    (Protocol::Dns, dns::stream),
    (Protocol::Ssh, ssh::stream),
    (Protocol::Ftp, ftp::stream),
    (Protocol::Smtp, smtp::stream),
    (Protocol::Rtp, framing::stream),
];

/// Over UDP. RTP and RTCP are not here: one datagram does not prove them.
pub const DATAGRAM: &[(Protocol, DatagramProbe)] = &[
    (Protocol::MsTurn, ms_turn::datagram),
    (Protocol::Stun, stun::datagram),
    (Protocol::Dhcp, dhcp::datagram),
    (Protocol::Sip, sip::datagram),
    (Protocol::Dns, dns::datagram),
    (Protocol::Kerberos, kerberos::datagram),
    (Protocol::Ldap, ldap::datagram),
    (Protocol::Ntp, ntp::datagram),
    (Protocol::SqlBrowser, sql_browser::datagram),
    (Protocol::Rpc, rpc::datagram),
];

/// Protocols over TCP of which more is asked than their name.
pub const STUDIES: &[(Protocol, Study)] = &[
    (Protocol::Tls, tls::study),
    (Protocol::Rpc, rpc::study),
    (Protocol::MsTurn, ms_turn::study),
    (Protocol::Stun, framing::study),
    (Protocol::Rtp, framing::study),
    (Protocol::Rtcp, framing::study),
];

/// Protocols over UDP of which more is asked than their name. SQL Browser's reply names ports, DHCP's tells a Lync client.
pub const FURTHER: &[(Protocol, Further)] =
    &[(Protocol::SqlBrowser, sql_browser::details), (Protocol::Dhcp, dhcp::details)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;
    use crate::evidence::protocol::Sighting;

    /// Name and bytes: how a stream begins, or a datagram.
    pub(super) type Sample = (&'static str, &'static [u8]);

    /// The samples of every signature. Add a row here with every signature file that exports `SAMPLES`.
    const SAMPLES: &[(Protocol, &[Sample])] = &[
        (Protocol::MsTurn, ms_turn::SAMPLES),
        (Protocol::Tls, tls::SAMPLES),
        (Protocol::Sip, sip::SAMPLES),
        (Protocol::Http, http::SAMPLES),
        (Protocol::Smb, smb::SAMPLES),
        (Protocol::Rpc, rpc::SAMPLES),
        (Protocol::Tds, tds::SAMPLES),
        (Protocol::Rdp, rdp::SAMPLES),
        (Protocol::Ldap, ldap::SAMPLES),
        (Protocol::Kerberos, kerberos::SAMPLES),
        (Protocol::Dns, dns::SAMPLES),
        (Protocol::Rtp, framing::SAMPLES),
        (Protocol::Stun, stun::SAMPLES),
        (Protocol::Dhcp, dhcp::SAMPLES),
        (Protocol::Ntp, ntp::SAMPLES),
        (Protocol::SqlBrowser, sql_browser::SAMPLES),
        (Protocol::Ssh, ssh::SAMPLES),
        (Protocol::Ftp, ftp::SAMPLES),
        (Protocol::Smtp, smtp::SAMPLES),
    ];

    /// Signatures that name more than the protocol they stand for. Framing knows STUN and TURN without a frame, too.
    const ALSO: &[(Protocol, &[Protocol])] = &[
        (Protocol::Http, &[Protocol::WinRm]),
        (Protocol::Rtp, &[Protocol::Rtcp, Protocol::Stun]),
        (Protocol::Stun, &[Protocol::Rtp]),
        (Protocol::MsTurn, &[Protocol::Rtp, Protocol::Stun]),
    ];

    /// A prefix in each state it can be in.
    fn states(bytes: &[u8]) -> [Prefix<'_>; 4] {
        let state = |from_start, ended| Prefix { bytes, from_start, ended };
        [state(true, false), state(true, true), state(false, false), state(false, true)]
    }

    /// Shows a stream cut at every length: never given up, never taken for anything else, and certain once and for all.
    pub(super) fn every_cut(probe: StreamProbe, name: &str, sample: &[u8], expected: Sighting) {
        let mut known = [false; 4];
        for length in 0..=sample.len() {
            for (state, known) in states(&sample[..length]).into_iter().zip(&mut known) {
                match probe(state) {
                    Probe::Certain(sighting) => {
                        assert_eq!(sighting.protocol, expected.protocol, "{name}, {length} bytes");
                        assert_eq!(sighting.speaker, expected.speaker, "{name}, {length} bytes");
                        assert!(sighting.version.is_none_or(|version| Some(version) == expected.version), "{name}");
                        assert!(length >= 4, "{name}: {length} bytes are no proof");
                        *known = true;
                    }
                    Probe::Unsure(wanted) => {
                        assert!(wanted > length, "{name}, {length} bytes");
                        assert!(!*known || state.ended, "{name}: no longer certain with {length} bytes");
                        assert!(state.ended || wanted <= sample.len(), "{name}: {wanted} wanted at {length}");
                    }
                    Probe::NotMe => panic!("{name}: given up at {length} bytes"),
                }
            }
        }
        for state in states(sample) {
            assert_eq!(probe(state), Probe::Certain(expected), "{name}");
        }
    }

    /// Shows a datagram cut by the snaplen at every length.
    pub(super) fn every_cut_of_a_datagram(probe: DatagramProbe, name: &str, sample: &[u8], expected: Sighting) {
        let mut known = false;
        for length in 0..=sample.len() {
            match probe(Datagram { bytes: &sample[..length], length: sample.len() }) {
                Probe::Certain(sighting) => {
                    assert_eq!(sighting, expected, "{name}, {length} bytes");
                    known = true;
                }
                _ => assert!(!known, "{name}: no longer certain with {length} bytes"),
            }
        }
        assert!(known, "{name}");
    }

    /// Shows samples twice over, with up to three bytes changed, cut at every length: an answer is never taken back, and
    /// what is asked for was not there yet.
    pub(super) fn never_taken_back(probe: StreamProbe, samples: &[Sample]) {
        let mut noise = Noise::new(0x0bad_cafe_1234_5677);
        for round in 0..2_000 {
            for (name, bytes) in samples {
                let mut bytes = [*bytes, *bytes].concat();
                for _ in 0..round % 4 {
                    let at = noise.below(bytes.len());
                    bytes[at] = noise.next() as u8;
                }
                let mut last = Probe::Unsure(0);
                for n in 0..=bytes.len() {
                    let found = probe(Prefix { bytes: &bytes[..n], from_start: true, ended: false });
                    match (last, found) {
                        (Probe::Unsure(_), Probe::Unsure(more)) => assert!(more > n, "{name} {n}"),
                        (Probe::Unsure(_), _) => {}
                        (last, found) => assert_eq!(last, found, "{name} {n} {bytes:02x?}"),
                    }
                    last = found;
                }
            }
        }
    }

    /// Shows random bytes, printable or not.
    pub(super) fn no_noise(probe: StreamProbe) {
        let mut noise = Noise::new(0x51_9A_7E);
        for round in 0..10_000 {
            let length = noise.below(200);
            let mut bytes = noise.bytes(length);
            if round % 2 == 0 {
                bytes.iter_mut().for_each(|byte| *byte = b' ' + *byte % 95);
            }
            for state in states(&bytes) {
                assert!(!matches!(probe(state), Probe::Certain(_)), "{bytes:02x?}");
            }
        }
    }

    /// The same in datagrams, whole and cut.
    pub(super) fn no_noise_in_datagrams(probe: DatagramProbe) {
        let mut noise = Noise::new(0xDA_7A);
        for round in 0..10_000 {
            let length = noise.below(200);
            let bytes = noise.bytes(length);
            let datagram = Datagram { bytes: &bytes, length: bytes.len() + round % 2 * 100 };
            assert!(!matches!(probe(datagram), Probe::Certain(_)), "{bytes:02x?}");
        }
    }

    /// Whether the signature of one protocol may call something this.
    fn belongs(owner: Protocol, found: Protocol) -> bool {
        owner == found || ALSO.iter().any(|(protocol, also)| *protocol == owner && also.contains(&found))
    }

    /// Which signatures are certain of a stream, and of what.
    fn of_stream(prefix: Prefix<'_>) -> Vec<(Protocol, Protocol)> {
        let certain = |(protocol, probe): &(Protocol, StreamProbe)| match probe(prefix) {
            Probe::Certain(sighting) => Some((*protocol, sighting.protocol)),
            _ => None,
        };
        STREAM.iter().filter_map(certain).collect()
    }

    /// Which signatures are certain of a datagram, and of what.
    fn of_datagram(datagram: Datagram<'_>) -> Vec<(Protocol, Protocol)> {
        let certain = |(protocol, probe): &(Protocol, DatagramProbe)| match probe(datagram) {
            Probe::Certain(sighting) => Some((*protocol, sighting.protocol)),
            _ => None,
        };
        DATAGRAM.iter().filter_map(certain).collect()
    }

    #[test]
    fn every_sample_is_its_own_signatures_and_no_others() {
        for &(owner, samples) in SAMPLES {
            for (name, bytes) in samples {
                let stream = of_stream(Prefix { bytes, from_start: true, ended: false });
                let datagram = of_datagram(Datagram { bytes, length: bytes.len() });
                assert!(!stream.is_empty() || !datagram.is_empty(), "{owner:?} {name}: nobody is certain");
                for (signature, found) in stream.into_iter().chain(datagram) {
                    assert!(belongs(owner, signature), "{owner:?} {name}: {signature:?} claims it");
                    assert!(belongs(owner, found), "{owner:?} {name}: taken for {found:?}");
                }
            }
        }
    }

    #[test]
    fn no_sample_cut_short_is_anothers() {
        for &(owner, samples) in SAMPLES {
            for (name, bytes) in samples {
                for length in 0..bytes.len() {
                    let cut = &bytes[..length];
                    let of_streams = states(cut).into_iter().flat_map(of_stream);
                    let of_datagrams = of_datagram(Datagram { bytes: cut, length: bytes.len() });
                    for (signature, found) in of_streams.chain(of_datagrams) {
                        assert!(belongs(owner, signature), "{owner:?} {name}, {length} bytes: {signature:?} claims it");
                        assert!(belongs(owner, found), "{owner:?} {name}, {length} bytes: taken for {found:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn noise_is_nobodys() {
        let mut noise = Noise::new(20_000);
        for _ in 0..20_000 {
            let length = 1 + noise.below(199);
            let bytes = noise.bytes(length);
            for state in states(&bytes) {
                assert_eq!(of_stream(state), [], "{bytes:02x?}");
            }
            for length in [bytes.len(), bytes.len() + 100] {
                assert_eq!(of_datagram(Datagram { bytes: &bytes, length }), [], "{bytes:02x?}");
            }
        }
    }

    /// TLS records of application data (RFC 5246 §6.2), as if encrypted.
    fn records(noise: &mut Noise) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < 400 {
            let length = 24 + noise.below(200);
            bytes.extend([23, 3, 3, 0, length as u8]);
            bytes.extend(noise.bytes(length));
        }
        bytes
    }

    #[test]
    fn encrypted_data_seen_from_the_middle_is_nobodys() {
        let mut noise = Noise::new(0xE4C);
        for _ in 0..20_000 {
            let bytes = records(&mut noise);
            let begin = 1 + noise.below(bytes.len() - 1);
            let rest = &bytes[begin..];
            for ended in [false, true] {
                let mut found = of_stream(Prefix { bytes: rest, from_start: false, ended });
                // Where a record begins, its header may be proof.
                found.retain(|(signature, _)| *signature != Protocol::Tls || !rest.starts_with(&[23, 3, 3, 0]));
                assert_eq!(found, [], "{rest:02x?}");
            }
        }
    }
}
