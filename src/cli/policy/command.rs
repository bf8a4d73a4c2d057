//! The verbs of `skep policy`.

use clap::Subcommand;

use super::{list, matrix, wait};
use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be asked of policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Matrix(matrix::Args),
    List(list::Args),
    Wait(wait::Args),
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Matrix(args) => args.run(out),
        Command::List(args) => args.run(out),
        Command::Wait(args) => args.run(out),
    }
}
