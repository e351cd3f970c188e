//! Whether there is a screen, and what is written while it is up.
//!
//! In: arguments, the terminal, events. Out: a [`Sink`] that keeps lines away from the screen; the screen's observer.
//! Must not know: what the screen shows.

use std::path::Path;

use super::args::Live;
use super::output::{complain, divert};
use super::signals::ENDED_BY_CTRL_C;
use crate::error::Error;
use crate::live::{Event, Sink};
use crate::report::Format;
use crate::report::table::Look;
use crate::screen::{Flags, Screen, Style, Viewer, terminal};

/// On a terminal that can show one, unless lines were asked for.
pub(super) fn is_wanted(args: &Live) -> bool {
    let lines = args.output.format != Format::Table && !is_to_file(args);
    // What comes through standard input is no keys.
    let keys = args.from.read.iter().all(|path| path != Path::new("-"));
    !args.no_tui && !lines && keys && terminal::is_there()
}

fn is_to_file(args: &Live) -> bool {
    args.output.output.as_deref().is_some_and(|path| path != Path::new("-"))
}

/// Opens the screen, before which everything else is open.
pub(super) fn open<'s>(
    sink: Box<dyn Sink + 's>,
    flags: Flags,
    args: &Live,
    look: Look,
) -> Result<(Curtain<'s>, Viewer), Error> {
    // The screen is on the terminal even where events go to a file.
    let colour = super::output::look(&args.output, true).colour;
    let style = Style { colour, clock: look.clock, aborted: ENDED_BY_CTRL_C };
    let screen = Screen::open(flags, style)
        .map_err(|error| Error::Usage(format!("there can be no screen: {error}; --no-tui writes lines")))?;
    divert(Some(screen.notes()));
    let viewer = screen.viewer();
    Ok((Curtain { sink, screen: Some(screen), apart: is_to_file(args), format: args.output.format }, viewer))
}

/// Stands between the events and the terminal while the screen is up: the report comes when it is gone.
pub(super) struct Curtain<'s> {
    sink: Box<dyn Sink + 's>,
    screen: Option<Screen>,
    /// Events are written elsewhere.
    apart: bool,
    format: Format,
}

impl Curtain<'_> {
    fn close(&mut self) {
        if let Some(mut screen) = self.screen.take() {
            let said = screen.close();
            divert(None);
            said.iter().for_each(|message| complain(message));
        }
    }
}

impl Drop for Curtain<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

impl Sink for Curtain<'_> {
    fn tell(&mut self, event: &Event<'_>) -> Result<(), Error> {
        match *event {
            Event::End { .. } => {
                self.close();
                self.sink.tell(event)
            }
            _ if !self.apart => Ok(()),
            // In these formats what is asked for is told beside the document, where the screen is.
            Event::Interval { audit, reading, snapshot, asked } => {
                let asked = asked && matches!(self.format, Format::Table | Format::Jsonl);
                self.sink.tell(&Event::Interval { audit, reading, snapshot, asked })
            }
            _ => self.sink.tell(event),
        }
    }

    fn wants_flows(&self) -> bool {
        self.apart && self.sink.wants_flows()
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.sink.reopen()
    }
}
