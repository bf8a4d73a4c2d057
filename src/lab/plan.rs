//! The address plan: every address of a lab follows from a node's number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::spec::LabSpec;
use crate::config::IpFamilies;
use crate::model::{Addresses, Family};

/// Port of the API server on the fabric's address.
pub(crate) const API_PORT: u16 = 6443;
/// Port of the world's HTTP servers.
pub(crate) const WORLD_HTTP: u16 = 80;
/// Port of the world's HTTPS servers.
pub(crate) const WORLD_HTTPS: u16 = 443;
/// Port of the world's name servers.
pub(crate) const WORLD_DNS: u16 = 53;
/// Port of the world's echo servers, TCP and UDP.
pub(crate) const WORLD_ECHO: u16 = 7;
/// MTU of the underlay.
pub(crate) const UNDERLAY_MTU: u32 = 1500;

/// The fabric's address: the nodes' gateway and the API server.
pub(crate) const FABRIC: Addresses = Addresses {
    v4: Some(Ipv4Addr::new(172, 31, 0, 1)),
    v6: Some(Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 0, 1)),
};

/// The link between the fabric and the world.
pub(crate) const WORLD_LINK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 30)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0), 126)),
];

/// The networks of the world.
pub(crate) const WORLD: [IpNet; 4] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0), 64)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0), 64)),
];

/// Cluster addresses of services.
pub(crate) const SERVICES: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0), 112)),
];

/// Returns the server's address in a network of the world: `.10` or `::10`.
pub(crate) fn world_server(network: IpNet) -> IpAddr {
    nth(
        network,
        match network {
            IpNet::V4(_) => 10,
            IpNet::V6(_) => 0x10,
        },
    )
}

/// Returns the addresses of the world's name servers, one of each family: `.53` and `::53`.
pub(crate) fn world_resolvers() -> impl Iterator<Item = IpAddr> {
    let first = [WORLD[0], WORLD[2]];
    first.into_iter().map(|network| match network {
        IpNet::V4(_) => nth(network, 53),
        IpNet::V6(_) => nth(network, 0x53),
    })
}

/// Returns the `offset`-th address of a network.
pub(crate) fn nth(network: IpNet, offset: u32) -> IpAddr {
    match network {
        IpNet::V4(net) => IpAddr::V4(Ipv4Addr::from_bits(net.network().to_bits() + offset)),
        IpNet::V6(net) => {
            IpAddr::V6(Ipv6Addr::from_bits(net.network().to_bits() + u128::from(offset)))
        }
    }
}

/// Returns the family of a network.
pub(crate) const fn family(network: &IpNet) -> Family {
    match network {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

/// Where one node is.
#[derive(Clone, Debug)]
pub(crate) struct NodePlan {
    /// Name in Kubernetes, and directory.
    pub(crate) name: String,
    /// Addresses on the underlay, with the prefix of the underlay.
    pub(crate) addresses: Vec<IpNet>,
    /// Networks of its pods.
    pub(crate) pod_cidrs: Vec<IpNet>,
}

impl NodePlan {
    /// Returns the plan of node `number`, counted from 1.
    pub(crate) fn new(number: u16, spec: &LabSpec) -> Self {
        let last = u8::try_from(number + 10).expect("the number of nodes is limited");
        let pod = u8::try_from(number).expect("the number of nodes is limited");
        let v4 = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, last), 24);
        let v6 = Ipv6Net::new_assert(
            Ipv6Addr::new(0xfd31, 0, 0, 0, 0, 0, 0, as_written(u16::from(last))),
            64,
        );
        let masks = spec.pod_masks;
        let pods_v4 = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, pod, 0), masks.v4);
        let pods_v6 = Ipv6Net::new_assert(
            Ipv6Addr::new(0xfd00, 0x10, 0x244, as_written(number), 0, 0, 0, 0),
            masks.v6,
        );
        Self {
            name: format!("node-{number}"),
            addresses: of(spec.ip_family, [v4.into(), v6.into()]),
            pod_cidrs: of(spec.ip_family, [pods_v4.into(), pods_v6.into()]),
        }
    }

    /// Returns the node's addresses without prefix.
    pub(crate) fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(IpNet::addr)
    }
}

/// Keeps the networks of the families in use.
pub(crate) fn of(families: IpFamilies, networks: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
    networks.into_iter().filter(|network| families.has(family(network))).collect()
}

/// Returns the number whose hexadecimal digits read like `number` in decimal: node 12 is `::12`.
fn as_written(number: u16) -> u16 {
    u16::from_str_radix(&number.to_string(), 16).expect("decimal digits are hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Routing,
        lab::{LabName, PodMasks},
    };

    fn spec(ip_family: IpFamilies, pod_masks: PodMasks) -> LabSpec {
        LabSpec {
            name: LabName::default(),
            nodes: 1,
            routing: Routing::Vxlan,
            ip_family,
            pod_masks,
        }
    }

    #[test]
    fn addresses_of_a_node_read_alike_in_both_families() {
        let plan = NodePlan::new(12, &spec(IpFamilies::Dual, PodMasks::default()));
        assert_eq!(plan.name, "node-12");
        let text = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(&plan.addresses), ["172.31.0.22/24", "fd31::22/64"]);
        assert_eq!(text(&plan.pod_cidrs), ["10.244.12.0/24", "fd00:10:244:12::/64"]);
        let small = PodMasks { v4: 30, v6: 126 };
        let plan = NodePlan::new(1, &spec(IpFamilies::V6, small));
        assert_eq!(text(&plan.addresses), ["fd31::11/64"]);
        assert_eq!(text(&plan.pod_cidrs), ["fd00:10:244:1::/126"]);
        let plan = NodePlan::new(1, &spec(IpFamilies::Dual, small));
        assert_eq!(text(&plan.pod_cidrs), ["10.244.1.0/30", "fd00:10:244:1::/126"]);
    }

    #[test]
    fn the_world_serves_at_ten() {
        let servers: Vec<_> = WORLD.map(world_server).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["198.51.100.10", "203.0.113.10", "2001:db8:1::10", "2001:db8:2::10"]);
        let resolvers: Vec<_> = world_resolvers().map(|ip| ip.to_string()).collect();
        assert_eq!(resolvers, ["198.51.100.53", "2001:db8:1::53"]);
    }
}
