//! The page: which figures there are, what they are called, and their text.
//!
//! In: snapshots, what the store of flagged packets counted. Out: text in the OpenMetrics format.
//! Must not know: who asks for it.
//!
//! Names follow Prometheus' practice: base units, `_total` for what only grows. What may fall is a gauge, and flows by
//! verdict may: an open flow is judged anew at each interval. Labels are bounded: what comes beyond [`MOST`] is `other`,
//! and what once had a name of its own keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::error::Error;
use crate::keep::{Kept, Stored};
use crate::live::snapshot::{Drops, Observer, Snapshot};
use crate::net::Timestamp;

/// Label values of one family at most. All rows of all catalogs that come with the program are fewer.
const MOST: usize = 1000;
/// What stands for all beyond.
const OTHER: &str = "other";

/// Names and values of a sample's labels.
type Labels = Vec<(&'static str, String)>;
/// One value of a family.
type Sample = (Labels, f64);

/// What the figures are taken from.
struct Figures<'a> {
    snapshot: &'a Snapshot,
    kept: Option<(Stored, Kept)>,
}

/// A figure: its name without unit and suffix, its unit, whether it only grows, what it is, and where it is found.
struct Family {
    name: &'static str,
    unit: Option<Unit>,
    grows: bool,
    help: &'static str,
    samples: fn(&Figures<'_>) -> Vec<Sample>,
}

const fn gauge(name: &'static str, unit: Option<Unit>, help: &'static str, samples: Samples) -> Family {
    Family { name, unit, grows: false, help, samples }
}

const fn counter(name: &'static str, unit: Option<Unit>, help: &'static str, samples: Samples) -> Family {
    Family { name, unit, grows: true, help, samples }
}

type Samples = fn(&Figures<'_>) -> Vec<Sample>;

fn one(value: u64) -> Vec<Sample> {
    vec![(Vec::new(), value as f64)]
}

fn some(value: Option<f64>) -> Vec<Sample> {
    value.map(|value| (Vec::new(), value)).into_iter().collect()
}

/// One sample a word.
fn by<K: ToString>(label: &'static str, counts: &BTreeMap<K, u64>) -> Vec<Sample> {
    counts.iter().map(|(word, count)| (vec![(label, word.to_string())], *count as f64)).collect()
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1e9
}

fn inputs(figures: &Figures<'_>, value: impl Fn(&crate::live::snapshot::Input) -> u64) -> Vec<Sample> {
    let inputs = figures.snapshot.inputs.iter();
    inputs.map(|input| (vec![("input", input.name.clone())], value(input) as f64)).collect()
}

/// Of each input and everyone who drops.
fn drops(figures: &Figures<'_>) -> Vec<Sample> {
    type Of = fn(&Drops) -> u64;
    const BY: [(&str, Of); 3] = [
        ("kernel", |drops| drops.kernel),
        ("interface", |drops| drops.interface),
        ("application", |drops| drops.application),
    ];
    let inputs = figures.snapshot.inputs.iter();
    inputs
        .flat_map(|input| {
            BY.iter().map(|(by, value)| {
                (vec![("input", input.name.clone()), ("by", (*by).to_owned())], value(&input.drops) as f64)
            })
        })
        .collect()
}

fn services(figures: &Figures<'_>, value: impl Fn(&crate::live::snapshot::Service) -> u64) -> Vec<Sample> {
    let services = figures.snapshot.services.iter();
    let labels = |service: &crate::live::snapshot::Service| {
        vec![
            ("row", service.row.clone()),
            ("catalog", service.catalog.clone()),
            ("service", service.service.clone()),
            ("verdict", service.verdict.to_owned()),
        ]
    };
    services.map(|service| (labels(service), value(service) as f64)).collect()
}

fn kept(figures: &Figures<'_>, value: impl Fn(&Stored, &Kept) -> u64) -> Vec<Sample> {
    figures.kept.iter().flat_map(|(stored, kept)| one(value(stored, kept))).collect()
}

/// Every figure.
const FAMILIES: &[Family] = &[
    gauge("lyncap_build_info", None, "The version of the program, always 1", |_| {
        vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)]
    }),
    gauge("lyncap_uptime", Some(Unit::Seconds), "How long the program runs", |f| {
        some(Some(f.snapshot.uptime.as_secs_f64()))
    }),
    counter("lyncap_snapshots", None, "Intervals after which these figures were taken", |f| one(f.snapshot.number)),
    gauge("lyncap_capture_timestamp", Some(Unit::Seconds), "Capture time of the latest frame, since 1970", |f| {
        some(f.snapshot.since.map(|_| seconds(f.snapshot.at)))
    }),
    gauge("lyncap_capture_lag", Some(Unit::Seconds), "How far capture time is behind the clock", |f| {
        some(f.snapshot.lag.map(|lag| lag.as_secs_f64()))
    }),
    counter("lyncap_frames", None, "Frames read", |f| one(f.snapshot.totals.frames)),
    counter("lyncap_wire", Some(Unit::Bytes), "Length on the wire of the frames read", |f| {
        one(f.snapshot.totals.bytes)
    }),
    counter("lyncap_packets", None, "Frames that became packets of flows", |f| one(f.snapshot.totals.packets)),
    counter("lyncap_duplicate_frames", None, "Frames that are copies of packets captured before", |f| {
        one(f.snapshot.totals.duplicates)
    }),
    counter("lyncap_skipped_frames", None, "Frames that are no packets of flows, by reason", |f| {
        by("reason", &f.snapshot.skipped)
    }),
    gauge("lyncap_input_up", None, "Whether frames can come from an interface", |f| inputs(f, |input| input.up.into())),
    counter("lyncap_input_frames", None, "Frames from an interface", |f| inputs(f, |input| input.frames)),
    counter("lyncap_input_returns", None, "How often an interface came back", |f| inputs(f, |input| input.returns)),
    counter(
        "lyncap_dropped_frames",
        None,
        "Frames lost before they were read, by interface and by who lost them",
        drops,
    ),
    counter("lyncap_flows_seen", None, "Flows, open ones included", |f| one(f.snapshot.totals.flows)),
    gauge("lyncap_flows", None, "Flows by verdict, open ones as they are judged at present", |f| {
        by("verdict", &f.snapshot.verdicts)
    }),
    gauge("lyncap_proof_flows", None, "Flows by what their payload says of their rows", |f| {
        by("proof", &f.snapshot.proofs)
    }),
    gauge("lyncap_service_flows", None, "Flows by their best row and its service", |f| services(f, |s| s.flows)),
    gauge("lyncap_service_packets", None, "Packets by the best row of their flow and its service", |f| {
        services(f, |s| s.packets)
    }),
    gauge(
        "lyncap_service_wire",
        Some(Unit::Bytes),
        "Length on the wire by the best row of the flow and its service",
        |f| services(f, |s| s.bytes),
    ),
    gauge("lyncap_flagged_flows", None, "Flows by kind of the findings that they belong to", |f| {
        by("kind", &f.snapshot.flagged)
    }),
    gauge("lyncap_findings", None, "Findings by kind", |f| by("kind", &f.snapshot.findings)),
    gauge("lyncap_findings_untold", None, "Findings that came too fast, and wait to be told one by one", |f| {
        one(f.snapshot.untold)
    }),
    gauge("lyncap_table_flows", None, "Flows in the table", |f| one(f.snapshot.table.open)),
    gauge("lyncap_table_room_flows", None, "Flows that the table has room for at present", |f| {
        one(f.snapshot.table.most)
    }),
    counter("lyncap_ended_flows", None, "Flows that left the table, by reason", |f| {
        by("reason", &f.snapshot.table.ended)
    }),
    counter("lyncap_lost_flows", None, "Flows that left the table unjudged, for want of room", |f| {
        one(f.snapshot.table.lost)
    }),
    gauge("lyncap_memory_bound", Some(Unit::Bytes), "What --max-memory allows", |f| one(f.snapshot.memory.bound)),
    gauge("lyncap_memory_counted", Some(Unit::Bytes), "What flows and what their payload told take, as counted", |f| {
        one(f.snapshot.memory.counted)
    }),
    gauge("process_resident_memory", Some(Unit::Bytes), "Resident memory of the process", |f| {
        some(f.snapshot.memory.resident.map(|bytes| bytes as f64))
    }),
    counter("lyncap_clock_steps", None, "How often the clock of the capture stepped", |f| one(f.snapshot.clock_steps)),
    counter("lyncap_overflow", None, "Entries that found no room in what is kept of hosts and services", |f| {
        one(f.snapshot.overflow)
    }),
    counter("lyncap_kept_packets", None, "Packets of flagged flows written", |f| kept(f, |stored, _| stored.packets)),
    counter("lyncap_kept_file", Some(Unit::Bytes), "Bytes written of them", |f| kept(f, |stored, _| stored.bytes)),
    counter("lyncap_kept_files", None, "Files begun for them", |f| kept(f, |stored, _| stored.files)),
    counter("lyncap_kept_files_removed", None, "Files removed to make room for later ones", |f| {
        kept(f, |stored, _| stored.removed)
    }),
    counter("lyncap_unwritten_packets", None, "Packets of flagged flows that could not be written", |f| {
        kept(f, |stored, _| stored.unwritten)
    }),
    counter(
        "lyncap_missed_packets",
        None,
        "Packets of flagged flows that had passed before the flow was flagged",
        |f| kept(f, |_, kept| kept.missed),
    ),
    gauge("lyncap_held", Some(Unit::Bytes), "Memory of packets whose flows are not judged yet", |f| {
        kept(f, |_, kept| kept.held_bytes)
    }),
];

