//! Collection of expired connections, in slices.

use std::sync::Arc;

use super::KernelMaps;
use crate::maps::MapError;

/// Limits of the collector.
#[derive(Clone, Copy, Debug)]
pub struct CollectorOptions {
    /// Entries that one step looks at.
    pub slice: u32,
    /// Room of the table.
    pub capacity: u32,
}

/// What a complete pass over the table found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Entries seen.
    pub seen: u64,
    /// Entries removed.
    pub removed: u64,
}

/// Walks the conntrack table slice by slice; removes what expired and publishes quotas.
#[derive(Debug)]
pub struct ConntrackCollector {}

impl ConntrackCollector {
    /// Makes a collector that starts at the beginning of the table.
    pub fn new(_maps: Arc<KernelMaps>, _options: CollectorOptions) -> Self {
        todo!()
    }

    /// Looks at one slice; returns the totals when it was the last one of a pass. `now` is boot
    /// time in nanoseconds, as the programs write it. Time-outs are read from the configuration map.
    ///
    /// # Errors
    /// When the kernel refuses a system call; the next step goes on behind the slice.
    pub fn step(&mut self, _now: u64) -> Result<Option<Sweep>, MapError> {
        todo!()
    }
}
