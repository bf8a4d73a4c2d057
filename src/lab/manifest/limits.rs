//! What manifests ask for and a lab does not do.

use serde_json::Value;

use super::{
    Manifest,
    pods::{containers, each, pod_spec},
};

/// How many objects are named with each limit.
const NAMED: usize = 3;
/// Volumes that a lab has.
const VOLUMES: [&str; 8] = [
    "emptyDir",
    "configMap",
    "secret",
    "downwardAPI",
    "projected",
    "hostPath",
    "persistentVolumeClaim",
    "ephemeral",
];
/// Resources that need no device.
const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "storage"];

/// Something that a lab does not do, and how to tell that an object asks for it.
struct Limit {
    what: &'static str,
    asks: fn(&Manifest) -> bool,
}

const LIMITS: &[Limit] = &[
    Limit { what: "persistent volumes are directories of the pod's node", asks: claims },
    Limit { what: "volumes of other systems stay empty", asks: foreign_volumes },
    Limit {
        what: "devices such as GPUs are not there; requests for them are ignored",
        asks: devices,
    },
    Limit {
        what: "privileges, capabilities and users of containers are ignored",
        asks: privileges,
    },
    Limit { what: "runtime classes are ignored", asks: |one| has(one, "runtimeClassName") },
    Limit { what: "SCTP ports are not served", asks: sctp },
    Limit { what: "probes by HTTPS and gRPC ask for a connection only", asks: deep_probes },
    Limit {
        what: "quotas and limit ranges are kept, and limit nothing",
        asks: |one| is(one, "", &["ResourceQuota", "LimitRange"]),
    },
    Limit {
        what: "nothing serves ingresses",
        asks: |one| is(one, "networking.k8s.io", &["Ingress"]),
    },
    Limit {
        what: "nothing scales by load",
        asks: |one| is(one, "autoscaling", &["HorizontalPodAutoscaler"]),
    },
    Limit {
        what: "admission webhooks are not called",
        asks: |one| {
            let kinds = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
            is(one, "admissionregistration.k8s.io", &kinds)
        },
    },
    Limit {
        what: "aggregated APIs are not served",
        asks: |one| is(one, "apiregistration.k8s.io", &["APIService"]),
    },
];

/// Returns a line for each thing that objects ask for and the lab does not do.
pub(crate) fn not_simulated(manifests: &[Manifest]) -> Vec<String> {
    let lines = LIMITS.iter().filter_map(|limit| {
        let asking: Vec<String> =
            manifests.iter().filter(|one| (limit.asks)(one)).map(Manifest::title).collect();
        let named = asking.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        match asking.len() {
            0 => None,
            count if count > NAMED => {
                Some(format!("{} ({named} and {} more)", limit.what, count - NAMED))
            }
            _ => Some(format!("{} ({named})", limit.what)),
        }
    });
    lines.collect()
}

fn is(manifest: &Manifest, group: &str, kinds: &[&str]) -> bool {
    manifest.group() == group && kinds.contains(&manifest.kind())
}

fn has(manifest: &Manifest, field: &str) -> bool {
    pod_spec(manifest).and_then(|spec| spec.get(field)).is_some_and(|value| !value.is_null())
}

fn volumes(manifest: &Manifest) -> impl Iterator<Item = &Value> {
    pod_spec(manifest).into_iter().flat_map(|spec| each(spec, "volumes"))
}

fn claims(manifest: &Manifest) -> bool {
    let of_pods = volumes(manifest)
        .any(|volume| volume.get("persistentVolumeClaim").or(volume.get("ephemeral")).is_some());
    let templates = manifest.object.pointer("/spec/volumeClaimTemplates");
    of_pods || templates.and_then(Value::as_array).is_some_and(|all| !all.is_empty())
}

fn foreign_volumes(manifest: &Manifest) -> bool {
    volumes(manifest).any(|volume| {
        let sources = volume.as_object().into_iter().flat_map(|fields| fields.keys());
        let mut sources = sources.filter(|field| *field != "name");
        sources.any(|source| !VOLUMES.contains(&source.as_str()))
    })
}

fn devices(manifest: &Manifest) -> bool {
    let Some(spec) = pod_spec(manifest) else { return false };
    let resources = containers(spec).filter_map(|container| container.get("resources"));
    let mut names = resources
        .flat_map(|all| [all.get("limits"), all.get("requests")])
        .filter_map(|list| list?.as_object())
        .flat_map(|list| list.keys());
    names.any(|name| !RESOURCES.contains(&name.as_str()) && !name.starts_with("hugepages-"))
        || each(spec, "resourceClaims").next().is_some()
}

fn privileges(manifest: &Manifest) -> bool {
    let Some(spec) = pod_spec(manifest) else { return false };
    let mut contexts = containers(spec).filter_map(|container| container.get("securityContext"));
    contexts.any(|context| {
        let adds = context.pointer("/capabilities/add").and_then(Value::as_array);
        context["privileged"] == true || adds.is_some_and(|added| !added.is_empty())
    })
}

fn sctp(manifest: &Manifest) -> bool {
    let Some(spec) = pod_spec(manifest) else { return false };
    containers(spec).flat_map(|one| each(one, "ports")).any(|port| port["protocol"] == "SCTP")
}

fn deep_probes(manifest: &Manifest) -> bool {
    let Some(spec) = pod_spec(manifest) else { return false };
    let kinds = ["startupProbe", "readinessProbe", "livenessProbe"];
    let mut probes = containers(spec).flat_map(|one| kinds.map(|kind| one.get(kind))).flatten();
    probes.any(|probe| {
        !probe["grpc"].is_null() || probe.pointer("/httpGet/scheme").is_some_and(|s| s == "HTTPS")
    })
}
