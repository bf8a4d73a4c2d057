//! Watches policies, and writes down what is found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    runtime::watcher,
};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    condition::{Finding, with},
    event::event,
    object::{Judged, Key, PolicyObject},
};
use crate::{
    kubernetes::{Change, WatchState, resource, watch_if_served},
    operator::{
        election::Leadership,
        metrics::{OperatorMetrics, StatusWrite},
    },
    policy::rule::PolicyKind,
};

/// Who writes, to the API server.
const MANAGER: &str = "skep-operator";
/// Pause after a failure, and how soon a new leader begins.
const RETRY: Duration = Duration::from_secs(2);
/// Writes of one condition of one version: whoever changes it again and again has it.
const WRITES: u32 = 3;

/// The task that tells on policy objects whether they are valid, while this process leads.
pub(in crate::operator) struct ValidityTask {
    client: kube::Client,
    leadership: Leadership,
    metrics: OperatorMetrics,
    todo: Mutex<Todo>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Todo {
    judged: BTreeMap<Key, Judged>,
    /// Those that may have to be written.
    open: BTreeSet<Key>,
    /// How often a version was written.
    writes: BTreeMap<Key, (i64, u32)>,
}

impl ValidityTask {
    pub(in crate::operator) fn new(
        client: kube::Client,
        leadership: Leadership,
        metrics: OperatorMetrics,
    ) -> Self {
        let (todo, wake) = Default::default();
        Self { client, leadership, metrics, todo, wake }
    }

    /// Works until cancelled.
    pub(in crate::operator) async fn run(self, cancel: CancellationToken) {
        let watches = futures::future::join_all(PolicyKind::ALL.map(|kind| self.watch(kind)));
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = watches => {}
            () = self.write_all() => {}
        }
    }

    async fn watch(&self, kind: PolicyKind) {
        let state = WatchState::default();
        let config = watcher::Config::default();
        let api = Api::all_with(self.client.clone(), &api_resource(kind));
        watch_if_served(api, config, &state, |change| self.take(kind, change)).await;
    }

    fn take(&self, kind: PolicyKind, change: Change<PolicyObject>) {
        let mut todo = self.todo();
        match change {
            Change::Listed(all) => {
                let all: Vec<_> = all.into_iter().map(|o| Judged::of(kind, o)).collect();
                let listed: BTreeSet<Key> = all.iter().map(|(key, _)| key.clone()).collect();
                todo.keep(|key| key.0 != kind || listed.contains(key));
                all.into_iter().for_each(|(key, judged)| todo.put(key, judged));
            }
            Change::Changed(object) => {
                let (key, judged) = Judged::of(kind, object);
                todo.put(key, judged);
            }
            Change::Gone(key) => {
                todo.keep(|(own, namespace, name)| {
                    *own != kind || format!("{namespace}/{name}") != key
                });
            }
        }
        drop(todo);
        self.wake.notify_one();
    }

    async fn write_all(&self) {
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(RETRY) => {}
            }
            let mut failed = Vec::new();
            // Nothing is written after the lease may have passed to somebody else.
            while let Some(until) = self.leadership.until() {
                let Some((key, judged)) = self.todo().next() else { break };
                let write = tokio::time::timeout_at(until.into(), self.write(&key, &judged));
                if let Ok(Ok(())) = write.await.inspect(|written| self.report(&key, written)) {
                    continue;
                }
                // It does not hold the others up, and the API server is not pressed.
                failed.push(key);
                tokio::time::sleep(RETRY).await;
            }
            self.todo().open.extend(failed);
        }
    }

    fn report(&self, (kind, namespace, name): &Key, written: &Result<(), kube::Error>) {
        if let Err(error) = written {
            self.metrics.told(StatusWrite::Failed);
            let kind = kind.name();
            warn!(kind, namespace, name, %error, "cannot tell whether the policy is valid");
        }
    }

    async fn write(&self, key: &Key, judged: &Judged) -> Result<(), kube::Error> {
        let has_status = key.0 != PolicyKind::NetworkPolicy;
        let condition = judged.finding.condition(judged.condition().as_ref(), Timestamp::now());
        let Some(condition) = condition else { return Ok(()) };
        if let Finding::Invalid(why) = &judged.finding {
            self.tell(key, judged, why).await?;
        }
        if !has_status || !self.todo().may_write(key, judged.generation) {
            return Ok(());
        }
        let patch = json!({
            "metadata": { "resourceVersion": judged.version },
            "status": { "conditions": with(&judged.conditions, condition) },
        });
        let by = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match self.api(key).patch_status(&key.2, &by, &Patch::Merge(patch)).await {
            Ok(_) => {
                let (kind, valid) = (key.0.name(), judged.finding == Finding::Valid);
                info!(kind, namespace = key.1, name = key.2, valid, "condition written");
                self.metrics.told(StatusWrite::Written);
                Ok(())
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                // It is another version by now, or gone: the watch tells.
                debug!(kind = key.0.name(), name = key.2, "somebody else was first");
                self.metrics.told(StatusWrite::Conflict);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the Event, unless it was made before.
    async fn tell(&self, key: &Key, judged: &Judged, why: &str) -> Result<(), kube::Error> {
        let event = event(key, judged, why);
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let by = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match api.create(&by, &event).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            // A namespace that ends takes no Events.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
                warn!(code = status.code, namespace, name = key.2, "Event refused");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn api(&self, (kind, namespace, _): &Key) -> Api<DynamicObject> {
        let (client, resource) = (self.client.clone(), api_resource(*kind));
        if kind.is_namespaced() {
            Api::namespaced_with(client, namespace, &resource)
        } else {
            Api::all_with(client, &resource)
        }
    }

    fn todo(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().expect("no panic while holding the lock")
    }
}

fn api_resource(kind: PolicyKind) -> kube::api::ApiResource {
    let (version, plural) = kind.resource();
    resource(kind.group(), version, kind.name(), plural)
}

impl Todo {
    fn put(&mut self, key: Key, judged: Judged) {
        self.open.insert(key.clone());
        self.judged.insert(key, judged);
    }

    fn keep(&mut self, is_there: impl Fn(&Key) -> bool) {
        self.judged.retain(|key, _| is_there(key));
        self.open.retain(&is_there);
        self.writes.retain(|key, _| is_there(key));
    }

    fn next(&mut self) -> Option<(Key, Judged)> {
        while let Some(key) = self.open.pop_first() {
            if let Some(judged) = self.judged.get(&key) {
                return Some((key, judged.clone()));
            }
        }
        None
    }

    /// Counts a write; `false` if this version has had enough of them.
    fn may_write(&mut self, key: &Key, generation: i64) -> bool {
        let (of, count) = self.writes.entry(key.clone()).or_default();
        if *of != generation {
            (*of, *count) = (generation, 0);
        }
        *count += 1;
        if *count == WRITES + 1 {
            let (kind, namespace, name) = key;
            warn!(kind = kind.name(), namespace, name, "others keep changing the condition Valid");
        }
        *count <= WRITES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_others_keep_changing_is_left_to_them() {
        let mut todo = Todo::default();
        let key = (PolicyKind::CiliumNetworkPolicy, "shop".to_owned(), "p".to_owned());
        let tries: Vec<bool> = (0..5).map(|_| todo.may_write(&key, 1)).collect();
        assert_eq!(tries, [true, true, true, false, false]);
        assert!(todo.may_write(&key, 2), "another version is another matter");
        todo.keep(|_| false);
        assert!(todo.may_write(&key, 2), "and so is another object");
    }
}
