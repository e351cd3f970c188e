//! The record layer of one direction: what is in the clear, and where it stops.
//!
//! In: the first bytes of a direction. Out: [`Records`]: its handshake bytes in one piece, its first alert, and how it
//! ends. Must not know: what handshake messages say, who is the client, ports, rows.
//!
//! RFC 5246 §6.2, RFC 8446 §5.1. Done here and not by `tls-parser`, because a capture cuts records anywhere and
//! handshake messages run across them: both need to know how many bytes are still to come.

use std::borrow::Cow;

/// Kind (1), version (2), length (2).
pub(super) const HEADER: usize = 5;
/// Of a handshake message: kind (1), length (3).
pub(super) const MESSAGE_HEADER: usize = 4;
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
/// The longest plain text of a record, and what encryption may add.
const PLAIN: usize = 1 << 14;
const LONGEST: usize = PLAIN + 2048;
/// Records read of one direction in one call.
const RECORDS: usize = 256;
/// SSL 3.0's answer of a client that is asked for a certificate and has none (RFC 6101 §5.4.2).
const NO_CERTIFICATE: u8 = 41;

/// One record, as far as it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) version: u16,
    /// As its header has it.
    pub(super) length: usize,
    /// Offset of its header.
    pub(super) start: usize,
    /// What is there of it.
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    /// Offset of what follows it.
    pub(super) const fn end(&self) -> usize {
        self.start + HEADER + self.length
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.payload.len() == self.length
    }
}

/// What stands at an offset.
#[derive(Clone, Copy, Debug)]
pub(super) enum At<'a> {
    Record(Record<'a>),
    /// The header is cut, and may be one as far as it is there.
    Cut,
    Not,
}

/// Reads the header at an offset.
pub(super) fn at(bytes: &[u8], start: usize) -> At<'_> {
    let rest = bytes.get(start..).unwrap_or_default();
    let Some((&[kind, major, minor, high, low], payload)) = rest.split_first_chunk::<HEADER>() else {
        return if may_begin(rest) { At::Cut } else { At::Not };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let fits = match kind {
        CHANGE_CIPHER_SPEC => length == 1,
        ALERT => (2..=PLAIN).contains(&length),
        _ => (1..=LONGEST).contains(&length),
    };
    if !may_begin(rest) || !fits {
        return At::Not;
    }
    let payload = payload.get(..length).unwrap_or(payload);
    At::Record(Record { kind, version: u16::from_be_bytes([major, minor]), length, start, payload })
}

/// Whether a header may begin like this: the kinds 20 to 23, the versions 3.0 to 3.4, the length's upper byte.
fn may_begin(bytes: &[u8]) -> bool {
    let expected = [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3..=3, 0..=4, 0..=(LONGEST >> 8) as u8];
    bytes.iter().zip(expected).all(|(byte, range)| range.contains(byte))
}

/// An alert in the clear: whether it is fatal, and its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClearAlert {
    pub(super) fatal: bool,
    pub(super) description: u8,
}

/// Reads the two bytes of an alert.
pub(super) fn alert(payload: &[u8]) -> Option<ClearAlert> {
    match *payload {
        [level @ (1 | 2), description] => Some(ClearAlert { fatal: level == 2, description }),
        _ => None,
    }
}

/// How the bytes of a direction end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing more can be read, whatever follows.
    Over,
    /// Between two records, of which the second is to begin here.
    Between(usize),
    /// Inside a record that ends here, `missing` bytes further.
    Inside { end: usize, missing: usize, handshake: bool },
}

/// How far a direction is in the way from clear to encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Clear,
    /// After ChangeCipherSpec; then after Finished; then after the first data.
    Changed,
    Finished,
    Data,
}

/// One direction, up to where it is no longer in the clear.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    /// What its handshake records hold before ChangeCipherSpec, in one piece.
    pub(super) handshake: Cow<'a, [u8]>,
    /// The first alert; a fatal one before any warning.
    pub(super) alert: Option<ClearAlert>,
    /// The client says that it has no certificate, in the way of SSL 3.0.
    pub(super) no_certificate: bool,
    /// A handshake record follows the one with Finished: they negotiate again, unseen.
    pub(super) renegotiates: bool,
    /// The kind of its first record; none if it has none.
    pub(super) first: Option<u8>,
    stage: Stage,
    end: End,
}

