//! The firewall matrix of a deployment: who must reach whom, on which ports, by which rows.
//!
//! In: the topology, the catalogs, and what a capture showed. Out: [`Rule`]s, in catalog order.
//! Must not know: formats.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::audit::doubt;
use crate::catalog::{RoleOf, RoleSet, Row};
use crate::error::Error;
use crate::net::Transport;
use crate::reading::Reading;
use crate::topology::Topology;
use crate::verdict::{End, Judge, Judged, Verdict};

/// One line of the matrix.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Rule {
    pub from: String,
    pub to: String,
    pub transport: &'static str,
    pub port: String,
    pub rows: Vec<String>,
    pub service: String,
    /// `seen`, `range only` (in a media range, nothing proves media), `blocked`, `never seen`, or `unexpected`
    /// (documented, from an initiator that the words do not name); none without a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Flows of the capture that this line explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
}

/// One end of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Party {
    /// A declared host or network.
    Declared(String),
    /// Roles that the words name and nobody is declared to have.
    Undeclared(String),
    /// The words name nobody.
    Anyone(&'static str),
}

impl Party {
    fn text(&self) -> String {
        match self {
            Self::Declared(name) | Self::Undeclared(name) => name.clone(),
            Self::Anyone(word) => (*word).to_owned(),
        }
    }

    /// By what it is found: its name if it is declared, else what sort it is.
    fn key(&self) -> Self {
        match self {
            Self::Declared(name) => Self::Declared(name.clone()),
            Self::Undeclared(_) => Self::Undeclared(String::new()),
            Self::Anyone(_) => Self::Anyone(""),
        }
    }

    /// The keys of those that speak of a flow's end.
    fn covering(end: &End<'_>) -> Vec<Self> {
        let declared = end.who.name.or(end.who.network).map(|name| Self::Declared(name.to_owned()));
        let undeclared = end.who.declared.is_empty().then(|| Self::Undeclared(String::new()));
        [declared, undeclared, Some(Self::Anyone(""))].into_iter().flatten().collect()
    }
}

/// A matrix of more lines is no use to anybody.
const LINES: usize = 100_000;

/// From so many on, flows that no line explains are told together.
const UNEXPECTED: usize = 10_000;

/// The matrix of everything declared; `reading` adds what was seen of it.
///
/// # Errors
/// More than 100,000 lines: hosts declared one by one, where networks would do.
pub fn rules(judge: &Judge<'_>, reading: Option<&Reading>) -> Result<Vec<Rule>, Error> {
    let mut matrix = Matrix::new(judge).ok_or_else(|| {
        Error::Usage(format!(
            "the matrix has more than {LINES} lines; declare hosts of the same role as one [[network]], or give fewer"
        ))
    })?;
    let unexpected = reading.map(|reading| matrix.see(reading, judge)).unwrap_or_default();
    let seen = reading.is_some();
    let mut rules: Vec<Rule> = matrix.lines.into_iter().map(|line| line.rule(seen)).collect();
    rules.extend(unexpected);
    Ok(rules)
}

/// A line before it is told.
struct Line {
    from: Party,
    to: Party,
    transport: Transport,
    port: String,
    rows: Vec<String>,
    service: String,
    media: bool,
    /// Of media, flows whose payload proves it.
    proven: u64,
    flows: u64,
    vain: u64,
}

/// The lines, and where those of a row are.
struct Matrix {
    lines: Vec<Line>,
    by_row: HashMap<(String, Transport), Places>,
}

/// Lines by the keys of their parties.
type Places = HashMap<(Party, Party), Vec<usize>>;

impl Matrix {
    /// None where there would be too many lines.
    fn new(judge: &Judge<'_>) -> Option<Self> {
        let mut matrix = Self { lines: Vec::new(), by_row: HashMap::new() };
        let mut known: HashMap<(Party, Party, Transport, String), usize> = HashMap::new();
        for row in judge.catalogs().on() {
            for (from, to) in pairs(row, judge.topology()) {
                if matrix.lines.len() > LINES {
                    return None;
                }
                for &transport in &row.transports {
                    let key = (from.clone(), to.clone(), transport, row.ports_text());
                    let place = *known.entry(key).or_insert_with(|| matrix.push(row, &from, &to, transport));
                    matrix.admit(place, row, transport);
                }
            }
        }
        Some(matrix)
    }

    fn push(&mut self, row: &Row, from: &Party, to: &Party, transport: Transport) -> usize {
        self.lines.push(Line {
            from: from.clone(),
            to: to.clone(),
            transport,
            port: row.ports_text(),
            rows: Vec::new(),
            service: row.service.clone(),
            media: row.media.is_some(),
            proven: 0,
            flows: 0,
            vain: 0,
        });
        self.lines.len() - 1
    }

    /// Notes that a line rests on `row` too.
    fn admit(&mut self, place: usize, row: &Row, transport: Transport) {
        if let Some(line) = self.lines.get_mut(place).filter(|line| line.rows.last() != Some(&row.id)) {
            line.rows.push(row.id.clone());
            let parties = (line.from.key(), line.to.key());
            let of_row = self.by_row.entry((row.id.clone(), transport)).or_default();
            of_row.entry(parties).or_default().push(place);
        }
    }

