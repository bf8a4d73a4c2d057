//! The agents of a cluster, reached through pods/exec: what kubectl may do, skep may do, and
//! nothing listens for it.

mod agents;
mod connect;
mod error;
mod exec;
mod log;

pub(crate) use agents::AgentPod;
pub(crate) use connect::{Cluster, default_kubeconfig};
pub(crate) use error::ClusterError;
pub(crate) use exec::Lines;
