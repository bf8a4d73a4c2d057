//! All caches, and the client.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Node, Pod, Secret, Service, ServiceAccount},
    discovery::v1::EndpointSlice,
};
use kube::{Api, Client};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Action, Cache, Cached};

/// Defines the caches and how a kind's name leads to one.
macro_rules! caches {
    ($($(#[$doc:meta])* $field:ident: $kind:ident,)*) => {
        /// The cluster, as far as the lab looks at it.
        #[derive(Clone)]
        pub(crate) struct Cluster {
            client: Client,
            changed: watch::Sender<u64>,
            $($(#[$doc])* pub(crate) $field: Arc<Cache<$kind>>,)*
        }

        impl Cluster {
            /// Starts all caches and waits until each is complete.
            pub(crate) async fn start(client: Client, shutdown: &CancellationToken) -> Self {
                let changed = watch::Sender::new(0);
                let cluster = Self {
                    $($field: cache::<$kind>(&client, &changed, shutdown),)*
                    changed,
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
    /// Jobs.
    jobs: Job,
    /// Services.
    services: Service,
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

/// How long a write may take before it is given up; the next pass tries again. Long, since a write
/// that is given up may still happen: a busy machine must not make two pods of one.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Returns the client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns a receiver that is told of every change of any kind.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Carries writes out side by side, then waits until the caches show them; tells whether all
    /// were accepted.
    pub(crate) async fn run(&self, actions: Vec<Action>) -> bool {
        let run = |action: Action| async move {
            let (kind, name) = (action.kind(), action.name());
            match timeout(PATIENCE, action.run(&self.client)).await {
                Ok(Ok(version)) => {
                    if let Some(version) = version {
                        self.reached(kind, version).await;
                    }
                    return true;
                }
                Ok(Err(error)) => warn!(kind, name, %error, "write refused"),
                Err(_) => warn!(kind, name, "write timed out"),
            }
            false
        };
        let accepted = join_all(actions.into_iter().map(run)).await;
        accepted.into_iter().all(|accepted| accepted)
    }
}
