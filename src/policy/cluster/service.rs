//! Services, for the rules that name them.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::actor::Actor;
use crate::{
    model::Labels,
    policy::rule::{LabelKey, Selector, ServiceChoice, ServicePeer},
};

/// A service and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// Labels of the pods behind it; empty if somebody else says what is behind it.
    pub selector: BTreeMap<String, String>,
    /// Addresses behind it that are given by hand.
    pub addresses: Vec<IpNet>,
}

impl Service {
    /// Tells whether a rule means this service.
    pub fn is_meant(&self, peer: &ServicePeer) -> bool {
        let namespace = peer.namespace.as_ref().is_none_or(|name| *name == self.namespace);
        namespace
            && match &peer.which {
                ServiceChoice::Name(name) => *name == self.name,
                ServiceChoice::Labels(selector) => {
                    let labels: Labels =
                        self.labels.iter().map(|(k, v)| (format!("k8s:{k}"), v)).collect();
                    selector.matches(&labels)
                }
            }
    }

    /// Tells whether the service selects somebody.
    pub fn is_backend(&self, actor: &Actor) -> bool {
        self.backends().is_some_and(|selector| selector.matches(&actor.labels))
    }

    /// Returns the selector of those behind it; `None` if somebody else says who that is.
    pub fn backends(&self) -> Option<Selector> {
        let namespace = LabelKey::kubernetes(LabelKey::NAMESPACE);
        let selector = Selector::default().and_is(namespace, &self.namespace);
        let own = self.selector.iter();
        let and = |all: Selector, (key, value): (&String, &String)| {
            all.and_is(LabelKey::kubernetes(key), value)
        };
        (!self.selector.is_empty()).then(|| own.fold(selector, and))
    }
}
