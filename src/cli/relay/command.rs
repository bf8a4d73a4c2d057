//! Serves the flows of a cluster on this machine.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    access::Reviews,
    certificates::{self, Source},
    nodes, roster, tunnel,
};
use crate::{
    api::{
        http::{self, HttpError, Routes},
        hubble::{Acceptor, Connector, Door, RELAY_PORT, serve_relay},
    },
    cli::{
        error::{Error, Kind},
        exit::Answer,
        output::Output,
        runtime::{self, Threads},
        source::ClusterArgs,
    },
    model::hubble::RELAY_METRICS_PORT,
    relay::{Access, Relay, RelayMetrics, Roster, follow_peers},
    telemetry::Metrics,
};

/// Where a relay in the cluster serves metrics if nobody says otherwise.
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), RELAY_METRICS_PORT);

/// Serve the flows of all nodes
///
/// Serves the Hubble API for the whole cluster: flows of all nodes in order of time, and which nodes
/// answer. By itself it serves this machine, and reaches the agents through the Kubernetes API, as
/// whoever may exec into their pods. With --in-cluster it reaches them at their nodes by mutual TLS, and
/// serves other machines by TLS, with the certificates that the operator keeps in Secrets. With --peer,
/// nodes are those that the peer service of a node (HOST:PORT or unix:PATH) tells.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "Examples:
  skep relay --listen 127.0.0.1:4245
  skep relay --in-cluster --listen [::]:4245
  skep relay --in-cluster --listen [::]:4245 --access namespace"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address to serve; one that is not loopback needs --in-cluster
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4245")]
    listen: SocketAddr,
    /// Be a part of the cluster: use the certificates of the operator
    #[arg(long)]
    in_cluster: bool,
    /// Who sees which flows
    #[arg(long, value_name = "WHO", default_value = "all", conflicts_with = "peer")]
    access: AccessMode,
    /// Address that serves metrics, or off
    ///
    /// Without it, 127.0.0.1:9966 with --in-cluster, and off otherwise. Nobody is asked who they are there.
    #[arg(
        long,
        env = "SKEP_RELAY_METRICS_ADDRESS",
        hide_env_values = true,
        value_name = "ADDRESS",
        value_parser = metrics_address
    )]
    metrics_address: Option<MetricsAddress>,
    /// Name of the cluster, for names in certificates
    #[arg(
        long,
        env = "SKEP_CLUSTER_NAME",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "default"
    )]
    cluster_name: String,
    /// Find nodes by this peer service instead of by the cluster
    #[arg(long, value_name = "ADDRESS")]
    peer: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Where metrics are served; none = nowhere.
type MetricsAddress = Option<SocketAddr>;

fn metrics_address(text: &str) -> Result<MetricsAddress, String> {
    if text == "off" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| "not an address with port such as 127.0.0.1:9966, nor off".to_owned())
}

/// Who sees which flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AccessMode {
    /// Whoever can ask sees all flows
    All,
    /// Clients show a token of Kubernetes, and see flows of namespaces whose pods they may get
    Namespace,
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
            Some(Command::Tunnel(args)) => return args.run(),
            Some(Command::PortForward(args)) => {
                let local = SocketAddr::from(([127, 0, 0, 1], args.port));
                let access = AccessMode::All;
                let nodes = Nodes { cluster: args.cluster, peer: None, access, certificates: None };
                return serve(Addresses { flows: local, metrics: None }, nodes, out);
            }
            None => {}
        }
        if !self.in_cluster && !self.listen.ip().is_loopback() {
            let hint =
                "listen on 127.0.0.1 and use `ssh -L`, or run in the cluster with --in-cluster";
            return Err(Error::new(Kind::Usage, NotLoopback(self.listen)).hint(hint));
        }
        let own = self.in_cluster.then_some(METRICS);
        let addresses =
            Addresses { flows: self.listen, metrics: self.metrics_address.unwrap_or(own) };
        let certificates = self.in_cluster.then_some(self.cluster_name);
        let Self { cluster, peer, access, .. } = self;
        serve(addresses, Nodes { cluster, peer, access, certificates }, out)
    }
}

/// How nodes are found and reached.
struct Nodes {
    cluster: ClusterArgs,
    peer: Option<String>,
    access: AccessMode,
    /// By certificates that are in this cluster, of that name.
    certificates: Option<String>,
}

