//! The command line: arguments as typed, then the work, then the exit code.
//!
//! In: `argv`. Out: a report on standard output or in a file, messages on standard error, an exit code.
//! Must not know: how anything is read, judged or laid out.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

pub use args::Args;

use crate::error::Error;
use crate::reading::Reading;

mod args;
mod beside;
mod catalog;
mod explain;
mod extract;
mod input;
mod live;
mod output;
mod run;
mod screen;
mod signals;
mod value;

/// How a run ended. Usage and unreadable input weigh more than incomplete input, that more than findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing flagged.
    Clean,
    /// Findings at or above `--fail-on`.
    Findings,
    /// Done, but the input was incomplete.
    Incomplete,
    /// Could not do what was asked.
    Failed,
}

impl Exit {
    /// Whether everything that was to be read was read. What was dropped while capturing never came to be.
    fn of(reading: &Reading) -> Self {
        let whole = reading.damage.is_empty()
            && reading.dropped().is_none_or(|dropped| dropped == 0)
            && reading.stats.evicted.flows == 0;
        if whole { Self::Clean } else { Self::Incomplete }
    }

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Failed => 2,
            Self::Incomplete => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error).into(),
    };
    run::run(&args).unwrap_or_else(|error| failed(&error)).into()
}

/// A closed pipe is success: the reader has seen enough.
fn failed(error: &Error) -> Exit {
    if let Error::Write { source, .. } = error
        && source.kind() == io::ErrorKind::BrokenPipe
    {
        return Exit::Clean;
    }
    output::complain(&error.to_string());
    Exit::Failed
}

/// Help and version as clap prints them; a mistake as one line.
fn usage(error: &clap::Error) -> Exit {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let printed = error.print().and_then(|()| io::stdout().flush());
            printed.map_or_else(
                |source| failed(&Error::Write { path: "standard output".into(), source }),
                |()| Exit::Clean,
            )
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Failed
        }
        _ => {
            let words: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            output::complain(&one_line(&error.to_string(), &words));
            Exit::Failed
        }
    }
}

/// clap's message without its usage block: "what; tip; where to look".
fn one_line(message: &str, words: &[String]) -> String {
    let body = message.split("\n\nUsage:").next().unwrap_or(message);
    let body = body.split("\n\nFor more information").next().unwrap_or(body);
    let parts: Vec<_> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = parts.join("; ").replace(":; ", ": ");
    if let Some(file) = words.first().filter(|word| Path::new(word).is_file()) {
        return format!("{file} is a file, and no command; try lyncap audit {file}");
    }
    let (mut command, mut name) = (Args::command(), "lyncap".to_owned());
    for word in words {
        let Some(subcommand) = command.find_subcommand(word).cloned() else { break };
        name = format!("{name} {}", subcommand.get_name());
        command = subcommand;
    }
    format!("{}; see {name} --help", text.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_one_line_with_the_remedy() {
        for (argv, expected) in [
            (&["lyncap", "audit"][..], "required arguments were not provided: <FILE>..."),
            (&["lyncap", "audit", "--tpology", "x", "f"], "unexpected argument '--tpology' found; tip:"),
            (&["lyncap", "frobnicate"], "unrecognized subcommand 'frobnicate'; see lyncap --help"),
            (&["lyncap", "audit", "--format", "xml", "f"], "invalid value 'xml' for '--format <FORMAT>'"),
            (&["lyncap", "catalog", "list", "--port", "x"], "; see lyncap catalog list --help"),
        ] {
            let error = Args::try_parse_from(argv).unwrap_err();
            let words: Vec<String> = argv[1..].iter().map(|&word| word.to_owned()).collect();
            let line = one_line(&error.to_string(), &words);
            assert!(line.contains(expected) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn what_is_missing_is_exit_3() {
        use crate::capture::{Damage, InputFile};
        let file = |dropped| InputFile {
            name: "x".to_owned(),
            format: "pcapng",
            compression: None,
            size: None,
            frames: 1,
            dropped,
            course: Default::default(),
            next: None,
        };
        let damage = Damage { file: "x".to_owned(), offset: 0, compressed: false, what: String::new() };
        for (dropped, damage, expected) in [
            ([None, None], vec![], Exit::Clean),
            ([Some(0), None], vec![], Exit::Clean),
            ([None, Some(1)], vec![], Exit::Incomplete),
            ([Some(u64::MAX), Some(1)], vec![], Exit::Incomplete),
            ([None, None], vec![damage], Exit::Incomplete),
        ] {
            let files = dropped.map(file).to_vec();
            let reading = Reading { flows: Default::default(), stats: Default::default(), files, damage };
            assert_eq!(Exit::of(&reading), expected, "{dropped:?}");
        }
    }

    #[test]
    fn exit_codes_are_those_of_the_specification() {
        let codes = [Exit::Clean, Exit::Findings, Exit::Failed, Exit::Incomplete].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3]);
        assert_eq!(Exit::Findings.max(Exit::Incomplete), Exit::Incomplete);
        assert_eq!(Exit::Incomplete.max(Exit::Failed), Exit::Failed);
    }
}
