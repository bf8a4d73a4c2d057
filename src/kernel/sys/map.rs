//! Maps: single elements and batches.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya::Pod;

use super::{
    call::{address, bpf, fd_number},
    object::info_of,
};

const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const MAP_LOOKUP_BATCH: libc::c_int = 24;
const MAP_UPDATE_BATCH: libc::c_int = 26;
const MAP_DELETE_BATCH: libc::c_int = 27;

#[repr(C)]
struct Element {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Element {
    fn new<K: Pod>(map: BorrowedFd<'_>, key: &K, value: u64) -> Self {
        Self { map_fd: fd_number(map), pad: 0, key: address(key), value, flags: 0 }
    }
}

/// A map with fixed key and value types, as the callers' [`crate::maps::Table`] states them. Sizes
/// are checked against the kernel's when the map is opened.
#[derive(Debug)]
pub(in crate::kernel) struct RawMap {
    fd: OwnedFd,
    info: MapInfo,
}

/// What the kernel says about a map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::kernel) struct MapInfo {
    pub(in crate::kernel) kind: u32,
    pub(in crate::kernel) id: u32,
    pub(in crate::kernel) key_size: u32,
    pub(in crate::kernel) value_size: u32,
    pub(in crate::kernel) max_entries: u32,
    pub(in crate::kernel) flags: u32,
}

/// Keys with the values of every possible CPU.
pub(in crate::kernel) type PerCpuEntries<K, V> = Vec<(K, Vec<V>)>;

/// Where a batched walk goes on. The kernel defines its contents: a key or a bucket number.
#[derive(Clone, Debug, Default)]
pub struct BatchCursor(Option<Vec<u8>>);

impl RawMap {
    pub(in crate::kernel) fn new(fd: OwnedFd) -> io::Result<Self> {
        let mut info = MapInfo::default();
        // SAFETY: `MapInfo` is the head of bpf_map_info: integers, no pointers.
        unsafe { info_of(&fd, &mut info)? };
        Ok(Self { fd, info })
    }

