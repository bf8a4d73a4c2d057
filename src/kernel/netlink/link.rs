//! Devices.

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth, InfoVxlan,
        LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
    },
};

use super::{Netlink, NetlinkError};
use crate::{
    kernel::NetNs,
    model::{IfIndex, MacAddr},
};

/// A device, as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index.
    pub index: IfIndex,
    /// Name.
    pub name: String,
    /// Hardware address, if it is an Ethernet device.
    pub mac: Option<MacAddr>,
    /// MTU.
    pub mtu: u32,
    /// Set up by the administrator.
    pub up: bool,
    /// Up, and the kernel has taken note of its carrier: before that it drops what is to leave.
    pub running: bool,
    /// Kind of virtual device: "veth", "vxlan", "bridge"; none for hardware.
    pub kind: Option<String>,
    /// The bridge or bond it belongs to.
    pub master: Option<IfIndex>,
    /// The other end of a veth pair, an index in the peer's namespace.
    pub peer: Option<IfIndex>,
    /// VXLAN: the UDP port.
    pub vxlan_port: Option<u16>,
    /// VXLAN: the tunnel is chosen per packet.
    pub external: bool,
}

/// A veth pair to make.
#[derive(Clone, Copy, Debug)]
pub struct VethSpec<'a> {
    /// Name of the end in the socket's namespace.
    pub name: &'a str,
    /// MAC of that end; random when none.
    pub mac: Option<MacAddr>,
    /// Name of the other end.
    pub peer_name: &'a str,
    /// MAC of the other end; random when none.
    pub peer_mac: Option<MacAddr>,
    /// Namespace of the other end; the same one when none.
    pub peer_netns: Option<&'a NetNs>,
    /// MTU of both ends.
    pub mtu: u32,
}

/// A VXLAN device that takes its tunnel from each packet (collect metadata).
#[derive(Clone, Copy, Debug)]
pub struct VxlanSpec<'a> {
    /// Name.
    pub name: &'a str,
    /// UDP port.
    pub port: u16,
    /// MTU.
    pub mtu: u32,
    /// MAC.
    pub mac: MacAddr,
}

/// A bridge to make.
#[derive(Clone, Copy, Debug)]
pub struct BridgeSpec<'a> {
    /// Name.
    pub name: &'a str,
    /// MTU.
    pub mtu: u32,
}

