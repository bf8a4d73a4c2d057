//! What the agent's parts share.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use jiff::Timestamp;
use skep_bpf::abi::Config;
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use super::{
    cache::Snapshot,
    certificates::Certificates,
    chores::Chores,
    cluster::Cluster,
    endpoint::Endpoints,
    identity::Known,
    node::{self, Devices, Routes},
    pods::Pods,
    policy::{Engine, Kind},
    publish::Published,
    service::Balancer,
};
use crate::{
    api::hubble::{AgentEvents, Peers},
    config::AgentConfig,
    flows::Observer,
    kernel::{Datapath, KernelMaps},
    kubernetes::{Change, IdentityObject, NamespaceObject, PodObject, SliceObject, WatchState},
    model::{Addresses, Identity, Labels, NodeId},
};

/// How the watches are doing.
#[derive(Debug, Default)]
pub(super) struct Watches {
    pub(super) nodes: WatchState,
    pub(super) pods: WatchState,
    pub(super) namespaces: WatchState,
    pub(super) identities: WatchState,
    pub(super) slices: WatchState,
    pub(super) apiserver: WatchState,
    pub(super) services: WatchState,
    pub(super) service_slices: WatchState,
    pub(super) redirects: WatchState,
    /// Of each of [`Kind::ALL`].
    pub(super) policies: [WatchState; Kind::ALL.len()],
}

impl Watches {
    pub(super) fn all(&self) -> Vec<(&'static str, &WatchState)> {
        let policies = Kind::ALL.iter().map(|kind| kind.resource().3).zip(&self.policies);
        let others = [
            ("nodes", &self.nodes),
            ("pods", &self.pods),
            ("namespaces", &self.namespaces),
            ("identities", &self.identities),
            ("endpoint slices", &self.slices),
            ("addresses of the API server", &self.apiserver),
            ("services", &self.services),
            ("endpoint slices of services", &self.service_slices),
            ("local redirect policies", &self.redirects),
        ];
        others.into_iter().chain(policies).collect()
    }

    /// Tells whether every watch has seen a complete list.
    pub(super) fn synced(&self) -> bool {
        self.all().iter().all(|(_, state)| state.synced())
    }
}

/// How far the agent is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    configured: AtomicBool,
    synced: AtomicBool,
    announced: AtomicBool,
}

impl Progress {
    /// The datapath has its configuration.
    pub(super) fn configured(&self) -> bool {
        self.configured.load(Ordering::Acquire)
    }

    /// The cluster was seen completely.
    pub(super) fn synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// The node was announced as ready.
    pub(super) fn announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    pub(super) fn set_configured(&self) {
        self.configured.store(true, Ordering::Release);
    }

    pub(super) fn set_synced(&self) {
        self.synced.store(true, Ordering::Release);
    }

    pub(super) fn set_announced(&self) {
        self.announced.store(true, Ordering::Release);
    }
}

/// The parts of a running agent.
pub(super) struct Agent {
    pub(super) config: AgentConfig,
    pub(super) started: Timestamp,
    pub(super) datapath: Arc<Datapath>,
    pub(super) maps: Arc<KernelMaps>,
    pub(super) cluster: Arc<Mutex<Cluster<KernelMaps>>>,
    pub(super) pods: Arc<Pods>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) policy: Arc<Engine<KernelMaps>>,
    pub(super) balancer: Arc<Balancer<KernelMaps>>,
    /// The node's addresses, as they were known at the start.
    pub(super) addresses: Addresses,
    pub(super) devices: Mutex<Devices>,
    pub(super) routes: Mutex<Routes>,
    pub(super) route_mtu: u32,
    /// The kernel's cookie of the node's own network namespace.
    pub(super) host_netns: u64,
    pub(super) watches: Watches,
    pub(super) progress: Progress,
    pub(super) connections: AtomicU64,
    /// When its standing work was last done.
    pub(super) chores: Chores,
    /// What became of what it tells the cluster.
    pub(super) published: Published,
    /// Until when its certificates are good.
    pub(super) certificates: Certificates,
    /// Told when routes may have to follow nodes.
    pub(super) nodes_changed: Notify,
    /// Told when an identity object that may be in use is gone.
    pub(super) lost_identity: Notify,
    pub(super) observer: Mutex<Option<Arc<Observer>>>,
    /// The nodes that relays are told of.
    pub(super) peers: watch::Sender<Peers>,
    /// What it tells of itself.
    pub(super) events: Arc<AgentEvents>,
    /// How other machines are served.
    pub(super) acceptor: watch::Sender<Option<TlsAcceptor>>,
}

