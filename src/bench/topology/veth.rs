//! A bare veth pair: what the kernel can do at best.

use std::path::Path;

use super::pair::{Between, MTU, Pod, Topology, TopologyError};
use crate::kernel::{Netlink, VethSpec};

/// Joins two pods by one veth pair.
///
/// # Errors
/// When the kernel refuses, or a worker does not start.
pub(crate) fn veth(name: &'static str, program: &Path) -> Result<Topology, TopologyError> {
    let (client, server) = (Pod::new(1)?, Pod::new(2)?);
    Netlink::open_in(&client.netns)?.create_veth_pair(&VethSpec {
        name: "eth0",
        mac: Some(client.mac),
        peer_name: "eth0",
        peer_mac: Some(server.mac),
        peer_netns: Some(&server.netns),
        mtu: MTU,
    })?;
    for (pod, other) in [(&client, &server), (&server, &client)] {
        let device = pod.configure("eth0")?;
        pod.knows(device, other)?;
    }
    let workers = Topology::workers(program, &client.netns, &server.netns)?;
    Ok(Topology::new(name, workers, server.addresses, Between::Wire))
}
