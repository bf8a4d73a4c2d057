//! All identities that are known, and an index of their labels: whom a peer means is looked up, not
//! asked of each of them.

use std::collections::BTreeMap;

use super::{
    bits::{Bits, SparseBits},
    identity::{KnownIdentity, Scope},
    labels::LabelIndex,
};
use crate::{
    model::Identity,
    policy::{
        cluster::NamedPort,
        judge::PeerMatcher,
        rule::{Action, Entity, LabelKey, Peer, Peers, Rule, Selector, ServicePeer},
    },
};

/// Known identities by number. Each has a place, which the next newcomer takes when it is gone.
#[derive(Debug, Default)]
pub struct Roster {
    places: Vec<Option<KnownIdentity>>,
    /// Their numbers side by side, as compiling asks for many; those of empty places mean nothing.
    numbers: Vec<Identity>,
    by_number: BTreeMap<Identity, usize>,
    free: Vec<usize>,
    everybody: Bits,
    /// Places by scope; none without any.
    scopes: BTreeMap<Scope, SparseBits>,
    labels: LabelIndex,
    /// The places of those who name a port.
    ports: BTreeMap<NamedPort, SparseBits>,
}

impl Roster {
    /// Takes in an identity, in place of one of its number if there is one.
    pub fn insert(&mut self, identity: KnownIdentity) {
        self.remove(identity.number);
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
            self.numbers.push(identity.number);
        }
        self.labels.insert(&identity.actor.labels, place);
        self.join_ports(place, &identity.actor.ports);
        self.everybody.insert(place);
        self.scopes.entry(identity.scope()).or_default().insert(place);
        self.by_number.insert(identity.number, place);
        self.numbers[place] = identity.number;
        self.places[place] = Some(identity);
    }

    /// Forgets an identity; returns it if it was known.
    pub fn remove(&mut self, number: Identity) -> Option<KnownIdentity> {
        let place = self.by_number.remove(&number)?;
        let identity = self.places[place].take()?;
        self.labels.remove(&identity.actor.labels, place);
        self.leave_ports(place, &identity.actor.ports);
        self.everybody.remove(place);
        if let Some(places) = self.scopes.get_mut(&identity.scope()) {
            places.remove(place);
            if places.is_empty() {
                self.scopes.remove(&identity.scope());
            }
        }
        self.free.push(place);
        Some(identity)
    }

    /// Changes the ports that an identity's pods name; returns it if they differ.
    pub fn set_ports(&mut self, number: Identity, ports: &[NamedPort]) -> Option<&KnownIdentity> {
        let place = *self.by_number.get(&number)?;
        let own = self.places[place].as_mut()?;
        if own.actor.ports == ports {
            return None;
        }
        let before = std::mem::replace(&mut own.actor.ports, ports.to_vec());
        self.leave_ports(place, &before);
        self.join_ports(place, ports);
        self.places[place].as_ref()
    }

    fn join_ports(&mut self, place: usize, ports: &[NamedPort]) {
        for port in ports {
            self.ports.entry(port.clone()).or_default().insert(place);
        }
    }

    fn leave_ports(&mut self, place: usize, ports: &[NamedPort]) {
        for port in ports {
            if let Some(places) = self.ports.get_mut(port) {
                places.remove(place);
                if places.is_empty() {
                    self.ports.remove(port);
                }
            }
        }
    }

    /// Finds an identity.
    pub fn get(&self, number: Identity) -> Option<&KnownIdentity> {
        self.at(*self.by_number.get(&number)?)
    }

    /// Yields all identities, by number.
    pub fn iter(&self) -> impl Iterator<Item = &KnownIdentity> {
        self.by_number.values().filter_map(|place| self.at(*place))
    }

    /// Yields the ports that anybody names.
    pub fn named_ports(&self) -> impl Iterator<Item = &NamedPort> {
        self.ports.keys()
    }

    /// Yields the identities that name ports, some of them more than once.
    pub fn with_ports(&self) -> impl Iterator<Item = Identity> {
        let places = self.ports.values().flat_map(SparseBits::iter);
        places.filter_map(|place| Some(self.at(place)?.number))
    }

    /// Returns how many places there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns who has a place.
    pub(super) fn at(&self, place: usize) -> Option<&KnownIdentity> {
        self.places[place].as_ref()
    }

    /// Returns the number of who has a place.
    pub(super) fn number(&self, place: usize) -> Identity {
        self.numbers[place]
    }

    /// Yields the scopes of everybody, with the places of theirs.
    pub(super) fn scopes(&self) -> impl Iterator<Item = (Scope, &SparseBits)> {
        self.scopes.iter().map(|(scope, places)| (*scope, places))
    }

    /// Returns the places of this node.
    pub(super) fn hosts(&self) -> Bits {
        self.labels.with_key(&LabelKey::of("reserved", "host"))
    }

    /// Returns the places of those who name a port.
    pub(super) fn naming(&self, port: &NamedPort) -> Bits {
        let mut naming = Bits::default();
        self.ports.get(port).into_iter().for_each(|places| naming.add_sparse(places));
        naming
    }

    /// Returns the places of all that a rule is about, whatever their addresses: those whom
    /// [`PeerMatcher::matches_identity`] says yes to.
    pub(super) fn meant_by(&self, rule: &Rule, matcher: &PeerMatcher<'_>) -> Bits {
        let Peers::Of(list) = &rule.peers else { return self.everybody.clone() };
        let mut meant = Bits::default();
        for peer in list {
            match peer {
                Peer::Labels(selector) => meant.add(&self.selected(selector)),
                Peer::Entity(Entity::All) => meant.add(&self.everybody),
                Peer::Services(wanted) => self.add_backends(wanted, matcher, &mut meant),
                // It cannot be known who that is: everybody, but for what allows.
                Peer::Unknown(_) if matches!(rule.action, Action::Allow(_)) => {}
                Peer::Unknown(_) => meant.add(&self.everybody),
                Peer::Cidrs(_) => {}
                Peer::Entity(entity) => meant.add(&self.being(*entity, peer, matcher)),
                Peer::Names(_) => meant.add(&self.asked(peer, matcher, "fqdn")),
                Peer::CidrGroup { labels, .. } => {
                    meant.add(&self.asked_of(self.selected(labels), peer, matcher));
                }
            }
        }
        meant
    }

    /// Returns the places of an entity: pods go by their cluster, all others by what they are called.
    fn being(&self, entity: Entity, peer: &Peer, matcher: &PeerMatcher<'_>) -> Bits {
        let cluster = LabelKey::kubernetes(LabelKey::CLUSTER);
        let mut found = match entity {
            Entity::Cluster => self.selected(&Selector::default().and_is(cluster, matcher.cluster)),
            Entity::ClusterMesh => self.labels.with_key(&cluster),
            _ => Bits::default(),
        };
        found.add(&self.asked(peer, matcher, "reserved"));
        found
    }

    /// Asks those who have labels of a source.
    fn asked(&self, peer: &Peer, matcher: &PeerMatcher<'_>, source: &str) -> Bits {
        self.asked_of(self.labels.of_source(source), peer, matcher)
    }

    fn asked_of(&self, candidates: Bits, peer: &Peer, matcher: &PeerMatcher<'_>) -> Bits {
        let is_meant =
            |place: &usize| self.at(*place).is_some_and(|own| matcher.means(peer, &own.actor));
        candidates.iter().filter(is_meant).collect()
    }

    fn add_backends(&self, wanted: &ServicePeer, matcher: &PeerMatcher<'_>, meant: &mut Bits) {
        for service in matcher.services.iter().filter(|service| service.is_meant(wanted)) {
            if let Some(selector) = service.backends() {
                meant.add(&self.selected(&selector));
            }
        }
    }

    /// Returns the places of those whom a selector selects.
    fn selected(&self, selector: &Selector) -> Bits {
        self.labels.selected(selector, &self.everybody)
    }
}

impl FromIterator<KnownIdentity> for Roster {
    fn from_iter<I: IntoIterator<Item = KnownIdentity>>(identities: I) -> Self {
        let mut roster = Self::default();
        identities.into_iter().for_each(|identity| roster.insert(identity));
        roster
    }
}
