//! The pinned maps as a [`MapStore`].

use std::path::Path;

use skep_bpf::abi::Counter;

use crate::maps::{Entries, MapError, MapStore, Table};

/// The datapath's maps, opened from their pins.
#[derive(Debug)]
pub struct KernelMaps {}

impl KernelMaps {
    /// Opens the pinned maps below `bpf_dir`; maps that do not exist fail when used.
    ///
    /// # Errors
    /// When a pin exists but cannot be opened.
    pub fn open(_bpf_dir: &Path) -> Result<Self, MapError> {
        todo!()
    }

    /// Returns the counters that moved, by [`skep_bpf::abi::metric_index`], summed over CPUs.
    ///
    /// # Errors
    /// When the kernel refuses the system call.
    pub fn metrics(&self) -> Result<Vec<(u32, Counter)>, MapError> {
        todo!()
    }
}

impl MapStore for KernelMaps {
    fn get<T: Table>(&self, _key: &T::Key) -> Result<Option<T::Value>, MapError> {
        todo!()
    }

    fn put<T: Table>(&self, _key: &T::Key, _value: &T::Value) -> Result<(), MapError> {
        todo!()
    }

    fn delete<T: Table>(&self, _key: &T::Key) -> Result<(), MapError> {
        todo!()
    }

    fn entries<T: Table>(&self) -> Result<Entries<T>, MapError> {
        todo!()
    }
}
