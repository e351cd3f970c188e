//! What one direction says in its handshake, up to ChangeCipherSpec.
//!
//! In: the first bytes of a direction. Out: a [`Side`]: which end it is and what it showed.
//! Must not know: the other direction, what both together come to, ports, rows.
//!
//! RFC 5246 §7.4. Messages are cut out of the record layer's bytes here, since they run across records; `tls-parser`
//! reads the hellos, `x509-parser` the certificates. Only a direction whose first message is a hello is believed:
//! seen from the middle, encrypted bytes may look like any message.

use std::sync::Arc;

use super::hello::{self, CLIENT_HELLO, ClientHello, SERVER_HELLO, ServerHello, Sslv2};
use super::names;
use super::record::{APPLICATION_DATA, CHANGE_CIPHER_SPEC, ClearAlert, HANDSHAKE, HEADER, MESSAGE_HEADER, Records};
use crate::evidence::certificates::Certificates;
use crate::evidence::facts::Certificate;
use crate::evidence::protocol::Speaker;

/// Handshake types.
const HELLO_REQUEST: u8 = 0;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

/// Messages read of one direction in one call.
const MESSAGES: usize = 64;

/// One handshake message, as far as it is there.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    kind: u8,
    body: &'a [u8],
    /// Bytes of it that are not there.
    missing: usize,
}

impl Message<'_> {
    const fn is_whole(&self) -> bool {
        self.missing == 0
    }
}

/// Cuts off the first message; for a cut header, how many bytes it lacks.
fn first_message(bytes: &[u8]) -> Result<(Message<'_>, &[u8]), usize> {
    let Some((&[kind, a, b, c], rest)) = bytes.split_first_chunk::<MESSAGE_HEADER>() else {
        return Err(MESSAGE_HEADER - bytes.len().min(MESSAGE_HEADER));
    };
    // Three bytes: it fits wherever a program of the standard library runs.
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let (body, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    Ok((Message { kind, body, missing: length - body.len() }, after))
}

/// Reads a hello; none if it is another message.
fn hello(message: &Message<'_>) -> Option<Hello> {
    match message.kind {
        CLIENT_HELLO => Some(Hello::Client(hello::client(message.body, message.is_whole()))),
        SERVER_HELLO => Some(Hello::Server(hello::server(message.body, message.is_whole()))),
        _ => None,
    }
}

/// What a Certificate message shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Certificates,
    EmptyList,
}

/// Which end a direction is, and what its hello says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Client(ClientHello),
    Server(ServerHello),
}

/// One direction of a handshake.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// None if it does not begin with a hello.
    pub(super) hello: Option<Hello>,
    /// A whole Certificate message, or the client's word that it has none.
    pub(super) shown: Option<Shown>,
    /// Its own certificate, the first of the list.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Of the server: whether it asks for the client's certificate; none while it may still do so.
    pub(super) requests: Option<bool>,
    /// Of the server: its flight is whole.
    pub(super) done: bool,
    /// The first alert; a fatal one before any warning.
    pub(super) alert: Option<ClearAlert>,
    /// ChangeCipherSpec was seen.
    pub(super) changed: bool,
    /// They negotiate again, unseen.
    pub(super) renegotiates: bool,
    /// It has TLS records, or an SSLv2 hello.
    pub(super) is_tls: bool,
    /// Its hello has begun, or may have, and is not whole.
    pub(super) hello_is_cut: bool,
    /// It begins encrypted.
    pub(super) from_the_middle: bool,
    /// How many bytes it must have in all before it can say more.
    pub(super) wanted: Option<usize>,
}

impl Side {
    /// Reads a direction; what `before` says of fewer of its bytes is not read again.
    pub(super) fn read(bytes: &[u8], before: Self, certificates: &mut Certificates) -> Self {
        let old = hello::sslv2(bytes);
        let (start, offered) = match old {
            Sslv2::Hello { offered, end } => (end, Some(offered)),
            Sslv2::Cut | Sslv2::Not => (0, None),
        };
        let records = Records::read(bytes, start);
        let mut side = Self {
            hello: offered.map(|_| Hello::Client(ClientHello { offered, server_name: None })),
            alert: records.alert,
            changed: records.is_changed(),
            renegotiates: records.renegotiates,
            is_tls: offered.is_some() || records.first.is_some(),
            hello_is_cut: match records.first {
                Some(kind) => start == 0 && kind == HANDSHAKE,
                None => !bytes.is_empty() && bytes.len() < start.max(HEADER),
            },
            from_the_middle: start == 0 && matches!(records.first, Some(APPLICATION_DATA | CHANGE_CIPHER_SPEC)),
            ..Self::default()
        };
        let missing = side.messages(&records.handshake, before, certificates);
        side.wanted = missing.and_then(|missing| records.wanted(missing));
        if side.shown.is_none() && side.is_client() && records.no_certificate {
            side.shown = Some(Shown::EmptyList);
        }
        side
    }

