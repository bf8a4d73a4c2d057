//! The objects that policies are made of, as the watches tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{info, warn};

use super::host::HostPolicy;
use crate::{
    kubernetes::{Change, Malformed, Watched, written},
    policy::{
        cluster::{Actor, CidrGroup, Inventory, Service},
        compile::RuleIndex,
        judge::concerns,
        parse::{Parsed, Settings, parse},
        rule::{Policy, PolicyKind, Subject},
        text::Document,
    },
};

/// Kinds of objects that policies are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::agent) enum Kind {
    /// A policy.
    Policy(PolicyKind),
    /// Prefixes that policies call by name.
    CidrGroup,
    /// A service, for rules that name some.
    Service,
    /// Addresses behind a service that are given by hand.
    EndpointSlice,
}

impl Kind {
    /// All of them.
    pub(in crate::agent) const ALL: [Self; 9] = [
        Self::Policy(PolicyKind::NetworkPolicy),
        Self::Policy(PolicyKind::CiliumNetworkPolicy),
        Self::Policy(PolicyKind::CiliumClusterwideNetworkPolicy),
        Self::Policy(PolicyKind::ClusterNetworkPolicy),
        Self::Policy(PolicyKind::AdminNetworkPolicy),
        Self::Policy(PolicyKind::BaselineAdminNetworkPolicy),
        Self::CidrGroup,
        Self::Service,
        Self::EndpointSlice,
    ];

    /// Returns group, version, name and plural.
    pub(in crate::agent) const fn resource(
        self,
    ) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Policy(kind) => {
                let (version, plural) = kind.resource();
                (kind.group(), version, kind.name(), plural)
            }
            Self::CidrGroup => ("cilium.io", "v2", "CiliumCIDRGroup", "ciliumcidrgroups"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::EndpointSlice => ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
        }
    }
}

/// An object as the API server has it, without what says nothing to policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::agent) struct PolicyObject {
    /// Which version of the object (`metadata.generation`).
    generation: i64,
    json: Value,
}

impl Watched for PolicyObject {
    type Object = DynamicObject;
    const NOUN: &'static str = "policies";

    fn from_object(object: &DynamicObject) -> Result<Self, Malformed> {
        let json = written(object, &["spec", "specs", "endpoints"]);
        Ok(Self { generation: object.metadata.generation.unwrap_or_default(), json })
    }

    fn key(&self) -> String {
        let text = |field: &str| self.json["metadata"][field].as_str().unwrap_or_default();
        format!("{}/{}", text("namespace"), text("name"))
    }
}

impl PolicyObject {
    pub(super) fn document(&self, kind: Kind) -> Document {
        let (group, version, name, _) = kind.resource();
        let api_version = match group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        Document::of_item(&api_version, name, self.json.clone())
    }
}

/// Everything that policies are made of.
#[derive(Debug)]
pub(in crate::agent) struct Sources {
    settings: Settings,
    objects: BTreeMap<(Kind, String), PolicyObject>,
    policies: BTreeMap<(PolicyKind, String), Entry>,
    /// Rules of the policies that count.
    rules: RuleIndex,
    services: Vec<Service>,
    groups: Vec<CidrGroup>,
}

/// A policy object.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The last version that could be accepted.
    accepted: Option<Arc<Policy>>,
    /// Its object, if it is for hosts: these must be kept.
    for_hosts: Option<PolicyObject>,
    /// What isolates those whom the newest version selects, if there is none that could be accepted.
    closed: Option<Arc<Policy>>,
    /// Why the newest version is not.
    pub(super) rejected: Option<String>,
    /// The newest version.
    pub(super) generation: i64,
}

impl Entry {
    /// Returns what counts.
    pub(super) fn policy(&self) -> Option<&Arc<Policy>> {
        self.accepted.as_ref().or(self.closed.as_ref())
    }
}

/// What a change touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// An object of a policy.
    pub(super) policies: bool,
    /// Policies that count no more, and those that count now.
    pub(super) changed: Vec<Arc<Policy>>,
    /// What policies refer to.
    pub(super) outside: bool,
}

