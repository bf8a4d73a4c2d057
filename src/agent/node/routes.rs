//! Routes of the host to the pods of other nodes.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tracing::{debug, info, warn};

use crate::{
    cni::record::write_atomically,
    kernel::{Netlink, NetlinkError, Route, RouteKind},
    kubernetes::NodeObject,
    model::{Addresses, IfIndex},
};

use super::GATEWAYS;

/// Where the packets of a prefix go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Way {
    /// Through the VXLAN device.
    Overlay { device: u32 },
    /// To a node of the same network.
    Node { address: IpAddr },
    /// Nowhere: the node's own pod CIDR, for addresses that no pod has.
    Unreachable,
}

/// What the routes depend on.
#[derive(Clone, Debug)]
pub(in crate::agent) struct RouteContext {
    /// The VXLAN device, in VXLAN mode.
    pub(in crate::agent) vxlan: Option<IfIndex>,
    /// What the underlay carries for pods.
    pub(in crate::agent) mtu: u32,
    /// Addresses of this node: sources of the host's own packets.
    pub(in crate::agent) own: Addresses,
}

/// The routes that this agent has made. They are remembered on disk, because the kernel does not
/// say whose a route is.
#[derive(Debug)]
pub(in crate::agent) struct Routes {
    file: PathBuf,
    made: BTreeMap<IpNet, Way>,
    context: RouteContext,
}

impl Routes {
    /// Takes up what an earlier agent remembered.
    pub(in crate::agent) fn open(state_dir: &Path, context: RouteContext) -> Self {
        let file = state_dir.join("routes.json");
        let made = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Vec<(IpNet, Way)>>(&bytes).ok())
            .unwrap_or_default();
        Self { file, made: made.into_iter().collect(), context }
    }

    /// Changes the sources of the host's own packets; the routes follow when they are applied.
    pub(in crate::agent) fn set_own(&mut self, own: Addresses) {
        self.context.own = own;
    }

    /// Makes the routes to these nodes' pods, and removes others once `complete` is known.
    pub(in crate::agent) fn apply(
        &mut self,
        nodes: &[NodeObject],
        local: &str,
        complete: bool,
    ) -> Result<(), NetlinkError> {
        let wanted = self.wanted(nodes, local);
        let netlink = Netlink::open()?;
        let present = netlink.routes()?;
        let before = self.made.clone();
        for (net, way) in &wanted {
            let route = self.route(*net, *way);
            if self.made.get(net) == Some(way) && present.iter().any(|other| same(other, &route)) {
                continue;
            }
            match netlink.add_route(&route) {
                Ok(()) => {
                    info!(%net, ?way, "route set");
                    self.made.insert(*net, *way);
                }
                // Nodes that are not on one network are reached by the underlay's own routes.
                Err(error) if matches!(way, Way::Node { .. }) => {
                    debug!(%net, %error, "no direct route");
                }
                Err(error) => warn!(%net, %error, "route not set"),
            }
        }
        let stale: Vec<_> =
            self.made.keys().filter(|net| !wanted.contains_key(net)).copied().collect();
        for net in stale.into_iter().filter(|_| complete) {
            let route = self.route(net, self.made[&net]);
            match netlink.remove_route(&route) {
                Err(error) if !error.is_absent() => warn!(%net, %error, "route not removed"),
                _ => drop(self.made.remove(&net)),
            }
        }
        if self.made != before {
            self.remember();
        }
        Ok(())
    }

    /// Returns the routes that should be there and are not.
    pub(in crate::agent) fn missing(&self, present: &[Route]) -> Vec<IpNet> {
        let made = self.made.iter();
        made.filter(|(net, way)| {
            let route = self.route(**net, **way);
            !present.iter().any(|other| same(other, &route))
        })
        .map(|(net, _)| *net)
        .collect()
    }

    fn wanted(&self, nodes: &[NodeObject], local: &str) -> BTreeMap<IpNet, Way> {
        let mut wanted = BTreeMap::new();
        for node in nodes {
            for net in &node.pod_cidrs {
                let v4 = net.addr().is_ipv4();
                let address = node.addresses.iter().find(|address| address.is_ipv4() == v4);
                let way = if node.name == local {
                    Some(Way::Unreachable)
                } else if let Some(device) = self.context.vxlan {
                    Some(Way::Overlay { device: device.0 })
                } else {
                    address.map(|address| Way::Node { address })
                };
                if let Some(way) = way {
                    wanted.insert(*net, way);
                }
            }
        }
        wanted
    }

    fn route(&self, net: IpNet, way: Way) -> Route {
        let family = |address: &IpAddr| address.is_ipv4() == net.addr().is_ipv4();
        let gateway = GATEWAYS.iter().find(family).expect("there is one of each family");
        let route = match way {
            Way::Overlay { device } => {
                Route::to(net).via(gateway).dev(IfIndex(device)).onlink().mtu(self.context.mtu)
            }
            Way::Node { address } => Route::to(net).via(address).mtu(self.context.mtu),
            Way::Unreachable => return Route::to(net).kind(RouteKind::Unreachable),
        };
        match self.context.own.iter().find(family) {
            Some(own) => route.source(own),
            None => route,
        }
    }

    fn remember(&self) {
        let all: Vec<_> = self.made.iter().collect();
        let written = serde_json::to_vec(&all)
            .map_err(std::io::Error::from)
            .and_then(|bytes| write_atomically(&self.file, &bytes));
        if let Err(error) = written {
            warn!(%error, "routes not remembered");
        }
    }
}

/// The kernel adds a device to routes through a next hop, and a metric to those of IPv6.
fn same(present: &Route, wanted: &Route) -> bool {
    present.destination == wanted.destination
        && present.kind == wanted.kind
        && (wanted.kind != RouteKind::Unicast
            || (present.via == wanted.via
                && present.source == wanted.source
                && present.mtu == wanted.mtu
                && (wanted.device.is_none() || present.device == wanted.device)))
}
