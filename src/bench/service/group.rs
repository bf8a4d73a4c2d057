//! A control group for the process whose connections are measured.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::kernel::cgroup_root;

/// A control group that goes away with this value; its process must have ended.
#[derive(Debug)]
pub(super) struct Group(PathBuf);

impl Group {
    /// Makes an empty group.
    ///
    /// # Errors
    /// When there is no cgroup2 hierarchy, or it refuses.
    pub(super) fn new() -> io::Result<Self> {
        let root = cgroup_root().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no cgroup2 hierarchy is mounted")
        })?;
        let path = root.join(format!("skep-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Returns its directory.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The measuring process makes groups below.
        for below in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            fs::remove_dir(below.path()).ok();
        }
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!(%error, "cannot remove a control group");
        }
    }
}
