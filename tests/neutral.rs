//! Nothing that stands on a wire, in a file or in a name steers anything: not the terminal, not a spreadsheet, not the
//! program that reads the JSON, not the eye of the reader.
//!
//! In: captures, files and arguments in which every text that can be chosen holds what would steer. Out: proof that no
//! output of any command in any format has it as it came, and that all of it was there to be shown.
//! Must not know: how outputs are made.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;
mod program;
mod safe;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use common::savefile::{Interface, Order, Pcapng, in_time_order};
use common::tls::{self, ClientAuth, Session};
use common::{Frame, Noise, SECOND, Talk, Tcp, Turn, answer, ask};
use common::{microsoft, payload, tcp_flow, udp_flow};
use lyncap::report::Format;
use program::{Answer, lyncap};
use safe::Breaks;

/// A title, a bell, cleared screens by C0 and by C1, line ends of four kinds, marks of direction, what nobody sees, the
/// program's own colours, and formulas for whoever splits lines at commas, semicolons or tabs.
const STEERING: &str = "\u{1b}]0;t\u{7}\u{1b}[2J\u{9b}2J\u{7f}\u{85}\u{2028}\u{202e}\u{2067}\u{61c}\u{180e}\u{200b}\u{feff}\
    \u{ad}\u{fe0f}\u{e0041}\u{e0100}\u{fffb}\u{1b}[1m\u{1b}[31m\u{1b}[32m\u{1b}[33m\u{1b}[2m\u{1b}[0m\r\nFORGED\t=1+1;=1+1";

/// What a formula begins with, a name to know the text by, and all that steers.
fn hostile(name: &str) -> String {
    format!("=({name}){STEERING}")
}

/// The same as a string of TOML.
fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

/// The server's half of a handshake that says which protocol it chose.
fn alpn(name: &str) -> Vec<u8> {
    let protocol = [&[name.len() as u8][..], name.as_bytes()].concat();
    let extensions = tls::vec16(&tls::extension(16, &tls::vec16(&protocol)));
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 0x3c, 0], &extensions].concat();
    tls::record(tls::HANDSHAKE, tls::TLS_1_2, &[tls::handshake(2, &hello), tls::handshake(14, &[])].concat())
}

/// Conversations in which everybody says what he should not.
fn talks() -> Vec<(bool, u16, Talk)> {
    let (server, client) = (hostile("server"), hostile("client"));
    let session = Session { server_name: &server, client: ClientAuth::Presented(&client), ..Session::default() };
    // The issuer is the builder's: another of the same length.
    let issuer = "a\u{1b}[2J\u{202e}bc";
    let mut mutual = session.talk();
    for Turn(_, bytes) in &mut mutual {
        let places: Vec<_> = bytes.windows(10).enumerate().filter(|(_, part)| *part == b"contoso-CA").collect();
        let places: Vec<usize> = places.into_iter().map(|(at, _)| at).collect();
        places.into_iter().for_each(|at| bytes[at..at + 10].copy_from_slice(issuer.as_bytes()));
    }
    let chosen = vec![ask(session.client_hello(&mut Noise::new(1))), answer(alpn(&hostile("alpn")))];
    let text = hostile("text");
    let short: String = STEERING.chars().take(12).collect();
    let dhcp = payload::dhcp_inform([10, 1, 0, 5].into(), short.as_bytes());
    vec![
        (false, 5061, mutual),
        (false, 5062, chosen),
        (false, 5060, payload::sip("REGISTER", &text, [10, 1, 0, 5].into(), &text)),
        (false, 80, payload::http(&text, &text)),
        (false, 3389, payload::rdp(&text)),
        (false, 88, microsoft::kerberos_tcp(&text)),
        (false, 445, microsoft::smb2()),
        (false, 22, vec![answer(format!("SSH-2.0-{text}\r\n")), ask(format!("SSH-2.0-{text}\r\n"))]),
        (false, 21, vec![answer(format!("220 {text}\r\n")), ask(format!("USER {text}\r\n"))]),
        (false, 25, vec![answer(format!("220 {text} ESMTP\r\n")), ask(format!("EHLO {text}\r\n"))]),
        (false, 9000, vec![ask(text.clone()), answer(text.clone())]),
        (true, 53, payload::dns(&short, payload::TXT, &[payload::txt(&text)])),
        (true, 1434, microsoft::sql_browser(&text, &text, 50_999)),
        (true, 67, vec![dhcp.0, dhcp.1]),
    ]
}