    pub(in crate::kernel) fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Returns the value, which for a map without per-CPU values has the size of `V`.
    pub(in crate::kernel) fn lookup<K: Pod, V: Pod>(&self, key: &K) -> io::Result<Option<V>> {
        self.check::<K, V>()?;
        let mut value = std::mem::MaybeUninit::<V>::zeroed();
        let mut attr = Element::new(self.fd.as_fd(), key, address(value.as_mut_ptr()));
        // SAFETY: `check` proved that the kernel reads size_of::<K>() bytes of the key and writes
        // size_of::<V>() bytes of the value; both outlive the call.
        match unsafe { bpf(MAP_LOOKUP_ELEM, &mut attr) } {
            // SAFETY: `V` is plain old data, valid for any bytes, and zeroed before.
            Ok(_) => Ok(Some(unsafe { value.assume_init() })),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(in crate::kernel) fn update<K: Pod, V: Pod>(&self, key: &K, value: &V) -> io::Result<()> {
        self.check::<K, V>()?;
        let mut attr = Element::new(self.fd.as_fd(), key, address(value));
        // SAFETY: `check` proved that the kernel reads size_of::<K>() and size_of::<V>() bytes; both
        // outlive the call.
        unsafe { bpf(MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes an entry; an absent one is fine.
    pub(in crate::kernel) fn delete<K: Pod>(&self, key: &K) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        let mut attr = Element::new(self.fd.as_fd(), key, 0);
        // SAFETY: the kernel reads size_of::<K>() bytes of the key, as checked; it outlives the call.
        match unsafe { bpf(MAP_DELETE_ELEM, &mut attr) } {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the next entries behind the cursor, at most `limit`, or more when the kernel cannot cut
    /// there (the entries of one hash bucket come together).
    pub(in crate::kernel) fn next_batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
    ) -> io::Result<(Vec<(K, V)>, Walk)> {
        let (keys, values, walk) = self.batch(cursor, limit, 1)?;
        Ok((keys.into_iter().zip(values).collect(), walk))
    }

    /// The same for a per-CPU map; each key comes with the values of all possible CPUs.
    pub(in crate::kernel) fn next_per_cpu_batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
        cpus: usize,
    ) -> io::Result<(PerCpuEntries<K, V>, Walk)> {
        // The kernel rounds each CPU's value up to eight bytes; others would need a stride.
        if !size_of::<V>().is_multiple_of(8) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let (keys, values, walk) = self.batch::<K, V>(cursor, limit, cpus.max(1))?;
        let values = values.chunks(cpus.max(1)).map(<[V]>::to_vec);
        Ok((keys.into_iter().zip(values).collect(), walk))
    }

    fn batch<K: Pod, V: Pod>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
        values_per_key: usize,
    ) -> io::Result<(Vec<K>, Vec<V>, Walk)> {
        self.check::<K, V>()?;
        let mut room = limit.max(16);
        loop {
            let mut keys = Vec::<K>::with_capacity(room);
            let mut values = Vec::<V>::with_capacity(room * values_per_key);
            // LPM tries and arrays keep a key here, hash maps a bucket number of four bytes.
            let mut next = vec![0_u8; size_of::<K>().max(4)];
            let mut attr = Batch {
                in_batch: cursor.0.as_ref().map_or(0, |bytes| address(bytes.as_ptr())),
                out_batch: address(next.as_mut_ptr()),
                keys: address(keys.as_mut_ptr()),
                values: address(values.as_mut_ptr()),
                count: u32::try_from(room).unwrap_or(u32::MAX),
                map_fd: fd_number(self.fd.as_fd()),
                ..Batch::default()
            };
            // SAFETY: `keys` has room for `count` keys and `values` for `count` times the values
            // that this kind of map has per key, of the checked sizes; the cursors hold at least
            // the key size and four bytes. All outlive the call.
            let walk = match unsafe { bpf(MAP_LOOKUP_BATCH, &mut attr) } {
                Ok(_) => Walk::More,
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Walk::Done,
                // One bucket did not fit; nothing was consumed.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && room < 1 << 20 => {
                    room *= 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let count = (attr.count as usize).min(room);
            // SAFETY: the kernel wrote `count` keys with their values; both are plain old data, and
            // `count` is at most the capacity asked for above.
            unsafe {
                keys.set_len(count);
                values.set_len(count * values_per_key);
            }
            *cursor = BatchCursor(matches!(walk, Walk::More).then_some(next));
            return Ok((keys, values, walk));
        }
    }

    /// Writes entries; those in front of a failing one are written.
    pub(in crate::kernel) fn update_batch<K: Pod, V: Pod>(
        &self,
        keys: &[K],
        values: &[V],
    ) -> io::Result<()> {
        self.check::<K, V>()?;
        if keys.len() != values.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if keys.is_empty() {
            return Ok(());
        }
        let mut attr = Batch {
            keys: address(keys.as_ptr()),
            values: address(values.as_ptr()),
            count: u32::try_from(keys.len()).unwrap_or(u32::MAX),
            map_fd: fd_number(self.fd.as_fd()),
            ..Batch::default()
        };
        // SAFETY: the kernel reads `count` keys and values of the checked sizes from slices that
        // are at least that long and outlive the call.
        unsafe { bpf(MAP_UPDATE_BATCH, &mut attr) }.map(drop)
    }

    /// Removes entries. Absent ones are skipped: the kernel stops at them, so the rest follows in
    /// another call.
    pub(in crate::kernel) fn delete_batch<K: Pod>(&self, keys: &[K]) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        let mut rest = keys;
        while !rest.is_empty() {
            let mut attr = Batch {
                keys: address(rest.as_ptr()),
                count: u32::try_from(rest.len()).unwrap_or(u32::MAX),
                map_fd: fd_number(self.fd.as_fd()),
                ..Batch::default()
            };
            // SAFETY: the kernel reads `count` keys of the checked size from a slice that is at
            // least that long and outlives the call.
            match unsafe { bpf(MAP_DELETE_BATCH, &mut attr) } {
                Ok(_) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                    let done = attr.count as usize + 1;
                    rest = rest.get(done..).unwrap_or_default();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn check<K, V>(&self) -> io::Result<()> {
        self.check_size(size_of::<K>(), self.info.key_size)?;
        self.check_size(size_of::<V>(), self.info.value_size)
    }

    fn check_size(&self, ours: usize, kernels: u32) -> io::Result<()> {
        if ours == kernels as usize {
            return Ok(());
        }
        let text = format!("map {} has another layout: {kernels} bytes, not {ours}", self.info.id);
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

/// Whether a batched walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Walk {
    More,
    Done,
}

#[repr(C)]
#[derive(Default)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}
