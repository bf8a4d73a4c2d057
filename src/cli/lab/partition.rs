//! `skep lab partition`.

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer, output::Output},
    lab::{self, Reach},
};

/// Cut two nodes off from each other
///
/// Nothing gets through between them, in either direction; others reach both as before. `fabric`
/// stands for the API server and the way to the world. A node that is switched off and on again is
/// connected.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab partition node-1 node-2\n  skep lab partition node-3 fabric\n  skep lab partition node-1 node-2 --heal"
)]
pub(crate) struct Args {
    #[command(flatten)]
    lab: NameArgs,
    /// Name of a node, or fabric
    a: String,
    /// Name of another node, or fabric
    b: String,
    /// Connect them again
    #[arg(long)]
    heal: bool,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let dir = self.lab.existing()?;
        let (reach, done) = if self.heal {
            (Reach::Whole, "reach each other again")
        } else {
            (Reach::Cut, "are cut off from each other")
        };
        lab::set_reach(&dir, &self.a, &self.b, reach)?;
        out.note(&format!("{} and {} {done}.", self.a, self.b));
        Ok(Answer::Yes)
    }
}
