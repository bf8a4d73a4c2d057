//! Whether kubelets find pods ready.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use tokio::time::{Instant, sleep};

use super::{
    deploy,
    plan::{Action, Check},
    probe::Outcome,
};

/// How long readiness may take at least: kubelets ask every two seconds.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Watches pods until all that should become ready have, or time is over.
pub(super) async fn watch(
    api: &Api<Pod>,
    checks: &[Check],
    patience: Duration,
) -> (Instant, Vec<(usize, Outcome)>) {
    let begun = Instant::now();
    let end = begun + READY_WITHIN.max(patience);
    let wanted: Vec<usize> =
        (0..checks.len()).filter(|at| checks[*at].action == Action::Readiness).collect();
    if wanted.is_empty() {
        return (begun, Vec::new());
    }
    loop {
        let pods = api.list(&ListParams::default()).await.map(|list| list.items);
        let pods = pods.unwrap_or_default();
        let is_ready = |at: &usize| {
            let name = Some(&checks[*at].from.name);
            pods.iter().any(|pod| pod.metadata.name.as_ref() == name && deploy::is_ready(pod))
        };
        let late = Instant::now() >= end;
        if late || wanted.iter().all(is_ready) {
            let waited = begun.elapsed();
            let outcome = |at: &usize| {
                if is_ready(at) {
                    Outcome::Answered {
                        micros: waited.as_micros() as u64,
                        lost: 0,
                        seen_as: None,
                        mtu: None,
                        servers: Vec::new(),
                    }
                } else {
                    Outcome::TimedOut { millis: waited.as_millis() as u64 }
                }
            };
            return (begun, wanted.iter().map(|at| (*at, outcome(at))).collect());
        }
        sleep(Duration::from_millis(100)).await;
    }
}
