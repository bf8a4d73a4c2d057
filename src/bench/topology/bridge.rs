//! A bridge whose packets pass iptables, with the chains of kube-proxy and of a simple overlay: what
//! a node runs without eBPF.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{Command, Stdio},
};

use ipnet::IpNet;

use super::{Path, Topology, end, kube_proxy, of_family};
use crate::{
    bench::BenchError,
    kernel::{BridgeSpec, NetNs, Netlink, Route, VethSpec, sysctl},
    model::{Addresses, Family},
};

/// Services of the reference. The cost of open connections does not depend on it; that of new ones
/// does, and ten is kind to the reference.
const SERVICES: u8 = 10;

/// Two pods on a bridge with iptables.
#[derive(Debug)]
pub(in crate::bench) struct Bridge {
    _node: NetNs,
    client: NetNs,
    server: NetNs,
}

fn addresses(end: u8) -> Addresses {
    Addresses {
        v4: Some(Ipv4Addr::new(10, 244, 0, end)),
        v6: Some(Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, end.into())),
    }
}

fn nets(end: u8) -> impl Iterator<Item = IpNet> {
    addresses(end)
        .iter()
        .zip([24, 64])
        .map(|(address, length)| IpNet::new(address, length).expect("the length fits the family"))
        .collect::<Vec<_>>()
        .into_iter()
}

impl Bridge {
    pub(in crate::bench) fn new() -> Result<Self, BenchError> {
        let node = end()?;
        node.run(node_settings)??;
        let netlink = Netlink::open_in(&node)?;
        netlink.create_bridge(&BridgeSpec { name: "cni0", mtu: 1500 })?;
        let bridge = netlink.link_by_name("cni0")?.index;
        for net in nets(1) {
            netlink.add_address(bridge, net)?;
        }
        netlink.set_up(bridge)?;
        let pod = |number: u8| -> Result<NetNs, BenchError> {
            let netns = end()?;
            let name = format!("veth{number}");
            netlink.create_veth_pair(&VethSpec {
                name: &name,
                mac: None,
                peer_name: "eth0",
                peer_mac: None,
                peer_netns: Some(&netns),
                mtu: 1500,
            })?;
            let host = netlink.link_by_name(&name)?.index;
            netlink.set_master(host, bridge)?;
            netlink.set_up(host)?;
            let inside = Netlink::open_in(&netns)?;
            let device = inside.link_by_name("eth0")?.index;
            for net in nets(number) {
                inside.add_address(device, net)?;
            }
            inside.set_up(device)?;
            for gateway in addresses(1).iter() {
                inside.add_route(&Route::default_of(gateway).via(gateway).dev(device))?;
            }
            Ok(netns)
        };
        let (client, server) = (pod(2)?, pod(3)?);
        for family in [Family::V4, Family::V6] {
            load_rules(&node, family)?;
        }
        Ok(Self { _node: node, client, server })
    }
}

/// Bridged packets pass iptables, as kube-proxy requires; closed connections are forgotten at once,
/// so that samples do not weigh on each other.
fn node_settings() -> Result<(), BenchError> {
    for (name, value) in [
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv6.conf.all.forwarding", "1"),
        ("net.bridge.bridge-nf-call-iptables", "1"),
        ("net.bridge.bridge-nf-call-ip6tables", "1"),
        ("net.netfilter.nf_conntrack_tcp_timeout_close", "1"),
        ("net.netfilter.nf_conntrack_tcp_timeout_time_wait", "1"),
    ] {
        sysctl::set(name, value)?;
    }
    Ok(())
}

/// The legacy tables where they are installed: they are what most comparisons are made with.
fn load_rules(node: &NetNs, family: Family) -> Result<(), BenchError> {
    let (programs, rules) = match family {
        Family::V4 => (
            ["iptables-legacy-restore", "iptables-restore"],
            kube_proxy::rules(SERVICES, IpAddr::V4(Ipv4Addr::new(10, 96, 0, 0)), "10.244.0.0/16"),
        ),
        Family::V6 => (
            ["ip6tables-legacy-restore", "ip6tables-restore"],
            kube_proxy::rules(
                SERVICES,
                IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0)),
                "fd00:10:244::/48",
            ),
        ),
    };
    for program in programs {
        match node.run(|| restore(program, &rules))? {
            Err(None) => {}
            Err(Some(output)) => return Err(BenchError::Rules { program, output }),
            Ok(()) => return Ok(()),
        }
    }
    Err(BenchError::MissingProgram(programs[1]))
}

/// Fails with the program's words, or with nothing when it is not installed.
fn restore(program: &str, rules: &str) -> Result<(), Option<String>> {
    let child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let words = |error: std::io::Error| Some(error.to_string());
    let mut child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
        other => other.map_err(words)?,
    };
    let mut input = child.stdin.take().expect("it was asked for");
    // A refusal closes the pipe early; the exit status tells.
    let _ = input.write_all(rules.as_bytes());
    drop(input);
    let output = child.wait_with_output().map_err(words)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

impl Topology for Bridge {
    fn name(&self) -> &'static str {
        "bridge with iptables"
    }

    fn path(&self, family: Family) -> Path<'_> {
        let target = of_family(&addresses(3), family);
        Path { client: &self.client, server: &self.server, target }
    }
}
