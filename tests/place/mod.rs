//! Where the servers of a test run: a network of its own, from which nothing leaks.
//!
//! In: names of programs. Out: commands that run there, and a folder for their files; or a printed reason why not.
//! Must not know: which servers there are.
//!
//! A process that sleeps holds a network namespace. Everything else joins it, and dies with the thread that started
//! it (`setpriv --pdeathsig`), servers with all their children (a process namespace each). So nothing is left to be
//! removed, however a test ends. Where namespaces are not allowed, servers run on this machine's loopback, on ports
//! that are free.
// Every test uses a part of this, and no test binary has a public face.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

pub mod process;
pub mod tcpdump;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use process::{Process, run, until};

/// A network of its own with a loopback, or this machine's loopback; and a folder that is gone after the test.
pub struct Place {
    /// Holds the namespace.
    holder: Option<Process>,
    folder: tempfile::TempDir,
}

/// Folders where servers are, and a user's shell does not always look.
const SBIN: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// What every test needs.
const NEEDED: [&str; 5] = ["tcpdump", "setpriv", "nsenter", "unshare", "ip"];

impl Place {
    /// A place where these programs can run. None where one is missing (in CI that fails the test), or where this user
    /// may not capture; which is said.
    pub fn with(programs: &[&str]) -> Option<Self> {
        let missing = |program: &&&str| path_of(program).is_none();
        if let Some(program) = NEEDED.iter().chain(programs).find(missing) {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed, and .ci/run has to install it");
            println!("skipped: {program} is not installed");
            return None;
        }
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            println!("skipped: only root may capture");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = Self { holder: hold(folder.path()), folder };
        if place.is_apart() {
            place.furnish();
        } else {
            println!("network namespaces are not allowed: on this machine's loopback");
        }
        Some(place)
    }

    /// A loopback, and Windows' ephemeral ports, in which the document also puts its media.
    fn furnish(&self) {
        const PORTS: &str = "echo 49152 65535 >/proc/sys/net/ipv4/ip_local_port_range";
        self.run("ip", "link set lo up", b"").checked();
        self.run("sh", &["-c", PORTS][..], b"").checked();
    }

    /// The same, but only with a network of its own.
    pub fn apart(programs: &[&str]) -> Option<Self> {
        let place = Self::with(programs)?;
        if !place.is_apart() {
            println!("skipped: it needs a network namespace");
        }
        Some(place).filter(Self::is_apart)
    }

    /// Whether the network is its own.
    pub const fn is_apart(&self) -> bool {
        self.holder.is_some()
    }

    /// The holder's process; this one where the network is the machine's.
    pub fn pid(&self) -> String {
        self.holder.as_ref().map_or_else(|| "self".to_owned(), |holder| holder.id().to_string())
    }

