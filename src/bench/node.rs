//! A node without an agent: the real datapath, map entries and pods made by hand.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    thread,
    time::{Duration, Instant},
};

use skep_bpf::abi::{
    ABI_VERSION, Config, DeviceKind, DeviceValue, EndpointValue, IdentityValue, IpcacheKey,
    IpcacheValue, Mode, NearValue, NodeValue, Timeouts, config_flags, device_flags, endpoint_flags,
    identity, identity_flags, ipcache_flags, mark, node_flags, policy,
};

use crate::{
    kernel::{
        AttachError, AttachMode, Datapath, Hook, LoadError, LoadOptions, NetNs, NetNsError,
        Netlink, NetlinkError, PodDevice, PodDeviceError, PodDeviceSpec, PrivateBpffs, remove_all,
        sysctl::{self, NodeSettings, SysctlError},
    },
    maps::{
        ConfigTable, DeviceTable, EndpointTable, IdentityTable, IpcacheTable, MapError, MapStore,
        NearTable, NodeAddrTable, NodeTable, RevisionTable,
    },
    model::{Addresses, Identity, IfIndex, MacAddr},
};

const NODE: u32 = 1;
const NODE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NODE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
const GATEWAYS: Addresses = Addresses {
    v4: Some(Ipv4Addr::new(169, 254, 1, 1)),
    v6: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
};
const MTU: u32 = 1500;
const LOOPBACK: IfIndex = IfIndex(1);
const POD_DEVICE: &str = "eth0";
/// How long a pod's device may take to have a carrier.
const CARRIER_WITHIN: Duration = Duration::from_secs(10);

/// Entries of the maps that come in sizes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Connections and their aliases.
    pub conntrack: u32,
    /// Backends of services.
    pub backends: u32,
    /// What policies tell apart.
    pub policies: u32,
}

impl Default for Room {
    fn default() -> Self {
        Self { conntrack: 16 * 1024, backends: 16 * 1024, policies: 128 * 1024 }
    }
}

/// A namespace with the datapath in it. It goes with everything when dropped, and leaves nothing
/// behind when the process is killed: its pins are in a file system that is mounted nowhere.
#[derive(Debug)]
pub struct StandaloneNode {
    netns: NetNs,
    bpffs: PrivateBpffs,
    options: LoadOptions,
    datapath: Option<Datapath>,
    pods: u32,
}

/// A pod of a [`StandaloneNode`]: a namespace and its device.
#[derive(Debug)]
pub struct StandalonePod {
    /// The pod's namespace.
    pub netns: NetNs,
    /// Its addresses, one of each family.
    pub addresses: Addresses,
    /// Its device.
    pub device: PodDevice,
    /// Name of the host side of its device.
    pub host_name: String,
    /// Its number on the node.
    pub endpoint: u32,
}