impl Agent {
    pub(super) fn cluster(&self) -> MutexGuard<'_, Cluster<KernelMaps>> {
        self.cluster.lock().expect("no panic while holding the lock")
    }

    pub(super) fn devices(&self) -> Devices {
        self.devices.lock().expect("no panic while holding the lock").clone()
    }

    /// Returns the configuration that every program reads.
    pub(super) fn configuration(&self, node: NodeId) -> Config {
        let vxlan = self.devices().vxlan;
        node::configuration(&self.config, node, vxlan, self.route_mtu, self.host_netns)
    }

    pub(super) fn slices_changed(&self, change: Change<SliceObject>) {
        self.cluster().apply_slices(change);
        self.policy.ports_changed();
    }

    /// Takes in news of identities; one that is gone or retired may have to be kept.
    pub(super) fn identities_changed(&self, change: Change<IdentityObject>) {
        let retired = match &change {
            Change::Changed(object) => object.retired,
            Change::Listed(all) => all.iter().any(|object| object.retired),
            Change::Gone(_) => false,
        };
        let touched = self.cluster().apply_identities(change);
        if retired || !touched.removed.is_empty() {
            self.lost_identity.notify_one();
        }
        self.policy.identities_changed(touched.added, &touched.removed);
    }

    pub(super) fn pods_changed(&self, change: Change<PodObject>) {
        self.balancer.changed(change.clone());
        self.follow_duties();
        self.pods.apply_pods(change);
        self.follow_duties();
    }

    pub(super) fn namespaces_changed(&self, change: Change<NamespaceObject>) {
        self.pods.apply_namespaces(change);
    }

    /// Takes in what the cache has.
    pub(super) fn remember(&self, snapshot: Snapshot) {
        for identity in snapshot.identities {
            self.identities_changed(Change::Changed(identity));
        }
        for namespace in snapshot.namespaces {
            self.namespaces_changed(Change::Changed(namespace));
        }
        for pod in snapshot.pods {
            self.pods_changed(Change::Changed(pod));
        }
        if let Some(policies) = snapshot.policies {
            for kind in Kind::ALL {
                let (.., plural) = kind.resource();
                for object in policies.get(plural).into_iter().flatten() {
                    self.policy.objects_changed(kind, Change::Changed(object.clone()));
                }
            }
            self.policy.set_remembered();
        }
        // Whether nodes are told apart follows from policies.
        self.tell_nodes_apart(self.policy.node_labels());
        for slice in snapshot.apiserver {
            self.apiserver_changed(Change::Changed(slice));
        }
        self.nodes_changed(Change::Listed(snapshot.nodes));
        for slice in snapshot.slices {
            self.slices_changed(Change::Changed(slice));
        }
    }

    /// Returns what the cache shall have.
    pub(super) fn snapshot(&self) -> Snapshot {
        let (pods, namespaces) = self.pods.snapshot();
        let policies = self.policy.objects();
        let cluster = self.cluster();
        Snapshot {
            nodes: cluster.nodes().into_iter().map(|view| view.node).collect(),
            identities: cluster.identities(),
            slices: cluster.slices(),
            apiserver: cluster.apiserver(),
            pods,
            namespaces,
            policies,
            node_ids: cluster.node_ids().clone(),
        }
    }
}

/// The identities' book inside the cluster's state.
#[derive(Debug)]
pub(super) struct Identities {
    pub(super) cluster: Arc<Mutex<Cluster<KernelMaps>>>,
    pub(super) policy: Arc<Engine<KernelMaps>>,
}

impl Identities {
    fn apply(&self, change: Change<IdentityObject>) {
        let touched = self.cluster().apply_identities(change);
        self.policy.identities_changed(touched.added, &touched.removed);
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster<KernelMaps>> {
        self.cluster.lock().expect("no panic while holding the lock")
    }
}

impl Known for Identities {
    fn lookup(&self, labels: &Labels) -> Option<IdentityObject> {
        self.cluster().book().lookup(labels).cloned()
    }

    fn object(&self, identity: Identity) -> Option<IdentityObject> {
        self.cluster().book().object(identity).cloned()
    }

    fn learn(&self, object: IdentityObject) {
        self.apply(Change::Changed(object));
    }

    fn forget(&self, identity: Identity) {
        self.apply(Change::Gone(identity.0.to_string()));
    }
}
