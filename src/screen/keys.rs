//! What keys there are, and what each asks for.
//!
//! In: bytes of a terminal (ECMA-48 and xterm's control sequences). Out: [`Key`]s, and by one table their [`Action`]s.
//! Must not know: what an action does.

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are on them")]
pub enum Key {
    Char(char),
    /// With Ctrl, as a small letter.
    Control(char),
    Enter,
    Tab,
    BackTab,
    Escape,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The pane after this.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// The first line.
    First,
    /// The last line.
    Last,
    /// Why: the explanation of what is selected.
    Open,
    /// Away with what is in front.
    Back,
    /// Only lines with a text.
    Filter,
    /// By the next column.
    Sort,
    /// The other way round.
    Reverse,
    /// Stand still, or go on.
    Freeze,
    /// What keys there are.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Back to the shell for a while.
    Suspend,
    /// End with the report.
    Quit,
}

/// One line of help.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// The keys.
    pub keys: &'static [Key],
    /// Their names.
    pub names: &'static str,
    /// Told at the foot of the screen, where it is.
    pub brief: Option<&'static str>,
    /// Told by the help.
    pub told: &'static str,
}

/// All of them. Those with most use are first: the foot of the screen has room for some.
pub const BINDINGS: &[Binding] = &[
    row(
        Action::Quit,
        &[Key::Char('q'), Key::Control('c')],
        "q Ctrl-C",
        Some("q quit"),
        "end with the report; Ctrl-C twice: at once, without",
    ),
    row(Action::Help, &[Key::Char('?')], "?", Some("? help"), "this list"),
    row(Action::NextPane, &[Key::Tab, Key::Right, Key::Char('l')], "Tab Right l", Some("Tab pane"), "the next pane"),
    row(Action::PreviousPane, &[Key::BackTab, Key::Left, Key::Char('h')], "Shift-Tab Left h", None, "the pane before"),
    row(
        Action::Open,
        &[Key::Enter],
        "Enter",
        Some("Enter why"),
        "explain a flow of what is selected; of a talker: its findings",
    ),
    row(
        Action::Filter,
        &[Key::Char('/')],
        "/",
        Some("/ filter"),
        "only lines with a text: a host, row, service, verdict, kind",
    ),
    row(Action::Sort, &[Key::Char('s')], "s", Some("s sort"), "sort by the next column"),
    row(Action::Reverse, &[Key::Char('S'), Key::Char('r')], "S r", Some("S reverse"), "sort the other way round"),
    row(
        Action::Freeze,
        &[Key::Char(' '), Key::Char('f')],
        "Space f",
        Some("f freeze"),
        "stand still, while the run goes on; again: go on",
    ),
    row(Action::Back, &[Key::Escape, Key::Backspace], "Esc Backspace", None, "close what is in front; drop the filter"),
    row(Action::Up, &[Key::Up, Key::Char('k')], "Up k", None, "one line up"),
    row(Action::Down, &[Key::Down, Key::Char('j')], "Down j", None, "one line down"),
    row(Action::PageUp, &[Key::PageUp, Key::Control('b'), Key::Control('u')], "PgUp Ctrl-B", None, "a page up"),
    row(Action::PageDown, &[Key::PageDown, Key::Control('f'), Key::Control('d')], "PgDn Ctrl-F", None, "a page down"),
    row(Action::First, &[Key::Home, Key::Char('g')], "Home g", None, "the first line"),
    row(Action::Last, &[Key::End, Key::Char('G')], "End G", None, "the last line"),
    row(Action::Suspend, &[Key::Control('z')], "Ctrl-Z", None, "back to the shell; the run stops until fg"),
    row(Action::Redraw, &[Key::Control('l')], "Ctrl-L", None, "draw the screen anew"),
];

const fn row(
    action: Action,
    keys: &'static [Key],
    names: &'static str,
    brief: Option<&'static str>,
    told: &'static str,
) -> Binding {
    Binding { action, keys, names, brief, told }
}

/// What a key asks for.
#[must_use]
pub fn action(key: Key) -> Option<Action> {
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// Control sequences of keys, after ESC. Terminals differ.
const SEQUENCES: &[(&str, Key)] = &[
    ("[A", Key::Up),
    ("[B", Key::Down),
    ("[C", Key::Right),
    ("[D", Key::Left),
    ("OA", Key::Up),
    ("OB", Key::Down),
    ("OC", Key::Right),
    ("OD", Key::Left),
    ("[H", Key::Home),
    ("[F", Key::End),
    ("OH", Key::Home),
    ("OF", Key::End),
    ("[1~", Key::Home),
    ("[4~", Key::End),
    ("[7~", Key::Home),
    ("[8~", Key::End),
    ("[5~", Key::PageUp),
    ("[6~", Key::PageDown),
    ("[Z", Key::BackTab),
    ("OM", Key::Enter),
];
/// No sequence is longer: what is, is none.
const LONGEST: usize = 32;

/// Bytes that wait for others.
#[derive(Debug, Default)]
pub struct Decoder(Vec<u8>);

impl Decoder {
    /// The keys that these bytes are; what may go on waits. No bytes mean that nothing went on for a while: ESC is a key.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.0.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut rest = &*self.0;
        while let Some((key, length)) = first(rest, bytes.is_empty()) {
            keys.extend(key);
            rest = rest.get(length..).unwrap_or_default();
        }
        self.0 = rest.to_vec();
        keys
    }
}

