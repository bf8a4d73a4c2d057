//! The verbs of `skep lab`.

use clap::Subcommand;

use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done with labs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List labs
    #[command(after_long_help = "Example:\n  skep lab list")]
    List,
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::List => {
            out.note("No labs found.");
            Ok(Answer::Yes)
        }
    }
}
