//! Stage 5: what is documented. Rows of the document and of overlays, as data.
//!
//! In: the embedded catalog files and the user's own, and what the deployment chose. Out: [`Catalogs`], every row with
//! its words and derived fields, found by port. Must not know: packets, flows, hosts.
//!
//! A built-in overlay that is off still stands in [`Catalogs`], so that a hint can name it.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::net::Transport;

pub use file::parse;
pub(crate) use file::{position, toml_error};
pub use index::{Index, ROWS_OF_A_PORT};
pub use lint::{EPHEMERAL, lint};
pub use role::{Role, RoleSet};
pub use row::{LoadBalancing, Media, PortOn, PortRange, RoleOf, Row, Security, VendorClass, Words};

mod file;
mod index;
mod lint;
mod role;
mod row;

/// Name of the catalog that is always on.
pub const DOCUMENT: &str = "lync-server-2013";

/// The embedded catalogs: name and text. The document first; the others are overlays, off unless named.
pub const BUILT_IN: &[(&str, &str)] = &[
    (DOCUMENT, include_str!("lync-server-2013.toml")),
    ("lync-2013-defaults", include_str!("lync-2013-defaults.toml")),
    ("sql-server", include_str!("sql-server.toml")),
    ("windows-infrastructure", include_str!("windows-infrastructure.toml")),
    ("lync-2013-edge", include_str!("lync-2013-edge.toml")),
    ("reverse-proxy", include_str!("reverse-proxy.toml")),
];

/// One catalog file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// Short name, used by `--overlay` and in output.
    pub name: String,
    /// Title of the document.
    pub title: String,
    /// The document's id; may be empty.
    pub document: String,
    /// Date of the document; may be empty.
    pub date: String,
    /// Publisher or origin.
    pub source: String,
    /// What to know of the whole.
    pub remark: Option<String>,
    /// Its rows, in document order.
    pub rows: Vec<Row>,
}

/// What a deployment changes: which load-balancer table holds, and its own media ranges.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Drops the rows of the other table; without it both are candidates.
    pub load_balancing: Option<LoadBalancing>,
    /// Ranges that replace the document's, by medium and whether it is the client's.
    pub media: Vec<MediaRange>,
}

/// A site's own port range for one medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaRange {
    /// The medium.
    pub media: Media,
    /// Of clients (C08-C11) rather than servers (S10, S28, S39).
    pub client: bool,
    /// The range.
    pub range: PortRange,
}

/// The rows of all catalogs, on and off, indexed by port.
pub struct Catalogs {
    catalogs: Vec<(Catalog, bool)>,
    rows: Vec<Row>,
    on: Vec<bool>,
    index: Index,
}

impl Catalogs {
    /// The document, the built-in overlays (those named in `overlays`, or all for `all`, are on), and `user` catalogs.
    /// A user's catalog replaces the built-in one of its name, and its ids those of an overlay that is off.
    ///
    /// # Errors
    /// An unknown overlay, or a row id that two catalogs share.
    pub fn new(overlays: &[String], user: Vec<Catalog>, site: &Site) -> Result<Self, Error> {
        for name in overlays {
            let known = name == "all" || BUILT_IN.iter().any(|(built_in, _)| built_in == name);
            if !known {
                let names: Vec<_> = BUILT_IN.iter().skip(1).map(|&(name, _)| name).collect();
                let why = format!("unknown overlay `{name}`; the overlays are {} and all", names.join(", "));
                return Err(Error::Usage(why));
            }
        }
        if let Some(own) = user.iter().find(|own| own.name == DOCUMENT) {
            return Err(Error::Config {
                origin: format!("catalog {}", own.name),
                why: "the document is always on; give your catalog another name, and its rows other ids".to_owned(),
            });
        }
        let mut catalogs = Vec::new();
        for (name, text) in BUILT_IN.iter().filter(|(name, _)| user.iter().all(|own| own.name != *name)) {
            let on = *name == DOCUMENT || overlays.iter().any(|overlay| overlay == name || overlay == "all");
            catalogs.push((parse(name, text)?, on));
        }
        catalogs.extend(user.into_iter().map(|catalog| (catalog, true)));
        let mut this = Self { catalogs, rows: Vec::new(), on: Vec::new(), index: Index::default() };
        this.collect(site)?;
        Ok(this)
    }

