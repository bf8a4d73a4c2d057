//! Where the tables are made for.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use ipnet::IpNet;

/// Where a client or a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The node's name.
    pub node: Arc<str>,
    /// The node's zone: label `topology.kubernetes.io/zone`.
    pub zone: Option<Arc<str>>,
}

/// This node, and which addresses of the cluster belong to nodes and pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// This node.
    pub place: Place,
    /// Addresses of this node at which node ports answer. Loopback and link-local ones are passed over:
    /// node ports on 127.0.0.1 need `route_localnet`, which lets neighbours reach loopback
    /// (CVE-2020-8558); kube-proxy's nftables mode has none either.
    pub node_ports: Vec<IpAddr>,
    /// Addresses of all nodes.
    pub nodes: BTreeSet<IpAddr>,
    /// The prefixes of pods.
    pub pods: Vec<IpNet>,
}

impl Site {
    /// Tells whether an address is a node's.
    pub fn is_node(&self, address: IpAddr) -> bool {
        self.nodes.contains(&address) || self.node_ports.contains(&address)
    }

    /// Tells whether an address is a pod's.
    pub fn is_pod(&self, address: IpAddr) -> bool {
        self.pods.iter().any(|prefix| prefix.contains(&address))
    }
}
