//! Volumes: files of the cluster's objects, and places to write.
//!
//! All containers of a pod share one view of files here, the machine's with the pod's volumes in
//! it. Storage of any kind that outlives pods is a directory of the node.

mod content;
mod files;
mod mount;
mod tokens;

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Volume, VolumeMount};
use kube::ResourceExt;

use super::{environment::expand, host::Host};
use crate::lab::state::{StateError, create_dir, failed, inside};
pub(super) use content::ContentError;
pub(super) use mount::{Mount, VolumeMountError, attach};

/// A volume cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume {volume:?} : {source}")]
pub(super) struct VolumeError {
    volume: String,
    #[source]
    source: ContentError,
}

/// A token of a volume, and when another one is due.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    due: Timestamp,
}

/// The volumes of a pod.
pub(super) struct Volumes {
    host: Arc<Host>,
    pod: Arc<Pod>,
    /// By volume and position among its sources.
    tokens: HashMap<(String, usize), Token>,
    /// The files that were last written, by volume.
    written: HashMap<String, content::Content>,
}

impl Volumes {
    pub(super) fn new(host: Arc<Host>, pod: Arc<Pod>) -> Self {
        Self { host, pod, tokens: HashMap::new(), written: HashMap::new() }
    }

    /// Makes the volumes, or brings their files up to date.
    pub(super) async fn prepare(&mut self, pod: &Arc<Pod>) -> Result<(), VolumeError> {
        self.pod = Arc::clone(pod);
        let volumes = self.pod.spec.as_ref().and_then(|spec| spec.volumes.clone());
        for volume in volumes.unwrap_or_default() {
            let failed = |source| VolumeError { volume: volume.name.clone(), source };
            match self.content(&volume).await.map_err(failed)? {
                Some(content) if self.written.get(&volume.name) != Some(&content) => {
                    files::write(&self.outside(&volume.name), &content)
                        .map_err(|error| failed(error.into()))?;
                    self.written.insert(volume.name.clone(), content);
                }
                Some(_) => {}
                None => {
                    let path = self.place_of(&volume);
                    self.make_place(&path).map_err(|error| failed(error.into()))?;
                }
            }
        }
        Ok(())
    }

    /// Forgets what was written: the pod's directory has gone with a sandbox that failed.
    pub(super) fn forget(&mut self) {
        self.written.clear();
    }

    /// Tells whether files may change while the pod lives.
    pub(super) fn may_change(&self) -> bool {
        !self.written.is_empty()
    }

    /// Returns where the pod's containers want their volumes, outer ones first. Where two want
    /// different ones at the same place, the first one has it.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let Some(spec) = &self.pod.spec else { return vec![] };
        let volumes = spec.volumes.as_deref().unwrap_or_default();
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let mut mounts: Vec<Mount> = Vec::new();
        for (container, wanted) in containers
            .flat_map(|one| one.volume_mounts.iter().flatten().map(move |mount| (one, mount)))
        {
            let target = PathBuf::from(&wanted.mount_path);
            let Some(volume) = volumes.iter().find(|volume| volume.name == wanted.name) else {
                continue;
            };
            let variables: Vec<(String, String)> = container
                .env
                .iter()
                .flatten()
                .filter_map(|one| Some((one.name.clone(), one.value.clone()?)))
                .chain([("POD_NAME".to_owned(), self.pod.name_any())])
                .collect();
            if mounts.iter().all(|mount| mount.target != target) {
                mounts.push(Mount {
                    source: self.source(volume, wanted, &variables),
                    target,
                    read_only: wanted.read_only == Some(true) || self.is_read_only(volume),
                });
            }
        }
        mounts.sort_by_key(|mount| mount.target.components().count());
        mounts
    }

    fn is_read_only(&self, volume: &Volume) -> bool {
        self.written.contains_key(&volume.name)
    }

    fn source(&self, volume: &Volume, mount: &VolumeMount, env: &[(String, String)]) -> PathBuf {
        let base = self.place_of(volume);
        let below = match (&mount.sub_path_expr, &mount.sub_path) {
            (Some(text), _) => expand(text, env),
            (None, Some(text)) => text.clone(),
            (None, None) => return base,
        };
        let source = base.join(below.trim_start_matches('/'));
        // A part that is not there is made, as kubelet does; in a volume of files there is none.
        if source.starts_with(inside::LAB) && !self.is_read_only(volume) {
            self.make_place(&source).ok();
        }
        source
    }

    /// Returns where a volume is, as the node sees it.
    fn place_of(&self, volume: &Volume) -> PathBuf {
        let namespace = self.pod.namespace().unwrap_or_default();
        let host_path = volume.host_path.as_ref().map(|host| PathBuf::from(&host.path));
        if let Some(path) = host_path.filter(|path| path.exists()) {
            return path;
        }
        let claim = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.clone());
        let ephemeral =
            volume.ephemeral.as_ref().map(|_| format!("{}-{}", self.pod.name_any(), volume.name));
        match claim.or(ephemeral) {
            Some(claim) => Path::new(inside::VOLUMES).join(format!("{namespace}_{claim}")),
            None => self.inside(&volume.name),
        }
    }

    fn make_place(&self, path: &Path) -> Result<(), StateError> {
        let Some(text) = path.to_str().filter(|text| text.starts_with("/run/lab/")) else {
            return Ok(());
        };
        let outside = self.host.node.outside(text);
        create_dir(&outside)?;
        // Whatever user a container runs as may write.
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&outside, open).map_err(|error| failed("open", &outside, error))
    }

    fn inside(&self, volume: &str) -> PathBuf {
        let pod = self.pod.uid().unwrap_or_default();
        Path::new(inside::PODS).join(pod).join("volumes").join(volume)
    }

    fn outside(&self, volume: &str) -> PathBuf {
        self.host.node.outside(self.inside(volume).to_str().expect("made of text"))
    }
}

impl From<StateError> for ContentError {
    fn from(error: StateError) -> Self {
        Self::Files(io::Error::other(error))
    }
}
