//! Our reader against libpcap, over real captures: every file that libpcap reads to its end must give the
//! same frames, in time (nanoseconds), lengths, bytes and link type; known exceptions stand in a table.
//!
//! In: `../shared/captures`, where it exists. Out: a list of differences that nobody explained.
//! Must not know: how either reader works.
#![cfg(feature = "live")]
#![allow(clippy::print_stdout, reason = "a test that skips must say so")]

use std::fs;
use std::path::{Path, PathBuf};

use lyncap::capture::{Frame, Inputs, LinkType};
use lyncap::error::Error;
use pcap::{Capture, Precision};

/// Folders of captures that are expected to be sound.
const FOLDERS: &[&str] = &["formats", "voip", "windows", "tls", "links"];

/// Link types that libpcap shows under the capturing system's own number.
const SYSTEM_NUMBERS: &[(i32, u16)] = &[(11, 100), (12, 101), (18, 246)];

/// Files in which the times of some frames differ (nothing else may), and why ours are right.
const OTHER_TIMES: &[(&str, &str)] = &[
    ("pcapng_be_basic_011.pcapng", "a simple packet has no time: libpcap says 1970, we the time of the frame before"),
    ("pcapng_le_basic_011.pcapng", "a simple packet has no time: libpcap says 1970, we the time of the frame before"),
    ("sip_ipv6_udp.pcap", "seconds from 2^31 on: 1935 to libpcap 1.10.3, 2071 to us and later libpcaps (unsigned)"),
];

/// One frame as a reader gives it.
#[derive(PartialEq, Eq)]
struct Seen<'a> {
    at: i64,
    link: LinkType,
    original: u32,
    bytes: &'a [u8],
}

impl<'a> Seen<'a> {
    fn ours(frame: &Frame<'a>) -> Self {
        Self { at: frame.at.0, link: frame.link, original: frame.original_length, bytes: frame.bytes }
    }

    #[allow(clippy::unnecessary_cast, reason = "both fields are 32 bits wide on some systems")]
    fn theirs(packet: &pcap::Packet<'a>, link: LinkType) -> Self {
        // With nanosecond precision `tv_usec` counts nanoseconds.
        let at = packet.header.ts.tv_sec as i64 * 1_000_000_000 + packet.header.ts.tv_usec as i64;
        Self { at, link, original: packet.header.len, bytes: packet.data }
    }

    fn show(&self) -> String {
        format!("at {} link {} original {} captured {}", self.at, self.link, self.original, self.bytes.len())
    }
}

/// What comparing one file came to.
enum Outcome {
    /// So many frames, all equal but for the times of some.
    Equal { frames: u64, other_times: u64 },
    /// libpcap does not open it or does not come to its end.
    NotTheirs(String),
    /// Number of the first frame that differs, and how.
    Differs(u64, String),
}

fn compare(path: &Path) -> Result<Outcome, Error> {
    let mut theirs = match Capture::from_file_with_precision(path, Precision::Nano) {
        Ok(capture) => capture,
        Err(error) => return Ok(Outcome::NotTheirs(error.to_string())),
    };
    let number = theirs.get_datalink().0;
    let link = SYSTEM_NUMBERS.iter().find(|row| row.0 == number).map(|row| row.1);
    let link = LinkType(link.or_else(|| u16::try_from(number).ok()).unwrap_or(u16::MAX));
    let mut ours = Inputs::open(&[path.to_owned()])?;
    let (mut count, mut other_times) = (0, 0);
    while let Some(batch) = ours.next_batch()? {
        for frame in &batch.frames {
            count += 1;
            let packet = match theirs.next_packet() {
                Ok(packet) => packet,
                Err(pcap::Error::NoMorePackets) => return Ok(Outcome::Differs(count, "theirs ended".to_owned())),
                Err(error) => return Ok(Outcome::NotTheirs(error.to_string())),
            };
            let (mut ours, theirs) = (Seen::ours(frame), Seen::theirs(&packet, link));
            if ours.at != theirs.at {
                other_times += 1;
                ours.at = theirs.at;
            }
            if ours != theirs {
                let what = format!("ours {}, theirs {}", ours.show(), theirs.show());
                return Ok(Outcome::Differs(count, what));
            }
        }
    }
    Ok(match theirs.next_packet() {
        Err(pcap::Error::NoMorePackets) if ours.damage().is_empty() => Outcome::Equal { frames: count, other_times },
        Err(pcap::Error::NoMorePackets) => {
            Outcome::Differs(count + 1, format!("only ours is damaged: {:?}", ours.damage()))
        }
        Err(error) => Outcome::NotTheirs(error.to_string()),
        Ok(_) => Outcome::Differs(count + 1, format!("ours ended {:?}", ours.damage())),
    })
}

/// The captures, or nothing where they are not.
fn captures() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let root = home.join("../shared/captures");
    let folders = FOLDERS.iter().filter_map(|folder| fs::read_dir(root.join(folder)).ok());
    let mut files: Vec<_> = folders.flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

#[test]
fn real_captures_give_the_frames_libpcap_gives() {
    let files = captures();
    if files.is_empty() {
        println!("skipped: no captures in ../shared/captures");
        return;
    }
    let (mut equal, mut frames, mut unexplained) = (0, 0, Vec::new());
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let outcome = compare(path).unwrap_or_else(|error| Outcome::NotTheirs(format!("nor ours: {error}")));
        match outcome {
            Outcome::NotTheirs(why) => println!("libpcap does not read {name}: {why}"),
            Outcome::Differs(number, what) => unexplained.push(format!("{name}: frame {number}: {what}")),
            Outcome::Equal { frames: count, other_times } => {
                equal += 1;
                frames += count;
                let reason = OTHER_TIMES.iter().find(|row| row.0 == name);
                match (other_times, reason) {
                    (0, None) => {}
                    (0, Some(_)) => unexplained.push(format!("{name}: its row in OTHER_TIMES is dead")),
                    (_, Some(row)) => println!("{name}: {other_times} times differ: {}", row.1),
                    (_, None) => unexplained.push(format!("{name}: {other_times} times differ")),
                }
            }
        }
    }
    println!("{equal} of {} files equal, {frames} frames", files.len());
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(equal > files.len() / 2, "libpcap read too few files for a comparison");
}
