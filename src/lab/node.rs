//! A node: namespaces held by files, a `/run` and a bpffs of its own, a control group subtree.

use std::{
    fs, io,
    net::IpAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use nix::{sched::CloneFlags, unistd::sethostname};

use super::{
    fabric::{self, FabricError},
    host::{
        cgroup::{self, Cgroup, CgroupError},
        mounts::{self, MountError},
        namespace::{self, NamespaceError},
    },
    plan::{self, NodePlan},
    state::{LabDir, NodeDir, StateError, create_dir, failed, inside},
};
use crate::config::IpFamilies;

/// Where the bpffs is.
const BPFFS: &str = "/sys/fs/bpf";
/// Name of the plugin's file.
const PLUGIN: &str = "skep-cni";

/// A node could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A namespace could not be made or entered.
    #[error("cannot prepare the node's namespaces")]
    Namespace(#[from] NamespaceError),
    /// A mount failed.
    #[error("cannot prepare the node's files")]
    Mount(#[from] MountError),
    /// A file or directory could not be made.
    #[error("cannot prepare the node's directory")]
    State(#[from] StateError),
    /// The node's group could not be made.
    #[error("cannot prepare the node's control group")]
    Cgroup(#[from] CgroupError),
    /// The node could not be linked to the fabric.
    #[error("cannot link the node to the fabric")]
    Fabric(#[from] FabricError),
    /// The node could not be named.
    #[error("cannot set the node's host name")]
    Hostname(#[source] nix::Error),
}

/// Creates a node; the fabric must exist.
pub(crate) fn create(dir: &LabDir, plan: &NodePlan, families: IpFamilies) -> Result<(), NodeError> {
    let node = dir.node(&plan.name);
    lay_out(&node, plan)?;
    let group = Cgroup::of_lab(dir.name().as_str())?.child(&plan.name);
    group.create()?;
    let kinds = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS;
    namespace::create(node.path(), kinds, || furnish(&node, plan, &group))?;
    Ok(fabric::join(dir, plan, &node.path().join("net"), families)?)
}

/// Makes the directories and files that the node will see.
fn lay_out(node: &NodeDir, plan: &NodePlan) -> Result<(), StateError> {
    let dirs = [
        inside::STATE,
        inside::CNI_CONF,
        inside::CNI_BIN,
        inside::CNI_RESULTS,
        inside::NETNS,
        inside::PODS,
        inside::BIN,
        "/run/skep",
        "/run/lock",
    ];
    for path in dirs {
        create_dir(&node.outside(path))?;
    }
    // As on any machine: names outside the cluster. Pods ask the cluster's servers, which ask these.
    let own = |server: &IpAddr| plan.ips().any(|own| own.is_ipv4() == server.is_ipv4());
    let servers = plan::world_resolvers().filter(own);
    let resolver: String = servers.map(|server| format!("nameserver {server}\n")).collect();
    let files = [
        ("hosts", hosts(&plan.name, plan.ips())),
        ("hostname", format!("{}\n", plan.name)),
        ("resolv.conf", resolver),
    ];
    for (name, content) in files {
        let path = node.outside(inside::LAB).join(name);
        fs::write(&path, content).map_err(|source| failed("write", &path, source))?;
    }
    link_own_file(&node.outside(inside::CNI_BIN).join(PLUGIN))?;
    link_own_file(&node.outside(inside::BIN).join("skep"))
}

/// Makes this very file known under another path.
pub(crate) fn link_own_file(path: &Path) -> Result<(), StateError> {
    let own_file = std::env::current_exe().map_err(|source| failed("find", path, source))?;
    symlink(own_file, path).map_err(|source| failed("link", path, source))
}

/// Writes a hosts file for one name.
pub(crate) fn hosts(name: &str, addresses: impl Iterator<Item = IpAddr>) -> String {
    let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n");
    for address in addresses {
        text.push_str(&format!("{address}\t{name}\n"));
    }
    text
}

/// Runs in the node's new namespaces.
fn furnish(node: &NodeDir, plan: &NodePlan, group: &Cgroup) -> Result<(), NodeError> {
    fabric::prepare()?;
    sethostname(&plan.name).map_err(NodeError::Hostname)?;
    let hierarchy = cgroup::hierarchy()?;
    mounts::mount_new("bpf", Path::new(BPFFS))?;
    mounts::bind(group.path(), &hierarchy)?;
    let resolver = follow_into_run("/etc/resolv.conf");
    mounts::bind(&node.run(), Path::new("/run"))?;
    // From here on /run is the node's, and the machine's paths below it are hidden.
    if let Some(path) = &resolver {
        place_in_run(Path::new(path), &files_inside("resolv.conf"))?;
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        cover(&files_inside(name), &Path::new("/etc").join(name))?;
    }
    Ok(())
}

fn files_inside(name: &str) -> PathBuf {
    Path::new(inside::LAB).join(name)
}

/// Puts a file over another one; where the machine has no such file, nothing needs covering.
pub(crate) fn cover(file: &Path, target: &Path) -> Result<(), MountError> {
    match fs::canonicalize(target) {
        Ok(real) => mounts::bind(file, &real),
        Err(_) => Ok(()),
    }
}

/// Returns where a symbolic link leads if that is below `/run`, as on hosts with systemd-resolved.
pub(crate) fn follow_into_run(link: &str) -> Option<String> {
    let real = fs::canonicalize(link).ok()?;
    real.starts_with("/run").then(|| real.to_str().map(str::to_owned)).flatten()
}

fn place_in_run(path: &Path, file: &Path) -> Result<(), StateError> {
    if let Some(parent) = path.parent() {
        create_dir(parent)?;
    }
    match fs::copy(file, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed("write", path, error))
        }
        _ => Ok(()),
    }
}
