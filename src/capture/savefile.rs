//! Which reader a file needs, by its content, never by its name; or what it is if it is no capture.
//!
//! In: a window at the start of a file. Out: a [`Source`], or the words for an `Error::NotACapture`.
//! Must not know: how a format goes on after its magic.

use std::io;

use arrayvec::ArrayVec;

use super::compressed::{self, Compression};
use super::reader::Source;
use super::window::{Fault, Window};
use super::{netmon, pcap, pcapng, snoop};

/// What a magic leads to.
enum Kind {
    /// A capture format and its reader.
    Capture(fn(Window) -> Box<dyn Source>),
    /// A capture format of others, which Wireshark's converter reads.
    Convert,
    /// Known not to be one, and what to do instead.
    Other(&'static str),
}

/// A file format, known by `magic` at offset `at`.
struct Row {
    at: usize,
    magic: &'static [u8],
    name: &'static str,
    kind: Kind,
}

const fn row(at: usize, magic: &'static [u8], name: &'static str, kind: Kind) -> Row {
    Row { at, magic, name, kind }
}

const PCAP: &str = "pcap";
const ETL: &str = "Windows event trace (ETL)";
const ETL_REMEDY: &str = "convert it first with `etl2pcapng FILE.etl OUT.pcapng` (of `netsh trace`) or \
    `pktmon etl2pcap FILE.etl --out OUT.pcapng` (of `pktmon`)";
const TEXT_MODE: &str = "pcapng spoilt by a transfer in text mode";
const TEXT_MODE_REMEDY: &str = "transfer it again in binary mode";

/// Every format that is recognised. The first row that fits decides.
const FORMATS: &[Row] = &[
    row(0, b"\xa1\xb2\xc3\xd4", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\xd4\xc3\xb2\xa1", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\xa1\xb2\x3c\x4d", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\x4d\x3c\xb2\xa1", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\xa1\xb2\xcd\x34", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\x34\xcd\xb2\xa1", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\x1c\0\x01\xac", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\xac\x01\0\x1c", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\x1c\0\x01\xab", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\xab\x01\0\x1c", PCAP, Kind::Capture(pcap::open)),
    row(0, b"\x0a\x0d\x0d\x0a", "pcapng", Kind::Capture(pcapng::open)),
    row(0, b"RTSS", "netmon1", Kind::Capture(netmon::open)),
    row(0, b"GMBU", "netmon2", Kind::Capture(netmon::open)),
    row(0, b"snoop\0\0\0", "snoop", Kind::Capture(snoop::open)),
    // The first bytes of pcapng were chosen to show this: line ends doubled, and made one.
    row(0, b"\x0d\x0a\x0d\x0d", TEXT_MODE, Kind::Other(TEXT_MODE_REMEDY)),
    row(0, b"\x0a\x0d\x0a", TEXT_MODE, Kind::Other(TEXT_MODE_REMEDY)),
    row(0, b"\x1f\x9d", "compress-ed", Kind::Other("decompress it first, e.g. `zcat FILE | lyncap audit -`")),
    row(257, b"ustar", "tar archive", Kind::Other("unpack it first")),
    row(0, b"PK\x03\x04", "zip archive", Kind::Other("unpack it first")),
    row(0, b"7z\xbc\xaf\x27\x1c", "7-Zip archive", Kind::Other("unpack it first")),
    row(0, b"TRSNIFF data    \x1a", "Sniffer capture", Kind::Convert),
    row(0, b"XCP\0", "NetXRay capture", Kind::Convert),
    row(0, b"ObserverPktBuffe", "Network Instruments Observer capture", Kind::Convert),
    row(0, b"iptrace ", "AIX iptrace capture", Kind::Convert),
    // The marker of the first event, behind a buffer header: version 1 or 2, 32 or 64 bit.
    row(72, b"\x01\0\x01\xc0", ETL, Kind::Other(ETL_REMEDY)),
    row(72, b"\x01\0\x02\xc0", ETL, Kind::Other(ETL_REMEDY)),
    row(72, b"\x02\0\x01\xc0", ETL, Kind::Other(ETL_REMEDY)),
    row(72, b"\x02\0\x02\xc0", ETL, Kind::Other(ETL_REMEDY)),
];

/// Bytes that decide: no magic ends later.
const SNIFFED: usize = 262;
/// Bytes that decide on what is captured live, and on every capture.
const LIVE: usize = 4;
const CAPTURE: usize = 8;
/// Bytes of an unknown file that are shown.
const SHOWN: usize = 16;

/// Why a file is not opened.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Its first bytes could not be read.
    Unread(io::Error),
    /// It is no capture that can be read.
    NotACapture {
        /// What it is instead, and how to mend it.
        why: String,
        /// Its format is known: most likely there are packets in it all the same.
        known: bool,
    },
}

impl Refusal {
    /// Why nothing can be read at all.
    fn of(error: io::Error) -> Self {
        match Fault::of(&error) {
            Some(fault) => {
                Self::NotACapture { why: format!("nothing of its content can be read: {fault}"), known: true }
            }
            None => Self::Unread(error),
        }
    }
}

/// A capture opened.
pub(super) struct Opened {
    pub(super) source: Box<dyn Source>,
    /// Its format's name.
    pub(super) format: &'static str,
    /// What the file is compressed with; the outermost where it is twice.
    pub(super) compression: Option<&'static str>,
}

/// Compressions around a capture that are undone: a compressed file may have been compressed again for its way.
const LAYERS: usize = 2;

/// The compressions of a file, outermost first.
type Layers = ArrayVec<&'static Compression, LAYERS>;

/// Opens the capture at the start of `window`, compressed or not.
pub(super) fn open(mut window: Window) -> Result<Opened, Refusal> {
    let mut layers = Layers::new();
    loop {
        // Few bytes decide on everything that is captured live: a pipe need not hold more yet.
        for enough in [LIVE, CAPTURE] {
            if enough > LIVE && !may_be_capture(window.bytes()) {
                break;
            }
            window.fill(enough).map_err(Refusal::of)?;
            if let Some(&Row { name: format, kind: Kind::Capture(open), .. }) = recognise(window.bytes()) {
                let compression = layers.first().map(|outermost| outermost.name);
                return Ok(Opened { source: open(window), format, compression });
            }
        }
        let Some(compression) = compressed::recognise(window.bytes()) else {
            return Err(refuse(window, &layers));
        };
        if layers.try_push(compression).is_err() {
            let Compression { name, command } = layers.first().unwrap_or(&compression);
            let why = format!(
                "{name}-compressed, and what is in it is more than once again; decompress it first, \
                 e.g. `{command} | lyncap audit -`"
            );
            return Err(Refusal::NotACapture { why, known: true });
        }
        window = compressed::decompress(window, compression);
    }
}

/// Says what a file is that is no capture.
fn refuse(mut window: Window, layers: &Layers) -> Refusal {
    // What still grows is told by what is there: a text may never have as many bytes as the last magic.
    let whole = if window.grows() { Ok(true) } else { window.fill(SNIFFED) };
    match whole {
        // What breaks off behind its first bytes still says by these what it is.
        Err(error) if Fault::of(&error).is_none() => return Refusal::Unread(error),
        Ok(_) | Err(_) => {}
    }
    let mut why: String = layers.iter().map(|layer| format!("{}-compressed: ", layer.name)).collect();
    why.push_str(&describe(window.bytes()));
    Refusal::NotACapture { why, known: recognise(window.bytes()).is_some() }
}

/// Whether more bytes may make a capture of it.
fn may_be_capture(bytes: &[u8]) -> bool {
    FORMATS.iter().any(|row| matches!(row.kind, Kind::Capture(_)) && row.magic.starts_with(bytes))
}

fn recognise(bytes: &[u8]) -> Option<&'static Row> {
    FORMATS.iter().find(|row| bytes.get(row.at..).is_some_and(|bytes| bytes.starts_with(row.magic)))
}

