//! Words of the datapath's interface.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{maps, programs};

use crate::model::IfIndex;

/// How programs get onto devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachMode {
    /// TCX where the kernel has it (6.6), else clsact. A new pod gets filters first and links when
    /// nobody waits ([`super::Datapath::attach_hurried`]).
    #[default]
    Auto,
    /// TCX links.
    Tcx,
    /// Filters of the clsact qdisc.
    Clsact,
}

/// Not a way to attach programs.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not one of auto, tcx, clsact")]
pub struct InvalidAttachMode(String);

impl FromStr for AttachMode {
    type Err = InvalidAttachMode;

    fn from_str(text: &str) -> Result<Self, InvalidAttachMode> {
        match text {
            "auto" => Ok(Self::Auto),
            "tcx" => Ok(Self::Tcx),
            "clsact" => Ok(Self::Clsact),
            other => Err(InvalidAttachMode(other.to_owned())),
        }
    }
}

/// How a program was attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachMethod {
    /// By a TCX link.
    Tcx,
    /// By a filter of the clsact qdisc.
    Clsact,
}

impl fmt::Display for AttachMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        })
    }
}

/// What kind of device programs are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// The host side of a pod's veth.
    Pod,
    /// A device that leads to the underlay.
    Node,
    /// The VXLAN device.
    Overlay,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 3] = [Self::Pod, Self::Node, Self::Overlay];

    /// Returns the name of the program for a direction, seen from the device.
    pub const fn program(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::Pod, Direction::Ingress) => programs::FROM_POD,
            (Self::Pod, Direction::Egress) => programs::TO_POD,
            (Self::Node, Direction::Ingress) => programs::FROM_NETDEV,
            (Self::Node, Direction::Egress) => programs::TO_NETDEV,
            (Self::Overlay, Direction::Ingress) => programs::FROM_OVERLAY,
            (Self::Overlay, Direction::Egress) => programs::TO_OVERLAY,
        }
    }

    /// Returns the name used in pins.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Node => "node",
            Self::Overlay => "overlay",
        }
    }
}

/// A system call on sockets that a program sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketHook {
    /// connect(2), IPv4.
    Connect4,
    /// connect(2), IPv6.
    Connect6,
    /// getpeername(2), IPv4.
    GetPeerName4,
    /// getpeername(2), IPv6.
    GetPeerName6,
    /// sendmsg(2) with an address, UDP over IPv4.
    SendMsg4,
    /// sendmsg(2) with an address, UDP over IPv6.
    SendMsg6,
    /// recvmsg(2) that asks for one, UDP over IPv4.
    RecvMsg4,
    /// recvmsg(2) that asks for one, UDP over IPv6.
    RecvMsg6,
}

impl SocketHook {
    /// Every hook; what shows the frontend comes before what hides it.
    pub const ALL: [Self; 8] = [
        Self::GetPeerName4,
        Self::GetPeerName6,
        Self::RecvMsg4,
        Self::RecvMsg6,
        Self::Connect4,
        Self::Connect6,
        Self::SendMsg4,
        Self::SendMsg6,
    ];

    /// Returns the name of the program, which is also used in pins.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Connect4 => programs::CONNECT4,
            Self::Connect6 => programs::CONNECT6,
            Self::GetPeerName4 => programs::GETPEERNAME4,
            Self::GetPeerName6 => programs::GETPEERNAME6,
            Self::SendMsg4 => programs::SENDMSG4,
            Self::SendMsg6 => programs::SENDMSG6,
            Self::RecvMsg4 => programs::RECVMSG4,
            Self::RecvMsg6 => programs::RECVMSG6,
        }
    }
}

/// A side of a device, seen from the device: ingress is what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// What the device receives.
    Ingress,
    /// What the device sends.
    Egress,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// Returns the name used in pins.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Whose program an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// This datapath's, as loaded now.
    Current,
    /// This datapath's, loaded by an earlier process and not replaced yet.
    Previous,
    /// Somebody else's.
    Foreign,
}

/// A program on a device, as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The device.
    pub ifindex: IfIndex,
    /// The hook, when the program is skep's.
    pub hook: Option<Hook>,
    /// The side of the device.
    pub direction: Direction,
    /// The kernel's id of the program.
    pub program_id: u32,
    /// Name of the program, as far as the kernel keeps it (15 bytes).
    pub program_name: String,
    /// How it is attached.
    pub method: AttachMethod,
    /// Whose it is.
    pub owner: Owner,
}

/// A loaded program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Name, one of `abi::programs`.
    pub name: &'static str,
    /// The kernel's id.
    pub id: u32,
    /// Instructions the verifier walked (0 when the kernel does not say).
    pub verified_instructions: u32,
    /// Instructions of the translated program.
    pub instructions: u32,
    /// Ids of the maps it uses.
    pub map_ids: Vec<u32>,
}

/// What to load and how to attach it.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Directory on a bpffs, `/sys/fs/bpf/skep` on a node; made when absent.
    pub bpf_dir: PathBuf,
    /// How programs get onto devices.
    pub attach: AttachMode,
    /// Room for tracked connections and their aliases.
    pub conntrack_entries: u32,
    /// Room for backends of services, their frontends, and the ranges of their clients.
    pub backend_entries: u32,
    /// Room for what policies tell apart: identities, addresses, ports, and classes of them.
    pub policy_entries: u32,
}

impl LoadOptions {
    /// Returns the room of a map that is not the object's.
    pub(super) fn max_entries(&self, map: &str) -> Option<u32> {
        match map {
            maps::CONNTRACK => Some(self.conntrack_entries),
            maps::FRONTEND | maps::MEMBER | maps::RANGE => Some(self.backend_entries),
            // Their numbers begin at 1.
            maps::BACKEND => Some(self.backend_entries.saturating_add(1)),
            // Most lists fit one block. Maglev tables have a hundred places for each backend, and a
            // block has 32 of them: the services that are reachable from outside have a part of all
            // backends.
            maps::LIST => Some(self.backend_entries.saturating_mul(2)),
            maps::POLICY_IDENTITY | maps::POLICY_CELL | maps::POLICY_PORT | maps::POLICY_ADDR => {
                Some(self.policy_entries)
            }
            _ => None,
        }
    }
}

/// A packet for [`super::Datapath::test_run`].
#[derive(Clone, Debug, Default)]
pub struct TestPacket {
    /// From the Ethernet header on.
    pub data: Vec<u8>,
    /// The device that the program sees.
    pub ifindex: u32,
    /// The device that the packet came in by; 0 for locally generated ones.
    pub ingress_ifindex: u32,
    /// The mark.
    pub mark: u32,
    /// How often to run; 0 means once.
    pub repeat: u32,
}

/// What a test run did.
#[derive(Clone, Debug)]
pub struct TestRun {
    /// The program's return value.
    pub verdict: u32,
    /// The packet afterwards.
    pub data: Vec<u8>,
    /// Average time of one run.
    pub duration: Duration,
}