impl<'a> Records<'a> {
    /// Reads records from an offset on.
    pub(super) fn read(bytes: &'a [u8], start: usize) -> Self {
        let mut records = Self {
            handshake: Cow::Borrowed(&[]),
            alert: None,
            no_certificate: false,
            renegotiates: false,
            first: None,
            stage: Stage::Clear,
            end: End::Between(start),
        };
        for _ in 0..RECORDS {
            let End::Between(next) = records.end else { return records };
            match at(bytes, next) {
                At::Record(record) => records.take(record),
                At::Cut => return records,
                At::Not => break,
            }
        }
        records.end = End::Over;
        records
    }

    /// ChangeCipherSpec was seen: what follows is encrypted.
    pub(super) fn is_changed(&self) -> bool {
        self.stage != Stage::Clear
    }

    fn take(&mut self, record: Record<'a>) {
        self.first.get_or_insert(record.kind);
        let (end, missing) = (record.end(), record.length.saturating_sub(record.payload.len()));
        self.end = match missing {
            0 => End::Between(end),
            _ => End::Inside { end, missing, handshake: record.kind == HANDSHAKE },
        };
        match self.stage {
            Stage::Clear => self.clear(record),
            stage => self.encrypted(record.kind, stage),
        }
    }

    fn clear(&mut self, record: Record<'a>) {
        match record.kind {
            HANDSHAKE if self.handshake.is_empty() => self.handshake = Cow::Borrowed(record.payload),
            HANDSHAKE => self.append(record.payload),
            CHANGE_CIPHER_SPEC if record.is_whole() => self.stage = Stage::Changed,
            CHANGE_CIPHER_SPEC => {}
            ALERT if record.length == 2 => self.note(alert(record.payload)),
            // Encrypted without a ChangeCipherSpec before it: seen from the middle, or TLS 1.3.
            _ => self.end = End::Over,
        }
    }

    /// Messages go on in another record: their bytes are copied together, with room for one record more.
    fn append(&mut self, payload: &[u8]) {
        let both = (self.handshake.len() + payload.len()) * 2;
        let mut joined = match std::mem::take(&mut self.handshake) {
            Cow::Owned(joined) => joined,
            Cow::Borrowed(first) => {
                let mut joined = Vec::with_capacity(both);
                joined.extend_from_slice(first);
                joined
            }
        };
        joined.extend_from_slice(payload);
        self.handshake = Cow::Owned(joined);
    }

    fn note(&mut self, alert: Option<ClearAlert>) {
        let Some(alert) = alert else { return };
        self.no_certificate |= alert == ClearAlert { fatal: false, description: NO_CERTIFICATE };
        if alert.fatal || self.alert.is_none() {
            self.alert = Some(alert);
        }
        if alert.fatal {
            self.end = End::Over;
        }
    }

    /// After ChangeCipherSpec come Finished, in one handshake record, and data. A further handshake record is a
    /// renegotiation.
    fn encrypted(&mut self, kind: u8, stage: Stage) {
        match (kind, stage) {
            (HANDSHAKE, Stage::Changed) => self.stage = Stage::Finished,
            (HANDSHAKE, _) => {
                self.renegotiates = true;
                self.end = End::Over;
            }
            (APPLICATION_DATA, _) => self.stage = Stage::Data,
            _ => self.end = End::Over,
        }
    }

    /// How many bytes the direction must have in all before more can be said; none if it said all. `missing` is what
    /// its last handshake message lacks: 0 if it is whole or there is none.
    pub(super) fn wanted(&self, missing: usize) -> Option<usize> {
        match (self.stage, self.end) {
            // A renegotiation is looked for in all that is there, but not waited for once data flows.
            (_, End::Over) | (Stage::Data, _) => None,
            (Stage::Clear, End::Between(at)) if missing > 0 => Some(at.saturating_add(across(missing))),
            // No record is shorter than ChangeCipherSpec's.
            (Stage::Clear, End::Between(at)) => Some(at.saturating_add(HEADER + 1)),
            (Stage::Clear, End::Inside { end, handshake: false, .. }) => Some(end),
            (Stage::Clear, End::Inside { end, missing: rest, handshake: true }) => {
                let missing = if missing == 0 { MESSAGE_HEADER.min(rest) } else { missing };
                match missing.checked_sub(rest) {
                    None | Some(0) => Some(end.saturating_sub(rest).saturating_add(missing)),
                    Some(beyond) => Some(end.saturating_add(across(beyond))),
                }
            }
            // The next record's kind is all that can still be told.
            (_, End::Between(at) | End::Inside { end: at, .. }) => Some(at.saturating_add(HEADER)),
        }
    }
}

