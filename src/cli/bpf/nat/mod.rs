//! `skep bpf nat`.

mod flush;
mod list;

use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done about translated connections.
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
