//! The lab's kubelets: one per node, in one process.
//!
//! Each runs the pods bound to its node as kubelet and containerd would: a sandbox of namespaces,
//! the CNI plugin called with containerd's environment, containers as processes in control groups
//! of their own, probes, restarts, graceful ends, status.

mod backend;
mod cni;
mod console;
mod container;
mod crew;
mod environment;
mod exec;
mod field;
mod hooks;
mod host;
mod log;
mod node;
mod past;
mod phase;
mod pod;
mod pod_files;
mod power;
mod probe;
mod process;
mod program;
mod report;
mod resolver;
mod sandbox;
mod service_links;
mod shift;
mod start;
mod status;
mod terminal;
mod volume;
mod written;

pub(super) use backend::Backend;
pub(super) use host::{Host, HostOptions};
pub(super) use node::run;