/// What a file that is not read is, and how to mend it.
fn describe(bytes: &[u8]) -> String {
    let Some(row) = recognise(bytes) else {
        return if bytes.is_empty() {
            "empty file; name a capture with frames in it".to_owned()
        } else {
            format!(
                "not a packet capture (starts with {}); name a pcap, pcapng, Network Monitor or snoop file",
                excerpt(bytes)
            )
        };
    };
    let name = row.name;
    match row.kind {
        Kind::Convert => format!("{name}; convert it first with `editcap -F pcapng FILE OUT.pcapng`"),
        Kind::Other(remedy) => format!("{name}; {remedy}"),
        Kind::Capture(_) => format!("{name}, cut short"),
    }
}

/// The first bytes as text if they are text, else in hexadecimal.
fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let line = shown.split(|&byte| byte == b'\n' || byte == b'\r').next().unwrap_or(shown);
    if !line.is_empty() && line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return format!("\"{}\"", line.escape_ascii());
    }
    let hex: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &'static [u8]) -> String {
        match open(Window::new(Box::new(bytes))) {
            Err(Refusal::NotACapture { why, .. }) => why,
            Err(Refusal::Unread(error)) => panic!("{error}"),
            Ok(opened) => panic!("read as {}", opened.format),
        }
    }

    fn check(bytes: &'static [u8], expected: &str) {
        assert_eq!(refusal(bytes), expected);
    }

    #[test]
    fn no_magic_hides_another() {
        for (i, row) in FORMATS.iter().enumerate() {
            assert!(row.at + row.magic.len() <= SNIFFED, "{}", row.name);
            // snoop's first frame ends behind what is sniffed: a pipe of it holds as much as soon as there is one.
            let live = matches!(row.kind, Kind::Capture(_)) && row.name != "snoop";
            assert!(!live || row.at + row.magic.len() <= LIVE, "{}", row.name);
            let mut file = vec![0xee; row.at];
            file.extend(row.magic);
            assert!(compressed::recognise(&file).is_none(), "{}", row.name);
            let first = FORMATS.iter().position(|other| file.get(other.at..).unwrap_or(&[]).starts_with(other.magic));
            assert_eq!(first, Some(i), "{}", row.name);
        }
    }

    #[test]
    fn captures_are_known_by_their_magic() {
        for row in FORMATS.iter().filter(|row| matches!(row.kind, Kind::Capture(_))) {
            let Ok(mut opened) = open(Window::new(Box::new(row.magic))) else { panic!("{} is refused", row.name) };
            assert_eq!((opened.format, opened.compression, opened.source.head()), (row.name, None, None));
            assert!(opened.source.damage().is_some(), "{} cut behind its magic is damage", row.name);
        }
    }

    #[test]
    fn what_is_no_capture_says_what_it_is_and_what_to_do() {
        check(b"", "empty file; name a capture with frames in it");
        check(b"\x1f\x9d\x90rest", "compress-ed; decompress it first, e.g. `zcat FILE | lyncap audit -`");
        check(b"\x1f\x8b\x08\0", "nothing of its content can be read: gzip stream cut short");
        check(b"XCP\0\x01", "NetXRay capture; convert it first with `editcap -F pcapng FILE OUT.pcapng`");
        check(
            b"snoopy\n",
            "not a packet capture (starts with \"snoopy\"); name a pcap, pcapng, Network Monitor or snoop file",
        );
        check(
            b"\x0d\x0a\x0d\x0d\x0d\x0a",
            "pcapng spoilt by a transfer in text mode; transfer it again in binary mode",
        );
        check(b"PK\x03\x04rest", "zip archive; unpack it first");
        check(
            b"#!/bin/sh\necho",
            "not a packet capture (starts with \"#!/bin/sh\"); name a pcap, pcapng, Network Monitor or snoop file",
        );
        check(
            b"say \"hi\"",
            "not a packet capture (starts with \"say \\\"hi\\\"\"); name a pcap, pcapng, Network Monitor or snoop file",
        );
        check(
            b"\x7fELF\x02\x01",
            "not a packet capture (starts with 7f 45 4c 46 02 01); name a pcap, pcapng, Network Monitor or snoop file",
        );
        check(b"\n", "not a packet capture (starts with 0a); name a pcap, pcapng, Network Monitor or snoop file");
        check(
            b"\x0a\x0d\x0d",
            "not a packet capture (starts with 0a 0d 0d); name a pcap, pcapng, Network Monitor or snoop file",
        );
        let mut trace = [0; 80];
        trace[72..76].copy_from_slice(b"\x02\0\x02\xc0");
        let why = refusal(Box::leak(Box::new(trace)));
        assert_eq!(why, format!("{ETL}; {ETL_REMEDY}"));
    }
}
