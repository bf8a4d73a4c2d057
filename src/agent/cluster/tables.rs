//! The maps that follow from the cluster, and the order in which they are written.

use tracing::error;

use crate::maps::{Desired, IpcacheTable, MapError, MapStore, NodeAddrTable, NodeTable};

/// Whether entries may be deleted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) enum Deletes {
    /// Not before the first full sync: what is not desired may only be unknown yet.
    Held,
    /// What is not desired goes.
    Allowed,
}

/// Desired contents of the maps.
#[derive(Debug, Default)]
pub(in crate::agent) struct Tables {
    pub(in crate::agent) ipcache: Desired<IpcacheTable>,
    pub(in crate::agent) nodes: Desired<NodeTable>,
    pub(in crate::agent) node_addrs: Desired<NodeAddrTable>,
}

/// What a flush did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Flushed {
    /// Entries written.
    pub(in crate::agent) written: usize,
    /// Entries removed.
    pub(in crate::agent) removed: usize,
    /// Maps that refused something; it is tried again.
    pub(in crate::agent) failed: usize,
}

impl Tables {
    /// Reads what the maps hold now.
    ///
    /// # Errors
    /// When a map cannot be listed.
    pub(super) fn adopt(&mut self, store: &impl MapStore) -> Result<(), MapError> {
        self.nodes.adopt(store)?;
        self.node_addrs.adopt(store)?;
        self.ipcache.adopt(store)
    }

    /// Writes what is desired: a node before an address is behind it, and the other way round to remove. A map that refuses does not stop
    /// the others.
    pub(super) fn flush(&mut self, store: &impl MapStore, deletes: Deletes) -> Flushed {
        let mut results = vec![self.nodes.write(store), self.node_addrs.write(store)];
        results.push(self.ipcache.write(store));
        if deletes == Deletes::Allowed {
            results.push(self.ipcache.prune(store));
            results.push(self.node_addrs.prune(store));
            results.push(self.nodes.prune(store));
        }
        let mut flushed = Flushed::default();
        for result in results {
            match result {
                Ok(changes) => {
                    flushed.written += changes.written;
                    flushed.removed += changes.removed;
                }
                Err(problem) => {
                    flushed.failed += 1;
                    error!(map = problem.map, source = %problem.source, "map write failed");
                }
            }
        }
        flushed
    }
}
