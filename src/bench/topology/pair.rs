//! Two pods with a worker in each.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Duration,
};

use ipnet::IpNet;

use super::skep::Node;
use crate::{
    bench::{
        NodeError,
        catalogue::Ip,
        worker::{Load, Role, Worker, WorkerError},
    },
    kernel::{
        NetNs, NetNsError, Netlink, NetlinkError, ReadError, flush_connections,
        sysctl::{self, SysctlError},
    },
    maps::MapError,
    model::{Addresses, IfIndex, MacAddr},
};

/// MTU of every device, so that no topology sends larger packets than another.
pub(super) const MTU: u32 = 1500;
/// The loopback device is number 1 in every namespace.
const LOOPBACK: IfIndex = IfIndex(1);

/// A topology could not be made or measured.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// A namespace.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// A device, address, route or neighbour.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A node with skep.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A kernel setting.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A map.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The event buffer.
    #[error(transparent)]
    Events(#[from] ReadError),
    /// A thread or runtime could not be started.
    #[error("cannot start the reader of events")]
    Reader(#[source] io::Error),
    /// The load.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// A tool is not installed.
    #[error("none of {0} is installed")]
    NoTool(String),
    /// A tool could not be run.
    #[error("cannot run {tool}")]
    Run {
        /// The tool.
        tool: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A tool refused.
    #[error("{tool} failed: {reason}")]
    Refused {
        /// The tool.
        tool: String,
        /// Its words.
        reason: String,
    },
    /// Bridged packets do not pass iptables on this kernel as it is now.
    #[error("br_netfilter is not loaded (`modprobe br_netfilter`)")]
    NoBridgeFilter,
    /// Netfilter's connections could not be flushed.
    #[error("cannot flush netfilter's connections")]
    Flush(#[source] io::Error),
}

/// A pod: a namespace and what it is called in it.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) netns: NetNs,
    pub(super) addresses: Addresses,
    pub(super) mac: MacAddr,
}

impl Pod {
    /// Makes the namespace of pod number `number`, with the settings that all topologies share.
    pub(super) fn new(number: u8) -> Result<Self, TopologyError> {
        let netns = namespace()?;
        settle_pod(&netns)?;
        let addresses = Addresses {
            v4: Some(Ipv4Addr::new(10, 99, 0, number)),
            v6: Some(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, number.into())),
        };
        Ok(Self { netns, addresses, mac: MacAddr([0x02, 0x99, 0, 0, 0, number]) })
    }

    /// Gives the device in the pod its addresses, with the prefixes of one subnet, and sets it up.
    pub(super) fn configure(&self, device: &str) -> Result<IfIndex, TopologyError> {
        let netlink = Netlink::open_in(&self.netns)?;
        let device = netlink.link_by_name(device)?.index;
        for address in self.addresses.iter() {
            netlink.add_address(device, in_subnet(address))?;
        }
        netlink.set_up(device)?;
        Ok(device)
    }

    /// Tells the pod where another one is, so that no topology pays for asking.
    pub(super) fn knows(&self, device: IfIndex, other: &Self) -> Result<(), TopologyError> {
        let netlink = Netlink::open_in(&self.netns)?;
        for address in other.addresses.iter() {
            netlink.add_neighbour(device, address, other.mac)?;
        }
        Ok(())
    }
}

/// Returns an address with the prefix length of the subnet that all pods are in.
pub(super) fn in_subnet(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new(address, length).expect("the length fits the family")
}

/// Makes the settings that pods of all topologies share. Workers listen in each family by itself.
pub(super) fn settle_pod(netns: &NetNs) -> Result<(), TopologyError> {
    Ok(netns.run(|| sysctl::set("net.ipv6.bindv6only", "1"))??)
}

/// Makes a namespace with its loopback device up.
pub(super) fn namespace() -> Result<NetNs, TopologyError> {
    let netns = NetNs::anonymous()?;
    Netlink::open_in(&netns)?.set_up(LOOPBACK)?;
    Ok(netns)
}

/// What lies between the pods.
#[derive(Debug)]
pub(super) enum Between {
    /// A wire.
    Wire,
    /// A node that tracks connections by netfilter.
    Netfilter(NetNs),
    /// A node with skep.
    Skep(Box<Node>),
}

/// Two pods, ready to be measured.
pub(crate) struct Topology {
    name: &'static str,
    client: Worker,
    _server: Worker,
    addresses: Addresses,
    between: Between,
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topology").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Topology {
    /// Starts the workers: client and server.
    pub(super) fn workers(
        program: &Path,
        client: &NetNs,
        server: &NetNs,
    ) -> Result<[Worker; 2], TopologyError> {
        let client = Worker::start(program, client, Role::Client)?;
        Ok([client, Worker::start(program, server, Role::Server)?])
    }

    /// Puts a topology together; `addresses` are the server's.
    pub(super) fn new(
        name: &'static str,
        [client, server]: [Worker; 2],
        addresses: Addresses,
        between: Between,
    ) -> Self {
        Self { name, client, _server: server, addresses, between }
    }

    /// Returns what the topology is called.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns skep's node, if this is one.
    pub(crate) fn node(&self) -> Option<&Node> {
        match &self.between {
            Between::Skep(node) => Some(node),
            _ => None,
        }
    }

    /// Takes one sample and then forgets its connections, so that each begins alike.
    ///
    /// # Errors
    /// When the load fails.
    pub(crate) fn sample(
        &mut self,
        load: Load,
        ip: Ip,
        length: Duration,
    ) -> Result<Vec<f64>, TopologyError> {
        let server = match ip {
            Ip::V4 => self.addresses.v4.map(IpAddr::V4),
            Ip::V6 => self.addresses.v6.map(IpAddr::V6),
        };
        let server = server.expect("pods have addresses of both families");
        let values = self.client.sample(load, server, length)?;
        match &self.between {
            Between::Wire => {}
            Between::Netfilter(node) => {
                node.run(flush_connections)?.map_err(TopologyError::Flush)?;
            }
            Between::Skep(node) => node.forget_connections()?,
        }
        Ok(values)
    }
}
