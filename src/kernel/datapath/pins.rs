//! Pins: where they are, and maps of an earlier process that no longer fit.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya_obj::Object;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use skep_bpf::abi::maps;
use tracing::{info, warn};

use super::{Direction, Hook, LoadError, LoadOptions, SocketHook};
use crate::{
    kernel::{
        OBJECT,
        sys::{BatchCursor, MapInfo, RawMap, Walk, link_detach, link_info, open_pin},
    },
    maps::{
        BackendTable, ConntrackTable, FrontendTable, ListTable, MapError, MemberTable,
        PolicyAddrTable, PolicyCellTable, PolicyIdentityTable, PolicyPortTable, RangeTable, Table,
    },
    model::IfIndex,
};

/// Directory of map pins, below the datapath's directory.
pub(in crate::kernel) const MAPS: &str = "maps";
/// Directory of link pins.
pub(super) const LINKS: &str = "links";

/// Makes the directories, on a bpffs.
pub(super) fn make_directories(bpf_dir: &Path) -> Result<(), LoadError> {
    let existing = bpf_dir.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let on_bpffs = statfs(existing).is_ok_and(|stat| stat.filesystem_type() == BPF_FS_MAGIC);
    if !on_bpffs {
        let mount = match existing.starts_with("/sys/fs/bpf") {
            true => PathBuf::from("/sys/fs/bpf"),
            false => bpf_dir.parent().unwrap_or(bpf_dir).to_owned(),
        };
        return Err(LoadError::NoBpffs { path: bpf_dir.to_owned(), mount });
    }
    for path in [bpf_dir.join(MAPS), bpf_dir.join(LINKS)] {
        fs::create_dir_all(&path).map_err(|source| LoadError::Pin {
            act: "create",
            path,
            source,
        })?;
    }
    Ok(())
}

/// Returns the pin of a link. A device that reuses an ifindex is told apart by the link itself: it
/// forgets its ifindex when its device goes.
pub(super) fn link_pin(
    bpf_dir: &Path,
    hook: Hook,
    device: IfIndex,
    direction: Direction,
) -> PathBuf {
    bpf_dir.join(LINKS).join(format!("{}-{device}-{}", hook.name(), direction.name()))
}

/// Returns the pin of a link to a control group.
pub(super) fn socket_pin(bpf_dir: &Path, hook: SocketHook) -> PathBuf {
    bpf_dir.join(LINKS).join(format!("cgroup-{}", hook.program()))
}

/// Removes link pins whose device or control group is gone.
pub(super) fn prune_links(bpf_dir: &Path) -> Result<(), LoadError> {
    let directory = bpf_dir.join(LINKS);
    let failed = |act, path: &Path, source| LoadError::Pin { act, path: path.to_owned(), source };
    for entry in fs::read_dir(&directory).map_err(|e| failed("list", &directory, e))? {
        let path = entry.map_err(|e| failed("list", &directory, e))?.path();
        let live =
            open_pin(&path).and_then(|link| link_info(&link)).is_ok_and(|info| info.is_attached());
        if !live {
            info!(pin = %path.display(), "removing the pin of a link to nothing");
            remove(&path).map_err(|e| failed("remove", &path, e))?;
        }
    }
    Ok(())
}

/// Removes a pin; an absent one is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Detaches a pinned link at once, even when a process still holds it, and removes the pin.
pub(super) fn remove_link(path: &Path) -> io::Result<()> {
    match open_pin(path).and_then(|link| link_detach(&link)) {
        Err(error)
            if error.kind() != io::ErrorKind::NotFound
                && error.raw_os_error() != Some(libc::ENOLINK) =>
        {
            Err(error)
        }
        _ => remove(path),
    }
}

/// A map of an earlier process whose pin was removed because it no longer fits.
#[derive(Debug)]
pub(super) struct Replaced {
    name: &'static str,
    old: RawMap,
}

