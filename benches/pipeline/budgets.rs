//! What the program is allowed to cost, and what it does cost.
//!
//! In: figures, as they are measured. Out: a table: measured, bar, moonshot, met or missed.
//! Must not know: how anything is measured. Nothing here fails a run.

/// What there is a budget for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Figure {
    Tcpdump,
    TcpdumpAllCores,
    Nfpcapd,
    Argus,
    Softflowd,
    NdpiReader,
    Tshark,
    Decode,
    Peak,
    FlowMemory,
    Cores,
    StartUp,
}

/// On which side of the bar is well.
#[derive(Clone, Copy)]
enum Side {
    AtMost,
    AtLeast,
}

use Side::{AtLeast, AtMost};

struct Budget {
    figure: Figure,
    what: &'static str,
    side: Side,
    bar: f64,
    moonshot: Option<f64>,
    /// The capture it is meant for; of the others it is told, but they miss nothing.
    of: Option<&'static str>,
}

const fn budget(figure: Figure, what: &'static str, side: Side, bar: f64, moonshot: Option<f64>) -> Budget {
    Budget { figure, what, side, bar, moonshot, of: None }
}

const BUDGETS: &[Budget] = &[
    budget(Figure::Tcpdump, "audit, one core, of tcpdump's wall time", AtMost, 0.8, None),
    budget(Figure::TcpdumpAllCores, "audit, all cores, of tcpdump's wall time", AtMost, 0.8, Some(0.5)),
    budget(Figure::Nfpcapd, "times faster than nfpcapd", AtLeast, 7.0, Some(12.0)),
    budget(Figure::Argus, "times faster than argus", AtLeast, 7.0, Some(12.0)),
    budget(Figure::Softflowd, "times faster than softflowd", AtLeast, 7.0, Some(12.0)),
    budget(Figure::NdpiReader, "times faster than ndpiReader -q", AtLeast, 25.0, Some(40.0)),
    budget(Figure::Tshark, "times faster than tshark -z conv,tcp", AtLeast, 100.0, Some(200.0)),
    budget(Figure::Decode, "pipeline / (header walk + decode)", AtMost, 3.0, Some(2.0)),
    Budget {
        of: Some("cut"),
        ..budget(Figure::Peak, "peak MiB; 10 M packets, 100 k flows in full", AtMost, 100.0, Some(60.0))
    },
    budget(Figure::FlowMemory, "bytes a flow after reading", AtMost, 256.0, Some(192.0)),
    budget(Figure::Cores, "all cores against one", AtLeast, 1.5, Some(1.8)),
    budget(Figure::StartUp, "ms of processor time to start", AtMost, 10.0, None),
];

/// What was measured so far.
#[derive(Default)]
pub(crate) struct Figures(Vec<(Figure, String, f64)>);

impl Figures {
    /// `of` names the capture.
    pub(crate) fn note(&mut self, figure: Figure, of: &str, value: f64) {
        self.0.push((figure, of.to_owned(), value));
    }

    /// Nothing where nothing was measured.
    pub(crate) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        println!("\nbudgets (informative; meant for the full sizes)");
        println!("  {:<44} {:>9} {:>9} {:>9} {:>9}", "", "of", "measured", "bar", "moonshot");
        for budget in BUDGETS {
            let mut any = false;
            for (_, of, value) in self.0.iter().filter(|(figure, ..)| *figure == budget.figure) {
                any = true;
                budget.print(of, Some(*value));
            }
            if !any {
                budget.print("-", None);
            }
        }
        println!(
            "  {:<44} {:>9} {:>9} {:>9} {:>9} held by tests/alloc.rs",
            "allocations per settled packet", "-", "-", 0, 0
        );
    }
}

impl Budget {
    fn holds(&self, value: f64, limit: f64) -> bool {
        match self.side {
            AtMost => value <= limit,
            AtLeast => value >= limit,
        }
    }

    fn print(&self, of: &str, value: Option<f64>) {
        let sign = match self.side {
            AtMost => "<=",
            AtLeast => ">=",
        };
        let measured = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let moonshot = self.moonshot.map_or_else(|| "-".to_owned(), |moonshot| format!("{sign} {moonshot}"));
        let said = match value {
            None => "not measured",
            Some(_) if self.of.is_some_and(|meant| meant != of) => "no budget",
            Some(value) if self.moonshot.is_some_and(|moonshot| self.holds(value, moonshot)) => "MET, moonshot too",
            Some(value) if self.holds(value, self.bar) => "MET",
            Some(_) => "missed",
        };
        println!(
            "  {:<44} {of:>9} {measured:>9} {:>9} {moonshot:>9} {said}",
            self.what,
            format!("{sign} {}", self.bar)
        );
    }
}