/// The node could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No private bpffs.
    #[error("cannot make a private BPF file system")]
    Bpffs(#[source] io::Error),
    /// No namespace.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// The datapath was refused.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Programs were refused on a device.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A map entry was refused.
    #[error(transparent)]
    Map(#[from] MapError),
    /// A setting was refused.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A pod's device was refused.
    #[error(transparent)]
    Device(#[from] PodDeviceError),
    /// An address was refused.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// Nothing can leave a pod.
    #[error("the device of pod {0} has no carrier after {limit:?}", limit = CARRIER_WITHIN)]
    Carrier(u32),
}

impl StandalonePod {
    /// Returns its identity, which no other pod has.
    pub fn identity(&self) -> Identity {
        Identity(identity_of(self.endpoint))
    }
}

impl StandaloneNode {
    /// Makes the namespace, loads the datapath and configures it.
    ///
    /// # Errors
    /// When the kernel refuses any of it.
    pub fn new(attach: AttachMode) -> Result<Self, NodeError> {
        Self::with_room(attach, Room::default())
    }

    /// The node's IPv4 address.
    pub const ADDRESS: Ipv4Addr = NODE_V4;

    /// The same with maps of these sizes.
    ///
    /// # Errors
    /// When the kernel refuses any of it.
    pub fn with_room(attach: AttachMode, room: Room) -> Result<Self, NodeError> {
        let bpffs = PrivateBpffs::new().map_err(NodeError::Bpffs)?;
        let options = LoadOptions {
            bpf_dir: bpffs.path().join("skep"),
            attach,
            conntrack_entries: room.conntrack,
            backend_entries: room.backends,
            policy_entries: room.policies,
        };
        let netns = NetNs::anonymous()?;
        let datapath = netns.run(|| {
            settle()?;
            let datapath = Datapath::open(&options)?;
            configure(&datapath)?;
            Ok::<_, NodeError>(datapath)
        })??;
        Ok(Self { netns, bpffs, options, datapath: Some(datapath), pods: 0 })
    }

    /// Returns the node's namespace.
    pub fn netns(&self) -> &NetNs {
        &self.netns
    }

    /// Returns how the datapath was loaded.
    pub fn options(&self) -> &LoadOptions {
        &self.options
    }

    /// Returns the private file system of the pins.
    pub fn bpffs(&self) -> &PrivateBpffs {
        &self.bpffs
    }

    /// Returns the datapath.
    pub fn datapath(&self) -> &Datapath {
        self.datapath.as_ref().expect("only `restart` takes it, and puts the next one back")
    }

    /// Drops the datapath and opens it again, as a restarted agent does, and attaches it to the
    /// devices of these pods in place.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn restart(
        &mut self,
        attach: AttachMode,
        pods: &[&StandalonePod],
    ) -> Result<(), NodeError> {
        self.datapath = None;
        self.options.attach = attach;
        let datapath = self.netns.run(|| {
            let datapath = Datapath::open(&self.options)?;
            for pod in pods {
                datapath.attach(Hook::Pod, pod.device.ifindex)?;
            }
            Ok::<_, NodeError>(datapath)
        })??;
        self.datapath = Some(datapath);
        Ok(())
    }

    /// Makes a pod with an address of each family, as the agent does: device, programs, map entries,
    /// then up.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn add_pod(&mut self) -> Result<StandalonePod, NodeError> {
        self.pods += 1;
        let number = self.pods;
        let netns = NetNs::anonymous()?;
        let host_name = format!("skep{number:010x}");
        let [.., high, low] = number.to_be_bytes();
        let addresses = Addresses {
            v4: Some(Ipv4Addr::new(10, 244, high, low)),
            v6: Some(Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, high.into(), low.into())),
        };
        // Two neighbours in the count have each other's MACs, so that a packet from one to the other
        // looks the same after it was forwarded, and a test run can repeat on it.
        let macs = [MacAddr([0x02, 0x70, 0, 0, 0, 1]), MacAddr([0x02, 0x70, 0, 0, 0, 2])];
        let [pod_mac, host_mac] = if number.is_multiple_of(2) { macs } else { [macs[1], macs[0]] };
        let spec = PodDeviceSpec {
            netns: &netns,
            host_name: &host_name,
            pod_ifname: POD_DEVICE,
            addresses,
            pod_mac,
            host_mac,
            mtu: MTU,
            route_mtu: MTU,
            gateways: GATEWAYS,
        };
        let device = self.netns.run(|| {
            let device = PodDevice::create(&spec)?;
            let datapath = self.datapath();
            write_pod(datapath, &spec, &device, number)?;
            datapath.attach(Hook::Pod, device.ifindex)?;
            device.bring_up(&spec)?;
            Ok::<_, NodeError>(device)
        })??;
        wait_for_carrier(&netns, number)?;
        Ok(StandalonePod { netns, addresses, device, host_name, endpoint: number })
    }
}

