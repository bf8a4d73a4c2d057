//! Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs.

use serde_json::{Value, json};

use super::{default, pod};
use crate::lab::apiserver::resource::Resource;

pub(super) fn defaults(resource: &Resource, value: &mut Value) {
    if resource.kind == "ControllerRevision" {
        return;
    }
    default(value, "spec", json!({}));
    default(value, "status", json!({}));
    let uid = value["metadata"]["uid"].clone();
    let name = value["metadata"]["name"].clone();
    let spec = &mut value["spec"];
    match resource.kind.as_str() {
        "Deployment" => {
            default(spec, "replicas", 1);
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "progressDeadlineSeconds", 600);
            default(spec, "strategy", json!({}));
            rolling(&mut spec["strategy"], &json!({"maxUnavailable": "25%", "maxSurge": "25%"}));
        }
        "ReplicaSet" | "ReplicationController" => default(spec, "replicas", 1),
        "StatefulSet" => {
            default(spec, "replicas", 1);
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "podManagementPolicy", "OrderedReady");
            default(spec, "serviceName", "");
            default(spec, "updateStrategy", json!({}));
            rolling(&mut spec["updateStrategy"], &json!({"partition": 0}));
            default(
                spec,
                "persistentVolumeClaimRetentionPolicy",
                json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
            );
        }
        "DaemonSet" => {
            default(spec, "revisionHistoryLimit", 10);
            default(spec, "updateStrategy", json!({}));
            rolling(&mut spec["updateStrategy"], &json!({"maxSurge": 0, "maxUnavailable": 1}));
        }
        "Job" => job_defaults(spec, &uid, &name),
        "CronJob" => {
            default(spec, "concurrencyPolicy", "Allow");
            default(spec, "suspend", false);
            default(spec, "successfulJobsHistoryLimit", 3);
            default(spec, "failedJobsHistoryLimit", 1);
            template_defaults(&mut spec["jobTemplate"]["spec"]["template"]);
            return;
        }
        _ => {}
    }
    template_defaults(&mut spec["template"]);
}

fn rolling(strategy: &mut Value, parameters: &Value) {
    default(strategy, "type", "RollingUpdate");
    if strategy["type"] != "RollingUpdate" {
        return;
    }
    default(strategy, "rollingUpdate", json!({}));
    for (name, value) in parameters.as_object().into_iter().flatten() {
        default(&mut strategy["rollingUpdate"], name, value.clone());
    }
}

fn job_defaults(spec: &mut Value, uid: &Value, name: &Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    default(spec, "backoffLimit", 6);
    default(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", false);
    default(spec, "podReplacementPolicy", "TerminatingOrFailed");
    // A job selects its pods by its own uid, which it has once it is created.
    if spec["manualSelector"] != true && spec["selector"].is_null() && uid.is_string() {
        spec["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
        let metadata = &mut spec["template"]["metadata"];
        default(metadata, "labels", json!({}));
        for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
            metadata["labels"][key] = uid.clone();
        }
        for key in ["job-name", "batch.kubernetes.io/job-name"] {
            metadata["labels"][key] = name.clone();
        }
    }
}

fn template_defaults(template: &mut Value) {
    if template.is_object() {
        default(template, "metadata", json!({}));
        default(template, "spec", json!({}));
        pod::spec_defaults(&mut template["spec"]);
    }
}
