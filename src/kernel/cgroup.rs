//! Control groups.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

/// Returns the root of the cgroup2 hierarchy; on hosts that also have the old one it is beside that.
pub fn cgroup_root() -> Option<PathBuf> {
    let is_root =
        |path: &&str| statfs(*path).is_ok_and(|stat| stat.filesystem_type() == CGROUP2_SUPER_MAGIC);
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .iter()
        .find(|path| is_root(path))
        .map(PathBuf::from)
}

/// Returns the kernel's id of a control group: the inode number of its directory.
pub(super) fn cgroup_id(path: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(path)?.ino())
}
