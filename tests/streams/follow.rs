//! In: captures that grow while they are read. Out: proof that what is added is read, and how following ends.
//! Must not know: how more is waited for.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use super::compress::{ALL, Compress, gzip, stored};
use super::program::{Scratch, check_code, check_refused};
use super::{Content, drain, flows, pcap};
use lyncap::capture::{Follow, Inputs};
use lyncap::error::Error;

/// Long enough for a writer on a busy machine.
const SILENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(30);

/// Follows a file until it is silent.
fn follow(path: &str) -> Result<Content, Error> {
    Inputs::follow(&[path.into()], Follow { silence: Some(SILENCE), ..Follow::default() }).map(drain)
}

/// Writes `bytes` on to the end of a file, in pieces of which none ends with a record.
fn grow(path: &str, bytes: Vec<u8>) -> JoinHandle<()> {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    thread::spawn(move || {
        for piece in bytes.chunks(bytes.len() / 13 + 1) {
            sleep(PAUSE);
            file.write_all(piece).unwrap();
        }
    })
}

#[test]
fn what_is_added_is_read() {
    let scratch = Scratch::new();
    let file = pcap(&flows(40));
    let whole = super::read(&file);
    let check = &|start: usize| {
        let path = scratch.file(&format!("{start}.pcap"), &file[..start]);
        let growing = grow(&path, file[start..].to_vec());
        let content = follow(&path).unwrap();
        growing.join().unwrap();
        assert!(content.frames == whole.frames, "{start}: {} frames", content.frames.len());
        assert_eq!((content.damage, content.consumed), (vec![], file.len() as u64), "{start}");
    };
    // From an empty file, from within the first record, from its middle.
    thread::scope(|scope| {
        for start in [0, 3, 30, file.len() / 2] {
            scope.spawn(move || check(start));
        }
    });
}

#[test]
fn compressed_files_grow_too() {
    let scratch = Scratch::new();
    let file = pcap(&flows(40));
    let whole = super::read(&file);
    let (first, second) = file.split_at(file.len() / 3);
    let check = &|name: &'static str, compress: Compress| {
        let path = scratch.file(name, compress(first));
        let growing = grow(&path, compress(second));
        let content = follow(&path).unwrap();
        growing.join().unwrap();
        assert!(content.frames == whole.frames && content.damage.is_empty(), "{name}: {:?}", content.damage);
        assert_eq!(content.compression, Some(name));
    };
    thread::scope(|scope| {
        for (name, compress) in ALL {
            scope.spawn(move || check(name, compress));
        }
    });
}

#[test]
fn a_half_record_is_damage_only_where_the_writer_has_stopped() {
    let scratch = Scratch::new();
    let file = pcap(&flows(2));
    let half = &file[..file.len() - 7];
    // Blocks of a zstd frame may repeat what was before them, so its decoder lets go of little before the end.
    let mut unended = stored(20, &[(half, 0), (b"", 0)]);
    unended.truncate(unended.len() - 3);
    let cut = gzip(&file)[..300].to_vec();
    let check = &|name: &str, bytes: Vec<u8>| {
        let path = scratch.file(name, bytes);
        let content = follow(&path).unwrap();
        assert_eq!(content.damage.len(), 1, "{name}: {:?}", content.damage);
        assert!(content.frames.len() > 1, "{name}");
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = thread::spawn({
            let stop = stop.clone();
            move || {
                sleep(Duration::from_millis(1000));
                stop.store(true, Ordering::Relaxed);
            }
        });
        let stopped = drain(Inputs::follow(&[path.into()], Follow { silence: None, stop }).unwrap());
        stopping.join().unwrap();
        assert_eq!((stopped.frames, stopped.damage), (content.frames, vec![]), "{name}");
    };
    thread::scope(|scope| {
        for (name, bytes) in [("plain", half.to_vec()), ("gzip", gzip(half)), ("cut", cut), ("unended", unended)] {
            scope.spawn(move || check(name, bytes));
        }
    });
}

