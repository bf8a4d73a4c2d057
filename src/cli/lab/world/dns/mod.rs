//! `skep lab world dns`: one file per verb.

mod add;
mod list;
mod remove;

use clap::Subcommand;

use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done with the world's names.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(add::Args),
    Remove(remove::Args),
    List(list::Args),
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Add(args) => args.run(out),
        Command::Remove(args) => args.run(out),
        Command::List(args) => args.run(out),
    }
}
