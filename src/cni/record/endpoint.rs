//! One endpoint, remembered.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    cni::wire::AttachmentKey,
    model::{Addresses, EndpointId, Identity, IfIndex, Incarnation, Labels, MacAddr, PodRef},
};

/// Everything that a restarted agent cannot learn from the kernel or the API server in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointRecord {
    /// Number on this node.
    pub id: EndpointId,
    /// Which use of the addresses this is.
    pub incarnation: Incarnation,
    /// The runtime's name for it.
    pub attachment: AttachmentKey,
    /// The pod, when the runtime said so.
    pub pod: Option<PodRef>,
    /// Its addresses.
    pub addresses: Addresses,
    /// Host side of its veth.
    pub host_ifname: String,
    /// Index of that device.
    pub ifindex: IfIndex,
    /// MAC inside.
    pub mac: MacAddr,
    /// MAC of the host side.
    pub host_mac: MacAddr,
    /// MTU of the device.
    pub mtu: u32,
    /// Path of the network namespace, as the runtime gave it.
    pub netns: String,
    /// Inode of the namespace.
    pub netns_inode: u64,
    /// Cookie of the namespace; 0 in records of earlier versions.
    #[serde(default)]
    pub netns_cookie: u64,
    /// The boot in which all this holds.
    pub boot_id: String,
    /// Identity when it was last written.
    pub identity: Identity,
    /// Labels behind that identity; empty when none were known.
    pub labels: Labels,
    /// When it was made, seconds since the epoch.
    pub created: i64,
}

/// Returns the name of the host side of an attachment's veth: the same for every try, so that a
/// repeated ADD or a late DEL finds what an earlier one left.
pub fn host_ifname(attachment: &AttachmentKey) -> String {
    let hash = Sha256::new()
        .chain_update(&attachment.container_id)
        .chain_update([0])
        .chain_update(&attachment.ifname)
        .finalize();
    let digits: String = hash[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("skep{digits}")
}
