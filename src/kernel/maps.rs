//! The pinned maps as a [`MapStore`].

use std::{collections::HashMap, io, path::Path};

use skep_bpf::abi::{Counter, maps};

use super::{
    map_writes::{MapWrite, MapWrites, Tally},
    sys::{BatchCursor, RawMap, Walk, open_pin},
};
use crate::maps::{MapError, MapStore, Slice, Table};

/// Batched writes are cut into pieces of this size.
const BATCH: usize = 1024;

/// The datapath's maps, opened from their pins.
#[derive(Debug)]
pub struct KernelMaps {
    maps: HashMap<&'static str, Opened>,
    cpus: usize,
}

/// A map, and what was written to it.
#[derive(Debug)]
struct Opened {
    map: RawMap,
    tally: Tally,
}

impl KernelMaps {
    /// Opens the pinned maps below `bpf_dir`; maps that do not exist fail when used.
    ///
    /// # Errors
    /// When a pin exists but cannot be opened.
    pub fn open(bpf_dir: &Path) -> Result<Self, MapError> {
        let directory = bpf_dir.join(super::datapath::MAPS);
        let mut opened = HashMap::new();
        for name in maps::PINNED {
            let failed = |source| MapError { act: "open", map: name, source };
            match open_pin(&directory.join(name)).and_then(RawMap::new) {
                Ok(map) => drop(opened.insert(name, Opened { map, tally: Tally::default() })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let cpus = aya::util::nr_cpus().map_err(|(_, source)| MapError {
            act: "open",
            map: maps::METRICS,
            source,
        })?;
        Ok(Self { maps: opened, cpus })
    }

    /// Returns the counters that moved, by [`skep_bpf::abi::metric_index`], summed over CPUs.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    pub fn metrics(&self) -> Result<Vec<(u32, Counter)>, MapError> {
        let failed = |source| MapError { act: "read", map: maps::METRICS, source };
        let map = self.map(maps::METRICS, "read")?;
        let mut counters = Vec::new();
        let mut cursor = BatchCursor::default();
        loop {
            let (entries, walk) = map
                .next_per_cpu_batch::<u32, Counter>(&mut cursor, BATCH, self.cpus)
                .map_err(failed)?;
            for (index, values) in entries {
                let sum = values.iter().fold(Counter::default(), |sum, value| Counter {
                    packets: sum.packets.wrapping_add(value.packets),
                    bytes: sum.bytes.wrapping_add(value.bytes),
                });
                if sum != Counter::default() {
                    counters.push((index, sum));
                }
            }
            if walk == Walk::Done {
                return Ok(counters);
            }
        }
    }

    /// Returns how many entries the map of a table has room for.
    ///
    /// # Errors
    /// When the map does not exist.
    pub fn capacity<T: Table>(&self) -> Result<u32, MapError> {
        // An array has a place for 0, too, which is no key of a table that knows absent ones.
        let unused = u32::from(T::ABSENT.is_some());
        Ok(self.map(T::NAME, "open")?.info().max_entries - unused)
    }

    /// Returns the kernel's ids of the maps, by name.
    pub fn ids(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.maps.iter().map(|(name, opened)| (*name, opened.map.info().id))
    }

    /// Returns what this process has written to each map, by name.
    pub fn writes(&self) -> Vec<MapWrites> {
        let each = self.maps.iter().filter_map(|(name, opened)| opened.tally.writes(name));
        let mut all: Vec<_> = each.collect();
        all.sort_unstable_by_key(|writes| writes.map);
        all
    }

    fn map(&self, name: &'static str, act: &'static str) -> Result<&RawMap, MapError> {
        Ok(&self.opened(name, act)?.map)
    }

    fn opened(&self, name: &'static str, act: &'static str) -> Result<&Opened, MapError> {
        self.maps.get(name).ok_or_else(|| MapError {
            act,
            map: name,
            source: io::Error::new(io::ErrorKind::NotFound, "the map is not pinned"),
        })
    }

    fn with<T: Table, R>(
        &self,
        act: &'static str,
        run: impl FnOnce(&RawMap) -> io::Result<R>,
    ) -> Result<R, MapError> {
        run(self.map(T::NAME, act)?).map_err(|source| MapError { act, map: T::NAME, source })
    }

    /// Changes some entries, and counts them.
    fn change<T: Table>(
        &self,
        (write, entries): (MapWrite, usize),
        run: impl FnOnce(&RawMap) -> io::Result<()>,
    ) -> Result<(), MapError> {
        let act = write.act();
        let Opened { map, tally } = self.opened(T::NAME, act)?;
        let done = run(map);
        tally.count(write, entries, &done);
        done.map_err(|source| MapError { act, map: T::NAME, source })
    }
}

impl MapStore for KernelMaps {
    type Cursor<T: Table> = BatchCursor;

    fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Value>, MapError> {
        let value = self.with::<T, _>("read", |map| map.lookup(key))?;
        Ok(value.filter(|_| value != T::ABSENT))
    }

    fn put<T: Table>(&self, key: &T::Key, value: &T::Value) -> Result<(), MapError> {
        self.change::<T>((MapWrite::Put, 1), |map| map.update(key, value))
    }

    fn delete<T: Table>(&self, key: &T::Key) -> Result<(), MapError> {
        self.change::<T>((MapWrite::Delete, 1), |map| match T::ABSENT {
            Some(absent) => clear(map, key, &absent),
            None => map.delete(key),
        })
    }

    fn slice<T: Table>(
        &self,
        cursor: &mut BatchCursor,
        limit: usize,
    ) -> Result<Slice<T>, MapError> {
        let (mut entries, walk) = self.with::<T, _>("list", |map| map.next_batch(cursor, limit))?;
        if T::ABSENT.is_some() {
            entries.retain(|(_, value)| Some(*value) != T::ABSENT);
        }
        Ok(Slice { entries, last: walk == Walk::Done })
    }

    fn put_all<T: Table>(&self, entries: &[(T::Key, T::Value)]) -> Result<(), MapError> {
        self.change::<T>((MapWrite::Put, entries.len()), |map| {
            entries.chunks(BATCH).try_for_each(|chunk| {
                let (keys, values): (Vec<_>, Vec<_>) = chunk.iter().copied().unzip();
                map.update_batch(&keys, &values)
            })
        })
    }

    fn delete_all<T: Table>(&self, keys: &[T::Key]) -> Result<(), MapError> {
        self.change::<T>((MapWrite::Delete, keys.len()), |map| match T::ABSENT {
            Some(absent) => keys.iter().try_for_each(|key| clear(map, key, &absent)),
            None => keys.chunks(BATCH).try_for_each(|chunk| map.delete_batch(chunk)),
        })
    }
}

/// Makes an array say that a key has no entry; beyond its end none has.
fn clear<K: aya::Pod, V: aya::Pod>(map: &RawMap, key: &K, absent: &V) -> io::Result<()> {
    match map.update(key, absent) {
        Err(error) if error.raw_os_error() == Some(libc::E2BIG) => Ok(()),
        done => done,
    }
}
