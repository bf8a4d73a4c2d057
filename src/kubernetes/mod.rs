//! 1. Watch the cluster with kube-rs and turn API objects into model types at once.

mod apiserver;
pub mod certificate;
mod chain;
mod client;
pub mod crd;
mod endpoint_slice;
mod event;
mod exec;
mod host_port;
mod object;
mod pod;
mod redirect;
mod resource;
mod service;
mod watch;

pub use apiserver::ApiServerSlice;
pub use certificate::{CertificateObject, follow_certificate};
pub use chain::chain;
pub use client::{ClientError, connect};
pub use event::warning;
pub use exec::{ExecError, Output, exec, exec_heard};
pub use object::{
    Address, IdentityObject, Malformed, NamespaceObject, NodeObject, PublishedEndpoint, SliceObject,
};
pub use pod::{PodObject, PodPort};
pub use resource::{resource, written};
pub use watch::{Change, WatchState, Watched, watch, watch_if_served};

/// Reason of a node's condition `NetworkUnavailable=False` that skep sets.
pub const READY_REASON: &str = "SkepIsUp";

/// Taint of a node whose agent is not ready yet.
pub const NOT_READY_TAINT: &str = "skep.io/agent-not-ready";
