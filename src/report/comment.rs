//! One line about a flow, to stand beside its packets.
//!
//! In: a judged flow. Out: a line of text. Must not know: where it is written.

use super::text::harmless;
use crate::evidence::Evidence;
use crate::flow::Flow;
use crate::verdict::{Judge, Judged, Proof, Verdict, reasons};

/// What every line begins with.
pub const MARK: &str = "lyncap: flow ";

/// "lyncap: flow 17 documented (verified) S03 Lync Server Front-End service", of a verdict, its proof, and the id and
/// service of the best row.
#[must_use]
pub fn line(number: u64, verdict: Verdict, proof: Option<Proof>, row: Option<(&str, &str)>) -> String {
    let mut line = format!("{MARK}{number} {}", verdict.as_str());
    if let Some(proof) = proof.map(Proof::as_str).filter(|proof| *proof != verdict.as_str()) {
        line = format!("{line} ({proof})");
    }
    if let Some((id, service)) = row {
        let service: Vec<_> = service.split_whitespace().collect();
        line = format!("{line} {id} {}", service.join(" "));
    }
    harmless(&line)
}

/// The same of a judged flow.
#[must_use]
pub fn verdict_line(number: u64, judged: &Judged<'_>) -> String {
    let row = judged.rows.first().map(|row| (&*row.id, &*row.service));
    line(number, judged.verdict, judged.proof, row)
}

/// The same and the sentences that lead there.
#[must_use]
pub fn reasoned_line(number: u64, judge: &Judge<'_>, flow: &Flow<Evidence>, judged: &Judged<'_>) -> String {
    harmless(&format!("{}: {}", verdict_line(number, judged), reasons(judge, flow, judged).join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Transport;
    use crate::report::testing::{deployment, evidence, reading, tls};

    #[test]
    fn a_line_says_number_verdict_proof_row_and_why() {
        let spec = |to| (Transport::Tcp, "10.1.0.5:50123", to, true, evidence::tls(tls()));
        let reading = reading(&[spec("10.0.0.11:5061"), spec("10.0.0.11:7777")]);
        let (catalogs, topology) = deployment();
        let judge = Judge::new(&reading.flows, &catalogs, &topology);
        let lines = |index: usize| {
            let flow = &reading.flows[index];
            let judged = judge.judge(index, flow);
            (verdict_line(17, &judged), reasoned_line(17, &judge, flow, &judged))
        };
        let (short, long) = lines(0);
        assert_eq!(short, "lyncap: flow 17 documented (verified) S03 Lync Server Front-End service");
        assert!(long.starts_with(&format!("{short}: port 5061/tcp is row S03 ")) && long.contains("; "), "{long}");
        let (short, long) = lines(1);
        assert_eq!(short, "lyncap: flow 17 undocumented");
        assert!(long.contains(": port 7777/tcp on 10.0.0.11 is in no row that fits; "), "{long}");
    }
}
