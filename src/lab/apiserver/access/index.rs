//! Bindings with their rules at hand, rebuilt when roles or bindings have changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::attributes::{Attributes, Subject};
use super::rules::Rule;
use crate::lab::apiserver::store::{At, Key, Query, Store};
use crate::lab::apiserver::user::User;

const ROLES: &str = "roles.rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const CLUSTER_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
const SOURCES: [&str; 4] = [ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS];

/// Whom a binding is for.
#[derive(Debug, PartialEq, Eq)]
enum Grantee {
    User(String),
    Group(String),
}

struct Binding {
    grantees: Vec<Grantee>,
    rules: Arc<[Rule]>,
    /// For the reason of an allowed request.
    name: String,
}

/// All bindings at one moment.
pub(super) struct Index {
    cluster: Vec<Binding>,
    namespaces: HashMap<Box<str>, Vec<Binding>>,
}

/// Keeps the current index.
#[derive(Default)]
pub(in crate::lab::apiserver) struct Gate {
    current: Mutex<Option<([u64; 4], Arc<Index>)>>,
}

impl Gate {
    /// Returns an index that is no older than the last change.
    pub(super) fn index(&self, store: &Store) -> Arc<Index> {
        let marks = store.latest(SOURCES);
        let mut current = self.current.lock().expect("no holder panics");
        if let Some((of, index)) = &*current
            && *of == marks
        {
            return Arc::clone(index);
        }
        let index = Arc::new(Index::read(store));
        *current = Some((marks, Arc::clone(&index)));
        index
    }
}

fn all(store: &Store, resource: &str) -> Vec<(Key, Value)> {
    let query =
        Query { namespace: None, at: At::Latest, after: None, limit: None, matches: &|_| true };
    let objects = store.list(resource, &query).map(|page| page.objects).unwrap_or_default();
    objects.iter().map(|object| (object.key.clone(), object.value())).collect()
}

/// Reads the rules of a role; one that cannot be read allows nothing.
pub(super) fn rules_of(role: &Value) -> Vec<Rule> {
    let rules = role["rules"].as_array().into_iter().flatten();
    rules.filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect()
}

fn grantees(binding: &Value, namespace: &str) -> Vec<Grantee> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects
        .filter_map(|subject| match subject["kind"].as_str()? {
            "User" => Some(Grantee::User(text(&subject["name"]))),
            "Group" => Some(Grantee::Group(text(&subject["name"]))),
            "ServiceAccount" => {
                let own = text(&subject["namespace"]);
                let namespace = if own.is_empty() { namespace } else { &own };
                let name = text(&subject["name"]);
                Some(Grantee::User(format!("system:serviceaccount:{namespace}:{name}")))
            }
            _ => None,
        })
        .collect()
}

impl Index {
    fn read(store: &Store) -> Self {
        let rules = |resource| -> HashMap<Key, Arc<[Rule]>> {
            let roles = all(store, resource).into_iter();
            roles.map(|(key, role)| (key, rules_of(&role).into())).collect()
        };
        let (roles, cluster_roles) = (rules(ROLES), rules(CLUSTER_ROLES));
        let bind = |key: &Key, binding: &Value, kind: &str| {
            let name = binding["roleRef"]["name"].as_str()?;
            let rules = match binding["roleRef"]["kind"].as_str()? {
                "ClusterRole" => cluster_roles.get(&Key::new("", name)),
                "Role" => roles.get(&Key::new(&key.namespace, name)),
                _ => None,
            }?;
            let role = binding["roleRef"]["kind"].as_str()?;
            let place = if key.namespace.is_empty() {
                key.name.to_string()
            } else {
                format!("{}/{}", key.name, key.namespace)
            };
            Some(Binding {
                grantees: grantees(binding, &key.namespace),
                rules: Arc::clone(rules),
                name: format!("{kind} {place:?} of {role} {name:?}"),
            })
        };
        let mut namespaces: HashMap<Box<str>, Vec<Binding>> = HashMap::new();
        for (key, binding) in all(store, BINDINGS) {
            if let Some(bound) = bind(&key, &binding, "RoleBinding") {
                namespaces.entry(key.namespace).or_default().push(bound);
            }
        }
        let cluster = all(store, CLUSTER_BINDINGS);
        let cluster = cluster
            .iter()
            .filter_map(|(key, binding)| bind(key, binding, "ClusterRoleBinding"))
            .collect();
        Self { cluster, namespaces }
    }

    /// Returns the bindings that apply to a user in a namespace, with whom each is for.
    fn bindings<'a>(
        &'a self,
        user: &'a User,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Binding, &'a Grantee)> {
        let inside = self.namespaces.get(namespace).into_iter().flatten();
        self.cluster.iter().chain(inside).filter_map(move |binding| {
            let found = binding.grantees.iter().find(|grantee| match grantee {
                Grantee::User(name) => *name == user.name,
                Grantee::Group(name) => user.groups.contains(name),
            })?;
            Some((binding, found))
        })
    }

    /// Returns the reason why something is allowed.
    pub(super) fn allows(&self, user: &User, wanted: &Attributes<'_>) -> Option<String> {
        let namespace = match wanted.subject {
            Subject::Resource(wanted) => wanted.namespace,
            Subject::Path(_) => "",
        };
        let mut bindings = self.bindings(user, namespace);
        let (binding, grantee) =
            bindings.find(|(binding, _)| binding.rules.iter().any(|rule| rule.allows(wanted)))?;
        let whom = match grantee {
            Grantee::User(name) => format!("User {name:?}"),
            Grantee::Group(name) => format!("Group {name:?}"),
        };
        Some(format!("RBAC: allowed by {} to {whom}", binding.name))
    }

    pub(super) fn rules(&self, user: &User, namespace: &str) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for (binding, _) in self.bindings(user, namespace) {
            for rule in &*binding.rules {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        rules
    }
}
