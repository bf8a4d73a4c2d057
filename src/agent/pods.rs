//! The pods of this node and all namespaces, as the watches tell.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    kubernetes::{Change, NamespaceObject, PodObject, Watched},
    model::{Derivation, Labels, PodLabels, PodRef},
};

/// What pods' labels follow from. Readers may wait for a pod to appear.
#[derive(Debug)]
pub(super) struct Pods {
    rules: Derivation,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    pods: HashMap<String, PodObject>,
    namespaces: HashMap<String, BTreeMap<String, String>>,
}

impl Pods {
    pub(super) fn new(rules: Derivation) -> Self {
        Self { rules, state: Mutex::default(), changed: watch::Sender::new(0) }
    }

    pub(super) fn apply_pods(&self, change: Change<PodObject>) {
        self.change(|state| match change {
            Change::Listed(all) => {
                state.pods = all.into_iter().map(|pod| (pod.key(), pod)).collect();
            }
            Change::Changed(pod) => drop(state.pods.insert(pod.key(), pod)),
            Change::Gone(key) => drop(state.pods.remove(&key)),
        });
    }

    pub(super) fn apply_namespaces(&self, change: Change<NamespaceObject>) {
        self.change(|state| match change {
            Change::Listed(all) => {
                state.namespaces = all.into_iter().map(|ns| (ns.name, ns.labels)).collect();
            }
            Change::Changed(ns) => drop(state.namespaces.insert(ns.name, ns.labels)),
            Change::Gone(name) => drop(state.namespaces.remove(&name)),
        });
    }

    /// Returns a receiver that sees every change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns a pod; with a uid only that very pod.
    pub(super) fn pod(&self, pod: &PodRef) -> Option<PodObject> {
        let state = self.state.lock().expect("no panic while holding the lock");
        let found = state.pods.get(&pod.to_string())?;
        (pod.uid.is_empty() || pod.uid == found.pod.uid).then(|| found.clone())
    }

    /// Returns kube-proxy's pod on this node, if it runs here: by the labels that kubeadm and others give it.
    pub(super) fn kube_proxy(&self) -> Option<PodRef> {
        let state = self.state.lock().expect("no panic while holding the lock");
        let is_it = |pod: &&PodObject| {
            let has = |key: &str| pod.labels.get(key).is_some_and(|name| name == "kube-proxy");
            !pod.ended && (has("k8s-app") || has("component"))
        };
        state.pods.values().find(is_it).map(|pod| pod.pod.clone())
    }

    /// Returns the labels behind a pod's identity, when its namespace is known too.
    pub(super) fn labels(&self, pod: &PodObject) -> Option<Labels> {
        let state = self.state.lock().expect("no panic while holding the lock");
        let namespace_labels = state.namespaces.get(&pod.pod.namespace)?;
        Some(self.rules.labels(&PodLabels {
            own: &pod.labels,
            namespace: &pod.pod.namespace,
            namespace_labels,
            service_account: &pod.service_account,
        }))
    }

    /// Waits until a pod and its namespace are known.
    pub(super) async fn wait(
        &self,
        pod: &PodRef,
        patience: Duration,
    ) -> Option<(PodObject, Labels)> {
        let mut changes = self.changes();
        let found = tokio::time::timeout(patience, async {
            loop {
                let found = self.pod(pod);
                if let Some(both) = found.and_then(|pod| Some((self.labels(&pod)?, pod))) {
                    return both;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        found.await.ok().map(|(labels, pod)| (pod, labels))
    }

    /// Returns everything, for the cache on disk.
    pub(super) fn snapshot(&self) -> (Vec<PodObject>, Vec<NamespaceObject>) {
        let state = self.state.lock().expect("no panic while holding the lock");
        let namespaces = state
            .namespaces
            .iter()
            .map(|(name, labels)| NamespaceObject { name: name.clone(), labels: labels.clone() });
        (state.pods.values().cloned().collect(), namespaces.collect())
    }

    fn change(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state.lock().expect("no panic while holding the lock"));
        self.changed.send_modify(|revision| *revision += 1);
    }
}
