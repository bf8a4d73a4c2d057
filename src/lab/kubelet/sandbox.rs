//! A pod's sandbox: its namespaces, files, addresses and control group.

use std::{
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
    resolver,
    volume::{Mount, VolumeMountError, attach},
};
use crate::lab::{
    dns,
    fabric::{self, FabricError},
    host::{
        cgroup::{Cgroup, CgroupError},
        mounts::{self, MountError},
        namespace::{self, NamespaceError},
    },
    node,
    state::{StateError, create_dir, failed, inside},
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
        let cgroup = host.pod_cgroup(pod);
        cgroup.create()?;
        if is_on_host(pod) {
            let addresses = host.plan.ips().collect();
            return Ok(Self { places: vec![host.place()], cgroup, addresses, network: None });
        }
        let files = PodFiles::new(pod);
        files.write(host, pod)?;
        let network = attachment(pod);
        let added = namespace::run_in(&[host.place()], || {
            build(host, &files, &network, pod, mounts).inspect_err(|_| demolish(&files, &network))
        });
        match added {
            Ok(addresses) => {
                files.write_hosts(host, pod, &addresses)?;
                let places = vec![host.place(), files.place.clone()];
                Ok(Self { places, cgroup, addresses, network: Some(network) })
            }
            Err(error) => {
                files.remove(host);
                Err(error)
            }
        }
    }

    /// Takes the pod off the network and removes its namespaces; processes must have ended.
    pub(super) fn destroy(&self, host: &Arc<Host>, pod: &Pod) -> Result<(), SandboxError> {
        self.cgroup.kill()?;
        if let Some(network) = &self.network {
            let files = PodFiles::new(pod);
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

fn hostname(pod: &Pod) -> String {
    let given = pod.spec.as_ref().and_then(|spec| spec.hostname.clone());
    given.unwrap_or_else(|| pod.name_any())
}

/// Returns the names of a pod in its own hosts file: with a subdomain, the whole one first.
fn names(pod: &Pod) -> String {
    let (own, subdomain) =
        (hostname(pod), pod.spec.as_ref().and_then(|spec| spec.subdomain.as_deref()));
    match subdomain {
        Some(subdomain) => {
            let namespace = pod.namespace().unwrap_or_default();
            format!("{own}.{subdomain}.{namespace}.svc.{}\t{own}", dns::DOMAIN)
        }
        None => own,
    }
}

/// The files of a pod, by the paths the node sees.
struct PodFiles {
    place: PathBuf,
}

impl PodFiles {
    fn new(pod: &Pod) -> Self {
        Self { place: Path::new(inside::PODS).join(pod.uid().unwrap_or_default()) }
    }

    fn outside(&self, host: &Host, name: &str) -> PathBuf {
        let place = self.place.to_str().expect("made of text");
        host.node.outside(place).join(name)
    }

    /// Writes everything known before the pod has addresses.
    fn write(&self, host: &Host, pod: &Pod) -> Result<(), StateError> {
        let resolver = resolver::text(host, pod);
        let files = [
            ("etc/hostname".to_owned(), format!("{}\n", hostname(pod))),
            ("etc/hosts".to_owned(), node::hosts(&hostname(pod), std::iter::empty())),
        ];
        for (name, content) in files {
            let path = self.outside(host, &name);
            create_dir(path.parent().expect("below the pod's directory"))?;
            fs::write(&path, content).map_err(|source| failed("write", &path, source))?;
        }
        resolver::write(host, pod, &resolver)?;
        let bin = self.outside(host, "run/lab/bin");
        create_dir(&bin)?;
        let copy = self.outside(host, inside::WORLD_AUTHORITY.trim_start_matches('/'));
        fs::copy(host.node.outside(inside::WORLD_AUTHORITY), &copy)
            .map_err(|source| failed("write", &copy, source))?;
        node::link_own_file(&bin.join("skep"))
    }

    /// Writes in place: the file is mounted over the pod's `/etc/hosts`.
    fn write_hosts(&self, host: &Host, pod: &Pod, addresses: &[IpAddr]) -> Result<(), StateError> {
        let mut text = node::hosts(&names(pod), addresses.iter().copied());
        let aliases = pod.spec.as_ref().and_then(|spec| spec.host_aliases.as_deref());
        for alias in aliases.unwrap_or_default() {
            let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
            writeln!(text, "{}\t{names}", alias.ip).expect("text grows");
        }
        let path = self.outside(host, "etc/hosts");
        fs::write(&path, text).map_err(|source| failed("write", &path, source))
    }

    fn remove(&self, host: &Host) {
        // Leftovers are removed with the node.
        fs::remove_dir_all(self.outside(host, "")).ok();
    }
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
