//! A small capture builder: conversations in, savefiles out.
//!
//! In: who talks to whom, when, and what they say. Out: frames in time order, and pcap or pcapng bytes.
//! Must not know: the `lyncap` library. Tests and benches include this folder as plain source (std only), so that
//! what the program reads was never made by the code that reads it. No clock, no randomness but [`Noise`].
//!
//! | file | knows |
//! |---|---|
//! | `frame` | the bytes of one Ethernet frame |
//! | `links` | an IP packet in every link type |
//! | `savefile` | pcap and pcapng |
//! | `payload` `microsoft` `tls` `media` | what applications say, as a [`Talk`] |
//! | `conversation` | TCP and UDP conversations on a clock |
//! | `tunnels` | an IP packet inside every tunnel that is opened |
//! | `distort` | the same conversations, captured badly |
//! | `hosts` `pool` `trouble` | the scenario behind `fixtures/pool-day.pcapng` |
//!
//! One flow for a test, in one line: `tcp_flow(0, client, server, &tls::Session::default().talk())`.
// Every test uses a part of this folder, and no test binary has a public face.
#![allow(dead_code, unused_imports, unreachable_pub)]

/// The concatenation of byte strings, arrays, vectors and text.
macro_rules! bytes {
    ($($part:expr),* $(,)?) => {{
        let mut joined: Vec<u8> = Vec::new();
        $(joined.extend_from_slice(AsRef::<[u8]>::as_ref(&$part));)*
        joined
    }};
}

pub mod conversation;
pub mod distort;
pub mod frame;
pub mod hosts;
pub mod links;
pub mod media;
pub mod microsoft;
pub mod payload;
pub mod pool;
pub mod savefile;
pub mod tls;
pub mod trouble;
pub mod tunnels;

pub use conversation::{Tcp, Udp, Wire, tcp_flow, udp_flow};
pub use savefile::Frame;

/// Nanoseconds in a microsecond.
pub const MICROSECOND: u64 = 1_000;
/// Nanoseconds in a millisecond.
pub const MILLISECOND: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Who says it: the client opened the conversation, the server was spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Sends the SYN, or the first datagram.
    Client,
    /// Answers.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One uninterrupted utterance of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn(pub Side, pub Vec<u8>);

/// What two applications say to each other, in order.
pub type Talk = Vec<Turn>;

/// The client says `bytes`.
pub fn ask(bytes: impl Into<Vec<u8>>) -> Turn {
    Turn(Side::Client, bytes.into())
}

/// The server says `bytes`.
pub fn answer(bytes: impl Into<Vec<u8>>) -> Turn {
    Turn(Side::Server, bytes.into())
}

/// xorshift64: the same seed gives the same bytes everywhere and always.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// A generator; seeds that differ in one bit give unrelated sequences.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// A generator seeded by text or bytes (FNV-1a).
    #[must_use]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self::new(text.as_ref().iter().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// `length` bytes that look encrypted.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 24) as u8).collect()
    }
}
