//! What can go wrong when the datapath is loaded and attached.

use std::{error::Error, io, path::PathBuf};

use super::{AttachMethod, Direction, Hook, SocketHook};
use crate::{kernel::NetlinkError, maps::MapError, model::IfIndex};

/// The datapath could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The directory for pins is not on a bpffs.
    #[error("{path} is not on a BPF file system; mount one with `mount -t bpf bpf {mount}`")]
    NoBpffs {
        /// The directory.
        path: PathBuf,
        /// Where to mount it.
        mount: PathBuf,
    },
    /// A pin could not be made, opened or removed.
    #[error("cannot {act} {path}")]
    Pin {
        /// What was tried.
        act: &'static str,
        /// The pin.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The object is malformed or its maps could not be created.
    #[error("cannot load the eBPF object")]
    Object(#[source] Box<dyn Error + Send + Sync>),
    /// The verifier refused a program.
    #[error("the kernel refused the program {name}")]
    Program {
        /// The program.
        name: &'static str,
        /// What the verifier said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The object lacks a program.
    #[error("the eBPF object has no program {name}")]
    MissingProgram {
        /// The program.
        name: &'static str,
    },
    /// A map could not be opened or copied.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// Programs could not be attached, listed or detached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The kernel refused one attachment.
    #[error("cannot attach {} to device {ifindex} by {method}", hook.program(*direction))]
    Attach {
        /// The kind of device.
        hook: Hook,
        /// The device.
        ifindex: IfIndex,
        /// The side.
        direction: Direction,
        /// How it was tried.
        method: AttachMethod,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel refused to attach a program to a control group.
    #[error("cannot attach {} to control group {}", hook.program(), cgroup.display())]
    Socket {
        /// The system call.
        hook: SocketHook,
        /// The group.
        cgroup: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A pin could not be made or removed.
    #[error("cannot {act} {path}")]
    Pin {
        /// What was tried.
        act: &'static str,
        /// The pin.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel would not say what is attached.
    #[error("cannot list the programs of device {ifindex}")]
    Query {
        /// The device.
        ifindex: IfIndex,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Devices or filters could not be listed or changed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}
