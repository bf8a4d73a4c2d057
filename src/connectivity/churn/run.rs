//! Runs one scenario: tries, and makes servers come and go meanwhile.

use futures::{
    StreamExt,
    future::{join_all, try_join},
    stream,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, sleep},
};

use super::case::{Act, BACKS, Case, Step};
use crate::connectivity::{
    deploy::{is_ready, message},
    execute::{Batch, Executor, batches},
    expect::Verdict,
    plan::{Action, Check},
    probe::Outcome,
    topology::Topology,
};

/// How long a server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Pause before a server is looked at again.
const PAUSE: Duration = Duration::from_millis(50);

/// What scenarios run on.
pub(in crate::connectivity) struct Runner<'a> {
    pub(in crate::connectivity) client: &'a Client,
    pub(in crate::connectivity) executor: Executor,
    pub(in crate::connectivity) topology: &'a Topology,
    /// How many pods try at once.
    pub(in crate::connectivity) parallel: usize,
}

impl Runner<'_> {
    /// Runs a scenario; returns how each of its checks ended.
    pub(in crate::connectivity) async fn play(&self, case: &Case) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for act in (case.acts)(self.topology) {
            let lasts = |check: &Check| matches!(&check.action, Action::Probe(probe) if probe.until.is_some());
            let ended = if act.planned.checks.iter().any(lasts) {
                self.hold(&act).await
            } else {
                self.settle(&act).await
            };
            let all = act.planned.checks.len();
            outcomes.extend(ended.unwrap_or_else(|reason| vec![Outcome::Failed { reason }; all]));
        }
        outcomes
    }

    /// Tries until all fits, and then changes the servers.
    async fn settle(&self, act: &Act) -> Result<Vec<Outcome>, String> {
        let checks = &act.planned.checks;
        let fits =
            |check: &Check, outcome: &Outcome| check.expectation.judge(outcome) != Verdict::Fail;
        let run = |batch| async move { self.executor.run(&batch, checks, fits).await };
        let ended = stream::iter(batches(checks)).map(run).buffer_unordered(self.parallel);
        let ended: Vec<Vec<(usize, Outcome)>> = ended.collect().await;
        self.take(act.then).await?;
        Ok(in_order(ended))
    }

    /// Lets conversations begin, changes the servers when all have, and waits for their ends.
    async fn hold(&self, act: &Act) -> Result<Vec<Outcome>, String> {
        let checks = &act.planned.checks;
        let (began, mut begun) = mpsc::unbounded_channel();
        // All at once: none ends before all have begun.
        let talks =
            batches(checks).into_iter().map(|batch| self.talk(batch, checks, began.clone()));
        let talks = join_all(talks);
        drop(began);
        let change = async {
            for _ in 0..checks.len() {
                if begun.recv().await.is_none() {
                    // Some have ended already, which tells enough.
                    return Ok(());
                }
            }
            self.take(act.then).await
        };
        let (ended, ()) = try_join(async { Ok(talks.await) }, change).await?;
        Ok(in_order(ended))
    }

    /// Holds the conversations of one pod.
    async fn talk(
        &self,
        Batch { pod, checks: places }: Batch,
        checks: &[Check],
        began: mpsc::UnboundedSender<()>,
    ) -> Vec<(usize, Outcome)> {
        let mut told = 0;
        let hear = |all: usize| {
            for _ in told..all {
                // Whoever has stopped listening knows enough.
                began.send(()).ok();
            }
            told = told.max(all);
        };
        self.executor.hold(&pod, &places, checks, hear).await
    }

    /// Takes steps, one after the other.
    async fn take(&self, steps: &[Step]) -> Result<(), String> {
        let pods = self.pods();
        for step in steps {
            let (name, taken) = match step {
                Step::Join(one) => {
                    self.ready(one.name).await?;
                    let patch = json!({ "metadata": { "labels": { BACKS: one.backs } } });
                    let patch = Patch::Merge(&patch);
                    let taken = pods.patch(one.name, &PatchParams::default(), &patch).await;
                    (one.name, taken.map(drop))
                }
                Step::Delete(one) => {
                    let taken = pods.delete(one.name, &DeleteParams::default()).await;
                    (one.name, taken.map(drop))
                }
            };
            taken.map_err(|error| format!("cannot change the pod {name}: {}", message(&error)))?;
        }
        Ok(())
    }

    /// Waits until a kubelet finds a server ready: it would serve for nobody before.
    async fn ready(&self, name: &str) -> Result<(), String> {
        let end = Instant::now() + READY_WITHIN;
        while !self.pods().get(name).await.is_ok_and(|pod| is_ready(&pod)) {
            if Instant::now() >= end {
                return Err(format!("the pod {name} does not become ready"));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.topology.namespace)
    }
}

/// Ends those servers of a scenario at once that linger: nobody shall wait for them.
pub(in crate::connectivity) async fn clear(client: &Client, namespace: &str, case: &Case) {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    for one in case.backends.iter().filter(|one| one.lingers) {
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        // One that stays goes with the namespace.
        pods.delete(one.name, &at_once).await.ok();
    }
}

fn in_order(ended: Vec<Vec<(usize, Outcome)>>) -> Vec<Outcome> {
    let mut ended: Vec<_> = ended.into_iter().flatten().collect();
    ended.sort_by_key(|(at, _)| *at);
    ended.into_iter().map(|(_, outcome)| outcome).collect()
}