fn capture() -> Vec<u8> {
    let frames = (1..).zip(talks()).flat_map(|(second, (udp, port, talk))| -> Vec<Frame> {
        let at = (1_772_438_400 + second) * SECOND;
        let ends = (format!("10.1.0.5:{}", 50_000 + second).parse().unwrap(), ([10, 0, 0, 11], port).into());
        if udp { udp_flow(at, ends.0, ends.1, &talk) } else { tcp_flow(at, ends.0, ends.1, &talk) }
    });
    // An audit has findings of all kinds only where somebody fails, too.
    let refused = Tcp::new(1_772_438_440 * SECOND, ([10, 1, 0, 5], 50_100).into(), ([10, 0, 0, 11], 444).into());
    let frames = in_time_order(frames.chain(refused.refused().frames()).collect());
    let (name, comment) = (hostile("interface"), hostile("comment"));
    let interface = Interface { name: &name, description: &name, ..Interface::default() };
    let file = Pcapng { order: Order::Little, comment: &comment, application: &comment, interfaces: &[interface] };
    file.write(&frames)
}

fn topology() -> String {
    let [host, network, reason] = ["host", "network", "reason"].map(|name| quoted(&hostile(name)));
    format!(
        "deployment.internal = [\"10.0.0.0/8\"]\n\
         host = [{{ name = {host}, addresses = [\"10.0.0.11\"], roles = [\"front-end\"] }}]\n\
         network = [{{ name = {network}, addresses = [\"10.1.0.0/16\"], roles = [\"client\"] }}]\n\
         accept = [{{ from = {network}, to = {host}, port = \"tcp/22\", reason = {reason} }}]\n"
    )
}

fn catalog() -> String {
    let row = |id: &str, ports: &str| {
        let [service, note, table, application, words] =
            ["service", "note", "table", "application", "words"].map(|name| quoted(&hostile(name)));
        format!(
            "[[row]]\nid = \"{id}\"\nports = \"{ports}\"\nroles = [\"front-end\"]\ntransports = [\"tcp\"]\n\
             service = {service}\nnote = {note}\ntable = {table}\napplication = {application}\nremark = {note}\n\
             source = {note}\nwords = {{ role = {words}, service = {words}, port = {words}, protocol = {words} }}\n"
        )
    };
    let text = quoted(&hostile("catalog"));
    let head =
        ["name", "title", "document", "date", "source", "remark"].map(|key| format!("{key} = {text}\n")).concat();
    let rows = [row("X01", "9000"), row("X02", "49152-65000"), row("X03", "50999"), row("X04", "9000")].concat();
    format!("format = \"lyncap.catalog.v1\"\n[catalog]\n{head}{rows}")
}

/// A folder whose name steers, is not UTF-8 and holds a lone surrogate, and in it everything that the program reads.
struct Place {
    root: tempfile::TempDir,
    captures: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // No slash may stand in a name, nor may a name be longer than 255 bytes.
        let captures = root.path().join(Self::name("folder"));
        fs::create_dir(&captures).unwrap();
        let whole = capture();
        for (name, bytes) in [
            ("a", &whole[..]),
            ("cut", &whole[..whole.len() - 30]),
            ("known", b"XCP\0\0\0\0\0"),
            ("unknown", STEERING.as_bytes()),
            ("printed", b"=1+1 \t;=1"),
        ] {
            fs::write(captures.join(Self::name(name)), bytes).unwrap();
        }
        Self { root, captures }
    }

    fn name(name: &str) -> OsString {
        // 0xff is in no UTF-8; the next three bytes are how a lone surrogate would be written.
        OsString::from_vec([hostile(name).as_bytes(), b"\xff\xed\xa0\x80"].concat())
    }

    fn capture(&self, name: &str) -> PathBuf {
        self.captures.join(Self::name(name))
    }

    /// A file beside the captures.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(Self::name(name));
        fs::write(&path, text).unwrap();
        path
    }
}

