//! Which endpoint has which policy.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use skep_bpf::abi::{Addr, policy};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::{
    Assigned, Kind, Policies, PolicyObject, Sources,
    population::Population,
    tables::{Entries, Tables, report},
};
use crate::{
    agent::node::{Revision, RevisionError},
    api,
    cni::record::EndpointRecord,
    flows::{PolicyInfo, RuleInfo},
    kubernetes::{Change, IdentityObject},
    maps::{DeviceTable, EndpointTable, MapError, MapStore},
    model::{EndpointId, Identity},
    policy::{
        cluster::{Actor, NamedPort, Role},
        compile::{Subject, TooLarge},
        judge::{Judge, Mode, PeerMatcher, is_subject},
        rule::{Direction, Policy, PolicyKind},
    },
};

/// A policy cannot be enforced; what counted before still does.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum PolicyError {
    /// The rules.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A map.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nothing: endpoints keep what they have, and new ones get no policy.
    Blank,
    /// What the cache on disk had: good for new endpoints; the others have what was newer.
    Remembered,
    /// The cluster was seen.
    Synced,
}

/// Keeps the policies of this node's endpoints as the cluster says.
#[derive(Debug)]
pub(in crate::agent) struct Engine<M> {
    state: Mutex<State<M>>,
    assigned: Arc<Assigned>,
    revision: Mutex<Revision<M>>,
    /// Told when there is something to settle.
    wake: Notify,
}

#[derive(Debug)]
struct State<M> {
    mode: Mode,
    phase: Phase,
    sources: Sources,
    population: Population,
    tables: Tables<M>,
    members: BTreeMap<EndpointId, Member>,
    /// Ports that pods of other nodes name.
    ports: BTreeMap<Identity, Vec<NamedPort>>,
    news: News,
    failures: u64,
    /// How often each rule has decided.
    hits: HashMap<u32, u64>,
}

/// An endpoint as policies see it.
#[derive(Clone, Debug)]
struct Member {
    record: EndpointRecord,
    actor: Actor,
}

/// What is not settled yet.
#[derive(Debug, Default)]
struct News {
    added: Vec<IdentityObject>,
    removed: Vec<Identity>,
    ports: Option<BTreeMap<Identity, Vec<NamedPort>>>,
    /// Endpoints may have other policies now.
    policies: bool,
}

/// How policies are doing, for status and metrics.
#[derive(Clone, Debug, Default)]
pub(in crate::agent) struct Health {
    /// Different policies in the maps.
    pub(in crate::agent) tables: usize,
    /// Policy objects that cannot be accepted, and why.
    pub(in crate::agent) rejected: Vec<(String, String)>,
    /// How often a policy could not be enforced.
    pub(in crate::agent) failures: u64,
}

