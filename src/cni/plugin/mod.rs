//! `skep-cni`: what the container runtime runs for each pod.
//!
//! A short-lived process between the runtime and the agent: it checks everything, passes the
//! namespace's descriptor to the agent, and prints one JSON document. It has no runtime, no
//! argument parser and no logger; the configuration, which may hold other plugins' secrets, is
//! never shown.

mod call;
mod config;
mod environment;
mod failure;
mod outcome;
mod verb;

pub(crate) use environment::{Rejected, valid_container_id, valid_ifname};
pub use verb::main;

/// Spec versions that the plugin speaks, oldest first.
pub const VERSIONS: [&str; 4] = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"];
