//! Which endpoint has which policy.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use tokio::sync::Notify;
use tracing::{error, info};

use super::{
    Assigned, HostSettings, Kind, Policies, PolicyObject, Sources,
    state::{Member, Phase, State},
    tables::{Entries, report},
};
use crate::{
    agent::node::{Revision, RevisionError},
    cni::record::EndpointRecord,
    flows::RuleInfo,
    kubernetes::{Change, IdentityObject},
    maps::{MapError, MapStore},
    model::{EndpointId, Identity},
    policy::{cluster::NamedPort, judge::Mode},
};

/// Keeps the policies of this node's endpoints as the cluster says.
#[derive(Debug)]
pub(in crate::agent) struct Engine<M> {
    state: Mutex<State<M>>,
    assigned: Arc<Assigned>,
    pub(super) revision: Mutex<Revision<M>>,
    /// Told when there is something to settle.
    pub(super) wake: Notify,
    /// Told when policies of the host are on trial.
    pub(super) host_changed: Notify,
}

impl<M: MapStore> Engine<M> {
    /// Takes over the maps; endpoints keep their policies for now.
    ///
    /// # Errors
    /// When a map cannot be read.
    pub(in crate::agent) fn open(
        store: Arc<M>,
        policies: (Sources, Mode),
        host: HostSettings,
        revision: Revision<M>,
    ) -> Result<Arc<Self>, MapError> {
        let assigned = Arc::new(Assigned::adopt(&*store)?);
        let state = State::open(store, policies, host)?;
        let (state, revision) = (Mutex::new(state), Mutex::new(revision));
        let own =
            Self { state, assigned, revision, wake: Notify::new(), host_changed: Notify::new() };
        // What was left is on trial, too.
        own.host_changed.notify_one();
        Ok(Arc::new(own))
    }

    /// Returns where endpoints' policies are looked up.
    pub(in crate::agent) fn assigned(&self) -> &Arc<Assigned> {
        &self.assigned
    }

    /// Takes in news of objects.
    pub(in crate::agent) fn objects_changed(&self, kind: Kind, change: Change<PolicyObject>) {
        let mut state = self.state();
        let touched = state.sources.apply(kind, change);
        state.unsettle(&touched.changed);
        if touched.outside {
            state.tables.outside_changed();
        }
        if touched.policies || state.tables.any_stale() {
            state.news.policies = true;
            if state.phase == Phase::Synced {
                state.delays.seen(Instant::now());
            }
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

    /// Says that pods of other nodes may name other ports now.
    pub(in crate::agent) fn ports_changed(&self) {
        self.state().are_ports_old = true;
        self.wake.notify_one();
    }

    /// Takes in which ports pods of other nodes name, if they may be others than before. They are
    /// collected once, however often they changed meanwhile.
    pub(in crate::agent) fn refresh_ports(
        &self,
        collect: impl FnOnce() -> BTreeMap<Identity, Vec<NamedPort>>,
    ) {
        if std::mem::take(&mut self.state().are_ports_old) {
            let ports = collect();
            let mut state = self.state();
            state.ports = ports;
            state.news.ports = true;
        }
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
        if state.tables.any_stale() {
            self.wake.notify_one();
        }
        if state.phase == Phase::Blank {
            return;
        }
        if let Some(numbers) = state.settle_member(&member) {
            self.assigned.hold().set(record.id, numbers);
        }
    }

    /// Forgets an endpoint whose entries are gone.
    pub(in crate::agent) fn forget(&self, endpoint: EndpointId) {
        let mut state = self.state();
        state.members.remove(&endpoint);
        state.news.ports = true;
        drop(state);
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
        if news.ports || !news.added.is_empty() {
            state.learn_ports();
        }
        if (news.policies || state.tables.any_stale()) && state.phase == Phase::Synced {
            must_judge_again |= self.refresh(state);
        }
        if must_judge_again {
            self.judge_again();
        }
        // Whoever could not get its policy asks again.
        if state.phase == Phase::Synced && !state.news.policies {
            state.delays.in_force(Instant::now());
        }
        self.host_changed.notify_one();
    }

    /// Gives every endpoint that may have others the policies that count now. Tells whether any differ.
    fn refresh(&self, state: &mut State<M>) -> bool {
        let mut changed = 0;
        state.obstacle = None;
        let unsettled = state.unsettled(&self.assigned.hold());
        for member in unsettled {
            let Some(numbers) = state.settle_member(&member) else { continue };
            let mut held = self.assigned.hold();
            if held.set(member.record.id, numbers) {
                changed += 1;
                held.write(state.tables.store(), &member.record)
                    .unwrap_or_else(|problem| report(&problem));
            }
        }
        let host_changed = state.settle_host(Instant::now());
        let held = self.assigned.hold();
        let pods = state.members.keys().map(|id| held.of(*id));
        let used: Vec<Policies> = pods.chain([state.host.policies()]).collect();
        drop(held);
        let is_used = |n| used.iter().any(|own| own.ingress == n || own.egress == n);
        state.tables.keep(is_used, Instant::now());
        if changed > 0 {
            info!(endpoints = changed, policies = state.tables.count(), "policies switched");
        }
        changed > 0 || host_changed
    }

    /// Makes every approved connection be judged again; says so if that fails.
    pub(super) fn judge_again(&self) {
        if let Err(error) = self.bump() {
            error!(error = &error as &dyn std::error::Error, "policy revision not raised");
        }
    }

    /// Makes every approved connection be judged again.
    ///
    /// # Errors
    /// When the revision cannot be kept.
    pub(in crate::agent) fn bump(&self) -> Result<u32, RevisionError> {
        self.revision.lock().expect("no panic while holding the lock").bump()
    }

    /// Corrects the maps, and removes what nobody names any more; tells whether they are in order.
    pub(in crate::agent) fn repair(&self) -> bool {
        let repaired = {
            let mut state = self.state();
            let state = &mut *state;
            state.tables.repair().and_then(|()| state.host.write(state.tables.store()))
        };
        match &repaired {
            Ok(()) => self.prune_at(Instant::now()),
            Err(problem) => report(problem),
        }
        // Who found no room may find some now.
        if self.state().obstacle.is_some() {
            self.settle();
        }
        repaired.is_ok()
    }

    /// Removes what nobody has named since a while before `now`.
    pub(super) fn prune_at(&self, now: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Synced {
            state.prune(now).unwrap_or_else(|problem| report(&problem));
        }
    }

    /// Lets a reader see what the maps should hold.
    pub(in crate::agent) fn with_entries<R>(&self, read: impl FnOnce(&Entries) -> R) -> R {
        read(self.state().tables.entries())
    }

    /// Returns what a rule's number stands for.
    pub(in crate::agent) fn rule(&self, number: u32) -> Option<Arc<RuleInfo>> {
        self.state().tables.rule(number)
    }

    /// Returns all objects, for the cache on disk; `None` as long as the cluster was not seen.
    pub(in crate::agent) fn objects(&self) -> Option<BTreeMap<String, Vec<PolicyObject>>> {
        let state = self.state();
        (state.phase != Phase::Blank).then(|| state.sources.objects())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().expect("no panic while holding the lock")
    }
}
