//! Two namespaces joined by a veth pair: nothing is faster.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Path, Topology, end, of_family};
use crate::{
    bench::BenchError,
    kernel::{NetNs, Netlink, VethSpec},
    model::{Addresses, Family},
};

/// A bare veth pair.
#[derive(Debug)]
pub(in crate::bench) struct Veth {
    client: NetNs,
    server: NetNs,
}

fn addresses(end: u8) -> Addresses {
    Addresses {
        v4: Some(Ipv4Addr::new(10, 1, 0, end)),
        v6: Some(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, end.into())),
    }
}

impl Veth {
    pub(in crate::bench) fn new() -> Result<Self, BenchError> {
        let (client, server) = (end()?, end()?);
        Netlink::open_in(&client)?.create_veth_pair(&VethSpec {
            name: "eth0",
            mac: None,
            peer_name: "eth0",
            peer_mac: None,
            peer_netns: Some(&server),
            mtu: 1500,
        })?;
        for (netns, number) in [(&client, 1), (&server, 2)] {
            let netlink = Netlink::open_in(netns)?;
            let device = netlink.link_by_name("eth0")?.index;
            for (address, length) in addresses(number).iter().zip([24, 64]) {
                let net = ipnet::IpNet::new(address, length).expect("the length fits the family");
                netlink.add_address(device, net)?;
            }
            netlink.set_up(device)?;
        }
        Ok(Self { client, server })
    }
}

impl Topology for Veth {
    fn name(&self) -> &'static str {
        "bare veth"
    }

    fn path(&self, family: Family) -> Path<'_> {
        let target = of_family(&addresses(2), family);
        Path { client: &self.client, server: &self.server, target }
    }
}