impl Netlink {
    /// Returns all devices.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn links(&self) -> Result<Vec<Link>, NetlinkError> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let answer = self.dump(&request, || "list the devices".into())?;
        Ok(answer.iter().filter_map(link).collect())
    }

    /// Returns the device with this name.
    ///
    /// # Errors
    /// [`NetlinkError::NoDevice`], or when the kernel refuses.
    pub fn link_by_name(&self, name: &str) -> Result<Link, NetlinkError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.one_link(message, name)
    }

    /// Returns the device with this index.
    ///
    /// # Errors
    /// [`NetlinkError::NoDevice`], or when the kernel refuses.
    pub fn link_by_index(&self, index: IfIndex) -> Result<Link, NetlinkError> {
        self.one_link(of_device(index), &index.to_string())
    }

    fn one_link(&self, message: LinkMessage, name: &str) -> Result<Link, NetlinkError> {
        let answer =
            self.query(RouteNetlinkMessage::GetLink(message), || format!("read device {name}"));
        match answer {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {
                Err(NetlinkError::NoDevice(name.to_owned()))
            }
            other => {
                other?.iter().find_map(link).ok_or_else(|| NetlinkError::NoDevice(name.to_owned()))
            }
        }
    }

    /// Makes a veth pair in one request, the peer directly in its namespace; both ends are down and
    /// have no transmit queue.
    ///
    /// # Errors
    /// When a name exists, or the kernel refuses.
    pub fn create_veth_pair(&self, spec: &VethSpec<'_>) -> Result<(), NetlinkError> {
        let mut peer = end(spec.peer_name, spec.peer_mac, spec.mtu);
        if let Some(netns) = spec.peer_netns {
            peer.attributes.push(LinkAttribute::NetNsFd(netns.as_fd().as_raw_fd()));
        }
        let mut message = end(spec.name, spec.mac, spec.mtu);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.create(message, || {
            format!("create the veth pair {} and {}", spec.name, spec.peer_name)
        })
    }

    /// Makes a VXLAN device with external control; it is down.
    ///
    /// # Errors
    /// When the name exists, the port is taken by another such device, or the kernel refuses.
    pub fn create_vxlan_external(&self, spec: &VxlanSpec<'_>) -> Result<(), NetlinkError> {
        let mut message = end(spec.name, Some(spec.mac), spec.mtu);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Vxlan),
            LinkInfo::Data(InfoData::Vxlan(vec![
                InfoVxlan::CollectMetadata(true),
                InfoVxlan::Port(spec.port),
                InfoVxlan::Learning(false),
                // Peers may leave out the outer checksum over IPv6 too (RFC 6935).
                InfoVxlan::UDPZeroCsumRX(true),
            ])),
        ]));
        self.create(message, || format!("create the VXLAN device {}", spec.name))
    }

    /// Makes a bridge; it is down.
    ///
    /// # Errors
    /// When the name exists, or the kernel refuses.
    pub fn create_bridge(&self, spec: &BridgeSpec<'_>) -> Result<(), NetlinkError> {
        let mut message = end(spec.name, None, spec.mtu);
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        self.create(message, || format!("create the bridge {}", spec.name))
    }

    fn create(
        &self,
        message: LinkMessage,
        act: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        self.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    /// Sets a device up.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_up(&self, index: IfIndex) -> Result<(), NetlinkError> {
        let mut message = of_device(index);
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.change(message, || format!("set device {index} up"))
    }

    /// Sets a device down.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_down(&self, index: IfIndex) -> Result<(), NetlinkError> {
        let mut message = of_device(index);
        message.header.change_mask = LinkFlags::Up;
        self.change(message, || format!("set device {index} down"))
    }

    /// Changes the MTU.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_mtu(&self, index: IfIndex, mtu: u32) -> Result<(), NetlinkError> {
        self.change_one(index, LinkAttribute::Mtu(mtu), || {
            format!("set the MTU of device {index} to {mtu}")
        })
    }

    /// Changes the hardware address.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_mac(&self, index: IfIndex, mac: MacAddr) -> Result<(), NetlinkError> {
        self.change_one(index, LinkAttribute::Address(mac.0.to_vec()), || {
            format!("set the address of device {index} to {mac}")
        })
    }

    /// Moves a device into another namespace.
    ///
    /// # Errors
    /// When the name or index is taken there, or the kernel refuses.
    pub fn set_netns(&self, index: IfIndex, netns: &NetNs) -> Result<(), NetlinkError> {
        self.change_one(index, LinkAttribute::NetNsFd(netns.as_fd().as_raw_fd()), || {
            format!("move device {index} into another namespace")
        })
    }

    /// Puts a device into a bridge.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_master(&self, index: IfIndex, master: IfIndex) -> Result<(), NetlinkError> {
        self.change_one(index, LinkAttribute::Controller(master.0), || {
            format!("put device {index} into device {master}")
        })
    }

    /// Renames a device, which must be down.
    ///
    /// # Errors
    /// When the name is taken, or the kernel refuses.
    pub fn rename(&self, index: IfIndex, name: &str) -> Result<(), NetlinkError> {
        self.change_one(index, LinkAttribute::IfName(name.to_owned()), || {
            format!("rename device {index} to {name}")
        })
    }

    /// Keeps the kernel from giving the device a link-local address by itself, and so from duplicate
    /// address detection and router solicitations on it.
    ///
    /// # Errors
    /// When the kernel refuses; EAFNOSUPPORT where IPv6 is off.
    pub fn set_no_link_local(&self, index: IfIndex) -> Result<(), NetlinkError> {
        let none = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        self.change_one(
            index,
            LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![none])]),
            || format!("turn automatic addresses of device {index} off"),
        )
    }

    /// Removes a device.
    ///
    /// # Errors
    /// When there is none, or the kernel refuses.
    pub fn delete_link(&self, index: IfIndex) -> Result<(), NetlinkError> {
        self.request(RouteNetlinkMessage::DelLink(of_device(index)), 0, || {
            format!("delete device {index}")
        })
    }

    /// Removes a device by its name, in one request.
    ///
    /// # Errors
    /// When there is none, or the kernel refuses.
    pub fn delete_link_by_name(&self, name: &str) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.request(RouteNetlinkMessage::DelLink(message), 0, || format!("delete device {name}"))
    }

    fn change_one(
        &self,
        index: IfIndex,
        attribute: LinkAttribute,
        act: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        let mut message = of_device(index);
        message.attributes.push(attribute);
        self.change(message, act)
    }

    fn change(
        &self,
        message: LinkMessage,
        act: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        self.request(RouteNetlinkMessage::SetLink(message), 0, act)
    }
}

fn of_device(index: IfIndex) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index.0;
    message
}

fn end(name: &str, mac: Option<MacAddr>, mtu: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::TxQueueLen(0),
    ];
    if let Some(mac) = mac {
        message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
    }
    message
}

fn link(message: &RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut link = Link {
        index: IfIndex(message.header.index),
        name: String::new(),
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        running: message.header.flags.contains(LinkFlags::Running),
        kind: None,
        master: None,
        peer: None,
        vxlan_port: None,
        external: false,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(bytes) => {
                link.mac = bytes.as_slice().try_into().ok().map(MacAddr);
            }
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Controller(master) => link.master = Some(IfIndex(*master)),
            LinkAttribute::Link(peer) => link.peer = Some(IfIndex(*peer)),
            LinkAttribute::LinkInfo(infos) => read_info(infos, &mut link),
            _ => {}
        }
    }
    Some(link)
}

fn read_info(infos: &[LinkInfo], link: &mut Link) {
    for info in infos {
        match info {
            LinkInfo::Kind(kind) => link.kind = Some(kind.to_string()),
            LinkInfo::Data(InfoData::Vxlan(attributes)) => {
                for attribute in attributes {
                    match attribute {
                        InfoVxlan::Port(port) => link.vxlan_port = Some(*port),
                        InfoVxlan::CollectMetadata(on) => link.external = *on,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