/// Words of a command line, with paths in it.
macro_rules! line {
    ($line:expr $(, $path:expr)* $(,)?) => {
        $line.split(' ').map(OsString::from).chain([$(OsString::from($path)),*]).collect::<Vec<OsString>>()
    };
}

fn run(words: &[OsString]) -> Answer {
    lyncap(words).output().unwrap().into()
}

/// No message steers, and each is a line of its own.
fn check_messages(words: &[OsString], answer: &Answer) {
    safe::check_plain(&answer.err);
    for line in answer.err.lines() {
        assert!(line.starts_with("lyncap: "), "{words:?} says {line:?}");
    }
    assert!(answer.code.is_some(), "{words:?} crashed");
}

/// Every place where a line could have been forged.
fn check_lines(text: &str, breaks: Breaks) {
    let written_out = text.matches("\\u{a}FORGED").count();
    let forged = text.matches("FORGED").count() - written_out;
    assert!(forged == 0 || breaks == Breaks::InWords, "{forged} forged lines in {text}");
}

/// Text without the program's colours.
fn bare(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + part.split_once('m').unwrap().1)
}

/// A command in every format, with and without colours, on a narrow terminal and on a wide one; all that it printed.
fn check(words: &[OsString], codes: &[i32], breaks: Breaks) -> String {
    let mut printed = String::new();
    for (name, format) in
        [("table", Format::Table), ("json", Format::Json), ("jsonl", Format::Jsonl), ("csv", Format::Csv)]
    {
        let words = [words, &line!(format!("--utc -f {name}"))].concat();
        let widths = [None, Some("60"), Some("120")];
        for columns in widths.into_iter().take(if format == Format::Table { 3 } else { 1 }) {
            let with = |colour: &str| -> Answer {
                let mut command = lyncap(&words);
                command.args(["--color", colour]).envs(columns.map(|columns| ("COLUMNS", columns)));
                command.output().unwrap().into()
            };
            let answer = with("never");
            assert!(codes.contains(&answer.code.unwrap_or(-1)), "{words:?}: {answer:?}");
            check_messages(&words, &answer);
            safe::check(format, &answer.out, breaks);
            if columns.is_none() {
                check_lines(&answer.out, breaks);
            }
            // Lines break elsewhere where there are colours.
            let words_of = |text: &str| text.split_whitespace().collect::<String>();
            let coloured = with("always").out;
            let (coloured, plain) = (words_of(&bare(&coloured)), words_of(&answer.out));
            let same = coloured.chars().zip(plain.chars()).take_while(|(a, b)| a == b).count();
            let rest = |text: &str| text.chars().skip(same.saturating_sub(30)).take(90).collect::<String>();
            assert_eq!(rest(&coloured), rest(&plain), "{words:?}: not its own colours");
            printed.push_str(&answer.out);
            printed.push_str(&answer.err);
        }
    }
    printed
}

fn check_shown(printed: &str, names: &[&str]) {
    for name in names {
        assert!(printed.contains(&format!("({name})")), "nothing of ({name}) is shown, so nothing is proven");
    }
}

#[test]
fn nothing_from_a_wire_steers() {
    let place = Place::new();
    let (hosts, rows) = (place.file("hosts", &topology()), place.file("catalog", &catalog()));
    let with = |line: &str| [line!(line), line!("--catalog", &rows), line!("-t", &hosts)].concat();
    let whole = place.capture("a");
    let mut printed = String::new();
    for command in
        ["audit -v --flows", "flows", "flows --by service", "flows --by host", "flows --by pair", "catalog rules"]
    {
        let codes = if command.starts_with("audit") { [1] } else { [0] };
        let words = [with(command), vec![OsString::from(&whole)]].concat();
        printed += &check(&words, &codes, Breaks::None);
    }
    for flow in 1..=talks().len() {
        let words = [with("explain"), line!(format!("--flow {flow}"), &whole)].concat();
        printed += &check(&words, &[0], Breaks::None);
    }
    check_shown(&printed, &["server", "client", "alpn", "host", "network", "reason", "service", "application", "a"]);
    assert!(printed.contains("a\\u{1b}[2J\\u{202e}bc"), "the issuer is not shown");
}

