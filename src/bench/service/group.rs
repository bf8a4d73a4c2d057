//! A control group for the process whose connections are measured.

use std::path::Path;

use crate::lab::{Cgroup, CgroupError};

/// A control group that goes away with this value, and with it whoever is in it.
#[derive(Debug)]
pub(super) struct Group(Cgroup);

impl Group {
    /// Makes an empty group.
    ///
    /// # Errors
    /// When there is no cgroup2 hierarchy, or it refuses.
    pub(super) fn new() -> Result<Self, CgroupError> {
        let group = Cgroup::at_root(format!("skep-bench-{}", std::process::id()))?;
        group.create()?;
        Ok(Self(group))
    }

    /// Returns its directory.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What the measuring process has started may outlive it for a moment.
        if let Err(error) = self.0.remove() {
            tracing::warn!(%error, "cannot remove a control group");
        }
    }
}
