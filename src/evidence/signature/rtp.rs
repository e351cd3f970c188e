//! RTP and RTCP headers, and when enough of them agree.
//!
//! In: datagrams, or what a frame carries. Out: a [`Header`]; an RTCP sender's SSRC; a [`Proof`] over several.
//! Must not know: ports, rows, flows, streams' quality.
//!
//! RFC 3550 §5.1 and §6.4, RFC 3711 (SRTP leaves both headers clear), RFC 5761 §4 (which byte tells RTCP from RTP). One
//! header alone has too few fixed bits to prove anything.

use arrayvec::ArrayVec;

use super::Datagram;

/// An RTP header without sources and extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Seven bits; what they mean is negotiated elsewhere.
    pub payload_type: u8,
    /// Begins a talk spurt, or ends a picture.
    pub marker: bool,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// The RTP header of a datagram; the fixed twelve bytes must be captured, and what they announce fit its length.
/// Padding is not looked at: in SRTP it is encrypted.
#[inline]
#[must_use]
pub fn header(datagram: Datagram<'_>) -> Option<Header> {
    let (fixed, rest) = datagram.bytes.split_first_chunk::<12>()?;
    let &[flags, kind, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3] = fixed;
    let payload_type = kind & 0x7f;
    // 64 to 95: with the marker RTCP's types 192 to 223, and never RTP's (RFC 5761 §4).
    if flags >> 6 != 2 || matches!(payload_type, 64..=95) {
        return None;
    }
    let sources = 4 * usize::from(flags & 0x0f);
    let mut length = 12 + sources;
    if flags & 0x10 != 0 {
        // A profile's number, and how many words follow (RFC 3550 §5.3.1).
        let words = match rest.get(sources..).and_then(<[u8]>::first_chunk::<4>) {
            Some(&[_, _, w0, w1]) => usize::from(u16::from_be_bytes([w0, w1])),
            None => 0,
        };
        length += 4 + 4 * words;
    }
    (length <= datagram.length).then_some(Header {
        payload_type,
        marker: kind & 0x80 != 0,
        sequence: u16::from_be_bytes([q0, q1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
    })
}

/// Index, authentication tag and key identifier that SRTCP appends (RFC 3711 §3.4): at most 4 + 10 + 4 bytes.
const SRTCP_TAIL: usize = 18;

/// The SSRC of who sent an RTCP datagram.
///
/// RTCP comes in compounds, each packet with its length (RFC 3550 §6.1). SRTCP leaves only the first eight bytes clear,
/// so that no further packet can be walked: then the first must be a report exactly as long as its blocks.
#[must_use]
pub fn rtcp(datagram: Datagram<'_>) -> Option<u32> {
    let first = packet(datagram.bytes)?;
    let &[_, _, _, _, s0, s1, s2, s3] = datagram.bytes.first_chunk::<8>()?;
    if first.length < 8 || first.length > datagram.length {
        return None;
    }
    (first.is_exact_report || walk(datagram)).then_some(u32::from_be_bytes([s0, s1, s2, s3]))
}

/// One packet of a compound.
#[derive(Clone, Copy)]
struct Packet {
    length: usize,
    /// A sender or receiver report whose length is that of its blocks, without a profile's extension.
    is_exact_report: bool,
}

fn packet(bytes: &[u8]) -> Option<Packet> {
    let &[flags, kind, w0, w1] = bytes.first_chunk::<4>()?;
    let length = 4 + 4 * usize::from(u16::from_be_bytes([w0, w1]));
    let blocks = 24 * usize::from(flags & 0x1f);
    // FIR, NACK, SMPTE, IJ (RFC 2032, 5484, 5450); SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR.
    (flags >> 6 == 2 && matches!(kind, 192..=195 | 200..=207)).then_some(Packet {
        length,
        is_exact_report: (kind == 200 && length == 28 + blocks) || (kind == 201 && length == 8 + blocks),
    })
}

/// Whether packets follow each other to the end, or to what SRTCP appends, as far as it was captured.
fn walk(datagram: Datagram<'_>) -> bool {
    let mut at = 0_usize;
    while let Some(packet) = datagram.bytes.get(at..).and_then(packet) {
        at += packet.length;
    }
    let left = datagram.length.checked_sub(at);
    let unseen = at + 4 > datagram.bytes.len() && !datagram.is_whole();
    left.is_some_and(|left| unseen || matches!(left, 0 | 4..=SRTCP_TAIL))
}

/// Streams that may be RTP, told apart in one direction.
const CANDIDATES: usize = 4;

/// How often something repeated itself in one direction, until it is certain.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    candidates: ArrayVec<Candidate, CANDIDATES>,
    /// The candidate to give way to the next stranger.
    oldest: usize,
    rtcp: Option<(u32, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    last: Header,
    run: u8,
}

impl Proof {
    /// How many packets in a row had this one's SSRC and payload type, and a sequence number 1 to 64 beyond the one
    /// before. A repeated packet and a late one neither count nor break the row. From three on it is RTP: 96 bits of
    /// SSRC, and the numbers, have agreed.
    pub fn rtp(&mut self, header: &Header) -> u8 {
        let fresh = Candidate { last: *header, run: 1 };
        let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.last.ssrc == header.ssrc) else {
            if self.candidates.is_full() {
                if let Some(oldest) = self.candidates.get_mut(self.oldest) {
                    *oldest = fresh;
                }
                self.oldest = (self.oldest + 1) % CANDIDATES;
            } else {
                self.candidates.push(fresh);
            }
            return 1;
        };
        match header.sequence.wrapping_sub(candidate.last.sequence) {
            0 | 0xffc0.. => return candidate.run,
            1..=64 if header.payload_type == candidate.last.payload_type => {
                *candidate = Candidate { run: candidate.run.saturating_add(1), ..fresh };
            }
            _ => *candidate = fresh,
        }
        candidate.run
    }

    /// Whether the SSRC of the RTCP before this one was the same: 32 bits, and two well-formed compounds. `which` tells
    /// a packet from one that was only captured twice.
    pub fn rtcp(&mut self, ssrc: u32, which: u64) -> bool {
        let before = self.rtcp.replace((ssrc, which));
        before.is_some_and(|(same, other)| same == ssrc && other != which)
    }
}

/// Datagrams. RTP: PCMU of a SIP call, SILK of a Microsoft client, DTMF; RTCP: SR with SDES, RR with SDES, SRTCP.
#[cfg(test)]
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    ("udp RTP PCMU", RTP_PCMU),
    ("udp RTP SILK", RTP_SILK),
    ("udp RTP telephone-event", RTP_DTMF),
    ("udp RTCP sender report", RTCP_SR),
    ("udp RTCP receiver report", RTCP_RR),
    ("udp SRTCP receiver report", SRTCP_RR),
];