#[test]
fn no_name_of_a_file_steers() {
    let place = Place::new();
    let folder = place.captures.clone();
    let mut printed = String::new();
    for command in ["audit -v", "flows -v", "explain --flow 3"] {
        let words = [line!(command), vec![folder.clone().into(), place.capture("a").into()]].concat();
        printed += &check(&words, &[3], Breaks::None);
    }
    // "=(unknown)" is no capture at all, and is left out in silence.
    check_shown(&printed, &["folder", "a", "cut", "known", "unknown"]);
    for name in ["known", "unknown", "printed", "absent"] {
        let words = line!("audit", place.capture(name));
        let answer = run(&words);
        assert_eq!((answer.code, &*answer.out), (Some(2), ""));
        assert_eq!(answer.err.lines().count(), 1);
        check_messages(&words, &answer);
        check_shown(&answer.err, &["folder", name]);
    }
    let out = folder.join(Place::name("out"));
    let words = [line!("audit -q"), line!("-o", &out), vec![place.capture("a").into()]].concat();
    assert_eq!(run(&words), Answer { code: Some(1), out: String::new(), err: String::new() });
    safe::check_plain(&fs::read_to_string(out).unwrap());
}

#[test]
fn no_word_of_a_catalog_steers() {
    let place = Place::new();
    let rows = place.file("catalog", &catalog());
    let mut printed = String::new();
    for (command, breaks) in [
        ("catalog list", Breaks::InWords),
        ("catalog show X01", Breaks::InWords),
        ("catalog show X02", Breaks::InWords),
        ("explain 9000/tcp", Breaks::InWords),
        ("explain 50000", Breaks::InWords),
        ("catalog rules --role 10.0.0.11=front-end --role 10.1.0.0/16=client", Breaks::None),
    ] {
        printed += &check(&[line!(command), line!("--catalog", &rows)].concat(), &[0], breaks);
    }
    check_shown(&printed, &["catalog", "service", "note", "table", "application", "words"]);
    let answer = run(&line!("catalog lint", &rows));
    assert_eq!(answer.code, Some(0));
    safe::check_plain(&answer.out);
    check_lines(&answer.out, Breaks::None);
    check_shown(&answer.out, &["catalog", "application"]);
    // Every line names the file.
    assert!(
        answer.out.lines().count() > 2 && answer.out.lines().all(|line| line.contains("(catalog)")),
        "{}",
        answer.out
    );
}

/// Refused with one line that steers nothing and shows what was wrong.
fn check_refused(words: &[OsString], shown: &str) {
    let answer = run(words);
    assert_eq!((answer.code, &*answer.out), (Some(2), ""), "{words:?}: {}", answer.err);
    assert_eq!(answer.err.lines().count(), 1, "{words:?}: {}", answer.err);
    check_messages(words, &answer);
    check_shown(&answer.err, &[shown]);
}

#[test]
fn no_mistake_in_a_file_steers() {
    let place = Place::new();
    let text = quoted(&hostile("x"));
    let key = format!("{text} = 1\n");
    let host = |name: &str, addresses: &str, roles: &str| {
        format!("[[host]]\nname = {name}\naddresses = [{addresses}]\nroles = [{roles}]\n")
    };
    let twice = host(&text, "\"10.0.0.1\"", "") + &host(&text, "\"10.0.0.2\"", "");
    let shared = host(&text, "\"10.0.0.1\"", "") + &host("\"b\"", "\"10.0.0.1\"", "");
    for bad in [
        key.clone(),
        format!("media.{text} = \"1-2\"\n"),
        format!("media.audio = {text}\n"),
        format!("deployment.load_balancing = {text}\n"),
        format!("deployment.internal = [{text}]\n"),
        host("\"a\"", &text, ""),
        host("\"a\"", "\"10.0.0.1\"", &text),
        host(&text, "", ""),
        twice,
        shared,
        format!("accept = [{{ from = {text}, to = \"client\", port = \"tcp/1\", reason = \"r\" }}]\n"),
        format!("accept = [{{ from = \"client\", to = \"client\", port = {text}, reason = \"r\" }}]\n"),
    ] {
        check_refused(&line!("flows x -t", place.file("hosts", &bad)), "x");
    }
    for bad in
        [key.clone(), format!("minimum_tls = {text}\n"), format!("severity = {text}\n"), format!("forbid = [{text}]\n")]
    {
        check_refused(&line!("audit x --policy", place.file("policy", &bad)), "x");
    }
    let good = catalog();
    for (from, to) in [
        ("\"X01\"", &*text),
        ("\"9000\"", &text),
        ("[\"front-end\"]", &format!("[{text}]")),
        ("[\"tcp\"]", &format!("[{text}]")),
        ("[catalog]\n", &format!("[catalog]\n{key}")),
    ] {
        check_refused(&line!("catalog list --catalog", place.file("catalog", &good.replacen(from, to, 1))), "x");
    }
    // Not TOML at all, and not even text.
    for bad in [&b"\x1b[31m\xe2\x80\xae = ["[..], b"a = \xff", b"\"\x9b"] {
        let path = place.captures.join("bad");
        fs::write(&path, bad).unwrap();
        for line in ["flows x -t", "audit x --policy", "catalog list --catalog", "catalog lint"] {
            check_refused(&line!(line, &path), "folder");
        }
    }
}

