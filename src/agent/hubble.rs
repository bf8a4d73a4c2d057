//! The Hubble API: flows for Hubble's clients, the agent's own events, and which nodes there are.

use std::{net::IpAddr, sync::Arc};

use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{AgentError, run::Tasks, shared::Agent};
use crate::{
    api::hubble::{Acceptor, Clients, Credentials, Door, NODE_PORT, Node, Peer, Peers, serve},
    flows::Observer,
    kubernetes,
    model::hubble,
};

/// Where the operator keeps certificates.
const NAMESPACE: &str = "kube-system";

/// The unix socket, in the directory of sockets.
const SOCKET: &str = "hubble.sock";

/// Starts the servers: on the address of the settings, and always on the socket.
pub(super) fn spawn(
    tasks: &mut Tasks,
    agent: &Arc<Agent>,
    observer: &Arc<Observer>,
    cancel: &CancellationToken,
) {
    let socket = agent.config.run_dir.join(SOCKET);
    let address = agent.config.hubble_listen;
    let node = Node {
        observer: Arc::clone(observer),
        events: Arc::clone(&agent.events),
        peers: agent.peers.subscribe(),
        address: address
            .map_or_else(|| format!("unix://{}", socket.display()), |address| address.to_string()),
    };
    let tls = Acceptor::kept(&agent.acceptor);
    let door = address.map(|address| Door::Tcp(address, tls));
    let doors = door.into_iter().chain([Door::Unix(socket)]);
    for door in doors {
        let (node, stop) = (node.clone(), cancel.clone());
        tasks.spawn(async move {
            serve(&door, node, stop)
                .await
                .map_err(|e| AgentError::Serve { what: "the Hubble API", source: Box::new(e) })?;
            Ok("Hubble API")
        });
    }
}

/// Keeps the certificate for clients on other machines, where such are served.
pub(super) fn follow_certificate(tasks: &mut Tasks, agent: &Arc<Agent>, client: &Client) {
    if !agent.is_outward() {
        return;
    }
    let (agent, client) = (Arc::clone(agent), client.clone());
    tasks.spawn(async move {
        kubernetes::follow_certificate(client, (NAMESPACE, hubble::SERVER_SECRET), |pem| {
            let made = Credentials::from_pem(&pem.chain, &pem.key, &pem.authorities);
            match made.and_then(|own| Ok((own.server(Clients::Known)?, own.until()))) {
                Ok((acceptor, until)) => {
                    agent.certificates.set_hubble(until);
                    agent.acceptor.send_replace(Some(acceptor));
                }
                // What was there before may still be good.
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "the certificate of the Hubble API is of no use"
                ),
            }
        })
        .await;
        Ok("watch of the certificate")
    });
}

impl Agent {
    /// Tells whether other machines may ask for flows.
    fn is_outward(&self) -> bool {
        self.config.hubble_listen.is_some_and(|address| !address.ip().is_loopback())
    }

    /// Tells relays which nodes there are; nothing when that has not changed.
    pub(super) fn tell_peers(&self) {
        let cluster = &self.config.cluster_name;
        let port = self.config.hubble_listen.map_or(NODE_PORT, |address| address.port());
        let nodes = self.cluster().nodes();
        let peers = nodes.into_iter().filter_map(|view| {
            let addresses = view.node.addresses;
            let address = addresses.v4.map(IpAddr::from).or(addresses.v6.map(IpAddr::from))?;
            let address = std::net::SocketAddr::new(address, port).to_string();
            let name = &view.node.name;
            let tls = self.is_outward().then(|| hubble::server_name(name, cluster));
            Some((hubble::peer_name(name, cluster), Peer { address, tls }))
        });
        send(&self.peers, Arc::new(peers.collect()));
    }
}

fn send(peers: &watch::Sender<Peers>, now: Peers) {
    peers.send_if_modified(|told| {
        let news = **told != *now;
        *told = now;
        news
    });
}
