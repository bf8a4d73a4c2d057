//! `skep bpf ct`.

mod filter;
mod flush;
mod list;

pub(super) use filter::FilterArgs;
pub(super) use list::{end, since};

use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done about tracked connections.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Flush(flush::Args),
}

/// Runs one of them.
///
/// # Errors
/// When it fails.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::List(args) => args.run(out),
        Command::Flush(args) => args.run(out),
    }
}