/// The first key, if it is one that is known, and the bytes it takes; none where more have to come.
fn first(bytes: &[u8], over: bool) -> Option<(Option<Key>, usize)> {
    let (&byte, after) = bytes.split_first()?;
    let key = match byte {
        0x1b => return escaped(after, over),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f | 0x08 => Key::Backspace,
        1..=26 => Key::Control((b'a' + byte - 1).into()),
        0x20..=0x7e => Key::Char(byte.into()),
        0xc2..=0xf4 => return character(bytes, over),
        _ => return Some((None, 1)),
    };
    Some((Some(key), 1))
}

fn escaped(after: &[u8], over: bool) -> Option<(Option<Key>, usize)> {
    let length = match after {
        [] if !over => return None,
        [b'[', rest @ ..] => rest.iter().position(|byte| (0x40..=0x7e).contains(byte)).map(|at| at + 2),
        [b'O', _, ..] => Some(2),
        [b'O'] => None,
        _ => return Some((Some(Key::Escape), 1)),
    };
    match length {
        Some(length) => {
            let sequence = after.get(..length).unwrap_or_default();
            let known = SEQUENCES.iter().find(|(of, _)| of.as_bytes() == sequence);
            Some((known.map(|(_, key)| *key), 1 + length))
        }
        None if over || after.len() > LONGEST => Some((None, 1 + after.len())),
        None => None,
    }
}

/// A character of several bytes.
fn character(bytes: &[u8], over: bool) -> Option<(Option<Key>, usize)> {
    let most = bytes.get(..bytes.len().min(4)).unwrap_or_default();
    let (valid, error) = match std::str::from_utf8(most) {
        Ok(text) => (text, None),
        Err(error) => (std::str::from_utf8(most.get(..error.valid_up_to())?).unwrap_or_default(), Some(error)),
    };
    match (valid.chars().next(), error) {
        (Some(c), _) => Some((Some(Key::Char(c)), c.len_utf8())),
        (None, Some(error)) if error.error_len().is_none() && !over => None,
        _ => Some((None, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of bytes that come in these pieces, and those after silence.
    fn check(pieces: &[&str], expected: &[Key]) {
        let mut decoder = Decoder::default();
        let mut keys: Vec<_> = pieces.iter().flat_map(|piece| decoder.take(piece.as_bytes())).collect();
        keys.extend(decoder.take(b""));
        assert_eq!(keys, expected, "{pieces:?}");
        assert!(decoder.0.is_empty(), "{pieces:?}");
    }

    #[test]
    fn bytes_are_keys() {
        for (pieces, expected) in [
            (&["jG"][..], &[Key::Char('j'), Key::Char('G')][..]),
            (&["\x1b[A\x1bOB\r\t"], &[Key::Up, Key::Down, Key::Enter, Key::Tab]),
            (&["\x1b", "[5", "~x"], &[Key::PageUp, Key::Char('x')]),
            (&["\x1b"], &[Key::Escape]),
            (&["\x1bq"], &[Key::Escape, Key::Char('q')]),
            (&["\x03\x1a\x7f"], &[Key::Control('c'), Key::Control('z'), Key::Backspace]),
            (&["ü日"], &[Key::Char('ü'), Key::Char('日')]),
            // Unknown: F5, a report of the cursor, a sequence that breaks off.
            (&["\x1b[15~\x1b[12;40Rq"], &[Key::Char('q')]),
            (&["\x1b[12"], &[]),
            (&["\x1b[1111111111111111111111111111111111111111111", "q"], &[Key::Char('q')]),
        ] {
            check(pieces, expected);
        }
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut decoder = Decoder::default();
        for a in 0..=255_u8 {
            for b in [0, 0x1b, b'[', b'O', b'~', 0x80, 0xbf, 0xc3, 0xf4, 0xff] {
                decoder.take(&[a, b]);
                decoder.take(&[]);
                assert!(decoder.0.is_empty(), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_key_asks_for_one_thing() {
        let mut keys: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.keys).collect();
        while let Some(key) = keys.pop() {
            assert!(!keys.contains(&key), "{key:?} twice");
        }
        assert_eq!(action(Key::Char('/')), Some(Action::Filter));
        assert_eq!(action(Key::Char('x')), None);
    }
}
