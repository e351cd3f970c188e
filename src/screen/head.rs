//! The head of the screen: what is watched, how fast it comes, what there is, what was lost.
//!
//! In: the state of the screen. Out: [`HEAD`](super::layout::HEAD) lines. Must not know: keys, lists.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::app::App;
use super::draw::Theme;
use super::panes::Tone;
use super::text::fit;
use crate::live::Snapshot;
use crate::report::table::{cut, visible_width};
use crate::report::text::{count, duration, harmless, plural, wall, zone};

/// The lines, as wide as the screen.
pub(super) fn lines(app: &App, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let snapshot = &app.picture.snapshot;
    let width = usize::from(width);
    let plain = |text: String| Line::raw(fit(&text, width, false));
    let lost = lost(snapshot);
    let style = theme.style(if lost.is_some() { Tone::Bad } else { Tone::Plain });
    vec![
        first(app, width),
        plain(rates(snapshot)),
        plain(held(snapshot)),
        plain(verdicts(snapshot)),
        Line::styled(fit(&lost.unwrap_or_else(|| "no frames dropped, no flows lost".to_owned()), width, false), style),
    ]
}

/// "lyncap live  eth0 up, eth1 DOWN      2026-03-02 08:00:00 UTC".
fn first(app: &App, width: usize) -> Line<'static> {
    let snapshot = &app.picture.snapshot;
    let time = match snapshot.since {
        Some(_) => {
            let at = wall(snapshot.at, app.clock);
            format!("{} {}", at.get(..19).unwrap_or(&at), zone(snapshot.at, app.clock))
        }
        None => "no frame yet".to_owned(),
    };
    let input = |input: &crate::live::snapshot::Input| {
        let returns = if input.returns > 0 { format!(" again ({}x)", input.returns) } else { String::new() };
        format!("{} {}{returns}", harmless(&input.name), if input.up { "up" } else { "DOWN" })
    };
    let inputs: Vec<_> = snapshot.inputs.iter().map(input).collect();
    let name = "lyncap live  ";
    let room = width.saturating_sub(name.len() + visible_width(&time) + 2);
    let inputs = fit(&inputs.join(", "), room, false);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Line::from(vec![Span::styled(name, bold), Span::raw(format!("{inputs}  ")), Span::raw(cut(&time, width))])
}

fn rates(snapshot: &Snapshot) -> String {
    let rates = &snapshot.rates;
    let mut parts = vec![
        format!("{} frames/s", rate(rates.frames)),
        format!("{}bit/s", rate(rates.bits)),
        format!("{} new flows/s", rate(rates.flows)),
    ];
    let time = |time: std::time::Duration| duration(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    parts.extend(snapshot.lag.map(|lag| format!("lag {}", time(lag))));
    parts.push(format!("up {}", time(snapshot.uptime)));
    parts.push(format!("{} frames", count(snapshot.totals.frames)));
    parts.join("  ")
}

/// Slow ones with a tenth.
fn rate(rate: f64) -> String {
    match rate.max(0.0) {
        0.0 => "0".to_owned(),
        slow if slow < 9.95 => format!("{slow:.1}"),
        fast => count(fast.round() as u64),
    }
}

fn held(snapshot: &Snapshot) -> String {
    let (table, memory) = (&snapshot.table, &snapshot.memory);
    let resident = memory.resident.map(|bytes| format!(", {} resident", mebi(bytes))).unwrap_or_default();
    format!(
        "{} open of at most {}  memory {} of {}{resident}  {} in all",
        plural(table.open, "flow"),
        count(table.most),
        mebi(memory.counted),
        mebi(memory.bound),
        count(snapshot.totals.flows),
    )
}

/// Bytes in the unit of `--max-memory`.
fn mebi(bytes: u64) -> String {
    format!("{}M", bytes >> 20)
}

fn verdicts(snapshot: &Snapshot) -> String {
    let order = crate::verdict::Verdict::ALL.map(|verdict| verdict.as_str());
    let verdict = |name: &str| format!("{name} {}", count(snapshot.verdicts.get(name).copied().unwrap_or_default()));
    order.map(verdict).join("  ")
}

/// What was lost, in words; none where nothing was.
fn lost(snapshot: &Snapshot) -> Option<String> {
    let (drops, table) = (snapshot.drops, &snapshot.table);
    let evicted = table.ended.get("evicted").copied().unwrap_or_default();
    let mut parts = Vec::new();
    if drops.total() > 0 {
        let of = [("kernel", drops.kernel), ("interface", drops.interface), ("lyncap", drops.application)];
        let of = of.iter().filter(|(_, n)| *n > 0).map(|(who, n)| format!("{who} {}", count(*n)));
        parts.push(format!("DROPPED {} frames: {}", count(drops.total()), of.collect::<Vec<_>>().join(", ")));
    }
    let mut some = |n: u64, text: String| parts.extend((n > 0).then_some(text));
    some(table.lost, format!("LOST {} unjudged", plural(table.lost, "flow")));
    some(evicted, format!("{} judged early for want of room", plural(evicted, "flow")));
    some(snapshot.untold, format!("{} still to be shown", plural(snapshot.untold, "finding")));
    some(snapshot.clock_steps, format!("clock stepped {}x", snapshot.clock_steps));
    some(snapshot.overflow, format!("{} hosts and ports not kept", count(snapshot.overflow)));
    (!parts.is_empty()).then(|| parts.join("; "))
}