    /// Reads the messages; how many bytes the last one lacks, and none if no more of them are to be read.
    fn messages(&mut self, mut bytes: &[u8], mut before: Self, certificates: &mut Certificates) -> Option<usize> {
        let mut known = before.hello.take().filter(|_| !before.hello_is_cut);
        for _ in 0..MESSAGES {
            if bytes.is_empty() {
                return Some(0);
            }
            let (message, after) = match first_message(bytes) {
                Ok(cut) => cut,
                Err(missing) => return Some(missing),
            };
            let head = bytes.first_chunk().copied();
            match (self.hello.is_some(), message.kind, head.map(hello::speaker)) {
                (true, CERTIFICATE, _) => self.certificate(&message, before.certificate.take(), certificates),
                (true, ..) => self.take(&message),
                (false, _, Some(Some(_))) => {
                    self.hello_is_cut = !message.is_whole();
                    self.hello = known.take().or_else(|| hello(&message));
                }
                // A server that asks for a hello; a hello that is cut before it can be told.
                (false, HELLO_REQUEST, _) if message.is_whole() && message.body.is_empty() => {}
                (false, CLIENT_HELLO | SERVER_HELLO, None) if !message.is_whole() => {}
                _ => {
                    self.hello_is_cut = false;
                    self.from_the_middle = true;
                    return None;
                }
            }
            if !message.is_whole() {
                return Some(message.missing);
            }
            bytes = after;
        }
        None
    }

    fn take(&mut self, message: &Message<'_>) {
        let whole = message.is_whole();
        match message.kind {
            CERTIFICATE_REQUEST if whole && self.is_server() => self.requests = Some(true),
            SERVER_HELLO_DONE if whole => {
                self.done = true;
                if self.requests.is_none() && self.has_shown_itself() {
                    // What was not asked for by now is not asked for any more.
                    self.requests = Some(false);
                }
            }
            _ => {}
        }
    }

    /// RFC 5246 §7.4.2: the list's length (3), then for each certificate its length (3) and itself. The first one is
    /// the sender's own, and is read even if the list is cut behind it.
    fn certificate(&mut self, message: &Message<'_>, known: Option<Arc<Certificate>>, certificates: &mut Certificates) {
        let Some((&[a, b, c], list)) = message.body.split_first_chunk() else { return };
        if self.shown.is_some() {
            return;
        }
        let empty = [a, b, c] == [0, 0, 0];
        if message.is_whole() {
            self.shown = Some(if empty { Shown::EmptyList } else { Shown::Certificates });
        }
        let Some((&[a, b, c], list)) = list.split_first_chunk() else { return };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let read = || list.get(..length).filter(|_| !empty).and_then(|der| certificates.read(der));
        self.certificate = known.or_else(read);
    }

    pub(super) const fn is_client(&self) -> bool {
        matches!(self.hello, Some(Hello::Client(_)))
    }

    pub(super) const fn is_server(&self) -> bool {
        matches!(self.hello, Some(Hello::Server(_)))
    }

    pub(super) const fn speaker(&self) -> Option<Speaker> {
        match self.hello {
            Some(Hello::Client(_)) => Some(Speaker::Initiator),
            Some(Hello::Server(_)) => Some(Speaker::Responder),
            None => None,
        }
    }

    /// Whether the server showed its certificate, or chose a suite for which it has none to show.
    fn has_shown_itself(&self) -> bool {
        let Some(Hello::Server(hello)) = &self.hello else { return false };
        let suite = hello.cipher_suite.and_then(names::cipher_suite);
        self.shown.is_some() || suite.is_some_and(|suite| !suite.certificate)
    }
}
