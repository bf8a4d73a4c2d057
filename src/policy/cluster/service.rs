//! Services, for the rules that name them.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::actor::Actor;
use crate::{
    model::Labels,
    policy::rule::{LabelKey, ServiceChoice, ServicePeer},
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
        let has = |key: &LabelKey, value: &str| key.values(&actor.labels).any(|own| own == value);
        !self.selector.is_empty()
            && has(&LabelKey::kubernetes(LabelKey::NAMESPACE), &self.namespace)
            && self.selector.iter().all(|(key, value)| has(&LabelKey::kubernetes(key), value))
    }
}