    fn collect(&mut self, site: &Site) -> Result<(), Error> {
        let on_ids: HashSet<&str> = (self.catalogs.iter().filter(|(_, on)| *on))
            .flat_map(|(catalog, _)| catalog.rows.iter().map(|row| &*row.id))
            .collect();
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for (catalog, on) in &self.catalogs {
            for row in catalog.rows.iter().filter(|row| *on || !on_ids.contains(&*row.id)) {
                if let Some(other) = owners.insert(&row.id, &catalog.name) {
                    return Err(Error::Config {
                        origin: format!("catalog {}", catalog.name),
                        why: format!("row id `{}` is already in {other}; choose another", row.id),
                    });
                }
                if self.rows.len() == usize::from(u16::MAX) {
                    return Err(Error::Usage(format!("more than {} catalog rows; give fewer --catalog", u16::MAX)));
                }
                let absent = row.load_balancing.is_some_and(|table| site.load_balancing.is_some_and(|s| s != table));
                if row.blank || absent {
                    continue;
                }
                let mut row = row.clone();
                site.narrow(&mut row);
                self.rows.push(row);
                self.on.push(*on);
            }
        }
        self.index = Index::new(&self.rows).map_err(|(transport, port)| {
            Error::Usage(format!(
                "more than {ROWS_OF_A_PORT} catalog rows have {port}/{transport}; give fewer --catalog"
            ))
        })?;
        Ok(())
    }

    /// Rows that can match, of the catalogs that are on and off, in catalog order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Rows of the catalogs that are on.
    pub fn on(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().zip(&self.on).filter(|&(_, &on)| on).map(|(row, _)| row)
    }

    /// Rows on `port` of the catalogs that are on, in catalog order.
    pub fn at(&self, transport: Transport, port: u16) -> impl Iterator<Item = &Row> {
        self.found(transport, port, true)
    }

    /// Rows on either port of the catalogs that are on, each once, in catalog order.
    pub fn at_either(&self, transport: Transport, ports: [u16; 2]) -> impl Iterator<Item = &Row> {
        self.on_either(transport, ports, true)
    }

    /// Rows on either port of the built-in overlays that are off.
    pub fn off_at_either(&self, transport: Transport, ports: [u16; 2]) -> impl Iterator<Item = &Row> {
        self.on_either(transport, ports, false)
    }

    /// Rows on `port` of the built-in overlays that are off.
    pub fn off_at(&self, transport: Transport, port: u16) -> impl Iterator<Item = &Row> {
        self.found(transport, port, false)
    }

    /// The row with this id, on or off.
    #[must_use]
    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id.eq_ignore_ascii_case(id))
    }

    /// The catalogs, and whether each is on.
    pub fn catalogs(&self) -> impl Iterator<Item = (&Catalog, bool)> {
        self.catalogs.iter().map(|(catalog, on)| (catalog, *on))
    }

    fn found(&self, transport: Transport, port: u16, on: bool) -> impl Iterator<Item = &Row> {
        let places = self.index.at(transport, port).filter(move |&place| self.on.get(place) == Some(&on));
        places.filter_map(|place| self.rows.get(place))
    }

    fn on_either(&self, transport: Transport, [port, other]: [u16; 2], on: bool) -> impl Iterator<Item = &Row> {
        // Both lists ascend: the lower head is next, and equal heads are one.
        let mut places = self.index.at(transport, port).peekable();
        let mut others = self.index.at(transport, other).filter(move |_| port != other).peekable();
        let merged = std::iter::from_fn(move || match (places.peek(), others.peek()) {
            (Some(place), Some(other)) if place == other => {
                others.next();
                places.next()
            }
            (Some(place), Some(other)) if place > other => others.next(),
            (Some(_), _) => places.next(),
            (None, _) => others.next(),
        });
        let wanted = merged.filter(move |&place| self.on.get(place) == Some(&on));
        wanted.filter_map(|place| self.rows.get(place))
    }
}

impl Site {
    /// Replaces the ports of a media row by the site's.
    fn narrow(&self, row: &mut Row) {
        let client = row.roles.meets(RoleSet::DEVICES);
        let own = self.media.iter().find(|own| Some(own.media) == row.media && own.client == client);
        if let Some(own) = own.filter(|_| row.catalog == DOCUMENT) {
            row.ports = vec![own.range];
        }
    }
}
