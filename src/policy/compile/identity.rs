//! Identities as tables tell them apart.

use crate::{
    model::Identity,
    policy::cluster::{Actor, Role},
};

/// What is known of an identity apart from its labels; each scope has a class of its own, which those
/// of its identities that no rule tells apart share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Scope {
    /// Nothing: an address of the cluster whose owner is not known yet.
    Unknown = 0,
    /// A pod.
    Pod = 1,
    /// The outside.
    World = 2,
    /// A node, or another endpoint that is no pod.
    Node = 3,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Pod, Self::World, Self::Node];
    /// How many there are: the first class that is nobody's default.
    pub const COUNT: u16 = 4;

    /// Returns the class of its identities that no rule tells apart.
    pub const fn class(self) -> u16 {
        self as u16
    }
}

/// An identity with its labels and, in `actor`, the ports that its pods name.
#[derive(Clone, Debug)]
pub struct KnownIdentity {
    /// Its number.
    pub number: Identity,
    /// Who has it.
    pub actor: Actor,
}

impl KnownIdentity {
    /// Returns its scope.
    pub fn scope(&self) -> Scope {
        match self.actor.role {
            Role::Pod => Scope::Pod,
            Role::World => Scope::World,
            Role::Endpoint | Role::Init | Role::Host | Role::Peer => Scope::Node,
        }
    }
}
