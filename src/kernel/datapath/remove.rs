//! Taking everything away again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    AttachError, Direction,
    attach::{remove_empty_qdisc, remove_filter},
    pins,
};
use crate::kernel::Netlink;

/// Detaches every program of the datapath with this directory from the devices of the current
/// network namespace, and removes all its pins. Goes on after a failure and returns the first one.
///
/// # Errors
/// When something could not be removed.
pub fn remove_all(bpf_dir: &Path) -> Result<(), AttachError> {
    let mut first = Ok(());
    let mut note = |result: Result<(), AttachError>| {
        if first.is_ok() {
            first = result;
        }
    };
    note(remove_pins(&bpf_dir.join(pins::LINKS), pins::remove_link));
    note(remove_filters());
    note(remove_pins(&bpf_dir.join(pins::MAPS), pins::remove));
    for directory in [bpf_dir.join(pins::LINKS), bpf_dir.join(pins::MAPS), bpf_dir.to_owned()] {
        note(remove_directory(directory));
    }
    first
}

fn remove_filters() -> Result<(), AttachError> {
    let netlink = Netlink::open()?;
    for link in netlink.links()? {
        let mut had = false;
        for direction in Direction::BOTH {
            let filters = match netlink.filters(link.index, direction) {
                Err(error) if error.is_absent() => continue,
                other => other?,
            };
            had |= filters.iter().any(super::attach::is_ours);
            remove_filter(&netlink, link.index, direction)?;
        }
        // A qdisc in which skep had nothing is somebody else's.
        if had {
            remove_empty_qdisc(&netlink, link.index)?;
        }
    }
    Ok(())
}

fn remove_pins(
    directory: &Path,
    remove: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), AttachError> {
    let failed = |act, path: PathBuf, source| AttachError::Pin { act, path, source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|source| failed("list", directory.to_owned(), source))?,
    };
    let mut first = Ok(());
    for entry in entries {
        let path = entry.map_err(|source| failed("list", directory.to_owned(), source))?.path();
        let removed = remove(&path);
        if first.is_ok() {
            first = removed.map_err(|source| failed("remove", path, source));
        }
    }
    first
}

fn remove_directory(path: PathBuf) -> Result<(), AttachError> {
    match fs::remove_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| AttachError::Pin { act: "remove", path, source }),
    }
}
