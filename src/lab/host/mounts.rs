//! Mounts: reading the table, binding, detaching.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::{chdir, chroot},
};

/// A mount could not be read, made or removed.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The table of mounts cannot be read.
    #[error("cannot read the table of mounts")]
    Table(#[source] io::Error),
    /// Mounting failed.
    #[error("cannot mount {what} on {on}", on = target.display())]
    Mount {
        /// Type or source.
        what: String,
        /// Where.
        target: PathBuf,
        /// The reason.
        #[source]
        source: nix::Error,
    },
    /// Unmounting failed.
    #[error("cannot unmount {}", target.display())]
    Unmount {
        /// Where.
        target: PathBuf,
        /// The reason.
        #[source]
        source: nix::Error,
    },
}

impl MountError {
    /// Tells whether the kernel called a mount invalid.
    pub(crate) fn is_invalid(&self) -> bool {
        matches!(self, Self::Mount { source: nix::Error::EINVAL, .. })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is.
    pub(crate) target: PathBuf,
    /// Type of the file system.
    pub(crate) kind: String,
}

/// Reads the calling thread's table of mounts, in the order in which they were made.
pub(crate) fn table() -> Result<Vec<Mount>, MountError> {
    let text = fs::read_to_string("/proc/thread-self/mountinfo").map_err(MountError::Table)?;
    Ok(text.lines().filter_map(parse).collect())
}

/// A line is `id parent major:minor root target options [tags] - type source options`.
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let target = left.split(' ').nth(4)?;
    let kind = right.split(' ').next()?.to_owned();
    Some(Mount { target: unescape(target), kind })
}

/// The kernel writes blanks and backslashes as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => out.push(char::from(code)),
            None => out.push('\\'),
        }
        rest = rest.get(at + if code.is_some() { 4 } else { 1 }..).unwrap_or("");
    }
    out.push_str(rest);
    out.into()
}

/// Mounts a new file system of a type.
pub(crate) fn mount_new(kind: &str, target: &Path) -> Result<(), MountError> {
    mount(Some(kind), target, Some(kind), MsFlags::empty(), None::<&str>)
        .map_err(|source| MountError::Mount { what: kind.into(), target: target.into(), source })
}

/// Makes `source` appear at `target`, which must exist.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<(), MountError> {
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|error| {
        MountError::Mount {
            what: source.display().to_string(),
            target: target.into(),
            source: error,
        }
    })
}

/// Makes `source` and everything mounted below it appear at `target`, which must exist.
pub(crate) fn bind_tree(source: &Path, target: &Path) -> Result<(), MountError> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(source), target, None::<&str>, flags, None::<&str>).map_err(|error| {
        MountError::Mount {
            what: source.display().to_string(),
            target: target.into(),
            source: error,
        }
    })
}

/// Makes a mount read-only.
pub(crate) fn protect(target: &Path) -> Result<(), MountError> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>).map_err(|source| {
        MountError::Mount { what: "read-only".into(), target: target.into(), source }
    })
}

/// Makes the mount at `target` the calling thread's root directory, and that of everyone who
/// enters its mount namespace.
pub(crate) fn become_root(target: &Path) -> Result<(), MountError> {
    let failed =
        |source| MountError::Mount { what: "a new root".into(), target: target.into(), source };
    chdir(target).map_err(failed)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>).map_err(failed)?;
    chroot(".").map_err(failed)?;
    chdir("/").map_err(failed)
}

/// Makes a directory a mount of its own that neither receives nor passes on others' mounts.
pub(crate) fn isolate(dir: &Path) -> Result<(), MountError> {
    bind(dir, dir)?;
    private(dir, MsFlags::MS_PRIVATE)
}

/// Cuts every tie between the calling thread's new mount namespace and the one it was copied from.
///
/// The copies of namespace files are let go too: each would keep someone's namespace alive for as
/// long as this one lives.
pub(crate) fn separate() -> Result<(), MountError> {
    private(Path::new("/"), MsFlags::MS_PRIVATE | MsFlags::MS_REC)?;
    for mount in table()?.iter().rev().filter(|mount| mount.kind == "nsfs") {
        detach(&mount.target)?;
    }
    Ok(())
}

fn private(dir: &Path, flags: MsFlags) -> Result<(), MountError> {
    mount(None::<&str>, dir, None::<&str>, flags, None::<&str>).map_err(|source| {
        MountError::Mount { what: "private propagation".into(), target: dir.into(), source }
    })
}

/// Removes the mount at `target`; none there is fine.
pub(crate) fn detach(target: &Path) -> Result<(), MountError> {
    match umount2(target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) | Err(nix::Error::EINVAL | nix::Error::ENOENT) => Ok(()),
        Err(source) => Err(MountError::Unmount { target: target.into(), source }),
    }
}

/// Removes every mount at or below a directory, newest first, and goes on after errors.
pub(crate) fn detach_below(dir: &Path) -> Vec<MountError> {
    let mounts = match table() {
        Ok(mounts) => mounts,
        Err(error) => return vec![error],
    };
    let below = mounts.iter().rev().filter(|mount| mount.target.starts_with(dir));
    below.filter_map(|mount| detach(&mount.target).err()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_with_its_escapes() {
        let line = "41 31 0:38 / /sys/fs/my\\040cgroup\\134 rw,relatime shared:9 - cgroup2 none rw";
        let mount = parse(line).unwrap();
        assert_eq!(mount.target, Path::new("/sys/fs/my cgroup\\"));
        assert_eq!(mount.kind, "cgroup2");
        assert_eq!(parse("nonsense"), None);
    }
}
