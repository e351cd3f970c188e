//! Keys as they are pressed.
//!
//! In: standard input, a terminal in raw mode. Out: [`Key`]s within some time, or that it is gone.
//! Must not know: what keys ask for.
//!
//! On Unix bytes are read as they are there: crossterm's reader goes round for ever once the terminal has hung up, and
//! waits without limit for the end of a sequence that does not come.

use std::io;
use std::time::Duration;

use super::keys::Key;

/// Reads keys.
#[derive(Debug, Default)]
pub(super) struct Input {
    #[cfg(unix)]
    decoder: super::keys::Decoder,
}

#[cfg(unix)]
impl Input {
    /// Keys that are pressed before `patience` is over; none where it is.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn wait(&mut self, patience: Duration) -> io::Result<Vec<Key>> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let input = io::stdin();
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) as _ };
        match poll(&mut polled, Some(&patience)) {
            Ok(0) => return Ok(self.decoder.take(&[])),
            Ok(_) => {}
            // A signal, which somebody else looks at.
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 256];
        match rustix::io::read(&input, &mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => Ok(self.decoder.take(bytes.get(..length).unwrap_or_default())),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
impl Input {
    /// Keys that are pressed before `patience` is over; none where it is.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn wait(&mut self, patience: Duration) -> io::Result<Vec<Key>> {
        use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
        if !poll(patience)? {
            return Ok(Vec::new());
        }
        let Event::Key(event) = read()? else { return Ok(Vec::new()) };
        let control = event.modifiers.contains(KeyModifiers::CONTROL) && !event.modifiers.contains(KeyModifiers::ALT);
        let key = match event.code {
            _ if event.kind == KeyEventKind::Release => None,
            KeyCode::Char(c) if control => Some(Key::Control(c.to_ascii_lowercase())),
            KeyCode::Char(c) => Some(Key::Char(c)),
            code => NAMED.iter().find(|(of, _)| *of == code).map(|(_, key)| *key),
        };
        Ok(key.into_iter().collect())
    }
}

#[cfg(not(unix))]
const NAMED: &[(ratatui::crossterm::event::KeyCode, Key)] = {
    use ratatui::crossterm::event::KeyCode;
    &[
        (KeyCode::Enter, Key::Enter),
        (KeyCode::Tab, Key::Tab),
        (KeyCode::BackTab, Key::BackTab),
        (KeyCode::Esc, Key::Escape),
        (KeyCode::Backspace, Key::Backspace),
        (KeyCode::Up, Key::Up),
        (KeyCode::Down, Key::Down),
        (KeyCode::Left, Key::Left),
        (KeyCode::Right, Key::Right),
        (KeyCode::PageUp, Key::PageUp),
        (KeyCode::PageDown, Key::PageDown),
        (KeyCode::Home, Key::Home),
        (KeyCode::End, Key::End),
    ]
};
