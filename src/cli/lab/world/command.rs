//! The verbs of `skep lab world`.

use clap::Subcommand;

use super::{ca, dns, serve};
use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done with a lab's world.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Names of the world and their addresses
    #[command(subcommand)]
    Dns(dns::Command),
    Ca(ca::Args),
    #[command(hide = true)]
    Serve(serve::Args),
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Dns(command) => dns::run(command, out),
        Command::Ca(args) => args.run(out),
        Command::Serve(args) => args.run(),
    }
}
