//! The verbs of `skep lab`.

use clap::Subcommand;

use super::{
    dns, down, enter, exec, kubeconfig, list, logs, netem, node, partition, serve, snapshot,
    stand_in, status, up, world,
};
use crate::cli::{error::Error, exit::Answer, output::Output};

/// What can be done with labs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Args),
    Down(down::Args),
    List(list::Args),
    Status(status::Args),
    Kubeconfig(kubeconfig::Args),
    Exec(exec::Args),
    Logs(logs::Args),
    Node(node::Args),
    Partition(partition::Args),
    Netem(netem::Args),
    Snapshot(snapshot::Args),
    /// What is outside the cluster: names and servers
    #[command(subcommand)]
    World(world::Command),
    #[command(hide = true)]
    Dns(dns::Args),
    #[command(hide = true)]
    Serve(serve::Args),
    #[command(hide = true)]
    Enter(enter::Args),
    #[command(hide = true)]
    StandIn(stand_in::Args),
}

impl Command {
    /// Tells whether it runs until it is stopped and logs meanwhile.
    pub(crate) const fn is_server(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Dns(_))
    }
}

/// Runs a verb.
pub(crate) fn run(command: Command, out: &Output) -> Result<Answer, Error> {
    match command {
        Command::Up(args) => args.run(out),
        Command::Down(args) => args.run(out),
        Command::List(args) => args.run(out),
        Command::Status(args) => args.run(out),
        Command::Kubeconfig(args) => args.run(out),
        Command::Exec(args) => args.run(),
        Command::Logs(args) => args.run(out),
        Command::Node(args) => args.run(out),
        Command::Partition(args) => args.run(out),
        Command::Netem(args) => args.run(out),
        Command::Snapshot(args) => args.run(out),
        Command::World(command) => world::run(command, out),
        Command::Dns(args) => args.run(),
        Command::Serve(args) => args.run(),
        Command::Enter(args) => args.run(),
        Command::StandIn(args) => args.run(),
    }
}
