//! What a confined process can still do, and what not.
//!
//! In: this very program, run again as a process of its own that confines itself. Out: that files it needs are written,
//! and that nothing else works: other files, sockets, programs, processes, root.
//! Must not know: which calls confine it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may fail loudly, and says when it skips"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, thread};

use lyncap::capture::{Frame, LinkType};
use lyncap::keep::{Limits, Store};
use lyncap::live::Snapshot;
use lyncap::metrics::{Listening, Metrics};
use lyncap::net::Timestamp;
use lyncap::privilege::{Enforced, Level, Needs, State, confine};

/// Set for the process that confines itself; the directory that it may write.
const CONFINED: &str = "LYNCAP_TEST_CONFINED";
/// What else it is to do.
const HOW: &str = "LYNCAP_TEST_HOW";

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// Runs this program again, as one that confines itself so.
fn again(program: &str, before: &[&str], directory: &Path, how: &str) -> Command {
    let mut words = before.iter().copied().chain([program]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env(CONFINED, directory).env(HOW, how).current_dir("/");
    command
}

/// What it said, and whether it was content.
fn said(output: &Output) -> (bool, String) {
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.into_owned())
}

fn this_program() -> String {
    env::current_exe().unwrap().to_str().unwrap().to_owned()
}

fn holds(enforced: &Enforced, what: &str) -> bool {
    let item = enforced.items.iter().find(|item| item.what == what).unwrap_or_else(|| panic!("{what}: {enforced:?}"));
    let holds = matches!(item.state, State::Enforced(_));
    if !holds {
        println!("skipped: {what}: {:?}", item.state);
    }
    holds
}

fn frame(at: i64) -> Frame<'static> {
    Frame { at: Timestamp(at), link: LinkType::ETHERNET, interface: 0, original_length: 60, bytes: &[0; 60] }
}

/// In the process that is confined: everything that must not work, and what must.
fn confined(directory: &Path) {
    let kept = directory.join("kept");
    let log = directory.join("log").join("events.jsonl");
    let secret = directory.join("secret");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = Listening::open("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let was_root = is_root();
    let needs = Needs { directories: vec![kept.clone()], files: vec![log.clone()], ..Needs::default() };
    let enforced = confine(Level::On, &needs).unwrap();
    enforced.lines().for_each(|line| println!("{line}"));
    assert!(!enforced.items.iter().any(|item| item.what == "threads"), "{enforced:?}");

    // What it needs works: files, threads, the port that was open, time, memory.
    let mut store = Store::open(&kept, Limits { file_bytes: 200, files: 3, ..Limits::default() }, Vec::new()).unwrap();
    (0..20).for_each(|at| store.write(&frame(at), "lyncap: flow 1 undocumented"));
    assert_eq!((store.stored().packets, store.news()), (20, None), "{:?}", store.stored());
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 3);
    for _ in 0..2 {
        OpenOptions::new().append(true).create(true).open(&log).unwrap().write_all(b"event\n").unwrap();
    }
    assert_eq!(thread::spawn(|| vec![1_u8; 64 << 20].len()).join().unwrap(), 64 << 20);
    let mut metrics = Metrics::new();
    metrics.publish(&Snapshot::default(), None);
    println!("port {}", listening.serve(&metrics.page()).unwrap().at.port());

    let check = |item: &str, what: &str, fails: bool| {
        assert!(fails || !holds(&enforced, item), "{what} worked");
    };
    let write = |path: &str| OpenOptions::new().append(true).open(path).is_err();
    check("files", "reading /etc/passwd", File::open("/etc/passwd").is_err());
    check("files", "reading what is beside", File::open(&secret).is_err());
    check("files", "removing what is beside", fs::remove_file(&secret).is_err());
    check("files", "removing the log", fs::remove_file(&log).is_err());
    check("files", "listing /", fs::read_dir("/").is_err());
    check("files", "making a directory", fs::create_dir(kept.join("more")).is_err());
    check("files", "making a file elsewhere", File::create(directory.join("new")).is_err());
    if was_root {
        check("user", "writing /etc/passwd", write("/etc/passwd"));
    }
    check("files", "writing /etc/passwd", write("/etc/passwd"));
    let connect = TcpStream::connect(tcp.local_addr().unwrap());
    check("network", "connecting", connect.is_err());
    check("system calls", "connecting", connect.is_err());
    check("network", "listening", TcpListener::bind("127.0.0.1:0").is_err());
    check("system calls", "a datagram socket", UdpSocket::bind("127.0.0.1:0").is_err());
    check("system calls", "a local socket", UnixDatagram::unbound().is_err());
    check("system calls", "a program", Command::new("/bin/true").status().is_err());
    // Of another thread, too.
    let other = thread::spawn(|| (UdpSocket::bind("127.0.0.1:0").is_err(), File::open("/etc/passwd").is_err()));
    let (socket, file) = other.join().unwrap();
    check("system calls", "a socket of another thread", socket);
    check("files", "a file of another thread", file);
    let tracing = thread::spawn(|| nix::sys::ptrace::traceme().is_err());
    check("system calls", "to be traced", tracing.join().unwrap());
    let parent = nix::unistd::getppid();
    check("system calls", "a signal", nix::sys::signal::kill(parent, None).is_err());
    let status = fs::read_to_string("/proc/self/status");
    check("files", "reading /proc", status.is_err());
    println!("confined");
    // Whoever started it looks at it from outside, and asks for the page, until it ends.
    thread::sleep(std::time::Duration::from_secs(2));
}