/// The bytes that a run of handshake bytes takes from a record's boundary on: headers and all.
const fn across(bytes: usize) -> usize {
    bytes.saturating_add(bytes.div_ceil(PLAIN) * HEADER)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CCS, record};
    use super::*;

    #[test]
    fn headers() {
        let length = |bytes: &[u8]| match at(bytes, 0) {
            At::Record(record) => Some(record.length),
            _ => None,
        };
        assert_eq!(length(&[22, 3, 1, 0x48, 0]), Some(LONGEST));
        assert_eq!(length(&[23, 3, 4, 0, 1]), Some(1));
        for wrong in [[19, 3, 1, 0, 9], [24, 3, 1, 0, 9], [22, 2, 1, 0, 9], [22, 3, 5, 0, 9], [22, 3, 1, 0x48, 1]] {
            assert!(matches!(at(&wrong, 0), At::Not), "{wrong:?}");
        }
        for wrong in [[22, 3, 1, 0, 0], [20, 3, 1, 0, 2], [21, 3, 1, 0, 1]] {
            assert!(matches!(at(&wrong, 0), At::Not), "{wrong:?}");
        }
        assert!((0..5).all(|cut| matches!(at(&[22, 3, 1, 0, 9][..cut], 0), At::Cut)));
        assert!(matches!(at(&[22, 3, 1, 0x49], 0), At::Not));
        assert!(matches!(at(&[22], 7), At::Cut), "beyond the end");
    }

    #[test]
    fn handshake_bytes_are_borrowed_from_one_record_and_joined_from_several() {
        let one = record(22, 0x0303, b"abc");
        assert!(matches!(Records::read(&one, 0).handshake, Cow::Borrowed(b"abc")));
        let more = [one.clone(), record(21, 0x0303, &[1, 112]), record(22, 0x0303, b"def")].concat();
        let records = Records::read(&more, 0);
        assert_eq!(&*records.handshake, b"abcdef");
        assert_eq!(records.alert, Some(ClearAlert { fatal: false, description: 112 }));
        assert_eq!(&*Records::read(&more[..one.len() - 1], 0).handshake, b"ab");
    }

    #[test]
    fn nothing_is_read_after_change_cipher_spec() {
        let bytes = [record(20, 0x0303, CCS), record(22, 0x0303, b"abc"), record(21, 0x0303, &[2, 40])].concat();
        let records = Records::read(&bytes, 0);
        assert!(records.is_changed() && !records.renegotiates);
        assert_eq!((&*records.handshake, records.alert), (&b""[..], None));
        assert_eq!(records.wanted(0), None);
        let again = [record(20, 0x0303, CCS), record(22, 0x0303, b"abc"), record(22, 0x0303, b"abc")].concat();
        assert!(Records::read(&again, 0).renegotiates);
        assert!(Records::read(&again[..6 + 8 + 5], 0).renegotiates, "its header is enough");
        assert!(!Records::read(&again[..6 + 8 + 4], 0).renegotiates);
    }

    #[test]
    fn no_more_than_256_records_are_read() {
        let many: Vec<u8> = (0..300).flat_map(|_| record(21, 0x0303, &[1, 90])).collect();
        assert_eq!(Records::read(&many, 0).wanted(0), None);
        assert_eq!(Records::read(&many[..7 * 255], 0).wanted(0), Some(7 * 255 + 6));
        let late = [many, record(22, 0x0303, b"abc")].concat();
        assert!(Records::read(&late, 0).handshake.is_empty());
    }

    #[test]
    fn a_message_over_several_records_costs_a_header_each() {
        let bytes = record(22, 0x0303, &[11, 0, 0x90, 0]);
        // 0x9000 bytes are two full records and a part of a third.
        assert_eq!(Records::read(&bytes, 0).wanted(0x9000), Some(9 + 0x9000 + 3 * HEADER));
        assert_eq!(Records::read(&bytes[..7], 0).wanted(2), Some(9));
        assert_eq!(Records::read(&bytes[..7], 0).wanted(3), Some(9 + HEADER + 1));
    }
}
