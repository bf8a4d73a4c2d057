//! The CNI plugin, its server in the agent, IPAM and endpoint records.

pub(crate) mod failure;
pub mod ipam;
pub mod plugin;
pub mod queue;
pub mod record;
pub mod server;
pub mod wire;

pub(crate) use failure::code;
