//! HTTP for one page: a few threads, each of which serves whoever is next, for a short time.
//!
//! In: an address, a [`Page`]. Out: the page, to whoever asks for `/metrics`.
//! Must not know: what is on it.
//!
//! Whoever connects is hostile until proven otherwise: [`THREADS`] are served at once and the others wait in the kernel's
//! queue; a request has [`LONGEST`] bytes and [`PATIENCE`] at most, its answer as long to be taken, and then the connection
//! is closed. (RFC 9112; only what a GET without a body needs.)

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::page::Page;
use crate::error::Error;

/// Connections served at once.
const THREADS: usize = 4;
/// Stack of a thread, which holds one request.
const STACK: usize = 256 << 10;
/// Bytes of a request.
const LONGEST: usize = 8 << 10;
/// Header lines of a request.
const HEADERS: usize = 64;
/// Time for a request, and for its answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time that what is still on its way has, so that closing does not destroy the answer.
const LINGER: Duration = Duration::from_millis(100);
/// Pause after a connection could not be taken: too many files are open.
const PAUSE: Duration = Duration::from_millis(200);

/// What a request ends with.
const END: &[u8] = b"\r\n\r\n";

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const ABOUT: &str = "lyncap: figures for Prometheus are at /metrics\n";

/// An open port that nobody serves yet: it is opened while the program may, and served once it is confined.
#[derive(Debug)]
pub struct Listening(TcpListener);

/// A port that is served, until the program ends.
#[derive(Debug)]
pub struct Serving {
    /// Where; the port is known even where none was named.
    pub at: SocketAddr,
}

impl Listening {
    /// Opens a port. Only of this host itself, unless `anywhere` is wanted: the page tells who talks to whom about what,
    /// and everybody may ask.
    ///
    /// # Errors
    /// When the address is another, or is taken.
    pub fn open(at: SocketAddr, anywhere: bool) -> Result<Self, Error> {
        if !is_loopback(at.ip()) && !anywhere {
            return Err(Error::Usage(format!(
                "--metrics {at} could be read by other hosts; listen on 127.0.0.1 or [::1], or add --metrics-anywhere"
            )));
        }
        let refuse = |error: io::Error| Error::Usage(format!("--metrics {at}: {error}{}", remedy(&error)));
        TcpListener::bind(at).map(Self).map_err(refuse)
    }

    /// Serves a page. The threads that do so begin here, and are confined as this one is.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn serve(self, page: &Page) -> Result<Serving, Error> {
        let refuse = |error: io::Error| Error::Usage(format!("--metrics: {error}"));
        let at = self.0.local_addr().map_err(refuse)?;
        let listener = Arc::new(self.0);
        for _ in 0..THREADS {
            let (listener, page) = (Arc::clone(&listener), page.clone());
            let builder = thread::Builder::new().name("metrics".to_owned()).stack_size(STACK);
            builder.spawn(move || serve(&listener, &page)).map_err(refuse)?;
        }
        Ok(Serving { at })
    }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|mapped| mapped.is_loopback())
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; name another port",
        io::ErrorKind::AddrNotAvailable => "; name an address of this host",
        io::ErrorKind::PermissionDenied => "; name a port above 1023",
        _ => "",
    }
}

/// One connection after the other.
fn serve(listener: &TcpListener, page: &Page) {
    loop {
        match listener.accept() {
            // Who goes away early has nothing to be told.
            Ok((stream, _)) => drop(answer(stream, page)),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// What is answered: status, content type, body, and whether the body is sent.
struct Answer<'a> {
    status: &'static str,
    kind: &'static str,
    body: &'a str,
    head: bool,
}

fn answer(mut stream: TcpStream, page: &Page) -> io::Result<()> {
    let mut request = [0; LONGEST];
    let text = page.text();
    let answer = match read(&mut stream, &mut request)? {
        Ok((method, path)) => choose(method, path, &text),
        Err(status) => Answer { status, kind: PLAIN, body: "", head: false },
    };
    let Answer { status, kind, body, head } = answer;
    let length = body.len();
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let header = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    );
    let body = if head { "" } else { body };
    write(&mut stream, &[header.as_bytes(), body.as_bytes()].concat())?;
    // What was not read would make the kernel reset the connection, and the answer with it.
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    let _ = stream.read(&mut request)?;
    Ok(())
}

fn choose<'a>(method: &str, path: &str, page: &'a str) -> Answer<'a> {
    let (status, kind, body) = match (method, path.split('?').next().unwrap_or(path)) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", OPENMETRICS, page),
        ("GET" | "HEAD", "/") => ("200 OK", PLAIN, ABOUT),
        ("GET" | "HEAD", _) => ("404 Not Found", PLAIN, ABOUT),
        _ => ("405 Method Not Allowed", PLAIN, ""),
    };
    Answer { status, kind, body, head: method == "HEAD" }
}