impl<M: MapStore> Engine<M> {
    /// Takes over the maps; endpoints keep their policies for now.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(in crate::agent) fn open(
        store: Arc<M>,
        (sources, mode): (Sources, Mode),
        revision: Revision<M>,
    ) -> Result<Arc<Self>, MapError> {
        let assigned = Arc::new(Assigned::adopt(&*store)?);
        let population = Population::new();
        let mut tables = Tables::open(store, &population)?;
        tables.write()?;
        let state = State {
            mode,
            phase: Phase::Blank,
            sources,
            population,
            tables,
            members: BTreeMap::new(),
            ports: BTreeMap::new(),
            news: News::default(),
            failures: 0,
            hits: HashMap::new(),
        };
        let (state, revision) = (Mutex::new(state), Mutex::new(revision));
        Ok(Arc::new(Self { state, assigned, revision, wake: Notify::new() }))
    }

    /// Returns where endpoints' policies are looked up.
    pub(in crate::agent) fn assigned(&self) -> &Arc<Assigned> {
        &self.assigned
    }

    /// Takes in news of objects.
    pub(in crate::agent) fn objects_changed(&self, kind: Kind, change: Change<PolicyObject>) {
        let mut state = self.state();
        let touched = state.sources.apply(kind, change);
        if touched.outside {
            state.tables.outside_changed();
        }
        if touched.policies || state.tables.any_stale() {
            state.news.policies = true;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Takes in news of identities.
    pub(in crate::agent) fn identities_changed(
        &self,
        added: Vec<IdentityObject>,
        removed: &[Identity],
    ) {
        if added.is_empty() && removed.is_empty() {
            return;
        }
        let mut state = self.state();
        // In the order of events: what is gone and back stays.
        for object in &added {
            state.news.removed.retain(|gone| *gone != object.identity);
        }
        state.news.added.retain(|object| !removed.contains(&object.identity));
        state.news.added.extend(added);
        state.news.removed.extend(removed);
        drop(state);
        self.wake.notify_one();
    }

    /// Takes in which ports the pods of each identity name.
    pub(in crate::agent) fn ports_changed(&self, ports: BTreeMap<Identity, Vec<NamedPort>>) {
        self.state().news.ports = Some(ports);
        self.wake.notify_one();
    }

    /// What the cache had is taken in.
    pub(in crate::agent) fn set_remembered(&self) {
        self.state().phase = Phase::Remembered;
    }

    /// The cluster was seen: all endpoints get their policies before this returns.
    pub(in crate::agent) fn set_synced(&self) {
        let mut state = self.state();
        state.phase = Phase::Synced;
        state.news.policies = true;
        drop(state);
        self.settle();
    }

    /// Waits until there is something to settle.
    pub(in crate::agent) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes in an endpoint of an earlier process, which has its policies.
    pub(in crate::agent) fn take_back(&self, record: &EndpointRecord, ports: Vec<NamedPort>) {
        let member = Member::new(record, ports);
        self.state().members.insert(record.id, member);
    }

    /// Takes in a new endpoint, or one that has other labels now, and gives it its policies. Its entries
    /// are to be written afterwards.
    pub(in crate::agent) fn assign(&self, record: &EndpointRecord, ports: Vec<NamedPort>) {
        let member = Member::new(record, ports);
        let mut state = self.state();
        let state = &mut *state;
        state.members.insert(record.id, member.clone());
        if record.identity.is_cluster() {
            let (identity, labels) = (record.identity, record.labels.clone());
            state.news.removed.retain(|gone| *gone != identity);
            state.learn(&IdentityObject { identity, labels, retired: false });
            state.learn_ports();
        }
        if state.phase == Phase::Blank {
            return;
        }
        let policies = state.sources.policies();
        match state.policies_of(&member, &policies) {
            Ok(numbers) => drop(self.assigned.hold().set(record.id, numbers)),
            Err(problem) => state.fail(&member, &problem),
        }
    }

    /// Forgets an endpoint whose entries are gone.
    pub(in crate::agent) fn forget(&self, endpoint: EndpointId) {
        self.state().members.remove(&endpoint);
        self.assigned.hold().remove(endpoint);
    }

    /// Does what the news ask for: identities, then policies, then the revision.
    pub(in crate::agent) fn settle(&self) {
        let mut state = self.state();
        let state = &mut *state;
        let news = std::mem::take(&mut state.news);
        let mut must_judge_again = false;
        for identity in news.removed {
            // An identity object that is gone will be created again by those who use it.
            let is_used = state.members.values().any(|m| m.record.identity == identity);
            if !is_used && state.population.remove(identity) {
                must_judge_again = true;
                state.tables.remove(identity).unwrap_or_else(|problem| report(&problem));
            }
        }
        for object in &news.added {
            state.learn(object);
        }
        if let Some(ports) = news.ports {
            state.ports = ports;
        }
        state.learn_ports();
        if (news.policies || state.tables.any_stale()) && state.phase == Phase::Synced {
            must_judge_again |= self.refresh(state);
        }
        if must_judge_again && let Err(error) = self.bump() {
            error!(error = &error as &dyn std::error::Error, "policy revision not raised");
        }
    }

    /// Gives every endpoint the policies that count now. Tells whether any differ.
    fn refresh(&self, state: &mut State<M>) -> bool {
        let policies = state.sources.policies();
        let mut changed = 0;
        for member in state.members.values().cloned().collect::<Vec<_>>() {
            match state.policies_of(&member, &policies) {
                Ok(numbers) => {
                    let mut held = self.assigned.hold();
                    if held.set(member.record.id, numbers) {
                        changed += 1;
                        switch(state.tables.store(), &member.record, numbers)
                            .unwrap_or_else(|problem| report(&problem));
                    }
                }
                Err(problem) => state.fail(&member, &problem),
            }
        }
        let held = self.assigned.hold();
        let used: Vec<Policies> = state.members.keys().map(|id| held.of(*id)).collect();
        drop(held);
        let is_used = |n| used.iter().any(|own| own.ingress == n || own.egress == n);
        state.tables.keep(is_used, Instant::now());
        if changed > 0 {
            info!(endpoints = changed, policies = state.tables.count(), "policies switched");
        }
        changed > 0
    }

    /// Makes every approved connection be judged again.
    ///
    /// # Errors
    /// When the revision cannot be kept.
    pub(in crate::agent) fn bump(&self) -> Result<u32, RevisionError> {
        self.revision.lock().expect("no panic while holding the lock").bump()
    }

    /// Corrects the maps, and removes what nobody names any more.
    pub(in crate::agent) fn repair(&self) {
        let repaired = self.state().tables.repair();
        match repaired {
            Ok(()) => self.prune_at(Instant::now()),
            Err(problem) => report(&problem),
        }
    }

    /// Removes what nobody has named since a while before `now`.
    pub(super) fn prune_at(&self, now: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Synced {
            state.tables.prune(now).unwrap_or_else(|problem| report(&problem));
        }
    }

    /// Lets a reader see what the maps should hold.
    pub(in crate::agent) fn with_entries<R>(&self, read: impl FnOnce(&Entries) -> R) -> R {
        read(self.state().tables.entries())
    }

    /// Counts a decision of a rule, and returns what its number stands for.
    pub(in crate::agent) fn decided(&self, number: u32) -> Option<Arc<RuleInfo>> {
        let mut state = self.state();
        let rule = state.tables.rule(number)?;
        *state.hits.entry(number).or_default() += 1;
        Some(rule)
    }

    /// Returns the policies as this node has them.
    pub(in crate::agent) fn report(&self) -> Vec<api::Policy> {
        let revision = self.revision.lock().expect("no panic while holding the lock").current();
        self.state().report(revision)
    }

    /// Returns what a rule's number stands for.
    pub(in crate::agent) fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.state().tables.rule(number)
    }

    /// Returns how policies are doing.
    pub(in crate::agent) fn health(&self) -> Health {
        let state = self.state();
        Health {
            tables: state.tables.count(),
            rejected: state.sources.rejected(),
            failures: state.failures,
        }
    }

    /// Returns all objects, for the cache on disk; `None` as long as the cluster was not seen.
    pub(in crate::agent) fn objects(&self) -> Option<Vec<(usize, PolicyObject)>> {
        let state = self.state();
        (state.phase != Phase::Blank).then(|| state.sources.objects())
    }

    fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().expect("no panic while holding the lock")
    }
}

