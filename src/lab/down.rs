//! Taking a lab down: everything is found from disk, whatever state it is in.

use std::{error::Error as _, fs, io, path::Path, thread};

use super::{
    fabric::{self, FabricError},
    host::{
        cgroup::{Cgroup, CgroupError},
        mounts::{self, MountError},
    },
    state::{LabDir, StateError, failed},
};

/// One thing that could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum Leftover {
    /// Processes or their control groups.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// Devices.
    #[error(transparent)]
    Network(#[from] FabricError),
    /// Mounts.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// Files.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A lab could not be removed completely.
#[derive(Debug, thiserror::Error)]
#[error("lab {lab} is not removed completely: {}", list(leftovers))]
pub struct DownError {
    /// The lab.
    pub lab: String,
    /// Everything that remains.
    pub leftovers: Vec<Leftover>,
}

fn list(leftovers: &[Leftover]) -> String {
    let full = |leftover: &Leftover| {
        let mut text = leftover.to_string();
        let mut source = leftover.source();
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        text
    };
    leftovers.iter().map(full).collect::<Vec<_>>().join("; ")
}

/// Removes a lab: processes, devices, mounts, control groups, files.
///
/// Works on a whole lab, on one that is partly up and on what is left after any process of it was
/// killed. Waits for a concurrent `up` or `down` of the same lab.
///
/// # Errors
/// Everything that could not be removed; the rest has been.
pub fn down(dir: &LabDir) -> Result<(), DownError> {
    let lock = dir.lock().map_err(|error| DownError {
        lab: dir.name().to_string(),
        leftovers: vec![error.into()],
    })?;
    tear_down(dir)?;
    lock.remove()
        .map_err(|error| DownError { lab: dir.name().to_string(), leftovers: vec![error.into()] })
}

/// Removes a lab whose lock the caller holds.
pub(crate) fn tear_down(dir: &LabDir) -> Result<(), DownError> {
    let mut leftovers = Vec::new();
    let cgroup = match Cgroup::of_lab(dir.name().as_str()) {
        Ok(cgroup) => Some(cgroup),
        // Without the hierarchy there never was a process.
        Err(CgroupError::NotMounted) => None,
        Err(error) => {
            leftovers.push(error.into());
            None
        }
    };
    if let Some(cgroup) = &cgroup {
        leftovers.extend(cgroup.kill().err().map(Leftover::from));
    }
    leftovers.extend(clear_networks(dir.path()));
    leftovers.extend(mounts::detach_below(dir.path()).into_iter().map(Leftover::from));
    if let Some(cgroup) = &cgroup {
        leftovers.extend(cgroup.remove().err().map(Leftover::from));
        cgroup.remove_parent_if_empty();
    }
    if leftovers.is_empty() {
        // Files go last: they are how the next `down` finds the rest.
        leftovers.extend(remove_files(dir.path()).err().map(Leftover::from));
    }
    if leftovers.is_empty() {
        Ok(())
    } else {
        Err(DownError { lab: dir.name().to_string(), leftovers })
    }
}

/// Removes what one node is made of, and its processes; the lab's lock must be held.
pub(crate) fn tear_down_node(dir: &LabDir, node: &str) -> Result<(), DownError> {
    let place = dir.node(node);
    let mut leftovers = Vec::new();
    match Cgroup::of_lab(dir.name().as_str()) {
        Ok(lab) => {
            let group = lab.child(node);
            leftovers.extend(group.kill().err().map(Leftover::from));
            leftovers.extend(clear_networks(place.path()));
            leftovers.extend(mounts::detach_below(place.path()).into_iter().map(Leftover::from));
            leftovers.extend(group.remove().err().map(Leftover::from));
        }
        Err(error) => leftovers.push(error.into()),
    }
    if leftovers.is_empty() {
        leftovers.extend(remove_files(place.path()).err().map(Leftover::from));
    }
    if leftovers.is_empty() {
        Ok(())
    } else {
        Err(DownError { lab: dir.name().to_string(), leftovers })
    }
}

/// Removes the devices of every namespace below a directory, side by side.
fn clear_networks(dir: &Path) -> Vec<Leftover> {
    let mounts = match mounts::table() {
        Ok(mounts) => mounts,
        Err(error) => return vec![error.into()],
    };
    let networks: Vec<_> = mounts
        .into_iter()
        .filter(|mount| mount.kind == "nsfs" && mount.target.starts_with(dir))
        .filter(|mount| mount.target.file_name().is_some_and(|name| name == "net"))
        .collect();
    thread::scope(|scope| {
        let clear = |mount: &mounts::Mount| fabric::clear(&mount.target).err();
        let workers: Vec<_> =
            networks.iter().map(|mount| scope.spawn(move || clear(mount))).collect();
        let results = workers.into_iter().filter_map(|worker| worker.join().unwrap_or(None));
        results.map(Leftover::from).collect()
    })
}

fn remove_files(dir: &Path) -> Result<(), StateError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", dir, error)),
        _ => Ok(()),
    }
}
