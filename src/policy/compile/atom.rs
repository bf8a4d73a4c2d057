//! Rules cut into pieces that say yes or no to an identity, an address and a port independently.

use ipnet::IpNet;

use super::identity::{KnownIdentity, Scope};
use crate::policy::{
    cluster::NamedPort,
    judge::PeerMatcher,
    rule::{
        Action, CidrReach, Cidrs, Direction, Entity, Peer, Peers, PortMatch, PortRange, Ports,
        Protocol, Rule, RuleRef, Turn,
    },
};

/// Ports of an atom: a protocol and a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortSpan {
    pub(super) protocol: Protocol,
    pub(super) range: PortRange,
    /// Priority of the proxy, if one must see to it.
    pub(super) proxy: Option<u8>,
    /// How closely it matches: 1 = all ports, up to 17 = one port.
    pub(super) closeness: u8,
}

/// A piece of a rule.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub(super) rule: RuleRef,
    /// `None` = all protocols.
    pub(super) ports: Option<Vec<PortSpan>>,
    /// Only identities whose pods name this port so; of rules for what is sent that name ports.
    pub(super) only_with: Option<NamedPort>,
    /// Addresses that are meant.
    pub(super) cidrs: Vec<Cidrs>,
    /// Whether everybody is meant.
    pub(super) is_for_all: bool,
    /// Whether it lets DNS names through.
    pub(super) allows_names: bool,
}

impl Atom {
    /// Cuts a rule. `named` are the ports that the subject names, or all that its peers do.
    pub(super) fn cut(rule: &RuleRef, named: &[NamedPort], matcher: &PeerMatcher<'_>) -> Vec<Self> {
        let whole = Self {
            rule: rule.clone(),
            ports: None,
            only_with: None,
            cidrs: cidrs(rule, matcher),
            is_for_all: is_for_all(rule),
            allows_names: allows_names(rule),
        };
        let Ports::Of(list) = &rule.ports else { return vec![whole] };
        let mut atoms = Vec::new();
        let mut spans = Vec::new();
        for port in list {
            let span = |range, closeness| PortSpan {
                protocol: port.protocol,
                range,
                proxy: port.proxy.as_ref().map(|proxy| proxy.priority),
                closeness,
            };
            match &port.ports {
                PortMatch::Any => spans.push(span(PortRange { first: 0, last: u16::MAX }, 1)),
                PortMatch::Range(range) => spans.push(span(*range, closeness(*range))),
                PortMatch::Named(name) => {
                    let meant = |p: &&NamedPort| p.name == *name && p.protocol == port.protocol;
                    for own in named.iter().filter(meant) {
                        let one = span(PortRange { first: own.port, last: own.port }, 17);
                        match rule.direction {
                            Direction::Ingress => spans.push(one),
                            Direction::Egress => atoms.push(Self {
                                ports: Some(vec![one]),
                                only_with: Some(own.clone()),
                                ..whole.clone()
                            }),
                        }
                    }
                }
            }
        }
        atoms.push(Self { ports: Some(spans), ..whole });
        atoms
    }

    /// Tells whether an identity is meant, whatever its address.
    pub(super) fn means(&self, identity: &KnownIdentity, matcher: &PeerMatcher<'_>) -> bool {
        self.has_port(identity) && matcher.matches_identity(&self.rule, &identity.actor)
    }

    /// Tells whether an identity names the port that this is about, if it is about one.
    pub(super) fn has_port(&self, identity: &KnownIdentity) -> bool {
        self.only_with.as_ref().is_none_or(|port| identity.actor.ports.contains(port))
    }

    /// Tells whether addresses in a region are meant, by those of this scope. The region is what has
    /// `net` as the longest of all prefixes, so it is in a prefix as a whole or not at all.
    pub(super) fn means_addr(&self, net: &IpNet, scope: Scope) -> bool {
        self.cidrs.iter().any(|cidrs| {
            (scope == Scope::World || cidrs.reach == CidrReach::Everywhere) && cidrs.contains(net)
        })
    }

    /// Returns the order in which atoms decide: by turn, and in one turn the strictest first.
    pub(super) fn rank(&self) -> (Turn, u8) {
        let strictness = match self.rule.action {
            Action::Deny => 0,
            Action::Pass => 1,
            Action::Allow(_) => 2,
        };
        (self.rule.turn, strictness)
    }
}

/// Returns the addresses that a rule speaks of, services' included.
fn cidrs(rule: &Rule, matcher: &PeerMatcher<'_>) -> Vec<Cidrs> {
    let Peers::Of(list) = &rule.peers else { return Vec::new() };
    let mut all = Vec::new();
    for peer in list {
        match peer {
            Peer::Cidrs(cidrs) => all.push(cidrs.clone()),
            Peer::CidrGroup { labels, except } => {
                let meant = matcher.groups.iter().filter(|group| labels.matches(&group.labels));
                all.extend(meant.flat_map(|group| &group.prefixes).map(|&prefix| Cidrs {
                    prefix,
                    except: except.clone(),
                    reach: CidrReach::World,
                }));
            }
            Peer::Services(wanted) => {
                let meant = matcher.services.iter().filter(|s| s.is_meant(wanted));
                all.extend(meant.flat_map(|service| &service.addresses).map(|&prefix| Cidrs {
                    prefix,
                    except: Vec::new(),
                    reach: CidrReach::Everywhere,
                }));
            }
            _ => {}
        }
    }
    all
}

fn is_for_all(rule: &Rule) -> bool {
    match &rule.peers {
        Peers::Any => true,
        Peers::Of(list) => list.iter().any(|peer| matches!(peer, Peer::Entity(Entity::All))),
    }
}

fn allows_names(rule: &Rule) -> bool {
    let names = |peers: &[Peer]| peers.iter().any(|peer| matches!(peer, Peer::Names(_)));
    matches!((&rule.action, &rule.peers), (Action::Allow(_), Peers::Of(list)) if names(list))
}

fn closeness(range: PortRange) -> u8 {
    let ports = u32::from(range.last.saturating_sub(range.first)) + 1;
    (17 - (31 - ports.leading_zeros())) as u8
}

/// Tells whether a rule calls a port by its name.
pub(super) fn names(rule: &Rule, port: &NamedPort) -> bool {
    let Ports::Of(list) = &rule.ports else { return false };
    list.iter().any(|own| {
        own.protocol == port.protocol
            && matches!(&own.ports, PortMatch::Named(name) if *name == port.name)
    })
}