impl<M: MapStore> State<M> {
    fn learn(&mut self, object: &IdentityObject) {
        let Some(identity) = self.population.add(object).cloned() else { return };
        let matcher = matcher(&self.sources);
        self.tables.add(&identity, &matcher).unwrap_or_else(|problem| report(&problem));
    }

    /// Joins the ports that pods name, here and elsewhere.
    fn learn_ports(&mut self) {
        let mut named = self.ports.clone();
        for member in self.members.values() {
            let known = named.entry(member.record.identity).or_default();
            for port in &member.actor.ports {
                if !known.contains(port) {
                    known.push(port.clone());
                }
            }
        }
        named.values_mut().for_each(|ports| ports.sort());
        let changed = self.population.set_ports(&named);
        let matcher = matcher(&self.sources);
        for identity in &changed {
            self.tables.add(identity, &matcher).unwrap_or_else(|problem| report(&problem));
        }
    }

    fn policies_of(
        &mut self,
        member: &Member,
        policies: &[Arc<Policy>],
    ) -> Result<Policies, PolicyError> {
        if self.mode == Mode::Never {
            return Ok(Policies { ingress: policy::OPEN, egress: policy::OPEN });
        }
        let compat = self.sources.settings().compat;
        let judge = Judge { policies, peers: matcher(&self.sources), mode: self.mode, compat };
        let mut number = |direction| {
            let subject = Subject::of(&judge, &member.actor, direction);
            self.tables.number(&judge, subject, &self.population)
        };
        Ok(Policies { ingress: number(Direction::Ingress)?, egress: number(Direction::Egress)? })
    }

