//! The kernel: load, attach, pin, probe, netlink. The only home of aya loader types and of `unsafe`.
//!
//! Everything here is synchronous and short; the agent calls it from blocking tasks. Only
//! [`EventReader`] is asynchronous, since it waits.
#![allow(unsafe_code, reason = "system calls that no crate wraps are made here and nowhere else")]

mod bpffs;
mod cgroup;
mod clock;
mod datapath;
mod descriptor;
mod devices;
mod grace;
mod map_writes;
mod maps;
mod memory;
mod netfilter;
mod netlink;
mod netns;
mod object;
mod pod_device;
mod priority;
mod probe;
mod ring;
mod sock_diag;
mod sys;
pub mod sysctl;

pub use bpffs::PrivateBpffs;
pub use cgroup::cgroup_root;
pub use clock::monotonic_nanos;
pub use datapath::{
    AttachError, AttachMethod, AttachMode, Attachment, Datapath, Direction, Hook, LoadError,
    LoadOptions, Owner, ProgramInfo, SocketHook, TestPacket, TestRun, remove_all,
};
pub use descriptor::{close_others_on_exec, receive_with_descriptor, wait_for};
pub use devices::{DeviceChoice, DeviceError, Underlay, UnderlayDevice, detect as detect_underlay};
pub use grace::outlast_programs;
pub use map_writes::{MapWrite, MapWrites};
pub use maps::KernelMaps;
pub use memory::give_back_memory;
pub use netfilter::flush_connections;
pub use netlink::{
    BridgeSpec, Disturbance, Link, Neighbour, Netlink, NetlinkError, Route, RouteKind, VethSpec,
    VxlanSpec,
};
pub use netns::{NetNs, NetNsError};
pub use object::OBJECT;
pub use pod_device::{PodDevice, PodDeviceError, PodDeviceSpec};
pub use priority::favour_this_thread;
pub use probe::{
    Features, MissingFeature, probe, require, require_bpffs, require_bpffs_mount_point,
    require_vxlan,
};
pub use ring::{EventReader, ReadError};
pub use sock_diag::{SocketKind, abort_connections};
pub use sys::BatchCursor;