/// Compares pinned maps with the object's definitions and unpins those that differ, so that loading
/// makes new ones. Programs of the earlier process keep the old maps until they are replaced.
pub(super) fn retire_unfit_maps(options: &LoadOptions) -> Result<Vec<Replaced>, LoadError> {
    let object = Object::parse(OBJECT).map_err(|error| LoadError::Object(Box::new(error)))?;
    let mut replaced = Vec::new();
    for name in maps::PINNED {
        let Some(definition) = object.maps.get(name) else { continue };
        let path = options.bpf_dir.join(MAPS).join(name);
        let old = match open_pin(&path).and_then(RawMap::new) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(LoadError::Pin { act: "open", path, source }),
        };
        let wanted = MapInfo {
            id: old.info().id,
            kind: definition.map_type(),
            key_size: definition.key_size(),
            value_size: definition.value_size(),
            max_entries: options.max_entries(name).unwrap_or(definition.max_entries()),
            flags: definition.map_flags(),
        };
        if *old.info() != wanted {
            warn!(map = name, found = ?old.info(), ?wanted, "rebuilding a map with another layout");
            remove(&path).map_err(|source| LoadError::Pin { act: "remove", path, source })?;
            replaced.push(Replaced { name, old });
        }
    }
    Ok(replaced)
}

/// Carries the entries of the maps over that come in sizes: packets need them before an agent can write them again.
pub(super) fn carry_over(bpf_dir: &Path, replaced: &[Replaced]) -> Result<(), LoadError> {
    for map in replaced {
        match map.name {
            maps::CONNTRACK => carry::<ConntrackTable>(bpf_dir, map)?,
            maps::BACKEND => carry::<BackendTable>(bpf_dir, map)?,
            maps::FRONTEND => carry::<FrontendTable>(bpf_dir, map)?,
            maps::LIST => carry::<ListTable>(bpf_dir, map)?,
            maps::MEMBER => carry::<MemberTable>(bpf_dir, map)?,
            maps::RANGE => carry::<RangeTable>(bpf_dir, map)?,
            maps::POLICY_IDENTITY => carry::<PolicyIdentityTable>(bpf_dir, map)?,
            maps::POLICY_ADDR => carry::<PolicyAddrTable>(bpf_dir, map)?,
            maps::POLICY_PORT => carry::<PolicyPortTable>(bpf_dir, map)?,
            maps::POLICY_CELL => carry::<PolicyCellTable>(bpf_dir, map)?,
            _ => {}
        }
    }
    Ok(())
}

/// Copies the entries of a map when only its room changed.
fn carry<T: Table>(bpf_dir: &Path, Replaced { name, old }: &Replaced) -> Result<(), LoadError> {
    let failed = |source| MapError { act: "copy", map: name, source };
    let new = open_pin(&bpf_dir.join(MAPS).join(name)).and_then(RawMap::new).map_err(failed)?;
    let layout = |map: &RawMap| (map.info().key_size, map.info().value_size);
    if layout(&new) != layout(old) {
        warn!(map = name, "entries of the earlier process cannot be read and are forgotten");
        return Ok(());
    }
    let (copied, lost) = copy_table::<T>(old, &new).map_err(failed)?;
    info!(map = name, copied, lost, "carried entries over to the new map");
    Ok(())
}

/// Copies what fits; returns how many entries did and did not.
fn copy_table<T: Table>(old: &RawMap, new: &RawMap) -> io::Result<(usize, usize)> {
    let mut cursor = BatchCursor::default();
    let (mut copied, mut lost) = (0, 0);
    loop {
        let (entries, walk) = old.next_batch::<T::Key, T::Value>(&mut cursor, 4096)?;
        for (key, value) in entries.iter().filter(|(_, value)| Some(*value) != T::ABSENT) {
            match new.update(key, value) {
                Ok(()) => copied += 1,
                Err(_) => lost += 1,
            }
        }
        if walk == Walk::Done {
            return Ok((copied, lost));
        }
    }
}
