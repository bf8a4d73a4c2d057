//! The CNI plugin, its server in the agent, IPAM and endpoint records.

pub mod plugin;
pub mod wire;
