//! Namespaces: their life, and what every one of them contains.

use serde_json::{Value, json};

use super::default;
use crate::lab::apiserver::cluster::Cluster;
use crate::lab::apiserver::metadata;
use crate::lab::apiserver::store::Key;

/// The namespaces of a new cluster.
pub(in crate::lab::apiserver) const BOOTSTRAP: &[&str] =
    &["default", "kube-node-lease", "kube-public", "kube-system"];

pub(super) fn prepare(value: &mut Value) {
    default(value, "spec", json!({}));
    value["spec"]["finalizers"] = json!(["kubernetes"]);
    value["status"] = json!({"phase": "Active"});
    label(value);
}

pub(super) fn prepare_update(old: &Value, value: &mut Value) {
    // Only the finalize subresource changes these.
    value["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
    label(value);
}

fn label(value: &mut Value) {
    let metadata = &mut value["metadata"];
    let name = metadata["name"].clone();
    if name.is_string() {
        default(metadata, "labels", json!({}));
        metadata["labels"]["kubernetes.io/metadata.name"] = name;
    }
}

/// Gives a new namespace its service account and the certificate that pods need to trust the server.
pub(super) fn furnish(cluster: &Cluster, namespace: &str) {
    cluster.ensure(
        "serviceaccounts",
        json!({
            "metadata": {"name": "default", "namespace": namespace},
        }),
    );
    cluster.ensure("configmaps", json!({
        "metadata": {"name": "kube-root-ca.crt", "namespace": namespace, "annotations": {
            "kubernetes.io/description": "Contains a CA bundle that can be used to verify the API server of this lab."}},
        "data": {"ca.crt": cluster.authority_pem},
    }));
}

/// Replaces what every namespace contains when it was deleted from one that goes on.
pub(super) fn refurnish(cluster: &Cluster, key: &Key) {
    let furniture = matches!(&*key.name, "default" | "kube-root-ca.crt");
    let namespace = cluster.namespace(&key.namespace).map(|namespace| namespace.value());
    if furniture && namespace.is_some_and(|namespace| !metadata::is_deleting(&namespace)) {
        furnish(cluster, &key.namespace);
    }
}

/// Creates a namespace of a new cluster.
pub(in crate::lab::apiserver) fn bootstrap_namespace(cluster: &Cluster, name: &str) {
    let mut value = json!({"metadata": {"name": name}});
    prepare(&mut value);
    cluster.ensure("namespaces", value);
    furnish(cluster, name);
}
