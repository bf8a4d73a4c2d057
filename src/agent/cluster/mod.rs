//! The cluster as the datapath must know it: nodes and owners of addresses.
//!
//! Synchronous and without a clock: watches call it, it writes maps through a
//! [`crate::maps::MapStore`].

mod apiserver;
mod claiming;
mod claims;
mod host;
mod ipcache;
mod node_identity;
mod node_ids;
mod site;
mod state;
mod tables;
mod telling;
mod view;

pub(super) use ipcache::{address_key, prefix_key};
pub(super) use node_identity::{NodeIdentities, NodeLabels};
pub(super) use node_ids::NodeIds;
pub(super) use state::{Cluster, LocalAddress, Place};
pub(super) use view::PeerView;

#[cfg(test)]
mod tests;
