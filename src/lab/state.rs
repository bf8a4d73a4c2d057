//! What a lab keeps on disk: everything `down` needs, below one directory.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::statvfs::statvfs,
};
use serde::{Deserialize, Serialize};

use super::{
    plan::NodePlan,
    spec::{LabName, LabSpec},
};

/// Directory of all labs.
const ROOT: &str = "/run/skep/lab";

/// What is on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or directory operation failed.
    #[error("cannot {act} {}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The description of a lab is damaged.
    #[error("{} does not describe a lab", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such lab.
    #[error("there is no lab {name:?}")]
    NoLab {
        /// Its name.
        name: String,
    },
    /// There is no such node.
    #[error("lab {lab:?} has no node {node:?}")]
    NoNode {
        /// The lab.
        lab: String,
        /// The node.
        node: String,
    },
}

/// The description of a lab, `lab.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabRecord {
    /// What was asked for.
    #[serde(flatten)]
    pub spec: LabSpec,
    /// When `up` began.
    pub created: jiff::Timestamp,
    /// The version of skep that made it.
    pub version: String,
}

/// The directory of one lab.
#[derive(Clone, Debug)]
pub struct LabDir {
    name: LabName,
    path: PathBuf,
}

impl LabDir {
    /// Returns the directory of a lab, which need not exist.
    pub fn new(name: LabName) -> Self {
        let path = Path::new(ROOT).join(name.as_str());
        Self { name, path }
    }

    /// Returns the directory of a lab that exists.
    pub fn existing(name: LabName) -> Result<Self, StateError> {
        let dir = Self::new(name);
        if dir.path.is_dir() {
            Ok(dir)
        } else {
            Err(StateError::NoLab { name: dir.name.to_string() })
        }
    }

    /// Returns the directories of all labs, whole or not, in order of their names.
    pub fn all() -> Result<Vec<Self>, StateError> {
        let entries = match fs::read_dir(ROOT) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(source) => return Err(failed("read", Path::new(ROOT), source)),
        };
        let dirs = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<LabName> =
            dirs.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        Ok(names.into_iter().map(Self::new).collect())
    }

    /// Returns the lab's name.
    pub fn name(&self) -> &LabName {
        &self.name
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the place of the fabric.
    pub(crate) fn fabric(&self) -> PathBuf {
        self.path.join("fabric")
    }

    /// Returns the place of the world.
    pub(crate) fn world(&self) -> PathBuf {
        self.path.join("world")
    }

    /// Returns the directory of what the API server needs to go on after it was killed.
    pub(crate) fn api(&self) -> PathBuf {
        self.path.join("api")
    }

    /// Returns the certificate, as PEM, of the authority that the world's web servers have theirs
    /// from.
    pub fn world_authority(&self) -> PathBuf {
        self.world().join("ca.crt")
    }

    /// Gives a node its copy of that certificate, which its pods get theirs from.
    pub(crate) fn give_world_authority(&self, node: &str) -> Result<(), StateError> {
        let from = self.world_authority();
        let text = fs::read(&from).map_err(|source| failed("read", &from, source))?;
        write_public(&self.node(node).outside(inside::WORLD_AUTHORITY), &text)
    }

    /// Returns the administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// Returns the directory of log files.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Returns a node's directory and place.
    pub(crate) fn node(&self, name: &str) -> NodeDir {
        NodeDir { path: self.path.join(name) }
    }

    /// Returns a node that exists.
    pub fn existing_node(&self, name: &str) -> Result<NodeDir, StateError> {
        let record = self.record()?;
        let known = |plan: NodePlan| plan.name == name;
        if (1..=record.spec.nodes).any(|n| known(NodePlan::new(n, &record.spec))) {
            return Ok(self.node(name));
        }
        Err(StateError::NoNode { lab: self.name.to_string(), node: name.to_owned() })
    }

    /// Reads the lab's description.
    pub fn record(&self) -> Result<LabRecord, StateError> {
        let path = self.path.join("lab.json");
        let text = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StateError::NoLab { name: self.name.to_string() },
            _ => failed("read", &path, source),
        })?;
        serde_json::from_slice(&text).map_err(|source| StateError::Damaged { path, source })
    }

    /// Writes the lab's description.
    pub(crate) fn write_record(&self, record: &LabRecord) -> Result<(), StateError> {
        let text = serde_json::to_vec_pretty(record).expect("a tree of plain values serialises");
        write(&self.path.join("lab.json"), &text)
    }

    /// Waits until no other `up` or `down` works on this lab, and keeps them out.
    pub(crate) fn lock(&self) -> Result<LabLock, StateError> {
        create_dir(Path::new(ROOT))?;
        let path = Path::new(ROOT).join(format!("{}.lock", self.name));
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(&path)
                .map_err(|source| failed("open", &path, source))?;
            let lock = Flock::lock(file, FlockArg::LockExclusive)
                .map_err(|(_, errno)| failed("lock", &path, errno.into()))?;
            // Whoever had the lock may have removed the file while we waited on it.
            let same = |current: fs::Metadata| {
                lock.metadata().is_ok_and(|locked| locked.ino() == current.ino())
            };
            if fs::metadata(&path).is_ok_and(same) {
                return Ok(LabLock { _file: lock, path });
            }
        }
    }
}

