//! Draws an [`App`].
//!
//! In: the state of the screen. Out: the cells of a frame. Must not know: keys, where the state comes from.
//!
//! Colour, where there is any, repeats what a word says. It is one of the terminal's own, on the terminal's own ground.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};

use super::app::{App, Front, front_lines};
use super::head;
use super::keys::BINDINGS;
use super::layout::{FOOT, HEAD, LEAST};
use super::panes::{Column, Line, Pane, Tone};
use super::text::{fit, fold};
use crate::report::text::{duration, plural};

/// How the screen looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Whether there are colours.
    pub colour: bool,
}

impl Theme {
    /// A tone's style: legible on a dark and on a light ground.
    #[must_use]
    pub fn style(self, tone: Tone) -> Style {
        let colour = |colour| if self.colour { Style::new().fg(colour) } else { Style::new() };
        match tone {
            Tone::Good => colour(Color::Green),
            Tone::Warn => colour(Color::Magenta),
            Tone::Bad => colour(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Plain => Style::new(),
        }
    }
}

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &App, theme: Theme) {
    let area = frame.area();
    let layout = app.layout();
    let mut page = Page { frame, area, at: 0 };
    if !layout.fits {
        let (columns, rows) = LEAST;
        let what = format!("{}x{} is too small for lyncap: make it {columns}x{rows}; q ends", area.width, area.height);
        return fold(&what, area.width.into()).iter().for_each(|line| page.put(Text::raw(line.clone())));
    }
    match &app.front {
        Some((front, first)) => self::front(&mut page, front, *first),
        None => {
            head::lines(app, theme, area.width).into_iter().for_each(|line| page.put(line));
            page.at = HEAD;
            for (pane, rows) in &layout.panes {
                self::pane(&mut page, app, theme, *pane, *rows);
            }
        }
    }
    page.at = area.height.saturating_sub(FOOT);
    page.put(status(app, area.width));
    page.put(Text::styled(fit(&keys(app, area.width), area.width.into(), false), REVERSED));
}

/// The frame, from above.
struct Page<'f, 'b> {
    frame: &'f mut Frame<'b>,
    area: Rect,
    at: u16,
}

impl Page<'_, '_> {
    fn put(&mut self, line: Text<'_>) {
        if self.at < self.area.height {
            let place = Rect { y: self.area.y + self.at, height: 1, ..self.area };
            self.frame.render_widget(line, place);
        }
        self.at = self.at.saturating_add(1);
    }
}

fn front(page: &mut Page<'_, '_>, front: &Front, first: usize) {
    let title = match front {
        Front::Help => "KEYS",
        Front::Text(title, _) => title,
    };
    page.put(Text::styled(fit(title, page.area.width.into(), false), BOLD));
    let room = usize::from(page.area.height.saturating_sub(1 + FOOT));
    let lines = front_lines(front, page.area.width);
    let first = first.min(lines.len().saturating_sub(room));
    lines.into_iter().skip(first).take(room).for_each(|line| page.put(Text::raw(line)));
}

/// A pane: title, headings, as many lines as there is room for.
fn pane(page: &mut Page<'_, '_>, app: &App, theme: Theme, pane: Pane, rows: u16) {
    let (lines, width, used) = (app.lines(pane), page.area.width, app.pane == pane);
    let columns = widths(pane, width);
    page.put(Text::styled(
        fit(&title(app, pane, lines.len()), width.into(), false),
        if used { BOLD } else { Style::new() },
    ));
    let heading = |(column, wide): &(&Column, usize)| fit(column.title, *wide, column.number);
    let headings: Vec<_> = columns.iter().map(|(_, column, wide)| heading(&(column, *wide))).collect();
    let faint = Style::new().add_modifier(Modifier::UNDERLINED);
    page.put(Text::styled(fit(&format!("  {}", headings.join(" ")), width.into(), false), faint));
    let (selected, room) = (app.place(pane, &lines), usize::from(rows));
    let first = selected.saturating_sub(room / 2).min(lines.len().saturating_sub(room));
    let end = page.at + rows;
    if lines.is_empty() && rows > 0 {
        page.put(Text::raw(fit(&format!("  {}", nothing(app, pane)), width.into(), false)));
    }
    for (at, line) in lines.iter().enumerate().skip(first).take(room) {
        page.put(cells(line, &columns, theme, used && at == selected));
    }
    page.at = end;
}

