//! Waits for the test's pods.

use k8s_openapi::api::core::v1::{ContainerStateWaiting, ContainerStatus, Pod};
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::time::{Duration, Instant, sleep};

use super::DeployError;

/// How often pods are looked at.
const PERIOD: Duration = Duration::from_millis(100);
/// What a kubelet says when it will not get the image.
const NO_IMAGE: [&str; 3] = ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];

/// Waits until every pod has addresses and its program has started, or has no place on its node.
/// Readiness is not waited for: whether kubelets reach the pods is part of the test.
pub(in crate::connectivity) async fn wait(
    client: &Client,
    namespace: &str,
    count: usize,
    timeout: Duration,
) -> Result<Vec<Pod>, DeployError> {
    let api = Api::<Pod>::namespaced(client.clone(), namespace);
    let end = Instant::now() + timeout;
    loop {
        let listed = api.list(&ListParams::default()).await;
        let pods = match listed {
            Ok(pods) => pods.items,
            // An API server that restarts is waited for.
            Err(_) if Instant::now() < end => {
                sleep(PERIOD).await;
                continue;
            }
            Err(error) => return Err(DeployError::api("list the pods of the test", error)),
        };
        if let Some((pod, reason)) = pods.iter().find_map(no_image) {
            return Err(DeployError::Image { pod, reason });
        }
        if pods.len() == count && pods.iter().all(|pod| is_started(pod) || no_place(pod).is_some())
        {
            return Ok(pods);
        }
        if Instant::now() >= end {
            let seconds = timeout.as_secs();
            return Err(DeployError::NotStarted { seconds, pods: describe(&pods) });
        }
        sleep(PERIOD).await;
    }
}

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

fn is_started(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let addresses = status.is_some_and(|status| status.pod_ips.iter().flatten().next().is_some());
    let running = status.and_then(|status| status.phase.as_deref()) == Some("Running");
    addresses && running && container(pod).is_some_and(|one| one.started == Some(true))
}

/// Tells whether the kubelet reports the pod as ready.
pub(in crate::connectivity) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
}

/// Returns why a pod that leaves its place to the scheduler gets none.
pub(in crate::connectivity) fn no_place(pod: &Pod) -> Option<String> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let refused = conditions.into_iter().find(|one| {
        one.type_ == "PodScheduled"
            && one.status == "False"
            && one.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(refused.message.clone().unwrap_or_else(|| "it cannot be scheduled".to_owned()))
}

fn waiting(pod: &Pod) -> Option<&ContainerStateWaiting> {
    container(pod)?.state.as_ref()?.waiting.as_ref()
}

fn no_image(pod: &Pod) -> Option<(String, String)> {
    let waiting = waiting(pod)?;
    let reason = waiting.reason.clone()?;
    let message = waiting.message.clone().unwrap_or_else(|| reason.clone());
    NO_IMAGE.contains(&reason.as_str()).then(|| (pod.name_any(), message))
}

/// Returns how its program ended the last time, when it did.
fn last_exit_code(pod: &Pod) -> Option<i32> {
    Some(container(pod)?.last_state.as_ref()?.terminated.as_ref()?.exit_code)
}

/// Names the pods that have not started, with what their kubelets say.
fn describe(pods: &[Pod]) -> String {
    let late = pods.iter().filter(|pod| !is_started(pod));
    let texts = late.map(|pod| {
        let reason = waiting(pod)
            .and_then(|waiting| waiting.message.clone().or_else(|| waiting.reason.clone()));
        let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
        let mut reason = reason.or(phase).unwrap_or_else(|| "unknown".to_owned());
        if let Some(code) = last_exit_code(pod) {
            reason.push_str(&format!(", last exit code {code}"));
        }
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        format!("{} on {node} ({reason})", pod.name_any())
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(phase: &str, started: bool, state: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p" },
            "spec": { "nodeName": "n1", "containers": [] },
            "status": {
                "phase": phase,
                "podIPs": [{ "ip": "10.0.0.1" }],
                "containerStatuses": [{
                    "name": "skep", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "started": started, "state": state,
                }],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_counts_when_its_program_has_started() {
        let running = json!({ "running": {} });
        assert!(is_started(&pod("Running", true, running.clone())));
        assert!(!is_started(&pod("Running", false, running)), "still starting");
        assert!(!is_started(&Pod::default()), "no status at all");
    }

    #[test]
    fn a_pod_without_a_place_says_why() {
        let mut pending = pod("Pending", false, json!({}));
        assert_eq!(no_place(&pending), None, "nobody has looked for one yet");
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/2 nodes are available",
        });
        pending.status.as_mut().unwrap().conditions =
            Some(vec![serde_json::from_value(condition).unwrap()]);
        assert_eq!(no_place(&pending).as_deref(), Some("0/2 nodes are available"));
    }

    #[test]
    fn a_missing_image_is_told_at_once_and_others_in_the_end() {
        let state = |reason: &str| json!({ "waiting": { "reason": reason, "message": "no such" } });
        let absent = pod("Pending", false, state("ImagePullBackOff"));
        assert_eq!(no_image(&absent), Some(("p".into(), "no such".into())));
        let slow = pod("Pending", false, state("ContainerCreating"));
        assert_eq!(no_image(&slow), None);
        assert_eq!(describe(&[slow]), "p on n1 (no such)");
        let mut crashing = pod("Running", false, state("CrashLoopBackOff"));
        let ended = json!({ "terminated": { "exitCode": 2 } });
        let statuses = crashing.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
        statuses[0].last_state = Some(serde_json::from_value(ended).unwrap());
        assert_eq!(describe(&[crashing]), "p on n1 (no such, last exit code 2)");
    }
}
