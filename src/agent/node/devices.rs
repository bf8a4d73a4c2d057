//! The devices that lead to other nodes.

use skep_bpf::abi::{Addr, DeviceKind, DeviceValue, device_flags};
use tracing::{info, warn};

use crate::{
    config::{self, AgentConfig, Routing},
    kernel::{
        AttachError, Datapath, DeviceChoice, DeviceError, Hook, Link, Netlink, NetlinkError,
        Underlay, UnderlayDevice, VxlanSpec, detect_underlay,
        sysctl::{self, DeviceUse},
    },
    maps::{DeviceTable, MapError, MapStore},
    model::{Addresses, IfIndex, MacAddr},
};

use super::{GATEWAYS, random_mac};

/// Name of the VXLAN device.
pub(in crate::agent) const VXLAN: &str = "skep_vxlan";

/// Where the host's packets into the overlay are addressed to; no device has it, and the receiving
/// program takes every packet for its node. The device itself needs a MAC that no other node's has:
/// the kernel takes a packet from its own MAC for a loop (`vxlan_set_mac`).
const NEXT_HOP_MAC: MacAddr = MacAddr([0x02, 0x73, 0x6b, 0x65, 0x70, 0x00]);

/// A device of the node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeDeviceError {
    /// The devices to the underlay cannot be found.
    #[error(transparent)]
    Detect(#[from] DeviceError),
    /// The VXLAN device cannot be made.
    #[error("cannot set up the device {VXLAN}")]
    Vxlan(#[source] NetlinkError),
    /// The programs cannot be attached.
    #[error("cannot attach to the device {device}")]
    Attach {
        /// Its name.
        device: String,
        /// Why.
        #[source]
        source: AttachError,
    },
    /// The device map cannot be written.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// The node's devices as they were found last.
#[derive(Clone, Debug)]
pub(in crate::agent) struct Devices {
    /// Devices to the underlay.
    pub(in crate::agent) underlay: Underlay,
    /// The VXLAN device, in VXLAN mode.
    pub(in crate::agent) vxlan: Option<IfIndex>,
    /// Its MAC.
    overlay_mac: MacAddr,
}

impl Devices {
    /// Finds the devices of the node with these addresses and makes the VXLAN device. Nothing is attached yet.
    pub(in crate::agent) fn find(
        config: &AgentConfig,
        node: &Addresses,
    ) -> Result<Self, NodeDeviceError> {
        let netlink = Netlink::open().map_err(DeviceError::from)?;
        let choice = match &config.devices {
            config::Devices::Auto => DeviceChoice::Auto,
            config::Devices::Names(names) => DeviceChoice::Named(names.clone()),
        };
        let mut underlay = detect_underlay(&netlink, &choice, node)?;
        underlay.mtu = config.mtu.unwrap_or(underlay.mtu);
        let overlay = match config.routing {
            Routing::Native => {
                // Left by an agent in the other mode.
                let _ = netlink.delete_link_by_name(VXLAN);
                None
            }
            Routing::Vxlan => {
                let port = config.vxlan_port;
                Some(vxlan(&netlink, port, underlay.mtu).map_err(NodeDeviceError::Vxlan)?)
            }
        };
        let overlay_mac = overlay.as_ref().and_then(|link| link.mac).unwrap_or_default();
        Ok(Self { underlay, vxlan: overlay.map(|link| link.index), overlay_mac })
    }

    /// Writes the devices' entries and attaches the programs, replacing what is attached.
    pub(in crate::agent) fn attach(&self, datapath: &Datapath) -> Result<(), NodeDeviceError> {
        let maps = datapath.maps();
        for device in &self.underlay.devices {
            configure(&device.name, DeviceUse::Underlay);
            maps.put::<DeviceTable>(&device.ifindex.0, &node_value(device))?;
            attach(datapath, Hook::Node, device.ifindex, &device.name)?;
        }
        if let Some(index) = self.vxlan {
            configure(VXLAN, DeviceUse::Overlay);
            maps.put::<DeviceTable>(&index.0, &self.overlay_value())?;
            attach(datapath, Hook::Overlay, index, VXLAN)?;
            self.raise_overlay(index).map_err(NodeDeviceError::Vxlan)?;
        }
        Ok(())
    }

    /// Returns the entries that the device map must have for these devices.
    pub(in crate::agent) fn entries(&self) -> Vec<(u32, DeviceValue)> {
        let nodes = self.underlay.devices.iter();
        let mut all: Vec<_> = nodes.map(|device| (device.ifindex.0, node_value(device))).collect();
        all.extend(self.vxlan.map(|index| (index.0, self.overlay_value())));
        all
    }

    /// Returns the addresses that tunnels and translated sources have.
    pub(in crate::agent) fn addresses(&self) -> Addresses {
        self.underlay.own
    }

    /// Returns each device with its hook.
    pub(in crate::agent) fn hooks(&self) -> Vec<(IfIndex, Hook, String)> {
        let nodes = self.underlay.devices.iter();
        let mut all: Vec<_> =
            nodes.map(|device| (device.ifindex, Hook::Node, device.name.clone())).collect();
        all.extend(self.vxlan.map(|index| (index, Hook::Overlay, VXLAN.to_owned())));
        all
    }

    fn overlay_value(&self) -> DeviceValue {
        let Addresses { v4, v6 } = self.addresses();
        DeviceValue {
            addr_v4: v4.map_or(Addr::ZERO, Addr::from),
            addr_v6: v6.map_or(Addr::ZERO, Addr::from),
            kind: DeviceKind::Overlay as u32,
            flags: device_flags::READY,
            mtu: self.underlay.mtu,
            mac: self.overlay_mac.0,
            ..DeviceValue::default()
        }
    }

    /// Sets the VXLAN device up. Its routes lead to a next hop that needs no resolution.
    fn raise_overlay(&self, index: IfIndex) -> Result<(), NetlinkError> {
        let netlink = Netlink::open()?;
        netlink.set_up(index)?;
        for gateway in GATEWAYS.iter() {
            netlink.add_neighbour(index, gateway, NEXT_HOP_MAC)?;
        }
        Ok(())
    }
}

fn vxlan(netlink: &Netlink, port: u16, mtu: u32) -> Result<Link, NetlinkError> {
    if let Ok(link) = netlink.link_by_name(VXLAN) {
        let fits = link.external && link.vxlan_port == Some(port);
        if fits && link.mac != Some(NEXT_HOP_MAC) {
            if link.mtu != mtu {
                netlink.set_mtu(link.index, mtu)?;
            }
            return Ok(link);
        }
        info!(device = VXLAN, "device has other settings and is made anew");
        netlink.delete_link(link.index)?;
    }
    let spec = VxlanSpec { name: VXLAN, port, mtu, mac: random_mac() };
    netlink.create_vxlan_external(&spec)?;
    netlink.link_by_name(VXLAN)
}

fn attach(
    datapath: &Datapath,
    hook: Hook,
    index: IfIndex,
    name: &str,
) -> Result<(), NodeDeviceError> {
    let failed = |source| NodeDeviceError::Attach { device: name.to_owned(), source };
    datapath.attach(hook, index).map_err(failed)
}

/// A setting that cannot be written may have the right value already on a read-only system.
fn configure(device: &str, usage: DeviceUse) {
    if let Err(error) = sysctl::apply_device(device, usage) {
        warn!(device, %error, "device setting not made");
    }
}

fn node_value(device: &UnderlayDevice) -> DeviceValue {
    DeviceValue {
        kind: DeviceKind::Node as u32,
        flags: device_flags::READY,
        mtu: device.mtu,
        addr_v4: device.v4.map_or(Addr::ZERO, Addr::from),
        addr_v6: device.v6.map_or(Addr::ZERO, Addr::from),
        mac: device.mac.0,
        ..DeviceValue::default()
    }
}