/// Keeps the page up to date.
#[derive(Debug, Default)]
pub struct Metrics {
    page: Arc<RwLock<Arc<str>>>,
    /// The labels that have a name of their own, by family.
    names: Vec<BTreeSet<Labels>>,
}

/// Where the page is found.
#[derive(Clone, Debug)]
pub struct Page(Arc<RwLock<Arc<str>>>);

impl Page {
    /// As it is now.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Metrics {
    /// With a page of a run that has not begun.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self::default();
        metrics.publish(&Snapshot::default(), None);
        metrics
    }

    /// Where it is read.
    #[must_use]
    pub fn page(&self) -> Page {
        Page(Arc::clone(&self.page))
    }

    /// The figures of now, and what was kept of flagged flows where that is done.
    pub fn publish(&mut self, snapshot: &Snapshot, kept: Option<(Stored, Kept)>) {
        let figures = Figures { snapshot, kept };
        self.names.resize_with(FAMILIES.len(), BTreeSet::new);
        let families = FAMILIES.iter().zip(&mut self.names);
        let families = families.map(|(family, names)| (family, bounded((family.samples)(&figures), names))).collect();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Written(families)));
        let mut text = String::new();
        // Only a `String` that cannot be written is an error.
        if text::encode(&mut text, &registry).is_ok() {
            *self.page.write().unwrap_or_else(PoisonError::into_inner) = text.into();
        }
    }
}