/// Waits until packets can leave a pod's device. It was set up before the host's end, and that it has a carrier
/// since then the kernel finds out in a thread of its own, which may take a while where all processors are busy.
fn wait_for_carrier(netns: &NetNs, pod: u32) -> Result<(), NodeError> {
    let (netlink, until) = (Netlink::open_in(netns)?, Instant::now() + CARRIER_WITHIN);
    while !netlink.link_by_name(POD_DEVICE)?.running {
        if Instant::now() > until {
            return Err(NodeError::Carrier(pod));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

impl Drop for StandaloneNode {
    fn drop(&mut self) {
        let removed = self.netns.run(|| remove_all(&self.options.bpf_dir));
        if let Err(error) = removed.map_err(NodeError::from).and_then(|r| r.map_err(Into::into)) {
            tracing::warn!(%error, "cannot remove a node's datapath");
        }
    }
}

fn settle() -> Result<(), NodeError> {
    let settings = NodeSettings { ipv4: true, ipv6: true, snat_ports: (61000, 65535) };
    if let Some(error) = sysctl::apply_node(&settings).into_iter().next() {
        return Err(error.into());
    }
    let netlink = Netlink::open()?;
    netlink.set_up(LOOPBACK)?;
    for address in [IpAddr::V4(NODE_V4), IpAddr::V6(NODE_V6)] {
        netlink.add_address(LOOPBACK, address.into())?;
    }
    Ok(())
}

/// Identity numbers of pods start where label sets do.
fn identity_of(pod: u32) -> u32 {
    identity::FIRST_CLUSTER + pod
}

fn prefix(address: IpAddr, length: u32) -> IpcacheKey {
    let family = if address.is_ipv4() { 96 } else { 0 };
    IpcacheKey { prefix_len: family + length, addr: address.into() }
}

fn host_prefix(address: IpAddr) -> IpcacheKey {
    prefix(address, if address.is_ipv4() { 32 } else { 128 })
}

/// Writes everything that does not depend on pods; the configuration last, since it opens the door.
fn configure(datapath: &Datapath) -> Result<(), MapError> {
    let maps = datapath.maps();
    let node = NodeValue {
        addr_v4: NODE_V4.into(),
        addr_v6: NODE_V6.into(),
        flags: node_flags::LOCAL | node_flags::READY,
        ..NodeValue::default()
    };
    maps.put::<NodeTable>(&NODE, &node)?;
    for address in [IpAddr::V4(NODE_V4), IpAddr::V6(NODE_V6)] {
        maps.put::<NodeAddrTable>(&address.into(), &NODE)?;
        let owner = IpcacheValue {
            identity: identity::HOST,
            node_id: NODE,
            flags: ipcache_flags::NODE,
            ..IpcacheValue::default()
        };
        maps.put::<IpcacheTable>(&host_prefix(address), &owner)?;
    }
    let cluster =
        IpcacheValue { node_id: NODE, flags: ipcache_flags::POD_CIDR, ..IpcacheValue::default() };
    let pods = [
        (IpAddr::V4(Ipv4Addr::new(10, 244, 0, 0)), 16),
        (IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, 0)), 64),
    ];
    for (address, length) in pods {
        maps.put::<IpcacheTable>(&prefix(address, length), &cluster)?;
    }
    for (number, flags) in [
        (identity::HOST, identity_flags::NODE),
        (identity::HEALTH, 0),
        (identity::REMOTE_NODE, identity_flags::NODE),
        (identity::KUBE_APISERVER, identity_flags::NODE),
        (identity::INGRESS, identity_flags::NODE),
        (identity::WORLD_V4, identity_flags::WORLD),
        (identity::WORLD_V6, identity_flags::WORLD),
    ] {
        maps.put::<IdentityTable>(&number, &IdentityValue { scope: 0, flags })?;
    }
    maps.put::<RevisionTable>(&0, &1)?;
    maps.put::<ConfigTable>(&0, &config())
}

fn config() -> Config {
    Config {
        abi_version: ABI_VERSION,
        mode: Mode::Native as u32,
        flags: config_flags::IPV4
            | config_flags::IPV6
            | config_flags::SNAT_V4
            | config_flags::SNAT_V6,
        node_id: NODE,
        mark_shift: mark::DEFAULT_SHIFT,
        vxlan_port: 8472,
        snat_port_min: 61000,
        snat_port_max: 65535,
        route_mtu: MTU,
        report_interval: 5,
        gateway_v4: GATEWAYS.v4.expect("constant").into(),
        gateway_v6: GATEWAYS.v6.expect("constant").into(),
        timeouts: Timeouts {
            tcp_syn: 60,
            tcp: 8000,
            tcp_close: 10,
            udp: 60,
            other: 60,
            ..Timeouts::default()
        },
        ..Config::default()
    }
}

fn write_pod(
    datapath: &Datapath,
    spec: &PodDeviceSpec<'_>,
    device: &PodDevice,
    number: u32,
) -> Result<(), MapError> {
    let maps = datapath.maps();
    let identity = identity_of(number);
    maps.put::<IdentityTable>(&identity, &IdentityValue::default())?;
    let entry = DeviceValue {
        kind: DeviceKind::Pod as u32,
        flags: device_flags::READY,
        endpoint_id: number,
        identity,
        incarnation: number,
        ingress_policy: policy::OPEN,
        egress_policy: policy::OPEN,
        mtu: spec.mtu,
        addr_v4: spec.addresses.v4.map(Into::into).unwrap_or_default(),
        addr_v6: spec.addresses.v6.map(Into::into).unwrap_or_default(),
        mac: spec.host_mac.0,
        peer_mac: spec.pod_mac.0,
        ..DeviceValue::default()
    };
    maps.put::<DeviceTable>(&device.ifindex.0, &entry)?;
    for address in spec.addresses.iter() {
        let endpoint = EndpointValue {
            ifindex: device.ifindex.0,
            endpoint_id: number,
            identity,
            incarnation: number,
            flags: endpoint_flags::READY,
            ingress_policy: policy::OPEN,
            egress_policy: policy::OPEN,
            mac: spec.pod_mac.0,
            host_mac: spec.host_mac.0,
            ..EndpointValue::default()
        };
        maps.put::<EndpointTable>(&address.into(), &endpoint)?;
        let near = NearValue {
            addr: address.into(),
            incarnation: number,
            identity,
            ifindex: device.ifindex.0,
            macs: NearValue::macs(endpoint.mac, endpoint.host_mac),
            ..NearValue::default()
        };
        maps.put::<NearTable>(&near.addr.near_slot(), &near)?;
        let owner = IpcacheValue { identity, node_id: NODE, ..IpcacheValue::default() };
        maps.put::<IpcacheTable>(&host_prefix(address), &owner)?;
    }
    Ok(())
}