#[test]
fn no_word_of_a_command_line_steers() {
    let place = Place::new();
    let word = Place::name("word");
    let capture = OsString::from(place.capture("a"));
    let flagged = |flag: &str| OsString::from_vec([flag.as_bytes(), b"=", word.as_bytes()].concat());
    let mut lines = vec![
        vec![word.clone()],
        line!("audit", &word),
        line!("explain", &word),
        line!("catalog", &word),
        line!("catalog show", &word),
        line!("catalog export", &word),
        line!("explain --flow 9999999", &word),
        vec![OsString::from("audit"), OsString::from_vec([b"--", word.as_bytes()].concat())],
    ];
    for flag in
        ["--service", "--host", "--port", "--verdict", "--sort", "--top", "--by", "--tcp-timeout", "-f", "--color"]
    {
        lines.push([line!("flows"), vec![flagged(flag), capture.clone()]].concat());
    }
    for flag in ["--role", "--overlay", "--policy", "--topology", "--catalog", "--fail-on"] {
        lines.push([line!("audit"), vec![flagged(flag), capture.clone()]].concat());
    }
    for flag in ["--role", "--port"] {
        lines.push([line!("catalog list"), vec![flagged(flag)]].concat());
    }
    // The same as text: what is not UTF-8 is refused before it is looked at.
    let lossy = |words: &Vec<OsString>| {
        let word = |word: &OsString| OsString::from(word.to_string_lossy().into_owned().replace('\u{fffd}', ""));
        words.iter().map(|word_| if word_ == &capture { word_.clone() } else { word(word_) }).collect::<Vec<_>>()
    };
    let texts: Vec<_> = lines.iter().map(lossy).collect();
    for words in lines.iter().chain(&texts) {
        let answer = run(words);
        assert_eq!((answer.code, &*answer.out), (Some(2), ""), "{words:?}: {}", answer.err);
        assert_eq!(answer.err.lines().count(), 1, "{words:?}: {}", answer.err);
        check_messages(words, &answer);
    }
    let shown = texts.iter().filter(|words| run(words).err.contains("(word)")).count();
    assert!(shown + 3 >= texts.len(), "only {shown} of {} messages show what was wrong", texts.len());
    // The shortest names that no UTF-8 begins with.
    for name in [&b"\xff"[..], b"\xc2", b"\xed\xa0\x80"] {
        let words = [OsStr::from_bytes(name).to_owned()];
        let answer = run(&words);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        check_messages(&words, &answer);
    }
}

/// The list that the checks go by names what it says.
#[test]
fn what_steers_is_found() {
    for c in STEERING.chars().filter(|c| !c.is_ascii_graphic()) {
        assert!(safe::steers(c), "{:04x}", u32::from(c));
        assert!(lyncap::report::text::steers(c), "{:04x}", u32::from(c));
    }
    for c in (0..=0x10_ffff).filter_map(char::from_u32) {
        assert_eq!(safe::steers(c), lyncap::report::text::steers(c), "{:04x}", u32::from(c));
    }
}
