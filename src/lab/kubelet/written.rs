//! How a status is written: conditions, containers, times.

use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, PodCondition};
use serde_json::{Value, json};

use super::{
    crew::is_sidecar,
    report::{End, Report, State},
};

/// The conditions that a kubelet writes.
pub(super) const CONDITIONS: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// Returns a condition that the kubelet wrote before.
pub(super) fn kept_condition(one: &PodCondition) -> Option<(&'static str, bool, Timestamp)> {
    let name = CONDITIONS.into_iter().find(|name| *name == one.type_)?;
    Some((name, one.status == "True", one.last_transition_time.as_ref()?.0))
}

/// Names the containers that are not ready.
pub(super) fn unready(containers: &[Container], reports: &[Report]) -> String {
    let names = containers.iter().zip(reports).filter(|(_, report)| !report.ready);
    names.map(|(container, _)| container.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// Names the init containers that have not done their work.
pub(super) fn unready_init(containers: &[Container], reports: &[Report]) -> String {
    let done = |report: &Report| matches!(&report.state, State::Ended(end) if end.code == 0);
    let names = containers
        .iter()
        .zip(reports)
        .filter(|(container, report)| !(done(report) || is_sidecar(container) && report.started));
    names.map(|(container, _)| container.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// Writes addresses.
pub(super) fn addresses(list: &[IpAddr]) -> Value {
    list.iter().map(|ip| json!({ "ip": ip })).collect()
}

/// Kubernetes writes times in whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes a condition, and why it does not hold.
pub(super) fn show_condition(
    (name, holds, since): &(&str, bool, Timestamp),
    phase: &str,
    missing: &str,
    unfinished: &str,
) -> Value {
    let mut condition = json!({
        "type": name,
        "status": if *holds { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": time(*since),
    });
    let explained = match (*name, phase) {
        _ if *holds => None,
        ("Ready" | "ContainersReady", "Succeeded") => Some(("PodCompleted", String::new())),
        ("Ready" | "ContainersReady", "Failed") => Some(("PodFailed", String::new())),
        ("Ready", _) if missing.is_empty() => {
            Some(("ReadinessGatesNotReady", "a readiness gate's condition does not hold".into()))
        }
        ("Ready" | "ContainersReady", _) => {
            Some(("ContainersNotReady", format!("containers with unready status: [{missing}]")))
        }
        ("Initialized", _) => Some((
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{unfinished}]"),
        )),
        _ => None,
    };
    if let Some((reason, message)) = explained {
        condition["reason"] = json!(reason);
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
    }
    condition
}

/// Writes how containers do.
pub(super) fn statuses(containers: &[Container], reports: &[Report]) -> Value {
    let show = |(container, report): (&Container, &Report)| {
        let id = format!("skep://{}-{}", container.name, report.restarts);
        json!({
            "name": container.name,
            "image": container.image.as_deref().unwrap_or(""),
            "imageID": "",
            "containerID": id,
            "ready": report.ready,
            "started": report.started,
            "restartCount": report.restarts,
            "state": show_state(&report.state),
            "lastState": report.last.as_ref().map_or_else(|| json!({}), show_end),
        })
    };
    containers.iter().zip(reports).map(show).collect()
}

fn show_state(state: &State) -> Value {
    match state {
        State::Waiting { reason, message } if message.is_empty() => {
            json!({ "waiting": { "reason": reason } })
        }
        State::Waiting { reason, message } => {
            json!({ "waiting": { "reason": reason, "message": message } })
        }
        State::Running(since) => json!({ "running": { "startedAt": time(*since) } }),
        State::Ended(end) => show_end(end),
    }
}

fn show_end(end: &End) -> Value {
    let mut terminated = json!({
        "exitCode": end.code,
        "reason": end.reason,
        "startedAt": time(end.started),
        "finishedAt": time(end.finished),
    });
    if !end.message.is_empty() {
        terminated["message"] = json!(end.message);
    }
    json!({ "terminated": terminated })
}
