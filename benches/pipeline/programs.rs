//! End to end: this program's main jobs with one thread and with all cores, beside tcpdump on the same file.
//!
//! In: a capture. Out: a table: wall and processor time, ratios round by round, peak memory.
//! Must not know: the library, other programs than tcpdump.

use std::path::Path;

use crate::budgets::{Figure, Figures};
use crate::generate::Size;
use crate::measure::{Outcome, Samples};
use crate::process::{AUDIT, Job, ONE_THREAD, PROGRAM, TCPDUMP, Times, in_turn, knows_threads, mebibytes};

const JOBS: &[Job] = &[
    AUDIT,
    Job { name: "audit", program: PROGRAM, args: &["audit", "{in}"], more: &[], success: &[0, 1] },
    Job {
        name: "flows --format csv -o FILE",
        program: PROGRAM,
        args: &["flows", "--format", "csv", "-o", "{out}", "{in}"],
        more: &[],
        success: &[0],
    },
];

/// One job, run one way.
struct Column {
    times: Times,
    peak: Option<f64>,
    /// Of tcpdump's wall time.
    share: Samples,
}

/// Runs every job `rounds` times, in turn with tcpdump, and prints how they did.
pub(crate) fn run(name: &str, path: &Path, size: &Size, rounds: usize, figures: &mut Figures) -> Outcome<()> {
    let threads = knows_threads();
    let tcpdump = TCPDUMP.version("--version");
    println!("\n{name}: whole processes, the file in the system's cache");
    println!("  tcpdump: {}", tcpdump.as_deref().unwrap_or("not here, its ratios are skipped"));
    if !threads {
        println!("  the program knows no --threads: that column is skipped");
    }
    println!("{:<32} {:>26} {:>26}", "  least, median, most", "--threads 1", "as many as it likes");
    for job in JOBS {
        let ways: Vec<Job> = threads.then(|| job.with(ONE_THREAD)).into_iter().chain([*job]).collect();
        // Once for the caches, and for the memory.
        let mut peaks = Vec::new();
        for way in &ways {
            peaks.push(way.peak_memory(path)?);
        }
        let first = tcpdump.is_some().then_some(TCPDUMP);
        let jobs: Vec<Job> = first.into_iter().chain(ways).collect();
        let mut measured = in_turn(&jobs, path, rounds)?;
        let rest = measured.split_off(usize::from(first.is_some()));
        let rival = measured.pop().map(|(times, _)| times);
        let columns = rest.into_iter().zip(peaks).map(|((times, share), peak)| Column { times, peak, share });
        let mut columns: Vec<Option<Column>> = columns.map(Some).collect();
        if !threads {
            columns.insert(0, None);
        }
        print(job.name, size, &columns, rival.as_ref());
        if job.name == AUDIT.name {
            note(name, &columns, rival.is_some(), figures);
        }
    }
    Ok(())
}

fn print(name: &str, size: &Size, columns: &[Option<Column>], rival: Option<&Times>) {
    println!("  {name}");
    let line = |what: &str, cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| column.as_ref().map_or_else(|| "-".to_owned(), cell));
        let cells: Vec<String> = cells.map(|cell| format!("{cell:>26}")).collect();
        println!("    {what:<28} {}", cells.join(" "));
    };
    line("wall, ms", &|column| format!("{:8.0}", column.times.wall.times(1e3)));
    line("user + system, ms", &|column| format!("{:8.0}", column.times.processor.times(1e3)));
    line("packets/s", &|column| format!("{:.0}", f64::from(size.packets) / column.times.wall.median()));
    line("peak MiB", &|column| mebibytes(column.peak));
    line("rounds", &|column| column.times.wall.len().to_string());
    if let Some(rival) = rival {
        line("of tcpdump's wall time", &|column| format!("{:8.2}", column.share));
        println!("    {:<28} {:8.0}", "tcpdump's, ms", rival.wall.times(1e3));
    }
    if let [Some(one), Some(all)] = columns {
        println!("    {:<28} {:.2}", "cores' gain, of medians", one.times.wall.median() / all.times.wall.median());
    }
}

/// What the budgets ask for.
fn note(name: &str, columns: &[Option<Column>], shared: bool, figures: &mut Figures) {
    let [one, all] = columns else { return };
    // Without the choice there is one thread.
    if let (true, Some(column)) = (shared, one.as_ref().or(all.as_ref())) {
        figures.note(Figure::Tcpdump, name, column.share.median());
    }
    if let (Some(one), Some(all)) = (one, all) {
        figures.note(Figure::Cores, name, one.times.wall.median() / all.times.wall.median());
        if shared {
            figures.note(Figure::TcpdumpAllCores, name, all.share.median());
        }
    }
    if let Some(peak) = all.as_ref().and_then(|column| column.peak) {
        figures.note(Figure::Peak, name, peak);
    }
}
