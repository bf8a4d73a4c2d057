//! Why the agent ends.

use std::{io, path::PathBuf};

use super::{
    endpoint::StartError,
    node::{NodeDeviceError, RevisionError},
};
use crate::{
    kernel::{LoadError, MissingFeature, NetlinkError, ReadError},
    kubernetes::ClientError,
    maps::MapError,
};

/// The agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent holds this node's state.
    #[error("another skep agent runs on this node: it holds {path}")]
    AlreadyRunning {
        /// The lock file.
        path: PathBuf,
    },
    /// A directory or file of the agent cannot be used.
    #[error("cannot use {path}")]
    Path {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel lacks something.
    #[error(transparent)]
    Kernel(#[from] MissingFeature),
    /// The datapath cannot be loaded.
    #[error("cannot load the datapath")]
    Load(#[from] LoadError),
    /// A map cannot be used.
    #[error("cannot set up the datapath's maps")]
    Map(#[from] MapError),
    /// The devices of the node cannot be used.
    #[error("cannot set up the node's devices")]
    Devices(#[from] NodeDeviceError),
    /// The kernel does not tell which network namespace is the node's.
    #[error("cannot identify the node's network namespace")]
    Namespace(#[from] NetlinkError),
    /// The policy revision cannot be kept.
    #[error("cannot keep the policy revision")]
    Revision(#[from] RevisionError),
    /// Records or counters cannot be used.
    #[error("cannot use the endpoints' state")]
    Endpoints(#[from] StartError),
    /// There is no way to the API server.
    #[error("cannot reach the Kubernetes API")]
    Client(#[from] ClientError),
    /// Events cannot be read.
    #[error("cannot read the datapath's events")]
    Events(#[from] ReadError),
    /// The plugin cannot be installed.
    #[error("cannot install the CNI plugin")]
    Install(#[source] io::Error),
    /// A server failed.
    #[error("cannot serve {what}")]
    Serve {
        /// What it serves.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A part of the agent panicked; see the logs.
    #[error("a part of the agent panicked")]
    Panicked,
    /// A task that runs for ever has ended.
    #[error("the task {0:?} has ended")]
    TaskEnded(&'static str),
}
