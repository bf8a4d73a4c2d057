//! Rules by whom they are for, so that a rule meets only those that may concern the same subjects.

use std::collections::HashMap;

use ipnet::IpNet;

use super::cover::subject_covers;
use crate::policy::{
    cluster::Actor,
    judge::is_subject,
    rule::{Direction, Entity, LabelKey, Peer, Peers, Policy, Rule, Subject},
};

type Label<'a> = (&'a str, &'a str);
type Key<'a> = (Direction, Option<&'a str>, Option<Label<'a>>);

/// What all peers of a rule have in common, as far as it can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Common<'a> {
    /// Nothing.
    Nothing,
    /// A label.
    Label(Label<'a>),
    /// They are in this prefix.
    Prefix(IpNet),
    /// They are this entity.
    Entity(Entity),
    /// They are this name.
    Name(&'a str),
}

/// Rules with the same subjects' labels and peers that are compared with a rule; so many that only
/// generated texts have more.
const CLOSEST: usize = 300;

/// A rule with its policy.
pub(super) type Pair<'a> = (&'a Policy, &'a Rule);

/// All rules that are in force.
#[derive(Debug, Default)]
pub(super) struct RuleIndex<'a> {
    buckets: HashMap<Key<'a>, Vec<Pair<'a>>>,
    by_peers: HashMap<(Key<'a>, Common<'a>), Vec<Pair<'a>>>,
}

fn common(peers: &Peers) -> Common<'_> {
    match peers {
        Peers::Of(list) => match &list[..] {
            [Peer::Labels(selector)] => {
                selector.labels().next().map_or(Common::Nothing, Common::Label)
            }
            [Peer::Cidrs(cidrs)] => Common::Prefix(cidrs.prefix),
            [Peer::Entity(entity)] => Common::Entity(*entity),
            [Peer::Names(names)] => Common::Name(&names.written),
            _ => Common::Nothing,
        },
        Peers::Any => Common::Nothing,
    }
}

impl<'a> RuleIndex<'a> {
    pub(super) fn new(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut index = Self::default();
        for policy in policies {
            for rule in &policy.rules {
                let own = rule.subject.selector();
                let key = (rule.direction, own.namespace(), own.labels().next());
                index.buckets.entry(key).or_default().push((policy, rule));
                let key = (key, common(&rule.peers));
                index.by_peers.entry(key).or_default().push((policy, rule));
            }
        }
        index
    }

    fn near<'s>(
        &'s self,
        direction: Direction,
        namespace: Option<&'s str>,
        labels: Vec<(&'s str, &'s str)>,
    ) -> impl Iterator<Item = Pair<'a>> + 's {
        let namespaces = [namespace, None];
        let count = if namespace.is_some() { 0 } else { 1 };
        let labels: Vec<Option<(&str, &str)>> =
            labels.into_iter().map(Some).chain([None]).collect();
        namespaces.into_iter().skip(count).flat_map(move |namespace| {
            let labels = labels.clone();
            labels.into_iter().flat_map(move |label| {
                let bucket = self.buckets.get(&(direction, namespace, label));
                bucket.map(Vec::as_slice).unwrap_or_default().iter().copied()
            })
        })
    }

    /// Returns the rules that are for all subjects of a rule, and perhaps about all of its peers.
    pub(super) fn around(&self, rule: &Rule) -> Vec<Pair<'a>> {
        let own = rule.subject.selector();
        let mut wanted = vec![Common::Nothing];
        match &rule.peers {
            Peers::Of(list) => match list.first() {
                Some(Peer::Labels(selector)) => wanted.extend(selector.labels().map(Common::Label)),
                Some(Peer::Cidrs(cidrs)) => {
                    let outer = std::iter::successors(Some(cidrs.prefix), IpNet::supernet);
                    wanted.extend(outer.map(|net| Common::Prefix(net.trunc())));
                    wanted.push(Common::Entity(Entity::World));
                }
                Some(Peer::Names(names)) => {
                    wanted.extend([Common::Name(&names.written), Common::Entity(Entity::World)]);
                }
                Some(Peer::Entity(entity)) => {
                    let outer = [Entity::World, Entity::Cluster, Entity::ClusterMesh];
                    wanted.push(Common::Entity(*entity));
                    let outer = outer.into_iter().filter(|outer| outer != entity);
                    wanted.extend(outer.map(Common::Entity));
                }
                _ => {}
            },
            Peers::Any => {}
        }
        if !matches!(&rule.peers, Peers::Of(list) if matches!(list[..], [Peer::Entity(Entity::All), ..]))
        {
            wanted.push(Common::Entity(Entity::All));
        }
        let mut namespaces = vec![None];
        namespaces.extend(own.namespace().map(Some));
        let mut found = Vec::new();
        for namespace in namespaces {
            for label in own.labels().map(Some).chain([None]) {
                for &common in &wanted {
                    let key = ((rule.direction, namespace, label), common);
                    let bucket = self.by_peers.get(&key).map(Vec::as_slice).unwrap_or_default();
                    let covers = |(_, other): &&Pair<'a>| {
                        !std::ptr::eq(*other, rule) && subject_covers(&other.subject, &rule.subject)
                    };
                    found.extend(bucket.iter().take(CLOSEST).filter(covers));
                }
            }
        }
        found
    }

    /// Yields the rules of a direction that are for all subjects of a subject.
    pub(super) fn covering<'s>(
        &'s self,
        subject: &'s Subject,
        direction: Direction,
    ) -> impl Iterator<Item = Pair<'a>> + 's {
        let own = subject.selector();
        self.near(direction, own.namespace(), own.labels().collect())
            .filter(move |(_, rule)| subject_covers(&rule.subject, subject))
    }

    /// Returns the rules of a direction for somebody, in turn.
    pub(super) fn of(&self, actor: &Actor, direction: Direction) -> Vec<Pair<'a>> {
        let pairs = |(key, value): (&'_ String, &'_ String)| {
            let (_, name) = key.split_once(':')?;
            Some((name.to_owned(), value.clone()))
        };
        let own: Vec<(String, String)> = actor.labels.0.iter().filter_map(pairs).collect();
        let namespace = own.iter().find(|(name, _)| name == LabelKey::NAMESPACE);
        let namespace = namespace.map(|(_, value)| value.as_str());
        let labels = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let near = self.near(direction, namespace, labels);
        let mut rules: Vec<Pair<'a>> =
            near.filter(|(_, rule)| is_subject(&rule.subject, actor)).collect();
        rules.sort_by_key(|(_, rule)| rule.turn);
        rules
    }
}
