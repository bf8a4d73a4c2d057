//! What the agent tells every program.

use super::{Addr, pod::abi_struct};

/// How pods of different nodes reach each other.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Encapsulated; the VNI carries the identity.
    Vxlan = 1,
    /// Routed by the underlay.
    Native = 2,
}

/// Bits of [`Config::flags`].
pub mod config_flags {
    /// IPv4 is on.
    pub const IPV4: u32 = 1;
    /// IPv6 is on.
    pub const IPV6: u32 = 2;
    /// Translate the source of IPv4 traffic to the outside.
    pub const SNAT_V4: u32 = 4;
    /// Translate the source of IPv6 traffic to the outside.
    pub const SNAT_V6: u32 = 8;
    /// What policies refuse passes, and is told.
    pub const AUDIT: u32 = 16;
}

abi_struct! {
    /// The one element of the configuration map. `abi_version` 0 means not configured yet: every
    /// program then drops what belongs to pods.
    pub struct Config {
        /// [`super::ABI_VERSION`] of the writer.
        pub abi_version: u32,
        /// A [`Mode`].
        pub mode: u32,
        /// [`config_flags`].
        pub flags: u32,
        /// This node's id.
        pub node_id: u32,
        /// Position of the kind nibble in the mark.
        pub mark_shift: u32,
        /// ifindex of the VXLAN device, 0 in native mode.
        pub vxlan_ifindex: u32,
        /// UDP port of the overlay, host order.
        pub vxlan_port: u32,
        /// First port for source translation, host order.
        pub snat_port_min: u32,
        /// Last port for source translation, host order.
        pub snat_port_max: u32,
        /// New flows a second that one endpoint may open on one CPU; 0 = no limit.
        pub admission_rate: u32,
        /// Bytes of an IP packet that the underlay carries for pods: device MTU less overhead.
        pub route_mtu: u32,
        /// Seconds between events of a long flow.
        pub report_interval: u32,
        /// Gateway address that pods see, IPv4.
        pub gateway_v4: Addr,
        /// Gateway address that pods see, IPv6.
        pub gateway_v6: Addr,
        /// Who reaches itself through a service seems to be this, IPv4.
        pub hairpin_v4: Addr,
        /// Who reaches itself through a service seems to be this, IPv6.
        pub hairpin_v6: Addr,
        /// Expiry of conntrack entries.
        pub timeouts: Timeouts,
        /// The kernel's cookie of the node's own network namespace.
        pub host_netns: u64,
        /// Zero.
        pub reserved: [u32; 6],
    }
}

abi_struct! {
    /// Idle seconds after which a conntrack entry expires.
    pub struct Timeouts {
        /// TCP before both sides were seen.
        pub tcp_syn: u32,
        /// TCP established.
        pub tcp: u32,
        /// TCP after FIN both ways or RST.
        pub tcp_close: u32,
        /// UDP and SCTP.
        pub udp: u32,
        /// ICMP and everything else.
        pub other: u32,
        /// Zero.
        pub reserved: [u32; 3],
    }
}
