//! The nodes of the cluster that the relay runs in, each reached at its own address by TLS.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use kube::{Api, Client, runtime::watcher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::hubble::{Connector, NODE_PORT, secured},
    kubernetes::{Change, NodeObject, WatchState, watch as watch_objects},
    model::hubble::{peer_name, server_name},
    relay::{Roster, Target},
};

/// Follows the nodes until cancelled; returns when all are known.
pub(super) async fn keep(
    client: Client,
    cluster: String,
    tls: Connector,
    cancel: CancellationToken,
) -> watch::Receiver<Roster> {
    let (known, nodes) = watch::channel(Roster::default());
    let (listed, mut complete) = watch::channel(false);
    let mut here = Nodes { cluster, tls, targets: BTreeMap::new() };
    tokio::spawn(cancel.run_until_cancelled_owned(async move {
        let every = watcher::Config::default();
        let state = WatchState::default();
        watch_objects(Api::all(client), every, &state, |change| {
            if here.apply(change) {
                known.send_replace(here.roster());
            }
            listed.send_replace(true);
        })
        .await;
    }));
    // An error means that it was cancelled: then nobody asks for nodes.
    let _ = complete.wait_for(|complete| *complete).await;
    nodes
}

/// Nodes by name, each with the address that it had.
struct Nodes {
    cluster: String,
    tls: Connector,
    targets: BTreeMap<String, Target>,
}

impl Nodes {
    /// Takes in a change; tells whether something has changed for the relay.
    fn apply(&mut self, change: Change<NodeObject>) -> bool {
        match change {
            Change::Listed(all) => {
                let before = self.targets.len();
                let names: Vec<String> = all.iter().map(|node| node.name.clone()).collect();
                self.targets.retain(|name, _| names.contains(name));
                let gone = self.targets.len() != before;
                all.into_iter().fold(gone, |changed, node| self.put(node) || changed)
            }
            Change::Changed(node) => self.put(node),
            Change::Gone(name) => self.targets.remove(&name).is_some(),
        }
    }

    /// A node whose address stays keeps its connection.
    fn put(&mut self, node: NodeObject) -> bool {
        let address = node.addresses.v4.map(IpAddr::from).or(node.addresses.v6.map(IpAddr::from));
        let Some(address) = address else { return self.targets.remove(&node.name).is_some() };
        let address = SocketAddr::new(address, NODE_PORT).to_string();
        if self.targets.get(&node.name).is_some_and(|known| known.address == address) {
            return false;
        }
        let name = server_name(&node.name, &self.cluster);
        let channel = secured(address.clone(), name, self.tls.clone());
        self.targets.insert(node.name, Target { address, channel });
        true
    }

    fn roster(&self) -> Roster {
        let named =
            |(name, target): (&String, &Target)| (peer_name(name, &self.cluster), target.clone());
        Arc::new(self.targets.iter().map(named).collect())
    }
}
