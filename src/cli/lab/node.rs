//! `skep lab node`.

use clap::Subcommand;

use super::name::NameArgs;
use crate::{
    cli::{error::Error, exit::Answer, output::Output},
    lab::{self, Power},
};

/// Switch a node off or on, or let it stand still
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  skep lab node stop node-2\n  skep lab node start node-2\n  skep lab node pause node-3"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done to a node.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Pull a node's plug
    ///
    /// Its processes end at once and its link goes. The node becomes NotReady about twenty
    /// seconds later; its pods are evicted when they have tolerated that for as long as they say (five
    /// minutes unless they say otherwise).
    #[command(after_long_help = "Example:\n  skep lab node stop node-2")]
    Stop(One),
    /// Switch a node on again, or let it go on
    ///
    /// After `stop` the node boots as after a power failure: its pods start anew. After `pause`
    /// everything goes on where it was.
    #[command(after_long_help = "Example:\n  skep lab node start node-2")]
    Start(One),
    /// Let everything on a node stand still
    ///
    /// Its processes are frozen, its kubelet falls silent; its link stays up, and its eBPF
    /// programs go on forwarding.
    #[command(after_long_help = "Example:\n  skep lab node pause node-3")]
    Pause(One),
}

/// Which node.
#[derive(Debug, clap::Args)]
struct One {
    #[command(flatten)]
    lab: NameArgs,
    /// Name of the node
    node: String,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        let (one, power, done) = match self.verb {
            Verb::Stop(one) => (one, Power::Off, "is off"),
            Verb::Start(one) => (one, Power::On, "runs"),
            Verb::Pause(one) => (one, Power::Paused, "stands still"),
        };
        let dir = one.lab.existing()?;
        let before = lab::switch(&dir, &one.node, power)?;
        let already = if before == power { " already" } else { "" };
        out.note(&format!("Node {} {done}{already}.", one.node));
        Ok(Answer::Yes)
    }
}