impl Observer for Metrics {
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        self.publish(snapshot, None);
        Ok(())
    }
}

/// The samples, those without a name of their own summed.
fn bounded(samples: Vec<Sample>, names: &mut BTreeSet<Labels>) -> Vec<Sample> {
    let mut all: BTreeMap<Labels, f64> = BTreeMap::new();
    for (mut labels, value) in samples {
        if !names.contains(&labels) {
            if names.len() < MOST {
                names.insert(labels.clone());
            } else {
                labels.iter_mut().for_each(|(_, value)| OTHER.clone_into(value));
            }
        }
        *all.entry(labels).or_default() += value;
    }
    all.into_iter().collect()
}

/// A page's figures, for the encoder.
struct Written(Vec<(&'static Family, Vec<Sample>)>);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(family, _)| family.name)).finish()
    }
}

impl Collector for Written {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (Family { name, unit, grows, help, .. }, samples) in
            self.0.iter().filter(|(_, samples)| !samples.is_empty())
        {
            let kind = if *grows { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            for (labels, value) in samples {
                match labels.is_empty() {
                    true => put(&mut family, *grows, *value)?,
                    false => put(&mut family.encode_family(labels)?, *grows, *value)?,
                }
            }
        }
        Ok(())
    }
}

fn put(sample: &mut MetricEncoder<'_>, grows: bool, value: f64) -> fmt::Result {
    match grows {
        true => sample.encode_counter::<[(&str, &str); 0], _, f64>(&value, None),
        false => sample.encode_gauge(&value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::snapshot::{Input, Service};

    /// Every figure, with words that would break a page.
    fn full() -> Snapshot {
        let mut snapshot = Snapshot {
            number: 7,
            since: Some(Timestamp(1)),
            at: Timestamp(1_772_438_400_500_000_000),
            ..Snapshot::default()
        };
        snapshot.totals.frames = u64::MAX >> 12;
        snapshot.totals.packets = 3;
        snapshot.lag = Some(std::time::Duration::from_millis(250));
        snapshot.memory.resident = Some(50 << 20);
        snapshot.skipped = [("arp", 3), ("protocol \"50\"\\\n}", 4)].map(|(word, n)| (word.to_owned(), n)).into();
        snapshot.verdicts = [("documented", 5), ("undocumented", 0)].into();
        snapshot.proofs = [("verified", 5)].into();
        snapshot.flagged = [("undocumented-flow", 2)].into();
        snapshot.findings = [("undocumented-flow", 1)].into();
        snapshot.table.ended = [("closed", 9)].into();
        let drops = Drops { kernel: 1, interface: 2, application: 3 };
        snapshot.inputs =
            vec![Input { name: "Ethernet \"2\"\r\n# EOF".to_owned(), up: true, drops, ..Input::default() }];
        snapshot.services = vec![service("S03", 5)];
        snapshot
    }

    fn service(row: &str, flows: u64) -> Service {
        let (catalog, service) = ("lync-server-2013".to_owned(), "Lync Server Front-End service".to_owned());
        Service { row: row.to_owned(), catalog, service, verdict: "documented", flows, ..Service::default() }
    }

    fn page(snapshot: &Snapshot) -> String {
        let mut metrics = Metrics::new();
        metrics.publish(snapshot, Some((Stored { unwritten: 4, ..Stored::default() }, Kept::default())));
        metrics.page().text().to_string()
    }

    /// A sample's name, labels and value, by the grammar of the format.
    fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
        let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let mut rest = &line[name.len()..];
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            while !rest.starts_with('}') {
                let (label, value) = rest.split_once("=\"").expect(line);
                let mut text = String::new();
                let mut chars = value.char_indices();
                rest = loop {
                    match chars.next().expect(line) {
                        (at, '"') => break &value[at + 1..],
                        (_, '\\') => text.push(match chars.next().expect(line).1 {
                            'n' => '\n',
                            c @ ('"' | '\\') => c,
                            c => panic!("\\{c} in {line}"),
                        }),
                        (_, c) => text.push(c),
                    }
                };
                labels.push((label.to_owned(), text));
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            rest = &rest[1..];
        }
        let value = rest.strip_prefix(' ').expect(line).parse().expect(line);
        (name, labels, value)
    }

    /// What the format and Prometheus' own linter demand. Every series, with its value.
    fn check(page: &str) -> BTreeMap<String, f64> {
        let is_name = |name: &str| {
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let (mut series, mut families, mut family) = (BTreeMap::new(), BTreeMap::new(), (String::new(), ""));
        assert!(page.ends_with("# EOF\n"));
        assert_eq!(page.matches("# EOF").count(), 1 + page.matches("\\n# EOF").count());
        for line in page.split('\n').filter(|line| !line.is_empty() && *line != "# EOF") {
            if let Some(comment) = line.strip_prefix("# ") {
                let [what, name, text] = comment.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
                assert!(is_name(name) && !text.is_empty(), "{line}");
                match what {
                    "HELP" => {
                        assert!(families.insert(name.to_owned(), ()).is_none(), "{name} stands twice");
                        family = (name.to_owned(), "");
                    }
                    "TYPE" => family.1 = if text == "counter" { "_total" } else { "" },
                    "UNIT" => {
                        assert!(name.ends_with(&format!("_{text}")) && ["bytes", "seconds"].contains(&text), "{line}")
                    }
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, labels, value) = sample(line);
            assert_eq!(name, format!("{}{}", family.0, family.1), "a sample stands below its family");
            assert_eq!(name.ends_with("_total"), family.1 == "_total", "{line}");
            for foreign in ["milliseconds", "microseconds", "kilobytes", "megabytes", "_percent", "_count", "_sum"] {
                assert!(!name.ends_with(foreign), "{line}");
            }
            assert!(value.is_finite() && value >= 0.0, "{line}");
            let names: BTreeSet<_> = labels.iter().map(|(label, _)| label).collect();
            assert!(
                names.len() == labels.len() && names.iter().all(|label| is_name(label) && !label.starts_with("__")),
                "{line}"
            );
            assert!(series.insert(format!("{name}{labels:?}"), value).is_none(), "{line} stands twice");
        }
        series
    }

    #[test]
    fn a_page_is_by_the_rules() {
        check(&page(&Snapshot::default()));
        let series = check(&page(&full()));
        for (name, value) in [
            ("lyncap_frames_total[]", (u64::MAX >> 12) as f64),
            ("lyncap_packets_total[]", 3.0),
            ("lyncap_capture_timestamp_seconds[]", 1_772_438_400.5),
            ("lyncap_capture_lag_seconds[]", 0.25),
            ("lyncap_flows[(\"verdict\", \"documented\")]", 5.0),
            ("lyncap_flagged_flows[(\"kind\", \"undocumented-flow\")]", 2.0),
            ("lyncap_skipped_frames_total[(\"reason\", \"protocol \\\"50\\\"\\\\\\n}\")]", 4.0),
            ("lyncap_unwritten_packets_total[]", 4.0),
            ("process_resident_memory_bytes[]", (50 << 20) as f64),
            ("lyncap_ended_flows_total[(\"reason\", \"closed\")]", 9.0),
        ] {
            assert_eq!(series.get(name), Some(&value), "{name} of {series:#?}");
        }
        let dropped = series.iter().filter(|(name, _)| name.starts_with("lyncap_dropped_frames_total"));
        assert_eq!(dropped.map(|(_, value)| value).sum::<f64>(), 6.0);
        assert!(series.keys().any(|name| name.contains("Lync Server Front-End service")));
    }

    #[test]
    fn labels_are_bounded_and_keep_their_names() {
        let mut metrics = Metrics::new();
        let mut publish = |rows: &mut dyn Iterator<Item = u64>| {
            let services = rows.map(|n| service(&format!("U{n:05}"), 1)).collect();
            metrics.publish(&Snapshot { services, ..Snapshot::default() }, None);
            let mut series = check(&metrics.page().text());
            series.retain(|name, _| name.starts_with("lyncap_service_flows"));
            series
        };
        let most = MOST as u64;
        assert_eq!(publish(&mut (0..10)).len(), 10);
        let series = publish(&mut (0..5 * most).rev());
        assert_eq!((series.len() as u64, series.values().sum::<f64>()), (most + 1, (5 * most) as f64));
        assert!(series.keys().any(|name| name.contains("U00009")), "what was there first keeps its name");
        assert_eq!(series.iter().find(|(name, _)| name.contains(OTHER)).map(|(_, n)| *n), Some((4 * most) as f64));
    }
}
