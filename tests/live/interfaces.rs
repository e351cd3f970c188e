//! Interfaces, in a network namespace that the test makes: as root only, and where the system has the tools.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Scratch, check_refused, run};
use super::{check_counts, last, number, of, parse};

/// Two namespaces with a cable between them: the server's end is `v0`, 10.0.0.11; the client's `v1`, 10.1.0.5.
struct Cable {
    server: String,
    client: String,
}

/// Waits for what happens soon, also where the machine is slow.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn sh(line: &str) -> bool {
    let output = Command::new("sh").args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}

impl Cable {
    /// None where this is not allowed, which is said.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = |end: &str| format!("lyncap-{}-{}-{end}", std::process::id(), NUMBER.load(Ordering::Relaxed));
        NUMBER.fetch_add(1, Ordering::Relaxed);
        let cable = Self { server: name("s"), client: name("c") };
        let Self { server, client } = &cable;
        let made = sh(&format!("ip netns add {server} && ip netns add {client}")) && cable.plug();
        if !made {
            println!("skipped: no network namespace can be made here (not root, or no ip)");
            return None;
        }
        Some(cable)
    }

    fn plug(&self) -> bool {
        let Self { server, client } = self;
        sh(&format!(
            "ip -n {server} link add v0 type veth peer name v1 netns {client} &&
             ip -n {server} addr add 10.0.0.11/8 dev v0 && ip -n {client} addr add 10.1.0.5/8 dev v1 &&
             ip -n {server} link set lo up && ip -n {server} link set v0 up && ip -n {client} link set v1 up"
        ))
    }

    /// Starts a program at the server's end, and waits until it captures.
    fn capturing(&self, program: &str, words: &[&str]) -> Child {
        let wanted = self.captures() + words.iter().filter(|word| **word == "-i").count();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server, program]).args(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("TZ", "UTC").spawn().unwrap();
        until("it captures", || self.captures() >= wanted || child.try_wait().unwrap().is_some());
        // From its socket to its filter it takes a moment more.
        sleep(Duration::from_millis(300));
        child
    }

    /// Starts lyncap at the server's end.
    fn watch(&self, words: &[&str]) -> Child {
        self.capturing(env!("CARGO_BIN_EXE_lyncap"), &[&["live"], words].concat())
    }

    /// Sockets at the server's end that capture.
    fn captures(&self) -> usize {
        self.lines("/proc/net/packet", |socket| socket.split_whitespace().nth(5) == Some("1"))
    }

    /// How many lines of a file, as the server's end has it, are so.
    fn lines(&self, file: &str, so: impl Fn(&str) -> bool) -> usize {
        let output = Command::new("ip").args(["netns", "exec", &self.server, "cat", file]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| so(line)).count()
    }

    /// Runs a script of Python at one end.
    fn python(&self, namespace: &str, script: &str) -> Child {
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace, "python3", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child
    }

    /// Has the client ask a server that is there for the purpose: SSH on a SIP port, HTTP where it belongs.
    fn talk(&self) {
        let mut server = self.python(&self.server, SERVER);
        // State 0A is that of one that listens.
        let listening = |socket: &str| socket.split_whitespace().nth(3) == Some("0A");
        until("the server listens", || self.lines("/proc/net/tcp", listening) == 2);
        assert!(self.python(&self.client, CLIENT).wait().unwrap().success());
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        sh(&format!("ip netns del {}; ip netns del {}", self.server, self.client));
    }
}

const SERVER: &str = r"
import socket, threading
def serve(port, answer):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('10.0.0.11', port))
    listener.listen(50)
    while True:
        ours, _ = listener.accept()
        ours.recv(100)
        ours.send(answer)
        ours.recv(10)
        ours.close()
