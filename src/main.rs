//! The program: hands over to [`lyncap::cli`], which knows everything else.

use std::process::ExitCode;

fn main() -> ExitCode {
    lyncap::cli::main()
}