    fn report(&self, revision: u32) -> Vec<api::Policy> {
        let settled = self.phase == Phase::Synced && !self.news.policies;
        let entry = |((kind, key), entry): (&(PolicyKind, String), &super::sources::Entry)| {
            let (namespace, name) = key.split_once('/').unwrap_or(("", key));
            let state = match (&entry.rejected, settled) {
                (Some(_), _) => api::PolicyState::Rejected,
                (None, true) => api::PolicyState::Enforced,
                (None, false) => api::PolicyState::Pending,
            };
            api::Policy {
                kind: kind.name().to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                generation: entry.generation,
                state,
                reason: entry.rejected.clone().unwrap_or_default(),
                revision,
                endpoints: self.selected(entry.policy.as_deref()),
                hits: self.hits_of(kind.name(), namespace, name),
            }
        };
        self.sources.entries().map(entry).collect()
    }

    /// Returns the endpoints that a policy applies to.
    fn selected(&self, policy: Option<&Policy>) -> Vec<u32> {
        let is_meant = |actor: &Actor| {
            policy.is_some_and(|p| p.rules.iter().any(|rule| is_subject(&rule.subject, actor)))
        };
        let members = self.members.values().filter(|member| is_meant(&member.actor));
        members.map(|member| member.record.id.0).collect()
    }

    fn hits_of(&self, kind: &str, namespace: &str, name: &str) -> Vec<api::RuleHits> {
        let mut hits: BTreeMap<String, u64> = BTreeMap::new();
        for (number, count) in &self.hits {
            let Some(rule) = self.tables.rule(*number) else { continue };
            let is_own =
                |p: &PolicyInfo| (p.kind, &*p.namespace, &*p.name) == (kind, namespace, name);
            if rule.policies.iter().any(is_own) {
                *hits.entry(rule.path.clone()).or_default() += count;
            }
        }
        hits.into_iter().map(|(rule, count)| api::RuleHits { rule, count }).collect()
    }

    fn fail(&mut self, member: &Member, problem: &PolicyError) {
        self.failures += 1;
        let endpoint = member.record.id.0;
        warn!(endpoint, error = problem as &dyn std::error::Error, "policy not enforced anew");
    }
}

impl Member {
    fn new(record: &EndpointRecord, ports: Vec<NamedPort>) -> Self {
        let name = record.pod.as_ref().map_or_else(String::new, ToString::to_string);
        let actor = if record.identity == Identity::INIT {
            let labels = [("reserved:init", "")].into_iter().collect();
            Actor::new(name, Role::Init, labels)
        } else {
            Actor::new(name, Role::Pod, record.labels.clone())
        };
        Self { record: record.clone(), actor: Actor { ports, ..actor } }
    }
}

fn matcher(sources: &Sources) -> PeerMatcher<'_> {
    PeerMatcher {
        services: sources.services(),
        groups: sources.groups(),
        cluster: &sources.settings().cluster,
    }
}

/// Writes an endpoint's policies into its entries, where they are its own.
fn switch(
    store: &impl MapStore,
    record: &EndpointRecord,
    policies: Policies,
) -> Result<(), MapError> {
    let (ingress_policy, egress_policy) = (policies.ingress, policies.egress);
    let ifindex = record.ifindex.0;
    if let Some(device) = store.get::<DeviceTable>(&ifindex)?
        && device.incarnation == record.incarnation.0
    {
        let value = skep_bpf::abi::DeviceValue { ingress_policy, egress_policy, ..device };
        store.put::<DeviceTable>(&ifindex, &value)?;
    }
    for address in record.addresses.iter().map(Addr::from) {
        if let Some(endpoint) = store.get::<EndpointTable>(&address)?
            && endpoint.incarnation == record.incarnation.0
        {
            let value = skep_bpf::abi::EndpointValue { ingress_policy, egress_policy, ..endpoint };
            store.put::<EndpointTable>(&address, &value)?;
        }
    }
    Ok(())
}
