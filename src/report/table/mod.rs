//! Tables and paragraphs for a terminal: readable at 80 columns, better when wider.
//!
//! In: report data, a width, whether colour is wanted. Out: text.
//! Must not know: where the text goes.

use anstyle::{AnsiColor, Style};
use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object as _, Rows};
use tabled::settings::{Alignment, Modify, Padding, Style as Frame};

pub use audit::audit;
pub use catalog::{about_port, catalog, row};
pub use explain::explain;
pub use flows::{FlowTable, groups};
pub use interfaces::interfaces;
pub use rules::rules;

use super::text::{Clock, harmless, steers};

mod audit;
mod catalog;
mod explain;
mod flows;
mod interfaces;
mod media;
mod rules;

/// How text is laid out for its reader.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal; [`usize::MAX`] where there is none, so that nothing is cut for grep.
    pub width: usize,
    /// Whether to colour.
    pub colour: bool,
    /// Which clock times are told by.
    pub clock: Clock,
}

/// What a text means; the colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Heading,
    Good,
    Warn,
    Bad,
    Faint,
}

/// What [`Look::paint`] writes around a text: bold, faint, red, green, yellow, and the end of all.
const COLOURS: &[&str] = &["\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", RESET];
const RESET: &str = "\x1b[0m";

impl Look {
    /// `text` in the colour of its meaning.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Heading => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// The last look at a text: whatever a catalog, a topology or a wire put into it, it only says, and steers nothing.
    /// Line ends stay, and the colours that [`Look::paint`] gives.
    pub(super) fn screen(self, text: String) -> String {
        if !text.contains(|c| c != '\n' && steers(c)) {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = &*text;
        while let Some(at) = rest.find(|c| c != '\n' && steers(c)) {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let colour = COLOURS.iter().find(|&&code| self.colour && after.starts_with(code));
            let length = colour.map_or_else(|| after.chars().next().map_or(0, char::len_utf8), |code| code.len());
            let (steering, after) = after.split_at(length);
            out.push_str(&if colour.is_some() { steering.to_owned() } else { harmless(steering) });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// `text` in words no wider than the terminal, every line but the first after `indent` blanks.
    pub(super) fn wrap(self, text: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(indent).max(12);
        let mut lines: Vec<String> = vec![String::new()];
        for word in text.split(' ') {
            let length = lines.last().map_or(0, |line| line.chars().count());
            if length > 0 && length + 1 + word.chars().count() > room {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.join(&format!("\n{}", " ".repeat(indent)))
    }
}

/// Columns of a sheet: heading, and whether it holds numbers.
pub(super) type Column = (&'static str, bool);

/// How the last column gives way when the terminal is narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    /// It takes several lines.
    Wrap,
    /// It is cut: a record stays one line.
    Cut,
}

/// A borderless table.
pub(super) fn sheet(look: Look, narrow: Narrow, columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let last = columns.len().saturating_sub(1);
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, (heading, _))| {
            let cells = rows.iter().filter_map(|row| row.get(i)).map(|cell| visible_width(cell));
            cells.max().unwrap_or_default().max(heading.len())
        })
        .collect();
    let others: usize = widths.iter().take(last).map(|width| width + 2).sum();
    let room = look.width.saturating_sub(others).max(12);
    let tight = widths.last().is_some_and(|&width| width > room);
    let within = Look { width: room, ..look };
    let mut builder = Builder::default();
    builder.push_record(columns.iter().map(|(heading, _)| look.paint(Tone::Heading, heading)));
    for mut row in rows {
        if let Some(cell) = row.last_mut().filter(|_| tight) {
            *cell = match narrow {
                Narrow::Wrap => colour_each_line(&within.wrap(cell, 0)),
                Narrow::Cut => cut(cell, room),
            };
        }
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Frame::empty()).with(Padding::new(0, 2, 0, 0));
    table.modify(Columns::last(), Padding::zero());
    for (i, _) in columns.iter().enumerate().filter(|(_, (_, number))| *number) {
        table.with(Modify::new(Columns::one(i).not(Rows::new(0..0))).with(Alignment::right()));
    }
    let text = table.to_string();
    look.screen(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n")
}

/// A cell of several lines, each of which begins with the colours that were on and ends them: a table sets lines apart.
fn colour_each_line(cell: &str) -> String {
    let mut on = String::new();
    let line = |line: &str| {
        let begun = format!("{on}{line}");
        for code in line.match_indices('\x1b').filter_map(|(at, _)| line.get(at..)) {
            match COLOURS.iter().find(|&&known| code.starts_with(known)) {
                Some(&RESET) => on.clear(),
                Some(colour) => on.push_str(colour),
                None => {}
            }
        }
        if on.is_empty() { begun } else { begun + RESET }
    };
    cell.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A cell cut to this width; its colours begin and end as they did.
#[must_use]
pub fn cut(cell: &str, room: usize) -> String {
    if visible_width(cell) <= room {
        return cell.to_owned();
    }
    let (mut out, mut rest, mut left) = (String::new(), cell, room.checked_sub(1));
    while let Some(c) = rest.chars().next() {
        let colour = COLOURS.iter().find_map(|&code| Some((code, rest.strip_prefix(code)?)));
        if let Some((code, after)) = colour {
            out.push_str(code);
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if let Some(room) = left {
            left = room.checked_sub(visible_width(c.encode_utf8(&mut [0; 4])));
            out.push(if left.is_some() { c } else { '…' });
        }
    }
    out
}

/// Columns that a cell takes on the screen: without its colour codes, a wide character twice.
#[must_use]
pub fn visible_width(cell: &str) -> usize {
    tabled::grid::util::string::get_text_width(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_cut_and_its_colours_are_not() {
        let painted = Look { width: 80, colour: true, clock: Clock::Utc }.paint(Tone::Bad, "contradicted");
        assert_eq!(cut(&painted, 12), painted);
        assert_eq!(cut(&painted, 5), "\x1b[1m\x1b[31mcont…\x1b[0m");
        assert_eq!(
            colour_each_line("a \x1b[1m\x1b[31mb\nc\x1b[0m d\ne"),
            "a \x1b[1m\x1b[31mb\x1b[0m\n\x1b[1m\x1b[31mc\x1b[0m d\ne"
        );
        assert_eq!((&*cut("日本語", 5), &*cut("日本語", 4), &*cut("abc", 1)), ("日本…", "日…", "…"));
    }

    #[test]
    fn only_its_own_colours_pass() {
        let look = |colour| Look { width: 80, colour, clock: Clock::Utc };
        let hostile = "a\x1b[2Jb\u{9b}1m\x1b]0;t\x07\u{202e}\n";
        let shown = "a\\u{1b}[2Jb\\u{9b}1m\\u{1b}]0;t\\u{7}\\u{202e}\n";
        for tone in [Tone::Heading, Tone::Good, Tone::Warn, Tone::Bad, Tone::Faint] {
            let painted = look(true).paint(tone, "x");
            assert_eq!(look(true).screen(painted.clone() + hostile), painted.clone() + shown);
            assert!(!look(false).screen(painted).contains('\x1b'));
        }
    }
}