threading.Thread(target=serve, args=(5071, b'SSH-2.0-OpenSSH_8.0\r\n')).start()
serve(80, b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
";
const CLIENT: &str = r"
import socket
for n in range(10):
    for port, question in ((5071, b'SSH-2.0-x\r\n'), (80, b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')):
        ours = socket.create_connection(('10.0.0.11', port), 5)
        ours.send(question)
        ours.recv(100)
        ours.close()
";

/// Ends it as the system does; its code and events, and what it said beside them.
fn end_saying(mut child: Child) -> (Option<i32>, Vec<Value>, String) {
    sleep(Duration::from_millis(500));
    let (mut out, mut err) = (String::new(), String::new());
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let code = child.wait().unwrap().code();
    (code, parse(&out), err)
}

fn end(child: Child) -> (Option<i32>, Vec<Value>) {
    let (code, events, err) = end_saying(child);
    assert_eq!(err, "", "{:?}", of(&events, "drops").last());
    (code, events)
}

fn input(events: &[Value]) -> Value {
    of(events, "drops").last().unwrap()["inputs"][0].clone()
}

#[test]
fn an_interface_says_what_tcpdump_saw() {
    let Some(cable) = Cable::new() else { return };
    let scratch = Scratch::new();
    let file = scratch.path("seen.pcap");
    // Only immediate mode leaves nothing in the kernel when it is told to end.
    let words = ["-Z", "root", "-U", "--immediate-mode", "-B", "65536", "-i", "v0", "-w", &file];
    let mut dump = cable.capturing("tcpdump", &words);
    if dump.try_wait().unwrap().is_some() {
        return println!("skipped: no tcpdump");
    }
    let live = cable.watch(&["-i", "v0", "--format", "jsonl"]);
    cable.talk();
    let (code, events) = end(live);
    assert!(Command::new("kill").arg(dump.id().to_string()).status().unwrap().success());
    dump.wait().unwrap();
    assert_eq!(code, Some(1));
    check_counts(&events);
    let offline = run(&["flows", "--format", "jsonl", &file]);
    let flows: Vec<Value> = offline.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |flows: &[&Value]| {
        let fields =
            ["community_id", "verdict", "proof", "outcome", "rows", "packets", "bytes", "observed", "direction_basis"];
        let mut told: Vec<_> = flows.iter().map(|flow| fields.map(|field| flow[field].to_string())).collect();
        told.sort();
        told
    };
    let offline: Vec<_> = flows.iter().filter(|line| line["type"] == "flow" && line["transport"] == "tcp").collect();
    let tcp: Vec<_> = of(&events, "flow").into_iter().filter(|flow| flow["transport"] == "tcp").collect();
    assert_eq!(tcp.len(), 20);
    assert_eq!(told(&tcp), told(&offline));
}

#[test]
fn an_interface_is_named_in_three_ways_and_filtered() {
    let Some(cable) = Cable::new() else { return };
    for (named, expected, how) in [("v0", "v0", "--immediate"), ("10.0.0.11", "v0", "-p"), ("any", "any", "-p")] {
        let live = cable.watch(&["-i", named, "--format", "jsonl", "--filter", "tcp port 80", how]);
        cable.talk();
        let (code, events) = end(live);
        assert_eq!((code, input(&events)["name"].as_str()), (Some(0), Some(expected)), "{named}");
        assert!(of(&events, "flow").iter().all(|flow| flow["responder"]["port"] == 80));
        assert_eq!(last(&events)["flows"], 10, "{named}");
        check_counts(&events);
    }
    // This host's own roles.
    let live = cable.watch(&["-i", "v0", "--format", "jsonl", "--role", "self=front-end"]);
    cable.talk();
    let (_, events) = end(live);
    let to_80 = of(&events, "flow").into_iter().find(|flow| flow["responder"]["port"] == 80).unwrap();
    assert_eq!(to_80["responder"]["role_source"], "topology");
}

#[test]
fn several_interfaces_are_one_capture() {
    let Some(cable) = Cable::new() else { return };
    let live = cable.watch(&["-i", "v0", "-i", "lo", "--format", "jsonl"]);
    cable.talk();
    let mut ping = cable.python(
        &cable.server,
        "import socket\ns=socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.sendto(b'x',('127.0.0.1',9))",
    );
    ping.wait().unwrap();
    let (_, events) = end(live);
    let files = last(&events)["files"].as_array().unwrap();
    assert!(files.len() == 2 && files.iter().all(|file| number(&file["frames"]) > 0), "{files:?}");
    assert!(of(&events, "flow").iter().any(|flow| flow["file"] == "lo"));
    check_counts(&events);
}

#[test]
fn an_interface_goes_down_and_comes_back() {
    let Some(cable) = Cable::new() else { return };
    // A confined process cannot open an interface that was removed once more.
    let live = cable.watch(&["-i", "v0", "--format", "jsonl", "--interval", "1s", "--sandbox", "off"]);
    cable.talk();
    assert!(sh(&format!("ip -n {} link set v0 down", cable.server)));
    sleep(Duration::from_millis(2500));
    assert!(sh(&format!("ip -n {} link set v0 up", cable.server)));
    sleep(Duration::from_millis(2500));
    cable.talk();
    // And away altogether.
    assert!(sh(&format!("ip -n {} link del v0", cable.server)));
    sleep(Duration::from_millis(2500));
    assert!(cable.plug());
    sleep(Duration::from_millis(2500));
    cable.talk();
    let (_, events, said) = end_saying(live);
    let (down, back) = ("lyncap: v0: is down or gone; it is watched again once it is back", "lyncap: v0: is back");
    assert_eq!(said.lines().collect::<Vec<_>>(), [down, back, down, back]);
    let limits = last(&events)["fitness"]["limits"].to_string();
    assert!(limits.contains("v0 went down and came back 2 times"), "{limits}");
    let mut states: Vec<_> =
        of(&events, "drops").iter().map(|drops| drops["inputs"][0]["up"].as_bool().unwrap()).collect();
    states.dedup();
    assert_eq!(states, [false, true, false, true], "{:#?}", of(&events, "drops"));
    assert_eq!((&input(&events)["up"], &input(&events)["returns"]), (&true.into(), &2.into()));
    let tcp = of(&events, "flow").iter().filter(|flow| flow["transport"] == "tcp").count();
    assert_eq!(tcp, 60, "{:#?}", of(&events, "drops"));
    check_counts(&events);
}

#[test]
fn where_nothing_comes_the_time_is_over_too() {
    let Some(cable) = Cable::new() else { return };
    // Who stays root has the directory made too.
    let scratch = Scratch::new();
    let kept = scratch.path("kept");
    let words = ["-i", "lo", "--format", "jsonl", "--duration", "1s", "--user", "root", "--write-flagged", &kept];
    let live = cable.watch(&words);
    let output = live.wait_with_output().unwrap();
    let events = parse(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!((output.status.code(), number(&last(&events)["frames"])), (Some(0), 0));
    assert!(std::path::Path::new(&kept).is_dir());
}

#[test]
fn what_the_kernel_drops_is_told() {
    let Some(cable) = Cable::new() else { return };
    let live = cable.watch(&["-i", "v0", "--format", "jsonl", "--buffer-size", "1M"]);
    assert!(sh(&format!("kill -STOP {}", live.id())));
    let flood = "import socket\ns=socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor n in range(20000): s.sendto(b'x'*1000,('10.0.0.11',3478))";
    cable.python(&cable.client, flood).wait().unwrap();
    assert!(sh(&format!("kill -CONT {}", live.id())));
    sleep(Duration::from_millis(2500));
    let (code, events, err) = end_saying(live);
    assert!(err.starts_with("lyncap: v0: ") && err.contains(" dropped ") && err.lines().count() == 1, "{err}");
    let drops = of(&events, "drops").last().copied().unwrap();
    assert!(number(&drops["kernel"]) > 1000, "{drops}");
    assert_eq!(code, Some(3), "what was dropped is not reported");
    let fitness = &last(&events)["fitness"];
    assert_eq!(number(&fitness["dropped_frames"]), number(&drops["kernel"]) + number(&drops["interface"]));
    assert!(fitness["limits"].to_string().contains("dropped while capturing"), "{fitness}");
}

#[test]
fn refusals_say_what_to_do() {
    check_refused("live -i nowhere0", &["-i nowhere0", "see lyncap interfaces"]);
    let listed = run(&["interfaces", "--format", "jsonl"]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    let first: Option<Value> = listed.out.lines().next().map(|line| serde_json::from_str(line).unwrap());
    if let Some(first) = first {
        assert_eq!((&first["type"], &first["number"]), (&"interface".into(), &1.into()));
    }
    // As nobody, who may not.
    let Ok(setpriv) = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"])
        .args([env!("CARGO_BIN_EXE_lyncap"), "live", "-i", "lo"])
        .output()
    else {
        return println!("skipped: no setpriv");
    };
    let err = String::from_utf8(setpriv.stderr).unwrap();
    if err.starts_with("setpriv: ") {
        return println!("skipped: {err}");
    }
    assert_eq!(setpriv.status.code(), Some(2), "{err}");
    assert!(
        err.starts_with("lyncap: -i lo: ") && err.contains("setcap cap_net_raw=ep") && err.lines().count() == 1,
        "{err}"
    );
}
