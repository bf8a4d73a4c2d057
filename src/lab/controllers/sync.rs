//! The loop.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    daemonset, deployment, endpointslice, job, namespace, node, replicaset, scheduler, service,
    snapshot::Snapshot, statefulset,
};
use crate::lab::cluster::{Action, Cluster};

/// How long changes are collected before they are looked at.
const GATHER: Duration = Duration::from_millis(3);
/// Pause after a write was refused.
const PAUSE: Duration = Duration::from_millis(500);

/// What the controllers need to know besides the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Families of services, in order of preference.
    pub(crate) families: crate::config::IpFamilies,
    /// PEM of the authority, for `kube-root-ca.crt`.
    pub(crate) authority: String,
}

/// Runs all controllers until shutdown.
pub(crate) async fn run(cluster: Cluster, settings: Settings, shutdown: CancellationToken) {
    let work = async {
        let mut changes = cluster.changes();
        loop {
            changes.mark_unchanged();
            let actions = plan(&Snapshot::of(&cluster), &settings);
            if !actions.is_empty() {
                if !cluster.run(actions).await {
                    sleep(PAUSE).await;
                }
                continue;
            }
            if changes.changed().await.is_err() {
                return;
            }
            sleep(GATHER).await;
        }
    };
    shutdown.run_until_cancelled(work).await;
}

fn plan(snapshot: &Snapshot, settings: &Settings) -> Vec<Action> {
    let pods = snapshot.pods_by_owner();
    let mut actions = namespace::plan(snapshot, &settings.authority);
    actions.extend(node::plan(snapshot));
    actions.extend(deployment::plan(snapshot));
    actions.extend(replicaset::plan(snapshot, &pods));
    actions.extend(statefulset::plan(snapshot, &pods));
    actions.extend(daemonset::plan(snapshot, &pods));
    actions.extend(job::plan(snapshot, &pods));
    actions.extend(scheduler::plan(snapshot));
    actions.extend(service::plan(snapshot, settings.families));
    actions.extend(endpointslice::plan(snapshot));
    actions
}
