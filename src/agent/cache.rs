//! The last known state of the cluster, on disk: an agent that is restarted while the API server
//! is away goes on with it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tracing::warn;

use super::{cluster::NodeIds, policy::PolicyObject};
use crate::{
    cni::record::write_atomically,
    kubernetes::{
        ApiServerSlice, IdentityObject, NamespaceObject, NodeObject, PodObject, SliceObject,
    },
};

/// What the watches have told.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Snapshot {
    pub(super) nodes: Vec<NodeObject>,
    pub(super) identities: Vec<IdentityObject>,
    pub(super) slices: Vec<SliceObject>,
    /// Addresses of the API server.
    pub(super) apiserver: Vec<ApiServerSlice>,
    pub(super) pods: Vec<PodObject>,
    pub(super) namespaces: Vec<NamespaceObject>,
    /// Objects that policies are made of, by the plural of their kind; absent if they were not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policies: Option<BTreeMap<String, Vec<PolicyObject>>>,
    pub(super) node_ids: NodeIds,
}

/// The file of the snapshot.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
}

impl Cache {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join("cluster.json") }
    }

    /// Returns the last snapshot; one that cannot be read is as good as none.
    pub(super) fn load(&self) -> Snapshot {
        read_or_default(&self.path, "the cached state of the cluster")
    }

    /// Writes a snapshot, as JSON; tells whether that went well.
    pub(super) fn save(&self, snapshot: &[u8]) -> bool {
        let written = write_atomically(&self.path, snapshot);
        if let Err(error) = &written {
            warn!(%error, "the state of the cluster is not cached");
        }
        written.is_ok()
    }
}

/// Reads a JSON file of the agent's own; one that is missing or damaged is as good as none, and `what`
/// says in the log what it should have been.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(path: &Path, what: &str) -> T {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            warn!(%error, "{what} cannot be read and is not used");
            T::default()
        }),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                warn!(%error, "{what} cannot be read");
            }
            T::default()
        }
    }
}
