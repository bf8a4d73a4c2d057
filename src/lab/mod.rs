//! A cluster in network namespaces on one machine.
//!
//! [`up`](up::up) makes the fabric, the world and the nodes ([`host`], [`fabric`], [`node`]) and
//! starts one process, [`serve`](serve::serve): the embedded API server, the controllers, and one
//! kubelet per node. Everything a lab is made of is found again from its directory, so that
//! [`down`](down::down) needs no cooperation from anything that may have died.

pub mod apiserver;

mod cluster;
mod controllers;
mod down;
mod fabric;
mod host;
mod kubelet;
mod node;
mod plan;
mod spec;
mod standin;
mod state;

pub use down::{DownError, Leftover, down};
pub use fabric::FabricError;
pub use host::{CgroupError, EnterError, Entry, MountError, NamespaceError};
pub use node::NodeError;
pub use spec::{InvalidName, LabName, LabSpec, MAX_NODES};
pub use standin::{Listen, Protocol, StandInError, Whoami, serve as stand_in};
pub use state::{LabDir, LabRecord, NodeDir, StateError};
