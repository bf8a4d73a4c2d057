//! The interface to a set of maps.

use super::Table;

/// The entries of one map.
pub type Entries<T> = Vec<(<T as Table>::Key, <T as Table>::Value)>;

/// A set of maps: the kernel's pinned maps, or a `BTreeMap` in tests.
///
/// Methods take `&self`: a map is shared with the kernel anyway. A put replaces; a delete of an
/// absent key is not an error.
pub trait MapStore: Send + Sync {
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

    /// Returns all entries. Entries that change meanwhile may or may not be seen.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    fn entries<T: Table>(&self) -> Result<Entries<T>, MapError>;
}

/// A map operation failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} map {map}")]
pub struct MapError {
    /// What was tried: "read", "write", "delete from", "list", "open".
    pub act: &'static str,
    /// Name of the map.
    pub map: &'static str,
    /// What the kernel said.
    #[source]
    pub source: std::io::Error,
}
