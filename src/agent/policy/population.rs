//! The identities that policies may meet.

use std::collections::{BTreeMap, BTreeSet};

use skep_bpf::abi::IdentityValue;

use crate::{
    agent::cluster::NodeIdentities,
    kubernetes::{IdentityObject, PodPort},
    model::Identity,
    policy::{
        cluster::{Actor, NamedPort, Role},
        compile::{KnownIdentity, Roster},
        rule::Protocol,
    },
};

/// Known identities, with the ports that their pods name.
#[derive(Debug)]
pub(super) struct Population {
    known: Roster,
}

/// Identities of nodes that mean something else than before.
#[derive(Debug, Default)]
pub(super) struct NewNodes {
    /// All of them.
    pub(super) identities: Vec<KnownIdentity>,
    /// Whether any of them meant something before.
    pub(super) relabelled: bool,
}

/// Reserved identities and what they are to policy.
const RESERVED: [(Identity, Role); 10] = [
    (Identity::HOST, Role::Host),
    (Identity(4), Role::Endpoint),
    (Identity::INIT, Role::Init),
    (Identity::REMOTE_NODE, Role::Peer),
    (Identity::KUBE_APISERVER, Role::Peer),
    (Identity(8), Role::Endpoint),
    (Identity::WORLD_V4, Role::World),
    (Identity::WORLD_V6, Role::World),
    (Identity::OUTSIDE_APISERVER_V4, Role::World),
    (Identity::OUTSIDE_APISERVER_V6, Role::World),
];

impl Population {
    /// Starts with the reserved identities.
    pub(super) fn new() -> Self {
        let known = RESERVED.into_iter().map(|(number, role)| {
            let actor = Actor::new(number.to_string(), role, number.fixed_labels());
            KnownIdentity { number, actor }
        });
        Self { known: known.collect() }
    }

    /// Returns all of them.
    pub(super) fn roster(&self) -> &Roster {
        &self.known
    }

    /// Takes in an identity; returns it if it is new.
    pub(super) fn add(&mut self, object: &IdentityObject) -> Option<&KnownIdentity> {
        let number = object.identity;
        if self.known.get(number).is_some() {
            return None;
        }
        let actor = Actor::new(number.to_string(), Role::Pod, object.labels.clone());
        self.known.insert(KnownIdentity { number, actor });
        self.known.get(number)
    }

    /// Forgets an identity of pods; tells whether it was known.
    pub(super) fn remove(&mut self, identity: Identity) -> bool {
        identity.is_cluster() && self.known.remove(identity).is_some()
    }

    /// Gives identities of nodes their labels. Returns those that are new, and those that meant something
    /// else before.
    pub(super) fn set_nodes(&mut self, nodes: &NodeIdentities) -> NewNodes {
        let mut news = NewNodes::default();
        for (number, labels) in nodes {
            let before = self.known.get(*number);
            if before.is_some_and(|own| own.actor.labels == **labels) {
                continue;
            }
            news.relabelled |= before.is_some();
            let role = if *number == Identity::HOST { Role::Host } else { Role::Peer };
            let actor = Actor::new(number.to_string(), role, (**labels).clone());
            let identity = KnownIdentity { number: *number, actor };
            self.known.insert(identity.clone());
            news.identities.push(identity);
        }
        news
    }

    /// Forgets the identities of nodes but for these; returns those that are gone.
    pub(super) fn keep_nodes(&mut self, nodes: &NodeIdentities) -> Vec<Identity> {
        let is_gone = |number: &Identity| number.is_node() && !nodes.contains_key(number);
        let gone: Vec<Identity> = self.known.iter().map(|own| own.number).filter(is_gone).collect();
        gone.iter().for_each(|number| drop(self.known.remove(*number)));
        gone
    }

    /// Sets the ports that pods name; returns the identities whose ports differ now. Only those are
    /// looked at that name ports, or did.
    pub(super) fn set_ports(
        &mut self,
        named: &BTreeMap<Identity, Vec<NamedPort>>,
    ) -> Vec<KnownIdentity> {
        let mut perhaps: BTreeSet<Identity> = self.known.with_ports().collect();
        perhaps.extend(named.keys());
        let mut changed = Vec::new();
        for number in perhaps {
            let ports = named.get(&number).map(Vec::as_slice).unwrap_or_default();
            changed.extend(self.known.set_ports(number, ports).cloned());
        }
        changed
    }
}

/// Returns what programs know of an identity.
pub(super) fn value(identity: &KnownIdentity) -> IdentityValue {
    use skep_bpf::abi::identity_flags;
    let flags = match identity.number {
        Identity::HOST | Identity::REMOTE_NODE | Identity::KUBE_APISERVER | Identity(8) => {
            identity_flags::NODE
        }
        node if node.is_node() => identity_flags::NODE,
        Identity::WORLD_V4
        | Identity::WORLD_V6
        | Identity::OUTSIDE_APISERVER_V4
        | Identity::OUTSIDE_APISERVER_V6 => identity_flags::WORLD,
        _ => 0,
    };
    IdentityValue { scope: u32::from(identity.scope().class()), flags }
}

/// Reads a pod's named port; `None` if it has a protocol that policies do not know.
pub(in crate::agent) fn named_port(port: &PodPort) -> Option<NamedPort> {
    let protocol = Protocol::from_name(&port.protocol)?;
    Some(NamedPort { name: port.name.clone(), protocol, port: port.port })
}
