//! The configuration that every program reads.

use std::net::{Ipv4Addr, Ipv6Addr};

use skep_bpf::abi::{self, Addr, Config, Mode, Timeouts, config_flags};

use crate::{
    config::{AgentConfig, Routing},
    model::{Addresses, Family, IfIndex, NodeId},
};

/// Next hops that pods see; no device has these addresses.
pub(in crate::agent) const GATEWAYS: Addresses = Addresses {
    v4: Some(Ipv4Addr::new(169, 254, 1, 1)),
    v6: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
};

/// Sources of hairpin connections of services.
const HAIRPIN_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 42, 1);
const HAIRPIN_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x73, 0x6b, 0x65, 0x70, 0, 0, 1);

/// Bytes that VXLAN adds: Ethernet 14, VXLAN 8, UDP 8, IPv4 20 or IPv6 40.
const OVERHEAD_V4: u32 = 50;
const OVERHEAD_V6: u32 = 70;

/// Seconds between events of a long flow.
const REPORT_INTERVAL: u32 = 5;

const TIMEOUTS: Timeouts =
    Timeouts { tcp_syn: 60, tcp: 8000, tcp_close: 10, udp: 60, other: 60, reserved: [0; 3] };

/// Returns what the underlay carries for pods.
pub(in crate::agent) fn route_mtu(routing: Routing, underlay_mtu: u32, node: &Addresses) -> u32 {
    match routing {
        Routing::Native => underlay_mtu,
        // Nodes meet over IPv4 where they have it.
        Routing::Vxlan if node.v4.is_some() => underlay_mtu - OVERHEAD_V4,
        Routing::Vxlan => underlay_mtu - OVERHEAD_V6,
    }
}

/// Returns the configuration.
pub(in crate::agent) fn configuration(
    config: &AgentConfig,
    node: NodeId,
    vxlan: Option<IfIndex>,
    route_mtu: u32,
    host_netns: u64,
) -> Config {
    let families = [
        (Family::V4, config_flags::IPV4, config_flags::SNAT_V4),
        (Family::V6, config_flags::IPV6, config_flags::SNAT_V6),
    ];
    let mut flags = 0;
    for (family, on, snat) in families {
        if config.ip_family.has(family) {
            flags |= on | if config.masquerade { snat } else { 0 };
        }
    }
    if config.policy_audit {
        flags |= config_flags::AUDIT;
    }
    Config {
        abi_version: abi::ABI_VERSION,
        mode: match config.routing {
            Routing::Vxlan => Mode::Vxlan as u32,
            Routing::Native => Mode::Native as u32,
        },
        flags,
        node_id: node.0,
        mark_shift: config.mark_shift,
        vxlan_ifindex: vxlan.map_or(0, |index| index.0),
        vxlan_port: config.vxlan_port.into(),
        snat_port_min: config.snat_ports.first.into(),
        snat_port_max: config.snat_ports.last.into(),
        admission_rate: 0,
        route_mtu,
        report_interval: REPORT_INTERVAL,
        gateway_v4: GATEWAYS.v4.map_or(Addr::ZERO, Addr::from),
        gateway_v6: GATEWAYS.v6.map_or(Addr::ZERO, Addr::from),
        hairpin_v4: HAIRPIN_V4.into(),
        hairpin_v6: HAIRPIN_V6.into(),
        timeouts: TIMEOUTS,
        host_netns,
        ..Config::default()
    }
}
