//! Pods' resolv.conf.

use std::{fs, path::PathBuf};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::host::Host;
use crate::lab::{
    dns, node,
    state::{StateError, create_dir, failed, inside},
};

/// Writes a pod's file, before anything of the pod runs.
pub(super) fn write(host: &Host, pod: &Pod) -> Result<(), StateError> {
    let of_node = host.node.outside(inside::LAB).join("resolv.conf");
    let of_node = fs::read_to_string(of_node).unwrap_or_default();
    let text = dns::resolv_conf_of_pod(pod, &dns::nameservers(&host.plan), &of_node);
    for path in paths(host, pod) {
        create_dir(path.parent().expect("below the pod's directory"))?;
        fs::write(&path, &text).map_err(|source| failed("write", &path, source))?;
    }
    Ok(())
}

/// Returns where a pod's file is. Where the machine's resolv.conf is a link into /run, the pod's
/// /run has the target.
fn paths(host: &Host, pod: &Pod) -> Vec<PathBuf> {
    let place = host.node.outside(inside::PODS).join(pod.uid().unwrap_or_default());
    let target = node::follow_into_run("/etc/resolv.conf");
    let target = target.map(|target| place.join(target.trim_start_matches('/')));
    std::iter::once(place.join("etc/resolv.conf")).chain(target).collect()
}