impl Nodes {
    /// Returns the nodes, and who is served, and how.
    async fn find(
        self,
        metrics: &RelayMetrics,
        cancel: &CancellationToken,
    ) -> Result<Found, Error> {
        let stop = || cancel.clone();
        let cluster = match (&self.peer, &self.certificates) {
            (Some(address), None) => {
                let roster = peers(address, Connector::never(), stop()).await?;
                return Ok(Found { roster, acceptor: Acceptor::never(), access: None });
            }
            (_, None) => self.cluster.connect().await?,
            (_, Some(_)) => self.cluster.connect_in_pod().await?,
        };
        let access: Option<Arc<dyn Access>> = match self.access {
            AccessMode::All => None,
            AccessMode::Namespace => Some(Arc::new(Reviews::new(cluster.client().clone()))),
        };
        let Some(name) = self.certificates else {
            let roster = roster::keep(cluster, stop()).await?;
            return Ok(Found { roster, acceptor: Acceptor::never(), access });
        };
        let client = cluster.client();
        let from = Source {
            client: client.clone(),
            namespace: cluster.namespace().to_owned(),
            metrics: metrics.clone(),
            cancel: stop(),
        };
        let tls = certificates::connector(&from);
        let acceptor = certificates::acceptor(&from);
        let roster = match &self.peer {
            Some(address) => peers(address, tls, stop()).await?,
            None => nodes::keep(client.clone(), name, tls, stop()).await,
        };
        Ok(Found { roster, acceptor, access })
    }
}

/// What a relay needs to serve.
struct Found {
    roster: watch::Receiver<Roster>,
    acceptor: Acceptor,
    access: Option<Arc<dyn Access>>,
}

async fn peers(
    address: &str,
    tls: Connector,
    cancel: CancellationToken,
) -> Result<watch::Receiver<Roster>, Error> {
    follow_peers(address, tls, cancel).await.map_err(|status| {
        let (address, reason) = (address.to_owned(), status.message().to_owned());
        Error::new(Kind::Environment, NoPeers { address, reason })
    })
}

/// Where a relay serves what.
struct Addresses {
    flows: SocketAddr,
    metrics: MetricsAddress,
}

fn serve(addresses: Addresses, nodes: Nodes, out: &Output) -> Result<Answer, Error> {
    let Addresses { flows: address, metrics: scraped } = addresses;
    runtime::serve(Threads::Many(2), |cancel| async move {
        let registry = Arc::new(Metrics::new());
        let metrics = RelayMetrics::new(&registry);
        // Before nodes are looked for: that there are none yet is worth knowing.
        let scraping = scraped.map(|at| tokio::spawn(serve_metrics(at, registry, cancel.clone())));
        let found = cancel.run_until_cancelled(nodes.find(&metrics, &cancel)).await;
        let Some(found) = found else { return Ok(Answer::Yes) };
        let Found { roster, acceptor, access } = found?;
        let nodes = roster.borrow().len();
        let s = if nodes == 1 { "" } else { "s" };
        let door = Door::Tcp(address, acceptor).open().await?;
        let address = door.address().unwrap_or(address);
        out.line(&format!("serving the flows of {nodes} node{s} on {address}"))?;
        let relay = Relay { roster, access, metrics, cancel: cancel.clone() };
        let Some(scraping) = scraping else {
            serve_relay(door, relay, cancel).await?;
            return Ok(Answer::Yes);
        };
        tokio::spawn(relay.clone().watch_nodes());
        tokio::select! {
            served = serve_relay(door, relay, cancel.clone()) => served?,
            // Who asks for metrics and does not get them shall hear why.
            Ok(Err(error)) = scraping => return Err(Error::new(Kind::Environment, error)),
        }
        Ok(Answer::Yes)
    })
}

async fn serve_metrics(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    cancel: CancellationToken,
) -> Result<(), HttpError> {
    http::serve(address, Routes { metrics: Some(metrics), health: None }, cancel).await
}

#[cfg(test)]
mod tests {
    use super::metrics_address;

    #[test]
    fn metrics_are_served_at_an_address_or_nowhere() {
        assert_eq!(metrics_address("off"), Ok(None));
        assert_eq!(metrics_address("[::]:9966"), Ok("[::]:9966".parse().ok()));
        assert!(metrics_address("9966").unwrap_err().contains("127.0.0.1:9966"));
    }
}