impl Sources {
    /// Starts without objects.
    pub(in crate::agent) fn new(settings: Settings) -> Self {
        Self {
            settings,
            objects: BTreeMap::new(),
            policies: BTreeMap::new(),
            rules: RuleIndex::default(),
            services: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Takes in news of a kind.
    pub(super) fn apply(&mut self, kind: Kind, change: Change<PolicyObject>) -> Touched {
        let mut any = false;
        let mut changed = Vec::new();
        match change {
            Change::Listed(all) => {
                let listed: BTreeSet<String> = all.iter().map(PolicyObject::key).collect();
                let known = self.objects.keys().filter(|(own, _)| *own == kind);
                let gone: Vec<String> = known
                    .filter(|(_, key)| !listed.contains(key))
                    .map(|(_, key)| key.clone())
                    .collect();
                for key in gone {
                    any |= self.remove(kind, key, &mut changed);
                }
                for object in all {
                    any |= self.put(kind, object, &mut changed);
                }
            }
            Change::Changed(object) => any = self.put(kind, object, &mut changed),
            Change::Gone(key) => any = self.remove(kind, key, &mut changed),
        }
        let is_policy = matches!(kind, Kind::Policy(_));
        if any && !is_policy {
            self.take_stock();
        }
        Touched { policies: any && is_policy, changed, outside: any && !is_policy }
    }

    /// Returns the policies that count.
    pub(super) fn policies(&self) -> Vec<Arc<Policy>> {
        self.policies.values().filter_map(|entry| entry.policy().cloned()).collect()
    }

    /// Returns their rules.
    pub(super) fn rules(&self) -> &RuleIndex {
        &self.rules
    }

    /// Returns the policies that apply to a host, and their objects.
    pub(super) fn for_host(&self, host: &Actor) -> BTreeMap<(PolicyKind, String), HostPolicy> {
        let policy = |(key, entry): (&(PolicyKind, String), &Entry)| {
            let (policy, object) = (entry.accepted.as_ref()?, entry.for_hosts.as_ref()?);
            concerns(policy, host).then(|| {
                (key.clone(), HostPolicy { object: object.clone(), policy: Arc::clone(policy) })
            })
        };
        self.policies.iter().filter_map(policy).collect()
    }

    /// Returns all policy objects, by kind and key.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&(PolicyKind, String), &Entry)> {
        self.policies.iter()
    }

    /// Returns what the meaning of policies depends on.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the services.
    pub(super) fn services(&self) -> &[Service] {
        &self.services
    }

    /// Returns the groups of prefixes.
    pub(super) fn groups(&self) -> &[CidrGroup] {
        &self.groups
    }

    /// Returns the policies that cannot be accepted as they are now, and why.
    pub(super) fn rejected(&self) -> Vec<(String, String)> {
        let rejected = self.policies.iter().filter_map(|((kind, key), entry)| {
            Some((
                format!("{} {}", kind.name(), key.trim_start_matches('/')),
                entry.rejected.clone()?,
            ))
        });
        rejected.collect()
    }

    /// Returns all objects by the plural of their kind, for the cache on disk.
    pub(super) fn objects(&self) -> BTreeMap<String, Vec<PolicyObject>> {
        let mut objects: BTreeMap<String, Vec<PolicyObject>> = BTreeMap::new();
        for ((kind, _), object) in &self.objects {
            let (.., plural) = kind.resource();
            objects.entry(plural.to_owned()).or_default().push(object.clone());
        }
        objects
    }

    fn put(&mut self, kind: Kind, object: PolicyObject, changed: &mut Vec<Arc<Policy>>) -> bool {
        let key = (kind, object.key());
        if self.objects.get(&key) == Some(&object) {
            return false;
        }
        if let Kind::Policy(of) = kind
            && let Some(parsed) = parse(&object.document(kind), &self.settings)
        {
            let before = self.counting(of, &key.1);
            self.put_policy((of, key.1.clone()), parsed, &object);
            self.sort_in(before, self.counting(of, &key.1), changed);
        }
        self.objects.insert(key, object);
        true
    }

    /// A version that cannot be accepted leaves the one before in force. If there is none, whoever it
    /// selects is isolated: what it would allow or deny is not known.
    fn put_policy(&mut self, key: (PolicyKind, String), parsed: Parsed, object: &PolicyObject) {
        let Parsed { reference, policy, closed, problems } = parsed;
        let entry = self.policies.entry(key).or_default();
        entry.generation = object.generation;
        if let Some(policy) = policy {
            info!(policy = %reference, "policy accepted");
            entry.for_hosts = is_for_hosts(&policy).then(|| object.clone());
            (entry.accepted, entry.closed, entry.rejected) = (Some(policy), None, None);
            return;
        }
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let why = problems.join("; ");
        let isolates = entry.accepted.is_none() && closed.is_some();
        warn!(policy = %reference, why, isolates, "policy cannot be accepted");
        (entry.closed, entry.rejected) = (closed, Some(why));
    }

    fn remove(&mut self, kind: Kind, key: String, changed: &mut Vec<Arc<Policy>>) -> bool {
        if let Kind::Policy(of) = kind {
            let gone = self.policies.remove(&(of, key.clone()));
            self.sort_in(gone.and_then(|entry| entry.policy().cloned()), None, changed);
        }
        self.objects.remove(&(kind, key)).is_some()
    }

    /// Returns the policy of an object that counts, if there is one.
    fn counting(&self, kind: PolicyKind, key: &str) -> Option<Arc<Policy>> {
        self.policies.get(&(kind, key.to_owned()))?.policy().cloned()
    }

    /// Keeps the rules in order when a policy counts in place of another.
    fn sort_in(
        &mut self,
        before: Option<Arc<Policy>>,
        after: Option<Arc<Policy>>,
        changed: &mut Vec<Arc<Policy>>,
    ) {
        if before.as_ref().map(Arc::as_ptr) == after.as_ref().map(Arc::as_ptr) {
            return;
        }
        before.iter().for_each(|policy| self.rules.remove(policy));
        after.iter().for_each(|policy| self.rules.insert(policy));
        changed.extend(before.into_iter().chain(after));
    }

    /// Reads services and groups anew.
    fn take_stock(&mut self) {
        let mut inventory = Inventory::default();
        for ((kind, _), object) in &self.objects {
            if !matches!(kind, Kind::Policy(_)) {
                // Keys are unique, so nothing is given twice.
                let _ = inventory.add(&object.document(*kind));
            }
        }
        self.services = inventory.services();
        self.groups = inventory.groups().to_vec();
    }
}

fn is_for_hosts(policy: &Policy) -> bool {
    policy.rules.iter().any(|rule| matches!(rule.subject, Subject::Nodes(_)))
}
