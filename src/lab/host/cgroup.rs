//! Control groups: every process of a lab is in its subtree, which is how `down` finds them all.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::mounts::{self, MountError};

/// Directory of all labs in the hierarchy.
const ROOT: &str = "skep-lab";
/// How long processes may take to end, or to stand still.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(1);

/// A control group could not be found, made or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// Where cgroup2 is mounted is not known.
    #[error("cannot find the cgroup2 hierarchy")]
    Table(#[source] MountError),
    /// No cgroup2 hierarchy is mounted.
    #[error("no cgroup2 hierarchy is mounted")]
    NotMounted,
    /// An operation on a group failed.
    #[error("cannot {act} control group {}", path.display())]
    Operation {
        /// What was tried.
        act: &'static str,
        /// The group.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// Processes survived being killed.
    #[error("processes in control group {} do not end", path.display())]
    Alive {
        /// The group.
        path: PathBuf,
    },
}

/// Returns where cgroup2 is mounted; on hybrid hosts that is not `/sys/fs/cgroup` itself.
pub(crate) fn hierarchy() -> Result<PathBuf, CgroupError> {
    let mounts = mounts::table().map_err(CgroupError::Table)?;
    let mount = mounts.into_iter().find(|mount| mount.kind == "cgroup2");
    mount.map(|mount| mount.target).ok_or(CgroupError::NotMounted)
}

/// A control group, which need not exist.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Returns the group of a lab.
    pub(crate) fn of_lab(name: &str) -> Result<Self, CgroupError> {
        Ok(Self::at_root(ROOT)?.child(name))
    }

    /// Returns a group below no other.
    pub(crate) fn at_root(name: impl AsRef<Path>) -> Result<Self, CgroupError> {
        Ok(Self { path: hierarchy()?.join(name) })
    }

    /// Returns a group below this one.
    pub(crate) fn child(&self, name: impl AsRef<Path>) -> Self {
        Self { path: self.path.join(name) }
    }

    /// Returns the group's directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the group and those above it.
    pub(crate) fn create(&self) -> Result<(), CgroupError> {
        fs::create_dir_all(&self.path).map_err(|source| self.failed("create", source))
    }

    /// Ends every process in the group and below, and waits until they are gone.
    pub(crate) fn kill(&self) -> Result<(), CgroupError> {
        let deadline = Instant::now() + ENDED_WITHIN;
        while self.is_populated()? {
            match fs::write(self.path.join("cgroup.kill"), "1") {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed("kill", error));
                }
                _ => {}
            }
            if Instant::now() > deadline {
                return Err(CgroupError::Alive { path: self.path.clone() });
            }
            // The kernel tells by poll(2) on cgroup.events; processes end within a millisecond.
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Lets every process in the group and below stand still, and waits until they do.
    pub(crate) fn freeze(&self) -> Result<(), CgroupError> {
        self.set_frozen("1")
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> Result<(), CgroupError> {
        self.set_frozen("0")
    }

    fn set_frozen(&self, state: &str) -> Result<(), CgroupError> {
        fs::write(self.path.join("cgroup.freeze"), state)
            .map_err(|source| self.failed("freeze", source))?;
        let deadline = Instant::now() + ENDED_WITHIN;
        let wanted = format!("frozen {state}");
        loop {
            let events = fs::read_to_string(self.path.join("cgroup.events"))
                .map_err(|source| self.failed("read", source))?;
            if events.lines().any(|line| line == wanted) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed("freeze", io::ErrorKind::TimedOut.into()));
            }
            thread::sleep(LOOK);
        }
    }

    /// Returns the processes in the group itself; none when it is not there.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Returns the names of the groups right below; none when the group is not there.
    pub(crate) fn children(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let dirs = entries.filter(|entry| entry.path().is_dir());
        dirs.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Tells whether a process is in the group or below.
    pub(crate) fn is_populated(&self) -> Result<bool, CgroupError> {
        match fs::read_to_string(self.path.join("cgroup.events")) {
            Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    /// Removes the group and those below; not being there is fine.
    ///
    /// A process that was on its way in when the others were ended is ended as well.
    pub(crate) fn remove(&self) -> Result<(), CgroupError> {
        let deadline = Instant::now() + ENDED_WITHIN;
        loop {
            match self.remove_vacant() {
                Err(CgroupError::Operation { source, .. })
                    if source.kind() == io::ErrorKind::ResourceBusy
                        && Instant::now() < deadline => {}
                result => return result,
            }
            self.kill()?;
            thread::sleep(LOOK);
        }
    }

    fn remove_vacant(&self) -> Result<(), CgroupError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(self.failed("read", error)),
        };
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            self.child(entry.file_name()).remove_vacant()?;
        }
        match fs::remove_dir(&self.path) {
            Err(error) if !is_gone(&error) => Err(self.failed("remove", error)),
            _ => Ok(()),
        }
    }

    /// Removes the directory of all labs when this was the last one.
    pub(crate) fn remove_parent_if_empty(&self) {
        if let Some(parent) = self.path.parent() {
            // Fails while another lab is there, which is the point.
            fs::remove_dir(parent).ok();
        }
    }

    fn failed(&self, act: &'static str, source: io::Error) -> CgroupError {
        CgroupError::Operation { act, path: self.path.clone(), source }
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// Moves the calling process into a group.
pub(crate) fn join(dir: &Path) -> io::Result<()> {
    fs::write(dir.join("cgroup.procs"), "0")
}
