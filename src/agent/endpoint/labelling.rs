//! From a pod to its labels and identity.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1 as core;
use kube::{Api, Client};
use tracing::{debug, warn};

use crate::{
    agent::{identity::Resolver, pods::Pods},
    kubernetes::{Change, NamespaceObject, PodObject, PodPort, Watched},
    model::{Identity, Labels, PodRef},
};

/// How long ADD waits for the watch before it asks the API server itself, and in all.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Finds the labels and the identity of pods.
pub(in crate::agent) struct Labelling {
    pods: Arc<Pods>,
    resolver: Arc<Resolver>,
    client: Client,
}

/// What is known of a pod's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct Labelled {
    /// The identity; "init" as long as labels or number are not known.
    pub(in crate::agent) identity: Identity,
    /// The labels behind it.
    pub(in crate::agent) labels: Labels,
}

impl Labelled {
    /// A pod that nothing is known of: it gets the identity "init", which no other policy than one
    /// that selects `reserved:init` speaks about, and is labelled as soon as its labels are known.
    fn init() -> Self {
        Self { identity: Identity::INIT, labels: Labels::default() }
    }
}

impl std::fmt::Debug for Labelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Labelling").finish_non_exhaustive()
    }
}

impl Labelling {
    pub(in crate::agent) fn new(pods: Arc<Pods>, resolver: Arc<Resolver>, client: Client) -> Self {
        Self { pods, resolver, client }
    }

    /// Labels a pod that is being connected. Waits for nothing longer than two seconds: with the
    /// API server away a pod that is known gets its identity from what is known, and another
    /// one starts as "init".
    pub(in crate::agent) async fn of_new(&self, pod: Option<&PodRef>) -> Labelled {
        let Some(pod) = pod else { return Labelled::init() };
        let found = match self.pods.wait(pod, PATIENCE.0).await {
            Some(found) => Some(found),
            None => tokio::time::timeout(PATIENCE.1, self.fetch(pod)).await.ok().flatten(),
        };
        match found {
            Some((_, labels)) => self.of_labels(labels).await,
            None => {
                warn!(%pod, "pod is not known yet and starts with the identity init");
                Labelled::init()
            }
        }
    }

    /// Returns the ports that a pod names, as far as the watches have told.
    pub(in crate::agent) fn named_ports(&self, pod: &PodRef) -> Vec<PodPort> {
        self.pods.pod(pod).map(|object| object.named_ports).unwrap_or_default()
    }

    /// Labels a pod by what the watches have told, if they have.
    pub(in crate::agent) async fn of_known(&self, pod: &PodRef) -> Option<Labelled> {
        let object = self.pods.pod(pod)?;
        Some(self.of_labels(self.pods.labels(&object)?).await)
    }

    async fn of_labels(&self, labels: Labels) -> Labelled {
        match self.resolver.resolve(&labels).await {
            Ok(identity) => Labelled { identity, labels },
            Err(error) => {
                warn!(%labels, error = &error as &dyn std::error::Error, "no identity yet");
                Labelled { identity: Identity::INIT, labels }
            }
        }
    }

    /// Asks the API server, which may know the pod before the watch tells.
    async fn fetch(&self, pod: &PodRef) -> Option<(PodObject, Labels)> {
        let pods: Api<core::Pod> = Api::namespaced(self.client.clone(), &pod.namespace);
        let namespaces: Api<core::Namespace> = Api::all(self.client.clone());
        let (found, namespace) =
            tokio::join!(pods.get_opt(&pod.name), namespaces.get_opt(&pod.namespace));
        let object = found.ok().flatten().and_then(|found| PodObject::from_object(&found).ok());
        let namespace =
            namespace.ok().flatten().and_then(|found| NamespaceObject::from_object(&found).ok());
        debug!(%pod, found = object.is_some(), "asked the API server for a pod");
        if let Some(namespace) = namespace {
            self.pods.apply_namespaces(Change::Changed(namespace));
        }
        let object = object.filter(|object| pod.uid.is_empty() || object.pod.uid == pod.uid)?;
        let labels = self.pods.labels(&object)?;
        Some((object, labels))
    }
}
