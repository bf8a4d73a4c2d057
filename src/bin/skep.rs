//! The only binary: parse, run, turn the result into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    skep::cli::main()
}