#[test]
fn a_file_that_is_no_longer_the_same_is_damage() {
    let scratch = Scratch::new();
    let file = pcap(&flows(2));
    let frames = super::read(&file).frames;
    let truncate = |path: &str| drop(OpenOptions::new().write(true).open(path).unwrap().set_len(10));
    let replace = |path: &str| {
        fs::write(format!("{path}.new"), &file).unwrap();
        fs::rename(format!("{path}.new"), path).unwrap();
    };
    let remove = |path: &str| fs::remove_file(path).unwrap();
    type Change<'a> = (&'a str, &'a (dyn Fn(&str) + Sync));
    let mut changes: Vec<Change<'_>> = vec![("truncated", &truncate)];
    if cfg!(unix) {
        changes.extend([("replaced", &replace as &(dyn Fn(&str) + Sync)), ("removed", &remove)]);
    }
    for (words, change) in changes {
        let path = scratch.file(words, &file);
        let inputs = Inputs::follow(&[path.clone().into()], Follow::default()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                sleep(Duration::from_millis(500));
                change(&path);
            });
            let content = drain(inputs);
            assert_eq!(content.frames, frames, "{words}");
            assert_eq!(content.damage[0].what, format!("was {words} while it was followed"));
            assert_eq!((content.damage.len(), content.damage[0].offset), (1, file.len() as u64));
        });
    }
}

#[test]
fn only_one_file_is_followed() {
    let scratch = Scratch::new();
    let file = scratch.file("a", pcap(&flows(2)));
    let folder = scratch.path("");
    let one = "--follow follows one file, or -";
    for (line, parts) in [
        (format!("audit --follow {file} {file}"), &[one, "name only one"][..]),
        (format!("flows --follow=1 - {file}"), &[one]),
        (format!("flows --follow=1 {folder}"), &[one, "is a directory"]),
        (format!("audit --follow {file}.absent"), &["cannot read", "a.absent"]),
        (format!("flows --follow=soon {file}"), &["soon", "write 500ms"]),
        (format!("flows --follow=0 {file}"), &["--follow"]),
        ("explain 5061 --follow".to_owned(), &["--follow is for flows", "--flow N"]),
        ("catalog rules --role 10.0.0.11=front-end --follow=1".to_owned(), &[one]),
        ("flows --follow=100ms -".to_owned(), &["-: empty file"]),
    ] {
        check_refused(&line, parts);
    }
}

