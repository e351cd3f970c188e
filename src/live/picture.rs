//! What a screen shows between two intervals: the figures, and to flows of interest their explanations.
//!
//! In: judged flows, while they are there. Out: [`Picture`]s, nothing borrowed.
//! Must not know: who looks, how a text is shown.
//!
//! A flow is explained as long as it is there: of each service one that is busy, anew for each picture; of each finding
//! that can be shown its first, once. So there are never more texts than services and findings in a picture.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::snapshot::{Service, Snapshot, WORST};
use super::telling::key;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::pipeline::Window;
use crate::reading::Reading;
use crate::report::audit::{Finding, Policy};
use crate::report::explain::Explanation;
use crate::report::table::Look;
use crate::report::text::Clock;
use crate::report::{Format, write};
use crate::topology::hash::FastMap;
use crate::verdict::{Judge, Judged};

/// What there is by now, for a screen.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The figures.
    pub snapshot: Snapshot,
    /// The newest findings, newest first, then the worst of the others.
    pub findings: Vec<(Finding, Option<Explained>)>,
    /// Of each service of the snapshot, in its order, a flow.
    pub services: Vec<Option<Explained>>,
    /// How long all this took, in which no frame was taken in.
    pub took: Duration,
}

/// The explanation of a flow, laid out for each of [`WIDTHS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained(pub Arc<[String; WIDTHS.len()]>);

/// Explanations of findings that are kept until somebody looks.
const KEPT: usize = 1000;

/// Columns that explanations are laid out for: a terminal of 80, and as much as is still read with ease.
pub const WIDTHS: [usize; 2] = [78, 118];

impl Explained {
    /// The text for a screen of so many columns.
    #[must_use]
    pub fn text(&self, columns: usize) -> &str {
        let fits = WIDTHS.iter().rposition(|&width| width <= columns).unwrap_or_default();
        self.0.get(fits).map_or("", |text| text)
    }
}

/// Where the first flow of a finding begins: findings that become one keep it.
type Place = (u64, Option<String>);

fn place(finding: &Finding) -> Place {
    (finding.first_packet, finding.file.clone())
}

/// Explains flows.
pub(super) struct Explaining<'a> {
    policy: &'a Policy,
    clock: Clock,
    services: BTreeMap<(String, &'static str), Explained>,
    findings: HashMap<Place, Explained>,
}

/// Of each row under a verdict the busiest flow of a window, by its index.
#[derive(Default)]
pub(super) struct Busiest<'a>(FastMap<(&'a str, &'static str), (u64, usize)>);

impl<'a> Busiest<'a> {
    pub(super) fn see(&mut self, index: usize, flow: &Flow<Evidence>, judged: &Judged<'a>) {
        if let Some(row) = judged.rows.first() {
            let (packets, busiest) = (flow.packets(), self.0.entry((&row.id, judged.verdict.as_str())).or_default());
            if packets > busiest.0 {
                *busiest = (packets, index);
            }
        }
    }
}

/// Which services are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All, as they are by now.
    All,
    /// Those that were not before: its flows may be gone when somebody looks.
    New,
}

impl<'a> Explaining<'a> {
    pub(super) fn new(policy: &'a Policy, clock: Clock) -> Self {
        Self { policy, clock, services: BTreeMap::new(), findings: HashMap::new() }
    }

    /// Explains a flow of each service.
    pub(super) fn services(&mut self, window: &Window, judge: &Judge<'_>, busiest: &Busiest<'_>, which: Which) {
        for (&(row, verdict), &(_, index)) in &busiest.0 {
            let place = (row.to_owned(), verdict);
            if (which == Which::All || !self.services.contains_key(&place))
                && let Some(explained) = self.explain(window, judge, index)
            {
                self.services.insert(place, explained);
            }
        }
    }

    /// Explains the first flow of each of these findings that has none yet, where it is there.
    pub(super) fn findings<'f>(
        &mut self,
        window: &Window,
        judge: &Judge<'_>,
        findings: impl Iterator<Item = &'f Finding>,
    ) {
        let missing: HashSet<Place> = findings.map(place).filter(|place| !self.findings.contains_key(place)).collect();
        // Whoever looks seldom finds the first of many.
        if missing.is_empty() || self.findings.len() >= KEPT {
            return;
        }
        let numbers: HashSet<u64> = missing.iter().map(|(number, _)| *number).collect();
        for (index, flow) in window.reading.flows.iter().enumerate() {
            let number = flow.first_frame.number;
            if numbers.contains(&number) {
                let place = (number, window.reading.file_of(flow.first_frame).map(str::to_owned));
                if missing.contains(&place)
                    && let Some(explained) = self.explain(window, judge, index)
                {
                    self.findings.insert(place, explained);
                }
            }
        }
    }

    fn explain(&self, window: &Window, judge: &Judge<'_>, index: usize) -> Option<Explained> {
        let reading: &Reading = &window.reading;
        let (flow, number) = (reading.flows.get(index)?, *window.numbers.get(index)?);
        let judged = judge.judge(index, flow);
        let mut explanation = Explanation::new(self.policy, reading, judge, index, flow, &judged);
        explanation.flow.id = number;
        let text = |width| {
            let (look, mut text) = (Look { width, colour: false, clock: self.clock }, Vec::new());
            write::explanation(&mut text, Format::Table, look, flow, &explanation).ok()?;
            String::from_utf8(text).ok()
        };
        let [narrow, wide] = WIDTHS.map(text);
        Some(Explained(Arc::new([narrow?, wide?])))
    }

    /// The picture, and forgets what cannot be shown any more.
    pub(super) fn picture(&mut self, snapshot: Snapshot) -> Picture {
        let mut seen = HashSet::new();
        let once: Vec<_> = shown(&snapshot).filter(|finding| seen.insert(key(finding))).cloned().collect();
        let kept: HashSet<_> = once.iter().map(place).collect();
        self.findings.retain(|place, _| kept.contains(place));
        let explained = |finding: Finding| {
            let text = self.findings.get(&place(&finding)).cloned();
            (finding, text)
        };
        let findings = once.into_iter().map(explained).collect();
        let of = |service: &Service| self.services.get(&(service.row.clone(), service.verdict)).cloned();
        let services = snapshot.services.iter().map(of).collect();
        Picture { snapshot, findings, services, took: Duration::ZERO }
    }
}

/// The findings that a picture shows; some may be there twice.
pub(super) fn shown(snapshot: &Snapshot) -> impl Iterator<Item = &Finding> {
    snapshot.newest.iter().chain(snapshot.worst.iter().take(WORST))
}
