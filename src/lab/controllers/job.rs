//! Jobs: pods that run to their end.

use std::sync::Arc;

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    owned::{count, is_active, is_ready, phase, pod_of, random_name, with_label},
    snapshot::{PodsByOwner, Snapshot, is_ending},
};
use crate::lab::cluster::Action;

pub(super) fn plan(snapshot: &Snapshot, pods: &PodsByOwner) -> Vec<Action> {
    let jobs = snapshot.jobs.iter().filter(|job| !is_ending(job.as_ref()) && !is_finished(job));
    jobs.flat_map(|job| {
        let owned = pods.get(&job.uid().unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        plan_one(job, owned)
    })
    .collect()
}

fn is_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|one| matches!(one.type_.as_str(), "Complete" | "Failed") && one.status == "True")
}

fn plan_one(job: &Job, owned: &[Arc<Pod>]) -> Vec<Action> {
    let Some(spec) = &job.spec else { return vec![] };
    let parallelism = spec.parallelism.unwrap_or(1);
    let completions = spec.completions.unwrap_or(1);
    let limit = spec.backoff_limit.unwrap_or(6);
    let succeeded = count(owned, |pod| phase(pod) == "Succeeded");
    let failed = count(owned, |pod| phase(pod) == "Failed");
    let active: Vec<&Pod> = owned.iter().map(Arc::as_ref).filter(|pod| is_active(pod)).collect();
    let running = i32::try_from(active.len()).unwrap_or(i32::MAX);
    let end = if succeeded >= completions {
        Some(("Complete", "CompletionsReached"))
    } else if failed > limit {
        Some(("Failed", "BackoffLimitExceeded"))
    } else {
        None
    };
    let mut actions = Vec::new();
    if end.is_some() {
        actions.extend(active.iter().map(|pod| Action::delete(*pod)));
    } else if spec.suspend != Some(true) {
        let wanted = parallelism.min(completions - succeeded);
        actions.extend((running..wanted).map(|_| Action::create(&pod(job, spec))));
    }
    actions.extend(status(job, &active, [running, succeeded, failed], end));
    actions
}

fn pod(job: &Job, spec: &k8s_openapi::api::batch::v1::JobSpec) -> Pod {
    let mut pod = pod_of(job, &spec.template, random_name(&job.name_any()));
    let labels =
        with_label(pod.metadata.labels.take(), "batch.kubernetes.io/job-name", &job.name_any());
    let labels = with_label(labels, "job-name", &job.name_any());
    let uid = job.uid().unwrap_or_default();
    pod.metadata.labels = with_label(labels, "batch.kubernetes.io/controller-uid", &uid);
    pod
}

fn status(
    job: &Job,
    active: &[&Pod],
    [running, succeeded, failed]: [i32; 3],
    end: Option<(&str, &str)>,
) -> Option<Action> {
    let now = job.status.clone().unwrap_or_default();
    let ready = count(active, |pod| is_ready(pod));
    let same = now.active.unwrap_or(0) == running
        && now.succeeded.unwrap_or(0) == succeeded
        && now.failed.unwrap_or(0) == failed
        && now.ready.unwrap_or(0) == ready
        && end.is_none();
    if same {
        return None;
    }
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let start = now.start_time.map_or(Value::from(time.clone()), |start| json!(start));
    let mut status = json!({
        "active": running, "succeeded": succeeded, "failed": failed, "ready": ready,
        "startTime": start,
    });
    if let Some((kind, reason)) = end {
        status["active"] = json!(0);
        status["conditions"] = json!([{
            "type": kind, "status": "True", "reason": reason,
            "lastProbeTime": time, "lastTransitionTime": time,
        }]);
        if kind == "Complete" {
            status["completionTime"] = Value::from(time);
        }
    }
    Some(Action::status(job, &status))
}
