//! What a kubelet knows about its node.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{backend::Backend, cni::Runtime, power::Switch};
use crate::lab::{
    cluster::{Cluster, Teller, Tone},
    host::cgroup::{Cgroup, CgroupError},
    plan::{API_PORT, FABRIC, NodePlan},
    state::{LabDir, NodeDir, inside},
};

/// What all kubelets of a lab share.
#[derive(Clone)]
pub(crate) struct HostOptions {
    pub(crate) cluster: Cluster,
    pub(crate) backend: Arc<Backend>,
}

/// A node, as its kubelet sees it.
pub(crate) struct Host {
    pub(super) plan: NodePlan,
    pub(super) node: NodeDir,
    pub(super) cgroup: Cgroup,
    pub(super) runtime: Runtime,
    pub(super) logs: PathBuf,
    pub(super) shared: HostOptions,
    pub(super) power: Switch,
    /// Sandboxes that are being made or removed, on threads that cannot be stopped half-way.
    pub(super) works: TaskTracker,
    /// The Node object's uid, once it is registered.
    pub(super) uid: OnceLock<String>,
    /// Whether the node has a network that pods can join.
    pub(super) network: watch::Sender<bool>,
}

impl Host {
    /// Describes a node of the lab.
    pub(crate) fn new(
        dir: &LabDir,
        plan: NodePlan,
        shared: HostOptions,
    ) -> Result<Self, CgroupError> {
        let node = dir.node(&plan.name);
        Ok(Self {
            cgroup: Cgroup::of_lab(dir.name().as_str())?.child(&plan.name),
            runtime: Runtime {
                conf_dir: inside::CNI_CONF.into(),
                bin_dir: inside::CNI_BIN.into(),
                results_dir: inside::CNI_RESULTS.into(),
            },
            logs: dir.logs().join(&plan.name),
            power: Switch::new(dir.clone(), plan.name.clone()),
            node,
            plan,
            shared,
            uid: OnceLock::new(),
            works: TaskTracker::new(),
            network: watch::Sender::new(false),
        })
    }

    /// Returns the node's name.
    pub(super) fn name(&self) -> &str {
        &self.plan.name
    }

    /// Tells whether the node controller has given the node up.
    pub(super) fn is_doubted(&self) -> bool {
        self.shared.cluster.nodes.one("", self.name()).is_some_and(|node| {
            let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
            let mut conditions = conditions.unwrap_or_default().iter();
            conditions.any(|one| one.type_ == "Ready" && one.status == "Unknown")
        })
    }

    /// Waits until it has not, or no more.
    pub(super) async fn trusted(&self) {
        let mut changes = self.shared.cluster.changes();
        while self.is_doubted() && changes.changed().await.is_ok() {}
    }

    /// Tells about a pod.
    pub(super) fn tell(
        &self,
        pod: &Pod,
        tone: Tone,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        let teller = Teller { component: "kubelet", host: Some(self.name().to_owned()) };
        self.shared.cluster.events.tell(pod, teller, tone, reason, message);
    }

    /// Returns the place of the node, from the machine.
    pub(super) fn place(&self) -> PathBuf {
        self.node.path().to_owned()
    }

    /// Returns the group of the pod with a uid.
    pub(super) fn pod_cgroup(&self, uid: &str) -> Cgroup {
        self.cgroup.child("pods").child(format!("pod{uid}"))
    }

    /// Returns the directory of a pod's log files.
    pub(super) fn pod_logs(&self, pod: &Pod) -> PathBuf {
        let namespace = pod.namespace().unwrap_or_default();
        self.logs.join(format!("{namespace}_{}_{}", pod.name_any(), pod.uid().unwrap_or_default()))
    }

    /// Returns the API server's address, of the family that the node has.
    pub(super) fn api_server(&self) -> (IpAddr, u16) {
        let same = |ip: &IpAddr| self.plan.ips().any(|own| own.is_ipv4() == ip.is_ipv4());
        let address = FABRIC.iter().find(same).expect("a node has an address of some family");
        (address, API_PORT)
    }
}
