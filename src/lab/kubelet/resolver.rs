//! Pods' resolv.conf, kept up to date as the cluster's name servers come and go.

use std::{
    collections::HashMap,
    fs, io,
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::{host::Host, sandbox::is_on_host};
use crate::lab::{
    dns, node,
    state::{StateError, create_dir, failed, inside},
};

/// How long changes are collected before files are looked at.
const GATHER: Duration = Duration::from_millis(20);

/// Returns what a pod's file should say now.
pub(super) fn text(host: &Host, pod: &Pod) -> String {
    dns::resolv_conf_of_pod(pod, &nameservers(host), &of_node(host))
}

/// Writes a pod's file.
pub(super) fn write(host: &Host, pod: &Pod, text: &str) -> Result<(), StateError> {
    for path in paths(host, pod) {
        create_dir(path.parent().expect("below the pod's directory"))?;
        replace(&path, text).map_err(|source| failed("write", &path, source))?;
    }
    Ok(())
}

/// Keeps the files of all pods of the node up to date.
pub(super) async fn follow(host: &Arc<Host>) {
    let mut changes = host.shared.cluster.changes();
    let mut known = HashMap::new();
    loop {
        let (working, mut files) = (Arc::clone(host), std::mem::take(&mut known));
        let refreshed = tokio::task::spawn_blocking(move || {
            refresh(&working, &mut files);
            files
        });
        known = refreshed.await.unwrap_or_default();
        if changes.changed().await.is_err() {
            return;
        }
        sleep(GATHER).await;
        changes.mark_unchanged();
    }
}

/// Rewrites what is out of date; `known` tells from which name servers a pod's file was made.
fn refresh(host: &Host, known: &mut HashMap<String, Vec<IpAddr>>) {
    let servers = nameservers(host);
    let pods = host.shared.cluster.pods.all();
    let here = |pod: &&Arc<Pod>| {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        node == Some(host.name()) && !is_on_host(pod)
    };
    let mut kept = HashMap::new();
    for pod in pods.iter().filter(here) {
        let uid = pod.uid().unwrap_or_default();
        let current = known.get(&uid).is_some_and(|made_from| *made_from == servers);
        // A pod that has no file yet gets it with its sandbox, and is looked at again then: that
        // changes its status.
        if current || rewrite(host, pod) {
            kept.insert(uid, servers.clone());
        }
    }
    *known = kept;
}

/// Tells whether the pod has a file, which is as it should be then.
fn rewrite(host: &Host, pod: &Pod) -> bool {
    let wanted = text(host, pod);
    let mut found = false;
    for path in paths(host, pod) {
        match fs::read_to_string(&path) {
            Ok(text) if text == wanted => found = true,
            Ok(_) => match replace(&path, &wanted) {
                Ok(()) => {
                    debug!(pod = pod.name_any(), "resolv.conf renewed");
                    found = true;
                }
                Err(error) => warn!(pod = pod.name_any(), %error, "resolv.conf not renewed"),
            },
            Err(_) => {}
        }
    }
    found
}

fn nameservers(host: &Host) -> Vec<IpAddr> {
    let slices = host.shared.cluster.endpoint_slices.all();
    dns::nameservers(slices.iter().map(Arc::as_ref))
}

fn of_node(host: &Host) -> String {
    fs::read_to_string(host.node.outside(inside::LAB).join("resolv.conf")).unwrap_or_default()
}

/// Returns where a pod's file is. Where the machine's resolv.conf is a link into /run, the pod's
/// /run has the target.
fn paths(host: &Host, pod: &Pod) -> Vec<PathBuf> {
    let place = host.node.outside(inside::PODS).join(pod.uid().unwrap_or_default());
    let target = node::follow_into_run("/etc/resolv.conf");
    let target = target.map(|target| place.join(target.trim_start_matches('/')));
    std::iter::once(place.join("etc/resolv.conf")).chain(target).collect()
}

/// Writes in place: the file is mounted over the pod's. Readers see the old text or the new one
/// at its start, never nothing.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}