/// What an empty pane says.
fn nothing(app: &App, pane: Pane) -> String {
    let what = match pane {
        Pane::Services => "no flow of any documented row",
        Pane::Findings => "no findings",
        Pane::Talkers => "nobody",
    };
    match (app.begun, &*app.filter) {
        (false, _) => "waiting for the first picture".to_owned(),
        (true, "") => format!("{what} by now"),
        (true, filter) => format!("{what} with \"{filter}\"; Esc drops the filter"),
    }
}

/// "> FINDINGS 12 of 340, newest first".
fn title(app: &App, pane: Pane, shown: usize) -> String {
    let (snapshot, order) = (&app.picture.snapshot, app.view(pane).order);
    let all = match pane {
        Pane::Services => snapshot.services.len() as u64,
        Pane::Findings => snapshot.findings.values().sum(),
        Pane::Talkers => snapshot.talkers.len() as u64,
    };
    let number = if shown as u64 == all { all.to_string() } else { format!("{shown} of {all}") };
    let usual = match pane {
        Pane::Services => ("by rate, busiest first", "by rate, busiest last"),
        Pane::Findings => ("newest first, then the worst", "the worst, then newest last"),
        Pane::Talkers => ("by bytes, most first", "by bytes, least first"),
    };
    let by = match order.column.and_then(|column| pane.columns().get(column)) {
        None if order.reversed => usual.1.to_owned(),
        None => usual.0.to_owned(),
        Some(column) => format!("by {}{}", column.title, if order.reversed { ", reversed" } else { "" }),
    };
    let mark = if app.pane == pane { '>' } else { ' ' };
    format!("{mark} {} {number}, {by}", pane.title())
}

/// The columns that there is room for, by their place, each with its width.
fn widths(pane: Pane, width: u16) -> Vec<(usize, &'static Column, usize)> {
    let columns: Vec<_> = pane.columns().iter().enumerate().filter(|(_, column)| column.least <= width).collect();
    let taken: u16 = columns.iter().map(|(_, column)| column.width.unwrap_or_default() + 1).sum();
    // Before the first column stands the mark.
    let rest = width.saturating_sub(taken + 1);
    columns.into_iter().map(|(at, column)| (at, column, column.width.unwrap_or(rest).into())).collect()
}

fn cells(line: &Line, columns: &[(usize, &Column, usize)], theme: Theme, selected: bool) -> Text<'static> {
    let mut spans = vec![Span::raw(if selected { "> " } else { "  " })];
    for (at, column, width) in columns {
        let Some(cell) = line.cells.get(*at) else { continue };
        spans.push(Span::styled(fit(&cell.text, *width, column.number), theme.style(cell.tone)));
        spans.push(Span::raw(" "));
    }
    let line = Text::from(spans);
    if selected { line.patch_style(REVERSED) } else { line }
}

/// What is the matter, the most pressing first.
fn status(app: &App, width: u16) -> Text<'static> {
    let mut parts = Vec::new();
    if app.ending {
        parts.push("ending with the report; Ctrl-C once more: at once, without".to_owned());
    }
    if app.typing {
        parts.push(format!("filter: {}_  (Enter keeps it, Esc drops it)", app.filter));
    } else if !app.filter.is_empty() {
        parts.push(format!("filter: {}", app.filter));
    }
    if let Some((since, _)) = &app.frozen {
        let age = Duration::from_secs(since.elapsed().as_secs());
        parts.push(format!("FROZEN {} ago; f goes on", told(age)));
    }
    if app.pace > Duration::from_secs(1) {
        let took = duration(i64::try_from(app.picture.took.as_nanos()).unwrap_or(i64::MAX));
        parts.push(format!(
            "refreshed each {}: {took} to judge {}",
            told(app.pace),
            plural(app.picture.snapshot.table.open, "flow")
        ));
    }
    parts.extend(app.note.clone());
    Text::styled(fit(&parts.join(" | "), width.into(), false), BOLD)
}

/// A time in seconds.
fn told(time: Duration) -> String {
    if time < Duration::from_secs(60) {
        return format!("{}s", time.as_secs());
    }
    duration(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// As many keys as there is room for.
fn keys(app: &App, width: u16) -> String {
    if app.front.is_some() {
        return "Esc back  Up Down PgUp PgDn scroll  q quit".to_owned();
    }
    let mut line = String::new();
    for brief in BINDINGS.iter().filter_map(|binding| binding.brief) {
        if line.len() + 2 + brief.len() > width.into() {
            break;
        }
        line.push_str(if line.is_empty() { "" } else { "  " });
        line.push_str(brief);
    }
    line
}