    /// Counts the documented flows of a capture. Returns those that no line explains: their port is documented, but
    /// its words name other initiators.
    fn see(&mut self, reading: &Reading, judge: &Judge<'_>) -> Vec<Rule> {
        let mut unexpected: BTreeMap<(String, String, &'static str, String), Rule> = BTreeMap::new();
        for (index, flow) in reading.flows.iter().enumerate() {
            let judged = judge.judge(index, flow);
            if !matches!(judged.verdict, Verdict::Documented | Verdict::RangeOnly) {
                continue;
            }
            let (explained, doubt) = (self.explaining(&judged), doubt(reading, flow, &judged));
            for &place in &explained {
                if let Some(line) = self.lines.get_mut(place) {
                    line.flows += 1;
                    line.proven += u64::from(judged.verdict == Verdict::Documented);
                    line.vain += u64::from(judged.outcome.is_blocked() && doubt.is_none());
                }
            }
            if let (true, Some(row)) = (explained.is_empty(), judged.rows.first()) {
                let name = |end: &End<'_>| {
                    end.who.name.or(end.who.network).map_or_else(|| end.at.address.to_string(), str::to_owned)
                };
                let (mut from, mut to) = (name(&judged.oriented.initiator), name(&judged.oriented.responder));
                if unexpected.len() >= UNEXPECTED {
                    (from, to) = ("others".to_owned(), "others".to_owned());
                }
                let (transport, port) = (judged.oriented.transport.as_str(), row.ports_text());
                let rule =
                    unexpected.entry((from, to, transport, port)).or_insert_with_key(|(from, to, transport, port)| {
                        Rule {
                            from: from.clone(),
                            to: to.clone(),
                            transport,
                            port: port.clone(),
                            rows: judged.rows.iter().map(|row| row.id.clone()).collect(),
                            service: row.service.clone(),
                            state: Some("unexpected"),
                            flows: Some(0),
                        }
                    });
                rule.flows = rule.flows.map(|flows| flows + 1);
            }
        }
        unexpected.into_values().collect()
    }

    /// Places of the lines that explain a flow. Proven media may be the initiator's own: then its line is the other way.
    fn explaining(&self, judged: &Judged<'_>) -> BTreeSet<usize> {
        let (from, to) = (&judged.oriented.initiator, &judged.oriented.responder);
        let proven = judged.verdict == Verdict::Documented;
        let mut places = BTreeSet::new();
        for row in &judged.rows {
            let own = proven && row.media.is_some() && row.has_port(from.at.port);
            let ways = [row.has_port(to.at.port).then_some((from, to)), own.then_some((to, from))];
            let Some(of_row) = self.by_row.get(&(row.id.clone(), judged.oriented.transport)) else { continue };
            for (from, to) in ways.into_iter().flatten() {
                for from in Party::covering(from) {
                    let parties = Party::covering(to).into_iter().map(|to| (from.clone(), to));
                    places.extend(parties.filter_map(|parties| of_row.get(&parties)).flatten());
                }
            }
        }
        places
    }
}

impl Line {
    fn rule(self, seen: bool) -> Rule {
        let state = match (self.flows, self.vain) {
            (0, _) => "never seen",
            (flows, vain) if vain == flows => "blocked",
            _ if self.media && self.proven == 0 => "range only",
            _ => "seen",
        };
        Rule {
            from: self.from.text(),
            to: self.to.text(),
            transport: self.transport.as_str(),
            port: self.port,
            rows: self.rows,
            service: self.service,
            state: seen.then_some(state),
            flows: seen.then_some(self.flows),
        }
    }
}

/// The declared hosts and networks between which a row holds, and whom its words name at the other end; one by one,
/// for there may be millions.
fn pairs<'a>(row: &'a Row, topology: &Topology) -> impl Iterator<Item = (Party, Party)> + use<'a> {
    let has = |roles: RoleSet| if row.all_roles { roles.covers(row.roles) } else { roles.meets(row.roles) };
    let declared = |wanted: &dyn Fn(RoleSet) -> bool| -> Vec<Party> {
        let parties = topology.declared().filter(|&(_, roles)| wanted(roles));
        parties.map(|(name, _)| Party::Declared(name.to_owned())).collect()
    };
    let named = |wanted: RoleSet| match declared(&|roles| roles.meets(wanted)) {
        _ if wanted.is_empty() => vec![Party::Anyone("any")],
        nobody if nobody.is_empty() => vec![Party::Undeclared(wanted.slugs().join(" or "))],
        parties => parties,
    };
    let hosts = declared(&has);
    let others = match row.role_of {
        RoleOf::Responder => named(row.from),
        RoleOf::Initiator => named(row.peer),
        RoleOf::Both => named(row.roles),
        RoleOf::Either => vec![Party::Anyone("every other server")],
    };
    let responds = row.role_of == RoleOf::Responder;
    hosts.into_iter().flat_map(move |host| {
        let others: Vec<_> = others.iter().filter(|&other| *other != host).cloned().collect();
        others.into_iter().map(move |other| if responds { (other, host.clone()) } else { (host.clone(), other) })
    })
}
