//! The cluster at one moment.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::{CronJob, Job},
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Endpoints, Namespace, Node, PersistentVolumeClaim, Pod, Service, ServiceAccount,
    },
    discovery::v1::EndpointSlice,
    policy::v1::PodDisruptionBudget,
};
use kube::ResourceExt;

use super::owned::controller_of;
use crate::lab::cluster::Cluster;

/// Everything the controllers look at.
#[derive(Default)]
pub(super) struct Snapshot {
    /// The moment.
    pub(super) now: Timestamp,
    /// Since when the controllers have been awake without a gap.
    pub(super) awake_since: Timestamp,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) namespaces: Vec<Arc<Namespace>>,
    pub(super) pods: Vec<Arc<Pod>>,
    pub(super) deployments: Vec<Arc<Deployment>>,
    pub(super) replica_sets: Vec<Arc<ReplicaSet>>,
    pub(super) stateful_sets: Vec<Arc<StatefulSet>>,
    pub(super) daemon_sets: Vec<Arc<DaemonSet>>,
    pub(super) revisions: Vec<Arc<ControllerRevision>>,
    pub(super) jobs: Vec<Arc<Job>>,
    pub(super) cron_jobs: Vec<Arc<CronJob>>,
    pub(super) leases: Vec<Arc<Lease>>,
    pub(super) claims: Vec<Arc<PersistentVolumeClaim>>,
    pub(super) budgets: Vec<Arc<PodDisruptionBudget>>,
    pub(super) services: Vec<Arc<Service>>,
    pub(super) endpoints: Vec<Arc<Endpoints>>,
    pub(super) endpoint_slices: Vec<Arc<EndpointSlice>>,
    pub(super) service_accounts: Vec<Arc<ServiceAccount>>,
    pub(super) config_maps: Vec<Arc<ConfigMap>>,
}

/// Pods by the uid of the object that controls them.
pub(super) type PodsByOwner = HashMap<String, Vec<Arc<Pod>>>;

impl Snapshot {
    pub(super) fn of(cluster: &Cluster, awake_since: Timestamp) -> Self {
        Self {
            now: Timestamp::now(),
            awake_since,
            nodes: cluster.nodes.all(),
            namespaces: cluster.namespaces.all(),
            pods: cluster.pods.all(),
            deployments: cluster.deployments.all(),
            replica_sets: cluster.replica_sets.all(),
            stateful_sets: cluster.stateful_sets.all(),
            daemon_sets: cluster.daemon_sets.all(),
            revisions: cluster.revisions.all(),
            jobs: cluster.jobs.all(),
            cron_jobs: cluster.cron_jobs.all(),
            leases: cluster.leases.all(),
            claims: cluster.claims.all(),
            budgets: cluster.budgets.all(),
            services: cluster.services.all(),
            endpoints: cluster.endpoints.all(),
            endpoint_slices: cluster.endpoint_slices.all(),
            service_accounts: cluster.service_accounts.all(),
            config_maps: cluster.config_maps.all(),
        }
    }

    pub(super) fn pods_by_owner(&self) -> PodsByOwner {
        let mut owned = PodsByOwner::new();
        for pod in &self.pods {
            if let Some(uid) = controller_of(pod.as_ref()) {
                owned.entry(uid.to_owned()).or_default().push(Arc::clone(pod));
            }
        }
        owned
    }
}

/// Tells whether an object is on its way out: nothing is made for it any more.
pub(super) fn is_ending<K: ResourceExt>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}
