//! Serves the flows of a cluster on this machine.

use std::net::SocketAddr;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

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
    relay::{Relay, Roster, follow_peers},
};

/// Serve the flows of all nodes
///
/// Serves the Hubble API for the whole cluster: flows of all nodes in order of time, and which nodes
/// answer. The agents are reached through the Kubernetes API, by whoever may exec into their pods; so
/// there are no certificates, and only this machine is served. With --peer, nodes are those that the
/// peer service of a node (HOST:PORT or unix:PATH) tells, at the addresses that it tells: without TLS
/// these must be on this machine, too.
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
    /// Find nodes by this peer service instead of by the cluster
    #[arg(
        long,
        value_name = "ADDRESS",
        conflicts_with_all = ["kubeconfig", "context"]
    )]
    peer: Option<String>,
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

/// There is no way to the nodes.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask the peer service at {address}: {reason}")]
struct NoPeers {
    address: String,
    reason: String,
}

impl Args {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Error> {
        match self.command {
            None => serve(self.listen, nodes(self.peer, self.cluster), out),
            Some(Command::PortForward(args)) => serve(
                SocketAddr::from(([127, 0, 0, 1], args.port)),
                Nodes::Cluster(args.cluster),
                out,
            ),
            Some(Command::Tunnel(args)) => args.run(),
        }
    }
}

/// Who knows the nodes.
enum Nodes {
    Peers(String),
    Cluster(ClusterArgs),
}

fn nodes(peer: Option<String>, cluster: ClusterArgs) -> Nodes {
    peer.map_or(Nodes::Cluster(cluster), Nodes::Peers)
}

impl Nodes {
    async fn roster(&self, cancel: &CancellationToken) -> Result<watch::Receiver<Roster>, Error> {
        match self {
            Self::Cluster(cluster) => {
                Ok(roster::keep(cluster.connect().await?, cancel.clone()).await?)
            }
            Self::Peers(address) => follow_peers(address, cancel.clone()).await.map_err(|status| {
                let (address, reason) = (address.clone(), status.message().to_owned());
                Error::new(Kind::Environment, NoPeers { address, reason })
            }),
        }
    }
}

fn serve(address: SocketAddr, nodes: Nodes, out: &Output) -> Result<Answer, Error> {
    if !address.ip().is_loopback() {
        let hint = "listen on 127.0.0.1, and use `ssh -L` to reach it from elsewhere";
        return Err(Error::new(Kind::Usage, NotLoopback(address)).hint(hint));
    }
    runtime::serve(Threads::Many(2), |cancel| async move {
        let roster = nodes.roster(&cancel).await?;
        let nodes = roster.borrow().len();
        let s = if nodes == 1 { "" } else { "s" };
        let door = Door::Tcp(address).open().await?;
        out.line(&format!("serving the flows of {nodes} node{s} on {address}"))?;
        serve_relay(door, Relay { roster, cancel: cancel.clone() }, cancel).await?;
        Ok(Answer::Yes)
    })
}
