//! Synchronous rtnetlink: one request, one answer, errors that name what was tried.

mod address;
mod filter;
mod link;
mod neighbour;
mod qdisc;
mod route;
mod socket;

pub(super) use filter::{BpfFilter, FilterPlace};
pub use link::{BridgeSpec, Link, VethSpec, VxlanSpec};
pub use neighbour::Neighbour;
pub use qdisc::Disturbance;
pub use route::{Route, RouteKind};
pub use socket::{Netlink, NetlinkError};
