//! The Hubble API: flows for Hubble's clients, the agent's own events, and which nodes there are.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{AgentError, run::Tasks, shared::Agent};
use crate::{
    api::hubble::{AgentEvents, Door, NODE_PORT, Node, Peer, Peers, serve},
    flows::Observer,
};

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
        events: Arc::new(AgentEvents::started(agent.started)),
        peers: agent.peers.subscribe(),
        address: address
            .map_or_else(|| format!("unix://{}", socket.display()), |address| address.to_string()),
    };
    let doors = address.map(Door::Tcp).into_iter().chain([Door::Unix(socket)]);
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

impl Agent {
    /// Tells relays which nodes there are; nothing when that has not changed.
    pub(super) fn tell_peers(&self) {
        let cluster = &self.config.cluster_name;
        let port = self.config.hubble_listen.map_or(NODE_PORT, |address| address.port());
        let nodes = self.cluster().nodes();
        let peers = nodes.into_iter().filter_map(|view| {
            let addresses = view.node.addresses;
            let address = addresses.v4.map(IpAddr::from).or(addresses.v6.map(IpAddr::from))?;
            let address = std::net::SocketAddr::new(address, port).to_string();
            Some((name(cluster, &view.node.name), Peer { address }))
        });
        send(&self.peers, Arc::new(peers.collect()));
    }
}

/// Clients leave the name of the default cluster out.
fn name(cluster: &str, node: &str) -> String {
    if cluster == "default" { node.to_owned() } else { format!("{cluster}/{node}") }
}

fn send(peers: &watch::Sender<Peers>, now: Peers) {
    peers.send_if_modified(|told| {
        let news = **told != *now;
        *told = now;
        news
    });
}
