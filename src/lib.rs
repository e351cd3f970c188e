//! lyncap says of every flow in a packet capture which documented Lync Server 2013 service it is, why it thinks so,
//! and which flows no document explains.
//!
//! These docs are the architecture document. The program is a library and a thin binary; everything the command line
//! does can be done through the modules below.
//!
//! # One way
//!
//! ```text
//!  file ─▶ Inputs ─▶ Batch ─▶ Frame ─▶ Decoder ─▶ Packet ─▶ FlowTable ─▶ Flow<Evidence> ─▶ Judge ─▶ Audit ─▶ table
//!                                  ├▶ Skip (counted)            ▲                            ▲             ├▶ json
//!                                  └▶ duplicate (counted)       payload, while open     Catalogs, Topology └▶ csv …
//! ```
//!
//! A live run goes the same way in windows: [`pipeline::Windows`] hands over what is in the table, [`live`] judges it and
//! lets go of what is over.
//!
//! Data goes one way, and so do imports: no module names a later one. `tests/layering.rs` holds the table.
//!
//! | module | in → out | must not know |
//! |---|---|---|
//! | [`net`] | words every stage shares: time, addresses, five-tuples | stages |
//! | [`error`] | what ends a run | stages |
//! | [`capture`] | bytes → frames, in place, several files as one capture | what is inside a frame |
//! | [`decode`] | frame → packet, or a counted skip | flows |
//! | [`duplicate`] | packet → whether it is a copy of one before it | flows |
//! | [`flow`] | packets → bidirectional flows with the caller's state | what it tracks |
//! | [`evidence`] | payload → what it proves | ports, rows |
//! | [`catalog`] | data files → rows by port | packets, hosts |
//! | [`topology`] | what the user declared, what answers teach → who a host is | verdicts |
//! | [`verdict`] | flow × evidence × catalog × topology → verdict, with its reasons | formats |
//! | [`reading`] | what was read, as plain data | verdicts |
//! | [`pipeline`] | drives the stages from frame to flow | verdicts, formats |
//! | [`report`] | judged flows → findings, coverage, tables, JSON, CSV | how a verdict is reached |
//! | [`live`] | frames as they come → events, snapshots, the audit at the end | arguments, terminals, systems |
//! | [`keep`] | frames of flagged flows → pcapng files, bounded | why a flow is flagged |
//! | [`metrics`] | a live run's figures → a page for Prometheus | where they come from |
//! | [`screen`] | a live run's pictures, keys → a terminal that shows them, the wish to end | how anything is judged, arguments |
//! | [`privilege`] | what a run still needs → a process that can do little else | what it does |
//! | [`cli`] | arguments → work → exit code | how anything is done |
//!
//! `extract` goes the same way twice: [`pipeline::trace`] says of each frame which flow it belongs to once the verdicts are
//! known, and [`capture::PcapngWriter`] writes it.
//!
//! Verdicts are computed after the last packet (live: at the end of a window, knowing all that came before), once per
//! flow: who the hosts are is known only then, and the hot path stays free of catalogs. Two threads share the way: one
//! reads and decodes, the other counts and examines what it is handed, in order, so that the answer does not depend on
//! it. Memory grows with the number of flows, never with the file, and is bounded: when there is no more room
//! [`pipeline`] drops the flows that tell least, counted, and the report says so.
//!
//! # Three kinds of failure
//!
//! What ends the run is an [`error::Error`] (exit 2). A frame that is no TCP or UDP packet is a [`decode::Skip`],
//! counted by reason, and one that was captured before is a duplicate: frames = packets + skips + duplicates, always. A
//! file that breaks off is [`capture::Damage`]: everything before it is reported, and the run ends with exit 3.
//!
//! # Where do I add…?
//!
//! | I want to add | touch | then |
//! |---|---|---|
//! | a documented service | one row in `src/catalog/lync-server-2013.toml` | `tests/catalog.rs`, `tests/every_row.rs` run over it |
//! | another catalog | a file beside it, one row in [`catalog::BUILT_IN`] | the same tests |
//! | a signature | a file in `src/evidence/signature/`, one row in its table there | its bytes in its own tests |
//! | a fact of the payload | a field of [`evidence::Tls`] or its like, one of [`report::ObservedRecord`] | `src/report/schema.json` |
//! | a direction rung | one variant of [`verdict::Basis`], one line in `src/verdict/direction.rs` | a case in its tests |
//! | a link type | one row in `src/decode/link/mod.rs`, its header in a file beside it | a frame in its tests and in `tests/common/links.rs` |
//! | a tunnel | a reader in `src/decode/tunnel/`, one row of `PROTOCOLS`, of `udp::ROWS` or an ethertype's arm, one of `NAMES` | a row of `tests/common/tunnels.rs`: `tests/tunnels.rs` runs over it |
//! | an event of a live run | a variant of [`live::Event`], its arm in `src/live/events.rs` | `src/report/schema.json`, `tests/live/events.rs` |
//! | a source of frames that takes its time | a [`capture::Feed`] in `src/capture/` | `feed` in `src/cli/live.rs` |
//! | a key of the screen | one row of `BINDINGS` in `src/screen/keys.rs`, its arm in `src/screen/app.rs` | its tests, `tests/screen.rs` |
//! | a column of the screen | one row and its cell in `src/screen/panes.rs` | its tests |
//! | somebody who watches a live run | a [`live::Observer`] | `observers` in `src/cli/live.rs` |
//! | a capture format | a file in `src/capture/`, one row in `src/capture/savefile.rs` | the libpcap test picks it up |
//! | a compression | a decoder and its row of `MEMBERS` in `src/capture/compressed/` | `ALL` in `tests/streams/compress.rs` |
//! | an output format | one variant of [`report::Format`], its arms in `src/report/write.rs` | a line in `fixtures/CASES` |
//! | an `application` word | one row of `APPLICATIONS` in `src/verdict/expectation.rs` | its tests run over every catalog |
//! | a finding | one row of `KINDS` in `src/report/audit/kind.rs` and its arms there | `src/report/schema.json` |
//! | a skip reason | one row in `src/decode/skip.rs` | nothing: it is counted and printed |
//! | a figure of `--metrics` | one row of `FAMILIES` in `src/metrics/page.rs` | its tests hold the page against the format's rules |
//! | a system call of a live run | one row in `src/privilege/linux/calls.rs` | `tests/privilege` |
//! | a flag | a field in `src/cli/args.rs` | `tests/cli.rs` |
//! | something that real programs do | a step in `tests/lab/scenario.rs`, a server in `tests/lab/servers.rs` | `.ci/run` installs what it needs |
//!
//! # Where the facts come from
//!
//! The catalog is Microsoft's "Ports and protocols for internal servers in Lync Server 2013" (document
//! c94063f1-e802-4a61-be90-022fc185335e, 2016-04-06), its English words verbatim beside what was derived. Each overlay
//! row names its own source. Formats follow their specifications, named in the file that reads them.

pub mod capture;
pub mod catalog;
pub mod cli;
pub mod decode;
pub mod duplicate;
pub mod error;
pub mod evidence;
pub mod flow;
pub mod keep;
pub mod live;
pub mod metrics;
pub mod net;
pub mod pipeline;
pub mod privilege;
pub mod reading;
pub mod report;
pub mod screen;
pub mod topology;
pub mod verdict;
