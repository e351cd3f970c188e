//! What the screen stands at: which pane, in which order, what is selected, open, frozen, typed.
//!
//! In: pictures, keys, sizes, notes. Out: an [`App`], which is drawn; and what it asks of the program, as [`Wish`]es.
//! Must not know: terminals, how anything is drawn or judged.

use std::time::{Duration, Instant};

use super::keys::{Action, BINDINGS, Key, action};
use super::layout::{Layout, layout};
use super::panes::{Line, Order, Pane, lines};
use super::text::fold;
use crate::live::Picture;
use crate::report::text::Clock;

/// What the program is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// End with the report; asked twice, at once.
    End,
    /// Leave the terminal to the shell for a while.
    Suspend,
    /// Draw everything anew.
    Redraw,
}

/// What is in front of the panes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// The list of keys.
    Help,
    /// A title and a text, which is there for some widths.
    Text(String, Option<crate::live::Explained>),
}

/// Why there is no explanation.
const GONE: &str = "No flow of it is at hand any more: it was over, and let go of, before it could be shown. Of a capture, \
                    lyncap explain FILE --flow N explains every flow.";

/// One pane's state.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its order.
    pub order: Order,
    /// The line that is selected, by its key and its place when it was last there.
    pub selected: (String, usize),
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct App {
    /// Which clock times are told by.
    pub clock: Clock,
    /// What is shown.
    pub picture: Picture,
    /// Since when it stands still, and what came since.
    pub frozen: Option<(Instant, Picture)>,
    /// The pane that keys are for.
    pub pane: Pane,
    /// Of each pane, in the order of [`Pane::ALL`].
    pub views: [View; Pane::ALL.len()],
    /// Only lines with this.
    pub filter: String,
    /// It is being typed.
    pub typing: bool,
    /// What is in front, and the first of its lines that is seen.
    pub front: Option<(Front, usize)>,
    /// What was said last beside the picture.
    pub note: Option<String>,
    /// The end was asked for.
    pub ending: bool,
    /// A picture came.
    pub begun: bool,
    /// How long one waits for the next picture.
    pub pace: Duration,
    /// Columns and lines of the terminal.
    pub size: (u16, u16),
}

/// A filter is no novel.
const LONGEST: usize = 100;

impl App {
    /// Nothing yet, on a terminal of some size.
    #[must_use]
    pub fn new(clock: Clock, size: (u16, u16)) -> Self {
        Self {
            clock,
            picture: Picture::default(),
            frozen: None,
            pane: Pane::default(),
            views: Default::default(),
            filter: String::new(),
            typing: false,
            front: None,
            note: None,
            ending: false,
            begun: false,
            pace: Duration::from_secs(1),
            size,
        }
    }

    /// A picture came.
    pub fn show(&mut self, picture: Picture) {
        self.begun = true;
        match &mut self.frozen {
            Some((_, newest)) => *newest = picture,
            None => self.picture = picture,
        }
    }

    /// The lines of a pane as they are shown.
    #[must_use]
    pub fn lines(&self, pane: Pane) -> Vec<Line> {
        lines(pane, &self.picture, self.clock, &self.filter, self.view(pane).order)
    }

    /// The state of a pane.
    #[must_use]
    pub const fn view(&self, pane: Pane) -> &View {
        let [services, findings, talkers] = &self.views;
        match pane {
            Pane::Services => services,
            Pane::Findings => findings,
            Pane::Talkers => talkers,
        }
    }

    const fn view_mut(&mut self) -> &mut View {
        let [services, findings, talkers] = &mut self.views;
        match self.pane {
            Pane::Services => services,
            Pane::Findings => findings,
            Pane::Talkers => talkers,
        }
    }

    /// Where the selected line is by now.
    #[must_use]
    pub fn place(&self, pane: Pane, lines: &[Line]) -> usize {
        let (key, place) = &self.view(pane).selected;
        let found = lines.iter().position(|line| line.key == *key);
        found.unwrap_or_else(|| (*place).min(lines.len().saturating_sub(1)))
    }

    /// A key.
    pub fn key(&mut self, key: Key) -> Option<Wish> {
        if self.typing && self.typed(key) {
            return None;
        }
        // Only Ctrl-C is pressed twice on purpose.
        if self.ending && key == Key::Char('q') {
            return None;
        }
        self.act(action(key)?)
    }

