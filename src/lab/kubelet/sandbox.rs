//! A pod's sandbox: its namespaces, files, addresses and control group.

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use nix::{sched::CloneFlags, unistd::sethostname};
use rand::RngExt;
use serde_json::{Map, Value, json};

use super::{
    cni::{Attachment, CniError},
    host::Host,
    pod_files::{PodFiles, Record, hostname},
    volume::{Mount, VolumeMountError, attach},
};
use crate::lab::{
    fabric::{self, FabricError},
    host::{
        cgroup::{Cgroup, CgroupError},
        mounts::{self, MountError},
        namespace::{self, NamespaceError},
    },
    node,
    state::{StateError, failed, inside},
};

/// A sandbox could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    #[error("cannot prepare the pod's namespaces")]
    Namespace(#[from] NamespaceError),
    #[error("cannot prepare the pod's network namespace")]
    Network(#[from] FabricError),
    #[error("cannot prepare the pod's mounts")]
    Mount(#[from] MountError),
    #[error("cannot prepare the pod's files")]
    Files(#[from] StateError),
    #[error("cannot mount the pod's volumes")]
    Volume(#[from] VolumeMountError),
    #[error("cannot prepare the pod's control group")]
    Cgroup(#[from] CgroupError),
    #[error("cannot name the pod's host")]
    Hostname(#[source] nix::Error),
    #[error("failed to setup network for sandbox {id:?}")]
    Setup {
        id: String,
        #[source]
        source: CniError,
    },
    #[error("failed to destroy network for sandbox {id:?}")]
    Destroy {
        id: String,
        #[source]
        source: CniError,
    },
}

/// What an earlier process of the lab has left of a pod's sandbox.
#[derive(Debug)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// A part of it, to be removed.
    Part(Sandbox),
    /// All of it.
    Whole(Sandbox),
}

/// Where a pod's containers run.
#[derive(Clone, Debug)]
pub(super) struct Sandbox {
    /// The node's place, and the pod's own unless it is on the host network.
    pub(super) places: Vec<PathBuf>,
    pub(super) cgroup: Cgroup,
    /// IPv4 first.
    pub(super) addresses: Vec<IpAddr>,
    /// What the network plugin was told; none on the host network.
    network: Option<Attachment>,
}

/// Tells whether a pod shares its node's network.
pub(super) fn is_on_host(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true)
}

impl Left {
    /// Looks for what is left of a pod.
    pub(super) fn of(host: &Host, pod: &Pod) -> Self {
        let uid = pod.uid().unwrap_or_default();
        if !is_on_host(pod) {
            return Self::of_uid(host, &uid);
        }
        let cgroup = host.pod_cgroup(&uid);
        if cgroup.path().exists() {
            Self::Whole(Sandbox::on_host(host, cgroup))
        } else {
            Self::Nothing
        }
    }

    /// Looks for what is left of a pod of which only the uid is known.
    fn of_uid(host: &Host, uid: &str) -> Self {
        let (files, cgroup) = (PodFiles::new(uid), host.pod_cgroup(uid));
        let places = vec![host.place(), files.place.clone()];
        let Some(Record { network, addresses }) = files.record(host) else {
            let exists = cgroup.path().exists();
            let part = Sandbox { places, cgroup, addresses: vec![], network: None };
            return if exists { Self::Part(part) } else { Self::Nothing };
        };
        let network = Some(network);
        match addresses {
            Some(addresses) => Self::Whole(Sandbox { places, cgroup, addresses, network }),
            None => Self::Part(Sandbox { places, cgroup, addresses: vec![], network }),
        }
    }

    /// Returns what is left on a node of pods that are none of these, by uid: they ended while the
    /// lab's process was away.
    pub(super) fn of_others(host: &Host, uids: &HashSet<&str>) -> Vec<(String, Sandbox)> {
        let files = PodFiles::all(host).into_iter();
        let groups = host.cgroup.child("pods").children().into_iter();
        let groups = groups.filter_map(|name| name.strip_prefix("pod").map(str::to_owned));
        let all: BTreeSet<String> = files.chain(groups).collect();
        let others = all.into_iter().filter(|uid| !uids.contains(uid.as_str()));
        let found = others.filter_map(|uid| match Self::of_uid(host, &uid) {
            Self::Nothing => None,
            Self::Part(sandbox) | Self::Whole(sandbox) => Some((uid, sandbox)),
        });
        found.collect()
    }
}

impl Sandbox {
    /// Makes the sandbox of a pod: all of it, or nothing.
    ///
    /// Pods on the host network use the node's namespaces as they are: those are what a privileged
    /// pod with host paths would see.
    pub(super) fn create(
        host: &Arc<Host>,
        pod: &Pod,
        mounts: &[Mount],
    ) -> Result<Self, SandboxError> {
        let uid = pod.uid().unwrap_or_default();
        let cgroup = host.pod_cgroup(&uid);
        cgroup.create()?;
        if is_on_host(pod) {
            return Ok(Self::on_host(host, cgroup));
        }
        let files = PodFiles::new(&uid);
        files.write(host, pod)?;
        let network = attachment(pod);
        let mut record = Record { network: network.clone(), addresses: None };
        files.keep(host, &record)?;
        let added = namespace::run_in(&[host.place()], || {
            build(host, &files, &network, pod, mounts).inspect_err(|_| demolish(&files, &network))
        });
        match added {
            Ok(addresses) => {
                files.write_hosts(host, pod, &addresses)?;
                record.addresses = Some(addresses.clone());
                files.keep(host, &record)?;
                let places = vec![host.place(), files.place.clone()];
                Ok(Self { places, cgroup, addresses, network: Some(network) })
            }
            Err(error) => {
                files.remove(host);
                Err(error)
            }
        }
    }

    /// The sandbox of a pod on the host network.
    fn on_host(host: &Host, cgroup: Cgroup) -> Self {
        let addresses = host.plan.ips().collect();
        Self { places: vec![host.place()], cgroup, addresses, network: None }
    }

    /// Returns the control group of a container.
    pub(super) fn group_of(&self, container: &str) -> Cgroup {
        self.cgroup.child(container)
    }

    /// Takes the pod with a uid off the network and removes its namespaces, after its processes.
    pub(super) fn destroy(&self, host: &Arc<Host>, uid: &str) -> Result<(), SandboxError> {
        self.cgroup.kill()?;
        if let Some(network) = &self.network {
            let files = PodFiles::new(uid);
            namespace::run_in(&[host.place()], || {
                host.runtime
                    .del(network)
                    .map_err(|source| SandboxError::Destroy { id: network.id.clone(), source })?;
                demolish(&files, network);
                Ok::<_, SandboxError>(())
            })?;
            files.remove(host);
        }
        Ok(self.cgroup.remove()?)
    }
}

/// Runs in the node's namespaces.
fn build(
    host: &Host,
    files: &PodFiles,
    network: &Attachment,
    pod: &Pod,
    mounts: &[Mount],
) -> Result<Vec<IpAddr>, SandboxError> {
    let kinds = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    namespace::create(&files.place, kinds, || furnish(files, pod, mounts))?;
    // Where containerd has them, so that plugins find what they know.
    fs::write(&network.netns, "").map_err(|source| failed("write", &network.netns, source))?;
    mounts::bind(&files.place.join("net"), &network.netns)?;
    host.runtime
        .add(network)
        .map_err(|source| SandboxError::Setup { id: network.id.clone(), source })
}

/// Runs in the pod's new namespaces.
fn furnish(files: &PodFiles, pod: &Pod, mounts: &[Mount]) -> Result<(), SandboxError> {
    fabric::prepare()?;
    sethostname(hostname(pod)).map_err(SandboxError::Hostname)?;
    attach(&files.place, mounts)?;
    for name in ["hosts", "hostname", "resolv.conf"] {
        node::cover(&files.place.join("etc").join(name), &Path::new("/etc").join(name))?;
    }
    // With the volumes that are mounted below it.
    Ok(mounts::bind_tree(&files.place.join("run"), Path::new("/run"))?)
}

/// Lets go of the namespaces, in the node's; what was not made is not there.
fn demolish(files: &PodFiles, network: &Attachment) {
    mounts::detach(&network.netns).ok();
    fs::remove_file(&network.netns).ok();
    mounts::detach_below(&files.place);
}

fn attachment(pod: &Pod) -> Attachment {
    let mut rng = rand::rng();
    let mut id = String::with_capacity(64);
    for _ in 0..32 {
        write!(id, "{:02x}", rng.random::<u8>()).expect("text grows");
    }
    Attachment {
        id,
        netns: Path::new(inside::NETNS).join(format!("cni-{}", uuid::Uuid::new_v4())),
        namespace: pod.namespace().unwrap_or_default(),
        pod: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        runtime_config: runtime_config(pod),
    }
}

/// What containerd offers to plugins whose capabilities ask for it.
fn runtime_config(pod: &Pod) -> Map<String, Value> {
    let spec = pod.spec.clone().unwrap_or_default();
    let ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
    let mappings: Vec<Value> = ports
        .filter_map(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
            Some(json!({
                "HostPort": port.host_port?,
                "ContainerPort": port.container_port,
                "Protocol": protocol,
                "HostIP": port.host_ip.as_deref().unwrap_or(""),
            }))
        })
        .collect();
    let mut config = Map::new();
    if !mappings.is_empty() {
        config.insert("portMappings".into(), mappings.into());
    }
    config.insert("io.kubernetes.cri.pod-annotations".into(), json!(pod.annotations()));
    config
}
