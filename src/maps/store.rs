//! The interface to a set of maps.

use super::Table;

/// The entries of one map.
pub type Entries<T> = Vec<(<T as Table>::Key, <T as Table>::Value)>;

/// A set of maps: the kernel's pinned maps, or a `BTreeMap` in tests.
///
/// Methods take `&self`: a map is shared with the kernel anyway. A put replaces; a delete of an
/// absent key is not an error.
pub trait MapStore: Send + Sync {
    /// Where a walk over a map goes on.
    type Cursor<T: Table>: Default + Send;

    /// Returns the value of `key`.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    fn get<T: Table>(&self, key: &T::Key) -> Result<Option<T::Value>, MapError>;

    /// Writes an entry.
    ///
    /// # Errors
    /// When the map is full (`ENOSPC`, `E2BIG`) or the kernel refuses the system call.
    fn put<T: Table>(&self, key: &T::Key, value: &T::Value) -> Result<(), MapError>;

    /// Removes an entry, if there is one.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    fn delete<T: Table>(&self, key: &T::Key) -> Result<(), MapError>;

    /// Returns about `limit` entries behind the cursor and moves it. Entries that change meanwhile
    /// may or may not be seen.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    fn slice<T: Table>(
        &self,
        cursor: &mut Self::Cursor<T>,
        limit: usize,
    ) -> Result<Slice<T>, MapError>;

    /// Returns all entries. Entries that change meanwhile may or may not be seen.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    fn entries<T: Table>(&self) -> Result<Entries<T>, MapError> {
        let mut cursor = Self::Cursor::<T>::default();
        let mut all = Vec::new();
        loop {
            let slice = self.slice::<T>(&mut cursor, SLICE)?;
            all.extend(slice.entries);
            if slice.last {
                return Ok(all);
            }
        }
    }

    /// Writes entries, in order.
    ///
    /// # Errors
    /// As [`MapStore::put`]; entries in front of the failing one are written.
    fn put_all<T: Table>(&self, entries: &[(T::Key, T::Value)]) -> Result<(), MapError> {
        entries.iter().try_for_each(|(key, value)| self.put::<T>(key, value))
    }

    /// Removes entries, in order.
    ///
    /// # Errors
    /// As [`MapStore::delete`]; entries in front of the failing one are removed.
    fn delete_all<T: Table>(&self, keys: &[T::Key]) -> Result<(), MapError> {
        keys.iter().try_for_each(|key| self.delete::<T>(key))
    }
}

/// Entries that a listing asks for at a time.
const SLICE: usize = 4096;

/// Some entries of a map.
#[derive(Debug)]
pub struct Slice<T: Table> {
    /// The entries.
    pub entries: Entries<T>,
    /// The walk is over.
    pub last: bool,
}

/// A map operation failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} map {map}")]
pub struct MapError {
    /// What was tried: "read", "write to", "delete from", "list", "open", "copy".
    pub act: &'static str,
    /// Name of the map.
    pub map: &'static str,
    /// What the kernel said.
    #[source]
    pub source: std::io::Error,
}

impl MapError {
    /// Says why, and what can be done about a full map: the agent's setting that gives it more room.
    pub fn advice(&self, setting: &str) -> String {
        let map = self.map;
        match self.source.raw_os_error() {
            Some(libc::E2BIG | libc::ENOSPC) => {
                format!("map {map} is full; the agent's setting {setting} gives it more room")
            }
            _ => format!("map {map} refuses it: {}", self.source),
        }
    }
}
