//! Why a lab does not come up.

use std::io;

use crate::{
    kernel::MissingFeature,
    lab::{
        apply::ApplyError,
        client::ConnectError,
        down::DownError,
        fabric::FabricError,
        host::{CgroupError, MountError},
        node::NodeError,
        state::StateError,
    },
};

/// A lab could not be brought up; nothing of it is left, unless `Leftovers` says so.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Not root.
    #[error("a lab makes network namespaces and loads eBPF programs, which needs root")]
    NotRoot,
    /// The kernel lacks something.
    #[error("this machine cannot run a lab")]
    Missing(#[from] MissingFeature),
    /// There is such a lab.
    #[error("lab {name:?} is up already")]
    Exists {
        /// Its name.
        name: String,
    },
    /// There is such a lab with other settings, whose processes have ended.
    #[error("lab {name:?} is there already, with other settings ({settings}), but does not run")]
    Other {
        /// Its name.
        name: String,
        /// The settings that it has.
        settings: String,
    },
    /// Files or directories could not be made.
    #[error("cannot prepare the lab's directory")]
    State(#[from] StateError),
    /// Mounts could not be made.
    #[error("cannot prepare the lab's directory")]
    Mount(#[from] MountError),
    /// Control groups could not be made.
    #[error("cannot prepare control groups")]
    Cgroup(#[from] CgroupError),
    /// The fabric could not be built.
    #[error("cannot build the fabric")]
    Fabric(#[from] FabricError),
    /// A node could not be made.
    #[error("cannot make node {name}")]
    Node {
        /// Its name.
        name: String,
        /// The reason.
        #[source]
        source: NodeError,
    },
    /// A process could not be started.
    #[error("cannot start {what}")]
    Start {
        /// What it is for.
        what: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The lab's process ended.
    #[error("the lab's process ended: {log}")]
    Ended {
        /// The end of its log.
        log: String,
    },
    /// The world's process ended.
    #[error("the world's servers ended: {log}")]
    World {
        /// The end of its log.
        log: String,
    },
    /// The lab's process does not become ready.
    #[error("the lab's API server does not start: {log}")]
    Silent {
        /// The end of its log.
        log: String,
    },
    /// The API server cannot be reached.
    #[error("cannot connect to the lab's API server")]
    Connect(#[from] ConnectError),
    /// A manifest was refused.
    #[error("cannot create the manifests' objects")]
    Apply(#[from] ApplyError),
    /// The objects cannot be read.
    #[error("cannot read the lab's objects")]
    Read(#[source] Box<kube::Error>),
    /// A signal came.
    #[error("interrupted")]
    Cancelled,
    /// Failed, and cleaning up failed too.
    #[error("{first}, and cleaning up failed")]
    Leftovers {
        /// What failed first.
        first: Box<UpError>,
        /// What remains.
        #[source]
        source: DownError,
    },
}
