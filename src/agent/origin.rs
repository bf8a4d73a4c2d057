//! Who connects to a service, and from where.

use std::net::IpAddr;

use super::{cluster::PeerView, service::Origin, shared::Agent};
use crate::{
    api::{Asker, QualifiedName},
    model::{Addresses, PodRef},
};

/// Finds out who is meant; `None` if there is no such pod. Addresses that nobody of the cluster has are
/// outside of it.
pub(super) fn find(agent: &Agent, asker: &Asker) -> Option<Origin> {
    match asker {
        Asker::Pod(name) => pod(agent, name),
        Asker::Address(address) => Some(owner(agent, *address)),
    }
}

fn pod(agent: &Agent, QualifiedName { namespace, name }: &QualifiedName) -> Option<Origin> {
    let records = agent.endpoints.records();
    let here = records.iter().find(|record| {
        let pod = record.pod.as_ref();
        pod.is_some_and(|pod| pod.namespace == *namespace && pod.name == *name)
    });
    if let Some(record) = here {
        return Some(local(agent, record.addresses, false));
    }
    let any = PodRef { namespace: namespace.clone(), name: name.clone(), uid: String::new() };
    if agent.pods.pod(&any).is_some_and(|pod| !pod.ended) {
        // A pod of this node without an interface: it uses the node's.
        return Some(local(agent, own_addresses(agent), true));
    }
    let cluster = agent.cluster();
    let (addresses, node) = cluster.remote_pod(namespace, name)?;
    Some(Origin { addresses, place: Some(cluster.place_of(node)), on_host: false })
}

fn owner(agent: &Agent, address: IpAddr) -> Origin {
    let addresses = vec![address];
    if agent.endpoints.by_address(address).is_some() {
        let place = agent.cluster().place_of(&agent.config.node_name);
        return Origin { addresses, place: Some(place), on_host: false };
    }
    let cluster = agent.cluster();
    match cluster.peer(address) {
        Some(PeerView::Pod(_, node)) => {
            Origin { addresses, place: Some(cluster.place_of(&node)), on_host: false }
        }
        Some(PeerView::Node(view)) => {
            let place = cluster.place_of(&view.node.name);
            Origin { addresses, place: Some(place), on_host: true }
        }
        None => Origin { addresses, place: None, on_host: false },
    }
}

fn local(agent: &Agent, addresses: Addresses, on_host: bool) -> Origin {
    let place = agent.cluster().place_of(&agent.config.node_name);
    Origin { addresses: addresses.iter().collect(), place: Some(place), on_host }
}

fn own_addresses(agent: &Agent) -> Addresses {
    let own = agent.cluster().nodes().into_iter().find(|view| view.local);
    own.map(|view| view.node.addresses).unwrap_or_default()
}