/// Method and path of the request, or the status that refuses it.
fn read<'r>(stream: &mut TcpStream, request: &'r mut [u8]) -> io::Result<Result<(&'r str, &'r str), &'static str>> {
    let until = Instant::now() + PATIENCE;
    let mut length = 0;
    loop {
        let rest = request.get_mut(length..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(Err("431 Request Header Fields Too Large"));
        }
        stream.set_read_timeout(Some(left(until)?))?;
        let before = length;
        match stream.read(rest)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            some => length += some,
        }
        // Who sends it byte by byte has each byte looked at a few times, not all of them each time.
        let new = request.get(before.saturating_sub(END.len() - 1)..length).unwrap_or_default();
        if new.windows(END.len()).any(|end| end == END) {
            break;
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let whole = parsed.parse(request.get(..length).unwrap_or_default());
    Ok(match (whole, parsed.method, parsed.path) {
        (Ok(httparse::Status::Complete(_)), Some(method), Some(path)) => Ok((method, path)),
        (Err(httparse::Error::TooManyHeaders), ..) => Err("431 Request Header Fields Too Large"),
        _ => Err("400 Bad Request"),
    })
}

/// All of it in time, or an error.
fn write(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(until)?))?;
        match stream.write(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            some => bytes = bytes.get(some..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Time until then; none left is an error.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn serving() -> SocketAddr {
        let metrics = Metrics::new();
        let listening = Listening::open("127.0.0.1:0".parse().unwrap(), false).unwrap();
        // The page outlives the metrics as long as it is served.
        listening.serve(&metrics.page()).unwrap().at
    }

    fn ask(at: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn requests_are_answered_or_refused() {
        let at = serving();
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(LONGEST));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(HEADERS + 1));
        for (request, status) in [
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK"),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200 OK"),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK"),
            ("GET / HTTP/1.1\r\n\r\n", "200 OK"),
            ("GET /../etc/passwd HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"),
            ("\u{16}\u{3}\u{1} no HTTP\r\n\r\n", "400 Bad Request"),
            ("GET /metrics\r\n\r\n", "400 Bad Request"),
            (&long, "431 Request Header Fields Too Large"),
            (&many, "431 Request Header Fields Too Large"),
        ] {
            let answer = ask(at, request.as_bytes());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:.60}\n{answer:.200}");
            let (header, body) = answer.split_once("\r\n\r\n").unwrap();
            let length: usize =
                header.split_once("Content-Length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
            let is_page = request.starts_with("GET /metrics HTTP") || request.starts_with("GET /metrics?");
            assert_eq!(body.ends_with("# EOF\n"), is_page && status == "200 OK", "{request:.60}");
            assert_eq!(body.len(), if request.starts_with("HEAD") { 0 } else { length });
        }
    }

    #[test]
    fn who_is_slow_or_silent_holds_nobody_up_for_long() {
        let at = serving();
        // Twice as many as are served at once: silent, and one byte at a time.
        let mut slow: Vec<_> = (0..2 * THREADS).map(|_| TcpStream::connect(at).unwrap()).collect();
        let begun = Instant::now();
        slow.iter_mut().for_each(|stream| drop(stream.write(b"GET /metrics HTTP/1.1\r\nX: ")));
        assert!(ask(at, b"GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
        assert!(begun.elapsed() < 5 * PATIENCE, "{:?}", begun.elapsed());
        // Who takes no answer, who says a lot, who hangs up at once.
        for _ in 0..50 {
            drop(TcpStream::connect(at).unwrap());
        }
        let mut talker = TcpStream::connect(at).unwrap();
        while talker.write_all(&[b'x'; 4096]).is_ok() {}
        assert!(ask(at, b"GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    }

    #[test]
    fn other_hosts_are_let_in_only_on_demand() {
        for (at, anywhere, allowed) in [
            ("127.0.0.1:0", false, true),
            ("127.1.2.3:0", false, true),
            ("0.0.0.0:0", false, false),
            ("[::]:0", false, false),
            ("192.0.2.1:0", false, false),
            ("0.0.0.0:0", true, true),
        ] {
            let opened = Listening::open(at.parse().unwrap(), anywhere);
            assert_eq!(opened.is_ok(), allowed, "{at}");
            if let Err(error) = opened {
                assert!(error.to_string().contains("add --metrics-anywhere"), "{error}");
            }
        }
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = Listening::open(taken.local_addr().unwrap(), false).unwrap_err().to_string();
        assert!(error.ends_with("; name another port"), "{error}");
        assert!(is_loopback("::1".parse().unwrap()) && is_loopback("::ffff:127.0.0.1".parse().unwrap()));
    }
}
