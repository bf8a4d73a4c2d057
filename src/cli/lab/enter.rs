//! `skep lab enter`, by which the lab starts every process.

use std::{ffi::OsString, path::PathBuf};

use crate::{
    cli::{error::Error, exit::Answer},
    lab::Entry,
};

/// Join namespaces and a control group and become a program
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Example:\n  skep lab enter --place /run/skep/lab/skep/node-1 -- ip addr"
)]
pub(crate) struct Args {
    /// Control group to join
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,
    /// Directory with namespace files; may be given again
    #[arg(long = "place", value_name = "DIR")]
    places: Vec<PathBuf>,
    /// Start a session
    #[arg(long)]
    session: bool,
    /// Let standard input be the session's terminal
    #[arg(long)]
    terminal: bool,
    /// The program
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        let Self { cgroup, places, session, terminal, command } = self;
        Err(Entry { cgroup, places, session, terminal, command }.exec().into())
    }
}
