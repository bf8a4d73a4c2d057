//! The fabric joins the nodes on one bridge and routes between them and the world.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use nix::sched::CloneFlags;

use super::{
    host::namespace::{self, NamespaceError},
    plan::{self, NodePlan},
    state::{LabDir, StateError, create_dir},
};
use crate::{
    config::IpFamilies,
    kernel::{BridgeSpec, NetNs, NetNsError, Netlink, NetlinkError, Route, RouteKind, VethSpec},
};

/// Name of the bridge.
pub(crate) const BRIDGE: &str = "underlay";
/// Name of the only device of nodes and of the world.
pub(crate) const UPLINK: &str = "eth0";
/// The kernel's table of its own addresses.
const LOCAL: u32 = 255;
/// The fabric's end of the link to the world.
const TO_WORLD: &str = "world";

/// The network between the nodes could not be built.
#[derive(Debug, thiserror::Error)]
pub enum FabricError {
    /// A namespace could not be made or entered.
    #[error("cannot prepare a network namespace")]
    Namespace(#[from] NamespaceError),
    /// A namespace's file could not be opened.
    #[error("cannot open a network namespace")]
    Open(#[from] NetNsError),
    /// A directory could not be made.
    #[error("cannot prepare a directory")]
    State(#[from] StateError),
    /// A device, address or route could not be made.
    #[error("cannot build the network")]
    Netlink(#[from] NetlinkError),
    /// A kernel parameter could not be set.
    #[error("cannot write {}", path.display())]
    Parameter {
        /// Its file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The API server's address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// Creates the fabric and the world, linked and addressed.
pub(crate) fn create(dir: &LabDir, families: IpFamilies) -> Result<(), FabricError> {
    let (fabric, world) = (dir.fabric(), dir.world());
    create_dir(&fabric)?;
    create_dir(&world)?;
    namespace::create(&fabric, CloneFlags::CLONE_NEWNET, prepare)?;
    namespace::create(&world, CloneFlags::CLONE_NEWNET, prepare)?;
    let netlink = Netlink::open_in(&NetNs::open(fabric.join("net"))?)?;
    netlink.create_bridge(&BridgeSpec { name: BRIDGE, mtu: plan::UNDERLAY_MTU })?;
    let bridge = netlink.link_by_name(BRIDGE)?.index;
    for address in fabric_networks(families) {
        netlink.add_address(bridge, address)?;
    }
    netlink.set_up(bridge)?;
    namespace::run_in(&[fabric], || {
        set(&["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"], "1")
    })?;
    link_world(&netlink, &world, families)
}

fn link_world(netlink: &Netlink, world: &Path, families: IpFamilies) -> Result<(), FabricError> {
    let netns = NetNs::open(world.join("net"))?;
    netlink.create_veth_pair(&veth(TO_WORLD, &netns))?;
    let inside = Netlink::open_in(&netns)?;
    let (near, far) = (netlink.link_by_name(TO_WORLD)?.index, inside.link_by_name(UPLINK)?.index);
    let lo = inside.link_by_name("lo")?.index;
    netlink.set_up(near)?;
    inside.set_up(far)?;
    for resolver in plan::world_resolvers().filter(|ip| families.has(family_of(*ip))) {
        inside.add_address(far, IpNet::from(resolver))?;
    }
    for link in plan::of(families, plan::WORLD_LINK) {
        let (gateway, server) = (plan::nth(link, 1), plan::nth(link, 2));
        netlink.add_address(near, with_prefix(gateway, link))?;
        inside.add_address(far, with_prefix(server, link))?;
        inside.add_route(&Route::default_of(gateway).via(gateway).dev(far))?;
        for network in plan::of(families, plan::WORLD) {
            if plan::family(&network) == plan::family(&link) {
                netlink.add_route(&Route::to(network).via(server).dev(near))?;
                inside.add_address(far, with_prefix(plan::world_server(network), network))?;
                // Every other address of the network is the world's own, too: names can be given any.
                let own =
                    Route { table: LOCAL, ..Route::to(network).dev(lo).kind(RouteKind::Local) };
                inside.add_route(&own)?;
            }
        }
    }
    Ok(())
}

/// Links a node to the bridge and gives it addresses and default routes.
pub(crate) fn join(
    dir: &LabDir,
    node: &NodePlan,
    netns: &Path,
    families: IpFamilies,
) -> Result<(), FabricError> {
    let netns = NetNs::open(netns)?;
    let netlink = Netlink::open_in(&NetNs::open(dir.fabric().join("net"))?)?;
    netlink.create_veth_pair(&veth(&node.name, &netns))?;
    let port = netlink.link_by_name(&node.name)?.index;
    netlink.set_master(port, netlink.link_by_name(BRIDGE)?.index)?;
    netlink.set_up(port)?;
    let inside = Netlink::open_in(&netns)?;
    let uplink = inside.link_by_name(UPLINK)?.index;
    inside.set_up(uplink)?;
    for address in &node.addresses {
        inside.add_address(uplink, *address)?;
    }
    for gateway in fabric_networks(families) {
        inside.add_route(&Route::default_of(gateway.addr()).via(gateway.addr()).dev(uplink))?;
    }
    Ok(())
}

/// Removes every device of a namespace at once; the kernel would do so some time after its end.
pub(crate) fn clear(netns: &Path) -> Result<(), FabricError> {
    let netlink = Netlink::open_in(&NetNs::open(netns)?)?;
    for link in netlink.links()?.iter().filter(|link| link.kind.is_some()) {
        match netlink.delete_link(link.index) {
            Err(error) if !error.is_absent() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Makes a new network namespace fit for use: addresses at once, loopback up.
pub(crate) fn prepare() -> Result<(), FabricError> {
    // Duplicate address detection would hold every IPv6 address back for a second or two.
    set(&["net/ipv6/conf/all/accept_dad", "net/ipv6/conf/default/accept_dad"], "0")?;
    set(&["net/ipv6/conf/all/accept_ra", "net/ipv6/conf/default/accept_ra"], "0")?;
    let netlink = Netlink::open()?;
    netlink.set_up(netlink.link_by_name("lo")?.index)?;
    Ok(())
}

/// Listens on the fabric's addresses, from inside its namespace.
pub(crate) fn listen(
    dir: &LabDir,
    families: IpFamilies,
    port: u16,
) -> Result<Vec<TcpListener>, FabricError> {
    namespace::run_in(&[dir.fabric()], || {
        let addresses = plan::FABRIC.iter().filter(|ip| families.has(family_of(*ip)));
        let listen = |ip| {
            let address = SocketAddr::new(ip, port);
            TcpListener::bind(address).map_err(|source| FabricError::Listen { address, source })
        };
        addresses.map(listen).collect()
    })
}

fn family_of(address: IpAddr) -> crate::model::Family {
    plan::family(&IpNet::from(address))
}

/// Returns the fabric's addresses with their prefixes.
fn fabric_networks(families: IpFamilies) -> Vec<IpNet> {
    let with_prefix = |ip: IpAddr| {
        let length = if ip.is_ipv4() { 24 } else { 64 };
        IpNet::new(ip, length).expect("the length fits the family")
    };
    plan::of(families, plan::FABRIC.iter().map(with_prefix))
}

fn with_prefix(address: IpAddr, network: IpNet) -> IpNet {
    IpNet::new(address, network.prefix_len()).expect("the length fits the family")
}

fn veth<'a>(name: &'a str, peer: &'a NetNs) -> VethSpec<'a> {
    VethSpec {
        name,
        mac: None,
        peer_name: UPLINK,
        peer_mac: None,
        peer_netns: Some(peer),
        mtu: plan::UNDERLAY_MTU,
    }
}

/// Sets kernel parameters of the calling thread's network namespace. A family that the kernel
/// lacks has no files, and needs none.
fn set(names: &[&str], value: &str) -> Result<(), FabricError> {
    for name in names {
        let path = Path::new("/proc/sys").join(name);
        match fs::write(&path, value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(FabricError::Parameter { path, source }),
            Ok(()) => {}
        }
    }
    Ok(())
}
