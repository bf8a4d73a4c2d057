//! A pod's network device.

use std::net::IpAddr;

use super::{
    Neighbour, NetNs, NetNsError, Netlink, NetlinkError, Route, VethSpec,
    sysctl::{self, DeviceUse, SysctlError},
};
use crate::model::{Addresses, IfIndex, MacAddr};

/// What a pod's device shall be.
#[derive(Clone, Copy, Debug)]
pub struct PodDeviceSpec<'a> {
    /// The pod's namespace.
    pub netns: &'a NetNs,
    /// Name of the host side.
    pub host_name: &'a str,
    /// Name in the pod.
    pub pod_ifname: &'a str,
    /// The pod's addresses: /32 and /128.
    pub addresses: Addresses,
    /// MAC in the pod.
    pub pod_mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
    /// MTU of both ends.
    pub mtu: u32,
    /// MTU of the pod's own routes: what the underlay carries for pods.
    pub route_mtu: u32,
    /// Gateways that the pod sees.
    pub gateways: Addresses,
}

/// A pod's device, made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodDevice {
    /// ifindex of the host side.
    pub ifindex: IfIndex,
    /// MAC in the pod.
    pub mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
    /// Cookie of the pod's namespace.
    pub netns_cookie: u64,
}

/// A pod's device could not be made, checked or removed.
#[derive(Debug, thiserror::Error)]
pub enum PodDeviceError {
    /// The pod's namespace is the host's.
    #[error("the pod's network namespace is the host's")]
    HostNamespace,
    /// The interface exists in the pod.
    #[error("the pod has an interface {0} already")]
    Exists(String),
    /// Something that should be there is not.
    #[error("the pod's device differs: {0}")]
    Differs(String),
    /// The kernel refused a device, address, route or neighbour.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The namespace cannot be used.
    #[error(transparent)]
    NetNs(#[from] NetNsError),
    /// A device setting cannot be written.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
}

impl PodDevice {
    /// Makes the veth pair with the pod's end configured and **the host side down**, so that
    /// programs can be attached and map entries written before any packet flows; then call
    /// [`PodDevice::bring_up`]. All or nothing.
    ///
    /// # Errors
    /// When the kernel refuses; nothing is left behind.
    pub fn create(spec: &PodDeviceSpec<'_>) -> Result<Self, PodDeviceError> {
        let host = Netlink::open()?;
        let pod = open_pod(spec)?;
        if pod.link_by_name(spec.pod_ifname).is_ok() {
            return Err(PodDeviceError::Exists(spec.pod_ifname.to_owned()));
        }
        host.create_veth_pair(&VethSpec {
            name: spec.host_name,
            mac: Some(spec.host_mac),
            peer_name: spec.pod_ifname,
            peer_mac: Some(spec.pod_mac),
            peer_netns: Some(spec.netns),
            mtu: spec.mtu,
        })?;
        Self::configure(spec, &host, &pod).inspect_err(|_| {
            if let Err(error) = host.delete_link_by_name(spec.host_name) {
                tracing::warn!(device = spec.host_name, %error, "cannot undo the creation of a device");
            }
        })
    }

    fn configure(
        spec: &PodDeviceSpec<'_>,
        host: &Netlink,
        pod: &Netlink,
    ) -> Result<Self, PodDeviceError> {
        let ifindex = host.link_by_name(spec.host_name)?.index;
        if spec.addresses.v6.is_some() {
            host.set_no_link_local(ifindex)?;
            spec.netns.run(|| pod_settings(spec.pod_ifname))??;
        }
        let inside = pod.link_by_name(spec.pod_ifname)?.index;
        for address in spec.addresses.iter() {
            pod.add_address(inside, address.into())?;
        }
        pod.set_up(LOOPBACK)?;
        pod.set_up(inside)?;
        for gateway in spec.used_gateways() {
            pod.add_neighbour(inside, gateway, spec.host_mac)?;
            let route = Route::default_of(gateway).via(gateway).dev(inside).onlink();
            pod.add_route(&route.mtu(spec.route_mtu))?;
        }
        let netns_cookie = pod.netns_cookie()?;
        Ok(Self { ifindex, mac: spec.pod_mac, host_mac: spec.host_mac, netns_cookie })
    }

    /// Sets the host side up and adds its routes and neighbours. Idempotent.
    ///
    /// # Errors
    /// When the kernel refuses; the caller deletes the device.
    pub fn bring_up(&self, spec: &PodDeviceSpec<'_>) -> Result<(), PodDeviceError> {
        let host = Netlink::open()?;
        sysctl::apply_device(spec.host_name, DeviceUse::Pod)?;
        host.set_up(self.ifindex)?;
        for address in spec.addresses.iter() {
            host.add_neighbour(self.ifindex, address, spec.pod_mac)?;
            // With the device's MTU, not that of the overlay: what comes from outside the cluster may
            // fill the underlay. IPv6 has no router that fragments, and a sender outside cannot be
            // told: the error would name the pod's address, which it never saw.
            host.add_route(&Route::to_host(address).dev(self.ifindex))?;
        }
        Ok(())
    }

