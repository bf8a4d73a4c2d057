//! What the plugin and the agent say to each other on `cni.sock`.
//!
//! One request and one reply per connection, each a length (u32, big endian) and that many bytes
//! of JSON. The descriptor of the pod's network namespace travels with the first byte.

use std::{
    io::{self, Read, Write},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::model::{MacAddr, PodRef};

/// Longest message in bytes: results and lists of attachments stay far below.
pub const MAX_MESSAGE: usize = 4 << 20;

/// One interface of one container: what ADD and DEL are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentKey {
    /// The runtime's id of the container (sandbox).
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// Name of the interface inside.
    pub ifname: String,
}

/// What the plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "command")]
pub enum Request {
    /// Connect a container. The namespace's descriptor comes along.
    #[serde(rename_all = "camelCase")]
    Add {
        /// Which interface.
        attachment: AttachmentKey,
        /// The pod, when the runtime said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pod: Option<PodRef>,
        /// Path of the namespace, for restore.
        netns: String,
    },
    /// Disconnect it.
    #[serde(rename_all = "camelCase")]
    Del {
        /// Which interface.
        attachment: AttachmentKey,
    },
    /// Compare it with what ADD returned. The descriptor comes along.
    #[serde(rename_all = "camelCase")]
    Check {
        /// Which interface.
        attachment: AttachmentKey,
        /// Addresses that the runtime remembers.
        addresses: Vec<IpAddr>,
    },
    /// Remove every interface that is not among the valid ones.
    #[serde(rename_all = "camelCase")]
    Gc {
        /// The attachments that the runtime knows.
        valid: Vec<AttachmentKey>,
    },
    /// Tell whether ADD can work.
    Status,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum Reply {
    /// The container is connected.
    Added(Attached),
    /// Done, nothing to tell.
    Done,
    /// It failed.
    Failed(Failure),
}

/// What ADD made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// Device on the host.
    pub host_ifname: String,
    /// Its address.
    pub host_mac: MacAddr,
    /// Address of the interface inside.
    pub mac: MacAddr,
    /// MTU of the interface inside.
    pub mtu: u32,
    /// Addresses with their gateways.
    pub addresses: Vec<AttachedAddress>,
}

/// One address of an interface; its prefix is the whole address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedAddress {
    /// Address.
    pub address: IpAddr,
    /// Next hop of the default route.
    pub gateway: IpAddr,
}

/// Why it failed, in CNI's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// CNI error code.
    pub code: u32,
    /// What a person needs: containerd shows only this and the details.
    pub msg: String,
    /// More.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}

/// Writes one message.
///
/// # Errors
/// When the peer is gone.
pub fn write_message<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Returns the bytes of one message, with their length in front.
///
/// # Errors
/// When the message is longer than [`MAX_MESSAGE`].
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too long"));
    }
    let length = u32::try_from(length).expect("MAX_MESSAGE fits in 32 bits");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// Reads one message.
///
/// # Errors
/// When the peer is gone, or sends too much or no JSON.
pub fn read_message<T: for<'de> Deserialize<'de>>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut bytes = vec![0; checked_length(length)?];
    from.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Returns the length of a message from its first four bytes.
///
/// # Errors
/// When it exceeds [`MAX_MESSAGE`].
pub fn checked_length(bytes: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(bytes) as usize;
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message too long"));
    }
    Ok(length)
}
