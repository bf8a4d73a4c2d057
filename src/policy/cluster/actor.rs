//! One end of a connection, as policies see it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    model::Labels,
    policy::rule::{PortMatch, Protocol},
};

/// What an actor is to policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A pod with an address of its own: the subject of policies.
    Pod,
    /// Another endpoint than a pod, such as the ingress proxy: a subject of policies of the cluster.
    Endpoint,
    /// An endpoint whose labels are not known yet: isolated until they are.
    Init,
    /// This node: the subject of policies for hosts.
    Host,
    /// A peer only.
    Peer,
    /// A peer outside of the cluster.
    World,
}

/// A port with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

/// Somebody who may be a subject of policies, or a peer.
#[derive(Clone, Debug)]
pub struct Actor {
    /// How people call it: `namespace/name`, `entity:host`, `ip:10.0.0.1`.
    pub name: String,
    /// Labels of its identity.
    pub labels: Labels,
    /// Its addresses; prefixes for those who stand for many.
    pub nets: Vec<IpNet>,
    /// What it is.
    pub role: Role,
    /// The ports it names.
    pub ports: Vec<NamedPort>,
    /// Its workload as `kind/name`, for people.
    pub workload: Option<String>,
}

impl Actor {
    /// Makes somebody without addresses and ports.
    pub fn new(name: impl Into<String>, role: Role, labels: Labels) -> Self {
        let name = name.into();
        Self { name, labels, nets: Vec::new(), role, ports: Vec::new(), workload: None }
    }

    /// Adds an address.
    pub fn with_addr(mut self, addr: IpAddr) -> Self {
        self.nets.push(addr.into());
        self
    }

    /// Tells whether policies may select it.
    pub fn is_subject(&self) -> bool {
        !matches!(self.role, Role::Peer | Role::World)
    }

    /// Tells whether it is this node.
    pub fn is_host(&self) -> bool {
        self.labels.0.contains_key("reserved:host")
    }

    /// Tells whether a port of it, reached by this protocol, is meant.
    pub fn has_port(&self, wanted: &PortMatch, protocol: Protocol, port: u16) -> bool {
        match wanted {
            PortMatch::Any => true,
            PortMatch::Range(range) => range.range().contains(&port),
            PortMatch::Named(name) => self
                .ports
                .iter()
                .any(|own| own.name == *name && own.protocol == protocol && own.port == port),
        }
    }
}
