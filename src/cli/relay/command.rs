//! Serves the flows of a cluster on this machine.

use std::net::SocketAddr;

use super::{roster, tunnel};
use crate::{
    api::hubble::{Door, RELAY_PORT, serve_relay},
    cli::{
        error::{Error, Kind},
        exit::Answer,
        output::Output,
        runtime::{self, Threads},
        source::ClusterArgs,
    },
    relay::Relay,
};

/// Serve the flows of all nodes
///
/// Serves the Hubble API for the whole cluster: flows of all nodes in order of time, and which nodes
/// answer. The agents are reached through the Kubernetes API, by whoever may exec into their pods; so
/// there are no certificates, and only this machine is served.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "Example:\n  skep relay --listen 127.0.0.1:4245"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Loopback address to serve
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4245")]
    listen: SocketAddr,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    PortForward(PortForward),
    Tunnel(tunnel::Args),
}

/// Give Hubble's clients a local address
///
/// Serves the flows of all nodes on a port of this machine until Ctrl-C, for the hubble command line
/// and others that take the address of a server.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  skep relay port-forward --port 4245")]
struct PortForward {
    /// Port of 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = RELAY_PORT)]
    port: u16,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Others could read flows.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a loopback address: flows would leave this machine without TLS")]
struct NotLoopback(SocketAddr);

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        match self.command {
            None => serve(self.listen, self.cluster, out),
            Some(Command::PortForward(args)) => {
                serve(SocketAddr::from(([127, 0, 0, 1], args.port)), args.cluster, out)
            }
            Some(Command::Tunnel(args)) => args.run(),
        }
    }
}

fn serve(address: SocketAddr, cluster: ClusterArgs, out: &Output) -> Result<Answer, Error> {
    if !address.ip().is_loopback() {
        let hint = "listen on 127.0.0.1, and use `ssh -L` to reach it from elsewhere";
        return Err(Error::new(Kind::Usage, NotLoopback(address)).hint(hint));
    }
    runtime::serve(Threads::Many(2), |cancel| async move {
        let cluster = cluster.connect().await?;
        let roster = roster::keep(cluster, cancel.clone()).await?;
        let nodes = roster.borrow().len();
        let s = if nodes == 1 { "" } else { "s" };
        out.line(&format!("serving the flows of {nodes} node{s} on {address}"))?;
        let relay = Relay { roster, cancel: cancel.clone() };
        serve_relay(&Door::Tcp(address), relay, cancel).await?;
        Ok(Answer::Yes)
    })
}