#[cfg(test)]
pub(super) const RTP_PCMU: &[u8] =
    b"\x80\x80\x92\xdb\x00\x00\x00\xa0\x34\x3d\xa9\x9b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
/// With an extension.
#[cfg(test)]
pub(super) const RTP_SILK: &[u8] =
    b"\x90\x68\x3d\x16\x09\x5e\x1e\x48\x00\x00\x74\xec\xbe\xde\x00\x01\x12\x86\xe4\x6f\xf5\x4c\x43\xfa\x10\xd4\
\x7b\xa8\x44\x6c\xaf\x1b\x77\x49\xd2\x87\xf0\x1b\xe6\x4e";
#[cfg(test)]
const RTP_DTMF: &[u8] = b"\x80\xe5\x1f\x30\x00\x00\x33\xe0\x0e\x05\x38\x4e\x01\x0a\x00\x00";
#[cfg(test)]
pub(super) const RTCP_SR: &[u8] = b"\x81\xc8\x00\x0c\x5d\x93\x15\x34\xdd\x3a\xc1\x70\x4d\x61\x4d\xf8\x00\x00\x7d\x00\x00\x00\x00\x00\xc8\x00\
\x00\x7d\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x81\xca\x00\x0e\x5d\x93\
\x15\x34\x01\x085d931534\x07\x25FreeSWITCH.org -- Come to ClueCon.com\0\0\0";
#[cfg(test)]
const RTCP_RR: &[u8] = b"\x81\xc9\x00\x07\x01\x93\x2d\xb4\x5d\x93\x15\x34\x00\x00\x00\x01\x00\x00\xbf\x8b\x00\x00\x00\x06\xc1\x70\
\x4d\x61\x00\x04\x05\x1c\x81\xca\x00\x0e\x01\x93\x2d\xb4\x01\x071932db4\x07\x25FreeSWITCH.org -- Come to ClueCon.com\0\0\0\0";
/// Encrypted behind the first eight bytes, with a second packet inside.
#[cfg(test)]
const SRTCP_RR: &[u8] = b"\x80\xc9\x00\x01\xd3\xf9\xfd\x82\x2f\x54\x0a\x53\x3e\xfc\x06\x5d\xea\xd9\xd9\x0a\xb6\x50\x30\x07\xe3\x59\
\x5a\x97\x01\x2c\x2b\x54\x3a\x4f\xfc\xdc\x8f\x45\x62\x20\xda\x80\x58\x66\x6e\x49\xfd\x75\xe6\x25\x09\x47\xa2\x2b\xa6\x9a\x52\
\xfd\x72\x77\x8b\xb7\xf7\xa7\x2b\xa4\x81\x0b\x80\x00\x00\x00\x16\xf3\x00\xa2\xc5\x74\x16\x26\x13\x5e\xd9";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::noise::Noise;

    fn whole(bytes: &[u8]) -> Datagram<'_> {
        Datagram { bytes, length: bytes.len() }
    }

    fn at(sequence: u16) -> Header {
        Header { payload_type: 114, marker: false, sequence, timestamp: 320 * u32::from(sequence), ssrc: 0x1234_5678 }
    }

    #[test]
    fn each_sample_is_one_of_both() {
        for &(name, bytes) in SAMPLES {
            assert_eq!(header(whole(bytes)).is_some(), name.contains(" RTP"), "{name}");
            assert_eq!(rtcp(whole(bytes)).is_some(), name.contains("RTCP"), "{name}");
        }
    }

    #[test]
    fn the_fields_are_where_they_belong() {
        let header_of = |bytes| header(whole(bytes)).unwrap();
        let pcmu = Header { payload_type: 0, marker: true, sequence: 0x92db, timestamp: 160, ssrc: 0x343d_a99b };
        assert_eq!(header_of(RTP_PCMU), pcmu);
        let silk = Header { payload_type: 104, marker: false, sequence: 0x3d16, timestamp: 0x095e_1e48, ssrc: 0x74ec };
        assert_eq!(header_of(RTP_SILK), silk);
        assert_eq!(header_of(RTP_DTMF).payload_type, 101);
        assert_eq!(rtcp(whole(RTCP_SR)), Some(0x5d93_1534));
        assert_eq!(rtcp(whole(RTCP_RR)), Some(0x0193_2db4));
        assert_eq!(rtcp(whole(SRTCP_RR)), Some(0xd3f9_fd82));
    }

    #[test]
    fn cut_short_a_header_is_the_same_or_none() {
        for &(name, bytes) in SAMPLES {
            for n in 0..bytes.len() {
                let captured = Datagram { bytes: &bytes[..n], length: bytes.len() };
                let is_rtp = name.contains(" RTP");
                assert_eq!(header(captured).is_some(), is_rtp && n >= 12, "{name} {n}");
                assert_eq!(rtcp(captured).is_some(), !is_rtp && n >= 8, "{name} {n}");
            }
        }
        // What the sender cut.
        for n in 0..RTP_SILK.len() {
            assert_eq!(header(whole(&RTP_SILK[..n])).is_some(), n >= 20, "{n}");
        }
        for n in 0..RTCP_SR.len() {
            // A report without its description may be SRTCP's.
            assert_eq!(rtcp(whole(&RTCP_SR[..n])).is_some(), n >= 52, "{n}");
        }
    }

    #[test]
    fn sources_and_extension_must_fit() {
        let mut bytes = RTP_PCMU.to_vec();
        bytes[0] = 0x82;
        assert!(header(whole(&bytes)).is_some());
        bytes[0] = 0x83;
        assert_eq!(header(whole(&bytes)), None);
        bytes = RTP_SILK.to_vec();
        bytes[15] = 5;
        assert!(header(whole(&bytes)).is_some());
        bytes[15] = 7;
        assert_eq!(header(whole(&bytes)), None);
        bytes[0] = 0x50;
        assert_eq!(header(whole(&bytes)), None);
    }

    #[test]
    fn other_versions_and_types_are_not_rtcp() {
        let with = |at: usize, value: u8| {
            let mut bytes = RTCP_SR.to_vec();
            bytes[at] = value;
            rtcp(whole(&bytes))
        };
        assert_eq!(with(0, 0x41), None);
        assert_eq!(with(1, 199), None);
        assert_eq!(with(1, 208), None);
        assert_eq!(with(3, 200), None, "longer than the datagram");
        // A length that is not the report's, and packets that do not follow.
        assert_eq!(with(3, 13), None);
        // A feedback message alone, and one with SRTCP's tail.
        let nack = *b"\x81\xcd\x00\x03\x00\x00\x03\xe9\x00\x00\x07\xd2\x00\x01\x00\x00";
        assert_eq!(rtcp(whole(&nack)), Some(1001));
        assert_eq!(rtcp(whole(&[&nack[..], &[9; 14]].concat())), Some(1001));
        assert_eq!(rtcp(whole(&[&nack[..], &[9; 19]].concat())), None);
    }

    #[test]
    fn three_in_a_row_are_proof() {
        let mut proof = Proof::default();
        let runs: Vec<_> = [7, 8, 8, 7, 10, 74].iter().map(|&sequence| proof.rtp(&at(sequence))).collect();
        assert_eq!(runs, [1, 2, 2, 2, 3, 4], "repeated, late, ahead by two, ahead by 64");
        assert_eq!(proof.rtp(&at(74 + 65)), 1, "ahead by 65");
        assert_eq!(proof.rtp(&Header { payload_type: 13, ..at(140) }), 1, "another payload type");
        let mut proof = Proof::default();
        let runs: Vec<_> = [0xfffe, 0xffff, 0, 1].iter().map(|&sequence| proof.rtp(&at(sequence))).collect();
        assert_eq!(runs, [1, 2, 3, 4], "wrapped");
        let mut proof = Proof::default();
        assert!((0..100).all(|_| proof.rtp(&at(5)) == 1), "always the same");
    }

    #[test]
    fn streams_side_by_side_do_not_disturb_each_other() {
        let mut proof = Proof::default();
        for sequence in 0..3 {
            for ssrc in 1..=4 {
                assert_eq!(u16::from(proof.rtp(&Header { ssrc, ..at(sequence) })), sequence + 1);
            }
        }
        // Strangers push out the oldest, and only that.
        assert_eq!(proof.rtp(&Header { ssrc: 99, ..at(0) }), 1);
        assert_eq!(proof.rtp(&Header { ssrc: 1, ..at(3) }), 1);
        assert_eq!(proof.rtp(&Header { ssrc: 3, ..at(3) }), 4);
        assert!(!proof.rtcp(7, 1));
        assert!(!proof.rtcp(8, 1));
        assert!(!proof.rtcp(8, 1));
        assert!(proof.rtcp(8, 2));
    }

    #[test]
    fn noise_proves_nothing() {
        let mut noise = Noise::new(0x1234_5678_9abc_def1);
        let mut proof = Proof::default();
        for round in 0..10_000 {
            let length = noise.below(80);
            let mut bytes: Vec<u8> = noise.bytes(length);
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Some(header) = header(whole(&bytes)) {
                assert_eq!(proof.rtp(&header), 1);
            }
            if let Some(ssrc) = rtcp(whole(&bytes)) {
                assert!(!proof.rtcp(ssrc, round));
            }
        }
    }
}
