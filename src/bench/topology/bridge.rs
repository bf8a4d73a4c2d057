//! What users would otherwise run: a bridge, netfilter on bridged packets, kube-proxy's chains.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use super::{
    iptables,
    pair::{Between, MTU, Pod, Topology, TopologyError, in_subnet, namespace},
};
use crate::{
    bench::catalogue::Ip,
    kernel::{BridgeSpec, NetNs, Netlink, VethSpec, sysctl},
};

const BRIDGE: &str = "cni0";
/// Settings without which bridged packets do not pass iptables.
const BRIDGE_FILTER: [&str; 2] =
    ["net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"];

/// Joins two pods by a bridge on a node with kube-proxy's rules in iptables. Returns the topology
/// and the name of the iptables that was used.
///
/// # Errors
/// When iptables or the kernel's part of it is missing, or the kernel refuses.
pub(crate) fn bridge(
    name: &'static str,
    program: &Path,
) -> Result<(Topology, String), TopologyError> {
    let node = namespace()?;
    node.run(|| BRIDGE_FILTER.iter().try_for_each(|setting| sysctl::set(setting, "1")))?
        .map_err(|_| TopologyError::NoBridgeFilter)?;
    node.run(|| {
        sysctl::set("net.ipv4.ip_forward", "1")?;
        sysctl::set("net.ipv6.conf.all.forwarding", "1")
    })??;
    let variant = iptables::install(&node, Ip::V4)?;
    iptables::install(&node, Ip::V6)?;

    let (client, server) = (Pod::new(1)?, Pod::new(2)?);
    plug_in(&node, &[&client, &server])?;
    for (pod, other) in [(&client, &server), (&server, &client)] {
        let device = pod.configure("eth0")?;
        pod.knows(device, other)?;
    }
    let workers = Topology::workers(program, &client.netns, &server.netns)?;
    let between = Between::Netfilter(node);
    Ok((Topology::new(name, workers, server.addresses, between), variant))
}

fn plug_in(node: &NetNs, pods: &[&Pod]) -> Result<(), TopologyError> {
    let netlink = Netlink::open_in(node)?;
    netlink.create_bridge(&BridgeSpec { name: BRIDGE, mtu: MTU })?;
    let bridge = netlink.link_by_name(BRIDGE)?.index;
    let gateways: [IpAddr; 2] =
        [Ipv4Addr::new(10, 99, 0, 254).into(), Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 254).into()];
    for gateway in gateways {
        netlink.add_address(bridge, in_subnet(gateway))?;
    }
    netlink.set_up(bridge)?;
    for (number, pod) in pods.iter().enumerate() {
        let port = format!("veth{number}");
        netlink.create_veth_pair(&VethSpec {
            name: &port,
            mac: None,
            peer_name: "eth0",
            peer_mac: Some(pod.mac),
            peer_netns: Some(&pod.netns),
            mtu: MTU,
        })?;
        let port = netlink.link_by_name(&port)?.index;
        netlink.set_master(port, bridge)?;
        netlink.set_up(port)?;
    }
    Ok(())
}