    /// Compares a pod's device with its specification, both ends.
    ///
    /// # Errors
    /// [`PodDeviceError::Differs`] with the first difference.
    pub fn check(spec: &PodDeviceSpec<'_>) -> Result<Self, PodDeviceError> {
        let host = Netlink::open()?;
        let ifindex = check_end(&host, spec.host_name, spec.host_mac, spec.mtu)?;
        let neighbours = host.neighbours()?;
        let routes = host.routes()?;
        for address in spec.addresses.iter() {
            let wanted = Route::to_host(address).dev(ifindex);
            check_route(&routes, &wanted, "the host")?;
            check_neighbour(&neighbours, ifindex, address, spec.pod_mac, "the host")?;
        }

        let pod = open_pod(spec)?;
        let inside = check_end(&pod, spec.pod_ifname, spec.pod_mac, spec.mtu)?;
        let addresses = pod.addresses()?;
        for address in spec.addresses.iter() {
            if !addresses.contains(&(inside, address.into())) {
                return Err(PodDeviceError::Differs(format!(
                    "the pod lacks the address {address}"
                )));
            }
        }
        let neighbours = pod.neighbours()?;
        let routes = pod.routes()?;
        for gateway in spec.used_gateways() {
            let wanted = Route::default_of(gateway).via(gateway).dev(inside).mtu(spec.route_mtu);
            check_route(&routes, &wanted, "the pod")?;
            check_neighbour(&neighbours, inside, gateway, spec.host_mac, "the pod")?;
        }
        let netns_cookie = pod.netns_cookie()?;
        Ok(Self { ifindex, mac: spec.pod_mac, host_mac: spec.host_mac, netns_cookie })
    }

    /// Removes a pod's device by the name of its host side. That it does not exist is not an error.
    /// The kernel waits for running packets, some 10 to 20 ms: callers in a hurry let a thread wait.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(host_name: &str) -> Result<(), PodDeviceError> {
        match Netlink::open()?.delete_link_by_name(host_name) {
            Err(error) if !error.is_absent() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl PodDeviceSpec<'_> {
    /// Returns the gateways of the families that the pod has.
    fn used_gateways(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.gateways.v4.filter(|_| self.addresses.v4.is_some()).map(IpAddr::V4);
        let v6 = self.gateways.v6.filter(|_| self.addresses.v6.is_some()).map(IpAddr::V6);
        v4.into_iter().chain(v6)
    }
}

/// The loopback device is number 1 in every namespace.
const LOOPBACK: IfIndex = IfIndex(1);

fn open_pod(spec: &PodDeviceSpec<'_>) -> Result<Netlink, PodDeviceError> {
    if spec.netns.inode() == NetNs::current()?.inode() {
        return Err(PodDeviceError::HostNamespace);
    }
    Ok(Netlink::open_in(spec.netns)?)
}

/// Some container runtimes turn IPv6 off in new namespaces. There is no router to listen to, and
/// nobody to have the same address.
fn pod_settings(device: &str) -> Result<(), SysctlError> {
    for (setting, value) in
        [("disable_ipv6", "0"), ("accept_ra", "0"), ("dad_transmits", "0"), ("accept_dad", "0")]
    {
        sysctl::set(&format!("net.ipv6.conf.{}.{setting}", device.replace('.', "/")), value)?;
    }
    Ok(())
}

fn check_end(
    netlink: &Netlink,
    name: &str,
    mac: MacAddr,
    mtu: u32,
) -> Result<IfIndex, PodDeviceError> {
    let differs = |text: String| Err(PodDeviceError::Differs(text));
    let link = match netlink.link_by_name(name) {
        Err(NetlinkError::NoDevice(name)) => return differs(format!("there is no device {name}")),
        other => other?,
    };
    if !link.up {
        return differs(format!("the device {name} is down"));
    }
    if link.mac != Some(mac) {
        return differs(format!("the hardware address of {name} is not {mac}"));
    }
    if link.mtu != mtu {
        return differs(format!("the MTU of {name} is {}, not {mtu}", link.mtu));
    }
    Ok(link.index)
}

fn check_route(routes: &[Route], wanted: &Route, place: &str) -> Result<(), PodDeviceError> {
    let found = routes.iter().any(|route| {
        route.destination == wanted.destination
            && route.table == wanted.table
            && (route.via, route.device, route.mtu) == (wanted.via, wanted.device, wanted.mtu)
    });
    if found {
        return Ok(());
    }
    Err(PodDeviceError::Differs(format!("{place} lacks the route to {}", wanted.destination)))
}

fn check_neighbour(
    neighbours: &[Neighbour],
    device: IfIndex,
    address: IpAddr,
    mac: MacAddr,
    place: &str,
) -> Result<(), PodDeviceError> {
    if neighbours.contains(&Neighbour { device, address, mac, permanent: true }) {
        return Ok(());
    }
    Err(PodDeviceError::Differs(format!("{place} lacks the permanent neighbour {address}")))
}
