//! The pod and container that a stream is for.

use serde_json::Value;

use crate::lab::apiserver::backend::PodRef;
use crate::lab::apiserver::call::Call;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::refusal::Refusal;

/// Returns the pod of the path, which must be bound to a node.
pub(super) fn pod(cluster: &Cluster, call: &Call) -> Result<(PodRef, Value), Refusal> {
    let key = call.key()?;
    let object =
        cluster.store.get(&call.resource.id, &key).ok_or_else(|| call.not_found(&key.name))?;
    let pod = object.value();
    let node = pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned();
    if node.is_empty() {
        return Err(Refusal::BadRequest(format!("pod {} does not have a host assigned", key.name)));
    }
    let reference = PodRef {
        namespace: key.namespace.into_string(),
        name: key.name.into_string(),
        uid: object.uid.to_string(),
        node,
    };
    Ok((reference, pod))
}

/// Returns the container that the request names, or the only or default one.
pub(super) fn container(call: &Call, pod: &Value) -> Result<String, Refusal> {
    let names = |list: &str| -> Vec<String> {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        containers.filter_map(|c| c["name"].as_str().map(str::to_owned)).collect()
    };
    let containers = names("containers");
    let name = metadata::text(pod, "name");
    let annotated =
        pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"].as_str();
    let wanted = call
        .parameters
        .text("container")
        .or(annotated.filter(|a| containers.iter().any(|c| c == a)));
    let Some(wanted) = wanted else {
        return match containers.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(Refusal::BadRequest(format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                containers.join(" ")
            ))),
        };
    };
    let known = ["initContainers", "containers", "ephemeralContainers"];
    if known.iter().any(|list| names(list).iter().any(|c| c == wanted)) {
        Ok(wanted.to_owned())
    } else {
        Err(Refusal::BadRequest(format!("container {wanted} is not valid for pod {name}")))
    }
}