#[test]
fn what_is_no_capture_is_refused_at_once() {
    let scratch = Scratch::new();
    let begun = Instant::now();
    for (name, bytes, part) in [
        ("random", [0xb5; 200].to_vec(), "not a packet capture (starts with b5 b5"),
        ("short", b"Mar 2".to_vec(), "not a packet capture (starts with \"Mar 2\")"),
        ("text.gz", gzip(b"Monday\n"), "gzip-compressed: not a packet capture (starts with \"Monday\")"),
        ("old.zip", b"PK\x03\x04rest".to_vec(), "zip archive; unpack it first"),
    ] {
        let file = scratch.file(name, &bytes);
        check_refused(&format!("flows --follow=30s {file}"), &[part]);
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn every_command_on_captures_follows() {
    let scratch = Scratch::new();
    let file = scratch.file("a", pcap(&flows(2)));
    for (line, said) in [
        (format!("audit --follow=300ms {file}"), "2 flows"),
        (format!("flows -f csv --follow=300ms {file}"), "10.1.0.20"),
        (format!("explain --follow=0.3 --flow 2 {file}"), "VERDICT"),
        (format!("catalog rules --role 10.0.0.11=front-end --follow=300ms {file}"), "seen"),
    ] {
        let answer = check_code(&line, 0);
        assert!(answer.out.contains(said) && answer.err.is_empty(), "{line}\n{}{}", answer.out, answer.err);
    }
    let half = scratch.file("half", &pcap(&flows(2))[..400]);
    assert!(check_code(&format!("flows --follow=300ms {half}"), 3).err.contains("record cut short"));
}

#[cfg(unix)]
mod signals {
    use std::fs::File;
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::START;
    use crate::common::Tcp;
    use crate::program::{Answer, lyncap, words};

    /// The program, following.
    struct Following {
        child: Child,
        err: BufReader<std::process::ChildStderr>,
    }

    impl Following {
        /// Starts it; returns once it has seen a frame.
        fn start(line: &str, input: impl Into<Stdio>) -> Self {
            let mut command = lyncap(&words(line));
            let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut err = BufReader::new(child.stderr.take().unwrap());
            let mut said = String::new();
            err.read_line(&mut said).unwrap();
            assert!(said.contains("reading"), "{said}");
            Self { child, err }
        }

        fn signal(&self, name: &str) {
            let kill = Command::new("kill").args([name, &self.child.id().to_string()]).status();
            assert!(kill.unwrap().success());
        }

        /// What it says in the end.
        fn end(mut self) -> Answer {
            let (mut out, mut err) = (String::new(), String::new());
            self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
            self.err.read_to_string(&mut err).unwrap();
            Answer { code: self.child.wait().unwrap().code(), out, err }
        }
    }

    /// A capture, and half a record behind it.
    fn and_a_half() -> (Vec<u8>, usize) {
        let (file, more) = (pcap(&flows(3)), pcap(&flows(4)));
        (more[..file.len() + 20].to_vec(), file.len())
    }

    #[test]
    fn a_signal_ends_following_with_the_report() {
        let scratch = Scratch::new();
        let (bytes, _) = and_a_half();
        for signal in ["-INT", "-TERM"] {
            let path = scratch.file("growing", &bytes);
            let following = Following::start(&format!("flows -v -f csv --follow {path}"), Stdio::null());
            sleep(Duration::from_millis(400));
            following.signal(signal);
            let answer = following.end();
            assert_eq!((answer.code, &*answer.err), (Some(0), ""), "{signal}");
            assert_eq!(answer.out.lines().count(), 4, "{signal}\n{}", answer.out);
        }
        let refused = Tcp::new(START, "10.0.0.12:50123".parse().unwrap(), "10.0.0.11:5061".parse().unwrap()).refused();
        let path = scratch.file("refused", pcap(&refused.frames()));
        let findings = Following::start(&format!("audit -v --follow {path}"), Stdio::null());
        findings.signal("-INT");
        assert_eq!(findings.end().code, Some(1));
    }

    #[test]
    fn a_pipe_is_read_to_what_its_writer_had() {
        let (bytes, whole) = and_a_half();
        let (first, rest) = bytes.split_at(whole / 3 * 2);
        let (reader, mut pipe) = std::io::pipe().unwrap();
        pipe.write_all(first).unwrap();
        let following = Following::start("flows -v -f csv --follow -", reader);
        following.signal("-INT");
        // The writer, told to end, writes what it has and half a record; it does not even close.
        pipe.write_all(rest).unwrap();
        let answer = following.end();
        drop(pipe);
        assert_eq!((answer.code, &*answer.err), (Some(0), ""));
        assert_eq!(answer.out.lines().count(), 4, "{}", answer.out);
    }

    #[test]
    fn a_pipe_that_is_closed_ends_it() {
        let (bytes, whole) = and_a_half();
        for (length, code) in [(whole, 0), (bytes.len(), 3)] {
            let answer = crate::piped("flows --follow -", &bytes[..length]);
            assert_eq!((answer.code, answer.err.contains("cut short")), (Some(code), code == 3), "{}", answer.err);
        }
    }

    #[test]
    fn the_second_signal_ends_at_once() {
        let (bytes, whole) = and_a_half();
        let (reader, mut pipe) = std::io::pipe().unwrap();
        pipe.write_all(&bytes[..whole]).unwrap();
        let following = Following::start("flows -v --follow -", reader);
        // A writer that never pauses, of empty frames a second after 1970 began.
        let record = [1_u32, 0, 0, 0].map(u32::to_le_bytes).concat();
        let writing = thread::spawn(move || while pipe.write_all(&record).is_ok() {});
        following.signal("-INT");
        sleep(Duration::from_millis(200));
        following.signal("-INT");
        let answer = following.end();
        writing.join().unwrap();
        assert_eq!((answer.code, &*answer.out), (Some(130), ""));
    }

    #[test]
    fn a_named_pipe_and_a_redirected_file_are_followed() {
        let scratch = Scratch::new();
        let (bytes, whole) = and_a_half();
        let fifo = scratch.path("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let path = fifo.clone();
        let writing = thread::spawn(move || fs::write(path, &bytes[..whole]).unwrap());
        assert_eq!(check_code(&format!("flows -f csv --follow {fifo}"), 0).out.lines().count(), 4);
        writing.join().unwrap();
        let (bytes, _) = and_a_half();
        let path = scratch.file("redirected", &bytes[..200]);
        let following = Following::start("flows -v -f csv --follow -", File::open(&path).unwrap());
        OpenOptions::new().append(true).open(&path).unwrap().write_all(&bytes[200..]).unwrap();
        sleep(Duration::from_millis(1000));
        following.signal("-INT");
        let answer = following.end();
        assert_eq!((answer.code, answer.out.lines().count()), (Some(0), 4), "{}{}", answer.out, answer.err);
    }
}
