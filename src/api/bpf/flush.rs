//! Removing connections.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use skep_bpf::abi::{CtKey, ct_kind};

use super::{Connection, ConnectionFilter, connection::NameService};
use crate::{
    api::Listed,
    flows::BootClock,
    maps::{ConntrackTable, MapError, MapStore},
};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flushed {
    /// Connections.
    pub connections: u64,
    /// Other tuples of these connections, which translations made.
    pub aliases: u64,
}

impl Flushed {
    /// Removes the connections that a filter means, and their other tuples.
    ///
    /// Connections come first: a tuple without its connection counts as absent at any moment, and the
    /// collector removes those that appear meanwhile.
    ///
    /// # Errors
    /// When the kernel refuses; some connections may be gone then.
    pub fn flush(
        store: &impl MapStore,
        clock: &BootClock,
        name: NameService<'_>,
        filter: &ConnectionFilter,
    ) -> Result<Self, MapError> {
        let entries = store.entries::<ConntrackTable>()?;
        let tracked = entries.iter().filter(|(_, value)| value.kind == ct_kind::TRACKED);
        let connections: Vec<CtKey> = tracked
            .filter(|(key, value)| filter.matches(&Connection::new(key, value, clock, name)))
            .map(|(key, _)| *key)
            .collect();
        let gone: HashSet<CtKey> = connections.iter().copied().collect();
        let is_theirs = |kind: u8, alias: &CtKey| kind == ct_kind::ALIAS && gone.contains(alias);
        let aliases: Vec<CtKey> = entries
            .iter()
            .filter(|(_, value)| is_theirs(value.kind, &value.alias))
            .map(|(key, _)| *key)
            .collect();
        store.delete_all::<ConntrackTable>(&connections)?;
        store.delete_all::<ConntrackTable>(&aliases)?;
        Ok(Self { connections: connections.len() as u64, aliases: aliases.len() as u64 })
    }
}

impl Listed for Flushed {
    const KIND: &'static str = "FlushedList";
    const PATH: &'static str = "/v1/bpf/ct/flush";
}
