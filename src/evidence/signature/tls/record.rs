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
            HANDSHAKE => self.handshake.to_mut().extend_from_slice(record.payload),
            CHANGE_CIPHER_SPEC if record.is_whole() => self.stage = Stage::Changed,
            CHANGE_CIPHER_SPEC => {}
            ALERT if record.length == 2 => self.note(alert(record.payload)),
            // Encrypted without a ChangeCipherSpec before it: seen from the middle, or TLS 1.3.
            _ => self.end = End::Over,
        }
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
