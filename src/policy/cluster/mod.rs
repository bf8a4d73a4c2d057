//! Who there is: pods, nodes, services and groups, as far as policies speak of them.

mod actor;
mod group;
mod inventory;
mod pod;
mod service;
mod spec;

pub use actor::{Actor, NamedPort, Role};
pub use group::CidrGroup;
pub use inventory::{Conflict, Inventory};
pub use service::Service;
pub use spec::SpecError;
