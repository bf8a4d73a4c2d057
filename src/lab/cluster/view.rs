//! All caches, and the client.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::{CronJob, Job},
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Endpoints, Namespace, Node, PersistentVolumeClaim, Pod, Secret, Service,
        ServiceAccount,
    },
    discovery::v1::EndpointSlice,
    policy::v1::PodDisruptionBudget,
};
use kube::{Api, Client};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Action, Cache, Cached, Events};

/// Defines the caches and how a kind's name leads to one.
macro_rules! caches {
    ($($(#[$doc:meta])* $field:ident: $kind:ident,)*) => {
        /// The cluster, as far as the lab looks at it.
        #[derive(Clone)]
        pub(crate) struct Cluster {
            client: Client,
            changed: watch::Sender<u64>,
            /// Takes events about objects.
            pub(crate) events: Events,
            $($(#[$doc])* pub(crate) $field: Arc<Cache<$kind>>,)*
        }

        impl Cluster {
            /// Starts all caches and waits until each is complete.
            pub(crate) async fn start(client: Client, shutdown: &CancellationToken) -> Self {
                let changed = watch::Sender::new(0);
                let events = Events::start(client.clone(), shutdown.clone());
                let cluster = Self {
                    $($field: cache::<$kind>(&client, &changed, shutdown),)*
                    changed,
                    events,
                    client,
                };
                tokio::join!($(cluster.$field.ready(),)*);
                cluster
            }

            async fn reached(&self, kind: &str, version: u64) {
                match kind {
                    $(stringify!($kind) => self.$field.reached(version).await,)*
                    _ => {}
                }
            }
        }
    };
}

caches! {
    /// Nodes.
    nodes: Node,
    /// Namespaces.
    namespaces: Namespace,
    /// Pods.
    pods: Pod,
    /// Deployments.
    deployments: Deployment,
    /// Replica sets.
    replica_sets: ReplicaSet,
    /// Stateful sets.
    stateful_sets: StatefulSet,
    /// Daemon sets.
    daemon_sets: DaemonSet,
    /// Revisions of stateful sets and daemon sets.
    revisions: ControllerRevision,
    /// Jobs.
    jobs: Job,
    /// Jobs by the clock.
    cron_jobs: CronJob,
    /// Signs of life of nodes.
    leases: Lease,
    /// Claims of storage.
    claims: PersistentVolumeClaim,
    /// Disruption budgets.
    budgets: PodDisruptionBudget,
    /// Services.
    services: Service,
    /// Endpoints.
    endpoints: Endpoints,
    /// Endpoint slices.
    endpoint_slices: EndpointSlice,
    /// Service accounts.
    service_accounts: ServiceAccount,
    /// Config maps.
    config_maps: ConfigMap,
    /// Secrets.
    secrets: Secret,
}

fn cache<K: Cached>(
    client: &Client,
    changed: &watch::Sender<u64>,
    shutdown: &CancellationToken,
) -> Arc<Cache<K>> {
    Cache::start(Api::all(client.clone()), changed.clone(), shutdown.clone())
}

/// How long a write may take before it is tried again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the server may answer that it failed.
const FAILURES: u32 = 20;
/// The pause before a write is tried again.
const PAUSE: Duration = Duration::from_millis(200);

impl Cluster {
    /// Returns the client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a receiver that is told of every change of any kind.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Carries writes out side by side, then waits until the caches show them; returns the keys of
    /// those that were refused.
    pub(crate) async fn run(&self, actions: Vec<Action>) -> Vec<String> {
        let run = |action: Action| async move {
            match self.settle(&action).await {
                Ok(version) => {
                    action.report(&self.events, None);
                    if let Some(version) = version {
                        self.reached(action.kind(), version).await;
                    }
                    None
                }
                Err(error) => {
                    warn!(kind = action.kind(), name = action.name(), %error, "write refused");
                    let text = match &error {
                        kube::Error::Api(status) => status.message.clone(),
                        other => other.to_string(),
                    };
                    action.report(&self.events, Some(&text));
                    Some(action.key())
                }
            }
        };
        join_all(actions.into_iter().map(run)).await.into_iter().flatten().collect()
    }

    /// Tries a write until the server has said yes or no.
    ///
    /// A write that was cut off may have happened. Tried again under the same name it settles: what
    /// exists already is not made twice.
    ///
    /// A server that only ever answers that it failed holds nobody up for ever.
    async fn settle(&self, action: &Action) -> Result<Option<u64>, kube::Error> {
        let mut failures = 0;
        loop {
            match timeout(PATIENCE, action.run(&self.client)).await {
                Ok(Ok(version)) => return Ok(version),
                Ok(Err(kube::Error::Api(status))) if status.code < 500 || failures > FAILURES => {
                    return Err(kube::Error::Api(status));
                }
                Ok(Err(kube::Error::Api(_))) => failures += 1,
                Ok(Err(error)) => debug!(kind = action.kind(), %error, "write cut off"),
                Err(_) => debug!(kind = action.kind(), "write timed out"),
            }
            sleep(PAUSE).await;
        }
    }
}