    /// Whether a key was part of the filter.
    fn typed(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) if self.filter.chars().count() < LONGEST => self.filter.push(c),
            Key::Char(_) => {}
            Key::Backspace if !self.filter.is_empty() => drop(self.filter.pop()),
            Key::Enter => self.typing = false,
            Key::Escape | Key::Backspace => {
                self.typing = false;
                self.filter.clear();
            }
            _ => return false,
        }
        true
    }

    fn act(&mut self, action: Action) -> Option<Wish> {
        match action {
            Action::Quit => {
                self.ending = true;
                return Some(Wish::End);
            }
            Action::Suspend => return Some(Wish::Suspend),
            Action::Redraw => return Some(Wish::Redraw),
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
                self.go(action);
            }
            Action::Freeze => self.freeze(),
            Action::Help => self.front = if self.is_help() { None } else { Some((Front::Help, 0)) },
            Action::Back => self.back(),
            // What is in front has neither panes nor columns.
            _ if self.front.is_some() => {
                if action == Action::Open {
                    self.front = None;
                }
            }
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(Pane::ALL.len() - 1),
            Action::Open => self.open(),
            Action::Filter => self.typing = true,
            Action::Sort => self.sort(),
            Action::Reverse => self.view_mut().order.reversed ^= true,
        }
        None
    }

    const fn is_help(&self) -> bool {
        matches!(self.front, Some((Front::Help, _)))
    }

    fn back(&mut self) {
        if self.front.take().is_none() {
            self.filter.clear();
        }
    }

    fn turn(&mut self, by: usize) {
        let at = Pane::ALL.iter().position(|pane| *pane == self.pane).unwrap_or_default();
        self.pane = Pane::ALL.get((at + by) % Pane::ALL.len()).copied().unwrap_or_default();
    }

    fn freeze(&mut self) {
        match self.frozen.take() {
            Some((_, newest)) => self.picture = newest,
            None => self.frozen = Some((Instant::now(), self.picture.clone())),
        }
    }

    /// The next column that is on the screen, and after the last the order of the picture.
    fn sort(&mut self) {
        let width = self.size.0;
        let columns = self.pane.columns();
        let order = &mut self.view_mut().order;
        let next = order.column.map_or(0, |column| column + 1);
        let shown = |(_, column): &(usize, &super::panes::Column)| column.least <= width;
        let next = columns.iter().enumerate().skip(next).find(shown);
        *order = Order { column: next.map(|(column, _)| column), reversed: false };
    }

    fn open(&mut self) {
        let lines = self.lines(self.pane);
        let Some(line) = lines.get(self.place(self.pane, &lines)) else { return };
        if self.pane == Pane::Talkers {
            (self.filter, self.pane) = (line.title.clone(), Pane::Findings);
            return;
        }
        self.front = Some((Front::Text(line.title.clone(), line.explained.clone()), 0));
    }

    fn go(&mut self, action: Action) {
        let Layout { panes, front, .. } = self.layout();
        let step = |at: usize, last: usize, page: u16| match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at.saturating_add(1).min(last),
            Action::PageUp => at.saturating_sub(page.max(1).into()),
            Action::PageDown => at.saturating_add(page.max(1).into()).min(last),
            Action::First => 0,
            _ => last,
        };
        if let Some((shown, at)) = &mut self.front {
            let all = front_lines(shown, self.size.0).len();
            *at = step(*at, all.saturating_sub(front.into()), front);
            return;
        }
        let lines = self.lines(self.pane);
        let page = panes.iter().find(|(pane, _)| *pane == self.pane).map_or(1, |(_, lines)| *lines);
        let place = step(self.place(self.pane, &lines), lines.len().saturating_sub(1), page);
        if let Some(line) = lines.get(place) {
            self.view_mut().selected = (line.key.clone(), place);
        }
    }

    /// How the screen is shared out.
    #[must_use]
    pub(super) fn layout(&self) -> Layout {
        layout(self.size, self.pane, Pane::ALL.map(|pane| self.lines(pane).len()))
    }
}

/// The lines of what is in front, on a screen of so many columns.
#[must_use]
pub(super) fn front_lines(front: &Front, columns: u16) -> Vec<String> {
    let columns = usize::from(columns);
    let text = match front {
        Front::Help => help(),
        Front::Text(_, Some(explained)) => explained.text(columns).to_owned(),
        Front::Text(_, None) => GONE.to_owned(),
    };
    text.lines().flat_map(|line| fold(line, columns)).collect()
}

