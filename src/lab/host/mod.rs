//! What the lab asks of the machine: mounts, control groups, namespaces, processes.

pub(super) mod cgroup;
pub(super) mod launch;
pub(super) mod mounts;
pub(super) mod namespace;

pub(crate) use cgroup::Cgroup;
pub use cgroup::CgroupError;
pub use launch::{EnterError, Entry};
pub use mounts::MountError;
pub use namespace::NamespaceError;