/// What the kernel says of a process: a line of its status.
fn status(of: u32, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{of}/status")).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(key)).map(|rest| rest.trim().to_owned()).unwrap_or_default()
}

/// A place with what the confined process may write, and may not. Whoever it becomes can.
fn place() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("lyncap-confined").tempdir_in("/tmp").unwrap();
    for part in ["", "log"] {
        let path = folder.path().join(part);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::write(folder.path().join("secret"), "s").unwrap();
    fs::set_permissions(folder.path().join("secret"), fs::Permissions::from_mode(0o666)).unwrap();
    folder
}

fn a_confined_process_can_do_what_it_needs_and_nothing_else() {
    let folder = place();
    if !is_root() {
        fs::create_dir(folder.path().join("kept")).unwrap();
    }
    let mut child = again(&this_program(), &[], folder.path(), "all")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut said = String::new();
    let mut port = None;
    for line in lines.by_ref().map(Result::unwrap) {
        said = format!("{said}{line}\n");
        port = line.strip_prefix("port ").map(|port| port.parse::<u16>().unwrap()).or(port);
        if line == "confined" {
            break;
        }
    }
    let of = child.id();
    let answer = port.map(|port| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let kernel = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:", "CapBnd:", "NoNewPrivs:", "Seccomp:", "Uid:", "Groups:"]
        .map(|key| (key, status(of, key)));
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    lines.map_while(Result::ok).for_each(|line| said = format!("{said}{line}\n"));
    assert!(child.wait().unwrap().success() && said.contains("confined\n"), "{said}{complaint}");
    print!("{said}");
    assert!(answer.unwrap().ends_with("# EOF\n"));
    for (key, value) in kernel {
        let expected = match key {
            "NoNewPrivs:" => "1",
            "Seccomp:" if said.contains("system calls: enforced") => "2",
            "Seccomp:" | "Groups:" if !is_root() => continue,
            "Groups:" => "",
            "Uid:" if is_root() => {
                assert!(value.split_whitespace().all(|uid| uid != "0" && value.starts_with(uid)), "{value}");
                continue;
            }
            "Uid:" => continue,
            "CapBnd:" if !is_root() => continue,
            _ => "0000000000000000",
        };
        assert_eq!(value, expected, "{key}");
    }
}

fn who_is_no_root_is_confined_too() {
    if !is_root() {
        return println!("skipped: run as root, who can run it as nobody");
    }
    let folder = place();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o777)).unwrap();
    // A copy that nobody may execute, wherever this one is.
    let program = folder.path().join("program");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    let Ok(output) = again(program.to_str().unwrap(), &before, folder.path(), "all").output() else {
        return println!("skipped: setpriv is not here");
    };
    let (passed, said) = said(&output);
    assert!(passed && said.contains("confined\n"), "{said}");
    assert!(said.contains("user: not needed (runs as nobody)"), "{said}");
    assert!(said.contains("capabilities: enforced (none)"), "{said}");
}

/// In the process that is to be refused, or not to be confined.
fn refused(directory: &Path, how: &str) {
    let needs = match how {
        "user" => Needs { user: Some("no-such-user".to_owned()), ..Needs::default() },
        "directory" => Needs { directories: vec![directory.join("own")], ..Needs::default() },
        "threads" => {
            thread::spawn(|| thread::sleep(std::time::Duration::from_secs(9)));
            Needs::default()
        }
        _ => {
            assert_eq!(confine(Level::Off, &Needs::default()).unwrap(), Enforced::default());
            assert!(File::open("/etc/passwd").is_ok() && UdpSocket::bind("127.0.0.1:0").is_ok());
            return;
        }
    };
    println!("refused: {}", confine(Level::Strict, &needs).unwrap_err());
}

fn what_cannot_be_had_is_refused_with_the_remedy() {
    if !is_root() {
        return println!("skipped: run as root, who has something to give up");
    }
    let folder = place();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::set_permissions(folder.path().join("own"), fs::Permissions::from_mode(0o755)).unwrap();
    for (how, parts) in [
        ("user", &["refused: --user no-such-user: there is no such user"][..]),
        ("directory", &["user nobody cannot write it", "chown nobody", "--user"]),
        ("threads", &["refused: --sandbox strict: not enforced: threads (1 thread began before"]),
        ("off", &[]),
    ] {
        let (passed, said) = said(&again(&this_program(), &[], folder.path(), how).output().unwrap());
        assert!(passed, "{how}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{how}: {said}");
    }
}

/// Tests, by name.
const TESTS: &[(&str, fn())] = &[
    (
        "a_confined_process_can_do_what_it_needs_and_nothing_else",
        a_confined_process_can_do_what_it_needs_and_nothing_else,
    ),
    ("who_is_no_root_is_confined_too", who_is_no_root_is_confined_too),
    ("what_cannot_be_had_is_refused_with_the_remedy", what_cannot_be_had_is_refused_with_the_remedy),
];

/// One after the other, or what a process of a test does.
pub fn main() {
    match env::var_os(CONFINED).map(PathBuf::from) {
        Some(directory) => match &*env::var(HOW).unwrap() {
            "all" => confined(&directory),
            how => refused(&directory, how),
        },
        None => {
            let wanted: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
            let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
            for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}
