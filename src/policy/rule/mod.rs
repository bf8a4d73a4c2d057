//! Rules as types that cannot be wrong.

mod label;
mod peer;
mod policy;
mod port;
mod selector;

pub use label::{LabelKey, LabelSource};
pub use peer::{CidrReach, Cidrs, Entity, Names, Peer, Peers, ServiceChoice, ServicePeer};
pub(in crate::policy) use peer::{cidr_group, is_within};
pub use policy::{
    Action, Auth, Direction, Policy, PolicyKind, PolicyRef, Rule, RulePlace, RuleRef, Subject,
    Tier, Turn,
};
pub use port::{PortMatch, PortRange, PortRule, Ports, Protocol, Proxy, ProxyKind};
pub use selector::{Requirement, Selector, Test};
