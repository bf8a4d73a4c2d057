//! A cluster in network namespaces on one machine.
//!
//! [`up`] makes the fabric, the world and the nodes and starts one process ([`serve`]): the
//! embedded API server, the controllers, and one kubelet per node. Everything a lab is made of is
//! found again from its directory, so that [`down`] needs no cooperation from anything that may
//! have died.

pub mod apiserver;

mod apply;
mod client;
mod cluster;
mod controllers;
mod disturb;
mod dns;
mod down;
mod fabric;
mod host;
mod inspect;
mod kubelet;
mod machine;
mod manifest;
mod node;
mod plan;
mod power;
mod quantity;
mod readiness;
mod serve;
mod snapshot;
mod spec;
mod standin;
mod state;
mod system;
mod up;
mod world;

pub use crate::kernel::Disturbance;
pub use apply::ApplyError;
pub use client::ConnectError;
pub use disturb::{DisturbError, Reach, set_netem, set_reach};
pub use dns::{ClusterDnsError, ServerError as DnsServerError, cluster_dns};
pub use down::{DownError, Leftover, down};
pub use fabric::FabricError;
pub(crate) use host::Cgroup;
pub use host::{CgroupError, EnterError, Entry, MountError, NamespaceError};
pub use inspect::{
    Condition, EntryError, Gone, LabStatus, NodeStatus, agent_log, condition, entry, status,
};
pub use machine::{PowerError, switch};
pub use manifest::{Manifest, ManifestError, Values, read as read_manifests};
pub use node::NodeError;
pub use power::Power;
pub use readiness::Readiness;
pub use serve::{ServeError, serve};
pub use snapshot::{Snapshot, SnapshotError, snapshot, snapshot_of};
pub use spec::{InvalidName, LabName, LabSpec, MAX_NODES, PodMasks, Shape};
pub use standin::{Listen, Protocol, StandInError, Whoami, serve as stand_in};
pub use state::{LabDir, LabRecord, NodeDir, StateError};
pub use up::{UpError, UpOptions, UpReport, up};
pub use world::{
    InvalidWorldName, NamesError, WorldError, WorldName, WorldNames, serve as serve_world,
};
