//! Other programs that make flows of a capture, each in turn with this one on the same file.
//!
//! In: two captures of one kind, a large one and, for who is slow, a small one. Out: a table of ratios.
//! Must not know: the library, how peers work.

use std::path::Path;

use crate::budgets::{Figure, Figures};
use crate::measure::{Outcome, Samples};
use crate::process::{AUDIT, Job, TCPDUMP, Times, in_turn, mebibytes};

/// A program to be held against.
struct Peer {
    job: Job,
    /// What makes it tell its version.
    version: &'static str,
    pace: Pace,
    figure: Option<Figure>,
}

/// How a peer is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Plain,
    /// It reads the small capture, in half as many rounds.
    Slow,
    /// It sleeps for a second at its end, whatever it read: its processor time counts as its wall time.
    Sleeps,
}

const PEERS: &[Peer] = &[
    Peer { job: TCPDUMP, version: "--version", pace: Pace::Plain, figure: None },
    Peer {
        job: Job {
            name: "nfpcapd -r F -w DIR",
            program: "nfpcapd",
            args: &["-r", "{in}", "-w", "{dir}"],
            more: &[],
            success: &[0],
        },
        version: "-V",
        pace: Pace::Plain,
        figure: Some(Figure::Nfpcapd),
    },
    Peer {
        // -X: as nobody configured it.
        job: Job {
            name: "argus -X -r F -w /dev/null",
            program: "argus",
            args: &["-X", "-r", "{in}", "-w", "/dev/null"],
            more: &[],
            success: &[0],
        },
        version: "-h",
        pace: Pace::Sleeps,
        figure: Some(Figure::Argus),
    },
    Peer {
        // Room for every flow, as the others have; in the foreground, and without a control socket it ends with the file.
        job: Job {
            name: "softflowd -r F -n HOST:PORT",
            program: "softflowd",
            args: &["-d", "-c", "none", "-p", "{out}", "-m", "16777216", "-n", "127.0.0.1:{port}", "-r", "{in}"],
            more: &[],
            success: &[0],
        },
        version: "-h",
        pace: Pace::Plain,
        figure: Some(Figure::Softflowd),
    },
    Peer {
        job: Job {
            name: "ndpiReader -q -i F",
            program: "ndpiReader",
            args: &["-q", "-i", "{in}"],
            more: &[],
            success: &[0],
        },
        version: "-h",
        pace: Pace::Slow,
        figure: Some(Figure::NdpiReader),
    },
    Peer {
        job: Job {
            name: "tshark -q -z conv,tcp -r F",
            program: "tshark",
            args: &["-q", "-z", "conv,tcp", "-r", "{in}"],
            more: &[],
            success: &[0],
        },
        version: "--version",
        pace: Pace::Slow,
        figure: Some(Figure::Tshark),
    },
];

/// Runs every peer that is installed, in turn with the main job, and prints how they did.
pub(crate) fn run(name: &str, large: &Path, small: &Path, rounds: usize, figures: &mut Figures) -> Outcome<()> {
    println!("\n{name}: peers, each in turn with {}", AUDIT.name);
    println!("  {:<28} {:>26} {:>8} {:>15} {:>15}", "", "wall, times ours", "CPU", "wall, ms", "peak MiB");
    println!(
        "  {:<28} {:>26} {:>8} {:>8} {:>6} {:>8} {:>6} {:>6}",
        "", "least, median, most", "", "theirs", "ours", "theirs", "ours", "rounds"
    );
    for peer in PEERS {
        let Some(version) = peer.job.version(peer.version) else {
            println!("  {:<28} skipped: not installed", peer.job.name);
            continue;
        };
        let measured = match peer.pace {
            Pace::Slow => peer.measure(small, rounds.div_ceil(2)),
            Pace::Plain | Pace::Sleeps => peer.measure(large, rounds),
        };
        match measured {
            Ok(ratio) => {
                println!("    {version}{}", peer.pace.remark(ratio));
                if let Some(figure) = peer.figure {
                    figures.note(figure, name, ratio);
                }
            }
            Err(error) => println!("  {:<28} {version} failed: {error}", peer.job.name),
        }
    }
    Ok(())
}

impl Pace {
    fn remark(self, ratio: f64) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Slow => "; on the small capture".to_owned(),
            Self::Sleeps => format!("; sleeps at its end: its processor time is {ratio:.2} times our wall time"),
        }
    }
}

impl Peer {
    /// Prints a line, returns how many times longer the peer takes.
    fn measure(&self, path: &Path, rounds: usize) -> Outcome<f64> {
        let peaks = [AUDIT.peak_memory(path)?, self.job.peak_memory(path)?];
        let measured = in_turn(&[AUDIT, self.job], path, rounds)?;
        let [(ours, _), (theirs, ratios)] = measured.as_slice() else { return Err("not measured".into()) };
        self.print(ours, theirs, ratios, peaks);
        Ok(match self.pace {
            Pace::Sleeps => theirs.processor.median() / ours.wall.median(),
            Pace::Plain | Pace::Slow => ratios.median(),
        })
    }

    fn print(&self, ours: &Times, theirs: &Times, ratios: &Samples, [our_peak, their_peak]: [Option<f64>; 2]) {
        let wall = |times: &Times| times.wall.median() * 1e3;
        println!(
            "  {:<28} {ratios:8.2} {:>8.2} {:>8.0} {:>6.0} {:>8} {:>6} {:>6}",
            self.job.name,
            theirs.processor.median() / ours.processor.median(),
            wall(theirs),
            wall(ours),
            mebibytes(their_peak),
            mebibytes(our_peak),
            ratios.len(),
        );
    }
}
