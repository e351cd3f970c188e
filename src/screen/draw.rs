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
        Pane::Services if app.filter.is_empty() => "no flow of any documented row",
        Pane::Services => "no row, service or verdict",
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
    columns
        .into_iter()
        .map(|(at, column)| (at, column, column.width.unwrap_or_else(|| rest.min(column.most)).into()))
        .collect()
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
        let took = exact(app.picture.took);
        parts.push(format!(
            "refreshed each {}: {took} to judge {}",
            exact(app.pace),
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
    exact(time)
}

fn exact(time: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::screen::testing::{app, press};

    fn drawn(app: &App, colour: bool) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(app.size.0, app.size.1)).unwrap();
        terminal.draw(|frame| draw(frame, app, Theme { colour })).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen's lines.
    fn shown(app: &App) -> Vec<String> {
        let buffer = drawn(app, false);
        let mut lines = Vec::new();
        for y in 0..app.size.1 {
            let (mut line, mut x) = (String::new(), 0);
            while x < app.size.0 {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += crate::report::table::visible_width(symbol).max(1) as u16;
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    #[test]
    fn everything_essential_is_on_a_screen_of_80_columns() {
        let lines = shown(&app());
        assert_eq!(
            lines,
            [
                "lyncap live  eth0 up, eth1\\u{1b} DOWN                    2026-03-02 08:00:00 UTC",
                "1.2k frames/s  9.9Mbit/s  0.5 new flows/s  lag 12.0ms  up 1h02m  12M frames",
                "1000 flows open of at most 250k  memory 12M of 512M, 34M resident  1.2k in all",
                "documented 1.2k  range-only 0  contradicted 0  undocumented 34",
                "DROPPED 1.2k frames: kernel 1.2k",
                "> SERVICES 40, by rate, busiest first",
                "  row   service                     verdict       flows      rate packets  bytes",
                "> S00   Service 0                   documented        0 100kbit/s       0      0",
                "  S01   Service 1                   documented        1  99kbit/s    1.0k   1.0M",
                "  S02   Service 2                   documented        2  98kbit/s    2.0k   2.0M",
                "  S03   Service 3                   documented        3  97kbit/s    3.0k   3.0M",
                "  S04   Service 4                   documented        4  96kbit/s    4.0k   4.0M",
                "  FINDINGS 60, newest first, then the worst",
                "  severity kind                    flows what",
                "  medium   undocumented-flow           0 host0 -> 10.0.0.1 tcp/100: 日本語 \\u{1…",
                "  medium   undocumented-flow           1 host1 -> 10.0.0.1 tcp/101: 日本語 \\u{1…",
                "  medium   undocumented-flow           2 host2 -> 10.0.0.1 tcp/102: 日本語 \\u{1…",
                "  UNDOCUMENTED TALKERS 20, by bytes, most first",
                "  host                                                            flows    bytes",
                "  host0                                                               0     1.0M",
                "  host1                                                               1    1000k",
                "  host2                                                               2    1000k",
                "",
                "q quit  ? help  Tab pane  Enter why  / filter  s sort  S reverse  f freeze",
            ]
        );
    }

    #[test]
    fn any_size_is_drawn() {
        for size in [(80, 24), (200, 50), (40, 10), (41, 23), (20, 5), (1, 1), (0, 0), (3, 100), (500, 3), (110, 24)] {
            for keys in ["", "\t", "\t\t", "?", "\r", "G", "\tG\r", "/zzz", " ", "\x03", "\t\t\rG"] {
                let mut app = app();
                app.size = size;
                press(&mut app, keys);
                app.note = Some("x".repeat(300));
                let lines = shown(&app);
                let fits = size.0 >= LEAST.0 && size.1 >= LEAST.1;
                let said = lines.concat().replace(' ', "").contains("toosmall");
                assert!(fits != (said || size.0 * size.1 < 40), "{size:?} {keys:?}\n{lines:#?}");
            }
        }
        // The size may change between what the state knows and what is drawn.
        let mut terminal = Terminal::new(TestBackend::new(10, 3)).unwrap();
        terminal.draw(|frame| draw(frame, &app(), Theme { colour: true })).unwrap();
    }

    #[test]
    fn nothing_steers_and_wide_characters_keep_columns() {
        let mut app = app();
        app.size = (120, 30);
        press(&mut app, "\t");
        for line in shown(&app) {
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
        let line = shown(&app).into_iter().find(|line| line.contains("tcp/101")).unwrap();
        assert!(line.contains("日本語 \\u{1b}[2J") && line.ends_with('…'), "{line}");
    }

    #[test]
    fn a_wide_screen_says_more() {
        let mut app = app();
        press(&mut app, "\t");
        let narrow = shown(&app).concat();
        app.size = (200, 50);
        let wide = shown(&app).concat();
        for more in ["first seen", "08:00:00 ", "in a sentence that is long"] {
            assert!(wide.contains(more), "{wide}");
        }
        assert!(!narrow.contains("first seen"));
        press(&mut app, "\x1b[Z\r");
        assert!(shown(&app)[1] == "wide");
    }

    #[test]
    fn what_is_the_matter_is_said_in_words() {
        for (keys, said) in [
            (" ", "FROZEN 0s ago; f goes on"),
            ("/zz", "filter: zz_"),
            ("/zz\r", "filter: zz"),
            ("/zz\r", "no row, service or verdict with \"zz\"; Esc drops the filter"),
            ("q", "ending with the report"),
            ("\t", "> FINDINGS 60, newest first"),
            ("s", "by row"),
            ("S", "busiest last"),
            ("?", "stand still, while the run goes on"),
        ] {
            let mut app = app();
            press(&mut app, keys);
            assert!(shown(&app).join("\n").contains(said), "{keys} {:#?}", shown(&app));
        }
        let mut app = app();
        app.pace = Duration::from_secs(4);
        app.note = Some("a note".to_owned());
        assert_eq!(shown(&app)[22], "refreshed each 4.0s: 3.0ms to judge 1000 flows | a note");
        assert!(shown(&App::new(app.clock, (80, 24))).concat().contains("waiting for the first picture"));
    }

    #[test]
    fn colour_only_repeats_what_words_say() {
        let (plain, coloured) = (drawn(&app(), false), drawn(&app(), true));
        let text = |buffer: &Buffer| buffer.content().iter().map(|cell| cell.symbol().to_owned()).collect::<String>();
        assert_eq!(text(&plain), text(&coloured));
        assert!(plain.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        assert!(coloured.content().iter().any(|cell| cell.fg == Color::Red));
        assert!(coloured.content().iter().all(|cell| cell.bg == Color::Reset), "the ground is the terminal's own");
    }
}
