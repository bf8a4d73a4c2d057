//! What is compared: two pods, and what lies between them.
//!
//! Every namespace is anonymous and lives as long as a descriptor or a process in it, so that
//! nothing is left behind however a run ends.

mod bridge;
mod iptables;
mod pair;
mod skep;
mod veth;

pub(crate) use bridge::bridge;
pub(in crate::bench) use iptables::feed;
pub(crate) use pair::Topology;
pub use pair::TopologyError;
pub(crate) use skep::{Node, Watched, skep};
pub(crate) use veth::veth;
