//! How many entries were written to a map, and what the kernel refused.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::errno::Errno;

/// A change of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapWrite {
    /// Entries are added or replaced.
    Put,
    /// Entries are removed.
    Delete,
}

impl MapWrite {
    /// Returns the word for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }

    /// Returns the words for errors.
    pub(super) const fn act(self) -> &'static str {
        match self {
            Self::Put => "write to",
            Self::Delete => "delete from",
        }
    }
}

/// What one process has written to one map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapWrites {
    /// Name of the map.
    pub map: &'static str,
    /// Entries that the kernel took.
    pub put: u64,
    /// Entries that the kernel removed, or that were absent.
    pub deleted: u64,
    /// Calls that the kernel refused, by what was tried and the name of the error, such as `E2BIG`.
    pub refused: Vec<(MapWrite, String, u64)>,
}

/// Counts changes; what goes well costs one atomic addition.
#[derive(Debug, Default)]
pub(super) struct Tally {
    put: AtomicU64,
    deleted: AtomicU64,
    /// By error number: the kernel has few of them for maps.
    refused: Mutex<BTreeMap<(MapWrite, i32), u64>>,
}

impl Tally {
    /// Counts a call about so many entries.
    pub(super) fn count(&self, write: MapWrite, entries: usize, done: &io::Result<()>) {
        match (done, write) {
            (Ok(()), MapWrite::Put) => self.put.fetch_add(entries as u64, Ordering::Relaxed),
            (Ok(()), MapWrite::Delete) => self.deleted.fetch_add(entries as u64, Ordering::Relaxed),
            (Err(error), _) => {
                let number = error.raw_os_error().unwrap_or_default();
                let mut refused = self.refused.lock().expect("no panic while holding the lock");
                let count = refused.entry((write, number)).or_default();
                *count += 1;
                *count
            }
        };
    }

    /// Returns what was counted, if anything was.
    pub(super) fn writes(&self, map: &'static str) -> Option<MapWrites> {
        let refused = self.refused.lock().expect("no panic while holding the lock");
        let named = |((write, number), count): (&(MapWrite, i32), &u64)| {
            (*write, format!("{:?}", Errno::from_raw(*number)), *count)
        };
        let writes = MapWrites {
            map,
            put: self.put.load(Ordering::Relaxed),
            deleted: self.deleted.load(Ordering::Relaxed),
            refused: refused.iter().map(named).collect(),
        };
        let is_used = writes.put + writes.deleted > 0 || !writes.refused.is_empty();
        is_used.then_some(writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_refusals_by_error() {
        let tally = Tally::default();
        assert_eq!(tally.writes("m"), None, "what nobody writes is not told");
        tally.count(MapWrite::Put, 3, &Ok(()));
        tally.count(MapWrite::Delete, 2, &Ok(()));
        let full = || Err(io::Error::from_raw_os_error(libc::E2BIG));
        tally.count(MapWrite::Put, 1000, &full());
        tally.count(MapWrite::Put, 1, &full());
        tally.count(MapWrite::Delete, 1, &Err(io::Error::from_raw_os_error(libc::EPERM)));
        let expected = MapWrites {
            map: "m",
            put: 3,
            deleted: 2,
            refused: vec![
                (MapWrite::Put, "E2BIG".to_owned(), 2),
                (MapWrite::Delete, "EPERM".to_owned(), 1),
            ],
        };
        assert_eq!(tally.writes("m"), Some(expected));
    }
}