/// Keeps others from working on a lab, as long as it lives.
#[derive(Debug)]
pub(crate) struct LabLock {
    _file: Flock<File>,
    path: PathBuf,
}

impl LabLock {
    /// Lets go and leaves nothing behind, the directories of all labs included if they are empty.
    pub(crate) fn remove(self) -> Result<(), StateError> {
        fs::remove_file(&self.path).map_err(|source| failed("remove", &self.path, source))?;
        let root = Path::new(ROOT);
        if fs::remove_dir(root).is_ok()
            && let Some(parent) = root.parent()
        {
            fs::remove_dir(parent).ok();
        }
        Ok(())
    }
}

/// A node's directory: its place, and what it sees as `/run`.
#[derive(Clone, Debug)]
pub struct NodeDir {
    path: PathBuf,
}

/// Paths as the node's own processes see them.
pub(crate) mod inside {
    /// The lab's own files.
    pub(crate) const LAB: &str = "/run/lab";
    /// Credentials for the API server.
    pub(crate) const KUBECONFIG: &str = "/run/lab/kubeconfig";
    /// The operator's.
    pub(crate) const OPERATOR_KUBECONFIG: &str = "/run/lab/operator-kubeconfig";
    /// Records of skep's endpoints.
    pub(crate) const STATE: &str = "/run/lab/state";
    /// CNI networks.
    pub(crate) const CNI_CONF: &str = "/run/lab/cni/net.d";
    /// CNI plugins.
    pub(crate) const CNI_BIN: &str = "/run/lab/cni/bin";
    /// Results of CNI calls.
    pub(crate) const CNI_RESULTS: &str = "/run/lab/cni/results";
    /// Network namespaces of pods.
    pub(crate) const NETNS: &str = "/run/netns";
    /// The certificate of the world's authority.
    pub(crate) const WORLD_AUTHORITY: &str = "/run/lab/world-ca.crt";
    /// Programs of the lab: skep itself.
    pub(crate) const BIN: &str = "/run/lab/bin";
    /// Volumes that outlive pods.
    pub(crate) const VOLUMES: &str = "/run/lab/volumes";
    /// Places and files of pods.
    pub(crate) const PODS: &str = "/run/lab/pods";
}

impl NodeDir {
    /// Returns the directory, which is the node's place too.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory that the node sees as `/run`.
    pub(crate) fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Returns where the machine sees a path below `/run` of the node.
    pub(crate) fn outside(&self, inside: &str) -> PathBuf {
        let below = inside.strip_prefix("/run/").expect("the node's own files are below /run");
        self.run().join(below)
    }
}

/// Writes a file that only root may read, by rename, so that no reader sees half of it.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    write_as(path, content, 0o600)
}

/// The same for what everyone may read.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> Result<(), StateError> {
    write_as(path, content, 0o644)
}

fn write_as(path: &Path, content: &[u8], mode: u32) -> Result<(), StateError> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(mode);
    options
        .open(&temporary)
        .and_then(|mut file| io::Write::write_all(&mut file, content))
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|source| failed("write", path, source))
}

/// Tells whether the disk below a directory has no room for another file.
pub(crate) fn is_full(dir: &Path) -> bool {
    statvfs(dir).is_ok_and(|room| room.blocks_available() == 0 || room.files_available() == 0)
}

/// Creates a directory and those above it.
pub(crate) fn create_dir(path: &Path) -> Result<(), StateError> {
    fs::create_dir_all(path).map_err(|source| failed("create", path, source))
}

pub(crate) fn failed(act: &'static str, path: &Path, source: io::Error) -> StateError {
    StateError::Io { act, path: path.into(), source }
}
