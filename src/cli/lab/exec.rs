//! `skep lab exec`.

use std::ffi::OsString;

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer},
    lab,
};

/// Run a command on a node
///
/// The command joins the node's namespaces and control group; its exit code is passed on. For
/// commands in pods, use kubectl exec.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab exec node-1 -- ip route\n  skep lab exec node-1 -- skep status"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Name of the node, or fabric or world
    node: String,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let entry = lab::entry(&dir, &self.node, self.command)?;
        // Becomes the command; terminal, signals and exit code are its own.
        Err(entry.exec().into())
    }
}
