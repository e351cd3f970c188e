//! A picture, and keys pressed.
//!
//! In: nothing. Out: what the tests of the screen share. Must not know: what is tested.

use std::sync::Arc;
use std::time::Duration;

use super::app::{App, Wish};
use super::keys::Decoder;
use crate::live::snapshot::{Drops, Input, Memory, Rates, Service, Snapshot, Table, Talker, Totals};
use crate::live::{Explained, Picture};
use crate::net::Timestamp;
use crate::report::audit::{Finding, Severity};
use crate::report::text::Clock;

/// 40 services, 60 findings, 20 talkers; some with texts that no terminal should see as they are.
pub(super) fn picture() -> Picture {
    let service = |n: u32| Service {
        row: format!("S{n:02}"),
        catalog: "lync".to_owned(),
        service: format!("Service {n}"),
        verdict: if n == 39 { "contradicted" } else { "documented" },
        flows: u64::from(n),
        packets: u64::from(n) * 1000,
        bytes: u64::from(n) * 1_000_000,
        bits_per_second: f64::from(100 - n) * 1000.0,
    };
    let finding = |n: u16| Finding {
        severity: if n == 7 { Severity::High } else { Severity::Medium },
        initiator: format!("host{n}"),
        responder: "10.0.0.1".to_owned(),
        count: n.into(),
        reason: "日本語 \u{1b}[2J no row explains it, whatever one may say of it in a sentence that is long".to_owned(),
        first_seen: "2026-03-02T08:00:00.000000Z".to_owned(),
        ..Finding::example(100 + n)
    };
    let talker = |n: u64| Talker { host: format!("host{n}"), flows: n, bytes: 1_000_000 - n };
    let services: Vec<_> = (0..40).map(service).collect();
    let newest: Vec<_> = (0..60).map(finding).collect();
    let snapshot = Snapshot {
        number: 1,
        at: Timestamp(1_772_438_400_123_000_000),
        since: Some(Timestamp(1_772_438_300_000_000_000)),
        uptime: Duration::from_secs(3725),
        lag: Some(Duration::from_millis(12)),
        inputs: vec![
            Input { name: "eth0".to_owned(), up: true, ..Input::default() },
            Input { name: "eth1\u{1b}".to_owned(), ..Input::default() },
        ],
        totals: Totals { frames: 12_345_678, flows: 1234, ..Totals::default() },
        rates: Rates { frames: 1234.5, bits: 9_876_543.0, flows: 0.5 },
        drops: Drops { kernel: 1234, ..Drops::default() },
        verdicts: [("documented", 1200), ("undocumented", 34)].into(),
        findings: [("undocumented-flow", 60)].into(),
        newest: newest.clone(),
        talkers: (0..20).map(talker).collect(),
        table: Table { open: 1000, most: 250_000, ..Table::default() },
        memory: Memory { bound: 512 << 20, counted: 12 << 20, resident: Some(34 << 20) },
        services,
        ..Snapshot::default()
    };
    let text: String = (1..=50).map(|n| format!("line {n} of the explanation\n")).collect();
    let explained = Explained(Arc::new([text.clone(), format!("wide\n{text}")]));
    Picture {
        services: vec![Some(explained); 40],
        findings: newest.into_iter().map(|finding| (finding, None)).collect(),
        snapshot,
        took: Duration::from_millis(3),
    }
}

/// A screen of 80x24 that shows it.
pub(super) fn app() -> App {
    let mut app = App::new(Clock::Utc, (80, 24));
    app.show(picture());
    app
}

/// Presses keys; what they wish for.
pub(super) fn press(app: &mut App, bytes: &str) -> Vec<Wish> {
    let mut decoder = Decoder::default();
    let mut keys = decoder.take(bytes.as_bytes());
    keys.extend(decoder.take(b""));
    keys.into_iter().filter_map(|key| app.key(key)).collect()
}
