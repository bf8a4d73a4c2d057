//! Whether a rule's peers include somebody.

use ipnet::IpNet;

use crate::{
    model::Labels,
    policy::{
        cluster::{Actor, CidrGroup, Role, Service},
        rule::{Action, CidrReach, Entity, LabelKey, Peer, Peers, Rule, is_within},
    },
};

/// What deciding about peers takes, apart from the two of them.
#[derive(Clone, Copy, Debug)]
pub struct PeerMatcher<'a> {
    /// All services.
    pub services: &'a [Service],
    /// All groups of prefixes.
    pub groups: &'a [CidrGroup],
    /// Name of this cluster.
    pub cluster: &'a str,
}

impl PeerMatcher<'_> {
    /// Tells whether a rule is about this peer. A peer that cannot be known is nobody for what allows
    /// and everybody else.
    pub fn matches(&self, rule: &Rule, actor: &Actor) -> bool {
        let by_addr =
            |peer: &Peer| actor.nets.iter().any(|net| self.means_addr(peer, actor.role, net));
        self.matches_identity(rule, actor)
            || matches!(&rule.peers, Peers::Of(list) if list.iter().any(by_addr))
    }

    /// Tells whether a rule is about everybody with this identity, whatever their addresses.
    pub fn matches_identity(&self, rule: &Rule, actor: &Actor) -> bool {
        match &rule.peers {
            Peers::Any => true,
            Peers::Of(list) => {
                let unknown = !matches!(rule.action, Action::Allow(_));
                list.iter().any(|peer| self.means_identity(peer, actor, unknown))
            }
        }
    }

    /// Tells whether a peer is somebody with this identity, whatever their addresses; an unknown one is
    /// nobody.
    pub(in crate::policy) fn means(&self, peer: &Peer, actor: &Actor) -> bool {
        self.means_identity(peer, actor, false)
    }

    fn means_identity(&self, peer: &Peer, actor: &Actor, unknown: bool) -> bool {
        match peer {
            Peer::Labels(selector) => selector.matches(&actor.labels),
            Peer::Entity(entity) => self.is_entity(*entity, &actor.labels),
            Peer::Names(names) => actor
                .labels
                .0
                .keys()
                .any(|key| key.strip_prefix("fqdn:").is_some_and(|name| names.matches(name))),
            Peer::Services(wanted) => self
                .services
                .iter()
                .any(|service| service.is_meant(wanted) && service.is_backend(actor)),
            Peer::CidrGroup { labels, except } => {
                labels.matches(&actor.labels)
                    && !actor.nets.iter().any(|net| is_within(except, net))
            }
            Peer::Unknown(_) => unknown,
            Peer::Cidrs(_) => false,
        }
    }

    fn means_addr(&self, peer: &Peer, role: Role, net: &IpNet) -> bool {
        match peer {
            Peer::Cidrs(cidrs) => {
                (role == Role::World || cidrs.reach == CidrReach::Everywhere) && cidrs.contains(net)
            }
            Peer::CidrGroup { labels, except } => {
                let mut groups = self.groups.iter().filter(|group| labels.matches(&group.labels));
                role == Role::World
                    && groups.any(|group| is_within(&group.prefixes, net))
                    && !is_within(except, net)
            }
            Peer::Services(wanted) => {
                let mut given = self.services.iter().filter(|service| service.is_meant(wanted));
                given.any(|service| is_within(&service.addresses, net))
            }
            _ => false,
        }
    }

    fn is_entity(&self, entity: Entity, labels: &Labels) -> bool {
        let reserved = |names: &[&str]| {
            let mut own = labels.0.keys().filter_map(|key| key.strip_prefix("reserved:"));
            own.any(|own| names.contains(&own))
        };
        let cluster = LabelKey::kubernetes(LabelKey::CLUSTER);
        match entity {
            Entity::All => true,
            Entity::None => false,
            Entity::World => reserved(&["world", "world-ipv4", "world-ipv6"]),
            Entity::Cluster => {
                reserved(&INSIDE) || cluster.values(labels).any(|own| own == self.cluster)
            }
            Entity::ClusterMesh => reserved(&INSIDE) || cluster.values(labels).next().is_some(),
            named => reserved(&[named.name()]),
        }
    }
}

/// What is in every cluster besides pods.
const INSIDE: [&str; 7] =
    ["host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver"];
