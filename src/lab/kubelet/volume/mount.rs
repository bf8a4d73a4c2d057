//! Putting volumes where containers want them, in the pod's own mount namespace.
//!
//! The machine's files are not touched: where a directory is missing, the pod gets a directory of
//! its own in place of the nearest one that exists, with everything of that one in it.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::{Path, PathBuf},
};

use crate::lab::host::mounts::{self, MountError};

/// A volume and where it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lab::kubelet) struct Mount {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
    pub(super) read_only: bool,
}

/// A volume cannot be mounted.
#[derive(Debug, thiserror::Error)]
pub(in crate::lab::kubelet) enum VolumeMountError {
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error("cannot make {}", path.display())]
    Make {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a path for a volume", path.display())]
    Target { path: PathBuf },
}

fn making(path: &Path) -> impl FnOnce(io::Error) -> VolumeMountError {
    let path = path.to_owned();
    move |source| VolumeMountError::Make { path, source }
}

/// Mounts the volumes, outer ones first. Runs in the pod's new mount namespace, before the pod's
/// own `/run` is put over the node's; `place` is the pod's directory in the node's.
pub(in crate::lab::kubelet) fn attach(
    place: &Path,
    mounts: &[Mount],
) -> Result<(), VolumeMountError> {
    let mut files = Files { place: place.to_owned(), own: HashSet::new(), trees: vec![] };
    files.trees.push(place.join("run"));
    let first = |target: &Path| target.components().take(2).collect::<PathBuf>();
    if mounts.iter().any(|mount| fs::symlink_metadata(first(&mount.target)).is_err()) {
        files.copy_root()?;
    }
    for mount in mounts {
        let target = files.make(&mount.target, &mount.source)?;
        mounts::bind_tree(&mount.source, &target)?;
        if mount.read_only {
            mounts::protect(&target)?;
        }
        files.trees.push(target);
    }
    Ok(())
}

/// Which files are the pod's.
struct Files {
    place: PathBuf,
    /// Directories that are the pod's, but for what they hold.
    own: HashSet<PathBuf>,
    /// Directories that are the pod's with everything below.
    trees: Vec<PathBuf>,
}

impl Files {
    /// Makes the place at which a volume is mounted; returns it with its links resolved.
    fn make(&mut self, wanted: &Path, source: &Path) -> Result<PathBuf, VolumeMountError> {
        let invalid = || VolumeMountError::Target { path: wanted.to_owned() };
        let mut parts: Vec<_> = wanted.components().collect();
        if !wanted.is_absolute()
            || parts.len() < 2
            || wanted.components().any(|c| c.as_os_str() == "..")
        {
            return Err(invalid());
        }
        let mut missing = Vec::new();
        let base = loop {
            let path: PathBuf = parts.iter().collect();
            match fs::canonicalize(self.placed(&path)) {
                Ok(found) => break self.placed(&found),
                Err(_) => missing.push(parts.pop().ok_or_else(invalid)?),
            }
        };
        let target = missing.iter().rev().fold(base.clone(), |path, part| path.join(part));
        if target.exists() {
            return Ok(target);
        }
        if !self.is_own(&base) {
            self.copy(&base, &base)?;
            self.own.insert(base);
        }
        let parent = target.parent().ok_or_else(invalid)?;
        fs::create_dir_all(parent).map_err(making(parent))?;
        if source.is_dir() {
            fs::create_dir(&target).map_err(making(&target))?;
        } else {
            File::create(&target).map_err(making(&target))?;
        }
        // Directories in between are as new as the last one.
        self.own.extend(target.ancestors().take(missing.len()).map(Path::to_owned));
        Ok(target)
    }

    /// Returns where a path is while the pod's `/run` is not in its place yet.
    fn placed(&self, path: &Path) -> PathBuf {
        if path.starts_with(&self.place) {
            return path.to_owned();
        }
        match path.strip_prefix("/run") {
            Ok(below) => self.place.join("run").join(below),
            Err(_) => path.to_owned(),
        }
    }

    fn is_own(&self, dir: &Path) -> bool {
        self.own.contains(dir) || self.trees.iter().any(|tree| dir.starts_with(tree))
    }

    /// Gives the pod a root directory of its own.
    fn copy_root(&mut self) -> Result<(), VolumeMountError> {
        let root = self.place.join("root");
        fs::create_dir_all(&root).map_err(making(&root))?;
        self.copy(Path::new("/"), &root)?;
        mounts::become_root(&root)?;
        self.own.insert("/".into());
        Ok(())
    }

    /// Mounts an empty file system on `target` and fills it with everything that `dir` holds.
    fn copy(&self, dir: &Path, target: &Path) -> Result<(), VolumeMountError> {
        let old = File::open(dir).map_err(making(dir))?;
        let mode = old.metadata().map_err(making(dir))?.permissions();
        let entries = fs::read_dir(dir).map_err(making(dir))?;
        let entries: Vec<_> = entries.flatten().collect();
        mounts::mount_new("tmpfs", target)?;
        fs::set_permissions(target, mode).map_err(making(target))?;
        // What was there is hidden now, but for whoever has it open.
        let hidden = PathBuf::from(format!("/proc/self/fd/{}", old.as_raw_fd()));
        for entry in entries {
            let (from, to) = (hidden.join(entry.file_name()), target.join(entry.file_name()));
            let kind = entry.file_type().map_err(making(&to))?;
            if kind.is_symlink() {
                let link = fs::read_link(&from).map_err(making(&to))?;
                symlink(link, &to).map_err(making(&to))?;
                continue;
            }
            if kind.is_dir() {
                fs::create_dir(&to).map_err(making(&to))?;
            } else {
                File::create(&to).map_err(making(&to))?;
            }
            mounts::bind_tree(&from, &to)?;
        }
        Ok(())
    }
}
