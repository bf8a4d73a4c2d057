//! What a pod may claim to be, and where it may send.

use crate::{
    abi::{Config, DeviceValue, DropReason, Note},
    env::Near,
    packet::{Mac, Plain, ip, transport},
    report::Refusal,
    state::State,
    target::Place,
};

/// Checks the MAC addresses.
#[inline(always)]
pub fn check_link(st: &State, device: &DeviceValue, gateway: Mac) -> Result<(), DropReason> {
    if st.src_mac != Mac::new(device.peer_mac) {
        return Err(DropReason::InvalidSourceMac);
    }
    if st.dst_mac != gateway && !st.dst_mac.is_group() {
        return Err(DropReason::InvalidDestinationMac);
    }
    Ok(())
}

/// Tells whether a plain packet that came in on a device is `pod`'s, for its gateway, and for another pod.
#[inline(always)]
pub fn is_plainly_from<N: Near>(p: &Plain, pod: &N, ifindex: u32) -> bool {
    let [mac, both, host_mac] = pod.macs();
    pod.ifindex() == ifindex
        && p.src == pod.addr()
        && p.src_mac == Mac::from_parts(mac, both as u16)
        && p.dst_mac == Mac::from_ends((both >> 16) as u16, host_mac)
        && p.dst != p.src
        && !is_dhcp_server(p.proto, p.sport, p.dport)
}

/// Checks the addresses of a packet that a pod wants to have forwarded.
#[inline(always)]
pub fn check_pod(st: &State, device: &DeviceValue) -> Result<(), Refusal> {
    let p = &st.packet;
    let own = if p.is_v4() { &device.addr_v4 } else { &device.addr_v6 };
    if p.src != *own || own.is_zero() || p.dst == p.src {
        if p.proto == transport::IGMP {
            return Err(Refusal::ignore(Note::LinkNoise));
        }
        return Err(DropReason::InvalidSourceIp.into());
    }
    if ip::is_group(&p.dst) {
        if p.proto == transport::IGMP {
            return Err(Refusal::ignore(Note::LinkNoise));
        }
        return Err(DropReason::UnknownTarget.into());
    }
    if ip::is_martian(&p.dst) || ip::is_link_local_v6(&p.dst) {
        return Err(DropReason::UnknownTarget.into());
    }
    if is_dhcp_server(p.proto, p.sport, p.dport) {
        return Err(DropReason::InvalidPacket.into());
    }
    Ok(())
}

/// Tells whether a packet is a DHCP server's answer (RFC 2131, RFC 8415).
#[inline(always)]
fn is_dhcp_server(proto: u8, sport: u16, dport: u16) -> bool {
    proto == transport::UDP && matches!((sport, dport), (67, 68) | (547, 546))
}

/// Refuses tunnel traffic to nodes: a pod could forge identities with it.
#[inline(always)]
pub fn check_tunnel(st: &State, config: &Config, place: Place) -> Result<(), DropReason> {
    let p = &st.packet;
    let to_node = matches!(place, Place::Host | Place::RemoteNode { .. });
    if to_node && p.proto == transport::UDP && u32::from(p.dport) == config.vxlan_port {
        return Err(DropReason::EncapsulationProhibited);
    }
    Ok(())
}
