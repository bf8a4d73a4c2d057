//! The verbs of `skep policy`.

use clap::Subcommand;

use super::{diff, explain, lint, list, matrix, wait};
use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be asked of policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Explain(explain::Args),
    Matrix(matrix::Args),
    List(list::Args),
    Wait(wait::Args),
    Diff(diff::Args),
    Lint(lint::Args),
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Explain(args) => args.run(out),
        Command::Matrix(args) => args.run(out),
        Command::List(args) => args.run(out),
        Command::Wait(args) => args.run(out),
        Command::Diff(args) => args.run(out),
        Command::Lint(args) => args.run(out),
    }
}
