//! The verbs of `skep service`.

use clap::Subcommand;

use super::{explain, get, list};
use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be asked of services.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Get(get::Args),
    Explain(explain::Args),
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::List(args) => args.run(out),
        Command::Get(args) => args.run(out),
        Command::Explain(args) => args.run(out),
    }
}