/// A line a binding.
fn help() -> String {
    let width = BINDINGS.iter().map(|binding| binding.names.len()).max().unwrap_or_default();
    let line = |binding: &super::keys::Binding| format!("{:width$}  {}", binding.names, binding.told);
    BINDINGS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::testing::{app, picture, press};

    /// The keys of the lines of the pane in use.
    fn seen(app: &App) -> Vec<String> {
        app.lines(app.pane).into_iter().map(|line| line.key).collect()
    }

    fn selected(app: &App) -> String {
        let lines = app.lines(app.pane);
        lines[app.place(app.pane, &lines)].key.clone()
    }

    #[test]
    fn keys_go_from_pane_to_pane_and_line_to_line() {
        let mut app = app();
        for (keys, pane, line) in [
            ("", Pane::Services, "S00 documented"),
            ("j", Pane::Services, "S01 documented"),
            ("jk", Pane::Services, "S01 documented"),
            ("G", Pane::Services, "S39 contradicted"),
            ("j", Pane::Services, "S39 contradicted"),
            ("gk", Pane::Services, "S00 documented"),
            ("\x1b[6~", Pane::Services, "S05 documented"),
            ("\x1b[5~", Pane::Services, "S00 documented"),
            ("\tj", Pane::Findings, "medium undocumented-flow host1 -> 10.0.0.1 tcp/101"),
            ("l", Pane::Talkers, "host0"),
            ("\x1b[Z", Pane::Findings, "medium undocumented-flow host1 -> 10.0.0.1 tcp/101"),
            ("hh", Pane::Talkers, "host0"),
        ] {
            press(&mut app, keys);
            assert_eq!((app.pane, &*selected(&app)), (pane, line), "{keys:?}");
        }
    }

    #[test]
    fn what_is_selected_stays_so_wherever_it_goes() {
        let mut app = app();
        press(&mut app, "jj");
        assert_eq!(selected(&app), "S02 documented");
        let mut next = picture();
        next.snapshot.services.reverse();
        app.show(next);
        assert_eq!(selected(&app), "S02 documented");
        // It is gone: what is in its place.
        let mut next = picture();
        next.snapshot.services.remove(2);
        app.show(next);
        assert_eq!(selected(&app), "S03 documented");
        app.show(Picture::default());
        press(&mut app, "jGk\r");
        assert_eq!(app.front, None);
    }

    #[test]
    fn a_filter_is_typed_kept_and_dropped() {
        let mut app = app();
        press(&mut app, "/S0q");
        assert!(app.typing && seen(&app).is_empty(), "q is a letter of it");
        press(&mut app, "\x7f");
        assert_eq!(seen(&app).len(), 10);
        press(&mut app, "\r");
        assert!(!app.typing && app.filter == "S0");
        press(&mut app, "\x1b");
        assert_eq!(seen(&app).len(), 40);
        // Host, verdict and kind are looked for too, in any letters.
        for (pane, filter, found) in [("", "CONTRAD", 1), ("\t", "Host1 ", 1), ("", "undocumented-flow", 60)] {
            press(&mut app, &format!("{pane}/\x1b/{filter}\r"));
            assert_eq!(seen(&app).len(), found, "{filter}");
        }
        press(&mut app, &format!("/{}", "x".repeat(1000)));
        assert_eq!(app.filter.len(), LONGEST);
    }

    #[test]
    fn lists_are_sorted_by_each_column_and_back() {
        let mut app = app();
        let mut firsts = Vec::new();
        for _ in Pane::Services.columns() {
            press(&mut app, "s");
            firsts.push(seen(&app)[0].clone());
        }
        let (least, most) = ("S00 documented", "S39 contradicted");
        assert_eq!(firsts, [least, least, most, most, least, most, most]);
        press(&mut app, "S");
        assert_eq!(seen(&app)[0], least);
        press(&mut app, "s");
        assert_eq!(app.view(Pane::Services).order, Order::default());
        // By severity, the worst first; when they were first seen is not on a screen of 80 columns.
        press(&mut app, "\ts");
        assert_eq!(app.view(Pane::Findings).order.column, Some(1));
        assert_eq!(seen(&app)[0], "high undocumented-flow host7 -> 10.0.0.1 tcp/107");
    }

    #[test]
    fn it_stands_still_and_goes_on() {
        let mut app = app();
        press(&mut app, "f");
        app.show(Picture::default());
        assert_eq!(seen(&app).len(), 40);
        press(&mut app, " ");
        assert_eq!((seen(&app).len(), app.frozen.is_some()), (0, false));
    }

    #[test]
    fn what_is_selected_is_explained() {
        let mut app = app();
        press(&mut app, "\r");
        let Some((Front::Text(title, Some(_)), 0)) = app.front.clone() else { panic!("{:?}", app.front) };
        assert_eq!(title, "a flow of S00 Service 0 (lync)");
        press(&mut app, "jj");
        assert_eq!(app.front.as_ref().unwrap().1, 2);
        press(&mut app, "G");
        // 50 lines, of which 21 are seen.
        assert_eq!(app.front.as_ref().unwrap().1, 29);
        press(&mut app, "s\tf\x1b");
        assert_eq!(
            (app.front.clone(), app.pane, app.view(Pane::Services).order),
            (None, Pane::Services, Order::default())
        );
        // Of a finding whose flow is gone it is said that it is.
        press(&mut app, " \t\r");
        assert_eq!(front_lines(&app.front.as_ref().unwrap().0, 80).join(" "), GONE);
        // Of a talker there are the findings.
        press(&mut app, "\x1b\t\r");
        assert_eq!((app.pane, &*app.filter), (Pane::Findings, "host0"));
        press(&mut app, "?");
        let Some((front, 0)) = &app.front else { panic!() };
        assert_eq!(front_lines(front, 80).len(), BINDINGS.len());
        press(&mut app, "?");
        assert_eq!(app.front, None);
    }

    #[test]
    fn wishes_are_those_of_the_keys() {
        for (keys, wish) in [("q", Wish::End), ("\x03", Wish::End), ("\x1a", Wish::Suspend), ("\x0c", Wish::Redraw)] {
            assert_eq!(press(&mut app(), keys), [wish]);
        }
        assert_eq!(press(&mut app(), "/q\x03"), [Wish::End], "Ctrl-C is no letter");
        assert_eq!(press(&mut app(), "jkhl\t/sS f?x"), []);
    }
}