    /// A port of the loopback for a server: the one asked for, or one that is free.
    pub fn port(&self, wanted: u16) -> u16 {
        match self.is_apart() {
            true => wanted,
            false => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        }
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file in the folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A program in this network.
    pub fn command(&self, program: &str) -> Command {
        self.wrapped(&[], program)
    }

    /// A program in this network that takes all its children along when it ends.
    pub fn server_command(&self, program: &str) -> Command {
        match self.is_apart() {
            true => self.wrapped(&["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"], program),
            false => self.command(program),
        }
    }

    fn wrapped(&self, wrapper: &[&str], program: &str) -> Command {
        let mut words = Vec::new();
        if self.is_apart() {
            words.extend(["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.pid())]);
        }
        words.extend(["setpriv", "--pdeathsig", "KILL"].map(str::to_owned));
        words.extend(wrapper.iter().map(|&word| word.to_owned()));
        words.push(path_of(program).unwrap_or_else(|| program.into()).to_str().unwrap().to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("LC_ALL", "C").current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs a program to its end, which must come within ten seconds, and says what it said.
    pub fn run<'a>(&self, program: &str, words: impl Into<Words<'a>>, input: &[u8]) -> Ran {
        let mut command = self.command(program);
        command.args(words.into().0);
        run(command, input, self.folder.path(), Duration::from_secs(10))
    }

    /// Starts a server and waits until it listens on these ports.
    pub fn serve<'a>(&self, program: &str, words: impl Into<Words<'a>>, ports: &[(&str, u16)]) -> Process {
        let mut command = self.server_command(program);
        command.args(words.into().0);
        self.serve_command(command, ports)
    }

    /// The same of a command made already.
    pub fn serve_command(&self, command: Command, ports: &[(&str, u16)]) -> Process {
        let mut server = Process::start(command, self.folder.path());
        for &(transport, port) in ports {
            until(Duration::from_secs(10), || {
                assert!(server.is_running(), "{}", server.said());
                self.listens(transport, port)
            })
            .unwrap_or_else(|| panic!("nothing listens on {transport}/{port}: {}", server.said()));
        }
        server
    }

    /// Whether something in this network listens on the port.
    fn listens(&self, transport: &str, port: u16) -> bool {
        const LISTEN: &str = "0A";
        const UNCONNECTED: &str = "07";
        let state = if transport == "tcp" { LISTEN } else { UNCONNECTED };
        let table = |family: &str| {
            fs::read_to_string(format!("/proc/{}/net/{transport}{family}", self.pid())).unwrap_or_default()
        };
        ["", "6"].into_iter().any(|family| {
            table(family).lines().any(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                words.get(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}")))
                    && words.get(3) == Some(&state)
            })
        })
    }

    /// No neighbour discovery, no multicast listeners: on cables plugged in from now on only what is said on purpose.
    pub fn only_ipv4(&self) {
        const DISABLE: &str = "for of in all default; do echo 1 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done";
        self.run("sh", &["-c", DISABLE][..], b"").checked();
    }

    /// A second network, joined to this one by a cable: `(here, there)` are the names of its ends.
    pub fn neighbour(&self, here: &str, there: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let other = Self { holder: hold(folder.path()), folder };
        let netns = other.pid();
        other.furnish();
        other.only_ipv4();
        self.run("ip", &*format!("link add {here} type veth peer name {there} netns {netns}"), b"").checked();
        self.run("ip", &*format!("link set {here} up"), b"").checked();
        other.run("ip", &*format!("link set {there} up"), b"").checked();
        other
    }
}

/// What became of a program that ran to its end.
pub struct Ran {
    /// Whether it ended well.
    pub well: bool,
    /// What it said.
    pub text: String,
}

impl Ran {
    /// The same; it must have ended well.
    pub fn checked(self) -> Self {
        assert!(self.well, "{}", self.text);
        self
    }
}

/// Words of a command line: a list, or text split at blanks.
pub struct Words<'a>(Vec<&'a str>);

impl<'a> From<&'a str> for Words<'a> {
    fn from(line: &'a str) -> Self {
        Self(line.split_whitespace().collect())
    }
}

impl<'a> From<&[&'a str]> for Words<'a> {
    fn from(words: &[&'a str]) -> Self {
        Self(words.to_vec())
    }
}

/// A process that does nothing but hold a network namespace; none where that is not allowed.
fn hold(folder: &Path) -> Option<Process> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--net", "sleep", "300"]).stdin(Stdio::null());
    let mut holder = Process::start(command, folder);
    let name = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let ours = name("self");
    // Until it is `sleep` it has not yet left our namespace.
    let command = |process: &str| fs::read(format!("/proc/{process}/comm")).unwrap_or_default();
    until(Duration::from_secs(5), || !holder.is_running() || command(&holder.id().to_string()) == b"sleep\n");
    let apart = holder.is_running() && name(&holder.id().to_string()) != ours;
    apart.then_some(holder)
}

/// Where a program is.
pub fn path_of(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(program.into()).filter(|path: &PathBuf| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SBIN.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}
