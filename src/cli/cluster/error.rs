//! Why the agents of a cluster cannot be asked.

use std::path::{Path, PathBuf};

/// The agents of a cluster cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The kubeconfig cannot be used.
    #[error("cannot use {}", kubeconfig(path))]
    Kubeconfig {
        /// Which file; empty if there is none.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// The kubeconfig makes no client.
    #[error("cannot set up the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
    /// There is no service account.
    #[error("this is not a pod with a service account, and no --kubeconfig is given")]
    NotInPod(#[source] Box<kube::config::InClusterError>),
    /// The API server does not answer, or refuses.
    #[error("cannot list the {what} of the cluster")]
    List {
        /// Pods or nodes.
        what: &'static str,
        /// What it said.
        #[source]
        source: Box<kube::Error>,
    },
    /// No agent pod at all.
    #[error("no pod of the cluster carries the label {label} in namespace {namespace}")]
    NoAgents {
        /// The label.
        label: &'static str,
        /// The namespace.
        namespace: String,
    },
    /// A node was asked for that has no agent.
    #[error("the cluster has no node named {node}")]
    NoSuchNode {
        /// Its name.
        node: String,
    },
    /// The command cannot be run in the pod.
    #[error("cannot run a command in pod {pod}")]
    Exec {
        /// Which pod.
        pod: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The command ran and failed.
    #[error("the agent of node {node} cannot be asked: {reason}")]
    Failed {
        /// Which node.
        node: String,
        /// What was said.
        reason: String,
    },
    /// Some answered, some did not.
    #[error("{failed} of {total} agents could not be asked")]
    Partial {
        /// How many did not.
        failed: usize,
        /// How many were asked.
        total: usize,
    },
}

fn kubeconfig(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return "a kubeconfig: none is named, and there is none at the usual place".to_owned();
    }
    format!("the kubeconfig {}", path.display())
}
